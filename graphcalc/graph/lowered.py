"""What an expression comes to while the graph is made: a node of it, or something static."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from graphcalc.ops.sizes import Size
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr


class ModulePrefix(NamedTuple):
    """A prefix of pasted code, such as `torch`."""

    name: str


class BoundMethod(NamedTuple):
    """`value.name` before it is known whether it is called; after a prefix, `value` is that."""

    value: int | ModulePrefix
    name: str
    node: Expr


class StaticNumber(NamedTuple):
    """A whole number or a truth that shapes alone decide: `x.size(0)`, `bias == None`."""

    value: Any


class TextValue(NamedTuple):
    """Text in quotes, or the name of a dtype."""

    text: str


class StaticArgument(NamedTuple):
    """A static argument of another node, handed on as it is."""

    value: Any


class TupleValue(NamedTuple):
    """`(a, b)`, or `x.shape`; `fields` are the names of its parts, where they have names."""

    items: tuple[Any, ...]
    node: Expr
    fields: tuple[str, ...] = ()


class ListValue(NamedTuple):
    """`[a, b]` as an argument: a tensor, or a list of tensors, as the function wants."""

    items: tuple[Any, ...]
    node: ast.Tensor


class Range(NamedTuple):
    """`lower:upper:step`."""

    lower: Any
    upper: Any
    step: Any
    node: ast.Slice


class NoneValue(NamedTuple):
    """`None`."""

    node: Expr


class EllipsisValue(NamedTuple):
    """`...`."""

    node: Expr


# The position of a graph node, or something static.
Lowered: TypeAlias = (
    "int | ModulePrefix | BoundMethod | StaticNumber | TextValue | StaticArgument | TupleValue "
    "| ListValue | Range | NoneValue | EllipsisValue"
)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_STATIC = (TextValue, NoneValue, TupleValue)


def compare(op: str, left: Lowered, right: Lowered, fixed: Callable[[Lowered], Any]) -> bool | None:
    """Whether a comparison holds, where it is about names, `None` or sizes; else None."""
    if type(left) in _STATIC or type(right) in _STATIC:
        if op not in ("eq", "ne"):
            return None
        return _is_same(left, right, fixed) == (op == "eq")
    if StaticNumber not in (type(left), type(right)):
        return None
    a, b = fixed(left), fixed(right)
    if {type(a), type(b)} == {Size, float}:
        return None
    return None if a is None or b is None else bool(_COMPARE[op](a, b))


def _is_same(left: Lowered, right: Lowered, fixed: Callable[[Lowered], Any]) -> bool:
    if type(left) is TextValue and type(right) is TextValue:
        return left.text == right.text
    if type(left) is TupleValue and type(right) is TupleValue:
        a, b = left.items, right.items
        return len(a) == len(b) and all(fixed(x) == fixed(y) for x, y in zip(a, b))
    return type(left) is NoneValue and type(right) is NoneValue
