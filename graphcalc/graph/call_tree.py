"""Which nodes of a graph each call of a function added, for pictures that fold calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from graphcalc.diagnostics import Label


class CallGroup(NamedTuple):
    """A call that was inlined: the function, the text of the call, and the call around it."""

    function: str
    call: Label
    parent: int | None


class CallTree(NamedTuple):
    """The calls of a program in order, and for each node the innermost call that added it.

    A node that two calls share belongs to the first.
    """

    groups: Sequence[CallGroup]
    owners: Sequence[int | None]

    def moved(self, to: Mapping[int, int] | range) -> CallTree:
        """Return the calls of a graph whose nodes stand elsewhere, in the same order.

        `to` has the new positions by the old ones; nodes behind those of the tree have no call.
        """
        if isinstance(to, range):
            return self
        owners = [self.owners[old] for old in to if old < len(self.owners)]
        return CallTree(self.groups, owners)


class CallRecorder:
    """Recorder of the calls of a program while it is lowered."""

    def __init__(self) -> None:
        self.groups: list[CallGroup] = []
        self._active: list[int] = []
        # The positions from which on nodes belong to another call.
        self._starts: list[int] = [0]
        self._owners: list[int | None] = [None]

    def enter(self, function: str, call: Label, position: int) -> None:
        """Begin a call; its first node will have this position."""
        parent = self._active[-1] if self._active else None
        self.groups.append(CallGroup(function, call, parent))
        self._active.append(len(self.groups) - 1)
        self._change(position)

    def leave(self, position: int) -> None:
        """End the innermost call; the next node will have this position."""
        self._active.pop()
        self._change(position)

    def _change(self, position: int) -> None:
        self._starts.append(position)
        self._owners.append(self._active[-1] if self._active else None)

    def tree(self, count: int) -> CallTree:
        """Return the calls of a graph of `count` nodes."""
        found: list[int | None] = []
        ends = [*self._starts[1:], count]
        for start, end, owner in zip(self._starts, ends, self._owners):
            found += [owner] * (end - start)
        return CallTree(self.groups, found)
