"""The walk that finds what the lines of a template add to a graph."""

from __future__ import annotations

from typing import Any, NamedTuple

from graphcalc.diagnostics import CallError, GraphcalcError, Label
from graphcalc.graph.call_arguments import Arguments
from graphcalc.graph.frames import Frame
from graphcalc.graph.ir import Builder
from graphcalc.graph.lowered import Lowered
from graphcalc.graph.walk import Walker
from graphcalc.ops.prelude import Composite
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import Op, Type
from graphcalc.ops.table import OPS, PREFIXES
from graphcalc.source import Source, Span
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.parser import number_of
from graphcalc.syntax.skeletons import Template

_PLAIN = frozenset(
    (ast.Name, ast.Number, ast.Boolean, ast.Unary, ast.Binary, ast.Comparison, ast.Conditional)
)


class Constant(NamedTuple):
    """A number that a line needs: its own number `leaf`, maybe negated, or a fixed `value`.

    `where` is a piece of the template's text, or a label elsewhere.
    """

    slot: int
    leaf: int
    is_negated: bool
    value: Any
    type: Type | None
    where: Span | Label


class ExpansionStep(NamedTuple):
    """A node that a line adds, of operands in slots."""

    slot: int
    op: Op
    operands: tuple[int, ...]
    params: tuple[Any, ...]
    type: Type
    where: Span | Label


class Expansion(NamedTuple):
    """What a line comes to: constants and steps in order, and the slot of its value.

    The slots are first the names that are read, then the constants, then the steps. `inlined` is
    what the line's calls of functions unfold to. `is_simple` says that its own numbers are all
    its constants, and that it unfolds nothing.
    """

    events: tuple[Constant | ExpansionStep, ...]
    result: int
    inlined: int
    is_simple: bool


def trace_fragment(
    walker: Walker,
    template: Template,
    kinds: list[tuple[Type, bool]],
    digits: list[str] | None = None,
) -> Expansion | None:
    """What a line adds that reads names of these types; None where these do not decide it.

    `kinds` say of every name its type, and whether it stands for a constant's own name. With the
    line's numbers, `digits`, what it comes to may depend on them.
    """
    if any(is_word or Size in map(type, type_.shape) for type_, is_word in kinds):
        return None
    if not all([_is_plain(walker, node, digits is not None) for node in template.nodes]):
        return None
    statement = template.statement
    assert statement is not None
    learner = _FragmentTracer(walker, statement.source, digits)
    values: dict[str, Lowered] = {}
    for place, (type_, _) in enumerate(kinds):
        values[f"\x01{place}"] = learner.slot(type_, statement.name_span)
    try:
        frame = Frame(iter(learner.walk(statement.value)), statement.source, values)
        result = learner.operand(learner.run(frame), statement.value, statement.source)
        return learner.expansion(len(kinds), result) if learner.is_plain() else None
    except GraphcalcError:
        return None
    finally:
        learner.forget()


def _is_plain(walker: Walker, node: Expr, has_digits: bool) -> bool:
    """Whether a node's meaning is a matter of types, and of numbers where these are known."""
    match node:
        case ast.Call(function=ast.Name(name=name)) if name in walker.functions:
            return has_digits or not any(map(_is_number, node.arguments))
        case ast.Call(function=ast.Name(name=name)):
            found = walker.calls.find(name) if walker.calls.is_builtin(name) else None
        case ast.Call(function=ast.Attribute(name=name, value=ast.Name(name=module))):
            found = walker.calls.find(name, module)
        case ast.Call(function=ast.Attribute(name=name, value=ast.Attribute(name=module))):
            found = walker.calls.find(name, module)
        case ast.Attribute(value=ast.Name(name=name)):
            # In `math.sin(x)` there is no value before the dot.
            return name in PREFIXES and name not in walker.names
        case ast.Attribute(value=value):
            return type(value) is ast.Attribute
        case _:
            return type(node) in _PLAIN
    has_number = any(map(_is_number, node.arguments))
    if isinstance(found, Op):
        # `max(x, 2)` is about a dimension where x has one.
        return not (found.two_tensor_op and has_number)
    return isinstance(found, Composite) and (has_digits or not has_number)


def _is_number(node: Expr) -> bool:
    while type(node) is ast.Unary:
        node = node.operand
    return type(node) is ast.Number


class _FragmentTracer(Walker):
    """A walker of a graph of its own, where numbers of one source are inputs, or `digits`."""

    def __init__(self, walker: Walker, source: Source, digits: list[str] | None) -> None:
        builder = Builder(walker.builder.dtype, walker.builder.limits)
        super().__init__(builder, Arguments(builder), _missing, walker.seed)
        self.functions = walker.functions
        self._source, self._digits = source, digits
        # By position, the number in the text that an input is, and whether it is negated.
        self._numbers: dict[int, tuple[int, bool]] = {}

    def run(self, frame: Frame) -> Lowered:
        """What a frame's code comes to."""
        return self._run(frame)

    def forget(self) -> None:
        """Let go of what refers back: cycles would stay until they are collected."""
        vars(self).clear()

    def slot(self, type_: Type, span: Span) -> int:
        """An input that stands for a leaf."""
        params = (type_, str(len(self.builder.nodes)))
        return self.builder.add(OPS["input"], (), params, self._source, span, is_shared=False)

    def _number(self, node: Expr, leaf: int, is_negated: bool) -> None:
        position = self.slot(Type((), self.builder.dtype, True), node.span)
        self._numbers[position] = leaf, is_negated
        self.values.append(position)

    def _constant(self, node: ast.Number | ast.Boolean, frame: Frame) -> None:
        if frame.source is not self._source or type(node) is not ast.Number:
            super()._constant(node, frame)
            return
        leaf = int(node.value - 1)
        if self._digits is None:
            self._number(node, leaf, False)
        else:
            value = number_of(self._digits[leaf])
            self.values.append(self.builder.constant(value, self._source, node.span))

    def _unary(self, node: ast.Unary, frame: Frame) -> None:
        is_own = frame.source is self._source and type(node.operand) is ast.Number
        if is_own and node.op == "neg" and self._digits is None:
            leaf, _ = self._numbers[self.values.pop()]  # type: ignore[index]
            self._number(node, leaf, True)
        else:
            super()._unary(node, frame)

    def is_plain(self) -> bool:
        """Whether all nodes are shared ones of scalar constants and of ops on elements."""
        builder, calls = self.builder, self.calls
        if builder.random_count or builder.notes or builder.variables:
            return False
        is_static = any(builder.nodes[p].op is not OPS["const"] for p in self.arguments.static_uses)
        if is_static or calls.have_taken_gradients():
            return False
        shared = {p for table in builder.shared.values() for p in table.values()}
        shared |= set(builder.constants.values())
        for position, node in enumerate(builder.nodes):
            if node.op is OPS["input"]:
                continue
            is_const = node.op is OPS["const"] and not node.type.shape
            is_op = node.op.kind == "elementwise"
            is_marked = node.written or node.is_hidden or node.derivative_of
            if position not in shared or is_marked or not (is_const or is_op):
                return False
        return True

    def expansion(self, names: int, result: int) -> Expansion:
        """The nodes behind those of the names, as constants and steps."""
        nodes = self.builder.nodes
        operations = [p for p in range(names, len(nodes)) if nodes[p].operands]
        constants = [p for p in range(names, len(nodes)) if not nodes[p].operands]
        slots = {p: slot for slot, p in enumerate([*range(names), *constants, *operations])}
        events: list[Constant | ExpansionStep] = []
        for position in range(names, len(nodes)):
            node, slot = nodes[position], slots[position]
            is_own = node.source is self._source
            where: Span | Label = node.span if is_own else Label(node.source, node.span)
            if node.operands:
                operands = tuple([slots[i] for i in node.operands])
                events.append(ExpansionStep(slot, node.op, operands, node.params, node.type, where))
            elif position in self._numbers:
                events.append(Constant(slot, *self._numbers[position], None, None, where))
            else:
                type_, (value,) = node.params
                events.append(Constant(slot, -1, False, value, type_, where))
        leaves = [self._numbers.get(p) for p in constants]
        is_simple = leaves == [(i, False) for i in range(len(leaves))] and not self.calls.inlined
        return Expansion(tuple(events), slots[result], self.calls.inlined, is_simple)


def _missing(name: str, label: Label) -> GraphcalcError:
    return CallError("missing-input", f"`{name}` is none of the line's own names", (label,))
