"""Tables of text: columns of CSV, TSV and JSON lines by name, or all numbers as a matrix."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

from graphcalc.backends.python_loops import define
from graphcalc.diagnostics import DataError, Label
from graphcalc.files.memory import check_memory
from graphcalc.files.streams import display_path, open_bytes
from graphcalc.numbers import MAX_EXACT
from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.ops.spec import Elements
from graphcalc.source import Source, Span
from graphcalc.tables.cells import (
    PLAIN,
    CellError,
    CellProblem,
    exact_numbers,
    has_odd_characters,
    is_number,
)
from graphcalc.tables.columns import RecordFormat, Wanted
from graphcalc.tables.csv import (
    CsvTable,
    Dialect,
    header_of,
    looks_like_text,
    separator_of,
    split_records,
)
from graphcalc.tables.jsonlines import JsonTable, members
from graphcalc.tables.polars_calls import load_polars
from graphcalc.tables.quotes import has_closed_quotes
from graphcalc.tables.reading import TextOptions, decoded, file_changed, read_text, text_bytes

if TYPE_CHECKING:
    import polars
    from numpy import float64
    from numpy.typing import NDArray as Array

_T = TypeVar("_T")
# Bytes of a number that is read: a float and a reference to it.
_NUMBER_BYTES = 32
# Columns from which on text that is generated for all of them takes long to compile.
_WIDE = 100
# What generated text raises where a record takes a closer look.
_ODDITIES = (
    *(ArithmeticError, LookupError, TypeError, ValueError),
    *(CellError, RecursionError, StopIteration),
)


class TextTable:
    """A table of CSV, TSV or JSON lines, in memory as text; blank lines of JSON are no rows."""

    def __init__(
        self, path: str, format: str, text: str, options: TextOptions, limit: int = 1 << 40
    ) -> None:
        self.name, self._missing, self._limit = display_path(path), options.missing, limit
        self._number_format = options.number_format
        # The first whole number that was rounded to a float when numbers were read last.
        self.rounded = ""
        # The number of the first record's line.
        self._line = 1
        if format == "jsonl":
            self._open_json(text)
        else:
            self._open_csv(format, text, options)
        self.columns = self._table.columns
        self._bytes = text_bytes(len(text), len(self._records))
        body = text[len(self._records[0]) :] if self._records else ""
        bare = body.replace("\r\n", "\n") if "\r" in body else body
        self._has_quotes, self._is_odd = '"' in body, has_odd_characters(bare)

    def _open_json(self, text: str) -> None:
        lines = text.split("\n")
        self._lines = [index for index, line in enumerate(lines) if line.strip()]
        self._records = [lines[index] for index in self._lines]
        first = self._checked(lambda: members(self._records[0]), 0) if self._records else {}
        self._table: RecordFormat = JsonTable(first)
        self._first = 0

    def _open_csv(self, format: str, text: str, options: TextOptions) -> None:
        first = text[: text.find("\n") + 1] if "\n" in text else text
        line_end = "\r\n" if first.endswith("\r\n") else "\n"
        if "\n" not in text and "\r" in text:
            line_end = "\r"
        said = separator_of(first) if format == "csv" else None
        text = text[len(first) :] if said else text
        delimiter = options.delimiter or said or ("\t" if format == "tsv" else ",")
        dialect = Dialect(delimiter, format != "tsv", line_end)
        records = self._records = split_records(text, dialect)
        while len(records) > 1 and not records[-1].strip(" "):
            records.pop()
        blank = next((i for i, record in enumerate(records) if record.strip(" ")), 0)
        del records[:blank]
        self._lines, self._line = [], 1 + bool(said) + blank
        head = self._checked(lambda: header_of(records[0], dialect), 0)
        if not options.has_header:
            head = tuple(str(place + 1) for place in range(len(head)))
        self._table = CsvTable(
            dialect,
            head,
            format,
            has_header=options.has_header,
            number_format=options.number_format,
        )
        self._first = int(options.has_header)
        self._leave_blank_out()

    def _leave_blank_out(self) -> None:
        """Take lines that are no rows out of the records."""
        records = self._records
        if not any(map(self._table.is_blank, records)):
            return
        kept = [i for i, record in enumerate(records) if not self._table.is_blank(record)]
        if len(kept) < len(records):
            sizes = [record.count("\n") + 1 for record in records]
            starts = list(accumulate(sizes, initial=self._line - 1))
            self._lines = [starts[i] for i in kept]
            self._records = [records[i] for i in kept]

    @property
    def is_matrix(self) -> bool:
        """Whether the first row of CSV has numbers alone: a header has none."""
        return isinstance(self._table, CsvTable) and all(map(is_number, self.columns))

    def column(self, place: int, *, is_matrix: bool = False) -> NDArray | list[str]:
        """Return the numbers of a column, or its texts where no cell is a number.

        With `is_matrix` the first row counts, too. Raises DataError for a cell without a number
        among others.
        """
        try:
            numbers = self._read([place], 0 if is_matrix else self._first)
        except DataError:
            texts = self._texts(self._table.keys[place])
            if texts is None:
                raise
            return texts
        return NDArray((len(numbers),), numbers)

    def _texts(self, key: str) -> list[str] | None:
        """Return the texts of a column; None where a cell is a number, or none says anything."""
        texts: list[str] = []
        for record in self._records[self._first :]:
            try:
                texts += self._table.texts(record, [key])
            except CellError:
                return None
        return texts if looks_like_text(texts, self._number_format) else None

    def matrix(self) -> NDArray:
        """Return all of the numbers; a first row that has none is a header."""
        first = 0 if self.is_matrix else self._first
        numbers = self._read(range(len(self.columns)), first)
        return NDArray((len(self._records) - first, len(self.columns)), numbers)

    def _read(self, places: Sequence[int], first: int) -> Elements:
        """Return the numbers of columns in the records from one on, exact where they are whole."""
        count = len(places) * (len(self._records) - first)
        check_memory(self.name, self._bytes + _NUMBER_BYTES * count, self._limit, None)
        numbers = self._numbers([self._table.keys[place] for place in places], first)
        rows = (self._table.cells(record) for record in self._records[first:])
        digits = self._number_format.digits
        cells = (digits((c[i] or "").strip('"')) for c in rows for i in places)
        found, self.rounded = exact_numbers(numbers, cells)
        return found

    def _numbers(self, keys: Sequence[str], first: int) -> list[float]:
        """Return the numbers of columns in the records from one on, row by row."""
        numbers: list[float] = []
        if not keys:
            return numbers
        if len(keys) > _WIDE:
            for index in range(first, len(self._records)):
                numbers += self._wide_record(index, keys)
            return numbers
        reader = self._table.text(Wanted(keys, (), frozenset(), self._has_quotes, self._is_odd))
        # Text for the same reason as in rows: it is three times as fast as a call of `numbers`.
        body = [*reader.unpack, f"extend(({', '.join(reader.numbers)},))"]
        lines = ["for line in records:", *(f"    {line}" for line in body)]
        quick = define("read", ["records", "extend"], lines, reader.names)
        records = iter(self._records[first:])
        while True:
            try:
                quick(records, numbers.extend)
                return numbers
            except _ODDITIES:
                index = first + len(numbers) // len(keys)
                numbers += self._numbers_of(index, keys)

    def _wide_record(self, index: int, keys: Sequence[str]) -> Sequence[float]:
        """Return the numbers of a record of many columns, for which no text is compiled."""
        if isinstance(self._table, CsvTable) and len(keys) == len(self._table.keys):
            cells = self._records[index].split(self._table.dialect.delimiter)
            is_plain = self._table.is_plain and not (self._has_quotes or self._is_odd)
            if is_plain and len(cells) == len(keys):
                with suppress(ValueError):
                    return list(map(float, cells))
        return self._numbers_of(index, keys)

    def _numbers_of(self, index: int, keys: Sequence[str]) -> list[float]:
        """Return the numbers of one record, read with care."""
        record = self._records[index]
        return self._checked(lambda: self._table.numbers(record, keys, self._missing), index)

    def _checked(self, read: Callable[[], _T], record: int) -> _T:
        """Return what is read of a record. Raises DataError with its line for a CellError."""
        try:
            return read()
        except CellError as error:
            raise self._error(error.fault, record) from None

    def _error(self, fault: CellProblem, record: int) -> DataError:
        if self._lines:
            line = self._lines[record]
        else:
            line = sum(text.count("\n") + 1 for text in self._records[:record]) + self._line - 1
        source = Source(self._records[record], self.name, line + 1)
        label = Label(source, Span(fault.start, max(fault.end, fault.start)))
        hint = "--missing nan computes with nan" if fault.code == "empty-cell" else ""
        return DataError(fault.code, fault.message, (label,), help=hint)


class BigTextTable:
    """A table of much CSV or TSV in a plain file: polars parses the columns that are asked for.

    What it has doubts about is read again as `TextTable` reads it, which tells what is wrong.
    """

    def __init__(
        self, path: str, format: str, options: TextOptions, limit: int, label: Label
    ) -> None:
        self.name = path
        self._arguments = (path, format, options, limit, label)
        self._format, self._delimiter = format, options.delimiter
        stream, size = open_bytes(path)
        self._size = size or 0
        with stream:
            head = stream.read(1 << 16)
        first = head[: head.find(b"\n") + 1].removeprefix(b"\xef\xbb\xbf")
        text = decoded(first, path, "utf-8", label)
        self._slow: TextTable | None = None
        self._rounded = ""
        self._counts: tuple[int, int, int, int, int] | None = None
        is_odd = not first or not options.has_header or separator_of(text) is not None
        is_odd = is_odd or not options.number_format.is_plain
        if is_odd or text.count('"') % 2 or "\r" in text.rstrip("\r\n"):
            self._slow = self._careful()
        self.columns = (self._slow or TextTable(path, format, text, options)).columns

    def _careful(self) -> TextTable:
        if self._slow is None:
            path, format, options, limit, label = self._arguments
            text = read_text(path, options, limit, label)
            self._slow = TextTable(path, format, text, options, limit)
        return self._slow

    @property
    def is_matrix(self) -> bool:
        """Whether the first row has numbers alone."""
        return all(map(is_number, self.columns))

    def column(
        self, place: int, *, is_matrix: bool = False
    ) -> Array[float64] | NDArray | list[str]:
        """Return the numbers of a column, or its texts."""
        frame = self._parsed([place]) if self._slow is None and not is_matrix else None
        if frame is None:
            return self._careful().column(place, is_matrix=is_matrix)
        return frame.to_series(0).to_numpy()

    def matrix(self) -> Array[float64] | NDArray:
        """Return all of the numbers."""
        frame = None
        if self._slow is None and not self.is_matrix:
            frame = self._parsed(range(len(self.columns)))
        return self._careful().matrix() if frame is None else frame.to_numpy()

    def _parsed(self, places: Sequence[int]) -> polars.DataFrame | None:
        """Return columns of numbers; None where a cell is none, or a row is short or long.

        Whole numbers of which float64 rounds some are int64.
        """
        pl = load_polars("large tables need", None)
        self._rounded = ""
        frame = self._read(places, pl.Float64)
        if (
            frame is None
            or not frame.select(pl.max_horizontal(pl.all().abs().max() >= MAX_EXACT)).item()
        ):
            return frame
        whole = self._read(places, pl.Int64)
        if whole is None:
            self._rounded = self._first_rounded(places, frame)
            return frame
        is_exact = whole.cast(pl.Float64).cast(pl.Int64, strict=False).equals(whole)
        return frame if is_exact else whole

    def _first_rounded(self, places: Sequence[int], numbers: polars.DataFrame) -> str:
        """Return the first whole number of the columns that is not the float read for it."""
        import polars as pl

        texts = self._read(places, pl.String)
        large = numbers.select(pl.all().abs() >= MAX_EXACT)
        if texts is None:
            return ""
        for name in numbers.columns:
            cells = texts[name].filter(large[name])
            rounded = next((cell for cell in cells if PLAIN.rounds(cell, float(cell))), "")
            if rounded:
                return rounded.strip()
        return ""

    @property
    def rounded(self) -> str:
        """The first whole number that was rounded to a float when numbers were read last."""
        return self._slow.rounded if self._slow is not None else self._rounded

    def _read(self, places: Sequence[int], kind: type[polars.DataType]) -> polars.DataFrame | None:
        """Return columns of one kind of numbers; None where they are none."""
        import polars as pl

        if self._counts is None:
            self._counts = _counts(self.name, self._separator)
        has_quotes, size = self._counts[4] > 0, 8 * len(places) * self._counts[0]
        # A matrix is copied once, row by row.
        size *= 1 + (len(places) > 1)
        check_memory(display_path(self.name), size, self._arguments[3], self._arguments[4])
        if not self._is_plain(*self._counts):
            return None
        if has_quotes and not self._has_closed_quotes:
            return None
        last, wanted = len(self.columns) - 1, set(places)
        numbers = {f"c{i}": kind if i in wanted else pl.String for i in range(last + 1)}
        try:
            frame = pl.read_csv(
                self.name,
                has_header=False,
                skip_rows=1,
                schema=numbers,
                columns=None if has_quotes else sorted({*wanted, last}),
                separator=self._separator,
                quote_char=None if self._format == "tsv" else '"',
                glob=False,
            )
        except (pl.exceptions.PolarsError, OSError):
            return None
        missing = self._size - os.path.getsize(self.name)
        if missing > 0:
            raise file_changed(display_path(self.name), missing)
        return None if any(frame.null_count().row(0)) else frame.select(f"c{i}" for i in places)

    @cached_property
    def _has_closed_quotes(self) -> bool:
        stream, _ = open_bytes(self.name)
        with stream:
            return has_closed_quotes(stream, self._separator)

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
