"""How a region is computed: instructions on slots, and which slots are buffers used again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from graphcalc.backends.regions import Region
from graphcalc.backends.torch.kernels import FRESH, SHARED, Kernel, dtype_of, way_of
from graphcalc.graph.ir import Graph
from graphcalc.ops.table import OPS

# A value of a slot is handed to whoever wants to see it.
LOOK = "look"


class Instruction(NamedTuple):
    """A function from slots to a slot; `way` is what becomes of its value."""

    position: int
    way: str
    function: Callable[..., Any]
    operands: tuple[int, ...]
    target: int


class RegionLayout:
    """The slots of a region and the instructions on them, in order.

    `slots` has the slot of every operand and member. Those in `buffers` need memory of a tile's
    size, those in `outputs` belong to a member that is read from outside. `once` are instructions
    on operands of one element, done before the first tile; `looks` says after which instruction a
    position's value is there to be seen.
    """

    def __init__(self, graph: Graph, region: Region, kernels: Mapping[int, Kernel]) -> None:
        self._graph, self._region, self._kernels = graph, region, kernels
        self.slots: dict[int, int] = {}
        self.count = 0
        self.buffers: dict[int, torch.dtype] = {}
        self.outputs: dict[int, torch.dtype] = {}
        self.once: list[Instruction] = []
        self.instructions: list[Instruction] = []
        self.looks: list[tuple[int, int]] = []
        self._free: dict[torch.dtype | None, list[int]] = {}
        for operand in region.operands:
            self.slots[operand] = self._slot()
        self._external = frozenset(region.operands)
        self._sources = self._find_sources()
        self._kept = {self.source(p) for p in region.outputs}
        self._last = self._last_uses()
        for position in region.members:
            self._add(position)

    def _slot(self) -> int:
        self.count += 1
        return self.count - 1

    def source(self, position: int) -> int:
        """The node whose value an alias is: itself for all others."""
        return self._sources.get(position, position)

    def _find_sources(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for position in self._region.members:
            if self._is_alias(position):
                (operand,) = self._graph.nodes[position].operands
                found[position] = found.get(operand, operand)
        return found

    def _is_alias(self, position: int) -> bool:
        return self._graph.nodes[position].op is OPS["alias"]

    def _last_uses(self) -> dict[int, int]:
        """The last member that reads each member, aliases seen through."""
        last = {}
        for position in self._region.members:
            for operand in self._graph.nodes[position].operands:
                last[self.source(operand)] = position
        return last

    def _add(self, position: int) -> None:
        region, node = self._region, self._graph.nodes[position]
        if self._is_alias(position):
            self.slots[position] = self.slots[node.operands[0]]
            self._release(position)
        elif position in region.folds:
            self.looks.append((len(self.instructions), position))
            self.slots[position] = self.slots[node.operands[0]]
            self._release(position)
        else:
            self._compute(position)

    def _compute(self, position: int) -> None:
        node, kernel = self._graph.nodes[position], self._kernels[position]
        dtype = dtype_of(node.type.dtype)
        operands, dtypes, casted = [], [], []
        for place, operand in enumerate(node.operands):
            if place in kernel.numbers:
                continue
            slot, cast = self.slots[operand], kernel.casts[place]
            if cast is not None:
                slot = self._cast(position, operand, cast)
                # What is cast once, before the first tile, is there for all of them.
                if not self._is_single(operand):
                    casted.append(slot)
            operands.append(slot)
            dtypes.append(cast or dtype_of(self._graph.nodes[operand].type.dtype))
        way = way_of(kernel, node, dtypes)
        for slot in casted:
            self._give_back(slot)
        # A kernel may write over an operand that nothing reads after it.
        self._release(position)
        target = self._target(position, dtype, way)
        if target in self.outputs and way == FRESH:
            way = SHARED
        self.slots[position] = target
        step = Instruction(position, way, kernel.function, tuple(operands), target)
        self.instructions.append(step)
        self.looks.append((len(self.instructions), position))
        if position not in self._last and position not in self._kept:
            self._give_back(target)

    def _target(self, position: int, dtype: torch.dtype, way: str) -> int:
        if position in self._kept:
            slot = self._slot()
            self.outputs[slot] = dtype
            return slot
        kind = None if way == FRESH else dtype
        free = self._free.setdefault(kind, [])
        if free:
            return free.pop()
        slot = self._slot()
        if kind is not None:
            self.buffers[slot] = kind
        return slot

    def _cast(self, position: int, operand: int, dtype: torch.dtype) -> int:
        """A slot with an operand in another dtype."""
        is_single = self._is_single(operand)
        free = self._free.setdefault(None, [])
        target = self._slot() if is_single or not free else free.pop()
        step = Instruction(
            position, FRESH, lambda value: value.to(dtype), (self.slots[operand],), target
        )
        (self.once if is_single else self.instructions).append(step)
        return target

    def _is_single(self, operand: int) -> bool:
        """Whether an operand is one number, from outside."""
        return operand in self._external and self._graph.nodes[operand].type.numel == 1

    def _release(self, position: int) -> None:
        """Give back the buffers of operands that this member is the last to read."""
        for operand in {self.source(o) for o in self._graph.nodes[position].operands}:
            if self._last.get(operand) == position and operand not in self._kept:
                self._give_back(self.slots[operand])

    def _give_back(self, slot: int) -> None:
        if slot in self.buffers:
            self._free[self.buffers[slot]].append(slot)
        elif slot not in self.outputs and slot >= len(self._external):
            self._free[None].append(slot)
