"""The table of nodes as HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from graphcalc.analysis.gradcheck import GradientCheck
from graphcalc.analysis.plan import Plan
from graphcalc.report import gradcheck, plan
from graphcalc.report.safe import isolated
from graphcalc.report.table import MAX_ROWS, NodeTable, build
from graphcalc.trace import Trace

# Borders of roles, which are seen on light and on dark paper; texts have the notebook's colour.
_COLOURS = {"input": "#b58900", "operation": "#268bd2", "result": "#a0703c"}
_CELL = "text-align:left;padding:.2em .6em"


def as_html(trace: Trace) -> str:
    """Return the trace's first records as an HTML table; every text is escaped."""
    return _drawn(build(trace[:MAX_ROWS], trace, is_short=True, limit=None))


def plan_as_html(planned: Plan) -> str:
    """Return a plan's first nodes as an HTML table."""
    return _drawn(plan.build(planned, MAX_ROWS))


def check_as_html(checked: GradientCheck) -> str:
    """Return gradients beside differences as an HTML table."""
    return _drawn(gradcheck.build(checked, checked.target))


def _drawn(table: NodeTable) -> str:
    head = "".join(f'<th style="{_CELL}">{_text(name)}</th>' for name in table.header)
    rows = "".join(_row(role, cells) for role, cells in table.rows)
    return (
        '<table style="border-collapse:collapse;margin:0">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        f'<caption style="caption-side:bottom;text-align:left">{_text(table.caption)}</caption>'
        "</table>"
    )


def _row(role: str, cells: Sequence[str]) -> str:
    drawn = "".join(f'<td style="{_CELL}"><code>{_text(cell)}</code></td>' for cell in cells)
    return f'<tr style="border-left:4px solid {_COLOURS[role]}">{drawn}</tr>'


def _text(text: str) -> str:
    return escape(isolated(text))
