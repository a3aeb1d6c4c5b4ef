"""Every failing command line of tests/errors, and every error code with the test that raises it.

`pytest --update-cases` writes what the tables expect anew; read the difference before believing
it. `error_cases` describes their format.
"""

import ast
import io
import json
import sys
from functools import cache
from pathlib import Path

import error_cases
import pytest
from error_cases import read_table, render_table
from running import unprintable_characters

import graphcalc
from graphcalc.cli import app

TABLES = error_cases.tables()
CASES = {(kind, case.name): case for kind, cases in TABLES.items() for case in cases}
# Tests of codes that no command line brings about alone, by their names: `test_file_changed`.
NAMED = Path(__file__).with_name("test_codes.py").read_text(encoding="utf-8")


@pytest.fixture
def run_here(tmp_path, monkeypatch, capfd):
    """A function that runs arguments and standard input in this process, in the test's folder.

    It returns the exit status and both streams as text.
    """
    monkeypatch.chdir(tmp_path)

    def run(arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        return app.run(arguments), *capfd.readouterr()

    return run


def check(case, folder, run_here):
    """Raise AssertionError where a command line does not fail as its case says."""
    found = case.run(folder, run_here)
    assert found.line == case.line
    assert found.full == case.full
    assert found.status == case.status


def check_json(kind, case, run_here):
    """Raise AssertionError where the one JSON object of a failure says something else."""
    status, out, err = run_here(["--format", "json", *case.arguments], case.input)
    (line,) = err.splitlines()
    error = json.loads(line)["error"]
    assert out == ""
    assert status == error["exit"] == case.status
    assert error["code"] == case.code
    assert error["kind"] == kind
    assert error["message"] in case.line
    assert f"{kind} error: " in case.line
    for label in error["labels"]:
        assert label["start"] <= label["end"]


def named(pairs):
    """Parameters of cases by the names of their tables and their own."""
    return [pytest.param(*pair, id="-".join(pair)) for pair in pairs]


@pytest.mark.parametrize(("kind", "name"), named(CASES))
def test_case(kind, name, tmp_path, run_here, request):
    """A command line fails with exactly the recorded message, drawing and exit status."""
    case = CASES[kind, name]
    if request.config.getoption("--update-cases"):
        case = case.run(tmp_path, run_here)
        error_cases.update(kind, case)
    check(case, tmp_path, run_here)


def has_format(arguments):
    """Whether a command line tells a format, by an option or by the name of its output."""
    return "--format" in arguments or any(a.endswith((".md", ".csv")) for a in arguments)


@pytest.mark.parametrize(
    ("kind", "name"), named(key for key, case in CASES.items() if not has_format(case.arguments))
)
def test_failure_is_one_object_in_json(kind, name, tmp_path, run_here):
    """With `--format json` every recorded failure is one JSON object that says the same.

    A command line with a format of its own is left out: the last one counts.
    """
    case = CASES[kind, name]
    case.lay_out(tmp_path)
    check_json(kind, case, run_here)


def test_failures_are_printable():
    """No recorded failure prints control characters."""
    for case in CASES.values():
        assert not unprintable_characters(case.line + case.full), case.name


@pytest.mark.parametrize("kind", TABLES)
def test_tables_are_in_order(kind):
    """A table is written as it would be updated, its cases in the order of their names."""
    text = (error_cases.FOLDER / f"{kind}.txt").read_text(encoding="utf-8")
    assert render_table(TABLES[kind]) == text
    assert TABLES[kind] == sorted(TABLES[kind])


def test_referenced_files_are_used():
    """Every file of tests/errors/files belongs to a case."""
    contents = [c for case in CASES.values() for c in (case.stdin, *case.files.values()) if c]
    used = {c.heading.removeprefix(" = ") for c in contents if c.heading.startswith(" = ")}
    assert used == {path.name for path in error_cases.FILES.iterdir()}


# Every code has a test


def codes_of(text):
    """The error codes in the source of a module.

    They are the first arguments of errors and of problems in cells; the problem of an operation
    has a kind, and becomes an error whose code is the kind with `-mismatch`.
    """
    codes = set()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        first = node.args[0] if len(node.args) > 1 else None
        if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
            continue
        if node.func.id.endswith("Error") or node.func.id == "CellProblem":
            codes.add(first.value)
        elif node.func.id == "Problem":
            codes.add(f"{first.value}-mismatch")
    return codes


@cache
def all_codes():
    """The error codes of the package."""
    paths = Path(graphcalc.__file__).parent.rglob("*.py")
    return set().union(*(codes_of(path.read_text(encoding="utf-8")) for path in paths))


def named_tests(text):
    """The codes that tests are named after: `test_file_changed` for `file-changed`.

    Such a test also has the code in its text.
    """
    codes = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            code = node.name.removeprefix("test_").replace("_", "-")
            texts = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}
            assert code in texts, f"{node.name} does not name `{code}`"
            codes.add(code)
    return codes


def untested(codes, cases, tests=NAMED):
    """The codes that neither a case nor a test raises."""
    return codes - {case.code for case in cases} - named_tests(tests)


def test_every_code_is_tested():
    """Every error code of the package has a recorded failure or a test of its name."""
    codes, recorded = all_codes(), {case.code for case in CASES.values()}
    assert untested(codes, CASES.values()) == set()
    assert recorded | named_tests(NAMED) <= codes
    assert not recorded & named_tests(NAMED), "a recorded failure is enough"


# The checks notice what is wrong


def replaced(text, old, new):
    """A text with its first `old` replaced, which must be there."""
    assert old in text
    return text.replace(old, new, 1)


def test_changed_expectations_are_noticed(tmp_path, run_here):
    """One changed character of a message, of a drawing or of the status fails a case."""
    text = CASES["data", "bad-cell"].render()
    check(*read_table(text), tmp_path, run_here)
    for old, new in (
        ("t.csv:3:3", "t.csv:3:4"),
        ("      |   ^", "      |    ^"),
        ("exit 4", "exit 3"),
        ("3,x\n---", "3,4\n---"),
        ("x=@t.csv:b", "x=@t.csv:a"),
    ):
        (case,) = read_table(replaced(text, old, new))
        with pytest.raises(AssertionError):
            check(case, tmp_path, run_here)


def test_another_failure_in_json_is_noticed():
    """The check of JSON notices another code, kind, message and status, and a second line."""
    case = CASES["data", "bad-cell"]
    error = {"code": "bad-cell", "kind": "data", "exit": 4, "labels": []}
    error["message"] = "`x` in column `b` is not a number"

    def printed(status=4, out="", more="", **changes):
        text = json.dumps({"error": {**error, **changes}})
        return lambda arguments, stdin: (status, out, f"{text}\n{more}")

    check_json("data", case, printed())
    span = [{"start": 2, "end": 1}]
    wrong = [
        {"code": "bad"},
        {"kind": "shape"},
        {"message": "wrong"},
        {"exit": 3},
        {"labels": span},
    ]
    for changes in ({"status": 3}, {"out": "1\n"}, {"more": "more\n"}, *wrong):
        with pytest.raises((AssertionError, ValueError)):
            check_json("data", case, printed(**changes))


def test_missing_blocks_are_noticed():
    """A table without the block of a code leaves that code untested."""
    text = (error_cases.FOLDER / "data.txt").read_text(encoding="utf-8")
    block = CASES["data", "bad-cell"].render() + "\n"
    cases = [case for key, case in CASES.items() if key[0] != "data"]
    assert not untested(all_codes(), [*cases, *read_table(text)])
    left = read_table(replaced(text, block, ""))
    assert untested(all_codes(), [*cases, *left]) == {"bad-cell"}


def test_missing_tests_are_noticed():
    """A test that is gone, or that does not name its code, leaves a code untested."""
    renamed = replaced(NAMED, "def test_freed", "def freed")
    assert untested(all_codes(), CASES.values(), renamed) == {"freed"}
    with pytest.raises(AssertionError, match="does not name"):
        named_tests(replaced(NAMED, '== "freed"', '== "used"'))
    assert codes_of('raise DataError("new", "text")') == {"new"}
    assert codes_of('raise Problem("index", "text")') == {"index-mismatch"}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("=== a", "a", "before the first case"),
        ("\n\n===", "\n===", "no blank line"),
        ("=== b", "=== a", "stand twice"),
        ("$ graphcalc", "graphcalc", "no command line"),
        ("--- stdin", "--- input", "no section"),
        ("--- exit 3", "--- exit", "int"),
        ("--- full\n", "", "ends in"),
        ("--- exit 3", "--- full", "ends in"),
        ("graphcalc: e", "e", "begins with"),
        ("graphcalc: e\n", "graphcalc: e\nmore\n", "one line"),
        ("--- file t", "--- file t $'x'", "has the content"),
    ],
)
def test_malformed_tables_are_refused(old, new, reason):
    """The reader refuses what is no table, and says why."""
    body = "--- exit 3\ngraphcalc: e\n--- full\nerror: e\n"
    text = (
        f"=== a\n$ graphcalc 1\n--- stdin\n1\n--- file t\n2\n{body}\n=== b\n$ graphcalc 2\n{body}"
    )
    first, second = read_table(text)
    assert (first.stdin.data, first.files["t"].data) == (b"1\n", b"2\n")
    assert (second.stdin, second.files) == (None, {})
    with pytest.raises((ValueError, TypeError), match=reason):
        read_table(replaced(text, old, new))


def test_updating_writes_one_case_anew(tmp_path, monkeypatch):
    """An update changes the block of its case and nothing else."""
    text = render_table([CASES["output", "output"], CASES["data", "encoding--latin"]])
    (tmp_path / "output.txt").write_text(text, encoding="utf-8")
    monkeypatch.setattr(error_cases, "FOLDER", tmp_path)
    case = read_table(text)[1]
    error_cases.update("output", case._replace(line="graphcalc: new\n", status=9))
    written = (tmp_path / "output.txt").read_text(encoding="utf-8")
    assert written == replaced(replaced(text, case.line, "graphcalc: new\n"), "exit 4", "exit 9")
