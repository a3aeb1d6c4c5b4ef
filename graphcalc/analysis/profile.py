"""How long each node of a run takes."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter

from graphcalc.backends.base import Inputs, NullObserver, Program
from graphcalc.evaluate import Outcome
from graphcalc.graph.ir import Graph
from graphcalc.trace import Profile

# Runs of a program, and the seconds after which no other run starts; the fastest run counts.
_RUNS, _ENOUGH = 5, 0.5


class _Stopwatch:
    """Clock that gives each node the time since the one before."""

    def __init__(self, count: int) -> None:
        self.seconds = [0.0] * count
        self._start = self._last = perf_counter()

    @property
    def total(self) -> float:
        """The seconds until the last node was computed."""
        return self._last - self._start

    def __call__(self, position: int) -> None:
        self.spread({position: 1.0})

    def spread(self, shares: Mapping[int, float]) -> None:
        """Divide the time since the last node between several."""
        now, total = perf_counter(), sum(shares.values()) or 1.0
        for position, share in shares.items():
            self.seconds[position] += (now - self._last) * share / total
        self._last = now


def with_profile(outcome: Outcome) -> Outcome:
    """Return a run with the time of every node in its trace; runs the program again."""
    if outcome.trace.only is not None:
        outcome = outcome.retraced()
    outcome.trace.profile = profiled(outcome.graph, outcome.program, outcome.inputs)
    return outcome


def profiled(graph: Graph, program: Program, inputs: Inputs) -> Profile:
    """Run a program again and time every node.

    Statistics are not computed, so the times are those of the nodes alone. On devices other than
    a CPU each node is waited for.
    """
    best: _Stopwatch | None = None
    spent = 0.0
    for _ in range(_RUNS):
        watch = _Stopwatch(len(graph))
        program.run(inputs, NullObserver(), None, watch)
        if best is None or watch.total < best.total:
            best = watch
        spent += watch.total
        if spent > _ENOUGH:
            break
    assert best is not None
    return Profile(_by_displayed(graph, best.seconds), best.total)


def _by_displayed(graph: Graph, seconds: list[float]) -> list[float]:
    """Return the times with those of hidden nodes added to the nodes that have a record."""
    positions = {id(node): p for p, node in enumerate(graph.nodes)}
    found = [0.0] * len(seconds)
    waiting, last = 0.0, None
    for position, node in enumerate(graph.nodes):
        waiting += seconds[position]
        if position >= (graph.forward or len(graph)):
            of = node.derivative_of
            displayed = graph.target if of is None else positions.get(id(of[0]), graph.target)
            if displayed is not None and graph.nodes[displayed].name is not None:
                found[displayed] += waiting
                waiting = 0.0
        elif node.name is not None:
            found[position] += waiting
            waiting, last = 0.0, position
    if last is not None:
        found[last] += waiting
    return found
