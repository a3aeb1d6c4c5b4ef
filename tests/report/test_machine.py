"""Formats for programs: every number round-trips, and every reader can read them."""

import csv
import io
import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.numbers import leaves
from graphcalc.report import machine

FLOATS = st.floats()
SINGLES = st.floats(width=32)


def _bits(values):
    """What numbers are, as bytes: nan equals nan, and 0 is not -0."""
    return [struct.pack("<d", math.nan if v != v else float(v)) for v in values]


def _strict(text):
    """Parse JSON; its extensions NaN and Infinity are errors."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def _filled(value, odd):
    """A JSON value with what was null put back."""
    if not isinstance(value, list):
        return float(odd) if value is None else value
    for entry in odd or []:
        place = value
        for i in entry["index"][:-1]:
            place = place[i]
        assert place[entry["index"][-1]] is None
        place[entry["index"][-1]] = float(entry["kind"])
    return value


def _run(values, dtype):
    if dtype == "float64":
        return gc.run("y = x; z = sum(y)", x=values)
    import numpy

    return gc.run("y = x; z = sum(y)", x=numpy.array(values, dtype=dtype))


def _check(values, dtype):
    result = _run(values, dtype)
    trace, records = result.trace, list(result.trace)
    kept = _bits(leaves(records[0].value))
    assert kept == _bits(values)

    node = _strict(machine.as_json(records, trace))["nodes"][0]
    assert node["dtype"] == dtype
    found = _filled(node["value"], node.get("non_finite"))
    lines = machine.as_jsonl(records, trace).splitlines()
    assert [_strict(line)["name"] for line in lines] == [record.name for record in records]
    texts = {"json": leaves(found)}
    for name, printer, delimiter in (("csv", machine.as_csv, ","), ("tsv", machine.as_tsv, "\t")):
        rows = list(csv.DictReader(io.StringIO(printer(records, trace)), delimiter=delimiter))
        assert [row["name"] for row in rows] == [record.name for record in records]
        texts[name] = [float(x) for x in rows[0]["value"].strip("[]").split(", ") if x]
    value = machine.as_value(records[:1], trace)
    assert value.count("\n") == 1
    texts["value"] = [float(x) for x in value.strip().strip("[]").split(", ") if x]
    for numbers in texts.values():
        if dtype == "float32":
            import numpy

            numbers = [float(numpy.float32(x)) for x in numbers]
        assert _bits(numbers) == kept


@given(st.lists(FLOATS, max_size=12))
def test_float64_round_trips(values):
    """Every float64 is read back from JSON, CSV, TSV and the bare value, bit for bit."""
    _check(values, "float64")


@given(st.lists(SINGLES, max_size=12))
def test_float32_round_trips(values):
    """Every float32 is read back from every format as the same float32."""
    _check(values, "float32")


@given(FLOATS)
def test_scalars_round_trip(value):
    """A scalar is a number in JSON, or null with its kind."""
    result = gc.run("y = x", x=value)
    (node, _) = _strict(machine.as_json(list(result.trace), result.trace))["nodes"]
    assert (node["value"] is None) == (not math.isfinite(value))
    assert _bits([_filled(node["value"], node.get("non_finite"))]) == _bits([value])


@given(st.lists(st.lists(FLOATS, min_size=2, max_size=2), min_size=1, max_size=4))
def test_bare_values_are_programs(values):
    """The bare value of a tensor, run as a program, gives that tensor."""
    result = gc.run("y = x", x=values)
    text = machine.as_value(result.trace.results, result.trace)
    again = gc.run(text).value
    assert _bits(leaves(again.tolist())) == _bits(leaves(values))


PROGRAMS = [
    "a=2; b=-4; c=-2; d=2; g = (a+b)*(c*d)",
    "x = [[1, 2], [3, 4]]; y = x[0, ::2, None]; x.T @ x",
    "where([1, 2] > 1, [3, 4], 0); x = true; not x",
    "x = [1, 0, -1] / 0; nan; inf; -inf; zeros(0); zeros(2, 0)",
    "f(x) = x^2; x = 1; x = f(x) + 1; x = f(x)",
    "arange(2000); rand(3, 400); mean(ones(50, 50))",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_formats_agree(program):
    """JSON, JSON lines and CSV hold the same nodes, names, shapes and roles."""
    trace = gc.run(program).trace
    records = list(trace)
    whole = _strict(machine.as_json(records, trace))
    lines = [_strict(line) for line in machine.as_jsonl(records, trace).splitlines()]
    rows = list(csv.DictReader(io.StringIO(machine.as_csv(records, trace))))
    assert whole["nodes"] == lines
    assert whole["results"] == [line["name"] for line in lines if line["role"] == "result"]
    for node, row in zip(lines, rows, strict=True):
        for column in ("id", "name", "expression", "op", "role", "dtype"):
            assert str(node[column]) == row[column]
        assert row["shape"] == "x".join(map(str, node["shape"]))
        assert row["inputs"] == " ".join(node["inputs"])
        assert row["born"] == " ".join(node.get("born", []))
    for node in lines:
        earlier = {other["name"] for other in lines[: node["id"]]}
        assert set(node["inputs"]) <= earlier


@pytest.mark.parametrize("program", PROGRAMS)
def test_markdown_is_a_table(program):
    """Every line of the Markdown has three cells."""
    trace = gc.run(program).trace
    for line in machine.as_markdown(list(trace), trace).splitlines():
        assert line.replace("\\|", "").count("|") == 4


def test_summaries_say_what_values_are():
    """A tensor's statistics are those of its finite elements, beside counts of the others."""
    result = gc.run("y = x", x=[1.0, math.nan, 3.0, math.inf, -math.inf])
    node = _strict(machine.as_jsonl(list(result.trace)[:1], result.trace))
    assert node["summary"] == {"min": 1, "mean": 2, "max": 3, "nan": 1, "inf": 2}
    result = gc.run("y = x", x=[math.nan])
    node = _strict(machine.as_jsonl(list(result.trace)[:1], result.trace))
    assert node["summary"] == {"min": None, "mean": None, "max": None, "nan": 1, "inf": 0}
