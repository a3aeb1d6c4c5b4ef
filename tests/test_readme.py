"""The documents tell the truth: their transcripts are run, and their examples too."""

import doctest
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "docs/language.md", "docs/gradients.md", "docs/data.md")


def transcripts(text):
    """The (command, output) pairs of the console blocks that show a prompt."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = piece.partition("\n")
            found.append((command, output))
    return found


def run_shell(command):
    """What a shell prints for a command, with graphcalc on its path and the examples at hand."""
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
    }
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(ROOT / "examples", f"{folder}/examples")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
    return done.stdout


README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = [
    pair for name in DOCUMENTS for pair in transcripts((ROOT / name).read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_documents_show_what_the_commands_print(command, output):
    """A transcript of a document prints what the document shows."""
    assert run_shell(command) == output


def test_the_list_of_functions_is_current():
    """docs/functions.md is what the tables say today."""
    shown = (ROOT / "docs" / "functions.md").read_text(encoding="utf-8")
    assert shown == run_shell("graphcalc --functions --format md"), (
        "run: graphcalc --functions --format md > docs/functions.md"
    )


def test_the_readme_has_transcripts():
    """The check above would pass on a README without transcripts, so there must be some."""
    assert len(transcripts(README)) >= 8


def test_a_wrong_transcript_is_noticed():
    """A transcript whose output is not what the command prints does not compare equal."""
    ((command, output),) = transcripts("```console\n$ graphcalc -q 1+1\n3\n```")
    assert run_shell(command) != output
    assert run_shell(command) == "2\n"


def test_python_examples_of_the_readme_run():
    """The Python transcript of the README gives what it shows."""
    examples = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {}, "README", "README.md", 0)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test)
    assert runner.tries >= 4
    assert runner.failures == 0


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    """Every relative link of a document names a file of the repository."""
    path = ROOT / document
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []
