"""The computational graph: a flat list of nodes, each after its operands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from graphcalc.diagnostics import (
    CallError,
    DataError,
    DtypeError,
    GraphcalcError,
    IndexRangeError,
    Label,
    LimitError,
    ShapeError,
    UsageError,
    brief,
    did_you_mean,
)
from graphcalc.graph.static_arithmetic import arithmetic
from graphcalc.numbers import show_bytes
from graphcalc.ops.shapes import show
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import ITEM_BYTES, Op, Problem, Type
from graphcalc.ops.table import OPS
from graphcalc.source import Source, Span

MAX_NODES = 5_000_000
MAX_DIMENSIONS = 64


class Limits(NamedTuple):
    """What a program may use: nodes of its graph, and bytes of values alive at once."""

    nodes: int
    memory: int


class NodePlace(Protocol):
    """Where the nodes stand that the lines of one form add: `span` finds out for one line."""

    source: Source

    def span(self, line: int) -> Span:
        """The characters of a line that a node stands for."""


class Node:
    """One operation on earlier nodes.

    `operands` are positions in the graph, `params` the static arguments in the order of the
    op's signature. `name` is the user's or the next free letter, None for a constant that is
    shown in place. `written` is how static arguments were written, where that says more.
    `derivative_of` is set on a node of a backward pass: the node whose rule it is part of, and
    the number of its operand. A node stands in a span of a source, or in a line as a place says.
    """

    __slots__ = (
        *("_place", "_source", "derivative_of", "is_bound", "is_hidden", "name"),
        *("op", "operands", "params", "type", "written"),
    )

    def __init__(
        self,
        op: Op,
        operands: tuple[int, ...],
        params: tuple[Any, ...],
        type: Type,
        source: Source | NodePlace,
        span: Span | int,
        name: str | None = None,
        written: str = "",
    ) -> None:
        self.op = op
        self.operands = operands
        self.params = params
        self.type = type
        self._source = source
        self._place = span
        self.name = name
        self.is_bound = False
        self.is_hidden = False
        self.written = written
        self.derivative_of: tuple[Node, int] | None = None

    def replaced(self, **changes: Any) -> Node:
        """A node of its own that differs in some fields."""
        found: Node = object.__new__(Node)
        for slot in Node.__slots__:
            setattr(found, slot, changes.get(slot, getattr(self, slot)))
        return found

    @property
    def where(self) -> tuple[Source | NodePlace, Span | int]:
        """Where the node stands, as another node is told that stands there too."""
        return self._source, self._place

    @property
    def source(self) -> Source:
        """The text that the node stands in."""
        found = self._source
        return found if isinstance(found, Source) else found.source

    @property
    def span(self) -> Span:
        """The characters that the node stands for."""
        return label_of(self._source, self._place).span

    @property
    def is_input(self) -> bool:
        """Whether the node computes nothing from other nodes."""
        return self.is_bound or not self.operands


class Graph:
    """Nodes in topological order, the results among them, and the names of both."""

    def __init__(
        self,
        nodes: list[Node],
        results: list[int],
        names: dict[str, int],
        dtype: str,
        limits: Limits,
        static_inputs: frozenset[str] = frozenset(),
        notes: Iterable[Label] = (),
        sizes: Mapping[str, int] | None = None,
        target: int | None = None,
        forward: int | None = None,
        gradients: Mapping[int, int] | None = None,
        edges: Iterable[Any] = (),
    ) -> None:
        self.nodes, self.results, self.names = nodes, results, names
        self.dtype, self.limits = dtype, limits
        # Inputs whose value shaped the graph: with another value it is another graph.
        self.static_inputs = static_inputs
        # What a reader may want to know of the program: where, and what.
        self.notes = list(notes)
        # What the symbols of declared sizes stand for, as far as inputs have said.
        self.sizes = dict(sizes or {})
        # A backward pass: of which node, where its nodes begin, the gradient of each node by its
        # position, and what every use of a node adds to its gradient.
        self.target, self.forward = target, forward
        self.gradients = dict(gradients or {})
        self.edges = list(edges)
        # Of a graph that is finished: see `verify.alike` and `passes.work`, which find them.
        self.alike: list[int] | None = None
        self.work: Any = None
        self._result_set = frozenset(results)

    def replace(self, **changes: Any) -> Graph:
        """A graph of its own that differs in some of it."""
        found_later = ("alike", "work", "_result_set")
        kept = {name: value for name, value in vars(self).items() if name not in found_later}
        return Graph(**kept | changes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def role(self, position: int) -> str:
        """What a node is in the program: a `result`, an `input` or an `operation`."""
        if position in self._result_set:
            return "result"
        return "input" if self.nodes[position].is_input else "operation"

    def find(self, name: str) -> int:
        """Return the position of a name's node; raise UsageError with a hint where none has it."""
        found = self.names.get(name)
        if found is None:
            listed = sorted(self.names, key=self.names.__getitem__)[:12]
            raise UsageError(
                "unknown-node",
                f"the graph has no node `{brief(name)}`",
                note="its nodes are "
                + ", ".join(f"`{n}`" for n in listed)
                + (" …" if len(self.names) > 12 else ""),
                help=did_you_mean(name, self.names),
            )
        return found

    @property
    def inputs(self) -> dict[str, int]:
        """The nodes whose values come from outside, by name."""
        return {node.params[1]: i for i, node in enumerate(self.nodes) if node.op is OPS["input"]}


_ERRORS: dict[str, type[GraphcalcError]] = {
    "limit": LimitError,
    "shape": ShapeError,
    "dtype": DtypeError,
    "index": IndexRangeError,
    "call": CallError,
}


class Builder:
    """Adds nodes: gives each its type, shares equal ones, and keeps to the limits."""

    def __init__(self, dtype: str, limits: Limits, nodes: list[Node] | None = None) -> None:
        self.dtype, self.limits = dtype, limits
        self.nodes: list[Node] = [] if nodes is None else nodes
        # Nodes to be shared by their operands, for each op with its static arguments; constants.
        self.shared: dict[Any, dict[tuple[int, ...], int]] = {}
        self.constants: dict[Any, int] = {}
        self.random_count = 0
        # Written numbers that gradients are taken of: they stand for any number.
        self.variables: set[int] = set()
        self.notes: list[Label] = []
        self._types: dict[Any, Type] = {}
        self._static: dict[int, Any] = {}

    def add(
        self,
        op: Op,
        operands: tuple[int, ...],
        params: tuple[Any, ...],
        source: Source | NodePlace,
        span: Span | int,
        *,
        is_shared: bool = True,
        written: str = "",
        context: tuple[Label, ...] = (),
    ) -> int:
        """The position of the node; an equal one that exists already is taken instead.

        Raises ShapeError, DtypeError or IndexRangeError where the operands do not fit, and
        LimitError where the value would be too large.
        """
        is_shared = is_shared and op.kind != "random"
        if is_shared:
            equal = self.shared.setdefault((op.name, params), {})
            if operands in equal:
                return equal[operands]
        type_ = self.type_of(op, operands, params, source, span, context)
        position = self._append(Node(op, operands, params, type_, source, span, written=written))
        if is_shared:
            equal[operands] = position
        return position

    def _append(self, node: Node) -> int:
        if len(self.nodes) >= self.limits.nodes:
            raise LimitError(
                "nodes",
                f"the graph has more than {self.limits.nodes:,} nodes",
                (Label(node.source, node.span),),
                help="raise it with --max-nodes",
            )
        self.nodes.append(node)
        return len(self.nodes) - 1

    def type_of(
        self,
        op: Op,
        operands: tuple[int, ...],
        params: tuple[Any, ...],
        source: Source | NodePlace,
        span: Span | int,
        context: tuple[Label, ...] = (),
    ) -> Type:
        """The type that a node would have; the errors are those of `add`."""
        nodes = self.nodes
        types = tuple([nodes[i].type for i in operands])
        key = (op.name, types, params)
        type_ = self._types.get(key)
        if type_ is None:
            try:
                type_ = self._types[key] = op.type(self.dtype, types, params)
            except Problem as problem:
                raise explain(problem, self.nodes, operands, source, span, context) from None
            self._check_size(type_, op, source, span)
        return type_

    def note(self, label: Label, text: str) -> None:
        """Remember what a reader may want to know of a place in the program, once."""
        noted = label._replace(text=text)
        if noted not in self.notes:
            self.notes.append(noted)

    def constant(
        self,
        value: Any,
        source: Source | NodePlace,
        span: Span | int,
        *,
        is_shared: bool = True,
        type_: Type | None = None,
    ) -> int:
        """A number of the program's text, or a symbolic size; weak, unless a type is given."""
        if type_ is None:
            type_ = Type((), "bool") if type(value) is bool else Type((), self.dtype, True)
        key = constant_key(value, type_)
        if is_shared and key in self.constants:
            return self.constants[key]
        position = self._append(Node(OPS["const"], (), (type_, (value,)), type_, source, span))
        if is_shared:
            self.constants[key] = position
        return position

    def literal(self, position: int) -> tuple[Any, ...] | None:
        """The elements of a constant that has no name; None for any other node."""
        node = self.nodes[position]
        if position in self.variables:
            return None
        return node.params[1] if node.op is OPS["const"] and node.name is None else None

    @classmethod
    def resume(cls, graph: Graph) -> Builder:
        """A builder that goes on where a graph ends, and shares its nodes."""
        builder = cls(graph.dtype, graph.limits, graph.nodes)
        for position, node in enumerate(graph.nodes):
            if node.op is OPS["const"] and node.name is None and not node.type.shape:
                type_, (value,) = node.params
                builder.constants[constant_key(value, type_)] = position
            elif node.operands and not node.is_bound and node.op is not OPS["alias"]:
                equal = builder.shared.setdefault((node.op.name, node.params), {})
                equal[node.operands] = position
            elif node.op.kind == "random":
                builder.random_count += 1
        return builder

    def know(self, position: int, value: Any) -> None:
        """Remember the value of a scalar input, so that it can serve as a static number."""
        self._static[position] = value

    def static(self, position: int) -> Any:
        """The value of a scalar node that is known before the program runs, or None.

        Evaluates what the node depends on with the ops' own scalar kernels.
        """
        known = self._static
        stack = [position]
        while stack:
            current = stack[-1]
            if current in known:
                stack.pop()
                continue
            node = self.nodes[current]
            waiting = [i for i in node.operands if i not in known]
            if node.type.shape != () or (waiting and node.op.kind not in ("elementwise", "leaf")):
                known[current] = None
            elif waiting:
                stack += waiting
            else:
                known[current] = self._static_value(node)
        return known[position]

    def _static_value(self, node: Node) -> Any:
        if node.op is OPS["const"]:
            return node.params[1][0]
        values = [self._static[i] for i in node.operands]
        if not values or None in values:
            return None
        if Size in map(type, values):
            if node.op is OPS["alias"]:
                return values[0]
            return arithmetic(node.op.name, *values) if len(values) == 2 else None
        if node.op is OPS["alias"]:
            return values[0]
        if node.op.kind != "elementwise":
            return None
        if node.op.casting != "own":
            values = [float(v) for v in values]
        return node.op.python(*values)

    def _check_size(
        self, type_: Type, op: Op, source: Source | NodePlace, span: Span | int
    ) -> None:
        if len(type_.shape) > MAX_DIMENSIONS:
            raise LimitError(
                "dimensions",
                f"a tensor has at most {MAX_DIMENSIONS} dimensions, as in torch",
                (label_of(source, span),),
            )
        size = type_.numel * ITEM_BYTES[type_.dtype]
        if size == 0 and Size not in map(type, type_.shape):
            # Of nothing there can be too much, too: its rows are lists when it is shown.
            size = math.prod(n or 1 for n in type_.shape)
        if type(size) is int and size > self.limits.memory:
            raise LimitError(
                "memory",
                f"shape {show(type_.shape)} needs {show_bytes(size)}, "
                f"and the limit is {show_bytes(self.limits.memory)}",
                (label_of(source, span),),
                help="raise it with --max-memory",
            )


def constant_key(value: Any, type_: Type | None) -> tuple[Any, ...]:
    """What constants are shared by: 0.0 equals -0.0, and nan differs from itself."""
    is_plain = type(value) is float and value != 0 and value == value
    return value.__class__, value if is_plain else repr(value), type_


def label_of(source: Source | NodePlace, span: Span | int) -> Label:
    """Where a node stands, found out."""
    if isinstance(span, Span):
        return Label(source, span)  # type: ignore[arg-type]
    return Label(source.source, source.span(span))  # type: ignore[union-attr]


def text_of(node: Node) -> str:
    """How a message calls a node: by its name, or as it is written."""
    return f"`{node.name or brief(node.source.slice(node.span))}`"


def explain(
    problem: Problem,
    nodes: list[Node],
    operands: tuple[int, ...],
    source: Source | NodePlace,
    span: Span | int,
    context: tuple[Label, ...] = (),
) -> GraphcalcError:
    """What does not fit about operands, as an error that names and shows them."""
    found = [nodes[i] for i in operands]
    message = problem.message.format(*map(text_of, found)) if found else problem.message
    labels = tuple(Label(n.source, n.span, show(n.type.shape)) for n in found)
    error = _ERRORS[problem.kind]
    return error(
        f"{problem.kind}-mismatch",
        message,
        (label_of(source, span), *labels, *context),
        note=problem.note,
        help=problem.help,
    )


def wrong_value(problem: Problem, graph: Graph, position: int) -> GraphcalcError:
    """The error for a value that an op cannot take: DataError where it came from outside."""
    node = graph.nodes[position]
    error = explain(problem, graph.nodes, node.operands, node.source, node.span)
    pending, seen = list(node.operands), set()
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        found = graph.nodes[current]
        if found.is_bound:
            d = error.diagnostic
            return DataError(d.code, d.message, d.labels, d.note, d.help)
        pending += found.operands
    return error
