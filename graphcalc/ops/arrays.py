"""Array kernels of the Python backend: flat row-major lists in, a flat list out.

A kernel takes the result's type, its operands and the static arguments. Everything that
moves elements is a list of offsets into the operand, built from strides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from operator import mul
from typing import Any

from graphcalc.ops.numeric import maximum, minimum, nan
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

    def tolist(self) -> Any:
        """The elements as nested lists; a bare number for shape ()."""
        return nested(self.shape, self.data)

    def __repr__(self) -> str:
        return f"NDArray(shape={self.shape}, {self.tolist()})"

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a scalar has no length")
        return self.shape[0]

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


def index(out: Type, x: NDArray, items: tuple[Any, ...]) -> list[Any]:
    """The elements that ints and slices (start, stop, step) choose."""
    start, steps = 0, []
    own = iter(strides(x.shape))
    for item in items:
        if item is None:
            steps.append(0)
        elif isinstance(item, tuple):
            step = next(own)
            start += item[0] * step
            steps.append(item[2] * step)
        else:
            start += item * next(own)
    return [x.data[o] for o in offsets(out.shape, steps, start)] if out.numel else []


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
