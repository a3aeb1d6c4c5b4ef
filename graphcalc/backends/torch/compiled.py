"""Programs compiled by torch.compile, for graphs that run often."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TypeAlias

import torch

from graphcalc.backends.base import KEEP, Clock, Inputs, NullObserver, Observer, Settings, Sink
from graphcalc.backends.process import PROCESS
from graphcalc.backends.regions import check_memory, steps_of
from graphcalc.backends.torch.deferred import DeferredObserver
from graphcalc.backends.torch.devices import tensor_of
from graphcalc.backends.torch.kernel import TensorFunction
from graphcalc.backends.torch.kernels import dtype_of
from graphcalc.backends.torch.program import TorchProgram
from graphcalc.backends.torch.statistics import as_summary, summarize_on_device
from graphcalc.backends.torch.threads import limited
from graphcalc.diagnostics import BackendError
from graphcalc.graph.ir import Graph, Node
from graphcalc.ops.table import OPS

# Every value of half precision is rounded, as it is outside of compiled code.
_OPTIONS: dict[str, str | int | bool | Callable[..., object]] = {"emulate_precision_casts": True}
# On CUDA graphs of kernels are recorded and launched together, so that many small nodes cost
# little more than one.
_CUDA_OPTIONS = {**_OPTIONS, "triton.cudagraphs": True}

_Function: TypeAlias = Callable[[list[torch.Tensor]], tuple[list[torch.Tensor], list[torch.Tensor]]]


class CompiledProgram(TorchProgram):
    """A graph as one function compiled by torch.compile, statistics included.

    The first run compiles it, as does one whose observer wants the statistics of other nodes;
    `compile_seconds` adds up the time. Nodes without operands are computed before it, uncompiled.
    """

    def __init__(self, graph: Graph, settings: Settings, kept: frozenset[int]) -> None:
        super().__init__(graph, settings, kept)
        check_memory(graph, steps_of(graph, kept, with_regions=False))
        self._leaves = [p for p, node in enumerate(graph.nodes) if not node.operands]
        self._inner = [p for p, node in enumerate(graph.nodes) if node.operands]
        self._functions: dict[tuple[int, ...], _Function] = {}
        self.compile_seconds = 0.0

    def run(
        self,
        inputs: Inputs,
        observer: Observer,
        sinks: Mapping[int, Sink] | None = None,
        clock: Clock | None = None,
    ) -> dict[int, torch.Tensor]:
        """Compute the graph; node by node where every value or every node's time is wanted."""
        if observer.needs_values or clock is not None:
            return super().run(inputs, observer, sinks, clock)
        wanted = tuple(p for p in self._inner if observer.wants(p))
        large = [p for p in wanted if self._graph.nodes[p].type.numel > KEEP]
        leaf_values = [self._leaf(p, inputs) for p in self._leaves]
        with torch.no_grad(), limited(self._threads):
            found, vectors = self._call(wanted, large, leaf_values, inputs)
        values = dict(zip((*self._leaves, *self._returned(wanted)), (*leaf_values, *found)))
        deferred = DeferredObserver(observer, self._device)
        for p in (*self._leaves, *sorted(set(wanted) - set(large))):
            deferred.observe(p, values[p])
        deferred.finish()
        for p, numbers in zip(large, torch.stack(vectors).cpu().tolist() if vectors else ()):
            observer.observe_summary(p, as_summary(numbers))
        for p, sink in (sinks or {}).items():
            sink.put(0, values[p])
        # CUDA's graphs use their memory again in a later run, so values are copied.
        copies = self._device.type == "cuda"
        kept = {p: values[p] for p in self._kept if p not in (sinks or {})}
        return {p: value.clone() if copies else value for p, value in kept.items()}

    def _leaf(self, position: int, inputs: Inputs) -> torch.Tensor:
        node = self._graph.nodes[position]
        if node.op is not OPS["input"]:
            return self._plan.kernels[position]()
        value = inputs[node.params[1]]
        value = value.read() if hasattr(value, "parts") else value
        return tensor_of(value, dtype_of(node.type.dtype), self._device)

    def _returned(self, wanted: Sequence[int]) -> list[int]:
        """Return the computed nodes whose values the function returns, in its order."""
        nodes = self._graph.nodes
        small = {p for p in wanted if nodes[p].type.numel <= KEEP}
        return sorted((self._kept | small) - set(self._leaves))

    def _call(
        self,
        wanted: tuple[int, ...],
        large: list[int],
        leaf_values: list[torch.Tensor],
        inputs: Inputs,
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Call the compiled function for the nodes wanted; its first call compiles it.

        Where it fails, raises the error of the same run node by node, or BackendError.
        """
        start = perf_counter()
        is_new = wanted not in self._functions
        if is_new:
            options = _CUDA_OPTIONS if self._device.type == "cuda" else _OPTIONS
            plain = self._plain(self._returned(wanted), large)
            self._functions[wanted] = torch.compile(plain, dynamic=False, options=options)
        try:
            with PROCESS.compiler_log.lasting():
                found = self._functions[wanted](leaf_values)
        except Exception as error:  # values, compilers, linkers and torch's own passes fail
            del self._functions[wanted]
            super().run(inputs, NullObserver())
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise BackendError(
                "compile",
                f"torch.compile failed: {reason[0]}",
                note="on a CPU it needs a C++ compiler, such as g++" if _wants_tool(reason) else "",
                help="leave out --compile",
            ) from error
        if is_new:
            self.compile_seconds += perf_counter() - start
        return found

    def _plain(self, returned: list[int], large: list[int]) -> _Function:
        leaves, nodes = self._leaves, self._graph.nodes
        kernels = self._plan.kernels
        calls = [(p, _traceable(kernels[p], nodes[p]), nodes[p].operands) for p in self._inner]

        def function(
            leaf_values: list[torch.Tensor],
        ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
            values = dict(zip(leaves, leaf_values))
            for p, call, operands in calls:
                values[p] = call(*[values[i] for i in operands])
            return [values[p] for p in returned], [summarize_on_device(values[p]) for p in large]

        return function


def _traceable(kernel: TensorFunction, node: Node) -> TensorFunction:
    """Return a kernel; one of a call of torch stays out of what is compiled."""
    if node.op.has_python:
        return kernel
    found: TensorFunction = torch.compiler.disable(kernel)  # type: ignore[no-untyped-call]
    return found


def _wants_tool(reason: list[str]) -> bool:
    """Return whether the reason names a compiler: one is missing, or failed."""
    return any(word in line.lower() for line in reason for word in ("compiler", "cxx", "g++"))
