"""The command line: options to calls, errors to exit codes."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from graphcalc import __version__
from graphcalc.cli import readers
from graphcalc.cli.inputs import explained, sources_and_bindings
from graphcalc.cli.options import ADDED
from graphcalc.cli.parser import CommandLine
from graphcalc.cli.parser import parse as parse_arguments
from graphcalc.diagnostics import (
    BindingError,
    EvaluationError,
    GraphcalcError,
    InternalError,
    LimitError,
    OutputError,
    ProgramError,
    UsageError,
)
from graphcalc.report.output import STANDARD_OUTPUT, complain, is_terminal
from graphcalc.report.pages import (
    STEPS,
    Page,
    check_finite,
    draw,
    notify,
    print_gradcheck,
    print_plan,
    print_run,
)

if TYPE_CHECKING:
    from graphcalc.analysis.descent import Descent
    from graphcalc.data.results import SaveTarget
    from graphcalc.evaluate import Evaluation, Outcome
    from graphcalc.rows.run import RowOptions
    from graphcalc.trace import Record

# The exit status of a run that Ctrl-C ended.
_INTERRUPTED = 130
# Where a shell that completes a command line says so.
_COMPLETION = "_GRAPHCALC_COMPLETE"


def _command(given: CommandLine) -> int:
    """Do what a command line asks for; the exit status where nothing failed."""
    format = readers.format_of(given.format or "table", given.quiet, given.steps)
    readers.check_choices(format, given.color, given.errors)
    _check_together(given, format)
    if given.version:
        STANDARD_OUTPUT.write(f"graphcalc {__version__}\n")
    elif given.functions:
        _print_functions(given.operands, format)
    else:
        return _compute(given, format)
    return 0


def _check_together(given: CommandLine, format: str) -> None:
    """Raise UsageError for options that do not go together."""
    if given.minimize is not None and (given.check or given.check_grad or given.grad is not None):
        raise UsageError("option", "--minimize goes without --grad, --check-grad and --check")
    if given.check_grad and given.grad is None:
        raise UsageError("option", "--check-grad takes no value and goes with --grad NAME")
    whole = given.minimize or given.grad or given.check or given.trace_nan or given.save
    if given.rows is not None and (whole or format in STEPS):
        raise UsageError(
            "option",
            "--rows goes without --grad, --check, --check-grad, --minimize, --trace-nan, --save "
            "and --steps",
            help="-o FILE writes the rows" if given.save else "",
        )
    if given.profile and (given.check or given.check_grad or given.minimize or given.rows):
        raise UsageError(
            "option", "--profile goes without --check, --check-grad, --minimize and --rows"
        )
    if given.profile and format in ("value", *STEPS):
        raise UsageError("option", f"--profile goes with a table of nodes, not --format {format}")
    if given.profile and given.compile:
        raise UsageError(
            "option", "--profile goes without --compile, which makes one function of all nodes"
        )


def _compute(given: CommandLine, format: str) -> int:
    """Run the program of a command line."""
    from graphcalc.data.bindings import parse_bindings
    from graphcalc.evaluate import Evaluation, memory_limit, parse

    table = readers.row_texts(given)
    sources, texts = sources_and_bindings(given.operands, given.file, given.rows)
    run_options = readers.run_options(given, format)
    names, targets = readers.names_in(given.show), readers.targets(given.save)
    page = Page(format, given.color, given.all)
    way = readers.descent(given)
    files, loader = {}, None
    try:
        bound = parse_bindings(texts, given.inputs, given.input_format)
        program = parse(sources, run_options.max_nodes)
        constants = bound.wanted(program)
        if bound.references or bound.tables:
            from graphcalc.data.loading import Loader, load_values

            limit = memory_limit(run_options)
            loader = Loader(table.text_options(), given.input_format, limit)
            files = load_values(bound.references, bound.tables, constants, program, loader)
        shown_whole = names if format != "table" or targets else ()
        keep = [*shown_whole, *(t.name for t in targets if t.name)]
        evaluation = Evaluation(program, run_options, constants, keep, files)
        if given.rows is not None:
            as_table = given.format == "table" and given.to is None
            on_terminal = is_terminal(sys.stdout)
            row_options, as_table = readers.rows(
                given.rows, table, names, format, given.strict, as_table, given.output, on_terminal
            )
            return _run_rows(evaluation, row_options, page, as_table, given.output)
        shown = Shown(names, given.results, given.wrt, given.trace_nan, targets, given.profile)
        with STANDARD_OUTPUT.redirected(given.output):
            outcome = _evaluate(evaluation, way, page, shown, given.check, given.check_grad)
    except (BindingError, ProgramError) as error:
        names = loader.names() if loader else []
        raise explained(error, given.operands, bool(given.file), names) from None
    if given.strict and outcome is not None:
        check_finite(outcome)
    return 0


class Shown(NamedTuple):
    """What of a run is printed and saved."""

    names: list[str]
    results: bool
    wrt: str
    trace_nan: bool
    targets: list[SaveTarget]
    profile: bool

    def records(self, page: Page) -> Sequence[str] | None:
        """The nodes that are printed beside the results; None for all."""
        return self.names if self.names or self.results or page.format == "value" else None


def _evaluate(
    evaluation: Evaluation,
    way: Descent | None,
    page: Page,
    shown: Shown,
    check: bool,
    check_grad: bool,
) -> Outcome | None:
    """Do what the options ask for, and print it; a run, where its results count."""
    if check:
        from graphcalc.analysis.plan import plan_of

        print_plan(plan_of(evaluation), page)
        return None
    if way is not None:
        return _minimize(evaluation, way, page, shown)
    if check_grad:
        _check_gradients(evaluation, page)
        return None
    # A table shows statistics, for which nothing needs to be whole.
    evaluation.keeps_results = page.format != "table" or any(not t.name for t in shown.targets)
    if evaluation.options.gradients is None and not shown.trace_nan and not shown.profile:
        evaluation.records = shown.records(page)
    outcome = _run_and_save(evaluation, shown, is_table=page.format == "table")
    if outcome.trace.only is not None and outcome.has_non_finite():
        # Where a nan was born is only known of all nodes.
        outcome = outcome.retraced()
    if shown.profile:
        from graphcalc.analysis.profile import with_profile

        outcome = with_profile(outcome)
    print_run(_records(outcome, page, shown), outcome, page, trace_nan=shown.trace_nan)
    return outcome


def _run_and_save(evaluation: Evaluation, shown: Shown, *, is_table: bool) -> Outcome:
    """Run a program and save what is to be saved; beside a table, which needs no value that is
    whole, large arrays go to files while they are computed."""
    if not shown.targets:
        return evaluation.run(notify=notify)
    if not is_table:
        outcome = evaluation.run(notify=notify)
        _save(shown.targets, outcome, shown.names)
        return outcome
    from graphcalc.data.array_sinks import FileSinks

    with FileSinks(shown.targets, shown.names) as sinks:
        outcome = evaluation.run(notify=notify, sinks=sinks.open)
    _save(sinks.left, outcome, shown.names)
    return outcome


def _run_rows(
    evaluation: Evaluation, readers: RowOptions, page: Page, as_table: bool, output: str | None
) -> int:
    """Run a program over the rows of a table; the exit status, 1 where some failed."""
    from graphcalc.files.atomic import whole_file
    from graphcalc.report import rows as report
    from graphcalc.report.table import MAX_ROWS
    from graphcalc.rows.run import RowRun

    gc.enable()  # a pipe may go on for days
    with report.progress(page.color) as watch:
        run = RowRun(evaluation, readers, watch)
        if as_table:
            limit = None if page.all_rows else MAX_ROWS
            lines = report.PreviewLines(limit, readers.text.delimiter or ",")
            summary = run.run(lines)
            with STANDARD_OUTPUT.redirected(output):
                draw(lines.table(), page.color)
        elif output is None:
            summary = run.run(report.Standard())
        else:
            with whole_file(output) as file:
                summary = run.run(file)
    report.tell(run, summary)
    return EvaluationError.exit_status if summary.failed else 0


def _minimize(evaluation: Evaluation, way: Descent, page: Page, shown: Shown) -> Outcome:
    """Make a node small, print the run at the end, and save what was found."""
    from graphcalc.analysis.descent import minimize
    from graphcalc.data.results import save as save_values
    from graphcalc.report import descent as report

    is_value = page.format == "value"
    with report.progress(way, page.color) as watch:
        found = minimize(
            evaluation,
            way,
            watch=watch,
            with_gradients=not is_value,
            with_locals=page.format in STEPS,
        )
    outcome = found.outcome
    for label in outcome.graph.notes:
        notify(label.text, label)
    if outcome.program.compile_seconds:
        notify(f"torch.compile took {outcome.program.compile_seconds:.1f} s")
    for target in shown.targets:
        if target.name is None:
            save_values(target, found.values)
        else:
            _save([target], outcome, shown.names)
    names = shown.names or (list(found.values) if is_value else [])
    records = outcome.trace.select(names) if names else outcome.trace
    print_run(records, outcome, page, trace_nan=shown.trace_nan)
    (STANDARD_OUTPUT.write if page.format == "table" else complain)(report.as_line(found, way))
    return outcome


def _save(targets: list[SaveTarget], outcome: Outcome, names: list[str]) -> None:
    """Write results to files: those that are named, or those that are shown."""
    if not targets:
        return
    from graphcalc.data.array_sinks import positions_of
    from graphcalc.data.results import save

    graph = outcome.graph
    for target in targets:
        positions = positions_of(graph, target, names)
        save(target, {graph.nodes[p].name or "": outcome.values[p] for p in positions})


def _check_gradients(evaluation: Evaluation, page: Page) -> None:
    """Hold a program's gradients against differences, and print that."""
    from graphcalc.analysis.gradcheck import check_gradients

    outcome, checked = check_gradients(evaluation)
    for label in outcome.graph.notes:
        notify(label.text, label)
    print_gradcheck(checked, outcome.trace.target or "", page)


def _records(outcome: Outcome, page: Page, shown: Shown) -> Sequence[Record]:
    """The records that are asked for: by name, the results, or all.

    Of gradients alone, those of the inputs.
    """
    trace, is_value = outcome.trace, page.format == "value"
    if shown.names:
        return trace.select(shown.names)
    if is_value and trace.target is not None:
        return [r for r in trace if r.gradient is not None and (r.role == "input" or shown.wrt)]
    return trace.results if shown.results or is_value else trace


# Output


def _print_functions(given: list[str], format: str) -> None:
    from graphcalc.report import functions

    if len(given) > 1:
        raise UsageError("option", "--functions takes one name at most")
    name = given[0] if given else None
    if format == "md" and name is None:
        STANDARD_OUTPUT.write(functions.as_markdown())
    else:
        STANDARD_OUTPUT.write(
            functions.as_json(name) if format == "json" else functions.as_text(name)
        )


# The process


def _fail(error: GraphcalcError, given: CommandLine) -> int:
    """Write a diagnostic to standard error; the exit status."""
    from graphcalc.report.errors import draw, draw_json, draw_line

    status = error.exit_status
    is_full = given.errors == "full" or (given.errors != "line" and is_terminal(sys.stderr))
    if given.format == "json" and not given.quiet:
        complain(draw_json(error.diagnostic, status))
    elif is_full:
        complain(draw(error.diagnostic))
    else:
        complain(draw_line(error.diagnostic))
    return status


def run(arguments: list[str]) -> int:
    """Run a command line; its exit status."""
    given = parse_arguments(arguments)
    if sys.stdout is None and given.output is None:
        return _fail(OutputError("closed", "standard output is closed"), given)
    try:
        return _dispatch(given)
    except GraphcalcError as error:
        _debug()
        return _fail(error, given)
    except OSError as error:  # help and completion are written by Typer itself
        reason = (error.strerror or str(error)).lower()
        where = error.filename or "standard output"
        return _fail(OutputError("output", f"{where}: {reason}"), given)
    except MemoryError:
        _debug()
        return _fail(LimitError("memory", "the machine is out of memory"), given)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        _debug()
        what = f"{type(error).__name__}: {error}"
        hint = "set GRAPHCALC_DEBUG=1 to see where, and report it"
        return _fail(InternalError("internal", f"a defect of graphcalc: {what}", help=hint), given)


def _dispatch(given: CommandLine) -> int:
    """Run what a command line gives, or let Typer explain and complete it."""
    is_completion = bool(os.environ.get(_COMPLETION))
    if given.mistake is not None and not is_completion:
        raise given.mistake
    asked = next((option for option in ADDED if getattr(given, option.key)), None)
    if asked is None and not is_completion:
        return _command(given)
    from graphcalc.cli.help import show

    return show([] if asked is None else [asked.names[-1]])


def _debug() -> None:
    if os.environ.get("GRAPHCALC_DEBUG"):
        import traceback

        traceback.print_exc()


def main() -> NoReturn:
    """Run the command line of this process, and end it."""
    status = run(sys.argv[1:])
    if status == _INTERRUPTED:
        # Who started the process sees that Ctrl-C ended it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    # Nothing is left to flush, and taking a large graph apart would cost as much as making it.
    os._exit(status)
