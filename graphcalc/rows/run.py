"""A program over the rows of a table, from its input to its output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from graphcalc.backends.choose import compile_graph, run_dtype
from graphcalc.data.inputs import describe
from graphcalc.diagnostics import DataError, EvaluationError, GraphcalcError, Label, brief
from graphcalc.evaluate import Evaluation, kept_nodes, memory_limit
from graphcalc.files.streams import display_path
from graphcalc.graph.integers import is_noted, roundings
from graphcalc.graph.ir import Graph
from graphcalc.ops.kernels.totals import State
from graphcalc.rows.engine import (
    NON_FINITE_TEXTS,
    Done,
    NamedCells,
    Pass,
    Policy,
    RowFile,
    RowOutput,
    RowSource,
    error_at,
)
from graphcalc.rows.formats import COLUMNAR
from graphcalc.rows.names import check_passes, hidden_columns, layout_of, plan_of
from graphcalc.rows.plan import RowPlan, Stage
from graphcalc.rows.several import format_of_all, open_all, paths_of
from graphcalc.rows.text_rows import TextRows
from graphcalc.source import Source, Span
from graphcalc.tables.cells import is_number
from graphcalc.tables.columns import ColumnKind, Columns
from graphcalc.tables.csv import CsvTable
from graphcalc.tables.frames import FrameTable
from graphcalc.tables.reading import TextOptions
from graphcalc.tables.sinks import Output, RowSink, ended

if TYPE_CHECKING:
    from graphcalc.analysis.nan_origins import Origins

# What ends a run whatever is to be done with rows that fail: the rows after it are not known.
_FATAL = frozenset({"encoding", "cell-length"})


class RowOptions(NamedTuple):
    """How rows are read and written.

    path       a file, `-` for standard input, or a pattern such as `data/*.csv`
    more       further ones, whose rows come after those of the first
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
    more: Sequence[str] = ()


@dataclass
class RowCounts:
    """What became of the rows.

    `rows` counts those that have an output; `lost` of those that `failed` have none; `blank` counts
    lines that are no rows. `odd` counts
    those with a result that is not finite although their numbers are; `first_odd` and
    `first_fault` are where that and a failure was met first. Totals may be `is_of_nothing`.
    `rounded` is the first whole number that was rounded to a float.
    """

    rows: int = 0
    failed: int = 0
    lost: int = 0
    blank: int = 0
    odd: int = 0
    first_odd: Label | None = None
    first_fault: GraphcalcError | None = None
    is_of_nothing: bool = False
    rounded: str = ""


@dataclass(eq=False)
class RowRun:
    """One run over rows.

    `watch` is told the bytes read, their total where that is known, and the rows done.
    """

    evaluation: Evaluation
    options: RowOptions
    watch: Callable[[int, int | None, int], None] = lambda done, total, rows: None
    summary: RowCounts = field(default_factory=RowCounts)
    notes: list[Label] = field(default_factory=list)
    # Whether cells are text, and not numbers of a dtype.
    is_text: bool = True
    _cells: Callable[[str], NamedCells] | None = None
    # The header, where it has numbers alone and may be data.
    numeric_header: Sequence[str] = ()
    # What is between the cells of text that is written.
    delimiter: str = ","
    _rows_before: int = 0
    _is_alone: bool = False

    def run(self, file: Output) -> RowCounts:
        """Compute every row; the output goes to `file` as it is known.

        Raises DataError for a row that cannot be computed, after the rows before it, and
        UnknownNameError for names that are no columns.
        """
        options = self.options
        with closing(self._source(file)) as source:
            plan = plan_of(self.evaluation, source.table, options.show)
            self.is_text = not isinstance(source.table, FrameTable)
            self.notes = [
                *plan.graph.notes,
                *hidden_columns(self.evaluation, source.table.columns),
                *rounded_columns(plan.graph, source.table),
            ]
            if source.is_pipe:
                check_passes(plan)
            layout = layout_of(plan, source.table.columns, options.show, only=options.only)
            self.numeric_header = _numeric_header(source.table)
            sink = source.prepare(plan, layout)
            self.delimiter = source.delimiter
            with ended(sink):
                for level, stage in enumerate(plan.stages):
                    row_pass = Pass(plan, stage, layout, options.policy)
                    self._settle(plan, level, self._compute(source, row_pass, sink))
                if not plan.has_rows:
                    self._check_totals(plan)
                    sink.write(source.totals(plan))
        return self.summary

    def _source(self, file: Output) -> RowSource:
        """Return the table, which writes to a file."""
        options, limit = self.options, memory_limit(self.evaluation.options)
        paths = paths_of((options.path, *options.more))
        format = options.read or format_of_all(paths)
        to = options.to or format
        if format in COLUMNAR:
            from graphcalc.rows.parquet_engine import ColumnarRows

            kind: type[ColumnarRows | TextRows] = ColumnarRows
        else:
            kind = TextRows

        def source_of(path: str, is_first: bool) -> RowFile:
            has_header = options.has_header and is_first
            return kind(path, format, options.text, limit, file, to, has_header)

        return open_all(paths, source_of)

    def _compute(
        self, source: RowSource, row_pass: Pass, sink: RowSink[RowOutput]
    ) -> list[State | None]:
        """Run one pass; return the states of its totals."""
        self.summary = RowCounts()
        states: list[State | None] = [None] * len(row_pass.stage.gathered)
        source.begin(row_pass, sink)
        for file in source.files():
            line = file.first_line
            for done in file.computed():
                if row_pass.stage.has_lines:
                    sink.write(done.output)
                if self.summary.first_odd is None and done.first_odd is not None:
                    self._cells = file.named_cells
                self._count(done, file.name, line)
                line += done.lines
                _join(row_pass.stage, states, done.states)
                self.watch(*source.progress(self.summary.rows), self.summary.rows)
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

    def _settle(self, plan: RowPlan, level: int, states: Sequence[State | None]) -> None:
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
        """Return where in the program the first result that is not finite comes from.

        None where that takes more than the row alone.
        """
        from graphcalc.analysis.nan_origins import find_origins

        if summary.first_odd is None or self._cells is None or not self._is_alone:
            return None
        cells = self._cells(summary.first_odd.source.text)
        settings = self.evaluation.options.settings
        dtype = run_dtype(settings)
        columns = {name: describe(name, x, dtype, None) for name, x in cells.items()}
        values, described = self.evaluation.describe_inputs()
        graph = self.evaluation.graph(described, columns)
        program = compile_graph(graph, settings, kept_nodes(graph, ()))
        numbers = {name: x for name, x in cells.items() if not isinstance(x, str)}
        return find_origins(graph, program, {**values, **numbers})

    def _count(self, done: Done, name: str, line: int) -> None:
        summary = self.summary
        summary.rows += done.rows
        summary.failed += done.failed
        summary.lost += done.lost
        summary.blank += done.blank
        summary.odd += done.odd
        summary.rounded = summary.rounded or done.rounded
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


def _numeric_header(table: Columns) -> Sequence[str]:
    """Return the names of columns that are numbers alone; none of a table that has others."""
    is_header = isinstance(table, CsvTable) and table.has_header
    return table.columns if is_header and all(map(is_number, table.columns)) else ()


def rounded_columns(graph: Graph, table: Columns) -> Iterator[Label]:
    """Yield notes on columns of long integers that become floating point."""
    for leaf, reader in roundings(graph.nodes).items():
        key = graph.nodes[leaf].params[1] if graph.nodes[leaf].is_input else None
        kind = table.kinds[table.keys.index(key)] if key in table.keys else None
        if kind is ColumnKind.LONG_INTEGER:
            node = graph.nodes[reader]
            name = brief(graph.nodes[leaf].name or "")
            text = f"{node.type.dtype} rounds whole numbers of `{name}` that are beyond 2^53"
            label = Label(node.source, node.span, text)
            if not is_noted(label, graph.notes):
                yield label


def _join(stage: Stage, states: list[State | None], more: Sequence[State | None]) -> None:
    """Add the states of the next rows to those of the rows so far."""
    for place, (gathered, new) in enumerate(zip(stage.gathered, more)):
        old = states[place]
        if old is not None and new is not None:
            states[place] = gathered.total.join(old, new)
        elif old is None:
            states[place] = new
