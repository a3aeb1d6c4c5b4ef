"""The scalar kernels against mpmath at 50 digits, and against C99 Annex F at the edges."""

import math
import operator

import mpmath
import pytest
from agreement import assert_close
from hypothesis import assume, example, given, reject, settings
from hypothesis import strategies as st

from graphcalc.ops import shapes
from graphcalc.ops.kernels import numeric, special
from graphcalc.ops.spec import arity
from graphcalc.ops.table import INTERNAL, OPS

inf, nan = math.inf, math.nan
HUGE, TINY, LEAST = 1.7976931348623157e308, 2.2250738585072014e-308, 5e-324
FLOATS = st.floats(width=64, allow_nan=True, allow_infinity=True, allow_subnormal=True)
EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, inf, -inf, nan, HUGE, -HUGE, TINY, LEAST, -LEAST)
ELEMENTWISE = [op.name for op in OPS.values() if op.kind == "elementwise"]
NUMBERS = [name for name in ELEMENTWISE if OPS[name].type is not shapes.bitwise]
# Static arguments of the rows that have some.
STATIC = {"polygamma": (2,)}
mp = mpmath.MPContext()
mp.dps = 50


def floor_divide(x, y):
    return mp.floor(x / y)


def remainder(x, y):
    return x - y * mp.floor(x / y)


def fmod(x, y):
    quotient = x / y
    return x - y * (mp.floor(quotient) if quotient > 0 else mp.ceil(quotient))


def kernel(name):
    """The row's scalar function of its operands alone."""
    return lambda *arguments: OPS[name].python(*arguments, *STATIC.get(name, ()))


def sinc(x):
    angle = mp.mpf(math.pi * float(x))
    return mp.sin(angle) / angle if x else mp.mpf(1)


def heaviside(x, values):
    return values if x == 0 else mp.mpf(x > 0)


def softplus(x, beta, threshold):
    return x if x * beta > threshold else mp.log1p(mp.exp(x * beta)) / beta


EXACT = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "floor_divide": floor_divide,
    "remainder": remainder,
    "fmod": fmod,
    "pow": lambda x, y: x**y if x > 0 or y == mp.floor(y) else mp.nan,
    "neg": operator.neg,
    "abs": abs,
    "sign": mp.sign,
    "sqrt": mp.sqrt,
    "exp": mp.exp,
    "exp2": lambda x: mp.mpf(2) ** x,
    "expm1": mp.expm1,
    "log": mp.log,
    "log2": lambda x: mp.log(x, 2),
    "log10": lambda x: mp.log(x, 10),
    "log1p": mp.log1p,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "asin": mp.asin,
    "acos": mp.acos,
    "atan": mp.atan,
    "atan2": mp.atan2,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "asinh": mp.asinh,
    "acosh": mp.acosh,
    "atanh": mp.atanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": softplus,
    "relu": lambda x: max(x, mp.mpf(0)),
    "minimum": min,
    "maximum": max,
    "clamp": lambda x, low, high: min(max(x, low), high),
    "floor": mp.floor,
    "ceil": mp.ceil,
    "trunc": lambda x: mp.floor(x) if x > 0 else mp.ceil(x),
    "round": mp.nint,
    "hypot": mp.hypot,
    "copysign": lambda x, y: abs(x) if y > 0 else -abs(x),
    "erf": mp.erf,
    "erfc": mp.erfc,
    "factorial": mp.factorial,
    "lgamma": mp.loggamma,
    "gamma": mp.gamma,
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "deg2rad": mp.radians,
    "rad2deg": mp.degrees,
    "digamma": mp.digamma,
    "polygamma": lambda x: mp.polygamma(2, x),
    "erfinv": mp.erfinv,
    "logaddexp": lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
    "xlogy": lambda x, y: x * mp.log(y),
    "sinc": sinc,
    "nan_to_num": lambda x, *numbers: x,
    "heaviside": heaviside,
    "fmin": min,
    "fmax": max,
    "lerp": lambda start, end, weight: start + weight * (end - start),
}
# Several roundings, which are the same on every backend.
LOOSER = {"deg2rad": 2, "rad2deg": 2, "digamma": 4, "polygamma": 4, "lerp": 3}
# Where terms cancel, the errors are of their size.
SCALES = {
    "logaddexp": max,
    "lerp": lambda start, end, weight: (abs(start) + abs(end)) * (1 + abs(weight)),
}
# Where a real function has no value, and mpmath would give a complex one.
NEEDS = {
    "sqrt": lambda x: x >= 0,
    "log": lambda x: x > 0,
    "log2": lambda x: x > 0,
    "log10": lambda x: x > 0,
    "log1p": lambda x: x > -1,
    "atanh": lambda x: -1 < x < 1,
    "gamma": lambda x: x != 0,
    "lgamma": lambda x: x != 0,
    "digamma": lambda x: x != 0,
    "polygamma": lambda x: x != 0,
    "erfinv": lambda x: abs(x) < 1,
    "xlogy": lambda x, y: y > 0,
}


def assert_accurate(name, arguments):
    """A kernel is within 2 ulp, or its row's tolerance, of the exact value."""
    found = kernel(name)(*arguments)
    exact = EXACT[name](*map(mp.mpf, arguments))
    if mp.isnan(exact):
        assert found != found
        return
    if abs(exact) >= mp.mpf(2) ** 1024 - mp.mpf(2) ** 970:
        assert found == math.copysign(inf, exact)
        return
    if math.isinf(found):  # rounded up past the largest number
        assert abs(exact) > HUGE * (1 - 1e-15)
        return
    if name == "sigmoid" and abs(exact) < TINY:  # 1 + exp(-x) overflows first
        assert 0 <= found < TINY
        return
    scale = SCALES.get(name, lambda *x: 0.0)(*arguments)
    off = abs(mp.mpf(found) - exact) / mp.mpf(math.ulp(max(abs(float(exact)), abs(scale))))
    allowed = max(OPS[name].tolerance, LOOSER.get(name, 0)) or 0.5
    assert off <= allowed, f"{name}{arguments} = {found!r}, {float(off):.3g} ulp off"


def sampled(name):
    """Arguments from the row's domain: anywhere in it, and near 0."""
    if name == "factorial":
        return st.tuples(st.integers(0, 180).map(float))
    low, high = OPS[name].domain
    anywhere = st.floats(low, high)
    near = st.floats(max(low, -2.0), min(high, 2.0)) if low < 2 else anywhere
    drawn = st.tuples(*[st.one_of(anywhere, near)] * arity(OPS[name]))
    return drawn.filter(lambda arguments: NEEDS[name](*arguments)) if name in NEEDS else drawn


@pytest.mark.parametrize("name", sorted(EXACT))
@settings(max_examples=150)
@given(data=st.data())
def test_kernel_is_accurate(name, data):
    """Over its row's domain a kernel is the exact value rounded, within the row's tolerance."""
    arguments = data.draw(sampled(name))
    if name in ("div", "floor_divide", "remainder", "fmod") and arguments[1] == 0:
        arguments = (arguments[0], 1.5)
    if name in ("floor_divide", "remainder", "fmod"):  # 50 digits do not hold larger quotients
        arguments = (arguments[0], arguments[1] or 1.0)
        if abs(arguments[0]) > 1e15 * abs(arguments[1]):
            arguments = (arguments[0], 7.25)
    if name == "pow" and arguments[0] == 0:
        arguments = (1.25, arguments[1])
    if name in ("copysign", "atan2"):  # mpmath has one zero
        arguments = (arguments[0], arguments[1] or 1.0)
    if name == "softplus":
        arguments = (arguments[0], 0.5, 20.0)  # where the product is exact
    if name == "floor_divide":
        # The floor of the rounded quotient may be the next whole number.
        exact = int(EXACT[name](*map(mp.mpf, arguments)))
        assert OPS[name].python(*arguments) in (float(exact), float(exact + 1), float(exact - 1))
        return
    if name == "remainder":
        found, exact = OPS[name].python(*arguments), EXACT[name](*map(mp.mpf, arguments))
        assert abs(mp.mpf(found) - exact) <= math.ulp(arguments[1])
        return
    assert_accurate(name, arguments)


def test_every_real_function_has_an_exact_twin():
    """Every elementwise row that mpmath knows by its name is held against it here."""
    rows = {n for n in NUMBERS if OPS[n].type is shapes.arithmetic} | set(STATIC)
    assert {n for n in rows - INTERNAL if hasattr(mp, n)} <= set(EXACT)
    assert len(rows & set(EXACT)) >= 50


@settings(max_examples=300)
@given(st.floats(1.4, 1.5))
@example(1.4616321449683622)
def test_digamma_is_accurate_at_its_root(x):
    """digamma keeps its digits where it changes sign."""
    assert_accurate("digamma", (x,))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 12])
@settings(max_examples=60)
@given(x=st.floats(1e-6, 60.0), is_left=st.booleans())
def test_polygamma_is_accurate(n, x, is_left):
    """Every order is exact within 3 ulp and one more for each order; below 0, of its terms."""
    scale = mp.mpf(0)
    if is_left:
        x, part = -x, abs(mp.mpf(x) - round(x))
        assume(part)
        scale = max(abs(mp.polygamma(n, 1 - mp.mpf(x))), abs(mp.polygamma(n, part)))
    found, exact = special.polygamma(x, n), mp.polygamma(n, mp.mpf(x))
    off = abs(mp.mpf(found) - exact) / mp.mpf(math.ulp(float(max(abs(exact), scale))))
    assert off <= 3 + n


@settings(max_examples=300)
@given(st.integers(1, 2**53))
@example(1)
def test_erfinv_is_accurate_at_its_ends(steps):
    """erfinv is exact within 2 ulp however near to 1, and odd."""
    x = 1.0 - steps * 2.0**-53
    assert_accurate("erfinv", (x,))
    assert special.erfinv(-x) == -special.erfinv(x)


@settings(max_examples=100)
@given(st.floats(LEAST, TINY))
def test_erfinv_is_accurate_at_denormals(x):
    """erfinv of a denormal is a denormal within 2 ulp."""
    assert_accurate("erfinv", (x,))


@pytest.mark.parametrize("name", NUMBERS)
@settings(max_examples=200)
@given(data=st.data())
def test_kernel_is_total(name, data):
    """No float makes a kernel raise, and what it returns is a float or a bool as its row says."""
    op = OPS[name]
    numbers = st.one_of(FLOATS, st.sampled_from(EDGES))
    arguments = data.draw(st.tuples(*[numbers] * arity(op)))
    found = kernel(name)(*arguments)
    assert type(found) is (bool if op.type is shapes.predicate else float)


@pytest.mark.parametrize("name", NUMBERS)
def test_kernel_is_total_at_the_edges(name):
    """No combination of zeros, infinities, nan and extreme numbers makes a kernel raise."""
    import itertools

    op = OPS[name]
    for arguments in itertools.product(EDGES, repeat=arity(op)):
        found = kernel(name)(*arguments)
        assert type(found) is (bool if op.type is shapes.predicate else float), arguments


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if OPS[n].type is shapes.bitwise])
def test_bitwise_kernel_keeps_bool(name):
    """Bool algebra on bools gives bools, and its truth table is Python's own."""
    op = OPS[name]
    twin = {"bitwise_and": operator.and_, "bitwise_or": operator.or_, "bitwise_not": operator.not_}
    for x in (False, True):
        for y in (False, True):
            arguments = (x, y)[: arity(op)]
            assert op.python(*arguments) is twin[name](*arguments)


# C99 Annex F, function by function, and torch where the standard has no such function.
SPECIAL = [
    ("div", (1.0, 0.0), inf),
    ("div", (1.0, -0.0), -inf),
    ("div", (-1.0, 0.0), -inf),
    ("div", (0.0, 0.0), nan),
    ("div", (inf, 0.0), inf),
    ("div", (-inf, 0.0), -inf),
    ("div", (nan, 0.0), nan),
    ("div", (inf, inf), nan),
    ("div", (-1.0, inf), -0.0),
    ("div", (HUGE, LEAST), inf),
    ("fmod", (0.0, 1.0), 0.0),
    ("fmod", (-0.0, 1.0), -0.0),
    ("fmod", (inf, 1.0), nan),
    ("fmod", (1.0, 0.0), nan),
    ("fmod", (-1.5, inf), -1.5),
    ("fmod", (HUGE, LEAST), 0.0),
    ("fmod", (-6.0, 3.0), -0.0),
    ("remainder", (-7.0, 3.0), 2.0),
    ("remainder", (7.0, -3.0), -2.0),
    ("remainder", (1.0, 0.0), nan),
    ("remainder", (inf, 1.0), nan),
    ("remainder", (-1.0, inf), inf),
    ("remainder", (1.0, inf), 1.0),
    ("floor_divide", (7.0, -2.0), -4.0),
    ("floor_divide", (1.0, 0.0), inf),
    ("floor_divide", (-1.0, 0.0), -inf),
    ("floor_divide", (0.0, 0.0), nan),
    ("floor_divide", (-0.0, 1.0), -0.0),
    ("pow", (0.0, -1.0), inf),
    ("pow", (-0.0, -1.0), -inf),
    ("pow", (-0.0, -3.0), -inf),
    ("pow", (-0.0, -2.0), inf),
    ("pow", (0.0, -2.5), inf),
    ("pow", (0.0, -inf), inf),
    ("pow", (-0.0, 3.0), -0.0),
    ("pow", (-0.0, 2.0), 0.0),
    ("pow", (-1.0, inf), 1.0),
    ("pow", (-1.0, -inf), 1.0),
    ("pow", (1.0, nan), 1.0),
    ("pow", (nan, 0.0), 1.0),
    ("pow", (nan, 1.0), nan),
    ("pow", (-8.0, 1 / 3), nan),
    ("pow", (0.5, -inf), inf),
    ("pow", (2.0, -inf), 0.0),
    ("pow", (0.5, inf), 0.0),
    ("pow", (2.0, inf), inf),
    ("pow", (-inf, -3.0), -0.0),
    ("pow", (-inf, -2.0), 0.0),
    ("pow", (-inf, 3.0), -inf),
    ("pow", (-inf, 2.5), inf),
    ("pow", (inf, -1.0), 0.0),
    ("pow", (inf, 0.5), inf),
    ("pow", (-HUGE, 3.0), -inf),
    ("pow", (-HUGE, 2.0), inf),
    ("pow", (0.0, 0.0), 1.0),
    ("neg", (0.0,), -0.0),
    ("abs", (-0.0,), 0.0),
    ("abs", (-inf,), inf),
    ("sqrt", (-0.0,), -0.0),
    ("sqrt", (inf,), inf),
    ("sqrt", (-1.0,), nan),
    ("sqrt", (-inf,), nan),
    ("exp", (-0.0,), 1.0),
    ("exp", (-inf,), 0.0),
    ("exp", (inf,), inf),
    ("exp", (1000.0,), inf),
    ("exp", (-1000.0,), 0.0),
    ("exp2", (1024.0,), inf),
    ("exp2", (-inf,), 0.0),
    ("exp2", (-1074.0,), LEAST),
    ("expm1", (-0.0,), -0.0),
    ("expm1", (-inf,), -1.0),
    ("expm1", (1000.0,), inf),
    ("log", (0.0,), -inf),
    ("log", (-0.0,), -inf),
    ("log", (1.0,), 0.0),
    ("log", (-1.0,), nan),
    ("log", (inf,), inf),
    ("log2", (-0.0,), -inf),
    ("log2", (LEAST,), -1074.0),
    ("log10", (-0.0,), -inf),
    ("log10", (1e22,), 22.0),
    ("log1p", (-0.0,), -0.0),
    ("log1p", (-1.0,), -inf),
    ("log1p", (-2.0,), nan),
    ("log1p", (inf,), inf),
    ("sin", (-0.0,), -0.0),
    ("sin", (inf,), nan),
    ("cos", (0.0,), 1.0),
    ("cos", (-inf,), nan),
    ("tan", (-0.0,), -0.0),
    ("tan", (inf,), nan),
    ("asin", (-0.0,), -0.0),
    ("asin", (1.5,), nan),
    ("asin", (inf,), nan),
    ("acos", (1.0,), 0.0),
    ("acos", (-1.5,), nan),
    ("atan", (-0.0,), -0.0),
    ("atan", (inf,), math.pi / 2),
    ("atan2", (0.0, -0.0), math.pi),
    ("atan2", (-0.0, -0.0), -math.pi),
    ("atan2", (-0.0, 0.0), -0.0),
    ("atan2", (inf, -inf), 3 * math.pi / 4),
    ("atan2", (1.0, -inf), math.pi),
    ("atan2", (1.0, 0.0), math.pi / 2),
    ("sinh", (-0.0,), -0.0),
    ("sinh", (-1000.0,), -inf),
    ("sinh", (inf,), inf),
    ("cosh", (0.0,), 1.0),
    ("cosh", (-1000.0,), inf),
    ("cosh", (-inf,), inf),
    ("tanh", (-0.0,), -0.0),
    ("tanh", (-inf,), -1.0),
    ("asinh", (-0.0,), -0.0),
    ("asinh", (-inf,), -inf),
    ("acosh", (1.0,), 0.0),
    ("acosh", (0.5,), nan),
    ("acosh", (inf,), inf),
    ("acosh", (-inf,), nan),
    ("atanh", (-0.0,), -0.0),
    ("atanh", (1.0,), inf),
    ("atanh", (-1.0,), -inf),
    ("atanh", (2.0,), nan),
    ("atanh", (inf,), nan),
    ("sigmoid", (-1000.0,), 0.0),
    ("sigmoid", (1000.0,), 1.0),
    ("sigmoid", (-inf,), 0.0),
    ("softplus", (1000.0, 1.0, 20.0), 1000.0),
    ("softplus", (-inf, 1.0, 20.0), 0.0),
    ("softplus", (nan, 1.0, 20.0), nan),
    ("relu", (-inf,), 0.0),
    ("relu", (nan,), nan),
    ("relu", (inf,), inf),
    ("sign", (nan,), 0.0),
    ("sign", (-0.0,), 0.0),
    ("sign", (-LEAST,), -1.0),
    ("minimum", (nan, 1.0), nan),
    ("minimum", (1.0, nan), nan),
    ("minimum", (0.0, -0.0), -0.0),
    ("minimum", (-0.0, 0.0), -0.0),
    ("maximum", (nan, 1.0), nan),
    ("maximum", (1.0, nan), nan),
    ("maximum", (0.0, -0.0), 0.0),
    ("maximum", (-0.0, 0.0), 0.0),
    ("clamp", (nan, 0.0, 1.0), nan),
    ("clamp", (5.0, 2.0, 1.0), 1.0),
    ("clamp", (inf, 0.0, 1.0), 1.0),
    ("floor", (-0.0,), -0.0),
    ("floor", (-0.5,), -1.0),
    ("floor", (inf,), inf),
    ("ceil", (-0.5,), -0.0),
    ("ceil", (-inf,), -inf),
    ("trunc", (-0.5,), -0.0),
    ("trunc", (1e300,), 1e300),
    ("round", (-0.5,), -0.0),
    ("round", (2.5,), 2.0),
    ("round", (3.5,), 4.0),
    ("round", (0.49999999999999994,), 0.0),
    ("round", (nan,), nan),
    ("hypot", (inf, nan), inf),
    ("hypot", (nan, -inf), inf),
    ("hypot", (HUGE, 0.0), HUGE),
    ("copysign", (nan, -1.0), nan),
    ("copysign", (1.0, -0.0), -1.0),
    ("copysign", (-inf, 1.0), inf),
    ("erf", (-0.0,), -0.0),
    ("erf", (-inf,), -1.0),
    ("erfc", (-inf,), 2.0),
    ("erfc", (inf,), 0.0),
    ("lgamma", (1.0,), 0.0),
    ("lgamma", (2.0,), 0.0),
    ("lgamma", (0.0,), inf),
    ("lgamma", (-3.0,), inf),
    ("lgamma", (-inf,), inf),
    ("lgamma", (inf,), inf),
    ("gamma", (0.0,), inf),
    ("gamma", (-0.0,), -inf),
    ("gamma", (-2.0,), nan),
    ("gamma", (inf,), inf),
    ("gamma", (-inf,), nan),
    ("gamma", (172.0,), inf),
    ("gamma", (-170.5,), -3.312739521538607e-308),
    ("cbrt", (-0.0,), -0.0),
    ("cbrt", (-inf,), -inf),
    ("cbrt", (-8.0,), -2.0),
    ("cbrt", (LEAST,), 1.7031839360032603e-108),
    ("digamma", (0.0,), -inf),
    ("digamma", (-0.0,), inf),
    ("digamma", (-1.0,), nan),
    ("digamma", (-1e300,), nan),
    ("digamma", (-inf,), nan),
    ("digamma", (inf,), inf),
    ("digamma", (LEAST,), -inf),
    ("digamma", (-LEAST,), inf),
    ("digamma", (1.0,), -0.5772156649015329),
    ("polygamma", (0.0,), -inf),
    ("polygamma", (-0.0,), -inf),
    ("polygamma", (-3.0,), -inf),
    ("polygamma", (-1e300,), -inf),
    ("polygamma", (-inf,), nan),
    ("polygamma", (inf,), -0.0),
    ("polygamma", (LEAST,), -inf),
    ("polygamma", (-LEAST,), inf),
    ("erfinv", (-0.0,), -0.0),
    ("erfinv", (1.0,), inf),
    ("erfinv", (-1.0,), -inf),
    ("erfinv", (1.5,), nan),
    ("erfinv", (-inf,), nan),
    ("erfinv", (LEAST,), LEAST),
    ("logaddexp", (inf, inf), inf),
    ("logaddexp", (inf, -inf), inf),
    ("logaddexp", (-inf, -inf), -inf),
    ("logaddexp", (-inf, 3.0), 3.0),
    ("logaddexp", (HUGE, HUGE), HUGE),
    ("logaddexp", (HUGE, -HUGE), HUGE),
    ("logaddexp", (0.0, -0.0), 0.6931471805599453),
    ("logaddexp", (nan, inf), nan),
    ("xlogy", (0.0, 0.0), 0.0),
    ("xlogy", (-0.0, -1.0), 0.0),
    ("xlogy", (0.0, inf), 0.0),
    ("xlogy", (0.0, nan), nan),
    ("xlogy", (1.0, 0.0), -inf),
    ("xlogy", (-1.0, 1.0), -0.0),
    ("xlogy", (1.0, -1.0), nan),
    ("xlogy", (inf, 1.0), nan),
    ("xlogy", (-inf, inf), -inf),
    ("sinc", (-0.0,), 1.0),
    ("sinc", (LEAST,), 1.0),
    ("sinc", (inf,), nan),
    ("sinc", (-HUGE,), nan),
    ("nan_to_num", (nan, 1.0, 2.0, 3.0), 1.0),
    ("nan_to_num", (inf, 1.0, 2.0, 3.0), 2.0),
    ("nan_to_num", (-inf, 1.0, 2.0, 3.0), 3.0),
    ("nan_to_num", (-0.0, 1.0, 2.0, 3.0), -0.0),
    ("nan_to_num", (nan, inf, 2.0, 3.0), inf),
    ("heaviside", (0.0, 0.5), 0.5),
    ("heaviside", (-0.0, -0.0), -0.0),
    ("heaviside", (nan, 0.5), 0.0),
    ("heaviside", (LEAST, nan), 1.0),
    ("heaviside", (-inf, nan), 0.0),
    ("fmin", (nan, 1.0), 1.0),
    ("fmin", (1.0, nan), 1.0),
    ("fmin", (nan, nan), nan),
    ("fmin", (-inf, nan), -inf),
    ("fmax", (nan, -1.0), -1.0),
    ("fmax", (-1.0, nan), -1.0),
    ("fmax", (nan, nan), nan),
    ("fmax", (inf, nan), inf),
    ("lerp", (1.0, 3.0, 0.0), 1.0),
    ("lerp", (1.0, 3.0, 1.0), 3.0),
    ("lerp", (0.1, 0.7, 1.0), 0.7),
    ("lerp", (1.0, inf, 0.25), inf),
    ("lerp", (1.0, inf, 0.5), nan),
    ("lerp", (-HUGE, HUGE, 0.25), inf),
    ("lerp", (1.0, 3.0, nan), nan),
    ("where", (nan, 1.0, 2.0), 1.0),
    ("where", (-0.0, 1.0, 2.0), 2.0),
    ("logical_and", (nan, -0.0), False),
    ("logical_or", (nan, 0.0), True),
    ("logical_xor", (nan, inf), False),
    ("logical_not", (nan,), False),
    ("eq", (nan, nan), False),
    ("ne", (nan, nan), True),
    ("eq", (0.0, -0.0), True),
    ("lt", (-inf, -HUGE), True),
    ("le", (nan, 1.0), False),
    ("isnan", (nan,), True),
    ("isinf", (-inf,), True),
    ("isfinite", (nan,), False),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), SPECIAL)
def test_special_value(name, arguments, expected):
    """At zeros, infinities, nan and overflow a kernel gives what C99 Annex F says."""
    assert_close(kernel(name)(*arguments), expected, 1 if name in ("gamma", "cbrt") else 0)


@pytest.mark.parametrize("name", [n for n in NUMBERS if arity(OPS[n]) == 1])
def test_nan_stays_nan(name):
    """A function of one number that is nan is nan, but for sign and the tests."""
    found = kernel(name)(nan)
    if OPS[name].type is shapes.predicate:
        assert type(found) is bool
    else:
        assert found != found or name == "sign"


@given(FLOATS, FLOATS)
@example(-LEAST, 1.0)
@example(HUGE, LEAST)
@example(1e16, -3.0)
def test_remainder_is_pythons(x, y):
    """`%` is Python's wherever Python has a value, and `//` where no quotient overflows."""
    try:
        expected = x % y
    except (ZeroDivisionError, ValueError):
        reject()
    found = numeric.remainder(x, y)
    assert found == expected or (found != found and expected != expected)


@given(FLOATS)
def test_roundings_are_pythons(x):
    """Of finite numbers, floor, ceil, trunc and round give Python's whole numbers."""
    if math.isfinite(x):
        assert numeric.floor(x) == math.floor(x)
        assert numeric.ceil(x) == math.ceil(x)
        assert numeric.trunc(x) == math.trunc(x)
        assert numeric.round_half_even(x) == round(x)
    else:
        for function in (numeric.floor, numeric.ceil, numeric.trunc, numeric.round_half_even):
            assert_close(function(x), x)
