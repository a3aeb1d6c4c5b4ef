"""The document around the picture: steps, tables, style and script in one file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html import escape

from graphcalc.diagnostics import LimitError
from graphcalc.drawing.diagram import with_fewer_boxes
from graphcalc.drawing.nesting import Nesting
from graphcalc.drawing.page.code import PackedCode, packed_code
from graphcalc.drawing.page.model import Json, PageModel, unless_counting
from graphcalc.drawing.page.picture import HEAD, picture
from graphcalc.drawing.page.program import operations, program, why_fixed
from graphcalc.drawing.page.views import View, nested_views
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
SHARED = ("type", "source")
# What would end the script element, as an escape of JSON.
_ESCAPES = {ord("<"): "\\u003c"}
_WITHOUT_SCRIPT = '<p id="note">To step, use a browser from 2023 or later, with JavaScript.</p>'
_LINE_END = re.compile(r"\r\n?|\n")


def as_page(root: View, nesting: Nesting, trace: Trace, digits: int | None = None) -> str:
    """Return the page: one HTML document that needs no other file and asks for none.

    Where it would have more than `MAX_BYTES`, it has no pictures of what is inside of folded boxes;
    then it computes nothing; and then the nodes inside of folded boxes are left out.
    Raises LimitError where that does not suffice.
    """
    for model, why in _models(root, nesting, trace, digits):
        page = "\n".join(_document(model, why))
        if len(page.encode()) <= MAX_BYTES:
            return page
    raise LimitError(
        "page-size",
        f"the page of {len(root.diagram.boxes):,} boxes would have more than "
        f"{MAX_BYTES // 1000} kB",
        help=with_fewer_boxes(root.diagram.more_folding, "write .svg, which takes more"),
    )


def _models(
    root: View, nesting: Nesting, trace: Trace, digits: int | None
) -> Iterator[tuple[PageModel, str]]:
    """Yield what pages could say, the longest first, and why they are records; empty if not."""
    if len(root.diagram.boxes) > _MOST_BOXES:
        return
    if len(trace.positions) <= _MOST_NODES:
        nested = PageModel(nested_views(root, nesting), trace, digits)
        flat = PageModel([root], trace, digits)
        why = why_fixed(flat)
        yield from ((model, why) for model in (nested, flat))
        if not why:
            yield flat, "the page would be too long"
    least = PageModel([root], trace, digits, has_all=False)
    yield least, why_fixed(least) or "the page would be too long"


def _document(model: PageModel, why: str) -> Iterator[str]:
    """Yield the lines; `why` is why the page is a record, empty where it computes."""
    title = escape(model.views[0].scene.title)
    code = packed_code(can_compute=not why)
    script = _script(model, code, can_compute=not why)
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    styles, scripts = _hashes(code.style), _hashes(script, code.script)
    policy = f"default-src 'none';style-src {styles};script-src {scripts}"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
    yield f"<style>{code.style}</style></head><body>"
    yield f'<div id="top"><header><h1>{title}</h1><pre>{escape(isolated(_program(model)))}</pre>'
    yield from map("<p>{}</p>".format, _remarks(model))
    yield '</header><main><div id="picture">'
    for number, view in enumerate(model.views):
        title = f' data-title="{escape(isolated(view.scene.title))}"' if number else ""
        yield f"<figure{title}>"
        yield from picture(view.scene, "" if number else HEAD)
        yield "</figure>"
    yield f"</div></main></div>{_WITHOUT_SCRIPT}"
    yield from _steps(model)
    data = _data(model) | ({"why": why} if why else {"program": program(model)})
    yield f'<script type="application/json" id="data">{_json(data)}</script>'
    yield f"<script>{script}</script></body></html>"
    yield ""


def _remarks(model: PageModel) -> Iterator[str]:
    """Yield what the page leaves out to be short."""
    if model.left_out:
        yield f"{model.left_out:,} nodes inside of folded boxes are left out of the steps."
    elif model.is_flat:
        yield "Of some folded boxes the nodes inside are a list: pictures would be too long."


def _steps(model: PageModel) -> Iterator[str]:
    """Yield the steps as lists: what the page says at each, and what is printed of it."""
    yield '<section id="steps">'
    for title, lines, start in (
        ("Forward", model.forward, 1),
        ("Backward", model.backward, len(model.forward) + 1),
    ):
        if lines:
            yield f'<div><h2>{title}</h2><ol start="{start}">'
            yield from map(_step, lines)
            yield "</ol></div>"
    yield "</section>"


def _step(line: StepLine) -> str:
    remark = f"<small> ({escape(isolated(safe(line.remark)))})</small>" if line.remark else ""
    return f"<li>{escape(isolated(safe(line.text)), quote=False)}{remark}</li>"


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
        fields: list[Json] = [shared.get(k, v) for k, v in facts._asdict().items()]
        while fields[-1] is None:
            fields.pop()
        nodes.append(fields)
    found: dict[str, Json] = {
        "texts": list(texts),
        "nodes": nodes,
        "back": model.steps_back(),
        "answers": model.answers(),
        "arrows": model.arrows(),
        "labels": unless_counting(model.labels()),
        "shown": unless_counting(model.shown()),
        "views": [view.parent for view in model.views],
        "target": safe(model.trace.target or ""),
    }
    return {key: value for key, value in found.items() if value}


def _json(data: Json) -> str:
    """Return JSON that no HTML parser takes for markup."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def _script(model: PageModel, code: PackedCode, *, can_compute: bool) -> str:
    """Return the script that unpacks the others, with the functions of the program alone."""
    functions = ",".join(operations(model.graph)) if can_compute else ""
    found = f"const FUNCTIONS=[{functions}];" if can_compute else ""
    return found + code.start


def _hashes(*texts: str) -> str:
    """Return what a Content-Security-Policy says of elements with these texts."""
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()) for text in texts)
    return " ".join(f"'sha256-{digest.decode()}'" for digest in digests)
