"""Regions of elementwise nodes, computed tile by tile.

All nodes of a region are computed for one tile while it is in the processor's cache, in buffers
that the next tile uses again; statistics and reductions accumulate over the tiles. On a device
other than a CPU the only tile is the whole shape, unless an operand is read from a file.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import NamedTuple, TypeAlias

import torch

from graphcalc.backends.base import Clock, Sink, Summary, Value
from graphcalc.backends.regions import Region
from graphcalc.backends.torch.devices import is_host, wait_for
from graphcalc.backends.torch.kernel import Kernel
from graphcalc.backends.torch.kernels import FRESH, INTO, dtype_of
from graphcalc.backends.torch.layout import ACCUMULATE, Instruction, RegionLayout
from graphcalc.backends.torch.memory import allocate
from graphcalc.backends.torch.statistics import BLOCK, Fold, Statistics
from graphcalc.backends.torch.threads import in_threads
from graphcalc.graph.ir import Graph
from graphcalc.ops.spec import ITEM_BYTES

# Bytes of a buffer: a few of them fit into a core's second-level cache.
TILE_BYTES = 1 << 20
# Bytes of a buffer where tiles are read from a file for another device.
_DEVICE_BYTES = 64 << 20
# Tiles of shapes that would fit into fewer, for several threads, and the least elements of one.
_PARTS, _FEW = 4, 1 << 15

# Returns the tile of an operand from a first row and a number of rows.
_TileReader: TypeAlias = Callable[[int, int], torch.Tensor]


class _Accumulators(NamedTuple):
    """What one thread accumulates over its tiles, by position."""

    statistics: dict[int, Statistics]
    folds: dict[int, Fold]

    def join(self, other: _Accumulators) -> None:
        """Add what another thread accumulated."""
        for p, statistics in self.statistics.items():
            statistics.join(other.statistics[p])
        for p, fold in self.folds.items():
            fold.join(other.folds[p])


class _RegionRun:
    """One run of a region over a shape, some rows a tile: its next tile, and its outputs.

    Threads take the tiles in order, since a file is read in order.
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
        self.readers: dict[int, _TileReader] = {}
        self.lock = threading.Lock()
        self._row = 0

    def next(self) -> tuple[int, int, dict[int, torch.Tensor]] | None:
        """Return the next tile's first row, its rows, and the operands' tiles by slot."""
        with self.lock:
            row, size = self._row, min(self.rows, self.shape[0] - self._row)
            if size <= 0:
                return None
            self._row += size
            return row, size, {slot: read(row, size) for slot, read in self.readers.items()}


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
        """Return whether each tile of an operand is read once, and none by a later step."""
        layout, region = self._layout, self.region
        is_passed_on = operand in {layout.source(p) for p in region.outputs}
        return operand in self.shaped and not is_passed_on

    @property
    def buffer_bytes(self) -> int:
        """The bytes of the buffers, beyond the outputs."""
        if is_host(self._device):
            return 0
        size = sum(dtype.itemsize for dtype in self._layout.buffers.values())
        return size * math.prod(self.region.shape)

    def run(
        self,
        values: list[Value],
        observed: Sequence[int] = (),
        sinks: Mapping[int, Sink] | None = None,
        clock: Clock | None = None,
    ) -> dict[int, Summary]:
        """Compute the outputs into `values`; return the statistics of the positions `observed`.

        An operand among `values` may be an array in a file. An output with a sink goes there tile
        by tile, and not into `values`. `clock` receives the time of every node.
        """
        sinks = {p: sink for p, sink in (sinks or {}).items() if p in self.region.outputs}
        shape, rows = self._tiling(values)
        run = _RegionRun(shape, rows, self._allocate(shape, sinks), sinks, clock is not None)
        counted = {self._layout.source(p) for p in observed}
        is_inference = torch.is_inference_mode_enabled()
        from_files = [o for o in self.shaped if not isinstance(values[o], torch.Tensor)]

        def compute() -> tuple[_Accumulators, dict[int, float]]:
            accumulators = self._accumulators(counted)
            times = dict.fromkeys((*self.region.members, *from_files), 0.0)
            # These modes of torch are those of a thread.
            with torch.no_grad(), torch.inference_mode(is_inference):
                self._compute_tiles(run, accumulators, times, from_files)
            return accumulators, times

        with ExitStack() as stack:
            run.readers = self._readers(values, shape, stack)
            count = min(torch.get_num_threads(), -(-shape[0] // rows))
            is_split = count > 1 and is_host(self._device)
            (found, times), *more = in_threads([compute] * count) if is_split else [compute()]
        for other, spent in more:
            found.join(other)
            times = {p: seconds + spent[p] for p, seconds in times.items()}
        self._put_outputs(run, values, found.folds)
        if clock is not None:
            clock.spread(times)
        return {p: found.statistics[self._layout.source(p)].summary() for p in observed}

    def _accumulators(self, counted: set[int]) -> _Accumulators:
        folds = {p: Fold(self._graph.nodes[p].op.tile_reduction) for p in self.region.folds}
        return _Accumulators({p: Statistics() for p in counted}, folds)

    def _compute_tiles(
        self,
        run: _RegionRun,
        accumulators: _Accumulators,
        times: dict[int, float],
        from_files: Sequence[int],
    ) -> None:
        """Compute tiles until none is left; `from_files` are the operands read from files."""
        layout, shape = self._layout, run.shape
        instructions = self._instructions({**accumulators.statistics, **accumulators.folds})
        slots: list[Value] = [None] * layout.count
        buffers: dict[int, torch.Tensor] = {}
        start = perf_counter()
        while (tile := run.next()) is not None:
            row, size, operands = tile
            for o in from_files:
                times[o] += (perf_counter() - start) / len(from_files)
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
                slots[slot] = output[row : row + size]
            if run.is_timed:
                _execute_timed(instructions, slots, times, self._device)
            else:
                _execute(instructions, slots)
            for p, sink in run.sinks.items():
                if p not in accumulators.folds:
                    with run.lock:
                        sink.put(row * math.prod(shape[1:]), slots[layout.slots[p]])
            start = perf_counter()

    def _instructions(self, accumulators: Mapping[int, Statistics | Fold]) -> list[Instruction]:
        """Return the layout's instructions, with one for every accumulator once its value is ready.

        An operand is added when it has just been read, and is in the cache.
        """
        layout = self._layout
        if not accumulators:
            return layout.instructions
        found: list[Instruction] = []
        done = 0
        operands_left = set(self.shaped & accumulators.keys())

        def add(position: int) -> None:
            slot = layout.slots[position]
            function = accumulators[position].add
            found.append(Instruction(position, ACCUMULATE, function, (slot,), slot))

        for count, position in layout.ready:
            found += layout.instructions[done:count]
            done = count
            if position in accumulators:
                add(position)
            for operand in self._graph.nodes[position].operands:
                if operand in operands_left:
                    operands_left.remove(operand)
                    add(operand)
        for operand in operands_left:
            add(operand)
        return found

    def _tiling(self, values: list[Value]) -> tuple[tuple[int, ...], int]:
        """Return the shape to go through, and the rows of a tile.

        The shape is one long dimension where nothing broadcasts and everything is contiguous.
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
        # A few tiles at least, for several threads.
        rows = min(rows, max(-(-shape[0] // _PARTS), _FEW // width))
        if len(shape) == 1:
            # Whole blocks, as statistics sum them.
            rows += -rows % BLOCK
        return shape, max(rows, 1)

    def _allocate(
        self, shape: tuple[int, ...], sinks: Mapping[int, Sink]
    ) -> dict[int, torch.Tensor]:
        """Return memory for the outputs without a sink, by slot."""
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

    def _readers(
        self, values: list[Value], shape: tuple[int, ...], stack: ExitStack
    ) -> dict[int, _TileReader]:
        """Return the reader of tiles of every operand, by slot."""
        readers: dict[int, _TileReader] = {}
        is_flat = len(shape) == 1
        for o in self.region.operands:
            slot, value = self._layout.slots[o], values[o]
            if not isinstance(value, torch.Tensor):
                read = stack.enter_context(value.parts())
                dtype = dtype_of(self._graph.nodes[o].type.dtype)
                readers[slot] = self._file_reader(read, dtype, shape[1:])
            elif o in self.shaped:
                readers[slot] = _rows_of(value.view(-1) if is_flat else value)
            elif is_flat:
                readers[slot] = _all_of(value.reshape(()))
            elif value.dim() == len(shape) and value.shape[0] != 1:
                readers[slot] = _rows_of(value)
            else:
                readers[slot] = _all_of(value)
        return readers

    def _file_reader(
        self, read: Callable[[int], Value], dtype: torch.dtype, rest: tuple[int, ...]
    ) -> _TileReader:
        """Return a reader of tiles from a file; a CUDA device computes during the next copy."""

        def take(start: int, size: int) -> torch.Tensor:
            part = torch.as_tensor(read(size * math.prod(rest))).to(dtype).view(size, *rest)
            if self._device.type == "cuda":
                part = part.pin_memory()
            return part.to(self._device, non_blocking=True)

        return take

    def _put_outputs(self, run: _RegionRun, values: list[Value], folds: Mapping[int, Fold]) -> None:
        """Put the region's outputs among the values."""
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


def _rows_of(value: torch.Tensor) -> _TileReader:
    return lambda start, size: value[start : start + size]


def _all_of(value: torch.Tensor) -> _TileReader:
    return lambda start, size: value


def _execute(instructions: Sequence[Instruction], slots: list[Value]) -> None:
    for _, way, function, operands, target in instructions:
        if way is INTO:
            function(*[slots[i] for i in operands], out=slots[target])
        elif way is FRESH:
            slots[target] = function(*[slots[i] for i in operands])
        elif way is ACCUMULATE:
            function(slots[target])
        else:
            slots[target].copy_(function(*[slots[i] for i in operands]))


def _execute_timed(
    instructions: Sequence[Instruction],
    slots: list[Value],
    times: dict[int, float],
    device: torch.device,
) -> None:
    """Run the instructions one by one, and add the seconds of each to its node."""
    for instruction in instructions:
        start = perf_counter()
        _execute((instruction,), slots)
        wait_for(device)
        times[instruction.position] += perf_counter() - start
