"""The parts of a value: what a loop goes over, and what an unpacking takes apart."""

from __future__ import annotations

from collections.abc import Sequence

from graphcalc.diagnostics import CallError
from graphcalc.graph.ir import Where, label_of
from graphcalc.graph.lowered import (
    ListValue,
    Lowered,
    PairValue,
    Spread,
    TupleValue,
)
from graphcalc.graph.objects import ObjectValue
from graphcalc.graph.scope import Scope
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr


def iterate(scope: Scope, item: Lowered, where: Where) -> tuple[Lowered, ...]:
    """Return the parts of a value: those of a list, or a tensor's along its first dimension.

    Raises CallError for a value that has none.
    """
    match item:
        case TupleValue() | ListValue():
            return item.items
        case PairValue():
            from graphcalc.graph import parts

            return parts.values_and_indices(scope, item, where)
        case int() if item in scope.arguments.lists:
            return scope.arguments.lists[item].items
        case ObjectValue():
            from graphcalc.graph import held_modules

            modules = held_modules.held(item)
            if modules is not None:
                return modules
        case int():
            from graphcalc.graph import shape_functions

            return shape_functions.unbind(scope, item, 0, where)
    label = label_of(where)
    text = label.source.slice(label.span)
    raise CallError("no-parts", f"`{text}` has no parts", (label, *scope.context()))


def spread(items: list[Lowered]) -> list[Lowered]:
    """Return items, with the parts of a `*value` in its place."""
    if Spread not in map(type, items):
        return items
    return [part for item in items for part in (item.items if type(item) is Spread else (item,))]


def spread_arguments(
    items: list[Lowered], nodes: Sequence[Expr]
) -> tuple[list[Lowered], list[Expr]]:
    """Return arguments with their syntax, with the parts of a `*value` in its place."""
    if Spread not in map(type, items):
        return items, list(nodes)
    written = [
        node.value if type(item) is Spread and isinstance(node, ast.Starred) else node
        for item, node in zip(items, nodes)
        for _ in (item.items if type(item) is Spread else (item,))
    ]
    return spread(items), written
