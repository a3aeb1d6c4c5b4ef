"""Python kernels of whole numbers: divisors, and numbers of choices.

Of what is not whole, or below 0 where that has no meaning, the result is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import starmap

from graphcalc.ops.spec import Tensor, Torch, TorchKernel

# 170! is the largest factorial below 2^1024, and n over k is above it where both k and n - k are
# above 1029.
_LAST_FACTORIAL, _LAST_CHOICE = 170, 1029


def _whole(function: Callable[..., float]) -> Callable[..., float]:
    """A function of whole numbers, NaN of others, and infinity where it is too large."""

    def kernel(*numbers: float) -> float:
        if not all(math.isfinite(x) and x == int(x) for x in numbers):
            return math.nan
        try:
            return float(function(*map(int, numbers)))
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return kernel


def _comb(n: int, k: int) -> float:
    if min(k, n - k) > _LAST_CHOICE:
        return math.inf
    return math.comb(n, k)


def _perm(n: int, k: int) -> float:
    if n >= k > _LAST_FACTORIAL:
        return math.inf
    return math.perm(n, k)


def _factorial(n: int) -> float:
    return math.inf if n > _LAST_FACTORIAL else math.factorial(n)


gcd = _whole(math.gcd)
lcm = _whole(math.lcm)
comb = _whole(_comb)
perm = _whole(_perm)
factorial = _whole(_factorial)


def by_element(function: Callable[..., float]) -> TorchKernel:
    """The kernel on torch of a function that torch lacks, element by element."""

    def kernel(torch: Torch, *operands: Tensor) -> Tensor:
        first, *_ = wide = torch.broadcast_tensors(*operands)
        columns = zip(*(x.reshape(-1).tolist() for x in wide))
        found = torch.tensor([*starmap(function, columns)], dtype=torch.float64)
        return found.reshape(first.shape).to(first)

    return kernel
