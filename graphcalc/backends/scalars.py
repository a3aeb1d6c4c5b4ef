"""Graphs of scalars in Python: no object and no call per node beyond the kernel's own."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

from graphcalc.backends.base import Clock

Kernel = Callable[..., Any]
# In place of a second operand: there is one operand, it is another number of them, or the value
# is there before the run.
_ONE, _SEVERAL, _GIVEN = -1, -2, -3


class ScalarProgram:
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

    def operands(self, position: int) -> tuple[int, ...]:
        """The operands of a node."""
        a, b = self.first[position], self.second[position]
        if b >= 0:
            return a, b
        return (a,) if b == _ONE else self.several[a] if b == _SEVERAL else ()

    def run(self, given: list[Any]) -> list[Any]:
        """The values of all nodes; `given` has those that are there before the run."""
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
        """The same, with a clock that is told of every node, of given values first."""
        values: list[Any] = []
        for position, kernel in enumerate(self.kernels):
            if kernel is None:
                values.append(given[position])
                clock(position)
                continue
            values.append(kernel(*[values[i] for i in self.operands(position)]))
            clock(position)
        return values
