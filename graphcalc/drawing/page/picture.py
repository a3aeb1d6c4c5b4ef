"""The picture in a page: a scene as SVG whose parts say at which step they are reached."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from graphcalc.drawing.layout import Point
from graphcalc.drawing.page.model import PageModel
from graphcalc.drawing.scene import STACK, BoxShape, LineShape, Scene, TextShape, path
from graphcalc.report.safe import isolated

_LETTERS = {"move": "M", "curve": "C"}
# Ends of lines, and how their points lie: gray before the forward pass, blue after it, and red for
# the way back.
_ENDS = (("", -8), ("f", -8), ("b", 8))


def picture(scene: Scene, model: PageModel) -> Iterator[str]:
    """Yield the elements of the picture; colours come from the page's style.

    An attribute `data-s` is the step from which a text is shown, and of an edge `data-f` the step
    that computes with it, `data-b` the one that goes back along it.
    """
    width, height = _number(scene.width), _number(scene.height)
    yield f'<svg viewBox="0 0 {width} {height}" role="group" aria-label="{escape(scene.title)}">'
    yield "<defs>"
    for name, back in _ENDS:
        yield (
            f'<marker id="m{name}" class="{name}" markerUnits="userSpaceOnUse" markerWidth="9" '
            f'markerHeight="9" overflow="visible"><path d="M0,0l-3.6,{back}h7.2z"/></marker>'
        )
    yield '</defs><g id="world"><g class="edges">'
    for number, line in enumerate(scene.lines):
        yield f'<path{_steps(model.arrow_steps(number))} d="{path_data(line)}"/>'
    yield "</g>"
    for number, shape in enumerate(scene.boxes):
        yield from _box(shape, number == 0, model)
    for label in scene.labels:
        yield _text(label.text, model.arrow_steps(label.line)["b"])
    for caption in scene.captions:
        yield _text(caption, None)
    yield "</g></svg>"


def path_data(line: LineShape) -> str:
    """Return the course of a line as SVG writes it, without pieces of no length."""
    drawn = ""
    end: Point | None = None
    for command, points in path(line.points):
        if command == "line" and points[-1] != end:
            drawn += f"V{_number(points[-1][1])}"
        elif points[-1] != end:
            drawn += _LETTERS[command] + " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        end = points[-1]
    return drawn


def _box(shape: BoxShape, is_first: bool, model: PageModel) -> Iterator[str]:
    """Yield a box around its upper middle; the script gives it a label and a role."""
    box = shape.box
    kinds = f"box {box.role}" + (" born" if box.born else " carried" if box.carried else "")
    at = f"{_number(shape.x + shape.width / 2)},{_number(shape.y)}"
    stop = ' tabindex="0"' if is_first else ""
    yield f'<g class="{kinds}"{stop} transform="translate({at})">'
    shifts = (STACK, 0.0) if box.is_folded else (0.0,)
    round_by = min(16.0, shape.height / 2) if box.role == "input" else 4.0
    for shift in shifts:
        yield f"<rect{_frame(shape, shift, round_by)}/>"
    if box.shade:
        opacity = min(1.0, box.shade) * 0.45
        yield f'<rect class="shade"{_frame(shape, 0.0, round_by)} fill-opacity="{opacity:.2f}"/>'
    for text in shape.texts:
        steps = _steps({"s": model.text_step(box, text.kind)})
        y = _number(text.y - shape.y)
        yield f'<text class="{text.kind}" y="{y}"{steps}>{escape(isolated(text.text))}</text>'
    yield "</g>"


def _frame(shape: BoxShape, shift: float, round_by: float) -> str:
    y = f' y="{_number(shift)}"' if shift else ""
    return (
        f' x="{_number(shift - shape.width / 2)}"{y} '
        f'width="{_number(shape.width)}" height="{_number(shape.height)}" rx="{_number(round_by)}"'
    )


def _text(shape: TextShape, step: int | None) -> str:
    return (
        f'<text class="{shape.kind}" x="{_number(shape.x)}" y="{_number(shape.y)}"'
        f"{_steps({'s': step})}>{escape(isolated(shape.text))}</text>"
    )


def _steps(found: dict[str, int | None]) -> str:
    """Return steps as attributes; none of what is shown from the start."""
    return "".join(f' data-{key}="{step}"' for key, step in found.items() if step)


def _number(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
