"""Kernels that choose elements by number, and their gradients, for Python and for torch.

A number that is outside of its dimension, or not whole, raises `Problem` while the program runs.
"""

from __future__ import annotations

import math

from graphcalc.ops.kernels.arrays import NDArray, converter, expand, offsets, strides
from graphcalc.ops.move_shapes import chosen_position, dims_of
from graphcalc.ops.shapes import broadcast
from graphcalc.ops.spec import (
    Elements,
    IndexItems,
    Problem,
    Shape,
    Static,
    Tensor,
    Torch,
    Type,
)


def _outside(index: float, size: int, operand: int) -> Problem:
    if not math.isfinite(index) or index != int(index):
        return Problem("index", f"{{{operand}}} has {index:g}, and an index is a whole number")
    help = "write `ignore_index=-100` to leave such elements out of a loss" if index == -100 else ""
    what = f"{{{operand}}} has the index {int(index)}, which is outside of a dimension of {size}"
    return Problem("index", what, help=help)


def positions(
    index: NDArray, size: int, *, operand: int = 1, is_counted_back: bool = False
) -> list[int]:
    """An index as positions in a dimension; negative numbers may count from its end.

    `operand` is its number among the operands, for a Problem that names it.
    """
    low = -size if is_counted_back else 0
    found = []
    for value in index.data:
        if value != value or not low <= value < size or value != int(value):
            raise _outside(value, size, operand)
        found.append(int(value) if value >= 0 else int(value) + size)
    return found


def torch_positions(
    torch: Torch, index: Tensor, size: int, *, operand: int = 1, is_counted_back: bool = False
) -> Tensor:
    """`positions` on torch: an int64 tensor."""
    low = -size if is_counted_back else 0
    whole = index if index.dtype == torch.int64 else index.trunc()
    wrong = (index < low) | (index >= size) | (index != whole)
    if bool(wrong.any()):
        raise _outside(index[wrong].reshape(-1)[0].item(), size, operand)
    whole = whole.to(torch.int64)
    return torch.where(whole < 0, whole + size, whole) if is_counted_back else whole


# x[items]


def _chosen_offsets(x_shape: Shape, items: IndexItems, index: tuple[NDArray, ...]) -> list[int]:
    """The offsets into x of the elements that index tensors choose, in the tensors' order."""
    shape = broadcast(*[one.shape for one in index])
    steps, sizes = strides(x_shape), dims_of(items, x_shape)
    dims = iter(range(len(x_shape)))
    chosen = enumerate(index, 1)
    total = [0] * math.prod(shape)
    for item, size in zip(items, sizes):
        dim = None if item is None else next(dims)
        if item == "*" and dim is not None:
            place, given = next(chosen)
            one = NDArray(shape, expand(given, shape))
            found = positions(one, size, operand=place, is_counted_back=True)
            total = [t + p * steps[dim] for t, p in zip(total, found)]
    return total


def _offsets(x_shape: Shape, items: IndexItems, index: tuple[NDArray, ...]) -> list[int]:
    """The offset into x of every element of `x[items]`, row-major."""
    start, axes = 0, []
    own = iter(strides(x_shape))
    for item in items:
        if item is None:
            axes.append([0])
            continue
        step = next(own)
        if isinstance(item, tuple):
            axes.append([(item[0] + i * item[2]) * step for i in range(len(range(*item)))])
        elif item != "*":
            start += item * step
    if index:
        axes.insert(chosen_position(items), _chosen_offsets(x_shape, items, index))
    found = [start]
    for axis in axes:
        found = [o + d for o in found for d in axis]
    return found


def index(out: Type, x: NDArray, *arguments: Static) -> Elements:
    """The elements that ints, slices (start, stop, step) and tensors choose."""
    *chosen, items = arguments
    return [x.data[o] for o in _offsets(x.shape, items, tuple(chosen))] if out.numel else []


def unindex(out: Type, x: NDArray, *arguments: Static) -> Elements:
    """Zeros with the elements of x added where the items point."""
    *chosen, shape, items = arguments
    data = [0.0] * out.numel
    for offset, value in zip(_offsets(shape, items, tuple(chosen)), x.data):
        data[offset] += value
    return data


def _basic(torch: Torch, x: Tensor, items: IndexItems) -> tuple[Tensor, list[int]]:
    """A view of x by ints and slices alone, tensors' dimensions whole; and the flipped ones."""
    forward: Elements = []
    flips: list[int] = []
    dim = 0
    for item in items:
        if isinstance(item, tuple):
            reach = range(*item)
            if reach.step < 0:
                flips.append(dim)
                reach = reach[::-1]
            forward.append(slice(reach.start, max(reach.stop, reach.start), reach.step))
        else:
            forward.append(slice(None) if item == "*" else item)
        dim += item is None or isinstance(item, tuple) or item == "*"
    return x[tuple(forward)], flips


def _at(torch: Torch, view: Tensor, items: IndexItems, chosen: tuple[Tensor, ...]) -> Elements:
    """What torch's indexing takes for each dimension of a view: a tensor of positions, or None."""
    kept = [item for item in items if item is None or isinstance(item, tuple) or item == "*"]
    found: Elements = [None] * len(kept)
    starred = [i for i, item in enumerate(kept) if item == "*"]
    for place, (i, one) in enumerate(zip(starred, chosen), 1):
        size = view.shape[i]
        found[i] = torch_positions(torch, one, size, operand=place, is_counted_back=True)
    return found


def torch_index(torch: Torch, x: Tensor, *arguments: Static) -> Tensor:
    """`index` on torch."""
    *chosen, items = arguments
    view, flips = _basic(torch, x, items)
    found = torch.flip(view, flips) if flips else view
    if not chosen:
        return found
    return torch.ops.aten.index(found, _at(torch, found, items, tuple(chosen)))


def torch_unindex(torch: Torch, x: Tensor, *arguments: Static) -> Tensor:
    """`unindex` on torch."""
    *chosen, shape, items = arguments
    result = torch.zeros(shape, dtype=x.dtype, device=x.device)
    view, flips = _basic(torch, result, items)
    if not chosen:
        view += torch.flip(x, flips) if flips else x
        return result
    if not flips:
        where = _at(torch, view, items, tuple(chosen))
        torch.ops.aten.index_put_(view, where, x, True)
        return result
    flipped = torch.zeros_like(view)
    where = _at(torch, view, items, tuple(chosen))
    torch.ops.aten.index_put_(flipped, where, x, True)
    view += torch.flip(flipped, flips)
    return result


def index_put(out: Type, x: NDArray, source: NDArray, *arguments: Static) -> Elements:
    """x with the elements of source where the items point; of two at one place the last."""
    *chosen, items = arguments
    data = list(x.data)
    where = _offsets(x.shape, items, tuple(chosen))
    for offset, value in zip(where, map(converter(out), source.data)):
        data[offset] = value
    return data


def torch_index_put(torch: Torch, x: Tensor, source: Tensor, *arguments: Static) -> Tensor:
    """`index_put` on torch."""
    *chosen, items = arguments
    source = source.to(x.dtype)
    result = x.clone(memory_format=torch.contiguous_format)
    view, flips = _basic(torch, result, items)
    if not chosen:
        view.copy_(torch.flip(source, flips) if flips else source)
        return result
    found = torch.flip(view, flips) if flips else view
    at = _at(torch, found, items, tuple(chosen))
    torch.ops.aten.index_put_(found, at, source, False)
    if flips:
        view.copy_(torch.flip(found, flips))
    return result


# gather, scatter_add, one_hot


def _gathered(x: Shape, index: NDArray, dim: int) -> list[int]:
    """The offset into a tensor of shape x for each element of an index along `dim`."""
    if not index.data:
        return []
    x = x or (1,)
    dim %= len(x)
    steps = strides(x)
    found = positions(index, x[dim])
    kept = [0 if i == dim else s for i, s in enumerate(steps)]
    return [o + p * steps[dim] for o, p in zip(offsets(index.shape or (1,), kept), found)]


def gather(out: Type, x: NDArray, index: NDArray, dim: int) -> Elements:
    """x[…, index[…], …]: along `dim` the element that the index names."""
    return [x.data[o] for o in _gathered(x.shape, index, dim)]


def scatter_add(out: Type, x: NDArray, index: NDArray, src: NDArray, dim: int) -> Elements:
    """x with each element of src added at the position that the index names."""
    data = list(x.data)
    where = _gathered(x.shape, index, dim)
    for offset, value in zip(where, map(converter(out), src.data)):
        data[offset] += value
    return data


def scatter(out: Type, x: NDArray, index: NDArray, src: NDArray, dim: int) -> Elements:
    """x with each element of src at the position that the index names, the last of several."""
    data = list(x.data)
    where = _gathered(x.shape, index, dim)
    for offset, value in zip(where, map(converter(out), src.data)):
        data[offset] = value
    return data


def torch_gather(torch: Torch, x: Tensor, index: Tensor, dim: int) -> Tensor:
    """`gather` on torch."""
    size = x.shape[dim] if x.dim() else 1
    return torch.gather(x, dim, torch_positions(torch, index, size))


def torch_scatter_add(torch: Torch, x: Tensor, index: Tensor, src: Tensor, dim: int) -> Tensor:
    """`scatter_add` on torch."""
    size = x.shape[dim] if x.dim() else 1
    return torch.scatter_add(x, dim, torch_positions(torch, index, size), src.to(x.dtype))


def torch_scatter(torch: Torch, x: Tensor, index: Tensor, src: Tensor, dim: int) -> Tensor:
    """`scatter` on torch."""
    size = x.shape[dim] if x.dim() else 1
    return torch.scatter(x, dim, torch_positions(torch, index, size), src.to(x.dtype))


def one_hot(out: Type, x: NDArray, num_classes: int) -> list[int]:
    """1 at the position that each element names, 0 elsewhere."""
    data = [0] * out.numel
    for i, position in enumerate(positions(x, num_classes, operand=0)):
        data[i * num_classes + position] = 1
    return data


def torch_one_hot(torch: Torch, x: Tensor, num_classes: int) -> Tensor:
    """`one_hot` on torch."""
    found = torch_positions(torch, x, num_classes, operand=0)
    return (found[..., None] == torch.arange(num_classes, device=x.device)).to(torch.int64)


def masked_scatter(out: Type, x: NDArray, mask: NDArray, source: NDArray) -> Elements:
    """x with the elements of a source, in their order, where the mask is true."""
    found = list(expand(x, out.shape))
    chosen = [i for i, is_true in enumerate(expand(mask, out.shape)) if is_true]
    _check_count(len(chosen), len(source.data))
    for i, value in zip(chosen, map(converter(out), source.data)):
        found[i] = value
    return found


def masked_take(out: Type, x: NDArray, mask: NDArray, shape: Shape) -> Elements:
    """The elements where the mask is true, one after another, and zeros behind them."""
    found = [value for value, is_true in zip(x.data, mask.data) if is_true]
    return found + [converter(out)(0)] * (out.numel - len(found))


def torch_masked_scatter(torch: Torch, x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`masked_scatter` on torch."""
    shape = torch.broadcast_shapes(x.shape, mask.shape)
    _check_count(int(mask.expand(shape).sum()), source.numel())
    return torch.masked_scatter(x, mask, source.to(x.dtype))


def torch_masked_take(torch: Torch, x: Tensor, mask: Tensor, shape: Shape) -> Tensor:
    """`masked_take` on torch."""
    found = x.new_zeros(math.prod(shape))
    chosen = x[mask]
    found[: chosen.numel()] = chosen
    return found.reshape(shape)


def _check_count(wanted: int, count: int) -> None:
    if wanted > count:
        raise Problem("index", f"the mask wants {wanted} elements, and there are {count}")
