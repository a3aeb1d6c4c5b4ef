"""The layers of a layered drawing: ranks, and the dummy nodes of edges that span several.

Sources: K. Sugiyama, S. Tagawa, M. Toda, "Methods for Visual Understanding of Hierarchical System
Structures", IEEE Trans. SMC 11 (1981); E. Gansner et al., "A Technique for Drawing Directed
Graphs", IEEE Trans. Software Eng. 19 (1993), for the ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Layered(NamedTuple):
    """Items in layers, every edge between neighbouring layers.

    `layers` hold the items from left to right. Items from `boxes` on are dummies: the places
    where an edge that spans several layers crosses one. `above` and `below` are the neighbours of
    each item. `routes` has for each edge of the graph its items, from the upper end to the lower.
    """

    boxes: int
    layers: list[list[int]]
    above: list[list[int]]
    below: list[list[int]]
    routes: list[list[int]]

    def rank_of(self) -> list[int]:
        """Return the layer of each item."""
        ranks = [0] * len(self.above)
        for rank, layer in enumerate(self.layers):
            for item in layer:
                ranks[item] = rank
        return ranks


def ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return a layer for each node, below those of its operands; edges go to a greater number.

    Each node stands as high as its operands let it, except that what nothing else is computed
    from (sources, and chains behind them with one reader each) stands next to its first reader.
    """
    operands: list[list[int]] = [[] for _ in range(count)]
    readers: list[list[int]] = [[] for _ in range(count)]
    for upper, lower in edges:
        operands[lower].append(upper)
        readers[upper].append(lower)
    found = [0] * count
    for node in range(count):
        found[node] = max([found[o] + 1 for o in operands[node]], default=0)
    floating = [False] * count
    for node in range(count):
        floating[node] = all(floating[o] and len(set(readers[o])) == 1 for o in operands[node])
    for node in range(count - 1, -1, -1):
        if floating[node] and readers[node]:
            found[node] = min(found[r] for r in readers[node]) - 1
    return found


def in_layers(
    count: int, edges: Sequence[tuple[int, int]], rank: Sequence[int], is_shared: bool = True
) -> Layered:
    """Return the items in layers, in the order in which a walk from the results meets them.

    The walk goes along the operands in their order, so these stand from left to right. Edges from
    one node share their dummies where `is_shared`.
    """
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    ranks_of = list(rank)
    routes = []
    dummies: dict[tuple[int, int], int] = {}
    for number, (upper, lower) in enumerate(edges):
        route = [upper]
        for between in range(rank[upper] + 1, rank[lower]):
            key = (upper if is_shared else -number - 1, between)
            item = dummies.get(key)
            if item is None:
                item = dummies[key] = len(above)
                above.append([])
                below.append([])
                ranks_of.append(between)
                _join(above, below, route[-1], item)
            route.append(item)
        _join(above, below, route[-1], lower)
        routes.append([*route, lower])
    layers: list[list[int]] = [[] for _ in range(max(ranks_of, default=-1) + 1)]
    for item in _by_operands(count, above, below):
        layers[ranks_of[item]].append(item)
    return Layered(count, layers, above, below, routes)


def _join(above: list[list[int]], below: list[list[int]], upper: int, lower: int) -> None:
    below[upper].append(lower)
    above[lower].append(upper)


def _by_operands(count: int, above: list[list[int]], below: list[list[int]]) -> list[int]:
    """Return all items in the order in which a walk from the results along the operands ends."""
    seen = [False] * len(above)
    found = []
    for root in range(count):
        if below[root] or seen[root]:
            continue
        stack = [(root, 0)]
        seen[root] = True
        while stack:
            item, place = stack.pop()
            if place < len(above[item]):
                stack.append((item, place + 1))
                operand = above[item][place]
                if not seen[operand]:
                    seen[operand] = True
                    stack.append((operand, 0))
            else:
                found.append(item)
    return found
