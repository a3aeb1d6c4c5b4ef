"""What is done at each kind of syntax, in postorder: expressions to nodes of the graph.

Each step takes its operands off the scope's stack of values and puts what it comes to there. A
call of a function that is written in the language gives the frame of its body.
"""

from __future__ import annotations

from typing import Any

from graphcalc.diagnostics import CallError, Label, brief
from graphcalc.graph import attributes, calls, dtypes, shape_functions, text_comparison
from graphcalc.graph.builder import Builder
from graphcalc.graph.frames import Cast, Choice, Frame, Store
from graphcalc.graph.functions import FunctionTable
from graphcalc.graph.indexing import Indexing, pick
from graphcalc.graph.lowered import (
    EllipsisValue,
    ListValue,
    Lowered,
    ModulePrefix,
    NoneValue,
    Range,
    StaticNumber,
    TextValue,
    TupleValue,
    compare,
)
from graphcalc.graph.scope import Language, Missing, Scope, Symbols
from graphcalc.graph.static_arithmetic import arithmetic
from graphcalc.ops.sizes import Size
from graphcalc.ops.table import CONSTANTS, OPS
from graphcalc.ops.words import PREFIXES
from graphcalc.source import Source, Span
from graphcalc.syntax import expr as ast
from graphcalc.syntax.actions import is_long
from graphcalc.syntax.expr import Expr, is_choice
from graphcalc.syntax.format import format_expression


def new_scope(
    builder: Builder, missing: Missing, seed: int = 0, symbols: Symbols = lambda name: None
) -> Scope:
    """Return a scope that adds to a builder; its arguments are those of `Scope`."""
    return Scope(builder, LANGUAGE, missing, seed, symbols)


def unpack(scope: Scope, item: Lowered, count: int, root: Expr, source: Source) -> list[int]:
    """Return the nodes that `a, b = value` gives its names; raise CallError for another number."""
    if type(item) is not TupleValue:
        position = scope.operand(item, root, source)
        where = source, root.span
        pair = attributes.values_and_indices(scope, position, where)
        item = TupleValue(pair or shape_functions.unbind(scope, position, 0, where), root)
    if len(item.items) != count:
        raise CallError(
            "unpack",
            f"{count} names for {len(item.items)} value{'s' * (len(item.items) != 1)}",
            (Label(source, root.span),),
        )
    return [scope.operand(part, root, source) for part in item.items]


# Leaves


def _constant(scope: Scope, node: ast.Number | ast.Boolean, frame: Frame) -> None:
    where = frame.source, Span(node.start, node.end)
    if node.value >= 2.0**63:
        _note_rounding(scope, node, frame)
    scope.values.append(scope.builder.constant(node.value, where))


def _note_rounding(scope: Scope, node: ast.Number | ast.Boolean, frame: Frame) -> None:
    """Note that no dtype has the whole number that is written."""
    text = frame.source.slice(node.span)
    if frame.place is None and is_long(text.replace("_", "")) and int(text) != int(node.value):
        label = Label(frame.source, node.span)
        scope.builder.note(label, f"float64 has no {brief(text)} and takes {int(node.value)}")


def _keyword(scope: Scope, node: ast.Keyword, frame: Frame) -> None:
    """The value of a keyword argument is on the stack already."""


def _none(scope: Scope, node: ast.NoneLiteral, frame: Frame) -> None:
    scope.values.append(NoneValue(node))


def _text(scope: Scope, node: ast.Text, frame: Frame) -> None:
    scope.values.append(TextValue(node.value))


def _ellipsis(scope: Scope, node: ast.EllipsisLiteral, frame: Frame) -> None:
    scope.values.append(EllipsisValue(node))


def _store(scope: Scope, node: Store, frame: Frame) -> None:
    item = scope.values.pop()
    if frame.definition is not None and frame.place is None:
        item = calls.argument(scope, frame.definition, item)
    frame.values[node.name] = item


def _cast(scope: Scope, node: Cast, frame: Frame) -> None:
    assert frame.place is not None
    position = scope.operand(scope.values.pop(), frame.place, frame.source)
    scope.values.append(dtypes.cast(scope, position, node.dtype, frame.place))


def _name(scope: Scope, node: ast.Name, frame: Frame) -> None:
    """The value of a name: a parameter, or a name of the program."""
    name = node.name
    if name in frame.values:
        scope.values.append(frame.values[name])
    elif name in scope.names and frame.place is None:
        scope.values.append(scope.names[name])
    else:
        scope.values.append(_other_name(scope, node, frame))


def _other_name(scope: Scope, node: ast.Name, frame: Frame) -> Lowered:
    """Return a constant, a declared size or a prefix; raise the error for a name that is none."""
    name = node.name
    size = scope.symbols(name)
    if size is not None:
        return StaticNumber(size)
    if name in CONSTANTS:
        return scope.named_constant(name, frame.source, node.span)
    if name in PREFIXES:
        return ModulePrefix(name)
    label = scope.label(node, frame.source)
    if name in scope.functions or scope.language.functions.is_builtin(name):
        raise CallError(
            "function-value",
            f"`{name}` is a function",
            label,
            help=f"call it, `{name}(x)`, or bind a value, `{name}=1`",
        )
    raise scope.missing(name, label[0])


# Operators


def _binary(scope: Scope, node: ast.Binary, frame: Frame) -> None:
    values = scope.values
    right, left = values.pop(), values.pop()
    if type(left) is StaticNumber or type(right) is StaticNumber:
        number = arithmetic(
            node.op, _number_beside(scope, left, right), _number_beside(scope, right, left)
        )
        if number is not None:
            values.append(StaticNumber(number))
            return
    if type(left) is not int:
        left = scope.operand(left, node.left, frame.source)
    if type(right) is not int:
        right = scope.operand(right, node.right, frame.source)
    values.append(scope.add(OPS[node.op], (left, right), (), node, frame))


def _number_beside(scope: Scope, item: Lowered, other: Lowered) -> Any:
    """Return a static number; beside a symbolic size that of any static node, named ones too."""
    is_symbolic = type(other) is StaticNumber and type(other.value) is Size
    return scope.arguments.value(item) if is_symbolic else scope.fixed(item)


def _unary(scope: Scope, node: ast.Unary, frame: Frame) -> None:
    item = scope.values.pop()
    if type(item) is StaticNumber and node.op != "bitwise_not":
        value = item.value
        found = not value if node.op == "logical_not" else -value if node.op == "neg" else value
        scope.values.append(StaticNumber(found))
        return
    operand = scope.operand(item, node.operand, frame.source)
    if node.op == "neg" and _is_literal(scope, node.operand, operand):
        operand = _negated(scope, node, operand, frame)
    elif node.op != "pos":
        operand = scope.add(OPS[node.op], (operand,), (), node, frame)
    scope.values.append(operand)


def _is_literal(scope: Scope, node: Expr, position: int) -> bool:
    """Whether a number or the name of a constant is written here."""
    if type(node) is ast.Name:
        found = scope.builder.nodes[position]
        return found.op is OPS["const"] and found.written == node.name
    return type(node) is ast.Number


def _negated(scope: Scope, node: ast.Unary, position: int, frame: Frame) -> int:
    """Return the constant -4 or -inf: it is shown in place, not as an operation on 4 or inf."""
    literal = scope.builder.nodes[position]
    negated = scope.builder.constant(-literal.params[1][0], (frame.source, node.span))
    if literal.written and type(node.operand) is ast.Name:
        scope.builder.nodes[negated].written = f"-{literal.written}"
    return negated


def _comparison(scope: Scope, node: ast.Comparison, frame: Frame) -> None:
    items = scope.pop(len(node.operands))
    if len(items) == 2 and not (frame.place is None and _has_column(scope, items)):
        truth = compare(node.ops[0], items[0], items[1], scope.fixed)
        if truth is not None:
            scope.values.append(StaticNumber(truth))
            return
    sides: list[Lowered] = [
        item if type(item) is TextValue else scope.operand(item, n, frame.source)
        for item, n in zip(items, node.operands)
    ]
    links = (_link(scope, op, pair, node, frame) for op, *pair in zip(node.ops, sides, sides[1:]))
    result = next(links)
    for link in links:
        result = scope.add(OPS["logical_and"], (result, link), (), node, frame)
    scope.values.append(result)


def _has_column(scope: Scope, items: list[Lowered]) -> bool:
    """Whether text is compared with a node that is no written number."""
    nodes = [i for i in items if type(i) is int and scope.builder.elements(i) is None]
    return bool(nodes) and TextValue in map(type, items)


def _link(scope: Scope, op: str, pair: list[Lowered], node: ast.Comparison, frame: Frame) -> int:
    """Return the node of one comparison of a chain."""
    left, right = pair
    if text_comparison.is_compared(scope, left, right):
        return text_comparison.comparison(scope, op, pair, node, frame)
    assert type(left) is int
    assert type(right) is int
    return scope.add(OPS[op], (left, right), (), node, frame)


def _conditional(scope: Scope, node: ast.Conditional, frame: Frame) -> Frame | None:
    if frame.place is None and not is_choice(node):
        value, condition, other = scope.operands((node.value, node.condition, node.other), frame)
        scope.values.append(scope.add(OPS["where"], (condition, value, other), (), node, frame))
        return None
    item = scope.values.pop()
    truth = scope.arguments.value(item)
    if truth is None and frame.place is None:
        scope.values.append(item)
        code = [*scope.order(node.value), *scope.order(node.other), Choice(node)]
        return Frame(iter(code), frame.source, frame.values)
    if truth is None:
        text = brief(frame.source.slice(node.condition.span))
        raise CallError(
            "static-condition",
            f"`{text}` must be known before the program runs",
            scope.label(node.condition, frame.source),
        )
    branch = scope.order(node.value if truth else node.other, is_prelude=frame.place is not None)
    return Frame(iter(branch), frame.source, frame.values, place=frame.place)


def _choose(scope: Scope, choice: Choice, frame: Frame) -> None:
    node = choice.node
    parts = scope.operands((node.condition, node.value, node.other), frame)
    scope.values.append(scope.add(OPS["where"], tuple(parts), (), node, frame))


# Tensors, tuples, indices


def _tuple(scope: Scope, node: ast.Tuple, frame: Frame) -> None:
    scope.values.append(TupleValue(tuple(scope.pop(len(node.items))), node))


def _slice(scope: Scope, node: ast.Slice, frame: Frame) -> None:
    parts = (node.lower, node.upper, node.step)
    popped = iter(scope.pop(sum(p is not None for p in parts)))
    lower, upper, step = (None if p is None else next(popped) for p in parts)
    scope.values.append(Range(lower, upper, step, node))


def _tensor(scope: Scope, node: ast.Tensor, frame: Frame) -> None:
    scope.values.append(scope.tensor(node, scope.operands(node.items, frame), frame.source))


def _list(scope: Scope, node: ast.Tensor, frame: Frame) -> None:
    scope.values.append(ListValue(tuple(scope.pop(len(node.items))), node))


def _index(scope: Scope, node: ast.Index, frame: Frame) -> None:
    items = scope.pop(len(node.items))
    item = scope.values.pop()
    if type(item) is TupleValue:
        scope.values.append(pick(scope.arguments, item, items, node, frame.source))
        return
    base = scope.operand(item, node.value, frame.source)
    part = attributes.part_of_pair(scope, base, items, node, frame.source)
    if part is not None:
        scope.values.append(part)
        return
    shape = scope.builder.nodes[base].type.shape
    params, operands = Indexing(scope.arguments, scope.operand).items(
        items, node, shape, frame.source
    )
    position = scope.builder.add(
        OPS["index"],
        (base, *operands),
        (params,),
        scope.at(node, frame),
        written="" if frame.place else ", ".join(map(format_expression, node.items)),
        context=scope.context(),
    )
    scope.values.append(position)


def _attribute(scope: Scope, node: ast.Attribute, frame: Frame) -> None:
    scope.values.append(attributes.dotted(scope, scope.values.pop(), node, frame.source))


LANGUAGE = Language(
    {
        ast.Number: _constant,
        ast.Boolean: _constant,
        ast.Name: _name,
        ast.Binary: _binary,
        ast.Unary: _unary,
        ast.Call: calls.call,
        ast.Comparison: _comparison,
        ast.Conditional: _conditional,
        ast.Index: _index,
        ast.Tensor: _tensor,
        ast.List: _list,
        ast.Attribute: _attribute,
        ast.Tuple: _tuple,
        ast.Slice: _slice,
        ast.Keyword: _keyword,
        ast.NoneLiteral: _none,
        ast.Text: _text,
        ast.EllipsisLiteral: _ellipsis,
        Store: _store,
        Cast: _cast,
        Choice: _choose,
    },
    FunctionTable(shape_functions.FUNCTIONS),
)
