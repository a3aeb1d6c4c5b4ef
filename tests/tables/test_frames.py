"""Parquet and Arrow files that hold more, or other things, than polars reads."""

import datetime
import pathlib
import struct
from decimal import Decimal

import polars as pl
import pytest
from loading import load
from running import graphcalc

from graphcalc import GraphcalcError
from graphcalc.tables.parquet import FooterError, read_footer

FILES = pathlib.Path(__file__).parent / "files"


def refusal(reference):
    """The exit status and the words of the error for a reference."""
    with pytest.raises(GraphcalcError) as caught:
        load(reference)
    d = caught.value.diagnostic
    return caught.value.exit_status, d.code, f"{d.message}; {d.note}"


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_whole_numbers_of_128_bits(ending, tmp_path):
    """They are numbers where int64 has them, and refused where it has not."""
    kinds = {"a": pl.Int128, "b": pl.UInt128, "c": pl.Int128, "d": pl.UInt128}
    frame = pl.DataFrame(
        {"a": [1, -(2**62)], "b": [5, 7], "c": [1, 2**64], "d": [0, 2**127]}, kinds
    )
    path = tmp_path / f"t.{ending}"
    frame.write_parquet(path) if ending == "parquet" else frame.write_ipc(path)
    assert load(f"{path}:a").tolist() == [1, -(2**62)]
    assert load(f"{path}:b").tolist() == [5, 7]
    for column in "cd":
        status, code, words = refusal(f"{path}:{column}")
        assert (status, code, "beyond int64" in words) == (4, "file-dtype", True)
    done = graphcalc("g = b * 2", "--rows", str(path), "--to", "csv", "--only")
    assert (done.status, done.text) == (0, "g\n10\n14\n")


@pytest.mark.parametrize("digits", ["1.10", "0.1", "123456789012345678.12345", "-7.005", "9e-5"])
def test_decimals(digits, tmp_path):
    """A decimal is the nearest float64 of its digits, in values and in rows."""
    frame = pl.DataFrame({"d": [Decimal(digits), None]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.head(1).write_ipc(tmp_path / "t.arrow")
    assert load(f"{tmp_path}/t.arrow:d").tolist() == [float(digits)]
    given = ("--rows", str(tmp_path / "t.arrow"), "--to", "jsonl", "--only")
    assert graphcalc("g = d * 1", *given).text == f'{{"g": {float(digits)!r}}}\n'
    assert refusal(f"{tmp_path}/t.parquet:d")[:2] == (4, "empty-cell")
    done = graphcalc("g = d", "--rows", str(tmp_path / "t.parquet"), "--to", "csv")
    assert (done.status, "row 2 has no value" in done.complaint) == (4, True)


def test_kinds_that_polars_lacks():
    """A column of decimals of 256 bits is named, and the other columns are read."""
    status, code, words = refusal(f"{FILES}/dec256.arrow:d")
    assert (status, code, "precision=40" in words) == (4, "unsupported", True)
    assert load(f"{FILES}/dec256.arrow:a").tolist() == [1, 2]
    rows = ("y = a * 2", "--rows", str(FILES / "dec256.arrow"), "--to", "csv")
    done = graphcalc(*rows)
    assert (done.status, done.out) == (4, b"")
    assert "column `d`" in done.complaint
    assert graphcalc(*rows, "--only").text == "y\n2\n4\n"


def test_columns_of_one_name():
    """Two columns of one name are refused, of which polars would keep one."""
    assert refusal(f"{FILES}/dupn.arrow:a")[:2] == (4, "duplicate-column")
    done = graphcalc("y = a * 2", "--rows", str(FILES / "dupn.arrow"), "--to", "csv")
    assert (done.status, done.out) == (4, b"")
    assert "called `a`" in done.complaint


def test_fields_of_one_name(tmp_path):
    """So are two fields of one column."""
    frame = pl.DataFrame({"s": [{"field1": 1, "field2": 2}]})
    for write, name in ((frame.write_ipc, "t.arrow"), (frame.write_ipc_stream, "s.arrow")):
        write(tmp_path / name)
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data.replace(b"field2", b"field1"))
        assert refusal(f"{tmp_path}/{name}:s")[1] == "duplicate-column"


DAYS = {
    "date": pl.Series("d", [0, 2**31 - 1], dtype=pl.Int32).cast(pl.Date),
    "datetime": pl.Series("d", [0, 2**63 - 1], dtype=pl.Int64).cast(pl.Datetime("ms")),
    "negative": pl.Series("d", [0, -(2**63) + 1], dtype=pl.Int64).cast(pl.Datetime("us")),
}


@pytest.mark.parametrize("kind", DAYS)
@pytest.mark.parametrize("to", ["csv", "tsv", "jsonl", "json"])
def test_days_out_of_range(kind, to, tmp_path):
    """A date that has no text is an error in one line, with the column; numbers go on."""
    frame = pl.DataFrame({"a": [1, 2], "d": DAYS[kind]})
    frame.write_ipc(tmp_path / "t.arrow")
    done = graphcalc("y = a", "--rows", str(tmp_path / "t.arrow"), "--to", to)
    assert (done.status, done.complaint.count("\n")) == (4, 1)
    assert "column `d`" in done.complaint
    assert "panicked" not in done.complaint
    done = graphcalc("y = a", "--rows", str(tmp_path / "t.arrow"), "--to", "csv", "--only")
    assert done.text == "y\n1\n2\n"


def test_other_kinds_as_text(tmp_path):
    """Durations, times, categories and lists are text, as they were."""
    frame = pl.DataFrame(
        {
            "a": [1.0],
            "took": [datetime.timedelta(seconds=90)],
            "at": [datetime.time(1, 2)],
            "kind": pl.Series(["x"], dtype=pl.Categorical),
            "half": pl.Series([float("nan")], dtype=pl.Float16),
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    for to in ("csv", "jsonl"):
        done = graphcalc("y = a", "--rows", str(tmp_path / "t.parquet"), "--to", to)
        assert (done.status, done.complaint) == (0, "")


def test_columns_without_a_name(tmp_path):
    """A column whose name is empty is reached by its place, and keeps that name in the output."""
    pl.DataFrame({"": [1.0, 2.0], "b": [3.0, 4.0]}).write_parquet(tmp_path / "t.parquet")
    assert load(f"{tmp_path}/t.parquet:1").tolist() == [1, 2]
    done = graphcalc("y = col(1) * 2", "--rows", str(tmp_path / "t.parquet"), "--to", "csv")
    assert done.text == ",b,y\n1,3,2\n2,4,4\n"


# The footer


def footer_at(data):
    """Where the footer of a Parquet file begins."""
    return len(data) - 8 - struct.unpack("<I", data[-8:-4])[0]


def test_footers_that_count_no_rows(tmp_path):
    """polars reads none where the footer counts none; rows in a group are missed all the same."""
    path = tmp_path / "t.parquet"
    pl.DataFrame({"id": [1, 2, 3, 4, 5, 6]}).write_parquet(path)
    data = bytearray(path.read_bytes())
    count = data.index(b"\x16\x0c\x19", footer_at(data)) + 1
    for rows, status in ((6, 0), (0, 4), (3, 4), (9, 4)):
        data[count] = 2 * rows
        path.write_bytes(data)
        done = graphcalc("y = 1", "--rows", str(path), "--to", "csv", "--only")
        assert done.status == status, done.complaint
        assert graphcalc("-q", "sum(x)", f"x=@{path}:id").status == status


def test_footer_of_any_schema(tmp_path):
    """The columns are those of the schema's top, whatever they hold."""
    frame = pl.DataFrame(
        {"a": [1.0], "s": [{"x": 1, "y": [{"z": 2}]}], "l": [[1, 2]], "e": ["t"], "ü": [True]}
    )
    frame.write_parquet(tmp_path / "t.parquet")
    with open(tmp_path / "t.parquet", "rb") as file:
        footer = read_footer(file)
    assert footer == (1, ("a", "s", "l", "e", "ü"), {})
    frame.head(0).write_parquet(tmp_path / "t.parquet")
    with open(tmp_path / "t.parquet", "rb") as file:
        assert read_footer(file).rows == 0


def test_variants_are_named(tmp_path):
    """A column of the logical type variant is refused by that word; others are read."""
    path = tmp_path / "t.parquet"
    pl.DataFrame({"v": [b"x"], "a": [1.5]}).write_parquet(path)
    data = path.read_bytes()
    begin = footer_at(data)
    footer = data[begin:-8]
    # The element of `v`: behind its name a logical type of member 16, an empty struct.
    place = footer.index(b"\x18\x01v") + 3
    spoilt = footer[:place] + b"\x6c\x0c\x20\x00\x00" + footer[place:]
    path.write_bytes(data[:begin] + spoilt + struct.pack("<I", len(spoilt)) + b"PAR1")
    with open(path, "rb") as file:
        assert read_footer(file).unsupported == {"v": "variant"}


@pytest.mark.parametrize("place", range(12))
def test_damaged_footers(place, tmp_path):
    """A footer with other bytes is read or refused, and cut ones end."""
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1.0], "b": ["x"]}).write_parquet(path)
    data = path.read_bytes()
    begin = footer_at(data)
    for offset in range(begin + place, len(data), 12):
        for byte in (0x00, 0x19, 0x1C, 0x7F, 0xFC, 0xFF):
            path.write_bytes(data[:offset] + bytes([byte]) + data[offset + 1 :])
            with open(path, "rb") as file:
                try:
                    read_footer(file)
                except FooterError:
                    continue


def test_encrypted_files_are_named(tmp_path):
    """An encrypted file is refused by that word."""
    (tmp_path / "t.parquet").write_bytes(b"PARE" + bytes(40) + struct.pack("<I", 20) + b"PARE")
    assert "encrypted" in refusal(f"{tmp_path}/t.parquet:a")[2]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_truth_values_with_nulls(ending, tmp_path):
    """With `--missing nan` nulls among truth values are nan, and the others 1 and 0."""
    frame = pl.DataFrame({"b": [True, None, False], "c": [True, False, True]})
    path = tmp_path / f"t.{ending}"
    (frame.write_parquet if ending == "parquet" else frame.write_ipc)(path)
    assert graphcalc("-q", "b", f"b=@{path}:b", "--missing", "nan").text == "[1, nan, 0]\n"
    assert graphcalc("-q", "c", f"c=@{path}:c", "--missing", "nan").text == "[true, false, true]\n"
    assert "has a missing value, the first" in graphcalc("b", f"b=@{path}:b").complaint
