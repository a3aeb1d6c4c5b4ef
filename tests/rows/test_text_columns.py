"""Columns of text: what compares with them, over rows and as whole columns."""

import csv
import io
import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_engines import column, from_formats, on_engines, run_rows
from running import graphcalc

import graphcalc as gc
from graphcalc.diagnostics import DataError, DtypeError, ShapeError

# Programs over the columns `name`, `other` and `a`, and what they mean in Python.
PROGRAMS = {
    'z = where(name == "x", 1, 0)': lambda n, o, a: int(n == "x"),
    "z = where('x' == name, 1, 0)": lambda n, o, a: int(n == "x"),
    'z = 1 if name == "é, \'" else 0': lambda n, o, a: int(n == "é, '"),
    'z = a if name != "x" else a - 100': lambda n, o, a: a if n != "x" else a - 100,
    'z = where(name == "", 1, 0)': lambda n, o, a: int(n == ""),
    "z = where(name == other, 1, 0)": lambda n, o, a: int(n == o),
    "z = where(name != other, a, 2)": lambda n, o, a: a if n != o else 2,
    'z = 1 * ((name == "x") | (other == "y z"))': lambda n, o, a: int(n == "x" or o == "y z"),
    'z = 1 * ((name == "x") & (a > 1))': lambda n, o, a: int(n == "x" and a > 1),
    'z = 1 * (not (name == "x"))': lambda n, o, a: int(n != "x"),
    'z = 1 * ("x" == name == other)': lambda n, o, a: int("x" == n == o),
    'same = name; z = 1 * (same == "x") + a': lambda n, o, a: int(n == "x") + a,
    'says(s, t) = where(s == t, 1, 0); z = says(name, "x") + says(other, "x") * 2': (
        lambda n, o, a: int(n == "x") + 2 * int(o == "x")
    ),
    "f(s, t) = where(s == t, 1, 0)\nz = f(name, other) + f(other, name) + f(name, name)": (
        lambda n, o, a: 2 * int(n == o) + 1
    ),
    'z = 1 * (col(1) == "x")': lambda n, o, a: int(n == "x"),
}
TEXTS = st.sampled_from(["x", "x", "y z", "é, '", 'q"q', "", " x", "X", "x,x", "xx"])
TABLES = st.lists(st.tuples(TEXTS, TEXTS, st.integers(-3, 9)), min_size=1, max_size=25)
# A first row that says which columns hold text.
FIRST = ("x", "word", 7)


def _csv(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("name", "other", "a"), *rows])
    return out.getvalue()


@pytest.mark.parametrize("program", PROGRAMS)
@settings(max_examples=2, deadline=None)
@given(rows=TABLES)
def test_text_is_compared_as_python_does(program, rows, tmp_path_factory):
    """Every engine and format gives what CPython gives for the cells that `csv` reads."""
    folder = tmp_path_factory.mktemp("text")
    rows = [FIRST, *rows]
    (folder / "t.csv").write_text(_csv(rows))
    with open(folder / "t.csv", newline="") as file:
        cells = [(n, o, int(a)) for n, o, a in list(csv.reader(file))[1:]]
    assert cells == rows
    expected = [str(PROGRAMS[program](*row)) for row in cells]
    assert column(on_engines(program, folder / "t.csv", only=True, show=["z"]), "z") == expected
    frame = pl.DataFrame(rows, schema=["name", "other", "a"], orient="row")
    missing = frame.with_columns(pl.col("name", "other").replace("", None))
    for held in (frame, missing, missing.with_columns(pl.col("name").cast(pl.Categorical))):
        assert column(from_formats(program, held, folder, only=True, show=["z"]), "z") == expected


@pytest.mark.parametrize(
    ("program", "meaning"),
    [
        ('z = sum(name == "x")', lambda rows: sum(n == "x" for n, _, _ in rows)),
        ("z = sum(where(name == other, a, 0))", lambda rows: sum(a for n, o, a in rows if n == o)),
        ('z = any(name == "zz") + 0', lambda rows: 0),
    ],
)
def test_totals_of_text(program, meaning, tmp_path):
    """Totals count the rows whose text is meant, in one pass on every engine."""
    rows = [("x", "x", 2), ("y", "x", 3), ("", "", 4), ("x", "y", 5)]
    (tmp_path / "t.csv").write_text(_csv(rows))
    outcome = on_engines(program, tmp_path / "t.csv")
    assert outcome == (f"z\n{meaning(rows)}\n", (4, 0, 0, 0))


def test_text_is_carried(tmp_path):
    """A column of text under another name comes out as it is written, beside numbers."""
    (tmp_path / "t.csv").write_text('name,a\n"x, y",1\n"say ""q""",2\n')
    expected = 'name,a,b,h\n"x, y",1,2,"x, y"\n"say ""q""",2,4,"say ""q"""\n'
    assert on_engines("h = name; b = 2*a", tmp_path / "t.csv")[0] == expected
    frame = pl.read_csv(tmp_path / "t.csv")
    assert from_formats("h = name; b = 2*a", frame, tmp_path)[0] == expected
    shown = on_engines("h = name; b = 2*a", tmp_path / "t.csv", only=True, show=["h", "b"])
    assert shown[0] == 'h,b\n"x, y",2\n"say ""q""",4\n'


@pytest.mark.parametrize(
    "program", ["z = name + 1", "z = name == 1", "z = max(name, 0)", "z = -name"]
)
@pytest.mark.parametrize("to", ["csv", "jsonl", "parquet"])
def test_text_is_no_number(program, to, tmp_path):
    """What computes with text is refused, whatever the format."""
    frame = pl.DataFrame({"name": ["x", "y"], "a": [1, 2]})
    path = tmp_path / f"t.{to}"
    write = {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}
    write[to](path)
    assert run_rows(program, path)[1] in ("bad-cell", "text-column")
    done = graphcalc(program, "--rows", str(path))
    assert done.status == 4
    assert "`name`" in done.complaint


def test_numbers_are_no_text(tmp_path):
    """Numbers in JSON and Parquet are never equal to text; a cell of CSV is what it says."""
    frame = pl.DataFrame({"zip": [1234, 5]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ndjson(tmp_path / "t.jsonl")
    (tmp_path / "t.csv").write_text("zip\n01234\n5\n")
    program = 'z = zip == "01234"'
    assert run_rows(program, tmp_path / "t.parquet")[1] == "text-comparison"
    assert run_rows(program, tmp_path / "t.jsonl")[1] == "bad-cell"
    assert on_engines(program, tmp_path / "t.csv")[0] == "zip,z\n01234,true\n5,false\n"


def test_text_in_tsv_and_behind_escapes(tmp_path):
    """Escapes of TSV and of JSON are read before the comparison."""
    (tmp_path / "t.tsv").write_text("name\ta\nx\\ty\t1\nx\t2\n")
    expected = "name\ta\tz\nx\\ty\t1\ttrue\nx\t2\tfalse\n"
    assert on_engines("z = name == 'x\ty'", tmp_path / "t.tsv")[0] == expected
    (tmp_path / "t.jsonl").write_text('{"name": "\\u0078"}\n{"name": null}\n{}\n{"name": 2}\n')
    found = run_rows('z = name == "x"', tmp_path / "t.jsonl", only=True)
    assert found == ('{"z": true}\n{"z": false}\n{"z": false}\n', "bad-cell")


def test_text_is_no_object(tmp_path):
    """`is` of a column and text, which Python would always deny, is refused."""
    (tmp_path / "t.csv").write_text("name,a\nx,1\n")
    assert run_rows('z = name is "x"', tmp_path / "t.csv")[1] == "identity"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ('z = name in ("x", "z")', ["true", "false", "true"]),
        ('z = name not in ["x"]', ["false", "true", "true"]),
        ('z = 1 if name == "x" else 2 if name == "y" else 3', ["1", "2", "3"]),
        ('who = "y"; z = name == who', ["false", "true", "false"]),
    ],
)
def test_text_in_python_forms(program, expected, tmp_path):
    """Membership, chains of conditionals and names for text go on over rows."""
    (tmp_path / "t.csv").write_text("name,a\nx,1\ny,2\nz,3\n")
    assert column(on_engines(program, tmp_path / "t.csv", only=True), "z") == expected


def test_text_behind_missing_cells(tmp_path):
    """Columns whose first cells are missing are compared as the text that the next ones hold."""
    (tmp_path / "t.csv").write_text("name,other,a\n,,1\nx,x,2\nx,NA,3\n")
    frame = pl.DataFrame({"name": [None, "x", "x"], "other": [None, "x", "NA"], "a": [1, 2, 3]})
    expected = ["1", "1", "0"]
    program = "z = where(name == other, 1, 0)"
    assert column(on_engines(program, tmp_path / "t.csv", only=True), "z") == expected
    assert column(from_formats(program, frame, tmp_path, only=True), "z") == expected


def test_note_on_a_row_with_text():
    """The cause of an infinity is found out where the program compares text."""
    table = b"name,a\nx,1\ny,0\n"
    done = graphcalc('z = where(name == "y", 1/a, 2)', "--rows", "-", stdin=table)
    assert done.out == b"name,a,z\nx,1,2\ny,0,inf\n"
    assert "1 / a" in done.complaint or "1/a" in done.complaint


# Whole columns


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet", "arrow"])
@pytest.mark.parametrize("backend", ["python", "torch"])
def test_whole_columns_of_text(ending, backend, tmp_path):
    """A column of text that a name is bound to compares as rows do, with the same result."""
    frame = pl.DataFrame({"g": ["a", "b", None, "a"], "h": ["a", "", "", "b"], "x": [1, 2, 3, 4]})
    path = tmp_path / f"t.{ending}"
    tsv = lambda path: frame.write_csv(path, separator="\t", quote_style="never")  # noqa: E731
    write = {"csv": frame.write_csv, "tsv": tsv, "jsonl": frame.write_ndjson}
    write |= {"parquet": frame.write_parquet, "arrow": frame.write_ipc}
    write[ending](path)
    expected = {
        'p = where(g == "a", x, 0)': [1, 0, 0, 4],
        'q = x if g != "a" else 0': [0, 2, 3, 0],
        "r = where(g == h, 1, 0)": [1, 0, 1, 0],
        's = sum(g == "a")': 2,
    }
    bound = ["--inputs", str(path), "--format", "json", "--backend", backend]
    done = graphcalc("; ".join(expected), *bound, "--show", "p,q,r,s")
    assert done.status == 0, done.complaint
    values = {node["name"]: node["value"] for node in json.loads(done.out)["nodes"]}
    assert [values[name] for name in "pqrs"] == list(expected.values())


def test_texts_in_python():
    """Lists of texts, and one text, are inputs; a run with other texts gives another value."""
    same = gc.compile('where(g == "x", 1, 0)')
    assert same(g=["x", "y"]).value.tolist() == [1, 0]
    assert same(g=["y", "x"]).value.tolist() == [0, 1]
    assert gc.run('1 if g == "x" else 2', g="y").value == 2
    assert gc.run("g == h", g=["x", "y"], h=["x", "x"]).value.tolist() == [True, False]
    assert gc.run("g != h", g=["x", "y"], h="x").value.tolist() == [False, True]


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("g + 1", DataError),
        ("g", DataError),
        ("h = g", DataError),
        ("g == 1", DataError),
        ("-g", DataError),
        ('g < "x"', DtypeError),
        ('n == "x"', DtypeError),
        ("g == k", ShapeError),
    ],
)
def test_texts_are_refused(program, kind):
    """Everything but `==` and `!=` refuses text, and these refuse numbers."""
    values = {"g": ["x", "y"], "n": [1, 2], "k": ["x", "y", "z"]}
    used = {name: value for name, value in values.items() if name in program}
    with pytest.raises(kind):
        gc.run(program, **used)
