"""`--rows` of several files, and of patterns: one table, columns by their names."""

import json

import polars as pl
import pytest
from row_engines import ENGINES, run_rows
from running import graphcalc


def test_rows_of_all_files_in_order(tmp_path):
    """The rows of the second file come after those of the first, with one header."""
    (tmp_path / "a.csv").write_text("a,b\n1,x\n2,y\n")
    (tmp_path / "b.csv").write_text("a,b\n3,z\n")
    done = graphcalc("g = a*2", "--rows", "a.csv", "--rows", "b.csv", cwd=tmp_path)
    assert (done.status, done.text) == (0, "a,b,g\n1,x,2\n2,y,4\n3,z,6\n")
    back = graphcalc("g = a*2", "--rows", "b.csv", "--rows", "a.csv", "--only", cwd=tmp_path)
    assert back.text == "g\n6\n2\n4\n"
    piped = graphcalc("g = a", "--rows", "a.csv", "--rows", "-", "--only", stdin=b"a,b\n9,q\n",
                      cwd=tmp_path)  # fmt: skip
    assert piped.text == "g\n1\n2\n9\n"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("to", ["csv", "tsv", "jsonl"])
def test_columns_are_found_by_name(engine, to, tmp_path):
    """Columns in another order, with another delimiter and line end, go where they belong."""
    (tmp_path / "a.csv").write_text("a,b\n1,x\n")
    (tmp_path / "b.csv").write_bytes(b'b,a\r\n"y, ""z""",5\r\nv,6\r\n')
    more = {"more": [str(tmp_path / "b.csv")], "to": to}
    text, counts = run_rows("g = a*2", tmp_path / "a.csv", engine, **more)
    expected = {
        "csv": 'a,b,g\n1,x,2\n5,"y, ""z""",10\n6,v,12\n',
        "tsv": 'a\tb\tg\n1\tx\t2\n5\ty, "z"\t10\n6\tv\t12\n',
        "jsonl": '{"a": 1, "b": "x", "g": 2}\n{"a": 5, "b": "y, \\"z\\"", "g": 10}\n'
        '{"a": 6, "b": "v", "g": 12}\n',
    }
    assert text == expected[to]
    assert counts == (3, 0, 0, 0)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet", "arrow"])
def test_totals_of_all_files(ending, tmp_path):
    """Totals, of one pass and of several, are those of all rows; text is compared in all files."""
    frames = [
        pl.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}),
        pl.DataFrame({"b": ["x", "x"], "a": [3.5, 4.5]}),
    ]
    for name, frame in zip("pq", frames):
        path = tmp_path / f"{name}.{ending}"
        tsv = lambda path, frame=frame: frame.write_csv(path, separator="\t")  # noqa: E731
        write = {"csv": frame.write_csv, "tsv": tsv, "jsonl": frame.write_ndjson}
        write |= {"parquet": frame.write_parquet, "arrow": frame.write_ipc}
        write[ending](path)
    both = pl.concat([frames[0], frames[1].select("a", "b")])
    pattern = str(tmp_path / f"*.{ending}")
    text, _ = run_rows('m = mean(a); s = sum(a*(b == "x")); n = a.shape[0]', pattern, to="jsonl")
    xs = both.filter(pl.col("b") == "x")["a"].sum()
    assert json.loads(text) == {"m": both["a"].mean(), "s": xs, "n": 4}
    centred, counts = run_rows("d = a - mean(a)", pattern, to="csv", only=True)
    assert [float(x) for x in centred.split()[1:]] == (both["a"] - both["a"].mean()).to_list()
    assert counts == (4, 0, 0, 0)


def test_errors_name_the_file_and_its_line(tmp_path):
    """What fails in the second file is told with that file's name and line."""
    (tmp_path / "a.csv").write_text("a,b\n1,x\n2,y\n")
    (tmp_path / "b.csv").write_text("a,b\n3,z\nold,z\n0,q\n")
    run = ["--rows", "a.csv", "--rows", "b.csv"]
    done = graphcalc("g = 1/a", *run, cwd=tmp_path)
    assert (done.status, done.text) == (4, "a,b,g\n1,x,1\n2,y,0.5\n3,z,0.3333333333333333\n")
    assert "b.csv:3:1: data error: `old`" in done.complaint
    skipped = graphcalc("g = 1/a", *run, "--on-error", "skip", cwd=tmp_path)
    assert "1 of 5 rows skipped; the first: b.csv:3:1" in skipped.complaint
    assert "b.csv:4" in skipped.complaint


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("a,c\n1,2\n", "b.csv: the file has no `b`, unlike a.csv"),
        ("a\n1\n", "b.csv: the file has no `b`"),
        ("a,b,c\n1,2,3\n", "b.csv: the file has `c`, too"),
    ],
)
def test_other_columns_are_refused(second, told, tmp_path):
    """A missing column, and one more, are errors before anything is written."""
    (tmp_path / "a.csv").write_text("a,b\n1,x\n")
    (tmp_path / "b.csv").write_text(second)
    done = graphcalc("g = a", "--rows", "a.csv", "--rows", "b.csv", cwd=tmp_path)
    assert (done.status, done.out) == (4, b"")
    assert told in done.complaint


def test_columns_of_other_types_are_refused(tmp_path):
    """In Parquet a column has one type in all files."""
    pl.DataFrame({"a": [1.0]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"a": ["x"]}).write_parquet(tmp_path / "b.parquet")
    done = graphcalc("g = a", "--rows", "*.parquet", "--to", "csv", cwd=tmp_path)
    assert (done.status, done.out) == (4, b"")
    assert "b.parquet: column `a` has String, and Float64 in a.parquet" in done.complaint


def test_files_that_do_not_go_together(tmp_path):
    """Formats are not mixed, a pattern fits some file, and standard input comes once."""
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "b.jsonl").write_text('{"a": 1}\n')
    for arguments, told in {
        ("--rows", "a.csv", "--rows", "b.jsonl"): "`a.csv` is csv, and `b.jsonl` is jsonl",
        ("--rows", "x*.csv"): "no file has such a name",
        ("--rows", "-", "--rows", "-"): "standard input twice",
    }.items():
        done = graphcalc("g = a", *arguments, cwd=tmp_path)
        assert (done.status, done.out) == (2, b"")
        assert told in done.complaint


def test_a_name_wins_over_a_pattern(tmp_path):
    """A file whose name looks like a pattern is that file."""
    (tmp_path / "[a].csv").write_text("a\n1\n")
    (tmp_path / "a.csv").write_text("a\n2\n")
    assert graphcalc("g = a", "--rows", "[a].csv", "--only", cwd=tmp_path).text == "g\n1\n"
