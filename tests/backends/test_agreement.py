"""Every row of the op table on every backend, with shapes and numbers that the row takes."""

import functools
import itertools
import math
import random
import re

import pytest
from agreement import (
    assert_close,
    assert_same_everywhere,
    assert_typed,
    elements,
    flatten,
    result,
    run,
    shape_of,
    ulps,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import special_numbers

from graphcalc.diagnostics import CallError, ShapeError
from graphcalc.ops import shapes
from graphcalc.ops.kernels.torch import function_of
from graphcalc.ops.spec import parameters
from graphcalc.ops.table import CONSTANTS, INTERNAL, OPS

inf, nan = math.inf, math.nan
SPECIAL = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.0, 2.5, -2.5, 3.0, -3.0, 0.1, -0.1, math.pi, 7.0),
    *(inf, -inf, nan, 5e-324, -5e-324, 1e-310, 2.2250738585072014e-308, 1e-300, 1e-17, 1e-8),
    *(1.7976931348623157e308, -1.7976931348623157e308, 1e16, 9007199254740993.0, 1e22, 1e300),
    *(4503599627370497.5, 709.9, 710.0, 745.2, -746.0, 1023.5, -1074.0, 171.7, -171.5, 1e-160),
)
# Which of 0 and -0 is the smaller one is open, as in C99.
ZEROS_EQUAL = {"minimum", "maximum", "fmin", "fmax", "clamp", "hardtanh", "max", "min"}
# Below 0, where these have a zero between any two poles, the tolerance is of their scale.
BELOW_ZERO = {"lgamma": 1e-11, "digamma": 1e-11}
# Static arguments that a call starts with.
FIRST = {"polygamma": ("2",)}
ROWS = [op.name for op in OPS.values() if op.kind == "elementwise" and op.name not in INTERNAL]
REDUCTIONS = [op.name for op in OPS.values() if op.kind == "reduction" and op.name not in INTERNAL]


def tensor(shape, numbers):
    """Nested lists of a shape, filled from an endless iterator; an empty one's shape itself."""
    if not shape:
        return next(numbers)
    if 0 in shape:
        return shape
    return [tensor(shape[1:], numbers) for _ in range(shape[0])]


def operands_of(name):
    names = [p.name for p in parameters(OPS[name]) if p.kind == "tensor"]
    return [f"{n}_" if n in CONSTANTS else n for n in names]


def call_of(name, operands):
    return f"{name}({', '.join((*FIRST.get(name, ()), *operands))})"


def is_bool_only(name):
    return OPS[name].type is shapes.bitwise


def as_text(name, given):
    """Statements that bind empty tensors, whose sizes nested lists do not say."""
    lines = []
    for operand, value in given.items():
        if isinstance(value, tuple):
            made = f"zeros({', '.join(map(str, value))})"
            lines.append(f"{operand} = {made} > 0" if is_bool_only(name) else f"{operand} = {made}")
    return "".join(f"{line}; " for line in lines)


def assert_row_agrees(name, given):
    """A call of the row on these inputs agrees, as exactly as the row says."""
    op = OPS[name]
    text = f"{as_text(name, given)}{call_of(name, operands_of(name))}"
    inputs = {n: v for n, v in given.items() if not isinstance(v, tuple)}
    outcomes = [run(text, backend, inputs) for backend in ("python", "torch")]
    for outcome in outcomes:
        assert_typed(outcome)
    left, right = map(result, outcomes)
    assert shape_of(left) == shape_of(right)
    first = next((v for v in inputs.values() if isinstance(v, list)), [])
    for place, (x, y) in enumerate(zip(elements(left), elements(right))):
        assert type(x) is type(y)
        if type(x) is not float:
            assert x is y, f"{text}: {x} and {y} of {inputs}"
            continue
        if name in ZEROS_EQUAL and x == y == 0:
            continue
        assert (x != x, math.isinf(x)) == (y != y, math.isinf(y)), f"{text}: {x!r} and {y!r}"
        if name in BELOW_ZERO and first and _flat(first)[place] < 0:
            assert x == y or x != x or abs(x - y) <= BELOW_ZERO[name] * max(abs(x), 1e-3)
            continue
        apart = ulps(x, y)
        assert apart <= op.tolerance, f"{text}: {x!r} and {y!r}, {apart} ulp, of {inputs}"


@pytest.mark.parametrize("name", sorted(o for o in INTERNAL if OPS[o].kind == "elementwise"))
def test_inner_row_agrees(name):
    """A row that only the prelude calls agrees in its kernels, special numbers included."""
    import torch

    op = OPS[name]
    numbers = [*SPECIAL, *(random.Random(name).uniform(*op.domain) for _ in range(500))]
    found = function_of(torch, op)(torch.tensor(numbers, dtype=torch.float64)).tolist()
    for x, value in zip(numbers, found):
        assert_close(float(op.python(x)), value, op.tolerance, f"{name}({x!r})")


@pytest.mark.parametrize("name", ROWS)
def test_row_agrees_at_special_numbers(name):
    """At zeros, infinities, nan, denormals and huge numbers, backends give the same."""
    names = operands_of(name)
    values = (False, True) if is_bool_only(name) else SPECIAL
    pool = list(itertools.product(values, repeat=len(names)))
    random.Random(name).shuffle(pool)
    assert_row_agrees(name, {n: list(c) for n, c in zip(names, zip(*pool[:2500]))})


@pytest.mark.parametrize("name", ROWS)
def test_row_agrees_on_its_domain(name):
    """On 2,000 numbers of its domain and 1,000 of any magnitude, backends agree."""
    rng, (low, high) = random.Random(name), OPS[name].domain
    names = operands_of(name)
    if is_bool_only(name):
        columns = [[rng.random() < 0.5 for _ in range(100)] for _ in names]
    else:
        columns = [
            [rng.uniform(low, high) for _ in range(2000)]
            + [math.ldexp(rng.uniform(-1, 1), rng.randint(-1070, 1023)) for _ in range(1000)]
            for _ in names
        ]
    assert_row_agrees(name, dict(zip(names, columns)))


SHAPES = [
    ((), (), ()),
    ((1,), (1,), (1,)),
    ((5,), (5,), (5,)),
    ((5,), (), (1,)),
    ((), (5,), ()),
    ((2, 1), (1, 3), (3,)),
    ((4, 3), (3,), (4, 1)),
    ((0,), (0,), (0,)),
    ((0, 3), (3,), (1, 1)),
    ((0,), (1,), ()),
    ((2, 0, 3), (1, 1, 3), (1,)),
    ((2, 3, 4), (2, 3, 4), (2, 3, 4)),
    ((2, 3, 4), (3, 1), (2, 1, 1)),
    ((17, 1), (1, 9), (17, 9)),
    ((2, 1, 3, 2), (1, 4, 1, 2), (3, 1)),
    ((2, 0, 3, 2), (1, 1, 3, 1), (2,)),
]


@pytest.mark.parametrize("name", ROWS)
def test_row_agrees_on_shapes(name):
    """Scalars, vectors, empty, broadcast, 3-d and 4-d tensors go through every elementwise row."""
    names = operands_of(name)
    pool = (False, True) if is_bool_only(name) else SPECIAL
    for sizes in SHAPES:
        rng = random.Random(f"{name} {sizes}")
        numbers = iter(functools.partial(rng.choice, pool), None)
        inputs = {n: tensor(shape, numbers) for n, shape in zip(names, (*sizes, ()))}
        assert_row_agrees(name, inputs)


@pytest.mark.parametrize("name", ROWS)
def test_row_agrees_on_views(name):
    """Transposed and strided operands give what contiguous ones do."""
    names = operands_of(name)
    rng = random.Random(name)
    pool = (False, True) if is_bool_only(name) else SPECIAL
    numbers = iter(lambda: rng.choice(pool), None)
    inputs = {n: tensor((6, 5), numbers) for n in names}
    views = "; ".join(f"{n}2 = {n}.T[::2, ::-1]" for n in names)
    call = call_of(name, [f"{n}2" for n in names])
    left, right = (result(run(f"{views}; {call}", b, inputs)) for b in ("python", "torch"))
    assert shape_of(left) == shape_of(right) == (3, 6)
    for x, y in zip(elements(left), elements(right)):
        equal_zeros = name in ZEROS_EQUAL and x == y == 0
        is_near = name in BELOW_ZERO and abs(x - y) <= BELOW_ZERO[name] * max(abs(x), 1e-3)
        assert equal_zeros or is_near or ulps(float(x), float(y)) <= OPS[name].tolerance


def magnitude(name, group):
    """How large the terms of a reduction are, for its rounding errors."""
    finite = [abs(x) for x in group if math.isfinite(x)]
    if name == "sum":
        return math.fsum(finite)
    if name == "mean":
        return math.fsum(finite) / max(len(group), 1)
    return math.prod(finite) if name == "prod" else 0.0


DIMS = ["", "dim=0", "dim=-1", "dim=1, keepdim=true", "dim=(0, -1)", "dim=(0, 1), keepdim=true"]
SIZES = [(), (5,), (3, 4), (1, 5), (2, 3, 4), (2, 1, 3, 2), (7, 1), (1, 1), (3, 0), (0, 3)]


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction_agrees(name):
    """Over any dimensions, reductions agree to 1e-12 of the sum of magnitudes, or both refuse."""
    accepted = [assert_reduction_agrees(name, *case) for case in itertools.product(DIMS, SIZES)]
    assert sum(accepted) >= 3 * len(SIZES)


def assert_reduction_agrees(name, dims, shape):
    """A reduction of a tensor agrees; whether it is one that the row takes."""
    rng = random.Random(f"{name} {dims} {shape}")
    numbers = iter(lambda: rng.uniform(-2, 2), None)
    given = {"x": tensor(shape, numbers)}
    inputs = {n: v for n, v in given.items() if 0 not in shape}
    text = f"{as_text(name, given)}{name}(x{', ' + dims if dims else ''})"
    found = []
    for backend in ("python", "torch"):
        try:
            found.append(run(text, backend, inputs))
        except (ShapeError, CallError) as error:
            found.append(error.diagnostic.message)
    if str in map(type, found):
        assert found[0] == found[1], f"{text} of {shape}"
        return False
    for outcome in found:
        assert_typed(outcome)
    left, right = map(result, found)
    assert shape_of(left) == shape_of(right)
    terms = _flat(inputs["x"]) if inputs else []
    bound = 1e-12 * max(math.fsum(map(abs, terms)), 1.0)
    for x, y in zip(elements(left), elements(right)):
        assert type(x) is type(y)
        assert abs(x - y) <= bound or (x != x and y != y), f"{text} of {shape}"
        if OPS[name].type is shapes.extremum:
            assert x == y, f"{text} of {shape}"
    return True


def _flat(nested):
    return flatten(nested)


@pytest.mark.parametrize("name", REDUCTIONS)
@settings(max_examples=80)
@given(numbers=st.lists(special_numbers(), min_size=1, max_size=6))
def test_reduction_agrees_at_special_numbers(name, numbers):
    """Infinities, nan and zeros go through reductions alike."""
    left, right = (result(run(f"{name}(x)", b, {"x": numbers})) for b in ("python", "torch"))
    (x,), (y,) = elements(left), elements(right)
    finite = [v for v in numbers if math.isfinite(v)]
    # Where the order of operations decides whether they overflow, or vanish on the way.
    is_sum = OPS[name].type is shapes.reduction
    assume(not is_sum or math.fsum(abs(v) / 8 for v in finite) <= 2e307)
    assume(name != "prod" or not _may_round_away(numbers))
    assert (x != x, math.isinf(x)) == (y != y, math.isinf(y)), f"{name}({numbers}): {x} and {y}"
    if math.isfinite(x):
        assert abs(x - y) <= 1e-12 * max(magnitude(name, numbers), abs(x))
    elif x == x:
        assert x == y


def _may_round_away(numbers):
    logs = [math.log2(abs(v)) for v in numbers if v and math.isfinite(v)]
    high = sum(v for v in logs if v > 0)
    low = sum(v for v in logs if v < 0)
    return high > 1000 or low < -1000


ARRAYS = {
    "matmul": ["x @ y.T", "x.T @ y[:, 0]", "x[0] @ y[1]", "x @ y[2]", "x[1] @ y.T", "z @ z[0].T"],
    "T": ["x.T", "z.T", "x[0].T", "x[0, 0].T"],
    "reshape": ["reshape(x, 4, 3)", "x.reshape((2, 6))", "z.view(-1)", "x.T.reshape(2, -1)"],
    "index": ["x[1]", "x[-1, ::2]", "z[..., 0]", "z[None, :, 1]", "x[::-1, 1:3]", "x[5:]"],
    "tensor": ["[x[0], y[1]]", "[x, y]", "[x[0, 0], 1, true]", "[[x[0,0], 1], [2, 3]]", "[]"],
    "zeros": ["zeros(2, 3)", "zeros((4,))", "zeros(0, 2)", "zeros(())"],
    "ones": ["ones(2, 3)", "ones((2, 2))"],
    "full": ["full((2, 3), 7)", "full((2,), x[0, 0])", "full((0, 2), 1)", "full((2,), true)"],
    "eye": ["eye(3)", "eye(2, 4)", "eye(4, 2)", "eye(0)"],
    "arange": ["arange(5)", "arange(2, 9, 3)", "arange(0, 1, 0.1)", "arange(3, 0, -0.7)"],
    "linspace": ["linspace(0, 1, 7)", "linspace(-3, 3, 1)", "linspace(1, 2, 0)"],
    "rand": ["rand(3, 4)", "rand(0)", "rand(())", "rand(2, 3, 4) + rand(2, 3, 4)"],
    "randn": ["randn(3, 4)", "randn(0)", "randn(())", "randn(5) * rand(5)"],
}
CALLS = [(name, text) for name, texts in ARRAYS.items() for text in texts if name in OPS]


@pytest.mark.parametrize(("name", "text"), CALLS)
def test_array_row_agrees(name, text):
    """Rows that move elements or make tensors give the same bits, products nearly the same."""
    rng = random.Random(text)
    numbers = iter(lambda: rng.uniform(-2, 2), None)
    sizes = {"x": (3, 4), "y": (3, 4), "z": (2, 3, 3)}
    names = set(re.findall(r"\b[xyz]\b", text))
    used = {n: tensor(sizes[n], numbers) for n in sorted(names)}
    left, right = (run(text, b, used) for b in ("python", "torch"))
    assert_typed(left)
    assert_typed(right)
    for x, y in zip(elements(result(left)), elements(result(right))):
        assert type(x) is type(y)
        assert ulps(float(x), float(y)) == 0 or (name == "matmul" and abs(x - y) <= 2e-14)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**63 - 1), rows=st.integers(0, 6), columns=st.integers(0, 6))
def test_random_numbers_agree(seed, rows, columns):
    """rand and randn give the same bits on every backend for every seed and shape."""
    size = f"{rows}, {columns}"
    text = f"a = rand({size}); b = randn({size}); c = rand({columns}); a - b; c"
    left, right = assert_same_everywhere(text, seed=seed, keep=("a", "b", "c"))
    assert {n.op.name for n in left.graph} >= {"rand", "randn"}
    assert left.graph.names == right.graph.names


def test_random_numbers_depend_on_the_seed_and_the_node():
    """Two calls are two nodes with other numbers, and another seed gives other ones again."""
    first = run("a = rand(4); b = rand(4); a; b", keep=("a", "b"))
    again = run("a = rand(4); b = rand(4); a; b", keep=("a", "b"))
    other = run("a = rand(4); b = rand(4); a; b", keep=("a", "b"), seed=1)
    data = [[elements(o.values[o.graph.names[n]]) for n in "ab"] for o in (first, again, other)]
    assert data[0] == data[1]
    assert data[0][0] != data[0][1]
    assert data[0][0] != data[2][0]
