"""Whole generated programs on every backend."""

import math

import pytest
from agreement import assert_agree, elements, result, run, shape_of
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import broadcast, partners, programs, shapes, special_numbers, tensors

from graphcalc.graph.verify import verify


def names_of(outcome):
    return [node.name for node in outcome.graph if node.name is not None]


@pytest.mark.slow
@settings(max_examples=300)
@given(programs())
def test_programs_agree(program):
    """A program of exact operations gives the same bits in every one of its nodes."""
    text, inputs = program
    first = run(text, "python", inputs)
    verify(first.graph)
    keep = names_of(first)
    left, right = (run(text, b, inputs, keep=keep) for b in ("python", "torch"))
    assert_agree(right, left, where=f"{text}\n{inputs}\n")


@settings(max_examples=60)
@given(programs())
def test_runs_repeat(program):
    """The same program on the same inputs gives the same graph and the same trace."""
    text, inputs = program
    first, second = (run(text, "python", inputs) for _ in range(2))
    assert [str(r[:3]) + repr(r.value) for r in first.trace] == [
        str(r[:3]) + repr(r.value) for r in second.trace
    ]


@settings(max_examples=100)
@given(data=st.data(), shape=shapes(max_rank=3, max_size=5, min_size=1))
def test_broadcast_arithmetic_agrees(data, shape):
    """Operands of any shapes that broadcast give the same bits under + - * / and sqrt."""
    others = data.draw(partners(shape))
    x = data.draw(tensors(shape, special_numbers()))
    y = data.draw(tensors(others, special_numbers()))
    for text in ("x + y", "y - x", "x * y", "x / y", "y / x", "sqrt(x) + sqrt(y)"):
        left, right = (run(text, b, {"x": x, "y": y}) for b in ("python", "torch"))
        assert_agree(right, left, where=f"{text} {x} {y}")
        assert shape_of(result(left)) == broadcast(shape, others)


@st.composite
def products(draw):
    """Shapes that torch.matmul takes."""
    n, k, m = (draw(st.integers(1, 5)) for _ in range(3))
    batch = draw(shapes(max_rank=2, max_size=3, min_size=1))
    left = draw(st.sampled_from([(k,), (n, k), (*batch, n, k)]))
    other = draw(partners(batch))
    right = draw(st.sampled_from([(k,), (k, m), (*other, k, m)]))
    return left, right


@settings(max_examples=150)
@given(data=st.data(), pair=products())
def test_products_agree(data, pair):
    """Matrix products of any ranks agree to 1e-12 of the sum of magnitudes."""
    numbers = st.floats(-100, 100)
    x, y = (data.draw(tensors(shape, numbers)) for shape in pair)
    text = "x @ y; abs(x) @ abs(y)"
    left, right = (run(text, b, {"x": x, "y": y}) for b in ("python", "torch"))
    product, bound = left.graph.results
    assert shape_of(left.values[product]) == shape_of(right.values[product])
    columns = [elements(o.values[p]) for p in (product, bound) for o in (left, right)]
    for a, b, scale, _ in zip(*columns):
        assert abs(a - b) <= 1e-12 * scale + 1e-300


@settings(max_examples=150)
@given(
    data=st.data(),
    shape=shapes(max_rank=3, max_size=4, min_size=1),
    name=st.sampled_from(("sum", "mean", "prod", "max", "min")),
    keepdim=st.booleans(),
)
def test_reductions_agree(data, shape, name, keepdim):
    """Reductions over any dimensions agree to 1e-12 of the sum of magnitudes."""
    rank = len(shape)
    chosen = st.lists(st.integers(0, rank - 1), unique=True, min_size=1) if rank else st.just([0])
    dims = data.draw(st.one_of(st.none(), chosen))
    signs = [d - rank if rank and data.draw(st.booleans()) else d for d in dims or ()]
    over = f", dim=({', '.join(map(str, signs))},)" if dims else ""
    x = data.draw(tensors(shape, st.floats(-10, 10)))
    text = f"{name}(x{over}, keepdim={str(keepdim).lower()})"
    left, right = (run(text, b, {"x": x}) for b in ("python", "torch"))
    assert shape_of(result(left)) == shape_of(result(right))
    scale = result(run("sum(abs(x))", "python", {"x": x}))
    if name == "prod":
        scale = result(run("prod(maximum(abs(x), 1))", "python", {"x": x}))
    for a, b in zip(elements(result(left)), elements(result(right))):
        assert abs(a - b) <= (0 if name in ("max", "min") else 1e-12 * scale + 1e-300)
    assert math.isfinite(scale)
