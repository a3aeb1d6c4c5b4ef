"""The layers of a layered drawing: ranks, and trunks, which edges that span several layers share.

Sources: K. Sugiyama, S. Tagawa, M. Toda, "Methods for Visual Understanding of Hierarchical System
Structures", IEEE Trans. SMC 11 (1981); E. Gansner et al., "A Technique for Drawing Directed
Graphs", IEEE Trans. Software Eng. 19 (1993), for the ranks; M. Eiglsperger,
M. Siebenhaller, M. Kaufmann, "An Efficient Implementation of Sugiyama's Algorithm for Layered Graph
Drawing", GD 2004, for long edges that are one item in all their layers.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Layered(NamedTuple):
    """Items in layers, every edge between neighbouring layers.

    Items below `boxes` are the boxes, the others labels of edges and trunks. A trunk is the part
    that all long edges of one box share: it stands in every layer from its `top` to its `bottom`,
    while boxes and labels stand in one. `layers` hold the items from left to right; trunks have
    the same order in all of them. `above` and `below` are the neighbours of each item. `routes`
    has for each edge of the graph its items, from the upper end to the lower. `trunks` are those
    of the boxes that have one.

    Of each layer, `starts` are the items whose top it is, `ends` those whose bottom it is, and
    `pieces` the neighbours below it: an item of it, and one that starts in the next layer.
    """

    boxes: int
    layers: list[list[int]]
    top: list[int]
    bottom: list[int]
    above: list[list[int]]
    below: list[list[int]]
    routes: list[list[int]]
    trunks: dict[int, int]
    starts: list[list[int]]
    ends: list[list[int]]
    pieces: list[list[tuple[int, int]]]

    def nearest(self, item: int) -> list[int]:
        """Return the neighbours in the layer below the item's bottom."""
        following = self.bottom[item] + 1
        return [other for other in self.below[item] if self.top[other] == following]

    def places(self, rank: int) -> dict[int, int]:
        """Return where in a layer the items stand that are not passing trunks."""
        layer = self.layers[rank]
        found = {*self.starts[rank], *self.ends[rank], *[start for start, _ in self.pieces[rank]]}
        if len(found) * 4 > len(layer):
            return dict(zip(layer, range(len(layer))))
        return {item: layer.index(item) for item in found}

    def neighbours(self, places: list[dict[int, int]]) -> dict[tuple[int, int], None]:
        """Return the items that stand side by side in a layer, from left to right.

        `places` are those of items in each layer. A layer has the pairs of the one above, except
        beside what starts in it, and where something ended.
        """
        found: dict[tuple[int, int], None] = {}
        ending: list[int] = []
        for rank, layer in enumerate(self.layers):
            starting = sorted([places[rank][item] for item in self.starts[rank]])
            lefts = [place + by for place in starting for by in (-1, 0)]
            for ended, place in enumerate(ending):
                left = place - ended - 1
                if left >= 0:
                    lefts.append(_with_started(left, starting))
            for left in lefts:
                if 0 <= left < len(layer) - 1:
                    found[layer[left], layer[left + 1]] = None
            ending = sorted([places[rank][item] for item in self.ends[rank]])
        return found

    def trunks_crossed(
        self, rank: int, upper: dict[int, int], lower: dict[int, int]
    ) -> Iterator[int]:
        """Yield for each piece below a layer how many trunks it crosses there.

        `upper` and `lower` are the places of items in the layer and in the next one.
        """
        ending = sorted([upper[item] for item in self.ends[rank]])
        starting = sorted([lower[item] for item in self.starts[rank + 1]])
        for start, end in self.pieces[rank]:
            # How many trunks that stand in both layers are to the left of either end.
            left_of_start = upper[start] - bisect_left(ending, upper[start])
            left_of_end = lower[end] - bisect_left(starting, lower[end])
            is_branch = self.bottom[start] > rank
            is_right = left_of_end > left_of_start
            yield abs(left_of_end - left_of_start) - (is_branch and is_right)


def _with_started(place: int, starting: list[int]) -> int:
    """Return the place of an item when others have started at these places."""
    for other in starting:
        if other > place:
            break
        place += 1
    return place


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
    count: int,
    edges: Sequence[tuple[int, int]],
    rank: Sequence[int],
    has_label: Sequence[bool],
) -> Layered:
    """Return the items in layers, in the order in which a walk from the results meets them.

    The walk goes along the operands in their order, so these stand from left to right. A label
    stands in the layer above the lower end of its edge.
    """
    made = _Items(count, rank)
    routes = [made.route(*edge, labelled) for edge, labelled in zip(edges, has_label)]
    top, bottom, above = made.top, made.bottom, made.above
    number = max(bottom, default=-1) + 1
    starts: list[list[int]] = [[] for _ in range(number)]
    ends: list[list[int]] = [[] for _ in range(number)]
    pieces: list[list[tuple[int, int]]] = [[] for _ in range(number)]
    for item, neighbours in enumerate(above):
        starts[top[item]].append(item)
        ends[bottom[item]].append(item)
        pieces[top[item] - 1] += [(neighbour, item) for neighbour in neighbours]
    layers = _first_order(starts, ends, _by_operands(count, above, made.below))
    return Layered(
        count, layers, top, bottom, above, made.below, routes, made.trunks, starts, ends, pieces
    )


def _first_order(
    starts: list[list[int]], ends: list[list[int]], order: list[int]
) -> list[list[int]]:
    """Return the items of each layer in the order in which all items are given."""
    place = [0] * len(order)
    for number, item in enumerate(order):
        place[item] = number
    layers = []
    standing: list[int] = []
    for starting, ending in zip(starts, ends):
        for item in starting:
            insort(standing, place[item])
        layers.append([order[number] for number in standing])
        for item in ending:
            del standing[bisect_left(standing, place[item])]
    return layers


class _Items:
    """Boxes, and the trunks and labels of the edges between them."""

    def __init__(self, count: int, rank: Sequence[int]) -> None:
        self.rank = rank
        self.top, self.bottom = list(rank), list(rank)
        self.above: list[list[int]] = [[] for _ in range(count)]
        self.below: list[list[int]] = [[] for _ in range(count)]
        self.trunks: dict[int, int] = {}

    def route(self, upper: int, lower: int, has_label: bool) -> list[int]:
        """Return the items of an edge, with a new label, and the trunk of its upper end if long."""
        items = [upper]
        last = self.rank[lower] - 1 - has_label
        if last > self.rank[upper]:
            items.append(self._trunk(upper, last))
        if has_label:
            label = self._add(self.rank[lower] - 1)
            self._join(items[-1], label)
            items.append(label)
        self._join(items[-1], lower)
        return [*items, lower]

    def _trunk(self, box: int, last: int) -> int:
        """Return the trunk below a box, which reaches down to a layer at least."""
        if box not in self.trunks:
            self.trunks[box] = self._add(self.rank[box] + 1)
            self._join(box, self.trunks[box])
        trunk = self.trunks[box]
        self.bottom[trunk] = max(self.bottom[trunk], last)
        return trunk

    def _add(self, rank: int) -> int:
        self.top.append(rank)
        self.bottom.append(rank)
        self.above.append([])
        self.below.append([])
        return len(self.top) - 1

    def _join(self, upper: int, lower: int) -> None:
        self.below[upper].append(lower)
        self.above[lower].append(upper)


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
