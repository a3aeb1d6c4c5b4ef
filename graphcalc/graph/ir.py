"""The computational graph: a flat list of nodes, each after its operands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

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
    ValueRangeError,
    brief,
    did_you_mean,
)
from graphcalc.graph.call_tree import CallTree
from graphcalc.ops.shapes import show
from graphcalc.ops.spec import Op, Problem, Type
from graphcalc.ops.table import OPS
from graphcalc.source import Source, Span

MAX_NODES = 5_000_000


class Limits(NamedTuple):
    """What a program may use: nodes of its graph, and bytes of values alive at once."""

    nodes: int
    memory: int


class LinePlace(Protocol):
    """Where the nodes stand that the lines of one form add: `span` finds out for one line."""

    source: Source

    def span(self, line: int) -> Span:
        """Return the characters of a line that a node stands for."""


# Where a node stands: in a span of a source, or in a line whose span is found out when asked for.
Where: TypeAlias = "tuple[Source, Span] | tuple[LinePlace, int]"


class Node:
    """One operation on earlier nodes.

    `operands` are positions in the graph, `params` the static arguments in the order of the
    op's signature. `name` is the user's or the next free letter, None for a constant that is
    shown in place. `written` is how static arguments were written, where that says more.
    `derivative_of` is set on a node of a backward pass: the node whose rule it is part of, and
    the number of its operand. `is_constant` says that no gradient passes to its operands, as under
    `torch.no_grad()`. `where` is the text that it stands for.
    """

    __slots__ = (
        *("derivative_of", "is_bound", "is_constant", "is_hidden", "name", "op"),
        *("operands", "params", "type", "where", "written"),
    )

    def __init__(
        self,
        op: Op,
        operands: tuple[int, ...],
        params: tuple[Any, ...],
        type: Type,
        where: Where,
        name: str | None = None,
        written: str = "",
    ) -> None:
        self.op = op
        self.operands = operands
        self.params = params
        self.type = type
        self.where = where
        self.name = name
        self.is_bound = False
        self.is_constant = False
        self.is_hidden = False
        self.written = written
        self.derivative_of: tuple[Node, int] | None = None

    def replace(self, **changes: Any) -> Node:
        """Return a node of its own that differs in some fields."""
        made = Node(self.op, self.operands, self.params, self.type, self.where)
        for slot in Node.__slots__:
            setattr(made, slot, changes.get(slot, getattr(self, slot)))
        return made

    @property
    def source(self) -> Source:
        """The text that the node stands in."""
        place = self.where[0]
        return place if isinstance(place, Source) else place.source

    @property
    def span(self) -> Span:
        """The characters that the node stands for."""
        return label_of(self.where).span

    @property
    def is_input(self) -> bool:
        """Whether the node computes nothing from other nodes."""
        return self.is_bound or not self.operands


class FragmentNode(NamedTuple):
    """A node of a fragment: its operands are slots, and a number in its data may be a hole.

    `where` is a piece of the text that was lowered, or a label elsewhere; None stands for the
    place that the fragment is spliced for.
    """

    slot: int
    op: Op
    operands: tuple[int, ...]
    params: tuple[Any, ...]
    type: Type
    where: Span | Label | None
    written: str
    is_hidden: bool
    is_shared: bool


class FragmentNumber(NamedTuple):
    """A constant of a fragment: a value, or the hole of a number that is written in the text."""

    slot: int
    value: Any
    type: Type
    where: Span | Label | None
    written: str


class NumberHole(float):
    """A number of the text that a fragment was lowered from: another text has another there.

    `index` counts the numbers of the text, `is_negated` says that the minus before it is part of
    it. In everything else it is the number of the text at hand.
    """

    __slots__ = ("index", "is_negated")
    index: int
    is_negated: bool

    def __new__(cls, value: float, index: int, *, is_negated: bool = False) -> NumberHole:
        """Return the number of the text at hand as a hole."""
        made = super().__new__(cls, value)
        made.index, made.is_negated = index, is_negated
        return made

    def __neg__(self) -> NumberHole:
        return NumberHole(-float(self), self.index, is_negated=not self.is_negated)

    def of(self, numbers: Sequence[float]) -> float:
        """Return what stands in the hole, given the numbers of a text."""
        value = numbers[self.index]
        return -value if self.is_negated else value


class Fragment(NamedTuple):
    """A piece of a graph with holes: for its operands, and for the numbers of its text.

    The slots are first the operands, then the constants, then the other nodes. `events` are the
    constants and nodes in the order in which they are added, `result` is the slot of the value.
    `inlined` counts what the calls inside unfold to. Under `is_simple` the numbers of the text
    are all the constants there are, in order, and every node is shared. `undecided` are operands
    that a condition depends on, taken for data.
    """

    events: tuple[FragmentNode | FragmentNumber, ...]
    operands: int
    result: int
    inlined: int
    is_simple: bool
    undecided: tuple[int, ...] = ()

    @property
    def nodes(self) -> Iterator[FragmentNode]:
        """The nodes that are no scalar constants."""
        return (event for event in self.events if isinstance(event, FragmentNode))


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
        carried: Mapping[str, str] | None = None,
        calls: CallTree | None = None,
        static_names: frozenset[str] = frozenset(),
    ) -> None:
        self.nodes, self.results, self.names = nodes, results, names
        self.dtype, self.limits = dtype, limits
        # Inputs whose value shaped the graph: with another value it is another graph.
        self.static_inputs = static_inputs
        # Names of constants whose value shaped the graph, or may have.
        self.static_names = static_names
        # What a reader may want to know of the program: where, and what.
        self.notes = list(notes)
        # What the symbols of declared sizes stand for, as far as inputs have said.
        self.sizes = dict(sizes or {})
        # A backward pass: of which node, where its nodes begin, the gradient of each node by its
        # position, and what every use of a node adds to its gradient.
        self.target, self.forward = target, forward
        self.gradients = dict(gradients or {})
        self.edges = list(edges)
        # Names that the program has for columns of text, which are carried as they are.
        self.carried = dict(carried or {})
        # The calls that added the nodes, where they were recorded.
        self.calls = calls
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


def label_of(where: Where) -> Label:
    """Return the label of a place: its source and its span."""
    place, at = where
    if isinstance(place, Source):
        assert isinstance(at, Span)
        return Label(place, at)
    assert isinstance(at, int)
    return Label(place.source, place.span(at))


# Operations that give their operand as it is.
_SAME_VALUE = frozenset({"alias", "detach", "within"})


def text_of(node: Node) -> str:
    """How a message calls a node: by its name, or as it is written."""
    return f"`{node.name or brief(node.source.slice(node.span))}`"


def _operand_text(nodes: list[Node], position: int, call: Label) -> str:
    """How a message calls an operand: inside of a function's call by what it is made of."""
    made: list[Op] = []
    node = nodes[position]
    while _is_inside(node, call) and len(node.operands) == 1:
        if node.op.name not in _SAME_VALUE:
            made.append(node.op)
        node = nodes[node.operands[0]]
    if _is_inside(node, call):
        return f"a value inside of {text_of(node)}"
    text = text_of(node)[1:-1]
    for op in reversed(made):
        text = _applied(op, text)
    return f"`{text}`"


def _applied(op: Op, text: str) -> str:
    """How an operation of an operand reads, without its static arguments."""
    if not op.text.startswith("{0}.") or "{items}" in op.text:
        return f"{op.name}({text})"
    is_name = text.replace(".", "_").isidentifier()
    return op.text.format(text if is_name else f"({text})")


def _is_inside(node: Node, call: Label) -> bool:
    """Whether a function's call made a node, which then stands where the call does."""
    return node.source is call.source and node.span == call.span and bool(node.operands)


_ERRORS: dict[str, type[GraphcalcError]] = {
    "limit": LimitError,
    "shape": ShapeError,
    "dtype": DtypeError,
    "index": IndexRangeError,
    "call": CallError,
    "value": ValueRangeError,
}


def explain(
    problem: Problem,
    nodes: list[Node],
    operands: tuple[int, ...],
    where: Where,
    context: tuple[Label, ...] = (),
) -> GraphcalcError:
    """What does not fit about operands, as an error that names and shows them."""
    found = [nodes[i] for i in operands]
    texts = [_operand_text(nodes, i, label_of(where)) for i in operands]
    message = problem.message.format(*texts) if found else problem.message
    labels = tuple(Label(n.source, n.span, show(n.type.shape)) for n in found)
    error = _ERRORS[problem.kind]
    return error(
        f"{problem.kind}-mismatch",
        message,
        (label_of(where), *labels, *context),
        note=problem.note,
        help=problem.help,
    )


def wrong_value(problem: Problem, graph: Graph, position: int) -> GraphcalcError:
    """The error for a value that an op cannot take: DataError where it came from outside."""
    node = graph.nodes[position]
    error = explain(problem, graph.nodes, node.operands, node.where)
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
