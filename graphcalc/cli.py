"""The command line: options to calls, errors to exit codes."""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from graphcalc import __version__
from graphcalc.diagnostics import (
    BindingError,
    DataError,
    GraphcalcError,
    InternalError,
    Label,
    LimitError,
    OutputError,
    UsageError,
    brief,
    closest,
)
from graphcalc.graph.ir import MAX_NODES
from graphcalc.source import Source, Span
from graphcalc.syntax.parser import MAX_TEXT

if TYPE_CHECKING:
    from graphcalc.evaluate import Outcome
    from graphcalc.trace import Record

FORMATS = ("table", "json", "jsonl", "csv", "tsv", "md", "value")
_USAGE = "graphcalc [OPTIONS] [PROGRAM] [NAME=VALUE]..."
_EXAMPLE = "graphcalc 'g = (a+b)*(c*d)' a=2 b=-4 c=-2 d=2"
# Marks an argument that starts with `-` and is an expression; no argument can hold a NUL.
_EXPRESSION = "\0"
_BINDING = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(?!=)(.*)", re.DOTALL)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)

app = typer.Typer(add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False)


class Printing:
    """What of a command line decides how things are written, read before the options are."""

    def __init__(self, arguments: list[str]) -> None:
        self.format = _early(arguments, "--format") or "table"
        if "-q" in arguments or "--quiet" in arguments:
            self.format = "value"
        self.errors = _early(arguments, "--errors") or "auto"
        self.color = _early(arguments, "--color") or "auto"


def _early(arguments: list[str], option: str) -> str | None:
    for place, argument in enumerate(arguments):
        if argument == option and place + 1 < len(arguments):
            return arguments[place + 1]
        if argument.startswith(option + "="):
            return argument[len(option) + 1 :]
    return None


@app.command(
    name="graphcalc",
    help="Evaluate formulas and show every number on the way.\n\n"
    "PROGRAM is text such as 'g = (a+b)*(c*d)', or - for standard input. NAME=VALUE binds a "
    "name to a constant expression: a=2, x=[1,2,3], w=randn(3,4).",
    epilog=f"Example: {_EXAMPLE}",
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
        str, typer.Option("--format", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")
    ] = "table",
    show: Annotated[
        str, typer.Option("--show", metavar="NAMES", help="Print only these nodes: a,g.")
    ] = "",
    results: Annotated[bool, typer.Option("--results", help="Print only the results.")] = False,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Print every row of a long table.")
    ] = False,
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
    given = [a.removeprefix(_EXPRESSION) for a in arguments or ()]
    for option, value, choices in (
        ("--format", format, FORMATS),
        ("--color", color, ("auto", "always", "never")),
        ("--errors", errors, ("auto", "full", "line")),
    ):
        if value not in choices:
            raise UsageError(
                "option", f"{option} is one of {', '.join(choices)}, not `{brief(value)}`"
            )
    if version:
        _write(f"graphcalc {__version__}\n")
        return
    if functions:
        _print_functions(given, "value" if quiet else format)
        return
    from graphcalc.backends.base import Settings
    from graphcalc.evaluate import Evaluation, Options, find_name, parse

    sources, texts = _sources(given, file or [])
    bindings = _bindings(texts)
    names = [name.strip() for name in show.split(",") if name.strip()]
    options = Options(
        Settings(
            backend, device, dtype, _whole("--threads", threads, 1, 4096) if threads else None
        ),
        _whole("--seed", seed, 0, (1 << 63) - 1),
        _bytes(max_memory) if max_memory else None,
        _whole("--max-nodes", max_nodes, 1, 1 << 31),
    )
    evaluation = Evaluation(parse(sources), options, bindings, names)
    outcome = evaluation.run()
    is_value = quiet or format == "value"
    if names:
        for name in names:
            find_name(outcome.graph, name)
        records: Any = outcome.trace.select(names)
    else:
        records = outcome.trace.results if results or is_value else outcome.trace
    _print(records, outcome, "value" if quiet else format, color, all_rows)
    _report_births(outcome, strict)


# Programs and bindings


def _sources(given: list[str], files: list[str]) -> tuple[list[Source], list[str]]:
    """The texts that make up the program, and the bindings that are left."""
    sources = [Source(_read_file(path), path) for path in files]
    if files:
        if given and given[0] == "-":
            sources.append(_standard_input())
            return sources, given[1:]
        if given and not _BINDING.fullmatch(given[0]):
            sources.append(Source(given[0]))
            return sources, given[1:]
        return sources, given
    if not given:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError(
                "no-program", f"no program; usage: {_USAGE}", help=f"for example: {_EXAMPLE}"
            )
        return [_standard_input()], []
    if given[0] == "-":
        return [_standard_input()], given[1:]
    return [Source(given[0])], given[1:]


def _standard_input() -> Source:
    if sys.stdin is None:
        raise DataError("no-stdin", "standard input is closed")
    if sys.stdin.isatty():
        _complain("reading from the terminal; Ctrl-D to end\n")
    try:
        data = sys.stdin.buffer.read(4 * MAX_TEXT + 1)
    except OSError as error:
        raise DataError("unreadable", f"standard input: {_reason(error)}") from None
    return Source(_decode(data, "<stdin>"), "<stdin>")


def _read_file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return _decode(file.read(4 * MAX_TEXT + 1), path)
    except OSError as error:
        raise DataError("unreadable", f"{path}: {_reason(error)}") from None
    except ValueError:  # a NUL in the name
        raise DataError("unreadable", f"{path}: not a file name") from None


def _decode(data: bytes, name: str) -> str:
    if len(data) > 4 * MAX_TEXT:
        raise LimitError("program-size", f"{name}: a program has at most {4 * MAX_TEXT:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        looks = "; looks like UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        byte = data[error.start]
        raise DataError(
            "encoding", f"{name}: not UTF-8 (byte 0x{byte:02x} at offset {error.start}{looks})"
        ) from None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _bindings(texts: list[str]) -> dict[str, Any]:
    """The constant expressions of NAME=VALUE arguments."""
    from graphcalc.graph.lower import Binding
    from graphcalc.syntax.parser import parse_expression

    found: dict[str, Binding] = {}
    for text in texts:
        whole = Source(text, "<argument>")
        match = _BINDING.fullmatch(text)
        if match is None:
            raise BindingError(
                "binding",
                f"`{brief(text)}` is not NAME=VALUE",
                (Label(whole, Span(0, len(text))),),
                help="a program is one argument: put it in quotes",
            )
        name, value = match.groups()
        span = Span(0, len(text))
        if name in found:
            raise BindingError(
                "bound-twice", f"`{brief(name)}` is bound twice", (Label(whole, span),)
            )
        if value.startswith("@"):
            raise BindingError(
                "binding-file",
                "files as values are not supported yet",
                (Label(whole, Span(match.start(2), len(text))),),
            )
        # Blanks stand for the name, so that columns count in the whole argument.
        source = Source(" " * match.start(2) + value, "<argument>")
        try:
            expression = parse_expression(source)
        except GraphcalcError as error:
            d = error.diagnostic
            labels = tuple(label._replace(source=whole) for label in d.labels)
            kind = LimitError if isinstance(error, LimitError) else BindingError
            raise kind(d.code, d.message, labels, d.note, d.help) from None
        found[name] = Binding(Source(text, "<argument>"), expression, span)
    return found


# Options


def _whole(option: str, text: str, low: int, high: int) -> int:
    if re.fullmatch(r"[+-]?\d{1,30}", text, re.ASCII) and low <= int(text) <= high:
        return int(text)
    raise UsageError(
        "option", f"{option} is a whole number from {low} to {high}, not `{brief(text)}`"
    )


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    if match is None or not text.isascii():
        raise UsageError(
            "option", f"--max-memory is a size such as 500M or 2G, not `{brief(text)}`"
        )
    scale = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    return int(float(match[1]) * scale[match[2].upper()])


# Output


def _print_functions(given: list[str], format: str) -> None:
    from graphcalc.report import functions

    if len(given) > 1:
        raise UsageError("option", "--functions takes one name at most")
    name = given[0] if given else None
    _write(functions.as_json(name) if format == "json" else functions.as_text(name))


def _print(records: Any, outcome: Outcome, format: str, color: str, all_rows: bool) -> None:
    """Write the records in a format to standard output."""
    trace = outcome.trace
    if format == "table":
        from graphcalc.report import table

        is_terminal = _is_terminal(sys.stdout)
        limit = None if all_rows else table.MAX_ROWS
        built = table.build(records, trace, is_short=is_terminal, limit=limit)
        if _wants_rich(color, is_terminal):
            console = _console(color)
            with console.capture() as capture:
                table.draw_rich(built, console)
            _write(capture.get())
        else:
            _write(table.draw_plain(built))
        return
    from graphcalc.report import machine

    printer = {
        "json": machine.as_json,
        "jsonl": machine.as_jsonl,
        "csv": machine.as_csv,
        "tsv": machine.as_tsv,
        "md": machine.as_markdown,
        "value": machine.as_value,
    }[format]
    whole = [_whole_value(record, outcome) for record in records]
    _write(printer(whole, trace))


def _whole_value(record: Record, outcome: Outcome) -> Record:
    """A record with its value in full, where the value was kept."""
    position = outcome.trace.positions[record.id]
    if record.value is not None or position not in outcome.values:
        return record
    value, _ = outcome.program.snapshot(outcome.values[position], sys.maxsize)
    return record._replace(value=value)


def _is_terminal(stream: Any) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _wants_rich(color: str, is_terminal: bool) -> bool:
    return color == "always" or (color == "auto" and (is_terminal or _forced()))


def _forced() -> bool:
    return bool(os.environ.get("FORCE_COLOR")) and not os.environ.get("NO_COLOR")


def _console(color: str) -> Any:
    """Rich's console; off a terminal it is as wide as the table needs."""
    from rich.console import Console

    is_terminal = _is_terminal(sys.stdout)
    wants_color = color == "always" or _forced()
    no_color = color == "never" or (not wants_color and bool(os.environ.get("NO_COLOR")))
    return Console(
        file=sys.stdout,
        force_terminal=True if wants_color else None,
        no_color=no_color,
        color_system="auto" if not wants_color or is_terminal else "256",
        width=None if is_terminal and os.environ.get("COLUMNS") != "0" else 10_000,
        highlight=False,
        emoji=False,
        markup=False,
    )


def _write(text: str) -> None:
    """All of a text to standard output, or an OutputError."""
    from graphcalc.report.safe import encodable

    stream = sys.stdout
    if stream is None or stream.closed:
        raise OutputError("closed", "standard output is closed")
    try:
        stream.flush()
        encoding = stream.encoding or "utf-8"
        stream.buffer.write(encodable(text, encoding).encode(encoding, "backslashreplace"))
        stream.buffer.flush()
    except OSError as error:
        # What the buffer still holds must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise OutputError("output", f"standard output: {_reason(error)}") from None


def _complain(text: str) -> None:
    """A text to standard error, if there is one."""
    from graphcalc.report.safe import encodable

    stream = sys.stderr
    if stream is None or stream.closed:
        return
    try:
        stream.write(encodable(text, stream.encoding or "utf-8"))
        stream.flush()
    except OSError:
        pass


def _report_births(outcome: Outcome, strict: bool) -> None:
    """Say where a nan or an infinity came from; under --strict, fail for one in a result."""
    from graphcalc.diagnostics import EvaluationError
    from graphcalc.report.errors import location

    trace = outcome.trace
    births = trace.births()
    for record in births[:3]:
        where = location(Label(record.source, record.span))
        kinds = " and ".join(record.born)
        _complain(f"graphcalc: {where}: note: {kinds} born in `{record.name} = {record.text}`\n")
    if len(births) > 3:
        _complain(f"graphcalc: note: and in {len(births) - 3:,} more nodes\n")
    if strict:
        bad = [p for p in outcome.graph.results if any(trace.non_finite(p))]
        if bad:
            node = outcome.graph.nodes[bad[0]]
            raise EvaluationError(
                "non-finite",
                f"`{node.name}` is not finite",
                (Label(node.source, node.span),),
            )


# The process


def _prepare_arguments(arguments: list[str], command: Any) -> list[str]:
    """Mark the arguments that start with `-` and are expressions, not options."""
    takes_value = {"-f"}
    known = {"-f", "-q", "-h"}
    for parameter in command.params:
        names = [n for n in parameter.opts if n.startswith("--")]
        if getattr(parameter, "is_flag", False) is False:
            takes_value.update(names)
    prepared: list[str] = []
    is_value = False
    for place, argument in enumerate(arguments):
        if argument == "--" and not is_value:
            return [*prepared, *arguments[place:]]
        starts = re.match(r"-[\w.(\[-]", argument) and not argument.startswith("--")
        if not is_value and starts and argument not in known:
            argument = _EXPRESSION + argument
        is_value = not is_value and argument in takes_value
        prepared.append(argument)
    return prepared


def _fail(error: GraphcalcError, printing: Printing) -> int:
    """Write a diagnostic to standard error; the exit status."""
    from graphcalc.report.errors import draw, draw_json, draw_line

    status = error.exit_status
    is_full = printing.errors == "full" or (printing.errors != "line" and _is_terminal(sys.stderr))
    if printing.format == "json":
        _complain(draw_json(error.diagnostic, status))
    elif is_full:
        _complain(draw(error.diagnostic))
    else:
        _complain(draw_line(error.diagnostic))
    return status


def _usage_error(message: str, command: Any) -> UsageError:
    """Typer's complaint as a diagnostic of our own."""
    match = re.search(r"No such option: (\S+?)(?:[ .]|$)", message)
    if match:
        names = [n for p in command.params for n in p.opts if n[0] == "-"]
        near = closest(match[1], names)
        hint = f"did you mean `{near[0]}`?" if near else "write -- before a program that starts so"
        return UsageError("option", f"there is no option `{brief(match[1])}`", help=hint)
    return UsageError("option", (message[:1].lower() + message[1:]).rstrip("."))


def _run(arguments: list[str]) -> int:
    """Run a command line; its exit status."""
    printing = Printing(arguments)
    command: Any = typer.main.get_command(app)
    # Typer 0.26 took click into itself: its exceptions are found through the one it exports.
    click_error: Any = typer.BadParameter.__mro__[2]
    try:
        prepared = _prepare_arguments(arguments, command)
        command.main(prepared, prog_name="graphcalc", standalone_mode=False)
        return 0
    except GraphcalcError as error:
        _debug()
        return _fail(error, printing)
    except click_error as error:
        return _fail(_usage_error(error.format_message(), command), printing)
    except typer.Exit as stop:
        return int(stop.exit_code)
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
    """The `graphcalc` command.

    Ctrl-C and closed pipes end the process by their signals, as shells expect, and at once,
    also inside native code.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    status = _run(sys.argv[1:])
    # Nothing is left to flush, and taking a large graph apart would cost as much as making it.
    os._exit(status)
