"""Reductions, parts, order and products of tensors, as torch, NumPy and Python compute them."""

import math

import numpy
import pytest
import torch
from agreement import BACKENDS, value_of

from graphcalc.diagnostics import GraphcalcError


def assert_is(text, backend, x, wanted):
    """Assert that a program on x gives nearly torch's tensor."""
    found = value_of(text, backend, {"x": x.tolist()})
    assert numpy.shape(found) == tuple(wanted.shape)
    numpy.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "all", "any", "std", "var"])
def test_no_dimension_is_all_of_them(backend, name):
    """`dim=()` reduces over all dimensions, as in torch, whose all and any take it as none."""
    x = torch.randn(2, 3, dtype=torch.float64)
    for keepdim in (False, True):
        text = f"{name}(x, dim=(), keepdim={keepdim})"
        wanted = getattr(torch, name)(x, dim=(), keepdim=keepdim)
        assert_is(text, backend, x, wanted)


@pytest.mark.parametrize("backend", BACKENDS)
def test_variance_takes_unbiased_in_every_place(backend):
    """`std(True)`, `std(1, False)`, `unbiased=` and `correction=None` mean what torch means."""
    x = torch.randn(3, 4, dtype=torch.float64)
    for name in ("std", "var"):
        function = getattr(torch, name)
        for text, wanted in (
            (f"x.{name}(True)", function(x, True)),
            (f"x.{name}(False)", function(x, False)),
            (f"x.{name}(1, False)", function(x, 1, False)),
            (f"{name}(x, 0, True, True)", function(x, 0, True, True)),
            (f"{name}(x, unbiased=False)", function(x, unbiased=False)),
            (f"{name}(x, dim=1, correction=None)", function(x, dim=1, correction=None)),
        ):
            assert_is(text, backend, x, wanted)


@pytest.mark.parametrize("x", [7, -7, 5, 6, 0.3, -1e17, 1e300, math.pi])
@pytest.mark.parametrize("y", [4, -4, 2, 0.1, 3])
def test_remainder_of_math(x, y):
    """`math.remainder` is IEEE 754's, which torch's of that name is not."""
    for backend in BACKENDS:
        found = value_of(f"math.remainder({x}, {y})", backend)
        assert found == pytest.approx(math.remainder(x, y), rel=1e-9, abs=1e-12 * abs(y))


@pytest.mark.parametrize("backend", BACKENDS)
def test_whole_numbers(backend):
    """Divisors and numbers of choices are Python's own, also the largest that a float64 holds."""
    pairs = [(n, k) for n in (0, 1, 5, 12, 60, 170, 1000) for k in (0, 1, 2, 5, 18, 60)]
    for name in ("gcd", "lcm", "comb", "perm"):
        x, y = ([float(p[i]) for p in pairs] for i in (0, 1))
        wanted = [float(getattr(math, name)(*pair)) for pair in pairs]
        assert value_of(f"{name}(x, y)", backend, {"x": x, "y": y}) == wanted
    assert value_of("math.factorial([0, 1, 20, 25, 170])", backend) == [
        float(math.factorial(n)) for n in (0, 1, 20, 25, 170)
    ]
    for text in ("comb(5000, 2500)", "perm(5000, 2500)", "factorial(171)", "factorial(1e15)"):
        assert value_of(text, backend) == math.inf
    for text in ("gcd(1.5, 2)", "comb(-1, 2)", "factorial(-1)", "factorial(0.5)", "lcm(inf, 1)"):
        assert math.isnan(value_of(text, backend))


NAN = math.nan
TABLE = torch.tensor([[3.0, 1.0, NAN, 1.0, 2.0], [NAN, NAN, 5.0, 2.0, 2.0]], dtype=torch.float64)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "call",
    [
        *(
            "torch.nanmedian(x)",
            "torch.nanmedian(x, 1)[0]",
            "torch.nanmedian(x[:, :2], 1, True)[0]",
        ),
        *("torch.mode(y, 1)[0]", "torch.mode(y, 1)[1]", "torch.mode(y, 0, True)[0]"),
        *(
            "torch.logcumsumexp(x, 1)",
            "torch.logcumsumexp(300 * y, 0)",
            "torch.logcumsumexp(y, -1)",
        ),
        "torch.masked_scatter(x, y > 1, y)",
        "torch.masked_scatter(x[0], y > 1, torch.flip(y, (0, 1)))",
        "x.masked_scatter(y[:1] > 1, y)",
        *("torch.cat([x, y[0, :0]], 1)", "torch.cat([y[0, :0], y[1, :0], x])"),
        *(
            "torch.gather(y[0, 0], 0, (y[0, :3] * 0).long())",
            "torch.gather(y[0], 0, y[0, 1].long())",
        ),
        "torch.gather(y[0], 0, y[:, :0].long())",
        *("y[0, 0].unfold(0, 1, 1)", "y[0, 0].unfold(0, 0, 2)"),
        "torch.linalg.vecdot(y, x * x)",
        "torch.cumulative_trapezoid(y, dx=0.5)",
        "torch.trapezoid(y, y * y + 1, dim=0)",
        "torch.isclose(y, y + 1e-7, rtol=0, atol=1e-6)",
    ],
)
def test_calls_are_torchs(backend, call):
    """The same call is torch's, on values with NaN and with equal elements."""
    y = TABLE.nan_to_num(2.0)
    wanted = eval(call, {"torch": torch, "x": TABLE, "y": y})
    text = call.replace("y", "where(isnan(x), 2, x)")
    assert_is(text, backend, TABLE, wanted)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("isclose(x, x, rtol=-1)", "rtol is at least 0"),
        ("cov(x, aweights=x[0])", "weights of cov are at least 0"),
        ("masked_scatter(x, x < 9, [1, 2])", "the mask wants 3 elements, and there are 2"),
        ("masked_scatter(x, x, [1, 2])", "a mask is bool"),
        ("mode(x[:, :0])", "there are no 1 elements"),
        ("cat([x[0, :0], x[0, 0]])", "is a scalar"),
        ("unfold(x[0, 0], 0, 2, 1)", "a window of 2 is longer than dimension 0"),
    ],
)
def test_what_torch_refuses(backend, text, message):
    """What torch refuses of these is refused."""
    with pytest.raises(GraphcalcError, match=message):
        value_of(text, backend, {"x": [[1.0, -2.0, 3.0]]})


@pytest.mark.parametrize("backend", BACKENDS)
def test_arange_away_from_its_end(backend):
    """torch refuses a step that leads away from the end, where NumPy has no elements."""
    for ends in ("3, 0", "0, -3, 2", "-1", "0, 3, -2"):
        with pytest.raises(GraphcalcError, match="away from"):
            value_of(f"torch.arange({ends})", backend)
        assert numpy.shape(value_of(f"np.arange({ends})", backend)) == (0,)
    assert value_of("np.arange(5, 1, -1.5)", backend) == numpy.arange(5, 1, -1.5).tolist()
    assert numpy.shape(value_of("arange(2, 2)", backend)) == (0,)
