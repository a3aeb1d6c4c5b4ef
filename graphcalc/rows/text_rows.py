"""Rows of text: CSV, TSV and JSON, read in parts that several workers compute."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain, islice

from graphcalc.files.streams import display_path
from graphcalc.rows import polars_engine
from graphcalc.rows.backend_engine import BackendEngine, is_wanted
from graphcalc.rows.column_types import kinds_of
from graphcalc.rows.engine import Done, Engine, NamedCells, Pass, RowFile, RowOutput
from graphcalc.rows.formats import COLUMNAR
from graphcalc.rows.header import read_head
from graphcalc.rows.memory import keep_memory
from graphcalc.rows.names import check_names
from graphcalc.rows.plan import RowPlan
from graphcalc.rows.python_engine import PythonEngine
from graphcalc.rows.records import Records
from graphcalc.rows.workers import count_cores, forked, in_order, threaded
from graphcalc.tables.columns import OutputColumns, RecordFormat
from graphcalc.tables.csv import CsvTable, Dialect
from graphcalc.tables.jsonlines import JsonTable, as_lines
from graphcalc.tables.polars_calls import has_polars, is_polars_usable
from graphcalc.tables.reading import TextOptions, read_text
from graphcalc.tables.sinks import FrameSink, Output, ParsedLines, RowSink, text_sink
from graphcalc.tables.writer import LineWriter

# Bytes of a part: enough that its overhead is nothing, and little memory.
PART = 1 << 19
# Bytes of input from which polars pays for its import.
LARGE = 8 << 20


class TextRows:
    """The records of a file or pipe, and lines of text or frames as their output."""

    def __init__(
        self,
        path: str,
        format: str,
        text: TextOptions,
        limit: int,
        file: Output,
        to: str,
        has_header: bool,
    ) -> None:
        self._path, self._format, self._text, self._limit = path, format, text, limit
        self._file, self._to, self._has_header = file, to, has_header and to not in COLUMNAR
        self._start: int | None = None
        # The table of the first of several files, where that says what the columns are.
        self._shared: RecordFormat | None = None
        self._objects: bytes | None = None
        self._open()
        self.name, self.is_pipe = self._records.name, self._records.is_pipe

    def _open(self) -> None:
        """Open the records behind the header, and read it."""
        format, stream = self._format, None
        if format == "json":
            format, stream = "jsonl", io.BytesIO(self._array())
        records = Records(self._path, self._text.encoding, PART, stream)
        # Standard input may be a file, which another pass begins where the first one did.
        if self._start is None:
            self._start = records.tell()
        elif records.path == "-":
            records.seek(self._start)
        try:
            table, self._head = read_head(records, format, self._text)
            self.table = self._shared or table
        except BaseException:
            records.close()
            raise
        self._records, self.first_line, self._is_fresh = records, records.line, True

    def _array(self) -> bytes:
        """Return the objects of a JSON array, one a line; it is read as a whole."""
        if self._objects is None:
            text = read_text(self._path, self._text, self._limit, None)
            self._objects = as_lines(text, display_path(self._path)).encode()
        return self._objects

    def close(self) -> None:
        """Close the records."""
        self._records.close()

    def progress(self, rows: int) -> tuple[int, int | None]:
        """Return the bytes read, and all there are, where that is known."""
        return self._records.bytes_read, self._records.total_bytes

    # What is written

    def prepare(self, plan: RowPlan, layout: OutputColumns) -> RowSink[bytes]:
        """Return what takes the lines of a plan's output."""
        self._writer = self._writer_of(layout)
        if self._to not in ("csv", "tsv"):
            check_names(layout, self._to)
        if self._to not in COLUMNAR:
            return text_sink(self._file, self._to)
        frames = FrameSink(self._file, self._to)
        kinds = kinds_of(plan, layout, self.table, self._records)
        return ParsedLines(frames, kinds, is_pipe=self.is_pipe)

    def follow(self, first: RowFile, layout: OutputColumns) -> None:
        """Write as the first of several files does."""
        assert isinstance(first, TextRows)
        if isinstance(self.table, JsonTable):
            self.table = self._shared = first.table
        self._writer = LineWriter(first._writer.format, self.table, layout, first._writer.dialect)

    def _writer_of(self, layout: OutputColumns) -> LineWriter:
        """Return what makes lines; what polars writes comes to it as CSV."""
        text = {"json": "jsonl", "parquet": "csv", "arrow": "csv"}.get(self._to, self._to)
        dialect = Dialect("\t" if text == "tsv" else ",", text != "tsv")
        if isinstance(self.table, CsvTable) and self._to not in COLUMNAR:
            dialect = dialect._replace(line_end=self.table.dialect.line_end)
            dialect = self.table.dialect if text == self.table.format else dialect
        self.delimiter = dialect.delimiter
        return LineWriter(text, self.table, layout, dialect)

    def totals(self, plan: RowPlan) -> bytes:
        """Return the one line that totals make, behind its header."""
        writer, texts = self._writer, [plan.text(p) for p in plan.outputs]
        head = writer.head(b"") if self._has_header else b""
        return head + writer.finish(writer.compose("", texts)).encode() + b"\n"

    # Passes

    def files(self) -> Iterator[RowFile]:
        """Yield the one file."""
        yield self

    def named_cells(self, record: str) -> NamedCells:
        """Return the cells of a record by the names that the program has for its columns."""
        return self._engine.named_cells(record)

    def begin(self, row_pass: Pass, sink: RowSink[RowOutput]) -> None:
        """Begin a pass from the first row; the header goes to the sink before the lines."""
        if not self._is_fresh:
            self.close()
            self._open()
        self._is_fresh = False
        kind = BackendEngine if is_wanted(row_pass.plan) else PythonEngine
        self._engine = kind(*row_pass, self.table, self._writer)
        if row_pass.stage.has_lines and self._has_header:
            sink.write(self._writer.head(self._head))

    def computed(self) -> Iterator[Done]:
        """Yield what each part comes to, in order; by polars where that is worth it."""
        engine: Engine[bytes] = self._engine
        parts = self._records.parts()
        if isinstance(engine, BackendEngine):
            yield from (engine.run(part) for part in parts if part is not None)
            return
        on_polars = has_polars() and polars_engine.can_run(self._engine)
        if (self._records.total_bytes or 0) < LARGE:
            yield from map(engine.run, islice(filter(None, parts), 1))
        if on_polars:
            self._records.size = polars_engine.PART
        for first in islice(filter(None, parts), 1):
            keep_memory()
            cores = count_cores()
            on_polars = on_polars and is_polars_usable()
            if on_polars:
                engine = polars_engine.PolarsEngine(self._engine)
            workers = threaded(engine.run, cores + 1) if on_polars else forked(engine.run, cores)
            with workers as start:
                yield from in_order(chain([first], parts), start, cores + on_polars)
