"""Rows of the operations that choose elements by number or join tensors, and of the casts."""

from __future__ import annotations

from graphcalc.ops import move_shapes, shapes
from graphcalc.ops.kernels import arrays, indexing, moves
from graphcalc.ops.spec import (
    NONE,
    ZERO,
    Op,
    Operands,
    Params,
    Tensor,
    Torch,
)


def _cat_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    found, start = [], "0"
    for i, operand in enumerate(operands):
        if operand.shape == move_shapes.NO_ELEMENTS:
            found.append(f"full_like(tensors{i}, 0)")
            continue
        found.append(f"narrow(g, dim, {start}, tensors{i}.size(dim))")
        start += f" + tensors{i}.size(dim)"
    return tuple(found)


def _index_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    chosen = [f"index{i}" for i in range(len(operands) - 1)]
    return (f"unindex(g, x.shape, items, [{', '.join(chosen)}])", *[NONE] * len(chosen))


def _unindex_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    chosen = [f"index{i}" for i in range(len(operands) - 1)]
    return (f"index(g, items, [{', '.join(chosen)}])", *[NONE] * len(chosen))


def _index_put_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    chosen = ", ".join(f"index{i}" for i in range(len(operands) - 2))
    return (
        f"index_put(g, full_like(source, 0), items, [{chosen}])",
        f"index(g, items, [{chosen}])",
        *[NONE] * (len(operands) - 2),
    )


def _torch_int(torch: Torch, x: Tensor) -> Tensor:
    """`arrays.to_int` on torch, where numbers out of reach are whatever the machine makes."""
    if not x.is_floating_point():
        return x.to(torch.int64)
    wide = x if x.element_size() > 2 else x.to(torch.float32)
    is_large = wide.abs() >= 2.0**63
    limits = torch.where(wide > 0, 2**63 - 1, -(2**63))
    return torch.where(is_large, limits, torch.where(wide.abs() < 2.0**63, wide, 0).to(torch.int64))


INDEXING = (
    Op(
        "index",
        "x, items: items, index: tensors",
        "The elements that indices, slices and tensors of whole numbers choose: x[i, 1:3].",
        move_shapes.index,
        indexing.index,
        indexing.torch_index,
        kind="array",
        casting="own",
        text="{0}[{items}]",
        examples=(("[1, 2, 3][1:]", "[2, 3]"), ("[5, 6, 7][[2, 0]]", "[7, 5]")),
        vjp=_index_vjp,
        differs="a step may be negative, as in NumPy; a mask may not choose, as the result's shape "
        "would depend on data.",
        step=("{g} at {text}, 0 elsewhere",),
        is_move=True,
        is_view=True,
        access="syntax",
    ),
    Op(
        "unindex",
        "x, shape: shape, items: items, index: tensors",
        "The gradient of an index: zeros, with x added where it was taken.",
        move_shapes.to_shape,
        indexing.unindex,
        indexing.torch_unindex,
        kind="array",
        vjp=_unindex_vjp,
        access="internal",
    ),
    Op(
        "index_put",
        "x, source, items: items, index: tensors",
        "x with the elements of source at an index: what `x[i, 1:3] = source` makes of x.",
        shapes.same,
        indexing.index_put,
        indexing.torch_index_put,
        kind="array",
        casting="own",
        text="{0} with [{items}] = {1}",
        vjp=_index_put_vjp,
        step=("{g}, 0 where {1} is written", "{g} where {1} is written"),
        access="internal",
    ),
    Op(
        "tensor",
        "*x",
        "A tensor of its operands along a new first dimension: [x, y, …].",
        move_shapes.stack,
        moves.stack,
        lambda torch, *x: torch.stack(x),
        kind="array",
        text="[{all}]",
        examples=(("[1, 1 + 1]", "[1, 2]"),),
        vjp=lambda operands, params: tuple(f"g[{i}]" for i in range(len(operands))),
        access="syntax",
    ),
    Op(
        "cat",
        "tensors: tensors, dim: dim = 0",
        "Tensors one after another along a dimension.",
        move_shapes.cat,
        moves.cat,
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
        move_shapes.stacked,
        moves.stack_along,
        lambda torch, *x: torch.stack(x[:-1], x[-1]),
        kind="array",
        examples=(("stack([[1, 2], [3, 4]], dim=1)", "[[1, 3], [2, 4]]"),),
        vjp=lambda operands, params: tuple(f"select(g, dim, {i})" for i in range(len(operands))),
        samples=("stack([randn(2, 3), randn(2, 3)], dim=-1)", "stack([1, 2, 3])"),
    ),
    Op(
        "gather",
        "x, dim: dim, index: index",
        "Along a dimension, the element that each number of the index names.",
        move_shapes.gather,
        indexing.gather,
        indexing.torch_gather,
        kind="array",
        casting="own",
        examples=(("gather([[1, 2], [3, 4]], 1, [[0], [1]])", "[[1], [4]]"),),
        vjp=("scatter_add(full_like(x, 0), dim, index, g)", NONE),
        step=("{g} added up at the indices, 0 elsewhere",),
        samples=(
            "gather(randn(3, 4), 0, randint(0, 3, (2, 4)))",
            "gather(randn(3, 4, 2), -1, randint(0, 2, (3, 4, 5)))",
        ),
        is_move=True,
    ),
    Op(
        "scatter_add",
        "x, dim: dim, index: index, src",
        "x, with each element of src added at the position that the index names.",
        move_shapes.scatter,
        indexing.scatter_add,
        indexing.torch_scatter_add,
        kind="array",
        casting="own",
        access="internal",
        vjp=("g", NONE, "gather(g, dim, index)"),
    ),
    Op(
        "scatter",
        "x, dim: dim, index: index, src",
        "x, with each element of src in place of that at the position that the index names.",
        move_shapes.scatter,
        indexing.scatter,
        indexing.torch_scatter,
        kind="array",
        casting="own",
        access="internal",
        vjp=("scatter(g, dim, index, full_like(index, 0))", NONE, "gather(g, dim, index)"),
    ),
    Op(
        "masked_scatter",
        "x, mask, source",
        "x with the elements of source, in their order, where the mask is true.",
        move_shapes.masked_scatter,
        indexing.masked_scatter,
        indexing.torch_masked_scatter,
        kind="array",
        casting="own",
        examples=(("masked_scatter([0, 0, 0], [true, false, true], [5, 6])", "[5, 0, 6]"),),
        vjp=(
            "where(mask, 0, g)",
            NONE,
            "masked_take(g, mask & (full_like(g, 1) > 0), source.shape)",
        ),
        step=("{g} where the mask is false", "", "{g} where the mask is true, in order"),
        samples=("masked_scatter(randn(3, 4), randn(4) > 0, randn(20))",),
    ),
    Op(
        "masked_take",
        "x, mask, shape: shape",
        "The elements where the mask is true, in order, with zeros behind them.",
        move_shapes.masked_take,
        indexing.masked_take,
        indexing.torch_masked_take,
        kind="array",
        casting="own",
        access="internal",
        vjp=("masked_scatter(full_like(x, 0), mask, g)", NONE),
    ),
    Op(
        "one_hot",
        "x: index, num_classes: size = -1",
        "1 at the position that each number names, 0 elsewhere, in a new last dimension.",
        move_shapes.one_hot,
        indexing.one_hot,
        indexing.torch_one_hot,
        kind="array",
        casting="own",
        access="internal",
        vjp=(NONE,),
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
        step=("{text} is taken as a constant",),
        is_view=True,
        js="x=>x",
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
        access="internal",
        js="x=>+x",
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
        access="internal",
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
        access="internal",
    ),
)
