"""Cross-correlation as torch's conv1d, conv2d and conv3d, and its two adjoints.

Shapes: x is (N, C, *sizes) or (C, *sizes), weight is (O, C / groups, *kernel), and the result
is (N, O, *out) or (O, *out). The static arguments are stride, padding, dilation (one number for
all spatial dimensions, or one each; padding also "valid" or "same") and groups. The adjoints
take the shape of what they give before these, and so gradients of any order are again these
three operations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from operator import mul

from graphcalc.ops.convolution_shapes import Geometry, geometry
from graphcalc.ops.kernels.arrays import NDArray, offsets, strides
from graphcalc.ops.spec import Shape, Static, Tensor, Torch, Type


# Python
def conv(out: Type, x: NDArray, weight: NDArray, *settings: Static) -> list[float]:
    """Each element is the sum of products of a filter and a window of the padded input."""
    found = geometry(x.shape, weight.shape, settings)
    image, steps, plane = _pad(x, found)
    starts = offsets(found.out, map(mul, found.stride, steps))
    window = (plane, *map(mul, found.dilation, steps))
    inner = offsets((found.channels, *found.kernel), window)
    filters = _parts(weight.data, found.groups * found.filters)
    result: list[float] = []
    for number, block in enumerate(_parts(image, found.images * found.groups)):
        first = number % found.groups * found.filters
        result += _products(block, starts, inner, filters[first : first + found.filters])
    return result


def conv_input(
    out: Type,
    y: NDArray,
    weight: NDArray,
    shape: Shape,
    *settings: Static,
) -> list[float]:
    """The gradient of x where y is that of the result.

    y, its elements a stride apart and with room for the kernel on both sides, is correlated
    with the reversed kernels.
    """
    found = geometry(shape, weight.shape, settings)
    room = tuple(map(sum, zip(found.padded, found.reach)))
    spread = _spread(y.data, found.out, room, found.reach, found.stride)
    steps, plane = strides(room), math.prod(room)
    starts = offsets(found.sizes, steps, sum(map(mul, found.before, steps)))
    window = (plane, *map(mul, found.dilation, steps))
    inner = offsets((found.filters, *found.kernel), window)
    size = math.prod(found.kernel)
    taps = offsets((found.filters, size), (found.channels * size, -1), size - 1)
    filters = [
        [[group[c * size + o] for o in taps] for c in range(found.channels)]
        for group in _parts(weight.data, found.groups)
    ]
    result: list[float] = []
    for number, block in enumerate(_parts(spread, found.images * found.groups)):
        result += _products(block, starts, inner, filters[number % found.groups])
    return result


def conv_weight(
    out: Type,
    y: NDArray,
    x: NDArray,
    shape: Shape,
    *settings: Static,
) -> list[float]:
    """The gradient of weight where y is that of the result.

    Each element is the sum of products of a channel of y and the elements of x that it met.
    """
    found = geometry(x.shape, shape, settings)
    image, steps, plane = _pad(x, found)
    window = (found.channels * found.groups * plane, *map(mul, found.stride, steps))
    inner = offsets((found.images, *found.out), window)
    taps = (plane, *map(mul, found.dilation, steps))
    size, count = math.prod(found.out), found.groups * found.filters
    result: list[float] = []
    for group in range(found.groups):
        first = group * found.channels * plane
        starts = offsets((found.channels, *found.kernel), taps, first)
        rows = []
        for channel in range(group * found.filters, (group + 1) * found.filters):
            own = offsets((found.images, size), (count * size, 1), channel * size)
            rows.append([y.data[o] for o in own])
        result += _products(image, starts, inner, rows)
    return result


def _products(
    block: list[float], starts: list[int], inner: list[int], rows: list[list[float]]
) -> list[float]:
    """The sum of products of each row with the elements at `inner` from each start."""
    windows = [[block[start + i] for i in inner] for start in starts]
    return [float(sum(map(mul, row, window))) for row in rows for window in windows]


def _pad(x: NDArray, found: Geometry) -> tuple[list[float], list[int], int]:
    """The elements of x with zeros around, the spatial strides of that, and a channel's size."""
    room = found.padded
    once = (1,) * len(room)
    padded = _spread(x.data, found.sizes, room, found.before, once)
    return padded, strides(room), math.prod(room)


def _spread(
    data: list[float], sizes: Shape, room: Shape, first: Iterable[int], apart: Iterable[int]
) -> list[float]:
    """Planes of `sizes` laid into zeros of `room`, from `first` on and so far `apart`."""
    if sizes == room:
        return data
    steps, plane = strides(room), math.prod(room)
    start = sum(map(mul, first, steps))
    planes = len(data) // max(math.prod(sizes), 1)
    spread = [0.0] * (planes * plane)
    positions = offsets((planes, *sizes), (plane, *map(mul, apart, steps)), start)
    for position, value in zip(positions, data):
        spread[position] = value
    return spread


def _parts(data: list[float], count: int) -> list[list[float]]:
    """A list cut into so many equal parts."""
    size = len(data) // max(count, 1)
    return [data[i * size : (i + 1) * size] for i in range(count)]


# torch
def conv_torch(torch: Torch, x: Tensor, weight: Tensor, *settings: Static) -> Tensor:
    """torch's convolution of that many dimensions."""
    found = geometry(tuple(x.shape), tuple(weight.shape), settings)
    # torch refuses an empty weight, and without channels it loses the output channels.
    if not x.numel() or not weight.numel():
        return x.new_zeros(found.result)
    kernel = getattr(torch.nn.functional, f"conv{len(found.kernel)}d")
    x = _evened(torch, x, found)
    return kernel(x, weight, None, found.stride, found.before, found.dilation, found.groups)


def conv_input_torch(
    torch: Torch,
    y: Tensor,
    weight: Tensor,
    shape: Shape,
    *settings: Static,
) -> Tensor:
    """torch's gradient of a convolution's input."""
    found = geometry(shape, tuple(weight.shape), settings)
    if not y.numel() or not weight.numel():
        return y.new_zeros(shape)
    kernel = getattr(torch.nn.grad, f"conv{len(found.kernel)}d_input")
    sizes = [n + a - b for n, a, b in zip(found.sizes, found.after, found.before)]
    x = kernel(
        (found.images, found.groups * found.channels, *sizes),
        weight,
        y.reshape(found.images, *found.result[-len(sizes) - 1 :]),
        found.stride,
        found.before,
        found.dilation,
        found.groups,
    )
    for dim, size in enumerate(found.sizes, 2):
        x = x.narrow(dim, 0, size)
    return x.reshape(shape)


def conv_weight_torch(
    torch: Torch,
    y: Tensor,
    x: Tensor,
    shape: Shape,
    *settings: Static,
) -> Tensor:
    """torch's gradient of a convolution's weight."""
    found = geometry(tuple(x.shape), shape, settings)
    if not y.numel() or not x.numel():
        return y.new_zeros(shape)
    kernel = getattr(torch.nn.grad, f"conv{len(found.kernel)}d_weight")
    x = _evened(torch, x, found)
    return kernel(
        x.reshape(found.images, *x.shape[-len(found.sizes) - 1 :]),
        shape,
        y.reshape(found.images, *found.result[-len(found.sizes) - 1 :]),
        found.stride,
        found.before,
        found.dilation,
        found.groups,
    )


def _evened(torch: Torch, x: Tensor, found: Geometry) -> Tensor:
    """x with what its padding has more after than before: torch pads both sides alike."""
    if found.before == found.after:
        return x
    more = [(0, a - b) for a, b in zip(found.after, found.before)]
    return torch.nn.functional.pad(x, [n for pair in reversed(more) for n in pair])
