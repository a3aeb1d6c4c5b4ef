"""Array kernels of the Python backend: flat row-major lists in, a flat list out.

A kernel takes the result's type, its operands and the static arguments. Everything that
moves elements is a list of offsets into the operand, built from strides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from graphcalc.ops.spec import Element, Elements, Shape, Type


class NDArray:
    """A tensor of the Python backend: a shape and the elements in row-major order.

    `data` holds `float`, `bool` or `int`; nothing changes it after it is made.
    """

    __slots__ = ("data", "shape")

    def __init__(self, shape: Shape, data: Elements) -> None:
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
        """The number or the smaller array at a position in the first dimension."""
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


def nested(shape: Shape, data: Elements) -> Any:
    """Flat elements as nested lists of a shape."""
    if not shape:
        return data[0]
    if 0 in shape:
        empty: Any = []
        for size in reversed(shape[: shape.index(0)]):
            empty = [empty] * size
        return empty
    level: Elements = data
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


def expand(x: NDArray, shape: Shape) -> Elements:
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


def fsum(values: list[float]) -> float:
    """The correctly rounded sum; inf and nan as IEEE addition gives them."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return float(sum(values))


def converter(out: Type) -> Callable[[float], Element]:
    """What makes a number an element of a type."""
    return {"bool": bool, "int64": int}.get(out.dtype, float)


def to_int(out: Type, x: NDArray) -> list[int]:
    """The whole parts, held to 64 bits; of nan 0."""
    return [_whole(v) if type(v) is float else int(v) for v in x.data]


def _whole(value: float) -> int:
    if value != value:
        return 0
    if math.isinf(value):
        value = math.copysign(2.0**64, value)
    return min(max(int(value), -(2**63)), 2**63 - 1)


def zeros(out: Type, sizes: Shape) -> list[float]:
    """All 0."""
    return [0.0] * out.numel


def ones(out: Type, sizes: Shape) -> list[float]:
    """All 1."""
    return [1.0] * out.numel


def full(out: Type, value: NDArray, sizes: Shape) -> Elements:
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
