"""Shapes and positions against NumPy, for generated operands."""

import numpy
import pytest
from agreement import BACKENDS, result, run, shape_of, value_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import shapes

from graphcalc.diagnostics import IndexRangeError, ShapeError

SIZES = shapes(max_rank=4, max_size=4)


def zeros(shape):
    """A tensor of a shape, as text."""
    return f"zeros(({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''}))"


def shape_or_error(text, backend="python", inputs=None):
    """The shape of a program's result, or the error that there is none."""
    try:
        return shape_of(result(run(text, backend, inputs)))
    except (ShapeError, IndexRangeError) as error:
        return type(error)


@settings(max_examples=300)
@given(SIZES, SIZES)
def test_broadcasting_is_numpys(a, b):
    """Two shapes broadcast just as NumPy's, or clash just where NumPy's do."""
    try:
        expected = numpy.broadcast_shapes(a, b)
    except ValueError:
        expected = ShapeError
    assert shape_or_error(f"{zeros(a)} + {zeros(b)}") == expected


@settings(max_examples=100)
@given(SIZES, SIZES, SIZES)
def test_broadcasting_of_three_is_numpys(a, b, c):
    """Three shapes broadcast just as NumPy's."""
    try:
        expected = numpy.broadcast_shapes(a, b, c)
    except ValueError:
        expected = ShapeError
    assert shape_or_error(f"where({zeros(a)}, {zeros(b)}, {zeros(c)})") == expected


def test_a_clash_names_both_operands():
    """A shape error shows both operands' text and shape, the dimensions, and both spans."""
    with pytest.raises(ShapeError) as caught:
        run("W = zeros(3, 4)\nx = zeros(4, 5)\nb = zeros(4)\nh = W @ x + b")
    diagnostic = caught.value.diagnostic
    assert diagnostic.message == "shapes do not broadcast: `W @ x` is (3, 5) but `b` is (4)"
    assert diagnostic.note == "the last dimensions, 5 and 4, differ and neither is 1"
    texts = [label.source.slice(label.span) for label in diagnostic.labels]
    assert texts[:2] == ["W @ x + b", "W @ x"]


@settings(max_examples=300)
@given(SIZES, SIZES)
def test_product_shapes_are_numpys(a, b):
    """`x @ y` has NumPy's shape, or is an error where NumPy's is."""
    try:
        expected = numpy.matmul(numpy.zeros(a), numpy.zeros(b)).shape
    except ValueError:
        expected = ShapeError
    for backend in BACKENDS:
        assert shape_or_error(f"{zeros(a)} @ {zeros(b)}", backend) == expected


def test_a_product_error_names_the_inner_dimensions():
    """Matrices that do not multiply are named with the dimensions that differ."""
    with pytest.raises(ShapeError) as caught:
        run("x = zeros(2, 3); x @ x")
    assert caught.value.diagnostic.note == "the inner dimensions, 3 and 2, differ"


@settings(max_examples=200)
@given(SIZES, st.lists(st.one_of(st.just(-1), st.integers(0, 6)), max_size=3))
def test_reshape_is_numpys(shape, sizes):
    """reshape takes the sizes that NumPy takes, and keeps the elements' order."""
    data = numpy.arange(float(numpy.prod(shape, dtype=int))).reshape(shape)
    try:
        expected = data.reshape(sizes)
    except ValueError:
        expected = None
    comma = "," if len(sizes) == 1 else ""
    count = data.size
    text = f"arange({count}).reshape(({', '.join(map(str, sizes))}{comma}))"
    for backend in BACKENDS:
        if expected is None:
            assert shape_or_error(text, backend) is ShapeError
        else:
            assert shape_or_error(text, backend) == expected.shape
            assert value_of(text, backend) == expected.tolist()


@settings(max_examples=200)
@given(data=st.data(), shape=SIZES, keepdim=st.booleans())
def test_reduction_shapes_are_numpys(data, shape, keepdim):
    """Reductions have NumPy's shape over any dimensions, counted from either end."""
    rank = len(shape)
    dims = data.draw(st.lists(st.integers(-rank - 1, rank), min_size=1, max_size=3))
    try:
        expected = numpy.zeros(shape).sum(axis=tuple(dims), keepdims=keepdim).shape
    except (ValueError, IndexError):
        expected = ShapeError
    # As in torch, a scalar takes the dimensions 0 and -1.
    assume(rank or not set(dims) <= {0, -1})
    flag = str(keepdim).lower()
    text = f"sum({zeros(shape)}, dim=({', '.join(map(str, dims))},), keepdim={flag})"
    for backend in BACKENDS:
        assert shape_or_error(text, backend) == expected


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["max", "min"])
def test_extrema_of_nothing_are_refused(name, backend):
    """There is no largest element among none, unless there is none to choose either."""
    assert shape_or_error(f"{name}(zeros(0, 3))", backend) is ShapeError
    assert shape_or_error(f"{name}(zeros(0, 3), dim=0)", backend) is ShapeError
    assert shape_or_error(f"{name}(zeros(0, 3), dim=1)", backend) == (0,)


@st.composite
def indices(draw):
    """A shape, and an index for it as text and as Python's own."""
    shape = draw(shapes(max_rank=4, max_size=5))
    bound = st.one_of(st.none(), st.integers(-7, 7))
    items = []
    for _ in range(draw(st.integers(0, len(shape)))):
        if draw(st.integers(0, 2)):
            step = draw(st.one_of(st.none(), st.integers(-3, 3).filter(bool)))
            items.append(slice(draw(bound), draw(bound), step))
        else:
            items.append(draw(st.integers(-6, 5)))
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), ...)
    for _ in range(draw(st.integers(0, 2))):
        items.insert(draw(st.integers(0, len(items))), None)
    if not items:
        items = [...]
    return shape, tuple(items)


def written(item):
    """An index item as the language writes it."""
    if isinstance(item, slice):
        parts = ["" if p is None else str(p) for p in (item.start, item.stop)]
        return ":".join(parts) + ("" if item.step is None else f":{item.step}")
    return "..." if item is ... else str(item)


@pytest.mark.slow
@settings(max_examples=500)
@given(indices())
def test_indexing_is_numpys(case):
    """An index chooses the elements that NumPy's does, or is out of range where NumPy's is."""
    shape, items = case
    data = numpy.arange(float(numpy.prod(shape, dtype=int))).reshape(shape)
    comma = "," if len(shape) == 1 else ""
    sizes = f"({', '.join(map(str, shape))}{comma})"
    text = f"arange({data.size}).reshape({sizes})[{', '.join(map(written, items))}]"
    try:
        expected = data[items]
    except IndexError:
        expected = None
    for backend in BACKENDS:
        if expected is None:
            assert shape_or_error(text, backend) is IndexRangeError
        else:
            assert shape_or_error(text, backend) == expected.shape
            assert value_of(text, backend) == expected.tolist()


@pytest.mark.parametrize(
    ("index", "under"),
    [
        ("10", "10"),
        ("-4", "-4"),
        ("1.5", "1.5"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("true", "true"),
        ("0:3:0", "0"),
        ("0:1.5", "1.5"),
        ("0, 0", "x[0, 0]"),
        ("..., ...", "..."),
    ],
)
def test_wrong_indices_are_named(index, under):
    """An index out of range, or no whole number, is an error with the span of the index."""
    with pytest.raises(IndexRangeError) as caught:
        run(f"x = [1, 2, 3]\nx[{index}]")
    label = caught.value.diagnostic.labels[0]
    assert label.source.slice(label.span) == under
    assert caught.value.exit_status == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[1, 2], [3]]", "`[1, 2]` has 2 elements but `[3]` has 1"),
        ("[1, [2]]", "ragged"),
        ("[[1], [[2]]]", "ragged"),
        ("x = [1, 2]; [x, [1, 2, 3]]", "`x` has 2 elements but `[1, 2, 3]` has 3"),
        ("[zeros(2, 2), zeros(2, 3)]", "(2, 2)"),
    ],
)
def test_ragged_tensors_show_both_lengths(text, words):
    """A tensor whose rows differ is an error that shows both rows' lengths."""
    with pytest.raises(ShapeError) as caught:
        run(text)
    assert words in caught.value.diagnostic.message


@pytest.mark.parametrize("text", ["2 @ [1]", "[1] @ 2", "1 @ 2"])
def test_a_scalar_has_no_matrix_product(text):
    """`@` of a scalar says to write `*`."""
    with pytest.raises(ShapeError) as caught:
        run(text)
    assert "`*`" in caught.value.diagnostic.help
