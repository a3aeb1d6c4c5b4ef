"""Scalars that constants of the program alone decide: they are known while the graph is made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from graphcalc.graph.builder import Builder
from graphcalc.graph.ir import Node
from graphcalc.ops.table import OPS
from graphcalc.syntax import expr as ast
from graphcalc.syntax.actions import has_point
from graphcalc.syntax.expr import Expr, children

# Functions that make a tensor or a number with a point of a written number.
_MAKERS = frozenset(
    "tensor as_tensor array asarray from_numpy Tensor FloatTensor DoubleTensor LongTensor IntTensor"
    " float double".split()
)
_CALL = re.compile(rf"(?:\w+\.)?(?:{'|'.join(sorted(_MAKERS))})\(")
_SIGNED = re.compile(r"-?[\d._eE+-]+")


class Decisions:
    """Answers what the scalar nodes of a builder are, where no input decides it."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._is_decided: dict[int, bool] = {}

    def value(self, position: int) -> Any:
        """Return the value of a scalar that no input decides; None for any other node."""
        return self._builder.static(position) if self._decide(position) else None

    def _decide(self, position: int) -> bool:
        found, nodes = self._is_decided, self._builder.nodes
        stack = [position]
        while stack:
            current = stack[-1]
            operands = nodes[current].operands
            if current in found:
                stack.pop()
            elif not self._may_be_decided(current):
                found[current] = False
            else:
                waiting = [i for i in operands if i not in found]
                if waiting:
                    stack += waiting
                else:
                    found[current] = all([found[i] for i in operands])
        return found[position]

    def _may_be_decided(self, position: int) -> bool:
        node = self._builder.nodes[position]
        is_data = node.is_bound or node.op is OPS["input"] or position in self._builder.variables
        return not is_data and _is_scalar_step(node)

    def scalar_inputs(self, position: int) -> set[int]:
        """Return the scalar inputs that decide a node, where scalars alone do."""
        found: set[int] = set()
        pending, visited = [position], set()
        while pending:
            current = pending.pop()
            node = self._builder.nodes[current]
            if current in visited:
                continue
            visited.add(current)
            if not _is_scalar_step(node):
                return set()
            if node.op is OPS["input"]:
                found.add(current)
            pending += node.operands
        return found


def _is_scalar_step(node: Node) -> bool:
    return not node.type.shape and (node.op.kind in ("elementwise", "leaf") or not node.operands)


def says_value(builder: Builder, position: int, node: Expr) -> bool:
    """Whether a whole number is written as a tensor or with a point, and so is no dimension.

    So are `torch.tensor(0)` and `1.0`, names for them, and what is computed from such names.
    """
    if any(_is_written_value(part) for part in _parts(node)):
        return True
    return any(_is_named_value(builder.nodes[p]) for p in _scalars_behind(builder, position))


def _parts(node: Expr) -> Iterator[Expr]:
    """Yield an expression and what it consists of; nothing of `int(…)`, which is a whole number."""
    pending = [node]
    while pending:
        part = pending.pop()
        if _called(part) != "int":
            yield part
            pending += children(part)


def _called(node: Expr) -> str:
    return getattr(node.function, "name", "") if type(node) is ast.Call else ""


def _is_written_value(node: Expr) -> bool:
    return node.has_point if type(node) is ast.Number else _called(node) in _MAKERS


def _scalars_behind(builder: Builder, position: int) -> set[int]:
    found, pending = set(), [position]
    while pending:
        current = pending.pop()
        if current not in found:
            found.add(current)
            pending += builder.nodes[current].operands
    return found


def _is_named_value(node: Node) -> bool:
    """Whether a name was given to a tensor or a number with a point; other constants are shared."""
    if node.name is None or node.op not in (OPS["const"], OPS["alias"]):
        return False
    text = node.source.text[slice(*node.span)]
    return bool(_CALL.match(text)) or (bool(_SIGNED.fullmatch(text)) and has_point(text))
