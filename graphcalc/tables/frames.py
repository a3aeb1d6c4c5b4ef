"""Tables that polars reads: Parquet, and Arrow as a file or a stream."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from graphcalc.diagnostics import DataError, Label, brief, missing_package
from graphcalc.files.memory import check_memory
from graphcalc.files.streams import as_file, copied, display_path, open_bytes, unreadable
from graphcalc.tables import arrow
from graphcalc.tables.columns import ColumnKind
from graphcalc.tables.polars_calls import ReadError, import_polars, read_safely
from graphcalc.tables.reading import TextOptions

if TYPE_CHECKING:
    import polars
    from numpy import float64
    from numpy.typing import NDArray as Array

_T = TypeVar("_T")


class FrameTable:
    """A table that polars reads: Parquet and Arrow.

    One that `is_pipe`, a stream of Arrow from a pipe, can be read but once.
    """

    is_open = False

    def __init__(
        self, path: str, format: str, options: TextOptions, limit: int, label: Label
    ) -> None:
        self.name, self._label, self._limit = display_path(path), label, limit
        self._format, self._missing = format, options.missing
        try:
            self._pl = import_polars()
        except ImportError:
            raise missing_package("polars", f"{format} files need", label) from None
        self._frame: polars.LazyFrame | None = None
        self._stream: io.BufferedReader | None = None
        self._messages: Iterator[bytes] = iter(())
        self.is_pipe = False
        if format == "parquet":
            self._open_file(as_file(path, self._check_copy), self._pl.scan_parquet)
        else:
            self._open_arrow(path)
        self.columns = self.keys = tuple(self._schema.names())
        self._count: int | None = None

    def _open_file(
        self,
        path: str,
        scan: Callable[..., polars.LazyFrame],
        check: Callable[[io.BufferedReader], None] = lambda file: None,
    ) -> None:
        """Open a plain file, once it has passed a check."""
        self._size = os.path.getsize(path)
        if not self._size:
            raise DataError("empty-file", f"{self.name}: the file is empty", (self._label,))
        with open(path, "rb") as file:
            self._safely(lambda: check(file))
        # What looks like a pattern or an address is the name of a file here.
        frame = self._safely(lambda: scan(os.path.abspath(path), glob=False))
        self._frame, self._schema = frame, self._safely(frame.collect_schema)

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
        except ReadError:
            raise self._damaged() from None

    def _damaged(self) -> DataError:
        what = f"the content is not {self._format}, or it is damaged"
        return DataError("damaged", f"{self.name}: {what}", (self._label,))

    def check_number(self, name: str) -> None:
        """Raise DataError for a column that does not hold numbers."""
        kind = self._schema[name]
        is_number = kind.is_numeric() and not kind.is_decimal()
        if not is_number and kind != self._pl.Boolean:
            what = f"column `{brief(name)}` has {kind}, not numbers"
            raise DataError("file-dtype", f"{self.name}: {what}", (self._label,))

    @property
    def kinds(self) -> list[ColumnKind]:
        """What the columns hold."""
        return [self._kind(kind) for kind in self._schema.values()]

    def _kind(self, kind: polars.DataType) -> ColumnKind:
        texts = (self._pl.String, self._pl.Categorical, self._pl.Enum)
        return ColumnKind.TEXT if kind in texts else ColumnKind.NUMBER

    def batches(self, rows: int, columns: Sequence[str]) -> Iterator[polars.DataFrame]:
        """Yield columns of the table as frames of so many rows, at least one frame.

        Where no column is asked for, the frames have one all the same: they tell the rows.
        """
        wanted = list(columns) or list(self.columns[:1])
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
            self._check_all_read(self._frame, count)

    def _check_all_read(self, frame: polars.LazyFrame, rows: int) -> None:
        """Raise DataError where fewer rows were read than the file's footer counts.

        A panic in one of its threads looks like the end to polars.
        """
        if rows != self._rows_of(frame):
            raise self._damaged()

    def _streamed(self, columns: list[str]) -> Iterator[polars.DataFrame]:
        """Yield the batches of a stream; from its beginning, where it is a file's."""
        if not self.is_pipe and self._stream is not None:
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
            self._count = self._rows_of(self._frame)
        return self._size * rows // max(self._count, 1), self._size

    def _rows_of(self, frame: polars.LazyFrame) -> int:
        return int(self._safely(lambda: frame.select(self._pl.len()).collect().item()))

    def column(self, name: str) -> Array[float64] | list[str]:
        """Return the numbers of a column, or its texts; missing text is empty."""
        is_text = self._kind(self._schema[name]) is ColumnKind.TEXT
        if not is_text:
            self.check_number(name)
        if self._frame is None:
            self._frame = self._pl.concat(self._within(self.batches(0, self.columns))).lazy()
            self.close()
        pl, kind, frame = self._pl, self._schema[name], self._frame
        rows = self._rows_of(frame)
        check_memory(f"column `{brief(name)}`", 8 * rows, self._limit, self._label)
        series = self._safely(lambda: frame.select(pl.col(name)).collect()[name])
        self._check_all_read(frame, len(series))
        if is_text:
            return list(series.cast(pl.String).fill_null("").to_list())
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
            raise DataError("empty-file", f"{self.name}: there are no columns", (self._label,))
        return numpy.stack([self.column(name) for name in self.columns], axis=1)
