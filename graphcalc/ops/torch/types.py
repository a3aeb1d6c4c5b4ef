"""The shape and dtype of what a call of torch gives, by running it without data.

torch runs on its `meta` device, where tensors have shapes and no elements. For the few functions
that need a backend's own rules, its fake tensors stand in; and where only numbers tell, random
ones of the same shapes.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from graphcalc.ops.shapes import broadcast, show
from graphcalc.ops.sizes import ROWS, Size
from graphcalc.ops.spec import FLOATS, ITEM_BYTES, Operands, Params, Problem, Shape, Type, escape
from graphcalc.ops.torch import call as calls
from graphcalc.ops.torch.call import OutputTree, TorchCall
from graphcalc.ops.torch.functions import functions
from graphcalc.ops.torch.reasons import FAILURES
from graphcalc.packages import load_package

if TYPE_CHECKING:
    import torch

# The outputs of a call, and how they are arranged.
_Values: TypeAlias = "tuple[list[torch.Tensor], OutputTree]"
# Elements of operands up to which random numbers stand in for them.
_FEW = 1 << 20


class CallOutputs(NamedTuple):
    """What a call gives: the types of its outputs, and how they are arranged."""

    types: tuple[OutputType, ...]
    tree: OutputTree


class OutputType(NamedTuple):
    """The shape and dtype of one output of a call, and whether it has a derivative."""

    shape: Shape
    dtype: str
    is_smooth: bool


def rule(dtype: str, operands: Operands, params: Params) -> Type:
    """Return the type of the chosen output of a call; the rule of its row."""
    (call,) = params
    found = chosen(call, operands)
    is_weak = bool(operands) and found.dtype in FLOATS and all(t.weak for t in operands)
    return Type(found.shape, found.dtype, is_weak)


def chosen(call: TorchCall, operands: Operands) -> OutputType:
    """Return the type of the output that a call chooses."""
    return outputs_of(call, operands).types[0 if call.order else call.path[-1]]


def outputs_of(call: TorchCall, operands: Operands) -> CallOutputs:
    """Return the types of all outputs of a call, or of the one of a derivative.

    Raises Problem where torch refuses the arguments, and BackendError without torch.
    """
    if not call.order:
        call = call._replace(path=(0,))
    operands = tuple(o._replace(weak=False) for o in operands)
    symbolic = [i for i, o in enumerate(operands) if Size in map(type, o.shape)]
    if not symbolic:
        return _outputs_of(call, operands)
    if functions()[call.function].is_elementwise:
        return _elementwise(call, operands)
    if any(ROWS in o.shape for o in operands):
        text = f"`{call.function}` needs all rows at once"
        note = "with --rows a program is computed row by row"
        hint = "leave --rows out and bind whole columns, as in x=@FILE:x"
        raise Problem("shape", text, note, hint)
    text = f"`{call.function}` needs sizes that are numbers, and {{{symbolic[0]}}} is "
    shape = show(operands[symbolic[0]].shape)
    raise Problem("shape", text + shape, help="give the symbols their sizes")


def try_call(call: TorchCall, operands: Operands) -> None:
    """Raise Problem where torch refuses a call of random numbers: `meta` takes more than it."""
    if any(Size in map(type, o.shape) for o in operands) or sum(t.numel for t in operands) > _FEW:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _on_random(call._replace(path=(0,)), operands)
    except FAILURES as error:
        raise Problem("call", calls.refusal(call, error)) from None


def _elementwise(call: TorchCall, operands: Operands) -> CallOutputs:
    """Return what `outputs_of` does, where the shape is that of the operands together."""
    found = _outputs_of(call, tuple(o._replace(shape=()) for o in operands))
    shape = operands[call.path[-1]].shape if call.order else broadcast(*[o.shape for o in operands])
    return found._replace(types=tuple(t._replace(shape=shape) for t in found.types))


@lru_cache(maxsize=4096)
def _outputs_of(call: TorchCall, operands: Operands) -> CallOutputs:
    load_package("torch", f"`{call.function}` needs", None)
    for run in (_on_meta, _on_fake, _on_random):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                values, tree = run(call, operands)
            break
        except FAILURES as error:
            if _is_about_data(error):
                continue
            raise Problem("call", calls.refusal(call, error)) from None
    else:
        raise Problem("shape", f"the shape of what `{call.function}` gives depends on data")
    return CallOutputs(tuple(_described(call, value) for value in values), tree)


def _is_about_data(error: Exception) -> bool:
    """Whether a function lacks a way to run without data, or looked at elements."""
    name, text = type(error).__name__, str(error).lower()
    is_missing = isinstance(error, NotImplementedError) and "derivative" not in text
    return is_missing or "Output" in name or "meta" in text or "not allocated yet" in text


def _on_meta(call: TorchCall, operands: Operands) -> _Values:
    import torch

    def make(type_: Type) -> torch.Tensor:
        dtype = getattr(torch, type_.dtype)
        return torch.empty(type_.shape, dtype=dtype, device="meta")

    return _compute(call, list(map(make, operands)))


def _on_fake(call: TorchCall, operands: Operands) -> _Values:
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        values = [torch.empty(t.shape, dtype=getattr(torch, t.dtype)) for t in operands]
        return _compute(call, values)


def _on_random(call: TorchCall, operands: Operands) -> _Values:
    import torch

    if sum(t.numel for t in operands) > _FEW:
        raise Problem("limit", f"the operands of `{call.function}` are too large for it here")
    generator = torch.Generator().manual_seed(0)

    def make(type_: Type) -> torch.Tensor:
        if type_.dtype not in FLOATS:
            return torch.ones(type_.shape, dtype=getattr(torch, type_.dtype))
        value = torch.randn(type_.shape, generator=generator, dtype=torch.float64)
        return value.to(getattr(torch, type_.dtype))

    whole = [cast if cast in ("bool", "int64", "int32") else "" for cast in call.casts]
    types = [
        t._replace(dtype=w) if w else t for t, w in zip(operands, (*whole, *[""] * call.order))
    ]
    return _compute(call, list(map(make, types)))


def _compute(call: TorchCall, values: list[torch.Tensor]) -> _Values:
    """Return the outputs, with gradients where torch has a derivative of them."""
    import torch

    leaves = [value for value in values if value.is_floating_point()]
    try:
        with torch.enable_grad():
            for leaf in leaves:
                leaf.requires_grad_()
            return _outputs(call, values)
    except FAILURES:
        # Where torch lacks the derivative by one operand, it says so when that is wanted.
        for leaf in leaves:
            leaf.requires_grad_(False)
        with torch.no_grad():
            found, tree = _outputs(call, values)
        return [x.requires_grad_() if x.is_floating_point() else x for x in found], tree


def _outputs(call: TorchCall, values: list[torch.Tensor]) -> _Values:
    import torch

    if call.order:
        return calls.compute(torch, call, values, call.path[-1:]), 0
    versions = [value._version for value in values]
    found = calls.run(torch, call, values)
    if versions != [value._version for value in values]:
        text = f"`{call.function}` changes an operand in place with these arguments"
        raise Problem("call", escape(text))
    return [calls.plain(torch, x, call) for x in calls.flat(found)], calls.structure(found)


def _described(call: TorchCall, value: torch.Tensor) -> OutputType:
    dtype = str(value.dtype).removeprefix("torch.")
    if dtype not in ITEM_BYTES:
        raise Problem("dtype", f"the result of `{call.function}` is {dtype}")
    return OutputType(tuple(value.shape), dtype, value.requires_grad)
