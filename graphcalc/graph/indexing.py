"""Index items, `x[i, 1:3, ..., None]`, made static against a shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphcalc.diagnostics import IndexRangeError, Label, brief
from graphcalc.graph.arguments import Arguments, Dots, Item, Nothing, Range
from graphcalc.graph.text import show_static
from graphcalc.ops.shapes import show
from graphcalc.source import Source
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr


@dataclass(slots=True, eq=False)
class Indexing:
    """Reads index items; what they are comes from `arguments`."""

    arguments: Arguments

    def items(
        self, items: list[Item], node: ast.Index, shape: tuple[int, ...], source: Source
    ) -> tuple[Any, ...]:
        """Index items against a shape: an int or a (start, stop, step) a dimension, None for new.

        Negative positions are counted from the end, `...` is spelled out.
        """
        dots = [i for i, item in enumerate(items) if type(item) is Dots]
        used = sum(type(item) not in (Dots, Nothing) for item in items)
        text = brief(source.slice(node.value.span))
        if len(dots) > 1:
            label = (Label(source, node.items[dots[1]].span),)
            raise IndexRangeError("index-dots", "an index holds at most one `...`", label)
        if used > len(shape):
            raise IndexRangeError(
                "too-many-indices",
                f"{used} {'index' if used == 1 else 'indices'} for `{text}`, "
                f"which is {show(shape)}",
                (Label(source, node.span),),
            )
        rest: list[Any] = [slice(None)] * (len(shape) - used)
        expanded: list[tuple[Any, Expr]] = []
        for item, expr in zip(items, node.items):
            expanded += [(r, expr) for r in rest] if type(item) is Dots else [(item, expr)]
        if not dots:
            expanded += [(r, node) for r in rest]
        sizes = iter(shape)
        return tuple(
            None if type(item) is Nothing else self._item(item, expr, next(sizes), text, source)
            for item, expr in expanded
        )

    def _item(self, item: Any, expr: Expr, size: int, text: str, source: Source) -> Any:
        if isinstance(item, slice):
            return (0, size, 1)
        if type(item) is Range:
            return self._slice(item, size, source)
        position = self._position(item, expr, source)
        if not -size <= position < size:
            raise IndexRangeError(
                "index-range",
                f"index {position} is outside of `{text}`, whose dimension has {size}",
                (Label(source, expr.span),),
                note=f"indices go from {-size} to {size - 1}" if size else "it is empty",
            )
        return position % size

    def _position(self, item: Any, expr: Expr, source: Source) -> int:
        value = self.arguments.value(item)

        def fail() -> IndexRangeError:
            got = "" if value is None else f", not {show_static(value)}"
            known = "; it is known only when the program runs" if value is None else ""
            return IndexRangeError(
                "index-whole",
                f"an index must be a whole number{got}{known}",
                (Label(source, expr.span),),
            )

        return self.arguments.whole(item, fail)

    def _slice(self, item: Range, size: int, source: Source) -> tuple[int, int, int]:
        parts = [
            None if part is None else self._position(part, expr or item.node, source)
            for part, expr in (
                (item.lower, item.node.lower),
                (item.upper, item.node.upper),
                (item.step, item.node.step),
            )
        ]
        if parts[2] == 0:
            span = (item.node.step or item.node).span
            label = (Label(source, span),)
            raise IndexRangeError("slice-step", "the step of a slice cannot be 0", label)
        return slice(*parts).indices(size)
