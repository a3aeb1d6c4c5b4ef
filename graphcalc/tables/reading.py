"""What tables of all formats share: what their files are called, and how their text is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from graphcalc.diagnostics import DataError, Label, brief
from graphcalc.files.memory import check_memory
from graphcalc.files.streams import display_path, open_bytes, unpacked_name, unreadable
from graphcalc.tables.cells import PLAIN, NumberFormat

# The formats of rows, and what file names end with.
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


class TextOptions(NamedTuple):
    """How text tables are read: what separates cells, the encoding, what empty cells are, and how
    numbers are written.

    Without a header the columns are called by their places, from 1.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"
    missing: float | None = None
    has_header: bool = True
    number_format: NumberFormat = PLAIN


def format_of(path: str) -> str | None:
    """The format of a table that a file's name tells, None where it tells none."""
    name = unpacked_name(path)
    return next((f for ending, f in _ENDINGS.items() if name.endswith(ending)), None)


def read_text(path: str, options: TextOptions, limit: int, label: Label | None) -> str:
    """All of a text file, unpacked and decoded."""
    stream, whole = open_bytes(path)
    name, labels = display_path(path), () if label is None else (label,)
    pieces, size, lines = [], 0, 0
    try:
        while True:
            try:
                piece = stream.read(1 << 20)
            except Exception as error:  # of the file, of gzip, zlib and zstd
                raise unreadable(name, error) from None
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
            lines += piece.count(b"\n")
            check_memory(name, text_bytes(size, lines), limit, label)
    finally:
        if path != "-":
            stream.close()
    if not size:
        raise DataError("empty-file", f"{name}: the file is empty", labels)
    if path != "-" and whole is not None and size < whole:
        raise file_changed(name, whole - size)
    data = b"".join(pieces)
    pieces.clear()
    return decoded(data, name, options.encoding, label)


def text_bytes(size: int, lines: int) -> int:
    """Return the bytes that a text takes as bytes, as characters and as lines, each an object."""
    return 3 * size + 80 * lines


def file_changed(name: str, missing: int) -> DataError:
    """Return the error for a file that lost bytes while it was read."""
    message = f"{name}: the file changed while it was read"
    note = f"it is {missing:,} bytes shorter than at first"
    return DataError("file-changed", message, note=note)


def decoded(data: bytes, name: str, encoding: str, label: Label | None) -> str:
    """Return the text of bytes. Raises DataError for bytes that are not valid in the encoding."""
    labels = () if label is None else (label,)
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
        place = data.find(b"\0") if "\0" in text else -1
        what, hint = (
            "a NUL byte",
            "utf-16" if place >= 0 and data.count(b"\0") * 3 > len(data) else "",
        )
    except UnicodeDecodeError as error:
        place, what = error.start, not_text(error)
        hint = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
    except UnicodeError as error:
        raise DataError("encoding", f"{name}: {not_text(error)}", labels) from None
    if place < 0:
        return text
    line = data.count(b"\n", 0, place) + 1
    raise DataError(
        "encoding",
        f"{name}: {what} in line {line}, at offset {place:,}",
        labels,
        help=f"say what it is: --encoding {hint}" if hint else "",
    )


def not_text(error: UnicodeError) -> str:
    """Return why bytes are not valid in an encoding."""
    if isinstance(error, UnicodeDecodeError) and error.start < len(error.object):
        return f"not {error.encoding.upper()} (byte 0x{error.object[error.start]:02x})"
    return brief(str(error), 80)


def _visible(name: str) -> str:
    """A name for a message, in quotes where blanks begin or end it."""
    return brief(name) if name == name.strip() else f'"{name[:60]}"'


def delimiter_hint(columns: Sequence[str]) -> str:
    """Return the option that parts a header of one name which looks like several; else nothing."""
    if len(columns) != 1:
        return ""
    delimiter = next((d for d in ";\t|:," if d in columns[0]), "")
    shown = "\\t" if delimiter == "\t" else delimiter
    return f"if `{shown}` separates the columns, add --delimiter '{shown}'" if delimiter else ""


def names_listed(names: Sequence[str], limit: int = 12) -> str:
    """Names for a message, some of many."""
    listed = ", ".join(f"`{_visible(name)}`" for name in names[:limit])
    return f"{listed} and {len(names) - limit} more" if len(names) > limit else listed
