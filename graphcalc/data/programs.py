"""Program texts from files and standard input."""

from __future__ import annotations

import sys

from graphcalc.diagnostics import DataError, LimitError, brief
from graphcalc.source import Source
from graphcalc.syntax.parser import MAX_TEXT


def read_standard_input() -> Source:
    """All of standard input. Raises DataError where it cannot be read or is not UTF-8."""
    if sys.stdin is None:
        raise DataError("no-stdin", "standard input is closed")
    try:
        data = sys.stdin.buffer.read(MAX_TEXT + 1)
    except OSError as error:
        raise DataError("unreadable", f"standard input: {_reason(error)}") from None
    return Source(_decode(data, "<stdin>"), "<stdin>")


def read_file(path: str) -> Source:
    """A program file. Raises DataError where it cannot be read or is not UTF-8."""
    try:
        with open(path, "rb") as file:
            return Source(_decode(file.read(MAX_TEXT + 1), path), path)
    except OSError as error:
        raise DataError("unreadable", f"{_shown(path)}: {_reason(error)}") from None
    except ValueError:  # a NUL in the name
        raise DataError("unreadable", f"{_shown(path)}: not a file name") from None


def _decode(data: bytes, name: str) -> str:
    if len(data) > MAX_TEXT:
        raise LimitError("program-size", f"{name}: a program has at most {MAX_TEXT:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        looks = "; looks like UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        byte = data[error.start]
        raise DataError(
            "encoding", f"{name}: not UTF-8 (byte 0x{byte:02x} at offset {error.start}{looks})"
        ) from None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _shown(path: str) -> str:
    return path if len(path) <= 255 else brief(path)
