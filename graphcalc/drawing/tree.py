"""A diagram as indented lines, from the results along the operands, each box written once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from graphcalc.drawing.diagram import Arrow, Box, Diagram
from graphcalc.report.safe import width as columns

# Columns of a level; levels may take half of the width, or so many columns where that is more.
_STEP = 3
_DEEPEST = 24
ABOVE, BELOW = "↑", "↓"


class Branch(NamedTuple):
    """A line of a tree: what stands before the box, the box or where it is, and its label."""

    lead: str
    mark: str
    box: Box
    label: str


def as_tree(diagram: Diagram, width: int) -> Iterator[Branch | str]:
    """Yield the branches of a diagram, and texts that explain their marks."""
    operands: list[list[Arrow]] = [[] for _ in diagram.boxes]
    is_read = [False] * len(diagram.boxes)
    for arrow in diagram.arrows:
        operands[arrow.lower].append(arrow)
        is_read[arrow.upper] = True
    roots = deque(number for number in range(len(operands)) if not is_read[number])
    written: set[int] = set()
    marks: set[str] = set()
    while roots:
        root = roots.popleft()
        if root in written:
            continue
        for branch, number in _branches(diagram.boxes, operands, root, written, width):
            if branch.mark == BELOW:
                roots.append(number)
            marks.add(branch.mark)
            yield branch
    if ABOVE in marks:
        yield f"{ABOVE} the box is written further up"
    if BELOW in marks:
        yield f"{BELOW} the box is written further down"


def _branches(
    boxes: list[Box], operands: list[list[Arrow]], root: int, written: set[int], width: int
) -> Iterator[tuple[Branch, int]]:
    """Yield the lines below one root, and the numbers of their boxes; `written` grows."""
    stack = [("", "", root, "")]
    while stack:
        lead, below, number, label = stack.pop()
        is_deep = len(below) + _STEP > max(width / 2, _DEEPEST)
        mark = ABOVE if number in written else ""
        if not mark and is_deep and operands[number]:
            mark = BELOW
        yield Branch(lead, mark, boxes[number], label), number
        if mark:
            continue
        written.add(number)
        last = len(operands[number]) - 1
        for place in range(last, -1, -1):
            arrow = operands[number][place]
            turn, bar = ("└─ ", "   ") if place == last else ("├─ ", "│  ")
            stack.append((below + turn, below + bar, arrow.upper, arrow.label))


def pieces(branch: Branch) -> Iterator[tuple[str, str]]:
    """Yield the texts of a line and their kinds."""
    yield branch.lead, ""
    box = branch.box
    name = "".join(line.text for line in box.lines if line.kind == "name")
    yield f"{branch.mark} " if branch.mark else "", ""
    yield name, box.role
    if not branch.mark:
        yield from _rest(box)
    if branch.label:
        yield f" [{branch.label}]", "label"


def _rest(box: Box) -> Iterator[tuple[str, str]]:
    """Yield what a box says after its name: ` = e * f = 8 · dg/dg = 1`; a shape is no value."""
    before = ""
    for line in box.lines:
        if line.kind == "name":
            continue
        is_row = line.kind == before and line.text.startswith((" ", "["))
        is_equal = line.kind in ("expression", "value") and line.kind != before
        joint = " = " if is_equal and not line.text.startswith(("(", "scalar ")) else " · "
        text = line.text.strip() if is_row else line.text
        yield (" " if is_row else joint) + text.rstrip(), line.kind
        before = line.kind


def cut(parts: list[tuple[str, str]], width: int, end: str = "…") -> list[tuple[str, str]]:
    """Return the texts of a line cut to a number of columns; one that is cut ends in `end`."""
    if sum(columns(text) for text, _ in parts) <= width:
        return parts
    left = width - len(end)
    kept: list[tuple[str, str]] = []
    for text, kind in parts:
        while columns(text) > left:
            text = text[:-1]
        kept.append((text, kind))
        left -= columns(text)
    return [*kept, (end, "")]
