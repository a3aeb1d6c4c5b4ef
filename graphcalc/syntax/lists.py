"""Lists among the values of a rule's symbols."""

from __future__ import annotations

from typing import Any

from graphcalc.syntax.expr import Binary, Expr, Keyword, List, Tensor
from graphcalc.syntax.tokens import Token


def as_list(argument: Expr, depth: int = 0) -> Expr:
    """An argument, where a tensor literal may also be a list of tensors.

    So may the operands of a `+` or a `*`, which join and repeat lists.
    """
    if type(argument) is Keyword:
        value = as_list(argument.value)
        return Keyword(argument.name, value, argument.start, argument.end)
    if type(argument) is Tensor:
        return _list_of(argument, depth)
    pending = [argument]
    while pending:
        node = pending.pop()
        if type(node) is Binary and node.op in ("add", "mul"):
            if type(node.left) is Tensor:
                node.left = _list_of(node.left, depth)
            if type(node.right) is Tensor:
                node.right = _list_of(node.right, depth)
            pending += (node.left, node.right)
    return argument


# So deep are repeated lists found inside of others.
_DEPTH = 8


def _list_of(node: Tensor, depth: int) -> List:
    """A tensor literal as a list; so are the rows that are repeated or joined lists."""
    items = tuple([_row(item, depth + 1) for item in node.items])
    return List(items, node.start, node.end)


def _row(item: Expr, depth: int) -> Expr:
    if type(item) is Binary:
        return as_list(item, depth) if depth < _DEPTH else item
    if type(item) is not Tensor or depth >= _DEPTH:
        return item
    row = _list_of(item, depth)
    is_list = not row.items or any(type(i) in (Binary, List) for i in row.items)
    return row if is_list else item


def nodes_among(symbols: list[Any]) -> tuple[Expr, ...]:
    """The nodes among a rule's symbols; the commas between them dropped."""
    nodes: list[Expr] = []
    for symbol in symbols:
        if type(symbol) is list:
            nodes += [s for s in symbol if type(s) is not Token]
        elif type(symbol) is not Token:
            nodes.append(symbol)
    return tuple(nodes)
