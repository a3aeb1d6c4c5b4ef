"""The elements of values of any library, some at a time, and as the text of nested lists."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from graphcalc.data.arrays import Value
from graphcalc.numbers import leaves
from graphcalc.ops.kernels.arrays import NDArray

# Elements at once: as Python objects with their texts they take some megabytes.
STEP = 1 << 15


class Style(NamedTuple):
    """How nested lists are written: what is behind an element, and what begins a line, by depth."""

    comma: str = ", "
    gap: Callable[[int], str] = lambda depth: ""


def shape_of(value: Value) -> tuple[int, ...]:
    """Return the shape of a number, of nested lists, or of an array of any library."""
    if hasattr(value, "shape"):
        return tuple(map(int, value.shape))
    shape = []
    while isinstance(value, (list, tuple)):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def elements(value: Value) -> Iterator[Sequence[float]]:
    """Yield the elements in row-major order, some at a time, as Python's numbers."""
    if isinstance(value, NDArray):
        flat: Value = value.data
    elif hasattr(value, "reshape"):
        flat = (value.detach() if hasattr(value, "detach") else value).reshape(-1)
    else:
        flat = leaves(value)
    for start in range(0, len(flat), STEP):
        part = flat[start : start + STEP]
        yield part if isinstance(part, (list, tuple)) else part.tolist()


def pieces(
    value: Value, show: Callable[[float], str], style: Style | None = None, depth: int = 0
) -> Iterator[str]:
    """Yield the text of a value as nested lists that begin at a depth, piece by piece."""
    style, shape, parts = style or Style(), shape_of(value), elements(value)
    if 0 in shape:
        # Lists of empty lists.
        shape, show = shape[: shape.index(0)], lambda _: "[]"
        parts = iter([range(math.prod(shape))])
    if shape:
        yield from _Brackets(shape, style, depth).around(parts, show)
    else:
        yield show(next(parts)[0])


class _Brackets:
    """The brackets and commas between the elements of a shape."""

    def __init__(self, shape: tuple[int, ...], style: Style, depth: int) -> None:
        self._comma, self._gap, self._depth = *style, depth
        # How many elements a list has at each depth.
        self._sizes = [math.prod(shape[level:]) for level in range(len(shape))]
        self._width = shape[-1]
        self._between = style.comma + style.gap(depth + len(shape))

    def around(
        self, parts: Iterator[Sequence[float]], show: Callable[[float], str]
    ) -> Iterator[str]:
        """Yield the text of the elements of some parts."""
        index = 0
        for part in parts:
            texts = list(map(show, part))
            place = 0
            while place < len(texts):
                end = place + self._width - index % self._width
                row = texts[place:end]
                yield self._between if index % self._width else self._opened(index)
                yield self._between.join(row)
                index, place = index + len(row), end
                if not index % self._width:
                    yield self._closed(index)

    def _opened(self, index: int) -> str:
        """What stands before the element at an index that begins a list."""
        outer = sum(1 for size in self._sizes if index % size)
        before = self._comma + self._gap(self._depth + outer) if index else ""
        levels = range(outer, len(self._sizes))
        return before + "".join("[" + self._gap(self._depth + level + 1) for level in levels)

    def _closed(self, index: int) -> str:
        """What stands before an index behind which a list ends."""
        outer = sum(1 for size in self._sizes if index % size)
        levels = reversed(range(outer, len(self._sizes)))
        return "".join(self._gap(self._depth + level) + "]" for level in levels)
