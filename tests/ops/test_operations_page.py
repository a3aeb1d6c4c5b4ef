"""docs/operations.md: its diffs apply to the tree as it is, and do what the page says."""

import re
import shutil
from pathlib import Path

import pytest
from running import python

from graphcalc.ops.spec import Op

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
DIFFS = re.findall(
    r"^```diff\n--- (\S+)\n\+\+\+ \1\n@@\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)


def apply(text, hunk):
    """A file's text with a hunk applied, whose lines must stand in it once."""
    lines = hunk.splitlines(keepends=True)
    assert all(line[0] in " +-" for line in lines)
    before = "".join(line[1:] for line in lines if line[0] != "+")
    after = "".join(line[1:] for line in lines if line[0] != "-")
    assert text.count(before) == 1, before
    return text.replace(before, after)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the package with all diffs of the page."""
    root = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("graphcalc", "grammars"):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    for path, hunk in DIFFS:
        file = root / path
        if not file.exists():
            file.parent.mkdir(parents=True)
            shutil.copy(ROOT / path, file)
        file.write_text(apply(file.read_text(encoding="utf-8"), hunk), encoding="utf-8")
    return root


CHECKS = """
import math, sys
sys.path.insert(0, sys.argv[1])
import graphcalc as gc
from graphcalc.ops.table import FUNCTIONS
from graphcalc.ops.prelude import COMPOSITES

assert gc.__file__.startswith(sys.argv[1]), gc.__file__
for backend in ("python", "torch"):
    for name in ("exp10", "nansum", "squash"):
        row = FUNCTIONS.get(name) or COMPOSITES[name]
        for call, value in row.examples:
            found = float(gc.run(call, backend=backend).value)
            assert math.isclose(found, float(value), rel_tol=1e-14), (call, found)
    for text, values, wanted in (
        ("y = exp10(x)", {"x": 2.0}, 100 * math.log(10)),
        ("y = squash(x)", {"x": -3.0}, 1 / 16),
        ("y = nansum([x, nan, 2 * x])", {"x": 1.0}, 3.0),
    ):
        found = float(gc.run(text, values, grad="y", backend=backend).grad["x"])
        assert math.isclose(found, wanted, rel_tol=1e-14), (text, found)
assert gc.run("nansum([[1, nan], [nan, 2]], dim=0)").value.tolist() == [1, 2]
assert math.isinf(gc.run("exp10(400)").value)
print("held")
"""


def test_diffs_do_what_the_page_says(tree):
    """With the page's diffs the functions have their examples' values and their gradients."""
    assert len(DIFFS) == PAGE.count("```diff") == 6
    done = python(CHECKS, str(tree), cwd=tree)
    assert done.text == "held\n", done.complaint


RUN = """
import runpy, sys
sys.path.insert(0, ".")
runpy.run_module("graphcalc", run_name="__main__")
"""


def test_the_command_has_the_functions(tree):
    """The command computes, differentiates and documents what the diffs add."""
    for arguments, out in (
        (["-q", "exp10(x)", "x=[0,2]"], "[1, 100]\n"),
        (["-q", "exp10(x)", "x=[0,2]", "--backend", "torch"], "[1, 100]\n"),
        (["--functions", "exp10"], "exp10(x)\n  10 to the power x.\n  exp10(3)  →  1000\n"),
    ):
        assert python(RUN, *arguments, cwd=tree).text == out
    page = python(RUN, "y = exp10(x)", "x=2", "--grad", "y", "--steps", cwd=tree).text
    assert "dy/dx = y * 2.302585092994046 = 100 * 2.302585092994046 = 230.2585" in page
    assert python(RUN, "y = exp10(x)", "x=2", "--grad", "y", "--check-grad", cwd=tree).status == 0


def test_a_hunk_that_does_not_fit_is_noticed():
    """A diff whose context the file does not have fails."""
    with pytest.raises(AssertionError):
        apply("a\nb\n", " a\n+x\n c\n")
    assert apply("a\nb\n", " a\n-b\n+c\n") == "a\nc\n"


@pytest.mark.parametrize("field", Op._fields)
def test_every_field_is_explained(field):
    """The page's table has every field of a row."""
    assert f"`{field}`" in PAGE[PAGE.index("## The fields of a row") :]
    assert re.search(rf"^    {field} ", Op.__doc__, re.MULTILINE) or field in ("name", "aliases")
