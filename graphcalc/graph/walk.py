"""What is done at each kind of syntax, in postorder: expressions to nodes of the graph.

Each step takes its operands off the scope's stack of values and puts what it comes to there. A
call of a function that is written in the language gives the frame of its body. What only calls,
conditions, comparisons or tuples need is imported by the first of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from graphcalc.diagnostics import CallError, Label, brief
from graphcalc.graph.builder import Builder
from graphcalc.graph.frames import (
    Augment,
    AugmentItem,
    CallOf,
    Cast,
    Discard,
    ForgetGradient,
    Frame,
    Give,
    GiveItem,
    GiveMember,
    Invoke,
    Join,
    Push,
    Rounding,
    Select,
    Store,
    Take,
    Unpack,
    Unwritten,
    WriteTo,
)
from graphcalc.graph.functions import FunctionTable
from graphcalc.graph.indexing import Indexing
from graphcalc.graph.lowered import (
    OBJECTS,
    DottedName,
    EllipsisValue,
    FunctionValue,
    ListValue,
    Lowered,
    ModulePrefix,
    NoneValue,
    PairValue,
    Range,
    Spread,
    StaticNumber,
    TextValue,
    TupleValue,
    Unassigned,
    has_objects,
)
from graphcalc.graph.objects import ObjectValue
from graphcalc.graph.scope import Language, Missing, Scope, Symbols
from graphcalc.graph.static_arithmetic import arithmetic
from graphcalc.graph.values import iterate, spread, spread_arguments
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import HasSignature, Op
from graphcalc.ops.table import CONSTANTS, OPS
from graphcalc.ops.words import INSTEAD_OF_NAMES, PREFIXES, PYTHON_DTYPES
from graphcalc.source import Source, Span
from graphcalc.syntax import expr as ast
from graphcalc.syntax.actions import is_long
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.format import format_expression
from graphcalc.syntax.program import Definition


def new_scope(
    builder: Builder, missing: Missing, seed: int = 0, symbols: Symbols = lambda name: None
) -> Scope:
    """Return a scope that adds to a builder; its arguments are those of `Scope`."""
    return Scope(builder, LANGUAGE, missing, seed, symbols)


def unpack(
    scope: Scope, item: Lowered, count: int, root: Expr, source: Source
) -> tuple[Lowered, ...]:
    """Return what `a, b = value` gives its names; raise CallError for another number of them."""
    from graphcalc.graph.assignments import parts_of

    return tuple(parts_of(scope, item, Unpack(count, None, root), source))


# Leaves


def _constant(scope: Scope, node: ast.Number | ast.Boolean, frame: Frame) -> None:
    where = frame.source, Span(node.start, node.end)
    if node.value >= 2.0**63:
        _note_large(scope, node, frame)
    scope.values.append(scope.builder.constant(node.value, where))


def _note_large(scope: Scope, node: ast.Number | ast.Boolean, frame: Frame) -> None:
    """Note that no dtype has the number that is written."""
    text, label = frame.source.slice(node.span), Label(frame.source, node.span)
    if frame.place is not None:
        return
    if node.value == math.inf:
        beyond = f"`{brief(text)}` is beyond the range of float64 and counts as inf, as in Python"
        scope.builder.note(label, beyond)
    elif is_long(text.replace("_", "")) and int(text) != int(node.value):
        scope.builder.note(label, f"float64 has no {brief(text)} and takes {int(node.value)}")


def _keyword(scope: Scope, node: ast.Keyword, frame: Frame) -> None:
    """The value of a keyword argument is on the stack already."""


def _none(scope: Scope, node: ast.NoneLiteral, frame: Frame) -> None:
    scope.values.append(NoneValue(node))


def _text(scope: Scope, node: ast.Text, frame: Frame) -> None:
    scope.values.append(TextValue(_with_values(scope, node, frame)))


_HELD = re.compile(r"\{(\w+)\}")


def _with_values(scope: Scope, node: ast.Text, frame: Frame) -> str:
    """Return a text; of an f-string with the values of names that are known."""
    prefix = frame.source.text[node.start : node.start + 2].lower()
    if "{" not in node.value or "f" not in prefix:
        return node.value

    def known(match: re.Match[str]) -> str:
        item = _known_name(scope, match[1], frame)
        if isinstance(item, TextValue):
            return item.text
        value = None if item is None else scope.fixed(item)
        return match[0] if value is None else str(value)

    return _HELD.sub(known, node.value)


def _known_name(scope: Scope, name: str, frame: Frame) -> Lowered | None:
    if name in frame.values:
        return frame.values[name]
    static = scope.statics.get(name)
    return scope.names.get(name) if static is None else static.item


def _ellipsis(scope: Scope, node: ast.EllipsisLiteral, frame: Frame) -> None:
    scope.values.append(EllipsisValue(node))


def _store(scope: Scope, node: Store, frame: Frame) -> None:
    item = scope.values.pop()
    if frame.definition is not None and frame.place is None:
        from graphcalc.graph import inlining

        item = inlining.argument(scope, frame.definition, item)
    frame.values[node.name] = item


def _cast(scope: Scope, node: Cast, frame: Frame) -> None:
    from graphcalc.graph import dtypes

    assert frame.place is not None
    position = scope.operand(scope.values.pop(), frame.place, frame.source)
    scope.values.append(dtypes.cast(scope, position, node.dtype, frame.place))


def _round(scope: Scope, node: Rounding, frame: Frame) -> None:
    from graphcalc.graph import torch_calls

    assert frame.place is not None
    position = scope.operand(scope.values.pop(), frame.place, frame.source)
    scope.values.append(torch_calls.rounded(scope, position, node.call, frame.place))


def _name(scope: Scope, node: ast.Name, frame: Frame) -> None:
    """The value of a name: a parameter, or a name of the program."""
    name = node.name
    if name in frame.values:
        found = frame.values[name]
        if type(found) is Unassigned:
            raise _unassigned(scope, node, frame)
        scope.values.append(found)
    elif name in scope.names and frame.place is None:
        scope.values.append(scope.names[name])
    elif name in scope.statics and frame.place is None:
        scope.values.append(_static_name(scope, name))
    else:
        scope.values.append(_other_name(scope, node, frame))


def _unassigned(scope: Scope, node: ast.Name, frame: Frame) -> CallError:
    name = brief(node.name)
    return CallError(
        "read-before-assigned",
        f"`{name}` has no value yet, or none any more",
        scope.label(node, frame.source),
        note=f"the function gives `{name}` a value, so it is a name of its own",
        help=f"assign it first, or hand it over as an argument, `f({name})`",
    )


def _static_name(scope: Scope, name: str) -> Lowered:
    """Return what a name stands for that is no node; the node that shows it counts as read."""
    item, position = scope.statics[name]
    if position is not None:
        scope.arguments.static_uses.append(position)
    return item


def _other_name(scope: Scope, node: ast.Name, frame: Frame) -> Lowered:
    """Return a constant, a declared size or a prefix; raise the error for a name that is none."""
    name = node.name
    size = scope.symbols(name)
    if size is not None:
        return StaticNumber(size)
    if name in CONSTANTS:
        return scope.named_constant(name, frame.source, node.span)
    if scope.program is not None and frame.place is None and scope.program.has_parts(name):
        return DottedName(name)
    if name in PREFIXES:
        return ModulePrefix(name)
    if name == "__name__":
        return TextValue("__main__")
    if name in PYTHON_DTYPES and name not in scope.functions:
        return TextValue(PYTHON_DTYPES[name], True)
    label = scope.label(node, frame.source)
    is_missing = name in scope.deleted or name in INSTEAD_OF_NAMES
    if is_missing and frame.place is None and name not in scope.functions:
        raise scope.missing(name, label[0])
    if name in scope.functions and frame.place is None:
        definition = scope.functions[name]
        return FunctionValue(definition, {}, scope.defaults.get(id(definition), {}))
    if scope.language.functions.is_builtin(name):
        raise CallError(
            "function-value",
            f"`{name}` is a function",
            label,
            help=f"call it, `{name}(x)`, or bind a value, `{name}=1`",
        )
    raise scope.missing(name, label[0])


# Operators

SEQUENCES = (TupleValue, ListValue)


def _binary(scope: Scope, node: ast.Binary, frame: Frame) -> Frame | None:
    if node.op in ("logical_and", "logical_or"):
        from graphcalc.graph import choices

        return choices.logic(scope, node, frame)
    _operator(scope, node, frame)
    return None


def _operator(scope: Scope, node: ast.Binary, frame: Frame) -> None:
    values = scope.values
    right, left = values.pop(), values.pop()
    if type(left) is TextValue and type(right) is TextValue and node.op == "add":
        values.append(TextValue(left.text + right.text))
        return
    if type(left) in SEQUENCES or type(right) in SEQUENCES or scope.arguments.lists:
        from graphcalc.graph import sequences

        found = sequences.arithmetic(scope, node, left, right, frame)
        if found is not None:
            values.append(found)
            return
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
    op = OPS[node.op]
    if node.op == "pow":
        op = _power(scope, left, right, node, frame)
    elif node.op == "add" and frame.place is None:
        _note_truths(scope, left, right, node, frame)
    values.append(scope.add(op, (left, right), (), node, frame))


def _note_truths(scope: Scope, left: int, right: int, node: ast.Binary, frame: Frame) -> None:
    """Note that a sum of two truths is a number."""
    nodes = scope.builder.nodes
    if nodes[left].type.dtype == nodes[right].type.dtype == "bool":
        text = "truths add up as numbers here, 1 + 1 = 2; torch's `+` of two bools is `|`"
        scope.builder.note(Label(frame.source, node.span), text)


def _power(scope: Scope, left: int, right: int, node: ast.Binary, frame: Frame) -> Op:
    """Return the op of `^`: a power, and of two bools, which have none, torch's xor."""
    dtypes_ = {scope.builder.nodes[p].type.dtype for p in (left, right)}
    if dtypes_ == {"bool"}:
        return OPS["logical_xor"]
    between = Span(node.left.end, node.right.start)
    if dtypes_ == {"int64"} and frame.place is None and "^" in frame.source.slice(between):
        text = "`^` is a power here, as `**`; torch's `^` of integers is bitwise_xor"
        scope.builder.note(Label(frame.source, node.span), text)
    return OPS["pow"]


def _number_beside(scope: Scope, item: Lowered, other: Lowered) -> Any:
    """Return a static number; beside a symbolic size that of any static node, named ones too."""
    is_symbolic = type(other) is StaticNumber and type(other.value) is Size
    return scope.arguments.value(item) if is_symbolic else scope.fixed(item)


def _unary(scope: Scope, node: ast.Unary, frame: Frame) -> None:
    item = scope.values.pop()
    is_list = scope.is_python and type(item) is int and item in scope.arguments.lists
    if node.op == "logical_not" and (type(item) is not int or is_list):
        from graphcalc.graph import choices

        known = choices.truth(scope, item)
        if known is not None:
            scope.values.append(StaticNumber(not known))
            return
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


# Tensors, tuples, indices


def _tuple(scope: Scope, node: ast.Tuple, frame: Frame) -> None:
    scope.values.append(TupleValue(tuple(spread(scope.pop(len(node.items)))), node))


def _slice(scope: Scope, node: ast.Slice, frame: Frame) -> None:
    parts = (node.lower, node.upper, node.step)
    popped = iter(scope.pop(sum(p is not None for p in parts)))
    lower, upper, step = (None if p is None else next(popped) for p in parts)
    scope.values.append(Range(lower, upper, step, node))


def _tensor(scope: Scope, node: ast.Tensor, frame: Frame) -> None:
    is_python = scope.is_python and frame.place is None
    items = scope.values[len(scope.values) - len(node.items) :]
    if is_python or any(isinstance(i, OBJECTS) for i in items):
        _list(scope, node, frame)
        return
    scope.values.append(scope.tensor(node, scope.operands(node.items, frame), frame.source))


def _list(scope: Scope, node: ast.Tensor, frame: Frame) -> None:
    scope.values.append(ListValue(tuple(spread(scope.pop(len(node.items)))), node))


def _index(scope: Scope, node: ast.Index, frame: Frame) -> None:
    items, nodes = spread_arguments(scope.pop(len(node.items)), node.items)
    if len(nodes) != len(node.items):
        node = ast.Index(node.value, tuple(nodes), node.start, node.end)
    item = scope.values.pop()
    if isinstance(item, ObjectValue) or has_objects(item):
        from graphcalc.graph import classes

        scope.values.append(classes.part(scope, item, items, node, frame))
        return
    if type(item) is int and item in scope.arguments.lists:
        item = _as_list(scope, item, items)
    if type(item) in (TupleValue, ListValue, PairValue):
        from graphcalc.graph import parts

        part = parts.part(scope, item, items, node, frame.source)
        if part is not None:
            scope.values.append(part)
            return
    items = [
        scope.operand(i, n, frame.source) if isinstance(i, ListValue) else i
        for i, n in zip(items, node.items)
    ]
    base = scope.operand(item, node.value, frame.source)
    shape = scope.builder.nodes[base].type.shape
    params, operands = Indexing(scope.arguments, scope.operand).items(
        items, node, shape, frame.source
    )
    position = scope.builder.add(
        OPS["index"],
        (base, *operands),
        (params,),
        scope.at(node, frame),
        written="" if frame.place else _written(scope, node.items),
        context=scope.context(),
    )
    scope.values.append(position)


def _written(scope: Scope, items: tuple[Expr, ...]) -> str:
    """Return the text of an index; nothing where a name in it means another value at each turn."""
    names = {n.name for item in items for n in ast.postorder(item) if type(n) is ast.Name}
    if not all(name in scope.names for name in names):
        return ""
    return ", ".join(map(format_expression, items))


def _as_list(scope: Scope, position: int, items: list[Lowered]) -> Lowered:
    """Return the list that a node was written as, where an index is one of Python's lists."""
    found = scope.arguments.lists[position]
    is_slice = len(items) == 1 and type(items[0]) is Range
    is_whole = len(items) == 1 and scope.fixed(items[0]) is not None
    if scope.is_python and (is_slice or is_whole):
        is_list = True
    else:
        from graphcalc.graph.sequences import has_tensors

        is_list = is_slice and has_tensors(scope, found)
    if not is_list:
        return position
    scope.arguments.static_uses.append(position)
    listing = ast.Call(ast.Name("list", 0, 0), (), found.node.start, found.node.end)
    return ListValue(found.items, listing)


def _attribute(scope: Scope, node: ast.Attribute, frame: Frame) -> Frame | None:
    item = scope.values.pop()
    if isinstance(item, OBJECTS):
        from graphcalc.graph import classes

        found = classes.member(scope, item, node, frame)
        if isinstance(found, Frame):
            return found
        scope.values.append(found)
        return None
    from graphcalc.graph import attributes

    scope.values.append(attributes.dotted(scope, item, node, frame.source))
    return None


# Calls, conditions and comparisons


def _starred(scope: Scope, node: ast.Starred, frame: Frame) -> None:
    items = iterate(scope, scope.values.pop(), (frame.source, node.span))
    scope.values.append(Spread(items, node))


def _lambda(scope: Scope, node: ast.Lambda, frame: Frame) -> None:
    made = Definition(frame.source, "lambda", node.parameters, node.body, node.span)
    definition = scope.kept(made)
    names = [p.name for p in node.parameters if p.default is not None]
    defaults = dict(zip(names, scope.pop(len(names))))
    scope.values.append(FunctionValue(definition, frame.values, defaults))


def _comprehension(scope: Scope, node: ast.Comprehension, frame: Frame) -> Frame:
    from graphcalc.graph.blocks import collected

    inner = Frame(iter(()), frame.source, dict(frame.values), place=frame.place)
    inner.is_layer = frame.is_layer
    inner.code = collected(scope, node, inner)
    return inner


def _assigning(name: str) -> Callable[[Scope, Any, Frame], Frame | None]:
    """Return the step of that name, which is imported by its first use."""

    def step(scope: Scope, node: Any, frame: Frame) -> Frame | None:
        from graphcalc.graph import assignments

        found: Frame | None = getattr(assignments, name)(scope, node, frame)
        return found

    return step


def _call(scope: Scope, node: ast.Call, frame: Frame) -> Frame | None:
    from graphcalc.graph import calls

    return calls.call(scope, node, frame)


def _comparison(scope: Scope, node: ast.Comparison, frame: Frame) -> None:
    from graphcalc.graph import comparisons

    comparisons.comparison(scope, node, frame)


def _conditional(scope: Scope, node: ast.Conditional, frame: Frame) -> Frame:
    from graphcalc.graph import choices

    return choices.conditional(scope, node, frame)


def _select(scope: Scope, step: Select, frame: Frame) -> None:
    from graphcalc.graph import choices

    choices.select(scope, step, frame)


def _join(scope: Scope, step: Join, frame: Frame) -> None:
    from graphcalc.graph import choices

    choices.join(scope, step, frame)


def _shape_functions() -> Mapping[str, HasSignature]:
    from graphcalc.graph import shape_functions

    return shape_functions.FUNCTIONS


LANGUAGE = Language(
    {
        ast.Number: _constant,
        ast.Boolean: _constant,
        ast.Name: _name,
        ast.Binary: _binary,
        ast.Unary: _unary,
        ast.Call: _call,
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
        Rounding: _round,
        Select: _select,
        Join: _join,
        ast.Starred: _starred,
        ast.Lambda: _lambda,
        ast.Comprehension: _comprehension,
        **{
            kind: _assigning(name)
            for kind, name in (
                (Give, "give"),
                (GiveItem, "give_item"),
                (GiveMember, "give_member"),
                (Augment, "augment"),
                (AugmentItem, "augment_item"),
                (Unpack, "unpack"),
                (Take, "take"),
                (Push, "push"),
                (Discard, "discard"),
                (Invoke, "invoke"),
                (CallOf, "call_of"),
                (Unwritten, "unwritten"),
                (ForgetGradient, "forget_gradient"),
                (WriteTo, "write_to"),
            )
        },
    },
    FunctionTable(_shape_functions),
)
