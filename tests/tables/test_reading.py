"""Columns of tables in text and in files of columns, however large they are."""

import gzip
import os
import time

import numpy as np
import polars as pl
import pytest
import zstandard
from loading import load
from running import graphcalc

from graphcalc import GraphcalcError
from graphcalc.tables.reading import TextOptions

TABLE = {"a": [1.5, -2.0, 3e-7], "net price": [4.0, 5.0, 6.0]}


def test_tables(tmp_path):
    """A column is the same from every format of tables, packed ones too."""
    frame = pl.DataFrame(TABLE)
    text = frame.write_csv()
    (tmp_path / "t.csv").write_text(text)
    (tmp_path / "crlf.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    (tmp_path / "quoted.csv").write_text(frame.write_csv(quote_style="always"))
    (tmp_path / "semi.csv").write_text(frame.write_csv(separator=";"))
    (tmp_path / "t.tsv").write_text(frame.write_csv(separator="\t"))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "t.csv.zst").write_bytes(zstandard.compress(text.encode()))
    (tmp_path / "utf16.csv").write_bytes(text.encode("utf-16"))
    frame.write_ndjson(tmp_path / "t.jsonl")
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ipc(tmp_path / "t.arrow")
    for name in os.listdir(tmp_path):
        delimiter = ";" if name == "semi.csv" else None
        options = TextOptions(delimiter, "utf-16" if name == "utf16.csv" else "utf-8")
        for column, values in TABLE.items():
            for key in (column, f'"{column}"'):
                found = load(f"{tmp_path}/{name}:{key}", text=options)
                np.testing.assert_array_equal(found, values, err_msg=name)
    matrix = np.array(list(TABLE.values())).T
    np.testing.assert_array_equal(load(tmp_path / "t.csv"), matrix)
    np.testing.assert_array_equal(load(tmp_path / "t.parquet"), matrix)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x.txt", "1 2 3\n", [1, 2, 3]),
        ("x.txt", "1\n2\n# no number\n3", [1, 2, 3]),
        ("x.txt", "1 2\n3 4\n", [[1, 2], [3, 4]]),
        ("x.csv", "1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("x.csv", "1e16, 1, -1e16", [[1e16, 1, -1e16]]),
        ("x.csv", "h\n1\n\n", [[1]]),
        ("x.json", "[[1, 2.5], [3, 4]]", [[1, 2.5], [3, 4]]),
        ("x.json", "3", 3),
        ("x.json", "[true, false]", [True, False]),
    ],
)
def test_text(name, text, expected, tmp_path):
    """Plain texts of numbers are what they look like."""
    (tmp_path / name).write_text(text)
    np.testing.assert_array_equal(load(tmp_path / name), expected)


@pytest.mark.slow
def test_big_text(tmp_path):
    """Columns of much text are the same, and so are the complaints about it."""
    count = 700_000
    rows = [f'{i}.5,"t, {i}",{-i}' for i in range(count)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a,t,net b", *rows]))
    assert path.stat().st_size > 8 << 20
    np.testing.assert_array_equal(load(f"{path}:a"), np.arange(count) + 0.5)
    np.testing.assert_array_equal(load(f"{path}:net b"), -np.arange(count))
    for bad, words in (("1,2", "2 cells"), ("x,t,3", "`x`"), (",t,3", "empty cell")):
        path.write_text("\n".join(["a,t,net b", *rows, bad]))
        with pytest.raises(GraphcalcError, match=words) as caught:
            load(f"{path}:a")
        assert caught.value.diagnostic.labels[0].source.first_line == count + 2


def test_only_what_is_read_is_parsed(tmp_path):
    """Columns that a program does not read may hold anything."""
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,y\n")
    assert graphcalc("-q", "sum(a)", "a=@t.csv:a", cwd=tmp_path).text == "3\n"
    assert graphcalc("-q", "sum(a)", "--inputs", "t.csv", cwd=tmp_path).text == "3\n"


@pytest.mark.slow
def test_big_tables_that_polars_would_take(tmp_path):
    """Rows with too many cells, and lines that end in two ways, are not polars' to forgive."""
    good = "".join(f"{i},text,{i}.5\n" for i in range(500_000))
    (tmp_path / "long.csv").write_text(f"a,b,c\n{good}8,x,3,4\n")
    with pytest.raises(GraphcalcError, match="the row has 4 cells") as caught:
        load(f"{tmp_path}/long.csv:a")
    assert caught.value.diagnostic.labels[0].source.first_line == 500_002
    mixed = f"a,b,c\n{good}".replace("\n", "\r\n") + "8,x,3\n9,y,4\r\n"
    (tmp_path / "mixed.csv").write_text(mixed, newline="")
    assert load(f"{tmp_path}/mixed.csv:a")[-2:].tolist() == [8, 9]
    (tmp_path / "wide.csv").write_text(f"a,b,c\n{good}".replace(",", "§"))
    options = TextOptions("§")
    assert load(f"{tmp_path}/wide.csv:c", text=options)[-1] == 499_999.5


@pytest.mark.parametrize("text", ["{}", " {}", '"{}"'])
def test_wide_tables(text, tmp_path):
    """All numbers of a table of many columns are read as those of one of few are."""
    path = tmp_path / "w.csv"
    head = ",".join(f"c{i}" for i in range(20_000))
    rows = [[i + row for i in range(20_000)] for row in range(3)]
    lines = (",".join(text.format(x) for x in row) for row in rows)
    path.write_text(head + "\n" + "\n".join(lines) + "\n", newline="")
    begin = time.process_time()
    found = load(str(path))
    assert found.tolist() == rows
    assert load(f"{path}:c19999").tolist() == [row[-1] for row in rows]
    assert time.process_time() - begin < 30


def test_cells_of_wide_tables_that_are_no_numbers(tmp_path):
    """They are told by their places."""
    path = tmp_path / "w.csv"
    cells = ["1"] * 200
    cells[150] = "x"
    path.write_text(",".join(f"c{i}" for i in range(200)) + "\n" + ",".join(cells))
    with pytest.raises(GraphcalcError) as caught:
        load(str(path))
    label = caught.value.diagnostic.labels[0]
    assert (label.source.location(label.span.start), label.span.end) == ((2, 301), 301)


def test_large_columns_are_held_against_the_limit(tmp_path):
    """A matrix of a large file is refused before it is read where it does not fit."""
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 2_500_000)
    done = graphcalc("-q", "x.sum()", f"x=@{path}", "--max-memory", "60M")
    assert done.status == 5
    assert "needs" in done.complaint
    assert graphcalc("-q", "x.sum()", f"x=@{path}:b", "--max-memory", "60M").text == "5000000\n"


@pytest.mark.parametrize(("delimiter", "shown"), [(";", ";"), ("\t", "\\t"), ("|", "|")])
def test_other_delimiters_are_advised(delimiter, shown, tmp_path):
    """A column that is part of the one name of the header is found with the option advised."""
    path = tmp_path / "t.csv"
    path.write_text(f"a{delimiter}b\n1{delimiter}2\n")
    with pytest.raises(GraphcalcError) as caught:
        load(f"{path}:b")
    assert f"add --delimiter '{shown}'" in caught.value.diagnostic.help
    assert load(f"{path}:b", text=TextOptions(delimiter=delimiter)).tolist() == [2]
