"""Columns of frames as text: cells of CSV and TSV, members of JSON lines.

Numbers are written as Python's engine writes them; what JSON has no word for is text.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from graphcalc.diagnostics import DataError, brief
from graphcalc.numbers import exact
from graphcalc.tables.columns import kind_in_words
from graphcalc.tables.csv import ESCAPES, Dialect
from graphcalc.tables.jsonlines import label_of
from graphcalc.tables.polars_calls import ReadError, call_safely

if TYPE_CHECKING:
    import polars

# Python writes numbers below it as 1e-05, and polars as 0.00001.
_TINY = 1e-4
# From here on Python writes 1e+16, and polars 1e16 in some of its versions.
_HUGE = 1e16
# Whole numbers that are no more than one in so many are put right one by one.
_RARE = 50
_HINT = "--only leaves the columns out, --to parquet keeps them"


def is_odd(values: Any) -> Any:
    """Return which numbers, of a series or an expression, polars writes in another way.

    They are tiny ones, whole ones (8.0 for 8), and NaN and infinity, which equal their floor, too:
    to polars NaN is equal to NaN.
    """
    return (values.abs() < _TINY) | (values == values.floor())


def number_text(values: polars.Series, odd: polars.Series | None = None) -> polars.Series:
    """Numbers or truth values as text; `odd` says which are, where that is known."""
    import polars as pl

    text: polars.Series = values.cast(pl.String)
    if not values.dtype.is_float():
        return text
    if values.dtype not in (pl.Float64, pl.Float32):
        words = [None if x is None else exact(x, "float16") for x in values.to_list()]
        return pl.Series(values.name, words, dtype=pl.String)
    flags: polars.Series = is_odd(values) if odd is None else odd
    places = flags.arg_true()
    if len(places) * _RARE > len(values):
        text = text.str.strip_suffix(".0").replace("NaN", "nan")
        size = values.abs()
        places = (
            ((size < _TINY) & (values != 0)) | ((size >= _HUGE) & size.is_finite())
        ).arg_true()
    if not len(places):
        return text
    dtype = "float64" if values.dtype == pl.Float64 else "float32"
    exact_texts = [exact(x, dtype) for x in values.gather(places)]
    written: polars.Series = text.scatter(places, exact_texts)
    return written


def check_kinds(frame: polars.DataFrame, format: str, name: str) -> None:
    """Raise DataError for a column of bytes, which no text format has."""
    import polars as pl

    for column, kind in frame.schema.items():
        pending: list[Any] = [kind]
        while pending:
            inner = pending.pop()
            if inner == pl.Binary or inner == pl.Object:
                raise DataError(
                    "column-kind",
                    f"{name}: column `{brief(column)}` has {kind_in_words(frame.schema[column])}, "
                    f"which {format} cannot hold",
                    help=_HINT,
                )
            pending += [f.dtype for f in inner.fields] if isinstance(inner, pl.Struct) else ()
            pending += [inner.inner] if isinstance(inner, (pl.List, pl.Array)) else ()


def lines_of(frame: polars.DataFrame, format: str, dialect: Dialect, name: str) -> bytes:
    """The rows of a frame as lines of text. Raises DataError for a value that text cannot hold."""
    is_json = format in ("json", "jsonl")

    def write(part: polars.DataFrame) -> bytes:
        return json_lines(part) if is_json else delimited(part, dialect)

    try:
        return call_safely(lambda: write(frame))
    except ReadError as error:
        raise _unwritable(frame, write, format, name, str(error)) from None


def _unwritable(
    frame: polars.DataFrame,
    write: Callable[[polars.DataFrame], bytes],
    format: str,
    name: str,
    reason: str,
) -> DataError:
    """Return the error for rows that polars cannot write, by the column that it fails at."""
    for column in frame.columns:
        try:
            call_safely(partial(write, frame.select(column)))
        except ReadError as error:
            kind = kind_in_words(frame.schema[column])
            what = f"column `{brief(column)}` has {kind}, and {format} cannot hold all of it"
            note = "some of it is out of range" if "range" in str(error) else ""
            return DataError("column-kind", f"{name}: {what}", note=note, help=_HINT)
    return DataError("column-kind", f"{name}: {format} cannot hold its rows", note=reason)


def delimited(frame: polars.DataFrame, dialect: Dialect) -> bytes:
    """The rows of a frame as lines of CSV or TSV."""
    import polars as pl

    columns = [_cells(series, dialect).alias(series.name) for series in frame]
    out = io.BytesIO()
    pl.DataFrame(columns).write_csv(
        out,
        include_header=False,
        separator=dialect.delimiter,
        line_terminator=dialect.line_end,
        quote_style="necessary" if dialect.has_quotes else "never",
    )
    return out.getvalue()


def _cells(values: polars.Series, dialect: Dialect) -> polars.Series:
    import polars as pl

    kind = values.dtype
    if kind.is_nested() or kind == pl.Duration:
        text = _json(values).str.strip_chars('"')
        text = pl.select(pl.when(values.is_not_null()).then(text)).to_series()
    else:
        text = number_text(values)
    if not dialect.has_quotes and not kind.is_numeric():
        for character, escape in ESCAPES.items():
            text = text.str.replace_all(character, escape, literal=True)
    return text


def json_lines(frame: polars.DataFrame) -> bytes:
    """The rows of a frame as objects, one a line."""
    import polars as pl

    members = [pl.Series(_member(series)) for series in frame]
    lines = pl.select(pl.concat_str(members, separator=", ")).to_series()
    return "".join(f"{{{line}}}\n" for line in lines).encode()


def _member(values: polars.Series) -> polars.Series:
    """`"label": value` of every row; null, with its kind beside it, for what is not finite."""
    import polars as pl

    label = label_of(values.name)
    text = _json(values)
    if values.dtype.is_float():
        beside = f'null, {label[:-1]}_non_finite": "'
        odd = pl.lit(beside) + text + pl.lit('"')
        is_odd = ~values.is_finite()
        text = pl.select(pl.when(is_odd).then(odd).otherwise(text)).to_series()
    return pl.select(pl.lit(f"{label}: ") + text).to_series()


def _json(values: polars.Series) -> polars.Series:
    """The values as JSON."""
    import polars as pl

    if values.dtype.is_numeric():
        return number_text(values).fill_null("null")
    members = pl.select(pl.struct(values.alias("x"))).to_series().struct.json_encode()
    return members.str.strip_prefix('{"x":').str.strip_suffix("}")
