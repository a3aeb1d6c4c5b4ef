"""A scene as PNG, drawn by resvg from the picture's SVG with the shipped fonts."""

from __future__ import annotations

from graphcalc.diagnostics import LimitError
from graphcalc.drawing.diagram import with_fewer_boxes
from graphcalc.drawing.fonts import BOLD, FAMILY, REGULAR
from graphcalc.drawing.scene import Scene, TextShape
from graphcalc.drawing.svg import as_svg
from graphcalc.drawing.truetype import drawable, font_of, read_font
from graphcalc.packages import load_package

# Pixels of the file for one of the scene, as screens of high density have them; fewer, down to one,
# in a picture that would take seconds to compress. The least is where texts can still be read.
SCALE = 2.0
QUICK_PIXELS = 16_000_000
LEAST = 0.5
# Pixels of a side, and of the whole picture (four bytes each).
LONGEST_SIDE = 16_384
MOST_PIXELS = 64_000_000


def as_png(scene: Scene, scale: float = SCALE) -> bytes:
    """Return the picture as a PNG file; a large one has fewer pixels.

    Raises LimitError where its texts could not be read, and BackendError without resvg.
    """
    zoom = fitting(scene, scale)
    resvg = load_package("resvg_py", "PNG pictures need", None)
    return bytes(
        resvg.svg_to_bytes(
            svg_string=as_svg(_drawable(scene)),
            zoom=zoom,
            skip_system_fonts=True,
            font_files=[str(REGULAR), str(BOLD)],
            font_family=FAMILY,
            monospace_family=FAMILY,
        )
    )


def fitting(scene: Scene, scale: float) -> float:
    """Return the scale at which a picture is drawn; LimitError where that is too small."""
    width, height = scene.width, scene.height
    quick: float = max(1.0, (QUICK_PIXELS / (width * height)) ** 0.5)
    most: float = min(LONGEST_SIDE / max(width, height), (MOST_PIXELS / (width * height)) ** 0.5)
    if most < LEAST:
        raise LimitError(
            "picture-size",
            f"the picture is {width:,.0f} × {height:,.0f} pixels, more than a PNG can show"
            f" ({LONGEST_SIDE:,} a side, {MOST_PIXELS // 1_000_000} million in all)",
            help=with_fewer_boxes(scene.more_folding, "write .svg or .pdf"),
        )
    return min(scale, quick, most)


def _drawable(scene: Scene) -> Scene:
    """Return the scene with visible replacements for what the fonts lack."""
    return scene._replace(
        boxes=[b._replace(texts=tuple(map(_replaced, b.texts))) for b in scene.boxes],
        labels=[label._replace(text=_replaced(label.text)) for label in scene.labels],
        captions=list(map(_replaced, scene.captions)),
    )


def _replaced(shape: TextShape) -> TextShape:
    return shape._replace(text=drawable(shape.text, read_font(font_of(shape.kind))))
