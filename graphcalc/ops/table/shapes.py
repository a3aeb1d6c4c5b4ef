"""Rows of the operations that move, choose and join elements, and compute nothing."""

from __future__ import annotations

from typing import Any

from graphcalc.ops import shapes
from graphcalc.ops.kernels import arrays, indexing, moves
from graphcalc.ops.kernels import torch as torch_kernels
from graphcalc.ops.spec import NONE, ZERO, Op, Type

_M23 = "[[1, 2, 3], [4, 5, 6]]"


def _same(types: tuple[Type, ...], out: Type, numbers: list[Any]) -> int:
    """In a shape that it has, x is itself."""
    return 0


def _shaping(
    name: str, signature: str, doc: str, rule: Any, example: tuple[str, str], **row: Any
) -> Op:
    """A row that keeps the elements, in their order."""
    return Op(
        name,
        signature,
        doc,
        rule,
        lambda out, x, *params: x.data,
        kind="array",
        casting="own",
        examples=(example,),
        vjp=("reshape(g, x.shape)",),
        identity_operand=_same,
        **row,
    )


def _permute_vjp(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
    order = moves.order(params[0], len(operands[0].shape))
    inverse = sorted(range(len(order)), key=order.__getitem__)
    return (f"permute(g, ({', '.join(map(str, inverse))},))",) if inverse else ("g",)


def _repeat_vjp(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
    """The sum over the copies."""
    (counts,), shape = params, operands[0].shape
    counts = (1,) * (len(shape) - len(counts)) + counts
    own = (1,) * (len(counts) - len(shape)) + shape
    sizes = ", ".join(f"{c}, {n}" for c, n in zip(counts, own))
    copies = ", ".join(str(2 * i) for i in range(len(counts)))
    if not counts:
        return ("g",)
    return (f"reshape(sum(reshape(g, ({sizes})), dim=({copies},)), x.shape)",)


def _cat_vjp(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
    starts = ["0"]
    for i in range(len(operands) - 1):
        starts.append(f"{starts[-1]} + tensors{i}.size(dim)")
    return tuple(f"narrow(g, dim, {start}, tensors{i}.size(dim))" for i, start in enumerate(starts))


def _diag_vjp(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
    """Of a matrix that is not square, the diagonal's own square is cut or filled up."""
    (k,), (x,) = params, operands
    if len(x.shape) == 1:
        return ("diag(g, diagonal)",)
    (length,) = moves.diag("", operands, params).shape
    size = length + abs(k)
    rows, columns = x.shape
    return (f"pad(diag(g, diagonal), (0, {columns - size}, 0, {rows - size}))",)


def _index_vjp(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
    chosen = [f"index{i}" for i in range(len(operands) - 1)]
    return (f"unindex(g, x.shape, items, [{', '.join(chosen)}])", *[NONE] * len(chosen))


def _unindex_vjp(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
    chosen = [f"index{i}" for i in range(len(operands) - 1)]
    return (f"index(g, items, [{', '.join(chosen)}])", *[NONE] * len(chosen))


def _torch_int(torch: Any, x: Any) -> Any:
    """`arrays.to_int` on torch, where numbers out of reach are whatever the machine makes."""
    if not x.is_floating_point():
        return x.to(torch.int64)
    wide = x if x.element_size() > 2 else x.to(torch.float32)
    is_large = wide.abs() >= 2.0**63
    limits = torch.where(wide > 0, 2**63 - 1, -(2**63))
    return torch.where(is_large, limits, torch.where(wide.abs() < 2.0**63, wide, 0).to(torch.int64))


SHAPES = (
    Op(
        "T",
        "x",
        "The dimensions in reverse order; of a matrix, its transpose.",
        moves.reverse_dims,
        arrays.reverse_dims,
        lambda torch, x: x.permute(tuple(range(x.dim() - 1, -1, -1))),
        kind="array",
        casting="own",
        text="{0}.T",
        examples=(("[[1, 2], [3, 4]].T", "[[1, 3], [2, 4]]"),),
        vjp=("g.T",),
    ),
    Op(
        "transpose",
        "x, dim0: dim = -2, dim1: dim = -1",
        "Two dimensions change places, the last two unless others are named.",
        moves.transpose,
        arrays.transpose,
        kind="array",
        casting="own",
        aliases=("swapaxes",),
        examples=((f"transpose({_M23}, 0, 1)", "[[1, 4], [2, 5], [3, 6]]"),),
        vjp=("transpose(g, dim0, dim1)",),
        differs="the dimensions have defaults; torch wants both.",
    ),
    Op(
        "permute",
        "x, *dims: dims",
        "The dimensions in another order.",
        moves.permute,
        arrays.permute,
        lambda torch, x, dims: x.permute(dims),
        kind="array",
        casting="own",
        examples=((f"permute({_M23}, 1, 0)", "[[1, 4], [2, 5], [3, 6]]"),),
        vjp=_permute_vjp,
        samples=("permute(randn(2, 3, 4), (2, 0, 1))", "permute(randn(2, 3, 4), (-1, 0, 1))"),
    ),
    _shaping(
        "reshape",
        "x, *shape: shape",
        "The same elements in another shape; one size may be -1.",
        moves.reshape,
        ("reshape([1, 2, 3, 4], 2, 2)", "[[1, 2], [3, 4]]"),
        torch=lambda torch, x, sizes: torch.reshape(x, sizes),
        aliases=("view",),
        samples=("reshape(randn(2, 3, 4), (4, -1))", "reshape(randn(2, 0), (0, 5))"),
    ),
    _shaping(
        "flatten",
        "x, start_dim: dim = 0, end_dim: dim = -1",
        "Neighbouring dimensions made one; all of them by default.",
        moves.flatten,
        ("flatten([[1, 2], [3, 4]])", "[1, 2, 3, 4]"),
        aliases=("ravel",),
        samples=("flatten(randn(2, 3, 4), 1)", "flatten(randn(2, 3, 4), 0, -2)", "flatten(3)"),
    ),
    _shaping(
        "squeeze",
        "x, dim: dims = None",
        "Dimensions of 1 left out: all of them, or those named.",
        moves.squeeze,
        ("squeeze([[1, 2]])", "[1, 2]"),
        torch=lambda torch, x, dim: torch.squeeze(x) if dim is None else torch.squeeze(x, dim),
        samples=("squeeze(randn(1, 3, 1), 0)", "squeeze(randn(1, 3, 1), 1)"),
    ),
    _shaping(
        "unsqueeze",
        "x, dim: dim",
        "A new dimension of 1.",
        moves.unsqueeze,
        ("unsqueeze([1, 2], 1)", "[[1], [2]]"),
        aliases=("expand_dims",),
        samples=("unsqueeze(randn(2, 3), -1)", "unsqueeze(randn(2, 3), -3)", "unsqueeze(5, 0)"),
    ),
    Op(
        "expand",
        "x, *sizes: shape",
        "Dimensions of 1 repeated to new sizes; -1 keeps a size.",
        moves.expand,
        arrays.broadcast,
        lambda torch, x, sizes: x.expand(sizes),
        kind="array",
        casting="own",
        aliases=("broadcast_to",),
        examples=(("expand([[1], [2]], 2, 3)", "[[1, 1, 1], [2, 2, 2]]"),),
        vjp=("g",),
        identity_operand=_same,
        samples=("expand(randn(3, 1), (2, -1, 4))", "expand(5, (2, 2))"),
    ),
    Op(
        "repeat",
        "x, *repeats: shape",
        "The whole tensor that often along each dimension.",
        moves.repeat,
        arrays.repeat,
        lambda torch, x, counts: x.repeat((1,) * (x.dim() - len(counts)) + counts),
        kind="array",
        casting="own",
        aliases=("tile",),
        examples=(("repeat([1, 2], 2)", "[1, 2, 1, 2]"),),
        vjp=_repeat_vjp,
        samples=(
            "repeat(randn(2, 3), (2, 1, 2))",
            "repeat(randn(2, 3), (0, 2))",
            "tile(randn(2, 3), 2)",
        ),
        differs="fewer counts than dimensions are those of the last ones, as torch.tile has it.",
    ),
    Op(
        "roll",
        "x, shifts: dims, dims: dims = None",
        "Every element moved on by a shift, those at the end to the front.",
        moves.roll,
        arrays.roll,
        lambda torch, x, shifts, dims: torch.roll(x, shifts, () if dims is None else dims),
        kind="array",
        casting="own",
        examples=(("roll([1, 2, 3], 1)", "[3, 1, 2]"),),
        vjp=lambda operands, params: (
            f"roll(g, ({', '.join(str(-s) for s in params[0])},), dims)",
        ),
        samples=("roll(randn(2, 3), 1)", "roll(randn(2, 3, 4), (1, -5), (0, -1))"),
    ),
    Op(
        "pad",
        'x, pad: dims, mode: text = "constant", value: number = 0',
        "A value around the elements: counts before and after, from the last dimension on.",
        moves.pad,
        arrays.pad,
        torch_kernels.pad,
        kind="array",
        casting="own",
        examples=(("pad([1, 2], (1, 2))", "[0, 1, 2, 0, 0]"),),
        vjp=lambda operands, params: (
            (f"pad(g, ({', '.join(str(-c) for c in params[0])},))",) if params[0] else ("g",)
        ),
        differs='only the mode "constant".',
        samples=(
            "pad(randn(2, 3), (1, 0, 2, 1), value=7)",
            "pad(randn(2, 3), (-1, 1))",
            "pad(randn(2, 3, 4), (0, 0, 1, -1))",
        ),
    ),
    Op(
        "index",
        "x, items: items, index: tensors",
        "The elements that indices, slices and tensors of whole numbers choose: x[i, 1:3].",
        moves.index,
        indexing.index,
        indexing.torch_index,
        kind="array",
        casting="own",
        text="{0}[{items}]",
        examples=(("[1, 2, 3][1:]", "[2, 3]"), ("[5, 6, 7][[2, 0]]", "[7, 5]")),
        vjp=_index_vjp,
        differs="a step may be negative, as in NumPy; a mask may not choose, as the result's shape "
        "would depend on data.",
    ),
    Op(
        "unindex",
        "x, shape: shape, items: items, index: tensors",
        "The gradient of an index: zeros, with x added where it was taken.",
        moves.unindex,
        indexing.unindex,
        indexing.torch_unindex,
        kind="array",
        vjp=_unindex_vjp,
    ),
    Op(
        "tensor",
        "*x",
        "A tensor of its operands along a new first dimension: [x, y, …].",
        moves.stack,
        arrays.stack,
        lambda torch, *x: torch.stack(x),
        kind="array",
        text="[{all}]",
        examples=(("[1, 1 + 1]", "[1, 2]"),),
        vjp=lambda operands, params: tuple(f"g[{i}]" for i in range(len(operands))),
    ),
    Op(
        "cat",
        "tensors: tensors, dim: dim = 0",
        "Tensors one after another along a dimension.",
        moves.cat,
        arrays.cat,
        lambda torch, *x: torch.cat(x[:-1], x[-1]),
        kind="array",
        aliases=("concat", "concatenate"),
        examples=(("cat([[1, 2], [3]])", "[1, 2, 3]"),),
        vjp=_cat_vjp,
        samples=(
            "cat([randn(2, 3), randn(2, 1)], dim=-1)",
            "cat([randn(2, 3), randn(0, 3)])",
            "cat((randn(1, 2, 3), randn(1, 4, 3)), 1)",
        ),
    ),
    Op(
        "stack",
        "tensors: tensors, dim: dim = 0",
        "Tensors one after another along a new dimension.",
        moves.stacked,
        arrays.stack_along,
        lambda torch, *x: torch.stack(x[:-1], x[-1]),
        kind="array",
        examples=(("stack([[1, 2], [3, 4]], dim=1)", "[[1, 3], [2, 4]]"),),
        vjp=lambda operands, params: tuple(f"select(g, dim, {i})" for i in range(len(operands))),
        samples=("stack([randn(2, 3), randn(2, 3)], dim=-1)", "stack([1, 2, 3])"),
    ),
    *(
        Op(
            name,
            "x, diagonal: dim = 0",
            f"The elements on and {side} a diagonal of a matrix, 0 elsewhere.",
            moves.triangle,
            arrays.triangle(name == "tril"),
            kind="array",
            casting="own",
            examples=((f"{name}([[1, 2], [3, 4]])", value),),
            vjp=(f"{name}(g, diagonal)",),
            samples=(f"{name}(randn(3, 4), -1)", f"{name}(randn(2, 4, 3), 1)"),
        )
        for name, side, value in (
            ("tril", "below", "[[1, 0], [3, 4]]"),
            ("triu", "above", "[[1, 2], [0, 4]]"),
        )
    ),
    Op(
        "diag",
        "x, diagonal: dim = 0",
        "A vector as a matrix's diagonal, or a matrix's diagonal as a vector.",
        moves.diag,
        arrays.diag,
        kind="array",
        casting="own",
        examples=(
            ("diag([[1, 2], [3, 4]])", "[1, 4]"),
            ("diag([1, 2])", "[[1, 0], [0, 2]]"),
        ),
        vjp=_diag_vjp,
        samples=(
            "diag(randn(3), 1)",
            "diag(randn(3), -2)",
            "diag(randn(3, 5), 1)",
            "diag(randn(5, 3), -1)",
            "diag(randn(2, 5), -1)",
        ),
    ),
    Op(
        "unfold",
        "x, dimension: dim, size: size, step: size",
        "Windows along a dimension, their elements in a new last one, as Tensor.unfold.",
        moves.unfold,
        arrays.unfold,
        lambda torch, x, dim, size, step: x.unfold(dim, size, step),
        kind="array",
        casting="own",
        examples=(("unfold([1, 2, 3, 4], 0, 2, 1)", "[[1, 2], [2, 3], [3, 4]]"),),
        vjp=("refold(g, x.shape, dimension, size, step)",),
        samples=("unfold(randn(2, 7, 3), 1, 3, 2)", "unfold(randn(2, 7), -1, 7, 1)"),
    ),
    Op(
        "refold",
        "x, shape: shape, dimension: dim, size: size, step: size",
        "The gradient of `unfold`: every window's elements added where they were taken.",
        moves.given_shape,
        arrays.refold,
        torch_kernels.refold,
        kind="array",
        vjp=("unfold(g, dimension, size, step)",),
    ),
    Op(
        "gather",
        "x, dim: dim, index: index",
        "Along a dimension, the element that each number of the index names.",
        moves.gather,
        indexing.gather,
        indexing.torch_gather,
        kind="array",
        casting="own",
        examples=(("gather([[1, 2], [3, 4]], 1, [[0], [1]])", "[[1], [4]]"),),
        vjp=("scatter_add(full_like(x, 0), dim, index, g)", NONE),
        samples=(
            "gather(randn(3, 4), 0, randint(0, 3, (2, 4)))",
            "gather(randn(3, 4, 2), -1, randint(0, 2, (3, 4, 5)))",
        ),
    ),
    Op(
        "scatter_add",
        "x, dim: dim, index: index, src",
        "x, with each element of src added at the place that the index names.",
        moves.scatter,
        indexing.scatter_add,
        indexing.torch_scatter_add,
        kind="array",
        casting="own",
        examples=(("scatter_add([0, 0, 0], 0, [2, 0, 2], [1, 2, 3])", "[2, 0, 4]"),),
        vjp=("g", NONE, "gather(g, dim, index)"),
        samples=("scatter_add(randn(3, 4), 1, randint(0, 4, (3, 6)), randn(3, 6))",),
        differs="src has the shape of the index; torch's may be larger.",
    ),
    Op(
        "one_hot",
        "x: index, num_classes: size = -1",
        "1 at the place that each number names, 0 elsewhere, in a new last dimension.",
        moves.one_hot,
        indexing.one_hot,
        indexing.torch_one_hot,
        kind="array",
        casting="own",
        examples=(("one_hot([1, 0], 3)", "[[0, 1, 0], [1, 0, 0]].long()"),),
        vjp=(NONE,),
        samples=("one_hot(randint(0, 4, (2, 3)), 4)",),
        differs="num_classes must be given: a shape cannot depend on data.",
    ),
    Op(
        "detach",
        "x",
        "x as a constant: no gradient passes.",
        shapes.same,
        lambda out, x: x.data,
        lambda torch, x: x,
        kind="array",
        casting="own",
        examples=(("detach(3)", "3"),),
        vjp=(ZERO,),
    ),
    Op(
        "float",
        "x",
        "Bool and integers as floating point.",
        shapes.to_float,
        lambda out, x: x.data,
        lambda torch, x: x,
        kind="array",
        text="{0}.float()",
        examples=(("(1 < 2).float()", "1"),),
        vjp=("g",),
    ),
    Op(
        "long",
        "x",
        "The whole part as an integer, at most 2^63 from 0; of nan 0.",
        shapes.to_int,
        arrays.to_int,
        _torch_int,
        kind="array",
        casting="own",
        text="{0}.long()",
        examples=(("[1.5, -1.5].long()", "[1, -1].long()"),),
        vjp=(NONE,),
    ),
    Op(
        "bool",
        "x",
        "Whether x is not 0.",
        shapes.predicate,
        lambda out, x: list(map(bool, x.data)),
        lambda torch, x: x.to(torch.bool),
        kind="array",
        casting="own",
        text="{0}.bool()",
        examples=(("[0, 2].bool()", "[false, true]"),),
        vjp=(NONE,),
    ),
)
