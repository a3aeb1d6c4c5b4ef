"""The abstract syntax: nodes that know where they stand, and that nothing changes once made.

Nodes compare and hash by identity, print as their text, copy as themselves, and are
pickled as their text (see `parser`), so that no operation on a deep expression recurses.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple, TypeAlias

from graphcalc.source import Span


class SyntaxNode:
    """What all syntax nodes share: a half-open range of offsets in their source."""

    __match_args__: tuple[str, ...] = ()
    __slots__ = ("end", "start")
    # What gives the text of a node; `format` sets it, which needs all kinds of nodes.
    formatter: ClassVar[Callable[[Any], str]]

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end

    def rebuilt(self, part: Callable[[Any], Any], start: int, end: int) -> Expr:
        """Return a node of the same kind at another place, of what `part` makes of its parts."""
        parts = [part(getattr(self, name)) for name in self.__match_args__]
        kind: Any = type(self)
        made: Expr = kind(*parts, start, end)
        return made

    @property
    def span(self) -> Span:
        """The characters this node was written with, its own parentheses included."""
        return Span(self.start, self.end)

    def __repr__(self) -> str:
        text = type(self).formatter(self)
        return f"{type(self).__name__}({text if len(text) <= 200 else text[:200] + '…'})"

    def __copy__(self) -> SyntaxNode:
        return self

    def __deepcopy__(self, memo: object) -> SyntaxNode:
        return self


class Number(SyntaxNode):
    """A literal number; `has_point` where it is written as no int of Python's is: `2.0`, `1e3`."""

    __match_args__ = ("value",)
    __slots__ = ("has_point", "value")

    def __init__(self, value: float, start: int, end: int, *, has_point: bool = False) -> None:
        self.value = value
        self.start = start
        self.end = end
        self.has_point = has_point


class Boolean(SyntaxNode):
    """`true` or `false`."""

    __match_args__ = ("value",)
    __slots__ = __match_args__

    def __init__(self, value: bool, start: int, end: int) -> None:
        self.value = value
        self.start = start
        self.end = end


class NoneLiteral(SyntaxNode):
    """`None`: a new dimension in an index, "not given" in a call."""

    __slots__ = ()


class Text(SyntaxNode):
    """`"ij,jk->ik"`: only an argument, never a value."""

    __match_args__ = ("value",)
    __slots__ = __match_args__

    def __init__(self, value: str, start: int, end: int) -> None:
        self.value = value
        self.start = start
        self.end = end


class EllipsisLiteral(SyntaxNode):
    """`...` in an index."""

    __slots__ = ()


class Name(SyntaxNode):
    """A name that is read."""

    __match_args__ = ("name",)
    __slots__ = __match_args__

    def __init__(self, name: str, start: int, end: int) -> None:
        self.name = name
        self.start = start
        self.end = end


class Unary(SyntaxNode):
    """A prefix operator; `op` is the name of a row of the op table (or `pos`)."""

    __match_args__ = ("op", "operand")
    __slots__ = __match_args__

    def __init__(self, op: str, operand: Expr, start: int, end: int) -> None:
        self.op = op
        self.operand = operand
        self.start = start
        self.end = end


class Binary(SyntaxNode):
    """An infix operator; `op` is the name of a row of the op table."""

    __match_args__ = ("op", "left", "right")
    __slots__ = __match_args__

    def __init__(self, op: str, left: Expr, right: Expr, start: int, end: int) -> None:
        self.op = op
        self.left = left
        self.right = right
        self.start = start
        self.end = end


class Comparison(SyntaxNode):
    """A chain `operands[0] ops[0] operands[1] ops[1] …`."""

    __match_args__ = ("ops", "operands")
    __slots__ = __match_args__

    def __init__(
        self, ops: tuple[str, ...], operands: tuple[Expr, ...], start: int, end: int
    ) -> None:
        self.ops = ops
        self.operands = operands
        self.start = start
        self.end = end


class Conditional(SyntaxNode):
    """`value if condition else other`."""

    __match_args__ = ("value", "condition", "other")
    __slots__ = __match_args__

    def __init__(self, value: Expr, condition: Expr, other: Expr, start: int, end: int) -> None:
        self.value = value
        self.condition = condition
        self.other = other
        self.start = start
        self.end = end


class Attribute(SyntaxNode):
    """`value.name`."""

    __match_args__ = ("value", "name")
    __slots__ = __match_args__

    def __init__(self, value: Expr, name: str, start: int, end: int) -> None:
        self.value = value
        self.name = name
        self.start = start
        self.end = end


class Keyword(SyntaxNode):
    """`name=value` in a call."""

    __match_args__ = ("name", "value")
    __slots__ = __match_args__

    def __init__(self, name: str, value: Expr, start: int, end: int) -> None:
        self.name = name
        self.value = value
        self.start = start
        self.end = end


class Call(SyntaxNode):
    """`function(arguments)`; keywords are among the arguments, after the positional ones."""

    __match_args__ = ("function", "arguments")
    __slots__ = __match_args__

    def __init__(self, function: Expr, arguments: tuple[Expr, ...], start: int, end: int) -> None:
        self.function = function
        self.arguments = arguments
        self.start = start
        self.end = end


class Slice(SyntaxNode):
    """`lower:upper:step` in an index."""

    __match_args__ = ("lower", "upper", "step")
    __slots__ = __match_args__

    def __init__(
        self, lower: Expr | None, upper: Expr | None, step: Expr | None, start: int, end: int
    ) -> None:
        self.lower = lower
        self.upper = upper
        self.step = step
        self.start = start
        self.end = end


class Index(SyntaxNode):
    """`value[items]`."""

    __match_args__ = ("value", "items")
    __slots__ = __match_args__

    def __init__(self, value: Expr, items: tuple[Expr, ...], start: int, end: int) -> None:
        self.value = value
        self.items = items
        self.start = start
        self.end = end


class Tensor(SyntaxNode):
    """A tensor literal `[a, b, …]`."""

    __match_args__ = ("items",)
    __slots__ = __match_args__

    def __init__(self, items: tuple[Expr, ...], start: int, end: int) -> None:
        self.items = items
        self.start = start
        self.end = end


class List(Tensor):
    """`[a, b, …]` as an argument: a tensor or a list of tensors, as the function wants."""

    __slots__ = ()


class Tuple(SyntaxNode):
    """`(a, b, …)`: only a static argument such as a shape."""

    __match_args__ = ("items",)
    __slots__ = __match_args__

    def __init__(self, items: tuple[Expr, ...], start: int, end: int) -> None:
        self.items = items
        self.start = start
        self.end = end


class Row(Tuple):
    """`a, b` without parentheses; `comma` is where its first comma stands."""

    __match_args__ = ("items",)
    __slots__ = ("comma",)

    def __init__(self, items: tuple[Expr, ...], start: int, end: int, comma: int = 0) -> None:
        super().__init__(items, start, end)
        self.comma = comma


class Starred(SyntaxNode):
    """`*value`: the parts of a value, or in a target the rest of them."""

    __match_args__ = ("value",)
    __slots__ = __match_args__

    def __init__(self, value: Expr, start: int, end: int) -> None:
        self.value = value
        self.start = start
        self.end = end


class FunctionParameter(NamedTuple):
    """One parameter of a function.

    `kind` is "" for one that has a place, "keyword" for one behind a `*`, "rest" for `*args`.
    """

    name: str
    default: Expr | None
    span: Span
    kind: str = ""


class Lambda(SyntaxNode):
    """`lambda parameters: body`."""

    __match_args__ = ("parameters", "body")
    __slots__ = __match_args__

    def __init__(
        self, parameters: tuple[FunctionParameter, ...], body: Expr, start: int, end: int
    ) -> None:
        self.parameters = parameters
        self.body = body
        self.start = start
        self.end = end


class Clause(SyntaxNode):
    """`for target in iterable if conditions` of a comprehension."""

    __match_args__ = ("target", "iterable", "conditions")
    __slots__ = __match_args__

    def __init__(
        self, target: Expr, iterable: Expr, conditions: tuple[Expr, ...], start: int, end: int
    ) -> None:
        self.target = target
        self.iterable = iterable
        self.conditions = conditions
        self.start = start
        self.end = end


class Comprehension(SyntaxNode):
    """`[element for …]`, or without brackets as an argument."""

    __match_args__ = ("element", "clauses")
    __slots__ = __match_args__

    def __init__(self, element: Expr, clauses: tuple[Clause, ...], start: int, end: int) -> None:
        self.element = element
        self.clauses = clauses
        self.start = start
        self.end = end


def _free_with_loops(*kinds: type) -> None:
    """Give kinds of nodes a `__del__` that hands their parts to the loop of the outermost one.

    It has no global name, since those may be gone when the interpreter ends.
    """
    waiting: list[object] = []
    is_looping: list[bool] = []

    def deletion(slots: tuple[str, ...]) -> Callable[[object], None]:
        def free(node: object) -> None:
            parts = [getattr(node, slot) for slot in slots]
            for slot in slots:
                setattr(node, slot, None)
            waiting.extend(parts)
            if not is_looping:
                parts.clear()
                is_looping.append(True)
                while waiting:
                    part = waiting.pop()
                    if type(part) is tuple:
                        waiting.extend(part)
                    part = None
                is_looping.clear()

        return free

    for kind in kinds:
        kind.__del__ = deletion(kind.__slots__)  # type: ignore[attr-defined]


# Python 3.13 frees up to 10,000 objects inside each other, for which a stack of 256 kB is too
# small; other versions stop earlier (50 objects, or where the stack ends) and go on in a loop.
if sys.version_info[:2] == (3, 13):
    _free_with_loops(
        *(Unary, Binary, Comparison, Conditional, Attribute, Keyword),
        *(Call, Slice, Index, Tensor, Tuple, Starred, Lambda, Clause, Comprehension),
    )


Expr: TypeAlias = (
    "Number | Boolean | NoneLiteral | Text | EllipsisLiteral | Name | Unary | Binary "
    "| Comparison | Conditional | Attribute | Keyword | Call | Slice | Index | Tensor | Tuple "
    "| Starred | Lambda | Clause | Comprehension"
)


def defaults_of(parameters: Iterable[FunctionParameter]) -> tuple[Expr, ...]:
    """Return the defaults of parameters that have one."""
    return tuple(p.default for p in parameters if p.default is not None)


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
        case Attribute() | Keyword() | Starred():
            return (node.value,)
        case Slice():
            return tuple(p for p in (node.lower, node.upper, node.step) if p is not None)
        case Index():
            return (node.value, *node.items)
        case Tensor() | Tuple():
            return node.items
        case Lambda():
            return (*defaults_of(node.parameters), node.body)
        case Clause():
            return (node.target, node.iterable, *node.conditions)
        case Comprehension():
            return (node.element, *node.clauses)
        case _:
            return ()


_LEAVES = (Number, Name, Boolean, NoneLiteral, Text, EllipsisLiteral)


def postorder(root: Expr) -> list[Expr]:
    """Every node below `root`, children before parents, left to right, without recursion."""
    return _postorder(root, children)


def evaluation_order(root: Expr) -> list[Expr]:
    """What `postorder` gives, without the parts that a condition decides about.

    Of a conditional only the condition is there, of `and` and `or` only the left operand, and
    nothing of what a `lambda` or a comprehension does later, or more than once.
    """
    return _postorder(root, _evaluated)


def _evaluated(node: Expr) -> tuple[Expr, ...]:
    if type(node) is Conditional:
        return (node.condition,)
    if type(node) is Binary and node.op in ("logical_and", "logical_or"):
        return (node.left,)
    if type(node) is Lambda:
        return defaults_of(node.parameters)
    if type(node) is Comprehension:
        return ()
    return children(node)


def _postorder(root: Expr, parts: Callable[[Expr], tuple[Expr, ...]]) -> list[Expr]:
    order: list[Expr] = []
    stack = [root]
    while stack:
        node = stack.pop()
        order.append(node)
        if type(node) not in _LEAVES:
            stack.extend(parts(node))
    order.reverse()
    return order
