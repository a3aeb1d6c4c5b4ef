"""Numbers for people: short on a terminal without ever misleading, shapes, and summaries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from graphcalc.backends.base import Summary
from graphcalc.numbers import exact

_SHORT = 7


def _short(value: Any, dtype: str) -> str:
    """At most seven digits, with a mark where some were left out."""
    text = exact(value, dtype)
    if len(text) <= _SHORT + 3 or not isinstance(value, float):
        return text
    brief = f"{value:.{_SHORT}g}"
    if float(brief) == value:
        return text
    if value == int(value):
        return text  # digits of a whole number are never left out
    mantissa, mark, exponent = brief.partition("e")
    return f"{mantissa}…{mark}{exponent}"


def show_seconds(seconds: float) -> str:
    """A time with three digits and a fitting unit: `1.25 ms`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * size:
            return f"{seconds / size:#.3g}".rstrip(".") + f" {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def shortener(values: Iterable[tuple[Any, str]]) -> Callable[[Any, str], str]:
    """A way to show these numbers (with their dtypes) short, no two unequal ones alike."""
    meanings: dict[str, set[str]] = {}
    for value, dtype in values:
        meanings.setdefault(_short(value, dtype), set()).add(exact(value, dtype))

    def show(value: Any, dtype: str) -> str:
        text = _short(value, dtype)
        return text if len(meanings.get(text, ())) == 1 else exact(value, dtype)

    return show


def leaves(value: Any) -> list[Any]:
    """The numbers in nested lists, in order."""
    level = [value]
    while level and any(isinstance(x, (list, tuple)) for x in level):
        level = [y for x in level for y in (x if isinstance(x, (list, tuple)) else [x])]
    return level


def show_shape(shape: tuple[int, ...]) -> str:
    """`(3, 4)`, `(3)`, `()`."""
    return f"({', '.join(map(str, shape))})"


def show_summary(
    summary: Summary, shape: tuple[int, ...], dtype: str, show: Callable[[Any, str], str]
) -> str:
    """A tensor in one line: shape, dtype, extremes, mean, and what is not finite."""
    parts = [show_shape(shape), dtype]
    if summary.minimum is not None and summary.mean is not None:
        parts += [
            f"min {show(summary.minimum, dtype)}",
            f"mean {show(summary.mean, 'float64')}",
            f"max {show(summary.maximum, dtype)}",
        ]
    parts += [
        f"{count} {kind}" for kind, count in (("nan", summary.nan), ("inf", summary.inf)) if count
    ]
    return " · ".join([parts[0] + " " + parts[1], *parts[2:]])
