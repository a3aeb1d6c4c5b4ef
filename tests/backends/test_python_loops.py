"""Regions of plain Python's arrays as generated loops, beside the same nodes one by one."""

import math
import random
from unittest import mock

import pytest
from hypothesis import given, settings
from strategies import programs
from test_agreement import ROWS, call_of, operands_of

from graphcalc.backends import python_loops, regions
from graphcalc.backends.base import NullObserver, Settings
from graphcalc.backends.python import PythonProgram, summarize
from graphcalc.diagnostics import LimitError
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.ops.kernels.arrays import NDArray, fsum
from graphcalc.source import Source
from graphcalc.trace import Trace


class Whole(NullObserver):
    """An observer that wants every value whole, so that every node is computed alone."""

    needs_values = True


class Only(NullObserver):
    """An observer of one node."""

    def __init__(self, position):
        self._position, self.values = position, {}

    def wants(self, position):
        """Of this node alone."""
        return position == self._position

    def observe(self, position, value):
        """Keep it."""
        self.values[position] = value


def graph_of(text, inputs, memory=None):
    evaluation = Evaluation(parse([Source(text)]), Options(Settings("python"), max_memory=memory))
    values, described = evaluation.describe_inputs(
        {n: v for n, v in inputs.items() if v is not None}
    )
    return evaluation.graph(described), values


def bits(value):
    """What tells values apart: shapes, types, and every digit and sign."""
    if type(value) is NDArray:
        return value.shape, [(type(x), repr(x)) for x in value.data]
    return type(value), repr(value)


def assert_same(program, values):
    found, expected = program.run(values, NullObserver()), program.run(values, Whole())
    assert found.keys() == expected.keys()
    for position, value in expected.items():
        assert bits(found[position]) == bits(value), position


@pytest.fixture(autouse=True)
def tiny():
    """Regions of any size, in blocks of three elements."""
    with (
        mock.patch.object(regions, "SMALLEST", 2),
        mock.patch.object(python_loops, "BLOCK", 3),
    ):
        yield


@settings(max_examples=300)
@given(programs())
def test_loops_change_nothing(made):
    """Results alone, and all nodes, have the same bits as node by node."""
    graph, values = graph_of(*made)
    assert_same(PythonProgram(graph, frozenset(graph.results)), values)
    assert_same(PythonProgram(graph, frozenset(range(len(graph)))), values)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_in_a_loop(name):
    """Every elementwise row is the same in a loop, also where its quick kernel raises."""
    draw = random.Random(name)
    operands = operands_of(name)
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1.0, 1.0]
    low, high = (0, 9) if name.startswith("bitwise") else (-3, 3)
    inputs = {o: [draw.uniform(low, high) for _ in range(20)] for o in operands}
    if name.startswith("bitwise"):
        inputs = {o: [int(x) for x in v] for o, v in inputs.items()}
        text = f"a = {call_of(name, [f'{o}.long()' for o in operands])}; r = where(a != 0, a, 1)"
    else:
        for values in inputs.values():
            values += draw.sample(special, len(special))
        text = f"a = {call_of(name, operands)}; r = where(a != 0, a, 1)"
    graph, values = graph_of(text, inputs)
    assert_same(PythonProgram(graph, frozenset(graph.results)), values)


def test_what_an_observer_wants_of_a_region():
    """A node within a region is observed where that is wanted, and computed in a loop otherwise."""
    graph, values = graph_of("e = a + 1; f = e * 2; g = f / 3; s = sum(g)", {"a": [1.0, 2.0, 3.0]})
    program = PythonProgram(graph, frozenset(graph.results))
    within = graph.names["e"]
    for position, expected in ((within, [2.0, 3.0, 4.0]), (graph.names["s"], None)):
        observer = Only(position)
        with mock.patch.object(
            python_loops.RegionLoop, "run", autospec=True, side_effect=python_loops.RegionLoop.run
        ) as run:
            program.run(values, observer)
        assert run.call_count == (position != within)
        assert (within in observer.values) == (position == within)
        if expected:
            assert observer.values[position].data == expected
    trace = Trace(graph, program)
    program.run(values, trace)
    assert trace.value(within) == [2.0, 3.0, 4.0]


def test_limits_come_before_work():
    """A program that needs too much memory is refused, however it would be computed."""
    text, inputs = "b = a + 1; c = b * 2; d = c - a", {"a": [1.0] * 1000}
    with pytest.raises(LimitError, match="limit is"):
        PythonProgram(graph_of(text, inputs, 60_000)[0], frozenset())


@pytest.mark.parametrize("data", [[1.5, -2.0], [math.inf, 1.0], [math.nan, math.inf, 3.0], [True]])
def test_statistics_of_finite_elements(data):
    """Statistics are those of the finite elements, whether there are others or not."""
    finite = [x for x in data if math.isfinite(x)]
    found = summarize(data)
    assert found[:3] == (min(finite), fsum(finite) / len(finite), max(finite))
    assert found[3:] == (sum(map(math.isnan, data)), sum(map(math.isinf, data)))
