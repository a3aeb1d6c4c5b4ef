"""What notebooks and prompts of Python show: tables, pictures, and the diagnostics of errors."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from graphcalc.analysis.gradcheck import GradientCheck
from graphcalc.analysis.plan import Plan
from graphcalc.diagnostics import GraphcalcError
from graphcalc.displays import HTML, TEXT
from graphcalc.results import Minimized, Result
from graphcalc.trace import Trace

# Nodes up to which a graph is drawn beside its table.
_LARGE = 5_000


def _result_as_html(result: Result) -> str:
    return (
        '<div style="display:flex;flex-wrap:wrap;align-items:flex-start;gap:1em 2em">'
        f"{_trace_as_html(result.trace)}{_picture_beside(result)}</div>"
    )


def _picture_beside(result: Result) -> str:
    """Return the picture of a graph that is small enough to be looked at."""
    from graphcalc.drawing.pictures import in_notebook, is_readable

    if result.trace.only is not None or len(result.trace) > _LARGE:
        return ""
    picture = result.graph()
    return in_notebook(picture) if is_readable(picture) else ""


def _minimized_as_html(result: Minimized) -> str:
    return f"{_result_as_html(result)}<p>{escape(_descent_line(result))}</p>"


def _trace_as_html(trace: Trace) -> str:
    from graphcalc.report.html import as_html

    return as_html(trace)


def _plan_as_html(plan: Plan) -> str:
    from graphcalc.report.html import plan_as_html

    return plan_as_html(plan)


def _check_as_html(checked: GradientCheck) -> str:
    from graphcalc.report.html import check_as_html

    return check_as_html(checked)


def _trace_as_text(trace: Trace) -> str:
    from graphcalc.report.table import MAX_ROWS, build, draw_plain

    return draw_plain(build(trace[:MAX_ROWS], trace, is_short=True, limit=None)).rstrip("\n")


def _result_as_text(result: Result) -> str:
    return _trace_as_text(result.trace)


def _minimized_as_text(result: Minimized) -> str:
    return f"{_trace_as_text(result.trace)}\n{_descent_line(result)}"


def _descent_line(result: Minimized) -> str:
    from graphcalc.report.descent import as_line

    return as_line(result.history, result.reason, result.descent).rstrip("\n")


def _plan_as_text(plan: Plan) -> str:
    from graphcalc.report import plan as printer
    from graphcalc.report.table import MAX_ROWS, draw_plain

    return draw_plain(printer.build(plan, MAX_ROWS)).rstrip("\n")


def _check_as_text(checked: GradientCheck) -> str:
    from graphcalc.report import gradcheck as printer
    from graphcalc.report.table import draw_plain

    return draw_plain(printer.build(checked, checked.target)).rstrip("\n")


def _error_as_text(error: GraphcalcError) -> str:
    from graphcalc.report.errors import draw

    return draw(error.diagnostic)


def register() -> None:
    """Let objects of these classes show themselves so."""
    HTML.update(_HTML)
    TEXT.update(_TEXT)


_HTML: dict[type, Callable[[Any], str]] = {
    Minimized: _minimized_as_html,
    Result: _result_as_html,
    Trace: _trace_as_html,
    Plan: _plan_as_html,
    GradientCheck: _check_as_html,
}
_TEXT: dict[type, Callable[[Any], str]] = {
    Minimized: _minimized_as_text,
    Result: _result_as_text,
    Trace: _trace_as_text,
    Plan: _plan_as_text,
    GradientCheck: _check_as_text,
    GraphcalcError: _error_as_text,
}
