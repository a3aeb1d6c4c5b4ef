"""The torch backend: the same graph on torch tensors, on any of torch's devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from graphcalc.backends.base import Faults, Observer, Settings, Summary
from graphcalc.diagnostics import DeviceError, InternalError, Label, LimitError
from graphcalc.graph.ir import Graph, Node, show_bytes, wrong_value
from graphcalc.graph.passes import check_memory, last_uses
from graphcalc.ops.arrays import NDArray
from graphcalc.ops.shapes import common_dtype, show
from graphcalc.ops.spec import FLOATS, ITEM_BYTES, Problem
from graphcalc.ops.table import OPS


class _Out(NamedTuple):
    """What a kernel that makes a tensor has to make."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device


def find_device(name: str | None) -> torch.device:
    """The device of that name; DeviceError with what torch sees where it is not there."""
    kind, _, number = (name or "cpu").partition(":")
    sees = ""
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(number or 0) >= count:
            sees = f"cuda:0 to cuda:{count - 1}" if count else "no CUDA device"
    elif kind == "mps" and not torch.backends.mps.is_available():
        sees = "none"
    if sees:
        build = "" if kind == "mps" or torch.version.cuda else " (a build without CUDA)"
        raise DeviceError(
            "device",
            f"there is no device {name}: torch {torch.__version__}{build} sees {sees}",
            help="use --device cpu",
        )
    return torch.device(name or "cpu")


class TorchProgram:
    """A graph ready to run on torch."""

    backend = "torch"

    def __init__(self, graph: Graph, settings: Settings, kept: frozenset[int]) -> None:
        self._graph, self._kept = graph, kept
        self._device = find_device(settings.device)
        self.device = str(self._device)
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        self._releases = last_uses(graph, kept)
        check_memory(graph, self._releases, 0)
        self._steps = [self._kernel(node) for node in graph.nodes]

    def run(self, inputs: Mapping[str, Any], observer: Observer) -> dict[int, Any]:
        """Compute the graph; inputs are numbers, nested lists, arrays or tensors."""
        values: list[Any] = [None] * len(self._steps)
        position = 0
        try:
            with torch.no_grad():
                for position, (node, step) in enumerate(zip(self._graph.nodes, self._steps)):
                    if node.op is OPS["input"]:
                        value = self._input(node, inputs[node.params[1]])
                    else:
                        value = step(*[values[i] for i in node.operands])
                    values[position] = value
                    observer.observe(position, value)
                    for released in self._releases[position]:
                        values[released] = None
        except Problem as problem:
            raise wrong_value(problem, self._graph, position) from None
        except torch.OutOfMemoryError as error:
            raise self._out_of_memory(self._graph.nodes[position]) from error
        except RuntimeError as error:
            node = self._graph.nodes[position]
            label = Label(node.source, node.span)
            raise InternalError("torch", f"torch failed in `{node.op.name}`", (label,)) from error
        return {position: values[position] for position in self._kept}

    def _input(self, node: Node, value: Any) -> torch.Tensor:
        dtype = _dtype(node.type.dtype)
        if isinstance(value, NDArray):
            flat = torch.tensor(value.data, dtype=dtype, device=self._device)
            return flat.reshape(value.shape)
        return torch.as_tensor(value, dtype=dtype, device=self._device)

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

    def _kernel(self, node: Node) -> Callable[..., torch.Tensor]:
        """A function from operand tensors to the node's tensor, on this device."""
        op, params = node.op, node.params
        if op is OPS["input"]:
            return _no_kernel
        out = _Out(node.type.shape, _dtype(node.type.dtype), self._device)
        kernel = _resolve(node)
        casts = self._casts(node)
        if op.kind in ("making", "random") or op is OPS["const"]:
            return lambda *values: kernel(torch, out, *values, *params)
        if not any(casts):
            return lambda *values: kernel(*values, *params)
        return lambda *values: kernel(
            *[v.to(c) if c is not None else v for v, c in zip(values, casts)], *params
        )

    def _casts(self, node: Node) -> list[torch.dtype | None]:
        """For each operand the dtype it must be turned into first, or None."""
        operands = [self._graph.nodes[i].type for i in node.operands]
        wants = node.op.operands
        if wants == "own":
            return [None] * len(operands)
        target = node.type.dtype if wants != "common" else common_dtype(tuple(operands))
        if wants == "result" and node.type.dtype == "bool" and node.op.kind == "elementwise":
            target = common_dtype(tuple(operands))
        found = [_dtype(target) if t.dtype != target else None for t in operands]
        if wants == "condition":
            found[0] = None
        return found

    def snapshot(self, value: Any, limit: int) -> tuple[Any, Summary | None]:
        """The value as nested lists, where it is small, and its statistics."""
        if value.dim() == 0:
            return value.item(), None
        elements = value.tolist() if value.numel() <= limit else None
        return elements, _summarize(value)

    def faults(self, value: Any, operands: list[Any], is_elementwise: bool) -> Faults | None:
        """What of a value is not finite, given what it was computed from; or None."""
        is_nan, is_inf = torch.isnan(value), torch.isinf(value)
        nan, inf = int(is_nan.sum()), int(is_inf.sum())
        if not nan and not inf:
            return None
        floating = [x for x in operands if x.is_floating_point()]
        had_nan = torch.zeros((), dtype=torch.bool, device=value.device)
        had_inf = had_nan
        for operand in floating:
            nans, infs = torch.isnan(operand), torch.isinf(operand)
            had_nan = had_nan | (nans if is_elementwise else nans.any())
            had_inf = had_inf | (infs if is_elementwise else infs.any())
        born_nan, born_inf = is_nan & ~had_nan, is_inf & ~(had_nan | had_inf)
        born = (born_nan | born_inf).reshape(-1)
        first = int(born.to(torch.uint8).argmax()) if bool(born.any()) else 0
        return Faults(nan, inf, int(born_nan.sum()), int(born_inf.sum()), first)

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
        return torch.tensor(value, dtype=_dtype(dtype), device=self._device).reshape(shape)


def _dtype(name: str) -> torch.dtype:
    found: torch.dtype = getattr(torch, name)
    return found


def _no_kernel(*values: torch.Tensor) -> torch.Tensor:
    raise AssertionError("inputs are not computed")


def _resolve(node: Node) -> Callable[..., Any]:
    """The row's torch function: its own, or torch's of the same name."""
    op = node.op
    if callable(op.torch):
        function = op.torch
        if op.kind in ("making", "random") or op is OPS["const"]:
            return function
        return lambda *arguments: function(torch, *arguments)
    found: Callable[..., Any] = getattr(torch, op.torch or op.name)
    return found


def _summarize(value: torch.Tensor) -> Summary:
    """Statistics on the device, so that nothing big comes back."""
    if not value.numel():
        return Summary(None, None, None, 0, 0)
    if str(value.dtype).removeprefix("torch.") not in FLOATS:
        value = value.to(torch.float32 if value.device.type == "mps" else torch.float64)
    accumulate = torch.float32 if value.device.type == "mps" else torch.float64
    total = value.sum(dtype=accumulate)
    if bool(torch.isfinite(total)):
        low, high = torch.aminmax(value)
        return Summary(low.item(), total.item() / value.numel(), high.item(), 0, 0)
    nan = int(torch.isnan(value).sum())
    inf = int(torch.isinf(value).sum())
    finite = value[torch.isfinite(value)]
    if not finite.numel():
        return Summary(None, None, None, nan, inf)
    low, high = torch.aminmax(finite)
    # Halves first: the sum of finite numbers may overflow where their mean does not.
    mean = (finite.to(accumulate) / finite.numel()).sum().item()
    return Summary(low.item(), mean, high.item(), nan, inf)
