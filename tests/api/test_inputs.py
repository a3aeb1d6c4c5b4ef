"""Values of other packages as inputs of every function of the Python interface."""

import array
import math

import numpy
import polars
import pytest
import torch

import graphcalc as gc

THREE = {
    "tuple": (1.0, 2.0, 3.0),
    "range": range(1, 4),
    "array": array.array("d", [1, 2, 3]),
    "numpy": numpy.array([1.0, 2.0, 3.0]),
    "numpy scalars": [numpy.float64(1), numpy.int64(2), 3.0],
    "torch": torch.tensor([1.0, 2.0, 3.0]),
    "torch with a gradient": torch.tensor([1.0, 2.0, 3.0], requires_grad=True),
    "torch scalars": [torch.tensor(1.0), torch.tensor(2), 3],
    "polars": polars.Series([1, 2, 3]),
    "polars float32": polars.Series([1, 2, 3], dtype=polars.Float32),
    "column": polars.DataFrame({"x": [1, 2, 3]})["x"],
}
ONE = {
    "numpy float64": numpy.float64(3),
    "numpy float32": numpy.float32(3),
    "numpy int64": numpy.int64(3),
    "numpy array": numpy.array(3.0),
    "torch": torch.tensor(3.0),
}


class Series:
    """A column as pandas has it: known by its package, read by `to_numpy`."""

    __module__ = "pandas.core.series"

    def __init__(self, values):
        self.values = values

    def to_numpy(self):
        """The values as NumPy has them."""
        return self.values


@pytest.mark.parametrize("name", THREE)
def test_vectors(name):
    """A vector of any package is one to run, compile, check, check_grad and minimize."""
    x = THREE[name]
    assert list(map(float, gc.run("y = x * 2", x=x)["y"])) == [2, 4, 6]
    assert list(map(float, gc.run("y = x * 2", {"x": x})["y"])) == [2, 4, 6]
    assert list(map(float, gc.compile("y = x * 2")(x=x)["y"])) == [2, 4, 6]
    assert gc.check("y = x * 2", x=x)[-1].shape == (3,)
    assert gc.check_grad("y = sum(x * w)", x=x, w=2.0, grad="y")[-1].is_right
    fit = gc.minimize("l = sum((w - x)^2)", x=x, w=0.5, loss="l", update="w", lr=0.1)
    assert float(fit.found["w"]) == pytest.approx(2)


@pytest.mark.parametrize("name", ONE)
def test_numbers(name):
    """A number of NumPy or torch is one."""
    assert float(gc.run("y = x * 2", x=ONE[name])["y"]) == 6
    assert gc.check("y = x * 2", x=ONE[name])[-1].shape == ()


def test_columns_of_pandas():
    """A pandas column is read by `to_numpy`; texts in it are a column of text."""
    assert list(gc.run("y = x * 2", x=Series(numpy.array([1.5, 2.5])))["y"]) == [3, 5]
    names = Series(numpy.array(["a", "b", "a"], dtype=object))
    assert list(gc.run('y = where(x == "a", 1, 0)', x=names)["y"]) == [1, 0, 1]
    with pytest.raises(gc.DataError, match=r"x\[1\] is `None`"):
        gc.run("y = x * 2", x=Series(numpy.array([1.5, None], dtype=object)))


def test_frames():
    """A frame is a matrix; a column of text is compared; missing values are told."""
    frame = polars.DataFrame({"a": [1, 2], "b": [3.0, None], "s": ["x", "y"]})
    assert gc.run("y = x @ [1]", x=frame.select("a"))["y"].shape == (2,)
    assert list(gc.run('y = where(s == "x", 1, 0)', s=frame["s"])["y"]) == [1, 0]
    with pytest.raises(gc.DataError, match="missing values") as caught:
        gc.run("y = b * 2", b=frame["b"])
    assert "fill_null" in caught.value.diagnostic.help
    filled = gc.run("y = b * 2", b=frame["b"].fill_null(math.nan))["y"]
    assert filled[0] == 6
    assert math.isnan(filled[1])
    with pytest.raises(gc.UsageError, match="given by name") as caught:
        gc.run("y = a * 2", frame)
    assert "table['x']" in caught.value.diagnostic.help


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "is `None`"),
        ({"a": 1}, "is a mapping"),
        ([1, None], r"x\[1\] is `None`"),
        ({1, 2}, "is a set"),
        (1 + 2j, "is a complex"),
        (math.sin, "not a number or a tensor"),
    ],
)
def test_other_values_are_told_in_words(value, words):
    """What is no number is named as people do, not by the names of Python's classes."""
    with pytest.raises(gc.DataError, match=words):
        gc.run("y = x * 2", x=value)


def test_one_name_is_a_list_of_one():
    """Names are a list, or one text, with commas between several."""
    for keep in ("z", ["z"], ("z",), "z, y", {"z"}):
        assert gc.run("z = x * 2; y = z + 1", x=1, keep=keep)["z"] == 2
    for wrt in ("x", ["x"], "x,w"):
        assert gc.run("y = x * w", x=1, w=3, grad="y", wrt=wrt).grad["x"] == 3


def test_columns_are_named_as_in_their_table():
    """A name that is none in a program is that of `col("…")`, in inputs and in results."""
    for name in ("net price", "<b>", "a&b", "2nd", 'x"y', "f(x)"):
        quote = "'" if '"' in name else '"'
        result = gc.run(f"y = col({quote}{name}{quote}) + 1", {name: 2})
        assert (result["y"], result[name], name in result) == (3.0, 2.0, True)
    assert gc.run("y = e\u0301 + 1", {"e\u0301": 2}).value == 3.0
