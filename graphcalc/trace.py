"""The record of a run: what every node was, and what it came to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from graphcalc.backends.base import KEEP, Program, Summary
from graphcalc.graph.ir import Graph
from graphcalc.graph.text import node_text
from graphcalc.ops.spec import FLOATS, ITEM_BYTES
from graphcalc.source import Source, Span


class Kept(NamedTuple):
    """What is kept of a value: itself, or None when it is too large, and a tensor's statistics."""

    value: Any
    summary: Summary | None


class Record(NamedTuple):
    """One node of a run.

    `id` is its place in the trace, `text` its expression in terms of other nodes' names, and
    `inputs` those names. `role` is `input`, `operation` or `result`. `value` is a number or
    nested lists, None when the tensor is too large to keep; `summary` has a tensor's
    statistics. `born` says which of `nan` and `inf` the node produced from operands that had
    none. `bytes` counts the value's elements. `gradient` is there where one was asked for and
    the node leads to its target; it has the node's shape and dtype. `seconds` is how long the
    node took, and `share` its part of the whole, where the run was profiled.
    """

    id: int
    name: str
    text: str
    source: Source
    span: Span
    op: str
    inputs: tuple[str, ...]
    role: str
    shape: tuple[int, ...]
    dtype: str
    device: str
    value: Any
    summary: Summary | None
    born: tuple[str, ...]
    bytes: int
    gradient: Kept | None = None
    seconds: float | None = None
    share: float | None = None


class Profile(NamedTuple):
    """Seconds by the graph's positions, and of the whole run.

    The time of a node that has no name is in that of the next one that has, the time of a
    backward pass in that of the nodes whose derivatives it computes.
    """

    seconds: list[float]
    total: float

    def share(self, position: int) -> float:
        """The part of the whole that a node takes, from 0 to 1."""
        return self.seconds[position] / self.total if self.total else 0.0


class Trace(Sequence[Record]):
    """The records of a run, in order of evaluation; each is made when it is asked for.

    Constants that are shown in place and the insides of bound values have no record.
    """

    def __init__(self, graph: Graph, program: Program, only: frozenset[int] | None = None) -> None:
        self.graph = graph
        self.backend = program.backend
        self.device = program.device
        self._program = program
        self._values: list[Any] = [None] * len(graph.nodes)
        self._shown: list[int] | None = None
        # The nodes that have a record, where not all have one.
        self.only = only
        self.profile: Profile | None = None

    # The observer of a backend

    needs_values = False

    def wants(self, position: int) -> bool:
        """Whether a large value's statistics are part of the record."""
        is_shown = self.graph.nodes[position].name is not None
        return is_shown and (self.only is None or position in self.only)

    def observe(self, position: int, value: Any) -> None:
        """Keep a scalar, a small tensor, or a summary."""
        node = self.graph.nodes[position]
        is_small = node.type.numel <= KEEP if node.name is not None else not node.type.shape
        if is_small or self.wants(position):
            kept, summary = self._program.snapshot(value, KEEP)
            self._values[position] = kept if summary is None else Kept(kept, summary)

    def observe_summary(self, position: int, summary: Summary) -> None:
        """Keep what is known of a value that was never there whole."""
        self._values[position] = Kept(None, summary)

    def observe_scalars(self, values: list[Any]) -> None:
        """Keep all values of a graph of scalars."""
        self._values = values

    # A sequence of records

    @property
    def positions(self) -> list[int]:
        """The graph's nodes that have a place in the trace."""
        if self._shown is None:
            own = self.graph.nodes[: self.graph.forward]
            self._shown = [i for i, node in enumerate(own) if node.name is not None]
        return self._shown

    @property
    def names(self) -> list[str]:
        """The names of the records."""
        nodes = self.graph.nodes
        return [nodes[self.positions[place]].name or "" for place in self._places]

    @property
    def _places(self) -> Sequence[int]:
        """The places of those that have a record."""
        if self.only is None:
            return range(len(self.positions))
        return [place for place, p in enumerate(self.positions) if p in self.only]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: Any) -> Any:
        found = self._places[index]
        return self._record(found) if isinstance(found, int) else list(map(self._record, found))

    def __iter__(self) -> Iterator[Record]:
        return map(self._record, self._places)

    def select(self, names: Sequence[str]) -> list[Record]:
        """The records of these names, in the trace's order."""
        wanted = {self.graph.names[name] for name in names}
        return [self._record(i) for i, p in enumerate(self.positions) if p in wanted]

    @property
    def results(self) -> list[Record]:
        """The records of the nodes that nothing else reads."""
        wanted = set(self.graph.results)
        return [self._record(i) for i, p in enumerate(self.positions) if p in wanted]

    def _record(self, place: int) -> Record:
        position = self.positions[place]
        node = self.graph.nodes[position]
        kept = self.kept(position)
        gradient = self.graph.gradients.get(position)
        names = (self.graph.nodes[i].name for i in node.operands)
        return Record(
            id=place,
            name=node.name or "",
            text=node_text(self.graph, position),
            source=node.source,
            span=node.span,
            op=node.op.name,
            inputs=() if node.is_bound else tuple(n for n in names if n is not None),
            role=self.graph.role(position),
            shape=node.type.shape,
            dtype=node.type.dtype,
            device=self.device,
            value=kept.value,
            summary=kept.summary,
            born=self.born(position),
            bytes=node.type.numel * ITEM_BYTES[node.type.dtype],
            gradient=None if gradient is None else self.kept(gradient),
            seconds=self.profile and self.profile.seconds[position],
            share=self.profile and self.profile.share(position),
        )

    def value(self, position: int) -> Any:
        """The value of a node, by its position in the graph; None where it was not kept."""
        found = self._values[position]
        return found.value if type(found) is Kept else found

    def kept(self, position: int) -> Kept:
        """What is kept of the value of a node, by its position in the graph."""
        found = self._values[position]
        return found if type(found) is Kept else Kept(found, None)

    @property
    def target(self) -> str | None:
        """The name of the node that the gradients are those of."""
        return None if self.graph.target is None else self.graph.nodes[self.graph.target].name

    # Numbers that are none

    def non_finite(self, position: int) -> tuple[int, int]:
        """How many elements of a node are nan, and how many infinite."""
        kept = self._values[position]
        if type(kept) is Kept:
            summary = kept.summary
            return (summary.nan, summary.inf) if summary else (0, 0)
        if type(kept) is not float:
            return (0, 0)
        return (int(math.isnan(kept)), int(math.isinf(kept)))

    def born(self, position: int) -> tuple[str, ...]:
        """Which of nan and inf this node produced: no operand has a nan, or neither has any."""
        if self.only is not None:
            return ()  # what the operands held is not known
        node = self.graph.nodes[position]
        nan, inf = self.non_finite(position)
        if not (nan or inf) or not node.operands or node.type.dtype not in FLOATS:
            return ()
        had_nan = had_inf = False
        for operand in node.operands:
            nans, infs = self.non_finite(operand)
            had_nan, had_inf = had_nan or nans > 0, had_inf or infs > 0
        made = (("nan", nan and not had_nan), ("inf", inf and not (had_nan or had_inf)))
        return tuple(kind for kind, is_made in made if is_made)

    def births(self) -> list[Record]:
        """The records of the nodes where a nan or an infinity was born."""
        return [self._record(place) for place, p in enumerate(self.positions) if self.born(p)]
