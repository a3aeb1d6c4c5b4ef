"""The gradients of the elementwise rows against torch.autograd, on their domains and at kinks."""

import itertools

import mpmath
import pytest
import torch
from agreement import elements
from backward import twins
from functions import assert_near
from gradients import (
    assert_gradients,
    autograd,
    case,
    computed,
    formulas,
    gradient_graph,
    kernel_of,
    operand_names,
)

from graphcalc.ops import shapes
from graphcalc.ops.spec import NONE, TENSORS, ZERO, Type, parameters
from graphcalc.ops.table import OPS

ROWS = [op.name for op in OPS.values() if op.kind == "elementwise"]
# Where the row's own torch kernel is none that torch can differentiate: a twin that it can.
TWINS = twins()
# Constant between their jumps; torch has no derivative of these.
STEPS = {"floor_divide", "heaviside"}
# torch's own derivative has nine digits; mpmath's has all.
BY_MPMATH = {"digamma": 0, "polygamma": 2}
NUMBERS = [
    name
    for name in ROWS
    if OPS[name].type is not shapes.predicate
    and OPS[name].type is not shapes.bitwise
    and name not in STEPS
    and name not in BY_MPMATH
]
# Divisors and bounds that keep away from poles and from a mantissa's end.
DOMAINS = {"gamma": (0.1, 6), "lgamma": (0.1, 50), "pow": (0.1, 4), "xlogy": (0.1, 9)}


def operands(name, count, sizes, seed):
    """Random operands on a row's domain, of sizes that broadcast."""
    make = torch.Generator().manual_seed(seed)
    low, high = DOMAINS.get(name, OPS[name].domain)
    low, high = max(low, -5.0) + 1e-3, min(high, 5.0) - 1e-3
    return [
        low + (high - low) * torch.rand(sizes[i % len(sizes)], generator=make, dtype=torch.float64)
        for i in range(count)
    ]


def arity(name):
    return sum(p.kind in TENSORS for p in parameters(OPS[name]))


@pytest.mark.parametrize("name", NUMBERS)
def test_gradients_are_torchs_on_the_domain(name):
    """At random numbers of its domain, broadcast too, a row's gradients are torch.autograd's."""
    for seed, sizes in enumerate([[()], [(5,)], [(4, 5), (5,), (4, 1)], [(3,), ()], [(0,)]]):
        found = case(OPS[name], operands(name, arity(name), sizes, seed))
        compared = assert_gradients(found, TWINS.get(name))
        texts = formulas(OPS[name], found.types, found.params)
        assert compared == 2 * sum(text not in (ZERO, NONE) for text in texts)


KINKS = {
    "abs": [[0.0, -0.0, 1.0]],
    "relu": [[0.0, -0.0, 1.0, -1.0]],
    "sign": [[0.0, 2.0]],
    "minimum": [[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]],
    "maximum": [[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]],
    "fmin": [[1.0, 2.0, 3.0, torch.nan, 1.0], [1.0, 3.0, 2.0, 1.0, torch.nan]],
    "fmax": [[1.0, 2.0, 3.0, torch.nan, 1.0], [1.0, 3.0, 2.0, 1.0, torch.nan]],
    "clamp": [
        [0.0, 1.0, 2.0, -1.0, 0.5, 1.0, 2.0, 0.0, 0.5, torch.nan, 1.0, 2.0, 1.0, -1.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, torch.nan, torch.nan, 1.0, 0.0],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, torch.nan, torch.nan],
    ],
    "pow": [[0.0, 0.0, 2.0, -2.0, 1.0], [2.0, 1.0, 0.0, 3.0, 5.0]],
    "where": [[0.0, 1.0, 0.0], [torch.inf, 1.0, 2.0], [1.0, 2.0, 3.0]],
    "atan2": [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    "xlogy": [[0.0, 0.0, 2.0], [2.0, 0.0, 3.0]],
    "sinc": [[0.0, 1.0, -2.0, 0.25]],
    "hypot": [[3.0, 0.0], [4.0, 2.0]],
    "floor": [[0.0, 1.5, -2.0]],
    "round": [[0.5, 1.5]],
    "copysign": [[1.0, -2.0], [-1.0, 3.0]],
    "nan_to_num": [[torch.nan, torch.inf, -torch.inf, 1.0]],
    "lerp": [[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]],
}


@pytest.mark.parametrize("name", KINKS)
def test_gradients_are_torchs_at_kinks(name):
    """At ties, zeros and edges a row's gradients follow torch's conventions."""
    given = [torch.tensor(column, dtype=torch.float64) for column in KINKS[name]]
    if name == "nan_to_num":
        given += [torch.tensor(v, dtype=torch.float64) for v in (0.0, 9.0, -9.0)]
        graph, results = gradient_graph(case(OPS[name], given))
        g = torch.ones(4, dtype=torch.float64)
        inputs = dict(zip(operand_names(OPS[name], 4), given))
        values = computed(graph, {**inputs, "g": g}, {results[0]}, "torch")
        assert values[results[0]].tolist() == [0, 0, 0, 1]
        return
    compared = assert_gradients(case(OPS[name], given), TWINS.get(name))
    assert compared or set(formulas(OPS[name], (Type((), "float64"),) * arity(name), ())) == {ZERO}


EDGES = (0.0, -0.0, 1.0, -1.0, 3.0, 1e10, 1e-200, 1e200, torch.inf, -torch.inf, torch.nan)


@pytest.mark.parametrize("g", [1.0, 0.0, torch.inf])
@pytest.mark.parametrize(
    "name", ["relu", "minimum", "maximum", "fmin", "fmax", "logaddexp", "xlogy"]
)
def test_gradients_are_torchs_at_edges(name, g):
    """No infinite operand or gradient makes a nan that torch does not have."""
    columns = zip(*itertools.product(EDGES, repeat=arity(name)))
    found = case(OPS[name], [torch.tensor(column, dtype=torch.float64) for column in columns])
    g = torch.full_like(found.operands[0], g)
    graph, results = gradient_graph(found)
    inputs = {**dict(zip(operand_names(OPS[name], arity(name)), found.operands)), "g": g}
    wanted = autograd(found, g, TWINS.get(name) or kernel_of(found))
    for backend in ("python", "torch"):
        values = computed(graph, inputs, set(results), backend)
        for result, torchs in zip(results, wanted):
            where = f"{found} of {g[0]} on {backend}"
            # One by one: next to 1e200, anything would be near.
            for x, y in zip(elements(values[result]), elements(torchs), strict=True):
                assert_near([x], [y], where, scale=0.0, relative=1e-10)


@pytest.mark.parametrize("name", sorted(BY_MPMATH))
def test_gradients_of_polygammas_are_exact(name):
    """The derivatives of digamma and its derivatives are mpmath's to 1e-12."""
    order = BY_MPMATH[name]
    x = torch.tensor([0.1, 0.7, 1.5, 3.0, 40.0, -0.3, -2.6], dtype=torch.float64)
    params = (order,) if name == "polygamma" else ()
    graph, (result,) = gradient_graph(case(OPS[name], [x], params))
    for backend in ("python", "torch"):
        inputs = {"x": x, "g": torch.ones_like(x)}
        found = computed(graph, inputs, {result}, backend)[result].tolist()
        wanted = [float(mpmath.psi(order + 1, mpmath.mpf(v))) for v in x.tolist()]
        assert_near(found, wanted, name, scale=0.0, relative=1e-12)


@pytest.mark.parametrize("name", ROWS)
def test_what_has_no_gradient_says_so(name):
    """A row of truths or whole numbers has NONE, a step ZERO, and others a formula."""
    op = OPS[name]
    types = (Type((), "float64"),) * arity(name)
    texts = formulas(op, types, (1,) * (len(parameters(op)) - arity(name)))
    assert len(texts) == arity(name)
    if op.type in (shapes.predicate, shapes.bitwise):
        assert set(texts) == {NONE}
    elif name in STEPS:
        assert set(texts) == {ZERO}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("exp", ("g",)), ("mul", ("g * x", "g * y")), ("relu", ("g",)), ("tanh", ("g * (1 - out)",))],
)
def test_a_wrong_gradient_is_found(monkeypatch, name, wrong):
    """A formula that gives another value does not pass."""
    monkeypatch.setitem(OPS, name, OPS[name]._replace(vjp=wrong))
    given = operands(name, arity(name), [(5,)], 3)
    with pytest.raises(AssertionError):
        assert_gradients(case(OPS[name], given))
