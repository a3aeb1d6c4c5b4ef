"""Lines of output: records with their results behind them, or in other formats and orders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphcalc.tables import jsonlines
from graphcalc.tables.cells import as_json
from graphcalc.tables.columns import LineText, OutputColumns, RecordFormat
from graphcalc.tables.csv import CsvTable, Dialect, joined, quoted, unquote
from graphcalc.tables.jsonlines import JsonTable, label_of


class LineWriter:
    """The text of the output: a head, lines, and what a pass's marks become."""

    def __init__(
        self, format: str, table: RecordFormat, layout: OutputColumns, dialect: Dialect
    ) -> None:
        self.format, self._table, self._layout = format, table, layout
        self.dialect = self._dialect = dialect
        self._labels = [label_of(name) for name in layout.names]
        is_same = isinstance(table, CsvTable) and table.dialect == dialect
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
        if isinstance(table, CsvTable):
            given = table.dialect
            if self.format == "jsonl":
                return as_json if is_bare else lambda cell: as_json(unquote(cell, given))
            return lambda cell: quoted(unquote(cell, given), dialect)
        if self.format == "jsonl":
            return _json_of
        return lambda value: quoted(value, dialect) if type(value) is str else _text_of(value)

    def is_plain(self, text: str) -> bool:
        """Whether cells of a part of delimited text stay as they are in the output's dialect."""
        if self.format == "jsonl" or not isinstance(self._table, CsvTable):
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
        return joined(layout.names, self._dialect).encode() + end

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
        return quoted(self._unquoted(cell), self._dialect)

    def _object(self, cells: Sequence[Any], outputs: Sequence[str]) -> str:
        members = []
        is_json = isinstance(self._table, JsonTable)
        for label, place in zip(self._labels, self._layout.places):
            if place < 0:
                members.append(self._member(label, outputs[-1 - place]))
            elif cells[place] is not None:
                cell = cells[place]
                members.append(f"{label}: {cell if is_json else as_json(self._unquoted(cell))}")
        return f"{{{', '.join(members)}}}"

    def _member(self, label: str, text: str) -> str:
        """An output as a member of an object; the mark tells `finish` that it may be no number."""
        return f"{label}: {text}\0" if text else f"{label}: null"

    def _unquoted(self, cell: str) -> str:
        """What a cell of a delimited table says."""
        return unquote(cell, self._table.dialect) if isinstance(self._table, CsvTable) else cell


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


_ODD = re.compile(r'("(?:[^"\\]|\\.)*"): (nan|-?inf)\0')


def _as_null(found: re.Match[str]) -> str:
    """What is not finite, as strict JSON: null, with its kind beside it."""
    return f'{found[1]}: null, {found[1][:-1]}_non_finite": "{found[2]}"'
