"""The progress bar of a run over rows, its output as a table, and the notes after it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from graphcalc.diagnostics import GraphcalcError, OutputError, brief
from graphcalc.report.errors import location
from graphcalc.report.output import complain, is_terminal
from graphcalc.report.pages import notify
from graphcalc.report.safe import safe
from graphcalc.report.table import NodeTable
from graphcalc.rows.run import RowCounts, RowRun
from graphcalc.tables.csv import Dialect, split_records, splitter, unquote

# Seconds after which a bar appears.
_SOON = 1.0
# Characters after which a cell of a table is cut.
_WIDEST = 200
Watch = Callable[[int, "int | None", int], None]


@contextmanager
def progress(color: str) -> Iterator[Watch]:
    """Show a bar with rows, bytes and rate on standard error, if it is a terminal."""
    if not is_terminal(sys.stderr):
        yield lambda done, total, rows: None
        return
    bar = _Bar(color)
    try:
        yield bar.tell
    finally:
        bar.stop()


class _Bar:
    """A progress bar that appears once a run has lasted for a while."""

    def __init__(self, color: str) -> None:
        self._color = color
        self._begin = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def tell(self, done: int, total: int | None, rows: int) -> None:
        """Show how many bytes of how many were read, and how many rows are done."""
        if self._bar is None:
            if time.monotonic() - self._begin < _SOON:
                return
            self._start()
        if self._bar.tasks[0].start_time is None:
            self._bar.start_task(self._task)
        self._bar.update(self._task, completed=done, total=total, rows=f"{rows:,} rows")
        # Between parts: while polars computes one, standard error is led nowhere.
        self._bar.refresh()

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        console = Console(
            stderr=True, no_color=self._color == "never", markup=False, highlight=False
        )
        columns = (
            TextColumn("{task.fields[rows]}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=console, transient=True)
        self._bar.start()
        # Ctrl-C ends the process at once; the cursor must not be hidden then.
        console.show_cursor(True)
        self._task = self._bar.add_task("rows", total=None, rows="")

    def stop(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()


class PreviewLines:
    """A file that keeps the first `limit` rows of CSV that is written to it, for a table."""

    def __init__(self, limit: int | None, delimiter: Callable[[], str]) -> None:
        self._limit, self._delimiter = limit, delimiter
        self._rows: list[tuple[str, ...]] = []
        self._count = 0

    def write(self, data: bytes) -> int:
        """Keep the rows of the next lines, and count the others."""
        text = data.decode("utf-8", "backslashreplace").removeprefix("\ufeff")
        dialect = Dialect(self._delimiter(), line_end="\n" if "\n" in text else "\r")
        split, records = splitter(dialect), split_records(text, dialect)
        self._count += len(records)
        # The header is one more.
        room = len(records) if self._limit is None else self._limit + 1 - len(self._rows)
        for record in records[: max(room, 0)]:
            cells = split(record)
            self._rows.append(tuple(_cell(unquote(cell, dialect)) for cell in cells))
        return len(data)

    def table(self) -> NodeTable:
        """Return the rows as a table, with the number of those that were not kept."""
        head, *kept = self._rows
        cells = [("operation", row) for row in kept]
        count = self._count - 1
        caption = f"{count:,} row{'s' * (count != 1)}"
        if len(kept) < count:
            caption += f"\n{count - len(kept):,} more rows (--all, or --to csv)"
        return NodeTable(head, cells, caption)


def _cell(text: str) -> str:
    """Return a cell as printable text, cut where it is long."""
    printable = safe(text)
    if len(printable) <= _WIDEST:
        return printable
    return f"{printable[:_WIDEST]}… ({len(text):,} characters)"


class Standard:
    """Standard output as a file for bytes."""

    def __init__(self) -> None:
        stream = sys.stdout
        if stream is None or stream.closed:
            raise OutputError("closed", "standard output is closed")
        stream.flush()
        self._file = stream.buffer

    def write(self, data: bytes) -> int:
        """Write and flush the next bytes, since a reader may wait for them."""
        try:
            self._file.write(data)
            self._file.flush()
            return len(data)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError("output", f"standard output: {reason}") from None


def tell(run: RowRun, summary: RowCounts) -> None:
    """Print notes on the program, on rows that failed, and on results that are not finite."""
    for label in run.notes:
        notify(label.text, label)
    if summary.rounded:
        digits = sum(character.isdigit() for character in summary.rounded)
        advice = "; carried or compared, a column that is declared, `id: int64`, keeps them"
        what = f"float64 rounds whole numbers beyond 2^53, as {summary.rounded}"
        notify(what + (advice if run.is_text and digits < 19 else ""))
    if summary.odd and summary.first_odd is not None:
        many = f"{summary.odd:,} row{'s have' if summary.odd != 1 else ' has'}"
        first = "" if summary.odd == 1 else "; the first is this one"
        notify(f"{many} a result that is not finite{first}", summary.first_odd)
        for line in _causes(run, summary):
            complain(f"graphcalc: {line}\n")
    if run.numeric_header:
        shown = brief(", ".join(run.numeric_header))
        notify(f"the first row, `{shown}`, is taken for a header; --no-header takes it for data")
    if summary.blank:
        notify(f"{summary.blank:,} blank line{'s' * (summary.blank != 1)} skipped")
    if summary.is_of_nothing and not summary.failed:
        notify("there are no rows")
    if summary.failed and summary.first_fault is not None:
        complain(f"graphcalc: {_failures(run, summary)}\n")


def _causes(run: RowRun, summary: RowCounts) -> list[str]:
    """Return why a row has such a result, by running the program on it alone."""
    from graphcalc.report.nan_origins import as_notes

    try:
        found = run.origins_of(summary)
    except GraphcalcError:
        return []
    return [] if found is None else as_notes(found, 1, "")


def _failures(run: RowRun, summary: RowCounts) -> str:
    d = summary.first_fault.diagnostic if summary.first_fault else None
    empty, lost = summary.failed - summary.lost, summary.lost
    verb = "left without results" if not lost else "skipped"
    if lost and run.options.policy.on_error == "null":
        verb = "left out" if not empty else f"failed: {lost:,} left out, the others without results"
    first = f"; the first: {location(d.labels[0])}: {d.message}" if d else ""
    total = summary.rows + lost
    return safe(f"{summary.failed:,} of {total:,} row{'s' * (total != 1)} {verb}{first}")
