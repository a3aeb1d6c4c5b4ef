"""What kinds columns of text have in Parquet and Arrow.

A column is Int64, Float64 or Boolean where all of its cells are, and String otherwise: also where
a number has zeros before it, as a postal code has.
"""

from __future__ import annotations

from typing import Any

from graphcalc.rows.plan import RowPlan
from graphcalc.rows.records import Records
from graphcalc.rows.tables import DelimitedTable, OutputColumns, RowTable
from graphcalc.tables.polars_calls import import_polars

# Zeros before a number, and whole numbers of more digits than a float has.
_LEADING_ZERO, _LONG = r"^\s*[+-]?0\d", r"^\s*[+-]?\d{17,}\s*$"
_NUMBER = r"^(?:-?(?:(?:0|[1-9]\d*)\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|-?inf|nan)$"


def kind_of(pl: Any, dtype: str) -> Any:
    """polars' kind of a dtype; the narrowest ones are Float32, which has their numbers."""
    kinds = {"bool": pl.Boolean, "int64": pl.Int64, "float64": pl.Float64}
    return kinds.get(dtype, pl.Float32)


def kinds_of(
    plan: RowPlan, layout: OutputColumns, table: RowTable, records: Records
) -> dict[str, Any]:
    """The kinds of the columns of the output, by name.

    A file is looked at as a whole; of what can be read but once, the first part.
    """
    pl = import_polars()
    columns = _inferred(pl, table, records) if any(p >= 0 for p in layout.places) else {}
    return {
        name: columns.get(table.columns[place], pl.String)
        if place >= 0
        else kind_of(pl, plan.graph.nodes[plan.outputs[-1 - place]].type.dtype)
        for name, place in zip(layout.names, layout.places)
    }


def _inferred(pl: Any, table: RowTable, records: Records) -> dict[str, Any]:
    """The kinds of the columns of the input that are not text."""
    source = records.path if records.is_plain else records.peek()
    try:
        if not isinstance(table, DelimitedTable):
            found = pl.scan_ndjson(source, infer_schema_length=None).collect_schema()
            return {name: kind for name, kind in found.items() if kind in _kinds(pl)}
        if not table.dialect.delimiter.isascii():  # polars takes no other
            return {}
        kinds = _scan(pl, source, table, records, None).collect_schema().dtypes()
        texts = _scan(pl, source, table, records, 0)
        looks = [_is_other(pl, pl.nth(i), kind).alias(str(i)) for i, kind in enumerate(kinds)]
        others = texts.select(looks).collect().row(0)
    except pl.exceptions.PolarsError:
        return {}
    for place, is_other in enumerate(others):
        if is_other:
            kinds[place] = pl.Float64 if kinds[place] == pl.String else pl.String
    return {name: kind for name, kind in zip(table.columns, kinds) if kind in _kinds(pl)}


def _is_other(pl: Any, cells: Any, kind: Any) -> Any:
    """Whether cells are of another kind than polars takes them for: numbers that are text, for
    their zeros or their digits, and text that is numbers, with nan among them."""
    if kind == pl.Int64:
        return cells.str.contains(_LEADING_ZERO).any()
    if kind == pl.Float64:
        return cells.str.contains(f"{_LEADING_ZERO}|{_LONG}").any()
    if kind != pl.String:
        return pl.lit(False)
    has_long = cells.str.contains(_LONG).any()
    return cells.str.contains(_NUMBER).all() & cells.is_not_null().any() & ~has_long


def _kinds(pl: Any) -> list[Any]:
    return [pl.Int64, pl.Float64, pl.Boolean]


def _scan(pl: Any, source: Any, table: DelimitedTable, records: Records, length: int | None) -> Any:
    return pl.scan_csv(
        source,
        has_header=records.is_plain and table.has_header,
        infer_schema_length=length,
        separator=table.dialect.delimiter,
        quote_char='"' if table.dialect.has_quotes else None,
        truncate_ragged_lines=True,
        ignore_errors=True,
        glob=False,
    )
