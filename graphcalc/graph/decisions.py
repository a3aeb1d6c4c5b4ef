"""Scalars that constants of the program alone decide: they are known while the graph is made."""

from __future__ import annotations

from typing import Any

from graphcalc.graph.builder import Builder
from graphcalc.graph.ir import Node
from graphcalc.ops.table import OPS


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
