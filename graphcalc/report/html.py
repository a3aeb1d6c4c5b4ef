"""The table of nodes as HTML, for notebooks."""

from __future__ import annotations

from html import escape

from graphcalc.report.table import MAX_ROWS, build
from graphcalc.trace import Trace

_COLOURS = {"input": "#b58900", "operation": "#268bd2", "result": "#8b5a2b"}


def as_html(trace: Trace) -> str:
    """Return the trace's first records as an HTML table; every text is escaped."""
    table = build(trace[:MAX_ROWS], trace, is_short=True, limit=None)
    head = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    rows = "".join(
        f'<tr style="color:{_COLOURS[role]}">'
        + "".join(f"<td><code>{escape(cell)}</code></td>" for cell in cells)
        + "</tr>"
        for role, cells in table.rows
    )
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        f"<caption>{escape(table.caption)}</caption></table>"
    )
