"""What an expression comes to while the graph is made: a node of it, or something static."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr


class Module(NamedTuple):
    """A prefix of pasted code, such as `torch`."""

    name: str


class Bound(NamedTuple):
    """`value.name` before it is known whether it is called; after a prefix, `value` is that."""

    value: int | Module
    name: str
    node: Expr


class Known(NamedTuple):
    """A whole number or a truth that shapes alone decide: `x.size(0)`, `bias == None`."""

    value: Any


class Word(NamedTuple):
    """Text in quotes, or the name of a dtype."""

    text: str


class Given(NamedTuple):
    """A static argument of another node, handed on as it is."""

    value: Any


class Sizes(NamedTuple):
    """`(a, b)`, or `x.shape`."""

    items: tuple[Any, ...]
    node: Expr


class Listed(NamedTuple):
    """`[a, b]` as an argument: a tensor, or a list of tensors, as the function wants."""

    items: tuple[Any, ...]
    node: ast.Tensor


class Range(NamedTuple):
    """`lower:upper:step`."""

    lower: Any
    upper: Any
    step: Any
    node: ast.Slice


class Nothing(NamedTuple):
    """`None`."""

    node: Expr


class Dots(NamedTuple):
    """`...`."""

    node: Expr


# The position of a graph node, or something static.
Item: TypeAlias = (
    "int | Module | Bound | Known | Word | Given | Sizes | Listed | Range | Nothing | Dots"
)
