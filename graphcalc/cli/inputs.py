"""Operands of the command line: programs and bindings, and hints for those that are mistaken."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from graphcalc.cli.options import EXAMPLE, USAGE
from graphcalc.diagnostics import GraphcalcError, Label, UsageError, brief, did_you_mean
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


def with_hint(
    error: GraphcalcError, operands: list[str], has_file: bool, names: Sequence[str]
) -> GraphcalcError:
    """Return the error, with a hint where an operand was meant as something else.

    `names` are those that files have values for.
    """
    d = error.diagnostic
    program = operands[0] if operands and not has_file else "-"
    label = d.labels[0] if d.labels else None
    text = label.source.text if label else ""
    path = program if os.path.isfile(program) else text if d.code == "binding" else "-"
    hint = _file_hint(path, label) or _name_hint(d.code, label, program, names)
    return type(error)(d.code, d.message, d.labels, d.note, hint) if hint else error


def _file_hint(path: str, label: Label | None) -> str:
    """The hint for an operand that is a file, or that binds a name to one."""
    from graphcalc.data.bindings import is_binding
    from graphcalc.data.loading import file_format

    if os.path.isfile(path):
        if file_format(path) is None:
            return f"to run a file, write -f {path}"
        return f"to compute with what is in it, write --inputs {path}, or --rows {path}"
    text = label.source.text if label else ""
    if label and label.source.name == "<argument>" and is_binding(text):
        name, _, value = text.partition("=")
        if any(os.path.isfile(part) for part in (value, value.partition(":")[0])):
            return f"to read a file, write {name}=@{value}"
    return ""


def _name_hint(code: str, label: Label | None, program: str, names: Sequence[str]) -> str:
    """The hint for a name that files have a value for, and for a binding that is the program."""
    from graphcalc.data.bindings import is_binding
    from graphcalc.syntax.columns import name_of
    from graphcalc.tables.reading import names_listed

    name = label.source.slice(label.span) if label else ""
    if code == "missing-input" and names:
        return did_you_mean(name, names) or f"the files have {names_listed(names)}"
    if code == "function-value" and name_of(name) in names:
        return f"for the column write {name_of(name)}"
    if code == "unused-binding" and is_binding(program):
        return f"`{brief(program)}` was taken as the program; to read standard input, write - first"
    return ""
