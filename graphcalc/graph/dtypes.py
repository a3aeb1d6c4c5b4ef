"""Dtypes and devices as arguments of pasted code: `dtype=torch.int64`, `x.to("cuda")`."""

from __future__ import annotations

from typing import Any

from graphcalc.diagnostics import CallError, Label, brief
from graphcalc.graph.lowered import Lowered, TextValue
from graphcalc.graph.scope import Scope
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import FLOATS
from graphcalc.ops.table import OPS
from graphcalc.ops.words import DTYPES
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
    return DTYPES[name]


def note_device(scope: Scope, item: Lowered, node: Any, source: Source) -> None:
    """Note that `device=` does not choose where the program runs."""
    wanted = item.text if type(item) is TextValue else ""
    if wanted != "cpu":
        text = f"`{brief(source.slice(node.span))}` does not move the run: --device does"
        scope.builder.note(Label(source, node.span), text)


def cast(scope: Scope, position: int, dtype: str, place: Label) -> int:
    """Return a value in another dtype; floating point is the run's, whatever its width."""
    builder = scope.builder
    type_ = builder.nodes[position].type
    where = place.source, place.span
    if dtype in FLOATS:
        has = type_.dtype if type_.dtype in FLOATS and not type_.weak else builder.dtype
        if dtype != has:
            builder.note(place, f"the numbers stay {has}: --dtype {dtype} changes the run's")
        if type_.dtype in FLOATS:
            return position
        return builder.add(OPS["float"], (position,), (), where)
    if type_.dtype == dtype:
        return position
    literal = builder.literal(position)
    if literal is not None and all(type(v) is not Size and abs(v) < 2.0**63 for v in literal):
        convert: Any = int if dtype == "int64" else bool
        params = (type_._replace(dtype=dtype, weak=False), tuple(map(convert, literal)))
        return builder.add(OPS["const"], (), params, where, is_shared=False)
    op = OPS["long"] if dtype == "int64" else OPS["bool"]
    return builder.add(op, (position,), (), where)
