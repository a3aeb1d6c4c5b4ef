"""Gradients beside differences: what is found right, wrong, at a kink, and not decided."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import smooth_programs

import graphcalc as gc
from graphcalc.analysis.gradcheck import differentiate, judge, one_sided
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
    found, unsure = differentiate(function, x)
    assert found == pytest.approx(exact, rel=1e-7, abs=1e-12 if exact == 0 else 0)
    assert abs(found - exact) <= 10 * unsure + 1e-7 * abs(exact)
    assert one_sided(function, x) is None


def test_what_differences_cannot_tell_is_not_decided():
    """Where the function is not finite around a point there is no verdict."""
    found = judge(lambda x: math.sqrt(x) if x >= 0 else math.nan, 0.0, math.inf)
    assert found.verdict == "unclear"


@given(st.floats(-100, 100), st.floats(-5, 5))
@settings(max_examples=100)
def test_polynomials_are_exact(a, x):
    """Of a cubic the extrapolation gives the derivative to ten digits."""
    found, unsure = differentiate(lambda t: a * t**3 - t + 1, x)
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
