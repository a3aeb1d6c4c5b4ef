"""Attributes of tensors, and what torch's pairs of values and places are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcalc.diagnostics import CallError
from graphcalc.graph.items import Item, Known, Sizes, Word
from graphcalc.ops.table import OPS
from graphcalc.source import Source, Span
from graphcalc.syntax import expr as ast

if TYPE_CHECKING:
    from graphcalc.graph.walk import Walker

ATTRIBUTES = ("shape", "ndim", "dtype", "device", "data", "values", "indices")


def attribute(walker: Walker, position: int, node: ast.Attribute, source: Source) -> Item | None:
    """What `x.shape` and its like are; None for any other attribute."""
    type_ = walker.builder.nodes[position].type
    match node.name:
        case "shape":
            return Sizes(tuple(map(Known, type_.shape)), node)
        case "ndim":
            return Known(len(type_.shape))
        case "dtype":
            return Word(type_.dtype)
        case "device":
            return Word("cpu")
        case "data":
            return position
        case "values" | "indices":
            found = pair(walker, position, source, node.span)
            return found[node.name == "indices"] if found else None
    return None


_WHERE = {"max": "argmax", "min": "argmin"}


def pair(walker: Walker, position: int, source: Source, span: Span) -> tuple[Item, ...] | None:
    """The values and their places, where a node is torch's `max(x, dim)`; else None."""
    node = walker.builder.nodes[position]
    if node.op.name not in _WHERE or node.params[0] is None or len(node.params[0]) != 1:
        return None
    op, params = OPS[_WHERE[node.op.name]], (node.params[0][0], node.params[1])
    return position, walker.builder.add(op, node.operands, params, source, span)


def check_pair_index(
    walker: Walker, position: int, items: list[Item], node: ast.Index, source: Source
) -> None:
    """`x.max(dim=1)[0]` takes the values of a pair in torch: here it would take an element."""
    found = walker.builder.nodes[position]
    if type(node.value) is not ast.Call or len(items) != 1 or found.op.name not in _WHERE:
        return
    place = walker.fixed(items[0])
    if found.params[0] is None or len(found.params[0]) != 1 or place not in (0, 1):
        return
    name = found.op.name
    raise CallError(
        "pair-index",
        f"`{name}` with a dimension is the values alone, not a pair",
        walker.label(node, source),
        note="torch gives values and indices; an index here would take an element of the values",
        help=f"drop the `[0]`; `a{name}(…)[0]` is the first element"
        if place == 0
        else f"write `arg{name}(…)`, or `.indices`",
    )
