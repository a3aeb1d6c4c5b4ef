"""Parameters of modules as nodes: bound by their names, drawn, declared, or missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from graphcalc.diagnostics import (
    BindingError,
    DataError,
    GraphcalcError,
    Label,
    brief,
    did_you_mean,
)
from graphcalc.graph.ir import Node
from graphcalc.graph.objects import ObjectValue, ParameterValue
from graphcalc.graph.parameter_names import names_of
from graphcalc.ops.shapes import show
from graphcalc.ops.spec import FLOATS, Type
from graphcalc.ops.table import OPS
from graphcalc.source import Source, Span
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.parser import parse_expression

# So many parameters an error lists.
_LISTED = 6


class Nodes(Protocol):
    """What makes nodes of names."""

    def is_bound(self, name: str) -> bool:
        """Whether a name has a value from outside."""

    def bind(self, name: str) -> int:
        """Return the node of a name that has one."""

    def bind_drawn(self, name: str, source: Source, value: Expr) -> int:
        """Return the node of a name whose value is drawn."""

    def declare(self, name: str, type_: Type, label: Label) -> int:
        """Return the node of a name that has a type alone."""

    def name(self, position: int, name: str | None, where: tuple[Source, Span]) -> int:
        """Give a node a name."""


class Parameters:
    """The parameters of the modules of a program, each a node when it is first read.

    `dtype` is the run's, `objects` what the program made so far.
    """

    def __init__(
        self,
        nodes: Nodes,
        graph: Sequence[Node],
        objects: Sequence[ObjectValue],
        *,
        dtype: str,
        draws: bool,
        is_check: bool,
        bound: Callable[[], Sequence[str]],
    ) -> None:
        self.nodes, self.graph, self.objects = nodes, graph, objects
        self.dtype, self.draws, self.is_check, self.bound = dtype, draws, is_check, bound

    def position(self, item: ParameterValue) -> int:
        """Return the node of a parameter. Raises BindingError for one without a value."""
        names = names_of(self.objects, item)
        is_named = bool(names) and (item.is_persistent or not item.is_buffer)
        name = next((n for n in names if is_named and self.nodes.is_bound(n)), None)
        if name is not None:
            found = self.nodes.bind(name)
            self._fit(item, name, found)
            return found
        if item.value is not None:
            where = item.call.source, item.call.span
            return self.nodes.name(item.value, names[0], where) if names else item.value
        return self._made(item, names[0] if names else "parameter")

    def _made(self, item: ParameterValue, name: str) -> int:
        if self.draws and item.draw:
            sizes = ", ".join(map(str, item.shape))
            source = Source(item.draw.replace("#", sizes), "--init")
            return self.nodes.bind_drawn(name, source, parse_expression(source))
        if self.is_check:
            return self.nodes.declare(name, Type(item.shape, self.dtype), item.call)
        raise self._missing(item, name)

    def _fit(self, item: ParameterValue, name: str, position: int) -> None:
        """Hold a bound value against the shape that the module gives its parameter."""
        node = self.graph[position]
        if node.type.shape != item.shape:
            label = Label(node.source, node.span)
            made = brief(item.call.source.slice(item.call.span))
            raise DataError(
                "parameter-shape",
                f"`{brief(name)}` is {show(node.type.shape)}, but `{made}` makes it "
                f"{show(item.shape)}",
                (label, item.call._replace(text="in this call, which makes the parameter")),
            )
        if node.op is OPS["input"] and node.type.dtype not in FLOATS and not item.is_buffer:
            node.type = node.type._replace(dtype=self.dtype)
            node.params = (node.type, *node.params[1:])

    def _missing(self, item: ParameterValue, name: str) -> GraphcalcError:
        """Return the error for a parameter without a value, with the others of its module."""
        root = item.places[0][0].root if item.places else None
        lacking = [p for _, p in root.all_parameters() if self._lacks(p)] if root else [item]
        shown = [f"`{names_of(self.objects, p)[0]}` {show(p.shape)}" for p in lacking[:_LISTED]]
        more = f" and {len(lacking) - _LISTED} more" if len(lacking) > _LISTED else ""
        count = f"{len(lacking)} parameters have" if len(lacking) > 1 else "a parameter has"
        vain = next((n for n in self.bound() if "." in n and did_you_mean(n, {name})), "")
        return BindingError(
            "missing-parameter",
            f"{count} no value: {', '.join(shown)}{more}",
            (item.call._replace(text=""),),
            note=f"`{brief(name)}` has an initializer that is none here"
            if self.draws
            else f"`{brief(vain)}` is bound; no parameter has that name"
            if vain
            else "",
            help="bind them from a file, --inputs model.safetensors, or by name, "
            f"{brief(name)}=@weight.npy"
            + ("" if self.draws else "; --init draws them as torch does, from --seed"),
        )

    def _lacks(self, item: ParameterValue) -> bool:
        if item.value is not None or item.position is not None:
            return False
        return not any(map(self.nodes.is_bound, names_of(self.objects, item)))
