"""The one row by which every function of torch without a row of its own is called."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from graphcalc.ops.spec import (
    FLOATS,
    NONE,
    Gradient,
    Op,
    Operands,
    Params,
    Problem,
    RowGradient,
    Tensor,
    Torch,
    Type,
    escape,
)
from graphcalc.ops.torch import call as calls
from graphcalc.ops.torch import types
from graphcalc.ops.torch.call import (
    Argument,
    DtypeArgument,
    FixedArgument,
    OperandHole,
    OperandList,
    TorchCall,
)
from graphcalc.ops.torch.functions import functions
from graphcalc.ops.torch.types import OutputType

_METHODS = {"float16": "half", "bfloat16": "bfloat16"}
_WORDS = {None: "None", True: "true", False: "false"}


@cache
def row(function: str, order: int, operands: int) -> Op:
    """Return the row of calls of a function with so many operands, or of their derivatives."""
    return Op(
        name="grad " * order + function,
        signature="*x, call: key",
        doc=functions()[function].doc,
        type=types.rule,
        python=needs_torch,
        torch=calls.kernel,
        kind="array",
        access="internal",
        casting="own",
        reading=_reading,
        step=tuple(_step(i) for i in range(operands)),
        vjp=_gradients,
        cost=_cost,
        is_rowwise=functions()[function].is_elementwise,
        has_python=False,
    )


def node_of(call: TorchCall, operands: int) -> tuple[Op, Params]:
    """Return the row and the static arguments of a node."""
    return row(call.function, call.order, operands), (call,)


@cache
def rounded_row(function: str, dtype: str, operands: int) -> Op:
    """Return the row of a call whose value, computed in float32, is its last operand.

    The value is rounded to the dtype of the call, and the derivatives are torch's.
    """
    return row(function, 0, operands)._replace(
        name=f"{function} in {dtype}",
        torch=partial(_rounded, dtype),
        reading=partial(_rounded_reading, _METHODS[dtype]),
        vjp=_rounded_gradients,
    )


def rounded_node_of(call: TorchCall, dtype: str, operands: int) -> tuple[Op, Params]:
    """Return the row and the static arguments of a node whose last operand is the value."""
    call = call._replace(casts=(*call.casts, ""))
    return rounded_row(call.function, dtype, operands), (call,)


def _rounded(dtype: str, torch: Torch, *values: Any) -> Tensor:
    *_, value, _ = values
    return value.to(getattr(torch, dtype))


def _rounded_reading(method: str, params: Params, names: list[str]) -> str:
    return f"{names[-1]}.{method}()"


def _rounded_gradients(operands: Operands, params: Params) -> tuple[Gradient, ...]:
    return (*_gradients(operands, params)[:-1], NONE)


def needs_torch(*values: Any) -> Any:
    """Raise: there is no Python kernel, and graphs with such a node run on torch."""
    raise NotImplementedError


def _cost(operands: Operands, out: Type, params: Params) -> int:
    return max([out.numel, *(t.numel for t in operands)])


def _step(operand: int) -> str:
    return f"{{g}} times the derivative of `{{text}}` by {{{operand}}}, as torch computes it"


def _gradients(operands: Operands, params: Params) -> tuple[Gradient, ...]:
    """Return the derivatives of a call by its operands, each a call again."""
    (call,) = params
    found = types.chosen(call, operands)
    casts = (*call.casts, *[""] * call.order)
    if found.dtype not in FLOATS:
        return (NONE,) * len(operands)
    return tuple(
        _gradient(call, i, len(operands), found) if _is_smooth(operand, cast) else NONE
        for i, (operand, cast) in enumerate(zip(operands, casts))
    )


def _is_smooth(operand: Type, cast: str) -> bool:
    return operand.dtype in FLOATS and (not cast or cast in FLOATS)


def _gradient(call: TorchCall, operand: int, operands: int, found: OutputType) -> Gradient:
    """Return the derivative by an operand; of a derivative that is constant there is none."""
    if not found.is_smooth and call.order:
        return NONE
    derivative = call._replace(path=(*call.path, operand))
    op, params = node_of(derivative, operands + 1)
    return RowGradient(op if found.is_smooth else op._replace(type=_no_derivative), params)


def _no_derivative(dtype: str, operands: Operands, params: Params) -> Type:
    """Raise Problem: torch takes the function for a constant, and has no derivative of it."""
    raise Problem("call", escape(f"torch has no derivative of `{params[0].function}`"))


# How a node reads


def _reading(params: Params, names: list[str]) -> str:
    """Return a call as it is written, `linalg.svd(A)[1]`; a derivative as `grad` of it."""
    (call,) = params
    count = len(call.casts)
    text = f"{call.function}({', '.join(_arguments(call, names))})"
    fields = functions()[call.function].fields
    first, *chosen = call.path
    if call.parts:
        text += f".{fields[first]}" if len(fields) == call.parts else f"[{first}]"
    for number, operand in enumerate(chosen):
        text = f"grad({text}, {names[operand]}, {names[count + number]})"
    return text


def _arguments(call: TorchCall, names: list[str]) -> list[str]:
    shown = [_argument(a, names) for a in call.arguments]
    return [*shown, *(f"{name}={_argument(a, names)}" for name, a in call.keywords)]


def _argument(argument: Argument, names: list[str]) -> str:
    match argument:
        case OperandHole():
            return names[argument.number]
        case OperandList():
            return f"[{', '.join(_argument(a, names) for a in argument.items)}]"
        case DtypeArgument():
            return argument.name
    return _static(argument)


def _static(argument: FixedArgument) -> str:
    value = argument.value
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    return f'"{value}"' if isinstance(value, str) else argument.written
