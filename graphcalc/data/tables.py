"""Tables in files: columns by name, or all of the numbers as a matrix.

Text of modest size needs the standard library alone. polars, where it is there, reads big text,
and Parquet and Arrow always.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

from graphcalc.data import arrow
from graphcalc.data.arrays import check_memory, missing_package
from graphcalc.data.cells import Fault, Faulty, number, read_number
from graphcalc.data.delimited import (
    Dialect,
    check_count,
    offset,
    said,
    split_records,
    splitter,
)
from graphcalc.data.files import PACKED, as_file, copied, open_bytes, shown, unreadable
from graphcalc.data.jsonlines import members
from graphcalc.data.jsonlines import read_number as read_member
from graphcalc.diagnostics import DataError, Label, brief
from graphcalc.ops.arrays import NDArray
from graphcalc.source import Source, Span

# The formats of rows, and what file names end with.
FORMATS = ("csv", "tsv", "jsonl", "parquet", "arrow")
_ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
# Bytes of text from which polars pays for its import.
_LARGE = 8 << 20


class TextOptions(NamedTuple):
    """How text tables are read: what separates cells, the encoding, and what empty cells are.

    Without a header the columns are called by their places, from 1.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"
    missing: float | None = None
    has_header: bool = True


def format_of(path: str) -> str | None:
    """The format of a table that a file's name tells, None where it tells none."""
    name = path.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    return next((f for ending, f in _ENDINGS.items() if name.endswith(ending)), None)


def read_text(path: str, options: TextOptions, limit: int, label: Label) -> str:
    """All of a text file, unpacked and decoded."""
    stream, _ = open_bytes(path)
    name = shown(path)
    pieces, size = [], 0
    try:
        while True:
            try:
                piece = stream.read(1 << 20)
            except Exception as error:  # of the file, of gzip, zlib and zstd
                raise unreadable(name, error) from None
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
            # A number takes this much more than its digits.
            check_memory(name, 4 * size, limit, label)
    finally:
        if path != "-":
            stream.close()
    data = b"".join(pieces)
    if not data:
        raise DataError("empty-file", f"{name}: the file is empty", (label,))
    return decoded(data, name, options.encoding, label)


def decoded(data: bytes, name: str, encoding: str, label: Label) -> str:
    """The text of bytes. Raises DataError for those that are none."""
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
        place = data.find(b"\0") if "\0" in text else -1
        what, hint = (
            "a NUL byte",
            "utf-16" if place >= 0 and data.count(b"\0") * 3 > len(data) else "",
        )
    except UnicodeDecodeError as error:
        place, what = error.start, not_text(error)
        hint = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
    except UnicodeError as error:
        raise DataError("encoding", f"{name}: {not_text(error)}", (label,)) from None
    if place < 0:
        return text
    line = data.count(b"\n", 0, place) + 1
    raise DataError(
        "encoding",
        f"{name}: {what} in line {line}, at offset {place:,}",
        (label,),
        help=f"say what it is: --encoding {hint}" if hint else "",
    )


def not_text(error: UnicodeError) -> str:
    """Why bytes are no text of an encoding."""
    if isinstance(error, UnicodeDecodeError) and error.start < len(error.object):
        return f"not {error.encoding.upper()} (byte 0x{error.object[error.start]:02x})"
    return brief(str(error), 80)


class TextTable:
    """A table of CSV or TSV, in memory as text."""

    def __init__(self, path: str, format: str, text: str, options: TextOptions) -> None:
        self.name = shown(path)
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
        self.columns = tuple(said(cell, self._dialect) for cell in cells)
        self._first = 1
        if not options.has_header:
            self.columns = tuple(str(place + 1) for place in range(len(cells)))
            self._first = 0

    def _cells(self, record: int) -> list[str]:
        try:
            return self._split(self._records[record])
        except Faulty as faulty:
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
        except (ValueError, Faulty):
            pass
        for index in range(len(numbers) + self._first, len(self._records)):
            numbers.append(self._number(index, place, name))
        return NDArray((len(numbers),), numbers)

    def _number(self, record: int, place: int, name: str) -> float:
        """The number of one cell, read with care."""
        cells = self._cells(record)
        try:
            check_count(cells, len(self.columns), self._records[record])
            text = said(cells[place], self._dialect)
            if self._missing is not None and not text.strip():
                return self._missing
            start = offset(cells, place)
            return read_number(text, name, start, start + len(cells[place]))
        except Faulty as faulty:
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
            except (ValueError, Faulty):
                del numbers[(record - first) * len(self.columns) :]
                for place, name in enumerate(self.columns):
                    numbers.append(self._number(record, place, name))
        return NDArray((len(self._records) - first, len(self.columns)), numbers)

    def _error(self, fault: Fault, record: int) -> DataError:
        line = 1 + sum(text.count("\n") + 1 for text in self._records[:record])
        source = Source(self._records[record], self.name, line)
        label = Label(source, Span(fault.start, max(fault.end, fault.start)))
        hint = "--missing nan computes with nan" if fault.code == "empty-cell" else ""
        return DataError(fault.code, fault.message, (label,), help=hint)


def _is_number(text: str) -> bool:
    try:
        read_number(text, "", 0, 0)
    except Faulty:
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
        import polars as pl

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
        self.name = shown(path)
        self._missing = options.missing
        self._records = text.split("\n")
        first = next((i for i, r in enumerate(self._records) if r.strip()), None)
        self.columns = () if first is None else tuple(self._members(first))

    def _members(self, record: int) -> Any:
        try:
            return members(self._records[record])
        except Faulty as faulty:
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
            except Faulty as faulty:
                raise self._error(faulty.fault, index) from None
        return NDArray((len(numbers),), numbers)

    def _error(self, fault: Fault, record: int) -> DataError:
        source = Source(self._records[record], self.name, record + 1)
        label = Label(source, Span(fault.start, max(fault.end, fault.start)))
        return DataError(fault.code, fault.message, (label,))


class FrameTable:
    """A table that polars reads: Parquet and Arrow.

    What `is_pipe` can be read but once.
    """

    is_open = False

    def __init__(
        self, path: str, format: str, options: TextOptions, limit: int, label: Label
    ) -> None:
        self.name, self._label, self._limit = shown(path), label, limit
        self._format, self._missing = format, options.missing
        try:
            import polars
        except ImportError:
            raise missing_package("polars", f"{format} files need", label) from None
        self._pl: Any = polars
        self._stream: Any = None
        self._messages: Iterator[bytes] = iter(())
        self.is_pipe = False
        if format == "parquet":
            self._open_file(as_file(path, self._check_copy), polars.scan_parquet)
        else:
            self._open_arrow(path)
        self.columns = self.keys = tuple(self._schema.names())
        self._count: int | None = None

    def _open_file(self, path: str, scan: Callable[..., Any]) -> None:
        self._size = os.path.getsize(path)
        if not self._size:
            raise DataError("empty-file", f"{self.name}: the file is empty", (self._label,))
        # What looks like a pattern or an address is the name of a file here.
        self._frame = self._safely(lambda: scan(os.path.abspath(path), glob=False))
        self._schema = self._safely(lambda: self._frame.collect_schema())

    def _open_arrow(self, path: str) -> None:
        """A file by its footer; a stream of batches in order."""
        stream, size = open_bytes(path)
        self.is_pipe = size is None or path == "-"
        self._stream = io.BufferedReader(cast(Any, stream))
        magic = self._stream.peek(len(arrow.MAGIC))[:4]
        if arrow.MAGIC.startswith(magic):
            if self.is_pipe:
                path = copied(self._stream, path, self._check_copy)
            self.close()
            self._stream, self.is_pipe = None, False
            with open(path, "rb") as file:
                self._safely(lambda: arrow.check_sizes(file, self._limit))
            self._open_file(path, self._pl.scan_ipc)
            return
        self._frame = None
        self._messages = arrow.batches(self._stream, self._limit)
        try:
            head = self._safely(lambda: next(self._messages))
            self._schema = self._safely(lambda: self._pl.read_ipc_stream(head)).schema
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close what was opened here."""
        if self._stream is not None and not self.is_pipe:
            self._stream.close()

    def _check_copy(self, size: int) -> None:
        check_memory(f"a copy of {self.name}", size, self._limit, self._label)

    def _safely(self, read: Callable[[], Any]) -> Any:
        """What polars reads; its errors, and a panic, are those of the file."""
        try:
            with _silenced():
                return read()
        except OSError as error:
            if error.strerror:
                raise unreadable(self.name, error) from None
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # a panic of Rust is no Exception
            pass
        raise DataError(
            "damaged",
            f"{self.name}: the content is not {self._format}, or it is damaged",
            (self._label,),
        )

    def check_number(self, name: str) -> None:
        """Raise DataError for a column that does not hold numbers."""
        kind = self._schema[name]
        is_number = kind.is_numeric() and not kind.is_decimal()
        if not is_number and kind != self._pl.Boolean:
            what = f"column `{brief(name)}` has {kind}, not numbers"
            raise DataError("file-dtype", f"{self.name}: {what}", (self._label,))

    def batches(self, rows: int, columns: Sequence[str]) -> Iterator[Any]:
        """Columns of the table as frames of so many rows, at least one; one column where none is
        asked for."""
        wanted = list(columns) or list(self.columns[:1])
        if self._frame is None:
            frames = self._streamed(wanted)
        else:
            frame = self._frame.select(wanted)
            frames = self._safely(lambda: iter(frame.collect_batches(chunk_size=rows)))
        batch = self._safely(lambda: next(frames, None))
        if batch is None:
            yield self._pl.DataFrame(schema=self._schema).select(wanted)
        while batch is not None:
            yield batch
            batch = self._safely(lambda: next(frames, None))

    def _streamed(self, columns: list[str]) -> Iterator[Any]:
        """The batches of a stream; those of a file again and again."""
        if not self.is_pipe:
            self._stream.seek(0)
            self._messages = arrow.batches(self._stream, self._limit)
            next(self._messages)
        for data in self._messages:
            yield self._pl.read_ipc_stream(data).select(columns)

    def progress(self, rows: int) -> tuple[int, int | None]:
        """The bytes that so many rows are of all there are, in proportion, and all of these."""
        if self._frame is None:
            return 0, None
        if self._count is None:
            self._count = self._rows()
        return self._size * rows // max(self._count, 1), self._size

    def _rows(self) -> int:
        count: int = self._safely(lambda: self._frame.select(self._pl.len()).collect().item())
        return count

    def column(self, name: str) -> Any:
        """The numbers of a column."""
        self.check_number(name)
        if self._frame is None:
            self._frame = self._pl.concat(self._within(self.batches(0, self.columns))).lazy()
            self.close()
        pl, kind = self._pl, self._schema[name]
        check_memory(f"column `{brief(name)}`", 8 * self._rows(), self._limit, self._label)
        series = self._safely(lambda: self._frame.select(pl.col(name)).collect()[name])
        if series.null_count():
            if self._missing is None or kind == pl.Boolean:
                where = series.is_null().arg_max()
                raise DataError(
                    "empty-cell",
                    f"{self.name}: column `{brief(name)}` has {series.null_count():,} "
                    f"missing values, the first in row {(where or 0) + 1:,}",
                    (self._label,),
                    help="--missing nan computes with nan",
                )
            series = series.cast(pl.Float64).fill_null(self._missing)
        return series.to_numpy()

    def _within(self, frames: Iterator[Any]) -> Iterator[Any]:
        """Frames that are all kept, as far as the limit goes."""
        size = 0
        for frame in frames:
            size += frame.estimated_size()
            check_memory(self.name, size, self._limit, self._label)
            yield frame

    def matrix(self) -> Any:
        """All of the numbers."""
        import numpy

        if not self.columns:
            raise DataError("empty-file", f"{self.name}: there are no columns", (self._label,))
        return numpy.stack([self.column(name) for name in self.columns], axis=1)


@contextmanager
def _silenced() -> Iterator[None]:
    """Without standard error: a panic of Rust prints what no user needs to see."""
    kept = os.dup(2) if sys.stderr is not None else None
    try:
        if kept is not None:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 2)
            os.close(nothing)
        yield
    finally:
        if kept is not None:
            os.dup2(kept, 2)
            os.close(kept)


def open_table(
    path: str, format: str, options: TextOptions, limit: int, label: Label
) -> TextTable | BigTextTable | JsonLines | FrameTable:
    """A table, ready to give columns."""
    if format in ("parquet", "arrow"):
        return FrameTable(path, format, options, limit, label)
    if format != "jsonl" and _is_big(path) and options.encoding == "utf-8" and has_polars():
        return BigTextTable(path, format, options, limit, label)
    text = read_text(path, options, limit, label)
    if format == "jsonl":
        return JsonLines(path, text, options)
    return TextTable(path, format, text, options)


def has_polars() -> bool:
    """Whether polars is installed; does not import it."""
    from importlib.util import find_spec

    try:
        return find_spec("polars") is not None
    except ValueError:  # what is imported as None is not there
        return False


def _is_big(path: str) -> bool:
    """Whether a file is plain text of more than a few megabytes."""
    return (
        os.path.isfile(path)
        and os.path.getsize(path) >= _LARGE
        and not path.lower().endswith(PACKED)
    )


def _visible(name: str) -> str:
    """A name for a message, in quotes where blanks begin or end it."""
    return brief(name) if name == name.strip() else f'"{name[:60]}"'


def names_listed(names: Sequence[str], limit: int = 12) -> str:
    """Names for a message, some of many."""
    listed = ", ".join(f"`{_visible(name)}`" for name in names[:limit])
    return f"{listed} and {len(names) - limit} more" if len(names) > limit else listed
