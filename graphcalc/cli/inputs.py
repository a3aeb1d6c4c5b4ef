"""What stands on a command line beside its options: programs and bindings."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from graphcalc.cli.options import EXAMPLE, USAGE
from graphcalc.diagnostics import GraphcalcError, UsageError, brief, did_you_mean
from graphcalc.report.output import complain, is_terminal
from graphcalc.source import Source


def sources_and_bindings(
    given: list[str], files: list[str], rows: str | None = None
) -> tuple[list[Source], list[str]]:
    """The texts that make up the program, and the bindings that are left.

    Raises UsageError where there is no program, or where it and the rows would both be read
    from standard input.
    """
    from graphcalc.data.bindings import is_binding
    from graphcalc.data.programs import read_file, read_standard_input

    def from_input() -> Source:
        if rows == "-":
            raise UsageError(
                "stdin-twice",
                "standard input cannot be both the program and the rows",
                help="write the program as an argument: graphcalc --rows - 'g = a + b'",
            )
        if is_terminal(sys.stdin):
            complain("reading from the terminal; Ctrl-D to end\n")
        return read_standard_input()

    sources = [from_input() if path == "-" else read_file(path) for path in files]
    if files:
        if given and given[0] == "-":
            sources.append(from_input())
            return sources, given[1:]
        if given and not is_binding(given[0]):
            sources.append(Source(given[0]))
            return sources, given[1:]
        return sources, given
    if not given:
        if sys.stdin is None or sys.stdin.isatty() or rows is not None:
            raise UsageError(
                "no-program", f"no program; usage: {USAGE}", help=f"for example: {EXAMPLE}"
            )
        return [from_input()], []
    if given[0] == "-":
        return [from_input()], given[1:]
    return [Source(given[0])], given[1:]


def explained(
    error: GraphcalcError, given: list[str], has_file: bool, names: Sequence[str]
) -> GraphcalcError:
    """The error, with a hint where an argument was meant as something else.

    `names` are those that files have values for.
    """
    d = error.diagnostic
    hint = _meant(error, given, has_file, names)
    return type(error)(d.code, d.message, d.labels, d.note, hint) if hint else error


def _meant(error: GraphcalcError, given: list[str], has_file: bool, names: Sequence[str]) -> str:
    from graphcalc.data.bindings import is_binding
    from graphcalc.data.loading import file_format
    from graphcalc.syntax.columns import name_of
    from graphcalc.tables.reading import names_listed

    d = error.diagnostic
    first = given[0] if given and not has_file else "-"
    label = d.labels[0] if d.labels else None
    text = label.source.text if label else ""
    path = first if os.path.isfile(first) else text if d.code == "binding" else "-"
    if os.path.isfile(path):
        if file_format(path) is None:
            return f"to run a file, write -f {path}"
        return f"to compute with what is in it, write --inputs {path}, or --rows {path}"
    if label and label.source.name == "<argument>" and is_binding(text):
        name, _, value = text.partition("=")
        if any(os.path.isfile(part) for part in (value, value.partition(":")[0])):
            return f"to read a file, write {name}=@{value}"
    said = label.source.slice(label.span) if label else ""
    if d.code == "missing-input" and names:
        return did_you_mean(said, names) or f"the files have {names_listed(names)}"
    if d.code == "function-value" and name_of(said) in names:
        return f"for the column write {name_of(said)}"
    if d.code == "unused-binding" and is_binding(first):
        return f"`{brief(first)}` was taken as the program; to read standard input, write - first"
    return ""
