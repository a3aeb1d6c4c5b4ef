"""Scalar kernels that are total: where Python's floats raise, these give IEEE 754's answer.

The conventions are C99 Annex F's, which torch follows as well. Arguments and results are
`float`, or `bool` for predicates.
"""

from __future__ import annotations

import math
from collections.abc import Callable

inf, nan = math.inf, math.nan
_copysign, _isnan = math.copysign, math.isnan


def div(x: float, y: float) -> float:
    """x / y; a zero divisor gives a signed infinity, 0/0 gives nan."""
    try:
        return x / y
    except ZeroDivisionError:
        if x == 0 or x != x:
            return nan
        return _copysign(inf, x) * _copysign(1.0, y)


def fmod(x: float, y: float) -> float:
    """x - n*y with the quotient truncated: the sign of x."""
    try:
        return math.fmod(x, y)
    except ValueError:
        return nan


def remainder(x: float, y: float) -> float:
    """x - n*y with the quotient floored: the sign of y, as Python's `%`."""
    rest = fmod(x, y)
    if rest != 0 and (rest < 0) != (y < 0):
        rest += y
    return rest


def floor_divide(x: float, y: float) -> float:
    """The floored quotient, as Python's `//`; by zero as `/`."""
    if y == 0:
        return div(x, y)
    rest = fmod(x, y)
    quotient = (x - rest) / y
    if rest != 0 and (rest < 0) != (y < 0):
        quotient -= 1.0
    if quotient == 0:
        return _copysign(0.0, x / y)
    if quotient - quotient != 0:
        return quotient  # inf and nan have no floor in Python
    whole = float(math.floor(quotient))
    return whole + 1.0 if quotient - whole > 0.5 else whole


def pow(x: float, y: float) -> float:
    """x**y over the reals: a negative x with a fractional y gives nan."""
    try:
        return math.pow(x, y)
    except ValueError:
        if x == 0:  # 0 to a negative power, which may be infinite before Python 3.11
            odd = y - y == 0 and y == math.floor(y) and math.fmod(y, 2.0) != 0
            return _copysign(inf, x) if odd else inf
        return nan
    except OverflowError:
        odd = x < 0 and y == math.floor(y) and math.fmod(y, 2.0) != 0
        return -inf if odd else inf


def minimum(x: float, y: float) -> float:
    """The smaller one; nan if either is."""
    if x != x or y != y:
        return nan
    return x if x < y or (x == y and _copysign(1.0, x) < 0) else y


def maximum(x: float, y: float) -> float:
    """The larger one; nan if either is."""
    if x != x or y != y:
        return nan
    return x if x > y or (x == y and _copysign(1.0, x) > 0) else y


def clamp(x: float, low: float, high: float) -> float:
    """min(max(x, low), high); nan if any is."""
    return minimum(maximum(x, low), high)


def clamped_log(x: float) -> float:
    """log(x), -100 at least; nan below 0."""
    return maximum(log(x), -100.0)


def clamped_log1p(x: float) -> float:
    """log(1 + x), -100 at least; nan below -1."""
    return maximum(log1p(x), -100.0)


def logsigmoid(x: float) -> float:
    """-log(1 + exp(-x)), without overflow."""
    return minimum(x, 0.0) - log1p(exp(-math.fabs(x)))


def where(condition: float, x: float, y: float) -> float:
    """x where the condition is not 0, else y."""
    return x if condition else y


def sqrt(x: float) -> float:
    """The square root; nan below zero."""
    return math.sqrt(x) if x >= 0 else (x if x != x else nan)


def exp(x: float) -> float:
    """e**x; inf on overflow."""
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def exp2(x: float) -> float:
    """2**x; inf on overflow."""
    return pow(2.0, x)


def expm1(x: float) -> float:
    """e**x - 1, exact near 0; inf on overflow."""
    try:
        return math.expm1(x)
    except OverflowError:
        return inf


def _logarithm(function: Callable[[float], float]) -> Callable[[float], float]:
    def log(x: float) -> float:
        if x > 0:
            return function(x)
        return -inf if x == 0 else nan

    return log


log = _logarithm(math.log)
log2 = _logarithm(math.log2)
log10 = _logarithm(math.log10)


def log_odds(x: float) -> float:
    """log(x / (1 - x)); infinities at 0 and 1, nan outside."""
    return log(div(x, 1.0 - x))


def log1p(x: float) -> float:
    """log(1 + x), exact near 0; -inf at -1, nan below."""
    if x > -1:
        return math.log1p(x)
    return -inf if x == -1 else nan


def _finite_only(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function that is nan outside its domain, and at infinities."""

    def total(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return nan

    return total


sin = _finite_only(math.sin)
cos = _finite_only(math.cos)
tan = _finite_only(math.tan)
asin = _finite_only(math.asin)
acos = _finite_only(math.acos)
acosh = _finite_only(math.acosh)


def atanh(x: float) -> float:
    """The inverse of tanh; an infinity at -1 and 1, nan beyond."""
    if -1 < x < 1:
        return math.atanh(x)
    return _copysign(inf, x) if x in (1, -1) else nan


def sinh(x: float) -> float:
    """The hyperbolic sine; a signed infinity on overflow."""
    try:
        return math.sinh(x)
    except OverflowError:
        return _copysign(inf, x)


def cosh(x: float) -> float:
    """The hyperbolic cosine; inf on overflow."""
    try:
        return math.cosh(x)
    except OverflowError:
        return inf


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + exp(-x))


def softplus(x: float, beta: float, threshold: float) -> float:
    """log(1 + exp(beta*x)) / beta, and x itself where beta*x is above the threshold."""
    scaled = x * beta
    return x if scaled > threshold else div(log1p(exp(scaled)), beta)


def relu(x: float) -> float:
    """max(x, 0); nan stays nan, and -0 stays -0."""
    return 0.0 if x < 0 else x


def sign(x: float) -> float:
    """-1, 0 or 1; torch gives 0 for nan."""
    return 1.0 if x > 0 else -1.0 if x < 0 else 0.0


def _rounding(function: Callable[[float], int]) -> Callable[[float], float]:
    """A rounding to whole numbers that keeps inf, nan and the sign of zero."""

    def total(x: float) -> float:
        if x - x != 0:
            return x
        return _copysign(float(function(x)), x)

    return total


floor = _rounding(math.floor)
ceil = _rounding(math.ceil)
trunc = _rounding(math.trunc)
round_half_even = _rounding(round)


def cbrt(x: float) -> float:
    """The real cube root, by one Newton step on the power (`math.cbrt` needs Python 3.11)."""
    if x == 0 or x - x != 0:
        return x
    mantissa, exponent = math.frexp(x)
    shift = exponent % 3
    scaled = math.ldexp(mantissa, shift)
    root = _copysign(math.pow(abs(scaled), 1.0 / 3.0), x)
    root -= (root * root * root - scaled) / (3.0 * root * root)
    return math.ldexp(root, (exponent - shift) // 3)


def logical_and(x: float, y: float) -> bool:
    """Both are not 0."""
    return bool(x) and bool(y)


def logical_or(x: float, y: float) -> bool:
    """Either is not 0."""
    return bool(x) or bool(y)


def logical_xor(x: float, y: float) -> bool:
    """Just one is not 0."""
    return bool(x) != bool(y)


def bitwise_not(x: int) -> int:
    """Every bit flipped; of a bool, its opposite."""
    return not x if type(x) is bool else ~x
