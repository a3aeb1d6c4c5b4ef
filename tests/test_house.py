"""How the tests themselves are written, held by what their source says."""

import ast
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
TESTS = {str(path.relative_to(FOLDER)): path.read_text("utf-8") for path in FOLDER.rglob("*.py")}
# This file shows what is wrong.
OTHERS = sorted({*TESTS} - {Path(__file__).name})

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
