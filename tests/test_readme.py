"""The documents tell the truth: their transcripts are run, and their examples too."""

import doctest
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from graphcalc.cli.options import OPTIONS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
# What has transcripts and links; the list of functions is made by graphcalc itself.
DOCUMENTS = ("README.md", "CONTRIBUTING.md", *(p for p in PAGES if p != "docs/functions.md"))


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


@pytest.mark.parametrize("document", ["README.md", "docs/python.md", "docs/architecture.md"])
def test_python_examples_of_documents_run(document):
    """The Python transcripts of a document give what they show."""
    text = (ROOT / document).read_text(encoding="utf-8")
    examples = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {}, document, document, 0)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test)
    assert runner.tries >= 4
    assert runner.failures == 0


def test_the_readme_is_short():
    """The README has at most 250 lines; what is more goes into a page of docs/."""
    assert len(README.splitlines()) <= 250


def test_every_page_is_reached_from_the_readme():
    """The README links to every page of docs/, and to what else a reader may look for."""
    links = set(re.findall(r"\]\(([^)#:]+)\)", README))
    assert {*PAGES, "CONTRIBUTING.md", "CHANGELOG.md", "examples"} <= links


def test_every_option_is_documented():
    """docs/command-line.md has every option."""
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    options = {option.names[-1] for option in OPTIONS}
    assert options - set(re.findall(r"--[a-z-]+", text)) == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    """Every relative link of a document names a file of the repository."""
    path = ROOT / document
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []
