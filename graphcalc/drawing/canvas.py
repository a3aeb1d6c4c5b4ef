"""A grid of characters, on which boxes, lines and texts are drawn with their styles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graphcalc.drawing.cells import CellLine, CellPlace
from graphcalc.drawing.truetype import clusters
from graphcalc.report.safe import width as columns

# The directions in which a line leaves a cell.
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_UPRIGHT, _ACROSS = _UP | _DOWN, _LEFT | _RIGHT


class Border(NamedTuple):
    """The characters of a box: corners, sides, and where a line leaves it below."""

    corners: str
    across: str
    upright: str
    port: str


class Characters(NamedTuple):
    """What lines and boxes are drawn with; `lines` has a character for each set of directions.

    `dashes` are the sides of a box whose border is dashed: across and upright.
    """

    lines: str
    head: str
    dashes: str
    borders: dict[str, Border]


UNICODE = Characters(
    " │││─╯╮┤─╰╭├─┴┬┼",
    "▼",
    "╌╎",
    {
        "input": Border("╭╮╰╯", "─", "│", "┬"),
        "operation": Border("┌┐└┘", "─", "│", "┬"),
        "result": Border("╔╗╚╝", "═", "║", "╤"),
    },
)
ASCII = Characters(
    " |||-+++-+++-+++",
    "v",
    ".:",
    {
        "input": Border("..''", "-", "|", "+"),
        "operation": Border("++++", "-", "|", "+"),
        "result": Border("####", "=", "#", "+"),
    },
)


class Canvas:
    """Rows of characters, each with the kind of text or the role of a box that it belongs to."""

    def __init__(self, width: int, height: int, characters: Characters) -> None:
        self._characters = characters
        self._cells = [[" "] * width for _ in range(height)]
        self._kinds = [[""] * width for _ in range(height)]

    def put(self, column: int, row: int, text: str, kind: str) -> None:
        """Write a text from a cell to the right."""
        for part in clusters(text):
            wide = columns(part)
            self._cells[row][column] = part
            self._kinds[row][column] = kind
            if wide == 2:
                self._cells[row][column + 1] = ""
            column += wide

    def box(self, place: CellPlace, role: str, port: int | None, kind: str) -> None:
        """Draw the border of a box on an empty ground; `port` is where lines leave it.

        It is dashed where the kind is `carried`.
        """
        border = self._characters.borders[role]
        across, upright = border.across, border.upright
        if kind == "carried":
            across, upright = self._characters.dashes[0], self._characters.dashes[1]
        inner = place.width - 2
        bottom = [across] * inner
        if port is not None:
            bottom[port - place.left - 1] = border.port
        upper, lower = border.corners[:2], border.corners[2:]
        self.put(place.left, place.top, upper[0] + across * inner + upper[1], kind)
        for row in range(place.top + 1, place.top + place.height - 1):
            self.put(place.left, row, upright + " " * inner + upright, kind)
        self.put(
            place.left, place.top + place.height - 1, lower[0] + "".join(bottom) + lower[1], kind
        )

    def lines(self, lines: list[CellLine], heads: list[tuple[int, int]]) -> None:
        """Draw lines; where two wires cross, the upright one is whole."""
        found: dict[tuple[int, int], tuple[int, int]] = {}
        for line in lines:
            for cell, directions in _directions(line):
                wire, before = found.get(cell, (line.wire, 0))
                found[cell] = (wire, _joined(before, directions, wire == line.wire))
        for (column, row), (_, directions) in found.items():
            if 0 <= row < len(self._cells):
                self._cells[row][column] = self._characters.lines[directions]
        for column, row in heads:
            self._cells[row][column] = self._characters.head

    def rows(self) -> Iterator[list[tuple[str, str]]]:
        """Yield each row as texts of one kind, without the spaces at its end."""
        for cells, kinds in zip(self._cells, self._kinds):
            length = max((i for i, cell in enumerate(cells) if cell != " "), default=-1) + 1
            runs: list[tuple[str, str]] = []
            for cell, kind in zip(cells[:length], kinds):
                if runs and runs[-1][1] == kind:
                    runs[-1] = (runs[-1][0] + cell, kind)
                else:
                    runs.append((cell, kind))
            yield runs


def _joined(before: int, directions: int, is_same: bool) -> int:
    """Return the directions of two pieces in one cell, or the upright ones where wires cross."""
    is_under = before == _ACROSS and not directions & _ACROSS
    is_over = directions == _ACROSS and before and not before & _ACROSS
    return _UPRIGHT if (is_under or is_over) and not is_same else before | directions


def _directions(line: CellLine) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield the cells of a line, and in which directions it leaves them."""
    (x, y), (end_x, end_y) = line.start, line.end
    if y == end_y:
        for column in range(x, end_x + 1):
            yield (column, y), (column > x) * _LEFT | (column < end_x) * _RIGHT
    else:
        for row in range(y, end_y + 1):
            yield (x, row), (row > y) * _UP | (row < end_y) * _DOWN
