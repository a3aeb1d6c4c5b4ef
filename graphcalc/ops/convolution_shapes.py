"""The type rules, costs and gradients of a convolution and of its two adjoints.

A rule is called as those of `shapes` are. `kernels/convolution` explains the shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from graphcalc.ops.shapes import check_sizes, float_dtype, show
from graphcalc.ops.spec import Operands, Params, Problem, Shape, Static, Type, escape

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


class Geometry(NamedTuple):
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
def conv_type(dtype: str, operands: Operands, params: Params) -> Type:
    """`conv(x, weight, stride, padding, dilation, groups)`: floating point."""
    x, weight = operands
    return _typed(dtype, operands, geometry(x.shape, weight.shape, params).result)


def conv_input_type(dtype: str, operands: Operands, params: Params) -> Type:
    """`conv_input(y, weight, shape, …)`: y is shaped as the convolution of that shape."""
    y, weight = operands
    shape, *settings = params
    check_sizes(shape)
    found = geometry(shape, weight.shape, settings, ("the result", "{1}"))
    _check_gradient(y.shape, found.result)
    return _typed(dtype, operands, shape)


def conv_weight_type(dtype: str, operands: Operands, params: Params) -> Type:
    """`conv_weight(y, x, shape, …)`: y is shaped as the convolution with that shape."""
    y, x = operands
    shape, *settings = params
    check_sizes(shape)
    found = geometry(x.shape, shape, settings, ("{1}", "the result"))
    _check_gradient(y.shape, found.result)
    return _typed(dtype, operands, shape)


def _typed(dtype: str, operands: Operands, shape: Shape) -> Type:
    return Type(shape, float_dtype(dtype, operands), all([t.weak for t in operands]))


def _check_gradient(found: Shape, wanted: Shape) -> None:
    if found != wanted:
        raise Problem(
            "shape", f"{{0}} is {show(found)}, but the convolution's result is {show(wanted)}"
        )


def conv_cost(operands: Operands, params: Params) -> int:
    """Multiplications and additions of `conv`."""
    x, weight = operands
    return _cost(geometry(x.shape, weight.shape, params))


def conv_input_cost(operands: Operands, params: Params) -> int:
    """Multiplications and additions of `conv_input`: as many as of the convolution."""
    return _cost(geometry(params[0], operands[1].shape, params[1:]))


def conv_weight_cost(operands: Operands, params: Params) -> int:
    """Multiplications and additions of `conv_weight`: as many as of the convolution."""
    return _cost(geometry(operands[1].shape, params[0], params[1:]))


def _cost(found: Geometry) -> int:
    count = 2
    for size in (*found.result, found.channels, *found.kernel):
        count = count * size
    return count


def geometry(
    x: Shape,
    weight: Shape,
    settings: Sequence[Static],
    names: tuple[str, str] = ("{0}", "{1}"),
) -> Geometry:
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
    return Geometry(
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


def _padding(padding: Static, reach: Shape, stride: Shape) -> tuple[Shape, Shape]:
    """The padding before and after x; of an odd number, `same` puts the larger half after."""
    if padding == "valid":
        return (0,) * len(reach), (0,) * len(reach)
    if padding == "same":
        if any([s != 1 for s in stride]):
            raise Problem("call", f'padding "same" wants a stride of 1, not {show(stride)}')
        before = tuple([r // 2 for r in reach])
        return before, tuple([r - b for r, b in zip(reach, before)])
    if isinstance(padding, str):
        raise Problem("call", f'`padding` is numbers, "valid" or "same", not "{escape(padding)}"')
    before = _each("padding", padding, len(reach), 0)
    return before, before


def _shown(x: Shape, weight: Shape) -> str:
    return f"the input is {show(x)} and the weight {show(weight)}"
