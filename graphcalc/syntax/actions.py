"""What the rules of the grammar build: values of symbols to syntax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from graphcalc.diagnostics import Label, ParseError, brief
from graphcalc.numbers import whole_number
from graphcalc.source import Source, Span
from graphcalc.syntax.columns import column_of, normalized
from graphcalc.syntax.expr import (
    Attribute,
    Binary,
    Boolean,
    Call,
    Clause,
    Comparison,
    Comprehension,
    Conditional,
    EllipsisLiteral,
    Expr,
    Index,
    Keyword,
    Name,
    NoneLiteral,
    Number,
    Slice,
    Starred,
    Tensor,
    Text,
    Tuple,
    Unary,
)
from graphcalc.syntax.format import COMPARE
from graphcalc.syntax.lists import as_list, nodes_among
from graphcalc.syntax.statements import StatementActions
from graphcalc.syntax.tokens import Token

Build: TypeAlias = Callable[[list[Any]], Any]

_COMPARE = {symbol: op for op, symbol in COMPARE.items()}
_BINARY = (
    "logical_or logical_and bitwise_or bitwise_and add sub mul div floor_divide remainder "
    "matmul pow"
).split()
_UNARY = ("logical_not", "neg", "pos", "bitwise_not")


class _Actions(StatementActions):
    """What each rule of the grammar builds from the values of its symbols."""

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
        texts = [text_of(self.text[t.start : t.end]) for t in c[0]]
        return Text("".join(texts), c[0][0].start, c[0][-1].end)

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
        return Tuple(nodes_among(c[1:-1]), c[0].start, c[-1].end)

    def tensor(self, c: list[Any]) -> Expr:
        return Tensor(nodes_among(c[1:-1]), c[0].start, c[-1].end)

    def starred(self, c: list[Any]) -> Expr:
        return Starred(c[1], c[0].start, c[1].end)

    def comprehension(self, c: list[Any]) -> Expr:
        clauses = tuple(clause for clause in c[1] if type(clause) is Clause)
        return Comprehension(c[0], clauses, c[0].start, clauses[-1].end)

    def clause(self, c: list[Any]) -> Expr:
        target, iterable = self._loop_target(c[1]), as_list(c[3])
        conditions = nodes_among(c[4])
        end = conditions[-1].end if conditions else iterable.end
        return Clause(target, iterable, conditions, c[0].start, end)

    def collected(self, c: list[Any]) -> Expr:
        node: Expr = c[1]
        node.start, node.end = c[0].start, c[2].end
        return node

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
            operands.append(as_list(part) if words and words[-1] == "in" else part)
            words.clear()
        return Comparison(tuple(ops), tuple(operands), operands[0].start, operands[-1].end)

    def attribute(self, c: list[Any]) -> Expr:
        name = c[2]
        return Attribute(c[0], normalized(self.text[name.start : name.end]), c[0].start, name.end)

    def keyword(self, c: list[Any]) -> Expr:
        name = c[0]
        return Keyword(normalized(self.text[name.start : name.end]), c[2], name.start, c[2].end)

    def call(self, c: list[Any]) -> Expr:
        arguments = nodes_among(c[2:-1])
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
        if type(c[0]) is Name and c[0].name == "isinstance" and len(arguments) == 2:
            # The kinds are no values.
            kinds = arguments[1]
            names = Text(self.text[kinds.start : kinds.end], kinds.start, kinds.end)
            return Call(c[0], (arguments[0], names), c[0].start, c[-1].end)
        column = column_of(c[0], arguments)
        if column is not None:
            return Name(column, c[0].start, c[-1].end)
        return Call(c[0], tuple([as_list(a) for a in arguments]), c[0].start, c[-1].end)

    def index(self, c: list[Any]) -> Expr:
        whole = as_list(c[0]) if type(c[0]) is Binary else c[0]
        return Index(whole, nodes_among(c[2:-1]), c[0].start, c[-1].end)

    def reach(self, c: list[Any]) -> Expr:
        parts: list[Expr | None] = [None]
        for item in c:
            if type(item) is Token:
                parts.append(None)
            else:
                parts[-1] = item
        parts += [None] * (3 - len(parts))
        return Slice(parts[0], parts[1], parts[2], c[0].start, c[-1].end)


def text_of(text: str) -> str:
    """The text that quotes hold, without a prefix such as that of `f"x"`."""
    text = text.lstrip("fFrRbBuU")
    length = 3 if text[:3] in ('"""', "'''") and len(text) > 5 else 1
    return text[length:-length]


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
