"""Gradients beside differences: what is found right, wrong, at a kink, and not decided."""

import math
import random

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import smooth_programs

import graphcalc as gc
from graphcalc.analysis.differences import slopes
from graphcalc.analysis.gradcheck import judge
from graphcalc.cli import app
from graphcalc.ops import table


def replaced(monkeypatch, name, vjp):
    """Another derivative in a row of the table."""
    op = table.OPS[name]
    wrong = op._replace(vjp=vjp)
    monkeypatch.setitem(table.OPS, name, wrong)
    for called, row in list(table.FUNCTIONS.items()):
        if row is op:
            monkeypatch.setitem(table.FUNCTIONS, called, wrong)


@given(smooth_programs())
@settings(max_examples=40, deadline=None)
def test_right_gradients_pass(program):
    """No element of a generated program's gradients is found wrong."""
    text, inputs = program
    for checked in gc.check_grad(text, inputs, grad="loss_"):
        assert checked.is_right, checked.worst


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize(
    ("name", "text", "vjp"),
    [
        ("sin", "sum(sin(x))", ("g * sin(x)",)),
        ("exp", "sum(exp(x))", ("g * out * 1.00001",)),
        ("mul", "sum(x * x)", ("g * y", "g")),
        ("matmul", "sum((x @ x.T)^2)", ("g @ y", "transpose(x) @ g")),
        ("tanh", "sum(tanh(x))", ("zero",)),
    ],
)
def test_wrong_derivatives_are_found(monkeypatch, name, text, vjp, backend):
    """A row with a wrong derivative fails the check, if only by a hundred-thousandth."""
    x = [[0.3, -1.2], [0.7, 2.0]]
    (right,) = gc.check_grad(f"y = {text}", x=x, grad="y", backend=backend)
    assert right.is_right
    assert right.worst.verdict == "ok"
    replaced(monkeypatch, name, vjp)
    (wrong,) = gc.check_grad(f"y = {text}", x=x, grad="y", backend=backend)
    assert not wrong.is_right
    assert wrong.worst.verdict == "wrong"


def test_the_worst_element_is_named_with_both_values(monkeypatch):
    """The element with the largest error is told by its index, with both its values."""
    replaced(monkeypatch, "mul", ("g * y", "g * x * where(x > 2.5, 3, 1)"))
    (c,) = gc.check_grad("y = sum([1, 2, 3] * x)", x=[5.0, 6.0, 7.0], grad="y")
    assert c.worst.at == (2,)
    assert c.worst.gradient == 9
    assert c.worst.difference == pytest.approx(3)
    assert [e.verdict for e in c.elements] == ["ok", "ok", "wrong"]


@pytest.mark.parametrize(
    ("text", "x", "slopes"),
    [("relu(x)", 0.0, (0, 1)), ("abs(x)", 0.0, (-1, 1)), ("maximum(x, 2*x - 3)", 3.0, (1, 2))],
)
def test_kinks_are_told_and_not_wrong(text, x, slopes):
    """At a kink the slopes beside it are told; a gradient between them is not wrong."""
    (c,) = gc.check_grad(f"y = 3 * ({text})", x=x, grad="y")
    assert c.is_right
    assert c.elements[0].verdict == "kink"
    assert c.elements[0].slopes == pytest.approx([3 * s for s in slopes], rel=1e-6)


def test_a_gradient_outside_of_a_kinks_slopes_is_wrong():
    """Between the slopes anything goes, outside of them nothing."""
    kink = lambda x: max(0.0, x)  # noqa: E731
    for gradient, verdict in ((0.0, "kink"), (0.5, "kink"), (1.0, "kink"), (1.5, "wrong")):
        assert judge(kink, 0.0, gradient).verdict == verdict


def test_intermediate_nodes_are_checked_as_if_they_were_inputs():
    """`wrt` names what is checked: also a node that is computed."""
    (c,) = gc.check_grad("h = tanh(x); y = h*h*x", x=0.5, grad="y", wrt="h")
    assert c.name == "h"
    assert c.worst.difference == pytest.approx(2 * math.tanh(0.5) * 0.5)


def test_seeds_weigh_the_elements():
    """A tensor is checked as the sum of its elements, weighed by the seed."""
    (c,) = gc.check_grad("y = x * [1, 2]", x=3, grad="y", seed_grad=[1, 10])
    assert c.worst.difference == pytest.approx(21)
    assert c.is_right


def test_large_inputs_are_sampled():
    """Of a large tensor a hundred different elements are looked at."""
    (c,) = gc.check_grad("y = sum(x*x)", x=[[0.1] * 50] * 40, grad="y")
    assert len({e.at for e in c.elements}) == len(c.elements) == 100


def test_inputs_are_as_they_were():
    """A check leaves an array that it was given alone."""
    numpy = pytest.importorskip("numpy")
    x = numpy.array([1.0, 2.0])
    gc.check_grad("y = sum(x^3)", x=x, grad="y")
    assert x.tolist() == [1.0, 2.0]


def test_nothing_to_check_is_said():
    """Without an input there is nothing to check."""
    with pytest.raises(gc.UsageError, match="depends on no input"):
        gc.check_grad("y = 2", grad="y")


SMOOTH = {
    "exp at 300": (math.exp, 300.0, math.exp(300.0)),
    "log near 0": (lambda x: math.log(x) if x > 0 else math.nan, 1e-9, 1e9),
    "fast": (lambda x: math.sin(1000 * x), 1.0, 1000 * math.cos(1000)),
    "small": (lambda x: 1e-30 * x, 1.0, 1e-30),
    "flat": (lambda x: x * x, 0.0, 0.0),
    "cube near 0": (lambda x: x**3, 1e-12, 3e-24),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_differences_settle_at_any_scale(name):
    """Steps are found that fit, for functions that are steep, fast, tiny or flat."""
    function, x, exact = SMOOTH[name]
    found, unsure = slopes(function, x).center
    assert found == pytest.approx(exact, rel=1e-7, abs=1e-12 if exact == 0 else 0)
    assert abs(found - exact) <= 10 * unsure + 1e-7 * abs(exact)
    assert not slopes(function, x).is_kink


def test_what_differences_cannot_tell_is_not_decided():
    """Where the function is not finite around a point there is no verdict."""
    found = judge(lambda x: math.sqrt(x) if x >= 0 else math.nan, 0.0, math.inf)
    assert found.verdict == "unclear"


def _or_nan(function, x):
    """A function's value, NaN outside of its domain."""
    try:
        return function(x)
    except (ValueError, ZeroDivisionError):
        return math.nan


# Beside a pole, a kink, a jump or the end of a domain, and of a high frequency.
STEEP = {
    "pole of order 2": (lambda x: 1 / (x - 1) ** 2, 1.00001),
    "pole of order 1": (lambda x: 1 / (x - 1), 0.9999),
    "pole of tan": (mpmath.tan, math.pi / 2 - 1e-6),
    "pole of gamma": (mpmath.gamma, -0.99999),
    "logarithm of a distance": (lambda x: mpmath.log(abs(x - 1)), 1.00001),
    "root of a distance": (lambda x: mpmath.sqrt(abs(x - 1)), 1.00001),
    "cube root of a distance": (lambda x: mpmath.cbrt(abs(x - 1)), 1.00001),
    "distance": (lambda x: abs(x - 1), 1.00001),
    "power of the distance": (lambda x: abs(x - 1) ** 1.5, 1.00001),
    "end of a domain": (lambda x: mpmath.sqrt(1 - x), 0.99999),
    "arc sine": (mpmath.asin, 0.99999),
    "step": (lambda x: mpmath.mpf(x >= 1) + x, 1.0001),
    "fast sine": (lambda x: mpmath.sin(1000000 * x), 1.00001),
    "faster sine": (lambda x: mpmath.sin(10000000 * x), 0.3),
    "chirp": (lambda x: mpmath.sin(1 / x), 0.001),
    "steep arc": (lambda x: mpmath.atan(100000 * (x - 1)), 1.0),
    "steep exponential": (lambda x: mpmath.exp(500 * x), 1.0),
    "flat": (lambda x: mpmath.exp(-1 / x**2), 0.05),
    "tiny argument": (lambda x: 1 / x, 1e-100),
    "logarithm of little": (mpmath.log, 1e-30),
    "waves on a line": (lambda x: x + mpmath.sin(1000000 * x) / 1000000, 0.7),
}


def at_double(function):
    """A function of mpmath's numbers as one of floats, each value rounded once."""

    def rounded(x):
        with mpmath.workdps(40):
            return float(mpmath.re(_or_nan(function, mpmath.mpf(x))))

    return rounded


@pytest.mark.parametrize("name", STEEP)
def test_steep_functions_are_judged_rightly(name):
    """The true gradient is ok, by no difference that belongs to another place; others are not."""
    function, x = STEEP[name]
    with mpmath.workdps(200):
        exact = float(
            mpmath.re(mpmath.diff(function, mpmath.mpf(x), h=abs(x) * mpmath.mpf("1e-60")))
        )
    found = judge(at_double(function), x, exact)
    assert found.verdict == "ok"
    assert found.difference == pytest.approx(exact, rel=1e-4)
    for wrong in (1.001 * exact, 2 * exact, -exact, 0.0):
        assert judge(at_double(function), x, wrong).verdict == "wrong"


SINGULAR = {
    "cusp": (lambda x: math.sqrt(abs(x - 1)), 1.0),
    "cube root": (lambda x: math.copysign(abs(x) ** (1 / 3), x), 0.0),
    "jump": (lambda x: 2.0 * (x >= 1), 1.0),
    "root of relu": (lambda x: math.sqrt(max(x, 0.0)), 0.0),
    "oscillation": (lambda x: x * math.sin(1 / x) if x else 0.0, 0.0),
    "pole": (lambda x: 1 / (x - 1) if x != 1 else math.inf, 1.0),
    "end of a domain": (lambda x: _or_nan(math.sqrt, x), 0.0),
    "too fast": (lambda x: math.sin(1e18 * x), 1.0),
}


@pytest.mark.parametrize("gradient", [0.0, 1.0, math.inf, math.nan])
@pytest.mark.parametrize("name", SINGULAR)
def test_nothing_is_confirmed_where_there_is_no_slope(name, gradient):
    """At a cusp, a jump or a pole no gradient is ok, however even the function is around it."""
    assert judge(*SINGULAR[name], gradient).verdict in ("kink", "unclear")


@pytest.mark.parametrize(
    ("program", "x", "status"),
    [
        ("y = 1/(x-1)^2", "1.00001", 0),
        ("y = log(abs(x-1))", "1.00001", 0),
        ("y = sin(1e6*x)", "1.00001", 0),
        ("y = sqrt(abs(x-1))", "1.00001", 0),
        ("y = sqrt(abs(x-1))", "1", 0),
        ("y = x + sin(1e6*detach(x))", "1.00001", 1),
    ],
)
def test_the_command_fails_for_wrong_gradients_alone(program, x, status, capfd):
    """Near poles and of fast functions `--check-grad` exits with 0 where the gradient is right."""
    assert app.run([program, f"x={x}", "--grad", "y", "--check-grad"]) == status
    capfd.readouterr()


@given(st.floats(-100, 100), st.floats(-5, 5))
@settings(max_examples=100)
def test_polynomials_are_exact(a, x):
    """Of a cubic the extrapolation gives the derivative to ten digits."""
    found, unsure = slopes(lambda t: a * t**3 - t + 1, x).center
    exact = 3 * a * x * x - 1
    assert abs(found - exact) <= max(1e-9 * max(abs(exact), abs(a), 1.0), 10 * unsure)


def test_rounding_inside_of_a_function_is_neither_a_kink_nor_an_error():
    """Where a large number swallows digits on the way, right gradients are hardly ever blamed."""
    draw = random.Random(0)
    verdicts = [
        judge(lambda x: (1e6 + math.sin(x)) - 1e6, x, math.cos(x)).verdict
        for x in (draw.gauss(0, 1e-3) for _ in range(500))
    ]
    assert verdicts.count("wrong") <= 10
    assert "kink" not in verdicts
