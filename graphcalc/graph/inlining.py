"""Calls of functions with statements: the frames of their bodies, with parameters bound."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType

from graphcalc.diagnostics import CallError, Label, LimitError, brief
from graphcalc.graph import fragments
from graphcalc.graph.blocks import body_code
from graphcalc.graph.frames import Frame
from graphcalc.graph.lowered import FunctionValue, Lowered, Unassigned
from graphcalc.graph.scope import Scope
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.parts import names_given
from graphcalc.syntax.program import Block, Definition


def inline_value(
    scope: Scope,
    function: FunctionValue,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Frame:
    """Return a frame for the body of a function that is a value."""
    definition, closure, defaults = function
    return inline_block(scope, definition, items, nodes, node, frame, closure, defaults=defaults)


def _own_names(scope: Scope, definition: Definition) -> Mapping[str, Lowered]:
    """Return the names that a function's statements give values, before they have one."""
    found = scope.own_names.get(id(definition))
    if found is None:
        body = definition.body
        names = sorted(names_given(body.statements)) if isinstance(body, Block) else ()
        found = scope.own_names[id(definition)] = {name: Unassigned(name) for name in names}
    return found


def inline_block(
    scope: Scope,
    definition: Definition,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
    closure: Mapping[str, Lowered],
    place: Label | None = None,
    defaults: Mapping[str, Lowered] = MappingProxyType({}),
) -> Frame:
    """Return a frame for the statements of a function's body with its parameters bound.

    `place` is the user's call of a layer, for the text of the layer.
    """
    values = scope.arguments.bind(definition, items, nodes, node, frame.source)
    where = frame.place or Label(frame.source, node.span)
    label = where._replace(text=f"in this call of `{brief(definition.name)}`")
    check_cycle(scope, definition, label)
    values = {**defaults, **values}
    arguments = {name: argument(scope, definition, item) for name, item in values.items()}
    names = {**closure, **_own_names(scope, definition), **arguments}
    inner = Frame(iter(()), definition.source, names, definition, label, place)
    code = scope.body(definition, arguments)
    count(scope, 1 + len(code), label)
    is_block = isinstance(definition.body, Block)
    inner.code = chain(code, body_code(scope, definition, inner)) if is_block else iter(code)
    return inner


def argument(scope: Scope, definition: Definition, item: Lowered) -> Lowered:
    """Return an argument of a function of the program; a written number is a node of its own where
    the function takes gradients."""
    if type(item) is int and fragments.takes_gradients(scope, definition):
        return scope.builder.variable(item)
    return item


def count(scope: Scope, steps: int, label: Label) -> None:
    """Count what a call unfolds to; it takes time even where its nodes are there already."""
    scope.inlined += steps
    limit = scope.inlining_limit
    if scope.inlined > limit:
        raise LimitError(
            "inlining",
            f"the functions of this program unfold to more than {limit:,} operations",
            (label,),
            help="raise it with --max-nodes, of which it is a tenth",
        )


def check_cycle(scope: Scope, definition: Definition, label: Label) -> None:
    """Raise CallError for a function that is being inlined already."""
    if id(definition) not in scope.active:
        scope.active.add(id(definition))
        return
    active = [f.definition for f in scope.frames if f.definition is not None]
    cycle = [*active[active.index(definition) :], definition]
    chain = " → ".join(f"`{brief(d.name, 30)}`" for d in cycle[:6])
    raise CallError(
        "recursion",
        f"a function cannot call itself: {chain}{' …' if len(cycle) > 6 else ''}",
        (label,),
        note="calls are inlined, so a cycle would never end",
    )
