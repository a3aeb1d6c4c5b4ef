"""Array kernels of the Python backend: flat row-major lists in, a flat list out.

A kernel takes the result's type, its operands and the static arguments. Everything that
moves elements is a list of offsets into the operand, built from strides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from operator import add, mul
from typing import Any

from graphcalc.ops.kernels.numeric import maximum, minimum, nan
from graphcalc.ops.shapes import dimensions
from graphcalc.ops.spec import Shape, Type


class NDArray:
    """A tensor of the Python backend: a shape and the elements in row-major order.

    `data` holds `float`, `bool` or `int`; nothing changes it after it is made.
    """

    __slots__ = ("data", "shape")

    def __init__(self, shape: Shape, data: list[Any]) -> None:
        self.shape = shape
        self.data = data

    @property
    def dtype(self) -> str:
        """The name of its elements' dtype: `float64` (also of no elements), `int64` or `bool`."""
        first = type(self.data[0]) if self.data else float
        return {bool: "bool", int: "int64"}.get(first, "float64")

    def tolist(self) -> Any:
        """The elements as nested lists; a bare number for shape ()."""
        return nested(self.shape, self.data)

    def __repr__(self) -> str:
        return f"NDArray(shape={self.shape}, {self.tolist()})"

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a scalar has no length")
        size: int = self.shape[0]
        return size

    def __getitem__(self, index: int) -> Any:
        """The number or the smaller array at a place of the first dimension."""
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"index {index} is outside of a dimension of {size}")
        step = len(self.data) // size
        start = index % size * step
        rest = self.shape[1:]
        return NDArray(rest, self.data[start : start + step]) if rest else self.data[start]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """The elements as a NumPy array."""
        import numpy

        return numpy.array(self.data, dtype=dtype).reshape(self.shape)


def nested(shape: Shape, data: list[Any]) -> Any:
    """Flat elements as nested lists of a shape."""
    if not shape:
        return data[0]
    if 0 in shape:
        empty: Any = []
        for size in reversed(shape[: shape.index(0)]):
            empty = [empty] * size
        return empty
    level: list[Any] = data
    for size in reversed(shape[1:]):
        level = [level[i : i + size] for i in range(0, len(level), size)]
    return level


def strides(shape: Shape) -> list[int]:
    """How far apart the neighbours along each dimension lie."""
    steps, step = [], 1
    for size in reversed(shape):
        steps.append(step)
        step *= size
    return steps[::-1]


def offsets(sizes: Iterable[int], steps: Iterable[int], start: int = 0) -> list[int]:
    """The offsets that a row-major walk over `sizes` with `steps` visits."""
    found = [start]
    for size, step in zip(sizes, steps):
        found = [o + i * step for o in found for i in range(size)]
    return found


def expand(x: NDArray, shape: Shape) -> list[Any]:
    """The elements of x broadcast to a shape."""
    if x.shape == shape:
        return x.data
    if 0 in shape:
        return []
    if len(x.data) == 1:
        count = math.prod(shape)
        return x.data * count
    own = (1,) * (len(shape) - len(x.shape)) + x.shape
    steps = [0 if n == 1 else s for n, s in zip(own, strides(own))]
    return [x.data[o] for o in offsets(shape, steps)]


def _groups(x: NDArray, dims: tuple[int, ...] | None) -> list[list[Any]]:
    """The elements that each element of a reduction over `dims` is made of."""
    over = dimensions(dims, len(x.shape))
    if len(over) == len(x.shape):
        return [x.data]
    kept = [i for i in range(len(x.shape)) if i not in over]
    steps = strides(x.shape)
    outer = offsets([x.shape[i] for i in kept], [steps[i] for i in kept])
    inner = offsets([x.shape[i] for i in over], [steps[i] for i in over])
    return [[x.data[o + i] for i in inner] for o in outer]


def fsum(values: list[float]) -> float:
    """The correctly rounded sum; inf and nan as IEEE addition gives them."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return float(sum(values))


def _product(values: list[float]) -> float:
    return float(math.prod(values, start=1.0))


def _mean(values: list[float]) -> float:
    return fsum(values) / len(values) if values else nan


def _fold(pick: Callable[[float, float], float]) -> Callable[[list[Any]], Any]:
    def fold(values: list[Any]) -> Any:
        result = values[0]
        if type(result) is not float:
            return (max if pick is maximum else min)(values)
        for value in values:
            result = pick(result, value)
        return result

    return fold


def reducer(fold: Callable[[list[Any]], Any]) -> Callable[..., list[Any]]:
    """A kernel that folds each group of elements into one."""

    def kernel(out: Type, x: NDArray, dims: tuple[int, ...] | None, keepdim: bool) -> list[Any]:
        return [fold(group) for group in _groups(x, dims)] if out.numel else []

    return kernel


sum_ = reducer(fsum)
prod = reducer(_product)
mean = reducer(_mean)
amax = reducer(_fold(maximum))
amin = reducer(_fold(minimum))
all_ = reducer(all)
any_ = reducer(any)


def matmul(out: Type, a: NDArray, b: NDArray) -> list[float]:
    """torch.matmul; each element is a sum of products in order of the inner dimension."""
    left = a.shape if len(a.shape) > 1 else (1, *a.shape)
    right = b.shape if len(b.shape) > 1 else (*b.shape, 1)
    rows, inner, columns = left[-2], left[-1], right[-1]
    batch = out.shape[: len(out.shape) - (len(a.shape) > 1) - (len(b.shape) > 1)]
    result: list[float] = []
    for x, y in zip(_batches(left, batch), _batches(right, batch)):
        row_lists = [a.data[x + r * inner : x + (r + 1) * inner] for r in range(rows)]
        end = y + inner * columns
        column_lists = [b.data[y + c : end : columns] for c in range(columns)]
        for row in row_lists:
            result += [float(sum(map(mul, row, column))) for column in column_lists]
    return result


def _batches(shape: Shape, batch: Shape) -> list[int]:
    """Where each matrix of a batch begins, broadcast to the batch's shape."""
    size = shape[-2] * shape[-1]
    own = (1,) * (len(batch) - len(shape) + 2) + shape[:-2]
    steps = [0 if n == 1 else s * size for n, s in zip(own, strides(own))]
    return offsets(batch, steps)


def reverse_dims(out: Type, x: NDArray) -> list[Any]:
    """The dimensions in reverse order."""
    return [x.data[o] for o in offsets(out.shape, strides(x.shape)[::-1])]


def reshape(out: Type, x: NDArray, sizes: Shape) -> list[Any]:
    """The same elements in another shape."""
    return x.data


def transpose(out: Type, x: NDArray, dim0: int, dim1: int) -> list[Any]:
    """Two dimensions change places."""
    dims = list(range(len(x.shape)))
    if not dims:
        return x.data
    dims[dim0], dims[dim1] = dims[dim1], dims[dim0]
    return permute(out, x, tuple(dims))


def permute(out: Type, x: NDArray, dims: tuple[int, ...]) -> list[Any]:
    """The dimensions in another order."""
    steps = strides(x.shape)
    return [x.data[o] for o in offsets(out.shape, [steps[d] for d in dims])]


def broadcast(out: Type, x: NDArray, sizes: Shape) -> list[Any]:
    """Dimensions of 1 repeated."""
    return expand(x, out.shape)


def repeat(out: Type, x: NDArray, counts: Shape) -> list[Any]:
    """The whole tensor that often along each dimension."""
    if not out.numel:
        return []
    counts = (1,) * (len(x.shape) - len(counts)) + counts
    own = (1,) * (len(counts) - len(x.shape)) + x.shape
    found = [0]
    for count, size, step in zip(counts, own, strides(own)):
        found = [o + i * step for o in found for _ in range(count) for i in range(size)]
    return [x.data[o] for o in found]


def roll(out: Type, x: NDArray, shifts: Shape, dims: Shape | None) -> list[Any]:
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


def _converter(out: Type) -> Callable[[Any], Any]:
    """What makes a number an element of a type."""
    return {"bool": bool, "int64": int}.get(out.dtype, float)


def pad(out: Type, x: NDArray, counts: Shape, mode: str, value: float) -> list[Any]:
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
    fill = _converter(out)(value)
    return [fill if o is None else x.data[o] for o in found]


def cat(out: Type, *arguments: Any) -> list[Any]:
    """One after another along a dimension."""
    *operands, dim = arguments
    dim %= len(out.shape)
    blocks = [(x.data, math.prod(x.shape[dim:])) for x in operands]
    found: list[Any] = []
    for i in range(math.prod(out.shape[:dim])):
        for data, size in blocks:
            found += data[i * size : (i + 1) * size]
    return found


def stack_along(out: Type, *arguments: Any) -> list[Any]:
    """One after another along a new dimension."""
    *operands, dim = arguments
    dim %= len(out.shape)
    shape = operands[0].shape
    thin = [NDArray((*shape[:dim], 1, *shape[dim:]), x.data) for x in operands]
    return cat(out, *thin, dim)


def triangle(is_lower: bool) -> Callable[[Type, NDArray, int], list[Any]]:
    """The elements on one side of a diagonal of matrices, 0 on the other."""

    def kernel(out: Type, x: NDArray, diagonal: int) -> list[Any]:
        rows, columns = out.shape[-2:]
        zero = _converter(out)(0)
        keep = [
            (j - i <= diagonal) if is_lower else (j - i >= diagonal)
            for i in range(rows)
            for j in range(columns)
        ]
        count = len(keep)
        return [v if keep[i % count] else zero for i, v in enumerate(x.data)]

    return kernel


def diag(out: Type, x: NDArray, diagonal: int) -> list[Any]:
    """A vector as a matrix's diagonal, or a matrix's diagonal as a vector."""
    down, right = max(-diagonal, 0), max(diagonal, 0)
    if len(x.shape) == 1:
        size = out.shape[0]
        data = [_converter(out)(0)] * out.numel
        for i, value in enumerate(x.data):
            data[(i + down) * size + i + right] = value
        return data
    columns = x.shape[1]
    return [x.data[(i + down) * columns + i + right] for i in range(out.numel)]


def scan(step: Callable[[float, float], float]) -> Callable[..., list[float]]:
    """A kernel that carries a running value along a dimension."""

    def kernel(out: Type, x: NDArray, dim: int) -> list[float]:
        if not out.shape or not out.numel:
            return list(x.data)
        dim %= len(out.shape)
        size, stride = out.shape[dim], strides(out.shape)[dim]
        data = list(x.data)
        for block in range(0, len(data), size * stride):
            for i in range(block + stride, block + size * stride):
                data[i] = step(data[i - stride], data[i])
        return data

    return kernel


cumsum = scan(add)
cumprod = scan(mul)


def to_int(out: Type, x: NDArray) -> list[int]:
    """The whole parts, held to 64 bits; of nan 0."""
    return [_whole(v) if type(v) is float else int(v) for v in x.data]


def _whole(value: float) -> int:
    if value != value:
        return 0
    if math.isinf(value):
        value = math.copysign(2.0**64, value)
    return min(max(int(value), -(2**63)), 2**63 - 1)


def unfold(out: Type, x: NDArray, dim: int, size: int, step: int) -> list[Any]:
    """Windows along a dimension, their elements in a new last one."""
    dim %= len(x.shape)
    steps = strides(x.shape)
    moves = [*steps[:dim], steps[dim] * step, *steps[dim + 1 :], steps[dim]]
    return [x.data[o] for o in offsets(out.shape, moves)] if out.numel else []


def recur(out: Type, x: NDArray, y: NDArray) -> list[Any]:
    """y[i] + x[i] * (the element before), along the last dimension; before the first is 0."""
    data: list[Any] = []
    length = out.shape[-1]
    for start in range(0, out.numel, max(length, 1)):
        last = 0.0
        for i in range(start, start + length):
            last = x.data[i] * last + y.data[i]
            data.append(last)
    return data


def refold(out: Type, x: NDArray, shape: Shape, dim: int, size: int, step: int) -> list[Any]:
    """The gradient of `unfold`: every window's elements added where they were taken."""
    dim %= len(shape)
    steps = strides(shape)
    moves = [*steps[:dim], steps[dim] * step, *steps[dim + 1 :], steps[dim]]
    data = [0.0] * out.numel
    for offset, value in zip(offsets(x.shape, moves), x.data):
        data[offset] += value
    return data


def _place(pick: Callable[[float, float], float]) -> Callable[[list[Any]], int]:
    fold = _fold(pick)

    def place(values: list[Any]) -> int:
        best = fold(values)
        if best != best:
            return next(i for i, v in enumerate(values) if v != v)
        return values.index(best)

    return place


def placer(find: Callable[[list[Any]], int]) -> Callable[..., list[int]]:
    """A kernel that finds a place in each group of elements."""

    def kernel(out: Type, x: NDArray, dim: int | None, keepdim: bool) -> list[int]:
        dims = None if dim is None else (dim,)
        return [find(group) for group in _groups(x, dims)] if out.numel else []

    return kernel


def _median(values: list[Any]) -> Any:
    if any(v != v for v in values):
        return nan
    return sorted(values)[(len(values) - 1) // 2]


argmax = placer(_place(maximum))
argmin = placer(_place(minimum))
median = reducer(_median)


def stack(out: Type, *operands: NDArray) -> list[Any]:
    """The operands one after another."""
    return [element for operand in operands for element in operand.data]


def zeros(out: Type, sizes: Shape) -> list[float]:
    """All 0."""
    return [0.0] * out.numel


def ones(out: Type, sizes: Shape) -> list[float]:
    """All 1."""
    return [1.0] * out.numel


def full(out: Type, value: NDArray, sizes: Shape) -> list[Any]:
    """All the one value."""
    return value.data * out.numel


def eye(out: Type, n: int, m: int | None) -> list[float]:
    """1 on the diagonal, 0 elsewhere."""
    data = [0.0] * out.numel
    rows, columns = out.shape
    for i in range(min(rows, columns)):
        data[i * columns + i] = 1.0
    return data


def arange(out: Type, start: float, step: float) -> list[float]:
    """start + i*step."""
    return [start + i * step for i in range(out.numel)]


def linspace(out: Type, start: float, end: float, steps: int) -> list[float]:
    """Evenly spaced, both ends included; the second half counted from the end, as torch."""
    if out.numel == 1:
        return [start]
    step = (end - start) / (out.numel - 1) if out.numel else 0.0
    half = out.numel // 2
    return [
        start + i * step if i < half else end - (out.numel - 1 - i) * step for i in range(out.numel)
    ]
