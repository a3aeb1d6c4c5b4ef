"""The table of nodes: on a terminal by Rich, in the lesson's colours; elsewhere as plain text.

Off a terminal nothing is coloured, folded or cut, and Rich is not even imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from graphcalc.numbers import exact, show_bytes, show_nested
from graphcalc.report.numbers import leaves, shortener, show_seconds, show_summary
from graphcalc.report.safe import safe, width
from graphcalc.trace import Kept, Record, Trace

if TYPE_CHECKING:
    from rich.console import Console

# Tensors up to this many elements are shown in full.
FULL = 12
# Rows that a table shows before it announces the rest.
MAX_ROWS = 1000
# Cells longer than this are cut on a terminal, with their length.
MAX_CELL = 2000

_STYLES = {"input": "bright_yellow", "operation": "bright_blue", "result": "dark_goldenrod"}


class NodeTable(NamedTuple):
    """Cells ready to draw: a row's role, and its texts."""

    header: tuple[str, ...]
    rows: list[tuple[str, tuple[str, ...]]]
    caption: str


def build(
    records: Sequence[Record], trace: Trace, *, is_short: bool, limit: int | None
) -> NodeTable:
    """The cells of a table of records; at most `limit` rows, the others counted."""
    shown = records if limit is None else records[:limit]
    show: Callable[[Any, str], str] = exact
    if is_short:
        show = shortener(
            [(number, record.dtype) for record in shown for number in _numbers(record)]
        )
    rows: list[tuple[str, tuple[str, ...]]] = []
    for record in shown:
        value = value_text(record, show)
        text = "" if record.text == value or record.text.strip() == "" else record.text
        cells: tuple[str, ...] = (safe(record.name), safe(text), value + _mark(record))
        if trace.target is not None:
            cells = (*cells, gradient_text(record, show))
        if trace.profile is not None:
            cells = (*cells, *profile_cells(record))
        rows.append((record.role, cells))
    hidden = len(records) - len(shown)
    notes = [f"{trace.backend} on {trace.device}" if trace.backend == "torch" else trace.backend]
    notes.append(trace.graph.dtype)
    count = len(trace.positions)
    notes.append(f"{count:,} node{'s' * (count != 1)}")
    if trace.profile is not None:
        notes.append(f"computed in {show_seconds(trace.profile.total)}")
    caption = " · ".join(notes)
    if hidden:
        caption += f"\n{hidden:,} more nodes (--all, or --format csv)"
    return NodeTable(header(trace), rows, caption)


def header(trace: Trace) -> tuple[str, ...]:
    """The heads of the columns."""
    heads: tuple[str, ...] = ("name", "expression", "value")
    if trace.target is not None:
        heads = (*heads, f"gradient of {safe(trace.target)}")
    return heads if trace.profile is None else (*heads, "time", "share", "bytes")


def _numbers(record: Record) -> list[float]:
    """The numbers that a record's cells show."""
    found: list[float] = []
    for part in (record, record.gradient):
        if part is None:
            continue
        if part.summary is None:
            found.append(part.value)
        elif _is_full(part.value, record):
            found += leaves(part.value)
        else:
            s = part.summary
            found += [x for x in (s.minimum, s.mean, s.maximum) if x is not None]
    return found


def _is_full(value: Any, record: Record) -> bool:
    count = 1
    for size in record.shape:
        count *= size
    return count <= FULL and value is not None


def value_text(record: Record, show: Callable[[Any, str], str] = exact) -> str:
    """A record's value: a number, a small tensor in full, or a summary."""
    return _text(record, record, show)


def gradient_text(record: Record, show: Callable[[Any, str], str] = exact) -> str:
    """A record's gradient in the same way; nothing where there is none."""
    return "" if record.gradient is None else _text(record.gradient, record, show)


def profile_cells(record: Record) -> tuple[str, str, str]:
    """A record's time, its share of the whole, and the bytes of its value."""
    seconds, share = record.seconds or 0.0, record.share or 0.0
    return show_seconds(seconds), f"{share:.1%}", show_bytes(record.bytes)


def _text(part: Record | Kept, record: Record, show: Callable[[Any, str], str]) -> str:
    if part.summary is None or _is_full(part.value, record):
        return show_nested(part.value, lambda x: show(x, record.dtype))
    return show_summary(part.summary, record.shape, record.dtype, show)


def _mark(record: Record) -> str:
    return f"  ← {' and '.join(record.born)} born here" if record.born else ""


def draw_plain(table: NodeTable) -> str:
    """The table as text, as wide as it needs to be."""
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
    """The table on a terminal, in the lesson's colours, folded to its width."""
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
