"""Tables that polars reads: Parquet, and Arrow as a file or a stream."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from graphcalc.diagnostics import DataError, Label, brief, missing_package
from graphcalc.files.memory import check_memory
from graphcalc.files.streams import as_file, copied, display_path, open_bytes, unreadable
from graphcalc.tables import arrow, parquet
from graphcalc.tables.reading import TextOptions, import_polars


class FrameTable:
    """A table that polars reads: Parquet and Arrow.

    What `is_pipe` can be read but once.
    """

    is_open = False

    def __init__(
        self, path: str, format: str, options: TextOptions, limit: int, label: Label
    ) -> None:
        self.name, self._label, self._limit = display_path(path), label, limit
        self._format, self._missing = format, options.missing
        try:
            polars = import_polars()
        except ImportError:
            raise missing_package("polars", f"{format} files need", label) from None
        self._pl = polars
        self._stream: Any = None
        self._messages: Iterator[bytes] = iter(())
        self.is_pipe = False
        if format == "parquet":
            self._open_file(as_file(path, self._check_copy), polars.scan_parquet, parquet)
        else:
            self._open_arrow(path)
        self.columns = self.keys = tuple(self._schema.names())
        self._count: int | None = None

    def _open_file(self, path: str, scan: Callable[..., Any], kind: Any) -> None:
        """Open a plain file; `kind` is the module that knows what such files say of sizes."""
        self._size = os.path.getsize(path)
        if not self._size:
            raise DataError("empty-file", f"{self.name}: the file is empty", (self._label,))
        with open(path, "rb") as file:
            self._safely(lambda: kind.check_sizes(file, self._limit))
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
            self._open_file(path, self._pl.scan_ipc, arrow)
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
