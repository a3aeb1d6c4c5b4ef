"""Formats of tables by the names of files."""

from __future__ import annotations

from graphcalc.data.files import PACKED

FORMATS = ("csv", "tsv", "jsonl", "parquet", "arrow")
_ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}


def format_of(path: str) -> str | None:
    """The format of a table that a file's name tells, None where it tells none."""
    name = path.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    return next((f for ending, f in _ENDINGS.items() if name.endswith(ending)), None)
