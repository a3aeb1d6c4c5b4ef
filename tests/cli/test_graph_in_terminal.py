"""`--graph -`: after the table, in the encoding and the colours of standard output."""

import re

import pytest
from running import LESSON, graphcalc

from graphcalc.report.output import wants_colour


def test_the_picture_follows_the_table():
    """The table, a line feed, and the boxes; a file may be drawn as well."""
    done = graphcalc(*LESSON, "--graph", "-")
    assert done.status == 0
    table, _, picture = done.text.partition("7 nodes\n")
    assert table.startswith("╭──────┬")
    assert "║ e * f ║" in picture
    assert picture.endswith("7 nodes · float64\n")


def test_without_unicode_it_is_ascii():
    """Where the encoding lacks the lines, texts are in ASCII before boxes are made for them."""
    done = graphcalc("-q", "é = μ + 1", "μ=2", "--graph", "-", PYTHONIOENCODING="latin-1")
    assert done.status == 0
    rows = done.out.decode("ascii").splitlines()[1:-1]
    assert rows[0].strip().startswith(".---")
    assert {row.rstrip()[-1] for row in rows} <= set(".|'v#+")
    assert any("\\u03bc" in row for row in rows)
    widths = {len(row.strip()) for row in rows if row.strip().startswith("#")}
    assert len(widths) == 1


def test_colours_on_demand():
    """`--color always` colours roles; a pipe gets none, and the text is the same."""
    coloured = graphcalc("-q", *LESSON, "--graph", "-", "--color", "always").text
    plain = graphcalc("-q", *LESSON, "--graph", "-").text
    assert "\x1b[34m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


@pytest.mark.parametrize(
    ("color", "on_terminal", "environment", "expected"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_who_gets_colours(color, on_terminal, environment, expected, monkeypatch):
    """The option decides, then FORCE_COLOR, NO_COLOR and a dumb terminal."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_colour(color, on_terminal) is expected
