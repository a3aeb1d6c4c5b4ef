"""Rows of the operations on whole tensors: reductions, products, and makers."""

from __future__ import annotations

import math
from typing import Any

from graphcalc.ops import causes, shapes
from graphcalc.ops.kernels import arrays, convolution, einsum, random
from graphcalc.ops.kernels import torch as torch_kernels
from graphcalc.ops.sizes import Size, ceil_div
from graphcalc.ops.spec import NONE, ZERO, Op, Problem, Type

_REDUCE = "x, dim: dims = None, keepdim: flag = False"
_MATRIX = "[[1, 5, 3], [4, 2, 6]]"


def _reduction(name: str, doc: str, kernel: Any, example: tuple[str, str], **row: Any) -> Op:
    rule = row.pop("type", shapes.reduction)
    return Op(name, _REDUCE, doc, rule, kernel, kind="reduction", examples=(example,), **row)


def _even(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
    """Equal extremes share the gradient, as torch's amax has it."""
    return ("_shared(_unreduced(g, x, dim), x == _unreduced(out, x, dim), dim)",)


def _first(place: str) -> Any:
    """Along one dimension the gradient goes to the element chosen, otherwise it is shared."""

    def vjp(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
        dims = params[0]
        if dims is None or len(dims) != 1 or not operands[0].shape:
            return _even(operands, params)
        at = place.format(dim=dims[0])
        return (f"scatter_add(full_like(x, 0), {dims[0]}, {at}, _unreduced(g, x, {dims[0]}))",)

    return vjp


def _prod_vjp(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
    """g times the product of the others, which is right for zeros too, and to any order.

    The dimensions gone over are brought together as the last one.
    """
    shape = operands[0].shape
    if not shape:
        return ("g",)
    if operands[0].numel == 0:
        return ("full_like(x, 0)",)
    over = shapes.dimensions(params[0], len(shape))
    order = [*(i for i in range(len(shape)) if i not in over), *over]
    back = sorted(range(len(shape)), key=order.__getitem__)
    moved = ", ".join(str(shape[i]) for i in order)
    kept = "".join(f"{shape[i]}, " for i in order[: len(shape) - len(over)])
    count = "*".join(str(shape[i]) for i in over)
    rows = f"reshape(permute(x, ({', '.join(map(str, order))},)), ({kept}{count}))"
    others = f"permute(reshape(_others({rows}), ({moved},)), ({', '.join(map(str, back))},))"
    return (f"_unreduced(g, x, dim) * {others}",)


def _cumprod_vjp(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
    if not operands[0].shape or operands[0].numel == 0:
        return ("g",)
    return ("movedim(_cumprod_gradient(movedim(g, dim, -1), movedim(x, dim, -1)), -1, dim)",)


def _recur_vjp(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
    if operands[0].numel == 0:
        return ("g", "g")
    return ("_recur_back(g, x) * pad(out, (1, -1))", "_recur_back(g, x)")


def _countable(torch: Any, x: Any) -> Any:
    """x with bool as integers: torch does not order bool."""
    return x.to(torch.uint8) if x.dtype == torch.bool else x


def _torch_median(torch: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    if not x.dim():
        return x
    return torch_kernels.median(torch, _countable(torch, x), dim, keepdim).to(x.dtype)


REDUCTIONS = (
    _reduction(
        "sum",
        "The sum of the elements.",
        arrays.sum_,
        ("sum([1, 2, 3])", "6"),
        torch=lambda torch, x, dim, keepdim: torch.sum(
            x, torch_kernels.over(torch, x, dim), keepdim
        ),
        causes=causes.SUM,
        tile_reduction="sum",
        vjp=("_spread(g, x, dim)",),
        differs="bool and integers add up as floating point; torch gives int64.",
    ),
    _reduction(
        "prod",
        "The product of the elements.",
        arrays.prod,
        ("prod([2, 3, 4])", "24"),
        torch=torch_kernels.prod,
        causes=causes.PRODUCTS,
        vjp=_prod_vjp,
        differs="takes several dimensions at once, where torch takes one.",
    ),
    _reduction(
        "mean",
        "The sum of the elements over their number.",
        arrays.mean,
        ("mean([1, 2, 6])", "3"),
        torch=lambda torch, x, dim, keepdim: torch.mean(
            x, torch_kernels.over(torch, x, dim), keepdim
        ),
        causes=causes.MEAN,
        tile_reduction="mean",
        vjp=("_spread(g / numel(x, dim), x, dim)",),
    ),
    *(
        _reduction(
            name,
            f"The {adjective} element; of two tensors, the {comparative} of each pair.",
            getattr(arrays, f"a{name}"),
            (f"{name}([2, 3, 1])", value),
            torch=torch_kernels.over_dims(f"a{name}"),
            type=shapes.extremum,
            casting="own",
            two_tensor_op=f"{name}imum",
            tile_reduction=name,
            vjp=_first(f"arg{name}(x, {{dim}}, True)"),
            differs="the values alone; torch's pair with a dimension is `.values` and `.indices`, "
            "`(…)[0]` and `(…)[1]`, or `v, i = …`.",
        )
        for name, adjective, comparative, value in (
            ("max", "largest", "larger", "3"),
            ("min", "smallest", "smaller", "1"),
        )
    ),
    *(
        _reduction(
            f"a{name}",
            f"The {adjective} element; where several are equal, they share the gradient.",
            getattr(arrays, f"a{name}"),
            (f"a{name}([2, 3, 1])", value),
            torch=torch_kernels.over_dims(f"a{name}"),
            type=shapes.extremum,
            casting="own",
            tile_reduction=name,
            vjp=_even,
        )
        for name, adjective, value in (("max", "largest", "3"), ("min", "smallest", "1"))
    ),
    _reduction(
        "median",
        "The middle element; of an even number, the lower of the two.",
        arrays.median,
        ("median([4, 1, 3, 2])", "2"),
        torch=_torch_median,
        type=shapes.extremum,
        casting="own",
        vjp=_first("argmax((x == _unreduced(out, x, {dim})).float(), {dim}, True)"),
        differs="the values alone, over any dimensions; `np.median` is the mean of the two.",
    ),
    _reduction(
        "all",
        "Whether every element is not 0.",
        arrays.all_,
        ("all([1, 2, 0])", "false"),
        torch=torch_kernels.over_dims("all"),
        type=shapes.quantifier,
        casting="own",
        vjp=(NONE,),
    ),
    _reduction(
        "any",
        "Whether some element is not 0.",
        arrays.any_,
        ("any([0, 0, 3])", "true"),
        torch=torch_kernels.over_dims("any"),
        type=shapes.quantifier,
        casting="own",
        vjp=(NONE,),
    ),
    *(
        Op(
            f"arg{name}",
            "x, dim: dim = None, keepdim: flag = False",
            f"The place of the {adjective} element, the first of several; "
            "counted through the whole tensor without a dimension.",
            shapes.place,
            getattr(arrays, f"arg{name}"),
            lambda torch, x, dim, keepdim, name=f"arg{name}": getattr(torch, name)(
                _countable(torch, x), dim, keepdim
            ),
            kind="reduction",
            casting="own",
            examples=((f"arg{name}({_MATRIX}, dim=1)", f"{places}.long()"), *more),
            vjp=(NONE,),
        )
        for name, adjective, places, more in (
            ("max", "largest", "[1, 2]", (("[5, 6, 7][argmax([1, 3, 2])]", "6"),)),
            ("min", "smallest", "[0, 1]", ()),
        )
    ),
)


def _stepped(dtype: str, operands: tuple[Type, ...], params: tuple[Any, ...]) -> Type:
    start, end, step = params
    start, end = (0.0, start) if end is None else (start, end)
    if Size in map(type, (start, end, step)):
        if type(step) is Size or step != int(step) or step <= 0:
            raise Problem("call", "`arange` of a symbolic size wants a whole step above 0")
        whole = (n if type(n) is Size else int(n) for n in (end, start))
        return Type((ceil_div(next(whole) - next(whole), int(step)),), dtype)
    if step == 0 or not all(map(math.isfinite, (start, end, step))):
        raise Problem("call", "`arange` wants finite numbers and a step that is not 0")
    count = (end - start) / step
    if count >= 2.0**62:
        raise Problem("limit", f"`arange` would have {count:g} elements")
    return Type((max(0, math.ceil(count)),), dtype)


def _arange(out: Type, start: float, end: float | None, step: float) -> list[float]:
    return arrays.arange(out, 0.0 if end is None else start, step)


def _matmul_vjp(operands: tuple[Type, ...], params: tuple[Any, ...]) -> tuple[str, ...]:
    """Of vectors the missing dimension is put in first, and taken out again."""
    x, y = (min(len(t.shape), 2) for t in operands)
    return {
        (1, 1): ("g * y", "g * x"),
        (2, 1): ("g[..., None] * y", "(transpose(x) @ g[..., None])[..., 0]"),
        (1, 2): ("(y @ g[..., None])[..., 0]", "x[:, None] * g[..., None, :]"),
        (2, 2): ("g @ transpose(y)", "transpose(x) @ g"),
    }[x, y]


PRODUCTS = (
    Op(
        "matmul",
        "x, y",
        "The matrix product x @ y; 1-d operands are vectors, more dimensions are batches.",
        shapes.matmul,
        arrays.matmul,
        kind="array",
        symbol="@",
        aliases=("mm", "bmm"),
        examples=(("[[1, 2], [3, 4]] @ [1, 1]", "[3, 7]"),),
        causes=causes.PRODUCTS,
        vjp=_matmul_vjp,
        cost=lambda operands, out, params: 2 * out.numel * operands[0].shape[-1],
        differs="mm and bmm are the same function, and take operands of any dimensions.",
        samples=(
            "matmul(randn(3), randn(3))",
            "matmul(randn(2, 3), randn(3))",
            "matmul(randn(3), randn(3, 4))",
            "matmul(randn(2, 3), randn(3, 4))",
            "matmul(randn(5, 2, 3), randn(3))",
            "matmul(randn(3), randn(5, 3, 2))",
            "matmul(randn(5, 1, 2, 3), randn(4, 3, 2))",
            "matmul(randn(2, 0), randn(0, 3))",
            "matmul(randn(0, 3), randn(3, 2))",
            "mm(randn(2, 3), randn(3, 4))",
            "bmm(randn(5, 2, 3), randn(5, 3, 4))",
        ),
    ),
    Op(
        "einsum",
        "equation: text, *x",
        'Sums of products by letters: `einsum("ij,jk->ik", a, b)` is a @ b.',
        einsum.einsum_type,
        einsum.einsum,
        einsum.einsum_torch,
        kind="array",
        examples=(
            ('einsum("ij,jk->ik", [[1, 2], [3, 4]], [[1], [1]])', "[[3], [7]]"),
            ('einsum("ii", [[1, 2], [3, 4]])', "5"),
        ),
        causes=causes.PRODUCTS,
        vjp=einsum.einsum_vjp,
        cost=lambda operands, out, params: einsum.einsum_cost(operands, params),
        samples=(
            'einsum("bij,bjk->bik", randn(2, 3, 4), randn(2, 4, 5))',
            'einsum("...i,i->...", randn(2, 3, 4), randn(4))',
            'einsum("ii->i", randn(3, 3))',
            'einsum("i,j,k->ijk", randn(2), randn(3), randn(4))',
            'einsum("ij->ji", randn(2, 3))',
            'einsum("bqhd,bkhd->bhqk", randn(2, 3, 2, 4), randn(2, 5, 2, 4))',
        ),
    ),
    Op(
        "conv",
        "x, weight, stride: shape = 1, padding: padding = 0, dilation: shape = 1, groups: size = 1",
        "The cross-correlation of x with the kernels of weight.",
        convolution.conv_type,
        convolution.conv,
        convolution.conv_torch,
        kind="array",
        examples=(("conv1d([[1, 2, 3]], [[[1, 1]]])", "[[3, 5]]"),),
        causes=causes.PRODUCTS,
        vjp=convolution.CONV_VJP,
        cost=lambda operands, out, params: convolution.conv_cost(operands, params),
    ),
    Op(
        "conv_input",
        "y, weight, shape: shape, stride: shape = 1, padding: padding = 0, dilation: shape = 1, "
        "groups: size = 1",
        "The gradient of a convolution's input.",
        convolution.conv_input_type,
        convolution.conv_input,
        convolution.conv_input_torch,
        kind="array",
        causes=causes.PRODUCTS,
        vjp=convolution.CONV_INPUT_VJP,
        cost=lambda operands, out, params: convolution.conv_input_cost(operands, params),
    ),
    Op(
        "conv_weight",
        "y, x, shape: shape, stride: shape = 1, padding: padding = 0, dilation: shape = 1, "
        "groups: size = 1",
        "The gradient of a convolution's weight.",
        convolution.conv_weight_type,
        convolution.conv_weight,
        convolution.conv_weight_torch,
        kind="array",
        causes=causes.PRODUCTS,
        vjp=convolution.CONV_WEIGHT_VJP,
        cost=lambda operands, out, params: convolution.conv_weight_cost(operands, params),
    ),
    Op(
        "recur",
        "x, y",
        "Along the last dimension each element is x times the one before, plus y.",
        shapes.arithmetic,
        arrays.recur,
        torch_kernels.recur,
        kind="array",
        vjp=_recur_vjp,
        cost=lambda operands, out, params: 2 * out.numel,
        tolerance=2,
    ),
    *(
        Op(
            name,
            "x, dim: dim",
            doc,
            shapes.scan,
            getattr(arrays, name),
            kind="array",
            examples=((f"{name}([1, 2, 3], 0)", value),),
            causes=causes.SUM if name == "cumsum" else causes.PRODUCTS,
            vjp=vjp,
            cost=lambda operands, out, params: out.numel,
        )
        for name, doc, value, vjp in (
            (
                "cumsum",
                "The sums of the elements so far, along a dimension.",
                "[1, 3, 6]",
                ("flip(cumsum(flip(g, dim), dim), dim)",),
            ),
            (
                "cumprod",
                "The products of the elements so far, along a dimension.",
                "[1, 2, 6]",
                _cumprod_vjp,
            ),
        )
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
        vjp=("sum(g)",),
    ),
    Op(
        "full_like",
        "x, value",
        "All the one value, in the shape of x.",
        shapes.like,
        lambda out, x, value: value.data * out.numel,
        lambda torch, out, x, value: value.to(out.dtype).expand(out.shape).contiguous(),
        kind="making",
        examples=(("full_like([1, 2], 7)", "[7, 7]"),),
        vjp=(ZERO, "sum(g)"),
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


RANDINT = Op(
    "randint",
    "low: number, high: number, shape: shape, key: key",
    "Random whole numbers from low up to, not including, high.",
    shapes.integers,
    lambda out, low, high, shape, key: [
        int(u * (high - low) // 1 + low) for u in random.uniform(key, out.numel)
    ],
    torch_kernels.integers,
    kind="random",
    examples=(("randint(0, 1, (3,))", "[0, 0, 0].long()"),),
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
        casting="own",
        text="{0}",
        vjp=("g",),
    ),
)
