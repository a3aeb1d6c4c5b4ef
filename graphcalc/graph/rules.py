"""The derivatives of the op table, made ready to be applied to many nodes.

A row's formula is text. It is read once for operands of given types, which gives a short list of
steps in terms of slots; applying it to a node adds those steps to the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from graphcalc.graph.ir import Builder, Node, NodePlace
from graphcalc.graph.lowered import Lowered, NoneValue, StaticArgument, StaticNumber, TextValue
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import NONE, TENSORS, ZERO, Op, Type, parameters
from graphcalc.ops.table import OPS
from graphcalc.source import Source, Span
from graphcalc.syntax import expr as ast
from graphcalc.syntax.parser import parse_expression

if TYPE_CHECKING:
    from graphcalc.graph.walk import Walker


class RuleStep(NamedTuple):
    """One node of a formula; `operands` are slots."""

    op: Op
    operands: tuple[int, ...]
    params: tuple[Any, ...]


class Rule(NamedTuple):
    """The gradient of one operand: steps on the slots, and the slot that holds it in the end.

    The slots are the operands, the result, the result's gradient, and the steps in order.
    """

    steps: tuple[RuleStep, ...]
    result: int


class Rules:
    """The rules of a graph's rows: `ZERO` and `NONE` stand for themselves."""

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._found: dict[Any, Rule | str] = {}

    def find(self, node: Node, types: tuple[Type, ...], place: int, g: Type) -> Rule | str:
        """How the gradient of a node's operand comes from the node's own, of type `g`."""
        key = (node.op.name, types, node.params, place, g)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._read(node, types, place, g)
        return found

    def apply(
        self,
        rule: Rule,
        slots: tuple[int, ...],
        source: Source | NodePlace,
        span: Span | int,
        origin: tuple[Node, int] | None = None,
    ) -> int:
        """The node of a rule's result, for these operands, result and gradient.

        `origin` is the node, and the number of its operand, that new nodes are derivatives of.
        """
        builder, values = self._walker.builder, list(slots)
        nodes = builder.nodes
        for op, operands, params in rule.steps:
            first = len(nodes)
            values.append(
                add_simplified(builder, op, [values[i] for i in operands], params, source, span)
            )
            for added in nodes[first:]:
                added.derivative_of = origin
        return values[rule.result]

    def _read(self, node: Node, types: tuple[Type, ...], place: int, g: Type) -> Rule | str:
        op = node.op
        formulas = op.vjp(types, node.params) if callable(op.vjp) else op.vjp
        text = formulas[place]
        if text in (ZERO, NONE):
            return text
        builder = Builder(self._walker.builder.dtype, self._walker.builder.limits)
        sizes = {str(s): s for t in types for s in t.shape if type(s) is Size}
        walker = self._walker.apart(builder, sizes.get)
        source, span = Source(text, "<prelude>"), Span(0, len(text))

        def slot(type_: Type) -> int:
            params = (type_, str(len(builder.nodes)))
            return builder.add(OPS["input"], (), params, source, span, is_shared=False)

        values: dict[str, Lowered] = {n: slot(t) for n, t in zip(names_of(op, len(types)), types)}
        values |= {"out": slot(node.type), "g": slot(g)}
        static = [p for p in parameters(op) if p.kind not in TENSORS and p.kind != "key"]
        values |= {p.name: _item(value) for p, value in zip(static, node.params)}
        result = walker.formula(parse_expression(source), source, values)
        count = len(types) + 2
        steps = tuple(RuleStep(n.op, n.operands, n.params) for n in builder.nodes[count:])
        return Rule(steps, result)


def names_of(op: Op, count: int) -> list[str]:
    """What a formula calls each operand: those of a list or a variadic parameter are numbered."""
    names: list[str] = []
    for parameter in parameters(op):
        if parameter.kind == "tensors" or (parameter.variadic and parameter.kind in TENSORS):
            names += [f"{parameter.name}{i}" for i in range(count - len(names))]
        elif parameter.kind in TENSORS:
            names.append(parameter.name)
    return names


def _item(value: Any) -> Lowered:
    """A static argument as expressions have it."""
    if value is None:
        return NoneValue(ast.NoneLiteral(0, 0))
    if isinstance(value, str):
        return TextValue(value)
    return StaticArgument(value) if isinstance(value, tuple) else StaticNumber(value)


def add_simplified(
    builder: Builder,
    op: Op,
    operands: list[int],
    params: tuple[Any, ...],
    source: Source | NodePlace,
    span: Span | int,
) -> int:
    """A node, or what it comes to where that is plain: `1*x` is x, `3 - 1` is 2.

    Only changes that no value can tell apart are made; 0*x is not 0 when x is nan.
    """
    if op is OPS["const"]:
        type_, data = params
        if not type_.shape:
            return builder.constant(data[0], source, span, type_=type_)
    fillings = [_filling(builder, i) for i in operands]
    numbers = [None if i is None else builder.nodes[i].params[1][0] for i in fillings]
    is_plain = op.kind == "elementwise" and None not in numbers
    if is_plain or op.identity_operand is not None:
        type_ = builder.type_of(op, tuple(operands), params, source, span)
        place = None
        if op.identity_operand is not None:
            place = op.identity_operand(
                tuple(builder.nodes[i].type for i in operands), type_, numbers
            )
        if place is not None and builder.nodes[operands[place]].type == type_:
            return operands[place]
        if is_plain and type_.dtype != "int64":
            values = numbers if op.casting == "own" else [_float(v) for v in numbers]
            return _filled(builder, op.python(*values, *params), type_, source, span)
    if op.kind == "elementwise" and any(f is not None for f in fillings):
        # Where it broadcasts to the same, the number itself does for a tensor of it.
        short = [i if f is None else f for i, f in zip(operands, fillings)]
        if short != operands:
            wanted = builder.type_of(op, tuple(operands), params, source, span)
            if builder.type_of(op, tuple(short), params, source, span) == wanted:
                operands = short
    return builder.add(op, tuple(operands), params, source, span)


def _filled(
    builder: Builder, value: Any, type_: Type, source: Source | NodePlace, span: Span | int
) -> int:
    """A number, or a tensor of it."""
    found = builder.constant(value, source, span, type_=type_._replace(shape=()))
    if not type_.shape:
        return found
    return builder.add(OPS["expand"], (found,), (type_.shape,), source, span)


def _float(value: Any) -> Any:
    return float(value)


def _filling(builder: Builder, position: int) -> int | None:
    """The unnamed constant that a node is, or that a backward pass filled it with; else None."""
    node = builder.nodes[position]
    while node.op is OPS["expand"] and node.derivative_of is not None and node.name is None:
        position = node.operands[0]
        node = builder.nodes[position]
    if node.op is not OPS["const"] or node.name is not None or node.type.shape:
        return None
    is_known = type(node.params[1][0]) is not Size and position not in builder.variables
    return position if is_known else None
