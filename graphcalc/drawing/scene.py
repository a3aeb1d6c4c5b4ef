"""A picture with every shape in its place, in pixels from the upper left corner."""

from __future__ import annotations

from typing import NamedTuple

from graphcalc.drawing.diagram import Box, Diagram
from graphcalc.drawing.layout import Extent, LayOut, Point, lay_out
from graphcalc.report.safe import width as columns

# Text: its size, how wide a column of the shipped monospace font is, and how far lines stand apart.
FONT_SIZE = 12.0
COLUMN = 0.602 * FONT_SIZE
LINE = 16.0
LABEL_SIZE = 11.0
# From a box's border to its text, from the outermost boxes to the edge of the picture.
PADDING = Extent(12.0, 8.0)
MARGIN = 20.0
# The least width of the remarks below a picture, which else are as wide as the boxes.
CAPTION = 360.0
# How far the second border of a folded box stands out.
STACK = 4.0


class TextShape(NamedTuple):
    """A line of text around `x`, on the baseline `y`; `kind` is that of a line of a box, or
    `label` or `caption`."""

    x: float
    y: float
    text: str
    kind: str


class BoxShape(NamedTuple):
    """A box with its texts; `x` and `y` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    box: Box
    texts: tuple[TextShape, ...]


class LineShape(NamedTuple):
    """An edge, which ends in an arrow: pairs of points, and the numbers of its two boxes.

    Between the two points of a pair the line is straight, and from a pair to the next it is a
    curve that begins and ends vertically. The points of a spline are its start, and two handles
    and the end of each of its curves.
    """

    points: tuple[Point, ...]
    upper: int
    lower: int
    is_spline: bool = False


class LabelShape(NamedTuple):
    """A text on an edge, on a background that interrupts it; `x` and `y` are its upper left corner.

    `line` is the number of the edge.
    """

    x: float
    y: float
    width: float
    height: float
    text: TextShape
    line: int


class Scene(NamedTuple):
    """Everything that a writer draws; `more_folding` is the diagram's."""

    width: float
    height: float
    title: str
    boxes: list[BoxShape]
    lines: list[LineShape]
    labels: list[LabelShape]
    captions: list[TextShape]
    more_folding: str = ""


def scene_of(diagram: Diagram, lay_out: LayOut = lay_out) -> Scene:
    """Return a diagram with a place for everything, in the layered layout or in another."""
    sizes = [_box_size(box) for box in diagram.boxes]
    edges = [(arrow.upper, arrow.lower) for arrow in diagram.arrows]
    labels = [_label_size(arrow.label) if arrow.label else None for arrow in diagram.arrows]
    layout = lay_out(sizes, edges, labels)
    boxes = [
        _box_shape(box, size, (x + MARGIN, y + MARGIN))
        for box, size, (x, y) in zip(diagram.boxes, sizes, layout.centres)
    ]
    lines, label_shapes = [], []
    for number, (arrow, route) in enumerate(zip(diagram.arrows, layout.routes)):
        points = tuple((_round(x + MARGIN), _round(y + MARGIN)) for x, y in route.points)
        lines.append(LineShape(points, arrow.upper, arrow.lower, route.is_spline))
        size = labels[number]
        if route.label is not None and size is not None:
            x, y = route.label
            label_shapes.append(_label_shape(arrow.label, size, x + MARGIN, y + MARGIN, number))
    captions = _wrapped(" · ".join(diagram.remarks), max(layout.size.width, CAPTION) / COLUMN)
    text_width = max(map(columns, captions)) * COLUMN
    width = max(layout.size.width, text_width) + 2 * MARGIN
    bottom = layout.size.height + 2 * MARGIN
    shapes = [
        TextShape(MARGIN, _round(bottom + i * LINE), text, "caption")
        for i, text in enumerate(captions)
    ]
    height = bottom + len(captions) * LINE
    return Scene(
        _round(width),
        _round(height),
        diagram.title,
        boxes,
        lines,
        label_shapes,
        shapes,
        diagram.more_folding,
    )


def _round(number: float) -> float:
    return round(number, 1)


def _wrapped(text: str, room: float) -> list[str]:
    """Return a text as lines of so many columns, or of one word that is longer."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and columns(longer) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _box_size(box: Box) -> Extent:
    text = max((columns(line.text) for line in box.lines), default=0) * COLUMN
    height = len(box.lines) * LINE + 2 * PADDING.height
    return Extent(_round(max(text + 2 * PADDING.width, 44.0)), height)


def _label_size(text: str) -> Extent:
    return Extent(_round(columns(text) * COLUMN * LABEL_SIZE / FONT_SIZE + 10.0), 18.0)


def _box_shape(box: Box, size: Extent, centre: Point) -> BoxShape:
    x, y = _round(centre[0] - size.width / 2), _round(centre[1] - size.height / 2)
    texts = tuple(
        TextShape(
            _round(centre[0]), _round(y + PADDING.height + (i + 0.78) * LINE), line.text, line.kind
        )
        for i, line in enumerate(box.lines)
    )
    return BoxShape(x, y, size.width, size.height, box, texts)


def _label_shape(text: str, size: Extent, x: float, y: float, line: int) -> LabelShape:
    left, top = _round(x - size.width / 2), _round(y - size.height / 2)
    shape = TextShape(_round(x), _round(y + 4.0), text, "label")
    return LabelShape(left, top, size.width, size.height, shape, line)


def path(line: LineShape) -> list[tuple[str, tuple[Point, ...]]]:
    """Return a line as drawing commands: move, line and curve with their points."""
    points = line.points
    commands: list[tuple[str, tuple[Point, ...]]] = [("move", points[:1])]
    if line.is_spline:
        return commands + [("curve", points[i : i + 3]) for i in range(1, len(points), 3)]
    for number in range(1, len(points)):
        end = points[number]
        if number % 2:
            commands.append(("line", (end,)))
        else:
            start = points[number - 1]
            middle = _round((start[1] + end[1]) / 2)
            commands.append(("curve", ((start[0], middle), (end[0], middle), end)))
    return commands
