"""The table of nodes as HTML, for notebooks."""

from __future__ import annotations

from html import escape

from graphcalc.analysis.gradcheck import GradientCheck
from graphcalc.analysis.plan import Plan
from graphcalc.report import gradcheck, plan
from graphcalc.report.table import MAX_ROWS, NodeTable, build
from graphcalc.trace import Trace

_COLOURS = {"input": "#b58900", "operation": "#268bd2", "result": "#8b5a2b"}


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
