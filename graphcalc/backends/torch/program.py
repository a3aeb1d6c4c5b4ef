"""Graphs on torch tensors: whole nodes, and regions tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from graphcalc.backends.base import Clock, NonFinite, Observer, Settings, Sink, Summary
from graphcalc.backends.regions import ExecutionStep, Region, check_memory, steps_of
from graphcalc.backends.torch import statistics
from graphcalc.backends.torch.deferred import DeferredObserver
from graphcalc.backends.torch.devices import find_device, is_host, tensor_of, wait_for
from graphcalc.backends.torch.kernels import dtype_of, kernel_of
from graphcalc.backends.torch.threads import limited
from graphcalc.backends.torch.tiles import TiledRegion
from graphcalc.diagnostics import InternalError, Label, LimitError
from graphcalc.graph.ir import Graph, Node, wrong_value
from graphcalc.numbers import show_bytes
from graphcalc.ops.shapes import show
from graphcalc.ops.spec import ITEM_BYTES, Problem
from graphcalc.ops.table import OPS


class _ExecutionPlan(NamedTuple):
    """How a graph is computed.

    `seen_by` has, by region, the large values whose statistics it takes, since it is the first to
    read them; these are `seen_later`. The inputs `in_parts` are read by one region alone.
    """

    graph: Graph
    device: torch.device
    kernels: dict[int, Callable[..., torch.Tensor]]
    regions: dict[int, TiledRegion]
    seen_by: dict[int, list[int]]
    seen_later: frozenset[int]
    in_parts: frozenset[int]
    # What another step reads: it has to be somewhere whole.
    read_again: frozenset[int]


class TorchProgram:
    """A graph ready to run on torch.

    Inputs named `in_parts` may be given as arrays in files, to be read part by part.
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
        kernels = {
            p: kernel_of(graph, node, device)
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
        seen_by = _first_readers(self._steps, regions) if is_host(device) else {}
        self._plan = _ExecutionPlan(
            graph,
            device,
            {p: kernel.whole() for p, kernel in kernels.items()},
            regions,
            seen_by,
            frozenset(p for found in seen_by.values() for p in found),
            _read_in_parts(graph, self._steps, regions, in_parts) - kept,
            frozenset(p for step in self._steps for p in step.reads),
        )
        buffers = {p: region.buffer_bytes for p, region in regions.items()}
        check_memory(graph, self._steps, buffers=buffers, elsewhere=self._plan.in_parts)

    def run(
        self,
        inputs: Mapping[str, Any],
        observer: Observer,
        sinks: Mapping[int, Sink] | None = None,
        clock: Clock | None = None,
    ) -> dict[int, Any]:
        """Compute the graph; inputs are numbers, nested lists, arrays or tensors, also in files.

        `clock` is told of every node when it has been computed.
        """
        sinks = sinks or {}
        run = _GraphRun(self._plan, inputs, observer, sinks, clock)
        try:
            with torch.no_grad(), limited(self._threads):
                for step in self._single_steps() if observer.needs_values else self._steps:
                    run.compute(step)
                run.seen.finish()
        except Problem as problem:
            raise wrong_value(problem, self._graph, run.position) from None
        except torch.OutOfMemoryError as error:
            raise self._out_of_memory(self._graph.nodes[run.position]) from error
        except RuntimeError as error:
            node = self._graph.nodes[run.position]
            label = Label(node.source, node.span)
            raise InternalError("torch", f"torch failed in `{node.op.name}`", (label,)) from error
        return {position: run.values[position] for position in self._kept if position not in sinks}

    def _single_steps(self) -> list[ExecutionStep]:
        """The steps without regions, for who wants to see every value whole."""
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

    def snapshot(self, value: Any, limit: int) -> tuple[Any, Summary | None]:
        """The value as nested lists, where it is small, and its statistics."""
        if value.dim() == 0:
            return value.item(), None
        elements = value.tolist() if value.numel() <= limit else None
        return elements, statistics.summarize(value)

    def faults(self, value: Any, operands: list[Any], is_elementwise: bool) -> NonFinite | None:
        """What of a value is not finite, given what it was computed from; or None."""
        return statistics.faults(value, operands, is_elementwise)

    def element(self, value: Any, index: tuple[int, ...]) -> Any:
        """The number at an index of what a value broadcasts to."""
        own = index[len(index) - value.dim() :]
        return value[tuple(i if n != 1 else 0 for n, i in zip(value.shape, own))].item()

    def plain(self, value: Any) -> Any:
        """A value as an input that any run takes."""
        return value.detach()

    def descent(
        self, optimizer: str, rate: float, values: list[Any]
    ) -> tuple[list[Any], Callable[[list[Any]], list[Any]]]:
        """Values as inputs of a run, and what makes the next ones of their gradients.

        torch.optim changes them in place, so they are copies.
        """
        tensors = [value.detach().clone() for value in values]
        kind = torch.optim.Adam if optimizer == "adam" else torch.optim.SGD
        steps = kind(tensors, lr=rate)
        own = {tensor.untyped_storage().data_ptr() for tensor in tensors}

        def update(gradients: list[Any]) -> list[Any]:
            for tensor, gradient in zip(tensors, gradients):
                # The gradient of x*w by x is w itself, which the step is about to change.
                is_own = gradient.untyped_storage().data_ptr() in own
                tensor.grad = gradient.clone() if is_own else gradient
            steps.step()
            return tensors

        return tensors, update

    def restore(self, value: Any, shape: tuple[int, ...], dtype: str) -> Any:
        """Nested lists as a tensor on the program's device."""
        return torch.tensor(value, dtype=dtype_of(dtype), device=self._device).reshape(shape)


def _first_readers(
    steps: list[ExecutionStep], regions: dict[int, TiledRegion]
) -> dict[int, list[int]]:
    """By region the large values that it is the first to read."""
    seen: set[int] = set()
    found: dict[int, list[int]] = {}
    for step in steps:
        region = regions.get(step.position)
        if region is not None:
            found[step.position] = sorted(region.shaped - seen)
            seen |= {*region.shaped, *region.region.members}
    return found


def _read_in_parts(
    graph: Graph, steps: list[ExecutionStep], regions: dict[int, TiledRegion], names: frozenset[str]
) -> frozenset[int]:
    """The inputs, among those of these names, that one region alone reads."""
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
    """One run of a plan: its values so far, and who is told of them."""

    def __init__(
        self,
        plan: _ExecutionPlan,
        inputs: Mapping[str, Any],
        observer: Observer,
        sinks: Mapping[int, Sink],
        clock: Clock | None,
    ) -> None:
        self._plan, self._inputs, self._sinks = plan, inputs, sinks
        self._observer, self._clock = observer, clock
        self.values: list[Any] = [None] * len(plan.graph)
        self.seen = DeferredObserver(observer, plan.device)
        self.position = 0

    def compute(self, step: ExecutionStep) -> None:
        """Compute a step's values, and drop those that nothing reads any more."""
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
        self.values[position] = value
        if observer.needs_values or position not in plan.seen_later:
            self.seen.look(position, value)
        if position in self._sinks:
            self._sinks[position].put(0, value)
        if self._clock is not None:
            wait_for(plan.device)
            self._clock(position)

    def _region(self, position: int, region: Region) -> None:
        members = (p for p in region.members if p not in region.folds)
        looked_at = (*self._plan.seen_by.get(position, ()), *members)
        tallied = [p for p in looked_at if self._observer.wants(p)]
        whole = [p for p in self._sinks if p in region.outputs and p in self._plan.read_again]
        sinks = {p: sink for p, sink in self._sinks.items() if p not in whole}
        run = self._plan.regions[position].run
        found = run(self.values, tallied, sinks, self._clock)
        for p in whole:
            self._sinks[p].put(0, self.values[p])
        for p, summary in found.items():
            self._observer.observe_summary(p, summary)
        for p in region.folds:
            self.seen.look(p, self.values[p])

    def _input(self, position: int, value: Any) -> Any:
        """An input as a tensor; as it is, where it is in a file and is read part by part."""
        plan = self._plan
        if hasattr(value, "parts"):
            if position in plan.in_parts and not self._observer.needs_values:
                return value
            value = value.read()
        return tensor_of(value, dtype_of(plan.graph.nodes[position].type.dtype), plan.device)
