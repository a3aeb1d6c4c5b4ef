"""Expressions to nodes: a walk in postorder with one stack of values.

A call of a function that is written in the language suspends the walk and runs the function's
body in a frame of its own, so that nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphcalc.diagnostics import CallError, GraphcalcError, Label, ParseError, brief
from graphcalc.graph import attributes, shape_functions
from graphcalc.graph.call_arguments import Arguments
from graphcalc.graph.calls import Calls
from graphcalc.graph.frames import Cast, Frame, Store
from graphcalc.graph.grad import Reverse
from graphcalc.graph.indexing import Indexing, pick
from graphcalc.graph.ir import Builder
from graphcalc.graph.lowered import (
    BoundMethod,
    EllipsisValue,
    ListValue,
    Lowered,
    ModulePrefix,
    NoneValue,
    Range,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.static_arithmetic import arithmetic, compare, number, whole
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import Op, Type
from graphcalc.ops.table import CONSTANTS, DOTTED, OPS, PREFIXES
from graphcalc.source import Source, Span
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Definition, Expr, is_choice, postorder
from graphcalc.syntax.format import format_expression


class Walker:
    """Adds the nodes of expressions to a builder.

    `names` and `functions` are what the program has defined so far; `missing` makes the error
    for a name that has no value, `symbols` gives the size that a name stands for.
    """

    def __init__(
        self,
        builder: Builder,
        arguments: Arguments,
        missing: Callable[[str, Label], GraphcalcError],
        seed: int,
        symbols: Callable[[str], Any] = lambda name: None,
    ) -> None:
        self.builder, self.arguments = builder, arguments
        self.missing, self.seed, self.symbols = missing, seed, symbols
        self.names: dict[str, int] = {}
        self.functions: dict[str, Definition] = {}
        self.frames: list[Frame] = []
        self.values: list[Lowered] = []
        self.memo: dict[Any, Lowered] = {}
        self.calls = Calls(self)
        self.reverse = Reverse(self)
        self._walks: dict[int, list[Any]] = {}
        # What to do at each kind of syntax; a function's call gives the frame of its body.
        self._steps: dict[type, Callable[[Any, Frame], Frame | None]] = {
            ast.Number: self._constant,
            ast.Boolean: self._constant,
            ast.Name: self._read,
            ast.Binary: self._binary,
            ast.Unary: self._unary,
            ast.Call: self.calls.call,
            ast.Comparison: self._comparison,
            ast.Conditional: self._conditional,
            ast.Index: self._index,
            ast.Tensor: self._tensor,
            ast.List: self._list,
            ast.Attribute: self._attribute,
            ast.Tuple: self._sizes,
            ast.Slice: self._slice,
            ast.Keyword: self._keyword,
            ast.NoneLiteral: self._nothing,
            ast.Text: self._text,
            ast.EllipsisLiteral: self._dots,
            Store: self._store,
            Cast: self._cast,
        }

    def walk(self, root: Expr, *, is_prelude: bool = False) -> list[Any]:
        """The postorder of an expression, made once.

        All conditionals of the prelude choose while the graph is made; `where` is for data.
        """
        found = self._walks.get(id(root))
        if found is None:
            found = postorder(root, (lambda node: True) if is_prelude else is_choice)
            self._walks[id(root)] = found
        return found

    def node(self, root: Expr, source: Source) -> int:
        """The graph node that an expression comes to; ProgramError where it comes to none."""
        position = self.operand(self.evaluate(root, source), root, source)
        self.memo.clear()
        return position

    def evaluate(self, root: Expr, source: Source) -> Lowered:
        """Walk an expression; the item that it comes to."""
        return self._run(Frame(iter(self.walk(root)), source, {}))

    def formula(self, root: Expr, source: Source, values: dict[str, Lowered]) -> int:
        """The node of a formula of the table: the prelude's own functions are in its reach."""
        place = Label(source, root.span)
        code = iter(self.walk(root, is_prelude=True))
        return self.operand(self._run(Frame(code, source, values, place=place)), root, source)

    def apart(self, builder: Builder, symbols: Callable[[str], Any]) -> Walker:
        """A walker of another builder, which knows no names but these sizes'."""
        return Walker(builder, Arguments(builder), self.missing, self.seed, symbols)

    def _run(self, frame: Frame) -> Lowered:
        frames, values, steps = self.frames, self.values, self._steps
        frames.append(frame)
        try:
            while frames:
                frame = frames[-1]
                for node in frame.code:
                    called = steps[type(node)](node, frame)
                    if called is not None:
                        frames.append(called)
                        break
                else:
                    frames.pop()
                    self.calls.active.discard(id(frame.definition))
                    if frame.memo is not None and frame.random_before == self.builder.random_count:
                        self.memo[frame.memo] = values[-1]
        except GraphcalcError as error:
            raise self._outside_of_prelude(error) from None
        return values.pop()

    def _outside_of_prelude(self, error: GraphcalcError) -> GraphcalcError:
        """An error inside of a function of the prelude, told where the user called it."""
        place = next((f.place for f in self.frames if f.place is not None), None)
        if place is None:
            return error
        d = error.diagnostic
        outer = tuple(f.call for f in reversed(self.frames) if f.call and f.place is None)
        kept = tuple(x for x in d.labels if x.source.name != "<prelude>" and x.span != place.span)
        labels = (place._replace(text=""), *kept, *(x for x in outer if x not in kept))
        return type(error)(d.code, d.message, labels, d.note, d.help)

    def parts(self, item: Lowered, count: int, root: Expr, source: Source) -> list[int]:
        """The nodes that `a, b = value` gives its names."""
        label = Label(source, root.span)
        if type(item) is not TupleValue:
            position = self.operand(item, root, source)
            pair = attributes.pair(self, position, source, root.span)
            item = TupleValue(
                pair or shape_functions.unbind(self, position, 0, source, root.span), root
            )
        if len(item.items) != count:
            raise CallError(
                "unpack",
                f"{count} names for {len(item.items)} value{'s' * (len(item.items) != 1)}",
                (label,),
            )
        return [self.operand(part, root, source) for part in item.items]

    # Leaves

    def _constant(self, node: ast.Number | ast.Boolean, frame: Frame) -> None:
        span = Span(node.start, node.end)
        self.values.append(self.builder.constant(node.value, frame.source, span))

    def _keyword(self, node: ast.Keyword, frame: Frame) -> None:
        """The value of a keyword argument is on the stack already."""

    def _nothing(self, node: ast.NoneLiteral, frame: Frame) -> None:
        self.values.append(NoneValue(node))

    def _text(self, node: ast.Text, frame: Frame) -> None:
        self.values.append(TextValue(node.value))

    def _dots(self, node: ast.EllipsisLiteral, frame: Frame) -> None:
        self.values.append(EllipsisValue(node))

    def _store(self, node: Store, frame: Frame) -> None:
        item = self.values.pop()
        if frame.definition is not None and frame.place is None:
            item = self.calls.argument(frame.definition, item)
        frame.values[node.name] = item

    def _cast(self, node: Cast, frame: Frame) -> None:
        assert frame.place is not None
        position = self.operand(self.values.pop(), frame.place, frame.source)
        self.values.append(self.calls.cast(position, node.dtype, frame.place))

    def _read(self, node: ast.Name, frame: Frame) -> None:
        """The value of a name: a parameter, or a name of the program."""
        name = node.name
        if name in frame.values:
            self.values.append(frame.values[name])
        elif name in self.names and frame.place is None:
            self.values.append(self.names[name])
        else:
            self.values.append(self._known_name(node, frame))

    def _known_name(self, node: ast.Name, frame: Frame) -> Lowered:
        """A constant, a declared size or a prefix, or the error for a name that is none."""
        name = node.name
        size = self.symbols(name)
        if size is not None:
            return StaticNumber(size)
        if name in CONSTANTS:
            return self.named_constant(name, frame.source, node.span)
        if name in PREFIXES:
            return ModulePrefix(name)
        label = self.label(node, frame.source)
        if name in self.functions or self.calls.is_builtin(name):
            raise CallError(
                "function-value",
                f"`{name}` is a function",
                label,
                help=f"call it, `{name}(x)`, or bind a value, `{name}=1`",
            )
        raise self.missing(name, label[0])

    def named_constant(self, name: str, source: Source, span: Span) -> int:
        """The node of `pi` and its like."""
        position = self.builder.constant(DOTTED[name], source, span)
        self.builder.nodes[position].written = name if name in CONSTANTS else "exp(1)"
        return position

    # Operators

    def _binary(self, node: ast.Binary, frame: Frame) -> None:
        values = self.values
        right, left = values.pop(), values.pop()
        if type(left) is StaticNumber or type(right) is StaticNumber:
            known = arithmetic(node.op, self._beside(left, right), self._beside(right, left))
            if known is not None:
                values.append(StaticNumber(known))
                return
        if type(left) is not int:
            left = self.operand(left, node.left, frame.source)
        if type(right) is not int:
            right = self.operand(right, node.right, frame.source)
        values.append(self.add(OPS[node.op], (left, right), (), node, frame))

    def _beside(self, item: Lowered, other: Lowered) -> Any:
        """A known number; beside a symbolic size any number that is known, named ones too."""
        is_symbolic = type(other) is StaticNumber and type(other.value) is Size
        return self.arguments.value(item) if is_symbolic else self.fixed(item)

    def fixed(self, item: Lowered) -> Any:
        """The number that a static item or a written number is, else None."""
        if type(item) is StaticNumber:
            return item.value
        literal = self.builder.literal(item) if type(item) is int else None
        if literal is None or type(item) is not int or self.builder.nodes[item].type.shape:
            return None
        return whole(literal[0])

    def _unary(self, node: ast.Unary, frame: Frame) -> None:
        item = self.values.pop()
        if type(item) is StaticNumber and node.op != "bitwise_not":
            value = item.value
            known = not value if node.op == "logical_not" else -value if node.op == "neg" else value
            self.values.append(StaticNumber(known))
            return
        operand = self.operand(item, node.operand, frame.source)
        if node.op == "neg" and self._is_literal(node.operand, operand):
            # -4 and -inf are constants, shown in place, not operations on 4 and inf.
            found = self.builder.nodes[operand]
            operand = self.builder.constant(-found.params[1][0], frame.source, node.span)
            if found.written and type(node.operand) is ast.Name:
                self.builder.nodes[operand].written = f"-{found.written}"
        elif node.op != "pos":
            operand = self.add(OPS[node.op], (operand,), (), node, frame)
        self.values.append(operand)

    def _is_literal(self, node: Expr, position: int) -> bool:
        """Whether a number or the name of a constant is written here."""
        if type(node) is ast.Name:
            found = self.builder.nodes[position]
            return found.op is OPS["const"] and found.written == node.name
        return type(node) is ast.Number

    def _comparison(self, node: ast.Comparison, frame: Frame) -> None:
        items = self._pop(len(node.operands))
        if len(items) == 2:
            known = compare(node.ops[0], items[0], items[1], self.fixed)
            if known is not None:
                self.values.append(StaticNumber(known))
                return
        operands = [self.operand(i, n, frame.source) for i, n in zip(items, node.operands)]
        result = self.add(OPS[node.ops[0]], (operands[0], operands[1]), (), node, frame)
        for op, left, right in zip(node.ops[1:], operands[1:], operands[2:]):
            link = self.add(OPS[op], (left, right), (), node, frame)
            result = self.add(OPS["logical_and"], (result, link), (), node, frame)
        self.values.append(result)

    def _conditional(self, node: ast.Conditional, frame: Frame) -> Frame | None:
        if frame.place is None and not is_choice(node):
            value, condition, other = self._operands(
                (node.value, node.condition, node.other), frame
            )
            self.values.append(self.add(OPS["where"], (condition, value, other), (), node, frame))
            return None
        truth = self.arguments.value(self.values.pop())
        if truth is None:
            text = brief(frame.source.slice(node.condition.span))
            raise CallError(
                "static-condition",
                f"`{text}` must be known before the program runs",
                self.label(node.condition, frame.source),
            )
        branch = self.walk(node.value if truth else node.other, is_prelude=frame.place is not None)
        return Frame(iter(branch), frame.source, frame.values, place=frame.place)

    # Tensors, tuples, indices

    def _sizes(self, node: ast.Tuple, frame: Frame) -> None:
        self.values.append(TupleValue(tuple(self._pop(len(node.items))), node))

    def _slice(self, node: ast.Slice, frame: Frame) -> None:
        parts = (node.lower, node.upper, node.step)
        popped = iter(self._pop(sum(p is not None for p in parts)))
        lower, upper, step = (None if p is None else next(popped) for p in parts)
        self.values.append(Range(lower, upper, step, node))

    def _tensor(self, node: ast.Tensor, frame: Frame) -> None:
        """A tensor literal: a constant when every element is one, else a node."""
        operands = self._operands(node.items, frame)
        self.values.append(self._literal(node, operands, frame.source))

    def _list(self, node: ast.Tensor, frame: Frame) -> None:
        self.values.append(ListValue(tuple(self._pop(len(node.items))), node))

    def _literal(self, node: ast.Tensor, operands: list[int], source: Source) -> int:
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
            return builder.add(
                OPS["tensor"], tuple(operands), (), source, node.span, context=self.context()
            )
        data = tuple(value for literal in literals if literal is not None for value in literal)
        return builder.add(OPS["const"], (), (type_, data), source, node.span, is_shared=False)

    def _index(self, node: ast.Index, frame: Frame) -> None:
        items = self._pop(len(node.items))
        item = self.values.pop()
        if type(item) is TupleValue:
            self.values.append(pick(self.arguments, item, items, node, frame.source))
            return
        base = self.operand(item, node.value, frame.source)
        part = attributes.pair_part(self, base, items, node, frame.source)
        if part is not None:
            self.values.append(part)
            return
        shape = self.builder.nodes[base].type.shape
        params, operands = Indexing(self.arguments, self.operand).items(
            items, node, shape, frame.source
        )
        written = ", ".join(format_expression(i) for i in node.items)
        source, span = self.at(node, frame)
        position = self.builder.add(
            OPS["index"],
            (base, *operands),
            (params,),
            source,
            span,
            written="" if frame.place else written,
            context=self.context(),
        )
        self.values.append(position)

    def _attribute(self, node: ast.Attribute, frame: Frame) -> None:
        self.values.append(attributes.dotted(self, self.values.pop(), node, frame.source))

    # Helpers

    def _operands(self, nodes: tuple[Expr, ...], frame: Frame) -> list[int]:
        """The graph nodes of the last items of the stack, one for each syntax node."""
        items = self._pop(len(nodes))
        return [self.operand(i, n, frame.source) for i, n in zip(items, nodes)]

    def _pop(self, count: int) -> list[Lowered]:
        if not count:
            return []
        items = self.values[-count:]
        del self.values[-count:]
        return items

    def pop(self, count: int) -> list[Lowered]:
        """The last items of the stack, taken off it."""
        return self._pop(count)

    def at(self, node: Any, frame: Frame) -> tuple[Source, Span]:
        """Where a node of the graph stands in the user's text."""
        if frame.place is not None:
            return frame.place.source, frame.place.span
        return frame.source, Span(node.start, node.end)

    def add(
        self, op: Op, operands: tuple[int, ...], params: tuple[Any, ...], node: Any, frame: Frame
    ) -> int:
        """The node of an operation that stands at a place of the program's text."""
        source, span = self.at(node, frame)
        context = () if len(self.frames) < 2 else self.context()
        position = self.builder.add(op, operands, params, source, span, context=context)
        if op is OPS["detach"] and frame.place is not None:
            # Of no interest to a reader of the values.
            self.builder.nodes[position].is_hidden = True
        return position

    def context(self) -> tuple[Label, ...]:
        """Where the functions that are being inlined were called, innermost first."""
        return tuple(f.call for f in reversed(self.frames[-8:]) if f.call is not None)[:4]

    def label(self, node: Any, source: Source) -> tuple[Label, ...]:
        """Where something is wrong, and the calls that it is inside of."""
        return (Label(source, node.span), *self.context())

    def operand(self, item: Lowered, node: Any, source: Source) -> int:
        """The graph node of an item, or an error that says why it is none."""
        if type(item) is int:
            return item
        match item:
            case StaticNumber():
                return self.builder.constant(number(item.value), source, node.span)
            case ListValue():
                operands = [self.operand(i, n, source) for i, n in zip(item.items, item.node.items)]
                return self._literal(item.node, operands, source)
            case TupleValue() if type(item.node) is not ast.Tuple and all(
                type(i) is StaticNumber for i in item.items
            ):
                data = tuple(number(i.value) for i in item.items)
                type_ = Type((len(data),), self.builder.dtype, True)
                return self.builder.add(
                    OPS["const"], (), (type_, data), source, node.span, is_shared=False
                )
        label = self.label(node, source)
        match item:
            case ModulePrefix():
                raise self.missing(item.name, label[0])
            case BoundMethod():
                return attributes.member(self, item, node, source)
            case TextValue():
                raise ParseError(
                    "text-value",
                    f"`{brief(item.text)}` is text, not a value",
                    label,
                    help='text only stands where a function wants it: einsum("ij,jk->ik", a, b)',
                )
            case TupleValue():
                raise ParseError(
                    "tuple-value",
                    "a tuple is a list of sizes or dimensions, not a value",
                    label,
                    help="name its parts, `a, b = …`, or write a tensor as `[1, 2, 3]`",
                )
            case NoneValue():
                raise ParseError("none-value", "`None` is not a value", label)
            case _:
                raise ParseError("slice-value", "a slice only stands in an index", label)
