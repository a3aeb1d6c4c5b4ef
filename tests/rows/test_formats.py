"""Tables of text: headers, packing, JSON, names, and where they fail."""

import gzip
import json
import os

import pytest
import zstandard
from running import COMMAND, clean_environment, graphcalc, shell


def rows(program, text, *options, status=0, **more):
    """The standard output of a run over rows that come through a pipe."""
    done = graphcalc(program, "--rows", "-", *options, stdin=text, **more)
    assert done.status == status, done.complaint
    return done.out


def test_tables_without_a_header(tmp_path):
    """--no-header takes the first row for data; columns are called by their places."""
    assert rows("col(1) * 2", b"1,x\n2,y\n", "--no-header") == b"1,x,2\n2,y,4\n"
    assert rows("sum(col(1))", b"1\n2\n3\n", "--no-header", "-q") == b"6\n"
    out = rows("g = col(2)", b"1\t2\n", "--no-header", "--input-format", "tsv", "--to", "jsonl")
    assert out == b'{"1": 1, "2": 2, "g": 2}\n'
    (tmp_path / "t.csv").write_text("1,2\n3,4\n")
    assert graphcalc("-q", "x", "x=@t.csv:2", "--no-header", cwd=tmp_path).text == "[2, 4]\n"
    (tmp_path / "h.csv").write_text("a,b\n3,4\n")
    assert graphcalc("-q", "x", "x=@h.csv:2", cwd=tmp_path).text == "[4]\n"


def test_arrays_of_objects(tmp_path):
    """A JSON array of objects is a table, in and out."""
    text = b'[{"a": 1.10, "s": "x"},\n {"a": 2,\n  "s": "]"}]\n'
    given = ("--input-format", "json")
    assert rows("g = a * 2", text, *given) == (
        b'[\n{"a": 1.10, "s": "x", "g": 2.2},\n{"a": 2,   "s": "]", "g": 4}\n]\n'
    )
    assert rows("g = a - mean(a)", text, *given, "--to", "csv") == (
        b"a,s,g\n1.10,x,-0.44999999999999996\n2,],0.44999999999999996\n"
    )
    assert rows("g = a", b"[]", *given) == b"[]\n"
    out = rows("g = 1/a", b"a\n0\n2\n", "--to", "json")
    assert json.loads(out) == [
        {"a": 0, "g": None, "g_non_finite": "inf"},
        {"a": 2, "g": 0.5},
    ]
    (tmp_path / "t.json").write_bytes(text)
    done = graphcalc("g = a", "--rows", "t.json", "-o", "o.json", cwd=tmp_path)
    assert done.status == 0
    assert [row["g"] for row in json.loads((tmp_path / "o.json").read_text())] == [1.1, 2]
    for bad, told in (
        (b'{"a": 1}', "--input-format jsonl"),
        (b"[1]", "not a JSON object"),
        (b'[{"a": 1}', "expected `,`"),
        (b'[{"a": 1}] x', "after the array"),
    ):
        done = graphcalc("g = a", "--rows", "-", *given, stdin=bad)
        assert (done.status, told in done.complaint) == (4, True), done.complaint


def test_keys_that_come_later():
    """A key of JSON that the first object lacks is a column all the same."""
    text = b'{"a": 1}\n{"a": 2, "b": 5}\n'
    given = ("--input-format", "jsonl")
    out = rows("g = a + b", text, *given, "--missing", "nan", "--only")
    assert out == b'{"g": null, "g_non_finite": "nan"}\n{"g": 7}\n'
    done = graphcalc("g = a + b", "--rows", "-", *given, "--on-error", "null", stdin=text)
    assert (done.status, done.out) == (1, b'{"a": 1, "g": null}\n{"a": 2, "b": 5, "g": 7}\n')
    assert "1 of 2 rows left without results; the first: <stdin>:1:1: no key `b`" in done.complaint
    # A result takes the place of a member of its name.
    assert rows("b = a * 2", text, *given) == b'{"a": 1, "b": 2}\n{"a": 2, "b": 4}\n'


def test_oddities_of_json():
    """Signs, marks and blanks of JSON are read as JSON has them, and halves of characters not."""
    given = ("--input-format", "jsonl")
    assert b'"-inf"' in rows("g = 1/a", b'{"a": -0}\n', *given)
    assert rows("g = a", b'\xef\xbb\xbf{"a": 1}\n', *given) == b'{"a": 1, "g": 1}\n'
    assert rows("g = a", b'\n\n{"a": 1}\n \n', *given) == b'{"a": 1, "g": 1}\n'
    assert rows("g = a * 2", b'{"a": true}\n', *given) == b'{"a": true, "g": 2}\n'
    for bad in (b'{"a": 1}\xc2\xa0\n', b'{"a": 1}\x1c\n'):
        assert graphcalc("g = a", "--rows", "-", *given, stdin=bad).status == 4
    half = b'{"b": "\\ud800", "a": 2}\n'
    assert rows("g = a", half, *given) == b'{"b": "\\ud800", "a": 2, "g": 2}\n'
    done = graphcalc("g = a", "--rows", "-", *given, "--to", "csv", stdin=half)
    assert (done.status, "half of a character" in done.complaint) == (4, True)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_packed_text(pack, tmp_path):
    """Packed rows are unpacked from files and pipes, and cut ones are no whole ones."""
    text = b"a\n" + b"".join(b"%d.5\n" % i for i in range(50_000))
    ending = ".gz" if pack is gzip.compress else ".zst"
    packed = pack(text) + pack(b"7\n")
    (tmp_path / f"t.csv{ending}").write_bytes(packed)
    total = sum(i + 0.5 for i in range(50_000)) + 7
    expected = f"s,n\n{total:.0f},50001\n".encode()
    program = "s = sum(a); n = a.shape[0]"
    assert graphcalc(program, "--rows", f"t.csv{ending}", cwd=tmp_path).out == expected
    assert rows(program, packed) == expected
    assert shell(f"graphcalc --rows - '{program}' < t.csv{ending}", cwd=tmp_path).out == expected
    done = graphcalc("z = a - mean(a)", "--rows", f"t.csv{ending}", "--only", cwd=tmp_path)
    assert done.out.count(b"\n") == 50_002
    for cut in (len(packed) // 2, 20):
        done = graphcalc(program, "--rows", "-", stdin=packed[:cut])
        assert (done.status, done.out) == (4, b"")
        assert "the packed data ends too early" in done.complaint
        (tmp_path / f"cut.csv{ending}").write_bytes(packed[:cut])
        assert graphcalc("-q", "sum(a)", f"a=@cut.csv{ending}:a", cwd=tmp_path).status == 4


def test_packed_output(tmp_path):
    """What is written under a name that says so is packed."""
    unpack = {
        ".gz": gzip.decompress,
        ".zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    }
    for ending, opened in unpack.items():
        out = f"o.csv{ending}"
        assert (
            graphcalc("g = a", "--rows", "-", "-o", out, stdin=b"a\n1\n", cwd=tmp_path).status == 0
        )
        assert opened((tmp_path / out).read_bytes()) == b"a,g\n1,1\n"
        for save in (f"v.json{ending}", f"v.npy{ending}"):
            assert (
                graphcalc("-q", "g = x", "x=[1, 2]", "--save", f"g={save}", cwd=tmp_path).status
                == 0
            )
            assert graphcalc("-q", "sum(x)", f"x=@{save}", cwd=tmp_path).text == "3\n"
    done = graphcalc("g = a", "--rows", "-", "-o", "o.parquet.gz", stdin=b"a\n1\n", cwd=tmp_path)
    assert (done.status, "packed in itself" in done.complaint) == (2, True)


def test_any_delimiter():
    """Any character separates cells, also where polars takes none but those of one byte."""
    import polars as pl

    text = "a§b\n1§x\n".encode()
    assert rows("g = a*2", text, "--delimiter", "§") == "a§b§g\n1§x§2\n".encode()
    out = rows("g = a*2", text, "--delimiter", "§", "--to", "parquet")
    assert pl.read_parquet(out).rows() == [("1", "x", 2.0)]


def test_other_content():
    """Data of another format is called by its name."""
    for head, told in (
        (b"PAR1....", "--input-format parquet"),
        (b"ARROW1\0\0", "--input-format arrow"),
        (b"\x93NUMPY\x01\0", "a .npy array"),
        (b"PK\x03\x04", "zip archive"),
        (b'{"a": 1}\n', "--input-format jsonl"),
        (b'[{"a": 1}]\n', "--input-format json"),
    ):
        done = graphcalc("g = a", "--rows", "-", stdin=head)
        assert (done.status, told in done.complaint) == (4, True), done.complaint


def test_names_of_files_that_are_no_rows():
    """Rows are not written as CSV under the name of another format."""
    for name, told in (
        ("x.xlsx", ".xlsx holds none"),
        ("x.npy", "names no format of rows"),
        ("x.safetensors", "names no format of rows"),
    ):
        done = graphcalc("g = a", "--rows", "-", "-o", name, stdin=b"a\n1\n")
        assert (done.status, told in done.complaint) == (2, True), done.complaint
    done = graphcalc("g = a", "--rows", "-", "--to", "csv", "--format", "tsv", stdin=b"a\n1\n")
    assert done.status == 2


def test_columns_beside_results():
    """--show names columns, too, and a result may be called as no name can be."""
    text = b"kind,net price\nx,2\ny,3\n"
    program = 'g = col("net price") * 2'
    assert rows(program, text, "--only", "--show", "kind,g") == b"kind,g\nx,4\ny,6\n"
    assert rows('col("net price") = col(2) * 2; g = 1', text) == b"kind,net price,g\nx,4,1\ny,6,1\n"
    assert rows('col("per unit") = col(2)', b"a,b\n1,2\n") == b"a,b,per unit\n1,2,2\n"


def test_declared_columns():
    """A declaration of a column says that it is a number, and of nothing else."""
    assert rows("a: float64; k: int64; y = a*k", b"a,k,t\n2,3,x\n") == b"a,k,t,y\n2,3,x,6\n"
    assert (
        b"cell of a column is a number"
        in graphcalc("a: [3]; y = a", "--rows", "-", stdin=b"a\n1\n").err
    )
    done = graphcalc("w: [B]; y = a * w", "--rows", "-", stdin=b"a\n1\n")
    assert (done.status, "`w` is not a column" in done.complaint) == (3, True)


def test_truth_values_are_numbers():
    """What results are written as is read again: true counts 1."""
    assert rows("g = a + 1", b"a\ntrue\nfalse\n2\n") == b"a,g\ntrue,2\nfalse,1\n2,3\n"


def test_mixed_line_ends():
    """A line that ends in another way than the first one ends all the same."""
    text = b"a,b\r\n1,2\r\n3,4\n5,6\r\n"
    assert rows("g = a", text) == b"a,b,g\r\n1,2,1\r\n3,4,3\r\n5,6,5\r\n"
    assert graphcalc("g = b", "--rows", "-", stdin=b"a,b\n1,2\r\r\n").status == 4
    assert rows("g = b", b"a,b\r1,2\r", "--to", "jsonl") == b'{"a": 1, "b": 2, "g": 2}\n'


def test_a_stray_quote_spoils_one_row():
    """Text behind a quoted cell fails its row, and those after it are rows as before."""
    text = b'a,b\n1,"x"y\n2,3\n4,"p\nq"\n5,6\n'
    done = graphcalc("g = a", "--rows", "-", "--on-error", "skip", stdin=text)
    assert done.out == b'a,b,g\n2,3,2\n4,"p\nq",4\n5,6,5\n'
    assert "1 of 4 rows skipped; the first: <stdin>:2:6" in done.complaint


@pytest.mark.parametrize("bad", [b"3,\xff\n", b"3,\0\n", b"3," + b"x" * 140_000 + b"\n"])
def test_what_ends_all_rows_comes_after_those_before(bad):
    """A byte that is no text, or a cell without end, stops the run where it stands."""
    text = b"a,b\n1,x\n2,y\n" + bad + b"4,z\n"
    for policy in ("fail", "skip"):
        done = graphcalc("g = a", "--rows", "-", "--on-error", policy, stdin=text)
        assert (done.out, done.status) == (b"a,b,g\n1,x,1\n2,y,2\n", 5 if len(bad) > 9 else 4)
        assert "<stdin>:4:3: " in done.complaint


def test_rows_fail_in_every_pass():
    """A row that a total cannot take is out of the second pass as well, and counted."""
    text = b"a,b\n1,1\nx,2\n3,6\n"
    for name, out in (
        ("skip", b"a,b,y\n1,1,-1\n3,6,4\n"),
        ("null", b"a,b,y\n1,1,-1\nx,2,\n3,6,4\n"),
    ):
        path = os.environ.get("TMPDIR", "/tmp") + f"/passes-{os.getpid()}.csv"
        with open(path, "wb") as file:
            file.write(text)
        done = graphcalc("y = b - mean(a)", "--rows", path, "--on-error", name)
        os.unlink(path)
        assert (done.status, done.out) == (1, out)
        assert "1 of 3 rows" in done.complaint


def test_strict_rows():
    """The first row that fails is the one told, whatever fails; totals fail, too."""
    text = b"a\n1\n100\nx\n"
    done = graphcalc("y = a*1e308", "--rows", "-", "--strict", stdin=text)
    assert (done.status, done.out) == (1, b"a,y\n1,1e+308\n")
    assert "<stdin>:3:1: evaluation error: `y` is inf" in done.complaint
    done = graphcalc("s = sum(a)/0", "--rows", "-", "--strict", stdin=b"a\n1\n")
    assert (done.status, done.out) == (1, b"")
    assert "`s` is inf" in done.complaint


def test_counts_are_totals():
    """The number of rows alone is one row, and no column is read for it."""
    assert rows("n = a.shape[0]", b"a,b\nx,y\nz,w\n") == b"n\n2\n"


def test_output_without_standard_output(tmp_path):
    """Who prints into a file needs no standard output."""
    words = " ".join([*COMMAND, "--rows", "-", "g=a", "-o", "o.csv"])
    done = shell(f"printf 'a\\n1\\n' | {words} >&-", cwd=tmp_path)
    assert (done.status, (tmp_path / "o.csv").read_bytes()) == (0, b"a,g\n1,1\n")


def test_columns_for_people(tmp_path):
    """On a terminal rows of Parquet are drawn, and are not written there as they are."""
    pexpect = pytest.importorskip("pexpect")
    import polars as pl

    pl.DataFrame({"a": [1.5]}).write_parquet(tmp_path / "t.parquet")
    for options, told in (([], "1 row"), (["--to", "arrow"], "nothing to read")):
        arguments = [*COMMAND[1:], "g = a*2", "--rows", "t.parquet", *options]
        child = pexpect.spawn(
            COMMAND[0], arguments, cwd=str(tmp_path), env=clean_environment(TERM="dumb"), timeout=60
        )
        child.expect(told)
        child.close()


def test_only_what_is_put_out_fails():
    """A result that no column shows neither fails a row nor is noted."""
    text = b"a,c\n0,1\n"
    for options in ([], ["--backend", "torch"]):
        given = ("--only", "--show", "c", "--strict", *options)
        assert rows("g = 1/a", text, *given) == b"c\n1\n"


def test_faults_of_cells_on_torch():
    """What cannot be written fails its row on any evaluator."""
    text = b'{"a": 1}\n{"a": 2, "new": 3}\n{"a": 3}\n'
    for options in ([], ["--backend", "torch"]):
        given = ("--input-format", "jsonl", "--to", "csv", "--on-error", "skip", *options)
        done = graphcalc("g = a*2", "--rows", "-", *given, stdin=text)
        assert (done.status, done.out) == (1, b"a,g\n1,2\n3,6\n")
        assert "1 of 3 rows skipped; the first: <stdin>:2:17: `new` is no key" in done.complaint


def test_lines_that_end_as_they_once_did():
    """With CR alone, rows before a bad byte come out, and lines are counted by CR."""
    text = b'a,b\r1,"x\ny"\r3,4\r5,\xff\r'
    done = graphcalc("g = a", "--rows", "-", stdin=text)
    assert (done.status, done.out) == (4, b'a,b,g\r1,"x\ny",1\r3,4,3\r')
    assert "<stdin>:4:3: data error: not UTF-8 (byte 0xff)" in done.complaint


@pytest.mark.slow
def test_marks_within_the_text(tmp_path):
    """A byte order mark is one at the beginning alone."""
    assert rows("g = col(1)", b"\xef\xbb\xbf1,2\n", "--no-header") == b"1,2,1\n"
    line = "\ufeffx,7\n" * 60_000
    (tmp_path / "t.csv").write_text("t,a\n" + line * 20, encoding="utf-8")
    done = graphcalc("g = a", "--rows", "t.csv", cwd=tmp_path)
    assert done.out.count("\ufeffx,7,7\n".encode()) == 1_200_000
    done = graphcalc("g = a", "--rows", "t.csv", "--to", "parquet", cwd=tmp_path)
    import polars as pl

    assert pl.read_parquet(done.out)["t"].unique().to_list() == ["\ufeffx"]


def test_arrays_are_looked_at_whole():
    """The kinds of a JSON array in Parquet are those of all its objects."""
    import polars as pl

    text = json.dumps([{"a": 1, "t": "x" * 20}] * 60_000 + [{"a": 1.5, "t": "x"}]).encode()
    done = graphcalc(
        "g = a", "--rows", "-", "--input-format", "json", "--to", "parquet", stdin=text
    )
    assert pl.read_parquet(done.out)["a"][-1] == 1.5
