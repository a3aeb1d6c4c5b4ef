"""The formats of rows, and what file names say of them."""

from __future__ import annotations

from graphcalc.files.streams import unpacked_name
from graphcalc.tables import reading

# `json` is an array of objects; all others can be read and written some rows at a time.
FORMATS = (*reading.FORMATS, "json")
COLUMNAR = ("parquet", "arrow")


def format_of(path: str) -> str | None:
    """The format that a file's name tells, None where it tells none."""
    name = unpacked_name(path)
    return "json" if name.endswith(".json") else reading.format_of(path)
