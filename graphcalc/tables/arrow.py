"""Streams of Arrow data, as pipes bring them: a schema, then batches of rows.

The format is Arrow's "encapsulated messages" (arrow.apache.org/docs/format/Columnar.html): four
bytes FF, the length of the metadata, the metadata as a FlatBuffer, and a body whose length the
metadata says. A file has such messages between a magic word and a footer that tells where they are.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import BinaryIO, NamedTuple, Protocol

from graphcalc.tables.polars_calls import ReadError

MAGIC = b"ARROW1"
_CONTINUES = b"\xff\xff\xff\xff"
_END = _CONTINUES + bytes(4)
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
# Members of Footer, of Message, of Schema and of Field.
_FOOTER_SCHEMA, _HEADER, _FIELDS, _NAME, _CHILDREN = 1, 2, 1, 0, 5
# Metadata that is longer is none.
_LONGEST = 64 << 20


class RepeatedNameError(ReadError):
    """Two columns, or two fields of a column, have one name, which is the text of the error."""


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none at the end."""


def batches(stream: Readable, limit: int) -> Iterator[bytes]:
    """For the schema alone, and then for every batch of rows, a stream that has only these.

    Raises ValueError for what is no stream of Arrow data, or unpacks to more than `limit` bytes,
    struct.error for damaged metadata, and EOFError where the data ends too early.
    """
    start = _exactly(stream, 8)
    head = b""
    while start not in (b"", _END):
        kind, message = _message(stream, start, limit)
        if kind == _BATCH and head:
            yield head + message + _END
        elif kind in (_SCHEMA, _DICTIONARY):
            head += message
            if kind == _SCHEMA:
                check_names(_root(message[8:]).table(_HEADER))
                yield head + _END
        start = _exactly(stream, 8, may_end=True)


def check_sizes(file: BinaryIO, limit: int) -> None:
    """Raise ValueError for a file whose buffers unpack to more than so many bytes, if it is no
    damage that says so: polars would end the process for want of memory."""
    file.seek(-10, 2)
    length, magic = struct.unpack("<i6s", file.read(10))
    end = file.tell() - 10
    if magic != MAGIC or not 0 < length <= end:
        raise ValueError("no footer")
    file.seek(end - length)
    footer = _root(file.read(length))
    check_names(footer.table(_FOOTER_SCHEMA))
    for field in (2, 3):
        for place in footer.vector(field, 24):
            start, size, _ = struct.unpack_from("<qi4xq", footer.data, place)
            if not 0 <= start <= end or not 8 <= size <= _LONGEST:
                raise ValueError("damaged footer")
            file.seek(start)
            metadata = file.read(size)
            message = _root(metadata[8 if metadata[:4] == _CONTINUES else 4 :])
            _check_buffers(message, partial(_peek, file, start + size), limit)


def check_unique(names: Sequence[str]) -> None:
    """Raise RepeatedNameError where two names are equal."""
    if len(set(names)) < len(names):
        raise RepeatedNameError(next(n for n, count in Counter(names).items() if count > 1))


def check_names(schema: _Table | None) -> None:
    """Raise RepeatedNameError where two fields of a schema, or of one field in it, have one name.

    polars keeps the last of them.
    """
    pending = [] if schema is None else [(schema, _FIELDS)]
    seen: set[int] = set()
    while pending:
        parent, member = pending.pop()
        fields = [parent.table_at(place) for place in parent.vector(member, 4)]
        check_unique([field.text(_NAME) for field in fields])
        new = [field for field in fields if field.place not in seen]
        seen.update(field.place for field in new)
        pending += [(field, _CHILDREN) for field in new]


def _peek(file: BinaryIO, start: int, place: int) -> bytes:
    file.seek(start + place)
    return file.read(8)


def _check_buffers(message: _Table, peek: Callable[[int], bytes], limit: int) -> None:
    """Look at what each packed buffer of a batch says that it unpacks to; -1 is not packed."""
    batch = message.table(2)
    if batch is not None and message.number(1, "<B") == _DICTIONARY:
        batch = batch.table(1)
    if batch is None or batch.table(3) is None:
        return
    for place in batch.vector(2, 16):
        start, length = struct.unpack_from("<qq", batch.data, place)
        if start < 0 or length < 0:
            raise ValueError("damaged buffer")
        unpacked = struct.unpack("<q", peek(start).ljust(8, b"\0"))[0] if length >= 8 else 0
        if not -1 <= unpacked <= limit:
            raise ValueError("a buffer says that it unpacks to more than there is room for")


def _message(stream: Readable, start: bytes, limit: int) -> tuple[int, bytes]:
    """The kind of the next message, and its bytes; `start` are the first eight of them."""
    mark, length = start[:4], struct.unpack("<i", start[4:])[0]
    if mark != _CONTINUES or not 0 < length <= _LONGEST:
        raise ValueError("not a stream of Arrow data")
    metadata = _exactly(stream, length)
    message = _root(metadata)
    size = message.number(3, "<q")
    if not 0 <= size <= limit:
        raise ValueError("damaged metadata")
    body = _exactly(stream, size)
    _check_buffers(message, lambda place: body[place : place + 8], limit)
    return message.number(1, "<B"), start + metadata + body


class _Table(NamedTuple):
    """A table of a FlatBuffer, at a place of its bytes; its fields are known by their numbers.

    (flatbuffers.dev/internals: a table begins with the distance to what tells where its fields
    are.) Raises struct.error for what leads out of the bytes.
    """

    data: bytes
    place: int

    def _at(self, field: int) -> int:
        fields = self.place - struct.unpack_from("<i", self.data, self.place)[0]
        if fields < 0:
            raise struct.error
        size = struct.unpack_from("<H", self.data, fields)[0]
        if 4 + 2 * field >= size:
            return 0
        offset: int = struct.unpack_from("<H", self.data, fields + 4 + 2 * field)[0]
        return self.place + offset if offset else 0

    def number(self, field: int, form: str) -> int:
        """A number, 0 where it is not there."""
        place = self._at(field)
        return int(struct.unpack_from(form, self.data, place)[0]) if place else 0

    def table(self, field: int) -> _Table | None:
        """A table within, if it is there."""
        place = self._at(field)
        return _Table(self.data, place + self.number(field, "<I")) if place else None

    def table_at(self, place: int) -> _Table:
        """The table that an item of a vector leads to."""
        return _Table(self.data, place + int(struct.unpack_from("<I", self.data, place)[0]))

    def text(self, field: int) -> str:
        """A text, empty where it is not there."""
        place = self._at(field)
        if not place:
            return ""
        start = place + self.number(field, "<I")
        size = struct.unpack_from("<I", self.data, start)[0]
        return self.data[start + 4 : start + 4 + size].decode("utf-8", "replace")

    def vector(self, field: int, size: int) -> range:
        """The places of the items of a vector, which have a size."""
        place = self._at(field)
        if not place:
            return range(0)
        start = place + self.number(field, "<I")
        count = struct.unpack_from("<I", self.data, start)[0]
        return range(start + 4, start + 4 + count * size, size)


def _root(data: bytes) -> _Table:
    return _Table(data, struct.unpack_from("<I", data)[0])


def _exactly(stream: Readable, size: int, *, may_end: bool = False) -> bytes:
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
