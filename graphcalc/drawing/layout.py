"""A layered layout of boxes and lines: operands above their readers, no line through a box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from graphcalc.drawing.coordinates import centres
from graphcalc.drawing.layers import Layered
from graphcalc.drawing.ordering import arrange

Point: TypeAlias = tuple[float, float]

# Distances in pixels: between neighbours in a layer, between layers, between the lines that end
# at one box.
GAP = 26.0
LAYER_GAP = 34.0
PORT_GAP = 16.0
# How much of the way to the side is added to the room between layers.
SLOPE = 0.08
# The width that is kept free for a line that passes through a layer.
LINE_ROOM = 6.0


class Extent(NamedTuple):
    """The width and the height of a box or of a label."""

    width: float
    height: float


class Route(NamedTuple):
    """A line from the lower side of a box to the upper side of another.

    The points come in pairs: between the two of a pair the line is straight and vertical, from a
    pair to the next it crosses the room between two layers, where no box stands. Those of a spline
    are its start, and two handles and the end of each of its curves. `label` is the middle of the
    line's label.
    """

    points: list[Point]
    label: Point | None
    is_spline: bool = False


class Layout(NamedTuple):
    """The middles of the boxes, the routes of the edges, and the size of the whole."""

    centres: list[Point]
    routes: list[Route]
    size: Extent


# What gives places to boxes of these sizes, edges between them and labels on these.
LayOut: TypeAlias = Callable[
    [Sequence[Extent], Sequence[tuple[int, int]], Sequence["Extent | None"]], Layout
]


def lay_out(
    sizes: Sequence[Extent],
    edges: Sequence[tuple[int, int]],
    labels: Sequence[Extent | None],
) -> Layout:
    """Return the layout of boxes; each edge goes from an operand to a box of a greater number."""
    layered, items, places = arrange(sizes, edges, labels, Extent(LINE_ROOM, 0.0))
    x = centres(layered, [s.width for s in items], GAP)
    bands = _bands(layered, items, x, has_labels=any(labels))
    return _Router(layered, items, edges, x, bands, places).layout()


def _bands(
    layered: Layered, items: list[Extent], x: list[float], *, has_labels: bool
) -> list[tuple[float, float]]:
    """Return the upper and the lower end of each layer.

    The room between two layers grows with the longest way that a line takes to the side there.
    """
    bands = []
    y = 0.0
    gap = LAYER_GAP / 2 if has_labels else LAYER_GAP
    for rank, starting in enumerate(layered.starts):
        height = max((items[i].height for i in starting), default=0.0)
        bands.append((y, y + height))
        furthest = max((abs(x[a] - x[b]) for a, b in layered.pieces[rank]), default=0.0)
        y += height + gap + min(furthest * SLOPE, LAYER_GAP)
    return bands


class _Router:
    """Draws the edges of a graph whose boxes are placed."""

    def __init__(
        self,
        layered: Layered,
        items: list[Extent],
        edges: Sequence[tuple[int, int]],
        x: list[float],
        bands: list[tuple[float, float]],
        places: list[int | None],
    ) -> None:
        self.layered, self.items, self.edges = layered, items, edges
        self.x, self.bands, self.places = x, bands, places
        self.rank = layered.top

    def layout(self) -> Layout:
        """Return the whole layout."""
        x, bands, rank = self.x, self.bands, self.rank
        centre = [(x[i], sum(bands[rank[i]]) / 2) for i in range(self.layered.boxes)]
        leaving, entering = self._ports()
        routes = []
        for number, route in enumerate(self.layered.routes):
            points = self._points(route, leaving[number], entering[number])
            place = self.places[number]
            label = None if place is None else (x[place], sum(bands[rank[place]]) / 2)
            routes.append(Route(points, label))
        width = max((x + s.width / 2 for x, s in zip(x, self.items)), default=0.0)
        return Layout(centre, routes, Extent(width, bands[-1][1] if bands else 0.0))

    def _points(self, route: list[int], leaving: float, entering: float) -> list[Point]:
        """Return the pairs of points of one edge: where it crosses the bands of the layers.

        Bands that it crosses at the same x are one pair.
        """
        first, *between, last = route
        bands, rank, x = self.bands, self.rank, self.x
        top, bottom = bands[rank[first]]
        pairs = [(leaving, (top + bottom + self.items[first].height) / 2, bottom)]
        for item, following in zip(between, route[2:]):
            top, bottom = bands[rank[item]][0], bands[rank[following] - 1][1]
            start = pairs.pop()[1] if pairs[-1][0] == x[item] else top
            pairs.append((x[item], start, bottom))
        top, bottom = bands[rank[last]]
        end = (top + bottom - self.items[last].height) / 2
        start = pairs.pop()[1] if pairs[-1][0] == entering else top
        pairs.append((entering, start, end))
        return [point for x, start, end in pairs for point in ((x, start), (x, end))]

    def _ports(self) -> tuple[list[float], list[float]]:
        """Return the x at which each edge leaves its upper box, and enters its lower one."""
        routes = self.layered.routes
        leaving, entering = [0.0] * len(routes), [0.0] * len(routes)
        out_of: list[list[int]] = [[] for _ in range(self.layered.boxes)]
        into: list[list[int]] = [[] for _ in range(self.layered.boxes)]
        for number, (upper, lower) in enumerate(self.edges):
            out_of[upper].append(number)
            into[lower].append(number)
        for box in range(self.layered.boxes):
            for numbers, found, at in ((out_of[box], leaving, 1), (into[box], entering, -2)):
                self._spread(box, numbers, found, at)
        return leaving, entering

    def _spread(self, box: int, numbers: list[int], found: list[float], at: int) -> None:
        """Place the ends of a box's edges side by side, in the order of where they come from.

        Edges by the same dummy have one end.
        """
        routes, rank = self.layered.routes, self.rank

        def neighbour(number: int) -> tuple[int, int]:
            item = routes[number][at]
            return (item, -1 if item >= self.layered.boxes else number)

        ends = sorted(
            {neighbour(n) for n in numbers},
            key=lambda end: (self.x[end[0]], rank[end[0]], end[1]),
        )
        step = min(PORT_GAP, self.items[box].width / (len(ends) + 1))
        places = {end: self.x[box] + (i - (len(ends) - 1) / 2) * step for i, end in enumerate(ends)}
        for number in numbers:
            found[number] = places[neighbour(number)]
