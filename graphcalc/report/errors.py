"""Diagnostics as text: with the source line and carets, on one line, or as JSON."""

from __future__ import annotations

import json

from graphcalc.diagnostics import Diagnostic, Label
from graphcalc.report.safe import safe, width
from graphcalc.source import Source, Span

# Characters of a longer source line that are printed around the span.
_WINDOW = 100
_TAB = "    "


def draw_line(diagnostic: Diagnostic) -> str:
    """Return a diagnostic on one line: `graphcalc: SOURCE:LINE:COL: KIND error: MESSAGE`."""
    where = ""
    if diagnostic.labels:
        where = f"{location(diagnostic.labels[0])}: "
    parts = [diagnostic.message, diagnostic.note, diagnostic.help]
    text = safe("; ".join(p for p in parts if p))
    return f"graphcalc: {where}{diagnostic.kind} error: {text}\n"


def location(label: Label) -> str:
    """Return `SOURCE:LINE:COL` of a label's start."""
    line, column = label.source.location(label.span.start)
    return f"{safe(label.source.name)}:{line}:{column}"


def draw(diagnostic: Diagnostic) -> str:
    """Return the message, the source lines with carets, the note and the hint."""
    lines = [f"error: {safe(diagnostic.message)}"]
    for number, label in enumerate(diagnostic.labels):
        if number and (not label.text or label.span == diagnostic.labels[0].span):
            continue
        if number and not label.text.startswith(("in ", "opened")):
            continue  # operands are named in the message itself
        lines += _snippet(label, is_first=number == 0)
    lines += [f"  {safe(note)}" for note in (diagnostic.note,) if note]
    lines += [f"  help: {safe(hint)}" for hint in (diagnostic.help,) if hint]
    return "\n".join([*lines, ""])


def _snippet(label: Label, *, is_first: bool) -> list[str]:
    """Return a label's location, its source line, and carets under its span."""
    source, span = label.source, label.span
    number, column = source.location(span.start)
    line = source.line(number)
    start = column - 1
    end = max(start + 1, min(start + span.end - span.start, len(line)))
    cut_before = cut_after = ""
    if len(line) > _WINDOW + 20:
        begin = max(0, start - _WINDOW // 4)
        cut_before = "…" if begin else ""
        cut_after = "…" if begin + _WINDOW < len(line) else ""
        line = line[begin : begin + _WINDOW]
        start, end = start - begin, max(start - begin + 1, min(end - begin, len(line)))
    before, marked, after = (_drawn(part) for part in (line[:start], line[start:end], line[end:]))
    gutter = f"{number} | "
    carets = "^" * max(1, width(marked))
    pad = " " * (width(cut_before) + width(before))
    mark = f" {safe(label.text)}" if label.text and not is_first else ""
    return [
        f"  {location(label)}",
        f"    {gutter}{cut_before}{before}{marked}{after}{cut_after}".rstrip(),
        f"    {' ' * (len(gutter) - 2)}| {pad}{carets}{mark}",
    ]


def _drawn(text: str) -> str:
    """Return a part of a source line, printable, with tabs as spaces."""
    return safe(text.replace("\t", _TAB))


def error_object(diagnostic: Diagnostic, status: int) -> dict[str, object]:
    """Return a diagnostic as JSON values."""
    found: dict[str, object] = {
        "code": diagnostic.code,
        "kind": diagnostic.kind,
        "message": safe(diagnostic.message),
        "exit": status,
        "labels": [
            {**span_object(label.source, label.span), "text": safe(label.text)}
            for label in diagnostic.labels
        ],
    }
    if diagnostic.note:
        found["note"] = safe(diagnostic.note)
    if diagnostic.help:
        found["help"] = safe(diagnostic.help)
    return {"error": found}


def span_object(source: Source, span: Span) -> dict[str, object]:
    """Return a span as JSON values: the source, and line and column of both ends."""
    start, end = source.location(span.start), source.location(span.end)
    return {"source": safe(source.name), "start": list(start), "end": list(end)}


def draw_json(diagnostic: Diagnostic, status: int) -> str:
    """Return a diagnostic as one JSON object on one line."""
    return json.dumps(error_object(diagnostic, status), ensure_ascii=False) + "\n"
