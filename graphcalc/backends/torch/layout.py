"""The layout of a region: instructions on slots, and the buffers that slots share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

from graphcalc.backends.regions import Region
from graphcalc.backends.torch.kernel import Kernel
from graphcalc.backends.torch.kernels import FRESH, SHARED, dtype_of, way_of
from graphcalc.graph.ir import Graph
from graphcalc.ops.table import OPS

# The `way` of an instruction that hands the value of a slot to its statistics.
ACCUMULATE = "accumulate"


class Instruction(NamedTuple):
    """A function from slots to a slot; `way` says where it puts its value."""

    position: int
    way: str
    function: Callable[..., object]
    operands: tuple[int, ...]
    target: int


class RegionLayout:
    """The slots of a region and the instructions on them, in order.

    `slots` has the slot of every operand and member. Slots in `buffers` need memory of a tile's
    size, those in `outputs` belong to a member that is read outside of the region. `once` are
    instructions on operands of one element, run before the first tile; `ready` pairs the number of
    instructions after which a position's value is ready with the position.
    """

    def __init__(self, graph: Graph, region: Region, kernels: Mapping[int, Kernel]) -> None:
        self._graph, self._region, self._kernels = graph, region, kernels
        self.slots: dict[int, int] = {}
        self.count = 0
        self.buffers: dict[int, torch.dtype] = {}
        self.outputs: dict[int, torch.dtype] = {}
        self.once: list[Instruction] = []
        self.instructions: list[Instruction] = []
        self.ready: list[tuple[int, int]] = []
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
        """Return the node whose value an alias stands for; for other nodes, themselves."""
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
        """Return the last member that reads each member, directly or through aliases."""
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
            self.ready.append((len(self.instructions), position))
            self.slots[position] = self.slots[node.operands[0]]
            self._release(position)
        else:
            self._compute(position)

    def _compute(self, position: int) -> None:
        node, kernel = self._graph.nodes[position], self._kernels[position]
        dtype = dtype_of(node.type.dtype)
        operands, dtypes, casted = [], [], []
        for number, operand in enumerate(node.operands):
            if number in kernel.numbers:
                continue
            slot, cast = self.slots[operand], kernel.casts[number]
            if cast is not None:
                slot = self._cast(position, operand, cast)
                # A scalar is converted once, before the first tile, and kept.
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
        self.ready.append((len(self.instructions), position))
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
        """Return a slot with an operand converted to another dtype."""
        is_single = self._is_single(operand)
        free = self._free.setdefault(None, [])
        target = self._slot() if is_single or not free else free.pop()
        step = Instruction(
            position, FRESH, lambda value: value.to(dtype), (self.slots[operand],), target
        )
        (self.once if is_single else self.instructions).append(step)
        return target

    def _is_single(self, operand: int) -> bool:
        """Return whether an operand is a single number from outside of the region."""
        return operand in self._external and self._graph.nodes[operand].type.numel == 1

    def _release(self, position: int) -> None:
        """Free the buffers of operands that this member is the last to read."""
        for operand in {self.source(o) for o in self._graph.nodes[position].operands}:
            if self._last.get(operand) == position and operand not in self._kept:
                self._give_back(self.slots[operand])

    def _give_back(self, slot: int) -> None:
        if slot in self.buffers:
            self._free[self.buffers[slot]].append(slot)
        elif slot not in self.outputs and slot >= len(self._external):
            self._free[None].append(slot)
