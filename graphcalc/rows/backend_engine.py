"""Rows on any backend: the columns of a part as tensors, for --device, --dtype and torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphcalc.backends.base import NullObserver, Program
from graphcalc.backends.choose import compile_graph, run_dtype, torch_functions
from graphcalc.numbers import exact
from graphcalc.ops.kernels.totals import State, Total
from graphcalc.rows.engine import NON_FINITE_TEXTS, Done
from graphcalc.rows.plan import Gathered, PartialGraph, RowPlan, Stage
from graphcalc.rows.python_engine import PartRun, PythonEngine
from graphcalc.tables.cells import CellError


class StageProgram:
    """One pass of a plan, compiled by the backend that the plan's settings choose."""

    def __init__(self, plan: RowPlan, stage: Stage) -> None:
        self._plan, self._stage = plan, stage
        self._keys = [plan.graph.nodes[p].params[1] for p in stage.columns]
        wanted = [*stage.outputs, *(o for g in stage.gathered for o in g.operands)]
        self._wanted = dict.fromkeys(p for p in wanted if plan.is_row(p))
        self._ready: tuple[int, PartialGraph, Program] | None = None

    def run(self, columns: Sequence[Any], rows: int) -> dict[int, list[Any]]:
        """The elements of the outputs and of what totals are gathered of, by position."""
        part, program = self._compiled(rows)
        values = program.run(dict(zip(self._keys, columns)), NullObserver())
        return {p: values[part.places[p]].tolist() for p in self._wanted}

    def _compiled(self, rows: int) -> tuple[PartialGraph, Program]:
        if self._ready is None or self._ready[0] != rows:
            plan = self._plan
            part = plan.part((*self._stage.columns, *self._stage.steps), rows)
            kept = frozenset(part.places[p] for p in self._wanted)
            self._ready = rows, part, compile_graph(part.graph, plan.settings, kept)
        return self._ready[1:]


def states_of(stage: Stage, values: Mapping[int, Sequence[Any]]) -> tuple[State | None, ...]:
    """The states of a pass's totals, given the elements of their operands."""
    return tuple(
        g.total.start(*(values[o] for o in g.operands)) if values[g.operands[0]] else None
        for g in stage.gathered
    )


@dataclass(eq=False)
class BackendEngine(PythonEngine):
    """As `PythonEngine`, with the evaluator that the run's settings choose."""

    _reader: PythonEngine = field(init=False)
    _program: StageProgram = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        # A pass that gathers the numbers of the columns and computes nothing.
        columns = self.stage.columns
        kept = Total(lambda values: (), lambda a, b: (), lambda state: None)
        gathered = tuple(Gathered(p, (p,), kept) for p in columns)
        stage = Stage(columns, (), gathered, (), False)
        self._reader = PythonEngine(
            self.plan, stage, self.layout, self.policy, self.table, self.writer
        )
        self._program = StageProgram(self.plan, self.stage)

    def compute(self, records: list[str], text: str) -> Done:
        """Compute the records of a part, all at once."""
        read = PartRun(self._reader, records, self._reader.compiled(text))
        read.read()
        columns, count = read.functions.gathered, len(read.lines)
        values = self._program.run(columns, count) if count else {}
        if not self.stage.has_lines:
            states = states_of(self.stage, values) if count else self.no_states
            counts = 0, read.lost, read.blank
            return Done(b"", count, read.failed, read.fault, 0, None, states, *counts)
        rows = iter(self._texts(values, count))
        done = PartRun(self, records, self._reader.compiled(text))
        done.failed, done.fault, done.blank = read.failed, read.fault, read.blank
        # Blank lines are no rows at all.
        done.lost = read.lost if self.policy.on_error == "skip" else 0
        done.looked_at.update(range(len(records)))
        skipped = set(read.skipped)
        place = 0
        for index, record in enumerate(records[: count + len(skipped)]):
            if index in skipped:
                is_row = not self.table.is_blank(record)
                if self.policy.on_error == "null" and is_row:
                    done.leave_empty(index)
                continue
            texts = next(rows)
            is_odd = any(t in NON_FINITE_TEXTS for t in texts)
            if is_odd and self.policy.is_strict:
                if not done.refuse(index, texts):
                    break
            else:
                try:
                    done.lines.append(self.writer.compose(record, texts))
                except CellError as faulty:
                    if not done.fail(index, faulty.fault):
                        break
                else:
                    if is_odd and all(c[place] - c[place] == 0 for c in columns):
                        done.note(index)
            place += 1
        return done.done()

    def _texts(self, values: Mapping[int, list[Any]], count: int) -> list[tuple[str, ...]]:
        """The outputs of rows, as they are written."""
        texts = []
        for position in self.stage.outputs:
            if self.plan.is_row(position):
                dtype = self.plan.graph.nodes[position].type.dtype
                texts.append([exact(x, dtype) for x in values.get(position, ())])
            else:
                texts.append([self.plan.text(position)] * count)
        return list(zip(*texts)) if texts else [()] * count


def is_wanted(plan: RowPlan) -> bool:
    """Whether a plan asks for another evaluator than that of rows, or needs one."""
    settings = plan.settings
    asks = settings.device is not None or settings.backend == "torch"
    return asks or run_dtype(settings) != "float64" or bool(torch_functions(plan.graph))
