"""What the footer of a Parquet file says: the number of its rows, and columns of its schema.

The footer is a struct of Thrift's compact protocol (github.com/apache/parquet-format, and
thrift-compact-protocol.md of Apache Thrift). polars does not hand its count of rows out, and for
some files that it misreads its own count agrees with what it read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, TypeAlias

_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
# Members of FileMetaData and of SchemaElement.
_SCHEMA, _ROWS, _ROW_GROUPS = 2, 3, 4
_NAME, _CHILDREN, _LOGICAL = 4, 5, 10
# Of RowGroup.
_GROUP_ROWS = 3
# Logical types that are newer than what polars reads.
_UNSUPPORTED = {16: "variant"}
# Types of Thrift's compact protocol.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12

# The members and indices that lead to a value, and a number, bytes, or None for an open struct.
Event: TypeAlias = "tuple[tuple[int, ...], int | bytes | None]"


class Footer(NamedTuple):
    """The number of rows, the names of the columns, and for some of them a kind that is refused."""

    rows: int
    columns: tuple[str, ...]
    unsupported: dict[str, str]


class FooterError(Exception):
    """A footer that cannot be read; the text says why, and is empty where it is damaged."""


def read_footer(file: BinaryIO) -> Footer:
    """Return what the footer of a file says. Raises FooterError."""
    file.seek(0, 2)
    size = file.tell()
    if size < 12:
        raise FooterError
    file.seek(size - 8)
    length, magic = struct.unpack("<I4s", file.read(8))
    if magic == _ENCRYPTED:
        raise FooterError("encrypted files are not supported")
    if magic != _MAGIC or length > size - 12:
        raise FooterError
    file.seek(size - 8 - length)
    try:
        return _footer(_events(file.read(length)))
    except (IndexError, ValueError, struct.error):
        raise FooterError from None


def _footer(events: Iterator[Event]) -> Footer:
    """Return what the members before the row groups say.

    Where they count no rows, polars reads none, and no group may have any either.
    """
    rows = -1
    elements: list[_Element] = []
    for path, value in events:
        if path[0] == _ROWS and isinstance(value, int):
            rows = value
        elif path[0] == _SCHEMA and len(path) > 2:
            while len(elements) <= path[1]:
                elements.append(_Element())
            elements[path[1]].take(path[2:], value)
        elif path[0] == _ROW_GROUPS and path[2:] == (_GROUP_ROWS,) and value != rows:
            raise FooterError(f"the footer counts {rows:,} rows, and a part of them has {value!r}")
        if path[0] >= _ROW_GROUPS and rows:
            break
    if rows < 0 or not elements:
        raise ValueError
    return _columns(rows, elements)


class _Element:
    """One element of the schema: a column, or a group of as many elements as it has children."""

    def __init__(self) -> None:
        self.name, self.children, self.logical = "", 0, 0

    def take(self, path: tuple[int, ...], value: int | bytes | None) -> None:
        """Take a value of a member."""
        if path == (_NAME,) and isinstance(value, bytes):
            self.name = value.decode("utf-8", "replace")
        elif path == (_CHILDREN,) and isinstance(value, int):
            self.children = value
        elif path[0] == _LOGICAL and len(path) == 2:
            self.logical = path[1]


def _columns(rows: int, elements: list[_Element]) -> Footer:
    """Return the columns of a schema, whose elements stand in the order of a walk down the tree."""
    names: list[str] = []
    unsupported: dict[str, str] = {}
    inner = 0
    for element in elements[1:]:
        if not inner:
            names.append(element.name)
            inner = 1
        inner += element.children - 1
        if element.logical in _UNSUPPORTED:
            unsupported[names[-1]] = _UNSUPPORTED[element.logical]
    return Footer(rows, tuple(names), unsupported)


class _Reader:
    """Bytes, read from a place on. Raises IndexError or struct.error behind their end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def byte(self) -> int:
        """Return the next byte."""
        self.place += 1
        return self.data[self.place - 1]

    def varint(self) -> int:
        """Return a whole number of seven bits a byte."""
        found = shift = 0
        while shift < 70:
            byte = self.byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7
        raise ValueError

    def signed(self) -> int:
        """Return a varint whose last bit is its sign."""
        number = self.varint()
        return number >> 1 ^ -(number & 1)

    def value(self, kind: int, *, is_item: bool) -> int | bytes:
        """Return a value of a type that has no values within it."""
        if kind in (_TRUE, _FALSE):
            return self.byte() if is_item else int(kind == _TRUE)
        if kind == _BYTE:
            return self.byte()
        if kind < _DOUBLE:
            return self.signed()
        size = 8 if kind == _DOUBLE else self.varint()
        if kind > _BINARY or self.place + size > len(self.data):
            raise ValueError
        self.place += size
        return self.data[self.place - size : self.place]


class _Level:
    """An open struct, or an open list with `left` items of a type; `at` is the member or index."""

    def __init__(self, left: int | None = None, kind: int = _STRUCT) -> None:
        self._left, self._kind, self.at = left, kind, 0 if left is None else -1
        self.is_list = left is not None

    def next_kind(self, reader: _Reader) -> int | None:
        """Return the type of the next value; None where there are no more."""
        if self._left is not None:
            self._left, self.at = self._left - 1, self.at + 1
            return self._kind if self._left >= 0 else None
        head = reader.byte()
        self.at = self.at + (head >> 4) if head >> 4 or not head else reader.signed()
        return head & 15 if head else None


def _events(data: bytes) -> Iterator[Event]:
    """Yield the values in a struct, with where they are; structs within it are walked through."""
    reader, levels = _Reader(data), [_Level()]
    while levels:
        level = levels[-1]
        kind = level.next_kind(reader)
        if kind is None:
            levels.pop()
            continue
        value: int | bytes | None = None
        path = tuple([level.at for level in levels])
        if kind == _STRUCT:
            levels.append(_Level())
        elif kind in (_LIST, _SET):
            head = reader.byte()
            count = head >> 4 if head >> 4 < 15 else reader.varint()
            levels.append(_Level(count, head & 15))
        else:
            value = reader.value(kind, is_item=level.is_list)
        yield path, value
