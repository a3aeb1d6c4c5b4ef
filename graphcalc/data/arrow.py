"""Streams of Arrow data, as pipes bring them: a schema, then batches of rows.

The format is Arrow's "encapsulated messages" (arrow.apache.org/docs/format/Columnar.html): four
bytes FF, the length of the metadata, the metadata as a FlatBuffer, and a body whose length the
metadata says. A file is such a stream between a magic word and a footer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

MAGIC = b"ARROW1"
_CONTINUES = b"\xff\xff\xff\xff"
_END = _CONTINUES + bytes(4)
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
# Metadata that is longer is none.
_LONGEST = 64 << 20


def batches(stream: Any) -> Iterator[bytes]:
    """For the schema alone, and then for every batch of rows, a stream that has only these.

    Raises ValueError for what is no Arrow data, EOFError where it ends too early.
    """
    start = _exactly(stream, 8)
    if start.startswith(MAGIC):
        start = _exactly(stream, 8)
    head = b""
    while start not in (b"", _END):
        kind, message = _message(stream, start)
        if kind == _BATCH and head:
            yield head + message + _END
        elif kind in (_SCHEMA, _DICTIONARY):
            head += message
            if kind == _SCHEMA:
                yield head + _END
        start = _exactly(stream, 8, may_end=True)


def _message(stream: Any, start: bytes) -> tuple[int, bytes]:
    """The kind of the next message, and its bytes; `start` are the first eight of them."""
    mark, length = start[:4], struct.unpack("<i", start[4:])[0]
    if mark != _CONTINUES or not 0 < length <= _LONGEST:
        raise ValueError("not a stream of Arrow data")
    metadata = _exactly(stream, length)
    try:
        kind, body = _header(metadata)
    except (struct.error, IndexError):
        raise ValueError("damaged metadata") from None
    if body < 0:
        raise ValueError("damaged metadata")
    return kind, start + metadata + _exactly(stream, body)


def _header(metadata: bytes) -> tuple[int, int]:
    """The kind of a message and the length of its body: fields 1 and 3 of a table, from 0."""
    (table,) = struct.unpack_from("<I", metadata)
    (back,) = struct.unpack_from("<i", metadata, table)

    def field(index: int, form: str) -> int:
        fields = table - back
        (size,) = struct.unpack_from("<H", metadata, fields)
        if 4 + 2 * index >= size:
            return 0
        (offset,) = struct.unpack_from("<H", metadata, fields + 4 + 2 * index)
        return int(struct.unpack_from(form, metadata, table + offset)[0]) if offset else 0

    return field(1, "<B"), field(3, "<q")


def _exactly(stream: Any, size: int, *, may_end: bool = False) -> bytes:
    pieces: list[bytes] = []
    while size:
        piece = stream.read(min(size, 1 << 20))
        if not piece:
            if may_end and not pieces:
                return b""
            raise EOFError("the data ends too early")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
