"""Lines between two layers of a drawing in characters: which row each runs along.

Source: A. Hashimoto, J. Stevens, "Wire Routing by Optimizing Channel Assignment within Large
Apertures", DAC 1971, with D. Deutsch's doglegs (DAC 1976) where two lines wait for each other.
"""

from __future__ import annotations

from typing import NamedTuple


class Wire(NamedTuple):
    """A line that comes from above in one column and goes down in others.

    `item` is its upper end. Of the two parts of a parted wire, the upper one `goes_on` in the
    other, which begins in its last column.
    """

    item: int
    column: int
    targets: tuple[int, ...]
    goes_on: bool = False

    @property
    def ends(self) -> tuple[int, int]:
        """The first and the last column."""
        columns = (self.column, *self.targets)
        return min(columns), max(columns)

    @property
    def is_straight(self) -> bool:
        """Whether it goes down in its own column alone."""
        return self.targets == (self.column,)


class Track(NamedTuple):
    """A wire and the row of its horizontal part, from 0; straight wires have none.

    `start` is the row in which the lower part of a parted wire begins.
    """

    wire: Wire
    row: int | None
    start: int | None = None


def assign(wires: list[Wire]) -> tuple[list[Track], int]:
    """Return the wires with rows such that no two run along each other, and the number of rows.

    Where one wire comes down in the column that another leaves from, the other runs above it.
    Wires that would have to run above each other are parted into two.
    """
    tracks = [Track(wire, None) for wire in wires if wire.is_straight]
    waiting = [wire for wire in wires if not wire.is_straight]
    taken = {c for wire in wires for c in (wire.column, *wire.targets)}
    row_of: dict[int, int] = {}
    rows: list[list[tuple[int, int]]] = []
    while waiting:
        wire = _next(waiting, taken)
        start = row_of.get(wire.column)
        above = [row_of[c] for c in (wire.column, *wire.targets) if c in row_of]
        row = _row(rows, wire.ends, max(above, default=-1) + 1)
        tracks.append(Track(wire, row, start))
        row_of[wire.column] = row
        if wire.goes_on:
            row_of[wire.targets[0]] = row
    return tracks, len(rows)


def _next(waiting: list[Wire], taken: set[int]) -> Wire:
    """Take a wire that none of the others has to run above; part one where there is none."""
    sources = {wire.column for wire in waiting}
    ready = [w for w in waiting if not any(t in sources and t != w.column for t in w.targets)]
    if ready:
        wire = min(ready, key=_preference)
        waiting.remove(wire)
        return wire
    whole = waiting.pop(0)
    column = _free(taken, whole)
    taken.add(column)
    waiting.append(Wire(whole.item, column, whole.targets))
    return Wire(whole.item, whole.column, (column,), goes_on=True)


def _preference(wire: Wire) -> tuple[bool, int]:
    """Return a key: wires to the left from the left on, then those to the right from the right."""
    is_right = sum(wire.targets) >= wire.column * len(wire.targets)
    return is_right, -wire.column if is_right else wire.column


def _free(taken: set[int], wire: Wire) -> int:
    """Return the nearest column that no wire uses, on the side to which a wire goes."""
    step = 1 if sum(wire.targets) >= wire.column * len(wire.targets) else -1
    column = wire.column
    while column in taken or column < 0:
        column += step
        if column < 0:
            column, step = wire.column, 1
    return column


def _row(rows: list[list[tuple[int, int]]], ends: tuple[int, int], first: int) -> int:
    """Take room in the first row from `first` on where there is any; return the row."""
    row = first
    while row < len(rows) and any(a - 1 <= ends[1] and ends[0] <= b + 1 for a, b in rows[row]):
        row += 1
    while row >= len(rows):
        rows.append([])
    rows[row].append(ends)
    return row
