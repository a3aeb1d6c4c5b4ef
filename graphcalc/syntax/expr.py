"""The abstract syntax: frozen nodes that know where they stand.

Nodes compare and hash by identity, print through `format`, and copy as themselves, so that
no operation on a deep expression recurses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, Union

from graphcalc.source import Source, Span


class Node:
    """What all syntax nodes share: a half-open range of offsets in their source."""

    __slots__ = ()
    start: int
    end: int

    @property
    def span(self) -> Span:
        """The characters this node was written with, its own parentheses included."""
        return Span(self.start, self.end)

    def __repr__(self) -> str:
        from graphcalc.syntax.format import format_expression

        text = format_expression(self)  # type: ignore[arg-type]
        return f"{type(self).__name__}({text if len(text) <= 200 else text[:200] + '…'})"

    def __copy__(self) -> Node:
        return self

    def __deepcopy__(self, memo: object) -> Node:
        return self

    def __reduce__(self) -> tuple[Callable[[str], Expr], tuple[str]]:
        # Text is flat where a tree of nodes would make pickle recurse.
        from graphcalc.syntax.format import format_expression
        from graphcalc.syntax.parser import parse_expression_text

        return parse_expression_text, (format_expression(self),)  # type: ignore[arg-type]


_frozen = dataclass(frozen=True, slots=True, eq=False, repr=False)


@_frozen
class Number(Node):
    """A literal number."""

    value: float
    start: int
    end: int


@_frozen
class Boolean(Node):
    """`true` or `false`."""

    value: bool
    start: int
    end: int


@_frozen
class Nothing(Node):
    """`None`: a new dimension in an index, "not given" in a call."""

    start: int
    end: int


@_frozen
class Dots(Node):
    """`...` in an index."""

    start: int
    end: int


@_frozen
class Name(Node):
    """A name that is read."""

    name: str
    start: int
    end: int


@_frozen
class Unary(Node):
    """A prefix operator; `op` is the name of a row of the op table (or `pos`)."""

    op: str
    operand: Expr
    start: int
    end: int


@_frozen
class Binary(Node):
    """An infix operator; `op` is the name of a row of the op table."""

    op: str
    left: Expr
    right: Expr
    start: int
    end: int


@_frozen
class Comparison(Node):
    """A chain `operands[0] ops[0] operands[1] ops[1] …`."""

    ops: tuple[str, ...]
    operands: tuple[Expr, ...]
    start: int
    end: int


@_frozen
class Conditional(Node):
    """`value if condition else other`."""

    value: Expr
    condition: Expr
    other: Expr
    start: int
    end: int


@_frozen
class Attribute(Node):
    """`value.name`."""

    value: Expr
    name: str
    start: int
    end: int


@_frozen
class Keyword(Node):
    """`name=value` in a call."""

    name: str
    value: Expr
    start: int
    end: int


@_frozen
class Call(Node):
    """`function(arguments)`; keywords are among the arguments, after the positional ones."""

    function: Expr
    arguments: tuple[Expr, ...]
    start: int
    end: int


@_frozen
class Slice(Node):
    """`lower:upper:step` in an index."""

    lower: Expr | None
    upper: Expr | None
    step: Expr | None
    start: int
    end: int


@_frozen
class Index(Node):
    """`value[items]`."""

    value: Expr
    items: tuple[Expr, ...]
    start: int
    end: int


@_frozen
class Tensor(Node):
    """A tensor literal `[a, b, …]`."""

    items: tuple[Expr, ...]
    start: int
    end: int


@_frozen
class Tuple(Node):
    """`(a, b, …)`: only a static argument such as a shape."""

    items: tuple[Expr, ...]
    start: int
    end: int


Expr: TypeAlias = Union[
    Number,
    Boolean,
    Nothing,
    Dots,
    Name,
    Unary,
    Binary,
    Comparison,
    Conditional,
    Attribute,
    Keyword,
    Call,
    Slice,
    Index,
    Tensor,
    Tuple,
]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Statement:
    """`name = value`, or a bare `value` when `name` is None."""

    source: Source
    name: str | None
    value: Expr
    name_span: Span


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Parameter:
    """One parameter of a function definition."""

    name: str
    default: Expr | None
    span: Span


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Definition:
    """`name(parameters) = body`."""

    source: Source
    name: str
    parameters: tuple[Parameter, ...]
    body: Expr
    name_span: Span


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Program:
    """Statements and definitions in order, possibly of several sources."""

    statements: tuple[Statement | Definition, ...]


def children(node: Expr) -> tuple[Expr, ...]:
    """The sub-expressions of a node, in the order of the text."""
    match node:
        case Binary():
            return (node.left, node.right)
        case Unary():
            return (node.operand,)
        case Call():
            # A plain name that is called is a function, not a value to visit.
            if type(node.function) is Name:
                return node.arguments
            return (node.function, *node.arguments)
        case Comparison():
            return node.operands
        case Conditional():
            return (node.value, node.condition, node.other)
        case Attribute() | Keyword():
            return (node.value,)
        case Slice():
            return tuple(p for p in (node.lower, node.upper, node.step) if p is not None)
        case Index():
            return (node.value, *node.items)
        case Tensor() | Tuple():
            return node.items
        case _:
            return ()


_LEAVES = (Number, Name, Boolean, Nothing, Dots)


def postorder(root: Expr) -> list[Expr]:
    """Every node below `root`, children before parents, left to right, without recursion."""
    order: list[Expr] = []
    stack = [root]
    while stack:
        node = stack.pop()
        order.append(node)
        if type(node) not in _LEAVES:
            stack.extend(children(node))
    order.reverse()
    return order
