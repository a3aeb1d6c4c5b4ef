"""What the rules of the grammar build: values of symbols to syntax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from graphcalc.diagnostics import CallError, Label, ParseError, brief
from graphcalc.numbers import whole_number
from graphcalc.source import Source, Span
from graphcalc.syntax.columns import column_of, normalized
from graphcalc.syntax.errors import CONSTRUCTS, construct
from graphcalc.syntax.expr import (
    Attribute,
    Binary,
    Boolean,
    Call,
    Comparison,
    Conditional,
    EllipsisLiteral,
    Expr,
    Index,
    Keyword,
    List,
    Name,
    NoneLiteral,
    Number,
    Slice,
    Tensor,
    Text,
    Tuple,
    Unary,
)
from graphcalc.syntax.format import COMPARE
from graphcalc.syntax.lexer import Token
from graphcalc.syntax.program import (
    AssignmentTarget,
    Declaration,
    Definition,
    FunctionParameter,
    Statement,
    SyntaxTree,
    Unpacking,
)

Build: TypeAlias = Callable[[list[Any]], Any]

_COMPARE = {symbol: op for op, symbol in COMPARE.items()}
_BINARY = (
    "logical_or logical_and bitwise_or bitwise_and add sub mul div floor_divide remainder "
    "matmul pow"
).split()
_UNARY = ("logical_not", "neg", "pos", "bitwise_not")


class _Actions:
    """What each rule of the grammar builds from the values of its symbols."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text

    def number(self, c: list[Any]) -> Expr:
        _, start, end = c[0]
        text = self.text[start:end]
        value = number_of(text)
        if has_leading_zeros(text):
            digits = text.lstrip("0_")
            raise ParseError(
                "leading-zeros",
                f"`{brief(text)}` has zeros before a whole number",
                (Label(self.source, Span(start, end)),),
                note="Python refuses them, and C takes such a number for octal",
                help=f"write `{brief(digits)}`",
            )
        if value == float("inf") and not has_point(text):
            raise ParseError(
                "number-overflow",
                f"`{brief(text.replace('_', ''))}` is too large for a float64",
                (Label(self.source, Span(start, end)),),
                note="the largest is 1.7976931348623157e308",
                help="write `inf` for infinity",
            )
        return Number(value, start, end, has_point=has_point(text))

    def name(self, c: list[Any]) -> Expr:
        _, start, end = c[0]
        return Name(normalized(self.text[start:end]), start, end)

    def true(self, c: list[Any]) -> Expr:
        return Boolean(True, c[0].start, c[0].end)

    def false(self, c: list[Any]) -> Expr:
        return Boolean(False, c[0].start, c[0].end)

    def quoted(self, c: list[Any]) -> Expr:
        _, start, end = c[0]
        return Text(self.text[start + 1 : end - 1], start, end)

    def none(self, c: list[Any]) -> Expr:
        return NoneLiteral(c[0].start, c[0].end)

    def ellipsis(self, c: list[Any]) -> Expr:
        return EllipsisLiteral(c[0].start, c[0].end)

    def group(self, c: list[Any]) -> Expr:
        # A node's span covers its parentheses, so that carets show what people see.
        node: Expr = c[1]
        node.start, node.end = c[0].start, c[2].end
        return node

    def sizes(self, c: list[Any]) -> Expr:
        return Tuple(_values(c[1:-1]), c[0].start, c[-1].end)

    def tensor(self, c: list[Any]) -> Expr:
        return Tensor(_values(c[1:-1]), c[0].start, c[-1].end)

    def conditional(self, c: list[Any]) -> Expr:
        return Conditional(c[0], c[2], c[4], c[0].start, c[4].end)

    def comparison(self, c: list[Any]) -> Expr:
        ops: list[str] = []
        operands: list[Expr] = []
        words: list[str] = []
        for part in c[0]:
            if type(part) is Token:
                words.append(self.text[part.start : part.end])
                continue
            ops += [_COMPARE[" ".join(words)]] if words else []
            operands.append(_listed(part) if words and words[-1] == "in" else part)
            words.clear()
        return Comparison(tuple(ops), tuple(operands), operands[0].start, operands[-1].end)

    def attribute(self, c: list[Any]) -> Expr:
        name = c[2]
        return Attribute(c[0], normalized(self.text[name.start : name.end]), c[0].start, name.end)

    def keyword(self, c: list[Any]) -> Expr:
        name = c[0]
        return Keyword(normalized(self.text[name.start : name.end]), c[2], name.start, c[2].end)

    def call(self, c: list[Any]) -> Expr:
        arguments = _values(c[2:-1])
        keyword = None
        for argument in arguments:
            if type(argument) is Keyword:
                keyword = argument
            elif keyword is not None:
                raise ParseError(
                    "positional-after-keyword",
                    f"a positional argument follows `{keyword.name}=`",
                    (Label(self.source, argument.span),),
                    help="put the arguments without a name first",
                )
        column = column_of(c[0], arguments)
        if column is not None:
            return Name(column, c[0].start, c[-1].end)
        return Call(c[0], tuple([_listed(a) for a in arguments]), c[0].start, c[-1].end)

    def index(self, c: list[Any]) -> Expr:
        whole = _listed(c[0]) if type(c[0]) is Binary else c[0]
        return Index(whole, _values(c[2:-1]), c[0].start, c[-1].end)

    def reach(self, c: list[Any]) -> Expr:
        parts: list[Expr | None] = [None]
        for item in c:
            if type(item) is Token:
                parts.append(None)
            else:
                parts[-1] = item
        parts += [None] * (3 - len(parts))
        return Slice(parts[0], parts[1], parts[2], c[0].start, c[-1].end)

    def bare(self, c: list[Any]) -> Statement:
        return Statement(self.source, None, _listed(c[0]), c[0].span)

    def assign(self, c: list[Any]) -> Statement | Definition | Unpacking:
        target, value = c[0], c[2]
        if type(target) in (Tuple, Tensor):
            return Unpacking(self.source, tuple(map(self._target, target.items)), _listed(value))
        if type(target) is Name:
            return Statement(self.source, target.name, _listed(value), target.span)
        if type(target) is Call and type(target.function) is Name:
            parameters = tuple(self._parameter(a) for a in target.arguments)
            seen: set[str] = set()
            for p in parameters:
                if p.name in seen:
                    label = Label(self.source, p.span)
                    raise CallError(
                        "duplicate-parameter", f"parameter `{p.name}` appears twice", (label,)
                    )
                seen.add(p.name)
            name = target.function
            return Definition(self.source, name.name, parameters, value, name.span)
        raise ParseError(
            "assignment-target",
            f"cannot assign to `{brief(self.source.slice(target.span))}`",
            (Label(self.source, target.span),),
            help="write `name = value` or `f(x) = value`; `==` compares",
        )

    def unpack(self, c: list[Any]) -> Unpacking:
        equals = next(i for i, s in enumerate(c) if type(s) is Token and s.kind == "=")
        names, values = _values(c[:equals]), _values(c[equals + 1 :])
        targets = tuple(self._target(node) for node in names)
        value = values[0]
        if len(values) > 1 or type(c[-1]) is Token:
            value = Tuple(values, values[0].start, values[-1].end)
        return Unpacking(self.source, targets, value)

    def _target(self, node: Expr) -> AssignmentTarget:
        if type(node) is Name:
            return AssignmentTarget(node.name, node.span)
        raise ParseError(
            "assignment-target",
            f"cannot assign to `{brief(self.source.slice(node.span))}`",
            (Label(self.source, node.span),),
            help="write names before the `=`, as in `a, b = chunk(x, 2)`",
        )

    def declare(self, c: list[Any]) -> Any:
        target, kind = c[0], c[2]
        if type(target) is Name and target.name in CONSTRUCTS:
            raise construct(self.source, target.name, target.span)
        if type(target) is not Name:
            raise ParseError(
                "declaration",
                f"cannot declare `{brief(self.source.slice(target.span))}`",
                (Label(self.source, target.span),),
                help="write `x: [32, 784]` or `y: int64[32]`",
            )
        dtype, sizes = self._declared(kind)
        span = Span(target.start, kind.end)
        declared = Declaration(self.source, target.name, dtype, sizes, target.span, span)
        if len(c) == 3:
            return declared
        return [declared, Statement(self.source, target.name, c[4], target.span)]

    def _declared(self, kind: Expr) -> tuple[str | None, tuple[Expr, ...]]:
        """The dtype and the sizes of `[B, 4]`, `int64[B]` and `bool`."""
        if type(kind) is Tensor:
            return None, kind.items
        if type(kind) is Index and type(kind.value) is Name:
            return kind.value.name, kind.items
        if type(kind) is Name:
            return kind.name, ()
        raise ParseError(
            "declaration",
            f"`{brief(self.source.slice(kind.span))}` is not a shape or a dtype",
            (Label(self.source, kind.span),),
            help="write `x: [32, 784]` or `y: int64[32]`",
        )

    def several(self, c: list[Any]) -> Any:
        comma, text = c[1], self.source.text
        number = type(c[0]) is Number
        shown = "`[1, 2]`" if number else "`[a, b]`"
        from graphcalc.syntax.advice import advise_on_commas  # only where something is wrong

        slip = advise_on_commas(text, c[0].start) if number else ""
        raise ParseError(
            "several-values",
            "a statement is one expression, and a `,` follows it here",
            (Label(self.source, Span(comma.start, comma.end)),),
            help=slip or f"write a tensor as {shown}, or one statement for each value",
        )

    def _parameter(self, node: Expr) -> FunctionParameter:
        if type(node) is Name:
            return FunctionParameter(node.name, None, node.span)
        if type(node) is Keyword:
            return FunctionParameter(
                node.name, node.value, Span(node.start, node.start + len(node.name))
            )
        raise ParseError(
            "parameter",
            f"a parameter must be a name, not `{brief(self.source.slice(node.span))}`",
            (Label(self.source, node.span),),
        )

    def program(self, c: list[Any]) -> SyntaxTree:
        found: list[Any] = [item for item in c[0] if type(item) is not Token] if c else []
        for item in c[1:]:
            found += item if type(item) is list else [item]
        return SyntaxTree((tuple(found),))


def number_of(text: str) -> float:
    """The value of a written number; infinity where it is too large.

    It is an int where a float64 has not the whole number that is written, and int64 has it.
    """
    text = text.replace("_", "")
    try:
        if text[1:2] in "xX" and len(text) > 1:
            return whole_number(int(text, 16))
        return whole_number(int(text)) if is_long(text) else float(text)
    except OverflowError:
        return float("inf")


def has_leading_zeros(text: str) -> bool:
    """Whether a text is a whole number behind zeros, which Python refuses: C reads 017 as 15."""
    if text[0] != "0":
        return False
    digits = text.replace("_", "")
    return digits.isdigit() and digits.strip("0") != ""


def is_long(text: str) -> bool:
    """Whether a text is a whole number of so many digits that a float64 may not have it."""
    return 15 < len(text) < 4300 and text.isdigit()


def has_point(text: str) -> bool:
    """Whether a written number is floating point in Python: it has a point or an exponent."""
    return text[1:2] not in ("x", "X") and any(c in text for c in ".eE")


def _listed(argument: Expr, depth: int = 0) -> Expr:
    """An argument, where a tensor literal may also be a list of tensors.

    So may the operands of a `+` or a `*`, which join and repeat lists.
    """
    if type(argument) is Keyword:
        value = _listed(argument.value)
        return Keyword(argument.name, value, argument.start, argument.end)
    if type(argument) is Tensor:
        return _as_list(argument, depth)
    pending = [argument]
    while pending:
        node = pending.pop()
        if type(node) is Binary and node.op in ("add", "mul"):
            if type(node.left) is Tensor:
                node.left = _as_list(node.left, depth)
            if type(node.right) is Tensor:
                node.right = _as_list(node.right, depth)
            pending += (node.left, node.right)
    return argument


# So deep are repeated lists found inside of others.
_DEPTH = 8


def _as_list(node: Tensor, depth: int) -> List:
    """A tensor literal as a list; so are the rows that are repeated or joined lists."""
    items = tuple([_row(item, depth + 1) for item in node.items])
    return List(items, node.start, node.end)


def _row(item: Expr, depth: int) -> Expr:
    if type(item) is Binary:
        return _listed(item, depth) if depth < _DEPTH else item
    if type(item) is not Tensor or depth >= _DEPTH:
        return item
    row = _as_list(item, depth)
    return row if any(type(i) in (Binary, List) for i in row.items) else item


def _values(symbols: list[Any]) -> tuple[Expr, ...]:
    """The nodes among a rule's symbols; the commas between them dropped."""
    nodes: list[Expr] = []
    for symbol in symbols:
        if type(symbol) is list:
            nodes += [s for s in symbol if type(s) is not Token]
        elif type(symbol) is not Token:
            nodes.append(symbol)
    return tuple(nodes)


def _binary(op: str) -> Callable[[list[Any]], Expr]:
    return lambda c: Binary(op, c[0], c[2], c[0].start, c[2].end)


def _unary(op: str) -> Callable[[list[Any]], Expr]:
    return lambda c: Unary(op, c[1], c[0].start, c[1].end)


_OPERATORS = {**{op: _binary(op) for op in _BINARY}, **{op: _unary(op) for op in _UNARY}}


def builders(source: Source) -> Callable[[str], Build]:
    """Return what gives the builder of each action that the rules of the grammar name."""
    actions = _Actions(source)

    def find(action: str) -> Build:
        found: Build = _OPERATORS.get(action) or getattr(actions, action)
        return found

    return find
