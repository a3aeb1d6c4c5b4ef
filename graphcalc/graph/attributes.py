"""Attributes of tensors, tuples and prefixes."""

from __future__ import annotations

from graphcalc.diagnostics import CallError
from graphcalc.graph.lowered import (
    BoundMethod,
    ListValue,
    Lowered,
    ModulePrefix,
    NoneValue,
    PairValue,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.parts import PARTS, values_and_indices
from graphcalc.graph.scope import Scope
from graphcalc.graph.storage import LIST_METHODS
from graphcalc.ops.table import DOTTED
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
            return TextValue(name, True)
        if name in DOTTED:
            return scope.named_constant(name, source, node.span)
        return NoneValue(node) if name == "newaxis" else BoundMethod(item, name, node)
    if isinstance(item, PairValue) and name in PARTS:
        return values_and_indices(scope, item, (source, node.span))[PARTS.index(name)]
    if type(item) is TupleValue and name in item.fields:
        part: Lowered = item.items[item.fields.index(name)]
        return part
    if isinstance(item, TupleValue) and name == "numel":
        return BoundMethod(item, name, node)
    if isinstance(item, TupleValue) and (name in PARTS or item.fields):
        raise CallError("function-value", f"a tuple has no `.{name}`", scope.label(node, source))
    if isinstance(item, ListValue) and name in LIST_METHODS:
        return BoundMethod(item, name, node)
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
            return TextValue(type_.dtype, True)
        case "device":
            return TextValue("cpu")
        case "data":
            return position
        case "grad" if scope.backward_passes:
            from graphcalc.graph.grad import accumulated

            return accumulated(scope, position, node, source)
    return None
