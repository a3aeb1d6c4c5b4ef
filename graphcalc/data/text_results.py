"""Values as text files: what a format cannot hold is refused, the rest is written in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from math import isfinite

from graphcalc.data.arrays import Value
from graphcalc.data.elements import Style, elements, pieces, shape_of
from graphcalc.diagnostics import OutputError, UsageError, brief
from graphcalc.numbers import exact
from graphcalc.tables.csv import Dialect, joined

# JSON with one element a line, as json.dumps(…, indent=1) writes it.
_INDENTED = Style(",", lambda depth: "\n" + " " * depth)


def check_columns(values: Mapping[str, Value]) -> None:
    """Raise UsageError for values that are not columns of one length; numbers make one row."""
    shapes = {name: shape_of(value) for name, value in values.items()}
    odd = next((name for name, shape in shapes.items() if len(shape) > 1), None)
    if odd is not None:
        raise UsageError(
            "save-shape",
            f"`{brief(odd)}` has {len(shapes[odd])} dimensions, and a column has one",
            help=f"save it alone: --save {odd}=FILE.csv, or use .npz or .safetensors",
        )
    sizes = {name: shape[0] if shape else 1 for name, shape in shapes.items()}
    first, count = next(iter(sizes.items()))
    for name, size in sizes.items():
        if size != count:
            raise UsageError(
                "save-shape",
                f"columns have one length, and `{brief(first)}` has {count:,} elements, "
                f"`{brief(name)}` {size:,}",
                help="use .npz, .safetensors or .json",
            )


def delimited_text(values: Mapping[str, Value], format: str) -> Iterator[str]:
    """Return CSV, TSV, or numbers between blanks: a matrix that is saved alone has no header."""
    delimiter = {"csv": ",", "tsv": "\t", "txt": " "}[format]
    dialect = Dialect(delimiter, format == "csv")
    first = next(iter(values.values()))
    shape = shape_of(first)
    if len(values) == 1 and len(shape) == 2:
        return _matrix(first, shape[1], delimiter)
    if format == "txt":
        if len(shape) > 1:
            raise UsageError("save-shape", "a .txt file holds a number, a vector or a matrix")
        return _matrix(first, 1, delimiter)
    check_columns(values)
    lines = (delimiter.join(map(exact, row)) for row in _rows(values))
    return (f"{line}\n" for line in chain([joined(values, dialect)], lines))


def _rows(values: Mapping[str, Value]) -> Iterator[tuple[float, ...]]:
    """Yield the rows of columns."""
    return zip(*(chain.from_iterable(elements(value)) for value in values.values()))


def _matrix(value: Value, width: int, delimiter: str) -> Iterator[str]:
    """Yield the rows of a matrix of so many columns, one a line."""
    if not width:
        yield "\n" * shape_of(value)[0]
        return
    index = 0
    for part in elements(value):
        ends = (delimiter if i % width else "\n" for i in range(index + 1, index + len(part) + 1))
        yield "".join(chain.from_iterable(zip(map(exact, part), ends)))
        index += len(part)


def json_lines_text(values: Mapping[str, Value], path: str) -> Iterator[str]:
    """Return one object a row of columns."""
    check_columns(values)
    show = _json_number(path)
    labels = [f"{json.dumps(name, ensure_ascii=False)}: " for name in values]
    return (
        f"{{{', '.join([a + show(x) for a, x in zip(labels, row)])}}}\n" for row in _rows(values)
    )


def json_text(values: Mapping[str, Value], *, is_bare: bool, path: str) -> Iterator[str]:
    """Yield an object of values, or a value alone where it `is_bare`."""
    show = _json_number(path)
    if is_bare:
        yield from pieces(next(iter(values.values())), show, _INDENTED)
    else:
        for place, (name, value) in enumerate(values.items()):
            before = ",\n " if place else "{\n "
            yield f"{before}{json.dumps(name, ensure_ascii=False)}: "
            yield from pieces(value, show, _INDENTED, 1)
        yield "\n}" if values else "{}"
    yield "\n"


def _json_number(path: str) -> Callable[[float], str]:
    """Return what writes a number as JSON; it raises OutputError for NaN and infinity."""

    def show(value: float) -> str:
        if not isfinite(value):
            raise OutputError(
                "not-json",
                f"{path}: JSON has no nan and no inf",
                help="save as .gc, .npz or .csv",
            )
        return json.dumps(value) if type(value) is bool else repr(value)

    return show


def bindings_text(values: Mapping[str, Value]) -> Iterator[str]:
    """Yield lines of `name = value`."""
    for name, value in values.items():
        yield f"{name} = "
        yield from pieces(value, exact)
        yield "\n"
