"""Comparisons: those that are decided while the graph is made, and those of data."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from graphcalc.diagnostics import CallError
from graphcalc.graph import text_comparison
from graphcalc.graph.frames import Frame
from graphcalc.graph.lowered import (
    ListValue,
    Lowered,
    NoneValue,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.scope import Scope
from graphcalc.ops.sizes import Size
from graphcalc.ops.table import OPS
from graphcalc.ops.words import DTYPES
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_NEGATED = {"is_not": "is", "not_in": "in"}
# What no number or tensor equals.
_NO_NUMBER = (TextValue, NoneValue, TupleValue)


def comparison(scope: Scope, node: ast.Comparison, frame: Frame) -> None:
    """Put the truth of a chain of comparisons on the stack."""
    items = scope.pop(len(node.operands))
    sides = list(zip(items, node.operands))
    links = [
        _link(scope, op, left, right, node, frame)
        for op, left, right in zip(node.ops, sides, sides[1:])
    ]
    scope.values.append(_joined(scope, "logical_and", links, node, frame))


def _joined(
    scope: Scope, op: str, links: list[Lowered], node: ast.Comparison, frame: Frame
) -> Lowered:
    """Return what `and` or `or` makes of truths, of which static ones may decide alone."""
    decisive = op == "logical_or"
    static = [bool(link.value) for link in links if isinstance(link, StaticNumber)]
    if decisive in static:
        return StaticNumber(decisive)
    if len(static) == len(links):
        return StaticNumber(not decisive)
    first, *others = [link for link in links if type(link) is int]
    for link in others:
        first = scope.add(OPS[op], (first, link), (), node, frame)
    return first


def _link(
    scope: Scope,
    op: str,
    left: tuple[Lowered, Expr],
    right: tuple[Lowered, Expr],
    node: ast.Comparison,
    frame: Frame,
) -> Lowered:
    """Return the truth of one comparison: a node, or a static one."""
    base = _NEGATED.get(op, op)
    if base == "is":
        found: Lowered = StaticNumber(_is(scope, left, right, frame))
    elif base == "in":
        found = _contained(scope, left, right, node, frame)
    else:
        return _compared(scope, op, left, right, node, frame)
    if base == op:
        return found
    if isinstance(found, StaticNumber):
        return StaticNumber(not found.value)
    operand = scope.operand(found, node, frame.source)
    return scope.add(OPS["logical_not"], (operand,), (), node, frame)


def _compared(
    scope: Scope,
    op: str,
    left: tuple[Lowered, Expr],
    right: tuple[Lowered, Expr],
    node: ast.Comparison,
    frame: Frame,
) -> Lowered:
    sides = _listed(scope, left[0]), _listed(scope, right[0])
    if all(isinstance(side, TupleValue) for side in sides):
        truth = compare(op, *sides, scope.fixed)
    else:
        truth = compare(op, left[0], right[0], scope.fixed)
    if truth is not None:
        return StaticNumber(truth)
    if frame.place is not None and TextValue in (type(left[0]), type(right[0])):
        return StaticNumber(op == "ne")  # the prelude asks this of any argument
    if text_comparison.is_compared(scope, left[0], right[0]):
        return text_comparison.comparison(scope, op, (left[0], right[0]), node, frame)
    operands = [scope.operand(item, n, frame.source) for item, n in (left, right)]
    return scope.add(OPS[op], (operands[0], operands[1]), (), node, frame)


def _listed(scope: Scope, item: Lowered) -> Lowered:
    """Return a list of a program of Python's as a tuple, which it is compared like."""
    found: Any = scope.arguments.lists.get(item, item) if type(item) is int else item
    if not scope.is_python or not isinstance(found, ListValue):
        return item
    return TupleValue(found.items, found.node)


def compare(op: str, left: Lowered, right: Lowered, fixed: Callable[[Lowered], Any]) -> bool | None:
    """Whether a comparison holds that sizes, text, tuples or `None` decide; else None."""
    pair = (left, right)
    if not any(type(item) in (*_NO_NUMBER, StaticNumber) for item in pair):
        return None
    if op in ("eq", "ne") and _differ_in_kind(left, right, fixed):
        return op == "ne"
    found = [_value(item, fixed) for item in pair]
    if None in found:
        return None
    ((a,), (b,)) = found  # type: ignore[misc]
    if {type(a), type(b)} == {Size, float}:
        return None
    try:
        return bool(_COMPARE[op](a, b))
    except TypeError:
        return None


def _differ_in_kind(left: Lowered, right: Lowered, fixed: Callable[[Lowered], Any]) -> bool:
    """Whether two values cannot be equal: `None` and a tensor, text and a written number."""
    kinds = {kind if kind in _NO_NUMBER else None for kind in (type(left), type(right))}
    if len(kinds) == 1:
        return False
    if TextValue not in kinds or None not in kinds:
        return True
    number = right if type(left) is TextValue else left
    return type(number) is not int or fixed(number) is not None


def _value(item: Lowered, fixed: Callable[[Lowered], Any]) -> tuple[Any] | None:
    """Return what an item is known to be, as the only one of a tuple; None where nothing is."""
    if isinstance(item, TextValue):
        return (_text(item),)
    if isinstance(item, NoneValue):
        return (None,)
    if isinstance(item, TupleValue):
        values = [_text(i) if isinstance(i, TextValue) else fixed(i) for i in item.items]
        return None if None in values else (tuple(values),)
    number = fixed(item)
    return None if number is None else (number,)


def _text(item: TextValue) -> str:
    """Return a text; of a dtype the one name that it has here."""
    return DTYPES.get(item.text, item.text) if item.is_dtype else item.text


def _is(
    scope: Scope, left: tuple[Lowered, Expr], right: tuple[Lowered, Expr], frame: Frame
) -> bool:
    """Whether `a is b`: of `None`, truths and dtypes, which there is one of."""
    pair = (left[0], right[0])
    if NoneValue in map(type, pair):
        return type(pair[0]) is type(pair[1])
    is_data = any(type(i) is int and scope.fixed(i) is None for i in pair)
    if TextValue in map(type, pair) and not is_data:
        return (
            all(isinstance(i, TextValue) for i in pair)
            and compare("eq", *pair, scope.fixed) is True
        )
    if ast.Boolean in (type(left[1]), type(right[1])):
        values = [scope.decided(i) if type(i) is int else getattr(i, "value", i) for i in pair]
        return type(values[0]) is type(values[1]) and values[0] == values[1]
    raise CallError(
        "identity",
        "`is` asks whether two names are one object, and values are no objects here",
        scope.label(right[1], frame.source),
        help="write `==`",
    )


def _contained(
    scope: Scope,
    left: tuple[Lowered, Expr],
    right: tuple[Lowered, Expr],
    node: ast.Comparison,
    frame: Frame,
) -> Lowered:
    """Return the truth of `a in b`, for a tuple, a list, text or a tensor."""
    item, whole = left[0], right[0]
    if isinstance(item, TextValue) and isinstance(whole, TextValue):
        return StaticNumber(item.text in whole.text)
    if isinstance(whole, (TupleValue, ListValue)):
        links = [_compared(scope, "eq", left, (i, right[1]), node, frame) for i in whole.items]
        return _joined(scope, "logical_or", links, node, frame)
    found = _compared(scope, "eq", right, left, node, frame)
    if type(found) is not int:
        return found
    return scope.add(OPS["any"], (found,), (None, False), node, frame)
