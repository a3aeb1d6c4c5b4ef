"""The order of items within their layers: as few crossings of edges as sweeps find.

Sources: the barycentre method of Sugiyama, Tagawa and Toda (1981), exchanges of neighbours as in
Gansner et al. (1993), and crossings of trunks counted as in Eiglsperger, Siebenhaller and Kaufmann
(2004), not edge by edge.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil
from typing import TypeAlias, TypeVar

from graphcalc.drawing.layers import Layered, in_layers, ranks

AnySize = TypeVar("AnySize")
# Places in the layer above and in the one below.
_Places: TypeAlias = tuple[list[int], list[int]]

# Sweeps down and up, and how many items they may look at in all.
_SWEEPS = 24
_WORK = 1_500_000
# Sweeps without a better order, after which no better one is looked for.
_PATIENCE = 4


def arrange(
    sizes: Sequence[AnySize],
    edges: Sequence[tuple[int, int]],
    labels: Sequence[AnySize | None],
    trunk: AnySize,
) -> tuple[Layered, list[AnySize], list[int | None]]:
    """Return the ordered layers of boxes, the size of each item, and the item of each label.

    `trunk` is the size of a trunk in a layer. Where there are labels, a layer for them stands
    between those of the boxes, and a label stands on the part of its edge that is its own.
    """
    has_labels = any(labels)
    rank = [r * (1 + has_labels) for r in ranks(len(sizes), edges)]
    layered = in_layers(len(sizes), edges, rank, [label is not None for label in labels])
    items = list(sizes) + [trunk] * (len(layered.top) - len(sizes))
    places = [route[-2] if label else None for route, label in zip(layered.routes, labels)]
    for place, label in zip(places, labels):
        if place is not None and label is not None:
            items[place] = label
    order(layered)
    return layered, items, places


def order(layered: Layered) -> None:
    """Sort the layers so that few edges cross; ties keep the order that there was."""
    size = sum(map(len, layered.layers)) or 1
    best, fewest = _copy(layered.layers), crossings(layered)
    waiting = 0
    for sweep in range(min(_SWEEPS, max(2, _WORK // (8 * size)))):
        if fewest == 0 or waiting > _PATIENCE:
            break
        _sweep(layered, is_down=sweep % 2 == 0, ties_turn=sweep % 4 >= 2)
        if size * 40 < _WORK:
            _exchange(layered)
        found = crossings(layered)
        waiting += 1
        if found < fewest:
            best, fewest, waiting = _copy(layered.layers), found, 0
    layered.layers[:] = best


def _copy(layers: list[list[int]]) -> list[list[int]]:
    return [list(layer) for layer in layers]


def crossings(layered: Layered) -> int:
    """Return how many pairs of edges cross between neighbouring layers; a trunk is one edge."""
    places = map(layered.places, range(len(layered.layers)))
    return sum(
        _between(layered, rank, upper, lower)
        for rank, (upper, lower) in enumerate(pairwise(places))
    )


def _between(layered: Layered, rank: int, upper: dict[int, int], lower: dict[int, int]) -> int:
    ends = sorted([(upper[start], lower[end]) for start, end in layered.pieces[rank]])
    over_trunks = sum(layered.trunks_crossed(rank, upper, lower))
    return inversions([end for _, end in ends]) + over_trunks


def inversions(ends: Iterable[int]) -> int:
    """Return how many pairs of these numbers stand in falling order."""
    found = 0
    before: list[int] = []
    for end in ends:
        found += len(before) - bisect_right(before, end)
        insort(before, end)
    return found


def _sweep(layered: Layered, *, is_down: bool, ties_turn: bool) -> None:
    """Sort each layer by the mean places of the neighbours in the layer before.

    Trunks that stand in both layers keep their order, and items without neighbours their places.
    """
    step = 1 if is_down else -1
    count = len(layered.layers)
    for number in range(1, count) if is_down else range(count - 2, -1, -1):
        layered.layers[number] = _sorted(layered, number, number - step, ties_turn)


def _sorted(layered: Layered, number: int, other: int, ties_turn: bool) -> list[int]:
    """Return the items of a layer in the order of their neighbours in another."""
    is_down = other < number
    layer, before = layered.layers[number], layered.layers[other]
    old, place = layered.places(number), layered.places(other)
    gone = sorted([place[i] for i in (layered.ends if is_down else layered.starts)[other]])
    found = list(before)
    for index in reversed(gone):
        del found[index]
    moving, fixed = [], []
    for item in (layered.starts if is_down else layered.ends)[number]:
        near = layered.above[item] if is_down else layered.nearest(item)
        if near:
            mean = sum([place[n] for n in near]) / len(near)
            moving.append((mean, -old[item] if ties_turn else old[item], item))
        else:
            fixed.append((old[item], item))
    for inserted, (mean, _, item) in enumerate(sorted(moving)):
        index = ceil(mean)
        index -= bisect_left(gone, index)
        is_tie = mean == ceil(mean) and ceil(mean) not in gone
        if is_tie and (layer.index(before[ceil(mean)]) < old[item]) != ties_turn:
            index += 1
        found.insert(index + inserted, item)
    for index, item in sorted(fixed):
        found.insert(index, item)
    return found


def _exchange(layered: Layered) -> None:
    """Exchange neighbours in a layer, except two trunks, as long as that saves crossings."""
    for rank, layer in enumerate(layered.layers):
        near = _Near(layered, rank)
        is_trunk = [layered.bottom[item] > layered.top[item] for item in layer]
        is_better = True
        while is_better:
            is_better = False
            single = [i for i, passes in enumerate(is_trunk) if not passes]
            for i in sorted({place + by for place in single for by in (-1, 0)}):
                if not 0 <= i < len(layer) - 1 or (is_trunk[i] and is_trunk[i + 1]):
                    continue
                if _gain(near[layer[i]], near[layer[i + 1]]) > 0:
                    layer[i], layer[i + 1] = layer[i + 1], layer[i]
                    is_trunk[i], is_trunk[i + 1] = is_trunk[i + 1], is_trunk[i]
                    is_better = True


def _gain(left: _Places, right: _Places) -> int:
    """Return how many crossings an exchange saves, by the neighbours' places above and below."""
    return sum((x > y) - (x < y) for ours, theirs in zip(left, right) for x in ours for y in theirs)


class _Near(dict[int, _Places]):
    """For each item of a layer the places of its neighbours above and below, when asked for."""

    def __init__(self, layered: Layered, rank: int) -> None:
        self.layered, self.rank = layered, rank
        layers = layered.layers
        self.upper = _places(layers[rank - 1]) if rank else {}
        self.lower = _places(layers[rank + 1]) if rank + 1 < len(layers) else {}
        self.branches: dict[int, list[int]] = {}
        for start, end in layered.pieces[rank] if self.lower else ():
            self.branches.setdefault(start, []).append(self.lower[end])

    def __missing__(self, item: int) -> _Places:
        layered, rank = self.layered, self.rank
        is_passing = layered.top[item] < rank
        above = [item] if is_passing else layered.above[item]
        below = self.branches.get(item, [])
        if layered.bottom[item] > rank:
            below = [*below, self.lower[item]]
        found = self[item] = [self.upper[other] for other in above], below
        return found


def _places(layer: list[int]) -> dict[int, int]:
    return dict(zip(layer, range(len(layer))))
