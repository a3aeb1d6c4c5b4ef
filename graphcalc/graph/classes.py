"""Classes: what their definitions, objects and methods come to while the graph is made."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any, TypeAlias

from graphcalc.diagnostics import CallError, Label, brief, did_you_mean
from graphcalc.graph import module_methods, parameter_names, values
from graphcalc.graph.frames import Frame, Push, Take
from graphcalc.graph.indexing import pick
from graphcalc.graph.initial_values import INITIALIZERS, MakingCall, initialize, parameter
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
from graphcalc.source import RULES, Source
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.parser import parse_program
from graphcalc.syntax.program import ClassDefinition, Definition, Jump, Statement

Callee: TypeAlias = "ClassValue | ObjectValue | BoundMethod"
# What Python calls the class that the text of a method stands in.
_CLASS = "__class__"
_SELF = "__self__"


# Definitions


def defined(scope: Scope, statement: ClassDefinition, frame: Frame) -> Iterator[Any]:
    """Yield the code of a class; its value is on the stack at the end."""
    base, is_module = None, False
    for node in statement.bases:
        found = yield from _base(scope, node, frame)
        if found is not None:
            base = found if base is None else base
            is_module |= found is _MODULE or found.is_module
    members: dict[str, Any] = {}
    methods: dict[str, Definition] = {}
    for part in statement.body.statements:
        match part:
            case Definition():
                methods[part.name] = part
            case Statement(name=str(name), value=value):
                taken: list[Lowered] = []
                yield from scope.order(value)
                yield Take(taken)
                members[name] = taken[0]
            case Statement(value=ast.Text()) | Jump(word="pass"):
                pass
            case _:
                raise _no_member(scope, statement)
    base = None if base is _MODULE else base
    made = ClassValue(statement.name, base, methods, members, is_module=is_module)
    made.closure = {} if frame.is_program else frame.values
    yield Push(made)


_MODULE = ClassValue("Module", None, {}, {}, is_module=True)


def _base(scope: Scope, node: Expr, frame: Frame) -> Any:
    """Yield the code of what a class extends; return its class, None for Python's own."""
    if type(node) is ast.Name and node.name in ("object", "ABC", "Module"):
        return _MODULE if node.name == "Module" else None
    taken: list[Lowered] = []
    if type(node) is not ast.Keyword:
        yield from scope.order(node)
        yield Take(taken)
    found = taken[0] if taken else None
    if isinstance(found, BoundMethod) and isinstance(found.value, ModulePrefix):
        if found.name in ("Module", "ABC", "object"):
            return _MODULE if found.name == "Module" else None
        found = layer(found.name)
    if isinstance(found, ClassValue):
        return found
    text = brief(frame.source.slice(node.span))
    raise CallError(
        "class-base",
        f"a class cannot extend `{text}` here",
        scope.label(node, frame.source),
        help="it can extend nn.Module, a layer of torch.nn, or a class of the program",
    )


def _no_member(scope: Scope, statement: ClassDefinition) -> CallError:
    label = Label(statement.source, statement.name_span)
    text = f"`class {brief(statement.name)}` has other statements than methods and values of names"
    return CallError("class", text, (label, *scope.context()), help="put them into `__init__`")


def is_layer(name: str) -> bool:
    """Return whether torch.nn has a layer of that name that is known."""
    return name in layers() and not name.startswith("_")


@cache
def layer(name: str) -> ClassValue | None:
    """Return a layer of torch.nn as a class."""
    if name not in layers():
        return None
    (statement,) = parse_program(Source(layers()[name], RULES)).statements
    assert isinstance(statement, ClassDefinition)
    (base,) = statement.bases
    members: dict[str, Any] = {}
    methods: dict[str, Definition] = {}
    for part in statement.body.statements:
        if isinstance(part, Definition):
            methods[part.name] = part
        elif isinstance(part, Statement) and part.name is not None:
            members[part.name] = StaticNumber(getattr(part.value, "value", None))
    inner = layer(base.name) if isinstance(base, ast.Name) else None
    return ClassValue(name, inner, methods, members, is_module=True, is_layer=True)


# Calls


def is_made(module: str, name: str) -> bool:
    """Whether a function of torch makes a module or a parameter, or fills one."""
    last = module.rpartition(".")[2]
    if last == "init":
        return name in INITIALIZERS
    return last == "nn" and (is_layer(name) or name in ("Parameter", "Buffer"))


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
        kind = value.kind.base or _MODULE
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
    if found is not None and "staticmethod" in found[1].decorators:
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
    held = item.members.get(name)
    if held is not None:
        return _call_member(scope, held, name, items, nodes, node, frame)
    found = kind.method(name)
    if found is None:
        done, inner = module_methods.call(scope, item, name, items, nodes, node, frame)
        if not done:
            raise _unknown(scope, kind, name, node, frame)
        return inner
    owner, definition = found
    if "staticmethod" in definition.decorators:
        return _entered(scope, owner, definition, items, nodes, node, frame)
    if "classmethod" in definition.decorators:
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
    from graphcalc.graph import calls

    place = None
    if owner.is_layer:
        text = f"in this call of `{brief(definition.name)}`"
        place = frame.place or Label(frame.source, node.span, text)
    inner = calls.inline_block(scope, definition, items, nodes, node, frame, owner.closure, place)
    inner.values[_CLASS] = owner
    inner.is_layer = owner.is_layer
    return inner


def _call_member(
    scope: Scope,
    held: Lowered,
    name: str,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Frame | None:
    """Call a member that is an object, a class or a function."""
    from graphcalc.graph import calls

    if isinstance(held, (FunctionValue, BoundMethod, ClassValue, ObjectValue)):
        return calls.call_value(scope, held, items, nodes, node, frame)
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
    if method is not None and "property" in method[1].decorators:
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


def iterate(item: ObjectValue) -> tuple[Lowered, ...] | None:
    """Return what a loop over a module goes over; None for one that holds no others."""
    base = item.kind.own_base
    if not base.is_layer or base.name not in parameter_names.HOLDERS:
        return None
    if base.name in ("ModuleDict", "ParameterDict"):
        return tuple(TextValue(key) for key in item.members)
    return tuple(item.members.values())


def part(
    scope: Scope, item: Lowered, items: list[Lowered], node: ast.Index, frame: Frame
) -> Lowered:
    """Return what an index chooses of the modules that one holds, or of a list of objects."""
    if isinstance(item, ObjectValue):
        key = items[0] if len(items) == 1 else None
        if isinstance(key, TextValue) and key.text in item.members:
            return item.members[key.text]  # type: ignore[no-any-return]
        held = iterate(item)
        if held is None or isinstance(key, TextValue):
            text = brief(frame.source.slice(node.span))
            label = scope.label(node, frame.source)
            known = ", ".join(f"`{name}`" for name in list(item.members)[:8])
            note = f"its parts are {known}" if known else "it has no parts"
            raise CallError("no-parts", f"there is no part `{text}`", label, note=note)
        item = TupleValue(held, node.value)
    assert isinstance(item, (ListValue, TupleValue))
    found = pick(scope.arguments, TupleValue(item.items, item.node), items, node, frame.source)
    is_slice = type(items[0]) is Range
    return ListValue(found.items, node) if is_slice and type(found) is TupleValue else found
