"""What a run imports: a small one nothing that is slow to start."""

import pytest
from running import LESSON, python

HEAVY = ("torch", "numpy", "lark", "rich", "pydantic", "asyncio")
# What describes the command line to people and shells, and reads none.
DESCRIBING = ("typer", "click")

RUN = """
import sys
from graphcalc.cli.app import run
try:
    status = run(sys.argv[1:])
finally:
    print(" ".join(sorted(sys.modules)), file=sys.stderr)
"""


# What only calls, conditions, comparisons, text, files, packages or long numbers need.
OF_CALLS = ("calls", "call_site", "shape_functions", "joined_functions", "windows", "pasted")
OF_PARTS = ("sequences", "parts", "attributes", "choices", "comparisons", "decisions", "integers")
LATER = {f"graphcalc.graph.{name}" for name in (*OF_CALLS, *OF_PARTS, "carried_text", "grad")}


def modules(*arguments, before=""):
    """Every module that a run of the command leaves imported."""
    done = python(before + RUN, *arguments)
    assert done.status == 0, done.complaint
    return set(done.complaint.splitlines()[-1].split())


def imported(*arguments, before=""):
    """The top-level modules that a run of the command leaves imported."""
    return {name.partition(".")[0] for name in modules(*arguments, before=before)}


@pytest.mark.parametrize(
    "arguments",
    [
        ["-q", *LESSON],
        LESSON,
        ["--format", "json", *LESSON],
        ["--format", "csv", *LESSON],
        ["-q", "mean([[1, 2], [3, 4]] @ [5, 6])"],
        ["-q", "rand(3)"],
        ["1 +"],
        ["--version"],
        ["--functions"],
    ],
    ids=lambda arguments: " ".join(arguments)[:24],
)
def test_small_runs_import_nothing_slow(arguments):
    """A small run off a terminal imports no torch, NumPy, Lark, Rich, asyncio, Typer or click."""
    assert not imported(*arguments) & {*HEAVY, *DESCRIBING}


def test_a_sum_imports_nothing_of_calls():
    """Arithmetic of written numbers imports nothing that calls, comparisons or text need."""
    found = modules("-q", "1 + 1")
    assert not found & {*LATER, "graphcalc.packages", "graphcalc.graph.text_columns"}


@pytest.mark.parametrize(
    ("program", "module"),
    [
        ("exp(1)", "calls"),
        ("1 < 2", "comparisons"),
        ("1 if 2 else 3", "choices"),
        ("[1, 2].shape[0]", "attributes"),
    ],
)
def test_what_needs_a_module_imports_it(program, module):
    """The names of these modules are those that they have."""
    assert f"graphcalc.graph.{module}" in LATER & modules("-q", program)


def test_help_is_typers():
    """Help is written by Typer, which only then is imported, and by nothing slower."""
    found = imported("--help")
    assert "typer" in found
    assert not found & set(HEAVY)


@pytest.mark.parametrize("module", [*HEAVY, *DESCRIBING])
def test_the_check_notices_imports(module, tmp_path):
    """The check sees each of these modules where a run does import it."""
    (tmp_path / f"{module}.py").write_text("")
    before = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {module}\n"
    assert module in imported("-q", "1 + 1", before=before)


def test_torch_is_imported_when_it_is_asked_for():
    """A run on torch imports it, so the check is about the program and not the machine."""
    assert "torch" in imported("-q", "1 + 1", "--backend", "torch")


def test_colour_imports_rich():
    """A table in colour is drawn by Rich, which only then is imported."""
    assert "rich" in imported("--color", "always", *LESSON)
    assert "rich" not in imported("--color", "never", *LESSON)
