"""Results on standard output, and notes about them on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from graphcalc.diagnostics import EvaluationError, Label
from graphcalc.report.output import STANDARD_OUTPUT, complain, make_console, wants_rich

if TYPE_CHECKING:
    from graphcalc.analysis.gradcheck import Checked
    from graphcalc.analysis.nan_origins import Origins
    from graphcalc.analysis.plan import Plan
    from graphcalc.backends.base import Value
    from graphcalc.evaluate import Outcome
    from graphcalc.numbers import Nested
    from graphcalc.report.table import NodeTable
    from graphcalc.trace import Kept, Record, Trace

STEPS = ("steps", "steps-md", "steps-tex")
FORMATS = ("table", "json", "jsonl", "csv", "tsv", "md", "value", *STEPS)


class Page(NamedTuple):
    """How to print.

    format   one of `FORMATS`
    color    `auto`, `always` or `never`
    all_rows whether every row of a long table is printed
    digits   significant digits where people read; None for all, or seven on a terminal
    """

    format: str = "table"
    color: str = "auto"
    all_rows: bool = False
    digits: int | None = None


def notify(text: str, label: Label | None = None) -> None:
    """Write a note to standard error, with the place in the program that it is about."""
    from graphcalc.report.errors import location

    where = f"{location(label)}: " if label is not None else ""
    complain(f"graphcalc: {where}note: {text}\n")


def print_plan(plan: Plan, page: Page) -> None:
    """Print a plan, in one of the formats of `report.plan`."""
    from graphcalc.report import plan as printer

    for label in plan.program_graph.notes:
        notify(label.text, label)
    if page.format == "table":
        from graphcalc.report import table

        draw(printer.build(plan, None if page.all_rows else table.MAX_ROWS), page.color)
    else:
        text = printer.as_json(plan) if page.format == "json" else printer.as_csv(plan)
        STANDARD_OUTPUT.write(text)


def draw(built: NodeTable, color: str) -> None:
    """Print a table, by Rich on a terminal and as plain text elsewhere."""
    from graphcalc.report import table

    if not wants_rich(color, STANDARD_OUTPUT.is_on_terminal()):
        STANDARD_OUTPUT.write(table.draw_plain(built))
        return
    console = make_console(color)
    with console.capture() as capture:
        table.draw_rich(built, console)
    STANDARD_OUTPUT.write(capture.get())


def origins_of(outcome: Outcome, *, trace_nan: bool) -> Origins | None:
    """Return where NaN and infinity in a run come from.

    None where nothing that counts is not finite, or finding out takes long, but with `trace_nan`.
    """
    if not trace_nan and not outcome.has_non_finite():
        return None
    from graphcalc.analysis.nan_origins import find_origins, is_repeatable

    if not trace_nan and not is_repeatable(outcome):
        return None
    return find_origins(outcome.graph, outcome.program, outcome.inputs)


def print_run(
    records: Sequence[Record],
    outcome: Outcome,
    page: Page,
    origins: Origins | None,
    *,
    trace_nan: bool = False,
) -> None:
    """Print the records of a run, and where NaN and infinity in it come from.

    With `trace_nan` the report of that is printed too, else notes go to standard error.
    """
    trace = outcome.trace
    if page.format == "table":
        from graphcalc.report import table

        limit = None if page.all_rows else table.MAX_ROWS
        is_short = STANDARD_OUTPUT.is_on_terminal()
        built = table.build(records, trace, is_short=is_short, limit=limit, digits=page.digits)
        draw(built, page.color)
    elif page.format in STEPS:
        from graphcalc.report.steps import as_steps

        STANDARD_OUTPUT.write(as_steps(trace, page.format, page.digits))
    else:
        from graphcalc.report import machine

        is_nested = page.format not in machine.IN_PIECES
        whole = [_whole(record, outcome, is_nested=is_nested) for record in records]
        explained = origins if trace_nan else None
        if page.format in machine.ROUNDED:
            pieces = machine.ROUNDED[page.format](whole, trace, explained, page.digits)
        else:
            pieces = machine.PRINTERS[page.format](whole, trace, explained)
        STANDARD_OUTPUT.write_all(pieces)
    if origins is not None:
        _print_origins(origins, page, trace_nan)
    elif outcome.has_non_finite():
        _note_non_finite(trace)


def _whole(record: Record, outcome: Outcome, *, is_nested: bool) -> Record:
    """Return a record with its whole value and gradient, where the run kept them.

    Large ones are arrays as the run has them, or with `is_nested` nested lists.
    """
    graph = outcome.graph
    position = outcome.trace.positions[record.id]
    value = _whole_value(record.value, position, outcome, is_nested=is_nested)
    if record.gradient is None:
        return record._replace(value=value)
    kept: Kept = record.gradient
    place = graph.gradients[position]
    gradient = _whole_value(kept.value, place, outcome, is_nested=is_nested)
    return record._replace(value=value, gradient=kept._replace(value=gradient))


def _whole_value(
    value: Nested | None, position: int, outcome: Outcome, *, is_nested: bool
) -> Value:
    if value is not None or position not in outcome.values:
        return value
    if not is_nested:
        return outcome.values[position]
    return outcome.program.snapshot(outcome.values[position], sys.maxsize)[0]


def print_gradcheck(checked: Sequence[Checked], target: str, page: Page) -> None:
    """Print gradients beside differences; EvaluationError where one is wrong."""
    from graphcalc.report import gradcheck as printer

    if page.format == "json":
        STANDARD_OUTPUT.write(printer.as_json(checked, target))
    else:
        draw(printer.build(checked, target, page.digits), page.color)
    for remark in printer.remarks(checked):
        notify(remark)
    wrong = [c for c in checked if not c.is_right]
    if wrong:
        worst = max((c.worst for c in wrong), key=lambda e: e.error)
        name = next(c.name for c in wrong if c.worst is worst)
        element = f"[{', '.join(map(str, worst.at))}]" if worst.at else ""
        raise EvaluationError(
            "gradient-check",
            f"the gradient of `{target}` by `{name}{element}` is {worst.gradient:.12g}, "
            f"and differences give {worst.difference:.12g}",
        )


# NaN and infinity


def _note_non_finite(trace: Trace) -> None:
    """Note the first nodes with NaN or infinity that their operands do not have."""
    for record in trace.births()[:3]:
        kinds = " and ".join(record.born)
        label = Label(record.source, record.span)
        notify(f"{kinds} born in `{record.name} = {record.text}`; --trace-nan tells why", label)


def _print_origins(origins: Origins, page: Page, trace_nan: bool) -> None:
    from graphcalc.report import nan_origins

    if not trace_nan:
        for line in nan_origins.as_notes(origins, digits=page.digits):
            complain(f"graphcalc: {line}\n")
    elif page.format == "table":
        STANDARD_OUTPUT.write(nan_origins.as_text(origins, page.digits))
    elif page.format != "json":
        complain(nan_origins.as_text(origins, page.digits))


def check_finite(outcome: Outcome) -> None:
    """Raise EvaluationError where a result or a gradient is not finite."""
    for position in outcome.non_finite():
        node = outcome.graph.nodes[position]
        raise EvaluationError(
            "non-finite", f"`{node.name}` is not finite", (Label(node.source, node.span),)
        )
