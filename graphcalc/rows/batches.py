"""The engine on any backend: the columns of a part as tensors, for --device, --dtype and torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphcalc.backends.choose import run_dtype
from graphcalc.diagnostics import Label, UsageError
from graphcalc.evaluate import Evaluation, find_name
from graphcalc.numbers import exact
from graphcalc.rows.engine import Done, Engine, Pass
from graphcalc.rows.plan import Gathered, Stage
from graphcalc.rows.totals import Total

_ODD = ("nan", "inf", "-inf")


@dataclass(eq=False)
class BatchEngine(Engine):
    """As `Engine`, with the evaluator that the run's settings choose.

    `shown` are the names of the outputs, none for the results.
    """

    evaluation: Evaluation = field(kw_only=True)
    shown: Sequence[str] = field(kw_only=True, default=())
    _reader: Engine = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.plan.totals:
            node = self.plan.graph.nodes[next(iter(self.plan.totals))]
            raise UsageError(
                "rows-backend",
                "totals of all rows are computed in Python and by polars alone",
                (Label(node.source, node.span),),
                help="leave --backend, --device and --dtype out",
            )
        # A pass that gathers the numbers of the columns and computes nothing.
        columns = self.stage.columns
        kept = Total(lambda values: (), lambda a, b: (), lambda state: None)
        gathered = tuple(Gathered(p, (p,), kept) for p in columns)
        stage = Stage(columns, (), gathered, ())
        self._reader = Engine(self.plan, stage, self.table, self.writer, self.layout, self.policy)

    def compute(self, records: list[str], text: str, line_end: str) -> Done:
        """Compute the records of a part, all at once."""
        functions = self._reader.compiled(text)
        read = Pass(self._reader, records, functions, line_end)
        read.read()
        columns = functions.gathered
        rows = iter(self._texts(columns) if read.lines else [])
        done = Pass(self, records, functions, line_end)
        done.failed, done.fault = read.failed, read.fault
        skipped = set(read.skipped)
        count = 0
        for index, record in enumerate(records[: len(read.lines) + len(skipped)]):
            if index in skipped:
                if self.policy.on_error == "null" and record.strip():
                    done.leave_empty(index)
                continue
            texts = next(rows)
            is_odd = any(t in _ODD for t in texts)
            if is_odd and self.policy.is_strict:
                if not done.refuse(index, texts):
                    break
            else:
                if is_odd and all(c[count] - c[count] == 0 for c in columns):
                    done.note(index)
                done.lines.append(self.writer.compose(record, texts))
            count += 1
        return done.done()

    def _texts(self, columns: list[list[float]]) -> list[tuple[str, ...]]:
        """The outputs of rows, as they are written."""
        nodes = self.plan.graph.nodes
        names = [nodes[p].name or "" for p in self.stage.columns]
        outcome = self.evaluation.run(dict(zip(names, columns)))
        graph, rows = outcome.graph, len(columns[0])
        positions = [find_name(graph, name) for name in self.shown] or graph.results
        texts = []
        for position in positions:
            dtype, value = graph.nodes[position].type.dtype, outcome.values[position]
            found = value.tolist() if hasattr(value, "tolist") else value
            column = found if isinstance(found, list) else [found] * rows
            texts.append([exact(x, dtype) for x in column])
        return list(zip(*texts))


def is_wanted(evaluation: Evaluation) -> bool:
    """Whether the settings ask for another evaluator than that of rows."""
    settings = evaluation.options.settings
    asks = settings.device is not None or settings.backend == "torch"
    return asks or run_dtype(settings) != "float64"
