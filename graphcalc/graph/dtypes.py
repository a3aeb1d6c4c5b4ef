"""Dtypes and devices as arguments of pasted code: `dtype=torch.int64`, `x.to("cuda")`."""

from __future__ import annotations

from typing import Any

from graphcalc.diagnostics import CallError, Label, brief
from graphcalc.graph.ir import Where
from graphcalc.graph.lowered import Lowered, TextValue
from graphcalc.graph.scope import Scope
from graphcalc.ops.shapes import float_dtype
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import FLOATS, HALVES
from graphcalc.ops.table import OPS
from graphcalc.ops.table.casts import CASTS_TO_NARROW
from graphcalc.ops.words import DTYPES, NARROW_INTEGERS
from graphcalc.source import Source
from graphcalc.syntax.expr import Expr


def dtype_of(scope: Scope, item: Lowered, node: Expr, source: Source) -> str:
    """Return the dtype that an argument names; raise CallError where it names none."""
    name = item.text if type(item) is TextValue else ""
    if name not in DTYPES:
        raise CallError(
            "dtype-argument",
            f"`{brief(source.slice(node.span))}` is not a dtype",
            scope.label(node, source),
            help="write torch.float64, torch.float32, torch.int64 or torch.bool",
        )
    if name in NARROW_INTEGERS:
        return narrow(scope, name, Label(source, node.span))
    return DTYPES[name]


def narrow(scope: Scope, name: str, place: Label) -> str:
    """Return torch's name of integers of few bits, and note that later ones have 64."""
    dtype = NARROW_INTEGERS[name]
    if dtype != "int32":
        text = f"`{name}` is int64 here: later numbers beyond its range do not wrap around"
        scope.builder.note(place, text)
    return dtype


def note_device(scope: Scope, item: Lowered, node: Any, source: Source) -> None:
    """Note that `device=` does not choose where the program runs."""
    wanted = item.text if type(item) is TextValue else ""
    if wanted != "cpu":
        text = f"`{brief(source.slice(node.span))}` does not move the run: --device does"
        scope.builder.note(Label(source, node.span), text)


def widened(scope: Scope, items: list[Lowered], where: Where) -> tuple[list[Lowered], str]:
    """Return arguments in their common dtype, half precision as float32; and the result's dtype.

    That is empty where no operand is wider than the result. Whole numbers stay as they are.
    """
    builder = scope.builder
    types = [builder.nodes[i].type for i in items if type(i) is int]
    strong = [t for t in types if t.dtype in FLOATS and not t.is_number]
    dtype = float_dtype(builder.dtype, tuple(strong)) if strong else ""
    wide = "float32" if dtype in HALVES else dtype

    def widen(item: Lowered) -> Lowered:
        if type(item) is not int:
            return item
        has = builder.nodes[item].type
        is_common = has.dtype == wide or (has.weak and has.dtype not in HALVES)
        if is_common or has.dtype not in FLOATS:
            return item
        return builder.add(OPS[f"to_{wide}"], (item,), (), where)

    return list(map(widen, items)) if wide else items, dtype if dtype in HALVES else ""


def cast(scope: Scope, position: int, dtype: str, place: Label) -> int:
    """Return a value in another dtype; in a float64 run float32 is float64, and a note says so."""
    builder = scope.builder
    type_ = builder.nodes[position].type
    where = place.source, place.span
    if dtype in FLOATS:
        has = type_.dtype if type_.dtype in FLOATS else builder.dtype
        if (dtype, has, builder.dtype) == ("float32", "float64", "float64"):
            builder.note(place, f"the numbers stay {has}: --dtype {dtype} changes the run's")
            dtype = has
        if type_.dtype == dtype:
            return position
        name = "float" if type_.dtype not in FLOATS and dtype == has else f"to_{dtype}"
        return builder.add(OPS[name], (position,), (), where)
    if dtype in CASTS_TO_NARROW:
        if type_.dtype != "bool" and not _fits(builder.literal(position), dtype):
            return builder.add(OPS[f"to_{dtype}"], (position,), (), where)
        dtype = "int64"
    if type_.dtype == dtype:
        return position
    literal = builder.literal(position)
    if literal is not None and all(type(v) is not Size and abs(v) < 2.0**63 for v in literal):
        convert: Any = int if dtype == "int64" else bool
        params = (type_._replace(dtype=dtype, weak=False), tuple(map(convert, literal)))
        return builder.add(OPS["const"], (), params, where, is_shared=False)
    op = OPS["long"] if dtype == "int64" else OPS["bool"]
    return builder.add(op, (position,), (), where)


def _fits(literal: tuple[Any, ...] | None, dtype: str) -> bool:
    """Whether written numbers are all in the range of integers of few bits."""
    low, high = CASTS_TO_NARROW[dtype]
    return literal is not None and all(type(v) is not Size and low <= v <= high for v in literal)
