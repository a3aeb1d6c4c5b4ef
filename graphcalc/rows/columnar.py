"""Rows of Parquet and Arrow: read, computed and written by polars, some at a time."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from queue import Queue
from typing import Any, BinaryIO, NamedTuple

from graphcalc.data.arrays import missing_package
from graphcalc.data.tables import FrameTable, has_polars
from graphcalc.diagnostics import DataError, EvaluationError, Label, OutputError, brief
from graphcalc.rows.engine import Policy
from graphcalc.rows.frames import lower, states_of, text_of
from graphcalc.rows.plan import Plan, Stage
from graphcalc.rows.tables import Layout
from graphcalc.rows.totals import State
from graphcalc.source import Source, Span

_BATCH = 100_000


class Batch(NamedTuple):
    """What some rows came to: a frame of the output, counts as `engine.Done` has them, states."""

    frame: Any
    rows: int
    failed: int
    odd: int
    states: tuple[State | None, ...]


class FrameRows:
    """One pass of a plan over the rows of a columnar file."""

    def __init__(
        self, plan: Plan, stage: Stage, table: FrameTable, layout: Layout, policy: Policy
    ) -> None:
        import polars

        self._pl: Any = polars
        self._plan, self._stage, self._table = plan, stage, table
        self._layout, self._policy = layout, policy
        self._expressions = lower(polars, plan, stage)
        self._columns = {f"v{p}": str(plan.graph.nodes[p].params[1]) for p in stage.columns}
        self._first_row = 0

    def run(self) -> Iterator[Batch]:
        """The rows, some at a time. Raises DataError for the first that cannot be computed."""
        for column in self._columns.values():
            self._table.check_number(column)
        for batch in self._table.batches(_BATCH):
            yield self._compute(batch)
            self._first_row += batch.height

    def _compute(self, batch: Any) -> Batch:
        pl, policy = self._pl, self._policy
        numbers = [pl.col(c).cast(pl.Float64).alias(v) for v, c in self._columns.items()]
        frame = batch.select(numbers) if numbers else batch.select(pl.lit(0.0).alias("_"))
        if policy.missing is not None:
            frame = frame.fill_null(policy.missing)
        is_bad = frame.select(
            pl.any_horizontal(pl.all().is_null()) if numbers else pl.lit(False)
        ).to_series()
        bad = int(is_bad.sum())
        if bad and policy.on_error == "fail":
            self._fail(batch, is_bad.arg_max())
        if bad and policy.on_error == "skip":
            batch, frame = batch.filter(~is_bad), frame.filter(~is_bad)
        for name, expression in self._expressions.steps:
            frame = frame.with_columns(expression.alias(name))
        states = states_of(frame.drop_nulls() if bad else frame, self._stage, self._expressions)
        if not self._stage.outputs:
            return Batch(
                None, frame.height - (bad if policy.on_error == "null" else 0), bad, 0, states
            )
        odd = self._odd(frame)
        outputs = [frame[name] for name in self._expressions.outputs]
        if bad and policy.on_error == "null":
            outputs = [pl.select(pl.when(~is_bad).then(o)).to_series() for o in outputs]
        columns = [
            batch.to_series(place).alias(name) if place >= 0 else outputs[-1 - place].alias(name)
            for name, place in zip(self._layout.names, self._layout.places)
        ]
        return Batch(pl.DataFrame(columns), frame.height, bad, odd, states)

    def _odd(self, frame: Any) -> int:
        """The rows with an output that is not finite although their numbers are."""
        pl = self._pl
        floats = [n for n in self._expressions.outputs if frame.schema[n] == pl.Float64]
        if not floats:
            return 0
        finite = pl.all_horizontal(pl.col(n).is_finite().fill_null(True) for n in floats)
        given = (
            pl.all_horizontal(pl.col(n).is_finite() for n in self._columns)
            if self._columns
            else True
        )
        places = frame.select((~finite & given).alias("odd"))["odd"].fill_null(False).arg_true()
        if len(places) and self._policy.is_strict:
            row = self._first_row + places[0] + 1
            raise EvaluationError(
                "non-finite", f"{self._table.name}: a result of row {row:,} is not finite"
            )
        return len(places)

    def _fail(self, batch: Any, place: int) -> None:
        column = next(c for c in self._columns.values() if batch[c].is_null()[place])
        row = self._first_row + place + 1
        label = Label(Source("", self._table.name), Span(0, 0))
        raise DataError(
            "empty-cell",
            f"row {row:,} has no value in column `{brief(column)}`",
            (label,),
            help="--missing nan computes with nan, --on-error null or skip goes on",
        )


class FrameSink:
    """Parquet or Arrow in a file, of frames that come one after the other.

    polars writes in a thread of its own while the next ones are computed.
    """

    def __init__(self, file: BinaryIO, format: str) -> None:
        if not has_polars():
            raise missing_package("polars", f"{format} files need", None)
        self._file, self._format = file, format
        self._queue: Queue[Any] = Queue(2)
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._head = b""
        self._schema: Any = None

    def write(self, data: bytes) -> None:
        """Take lines of CSV, the header first."""
        if not self._head:
            self._head = data
            return
        if data:
            self.write_frame(self._parsed(data))

    def _parsed(self, data: bytes) -> Any:
        """Lines as a frame; what kinds columns have, the first lines say."""
        import polars as pl

        try:
            source = io.BytesIO(self._head + data)
            if self._schema is None:
                frame = pl.read_csv(source, infer_schema_length=None)
                self._schema = frame.schema
                return frame
            return pl.read_csv(source, schema=self._schema)
        except pl.exceptions.PolarsError as error:
            raise DataError(
                "column-kind",
                "a column that began with numbers has other cells further on",
                help="write CSV, which takes any cell",
            ) from error

    def write_frame(self, frame: Any) -> None:
        """Take the next rows."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(frame.schema,), daemon=True)
            self._thread.start()
        while self._error is None:
            try:
                self._queue.put(frame, timeout=1)
                return
            except Exception:
                continue
        self._fail()

    def close(self) -> None:
        """Write what is left."""
        if self._thread is None:
            import polars as pl

            self.write_frame(pl.read_csv(io.BytesIO(self._head)) if self._head else pl.DataFrame())
        assert self._thread is not None
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            self._fail()

    def _fail(self) -> None:
        error = self._error
        if isinstance(error, OSError) and error.strerror:
            raise error
        raise OutputError("output", f"the rows could not be written: {error}")

    def _run(self, schema: Any) -> None:
        from polars.io.plugins import register_io_source

        def source(*_: Any) -> Iterator[Any]:
            while (frame := self._queue.get()) is not None:
                yield frame

        try:
            frames = register_io_source(source, schema=schema)
            write = frames.sink_parquet if self._format == "parquet" else frames.sink_ipc
            write(self._file)
        except BaseException as error:
            self._error = error


class TextSink:
    """Lines of text, of frames."""

    def __init__(self, sink: Any, format: str, *, has_header: bool = True) -> None:
        import polars

        self._pl: Any = polars
        self._sink, self._format = sink, format
        self._is_first = has_header

    def write(self, data: bytes) -> None:
        """Take bytes as they are."""
        self._sink.write(data)

    def write_frame(self, frame: Any) -> None:
        """Take the next rows."""
        pl = self._pl
        out = io.BytesIO()
        if self._format == "jsonl":
            frame.write_ndjson(out)
        else:
            floats = [n for n, kind in frame.schema.items() if kind == pl.Float64]
            texts = [_shown(pl, frame[name]).alias(name) for name in floats]
            separator = "\t" if self._format == "tsv" else ","
            frame.with_columns(texts).write_csv(
                out, include_header=self._is_first, separator=separator
            )
        self._is_first = False
        self._sink.write(out.getvalue())

    def close(self) -> None:
        """There is nothing left to write."""


def frame_of(names: Sequence[str], values: Sequence[Any]) -> Any:
    """A frame of one row."""
    import polars

    return polars.DataFrame({name: [value] for name, value in zip(names, values)})


def _shown(pl: Any, values: Any) -> Any:
    """Numbers as text, empty where there is none."""
    if not values.null_count():
        return text_of(pl, values)
    places = values.is_not_null().arg_true()
    text = pl.Series([None] * len(values), dtype=pl.String)
    return text.scatter(places, text_of(pl, values.gather(places)))
