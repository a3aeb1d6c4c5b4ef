"""Origins of NaN and infinity as notes, as text and as JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graphcalc.analysis.nan_origins import Origin, Origins
from graphcalc.diagnostics import Label
from graphcalc.numbers import exact
from graphcalc.report.errors import location
from graphcalc.report.numbers import Show, round_to, show_index
from graphcalc.report.safe import safe

# Origins that are printed in full, and names that are listed.
_MANY, _NAMES = 20, 12


def as_notes(
    found: Origins,
    limit: int = 3,
    more_at: str = "; --trace-nan tells all",
    digits: int | None = None,
) -> list[str]:
    """Return a line for each origin that reaches a result or a gradient.

    Those beyond the limit are counted; `more_at` says where to read of them.
    """
    made = [origin for origin in found.made if origin.reaches]
    lines = []
    for origin in made[:limit]:
        where = location(Label(origin.source, origin.span))
        cause = f": {origin.why}" if origin.why else ""
        instead = f"; instead: {origin.instead}" if origin.instead else ""
        values = _operand_values(origin, round_to(digits))
        lines.append(safe(f"{where}: note: {_what(origin)}{cause}{values}{instead}"))
    more = len(made) - limit + (found.more if len(made) == len(found.made) else 0)
    if more > 0:
        lines.append(f"note: and in {more:,} more node{'s' * (more != 1)}{more_at}")
    return lines


def _what(origin: Origin) -> str:
    if origin.is_given:
        return f"{origin.kinds} came in with `{origin.name or origin.text}`"
    if origin.gradient_of:
        return f"{origin.kinds} born in the backward pass, through `{origin.gradient_of}`"
    node = f"{origin.name} = {origin.text}" if origin.name else origin.text
    return f"{origin.kinds} born in `{node}`"


def _operand_values(origin: Origin, show: Show) -> str:
    """Return the values of the operands that are names, in brackets."""
    named = _values(origin, show)
    if origin.gradient_of or not named:
        return ""
    at = f" at {show_index(origin.first)}" if origin.first else ""
    return f" ({', '.join(named)}{at})"


def _values(origin: Origin, show: Show) -> list[str]:
    """Return the operands that are not literals, each with its value."""
    return [
        f"{text} = {show(value, 'float64')}"
        for text, value in origin.operands
        if value is not None and not re.match(r"[-\d.\[]|(inf|nan|pi|tau)$", text)
    ]


def as_text(found: Origins, digits: int | None = None) -> str:
    """Return every origin with its operands, what it reaches, and what to write instead."""
    if not found.made:
        return "every number is finite\n"
    lines = ["where nan and inf come from:"]
    for number, origin in enumerate(found.made[:_MANY], 1):
        where = location(Label(origin.source, origin.span))
        lines.append(f"{number}. {_what(origin)} ({where})")
        lines += [f"   {line}" for line in _details(origin, round_to(digits))]
    more = max(len(found.made) - _MANY, 0) + found.more
    if more:
        lines.append(f"and {more:,} more")
    if found.passed_on:
        lines.append(f"passed on by {_listed(found.passed_on)}")
    return "\n".join([*map(safe, lines), ""])


def _details(origin: Origin, show: Show) -> list[str]:
    lines = []
    if origin.first:
        counts = [(origin.nan, "nan"), (origin.inf, "inf")]
        counted = " and ".join(f"{count:,} {kind}" for count, kind in counts if count)
        lines.append(f"{counted}, the first at {show_index(origin.first)}")
    operands = _values(origin, show)
    if operands:
        lines.append(f"{', '.join(operands)} gives {show(origin.value, 'float64')}")
    if origin.why:
        lines.append(origin.why)
    reached = _listed(origin.reaches) if origin.reaches else "no result"
    lines.append(f"it reaches {reached}")
    if origin.instead:
        lines.append(f"instead: {origin.instead}")
    return lines


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def as_objects(found: Origins) -> list[dict[str, object]]:
    """Return the origins as JSON values."""
    return [
        {
            "name": origin.name or None,
            "expression": origin.text,
            "backward_through": origin.gradient_of or None,
            "given": origin.is_given,
            "nan": origin.nan,
            "inf": origin.inf,
            "first": list(origin.first),
            "value": exact(origin.value),
            "operands": {
                text: None if value is None else exact(value) for text, value in origin.operands
            },
            "reaches": list(origin.reaches),
            "why": origin.why or None,
            "instead": origin.instead or None,
        }
        for origin in found.made
    ]
