"""Rows of what orders elements, and of what finds one by its rank."""

from __future__ import annotations

from collections.abc import Callable

from graphcalc.ops import shapes
from graphcalc.ops.kernels import sorting
from graphcalc.ops.sizes import Number
from graphcalc.ops.spec import (
    NONE,
    Field,
    Gradients,
    Op,
    Operands,
    Params,
    Problem,
    Static,
    Tensor,
    Torch,
    Type,
    TypeRule,
    parameters,
)

_PAIR = "torch's pair is `.values` and `.indices`, `(…)[0]` and `(…)[1]`, or `v, i = …`."


def _one(dim: Static) -> int:
    """The one dimension that is named: a row of values has it in a tuple, one of positions bare."""
    found = dim[0] if isinstance(dim, tuple) and len(dim) == 1 else dim
    if type(found) is not int:
        raise Problem("shape", "one dimension is wanted here")
    return found


def _same(dtype: str, operands: Operands, params: Params) -> Type:
    """`sort(x, dim)`: x's own type."""
    (x,) = operands
    shapes.dimension(_one(params[0]), len(x.shape))
    return x


def _first_of(k: Number, x: Type, dim: int) -> None:
    size = x.shape[dim] if x.shape else 1
    if not (0 if x.shape else 1) <= k <= size:
        raise Problem("shape", f"there are no {k} elements along a dimension of {size}")


def _topk(dtype: str, operands: Operands, params: Params) -> Type:
    """`topk(x, k, dim)`: k elements along the dimension."""
    (x,) = operands
    dim = shapes.dimension(_one(params[1]), len(x.shape))
    _first_of(params[0], x, dim)
    return x._replace(shape=(*x.shape[:dim], params[0], *x.shape[dim + 1 :])) if x.shape else x


def _kthvalue(dtype: str, operands: Operands, params: Params) -> Type:
    """`kthvalue(x, k, dim, keepdim)`: one element along the dimension."""
    (x,) = operands
    k, dim, keepdim = params
    dim = shapes.dimension(_one(dim), len(x.shape))
    _first_of(k, x, dim)
    if k == 0:
        raise Problem("shape", "the first element is number 1, and k is 0")
    return x._replace(shape=shapes.reduced(x.shape, (dim,), keepdim))


def _mode(dtype: str, operands: Operands, params: Params) -> Type:
    """`mode(x, dim, keepdim)`: one element along the dimension."""
    (x,) = operands
    dim = shapes.dimension(_one(params[0]), len(x.shape))
    _first_of(1, x, dim)
    return x._replace(shape=shapes.reduced(x.shape, (dim,), params[1]))


def _vjp(name: str, names: tuple[str, ...]) -> Gradients:
    """The gradient goes to the elements that were chosen."""

    def vjp(operands: Operands, params: Params) -> tuple[str, ...]:
        values = dict(zip(names, params))
        dim = _one(values["dim"])
        values["dim"] = dim
        g = "g"
        if "keepdim" in values:
            values["keepdim"], g = True, f"_unreduced(g, x, {dim})"
        chosen = ", ".join(str(v) for v in values.values())
        return (f"scatter_add(full_like(x, 0), {dim}, {name}(x, {chosen}), {g})",)

    return vjp


def _chosen(
    name: str,
    signature: str,
    doc: str,
    rule: TypeRule,
    plan: sorting.Plan,
    torch: Callable[..., tuple[Tensor, Tensor]],
    example: tuple[str, str],
    **row: Field,
) -> tuple[Op, Op]:
    """The row of the values that are chosen along a dimension, and that of their positions."""
    where = f"arg{name}"
    names = tuple(p.name for p in parameters(Op(name, signature, "", rule, plan)))[1:]

    def values(module: Torch, x: Tensor, *params: Params) -> Tensor:
        chosen = (_one(p) if isinstance(p, tuple) else p for p in params)
        return torch(module, _countable(module, x), *chosen)[0].to(x.dtype)

    def positions(module: Torch, x: Tensor, *params: Params) -> Tensor:
        return torch(module, _countable(module, x), *params)[1]

    def whole(dtype: str, operands: Operands, params: Params) -> Type:
        return rule(dtype, operands, params)._replace(dtype="int64", weak=False)

    examples = row.pop("position_examples", ())
    access = "call" if examples else "internal"
    common: Field = {"kind": "array", "casting": "own"}
    return (
        Op(
            name,
            signature.replace("dim: dim", "dim: dims"),
            doc,
            rule,
            sorting.values(plan),
            values,
            position_op=where,
            examples=(example,),
            vjp=_vjp(where, names),
            differs=_PAIR,
            **common,
            **row,
        ),
        Op(
            where,
            signature,
            f"The positions of the elements that `{name}` gives.",
            whole,
            sorting.positions(plan),
            positions,
            vjp=(NONE,),
            examples=examples,
            access=access,
            **common,
        ),
    )


def _countable(torch: Torch, x: Tensor) -> Tensor:
    """x with bool as integers: torch does not order bool everywhere."""
    return x.to(torch.uint8) if x.dtype == torch.bool else x


def _torch_mode(torch: Torch, x: Tensor, dim: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """torch.mode; with NaN among the elements that of the ordered ones, as torch leaves it open."""
    if not bool(x.isnan().any()):
        values, found = torch.mode(x, dim, keepdim)
        return values, found
    ordered, positions = torch.sort(x, dim=dim, stable=True)
    values, at = torch.mode(ordered, dim, True)
    found = positions.gather(dim, at)
    return (values, found) if keepdim else (values.squeeze(dim), found.squeeze(dim))


def _searchsorted(dtype: str, operands: Operands, params: Params) -> Type:
    """`searchsorted(edges, x)`: edges of one dimension, or of all but the last of x's."""
    edges, x = operands
    if not edges.shape:
        raise Problem("shape", "`searchsorted` wants ordered numbers, but {0} is a scalar")
    if len(edges.shape) > 1 and (not x.shape or edges.shape[:-1] != x.shape[:-1]):
        raise Problem(
            "shape",
            f"all sizes but the last must be equal: {{0}} is {shapes.show(edges.shape)} "
            f"but {{1}} is {shapes.show(x.shape)}",
        )
    return Type(x.shape, "int64")


def _torch_searchsorted(torch: Torch, edges: Tensor, x: Tensor, right: bool) -> Tensor:
    common = torch.promote_types(edges.dtype, x.dtype)
    edges, x = edges.to(common).contiguous(), x.to(common).contiguous()
    return torch.searchsorted(edges, x, right=right)


SORTING = (
    *_chosen(
        "sort",
        "x, dim: dim = -1, descending: flag = False, stable: flag = False",
        "The elements in order along a dimension; NaN is the largest.",
        _same,
        sorting.sort,
        lambda torch, x, dim, descending, stable: torch.sort(
            x, dim=dim, descending=descending, stable=True
        ),
        ("sort([3, 1, 2])", "[1, 2, 3]"),
        position_examples=(("argsort([3, 1, 2])", "[1, 2, 0].long()"),),
        samples=("sort(randn(3, 4), 0)", "sort(randn(2, 3, 2), 1, descending=True)"),
    ),
    *_chosen(
        "topk",
        "x, k: size, dim: dim = -1, largest: flag = True, sorted: flag = True",
        "The k largest elements along a dimension, in order; with largest=False the smallest.",
        _topk,
        sorting.topk,
        lambda torch, x, k, dim, largest, is_sorted: torch.topk(x, k, dim, largest, True),
        ("topk([3, 1, 2], 2)", "[3, 2]"),
        samples=("topk(randn(3, 4), 2, 0)", "topk(randn(2, 5), 3, largest=False)"),
    ),
    *_chosen(
        "kthvalue",
        "x, k: size, dim: dim = -1, keepdim: flag = False",
        "The k-th smallest element along a dimension.",
        _kthvalue,
        sorting.kthvalue,
        lambda torch, x, k, dim, keepdim: torch.kthvalue(x, k, dim, keepdim),
        ("kthvalue([3, 1, 2], 2)", "2"),
        samples=("kthvalue(randn(3, 4), 2, 0)", "kthvalue(randn(2, 5), 3, keepdim=True)"),
    ),
    *_chosen(
        "mode",
        "x, dim: dim = -1, keepdim: flag = False",
        "The most frequent element along a dimension, the smallest of several.",
        _mode,
        sorting.mode,
        _torch_mode,
        ("mode([3, 1, 3, 2])", "3"),
        samples=("mode(round(randn(9, 4)), 0)", "mode(round(randn(2, 9)), keepdim=True)"),
    ),
    *(
        row
        for name, adjective, value in (
            ("cummax", "largest", "[1, 3, 3]"),
            ("cummin", "smallest", "[1, 1, 1]"),
        )
        for row in _chosen(
            name,
            "x, dim: dim",
            f"The {adjective} element so far along a dimension.",
            _same,
            getattr(sorting, name),
            lambda torch, x, dim, name=name: getattr(torch, name)(x, dim),
            (f"{name}([1, 3, 2], 0)", value),
            samples=(f"{name}(randn(3, 4), 1)", f"{name}(randn(2, 3, 2), -2)"),
        )
    ),
    Op(
        "searchsorted",
        "sorted_sequence, x, right: flag = False",
        "Where each element of x goes into ordered numbers: before equal ones, or after them.",
        _searchsorted,
        sorting.searchsorted,
        _torch_searchsorted,
        kind="array",
        casting="own",
        access="internal",
        vjp=(NONE, NONE),
    ),
)
