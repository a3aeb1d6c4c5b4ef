"""Comparisons with text: of a column with text in quotes, and of two columns of text."""

from __future__ import annotations

from collections.abc import Sequence

from graphcalc.diagnostics import DtypeError, GraphcalcError, Label, ShapeError, brief
from graphcalc.graph.frames import Frame
from graphcalc.graph.lowered import Lowered, TextValue
from graphcalc.graph.scope import Scope
from graphcalc.graph.text_columns import ColumnText, TextTest
from graphcalc.ops.spec import Type
from graphcalc.ops.table import OPS
from graphcalc.syntax.expr import Expr


def is_compared(scope: Scope, left: Lowered, right: Lowered) -> bool:
    """Whether a comparison of these is one of text."""
    found = _text_of(scope, left), _text_of(scope, right)
    if TextValue in (type(left), type(right)):
        return True
    is_text = [text is not None and text.is_text for text in found]
    return all(is_text)


def comparison(scope: Scope, op: str, sides: Sequence[Lowered], node: Expr, frame: Frame) -> int:
    """Return the node of a comparison of text.

    Raises DtypeError where the sides have no common kind, and ShapeError for unequal lengths.
    """
    label = scope.label(node, frame.source)
    texts = [_text_of(scope, side) for side in sides]
    if op not in ("eq", "ne"):
        message = "text has no order: only `==` and `!=` compare it"
        raise DtypeError("text-comparison", message, label)
    left, right = texts
    if left is None or right is None:
        raise _no_text(scope, sides, texts, label)
    for side, text in zip(sides, texts):
        if type(side) is int and text is not None and text.cells is not None:
            scope.arguments.static_uses.append(scope.builder.source_of(side))
    written = frame.source.slice(node.span)
    if left.cells is not None and right.cells is not None:
        return _known(scope, op, left, right, written, node, frame, label)
    position = _test(scope, left, right, written, node, frame, label)
    return scope.add(OPS["logical_not"], (position,), (), node, frame) if op == "ne" else position


def _known(
    scope: Scope,
    op: str,
    left: ColumnText,
    right: ColumnText,
    written: str,
    node: Expr,
    frame: Frame,
    label: tuple[Label, ...],
) -> int:
    """Return the constant that a comparison of texts is that are known."""
    a, b = left.cells, right.cells
    assert a is not None
    assert b is not None
    sizes = {len(cells) for cells in (a, b) if type(cells) is tuple}
    if len(sizes) > 1:
        message = f"`{brief(left.name)}` has {len(a)} texts, and `{brief(right.name)}` {len(b)}"
        raise ShapeError("text-comparison", message, label)
    shape = tuple(sizes)
    count = shape[0] if shape else 1
    pairs = zip(*(c if type(c) is tuple else (c,) * count for c in (a, b)))
    data = tuple((x == y) == (op == "eq") for x, y in pairs)
    params = Type(shape, "bool"), data
    where = scope.at(node, frame)
    return scope.builder.add(OPS["const"], (), params, where, is_shared=False, written=written)


def _test(
    scope: Scope,
    left: ColumnText,
    right: ColumnText,
    written: str,
    node: Expr,
    frame: Frame,
    label: tuple[Label, ...],
) -> int:
    """Return the input that a comparison of columns of rows is."""
    columns = [text for text in (left, right) if text.cells is None]
    known = next((text.cells for text in (left, right) if text.cells is not None), "")
    if type(known) is tuple:
        message = "a column of rows is compared with one text, not with those of a whole column"
        raise ShapeError("text-comparison", message, label)
    test = TextTest(tuple([column.name for column in columns]), str(known))
    shape = scope.builder.nodes[scope.names[columns[0].name]].type.shape
    params = Type(shape, "bool"), test
    where = scope.at(node, frame)
    position = scope.builder.add(OPS["input"], (), params, where, written=written)
    scope.builder.nodes[position].is_bound = True
    return position


def _text_of(scope: Scope, item: Lowered) -> ColumnText | None:
    """Return what is known of the text of an operand; None for one that has none."""
    if type(item) is TextValue:
        return ColumnText("", item.text, True)
    return scope.builder.texts.get(scope.builder.source_of(item)) if type(item) is int else None


def _no_text(
    scope: Scope,
    sides: Sequence[Lowered],
    texts: Sequence[ColumnText | None],
    label: tuple[Label, ...],
) -> GraphcalcError:
    """Return the error for text that is compared with what holds none."""
    number = next(s for s, text in zip(sides, texts) if text is None)
    other = next(text for text in texts if text is not None)
    says = f'text "{brief(str(other.cells))}"' if not other.name else f"`{brief(other.name)}`"
    name = scope.builder.nodes[number].name if type(number) is int else None
    what = f"`{brief(name)}`" if name else "the other side"
    message = f"{what} holds no text, and {says} is never equal to what it holds"
    return DtypeError("text-comparison", message, label)
