"""What an expression comes to while the graph is made: a node of it, or something static."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from graphcalc.diagnostics import LimitError
from graphcalc.graph.objects import ClassValue, ObjectValue, ParameterValue, SuperValue
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.program import Definition


class ModulePrefix(NamedTuple):
    """A prefix of pasted code, such as `torch`."""

    name: str


class DottedName(NamedTuple):
    """The first part of a bound name with dots, such as `fc1` of `fc1.weight`."""

    name: str


class BoundMethod(NamedTuple):
    """`value.name` before it is known whether it is called; after a prefix, `value` is that."""

    value: Any
    name: str
    node: Expr


class StaticNumber(NamedTuple):
    """A whole number or a truth that shapes alone decide: `x.size(0)`, `bias == None`."""

    value: Any


class TextValue(NamedTuple):
    """Text in quotes, or the name of a dtype or of a device."""

    text: str
    is_dtype: bool = False


class StaticArgument(NamedTuple):
    """A static argument of another node, handed on as it is."""

    value: Any


class TupleValue(NamedTuple):
    """`(a, b)`, or `x.shape`; `fields` are the names of its parts, where they have names."""

    items: tuple[Any, ...]
    node: Expr
    fields: tuple[str, ...] = ()


class TooMany(tuple[Any, ...]):
    """The items of a list that would be too long; whoever reads them gets the error."""

    error: LimitError

    def __iter__(self) -> Iterator[Any]:
        raise self.error

    def __len__(self) -> int:
        raise self.error

    def __getitem__(self, key: Any) -> Any:
        raise self.error


class ListValue(NamedTuple):
    """`[a, b]`: a tensor, or a list, as the function wants that takes it.

    `[a] * 3` and `[a] + [b]` are longer lists, where a list is wanted; as tensors they are
    `arithmetic`, the operator with its operands. `counts` are nodes that say how often something
    is repeated.
    """

    items: tuple[Any, ...]
    node: Expr
    arithmetic: tuple[str, Any, Any] | None = None
    counts: tuple[int, ...] = ()

    @property
    def is_computed(self) -> bool:
        """Whether it is a list that is joined or repeated, and as a tensor another one."""
        return self.arithmetic is not None

    @property
    def nodes(self) -> tuple[Expr, ...]:
        """The syntax of each item; the whole where an item is not written by itself."""
        written: tuple[Expr, ...] = getattr(self.node, "items", ())
        return written if len(written) == len(self.items) else (self.node,) * len(self.items)


class PairValue(NamedTuple):
    """What torch's `max(x, dim)` gives: the node of the values, and how to find their indices."""

    position: int
    node: Expr


class FunctionValue(NamedTuple):
    """A function as a value: a `lambda`, or a `def` in another function, whose names it reads.

    `defaults` are the values of its parameters' defaults, from where it was defined.
    """

    definition: Definition
    closure: dict[str, Any]
    defaults: Mapping[str, Any] = MappingProxyType({})


class Spread(NamedTuple):
    """`*value` among items: its parts, which stand in its place."""

    items: tuple[Any, ...]
    node: Expr


class Range(NamedTuple):
    """`lower:upper:step`."""

    lower: Any
    upper: Any
    step: Any
    node: ast.Slice


class NoneValue(NamedTuple):
    """`None`."""

    node: Expr


class Unassigned(NamedTuple):
    """What a name of a function's own means before it has a value, or after `del`."""

    name: str


class EllipsisValue(NamedTuple):
    """`...`."""

    node: Expr


class Turns:
    """What a loop goes over, and the items whose turns are to come, the next one last.

    A write in place changes the items that share its memory here too.
    """

    def __init__(self, whole: Any, items: Iterable[Any]) -> None:
        self.whole = whole
        self.waiting: list[Any] = list(items)[::-1]
        # Numbers and texts, as those of `range`, are what they are.
        self.may_change = any(type(i) not in (StaticNumber, TextValue) for i in self.waiting)


# The position of a graph node, or something static.
Lowered: TypeAlias = (
    "int | ModulePrefix | BoundMethod | StaticNumber | TextValue | StaticArgument | TupleValue "
    "| ListValue | PairValue | FunctionValue | Spread | Range | NoneValue | EllipsisValue "
    "| DottedName | ClassValue | ObjectValue | ParameterValue | SuperValue | Unassigned"
)
OBJECTS = (ClassValue, ObjectValue, SuperValue)


def is_nameable(item: Lowered) -> bool:
    """Whether a name can stand for a value that is no node: a tuple, text, a function."""
    if isinstance(item, BoundMethod):
        return isinstance(item.value, ModulePrefix)
    kinds = (TupleValue, TextValue, NoneValue, PairValue, ModulePrefix, FunctionValue, Range)
    return type(item) in (*kinds, *OBJECTS) or has_objects(item)


def has_objects(item: Lowered) -> bool:
    """Whether a value is a list of objects, or of what they have."""
    if type(item) is not ListValue or isinstance(item.items, TooMany):
        return False
    return any(isinstance(i, OBJECTS) for i in item.items)


def is_shown(item: Lowered) -> bool:
    """Whether there is a node that shows what is no node: sizes, or the values of a pair."""
    if isinstance(item, TupleValue):
        is_written = type(item.node) is ast.Tuple
        return not is_written and all(type(i) is StaticNumber for i in item.items)
    return isinstance(item, PairValue)
