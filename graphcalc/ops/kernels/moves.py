"""Python kernels that move, join and repeat elements.

Each is a list of offsets into the operand, built from strides.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from graphcalc.ops.kernels.arrays import NDArray, converter, expand, offsets, strides
from graphcalc.ops.spec import Elements, Shape, Static, Type


def reverse_dims(out: Type, x: NDArray) -> Elements:
    """The dimensions in reverse order."""
    return [x.data[o] for o in offsets(out.shape, strides(x.shape)[::-1])]


def reshape(out: Type, x: NDArray, sizes: Shape) -> Elements:
    """The same elements in another shape."""
    return x.data


def transpose(out: Type, x: NDArray, dim0: int, dim1: int) -> Elements:
    """Two dimensions change places."""
    dims = list(range(len(x.shape)))
    if not dims:
        return x.data
    dims[dim0], dims[dim1] = dims[dim1], dims[dim0]
    return permute(out, x, tuple(dims))


def permute(out: Type, x: NDArray, dims: tuple[int, ...]) -> Elements:
    """The dimensions in another order."""
    steps = strides(x.shape)
    return [x.data[o] for o in offsets(out.shape, [steps[d] for d in dims])]


def broadcast(out: Type, x: NDArray, sizes: Shape) -> Elements:
    """Dimensions of 1 repeated."""
    return expand(x, out.shape)


def repeat(out: Type, x: NDArray, counts: Shape) -> Elements:
    """The whole tensor that often along each dimension."""
    if not out.numel:
        return []
    counts = (1,) * (len(x.shape) - len(counts)) + counts
    own = (1,) * (len(counts) - len(x.shape)) + x.shape
    found = [0]
    for count, size, step in zip(counts, own, strides(own)):
        found = [o + i * step for o in found for _ in range(count) for i in range(size)]
    return [x.data[o] for o in found]


def roll(out: Type, x: NDArray, shifts: Shape, dims: Shape | None) -> Elements:
    """Every element moved on by a shift, those at the end to the front."""
    if dims is None:
        k = shifts[0] % len(x.data) if x.data else 0
        return x.data[len(x.data) - k :] + x.data[: len(x.data) - k]
    by = [0] * len(x.shape)
    for shift, dim in zip(shifts, dims):
        by[dim] += shift
    found = [0]
    for k, size, step in zip(by, x.shape, strides(x.shape)):
        found = [o + (i - k) % size * step for o in found for i in range(size)]
    return [x.data[o] for o in found]


def pad(out: Type, x: NDArray, counts: Shape, mode: str, value: float) -> Elements:
    """The value around the elements; a negative count takes elements away."""
    before = [0] * len(x.shape)
    for i in range(len(counts) // 2):
        before[len(before) - 1 - i] = counts[2 * i]
    steps = strides(x.shape)
    found: list[int | None] = [0]
    for start, size, own, step in zip(before, out.shape, x.shape, steps):
        reach = range(-start, size - start)
        found = [
            None if o is None or not 0 <= i < own else o + i * step for o in found for i in reach
        ]
    fill = converter(out)(value)
    return [fill if o is None else x.data[o] for o in found]


def cat(out: Type, *arguments: Static) -> Elements:
    """One after another along a dimension."""
    *operands, dim = arguments
    dim %= len(out.shape)
    blocks = [(x.data, math.prod(x.shape[dim:])) for x in operands if x.data]
    found: Elements = []
    for i in range(math.prod(out.shape[:dim])):
        for data, size in blocks:
            found += data[i * size : (i + 1) * size]
    return found


def stack_along(out: Type, *arguments: Static) -> Elements:
    """One after another along a new dimension."""
    *operands, dim = arguments
    dim %= len(out.shape)
    shape = operands[0].shape
    thin = [NDArray((*shape[:dim], 1, *shape[dim:]), x.data) for x in operands]
    return cat(out, *thin, dim)


def triangle(is_lower: bool) -> Callable[[Type, NDArray, int], Elements]:
    """The elements on one side of a diagonal of matrices, 0 on the other."""

    def kernel(out: Type, x: NDArray, diagonal: int) -> Elements:
        rows, columns = out.shape[-2:]
        zero = converter(out)(0)
        keep = [
            (j - i <= diagonal) if is_lower else (j - i >= diagonal)
            for i in range(rows)
            for j in range(columns)
        ]
        count = len(keep)
        return [v if keep[i % count] else zero for i, v in enumerate(x.data)]

    return kernel


def diag(out: Type, x: NDArray, diagonal: int) -> Elements:
    """A vector as a matrix's diagonal, or a matrix's diagonal as a vector."""
    down, right = max(-diagonal, 0), max(diagonal, 0)
    if len(x.shape) == 1:
        size = out.shape[0]
        data = [converter(out)(0)] * out.numel
        for i, value in enumerate(x.data):
            data[(i + down) * size + i + right] = value
        return data
    columns = x.shape[1]
    return [x.data[(i + down) * columns + i + right] for i in range(out.numel)]


def unfold(out: Type, x: NDArray, dim: int, size: int, step: int) -> Elements:
    """Windows along a dimension, their elements in a new last one; of a scalar it alone."""
    if not x.shape:
        return x.data[:size]
    dim %= len(x.shape)
    steps = strides(x.shape)
    moves = [*steps[:dim], steps[dim] * step, *steps[dim + 1 :], steps[dim]]
    return [x.data[o] for o in offsets(out.shape, moves)] if out.numel else []


def refold(out: Type, x: NDArray, shape: Shape, dim: int, size: int, step: int) -> Elements:
    """The gradient of `unfold`: every window's elements added where they were taken."""
    dim %= len(shape)
    steps = strides(shape)
    moves = [*steps[:dim], steps[dim] * step, *steps[dim + 1 :], steps[dim]]
    data = [0.0] * out.numel
    for offset, value in zip(offsets(x.shape, moves), x.data):
        data[offset] += value
    return data


def stack(out: Type, *operands: NDArray) -> Elements:
    """The operands one after another."""
    return [element for operand in operands for element in operand.data]
