"""The command line: from options to what they ask for, and from errors to exit codes."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from graphcalc import __version__
from graphcalc.cli import assemble, pictures
from graphcalc.cli.inputs import sources_and_bindings
from graphcalc.cli.options import ADDED
from graphcalc.cli.parser import CommandLine, check, parse
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
    origins_of,
    print_gradcheck,
    print_plan,
    print_run,
)

if TYPE_CHECKING:
    from graphcalc.data.loading import Loader
    from graphcalc.data.results import SaveTarget
    from graphcalc.evaluate import Evaluation, Outcome
    from graphcalc.source import Source
    from graphcalc.trace import Record

# The exit status of a run that Ctrl-C ended.
_INTERRUPTED = 130
# The variable by which a shell asks for the completion of a command line.
_COMPLETION = "_GRAPHCALC_COMPLETE"


def _execute(command: CommandLine) -> int:
    """Do what a command line asks for; the exit status where nothing failed."""
    check(command)
    if not command.version and not command.functions:
        return _compute(command)
    with STANDARD_OUTPUT.redirected(command.output):
        if command.version:
            STANDARD_OUTPUT.write(f"graphcalc {__version__}\n")
        else:
            _print_functions(command)
    return 0


def _print_functions(command: CommandLine) -> None:
    from graphcalc.report import functions

    if len(command.operands) > 1:
        raise UsageError("option", "--functions takes one name at most")
    name, format = next(iter(command.operands), None), command.output_format
    if format == "md" and name is None:
        text = functions.as_markdown()
    else:
        text = functions.as_json(name) if format == "json" else functions.as_text(name)
    STANDARD_OUTPUT.write(text)


def _compute(command: CommandLine) -> int:
    """Run the program of a command line; the exit status."""
    sources, bindings = sources_and_bindings(command.operands, command.file, command.rows)
    loaders: list[Loader] = []
    try:
        evaluation = _evaluation(command, sources, bindings, loaders)
        if command.rows:
            return _run_rows(evaluation, command)
        page = Page(command.output_format, command.color, command.all, command.digits)
        with STANDARD_OUTPUT.redirected(command.output):
            outcome = _run_program(evaluation, command, page)
    except (BindingError, ProgramError) as error:
        names = [name for loader in loaders for name in loader.names()]
        from graphcalc.cli.hints import with_hint  # only where something is wrong

        raise with_hint(error, command.operands, bool(command.file), names) from None
    if command.strict and outcome is not None:
        check_finite(outcome)
    return 0


def _evaluation(
    command: CommandLine, sources: list[Source], bindings: list[str], loaders: list[Loader]
) -> Evaluation:
    """Return the program with its bindings; what reads files is added to `loaders`."""
    from graphcalc.data.bindings import parse_bindings
    from graphcalc.evaluate import Evaluation, memory_limit, parse

    options = assemble.run_options(command)
    bound = parse_bindings(bindings, command.inputs, command.input_format)
    program = parse(sources, options.max_nodes)
    constants, values = bound.wanted(program), {}
    if bound.references or bound.tables:
        from graphcalc.data.loading import Loader, load_values

        text = assemble.text_options(command)
        loader = Loader(text, command.input_format, memory_limit(options))
        loaders.append(loader)
        values = load_values(bound.references, bound.tables, constants, program, loader)
    # A table shows statistics, for which a node need not be whole.
    shown = command.show if command.output_format != "table" or command.save else ()
    keep = [*shown, *(target.name for target in command.save if target.name)]
    options = assemble.own_gradients(command, options, program)
    return Evaluation(program, options, constants, keep, values)


def _run_program(evaluation: Evaluation, command: CommandLine, page: Page) -> Outcome | None:
    """Run a program and print what the options ask for; the run, where its results count."""
    if command.check:
        from graphcalc.analysis.plan import Plan, plan_of

        plan = plan_of(evaluation, None, Plan)
        with pictures.drawn(lambda: pictures.of_plan(plan, command), command):
            print_plan(plan, page)
        return None
    if command.minimize is not None:
        return _minimize(evaluation, command, page, command.minimize)
    if command.check_grad:
        _check_gradients(evaluation, page)
        return None
    is_table, is_value = page.format == "table", page.format == "value"
    evaluation.keeps_results = not is_table or any(not t.name for t in command.save)
    if evaluation.options.gradients is None and not command.trace_nan and not command.profile:
        is_part = command.show or command.results or is_value
        evaluation.records = command.show if is_part and not command.graph else None
    outcome = _run_and_save(evaluation, command, is_table=is_table)
    if outcome.trace.only is not None and outcome.has_non_finite():
        # Only a record of all nodes tells where NaN and infinity come from.
        outcome = outcome.retraced()
    if command.profile:
        from graphcalc.analysis.profile import with_profile

        outcome = with_profile(outcome)
    _print_run(_records(outcome, command, is_value=is_value), outcome, command, page)
    return outcome


def _print_run(
    records: Sequence[Record], outcome: Outcome, command: CommandLine, page: Page
) -> None:
    """Draw a run and print its records, with where NaN and infinity in it come from."""
    trace_nan = command.trace_nan
    origins = origins_of(outcome, trace_nan=trace_nan)
    with pictures.drawn(lambda: pictures.of_run(outcome, command, origins), command):
        print_run(records, outcome, page, origins, trace_nan=trace_nan)


def _records(outcome: Outcome, command: CommandLine, *, is_value: bool) -> Sequence[Record]:
    """The records that are asked for: by name, the results, or all.

    Of bare gradients, those of the inputs.
    """
    trace = outcome.trace
    if command.show:
        return trace.select(command.show)
    if is_value and trace.target is not None:
        has_wrt = bool(command.wrt)
        return [r for r in trace if r.gradient is not None and (r.role == "input" or has_wrt)]
    return trace.results if command.results or is_value else trace


def _run_and_save(evaluation: Evaluation, command: CommandLine, *, is_table: bool) -> Outcome:
    """Run a program and save its results.

    A table needs no value whole: beside one, large arrays go to files while they are computed.
    """
    if not is_table or not command.save:
        outcome = evaluation.run(notify=notify)
        _save(command.save, outcome, command.show)
        return outcome
    from graphcalc.data.array_sinks import FileSinks

    with FileSinks(command.save, command.show) as sinks:
        outcome = evaluation.run(notify=notify, sinks=sinks.open)
    _save(sinks.left, outcome, command.show)
    return outcome


def _save(targets: Sequence[SaveTarget], outcome: Outcome, names: Sequence[str]) -> None:
    """Write to each file the node it names, or the nodes of these names, or the results."""
    if not targets:
        return
    from graphcalc.data.array_sinks import positions_of
    from graphcalc.data.results import save

    graph = outcome.graph
    for target in targets:
        positions = positions_of(graph, target, names)
        save(target, {graph.nodes[p].name or "": outcome.values[p] for p in positions})


def _check_gradients(evaluation: Evaluation, page: Page) -> None:
    """Print a program's gradients beside differences."""
    from graphcalc.analysis.gradcheck import check_gradients

    outcome, checked = check_gradients(evaluation)
    _note_graph(outcome)
    print_gradcheck(checked, outcome.trace.target or "", page)


def _note_graph(outcome: Outcome) -> None:
    for label in outcome.graph.notes:
        notify(label.text, label)


def _minimize(evaluation: Evaluation, command: CommandLine, page: Page, node: str) -> Outcome:
    """Minimize a node, print the run at the end, and save the values of the inputs."""
    from graphcalc.analysis.descent import minimize
    from graphcalc.data.results import save
    from graphcalc.report import descent as report

    is_value, way = page.format == "value", assemble.descent(command, node)
    with report.progress(way, page.color) as watch:
        minimum = minimize(
            evaluation,
            way,
            watch=watch,
            with_gradients=not is_value,
            with_locals=page.format in STEPS or bool(command.graph),
        )
    outcome = minimum.outcome
    _note_graph(outcome)
    if outcome.program.compile_seconds:
        notify(f"torch.compile took {outcome.program.compile_seconds:.1f} s")
    for target in command.save:
        if target.name is None:
            save(target, minimum.values)
        else:
            _save([target], outcome, command.show)
    names = command.show or (list(minimum.values) if is_value else ())
    records = outcome.trace.select(names) if names else outcome.trace
    _print_run(records, outcome, command, page)
    line = report.as_line(minimum.history, minimum.reason, way)
    (STANDARD_OUTPUT.write if page.format == "table" else complain)(line)
    return outcome


def _run_rows(evaluation: Evaluation, command: CommandLine) -> int:
    """Run a program over the rows of a table; the exit status, 1 where some failed."""
    from graphcalc.files.atomic import whole_file
    from graphcalc.report import rows as report
    from graphcalc.report.table import MAX_ROWS
    from graphcalc.rows.run import RowRun

    options, is_table = assemble.row_options(command, is_terminal=is_terminal(sys.stdout))
    gc.enable()  # a pipe may go on for days
    with report.progress(command.color) as watch:
        run = RowRun(evaluation, options, watch)
        if is_table:
            limit = None if command.all else MAX_ROWS
            lines = report.PreviewLines(limit, lambda: run.delimiter)
            counts = run.run(lines)
            with STANDARD_OUTPUT.redirected(command.output):
                draw(lines.table(), command.color)
        elif command.output is None:
            counts = run.run(report.Standard())
        else:
            with whole_file(command.output) as file:
                counts = run.run(file)
    report.tell(run, counts)
    return EvaluationError.exit_status if counts.failed else 0


# The process


def _fail(error: GraphcalcError, command: CommandLine) -> int:
    """Write a diagnostic to standard error; the exit status."""
    from graphcalc.report.errors import draw, draw_json, draw_line

    status, style = error.exit_status, command.errors
    if command.format == "json" and not command.quiet:
        complain(draw_json(error.diagnostic, status))
    elif style == "full" or (style != "line" and is_terminal(sys.stderr)):
        complain(draw(error.diagnostic))
    else:
        complain(draw_line(error.diagnostic))
    return status


def run(arguments: list[str]) -> int:
    """Run a command line; its exit status."""
    command = parse(arguments)
    if sys.stdout is None and command.output is None:
        return _fail(OutputError("closed", "standard output is closed"), command)
    try:
        return _dispatch(command)
    except GraphcalcError as error:
        _debug()
        return _fail(error, command)
    except OSError as error:  # help and completion are written by Typer itself
        reason = (error.strerror or str(error)).lower()
        where = error.filename or "standard output"
        return _fail(OutputError("output", f"{where}: {reason}"), command)
    except MemoryError:
        _debug()
        return _fail(LimitError("memory", "the machine is out of memory"), command)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        _debug()
        message = f"a defect of graphcalc: {type(error).__name__}: {error}"
        hint = "set GRAPHCALC_DEBUG=1 to see where, and report it"
        return _fail(InternalError("internal", message, help=hint), command)


def _dispatch(command: CommandLine) -> int:
    """Execute a command line, or let Typer explain or complete it."""
    is_completion = bool(os.environ.get(_COMPLETION))
    if command.mistake is not None and not is_completion:
        raise command.mistake
    added = next(filter(command.has, ADDED), None)
    if added is None and not is_completion:
        return _execute(command)
    from graphcalc.cli.help import show

    return show([] if added is None else [added.name])


def _debug() -> None:
    if os.environ.get("GRAPHCALC_DEBUG"):
        import traceback

        traceback.print_exc()


def main() -> NoReturn:
    """Run the command line of this process, and end it."""
    if not os.environ.get("GRAPHCALC_DEBUG"):
        warnings.simplefilter("ignore")  # those of libraries are about their own use
    status = run(sys.argv[1:])
    if status == _INTERRUPTED:
        # Who started the process sees that Ctrl-C ended it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    # Nothing is left to flush, and taking a large graph apart would cost as much as making it.
    os._exit(status)
