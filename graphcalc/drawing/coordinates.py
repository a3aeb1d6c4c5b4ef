"""The horizontal places of items: long edges straight, readers between their operands.

Source: U. Brandes, B. Köpf, "Fast and Simple Horizontal Coordinate Assignment", GD 2001, with the
erratum of U. Brandes, J. Walter, J. Zink (arXiv 2008.01252) avoided: blocks are placed by longest
paths in the graph of their neighbours, which needs no classes or shifts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from graphcalc.drawing.layers import Layered


def centres(layered: Layered, widths: Sequence[float], gap: float) -> list[float]:
    """Return the x of each item's middle: the mean of four extreme placements, the first at 0.

    Items keep their order, and neighbours in a layer are at least `gap` apart.
    """
    conflicts = _conflicts(layered) | _side_inputs(layered)
    placements = []
    for is_up in (False, True):
        for is_left in (True, False):
            placements.append(_placement(layered, widths, gap, conflicts, is_up, is_left))
    _align(placements, widths)
    middle = [sum(sorted(xs)[1:3]) / 2 for xs in zip(*placements)]
    start = min((x - w / 2 for x, w in zip(middle, widths)), default=0.0)
    return [x - start for x in middle]


def _conflicts(layered: Layered) -> set[tuple[int, int]]:
    """Return edges that cross a piece of a long edge, which is to stay straight."""
    found: set[tuple[int, int]] = set()
    count = layered.boxes
    for upper, lower in pairwise(layered.layers):
        place = {item: i for i, item in enumerate(upper)}
        first, left = 0, 0
        for number, item in enumerate(lower):
            inner = [a for a in layered.above[item] if a >= count] if item >= count else []
            if not inner and number < len(lower) - 1:
                continue
            right = place[inner[0]] if inner else len(upper) - 1
            for crossing in lower[first : number + 1]:
                for a in layered.above[crossing]:
                    is_inner = a >= count and crossing >= count
                    if not is_inner and not left <= place[a] <= right:
                        found.add((a, crossing))
            first, left = number + 1, right
    return found


def _side_inputs(layered: Layered) -> set[tuple[int, int]]:
    """Return edges from sources to items that are computed from others too.

    A chain of operations stands straight, with its weights at its side.
    """
    above = layered.above
    return {
        (source, item)
        for item, operands in enumerate(above)
        if any(above[o] for o in operands)
        for source in operands
        if not above[source]
    }


def _placement(
    layered: Layered,
    widths: Sequence[float],
    gap: float,
    conflicts: set[tuple[int, int]],
    is_up: bool,
    is_left: bool,
) -> list[float]:
    """Return the x of every item as far to one side as its block of aligned items can stand."""
    layers = layered.layers[::-1] if is_up else layered.layers
    if not is_left:
        layers = [layer[::-1] for layer in layers]
    neighbours = layered.below if is_up else layered.above
    root = _blocks(layers, neighbours, conflicts, len(widths))
    placed = _compact(layers, root, widths, gap)
    return placed if is_left else [-x for x in placed]


def _blocks(
    layers: list[list[int]],
    neighbours: list[list[int]],
    conflicts: set[tuple[int, int]],
    count: int,
) -> list[int]:
    """Return for each item the first item of the vertical block that it is aligned in."""
    root = list(range(count))
    is_taken = [False] * count
    for before, layer in pairwise(layers):
        place = {item: i for i, item in enumerate(before)}
        furthest = -1
        for item in layer:
            found = sorted(set(neighbours[item]), key=place.__getitem__)
            for middle in sorted({(len(found) - 1) // 2, len(found) // 2}) if found else ():
                near = found[middle]
                is_free = not is_taken[near] and place[near] > furthest
                if is_free and (near, item) not in conflicts and (item, near) not in conflicts:
                    is_taken[near] = True
                    root[item] = root[near]
                    furthest = place[near]
                    break
    return root


def _compact(
    layers: list[list[int]], root: list[int], widths: Sequence[float], gap: float
) -> list[float]:
    """Return the x of every item: as far left as possible, then near to the next."""
    after: dict[int, dict[int, float]] = {}
    before: dict[int, int] = {}
    for layer in layers:
        for item in layer:
            after.setdefault(root[item], {})
            before.setdefault(root[item], 0)
        for left, right in pairwise(layer):
            distance = (widths[left] + widths[right]) / 2 + gap
            known = after[root[left]]
            if root[right] not in known:
                before[root[right]] += 1
            known[root[right]] = max(distance, known.get(root[right], 0.0))
    ready = [block for block, count in before.items() if count == 0]
    sequence: list[int] = []
    x = dict.fromkeys(before, 0.0)
    while ready:
        block = ready.pop()
        sequence.append(block)
        for right, distance in after[block].items():
            x[right] = max(x[right], x[block] + distance)
            before[right] -= 1
            if before[right] == 0:
                ready.append(right)
    for block in reversed(sequence):
        room = [x[right] - distance for right, distance in after[block].items()]
        if room:
            x[block] = max(x[block], min(room))
    return [x[r] for r in root]


def _align(placements: list[list[float]], widths: Sequence[float]) -> None:
    """Shift the placements to the narrowest: those to the left by their left ends, and so on."""
    ends = [
        (min(x - w / 2 for x, w in zip(p, widths)), max(x + w / 2 for x, w in zip(p, widths)))
        for p in placements
        if p
    ]
    if not ends:
        return
    narrow = min(ends, key=lambda end: end[1] - end[0])
    for number, (placed, end) in enumerate(zip(placements, ends)):
        shift = narrow[number % 2] - end[number % 2]
        placed[:] = [x + shift for x in placed]
