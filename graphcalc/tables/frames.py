"""Tables that polars reads: Parquet, and Arrow as a file or a stream."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeVar, cast

from graphcalc.diagnostics import DataError, Label, brief
from graphcalc.files.memory import check_memory
from graphcalc.files.streams import as_file, copied, display_path, open_bytes, unreadable
from graphcalc.numbers import MAX_EXACT
from graphcalc.tables import arrow
from graphcalc.tables.arrow import RepeatedNameError, check_unique
from graphcalc.tables.cells import PLAIN
from graphcalc.tables.columns import ColumnKind, kind_in_words
from graphcalc.tables.parquet import Footer, FooterError, read_footer
from graphcalc.tables.polars_calls import ReadError, call_safely, load_polars, read_safely
from graphcalc.tables.reading import TextOptions

if TYPE_CHECKING:
    import polars
    from numpy import float64
    from numpy.typing import NDArray as Array

_T = TypeVar("_T")
# What polars says of what it lacks, as opposed to what is damaged.
_LACKS = re.compile(r"not (yet )?(supported|implemented)|unsupported|does not support", re.I)
_PRECISION = re.compile(r"precision=(\d+)")
# Digits of a decimal number that polars has.
_DIGITS = 38


def numbers(series: polars.Series) -> polars.Series:
    """Return a column of numbers or truth values as Float64; a decimal is rounded once."""
    import polars as pl

    text = series.cast(pl.String) if series.dtype.is_decimal() else series
    found: polars.Series = text.cast(pl.Float64)
    return found


def _counted(missing: int) -> str:
    return "a missing value" if missing == 1 else f"{missing:,} missing values"


def first_rounded(series: polars.Series) -> str:
    """Return the first whole number of a column that a float64 has not, empty where it has all."""
    import polars as pl

    if series.dtype.is_float() or series.dtype == pl.Boolean:
        return ""
    large = series.filter(numbers(series).abs() >= MAX_EXACT).cast(pl.String)
    texts = (text.rstrip("0").rstrip(".") if "." in text else text for text in large)
    return next((text for text in texts if PLAIN.rounds(text, float(text))), "")


class FrameTable:
    """A table that polars reads: Parquet and Arrow.

    One that `is_pipe`, a stream of Arrow from a pipe, can be read but once.
    """

    is_open = False

    def __init__(
        self, path: str, format: str, options: TextOptions, limit: int, label: Label | None
    ) -> None:
        self.name, self._label, self._limit = display_path(path), label, limit
        self._labels = () if label is None else (label,)
        self._path, self._format, self._missing = path, format, options.missing
        self._pl = load_polars(f"{format} files need", label)
        self._frame: polars.LazyFrame | None = None
        self._stream: io.BufferedReader | None = None
        self._messages: Iterator[bytes] = iter(())
        self._footer: Footer | None = None
        self._count: int | None = None
        # The first whole number that was rounded to a float when numbers were read last.
        self.rounded = ""
        self.is_pipe = False
        if format == "parquet":
            self._open_file(as_file(path, self._check_copy), self._pl.scan_parquet, self._look)
        else:
            self._open_arrow(path)
        self.columns = self.keys = tuple(self._schema.names())

    def _open_file(
        self,
        path: str,
        scan: Callable[..., polars.LazyFrame],
        check: Callable[[io.BufferedReader], None],
    ) -> None:
        """Open a plain file, once it has passed a check."""
        self._size = os.path.getsize(path)
        if not self._size:
            raise DataError("empty-file", f"{self.name}: the file is empty", self._labels)
        with open(path, "rb") as file:
            self._safely(lambda: check(file))
        # What looks like a pattern or an address is the name of a file here.
        frame = self._safely(lambda: scan(os.path.abspath(path), glob=False))
        self._frame, self._schema = frame, self._safely(frame.collect_schema)

    def _look(self, file: io.BufferedReader) -> None:
        """Read the footer of a Parquet file, and refuse columns of one name."""
        try:
            self._footer = read_footer(file)
        except FooterError as error:
            raise self._damaged(str(error), str(error)) from None
        check_unique(self._footer.columns)

    def _open_arrow(self, path: str) -> None:
        """Open a file by its footer; a stream of batches in order."""
        stream, size = open_bytes(path)
        self.is_pipe = size is None or path == "-"
        self._stream = io.BufferedReader(cast("io.RawIOBase", stream))
        magic = self._stream.peek(len(arrow.MAGIC))[:4]
        if arrow.MAGIC.startswith(magic):
            if self.is_pipe:
                path = copied(self._stream, path, self._check_copy)
            self.close()
            self._stream, self.is_pipe = None, False
            check = lambda file: arrow.check_sizes(file, self._limit)  # noqa: E731
            self._open_file(path, self._pl.scan_ipc, check)
            return
        self._messages = arrow.batches(self._stream, self._limit)
        try:
            head = self._safely(lambda: next(self._messages))
            self._schema = self._safely(lambda: self._pl.read_ipc_stream(head)).schema
        except BaseException:
            self.close()
            raise
        if not self.is_pipe:
            self.close()  # opened again for each pass

    def close(self) -> None:
        """Close what was opened here."""
        if self._stream is not None and not self.is_pipe:
            self._stream.close()

    def _check_copy(self, size: int) -> None:
        check_memory(f"a copy of {self.name}", size, self._limit, self._label)

    def _safely(self, read: Callable[[], _T]) -> _T:
        """Return what polars reads. Raises DataError, also where polars panics or aborts."""
        try:
            return read_safely(read)
        except OSError as error:
            raise unreadable(self.name, error) from None
        except RepeatedNameError as error:
            what = f"several columns or fields are called `{brief(str(error))}`"
            message = f"{self.name}: {what}"
            raise DataError("duplicate-column", message, self._labels) from None
        except ReadError as error:
            raise self._damaged(str(error)) from None

    def computed(self, compute: Callable[[], _T]) -> _T:
        """Return what polars computes of rows of the table. Raises DataError where it fails."""
        try:
            return call_safely(compute)
        except ReadError as error:
            raise self._damaged(str(error)) from None

    def _damaged(self, reason: str = "", note: str = "") -> DataError:
        """Return the error for a file that cannot be read, for a reason of polars or of a check."""
        if _LACKS.search(reason):
            message = f"{self.name}: {reason[:1].lower()}{brief(reason[1:], 120)}"
            return DataError("unsupported", message, self._labels)
        what = f"the content is not {self._format}, or it is damaged"
        return DataError("damaged", f"{self.name}: {what}", self._labels, note)

    def check_number(self, name: str) -> None:
        """Raise DataError for a column that does not hold numbers."""
        kind = self._schema[name]
        if not kind.is_numeric() and kind != self._pl.Boolean:
            what = f"column `{brief(name)}` has {kind_in_words(kind)}, not numbers"
            raise DataError("file-dtype", f"{self.name}: {what}", self._labels)

    def _check_supported(self, names: Sequence[str]) -> None:
        """Raise DataError for columns of kinds that polars does not read."""
        for name in names:
            refused = self._footer.unsupported.get(name) if self._footer else None
            kind = str(self._schema[name])
            is_wide = any(int(digits) > _DIGITS for digits in _PRECISION.findall(kind))
            if refused or is_wide:
                what = f"column `{brief(name)}` has {refused or brief(kind)}, which is unsupported"
                hint = "--only leaves out columns that the program does not read"
                raise DataError("unsupported", f"{self.name}: {what}", self._labels, help=hint)

    @property
    def kinds(self) -> list[ColumnKind]:
        """What the columns hold."""
        return [self._kind(kind) for kind in self._schema.values()]

    def check_types(self, first: FrameTable) -> None:
        """Raise DataError for a column that has another type than in the first of several files."""
        for column, kind in self._schema.items():
            if kind != first._schema[column]:
                has = f"{kind}, and {first._schema[column]} in {first.name}"
                message = f"{self.name}: column `{brief(column)}` has {has}"
                raise DataError("other-columns", message, self._labels)

    def _kind(self, kind: polars.DataType) -> ColumnKind:
        texts = (self._pl.String, self._pl.Categorical, self._pl.Enum)
        if kind == self._pl.Int64 and self._missing is None:
            return ColumnKind.INTEGER
        return ColumnKind.TEXT if kind in texts else ColumnKind.NUMBER

    def batches(self, rows: int, columns: Sequence[str]) -> Iterator[polars.DataFrame]:
        """Yield columns of the table as frames of so many rows, at least one frame.

        Where no column is asked for, the frames have one all the same: they tell the rows.
        """
        wanted = list(columns) or list(self.columns[:1])
        self._check_supported(wanted)
        if self._frame is None:
            frames = self._streamed(wanted)
        else:
            query = self._frame.select(wanted)
            frames = self._safely(lambda: iter(query.collect_batches(chunk_size=rows)))
        batch = self._safely(lambda: next(frames, None))
        if batch is None:
            yield self._pl.DataFrame(schema=self._schema).select(wanted)
        count = 0
        while batch is not None:
            yield batch
            count += batch.height
            batch = self._safely(lambda: next(frames, None))
        if self._frame is not None:
            self._check_all_read(count)

    def _check_all_read(self, rows: int) -> None:
        """Raise DataError where other rows were read than the file's footer counts.

        A panic in one of its threads looks like the end to polars.
        """
        if rows != self._rows():
            counts = f"it says that it has {self._rows():,} rows, and {rows:,} were read"
            raise self._damaged(note=counts)

    def _streamed(self, columns: list[str]) -> Iterator[polars.DataFrame]:
        """Yield the batches of a stream; from its beginning, where it is a file's."""
        if self.is_pipe:
            for data in self._messages:
                yield self._pl.read_ipc_stream(data).select(columns)
            return
        with io.BufferedReader(cast("io.RawIOBase", open_bytes(self._path)[0])) as stream:
            for data in islice(arrow.batches(stream, self._limit), 1, None):
                yield self._pl.read_ipc_stream(data).select(columns)

    def progress(self, rows: int) -> tuple[int, int | None]:
        """The bytes that so many rows are of all there are, in proportion, and all of these."""
        if self._frame is None:
            return 0, None
        return self._size * rows // max(self._rows(), 1), self._size

    def _rows(self) -> int:
        """Return how many rows the file says that it has; those of a stream that was read."""
        frame = self._frame
        if self._footer is not None:
            return self._footer.rows
        if self._count is None and frame is not None:
            count = frame.select(self._pl.len())
            self._count = int(self._safely(lambda: count.collect().item()))
        return self._count or 0

    def column(self, place: int, *, is_matrix: bool = False) -> Array[float64] | list[str]:
        """Return the numbers of a column, or its texts; missing text is empty."""
        name = self.columns[place]
        is_text = self._kind(self._schema[name]) is ColumnKind.TEXT
        if not is_text:
            self.check_number(name)
        self._check_supported([name])
        if self._frame is None:
            self._frame = self._pl.concat(self._within(self.batches(0, self.columns))).lazy()
            self.close()
        frame = self._frame
        check_memory(f"column `{brief(name)}`", 8 * self._rows(), self._limit, self._label)
        series = self._safely(lambda: frame.select(self._pl.col(name)).collect()[name])
        self._check_all_read(len(series))
        if is_text:
            return list(series.cast(self._pl.String).fill_null("").to_list())
        self.rounded = ""
        if series.null_count():
            if self._missing is None:
                raise self._missing_values(series)
            self.rounded = first_rounded(series)
            series = numbers(series).fill_null(self._missing)
        return self._whole(series).to_numpy()

    def _missing_values(self, series: polars.Series) -> DataError:
        where = series.is_null().arg_max()
        return DataError(
            "empty-cell",
            f"{self.name}: column `{brief(series.name)}` has {_counted(series.null_count())}, "
            f"the first in row {(where or 0) + 1:,}",
            self._labels,
            help="--missing nan computes with nan",
        )

    def _whole(self, series: polars.Series) -> polars.Series:
        """Return numbers of a kind that numpy has. Raises DataError for those beyond int64."""
        pl, kind = self._pl, series.dtype
        if kind.is_decimal():
            self.rounded = first_rounded(series)
            return numbers(series)
        if kind not in (pl.Int128, pl.UInt128):
            return series
        whole: polars.Series = series.cast(pl.Int64, strict=False)
        if whole.null_count():
            what = f"column `{brief(series.name)}` has whole numbers beyond int64"
            raise DataError("file-dtype", f"{self.name}: {what}", self._labels)
        return whole

    def _within(self, frames: Iterator[polars.DataFrame]) -> Iterator[polars.DataFrame]:
        """Yield frames that are all kept. Raises LimitError where they pass the limit."""
        size = 0.0
        for frame in frames:
            size += frame.estimated_size()
            check_memory(self.name, int(size), self._limit, self._label)
            yield frame

    def matrix(self) -> Array[float64]:
        """Return all of the numbers."""
        import numpy

        if not self.columns:
            raise DataError("empty-file", f"{self.name}: there are no columns", self._labels)
        columns, rounded = [], ""
        for place in range(len(self.columns)):
            columns.append(self.column(place))
            rounded = rounded or self.rounded
        found = numpy.stack(columns, axis=1)
        if found.dtype.kind == "f":
            others = (first_rounded(self._pl.Series(column)) for column in columns)
            rounded = next(filter(None, [rounded, *others]), "")
        self.rounded = rounded
        return found
