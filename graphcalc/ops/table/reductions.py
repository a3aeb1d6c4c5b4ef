"""Rows of the reductions."""

from __future__ import annotations

from graphcalc.ops import causes, shapes
from graphcalc.ops.kernels import reductions
from graphcalc.ops.spec import (
    HALVES,
    NONE,
    Field,
    Gradients,
    Op,
    Operands,
    Params,
    PythonKernel,
)

_REDUCE = "x, dim: reduced = None, keepdim: flag = False"
# torch's all and any take no dimension as none.
_QUANTIFY = "x, dim: dims = None, keepdim: flag = False"
_MATRIX = "[[1, 5, 3], [4, 2, 6]]"


def _reduction(
    name: str, doc: str, kernel: PythonKernel, example: tuple[str, str], **row: Field
) -> Op:
    rule = row.pop("type", shapes.reduction)
    signature = _QUANTIFY if rule is shapes.quantifier else _REDUCE
    return Op(name, signature, doc, rule, kernel, kind="reduction", examples=(example,), **row)


def _even(operands: Operands, params: Params) -> tuple[str, ...]:
    """Equal extremes share the gradient, as torch's amax has it."""
    return ("_shared(_unreduced(g, x, dim), x == _unreduced(out, x, dim), dim)",)


def _first(index: str) -> Gradients:
    """Along one dimension the gradient goes to the element chosen, otherwise it is shared."""

    def vjp(operands: Operands, params: Params) -> tuple[str, ...]:
        dims = params[0]
        if dims is None or len(dims) != 1 or not operands[0].shape:
            return _even(operands, params)
        chosen = index.format(dim=dims[0])
        return (f"scatter_add(full_like(x, 0), {dims[0]}, {chosen}, _unreduced(g, x, {dims[0]}))",)

    return vjp


def _prod_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
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


REDUCTIONS = (
    _reduction(
        "sum",
        "The sum of the elements.",
        reductions.sum_,
        ("sum([1, 2, 3])", "6"),
        causes=causes.SUM,
        tile_reduction="sum",
        vjp=("_spread(g, x, dim)",),
        step=("{g} at every element of the sum",),
        differs="bool and integers add up as floating point; torch gives int64.",
        row_total="sum",
        python_op="add",
    ),
    _reduction(
        "prod",
        "The product of the elements.",
        reductions.prod,
        ("prod([2, 3, 4])", "24"),
        causes=causes.PRODUCTS,
        vjp=_prod_vjp,
        wide_gradients=HALVES,
        differs="takes several dimensions at once, where torch takes one.",
        row_total="prod",
        step=("{g} times the product of the other elements",),
    ),
    _reduction(
        "mean",
        "The sum of the elements over their number.",
        reductions.mean,
        ("mean([1, 2, 6])", "3"),
        causes=causes.MEAN,
        tile_reduction="mean",
        vjp=("_spread(g / numel(x, dim), x, dim)",),
        step=("{g} over the number of elements, at every element",),
        row_total="mean",
    ),
    *(
        _reduction(
            name,
            f"The {adjective} element; of two tensors, the {comparative} of each pair.",
            getattr(reductions, f"a{name}"),
            (f"{name}([2, 3, 1])", value),
            torch=f"a{name}",
            type=shapes.extremum,
            casting="own",
            two_tensor_op=f"{name}imum",
            python_op=f"{name}imum",
            position_op=f"arg{name}",
            tile_reduction=name,
            row_total=name,
            latex=rf"\{name}",
            vjp=_first(f"arg{name}(x, {{dim}}, True)"),
            step=(f"{{g}} at the {adjective} element, 0 elsewhere",),
            differs="the values alone; torch's pair with a dimension is `.values` and `.indices`, "
            f"`(…)[0]` and `(…)[1]`, or `v, i = …`. Of a scalar, `{name}(x, 0)` is of two numbers.",
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
            getattr(reductions, f"a{name}"),
            (f"a{name}([2, 3, 1])", value),
            type=shapes.extremum,
            casting="own",
            tile_reduction=name,
            row_total=name,
            vjp=_even,
            step=(f"{{g}} at the {adjective} element, in parts where several are, 0 elsewhere",),
        )
        for name, adjective, value in (("max", "largest", "3"), ("min", "smallest", "1"))
    ),
    *(
        _reduction(
            name,
            doc,
            getattr(reductions, name),
            example,
            type=shapes.extremum,
            casting="own",
            vjp=_first("argmax((x == _unreduced(out, x, {dim})).float(), {dim}, True)"),
            step=("{g} at the middle element, 0 elsewhere",),
            position_op=f"arg{name}",
            differs="over any dimensions; `np.median` is the mean of the two. Over one dimension "
            "torch's pair is `.values` and `.indices`, `(…)[0]` and `(…)[1]`, or `v, i = …`. Of "
            "equal elements the index is that of the first.",
        )
        for name, doc, example in (
            (
                "median",
                "The middle element; of an even number, the lower of the two.",
                ("median([4, 1, 3, 2])", "2"),
            ),
            (
                "nanmedian",
                "The middle one of the elements that are not NaN; of an even number, the lower.",
                ("nanmedian([4, 1, nan, 3, 2])", "2"),
            ),
        )
    ),
    _reduction(
        "count_nonzero",
        "How many elements are not 0.",
        reductions.count_nonzero,
        ("count_nonzero([0, 3, -1])", "(2).long()"),
        type=shapes.count,
        casting="own",
        vjp=(NONE,),
        row_total="count",
        differs="has `keepdim`, as np.count_nonzero.",
    ),
    _reduction(
        "all",
        "Whether every element is not 0.",
        reductions.all_,
        ("all([1, 2, 0])", "false"),
        type=shapes.quantifier,
        casting="own",
        vjp=(NONE,),
        row_total="all",
    ),
    _reduction(
        "any",
        "Whether some element is not 0.",
        reductions.any_,
        ("any([0, 0, 3])", "true"),
        type=shapes.quantifier,
        casting="own",
        vjp=(NONE,),
        row_total="any",
    ),
    *(
        Op(
            f"arg{name}",
            "x, dim: dim = None, keepdim: flag = False",
            f"The index of the {adjective} element, the first of several; "
            "without a dimension that in the flattened tensor.",
            shapes.position,
            getattr(reductions, f"arg{name}"),
            kind="reduction",
            casting="own",
            row_total=f"arg{name}",
            examples=((f"arg{name}({_MATRIX}, dim=1)", f"{indices}.long()"), *more),
            vjp=(NONE,),
        )
        for name, adjective, indices, more in (
            ("max", "largest", "[1, 2]", (("[5, 6, 7][argmax([1, 3, 2])]", "6"),)),
            ("min", "smallest", "[0, 1]", ()),
        )
    ),
    *(
        Op(
            f"arg{name}",
            "x, dim: dim = None, keepdim: flag = False",
            f"The index of the {name}, the first of several.",
            shapes.position,
            getattr(reductions, f"arg{name}"),
            kind="reduction",
            access="internal",
            casting="own",
            vjp=(NONE,),
        )
        for name in ("median", "nanmedian")
    ),
)
