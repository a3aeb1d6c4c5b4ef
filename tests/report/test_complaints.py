"""Diagnostics drawn for any text: carets under what they name, one line, strict JSON."""

import json

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.diagnostics import Label, ParseError
from graphcalc.report.errors import draw, draw_json, draw_line
from graphcalc.report.safe import safe, width
from graphcalc.source import Source, Span

PIECES = st.sampled_from(
    [
        *"abxyf0123+-*/%@()[],;:=<>.&|~^?!'\"{}$#\\\n\t\r `",
        "**",
        "//",
        "==",
        "1e5",
        "1e999",
        "sum(",
        "zeros(",
        "dim=",
        "if ",
        " else ",
        " and ",
        "not ",
        "lambda ",
        "for ",
        "None",
        "true",
        "...",
        "nan",
        "torch.",
        ".T",
        ".sum()",
        "f(x) = ",
        "[1, 2]",
        "日本",
        "а",
        "é",
        "\u202e",
        "\x1b[31m",
        "\x9b",
        "\x00",
        "\u2028",
        "\udc80",
        "😀",
    ]
)
PROGRAMS = st.lists(PIECES, max_size=14).map("".join)


def _complaint(program):
    """The diagnostic of a program, None where it runs."""
    try:
        gc.run(program, max_memory=1 << 20, max_nodes=10_000)
    except gc.InternalError:
        raise
    except gc.GraphcalcError as error:
        return error
    return None


@pytest.mark.slow
@settings(max_examples=1500)
@given(PROGRAMS)
@example("x = (1 +\r\n\t日本@")
@example("f(x) = x + [1, 2]\ny = f([1, 2, 3])")
def test_any_text_is_a_program_or_a_diagnostic(program):
    """Any text runs, or fails with one diagnostic whose spans lie in it; nothing else happens."""
    error = _complaint(program)
    assume(error is not None)
    diagnostic = error.diagnostic
    for label in diagnostic.labels:
        assert 0 <= label.span.start <= label.span.end <= len(label.source.text)
    line = draw_line(diagnostic)
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert len(line) < 1000
    drawing = draw(diagnostic)
    assert all(part.isprintable() for part in drawing.splitlines())
    assert drawing.splitlines()[0] == "error: " + safe(diagnostic.message)
    found = json.loads(draw_json(diagnostic, error.exit_status))
    assert found["error"]["code"] == diagnostic.code
    assert found["error"]["exit"] in (2, 3, 5)
    assert not any(word in line for word in ("Error(", "Traceback", "__", "NAME", "$END", "_SEP"))


LINES = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=("Mn", "Me", "Mc")), max_size=300
)


@given(st.lists(LINES, min_size=1, max_size=3), st.data())
def test_carets_stand_under_their_span(lines, data):
    """The carets take the very columns that the marked characters take in the line above."""
    text = "\n".join(lines)
    number = data.draw(st.integers(0, len(lines) - 1))
    line = lines[number]
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    offset = sum(len(x) + 1 for x in lines[:number])
    label = Label(Source(text, "t"), Span(offset + start, offset + end))
    drawing = draw(ParseError("c", "m", (label,)).diagnostic)
    _, where, shown, carets = drawing.split("\n")[:4]
    assert where.strip() == f"t:{number + 1}:{start + 1}"
    gutter = carets.index("|") + 2
    mark = carets[gutter:]
    assert set(mark.strip()) == {"^"}
    before = width(mark) - len(mark.strip())
    marked = safe(line[start:end].replace("\t", "    "))
    if len(line) <= 100 and start < end:
        above = shown[gutter:]
        assert len(mark.strip()) == width(marked)
        assert width(safe(line[:start].replace("\t", "    "))) == before
        assert above.startswith(safe(line[:start].replace("\t", "    ")).rstrip())
    assert len(shown) < 2000


@pytest.mark.parametrize("name", ["a\nb.gc", "\x1b[31m.gc", "[bold]", "日本.gc"])
def test_names_of_sources_are_safe(name):
    """The name of a file is printable wherever it is shown."""
    label = Label(Source("1 +", name), Span(3, 3))
    diagnostic = ParseError("c", "m", (label,)).diagnostic
    for text in (draw(diagnostic), draw_line(diagnostic), draw_json(diagnostic, 3)):
        assert all(part.isprintable() for part in text.splitlines())
    assert safe(name) in draw_line(diagnostic)
