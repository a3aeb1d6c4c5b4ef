"""Lists and tuples as Python has them: joined, repeated, and handed to functions of lists."""

from __future__ import annotations

from typing import Any

from graphcalc.diagnostics import Label, LimitError
from graphcalc.graph.frames import Frame
from graphcalc.graph.lowered import ListValue, Lowered, StaticNumber, TooMany, TupleValue
from graphcalc.graph.scope import Scope
from graphcalc.graph.static_arithmetic import whole
from graphcalc.ops.spec import Op
from graphcalc.ops.table import OPS
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr

# Items that a list or a tuple may have.
MAX_ITEMS = 1_000_000


def arithmetic(
    scope: Scope, node: ast.Binary, left: Lowered, right: Lowered, frame: Frame
) -> Lowered | None:
    """Return what `+` and `*` make of lists and tuples; None where they are arithmetic alone."""
    if node.op == "add":
        return _joined(scope, node, left, right, frame)
    if node.op != "mul":
        return None
    for sequence, count in ((left, right), (right, left)):
        found = sequence if type(sequence) is TupleValue else _list(scope, sequence)
        if found is not None:
            return _repeated(scope, node, found, count, (left, right), frame)
    return None


def _list(scope: Scope, item: Lowered) -> ListValue | None:
    """Return the list that a value is, or that the node of a name was written as."""
    if type(item) is int:
        return scope.arguments.lists.get(item)
    return item if isinstance(item, ListValue) else None


def _is_list_alone(item: ListValue) -> bool:
    """Whether a list is none that may be a tensor: of `range` or `list`, or joined with one."""
    return item.arithmetic is None and type(item.node) in (ast.Call, ast.Binary, ast.Comprehension)


def _is_pythons(scope: Scope, *lists: ListValue) -> bool:
    """Whether lists are no tensors in arithmetic: in a program of Python's, of other lengths, or
    of tensors."""
    if scope.is_python:
        return True
    if any(isinstance(found.items, TooMany) for found in lists):
        return False
    return len({len(found.items) for found in lists}) > 1 or any(
        has_tensors(scope, found) for found in lists
    )


def has_tensors(scope: Scope, found: ListValue) -> bool:
    """Return whether there are tensors among the items of a list that are no lists themselves."""
    nodes = scope.builder.nodes
    return any(
        type(item) is int and nodes[item].type.shape and type(node) not in (ast.Tensor, ast.List)
        for item, node in zip(found.items, found.nodes)
    )


def has_named_list(scope: Scope, item: ListValue) -> bool:
    """Whether a list that is joined or repeated has the node of a name among its operands."""
    pending: list[Any] = [item]
    while pending:
        current = pending.pop()
        if isinstance(current, ListValue) and current.arithmetic:
            pending += current.arithmetic[1:]
        elif type(current) is int and current in scope.arguments.lists:
            return True
    return False


def _joined(
    scope: Scope, node: ast.Binary, left: Lowered, right: Lowered, frame: Frame
) -> Lowered | None:
    if isinstance(left, TupleValue) and isinstance(right, TupleValue):
        _check_count(len(left.items) + len(right.items), node, frame)
        return TupleValue((*left.items, *right.items), node)
    a, b = _list(scope, left), _list(scope, right)
    if a is None or b is None:
        return None
    is_list = _is_list_alone(a) or _is_list_alone(b) or _is_pythons(scope, a, b)
    arithmetic = None if is_list else (node.op, left, right)
    counts = (*a.counts, *b.counts)
    for too_many in (a.items, b.items):
        if isinstance(too_many, TooMany):
            return ListValue(too_many, node, arithmetic, counts)
    error = _excess(len(a.items) + len(b.items), node, frame)
    items = _too_many(error) if error else (*a.items, *b.items)
    return ListValue(items, node, arithmetic, counts)


def _repeated(
    scope: Scope,
    node: ast.Binary,
    sequence: TupleValue | ListValue,
    count: Lowered,
    operands: tuple[Lowered, Lowered],
    frame: Frame,
) -> Lowered | None:
    times, used = _count(scope, count)
    if type(times) is not int:
        return None
    if isinstance(sequence, TupleValue):
        _check_count(len(sequence.items) * times, node, frame)
        for position in used:
            scope.arguments.value(position)
        return TupleValue(sequence.items * times, node)
    is_list = scope.is_python or _is_list_alone(sequence)
    if not is_list and _is_of_program(scope, count, node, operands[0]):
        # A count from outside is a number of a formula: `k * [x]` is arithmetic for any k.
        is_one = len(sequence.items) == 1 and times > 1
        is_list = is_one or has_tensors(scope, sequence)
    arithmetic = None if is_list else (node.op, *operands)
    counts = (*sequence.counts, *used)
    if isinstance(sequence.items, TooMany):
        return ListValue(sequence.items, node, arithmetic, counts)
    error = _excess(len(sequence.items) * times, node, frame)
    items = _too_many(error) if error else sequence.items * times
    return ListValue(items, node, arithmetic, counts)


def _is_of_program(scope: Scope, count: Lowered, node: ast.Binary, side: Lowered) -> bool:
    """Whether how often a list is repeated is a whole number that the program itself decides."""
    if type(count) is not int:
        return isinstance(count, StaticNumber)
    if scope.decided(count) is None:
        return False
    from graphcalc.graph.decisions import says_value

    return not says_value(scope.builder, count, node.left if count is side else node.right)


def _count(scope: Scope, item: Lowered) -> tuple[Any, tuple[int, ...]]:
    """Return how often a list is repeated, and the node that says so; None where none does."""
    if isinstance(item, StaticNumber):
        return whole(item.value), ()
    if type(item) is not int or scope.builder.nodes[item].type.shape:
        return None, ()
    return whole(scope.builder.static(item)), (item,)


def _check_count(count: int, node: Expr, frame: Frame) -> None:
    error = _excess(count, node, frame)
    if error is not None:
        raise error


def _excess(count: int, node: Expr, frame: Frame) -> LimitError | None:
    """Return the error of a list of too many items, or None."""
    if count <= MAX_ITEMS:
        return None
    many = f"{count:,}" if count < 10**18 else "too many"
    return LimitError(
        "parts",
        f"a list of {many} items, and the limit is {MAX_ITEMS:,}",
        (Label(frame.source, node.span),),
        help="write `full((n,), value)`",
    )


def _too_many(error: LimitError) -> TooMany:
    items = TooMany()
    items.error = error
    return items


# Python's own functions of lists


def folded(
    scope: Scope, op: Op, items: list[Lowered], nodes: list[Expr], node: ast.Call, frame: Frame
) -> Lowered | None:
    """Return what Python's own `sum([a, b])` or `max(a, b, c)` is; None for any other call.

    `sum` of a list of tensors adds them up; of a list of numbers it is torch's.
    """
    if not op.python_op or any(type(n) is ast.Keyword for n in nodes):
        return None
    if op.two_tensor_op:
        if len(items) < 3 or type(nodes[2]) is ast.Boolean or _is_reduction(scope, items, nodes):
            return None
        parts = [scope.operand(i, n, frame.source) for i, n in zip(items, nodes)]
    else:
        found = _tensors(scope, items, nodes, frame)
        if found is None:
            return None
        parts = found
    result = parts[0]
    for part in parts[1:]:
        result = scope.add(OPS[op.python_op], (result, part), (), node, frame)
    return result


def _is_reduction(scope: Scope, items: list[Lowered], nodes: list[Expr]) -> bool:
    """Whether `max(x, dim, keepdim)` is meant."""
    return not scope.arguments.is_pair(items[:2], nodes[:2], scope.decided)


def _tensors(
    scope: Scope, items: list[Lowered], nodes: list[Expr], frame: Frame
) -> list[int] | None:
    """Return the tensors that Python's `sum` adds up, and the number it starts at."""
    if not 1 <= len(items) <= 2 or not isinstance(items[0], (ListValue, TupleValue)):
        return None
    if isinstance(items[0], ListValue):
        parts = list(zip(items[0].items, items[0].nodes))
    else:
        parts = [(item, nodes[0]) for item in items[0].items]
    shapes = [
        scope.builder.nodes[item].type.shape
        for item, part in parts
        if type(item) is int and not isinstance(part, ast.Tensor)
    ]
    if not any(shapes):
        return None
    return [scope.operand(i, n, frame.source) for i, n in (*parts, *zip(items[1:], nodes[1:]))]
