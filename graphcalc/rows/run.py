"""A program over the rows of a table, from its input to its output."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from graphcalc.backends.choose import compile_graph, run_dtype
from graphcalc.data.inputs import describe
from graphcalc.diagnostics import DataError, EvaluationError, GraphcalcError, Label, brief
from graphcalc.evaluate import Evaluation, kept_nodes, memory_limit
from graphcalc.files.streams import display_path
from graphcalc.rows import backend_engine, polars_engine
from graphcalc.rows.column_types import kinds_of
from graphcalc.rows.formats import COLUMNAR, format_of
from graphcalc.rows.header import error_at, read_head
from graphcalc.rows.memory import keep_memory
from graphcalc.rows.names import check_names, check_passes, layout_of, plan_of
from graphcalc.rows.parquet_engine import Batch, FrameRows, frame_of_totals
from graphcalc.rows.plan import RowPlan, Stage
from graphcalc.rows.python_engine import NON_FINITE_TEXTS, Done, Engine, Policy, RecordPlace
from graphcalc.rows.records import Records
from graphcalc.rows.sinks import (
    ArrayLines,
    FrameSink,
    LineOutput,
    LineSink,
    Output,
    ParsedLines,
    TextSink,
    closing,
)
from graphcalc.rows.tables import DelimitedTable, OutputColumns, RowTable, Writer
from graphcalc.rows.workers import count_cores, in_order
from graphcalc.source import Source, Span
from graphcalc.tables.cells import CellProblem
from graphcalc.tables.csv import Dialect
from graphcalc.tables.frames import FrameTable
from graphcalc.tables.jsonlines import as_lines
from graphcalc.tables.polars_calls import has_polars
from graphcalc.tables.reading import TextOptions, read_text

if TYPE_CHECKING:
    from graphcalc.analysis.nan_origins import Origins

# Bytes of a part: enough that its overhead is nothing, and little memory.
PART = 1 << 19
# Bytes of input from which polars pays for its import.
LARGE = 8 << 20


class RowOptions(NamedTuple):
    """How rows are read and written.

    path       a file, or `-` for standard input
    read, to   formats of `FORMATS`; None for what the file's name says, and for the input's own
    text       how text is read; the output is UTF-8
    only       the results alone, without the input's columns
    show       names of nodes to put out; the results by default
    has_header whether the names of columns come first
    """

    path: str
    read: str | None = None
    to: str | None = None
    text: TextOptions = TextOptions()
    only: bool = False
    show: Sequence[str] = ()
    policy: Policy = Policy()
    has_header: bool = True


@dataclass
class RowCounts:
    """What became of the rows.

    `rows` counts those that have an output; `lost` of those that `failed` have none. `odd` counts
    those with a result that is not finite although their numbers are; `first_odd` and
    `first_fault` are where that and a failure was seen first. Totals may be `is_of_nothing`.
    """

    rows: int = 0
    failed: int = 0
    lost: int = 0
    odd: int = 0
    first_odd: Label | None = None
    first_fault: GraphcalcError | None = None
    is_of_nothing: bool = False


@dataclass(eq=False)
class RowRun:
    """One run over rows.

    `watch` is told the bytes read, their total where that is known, and the rows done.
    """

    evaluation: Evaluation
    options: RowOptions
    watch: Callable[[int, int | None, int], None] = lambda done, total, rows: None
    summary: RowCounts = field(default_factory=RowCounts)
    _numbers: Callable[[str], dict[str, float]] | None = None
    _start: int | None = None
    _rows_before: int = 0
    _is_alone: bool = False
    _objects: bytes | None = None

    def run(self, file: Output) -> RowCounts:
        """Compute every row; lines go to `file` as they are known.

        Raises DataError for a row that cannot be computed, after the lines before it, and
        UnknownNameError for names that are no columns.
        """
        to = self.options.to or self._read_format()
        if self._read_format() in COLUMNAR:
            self._run_frames(file, to)
        else:
            self._run_text(file, to)
        return self.summary

    def _run_text(self, file: Output, to: str) -> None:
        records, table, head = self._open()
        try:
            plan = plan_of(self.evaluation, table, self.options.show)
            if records.is_pipe:
                check_passes(plan)
            layout = self._layout(plan, table)
            writer = self._writer(table, layout, to)
            if to not in ("csv", "tsv"):
                check_names(layout, to)
            sink: LineSink = self._sink(file, to)
            if to in COLUMNAR:
                frame_sink = FrameSink(file, to)
                kinds = kinds_of(plan, layout, table, records)
                sink = ParsedLines(frame_sink, kinds, is_pipe=records.is_pipe)
            has_header = self.options.has_header and to not in COLUMNAR
            with closing(sink):
                for level, stage in enumerate(plan.stages):
                    if level:
                        records.close()
                        records, table, head = self._open()
                    engine = self._engine(plan, stage, table, writer, layout)
                    if stage.has_lines and has_header:
                        sink.write(writer.head(head))
                    self._settle(plan, level, self._pass(engine, records, sink))
                if not plan.has_rows:
                    self._write_totals(plan, writer, sink, has_header=has_header)
        finally:
            records.close()

    def _write_totals(
        self, plan: RowPlan, writer: Writer, sink: LineSink, *, has_header: bool
    ) -> None:
        """The one line that totals make."""
        self._check_totals(plan)
        texts = [plan.text(p) for p in plan.outputs]
        if has_header:
            sink.write(writer.head(b""))
        sink.write(writer.finish(writer.compose("", texts)).encode() + b"\n")

    def _layout(self, plan: RowPlan, table: RowTable | FrameTable) -> OutputColumns:
        return layout_of(plan, table.columns, self.options.show, only=self.options.only)

    def _engine(
        self, plan: RowPlan, stage: Stage, table: RowTable, writer: Writer, layout: OutputColumns
    ) -> Engine:
        """What computes a pass over text."""
        arguments = (plan, stage, table, writer, layout, self.options.policy)
        return (backend_engine.BatchEngine if backend_engine.is_wanted(plan.settings) else Engine)(
            *arguments
        )

    def _run_frames(self, file: Output, to: str) -> None:
        options = self.options
        label = Label(Source(options.path, "--rows"), Span(0, len(options.path)))
        limit = memory_limit(self.evaluation.options)
        table = FrameTable(options.path, self._read_format(), options.text, limit, label)
        try:
            self._compute_frames(table, file, to)
        finally:
            table.close()

    def _compute_frames(self, table: FrameTable, file: Output, to: str) -> None:
        sink: FrameSink | TextSink
        if to in COLUMNAR:
            sink = FrameSink(file, to)
        else:
            lines, has_header = self._sink(file, to), self.options.has_header
            sink = TextSink(lines, to, table.name, has_header=has_header)
        plan = plan_of(self.evaluation, table, self.options.show)
        if table.is_pipe:
            check_passes(plan)
        layout = self._layout(plan, table)
        with closing(sink):
            for level, stage in enumerate(plan.stages):
                rows = FrameRows(plan, stage, table, layout, self.options.policy)
                self._settle(plan, level, self._frame_pass(rows, stage, sink, table))
            if not plan.has_rows:
                self._check_totals(plan)
                sink.write_frame(frame_of_totals(plan, layout.names))

    def _frame_pass(
        self, rows: FrameRows, stage: Stage, sink: FrameSink | TextSink, table: FrameTable
    ) -> list[Any]:
        """One pass over frames; the states of its totals."""
        self.summary, self._numbers = RowCounts(), rows.named_numbers
        states: list[Any] = [None] * len(stage.gathered)
        for batch in rows.run():
            if batch.frame is not None:
                sink.write_frame(batch.frame)
            _join(stage, states, batch.states)
            self._count(batch, table.name, 1)
            done, total = table.progress(self.summary.rows)
            self.watch(done, total, self.summary.rows)
        return states

    def _check_totals(self, plan: RowPlan) -> None:
        """Under `strict`, raise EvaluationError for a total that is not finite."""
        self.summary.is_of_nothing = not self.summary.rows
        for position in plan.outputs if self.options.policy.is_strict else ():
            node = plan.graph.nodes[position]
            if plan.text(position) in NON_FINITE_TEXTS:
                label = Label(node.source, node.span)
                message = f"`{brief(node.name or '')}` is {plan.text(position)}"
                raise EvaluationError("non-finite", message, (label,))

    def _settle(self, plan: RowPlan, level: int, states: Sequence[Any]) -> None:
        """Put what a pass gathered into the plan."""
        gathered = plan.stages[level].gathered
        totals = {g.position: g.total.finish(state) for g, state in zip(gathered, states)}
        plan.settle(level + 1, self.summary.rows, totals)
        self._is_alone = len(plan.stages) == 1 and not plan.totals
        count = self.summary.rows + self.summary.lost
        if level and count != self._rows_before:
            raise DataError(
                "file-changed",
                f"{display_path(self.options.path)}: the file changed while it was read",
                note=f"it had {self._rows_before:,} rows, and now {count:,}",
            )
        self._rows_before = count

    def origins_of(self, summary: RowCounts) -> Origins | None:
        """Where in the program the first result that is not finite comes from.

        None where that takes more than the row alone.
        """
        from graphcalc.analysis.nan_origins import find_origins

        if summary.first_odd is None or self._numbers is None or not self._is_alone:
            return None
        numbers = self._numbers(summary.first_odd.source.text)
        settings = self.evaluation.options.settings
        dtype = run_dtype(settings)
        columns = {name: describe(name, x, dtype, None) for name, x in numbers.items()}
        values, described = self.evaluation.describe_inputs()
        graph = self.evaluation.graph(described, columns)
        program = compile_graph(graph, settings, kept_nodes(graph, ()))
        return find_origins(graph, program, {**values, **numbers})

    # What is read

    def _open(self) -> tuple[Records, RowTable, bytes]:
        """The records behind the header, how they are read, and the header's own text."""
        text, format = self.options.text, self._read_format()
        stream = None
        if format == "json":
            format, stream = "jsonl", self._array()
        records = Records(self.options.path, text.encoding, PART, stream)
        # Standard input may be a file, which another pass begins where the first one did.
        if self._start is None:
            self._start = records.tell()
        elif records.path == "-":
            records.seek(self._start)
        try:
            return (records, *read_head(records, format, text))
        except BaseException:
            records.close()
            raise

    def _array(self) -> BinaryIO:
        """The objects of a JSON array, one a line; it is read as a whole."""
        if self._objects is None:
            path = self.options.path
            label = Label(Source(path, "--rows"), Span(0, len(path)))
            limit = memory_limit(self.evaluation.options)
            text = read_text(path, self.options.text, limit, label)
            self._objects = as_lines(text, display_path(path)).encode()
        return io.BytesIO(self._objects)

    def _read_format(self) -> str:
        """The format of the input: as told, or as the file's name ends."""
        return self.options.read or format_of(self.options.path) or "csv"

    # What is written

    def _sink(self, file: Output, format: str) -> LineSink:
        """What takes lines of text of a format."""
        return ArrayLines(file) if format == "json" else LineOutput(file)

    def _writer(self, table: RowTable, layout: OutputColumns, to: str) -> Writer:
        """The text of the output; what polars writes comes to it as CSV."""
        text = {"json": "jsonl", "parquet": "csv", "arrow": "csv"}.get(to, to)
        dialect = Dialect("\t" if text == "tsv" else ",", text != "tsv")
        if isinstance(table, DelimitedTable) and to not in COLUMNAR:
            dialect = dialect._replace(line_end=table.dialect.line_end)
            dialect = table.dialect if text == table.format else dialect
        return Writer(text, table, layout, dialect)

    # Passes

    def _pass(self, engine: Engine, records: Records, sink: Any) -> list[Any]:
        """One pass over the records; the states of its totals."""
        self.summary, self._numbers = RowCounts(), engine.named_numbers
        states = list(engine.no_states)

        def parts() -> Iterator[bytes | None]:
            for part in records.parts():
                self.watch(records.bytes_read, records.total_bytes, self.summary.rows)
                yield part

        line = records.line
        for done in self._computed(engine, records, parts()):
            sink.write(done.data)
            self._count(done, records.name, line)
            line += done.lines
            _join(engine.stage, states, done.states)
        self.watch(records.bytes_read, records.total_bytes, self.summary.rows)
        return states

    def _computed(
        self, engine: Engine, records: Records, parts: Iterator[bytes | None]
    ) -> Iterator[Done]:
        """What each part comes to, in order; polars does it where it is worth it."""
        line_end, cores = records.line_end, count_cores()
        if isinstance(engine, backend_engine.BatchEngine):
            yield from (engine.run(part, line_end) for part in parts if part is not None)
            return
        has_frames = has_polars() and polars_engine.can_run(engine)
        if (records.total_bytes or 0) < LARGE:
            for part in islice(filter(None, parts), 1):
                yield engine.run(part, line_end)
        if has_frames:
            records.size = polars_engine.PART
            for first in islice(filter(None, parts), 1):
                keep_memory()
                on_polars = polars_engine.FrameEngine(engine)
                work = partial(on_polars.run, line_end=line_end)
                yield from polars_engine.in_order(chain([first], parts), work, cores + 1)
            return

        def in_python(part: bytes) -> tuple[Any, ...]:
            return _packed(engine.run(part, line_end))

        for first in islice(filter(None, parts), 1):
            keep_memory()
            yield from map(_unpacked, in_order(chain([first], parts), in_python, cores))

    def _count(self, done: Done | Batch, name: str, line: int) -> None:
        summary = self.summary
        summary.rows += done.rows
        summary.failed += done.failed
        summary.lost += done.lost
        summary.odd += done.odd
        if summary.first_odd is None and done.first_odd is not None:
            place = done.first_odd
            source = Source(place.text, name, line + place.line)
            summary.first_odd = Label(source, Span(0, len(place.text)))
        if done.fault is None:
            return
        error = error_at(*done.fault, name, line)
        if self.options.policy.on_error == "fail" or done.fault[0].code in _FATAL:
            raise error
        summary.first_fault = summary.first_fault or error


# What stops a run whatever is to be done with rows that fail: the rows after it are not known.
_FATAL = frozenset({"encoding", "cell-length"})


def _join(stage: Stage, states: list[Any], more: Sequence[Any]) -> None:
    """Add the states of the next rows to those of the rows so far."""
    for place, (gathered, new) in enumerate(zip(stage.gathered, more)):
        old = states[place]
        is_both = old is not None and new is not None
        states[place] = gathered.total.join(old, new) if is_both else (new if old is None else old)


def _packed(done: Done) -> tuple[Any, ...]:
    """A result as plain tuples, for marshal."""
    fault = None if done.fault is None else (tuple(done.fault[0]), tuple(done.fault[1]))
    odd = None if done.first_odd is None else tuple(done.first_odd)
    return (*done[:3], fault, done.odd, odd, *done[6:])


def _unpacked(packed: tuple[Any, ...]) -> Done:
    fault, odd = packed[3], packed[5]
    return Done(
        packed[0],
        packed[1],
        packed[2],
        None if fault is None else (CellProblem(*fault[0]), RecordPlace(*fault[1])),
        packed[4],
        None if odd is None else RecordPlace(*odd),
        *packed[6:],
    )
