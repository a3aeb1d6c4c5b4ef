"""Several files as one table: their rows one after the other, columns by their names."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from graphcalc.diagnostics import DataError, UsageError, brief
from graphcalc.rows.engine import Pass, RowFile, RowOutput, RowSource
from graphcalc.rows.formats import format_of
from graphcalc.rows.plan import RowPlan
from graphcalc.tables.columns import OutputColumns
from graphcalc.tables.reading import names_listed
from graphcalc.tables.sinks import RowSink


def paths_of(names: Sequence[str]) -> list[str]:
    """Return the files of these names, and of patterns such as `data/*.csv`, in order.

    A file of the very name wins. Raises UsageError for a pattern that no file fits, and for
    standard input that is named twice.
    """
    found: list[str] = []
    for name in names:
        is_pattern = glob.has_magic(name) and not os.path.exists(name)
        fitting = sorted(glob.glob(name)) if is_pattern else [name]
        if not fitting:
            raise UsageError("option", f"--rows `{brief(name)}`: no file has such a name")
        found += fitting
    if found.count("-") > 1:
        raise UsageError("option", "--rows names standard input twice, which is read but once")
    return found


def format_of_all(paths: Sequence[str]) -> str:
    """Return the format of files by their names. Raises UsageError where they have several."""
    formats = [format_of(path) or "csv" for path in paths]
    other = next((i for i, format in enumerate(formats) if format != formats[0]), 0)
    if other:
        one, two = (f"`{brief(paths[i])}` is {formats[i]}" for i in (0, other))
        raise UsageError("option", f"--rows reads files of one format: {one}, and {two}")
    return formats[0]


class SeveralFiles:
    """The rows of several files of one format."""

    def __init__(self, sources: Sequence[RowFile], opened: ExitStack) -> None:
        self._sources, self._opened = sources, opened
        first = sources[0]
        self.name, self.table = first.name, first.table
        self.is_pipe = any(source.is_pipe for source in sources)
        self._layouts: list[OutputColumns] = []

    def close(self) -> None:
        """Close all files."""
        self._opened.close()

    def prepare(self, plan: RowPlan, layout: OutputColumns) -> RowSink[RowOutput]:
        """Return what takes the output of a plan."""
        first, *others = self._sources
        self._layouts = [layout, *(_placed(layout, first, other) for other in others)]
        sink = first.prepare(plan, layout)
        self.delimiter = first.delimiter
        for other, own in zip(others, self._layouts[1:]):
            other.follow(first, own)
        return sink

    def begin(self, row_pass: Pass, sink: RowSink[RowOutput]) -> None:
        """Begin a pass from the first row of the first file."""
        self._pass, self._sink = row_pass, sink

    def files(self) -> Iterator[RowFile]:
        """Yield the files in order, each at the beginning of the pass."""
        for source, layout in zip(self._sources, self._layouts):
            source.begin(self._pass._replace(layout=layout), self._sink)
            yield source

    def totals(self, plan: RowPlan) -> RowOutput:
        """Return the one row that totals make."""
        return self._sources[0].totals(plan)

    def progress(self, rows: int) -> tuple[int, int | None]:
        """Return the bytes read of all files, and how many they have, where that is known."""
        pairs = [source.progress(rows) for source in self._sources]
        sizes = [size for _, size in pairs if size is not None]
        done = sum(done if size is None else min(done, size) for done, size in pairs)
        return done, sum(sizes) if len(sizes) == len(pairs) else None


def _placed(layout: OutputColumns, first: RowFile, other: RowFile) -> OutputColumns:
    """Return the layout of the first file for another one, whose columns may be in another order.

    Raises DataError where they are other columns.
    """
    ours, theirs = first.table.columns, other.table.columns
    if first.table.is_open or ours == theirs:
        return layout
    _check_columns(first, other)
    places = tuple(p if p < 0 else theirs.index(ours[p]) for p in layout.places)
    return layout._replace(places=places, passed=False)


def _check_columns(first: RowFile, other: RowFile) -> None:
    ours, theirs = first.table.columns, other.table.columns
    missing = [name for name in ours if name not in theirs]
    more = [name for name in theirs if name not in ours]
    if missing or more:
        what = f"has no {names_listed(missing)}" if missing else f"has {names_listed(more)}, too"
        message = f"{other.name}: the file {what}, unlike {first.name}"
        raise DataError("other-columns", message, note=f"its columns are {names_listed(theirs)}")
    if len(set(ours)) < len(ours) or len(theirs) != len(ours):
        message = f"{other.name}: several columns have one name, and not the order of {first.name}"
        raise DataError("other-columns", message)


def open_all(paths: Sequence[str], source_of: Callable[[str, bool], RowFile]) -> RowSource:
    """Return the rows of files; `source_of` opens one, with the header in the output or without."""
    if len(paths) == 1:
        return source_of(paths[0], True)
    with ExitStack() as opened:
        sources = []
        for place, path in enumerate(paths):
            sources.append(source_of(path, place == 0))
            opened.callback(sources[-1].close)
        return SeveralFiles(sources, opened.pop_all())
