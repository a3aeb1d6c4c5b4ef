"""Golden runs of the command line, one folder of tests/cases each.

A folder holds `cmd` (the command line in shell syntax), `out`, `err` and `status`. `stdin` and a
folder `files`, which is copied to where the command runs, are optional. `pytest --update-cases`
writes what is expected anew; read the difference before believing it. Command lines that fail
stand in tests/errors.
"""

import shlex
import shutil
from pathlib import Path

import pytest
from running import graphcalc

CASES = Path(__file__).parents[1] / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/cmd"))


def run_case(case, folder):
    """Run the command line of a case in a folder, with the files of the case."""
    command, *arguments = shlex.split((case / "cmd").read_text(encoding="utf-8"))
    assert command == "graphcalc"
    if (case / "files").is_dir():
        shutil.copytree(case / "files", folder, dirs_exist_ok=True)
    stdin = (case / "stdin").read_bytes() if (case / "stdin").exists() else b""
    return graphcalc(*arguments, stdin=stdin, cwd=folder)


def write_expected(case, finished):
    """Write what a run printed as what is expected of the case."""
    written = {"out": finished.out, "err": finished.err, "status": b"%d\n" % finished.status}
    for file, data in written.items():
        if data:
            (case / file).write_bytes(data)
        else:
            (case / file).unlink(missing_ok=True)


def expected(case, file):
    """The text of a file of a case, empty where there is none."""
    return (case / file).read_text(encoding="utf-8") if (case / file).exists() else ""


@pytest.mark.parametrize("name", NAMES)
def test_case(name, tmp_path, request):
    """A command line gives exactly the recorded output, notes and exit status."""
    case = CASES / name
    finished = run_case(case, tmp_path)
    if request.config.getoption("--update-cases"):
        write_expected(case, finished)
    assert finished.text == expected(case, "out")
    assert finished.complaint == expected(case, "err")
    assert finished.status == int(expected(case, "status"))


def test_cases_do_not_fail():
    """What fails with a diagnostic stands in the tables of tests/errors."""
    assert NAMES
    assert {expected(CASES / name, "status").strip() for name in NAMES} == {"0", "1"}
