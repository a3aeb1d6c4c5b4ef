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
        if x == 0:  # 0 to a negative power
            odd = y == math.floor(y) and math.fmod(y, 2.0) != 0
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


# Coefficients of lgamma, from FreeBSD's msun (e_lgamma_r.c, Copyright (C) 1993 by Sun
# Microsystems, Inc., freely given), highest power first: around the minimum, in (x-1) and (x-2)
# between, and of Stirling's series. Python's own is a dozen ulp off below 10, and worse near 1, 2.
_MINIMUM_AT, _MINIMUM = 1.46163214496836224576, -1.21486290535849611461e-01
_MINIMUM_REST = -3.63867699703950536541e-18
_AROUND_MINIMUM = (
    *(3.35529192635519073543e-04, -3.12754168375120860518e-04, 3.15632070903625950361e-04),
    *(-5.38595305356740546715e-04, 8.81081882437654011382e-04, -1.40346469989232843813e-03),
    *(2.25964780900612472250e-03, -3.68452016781138256760e-03, 6.10053870246291332635e-03),
    *(-1.03142241298341437450e-02, 1.79706750811820387126e-02, -3.27885410759859649565e-02),
    *(6.46249402391333854778e-02, -1.47587722994593911752e-01, 4.83836122723810047042e-01),
)
_BELOW_TWO = (
    *(4.48640949618915160150e-05, 2.52144565451257326939e-05, 1.08011567247583939954e-04),
    *(2.20862790713908385557e-04, 5.10069792153511336608e-04, 1.19270763183362067845e-03),
    *(2.89051383673415629091e-03, 7.38555086081402883957e-03, 2.05808084325167332806e-02),
    *(6.73523010531292681824e-02, 3.22467033424113591611e-01, 7.72156649015328655494e-02),
)
_ABOVE_ONE = (
    (
        *(1.33810918536787660377e-02, 2.28963728064692451092e-01, 9.77717527963372745603e-01),
        *(1.45492250137234768737e00, 6.32827064025093366517e-01, -7.72156649015328655494e-02),
    ),
    (
        *(3.21709242282423911810e-03, 1.04222645593369134254e-01, 7.69285150456672783825e-01),
        *(2.12848976379893395361e00, 2.45597793713041134822e00, 1.0),
    ),
)
_ABOVE_TWO = (
    (
        *(3.19475326584100867617e-05, 1.84028451407337715652e-03, 2.66422703033638609560e-02),
        *(1.46350472652464452805e-01, 3.25778796408930981787e-01, 2.14982415960608852501e-01),
        -7.72156649015328655494e-02,
    ),
    (
        *(7.32668430744625636189e-06, 7.77942496381893596434e-04, 1.86459191715652901344e-02),
        *(1.71933865632803078993e-01, 7.21935547567138069525e-01, 1.39200533467621045958e00, 1.0),
    ),
)
_STIRLING = (
    *(-1.63092934096575273989e-03, 8.36339918996282139126e-04, -5.95187557450339963135e-04),
    *(7.93650558643019558500e-04, -2.77777777728775536470e-03, 8.33333333333329678849e-02),
)


def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    total = 0.0
    for coefficient in coefficients:
        total = total * x + coefficient
    return total


def _lgamma_to_two(x: float) -> float:
    """log(gamma(x)) for 0 < x < 2."""
    shift = 0.0
    if x <= 0.9:
        shift = -math.log(x)
        near_two, near_minimum = x >= 0.7316, x >= 0.23164
        y = 1.0 - x if near_two else x - (_MINIMUM_AT - 1.0) if near_minimum else x
    else:
        near_two, near_minimum = x >= 1.7316, x >= 1.23164
        y = 2.0 - x if near_two else x - _MINIMUM_AT if near_minimum else x - 1.0
    if near_two:
        return shift + (y * _polynomial(_BELOW_TWO, y) - 0.5 * y)
    if near_minimum:
        # The last term is linear and carries most of the value's rounding.
        p = y * y * _polynomial(_AROUND_MINIMUM, y)
        return shift + (_MINIMUM - (_MINIMUM_REST - p))
    top, bottom = _ABOVE_ONE
    return shift + (-0.5 * y + y * _polynomial(top, y) / _polynomial(bottom, y))


def lgamma(x: float) -> float:
    """log|gamma(x)|; inf at the poles 0, -1, -2, …."""
    if x <= 0.0 or x - x != 0:
        try:
            return math.lgamma(x)
        except (ValueError, OverflowError):
            return inf
    if x < 1e-20:
        return -math.log(x)
    if x in (1.0, 2.0):
        return 0.0
    if x < 2.0:
        return _lgamma_to_two(x)
    if x < 8.0:
        whole = math.floor(x)
        y = x - whole
        top, bottom = _ABOVE_TWO
        value = 0.5 * y + y * _polynomial(top, y) / _polynomial(bottom, y)
        product = 1.0
        for k in range(2, whole):
            product *= y + k
        return value + math.log(product)
    t = math.log(x)
    if x < 2.0**58:
        z = 1.0 / x
        series = 4.18938533204672725052e-01 + z * _polynomial(_STIRLING, z * z)
        return (x - 0.5) * (t - 1.0) + series
    return x * (t - 1.0)


def gamma(x: float) -> float:
    """The gamma function; nan at negative whole numbers, a signed infinity at 0."""
    try:
        return math.gamma(x)
    except ValueError:
        return _copysign(inf, x) if x == 0 else nan
    except OverflowError:
        return -inf if x < 0 and math.fmod(math.floor(x), 2.0) else inf


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
