"""Gradients of programs, first and second, beside torch.autograd and mpmath."""

import math

import mpmath
import pytest
import torch
from agreement import BACKENDS, elements, run, value_of
from backward import (
    assert_gradients,
    assert_like_torchs_own,
    assert_slopes,
    forward_graph,
    lifted,
    text_with_loss,
    torchs_own,
)
from functions import functions
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import smooth_programs
from torch_version import has_shared_ties

import graphcalc as gc
from graphcalc.diagnostics import GraphcalcError
from graphcalc.ops.shapes import arithmetic
from graphcalc.ops.spec import FLOATS
from graphcalc.ops.table import INTERNAL, OPS

ORDERS = (1, 2)
# Without a derivative in torch.
NOT_IN_TORCH = {"heaviside", "grad"}
# torch's own second derivatives of these have nine digits, or are nan at the point shown.
NOT_TWICE = {"lgamma", "gamma", "digamma", "polygamma", "sinc", "logaddexp", "sinh"}
# Those that show no call that comes to floating point.
WITHOUT = {
    *("lt", "le", "gt", "ge", "eq", "ne", "logical_and", "logical_or", "logical_xor"),
    *("logical_not", "bitwise_and", "bitwise_or", "bitwise_not", "isnan", "isinf", "isfinite"),
    *(
        "all",
        "any",
        "argmin",
        "argmedian",
        "argnanmedian",
        "one_hot",
        "long",
        "bool",
        "randint",
        "rand_like",
        "randn_like",
    ),
    *("conv_input", "conv_weight", "recur", "unindex", "index_put", "refold", "const"),
    *("input", "alias"),
    *("np_pad", "cuda", "signbit", "isposinf", "isneginf", "half", "bfloat16"),
    *("to_float16", "to_bfloat16", "to_float32", "to_float64"),
    *("to_int8", "to_uint8", "to_int16", "to_int32", "masked_take"),
    *("count_nonzero", "argsort", "argtopk", "argkthvalue", "argcummax", "argcummin", "argmode"),
    *("isclose", "math_isclose", "allclose", "equal", "np_array_equal", "type_as"),
    *("searchsorted", "bucketize", "tril_indices", "triu_indices", "size"),
    # Shown by their sizes alone: their gradients are asked for in `CALLS`.
    *("movedim", "atleast_1d", "atleast_2d", "atleast_3d"),
}
# Rows of the functions that have the same names.
WITHOUT_CALLS = {"scatter", "scatter_add", "torch_adaptive_max_pool1d"}
FUNCTIONS = [pytest.param(f, id=f.name) for f in functions() if f.name not in NOT_IN_TORCH]


def is_float(text):
    """Whether a call comes to floating point, other than sizes, which have no gradient."""
    if text.startswith("size("):
        return False
    graph = forward_graph(f"y_ = {text}")
    return graph.nodes[graph.names["y_"]].type.dtype in FLOATS


@pytest.mark.parametrize("function", FUNCTIONS)
def test_gradients_of_every_function_are_torchs(function):
    """Both evaluators give torch.autograd's gradients of every call that a function shows.

    In both orders, where torch has both.
    """
    texts = [*filter(is_float, function.texts)]
    compared = sum(assert_gradients(text_with_loss(text)) for text in texts)
    is_shown = function.texts or function.name not in WITHOUT_CALLS
    assert not is_shown or (compared > 0) == (function.name not in WITHOUT)
    for text in texts if function.name not in NOT_TWICE else ():
        assert_gradients(text_with_loss(text), order=2)


# Calls at zeros, ties, edges and kinks, and of functions that show calls of numbers alone.
CALLS = (
    *(
        "movedim([[1, 2, 3], [4, 5, 6]], 0, -1)",
        "atleast_1d(5)",
        "atleast_2d([1, 2])",
        "atleast_3d([[1, 2]])",
    ),
    *("prod([2, 0, 3])", "prod([0, 0, 3, 4])", "prod([0, 0, 0, 4])", "prod([2, 3, 4])"),
    *(
        "prod([[2, 0], [3, 4]], dim=0)",
        "prod([[2, 0], [3, 4]])",
        "prod([[[1, 2], [0, 3]]], (0, 2))",
    ),
    *("cumprod([2, 0, 3], 0)", "cumprod([2, 0, 3, 0, 5], 0)", "cumprod([0, 0, 3, 0, 5], 0)"),
    *("cumprod([[2, 0], [4, 5]], 1)", "max([1, 3, 3])", "amax([1, 3, 3])", "norm([3, 4])"),
    *("norm([0, 0, 0])", "norm([3, 0, 4], p=1)", "norm([3, 0, 4], p=3)", "var([1, 2, 4])"),
    *("norm([[1, 0], [2, 3]], dim=0)", "std([1, 2, 4])", "std([1, 1, 1])", "abs([0, -1, 1])"),
    *("logsumexp([1, 2, 3], dim=0)", "clamp([0, 1, 2, 3], 1, 2)", "relu([0, -1, 1])"),
    *("pow([0, 1, 2], 2) + 0", "pow([2, 3], [2, 0])", "hypot([0, 3], [0, 4])", "sqrt([0, 1])"),
    *("atan2([1, 2], [3, -1])", "maximum([1, 2], [1, 3])", "minimum([1, 2], [1, 3])"),
    *("fmax([1, 2], [1, 3])", "xlogy([0, 1, 2], [1, 2, 3])", "copysign([1, 2], [-1, 1])"),
    *("where([1, 0] > 0, [1, 2], [3, 4])", "softplus([1, -2, 30])", "gelu([1, -2, 0])"),
    *("silu([1, -2, 0])", "mish([1, -2, 0])", "elu([1, -2, 0])", "hardswish([1, -4, 0])"),
    *("softmax([1, 2, 3], dim=0)", "log_softmax([1, 2, 3], dim=0)", "erfinv([0.1, 0.5])"),
    *("normalize([[1, 2], [0, 0]])", "cosine_similarity([[1, 2]], [[3, 4]])"),
    *("layer_norm([[1, 2, 4]], (3,))", "cross_entropy([[2, 1, 0]], [1])", "tan([0.5])"),
    *("huber_loss([1, 5], [1.5, 2])", "smooth_l1_loss([1, 5], [1.5, 2])", "acosh([1.5, 2])"),
    *("binary_cross_entropy([0.3, 0.8], [0, 1])", "asin([0.5])", "atanh([0.5])", "log1p([0.5])"),
    *("fmod([5, 7], [3, 2])", "remainder([5, -7], [3, 2])", "exp2([1, 2])", "log2([1, 2])"),
    *("cdist([[1, 2]], [[3, 4], [1, 2]])", "pairwise_distance([[1, 2]], [[1, 2]])"),
    "einsum('ij,jk->ik', [[1, 2], [3, 4]], [[1], [2]])",
    "scaled_dot_product_attention([[1, 2], [3, 4]], [[1, 0], [0, 1]], [[1, 2], [3, 4]])",
)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("text", CALLS)
def test_gradients_at_edges_are_torchs(text, order):
    """At zeros, ties and kinks both evaluators take torch's conventions, in both orders."""
    assert assert_gradients(text_with_loss(text), order=order) or not lifted(text)[0]


# Where the formula's gradient is another than that of torch's function, and why.
OTHERS = {
    "binary_cross_entropy(0, 1)": "torch divides by 1e-12 + 4e-21, and is inf by the target",
    "binary_cross_entropy(1, 0)": "the same",
    "binary_cross_entropy([0, 1], [0, 1])": "torch is inf by the target",
    "binary_cross_entropy(1, 1)": "the same",
    "nan_to_num(1 / 0, posinf=9)": "torch takes numbers there, which have no gradient",
}
# torch's own second derivatives are nan, or only as exact as a constant of nine digits.
OTHERS_TWICE = {
    "elu",
    "celu",
    "selu",
    "sinc",
    "logaddexp",
    "sinh",
    "lgamma",
    "gamma",
    "digamma",
    "polygamma",
    "pow",
}
ENDS = (
    *("std([1, 1, 1])", "norm([0, 0, 0])", "norm([0, 0], p=1)", "norm([0, 3], p=3)"),
    *("norm([0, 0], p=3)", "norm([1, -3], p=inf)", "norm([3, -3], p=inf)", "norm([0, 1, 2], p=0)"),
    *("std([[1, 1], [1, 2]], dim=1)", "logsumexp([1, 1], dim=0)", "normalize([[0, 0], [1, 2]])"),
    *("cosine_similarity([[0, 0]], [[1, 2]], dim=1)", "relu6([0, 6, 3])", "hardtanh([-1, 1, 0])"),
    *("hardswish([-3, 3, 0])", "leaky_relu([0, -1, 1])", "elu([0, -1, 1])", "selu([0, -1])"),
    *("celu([0, -1])", "softplus([0, 20, 21])", "huber_loss([1, 2], [2, 4])"),
    *("smooth_l1_loss([1, 2], [2, 4])", "l1_loss([1, 2], [1, 3])", "threshold([1, 2], 1, 0)"),
    *("hardshrink([0.5, -0.5, 1])", "softshrink([0.5, -0.5, 1])", "frac([1, 2.5])"),
    *("rsqrt([1, 4])", "square([0, 2])", "logit([0.25, 0.75, 0.5, 0.1], 0.25)"),
    *("gaussian_nll_loss([1, 2], [1, 3], [0, 1])", "gaussian_nll_loss([1], [2], [0.5], eps=0.5)"),
    *("cosine_similarity([[3, 4]], [[0, 5]], eps=5)", "normalize([[0, 3]], eps=4)"),
    *("cosine_similarity([[0.3, 0.4]], [[1, 2]], eps=1)", "softshrink([1, -1, 2], 1)"),
    *("cdist([[0, 0]], [[0, 0], [1, 1]])", "pairwise_distance([[0, 0]], [[0, 0]])"),
    *(
        "max_pool2d([[[1, 1], [1, 1]]], 2)",
        "kl_div([0, 0], [0, 1])",
        "cross_entropy([[1, 1]], [0])",
    ),
    *("logsigmoid([0, -800])", "gelu([0, 1])", "mish([0, 1])", "silu([0])", "softsign([0, 1])"),
    *("hinge_embedding_loss([1, 0], [1, -1])", "margin_ranking_loss([1], [2], [1], margin=1)"),
    *("triplet_margin_loss([[0, 0]], [[0, 0]], [[1, 1]])", "tanhshrink([0, 1])"),
    "instance_norm([[[1, 3], [5, 9]]])",
    *("group_norm([[1, 2, 3, 5]], 2)", "rms_norm([1, 2], (2,))", "layer_norm([1, 1], (2,))"),
    *("binary_cross_entropy_with_logits([0, 0], [0, 1])", "var([1, 2, 4], correction=0)"),
)


# Kinks where torch's own functions have other gradients since 2.14: the slopes that torch 2.14.1
# has, by each tensor that the call writes. Older torch has 1 at a bound or tie, and 0 beside NaN.
SINCE_2_14 = {
    "fmin(nan, 2)": ([1], [1]),
    "fmax(nan, 2)": ([1], [1]),
    "fmin([1, 2, nan], [1, 3, 4])": ([0.5, 1, 1], [0.5, 0, 1]),
    "fmax([1, 2, nan], [1, 3, 4])": ([0.5, 0, 1], [0.5, 1, 1]),
    "clamp([0, 1, 2], [0, 0, 0], [1, 1, 1])": ([0.5, 0.5, 0], [0.5, 0, 0], [0, 0.5, 1]),
    "clamp([0, 1, 2], min=[1, 1, 1])": ([0, 0.5, 1], [1, 0.5, 0]),
    "clamp([0, 1, 2], max=[1, 1, 1])": ([1, 0.5, 0], [0, 0.5, 1]),
    "clamp([0, 1, 2], [1, 1, 2], [1, 0, 2])": ([0, 0, 1], [1, 0, 0], [0, 1, 0]),
    "clamp([nan, 1, 2], [0, nan, 2], [1, 1, nan])": ([1, 1, 1], [0, 0, 0], [0, 0, 0]),
    "clamp([nan, 2], min=[0, nan])": ([1, 1], [1, 1]),
    "margin_ranking_loss([1], [1], [1])": ([0], [0], [0]),
    'hinge_embedding_loss([1, 3, 0], [-1, 1, -1], reduction="none")': ([0, 1, -1], []),
    "triplet_margin_loss([[0, 0]], [[3, 4]], [[0, 6]], eps=0)": ([0, 0], [0, 0], [0, 0]),
    "cosine_embedding_loss([[1, 0]], [[0, 1]], [-1])": ([0, 0], [0, 0], []),
    "normalize([[0, 3]], eps=3)": ([1 / 3, 1 / 3],),
}
# The same of second order: an element at its bound has none.
TWICE_SINCE_2_14 = {"corrcoef([[1, 2, 3], [3, 2, 1]])": ([0, 0, 0, 0, 0, 0],)}


@pytest.mark.parametrize("text", SINCE_2_14)
def test_kinks_are_those_of_torch_2_14(text):
    """On any torch the gradients at bounds, ties and NaN are those of torch 2.14."""
    assert_slopes(text, *SINCE_2_14[text])
    if has_shared_ties():
        assert assert_like_torchs_own(text)


# torch has an overload of clamp for Python numbers: slopes of x by torch 2.14.1.
CLAMPED_BY_NUMBERS = {
    "clamp(x, 0, 1)": [0, 0, 1, 0, 0, 0, 0, 0],
    "clamp(x, -1 + 1, sqrt(4) - 1)": [0, 0, 1, 0, 0, 0, 0, 0],
    "clamp(x, min=exp(0) - 1)": [0, 0, 1, 1, 1, 0, 1, 0],
    "clamp(x, 0)": [0, 0, 1, 1, 1, 0, 1, 0],
    "clamp(x, max=1)": [1, 1, 1, 0, 0, 0, 0, 1],
    "clamp(x, 1, 1)": [0, 0, 0, 0, 0, 0, 0, 0],
    "clamp(x, 1, 0)": [0, 0, 0, 0, 0, 0, 0, 0],
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", CLAMPED_BY_NUMBERS)
def test_clamp_by_numbers_is_flat_at_its_bounds(text, backend):
    """Bounds that are numbers written in the call have torch's gradients for Python numbers."""
    points = [-1.0, 0.0, 0.5, 1.0, 2.0, math.nan, math.inf, -math.inf]
    found = gc.run(f"y = {text}", x=points, grad="y", seed_grad=[1.0] * 8, backend=backend)
    wanted = CLAMPED_BY_NUMBERS[text]
    pairs = list(zip(map(float, elements(found.grad["x"])), wanted, strict=True))
    assert all(w is None or f == w for f, w in pairs), pairs
    if has_shared_ties():
        x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
        names = {"x": x, "clamp": torch.clamp, "sqrt": math.sqrt, "exp": math.exp}
        eval(text, names).sum().backward()
        assert x.grad.tolist() == wanted


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("bound", ["one", "2 - one", "bound", "wide[0]"])
def test_clamp_by_tensors_shares_a_tie(bound, backend):
    """A bound that has a gradient takes half of it at a tie, also beside a number."""
    program = f"one = 1; wide = [1, 3]; y = clamp(x, 0, {bound})"
    inputs = {"x": 1.0, **({"bound": 1.0} if bound == "bound" else {})}
    found = gc.run(program, **inputs, grad="y", backend=backend)
    assert float(found.grad["x"]) == 0.5


def test_clamp_by_numbers_in_many_lines():
    """Lines of one form, whose bounds are numbers, have the gradients that one line has."""
    lines = [f"y{i} = clamp(x, {i}, {i + 1}); d{i} = grad(y{i}, x)" for i in range(60)]
    found = gc.run("\n".join(lines), x=3.0)
    assert [float(found[f"d{i}"]) for i in range(60)] == [0.0] * 60
    found = gc.run("\n".join(lines), x=3.5)
    assert [float(found[f"d{i}"]) for i in range(60)] == [float(i == 3) for i in range(60)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_gradients_are_those_of_torchs_own_functions(function):
    """A function of several steps has the gradients of torch's own function, in both orders."""
    for text in function.texts:
        if text not in OTHERS:
            # torch has 1/6 of hardsigmoid in float32.
            relative = 1e-7 if "hardsigmoid" in text else 1e-10
            if has_shared_ties() or text not in SINCE_2_14:
                assert_like_torchs_own(text, relative=relative)
            if function.name not in OTHERS_TWICE:
                if text in TWICE_SINCE_2_14:
                    assert_slopes(text, *TWICE_SINCE_2_14[text], order=2)
                if has_shared_ties() or text not in TWICE_SINCE_2_14:
                    assert_like_torchs_own(text, 2, relative)


def test_torchs_own_functions_are_many():
    """Most calls that functions show have a function of torch's own to be compared with."""
    texts = [text for function in functions() for text in function.texts if text not in OTHERS]
    assert sum(torchs_own(text) is not None for text in texts) >= 180
    assert assert_like_torchs_own("tanh([1, 2])", 2) == 1


@pytest.mark.parametrize("text", ENDS)
def test_kinks_are_where_torchs_own_functions_have_them(text):
    """At ends, ties and zeros a function of several steps follows torch's own."""
    assert assert_like_torchs_own(text) or "p=0" in text


PROGRAMS = (
    "x = randn(5, 3); w = randn(3, 2); b = randn(2); t = randn(5, 2)\n"
    "loss_ = mean((tanh(x @ w + b) - t)^2)",
    "x = randn(4); y = x[[0, 0, 2]] * x[1:]; z = cat([y, x])\nloss_ = sum(z * z * z)",
    "q = randn(2, 3, 4); k, v = q.chunk(2, dim=2); s = softmax(k @ v.mT, dim=-1)\n"
    "loss_ = sum(s * s)",
    "x = randn(1, 2, 6, 6); w = randn(3, 2, 3, 3)\n"
    "loss_ = sum(max_pool2d(relu(conv2d(x, w, padding=1)), 2)^2)",
    "x = randn(3, 1); y = randn(4); z = x * y + x / (2 + y^2) - y\nloss_ = sum(z^3)",
    "x = randn(6); a = x * x; b = a + x; c = a * b; d = c - a + b\nloss_ = sum(d * x)",
    "x = randn(3, 4); m = mean(x, dim=1, keepdim=true); s = std(x, dim=1, keepdim=true)\n"
    "loss_ = sum(((x - m) / s)^3)",
    "f(x) = x^2 * sin(x); x = randn(3)\nloss_ = sum(f(f(x)) + f(x))",
    "x = 0.7; y = -1.2; loss_ = exp(x * y) * log(x) + x^y + atan2(x, y)",
    "e = randn(5, 3); i = [0, 4, 0].long(); loss_ = sum(embedding(i, e)^3)",
)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("text", PROGRAMS)
def test_gradients_of_programs_are_torchs(text, order):
    """Broadcasting, sharing, indexing and functions of one's own are differentiated rightly."""
    assert assert_gradients(text, order=order)


@pytest.mark.slow
@given(smooth_programs(), st.sampled_from(ORDERS))
@settings(max_examples=300, deadline=None)
def test_gradients_of_any_program_are_torchs(program, order):
    """Gradients of generated programs are torch.autograd's on both evaluators."""
    text, inputs = program
    assert_gradients(text, inputs, order=order)


# mpmath's functions by our names, at points of their domains.
BY_MPMATH = {
    **{name: (getattr(mpmath, name), (-1.3, 0.4, 2.2)) for name in ("sin", "cos", "tan", "exp")},
    **{name: (getattr(mpmath, name), (-1.3, 0.4, 2.2)) for name in ("sinh", "cosh", "tanh")},
    **{
        name: (getattr(mpmath, name), (-1.3, 0.4, 2.2)) for name in ("asinh", "atan", "erf", "erfc")
    },
    **{
        name: (getattr(mpmath, name), (-0.9, 0.1, 0.6))
        for name in ("asin", "acos", "atanh", "erfinv")
    },
    **{name: (getattr(mpmath, name), (0.3, 1.7, 9.5)) for name in ("sqrt", "log", "log10", "cbrt")},
    "acosh": (mpmath.acosh, (1.2, 3.5)),
    "expm1": (mpmath.expm1, (-1.3, 1e-3, 2.2)),
    "log1p": (mpmath.log1p, (-0.5, 1e-3, 2.2)),
    "exp2": (lambda x: mpmath.mpf(2) ** x, (-1.3, 0.4, 2.2)),
    "log2": (lambda x: mpmath.log(x, 2), (0.3, 1.7, 9.5)),
    "lgamma": (mpmath.loggamma, (0.3, 1.7, 9.5)),
    "gamma": (mpmath.gamma, (-1.4, 0.3, 1.7, 4.5)),
    "digamma": (mpmath.digamma, (0.3, 1.7, 9.5)),
    "softplus": (lambda x: mpmath.log1p(mpmath.exp(x)), (-3.0, 0.4, 5.0)),
    "sinc": (mpmath.sincpi, (-1.3, 0.4, 2.2)),
    "reciprocal": (lambda x: 1 / x, (-1.3, 0.4)),
    "rsqrt": (lambda x: 1 / mpmath.sqrt(x), (0.3, 9.5)),
    "square": (lambda x: x * x, (-1.3, 2.2)),
    "logit": (lambda x: mpmath.log(x / (1 - x)), (0.1, 0.7)),
    "gelu": (lambda x: x * mpmath.ncdf(x), (-2.0, 0.4)),
    "mish": (lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))), (-2.0, 0.4)),
    "sigmoid": (lambda x: 1 / (1 + mpmath.exp(-x)), (-3.0, 0.4, 5.0)),
    "silu": (lambda x: x / (1 + mpmath.exp(-x)), (-3.0, 0.4)),
    "logsigmoid": (lambda x: -mpmath.log1p(mpmath.exp(-x)), (-3.0, 5.0)),
    "deg2rad": (mpmath.radians, (30.0,)),
    "rad2deg": (mpmath.degrees, (0.4,)),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", BY_MPMATH)
def test_derivatives_of_scalar_functions_are_mpmaths(name, backend):
    """First and second derivatives equal those that mpmath finds with 50 digits."""
    function, points = BY_MPMATH[name]
    program = gc.compile(f"d = grad({name}(x), x); dd = grad(d, x)", backend=backend)
    for x in points:
        found = program(x=x)
        with mpmath.workdps(50):
            wanted = [float(mpmath.diff(function, mpmath.mpf(x), n)) for n in (1, 2)]
        for value, exact in zip((found["d"], found["dd"]), wanted):
            assert math.isclose(float(value), exact, rel_tol=1e-10, abs_tol=1e-14), (
                x,
                value,
                exact,
            )


def test_smooth_functions_are_all_compared():
    """Every elementwise row of one operand that is smooth somewhere has its mpmath twin."""
    steps = {"abs", "sign", "relu", "floor", "ceil", "trunc", "round", "neg"}
    unary = {
        op.name
        for op in OPS.values()
        if op.kind == "elementwise" and op.signature == "x" and op.type is arithmetic
        if op.name not in INTERNAL
    }
    assert unary - steps <= set(BY_MPMATH)


# What gradients there are


def grads(text, inputs=None, **options):
    """The gradients of a program's `y` by name."""
    found = gc.run(text, inputs, grad="y", **options).grad
    return {n: g.tolist() if hasattr(g, "tolist") else g for n, g in found.items()}


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_lesson(backend):
    """The lesson's gradients, of every node."""
    inputs = {"a": 2, "b": -4, "c": -2, "d": 2}
    found = gc.run("g = (a+b)*(c*d)", inputs, grad="g", backend=backend).grad
    wanted = {"a": -4, "b": -4, "c": -4, "d": 4, "e": -4, "f": -2, "g": 1}
    assert {name: float(value) for name, value in found.items()} == wanted


def test_what_does_not_lead_to_the_target_has_no_gradient():
    """A node that the target does not depend on has none: no 0 that was not computed."""
    assert grads("y = a*b; z = c*a", {"a": 2, "b": 3, "c": 4}) == {"a": 3, "b": 2, "y": 1}


def test_functions_without_slope_give_zero():
    """Through floor and detach the gradient is 0, and through argmax there is none."""
    assert grads("y = floor(x)*w", {"x": 2.5, "w": 3})["x"] == 0
    assert grads("y = detach(x)*w", {"x": 2.5, "w": 3})["x"] == 0
    assert "x" not in grads("y = argmax(x)*1.0*w", {"x": [1.0, 2.0], "w": 3})
    assert grads("y = sum(floor(x)*w)", {"x": [2.5, 1.5], "w": 3})["x"] == [0, 0]


def test_wrt_narrows_and_asks_for_zeros():
    """With `wrt` just those nodes have a gradient, 0 where nothing depends on them."""
    inputs = {"a": 2, "b": 3, "c": [1.0, 2.0]}
    found = gc.run("e = a*b; y = e*e; z = sum(c)", inputs, grad="y", wrt=["e", "c"])
    assert found.grad["e"] == 12
    assert found.grad["c"].tolist() == [0, 0]
    assert list(found.grad) == ["e", "c"]
    messages = [note.text for note in found.trace.graph.notes]
    assert messages == ["`y` does not depend on `c`: the gradient is 0"]


def test_a_seed_weighs_a_tensor():
    """The gradient of a tensor, given for it, is handed on."""
    found = gc.run("y = x * [1, 2, 3]", x=2, grad="y", seed_grad=[1, 10, 100])
    assert found.grad["x"] == 321
    assert found.grad["y"].tolist() == [1, 10, 100]
    assert gc.run("y = 2*x", x=[1.0, 2.0], grad="y", seed_grad="ones(2)").grad["x"].tolist() == [
        2,
        2,
    ]


def test_bound_values_are_leaves():
    """A gradient ends at a bound value, however that was computed."""
    from graphcalc.data.bindings import parse_bindings
    from graphcalc.evaluate import Evaluation, Gradients, Options, parse
    from graphcalc.source import Source

    bindings = parse_bindings(["x=[1, 2] * exp(0)"]).constants
    options = Options(gradients=Gradients("y"))
    outcome = Evaluation(parse([Source("y = sum(x*x)")]), options, bindings).run()
    named = [r.name for r in outcome.trace if r.gradient is not None]
    assert named == ["x", "a", "y"]
    assert next(iter(outcome.trace)).gradient.value == [2, 4]


def test_large_gradients_are_kept_for_inputs_alone():
    """A big gradient can be read of an input; of another node it needs `keep`."""
    text, x = "h = x*x; y = sum(h)", [[1.0] * 40] * 40
    found = gc.run(text, x=x, grad="y")
    assert found.grad["x"].shape == (40, 40)
    with pytest.raises(gc.UsageError, match="freed"):
        found.grad["h"]
    assert gc.run(text, x=x, grad="y", keep=["h"]).grad["h"].shape == (40, 40)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_gradients_have_the_runs_dtype(dtype):
    """A gradient has the dtype of its node; inside of a softmax that is float32.

    In half precision the derivative of a softmax is torch's own, of the call as a whole.
    """
    found = gc.run("y = mean(softmax(x, dim=0)*w)", x=[1.0, 2.0], w=3, grad="y", dtype=dtype)
    with_gradient = [record for record in found.trace if record.name in found.grad]
    assert {"x", "w", "y"} <= {record.name for record in with_gradient}
    for record in with_gradient:
        assert str(found.grad[record.name].dtype) == f"torch.{record.dtype}"
    assert {found.trace[0].dtype, found.trace[-1].dtype} == {dtype}
    assert found.trace.dtypes == list(dict.fromkeys([dtype, "float32"]))


def test_compiled_programs_have_gradients():
    """A prepared program gives gradients at every call, also for other shapes."""
    program = gc.compile("y = sum(x^2)", grad="y")
    assert program(x=3).grad["x"] == 6
    assert program(x=[1.0, 2.0]).grad["x"].tolist() == [2, 4]
    assert program(x=4).grad["x"] == 8


# The function `grad`

FUNCTION = {
    "x = 3; grad(x^3, x)": 27,
    "x = 3; grad(grad(x^3, x), x)": 18,
    "x = 3; grad(grad(grad(x^3, x), x), x)": 6,
    "f(x) = x^3; d(x) = grad(f(x), x); d(3) + d(2)": 39,
    "f(x) = grad(x^3, x); f(3)": 27,
    "f(x) = grad(grad(x^3, x), x); f(3)": 18,
    "f(x) = grad(sum([x, x]^2), x); f(3)": 12,
    "f(x) = grad(-x * x, x); f(3)": -6,
    "f(x) = grad(x^3, x); g(x) = grad(f(x), x); g(3)": 18,
    "f(x) = grad(x^3, x); x = 3; f(x)": 27,
    "f(x=3) = grad(x^3, x); f()": 27,
    "f(x, n) = grad(x^n, x); f(3, 3)": 27,
    "f(x) = x^3 - 2; s(x) = x - f(x)/grad(f(x), x); s(s(s(s(s(1)))))": 2 ** (1 / 3),
    "x = 2; y = x; grad(x*y, x)": 4,
    "x = 2; y = x; grad(x*y, y)": 4,
    "x = 2; y = 3*x; grad(y^2, y)": 12,
    "x = 2; grad(5, x)": 0,
    "x = [1, 2]; sum(grad(sum(x^2), x))": 6,
    "x = [1, 2]; sum(grad(x^2, x, [1, 10]))": 42,
    "w = 2; x = 3; p = grad((w*x)^2, x)^2; grad(p, w)": 16 * 2**3 * 3**2,
    "x = 2; torch.autograd.grad(x*x, x)[0]": 4,
    "a = 2; b = 5; da, db = grad(a*b, [a, b]); da + 10*db": 25,
    "a = 2; b = 5; da, db = torch.autograd.grad(a*b, (a, b), create_graph=True); da + 10*db": 25,
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", FUNCTION)
def test_grad_is_a_function(text, backend):
    """`grad(f, x)` is a node of the program, as any other."""
    assert value_of(text, backend) == pytest.approx(FUNCTION[text], rel=1e-14)


def test_gradients_go_through_grad():
    """A gradient penalty is differentiated like any other term."""
    text = "y = x^3; p = grad(y, x); l = (p - 1)^2"
    assert gc.run(text, x=2, grad="l").grad["x"] == 2 * (12 - 1) * 12


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("y = x > 1; grad(y, x)", gc.DtypeError),
        ("i = argmax([x, 1]); grad(x, i)", gc.DtypeError),
        ("y = [x, 1]; grad(y, x)", gc.ShapeError),
        ("grad(x)", gc.CallError),
        ("grad(x, x, [1, 2])", gc.ShapeError),
    ],
)
def test_wrong_uses_of_grad_are_explained(text, error):
    """What has no gradient is refused where `grad` is called."""
    with pytest.raises(error) as caught:
        gc.run(text, x=2)
    label = caught.value.diagnostic.labels[0]
    assert text[label.span.start :].startswith("grad")


def test_equal_steps_are_shared_and_plain_ones_left_out():
    """The backward pass takes nodes of the forward pass, and no `1*x`."""
    graph = run("y = exp(x)*w", inputs={"x": 1.0, "w": 2.0}).graph
    assert len(graph) == 4
    found = gc.run("y = exp(x)*w", x=1.0, w=2.0, grad="y").trace.graph
    shown = [(n.op.name, n.operands) for n in found.nodes[4:]]
    assert shown == [("const", ()), ("mul", (1, 2))]
    assert found.nodes[found.gradients[1]].name == "a"


def test_refused_names_say_what_there_is():
    """A node that there is not, a truth, and a tensor have no gradients."""
    for name, match in (("z", "no node `z`"), ("p", "is bool"), ("v", "of one number")):
        with pytest.raises(GraphcalcError, match=match):
            gc.run("p = x > 0; v = [x, x]; y = x*x", x=1, grad=name)
    with pytest.raises(gc.UsageError, match="go with grad"):
        gc.run("y = x", x=1, wrt="x")
