"""The trace of a run: a record of every node, with its value or its statistics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

from graphcalc.backends.base import KEEP, Program, Summary, Value
from graphcalc.displays import Displayed
from graphcalc.graph.ir import Graph
from graphcalc.graph.text import node_text
from graphcalc.numbers import Nested
from graphcalc.ops.spec import FLOATS, ITEM_BYTES
from graphcalc.source import Source, Span

# Elements up to which a share of a gradient is kept.
_SHARE = 12


class Kept(NamedTuple):
    """A value as nested lists, or None when it is too large to keep, and a tensor's statistics."""

    value: Nested | None
    summary: Summary | None


class Record(NamedTuple):
    """One node of a run.

    `id` is its number in the trace, `text` its expression in terms of other nodes' names, and
    `inputs` those names. `role` is `input`, `operation` or `result`. `value` is a number or
    nested lists, None when the tensor is too large to keep; `summary` has a tensor's
    statistics. `born` says which of `nan` and `inf` the node produced from operands that had
    none. `bytes` is the size of the value. `gradient` is not None where one was asked for and the
    target depends on the node; it has the node's shape and dtype. `seconds` is the time of the
    node and `share` its part of the whole run, where the run was profiled.
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
    value: Nested | None
    summary: Summary | None
    born: tuple[str, ...]
    bytes: int
    gradient: Kept | None = None
    seconds: float | None = None
    share: float | None = None


class Profile(NamedTuple):
    """Seconds by the graph's positions, and of the whole run.

    The time of a node without a name counts for the next node with one, the time of a backward
    pass for the nodes whose derivatives it computes.
    """

    seconds: list[float]
    total: float

    def share(self, position: int) -> float:
        """Return a node's part of the whole time, from 0 to 1."""
        return self.seconds[position] / self.total if self.total else 0.0


class Trace(Displayed, Sequence[Record]):
    """The records of a run in order of evaluation; a record is made when it is read.

    Constants that are written inside of expressions, and nodes of bound values, have no record.
    `only` are the positions that have a record, where not all do. During the run the trace is the
    observer of the program.
    """

    def __init__(self, graph: Graph, program: Program, only: frozenset[int] | None = None) -> None:
        self.graph = graph
        self.backend = program.backend
        self.device = program.device
        self._program = program
        self._values: list[Kept | Nested | None] = [None] * len(graph.nodes)
        self._recorded: list[int] | None = None
        self.only = only
        self.profile: Profile | None = None
        # Small shares of gradients, which have no name, and are shown on a worked page.
        self._shares = {
            edge.share
            for edge in graph.edges
            if type(edge.share) is int and graph.nodes[edge.share].type.numel <= _SHARE
        }

    needs_values = False

    def wants(self, position: int) -> bool:
        """Return whether a large value's statistics belong to a record."""
        if position in self._shares:
            return True
        has_name = self.graph.nodes[position].name is not None
        return has_name and (self.only is None or position in self.only)

    def observe(self, position: int, value: Value) -> None:
        """Keep a scalar, a small tensor, or a large tensor's statistics."""
        node = self.graph.nodes[position]
        is_small = node.type.numel <= KEEP if node.name is not None else not node.type.shape
        if is_small or self.wants(position):
            kept, summary = self._program.snapshot(value, KEEP)
            self._values[position] = kept if summary is None else Kept(kept, summary)

    def observe_summary(self, position: int, summary: Summary) -> None:
        """Keep the statistics of a value that was computed in tiles."""
        self._values[position] = Kept(None, summary)

    def observe_scalars(self, values: list[Value]) -> None:
        """Keep all values of a graph of scalars."""
        self._values = values

    @property
    def positions(self) -> list[int]:
        """The positions of the graph's nodes that have a number in the trace, by this number."""
        if self._recorded is None:
            own = self.graph.nodes[: self.graph.forward]
            self._recorded = [i for i, node in enumerate(own) if node.name is not None]
        return self._recorded

    @property
    def dtypes(self) -> list[str]:
        """The floating point dtypes of the nodes, or the others where none is.

        The first is the run's or, where no node has that, a result's.
        """
        nodes, own = self.graph.nodes, self.graph.dtype
        found = dict.fromkeys([nodes[p].type.dtype for p in self.positions])
        ends = [nodes[p].type.dtype for p in self.graph.results]
        floats = [d for d in (own, *ends, *reversed(FLOATS)) if d in found and d in FLOATS]
        return list(dict.fromkeys(floats)) or list(found) or [own]

    @property
    def names(self) -> list[str]:
        """The names of the records."""
        nodes = self.graph.nodes
        return [nodes[self.positions[number]].name or "" for number in self._numbers]

    @property
    def _numbers(self) -> Sequence[int]:
        """The numbers of the nodes that have a record."""
        if self.only is None:
            return range(len(self.positions))
        return [number for number, p in enumerate(self.positions) if p in self.only]

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        found = self._numbers[index]
        return self._record(found) if isinstance(found, int) else list(map(self._record, found))

    def __iter__(self) -> Iterator[Record]:
        return map(self._record, self._numbers)

    def select(self, names: Sequence[str]) -> list[Record]:
        """Return the records of these names, in order of evaluation."""
        wanted = {self.graph.names[name] for name in names}
        return [self._record(i) for i, p in enumerate(self.positions) if p in wanted]

    @property
    def results(self) -> list[Record]:
        """The records of what a program prints, or else of the nodes that nothing else reads."""
        places = {p: i for i, p in enumerate(self.positions)}
        return [self._record(places[p]) for p in self.graph.results if p in places]

    def _record(self, number: int) -> Record:
        position = self.positions[number]
        node = self.graph.nodes[position]
        kept = self.kept(position)
        gradient = self.graph.gradients.get(position)
        names = (self.graph.nodes[i].name for i in node.operands)
        return Record(
            id=number,
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

    def value(self, position: int) -> Nested | None:
        """Return the value of the node at a position of the graph; None where it was not kept."""
        return self.kept(position).value

    def kept(self, position: int) -> Kept:
        """Return what is kept of the value of the node at a position of the graph."""
        found = self._values[position]
        return found if isinstance(found, Kept) else Kept(found, None)

    @property
    def target(self) -> str | None:
        """The name of the node whose gradients were computed."""
        return None if self.graph.target is None else self.graph.nodes[self.graph.target].name

    def non_finite(self, position: int) -> tuple[int, int]:
        """Return how many elements of a node are NaN, and how many are infinite."""
        kept = self._values[position]
        if type(kept) is Kept:
            summary = kept.summary
            return (summary.nan, summary.inf) if summary else (0, 0)
        if type(kept) is not float:
            return (0, 0)
        return (int(math.isnan(kept)), int(math.isinf(kept)))

    def born(self, position: int) -> tuple[str, ...]:
        """Return which of `nan` and `inf` a node produced.

        A `nan` counts where no operand has one, an `inf` where no operand has either.
        """
        if self.only is not None:
            return ()  # the statistics of the operands are not kept
        node = self.graph.nodes[position]
        nan, inf = self.non_finite(position)
        if not (nan or inf) or not node.operands or node.type.dtype not in FLOATS:
            return ()
        had_nan = had_inf = False
        for operand in node.operands:
            nans, infs = self.non_finite(operand)
            had_nan, had_inf = had_nan or nans > 0, had_inf or infs > 0
        kinds = (("nan", nan and not had_nan), ("inf", inf and not (had_nan or had_inf)))
        return tuple(kind for kind, is_produced in kinds if is_produced)

    def births(self) -> list[Record]:
        """Return the records of the nodes that produced a NaN or an infinity."""
        return [self._record(number) for number, p in enumerate(self.positions) if self.born(p)]
