"""Tables of text: columns of CSV, TSV and JSON lines by name, or all numbers as a matrix."""

from __future__ import annotations

from typing import Any

from graphcalc.diagnostics import DataError, Label
from graphcalc.files.streams import display_path, open_bytes
from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.source import Source, Span
from graphcalc.tables.cells import CellError, CellProblem, number, read_number
from graphcalc.tables.csv import Dialect, check_count, offset, split_records, splitter, unquote
from graphcalc.tables.jsonlines import members
from graphcalc.tables.jsonlines import read_number as read_member
from graphcalc.tables.polars_calls import import_polars
from graphcalc.tables.reading import TextOptions, decoded, read_text


class TextTable:
    """A table of CSV or TSV, in memory as text."""

    def __init__(self, path: str, format: str, text: str, options: TextOptions) -> None:
        self.name = display_path(path)
        first = text[: text.find("\n") + 1] if "\n" in text else text
        line_end = "\r\n" if first.endswith("\r\n") else "\n"
        if "\n" not in text and "\r" in text:
            line_end = "\r"
        delimiter = options.delimiter or ("\t" if format == "tsv" else ",")
        self._dialect = Dialect(delimiter, format != "tsv", line_end)
        self._split = splitter(self._dialect)
        self._missing = options.missing
        self._records = split_records(text, self._dialect)
        self._lines: list[int] = []
        while len(self._records) > 1 and not self._records[-1].strip():
            self._records.pop()
        cells = self._cells(0)
        self.columns = tuple(unquote(cell, self._dialect) for cell in cells)
        self._first = 1
        if not options.has_header:
            self.columns = tuple(str(place + 1) for place in range(len(cells)))
            self._first = 0

    def _cells(self, record: int) -> list[str]:
        try:
            return self._split(self._records[record])
        except CellError as faulty:
            raise self._error(faulty.fault, record) from None

    def column(self, name: str) -> Any:
        """The numbers of a column."""
        place = self.columns.index(name)
        count, split = len(self.columns), self._split
        numbers: list[float] = []
        try:
            for record in self._records[self._first :]:
                cells = split(record)
                if len(cells) != count:
                    break
                text = cells[place]
                if not text.isascii() or "_" in text:
                    break
                numbers.append(float(text))
        except (ValueError, CellError):
            pass
        for index in range(len(numbers) + self._first, len(self._records)):
            numbers.append(self._number(index, place, name))
        return NDArray((len(numbers),), numbers)

    def _number(self, record: int, place: int, name: str) -> float:
        """The number of one cell, read with care."""
        cells = self._cells(record)
        try:
            check_count(cells, len(self.columns), self._records[record])
            text = unquote(cells[place], self._dialect)
            if self._missing is not None and not text.strip():
                return self._missing
            start = offset(cells, place)
            return read_number(text, name, start, start + len(cells[place]))
        except CellError as faulty:
            raise self._error(faulty.fault, record) from None

    def matrix(self) -> Any:
        """All of the numbers; a first row that has none is a header."""
        first = 0 if all(map(_is_number, self.columns)) else self._first
        numbers: list[float] = []
        for record in range(first, len(self._records)):
            cells = self._cells(record)
            try:
                check_count(cells, len(self.columns), self._records[record])
                numbers += map(number, cells)
            except (ValueError, CellError):
                del numbers[(record - first) * len(self.columns) :]
                for place, name in enumerate(self.columns):
                    numbers.append(self._number(record, place, name))
        return NDArray((len(self._records) - first, len(self.columns)), numbers)

    def _error(self, fault: CellProblem, record: int) -> DataError:
        line = 1 + sum(text.count("\n") + 1 for text in self._records[:record])
        source = Source(self._records[record], self.name, line)
        label = Label(source, Span(fault.start, max(fault.end, fault.start)))
        hint = "--missing nan computes with nan" if fault.code == "empty-cell" else ""
        return DataError(fault.code, fault.message, (label,), help=hint)


def _is_number(text: str) -> bool:
    try:
        read_number(text, "", 0, 0)
    except CellError:
        return False
    return True


class BigTextTable:
    """A table of much CSV or TSV in a plain file: polars parses the columns that are asked for.

    What it has doubts about is read again as `TextTable` reads it, which tells what is wrong.
    """

    def __init__(
        self, path: str, format: str, options: TextOptions, limit: int, label: Label
    ) -> None:
        self.name = path
        self._given = (path, format, options, limit, label)
        self._format, self._delimiter = format, options.delimiter
        stream, _ = open_bytes(path)
        with stream:
            head = stream.read(1 << 16)
        first = head[: head.find(b"\n") + 1].removeprefix(b"\xef\xbb\xbf")
        text = decoded(first, path, "utf-8", label)
        self._slow: TextTable | None = None
        self._counts: tuple[int, int, int, int, int] | None = None
        is_odd = not first or not options.has_header
        if is_odd or text.count('"') % 2 or "\r" in text.rstrip("\r\n"):
            self._slow = self._careful()
        self.columns = (self._slow or TextTable(path, format, text, options)).columns

    def _careful(self) -> TextTable:
        if self._slow is None:
            path, format, options, limit, label = self._given
            self._slow = TextTable(path, format, read_text(path, options, limit, label), options)
        return self._slow

    def column(self, name: str) -> Any:
        """The numbers of a column."""
        found = self._parsed([name]) if self._slow is None else None
        return self._careful().column(name) if found is None else found.to_series(0).to_numpy()

    def matrix(self) -> Any:
        """All of the numbers."""
        found = None
        if self._slow is None and not all(map(_is_number, self.columns)):
            found = self._parsed(list(self.columns))
        return self._careful().matrix() if found is None else found.to_numpy()

    def _parsed(self, names: list[str]) -> Any:
        """Columns of numbers alone; None where a cell is none, or a row is short or long."""
        pl = import_polars()
        if self._counts is None:
            self._counts = _counts(self.name, self._separator)
        has_quotes = self._counts[4] > 0
        if not self._is_plain(*self._counts):
            return None
        places = [self.columns.index(name) for name in names]
        last = len(self.columns) - 1
        numbers = {f"c{i}": pl.Float64 if i in places else pl.String for i in range(last + 1)}
        try:
            frame = pl.read_csv(
                self.name,
                has_header=False,
                skip_rows=1,
                schema=numbers,
                columns=None if has_quotes else sorted({*places, last}),
                separator=self._separator,
                quote_char=None if self._format == "tsv" else '"',
                glob=False,
            )
        except (pl.exceptions.PolarsError, OSError):
            return None
        return None if any(frame.null_count().row(0)) else frame.select(f"c{i}" for i in places)

    @property
    def _separator(self) -> str:
        return self._delimiter or ("\t" if self._format == "tsv" else ",")

    def _is_plain(self, lines: int, returns: int, both: int, delimiters: int, quotes: int) -> bool:
        """Whether lines are records of as many cells as the header.

        polars says nothing where they have more, unless it reads all columns, as it does for the
        sake of quotes.
        """
        is_one_end = returns == both and both in (0, lines)
        has_all = quotes or delimiters == lines * (len(self.columns) - 1)
        return self._separator.isascii() and is_one_end and bool(has_all)


def _counts(path: str, delimiter: str) -> tuple[int, int, int, int, int]:
    """How many lines, CRs, CRs before line feeds, delimiters, and quotes a file has."""
    lines = returns = both = delimiters = quotes = 0
    sign, last = delimiter.encode(), b"\n"
    stream, _ = open_bytes(path)
    with stream:
        while piece := stream.read(1 << 20):
            both += piece.count(b"\r\n") + (last == b"\r" and piece[:1] == b"\n")
            lines += piece.count(b"\n")
            returns += piece.count(b"\r")
            delimiters += piece.count(sign)
            quotes += piece.count(b'"')
            last = piece[-1:]
    return lines + (last != b"\n"), returns, both, delimiters, quotes


class JsonLines:
    """A table of JSON lines, in memory as text."""

    def __init__(self, path: str, text: str, options: TextOptions) -> None:
        self.name = display_path(path)
        self._missing = options.missing
        self._records = text.split("\n")
        first = next((i for i, r in enumerate(self._records) if r.strip()), None)
        self.columns = () if first is None else tuple(self._members(first))

    def _members(self, record: int) -> Any:
        try:
            return members(self._records[record])
        except CellError as faulty:
            raise self._error(faulty.fault, record) from None

    def column(self, name: str) -> Any:
        """The numbers of a key, one for each object."""
        numbers = []
        for index, record in enumerate(self._records):
            if not record.strip():
                continue
            found = self._members(index)
            member = found.get(name)
            if self._missing is not None and (member is None or member.value is None):
                numbers.append(self._missing)
                continue
            try:
                numbers.append(read_member(found, name, record))
            except CellError as faulty:
                raise self._error(faulty.fault, index) from None
        return NDArray((len(numbers),), numbers)

    def _error(self, fault: CellProblem, record: int) -> DataError:
        source = Source(self._records[record], self.name, record + 1)
        label = Label(source, Span(fault.start, max(fault.end, fault.start)))
        return DataError(fault.code, fault.message, (label,))
