"""A scene as SVG: plain shapes and selectable text, light or dark as the reader's screen is."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from graphcalc.drawing.layout import Point
from graphcalc.drawing.palette import DARK, DASHES, LIGHT, MARKS, SHADE, Palette, text_colour
from graphcalc.drawing.scene import (
    FONT_SIZE,
    LABEL_SIZE,
    STACK,
    BoxShape,
    LineShape,
    Scene,
    TextShape,
    path,
)
from graphcalc.report.safe import isolated

FONTS = "DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, monospace"
_KINDS = ("name", "expression", "value", "gradient", *MARKS, "more", "label", "caption")
_LETTERS = {"move": "M", "line": "L", "curve": "C"}


def as_svg(scene: Scene, dark_in: str = "") -> str:
    """Return the picture as an SVG document.

    It is dark where the reader's screen is or, where `dark_in` is given, inside of the elements
    that this selector of CSS finds.
    """
    width, height = _number(scene.width), _number(scene.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" class="graphcalc" role="img"'
        f' aria-label="{_text(scene.title)}">',
        f"<title>{_text(scene.title)}</title>",
        f"<style>{style(dark_in)}</style>",
        f'<rect class="paper" width="{width}" height="{height}" fill="{LIGHT.paper}"/>',
        *shapes(scene),
        "</svg>",
        "",
    ]
    return "\n".join(lines)


def style(dark_in: str = "") -> str:
    """Return what dark paper changes; light colours stand on the shapes themselves."""
    rules = {
        ".paper": f"fill:{DARK.paper}",
        ".label rect": f"fill:{DARK.paper}",
        ".line": f"stroke:{DARK.line}",
        ".head": f"fill:{DARK.line}",
    }
    for role, fill in DARK.fill.items():
        rules[f".{role} rect"] = f"fill:{fill};stroke:{DARK.border[role]}"
    rules[".born rect"] = f"stroke:{DARK.born}"
    rules |= {f".{kind}": f"fill:{text_colour(DARK, kind)}" for kind in _KINDS}
    inside = f":is({dark_in}) .graphcalc" if dark_in else ".graphcalc"
    text = "".join(f"{inside} {selector}{{{rule}}}" for selector, rule in rules.items())
    return text if dark_in else f"@media (prefers-color-scheme:dark){{{text}}}"


def shapes(scene: Scene) -> Iterator[str]:
    """Yield the elements of the picture, lines below boxes."""
    yield f'<g fill="none" stroke="{LIGHT.line}" stroke-width="1.4">'
    for number, line in enumerate(scene.lines):
        yield f'<path class="line" id="e{number}" d="{_path(line)}"/>'
    yield "</g>"
    yield f'<g fill="{LIGHT.line}">'
    for line in scene.lines:
        yield f'<path class="head" d="{_head(line.points[-1])}"/>'
    yield "</g>"
    yield f'<g font-family="{FONTS}" font-size="{_number(FONT_SIZE)}" text-anchor="middle">'
    for shape in scene.boxes:
        yield from _box(shape, LIGHT)
    for label in scene.labels:
        x, y, w, h = map(_number, (label.x, label.y, label.width, label.height))
        yield f'<g class="label"><rect x="{x}" y="{y}" width="{w}" height="{h}"'
        yield f' fill="{LIGHT.paper}"/>{_line(label.text)}</g>'
    for caption in scene.captions:
        yield _line(caption)
    yield "</g>"


def _box(shape: BoxShape, palette: Palette) -> Iterator[str]:
    box = shape.box
    classes = f"{box.role} born" if box.born else box.role
    yield f'<g class="{classes}" id="{box.key}" role="img"><title>{_text(box.title)}</title>'
    if box.is_folded:
        yield _rectangle(shape, palette, STACK)
    yield _rectangle(shape, palette, 0.0)
    if box.shade:
        yield (
            f'<rect class="shade" x="{_number(shape.x)}" y="{_number(shape.y)}"'
            f' width="{_number(shape.width)}" height="{_number(shape.height)}"'
            f' rx="{_number(radius(shape))}" style="fill:{palette.shade};stroke:none"'
            f' fill-opacity="{min(1.0, box.shade) * SHADE:.2f}"/>'
        )
    yield from map(_line, shape.texts)
    yield "</g>"


def _rectangle(shape: BoxShape, palette: Palette, shift: float) -> str:
    role = shape.box.role
    border = shape.box.border(palette)
    dashes = f' stroke-dasharray="{DASHES}"' if border.is_dashed else ""
    return (
        f'<rect x="{_number(shape.x + shift)}" y="{_number(shape.y + shift)}"'
        f' width="{_number(shape.width)}" height="{_number(shape.height)}"'
        f' rx="{_number(radius(shape))}" fill="{palette.fill[role]}" stroke="{border.colour}"'
        f' stroke-width="{_number(border.weight)}"{dashes}/>'
    )


def radius(shape: BoxShape) -> float:
    """Return the radius of a box's corners: inputs are round, operations and results are not."""
    return min(16.0, shape.height / 2) if shape.box.role == "input" else 4.0


def _line(shape: TextShape) -> str:
    more = ""
    if shape.kind == "name":
        more = ' font-weight="bold"'
    elif shape.kind == "label":
        more = f' font-size="{_number(LABEL_SIZE)}"'
    elif shape.kind == "caption":
        more = ' text-anchor="start"'
    return (
        f'<text class="{shape.kind}" x="{_number(shape.x)}" y="{_number(shape.y)}"'
        f' fill="{text_colour(LIGHT, shape.kind)}"{more} xml:space="preserve">'
        f"{_text(shape.text)}</text>"
    )


def _path(line: LineShape) -> str:
    return "".join(
        _LETTERS[command] + " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        for command, points in path(line)
    )


def _head(end: Point) -> str:
    x, y = end
    return f"M{_number(x)},{_number(y)}l-3.6,-8h7.2z"


def _number(number: float) -> str:
    """Return a number with at most one decimal."""
    return f"{number:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    return escape(isolated(text))
