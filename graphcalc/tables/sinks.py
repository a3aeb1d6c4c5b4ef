"""Where rows go: lines of text and frames, into files of every format."""

from __future__ import annotations

import io
import queue
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from graphcalc.diagnostics import DataError, GraphcalcError, OutputError, brief
from graphcalc.tables.csv import Dialect, joined
from graphcalc.tables.frame_text import check_kinds, lines_of
from graphcalc.tables.polars_calls import load_polars

if TYPE_CHECKING:
    import polars


class Output(Protocol):
    """What takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Take the next ones."""


T = TypeVar("T", contravariant=True)


class RowSink(Protocol[T]):
    """What takes the output of rows: whole lines of text, or frames."""

    def write(self, output: T, /) -> object:
        """Take the next rows."""

    def close(self) -> None:
        """There are no more."""

    def fail(self) -> None:
        """There are no more, since the next could not be computed."""


@contextmanager
def ended(sink: RowSink[Any]) -> Iterator[None]:
    """Tell a sink how the block ended."""
    try:
        yield
    except GraphcalcError:
        sink.fail()
        raise
    sink.close()


def text_sink(file: Output, format: str) -> RowSink[bytes]:
    """Return what takes lines of text in a format."""
    return ArrayLines(file) if format == "json" else LineOutput(file)


class LineOutput:
    """Lines into a file, as they are."""

    def __init__(self, file: Output) -> None:
        self.write = file.write

    def close(self) -> None:
        """There is nothing left to write."""

    def fail(self) -> None:
        """There is nothing left to write."""


class ArrayLines:
    """Lines of JSON objects as one array."""

    def __init__(self, file: Output) -> None:
        self._file = file
        self._is_empty = True

    def write(self, data: bytes) -> None:
        """Take the next objects, one a line."""
        if data:
            start = b"[\n" if self._is_empty else b",\n"
            self._file.write(start + data.rstrip(b"\n").replace(b"\n", b",\n"))
            self._is_empty = False

    def close(self) -> None:
        """End the array."""
        self._file.write(b"[]\n" if self._is_empty else b"\n]\n")

    def fail(self) -> None:
        """End the array, if there is one: what was written is a whole document."""
        if not self._is_empty:
            self.close()


class ParsedLines:
    """Lines of CSV, without a header, that go on as frames of columns of these kinds."""

    def __init__(
        self,
        sink: FrameSink,
        kinds: Mapping[str, polars.DataType | type[polars.DataType]],
        *,
        is_pipe: bool,
    ) -> None:
        self._sink, self._kinds = sink, kinds
        whole = "give the rows as a file, which is looked at as a whole first, or "
        self._hint = f"{whole * is_pipe}write text: --to csv"
        self._rows = 0

    def write(self, data: bytes) -> None:
        """Take the next lines."""
        if data:
            frame = self._parsed(data)
            self._rows += frame.height
            self._sink.write(frame)

    def _parsed(self, data: bytes) -> polars.DataFrame:
        import polars as pl

        names = {f"_{i}": kind for i, kind in enumerate(self._kinds.values())}
        # Behind a line of their own, a mark that begins the lines is none of byte order.
        lines = io.BytesIO(b"\n" + data)
        try:
            frame = pl.read_csv(lines, has_header=False, schema=names, skip_rows=1)
        except pl.exceptions.PolarsError:
            raise self._odd_cell(data) from None
        return frame.rename(dict(zip(names, self._kinds)))

    def _odd_cell(self, data: bytes) -> DataError:
        """Return the error for a cell that is not of its column's kind."""
        import polars as pl

        names = {f"_{i}": pl.String for i in range(len(self._kinds))}
        texts = pl.read_csv(io.BytesIO(data), has_header=False, schema=names)
        for series, (column, kind) in zip(texts, self._kinds.items()):
            is_odd = series.is_not_null() & series.cast(kind, strict=False).is_null()
            if kind != pl.Boolean and kind != pl.String and is_odd.any():
                row = is_odd.arg_max()
                began = "whole numbers" if kind == pl.Int64 else "numbers"
                where = f"row {self._rows + row + 1:,}"
                what = f"`{brief(series[row])}` in column `{brief(column)}`"
                message = f"{where}: {what}, which began with {began}"
                return DataError("column-kind", message, help=self._hint)
        message = f"the rows from {self._rows + 1:,} on have other cells than those before"
        return DataError("column-kind", message, help=self._hint)

    def close(self) -> None:
        """Write what is left."""
        if not self._rows:
            import polars as pl

            self._sink.write(pl.DataFrame(schema=self._kinds))
        self._sink.close()

    def fail(self) -> None:
        """There are no more, since the next could not be computed."""
        self._sink.fail()


class FrameSink:
    """Parquet or Arrow in a file, of frames that come one after the other.

    polars writes in a thread of its own while the next ones are computed.
    """

    def __init__(self, file: Output, format: str) -> None:
        load_polars(f"{format} files need", None)
        self._file, self._format = file, format
        self._queue: queue.Queue[polars.DataFrame | None] = queue.Queue(2)
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def write(self, frame: polars.DataFrame) -> None:
        """Take the next rows."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(frame.schema,), daemon=True)
            self._thread.start()
        while self._error is None:
            try:
                self._queue.put(frame, timeout=1)
                return
            except queue.Full:
                continue
        self._raise()

    def close(self) -> None:
        """Write what is left."""
        if self._thread is None:
            return
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            self._raise()

    def fail(self) -> None:
        """Leave the file as it is: without its end it is none."""

    def _raise(self) -> None:
        error = self._error
        if isinstance(error, OSError) and error.strerror:
            raise error
        found = re.search(r"error: ([^:]*) \(os error", str(error))
        why = found[1].lower() if found else str(error)
        raise OutputError("output", f"the rows could not be written: {why}")

    def _run(self, schema: polars.Schema) -> None:
        from polars.io.plugins import register_io_source

        def source(*_: object) -> Iterator[polars.DataFrame]:
            while (frame := self._queue.get()) is not None:
                yield frame

        try:
            frames = register_io_source(source, schema=schema)
            write = frames.sink_parquet if self._format == "parquet" else frames.sink_ipc
            write(cast(Any, self._file))
        except BaseException as error:
            self._error = error


class FrameLines:
    """Frames as lines of text."""

    def __init__(self, sink: RowSink[bytes], format: str, name: str, *, has_header: bool) -> None:
        self._sink, self._format, self._name = sink, format, name
        self._dialect = Dialect("\t" if format == "tsv" else ",", format != "tsv")
        self._is_first = True
        self._has_header = has_header and format not in ("json", "jsonl")

    def write(self, frame: polars.DataFrame) -> None:
        """Take the next rows."""
        if self._is_first:
            check_kinds(frame, self._format, self._name)
        lines = lines_of(frame, self._format, self._dialect, self._name)
        if self._is_first and self._has_header:
            self._sink.write(f"{joined(frame.columns, self._dialect)}\n".encode())
        self._is_first = False
        self._sink.write(lines)

    def close(self) -> None:
        """There are no more."""
        self._sink.close()

    def fail(self) -> None:
        """There are no more, since the next could not be computed."""
        self._sink.fail()
