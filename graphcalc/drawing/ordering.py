"""The order of items within their layers: as few crossings of edges as sweeps find.

Sources: the barycentre method of Sugiyama, Tagawa and Toda (1981), exchanges of neighbours as in
Gansner et al. (1993), and counting by an accumulator tree: W. Barth, M. Jünger, P. Mutzel, "Simple
and Efficient Bilayer Cross Counting", GD 2002.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

from graphcalc.drawing.layers import Layered, in_layers, ranks

AnySize = TypeVar("AnySize")

# Sweeps down and up, and how many edges they may look at in all.
_SWEEPS = 24
_WORK = 1_500_000
# Sweeps without a better order, after which no better one is looked for.
_PATIENCE = 4


def arrange(
    sizes: Sequence[AnySize],
    edges: Sequence[tuple[int, int]],
    labels: Sequence[AnySize | None],
    dummy: AnySize,
) -> tuple[Layered, list[AnySize], list[int | None]]:
    """Return the ordered layers of boxes, the size of each item, and the item of each label.

    `dummy` is the size of a place where a long edge crosses a layer. Where there are labels, a
    layer for them stands between those of the boxes, and a label has the last dummy of its edge.
    """
    has_labels = any(labels)
    rank = [r * (1 + has_labels) for r in ranks(len(sizes), edges)]
    layered = in_layers(len(sizes), edges, rank, is_shared=not has_labels)
    items = list(sizes) + [dummy] * (len(layered.above) - len(sizes))
    places = [route[-2] if label else None for route, label in zip(layered.routes, labels)]
    for place, label in zip(places, labels):
        if place is not None and label is not None:
            items[place] = label
    order(layered)
    return layered, items, places


def order(layered: Layered) -> None:
    """Sort the layers so that few edges cross; ties keep the order that there was."""
    size = sum(map(len, layered.below)) or 1
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
    """Return how many pairs of edges cross between neighbouring layers."""
    return sum(_between(layered, *layers) for layers in pairwise(layered.layers))


def _between(layered: Layered, upper: list[int], lower: list[int]) -> int:
    place = {item: i for i, item in enumerate(lower)}
    ends = [p for item in upper for p in sorted([place[b] for b in layered.below[item]])]
    return inversions(ends, len(lower))


def inversions(ends: Iterable[int], count: int) -> int:
    """Return how many pairs of these numbers below `count` stand in falling order."""
    first = 1
    while first < count:
        first *= 2
    tree = [0] * (2 * first)
    found = 0
    for end in ends:
        index = end + first
        tree[index] += 1
        while index > 1:
            if index % 2 == 0:
                found += tree[index + 1]
            index //= 2
            tree[index] += 1
    return found


def _sweep(layered: Layered, *, is_down: bool, ties_turn: bool) -> None:
    """Sort each layer by the mean places of the neighbours in the layer before."""
    layers = layered.layers
    neighbours = layered.above if is_down else layered.below
    numbers = range(1, len(layers)) if is_down else range(len(layers) - 2, -1, -1)
    for number in numbers:
        before = layers[number - 1 if is_down else number + 1]
        place = {item: i for i, item in enumerate(before)}
        layer = layers[number]
        means = [_mean([place[n] for n in neighbours[item]]) for item in layer]
        fixed = [m is None for m in means]
        turned = [-i if ties_turn else i for i in range(len(layer))]
        moving = sorted(
            [i for i in range(len(layer)) if not fixed[i]], key=lambda i: (means[i], turned[i])
        )
        following = iter(moving)
        layers[number] = [layer[i if fixed[i] else next(following)] for i in range(len(layer))]


def _mean(places: list[int]) -> float | None:
    return sum(places) / len(places) if places else None


def _exchange(layered: Layered) -> None:
    """Exchange neighbours in a layer as long as that saves crossings."""
    layers = layered.layers
    for number, layer in enumerate(layers):
        above = _places(layers, number - 1)
        below = _places(layers, number + 1)
        is_better = True
        while is_better:
            is_better = False
            for i in range(len(layer) - 1):
                left, right = layer[i], layer[i + 1]
                gain = 0
                for neighbours, place in ((layered.above, above), (layered.below, below)):
                    a = [place[n] for n in neighbours[left]] if place else []
                    b = [place[n] for n in neighbours[right]] if place else []
                    gain += sum((x > y) - (x < y) for x in a for y in b)
                if gain > 0:
                    layer[i], layer[i + 1] = right, left
                    is_better = True


def _places(layers: list[list[int]], number: int) -> dict[int, int]:
    if not 0 <= number < len(layers):
        return {}
    return {item: i for i, item in enumerate(layers[number])}
