"""Classes: what their definitions, objects and methods come to while the graph is made."""

from __future__ import annotations

from itertools import chain
from typing import Any, TypeAlias

from graphcalc.diagnostics import CallError, Label, brief, did_you_mean
from graphcalc.graph import module_methods, parameter_names, values
from graphcalc.graph.frames import Frame, Invoke, Push, Take
from graphcalc.graph.held_modules import held
from graphcalc.graph.indexing import pick
from graphcalc.graph.initial_values import INITIALIZERS, MakingCall, initialize, parameter
from graphcalc.graph.inlining import inline_block
from graphcalc.graph.layer_classes import MODULE, is_layer, layer
from graphcalc.graph.lowered import (
    BoundMethod,
    FunctionValue,
    ListValue,
    Lowered,
    ModulePrefix,
    NoneValue,
    Range,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.objects import ClassValue, ObjectValue, ParameterValue, SuperValue, place_in
from graphcalc.graph.scope import Scope
from graphcalc.ops.layers import layers
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.program import Definition

Callee: TypeAlias = "ClassValue | ObjectValue | BoundMethod"
# What Python calls the class that the text of a method stands in.
_CLASS = "__class__"
_SELF = "__self__"


# Calls


def call(
    scope: Scope,
    found: Callee,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Frame | None:
    """Put the value of a call of a class, an object or a method on the stack, or return its
    frame."""
    if isinstance(found, ClassValue):
        return _construct(scope, found, items, nodes, node, frame)
    if isinstance(found, ObjectValue):
        name = "forward" if found.kind.is_module else "__call__"
        return _method(scope, found, found.kind, name, items, nodes, node, frame)
    value, name = found.value, found.name
    if isinstance(value, ModulePrefix):
        made = MakingCall(scope, items, nodes, node, frame)
        if name in INITIALIZERS:
            scope.values.append(initialize(name, made))
            return None
        if name in ("Parameter", "Buffer"):
            scope.values.append(parameter(made))
            return None
        kind = layer(name)
        assert kind is not None
        return _construct(scope, kind, items, nodes, node, frame)
    if isinstance(value, ParameterValue):
        module_methods.of_parameter(scope, value, name, items, nodes, node, frame)
        return None
    if isinstance(value, ObjectValue):
        return _method(scope, value, value.kind, name, items, nodes, node, frame)
    if isinstance(value, SuperValue):
        base = value.kind.base
        if name == "__init__" and (base is None or base.method(name) is None):
            if base is not None:
                _fill(scope, value.item, items, nodes, node, frame)
            scope.values.append(NoneValue(node))
            return None
        kind = value.kind.base or MODULE
        return _method(scope, value.item, kind, name, items, nodes, node, frame)
    assert isinstance(value, ClassValue)
    return _of_class(scope, value, name, items, nodes, node, frame)


def _of_class(
    scope: Scope,
    kind: ClassValue,
    name: str,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Frame | None:
    """`Base.__init__(self, …)`, and static methods."""
    found = kind.method(name)
    if found is not None and _is_decorated(found[1], "staticmethod"):
        return _entered(scope, kind, found[1], items, nodes, node, frame)
    if items and isinstance(items[0], ObjectValue):
        return _method(scope, items[0], kind, name, items[1:], nodes[1:], node, frame)
    raise _unknown(scope, kind, name, node, frame)


_DICTIONARY = ClassValue("dict", None, {}, {}, is_module=False)


def dictionary(
    scope: Scope, items: list[Lowered], nodes: list[Expr], node: ast.Call, frame: Frame
) -> ObjectValue:
    """Return what `dict(a=…)` and `OrderedDict([("a", …)])` hold, by their keys."""
    made = ObjectValue(_DICTIONARY, Label(frame.source, node.span))
    scope.objects.append(made)
    for item, written in zip(items, nodes):
        if type(written) is ast.Keyword:
            made.members[written.name] = item
            continue
        for pair in values.iterate(scope, item, (frame.source, written.span)):
            key, value = values.iterate(scope, pair, (frame.source, written.span))
            if isinstance(key, TextValue):
                made.members[key.text] = value
    return made


def super_of(scope: Scope, items: list[Lowered], node: ast.Call, frame: Frame) -> SuperValue:
    """Return what `super()` is in a method."""
    kind, first = frame.values.get(_CLASS), frame.values.get(_SELF)
    if len(items) == 2:
        kind, first = items[0], items[1]
    if not isinstance(kind, ClassValue) or not isinstance(first, ObjectValue):
        label = scope.label(node, frame.source)
        raise CallError("outside", "`super()` stands outside of a method", label)
    return SuperValue(first, kind)


# Objects


def _construct(
    scope: Scope,
    kind: ClassValue,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Frame | None:
    """Make an object: put it on the stack, or return the frame that does."""
    label = _call_label(kind, node, frame)
    item = ObjectValue(kind, label)
    scope.objects.append(item)
    if kind.method("__init__") is None:
        _fill(scope, item, items, nodes, node, frame)
        scope.values.append(item)
        return None
    if kind.is_layer:
        items, nodes = _computing(items, nodes)
    inner = _method(scope, item, kind, "__init__", items, nodes, node, frame)
    assert inner is not None
    inner.code = chain(inner.code, (Take([]), Push(item)))
    return inner


def _computing(items: list[Lowered], nodes: list[Expr]) -> tuple[list[Lowered], list[Expr]]:
    """Return arguments of a layer without those that say where and how it is kept."""
    kept = [
        (item, node)
        for item, node in zip(items, nodes)
        if type(node) is not ast.Keyword or node.name not in ("device", "dtype")
    ]
    return [item for item, _ in kept], [node for _, node in kept]


def _call_label(kind: ClassValue, node: ast.Call, frame: Frame) -> Label:
    if frame.place is not None:
        return frame.place
    return Label(frame.source, node.span, f"in this call of `{brief(kind.name)}`")


def _fill(
    scope: Scope,
    item: ObjectValue,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> None:
    """Give a new object without `__init__` what its class holds: modules, or fields."""
    kind = item.kind
    if kind.own_base.is_layer and kind.own_base.name in parameter_names.HOLDERS:
        module_methods.fill(scope, item, items, nodes, frame)
        return
    fields = [name for one in reversed(list(kind.line())) for name in one.members]
    for place, (value, written) in enumerate(zip(items, nodes)):
        name = written.name if type(written) is ast.Keyword else ""
        if type(written) is not ast.Keyword and place < len(fields):
            name = fields[place]
        if name not in fields or kind.is_module:
            raise CallError(
                "arity",
                f"`{brief(kind.name)}` takes no argument {f'`{name}`' if name else 'here'}",
                scope.label(written, frame.source),
                help="write `__init__` with it",
            )
        set_member(item, name, value)


def set_member(item: ObjectValue, name: str, value: Lowered) -> None:
    """Let a member of an object be a value."""
    item.members[name] = value
    place_in(item, name, value)


def _method(
    scope: Scope,
    item: ObjectValue,
    kind: ClassValue,
    name: str,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Frame | None:
    """Call a method of an object that is looked for from a class on."""
    found_member = item.members.get(name)
    if found_member is not None:
        return _call_member(scope, found_member, name, items, nodes, node, frame)
    found = kind.method(name)
    if found is None:
        done, inner = module_methods.call(scope, item, name, items, nodes, node, frame)
        if not done:
            raise _unknown(scope, kind, name, node, frame)
        return inner
    owner, definition = found
    if _is_decorated(definition, "staticmethod"):
        return _entered(scope, owner, definition, items, nodes, node, frame)
    if _is_decorated(definition, "classmethod"):
        raise _unknown(scope, kind, name, node, frame)
    if name == "forward" and kind.is_trained:
        module_methods.check_mode(scope, item, node, frame)
    key = f"{owner.name}.{name}"
    if key not in item.methods:
        title = kind.name if name == "__init__" else parameter_names.title(scope.objects, item)
        if name not in ("__init__", "forward", "__call__"):
            title = f"{title}.{name}"
        if not definition.parameters:
            text = f"the method `{brief(name)}` has no first parameter, which is the object"
            raise CallError("arity", text, (Label(definition.source, definition.name_span),))
        rest = definition.parameters[1:]
        item.methods[key] = definition._replace(name=title, parameters=rest)
    inner = _entered(scope, owner, item.methods[key], items, nodes, node, frame)
    inner.values[definition.parameters[0].name] = inner.values[_SELF] = item
    return inner


def _entered(
    scope: Scope,
    owner: ClassValue,
    definition: Definition,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Frame:
    """Return a frame for the body of a method."""
    place = None
    if owner.is_layer:
        text = f"in this call of `{brief(definition.name)}`"
        place = frame.place or Label(frame.source, node.span, text)
    inner = inline_block(scope, definition, items, nodes, node, frame, owner.closure, place)
    inner.values[_CLASS] = owner
    inner.is_layer = owner.is_layer
    return inner


def _call_member(
    scope: Scope,
    item: Lowered,
    name: str,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Frame | None:
    """Call a member that is an object, a class or a function."""
    if isinstance(item, (FunctionValue, BoundMethod, ClassValue, ObjectValue)):
        step = Invoke(item, tuple(items), node, tuple(nodes))
        return Frame(iter([step]), frame.source, frame.values, place=frame.place)
    label = scope.label(node.function, frame.source)
    raise CallError("not-a-function", f"`{brief(name)}` is not a function", label)


# Members


def member(scope: Scope, item: Lowered, node: ast.Attribute, frame: Frame) -> Lowered | Frame:
    """Return a member of an object or of a class; the frame of a property."""
    name = node.name
    if isinstance(item, SuperValue):
        return BoundMethod(item, name, node)
    if isinstance(item, ClassValue):
        found: Any = item.member(name)
        return found if found is not None else BoundMethod(item, name, node)
    assert isinstance(item, ObjectValue)
    found = item.members.get(name)
    if found is None:
        found = item.kind.member(name)
    if found is not None:
        return found  # type: ignore[no-any-return]
    method = item.kind.method(name)
    if method is not None and _is_decorated(method[1], "property"):
        read = ast.Call(node, (), node.start, node.end)
        inner = _method(scope, item, item.kind, name, [], [], read, frame)
        assert inner is not None
        return inner
    if method is not None or module_methods.is_method(item, name):
        return BoundMethod(item, name, node)
    if name == "training" and item.kind.is_module:
        module_methods.check_mode(scope, item, node, frame)
        return StaticNumber(False)
    if name == "__class__":
        return item.kind
    if name == "__name__":
        return TextValue(item.kind.name)
    raise _unknown(scope, item.kind, name, node, frame, item)


def _unknown(
    scope: Scope,
    kind: ClassValue,
    name: str,
    node: Expr,
    frame: Frame,
    item: ObjectValue | None = None,
) -> CallError:
    known = {n for c in kind.line() for n in (*c.methods, *c.members)}
    known |= set(item.members) if item is not None else set()
    label = scope.label(node, frame.source)
    advice = module_methods.INSTEAD.get(name, "") if kind.is_module else ""
    if name in ("forward", "__call__"):
        text = f"`{brief(kind.name)}` has no method `{name}`, and cannot be called"
        return CallError("unknown-member", text, label)
    text = f"`{brief(kind.name)}` has no `{brief(name)}`"
    return CallError("unknown-member", text, label, help=advice or did_you_mean(name, known))


_INSTEAD_OF_LAYERS = {
    **dict.fromkeys(
        ("DataParallel", "parallel"), "leave it out: a program runs on one device, --device"
    ),
    **dict.fromkeys(
        ("LSTM", "GRU", "RNN"),
        "write the loop over time, `for x in xs: h = cell(x, h)` with nn.LSTMCell, nn.GRUCell or "
        "nn.RNNCell",
    ),
    **dict.fromkeys(
        ("Transformer", "TransformerEncoder", "TransformerDecoder", "TransformerDecoderLayer"),
        "write a list of nn.TransformerEncoderLayer, or the block itself",
    ),
    **dict.fromkeys(
        ("LazyLinear", "LazyConv1d", "LazyConv2d", "LazyConv3d"), "write the layer with its sizes"
    ),
}


def unknown_layer(scope: Scope, name: str, label: tuple[Label, ...]) -> CallError:
    """Return the error for a layer of torch.nn that has no form in the language."""
    public = {known for known in layers() if is_layer(known)}
    return CallError(
        "unknown-layer",
        f"`nn.{brief(name)}` is no layer that can be computed here",
        label,
        help=_INSTEAD_OF_LAYERS.get(name) or did_you_mean(name, public),
    )


def part(
    scope: Scope, item: Lowered, items: list[Lowered], node: ast.Index, frame: Frame
) -> Lowered:
    """Return what an index chooses of the modules that one holds, or of a list of objects."""
    if isinstance(item, ObjectValue):
        key = items[0] if len(items) == 1 else None
        if isinstance(key, TextValue) and key.text in item.members:
            return item.members[key.text]  # type: ignore[no-any-return]
        parts = held(item)
        if parts is None or isinstance(key, TextValue):
            text = brief(frame.source.slice(node.span))
            label = scope.label(node, frame.source)
            known = ", ".join(f"`{name}`" for name in list(item.members)[:8])
            note = f"its parts are {known}" if known else "it has no parts"
            raise CallError("no-parts", f"there is no part `{text}`", label, note=note)
        item = TupleValue(parts, node.value)
    assert isinstance(item, (ListValue, TupleValue))
    found = pick(scope.arguments, TupleValue(item.items, item.node), items, node, frame.source)
    is_slice = type(items[0]) is Range
    return ListValue(found.items, node) if is_slice and type(found) is TupleValue else found


def _is_decorated(definition: Definition, name: str) -> bool:
    """Whether a decorator of a method has a name."""
    return any(isinstance(d, ast.Name) and d.name == name for d in definition.decorators)
