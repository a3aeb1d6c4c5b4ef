"""Cells of text: when they are numbers, how numbers are written, and what can be wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from unicodedata import category

from graphcalc.diagnostics import brief
from graphcalc.numbers import MAX_EXACT, is_rounded
from graphcalc.ops.spec import Elements

# A cell longer than this is no number, and a text that belongs into a file of its own.
MAX_CELL = 1 << 17
# Truth values, as results and spreadsheets are written, count 1 and 0.
_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), 1.0),
    **dict.fromkeys(("false", "False", "FALSE"), 0.0),
}
# What stands for a missing number, besides an empty cell.
MARKERS = frozenset(
    ("NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NULL", "null", "Null", "None", "none", "#N/A N/A")
)
# Blanks beside a number, and between groups of three digits.
_BESIDE = " \t\u00a0\u202f\u2007\u2009"
_SPACES = " \u00a0\u202f\u2009"
_is_json_number = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
_is_digits = re.compile(r"[ \t]*[+-]?\d{1,400}[ \t]*", re.ASCII).fullmatch
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


class NumberFormat:
    """How the numbers of cells are written.

    `markers` stand for missing ones, `thousands` is between groups of three digits, where blanks
    may be unless there is another, and `decimal` is the decimal point.
    """

    def __init__(
        self, markers: Iterable[str] = (), thousands: str = "", decimal: str = "."
    ) -> None:
        self.markers = MARKERS.union(markers)
        group = re.escape(thousands) if thousands.strip() else _SPACES
        whole = rf"\d{{1,3}}(?P<group>[{group}])\d{{3}}(?:(?P=group)\d{{3}})*|\d*"
        self._number = re.compile(
            rf"(?P<sign>[+-]?)(?:(?P<whole>{whole})(?:{re.escape(decimal)}(?P<part>\d*))?"
            r"(?P<power>e[+-]?\d+)?|(?P<word>inf(?:inity)?|nan))",
            re.IGNORECASE | re.ASCII,
        )
        # Whether what Python reads as a number is that number.
        is_word = all(self.parse(marker) is None for marker in self.markers)
        self.is_plain = not thousands and decimal == "." and is_word

    def is_missing(self, text: str) -> bool:
        """Whether a cell has no number."""
        text = text.strip(_BESIDE)
        return not text or text in self.markers

    def parse(self, text: str) -> float | None:
        """Return the number in a cell, 1 and 0 for truth values; None where there is none."""
        text = text.strip(_BESIDE)
        if text in _WORDS:
            return _WORDS[text]
        found = self._number.fullmatch(text)
        if found is None:
            return None
        sign, word, power = found["sign"], found["word"], found["power"] or ""
        if word:
            return float(sign + word)
        whole, part = re.sub(r"\D", "", found["whole"] or ""), found["part"] or ""
        return float(f"{sign}{whole}.{part}0{power}") if whole or part else None

    def digits(self, text: str) -> str:
        """Return the digits and the sign of a cell that is a whole number, else its text."""
        found = self._number.fullmatch(text.strip(_BESIDE))
        if found is None or not found["whole"] or found["part"] is not None or found["power"]:
            return text
        return found["sign"] + re.sub(r"\D", "", found["whole"])

    def whole(self, text: str) -> float:
        """Return the number in a cell, as an int where it is a whole number of int64.

        Raises ValueError where there is none.
        """
        return as_whole(self.digits(text), self.number(text))

    def rounds(self, text: str, value: float) -> bool:
        """Whether a cell is a whole number that its value, a float, is not."""
        digits = self.digits(text) if abs(value) >= MAX_EXACT else ""
        return _is_digits(digits) is not None and is_rounded(int(digits))

    def number(self, text: str) -> float:
        """Return the number in a cell. Raises ValueError where there is none."""
        value = self.parse(text)
        if value is None or text.strip(_BESIDE) in self.markers:
            raise ValueError(text)
        return value

    def read(self, text: str, column: str, start: int, end: int) -> float:
        """Return the number in a cell at a span of its record. Raises CellError for none."""
        value = self.parse(text)
        if value is not None and not self.is_missing(text):
            return value
        name, shown = brief(column), brief(text)
        if self.is_missing(text):
            what = f"missing value `{shown}`" if text.strip(_BESIDE) else "empty cell"
            hint = "--missing nan computes with nan, --on-error null or skip goes on"
            problem = CellProblem("empty-cell", f"{what} in column `{name}`", start, end, hint)
            raise CellError(problem)
        message = f"`{shown}` in column `{name}` {self._why(text)}"
        hint = self._hint(text) or "--on-error null or skip goes on"
        raise CellError(CellProblem("bad-cell", message, start, end, hint))

    def _why(self, text: str) -> str:
        """Return what is wrong with a cell that holds no number."""
        bare = text.strip(_BESIDE)
        if bare.endswith("%") and self.parse(bare[:-1]) is not None:
            return "is a percentage, not a number"
        signs = [c for c in bare if category(c) == "Sc"]
        if signs and self.parse(bare.replace(signs[0], "")) is not None:
            return f"has the currency sign `{signs[0]}`, and a number stands alone"
        return "is not a number"

    def _hint(self, text: str) -> str:
        """Return the option with which a cell would be a number."""
        fits = [o for o, way in _others().items() if self.is_plain and way.parse(text) is not None]
        return f"if it is one, add {' or '.join(fits[:2])}" if fits else ""


PLAIN = NumberFormat()


def _others() -> dict[str, NumberFormat]:
    """Return other ways to write numbers, by the options for them."""
    return {
        "--thousands ,": NumberFormat(thousands=","),
        "--decimal ,": NumberFormat(decimal=","),
        "--thousands . --decimal ,": NumberFormat(thousands=".", decimal=","),
        '--thousands "\'"': NumberFormat(thousands="'"),
    }


def is_number(text: str) -> bool:
    """Whether a cell is a number as Python writes it, or a truth value."""
    return PLAIN.parse(text) is not None


class ExactNumbers(NamedTuple):
    """Numbers of cells, and the first whole number among these that is `rounded` to a float."""

    numbers: Elements
    rounded: str = ""


def exact_numbers(numbers: Elements, cells: Iterable[str]) -> ExactNumbers:
    """Return numbers as ints where float64 rounds some of what their cells say, else as they are.

    They are ints only where all of the cells are whole numbers of int64.
    """
    if not any(abs(number) >= MAX_EXACT for number in numbers):
        return ExactNumbers(numbers)
    texts = list(cells)
    if are_long_integers(texts):
        return ExactNumbers(list(map(int, texts)))
    long = (t for t, x in zip(texts, numbers) if PLAIN.rounds(t, x))
    return ExactNumbers(numbers, next(long, "").strip())


def as_whole(text: str, value: float) -> float:
    """The number in a cell as an int where it is a whole number of int64; `value` otherwise."""
    return int(text) if _is_whole(text) and -(1 << 63) <= int(text) < 1 << 63 else value


def whole_or_number(text: str) -> float:
    """The number in a cell, as an int where it is a whole number of int64; else a ValueError."""
    return as_whole(text, number(text))


def are_long_integers(cells: Sequence[str]) -> bool:
    """Whether cells are whole numbers of int64, some of which a float64 has not."""
    numbers = [as_whole(cell, 0.5) for cell in cells]
    whole = [number for number in numbers if isinstance(number, int)]
    return len(whole) == len(numbers) and any(map(is_rounded, whole))


# Digits as zeros, the point as it is, and all other bytes as blanks.
_DIGITS = bytes(48 if 48 <= byte <= 57 else 46 if byte == 46 else 32 for byte in range(256))


def has_long_numbers(text: bytes) -> bool:
    """Whether whole numbers may be in a text that are so long that a float64 may not have them."""
    return b" 0000000000000000" in (b" " + text).translate(_DIGITS)


class NumberWatch:
    """Reads cells as floats, and remembers the first whole number that this rounds."""

    def __init__(self, read: Callable[[Any], float], way: NumberFormat) -> None:
        self._read, self._way, self.first = read, way, ""

    def __call__(self, cell: Any) -> float:
        """Return the number in a cell, or raise what `read` raises."""
        value = self._read(cell)
        if not self.first and isinstance(cell, str) and self._way.rounds(cell, value):
            self.first = cell.strip()
        return value


def as_json(text: str) -> str:
    """A cell as a JSON value: a number as it is written, null for an empty one, else a string."""
    if _is_json_number(text):
        return text
    return json.dumps(text, ensure_ascii=False) if text else "null"
