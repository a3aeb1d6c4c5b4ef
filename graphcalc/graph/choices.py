"""Conditions: branches that are chosen while the graph is made, and those that data decides.

What is known from shapes, flags, text, `None` and constants of the program is decided as Python
does: the other branch is never looked at. A condition on data is elementwise.
"""

from __future__ import annotations

from graphcalc.diagnostics import CallError, Label, brief
from graphcalc.graph.frames import Frame, Join, Select
from graphcalc.graph.lowered import (
    ListValue,
    Lowered,
    NoneValue,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.scope import Scope
from graphcalc.ops.shapes import show
from graphcalc.ops.table import OPS
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr


def truth(scope: Scope, item: Lowered) -> bool | None:
    """Return whether a value counts as true, where that is known; None for data."""
    match item:
        case StaticNumber():
            return bool(item.value)
        case NoneValue():
            return False
        case TextValue():
            return bool(item.text)
        case TupleValue() | ListValue():
            return bool(item.items)
        case int() if scope.is_python and item in scope.arguments.lists:
            return bool(scope.arguments.lists[item].items)
        case int():
            value = scope.decided(item)
            return None if value is None else bool(value)
    return None


def conditional(scope: Scope, node: ast.Conditional, frame: Frame) -> Frame:
    """Return the frame of the branch that is chosen; of both where data decides."""
    item = scope.values.pop()
    is_prelude = frame.place is not None
    chosen = scope.arguments.value(item) if is_prelude else truth(scope, item)
    if chosen is None and is_prelude:
        text = brief(frame.source.slice(node.condition.span))
        raise CallError(
            "static-condition",
            f"`{text}` must be known before the program runs",
            scope.label(node.condition, frame.source),
        )
    if chosen is not None:
        return _part(scope, (node.value if chosen else node.other,), (), frame)
    scope.values.append(item)
    return _part(scope, (node.value, node.other), (Select(node),), frame)


def _part(
    scope: Scope, roots: tuple[Expr, ...], then: tuple[Select | Join, ...], frame: Frame
) -> Frame:
    """Return a frame for parts of the expression that a frame evaluates."""
    code = [step for root in roots for step in scope.order(root)]
    part = Frame(iter([*code, *then]), frame.source, frame.values, place=frame.place)
    part.is_layer = frame.is_layer
    return part


def select(scope: Scope, step: Select, frame: Frame) -> None:
    """Put the elements that a condition on data chooses on the stack."""
    node = step.node
    condition, value, other = scope.operands((node.condition, node.value, node.other), frame)
    shapes = [scope.builder.nodes[p].type.shape for p in (condition, value, other)]
    if not shapes[0] and shapes[1] != shapes[2]:
        # One number decides about all elements: where it is known, the branch has its own shape.
        known = scope.arguments.value(condition)
        if known is not None:
            scope.values.append(value if known else other)
            return
        if scope.is_tracing:
            raise CallError(
                "static-argument", "an operand may be known", scope.label(node, frame.source)
            )
        _note_broadcast(scope, node, shapes[1], shapes[2], frame)
    scope.values.append(scope.add(OPS["where"], (condition, value, other), (), node, frame))


def _note_broadcast(
    scope: Scope,
    node: ast.Conditional,
    value: tuple[int, ...],
    other: tuple[int, ...],
    frame: Frame,
) -> None:
    if value and other:
        text = brief(frame.source.slice(node.condition.span))
        scope.builder.note(
            Label(frame.source, node.span),
            f"the run decides `{text}`, so the branches, {show(value)} and {show(other)}, "
            "are broadcast to one shape",
        )


def logic(scope: Scope, node: ast.Binary, frame: Frame) -> Frame | None:
    """`and` and `or`: the right operand is looked at where the left one does not decide."""
    item = scope.values.pop()
    known = truth(scope, item)
    if known is not None and known == (node.op == "logical_or"):
        scope.values.append(StaticNumber(known) if type(item) is int else item)
        return None
    if known is not None and type(item) is not int:
        return _part(scope, (node.right,), (), frame)
    scope.values.append(item)
    return _part(scope, (node.right,), (Join(node),), frame)


def join(scope: Scope, step: Join, frame: Frame) -> None:
    """Put what `and` or `or` makes of both operands on the stack."""
    node = step.node
    right, left = scope.values.pop(), scope.values.pop()
    known = truth(scope, left), truth(scope, right)
    if type(right) is not int and None not in known:
        found = all(known) if node.op == "logical_and" else any(known)
        scope.values.append(StaticNumber(found))
        return
    operands = [
        scope.operand(item, part, frame.source)
        for item, part in ((left, node.left), (right, node.right))
    ]
    scope.values.append(scope.add(OPS[node.op], (operands[0], operands[1]), (), node, frame))
