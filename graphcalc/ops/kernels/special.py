"""The gamma family, the inverse error function and other functions beyond `numeric`'s.

They are total like those, with C99's or torch's conventions at zeros, infinities and nan.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from graphcalc.ops.kernels import numeric, random
from graphcalc.ops.kernels.numeric import inf, nan

_copysign = math.copysign
# A float, or a tensor of torch.
_Real: TypeAlias = Any


# Coefficients of lgamma, from FreeBSD's msun (e_lgamma_r.c, Copyright (C) 1993 by Sun
# Microsystems, Inc., freely given), highest power first: around the minimum, in (x-1) and (x-2)
# between, and of Stirling's series. Python's own is a dozen ulp off below 10, and worse near 1, 2.
MINIMUM_AT, MINIMUM = 1.46163214496836224576, -1.21486290535849611461e-01
MINIMUM_REST = -3.63867699703950536541e-18
AROUND_MINIMUM = (
    *(3.35529192635519073543e-04, -3.12754168375120860518e-04, 3.15632070903625950361e-04),
    *(-5.38595305356740546715e-04, 8.81081882437654011382e-04, -1.40346469989232843813e-03),
    *(2.25964780900612472250e-03, -3.68452016781138256760e-03, 6.10053870246291332635e-03),
    *(-1.03142241298341437450e-02, 1.79706750811820387126e-02, -3.27885410759859649565e-02),
    *(6.46249402391333854778e-02, -1.47587722994593911752e-01, 4.83836122723810047042e-01),
)
BELOW_TWO = (
    *(4.48640949618915160150e-05, 2.52144565451257326939e-05, 1.08011567247583939954e-04),
    *(2.20862790713908385557e-04, 5.10069792153511336608e-04, 1.19270763183362067845e-03),
    *(2.89051383673415629091e-03, 7.38555086081402883957e-03, 2.05808084325167332806e-02),
    *(6.73523010531292681824e-02, 3.22467033424113591611e-01, 7.72156649015328655494e-02),
)
ABOVE_ONE = (
    (
        *(1.33810918536787660377e-02, 2.28963728064692451092e-01, 9.77717527963372745603e-01),
        *(1.45492250137234768737e00, 6.32827064025093366517e-01, -7.72156649015328655494e-02),
    ),
    (
        *(3.21709242282423911810e-03, 1.04222645593369134254e-01, 7.69285150456672783825e-01),
        *(2.12848976379893395361e00, 2.45597793713041134822e00, 1.0),
    ),
)
ABOVE_TWO = (
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
STIRLING = (
    *(-1.63092934096575273989e-03, 8.36339918996282139126e-04, -5.95187557450339963135e-04),
    *(7.93650558643019558500e-04, -2.77777777728775536470e-03, 8.33333333333329678849e-02),
)


def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    total = 0.0
    for coefficient in coefficients:
        total = total * x + coefficient
    return total


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: float) -> float:
    top, bottom = polynomials
    return _polynomial(top, x) / _polynomial(bottom, x)


def _lgamma_to_two(x: float) -> float:
    """log(gamma(x)) for 0 < x < 2."""
    shift = 0.0
    if x <= 0.9:
        shift = -math.log(x)
        near_two, near_minimum = x >= 0.7316, x >= 0.23164
        y = 1.0 - x if near_two else x - (MINIMUM_AT - 1.0) if near_minimum else x
    else:
        near_two, near_minimum = x >= 1.7316, x >= 1.23164
        y = 2.0 - x if near_two else x - MINIMUM_AT if near_minimum else x - 1.0
    if near_two:
        return shift + (y * _polynomial(BELOW_TWO, y) - 0.5 * y)
    if near_minimum:
        # The last term is linear and carries most of the value's rounding.
        p = y * y * _polynomial(AROUND_MINIMUM, y)
        return shift + (MINIMUM - (MINIMUM_REST - p))
    top, bottom = ABOVE_ONE
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
        top, bottom = ABOVE_TWO
        value = 0.5 * y + y * _polynomial(top, y) / _polynomial(bottom, y)
        product = 1.0
        for k in range(2, whole):
            product *= y + k
        return value + math.log(product)
    t = math.log(x)
    if x < 2.0**58:
        z = 1.0 / x
        series = 4.18938533204672725052e-01 + z * _polynomial(STIRLING, z * z)
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


# The digamma function: over [1, 3] x - root, the root in two parts, times 1 and a ratio in x - 1;
# above, a ratio in 1/x**2 for what Stirling's series leaves. Both interpolate at Chebyshev nodes,
# within 2**-56 of the values; highest power first.
DIGAMMA_ROOT = (1.4616321449683622, 9.549995429965697e-17)
DIGAMMA_NEAR = (
    (
        *(-7.336874005042619e-06, -0.0005608827595443471, -0.012161312823929573),
        *(-0.10761482078027527, -0.4305501639073515, -0.7280418632790923),
        *(-0.28145877124820834, 0.2503801375034054),
    ),
    (
        *(7.3778476243478865e-06, 0.0006000004112100302, 0.014396602345897333),
        *(0.14810832904594673, 0.7470495002328587, 1.9022022748824643),
        *(2.2894571233542136, 1.0),
    ),
)
DIGAMMA_FAR = (
    (
        *(0.30119550402283257, 4.787886709291544, 10.294446380246114),
        *(6.392426362415488, 1.3463620620758885, 0.08333333333333333),
    ),
    (
        *(6.834300527125628, 67.51238673230499, 130.63795807520523),
        *(78.28713177592694, 16.256344744910482, 1.0),
    ),
)


def _digamma_near(x: float) -> float:
    """digamma(x) for 1 <= x <= 3."""
    high, low = DIGAMMA_ROOT
    distance = (x - high) - low
    return distance + distance * _ratio(DIGAMMA_NEAR, x - 1.0)


def digamma(x: float) -> float:
    """The derivative of lgamma; nan at negative whole numbers, a signed infinity at 0."""
    if x > 3.0:
        inverse = 1.0 / x
        square = inverse * inverse
        return math.log(x) - (0.5 * inverse + square * _ratio(DIGAMMA_FAR, square))
    if x >= 1.0:
        return _digamma_near(x)
    if x > 0.0:
        return _digamma_near(x + 1.0) - 1.0 / x
    if x == 0.0:
        return -_copysign(inf, x)
    if x - x != 0 or x == math.floor(x):
        return nan
    return digamma(1.0 - x) - math.pi * _cot_pi(x - round(x))


def _cot_pi(x: float) -> float:
    """1 / tan(pi*x) for 0 < |x| <= 0.5, exact where it is near 0."""
    if abs(x) > 0.25:
        return _copysign(math.tan(math.pi * (0.5 - abs(x))), x)
    return numeric.div(1.0, math.tan(math.pi * x))


# B(2j) / (2j)! of the Euler-Maclaurin formula, j from 1.
BERNOULLI = (
    *(1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000),
    *(1 / 74724249600, -3617 / 10670622842880000, 43867 / 5109094217170944000),
    *(-174611 / 802857662698291200000, 77683 / 14101100039391805440000),
)


def _over_power(k: int, x: _Real, div: Callable[[_Real, _Real], _Real]) -> _Real:
    """k! / x**(k+1), without overflow between."""
    power, factor, rest = None, x, (k + 1) // 2
    while rest:
        if rest % 2:
            power = factor if power is None else power * factor
        factor, rest = factor * factor, rest // 2
    value = float(math.factorial(k)) if k <= 170 else inf
    if power is not None:
        value = div(div(value, power), power)
    return value if k % 2 else div(value, x)


def zeta_reach(n: int) -> tuple[float, int]:
    """From where on `zeta` needs no terms of the sum, and how many it needs below."""
    return 10.0 + n, 10 + min(n, 20)


def zeta(n: int, x: _Real, count: int, div: Callable[[_Real, _Real], _Real]) -> _Real:
    """n! times Hurwitz's zeta(n+1, x) for x > 0 and n > 0, of floats or of tensors.

    `count` terms of the sum of n! / (x+k)**(n+1), and the Euler-Maclaurin formula for the rest.
    All is `+ * /`, so that every backend gives the same bits.
    """
    start = x + count
    square = start * start
    rest, factor = div(0.5 * n, start), 1.0
    for j, bernoulli in enumerate(BERNOULLI):
        factor = div(factor * ((n + 2.0 * j) * (n + 2.0 * j + 1.0)), square)
        rest = rest + bernoulli * factor
    total = (1.0 + rest) * _over_power(n - 1, start, div)
    for k in range(count - 1, -1, -1):
        total = total + _over_power(n, x + k, div)
    return total


def _zeta(n: int, x: float) -> float:
    reach, count = zeta_reach(n)
    found: float = zeta(n, x, count if x < reach else 0, numeric.div)
    return found


def polygamma(x: float, n: int) -> float:
    """The n-th derivative of digamma; at 0, -1, -2, … the infinity to the right of a pole."""
    if n == 0:
        return digamma(x)
    sign = 1.0 if n % 2 else -1.0
    if x > 0.0:
        return sign * _zeta(n, x)
    if x != x or x == -inf:
        return nan
    if x == math.floor(x):
        return sign * inf
    # The sum's terms left of 0 are those of two other sums.
    part = -x - math.floor(-x)
    left = _zeta(n, part) - _zeta(n, 1.0 - x)
    return sign * (_zeta(n, 1.0 - part) + sign * left)


def erfinv(x: float) -> float:
    """The inverse of erf: AS 241's, and one step of Halley's method; nan outside [-1, 1]."""
    size = abs(x)
    if not size < 1.0:
        return _copysign(inf, x) if size == 1.0 else nan
    if size <= 2.0 * random.SPLIT:
        y = 0.5 * size * _ratio(random.CENTRAL, random.SPLIT_SQUARED - 0.25 * size * size)
    else:
        r = math.sqrt(-math.log(0.5 * (1.0 - size)))
        is_far = r > random.FAR
        y = _ratio(random.TAIL, r - random.FAR) if is_far else _ratio(random.MIDDLE, r - 1.6)
    y *= math.sqrt(0.5)
    off = math.erf(y) - size if size < 0.5 else (1.0 - size) - math.erfc(y)
    step = off * (0.5 * math.sqrt(math.pi)) * math.exp(y * y)
    return _copysign(y - step / (1.0 + y * step), x)


def logaddexp(x: float, y: float) -> float:
    """log(exp(x) + exp(y)), without overflow; nan if either is."""
    if x == y:
        return x + math.log(2.0)
    return numeric.maximum(x, y) + math.log1p(math.exp(-abs(x - y)))


def xlogy(x: float, y: float) -> float:
    """x * log(y), and 0 where x is 0 unless y is nan."""
    if y != y:
        return nan
    return 0.0 if x == 0 else x * numeric.log(y)


def sinc(x: float) -> float:
    """sin(pi*x) / (pi*x), and 1 at 0; the angle is rounded, as torch's."""
    angle = math.pi * x
    return 1.0 if x == 0 else numeric.sin(angle) / angle


def nan_to_num(x: float, nan: float, posinf: float, neginf: float) -> float:
    """x, with numbers in place of nan, inf and -inf."""
    if x - x == 0:
        return x
    return nan if x != x else posinf if x > 0 else neginf


def heaviside(x: float, values: float) -> float:
    """0 below 0, `values` at 0, 1 above; torch gives 0 for nan."""
    return values if x == 0 else 1.0 if x > 0 else 0.0


def fmin(x: float, y: float) -> float:
    """The smaller one; of a number and nan, the number."""
    return x if x <= y or y != y else y


def fmax(x: float, y: float) -> float:
    """The larger one; of a number and nan, the number."""
    return x if x >= y or y != y else y


def lerp(start: float, end: float, weight: float) -> float:
    """start + weight*(end - start), reckoned from the nearer end."""
    if abs(weight) < 0.5:
        return start + weight * (end - start)
    return end - (end - start) * (1.0 - weight)
