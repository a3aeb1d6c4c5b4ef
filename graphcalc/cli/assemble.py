"""The values of a command line as the option objects of a run, of a descent and of rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from graphcalc.cli.parser import CommandLine
from graphcalc.diagnostics import UsageError, brief
from graphcalc.report.pages import STEPS

if TYPE_CHECKING:
    from graphcalc.analysis.descent import Descent
    from graphcalc.evaluate import Options
    from graphcalc.rows.run import RowOptions
    from graphcalc.syntax.program import SyntaxTree
    from graphcalc.tables.reading import TextOptions


def run_options(command: CommandLine) -> Options:
    """Return how the program is evaluated, by what, and within which limits."""
    from graphcalc.backends.base import Settings
    from graphcalc.evaluate import Gradients, Options

    gradients = None
    if command.grad is not None:
        with_locals = bool(command.graph) or command.output_format in STEPS
        gradients = Gradients(command.grad, command.wrt or None, command.seed_grad, with_locals)
    return Options(
        Settings(command.backend, command.device, command.dtype, command.threads, command.compile),
        command.seed,
        command.max_memory,
        command.max_nodes,
        command.check,
        gradients,
        command.init,
    )


def own_gradients(command: CommandLine, options: Options, program: SyntaxTree) -> Options:
    """Return options with the gradients that a program takes itself, where they are shown."""
    from graphcalc.evaluate import with_own_gradients

    if command.output_format == "value" or command.rows or command.minimize is not None:
        return options
    options = with_own_gradients(options, program)
    if options.gradients is None:
        return options
    with_locals = bool(command.graph) or command.output_format in STEPS
    return options._replace(gradients=options.gradients._replace(with_locals=with_locals))


def descent(command: CommandLine, node: str) -> Descent:
    """Return how a node is minimized."""
    from graphcalc.analysis.descent import Descent

    return Descent(
        node,
        command.update,
        command.lr,
        command.iterations,
        command.optimizer,
        command.tolerance,
    )


def text_options(command: CommandLine) -> TextOptions:
    """Return how text tables are read."""
    from graphcalc.tables.cells import NumberFormat
    from graphcalc.tables.reading import TextOptions

    empty = math.nan if command.missing == "nan" else None
    thousands = command.thousands or ""
    if thousands == command.decimal:
        message = f"--thousands and --decimal are both `{thousands}`"
        raise UsageError("option", message, help="as in 1.234,5: --thousands . --decimal ,")
    number_format = NumberFormat(command.na, thousands, command.decimal)
    has_header = not command.no_header
    return TextOptions(command.delimiter, command.encoding, empty, has_header, number_format)


def row_options(command: CommandLine, *, is_terminal: bool) -> tuple[RowOptions, bool]:
    """Return how rows are read and written, and whether they are drawn as a table.

    `is_terminal` says that standard output is one. Raises UsageError for formats that rows do not
    have, or that a terminal does not show.
    """
    from graphcalc.rows.engine import Policy
    from graphcalc.rows.formats import COLUMNAR, FORMATS, format_of
    from graphcalc.rows.run import RowOptions

    if command.input_format not in (None, *FORMATS):
        raise UsageError("option", f"--rows goes with --input-format {', '.join(FORMATS)}")
    format, output = command.output_format, command.output
    path, *more = command.rows
    named = command.to or (format if format not in ("table", "value") else None)
    to = named or (_format_of_output(output) if output else None)
    is_table = command.format == format == "table" and command.to is None
    is_columnar = (to or command.input_format or format_of(path)) in COLUMNAR
    if is_columnar and is_terminal and output is None:
        if named:
            message = f"--to {named} is nothing to read on a terminal"
            raise UsageError("option", message, help="write it into a file: -o FILE")
        is_table = True
    is_bare = format == "value"
    to = "csv" if is_bare or is_table else to
    if output and to in COLUMNAR:
        _check_unpacked(output, to)
    text = text_options(command)
    options = RowOptions(
        path,
        command.input_format,
        to,
        text,
        command.only or is_bare,
        command.show,
        Policy(command.on_error, text.missing, command.strict),
        text.has_header and not is_bare,
        more,
    )
    return options, is_table


def _check_unpacked(path: str, format: str) -> None:
    """Raise UsageError for a file name that asks for a columnar format to be packed again."""
    from graphcalc.files.streams import is_packed

    if is_packed(path):
        message = f"--output `{brief(path)}`: {format} is packed in itself"
        raise UsageError("option", message, help="leave .gz and .zst out of the name")


def _format_of_output(path: str) -> str | None:
    """The format of rows that a file's name tells; UsageError for the name of other data."""
    from graphcalc.data.loading import file_format
    from graphcalc.rows.formats import FORMATS, format_of

    format = format_of(path)
    other = None if format else file_format(path)
    is_sheet = path.lower().endswith((".xlsx", ".xls", ".ods"))
    if (other and other != "txt") or is_sheet:
        raise UsageError(
            "option",
            f"--output `{brief(path)}` names no format of rows; they are {', '.join(FORMATS)}",
            help="choose one of them all the same: --to csv",
        )
    return format
