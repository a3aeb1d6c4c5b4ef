"""A diagram in the characters of a terminal: boxes and lines, or a tree where it is too large."""

from __future__ import annotations

from collections.abc import Iterator

from graphcalc.drawing.canvas import ASCII, UNICODE, Canvas
from graphcalc.drawing.cells import CellLayout, CellSize, lay_out_cells
from graphcalc.drawing.diagram import Box, Diagram
from graphcalc.drawing.node_texts import BoxLine
from graphcalc.drawing.tree import Branch, as_tree, cut, pieces
from graphcalc.report.safe import encodable
from graphcalc.report.safe import width as columns

# More boxes than these are a tree.
MOST_BOXES = 40
# What colours roles and kinds of text, as parameters of the escape sequence `SGR`.
_STYLES = {
    "input": "33",
    "operation": "34",
    "result": "38;5;137",
    "name": "1",
    "gradient": "31",
    "born": "1;31",
    "carried": "31",
    "backward": "31",
    "label": "2",
    "more": "2",
    "caption": "2",
}
# Characters of texts that ASCII has something like.
_LIKE = str.maketrans("∂×−↑↓←└", "dx-^v<+")


def as_characters(
    diagram: Diagram, width: int = 80, *, has_colour: bool = False, is_ascii: bool = False
) -> str:
    """Return the diagram as lines of at most `width` columns, and a last one with its remarks.

    Without room for the labels of arrows these are left out, and without room for the boxes the
    diagram is a tree. `has_colour` colours roles; `is_ascii` uses ASCII alone.
    """
    shown = _in_ascii(diagram) if is_ascii else diagram
    boxes = _boxes(shown, width, is_ascii)
    lines = list(_tree(shown, width, is_ascii)) if boxes is None else boxes
    lines.append([((" - " if is_ascii else " · ").join(shown.remarks), "caption")])
    painted = _painted if has_colour else _plain
    return "\n".join("".join(painted(*part) for part in line) for line in lines) + "\n"


def _painted(text: str, kind: str) -> str:
    style = _STYLES.get(kind)
    return f"\x1b[{style}m{text}\x1b[0m" if style and text else text


def _plain(text: str, kind: str) -> str:
    return text


def _boxes(diagram: Diagram, width: int, is_ascii: bool) -> list[list[tuple[str, str]]] | None:
    """Return the lines of a picture of boxes; None where there is no room for it."""
    if len(diagram.boxes) > MOST_BOXES:
        return None
    bare = diagram._replace(arrows=[arrow._replace(label="") for arrow in diagram.arrows])
    for shown in (diagram, bare):
        layout = _layout(shown)
        if layout.width <= width:
            return list(_draw(shown, layout, is_ascii))
    return None


def _layout(diagram: Diagram) -> CellLayout:
    entries = [0] * len(diagram.boxes)
    for arrow in diagram.arrows:
        entries[arrow.lower] += 1
    sizes = [_size(box, count) for box, count in zip(diagram.boxes, entries)]
    labels = [_label_size(arrow.label) if arrow.label else None for arrow in diagram.arrows]
    edges = [(arrow.upper, arrow.lower) for arrow in diagram.arrows]
    return lay_out_cells(sizes, edges, labels)


def _size(box: Box, entries: int) -> CellSize:
    """Return the size of a box, with room for its texts and for the lines that enter it."""
    text = max((columns(line.text) for line in box.lines), default=0) + 4
    return CellSize(max(text, 2 * entries + 3) | 1, len(box.lines) + 2)


def _label_size(label: str) -> CellSize:
    return CellSize((columns(label) + 2) | 1, 1)


def _draw(diagram: Diagram, layout: CellLayout, is_ascii: bool) -> Iterator[list[tuple[str, str]]]:
    canvas = Canvas(layout.width, layout.height, ASCII if is_ascii else UNICODE)
    canvas.lines(layout.lines, layout.heads)
    for number, (box, place) in enumerate(zip(diagram.boxes, layout.boxes)):
        canvas.box(place, box.role, layout.ports.get(number), _border(box))
        for row, line in enumerate(box.lines, place.top + 1):
            left = place.left + (place.width - columns(line.text)) // 2
            canvas.put(left, row, line.text, line.kind)
    for arrow, label in zip(diagram.arrows, layout.labels):
        if label is not None:
            end = " " * (label.width - columns(arrow.label) - 1)
            canvas.put(label.left, label.top, f" {arrow.label}{end}", "label")
    return canvas.rows()


def _border(box: Box) -> str:
    """Return the kind of a box's border."""
    return "born" if box.born else "carried" if box.carried else box.role


def _tree(diagram: Diagram, width: int, is_ascii: bool) -> Iterator[list[tuple[str, str]]]:
    for line in as_tree(diagram, width):
        parts = list(pieces(line)) if isinstance(line, Branch) else [(line, "caption")]
        if is_ascii:
            parts = [(_ascii(text.replace(" · ", "; ")), kind) for text, kind in parts]
        yield [part for part in cut(parts, width, "..." if is_ascii else "…") if part[0]]


def _in_ascii(diagram: Diagram) -> Diagram:
    """Return the diagram with texts in ASCII, of which the sizes of boxes follow."""
    boxes = [
        box._replace(lines=tuple(BoxLine(_ascii(line.text), line.kind) for line in box.lines))
        for box in diagram.boxes
    ]
    arrows = [arrow._replace(label=_ascii(arrow.label)) for arrow in diagram.arrows]
    return diagram._replace(boxes=boxes, arrows=arrows, remarks=tuple(map(_ascii, diagram.remarks)))


def _ascii(text: str) -> str:
    return encodable(text.translate(_LIKE), "ascii")
