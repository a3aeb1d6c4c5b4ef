"""The document around the picture: steps, tables, style and script in one file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files

from graphcalc.diagnostics import LimitError
from graphcalc.drawing.diagram import Diagram
from graphcalc.drawing.page.model import Json, PageModel
from graphcalc.drawing.page.picture import picture
from graphcalc.drawing.page.program import operations, program, why_fixed
from graphcalc.drawing.palette import DARK, LIGHT, Palette
from graphcalc.drawing.scene import Scene
from graphcalc.report.safe import isolated, safe
from graphcalc.report.steps import StepLine
from graphcalc.source import RULES
from graphcalc.trace import Trace

# The most bytes of a page, and characters of the program that it shows.
MAX_BYTES = 300_000
_PROGRAM = 4_000
# Nodes and boxes from which on a page with all of them has more bytes, by what each takes at least.
_MOST_NODES = 1_500
_MOST_BOXES = 1_200
# Fields of nodes that many nodes have in common.
SHARED = ("role", "type", "source")
SCRIPTS = ("step.js", "table.js", "view.js", "teach.js")
# What would end the script element or break a line of it, as escapes of JSON.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
_LINE_END = re.compile(r"\r\n?|\n")
_INDENT = re.compile(r"^[ \t]+|^//.*\n?|^\s*\n", re.MULTILINE)


def as_page(diagram: Diagram, scene: Scene, trace: Trace, digits: int | None = None) -> str:
    """Return the page: one HTML document that needs no other file and asks for none.

    Where it would have more than `MAX_BYTES`, it computes nothing, and then the nodes inside of
    folded boxes are left out.
    Raises LimitError where that does not suffice.
    """
    for has_all in (True, False):
        if len(diagram.boxes) > _MOST_BOXES or (has_all and len(trace.positions) > _MOST_NODES):
            continue
        model = PageModel(diagram, trace, digits, has_all=has_all)
        why = why_fixed(model)
        for reason in [why] if why else ["", "the page would be too long"]:
            page = "\n".join(_document(scene, model, reason))
            if len(page.encode()) <= MAX_BYTES:
                return page
    raise LimitError(
        "page-size",
        f"the page of {len(diagram.boxes):,} boxes would have more than {MAX_BYTES // 1000} kB",
        help="fold calls of functions with --depth 0, or write .svg, which has no limit",
    )


def _document(scene: Scene, model: PageModel, why: str) -> Iterator[str]:
    """Yield the lines; `why` is why the page is a record, empty where it computes."""
    title = escape(scene.title)
    style, script = _style(), _script(model, can_compute=not why)
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width"><meta name="color-scheme" '
    yield f'content="light dark"><title>{title}</title>'
    yield f"<style>{style}</style></head><body>"
    yield f'<div id="top"><header><h1>{title}</h1><pre>{escape(isolated(_program(model)))}</pre>'
    if model.left_out:
        yield f"<p>{model.left_out:,} nodes inside of folded boxes are left out of the steps.</p>"
    yield "</header>"
    yield '<main><div id="picture">'
    yield from picture(scene, model)
    yield f"</div>{_TOOLS}{_side(why)}</main></div>"
    yield from _steps(model)
    data = _data(model) if why else _data(model) | {"program": program(model, scene)}
    yield f'<script type="application/json" id="data">{_json(data)}</script>'
    yield f"<script>{script}</script></body></html>"
    yield ""


_TOOLS = (
    '<div id="zoom"><button id="out" aria-label="Zoom out" title="-">−</button>'
    '<button id="fit" title="0">Fit</button>'
    '<button id="in" aria-label="Zoom in" title="+">+</button></div>'
    '<section id="controls" aria-label="Steps"><p id="say" role="status"></p><div>'
    '<button id="first" aria-label="To the start" title="Home">|◀</button>'
    '<button id="back" aria-label="Step back" title="←">◀</button>'
    '<button id="play" title="Space">Play</button>'
    '<button id="next" aria-label="Next step" title="→">▶</button>'
    '<button id="last" aria-label="To the end" title="End">▶|</button>'
    '<input id="slider" type="range" min="0" aria-label="Step"></div>'
    '<div><label><input id="predict" type="checkbox"> Predict, then look</label>'
    '<label><input id="quiz" type="checkbox"> Quiz</label><form id="ask" hidden>'
    '<input id="answer" aria-label="Your value" autocomplete="off"><button>Check</button>'
    '<button id="show" type="button">Show</button><output></output></form></div></section>'
)


_EDITABLE = "Change an input: values and gradients are computed here."


def _side(why: str) -> str:
    note = f"A record of one run: {escape(why)}." if why else _EDITABLE
    return (
        '<aside><input id="search" type="search" placeholder="Search nodes (/)" '
        f'aria-label="Search nodes"><p id="note">{note}</p><div id="nodes"><table></table></div>'
        '<section id="facts" aria-label="Node"></section></aside>'
    )


def _steps(model: PageModel) -> Iterator[str]:
    """Yield the steps as lists: what the page says at each, and what is printed of it."""
    yield '<section id="steps">'
    for title, lines, start in (
        ("Forward", model.lines[: model.forward], 1),
        ("Backward", model.lines[model.forward :], model.forward + 1),
    ):
        if lines:
            yield f'<div><h2>{title}</h2><ol start="{start}">'
            yield from map(_step, lines)
            yield "</ol></div>"
    yield "</section>"


def _step(line: StepLine) -> str:
    remark = f" <small>({escape(isolated(safe(line.remark)))})</small>" if line.remark else ""
    return f"<li><code>{escape(isolated(safe(line.text)))}</code>{remark}</li>"


def _program(model: PageModel) -> str:
    """Return the program, its lines made safe."""
    sources = dict.fromkeys(
        node.source
        for node in model.graph.nodes[: model.graph.forward]
        if node.name is not None and node.source.name != RULES and not node.is_bound
    )
    text = "\n".join(source.text.strip("\r\n") for source in sources)
    cut = text if len(text) <= _PROGRAM else f"{text[:_PROGRAM]}…"
    return "\n".join(map(safe, _LINE_END.split(cut)))


def _data(model: PageModel) -> dict[str, Json]:
    """Return what the script reads; texts that nodes share stand once in `texts`."""
    texts: dict[str, int] = {}
    nodes: list[Json] = []
    for facts in model.nodes():
        shared = {k: texts.setdefault(getattr(facts, k), len(texts)) for k in SHARED}
        nodes.append([shared.get(k, v) for k, v in facts._asdict().items()])
    return {
        "texts": list(texts),
        "nodes": nodes,
        "steps": model.steps(),
        "arrows": [[arrow.upper, arrow.lower] for arrow in model.diagram.arrows],
        "forward": model.forward,
        "target": safe(model.trace.target or ""),
    }


def _json(data: Json) -> str:
    """Return JSON that no HTML parser takes for markup."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def _style() -> str:
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    return f":root{{{_variables(LIGHT)}}}{dark}{_read('page.css')}"


def _variables(palette: Palette) -> str:
    """Return the colours of a palette as custom properties."""
    found = {
        "paper": palette.paper,
        "line": palette.line,
        "text": palette.text,
        "muted": palette.muted,
        "gradient": palette.gradient,
        "born": palette.born,
        "shade": palette.shade,
        **palette.fill,
        **{f"{role}-line": colour for role, colour in palette.border.items()},
    }
    return "".join(f"--{name}:{colour};" for name, colour in found.items())


def _script(model: PageModel, *, can_compute: bool) -> str:
    """Return the script; the evaluator has no other functions than those of the program."""
    parts = [_read(name) for name in SCRIPTS]
    if can_compute:
        functions = ",\n".join(operations(model.graph).values())
        parts += [f"const FUNCTIONS=[{functions}];\n", _read("edit.js")]
    return "".join([*parts, "start();\nteach();\n"])


@cache
def _read(name: str) -> str:
    """Return a file of the page without its indentation and its lines of comment."""
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return _INDENT.sub("", text)


def _hash(text: str) -> str:
    """Return what a Content-Security-Policy says of an element with this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
