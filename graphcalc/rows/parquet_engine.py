"""Rows of Parquet and Arrow: read, computed and written by polars, some at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from graphcalc.diagnostics import brief
from graphcalc.ops.kernels.totals import State
from graphcalc.rows.backend_engine import StageProgram, is_wanted
from graphcalc.rows.column_types import kind_of
from graphcalc.rows.plan import RowPlan, Stage
from graphcalc.rows.polars_engine import MOST_STEPS, lower, named, states_of
from graphcalc.rows.python_engine import Policy, RecordPlace
from graphcalc.rows.tables import OutputColumns
from graphcalc.tables.cells import CellProblem
from graphcalc.tables.frames import FrameTable
from graphcalc.tables.polars_calls import import_polars

_BATCH = 100_000


class Batch(NamedTuple):
    """What some rows came to: a frame of the output, and the rest as `engine.Done` has it.

    The line of a place is its row's number, from 0.
    """

    frame: Any
    rows: int
    failed: int
    fault: tuple[CellProblem, RecordPlace] | None
    odd: int
    first_odd: RecordPlace | None
    states: tuple[State | None, ...]
    lost: int = 0


class FrameRows:
    """One pass of a plan over the rows of a columnar file."""

    def __init__(
        self, plan: RowPlan, stage: Stage, table: FrameTable, layout: OutputColumns, policy: Policy
    ) -> None:
        self._pl = polars = import_polars()
        self._plan, self._stage, self._table = plan, stage, table
        self._layout, self._policy = layout, policy
        is_program = len(stage.steps) > MOST_STEPS or is_wanted(plan.settings)
        self._program = StageProgram(plan, stage) if is_program else None
        self._expressions = named(stage) if is_program else lower(polars, plan, stage)
        self._columns = {f"v{p}": str(plan.graph.nodes[p].params[1]) for p in stage.columns}
        self._first_row = 0

    def run(self) -> Iterator[Batch]:
        """The rows, some at a time; under `fail` the last ones are those before one that fails."""
        for column in self._columns.values():
            self._table.check_number(column)
        passed = [self._table.columns[p] for p in self._layout.places if p >= 0]
        wanted = {*self._columns.values(), *(passed if self._stage.has_lines else ())}
        columns = [c for c in self._table.columns if c in wanted]
        for rows in self._table.batches(_BATCH, columns):
            batch = self._compute(rows)
            yield batch
            if batch.fault is not None and self._policy.on_error == "fail":
                return
            self._first_row += rows.height

    def _compute(self, given: Any) -> Batch:
        pl, policy = self._pl, self._policy
        # Without a column a frame would have no rows.
        rows = pl.repeat(0.0, given.height, eager=True).alias("_")
        numbers = [given[c].cast(pl.Float64).alias(v) for v, c in self._columns.items()]
        frame = pl.DataFrame([rows, *numbers])
        if policy.missing is not None:
            frame = frame.fill_null(policy.missing)
        is_bad = frame.select(pl.any_horizontal(pl.all().is_null())).to_series()
        frame = self._evaluated(frame)
        is_odd = self._odd(frame) & ~is_bad
        fails = is_bad | is_odd if policy.is_strict else is_bad
        fault, failed = None, int(fails.sum())
        if failed:
            first = fails.arg_max()
            fault = self._fault(given, frame, first, is_missing=bool(is_bad[first]))
        odd = 0 if policy.is_strict else int(is_odd.sum())
        first_odd = self._place(given, is_odd.arg_max()) if odd else None
        if failed and policy.on_error == "fail":
            given, frame, failed = given.head(first), frame.head(first), 1
            odd = int(is_odd.head(first).sum()) if odd else 0
            first_odd = first_odd if odd else None
        elif (failed and policy.on_error == "skip") or not self._stage.has_lines:
            given, frame = given.filter(~fails), frame.filter(~fails)
        elif failed:
            outputs = [pl.when(~fails).then(pl.col(n)).alias(n) for n in self._outputs]
            frame = frame.with_columns(outputs)
        return self._batch(given, frame, failed, fault, odd, first_odd)

    def _batch(
        self,
        given: Any,
        frame: Any,
        failed: int,
        fault: tuple[CellProblem, RecordPlace] | None,
        odd: int,
        first_odd: RecordPlace | None,
    ) -> Batch:
        """The output of rows, once the ones that fail are out."""
        states = states_of(frame, self._stage, self._expressions)
        if not self._stage.has_lines:
            return Batch(None, frame.height, failed, fault, 0, None, states, failed)
        columns = []
        for name, place in zip(self._layout.names, self._layout.places):
            if place >= 0:
                columns.append(given[self._table.columns[place]].alias(name))
            else:
                columns.append(frame[self._expressions.outputs[-1 - place]].alias(name))
        found = self._pl.DataFrame(columns)
        lost = failed if self._policy.on_error == "skip" else 0
        return Batch(found, frame.height, failed, fault, odd, first_odd, states, lost)

    @property
    def _outputs(self) -> list[str]:
        return list(dict.fromkeys(self._expressions.outputs))

    def _evaluated(self, frame: Any) -> Any:
        """The columns with every node that is wanted behind them."""
        pl, stage = self._pl, self._stage
        if self._program is None:
            for name, expression in self._expressions.steps:
                frame = frame.with_columns(expression.alias(name))
            return frame
        whole = frame.fill_null(0.0)
        columns = [whole[name].to_numpy(writable=True) for name in self._columns]
        values = self._program.run(columns, frame.height)
        for position in stage.outputs:
            if position not in values:
                values[position] = [self._plan.number(position)] * frame.height
        return frame.with_columns(
            pl.Series(f"v{p}", column, dtype=kind_of(pl, self._plan.graph.nodes[p].type.dtype))
            for p, column in values.items()
        )

    def _odd(self, frame: Any) -> Any:
        """The rows with an output that is not finite; unless that fails, although their numbers
        are."""
        pl = self._pl
        floats = [n for n in self._outputs if frame.schema[n].is_float()]
        if not floats:
            return pl.Series([False]).new_from_index(0, frame.height)
        finite = [pl.col(n).is_finite().fill_null(True) for n in floats]
        counts = () if self._policy.is_strict else self._columns
        given = [pl.col(n).is_finite().fill_null(True) for n in counts]
        is_odd = ~pl.all_horizontal(finite)
        return frame.select(is_odd & pl.all_horizontal(given) if given else is_odd).to_series()

    def _place(self, given: Any, row: int) -> RecordPlace:
        """Where a row is, and what it says in the columns that the program reads."""
        members = {c: given[c][row] for c in dict.fromkeys(self._columns.values())}
        return RecordPlace(row, self._first_row + row, json.dumps(members))

    def _fault(
        self, given: Any, frame: Any, row: int, *, is_missing: bool
    ) -> tuple[CellProblem, RecordPlace]:
        place = self._place(given, row)
        if is_missing:
            column = next(c for c in self._columns.values() if given[c].is_null()[row])
            key = f"{json.dumps(column)}: null"
            start = place.text.find(key)
            return (
                CellProblem(
                    "empty-cell",
                    f"row {place.line + 1:,} has no value in column `{brief(column)}`",
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

    def named_numbers(self, record: str) -> dict[str, float]:
        """The numbers of a row that is odd, by the names that the program has for its columns."""
        members = json.loads(record)
        nodes = self._plan.graph.nodes
        columns = zip(self._stage.columns, self._columns.values())
        return {nodes[p].name or "": float(members[column]) for p, column in columns}


def frame_of_totals(plan: RowPlan, names: Sequence[str]) -> Any:
    """The outputs of a plan that are totals, as a frame of one row."""
    pl = import_polars()
    kinds = [kind_of(pl, plan.graph.nodes[p].type.dtype) for p in plan.outputs]
    values = [plan.number(p) for p in plan.outputs]
    return pl.DataFrame(
        pl.Series(name, [value], dtype=kind) for name, value, kind in zip(names, values, kinds)
    )
