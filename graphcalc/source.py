"""Program text, and spans and positions in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n?|\n")


class Span(NamedTuple):
    """A half-open range of character offsets (code points) in one source."""

    start: int
    end: int


# The name of the sources of composites and derivatives, which are not the user's.
RULES = "<prelude>"


class Source:
    """A text with the name that diagnostics give for it.

    Lines end at LF, CRLF or CR; columns count code points from 1. `first_line` is the number of
    the first line, where the text is a part of a larger one.
    """

    __slots__ = ("_line_starts", "first_line", "name", "text")

    def __init__(self, text: str, name: str = "<program>", first_line: int = 1) -> None:
        self.text = text
        self.name = name
        self.first_line = first_line
        self._line_starts: list[int] | None = None

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {len(self.text)} characters)"

    def _starts(self) -> list[int]:
        if self._line_starts is None:
            self._line_starts = [0, *(m.end() for m in _LINE_END.finditer(self.text))]
        return self._line_starts

    def location(self, offset: int) -> tuple[int, int]:
        """Return the 1-based line and column of an offset."""
        starts = self._starts()
        line = bisect_right(starts, offset)
        return line + self.first_line - 1, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of a 1-based line, without its line end."""
        starts = self._starts()
        number -= self.first_line - 1
        begin = starts[number - 1]
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[begin:end].rstrip("\r\n")

    def slice(self, span: Span) -> str:
        """Return the text that a span covers."""
        return self.text[span.start : span.end]
