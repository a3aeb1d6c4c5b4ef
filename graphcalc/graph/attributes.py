"""Attributes of tensors, tuples and prefixes."""

from __future__ import annotations

from typing import TypeGuard

from graphcalc.diagnostics import CallError
from graphcalc.graph.lowered import (
    BoundMethod,
    DottedName,
    ListValue,
    Lowered,
    ModulePrefix,
    NoneValue,
    PairValue,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.objects import ParameterValue
from graphcalc.graph.parts import PARTS, values_and_indices
from graphcalc.graph.scope import Scope
from graphcalc.graph.storage import LIST_METHODS
from graphcalc.graph.text_methods import TEXT_METHODS
from graphcalc.ops.table import DOTTED
from graphcalc.ops.words import DTYPES, PREFIXES, SUBMODULES
from graphcalc.source import Source
from graphcalc.syntax import expr as ast

# Parts of torch.nn whose names stand before others.
_OF_NN = frozenset(("init", "modules", "parameter"))


def dotted(scope: Scope, item: Lowered, node: ast.Attribute, source: Source) -> Lowered:
    """What `item.name` is before it is known whether it is called."""
    name = node.name
    if _is_of_foreign_module(item):
        # The `path` of `os.path.join` is a module, and none that is known.
        item = ModulePrefix(f"{item.value.name}.{item.name}")
    if type(item) is ModulePrefix:
        # The `fft` of `torch.fft.fft` is a function.
        is_part = name in PREFIXES or name in SUBMODULES or name in _OF_NN
        if is_part and name != item.name.rpartition(".")[2]:
            return ModulePrefix(f"{item.name}.{name}")
        if name in DTYPES:
            return TextValue(name, True)
        if name in DOTTED:
            return scope.named_constant(name, source, node.span)
        return NoneValue(node) if name == "newaxis" else BoundMethod(item, name, node)
    if isinstance(item, DottedName):
        return _part_of_name(scope, item, node, source)
    if isinstance(item, ParameterValue):
        found = _of_parameter(item, node)
        if found is not None:
            return found
    if isinstance(item, PairValue) and name in PARTS:
        return values_and_indices(scope, item, (source, node.span))[PARTS.index(name)]
    if type(item) is TupleValue and name in item.fields:
        part: Lowered = item.items[item.fields.index(name)]
        return part
    if isinstance(item, TupleValue) and name == "numel":
        return BoundMethod(item, name, node)
    if isinstance(item, TupleValue) and (name in PARTS or item.fields):
        raise CallError("function-value", f"a tuple has no `.{name}`", scope.label(node, source))
    if isinstance(item, TextValue) and name in TEXT_METHODS:
        return BoundMethod(item, name, node)
    if isinstance(item, ListValue) and name in LIST_METHODS:
        return BoundMethod(item, name, node)
    position = scope.operand(item, node.value, source)
    static = _static(scope, position, node, source)
    return BoundMethod(position, name, node) if static is None else static


def _is_of_foreign_module(item: Lowered) -> TypeGuard[BoundMethod]:
    if not isinstance(item, BoundMethod) or not isinstance(item.value, ModulePrefix):
        return False
    return item.value.name.partition(".")[0] not in PREFIXES


def _part_of_name(
    scope: Scope, item: DottedName, node: ast.Attribute, source: Source
) -> int | DottedName:
    """What a dotted name means: the node that is bound to it, or a longer first part."""
    name = f"{item.name}.{node.name}"
    assert scope.program is not None
    if scope.program.is_bound(name):
        return scope.program.bind(name)
    if scope.program.has_parts(name):
        return DottedName(name)
    raise scope.missing(name, scope.label(node, source)[0])


def _of_parameter(item: ParameterValue, node: ast.Attribute) -> Lowered | None:
    """What a parameter has that needs no node of it; None for what the node has."""
    match node.name:
        case "shape":
            return TupleValue(tuple(map(StaticNumber, item.shape)), node)
        case "ndim":
            return StaticNumber(len(item.shape))
        case "data":
            return item
        case "requires_grad":
            return StaticNumber(not item.is_buffer)
    is_own = node.name.endswith("_") or node.name == "numel"
    return BoundMethod(item, node.name, node) if is_own else None


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
