"""Rows of the other elementwise functions: activations, bounds, rounding, special functions."""

from __future__ import annotations

import math

from graphcalc.ops import causes
from graphcalc.ops.kernels import numeric, special
from graphcalc.ops.shapes import arithmetic, chosen, predicate
from graphcalc.ops.spec import (
    HALVES,
    NONE,
    ZERO,
    Elements,
    Field,
    Op,
    Operands,
    Params,
    Problem,
    PythonKernel,
    Type,
    in_halves,
)
from graphcalc.ops.table.elementary import unary


def _test(name: str, doc: str, python: PythonKernel, example: tuple[str, str], **row: Field) -> Op:
    return Op(
        name, "x", doc, predicate, python, examples=(example,), casting="own", vjp=(NONE,), **row
    )


def _polygamma(dtype: str, operands: Operands, params: Params) -> Type:
    (n,) = params
    if not 0 <= n <= 170:
        raise Problem("call", f"`polygamma` knows the derivatives 0 to 170, not {n}")
    return arithmetic(dtype, operands, params)


# Of two bounds that are tensors, as torch 2.14 has it for ties, crossed bounds and NaN.
_CLAMP = (
    "where((x < min) or (x > max) or (min > max), 0, "
    "where((min < max) and ((x == min) or (x == max)), g / 2, g))",
    "where((min < max) and (x == min), g / 2, where((x < min) and (min <= max), g, 0))",
    "where((min < max) and (x == max), g / 2, "
    "where((max < min) or ((x > max) and (min <= max)), g, 0))",
)


def _clamp_gradients(numbers: Elements) -> tuple[str, ...]:
    """Return the gradients of clamp for bounds that are numbers, or None where they are tensors.

    torch 2.14 has an overload for each: 0 at a bound that is a number, and a tie with a tensor
    is shared. A bound that is omitted is an infinite number here.
    """
    _, low, high = numbers
    if low is not None and high is not None:
        inside = ["(min < x)"] * (low != -math.inf) + ["(x < max)"] * (high != math.inf)
        return f"where({' and '.join(inside)}, g, 0)" if inside else "g", ZERO, ZERO
    if high == math.inf:
        of_x, of_min = (f"where(x == min, g / 2, where(x {o} min, 0, g))" for o in "<>")
        return of_x, of_min, ZERO
    if low == -math.inf:
        of_x, of_max = (f"where(x == max, g / 2, where(x {o} max, 0, g))" for o in "><")
        return of_x, ZERO, of_max
    return _CLAMP


ELEMENTWISE = (
    unary(
        "sigmoid",
        "The logistic function: 1 / (1 + exp(-x)).",
        numeric.sigmoid,
        ("sigmoid(0)", "0.5"),
        aliases=("expit",),
        tolerance=2,
        wide_gradients=("bfloat16",),
        vjp=in_halves(("g * (1 - out) * out",), ("g * out * (1 - out)",)),
        polars="sigmoid",
        latex=r"\sigma",
        js="x=>1/(1+Math.exp(-x))",
    ),
    unary(
        "logsigmoid",
        "The logarithm of the sigmoid, without overflow: -log(1 + exp(-x)).",
        numeric.logsigmoid,
        ("logsigmoid(0) / log(2)", "-1"),
        torch=lambda torch, x: torch.clamp(x, max=0) - torch.log1p(torch.exp(-torch.abs(x))),
        tolerance=4,
        wide_gradients=HALVES,
        vjp=("g * sigmoid(-x)",),
        js="x=>Math.min(x,0)-Math.log1p(Math.exp(-Math.abs(x)))",
    ),
    Op(
        "softplus",
        "x, beta = 1, threshold = 20",
        "A smooth relu: log(1 + exp(beta*x)) / beta, and x itself where beta*x > threshold.",
        arithmetic,
        numeric.softplus,
        examples=(("softplus(100)", "100"),),
        tolerance=4,
        wide_gradients=HALVES,
        vjp=(
            # torch's second derivative at the threshold is 0.
            "where(x * beta > threshold, g, "
            "g * sigmoid(where(x * beta == threshold, threshold, x * beta)))",
            "where(x * beta > threshold, 0, g * (x * sigmoid(x * beta) - out) / beta)",
            ZERO,
        ),
        js="(x,b,t)=>x*b>t?x:Math.log1p(Math.exp(x*b))/b",
    ),
    unary(
        "relu",
        "x where it is positive, else 0.",
        numeric.relu,
        ("relu(-2)", "0"),
        vjp=("where(out <= 0, 0, g)",),
        polars="relu",
        js="x=>x<0?0:x",
    ),
    Op(
        "minimum",
        "x, y",
        "The smaller of x and y; nan if either is.",
        chosen,
        numeric.minimum,
        examples=(("minimum(1, 2)", "1"),),
        vjp=(
            "where(x == y, g / 2, where(x > y, 0, g))",
            "where(x == y, g / 2, where(y > x, 0, g))",
        ),
        polars="minimum",
        latex=r"\min",
        js="Math.min",
    ),
    Op(
        "maximum",
        "x, y",
        "The larger of x and y; nan if either is.",
        chosen,
        numeric.maximum,
        examples=(("maximum(1, 2)", "2"),),
        vjp=(
            "where(x == y, g / 2, where(x < y, 0, g))",
            "where(x == y, g / 2, where(y < x, 0, g))",
        ),
        polars="maximum",
        latex=r"\max",
        js="Math.max",
    ),
    Op(
        "clamp",
        "x, min = -inf, max = inf",
        "x limited to two bounds: minimum(maximum(x, min), max).",
        arithmetic,
        numeric.clamp,
        aliases=("clip",),
        examples=(("clamp(5, 0, 1)", "1"), ("clamp(-5, min=0)", "0")),
        vjp=_CLAMP,
        vjp_of_numbers=_clamp_gradients,
        polars="clamp",
        js="(x,a,b)=>Math.min(Math.max(x,a),b)",
    ),
    Op(
        "hardtanh",
        "x, min_val = -1, max_val = 1",
        "x limited to two values; its derivative at both is 0.",
        arithmetic,
        numeric.clamp,
        examples=(("hardtanh(-3)", "-1"),),
        vjp=(
            "where((x <= min_val) or (x >= max_val), 0, g)",
            "where(x <= min_val, g, 0)",
            "where((min_val < x) and (x >= max_val), g, 0)",
        ),
        js="(x,a,b)=>Math.min(Math.max(x,a),b)",
    ),
    unary(
        "floor",
        "The next whole number below.",
        numeric.floor,
        ("floor(-1.5)", "-2"),
        vjp=(ZERO,),
        polars="floor",
        latex=r"\lfloor …\rfloor",
        js="Math.floor",
    ),
    unary(
        "ceil",
        "The next whole number above.",
        numeric.ceil,
        ("ceil(1.2)", "2"),
        vjp=(ZERO,),
        polars="ceil",
        latex=r"\lceil …\rceil",
        js="Math.ceil",
    ),
    unary(
        "trunc",
        "The next whole number towards 0.",
        numeric.trunc,
        ("trunc(-1.5)", "-1"),
        aliases=("fix",),
        vjp=(ZERO,),
        js="Math.trunc",
    ),
    unary(
        "round",
        "The nearest whole number, halves to even.",
        numeric.round_half_even,
        ("round(2.5)", "2"),
        vjp=(ZERO,),
        js="ROUND",
    ),
    Op(
        "fmod",
        "x, y",
        "The remainder of the truncated quotient: x - y*trunc(x / y), with the sign of x.",
        arithmetic,
        numeric.fmod,
        examples=(("fmod(-7, 3)", "-1"),),
        causes=causes.REMAINDER,
        vjp=("g", "-(g * trunc(x / y))"),
        raising=math.fmod,
        js="(x,y)=>x%y",
    ),
    Op(
        "hypot",
        "x, y",
        "The length of (x, y): sqrt(x^2 + y^2), without overflow between.",
        arithmetic,
        math.hypot,
        examples=(("hypot(3, 4)", "5"),),
        tolerance=2,
        pole="sqrt({0}^2 + {1}^2 + {eps})",
        vjp=in_halves(("g * x / out", "g * y / out"), ("g * (x / out)", "g * (y / out)")),
        js="Math.hypot",
    ),
    Op(
        "copysign",
        "x, y",
        "The magnitude of x with the sign of y.",
        arithmetic,
        math.copysign,
        examples=(("copysign(3, -1)", "-3"),),
        vjp=in_halves(
            ("where(x == 0, 0, g * (out / x))", ZERO), ("where(x == 0, 0, g * out / x)", ZERO)
        ),
        js="(x,y)=>Math.abs(x)*(y<0||1/y<0?-1:1)",
    ),
    unary(
        "erf",
        "The error function.",
        math.erf,
        ("erf(0)", "0"),
        tolerance=2,
        vjp=in_halves(
            ("1.1283791670955126 * exp(-x^2) * g",), ("g * 1.1283791670955126 * exp(-x * x)",)
        ),
        latex=r"\operatorname{erf}",
        js="ERF",
    ),
    unary(
        "erfc",
        "1 - erf(x), exact for large x.",
        math.erfc,
        ("erfc(0)", "1"),
        tolerance=2,
        vjp=in_halves(
            ("-1.1283791670955126 * exp(-x^2) * g",), ("-(g * 1.1283791670955126 * exp(-x * x))",)
        ),
        js="ERFC",
    ),
    unary(
        "lgamma",
        "The logarithm of |gamma(x)|.",
        special.lgamma,
        ("lgamma(1)", "0"),
        aliases=("gammaln",),
        tolerance=3,
        domain=(0, 1e3),
        causes=causes.GAMMA,
        vjp=("g * digamma(x)",),
        js="LGAMMA",
    ),
    unary(
        "gamma",
        "The gamma function: gamma(n) = (n-1)! for whole n.",
        special.gamma,
        ("gamma(5)", "24"),
        # What Python promises of its own, which both backends use.
        tolerance=10,
        domain=(0, 170),
        causes=causes.GAMMA,
        vjp=("g * out * digamma(x)",),
        latex=r"\Gamma",
        js="GAMMA",
    ),
    unary(
        "cbrt",
        "The cube root.",
        numeric.cbrt,
        ("cbrt(-27)", "-3"),
        tolerance=2,
        pole="cbrt({0} + {eps})",
        vjp=("g / (3 * out * out)",),
        latex=r"\sqrt[3]{…}",
        js="Math.cbrt",
    ),
    unary(
        "deg2rad",
        "Degrees to radians: x * pi / 180.",
        lambda x: x * (math.pi / 180.0),
        ("deg2rad(0)", "0"),
        torch=lambda torch, x: x * (math.pi / 180.0),
        aliases=("radians",),
        vjp=("g * (pi / 180)",),
        js="x=>x*(Math.PI/180)",
    ),
    unary(
        "rad2deg",
        "Radians to degrees: x * 180 / pi.",
        lambda x: x * (180.0 / math.pi),
        ("rad2deg(pi)", "180"),
        torch=lambda torch, x: x * (180.0 / math.pi),
        aliases=("degrees",),
        vjp=("g * (180 / pi)",),
        js="x=>x*(180/Math.PI)",
    ),
    unary(
        "digamma",
        "The derivative of lgamma: gamma'(x) / gamma(x).",
        special.digamma,
        ("digamma(2) - digamma(1)", "1"),
        aliases=("psi",),
        tolerance=2,
        domain=(0, 1e3),
        causes=causes.GAMMA,
        vjp=("g * polygamma(1, x)",),
        latex=r"\psi",
        js="DIGAMMA",
    ),
    Op(
        "polygamma",
        "n: size, x",
        "The n-th derivative of digamma: (-1)^(n+1) * n! * (1/x^(n+1) + 1/(x+1)^(n+1) + …).",
        _polygamma,
        special.polygamma,
        receiver=1,
        examples=(("6 * polygamma(1, 1) / pi^2", "1"),),
        tolerance=2,
        domain=(0, 1e3),
        differs="torch's has nine digits for n=1; above, it is nan at inf and hangs far below 0.",
        vjp=lambda operands, params: (f"g * polygamma({params[0] + 1}, x)",),
        js="POLYGAMMA",
    ),
    unary(
        "erfinv",
        "The inverse of erf: the y with erf(y) = x.",
        special.erfinv,
        ("erfinv(0)", "0"),
        tolerance=2,
        domain=(-1, 1),
        causes=causes.ATANH,
        vjp=in_halves(
            ("0.886226925452758 * exp(out^2) * g",), ("g * 0.886226925452758 * exp(out * out)",)
        ),
        js="ERFINV",
    ),
    Op(
        "logaddexp",
        "x, y",
        "log(exp(x) + exp(y)), without overflow.",
        arithmetic,
        special.logaddexp,
        examples=(("logaddexp(1000, -1000)", "1000"),),
        tolerance=2,
        vjp=in_halves(
            ("g / (1 + exp(y - x))", "g / (1 + exp(x - y))"),
            ("g * sigmoid(x - y)", "g * sigmoid(y - x)"),
        ),
        js="(x,y)=>x==y?x+Math.log(2):Math.max(x,y)+Math.log1p(Math.exp(-Math.abs(x-y)))",
    ),
    Op(
        "xlogy",
        "x, y",
        "x * log(y), and 0 where x is 0 unless y is nan.",
        arithmetic,
        special.xlogy,
        examples=(("xlogy(0, 0)", "0"), ("xlogy(3, 1)", "0")),
        tolerance=2,
        domain=(0, 1e3),
        vjp=("where((x == 0) and (y <= 0), 0, xlogy(g, y))", "g * x / y"),
        js="(x,y)=>x==0&&y==y?0:x*Math.log(y)",
    ),
    unary(
        "sinc",
        "sin(pi*x) / (pi*x), and 1 at 0.",
        special.sinc,
        ("sinc(0)", "1"),
        tolerance=2,
        vjp=in_halves(
            (
                "where(x * x * pi == 0, 0, g * ((x * pi * cos(x * pi) - sin(x * pi)) / "
                "(x * x * pi)))",
            ),
            (
                "where(x == 0, g * x * (-pi * pi / 3), "
                "g * (cos(pi * x) - out) / where(x == 0, 1, x))",
            ),
        ),
        js="x=>x==0?1:Math.sin(Math.PI*x)/(Math.PI*x)",
    ),
    Op(
        "nan_to_num",
        "x, nan = 0, posinf = 1.7976931348623157e308, neginf = -1.7976931348623157e308",
        "x with numbers in place of nan, inf and -inf.",
        arithmetic,
        special.nan_to_num,
        examples=(("nan_to_num(0 / 0)", "0"), ("nan_to_num(1 / 0, posinf=9)", "9")),
        half="kernel",
        differs="in dtypes below float64 an infinite posinf or neginf is the largest number.",
        vjp=(
            "where(isfinite(x), g, 0)",
            "where(isnan(x), g, 0)",
            "where(x == inf, g, 0)",
            "where(x == -inf, g, 0)",
        ),
        js="(x,n,p,m)=>x-x==0?x:x!=x?n:x>0?p:m",
    ),
    Op(
        "heaviside",
        "x, values",
        "The step function: 0 below 0, values at 0, 1 above.",
        arithmetic,
        special.heaviside,
        examples=(("heaviside(0, 0.5)", "0.5"), ("heaviside(-2, 0.5)", "0")),
        vjp=(ZERO, ZERO),
        js="(x,v)=>x==0?v:x>0?1:0",
    ),
    Op(
        "fmin",
        "x, y",
        "The smaller of x and y; of a number and nan, the number.",
        arithmetic,
        special.fmin,
        examples=(("fmin(nan, 2)", "2"),),
        vjp=(
            "where(x == y, g / 2, where(x > y, 0, g))",
            "where(x == y, g / 2, where(y > x, 0, g))",
        ),
        js="(x,y)=>x<=y||y!=y?x:y",
    ),
    Op(
        "fmax",
        "x, y",
        "The larger of x and y; of a number and nan, the number.",
        arithmetic,
        special.fmax,
        examples=(("fmax(nan, 2)", "2"),),
        vjp=(
            "where(x == y, g / 2, where(x < y, 0, g))",
            "where(x == y, g / 2, where(y < x, 0, g))",
        ),
        js="(x,y)=>x>=y||y!=y?x:y",
    ),
    Op(
        "lerp",
        "start, end, weight",
        "Linear interpolation: start + weight*(end - start).",
        arithmetic,
        special.lerp,
        examples=(("lerp(2, 4, 0.25)", "2.5"),),
        vjp=("g * (1 - weight)", "g * weight", "g * (end - start)"),
        js="(x,y,w)=>Math.abs(w)<.5?x+w*(y-x):y-(y-x)*(1-w)",
    ),
    _test(
        "isnan",
        "Whether x is nan.",
        math.isnan,
        ("isnan(0 / 0)", "true"),
        polars="isnan",
        js="x=>x!=x",
    ),
    _test(
        "isinf",
        "Whether x is inf or -inf.",
        math.isinf,
        ("isinf(1 / 0)", "true"),
        polars="isinf",
        js="x=>x==1/0||x==-1/0",
    ),
    _test(
        "isfinite",
        "Whether x is a number.",
        math.isfinite,
        ("isfinite(1)", "true"),
        polars="isfinite",
        js="x=>x-x==0",
    ),
)
