"""Cross-correlation as torch's conv1d, conv2d and conv3d, and its two adjoints.

Shapes: x is (N, C, *sizes) or (C, *sizes), weight is (O, C / groups, *kernel), and the result
is (N, O, *out) or (O, *out). The static arguments are stride, padding, dilation (one number for
all spatial dimensions, or one each; padding also "valid" or "same") and groups. The adjoints
take the shape of what they give before these, and so gradients of any order are again these
three operations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import mul
from typing import Any, NamedTuple

from graphcalc.ops.kernels.arrays import NDArray, offsets, strides
from graphcalc.ops.shapes import float_dtype, show
from graphcalc.ops.spec import Problem, Shape, Type

# The gradients of each operand, in the names of the operations' signatures; `g` is the
# gradient of the result.
CONV_VJP = (
    "conv_input(g, weight, x.shape, stride, padding, dilation, groups)",
    "conv_weight(g, x, weight.shape, stride, padding, dilation, groups)",
)
CONV_INPUT_VJP = (
    "conv(g, weight, stride, padding, dilation, groups)",
    "conv_weight(y, g, weight.shape, stride, padding, dilation, groups)",
)
CONV_WEIGHT_VJP = (
    "conv(x, g, stride, padding, dilation, groups)",
    "conv_input(y, g, x.shape, stride, padding, dilation, groups)",
)


class _Geometry(NamedTuple):
    """The sizes of a convolution.

    `batch` is () or (N,). `channels` and `filters` are the channels in and out of one group.
    The others have one number a spatial dimension; `before` and `after` are the padding.
    """

    batch: Shape
    groups: int
    channels: int
    filters: int
    sizes: Shape
    kernel: Shape
    stride: Shape
    dilation: Shape
    before: Shape
    after: Shape
    out: Shape

    @property
    def result(self) -> Shape:
        """The shape of the result."""
        return (*self.batch, self.groups * self.filters, *self.out)

    @property
    def images(self) -> int:
        """The number of images."""
        return self.batch[0] if self.batch else 1

    @property
    def padded(self) -> Shape:
        """The spatial sizes of x with its padding."""
        return tuple([b + n + a for b, n, a in zip(self.before, self.sizes, self.after)])

    @property
    def reach(self) -> Shape:
        """How far the last element of the kernel lies from the first."""
        return tuple([d * (k - 1) for d, k in zip(self.dilation, self.kernel)])


# Shapes


def conv_type(dtype: str, operands: tuple[Type, ...], params: tuple[Any, ...]) -> Type:
    """`conv(x, weight, stride, padding, dilation, groups)`: floating point."""
    x, weight = operands
    return _typed(dtype, operands, _geometry(x.shape, weight.shape, params).result)


def conv_input_type(dtype: str, operands: tuple[Type, ...], params: tuple[Any, ...]) -> Type:
    """`conv_input(y, weight, shape, …)`: y is shaped as the convolution of that shape."""
    y, weight = operands
    shape, *settings = params
    _check_shape(shape)
    found = _geometry(shape, weight.shape, settings, ("the result", "{1}"))
    _check_gradient(y.shape, found.result)
    return _typed(dtype, operands, shape)


def conv_weight_type(dtype: str, operands: tuple[Type, ...], params: tuple[Any, ...]) -> Type:
    """`conv_weight(y, x, shape, …)`: y is shaped as the convolution with that shape."""
    y, x = operands
    shape, *settings = params
    _check_shape(shape)
    found = _geometry(x.shape, shape, settings, ("{1}", "the result"))
    _check_gradient(y.shape, found.result)
    return _typed(dtype, operands, shape)


def _typed(dtype: str, operands: tuple[Type, ...], shape: Shape) -> Type:
    return Type(shape, float_dtype(dtype, operands), all([t.weak for t in operands]))


def _check_shape(shape: Shape) -> None:
    for size in shape:
        if size < 0:
            raise Problem("shape", f"a dimension must be a whole number >= 0, not {size}")


def _check_gradient(found: Shape, wanted: Shape) -> None:
    if found != wanted:
        raise Problem(
            "shape", f"{{0}} is {show(found)}, but the convolution's result is {show(wanted)}"
        )


def conv_cost(operands: tuple[Type, ...], params: tuple[Any, ...]) -> int:
    """Multiplications and additions of `conv`."""
    x, weight = operands
    return _cost(_geometry(x.shape, weight.shape, params))


def conv_input_cost(operands: tuple[Type, ...], params: tuple[Any, ...]) -> int:
    """Multiplications and additions of `conv_input`: as many as of the convolution."""
    return _cost(_geometry(params[0], operands[1].shape, params[1:]))


def conv_weight_cost(operands: tuple[Type, ...], params: tuple[Any, ...]) -> int:
    """Multiplications and additions of `conv_weight`: as many as of the convolution."""
    return _cost(_geometry(operands[1].shape, params[0], params[1:]))


def _cost(found: _Geometry) -> int:
    count = 2
    for size in (*found.result, found.channels, *found.kernel):
        count = count * size
    return count


def _geometry(
    x: Shape,
    weight: Shape,
    settings: Sequence[Any],
    names: tuple[str, str] = ("{0}", "{1}"),
) -> _Geometry:
    """The sizes of a convolution of x with weight; `names` are what messages call the two."""
    stride, padding, dilation, groups = settings
    count = _spatial(x, weight, names)
    stride = _each("stride", stride, count, 1)
    dilation = _each("dilation", dilation, count, 1)
    _check_channels(x[-count - 1], weight, groups, names)
    sizes, kernel = x[-count:], weight[2:]
    reach = tuple([d * (k - 1) for d, k in zip(dilation, kernel)])
    before, after = _padding(padding, reach, stride)
    out = []
    for dim in range(count):
        span, room = reach[dim] + 1, before[dim] + sizes[dim] + after[dim]
        if room < span:
            raise Problem(
                "shape",
                f"the kernel of {names[1]} spans {span}, "
                f"but {names[0]} with its padding has {room} in spatial dimension {dim}",
                note=_shown(x, weight),
            )
        out.append((room - span) // stride[dim] + 1)
    return _Geometry(
        batch=x[: -count - 1],
        groups=groups,
        channels=weight[1],
        filters=weight[0] // groups,
        sizes=sizes,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        before=before,
        after=after,
        out=tuple(out),
    )


def _spatial(x: Shape, weight: Shape, names: tuple[str, str]) -> int:
    """The number of spatial dimensions, which the weight's dimensions say."""
    count = len(weight) - 2
    if not 1 <= count <= 3:
        raise Problem(
            "shape",
            f"a weight has 3 to 5 dimensions, but {names[1]} is {show(weight)}",
            note="a weight is (output channels, channels / groups, *kernel)",
        )
    if len(x) not in (count + 1, count + 2):
        raise Problem(
            "shape",
            f"with {count} spatial dimension{'s' * (count != 1)} the input has {count + 1} or "
            f"{count + 2} dimensions, but {names[0]} is {show(x)}",
            note="an input is (channels, *sizes) or (batch, channels, *sizes)",
        )
    for size in weight[2:]:
        if size < 1:
            raise Problem("shape", f"a kernel has elements, but {names[1]} is {show(weight)}")
    return count


def _each(name: str, value: Sequence[int], count: int, least: int) -> Shape:
    """One number a spatial dimension."""
    if len(value) not in (1, count):
        raise Problem(
            "call",
            f"`{name}` has {len(value)} numbers, "
            f"but there {'are' if count != 1 else 'is'} {count} spatial "
            f"dimension{'s' * (count != 1)}",
        )
    for number in value:
        if number < least:
            raise Problem("call", f"`{name}` is at least {least}, not {number}")
    return tuple(value) * (count if len(value) == 1 else 1)


def _check_channels(channels: int, weight: Shape, groups: int, names: tuple[str, str]) -> None:
    if groups < 1:
        raise Problem("call", f"`groups` is at least 1, not {groups}")
    for size, name in ((channels, names[0]), (weight[0], names[1])):
        if groups != 1 and size // groups * groups != size:
            what = "channels" if name == names[0] else "output channels"
            raise Problem("shape", f"{groups} groups do not divide the {size} {what} of {name}")
    if weight[1] * groups != channels:
        raise Problem(
            "shape",
            f"channels differ: {names[0]} has {channels}, but {names[1]} takes "
            f"{weight[1] * groups}",
            note=f"a weight of {show(weight)} takes {weight[1]} in each of {groups} "
            f"group{'s' * (groups != 1)}",
        )


def _padding(padding: Any, reach: Shape, stride: Shape) -> tuple[Shape, Shape]:
    """The padding before and after x; of an odd number, `same` puts the larger half after."""
    if padding == "valid":
        return (0,) * len(reach), (0,) * len(reach)
    if padding == "same":
        if any([s != 1 for s in stride]):
            raise Problem("call", f'padding "same" wants a stride of 1, not {show(stride)}')
        before = tuple([r // 2 for r in reach])
        return before, tuple([r - b for r, b in zip(reach, before)])
    if isinstance(padding, str):
        shown = padding.replace("{", "{{").replace("}", "}}")
        raise Problem("call", f'`padding` is numbers, "valid" or "same", not "{shown}"')
    before = _each("padding", padding, len(reach), 0)
    return before, before


def _shown(x: Shape, weight: Shape) -> str:
    return f"the input is {show(x)} and the weight {show(weight)}"


# Python


def conv(
    out: Type, x: NDArray, weight: NDArray, stride: Any, padding: Any, dilation: Any, groups: int
) -> list[float]:
    """Each element is the sum of products of a filter and a window of the padded input."""
    found = _geometry(x.shape, weight.shape, (stride, padding, dilation, groups))
    image, steps, plane = _pad(x, found)
    starts = offsets(found.out, map(mul, found.stride, steps))
    window = (plane, *map(mul, found.dilation, steps))
    inner = offsets((found.channels, *found.kernel), window)
    filters = _parts(weight.data, groups * found.filters)
    result: list[float] = []
    for number, block in enumerate(_parts(image, found.images * groups)):
        first = number % groups * found.filters
        result += _products(block, starts, inner, filters[first : first + found.filters])
    return result


def conv_input(
    out: Type,
    y: NDArray,
    weight: NDArray,
    shape: Shape,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> list[float]:
    """The gradient of x where y is that of the result.

    y, its elements a stride apart and with room for the kernel on both sides, is correlated
    with the reversed kernels.
    """
    found = _geometry(shape, weight.shape, (stride, padding, dilation, groups))
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
        for group in _parts(weight.data, groups)
    ]
    result: list[float] = []
    for number, block in enumerate(_parts(spread, found.images * groups)):
        result += _products(block, starts, inner, filters[number % groups])
    return result


def conv_weight(
    out: Type,
    y: NDArray,
    x: NDArray,
    shape: Shape,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> list[float]:
    """The gradient of weight where y is that of the result.

    Each element is the sum of products of a channel of y and what its place met of x.
    """
    found = _geometry(x.shape, shape, (stride, padding, dilation, groups))
    image, steps, plane = _pad(x, found)
    window = (found.channels * groups * plane, *map(mul, found.stride, steps))
    inner = offsets((found.images, *found.out), window)
    places = (plane, *map(mul, found.dilation, steps))
    size, count = math.prod(found.out), groups * found.filters
    result: list[float] = []
    for group in range(groups):
        first = group * found.channels * plane
        starts = offsets((found.channels, *found.kernel), places, first)
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


def _pad(x: NDArray, found: _Geometry) -> tuple[list[float], list[int], int]:
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
    places = offsets((planes, *sizes), (plane, *map(mul, apart, steps)), start)
    for place, value in zip(places, data):
        spread[place] = value
    return spread


def _parts(data: list[float], count: int) -> list[list[float]]:
    """A list cut into so many equal parts."""
    size = len(data) // max(count, 1)
    return [data[i * size : (i + 1) * size] for i in range(count)]


# torch


def conv_torch(
    torch: Any, x: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """torch's convolution of that many dimensions."""
    found = _geometry(tuple(x.shape), tuple(weight.shape), (stride, padding, dilation, groups))
    # torch refuses an empty weight, and without channels it loses the output channels.
    if not x.numel() or not weight.numel():
        return x.new_zeros(found.result)
    kernel = getattr(torch.nn.functional, f"conv{len(found.kernel)}d")
    x = _evened(torch, x, found)
    return kernel(x, weight, None, found.stride, found.before, found.dilation, groups)


def conv_input_torch(
    torch: Any,
    y: Any,
    weight: Any,
    shape: Shape,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Any:
    """torch's gradient of a convolution's input."""
    found = _geometry(shape, tuple(weight.shape), (stride, padding, dilation, groups))
    if not y.numel() or not weight.numel():
        return y.new_zeros(shape)
    kernel = getattr(torch.nn.grad, f"conv{len(found.kernel)}d_input")
    sizes = [n + a - b for n, a, b in zip(found.sizes, found.after, found.before)]
    x = kernel(
        (found.images, groups * found.channels, *sizes),
        weight,
        y.reshape(found.images, *found.result[-len(sizes) - 1 :]),
        found.stride,
        found.before,
        found.dilation,
        groups,
    )
    for dim, size in enumerate(found.sizes, 2):
        x = x.narrow(dim, 0, size)
    return x.reshape(shape)


def conv_weight_torch(
    torch: Any,
    y: Any,
    x: Any,
    shape: Shape,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Any:
    """torch's gradient of a convolution's weight."""
    found = _geometry(tuple(x.shape), shape, (stride, padding, dilation, groups))
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
        groups,
    )


def _evened(torch: Any, x: Any, found: _Geometry) -> Any:
    """x with what its padding has more after than before: torch pads both sides alike."""
    if found.before == found.after:
        return x
    more = [(0, a - b) for a, b in zip(found.after, found.before)]
    return torch.nn.functional.pad(x, [n for pair in reversed(more) for n in pair])
