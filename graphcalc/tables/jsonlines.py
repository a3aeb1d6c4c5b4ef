"""JSON lines: one object a record, whose members keep the text that they were written with."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from graphcalc.diagnostics import DataError, Label, brief
from graphcalc.graph.text_columns import TextTest
from graphcalc.numbers import whole_number
from graphcalc.source import Source, Span
from graphcalc.tables.cells import (
    PLAIN,
    CellError,
    CellProblem,
    NumberWatch,
    are_long_integers,
    as_whole,
)
from graphcalc.tables.columns import ColumnKind, RecordText, Wanted

BLANKS = " \t\r\n"
_LINE_ENDS = re.compile(r"[\r\n]+")


class Member(NamedTuple):
    """A member of a record: its value, and where that stands in the text."""

    value: Any
    start: int
    end: int


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object. Raises ValueError for a key that is there twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise ValueError(f"the key `{brief(twice)}` is there twice")
    return found


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


# Strict JSON: no duplicate keys, and no NaN.
DECODER = json.JSONDecoder(object_pairs_hook=unique, parse_constant=_constant)


class Digits(str):
    """A number as it is written."""


_TEXTS: Any = json.JSONDecoder(
    object_pairs_hook=unique, parse_constant=_constant, parse_float=Digits, parse_int=Digits
)
# (text, place) -> the value there, with numbers as they are written, and its end.
SCAN: Callable[[str, int], tuple[Any, int]] = _TEXTS.scan_once


def _integer(text: str) -> float:
    """A whole number as a float, which tells -0 from 0, or as an int where only int64 has it."""
    return whole_number(int(text)) if 15 < len(text) < 400 else float(text)


# As DECODER, with -0 told from 0.
NUMBERS = json.JSONDecoder(object_pairs_hook=unique, parse_constant=_constant, parse_int=_integer)


def keys_of(name: str) -> tuple[str, str]:
    """The keys that a result is written under: its name, and what tells the kind of a null."""
    return name, f"{name}_non_finite"


def number(value: Any) -> float:
    """The number of a member, or a ValueError: true counts 1, a string of digits is none."""
    if type(value) in (Digits, float, int, bool):
        return float(value)
    raise ValueError(value)


def whole(value: Any) -> float:
    """The number of a member, as an int where it is a whole number of int64; or a ValueError."""
    if type(value) is int:
        return value
    return as_whole(value, float(value)) if type(value) is Digits else number(value)


def text(value: str) -> str:
    """Return a string. Raises CellError for a lone surrogate (`\\ud800`) and for NUL."""
    if "\0" in value:
        raise CellError(CellProblem("bad-json", "a NUL character in a string", 0, 0))
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(value[error.start]):04x}"
        raise CellError(CellProblem("bad-json", f"`{half}` is half of a character", 0, 0)) from None
    return value


def members(record: str) -> dict[str, Member]:
    """Return the members of a record, by key. Raises CellError for no object of unique keys."""
    place = _skip(record, 0)
    if record[place : place + 1] != "{":
        raise CellError(
            CellProblem("bad-json", "a record is not a JSON object", place, len(record))
        )
    found: dict[str, Member] = {}
    place = _skip(record, place + 1)
    if record[place : place + 1] == "}":
        return found
    while True:
        start = place
        key, place = _value(record, place)
        if type(key) is not str:
            raise CellError(CellProblem("bad-json", "a key is a string", start, place))
        if key in found:
            raise CellError(
                CellProblem("duplicate-key", f"`{brief(key)}` is there twice", start, place)
            )
        place = _expect(record, place, ":")
        start = _skip(record, place)
        value, place = _value(record, start)
        found[key] = Member(value, start, place)
        place = _skip(record, place)
        if record[place : place + 1] == "}":
            if record[place + 1 :].strip(BLANKS):
                raise CellError(
                    CellProblem("bad-json", "text after the object", place + 1, len(record))
                )
            return found
        place = _skip(record, _expect(record, place, ","))


def as_lines(text: str, name: str) -> str:
    """The objects of an array, each in a line of its own and as it is written otherwise.

    Raises DataError for what is no array of objects.
    """
    source = Source(text, name)
    lines, place = [], _skip(text, 0)
    try:
        place = _skip(text, _expect(text, place, "["))
        while text[place : place + 1] != "]":
            if text[place : place + 1] != "{":
                raise CellError(
                    CellProblem("bad-json", "a row is not a JSON object", place, place + 1)
                )
            _, end = _value(text, place)
            lines.append(_LINE_ENDS.sub(" ", text[place:end]))
            place = _skip(text, end)
            if text[place : place + 1] != "]":
                place = _skip(text, _expect(text, place, ","))
        place = _skip(text, place + 1)
        if place < len(text):
            raise CellError(CellProblem("bad-json", "text after the array", place, place + 1))
    except CellError as faulty:
        fault = faulty.fault
        label = Label(source, Span(fault.start, fault.end))
        hint = "" if lines else "objects of one line each are read with --input-format jsonl"
        raise DataError(fault.code, fault.message, (label,), help=hint) from None
    return "".join(f"{line}\n" for line in lines)


def read_number(found: dict[str, Member], key: str, record: str) -> float:
    """Return the number of a member. Raises CellError where there is none."""
    member = found.get(key)
    if member is None or member.value is None:
        what = f"no key `{brief(key)}`" if member is None else f"null in `{brief(key)}`"
        start, end = (0, len(record)) if member is None else member[1:]
        hint = "--missing nan computes with nan, --on-error null or skip goes on"
        raise CellError(CellProblem("empty-cell", what, start, end, hint))
    try:
        return number(member.value)
    except (ValueError, OverflowError):
        text = record[member.start : member.end]
        message = f"`{brief(text)}` in `{brief(key)}` is not a number"
        hint = "--on-error null or skip goes on"
        raise CellError(CellProblem("bad-cell", message, member.start, member.end, hint)) from None


def said(value: Any) -> str:
    """The string of a member, empty for null, or a ValueError."""
    if value is None:
        return ""
    if type(value) is not str:
        raise ValueError(value)
    return value


def read_text(found: dict[str, Member], key: str, record: str) -> str:
    """Return the string of a member, empty where there is none. Raises CellError for others."""
    member = found.get(key)
    try:
        return said(None if member is None else member.value)
    except ValueError:
        assert member is not None
        shown = record[member.start : member.end]
        message = f"`{brief(shown)}` in `{brief(key)}` is not text"
        hint = "--on-error null or skip goes on"
        raise CellError(CellProblem("bad-cell", message, member.start, member.end, hint)) from None


def _kind(values: list[Any]) -> ColumnKind:
    """Return what a column holds, as far as some of its values tell."""
    types = set(map(type, values)) - {type(None)}
    if types == {int} and are_long_integers([str(value) for value in values if value is not None]):
        return ColumnKind.LONG_INTEGER
    return ColumnKind.LOOKS_LIKE_TEXT if types == {str} else ColumnKind.EITHER


class JsonTable:
    """JSON lines; the columns are the keys of the first record."""

    format, line_end = "jsonl", "\n"
    is_open = is_plain = True
    rounded = ""

    def __init__(self, first: Mapping[str, Member]) -> None:
        self.columns = self.keys = tuple(first)
        self._places = {name: place for place, name in enumerate(self.columns)}
        self.kinds = [ColumnKind.EITHER] * len(self.columns)

    def look(self, records: Iterable[str]) -> None:
        """Take columns for text that have strings in these records, and nothing else but null."""
        values: dict[str, list[Any]] = {name: [] for name in self.columns}
        for record in records:
            try:
                found = DECODER.decode(record)
            except (ValueError, RecursionError):
                continue
            for name, value in found.items() if type(found) is dict else ():
                values.get(name, []).append(value)
        self.kinds = [_kind(values[name]) for name in self.columns]

    def records(self, text: str) -> list[str]:
        """The lines."""
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        return lines

    def read_as(self, key: str, dtype: str) -> None:
        """Read a column of numbers as int64 where that is its dtype, else as floating point."""
        if key in self.keys:
            is_integer = dtype == "int64"
            kind = ColumnKind.LONG_INTEGER if is_integer else ColumnKind.NUMBER
            self.kinds[self._places[key]] = kind

    def text(self, wanted: Wanted) -> RecordText:
        """A record becomes a dictionary, whose numbers are texts still."""
        given: dict[str, Any] = {"scan": SCAN, "blanks": BLANKS}
        given |= {
            "number": NumberWatch(number, PLAIN) if wanted.is_long else number,
            "whole": whole,
        }
        given |= {"taken": wanted.taken, "count": len(self.columns)}
        keys: dict[str, str] = {}
        columns = {f"column{i}": self.columns[i] for i in wanted.places}
        # What is not as usual is raised to be looked at with care.
        odd = "type(o) is not dict or end != len(line) or not o or not taken.isdisjoint(o)"
        if wanted.places:
            odd += " or len(o) != count or backslash in line"
            given["backslash"] = "\\"
        unpack = (
            "line = line.rstrip(blanks)",
            "o, end = scan(line, 0)",
            f"if {odd}: raise ValueError",
        )
        numbers = []
        for i, name in enumerate(wanted.names):
            if isinstance(name, TextTest):
                given |= {f"text{i}": name.text, "said": said}
                keys |= {f"key{i}_{place}": key for place, key in enumerate(name.keys)}
                cells = [f"said(o[key{i}_{place}])" for place in range(len(name.keys))]
                numbers.append(" == ".join([*cells, f"text{i}"][:2]))
            else:
                keys[f"key{i}"] = name
                numbers.append(f"{'whole' if self._is_whole(name) else 'number'}(o[key{i}])")
        found = {i: f"o[column{i}]" for i in wanted.places}
        return RecordText(unpack, tuple(numbers), found, {**given, **keys, **columns})

    def numbers(self, record: str, names: Sequence[str], missing: float | None) -> list[float]:
        """The numbers of members."""
        found = members(record)
        numbers: list[float] = []
        for name in names:
            if isinstance(name, TextTest):
                numbers.append(name.holds([read_text(found, key, record) for key in name.keys]))
                continue
            member = found.get(name)
            is_empty = member is None or member.value is None
            if missing is not None and is_empty:
                numbers.append(missing)
            else:
                value = read_number(found, name, record)
                numbers.append(whole(found[name].value) if self._is_whole(name) else value)
        return numbers

    def _is_whole(self, name: str) -> bool:
        place = self._places.get(name)
        return place is not None and self.kinds[place] is ColumnKind.LONG_INTEGER

    def texts(self, record: str, names: Sequence[str]) -> list[str]:
        """The strings of members."""
        found = members(record)
        return [read_text(found, name, record) for name in names]

    def cells(self, record: str) -> list[str | None]:
        """The members as JSON text, in the order of the columns; None for one that is not there.

        Raises CellError for a key that the first record does not have.
        """
        found = members(record)
        for key, member in found.items():
            if key not in self._places:
                message = f"`{key}` is no key of the first record"
                raise CellError(CellProblem("new-key", message, member.start, member.end))
        return [record[found[c].start : found[c].end] if c in found else None for c in self.columns]

    def is_blank(self, record: str) -> bool:
        """Whether a line holds no record."""
        return not record.strip()

    def check(self, record: str) -> None:
        """Raise CellError for what is no object."""
        members(record)


def label_of(name: str) -> str:
    """A key as JSON."""
    return json.dumps(name, ensure_ascii=False)


def _skip(text: str, place: int) -> int:
    while text[place : place + 1] in BLANKS and place < len(text):
        place += 1
    return place


def _expect(text: str, place: int, character: str) -> int:
    place = _skip(text, place)
    if text[place : place + 1] != character:
        found = text[place : place + 1]
        what = f"got `{brief(found)}`" if found else "the record ends"
        message = f"expected `{character}`, {what}"
        raise CellError(CellProblem("bad-json", message, place, place + 1))
    return place + 1


def _value(text: str, place: int) -> tuple[Any, int]:
    try:
        return NUMBERS.raw_decode(text, place)
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise CellError(CellProblem("bad-json", message, error.pos, error.pos + 1)) from None
    except (ValueError, RecursionError) as error:
        message = f"not JSON: {error}" if type(error) is ValueError else "nested too deeply"
        raise CellError(CellProblem("bad-json", message, place, len(text))) from None
