"""A layered layout in the cells of a terminal: boxes, labels, and lines of right angles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from graphcalc.drawing.channels import Track, Wire, assign
from graphcalc.drawing.coordinates import centres
from graphcalc.drawing.layers import Layered
from graphcalc.drawing.ordering import arrange

# Columns between neighbours.
_GAP = 2


class CellSize(NamedTuple):
    """Columns, an odd number of them, and rows."""

    width: int
    height: int


class CellPlace(NamedTuple):
    """Where a box or a label stands: its first column and row, and its size."""

    left: int
    top: int
    width: int
    height: int


class CellLine(NamedTuple):
    """A straight piece of a line, in one column or in one row, with its first and last cell.

    Pieces that meet in a cell are joined, except where one goes across another of another `wire`.
    """

    wire: int
    start: tuple[int, int]
    end: tuple[int, int]


class CellLayout(NamedTuple):
    """Places of boxes and labels, pieces of lines, and cells of arrow heads, as (column, row).

    `ports` has the column in which the lines of a box leave it, where there are any.
    """

    boxes: list[CellPlace]
    labels: list[CellPlace | None]
    lines: list[CellLine]
    heads: list[tuple[int, int]]
    ports: dict[int, int]
    width: int
    height: int


def lay_out_cells(
    sizes: Sequence[CellSize], edges: Sequence[tuple[int, int]], labels: Sequence[CellSize | None]
) -> CellLayout:
    """Return the layout of boxes; each edge goes from an operand to a box of a greater number."""
    layered, items, places = arrange(sizes, edges, labels, CellSize(1, 0))
    middles = [round(x) for x in centres(layered, [s.width for s in items], _GAP + 1)]
    return _CellRouter(layered, items, edges, middles).layout(places)


class _CellRouter:
    """Places items whose columns are known, and draws the lines between them."""

    def __init__(
        self,
        layered: Layered,
        items: list[CellSize],
        edges: Sequence[tuple[int, int]],
        middles: list[int],
    ) -> None:
        self.layered, self.items, self.edges = layered, items, edges
        shift = min((m - s.width // 2 for m, s in zip(middles, items)), default=0)
        self.middles = [m - shift for m in middles]
        self.tops = [0] * len(items)
        self.lines: list[CellLine] = []
        self.heads: list[tuple[int, int]] = []
        self.entries: dict[int, list[int]] = {}
        self.wire_of = {t: box for box, t in layered.trunks.items()}

    def layout(self, places: list[int | None]) -> CellLayout:
        """Return the whole layout; `places` are the items of labels."""
        wires = self._wires()
        row = 0
        tracks: list[Track] = []
        rows = 0
        for number, layer in enumerate(self.layered.layers):
            if number:
                tracks, rows = assign(wires[number - 1])
                rows = self._room(number, rows)
            height = max((self.items[i].height for i in layer), default=0)
            self._draw(tracks, row, row + rows)
            row += rows
            for item in layer:
                self.tops[item] = row + (height - self.items[item].height) // 2
                self._pass(item, row, row + height)
            row += height
        return self._finished(places, row)

    def _room(self, layer: int, rows: int) -> int:
        """Return how many rows stand above a layer: those of lines, and one for arrow heads."""
        if self._has_boxes(layer):
            return rows + 1
        return max(rows, 1) if self._has_boxes(layer - 1) else rows

    def _finished(self, places: list[int | None], height: int) -> CellLayout:
        count = self.layered.boxes
        everything = [self._place(item) for item in range(len(self.items))]
        ends = [p.left + p.width for p in everything]
        ends += [max(line.start[0], line.end[0]) + 1 for line in self.lines]
        labels = [None if place is None else everything[place] for place in places]
        ports = {i: self.middles[i] for i in range(count) if self.layered.below[i]}
        return CellLayout(
            everything[:count],
            labels,
            self.lines,
            self.heads,
            ports,
            max(ends, default=0),
            height,
        )

    def _place(self, item: int) -> CellPlace:
        width, height = self.items[item]
        return CellPlace(self.middles[item] - width // 2, self.tops[item], width, height)

    def _has_boxes(self, layer: int) -> bool:
        return any(item < self.layered.boxes for item in self.layered.layers[layer])

    def _wires(self) -> list[list[Wire]]:
        """Return the wires below each layer."""
        layered = self.layered
        entry_of = self._enter()
        targets: list[dict[int, set[int]]] = [{} for _ in layered.layers]
        for number, route in enumerate(layered.routes):
            for item, following in pairwise(route):
                is_last = following == route[-1]
                column = entry_of[number] if is_last else self.middles[following]
                targets[layered.top[following] - 1].setdefault(item, set()).add(column)
        for item in range(layered.boxes, len(layered.top)):
            for rank in range(layered.top[item], layered.bottom[item]):
                targets[rank].setdefault(item, set()).add(self.middles[item])
        return [
            [Wire(i, self.middles[i], tuple(sorted(found[i]))) for i in layer if i in found]
            for layer, found in zip(layered.layers, targets)
        ]

    def _enter(self) -> list[int]:
        """Place the columns in which lines enter the boxes; return that of each edge.

        Edges by the same trunk have one.
        """
        into: dict[int, dict[tuple[int, int], list[int]]] = {}
        for number, route in enumerate(self.layered.routes):
            last = route[-2]
            end = (last, -1 if last >= self.layered.boxes else number)
            into.setdefault(route[-1], {}).setdefault(end, []).append(number)
        found = [0] * len(self.layered.routes)
        for box, edges in into.items():
            ends = sorted(edges, key=self._side)
            self.entries[box] = self._entries(box, ends)
            for end, column in zip(ends, self.entries[box]):
                for number in edges[end]:
                    found[number] = column
        return found

    def _side(self, end: tuple[int, int]) -> tuple[int, int]:
        return self.middles[end[0]], end[1]

    def _entries(self, box: int, ends: list[tuple[int, int]]) -> list[int]:
        """Return the columns in which lines enter a box: straight down, or around its middle."""
        middle, half = self.middles[box], self.items[box].width // 2
        if len(ends) == 1 and abs(self.middles[ends[0][0]] - middle) <= half - 2:
            return [self.middles[ends[0][0]]]
        step = min(4, 2 * (half - 1) // len(ends))
        first = middle - (len(ends) - 1) * step // 2
        return [first + i * step for i in range(len(ends))]

    def _draw(self, tracks: list[Track], top: int, bottom: int) -> None:
        """Draw the wires between two layers, whose rows are from `top` to before `bottom`.

        Lines reach into the cells above and below, over which what stands there is drawn.
        """
        for wire, row, start in tracks:
            upper = top - 1 if start is None else top + start
            if row is None:
                self._add(wire.item, (wire.column, upper), (wire.column, bottom))
                continue
            first, last = wire.ends
            self._add(wire.item, (wire.column, upper), (wire.column, top + row))
            self._add(wire.item, (first, top + row), (last, top + row))
            for column in wire.targets if not wire.goes_on else ():
                self._add(wire.item, (column, top + row), (column, bottom))

    def _pass(self, item: int, top: int, bottom: int) -> None:
        """Draw the lines from the upper end of a layer to an item, and from it to the lower end."""
        upper = self.tops[item]
        is_box = item < self.layered.boxes
        for column in self.entries.get(item, []) if is_box else [self.middles[item]]:
            self._add(item, (column, top - 1), (column, upper))
            if is_box:
                self.heads.append((column, upper - 1))
        if self.layered.below[item]:
            lower = upper + self.items[item].height - 1
            self._add(item, (self.middles[item], lower), (self.middles[item], bottom))

    def _add(self, item: int, start: tuple[int, int], end: tuple[int, int]) -> None:
        if start != end:
            self.lines.append(CellLine(self.wire_of.get(item, item), start, end))
