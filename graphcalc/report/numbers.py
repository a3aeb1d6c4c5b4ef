"""Numbers for people: short forms that stay distinct, shapes, and statistics in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isfinite
from typing import TypeAlias

from graphcalc.backends.base import Summary
from graphcalc.numbers import exact

# A number as text, given its dtype.
Show: TypeAlias = Callable[[float, str], str]

# Digits of a short form.
_SHORT = 7


def _short(value: float, dtype: str) -> str:
    """Return a number with its first seven digits, and a `…` where there are more.

    Every digit is one of the number's own: 2.9999999994 begins with 2.999999.
    """
    text = exact(value, dtype)
    if len(text) <= _SHORT + 3 or not isinstance(value, float) or value == int(value):
        return text
    mantissa, mark, exponent = text.partition("e")
    end = max(_end_of_digits(mantissa, _SHORT), mantissa.index(".") + 2)
    return text if end >= len(mantissa) else f"{mantissa[:end]}…{mark}{exponent}"


def _end_of_digits(mantissa: str, count: int) -> int:
    """Return where so many significant digits end; the whole length where there are fewer."""
    is_leading = True
    for place, character in enumerate(mantissa):
        is_leading = is_leading and character in "-0."
        count -= not is_leading and character != "."
        if count == 0:
            return place + 1
    return len(mantissa)


def round_to(digits: int | None) -> Show:
    """Return a function that rounds numbers to so many significant digits; None rounds none.

    Numbers that have no more digits, and those of whole dtypes, are written whole.
    """

    def show(value: float, dtype: str = "float64") -> str:
        text = exact(value, dtype)
        if digits is None or not isinstance(value, float) or not isfinite(value):
            return text
        mantissa = text.partition("e")[0].rstrip("0") if "." not in text else text.partition("e")[0]
        if _end_of_digits(mantissa + "0", digits) >= len(mantissa):
            return text
        return f"{value:#.{digits}g}".replace(".e", "e").rstrip(".")

    return show


def show_seconds(seconds: float) -> str:
    """Return a time with three digits and a unit: `1.25 ms`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * size:
            return f"{seconds / size:#.3g}".rstrip(".") + f" {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def shortener(values: Iterable[tuple[float, str]]) -> Show:
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


def show_summary(summary: Summary, shape: tuple[int, ...], dtype: str, show: Show) -> str:
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
