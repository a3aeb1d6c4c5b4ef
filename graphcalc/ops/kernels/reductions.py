"""Python kernels that fold elements: reductions, products of matrices, running values."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import add, mul

from graphcalc.ops.kernels.arrays import NDArray, fsum, offsets, strides
from graphcalc.ops.kernels.numeric import maximum, minimum, nan
from graphcalc.ops.kernels.special import logaddexp
from graphcalc.ops.shapes import dimensions
from graphcalc.ops.spec import Dims, Element, Elements, Shape, Type


def _groups(x: NDArray, dims: Dims) -> list[Elements]:
    """The elements that each element of a reduction over `dims` is made of."""
    over = dimensions(dims, len(x.shape))
    if len(over) == len(x.shape):
        return [x.data]
    kept = [i for i in range(len(x.shape)) if i not in over]
    steps = strides(x.shape)
    outer = offsets([x.shape[i] for i in kept], [steps[i] for i in kept])
    inner = offsets([x.shape[i] for i in over], [steps[i] for i in over])
    return [[x.data[o + i] for i in inner] for o in outer]


def _product(values: list[float]) -> float:
    return float(math.prod(values, start=1.0))


def _mean(values: list[float]) -> float:
    return fsum(values) / len(values) if values else nan


def _fold(pick: Callable[[float, float], float]) -> Callable[[Elements], Element]:
    def fold(values: Elements) -> Element:
        result = values[0]
        if type(result) is not float:
            return (max if pick is maximum else min)(values)
        for value in values:
            result = pick(result, value)
        return result

    return fold


def reducer(fold: Callable[[Elements], Element]) -> Callable[..., Elements]:
    """A kernel that folds each group of elements into one."""

    def kernel(out: Type, x: NDArray, dims: Dims, keepdim: bool) -> Elements:
        return [fold(group) for group in _groups(x, dims)] if out.numel else []

    return kernel


sum_ = reducer(fsum)
prod = reducer(_product)
mean = reducer(_mean)
amax = reducer(_fold(maximum))
amin = reducer(_fold(minimum))
count_nonzero = reducer(lambda values: sum(v != 0 for v in values))
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


def logcumsumexp(out: Type, x: NDArray, dim: int) -> Elements:
    """The logarithm of the sums of exponentials so far; of -0.0 alone it is 0.0."""
    return [v + 0.0 for v in scan(logaddexp)(out, x, dim)]


def recur(out: Type, x: NDArray, y: NDArray) -> Elements:
    """y[i] + x[i] * (the element before), along the last dimension; before the first is 0."""
    data: Elements = []
    length = out.shape[-1]
    for start in range(0, out.numel, max(length, 1)):
        last = 0.0
        for i in range(start, start + length):
            last = x.data[i] * last + y.data[i]
            data.append(last)
    return data


def _position(fold: Callable[[Elements], Element]) -> Callable[[Elements], int]:
    def position(values: Elements) -> int:
        best = fold(values)
        if best != best:
            return next(i for i, v in enumerate(values) if v != v)
        return values.index(best)

    return position


def finder(find: Callable[[Elements], int]) -> Callable[..., list[int]]:
    """A kernel that finds a position in each group of elements."""

    def kernel(out: Type, x: NDArray, dim: int | None, keepdim: bool) -> list[int]:
        dims = None if dim is None else (dim,)
        return [find(group) for group in _groups(x, dims)] if out.numel else []

    return kernel


def _median(values: Elements) -> Element:
    if any(v != v for v in values):
        return nan
    return sorted(values)[(len(values) - 1) // 2]


def _nanmedian(values: Elements) -> Element:
    return _median([v for v in values if v == v] or values)


argmax = finder(_position(_fold(maximum)))
argmin = finder(_position(_fold(minimum)))
argmedian = finder(_position(_median))
median = reducer(_median)
argnanmedian = finder(_position(_nanmedian))
nanmedian = reducer(_nanmedian)
