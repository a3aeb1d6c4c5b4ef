"""Kernels in torch's operations, for rows whose op torch lacks, or takes other arguments for.

torch itself is the first argument, so that these modules can be imported without it. The
elementwise kernels and the random numbers stand in modules of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from graphcalc.ops.kernels import torch_elementwise, torch_random
from graphcalc.ops.spec import Dims, Op, Params, Shape, Tensor, Torch, TorchKernel, TorchOut


def over(torch: Torch, x: Tensor, dim: Dims) -> Shape:
    """Every dimension for None, which some of torch's functions do not take."""
    return tuple(range(x.dim())) if dim is None else dim


def prod(torch: Torch, x: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    """The product over several dimensions: torch.prod takes one at a time."""
    for d in sorted((d % max(x.dim(), 1) for d in over(torch, x, dim)), reverse=True):
        x = torch.prod(x, d, keepdim=keepdim)
    return x


def over_dims(name: str) -> TorchKernel:
    """torch's reduction of that name over several dimensions, all of them for None."""

    def kernel(torch: Torch, x: Tensor, dim: Dims, keepdim: bool) -> Tensor:
        # Of a scalar, dimensions 0 and -1 are none.
        dims = over(torch, x, dim) if x.dim() else ()
        return getattr(torch, name)(x, dims, keepdim)

    return kernel


sum, mean, all, any = map(over_dims, ("sum", "mean", "all", "any"))
amax, amin = map(over_dims, ("amax", "amin"))


def count_nonzero(torch: Torch, x: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    """torch's, which has no keepdim."""
    return torch.sum(x != 0, over(torch, x, dim) if x.dim() else (), keepdim)


def arange(torch: Torch, out: TorchOut, start: float, end: float | None, step: float) -> Tensor:
    """start + i*step, rounded as on Python."""
    first = 0.0 if end is None else start
    # Numbers that count are not all there in half precision.
    wide = torch.float32 if out.dtype in (torch.float16, torch.bfloat16) else out.dtype
    counted = torch.arange(out.shape[0], dtype=wide, device=out.device)
    return (counted * step + first).to(out.dtype)


def linspace(torch: Torch, out: TorchOut, start: float, end: float, steps: int) -> Tensor:
    """Evenly spaced numbers: torch.linspace may fuse a product and a sum."""
    if out.dtype in (torch.float16, torch.bfloat16):
        return torch.linspace(start, end, steps, dtype=out.dtype, device=out.device)
    i = torch.arange(steps, dtype=out.dtype, device=out.device)
    if steps <= 1:
        return i + start
    step = (end - start) / (steps - 1)
    return torch.where(i < steps // 2, start + i * step, end - (steps - 1 - i) * step)


def _countable(torch: Torch, x: Tensor) -> Tensor:
    """x with bool as integers: torch does not order bool."""
    return x.to(torch.uint8) if x.dtype == torch.bool else x


def argmax(torch: Torch, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    """torch's, of bool too."""
    return torch.argmax(_countable(torch, x), dim, keepdim)


def argmin(torch: Torch, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    """torch's, of bool too."""
    return torch.argmin(_countable(torch, x), dim, keepdim)


def argmedian(torch: Torch, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    """The first place of the lower median: torch.median takes any."""
    return _first_place(torch, x, dim, keepdim, median)


def argnanmedian(torch: Torch, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    """The first place of the lower median of what is not NaN."""
    return _first_place(torch, x, dim, keepdim, nanmedian)


def _first_place(
    torch: Torch, x: Tensor, dim: int | None, keepdim: bool, choose: Callable[..., Tensor]
) -> Tensor:
    dims = None if dim is None else (dim,)
    found = choose(torch, x, dims, True)
    is_there = (x == found) | (x.isnan() & found.isnan())
    return torch.argmax(is_there.to(torch.uint8), dim, keepdim)


def median(torch: Torch, x: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    """The lower median over any dimensions: torch.median takes one at a time."""
    return _middle(torch, x, dim, keepdim, torch.median)


def nanmedian(torch: Torch, x: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    """The lower median of what is not NaN, over any dimensions."""
    return _middle(torch, x, dim, keepdim, torch.nanmedian)


def _middle(
    torch: Torch, x: Tensor, dim: Dims, keepdim: bool, choose: Callable[..., Any]
) -> Tensor:
    if not x.dim():
        return x
    dims = sorted(d % x.dim() for d in over(torch, x, dim))
    kept = [d for d in range(x.dim()) if d not in dims]
    count = math.prod(x.shape[d] for d in dims)
    rows = _countable(torch, x).permute(*kept, *dims).reshape(*(x.shape[d] for d in kept), count)
    found = choose(rows, -1).values.to(x.dtype)
    if keepdim:
        for d in dims:
            found = found.unsqueeze(d)
    return found


def recur(torch: Torch, x: Tensor, y: Tensor) -> Tensor:
    """y[i] + x[i] * (the element before), in log2(n) steps of twice the distance each.

    W. D. Hillis and G. L. Steele, "Data parallel algorithms", CACM 29 (1986).
    """
    distance = 1
    while distance < x.shape[-1]:
        head, tail = y[..., :distance], y[..., distance:]
        y = torch.cat([head, tail + x[..., distance:] * y[..., :-distance]], -1)
        x = torch.cat([x[..., :distance], x[..., distance:] * x[..., :-distance]], -1)
        distance *= 2
    return y


def refold(torch: Torch, x: Tensor, shape: Shape, dim: int, size: int, step: int) -> Tensor:
    """Every window's elements added where they were taken."""
    return torch.ops.aten.unfold_backward(x, shape, dim % len(shape), size, step)


def pad(torch: Torch, x: Tensor, counts: Shape, mode: str, value: float) -> Tensor:
    """The value around the elements."""
    if x.dtype == torch.bool:
        return torch.nn.functional.pad(x.to(torch.uint8), counts, value=value).to(torch.bool)
    return torch.nn.functional.pad(x, counts, value=value)


def const(torch: Torch, out: TorchOut, type: Tensor, data: Params) -> Tensor:
    """The elements of a constant."""
    return torch.tensor(data, dtype=out.dtype, device=out.device).reshape(out.shape)


def function_of(torch: Torch, op: Op) -> TorchKernel:
    """Return what computes an op: (operands, static arguments) -> Tensor.

    Of an op that makes a tensor, the `TorchOut` comes first.
    """
    name = op.torch or op.name
    if callable(name):
        return partial(name, torch)
    for functions in (globals(), vars(torch_elementwise), vars(torch_random)):
        if name in functions:
            return partial(functions[name], torch)
    found: TorchKernel = getattr(torch, name)
    return found


def namesake_of(torch: Torch, op: Op) -> TorchKernel | None:
    """Return torch's own function of an op's name, or None."""
    for module in (torch, torch.nn.functional, torch.special):
        if op.access == "call" and hasattr(module, op.name):
            found: TorchKernel = getattr(module, op.name)
            return found
    return None
