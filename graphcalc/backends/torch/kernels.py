"""Kernels: the rows of the op table as functions of tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch

from graphcalc.backends.torch.devices import is_host
from graphcalc.backends.torch.half import computes_in_half, half_kernel
from graphcalc.backends.torch.kernel import Kernel, TensorFunction
from graphcalc.backends.torch.threads import in_threads
from graphcalc.graph.ir import Graph, Node
from graphcalc.ops.kernels.torch import function_of
from graphcalc.ops.shapes import common_dtype
from graphcalc.ops.table import OPS

# Where a kernel puts its value: into the tensor `out`, into new memory, or into memory that it may
# share with an operand.
INTO, FRESH, SHARED = "into", "fresh", "shared"
# Elements from which making them is worth a thread.
_FEW = 1 << 15


class Out(NamedTuple):
    """The shape, dtype and device of the tensor that a kernel makes."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    def each(self, count: int, task: Callable[[int, int], None]) -> None:
        """Run a task for `count` elements, given as ranges of offsets, one for each thread."""
        threads = min(torch.get_num_threads(), count // _FEW) if is_host(self.device) else 1
        if threads < 2:
            task(0, count)
        else:
            ends = [count * i // threads for i in range(threads + 1)]
            in_threads([partial(task, *pair) for pair in pairwise(ends)])


def dtype_of(name: str) -> torch.dtype:
    """Return torch's dtype of that name."""
    found: torch.dtype = getattr(torch, name)
    return found


def kernel_of(
    graph: Graph, position: int, device: torch.device, numbers: Mapping[int, float] | None
) -> Kernel:
    """Return the kernel of a node on a device.

    `numbers` are the scalars that are computed from written numbers alone; None where the graph
    has no node of half precision.
    """
    node = graph.nodes[position]
    op, params = node.op, node.params
    dtype = dtype_of(node.type.dtype)
    if numbers is not None and position in numbers and op is not OPS["const"]:
        known = torch.tensor(numbers[position], dtype=torch.float64)
        return Kernel(lambda *values: known.to(device, dtype), (None,) * len(node.operands))
    out = Out(node.type.shape, dtype, device)
    function = function_of(torch, op)
    if op.kind in ("making", "random") or op is OPS["const"]:
        return Kernel(lambda *values: function(out, *values, *params), ())
    if numbers is not None and computes_in_half(graph, node):
        kernel = half_kernel(graph, node, numbers, dtype)
        if kernel is not None:
            return kernel
    casts = _casts(graph, node)
    number = _inline_scalar(graph, node)
    if number is not None:
        return Kernel(_with_number(function, number), casts, frozenset({len(casts) - 1}))
    if params:
        return Kernel(lambda *values: function(*values, *params), casts)
    return Kernel(function, casts)


def _with_number(function: TensorFunction, number: float) -> TensorFunction:
    return lambda *values, **out: function(*values, number, **out)


def _inline_scalar(graph: Graph, node: Node) -> float | None:
    """Return the last operand as a number, where the row lists it as an inline scalar."""
    if not node.op.inline_scalars:
        return None
    last = graph.nodes[node.operands[-1]]
    if last.op is not OPS["const"] or last.type.shape:
        return None
    number = last.params[1][0]
    return number if number in node.op.inline_scalars else None


def _casts(graph: Graph, node: Node) -> tuple[torch.dtype | None, ...]:
    operands = [graph.nodes[i].type for i in node.operands]
    wants = node.op.casting
    if wants == "own":
        return (None,) * len(operands)
    target = node.type.dtype if wants != "common" else common_dtype(tuple(operands))
    if wants == "result" and node.type.dtype == "bool" and node.op.kind == "elementwise":
        target = common_dtype(tuple(operands))
    found = [dtype_of(target) if t.dtype != target else None for t in operands]
    if wants == "common":
        # Comparisons of int64 with floating point are exact.
        found = [None if t.dtype == "int64" else cast for t, cast in zip(operands, found)]
    if wants == "condition":
        found[0] = None
    return tuple(found)


# What `way_of` found out, by what it depends on.
_WAYS: dict[object, str] = {}


def way_of(kernel: Kernel, node: Node, dtypes: Sequence[torch.dtype]) -> str:
    """Return where an elementwise kernel puts its value, found by computing one element."""
    key = (node.op.name, node.params, tuple(dtypes), node.type.dtype, kernel.numbers)
    found = _WAYS.get(key)
    if found is None:
        found = _WAYS[key] = _try_out(kernel.function, dtypes, dtype_of(node.type.dtype))
    return found


def _try_out(function: TensorFunction, dtypes: Sequence[torch.dtype], dtype: torch.dtype) -> str:
    samples = [torch.ones(1, dtype=d) for d in dtypes]
    out = torch.zeros(1, dtype=dtype)
    try:
        if function(*samples, out=out) is out:
            return INTO
    except (TypeError, RuntimeError):
        pass
    value = function(*samples)
    own = {s.untyped_storage().data_ptr() for s in samples}
    return SHARED if value.untyped_storage().data_ptr() in own else FRESH
