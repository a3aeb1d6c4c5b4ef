"""CSV as spreadsheets and people write it, by every engine and as whole columns."""

import csv
import io
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_engines import column, on_engines
from running import graphcalc, status_and_peak

from graphcalc.rows.engine import Policy
from graphcalc.tables.cells import PLAIN, NumberFormat
from graphcalc.tables.quotes import record_sizes
from graphcalc.tables.reading import TextOptions

NAN = math.nan


def doubled(folder, text, on_error="fail", missing=None, format=PLAIN, **options):
    """The texts of `2*a` on all engines, and the counts."""
    path = folder / "t.csv"
    path.write_text(text, newline="")
    told = TextOptions(missing=missing, number_format=format, **options)
    policy = Policy(on_error, missing)
    outcome = on_engines("z = a*2", path, only=True, text=told, policy=policy)
    return outcome[0].split()[1:], outcome[1]


NUMBERS = {
    "TRUE": 1,
    "FALSE": 0,
    "true": 1,
    "1 234": 1234,
    "1\u00a0234.5": 1234.5,
    "12\u202f345\u202f678": 12345678,
    "-1 234 567": -1234567,
    "\u00a05": 5,
    "5\u202f": 5,
    " 7 ": 7,
    "1e3": 1000,
}


@pytest.mark.parametrize("cell", NUMBERS)
def test_numbers_as_people_write_them(cell, tmp_path):
    """Truth values of spreadsheets, groups of digits, and blanks beside a number are read."""
    found, counts = doubled(tmp_path, f"a,b\n{cell},x\n")
    assert [float(text) for text in found] == [2 * NUMBERS[cell]]
    assert counts == (1, 0, 0, 0)
    done = graphcalc("x", "-q", f"x=@{tmp_path}/t.csv:a")
    assert [float(word) for word in done.text.strip("[]\n ").split(",")] == [NUMBERS[cell]]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("5%", "percentage"),
        ("$5", "currency sign `$`"),
        ("5 €", "currency sign `€`"),
        ('"1,234.56"', "--thousands ,"),
        ('"1,5"', "--decimal ,"),
        ("1'234", "--thousands"),
        ("12 34", "not a number"),
        ("1 2345", "not a number"),
        ("1_000", "not a number"),
        ("0x10", "not a number"),
        ("1.2.3", "not a number"),
        (".", "not a number"),
    ],
)
def test_what_is_no_number_is_told(cell, said, tmp_path):
    """Signs of percent and currency, and other ways to write numbers, are named."""
    assert doubled(tmp_path, f"a,b\n3,x\n{cell},x\n") == (["6"], "bad-cell")
    done = graphcalc("z = a*2", "--rows", str(tmp_path / "t.csv"))
    assert done.status == 4
    assert said in done.complaint
    assert "t.csv:3:1" in done.complaint


@pytest.mark.parametrize(
    ("format", "cells"),
    [
        (
            NumberFormat(thousands=","),
            {"1,234.56": 1234.56, "12,345": 12345, "5": 5, "1,234,567": 1234567},
        ),
        (
            NumberFormat(decimal=","),
            {"1,5": 1.5, ",25": 0.25, "-3": -3, "1 234,5": 1234.5, "2,": 2},
        ),
        (NumberFormat(thousands=".", decimal=","), {"1.234,5": 1234.5, "1.234": 1234, "0,5": 0.5}),
        (NumberFormat(thousands="'"), {"1'234.5": 1234.5, "1'234'567": 1234567}),
    ],
)
def test_other_ways_to_write_numbers(format, cells, tmp_path):
    """With options for them, groups of three digits and a decimal comma are read."""
    text = "a,b\n" + "".join(f'"{cell}",1\n' for cell in cells)
    found, counts = doubled(tmp_path, text, format=format)
    assert list(map(float, found)) == [2 * x for x in cells.values()]
    assert counts == (len(cells), 0, 0, 0)
    for wrong in ("1,23,4", "1,2345.6", "1.2.3", "12.3456.7", "1,"):
        if format.parse(wrong) is None:
            assert doubled(tmp_path, f'a,b\n"{wrong}",1\n', format=format)[1] == "bad-cell"


MARKERS = ["NA", "N/A", "null", "NULL", "None", "#N/A", "", " "]


@pytest.mark.parametrize("marker", MARKERS)
def test_markers_of_missing_numbers(marker, tmp_path):
    """A marker counts as an empty cell: an error, nan, or a row that fails."""
    text = f"a,b\n1,x\n{marker},y\n3,z\n"
    assert doubled(tmp_path, text) == (["2"], "empty-cell")
    assert doubled(tmp_path, text, missing=NAN) == (["2", "nan", "6"], (3, 0, 0, 0))
    assert doubled(tmp_path, text, "skip") == (["2", "6"], (2, 1, 1, 0))
    bound = graphcalc("isnan(x)", "-q", f"x=@{tmp_path}/t.csv:a", "--missing", "nan")
    assert bound.text == "[false, true, false]\n"
    assert graphcalc("x", f"x=@{tmp_path}/t.csv:a").status == 4


def test_more_markers(tmp_path):
    """`--na` adds markers, also ones that are numbers; text columns keep what cells say."""
    table = b"a,b\n-,x\n-999,NA\n3,NA\n"
    done = graphcalc("z = a; n = b == 'NA'", "--rows", "-", "--only", "--missing", "nan", "--na",
                     "-,-999", stdin=table)  # fmt: skip
    assert done.text == "z,n\nnan,false\nnan,true\n3,true\n"
    format = NumberFormat(("-", "-999"))
    assert doubled(tmp_path, table.decode(), missing=NAN, format=format)[0] == ["nan", "nan", "6"]


def test_options_of_numbers_on_the_command_line():
    """`--thousands`, `--decimal` and `--delimiter` go together, for rows and for bindings."""
    table = b"a;b\n1.234,5;1\n-0,5;2\n"
    options = ["--delimiter", ";", "--thousands", ".", "--decimal", ","]
    done = graphcalc("z = a*2", "--rows", "-", *options, stdin=table)
    assert done.text == "a;b;z\n1.234,5;1;2469\n-0,5;2;-1\n"
    bound = graphcalc("sum(x)", "-q", "x=@-:a", "--input-format", "csv", *options, stdin=table)
    assert bound.text == "1234\n"
    assert graphcalc("a", "--rows", "-", "--thousands", ".", stdin=table).status == 2


def test_a_line_that_tells_the_delimiter(tmp_path):
    """`sep=;` before the header is what spreadsheets write, and no header."""
    for end in ("\n", "\r\n"):
        text = end.join(["sep=;", "a;b", "1;2", "3;x", ""])
        assert doubled(tmp_path, text)[0] == ["2", "6"]
        done = graphcalc("x", "-q", f"x=@{tmp_path}/t.csv:a")
        assert done.text == "[1, 3]\n"
    done = graphcalc("z = a + b", "--rows", str(tmp_path / "t.csv"))
    assert "t.csv:4:3" in done.complaint


def test_blank_lines_are_no_rows(tmp_path):
    """Blank lines among rows are left out and counted; lines keep their numbers."""
    text = "\na,b\n1,2\n\n3,4\n   \nx,6\n\n\n"
    assert doubled(tmp_path, text) == (["2", "6"], "bad-cell")
    done = graphcalc("z = a*2", "--rows", str(tmp_path / "t.csv"), "--on-error", "skip")
    assert done.text == "a,b,z\n1,2,2\n3,4,6\n"
    assert "2 blank lines skipped" in done.complaint
    assert "1 of 3 rows skipped" in done.complaint
    assert "t.csv:7:1" in done.complaint
    assert "t.csv:7:1" in graphcalc("x", f"x=@{tmp_path}/t.csv:a").complaint
    assert graphcalc("x", "-q", f"x=@{tmp_path}/t.csv:b").text == "[2, 4, 6]\n"
    assert graphcalc("s = sum(b)", "--rows", str(tmp_path / "t.csv")).text == "s\n12\n"


@pytest.mark.parametrize("text", ["a\n1\n2\n", "a\n1\n2\n\n", "a\n1\n2\n\n\n\n", "a\n1\n2"])
def test_blank_last_lines_of_one_column(text, tmp_path):
    """They are no rows on any way in; a blank line among rows is a missing cell."""
    assert doubled(tmp_path, text, missing=NAN)[0] == ["2", "4"]
    assert graphcalc("x", "-q", f"x=@{tmp_path}/t.csv:a").text == "[1, 2]\n"
    among = text.replace("1\n", "1\n\n")
    assert doubled(tmp_path, among) == (["2"], "empty-cell")
    assert graphcalc("x", f"x=@{tmp_path}/t.csv:a").status == 4


# Quotes


def test_quotes_inside_of_cells(tmp_path):
    """A quote in a cell that does not begin with one stands for itself, as in csv-spectrum."""
    path = tmp_path / "t.csv"
    path.write_text('a,b\n2,2\'57"\n3,say "hi"\n4,"q"\n')
    expected = 'a,b,z\n2,2\'57",4\n3,say "hi",6\n4,"q",8\n'
    assert on_engines("z = a*2", path) == (expected, (3, 0, 0, 0))
    assert graphcalc("x", "-q", f"x=@{path}:a").text == "[2, 3, 4]\n"
    done = graphcalc("a", "--rows", str(path), "--to", "jsonl")
    assert '"2\'57\\""' in done.text


@pytest.mark.parametrize("after", ["w{},{}\n", '"w{}",{}\n', '"w\n{}",{}\n'])
@pytest.mark.parametrize("on_error", ["skip", "null"])
def test_a_quote_that_is_never_closed_is_its_lines_alone(after, on_error, tmp_path):
    """The rest is read from the next line on, however many parts and engines there are."""
    rest = "".join(after.format(i, i) for i in range(100))
    path = tmp_path / "t.csv"
    path.write_text(f'b,a\n"x",1\n"y,2\nv,3\n{rest}')
    outcome = on_engines("z = a*2", path, policy=Policy(on_error))
    assert column(outcome, "z") == ["2", "6", *(str(2 * i) for i in range(100))]
    assert outcome[1] == (102, 1, 1, 0)


def test_text_behind_a_closing_quote_is_its_lines_alone(tmp_path):
    """Junk behind a quote fails that row, and the next one is read."""
    path = tmp_path / "t.csv"
    path.write_text('b,a\n"x"y,1\n"p""q",2\n"m\nn",3\n')
    outcome = on_engines("z = a*2", path, policy=Policy("skip"))
    assert outcome == ('b,a,z\n"p""q",2,4\n"m\nn",3,6\n', (2, 1, 1, 0))
    done = graphcalc("a", "--rows", str(path))
    assert "t.csv:2:4" in done.complaint


def test_an_open_quote_takes_no_memory(tmp_path):
    """A quote that is open for longer than a cell may be is never closed."""
    path = tmp_path / "t.csv"
    path.write_text('b,a\n"x,1\n' + "y,2\n" * 60_000 + '"z",3\n')
    done = graphcalc("s = sum(a)", "--rows", str(path), "--on-error", "skip")
    assert done.text == "s\n120003\n"
    assert "1 of 60,002 rows skipped" in done.complaint
    assert "t.csv:2:1" in graphcalc("s = sum(a)", f"a=@{path}:a").complaint


@pytest.mark.parametrize("inside", ["x" * 8_000_000, '""' * 4_000_000, "1,2\n" * 2_000_000])
def test_long_cells_take_little_memory(inside, tmp_path):
    """Neither an open quote nor a long cell in quotes takes much more than its text."""
    path = tmp_path / "t.csv"
    path.write_text(f'a,b\n1,"{inside}')
    for arguments in (["a", "--rows", str(path)], ["a", f"a=@{path}:b"]):
        status, peak = status_and_peak(*arguments, "--max-memory", "200M", "-o", "/dev/null")
        assert status in (4, 5)
        assert peak < (200 + 64) << 10


def test_cells_of_many_quotes(tmp_path):
    """A cell with more quotes than a row may have is read whole as a column."""
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,"' + '""' * 100_000 + '"\n2,3\n')
    assert graphcalc("-q", "a", f"a=@{path}:a").text == "[1, 2]\n"
    for after in ("x", ","):
        path.write_text('a,b\n1,"' + '""' * 100_000 + after + "\n2,3\n")
        done = graphcalc("-q", "a", f"a=@{path}:a")
        assert (done.status, "t.csv:2:3" in done.complaint) == (4, True)


CELLS = [
    "1",
    "2.5",
    '"3"',
    "x",
    '"a,b"',
    '"a\nb"',
    '"open',
    'a"b',
    '"a"b',
    '""',
    '"x ""y"""',
    '"""',
    "",
]
BROKEN = st.lists(st.tuples(*[st.sampled_from(CELLS)] * 3), min_size=1, max_size=20)


@settings(max_examples=25, deadline=None)
@given(rows=BROKEN, on_error=st.sampled_from(["skip", "null", "fail"]))
def test_engines_agree_on_broken_quotes(rows, on_error, tmp_path_factory):
    """Whatever is broken, all engines read the same rows, in parts of any size."""
    path = tmp_path_factory.mktemp("quotes") / "t.csv"
    path.write_text("a,b,c\n7,7,7\n" + "".join(f"{','.join(row)}\n" for row in rows), newline="")
    on_engines("z = a + c; s = b", path, policy=Policy(on_error))


@given(st.lists(st.lists(st.text('ab,"\n', max_size=6), min_size=2, max_size=3), max_size=8))
def test_records_are_those_of_csv(rows):
    """Records of well-formed text are those that CPython's csv module reads."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    lines = out.getvalue().split("\n")[:-1]
    found, place = [], 0
    for size in record_sizes(lines, ",", is_whole=True).sizes:
        found += csv.reader(io.StringIO("\n".join(lines[place : place + size]) + "\n", newline=""))
        place += size
    assert found == rows


def test_record_sizes_do_not_depend_on_where_lines_end():
    """What is read with more lines to come agrees with what is read as a whole."""
    chance = random.Random(3)
    for _ in range(300):
        lines = ["".join(chance.choices('ab,"', k=chance.randrange(6))) for _ in range(12)]
        whole = record_sizes(lines, ",", is_whole=True).sizes
        some = record_sizes(lines[: chance.randrange(12)], ",")
        known = some.sizes[:-1] if some.is_open else some.sizes
        assert known == whole[: len(known)]
