"""Cells of text: when they are numbers, how numbers are written, and what can be wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from graphcalc.diagnostics import brief
from graphcalc.numbers import MAX_EXACT, is_rounded
from graphcalc.ops.spec import Elements

# A cell longer than this is no number, and a text that belongs into a file of its own.
MAX_CELL = 1 << 17
_NUMBER = re.compile(
    r"[ \t]*[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)[ \t]*",
    re.IGNORECASE | re.ASCII,
)
# Truth values, as results are written, count 1 and 0.
_WORDS = {"true": 1.0, "false": 0.0, "True": 1.0, "False": 0.0}
_is_json_number = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
_is_whole = re.compile(r"[ \t]*[+-]?\d{1,19}[ \t]*", re.ASCII).fullmatch


class CellProblem(NamedTuple):
    """What is wrong with a record: where in its text, and what to say of it."""

    code: str
    message: str
    start: int
    end: int
    help: str = ""


class CellError(Exception):
    """A record that cannot be used."""

    def __init__(self, fault: CellProblem) -> None:
        super().__init__(fault.message)
        self.fault = fault


# What `float` takes for blanks or for a part of a number, and a cell does not.
_ODD = "_\x0b\x0c\x1c\x1d\x1e\x1f\r"


def has_odd_characters(text: str) -> bool:
    """Whether a text has characters with which `float` reads more as numbers than `number`."""
    return not text.isascii() or any(character in text for character in _ODD)


def number(text: str) -> float:
    """The number in a cell, or a ValueError: digits of ASCII, between blanks and tabs."""
    if has_odd_characters(text):
        raise ValueError(text)
    return float(text)


def read_number(text: str, column: str, start: int, end: int) -> float:
    """Return the number in a cell at a span of its record. Raises CellError where there is none."""
    if not text.strip():
        message = f"empty cell in column `{brief(column)}`"
        hint = "--missing nan computes with nan, --on-error null or skip goes on"
        raise CellError(CellProblem("empty-cell", message, start, end, hint))
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text) is None:
        message = f"`{brief(text)}` in column `{brief(column)}` is not a number"
        raise CellError(
            CellProblem("bad-cell", message, start, end, "--on-error null or skip goes on")
        )
    return float(text)


def is_number(text: str) -> bool:
    """Whether `read_number` finds a number in a cell."""
    return text in _WORDS or _NUMBER.fullmatch(text) is not None


def exact_numbers(numbers: Elements, cells: Iterable[str]) -> Elements:
    """Return numbers as ints where float64 rounds some of what their cells say, else as they are.

    They are ints only where all of the cells are whole numbers of int64.
    """
    if not any(abs(number) >= MAX_EXACT for number in numbers):
        return numbers
    found = []
    for cell in cells:
        if not _is_whole(cell):
            return numbers
        found.append(int(cell))
    is_int64 = all(-(1 << 63) <= number < 1 << 63 for number in found)
    return found if is_int64 and any(map(is_rounded, found)) else numbers


def as_json(text: str) -> str:
    """A cell as a JSON value: a number as it is written, null for an empty one, else a string."""
    if _is_json_number(text):
        return text
    return json.dumps(text, ensure_ascii=False) if text else "null"
