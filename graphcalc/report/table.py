"""The table of nodes: drawn by Rich, with a colour for each role, or as plain text.

Plain text is not coloured, wrapped or cut, and does not import Rich.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from graphcalc.numbers import Nested, exact, leaves, show_bytes, show_nested
from graphcalc.report.numbers import Show, round_to, shortener, show_seconds, show_summary
from graphcalc.report.safe import safe, width
from graphcalc.trace import Kept, Record, Trace

if TYPE_CHECKING:
    from rich.console import Console

    from graphcalc.backends.base import Summary

# Elements up to which a tensor is written in full.
FULL = 12
# Rows up to which a table is drawn whole without `--all`.
MAX_ROWS = 1000
# Characters after which a cell is cut on a terminal.
MAX_CELL = 2000

_STYLES = {"input": "bright_yellow", "operation": "bright_blue", "result": "dark_goldenrod"}


class NodeTable(NamedTuple):
    """A table ready to draw: each row has the role that colours it, and its cells."""

    header: tuple[str, ...]
    rows: list[tuple[str, tuple[str, ...]]]
    caption: str


def build(
    records: Sequence[Record],
    trace: Trace,
    *,
    is_short: bool,
    limit: int | None,
    digits: int | None = None,
) -> NodeTable:
    """Return records as a table of at most `limit` rows, with the number of the others.

    Numbers are rounded to `digits`; without it `is_short` cuts them after seven.
    """
    displayed = records if limit is None else records[:limit]
    show = round_to(digits)
    if is_short and digits is None:
        show = shortener(
            [(number, record.dtype) for record in displayed for number in _numbers(record)]
        )
    rows: list[tuple[str, tuple[str, ...]]] = []
    for record in displayed:
        value = value_text(record, show)
        is_value = record.text in (value, value_text(record)) or not record.text.strip()
        text = "" if is_value else record.text
        cells: tuple[str, ...] = (safe(record.name), safe(text), value + _mark(record))
        if trace.target is not None:
            cells = (*cells, gradient_text(record, show))
        if trace.profile is not None:
            cells = (*cells, *profile_cells(record))
        rows.append((record.role, cells))
    hidden = len(records) - len(displayed)
    notes = [f"{trace.backend} on {trace.device}" if trace.backend == "torch" else trace.backend]
    notes.append(", ".join(trace.dtypes))
    count = len(trace.positions)
    notes.append(f"{count:,} node{'s' * (count != 1)}")
    if trace.profile is not None:
        notes.append(f"computed in {show_seconds(trace.profile.total)}")
    caption = " · ".join(notes)
    if hidden:
        caption += f"\n{hidden:,} more nodes (--all, or --format csv)"
    return NodeTable(header(trace), rows, caption)


def header(trace: Trace) -> tuple[str, ...]:
    """Return the headers of the columns."""
    heads: tuple[str, ...] = ("name", "expression", "value")
    if trace.target is not None:
        heads = (*heads, f"gradient of {safe(trace.target)}")
    return heads if trace.profile is None else (*heads, "time", "share", "bytes")


def _numbers(record: Record) -> list[float]:
    """Return the numbers in a record's cells."""
    found: list[float] = []
    for part in (record, record.gradient):
        if part is None:
            continue
        value, summary = _cell(part, record)
        if value is not None:
            found += leaves(value)
        elif summary is not None:
            statistics = (summary.minimum, summary.mean, summary.maximum)
            found += [x for x in statistics if x is not None]
    return found


def _cell(part: Record | Kept, record: Record) -> tuple[Nested | None, Summary | None]:
    """Return the value of a scalar or small tensor, or the statistics of another one."""
    is_full = part.summary is None or prod(record.shape) <= FULL
    return (part.value, None) if is_full and part.value is not None else (None, part.summary)


def value_text(record: Record, show: Show = exact) -> str:
    """Return a record's value as text: a number, a small tensor in full, or statistics."""
    return _text(record, record, show)


def gradient_text(record: Record, show: Show = exact) -> str:
    """Return a record's gradient in the same way; an empty text where there is none."""
    return "" if record.gradient is None else _text(record.gradient, record, show)


def profile_cells(record: Record) -> tuple[str, str, str]:
    """Return a record's time, its share of the whole, and the bytes of its value."""
    seconds, share = record.seconds or 0.0, record.share or 0.0
    return show_seconds(seconds), f"{share:.1%}", show_bytes(record.bytes)


def _text(part: Record | Kept, record: Record, show: Show) -> str:
    value, summary = _cell(part, record)
    if value is not None:
        return show_nested(value, lambda x: show(x, record.dtype))
    if summary is not None:
        return show_summary(summary, record.shape, record.dtype, show)
    return ""


def _mark(record: Record) -> str:
    return f"  ← {' and '.join(record.born)} born here" if record.born else ""


def draw_plain(table: NodeTable) -> str:
    """Return the table as text, as wide as its cells need."""
    rows = [table.header, *(cells for _, cells in table.rows)]
    widths = [max(map(width, column)) for column in zip(*rows)]

    def line(cells: Sequence[str]) -> str:
        padded = [cell + " " * (w - width(cell)) for cell, w in zip(cells, widths)]
        return f"│ {' │ '.join(padded)} │"

    def rule(left: str, middle: str, right: str) -> str:
        return left + middle.join("─" * (w + 2) for w in widths) + right

    return "\n".join(
        [
            rule("╭", "┬", "╮"),
            line(table.header),
            rule("├", "┼", "┤"),
            *(line(cells) for _, cells in table.rows),
            rule("╰", "┴", "╯"),
            table.caption,
            "",
        ]
    )


def draw_rich(table: NodeTable, console: Console) -> None:
    """Draw the table by Rich, coloured, and wrapped to the width of the terminal."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        box=box.ROUNDED,
        header_style="bold",
        highlight=False,
    )
    for name in table.header:
        drawn.add_column(Text(name), overflow="fold")
    for role, cells in table.rows:
        drawn.add_row(*[Text(_cut(cell), style=_STYLES[role]) for cell in cells])
    console.print(drawn)
    console.print(Text(table.caption))


def _cut(cell: str) -> str:
    return cell if len(cell) <= MAX_CELL else f"{cell[:MAX_CELL]}… ({len(cell):,} characters)"
