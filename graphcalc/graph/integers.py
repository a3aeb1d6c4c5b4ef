"""Whole numbers beyond 2**53: written ones beside int64, and where a float64 rounds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from graphcalc.diagnostics import Label
from graphcalc.graph.builder import Builder
from graphcalc.graph.ir import Node
from graphcalc.numbers import is_rounded, rounded
from graphcalc.ops.spec import FLOATS, Op, Problem, Type
from graphcalc.ops.table import OPS
from graphcalc.source import Span


def as_integers(
    builder: Builder, op: Op, operands: tuple[int, ...], params: tuple[Any, ...]
) -> tuple[int, ...]:
    """Return the operands, with written whole numbers as int64 where that makes the result int64.

    So it is in torch: `where(c, ids, 0)` and `maximum(ids, 1)` keep the dtype of `ids`.
    """
    types = [builder.nodes[i].type for i in operands]
    dtypes = {t.dtype for t in types}
    if "int64" not in dtypes or len(dtypes) == 1:
        return operands
    whole = [_whole_elements(builder, i, t) for i, t in zip(operands, types)]
    as_ints = tuple(t if w is None else _as_int64(t) for t, w in zip(types, whole))
    try:
        result = op.type(builder.dtype, as_ints, params)
    except Problem:
        return operands
    if result.dtype != "int64":
        return operands
    return tuple(
        i if w is None else _constant(builder, i, _as_int64(t), w)
        for i, t, w in zip(operands, types, whole)
    )


def _as_int64(type_: Type) -> Type:
    return type_._replace(dtype="int64", weak=False)


def _whole_elements(builder: Builder, position: int, type_: Type) -> tuple[int, ...] | None:
    """Return the elements of a written number or tensor literal, None where one is not whole."""
    literal = builder.literal(position) if type_.weak else None
    if literal is None or not all(type(v) is float and v.is_integer() for v in literal):
        return None
    return tuple(map(int, literal))


def _constant(builder: Builder, position: int, type_: Type, data: tuple[int, ...]) -> int:
    node = builder.nodes[position]
    where = node.source, Span(node.span.start, node.span.end)
    if not type_.shape:
        return builder.constant(data[0], where, type_=type_)
    return builder.add(OPS["const"], (), (type_, data), where, is_shared=False)


def roundings(nodes: Sequence[Node]) -> dict[int, int]:
    """Return where int64 becomes floating point: for each leaf, the first node that converts it.

    What other nodes choose or move of int64 values comes from all of the leaves of these.
    """
    found: dict[int, int] = {}
    leaves: dict[int, frozenset[int]] = {}
    for position, node in enumerate(nodes):
        whole = [i for i in node.operands if nodes[i].type.dtype == "int64"]
        sources = frozenset[int]().union(*[leaves[i] for i in whole])
        if node.type.dtype == "int64":
            leaves[position] = sources if node.operands else frozenset((position,))
        elif node.type.dtype in FLOATS and node.derivative_of is None:
            for leaf in sources:
                found.setdefault(leaf, position)
    return found


_ROUNDED = "whole numbers beyond 2^53 are rounded"


def is_noted(place: Label, notes: Iterable[Label]) -> bool:
    """Whether a note tells that a whole number is rounded at a place."""
    where = place.source, place.span
    return any((n.source, n.span) == where and n.text.endswith(_ROUNDED) for n in notes)


def rounding_note(label: Label, dtype: str, value: int) -> Label:
    """Return the note that a whole number is rounded to a number of a dtype at a place."""
    nearest = int(rounded(float(value), dtype)) if dtype in FLOATS else value
    text = f"{dtype} has no {value} and takes {nearest}: {_ROUNDED}"
    return label._replace(text=text)


def note_literals(builder: Builder) -> None:
    """Note where written whole numbers that only int64 has become floating point."""
    nodes = builder.nodes
    for leaf, reader in roundings(nodes).items():
        data = nodes[leaf].params[1] if nodes[leaf].op is OPS["const"] else ()
        value = next((v for v in data if is_rounded(v)), None)
        if value is not None:
            node = nodes[reader]
            label = rounding_note(Label(node.source, node.span), node.type.dtype, value)
            if not is_noted(label, builder.notes):
                builder.note(label, label.text)
