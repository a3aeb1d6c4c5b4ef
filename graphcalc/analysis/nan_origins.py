"""Where numbers that are none come from: the nodes that make them, apart from those that pass
them on, in the forward and in the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphcalc.analysis.hints import guarded, stable_exp, stable_log, where_around
from graphcalc.backends.base import NonFinite, Program, Summary
from graphcalc.graph.ir import Graph, Node
from graphcalc.graph.passes import last_uses, users_of
from graphcalc.graph.text import node_text, operand_text
from graphcalc.ops.spec import FLOATS
from graphcalc.ops.table import OPS
from graphcalc.source import Source, Span

# Origins that are looked at closely.
_MOST = 100


class Origin(NamedTuple):
    """A node that made a nan or an infinity, or that brought one in.

    `nan` and `inf` count the elements made, `first` is the index of the first one and `value`
    what it is; `operands` are the texts of what it was made of, with their values there.
    `reaches` are the results and gradients that an unbroken way of such nodes leads to.
    `gradient_of` is the text of the node whose derivative this is part of, in the backward pass.
    `why` says the cause in words and `instead` is an expression that avoids it; both may be empty.
    """

    name: str
    text: str
    source: Source
    span: Span
    nan: int
    inf: int
    first: tuple[int, ...]
    value: float
    operands: tuple[tuple[str, Any], ...]
    reaches: tuple[str, ...]
    gradient_of: str
    is_given: bool
    why: str
    instead: str

    @property
    def kinds(self) -> str:
        """`nan`, `inf`, or both."""
        found = (("nan", self.nan), ("inf", self.inf))
        return " and ".join(kind for kind, count in found if count)


class Origins(NamedTuple):
    """Where the numbers that are none were made, and the names of the nodes that pass them on.

    `made` holds a hundred at most, those that reach a result first; `more` counts the others.
    """

    made: list[Origin]
    passed_on: tuple[str, ...]
    more: int


def find_origins(graph: Graph, program: Program, inputs: Mapping[str, Any]) -> Origins:
    """Run a graph again and look at every element; the origins are in order of evaluation."""
    search = _Search(graph, program)
    program.run(inputs, search)
    faults = search.faults
    born = {p for p, f in faults.items() if f.born_nan or f.born_inf}
    passed_on = tuple(graph.nodes[p].name or "" for p in faults if p not in born)
    ends = _ends(graph, faults)
    leading = _leading(graph, faults, (position for position, _ in ends))
    shown = [p for p in sorted(born) if _is_shown(graph.nodes[p])]
    told = sorted(sorted(shown, key=lambda p: p not in leading)[:_MOST])
    reaches = _reaches(graph, faults, ends, told)
    users = users_of(graph) if told else []
    looks = {p: _Look(graph, p, faults[p], users) for p in told}
    sample = _Sample(program, [pair for look in looks.values() for pair in look.wanted])
    if looks:
        program.run(inputs, sample)
    made = [look.origin(sample.found, reaches[p]) for p, look in looks.items()]
    return Origins(made, tuple(name for name in passed_on if name), len(shown) - len(told))


def _is_shown(node: Node) -> bool:
    """Whether a node is one of the program's own, not inside of a bound value."""
    return bool(node.name or node.derivative_of or node.op is OPS["const"])


@dataclass(slots=True, eq=False)
class _Search:
    """An observer that keeps values until their last use, and the faults of each."""

    graph: Graph
    program: Program
    faults: dict[int, NonFinite] = field(default_factory=dict)
    _values: dict[int, Any] = field(default_factory=dict)
    _releases: list[tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self._releases = last_uses(self.graph, frozenset())

    # Of values that are nowhere whole no element can be taken.
    needs_values = True

    def wants(self, position: int) -> bool:
        """Of no node: values tell more."""
        return False

    def observe_summary(self, position: int, summary: Summary) -> None:
        """There are none."""

    def observe(self, position: int, value: Any) -> None:
        """Look at a value beside those that it was computed from."""
        node = self.graph.nodes[position]
        self._values[position] = value
        if node.type.dtype in FLOATS:
            operands = [] if node.is_bound else [self._values[i] for i in node.operands]
            found = self.program.faults(value, operands, node.op.kind == "elementwise")
            if found is not None:
                self.faults[position] = found
        for released in self._releases[position]:
            del self._values[released]

    def observe_scalars(self, values: list[Any]) -> None:
        """Look at all values of a graph of scalars."""
        for position, value in enumerate(values):
            self.observe(position, value)


@dataclass(slots=True, eq=False)
class _Sample:
    """An observer that takes single elements."""

    program: Program
    wanted: list[tuple[int, tuple[int, ...]]]
    found: dict[tuple[int, tuple[int, ...]], Any] = field(default_factory=dict)
    _by_position: dict[int, list[tuple[int, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for position, index in self.wanted:
            self._by_position.setdefault(position, []).append(index)

    # Of values that are nowhere whole no element can be taken.
    needs_values = True

    def wants(self, position: int) -> bool:
        """Of no node: values tell more."""
        return False

    def observe_summary(self, position: int, summary: Summary) -> None:
        """There are none."""

    def observe(self, position: int, value: Any) -> None:
        """Take the elements of a value that are wanted."""
        for index in self._by_position.get(position, ()):
            self.found[position, index] = self.program.element(value, index)

    def observe_scalars(self, values: list[Any]) -> None:
        """Take those of all values."""
        for position in self._by_position:
            self.observe(position, values[position])


class _Look:
    """What to know of one node where something was born, beyond that it was."""

    def __init__(
        self, graph: Graph, position: int, faults: NonFinite, users: list[list[int]]
    ) -> None:
        self.graph, self.position, self.faults, self.users = graph, position, faults, users
        self.node = graph.nodes[position]
        self.index = _unravel(faults.first, self.node.type.shape)
        self.of = self._derived()
        seen = [position, *(self._operands(self.node))]
        if self.of is not None:
            node, at = self.of
            seen += [at, *self._operands(node)]
            if at in graph.gradients:
                seen.append(graph.gradients[at])
        self.wanted = [(p, self.index) for p in seen if self._fits(p)]

    def _derived(self) -> tuple[Node, int] | None:
        """The node that this one is part of the derivative of, and its position."""
        found = self.node.derivative_of
        if found is None:
            return None
        node = found[0]
        try:
            return node, self.graph.nodes.index(node)
        except ValueError:
            return None

    @staticmethod
    def _operands(node: Node) -> tuple[int, ...]:
        return () if node.is_bound else node.operands

    def _fits(self, position: int) -> bool:
        """Whether a node's elements stand beside this one's."""
        shape, own = self.graph.nodes[position].type.shape, self.node.type.shape
        is_plain = self.node.op.kind == "elementwise" or position == self.position
        tail = own[len(own) - len(shape) :] if len(shape) <= len(own) else ()
        return (
            (not shape or is_plain)
            and all(m in (1, n) for m, n in zip(shape, tail))
            and len(shape) <= len(own)
        )

    def origin(self, values: dict[Any, Any], reaches: tuple[str, ...]) -> Origin:
        """The origin, with values that were taken."""
        graph, node = self.graph, self.node
        at = {p: values[p, i] for p, i in self.wanted if (p, i) in values}
        operands = tuple(
            (operand_text(graph, i), at.get(i)) for i in dict.fromkeys(self._operands(node))
        )
        why, instead = self._cause(at)
        return Origin(
            name=node.name or "",
            text=node_text(graph, self.position).strip(),
            source=node.source,
            span=node.span,
            nan=self.faults.born_nan,
            inf=self.faults.born_inf,
            first=self.index,
            value=at[self.position],
            operands=operands,
            reaches=reaches,
            gradient_of="" if self.of is None else self._shown(self.of[1]),
            is_given=not self._operands(node),
            why=why,
            instead=instead,
        )

    def _shown(self, position: int) -> str:
        name = self.graph.nodes[position].name
        text = node_text(self.graph, position)
        return f"{name} = {text}" if name else text

    def _cause(self, at: dict[int, Any]) -> tuple[str, str]:
        """What happened, in words, and what to write instead."""
        if self.of is not None:
            return self._backward_cause(at, *self.of)
        why, instead = _named(self.graph, self.node, at)
        if self.node.op is OPS["exp"]:
            return why, stable_exp(self.graph, self.position, self.users) or instead
        if self.node.op is OPS["log"]:
            return why, stable_log(self.graph, self.position) or instead
        return why, instead

    def _backward_cause(self, at: dict[int, Any], node: Node, position: int) -> tuple[str, str]:
        graph = self.graph
        operands = [operand_text(graph, i) for i in node.operands]
        met = ", ".join(
            f"{operand_text(graph, i)} = {at[i]:g}" for i in dict.fromkeys(node.operands) if i in at
        )
        why = f"the derivative of `{self._shown(position)}` is not finite at {met}" if met else ""
        gradient = graph.gradients.get(position)
        arrived = at.get(gradient) if gradient is not None else None
        if arrived is not None and arrived - arrived != 0:
            return _named(graph, self.node, at)[0], ""
        if arrived == 0:
            branch = where_around(graph, position, self.users)
            if branch is not None:
                why = (
                    f"0 * inf: `{self._shown(branch)}` does not take `{node.name}` here, "
                    "but its derivative is computed all the same"
                )
                return why, guarded(graph, branch, position)
        stable = stable_log(graph, position) if node.op is OPS["log"] else ""
        return why, stable or node.op.pole.format(*operands)


def _named(graph: Graph, node: Node, at: dict[int, Any]) -> tuple[str, str]:
    """The first cause in the op's row whose test the operands pass."""
    values = [at.get(i) for i in node.operands]
    texts = [operand_text(graph, i) for i in node.operands]
    for cause in node.op.causes:
        if node.op.kind != "elementwise" or (None not in values and cause.test(*values)):
            return cause.words, cause.instead.format(*texts, op=node.op.name)
    return "", ""


def _ends(graph: Graph, faults: Mapping[int, NonFinite]) -> list[tuple[int, str]]:
    """The results and the inputs' gradients that have faults, with their names."""
    found = [(p, graph.nodes[p].name or "") for p in graph.results if p in faults]
    target = graph.nodes[graph.target].name if graph.target is not None else ""
    for position, gradient in graph.gradients.items():
        node = graph.nodes[position]
        if gradient in faults and node.is_input:
            found.append((gradient, f"d{target}/d{node.name}"))
    return found


def _leading(graph: Graph, faults: Mapping[int, NonFinite], ends: Iterable[int]) -> set[int]:
    """The nodes that lead to an end through nodes with faults alone."""
    found = set(ends)
    for position in sorted(faults, reverse=True):
        node = graph.nodes[position]
        if position in found and not node.is_bound:
            found.update(i for i in node.operands if i in faults)
    return found


def _reaches(
    graph: Graph, faults: Mapping[int, NonFinite], ends: list[tuple[int, str]], origins: list[int]
) -> dict[int, tuple[str, ...]]:
    """By origin, the names of the ends that it leads to through nodes with faults alone."""
    # A bit for every origin that leads to a node: names in each node would be quadratic.
    bits = {position: 1 << place for place, position in enumerate(origins)}
    leads: dict[int, int] = {}
    for position in sorted(faults):
        node = graph.nodes[position]
        leads[position] = bits.get(position, 0)
        for operand in () if node.is_bound else node.operands:
            leads[position] |= leads.get(operand, 0)
    return {
        position: tuple(sorted({name for end, name in ends if leads[end] & bit}))
        for position, bit in bits.items()
    }


def _unravel(place: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    index: list[int] = []
    for size in reversed(shape):
        index.append(place % size)
        place //= size
    return tuple(reversed(index))
