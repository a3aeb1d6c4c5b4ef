"""Rows of the casts from one floating point dtype to another."""

from __future__ import annotations

from functools import partial

from graphcalc.numbers import rounded
from graphcalc.ops import causes
from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.ops.shapes import to_dtype, to_int
from graphcalc.ops.spec import FLOATS, NONE, Element, Op, Operands, Params, Tensor, Torch, Type


def _cast(dtype: str, out: Type, x: NDArray) -> list[float]:
    return [rounded(float(v), dtype) for v in x.data]


def _torch_cast(dtype: str, torch: Torch, x: Tensor) -> Tensor:
    return x.to(getattr(torch, dtype))


def _back(operands: Operands, params: Params) -> tuple[str, ...]:
    """The gradient in the dtype of the operand."""
    return (f"to_{operands[0].dtype}(g)",)


_METHODS = {"float16": "half", "bfloat16": "bfloat16", "float32": "float", "float64": "double"}

# The least and the largest integers of few bits.
CASTS_TO_NARROW = {
    "uint8": (0, 2**8 - 1),
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
}
_NARROW_METHODS = {"uint8": "byte()", "int16": "short()", "int32": "int()", "int8": "to(int8)"}


def _narrow(dtype: str, out: Type, x: NDArray) -> list[int]:
    return [_wrapped(v, dtype) for v in x.data]


def _wrapped(value: Element, dtype: str) -> int:
    """The whole part, around the range of a dtype; out of a machine word it is the least word."""
    low, high = CASTS_TO_NARROW[dtype]
    limit = 2.0**63 if dtype == "uint8" else 2.0**31
    is_out = type(value) is float and not -limit - 1 < value < limit
    whole = int(-limit if is_out else value)
    return (whole - low) % (high - low + 1) + low


def _torch_narrow(dtype: str, torch: Torch, x: Tensor) -> Tensor:
    return x.to(getattr(torch, dtype)).to(torch.int64)


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
) + tuple(
    Op(
        f"to_{dtype}",
        "x",
        f"The whole part in {dtype}, wrapped around its range.",
        to_int,
        partial(_narrow, dtype),
        torch=partial(_torch_narrow, dtype),
        kind="array",
        casting="own",
        text=f"{{0}}.{_NARROW_METHODS[dtype]}",
        vjp=(NONE,),
        access="internal",
    )
    for dtype in CASTS_TO_NARROW
)
