"""Index items, `x[i, 1:3, ..., None, places]`, made static against a shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphcalc.diagnostics import DtypeError, IndexRangeError, Label, brief
from graphcalc.graph.call_arguments import Arguments
from graphcalc.graph.lowered import EllipsisValue, Lowered, NoneValue, Range, TupleValue
from graphcalc.graph.text import show_static
from graphcalc.ops.shapes import show
from graphcalc.ops.sizes import Size
from graphcalc.source import Source
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr


class Indexing:
    """Reads index items; what they are comes from `arguments` and `operand`."""

    def __init__(
        self, arguments: Arguments, operand: Callable[[Lowered, Expr, Source], int]
    ) -> None:
        self.arguments = arguments
        self.operand = operand

    def items(
        self, items: list[Lowered], node: ast.Index, shape: tuple[int, ...], source: Source
    ) -> tuple[tuple[Any, ...], list[int]]:
        """Index items against a shape, and the nodes of those that are tensors.

        An item is an int or a (start, stop, step) of a dimension, None for a new one, and `"*"`
        where a tensor chooses. Negative positions are counted from the end, `...` is spelled out.
        """
        dots = [i for i, item in enumerate(items) if type(item) is EllipsisValue]
        used = sum(type(item) not in (EllipsisValue, NoneValue) for item in items)
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
            expanded += [(r, expr) for r in rest] if type(item) is EllipsisValue else [(item, expr)]
        if not dots:
            expanded += [(r, node) for r in rest]
        sizes = iter(shape)
        found: list[Any] = []
        operands: list[int] = []
        for item, expr in expanded:
            size = None if type(item) is NoneValue else next(sizes)
            if type(item) is int and self._is_chosen(item):
                operands.append(self._places(item, expr, text, source))
                found.append("*")
            else:
                found.append(None if size is None else self.item(item, expr, size, text, source))
        return tuple(found), operands

    def _is_chosen(self, item: int) -> bool:
        """Whether a tensor, or a number that only the run knows, chooses the elements."""
        builder = self.arguments.builder
        return bool(builder.nodes[item].type.shape) or builder.static(item) is None

    def _places(self, item: int, expr: Expr, text: str, source: Source) -> int:
        if self.arguments.builder.nodes[item].type.dtype == "bool":
            raise DtypeError(
                "index-mask",
                f"a mask chooses a number of elements of `{text}` that only the run knows",
                (Label(source, expr.span),),
                help="write `where(mask, x, 0)`, which keeps the shape",
            )
        return item

    def item(self, item: Any, expr: Expr, size: Any, text: str, source: Source) -> Any:
        """One item that is static, against the size of its dimension."""
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
        return position if position >= 0 else position + size

    def _position(self, item: Any, expr: Expr, source: Source) -> Any:
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

    def _slice(self, item: Range, size: Any, source: Source) -> tuple[Any, Any, Any]:
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
        if Size in (type(size), *map(type, parts)):
            return self._symbolic(parts, size, item, source)
        return slice(*parts).indices(size)

    def _symbolic(
        self, parts: list[Any], size: Any, item: Range, source: Source
    ) -> tuple[Any, Any, Any]:
        """A slice of a symbolic size, which is taken to be long enough for it."""
        lower, upper, step = parts
        step = 1 if step is None else step
        if not step > 0:
            if parts[:2] == [None, None] and step == -1:
                return size - 1, -1, -1
            raise IndexRangeError(
                "slice-symbolic",
                f"a slice that goes backwards through {size} elements has no known size",
                (Label(source, item.node.span),),
                help="write `flip(x, dim)`",
            )
        start = 0 if lower is None else lower + size if lower < 0 else lower
        stop = size if upper is None else upper + size if upper < 0 else upper
        return start, stop if not stop > size else size, step


def pick(
    arguments: Arguments, sizes: TupleValue, items: list[Lowered], node: ast.Index, source: Source
) -> Lowered:
    """An element, or a slice, of a tuple: `x.shape[0]`, `chunk(x, 2)[1]`."""
    count = len(sizes.items)
    if len(items) != 1 or type(items[0]) in (NoneValue, EllipsisValue):
        label = (Label(source, node.span),)
        raise IndexRangeError("too-many-indices", "a tuple takes one index", label)
    indexing = Indexing(arguments, lambda item, node, source: 0)
    found = indexing.item(
        items[0], node.items[0], count, brief(source.slice(node.value.span)), source
    )
    if isinstance(found, tuple):
        return TupleValue(tuple(sizes.items[i] for i in range(*found)), node)
    item: Lowered = sizes.items[found]
    return item
