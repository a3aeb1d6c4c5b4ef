"""How a format of rows is read and written: its records, their numbers, and lines of output."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, NamedTuple, Protocol

from graphcalc.rows.compiled import LineText, Reader
from graphcalc.tables import jsonlines
from graphcalc.tables.cells import CellError, CellProblem, as_json, number, read_number
from graphcalc.tables.csv import (
    Dialect,
    check_count,
    offset,
    quoted,
    split_records,
    splitter,
    unquote,
)


class OutputColumns(NamedTuple):
    """The columns of the output: names, and for each an input column or the n-th output.

    An input column is its place, from 0, and the n-th output is -1 - n. Where all input columns
    come first and in order, a record is `passed` through as it is, and the outputs go behind it.
    An output that is a column itself stays as it is written.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    passed: bool

    @property
    def added(self) -> list[tuple[str, int]]:
        """The names of the outputs that have a column, and which of the outputs they are."""
        return [(name, -1 - p) for name, p in zip(self.names, self.places) if p < 0]


class Wanted(NamedTuple):
    """What a compiled pass wants of records, and what its part is like.

    names       keys of the columns whose numbers it reads
    places      columns that are put out as cells
    taken       keys that a record which goes through must not have already
    has_quotes  whether there are quotes in the part
    is_odd      whether there is what `cells.has_odd_characters` finds
    """

    names: Sequence[str]
    places: Sequence[int]
    taken: Set[str]
    has_quotes: bool
    is_odd: bool


class Columns(Protocol):
    """The columns of a table; `keys` tell those of one name apart.

    What is `is_open` may have other keys in later records.
    """

    columns: tuple[str, ...]
    keys: tuple[str, ...]
    is_open: bool


class RowTable(Columns, Protocol):
    """One format of records, as it is read."""

    format: str

    def records(self, text: str) -> list[str]:
        """The records of a part of the input."""

    def reader(self, wanted: Wanted) -> Reader:
        """How a compiled pass reads records."""

    def numbers(self, record: str, names: Sequence[str], missing: float | None) -> list[float]:
        """The numbers of columns; `missing` is one for empty cells. Raises Faulty."""

    def cells(self, record: str) -> list[Any]:
        """The cells of all columns, as `Writer.compose` takes them."""

    def check(self, record: str) -> None:
        """Raise Faulty for what is no record at all."""


class DelimitedTable:
    """CSV with any delimiter, and TSV."""

    is_open = False

    def __init__(
        self, dialect: Dialect, columns: tuple[str, ...], format: str, *, has_header: bool
    ) -> None:
        self.dialect, self.columns, self.format = dialect, columns, format
        self.has_header = has_header
        self.keys = tuple(
            name if columns.count(name) == 1 else f"{name}\0{place}"
            for place, name in enumerate(columns)
        )
        self._split = splitter(dialect)

    def records(self, text: str) -> list[str]:
        """The records of a part of the input."""
        return split_records(text, self.dialect)

    def reader(self, wanted: Wanted) -> Reader:
        """A record unpacks into one variable for every cell that is of use."""
        numbered = [self.keys.index(name) for name in wanted.names]
        used = {*numbered, *wanted.places}
        targets = ", ".join(f"x{i}" if i in used else "_" for i in range(len(self.columns)))
        delimiter = self.dialect.delimiter
        given: dict[str, Any] = {"delimiter": delimiter}
        given["number"] = number if wanted.is_odd else float
        split = "line.split(delimiter)"
        if self.dialect.has_quotes and wanted.has_quotes:
            given["split"], split = self._split, "split(line)"
        numbers = tuple(f"number(x{i})" for i in numbered)
        cells = {i: f"x{i}" for i in wanted.places}
        return Reader((f"[{targets}] = {split}",), numbers, cells, given)

    def numbers(self, record: str, names: Sequence[str], missing: float | None) -> list[float]:
        """The numbers of columns."""
        cells = self._split(record)
        check_count(cells, len(self.columns), record)
        found = []
        for name in names:
            index = self.keys.index(name)
            cell, start = cells[index], offset(cells, index)
            text = unquote(cell, self.dialect)
            if missing is not None and not text.strip():
                found.append(missing)
            else:
                end = start + len(cell)
                found.append(read_number(text, self.columns[index], start, end))
        return found

    def cells(self, record: str) -> list[str]:
        """The cells as they are written."""
        cells = self._split(record)
        check_count(cells, len(self.columns), record)
        return cells

    def check(self, record: str) -> None:
        """Raise Faulty for a record of other cells than the header's."""
        self.cells(record)


class JsonTable:
    """JSON lines; the columns are the keys of the first record."""

    format = "jsonl"
    is_open = True

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = self.keys = columns

    def records(self, text: str) -> list[str]:
        """The lines."""
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        return lines

    def reader(self, wanted: Wanted) -> Reader:
        """A record becomes a dictionary, whose numbers are texts still."""
        given: dict[str, Any] = {"scan": jsonlines.SCAN, "blanks": jsonlines.BLANKS}
        given |= {"number": jsonlines.number, "taken": wanted.taken, "count": len(self.columns)}
        keys = {f"key{i}": name for i, name in enumerate(wanted.names)}
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
        numbers = tuple(f"number(o[{key}])" for key in keys)
        cells = {i: f"o[column{i}]" for i in wanted.places}
        return Reader(unpack, numbers, cells, {**given, **keys, **columns})

    def numbers(self, record: str, names: Sequence[str], missing: float | None) -> list[float]:
        """The numbers of members."""
        found = jsonlines.members(record)
        numbers = []
        for name in names:
            member = found.get(name)
            is_empty = member is None or member.value is None
            if missing is not None and is_empty:
                numbers.append(missing)
            else:
                numbers.append(jsonlines.read_number(found, name, record))
        return numbers

    def cells(self, record: str) -> list[Any]:
        """The members as JSON text, in the order of the columns; None for one that is not there.

        Raises Faulty for a key that the first record does not have.
        """
        found = jsonlines.members(record)
        for key, member in found.items():
            if key not in self.columns:
                message = f"`{key}` is no key of the first record"
                raise CellError(CellProblem("new-key", message, member.start, member.end))
        return [record[found[c].start : found[c].end] if c in found else None for c in self.columns]

    def check(self, record: str) -> None:
        """Raise Faulty for what is no object."""
        jsonlines.members(record)


class Writer:
    """The text of the output: a head, lines, and what a pass's marks become."""

    def __init__(
        self, format: str, table: RowTable, layout: OutputColumns, dialect: Dialect
    ) -> None:
        self.format, self._table, self._layout, self._dialect = format, table, layout, dialect
        self._labels = [label_of(name) for name in layout.names]
        is_same = isinstance(table, DelimitedTable) and table.dialect == dialect
        self.line_end = "\n" if format == "jsonl" else dialect.line_end
        # Whether cells of the input are cells of the output as they are.
        self.is_quick = format == table.format and (format == "jsonl" or is_same)
        is_passed = layout.passed and self.is_quick
        self.places = () if is_passed else tuple(p for p in layout.places if p >= 0)
        # Keys that a record which goes through must not have already.
        self.taken = frozenset(
            key
            for name, _ in (layout.added if is_passed and format == "jsonl" else ())
            for key in jsonlines.keys_of(name)
        )

    def line(self, cells: Mapping[int, str], *, is_plain: bool, is_bare: bool) -> LineText:
        """How a compiled pass writes a record whose cells have these texts."""
        layout, is_json = self._layout, self.format == "jsonl"
        if layout.passed and self.is_quick:
            pieces = [f"{{{i}}}\\0" for _, i in layout.added]
            if is_json:
                names = {f"label{i}": f", {label_of(n)}: " for n, i in layout.added}
                fields = "".join(f"{{{{label{i}}}}}{{{i}}}\\0" for _, i in layout.added)
                return LineText("{{line[:-1]}}" + fields + "}}}}", names)
            return LineText(
                "{{comma}}".join(["{{line}}", *pieces]), {"comma": self._dialect.delimiter}
            )
        given: dict[str, Any] = {
            "cell": self._conversion(is_bare=is_bare),
            "comma": self._dialect.delimiter,
        }
        is_same = is_plain or (self.is_quick and not is_json)
        texts = {p: text if is_same else f"cell({text})" for p, text in cells.items()}
        pieces = []
        for index, place in enumerate(layout.places):
            piece = f"{{{-1 - place}}}\\0" if place < 0 else f"{{{{{texts.get(place)}}}}}"
            if is_json:
                given[f"label{index}"] = f"{self._labels[index]}: "
                piece = f"{{{{label{index}}}}}{piece}"
            pieces.append(piece)
        if is_json:
            return LineText("{{{{" + ", ".join(pieces) + "}}}}", given)
        return LineText("{{comma}}".join(pieces), given)

    def _conversion(self, *, is_bare: bool) -> Callable[[Any], str]:
        """From a cell of the input, or a value of JSON whose numbers are texts, to one of the
        output; it raises ValueError for what takes the text of the record to tell.

        Cells of a part that `is_bare` say what is written, without quotes and escapes.
        """
        table, dialect = self._table, self._dialect
        if isinstance(table, DelimitedTable):
            given = table.dialect
            if self.format == "jsonl":
                return as_json if is_bare else lambda cell: as_json(unquote(cell, given))
            return lambda cell: quoted(unquote(cell, given), dialect)
        if self.format == "jsonl":
            return _json_of
        return lambda value: quoted(value, dialect) if type(value) is str else _text_of(value)

    def is_plain(self, text: str) -> bool:
        """Whether cells of a part of delimited text stay as they are in the output's dialect."""
        if self.format == "jsonl" or not isinstance(self._table, DelimitedTable):
            return False
        marks = {'"', "\\", "\r", "\t", self._dialect.delimiter} - {self._table.dialect.delimiter}
        return not any(mark in text for mark in marks)

    def head(self, given: bytes) -> bytes:
        """The header, of the input's own where that is passed through."""
        if self.format == "jsonl":
            return b""
        layout, delimiter = self._layout, self._dialect.delimiter
        end = self._dialect.line_end.encode()
        if self.is_quick and layout.passed:
            added = [quoted(name, self._dialect) for name, _ in layout.added]
            return given.rstrip(b"\r\n") + delimiter.join(["", *added]).encode() + end
        return delimiter.join(quoted(n, self._dialect) for n in layout.names).encode() + end

    def finish(self, text: str) -> str:
        """Lines of a compiled pass as they are written: its marks gone, numbers without `.0`."""
        text = text.replace(".0\0", "\0")
        if self.format == "jsonl" and ("nan\0" in text or "inf\0" in text):
            text = _ODD.sub(_as_null, text)
        return text.replace("\0", "")

    def compose(self, record: str, outputs: Sequence[str]) -> str:
        """The line of one record with the texts of its outputs, empty ones for what failed."""
        layout = self._layout
        if layout.passed and self.is_quick:
            if self.format == "jsonl":
                return self._appended(record, outputs)
            return self._dialect.delimiter.join([record, *(outputs[i] for _, i in layout.added)])
        needs_cells = any(place >= 0 for place in layout.places)
        cells = self._table.cells(record) if needs_cells else []
        if self.format == "jsonl":
            return self._object(cells, outputs)
        texts = [outputs[-1 - p] if p < 0 else self._cell(cells[p]) for p in layout.places]
        return self._dialect.delimiter.join(texts)

    def _appended(self, record: str, outputs: Sequence[str]) -> str:
        """An object with the outputs behind its members, or in the place of those of their keys."""
        added = self._layout.added
        members = [self._member(label_of(n), outputs[i]) for n, i in added]
        taken = {key for name, _ in added for key in jsonlines.keys_of(name)}
        found = jsonlines.members(record)
        if not taken.isdisjoint(found):
            kept = [
                f"{label_of(key)}: {record[m.start : m.end]}"
                for key, m in found.items()
                if key not in taken
            ]
            return f"{{{', '.join([*kept, *members])}}}"
        head = record.rstrip(jsonlines.BLANKS)[:-1]
        return f"{', '.join([head, *members] if found else [head + members[0], *members[1:]])}}}"

    def _cell(self, cell: Any) -> str:
        """A cell of the input as one of this output."""
        if self.is_quick:
            return str(cell)
        if cell is None:
            return ""
        if isinstance(self._table, JsonTable):
            value = json.loads(cell)
            if value is None:
                return ""
            return quoted(jsonlines.text(value) if type(value) is str else cell, self._dialect)
        return quoted(self._said(cell), self._dialect)

    def _object(self, cells: Sequence[Any], outputs: Sequence[str]) -> str:
        members = []
        is_json = isinstance(self._table, JsonTable)
        for label, place in zip(self._labels, self._layout.places):
            if place < 0:
                members.append(self._member(label, outputs[-1 - place]))
            elif cells[place] is not None:
                cell = cells[place]
                members.append(f"{label}: {cell if is_json else as_json(self._said(cell))}")
        return f"{{{', '.join(members)}}}"

    def _member(self, label: str, text: str) -> str:
        """An output as a member of an object; the mark tells `finish` that it may be no number."""
        return f"{label}: {text}\0" if text else f"{label}: null"

    def _said(self, cell: str) -> str:
        """What a cell of a delimited table says."""
        return (
            unquote(cell, self._table.dialect) if isinstance(self._table, DelimitedTable) else cell
        )


def _json_of(value: Any) -> str:
    """A value of JSON, whose numbers are texts, as JSON."""
    if type(value) is str:
        return label_of(value)
    return "null" if value is None else _text_of(value)


def _text_of(value: Any) -> str:
    """As text; ValueError for what has others in it."""
    if type(value) is jsonlines.Digits:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if value is None:
        return ""
    raise ValueError(value)


def label_of(name: str) -> str:
    """A key as JSON."""
    return json.dumps(name, ensure_ascii=False)


_ODD = re.compile(r'("(?:[^"\\]|\\.)*"): (nan|-?inf)\0')


def _as_null(found: re.Match[str]) -> str:
    """What is not finite, as strict JSON: null, with its kind beside it."""
    return f'{found[1]}: null, {found[1][:-1]}_non_finite": "{found[2]}"'
