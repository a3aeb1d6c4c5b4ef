"""`max` and `min` over rows: of two values the larger or smaller in each row, of one a total."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_engines import column, on_engines, run_rows

import graphcalc as gc

# Programs over the columns a and b, and what they are in each row.
PER_ROW = {
    "z = max(a, 0)": lambda a, b: max(a, 0.0),
    "z = min(a, 1)": lambda a, b: min(a, 1.0),
    "z = max(a*1, 5)": lambda a, b: max(a, 5.0),
    "z = max(a, -1)": lambda a, b: max(a, -1.0),
    "z = max(0, a)": lambda a, b: max(0.0, a),
    "z = max(a, b)": lambda a, b: max(a, b),
    "z = min(a - b, 2)": lambda a, b: min(a - b, 2.0),
    "z = a.max(0)": lambda a, b: max(a, 0.0),
    "z = torch.max(a, 0)": lambda a, b: max(a, 0.0),
    "z = maximum(a, 0)": lambda a, b: max(a, 0.0),
    "f(x) = max(x, 0); z = f(a) + f(b) + f(a*b) + f(a - b)": (
        lambda a, b: max(a, 0) + max(b, 0) + max(a * b, 0) + max(a - b, 0)
    ),
    "z = min(max(a, -1), 1)": lambda a, b: min(max(a, -1.0), 1.0),
}
NUMBERS = st.sampled_from([-3.0, -1.0, 0.5, 1.0, 2.0, 7.25])


@pytest.mark.parametrize("program", PER_ROW)
@settings(max_examples=4, deadline=None)
@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30))
def test_two_values_are_compared_in_each_row(program, rows, tmp_path_factory):
    """A column is a scalar in each row, so that a second number is a value and no dimension."""
    path = tmp_path_factory.mktemp("pairs") / "t.csv"
    path.write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in rows))
    found = list(map(float, column(on_engines(program, path, only=True), "z")))
    assert found == pytest.approx([PER_ROW[program](a, b) for a, b in rows])


@pytest.mark.parametrize(
    "program", ["z = max(a)", "z = a.max()", "z = max(a, dim=0)", "z = amax(a, 0)"]
)
def test_one_value_is_a_total(program, tmp_path):
    """Of one column, or with `dim=`, the largest of all rows is meant."""
    path = tmp_path / "t.csv"
    path.write_text("a\n-1\n3\n2\n")
    assert on_engines(program, path)[0] == "z\n3\n"


def test_both_in_one_program(tmp_path):
    """A total and a value of each row stand side by side."""
    path = tmp_path / "t.csv"
    path.write_text("a\n-1\n3\n")
    assert on_engines("z = max(a, 0) / max(a)", path)[0] == "a,z\n-1,0\n3,1\n"


def test_a_bound_tensor_has_dimensions(tmp_path):
    """Of a tensor beside the rows, and of columns as tensors, a whole number is a dimension."""
    assert gc.run("max(x, 0)", x=[-1, 3]).value == 3
    path = tmp_path / "t.csv"
    path.write_text("a\n-1\n3\n")
    assert run_rows("w = [1, 4]; z = a * max(w, 0)", path)[0] == "a,z\n-1,-4\n3,12\n"


def test_nan_wins(tmp_path):
    """As in torch, NaN in either makes NaN."""
    path = tmp_path / "t.csv"
    path.write_text("a\nnan\n-1\n")
    found = column(on_engines("z = max(a, 0)", path), "z")
    assert math.isnan(float(found[0]))
    assert found[1] == "0"
