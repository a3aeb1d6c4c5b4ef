"""Columns of tables as names: `col("net price")` is the name of what no identifier names."""

from __future__ import annotations

import re
from typing import Any

from graphcalc.ops.table import FUNCTIONS
from graphcalc.syntax.expr import Name, Number, Text

_VERSION = re.compile(r"'\d+\Z")
_WORDS = frozenset("if else and or not in is true false True False None".split())


def normalized(name: str) -> str:
    """Return a name as Python's identifiers are compared: in Unicode's form NFKC."""
    if name.isascii():
        return name
    import unicodedata

    return unicodedata.normalize("NFKC", name)


def name_of(header: str) -> str:
    """The name that a program has for the column of a header.

    That is the header itself, or `col("…")` where this is no name, or a function's.
    """
    is_plain = header not in _WORDS and header not in FUNCTIONS
    if is_plain and len(header) <= 255 and header.isidentifier() and normalized(header) == header:
        return header
    return f"col('{header}')" if '"' in header else f'col("{header}")'


def header_of(name: str) -> str:
    """The header of the column that a node of this name makes: without `col("…")` and a version."""
    name = _VERSION.sub("", name)
    is_column = name.startswith(("col('", 'col("')) and name.endswith(("')", '")'))
    return name[5:-2] if is_column else name


def name_at(place: int) -> str:
    """The name that a program may have for a column by its place, from 1."""
    return f"col({place})"


def column_of(function: Any, arguments: tuple[Any, ...]) -> str | None:
    """The name that a call such as `col("net price")` or `col(2)` is; None for any other call."""
    if type(function) is not Name or function.name != "col" or len(arguments) != 1:
        return None
    (argument,) = arguments
    if type(argument) is Text:
        return name_of(argument.value)
    if type(argument) is Number and argument.value == int(argument.value) >= 1:
        return name_at(int(argument.value))
    return None
