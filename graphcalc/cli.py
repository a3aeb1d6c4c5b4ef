"""The command line: options to calls, errors to exit codes."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NoReturn

import typer

from graphcalc import __version__, options
from graphcalc.arguments import (
    EXAMPLE,
    Printing,
    explained,
    mark_expressions,
    sources_and_bindings,
    unmarked,
    usage_error,
)
from graphcalc.backends.optimizers import OPTIMIZERS
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
from graphcalc.graph.ir import MAX_NODES
from graphcalc.report.output import complain, is_terminal, redirected, write
from graphcalc.report.pages import (
    FORMATS,
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
    from graphcalc.data.results import Target
    from graphcalc.descent import Descent
    from graphcalc.evaluate import Evaluation, Outcome
    from graphcalc.rows.run import RowOptions
    from graphcalc.trace import Record

# What Typer makes of a KeyboardInterrupt.
_INTERRUPTED = 130

app = typer.Typer(add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(
    name="graphcalc",
    help="Evaluate formulas and show every number on the way.\n\n"
    "PROGRAM is text such as 'g = (a+b)*(c*d)', or - for standard input. NAME=VALUE binds a "
    "name to a constant expression: a=2, x=[1,2,3], w=randn(3,4).",
    epilog=f"Example: {EXAMPLE}\n\nFixed limits: 64 MiB of program text, names of 255 "
    "characters, 64 dimensions; functions unfold to a tenth of --max-nodes.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def _command(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[PROGRAM] [NAME=VALUE]...", show_default=False)
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option("-f", "--file", metavar="FILE", help="Read a program file; repeatable."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print the bare results (--format value).")
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}; table by default."
        ),
    ] = None,
    show: Annotated[
        str, typer.Option("--show", metavar="NAMES", help="Print only these nodes: a,g.")
    ] = "",
    results: Annotated[bool, typer.Option("--results", help="Print only the results.")] = False,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Print every row of a long table.")
    ] = False,
    grad: Annotated[
        str | None,
        typer.Option(
            "--grad",
            metavar="NAME",
            help="Gradients of this node: a column with one for every node.",
        ),
    ] = None,
    wrt: Annotated[
        str, typer.Option("--wrt", metavar="NAMES", help="Only the gradients of these nodes: a,b.")
    ] = "",
    seed_grad: Annotated[
        str | None,
        typer.Option(
            "--seed-grad",
            metavar="VALUE",
            help="The gradient of a --grad node that is no number, such as ones(3).",
        ),
    ] = None,
    steps: Annotated[
        bool,
        typer.Option("--steps", help="Print every step with its numbers (--format steps)."),
    ] = False,
    check_grad: Annotated[
        bool,
        typer.Option(
            "--check-grad", help="Hold the gradients against differences; exit 1 if one is wrong."
        ),
    ] = False,
    trace_nan: Annotated[
        bool,
        typer.Option("--trace-nan", help="Tell where every nan and inf comes from."),
    ] = False,
    minimize: Annotated[
        str | None,
        typer.Option("--minimize", metavar="NAME", help="Make this node small by descent."),
    ] = None,
    update: Annotated[
        str, typer.Option("--update", metavar="NAMES", help="The inputs that --minimize changes.")
    ] = "",
    lr: Annotated[
        str, typer.Option("--lr", metavar="RATE", help="The learning rate of --minimize.")
    ] = "0.01",
    iterations: Annotated[
        str, typer.Option("--iterations", metavar="N", help="Steps of --minimize at most.")
    ] = "100",
    optimizer: Annotated[
        str, typer.Option("--optimizer", metavar="NAME", help=f"One of {', '.join(OPTIMIZERS)}.")
    ] = "sgd",
    tolerance: Annotated[
        str,
        typer.Option(
            "--tolerance",
            metavar="X",
            help="Stop --minimize when ten steps change the loss by less, relatively; 0 never.",
        ),
    ] = "1e-9",
    save: Annotated[
        list[str] | None,
        typer.Option(
            "--save",
            metavar="[NAME=]FILE",
            help="Write results, or what --minimize found, as the file's name says; repeatable.",
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--inputs",
            metavar="FILE",
            help="Bind every name that a file has a value for; repeatable.",
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            "--rows",
            metavar="FILE",
            help="Run for every row of a table, each column a name; - is standard input.",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="FORMAT", help="Rows as csv, tsv, jsonl, json, parquet, arrow."
        ),
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="The results of --rows without the columns.")
    ] = False,
    on_error: Annotated[
        str,
        typer.Option(
            "--on-error",
            metavar="WHAT",
            help="What a row that fails does: fail, null (no results) or skip.",
        ),
    ] = "fail",
    missing: Annotated[
        str,
        typer.Option("--missing", metavar="WHAT", help="What an empty cell is: fail or nan."),
    ] = "fail",
    input_format: Annotated[
        str | None,
        typer.Option("--input-format", metavar="FORMAT", help="The format of standard input."),
    ] = None,
    no_header: Annotated[
        bool,
        typer.Option("--no-header", help="The first row of a table is data: columns are col(1)…"),
    ] = False,
    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", metavar="C", help="What separates the cells of CSV."),
    ] = None,
    encoding: Annotated[
        str, typer.Option("--encoding", metavar="NAME", help="The encoding of text tables.")
    ] = "utf-8",
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Print into a file, all or nothing."),
    ] = None,
    backend: Annotated[
        str, typer.Option("--backend", metavar="BACKEND", help="auto, python or torch.")
    ] = "auto",
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="DEVICE", help="cpu, cuda, cuda:N or mps."),
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option("--dtype", metavar="DTYPE", help="float64, float32, float16 or bfloat16."),
    ] = None,
    seed: Annotated[
        str, typer.Option("--seed", metavar="N", help="Seed of rand and randn, from 0.")
    ] = "0",
    threads: Annotated[
        str | None, typer.Option("--threads", metavar="N", help="Threads that torch uses.")
    ] = None,
    compile: Annotated[
        bool,
        typer.Option("--compile", help="Compile with torch.compile, for runs that repeat."),
    ] = False,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="The time, share and bytes of every node, as columns."),
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Print every node's shape and cost, and compute nothing."),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 when a result is not finite.")
    ] = False,
    max_memory: Annotated[
        str | None,
        typer.Option(
            "--max-memory",
            metavar="SIZE",
            help="Bytes that values may take at once, as 2G; half of the machine's by default.",
        ),
    ] = None,
    max_nodes: Annotated[
        str,
        typer.Option("--max-nodes", metavar="N", help="Nodes that a graph may have."),
    ] = str(MAX_NODES),
    functions: Annotated[
        bool,
        typer.Option("--functions", help="List the functions, or explain the one that is named."),
    ] = False,
    color: Annotated[
        str, typer.Option("--color", metavar="WHEN", help="auto, always or never.")
    ] = "auto",
    errors: Annotated[
        str,
        typer.Option(
            "--errors",
            metavar="STYLE",
            help="full with source lines, line for one line, auto for full on a terminal.",
        ),
    ] = "auto",
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    given = unmarked(arguments)
    is_table = format == "table"
    format = options.format_of(format or "table", quiet, steps)
    options.check_choices(format, color, errors)
    if minimize is not None and (check or check_grad or grad is not None):
        raise UsageError("option", "--minimize goes without --grad, --check-grad and --check")
    if check_grad and grad is None:
        raise UsageError("option", "--check-grad takes no value and goes with --grad NAME")
    if profile and (check or check_grad or minimize is not None or rows is not None):
        raise UsageError(
            "option", "--profile goes without --check, --check-grad, --minimize and --rows"
        )
    if profile and compile:
        raise UsageError(
            "option", "--profile goes without --compile, which makes one function of all nodes"
        )
    if version:
        write(f"graphcalc {__version__}\n")
        return
    if functions:
        _print_functions(given, format)
        return
    from graphcalc.backends.base import Settings
    from graphcalc.data.bindings import parse_bindings
    from graphcalc.data.loading import Loader, load_values
    from graphcalc.evaluate import Evaluation, Options, memory_limit, parse

    table = options.RowTexts(
        to, input_format, delimiter, encoding, only, on_error, missing, not no_header
    )
    if rows is None:
        table.check_unused()
    elif minimize or grad or check or check_grad or trace_nan or save or format in STEPS:
        raise UsageError(
            "option",
            "--rows goes without --grad, --check, --check-grad, --minimize, --trace-nan, --save "
            "and --steps",
            help="-o FILE writes the rows" if save else "",
        )
    sources, texts = sources_and_bindings(given, file or [], rows)
    settings = Settings(
        backend, device, dtype, options.whole("--threads", threads, 1, 4096) if threads else None
    )
    run_options = Options(
        settings,
        options.whole("--seed", seed, 0, (1 << 63) - 1),
        options.size(max_memory) if max_memory else None,
        options.whole("--max-nodes", max_nodes, 1, 1 << 31),
        check,
        options.gradients(grad, wrt, seed_grad, format),
    )
    names, page = options.names_in(show), Page(format, color, all_rows, output)
    targets = options.targets(save or [])
    way = options.descent(minimize, update, lr, iterations, optimizer, tolerance)
    loader = Loader(table.text_options(), input_format, memory_limit(run_options))
    try:
        bound = parse_bindings(texts, inputs or [], input_format)
        program = parse(sources, run_options.max_nodes)
        constants = bound.wanted(program)
        files = load_values(bound.references, bound.tables, constants, program, loader)
        shown_whole = names if format != "table" or targets else ()
        keep = [*shown_whole, *(t.name for t in targets if t.name)]
        evaluation = Evaluation(program, run_options, constants, keep, files)
        if rows is not None:
            as_table, on_terminal = is_table and to is None, is_terminal(sys.stdout)
            row_options, as_table = options.rows(
                rows, table, names, format, strict, as_table, output, on_terminal
            )
            _run_rows(evaluation, row_options, page, as_table)
            return
        with redirected(output):
            shown = Shown(names, results, wrt, trace_nan, targets, profile)
            outcome = _evaluate(evaluation, way, page, shown, check, check_grad)
    except (BindingError, ProgramError) as error:
        raise explained(error, given, bool(file), loader.names()) from None
    if strict and outcome is not None:
        check_finite(outcome)


class Shown(NamedTuple):
    """What of a run is printed and saved."""

    names: list[str]
    results: bool
    wrt: str
    trace_nan: bool
    targets: list[Target]
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
        print_plan(evaluation.plan(), page)
        return None
    if way is not None:
        return _minimize(evaluation, way, page, shown)
    if check_grad:
        _check_gradients(evaluation, page)
        return None
    from graphcalc.sinks import FileSinks

    # A table shows statistics, for which nothing needs to be whole.
    evaluation.keeps_results = page.format != "table" or any(not t.name for t in shown.targets)
    if evaluation.options.gradients is None and not shown.trace_nan and not shown.profile:
        evaluation.records = shown.records(page)
    with FileSinks(shown.targets, shown.names) as sinks:
        outcome = evaluation.run(notify=notify, sinks=sinks.open if shown.targets else None)
    if outcome.trace.only is not None and outcome.is_odd():
        # Where a nan was born is only known of all nodes.
        outcome = outcome.retraced()
    if shown.profile:
        outcome = outcome.profiled()
    _save(sinks.left, outcome, shown.names)
    print_run(_records(outcome, page, shown), outcome, page, trace_nan=shown.trace_nan)
    return outcome


def _run_rows(evaluation: Evaluation, options: RowOptions, page: Page, as_table: bool) -> None:
    """Run a program over the rows of a table; the exit status 1 where some failed."""
    from graphcalc.data.saving import whole_file
    from graphcalc.report import rows as report
    from graphcalc.report.table import MAX_ROWS
    from graphcalc.rows.run import RowRun

    gc.enable()  # a pipe may go on for days
    with report.progress(page.color) as watch:
        run = RowRun(evaluation, options, watch)
        if as_table:
            limit = None if page.all_rows else MAX_ROWS
            lines = report.Lines(limit, options.text.delimiter or ",")
            summary = run.run(lines)
            with redirected(page.output):
                draw(lines.table(), page.color)
        elif page.output is None:
            summary = run.run(report.Standard())
        else:
            with whole_file(page.output) as file:
                summary = run.run(file)
    report.tell(run, summary)
    if summary.failed:
        raise typer.Exit(EvaluationError.exit_status)


def _minimize(evaluation: Evaluation, way: Descent, page: Page, shown: Shown) -> Outcome:
    """Make a node small, print the run at the end, and save what was found."""
    from graphcalc.data.results import save as save_values
    from graphcalc.descent import minimize
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
    for target in shown.targets:
        if target.name is None:
            save_values(target, found.values)
        else:
            _save([target], outcome, shown.names)
    names = shown.names or (list(found.values) if is_value else [])
    records = outcome.trace.select(names) if names else outcome.trace
    print_run(records, outcome, page, trace_nan=shown.trace_nan)
    (write if page.format == "table" else complain)(report.as_line(found, way))
    return outcome


def _save(targets: list[Target], outcome: Outcome, names: list[str]) -> None:
    """Write results to files: those that are named, or those that are shown."""
    from graphcalc.data.results import save
    from graphcalc.sinks import positions_of

    graph = outcome.graph
    for target in targets:
        positions = positions_of(graph, target, names)
        save(target, {graph.nodes[p].name or "": outcome.values[p] for p in positions})


def _check_gradients(evaluation: Evaluation, page: Page) -> None:
    """Hold a program's gradients against differences, and print that."""
    from graphcalc.gradcheck import check_gradients

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
        write(functions.as_markdown())
    else:
        write(functions.as_json(name) if format == "json" else functions.as_text(name))


# The process


def _fail(error: GraphcalcError, printing: Printing) -> int:
    """Write a diagnostic to standard error; the exit status."""
    from graphcalc.report.errors import draw, draw_json, draw_line

    status = error.exit_status
    is_full = printing.errors == "full" or (printing.errors != "line" and is_terminal(sys.stderr))
    if printing.format == "json":
        complain(draw_json(error.diagnostic, status))
    elif is_full:
        complain(draw(error.diagnostic))
    else:
        complain(draw_line(error.diagnostic))
    return status


def _run(arguments: list[str]) -> int:
    """Run a command line; its exit status."""
    printing = Printing(arguments)
    command: Any = typer.main.get_command(app)
    # Typer 0.26 took click into itself: its exceptions are found through the one it exports.
    click_error: Any = typer.BadParameter.__mro__[2]
    if sys.stdout is None and printing.output is None:
        return _fail(OutputError("closed", "standard output is closed"), printing)
    try:
        prepared = mark_expressions(arguments, command)
        status = command.main(prepared, prog_name="graphcalc", standalone_mode=False)
        return int(status or 0)
    except GraphcalcError as error:
        _debug()
        return _fail(error, printing)
    except click_error as error:
        return _fail(usage_error(error.format_message(), command), printing)
    except typer.Exit as stop:
        return int(stop.exit_code)
    except OSError as error:  # help and completion are written by Typer itself
        reason = (error.strerror or str(error)).lower()
        return _fail(OutputError("output", f"standard output: {reason}"), printing)
    except MemoryError:
        _debug()
        return _fail(LimitError("memory", "the machine is out of memory"), printing)
    except Exception as error:
        _debug()
        what = f"{type(error).__name__}: {error}"
        hint = "set GRAPHCALC_DEBUG=1 to see where, and report it"
        return _fail(
            InternalError("internal", f"a defect of graphcalc: {what}", help=hint), printing
        )


def _debug() -> None:
    if os.environ.get("GRAPHCALC_DEBUG"):
        import traceback

        traceback.print_exc()


def main() -> NoReturn:
    """Run the command line of this process, and end it."""
    status = _run(sys.argv[1:])
    if status == _INTERRUPTED:
        # Who started the process sees that Ctrl-C ended it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    # Nothing is left to flush, and taking a large graph apart would cost as much as making it.
    os._exit(status)
