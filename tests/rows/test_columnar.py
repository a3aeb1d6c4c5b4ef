"""Rows of Parquet and Arrow beside rows of text, and what becomes of text in such files."""

import ast
import io
import json
from unittest import mock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import graphcalc, python, shell

import graphcalc as gc
from graphcalc.backends.base import Settings
from graphcalc.diagnostics import DataError, Label
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.rows import polars_engine
from graphcalc.rows.engine import Policy
from graphcalc.rows.run import RowOptions, RowRun
from graphcalc.source import Source, Span
from graphcalc.tables.frames import FrameTable
from graphcalc.tables.reading import TextOptions

PROGRAMS = [
    "g = a * 2; h = a > b",
    "g = 1 / a",
    "s = sum(a); m = mean(a - b); x = max(a); n = a.shape[0]; t = any(a > 2)",
    "z = a - mean(b)",
    "three = 3",
]
CELLS = st.one_of(st.none(), st.sampled_from([0.0, 1.0, -2.5, 1e-7, 1e300, 4.0]))


def run(program, path, backend="auto", **options):
    """The output of a run over a file and its counts, or the message of what ended it."""
    out = io.BytesIO()
    evaluation = Evaluation(parse([Source(program)]), Options(Settings(backend)))
    rows = RowRun(evaluation, RowOptions(str(path), **options))
    try:
        found = rows.run(out)
    except gc.GraphcalcError as error:
        return out.getvalue(), (error.diagnostic.code, error.diagnostic.labels[0].source.first_line)
    first = found.first_odd and found.first_odd.source.first_line
    return out.getvalue(), (found.rows, found.failed, found.lost, found.odd, first)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS), max_size=12),
    program=st.sampled_from(PROGRAMS),
    on_error=st.sampled_from(["fail", "null", "skip"]),
    missing=st.sampled_from([None, float("nan")]),
    is_strict=st.booleans(),
    to=st.sampled_from(["csv", "jsonl"]),
)
def test_columns_are_rows(rows, program, on_error, missing, is_strict, to, tmp_path_factory):
    """Parquet and Arrow give the bytes, the counts and the complaints that JSON lines give."""
    folder = tmp_path_factory.mktemp("columnar")
    frame = pl.DataFrame(rows, schema={"a": pl.Float64, "b": pl.Float64}, orient="row")
    frame.write_parquet(folder / "t.parquet")
    frame.write_ipc(folder / "t.arrow")
    frame.write_ipc_stream(folder / "s.arrow")
    lines = [json.dumps({"a": a, "b": b}).replace(".0,", ",").replace(".0}", "}") for a, b in rows]
    (folder / "t.jsonl").write_text("".join(f"{line}\n" for line in lines) or "\n")
    policy = Policy(on_error, missing, is_strict)
    expected = run(program, folder / "t.jsonl", policy=policy, to=to)
    for name in ("t.parquet", "t.arrow", "s.arrow"):
        found = run(program, folder / name, policy=policy, to=to)
        if rows:
            assert _told(found) == _told(expected), name


def _told(found):
    """The output as numbers and texts, and a header's line less in places."""
    out, said = found
    lines = [line.replace(" ", "") for line in out.decode().replace("e-07", "e-7").split("\n")]
    return lines, said


@pytest.mark.parametrize("backend", ["python", "torch"])
def test_any_evaluator(backend, tmp_path):
    """Rows and totals of Parquet and of text are the same on the evaluator that is asked for."""
    frame = pl.DataFrame({"a": [1.5, 2.0, -4.0], "b": [1, 2, 3]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_csv(tmp_path / "t.csv")
    program = "z = (a - mean(a)) / b; c = z > 0"
    totals = "s = sum(a); d = a @ b; m = argmax(b); v = var(b) * 3"
    for text in (program, totals):
        found = {
            name: run(text, tmp_path / name, backend, to="csv", only=True)[0]
            for name in ("t.parquet", "t.csv")
        }
        assert found["t.parquet"] == found["t.csv"]
    assert found["t.csv"] == b"s,d,m,v\n-0.5,-6.5,2,3\n"
    narrow = graphcalc(
        "sum(a)/3; mean(b)/3", "--rows", "t.csv", "--dtype", "float32", "-q", cwd=tmp_path
    )
    assert narrow.text == "-0.16666667,0.6666667\n"


def test_long_programs(tmp_path, monkeypatch):
    """A program of more nodes than polars should plan is computed all the same."""
    monkeypatch.setattr(polars_engine, "MOST_STEPS", 5)
    monkeypatch.setattr("graphcalc.rows.parquet_engine.MOST_STEPS", 5)
    pl.DataFrame({"a": [1.0, None, 3.0]}).write_parquet(tmp_path / "t.parquet")
    program = "; ".join(["x0 = a"] + [f"x{i} = x{i - 1} * 0.5 + {i}" for i in range(1, 9)])
    policy = Policy("null")
    out, said = run(program, tmp_path / "t.parquet", to="csv", policy=policy)
    assert out == b"a,x8\n1,14.01171875\n,\n3,14.01953125\n"
    assert said == (3, 1, 0, 0, None)


def test_what_text_cannot_hold(tmp_path):
    """Columns of every kind become cells and members; bytes are refused by their column's name."""
    frame = pl.DataFrame({"a": [1.5, 2.0]}).with_columns(
        day=pl.Series(["2026-01-02", None]).str.to_date(),
        took=pl.duration(seconds=pl.Series([90, None])),
        tags=pl.Series([[1, 2], None]),
        at=pl.struct(x=pl.lit(1), y=pl.lit("q")),
        price=pl.Series(["1.10", "2.00"]).cast(pl.Decimal(10, 2)),
        kind=pl.Series(["p", "q"], dtype=pl.Categorical),
        text=pl.Series(['tab\t"q"\\', "line\nfeed"]),
        odd=pl.Series([float("nan"), None]),
    )
    frame.write_parquet(tmp_path / "t.parquet")
    lines = graphcalc("g = a*2", "--rows", "t.parquet", "--to", "jsonl", cwd=tmp_path).text
    first, second = map(json.loads, lines.splitlines())
    assert first == {
        "a": 1.5,
        "day": "2026-01-02",
        "took": "PT90S",
        "tags": [1, 2],
        "at": {"x": 1, "y": "q"},
        "price": 1.10,
        "kind": "p",
        "text": 'tab\t"q"\\',
        "odd": None,
        "odd_non_finite": "nan",
        "g": 3,
    }
    assert (second["tags"], second["odd"], second["text"]) == (None, None, "line\nfeed")
    tsv = graphcalc("g = a*2", "--rows", "t.parquet", "--to", "tsv", cwd=tmp_path).text
    assert 'tab\\t"q"\\\\' in tsv
    assert len({line.count("\t") for line in tsv.splitlines()}) == 1
    back = graphcalc(
        "--rows", "-", "h = g", "--input-format", "tsv", "--to", "csv", stdin=tsv.encode()
    )
    assert pl.read_csv(back.out)["text"].to_list() == frame["text"].to_list()
    frame.with_columns(raw=pl.lit(b"\xff")).write_parquet(tmp_path / "raw.parquet")
    for to in ("csv", "tsv", "jsonl", "json"):
        done = graphcalc("g = a", "--rows", "raw.parquet", "--to", to, cwd=tmp_path)
        assert (done.status, "column `raw` has bytes" in done.complaint) == (4, True)
    done = graphcalc("g = a", "--rows", "raw.parquet", "--to", "csv", "--only", cwd=tmp_path)
    assert done.text == "g\n1.5\n2\n"


def test_kinds_of_text_columns(tmp_path):
    """In Parquet, results have their own kind, and input columns that of all their cells."""
    text = "id,n,x,s,y,flag\n" + "".join(f"00{i},{i},{i},t{i},1.50,true\n" for i in range(3000))
    text += "x,7,0.5,1,nan,false\n"
    (tmp_path / "t.csv").write_text(text)
    done = graphcalc(
        "r = 1/n; b = n > 5; k = 3", "--rows", "t.csv", "-o", "o.parquet", cwd=tmp_path
    )
    assert done.status == 0
    found = pl.read_parquet(tmp_path / "o.parquet")
    assert found.schema == {
        "id": pl.String,
        "n": pl.Int64,
        "x": pl.Float64,
        "s": pl.String,
        "y": pl.Float64,
        "flag": pl.Boolean,
        "r": pl.Float64,
        "b": pl.Boolean,
        "k": pl.Float64,
    }
    assert found["id"][:2].to_list() == ["000", "001"]
    assert found["r"][:2].to_list() == [float("inf"), 1.0]
    lines = b'{"id": "007", "v": 1.10, "w": 1}\n{"id": "8", "v": 2, "w": null}\n'
    given = ("--rows", "-", "--input-format", "jsonl", "--to", "arrow")
    done = graphcalc("r = v / 0", *given, stdin=lines)
    found = pl.read_ipc(io.BytesIO(done.out))
    assert (found["id"].to_list(), found["w"].to_list()) == (["007", "8"], [1, None])
    assert found["r"].to_list() == [float("inf")] * 2


def test_a_pipe_that_changes_its_kind():
    """Where only the first part of a pipe could be seen, a later cell of another kind is named."""
    feed = "(echo a,b; seq 400000 | sed 's/$/,2/'; echo 0.5,2)"
    done = shell(f"{feed} | graphcalc --rows - 'g = b' --to parquet")
    assert done.status == 4
    assert "row 400,001: `0.5` in column `a`, which began with whole numbers" in done.complaint


def test_two_columns_of_one_name():
    """What a format cannot have is refused before anything is written."""
    for to in ("jsonl", "json", "parquet", "arrow"):
        done = graphcalc("g = b", "--rows", "-", "--to", to, stdin=b"a,a,b\n1,2,3\n")
        assert (done.status, done.out) == (4, b"")
        assert "two columns `a`" in done.complaint
    assert graphcalc("g = b", "--rows", "-", stdin=b"a,a,b\n1,2,3\n").out == b"a,a,b,g\n1,2,3,3\n"


@pytest.mark.slow
def test_pipes_of_columns(tmp_path):
    """Parquet and Arrow come through pipes, too; a stream of Arrow goes by in batches."""
    frame = pl.DataFrame({"a": list(range(5000)), "t": ["x"] * 5000})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ipc(tmp_path / "t.arrow", compression="zstd")
    frame.write_ipc_stream(tmp_path / "s.arrow", compression="lz4")
    expected = "s\n12497500\n"
    for name in ("t.parquet", "t.arrow", "s.arrow"):
        kind = name.split(".")[1]
        for way in (f"cat {name} |", f"< {name}"):
            before, after = (way, "") if way.startswith("cat") else ("", way)
            script = (
                f"{before} graphcalc --rows - --input-format {kind} 's = sum(a)' --to csv {after}"
            )
            assert shell(script, cwd=tmp_path).text == expected, (name, way)
        script = f"cat {name} | graphcalc -q 'sum(a)' a=@-:a --input-format {kind}"
        assert shell(script, cwd=tmp_path).text == "12497500\n"
        assert graphcalc("--rows", name, "s = sum(a)", "--to", "csv", cwd=tmp_path).text == expected
        last = graphcalc("--rows", name, "z = a - mean(a)", "--only", "--to", "csv", cwd=tmp_path)
        assert last.text.endswith("\n2499.5\n")
    done = shell(
        "cat s.arrow | graphcalc --rows - --input-format arrow 'a - mean(a)'", cwd=tmp_path
    )
    assert (done.status, "a pipe can be read but once" in done.complaint) == (2, True)


def test_damaged_sizes_of_arrow(tmp_path):
    """A buffer that says it unpacks to the moon is damage, not the end of the process."""
    frame = pl.DataFrame({"x": [float(i) for i in range(50)], "s": [str(i) for i in range(50)]})
    for name, write in (("t.arrow", frame.write_ipc), ("s.arrow", frame.write_ipc_stream)):
        out = io.BytesIO()
        write(out, compression="zstd")
        data = out.getvalue()
        frame_start = data.index(b"\x28\xb5\x2f\xfd") - 8
        spoilt = data[: frame_start + 6] + b"\x7f\x7f" + data[frame_start + 8 :]
        (tmp_path / name).write_bytes(spoilt)
        for arguments in (
            ["--rows", name, "z = x", "--to", "csv"],
            ["-q", "sum(x)", f"x=@{name}:x"],
        ):
            done = graphcalc(*arguments, cwd=tmp_path)
            assert (done.status, done.complaint.count("\n")) == (4, 1), (name, done.complaint)


def test_names_that_look_like_patterns(tmp_path):
    """A file's name is that of one file, whatever is in it."""
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "t[1].parquet")
    pl.DataFrame({"a": [2]}).write_parquet(tmp_path / "t1.parquet")
    done = graphcalc("--rows", "t[1].parquet", "g = a", "--to", "csv", cwd=tmp_path)
    assert done.text == "a,g\n1,1\n"


def test_damaged_pages_of_parquet(tmp_path):
    """A page that tells of less than no values is damage, not the end of the process."""
    rows = {"a": [float(i % 20) for i in range(60)], "s": [str(i) for i in range(60)]}
    out = io.BytesIO()
    pl.DataFrame(rows).write_parquet(out, compression="uncompressed", statistics=False)
    data = out.getvalue()
    (tmp_path / "whole.parquet").write_bytes(data)
    assert graphcalc("-q", "sum(a)", "a=@whole.parquet:a", cwd=tmp_path).text == "570\n"
    # A field of 60 values in a page's header, as Thrift writes it: 120, a sign in its last bit.
    places = [i for i in range(4, len(data) - 200) if data[i - 1 : i + 1] == b"\x15\x78"]
    assert places
    for place in places:
        spoilt = data[:place] + b"\x7f" + data[place + 1 :]
        (tmp_path / "t.parquet").write_bytes(spoilt)
        for arguments in (["--rows", "t.parquet", "g = a"], ["-q", "sum(a)", "a=@t.parquet:a"]):
            done = graphcalc(*arguments, "--max-memory", "1G", cwd=tmp_path)
            assert done.status in (0, 4), (place, done.status)
            assert done.complaint.count("\n") == (done.status == 4)


# Reads spoilt copies of files, each in a fork, which has no threads of polars yet; prints how the
# forks ended. The first bytes of page headers are numbers behind 0x15, as Thrift writes them.
SPOIL = r"""
import collections, os, pathlib, random, resource, sys
from graphcalc.diagnostics import GraphcalcError, Label
from graphcalc.source import Source, Span
from graphcalc.tables.frames import FrameTable
from graphcalc.tables.polars_calls import load_polars
from graphcalc.tables.reading import TextOptions

load_polars("this needs", None)
folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
samples = [file.read_bytes() for file in sorted(folder.glob("*.parquet"))]
draw = random.Random(int(sys.argv[3]))
numbers = [b"\x7f", b"\xff\x7f", b"\xff\xff\xff\xff\x0f", b"\xfe\xff\xff\xff\x0f"]

def spoilt():
    data = bytearray(draw.choice(samples))
    places = [i + 1 for i in range(4, len(data) - 12) if data[i] in (0x15, 0x25)]
    place = draw.choice(places) if draw.random() < 0.7 else draw.randrange(4, len(data) - 8)
    number = draw.choice(numbers)
    data[place : place + draw.choice([1, len(number)])] = number
    return data

def read(path):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    label = Label(Source("x", "x"), Span(0, 1))
    try:
        table = FrameTable(path, "parquet", TextOptions(), 1 << 30, label)
        rows = sum(frame.height for frame in table.batches(1000, table.columns))
    except GraphcalcError as error:
        return error.exit_status
    return 0

ends = collections.Counter()
for _ in range(count):
    (folder / "spoilt").write_bytes(spoilt())
    child = os.fork()
    if not child:
        status = 70
        try:
            status = read(str(folder / "spoilt"))
        finally:
            os._exit(status)
    ends[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])] += 1
print(dict(ends))
"""


def whole_files(folder):
    """Files of every codec, of many row groups, of no rows, and of more categories than rows."""
    frame = pl.DataFrame(
        {
            "a": [i / 7 for i in range(900)],
            "s": [str(i % 100) * (i % 5) for i in range(900)],
            "l": [[1, 2] * (i % 3) for i in range(900)],
            "n": [None if i % 3 else 1.5 for i in range(900)],
        }
    )
    for codec in ("zstd", "snappy", "uncompressed", "gzip", "lz4", "brotli"):
        frame.write_parquet(folder / f"{codec}.parquet", compression=codec, row_group_size=100)
        frame.head(0).write_parquet(folder / f"{codec}0.parquet", compression=codec)
    kinds = pl.Enum([f"kind {i}" for i in range(150)])
    few = pl.DataFrame({"a": [1.0, 2.0, 3.0], "k": pl.Series(["kind 1"] * 3, dtype=kinds)})
    few.write_parquet(folder / "enum.parquet")


def test_whole_files_of_parquet(tmp_path):
    """Valid files are read, whatever their pages are like."""
    whole_files(tmp_path)
    label = Label(Source("", ""), Span(0, 0))
    for file in tmp_path.glob("*.parquet"):
        table = FrameTable(str(file), "parquet", TextOptions(), 1 << 30, label)
        rows = sum(frame.height for frame in table.batches(1000, table.columns))
        assert rows == (0 if "0" in file.name else 3 if "enum" in file.name else 900)
    done = graphcalc("s = sum(a)", "--rows", "enum.parquet", "--to", "csv", cwd=tmp_path)
    assert (done.status, done.text) == (0, "s\n6\n")


def test_spoilt_files_of_parquet(tmp_path):
    """A file in which some bytes are others is read or refused, and never ends the process."""
    whole_files(tmp_path)
    done = python(SPOIL, str(tmp_path), "60", "3")
    ends = ast.literal_eval(done.text)
    assert set(ends) == {0, 4}, (ends, done.complaint)
    assert min(ends.values()) > 5


def test_a_panic_is_no_end_of_rows(tmp_path):
    """polars' threads may die of damage, and the rows that they had are missed."""
    out = io.BytesIO()
    pl.DataFrame({"a": [1.0] * 500}).write_parquet(out)
    (tmp_path / "t.parquet").write_bytes(out.getvalue())
    label = Label(Source("", ""), Span(0, 0))
    table = FrameTable(str(tmp_path / "t.parquet"), "parquet", TextOptions(), 1 << 30, label)
    with (
        mock.patch.object(pl.LazyFrame, "collect_batches", return_value=iter(())),
        pytest.raises(DataError, match="damaged"),
    ):
        list(table.batches(100, ["a"]))


def test_long_numbers_stay_text():
    """Whole numbers of more digits than a float has are text in Parquet."""
    text = b"id,n\n18446744073709551615,9007199254740993\n12345678901234567890123,1\n"
    done = graphcalc("g = 1", "--rows", "-", "--to", "parquet", stdin=text)
    found = pl.read_parquet(done.out)
    assert found["id"].to_list() == ["18446744073709551615", "12345678901234567890123"]
    assert found["n"].to_list() == [9007199254740993, 1]
