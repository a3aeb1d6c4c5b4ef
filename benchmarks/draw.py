"""The ratios as a table for terminals, as Markdown, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import SECONDS, Measured, Row
from benchmarks.machine import in_words

HEADINGS = ("work", "peer", "graphcalc", "peer's", "ratio", "quartiles", "target", "met")
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def draw(rows: Sequence[Row]) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*HEADINGS)
    for cells in _all_cells(rows):
        style = {"yes": "green", "no": "red"}.get(cells[-1], "")
        table.add_row(*(Text(cell, style if cell is cells[-1] else "") for cell in cells))
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def as_markdown(rows: Sequence[Row], machine: dict[str, Any]) -> str:
    """Return the machine and the table in Markdown, as in docs/performance.md."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *_all_cells(rows)]
    table = "\n".join(f"| {' | '.join(_escape(cell) for cell in cells)} |" for cells in lines)
    return f"{in_words(machine)}\n\n{table}\n"


def update_page(page: Path, text: str) -> None:
    """Replace the text between the markers; raise ValueError where there are none."""
    before, after = split_page(page)
    page.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")


def split_page(page: Path) -> tuple[str, str]:
    """Return the text before and after the markers; raise ValueError where there are none."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} lacks {BEGIN} and {END}")
    return before, after


def as_json(rows: Sequence[Row], machine: dict[str, Any], is_quick: bool) -> str:
    """Return the machine, and each work's engines with all samples and its ratios, as JSON."""
    works = list({id(row.work): row.work for row in rows}.values())
    found = [_describe([row for row in rows if row.work is work]) for work in works]
    whole = {"machine": machine, "quick": is_quick, "works": found}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _describe(rows: list[Row]) -> dict[str, Any]:
    work = rows[0].work
    engines = {id(m): m for row in rows for m in (row.own, row.peer)}
    return {
        "suite": work.suite,
        "name": work.name,
        "engines": [_describe_engine(measured) for measured in engines.values()],
        "ratios": [
            {
                "peer": row.peer.engine.name,
                "unit": row.unit,
                "ratio": row.ratio if row.has_ratio else None,
                "quartiles": row.quartiles if row.has_ratio else None,
                "target": row.target,
                "met": row.is_met,
            }
            for row in rows
        ],
    }


def _describe_engine(measured: Measured) -> dict[str, Any]:
    return {
        "name": measured.engine.name,
        "scale": measured.engine.scale,
        "note": measured.note,
        "failure": measured.failure or None,
        "missing": measured.is_missing,
        "samples": measured.samples,
        "medians": {unit: measured.median(unit) for unit in measured.samples},
    }


def _all_cells(rows: Sequence[Row]) -> Iterator[list[str]]:
    """Return the cells of all rows; a work is named in its first row."""
    before = None
    for row in rows:
        yield _cells(row, row.work is not before)
        before = row.work


def _cells(row: Row, is_first: bool) -> list[str]:
    remark = row.peer.failure or row.peer.note
    note = f" ({remark})" if remark else ""
    own = "" if row.own.failure else show_amount(row.own.median(row.unit), row.unit)
    start = [f"{row.work.suite}: {row.work.name}" if is_first else "", row.peer.engine.name + note]
    target = "" if row.target is None else f"≤ {show_ratio(row.target)}"
    if not row.has_ratio:
        return [*start, row.own.failure or own, "", "", "", target, ""]
    least, most = row.quartiles
    peers = show_amount(row.peer.median(row.unit), row.unit)
    met = {True: "yes", False: "no", None: ""}[row.is_met]
    spread = f"{show_ratio(least)} to {show_ratio(most)}"
    return [*start, own, peers, show_ratio(row.ratio), spread, target, met]


def show_ratio(ratio: float) -> str:
    """Return a ratio with two decimals, or as a fraction `1/22`."""
    if ratio < 0.2:
        return f"1/{1 / ratio:.1f}".removesuffix(".0") if ratio > 0.05 else f"1/{1 / ratio:,.0f}"
    return f"{ratio:.2f}" if ratio < 100 else f"{ratio:,.0f}"


def show_amount(amount: float, unit: str) -> str:
    """Return an amount with three digits and a unit."""
    if unit != SECONDS:
        return f"{amount:.0f} {unit}"
    for size, name in ((1.0, "s"), (1e-3, "ms")):
        if amount >= size:
            return f"{amount / size:,.3g} {name}" if amount < 1000 else f"{amount:,.0f} s"
    return f"{amount * 1e6:.3g} µs"


def _escape(cell: str) -> str:
    """Return a cell with the bars and stars escaped for Markdown."""
    return cell.replace("|", "\\|").replace("*", "\\*")
