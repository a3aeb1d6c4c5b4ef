"""Rows of the operations on whole tensors: reductions, products, shapes, and makers."""

from __future__ import annotations

import math
from typing import Any

from graphcalc.ops import arrays, random, shapes, torch_kernels
from graphcalc.ops.spec import Op, Problem, Type

_REDUCE = "x, dim: dims = None, keepdim: flag = False"


def _reduction(name: str, doc: str, kernel: Any, example: tuple[str, str], **row: Any) -> Op:
    rule = row.pop("type", shapes.reduction)
    return Op(name, _REDUCE, doc, rule, kernel, kind="reduction", examples=(example,), **row)


REDUCTIONS = (
    _reduction(
        "sum",
        "The sum of the elements.",
        arrays.sum_,
        ("sum([1, 2, 3])", "6"),
        torch=lambda torch, x, dim, keepdim: torch.sum(
            x, torch_kernels.over(torch, x, dim), keepdim
        ),
    ),
    _reduction(
        "prod",
        "The product of the elements.",
        arrays.prod,
        ("prod([2, 3, 4])", "24"),
        torch=torch_kernels.prod,
    ),
    _reduction(
        "mean",
        "The sum of the elements over their number.",
        arrays.mean,
        ("mean([1, 2, 6])", "3"),
        torch=lambda torch, x, dim, keepdim: torch.mean(
            x, torch_kernels.over(torch, x, dim), keepdim
        ),
    ),
    _reduction(
        "max",
        "The largest element; of two tensors, the larger of each pair.",
        arrays.amax,
        ("max([1, 3, 2])", "3"),
        torch=torch_kernels.over_dims("amax"),
        type=shapes.extremum,
        operands="own",
        pair="maximum",
        aliases=("amax",),
    ),
    _reduction(
        "min",
        "The smallest element; of two tensors, the smaller of each pair.",
        arrays.amin,
        ("min([3, 1, 2])", "1"),
        torch=torch_kernels.over_dims("amin"),
        type=shapes.extremum,
        operands="own",
        pair="minimum",
        aliases=("amin",),
    ),
    _reduction(
        "all",
        "Whether every element is not 0.",
        arrays.all_,
        ("all([1, 2, 0])", "false"),
        torch=torch_kernels.over_dims("all"),
        type=shapes.quantifier,
        operands="own",
    ),
    _reduction(
        "any",
        "Whether some element is not 0.",
        arrays.any_,
        ("any([0, 0, 3])", "true"),
        torch=torch_kernels.over_dims("any"),
        type=shapes.quantifier,
        operands="own",
    ),
)


def _stepped(dtype: str, operands: tuple[Type, ...], params: tuple[Any, ...]) -> Type:
    start, end, step = params
    start, end = (0.0, start) if end is None else (start, end)
    if step == 0 or not all(map(math.isfinite, (start, end, step))):
        raise Problem("call", "`arange` wants finite numbers and a step that is not 0")
    count = (end - start) / step
    if count >= 2.0**62:
        raise Problem("limit", f"`arange` would have {count:g} elements")
    return Type((max(0, math.ceil(count)),), dtype)


def _arange(out: Type, start: float, end: float | None, step: float) -> list[float]:
    return arrays.arange(out, 0.0 if end is None else start, step)


ARRAYS = (
    Op(
        "matmul",
        "x, y",
        "The matrix product x @ y; 1-d operands are vectors, more dimensions are batches.",
        shapes.matmul,
        arrays.matmul,
        kind="array",
        symbol="@",
        examples=(("[[1, 2], [3, 4]] @ [1, 1]", "[3, 7]"),),
    ),
    Op(
        "T",
        "x",
        "The dimensions in reverse order; of a matrix, its transpose.",
        shapes.reverse_dims,
        arrays.reverse_dims,
        lambda torch, x: x.permute(tuple(range(x.dim() - 1, -1, -1))),
        kind="array",
        operands="own",
        text="{0}.T",
        examples=(("[[1, 2], [3, 4]].T", "[[1, 3], [2, 4]]"),),
    ),
    Op(
        "reshape",
        "x, *shape: shape",
        "The same elements in another shape; one size may be -1.",
        shapes.reshape,
        arrays.reshape,
        lambda torch, x, sizes: torch.reshape(x, sizes),
        kind="array",
        operands="own",
        aliases=("view",),
        examples=(("reshape([1, 2, 3, 4], 2, 2)", "[[1, 2], [3, 4]]"),),
    ),
    Op(
        "index",
        "x, *items: items",
        "The elements that indices and slices choose: x[i, 1:3].",
        shapes.index,
        arrays.index,
        torch_kernels.index,
        kind="array",
        operands="own",
        text="{0}[{written}]",
        examples=(("[1, 2, 3][1:]", "[2, 3]"),),
    ),
    Op(
        "tensor",
        "*x",
        "A tensor of its operands along a new first dimension: [x, y, …].",
        shapes.stack,
        arrays.stack,
        lambda torch, *x: torch.stack(x),
        kind="array",
        text="[{all}]",
        examples=(("[1, 1 + 1]", "[1, 2]"),),
    ),
)

MAKING = (
    Op(
        "zeros",
        "*shape: shape",
        "All 0.",
        shapes.sized,
        arrays.zeros,
        lambda torch, out, sizes: torch.zeros(sizes, dtype=out.dtype, device=out.device),
        kind="making",
        examples=(("zeros(3)", "[0, 0, 0]"),),
    ),
    Op(
        "ones",
        "*shape: shape",
        "All 1.",
        shapes.sized,
        arrays.ones,
        lambda torch, out, sizes: torch.ones(sizes, dtype=out.dtype, device=out.device),
        kind="making",
        examples=(("ones(3)", "[1, 1, 1]"),),
    ),
    Op(
        "full",
        "shape: shape, value",
        "All the one value.",
        shapes.filled,
        arrays.full,
        lambda torch, out, value, sizes: value.expand(sizes).contiguous(),
        kind="making",
        examples=(("full((2,), 7)", "[7, 7]"),),
    ),
    Op(
        "eye",
        "n: size, m: size = None",
        "1 on the diagonal of an n by m matrix, 0 elsewhere.",
        shapes.square,
        arrays.eye,
        lambda torch, out, n, m: torch.eye(*out.shape, dtype=out.dtype, device=out.device),
        kind="making",
        examples=(("eye(2)", "[[1, 0], [0, 1]]"),),
    ),
    Op(
        "arange",
        "start: number, end: number = None, step: number = 1",
        "start, start+step, … below end; from 0 where only the end is given.",
        _stepped,
        _arange,
        torch_kernels.arange,
        kind="making",
        examples=(("arange(3)", "[0, 1, 2]"), ("arange(1, 2, 0.5)", "[1, 1.5]")),
    ),
    Op(
        "linspace",
        "start: number, end: number, steps: size",
        "`steps` evenly spaced numbers, both ends included.",
        lambda dtype, operands, params: shapes.sized(dtype, (), ((params[2],),)),
        arrays.linspace,
        torch_kernels.linspace,
        kind="making",
        examples=(("linspace(0, 1, 3)", "[0, 0.5, 1]"),),
    ),
    Op(
        "rand",
        "*shape: shape, key: key",
        "Random numbers, uniform in [0, 1).",
        shapes.sized,
        lambda out, sizes, key: random.uniform(key, out.numel),
        lambda torch, out, sizes, key: torch_kernels.uniform(torch, out, key),
        kind="random",
        examples=(("rand(2, 0)", "[[], []]"),),
    ),
    Op(
        "randn",
        "*shape: shape, key: key",
        "Random numbers of the standard normal distribution.",
        shapes.sized,
        lambda out, sizes, key: random.normal(key, out.numel),
        lambda torch, out, sizes, key: torch_kernels.normal(torch, out, key),
        kind="random",
        examples=(("randn(2, 0)", "[[], []]"),),
    ),
)


def _constant(out: Type, type: Type, data: tuple[Any, ...]) -> list[Any]:
    return list(data)


LEAVES = (
    Op(
        "const",
        "type: type, data: data",
        "A number, or a tensor of numbers.",
        shapes.leaf,
        _constant,
        torch_kernels.constant,
        kind="leaf",
    ),
    Op(
        "input",
        "type: type, name: name",
        "A value from outside.",
        shapes.leaf,
        _constant,
        kind="leaf",
        text=" ",
    ),
    Op(
        "alias",
        "x",
        "Another name for a node.",
        shapes.same,
        lambda out, x: x.data,
        lambda torch, x: x,
        kind="leaf",
        operands="own",
        text="{0}",
    ),
)
