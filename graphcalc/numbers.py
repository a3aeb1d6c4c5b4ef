"""Numbers as text that reads back as the same numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from math import isfinite
from typing import TypeAlias

# A number, or nested lists of numbers as a tensor is written.
Nested: TypeAlias = "float | list[Nested]"

# Significant digits that distinguish any two numbers of a dtype.
_DIGITS = {"float16": 5, "bfloat16": 4, "float32": 9}


def rounded(value: float, dtype: str) -> float:
    """Return the nearest number of a floating point dtype; infinity beyond its range."""
    if dtype == "float64" or not isfinite(value):
        return value
    result: float
    try:
        if dtype == "bfloat16":
            (bits,) = struct.unpack("<I", struct.pack("<f", value))
            bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
            (result,) = struct.unpack("<f", struct.pack("<I", bits))
        else:
            code = "<e" if dtype == "float16" else "<f"
            (result,) = struct.unpack(code, struct.pack(code, value))
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return result


# Up to this, a float64 has every whole number.
MAX_EXACT = 1 << 53


def is_rounded(value: int) -> bool:
    """Whether a float64 has not this whole number, but one near it."""
    try:
        return int(float(value)) != value
    except OverflowError:
        return True


def whole_number(value: int) -> int | float:
    """Return a whole number as a float where a float64 has it, else as an int of 64 bits.

    Beyond int64 it is the nearest float64. Raises OverflowError where that is infinite.
    """
    is_int64 = -(1 << 63) <= value < 1 << 63
    return value if is_int64 and is_rounded(value) else float(value)


def exact(value: float, dtype: str = "float64") -> str:
    """Return the shortest text that reads back as the same number of its dtype.

    A whole number has no `.0`; true, false, nan, inf and -inf are words.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isfinite(value):
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


def show_nested(value: Nested, show: Callable[[float], str]) -> str:
    """Return a number as text, or nested lists as a tensor literal; without recursion."""
    pieces: list[str] = []
    stack: list[Nested | str] = [value]
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


def leaves(value: Nested) -> list[float]:
    """Return the numbers of nested lists, in order."""
    found: list[float] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, (list, tuple)):
            stack += reversed(item)
        else:
            found.append(item)
    return found


def unravel(offset: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index of a row-major offset in a shape."""
    index: list[int] = []
    for size in reversed(shape):
        index.append(offset % size)
        offset //= size
    return tuple(reversed(index))


def show_bytes(size: int) -> str:
    """Return a number of bytes with a unit: `8.0 GiB`."""
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
    amount, unit = float(size), 0
    while amount >= 1024 and unit < len(units) - 1:
        amount, unit = amount / 1024, unit + 1
    if amount >= 1024:
        return f"over 1,024 {units[unit]}"
    return f"{size} B" if unit == 0 else f"{amount:,.1f} {units[unit]}"
