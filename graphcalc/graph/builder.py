"""The builder of a graph: it types nodes, shares equal ones, and keeps to the limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from graphcalc.diagnostics import Label, LimitError
from graphcalc.graph.ir import (
    Fragment,
    FragmentNode,
    FragmentNumber,
    Graph,
    Limits,
    Node,
    NumberHole,
    Where,
    explain,
    label_of,
)
from graphcalc.graph.static_arithmetic import arithmetic
from graphcalc.numbers import rounded, show_bytes
from graphcalc.ops.shapes import show, type_of
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import HALVES, ITEM_BYTES, TEXT, Op, Problem, Type, number_dtype
from graphcalc.ops.table import OPS
from graphcalc.source import Span

if TYPE_CHECKING:
    from graphcalc.graph.text_columns import ColumnText

MAX_DIMENSIONS = 64
# The dtypes of written values that take no other.
_STRONG: dict[type, str] = {bool: "bool", int: "int64"}
# Castings with which Python's kernels take numbers of several dtypes as they are.
_AS_THEY_ARE = frozenset({"own", "common"})
# How many nodes a written number such as `1 - 1e-7` may have.
_MOST_OF_A_NUMBER = 100


class Builder:
    """Adds nodes: gives each its type, shares equal ones, and keeps to the limits."""

    def __init__(self, dtype: str, limits: Limits, nodes: list[Node] | None = None) -> None:
        self.dtype, self.limits = dtype, limits
        self.nodes: list[Node] = [] if nodes is None else nodes
        # Nodes to be shared by their operands, for each op with its static arguments; constants.
        self.shared: dict[Any, dict[tuple[int, ...], int]] = {}
        self.constants: dict[Any, int] = {}
        # Whether equal nodes are one: not while values are changed in place.
        self.is_sharing = True
        # Whether no gradient passes to the operands of new nodes, as in torch's `no_grad`.
        self.is_without_gradients = False
        self.random_count = 0
        # Written numbers that gradients are taken of: they stand for any number.
        self.variables: set[int] = set()
        self.notes: list[Label] = []
        # Whether a written whole number is one that only int64 has.
        self.has_long_numbers = False
        # What is known of inputs that may hold text.
        self.texts: dict[int, ColumnText] = {}
        self._types: dict[Any, Type] = {}
        self._static: dict[int, Any] = {}

    def add(
        self,
        op: Op,
        operands: tuple[int, ...],
        params: tuple[Any, ...],
        where: Where,
        *,
        is_shared: bool = True,
        written: str = "",
        context: tuple[Label, ...] = (),
    ) -> int:
        """The position of the node; an equal one that exists already is taken instead.

        Raises ShapeError, DtypeError or IndexRangeError where the operands do not fit, and
        LimitError where the value would be too large.
        """
        is_constant = self.is_without_gradients and operands and op is not OPS["alias"]
        is_shared = is_shared and self.is_sharing and op.kind != "random" and not is_constant
        if is_shared:
            equal = self.shared.setdefault((op.name, params), {})
            if operands in equal:
                return equal[operands]
        type_ = self.type_of(op, operands, params, where, context)
        position = self._append(Node(op, operands, params, type_, where, written=written))
        if is_shared:
            equal[operands] = position
        elif is_constant:
            self.nodes[position].is_constant = True
        return position

    def _append(self, node: Node) -> int:
        if len(self.nodes) >= self.limits.nodes:
            raise LimitError(
                "nodes",
                f"the graph has more than {self.limits.nodes:,} nodes",
                (Label(node.source, node.span),),
                help="raise it with --max-nodes",
            )
        self.nodes.append(node)
        return len(self.nodes) - 1

    def type_of(
        self,
        op: Op,
        operands: tuple[int, ...],
        params: tuple[Any, ...],
        where: Where,
        context: tuple[Label, ...] = (),
    ) -> Type:
        """The type that a node would have; the errors are those of `add`."""
        nodes = self.nodes
        types = tuple([nodes[i].type for i in operands])
        key = (op.name, types, params)
        type_ = self._types.get(key)
        if type_ is None:
            if op is not OPS["alias"]:
                self._check_no_text(operands, where)
            try:
                type_ = self._types[key] = type_of(op, self.dtype, types, params)
            except Problem as problem:
                raise explain(problem, self.nodes, operands, where, context) from None
            self._check_size(type_, where)
        return type_

    @property
    def has_text(self) -> bool:
        """Whether columns of text are among the inputs: types do not tell them from others."""
        return any(text.is_text for text in self.texts.values())

    def source_of(self, position: int) -> int:
        """Return the node that an alias of an alias, and so on, is another name for."""
        while self.nodes[position].op is OPS["alias"]:
            position = self.nodes[position].operands[0]
        return position

    def _check_no_text(self, operands: tuple[int, ...], where: Where) -> None:
        """Raise DataError for an operand that holds text."""
        for operand in operands:
            if self.nodes[operand].type.dtype == TEXT:
                from graphcalc.graph.text_columns import ColumnText, not_a_number

                name = self.nodes[operand].name or ""
                text = self.texts.get(self.source_of(operand), ColumnText(name, None, True))
                raise not_a_number(text, label_of(where))

    def note(self, label: Label, text: str) -> None:
        """Remember what a reader may want to know of a place in the program, once."""
        noted = label._replace(text=text)
        if noted not in self.notes:
            self.notes.append(noted)

    def constant(
        self,
        value: Any,
        where: Where,
        *,
        is_shared: bool = True,
        type_: Type | None = None,
    ) -> int:
        """A number of the program's text, or a symbolic size; weak, unless a type is given.

        An int is a whole number that only int64 has.
        """
        if type_ is None:
            dtype = _STRONG.get(type(value))
            self.has_long_numbers |= dtype == "int64"
            weak = Type((), number_dtype(self.dtype), True)
            type_ = weak if dtype is None else Type((), dtype)
        key = constant_key(value, type_)
        is_shared = is_shared and self.is_sharing
        if is_shared and key in self.constants:
            return self.constants[key]
        position = self._append(Node(OPS["const"], (), (type_, (value,)), type_, where))
        if is_shared:
            self.constants[key] = position
        return position

    def literal(self, position: int) -> tuple[Any, ...] | None:
        """Return the elements of a constant that has no name; None for any other node."""
        return self.elements(position)

    def elements(self, position: int) -> tuple[Any, ...] | None:
        """Return what `literal` does, to be handed on and not to be looked at."""
        node = self.nodes[position]
        if position in self.variables:
            return None
        return node.params[1] if node.op is OPS["const"] and node.name is None else None

    def variable(self, position: int) -> int:
        """Return a written number as a node of its own, which a gradient can be taken of.

        Other numbers are shared: the base and the exponent of 3^3 are one node.
        """
        node = self.nodes[position]
        if self.literal(position) is None or node.type.shape:
            return position
        found = self.constant(node.params[1][0], node.where, is_shared=False)
        self.variables.add(found)
        return found

    def splice(
        self,
        fragment: Fragment,
        operands: Sequence[int],
        where: Where,
        numbers: Sequence[float] = (),
        *,
        piece: Callable[[Span], Where] | None = None,
        derivative_of: tuple[Node, int] | None = None,
    ) -> int:
        """Add the nodes of a fragment that are not there already; return that of its value.

        `where` is the place that it is spliced for, and `piece` gives that of a piece of the text.
        A fragment of a derivative is simplified on the way, and its new nodes are marked: they
        belong to the derivative of a node with respect to the operand of that number.
        """
        slots = [*operands, *([0] * len(fragment.events))]
        nodes = self.nodes
        for event in fragment.events:
            place = _place(event.where, where, piece)
            if isinstance(event, FragmentNumber):
                value = event.value
                value = value.of(numbers) if type(value) is NumberHole else value
                added = self.constant(value, place, type_=event.type)
                if event.written:
                    nodes[added].written = event.written
            else:
                operands = tuple([slots[i] for i in event.operands])
                first = len(nodes)
                if derivative_of is not None:
                    added = self.add_simplified(event.op, operands, event.params, place)
                    for node in nodes[first:]:
                        node.derivative_of = derivative_of
                else:
                    added = self._add_ready(event, operands, place, numbers)
            slots[event.slot] = added
        return slots[fragment.result]

    def _add_ready(
        self,
        event: FragmentNode,
        operands: tuple[int, ...],
        where: Where,
        numbers: Sequence[float],
    ) -> int:
        """Add a node whose type is known."""
        op, params = event.op, event.params
        if op is OPS["const"]:
            type_, data = params
            params = type_, tuple([v.of(numbers) if type(v) is NumberHole else v for v in data])
        is_shared = event.is_shared and not self.is_without_gradients
        if is_shared:
            equal = self.shared.setdefault((op.name, params), {})
            if operands in equal:
                return equal[operands]
        node = Node(op, operands, params, event.type, where, written=event.written)
        node.is_constant = self.is_without_gradients
        node.is_hidden = event.is_hidden
        position = self._append(node)
        if is_shared:
            equal[operands] = position
        return position

    def add_simplified(
        self, op: Op, operands: Sequence[int], params: tuple[Any, ...], where: Where
    ) -> int:
        """Return a node, or what it comes to where that is plain: `1*x` is x, `3 - 1` is 2.

        Only changes that no value can tell apart are made; 0*x is not 0 when x is NaN.
        """
        if op is OPS["const"]:
            type_, data = params
            if not type_.shape:
                return self.constant(data[0], where, type_=type_)
        operands = tuple(operands)
        fillings = [self._filling(i) for i in operands]
        numbers = [None if i is None else self.nodes[i].params[1][0] for i in fillings]
        is_plain = op.kind == "elementwise" and None not in numbers
        if is_plain or op.identity_operand is not None:
            type_ = self.type_of(op, operands, params, where)
            place = None
            if op.identity_operand is not None:
                types = tuple(self.nodes[i].type for i in operands)
                place = op.identity_operand(types, type_, numbers)
            if place is not None and self.nodes[operands[place]].type == type_:
                return operands[place]
            if is_plain and type_.dtype != "int64":
                values = (
                    numbers
                    if op.casting in _AS_THEY_ARE
                    else [float(v) for v in numbers if v is not None]
                )
                return self._filled(op.python(*values, *params), type_, where)
        if op.kind == "elementwise" and any(f is not None for f in fillings):
            # Where it broadcasts to the same, the number itself does for a tensor of it.
            short = tuple(i if f is None else f for i, f in zip(operands, fillings))
            if short != operands:
                wanted = self.type_of(op, operands, params, where)
                if self.type_of(op, short, params, where) == wanted:
                    operands = short
        return self.add(op, operands, params, where)

    def _filled(self, value: Any, type_: Type, where: Where) -> int:
        """Return a number, or a tensor of it."""
        if type_.dtype in HALVES:
            value = rounded(value, type_.dtype)
        found = self.constant(value, where, type_=type_._replace(shape=()))
        if not type_.shape:
            return found
        return self.add(OPS["expand"], (found,), (type_.shape,), where)

    def _filling(self, position: int) -> int | None:
        """Return the unnamed constant that a node is, or that a backward pass filled it with."""
        node = self.nodes[position]
        while node.op is OPS["expand"] and node.derivative_of is not None and node.name is None:
            position = node.operands[0]
            node = self.nodes[position]
        if node.op is not OPS["const"] or node.name is not None or node.type.shape:
            return None
        is_known = type(node.params[1][0]) is not Size and position not in self.variables
        return position if is_known else None

    def written_number(self, position: int) -> Any:
        """Return what a scalar is that is computed from unnamed numbers alone; else None."""
        values: dict[int, Any] = {}
        stack = [position]
        while stack and len(values) < _MOST_OF_A_NUMBER:
            current = stack[-1]
            node = self.nodes[current]
            filling = self._filling(current)
            missing = [i for i in node.operands if i not in values]
            if filling is not None:
                values[current] = self.nodes[filling].params[1][0]
            elif node.is_bound or node.op.kind != "elementwise" or not node.operands:
                return None
            elif missing:
                stack += missing
                continue
            else:
                operands = [values[i] for i in node.operands]
                if node.op.casting not in _AS_THEY_ARE:
                    operands = [float(v) for v in operands]
                values[current] = node.op.python(*operands, *node.params)
            stack.pop()
        return values.get(position)

    @classmethod
    def resume(cls, graph: Graph) -> Builder:
        """A builder that goes on where a graph ends, and shares its nodes."""
        builder = cls(graph.dtype, graph.limits, graph.nodes)
        for position, node in enumerate(graph.nodes):
            if node.op is OPS["const"] and node.name is None and not node.type.shape:
                type_, (value,) = node.params
                builder.constants[constant_key(value, type_)] = position
            elif node.operands and not node.is_bound and node.op is not OPS["alias"]:
                equal = builder.shared.setdefault((node.op.name, node.params), {})
                equal[node.operands] = position
            elif node.op.kind == "random":
                builder.random_count += 1
        return builder

    def know(self, position: int, value: Any) -> None:
        """Remember the value of a scalar input, so that it can serve as a static number."""
        self._static[position] = value

    def static(self, position: int) -> Any:
        """The value of a scalar node that is known before the program runs, or None.

        Evaluates what the node depends on with the ops' own scalar kernels.
        """
        known = self._static
        stack = [position]
        while stack:
            current = stack[-1]
            if current in known:
                stack.pop()
                continue
            node = self.nodes[current]
            waiting = [i for i in node.operands if i not in known]
            if node.type.shape != () or (waiting and node.op.kind not in ("elementwise", "leaf")):
                known[current] = None
            elif waiting:
                stack += waiting
            else:
                known[current] = self._static_value(node)
        return known[position]

    def is_read_early(self, position: int) -> bool:
        """Return whether the value of a constant was asked for while the graph was made."""
        is_constant = self.nodes[position].op is OPS["const"]
        return is_constant and self._static.get(position) is not None

    def _static_value(self, node: Node) -> Any:
        if node.op is OPS["const"]:
            return node.params[1][0]
        values = [self._static[i] for i in node.operands]
        if not values or None in values:
            return None
        if Size in map(type, values):
            if node.op is OPS["alias"]:
                return values[0]
            return arithmetic(node.op.name, *values) if len(values) == 2 else None
        if node.op is OPS["alias"]:
            return values[0]
        if node.op.kind != "elementwise":
            return None
        if node.op.casting not in _AS_THEY_ARE:
            values = [float(v) for v in values]
        return node.op.python(*values)

    def _check_size(self, type_: Type, where: Where) -> None:
        if len(type_.shape) > MAX_DIMENSIONS:
            raise LimitError(
                "dimensions",
                f"a tensor has at most {MAX_DIMENSIONS} dimensions, as in torch",
                (label_of(where),),
            )
        size = type_.numel * ITEM_BYTES.get(type_.dtype, 8)
        if size == 0 and Size not in map(type, type_.shape):
            # Of nothing there can be too much, too: its rows are lists when it is shown.
            size = math.prod(type_.shape[: type_.shape.index(0)])
        if type(size) is int and size > self.limits.memory:
            raise LimitError(
                "memory",
                f"shape {show(type_.shape)} needs {show_bytes(size)}, "
                f"and the limit is {show_bytes(self.limits.memory)}",
                (label_of(where),),
                help="raise it with --max-memory",
            )


def _place(at: Span | Label | None, where: Where, piece: Callable[[Span], Where] | None) -> Where:
    """Return where a node of a fragment stands that is spliced for `where`."""
    if at is None:
        return where
    if isinstance(at, Label):
        return at.source, at.span
    assert piece is not None
    return piece(at)


def constant_key(value: Any, type_: Type | None) -> tuple[Any, ...]:
    """What constants are shared by: 0.0 equals -0.0, and nan differs from itself."""
    is_plain = type(value) is float and value != 0 and value == value
    return value.__class__, value if is_plain else repr(value), type_
