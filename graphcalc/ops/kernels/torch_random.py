"""The random numbers of `random` as tensors.

The same steps on int64 and float64 tensors: products wrap around, shifts are made logical.
"""

from __future__ import annotations

import math

from graphcalc.ops.kernels import random
from graphcalc.ops.kernels.torch_elementwise import ratio, sqrt
from graphcalc.ops.spec import Shape, Tensor, Torch, TorchKernel, TorchOut


def randint(torch: Torch, out: TorchOut, low: float, high: float, shape: Shape, key: int) -> Tensor:
    """Whole numbers from low up to, not including, high."""
    wide = out._replace(dtype=torch.float64)
    return (torch.floor(uniform(torch, wide, key) * (high - low)) + low).to(out.dtype)


def _signed(z: int) -> int:
    return z - (1 << 64) if z >> 63 else z


def _mix(torch: Torch, z: Tensor) -> Tensor:
    for shift, multiplier in zip(random.SHIFTS, (*random.MULTIPLIERS, 1)):
        z ^= (z >> shift) & ((1 << (64 - shift)) - 1)
        if multiplier != 1:
            z *= _signed(multiplier)
    return z


def _bits(torch: Torch, out: TorchOut, key: int, begin: int, end: int) -> Tensor:
    """Uniform numbers for the elements from begin to end."""
    counter = torch.arange(begin + 1, end + 1, dtype=torch.int64, device=out.device)
    z = _mix(torch, counter.mul_(_signed(random.GAMMA)).add_(_signed(key)))
    return ((z >> 11) & ((1 << 53) - 1)).to(torch.float64).mul_(1.1102230246251565e-16)


_TILE = 1 << 15


def _tiles(torch: Torch, out: TorchOut, key: int, finish: TorchKernel) -> Tensor:
    """Numbers made tile by tile, so that the steps between stay in the cache."""
    count = math.prod(out.shape)
    result = torch.empty(count, dtype=out.dtype, device=out.device)
    tile = _TILE if out.device.type == "cpu" else 1 << 24

    def fill(start: int, stop: int) -> None:
        for begin in range(start, stop, tile):
            end = min(begin + tile, stop)
            result[begin:end] = finish(torch, _bits(torch, out, key, begin, end))

    out.each(count, fill)
    return result.reshape(out.shape)


def uniform(torch: Torch, out: TorchOut, key: int) -> Tensor:
    """`uniform` as a tensor of `out`'s shape, dtype and device."""
    return _tiles(torch, out, key, lambda torch, u: u)


def normal(torch: Torch, out: TorchOut, key: int) -> Tensor:
    """`normal` as a tensor of `out`'s shape, dtype and device."""
    return _tiles(torch, out, key, _quantile)


def _log(torch: Torch, x: Tensor) -> Tensor:
    mantissa, exponent = torch.frexp(x)
    t = (mantissa - 1.0) / (mantissa + 1.0)
    square, total = t * t, torch.zeros_like(t)
    for term in random.ATANH_TERMS:
        total.mul_(square).add_(term)
    return exponent.to(x.dtype) * random.LN2 + 2.0 * t * total


def _quantile(torch: Torch, u: Tensor) -> Tensor:
    p = u + 5.551115123125783e-17
    q = p - 0.5
    value = q * ratio(random.CENTRAL, random.SPLIT_SQUARED - q * q, torch)
    outer = (q.abs() > random.SPLIT).nonzero().squeeze(1)
    q, p = q[outer], p[outer]
    r = sqrt(torch, -_log(torch, torch.where(q < 0, p, 1.0 - p)))
    tail = torch.where(
        r <= random.FAR,
        ratio(random.MIDDLE, r - 1.6, torch),
        ratio(random.TAIL, r - random.FAR, torch),
    )
    value[outer] = torch.where(q < 0, -tail, tail)
    return value


def rand(torch: Torch, out: TorchOut, sizes: Shape, key: int) -> Tensor:
    """Uniform numbers."""
    return uniform(torch, out, key)


def randn(torch: Torch, out: TorchOut, sizes: Shape, key: int) -> Tensor:
    """Normal numbers."""
    return normal(torch, out, key)
