"""Rows of the operations that work element by element."""

from __future__ import annotations

import math
import operator
from typing import Any

from graphcalc.ops import numeric
from graphcalc.ops.shapes import arithmetic, bitwise, predicate, select
from graphcalc.ops.spec import Op


def _torch_cbrt(torch: Any, x: Any) -> Any:
    # The same steps as `numeric.cbrt`: torch has no cube root.
    mantissa, exponent = torch.frexp(x)
    shift = exponent % 3
    scaled = torch.ldexp(mantissa, shift)
    root = torch.copysign(scaled.abs() ** (1.0 / 3.0), x)
    root = root - (root * root * root - scaled) / (3.0 * root * root)
    is_plain = (x != 0) & torch.isfinite(x)
    return torch.where(is_plain, torch.ldexp(root, (exponent - shift) // 3), x)


def torch_sqrt(torch: Any, x: Any) -> Any:
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


def _torch_fmod(torch: Any, x: Any, y: Any) -> Any:
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


def _torch_remainder(torch: Any, x: Any, y: Any) -> Any:
    rest = _torch_fmod(torch, x, y)
    return torch.where((rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest)


def _torch_hyperbolic(name: str) -> Any:
    def kernel(torch: Any, x: Any) -> Any:
        value = getattr(torch, name)(x)
        if x.device.type != "cpu" or x.dtype != torch.float64:
            return value
        # torch's vector units overflow with exp(x), before exp(x) / 2 does. 1246.97… is 1799
        # log(2) to within 2**-70, and subtracting it from such an x is exact.
        half = torch.exp(x.abs() - 1246.97177782734161156) * 2.0**1023 * 2.0**775
        return torch.where(x.abs() > 709.0, half.copysign(x) if name == "sinh" else half, value)

    return kernel


def _torch_gamma(torch: Any, x: Any) -> Any:
    # torch has no gamma, and exp(lgamma(x)) loses a dozen bits.
    host = x.to("cpu", torch.float64, copy=True).apply_(numeric.gamma)
    return host.to(x.device, x.dtype)


def _torch_softplus(torch: Any, x: Any, beta: Any, threshold: Any) -> Any:
    scaled = x * beta
    return torch.where(scaled > threshold, x, torch.log1p(torch.exp(scaled)) / beta)


def _unary(name: str, doc: str, python: Any, example: tuple[str, str], **row: Any) -> Op:
    return Op(name, "x", doc, arithmetic, python, examples=(example,), **row)


def _test(name: str, doc: str, python: Any, example: tuple[str, str], **row: Any) -> Op:
    return Op(name, "x", doc, predicate, python, examples=(example,), operands="own", **row)


def _compare(name: str, symbol: str, words: str, python: Any, example: tuple[str, str]) -> Op:
    doc = f"Whether x is {words} y: x {symbol} y."
    return Op(
        name,
        "x, y",
        doc,
        predicate,
        python,
        symbol=symbol,
        operands="common",
        examples=(example,),
    )


OPERATORS = (
    Op(
        "add",
        "x, y",
        "The sum: x + y.",
        arithmetic,
        operator.add,
        symbol="+",
        examples=(("1 + 2", "3"), ("[1, 2] + 1", "[2, 3]")),
    ),
    Op(
        "sub",
        "x, y",
        "The difference: x - y.",
        arithmetic,
        operator.sub,
        symbol="-",
        aliases=("subtract",),
        examples=(("1 - 3", "-2"),),
    ),
    Op(
        "mul",
        "x, y",
        "The product: x * y.",
        arithmetic,
        operator.mul,
        symbol="*",
        aliases=("multiply",),
        examples=(("2 * 3", "6"),),
    ),
    Op(
        "div",
        "x, y",
        "The quotient: x / y; a zero divisor gives inf or nan.",
        arithmetic,
        numeric.div,
        symbol="/",
        aliases=("divide", "true_divide"),
        examples=(("1 / 4", "0.25"), ("1 / 0", "inf")),
    ),
    Op(
        "floor_divide",
        "x, y",
        "The quotient rounded down: floor(x / y), as Python's //.",
        arithmetic,
        numeric.floor_divide,
        symbol="//",
        examples=(("7 // 2", "3"), ("-7 // 2", "-4")),
    ),
    Op(
        "remainder",
        "x, y",
        "What the rounded-down quotient leaves: x - y*floor(x / y), with the sign of y.",
        arithmetic,
        numeric.remainder,
        _torch_remainder,
        symbol="%",
        aliases=("mod",),
        examples=(("7 % 3", "1"), ("-7 % 3", "2")),
    ),
    Op(
        "pow",
        "x, y",
        "x to the power y; nan for a negative x and a fractional y.",
        arithmetic,
        numeric.pow,
        symbol="^",
        aliases=("power",),
        examples=(("2 ^ 10", "1024"), ("0 ^ 0", "1")),
        tolerance=2,
    ),
    Op(
        "neg",
        "x",
        "The opposite: -x.",
        arithmetic,
        operator.neg,
        symbol="-",
        aliases=("negative",),
        examples=(("-(1 + 2)", "-3"),),
    ),
    _compare("lt", "<", "less than", operator.lt, ("1 < 2", "true")),
    _compare("le", "<=", "at most", operator.le, ("2 <= 2", "true")),
    _compare("gt", ">", "greater than", operator.gt, ("1 > 2", "false")),
    _compare("ge", ">=", "at least", operator.ge, ("1 >= 2", "false")),
    _compare("eq", "==", "equal to", operator.eq, ("1 == 1", "true")),
    _compare("ne", "!=", "different from", operator.ne, ("nan != nan", "true")),
    Op(
        "logical_and",
        "x, y",
        "Whether both are not 0: x and y.",
        predicate,
        numeric.logical_and,
        symbol="and",
        operands="own",
        examples=(("1 < 2 and 2 < 3", "true"),),
    ),
    Op(
        "logical_or",
        "x, y",
        "Whether either is not 0: x or y.",
        predicate,
        numeric.logical_or,
        symbol="or",
        operands="own",
        examples=(("0 or 2", "true"),),
    ),
    Op(
        "logical_xor",
        "x, y",
        "Whether just one is not 0.",
        predicate,
        numeric.logical_xor,
        operands="own",
        examples=(("logical_xor(1, 2)", "false"),),
    ),
    Op(
        "logical_not",
        "x",
        "Whether x is 0: not x.",
        predicate,
        operator.not_,
        symbol="not",
        operands="own",
        examples=(("not 0", "true"),),
    ),
    Op(
        "bitwise_and",
        "x, y",
        "x & y of bool or integers.",
        bitwise,
        operator.and_,
        symbol="&",
        examples=(("(1 < 2) & (2 < 1)", "false"),),
    ),
    Op(
        "bitwise_or",
        "x, y",
        "x | y of bool or integers.",
        bitwise,
        operator.or_,
        symbol="|",
        examples=(("(1 < 2) | (2 < 1)", "true"),),
    ),
    Op(
        "bitwise_not",
        "x",
        "~x of bool or integers.",
        bitwise,
        numeric.bitwise_not,
        symbol="~",
        examples=(("~(1 < 2)", "false"),),
    ),
    Op(
        "where",
        "condition, x, y",
        "x where the condition is not 0, else y: x if condition else y.",
        select,
        numeric.where,
        lambda torch, c, x, y: torch.where(c != 0, x, y),
        operands="condition",
        examples=(("where([1, 0] > 0, 5, 7)", "[5, 7]"),),
    ),
)

ELEMENTWISE = (
    _unary("abs", "The magnitude: |x|.", math.fabs, ("abs(-3)", "3"), aliases=("fabs", "absolute")),
    _unary("sign", "-1, 0 or 1, as x is below, at or above 0.", numeric.sign, ("sign(-3)", "-1")),
    _unary(
        "sqrt",
        "The square root; nan below 0.",
        numeric.sqrt,
        ("sqrt(16)", "4"),
        torch=torch_sqrt,
    ),
    _unary("exp", "e to the power x.", numeric.exp, ("exp(0)", "1"), tolerance=2),
    _unary("exp2", "2 to the power x.", numeric.exp2, ("exp2(10)", "1024"), tolerance=2),
    _unary("expm1", "exp(x) - 1, exact near 0.", numeric.expm1, ("expm1(0)", "0"), tolerance=2),
    _unary("log", "The natural logarithm.", numeric.log, ("log(1)", "0"), tolerance=2),
    _unary("log2", "The logarithm to base 2.", numeric.log2, ("log2(8)", "3"), tolerance=2),
    _unary("log10", "The logarithm to base 10.", numeric.log10, ("log10(100)", "2"), tolerance=2),
    _unary("log1p", "log(1 + x), exact near 0.", numeric.log1p, ("log1p(0)", "0"), tolerance=2),
    _unary("sin", "The sine of an angle in radians.", numeric.sin, ("sin(0)", "0"), tolerance=2),
    _unary("cos", "The cosine of an angle in radians.", numeric.cos, ("cos(0)", "1"), tolerance=2),
    _unary("tan", "The tangent of an angle in radians.", numeric.tan, ("tan(0)", "0"), tolerance=2),
    _unary(
        "asin",
        "The angle in radians whose sine is x.",
        numeric.asin,
        ("asin(0)", "0"),
        aliases=("arcsin",),
        tolerance=2,
        domain=(-1, 1),
    ),
    _unary(
        "acos",
        "The angle in radians whose cosine is x.",
        numeric.acos,
        ("acos(1)", "0"),
        aliases=("arccos",),
        tolerance=2,
        domain=(-1, 1),
    ),
    _unary(
        "atan",
        "The angle in radians whose tangent is x.",
        math.atan,
        ("atan(0)", "0"),
        aliases=("arctan",),
        tolerance=2,
    ),
    Op(
        "atan2",
        "y, x",
        "The angle in radians of the point (x, y).",
        arithmetic,
        math.atan2,
        aliases=("arctan2",),
        examples=(("atan2(0, 1)", "0"),),
        tolerance=2,
    ),
    _unary(
        "sinh",
        "The hyperbolic sine.",
        numeric.sinh,
        ("sinh(0)", "0"),
        torch=_torch_hyperbolic("sinh"),
        tolerance=2,
    ),
    _unary(
        "cosh",
        "The hyperbolic cosine.",
        numeric.cosh,
        ("cosh(0)", "1"),
        torch=_torch_hyperbolic("cosh"),
        tolerance=2,
    ),
    _unary("tanh", "The hyperbolic tangent.", math.tanh, ("tanh(0)", "0"), tolerance=2),
    _unary(
        "asinh",
        "The inverse of sinh.",
        math.asinh,
        ("asinh(0)", "0"),
        aliases=("arcsinh",),
        tolerance=2,
    ),
    _unary(
        "acosh",
        "The inverse of cosh.",
        numeric.acosh,
        ("acosh(1)", "0"),
        aliases=("arccosh",),
        tolerance=2,
        domain=(1, 1e3),
    ),
    _unary(
        "atanh",
        "The inverse of tanh.",
        numeric.atanh,
        ("atanh(0)", "0"),
        aliases=("arctanh",),
        tolerance=2,
        domain=(-1, 1),
    ),
    _unary(
        "sigmoid",
        "The logistic function: 1 / (1 + exp(-x)).",
        numeric.sigmoid,
        ("sigmoid(0)", "0.5"),
        aliases=("expit",),
        tolerance=2,
    ),
    Op(
        "softplus",
        "x, beta = 1, threshold = 20",
        "A smooth relu: log(1 + exp(beta*x)) / beta, and x itself where beta*x > threshold.",
        arithmetic,
        numeric.softplus,
        _torch_softplus,
        examples=(("softplus(100)", "100"),),
        tolerance=4,
    ),
    _unary("relu", "x where it is positive, else 0.", numeric.relu, ("relu(-2)", "0")),
    Op(
        "minimum",
        "x, y",
        "The smaller of x and y; nan if either is.",
        arithmetic,
        numeric.minimum,
        examples=(("minimum(1, 2)", "1"),),
    ),
    Op(
        "maximum",
        "x, y",
        "The larger of x and y; nan if either is.",
        arithmetic,
        numeric.maximum,
        examples=(("maximum(1, 2)", "2"),),
    ),
    Op(
        "clamp",
        "x, min = -inf, max = inf",
        "x held between two bounds: minimum(maximum(x, min), max).",
        arithmetic,
        numeric.clamp,
        aliases=("clip",),
        examples=(("clamp(5, 0, 1)", "1"), ("clamp(-5, min=0)", "0")),
    ),
    _unary("floor", "The next whole number below.", numeric.floor, ("floor(-1.5)", "-2")),
    _unary("ceil", "The next whole number above.", numeric.ceil, ("ceil(1.2)", "2")),
    _unary(
        "trunc",
        "The next whole number towards 0.",
        numeric.trunc,
        ("trunc(-1.5)", "-1"),
        aliases=("fix",),
    ),
    _unary(
        "round",
        "The nearest whole number, halves to even.",
        numeric.round_half_even,
        ("round(2.5)", "2"),
    ),
    Op(
        "fmod",
        "x, y",
        "What the truncated quotient leaves: x - y*trunc(x / y), with the sign of x.",
        arithmetic,
        numeric.fmod,
        _torch_fmod,
        examples=(("fmod(-7, 3)", "-1"),),
    ),
    Op(
        "hypot",
        "x, y",
        "The length of (x, y): sqrt(x^2 + y^2), without overflow between.",
        arithmetic,
        math.hypot,
        examples=(("hypot(3, 4)", "5"),),
        tolerance=2,
    ),
    Op(
        "copysign",
        "x, y",
        "The magnitude of x with the sign of y.",
        arithmetic,
        math.copysign,
        examples=(("copysign(3, -1)", "-3"),),
    ),
    _unary("erf", "The error function.", math.erf, ("erf(0)", "0"), tolerance=2),
    _unary("erfc", "1 - erf(x), exact for large x.", math.erfc, ("erfc(0)", "1"), tolerance=2),
    _unary(
        "lgamma",
        "The logarithm of |gamma(x)|.",
        numeric.lgamma,
        ("lgamma(1)", "0"),
        tolerance=3,
        domain=(0, 1e3),
    ),
    _unary(
        "gamma",
        "The gamma function: gamma(n) = (n-1)! for whole n.",
        numeric.gamma,
        ("gamma(5)", "24"),
        torch=_torch_gamma,
        # What Python promises of its own, which both backends use.
        tolerance=10,
        domain=(0, 170),
    ),
    _unary(
        "cbrt", "The cube root.", numeric.cbrt, ("cbrt(-27)", "-3"), torch=_torch_cbrt, tolerance=2
    ),
    _unary(
        "deg2rad",
        "Degrees to radians: x * pi / 180.",
        lambda x: x * (math.pi / 180.0),
        ("deg2rad(0)", "0"),
        torch=lambda torch, x: x * (math.pi / 180.0),
        aliases=("radians",),
    ),
    _unary(
        "rad2deg",
        "Radians to degrees: x * 180 / pi.",
        lambda x: x * (180.0 / math.pi),
        ("rad2deg(pi)", "180"),
        torch=lambda torch, x: x * (180.0 / math.pi),
        aliases=("degrees",),
    ),
    _test("isnan", "Whether x is nan.", math.isnan, ("isnan(0 / 0)", "true")),
    _test("isinf", "Whether x is inf or -inf.", math.isinf, ("isinf(1 / 0)", "true")),
    _test("isfinite", "Whether x is a number.", math.isfinite, ("isfinite(1)", "true")),
)
