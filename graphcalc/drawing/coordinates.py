"""The horizontal places of items: long edges straight, readers between their operands.

Source: U. Brandes, B. Köpf, "Fast and Simple Horizontal Coordinate Assignment", GD 2001, with the
erratum of U. Brandes, J. Walter, J. Zink (arXiv 2008.01252) avoided: blocks are placed by longest
paths in the graph of their neighbours, which needs no classes or shifts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import inf
from typing import TypeAlias

from graphcalc.drawing.layers import Layered

# Two neighbours in a layer, and how far apart their middles stand at least.
_Apart: TypeAlias = tuple[int, int, float]

# How much wider than without straight lines a picture may be, before some are given a bend; and
# how often these are looked for, at most, and in how many neighbours in all.
_WIDER = 1.1
_ROUNDS = 60
_PAIRS = 200_000


def centres(layered: Layered, widths: Sequence[float], gap: float) -> list[float]:
    """Return the x of each item's middle: the mean of four extreme placements, the first at 0.

    Items keep their order, and neighbours in a layer are at least `gap` apart.
    """
    places = [layered.places(rank) for rank in range(len(layered.layers))]
    conflicts = _conflicts(layered, places) | _side_inputs(layered)
    apart = [(a, b, (widths[a] + widths[b]) / 2 + gap) for a, b in layered.neighbours(places)]
    free = _Placement(apart, _Blocks(range(len(widths)))).width
    placements = []
    for is_up in (False, True):
        for is_left in (True, False):
            blocks = _blocks(layered, places, conflicts, is_up=is_up, is_left=is_left)
            placements.append(_narrowed(apart, blocks, free, is_left=is_left))
    _align(placements, widths)
    middle = [sum(sorted(xs)[1:3]) / 2 for xs in zip(*placements)]
    start = min((x - w / 2 for x, w in zip(middle, widths)), default=0.0)
    return [x - start for x in middle]


def _conflicts(layered: Layered, places: list[dict[int, int]]) -> set[tuple[int, int]]:
    """Return the pieces that cross or leave a trunk on its way, which is straight."""
    found = set()
    for rank, (upper, lower) in enumerate(pairwise(places)):
        crossed = layered.trunks_crossed(rank, upper, lower)
        for piece, count in zip(layered.pieces[rank], crossed):
            if count or layered.bottom[piece[0]] > rank:
                found.add(piece)
    return found


def _side_inputs(layered: Layered) -> set[tuple[int, int]]:
    """Return the last pieces of edges from sources to boxes that are computed from others too.

    A chain of operations stands straight, with its weights at its side.
    """
    is_source = [not above for above in layered.above]
    has_other = {route[-1] for route in layered.routes if not is_source[route[0]]}
    return {
        (route[-2], route[-1])
        for route in layered.routes
        if is_source[route[0]] and route[-1] in has_other
    }


class _Blocks:
    """Items that stand straight below each other; `of` has the number of each item's block."""

    def __init__(self, items: Iterable[int]) -> None:
        self.of = list(items)
        self.items = [[item] for item in self.of]

    def align(self, item: int, other: int) -> None:
        """Add an item that stands alone to the end of another's block."""
        block = self.of[item] = self.of[other]
        self.items[item] = []
        self.items[block].append(item)

    def part(self, one: int, other: int) -> None:
        """Part a block halfway between two items of it."""
        block = self.of[one]
        items = self.items[block]
        middle = (items.index(one) + items.index(other) + 1) // 2
        self.items[block], lower = items[:middle], items[middle:]
        self.items[lower[0]] = lower
        for item in lower:
            self.of[item] = lower[0]


def _blocks(
    layered: Layered,
    places: list[dict[int, int]],
    conflicts: set[tuple[int, int]],
    *,
    is_up: bool,
    is_left: bool,
) -> _Blocks:
    """Return the blocks of one direction.

    An item is aligned with the one in the middle of its neighbours in the layer before.
    """
    blocks = _Blocks(range(len(layered.top)))
    is_taken = [False] * len(layered.top)
    side = 1 if is_left else -1
    numbers = range(len(places) - 2, -1, -1) if is_up else range(1, len(places))
    for number in numbers:
        place, here = places[number + 1 if is_up else number - 1], places[number]
        furthest: float = -inf
        entering = (layered.ends if is_up else layered.starts)[number]
        for item in sorted(entering, key=lambda item: side * here[item]):
            near = layered.nearest(item) if is_up else layered.above[item]
            found = sorted(set(near), key=lambda item: side * place[item])
            for middle in sorted({(len(found) - 1) // 2, len(found) // 2}) if found else ():
                other = found[middle]
                is_free = not is_taken[other] and side * place[other] > furthest
                if is_free and (other, item) not in conflicts and (item, other) not in conflicts:
                    is_taken[other] = True
                    blocks.align(item, other)
                    furthest = side * place[other]
                    break
    return blocks


def _narrowed(apart: list[_Apart], blocks: _Blocks, free: float, *, is_left: bool) -> list[float]:
    """Return the x of every item, with blocks parted that make the whole far wider than `free`."""
    if not is_left:
        apart = [(b, a, distance) for a, b, distance in apart]
    placed = _Placement(apart, blocks)
    for _ in range(min(_ROUNDS, _PAIRS // (len(apart) or 1))):
        if placed.width <= _WIDER * free or not placed.part_widest():
            break
        placed = _Placement(apart, blocks)
    x = placed.near()
    return [x[b] if is_left else -x[b] for b in blocks.of]


class _Placement:
    """Blocks as far to the left as they can stand.

    `apart` are neighbours from left to right, and how far their middles are apart at least.
    """

    def __init__(self, apart: list[_Apart], blocks: _Blocks) -> None:
        self.blocks = blocks
        self.after: dict[int, dict[int, _Apart]] = {block: {} for block in blocks.of}
        self.pushed_by: dict[int, _Apart] = {}
        self.sequence: list[int] = []
        self.x = dict.fromkeys(self.after, 0.0)
        self._place(self._join(apart))
        self.width = max(self.x.values(), default=0.0)

    def _join(self, apart: list[_Apart]) -> dict[int, int]:
        """Find the furthest pair of each two blocks; return how many blocks are left of each."""
        before = dict.fromkeys(self.after, 0)
        of = self.blocks.of
        for pair in apart:
            known, right = self.after[of[pair[0]]], of[pair[1]]
            if right not in known:
                before[right] += 1
            if right not in known or known[right][2] < pair[2]:
                known[right] = pair
        return before

    def _place(self, before: dict[int, int]) -> None:
        ready = [block for block, count in before.items() if count == 0]
        while ready:
            block = ready.pop()
            self.sequence.append(block)
            for right, pair in self.after[block].items():
                if self.x[block] + pair[2] > self.x[right]:
                    self.x[right] = self.x[block] + pair[2]
                    self.pushed_by[right] = pair
                before[right] -= 1
                if before[right] == 0:
                    ready.append(right)

    def part_widest(self) -> bool:
        """Part the blocks that push each other from one end to the other; whether there are any."""
        bent = list(self._bent())
        for one, other in bent:
            self.blocks.part(one, other)
        return bool(bent)

    def _bent(self) -> Iterator[tuple[int, int]]:
        """Yield two items of each block that is pushed at one of them and pushes at the other."""
        pair = self.pushed_by.get(max(self.x, key=self.x.__getitem__, default=-1))
        while pair is not None:
            pushing = pair[0]
            pair = self.pushed_by.get(self.blocks.of[pushing])
            if pair is not None and pair[1] != pushing:
                yield pair[1], pushing

    def near(self) -> dict[int, float]:
        """Return the x of each block, moved to the right as near to the next as it can stand."""
        x = dict(self.x)
        for block in reversed(self.sequence):
            room = [x[right] - pair[2] for right, pair in self.after[block].items()]
            if room:
                x[block] = max(x[block], min(room))
        return x


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
