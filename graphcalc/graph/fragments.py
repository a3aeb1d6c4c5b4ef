"""Fragments: what a text adds to a graph, found out once and spliced for every text like it.

A text is lowered in a graph of its own, where its operands and its written numbers are holes. The
types of the operands decide what it adds, and so do those numbers whose value was looked at: they
are the fragment's static numbers, and another value of one of them is another fragment. What has
effects beyond its nodes (random numbers, notes, gradients of written numbers, errors) has no
fragment, and is lowered in place every time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphcalc.diagnostics import CallError, GraphcalcError, Label
from graphcalc.graph.builder import Builder
from graphcalc.graph.frames import Frame
from graphcalc.graph.ir import (
    Fragment,
    FragmentNode,
    FragmentNumber,
    Limits,
    Node,
    NumberHole,
    Where,
    label_of,
)
from graphcalc.graph.lowered import (
    Lowered,
    NoneValue,
    PairValue,
    StaticArgument,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.scope import Scope, Symbols
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import HALVES, NONE, TENSORS, ZERO, Op, RowGradient, Type, parameters
from graphcalc.ops.table import OPS
from graphcalc.source import RULES, Source, Span
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.parser import parse_expression
from graphcalc.syntax.parts import expressions, nested
from graphcalc.syntax.program import Definition, Statement

# From the third call on of one form a fragment pays.
OFTEN = 3
# So many static numbers, and so many effects, are tried for one form.
_TRIES = 100
_NOWHERE = Label(Source("", "<fragment>"), Span(0, 0))


class Family:
    """The fragments of one form by the text of its static numbers; None where there is none.

    `static` are the indices of the numbers whose values were looked at so far, and `seen` counts
    the texts of each kind that had no fragment.
    """

    __slots__ = ("fragments", "seen", "static", "tries", "uses")

    def __init__(self) -> None:
        self.uses = self.tries = 0
        self.static: tuple[int, ...] = ()
        self.fragments: dict[tuple[str, ...], Fragment | None] = {}
        self.seen: dict[tuple[str, ...], int] = {}

    def is_rare(self, texts: Sequence[str], tries: int) -> bool:
        """Whether there were too few texts of a kind for a fragment to pay.

        The more fragments were found out before, which may not have paid, the more it takes.
        """
        key = self.key(texts)
        count = self.seen[key] = self.seen.get(key, 0) + 1
        return count < 2 + tries // 3

    def key(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Return what the fragment of a text with these numbers is kept under."""
        return tuple([texts[i] for i in self.static])

    def keep(self, fragment: Fragment | None, looked_at: set[int], texts: Sequence[str]) -> None:
        """Keep a fragment that was found out of a text with these numbers."""
        if not looked_at.issubset(self.static):
            self.static = tuple(sorted(looked_at.union(self.static)))
            self.fragments, self.seen = {}, {}
        self.fragments[self.key(texts)] = fragment


class TracingBuilder(Builder):
    """A builder of a fragment, which takes note of the numbers whose values are looked at."""

    def __init__(self, dtype: str, limits: Limits) -> None:
        super().__init__(dtype, limits)
        self.looked_at: set[int] = set()
        # What the calls inside have unfolded to.
        self.inlined = 0
        # The operands that conditions took for data.
        self.undecided: set[int] = set()

    def hole(self, type_: Type) -> int:
        """Add an input that stands for an operand."""
        params = type_, str(len(self.nodes))
        return self.add(OPS["input"], (), params, (_NOWHERE.source, _NOWHERE.span), is_shared=False)

    def widened(self, position: int) -> int:
        """Return an operand in float32 where it has half precision, else the operand."""
        if self.nodes[position].type.dtype not in HALVES:
            return position
        place = _NOWHERE.source, _NOWHERE.span
        return self.add(OPS["to_float32"], (position,), (), place)

    def constant(
        self, value: Any, where: Where, *, is_shared: bool = True, type_: Type | None = None
    ) -> int:
        """Add a number; that of a hole is shared with the same hole alone."""
        if type(value) is not NumberHole or not is_shared:
            return super().constant(value, where, is_shared=is_shared, type_=type_)
        key = (NumberHole, value.index, value.is_negated, type_)
        if key not in self.constants:
            self.constants[key] = super().constant(value, where, is_shared=False, type_=type_)
        return self.constants[key]

    def literal(self, position: int) -> tuple[Any, ...] | None:
        """Return the elements of a constant that has no name; None for any other node."""
        found = self.elements(position)
        return None if found is None else tuple(map(self._look, found))

    def _static_value(self, node: Node) -> Any:
        return self._look(super()._static_value(node))

    def _look(self, value: Any) -> Any:
        if type(value) is not NumberHole:
            return value
        self.looked_at.add(value.index)
        return float(value)


def trace(
    scope: Scope, builder: TracingBuilder, frame: Frame, root: Any, symbols: Symbols
) -> int | None:
    """Return the node of the value of a frame's code in a builder of its own.

    None where the code fails, or has effects beyond its nodes.
    """
    inner = scope.apart(builder, _missing, symbols)
    inner.functions, inner.is_tracing = scope.functions, True
    inner.active = {id(frame.definition)}
    try:
        item = inner.run(frame)
        result = inner.operand(item, root, frame.source)
    except GraphcalcError:
        return None
    if isinstance(item, PairValue):
        return None
    nodes = builder.nodes
    builder.undecided = inner.undecided
    has_effects = builder.random_count or builder.notes or builder.variables
    is_static = any(nodes[p].op is not OPS["const"] for p in inner.arguments.static_uses)
    if has_effects or is_static or any(node.derivative_of for node in nodes):
        return None
    builder.inlined = inner.inlined
    return result


def _missing(name: str, label: Label) -> GraphcalcError:
    return CallError("missing-input", f"`{name}` is no operand of the fragment", (label,))


def fragment_of(builder: TracingBuilder, result: int, count: int, own: Source) -> Fragment:
    """Return the nodes behind the first `count`, which are its operands, as a fragment.

    Pieces of the text `own` stay pieces of it.
    """
    nodes = builder.nodes
    shared = {p for equal in builder.shared.values() for p in equal.values()}
    scalars = set(builder.constants.values())
    numbers = [p for p in range(count, len(nodes)) if p in scalars]
    others = [p for p in range(count, len(nodes)) if p not in scalars]
    slots = {p: slot for slot, p in enumerate([*range(count), *numbers, *others])}
    events: list[FragmentNode | FragmentNumber] = []
    for position in range(count, len(nodes)):
        node, slot = nodes[position], slots[position]
        where = _piece(node, own)
        if position in scalars:
            type_, (value,) = node.params
            events.append(FragmentNumber(slot, value, type_, where, node.written))
            continue
        operands = tuple([slots[i] for i in node.operands])
        flags = node.written, node.is_hidden, position in shared
        events.append(FragmentNode(slot, node.op, operands, node.params, node.type, where, *flags))
    undecided = tuple(sorted(builder.undecided))
    is_simple = _is_simple(events, builder) and not undecided
    return Fragment(tuple(events), count, slots[result], builder.inlined, is_simple, undecided)


def _piece(node: Node, own: Source) -> Span | Label | None:
    if node.source is _NOWHERE.source:
        return None
    return node.span if node.source is own else Label(node.source, node.span)


def _is_simple(events: list[FragmentNode | FragmentNumber], builder: TracingBuilder) -> bool:
    numbers = [e.value for e in events if isinstance(e, FragmentNumber)]
    holes = [(v.index, v.is_negated) if type(v) is NumberHole else None for v in numbers]
    nodes = [e for e in events if isinstance(e, FragmentNode)]
    is_plain = all(e.operands and e.is_shared and not e.written and not e.is_hidden for e in nodes)
    return is_plain and not builder.inlined and holes == [(i, False) for i in range(len(holes))]


# Statements


def trace_statement(
    scope: Scope, statement: Statement, nodes: Sequence[Expr], operands: Mapping[str, Type]
) -> tuple[Fragment | None, set[int]]:
    """Return the fragment of a statement, and the numbers of its text that were looked at.

    `nodes` are those of the statement; the values of its numbers are holes. `operands` are the
    types of the names that are holes.
    """
    builder = TracingBuilder(scope.builder.dtype, scope.builder.limits)
    builder.looked_at |= _index_numbers(nodes)
    if any(n in operands for n in _index_names(nodes)):
        return None, builder.looked_at  # the text of an index is shown, with its names
    values: dict[str, Lowered] = {name: builder.hole(type_) for name, type_ in operands.items()}
    code = iter(scope.order(statement.value))
    frame = Frame(code, statement.source, values)
    result = trace(scope, builder, frame, statement.value, scope.symbols)
    if result is None:
        return None, builder.looked_at
    return fragment_of(builder, result, len(values), statement.source), builder.looked_at


def _in_indexes(nodes: Sequence[Expr]) -> list[Expr]:
    items = [item for node in nodes if type(node) is ast.Index for item in node.items]
    return [node for item in items for node in ast.postorder(item)]


def _index_numbers(nodes: Sequence[Expr]) -> set[int]:
    """Return the numbers in indexes: their text is shown."""
    values = [node.value for node in _in_indexes(nodes) if type(node) is ast.Number]
    return {value.index for value in values if type(value) is NumberHole}


def _index_names(nodes: Sequence[Expr]) -> set[str]:
    return {node.name for node in _in_indexes(nodes) if type(node) is ast.Name}


# Calls


def splice_call(
    scope: Scope,
    definition: Definition,
    values: Mapping[str, Lowered],
    call: Label,
    memo_key: Any,
    *,
    is_prelude: bool,
) -> bool:
    """Put the value of a call on the stack, where calls like it have a fragment.

    The nodes of a composite stand at the user's call, those of a function of the program in its
    own text.
    """
    key, operands, numbers = _form_of(scope, values)
    if (
        scope.builder.has_text
        or key is None
        or scope.calls is not None
        or (not is_prelude and takes_gradients(scope, definition))
    ):
        return False
    family = scope.fragments.setdefault((id(definition), *key), Family())
    family.uses += 1
    texts = list(map(repr, numbers))
    found = family.key(texts)
    if found not in family.fragments:
        if scope.is_tracing or family.uses < OFTEN or family.tries >= _TRIES:
            return False
        if family.is_rare(texts, 0):
            return False
        family.tries += 1
        builder = TracingBuilder(scope.builder.dtype, scope.builder.limits)
        fragment = _trace_call(scope, builder, definition, values, is_prelude=is_prelude)
        family.keep(fragment, builder.looked_at, texts)
        found = family.key(texts)
    fragment = family.fragments[found]
    if fragment is None or not has_room(scope, fragment, operands, numbers):
        return False
    position = scope.builder.splice(fragment, operands, (call.source, call.span), numbers)
    scope.values.append(position)
    if memo_key is not None:
        scope.memo[memo_key] = position
    return True


def _form_of(
    scope: Scope, values: Mapping[str, Lowered]
) -> tuple[tuple[Any, ...] | None, list[int], list[float]]:
    """Return what calls must have in common to have one fragment, and what fills its holes.

    The form is None where an argument is neither a node nor static in a plain way.
    """
    nodes = scope.builder.nodes
    form: list[Any] = []
    operands: list[int] = []
    numbers: list[float] = []
    for name, item in values.items():
        if type(item) is not int:
            static = _static_key(item)
            if static is None:
                return None, operands, numbers
            form += (name, static)
            continue
        literal, type_ = scope.builder.elements(item), nodes[item].type
        if literal is None:
            form += (name, type_)
            operands.append(item)
        elif type_.shape:
            return None, operands, numbers
        elif isinstance(literal[0], float):
            form += (name, type_, float)
            numbers.append(literal[0])
        else:
            form += (name, type_, literal)
    return tuple(form), operands, numbers


def _static_key(item: Any) -> Any:
    """Return what tells a static argument from others; None where it is not a plain one."""
    match item:
        case StaticNumber(value=value):
            return type(value), value
        case TextValue() | StaticArgument():
            return type(item), repr(item)
        case NoneValue():
            return NoneValue
        case TupleValue(items=items) if all(type(i) is StaticNumber for i in items):
            return tuple(map(_static_key, items))
    return None


def _trace_call(
    scope: Scope,
    builder: TracingBuilder,
    definition: Definition,
    values: Mapping[str, Lowered],
    *,
    is_prelude: bool,
) -> Fragment | None:
    nodes = scope.builder.nodes
    if not is_prelude and _reads_program(scope, definition):
        return None
    inner: dict[str, Lowered] = dict(values)
    constants: dict[str, Node] = {}
    for name, item in values.items():
        if type(item) is int and scope.builder.elements(item) is None:
            inner[name] = builder.hole(nodes[item].type)
        elif type(item) is int:
            constants[name] = nodes[item]
    count, index = len(builder.nodes), 0
    for name, node in constants.items():
        type_, (value,) = node.params
        if isinstance(value, float):
            value = NumberHole(value, index)
            index += 1
        position = builder.constant(value, (_NOWHERE.source, _NOWHERE.span), type_=type_)
        builder.nodes[position].written = node.written
        inner[name] = position
    code = scope.body(definition, inner)
    label = _NOWHERE if is_prelude else None
    frame = Frame(iter(code), definition.source, inner, definition, _NOWHERE, label)
    result = trace(scope, builder, frame, definition.body, scope.symbols)
    builder.inlined += len(code)
    return None if result is None else fragment_of(builder, result, count, _NOWHERE.source)


def roots_of(definition: Definition) -> list[Expr]:
    """Return the expressions of a function's body."""
    return [root for part in nested((definition,)) for root in expressions(part)]


def _reads_program(scope: Scope, definition: Definition) -> bool:
    """Whether the text of a function reads a name of the program that is no parameter."""
    own = {p.name for p in definition.parameters}
    nodes = [n for root in roots_of(definition) for n in ast.postorder(root)]
    names = {n.name for n in nodes if type(n) is ast.Name}
    return any(name in scope.names or name in scope.statics for name in names - own)


def takes_gradients(scope: Scope, definition: Definition) -> bool:
    """Whether the text of a function calls `grad`."""
    key = takes_gradients, id(definition)
    if key not in scope.fragments:
        nodes = [n for root in roots_of(definition) for n in ast.postorder(root)]
        calls = (n.function for n in nodes if type(n) is ast.Call)
        found = any(getattr(function, "name", "") == "grad" for function in calls)
        scope.fragments[key] = found
    return bool(scope.fragments[key])


def has_room(
    scope: Scope, fragment: Fragment, operands: Sequence[int], numbers: Sequence[float]
) -> bool:
    """Whether a fragment fits, and stays below the limits; what its calls unfold to is counted.

    It does not fit where the program decides what the fragment takes for data. The same filling
    twice may unfold to less than two: that is found out by lowering it.
    """
    builder = scope.builder
    if any(scope.decided(operands[slot]) is not None for slot in fragment.undecided):
        return False
    if len(builder.nodes) + len(fragment.events) + 2 > builder.limits.nodes:
        return False
    is_twice = len(set(operands)) < len(operands) or len(set(numbers)) < len(numbers)
    if is_twice and (fragment.inlined or not all(n.is_shared for n in fragment.nodes)):
        return False
    if scope.inlined + fragment.inlined > scope.inlining_limit:
        return False
    scope.inlined += fragment.inlined
    return True


# Derivatives


def derivative(
    scope: Scope, node: Node, types: tuple[Type, ...], number: int, g: Type
) -> Fragment | str:
    """Return how the gradient of a node's operand comes from the node's own, of type `g`.

    The operands of the fragment are those of the node, the node and its gradient. `ZERO` and
    `NONE` stand for themselves.
    """
    op, written = node.op, None
    if op.vjp_of_numbers is not None:
        written = op.vjp_of_numbers(list(map(scope.builder.written_number, node.operands)))
    key = (op.name, types, node.params, number, g, written)
    found: Fragment | str | None = scope.fragments.get(key)
    if found is None:
        formulas = written or (op.vjp(types, node.params) if callable(op.vjp) else op.vjp)
        text = formulas[number]
        if isinstance(text, RowGradient):
            found = _row_fragment(scope, text, node, (*types, node.type, g))
        else:
            found = text if text in (ZERO, NONE) else _formula(scope, text, node, types, number, g)
        scope.fragments[key] = found
    return found


def _row_fragment(
    scope: Scope, gradient: RowGradient, node: Node, types: tuple[Type, ...]
) -> Fragment:
    """Return the fragment of a gradient that is one node, which does not read the result."""
    builder = TracingBuilder(scope.builder.dtype, scope.builder.limits)
    *operands, _, g = map(builder.hole, types)
    where = _NOWHERE.source, _NOWHERE.span
    try:
        result = builder.add(gradient.op, (*operands, g), gradient.params, where)
    except GraphcalcError as error:
        d = error.diagnostic
        raise type(error)(d.code, d.message, (label_of(node.where),), d.note, d.help) from None
    return fragment_of(builder, result, len(types), _NOWHERE.source)


def _formula(
    scope: Scope, text: str, node: Node, types: tuple[Type, ...], number: int, g: Type
) -> Fragment:
    """Return the fragment of a derivative formula.

    Of values of half precision it is computed in float32 where the row says so.
    """
    is_wide = node.type.dtype in node.op.wide_gradients
    return _trace_formula(scope, text, node, types, g, types[number].dtype if is_wide else "")


def _trace_formula(
    scope: Scope, text: str, node: Node, types: tuple[Type, ...], g: Type, narrow: str = ""
) -> Fragment:
    """Return the fragment of a formula; with `narrow` its inside is float32, its value of that."""
    op = node.op
    builder = TracingBuilder(scope.builder.dtype, scope.builder.limits)
    sizes = {str(s): s for t in types for s in t.shape if type(s) is Size}
    names = [*operand_names(op, len(types)), "out", "g"]
    holes = list(map(builder.hole, (*types, node.type, g)))
    count = len(builder.nodes)
    if narrow:
        holes = list(map(builder.widened, holes))
    values: dict[str, Lowered] = dict(zip(names, holes))
    static = [p for p in parameters(op) if p.kind not in TENSORS and p.kind != "key"]
    values |= {p.name: _static_item(value) for p, value in zip(static, node.params)}
    source = Source(text, RULES)
    root = parse_expression(source)
    code = iter(scope.order(root))
    frame = Frame(code, source, values, place=_NOWHERE)
    inner = scope.apart(builder, scope.missing, sizes.get)
    inner.is_tracing = True
    result = inner.operand(inner.run(frame), root, source)
    if narrow in HALVES and builder.nodes[result].type.dtype == "float32":
        place = _NOWHERE.source, _NOWHERE.span
        result = builder.add(OPS[f"to_{narrow}"], (result,), (), place)
    return fragment_of(builder, result, count, _NOWHERE.source)


def operand_names(op: Op, count: int) -> list[str]:
    """Return what a formula calls each operand: those of a list are numbered."""
    names: list[str] = []
    for parameter in parameters(op):
        if parameter.kind == "tensors" or (parameter.variadic and parameter.kind in TENSORS):
            names += [f"{parameter.name}{i}" for i in range(count - len(names))]
        elif parameter.kind in TENSORS:
            names.append(parameter.name)
    return names


def _static_item(value: Any) -> Lowered:
    """Return a static argument as expressions have it."""
    if value is None:
        return NoneValue(ast.NoneLiteral(0, 0))
    if isinstance(value, str):
        return TextValue(value)
    return StaticArgument(value) if isinstance(value, tuple) else StaticNumber(value)
