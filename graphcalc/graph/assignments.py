"""What names, items and members are given: the steps of assignments."""

from __future__ import annotations

import math

from graphcalc.diagnostics import CallError, Label
from graphcalc.graph import lists, storage
from graphcalc.graph.frames import (
    Augment,
    AugmentItem,
    CallOf,
    Discard,
    ForgetGradient,
    Frame,
    Give,
    GiveItem,
    GiveMember,
    Invoke,
    Push,
    Take,
    Unpack,
    Unwritten,
    WriteTo,
)
from graphcalc.graph.indexing import Indexing
from graphcalc.graph.lowered import (
    ListValue,
    Lowered,
    NoneValue,
)
from graphcalc.graph.objects import ClassValue, ObjectValue, ParameterValue, place_in
from graphcalc.graph.scope import Scope
from graphcalc.graph.values import iterate, spread_arguments
from graphcalc.ops.spec import FLOATS
from graphcalc.ops.table import OPS
from graphcalc.source import Source, Span
from graphcalc.syntax import expr as ast


def give(scope: Scope, step: Give, frame: Frame) -> None:
    """Give the value on top of the stack to a name."""
    item = scope.values.pop()
    if isinstance(item, ParameterValue) and not item.places and item.value is not None:
        item = item.value
    if frame.is_program:
        assert scope.program is not None
        scope.program.give(item, step.name, step.root, frame.source, is_turn=step.is_turn)
        return
    frame.values[step.name] = item
    is_shown = frame.definition is not None and frame.place is None and not step.is_turn
    if type(item) is int and frame.definition is not None and is_shown:
        scope.local_names.append((item, f"{frame.definition.name}.{step.name}"))


def discard(scope: Scope, step: Discard, frame: Frame) -> None:
    """Take the value of a statement without a name off the stack; in the program it is a result."""
    item = scope.values.pop()
    if frame.is_program and not isinstance(item, NoneValue):
        assert scope.program is not None
        scope.program.give(item, None, step.root, frame.source)


def take(scope: Scope, step: Take, frame: Frame) -> None:
    """Move the value on top of the stack to a list."""
    step.taken.append(scope.values.pop())


def push(scope: Scope, step: Push, frame: Frame) -> None:
    """Put a value on the stack."""
    scope.values.append(step.item)


def unpack(scope: Scope, step: Unpack, frame: Frame) -> None:
    """Put the parts of the value on top of the stack there, the first on top."""
    scope.values += parts_of(scope, scope.values.pop(), step, frame.source)[::-1]


def parts_of(scope: Scope, item: Lowered, step: Unpack, source: Source) -> list[Lowered]:
    """Return a value's part for each name; raise CallError for another number of them."""
    found = list(iterate(scope, item, (source, step.root.span)))
    count, rest = step.size, step.rest
    if len(found) != count if rest is None else len(found) < count - 1:
        least = "" if rest is None else "at least "
        wanted = count - (rest is not None)
        raise CallError(
            "unpack",
            f"{least}{wanted} name{'s' * (wanted != 1)} for {len(found)} "
            f"value{'s' * (len(found) != 1)}",
            (Label(source, step.root.span), *scope.context()),
        )
    if rest is not None:
        end = len(found) - (count - 1 - rest)
        many: Lowered = ListValue(tuple(found[rest:end]), _listing(step.root))
        found[rest:end] = [many]
    return found


def _listing(root: ast.Expr) -> ast.Expr:
    """The syntax of a list that is no tensor."""
    return ast.Call(ast.Name("list", root.start, root.start), (root,), root.start, root.end)


def invoke(scope: Scope, step: Invoke, frame: Frame) -> Frame | None:
    """Call a function that is a value."""
    from graphcalc.graph import calls

    return calls.invoke(scope, step, frame)


def call_of(scope: Scope, step: CallOf, frame: Frame) -> Frame | None:
    """Call a function by its name with arguments that are known."""
    from graphcalc.graph import calls

    return calls.call_of(scope, step, frame)


def forget_gradient(scope: Scope, step: ForgetGradient, frame: Frame) -> None:
    """Let the passes so far not count in the gradient of the value on top of the stack."""
    item = scope.values.pop()
    scope.passes_before[scope.operand(item, step.node, frame.source)] = len(scope.backward_passes)
    scope.values.append(NoneValue(step.node))


def unwritten(scope: Scope, step: Unwritten, frame: Frame) -> None:
    """Turn the tensor on top of the stack into one of nan, as long as nothing is written to it."""
    position, where = scope.operand(scope.values.pop(), step.node, frame.source), step.node.span
    nan = scope.builder.constant(math.nan, (frame.source, where))
    if scope.builder.nodes[position].type.dtype in FLOATS:
        position = scope.add(OPS["full_like"], (position, nan), (), step.node, frame)
    scope.values.append(position)


def augment(scope: Scope, step: Augment, frame: Frame) -> None:
    """Join the two values on top of the stack by the operator of an augmented assignment.

    A tensor is changed in place, as in torch; a number or a tuple gets another value.
    """
    statement, left = step.statement, scope.values[-2]
    node = ast.Binary(statement.op, statement.target, statement.value, *statement.span)
    found_list = lists.extended(scope, left, statement, frame)
    if found_list is not None:
        scope.values[-2:] = [found_list]
        return
    scope.language.steps[ast.Binary](scope, node, frame)
    if storage.is_number(scope, left):
        return
    new = scope.operand(scope.values.pop(), node, frame.source)
    where = frame.source, Span(*statement.span)
    assert type(left) is int
    is_constant = storage.is_unseen(statement.target)
    step.written.append(storage.write(scope, left, new, where, is_constant=is_constant))


def write_to(scope: Scope, step: WriteTo, frame: Frame) -> None:
    """Write the value on top of the stack in place; it stays there."""
    new = scope.operand(scope.values.pop(), step.node, frame.source)
    where, is_constant = (frame.source, step.node.span), storage.is_unseen(step.node)
    scope.values.append(storage.write(scope, step.old, new, where, is_constant=is_constant))


def augment_item(scope: Scope, step: AugmentItem, frame: Frame) -> None:
    """Change what an index chooses by the operator of an augmented assignment."""
    statement = step.statement
    node = statement.target
    assert isinstance(node, ast.Index)
    value = scope.values.pop()
    items = scope.pop(len(node.items))
    base = scope.values[-1]
    if isinstance(base, ListValue):
        _augment_part(scope, step, base, items, value, frame)
        return
    mask = _mask_of(scope, items)
    # What is chosen now, or all of it, is joined with the value and written to the same places.
    scope.values.append(base)
    if mask is None:
        scope.values += items
        scope.language.steps[ast.Index](scope, node, frame)
    scope.values.append(value)
    joined = ast.Binary(statement.op, node, statement.value, *statement.span)
    scope.language.steps[ast.Binary](scope, joined, frame)
    if mask is not None:
        where = frame.source, Span(*statement.span)
        old = scope.operand(base, node.value, frame.source)
        new = scope.operand(scope.values.pop(), joined, frame.source)
        scope.values.pop()
        put = storage.put_mask(scope, old, mask, new, where, is_whole=True)
        storage.write(scope, old, put, where, is_constant=storage.is_unseen(node))
        return
    base = scope.values[-2]
    scope.values[-2:] = [scope.values[-1], base, *items]
    give_item(scope, GiveItem(node), frame)


def _augment_part(
    scope: Scope,
    step: AugmentItem,
    base: ListValue,
    items: list[Lowered],
    value: Lowered,
    frame: Frame,
) -> None:
    """Change an item of a list: a tensor in place, a number by another one."""
    node = step.statement.target
    assert isinstance(node, ast.Index)
    scope.values += items
    scope.language.steps[ast.Index](scope, node, frame)
    scope.values.append(value)
    written: list[int] = []
    augment(scope, Augment(step.statement, written), frame)
    if not written:
        lists.give_item(scope, base, items, scope.values.pop(), node, frame)


def give_item(scope: Scope, step: GiveItem, frame: Frame) -> None:
    """Write a value to what an index chooses."""
    node = step.node
    items, nodes = spread_arguments(scope.pop(len(node.items)), node.items)
    base, value = scope.values.pop(), scope.values.pop()
    where = frame.source, node.span
    if isinstance(base, ListValue):
        lists.give_item(scope, base, items, value, node, frame)
        return
    old = scope.operand(base, node.value, frame.source)
    new = scope.operand(value, node, frame.source)
    mask = _mask_of(scope, items)
    is_constant = storage.is_unseen(node)
    if mask is not None:
        put = storage.put_mask(scope, old, mask, new, where)
        storage.write(scope, old, put, where, is_constant=is_constant)
        return
    items = [
        scope.operand(i, n, frame.source) if isinstance(i, ListValue) else i
        for i, n in zip(items, nodes)
    ]
    shape = scope.builder.nodes[old].type.shape
    written = ast.Index(node.value, tuple(nodes), node.start, node.end)
    indexing = Indexing(scope.arguments, scope.operand)
    params, places = indexing.items(items, written, shape, frame.source)
    put = storage.put(scope, old, params, new, where, tuple(places))
    storage.write(scope, old, put, where, is_constant=is_constant)


def _mask_of(scope: Scope, items: list[Lowered]) -> int | None:
    """The mask that an index is, if it is one."""
    if len(items) != 1 or type(items[0]) is not int:
        return None
    return items[0] if scope.builder.nodes[items[0]].type.dtype == "bool" else None


def give_member(scope: Scope, step: GiveMember, frame: Frame) -> None:
    """Let a member of an object be a value; `x.grad = None` forgets passes, `x.data = y` writes."""
    node = step.node
    base, value = scope.values.pop(), scope.values.pop()
    label = scope.label(node, frame.source)
    if node.name == "grad" and isinstance(value, NoneValue):
        scope.passes_before[scope.operand(base, node, frame.source)] = len(scope.backward_passes)
        return
    if node.name == "data" and type(base) is int:
        new = scope.operand(value, node, frame.source)
        storage.write(scope, base, new, (frame.source, node.span), is_constant=True)
        return
    if isinstance(base, ClassValue):
        base.members[node.name] = value
        return
    if isinstance(base, ObjectValue):
        base.members[node.name] = value
        place_in(base, node.name, value)
        return
    raise CallError("member", f"`.{node.name}` of this value cannot be given another value", label)
