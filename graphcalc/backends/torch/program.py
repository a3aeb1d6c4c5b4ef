"""Programs on torch tensors: single nodes, and regions tile by tile."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import torch

from graphcalc.backends.base import (
    Clock,
    Inputs,
    NonFinite,
    Observer,
    Settings,
    Sink,
    Summary,
    UpdateStep,
    Value,
)
from graphcalc.backends.regions import ExecutionStep, Region, check_memory, steps_of
from graphcalc.backends.torch import statistics
from graphcalc.backends.torch.deferred import DeferredObserver
from graphcalc.backends.torch.devices import find_device, is_host, tensor_of, wait_for
from graphcalc.backends.torch.half import has_halves
from graphcalc.backends.torch.kernels import dtype_of, kernel_of
from graphcalc.backends.torch.shared_calls import shared_kernels
from graphcalc.backends.torch.threads import limited
from graphcalc.backends.torch.tiles import TiledRegion
from graphcalc.diagnostics import InternalError, Label, LimitError
from graphcalc.graph.ir import Graph, Node, wrong_value
from graphcalc.graph.passes import written_numbers
from graphcalc.numbers import Nested, show_bytes
from graphcalc.ops.shapes import show
from graphcalc.ops.spec import ITEM_BYTES, Problem, escape
from graphcalc.ops.table import OPS

# What torch says where the system gives it no memory.
_NO_MEMORY = re.compile(r"can't allocate memory|not enough memory")
# The values of a run by position: None before they are computed and after they are released, an
# array in a file where it is read tile by tile.
Values: TypeAlias = list[Value]


class _ExecutionPlan(NamedTuple):
    """How a graph is computed.

    `observed_by` has, by region, the large values whose statistics the region takes, as it is the
    first to read them; `observed_later` are all of these. The inputs `in_parts` are read tile by
    tile, by one region alone. Another step reads the values `read_again`, so they are kept whole.
    """

    graph: Graph
    device: torch.device
    kernels: dict[int, Callable[..., torch.Tensor]]
    regions: dict[int, TiledRegion]
    observed_by: dict[int, list[int]]
    observed_later: frozenset[int]
    in_parts: frozenset[int]
    read_again: frozenset[int]


class TorchProgram:
    """A graph ready to run on torch.

    Inputs named `in_parts` may be arrays in files, to be read tile by tile.
    """

    backend = "torch"
    compile_seconds = 0.0

    def __init__(
        self,
        graph: Graph,
        settings: Settings,
        kept: frozenset[int],
        in_parts: frozenset[str] = frozenset(),
    ) -> None:
        self._graph, self._kept = graph, kept
        self._device = device = find_device(settings.device)
        self.device = str(device)
        self._threads = settings.threads
        numbers = written_numbers(graph) if has_halves(graph) else None
        kernels = {
            p: kernel_of(graph, p, device, numbers)
            for p, node in enumerate(graph.nodes)
            if node.op is not OPS["input"]
        }
        self._steps = steps_of(graph, kept)
        self._single: list[ExecutionStep] = []
        regions = {
            step.position: TiledRegion(graph, step.region, kernels, device)
            for step in self._steps
            if step.region is not None
        }
        observed_by = _first_readers(self._steps, regions) if is_host(device) else {}
        self._plan = _ExecutionPlan(
            graph,
            device,
            {p: kernel.whole() for p, kernel in kernels.items()} | shared_kernels(graph),
            regions,
            observed_by,
            frozenset(p for operands in observed_by.values() for p in operands),
            _read_in_parts(graph, self._steps, regions, in_parts) - kept,
            frozenset(p for step in self._steps for p in step.reads),
        )
        buffers = {p: region.buffer_bytes for p, region in regions.items()}
        check_memory(graph, self._steps, buffers=buffers, elsewhere=self._plan.in_parts)

    def run(
        self,
        inputs: Inputs,
        observer: Observer,
        sinks: Mapping[int, Sink] | None = None,
        clock: Clock | None = None,
    ) -> dict[int, torch.Tensor]:
        """Compute the graph; return the values of the kept nodes by position."""
        sinks = sinks or {}
        run = _GraphRun(self._plan, inputs, observer, sinks, clock)
        try:
            with torch.no_grad(), limited(self._threads):
                for step in self._single_steps() if observer.needs_values else self._steps:
                    run.compute(step)
                run.deferred.finish()
        except Problem as problem:
            raise wrong_value(problem, self._graph, run.position) from None
        except torch.OutOfMemoryError as error:
            raise self._out_of_memory(self._graph.nodes[run.position]) from error
        except RuntimeError as error:
            node = self._graph.nodes[run.position]
            if _NO_MEMORY.search(str(error)):
                raise self._out_of_memory(node) from error
            label = Label(node.source, node.span)
            raise InternalError("torch", f"torch failed in `{node.op.name}`", (label,)) from error
        return {position: run.values[position] for position in self._kept if position not in sinks}

    def _single_steps(self) -> list[ExecutionStep]:
        """Return the steps without regions, for an observer that needs every value whole."""
        if not self._single:
            self._single = steps_of(self._graph, self._kept, with_regions=False)
        return self._single

    def _out_of_memory(self, node: Node) -> LimitError:
        size = node.type.numel * ITEM_BYTES[node.type.dtype]
        free = ""
        if self._device.type == "cuda":
            free = f", and {show_bytes(torch.cuda.mem_get_info(self._device)[0])} are free"
        return LimitError(
            "device-memory",
            f"out of memory on {self.device}: shape {show(node.type.shape)} "
            f"needs {show_bytes(size)}{free}",
            (Label(node.source, node.span),),
        )

    def snapshot(self, value: torch.Tensor, limit: int) -> tuple[Nested | None, Summary | None]:
        """Return a value as nested lists, where it is small, and its statistics."""
        if value.dim() == 0:
            return value.item(), None
        elements = value.tolist() if value.numel() <= limit else None
        return elements, statistics.summarize(value)

    def non_finite(
        self, value: torch.Tensor, operands: list[torch.Tensor], is_elementwise: bool
    ) -> NonFinite | None:
        """Count the elements that are not finite, given what they were computed from; or None."""
        return statistics.non_finite(value, operands, is_elementwise)

    def element(self, value: torch.Tensor, index: tuple[int, ...]) -> float:
        """Return the number at an index of what a value broadcasts to."""
        own = index[len(index) - value.dim() :]
        return value[tuple(i if n != 1 else 0 for n, i in zip(value.shape, own))].item()

    def plain(self, value: torch.Tensor) -> torch.Tensor:
        """Return a value as an input that any run takes."""
        return value.detach()

    def descent(
        self, optimizer: str, rate: float, values: list[torch.Tensor]
    ) -> tuple[list[torch.Tensor], UpdateStep]:
        """Return values as inputs of a run, and the function from gradients to the next ones.

        torch.optim changes them in place, so they are copies.
        """
        tensors = [value.detach().clone() for value in values]
        kind = torch.optim.Adam if optimizer == "adam" else torch.optim.SGD
        steps = kind(tensors, lr=rate)
        own = {tensor.untyped_storage().data_ptr() for tensor in tensors}

        def update(gradients: list[torch.Tensor]) -> list[torch.Tensor]:
            for tensor, gradient in zip(tensors, gradients):
                # The gradient of x*w by x is w itself, which the step changes.
                is_own = gradient.untyped_storage().data_ptr() in own
                # A number beside float32 data has a gradient of float32.
                wide = gradient.to(tensor.dtype)
                tensor.grad = wide.clone() if is_own else wide
            steps.step()
            return tensors

        return tensors, update

    def restore(self, value: Nested, shape: tuple[int, ...], dtype: str) -> torch.Tensor:
        """Return nested lists as a tensor on the program's device."""
        return torch.tensor(value, dtype=dtype_of(dtype), device=self._device).reshape(shape)


def _first_readers(
    steps: list[ExecutionStep], regions: dict[int, TiledRegion]
) -> dict[int, list[int]]:
    """Return, by region, the large values that it is the first to read."""
    read: set[int] = set()
    found: dict[int, list[int]] = {}
    for step in steps:
        region = regions.get(step.position)
        if region is not None:
            found[step.position] = sorted(region.shaped - read)
            read |= {*region.shaped, *region.region.members}
    return found


def _read_in_parts(
    graph: Graph, steps: list[ExecutionStep], regions: dict[int, TiledRegion], names: frozenset[str]
) -> frozenset[int]:
    """Return the inputs of these names that one region alone reads."""
    readers: dict[int, list[int]] = {p: [] for n, p in graph.inputs.items() if n in names}
    for step in steps if readers else ():
        for p in readers.keys() & set(step.reads):
            readers[p].append(step.position)
    return frozenset(
        p
        for p, found in readers.items()
        if len(found) == 1 and found[0] in regions and regions[found[0]].can_read_in_parts(p)
    )


class _GraphRun:
    """One run of a plan: its values so far, its observer and its sinks."""

    def __init__(
        self,
        plan: _ExecutionPlan,
        inputs: Inputs,
        observer: Observer,
        sinks: Mapping[int, Sink],
        clock: Clock | None,
    ) -> None:
        self._plan, self._inputs, self._sinks = plan, inputs, sinks
        self._observer, self._clock = observer, clock
        self.values: Values = [None] * len(plan.graph)
        self.deferred = DeferredObserver(observer, plan.device)
        self.position = 0

    def compute(self, step: ExecutionStep) -> None:
        """Compute a step's values, and drop those that no later step reads."""
        self.position = step.position
        if step.region is None:
            self._whole(step.position)
        else:
            self._region(step.position, step.region)
        for released in step.released:
            self.values[released] = None

    def _whole(self, position: int) -> None:
        plan, observer = self._plan, self._observer
        node = plan.graph.nodes[position]
        if node.op is OPS["input"]:
            value = self._input(position, self._inputs[node.params[1]])
        else:
            value = plan.kernels[position](*[self.values[i] for i in node.operands])
        if not node.op.has_python and value.shape != node.type.shape:
            shape, found = show(node.type.shape), show(tuple(value.shape))
            text = f"`{node.op.name}` gives {found} for these values, and {shape} for others"
            raise Problem("shape", escape(text))
        self.values[position] = value
        if observer.needs_values or position not in plan.observed_later:
            self.deferred.observe(position, value)
        if position in self._sinks:
            self._sinks[position].put(0, value)
        if self._clock is not None:
            wait_for(plan.device)
            self._clock(position)

    def _region(self, position: int, region: Region) -> None:
        members = (p for p in region.members if p not in region.folds)
        candidates = (*self._plan.observed_by.get(position, ()), *members)
        observed = [p for p in candidates if self._observer.wants(p)]
        whole = [p for p in self._sinks if p in region.outputs and p in self._plan.read_again]
        sinks = {p: sink for p, sink in self._sinks.items() if p not in whole}
        run = self._plan.regions[position].run
        summaries = run(self.values, observed, sinks, self._clock)
        for p in whole:
            self._sinks[p].put(0, self.values[p])
        for p, summary in summaries.items():
            self._observer.observe_summary(p, summary)
        for p in region.folds:
            self.deferred.observe(p, self.values[p])

    def _input(self, position: int, value: Value) -> Value:
        """Return an input as a tensor, or unchanged where it is read from a file tile by tile."""
        plan = self._plan
        if hasattr(value, "parts"):
            if position in plan.in_parts and not self._observer.needs_values:
                return value
            value = value.read()
        return tensor_of(value, dtype_of(plan.graph.nodes[position].type.dtype), plan.device)
