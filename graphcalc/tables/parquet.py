"""What the pages of a Parquet file say of themselves, looked at before polars reads them.

polars takes the sizes in a page's header for true, and ends the process where there is no memory
for them. The headers are structs of Thrift's compact protocol
(github.com/apache/parquet-format, parquet.thrift; github.com/apache/thrift, compact-protocol.md).
"""

from __future__ import annotations

from typing import Any

_MAGIC = b"PAR1"
# Bytes that a page's header is looked for in; most have some tens.
_HEADER = 1 << 12
# What is nested more deeply is no metadata.
_DEEPEST = 32


def check_sizes(file: Any, limit: int) -> None:
    """Raise ValueError where a page cannot be as its header has it, or unpacks to more than `limit`
    bytes. What is no header at all is left to polars, which says so."""
    size = file.seek(0, 2)
    file.seek(max(size - 8, 0))
    end = file.read(8)
    length = int.from_bytes(end[:4], "little")
    if end[4:] != _MAGIC or length > size - 8:
        raise ValueError("no footer")
    file.seek(size - 8 - length)
    try:
        groups = _Compact(file.read(length)).struct()[4]
        columns = [column[3] for group in groups for column in group[1]]
        for column in columns:
            _check_column(file, column, size, limit)
    except (_NoCompactError, IndexError, KeyError, TypeError):
        return


def _check_column(file: Any, column: dict[int, Any], size: int, limit: int) -> None:
    """Look at the pages of a column of a row group, one after the other."""
    place = min(column.get(11) or column[9], column[9])
    end, values = place + column[7], column[5]
    if not 0 <= place <= end <= size or values < 0:
        raise ValueError("a column is not within the file")
    while place < end and values:
        file.seek(place)
        data = file.read(_HEADER)
        reader = _Compact(data)
        try:
            page = reader.struct()
        except IndexError:
            # Statistics may be long.
            reader = _Compact(data + file.read(1 << 20))
            page = reader.struct()
        packed, unpacked = page[3], page[2]
        counts = [page[header].get(1, 0) for header in (5, 7, 8) if header in page]
        lengths = [page[8].get(field, 0) for field in (2, 3, 5, 6)] if 8 in page else []
        place += reader.place + packed
        if not 0 <= packed <= end or not 0 <= unpacked <= limit or place > end:
            raise ValueError("a page has no such size")
        if not all(0 <= n <= values for n in counts) or not all(0 <= n <= limit for n in lengths):
            raise ValueError("a page has not so many values")


class _NoCompactError(Exception):
    """Bytes that are not of Thrift's compact protocol."""


class _Compact:
    """A reader of Thrift's compact protocol; structs are dictionaries by the numbers of fields.

    Raises IndexError where the bytes end too early, _NoCompactError for what is no such data.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """A struct."""
        if depth > _DEEPEST:
            raise _NoCompactError("nested too deeply")
        found: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._number()
            kind = head & 15
            found[field] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._number()
        if kind == 7:
            return self._bytes(8)
        if kind == 8:
            return self._bytes(self._varint())
        if kind in (9, 10):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._varint()
            if count > len(self._data):
                raise _NoCompactError("a list longer than the data")
            return [self._value(head & 15, depth + 1) for _ in range(count)]
        if kind == 12:
            return self.struct(depth + 1)
        raise _NoCompactError("not a type of Thrift")

    def _byte(self) -> int:
        self.place += 1
        return self._data[self.place - 1]

    def _bytes(self, count: int) -> bytes:
        if count > len(self._data) - self.place:
            raise IndexError("the data ends too early")
        self.place += count
        return self._data[self.place - count : self.place]

    def _varint(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7
            if shift > 63:
                raise _NoCompactError("a number without an end")

    def _number(self) -> int:
        """A signed number, whose last bit is its sign."""
        found = self._varint()
        return (found >> 1) ^ -(found & 1)
