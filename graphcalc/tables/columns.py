"""The columns of a table that is read record by record, and how records become numbers."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple, Protocol


class ColumnKind(enum.Enum):
    """What the cells of a column hold, as far as that is known before they are read.

    Text that `LOOKS_LIKE_TEXT` may have numbers among later cells, and `EITHER` may hold both.
    `INTEGER` is int64, and `LONG_INTEGER` such that a float64 has not all of its numbers.
    """

    NUMBER = enum.auto()
    INTEGER = enum.auto()
    LONG_INTEGER = enum.auto()
    TEXT = enum.auto()
    LOOKS_LIKE_TEXT = enum.auto()
    EITHER = enum.auto()


# What columns of Parquet and Arrow hold, by the first word of their kinds.
_WORDS = {
    "Date": "dates",
    "Datetime": "dates with times",
    "Time": "times",
    "Duration": "durations",
    "List": "lists",
    "Array": "lists",
    "Struct": "records",
    "Map": "mappings",
    "Binary": "bytes",
    "Object": "objects",
    "Null": "no values at all",
    "Extension": "values of an extension type",
    "Decimal": "decimals",
}


def kind_in_words(kind: object) -> str:
    """Return what a column of a kind of polars holds, in words."""
    name = str(kind).partition("(")[0]
    return _WORDS.get(name, name)


class Columns(Protocol):
    """The columns of a table; `keys` tell those of one name apart, `kinds` are what they hold.

    What is `is_open` may have other keys in later records.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        """The names."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The names, with what tells equal ones apart."""

    @property
    def kinds(self) -> Sequence[ColumnKind]:
        """What the columns hold, in their order."""

    @property
    def is_open(self) -> bool:
        """Whether later records may have other keys."""


class OutputColumns(NamedTuple):
    """The columns of the output: names, and for each an input column or the n-th output.

    An input column is its place, from 0, and the n-th output is -1 - n. Where all input columns
    come first and in order, a record is `passed` through as it is, and the outputs go behind it.
    An output that is a column itself stays as it is written.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    passed: bool

    @property
    def added(self) -> list[tuple[str, int]]:
        """The names of the outputs that have a column, and which of the outputs they are."""
        return [(name, -1 - p) for name, p in zip(self.names, self.places) if p < 0]


class Wanted(NamedTuple):
    """What a compiled pass wants of records, and what its part is like.

    names       keys of the columns whose numbers it reads
    places      columns that are put out as cells
    taken       keys that a record which goes through must not have already
    has_quotes  whether there are quotes in the part
    is_odd      whether there is what `cells.has_odd_characters` finds
    is_long     whether there is what `cells.has_long_numbers` finds
    """

    names: Sequence[str]
    places: Sequence[int]
    taken: Set[str]
    has_quotes: bool
    is_odd: bool
    is_long: bool = False


class RecordText(NamedTuple):
    """How the text of a compiled pass gets numbers and cells out of a record.

    unpack   statements that take the record `line` apart, or raise where that takes more care
    numbers  for each column that the pass reads the text of its number
    cells    for each place of a column that is put out as a cell the text of that
    names    what all of these need
    """

    unpack: tuple[str, ...]
    numbers: tuple[str, ...]
    cells: dict[int, str]
    names: Mapping[str, Any]


class LineText(NamedTuple):
    """How the text of a compiled pass writes a line.

    text   the inside of an f-string, where `{0}`, `{1}`, … stand for the outputs
    names  what it needs
    """

    text: str
    names: Mapping[str, Any]


class RecordFormat(Columns, Protocol):
    """One format of records, as it is read."""

    @property
    def format(self) -> str:
        """Its name: csv, tsv or jsonl."""

    @property
    def line_end(self) -> str:
        """What ends a record."""

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as Python reads them."""

    @property
    def rounded(self) -> str:
        """The first whole number that `numbers` rounded to a float, empty where there is none."""

    def read_as(self, key: str, dtype: str) -> None:
        """Read a column of numbers as int64 where that is its dtype, else as floating point."""

    def records(self, text: str) -> list[str]:
        """Return the records of a text."""

    def text(self, wanted: Wanted) -> RecordText:
        """Return how a compiled pass reads records."""

    def numbers(self, record: str, names: Sequence[str], missing: float | None) -> list[float]:
        """Return the numbers of columns; `missing` is that of empty cells. Raises CellError.

        Among the names may be tests of text, which give truth values.
        """

    def texts(self, record: str, names: Sequence[str]) -> list[str]:
        """Return the text of columns, empty where it is missing. Raises CellError."""

    def cells(self, record: str) -> Sequence[str | None]:
        """Return the cells of all columns as they are written, None for one that is not there."""

    def is_blank(self, record: str) -> bool:
        """Whether a line is no row at all."""

    def check(self, record: str) -> None:
        """Raise CellError for what is no record at all."""
