"""Plans as a table, CSV or JSON: every node's shape and cost."""

from __future__ import annotations

import csv
import io
import json

from graphcalc.analysis.plan import Count, Plan, PlannedNode
from graphcalc.numbers import show_bytes
from graphcalc.ops.shapes import show
from graphcalc.ops.sizes import Size
from graphcalc.report.safe import safe
from graphcalc.report.table import NodeTable

FORMATS = ("table", "json", "csv")
_COLUMNS = ("name", "expression", "op", "role", "shape", "dtype", "operations", "bytes")


def build(plan: Plan, limit: int | None) -> NodeTable:
    """Return a plan as a table of at most `limit` rows, with the number of the others."""
    displayed = plan[:limit]
    rows = [(step.role, _cells(step)) for step in displayed]
    caption = [f"{len(plan):,} node{'s' * (len(plan) != 1)}"]
    caption.append(f"{_count(plan.operations)} operations")
    if plan.peak is not None:
        caption.append(f"{show_bytes(plan.peak)} at most")
    caption += [f"{name} = {size:,}" for name, size in plan.sizes.items()]
    if len(plan) > len(displayed):
        caption.append(f"{len(plan) - len(displayed):,} more nodes (--all, or --format csv)")
    header = ("name", "expression", "shape", "dtype", "operations", "memory")
    return NodeTable(header, rows, " · ".join(caption))


def _cells(step: PlannedNode) -> tuple[str, ...]:
    return (
        safe(step.name),
        safe(step.text.strip()),
        show(step.shape) if step.shape else "scalar",
        step.dtype,
        _count(step.operations) if step.operations != 0 else "",
        f"{step.bytes} B" if isinstance(step.bytes, Size) else show_bytes(step.bytes),
    )


def _count(number: Count) -> str:
    return f"{number:,}"


def _plain(number: Count) -> int | str:
    """Return a size for JSON: a number, or the text of a symbolic one."""
    return str(number) if isinstance(number, Size) else number


def as_json(plan: Plan) -> str:
    """Return the plan as one JSON object; a symbolic size is a string."""
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
    """Return the plan as CSV, one row a node; the sizes of a shape are separated by spaces."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for step in plan:
        shape = " ".join(str(n).replace(" ", "") for n in step.shape)
        text = step.text.strip()
        row = (step.name, text, step.op, step.role, shape, step.dtype)
        writer.writerow([safe(cell) for cell in row] + [step.operations, step.bytes])
    return out.getvalue()
