"""Pictures in the characters of a terminal: read back line by line, and as trees."""

import re

import pytest
from diagrams import chain, make_box, make_diagram, random_diagram
from hypothesis import given
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.drawing.diagram import Arrow
from graphcalc.drawing.terminal import MOST_BOXES, as_characters
from graphcalc.report.safe import safe, width

LESSON = "g = (a + b) * (c * d)"
NUMBERS = {"a": 2, "b": -4, "c": -2, "d": 2}

PLAIN = """\
╭───╮    ╭─────╮   ╭─────╮  ╭───╮
│ a │    │  b  │   │  c  │  │ d │
│ 2 │    │ -4  │   │ -2  │  │ 2 │
╰─┬─╯    ╰──┬──╯   ╰──┬──╯  ╰─┬─╯
  ╰───╮  ╭──╯         ╰──╮  ╭─╯
      ▼  ▼               ▼  ▼
   ┌───────┐          ┌───────┐
   │   e   │          │   f   │
   │ a + b │          │ c * d │
   │  -2   │          │  -4   │
   └───┬───┘          └───┬───┘
       ╰───────╮  ╭───────╯
               ▼  ▼
            ╔═══════╗
            ║   g   ║
            ║ e * f ║
            ║   8   ║
            ╚═══════╝
7 nodes · float64
"""
TREE = """\
g = e * f = 8 · dg/dg = 1
├─ e = a + b = -2 · dg/de = -4 [∂g/∂e = -4]
│  ├─ a = 2 · dg/da = -4 [∂e/∂a = 1]
│  └─ b = -4 · dg/db = -4 [∂e/∂b = 1]
└─ f = c * d = -4 · dg/df = -2 [∂g/∂f = -2]
   ├─ c = -2 · dg/dc = -4 [∂f/∂c = 2]
   └─ d = 2 · dg/dd = 4 [∂f/∂d = -2]
7 nodes · float64
"""


def lesson(**options):
    return gc.run(LESSON, **NUMBERS, **options).graph().diagram


def test_the_lesson():
    """Operands stand above their readers, in their order."""
    assert as_characters(lesson()) == PLAIN


def test_local_derivatives_stand_on_the_lines():
    """Labels are part of the picture where there is room, and left out before the boxes are."""
    text = as_characters(lesson(grad="g"))
    for label in ("∂g/∂e = -4", "∂f/∂d = -2"):
        assert label in text
    assert "▼" in text
    narrow = as_characters(chain(3, "∂x1/∂x0 = 0.12345"), 12)
    assert "▼" in narrow
    assert "∂" not in narrow


def test_a_narrow_terminal_gets_a_tree():
    """Without room for the boxes there is a line for each, with the same texts."""
    assert as_characters(lesson(grad="g"), 50) == TREE


# The picture, read back

LINES = {
    "│": "NS",
    "─": "EW",
    "╯": "NW",
    "╮": "SW",
    "╰": "NE",
    "╭": "SE",
    "┤": "NSW",
    "├": "NSE",
    "┴": "NEW",
    "┬": "SEW",
    "┼": "NSEW",
}
STEPS = {"N": (-1, 0), "S": (1, 0), "E": (0, 1), "W": (0, -1)}
BACK = {"N": "S", "S": "N", "E": "W", "W": "E"}
TOPS = {"╭": "╮", "┌": "┐", "╔": "╗"}


class DrawnBoxes:
    """The cells of a picture in characters, and the boxes in it."""

    def __init__(self, text):
        self.rows = text.splitlines()[:-1]
        self.inside, self.names, self.ports = {}, {}, []
        for y, row in enumerate(self.rows):
            for name in re.finditer(r"[│║] *(#\d+) *[│║]", row):
                self._box(y - 1, name.start(), name.end(), name[1])

    def at(self, y, x):
        """The character of a cell."""
        row = self.rows[y] if 0 <= y < len(self.rows) else ""
        return row[x] if 0 <= x < len(row) else " "

    def _box(self, top, left, end, name):
        assert TOPS[self.at(top, left)] == self.at(top, end - 1)
        bottom = top
        while self.at(bottom, left) not in "╰└╚":
            bottom += 1
        for y in range(top, bottom + 1):
            for x in range(left, end):
                assert (y, x) not in self.inside, "boxes overlap"
                self.inside[y, x] = name
        port = re.search("[┬╤]", self.rows[bottom][left:end])
        if port:
            self.ports.append((bottom, left + port.start(), name))

    def label(self, y, x):
        """The first column and the text of a label around a cell; it stands between spaces."""
        row = f"{self.rows[y]} "
        start = row.rfind(" ", 0, x) + 1
        return start, row[start : max(start, row.index(" ", x))]


def arrows_of(text):
    """The arrows and the labels that a picture shows, by following every line from its box.

    Raises AssertionError for a line through a box, one that ends nowhere, and one without a box.
    """
    drawn = DrawnBoxes(text)
    arrows, labels, reached = set(), set(), set()
    for bottom, port, source in drawn.ports:
        waiting = [(bottom, port, "S")]
        seen = set()
        while waiting:
            y, x, direction = waiting.pop()
            y, x = y + STEPS[direction][0], x + STEPS[direction][1]
            if (y, x, direction) in seen:
                continue
            seen.add((y, x, direction))
            assert (y, x) not in drawn.inside, "a line goes through a box"
            character = drawn.at(y, x)
            reached.add((y, x))
            if character == "▼":
                assert direction == "S"
                arrows.add((source, drawn.inside[y + 1, x]))
            elif character in LINES and not (character == "│" and direction in "EW"):
                assert BACK[direction] in LINES[character], "a line ends in another"
                waiting += [(y, x, d) for d in LINES[character] if d != BACK[direction]]
            elif character == "│":
                waiting.append((y, x, direction))
            else:
                start, label = drawn.label(y, x) if 0 <= y < len(drawn.rows) else (x, "")
                assert direction == "S"
                assert label.startswith("L"), "a line ends nowhere"
                labels.add((source, label))
                reached.update((y, start + i) for i in range(len(label)))
                waiting.append((y, x, direction))
    for y, row in enumerate(drawn.rows):
        for x, character in enumerate(row):
            is_known = character == " " or (y, x) in drawn.inside or (y, x) in reached
            assert is_known, f"{character} belongs to nothing"
    return arrows, labels


def expected(diagram):
    arrows = {(f"#{a.upper}", f"#{a.lower}") for a in diagram.arrows}
    return arrows, {(f"#{a.upper}", a.label) for a in diagram.arrows if a.label}


@pytest.mark.parametrize("labels", [0, 0.5, 1])
@pytest.mark.parametrize("seed", range(25))
def test_lines_lead_from_operands_to_readers(seed, labels):
    """On random graphs every line is found again, passes no box, and meets no other line's."""
    diagram = random_diagram(seed, most=14, labels=labels)
    assert arrows_of(as_characters(diagram, 10_000)) == expected(diagram)


@pytest.mark.parametrize("seed", range(60))
def test_lines_of_larger_graphs_lead_there_too(seed):
    """The same for graphs of up to as many boxes as are drawn."""
    diagram = random_diagram(1000 + seed, labels=seed % 3 / 2)
    assert arrows_of(as_characters(diagram, 10_000)) == expected(diagram)


@pytest.mark.parametrize(
    ("old", "new"),
    [("╰─╮", "╰╮ "), ("▼ ▼", "▼  "), ("╭─╯", "╭──"), ("┬─", "──"), ("L0", "──")],
)
def test_wrong_lines_are_noticed(old, new):
    """A line that is broken, missing or too short, and a lost label, fail the reading."""
    boxes = [make_box(f"n{i}", f"#{i}") for i in range(4)]
    pairs = [(0, 2), (1, 2), (0, 3), (2, 3)]
    arrows = [Arrow(*pair, "" if number else "L0") for number, pair in enumerate(pairs)]
    diagram = make_diagram(boxes, arrows)
    text = as_characters(diagram)
    assert arrows_of(text) == expected(diagram)
    assert old in text
    with pytest.raises((AssertionError, KeyError)):
        assert arrows_of(text.replace(old, new, 1)) == expected(diagram)


# Trees, colours, ASCII


def test_shared_boxes_are_written_once():
    """A box at its second place is an arrow up, which a line explains."""
    diagram = gc.run("b = a + 1; c = b * b; d = c + b", a=2).graph().diagram
    assert as_characters(diagram, 12).splitlines() == [
        "d = c + b =…",
        "├─ c = b * …",
        "│  ├─ b = a…",
        "│  │  └─ a …",
        "│  └─ ↑ b",
        "└─ ↑ b",
        "↑ the box i…",
        "4 nodes · float64",
    ]


def test_many_boxes_are_a_tree():
    """More boxes than fit on a screen are a tree, in which every box stands once."""
    diagram = chain(MOST_BOXES)
    text = as_characters(diagram, 200)
    assert "▼" not in text
    assert "▼" in as_characters(chain(MOST_BOXES - 1), 200)
    whole = [line for line in text.splitlines() if "↓" not in line and "↑" not in line]
    for number in range(MOST_BOXES + 1):
        assert sum(line.split()[-1] == f"x{number}" for line in whole) == 1


def test_deep_trees_go_on_below():
    """Lines go in at most half of the width; what is deeper is a tree of its own further down."""
    text = as_characters(chain(3000), 80)
    lines = text.splitlines()[:-1]
    assert all(width(line) <= 80 for line in lines)
    assert all(len(re.match("[ │├└─]*", line)[0]) <= 42 for line in lines)
    assert "└─ ↓ " in text
    assert len(lines) < 3600
    assert lines[-1] == "↓ the box is written further down"


def test_values_of_tensors_stand_in_a_line():
    """The rows of a matrix are one value, and statistics follow each other."""
    small = gc.run("y = x @ x", x=[[1, 2], [3, 4]]).graph().diagram
    lines = as_characters(small._replace(boxes=small.boxes * 30, arrows=[]), 80).splitlines()
    assert "y = x @ x = [[7, 10], [15, 22]]" in lines
    large = gc.run("y = ones(20, 30)").graph().diagram
    lines = as_characters(large._replace(boxes=large.boxes * 60, arrows=[]), 80).splitlines()
    assert lines[0].endswith("(20, 30) float64 · min 1 · mean 1 · max 1")


def test_colours_change_nothing_else():
    """With the escape sequences taken out it is the same text; roles have colours."""
    for columns in (80, 50):
        diagram = lesson(grad="g")
        coloured = as_characters(diagram, columns, has_colour=True)
        assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == as_characters(diagram, columns)
        assert "\x1b[33m" in coloured
        assert re.search(r"\x1b\[31m( · )?dg/dg = 1\x1b\[0m", coloured)
    assert "\x1b" not in as_characters(lesson())


def test_ascii_is_as_wide():
    """In ASCII the same boxes stand in the same places, and roles differ in their borders."""
    text = as_characters(lesson(grad="g"), is_ascii=True)
    assert text.isascii()
    assert list(map(len, text.splitlines())) == list(
        map(len, as_characters(lesson(grad="g")).splitlines())
    )
    assert "#===" in text
    assert "+---" in text
    assert ".---" in text
    assert as_characters(lesson(grad="g"), 50, is_ascii=True).isascii()
    names = make_diagram([make_box("n0", "μ漢", "∂ = 3")])
    assert as_characters(names, is_ascii=True).splitlines()[1] == "| \\u03bc\\u6f22  |"


def test_wide_characters_take_two_columns():
    """Borders stand straight beside characters of two columns and marks of none."""
    diagram = make_diagram(
        [make_box("n0", "漢字"), make_box("n1", "e\u0301x\u0301", "12345")], [Arrow(0, 1, "一")]
    )
    for row in as_characters(diagram).splitlines()[:-1]:
        assert width(row) <= 11
        assert row.count("│") in (0, 1, 2)
    boxes = [row for row in as_characters(diagram).splitlines() if row.rstrip().endswith("│")]
    assert len({width(row) for row in boxes[-2:]}) == 1


@given(texts=st.lists(st.text(max_size=20).map(safe), min_size=1, max_size=3))
def test_any_text_keeps_its_box(texts):
    """All rows of a box are equally wide, whatever is written in it; in ASCII they are ASCII."""
    diagram = make_diagram([make_box("n0", *texts)])
    rows = as_characters(diagram, 200).splitlines()[:-1]
    assert len({width(row) for row in rows}) == 1
    assert len(rows) == len(texts) + 2
    assert as_characters(diagram, 400, is_ascii=True).isascii()


def test_a_born_nan_is_said():
    """What was born stands in words, in the box and in the tree."""
    diagram = gc.run("y = log(x) + 1", x=-1).graph().diagram
    assert "nan born here" in as_characters(diagram)
    assert "nan born here" in as_characters(diagram, 12 + 30 - 2)


def test_an_empty_graph_is_its_caption():
    """Without boxes the remarks alone are left."""
    assert as_characters(make_diagram([])) == "1 node\n"
