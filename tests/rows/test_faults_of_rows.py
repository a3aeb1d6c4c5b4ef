"""Faults that rows had: one test for each kind."""

import json
import math

import polars as pl
import pytest
from row_engines import on_engines
from running import graphcalc

NAMES = {
    "y = a + col(2)": lambda a, b: a + b,
    "y = b + col(2)*b": lambda a, b: b + b * b,
    "y = col(1) + a + col(1)*b": lambda a, b: 2 * a + a * b,
    "y = a - mean(col(1)) + col(2) - col(2)": lambda a, b: a - 3,
}


@pytest.mark.parametrize("program", NAMES)
def test_one_column_by_several_names(program, tmp_path):
    """A column that a program reads by its name and by its place is one column, on all engines."""
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,3\n3,5\n5,7\n")
    found = on_engines(program, path, only=True)
    expected = [str(NAMES[program](a, b)) for a, b in [(1, 3), (3, 5), (5, 7)]]
    assert found[0].split()[1:] == expected


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"a\n\xd8\n\x001\n", 2), (b"a\n1\n\x002\n\xd8\n", 3), ("a\n1\n".encode("utf-16-le"), 0)],
)
@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_bytes_that_are_no_text(data, line, on_error):
    """The first byte that is no text is told by its line, whatever follows."""
    done = graphcalc("z = 1", "--rows", "-", "--on-error", on_error, stdin=data)
    assert done.status == 4
    assert f"<stdin>:{line}:1" in done.complaint or "looks like UTF-16" in done.complaint


@pytest.mark.parametrize("dtype", [pl.Float16, pl.Float32, pl.Float64])
@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_narrow_floats_as_text(dtype, ending, tmp_path):
    """NaN and infinity of every float are null in JSON, with their kind, and words in CSV."""
    values = [1.0, 0.1, math.nan, math.inf, -math.inf, None]
    frame = pl.DataFrame({"x": pl.Series(values, dtype=dtype)})
    path = tmp_path / f"t.{ending}"
    (frame.write_parquet if ending == "parquet" else frame.write_ipc)(path)
    lines = graphcalc("y = 1", "--rows", str(path), "--to", "jsonl").text.splitlines()
    records = [json.loads(line, parse_constant=lambda word: pytest.fail(word)) for line in lines]
    assert [r["x"] for r in records] == [1, 0.1, None, None, None, None]
    kinds = [r.get("x_non_finite") for r in records]
    assert kinds == [None, None, "nan", "inf", "-inf", None]
    done = graphcalc("y = 1", "--rows", str(path), "--to", "csv")
    assert done.text == "x,y\n1,1\n0.1,1\nnan,1\ninf,1\n-inf,1\n,1\n"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (b'{"a":1,"b":2}\n', ["--input-format", "jsonl", "--delimiter", ";"]),
        (b"a;b\n1;2\n", ["--delimiter", ";"]),
        (b"sep=;\na;b\n1;2\n", []),
        (b"a\tb\n1\t2\n", ["--input-format", "tsv"]),
    ],
)
def test_a_table_of_rows_has_their_columns(text, options):
    """`--format table` draws one column for each, whatever separates the cells of the input."""
    done = graphcalc("c = a + b", "--rows", "-", "--format", "table", *options, stdin=text)
    assert "│ a │ b │ c │" in done.text
    assert "│ 1 │ 2 │ 3 │" in done.text


def test_a_header_of_numbers(tmp_path):
    """A first row of numbers is data where columns are asked for by place; rows note it."""
    path = tmp_path / "m.csv"
    path.write_text("1,2\n3,4\n")
    assert graphcalc("x", "-q", f"x=@{path}:1").text == "[1, 3]\n"
    assert graphcalc("x", "-q", f"x=@{path}").text == "[[1, 2], [3, 4]]\n"
    done = graphcalc("y = col(1)", "--rows", str(path), "--only")
    assert done.text == "y\n3\n"
    assert "`1, 2`, is taken for a header" in done.complaint
    data = graphcalc("col(1)", "--rows", str(path), "--only", "--no-header")
    assert (data.text, data.complaint) == ("1\n3\n", "")
    path.write_text("2019,2020\n3,4\n")
    assert graphcalc("x", "-q", f"x=@{path}:2020").text == "[4]\n"


def test_one_of_equal_columns_by_its_place(tmp_path):
    """Columns of one name are told apart by their places."""
    path = tmp_path / "d.csv"
    path.write_text("a,a\n1,2\n3,4\n")
    assert graphcalc("x", "-q", f"x=@{path}:2").text == "[2, 4]\n"
    assert graphcalc("x", f"x=@{path}:a").status == 4


def test_markdown_shows_html_as_text():
    """Text that Markdown takes for HTML is escaped in its tables."""
    done = graphcalc('y = col("<b>x</b>") + 1 < 2', "--inputs", "-", "--input-format", "csv",
                     "--format", "md", stdin=b"<b>x</b>,z\n1,2\n")  # fmt: skip
    assert "&lt;b>x&lt;/b>" in done.text
    assert "<b>" not in done.text


@pytest.mark.parametrize(
    ("program", "given"),
    [("y = a*2", "a=3"), ("y = a*2", "a=@s.json"), ("y = a + b", "b=[5]")],
)
def test_bindings_that_hide_columns_are_noted(program, given, tmp_path):
    """A binding wins over a column of its name, and a note tells how to reach the column."""
    (tmp_path / "t.csv").write_text("b,a\n1,2\n3,4\n")
    (tmp_path / "s.json").write_text("3")
    done = graphcalc(program, "--rows", "t.csv", given, "--only", cwd=tmp_path)
    name, place = given[0], {"a": 2, "b": 1}[given[0]]
    assert done.text == ("y\n6\n6\n" if name == "a" else "y\n7\n9\n")
    assert done.complaint.count(f"not the column `{name}`, which is col({place})") == 1
    other = graphcalc("y = a*z", "--rows", "t.csv", "z=3", cwd=tmp_path)
    assert (other.status, other.complaint) == (0, "")


@pytest.mark.parametrize("program", ["logcumsumexp(a, 0)", "torch.nanmedian(2*a)", "sort(a)"])
def test_functions_of_torch_that_need_all_rows(program):
    """The advice is to bind whole columns, which works."""
    done = graphcalc(f"y = {program}", "--rows", "-", stdin=b"a\n1\n2\n")
    assert done.status == 3
    assert "needs all rows at once" in done.complaint
    assert "leave --rows out and bind whole columns" in done.complaint
