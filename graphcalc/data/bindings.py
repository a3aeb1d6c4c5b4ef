"""`NAME=VALUE` arguments: data, never code."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from graphcalc.data.programs import read_file
from graphcalc.data.references import Reference, parse_reference
from graphcalc.diagnostics import BindingError, GraphcalcError, Label, LimitError, brief
from graphcalc.graph.lowering import Binding
from graphcalc.graph.names import names_assigned, names_read
from graphcalc.source import Source, Span
from graphcalc.syntax.columns import normalized
from graphcalc.syntax.parser import parse_expression, parse_program
from graphcalc.syntax.program import Statement, SyntaxTree

# A name, or names and numbers with dots between them, as those of parameters are.
_BINDING = re.compile(
    r"([^\W\d][\w\u0300-\u036f]*|[\w\u0300-\u036f]+(?:\.[\w\u0300-\u036f]+)+)=(?!=)(.*)", re.DOTALL
)


def is_binding(text: str) -> bool:
    """Whether an argument has the form NAME=VALUE."""
    return _parts(text) is not None


def _parts(text: str) -> re.Match[str] | None:
    match = _BINDING.fullmatch(text)
    return match if match and is_name(match[1]) else None


def is_name(text: str) -> bool:
    """Return whether a text is a name, or one of a parameter: `fc1.weight`, `0.bias`."""
    *path, last = text.split(".")
    return last.isidentifier() and all(p.isidentifier() or p.isdigit() for p in path)


class ParsedBindings(NamedTuple):
    """What names are bound to: constant expressions, and values in files.

    `spare` are names of a file that a program may do without.
    """

    constants: dict[str, Binding]
    references: dict[str, Reference]
    tables: list[Reference]
    spare: set[str]

    def wanted(self, program: SyntaxTree) -> dict[str, Binding]:
        """The constants that count for a program: not those of a file that it does not read."""
        known = names_read(program) | names_assigned(program)
        vain = self.spare - known
        return {name: value for name, value in self.constants.items() if name not in vain}


def parse_bindings(
    texts: list[str], files: Sequence[str] = (), format: str | None = None
) -> ParsedBindings:
    """What arguments NAME=VALUE bind, where `@FILE` is data, and files with values for names.

    A file has data where its name tells their format, or `format` does; any other has
    NAME = VALUE statements.
    """
    bound = ParsedBindings({}, {}, [], set())
    for path in files:
        from graphcalc.data.loading import file_format

        label = Label(Source(path, "--inputs"), Span(0, len(path)))
        if (file_format(path) or format) is not None:
            bound.tables.append(Reference(path, None, label))
            continue
        if path == "-":
            hint = "say what standard input is: --input-format csv"
            raise BindingError("input-format", "standard input has no name", (label,), help=hint)
        _add_file(bound.constants, read_file(path))
        bound.spare.update(bound.constants)
    for text in texts:
        _add_argument(bound, text)
    bound.spare.difference_update(bound.references)
    return bound


def _add_argument(bound: ParsedBindings, text: str) -> None:
    """Add what NAME=VALUE binds."""
    whole = Source(text, "<argument>")
    match = _parts(text)
    if match is None:
        raise BindingError(
            "binding",
            f"`{brief(text)}` is not NAME=VALUE",
            (Label(whole, Span(0, len(text))),),
            help="write it without spaces and without a minus before the name"
            if "=" in text.strip("=") and "==" not in text
            else "a program is one argument: put it in quotes",
        )
    name, value = normalized(match[1]), match[2]
    if name in bound.constants or name in bound.references:
        raise _twice(name, Label(whole, Span(0, len(text))))
    if value.startswith("@"):
        label = Label(whole, Span(match.start(2), len(text)))
        bound.references[name] = _reference(value[1:], label)
    else:
        bound.constants[name] = _parsed(text, match.start(2))


def _reference(text: str, label: Label) -> Reference:
    if not text:
        hint = "write the file behind it: x=@data.npy, x=@t.csv:column"
        raise BindingError("binding-file", "there is no file behind `@`", (label,), help=hint)
    return parse_reference(text, label)


def _add_file(found: dict[str, Binding], file: Source) -> None:
    for statement in _binding_errors(lambda: parse_program(file), file).statements:
        if not isinstance(statement, Statement) or statement.name is None:
            span = statement.value.span if isinstance(statement, Statement) else Span(0, 0)
            raise BindingError(
                "inputs-file",
                f"{brief(file.name)} has statements that are not NAME = VALUE",
                (Label(file, span),),
            )
        if statement.name in found:
            raise _twice(statement.name, Label(file, statement.name_span))
        found[statement.name] = Binding(file, statement.value, statement.value.span)


def _twice(name: str, label: Label) -> BindingError:
    return BindingError("bound-twice", f"`{brief(name)}` is bound twice", (label,))


def parse_value(text: str, name: str = "<argument>") -> Binding:
    """The constant expression that an option has for its value; `name` tells where it stands."""
    return _parsed(text, 0, name)


def _parsed(text: str, start: int, name: str = "<argument>") -> Binding:
    """The expression in a text from a place on."""
    whole = Source(text, name)
    # Blanks stand for what comes before, so that columns count in the whole text.
    source = Source(" " * start + text[start:], name)
    expression = _binding_errors(lambda: parse_expression(source), whole)
    return Binding(whole, expression, Span(0, len(text)))


_T = TypeVar("_T")


def _binding_errors(parse: Callable[[], _T], whole: Source) -> _T:
    """What `parse` gives; its errors are those of bindings, in the whole text."""
    try:
        return parse()
    except GraphcalcError as error:
        d = error.diagnostic
        labels = tuple(label._replace(source=whole) for label in d.labels)
        kind = LimitError if isinstance(error, LimitError) else BindingError
        raise kind(d.code, d.message, labels, d.note, d.help) from None
