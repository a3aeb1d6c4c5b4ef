"""Cells of text: when they are numbers, how numbers are written, and what can be wrong."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from graphcalc.diagnostics import brief

# A cell longer than this is no number, and a text that belongs into a file of its own.
MAX_CELL = 1 << 17
_NUMBER = re.compile(
    r"[ \t]*[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)[ \t]*",
    re.IGNORECASE | re.ASCII,
)
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


class Fault(NamedTuple):
    """What is wrong with a record: where in its text, and what to say of it."""

    code: str
    message: str
    start: int
    end: int
    help: str = ""


class Faulty(Exception):
    """A record that cannot be used."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def number(text: str) -> float:
    """The number in a cell, or a ValueError: digits of ASCII, no underscores."""
    if text.isascii() and "_" not in text:
        return float(text)
    raise ValueError(text)


def read_number(text: str, column: str, start: int, end: int) -> float:
    """The number in a cell that stands at a place of its record; Faulty where there is none."""
    if not text.strip():
        message = f"empty cell in column `{brief(column)}`"
        hint = "--missing nan computes with nan, --on-error null or skip goes on"
        raise Faulty(Fault("empty-cell", message, start, end, hint))
    if _NUMBER.fullmatch(text) is None:
        message = f"`{brief(text)}` in column `{brief(column)}` is not a number"
        raise Faulty(Fault("bad-cell", message, start, end, "--on-error null or skip goes on"))
    return float(text)


def as_json(text: str) -> str:
    """A cell as a JSON value: a number as it is written, null for an empty one, else a string."""
    if not text:
        return "null"
    if _JSON_NUMBER.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)
