"""How a node reads in terms of the names of other nodes."""

from __future__ import annotations

from typing import Any

from graphcalc.graph.ir import Graph, Node
from graphcalc.ops.spec import parameters
from graphcalc.ops.table import OPS
from graphcalc.syntax.format import format_number


def node_text(graph: Graph, position: int) -> str:
    """The expression of a node: `a + b`, `sum(x, dim=0)`, `W[i, 1:3]`, or a constant's value."""
    node = graph.nodes[position]
    if node.is_bound:
        return node.written
    names = [_operand(graph, i) for i in node.operands]
    op = node.op
    if op is OPS["const"]:
        return _constant(node)
    if op.text:
        first = _tight(names[0]) if names else ""
        return op.text.format(first, all=", ".join(names), written=node.written)
    if op.symbol and len(names) == 2:
        if op.symbol == "^":
            return f"{_tight(names[0])}^{names[1]}"
        return f"{names[0]} {op.symbol} {names[1]}"
    if op.symbol and len(names) == 1:
        gap = " " if op.symbol.isalpha() else ""
        return f"{op.symbol}{gap}{_tight(names[0]) if not gap else names[0]}"
    return f"{op.name}({', '.join(_arguments(node, names))})"


def _operand(graph: Graph, position: int) -> str:
    node = graph.nodes[position]
    return node.name if node.name is not None else _constant(node)


def _tight(text: str) -> str:
    """An operand that binds tighter than a sign on its left."""
    return f"({text})" if text.startswith("-") else text


def _constant(node: Node) -> str:
    """A constant in place: its name, the number, or the elements of a small tensor."""
    if node.written:
        return node.written
    type_, data = node.params
    if not type_.shape:
        return show_static(data[0])
    if len(data) <= 12 and len(type_.shape) == 1:
        return f"[{', '.join(map(show_static, data))}]"
    return f"[…{len(data)} elements]" if len(data) > 12 else _nested(type_.shape, data)


def _nested(shape: tuple[int, ...], data: tuple[Any, ...]) -> str:
    level = [show_static(value) for value in data]
    for size in reversed(shape):
        level = [
            f"[{', '.join(level[i : i + size])}]" for i in range(0, len(level), max(size, 1))
        ] or ["[]"]
    return level[0]


def show_static(value: Any) -> str:
    """A static argument as the language writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return format_number(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(show_static, value))}{',' if len(value) == 1 else ''})"
    return str(value)


def _arguments(node: Node, names: list[str]) -> list[str]:
    """Operands and static arguments, those that equal their defaults left out."""
    operands, static = iter(names), iter(node.params)
    shown: list[str] = []
    is_positional = True
    for parameter in parameters(node.op):
        if parameter.kind == "key":
            continue
        if parameter.kind == "tensor":
            text = next(operands, "")
        else:
            value = next(static)
            if parameter.variadic:
                shown += map(show_static, value)
                continue
            if parameter.kind == "dims" and isinstance(value, tuple) and len(value) == 1:
                value = value[0]
            text = show_static(value)
        if text.lower() == parameter.default.lower():
            is_positional = False
        elif is_positional and parameter.kind != "flag" and parameter.kind != "dims":
            shown.append(text)
        else:
            shown.append(f"{parameter.name}={text}")
    return shown
