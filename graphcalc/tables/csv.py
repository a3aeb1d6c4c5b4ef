"""Comma- and tab-separated records: RFC 4180 with any delimiter, and TSV, which has no quotes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

from graphcalc.diagnostics import brief
from graphcalc.graph.text_columns import TextTest
from graphcalc.tables.cells import (
    PLAIN,
    CellError,
    CellProblem,
    NumberFormat,
    NumberWatch,
    are_long_integers,
    as_whole,
    number,
    whole_or_number,
)
from graphcalc.tables.columns import ColumnKind, RecordText, Wanted
from graphcalc.tables.quotes import QUOTED, closing_quote, record_sizes


class Dialect(NamedTuple):
    """What separates cells, whether cells may be quoted, and what ends a record."""

    delimiter: str = ","
    has_quotes: bool = True
    line_end: str = "\n"


def split_records(text: str, dialect: Dialect) -> list[str]:
    """The records of a text that ends with one; a quoted line end belongs to its cell."""
    if dialect.line_end == "\r":
        lines, end = text.split("\r"), "\r"
    else:
        # Lines that end in other ways than the first one end all the same.
        lines, end = text.split("\n"), "\n"
    if not lines[-1]:
        lines.pop()
    if not dialect.has_quotes or '"' not in text:
        return _trimmed(lines) if "\r" in text and end == "\n" else lines
    records, place = [], 0
    for size in record_sizes(lines, dialect.delimiter, _bytes_of, is_whole=True).sizes:
        records.append(lines[place] if size == 1 else end.join(lines[place : place + size]))
        place += size
    return _trimmed(records) if "\r" in text and end == "\n" else records


def _bytes_of(line: str) -> int:
    return len(line.encode())


def _trimmed(lines: list[str]) -> list[str]:
    return [line[:-1] if line.endswith("\r") else line for line in lines]


def separator_of(line: str) -> str | None:
    """Return the character of a first line such as `sep=;`, by which spreadsheets tell the
    delimiter; None for any other line."""
    found = re.fullmatch(r'sep=([^\w"\r\n])', line.rstrip("\r\n"), re.IGNORECASE)
    return found[1] if found else None


def splitter(dialect: Dialect) -> Callable[[str], list[str]]:
    """A function from a record to its cells as they are written, quotes included.

    A quote inside of a cell that does not begin with one stands for itself. Raises CellError for a
    cell whose quote is not closed at its end.
    """
    delimiter, d = dialect.delimiter, re.escape(dialect.delimiter)
    if not dialect.has_quotes:
        return lambda record: record.split(delimiter)
    cell = re.compile(rf'("{QUOTED}"|(?!")[^{d}]*)(?:{d}|\Z)')

    def split(record: str) -> list[str]:
        if '"' not in record:
            return record.split(delimiter)
        cells: list[str] = []
        place = 0
        while True:
            found = cell.match(record, place)
            end = found.end(1) if found else _end_of_cell(record, place, delimiter)
            cells.append(record[place:end])
            if end == len(record):
                return cells
            place = end + len(delimiter)

    return split


def _end_of_cell(record: str, start: int, delimiter: str) -> int:
    """Return where a cell ends that begins with a quote, however many quotes it has.

    Raises CellError where the quote is not closed, or is closed before other text.
    """
    end = closing_quote(record, start + 1) + 1
    if not end:
        message = "the quote opened here is never closed"
        raise CellError(CellProblem("quote", message, start, start + 1))
    if end < len(record) and not record.startswith(delimiter, end):
        message = f"`{brief(record[end])}` after the quote that closes a cell"
        raise CellError(CellProblem("quote", message, end, end + 1, 'write "a ""quoted"" cell"'))
    return end


# What would break the lines of TSV is written as escapes.
ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_ESCAPED = {escape: character for character, escape in ESCAPES.items()}


def unquote(cell: str, dialect: Dialect) -> str:
    """What a cell says: without its quotes, or the escapes that TSV has for them."""
    if dialect.has_quotes:
        return cell[1:-1].replace('""', '"') if cell[:1] == '"' else cell
    if "\\" not in cell:
        return cell
    return re.sub(r"\\[\\tnr]", lambda found: _ESCAPED[found[0]], cell)


def quoted(text: str, dialect: Dialect) -> str:
    """A text as a cell, in quotes where it needs them."""
    if not dialect.has_quotes:
        for character, escape in ESCAPES.items():
            text = text.replace(character, escape)
        return text
    if any(c in text for c in ('"', "\n", "\r", dialect.delimiter)):
        return '"' + text.replace('"', '""') + '"'
    return text


def header_of(line: str, dialect: Dialect) -> tuple[str, ...]:
    """Return the names in a header's line. Raises CellError for quotes where none may be."""
    return tuple([unquote(cell, dialect) for cell in splitter(dialect)(line)])


def joined(cells: Iterable[str], dialect: Dialect) -> str:
    """Return a record of these texts, without its line end."""
    return dialect.delimiter.join([quoted(cell, dialect) for cell in cells])


def check_count(cells: Sequence[str], count: int, record: str) -> None:
    """Raise CellError for a record that has more or fewer cells than the header."""
    if len(cells) != count:
        has = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
        message = f"the row has {has}, and the header has {count}"
        raise CellError(CellProblem("ragged-row", message, 0, len(record)))


def looks_like_text(cells: Iterable[str], number_format: NumberFormat) -> bool:
    """Whether no cell has a number, and some say something else."""
    said = [cell.strip() for cell in cells if not number_format.is_missing(cell)]
    return bool(said) and all(number_format.parse(text) is None for text in said)


# Columns from which on those of use are picked out: an assignment to all takes long to compile.
_WIDE = 100


class CsvTable:
    """CSV with any delimiter, and TSV."""

    is_open = False

    def __init__(
        self,
        dialect: Dialect,
        columns: tuple[str, ...],
        format: str,
        *,
        has_header: bool,
        number_format: NumberFormat = PLAIN,
    ) -> None:
        self.dialect, self.columns, self.format = dialect, columns, format
        self.number_format = number_format
        self.has_header = has_header
        counts = Counter(columns)
        self.keys = tuple(
            name if counts[name] == 1 else f"{name}\0{place}" for place, name in enumerate(columns)
        )
        self._places = {key: place for place, key in enumerate(self.keys)}
        self.kinds = [ColumnKind.EITHER] * len(columns)
        self._split = splitter(dialect)
        # The first whole number that `numbers` rounded to a float.
        self.rounded = ""

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as Python reads them."""
        return self.number_format.is_plain

    def look(self, records: Sequence[str]) -> None:
        """Take columns for text that have no number in these records."""
        for place, cells in enumerate(zip(*self._told(records))):
            if looks_like_text(cells, self.number_format):
                self.kinds[place] = ColumnKind.LOOKS_LIKE_TEXT
            elif are_long_integers(self._digits(cells)):
                self.kinds[place] = ColumnKind.LONG_INTEGER

    def _digits(self, cells: Iterable[str]) -> list[str]:
        """Return the digits of the cells that are not missing."""
        way = self.number_format
        return [way.digits(cell) for cell in cells if not way.is_missing(cell)]

    def _told(self, records: Sequence[str]) -> Iterator[list[str]]:
        """Yield what the cells of whole records say."""
        for record in records:
            try:
                yield [unquote(cell, self.dialect) for cell in self.cells(record)]
            except CellError:
                continue

    @property
    def line_end(self) -> str:
        """What ends a record."""
        return self.dialect.line_end

    def records(self, text: str) -> list[str]:
        """Return the records of a text."""
        return split_records(text, self.dialect)

    def read_as(self, key: str, dtype: str) -> None:
        """Read a column of numbers as int64 where that is its dtype, else as floating point."""
        if key in self.keys:
            is_integer = dtype == "int64"
            kind = ColumnKind.LONG_INTEGER if is_integer else ColumnKind.NUMBER
            self.kinds[self._places[key]] = kind

    def text(self, wanted: Wanted) -> RecordText:
        """Return statements that unpack a record into a variable for every cell of use."""
        tests = [n for n in wanted.names if isinstance(n, TextTest)]
        keys = [k for n in wanted.names for k in (n.keys if isinstance(n, TextTest) else (n,))]
        used = {*map(self.keys.index, keys), *wanted.places}
        delimiter = self.dialect.delimiter
        names: dict[str, Any] = {"delimiter": delimiter}
        names["number"] = number if wanted.is_odd else float
        names["whole"] = whole_or_number
        if not self.number_format.is_plain:
            names["number"], names["whole"] = self.number_format.number, self.number_format.whole
        if wanted.is_long:
            names["number"] = NumberWatch(names["number"], self.number_format)
        split = "line.split(delimiter)"
        if self.dialect.has_quotes and wanted.has_quotes:
            names["split"], split = self._split, "split(line)"
        is_bare = self.dialect.has_quotes and not wanted.has_quotes
        names["said"] = partial(unquote, dialect=self.dialect)
        names |= {f"text{i}": test.text for i, test in enumerate(tests)}
        numbers = tuple(self._read(name, tests, is_bare=is_bare) for name in wanted.names)
        cells = {i: f"x{i}" for i in wanted.places}
        return RecordText(self._unpacked(split, used), numbers, cells, names)

    def _unpacked(self, split: str, used: set[int]) -> tuple[str, ...]:
        """Return statements that give cells their variables, or raise for more or fewer cells."""
        count = len(self.columns)
        if count <= _WIDE:
            targets = ", ".join(f"x{i}" if i in used else "_" for i in range(count))
            return (f"[{targets}] = {split}",)
        check = f"if len(cells) != {count}: raise ValueError"
        return (f"cells = {split}", check, *(f"x{i} = cells[{i}]" for i in sorted(used)))

    def _read(self, name: str, tests: Sequence[TextTest], *, is_bare: bool) -> str:
        """Return the text of a column's number, or of a test of cells that `is_bare` of quotes."""
        if not isinstance(name, TextTest):
            place = self._places[name]
            return (
                f"{'whole' if self.kinds[place] is ColumnKind.LONG_INTEGER else 'number'}(x{place})"
            )
        form = "x{}" if is_bare else "said(x{})"
        cells = [form.format(self._places[key]) for key in name.keys]
        return " == ".join([*cells, f"text{tests.index(name)}"][:2])

    def numbers(self, record: str, names: Sequence[str], missing: float | None) -> list[float]:
        """Return the numbers of columns. Raises CellError."""
        cells = self._split(record)
        check_count(cells, len(self.columns), record)
        starts = list(accumulate(map(len, cells), initial=0))
        found: list[float] = []
        for name in names:
            if isinstance(name, TextTest):
                found.append(name.holds(self.texts(record, name.keys)))
                continue
            index = self._places[name]
            # There is a delimiter behind each cell before it.
            cell, start = cells[index], starts[index] + index
            text = unquote(cell, self.dialect)
            if missing is not None and self.number_format.is_missing(text):
                found.append(missing)
            else:
                end, is_whole = start + len(cell), self.kinds[index] is ColumnKind.LONG_INTEGER
                value = self.number_format.read(text, self.columns[index], start, end)
                if is_whole:
                    value = as_whole(self.number_format.digits(text), value)
                elif not self.rounded and self.number_format.rounds(text, value):
                    self.rounded = text.strip()
                found.append(value)
        return found

    def texts(self, record: str, names: Sequence[str]) -> list[str]:
        """Return what cells say."""
        cells = self.cells(record)
        return [unquote(cells[self._places[name]], self.dialect) for name in names]

    def cells(self, record: str) -> list[str]:
        """Return the cells as they are written."""
        cells = self._split(record)
        check_count(cells, len(self.columns), record)
        return cells

    def is_blank(self, record: str) -> bool:
        """Whether a line is no row; where there is one column, it is one with an empty cell."""
        return len(self.columns) > 1 and not record.strip(" ")

    def check(self, record: str) -> None:
        """Raise CellError for a record of other cells than the header's."""
        self.cells(record)
