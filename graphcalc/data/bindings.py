"""`NAME=VALUE` arguments: data, never code."""

from __future__ import annotations

import re

from graphcalc.diagnostics import BindingError, GraphcalcError, Label, LimitError, brief
from graphcalc.graph.lower import Binding
from graphcalc.source import Source, Span
from graphcalc.syntax.parser import parse_expression

_BINDING = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(?!=)(.*)", re.DOTALL)


def is_binding(text: str) -> bool:
    """Whether an argument has the form NAME=VALUE."""
    return _BINDING.fullmatch(text) is not None


def parse_bindings(texts: list[str]) -> dict[str, Binding]:
    """The constant expressions of NAME=VALUE arguments."""
    found: dict[str, Binding] = {}
    for text in texts:
        whole = Source(text, "<argument>")
        match = _BINDING.fullmatch(text)
        if match is None:
            raise BindingError(
                "binding",
                f"`{brief(text)}` is not NAME=VALUE",
                (Label(whole, Span(0, len(text))),),
                help="write it without spaces and without a minus before the name"
                if "=" in text.strip("=") and "==" not in text
                else "a program is one argument: put it in quotes",
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
