"""Lists that change: `append` and its like, `xs[0] = x` and `xs += [x]`.

A list is a value of its own, and all that mean it mean the changed one afterwards.
"""

from __future__ import annotations

from graphcalc.diagnostics import CallError, IndexRangeError
from graphcalc.graph.frames import Frame
from graphcalc.graph.lowered import FunctionValue, ListValue, Lowered, NoneValue, TupleValue
from graphcalc.graph.scope import Scope
from graphcalc.graph.values import iterate
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.program import AugmentedAssignment


def changed(
    scope: Scope,
    name: str,
    old: ListValue,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Lowered:
    """Return what `xs.append(x)` and its like give, and let all that mean the list mean the new
    one."""
    _check_apart(scope, old, node, frame)
    parts, count = list(old.items), len(items)
    wanted = {"append": (1,), "extend": (1,), "insert": (2,), "pop": (0, 1)}[name]
    if count not in wanted:
        numbers = " or ".join(map(str, wanted))
        text = f"`{name}` of a list has {numbers} arguments, and here are {count}"
        raise CallError("arity", text, scope.label(node, frame.source))
    result: Lowered = NoneValue(node)
    if name == "append":
        parts.append(items[0])
    elif name == "extend":
        parts += iterate(scope, items[0], (frame.source, nodes[0].span))
    elif name == "insert":
        parts.insert(_place(scope, items[0], nodes[0], frame), items[1])
    else:
        place = _place(scope, items[0], nodes[0], frame) if items else -1
        _check_place(scope, place, len(parts), node, frame)
        result = parts.pop(place)
    replace(scope, old, ListValue(tuple(parts), _listing(node)))
    return result


def give_item(
    scope: Scope,
    old: ListValue,
    items: list[Lowered],
    value: Lowered,
    node: ast.Index,
    frame: Frame,
) -> None:
    """Let an item of a list be another value."""
    place, parts = _place(scope, items[0], node.items[0], frame), list(old.items)
    _check_place(scope, place, len(parts), node, frame)
    parts[place] = value
    replace(scope, old, ListValue(tuple(parts), _listing(node)))


def extended(
    scope: Scope, left: Lowered, statement: AugmentedAssignment, frame: Frame
) -> Lowered | None:
    """Return the list that `xs += ys` makes, for all that mean it; None for what is no list."""
    if not isinstance(left, ListValue) or statement.op != "add":
        return None
    _check_apart(scope, left, statement.value, frame)
    where = frame.source, statement.value.span
    parts = (*left.items, *iterate(scope, scope.values[-1], where))
    return replace(scope, left, ListValue(parts, _listing(statement.value)))


def _place(scope: Scope, item: Lowered, node: Expr, frame: Frame) -> int:
    found = scope.fixed(item) if not isinstance(item, int) else scope.decided(item)
    if found is None or found != int(found):
        text = "an index of a list is a whole number that is known"
        raise IndexRangeError("index-whole", text, scope.label(node, frame.source))
    return int(found)


def _check_place(scope: Scope, place: int, count: int, node: Expr, frame: Frame) -> None:
    if not -count <= place < count:
        text = f"index {place} is outside of a list of {count}"
        raise IndexRangeError("index-range", text, scope.label(node, frame.source))


def _listing(node: Expr) -> Expr:
    """The syntax of a list that is no tensor."""
    return ast.Call(ast.Name("list", node.start, node.start), (), node.start, node.end)


def _check_apart(scope: Scope, old: ListValue, node: Expr, frame: Frame) -> None:
    """Raise CallError for a list that a loop goes over at the moment."""
    if any(turns.whole is old for turns in scope.turns):
        raise CallError(
            "list-in-loop",
            "a loop goes over this list, and here it changes",
            scope.label(node, frame.source),
            help="let the loop go over a copy: `for x in list(xs):`",
        )


def replace(scope: Scope, old: ListValue, new: ListValue) -> ListValue:
    """Let every name, list and pending value that is a list mean another one; return that."""
    seen: dict[int, object] = {}

    def replaced(item: Lowered) -> Lowered:
        if item is old:
            return new
        if isinstance(item, (TupleValue, ListValue)):
            parts = tuple(map(replaced, item.items))
            if any(a is not b for a, b in zip(parts, item.items)):
                return item._replace(items=parts)
        elif isinstance(item, FunctionValue):
            within(item.closure)
        return item

    def within(values: dict[str, Lowered]) -> None:
        if id(values) not in seen:
            seen[id(values)] = values
            for name, item in list(values.items()):
                values[name] = replaced(item)

    scope.values[:] = map(replaced, scope.values)
    for turns in scope.turns:
        if turns.may_change:
            turns.waiting[:] = map(replaced, turns.waiting)
    for frame in scope.frames:
        within(frame.values)
    for item in scope.objects:
        within(item.members)
    for name, static in list(scope.statics.items()):
        found = replaced(static.item)
        if found is not static.item and scope.program is not None:
            scope.program.give_static(name, found)
    return new
