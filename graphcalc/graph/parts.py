"""Parts of tuples and lists, and of torch's pairs of values and indices."""

from __future__ import annotations

from graphcalc.diagnostics import IndexRangeError, Label, brief
from graphcalc.graph import sequences
from graphcalc.graph.indexing import pick
from graphcalc.graph.ir import Node, Where
from graphcalc.graph.lowered import (
    ListValue,
    Lowered,
    PairValue,
    Range,
    StaticNumber,
    TupleValue,
)
from graphcalc.graph.scope import Scope
from graphcalc.ops.spec import Static
from graphcalc.ops.table import OPS
from graphcalc.source import Source
from graphcalc.syntax import expr as ast

# What torch calls the parts of a pair.
PARTS = ("values", "indices")


def values_and_indices(scope: Scope, pair: PairValue, where: Where) -> tuple[int, int]:
    """Return the nodes of the values of torch's `max(x, dim)`, and of their indices."""
    node = scope.builder.nodes[pair.position]
    op, params = OPS[node.op.position_op], tuple(map(_first, node.params))
    return pair.position, scope.builder.add(op, node.operands, params, where)


def _first(param: Static) -> Static:
    return param[0] if isinstance(param, tuple) else param


def is_pair(node: Node) -> bool:
    """Whether a node chooses along one dimension, which gives torch's pair."""
    has_one = all(len(p) == 1 for p in node.params if isinstance(p, tuple))
    return bool(node.op.position_op) and None not in node.params and has_one


def _is_of_parameter(scope: Scope, items: list[Lowered], node: ast.Index) -> bool:
    """Whether an index is one of a list that a function was given: of its name, and one number or
    slice that is known."""
    is_known = type(items[0]) is Range or type(scope.fixed(items[0])) is int
    return len(items) == 1 and is_known and type(node.value) is ast.Name


def part(
    scope: Scope, item: Lowered, items: list[Lowered], node: ast.Index, source: Source
) -> Lowered | None:
    """Return an element or a slice of what is no tensor; None where it is one after all."""
    if isinstance(item, TupleValue):
        return pick(scope.arguments, item, items, node, source)
    if isinstance(item, ListValue):
        # `[a, b][0]` is an index of the tensor too, and `([a] * 3)[0]` one of Python's list; where
        # a name is repeated or joined, as in `(x * 3)[0]`, it is arithmetic, as `x * 3` is.
        is_tensor_too = item.arithmetic is None and isinstance(item.node, ast.Tensor)
        is_tensor_too = is_tensor_too and not _is_of_parameter(scope, items, node)
        if (is_tensor_too and _makes_tensor(scope, item)) or sequences.has_named_list(scope, item):
            return None
        found = pick(scope.arguments, TupleValue(item.items, item.node), items, node, source)
        is_slice = type(items[0]) is Range
        return ListValue(found.items, node) if is_slice and type(found) is TupleValue else found
    assert isinstance(item, PairValue)
    number = scope.fixed(items[0]) if len(items) == 1 else None
    if number is None:
        return None
    if number not in (0, 1, -1, -2):
        raise IndexRangeError(
            "index-pair",
            f"torch's pair of values and indices has no part {number}",
            (Label(source, node.span),),
            help="choose from the values themselves: `.values[i]`",
        )
    if type(node.value) is ast.Name:
        name = brief(node.value.name)
        which = PARTS[int(number) % 2]
        text = f"`{name}` is torch's pair: this is its {which}, as `{name}.{which}`"
        scope.builder.note(Label(source, node.span), text)
    return values_and_indices(scope, item, (source, node.span))[int(number) % 2]


def _makes_tensor(scope: Scope, item: ListValue) -> bool:
    """Whether the parts of a list can stand in one tensor."""
    if any(type(part) not in (int, StaticNumber, ListValue) for part in item.items):
        return False
    if not scope.builder.is_sharing and any(isinstance(part, ListValue) for part in item.items):
        return False
    types = [scope.builder.nodes[part].type for part in item.items if type(part) is int]
    is_one = len({type_.shape for type_ in types}) <= 1
    return is_one and (scope.builder.is_sharing or all(type_.is_number for type_ in types))
