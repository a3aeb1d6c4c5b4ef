"""Rows of what makes tensors, and of the leaves of a graph."""

from __future__ import annotations

import math

from graphcalc.numbers import exact
from graphcalc.ops import shapes
from graphcalc.ops.kernels import arrays, random
from graphcalc.ops.sizes import Size, ceil_div
from graphcalc.ops.spec import ZERO, Elements, Op, Operands, Params, Problem, Type


def _stepped(dtype: str, operands: Operands, params: Params) -> Type:
    start, end, step = params
    start, end = (0.0, start) if end is None else (start, end)
    if Size in map(type, (start, end, step)):
        if type(step) is Size or step != int(step) or step <= 0:
            raise Problem("call", "`arange` of a symbolic size wants a whole step above 0")
        whole = (n if type(n) is Size else int(n) for n in (end, start))
        return Type((ceil_div(next(whole) - next(whole), int(step)),), dtype, True)
    if step == 0 or not all(map(math.isfinite, (start, end, step))):
        raise Problem("call", "`arange` wants finite numbers and a step that is not 0")
    count = (end - start) / step
    if count < 0:
        text = f"the step of `arange`, {step:g}, leads from {start:g} away from {end:g}"
        raise Problem("call", text, help="`np.arange` is empty there")
    if count >= 2.0**62:
        raise Problem("limit", f"`arange` would have {count:g} elements")
    # Whole numbers are int64 in torch, and take the dtype of what they meet.
    is_whole = all(n == int(n) for n in (start, end, step))
    return Type((max(0, math.ceil(count)),), dtype, is_whole)


def _stepped_or_empty(dtype: str, operands: Operands, params: Params) -> Type:
    """`np.arange(start, end, step)`: without elements where the step leads away from the end."""
    start, end, step = params
    start, end = (0.0, start) if end is None else (start, end)
    is_known = Size not in map(type, (start, end, step))
    if is_known and step and (end - start) / step < 0:
        return Type((0,), dtype, True)
    return _stepped(dtype, operands, params)


def _written(params: Params) -> list[str]:
    """The numbers of a call as they are shown, without a step of 1."""
    *ends, step = params
    shown = [n for n in ends if n is not None] + ([step] if step != 1 else [])
    return [exact(n) if isinstance(n, float) else str(n) for n in shown]


def _arange(out: Type, start: float, end: float | None, step: float) -> list[float]:
    return arrays.arange(out, 0.0 if end is None else start, step)


_ARANGE = Op(
    "arange",
    "start: number, end: number = None, step: number = 1",
    "start, start+step, … below end; from 0 where only the end is given.",
    _stepped,
    _arange,
    kind="making",
    examples=(("arange(3)", "[0, 1, 2]"), ("arange(1, 2, 0.5)", "[1, 1.5]")),
)

MAKING = (
    Op(
        "zeros",
        "*shape: shape",
        "A tensor of 0.",
        shapes.sized,
        arrays.zeros,
        lambda torch, out, sizes: torch.zeros(sizes, dtype=out.dtype, device=out.device),
        kind="making",
        examples=(("zeros(3)", "[0, 0, 0]"),),
    ),
    Op(
        "ones",
        "*shape: shape",
        "A tensor of 1.",
        shapes.sized,
        arrays.ones,
        lambda torch, out, sizes: torch.ones(sizes, dtype=out.dtype, device=out.device),
        kind="making",
        examples=(("ones(3)", "[1, 1, 1]"),),
    ),
    Op(
        "full",
        "shape: shape, value",
        "A tensor of one value.",
        shapes.filled,
        arrays.full,
        lambda torch, out, value, sizes: value.to(out.dtype).expand(sizes).contiguous(),
        kind="making",
        examples=(("full((2,), 7)", "[7, 7]"),),
        vjp=("sum(g)",),
    ),
    Op(
        "full_like",
        "x, value",
        "A tensor of one value, in the shape of x.",
        shapes.like,
        lambda out, x, value: value.data * out.numel,
        lambda torch, out, x, value: value.to(out.dtype).expand(out.shape).contiguous(),
        kind="making",
        examples=(("full_like([1, 2], 7)", "[7, 7]"),),
        vjp=(ZERO, "sum(g)"),
        js="(x,v)=>v",
    ),
    Op(
        "eye",
        "n: size, m: size = None",
        "1 on the diagonal of an n by m matrix, 0 elsewhere.",
        shapes.square,
        arrays.eye,
        lambda torch, out, n, m: torch.eye(*out.shape, dtype=out.dtype, device=out.device),
        kind="making",
        examples=(("eye(2)", "[[1, 0], [0, 1]]"),),
    ),
    _ARANGE,
    _ARANGE._replace(
        name="np_arange",
        doc="np.arange is empty where the step leads away from the end.",
        type=_stepped_or_empty,
        torch="arange",
        reading=lambda params, names: f"np.arange({', '.join(_written(params))})",
        examples=(("np.arange(3)", "[0, 1, 2]"), ("np.arange(3, 0)", "[]")),
    ),
    Op(
        "linspace",
        "start: number, end: number, steps: size",
        "`steps` evenly spaced numbers, both ends included.",
        lambda dtype, operands, params: shapes.sized(dtype, (), ((params[2],),)),
        arrays.linspace,
        kind="making",
        examples=(("linspace(0, 1, 3)", "[0, 0.5, 1]"),),
    ),
    Op(
        "rand",
        "*shape: shape, key: key",
        "Random numbers, uniform in [0, 1).",
        shapes.sized,
        lambda out, sizes, key: random.uniform(key, out.numel),
        kind="random",
        examples=(("rand(2, 0)", "[[], []]"),),
    ),
    Op(
        "randn",
        "*shape: shape, key: key",
        "Random numbers of the standard normal distribution.",
        shapes.sized,
        lambda out, sizes, key: random.normal(key, out.numel),
        kind="random",
        examples=(("randn(2, 0)", "[[], []]"),),
    ),
    Op(
        "randint",
        "low: number, high: number, shape: shape, key: key",
        "Random whole numbers from low up to, not including, high.",
        shapes.integers,
        lambda out, low, high, shape, key: [
            int(u * (high - low) // 1 + low) for u in random.uniform(key, out.numel)
        ],
        kind="random",
        examples=(("randint(0, 1, (3,))", "[0, 0, 0].long()"),),
        access="internal",
    ),
)


def _constant(out: Type, type: Type, data: Params) -> Elements:
    return list(data)


LEAVES = (
    Op(
        "const",
        "type: type, data: data",
        "A number, or a tensor of numbers.",
        shapes.leaf,
        _constant,
        kind="leaf",
        access="internal",
    ),
    Op(
        "input",
        "type: type, name: name",
        "A value from outside.",
        shapes.leaf,
        _constant,
        kind="leaf",
        text=" ",
        access="internal",
    ),
    Op(
        "alias",
        "x",
        "Another name for a node.",
        shapes.same,
        lambda out, x: x.data,
        lambda torch, x: x,
        kind="leaf",
        casting="own",
        text="{0}",
        vjp=("g",),
        is_move=True,
        is_view=True,
        access="internal",
        js="x=>x",
    ),
)
