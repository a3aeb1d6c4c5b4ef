"""Programs over rows, on the command line: what goes in and comes out, byte by byte."""

import csv
import io
import json

import polars as pl
import pytest
from running import graphcalc

import graphcalc as gc

TABLE = b"a,b,c,d\n2,-4,-2,2\n1.10,2e0,.5,4\n"


def rows(program, text, *options, **more):
    """The standard output of a run over rows that come through a pipe."""
    done = graphcalc(program, "--rows", "-", *options, stdin=text, **more)
    assert done.status == 0, done.complaint
    return done.out


def test_columns_pass_through_as_they_are():
    """Input columns stay byte for byte, and results come behind them."""
    expected = b"a,b,c,d,g\n2,-4,-2,2,8\n1.10,2e0,.5,4,6.2\n"
    assert rows("g = (a+b)*(c*d)", TABLE) == expected
    assert rows("e = a+b; f = c*d; g = e*f", TABLE) == expected
    assert rows("e = a+b; f = c*d; g = e*f", TABLE, "--show", "f,e") == (
        b"a,b,c,d,f,e\n2,-4,-2,2,-4,-2\n1.10,2e0,.5,4,2,3.1\n"
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("is_ended", [True, False])
def test_line_ends(end, is_ended):
    """Every convention of line ends is read, and written as it came."""
    text = TABLE.replace(b"\n", end)
    text = text if is_ended else text.removesuffix(end)
    expected = b"a,b,c,d,g\n2,-4,-2,2,-2\n1.10,2e0,.5,4,3.1\n".replace(b"\n", end)
    assert rows("g = a + b", text) == expected


def test_byte_order_mark():
    """A mark before the header is no part of the first column's name."""
    assert rows("g = a * 2", b"\xef\xbb\xbfa\n1\n") == b"\xef\xbb\xbfa,g\n1,2\n"
    assert rows("g = a * 2", b"\xef\xbb\xbfa\n1\n", "--only") == b"g\n2\n"


def test_quoted_cells():
    """Quotes, delimiters and line ends inside of cells stay, also where the cell is a number."""
    text = b'a,t\n"1.50","x, ""y""\nz"\n2,"plain"\n'
    expected = b'a,t,g\n"1.50","x, ""y""\nz",3\n2,"plain",4\n'
    assert rows("g = a * 2", text) == expected


def test_headers_that_are_no_names():
    """Any header is reached by its text or its place."""
    text = b"net price,2x,sin,if,__class__\n1,2,3,4,5\n"
    program = 's = col("net price") + col("2x") + col("sin") + col("if") + __class__ + col(1)'
    assert rows(program, text).endswith(b",16\n")
    assert rows("col('net price')^2", b"net price\n3\n", "--only") == b"a\n9\n"
    assert rows("p = col('5\" pipe')", b'"5"" pipe"\n3\n', "--only") == b"p\n3\n"


def test_names_of_results():
    """A result without a name gets a letter that no column has; a column's name replaces it."""
    assert rows("a + 1", b"a,b,d\n1,2,3\n") == b"a,b,d,c\n1,2,3,2\n"
    assert rows("a = a + 1", b"a,b\n1,x\n") == b"a,b\n2,x\n"
    assert rows("b = a + 1; c = b * 2", b"a,b\n1,x\n") == b"a,b,c\n1,x,4\n"
    assert rows("g = a; a", b"a\n1.10\n") == b"a,g\n1.10,1.1\n"


def test_what_a_program_assigns_is_not_read_from_a_column():
    """A column does not replace an assignment, as a binding would."""
    assert rows("k = 3; g = a * k", b"a,k\n2,100\n", "--only") == b"g\n6\n"
    assert rows("g = a * k", b"a,k\n2,100\n", "--only") == b"g\n200\n"
    done = graphcalc("k = 3; g = a * k", "--rows", "-", "k=5", stdin=b"a\n2\n")
    assert done.out == b"a,g\n2,10\n"


def test_functions_constants_and_conditions():
    """The language is all there: definitions, conditionals, comparisons, constants."""
    program = "f(x, k=2) = x^k if x > 0 else -x; y = f(a) + pi - pi; p = a > 0 and a < 3; k = 1"
    expected = b"a,y,p,k\n2,4,true,1\n-3,3,false,1\n"
    assert rows(program, b"a\n2\n-3\n") == expected


def test_columns_of_one_name():
    """They are told apart by their places; a name that means several is an error."""
    assert rows("g = col(1) + 10 * col(3)", b"a,b,a\n1,2,3\n", "--only") == b"g\n31\n"
    assert rows("g = b", b"a,b,a\n1,2,3\n") == b"a,b,a,g\n1,2,3,2\n"
    done = graphcalc("g = a", "--rows", "-", stdin=b"a,b,a\n1,2,3\n")
    assert (done.status, "columns 1 and 3" in done.complaint) == (4, True)


def test_empty_tables():
    """A header without rows gives one; totals of nothing are those of torch."""
    assert rows("g = a + b", b"a,b\n") == b"a,b,g\n"
    assert rows("s = sum(a); n = a.shape[0]; m = mean(a)", b"a\n") == b"s,n,m\n0,0,nan\n"
    done = graphcalc("a", "--rows", "-", stdin=b"")
    assert (done.status, "the input is empty" in done.complaint) == (4, True)


def test_empty_lines():
    """Empty lines at the end are no rows, nor those of several columns; in one they are cells."""
    assert rows("g = a", b"a,b\n1,2\n\n\n") == b"a,b,g\n1,2,1\n"
    done = graphcalc("g = a", "--rows", "-", stdin=b"a,b\n1,2\n\n3,4\n")
    assert (done.status, done.out) == (0, b"a,b,g\n1,2,1\n3,4,3\n")
    assert done.complaint == "graphcalc: note: 1 blank line skipped\n"
    assert rows("g = a", b"a\n1\n\n") == b"a,g\n1,1\n"
    done = graphcalc("g = a", "--rows", "-", stdin=b"a\n1\n\n3\n")
    assert (done.status, done.out) == (4, b"a,g\n1,1\n")
    assert "<stdin>:3:1: data error: empty cell in column `a`" in done.complaint


FAULTS = [
    (b"a,b\n1,2\n3\n", 3, 1, "1 cell, and the header has 2"),
    (b"a,b\n1,2\n3,4,5\n", 3, 1, "3 cells"),
    (b"a,b\n1,2\n3,x\n", 3, 3, "`x` in column `b`"),
    (b"a,b\n1,2\n,4\n", 3, 1, "empty cell in column `a`"),
    (b"a,b\n1,2\n3,  \n", 3, 3, "empty cell in column `b`"),
    (b"a,b\n1,2\n1_0,4\n", 3, 1, "`1_0`"),
    ("a,b\n1,2\n٣,4\n".encode(), 3, 1, "is not a number"),
    (b"a,b\n1,2\n0x10,4\n", 3, 1, "`0x10`"),
    (b'a,b\n1,2\n"3,4\n', 3, 1, "never closed"),
    (b'a,b\n1,2\n"3"x,4\n', 3, 4, "after the quote"),
    (b'a,b\n1,2\n3"x,4\n', 3, 1, '`3"x` in column `a` is not a number'),
    (b'a,b\n1,2\n3,4"\n', 3, 3, '`4"` in column `b` is not a number'),
    (b"a,b\n1,2\n3,4\0\n", 3, 4, "NUL"),
    (b"a,b\n1,2\n3,\xe94\n", 3, 3, "0xe9"),
    (b'a,b\n1,2\n"3\n\n",x\n', 3, 1, "`3` in column `a`"),
]


@pytest.mark.parametrize(("text", "line", "column", "words"), FAULTS)
def test_faults_tell_where(text, line, column, words):
    """A row that cannot be computed stops the run with its line and column."""
    done = graphcalc("g = a + b", "--rows", "-", stdin=text)
    assert done.status == 4
    assert f"<stdin>:{line}:{column}: data error: " in done.complaint
    assert words in done.complaint
    if b"\0" not in text and b"\xe9" not in text:
        assert done.out == b"a,b,g\n1,2,3\n"


def test_rows_that_fail():
    """With --on-error null a row stays without results, with skip it goes; the rest is computed."""
    text = b"a,t\n1,x\nold,y\n,z\n4,w\n5\n"
    done = graphcalc("g = a*2", "--rows", "-", "--on-error", "null", stdin=text)
    assert (done.status, done.out) == (1, b"a,t,g\n1,x,2\nold,y,\n,z,\n4,w,8\n")
    done = graphcalc("g = a*2", "--rows", "-", "--on-error", "skip", stdin=text)
    assert (done.status, done.out) == (1, b"a,t,g\n1,x,2\n4,w,8\n")
    assert "3 of 5 rows skipped; the first: <stdin>:3:1: `old`" in done.complaint
    assert rows("g = a*2", b"a\n1\n\n3\n", "--missing", "nan") == b"a,g\n1,2\n,nan\n3,6\n"
    done = graphcalc("s = sum(a)", "--rows", "-", "--on-error", "skip", stdin=text)
    assert done.out == b"s\n5\n"


def test_results_that_are_not_finite():
    """They are told with the first row and the cause; with --strict the row fails."""
    text = b"a\n1\n0\n2\n0\nnan\n"
    done = graphcalc("g = 1/a", "--rows", "-", stdin=text)
    assert (done.status, done.out) == (0, b"a,g\n1,1\n0,inf\n2,0.5\n0,inf\nnan,nan\n")
    assert "<stdin>:3:1: note: 2 rows have a result that is not finite" in done.complaint
    assert "inf born in `g = 1 / a`: a division by 0 (a = 0)" in done.complaint
    done = graphcalc("g = 1/a", "--rows", "-", "--strict", stdin=text)
    assert (done.status, done.out) == (1, b"a,g\n1,1\n")
    done = graphcalc("g = 1/a", "--rows", "-", "--strict", "--on-error", "skip", stdin=text)
    assert (done.status, done.out) == (1, b"a,g\n1,1\n2,0.5\n")


def test_totals_in_one_pass():
    """Reductions over all rows are one line of output, through a pipe too."""
    text = b"a,b\n1,4\n2,5\n6,6\n"
    program = (
        "m = mean((a-b)^2); s = std(a); v = var(b); d = a @ b; n = a.shape[0]; x = argmax(a)"
        "; any_ = any(a > 5); all_ = all(a > 5); p = prod(a); lo = min(a); l = logsumexp(0*a, 0)"
    )
    out = rows("; ".join(p for p in program.split("; ") if "logsumexp" not in p), text)
    found = next(csv.DictReader(io.StringIO(out.decode())))
    values = gc.run(program, a=[1, 2, 6], b=[4, 5, 6])
    for name, cell in found.items():
        assert json.loads(cell) == pytest.approx(values[name], rel=1e-14), name


def test_totals_in_every_row(tmp_path):
    """What needs a total in every row takes more passes over a file, and a pipe refuses it."""
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n2\n6\n")
    done = graphcalc("z = (a - mean(a)) / std(a); t = sum(a)", "--rows", str(path))
    expected = gc.run("z = (a - mean(a)) / std(a)", a=[1, 2, 6])["z"].tolist()
    found = list(csv.DictReader(io.StringIO(done.text)))
    assert [float(row["z"]) for row in found] == pytest.approx(expected, rel=1e-14)
    assert [row["t"] for row in found] == ["9", "9", "9"]
    softmax = graphcalc("p = softmax(a, 0)", "--rows", str(path), "--only").text.split()[1:]
    assert list(map(float, softmax)) == pytest.approx(
        gc.run("softmax(a, 0)", a=[1, 2, 6]).value.tolist()
    )
    done = graphcalc("z = a / sum(a)", "--rows", "-", stdin=path.read_bytes())
    assert (done.status, done.out) == (2, b"")
    assert "`sum(a)` is known after the last row only" in done.complaint


@pytest.mark.parametrize("program", ["median(a)", "cumsum(a, 0)", "a[0]", "a[:, None] * b"])
def test_what_needs_all_rows_is_refused(program):
    """A program that is not computed row by row says so, and what to do instead."""
    done = graphcalc(program, "--rows", "-", stdin=b"a,b\n1,2\n")
    assert done.status == 3
    assert "needs all rows at once" in done.complaint
    assert "a=@FILE:a" in done.complaint


def test_json_lines():
    """Objects keep their text; results are strict JSON; odd objects are faults."""
    text = b'{"a": 1.10, "t": [1, {"x": null}]}\n{"t": "\\u00e9", "a": 0 }\n\n'
    assert rows("g = 1/a; h = a > 1", text, "--input-format", "jsonl") == (
        b'{"a": 1.10, "t": [1, {"x": null}], "g": 0.9090909090909091, "h": true}\n'
        b'{"t": "\\u00e9", "a": 0 , "g": null, "g_non_finite": "inf", "h": false}\n'
    )
    assert rows("t = a + 1", b'{"a": 1, "t": 5}\n', "--input-format", "jsonl") == (
        b'{"a": 1, "t": 2}\n'
    )
    for bad in (
        b'{"a": "1"}',
        b'{"a": 1, "a": 2}',
        b'{"a": 1',
        b"[1]",
        b'{"b": 1}',
    ):
        record = b'{"a": 1}\n' + bad + b"\n"
        done = graphcalc("g = a", "--rows", "-", "--input-format", "jsonl", stdin=record)
        assert (done.status, done.out) == (4, b'{"a": 1, "g": 1}\n'), bad
        assert "<stdin>:2:" in done.complaint


FORMATS = ("csv", "tsv", "jsonl", "parquet", "arrow")


@pytest.mark.parametrize("given", FORMATS)
@pytest.mark.parametrize("to", FORMATS)
def test_formats_into_each_other(given, to, tmp_path):
    """Every format of rows becomes every other, with the same numbers and texts."""
    frame = pl.DataFrame({"a": [1.5, -2.0, 4.0], "t": ['x, "y"', "z", "w"]})
    source, target = tmp_path / f"in.{given}", tmp_path / f"out.{to}"
    {
        "csv": lambda: frame.write_csv(source),
        "tsv": lambda: frame.with_columns(t=pl.Series(["x", "z", "w"])).write_csv(
            source, separator="\t"
        ),
        "jsonl": lambda: frame.write_ndjson(source),
        "parquet": lambda: frame.write_parquet(source),
        "arrow": lambda: frame.write_ipc(source),
    }[given]()
    done = graphcalc("g = a * 2; h = a > 0", "--rows", str(source), "--to", to, "-o", str(target))
    assert (done.status, done.complaint) == (0, "")
    found = {
        "csv": lambda: pl.read_csv(target),
        "tsv": lambda: pl.read_csv(
            target, separator="\t", quote_char='"' if given != "csv" else None
        ),
        "jsonl": lambda: pl.read_ndjson(target),
        "parquet": lambda: pl.read_parquet(target),
        "arrow": lambda: pl.read_ipc(target),
    }[to]()
    assert found.columns == ["a", "t", "g", "h"]
    assert found["a"].to_list() == [1.5, -2.0, 4.0]
    assert found["g"].to_list() == [3.0, -4.0, 8.0]
    assert [str(x).lower() for x in found["h"].to_list()] == ["true", "false", "true"]
    assert found["t"].to_list()[1:] == ["z", "w"]


def test_the_ending_of_the_output_tells_its_format(tmp_path):
    """-o out.parquet writes Parquet, and --to wins over the ending."""
    for options, read in (([], pl.read_parquet), (["--to", "csv"], pl.read_csv)):
        path = tmp_path / "out.parquet"
        done = graphcalc("g = a*2", "--rows", "-", "-o", str(path), *options, stdin=b"a\n1\n")
        assert done.status == 0
        assert read(path)["g"].to_list() == [2]


def test_columnar_rows(tmp_path):
    """Parquet keeps the kinds of its columns; missing values are told, filled or left out."""
    path, out = tmp_path / "t.parquet", tmp_path / "o.parquet"
    frame = pl.DataFrame({"a": [1, 2, None], "day": pl.Series(["2026-01-01"] * 3).str.to_date()})
    frame.write_parquet(path)
    done = graphcalc("g = a / 2", "--rows", str(path), "-o", str(out))
    assert (done.status, "row 3 has no value in column `a`" in done.complaint) == (4, True)
    assert not out.exists()
    done = graphcalc("g = a / 2", "--rows", str(path), "-o", str(out), "--on-error", "null")
    assert done.status == 1
    found = pl.read_parquet(out)
    assert found.schema == {**frame.schema, "g": pl.Float64}
    assert found["g"].to_list() == [0.5, 1.0, None]
    done = graphcalc("m = mean(a)", "--rows", str(path), "--to", "csv", "--on-error", "skip")
    assert done.out == b"m\n1.5\n"
    done = graphcalc(
        "z = a - mean(a) + erf(0*a)", "--rows", str(path), "--on-error", "skip", "-o", str(out)
    )
    assert pl.read_parquet(out)["z"].to_list() == [-0.5, 0.5]
    assert graphcalc("day + 1", "--rows", str(path)).status == 4


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--backend", "torch"], ["--dtype", "float32"]])
def test_other_evaluators(options):
    """torch and narrow dtypes compute rows as they compute tensors."""
    text = b"a,b\n1,x\n3,y\n0,z\n"
    out = rows("g = a / 3; h = 1 / a", text, *options).decode()
    dtype = options[1] if options[0] == "--dtype" else "float64"
    third = "0.33333334" if dtype == "float32" else "0.3333333333333333"
    assert out == f"a,b,g,h\n1,x,{third},1\n3,y,1,{third}\n0,z,0,inf\n"
    done = graphcalc(
        "g = a/3", "--rows", "-", *options, "--on-error", "null", stdin=b"a\n1\nx\n3\n"
    )
    assert (done.status, done.text) == (1, f"a,g\n1,{third}\nx,\n3,1\n")


def test_bare_results():
    """-q gives the results alone, without a header."""
    assert rows("s = sum(a)", b"a\n1\n2\n", "-q") == b"3\n"
    assert rows("a * 2", b"a\n1\n2\n", "-q") == b"2\n4\n"


def test_options_that_do_not_go_together():
    """What rows do not have is refused as an option, and what only rows have needs them."""
    for options in (["--grad", "a"], ["--check"], ["--steps"], ["--format", "md"], ["--to", "xyz"]):
        assert graphcalc("g = a", "--rows", "-", *options, stdin=b"a\n1\n").status == 2, options
    for options in (["--only"], ["--to", "csv"], ["--on-error", "skip"]):
        assert graphcalc("1", *options).status == 2
    assert graphcalc("a", "--rows", "-", "--delimiter", "ab", stdin=b"a\n").status == 2
    assert graphcalc("a", "--rows", "-", "--encoding", "nothing", stdin=b"a\n").status == 2


def test_other_delimiters_and_encodings():
    """Cells may be separated by any character, and the text be in any encoding."""
    assert rows("g = a + b", b"a;b\n1;2\n", "--delimiter", ";") == b"a;b;g\n1;2;3\n"
    text = "a,é\n1,ü\n"
    for name in ("latin-1", "utf-16"):
        out = rows("g = a", text.encode(name), "--encoding", name)
        assert out == "a,é,g\n1,ü,1\n".encode()


def test_rows_may_end_the_options():
    """--rows alone reads standard input."""
    assert graphcalc("a+1", "--rows", stdin=b"a\n1\n").out == b"a,b\n1,2\n"
    assert graphcalc("--rows", "--only", "a+1", stdin=b"a\n1\n").out == b"b\n2\n"


def test_tables_for_people():
    """--format table draws rows, with every character made harmless, and announces the rest."""
    text = b"[bold]a[/bold],:smile:,a\xe2\x80\x8b\n1,\x1b]0;x\x07,3\n"
    out = rows("g = col(1) + 1", text, "--format", "table").decode()
    assert "[bold]a[/bold]" in out
    assert ":smile:" in out
    assert "\\x1b]0;x\\x07" in out
    assert "a\\u200b" in out
    long = b"a\n" + b"1\n" * 1500
    assert "500 more rows" in rows("g = a", long, "--format", "table").decode()
