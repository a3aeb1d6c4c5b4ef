"""Definitions of classes, as code of the frame that they stand in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphcalc.diagnostics import CallError, Label, brief
from graphcalc.graph.frames import Frame, Push, Take
from graphcalc.graph.layer_classes import MODULE, layer
from graphcalc.graph.lowered import BoundMethod, Lowered, ModulePrefix
from graphcalc.graph.objects import ClassValue
from graphcalc.graph.scope import Scope
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.program import ClassDefinition, Definition, Jump, Statement


def defined(scope: Scope, statement: ClassDefinition, frame: Frame) -> Iterator[Any]:
    """Yield the code of a class; its value is on the stack at the end."""
    base, is_module = None, False
    for node in statement.bases:
        found = yield from _base(scope, node, frame)
        if found is not None:
            base = found if base is None else base
            is_module |= found is MODULE or found.is_module
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
    base = None if base is MODULE else base
    made = ClassValue(statement.name, base, methods, members, is_module=is_module)
    made.closure = {} if frame.is_program else frame.values
    yield Push(made)


def _base(scope: Scope, node: Expr, frame: Frame) -> Any:
    """Yield the code of what a class extends; return its class, None for Python's own."""
    if type(node) is ast.Name and node.name in ("object", "ABC", "Module"):
        return MODULE if node.name == "Module" else None
    taken: list[Lowered] = []
    if type(node) is not ast.Keyword:
        yield from scope.order(node)
        yield Take(taken)
    found = taken[0] if taken else None
    if isinstance(found, BoundMethod) and isinstance(found.value, ModulePrefix):
        if found.name in ("Module", "ABC", "object"):
            return MODULE if found.name == "Module" else None
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
