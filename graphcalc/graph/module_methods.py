"""Methods that every module has: modes, places, what is in it, and what it is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphcalc.diagnostics import CallError, Label, brief
from graphcalc.graph.frames import Frame, Invoke, Push, Take
from graphcalc.graph.initial_values import INITIALIZERS, MakingCall, initialize, number_of
from graphcalc.graph.lowered import (
    BoundMethod,
    FunctionValue,
    ListValue,
    Lowered,
    NoneValue,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.objects import ObjectValue, ParameterValue, place_in
from graphcalc.graph.parameter_names import title
from graphcalc.graph.scope import Scope
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr

_BINDING = "bind the parameters: --inputs model.safetensors, or draw them: --init"
_HOOK = "nothing is executed here; write what the hook computes into `forward`"
_DTYPE = "run with --dtype float16, bfloat16 or float32"
INSTEAD = {
    **dict.fromkeys(("load_state_dict", "state_dict"), _BINDING),
    **dict.fromkeys(
        (
            *("register_forward_hook", "register_forward_pre_hook", "register_hook"),
            *("register_full_backward_hook", "register_backward_hook"),
        ),
        _HOOK,
    ),
    **dict.fromkeys(("half", "bfloat16", "type"), _DTYPE),
    "zero_grad": "leave it out",
    "compile": "leave it out, and run with --compile",
}
# What says where and how a module is kept, not what it computes.
_KEPT = frozenset(
    "to cuda cpu float double requires_grad_ share_memory contiguous eval train".split()
)


def _named_parameters(item: ObjectValue) -> list[tuple[str, ParameterValue]]:
    return [(name, p) for name, p in item.all_parameters() if not p.is_buffer]


def _pairs(found: list[tuple[str, Any]], node: Expr) -> ListValue:
    pairs = [TupleValue((TextValue(name), part), node) for name, part in found]
    return ListValue(tuple(pairs), node)


def _list(found: list[Any], node: Expr) -> ListValue:
    return ListValue(tuple(found), node)


_INSIDE: Mapping[str, Callable[[ObjectValue, Expr], Lowered]] = {
    "parameters": lambda item, node: _list([p for _, p in _named_parameters(item)], node),
    "named_parameters": lambda item, node: _pairs(_named_parameters(item), node),
    "buffers": lambda item, node: _list([p for _, p in item.all_parameters() if p.is_buffer], node),
    "children": lambda item, node: _list([child for _, child in item.children()], node),
    "named_children": lambda item, node: _pairs(list(item.children()), node),
    "modules": lambda item, node: _list([part for _, part in item.all_objects()], node),
    "named_modules": lambda item, node: _pairs(list(item.all_objects()), node),
    "keys": lambda item, node: _list([TextValue(key) for key in item.members], node),
    "values": lambda item, node: _list(list(item.members.values()), node),
    "items": lambda item, node: _pairs(list(item.members.items()), node),
}
_GIVING = ("register_buffer", "register_parameter", "register_module", "add_module")
_GROWING = ("append", "extend", "insert")
_METHODS = frozenset({*_KEPT, *_INSIDE, *_GIVING, *_GROWING, "apply", *INSTEAD})


def is_method(item: ObjectValue, name: str) -> bool:
    """Return whether an object has a method that its class does not define."""
    return (item.kind.is_module or item.kind.name == "dict") and name in _METHODS


def call(
    scope: Scope,
    item: ObjectValue,
    name: str,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> tuple[bool, Frame | None]:
    """Call a method of every module; return whether there is one, and a frame that it runs."""
    made = MakingCall(scope, items, nodes, node, frame)
    if not is_method(item, name) or name in INSTEAD:
        return False, None
    if name == "apply":
        return True, _apply(item, made)
    if name in _KEPT:
        _keep(item, name, made)
        scope.values.append(item)
    elif name in _INSIDE:
        scope.values.append(_INSIDE[name](item, node))
    elif name in _GIVING:
        _give(item, name, made)
        scope.values.append(NoneValue(node))
    else:
        _grow(item, name, made)
        scope.values.append(item)
    return True, None


def _keep(item: ObjectValue, name: str, call: MakingCall) -> None:
    """Note the mode of a module and of all in it; what says where it is kept is read over."""
    if name not in ("eval", "train"):
        if any(isinstance(i, TextValue) and i.is_dtype for i in call.items):
            raise call.fail("a module has the dtype of the run", help=_DTYPE)
        return
    is_training = name == "train" and call.number(0, "mode", 1) != 0
    for _, part in item.all_objects():
        part.mode = "train" if is_training else "eval"


def _apply(item: ObjectValue, call: MakingCall) -> Frame:
    """Return a frame that calls a function with every module in one, the inner ones first."""
    function = call.items[0] if call.items else None
    if not isinstance(function, (FunctionValue, BoundMethod)):
        raise call.fail("`apply` takes a function")

    def code() -> Iterator[Any]:
        for _, part in reversed(list(item.all_objects())):
            yield Invoke(function, (part,), call.node)
            yield Take([])
        yield Push(item)

    return Frame(code(), call.frame.source, call.frame.values, place=call.frame.place)


def _give(item: ObjectValue, method: str, call: MakingCall) -> None:
    """`register_buffer(name, value)` and its like."""
    name, value = call.argument(0, "name"), call.argument(1, "tensor")
    for word in ("param", "module"):
        value = call.argument(1, word) if value is None else value
    if not isinstance(name, TextValue) or value is None:
        raise call.fail(f"`{method}` takes a name and a value")
    if method == "register_buffer" and not isinstance(value, (NoneValue, ParameterValue)):
        position = call.scope.operand(value, call.nodes[1], call.frame.source)
        shape = call.scope.builder.nodes[position].type.shape
        value = ParameterValue(shape, call.label(), value=position)
    if isinstance(value, ParameterValue) and method == "register_buffer":
        value.is_buffer = True
        value.is_persistent = call.number(2, "persistent", 1) != 0
    item.members[name.text] = value
    place_in(item, name.text, value)


def _grow(item: ObjectValue, name: str, call: MakingCall) -> None:
    """`append` and `extend` of a ModuleList or a Sequential."""
    found = call.items[0] if call.items else NoneValue(call.node)
    if name == "insert":
        raise call.fail("modules are added at the end here", help="write `append`")
    parts: tuple[Lowered, ...] = (found,)
    if name == "extend":
        from graphcalc.graph.values import iterate

        parts = iterate(call.scope, found, (call.frame.source, call.node.span))
    for part in parts:
        key = str(len(item.members))
        item.members[key] = part
        place_in(item, key, part)


def fill(
    scope: Scope, item: ObjectValue, items: list[Lowered], nodes: list[Expr], frame: Frame
) -> None:
    """Give a new Sequential, ModuleList or ModuleDict the modules that it holds."""
    is_list = item.kind.own_base.name != "Sequential"
    if len(items) == 1 and isinstance(items[0], ObjectValue) and items[0].kind.name == "dict":
        found = list(items[0].members.items())
    elif len(items) == 1 and (is_list or _is_pairs(items[0])):
        from graphcalc.graph.values import iterate

        parts = iterate(scope, items[0], (frame.source, nodes[0].span))
        found = [_pair(part, str(i)) for i, part in enumerate(parts)]
    else:
        found = [(str(i), part) for i, part in enumerate(items)]
    for key, part in found:
        if not isinstance(part, (ObjectValue, ParameterValue)):
            label = scope.label(nodes[0], frame.source)
            text = f"`{item.kind.name}` holds modules, and this is none"
            raise CallError("module-wanted", text, label)
        item.members[key] = part
        place_in(item, key, part)


def _is_pairs(item: Lowered) -> bool:
    """Whether a value is a list of pairs of a name and a module."""
    return isinstance(item, ListValue) and all(isinstance(i, TupleValue) for i in item.items)


def _pair(part: Lowered, key: str) -> tuple[str, Lowered]:
    if isinstance(part, (TupleValue, ListValue)) and len(part.items) == 2:
        name, value = part.items
        if isinstance(name, TextValue):
            return name.text, value
    return key, part


def check_mode(scope: Scope, item: ObjectValue, node: Expr, frame: Frame) -> None:
    """Hold a layer that is trained in another way to `eval`.

    Raises CallError where it is in training mode; notes that torch starts with that.
    """
    probability = item.members.get("p")
    if probability is not None and number_of(scope, probability) == 0:
        return
    where = frame.place or Label(frame.source, node.span)
    name = title(scope.objects, item)
    if item.mode == "train" and item.kind.is_trained:
        raise CallError(
            "training",
            f"`{brief(name)}` is in training mode, which changes it or draws random numbers",
            (where._replace(text=""), *scope.context()),
            help="call `.eval()` on the module, or leave out `.train()`",
        )
    if item.mode or scope.is_mode_noted:
        return
    scope.is_mode_noted = True
    text = (
        f"`{brief(name)}` is computed as in `eval` mode; a new module of torch is in training "
        "mode: call `.eval()` there to get the same"
    )
    scope.builder.note(where._replace(text=""), text)


# Parameters


def of_parameter(
    scope: Scope,
    parameter: ParameterValue,
    name: str,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> None:
    """Put the value of a method of a parameter on the stack: `p.numel()`, `p.data.normal_()`."""
    if name == "numel" and not items:
        scope.values.append(StaticNumber(math.prod(parameter.shape)))
        return
    if name == "requires_grad_":
        scope.values.append(parameter)
        return
    assert name in INITIALIZERS
    call = MakingCall(scope, [parameter, *items], [node, *nodes], node, frame)
    scope.values.append(initialize(name, call))


# Methods of a parameter that need no node of it.
OF_PARAMETERS = frozenset({"numel", "requires_grad_", *INITIALIZERS})
