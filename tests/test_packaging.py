"""The wheel, installed where the sources are out of reach and torch is not there."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from running import LESSON, PATIENCE, clean_environment

ROOT = Path(__file__).parents[1]

REBUILD = """
from graphcalc.syntax import generate, grammar, tables
built = generate.build_tables(grammar.read_grammar())
assert built.checksum == tables.TABLES.checksum
assert set(built.patterns) == set(tables.TABLES.patterns)
assert len(built.actions) == len(tables.TABLES.actions)
assert sorted(built.rules) == sorted(tables.TABLES.rules)
"""


def _pip(python, *arguments, cwd):
    """Run pip; its own cache and settings are the machine's."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=dict(os.environ), capture_output=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def _run(command, *arguments, cwd):
    done = subprocess.run(
        [str(command), *arguments],
        cwd=cwd,
        env=clean_environment(),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def _check_contents(wheel):
    """The wheel has the package, its grammar, fonts and licences, and nothing beside it."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "graphcalc/grammars/graphcalc.lark" in names
    assert "graphcalc/cli/app.py" in names
    for name in ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf", "LICENSE"):
        assert f"graphcalc/drawing/fonts/{name}" in names
    for name in ("packed.json", "page.css", "step.js"):
        assert f"graphcalc/drawing/page/{name}" in names
    assert "graphcalc/py.typed" in names
    assert any(name.endswith("LICENSE") for name in names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"graphcalc"}
    assert not [name for name in names if "__pycache__" in name]


def _check_lesson(bin, folder):
    """The installed command gives the lesson's table, and runs from the installation."""
    status, out, err = _run(bin / "graphcalc", *LESSON, cwd=folder)
    assert (status, err) == (0, "")
    assert "│ g    │ e * f      │ 8     │" in out
    assert _run(bin / "python", "-m", "graphcalc", "-q", *LESSON, cwd=folder) == (0, "8\n", "")
    code = "import graphcalc; print(graphcalc.__file__)"
    assert _run(bin / "python", "-c", code, cwd=folder)[1].startswith(str(bin.parent))


def _check_without_torch(bin, folder):
    """Python computes everything, and asking for torch says how to get it."""
    status, out, err = _run(bin / "graphcalc", "1", "--backend", "torch", cwd=folder)
    assert (status, out) == (7, "")
    assert err.count("\n") == 1
    assert "pip install 'graphcalc[torch]'" in err
    for option in (["--device", "cpu"], ["--device", "cuda"], ["--dtype", "float32"]):
        assert _run(bin / "graphcalc", "1", *option, cwd=folder)[0] == 7
    big = _run(bin / "graphcalc", "-q", "sum(x @ x)", "x=ones(200,200)", cwd=folder)
    assert big == (0, "8000000\n", "")


def _check_grammar(bin, folder):
    """Lark builds the shipped tables again, and new ones where the grammar is edited."""
    assert _run(bin / "python", "-c", REBUILD, cwd=folder) == (0, "", "")
    (grammar,) = bin.parent.glob("lib/*/site-packages/graphcalc/grammars/graphcalc.lark")
    text = grammar.read_text(encoding="utf-8")
    edited = text.replace('| "not" inversion', '| "nicht" inversion')
    assert edited != text
    grammar.write_text(edited, encoding="utf-8")
    assert _run(bin / "graphcalc", "-q", "nicht 1", cwd=folder) == (0, "false\n", "")
    assert _run(bin / "graphcalc", "-q", "not 1", cwd=folder)[0] == 3


@pytest.mark.slow
def test_the_wheel(tmp_path):
    """The wheel holds all it needs, and works without torch, the sources or the shipped tables."""
    _pip(sys.executable, "wheel", str(ROOT), "--no-deps", "-w", str(tmp_path), cwd=tmp_path)
    (wheel,) = tmp_path.glob("graphcalc-*.whl")
    _check_contents(wheel)
    venv.create(tmp_path / "fresh", with_pip=True)
    bin = tmp_path / "fresh" / "bin"
    _pip(bin / "python", "install", str(wheel), cwd=tmp_path)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    _check_lesson(bin, folder)
    _check_without_torch(bin, folder)
    _check_grammar(bin, folder)
