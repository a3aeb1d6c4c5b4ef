"""The formats of rows, and what file names say of them."""

from __future__ import annotations

from graphcalc.data import tables
from graphcalc.data.files import PACKED

# `json` is an array of objects; all others can be read and written some rows at a time.
FORMATS = (*tables.FORMATS, "json")
COLUMNAR = ("parquet", "arrow")


def packs(path: str) -> bool:
    """Whether what is written to a file of this name is packed."""
    return path.lower().endswith(PACKED)


def format_of(path: str) -> str | None:
    """The format that a file's name tells, None where it tells none."""
    name = path.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    return "json" if name.endswith(".json") else tables.format_of(path)
