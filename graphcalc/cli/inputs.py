"""Operands of the command line: programs and bindings."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from graphcalc.cli.options import EXAMPLE, USAGE
from graphcalc.diagnostics import UsageError
from graphcalc.report.output import complain, is_terminal
from graphcalc.source import Source


def sources_and_bindings(
    operands: list[str], files: Sequence[str], rows: Sequence[str] = ()
) -> tuple[list[Source], list[str]]:
    """Return the texts that make up the program, and the texts of the bindings.

    Raises UsageError where there is no program, or where both the program and the rows would be
    read from standard input.
    """
    from graphcalc.data.bindings import is_binding
    from graphcalc.data.programs import read_file

    sources = [_standard_input(rows) if path == "-" else read_file(path) for path in files]
    if not operands and not files:
        if sys.stdin is None or sys.stdin.isatty() or rows:
            raise UsageError(
                "no-program", f"no program; usage: {USAGE}", help=f"for example: {EXAMPLE}"
            )
        return [_standard_input(rows)], []
    if not operands or (files and operands[0] != "-" and is_binding(operands[0])):
        return sources, operands
    first, *bindings = operands
    return [*sources, _standard_input(rows) if first == "-" else Source(first)], bindings


def _standard_input(rows: Sequence[str]) -> Source:
    """The program on standard input."""
    from graphcalc.data.programs import read_standard_input

    if "-" in rows:
        raise UsageError(
            "stdin-twice",
            "standard input cannot be both the program and the rows",
            help="write the program as an argument: graphcalc --rows - 'g = a + b'",
        )
    if is_terminal(sys.stdin):
        complain("reading from the terminal; Ctrl-D to end\n")
    return read_standard_input()
