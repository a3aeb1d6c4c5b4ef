"""Bytes to whole records: from files, pipes and compressed files, in parts of constant size."""

from __future__ import annotations

import codecs
import io
import os
import select
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from graphcalc.data.references import near_names
from graphcalc.diagnostics import DataError, Label, LimitError
from graphcalc.files.streams import Pipe, display_path, open_bytes, unreadable
from graphcalc.source import Source, Span
from graphcalc.tables.cells import MAX_CELL
from graphcalc.tables.quotes import open_quote, record_sizes
from graphcalc.tables.reading import file_changed, not_text

# A record that is longer ends the run before memory does.
MAX_RECORD = 16 << 20
# How long a pipe may be silent before what has come is computed, in seconds.
_PATIENCE = 0.02


class Records:
    """The parts of one input, each of whole records, and what of them was read.

    `name` is what messages call it; what `is_pipe` can be read but once. `line_end`, `has_quotes`
    and `delimiter` say where records end; a quoted line end ends none. `line` is the number of the
    first line behind the header.
    """

    def __init__(self, path: str, encoding: str, size: int, stream: BinaryIO | None = None) -> None:
        self.name = display_path(path)
        self.path, self.size = path, size
        self.line_end, self.has_quotes, self.delimiter = b"\n", True, ","
        # Whether there is a line before the header that says what the delimiter is.
        self.has_preamble = False
        self.bytes_read = 0
        self.total_bytes: int | None = None
        self._stream: Any = stream
        if stream is None:
            self._stream, self.total_bytes = _opened(path)
        self._is_pipe = isinstance(self._stream, Pipe)
        self.is_pipe = self.total_bytes is None if path == "-" else not os.path.isfile(path)
        self.is_pipe = self.is_pipe and stream is None
        self._decode: Any = None
        if encoding.replace("_", "-").lower() not in ("utf-8", "utf8"):
            self._decode = codecs.getincrementaldecoder(encoding)()
        self._rest = b""
        self._begin = self.tell()
        self._is_over = False
        self.line = 1

    def tell(self) -> int:
        """Where in a file that is standard input the records begin."""
        is_file = self.path == "-" and self.total_bytes is not None
        return int(self._stream.tell()) if is_file else 0

    def seek(self, place: int) -> None:
        """Begin there."""
        self._stream.seek(place)
        self._begin = place

    def close(self) -> None:
        """Close what was opened here."""
        if self.path != "-":
            self._stream.close()

    def head(self) -> bytes:
        """The first record, with its line end, which tells where all the others end."""
        while not self._is_over:
            end = self._head_end()
            if end:
                found, self._rest = self._rest[:end], self._rest[end:]
                self.line += found.count(b"\n") if self.line_end != b"\r" else found.count(b"\r")
                return found
            self._check_length(0)
            self._fill(len(self._rest) + self.size)
        end = self._head_end() or len(self._rest)
        found, self._rest = self._rest[:end], self._rest[end:]
        self.line += 1
        return found

    @property
    def is_plain(self) -> bool:
        """Whether the path names the very text that is read: others may read it too."""
        is_same = self.path != "-" and self.total_bytes is not None and self._decode is None
        return is_same and self.line_end != b"\r" and not self.has_preamble

    def peek(self) -> bytes:
        """The next records, with line feeds, which stay to be read; all that are in memory."""
        is_here = isinstance(self._stream, io.BytesIO)
        self._fill(len(self._stream.getbuffer()) + 1 if is_here else self.size)
        end = len(self._rest) if self._is_over else self._boundary()
        found = self._rest[:end]
        return found.replace(b"\r", b"\n") if self.line_end == b"\r" else found

    def waiting(self, size: int) -> bytes:
        """Up to so many bytes of the next records, which stay to be read; a pipe is not waited
        for."""
        if not self._is_pipe or _has_more(self._stream):
            self._fill(size)
        end = len(self._rest)
        if end > size or not self._is_over:
            end = self._rest.rfind(self.line_end[-1:], 0, size) + 1
        return self._rest[:end]

    def push_back(self, data: bytes) -> None:
        """Take back what `head` gave, as a record like any other."""
        self._rest = data + self._rest
        self.line = 1

    def _head_end(self) -> int:
        """Where the first record ends, 0 where that is not known yet; sets the line end."""
        data = self._rest
        end = data.find(b"\n")
        if end < 0 or self._is_quoted_newline(data[:end]):
            # Lines may end in CR alone, as on old systems.
            end = data.find(b"\r")
            is_whole = 0 <= end < len(data) - 1 or (end >= 0 and self._is_over)
            if is_whole and data[end + 1 : end + 2] != b"\n":
                self.line_end = b"\r"
                return end + 1
            return 0
        self.line_end = b"\r\n" if data[end - 1 : end] == b"\r" else b"\n"
        if not self.has_quotes or b'"' not in data[:end]:
            return end + 1
        lines = data.decode("latin-1").split("\n")
        found = record_sizes(lines[:-1], self._delimiter, is_whole=self._is_over)
        if found.is_open and len(found.sizes) == 1:
            return 0
        first = found.sizes[0]
        return sum(map(len, lines[:first])) + first

    def _is_quoted_newline(self, line: bytes) -> bool:
        """Whether the newline behind the first line belongs to a cell of lines that end in CR."""
        if not self.has_quotes or b"\r" not in line[:-1]:
            return False
        return open_quote(line.decode("latin-1").rpartition("\r")[2], self._delimiter) is not None

    @property
    def _delimiter(self) -> str:
        """The delimiter as bytes that are read as characters."""
        return self.delimiter.encode().decode("latin-1")

    def parts(self) -> Iterator[bytes | None]:
        """The records, some at a time, and None where a pipe has no more for now.

        Raises LimitError for a record that is too long, DataError where reading fails.
        """
        while True:
            if self._is_pipe and not self._is_over and not _has_more(self._stream):
                yield None
            self._fill(self.size)
            if self._is_over:
                self._check_all_read()
                end = self._without_blank_end(len(self._rest))
                if end:
                    yield self._rest[:end]
                return
            end = self._without_blank_end(self._boundary())
            if not end:
                self._check_length(0)
                self.size = max(self.size, 2 * len(self._rest))
                continue
            self._check_length(end)
            part, self._rest = self._rest[:end], self._rest[end:]
            yield part

    def _boundary(self) -> int:
        """Where the last whole record ends."""
        newline = self.line_end[-1:]
        end = self._rest.rfind(newline) + 1
        if not self.has_quotes or b'"' not in self._rest:
            return end
        lines = self._rest[:end].decode("latin-1").split(newline.decode())[:-1]
        found = record_sizes(lines, self._delimiter)
        if not found.is_open:
            return end
        kept = lines[: len(lines) - found.sizes[-1]]
        return sum(map(len, kept)) + len(kept)

    def _without_blank_end(self, end: int) -> int:
        """A boundary before empty lines: at the end of a file they are no rows."""
        size = len(self.line_end)
        while self._rest.endswith(2 * self.line_end, 0, end):
            end -= size
        return 0 if end == size and self._rest.startswith(self.line_end) else end

    def _check_length(self, end: int) -> None:
        if len(self._rest) - end > MAX_RECORD:
            start = self.bytes_read - len(self._rest) + end
            raise LimitError(
                "record-length",
                f"{self.name}: the row that begins at byte {start:,} has more than "
                f"{MAX_RECORD >> 20} MiB",
                help="an opening quote that is never closed makes such rows, too"
                if b'"' in self._rest
                else "",
            )

    def _check_all_read(self) -> None:
        """Raise DataError where a file ends before the size that it had when it was opened."""
        if self.total_bytes is None:
            return
        missing = self.total_bytes - self._begin - self.bytes_read
        if missing > 0:
            raise file_changed(self.name, missing)

    def _fill(self, size: int) -> None:
        """Read until there are so many bytes, or a pipe has no more for now."""
        pieces = [self._rest]
        have = len(self._rest)
        while have < size and not self._is_over:
            if self._is_pipe and have and not _has_more(self._stream):
                break
            data = self._read(size - have)
            if not data:
                self._is_over = True
            pieces.append(data)
            have += len(data)
        self._rest = b"".join(pieces)

    def _read(self, size: int) -> bytes:
        try:
            data: bytes = self._stream.read(max(size, 1 << 16) if self._is_pipe else size)
        except Exception as error:  # of the file, of gzip, zlib and zstd
            raise unreadable(self.name, error) from None
        self.bytes_read += len(data)
        if self._decode is None:
            return data
        try:
            text: str = self._decode.decode(data, final=not data)
            if not text and data:
                return self._read(size)
            is_first = self.bytes_read == len(data)
            return (text.removeprefix("\ufeff") if is_first else text).encode()
        except UnicodeError as error:
            raise DataError("encoding", f"{self.name}: {not_text(error)}") from None


def _opened(path: str) -> tuple[BinaryIO, int | None]:
    """A file, whose errors say where it is named."""
    try:
        return open_bytes(path)
    except DataError as error:
        d = error.diagnostic
        label = Label(Source(path, "--rows"), Span(0, len(path)))
        raise DataError(d.code, d.message, (label,), d.note, near_names(path)) from None


def _has_more(stream: Any) -> bool:
    """Whether there is more to read, or will be soon."""
    try:
        return bool(stream.head or select.select([stream], [], [], _PATIENCE)[0])
    except (OSError, ValueError):  # Windows' pipes cannot be asked
        return sys.platform != "win32"


def longest_suspects(data: bytes, line_end: bytes) -> bool:
    """Whether a record may be longer than a cell may be; looks at a few places only."""
    half = MAX_CELL // 2
    newline = line_end[-1:]
    return any(
        data.find(newline, place, place + half) < 0 for place in range(0, len(data) - half, half)
    )
