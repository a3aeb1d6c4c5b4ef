"""Golden runs of the command line, one folder of tests/cases each.

A folder holds `cmd` (the command line in shell syntax), `out`, `err` and `status`; where the run
fails, also `full` (standard error with `--errors full`). `stdin` and a folder `files`, which is
copied to where the command runs, are optional. `pytest --update-cases` writes what is expected
anew; read the difference before believing it.
"""

import ast
import io
import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from running import graphcalc, odd_characters

import graphcalc as graphcalc_package
from graphcalc.cli import app

CASES = Path(__file__).parents[1] / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/cmd"))
FAILING = [name for name in NAMES if (CASES / name / "full").exists()]
# Codes that no command line alone brings about: they need another machine, another way of
# calling, a stream that is closed, gigabytes of text, or a defect; `non-finite`, `diverged` and
# `gradient-check` are about what a run came to.
ELSEWHERE = {
    "closed",
    "compile",
    "completion",
    "column-kind",
    "device-memory",
    "diverged",
    "file-changed",
    "freed",
    "gradient",
    "gradient-check",
    "graph",
    "input",
    "internal",
    "members",
    "no-program",
    "no-stdin",
    "inputs",
    "program",
    "program-size",
    "non-finite",
    "output",
    "package-missing",
    "package-old",
    "record-length",
    "seed",
    "several-results",
    "slice-value",
    "trace",
    "torch",
    "torch-missing",
    "worker",
}


def _arguments(name):
    command, *arguments = shlex.split((CASES / name / "cmd").read_text("utf-8", "surrogateescape"))
    assert command == "graphcalc"
    return arguments


def _run(name, folder, *more):
    case = CASES / name
    if (case / "files").is_dir():
        shutil.copytree(case / "files", folder, dirs_exist_ok=True)
    given = case / "stdin"
    stdin = given.read_bytes() if given.exists() else b""
    return graphcalc(*more, *_arguments(name), stdin=stdin, cwd=folder)


def _update(case, found, full):
    wanted = {"out": found.out, "err": found.err, "status": b"%d\n" % found.status, "full": full}
    for file, data in wanted.items():
        if data:
            (case / file).write_bytes(data)
        else:
            (case / file).unlink(missing_ok=True)


def _expected(case, file):
    return (case / file).read_text(encoding="utf-8") if (case / file).exists() else ""


@pytest.mark.parametrize("name", NAMES)
def test_case(name, tmp_path, request):
    """A command line gives exactly the recorded output, complaint and exit status."""
    case = CASES / name
    found = _run(name, tmp_path)
    has_full = found.status not in (0, 1) and "--errors" not in _arguments(name)
    full = _run(name, tmp_path, "--errors", "full").err if has_full else b""
    if request.config.getoption("--update-cases"):
        _update(case, found, full)
    assert found.text == _expected(case, "out")
    assert found.complaint == _expected(case, "err")
    assert found.status == int(_expected(case, "status"))
    assert full.decode() == _expected(case, "full")


@pytest.mark.parametrize("name", [n for n in FAILING if "--format" not in _arguments(n)])
def test_failure_is_one_object_in_json(name, tmp_path, monkeypatch, capfd):
    """With `--format json` every recorded failure is one JSON object that says the same.

    Where the command line has a format of its own, that is the last and counts.
    """
    case = CASES / name
    if (case / "files").is_dir():
        shutil.copytree(case / "files", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    given = (case / "stdin").read_bytes() if (case / "stdin").exists() else b""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    status = app.run(["--format", "json", *_arguments(name)])
    out, err = capfd.readouterr()
    (line,) = err.splitlines()
    error = json.loads(line)["error"]
    assert out == ""
    assert status == error["exit"] == int(_expected(case, "status"))
    assert name.startswith(f"error-{error['code']}") or not name.startswith("error-")
    assert error["message"] in _expected(case, "err")
    assert f"{error['kind']} error: " in _expected(case, "err")
    for label in error["labels"]:
        assert label["start"] <= label["end"]


def test_failures_are_one_line():
    """Off a terminal every recorded failure is one printable line and prints no result."""
    for name in FAILING:
        assert _expected(CASES / name, "err").count("\n") == 1, name
        assert _expected(CASES / name, "err").startswith("graphcalc: "), name
        assert _expected(CASES / name, "out") == "", name
        assert not odd_characters(_expected(CASES / name, "full")), name


def _codes():
    """The codes of the errors in graphcalc's own source."""
    found = set()
    for path in Path(graphcalc_package.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            first = node.args[0] if node.args else None
            is_code = isinstance(first, ast.Constant) and isinstance(first.value, str)
            if is_code and node.func.id.endswith("Error") and len(node.args) > 1:
                found.add(first.value)
    return found


def test_every_code_has_a_case():
    """Every error code that a command line alone can bring about has a recorded failure."""
    recorded = {name.removeprefix("error-").split("--")[0] for name in FAILING}
    assert _codes() - ELSEWHERE - recorded == set()
    assert _codes() >= ELSEWHERE


def test_recorded_failures_have_their_drawing():
    """Every folder that is named after an error code holds a failure, drawn in full too."""
    for path in CASES.glob("error-*"):
        assert path.name in FAILING
