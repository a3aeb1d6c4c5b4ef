"""Columns of frames as text: cells of CSV and TSV, members of JSON lines.

Numbers are written as Python's engine writes them; what JSON has no word for is text.
"""

from __future__ import annotations

import io
from typing import Any

from graphcalc.diagnostics import DataError, brief
from graphcalc.numbers import exact
from graphcalc.rows.tables import label_of
from graphcalc.tables.csv import ESCAPES, Dialect, quoted

# Python writes numbers below it as 1e-05, and polars as 0.00001.
_TINY = 1e-4
# From here on Python writes 1e+16, and polars 1e16 in some of its versions.
_HUGE = 1e16
# Whole numbers that are no more than one in so many are put right one by one.
_RARE = 50


def is_odd(values: Any) -> Any:
    """Numbers that polars writes in another way: tiny ones, 8.0 for 8, and what is not finite.

    The last equal their floor, too: polars takes nan for nan.
    """
    return (values.abs() < _TINY) | (values == values.floor())


def number_text(pl: Any, values: Any, odd: Any = None) -> Any:
    """Numbers or truth values as text; `odd` says which are, where that is known."""
    text = values.cast(pl.String)
    if values.dtype not in (pl.Float64, pl.Float32):
        return text
    places = (is_odd(values) if odd is None else odd).arg_true()
    if len(places) * _RARE > len(values):
        text = text.str.strip_suffix(".0").replace("NaN", "nan")
        size = values.abs()
        places = (
            ((size < _TINY) & (values != 0)) | ((size >= _HUGE) & size.is_finite())
        ).arg_true()
    if not len(places):
        return text
    dtype = "float64" if values.dtype == pl.Float64 else "float32"
    return text.scatter(places, [exact(x, dtype) for x in values.gather(places)])


def check_kinds(pl: Any, frame: Any, format: str, name: str) -> None:
    """Raise DataError for a column of bytes, which no text format has."""
    for column, kind in frame.schema.items():
        pending = [kind]
        while pending:
            kind = pending.pop()
            if kind == pl.Binary or kind == pl.Object:
                raise DataError(
                    "column-kind",
                    f"{name}: column `{brief(column)}` has {frame.schema[column]}, "
                    f"which {format} cannot hold",
                    help="--only leaves the columns out, --to parquet keeps them",
                )
            pending += [f.dtype for f in kind.fields] if isinstance(kind, pl.Struct) else ()
            pending += [kind.inner] if isinstance(kind, (pl.List, pl.Array)) else ()


def head_line(names: list[str], dialect: Dialect) -> bytes:
    """The header of CSV or TSV."""
    line = dialect.delimiter.join(quoted(name, dialect) for name in names)
    return f"{line}{dialect.line_end}".encode()


def delimited(pl: Any, frame: Any, dialect: Dialect) -> bytes:
    """The rows of a frame as lines of CSV or TSV."""
    columns = [_cells(pl, series, dialect).alias(series.name) for series in frame]
    out = io.BytesIO()
    pl.DataFrame(columns).write_csv(
        out,
        include_header=False,
        separator=dialect.delimiter,
        line_terminator=dialect.line_end,
        quote_style="necessary" if dialect.has_quotes else "never",
    )
    return out.getvalue()


def _cells(pl: Any, values: Any, dialect: Dialect) -> Any:
    kind = values.dtype
    if kind.is_nested() or kind == pl.Duration:
        text = _json(pl, values).str.strip_chars('"')
        text = pl.select(pl.when(values.is_not_null()).then(text)).to_series()
    else:
        text = number_text(pl, values)
    if not dialect.has_quotes and not kind.is_numeric():
        for character, escape in ESCAPES.items():
            text = text.str.replace_all(character, escape, literal=True)
    return text


def json_lines(pl: Any, frame: Any) -> bytes:
    """The rows of a frame as objects, one a line."""
    members = [pl.Series(_member(pl, series)) for series in frame]
    lines = pl.select(pl.concat_str(members, separator=", ")).to_series()
    return "".join(f"{{{line}}}\n" for line in lines).encode()


def _member(pl: Any, values: Any) -> Any:
    """`"label": value` of every row; null, with its kind beside it, for what is not finite."""
    label = label_of(values.name)
    text = _json(pl, values)
    if values.dtype in (pl.Float64, pl.Float32):
        beside = f'null, {label[:-1]}_non_finite": "'
        odd = pl.lit(beside) + text + pl.lit('"')
        is_odd = ~values.is_finite()
        text = pl.select(pl.when(is_odd).then(odd).otherwise(text)).to_series()
    return pl.select(pl.lit(f"{label}: ") + text).to_series()


def _json(pl: Any, values: Any) -> Any:
    """The values as JSON."""
    if values.dtype.is_numeric():
        return number_text(pl, values).fill_null("null")
    members = pl.select(pl.struct(values.alias("x"))).to_series().struct.json_encode()
    return members.str.strip_prefix('{"x":').str.strip_suffix("}")
