"""Attributes of tensors, and what torch's pairs of values and places are here."""

from __future__ import annotations

from graphcalc.diagnostics import CallError
from graphcalc.graph.ir import Where
from graphcalc.graph.lowered import (
    BoundMethod,
    Lowered,
    ModulePrefix,
    NoneValue,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.scope import Scope
from graphcalc.ops.spec import Params
from graphcalc.ops.table import DOTTED, OPS
from graphcalc.ops.words import DTYPES, PREFIXES, SUBMODULES
from graphcalc.source import Source
from graphcalc.syntax import expr as ast


def dotted(scope: Scope, item: Lowered, node: ast.Attribute, source: Source) -> Lowered:
    """What `item.name` is before it is known whether it is called."""
    name = node.name
    if type(item) is ModulePrefix:
        # The `fft` of `torch.fft.fft` is a function.
        is_part = name in PREFIXES or name in SUBMODULES
        if is_part and name != item.name.rpartition(".")[2]:
            return ModulePrefix(f"{item.name}.{name}")
        if name in DTYPES:
            return TextValue(name)
        if name in DOTTED:
            return scope.named_constant(name, source, node.span)
        return NoneValue(node) if name == "newaxis" else BoundMethod(item, name, node)
    if type(item) is TupleValue and name in item.fields:
        part: Lowered = item.items[item.fields.index(name)]
        return part
    if type(item) is TupleValue and (name in ("values", "indices") or item.fields):
        raise CallError("function-value", f"a tuple has no `.{name}`", scope.label(node, source))
    position = scope.operand(item, node.value, source)
    found = _static(scope, position, node, source)
    return BoundMethod(position, name, node) if found is None else found


def _static(scope: Scope, position: int, node: ast.Attribute, source: Source) -> Lowered | None:
    """What `x.shape` and its like are; None for any other attribute."""
    type_ = scope.builder.nodes[position].type
    match node.name:
        case "shape":
            return TupleValue(tuple(map(StaticNumber, type_.shape)), node)
        case "ndim":
            return StaticNumber(len(type_.shape))
        case "dtype":
            return TextValue(type_.dtype)
        case "device":
            return TextValue("cpu")
        case "data":
            return position
        case "values" | "indices":
            found = values_and_indices(scope, position, (source, node.span))
            return found[node.name == "indices"] if found else None
    return None


def values_and_indices(scope: Scope, position: int, where: Where) -> tuple[int, int] | None:
    """The values and their places, where a node is torch's `max(x, dim)`; else None."""
    node = scope.builder.nodes[position]
    if not node.op.position_op or None in node.params or not _has_one_dimension(node.params):
        return None
    op = OPS[node.op.position_op]
    params = tuple(p[0] if isinstance(p, tuple) else p for p in node.params)
    return position, scope.builder.add(op, node.operands, params, where)


def _has_one_dimension(params: Params) -> bool:
    return all(len(p) == 1 for p in params if isinstance(p, tuple))


def part_of_pair(
    scope: Scope, position: int, items: list[Lowered], node: ast.Index, source: Source
) -> Lowered | None:
    """The part of torch's pair that `x.max(dim=1)[0]` or `[1]` takes; None for any other index.

    An index right behind the call is meant so, unless the call is NumPy's, `x.max(axis=1)[0]`.
    """
    call = node.value
    if type(call) is not ast.Call or len(items) != 1 or scope.fixed(items[0]) not in (0, 1):
        return None
    if any(type(a) is ast.Keyword and a.name == "axis" for a in call.arguments):
        return None
    if source.slice(call.function.span).startswith(("np.", "numpy.")):
        return None
    found = values_and_indices(scope, position, (source, node.span))
    return found[scope.fixed(items[0])] if found else None
