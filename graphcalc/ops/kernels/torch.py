"""What torch lacks, or rounds otherwise: kernels in torch's own operations.

torch itself comes as the first argument, so that the op table can be read without it.
"""

from __future__ import annotations

import math
from functools import partial

from graphcalc.ops.kernels import random, special
from graphcalc.ops.spec import Dims, Op, Params, Shape, Tensor, Torch, TorchKernel, TorchOut


def relu(torch: Torch, x: Tensor, out: Tensor | None = None) -> Tensor:
    """relu, also into a tensor that is there, which torch's own does not take."""
    return torch.relu(x) if out is None else torch.clamp_min(x, 0, out=out)


def where(
    torch: Torch,
    condition: Tensor,
    x: Tensor,
    y: Tensor,
    out: Tensor | None = None,
) -> Tensor:
    """x where the condition is not 0, else y."""
    chosen = condition if condition.dtype == torch.bool else condition != 0
    return torch.where(chosen, x, y, out=out)


def cbrt(torch: Torch, x: Tensor) -> Tensor:
    """The steps of `numeric.cbrt`: torch has no cube root."""
    mantissa, exponent = torch.frexp(x)
    shift = exponent % 3
    scaled = torch.ldexp(mantissa, shift)
    root = torch.copysign(scaled.abs() ** (1.0 / 3.0), x)
    root = root - (root * root * root - scaled) / (3.0 * root * root)
    is_plain = (x != 0) & torch.isfinite(x)
    return torch.where(is_plain, torch.ldexp(root, (exponent - shift) // 3), x)


def sqrt(torch: Torch, x: Tensor) -> Tensor:
    """The correctly rounded square root.

    On CPUs torch's own (MKL's, and its vector units') is one ulp off for a hundredth of all
    float64 numbers. One Newton step with the exact residual x - root*root settles it; the
    product is split as in Dekker, "A floating-point technique for extending the available
    precision" (1971). float32 is rounded from float64, which is exact for square roots.
    """
    if x.device.type != "cpu":
        return torch.sqrt(x)
    if x.dtype != torch.float64:
        return torch.sqrt(x.to(torch.float64)).to(x.dtype)
    is_tiny = x < 1e-290
    scaled = torch.where(is_tiny, x * 2.0**108, x)
    root = torch.sqrt(scaled)
    split = root * 134217729.0
    high = split - (split - root)
    low = root - high
    square = root * root
    residual = (scaled - square) - (((high * high - square) + 2.0 * high * low) + low * low)
    fixed = root + residual / (2.0 * root)
    # The step is nan at 0, inf and nan, where the root itself is right.
    root = torch.where(torch.isfinite(fixed), fixed, root)
    return torch.where(is_tiny, root * 2.0**-54, root)


def fmod(torch: Torch, x: Tensor, y: Tensor) -> Tensor:
    """fmod, also where x / y overflows and torch's vector units on CPUs give nan.

    There x is reduced first by two large multiples of y, which changes nothing: they are exact.
    """
    rest = torch.fmod(x, y)
    if x.device.type != "cpu" or not bool(torch.isnan(rest).any()):
        return rest
    high, low = x.to(torch.float64), y.to(torch.float64)
    for factors in ((2.0**537, 2.0**537), (2.0**537,), ()):
        divisor = low
        for factor in factors:
            divisor = divisor * factor
        high = torch.fmod(high, divisor)
    return torch.where(torch.isnan(rest), high.to(rest.dtype), rest)


def remainder(torch: Torch, x: Tensor, y: Tensor) -> Tensor:
    """The floored remainder, from the exact truncated one."""
    rest = fmod(torch, x, y)
    return torch.where((rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest)


def hyperbolic(name: str) -> TorchKernel:
    """torch's `sinh` or `cosh`, right up to the largest number that has a finite one."""

    def kernel(torch: Torch, x: Tensor) -> Tensor:
        value = getattr(torch, name)(x)
        if x.device.type != "cpu" or x.dtype != torch.float64:
            return value
        # torch's vector units overflow with exp(x), before exp(x) / 2 does. 1246.97… is 1799
        # log(2) to within 2**-70, and subtracting it from such an x is exact.
        half = torch.exp(x.abs() - 1246.97177782734161156) * 2.0**1023 * 2.0**775
        return torch.where(x.abs() > 709.0, half.copysign(x) if name == "sinh" else half, value)

    return kernel


sinh, cosh = map(hyperbolic, ("sinh", "cosh"))


def gamma(torch: Torch, x: Tensor) -> Tensor:
    """The gamma function on the host: torch has none, and exp(lgamma(x)) loses a dozen bits."""
    host = x.to("cpu", torch.float64, copy=True).apply_(special.gamma)
    return host.to(x.device, x.dtype)


def _wide(torch: Torch, x: Tensor) -> Tensor:
    """x in the widest dtype that its device has."""
    return x if x.device.type == "mps" else x.to(torch.float64)


def _digamma_right(torch: Torch, x: Tensor) -> Tensor:
    high, low = special.DIGAMMA_ROOT
    is_low = x < 1.0
    near = torch.where(is_low, x + 1.0, x)
    distance = (near - high) - low
    near = distance + distance * _ratio(special.DIGAMMA_NEAR, near - 1.0, torch)
    inverse = 1.0 / x
    square = inverse * inverse
    rest = 0.5 * inverse + square * _ratio(special.DIGAMMA_FAR, square, torch)
    near = torch.where(is_low, near - inverse, near)
    return torch.where(x > 3.0, torch.log(x) - rest, near)


def digamma(torch: Torch, x: Tensor) -> Tensor:
    """The steps of `special.digamma`: around its root torch's has half the digits."""
    wide = _wide(torch, x)
    found = _digamma_right(torch, torch.where(wide < 0, 1.0 - wide, wide))
    rest = wide - torch.round(wide)
    near_zero = torch.tan(math.pi * (0.5 - rest.abs())).copysign(rest)
    cotangent = torch.where(rest.abs() > 0.25, near_zero, 1.0 / torch.tan(math.pi * rest))
    turned = found - math.pi * cotangent
    turned = torch.where(wide == torch.floor(wide), math.nan, turned)
    return torch.where(wide < 0, turned, found).to(x.dtype)


def _zeta(torch: Torch, n: int, x: Tensor) -> Tensor:
    def div(a: Tensor, b: Tensor) -> Tensor:
        # Of a plain number torch's `/` is a product with the reciprocal.
        return torch.div(torch.as_tensor(a, dtype=b.dtype, device=b.device), b)

    reach, count = special.zeta_reach(n)
    near, far = (special.zeta(n, x, c, div) for c in (count, 0))
    return torch.where(x < reach, near, far)


def polygamma(torch: Torch, x: Tensor, n: int) -> Tensor:
    """The steps of `special.polygamma`: torch's first derivative has nine digits.

    Far below 0 torch's higher ones would take years.
    """
    if n == 0:
        return digamma(torch, x)
    sign = 1.0 if n % 2 else -1.0
    wide = _wide(torch, x)
    found = _zeta(torch, n, wide)
    if bool((wide <= 0).any()):
        part = -wide - torch.floor(-wide)
        left = _zeta(torch, n, part) - _zeta(torch, n, 1.0 - wide)
        turned = _zeta(torch, n, 1.0 - part) + sign * left
        turned = torch.where(part == 0, math.inf, turned)
        found = torch.where(wide <= 0, turned, found)
    return (sign * found).to(x.dtype)


def nan_to_num(torch: Torch, x: Tensor, nan: Tensor, posinf: Tensor, neginf: Tensor) -> Tensor:
    """Numbers for nan, inf and -inf; torch takes plain numbers only.

    The defaults are float64's extremes, which are infinite in a narrower dtype: there an infinite
    number counts as the largest.
    """
    if x.dtype != torch.float64:
        largest = torch.finfo(x.dtype).max
        posinf, neginf = (v.clamp(-largest, largest) for v in (posinf, neginf))
    found = torch.where(x == math.inf, posinf, torch.where(torch.isnan(x), nan, x))
    return torch.where(x == -math.inf, neginf, found)


def lerp(torch: Torch, start: Tensor, end: Tensor, weight: Tensor) -> Tensor:
    """The formula of torch.lerp, whose vector units may round a product and a sum at once."""
    way = end - start
    return torch.where(weight.abs() < 0.5, start + weight * way, end - way * (1.0 - weight))


def softplus(torch: Torch, x: Tensor, beta: Tensor, threshold: Tensor) -> Tensor:
    """log(1 + exp(beta*x)) / beta; torch takes beta and threshold as plain numbers only."""
    scaled = x * beta
    return torch.where(scaled > threshold, x, torch.log1p(torch.exp(scaled)) / beta)


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


def arange(torch: Torch, out: TorchOut, start: float, end: float | None, step: float) -> Tensor:
    """start + i*step, rounded as on Python."""
    first = 0.0 if end is None else start
    return torch.arange(out.shape[0], dtype=out.dtype, device=out.device) * step + first


def linspace(torch: Torch, out: TorchOut, start: float, end: float, steps: int) -> Tensor:
    """Evenly spaced numbers: torch.linspace may fuse a product and a sum."""
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


def median(torch: Torch, x: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    """The lower median over any dimensions: torch.median takes one at a time."""
    if not x.dim():
        return x
    dims = sorted(d % x.dim() for d in over(torch, x, dim))
    kept = [d for d in range(x.dim()) if d not in dims]
    count = math.prod(x.shape[d] for d in dims)
    rows = _countable(torch, x).permute(*kept, *dims).reshape(*(x.shape[d] for d in kept), count)
    found = torch.median(rows, -1).values.to(x.dtype)
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


def hardtanh(torch: Torch, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """x between two tensors; autograd has no slope at the bounds."""
    held = torch.minimum(torch.maximum(x, low), high)
    return torch.where((low < x) & (x < high), x, held)


def refold(torch: Torch, x: Tensor, shape: Shape, dim: int, size: int, step: int) -> Tensor:
    """Every window's elements added where they were taken."""
    return torch.ops.aten.unfold_backward(x, shape, dim % len(shape), size, step)


def pad(torch: Torch, x: Tensor, counts: Shape, mode: str, value: float) -> Tensor:
    """The value around the elements."""
    if x.dtype == torch.bool:
        return torch.nn.functional.pad(x.to(torch.uint8), counts, value=value).to(torch.bool)
    return torch.nn.functional.pad(x, counts, value=value)


def randint(torch: Torch, out: TorchOut, low: float, high: float, shape: Shape, key: int) -> Tensor:
    """Whole numbers from low up to, not including, high."""
    wide = out._replace(dtype=torch.float64)
    return (torch.floor(uniform(torch, wide, key) * (high - low)) + low).to(out.dtype)


def const(torch: Torch, out: TorchOut, type: Tensor, data: Params) -> Tensor:
    """The elements of a constant."""
    return torch.tensor(data, dtype=out.dtype, device=out.device).reshape(out.shape)


# The same steps on int64 and float64 tensors: products wrap around, shifts are made logical.


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


def _ratio(
    polynomials: tuple[tuple[float, ...], tuple[float, ...]], r: Tensor, torch: Torch
) -> Tensor:
    numerator, denominator = torch.zeros_like(r), torch.zeros_like(r)
    for n, d in zip(*polynomials):
        numerator.mul_(r).add_(n)
        denominator.mul_(r).add_(d)
    return numerator.div_(denominator)


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
    value = q * _ratio(random.CENTRAL, random.SPLIT_SQUARED - q * q, torch)
    outer = (q.abs() > random.SPLIT).nonzero().squeeze(1)
    q, p = q[outer], p[outer]
    r = sqrt(torch, -_log(torch, torch.where(q < 0, p, 1.0 - p)))
    tail = torch.where(
        r <= random.FAR,
        _ratio(random.MIDDLE, r - 1.6, torch),
        _ratio(random.TAIL, r - random.FAR, torch),
    )
    value[outer] = torch.where(q < 0, -tail, tail)
    return value


def rand(torch: Torch, out: TorchOut, sizes: Shape, key: int) -> Tensor:
    """Uniform numbers."""
    return uniform(torch, out, key)


def randn(torch: Torch, out: TorchOut, sizes: Shape, key: int) -> Tensor:
    """Normal numbers."""
    return normal(torch, out, key)


def function_of(torch: Torch, op: Op) -> TorchKernel:
    """Return what computes an op: (operands, static arguments) -> Tensor.

    Of an op that makes a tensor, the `TorchOut` comes first.
    """
    name = op.torch or op.name
    own = name if callable(name) else globals().get(name)
    found: TorchKernel = getattr(torch, str(name)) if own is None else partial(own, torch)
    return found
