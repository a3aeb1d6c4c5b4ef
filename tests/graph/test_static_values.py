"""Python's lists of static numbers, limits of dtypes, and notes on truths that add up."""

import numpy as np
import pytest
import torch

import graphcalc as gc

X = [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("y = x[range(2), [0, 1]]", [1, 4]),
        ("y = x[list(range(1))]", [[1, 2]]),
        ("y = x.sum(dim=list(range(1, x.ndim)))", [3, 7]),
        ("y = x.sum(tuple(range(x.ndim)))", 10),
        ("y = torch.tensor(range(6, 0, -2))", [6, 4, 2]),
        ("y = list(range(3)) + [5] + [6]", [0, 1, 2, 5, 6]),
        ("y = list(range(2)) * 2", [0, 1, 0, 1]),
        ("y = x.view(list(x.shape) + [1])", [[[1], [2]], [[3], [4]]]),
        ("y = sum(range(4))", 6),
        ("y = torch.stack(list(x.unbind(0)) + [x[0]])", [[1, 2], [3, 4], [1, 2]]),
    ],
)
def test_ranges_and_lists(line, value):
    """`range`, `list` and `tuple` are Python's, as indices, dimensions, shapes and values."""
    inputs = {"x": X} if "x" in line else {}
    found = gc.run(line, inputs, keep=["y"])["y"]
    assert getattr(found, "tolist", lambda: found)() == value


@pytest.mark.parametrize(
    ("program", "k", "expected"),
    [
        ("k * [x]", 3.0, [6.0]),
        ("[x] * k", 2.0, [4.0]),
        ("[x] * k", 2.5, [5.0]),
        ("k * [x]", 1e300, [2e300]),
        ("[x] * 3 + [k]", 1.0, [2.0, 2.0, 2.0, 1.0]),
        ("n = 2; [x] * n + [k, k, k]", 1.0, [2.0, 2.0, 1.0, 1.0, 1.0]),
        ("[x] * 3.0 + k", 1.0, [7.0]),
    ],
)
def test_a_bound_number_repeats_no_list(program, k, expected):
    """What a formula means does not depend on the values of its inputs."""
    *lines, last = program.split("; ")
    found = gc.run("; ".join([*lines, f"y = {last}"]), x=2.0, k=k)
    assert list(found["y"]) == expected


def test_long_ranges_are_refused():
    """A range is bounded before its numbers are made."""
    with pytest.raises(gc.LimitError, match="1,000,000 numbers"):
        gc.run("range(10**12)")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("part", ["min", "max", "eps", "tiny", "smallest_normal"])
def test_limits_of_floats(dtype, part):
    """`torch.finfo` says what torch's does."""
    expected = getattr(torch.finfo(getattr(torch, dtype)), part)
    assert gc.run(f"torch.finfo(torch.{dtype}).{part}").value == expected


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32"])
def test_limits_of_whole_numbers(dtype):
    """`torch.iinfo` says what torch's does."""
    info = torch.iinfo(getattr(torch, dtype))
    run = gc.run(f"a = torch.iinfo(torch.{dtype}).min; b = torch.iinfo(torch.{dtype}).max")
    assert (run["a"], run["b"]) == (info.min, info.max)


@pytest.mark.parametrize("backend", ["python", "torch"])
def test_truths_add_up_with_a_note(backend):
    """`+` of two comparisons counts, which a note says; other sums of truths have none."""
    run = gc.run("y = (x > 1) + (x > 2)", x=X, backend=backend)
    assert run["y"].tolist() == [[0, 1], [2, 2]]
    assert ["truths add up" in note.message for note in run.notes] == [True]
    assert gc.run("y = (x > 1).sum() + (x > 2) * 2", x=X, backend=backend).notes == ()


@pytest.mark.parametrize(
    ("line", "numpy_value"),
    [
        ("np.around(x, 1)", np.around([[0.25, 1.5], [2.35, -0.5]], 1)),
        ("np.rint(x)", np.rint([[0.25, 1.5], [2.35, -0.5]])),
        ("np.fix(x)", np.trunc([[0.25, 1.5], [2.35, -0.5]])),
        ("np.vdot(x, x)", np.vdot([[0.25, 1.5], [2.35, -0.5]], [[0.25, 1.5], [2.35, -0.5]])),
        ("np.identity(2) * x", np.identity(2) * [[0.25, 1.5], [2.35, -0.5]]),
    ],
)
def test_names_of_numpy(line, numpy_value):
    """What NumPy calls by another name than torch."""
    found = gc.run(line, x=[[0.25, 1.5], [2.35, -0.5]]).value
    assert np.array_equal(np.asarray(getattr(found, "tolist", lambda: found)()), numpy_value)


@pytest.mark.parametrize("line", ["x.std(axis=0)", "x.var(axis=0, keepdims=True)"])
def test_numpys_keywords_are_noted(line):
    """A method with a keyword of NumPy's is torch's, and a note says where NumPy's differs."""
    run = gc.run(line, x=X)
    assert ["divides by n - 1" in note.message for note in run.notes] == [True]
    assert gc.run(line.replace("axis", "dim").replace("dims", "dim"), x=X).notes == ()
