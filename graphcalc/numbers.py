"""Numbers as text that reads back as the same numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

# The digits that tell any two numbers of a dtype apart.
_DIGITS = {"float16": 5, "bfloat16": 4, "float32": 9}


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


def show_bytes(size: int) -> str:
    """A number of bytes for people: `8.0 GiB`."""
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
    amount, place = float(size), 0
    while amount >= 1024 and place < len(units) - 1:
        amount, place = amount / 1024, place + 1
    if amount >= 1024:
        return f"over 1,024 {units[place]}"
    return f"{size} B" if place == 0 else f"{amount:,.1f} {units[place]}"
