"""A call of a function of torch, as the static argument of its node: what it computes.

torch itself computes the value; the gradient of a call is torch's derivative of that call alone,
and again a call, so it has gradients too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from graphcalc.ops.spec import Problem, Static, Tensor, Torch, escape
from graphcalc.ops.torch.functions import callable_of
from graphcalc.ops.torch.reasons import FAILURES, reason_of

# What computes the outputs of these numbers of a call or of its derivative.
_Outputs: TypeAlias = Callable[[Sequence[Tensor], tuple[int, ...]], list[Tensor]]
# The numbers of outputs as torch arranges them: one alone, or in tuples.
OutputTree: TypeAlias = "int | tuple[OutputTree, ...]"
# How deep tuples of outputs are: `histogramdd` has a list in one.
_DEEPEST = 3
# Whole numbers of torch that are int64 here.
_NARROW_WHOLE = ("int8", "int16", "int32", "uint8")


class OperandHole(NamedTuple):
    """An argument that is an operand: the one of this number."""

    number: int


class OperandList(NamedTuple):
    """An argument that is a list of operands and of None."""

    items: tuple[OperandHole | FixedArgument, ...]


class FixedArgument(NamedTuple):
    """A static argument; `written` tells 1 from 1.0 and from True, which are equal."""

    value: Static
    written: str


class DtypeArgument(NamedTuple):
    """A dtype, by torch's name."""

    name: str


Argument: TypeAlias = "OperandHole | OperandList | FixedArgument | DtypeArgument"


class TorchCall(NamedTuple):
    """A call of a function of torch, or a derivative of one.

    `casts` has the dtype that each operand is given in, empty for its own. `path` has the number
    of the output that is chosen; a further number stands for the derivative of that output, and
    says by which operand. Each derivative has the gradient that arrives as one operand more.
    `parts` counts the outputs of a function that gives several.
    """

    function: str
    arguments: tuple[Argument, ...]
    keywords: tuple[tuple[str, Argument], ...]
    casts: tuple[str, ...]
    path: tuple[int, ...] = (0,)
    parts: int = 0

    @property
    def order(self) -> int:
        """How often the function is differentiated."""
        return len(self.path) - 1


def fixed(value: Static) -> FixedArgument:
    """Return a static argument of a call."""
    return FixedArgument(value, repr(value))


def kernel(torch: Torch, *values: Any) -> Tensor:
    """Return the output of the call that the last argument is, of the operands before it."""
    *operands, call = values
    return outputs(torch, call, operands, (call.path[-1],))[0]


def outputs(
    torch: Torch, call: TorchCall, operands: Sequence[Tensor], wanted: tuple[int, ...]
) -> list[Tensor]:
    """Return the outputs of these numbers, or the derivatives by these operands.

    Raises Problem where torch refuses the values.
    """
    try:
        return compute(torch, call, operands, wanted)
    except torch.OutOfMemoryError:
        raise
    except FAILURES as error:
        raise Problem("call", refusal(call, error)) from None


def refusal(call: TorchCall, error: Exception) -> str:
    """Return the message for a call that torch refuses."""
    what = "the derivative of " * call.order
    return escape(f"torch refuses {what}`{call.function}`: {reason_of(error, call.function)}")


def compute(
    torch: Torch, call: TorchCall, operands: Sequence[Tensor], wanted: tuple[int, ...]
) -> list[Tensor]:
    """Return what `outputs` does; errors are torch's own."""
    found: _Outputs = partial(_values, torch, call)
    for output in call.path[:-1]:
        found = partial(_derivatives, torch, found, output)
    return found(operands, wanted)


def _values(
    torch: Torch, call: TorchCall, operands: Sequence[Tensor], wanted: tuple[int, ...]
) -> list[Tensor]:
    """Return outputs of the function itself."""
    found = flat(run(torch, call, operands))
    return [plain(torch, found[i], call) for i in wanted]


def run(torch: Torch, call: TorchCall, operands: Sequence[Tensor]) -> Any:
    """Return what torch's function gives, whatever that is."""
    cast = [_cast(torch, x, dtype) for x, dtype in zip(operands, call.casts)]
    function = callable_of(call.function)
    arguments = [_filled(torch, a, cast) for a in call.arguments]
    keywords = {name: _filled(torch, a, cast) for name, a in call.keywords}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **keywords)


def flat(found: Any) -> list[Any]:
    """Return the outputs in a result that may be a tuple, lists inside of it."""
    values: list[Any] = []
    pending = [found]
    while pending:
        value = pending.pop()
        if isinstance(value, (tuple, list)):
            pending += reversed(value)
        elif value is not None:
            values.append(value)
    return values


def structure(found: Any) -> OutputTree:
    """Return how the outputs of a result are arranged, each as its number."""
    numbers = count()

    def tree(value: Any, depth: int = 0) -> OutputTree:
        if isinstance(value, (tuple, list)) and depth < _DEEPEST:
            return tuple([tree(item, depth + 1) for item in value if item is not None])
        return next(numbers)

    return tree(found)


def _cast(torch: Torch, value: Tensor, dtype: str) -> Tensor:
    if not dtype:
        return value
    if dtype not in ("bool", "int64", "int32") or not value.is_floating_point():
        return value.to(getattr(torch, dtype))
    if dtype != "bool" and value.device.type != "meta" and bool((value != value.trunc()).any()):
        raise Problem("index", "an operand of whole numbers has others")
    return value.to(getattr(torch, dtype))


def _filled(torch: Torch, argument: Argument, operands: Sequence[Tensor]) -> Any:
    match argument:
        case OperandHole():
            return operands[argument.number]
        case OperandList():
            return [_item(item, operands) for item in argument.items]
        case DtypeArgument():
            return getattr(torch, argument.name)
    return argument.value


def _item(item: OperandHole | FixedArgument, operands: Sequence[Tensor]) -> Any:
    return operands[item.number] if isinstance(item, OperandHole) else item.value


def plain(torch: Torch, value: Any, call: TorchCall) -> Tensor:
    """Return an output as a tensor of a dtype that graphcalc has."""
    if not isinstance(value, torch.Tensor):
        raise Problem("call", f"the result of `{call.function}` is not a tensor")
    if value.is_complex():
        raise Problem("dtype", f"the result of `{call.function}` is complex")
    name = str(value.dtype).removeprefix("torch.")
    return value.to(torch.int64) if name in _NARROW_WHOLE else _stored(value)


def _stored(value: Tensor) -> Tensor:
    """Return a tensor with elements in memory: torch has zeros, and negated ones, without."""
    return value.clone() if value._is_zerotensor() else value.resolve_neg()


def _derivatives(
    torch: Torch,
    function: _Outputs,
    output: int,
    operands: Sequence[Tensor],
    wanted: tuple[int, ...],
) -> list[Tensor]:
    """Return the gradients by some operands of one output, given its own as the last operand."""
    *values, g = operands
    is_nested = any(v.requires_grad for v in operands)
    with torch.enable_grad():
        for i in wanted:
            if not values[i].requires_grad:
                values[i] = values[i].detach().requires_grad_()
        (value,) = function(values, (output,))
        leaves = [values[i] for i in wanted]
        if not value.requires_grad:
            return [torch.zeros_like(leaf) for leaf in leaves]
        found = torch.autograd.grad(
            value,
            leaves,
            g.to(value.dtype).reshape(value.shape),
            create_graph=is_nested,
            allow_unused=True,
        )
    pairs = zip(leaves, found)
    return [torch.zeros_like(leaf) if x is None else _stored(x) for leaf, x in pairs]
