"""Gradients beside differences: a table or JSON, and notes on kinks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isfinite, isinf, prod

from graphcalc.analysis.gradcheck import Checked, Element
from graphcalc.numbers import exact
from graphcalc.report.numbers import Show, round_to, show_index
from graphcalc.report.safe import safe
from graphcalc.report.table import NodeTable

FORMATS = ("table", "json")


def build(checked: Sequence[Checked], target: str, digits: int | None = None) -> NodeTable:
    """Return a table with a row for every input, which shows its worst element."""
    header = ("name", "elements", "worst at", "gradient", "by differences", "error", "verdict")
    rows = [("input" if c.is_right else "result", _cells(c, round_to(digits))) for c in checked]
    wrong = sum(not c.is_right for c in checked)
    open_ = sum(e.verdict == "unclear" for c in checked for e in c.elements)
    verdict = f"{wrong} of {len(checked)} wrong" if wrong else "none is wrong"
    verdict += f", {open_:,} unclear" if open_ else ""
    return NodeTable(header, rows, f"gradients of {safe(target)} · {verdict} · central differences")


def _cells(checked: Checked, show: Show) -> tuple[str, ...]:
    worst = checked.worst
    count, total = len(checked.elements), prod(checked.shape)
    return (
        safe(checked.name),
        f"{count} of {total:,}" if count < total else f"{total:,}",
        show_index(worst.at),
        show(worst.gradient, "float64"),
        show(worst.difference, "float64"),
        f"{worst.error:.1e}",
        worst.verdict,
    )


def remarks(checked: Sequence[Checked], limit: int = 5) -> list[str]:
    """Return notes on elements at kinks, and on those where differences do not settle."""
    found = []
    for c in checked:
        for element in c.elements:
            where = f"`{safe(c.name)}{show_index(element.at)}`"
            if element.verdict == "kink" and element.slopes is not None:
                low, high = (f"{slope:.6g}" for slope in element.slopes)
                is_steep = any(map(isinf, element.slopes))
                kind = "jump or a vertical tangent" if is_steep else "kink"
                found.append(
                    f"{where} is at a {kind}: the slopes beside it are {low} and {high}, "
                    f"the gradient is {exact(element.gradient)}"
                )
            elif element.verdict == "unclear":
                found.append(f"{where} is not decided: differences do not settle there")
    more = len(found) - limit
    return [*found[:limit], *([f"and {more:,} more such elements"] if more > 0 else [])]


def as_json(checked: Sequence[Checked], target: str) -> str:
    """Return the check as one JSON object."""
    nodes = [
        {
            "name": c.name,
            "shape": list(c.shape),
            "right": c.is_right,
            "checked": len(c.elements),
            "worst": _object(c.worst),
            "others": [_object(e) for e in c.elements if e.verdict != "ok" and e is not c.worst],
        }
        for c in checked
    ]
    found = {"gradient_of": target, "right": all(c.is_right for c in checked), "nodes": nodes}
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _object(element: Element) -> dict[str, object]:
    def number(value: float) -> float | str:
        return value if isfinite(value) else exact(value)

    found: dict[str, object] = {
        "index": list(element.at),
        "gradient": number(element.gradient),
        "difference": number(element.difference),
        "error": number(element.error),
        "verdict": element.verdict,
    }
    if element.slopes is not None:
        found["slopes"] = [number(slope) for slope in element.slopes]
    return found
