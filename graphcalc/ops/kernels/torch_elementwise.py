"""Elementwise functions that torch lacks, or rounds otherwise, in torch's own operations."""

from __future__ import annotations

import math

from graphcalc.ops.kernels import special
from graphcalc.ops.spec import Tensor, Torch, TorchKernel


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


# The direction that keeps the order of whole numbers when what they are compared with is rounded to
# one, and the comparison with its sides exchanged.
_BOUNDS = {"lt": "ceil", "le": "floor", "gt": "floor", "ge": "ceil", "eq": "floor", "ne": "floor"}
_EXCHANGED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


def _comparison(name: str) -> TorchKernel:
    """torch's comparison of that name, exact between int64 and floating point.

    torch itself rounds the whole numbers to the dtype of the others.
    """

    def kernel(torch: Torch, x: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
        if x.dtype == torch.int64 and y.is_floating_point():
            return _compare_whole(torch, name, x, y)
        if y.dtype == torch.int64 and x.is_floating_point():
            return _compare_whole(torch, _EXCHANGED[name], y, x)
        return getattr(torch, name)(x, y, out=out)

    return kernel


def _compare_whole(torch: Torch, name: str, x: Tensor, y: Tensor) -> Tensor:
    """Compare int64 with floating point, which may be beyond int64, or NaN."""
    compare = getattr(torch, name)
    is_inside = (y >= -(2.0**63)) & (y < 2.0**63)
    rounded = getattr(torch, _BOUNDS[name])(y)
    found = compare(x, torch.where(is_inside, rounded, 0.0).to(torch.int64))
    if name in ("eq", "ne"):
        found = torch.where(rounded == y, found, name == "ne")
    return torch.where(is_inside, found, compare(torch.zeros_like(y), y))


lt, le, gt, ge, eq, ne = map(_comparison, ("lt", "le", "gt", "ge", "eq", "ne"))


def _ldexp(torch: Torch, x: Tensor, exponent: Tensor) -> Tensor:
    """x * 2^exponent in the dtype of x, where older torch takes the default dtype too."""
    return torch.ldexp(x, exponent).to(x.dtype)


def cbrt(torch: Torch, x: Tensor) -> Tensor:
    """The steps of `numeric.cbrt`: torch has no cube root."""
    mantissa, exponent = torch.frexp(x)
    shift = exponent % 3
    scaled = _ldexp(torch, mantissa, shift)
    root = torch.copysign(scaled.abs() ** (1.0 / 3.0), x)
    root = root - (root * root * root - scaled) / (3.0 * root * root)
    is_plain = (x != 0) & torch.isfinite(x)
    return torch.where(is_plain, _ldexp(torch, root, (exponent - shift) // 3), x)


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


def _hyperbolic(name: str) -> TorchKernel:
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


sinh, cosh = map(_hyperbolic, ("sinh", "cosh"))


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
    near = distance + distance * ratio(special.DIGAMMA_NEAR, near - 1.0, torch)
    inverse = 1.0 / x
    square = inverse * inverse
    rest = 0.5 * inverse + square * ratio(special.DIGAMMA_FAR, square, torch)
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


def hardtanh(torch: Torch, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """x between two tensors; autograd has no slope at the bounds."""
    held = torch.minimum(torch.maximum(x, low), high)
    return torch.where((low < x) & (x < high), x, held)


def ratio(
    polynomials: tuple[tuple[float, ...], tuple[float, ...]], r: Tensor, torch: Torch
) -> Tensor:
    """The quotient of two polynomials, their coefficients from the highest power on."""
    numerator, denominator = torch.zeros_like(r), torch.zeros_like(r)
    for n, d in zip(*polynomials):
        numerator.mul_(r).add_(n)
        denominator.mul_(r).add_(d)
    return numerator.div_(denominator)
