"""Where records of quoted text end.

A cell in quotes may hold line ends. One whose quote is not closed, or is closed before other text,
is broken: its record is the line that it begins in, and the next line begins another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import BinaryIO, NamedTuple

from graphcalc.tables.cells import MAX_CELL

# What is between the quotes of a cell. There are as many repeats as a cell may have: each takes
# memory while it is matched.
QUOTED = rf'[^"]*(?:""[^"]*){{0,{MAX_CELL // 2}}}'


class RecordSizes(NamedTuple):
    """The numbers of lines of records; the last one `is_open` where its end is not known."""

    sizes: list[int]
    is_open: bool


def record_sizes(
    lines: Sequence[str],
    delimiter: str,
    size: Callable[[str], int] = len,
    *,
    is_whole: bool = False,
) -> RecordSizes:
    """Return how many lines the records have that begin with the first line.

    `size` is that of a line in bytes: a quote that is open for more than a cell may have is never
    closed, and neither is one that is open at the end of lines that are `is_whole`.
    """
    before = ("", '"', delimiter[-1])
    sizes: list[int] = []
    place, count = 0, len(lines)
    while place < count:
        line = lines[place]
        last = line.rfind('"')
        # The last quote of a line that ends within quotes opens a cell, or is one of a pair.
        if last < 0 or line[max(last - 1, 0) : last] not in before or not _opens(line, delimiter):
            sizes.append(1)
            place += 1
            continue
        end = _end_of(lines, place, delimiter, size)
        if end is None and is_whole:
            end = place + 1
        if end is None:
            sizes.append(count - place)
            return RecordSizes(sizes, True)
        sizes.append(end - place)
        place = end
    return RecordSizes(sizes, False)


def closing_quote(text: str, place: int) -> int:
    """Return where the quote is that closes a cell whose text begins here; -1 where none does."""
    end = text.find('"', place)
    while end >= 0 and text.startswith('"', end + 1):
        end = text.find('"', end + 2)
    return end


def quoted_cells(delimiter: str) -> re.Pattern[bytes]:
    """Return what finds cells in quotes that stand where they may."""
    d = re.escape(delimiter).encode()
    before, after = b"(?:^|(?<=[\n" + d + b"]))", b"(?=[\r\n" + d + b"]|$)"
    return re.compile(before + b'"' + QUOTED.encode() + b'"' + after)


def has_closed_quotes(stream: BinaryIO, delimiter: str) -> bool:
    """Whether all quotes of a text are those of cells in quotes."""
    quoted, rest = quoted_cells(delimiter), b""
    while piece := stream.read(1 << 20):
        lines = rest + piece
        end = lines.rfind(b"\n") + 1
        rest = lines[end:]
        if len(rest) > MAX_CELL or b'"' in quoted.sub(b"", lines[:end]):
            return False
    return b'"' not in quoted.sub(b"", rest)


def _end_of(
    lines: Sequence[str], start: int, delimiter: str, size: Callable[[str], int]
) -> int | None:
    """Return the line behind a record that begins with a line that ends within quotes.

    That is the next line where its quotes are broken, and None where the lines do not tell.
    """
    length = size(lines[start])
    for place in range(start + 1, len(lines)):
        line = lines[place]
        length += size(line) + 1
        if length > MAX_CELL:
            return start + 1
        end = closing_quote(line, 0)
        if end < 0:
            continue
        rest = line[end + 1 :]
        if rest.rstrip("\r") and not rest.startswith(delimiter):
            return start + 1
        if not _opens(rest, delimiter):
            return place + 1
        length = size(line)
    return None


def _opens(line: str, delimiter: str) -> bool:
    """Whether a line ends within quotes. A quote inside of a cell without any opens nothing."""
    place = open_quote(line, delimiter)
    return place is not None


def open_quote(line: str, delimiter: str) -> int | None:
    """Where the quotes begin that are open at the end of a line; None where none are."""
    place = 0
    while True:
        if line.startswith('"', place):
            end = closing_quote(line, place + 1)
            if end < 0:
                return place
            if not line.startswith(delimiter, end + 1):
                return None
            place = end + 1 + len(delimiter)
            continue
        end = line.find(delimiter, place)
        if end < 0:
            return None
        place = end + len(delimiter)
