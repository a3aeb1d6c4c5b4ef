"""Expressions to nodes: a walk in postorder with one stack of values.

A call of the program's own function suspends the walk and runs the function's body in a
frame of its own, so that nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphcalc.diagnostics import (
    CallError,
    GraphcalcError,
    Label,
    LimitError,
    ParseError,
    UnknownNameError,
    brief,
    did_you_mean,
)
from graphcalc.graph.arguments import Arguments, Bound, Dots, Item, Module, Nothing, Range, Sizes
from graphcalc.graph.indexing import Indexing
from graphcalc.graph.ir import Builder
from graphcalc.ops.random import stream_key
from graphcalc.ops.spec import Op, Type
from graphcalc.ops.table import ATTRIBUTES, CONSTANTS, FUNCTIONS, INSTEAD, OPS, PREFIXES
from graphcalc.source import Source, Span
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Definition, Expr, postorder
from graphcalc.syntax.format import format_expression


class _Store(NamedTuple):
    """In a frame's code: give the value on top of the stack to a parameter."""

    name: str


@dataclass(slots=True, eq=False)
class _Frame:
    """One expression being walked: the program's own, or the body of a function call."""

    code: Iterator[Any]
    source: Source
    values: dict[str, Item]
    definition: Definition | None = None
    call: Label | None = None
    memo: Any = None
    random_before: int = 0


@dataclass(slots=True, eq=False)
class Walker:
    """Adds the nodes of expressions to a builder.

    `names` and `functions` are what the program has defined so far; `missing` makes the error
    for a name that has no value.
    """

    builder: Builder
    arguments: Arguments
    missing: Callable[[str, Label], GraphcalcError]
    seed: int
    names: dict[str, int] = field(default_factory=dict)
    functions: dict[str, Definition] = field(default_factory=dict)
    frames: list[_Frame] = field(default_factory=list)
    values: list[Item] = field(default_factory=list)
    active: set[int] = field(default_factory=set)
    inlined: int = 0
    _memo: dict[Any, Item] = field(default_factory=dict)
    _walks: dict[int, list[Any]] = field(default_factory=dict)
    # What to do at each kind of syntax; a function's call gives the frame of its body.
    _steps: dict[type, Callable[[Any, _Frame], _Frame | None]] = field(init=False)

    def __post_init__(self) -> None:
        self._steps = {
            ast.Number: self._constant,
            ast.Boolean: self._constant,
            ast.Name: self._read,
            ast.Binary: self._binary,
            ast.Unary: self._unary,
            ast.Call: self._call,
            ast.Comparison: self._comparison,
            ast.Conditional: self._conditional,
            ast.Index: self._index,
            ast.Tensor: self._tensor,
            ast.Attribute: self._attribute,
            ast.Tuple: self._sizes,
            ast.Slice: self._slice,
            ast.Keyword: self._keyword,
            ast.Nothing: self._nothing,
            ast.Dots: self._dots,
            _Store: self._store,
        }

    def walk(self, root: Expr) -> list[Any]:
        """The postorder of an expression, made once."""
        found = self._walks.get(id(root))
        if found is None:
            found = self._walks[id(root)] = postorder(root)
        return found

    def node(self, root: Expr, source: Source) -> int:
        """The graph node that an expression comes to; ProgramError where it comes to none."""
        position = self.operand(self.evaluate(root, source), root, source)
        self._memo.clear()
        return position

    def evaluate(self, root: Expr, source: Source) -> Item:
        """Walk an expression; the item that it comes to."""
        frames, values, steps = self.frames, self.values, self._steps
        frames.append(_Frame(iter(self.walk(root)), source, {}))
        while frames:
            frame = frames[-1]
            for node in frame.code:
                called = steps[type(node)](node, frame)
                if called is not None:
                    frames.append(called)
                    break
            else:
                frames.pop()
                self.active.discard(id(frame.definition))
                if frame.memo is not None and frame.random_before == self.builder.random_count:
                    self._memo[frame.memo] = values[-1]
        return values.pop()

    def _constant(self, node: ast.Number | ast.Boolean, frame: _Frame) -> None:
        span = Span(node.start, node.end)
        self.values.append(self.builder.constant(node.value, frame.source, span))

    def _binary(self, node: ast.Binary, frame: _Frame) -> None:
        values = self.values
        right, left = values.pop(), values.pop()
        if type(left) is not int:
            left = self.operand(left, node.left, frame.source)
        if type(right) is not int:
            right = self.operand(right, node.right, frame.source)
        values.append(self._add(OPS[node.op], (left, right), (), node, frame))

    def _conditional(self, node: ast.Conditional, frame: _Frame) -> None:
        value, condition, other = self._operands((node.value, node.condition, node.other), frame)
        self.values.append(self._add(OPS["where"], (condition, value, other), (), node, frame))

    def _sizes(self, node: ast.Tuple, frame: _Frame) -> None:
        self.values.append(Sizes(tuple(self._pop(len(node.items))), node))

    def _slice(self, node: ast.Slice, frame: _Frame) -> None:
        parts = (node.lower, node.upper, node.step)
        popped = iter(self._pop(sum(p is not None for p in parts)))
        lower, upper, step = (None if p is None else next(popped) for p in parts)
        self.values.append(Range(lower, upper, step, node))

    def _keyword(self, node: ast.Keyword, frame: _Frame) -> None:
        """The value of a keyword argument is on the stack already."""

    def _nothing(self, node: ast.Nothing, frame: _Frame) -> None:
        self.values.append(Nothing(node))

    def _dots(self, node: ast.Dots, frame: _Frame) -> None:
        self.values.append(Dots(node))

    def _store(self, node: _Store, frame: _Frame) -> None:
        frame.values[node.name] = self.values.pop()

    def _operands(self, nodes: tuple[Expr, ...], frame: _Frame) -> list[int]:
        """The graph nodes of the last items of the stack, one for each syntax node."""
        items = self._pop(len(nodes))
        return [self.operand(i, n, frame.source) for i, n in zip(items, nodes)]

    def _pop(self, count: int) -> list[Item]:
        if not count:
            return []
        items = self.values[-count:]
        del self.values[-count:]
        return items

    def _add(
        self, op: Op, operands: tuple[int, ...], params: tuple[Any, ...], node: Expr, frame: _Frame
    ) -> int:
        context = () if frame.definition is None else self._calls()
        return self.builder.add(
            op, operands, params, frame.source, Span(node.start, node.end), context=context
        )

    def _calls(self) -> tuple[Label, ...]:
        """Where the functions that are being inlined were called, innermost first."""
        return tuple(f.call for f in reversed(self.frames[-4:]) if f.call is not None)

    def _label(self, node: Expr, source: Source) -> tuple[Label, ...]:
        return (Label(source, node.span), *self._calls())

    def operand(self, item: Item, node: Expr, source: Source) -> int:
        """The graph node of an item, or an error that says why it is none."""
        if type(item) is int:
            return item
        label = self._label(node, source)
        match item:
            case Module():
                raise self.missing(item.name, label[0])
            case Bound():
                return self._member(item, node, source)
            case Sizes():
                raise ParseError(
                    "tuple-value",
                    "a tuple is a list of sizes or dimensions, not a value",
                    label,
                    help="write a tensor as `[1, 2, 3]`",
                )
            case Nothing():
                raise ParseError("none-value", "`None` is not a value", label)
            case _:
                raise ParseError("slice-value", "a slice only stands in an index", label)

    def _read(self, node: ast.Name, frame: _Frame) -> None:
        """The value of a name: a parameter, or a name of the program."""
        name = node.name
        if name in frame.values:
            self.values.append(frame.values[name])
        elif name in self.names:
            self.values.append(self.names[name])
        else:
            self.values.append(self._known_name(node, frame))

    def _known_name(self, node: ast.Name, frame: _Frame) -> Item:
        """A constant or a prefix, or the error for a name that means nothing here."""
        name = node.name
        if name in CONSTANTS:
            return self._named_constant(name, frame.source, node.span)
        if name in PREFIXES:
            return Module(name)
        label = self._label(node, frame.source)
        if name in self.functions or name in FUNCTIONS:
            raise CallError(
                "function-value",
                f"`{name}` is a function",
                label,
                help=f"call it, `{name}(x)`, or bind a value, `{name}=1`",
            )
        raise self.missing(name, label[0])

    def _named_constant(self, name: str, source: Source, span: Span) -> int:
        position = self.builder.constant(CONSTANTS[name], source, span)
        self.builder.nodes[position].written = name
        return position

    def _unary(self, node: ast.Unary, frame: _Frame) -> None:
        (operand,) = self._operands((node.operand,), frame)
        if node.op == "neg" and self._is_literal(node.operand, operand):
            # -4 and -inf are constants, shown in place, not operations on 4 and inf.
            found = self.builder.nodes[operand]
            operand = self.builder.constant(-found.params[1][0], frame.source, node.span)
            if found.written:
                self.builder.nodes[operand].written = f"-{found.written}"
        elif node.op != "pos":
            operand = self._add(OPS[node.op], (operand,), (), node, frame)
        self.values.append(operand)

    def _is_literal(self, node: Expr, position: int) -> bool:
        """Whether a number or the name of a constant is written here."""
        if type(node) is ast.Name:
            found = self.builder.nodes[position]
            return found.op is OPS["const"] and found.written == node.name
        return type(node) is ast.Number

    def _comparison(self, node: ast.Comparison, frame: _Frame) -> None:
        operands = self._operands(node.operands, frame)
        result = self._add(OPS[node.ops[0]], (operands[0], operands[1]), (), node, frame)
        for op, left, right in zip(node.ops[1:], operands[1:], operands[2:]):
            link = self._add(OPS[op], (left, right), (), node, frame)
            result = self._add(OPS["logical_and"], (result, link), (), node, frame)
        self.values.append(result)

    def _tensor(self, node: ast.Tensor, frame: _Frame) -> None:
        """A tensor literal: a constant when every element is one, else a node."""
        self.values.append(self._literal(node, self._operands(node.items, frame), frame))

    def _literal(self, node: ast.Tensor, operands: list[int], frame: _Frame) -> int:
        builder = self.builder
        literals = [builder.literal(p) for p in operands]
        # The rule also finds ragged literals, whose elements keep their own text in the message.
        type_ = None
        if all(literal is not None for literal in literals):
            types = tuple(builder.nodes[p].type for p in operands)
            if len(set(types)) <= 1:
                first = types[0] if types else Type((), self.builder.dtype, True)
                type_ = first._replace(shape=(len(types), *first.shape))
        if type_ is None:
            return self._add(OPS["tensor"], tuple(operands), (), node, frame)
        data = tuple(value for literal in literals if literal is not None for value in literal)
        span = Span(node.start, node.end)
        return builder.add(OPS["const"], (), (type_, data), frame.source, span, is_shared=False)

    def _attribute(self, node: ast.Attribute, frame: _Frame) -> None:
        item = self.values.pop()
        found: Item
        if type(item) is not Module:
            found = Bound(self.operand(item, node.value, frame.source), node.name, node)
        elif node.name in PREFIXES:
            found = Module(f"{item.name}.{node.name}")
        else:
            found = Bound(None, node.name, node)
        self.values.append(found)

    def _member(self, item: Bound, node: Expr, source: Source) -> int:
        """A dotted name that is not called: `math.pi`, `x.T`."""
        label = self._label(node, source)
        if item.value is None:
            if item.name in CONSTANTS:
                return self._named_constant(item.name, source, node.span)
            if item.name in FUNCTIONS:
                raise CallError("function-value", f"`{item.name}` is a function; call it", label)
            raise self._unknown_function(item.name, label)
        if item.name in ATTRIBUTES:
            op, operands = ATTRIBUTES[item.name], (item.value,)
            return self.builder.add(op, operands, (), source, node.span, context=label[1:])
        if item.name in FUNCTIONS:
            text = f"`.{item.name}` is a function; call it, `.{item.name}()`"
            raise CallError("function-value", text, label)
        raise UnknownNameError(
            "unknown-attribute",
            f"a tensor has no `.{brief(item.name)}`",
            label,
            help=did_you_mean(item.name, {*ATTRIBUTES, *FUNCTIONS}),
        )

    def _unknown_function(self, name: str, label: tuple[Label, ...]) -> UnknownNameError:
        return UnknownNameError(
            "unknown-function",
            f"unknown function `{brief(name)}`",
            label,
            help=f"write {INSTEAD[name]}"
            if name in INSTEAD
            else did_you_mean(name, {*FUNCTIONS, *self.functions}),
        )

    def _index(self, node: ast.Index, frame: _Frame) -> None:
        items = self._pop(len(node.items))
        base = self.operand(self.values.pop(), node.value, frame.source)
        shape = self.builder.nodes[base].type.shape
        params = Indexing(self.arguments).items(items, node, shape, frame.source)
        written = ", ".join(format_expression(i) for i in node.items)
        position = self.builder.add(
            OPS["index"],
            (base,),
            (params,),
            frame.source,
            node.span,
            written=written,
            context=self._calls(),
        )
        self.values.append(position)

    # Calls

    def _call(self, node: ast.Call, frame: _Frame) -> _Frame | None:
        items = self._pop(len(node.arguments))
        nodes = list(node.arguments)
        if type(node.function) is ast.Name:
            name = node.function.name
        else:
            target = self.values.pop()
            if type(target) is not Bound:
                raise self._not_a_function(node, frame)
            name = target.name
            if target.value is not None:
                items.insert(0, target.value)
                assert type(node.function) is ast.Attribute
                nodes.insert(0, node.function.value)
        definition = self.functions.get(name)
        if definition is not None:
            return self._inline(definition, items, nodes, node, frame)
        op = FUNCTIONS.get(name)
        label = self._label(node.function, frame.source)
        if op is None:
            if name in frame.values or name in self.names:
                raise self._not_a_function(node, frame)
            raise self._unknown_function(name, label)
        self.values.append(self._apply(op, items, nodes, node, frame))
        return None

    def _not_a_function(self, node: ast.Call, frame: _Frame) -> CallError:
        text = brief(frame.source.slice(node.function.span))
        return CallError(
            "not-a-function",
            f"`{text}` is not a function",
            self._label(node.function, frame.source),
            help="write `*` to multiply",
        )

    def _apply(
        self, op: Op, items: list[Item], nodes: list[Expr], node: ast.Call, frame: _Frame
    ) -> int:
        """A call of a row of the op table."""
        context = self._calls()
        if op.pair and self.arguments.is_pair(items, nodes):
            op = OPS[op.pair]
        matched = self.arguments.match(op, items, nodes, node, frame.source, context)
        operands, params = self.arguments.convert(
            op, matched, node, frame.source, context, self.operand
        )
        if op.kind == "random":
            params = (*params, stream_key(self.seed, self.builder.random_count))
            self.builder.random_count += 1
        return self._add(op, operands, params, node, frame)

    def _inline(
        self,
        definition: Definition,
        items: list[Item],
        nodes: list[Expr],
        node: ast.Call,
        frame: _Frame,
    ) -> _Frame | None:
        """A frame for the body of a function, with its parameters bound."""
        label = Label(frame.source, node.span, f"in this call of `{brief(definition.name)}`")
        values = self.arguments.bind(definition, items, nodes, node, frame.source)
        key = (id(definition), tuple(values.items())) if _is_plain(values) else None
        if key is not None and key in self._memo:
            self.values.append(self._memo[key])
            return None
        self._check_cycle(definition, label)
        code: list[Any] = []
        for parameter in definition.parameters:
            if parameter.name not in values and parameter.default is not None:
                code += [*postorder(parameter.default), _Store(parameter.name)]
        body = self.walk(definition.body)
        self.inlined += len(body) + len(code)
        # Inlining costs time even where its nodes turn out to be equal and are shared.
        limit = self.builder.limits.nodes // 10
        if self.inlined > limit:
            raise LimitError(
                "inlining",
                f"the functions of this program unfold to more than {limit:,} operations",
                (label,),
                help="raise it with --max-nodes, of which it is a tenth",
            )
        return _Frame(
            iter([*code, *body] if code else body),
            definition.source,
            values,
            definition,
            label,
            key,
            self.builder.random_count,
        )

    def _check_cycle(self, definition: Definition, label: Label) -> None:
        if id(definition) not in self.active:
            self.active.add(id(definition))
            return
        active = [f.definition for f in self.frames if f.definition is not None]
        cycle = [*active[active.index(definition) :], definition]
        chain = " → ".join(f"`{brief(d.name, 30)}`" for d in cycle[:6])
        raise CallError(
            "recursion",
            f"a function cannot call itself: {chain}{' …' if len(cycle) > 6 else ''}",
            (label,),
            note="calls are inlined, so a cycle would never end",
        )


def _is_plain(values: dict[str, Item]) -> bool:
    return all(type(v) is int for v in values.values())
