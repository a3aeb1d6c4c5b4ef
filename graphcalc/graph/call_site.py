"""One call of a function that shapes decide: its arguments, and what it can add to the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from graphcalc.diagnostics import CallError, Label, ShapeError, brief
from graphcalc.graph.frames import Frame
from graphcalc.graph.ir import Where, label_of, text_of
from graphcalc.graph.lowered import ListValue, Lowered, NoneValue, TupleValue
from graphcalc.graph.scope import Scope
from graphcalc.ops.prelude import PRIVATE
from graphcalc.ops.shapes import dimension
from graphcalc.ops.spec import Op, Problem, Type
from graphcalc.ops.table import OPS
from graphcalc.ops.words import MISTAKEN
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr


class ShapeFunction(NamedTuple):
    """A function that adds at most indices to the graph; named and called as a row is."""

    name: str
    signature: str
    doc: str
    run: Callable[[CallSite], Lowered]
    examples: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()
    differs: str = ""
    kind: str = "Sizes and parts"


class CallSite(NamedTuple):
    """One call: the arguments by parameter, and where it stands."""

    scope: Scope
    matched: dict[str, Any]
    node: ast.Call
    frame: Frame
    name: str

    def tensor(self, name: str = "x") -> int:
        """The graph node of an argument."""
        item, node = self.matched[name]
        return self.scope.operand(item, node, self.frame.source)

    def tensors(self, name: str) -> list[int]:
        """The graph nodes of an argument: those of a list or a tuple, or the only one."""
        item, node = self.matched[name]
        if not isinstance(item, (ListValue, TupleValue)) or self._is_written(item):
            return [self.tensor(name)]
        return [self.scope.operand(i, node, self.frame.source) for i in item.items]

    def _is_written(self, item: ListValue | TupleValue) -> bool:
        nodes = item.nodes if isinstance(item, ListValue) else ()
        return bool(nodes) and all(type(n) in (ast.Number, ast.Unary, ast.Tensor) for n in nodes)

    def is_true(self, name: str) -> bool:
        """Whether a flag is given that is true."""
        item = self.item(name)
        return item is not None and bool(self.scope.arguments.value(item))

    def type_of(self, name: str) -> Type:
        """The type of an argument that is a node."""
        return self.scope.builder.nodes[self.tensor(name)].type

    def shape(self) -> tuple[Any, ...]:
        """The shape of the argument `x`."""
        return self.scope.builder.nodes[self.tensor()].type.shape

    def item(self, name: str) -> Lowered | None:
        """An argument as it is; None where it was left out or is None."""
        item = self.matched.get(name, (None, None))[0]
        return None if type(item) is NoneValue else item

    def whole(self, name: str, default: int | None = None) -> Any:
        """A whole number, or a size."""
        item = self.item(name)
        if item is None and default is not None:
            return default
        return self.scope.arguments.whole(item, lambda: self.fail(name, "a whole number"))

    def wholes(self, name: str) -> tuple[Any, ...]:
        """Whole numbers, of a tuple or a list or one alone."""
        found = self.scope.arguments.elements(self.item(name))
        return tuple(
            self.scope.arguments.whole(i, lambda: self.fail(name, "whole numbers")) for i in found
        )

    def dim(self, name: str = "dim", default: int | None = None) -> int:
        """A dimension of `x`, counted from the front."""
        rank = len(self.shape())
        if not rank:
            text = "a scalar has no dimension"
            raise ShapeError("unpack-scalar", text, self.label(), help=self._advice())
        found: int = self.checked(lambda: dimension(self.whole(name, default), rank))
        return found

    def checked(self, find: Callable[[], Any]) -> Any:
        """What `find` gives; its Problem as an error here."""
        try:
            return find()
        except Problem as problem:
            nodes = self.scope.builder.nodes
            text = text_of(nodes[self.tensor()])
            raise ShapeError(
                "shape-mismatch", problem.message.format(text), self.label(), note=problem.note
            ) from None

    def label(self) -> tuple[Label, ...]:
        """Where the call stands."""
        return self.scope.label(self.node, self.frame.source)

    def fail(self, name: str, what: str) -> CallError:
        """The error for an argument that is not known, or not what it has to be."""
        node = self.matched[name][1] if name in self.matched else self.node
        of = "" if self.name.startswith(PRIVATE) else f" of `{self.name}`"
        return CallError(
            "static-argument",
            f"argument `{name}`{of} must be {what} known before the program runs",
            self.scope.label(node, self.frame.source),
            help=self._advice(),
        )

    def _advice(self) -> str:
        """What the call is often taken for, with the arguments that the user wrote."""
        written = label_of(self.where)
        arguments = written.source.slice(written.span).partition("(")[2].rpartition(")")[0]
        return MISTAKEN.get(self.name, "").replace("{}", brief(arguments))

    def row(self, name: str, params: tuple[Any, ...]) -> int:
        """The node of a row of the op table, of `x`."""
        return self.add(OPS[name], (self.tensor(),), params)

    @property
    def where(self) -> Where:
        """Where the call stands in the user's text."""
        return self.scope.at(self.node, self.frame)

    def add(self, op: Op, operands: tuple[int, ...], params: tuple[Any, ...]) -> int:
        """Add a node that stands where the call does."""
        context = self.scope.context()
        return self.scope.builder.add(op, operands, params, self.where, context=context)

    def indexed(self, items: dict[int, Any], extra: tuple[int, ...] = ()) -> int:
        """The node of `x[items]`, where dimensions that have no item stay whole."""
        shape = self.shape()
        params = tuple(items.get(i, (0, n, 1)) for i, n in enumerate(shape))
        return self.add(OPS["index"], (self.tensor(), *extra), (params,))


def run(
    scope: Scope,
    function: ShapeFunction,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> Lowered:
    """Return what a call of a shape function comes to."""
    matched = scope.arguments.match(function, items, nodes, node, frame.source, scope.context())
    return function.run(CallSite(scope, matched, node, frame, function.name))
