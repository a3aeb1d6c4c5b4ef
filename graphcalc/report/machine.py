"""Traces for programs: JSON, JSON lines, CSV, TSV, Markdown, and bare values.

Every number round-trips. JSON is strict: what is not finite is null, with its kind beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from graphcalc.report.numbers import exact, show_nested
from graphcalc.report.safe import safe
from graphcalc.report.table import value_text
from graphcalc.trace import Record, Trace

COLUMNS = (
    "id",
    "name",
    "expression",
    "op",
    "inputs",
    "role",
    "shape",
    "dtype",
    "value",
    "min",
    "mean",
    "max",
    "nan",
    "inf",
    "born",
)


def as_json(records: Sequence[Record], trace: Trace) -> str:
    """One JSON object: `nodes`, and what ran them."""
    nodes = ",\n    ".join(_dump(node_object(record)) for record in records)
    results = ", ".join(json.dumps(r.name) for r in trace.results)
    head = {"backend": trace.backend, "device": trace.device, "dtype": trace.graph.dtype}
    fields = ", ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in head.items())
    return f'{{{fields}, "results": [{results}],\n  "nodes": [\n    {nodes}\n  ]}}\n'


def as_jsonl(records: Sequence[Record], trace: Trace) -> str:
    """One JSON object a line, one line a node."""
    return "".join(_dump(node_object(record)) + "\n" for record in records)


def _dump(node: dict[str, Any]) -> str:
    return json.dumps(node, allow_nan=False, ensure_ascii=False)


def node_object(record: Record) -> dict[str, Any]:
    """A record as JSON values."""
    line, column = record.source.location(record.span.start)
    end_line, end_column = record.source.location(record.span.end)
    found: dict[str, Any] = {
        "id": record.id,
        "name": record.name,
        "expression": record.text.strip(),
        "op": record.op,
        "inputs": list(record.inputs),
        "role": record.role,
        "shape": list(record.shape),
        "dtype": record.dtype,
        "device": record.device,
        "bytes": record.bytes,
        "value": None,
    }
    if record.value is not None:
        value, odd = finite(record.value, record.dtype)
        found["value"] = value
        if odd:
            found["non_finite"] = odd
    if record.summary is not None:
        s, dtype = record.summary, record.dtype
        found["summary"] = {
            "min": _plain(s.minimum, dtype),
            "mean": _plain(s.mean, "float64"),
            "max": _plain(s.maximum, dtype),
            "nan": s.nan,
            "inf": s.inf,
        }
    if record.born:
        found["born"] = list(record.born)
    found["span"] = {
        "source": safe(record.source.name),
        "start": [line, column],
        "end": [end_line, end_column],
    }
    return found


def finite(value: Any, dtype: str) -> tuple[Any, Any]:
    """A value with null for what is not finite, and the kinds of those with their indices.

    For a scalar the kind stands alone: `"nan"`.
    """
    if not isinstance(value, list):
        plain = _plain(value, dtype)
        return plain, None if plain is not None else exact(value)
    odd: list[dict[str, Any]] = []
    root: list[Any] = []
    stack: list[tuple[list[Any], list[Any], list[int]]] = [(value, root, [])]
    while stack:
        items, copy, index = stack.pop()
        for i, item in enumerate(items):
            if isinstance(item, list):
                inner: list[Any] = []
                copy.append(inner)
                stack.append((item, inner, [*index, i]))
                continue
            plain = _plain(item, dtype)
            copy.append(plain)
            if plain is None:
                odd.append({"index": [*index, i], "kind": exact(item)})
    odd.sort(key=lambda entry: entry["index"])
    return root, odd


def _plain(value: Any, dtype: str) -> Any:
    """A number as JSON's, None where it has none."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if value - value != 0:
        return None
    if value == int(value) and abs(value) < 1e16 and not (value == 0 and str(value)[0] == "-"):
        return int(value)
    return float(exact(value, dtype)) if dtype != "float64" else value


def as_csv(records: Sequence[Record], trace: Trace) -> str:
    """Comma-separated values as in RFC 4180, one row a node."""
    return _separated(records, ",")


def as_tsv(records: Sequence[Record], trace: Trace) -> str:
    """Tab-separated values, one row a node."""
    return _separated(records, "\t")


def _separated(records: Sequence[Record], delimiter: str) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_row, records))
    return out.getvalue()


def _row(record: Record) -> list[str]:
    statistics = [""] * 5
    if record.summary is not None:
        s = record.summary
        statistics = [
            *(
                "" if x is None else exact(x, dtype)
                for x, dtype in (
                    (s.minimum, record.dtype),
                    (s.mean, "float64"),
                    (s.maximum, record.dtype),
                )
            ),
            str(s.nan),
            str(s.inf),
        ]
    shape = "x".join(map(str, record.shape))
    value = "" if record.value is None else _exact_text(record)
    return [
        str(record.id),
        safe(record.name),
        safe(record.text.strip()),
        record.op,
        " ".join(record.inputs),
        record.role,
        shape,
        record.dtype,
        value,
        *statistics,
        " ".join(record.born),
    ]


def _exact_text(record: Record) -> str:
    return show_nested(record.value, lambda x: exact(x, record.dtype))


def as_markdown(records: Sequence[Record], trace: Trace) -> str:
    """A Markdown table, one row a node."""
    lines = ["| name | expression | value |", "| --- | --- | --- |"]
    for record in records:
        cells = (safe(record.name), safe(record.text.strip()), value_text(record))
        lines.append(f"| {' | '.join(c.replace('|', chr(92) + '|') for c in cells)} |")
    return "\n".join([*lines, ""])


def as_value(records: Sequence[Record], trace: Trace) -> str:
    """The bare values, one line each."""
    return "".join(_lines(records))


def _lines(records: Sequence[Record]) -> Iterator[str]:
    for record in records:
        yield _exact_text(record) + "\n"
