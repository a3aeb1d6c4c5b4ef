"""How the tests themselves are written, held by what their source says."""

import ast
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
TESTS = {str(path.relative_to(FOLDER)): path.read_text("utf-8") for path in FOLDER.rglob("*.py")}
# This file shows what is wrong.
OTHERS = sorted({*TESTS} - {Path(__file__).name})
# Names that begin with an underscore and are promised all the same.
# `torch.testing._internal` has torch's own samples, by which other libraries are tested as well.
PROMISED = {"_replace", "_asdict", "_fields", "_repr_html_", "os._exit", "_exit", "_internal"}


def is_private(name):
    """Whether a name is private: one underscore in front, and not promised."""
    return bool(re.match(r"_(?!_)", name)) and name not in PROMISED


def private_names(text):
    """The private names that a test reaches for.

    By import, as an attribute, as the text that names an attribute to be replaced, and in
    programs that it runs in another process.
    """
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            found += filter(is_private, names)
        elif isinstance(node, ast.Import):
            found += filter(is_private, ".".join(alias.name for alias in node.names).split("."))
        elif isinstance(node, ast.Attribute):
            written = ast.unparse(node)
            is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
            if is_private(node.attr) and not is_own and written not in PROMISED:
                found.append(written)
        elif isinstance(node, ast.Call):
            is_patch = ast.unparse(node.func).rpartition(".")[2] in ("setattr", "object", "delattr")
            texts = [a.value for a in node.args[1:2] if isinstance(a, ast.Constant)]
            found += [t for t in texts if is_patch and isinstance(t, str) and is_private(t)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_program = re.search(r"^(from|import) graphcalc", node.value, re.MULTILINE)
            names = re.findall(r"(?:import |\w\.)(_[a-z]\w*)", node.value)
            found += filter(is_private, names if is_program else [])
    return found


@pytest.mark.parametrize("name", OTHERS)
def test_tests_use_public_names(name):
    """No test reaches for a private name of the package or of a library."""
    assert private_names(TESTS[name]) == []


def test_private_names_are_noticed():
    """The scan sees each way to a private name, and lets what is promised through."""
    for text in (
        "from graphcalc.cli.app import _fail",
        "from graphcalc._x import y",
        "import graphcalc._x",
        "result._outcome",
        "program.evaluation._ready['x']",
        'monkeypatch.setattr(tiles, "_TILE_BYTES", 1)',
        'mock.patch.object(tiles, "_TILE_BYTES", 1)',
        'CODE = """\nfrom graphcalc.cli import _run\n"""',
        'CODE = "import graphcalc.cli\\ngraphcalc.cli._run()"',
    ):
        assert private_names(text), text
    for text in ("row._replace(a=1)", "os._exit(1)", "self._x = 1", "x.__dict__", '"_SEP" in line'):
        assert not private_names(text), text


def empty_returns(text):
    """The lines of tests and checks that return before they have asserted anything.

    A `return` without a value stands behind an assertion in its block; what does not apply is
    rejected by Hypothesis, left out of the parameters, or counted.
    """
    found = []
    for function in ast.walk(ast.parse(text)):
        is_check = isinstance(function, ast.FunctionDef)
        if is_check and re.match(r"(test|assert|check)_", function.name):
            for node in ast.walk(function):
                for body in (getattr(node, field, []) for field in ("body", "orelse")):
                    found += _empty_returns_in(body if isinstance(body, list) else [])
    return found


def _empty_returns_in(body):
    for before, statement in zip([None, *body], body):
        is_bare = isinstance(statement, ast.Return) and statement.value is None
        if is_bare and not isinstance(before, (ast.Assert, ast.With)):
            yield statement.lineno


@pytest.mark.parametrize("name", OTHERS)
def test_no_test_ends_before_it_asserts(name):
    """No test returns where it does not apply."""
    assert empty_returns(TESTS[name]) == []


def test_empty_returns_are_noticed():
    """A bare return is seen in any block of a test, unless it follows an assertion."""
    assert empty_returns("def test_a():\n if x:\n  return\n assert x") == [3]
    assert empty_returns("def assert_a():\n try:\n  f()\n except E:\n  return") == [5]
    assert empty_returns("def test_a():\n if x:\n  assert y\n  return\n assert x") == []
    assert empty_returns("def helper():\n return") == []


def repeated(names):
    """Names of test files that stand in two folders: pytest refuses to import the second."""
    names = [Path(name).name for name in names if Path(name).name.startswith("test_")]
    return sorted({name for name in names if names.count(name) > 1})


def test_no_two_files_of_tests_have_one_name():
    """Files of tests have names of their own across folders."""
    assert repeated(TESTS) == []


def test_repeated_names_are_noticed():
    """The check finds two files of one name."""
    assert repeated(["cli/test_a.py", "api/test_a.py", "api/test_b.py"]) == ["test_a.py"]
