"""Rows of the operations that move and repeat elements, and compute nothing."""

from __future__ import annotations

from graphcalc.ops import move_shapes
from graphcalc.ops.kernels import moves
from graphcalc.ops.spec import (
    Elements,
    Field,
    Op,
    Operands,
    Params,
    Type,
    TypeRule,
)

_M23 = "[[1, 2, 3], [4, 5, 6]]"


def _unfold_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    is_scalar = not operands[0].shape
    return ("sum(g)" if is_scalar else "refold(g, x.shape, dimension, size, step)",)


def _same(types: Operands, out: Type, numbers: Elements) -> int:
    """In a shape that it has, x is itself."""
    return 0


def _shaping(
    name: str, signature: str, doc: str, rule: TypeRule, example: tuple[str, str], **row: Field
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
        is_move=True,
        is_view=True,
        **row,
    )


def _permute_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    order = move_shapes.order(params[0], len(operands[0].shape))
    inverse = sorted(range(len(order)), key=order.__getitem__)
    return (f"permute(g, ({', '.join(map(str, inverse))},))",) if inverse else ("g",)


def _repeat_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    """The sum over the copies."""
    (counts,), shape = params, operands[0].shape
    counts = (1,) * (len(shape) - len(counts)) + counts
    own = (1,) * (len(counts) - len(shape)) + shape
    sizes = ", ".join(f"{c}, {n}" for c, n in zip(counts, own))
    copies = ", ".join(str(2 * i) for i in range(len(counts)))
    if not counts:
        return ("g",)
    return (f"reshape(sum(reshape(g, ({sizes})), dim=({copies},)), x.shape)",)


def _diag_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    """Of a matrix that is not square, the diagonal's own square is cut or filled up."""
    (k,), (x,) = params, operands
    if len(x.shape) == 1:
        return ("diag(g, diagonal)",)
    (length,) = move_shapes.diag("", operands, params).shape
    size = length + abs(k)
    rows, columns = x.shape
    return (f"pad(diag(g, diagonal), (0, {columns - size}, 0, {rows - size}))",)


MOVES = (
    Op(
        "T",
        "x",
        "The dimensions in reverse order; of a matrix, its transpose.",
        move_shapes.reverse_dims,
        moves.reverse_dims,
        lambda torch, x: x.permute(tuple(range(x.dim() - 1, -1, -1))),
        kind="array",
        casting="own",
        text="{0}.T",
        examples=(("[[1, 2], [3, 4]].T", "[[1, 3], [2, 4]]"),),
        vjp=("g.T",),
        latex=r"^{\top}",
        is_move=True,
        is_view=True,
        access="syntax",
    ),
    Op(
        "transpose",
        "x, dim0: dim = -2, dim1: dim = -1",
        "Two dimensions exchanged, the last two unless others are named.",
        move_shapes.transpose,
        moves.transpose,
        kind="array",
        casting="own",
        aliases=("swapaxes", "swapdims"),
        examples=((f"transpose({_M23}, 0, 1)", "[[1, 4], [2, 5], [3, 6]]"),),
        vjp=("transpose(g, dim0, dim1)",),
        differs="the dimensions have defaults; torch wants both.",
        is_move=True,
        is_view=True,
    ),
    Op(
        "permute",
        "x, *dims: dims",
        "The dimensions in another order.",
        move_shapes.permute,
        moves.permute,
        lambda torch, x, dims: x.permute(dims),
        kind="array",
        casting="own",
        examples=((f"permute({_M23}, 1, 0)", "[[1, 4], [2, 5], [3, 6]]"),),
        vjp=_permute_vjp,
        samples=("permute(randn(2, 3, 4), (2, 0, 1))", "permute(randn(2, 3, 4), (-1, 0, 1))"),
        is_move=True,
        is_view=True,
    ),
    _shaping(
        "reshape",
        "x, *shape: shape",
        "The same elements in another shape; one size may be -1.",
        move_shapes.reshape,
        ("reshape([1, 2, 3, 4], 2, 2)", "[[1, 2], [3, 4]]"),
        torch=lambda torch, x, sizes: torch.reshape(x, sizes),
        aliases=("view",),
        samples=("reshape(randn(2, 3, 4), (4, -1))", "reshape(randn(2, 0), (0, 5))"),
    ),
    _shaping(
        "flatten",
        "x, start_dim: dim = 0, end_dim: dim = -1",
        "Neighbouring dimensions made one; all of them by default.",
        move_shapes.flatten,
        ("flatten([[1, 2], [3, 4]])", "[1, 2, 3, 4]"),
        aliases=("ravel",),
        samples=("flatten(randn(2, 3, 4), 1)", "flatten(randn(2, 3, 4), 0, -2)", "flatten(3)"),
    ),
    _shaping(
        "squeeze",
        "x, dim: dims = None",
        "Dimensions of 1 left out: all of them, or those named.",
        move_shapes.squeeze,
        ("squeeze([[1, 2]])", "[1, 2]"),
        torch=lambda torch, x, dim: torch.squeeze(x) if dim is None else torch.squeeze(x, dim),
        samples=("squeeze(randn(1, 3, 1), 0)", "squeeze(randn(1, 3, 1), 1)"),
    ),
    _shaping(
        "unsqueeze",
        "x, dim: dim",
        "A new dimension of 1.",
        move_shapes.unsqueeze,
        ("unsqueeze([1, 2], 1)", "[[1], [2]]"),
        aliases=("expand_dims",),
        samples=("unsqueeze(randn(2, 3), -1)", "unsqueeze(randn(2, 3), -3)", "unsqueeze(5, 0)"),
    ),
    Op(
        "expand",
        "x, *sizes: shape",
        "Dimensions of 1 repeated to new sizes; -1 keeps a size.",
        move_shapes.expand,
        moves.broadcast,
        lambda torch, x, sizes: x.expand(sizes),
        kind="array",
        casting="own",
        aliases=("broadcast_to",),
        examples=(("expand([[1], [2]], 2, 3)", "[[1, 1, 1], [2, 2, 2]]"),),
        vjp=("g",),
        identity_operand=_same,
        samples=("expand(randn(3, 1), (2, -1, 4))", "expand(5, (2, 2))"),
        is_move=True,
        is_view=True,
    ),
    Op(
        "repeat",
        "x, *repeats: shape",
        "The tensor repeated a number of times along each dimension.",
        move_shapes.repeat,
        moves.repeat,
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
        is_move=True,
    ),
    Op(
        "roll",
        "x, shifts: dims, dims: dims = None",
        "The elements shifted along dimensions; those shifted past the end come first.",
        move_shapes.roll,
        moves.roll,
        lambda torch, x, shifts, dims: torch.roll(x, shifts, () if dims is None else dims),
        kind="array",
        casting="own",
        examples=(("roll([1, 2, 3], 1)", "[3, 1, 2]"),),
        vjp=lambda operands, params: (
            f"roll(g, ({', '.join(str(-s) for s in params[0])},), dims)",
        ),
        step=("{g} rolled back",),
        samples=("roll(randn(2, 3), 1)", "roll(randn(2, 3, 4), (1, -5), (0, -1))"),
        is_move=True,
    ),
    Op(
        "pad",
        'x, pad: dims, mode: text = "constant", value: number = 0',
        "x with a value around it: counts before and after, from the last dimension on.",
        move_shapes.pad,
        moves.pad,
        kind="array",
        casting="own",
        examples=(("pad([1, 2], (1, 2))", "[0, 1, 2, 0, 0]"),),
        vjp=lambda operands, params: (
            (f"pad(g, ({', '.join(str(-c) for c in params[0])},))",) if params[0] else ("g",)
        ),
        step=("{g} without what is around {0}",),
        access="internal",
        samples=(
            "pad(randn(2, 3), (1, 0, 2, 1), value=7)",
            "pad(randn(2, 3), (-1, 1))",
            "pad(randn(2, 3, 4), (0, 0, 1, -1))",
        ),
    ),
    *(
        Op(
            name,
            "x, diagonal: dim = 0",
            f"The elements on and {side} a diagonal of a matrix, 0 elsewhere.",
            move_shapes.triangle,
            moves.triangle(name == "tril"),
            kind="array",
            casting="own",
            examples=((f"{name}([[1, 2], [3, 4]])", value),),
            vjp=(f"{name}(g, diagonal)",),
            step=(f"{{g}} on and {side} the diagonal, 0 elsewhere",),
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
        move_shapes.diag,
        moves.diag,
        kind="array",
        casting="own",
        examples=(
            ("diag([[1, 2], [3, 4]])", "[1, 4]"),
            ("diag([1, 2])", "[[1, 0], [0, 2]]"),
        ),
        vjp=_diag_vjp,
        step=("{g} at the elements of the diagonal, 0 elsewhere",),
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
        move_shapes.unfold,
        moves.unfold,
        lambda torch, x, dim, size, step: x.unfold(dim, size, step),
        kind="array",
        casting="own",
        examples=(("unfold([1, 2, 3, 4], 0, 2, 1)", "[[1, 2], [2, 3], [3, 4]]"),),
        vjp=_unfold_vjp,
        samples=("unfold(randn(2, 7, 3), 1, 3, 2)", "unfold(randn(2, 7), -1, 7, 1)"),
        step=("{g} summed over the windows that hold an element",),
        is_move=True,
    ),
    Op(
        "refold",
        "x, shape: shape, dimension: dim, size: size, step: size",
        "The gradient of `unfold`: every window's elements added where they were taken.",
        move_shapes.to_shape,
        moves.refold,
        kind="array",
        vjp=("unfold(g, dimension, size, step)",),
        access="internal",
    ),
)
