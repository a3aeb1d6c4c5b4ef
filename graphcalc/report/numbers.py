"""Numbers for people: short forms that stay distinct, shapes, and statistics in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from graphcalc.backends.base import Summary
from graphcalc.numbers import exact

# Digits of a short form.
_SHORT = 7


def _short(value: float, dtype: str) -> str:
    """Return a number with at most seven digits, and a `…` where digits are left out."""
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
    """Return a time with three digits and a unit: `1.25 ms`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * size:
            return f"{seconds / size:#.3g}".rstrip(".") + f" {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def shortener(values: Iterable[tuple[float, str]]) -> Callable[[float, str], str]:
    """Return a function that gives these numbers short forms, different for unequal numbers.

    Each number comes with its dtype.
    """
    meanings: dict[str, set[str]] = {}
    for value, dtype in values:
        meanings.setdefault(_short(value, dtype), set()).add(exact(value, dtype))

    def show(value: float, dtype: str) -> str:
        text = _short(value, dtype)
        return text if len(meanings.get(text, ())) == 1 else exact(value, dtype)

    return show


def show_shape(shape: tuple[int, ...]) -> str:
    """Return a shape as text: `(3, 4)`, `(3)`, `()`."""
    return f"({', '.join(map(str, shape))})"


def show_index(index: tuple[int, ...]) -> str:
    """Return an index as text, `[0, 1]`; empty for a scalar."""
    return f"[{', '.join(map(str, index))}]" if index else ""


def show_summary(
    summary: Summary, shape: tuple[int, ...], dtype: str, show: Callable[[float, str], str]
) -> str:
    """Return a tensor's shape, dtype, extremes, mean, and counts of NaN and infinity in a line."""
    parts = [show_shape(shape), dtype]
    low, mean, high = summary.minimum, summary.mean, summary.maximum
    if low is not None and mean is not None and high is not None:
        parts += [
            f"min {show(low, dtype)}",
            f"mean {show(mean, 'float64')}",
            f"max {show(high, dtype)}",
        ]
    parts += [
        f"{count} {kind}" for kind, count in (("nan", summary.nan), ("inf", summary.inf)) if count
    ]
    return " · ".join([parts[0] + " " + parts[1], *parts[2:]])
