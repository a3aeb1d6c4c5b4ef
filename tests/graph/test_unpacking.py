"""Tuples in statements: their parts get names, or are the results."""

import pytest

import graphcalc as gc

A = [[2, 1], [1, 3]]


@pytest.mark.parametrize(
    "line", ["g, = A.split(2)", "(g,) = A.split(2)", "[g] = A.split(2)", "g, = [A]", "g, = A,"]
)
def test_one_part_is_unpacked(line):
    """`g, = …` names the only part, in each of Python's spellings."""
    assert gc.run(line, A=A)["g"].tolist() == A


@pytest.mark.parametrize(
    ("line", "words"),
    [("g, = A.split(1)", "1 name for 2 values"), ("g, h = A,", "2 names for 1 value")],
)
def test_other_numbers_of_parts(line, words):
    """More or fewer parts than names are refused."""
    with pytest.raises(gc.ProgramError, match=words):
        gc.run(line, A=A)


@pytest.mark.parametrize("line", ["(p, q) = A.split(1)", "[p, q] = A.split(1)"])
def test_names_in_brackets_are_unpacked(line):
    """Names may stand in brackets on the left."""
    run = gc.run(line, A=A)
    assert (run["p"].tolist(), run["q"].tolist()) == ([[2, 1]], [[1, 3]])


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("A.chunk(2)", [[[2, 1]], [[1, 3]]]),
        ("(A + 1, A - 1)", [[[3, 2], [2, 4]], [[1, 0], [0, 2]]]),
        ("y = (A**2).sum(); torch.autograd.grad(y, A)", [15, [[4, 2], [2, 6]]]),
    ],
)
def test_a_tuple_is_its_parts(line, values):
    """A statement that is a tuple of tensors has its parts as results."""
    run = gc.run(line, A=A, backend="torch")
    assert [run[name].tolist() for name in run.results] == values
