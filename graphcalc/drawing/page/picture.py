"""A picture of a page: a scene as SVG without colours, which the page's style has."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from graphcalc.drawing.layout import Point
from graphcalc.drawing.palette import SHADE
from graphcalc.drawing.scene import STACK, BoxShape, LineShape, Scene, TextShape, path
from graphcalc.report.safe import isolated

_LETTERS = {"move": "M", "curve": "C"}
# Kinds of texts as the page's style and script call them.
KINDS = {
    "name": ' class="n"',
    "expression": ' class="x"',
    "value": ' class="v"',
    "gradient": ' class="g"',
    "born": ' class="born"',
    "carried": ' class="carried"',
    "backward": ' class="backward"',
    "more": ' class="x"',
    "caption": ' class="x"',
    "label": ' class="l"',
}
# The end of a line, on the way forward.
HEAD = '<marker id="m" markerUnits="userSpaceOnUse"><path d="M0,0l-3.6,-8h7.2z"/></marker>'


def picture(scene: Scene, head: str) -> Iterator[str]:
    """Yield the elements of the picture, edges, boxes and labels in the order of the scene.

    `head` is a definition that the pictures of a page have in common.
    """
    width, height = _number(scene.width), _number(scene.height)
    yield f'<svg viewBox="0 0 {width} {height}">{head}<g><g class="edges">'
    for line in scene.lines:
        yield f'<path d="{path_data(line)}"/>'
    yield "</g>"
    for shape in scene.boxes:
        yield _box(shape)
    for label in scene.labels:
        yield _text(label.text, label.text.x)
    for caption in scene.captions:
        yield _text(caption, caption.x)
    yield "</g></svg>"


def path_data(line: LineShape) -> str:
    """Return the course of a line as SVG writes it, without pieces of no length."""
    drawn = ""
    end: Point | None = None
    for command, points in path(line):
        if command == "line" and points[-1] != end:
            drawn += f"V{_number(points[-1][1])}"
        elif points[-1] != end:
            drawn += _LETTERS[command] + " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        end = points[-1]
    return drawn


def _box(shape: BoxShape) -> str:
    """Return a box around its upper middle; its class is the first letter of its role."""
    box = shape.box
    kinds = box.role[0] + (" born" if box.born else " carried" if box.carried else "")
    at = f"{_number(shape.x + shape.width / 2)},{_number(shape.y)}"
    frame = f'width="{_number(shape.width)}" height="{_number(shape.height)}"'
    parts = [f"<rect {frame}/>", *(_text(t._replace(y=t.y - shape.y), None) for t in shape.texts)]
    if box.shade:
        opacity = min(1.0, box.shade) * SHADE
        parts.insert(1, f'<rect class="shade" {frame} fill-opacity="{opacity:.2f}"/>')
    if box.is_folded:
        parts.insert(0, f'<rect x="{_number(STACK)}" y="{_number(STACK)}" {frame}/>')
    return f'<g class="{kinds}" transform="translate({at})">{"".join(parts)}</g>'


def _text(shape: TextShape, x: float | None) -> str:
    across = "" if x is None else f' x="{_number(x)}"'
    return (
        f'<text{KINDS[shape.kind]}{across} y="{_number(shape.y)}">'
        f"{escape(isolated(shape.text), quote=False)}</text>"
    )


def _number(number: float) -> str:
    """Return a number in whole pixels."""
    return f"{number:.0f}"
