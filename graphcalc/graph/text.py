"""How a node reads in terms of the names of other nodes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from graphcalc.graph.ir import Graph, Node
from graphcalc.ops.move_shapes import dims_of
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import TENSORS, parameters
from graphcalc.ops.table import OPS
from graphcalc.syntax.format import format_number


def node_text(
    graph: Graph, position: int, operand: Callable[[Graph, int], str] | None = None
) -> str:
    """The expression of a node: `a + b`, `sum(x, dim=0)`, `W[i, 1:3]`, or a constant's value.

    With `operand`, operands read as that gives them, not as their names.
    """
    node = graph.nodes[position]
    if node.is_bound:
        return node.written
    names = [(operand or operand_text)(graph, i) for i in node.operands]
    op = node.op
    if op is OPS["const"]:
        return _constant(node)
    if op.reading is not None:
        return op.reading(node.params, [n[1:-1] if n[:1] == "(" else n for n in names])
    if op.text:
        first = _tight(names[0]) if names else ""
        items = node.written
        if "{items}" in op.text and not items:
            shape = graph.nodes[node.operands[0]].type.shape
            chosen = names[len(names) - node.params[0].count("*") :]
            items = index_text(node.params[0], shape, chosen)
        return op.text.format(first, *names[1:], all=", ".join(names), items=items)
    if op.symbol and len(names) == 2:
        if op.symbol == "^":
            return f"{_tight(names[0])}^{names[1]}"
        return f"{names[0]} {op.symbol} {names[1]}"
    if op.symbol and len(names) == 1:
        gap = " " if op.symbol.isalpha() else ""
        return f"{op.symbol}{gap}{_tight(names[0]) if not gap else names[0]}"
    bare = [n[1:-1] if n[:1] == "(" else n for n in names]
    return f"{op.name}({', '.join(_arguments(node, bare))})"


def operand_text(graph: Graph, position: int) -> str:
    """A node inside of another's expression: its name, or what it is where it has none.

    Only constants and nodes inside of a derivative's formula have none, so this ends soon.
    """
    node = graph.nodes[position]
    while node.name is None and node.op.name in ("detach", "within"):
        position = node.operands[0]
        node = graph.nodes[position]
    if node.name is not None:
        return node.name
    if node.op is OPS["const"]:
        return _constant(node)
    text = node_text(graph, position)
    return f"({text})" if node.op.symbol else text


def _tight(text: str) -> str:
    """An operand that binds tighter than a sign on its left."""
    return f"({text})" if text.startswith("-") else text


def _constant(node: Node) -> str:
    """A constant in place: its name, the number, or the elements of a small tensor."""
    if node.written:
        return node.written
    type_, data = node.params
    if not type_.shape:
        text = show_static(data[0])
        return text if type(data[0]) is not Size or text.isidentifier() else f"({text})"
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


def index_text(items: tuple[Any, ...], shape: tuple[Any, ...], chosen: list[str]) -> str:
    """Index items as they are written: `0, :, 1:3, i`."""
    given = iter(chosen)
    shown = []
    for item, size in zip(items, dims_of(items, shape)):
        if item == "*":
            shown.append(next(given))
        else:
            shown.append(_slice(item, size) if isinstance(item, tuple) else str(item))
    return ", ".join(shown)


def _slice(item: tuple[Any, Any, Any], size: Any) -> str:
    """A slice of a dimension, without the bounds that are the dimension's own."""
    start, stop, step = item
    if step == -1 and stop == -1:
        return "::-1" if start == size - 1 else f"{start}::-1"
    bounds = f"{start if start != 0 else ''}:{stop if stop != size else ''}"
    return bounds if step == 1 else f"{bounds}:{step}"


def _arguments(node: Node, names: list[str]) -> list[str]:
    """Operands and static arguments, those that equal their defaults left out."""
    operands, static = iter(names), iter(node.params)
    others = sum(p.kind in TENSORS and p.kind != "tensors" for p in parameters(node.op))
    shown: list[str] = []
    is_positional = True
    for parameter in parameters(node.op):
        if parameter.kind == "key":
            continue
        if parameter.kind == "tensors":
            text = f"[{', '.join(islice(operands, len(names) - others))}]"
        elif parameter.kind in TENSORS and parameter.variadic:
            shown += operands
            continue
        elif parameter.kind in TENSORS:
            text = next(operands, "")
        else:
            value = next(static)
            if parameter.variadic:
                shown += map(show_static, value)
                continue
            if isinstance(value, tuple) and len(value) == 1 and parameter.default:
                value = value[0]
            text = f'"{value}"' if isinstance(value, str) else show_static(value)
        if text.lower() == parameter.default.lower():
            is_positional = False
        elif is_positional and parameter.kind not in ("flag", "dims", "reduced"):
            shown.append(text)
        else:
            shown.append(f"{parameter.name}={text}")
    return shown
