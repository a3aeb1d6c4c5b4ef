"""Declared inputs: sizes with symbols, solved by what is bound and checked against it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from graphcalc.diagnostics import (
    DataError,
    Label,
    LimitError,
    ParseError,
    ProgramError,
    ShapeError,
    brief,
)
from graphcalc.graph.ir import Node
from graphcalc.ops.shapes import show
from graphcalc.ops.sizes import Size, solve, substitute, symbol
from graphcalc.ops.spec import FLOATS, HALVES, ITEM_BYTES, Type
from graphcalc.ops.table import OPS
from graphcalc.ops.words import DTYPES
from graphcalc.source import Source, Span
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr, postorder
from graphcalc.syntax.program import Declaration

_MAX_TEXT = 1000
_SIZES: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "floor_divide": lambda a, b: a // b,
}


class Declarations:
    """What a program declares: types by name, and what the symbols in them stand for."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.types: dict[str, Type] = {}
        self.where: dict[str, Declaration] = {}
        self.known: dict[str, int] = {}
        self._symbols: dict[str, Any] = {}

    def declare(self, declaration: Declaration, assigned: Collection[str]) -> None:
        """Add a declaration. Raises ProgramError for one that cannot be."""
        name = declaration.name
        if name in self.where:
            label = Label(declaration.source, declaration.span)
            raise ProgramError("declared-twice", f"`{brief(name)}` is declared twice", (label,))
        dtype = self._dtype(declaration)
        sizes = tuple(self._size(s, declaration.source, assigned) for s in declaration.sizes)
        self.types[name] = Type(sizes, dtype)
        self.where[name] = declaration

    def _dtype(self, declaration: Declaration) -> str:
        if declaration.dtype is None:
            return self.dtype
        if declaration.dtype not in DTYPES:
            raise ParseError(
                "declaration",
                f"`{brief(declaration.dtype)}` is not a dtype",
                (Label(declaration.source, declaration.span),),
                help=f"write one of {', '.join(ITEM_BYTES)}",
            )
        return self.dtype if declaration.dtype == "float" else DTYPES[declaration.dtype]

    def _size(self, root: Expr, source: Source, assigned: Collection[str]) -> Any:
        """The size that an expression of numbers and symbols means."""
        values: list[Any] = []
        for node in postorder(root):
            label = (Label(source, node.span),)
            if type(node) is ast.Number and float(node.value).is_integer():
                values.append(int(node.value))
            elif type(node) is ast.Name:
                if node.name in assigned:
                    raise ParseError(
                        "declaration",
                        f"`{brief(node.name)}` is a value of the program, not a size",
                        label,
                        help="declare sizes as numbers and symbols, and bind a symbol: B=32",
                    )
                values.append(self._symbols.setdefault(node.name, symbol(node.name)))
            elif type(node) is ast.Binary and node.op in _SIZES and 0 not in values[-1:]:
                right, left = values.pop(), values.pop()
                values.append(_SIZES[node.op](left, right))
                self._check_length(values[-1], label)
            else:
                raise ParseError(
                    "declaration",
                    f"`{brief(source.slice(node.span))}` is not a size",
                    label,
                    help="a size is a number, a symbol, or a sum or product of these: [B, 4*D]",
                )
        (size,) = values
        if size < 0:
            label = (Label(source, root.span),)
            raise ParseError("declaration", f"a size is not negative, and this is {size}", label)
        return size

    def _check_length(self, size: Any, label: tuple[Label, ...]) -> None:
        """Products of sums grow without bound, and so do numbers."""
        is_long = len(str(size)) > _MAX_TEXT if type(size) is Size else abs(size) >= 1 << 62
        if is_long:
            raise LimitError("size-length", "this is more than a size can be", label)

    def is_symbol(self, name: str) -> bool:
        """Whether a declared size has a name in it."""
        return name in self._symbols

    def symbol(self, name: str) -> Any:
        """The size that a symbol stands for; None where it is no symbol."""
        found = self._symbols.get(name)
        return None if found is None else substitute(found, self.known)

    def fix(self, name: str, value: Any, label: Label) -> None:
        """Give a symbol its value, as it is bound from outside."""
        whole = value is not None and type(value) is not bool and value - value == 0
        if not whole or value != int(value) or value < 0:
            raise DataError(
                "declared-size",
                f"`{brief(name)}` is a size, and a size is a whole number >= 0",
                (label,),
            )
        self.known[name] = int(value)

    def type(self, name: str) -> Type:
        """The declared type of an input, with what is known of its sizes put in."""
        declared, declaration = self.types[name], self.where[name]
        try:
            shape = tuple(substitute(s, self.known) for s in declared.shape)
        except (ValueError, ZeroDivisionError):
            shape = (-1,)
        if any(n < 0 for n in shape):
            label = Label(declaration.source, declaration.span)
            raise DataError("declared-size", f"`{brief(name)}` has no such size", (label,))
        return declared._replace(shape=shape)

    def fit(self, name: str, node: Node, is_whole: bool) -> Type:
        """The type of a value that is bound to a declared name; it may take the dtype declared.

        Raises DataError where it is not what was declared: the data is at fault.
        """
        declared, found = self.types[name], node.type
        self._fit_shape(name, declared, node)
        if declared.dtype == found.dtype:
            return found._replace(weak=False)
        is_float = declared.dtype in FLOATS and found.dtype in FLOATS
        is_free = found.weak or (found.dtype in HALVES and not found.shape)
        if is_free and (is_float or (declared.dtype == "int64" and is_whole)):
            return found._replace(dtype=declared.dtype, weak=False)
        is_number = found.weak and node.op is OPS["const"]
        what = "numbers that are not whole" if is_number else found.dtype
        raise self._clash(name, node, f"is declared {declared.dtype} but bound to {what}")

    def check_column(self, name: str, node: Node) -> None:
        """Raise DataError where a column is declared as more than a number."""
        declared = self.types.get(name)
        if declared is not None and declared.shape:
            wants = show(declared.shape)
            what = f"is declared {wants}, and a cell of a column is a number"
            raise self._clash(name, node, what)

    def _fit_shape(self, name: str, declared: Type, node: Node) -> None:
        actual = node.type.shape
        if len(actual) != len(declared.shape):
            wants = show(declared.shape)
            raise self._clash(name, node, f"is declared {wants} but bound to {show(actual)}")
        if Size in map(type, actual):
            return
        clash = solve(declared.shape, actual, self.known)
        if clash is not None:
            place, wanted, found = clash
            said = declared.shape[place]
            because = f", which is {wanted} by now" if wanted != said else ""
            raise self._clash(
                name,
                node,
                f"is declared {show(declared.shape)} but bound to {show(actual)}",
                f"dimension {place} is declared {said}{because}, and it has {found}",
            )

    def _clash(self, name: str, node: Node, what: str, note: str = "") -> DataError:
        declaration = self.where[name]
        return DataError(
            "declared",
            f"`{brief(name)}` {what}",
            (
                Label(node.source, node.span),
                Label(declaration.source, declaration.span, "in this declaration"),
            ),
            note=note,
        )

    @contextmanager
    def assigning(self) -> Iterator[None]:
        """Around `fit` for a value that the program itself assigns: then no data is at fault."""
        try:
            yield
        except DataError as error:
            d = error.diagnostic
            message = d.message.replace("bound to", "assigned")
            raise ShapeError("declared", message, d.labels, d.note) from None


def place_of(name: str) -> Label:
    """Where a bound name stands when there is no text of it."""
    return Label(Source(name, "<input>"), Span(0, len(name)))
