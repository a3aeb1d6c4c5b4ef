"""Graphs of scalars in Python: no object and no call per node beyond the kernel's own."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from graphcalc.backends.base import Clock

Kernel = Callable[..., Any]
# In place of a second operand: there is one operand, it is another number of them, or the value
# is there before the run.
_ONE, _SEVERAL, _GIVEN = -1, -2, -3
# Nodes of a layer with one kernel, on average, from which layers are the quicker way.
_WIDE = 6


class Flat:
    """A graph as columns: every node's kernel and its two operands.

    Where there are not two, the second says so; the first is then the only one, or where in
    `several` the operands are, or the node itself.
    """

    def __init__(self, kernels: list[Kernel | None], operands: list[tuple[int, ...]]) -> None:
        self.kernels = kernels
        self.several: list[tuple[int, ...]] = []
        first: list[int] = []
        second: list[int] = []
        for found in operands:
            if len(found) == 2:
                a, b = found
            elif kernels[len(first)] is None:
                a, b = len(first), _GIVEN
            elif len(found) == 1:
                a, b = found[0], _ONE
            else:
                a, b = len(self.several), _SEVERAL
                self.several.append(found)
            first.append(a)
            second.append(b)
        # Beside the numbers of an array those of a list are all over the memory.
        self.first, self.second = array("q", first), array("q", second)
        self._layers: Layers | None = None
        self._runs = 0

    def __len__(self) -> int:
        return len(self.kernels)

    def operands(self, position: int) -> tuple[int, ...]:
        """The operands of a node."""
        a, b = self.first[position], self.second[position]
        if b >= 0:
            return a, b
        return (a,) if b == _ONE else self.several[a] if b == _SEVERAL else ()

    def run(self, given: list[Any]) -> list[Any]:
        """The values of all nodes; `given` has those that are there before the run.

        A graph that is run again is worth to be arranged in layers.
        """
        self._runs += 1
        if self._runs == 2:
            layers = Layers(self)
            self._layers = layers if layers.is_wide else None
        return self._run(given) if self._layers is None else self._layers.run(given)

    def _run(self, given: list[Any]) -> list[Any]:
        values: list[Any] = []
        append, several = values.append, self.several
        kernel: Any
        for kernel, a, b in zip(self.kernels, self.first, self.second):
            if b >= 0:
                append(kernel(values[a], values[b]))
            elif b == _ONE:
                append(kernel(values[a]))
            elif b == _GIVEN:
                append(given[a])
            else:
                append(kernel(*[values[i] for i in several[a]]))
        return values

    def run_timed(self, given: list[Any], clock: Clock) -> list[Any]:
        """The same, with a clock that is told of every node that is computed."""
        values: list[Any] = []
        for position, kernel in enumerate(self.kernels):
            if kernel is None:
                values.append(given[position])
                continue
            values.append(kernel(*[values[i] for i in self.operands(position)]))
            clock(position)
        return values


class Layers:
    """A graph by the length of the longest way to a node, and by kernels within that.

    What has the same place does not depend on each other, so that one `map` computes it, in C
    where the kernel is. Values are in the order of the layers while they are computed.
    """

    def __init__(self, flat: Flat, smallest: int = _WIDE) -> None:
        depths = [0] * len(flat)
        groups: dict[tuple[int, int, int], list[int]] = {}
        self._given = []
        for position, kernel in enumerate(flat.kernels):
            operands = flat.operands(position)
            if kernel is None:
                self._given.append(position)
                continue
            depth = depths[position] = 1 + max([depths[i] for i in operands], default=0)
            groups.setdefault((depth, id(kernel), len(operands)), []).append(position)
        order = sorted(groups)
        arranged = [*self._given, *(p for key in order for p in groups[key])]
        slots = [0] * len(flat)
        for slot, position in enumerate(arranged):
            slots[position] = slot
        self.is_wide = len(arranged) >= smallest * (len(order) + 1)
        self._steps = []
        for key in order if self.is_wide else ():
            members = groups[key]
            columns = zip(*[[slots[i] for i in flat.operands(p)] for p in members])
            self._steps.append((flat.kernels[members[0]], [_picker(c) for c in columns]))
        self._restore = _picker(slots)

    def run(self, given: list[Any]) -> list[Any]:
        """The values of all nodes, in their own order."""
        values = [given[position] for position in self._given]
        kernel: Any
        for kernel, pickers in self._steps:
            values.extend(map(kernel, *[pick(values) for pick in pickers]))
        return list(self._restore(values))


def _picker(places: Any) -> Callable[[list[Any]], tuple[Any, ...]]:
    """What takes the values at some places, one at least."""
    if len(places) == 1:
        (place,) = places
        return lambda values: (values[place],)
    found: Callable[[list[Any]], tuple[Any, ...]] = itemgetter(*places)
    return found
