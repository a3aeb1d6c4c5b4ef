"""Where NaN and infinity are born in a graph, and which nodes carry them on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from graphcalc.analysis.nan_origins import is_rule_number
from graphcalc.backends.base import NonFinite
from graphcalc.graph.ir import Graph
from graphcalc.trace import Trace

# Names of nodes that the title of a picture lists.
_NAMES = 3


class Mark(NamedTuple):
    """What a node has to say of NaN and infinity.

    `born` and `carried` are which of `nan` and `inf` it produced and which it received, in either
    pass. `lines` are the texts that say so, with their kinds: `born` and `carried` for values,
    `backward` for gradients.
    """

    born: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()


NO_MARK = Mark()


class Marks:
    """The marks of a graph's nodes, from what each of them has and produced that is not finite."""

    def __init__(self, graph: Graph, counts: Mapping[int, NonFinite]) -> None:
        self._graph, self._counts = graph, counts
        self._back = self._births() if graph.gradients else {}

    def _births(self) -> dict[int, list[int]]:
        """Return the nodes of the backward pass that produced some, by the node they belong to.

        That is the one whose derivative they are part of, or the one whose gradient they are.
        """
        graph, nodes = self._graph, self._graph.nodes
        places = {id(node): position for position, node in enumerate(nodes)}
        owners = {gradient: position for position, gradient in graph.gradients.items()}
        found: dict[int, list[int]] = {}
        for position, counts in self._counts.items():
            if position < (graph.forward or 0) or is_rule_number(nodes[position]):
                continue
            of = nodes[position].derivative_of
            owner = owners.get(position) if of is None else places.get(id(of[0]))
            if owner is not None and (counts.produced_nan or counts.produced_inf):
                found.setdefault(owner, []).append(position)
        return found

    def at(self, position: int) -> Mark:
        """Return the mark of a node of the forward pass."""
        if position not in self._counts and not self._graph.gradients:
            return NO_MARK
        born, carried = self._forward(position)
        born_back, carried_back = self._backward(position)
        where = "came in" if self._is_given(position) else "born"
        lines = [
            *_said(born, f"← {{}} {where} here", "born"),
            *_said(carried, "carries {}", "carried"),
            *_said(born_back, "← {} born here in the backward pass", "backward"),
            *_said(carried_back, "gradient carries {}", "backward"),
        ]
        return Mark(_together(born, born_back), _together(carried, carried_back), tuple(lines))

    def _is_given(self, position: int) -> bool:
        node = self._graph.nodes[position]
        return node.is_bound or not node.operands

    def _forward(self, position: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        counts = self._counts.get(position)
        if counts is None:
            return (), ()
        if self._is_given(position):
            return _kinds(counts.nan, counts.inf), ()
        return _produced(counts), _received(counts)

    def _backward(self, position: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        births = self._back.get(position, [])
        born = _together(*[_produced(self._counts[place]) for place in births])
        gradient = self._graph.gradients.get(position)
        counts = None if gradient is None else self._counts.get(gradient)
        if counts is None:
            return born, ()
        return born, _received(counts) if gradient in births else _kinds(counts.nan, counts.inf)


def marks_of_trace(trace: Trace) -> Marks:
    """Return the marks that the statistics of a run tell, of the forward pass alone."""
    found = {}
    for position in trace.positions:
        nan, inf = trace.non_finite(position)
        if nan or inf:
            born = trace.born(position)
            found[position] = NonFinite(
                nan, inf, nan if "nan" in born else 0, inf if "inf" in born else 0
            )
    return Marks(trace.graph, found)


def folded_mark(inside: Sequence[Mark], ends: Sequence[Mark]) -> Mark:
    """Return the mark of a box of several nodes, of which others read some: the ends.

    What is born inside is not said to be carried too.
    """
    born = _together(*[mark.born for mark in inside])
    received = _together(*[mark.carried for mark in ends])
    carried = tuple(kind for kind in received if kind not in born)
    lines = [*_said(born, "← {} born inside", "born"), *_said(carried, "carries {}", "carried")]
    return Mark(born, carried, tuple(lines))


def in_words(graph: Graph, marks: Iterable[tuple[int, Mark]]) -> tuple[str, list[str]]:
    """Return what the title of a picture says of its marks, and the legend."""
    born, carried, kinds = [], [], []
    for position, mark in marks:
        name = graph.nodes[position].name or ""
        born += [name] if mark.born else []
        carried += [name] if mark.carried and not mark.born else []
        kinds += [*mark.born, *mark.carried]
    what = " and ".join(kind for kind in ("nan", "inf") if kind in kinds)
    titles = [f"{what} born in {_listed(born)}"] if born else []
    titles += [f"{what} carried by {_listed(carried)}"] if carried else []
    legend = [f"←: {what} born there"] if born else []
    legend += [f"dashed border: {what} carried on"] if carried else []
    return "; ".join(titles), legend


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _said(kinds: tuple[str, ...], words: str, kind: str) -> list[tuple[str, str]]:
    return [(words.format(" and ".join(kinds)), kind)] if kinds else []


def _kinds(nan: int, inf: int) -> tuple[str, ...]:
    return tuple(kind for kind, count in (("nan", nan), ("inf", inf)) if count)


def _produced(counts: NonFinite) -> tuple[str, ...]:
    return _kinds(counts.produced_nan, counts.produced_inf)


def _received(counts: NonFinite) -> tuple[str, ...]:
    return _kinds(counts.nan - counts.produced_nan, counts.inf - counts.produced_inf)


def _together(*several: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(kind for kind in ("nan", "inf") if any(kind in kinds for kinds in several))
