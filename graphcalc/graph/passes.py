"""Rewrites of a finished graph, and facts about it that every backend needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from graphcalc.graph.ir import Graph, Node
from graphcalc.graph.verify import first_of_kind
from graphcalc.ops.table import OPS

# New positions by the old ones; a range where nothing moved.
Places = dict[int, int] | range


def prune(
    nodes: list[Node], roots: list[int], is_read: set[int] | None = None
) -> tuple[list[Node], Places]:
    """The nodes that the roots depend on, renumbered, and the new position of each old one.

    `is_read` are the nodes that others are computed from, where that is known.
    """
    if is_read is None:
        is_read = read_positions(nodes)
    if len(is_read.union(roots)) == len(nodes):
        # Each is a root or is read by a later one.
        return nodes, range(len(nodes))
    is_alive = _alive(nodes, roots)
    moved: dict[int, int] = {}
    kept: list[Node] = []
    for position, node in enumerate(nodes):
        if is_alive[position]:
            moved[position] = len(kept)
            node.operands = tuple([moved[i] for i in node.operands])
            kept.append(node)
    return kept, moved


def share_equal(nodes: list[Node], apart: Collection[int]) -> None:
    """Let what reads a node read the first one that is equal; those in `apart` stay apart."""
    first: dict[Any, int] = {}
    place: list[int] = []
    for position, node in enumerate(nodes):
        node.operands = tuple([place[i] for i in node.operands])
        is_alone = node.name is not None or node.op.kind == "random" or position in apart
        key = (node.op.name, node.params, node.operands, node.type)
        place.append(position if is_alone else first.setdefault(key, position))


def written_numbers(graph: Graph) -> dict[int, float]:
    """The scalars that are computed from written numbers alone, as Python computes them."""
    found: dict[int, float] = {}
    for position, node in enumerate(graph.nodes):
        if node.op is OPS["const"]:
            if node.type.is_number:
                found[position] = node.params[1][0]
        elif node.operands and all(i in found for i in node.operands) and not node.is_bound:
            values = [found[i] for i in node.operands]
            if node.op.kind == "elementwise":
                found[position] = node.op.python(*values, *node.params)
            elif node.op is OPS["alias"]:
                (found[position],) = values
    return found


def read_positions(nodes: list[Node]) -> set[int]:
    """The nodes that others are computed from."""
    found: set[int] = set()
    return found.union(*[node.operands for node in nodes])


def with_inputs(graph: Graph, positions: Iterable[int]) -> tuple[Graph, Places]:
    """A graph of its own in which some nodes are inputs, by their names, and the new positions.

    What only they were computed from is left out; everything else is as it was, random numbers
    too.
    """
    inputs = frozenset(positions)
    nodes = _copies(graph.nodes)
    for position in inputs:
        node = nodes[position]
        params = (node.type, node.name)
        nodes[position] = node.replace(
            op=OPS["input"], operands=(), params=params, is_bound=True, written=""
        )
    target = [] if graph.target is None else [graph.target]
    is_alive = _alive(nodes, [*graph.results, *inputs, *target])
    gradients = {p: g for p, g in graph.gradients.items() if is_alive[p]}
    edges = [e for e in graph.edges if is_alive[e.node] and e.user not in inputs]
    shown = [p for e in edges for p in (e.local, e.share) if isinstance(p, int)]
    roots = [*graph.results, *inputs, *target, *gradients.values(), *shown]
    nodes, moved = prune(nodes, roots)
    count = len(graph) if graph.forward is None else graph.forward
    replaced = graph.replace(
        nodes=nodes,
        results=[moved[p] for p in graph.results],
        names={name: moved[p] for name, p in graph.names.items() if p in moved},
        target=moved[target[0]] if target else None,
        forward=sum(p < count for p in moved),
        gradients={moved[p]: moved[g] for p, g in gradients.items()},
        edges=[edge.moved(moved) for edge in edges],
    )
    return replaced, moved


def subgraph(graph: Graph, kept: Sequence[int]) -> tuple[Graph, Places]:
    """A graph of its own that computes some nodes and no more, and the new positions."""
    nodes, moved = prune(_copies(graph.nodes), list(kept))
    roots = [moved[position] for position in kept]
    return Graph(nodes, roots, {}, graph.dtype, graph.limits), moved


def _copies(nodes: list[Node]) -> list[Node]:
    """Return copies of a graph's nodes, derivatives being those of the copies."""
    made = [node.replace() for node in nodes]
    copy_of = {id(node): copied for node, copied in zip(nodes, made)}
    for node in made:
        if node.derivative_of is not None:
            of, operand = node.derivative_of
            node.derivative_of = (copy_of.get(id(of), of), operand)
    return made


def _alive(nodes: list[Node], roots: Iterable[int]) -> bytearray:
    """Which nodes some roots are computed from, themselves included: 1 for those."""
    found = bytearray(len(nodes))
    for root in roots:
        found[root] = 1
    for position in range(len(nodes) - 1, -1, -1):
        if found[position]:
            for operand in nodes[position].operands:
                found[operand] = 1
    return found


def last_uses(graph: Graph, kept: frozenset[int]) -> list[tuple[int, ...]]:
    """For each node, the values that nothing reads after it (itself, if nothing does).

    The nodes in `kept` are never released.
    """
    last = list(range(len(graph.nodes)))
    for position, node in enumerate(graph.nodes):
        for operand in node.operands:
            last[operand] = position
    released: list[list[int]] = [[] for _ in graph.nodes]
    for position, end in enumerate(last):
        if position not in kept:
            released[end].append(position)
    return [tuple(r) for r in released]


def users_of(graph: Graph) -> list[list[int]]:
    """For each node of the forward pass, those that are computed from it."""
    found: list[list[int]] = [[] for _ in graph.nodes]
    for position, node in enumerate(graph.nodes[: graph.forward]):
        for operand in dict.fromkeys(node.operands):
            found[operand].append(position)
    return found


def cost(graph: Graph, position: int) -> Any:
    """How many scalar operations a node takes: additions, products, calls of functions alike.

    Choosing, moving and making elements takes none. Symbolic where sizes are.
    """
    node = graph.nodes[position]
    operands = tuple([graph.nodes[i].type for i in node.operands])
    if node.op.cost is not None:
        return node.op.cost(operands, node.type, node.params)
    if node.op.kind == "elementwise":
        return node.type.numel
    return operands[0].numel if node.op.kind == "reduction" else 0


def work(graph: Graph) -> int:
    """A rough count of the scalar operations that a graph takes."""
    if graph.work is None:
        counts = Counter(first_of_kind(graph)).items()
        graph.work = sum([(cost(graph, i) + graph.nodes[i].type.numel) * n for i, n in counts])
    found: int = graph.work
    return found
