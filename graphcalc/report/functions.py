"""The op table as documentation."""

from __future__ import annotations

import json
from typing import Any

from graphcalc.diagnostics import UsageError, brief, did_you_mean
from graphcalc.ops.spec import Op, parameters
from graphcalc.ops.table import FUNCTIONS, INTERNAL, OPS
from graphcalc.report.safe import width

_KINDS = {
    "elementwise": "Element by element",
    "reduction": "Reductions",
    "array": "Matrices and shapes",
    "making": "Making tensors",
    "random": "Random numbers",
}


def signature(op: Op) -> str:
    """How a row is called: `sum(x, dim=None, keepdim=False)`."""
    shown = [
        ("*" * p.variadic) + p.name + (f"={p.default}" if p.default else "")
        for p in parameters(op)
        if p.kind != "key"
    ]
    return f"{op.name}({', '.join(shown)})"


def usage(op: Op) -> str:
    """The operator of a row, or its call."""
    if op.text:
        return op.text.format("x", all="x, y, …", written="i, j:k")
    if not op.symbol:
        return signature(op)
    names = [p.name for p in parameters(op)]
    gap = " " if op.symbol.isalpha() else ""
    return f" {op.symbol} ".join(names) if len(names) == 2 else f"{op.symbol}{gap}{names[0]}"


def _rows(name: str | None) -> list[Op]:
    if name is None:
        return [op for op in OPS.values() if op.kind != "leaf"]
    shown = [op for op in OPS.values() if op.kind != "leaf"]
    found = [FUNCTIONS[name]] if name in FUNCTIONS else []
    found = found or [op for op in shown if name in (op.name, op.symbol)]
    if not found:
        raise UsageError(
            "unknown-function",
            f"there is no function `{brief(name)}`",
            help=did_you_mean(name, FUNCTIONS),
        )
    return found


def as_text(name: str | None) -> str:
    """Every function in a line, by kind; or one in full."""
    rows = _rows(name)
    if name is not None:
        return "\n".join(map(_one, rows))
    lines: list[str] = []
    for kind, title in _KINDS.items():
        found = [op for op in rows if op.kind == kind]
        columns = [usage(op) for op in found]
        wide = max(map(width, columns))
        lines += [title, *(f"  {c:<{wide}}  {op.doc}" for c, op in zip(columns, found)), ""]
    return "\n".join(lines)


def _one(op: Op) -> str:
    lines = [usage(op), f"  {op.doc}"]
    if op.symbol:
        lines.append(f"  also {signature(op)}")
    if op.aliases:
        lines.append(f"  also called {', '.join(op.aliases)}")
    lines += [f"  {expression}  →  {value}" for expression, value in op.examples]
    return "\n".join([*lines, ""])


def as_json(name: str | None) -> str:
    """The same rows as a JSON list."""
    return json.dumps([_object(op) for op in _rows(name)], ensure_ascii=False, indent=1) + "\n"


def _object(op: Op) -> dict[str, Any]:
    return {
        "name": op.name,
        "kind": op.kind,
        "signature": None if op.name in INTERNAL else signature(op),
        "symbol": op.symbol or None,
        "usage": usage(op),
        "aliases": list(op.aliases),
        "doc": op.doc,
        "parameters": [
            {"name": p.name, "kind": p.kind, "default": p.default or None, "variadic": p.variadic}
            for p in parameters(op)
            if p.kind != "key"
        ],
        "examples": [{"expression": e, "value": v} for e, v in op.examples],
        "tolerance_ulp": op.tolerance,
    }
