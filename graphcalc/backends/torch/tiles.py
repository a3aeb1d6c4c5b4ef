"""Regions of elementwise nodes, computed some elements at a time.

A tile of every operand goes through all nodes of a region while it is in the processor's cache,
in buffers that are used again for the next; statistics are taken and reductions gathered on the
way. On devices that are no CPU the tile is the whole, unless it comes from a file.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import torch

from graphcalc.backends.base import Clock, Sink, Summary
from graphcalc.backends.regions import Region
from graphcalc.backends.torch.devices import is_host, wait_for
from graphcalc.backends.torch.kernels import FRESH, INTO, Kernel, dtype_of
from graphcalc.backends.torch.layout import LOOK, Instruction, RegionLayout
from graphcalc.backends.torch.memory import allocate
from graphcalc.backends.torch.statistics import BLOCK, Fold, Statistics
from graphcalc.backends.torch.threads import in_threads
from graphcalc.graph.ir import Graph
from graphcalc.ops.spec import ITEM_BYTES

# Bytes of a buffer: a few of them fit into a core's second cache.
TILE_BYTES = 1 << 20
# Bytes of a buffer where parts of a file go to another device.
_DEVICE_BYTES = 64 << 20
# Tiles of middling shapes, of so many elements at least.
_PARTS, _FEW = 4, 1 << 15

# Gives the tile of an operand, from a row on, of so many rows.
_Take: TypeAlias = Callable[[int, int], torch.Tensor]


class _Looks(NamedTuple):
    """Who looks at the values that go by, by their positions."""

    tallies: dict[int, Statistics]
    folds: dict[int, Fold]

    def join(self, other: _Looks) -> None:
        """Take in what others have seen, of the elements behind."""
        for p, tally in self.tallies.items():
            tally.join(other.tallies[p])
        for p, fold in self.folds.items():
            fold.join(other.folds[p])


class _RegionRun:
    """One run of a region, which goes through a shape row by row: its tiles, and its outputs.

    Threads take a tile each, in the tiles' order, as what comes from a file is read in its own.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        rows: int,
        outputs: dict[int, torch.Tensor],
        sinks: Mapping[int, Sink],
        is_timed: bool,
    ) -> None:
        self.shape, self.rows, self.outputs = shape, rows, outputs
        self.sinks, self.is_timed = sinks, is_timed
        self.takes: dict[int, _Take] = {}
        self.lock = threading.Lock()
        self._place = 0

    def next(self) -> tuple[int, int, dict[int, Any]] | None:
        """Where the next tile begins, its height, and the operands' tiles by slot."""
        with self.lock:
            place, size = self._place, min(self.rows, self.shape[0] - self._place)
            if size <= 0:
                return None
            self._place += size
            return place, size, {slot: take(place, size) for slot, take in self.takes.items()}


class TiledRegion:
    """A region ready to run."""

    def __init__(
        self, graph: Graph, region: Region, kernels: Mapping[int, Kernel], device: torch.device
    ) -> None:
        self._graph, self.region, self._device = graph, region, device
        self._layout = RegionLayout(graph, region, kernels)
        self._item = max(ITEM_BYTES[graph.nodes[p].type.dtype] for p in region.members)
        self.shaped = frozenset(
            o for o in region.operands if graph.nodes[o].type.shape == region.shape
        )

    def can_read_in_parts(self, operand: int) -> bool:
        """Whether no tile of an operand is needed again when the next one is there."""
        layout, region = self._layout, self.region
        is_passed_on = operand in {layout.source(p) for p in region.outputs}
        return operand in self.shaped and not is_passed_on

    @property
    def buffer_bytes(self) -> int:
        """What the buffers take beyond the values that stay."""
        if is_host(self._device):
            return 0
        size = sum(dtype.itemsize for dtype in self._layout.buffers.values())
        return size * math.prod(self.region.shape)

    def run(
        self,
        values: list[Any],
        tallied: Sequence[int] = (),
        sinks: Mapping[int, Sink] | None = None,
        clock: Clock | None = None,
    ) -> dict[int, Summary]:
        """Compute the region's outputs into `values`; the statistics of the positions `tallied`.

        Operands among `values` may be parts still to be read. An output with a sink goes there,
        tile by tile, and is nowhere whole. `clock` is told of every node that has been computed.
        """
        sinks = {p: sink for p, sink in (sinks or {}).items() if p in self.region.outputs}
        shape, rows = self._tiling(values)
        run = _RegionRun(shape, rows, self._allocate(shape, sinks), sinks, clock is not None)
        looked_at = {self._layout.source(p) for p in tallied}
        is_inference = torch.is_inference_mode_enabled()
        read = [o for o in self.shaped if not isinstance(values[o], torch.Tensor)]

        def walk() -> tuple[_Looks, dict[int, float]]:
            looks = self._looks(looked_at)
            times = dict.fromkeys((*self.region.members, *read), 0.0)
            # A thread has modes of its own.
            with torch.no_grad(), torch.inference_mode(is_inference):
                self._walk(run, looks, times, read)
            return looks, times

        with ExitStack() as stack:
            run.takes = self._takes(values, shape, stack)
            count = min(torch.get_num_threads(), -(-shape[0] // rows))
            is_split = count > 1 and is_host(self._device)
            (looks, times), *more = in_threads([walk] * count) if is_split else [walk()]
        for other, spent in more:
            looks.join(other)
            times = {p: seconds + spent[p] for p, seconds in times.items()}
        self._settle(run, values, looks.folds)
        if clock is not None:
            clock.spread(times)
        return {p: looks.tallies[self._layout.source(p)].summary() for p in tallied}

    def _looks(self, looked_at: set[int]) -> _Looks:
        folds = {p: Fold(self._graph.nodes[p].op.tile_reduction) for p in self.region.folds}
        return _Looks({p: Statistics() for p in looked_at}, folds)

    def _walk(
        self, run: _RegionRun, looks: _Looks, times: dict[int, float], read: Sequence[int]
    ) -> None:
        """Compute tiles as long as there are any; `read` are the operands that come in parts."""
        layout, shape = self._layout, run.shape
        instructions = self._with_looks({**looks.tallies, **looks.folds})
        slots: list[Any] = [None] * layout.count
        buffers: dict[int, torch.Tensor] = {}
        start = perf_counter()
        while (tile := run.next()) is not None:
            place, size, operands = tile
            for o in read:
                times[o] += (perf_counter() - start) / len(read)
            for slot, operand in operands.items():
                slots[slot] = operand
            if not buffers:
                buffers = {
                    slot: torch.empty((size, *shape[1:]), dtype=dtype, device=self._device)
                    for slot, dtype in self._tile_buffers(run.outputs).items()
                }
                _execute(layout.once, slots)
            for slot, buffer in buffers.items():
                slots[slot] = buffer[:size]
            for slot, output in run.outputs.items():
                slots[slot] = output[place : place + size]
            if run.is_timed:
                _execute_timed(instructions, slots, times, self._device)
            else:
                _execute(instructions, slots)
            for p, sink in run.sinks.items():
                if p not in looks.folds:
                    with run.lock:
                        sink.put(place * math.prod(shape[1:]), slots[layout.slots[p]])
            start = perf_counter()

    def _with_looks(self, looks: Mapping[int, Statistics | Fold]) -> list[Instruction]:
        """The instructions, and where a value is there those who look at it."""
        layout = self._layout
        if not looks:
            return layout.instructions
        found: list[Instruction] = []
        done = 0
        seen = set(self.shaped & looks.keys())

        def look(position: int) -> None:
            slot = layout.slots[position]
            found.append(Instruction(position, LOOK, looks[position].add, (slot,), slot))

        for place, position in layout.looks:
            for instruction in layout.instructions[done:place]:
                found.append(instruction)
            done = place
            if position in looks:
                look(position)
            # An operand is looked at when it has just been read.
            for operand in self._graph.nodes[position].operands:
                if operand in seen:
                    seen.remove(operand)
                    look(operand)
        for operand in seen:
            look(operand)
        return found

    def _tiling(self, values: list[Any]) -> tuple[tuple[int, ...], int]:
        """The shape to go through, and how much of its first dimension at once.

        That is one long row where nothing broadcasts and all is contiguous.
        """
        region, graph = self.region, self._graph
        shape = region.shape
        if all(
            values[o].is_contiguous() if o in self.shaped else graph.nodes[o].type.numel == 1
            for o in region.operands
            if isinstance(values[o], torch.Tensor)
        ):
            shape = (math.prod(shape),)
        on_host = is_host(self._device)
        if not on_host and all(isinstance(values[o], torch.Tensor) for o in self.shaped):
            return shape, shape[0]
        width = math.prod(shape[1:])
        rows = (TILE_BYTES if on_host else _DEVICE_BYTES) // self._item // width
        # Of middling shapes there are some tiles too, for several threads.
        rows = min(rows, max(-(-shape[0] // _PARTS), _FEW // width))
        if len(shape) == 1:
            # Whole blocks, of which statistics take sums.
            rows += -rows % BLOCK
        return shape, max(rows, 1)

    def _allocate(
        self, shape: tuple[int, ...], sinks: Mapping[int, Sink]
    ) -> dict[int, torch.Tensor]:
        """Memory for the outputs that are to be somewhere whole, by slot."""
        layout = self._layout
        wanted = {layout.slots[p] for p in self.region.outputs if p not in sinks}
        return {
            slot: allocate(shape, dtype, self._device)
            for slot, dtype in layout.outputs.items()
            if slot in wanted
        }

    def _tile_buffers(self, outputs: Mapping[int, torch.Tensor]) -> dict[int, torch.dtype]:
        layout = self._layout
        passing = {slot: d for slot, d in layout.outputs.items() if slot not in outputs}
        return {**layout.buffers, **passing}

    def _takes(
        self, values: list[Any], shape: tuple[int, ...], stack: ExitStack
    ) -> dict[int, _Take]:
        """For every operand's slot what gives its tile, from a row on."""
        takes: dict[int, _Take] = {}
        is_flat = len(shape) == 1
        for o in self.region.operands:
            slot, value = self._layout.slots[o], values[o]
            if not isinstance(value, torch.Tensor):
                read = stack.enter_context(value.parts())
                dtype = dtype_of(self._graph.nodes[o].type.dtype)
                takes[slot] = self._reader(read, dtype, shape[1:])
            elif o in self.shaped:
                takes[slot] = _rows_of(value.view(-1) if is_flat else value)
            elif is_flat:
                takes[slot] = _all_of(value.reshape(()))
            elif value.dim() == len(shape) and value.shape[0] != 1:
                takes[slot] = _rows_of(value)
            else:
                takes[slot] = _all_of(value)
        return takes

    def _reader(
        self, read: Callable[[int], Any], dtype: torch.dtype, rest: tuple[int, ...]
    ) -> _Take:
        """Tiles of what is read in order; a CUDA device computes while the next is on its way."""

        def take(start: int, size: int) -> torch.Tensor:
            part = torch.as_tensor(read(size * math.prod(rest))).to(dtype).view(size, *rest)
            if self._device.type == "cuda":
                part = part.pin_memory()
            return part.to(self._device, non_blocking=True)

        return take

    def _settle(self, run: _RegionRun, values: list[Any], folds: Mapping[int, Fold]) -> None:
        """Put what the region leaves behind among the values."""
        layout, nodes = self._layout, self._graph.nodes
        for p in self.region.outputs:
            slot = layout.slots[p]
            if p in folds:
                type_ = nodes[p].type
                values[p] = folds[p].value(type_.shape, dtype_of(type_.dtype)).to(self._device)
                if p in run.sinks:
                    run.sinks[p].put(0, values[p])
            elif p not in run.sinks:
                is_own = slot in run.outputs
                values[p] = (
                    run.outputs[slot].view(self.region.shape)
                    if is_own
                    else values[layout.source(p)]
                )


def _rows_of(value: torch.Tensor) -> _Take:
    return lambda start, size: value[start : start + size]


def _all_of(value: torch.Tensor) -> _Take:
    return lambda start, size: value


def _execute(instructions: Sequence[Instruction], slots: list[Any]) -> None:
    for _, way, function, operands, target in instructions:
        if way is INTO:
            function(*[slots[i] for i in operands], out=slots[target])
        elif way is FRESH:
            slots[target] = function(*[slots[i] for i in operands])
        elif way is LOOK:
            function(slots[target])
        else:
            slots[target].copy_(function(*[slots[i] for i in operands]))


def _execute_timed(
    instructions: Sequence[Instruction],
    slots: list[Any],
    times: dict[int, float],
    device: torch.device,
) -> None:
    """The same, one after the other, with the seconds of every node."""
    for instruction in instructions:
        start = perf_counter()
        _execute((instruction,), slots)
        wait_for(device)
        times[instruction.position] += perf_counter() - start
