"""Graphs handed to torch.compile give what they give node by node."""

import shutil
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from strategies import programs
from test_regions import Statistics, Whole, assert_alike, far_away, graph_of

import graphcalc as gc
from graphcalc.backends.base import NullObserver, Settings
from graphcalc.backends.torch.compiled import CompiledProgram
from graphcalc.diagnostics import BackendError, UsageError
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.source import Source

OWN = torch.compile


def interpreted(function, **options):
    """torch.compile up to the graph that it gives its compiler, which then runs as it is."""
    return OWN(function, dynamic=options["dynamic"], backend="eager")


def compiled(graph, kept):
    return CompiledProgram(graph, Settings("torch", is_compiled=True), frozenset(kept))


@settings(max_examples=15, deadline=None)
@given(programs(max_statements=2, depth=2))
def test_compiled_programs_agree(made):
    """Every node of a program has the same bits in the compiled graph, and the same statistics."""
    graph, values = graph_of(*made)
    torch.compiler.reset()
    with mock.patch.object(torch, "compile", interpreted):
        program = compiled(graph, range(len(graph)))
        observer = Statistics()
        found = program.run(values, observer)
        assert_alike(found, program.run(values, Whole()))
        assert_alike(program.run(values, NullObserver()), found)
    assert observer.values.keys() | observer.summaries.keys() == set(range(len(graph)))


def test_large_values_are_summarized_within():
    """Statistics of large values come out of the compiled function, also of another device."""
    x = torch.randn(5000, dtype=torch.float64)
    x[7], x[9] = float("nan"), float("inf")
    graph, values = graph_of("y = x * 2; s = y > 0; z = cumsum(y[:100], 0)", {"x": x})
    with mock.patch.object(torch, "compile", interpreted), far_away():
        observer = Statistics()
        compiled(graph, graph.results).run(values, observer)
    y = observer.summaries[graph.names["y"]]
    finite = (x * 2)[torch.isfinite(x)]
    assert y[3:] == (1, 1)
    assert (y.minimum, y.maximum) == (finite.min(), finite.max())
    assert y.mean == pytest.approx(finite.mean().item(), rel=1e-12)
    assert graph.names["z"] in observer.values


def test_sinks_are_filled():
    """A result with a sink is put there whole."""
    graph, values = graph_of("y = x * 2", {"x": torch.ones(4, dtype=torch.float64)})
    sink = mock.Mock()
    with mock.patch.object(torch, "compile", interpreted):
        assert (
            compiled(graph, graph.results).run(values, NullObserver(), {graph.names["y"]: sink})
            == {}
        )
    ((place, part),) = [call.args for call in sink.put.call_args_list]
    assert place == 0
    assert part.tolist() == [2.0] * 4


def test_what_does_not_compile_is_an_error():
    """A compiler that is missing or fails is told as such, not as a defect."""

    def broken(function, **options):
        def fail(given):
            raise RuntimeError("no C++ compiler\nhere")

        return fail

    with mock.patch.object(torch, "compile", broken), pytest.raises(BackendError) as caught:
        gc.run("y = x * 2", x=[1.0, 2.0], compiled=True)
    assert caught.value.diagnostic.code == "compile"
    assert "no C++ compiler" in caught.value.diagnostic.message


def test_only_torch_compiles():
    """The Python backend has nothing to compile with."""
    with pytest.raises(UsageError):
        gc.run("y = 2", backend="python", compiled=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_the_real_compiler():
    """torch's own compiler gives the same values and tells what it took, once."""
    tree = parse([Source("y = sin(x) * 2 + 1; s = sum(y)")])
    program = Evaluation(tree, Options(Settings("torch", is_compiled=True)), keep=["y"])
    x = torch.linspace(0, 1, 3000, dtype=torch.float64)
    first, second = program.run({"x": x}), program.run({"x": x})
    y, s = (second.graph.names[name] for name in "ys")
    torch.testing.assert_close(second.values[y], torch.sin(x) * 2 + 1)
    assert first.values[s] == second.values[s]
    assert second.program.compile_seconds > 0


def test_what_is_wrong_with_values_is_told_as_always():
    """An index that is outside is the same error with torch.compile, in any call."""
    with mock.patch.object(torch, "compile", interpreted):
        program = gc.compile("y = gather(x, 0, i) * 2", compiled=True)
        assert program(x=[1.0, 2.0], i=torch.tensor([0, 1]))["y"].tolist() == [2.0, 4.0]
        with pytest.raises(gc.DataError, match="index 5"):
            program(x=[1.0, 2.0], i=torch.tensor([0, 5]))
