"""Rows of the casts from one floating point dtype to another."""

from __future__ import annotations

from functools import partial

from graphcalc.numbers import rounded
from graphcalc.ops import causes
from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.ops.shapes import to_dtype
from graphcalc.ops.spec import FLOATS, Op, Operands, Params, Tensor, Torch, Type


def _cast(dtype: str, out: Type, x: NDArray) -> list[float]:
    return [rounded(float(v), dtype) for v in x.data]


def _torch_cast(dtype: str, torch: Torch, x: Tensor) -> Tensor:
    return x.to(getattr(torch, dtype))


def _back(operands: Operands, params: Params) -> tuple[str, ...]:
    """The gradient in the dtype of the operand."""
    return (f"to_{operands[0].dtype}(g)",)


_METHODS = {"float16": "half", "bfloat16": "bfloat16", "float32": "float", "float64": "double"}

CASTS = tuple(
    Op(
        f"to_{dtype}",
        "x",
        f"x in {dtype}, rounded to the nearest of its numbers.",
        partial(to_dtype, dtype),
        partial(_cast, dtype),
        torch=partial(_torch_cast, dtype),
        kind="array",
        casting="own",
        text=f"{{0}}.{_METHODS[dtype]}()",
        causes=causes.CAST,
        vjp=_back,
        access="internal",
    )
    for dtype in FLOATS
)
