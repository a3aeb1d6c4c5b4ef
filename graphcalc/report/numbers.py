"""Numbers as text: exact everywhere, and short on a terminal without ever misleading."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from graphcalc.backends.base import Summary

# The digits that tell any two numbers of a dtype apart.
_DIGITS = {"float16": 5, "bfloat16": 4, "float32": 9}
_SHORT = 7


def rounded(value: float, dtype: str) -> float:
    """The nearest number of a floating dtype; infinity beyond its range."""
    if dtype == "float64" or value - value != 0:
        return value
    try:
        if dtype == "bfloat16":
            (bits,) = struct.unpack("<I", struct.pack("<f", value))
            bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
            (found,) = struct.unpack("<f", struct.pack("<I", bits))
        else:
            code = "<e" if dtype == "float16" else "<f"
            (found,) = struct.unpack(code, struct.pack(code, value))
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    result: float = found
    return result


def exact(value: Any, dtype: str = "float64") -> str:
    """The shortest text that reads back as the same number of its dtype.

    A whole number has no `.0`; true, false, nan, inf and -inf are words.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value - value != 0:
        return "nan" if value != value else "inf" if value > 0 else "-inf"
    if value == 0:
        return "-0" if str(value)[0] == "-" else "0"
    if abs(value) < 1e16 and value == int(value):
        return str(int(value))
    if dtype in _DIGITS:
        for digits in range(1, _DIGITS[dtype] + 1):
            text = f"{value:.{digits}g}"
            if rounded(float(text), dtype) == value:
                return repr(float(text))
    return repr(value)


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


def show_nested(value: Any, show: Callable[[Any], str]) -> str:
    """A number, or nested lists as a tensor literal, without recursion."""
    pieces: list[str] = []
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            pieces.append(item)
        elif isinstance(item, (list, tuple)):
            stack.append("]")
            for element in reversed(item):
                stack += [element, ", "]
            if item:
                stack.pop()
            pieces.append("[")
        else:
            pieces.append(show(item))
    return "".join(pieces)


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
