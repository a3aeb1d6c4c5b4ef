"""Rows of Parquet and Arrow: read, computed and written by polars, some at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from graphcalc.diagnostics import brief
from graphcalc.graph.integers import roundings
from graphcalc.graph.text_columns import TextTest
from graphcalc.numbers import MAX_EXACT, is_rounded
from graphcalc.rows.backend_engine import StageProgram, is_wanted
from graphcalc.rows.column_types import kind_of
from graphcalc.rows.engine import Done, NamedCells, Pass, RecordPlace, RowFile, RowOutput
from graphcalc.rows.formats import COLUMNAR
from graphcalc.rows.plan import RowPlan
from graphcalc.rows.polars_engine import (
    MOST_STEPS,
    lower,
    named,
    states_of,
    truth_of,
)
from graphcalc.tables.cells import CellProblem
from graphcalc.tables.columns import OutputColumns
from graphcalc.tables.frames import FrameTable, numbers
from graphcalc.tables.reading import TextOptions
from graphcalc.tables.sinks import FrameLines, FrameSink, Output, RowSink, text_sink

if TYPE_CHECKING:
    import polars

_BATCH = 100_000


class ColumnarRows:
    """The rows of a columnar file, and frames or lines of text as their output."""

    first_line = 1

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
        self.table = FrameTable(path, format, text, limit, None)
        self.name, self.is_pipe = self.table.name, self.table.is_pipe
        self._file, self._to, self._has_header = file, to, has_header

    def prepare(self, plan: RowPlan, layout: OutputColumns) -> RowSink[polars.DataFrame]:
        """Return what takes the frames of a plan's output."""
        self._names = layout.names
        self.delimiter = "\t" if self._to == "tsv" else ","
        if self._to in COLUMNAR:
            return FrameSink(self._file, self._to)
        lines = text_sink(self._file, self._to)
        return FrameLines(lines, self._to, self.name, has_header=self._has_header)

    def follow(self, first: RowFile, layout: OutputColumns) -> None:
        """Write as the first of several files does. Raises DataError for columns of other types."""
        assert isinstance(first, ColumnarRows)
        self._names = layout.names
        self.table.check_types(first.table)

    def files(self) -> Iterator[RowFile]:
        """Yield the one file."""
        yield self

    def named_cells(self, record: str) -> NamedCells:
        """Return the cells of a record by the names that the program has for its columns."""
        return self._engine.named_cells(record)

    def begin(self, row_pass: Pass, sink: RowSink[RowOutput]) -> None:
        """Begin a pass from the first row."""
        self._engine = ColumnarEngine(row_pass, self.table)

    def computed(self) -> Iterator[Done]:
        """Yield what frames of rows come to; under `fail` up to one that fails."""
        for rows in self.table.batches(_BATCH, self._engine.columns()):
            yield self.table.computed(partial(self._engine.run, rows))

    def totals(self, plan: RowPlan) -> polars.DataFrame:
        """Return the outputs of a plan that are totals, as a frame of one row."""
        import polars as pl

        kinds = [kind_of(plan.graph.nodes[p].type.dtype) for p in plan.outputs]
        values = [plan.number(p) for p in plan.outputs]
        columns = zip(self._names, values, kinds)
        return pl.DataFrame([pl.Series(name, [x], dtype=kind) for name, x, kind in columns])

    def progress(self, rows: int) -> tuple[int, int | None]:
        """Return the bytes that so many rows are of all, in proportion, and all of these."""
        return self.table.progress(rows)

    def close(self) -> None:
        """Close the table."""
        self.table.close()


def text_cells(column: str) -> polars.Expr:
    """Return the texts of a column, of categories too."""
    import polars as pl

    return pl.col(column).cast(pl.String)


class ColumnarEngine:
    """One pass of a plan over frames of columns, by polars or a backend.

    It is no engine of text: cells keep their types, and what is wrong is told by row and column.
    """

    def __init__(self, row_pass: Pass, table: FrameTable) -> None:
        plan, stage, self._layout, self._policy = row_pass
        self._plan, self._stage, self._table = plan, stage, table
        is_program = len(stage.steps) > MOST_STEPS or is_wanted(plan)
        self._program = StageProgram(plan, stage) if is_program else None
        self._expressions = named(stage) if is_program else lower(plan, stage)
        names = {f"v{p}": plan.graph.nodes[p].params[1] for p in stage.columns}
        self._tests = {v: name for v, name in names.items() if isinstance(name, TextTest)}
        self._columns = {v: str(name) for v, name in names.items() if v not in self._tests}
        self._inputs = list(names)
        nodes = plan.graph.nodes
        self._integers = {f"v{p}" for p in stage.columns if nodes[p].type.dtype == "int64"}
        rounded = roundings(nodes)
        floats = [v for v in self._columns if v not in self._integers]
        converted = [f"v{p}" for p in stage.columns if p in rounded]
        self._watched = {self._columns[v] for v in (*floats, *converted) if v in self._columns}
        self._first_row = 0

    def columns(self) -> list[str]:
        """Return the columns that the pass reads or puts out.

        Raises DataError for one that it computes with and that holds no numbers.
        """
        for column in self._columns.values():
            self._table.check_number(column)
        passed = [self._table.columns[p] for p in self._layout.places if p >= 0]
        texts = [key for test in self._tests.values() for key in test.keys]
        wanted = {*self._columns.values(), *texts, *(passed if self._stage.has_lines else ())}
        return [c for c in self._table.columns if c in wanted]

    def run(self, part: polars.DataFrame) -> Done:
        """Return what some rows come to."""
        import polars as pl

        policy = self._policy
        # Without a column a frame would have no rows.
        rows = pl.repeat(0.0, part.height, eager=True).alias("_")
        columns = [
            part[c].alias(v) if v in self._integers else numbers(part[c]).alias(v)
            for v, c in self._columns.items()
        ]
        tests = [truth_of(t, text_cells).alias(v) for v, t in self._tests.items()]
        frame = pl.DataFrame([rows, *columns, *part.select(tests)])
        if policy.missing is not None:
            frame = frame.fill_null(policy.missing)
        is_bad = frame.select(pl.any_horizontal(pl.all().is_null())).to_series()
        rounded = self._rounded(part)
        frame = self._evaluated(frame)
        is_odd = self._odd(frame) & ~is_bad
        fails = is_bad | is_odd if policy.is_strict else is_bad
        fault, first, failed = None, 0, int(fails.sum())
        if failed:
            first = fails.arg_max() or 0
            fault = self._fault(part, frame, first, is_missing=bool(is_bad[first]))
        odd = 0 if policy.is_strict else int(is_odd.sum())
        first_odd = self._place(part, is_odd.arg_max() or 0) if odd else None
        kept = part
        if failed and policy.on_error == "fail":
            kept, frame, failed = part.head(first), frame.head(first), 1
            odd = int(is_odd.head(first).sum()) if odd else 0
            first_odd = first_odd if odd else None
        elif (failed and policy.on_error == "skip") or not self._stage.has_lines:
            kept, frame = part.filter(~fails), frame.filter(~fails)
        elif failed:
            outputs = [pl.when(~fails).then(pl.col(n)).alias(n) for n in self._outputs]
            frame = frame.with_columns(outputs)
        self._first_row += part.height
        states = states_of(frame, self._stage, self._expressions)
        if not self._stage.has_lines:
            height = frame.height
            totals = Done(b"", height, failed, fault, 0, None, states, part.height, failed)
            return totals._replace(rounded=rounded)
        lost = failed if policy.on_error == "skip" else 0
        output = self._output(kept, frame)
        counts = frame.height, failed, fault, odd, first_odd, states, part.height, lost
        return Done(output, *counts, rounded=rounded)

    def _rounded(self, part: polars.DataFrame) -> str:
        """The first whole number of a column that becomes a float and is rounded."""
        import polars as pl

        for column in self._watched:
            if part[column].dtype.is_integer():
                is_large = (pl.col(column) > MAX_EXACT) | (pl.col(column) < -MAX_EXACT)
                large = part.lazy().select(column).filter(is_large).collect()[column]
                found = next((x for x in large if is_rounded(x)), None)
                if found is not None:
                    return str(found)
        return ""

    def _output(self, rows: polars.DataFrame, frame: polars.DataFrame) -> polars.DataFrame:
        """Return the output's columns: those of the input's rows, and those computed."""
        import polars as pl

        names, outputs = self._table.columns, self._expressions.outputs
        return pl.DataFrame(
            {
                name: rows[names[place]] if place >= 0 else frame[outputs[-1 - place]]
                for name, place in zip(self._layout.names, self._layout.places)
            }
        )

    @property
    def _outputs(self) -> list[str]:
        return list(dict.fromkeys(self._expressions.outputs))

    def _evaluated(self, frame: polars.DataFrame) -> polars.DataFrame:
        """The columns with every node that is wanted behind them."""
        import polars as pl

        stage = self._stage
        if self._program is None:
            for name, expression in self._expressions.steps:
                frame = frame.with_columns(expression.alias(name))
            return frame
        whole = frame.fill_null(strategy="zero")
        columns = [whole[name].to_numpy(writable=True) for name in self._inputs]
        values = self._program.run(columns, frame.height)
        for position in stage.outputs:
            if position not in values:
                values[position] = [self._plan.number(position)] * frame.height
        return frame.with_columns(
            pl.Series(f"v{p}", column, dtype=kind_of(self._plan.graph.nodes[p].type.dtype))
            for p, column in values.items()
        )

    def _odd(self, frame: polars.DataFrame) -> polars.Series:
        """The rows with an output that is not finite; unless that fails, although their numbers
        are."""
        import polars as pl

        floats = [n for n in self._outputs if frame.schema[n].is_float()]
        if not floats:
            return pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
        finite = [pl.col(n).is_finite().fill_null(True) for n in floats]
        counts = () if self._policy.is_strict else self._columns
        given = [pl.col(n).is_finite().fill_null(True) for n in counts]
        is_odd = ~pl.all_horizontal(finite)
        flags = is_odd & pl.all_horizontal(given) if given else is_odd
        return frame.select(flags).to_series()

    def _place(self, rows: polars.DataFrame, row: int) -> RecordPlace:
        """Where a row is, and what it says in the columns that the program reads."""
        texts = [key for test in self._tests.values() for key in test.keys]
        members = {c: rows[c][row] for c in dict.fromkeys([*self._columns.values(), *texts])}
        return RecordPlace(row, row, json.dumps(members, default=str))

    def _fault(
        self, rows: polars.DataFrame, frame: polars.DataFrame, row: int, *, is_missing: bool
    ) -> tuple[CellProblem, RecordPlace]:
        place = self._place(rows, row)
        if is_missing:
            column = next(c for c in self._columns.values() if rows[c].is_null()[row])
            key = f"{json.dumps(column)}: null"
            start = place.text.find(key)
            return (
                CellProblem(
                    "empty-cell",
                    f"row {self._first_row + row + 1:,} has no value in column `{brief(column)}`",
                    start,
                    start + len(key),
                    "--missing nan computes with nan, --on-error null or skip goes on",
                ),
                place,
            )
        output = next(
            n for n in self._outputs if frame.schema[n].is_float() and not frame[n].is_finite()[row]
        )
        layout = self._layout
        names = [self._expressions.outputs[-1 - p] if p < 0 else "" for p in layout.places]
        text = "nan" if frame[output].is_nan()[row] else "inf" if frame[output][row] > 0 else "-inf"
        message = f"`{layout.names[names.index(output)]}` is {text}"
        return CellProblem("non-finite", message, 0, 0), place

    def named_cells(self, record: str) -> NamedCells:
        """The numbers and texts of a row by the names that the program has for its columns."""
        members = json.loads(record)
        nodes = self._plan.graph.nodes
        found: NamedCells = {
            nodes[int(v[1:])].name or "": float(members[column])
            for v, column in self._columns.items()
        }
        for test in self._tests.values():
            found |= {name: members[key] or "" for name, key in zip(test.columns, test.keys)}
        return found
