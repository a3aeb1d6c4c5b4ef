"""What an expression comes to while the graph is made: a node of it, or something static."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

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
    """`(a, b)`, or `x.shape`."""

    items: tuple[Any, ...]
    node: Expr


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
