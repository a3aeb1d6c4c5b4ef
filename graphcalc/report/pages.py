"""What a command prints: a run, a plan, and what there is to say beside them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from graphcalc.diagnostics import EvaluationError, Label, UsageError
from graphcalc.report.output import complain, is_on_terminal, make_console, wants_rich, write

if TYPE_CHECKING:
    from graphcalc.analysis.gradcheck import Checked
    from graphcalc.analysis.nan_origins import Origins
    from graphcalc.analysis.plan import Plan
    from graphcalc.evaluate import Outcome
    from graphcalc.numbers import Nested
    from graphcalc.report.table import NodeTable
    from graphcalc.trace import Kept, Record, Trace

STEPS = ("steps", "steps-md", "steps-tex")
FORMATS = ("table", "json", "jsonl", "csv", "tsv", "md", "value", *STEPS)
# Scalar operations up to which a run is made again without asking, to find where a nan was born.
_QUICK = 50_000_000


class Page(NamedTuple):
    """How to print: one of `FORMATS`, when in colour, and whether every row of a long table.

    `output` is a file to print into.
    """

    format: str = "table"
    color: str = "auto"
    all_rows: bool = False
    output: str | None = None


def notify(text: str, label: Label | None = None) -> None:
    """Tell on standard error what a user may want to know."""
    from graphcalc.report.errors import location

    where = f"{location(label)}: " if label is not None else ""
    complain(f"graphcalc: {where}note: {text}\n")


def print_plan(plan: Plan, page: Page) -> None:
    """Write a plan to standard output."""
    from graphcalc.report import plan as printer

    if page.format not in printer.FORMATS:
        raise UsageError("option", f"--check goes with --format {', '.join(printer.FORMATS)}")
    for label in plan.graph.notes:
        notify(label.text, label)
    if page.format == "table":
        from graphcalc.report import table

        draw(printer.build(plan, None if page.all_rows else table.MAX_ROWS), page.color)
    else:
        write(printer.as_json(plan) if page.format == "json" else printer.as_csv(plan))


def draw(built: NodeTable, color: str) -> None:
    """Write a table: Rich draws it on a terminal."""
    from graphcalc.report import table

    if not wants_rich(color, is_on_terminal()):
        write(table.draw_plain(built))
        return
    console = make_console(color)
    with console.capture() as capture:
        table.draw_rich(built, console)
    write(capture.get())


def print_run(
    records: Sequence[Record], outcome: Outcome, page: Page, *, trace_nan: bool = False
) -> None:
    """Write the records of a run to standard output, and where a nan in it came from.

    That is told in full with `trace_nan`, else in notes on standard error.
    """
    trace, is_odd = outcome.trace, outcome.has_non_finite()
    found = _origins(outcome) if trace_nan or (is_odd and _is_quick(outcome)) else None
    if page.format == "table":
        from graphcalc.report import table

        limit = None if page.all_rows else table.MAX_ROWS
        is_short = is_on_terminal()
        draw(table.build(records, trace, is_short=is_short, limit=limit), page.color)
    elif page.format in STEPS:
        from graphcalc.report.steps import as_steps

        write(as_steps(trace, page.format))
    else:
        from graphcalc.report import machine

        whole = [_whole(record, outcome) for record in records]
        write(machine.PRINTERS[page.format](whole, trace, found if trace_nan else None))
    if found is not None:
        _tell_origins(found, page, trace_nan)
    elif is_odd:
        _tell_births(trace)


def _whole(record: Record, outcome: Outcome) -> Record:
    """A record with its value and its gradient in full, where they were kept."""
    graph = outcome.graph
    position = outcome.trace.positions[record.id]
    value = _whole_value(record.value, position, outcome)
    if record.gradient is None:
        return record._replace(value=value)
    found: Kept = record.gradient
    gradient = _whole_value(found.value, graph.gradients[position], outcome)
    return record._replace(value=value, gradient=found._replace(value=gradient))


def _whole_value(value: Nested | None, position: int, outcome: Outcome) -> Nested | None:
    if value is not None or position not in outcome.values:
        return value
    return outcome.program.snapshot(outcome.values[position], sys.maxsize)[0]


def print_gradcheck(checked: Sequence[Checked], target: str, page: Page) -> None:
    """Write gradients beside differences; EvaluationError where one is wrong."""
    from graphcalc.report import gradcheck as printer

    if page.format not in printer.FORMATS:
        raise UsageError("option", f"--check-grad goes with --format {', '.join(printer.FORMATS)}")
    if page.format == "json":
        write(printer.as_json(checked, target))
    else:
        draw(printer.build(checked, target), page.color)
    for remark in printer.remarks(checked):
        notify(remark)
    wrong = [c for c in checked if not c.is_right]
    if wrong:
        worst = max((c.worst for c in wrong), key=lambda e: e.error)
        name = next(c.name for c in wrong if c.worst is worst)
        place = f"[{', '.join(map(str, worst.at))}]" if worst.at else ""
        raise EvaluationError(
            "gradient-check",
            f"the gradient of `{target}` by `{name}{place}` is {worst.gradient:.12g}, "
            f"and differences give {worst.difference:.12g}",
        )


# Numbers that are none


def _is_quick(outcome: Outcome) -> bool:
    """Whether another run takes little time; what went by tile by tile has no other."""
    from graphcalc.data.arrays import FileArray
    from graphcalc.graph.passes import work

    is_here = not any(isinstance(value, FileArray) for value in outcome.inputs.values())
    return is_here and work(outcome.graph) <= _QUICK


def _origins(outcome: Outcome) -> Origins:
    from graphcalc.analysis.nan_origins import find_origins

    return find_origins(outcome.graph, outcome.program, outcome.inputs)


def _tell_births(trace: Trace) -> None:
    """Without another run: the first nodes that hold what their operands do not."""
    for record in trace.births()[:3]:
        kinds = " and ".join(record.born)
        label = Label(record.source, record.span)
        notify(f"{kinds} born in `{record.name} = {record.text}`; --trace-nan tells why", label)


def _tell_origins(found: Origins, page: Page, trace_nan: bool) -> None:
    from graphcalc.report import nan_origins

    if not trace_nan:
        for line in nan_origins.as_notes(found):
            complain(f"graphcalc: {line}\n")
    elif page.format == "table":
        write(nan_origins.as_text(found))
    elif page.format != "json":
        complain(nan_origins.as_text(found))


def check_finite(outcome: Outcome) -> None:
    """Raise EvaluationError where a result or a gradient is not finite."""
    for position in outcome.non_finite():
        node = outcome.graph.nodes[position]
        raise EvaluationError(
            "non-finite", f"`{node.name}` is not finite", (Label(node.source, node.span),)
        )
