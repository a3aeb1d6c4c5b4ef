"""Origins of NaN and infinity: the nodes that produce them, in the forward and the backward pass.

A node produces a NaN in an element where no operand has one, and an infinity where no operand has
either. Other nodes with such elements pass them on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from graphcalc.analysis.hints import (
    guarded,
    is_finite,
    stable_exp,
    stable_log,
    values_by_name,
    varies,
    where_around,
)
from graphcalc.backends.base import Inputs, NonFinite, NullObserver, Program, Value
from graphcalc.data.arrays import FileArray
from graphcalc.evaluate import Outcome
from graphcalc.graph.ir import Graph, Node
from graphcalc.graph.passes import last_uses, users_of, work
from graphcalc.graph.text import node_text, operand_text
from graphcalc.numbers import unravel
from graphcalc.ops.causes import EPS
from graphcalc.ops.spec import FLOATS
from graphcalc.ops.table import OPS
from graphcalc.source import RULES, Source, Span

# Origins that are examined in full.
_MOST = 100
# The most scalar operations of a run that is repeated without being asked for.
_REPEATABLE = 50_000_000

_Index: TypeAlias = tuple[int, ...]
# Elements by position and index.
_Elements: TypeAlias = dict[tuple[int, _Index], float]


class Origin(NamedTuple):
    """A node that produced a NaN or an infinity, or an input that held one (`is_given`).

    `nan` and `inf` count the elements produced; `first` is the index of the first one, `value` is
    that element, and `operands` pairs the operands' texts with their elements there. `reaches`
    names the results and gradients at the end of paths of nodes that all are non-finite.
    `gradient_of` is the text of the node whose derivative this is part of, in the backward pass.
    `why` says the cause in words, `instead` is an expression that avoids it; both may be empty.
    """

    name: str
    text: str
    source: Source
    span: Span
    nan: int
    inf: int
    first: tuple[int, ...]
    value: float
    operands: tuple[tuple[str, float | None], ...]
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
    """The nodes that produced NaN or infinity, and the names of those that passed them on.

    `made` has at most a hundred, those that reach a result before others; `more` counts the rest.
    `counts` has every node of the graph that is not finite, by its position.
    """

    made: list[Origin]
    passed_on: tuple[str, ...]
    more: int
    counts: Mapping[int, NonFinite]


def find_origins(graph: Graph, program: Program, inputs: Inputs) -> Origins:
    """Run a graph again, examine every element, and return the origins in evaluation order."""
    found = non_finite_counts(graph, program, inputs)
    origins = {p for p, counts in found.items() if counts.produced_nan or counts.produced_inf}
    passed_on = tuple(graph.nodes[p].name or "" for p in found if p not in origins)
    ends = _ends(graph, found)
    leading = _leading(graph, found, (position for position, _ in ends))
    own = [p for p in sorted(origins) if _is_own(graph.nodes[p])]
    chosen = sorted(sorted(own, key=lambda p: p not in leading)[:_MOST])
    reaches = _reaches(graph, found, ends, chosen)
    users = users_of(graph) if chosen else []
    cases = {p: _Case(graph, p, found[p], users) for p in chosen}
    sample = _Sample(program, [pair for case in cases.values() for pair in case.wanted])
    if cases:
        program.run(inputs, sample)
    made = [case.origin(sample.found, reaches[p]) for p, case in cases.items()]
    more = len(own) - len(chosen)
    return Origins(made, tuple(name for name in passed_on if name), more, found)


def non_finite_counts(graph: Graph, program: Program, inputs: Inputs) -> dict[int, NonFinite]:
    """Run a graph again and return what every node has and produced that is not finite."""
    search = _Search(graph, program)
    program.run(inputs, search)
    return search.found


def is_repeatable(outcome: Outcome) -> bool:
    """Return whether another run takes little time: not one that reads large files tile by tile."""
    is_here = not any(isinstance(value, FileArray) for value in outcome.inputs.values())
    return is_here and work(outcome.graph) <= _REPEATABLE


def _is_own(node: Node) -> bool:
    """Return whether a node is one of the program's own, not inside of a bound value."""
    is_written = node.op is OPS["const"] and not is_rule_number(node)
    return bool(node.name or node.derivative_of or is_written)


def is_rule_number(node: Node) -> bool:
    """Return whether a node is a number that no program has, but the formula of a derivative."""
    return node.op is OPS["const"] and node.source.name == RULES


class _Search(NullObserver):
    """Observer that keeps values until their last use, and counts what is not finite in each."""

    # Elements can only be read of values that are computed whole.
    needs_values = True

    def __init__(self, graph: Graph, program: Program) -> None:
        self.found: dict[int, NonFinite] = {}
        self._graph, self._program = graph, program
        self._values: dict[int, Value] = {}
        self._releases = last_uses(graph, frozenset())

    def observe(self, position: int, value: Value) -> None:
        """Compare a value with those that it was computed from."""
        node = self._graph.nodes[position]
        self._values[position] = value
        if node.type.dtype in FLOATS:
            nodes, own = self._graph.nodes, () if node.is_bound else node.operands
            operands = [self._values[i] for i in own if not is_rule_number(nodes[i])]
            counts = self._program.non_finite(value, operands, node.op.kind == "elementwise")
            if counts is not None:
                self.found[position] = counts
        for released in self._releases[position]:
            del self._values[released]

    def observe_scalars(self, values: list[Value]) -> None:
        """Compare every value of a graph of scalars with its operands."""
        for position, value in enumerate(values):
            self.observe(position, value)


class _Sample(NullObserver):
    """Observer that keeps single elements."""

    needs_values = True

    def __init__(self, program: Program, wanted: list[tuple[int, _Index]]) -> None:
        self.found: _Elements = {}
        self._program = program
        self._wanted: dict[int, list[_Index]] = {}
        for position, index in wanted:
            self._wanted.setdefault(position, []).append(index)

    def observe(self, position: int, value: Value) -> None:
        """Keep the wanted elements of a value."""
        for index in self._wanted.get(position, ()):
            self.found[position, index] = self._program.element(value, index)

    def observe_scalars(self, values: list[Value]) -> None:
        """Keep the wanted ones of all values."""
        for position in self._wanted:
            self.observe(position, values[position])


class _Case:
    """One node that produced NaN or infinity, with the elements that its cause is read from."""

    def __init__(
        self, graph: Graph, position: int, counts: NonFinite, users: list[list[int]]
    ) -> None:
        self.graph, self.position, self.counts, self.users = graph, position, counts, users
        self.node = graph.nodes[position]
        self.index = unravel(counts.first, self.node.type.shape)
        self.of = self._derived()
        related = [position, *(self._operands(self.node))]
        if self.of is not None:
            node, at = self.of
            related += [at, *self._operands(node)]
            if at in graph.gradients:
                related.append(graph.gradients[at])
        self.wanted = [(p, self.index) for p in related if self._fits(p)]

    def _derived(self) -> tuple[Node, int] | None:
        """Return the node of whose derivative this one is part, and its position."""
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
        """Return whether a node's elements correspond to this one's by index."""
        shape, own = self.graph.nodes[position].type.shape, self.node.type.shape
        is_plain = self.node.op.kind == "elementwise" or position == self.position
        tail = own[len(own) - len(shape) :] if len(shape) <= len(own) else ()
        return (
            (not shape or is_plain)
            and all(m in (1, n) for m, n in zip(shape, tail))
            and len(shape) <= len(own)
        )

    def origin(self, elements: _Elements, reaches: tuple[str, ...]) -> Origin:
        """Return the origin, with the elements that were kept."""
        graph, node = self.graph, self.node
        at = {p: elements[p, i] for p, i in self.wanted if (p, i) in elements}
        operands = tuple(
            (operand_text(graph, i), at.get(i)) for i in dict.fromkeys(self._operands(node))
        )
        why, instead = self._cause(at)
        return Origin(
            name=node.name or "",
            text=node_text(graph, self.position).strip(),
            source=node.source,
            span=node.span,
            nan=self.counts.produced_nan,
            inf=self.counts.produced_inf,
            first=self.index,
            value=at[self.position],
            operands=operands,
            reaches=reaches,
            gradient_of="" if self.of is None else self._text(self.of[1]),
            is_given=not self._operands(node),
            why=why,
            instead=instead,
        )

    def _text(self, position: int) -> str:
        name = self.graph.nodes[position].name
        text = node_text(self.graph, position)
        return f"{name} = {text}" if name else text

    def _cause(self, at: dict[int, float]) -> tuple[str, str]:
        """Return the cause in words, and an expression that avoids it."""
        if self.of is not None:
            return self._backward_cause(at, *self.of)
        why, instead = _named(self.graph, self.node, at)
        if self.node.op is OPS["exp"]:
            return why, stable_exp(self.graph, self.position, self.users) or instead
        if self.node.op is OPS["log"]:
            return why, stable_log(self.graph, self.position) or instead
        return why, instead

    def _backward_cause(self, at: dict[int, float], node: Node, position: int) -> tuple[str, str]:
        graph = self.graph
        operands = [operand_text(graph, i) for i in node.operands]
        met = ", ".join(
            f"{operand_text(graph, i)} = {at[i]:g}"
            for i in dict.fromkeys(node.operands)
            if i in at and graph.nodes[i].name
        )
        why = f"the derivative of `{self._text(position)}` is not finite at {met}" if met else ""
        gradient = graph.gradients.get(position)
        arrived = at.get(gradient) if gradient is not None else None
        if arrived is not None and not math.isfinite(arrived):
            return _named(graph, self.node, at)[0], ""
        if arrived == 0:
            branch = where_around(graph, position, self.users)
            if branch is not None:
                why = (
                    f"0 * inf: `{self._text(branch)}` does not take `{node.name}` here, "
                    "but its derivative is computed all the same"
                )
                return why, guarded(graph, branch, position)
        stable = stable_log(graph, position) if node.op is OPS["log"] else ""
        pole = node.op.pole.format(*operands, eps=_eps(node))
        if not any(varies(graph, i) for i in node.operands):
            return why, ""
        return why, stable or (pole if is_finite(pole, values_by_name(graph, node, at)) else "")


def _named(graph: Graph, node: Node, at: dict[int, float]) -> tuple[str, str]:
    """Return the first cause in the op's row whose test the operands pass."""
    values = [at.get(i) for i in node.operands]
    texts = [operand_text(graph, i) for i in node.operands]
    symbol = node.op.symbol
    for cause in node.op.causes:
        if node.op.kind != "elementwise" or (None not in values and cause.test(*values)):
            words = cause.words.format(*texts)
            instead = cause.instead.format(*texts, op=node.op.name, symbol=symbol, eps=_eps(node))
            is_data = bool(instead) and varies(graph, node.operands[cause.guarded])
            helps = is_data and is_finite(instead, values_by_name(graph, node, at))
            return words, instead if helps else ""
    return "", ""


def _eps(node: Node) -> str:
    return EPS.get(node.type.dtype, EPS["float64"])


def _ends(graph: Graph, found: Mapping[int, NonFinite]) -> list[tuple[int, str]]:
    """Return the results and the inputs' gradients that are not finite, with their names."""
    ends = [(p, graph.nodes[p].name or "") for p in graph.results if p in found]
    target = graph.nodes[graph.target].name if graph.target is not None else ""
    for position, gradient in graph.gradients.items():
        node = graph.nodes[position]
        if gradient in found and node.is_input:
            ends.append((gradient, f"d{target}/d{node.name}"))
    return ends


def _leading(graph: Graph, found: Mapping[int, NonFinite], ends: Iterable[int]) -> set[int]:
    """Return the nodes with a path to an end along which all nodes are non-finite."""
    leading = set(ends)
    for position in sorted(found, reverse=True):
        node = graph.nodes[position]
        if position in leading and not node.is_bound:
            leading.update(i for i in node.operands if i in found)
    return leading


def _reaches(
    graph: Graph, found: Mapping[int, NonFinite], ends: list[tuple[int, str]], origins: list[int]
) -> dict[int, tuple[str, ...]]:
    """Return, by origin, the names of the ends that paths of non-finite nodes lead to."""
    # One bit for every origin that leads to a node; sets of names at each node would be quadratic.
    bits = {position: 1 << bit for bit, position in enumerate(origins)}
    leads: dict[int, int] = {}
    for position in sorted(found):
        node = graph.nodes[position]
        leads[position] = bits.get(position, 0)
        for operand in () if node.is_bound else node.operands:
            leads[position] |= leads.get(operand, 0)
    return {
        position: tuple(sorted({name for end, name in ends if leads[end] & bit}))
        for position, bit in bits.items()
    }
