"""What a graph must be, and which of its nodes are checked and made ready as one."""

from __future__ import annotations

from typing import Any

from graphcalc.diagnostics import InternalError, Label
from graphcalc.graph.ir import Graph, Node
from graphcalc.ops.shapes import as_result, type_of
from graphcalc.ops.spec import Type


def first_of_kind(graph: Graph) -> list[int]:
    """For each node the first that has its op, its static arguments, its type and its operands'.

    What depends on these alone has to be found out for the first only.
    """
    if graph.alike is None:
        graph.alike = _alike(graph.nodes)
    return graph.alike


def _alike(nodes: list[Node]) -> list[int]:
    # Many nodes, few types, and these mostly one object each.
    types = [node.type for node in nodes]
    numbers: dict[Type, int] = {}
    objects = dict(zip(map(id, types), types))
    number = {key: numbers.setdefault(type_, len(numbers)) for key, type_ in objects.items()}
    kinds = list(map(number.__getitem__, map(id, types)))
    first: dict[Any, int] = {}
    found: list[int] = []
    for position, (node, kind) in enumerate(zip(nodes, kinds)):
        operands = node.operands
        key: tuple[Any, ...]
        if len(operands) == 2 and not node.params:
            a, b = operands
            key = (node.op.name, kind, kinds[a], kinds[b])
        else:
            # Of arguments that are equal 1 and True, and 0.0 and -0.0, are not the same.
            arguments = node.params and id(node.params)
            key = (node.op.name, kind, (arguments, *[kinds[i] for i in operands]))
        found.append(first.setdefault(key, position))
    return found


def verify(graph: Graph) -> None:
    """Check a graph by the rules that built it; InternalError where it breaks one.

    Operands come before their node, every type is what the op's rule gives, results and names
    point into the graph, and no two nodes share a name.
    """
    nodes = graph.nodes
    for position, node in enumerate(nodes):
        for operand in node.operands:
            if not 0 <= operand < position:
                raise _broken(node, "an operand does not come before its node")
    graph.alike = None
    for position in set(first_of_kind(graph)):
        node = nodes[position]
        types = tuple([nodes[i].type for i in node.operands])
        found = type_of(node.op, graph.dtype, types, node.params)
        if node.type not in (found, as_result(found, graph.dtype)):
            raise _broken(node, f"{node.op.name} does not give the type {node.type}")
    _verify_names(graph)
    for position, gradient in graph.gradients.items():
        node = nodes[position]
        if nodes[gradient].type.shape != node.type.shape:
            raise _broken(node, f"the gradient of {node.name} has another shape")


def _verify_names(graph: Graph) -> None:
    names = [node.name for node in graph.nodes if node.name is not None]
    if len(set(names)) < len(names):
        seen: set[str] = set()
        for node in graph.nodes:
            if node.name in seen:
                raise _broken(node, f"the name {node.name} is given twice")
            if node.name is not None:
                seen.add(node.name)
    for positions in (graph.results, graph.names.values(), graph.gradients.values()):
        for position in (min(positions, default=0), max(positions, default=0)):
            if positions and not 0 <= position < len(graph.nodes):
                raise InternalError("graph", f"the graph has no node {position}")


def _broken(node: Node, why: str) -> InternalError:
    return InternalError("graph", why, (Label(node.source, node.span),))
