"""What kinds columns of text have in Parquet and Arrow.

A column is Int64, Float64 or Boolean where all of its cells are, and String otherwise: also where
a number has zeros before it, as a postal code has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from graphcalc.rows.plan import RowPlan
from graphcalc.rows.records import Records
from graphcalc.tables.columns import OutputColumns, RecordFormat
from graphcalc.tables.csv import CsvTable
from graphcalc.tables.polars_calls import load_polars

if TYPE_CHECKING:
    import polars

DataKind: TypeAlias = "polars.DataType | type[polars.DataType]"

# Zeros before a number, and whole numbers of more digits than a float has.
_LEADING_ZERO, _LONG = r"^\s*[+-]?0\d", r"^\s*[+-]?\d{17,}\s*$"
_NUMBER = r"^(?:-?(?:(?:0|[1-9]\d*)\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|-?inf|nan)$"


def kind_of(dtype: str) -> DataKind:
    """Return polars' kind of a dtype; the narrowest ones are Float32, which has their numbers."""
    import polars as pl

    kinds: dict[str, DataKind] = {"bool": pl.Boolean, "int64": pl.Int64, "float64": pl.Float64}
    return kinds.get(dtype, pl.Float32)


def kinds_of(
    plan: RowPlan, layout: OutputColumns, table: RecordFormat, records: Records
) -> dict[str, DataKind]:
    """The kinds of the columns of the output, by name.

    A file is looked at as a whole; of what can be read but once, the first part.
    """
    pl = load_polars("columns of kinds need", None)
    columns = _inferred(table, records) if any(p >= 0 for p in layout.places) else {}
    return {
        name: columns.get(table.columns[place], pl.String)
        if place >= 0
        else kind_of(plan.graph.nodes[plan.outputs[-1 - place]].type.dtype)
        for name, place in zip(layout.names, layout.places)
    }


def _inferred(table: RecordFormat, records: Records) -> dict[str, DataKind]:
    """The kinds of the columns of the input that are not text."""
    import polars as pl

    source = records.path if records.is_plain else records.peek()
    try:
        if not isinstance(table, CsvTable):
            found = pl.scan_ndjson(source, infer_schema_length=None).collect_schema()
            return {name: kind for name, kind in found.items() if kind in _kinds()}
        if not table.dialect.delimiter.isascii():  # polars takes no other
            return {}
        kinds: list[DataKind] = list(_scan(source, table, records, None).collect_schema().dtypes())
        texts = _scan(source, table, records, 0)
        looks = [_is_other(pl.nth(i), kind).alias(str(i)) for i, kind in enumerate(kinds)]
        others = texts.select(looks).collect().row(0)
    except pl.exceptions.PolarsError:
        return {}
    for place, is_other in enumerate(others):
        if is_other:
            kinds[place] = pl.Float64 if kinds[place] == pl.String else pl.String
    return {name: kind for name, kind in zip(table.columns, kinds) if kind in _kinds()}


def _is_other(cells: polars.Expr, kind: DataKind) -> polars.Expr:
    """Whether cells are of another kind than polars takes them for: numbers that are text, for
    their zeros or their digits, and text that is numbers, with nan among them."""
    import polars as pl

    if kind == pl.Int64:
        return cells.str.contains(_LEADING_ZERO).any()
    if kind == pl.Float64:
        return cells.str.contains(f"{_LEADING_ZERO}|{_LONG}").any()
    if kind != pl.String:
        return pl.lit(False)
    has_long = cells.str.contains(_LONG).any()
    return cells.str.contains(_NUMBER).all() & cells.is_not_null().any() & ~has_long


def _kinds() -> list[DataKind]:
    import polars as pl

    return [pl.Int64, pl.Float64, pl.Boolean]


def _scan(
    source: str | bytes, table: CsvTable, records: Records, length: int | None
) -> polars.LazyFrame:
    import polars as pl

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
