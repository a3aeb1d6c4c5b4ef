"""What an engine of rows is given and gives, and what a source of rows is.

A *source* is a table that is read some rows at a time. For each pass it makes the *engine* that
fits: plain Python, polars or a backend for parts of text (bytes of whole records), and one of
polars for frames of columns, which are no text and whose cells keep their types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from graphcalc.diagnostics import DataError, EvaluationError, GraphcalcError, Label, LimitError
from graphcalc.ops.kernels.totals import State
from graphcalc.rows.plan import RowPlan, Stage
from graphcalc.source import Source, Span
from graphcalc.tables.cells import CellProblem
from graphcalc.tables.columns import Columns, OutputColumns
from graphcalc.tables.sinks import RowSink

# Lines of text as bytes, or a frame of polars: what a source's engines make and its sinks take.
RowOutput: TypeAlias = Any
# Numbers and texts by the names that a program has for their columns.
NamedCells: TypeAlias = "dict[str, float | str]"
# Results that are not finite, as they are written.
NON_FINITE_TEXTS = frozenset({"nan", "inf", "-inf"})


class Policy(NamedTuple):
    """What to do with rows that fail: `fail`, `null` or `skip`, and what fails.

    `missing` is the number that an empty cell stands for, where it stands for one. With
    `is_strict` a result that is not finite fails.
    """

    on_error: str = "fail"
    missing: float | None = None
    is_strict: bool = False


class RecordPlace(NamedTuple):
    """A record within its part: its index, the line of the part it begins at, and its text."""

    record: int
    line: int
    text: str


class Done(NamedTuple):
    """What a part came to.

    `output` is text or a frame; a pass that puts no rows out has none. `rows` counts the records
    that have an output and `failed` those that could not be computed, the first of which is
    `fault`; under `fail` it is also where the part ends. `lost` of those have no output. `odd`
    counts rows with a result that is not finite although their numbers are. `lines` counts the
    lines of the part's text, or the rows of a frame. `blank` counts lines that are no rows.
    `rounded` is the first whole number that is rounded to a float.
    """

    output: RowOutput
    rows: int
    failed: int
    fault: tuple[CellProblem, RecordPlace] | None
    odd: int
    first_odd: RecordPlace | None
    states: tuple[State | None, ...]
    lines: int
    lost: int = 0
    blank: int = 0
    rounded: str = ""


class Pass(NamedTuple):
    """One pass of a plan, with the columns of its output and what to do with rows that fail."""

    plan: RowPlan
    stage: Stage
    layout: OutputColumns
    policy: Policy


P = TypeVar("P", contravariant=True)


class Engine(Protocol[P]):
    """What computes one pass, part by part."""

    def run(self, part: P) -> Done:
        """Return what a part of the rows comes to."""

    def named_cells(self, record: str) -> NamedCells:
        """Return the cells of a record by the names that the program has for its columns."""


class RowSource(Protocol):
    """A table that is read some rows at a time: one file, or several in order.

    What `is_pipe` can be read but once. `delimiter` is between the cells of text that it writes.
    """

    name: str
    is_pipe: bool
    delimiter: str

    @property
    def table(self) -> Columns:
        """The columns of the table."""

    def prepare(self, plan: RowPlan, layout: OutputColumns) -> RowSink[RowOutput]:
        """Return what takes the output of a plan."""

    def begin(self, row_pass: Pass, sink: RowSink[RowOutput]) -> None:
        """Begin a pass from the first row."""

    def files(self) -> Iterator[RowFile]:
        """Yield the files that the rows of a pass come from, in order."""

    def totals(self, plan: RowPlan) -> RowOutput:
        """Return the one row that totals make."""

    def progress(self, rows: int) -> tuple[int, int | None]:
        """Return the bytes read when so many rows are done, and all there are, where known."""

    def close(self) -> None:
        """Close what was opened."""


class RowFile(RowSource, Protocol):
    """One file of rows. `first_line` is the number of the first row's line."""

    first_line: int

    def follow(self, first: RowFile, layout: OutputColumns) -> None:
        """Write as the first of several files does, whose columns are those of the output."""

    def computed(self) -> Iterator[Done]:
        """Yield what the parts of the pass come to, in order."""

    def named_cells(self, record: str) -> NamedCells:
        """Return the cells of a record by the names that the program has for its columns."""


def error_at(fault: CellProblem, place: RecordPlace, name: str, line: int) -> GraphcalcError:
    """Return the error for a fault of a record, in the line that its part begins at."""
    source = Source(place.text, name, line + place.line)
    kind = {"non-finite": EvaluationError, "cell-length": LimitError}.get(fault.code, DataError)
    label = Label(source, Span(fault.start, max(fault.end, fault.start)))
    return kind(fault.code, fault.message, (label,), help=fault.help)
