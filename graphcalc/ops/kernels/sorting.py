"""Python kernels that order the elements along a dimension, and find one by its rank.

A *finder* takes the elements of one line and gives the positions of those that it chooses. NaN
counts as the largest element, as in torch.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import TypeAlias

from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.ops.spec import Element, Elements, Params, Type

Finder: TypeAlias = Callable[[Elements], list[int]]
# The dimension and the finder that the static arguments of a row stand for.
Plan: TypeAlias = Callable[..., tuple[int, Finder]]


def _rank(value: Element) -> tuple[bool, Element]:
    return value != value, value


def _ordered(values: Elements, is_descending: bool) -> list[int]:
    """The positions of the elements in order; equal ones stay as they stand."""
    return sorted(range(len(values)), key=lambda i: _rank(values[i]), reverse=is_descending)


def sort(dim: int, descending: bool, stable: bool) -> tuple[int, Finder]:
    """All elements in order."""
    return dim, lambda values: _ordered(values, descending)


def topk(k: int, dim: int, largest: bool, is_sorted: bool) -> tuple[int, Finder]:
    """The k largest or smallest elements, in order."""
    return dim, lambda values: _ordered(values, largest)[:k]


def kthvalue(k: int, dim: int, keepdim: bool) -> tuple[int, Finder]:
    """The k-th smallest element."""
    return dim, lambda values: _ordered(values, False)[k - 1 : k]


def mode(dim: int, keepdim: bool) -> tuple[int, Finder]:
    """The most frequent element, the smallest of several; the last of equal ones."""
    return dim, _most_frequent


def _most_frequent(values: Elements) -> list[int]:
    order = _ordered(values, False)
    found, longest, run = order[:1], 0, 0
    for before, i in zip([order[-1], *order], order):
        run = run + 1 if values[before] == values[i] else 1
        if run > longest:
            found, longest = [i], run
    return found


def _running(is_better: Callable[[Element, Element], bool]) -> Finder:
    """The position of the best element so far, the last of equal ones; NaN is better than all."""

    def find(values: Elements) -> list[int]:
        found, best = [], 0
        for i, value in enumerate(values):
            old = values[best]
            if value != value or (old == old and is_better(value, old)):
                best = i
            found.append(best)
        return found

    return find


def cummax(dim: int) -> tuple[int, Finder]:
    """The largest element so far."""
    return dim, _running(lambda new, old: new >= old)


def cummin(dim: int) -> tuple[int, Finder]:
    """The smallest element so far."""
    return dim, _running(lambda new, old: new <= old)


def _lines(x: NDArray, dim: int) -> Iterator[list[Elements]]:
    """The lines of elements along a dimension, in blocks that stand one after another."""
    shape = x.shape or (1,)
    size, stride = shape[dim], 1
    for n in shape[dim % len(shape) + 1 :]:
        stride *= n
    for start in range(0, len(x.data), size * stride):
        yield [x.data[start + i : start + size * stride : stride] for i in range(stride)]


def positions(plan: Plan) -> Callable[..., list[int]]:
    """A kernel of the positions that a finder chooses along a dimension."""

    def kernel(out: Type, x: NDArray, *params: Params) -> list[int]:
        dim, find = plan(*params)
        found: list[int] = []
        for lines in _lines(x, dim) if out.numel else ():
            found += [i for row in zip(*map(find, lines)) for i in row]
        return found

    return kernel


def values(plan: Plan) -> Callable[..., Elements]:
    """A kernel of the elements that a finder chooses along the one dimension that is named."""

    def kernel(out: Type, x: NDArray, *params: Params) -> Elements:
        dim, find = plan(*(p[0] if isinstance(p, tuple) else p for p in params))
        found: Elements = []
        for lines in _lines(x, dim) if out.numel else ():
            chosen = [[line[i] for i in find(line)] for line in lines]
            found += [value for row in zip(*chosen) for value in row]
        return found

    return kernel


def searchsorted(out: Type, edges: NDArray, x: NDArray, right: bool) -> list[int]:
    """Where each element goes into the ordered line of edges that it belongs to."""
    find = bisect_right if right else bisect_left
    size = edges.shape[-1]
    per_line = len(x.data) if len(edges.shape) == 1 else (x.shape[-1] if x.shape else 1)
    keys = list(map(_rank, edges.data))
    found = []
    for i, value in enumerate(x.data):
        start = i // per_line * size
        found.append(find(keys, _rank(value), start, start + size) - start)
    return found
