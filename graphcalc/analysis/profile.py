"""How long each node of a run takes."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from graphcalc.backends.base import NullObserver, Program
from graphcalc.evaluate import Outcome
from graphcalc.graph.ir import Graph
from graphcalc.trace import Profile

# A program is run so often, or until it has taken so many seconds; the quickest run counts.
_RUNS, _ENOUGH = 5, 0.5


class _Stopwatch:
    """A clock that gives each node the time since the one before."""

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


def profiled(graph: Graph, program: Program, inputs: Mapping[str, Any]) -> Profile:
    """Run a program again, with a look at the clock after every node.

    No statistics are taken, so that the times are those of computing alone. On other devices
    each node is waited for.
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
    return Profile(_by_shown(graph, best.seconds), best.total)


def _by_shown(graph: Graph, seconds: list[float]) -> list[float]:
    """The times by the nodes that a reader sees."""
    places = {id(node): p for p, node in enumerate(graph.nodes)}
    found = [0.0] * len(seconds)
    waiting, last = 0.0, None
    for position, node in enumerate(graph.nodes):
        waiting += seconds[position]
        if position >= (graph.forward or len(graph)):
            of = node.derivative_of
            shown = graph.target if of is None else places.get(id(of[0]), graph.target)
            if shown is not None and graph.nodes[shown].name is not None:
                found[shown] += waiting
                waiting = 0.0
        elif node.name is not None:
            found[position] += waiting
            waiting, last = 0.0, position
    if last is not None:
        found[last] += waiting
    return found
