"""Kernels of losses: the element of a class, and values that are held to a range."""

from __future__ import annotations

import math

from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.ops.kernels.indexing import positions, torch_positions
from graphcalc.ops.shapes import show
from graphcalc.ops.spec import FLOATS, Elements, Operands, Params, Problem, Tensor, Torch, Type

# pick(x, index, ignore): classes are the dimension of a vector x, else dimension 1


def pick_type(dtype: str, operands: Operands, params: Params) -> Type:
    """x's dtype in the shape of the target, which is x's without its classes."""
    x, target = operands
    if target.dtype == "bool":
        raise Problem("dtype", "a class is a whole number, and {1} is bool")
    if not x.shape:
        raise Problem("shape", "a scalar has no classes: {0} is (classes) or (batch, classes, …)")
    wanted = (x.shape[0], *x.shape[2:])
    if len(x.shape) > 1 and target.shape != wanted:
        raise Problem(
            "shape",
            f"{{1}} wants one class for each place of the input, {show(wanted)}, "
            f"and it is {show(target.shape)}",
            note="that is the shape of the input without dimension 1, the classes",
        )
    return x._replace(shape=target.shape)


def pick_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    """g at the places that were picked."""
    x, _ = operands
    kept = "where(index == ignore, 0, index)", "where(index == ignore, 0, g)"
    shaped = [f"reshape({k}, (-1,))" if len(x.shape) == 1 else f"unsqueeze({k}, 1)" for k in kept]
    dim = 0 if len(x.shape) == 1 else 1
    return (f"scatter_add(full_like(x, 0), {dim}, {', '.join(shaped)})", "none")


def pick(out: Type, x: NDArray, target: NDArray, ignore: float) -> Elements:
    """The elements of x at the target classes, 0 where the class is ignored."""
    classes = x.shape[0] if len(x.shape) == 1 else x.shape[1]
    inner = math.prod(x.shape[2:])
    block = 0 if len(x.shape) == 1 else classes * inner
    chosen = [0 if t == ignore else t for t in target.data]
    # Without classes nothing is chosen where all are ignored.
    found = positions(NDArray(target.shape, chosen), max(classes, 1))
    zero = 0.0 if out.dtype in FLOATS else 0
    return [
        zero if t == ignore else x.data[i // inner * block + p * inner + i % inner]
        for i, (t, p) in enumerate(zip(target.data, found))
    ]


def torch_pick(torch: Torch, x: Tensor, target: Tensor, ignore: float) -> Tensor:
    """`pick` on torch."""
    dropped = target == ignore
    size = x.shape[0] if x.dim() == 1 else x.shape[1]
    index = torch_positions(torch, torch.where(dropped, 0, target), max(size, 1))
    found = x[index] if x.dim() == 1 else x.gather(1, index.unsqueeze(1)).squeeze(1)
    return found.masked_fill(dropped, 0)


# within(x, low, high, why)


def within(out: Type, x: NDArray, low: float, high: float | None, why: str) -> Elements:
    """x; a Problem that says why where an element is below low, or not up to high."""
    for v in x.data:
        if v < low or (high is not None and not v <= high):
            raise Problem("value", f"{why}, and {{0}} has {v:g}")
    return x.data


def torch_within(torch: Torch, x: Tensor, low: float, high: float | None, why: str) -> Tensor:
    """`within` on torch."""
    wrong = x < low if high is None else ~((x >= low) & (x <= high))
    if bool(wrong.any()):
        raise Problem("value", f"{why}, and {{0}} has {x[wrong].reshape(-1)[0].item():g}")
    return x
