"""What people meant by names and calls that mean something elsewhere, from the text around them."""

from __future__ import annotations

import re

from graphcalc.diagnostics import Label, brief
from graphcalc.ops.words import INSTEAD, INSTEAD_OF_NAMES

_POWER_OF_E = re.compile(r"e\s*(?:\^|\*\*)\s*(-?\s*(?:\([^()]*\)|[\w.]+(?:\([^()]*\))?))")
_QUOTIENT = re.compile(r"\bd([^\W\d]\w*)\s*/\s*d([^\W\d]\w*)\b")
_BY = re.compile(r"\s*/\s*d([^\W\d]\w*)\b")


def instead_of_name(name: str, label: Label) -> str:
    """Return what to write for a name without a value, or an empty text."""
    text, start = label.source.text, label.span.start
    power = _POWER_OF_E.match(text, start) if name == "e" else None
    if power:
        exponent = re.sub(r"^\(([^()]*)\)$", r"\1", power[1])
        return f"write exp({brief(exponent)})"
    for quotient in _QUOTIENT.finditer(text):
        if quotient.start() <= start < quotient.end():
            return f"write grad({quotient[1]}, {quotient[2]})"
    return INSTEAD_OF_NAMES.get(name, "")


def instead_of_call(name: str, label: Label) -> str:
    """Return what to write for a call of a function that there is not, or an empty text."""
    text, end = label.source.text, label.span.end
    arguments = _arguments(text, end)
    by = _BY.match(text, end + len(arguments) + 2) if name in ("d", "D") else None
    if by:
        return f"write grad({brief(arguments)}, {by[1]})"
    advice = INSTEAD.get(name, "")
    return advice.replace("{}", brief(arguments) or "f, x")


def _arguments(text: str, start: int) -> str:
    """The text between the parentheses that begin at an offset; empty where there are none."""
    depth = 0
    for place in range(start, min(len(text), start + 200)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place]
    return ""
