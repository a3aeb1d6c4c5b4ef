"""Attributes of tensors, and what torch's pairs of values and places are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcalc.diagnostics import CallError, UnknownNameError, brief, did_you_mean
from graphcalc.graph.lowered import (
    BoundMethod,
    Lowered,
    ModulePrefix,
    NoneValue,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.ops.table import (
    ATTRIBUTES,
    DOTTED,
    DTYPES,
    INSTEAD_OF_ATTRIBUTES,
    OPS,
    PREFIXES,
    SUBMODULES,
)
from graphcalc.source import Source, Span
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr

if TYPE_CHECKING:
    from graphcalc.graph.walk import Walker

_STATIC = ("shape", "ndim", "dtype", "device", "data", "values", "indices")


def dotted(walker: Walker, item: Lowered, node: ast.Attribute, source: Source) -> Lowered:
    """What `item.name` is before it is known whether it is called."""
    name = node.name
    if type(item) is ModulePrefix:
        if name in PREFIXES or name in SUBMODULES:
            return ModulePrefix(f"{item.name}.{name}")
        if name in DTYPES:
            return TextValue(name)
        if name in DOTTED:
            return walker.named_constant(name, source, node.span)
        return NoneValue(node) if name == "newaxis" else BoundMethod(item, name, node)
    if type(item) is TupleValue and name in ("values", "indices"):
        raise CallError("function-value", f"a tuple has no `.{name}`", walker.label(node, source))
    position = walker.operand(item, node.value, source)
    found = _static(walker, position, node, source)
    return BoundMethod(position, name, node) if found is None else found


def member(walker: Walker, item: BoundMethod, node: Expr, source: Source) -> int:
    """A dotted name that is not called: `x.T`."""
    label = walker.label(node, source)
    is_function = walker.calls.is_builtin(item.name)
    if type(item.value) is not int:
        if is_function:
            raise CallError("function-value", f"`{item.name}` is a function; call it", label)
        raise walker.calls.unknown_function(item.name, label)
    if item.name in ATTRIBUTES:
        op, params = ATTRIBUTES[item.name]
        operands = (item.value,)
        return walker.builder.add(op, operands, params, source, node.span, context=label[1:])
    if item.name in INSTEAD_OF_ATTRIBUTES:
        text = f"a value has no `.{item.name}`"
        raise CallError("function-value", text, label, help=INSTEAD_OF_ATTRIBUTES[item.name])
    if is_function:
        text = f"`.{item.name}` is a function; call it, `.{item.name}()`"
        raise CallError("function-value", text, label)
    known = {*ATTRIBUTES, *_STATIC, *walker.calls.names()}
    raise UnknownNameError(
        "unknown-attribute",
        f"a tensor has no `.{brief(item.name)}`",
        label,
        help=did_you_mean(item.name, known),
    )


def _static(walker: Walker, position: int, node: ast.Attribute, source: Source) -> Lowered | None:
    """What `x.shape` and its like are; None for any other attribute."""
    type_ = walker.builder.nodes[position].type
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
            found = pair(walker, position, source, node.span)
            return found[node.name == "indices"] if found else None
    return None


_WHERE = {"max": "argmax", "min": "argmin"}


def pair(walker: Walker, position: int, source: Source, span: Span) -> tuple[Lowered, ...] | None:
    """The values and their places, where a node is torch's `max(x, dim)`; else None."""
    node = walker.builder.nodes[position]
    if node.op.name not in _WHERE or node.params[0] is None or len(node.params[0]) != 1:
        return None
    op, params = OPS[_WHERE[node.op.name]], (node.params[0][0], node.params[1])
    return position, walker.builder.add(op, node.operands, params, source, span)


def pair_part(
    walker: Walker, position: int, items: list[Lowered], node: ast.Index, source: Source
) -> Lowered | None:
    """The part of torch's pair that `x.max(dim=1)[0]` or `[1]` takes; None for any other index.

    An index right behind the call is meant so, unless the call is NumPy's, `x.max(axis=1)[0]`.
    """
    call = node.value
    if type(call) is not ast.Call or len(items) != 1 or walker.fixed(items[0]) not in (0, 1):
        return None
    if any(type(a) is ast.Keyword and a.name == "axis" for a in call.arguments):
        return None
    if source.slice(call.function.span).startswith(("np.", "numpy.")):
        return None
    found = pair(walker, position, source, node.span)
    return found[walker.fixed(items[0])] if found else None
