"""Traces for programs: JSON, JSON lines, CSV, TSV, Markdown, and bare values.

A printer returns its text, or yields it in pieces. Every number reads back as the same number.
JSON is strict: NaN and infinity are null, with the kind beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from math import isfinite, prod
from typing import TYPE_CHECKING, TypeAlias

from graphcalc.backends.base import KEEP, Summary, Value
from graphcalc.data.elements import pieces, shape_of
from graphcalc.numbers import Nested, exact
from graphcalc.report.numbers import Show, round_to
from graphcalc.report.safe import safe
from graphcalc.report.table import gradient_text, header, profile_cells, value_text
from graphcalc.trace import Record, Trace

if TYPE_CHECKING:
    from graphcalc.analysis.nan_origins import Origins

# A cell, or a long one in pieces.
Cell: TypeAlias = "str | Iterable[str]"

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
# After these, where gradients were asked for.
GRADIENT_COLUMNS = (
    "gradient",
    "gradient_min",
    "gradient_mean",
    "gradient_max",
    "gradient_nan",
    "gradient_inf",
)
# After these, where the run was profiled.
PROFILE_COLUMNS = ("seconds", "share", "bytes")


def as_json(records: Sequence[Record], trace: Trace, origins: Origins | None = None) -> str:
    """Return one JSON object: what ran the nodes, the `nodes`, and the origins of NaN."""
    import json

    nodes = ",\n    ".join(_dump(node_object(record, trace)) for record in records)
    results = ", ".join(json.dumps(r.name) for r in trace.results)
    head: dict[str, object] = {
        "backend": trace.backend,
        "device": trace.device,
        "dtype": trace.dtypes[0],
    }
    if trace.target is not None:
        head["gradient_of"] = trace.target
    if trace.profile is not None:
        head["seconds"] = trace.profile.total
    fields = ", ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in head.items())
    tail = ""
    if origins is not None:
        from graphcalc.report.nan_origins import as_objects

        tail = f',\n  "origins": {json.dumps(as_objects(origins), ensure_ascii=False)}'
    return f'{{{fields}, "results": [{results}],\n  "nodes": [\n    {nodes}\n  ]{tail}}}\n'


def as_jsonl(records: Sequence[Record], trace: Trace, origins: Origins | None = None) -> str:
    """Return one JSON object a line, one line a node."""
    return "".join(_dump(node_object(record, trace)) + "\n" for record in records)


def _dump(node: dict[str, object]) -> str:
    import json

    return json.dumps(node, allow_nan=False, ensure_ascii=False)


def node_object(record: Record, trace: Trace) -> dict[str, object]:
    """Return a record as JSON values; where a gradient was asked for, a missing one is null."""
    from graphcalc.report.errors import span_object

    found: dict[str, object] = {
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
        found["value"], kinds = finite(record.value, record.dtype)
        if kinds:
            found["non_finite"] = kinds
    if record.summary is not None:
        found["summary"] = _summary(record.summary, record.dtype)
    if trace.target is not None:
        found |= _gradient(record)
    if record.seconds is not None:
        found |= {"seconds": record.seconds, "share": record.share}
    if record.born:
        found["born"] = list(record.born)
    found["span"] = span_object(record.source, record.span)
    return found


def _summary(s: Summary, dtype: str) -> dict[str, object]:
    return {
        "min": _plain(s.minimum, dtype),
        "mean": _plain(s.mean, "float64"),
        "max": _plain(s.maximum, dtype),
        "nan": s.nan,
        "inf": s.inf,
    }


def _gradient(record: Record) -> dict[str, object]:
    found: dict[str, object] = {"gradient": None}
    if record.gradient is None:
        return found
    if record.gradient.value is not None:
        found["gradient"], kinds = finite(record.gradient.value, record.dtype)
        if kinds:
            found["gradient_non_finite"] = kinds
    if record.gradient.summary is not None:
        found["gradient_summary"] = _summary(record.gradient.summary, record.dtype)
    return found


def finite(value: Nested, dtype: str) -> tuple[object, object]:
    """Return a value with None for NaN and infinity, and the kind and index of each of these.

    For a scalar the kind stands alone: `"nan"`.
    """
    if not isinstance(value, list):
        plain = _plain(value, dtype)
        return plain, None if plain is not None else exact(value)
    kinds: list[tuple[list[int], str]] = []
    root: list[object] = []
    stack: list[tuple[list[Nested], list[object], list[int]]] = [(value, root, [])]
    while stack:
        items, copy, index = stack.pop()
        for i, item in enumerate(items):
            if isinstance(item, list):
                inner: list[object] = []
                copy.append(inner)
                stack.append((item, inner, [*index, i]))
                continue
            plain = _plain(item, dtype)
            copy.append(plain)
            if plain is None:
                kinds.append(([*index, i], exact(item)))
    return root, [{"index": index, "kind": kind} for index, kind in sorted(kinds)]


def _plain(value: float | None, dtype: str) -> float | None:
    """Return a number of JSON, None for NaN and infinity."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if not isfinite(value):
        return None
    if value == int(value) and abs(value) < 1e16 and not (value == 0 and str(value)[0] == "-"):
        return int(value)
    return float(exact(value, dtype)) if dtype != "float64" else value


def as_csv(records: Sequence[Record], trace: Trace, origins: Origins | None = None) -> str:
    """Return comma-separated values as in RFC 4180, one row a node."""
    return "".join(csv_pieces(records, trace, origins))


def csv_pieces(
    records: Sequence[Record], trace: Trace, origins: Origins | None = None
) -> Iterator[str]:
    """Return what `as_csv` does, in pieces."""
    return _separated(records, trace, ",")


def as_tsv(records: Sequence[Record], trace: Trace, origins: Origins | None = None) -> str:
    """Return tab-separated values, one row a node."""
    return "".join(tsv_pieces(records, trace, origins))


def tsv_pieces(
    records: Sequence[Record], trace: Trace, origins: Origins | None = None
) -> Iterator[str]:
    """Return what `as_tsv` does, in pieces."""
    return _separated(records, trace, "\t")


def _separated(records: Sequence[Record], trace: Trace, delimiter: str) -> Iterator[str]:
    """Yield the header and the rows, a long value in pieces."""
    from graphcalc.tables.csv import Dialect, joined, quoted

    dialect = Dialect(delimiter)
    has_gradients, is_profiled = trace.target is not None, trace.profile is not None
    gradients = GRADIENT_COLUMNS if has_gradients else ()
    head = [*COLUMNS, *gradients, *(PROFILE_COLUMNS if is_profiled else ())]
    yield f"{joined(head, dialect)}\n"
    for record in records:
        cells = _row(record)
        if has_gradients:
            cells += _gradient_cells(record)
        if is_profiled:
            cells += [repr(record.seconds), repr(record.share), str(record.bytes)]
        for place, cell in enumerate(cells):
            yield delimiter if place else ""
            yield from (quoted(cell, dialect),) if isinstance(cell, str) else cell
        yield "\n"


def _statistics(summary: Summary | None, dtype: str) -> list[str]:
    if summary is None:
        return [""] * 5
    s = summary
    numbers = ((s.minimum, dtype), (s.mean, "float64"), (s.maximum, dtype))
    texts = ["" if x is None else exact(x, kind) for x, kind in numbers]
    return [*texts, str(s.nan), str(s.inf)]


def _gradient_cells(record: Record) -> list[Cell]:
    found = record.gradient
    if found is None:
        return [""] * len(GRADIENT_COLUMNS)
    value = _value_cell(found.value, record.dtype)
    return [value, *_statistics(found.summary, record.dtype)]


def _row(record: Record) -> list[Cell]:
    shape = "x".join(map(str, record.shape))
    value = _value_cell(record.value, record.dtype)
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
        *_statistics(record.summary, record.dtype),
        " ".join(record.born),
    ]


def _value_cell(value: Value, dtype: str) -> Cell:
    """Return a value as a literal, a long one in pieces with the quotes that its commas need."""
    literal = _literal(value, dtype)
    if prod(shape_of(value)) <= KEEP:
        return "".join(literal)
    return chain('"', literal, '"')


def _literal(value: Value, dtype: str, show: Show = exact) -> Iterator[str]:
    """Return the pieces of a value as a literal; none for one that was too large to keep."""
    return iter(()) if value is None else pieces(value, lambda x: show(x, dtype))


def as_markdown(
    records: Sequence[Record],
    trace: Trace,
    origins: Origins | None = None,
    digits: int | None = None,
) -> str:
    """Return a Markdown table, one row a node, with numbers rounded to `digits`."""
    show = round_to(digits)
    heads = header(trace)
    lines = [f"| {' | '.join(heads)} |", f"| {' | '.join(['---'] * len(heads))} |"]
    for record in records:
        value = value_text(record, show)
        cells: tuple[str, ...] = (safe(record.name), safe(record.text.strip()), value)
        if trace.target is not None:
            cells = (*cells, gradient_text(record, show))
        if trace.profile is not None:
            cells = (*cells, *profile_cells(record))
        lines.append(f"| {' | '.join(map(_markdown_cell, cells))} |")
    return "\n".join([*lines, ""])


def _markdown_cell(text: str) -> str:
    """Return a text for a cell, without what Markdown takes for a column's end or for HTML."""
    escaped = (
        text.replace("&", "&amp;").replace("<", "&lt;") if "<" in text or "&" in text else text
    )
    return escaped.replace("|", "\\|")


def as_value(
    records: Sequence[Record],
    trace: Trace,
    origins: Origins | None = None,
    digits: int | None = None,
) -> str:
    """Return the bare values, one a line; the bare gradients, where these were asked for.

    Numbers are rounded to `digits`.
    """
    return "".join(value_pieces(records, trace, origins, digits))


def value_pieces(
    records: Sequence[Record],
    trace: Trace,
    origins: Origins | None = None,
    digits: int | None = None,
) -> Iterator[str]:
    """Return what `as_value` does, in pieces."""
    show = round_to(digits)
    for record in records:
        part = record if trace.target is None else record.gradient
        yield from _literal(None if part is None else part.value, record.dtype, show)
        yield "\n"


# Formats whose values may be arrays that are written in pieces, not nested lists.
IN_PIECES = frozenset({"csv", "tsv", "value"})
# Formats that people read, whose numbers may be rounded.
ROUNDED: dict[
    str, Callable[[Sequence[Record], Trace, Origins | None, int | None], Iterable[str]]
] = {"md": as_markdown, "value": value_pieces}
PRINTERS: dict[str, Callable[[Sequence[Record], Trace, Origins | None], Iterable[str]]] = {
    "json": as_json,
    "jsonl": as_jsonl,
    "csv": csv_pieces,
    "tsv": tsv_pieces,
    "md": as_markdown,
    "value": value_pieces,
}
