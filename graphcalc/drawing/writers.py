"""The formats of pictures, by the endings of their files."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from graphcalc.diagnostics import UsageError, brief, did_you_mean

if TYPE_CHECKING:
    from graphcalc.drawing.diagram import Diagram
    from graphcalc.drawing.nesting import Nesting
    from graphcalc.drawing.scene import Scene
    from graphcalc.trace import Trace


class Drawable(Protocol):
    """What writers take of a picture; a plan's has no trace."""

    diagram: Diagram
    nesting: Nesting
    trace: Trace | None
    digits: int | None

    @property
    def scene(self) -> Scene:
        """The picture with a place for everything."""

    @property
    def svg(self) -> str:
        """The picture as an SVG document."""


def _svg(picture: Drawable) -> bytes:
    return picture.svg.encode()


def _pdf(picture: Drawable) -> bytes:
    from graphcalc.drawing.pdf import as_pdf

    return as_pdf(picture.scene)


def _png(picture: Drawable) -> bytes:
    from graphcalc.drawing.png import as_png

    return as_png(picture.scene)


def _html(picture: Drawable) -> bytes:
    from graphcalc.drawing.page import View, as_page

    if picture.trace is None:
        raise UsageError(
            "page-plan",
            "a page of HTML steps through a run, and a plan has none",
            help="write .svg, which has shapes and costs",
        )
    root = View(picture.diagram, picture.scene)
    return as_page(root, picture.nesting, picture.trace, picture.digits).encode()


def _dot(picture: Drawable) -> bytes:
    from graphcalc.drawing.dot import as_dot

    return as_dot(picture.diagram).encode()


def _mermaid(picture: Drawable) -> bytes:
    from graphcalc.drawing.mermaid import as_mermaid

    return as_mermaid(picture.diagram).encode()


# What draws a picture, by the ending of the file.
FORMATS: dict[str, Callable[[Drawable], bytes]] = {
    "svg": _svg,
    "pdf": _pdf,
    "png": _png,
    "html": _html,
    "dot": _dot,
    "gv": _dot,
    "mmd": _mermaid,
}


# What to write in place of formats that are not there.
_INSTEAD = {
    **dict.fromkeys(("jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff"), "write .png"),
    **dict.fromkeys(("eps", "ps"), "write .pdf"),
    **dict.fromkeys(("tex", "tikz"), "write .pdf, which LaTeX includes"),
    **dict.fromkeys(("md", "markdown", "mermaid"), "write .mmd, for Mermaid in Markdown"),
    **dict.fromkeys(("txt", "text"), "--graph - draws in the terminal's characters"),
    **dict.fromkeys(("doc", "docx", "odt", "ppt", "pptx"), "write .svg or .png, to be inserted"),
    "svgz": "write .svg.gz",
    "json": "--format json prints the nodes",
}


def format_of(path: str) -> str:
    """Return the format that a file's ending names; UsageError where there is none."""
    _, dot, ending = path.lower().removesuffix(".gz").rpartition("/")[2].rpartition(".")
    if dot and ending in FORMATS:
        return ending
    raise UsageError(
        "picture-format",
        f"`{brief(path)}` names no format of pictures; they are "
        + ", ".join(f".{name}" for name in FORMATS),
        help=_hint(path, ending, has_dot=bool(dot)),
    )


def _hint(path: str, ending: str, *, has_dot: bool) -> str:
    if "=" in path or " " in path:
        return "name a file before the program: --graph g.svg"
    if not has_dot and ending in FORMATS:
        return f"name a file: g.{ending}"
    return _INSTEAD.get(ending) or did_you_mean(ending, FORMATS)


def draw(picture: Drawable, format: str) -> bytes:
    """Return a picture as the bytes of a file."""
    return FORMATS[format](picture)
