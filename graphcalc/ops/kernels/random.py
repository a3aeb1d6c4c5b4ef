"""Random numbers that depend on the seed, the node and the element's index alone.

The generator is SplitMix64 read by counter: element i of the stream with key k is
mix(k + (i + 1) * GAMMA), the i-th output of Steele, Lea and Flood's generator ("Fast
splittable pseudorandom number generators", OOPSLA 2014) seeded with k. Normal numbers are
the inverse of the normal distribution at a uniform one, by algorithm AS 241 (Wichura, 1988),
with a logarithm made of `+ - * /` alone, so that every backend gives the same bits.
"""

from __future__ import annotations

import math

GAMMA = 0x9E3779B97F4A7C15
MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
SHIFTS = (30, 27, 31)
_MASK = (1 << 64) - 1

MAX_SEED = (1 << 63) - 1

# AS 241, PPND16: numerators and denominators, highest power first.
CENTRAL = (
    (
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.387132872796366608,
    ),
    (
        5.226495278852854561e3,
        2.8729085735721942674e4,
        3.930789580009271061e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ),
)
MIDDLE = (
    (
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258,
        3.64784832476320460504,
        5.76949722146069140550,
        4.63033784615654529590,
        1.42343711074968357734,
    ),
    (
        1.05075007164441684324e-9,
        5.475938084995344946e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940,
        2.05319162663775882187,
        1.0,
    ),
)
TAIL = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580,
        5.46378491116411436990,
        6.65790464350110377720,
    ),
    (
        2.04426310338993978564e-15,
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    ),
)
SPLIT, SPLIT_SQUARED, FAR = 0.425, 0.180625, 5.0
LN2 = 0.6931471805599453
ATANH_TERMS = tuple(1.0 / n for n in range(35, 0, -2))


def mix(z: int) -> int:
    """SplitMix64's finalizer on 64 bits."""
    z = ((z ^ (z >> SHIFTS[0])) * MULTIPLIERS[0]) & _MASK
    z = ((z ^ (z >> SHIFTS[1])) * MULTIPLIERS[1]) & _MASK
    return z ^ (z >> SHIFTS[2])


def stream_key(seed: int, number: int) -> int:
    """The 64-bit key of the random node that is the `number`-th of its graph, from 0."""
    return mix((mix(seed & _MASK) + (number + 1) * GAMMA) & _MASK)


def uniform(key: int, count: int) -> list[float]:
    """`count` numbers in [0, 1): the top 53 bits of each output."""
    return [
        (mix((key + (i + 1) * GAMMA) & _MASK) >> 11) * 1.1102230246251565e-16 for i in range(count)
    ]


def normal(key: int, count: int) -> list[float]:
    """`count` numbers of the standard normal distribution."""
    # Half a step up keeps 0 out: uniform numbers are multiples of 2**-53.
    return [quantile(u + 5.551115123125783e-17) for u in uniform(key, count)]


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], r: float) -> float:
    numerator = denominator = 0.0
    for n, d in zip(*polynomials):
        numerator = numerator * r + n
        denominator = denominator * r + d
    return numerator / denominator


def log(x: float) -> float:
    """log(x) for 0 < x < 1 from exact operations: 2 atanh((m-1)/(m+1)) + e log(2)."""
    mantissa, exponent = math.frexp(x)
    t = (mantissa - 1.0) / (mantissa + 1.0)
    square, total = t * t, 0.0
    for term in ATANH_TERMS:
        total = total * square + term
    return exponent * LN2 + 2.0 * t * total


def quantile(p: float) -> float:
    """The number below which a standard normal one lies with probability p, for 0 < p < 1."""
    q = p - 0.5
    if abs(q) <= SPLIT:
        return q * _ratio(CENTRAL, SPLIT_SQUARED - q * q)
    r = math.sqrt(-log(p if q < 0 else 1.0 - p))
    value = _ratio(MIDDLE, r - 1.6) if r <= FAR else _ratio(TAIL, r - FAR)
    return -value if q < 0 else value
