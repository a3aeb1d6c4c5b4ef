"""The table: cells that are safe, lines that are straight, marks where numbers went wrong."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.numbers import leaves
from graphcalc.report.html import as_html
from graphcalc.report.safe import encodable, safe, width
from graphcalc.report.table import FULL, NodeTable, build, draw_plain


@given(st.text())
def test_safe_text_is_printable(text):
    """Made safe, any text is printable and on one line; printable text stays as it is."""
    found = safe(text)
    assert found.isprintable()
    assert found == text or not text.isprintable()


@given(st.characters(), st.characters())
def test_safe_characters_differ(one, other):
    """Two characters never look the same when they are made safe."""
    assert (safe(one) == safe(other)) == (one == other)


@given(st.text(), st.sampled_from(["ascii", "latin-1", "cp1252", "utf-8", "koi8-r", "nonesuch"]))
def test_any_encoding_takes_it(text, encoding):
    """Safe text, made encodable, is printable and has every character in the encoding."""
    found = encodable(safe(text), encoding)
    assert found.isprintable()
    assert encoding == "nonesuch" or found.encode(encoding) or not text


CELLS = st.text(max_size=9)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5))
def test_plain_tables_are_straight(rows):
    """Every line of a plain table takes the same columns, whatever is in the cells."""
    cells = [("operation", tuple(map(safe, row))) for row in rows]
    *lines, caption, _ = draw_plain(
        NodeTable(("name", "expression", "value"), cells, "note")
    ).split("\n")
    assert caption == "note"
    assert len({width(line) for line in lines}) == 1
    assert len(lines) == len(rows) + 4


@given(st.lists(st.floats(), min_size=1, max_size=FULL))
def test_shown_numbers_stay_apart(values):
    """In a table with short numbers, elements that differ look different."""
    trace = gc.run("y = x * 1", x=values).trace
    table = build(list(trace), trace, is_short=True, limit=None)
    shown = table.rows[0][1][2].partition("]")[0].strip("[").split(", ")
    numbers = leaves(trace[0].value)
    assert len(shown) == len(numbers)
    for a, text in zip(numbers, shown):
        for b, other in zip(numbers, shown):
            assert (text != other) or repr(a) == repr(b)


@pytest.mark.parametrize("count", [1, FULL, FULL + 1, 1000, 1001])
def test_small_tensors_in_full_and_large_ones_in_brief(count):
    """Up to a dozen elements are shown, more are summed up by shape, dtype and statistics."""
    trace = gc.run(f"x = arange({count})").trace
    value = build(list(trace), trace, is_short=False, limit=None).rows[0][1][2]
    if count <= FULL:
        assert value == f"[{', '.join(map(str, range(count)))}]"
    else:
        mean = f"{(count - 1) / 2:g}"
        assert value == f"({count}) float64 · min 0 · mean {mean} · max {count - 1}"


def test_rows_over_the_limit_are_counted():
    """A table of more rows than the limit says how many it leaves out."""
    trace = gc.run("x = 1\n" + "x = x + 1\n" * 20).trace
    table = build(list(trace), trace, is_short=False, limit=5)
    assert len(table.rows) == 5
    assert table.caption.endswith("16 more nodes (--all, or --format csv)")


UNARY = st.sampled_from(["log({})", "sqrt({})", "exp({})", "-{}", "1 / {}", "{} * 1e200", "{}^2"])
BINARY = st.sampled_from(["{} + {}", "{} - {}", "{} * {}", "{} / {}", "maximum({}, {})"])


@st.composite
def programs(draw):
    """Straight-line programs over a few small tensors, biased to nan and infinity."""
    numbers = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e200, 3.5])
    lines = [f"x0 = {draw(numbers)}", f"x1 = {draw(st.lists(numbers, min_size=3, max_size=3))}"]
    for i in range(2, draw(st.integers(3, 9))):
        names = st.integers(0, i - 1).map("x{}".format)
        form = draw(st.one_of(UNARY, BINARY))
        operands = [draw(names) for _ in range(form.count("{}"))]
        lines.append(f"x{i} = {form.format(*operands)}")
    return "\n".join(lines)


@given(programs())
def test_births_are_marked_where_they_happen(program):
    """A node is marked with a nan that no operand has, and an infinity where none has either."""
    trace = gc.run(program).trace
    odd = {r.name: {str(abs(x)) for x in leaves(r.value) if not math.isfinite(x)} for r in trace}
    table = build(list(trace), trace, is_short=False, limit=None)
    for record, (_, cells) in zip(trace, table.rows, strict=True):
        met = {kind for name in record.inputs for kind in odd[name]}
        born = odd[record.name] - met if "nan" not in met and record.inputs else set()
        assert set(record.born) == born
        assert ("born here" in cells[2]) == bool(born)
    assert [r.name for r in trace.births()] == [r.name for r in trace if r.born]


def test_html_is_escaped():
    """In HTML every text of the user is text."""
    html = as_html(gc.run("y = x < 1 and x > 0", x=0.5).trace)
    assert "x &lt; 1" in html
    assert "x < 1" not in html
    for colour in ("#b58900", "#268bd2", "#a0703c"):
        assert colour in html
