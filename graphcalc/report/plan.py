"""Plans printed: shapes and costs, as a table for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from graphcalc.analysis.plan import Plan, PlannedNode
from graphcalc.numbers import show_bytes
from graphcalc.ops.shapes import show
from graphcalc.ops.sizes import Size
from graphcalc.report.safe import safe
from graphcalc.report.table import NodeTable

FORMATS = ("table", "json", "csv")
_COLUMNS = ("name", "expression", "op", "role", "shape", "dtype", "operations", "bytes")


def build(plan: Plan, limit: int | None) -> NodeTable:
    """The cells of a plan's table; at most `limit` rows, the others counted."""
    shown = plan[:limit]
    rows = [(step.role, _cells(step)) for step in shown]
    caption = [f"{len(plan):,} node{'s' * (len(plan) != 1)}"]
    caption.append(f"{_count(plan.operations)} operations")
    if plan.peak is not None:
        caption.append(f"{show_bytes(plan.peak)} at most")
    caption += [f"{name} = {size:,}" for name, size in plan.sizes.items()]
    if len(plan) > len(shown):
        caption.append(f"{len(plan) - len(shown):,} more nodes (--all, or --format csv)")
    header = ("name", "expression", "shape", "dtype", "operations", "memory")
    return NodeTable(header, rows, " · ".join(caption))


def _cells(step: PlannedNode) -> tuple[str, ...]:
    is_symbolic = type(step.bytes) is Size
    return (
        safe(step.name),
        safe(step.text.strip()),
        show(step.shape) if step.shape else "scalar",
        step.dtype,
        _count(step.operations) if step.operations != 0 else "",
        f"{step.bytes} B" if is_symbolic else show_bytes(step.bytes),
    )


def _count(number: Any) -> str:
    return f"{number:,}"


def _plain(number: Any) -> Any:
    """A size for JSON: a number, or the text of a symbolic one."""
    return str(number) if type(number) is Size else number


def as_json(plan: Plan) -> str:
    """The plan as one JSON object; a symbolic size is a string."""
    nodes = [
        {
            "name": step.name,
            "expression": step.text.strip(),
            "op": step.op,
            "role": step.role,
            "shape": [_plain(n) for n in step.shape],
            "dtype": step.dtype,
            "operations": _plain(step.operations),
            "bytes": _plain(step.bytes),
        }
        for step in plan
    ]
    head = {"operations": _plain(plan.operations), "peak_bytes": plan.peak, "sizes": plan.sizes}
    return json.dumps({**head, "nodes": nodes}, ensure_ascii=False, indent=1) + "\n"


def as_csv(plan: Plan) -> str:
    """The plan as CSV, one line a node; sizes of a shape are separated by blanks."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for step in plan:
        shape = " ".join(str(n).replace(" ", "") for n in step.shape)
        text = step.text.strip()
        row = (step.name, text, step.op, step.role, shape, step.dtype)
        writer.writerow([safe(cell) for cell in row] + [step.operations, step.bytes])
    return out.getvalue()
