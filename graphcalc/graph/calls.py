"""Calls: what a function's name means, and what its call adds to the graph."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from graphcalc.diagnostics import (
    CallError,
    GraphcalcError,
    Label,
    UnknownNameError,
    brief,
)
from graphcalc.graph import (
    call_site,
    dtypes,
    fragments,
    grad,
    initial_values,
    inlining,
    lists,
    prelude,
    python_functions,
    sequences,
    storage,
    text_methods,
)
from graphcalc.graph.call_site import ShapeFunction
from graphcalc.graph.choices import truth
from graphcalc.graph.frames import (
    CallOf,
    Cast,
    ForgetGradient,
    Frame,
    Invoke,
    Rounding,
    Unwritten,
    WriteTo,
)
from graphcalc.graph.functions import unknown_function
from graphcalc.graph.ir import label_of
from graphcalc.graph.lowered import (
    OBJECTS,
    BoundMethod,
    FunctionValue,
    ListValue,
    Lowered,
    ModulePrefix,
    NoneValue,
    PairValue,
    TextValue,
    Unassigned,
)
from graphcalc.graph.modules import is_known
from graphcalc.graph.objects import ClassValue, ObjectValue, ParameterValue
from graphcalc.graph.parts import is_pair
from graphcalc.graph.pasted import OTHER_READINGS, note_other_readings
from graphcalc.graph.scope import LEFT_TO_TORCH, Scope
from graphcalc.graph.values import spread_arguments
from graphcalc.ops.kernels.random import stream_key
from graphcalc.ops.prelude import PRIVATE, Composite
from graphcalc.ops.spec import Op, parameters
from graphcalc.ops.table import INTERNAL, OPS
from graphcalc.ops.words import INSTEAD, KEYWORD_ALIASES
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.program import Block, Definition

_NUMPY = ("np", "numpy")
_SEEDS = ("manual_seed", "seed")
# The parts of torch whose functions make modules and parameters.
_MAKERS = ("nn", "init")
# Arguments of pasted code that say where and how to keep numbers, not what they are.
_ASIDE = ("dtype", "device", "requires_grad", "inplace", "layout", "pin_memory", "copy")


def call(scope: Scope, node: ast.Call, frame: Frame) -> Frame | None:
    """Put the value of a call on the stack, or return the frame of the function's body."""
    items, nodes = spread_arguments(scope.pop(len(node.arguments)), node.arguments)
    function = _function(scope, node, frame)
    if function is not None:
        return inlining.inline_value(scope, function, items, nodes, node, frame)
    of_object = _object(scope, node, frame)
    if of_object is not None:
        from graphcalc.graph import classes

        return classes.call(scope, of_object, items, nodes, node, frame)
    name, module, value = _callee(scope, node, frame)
    if frame.is_layer and name in initial_values.OF_LAYERS:
        making = initial_values.MakingCall(scope, items, nodes, node, frame)
        scope.values.append(initial_values.OF_LAYERS[name](making))
        return None
    if isinstance(value, TextValue) and name in text_methods.TEXT_METHODS:
        scope.values.append(text_methods.called(scope, name, value, items, node, frame))
        return None
    if name in storage.LIST_METHODS and isinstance(value, ListValue):
        scope.values.append(lists.changed(scope, name, value, items, nodes, node, frame))
        return None
    if module and name in _SEEDS:
        python_call = python_functions.PythonCall(scope, items, nodes, node, frame)
        scope.values.append(python_functions.seeded(python_call))
        return None
    if name == "backward" and value is not None:
        scope.values.append(grad.begin_pass(scope, [value, *items[:1]], node, frame.source))
        return None
    if name == "zero_" and _is_grad(node.function):
        return _forget_gradient(scope, node, frame)
    if name in storage.UNWRITTEN and not scope.builder.is_sharing:
        made = CallOf(storage.UNWRITTEN[name], module, tuple(items), tuple(nodes), node)
        code = [made, Unwritten(node)]
        return Frame(iter(code), frame.source, frame.values, place=frame.place)
    is_in_place = _says_in_place(scope, items, nodes)
    if is_in_place and not scope.builder.is_sharing and frame.place is None:
        name, (items, nodes) = f"{name}_", _without(items, nodes, "inplace")
    if is_in_place or _writes(scope, name, module, value):
        return _in_place(scope, name, module, value, items, nodes, node, frame)
    if type(node.function) is ast.Name and not module and _is_pythons(scope, name, frame):
        found = python_functions.FUNCTIONS[name](
            python_functions.PythonCall(scope, items, nodes, node, frame)
        )
        if isinstance(found, Frame):
            return found
        if found is not None:
            scope.values.append(found)
            return None
    return _called(scope, name, module, value, items, nodes, node, frame)


def _says_in_place(scope: Scope, items: list[Lowered], nodes: list[Expr]) -> bool:
    """Whether a call has `inplace=True`."""
    return any(
        type(node) is ast.Keyword and node.name == "inplace" and truth(scope, item) is True
        for item, node in zip(items, nodes)
    )


def _without(
    items: list[Lowered], nodes: list[Expr], name: str
) -> tuple[list[Lowered], list[Expr]]:
    """Return arguments without a keyword."""
    kept = [
        (item, node)
        for item, node in zip(items, nodes)
        if type(node) is not ast.Keyword or node.name != name
    ]
    return [item for item, _ in kept], [node for _, node in kept]


def _is_grad(function: Expr) -> bool:
    return (
        type(function) is ast.Attribute
        and type(function.value) is ast.Attribute
        and function.value.name == "grad"
    )


def _forget_gradient(scope: Scope, node: ast.Call, frame: Frame) -> Frame:
    """Return the code of `x.grad.zero_()`: passes so far do not count in `x.grad` any more."""
    assert isinstance(node.function, ast.Attribute)
    assert isinstance(node.function.value, ast.Attribute)
    owner = node.function.value.value
    code = [*scope.order(owner), ForgetGradient(node)]
    return Frame(iter(code), frame.source, frame.values, place=frame.place)


def _writes(scope: Scope, name: str, module: str, value: Lowered | None) -> bool:
    """Whether a call changes its first argument: `x.add_(y)`, `F.relu_(x)`."""
    if not storage.is_in_place(name) or (value is None and not module):
        return False
    functions = scope.language.functions
    return functions.find(name) is None and (
        name in storage.FILLED or functions.find(name[:-1]) is not None
    )


def _in_place(
    scope: Scope,
    name: str,
    module: str,
    value: Lowered | None,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Frame:
    """Return a frame that computes a value and writes it to the first argument."""
    if value is not None:
        items, nodes = [value, *items], [getattr(node.function, "value", node), *nodes]
    if not items:
        raise CallError("arity", f"`{name}` changes a value", scope.label(node, frame.source))
    old = scope.operand(items[0], nodes[0], frame.source)
    items[0] = old
    code = [CallOf(name[:-1], module, tuple(items), tuple(nodes), node), WriteTo(old, node)]
    return Frame(iter(code), frame.source, frame.values, place=frame.place)


def call_of(scope: Scope, step: CallOf, frame: Frame) -> Frame | None:
    """Put the value of a call on the stack whose arguments are known."""
    name, module, items, nodes, node = step
    if f"{name}_" in storage.FILLED:
        scope.values.append(storage.filled(scope, name, items, nodes, (frame.source, node.span)))
        return None
    return _called(scope, name, module, None, list(items), list(nodes), node, frame)


def invoke(scope: Scope, step: Invoke, frame: Frame) -> Frame | None:
    """Put the value of a call of a function that is a value on the stack, or return its frame."""
    items = list(step.items)
    nodes = list(step.nodes) or [step.node] * len(items)
    return call_value(scope, step.function, items, nodes, step.node, frame)


def call_value(
    scope: Scope,
    function: FunctionValue | BoundMethod | ClassValue | ObjectValue,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Frame | None:
    """Put the value of a call of a function that is a value on the stack, or return its frame."""
    if isinstance(function, FunctionValue):
        return inlining.inline_value(scope, function, items, nodes, node, frame)
    if is_of_object(function):
        from graphcalc.graph import classes

        return classes.call(scope, function, items, nodes, node, frame)
    if not isinstance(function, BoundMethod) or not isinstance(function.value, ModulePrefix):
        text = "a method of a value is no function to hand on"
        raise CallError("function-value", text, scope.label(node, frame.source))
    module = function.value.name
    return _called(scope, function.name, module, None, items, nodes, node, frame)


def _object(
    scope: Scope, node: ast.Call, frame: Frame
) -> BoundMethod | ClassValue | ObjectValue | None:
    """Return the class, object or method of one that a call is of, and take it off the stack."""
    function = node.function
    name = function.name if isinstance(function, ast.Name) else None
    top = scope.values[-1] if name is None else _named(scope, name, frame)
    if not isinstance(top, (ClassValue, ObjectValue, BoundMethod)) or not is_of_object(top):
        return None
    if name is None:
        scope.values.pop()
    return top


def is_of_object(item: Lowered) -> bool:
    """Return whether a value is called as a class, an object or a method of one is."""
    if isinstance(item, BoundMethod):
        if isinstance(item.value, ModulePrefix) and item.value.name.rpartition(".")[2] in _MAKERS:
            from graphcalc.graph import layer_classes

            return layer_classes.is_made(item.value.name, item.name)
        if isinstance(item.value, ParameterValue):
            from graphcalc.graph import module_methods

            return item.name in module_methods.OF_PARAMETERS
        return isinstance(item.value, OBJECTS)
    return isinstance(item, (ClassValue, ObjectValue))


def _is_pythons(scope: Scope, name: str, frame: Frame) -> bool:
    """Whether a name means a function of Python's that the language has no row of."""
    if name not in python_functions.FUNCTIONS or frame.place is not None:
        return False
    return name not in scope.functions and not _is_value(scope, name)


def _called(
    scope: Scope,
    name: str,
    module: str,
    value: Lowered | None,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Frame | None:
    """Put the value of a call of a function by its name on the stack, or return its frame."""
    if value is not None:
        _put_receiver(scope, name, value, items, nodes, node)
    elif module in _NUMPY:
        items = [_as_list(item) for item in items]
    items = [
        scope.operand(item, n, frame.source) if isinstance(item, ParameterValue) else item
        for item, n in zip(items, nodes)
    ]
    in_prelude = frame.place is not None and not frame.is_layer
    is_own = in_prelude or module or frame.is_layer
    definition = None if is_own else scope.functions.get(name)
    if definition is not None and value is not None and isinstance(definition.body, Block):
        # As in Python, a method of a tensor is torch's, whatever functions there are.
        is_torchs = scope.language.functions.find(name) is not None
        definition = None if is_torchs else definition
    if definition is not None:
        return _inline(scope, definition, items, nodes, node, frame)
    if name in OTHER_READINGS and not in_prelude and not module:
        note_other_readings(scope, name, value is not None, items, nodes, node, frame)
    found: Any = None
    if in_prelude and module:
        # What a composite leaves to torch.
        _torch(scope, name, module, value, items, nodes, node, frame)
        return None
    if in_prelude and name in INTERNAL:
        found = OPS[name]
    elif frame.place is not None or not name.startswith(PRIVATE):
        own = scope.language.functions.find(name, module.rpartition(".")[2])
        found = _with_arguments(scope, own, nodes)
    if found is None and not in_prelude:
        _torch(scope, name, module, value, items, nodes, node, frame)
        return None
    if found is None:
        raise _unknown(scope, name, module, value, node, frame)
    place = scope, name, module, value, items, nodes, node, frame
    elsewhere = partial(_torch, *place, is_tried=True)
    depth = len(scope.values)
    try:
        inner = _own(scope, found, items, nodes, node, frame, module if value is None else ".")
        if inner is not None and not in_prelude:
            inner.otherwise, inner.depth = elsewhere, depth
        return inner
    except CallError as error:
        if in_prelude or error.diagnostic.code not in LEFT_TO_TORCH:
            raise
        # What a row lacks torch may have.
        with suppress(GraphcalcError):
            elsewhere()
            return None
        raise


def _torch(
    scope: Scope,
    name: str,
    module: str,
    value: Lowered | None,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
    *,
    is_tried: bool = False,
) -> None:
    """Put the value of a call of torch on the stack; raise the error for an unknown name."""
    from graphcalc.graph import torch_calls
    from graphcalc.ops.torch import functions

    function = functions.find(name, module)
    if function is None or (not module and value is None and _is_value(scope, name)):
        raise _unknown(scope, name, module, value, node, frame)
    scope.values.append(
        torch_calls.call(scope, function, items, nodes, node, frame, is_tried=is_tried)
    )


def _is_value(scope: Scope, name: str) -> bool:
    return name in scope.names or name in scope.statics


def _own(
    scope: Scope,
    found: Any,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
    module: str,
) -> Frame | None:
    """Call a function of the language: a row, a composite or a shape function.

    `module` is the prefix before the function, a dot for a method.
    """
    items, nodes, dtype = _set_aside(scope, found, items, nodes, frame)
    if dtype and items and _computes_in(found) and type(nodes[0]) is not ast.Keyword:
        position = scope.operand(items[0], nodes[0], frame.source)
        place = label_of(scope.at(node, frame))
        items[0] = dtypes.cast(scope, position, dtype, place)
    if isinstance(found, Composite):
        return _compose(scope, found, items, nodes, node, frame, dtype)
    if isinstance(found, Op):
        item = _row(scope, found, items, nodes, node, frame, module)
    else:
        assert isinstance(found, ShapeFunction)
        item = call_site.run(scope, found, items, nodes, node, frame)
    if dtype:
        position = scope.operand(item, node, frame.source)
        item = dtypes.cast(scope, position, dtype, label_of(scope.at(node, frame)))
    scope.values.append(item)
    return None


def _with_arguments(scope: Scope, found: Any, nodes: list[Expr]) -> Any:
    """Return a function, or for a row that does not take the arguments the composite that does."""
    more = scope.language.functions.with_more_arguments(found) if type(found) is Op else None
    if more is None:
        return found
    names = {p.name for p in parameters(found)}
    words = [n.name for n in nodes if type(n) is ast.Keyword]
    is_fit = len(nodes) - len(words) <= len(names) and all(
        w in names or any(k in names for k in KEYWORD_ALIASES.get(w, ())) for w in words
    )
    return found if is_fit else more


def _put_receiver(
    scope: Scope,
    name: str,
    value: Lowered,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
) -> None:
    """Put the value that a method is called on among the arguments, where the function has it."""
    assert type(node.function) is ast.Attribute
    found = None if name in scope.functions else scope.language.functions.find(name)
    place = found.receiver if isinstance(found, Op) else 0
    receiver = node.function.value
    if place <= sum(type(n) is not ast.Keyword for n in nodes):
        items.insert(place, value)
        nodes.insert(place, receiver)
        return
    assert isinstance(found, Op)
    items.append(value)
    parameter = parameters(found)[place].name
    nodes.append(ast.Keyword(parameter, receiver, receiver.start, receiver.end))


def _as_list(item: Lowered) -> Lowered:
    """Return a list as NumPy takes it: repeated and joined as Python does."""
    return item._replace(arithmetic=None) if isinstance(item, ListValue) else item


def _as_pair(scope: Scope, item: Lowered, nodes: list[Expr], node: ast.Call) -> Lowered:
    """Return torch's pair of values and indices, where a call chose along one dimension.

    NumPy's call, `x.max(axis=1)`, has the values alone.
    """
    if type(item) is not int or any(type(n) is ast.Keyword and n.name == "axis" for n in nodes):
        return item
    return PairValue(item, node) if is_pair(scope.builder.nodes[item]) else item


def _function(scope: Scope, node: ast.Call, frame: Frame) -> FunctionValue | None:
    """Return the function that a call is of, where it is a value: a `lambda`, or one of a body."""
    if type(node.function) is ast.Name:
        found = _named(scope, node.function.name, frame)
        return found if isinstance(found, FunctionValue) else None
    top = scope.values[-1]
    if not isinstance(top, FunctionValue):
        return None
    scope.values.pop()
    return top


def _named(scope: Scope, name: str, frame: Frame) -> Lowered | None:
    """Return what a name stands for that may be a function, in a body or in the program."""
    if name in frame.values:
        found = frame.values[name]
        return None if isinstance(found, Unassigned) else found
    is_static = name in scope.statics and frame.place is None
    return scope.statics[name].item if is_static else None


def _callee(scope: Scope, node: ast.Call, frame: Frame) -> tuple[str, str, Lowered | None]:
    """Return the name that is called, the prefix before it, and the value of a method's call."""
    if type(node.function) is ast.Name:
        target: Lowered | None = _imported(scope, node.function.name, frame)
        if target is None:
            return node.function.name, "", None
    else:
        target = scope.values.pop()
    if type(target) is not BoundMethod:
        raise _not_a_function(scope, node, frame)
    if type(target.value) is ModulePrefix:
        _check_known(scope, target.value, node, frame)
        return target.name, target.value.name, None
    return target.name, "", target.value


def _imported(scope: Scope, name: str, frame: Frame) -> BoundMethod | None:
    """Return the function that a name was imported as."""
    found = _named(scope, name, frame)
    if not isinstance(found, BoundMethod) or type(found.value) is not ModulePrefix:
        return None
    return found


# What does not work


def _check_known(scope: Scope, module: ModulePrefix, node: ast.Call, frame: Frame) -> None:
    """Raise CallError for a function of a module that is not known."""
    if not is_known(module.name):
        text = brief(frame.source.slice(node.function.span))
        raise CallError(
            "unknown-module",
            f"`{text}` cannot be called here: `{brief(module.name)}` is no module that is known",
            scope.label(node.function, frame.source),
            help="functions of torch, numpy and math can be called",
        )


def _unknown(
    scope: Scope, name: str, module: str, value: Lowered | None, node: ast.Call, frame: Frame
) -> CallError | UnknownNameError:
    is_value = name in frame.values or _is_value(scope, name)
    if not module and value is None and is_value:
        return _not_a_function(scope, node, frame)
    label = scope.label(node.function, frame.source)
    if module.rpartition(".")[2] == "nn" and name[:1].isupper():
        from graphcalc.graph import classes

        return classes.unknown_layer(scope, name, label)
    from graphcalc.ops.torch import functions

    reason = functions.reason_left_out(name, module)
    if reason and name not in INSTEAD:
        text = brief(frame.source.slice(node.function.span))
        return CallError("torch-left-out", f"`{text}` cannot be called here: {reason}", label)
    elsewhere = functions.find(name, module.rpartition(".")[2]) or functions.find(name)
    if elsewhere is not None:
        text = brief(frame.source.slice(node.function.span))
        hint = f"did you mean `torch.{elsewhere.name}`?"
        return UnknownNameError("unknown-function", f"unknown function `{text}`", label, help=hint)
    known = {*scope.callable_names(), *functions.spellings()}
    return unknown_function(name, known, label)


def _not_a_function(scope: Scope, node: ast.Call, frame: Frame) -> CallError:
    text = brief(frame.source.slice(node.function.span))
    label = scope.label(node.function, frame.source)
    message = f"`{text}` is not a function"
    return CallError("not-a-function", message, label, help="write `*` to multiply")


# Arguments that are not about values


def _set_aside(
    scope: Scope, found: Any, items: list[Lowered], nodes: list[Expr], frame: Frame
) -> tuple[list[Lowered], list[Expr], str]:
    """Return the arguments without `dtype=` and its like, and the dtype that the result takes."""
    if not any(type(n) is ast.Keyword and n.name in _ASIDE for n in nodes):
        return items, nodes, ""
    own = {p.name for p in parameters(found)} if hasattr(found, "signature") else set()
    dtype = ""
    kept: list[tuple[Lowered, Expr]] = []
    for item, node in zip(items, nodes):
        if type(node) is not ast.Keyword or node.name not in _ASIDE or node.name in own:
            kept.append((item, node))
        elif node.name == "dtype" and type(item) is not NoneValue:
            dtype = dtypes.dtype_of(scope, item, node.value, frame.source)
        elif node.name == "device":
            dtypes.note_device(scope, item, node, frame.source)
    return [i for i, _ in kept], [n for _, n in kept], dtype


def _computes_in(found: Any) -> bool:
    """Return whether a function computes in the dtype that its call names, as a sum does."""
    if isinstance(found, Op):
        is_making_like = found.kind == "making" and parameters(found)[0].kind == "tensor"
        return found.kind in ("reduction", "array") or is_making_like
    return isinstance(found, Composite) and found.is_one_kernel


# Rows


def _row(
    scope: Scope,
    op: Op,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
    module: str,
) -> Lowered:
    """Return what a call of a row comes to: a node, or torch's pair of values and indices."""
    if frame.place is not None:
        return _apply(scope, op, items, nodes, node, frame)
    item = None if module else sequences.folded(scope, op, items, nodes, node, frame)
    if item is None:
        item = _apply(scope, op, items, nodes, node, frame)
    return _as_pair(scope, item, nodes, node) if module not in _NUMPY else item


def _apply(
    scope: Scope, op: Op, items: list[Lowered], nodes: list[Expr], node: ast.Call, frame: Frame
) -> int:
    """Return the node of a call of a row of the op table."""
    arguments, context = scope.arguments, scope.context()
    if op.two_tensor_op and arguments.is_pair(items, nodes, scope.decided):
        op = OPS[op.two_tensor_op]
    matched = arguments.match(op, items, nodes, node, frame.source, context)
    operands, params = arguments.convert(op, matched, node, frame.source, context, scope.operand)
    if op.kind == "random":
        params = (*params, stream_key(scope.seed, scope.builder.random_count))
        scope.builder.random_count += 1
    return scope.add(op, operands, params, node, frame)


# Functions that are written in the language


def _compose(
    scope: Scope,
    found: Composite,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
    dtype: str,
) -> Frame | None:
    """Return a frame for the body of a function of the prelude."""
    definition = prelude.definition(found)
    place = frame.place or Label(frame.source, node.span, f"in this call of `{found.name}`")
    end: Cast | Rounding | None = Cast(dtype) if dtype else None
    if found.has_torch_gradient:
        wide, half = dtypes.widened(scope, items, (place.source, place.span))
        if half and not dtype:
            end = _rounding(scope, found, half, items, nodes, node, frame)
        items = wide if found.is_one_kernel else items
    inner = _inline(scope, definition, items, nodes, node, frame, place)
    if end is None:
        return inner
    if inner is None:
        # The value of the body is on the stack.
        inner = Frame(iter(()), definition.source, {}, None, place, place)
    inner.code = iter([*inner.code, end])
    inner.memo = None
    return inner


def _rounding(
    scope: Scope,
    found: Composite,
    dtype: str,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Cast | Rounding:
    """Return how the value of a call of half precision is rounded, and differentiated.

    Its derivatives are torch's own where torch has the function: they read what torch rounds.
    """
    from graphcalc.graph import torch_calls
    from graphcalc.ops.torch import functions

    function = functions.find(found.name, "F") or functions.find(found.name)
    if function is None:
        return Cast(dtype)
    with suppress(GraphcalcError):
        return Rounding(torch_calls.half_call(scope, function, dtype, items, nodes, node, frame))
    return Cast(dtype)


def _inline(
    scope: Scope,
    definition: Definition,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
    place: Label | None = None,
) -> Frame | None:
    """Return a frame for the body of a function with its parameters bound.

    Where a call like it was lowered before, its value is put on the stack instead.
    """
    if isinstance(definition.body, Block):
        function = FunctionValue(definition, {}, scope.defaults.get(id(definition), {}))
        return inlining.inline_value(scope, function, items, nodes, node, frame)
    items = [
        scope.operand(item, n, frame.source)
        if type(item) in (ListValue, BoundMethod, ParameterValue)
        else item
        for item, n in zip(items, nodes)
    ]
    values = scope.arguments.bind(definition, items, nodes, node, frame.source)
    is_plain = (
        scope.builder.is_sharing
        and not scope.builder.is_without_gradients
        and all([type(v) is int for v in values.values()])
    )
    key = (id(definition), tuple(values.items())) if is_plain else None
    if key is not None and key in scope.memo:
        scope.values.append(scope.memo[key])
        return None
    label = Label(frame.source, node.span, f"in this call of `{brief(definition.name)}`")
    inlining.check_cycle(scope, definition, label)
    is_prelude = place is not None
    if fragments.splice_call(scope, definition, values, place or label, key, is_prelude=is_prelude):
        scope.active.discard(id(definition))
        return None
    if not is_prelude:
        values = {name: inlining.argument(scope, definition, item) for name, item in values.items()}
    code = scope.body(definition, values)
    inlining.count(scope, len(code), label)
    return Frame(
        iter(code),
        definition.source,
        values,
        definition,
        label,
        place,
        key,
        scope.builder.random_count,
    )
