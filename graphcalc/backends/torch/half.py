"""Kernels of float16 and bfloat16: those of torch itself, which round once.

torch gets the numbers that a program writes as numbers, and what it makes of them is up to the
function: a product takes them as they are, a sum rounds them first. Functions that torch lacks, or
takes as tensors only, are computed in float32.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch

from graphcalc.backends.torch.kernel import Kernel, TensorFunction
from graphcalc.graph.ir import Graph, Node
from graphcalc.ops.kernels.torch import function_of, namesake_of
from graphcalc.ops.shapes import common_dtype
from graphcalc.ops.spec import FLOATS, HALVES, Op, Type

# What Python calls for a number and a tensor: `2 / x` is another function than `x / 2`.
_OPERATORS: dict[str, Callable[..., torch.Tensor]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "^": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def has_halves(graph: Graph) -> bool:
    """Return whether a node of a graph has half precision."""
    return any(node.type.dtype in HALVES for node in graph.nodes)


def computes_in_half(graph: Graph, node: Node) -> bool:
    """Return whether the dtype that a node's operands meet in is a half."""
    if node.op.casting == "own" or not node.operands:
        return False
    if node.op.casting == "common" or node.type.dtype == "bool":
        return common_dtype(tuple([graph.nodes[i].type for i in node.operands])) in HALVES
    return node.type.dtype in HALVES


def half_kernel(
    graph: Graph, node: Node, numbers: Mapping[int, float], dtype: torch.dtype
) -> Kernel | None:
    """Return the kernel of a node of half precision; None where its row's own serves."""
    op, types = node.op, [graph.nodes[i].type for i in node.operands]
    if op.half == "kernel" or (op.kind != "elementwise" and not op.half):
        return None
    if op.kind == "elementwise" and not op.half and not node.params:
        written = {i: numbers[p] for i, p in enumerate(node.operands) if p in numbers}
        found = _own(op, types, written, dtype)
        if found is not None:
            return Kernel(found, (None,) * len(types), frozenset(written))
    return _widened(op, types, node.params, dtype)


# What `_own` found, by what it depends on.
_FOUND: dict[object, TensorFunction | None] = {}


def _own(
    op: Op, types: Sequence[Type], written: Mapping[int, float], dtype: torch.dtype
) -> TensorFunction | None:
    """Return torch's function of the operands that are not written; None where it has none."""
    dtypes = tuple([getattr(torch, t.dtype) for i, t in enumerate(types) if i not in written])
    key = (op.name, dtypes, tuple(map(repr, written.items())), len(types), dtype)
    if key not in _FOUND:
        found = (_with_numbers(f, len(types), written) for f in _candidates(op, 0 in written))
        _FOUND[key] = next((f for f in found if _takes(f, dtypes)), None)
    function = _FOUND[key]
    return None if function is None else _cast_to(function, dtypes, dtype)


def _candidates(op: Op, is_first_written: bool) -> Iterator[TensorFunction]:
    if is_first_written and op.symbol in _OPERATORS:
        yield _OPERATORS[op.symbol]
    found = namesake_of(torch, op)
    if found is not None:
        yield found


def _with_numbers(
    function: TensorFunction, count: int, written: Mapping[int, float]
) -> TensorFunction:
    if not written:
        return function

    def call(*values: torch.Tensor, **out: torch.Tensor) -> torch.Tensor:
        rest = iter(values)
        return function(*[written[i] if i in written else next(rest) for i in range(count)], **out)

    return call


def _takes(function: TensorFunction, dtypes: Sequence[torch.dtype]) -> bool:
    """Return whether a function gives a tensor of operands of these dtypes."""
    try:
        return isinstance(function(*[torch.ones(1, dtype=d) for d in dtypes]), torch.Tensor)
    except (TypeError, RuntimeError):
        return False


def _cast_to(
    function: TensorFunction, dtypes: Sequence[torch.dtype], dtype: torch.dtype
) -> TensorFunction:
    """Return the function with a result of that dtype, as torch may promote otherwise."""
    if function(*[torch.ones(1, dtype=d) for d in dtypes]).dtype == dtype and all(
        not d.is_floating_point or d == dtype for d in dtypes
    ):
        return function
    return lambda *values: function(*values).to(dtype)


def _widened(
    op: Op, types: Sequence[Type], params: tuple[object, ...], dtype: torch.dtype
) -> Kernel:
    """Return the kernel in float32, its result rounded once."""
    function = function_of(torch, op)
    is_own = [op.casting == "condition" and i == 0 for i in range(len(types))]
    casts = [
        torch.float32 if not own and (t.dtype in FLOATS or op.casting == "result") else None
        for own, t in zip(is_own, types)
    ]
    return Kernel(lambda *values: function(*values, *params).to(dtype), tuple(casts))
