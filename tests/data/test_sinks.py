"""Large results that go to files while they are computed, beside what else is wanted of them."""

import json

import numpy
import pytest
from running import graphcalc

X = numpy.linspace(-1, 1, 200_000)


@pytest.fixture
def folder(tmp_path):
    """A folder with a large array."""
    numpy.save(tmp_path / "x.npy", X)
    return tmp_path


def calculate(folder, *arguments):
    """A run on torch that ends well."""
    done = graphcalc(*arguments, f"x=@{folder}/x.npy", "--backend", "torch")
    assert (done.status, done.complaint) == (0, "")
    return done.text


@pytest.mark.slow
def test_printed_and_saved(folder):
    """A value that is printed whole is saved too."""
    text = calculate(folder, "y = x * 2", "-q", "--save", f"{folder}/y.npy")
    assert json.loads(text) == (X * 2).tolist()
    assert numpy.array_equal(numpy.load(folder / "y.npy"), X * 2)
    again = calculate(folder, "y = x * 2", "--format", "json", "--save", f"y={folder}/y.npy")
    (node,) = [n for n in json.loads(again)["nodes"] if n["name"] == "y"]
    assert node["value"] == (X * 2).tolist()


def test_saved_in_two_formats(folder):
    """One value goes to a file in parts and to another whole."""
    calculate(folder, "y = x * 2", "--save", f"y={folder}/y.npy", "--save", f"y={folder}/y.npz")
    assert numpy.array_equal(numpy.load(folder / "y.npy"), X * 2)
    assert numpy.array_equal(numpy.load(folder / "y.npz")["y"], X * 2)


def test_saved_and_read_again(folder):
    """What is saved while it is computed is there for the nodes that read it."""
    saves = ["--save", f"y={folder}/y.npy", "--save", f"s={folder}/s.npy"]
    table = calculate(folder, "y = x * 3; s = y - mean(y); c = cumsum(y, 0)", *saves)
    assert "cumsum(y" in table
    y = X * 3
    assert numpy.array_equal(numpy.load(folder / "y.npy"), y)
    numpy.testing.assert_allclose(numpy.load(folder / "s.npy"), y - y.mean(), atol=1e-15)
