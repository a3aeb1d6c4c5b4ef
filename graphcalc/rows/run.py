"""A program over the rows of a table, from its input to its output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import Any, NamedTuple

from graphcalc.backends.choose import compile_graph, run_dtype
from graphcalc.backends.python import native
from graphcalc.data.cells import Fault
from graphcalc.data.delimited import Dialect
from graphcalc.data.files import shown
from graphcalc.data.inputs import describe, read_in
from graphcalc.data.tables import FrameTable, TextOptions, format_of, has_polars
from graphcalc.diagnostics import (
    BindingError,
    DataError,
    GraphcalcError,
    Label,
    UnknownNameError,
    UsageError,
    brief,
    did_you_mean,
)
from graphcalc.evaluate import Evaluation, find_name, kept_nodes, memory_limit
from graphcalc.graph.lower import Input
from graphcalc.ops.spec import Type
from graphcalc.ops.table import OPS
from graphcalc.origins import Origins, find_origins
from graphcalc.rows import batches, frames
from graphcalc.rows.columnar import Batch, FrameRows, FrameSink, TextSink, frame_of
from graphcalc.rows.engine import Done, Engine, Place, Policy
from graphcalc.rows.heads import error_at, read_head
from graphcalc.rows.plan import ROWS, Plan, Stage
from graphcalc.rows.records import Records
from graphcalc.rows.tables import DelimitedTable, Layout, Table, Writer, lay_out
from graphcalc.rows.workers import count_cores, in_order
from graphcalc.source import Source, Span
from graphcalc.syntax.columns import name_at, name_of

_COLUMNAR = ("parquet", "arrow")
# Bytes of a part: enough that its overhead is nothing, and little memory.
_PART = 1 << 20
# Bytes of input from which polars pays for its import.
_LARGE = 8 << 20


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
class Summary:
    """What became of the rows.

    `odd` counts those with a result that is not finite although their numbers are; `first_odd` and
    `first_fault` are where that and a failure was seen first.
    """

    rows: int = 0
    failed: int = 0
    odd: int = 0
    first_odd: Label | None = None
    first_fault: GraphcalcError | None = None


@dataclass(eq=False)
class RowRun:
    """One run over rows.

    `watch` is told the bytes read, their total where that is known, and the rows done.
    """

    evaluation: Evaluation
    options: RowOptions
    watch: Callable[[int, int | None, int], None] = lambda done, total, rows: None
    summary: Summary = field(default_factory=Summary)
    _numbers: Callable[[str], dict[str, float]] | None = None
    _start: int | None = None

    def run(self, sink: Any) -> Summary:
        """Compute every row; lines go to `sink` as they are known.

        Raises DataError for a row that cannot be computed, after the lines before it, and
        UnknownNameError for names that are no columns.
        """
        to = self.options.to or self._read_format()
        is_frames = self._read_format() in _COLUMNAR
        out: Any = sink
        if to in _COLUMNAR:
            out = FrameSink(sink, to)
        elif is_frames:
            name = shown(self.options.path)
            out = TextSink(sink, to, name, has_header=self.options.has_header)
        if is_frames:
            self._run_frames(out)
        else:
            self._run_text(out)
        if out is not sink:
            out.close()
        return self.summary

    def _run_text(self, sink: Any) -> None:
        records, table, head = self._open()
        try:
            plan = self._plan(table.columns, table.keys)
            self._check_passes(plan, records)
            layout = self._layout(plan, table.columns)
            writer = Writer(self._to(table), table, layout, self._out_dialect(table))
            for level, stage in enumerate(plan.stages):
                if level:
                    records.close()
                    records, table, head = self._open()
                engine = self._engine(plan, stage, table, writer, layout)
                if len(plan.stages) == 1 and not plan.totals:
                    self._numbers = engine.named_numbers
                self.summary = Summary()
                if stage.outputs and self.options.has_header:
                    sink.write(writer.head(head))
                self._settle(plan, level, self._pass(engine, records, sink))
            if not plan.has_rows:
                texts = [plan.text(p) for p in plan.outputs]
                if self.options.has_header:
                    sink.write(writer.head(b""))
                sink.write(writer.finish(writer.compose("", texts)).encode() + b"\n")
        finally:
            records.close()

    def _engine(
        self, plan: Plan, stage: Stage, table: Table, writer: Writer, layout: Layout
    ) -> Engine:
        """What computes a pass over text."""
        arguments = (plan, stage, table, writer, layout, self.options.policy)
        return (batches.BatchEngine if batches.is_wanted(plan.settings) else Engine)(*arguments)

    def _run_frames(self, sink: Any) -> None:
        options = self.options
        label = Label(Source(options.path, "--rows"), Span(0, len(options.path)))
        limit = memory_limit(self.evaluation.options)
        table = FrameTable(options.path, self._read_format(), options.text, limit, label)
        plan = self._plan(table.columns, table.columns)
        layout = self._layout(plan, table.columns)
        for level, stage in enumerate(plan.stages):
            self.summary = Summary()
            states: list[Any] = [None] * len(stage.gathered)
            rows = FrameRows(plan, stage, table, layout, options.policy)
            if len(plan.stages) == 1 and not plan.totals:
                self._numbers = rows.named_numbers
            for batch in rows.run():
                if batch.frame is not None:
                    sink.write_frame(batch.frame)
                _join(stage, states, batch.states)
                self._count(batch, options.path, 1)
                done, total = table.progress(self.summary.rows)
                self.watch(done, total, self.summary.rows)
            self._settle(plan, level, states)
        if not plan.has_rows:
            sink.write_frame(frame_of(layout.names, [plan.number(p) for p in plan.outputs]))

    def _settle(self, plan: Plan, level: int, states: Sequence[Any]) -> None:
        """Put what a pass gathered into the plan."""
        gathered = plan.stages[level].gathered
        totals = {g.position: g.total.finish(state) for g, state in zip(gathered, states)}
        plan.settle(level + 1, self.summary.rows, totals)

    def origins_of(self, summary: Summary) -> Origins | None:
        """Where in the program the first result that is not finite comes from.

        None where that takes more than the row alone.
        """
        if summary.first_odd is None or self._numbers is None:
            return None
        numbers = self._numbers(summary.first_odd.source.text)
        settings = self.evaluation.options.settings
        dtype = run_dtype(settings)
        columns = {name: describe(name, x, dtype, None) for name, x in numbers.items()}
        values, described = self.evaluation.given()
        graph = self.evaluation.graph(described, columns)
        program = compile_graph(graph, settings, kept_nodes(graph, ()))
        return find_origins(graph, program, {**values, **numbers})

    # What is read

    def _open(self) -> tuple[Records, Table, bytes]:
        """The records behind the header, how they are read, and the header's own text."""
        text = self.options.text
        records = Records(self.options.path, text.encoding, _PART)
        # Standard input may be a file, which another pass begins where the first one did.
        if self._start is None:
            self._start = records.tell()
        elif records.path == "-":
            records.seek(self._start)
        try:
            return (records, *read_head(records, self._read_format(), text.delimiter))
        except BaseException:
            records.close()
            raise

    def _read_format(self) -> str:
        """The format of the input: as told, or as the file's name ends."""
        return self.options.read or format_of(self.options.path) or "csv"

    # What is computed

    def _plan(self, columns: Sequence[str], keys: Sequence[str]) -> Plan:
        """The passes for these columns; `keys` tell those of one name apart."""
        dtype = run_dtype(self.evaluation.options.settings)
        one = Input(Type((ROWS,), dtype))
        headers: dict[str, list[int]] = {}
        for place, header in enumerate(columns):
            headers.setdefault(name_of(header), []).append(place)
            headers.setdefault(name_at(place + 1), []).append(place)
        evaluation = self.evaluation.varied(
            self.evaluation.options._replace(is_check=True), self.evaluation.keep
        )
        values, described = evaluation.given()
        try:
            graph = evaluation.graph(described, dict.fromkeys(headers, one))
        except BindingError as error:
            raise self._not_a_column(error, columns) from None
        for position in graph.inputs.values():
            node = graph.nodes[position]
            name = str(node.params[1])
            if name in described:
                continue
            places = headers[name]
            if len(places) > 1:
                listed = " and ".join(str(place + 1) for place in places)
                raise DataError(
                    "duplicate-column",
                    f"`{brief(name)}` is the name of columns {listed}",
                    help=f"choose one by its place: col({places[0] + 1})",
                )
            node.params = (node.type, keys[places[0]])
        names = self.options.show
        outputs = [find_name(graph, name) for name in names] if names else graph.results
        known = {p: read_in(values[n]) for n, p in graph.inputs.items() if n in values}
        given = {p: native(value, graph.nodes[p].type) for p, value in known.items()}
        settings = self.evaluation.options.settings
        return Plan(graph, tuple(outputs), settings, values=given)

    def _not_a_column(self, error: BindingError, columns: Sequence[str]) -> GraphcalcError:
        d = error.diagnostic
        if d.code != "missing-input":
            return error
        label = d.labels[0]
        name = label.source.slice(label.span)
        listed = ", ".join(f"`{brief(c)}`" for c in columns[:12])
        more = f" and {len(columns) - 12} more" if len(columns) > 12 else ""
        hint = did_you_mean(name, map(name_of, columns))
        if len(columns) == 1 and not hint:
            other = next((d for d in ";\t|:," if d in columns[0]), "")
            shown = "\\t" if other == "\t" else other
            hint = f"if `{shown}` separates the columns, add --delimiter '{shown}'" if other else ""
        return UnknownNameError(
            "not-a-column",
            f"`{brief(name)}` is not a column",
            d.labels,
            note=f"the columns are {listed}{more}" if listed else "there are no columns",
            help=hint,
        )

    def _check_passes(self, plan: Plan, records: Records) -> None:
        """Refuse what needs the rows twice, where they come but once."""
        if len(plan.stages) < 2 or not records.is_pipe:
            return
        found = plan.second_pass()
        if found is None:
            return
        total, reader = found
        raise UsageError(
            "rows-twice",
            f"`{brief(total.source.slice(total.span))}` is known after the last row only, and "
            f"`{reader.name}` needs it in every row",
            (Label(total.source, total.span),),
            note="a pipe can be read but once",
            help="write the rows to a file and give its name: --rows FILE",
        )

    # What is written

    def _layout(self, plan: Plan, columns: Sequence[str]) -> Layout:
        names: dict[str, None] = {}
        for position in plan.outputs:
            names[self._column_name(plan, position)] = None
        by_name = {self._column_name(plan, p): p for p in plan.outputs}
        plan.outputs = tuple(by_name[name] for name in names)
        for place, stage in enumerate(plan.stages):
            if stage.outputs:
                plan.stages[place] = stage._replace(outputs=plan.outputs)
        only = self.options.only or not plan.has_rows
        nodes = plan.graph.nodes
        same = {n for n, p in by_name.items() if nodes[p].op is OPS["input"] and plan.is_row(p)}
        return lay_out(columns, list(names), only=only, same=same)

    def _column_name(self, plan: Plan, position: int) -> str:
        """What the column of a node is called: as the program does, without a version."""
        node = plan.graph.nodes[position]
        name = node.name or ""
        if node.is_input and name.startswith("col("):
            return str(node.params[1]).partition("\0")[0]
        return name.partition("'")[0] if not name.startswith("col(") else name

    def _to(self, table: Table) -> str:
        """The format of the text; what polars writes comes to it as CSV."""
        to = self.options.to or table.format
        return "csv" if to in _COLUMNAR else to

    def _out_dialect(self, table: Table) -> Dialect:
        to = self._to(table)
        if isinstance(table, DelimitedTable):
            if to == table.format and self.options.to not in _COLUMNAR:
                return table.dialect
            return Dialect("\t" if to == "tsv" else ",", to != "tsv", table.dialect.line_end)
        return Dialect("\t" if to == "tsv" else ",", to != "tsv", "\n")

    # Passes

    def _pass(self, engine: Engine, records: Records, sink: Any) -> list[Any]:
        """One pass over the records; the states of its totals."""
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
        if isinstance(engine, batches.BatchEngine):
            yield from (engine.run(part, line_end) for part in parts if part is not None)
            return
        has_frames = has_polars() and frames.can_run(engine)
        if (records.total_bytes or 0) < _LARGE:
            for part in islice(filter(None, parts), 1):
                yield engine.run(part, line_end)
        if has_frames:
            records.size = frames.PART
            for first in islice(filter(None, parts), 1):
                on_polars = frames.FrameEngine(engine)
                work = partial(on_polars.run, line_end=line_end)
                yield from frames.in_order(chain([first], parts), work, cores + 1)
            return

        def in_python(part: bytes) -> tuple[Any, ...]:
            return _packed(engine.run(part, line_end))

        yield from map(_unpacked, in_order(parts, in_python, cores))

    def _count(self, done: Done | Batch, name: str, line: int) -> None:
        summary = self.summary
        self._add(done.rows, done.failed, done.odd)
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

    def _add(self, rows: int, failed: int, odd: int) -> None:
        self.summary.rows += rows
        self.summary.failed += failed
        self.summary.odd += odd


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
    return (*done[:3], fault, done.odd, odd, done.states, done.lines)


def _unpacked(packed: tuple[Any, ...]) -> Done:
    fault, odd = packed[3], packed[5]
    return Done(
        packed[0],
        packed[1],
        packed[2],
        None if fault is None else (Fault(*fault[0]), Place(*fault[1])),
        packed[4],
        None if odd is None else Place(*odd),
        packed[6],
        packed[7],
    )
