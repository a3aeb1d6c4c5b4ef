"""Times of nodes, and traces of results alone."""

import json

import numpy
import pytest
from running import graphcalc

import graphcalc as gc

LARGE = {"x": numpy.linspace(0, 1, 200_000)}
TEXT = "y = exp(x) * 2; z = cumsum(y, 0); m = mean(z)"


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize("inputs", [{"x": [0.5, 1.0]}, LARGE], ids=["small", "large"])
def test_times_add_up_to_the_whole(backend, inputs):
    """The seconds of all nodes are the run's, and their shares add up to one."""
    records = gc.run(TEXT, inputs, backend=backend).profile()
    assert sum(r.seconds for r in records) == pytest.approx(records.profile.total, rel=0.1)
    assert sum(r.share for r in records) == pytest.approx(1, rel=0.1)
    assert all(r.seconds >= 0 for r in records)


def test_times_of_what_is_hidden_are_in_what_is_shown():
    """A bound value's own nodes, and a backward pass, count for nodes that have a record."""
    result = gc.run("y = tanh(x * w); s = sum(y)", LARGE, w=2, grad="s", backend="torch")
    records = result.profile()
    assert sum(r.share for r in records) == pytest.approx(1, rel=0.1)


def test_no_times_without_a_profile():
    """A run that was not profiled has no times."""
    assert {r.seconds for r in gc.run("y = 2 * 3").trace} == {None}


def test_columns_of_the_command_line():
    """The table, JSON and CSV have time, share and bytes of every node."""
    table = graphcalc("y = [1, 2] * 3", "--profile").text
    head = table.splitlines()[1]
    assert [cell.strip() for cell in head.strip("│").split("│")][-3:] == ["time", "share", "bytes"]
    assert "computed in" in table
    found = json.loads(graphcalc("y = [1, 2] * 3", "--profile", "--format", "json").text)
    (node,) = [n for n in found["nodes"] if n["name"] == "y"]
    assert 0 <= node["seconds"] <= found["seconds"]
    assert 0 <= node["share"] <= 1
    rows = graphcalc("y = [1, 2] * 3", "--profile", "--format", "csv").text.splitlines()
    assert rows[0].endswith("seconds,share,bytes")
    assert rows[-1].split(",")[-1] == "16"


def test_traces_of_results_alone():
    """With trace="results" only results, and what is kept, have a record; values are the same."""
    program = gc.parse(TEXT)
    whole = gc.run(program, LARGE, backend="torch", keep=["y"])
    short = gc.run(program, LARGE, backend="torch", keep=["y"], trace="results")
    assert [r.name for r in short.trace] == ["y", "m"]
    assert short["m"] == whole["m"]
    assert short.trace[0] == whole.trace.select(["y"])[0]
    assert [r.id for r in short.trace.results] == [r.id for r in whole.trace.results]


def test_other_traces_are_refused():
    """A trace is of all nodes or of the results."""
    with pytest.raises(gc.GraphcalcError):
        gc.compile("y = 2", trace="some")


@pytest.mark.slow
def test_nans_of_short_tables_are_born_where_they_are_born():
    """Printing the results alone says the same of where a nan comes from as printing all."""
    text = "x = linspace(-1, 1, 300000); y = log(x); z = y * 2; m = y + z"
    short, whole = graphcalc(text, "--results"), graphcalc(text)
    assert "born" in whole.complaint
    assert short.complaint == whole.complaint
