"""The scope of an expression that becomes nodes: the graph so far, and what names mean in it.

What is done at each kind of syntax is a function of a scope, gathered in a `Language`; the scope
runs these over an expression in postorder, with one stack of values. A call of a function that is
written in the language suspends the run and runs the function's body in a frame of its own, so
that nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from graphcalc.diagnostics import (
    CallError,
    GraphcalcError,
    InternalError,
    Label,
    ParseError,
    UnknownNameError,
    brief,
    did_you_mean,
)
from graphcalc.graph.builder import Builder
from graphcalc.graph.call_arguments import Arguments
from graphcalc.graph.call_tree import CallRecorder
from graphcalc.graph.frames import Frame, Store
from graphcalc.graph.functions import FunctionTable, unknown_function
from graphcalc.graph.ir import Where
from graphcalc.graph.lowered import (
    BoundMethod,
    DottedName,
    FunctionValue,
    ListValue,
    Lowered,
    ModulePrefix,
    NoneValue,
    PairValue,
    StaticNumber,
    TextValue,
    TupleValue,
    Turns,
)
from graphcalc.graph.objects import ClassValue, ObjectValue, ParameterValue, SuperValue
from graphcalc.graph.static_arithmetic import number, whole
from graphcalc.ops.spec import Op, Type
from graphcalc.ops.table import ATTRIBUTES, CONSTANTS, DOTTED, OPS
from graphcalc.ops.words import INSTEAD_OF_ATTRIBUTES
from graphcalc.source import RULES, Source, Span
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr, evaluation_order
from graphcalc.syntax.program import Block, Definition

if TYPE_CHECKING:
    from graphcalc.graph.decisions import Decisions

# What makes the error for a name that has no value, and the size that a name stands for.
Missing: TypeAlias = Callable[[str, Label], GraphcalcError]
Symbols: TypeAlias = Callable[[str], Any]

# Attributes that are known while the graph is made.
STATIC_ATTRIBUTES = ("shape", "ndim", "dtype", "device", "data", "values", "indices")


# Refusals of a call that has other arguments than a function of the language takes, and that torch
# may take.
LEFT_TO_TORCH = frozenset(
    "arity unknown-keyword static-argument tensors none-operand not-here".split()
)
# Rows that a composite uses, and that are of no interest to a reader of the values.
_UNSHOWN = frozenset({"detach", "within"})


class Language(NamedTuple):
    """What is done at each kind of syntax, and what the names of functions mean."""

    steps: Mapping[type, Callable[[Scope, Any, Frame], Frame | None]]
    functions: FunctionTable


class ProgramNames(Protocol):
    """What gives names of the program their values."""

    def give(
        self, item: Lowered, name: str | None, root: Expr, source: Source, *, is_turn: bool = False
    ) -> None:
        """Let a name mean a value, or show one without a name; a turn's of a loop is not shown."""

    def give_static(self, name: str, item: Lowered) -> None:
        """Let a name mean what is no node and is not shown."""

    def delete(self, name: str, label: Label) -> None:
        """Let a name mean nothing any more."""

    def rename(self, name: str, position: int, where: Where) -> None:
        """Let a name mean another node, after a write in place."""

    def has_parts(self, name: str) -> bool:
        """Whether a name with a dot behind it begins a name that is bound."""

    def bind(self, name: str) -> int:
        """Return the node of a name that is bound."""

    def is_bound(self, name: str) -> bool:
        """Whether a name has a value from outside."""

    def parameter(self, item: ParameterValue) -> int:
        """Return the node of a parameter of a module."""


class NamedStatic(NamedTuple):
    """What a name stands for that is no node, and the node that shows it, where there is one."""

    item: Lowered
    position: int | None = None


class Scope:
    """Adds the nodes of expressions to a builder.

    `names` and `functions` are what the program has defined so far, and `statics` the names of
    what is no node: tuples, text, `None`. `fragments` is what is known of calls and formulas that
    were lowered before. `active` are the definitions that are being
    inlined, and `inlined` counts what calls have unfolded to. While a fragment is found out
    (`is_tracing`) no other is, so that nothing recurses.
    """

    def __init__(
        self,
        builder: Builder,
        language: Language,
        missing: Missing,
        seed: int,
        symbols: Symbols = lambda name: None,
    ) -> None:
        self.builder, self.language = builder, language
        self.missing, self.seed, self.symbols = missing, seed, symbols
        self.arguments = Arguments(builder)
        self._decisions: Decisions | None = None
        self.names: dict[str, int] = {}
        self.statics: dict[str, NamedStatic] = {}
        self.functions: dict[str, Definition] = {}
        # Names of the program without a value since a `del`, and where that stands.
        self.deleted: dict[str, Label] = {}
        # Whether the program has statements of Python's: then lists are Python's everywhere.
        self.is_python = False
        # Of functions with statements, by their identity, the names that these give values.
        self.own_names: dict[int, Mapping[str, Lowered]] = {}
        # Of the program's functions, by their identity, the defaults that are values by now.
        self.defaults: dict[int, Mapping[str, Lowered]] = {}
        # Definitions that no text holds: what is known by their identity wants them to live.
        self._kept: list[Definition] = []
        self.frames: list[Frame] = []
        self.values: list[Lowered] = []
        self.memo: dict[Any, Lowered] = {}
        self.fragments: dict[Any, Any] = {}
        self.active: set[int] = set()
        self.inlined = 0
        self.is_tracing = False
        # Of a fragment that is found out, the operands that were taken for data.
        self.undecided: set[int] = set()
        self._orders: dict[int, list[Any]] = {}
        # Gives the program's names their values in bodies of the program itself.
        self.program: ProgramNames | None = None
        # Of a program that writes in place, the aliases that are copies.
        self.copies: set[int] = set()
        # The nodes whose `.backward()` was called, with the gradients that it began with; of a node
        # how many of these passes do not count in its `.grad` any more; and of what a write made,
        # what it was before, and how many passes there were then.
        self.backward_passes: list[tuple[int, int]] = []
        self.passes_before: dict[int, int] = {}
        self.earlier: dict[int, tuple[int, int]] = {}
        self.named_gradients: dict[int, str] = {}
        # The loops that go on.
        self.turns: list[Turns] = []
        # What `print` shows, in order.
        self.printed: list[int] = []
        # The objects that were made, in order, and whether a note on training was given.
        self.objects: list[ObjectValue] = []
        self.is_mode_noted = False
        # The names that bodies of functions gave nodes, in order.
        self.local_names: list[tuple[int, str]] = []
        # Records calls where a picture needs them; fragments are not used then.
        self.calls: CallRecorder | None = None

    def kept(self, definition: Definition) -> Definition:
        """Return a definition, which lives from now on as long as the scope."""
        self._kept.append(definition)
        return definition

    def apart(self, builder: Builder, missing: Missing, symbols: Symbols) -> Scope:
        """Return a scope of another builder that knows no names of the program."""
        scope = Scope(builder, self.language, missing, self.seed, symbols)
        scope.fragments, scope._orders = self.fragments, self._orders
        return scope

    # Running

    def order(self, root: Expr) -> list[Any]:
        """Return the order in which the parts of an expression are evaluated, made once."""
        found = self._orders.get(id(root))
        if found is None:
            found = self._orders[id(root)] = evaluation_order(root)
        return found

    def body(self, definition: Definition, values: Mapping[str, Lowered]) -> list[Any]:
        """Return the code of a function's body, after that of the defaults that are wanted."""
        code: list[Any] = []
        for parameter in definition.parameters:
            if parameter.name not in values and parameter.default is not None:
                code += [*self.order(parameter.default), Store(parameter.name)]
        if isinstance(definition.body, Block):
            return code
        body = self.order(definition.body)
        return [*code, *body] if code else body

    @property
    def inlining_limit(self) -> int:
        """How many operations the functions of a program may unfold to."""
        return self.builder.limits.nodes // 10

    def node(self, root: Expr, source: Source) -> int:
        """Return the node that an expression comes to; raise ProgramError where there is none."""
        position = self.operand(self.evaluate(root, source), root, source)
        self.memo.clear()
        return position

    def evaluate(self, root: Expr, source: Source) -> Lowered:
        """Return what an expression comes to."""
        return self.run(Frame(iter(self.order(root)), source, {}))

    def run(self, frame: Frame) -> Lowered:
        """Return what a frame's code comes to."""
        self.frames.append(frame)
        while self.frames:
            try:
                self._run_frames()
            except GraphcalcError as error:
                self._call_otherwise(self._outside_of_prelude(error))
        return self.values.pop()

    def _run_frames(self) -> None:
        """Run the code of all frames, the last first."""
        frames, values, steps = self.frames, self.values, self.language.steps
        while frames:
            frame = frames[-1]
            for node in frame.code:
                called = steps[type(node)](self, node, frame)
                if called is not None:
                    frames.append(called)
                    self._enter(called)
                    break
            else:
                frames.pop()
                self._leave(frame)
                if frame.memo is not None and frame.random_before == self.builder.random_count:
                    self.memo[frame.memo] = values[-1]

    def _call_otherwise(self, error: GraphcalcError) -> None:
        """Put the value of a composite's call on the stack where its body has none.

        Raises the error of the body where nothing else has a value either.
        """
        outer = next((i for i, f in enumerate(self.frames) if f.otherwise is not None), None)
        if outer is None or error.diagnostic.code not in LEFT_TO_TORCH:
            raise error
        failed, depth = self.frames[outer:], self.frames[outer].depth
        otherwise = failed[0].otherwise
        if otherwise is None:
            raise error
        del self.frames[outer:], self.values[depth:]
        for frame in reversed(failed):
            self._leave(frame)
        try:
            otherwise()
        except GraphcalcError:
            raise error from None

    def _enter(self, frame: Frame) -> None:
        if self.calls is not None and frame.definition is not None and frame.call is not None:
            self.calls.enter(frame.definition.name, frame.call, len(self.builder.nodes))

    def _leave(self, frame: Frame) -> None:
        self.active.discard(id(frame.definition))
        if self.calls is not None and frame.definition is not None:
            self.calls.leave(len(self.builder.nodes))

    def _outside_of_prelude(self, error: GraphcalcError) -> GraphcalcError:
        """Return an error inside of a composite as one at the user's call of it."""
        inner = list(takewhile(lambda f: f.place is not None, reversed(self.frames)))
        place = inner[-1].place if inner else None
        if place is None:
            return error
        d = error.diagnostic
        outer = tuple(f.call for f in reversed(self.frames) if f.call and f.place is None)
        kept = tuple(x for x in d.labels if x.source.name != RULES and x.span != place.span)
        labels = (place._replace(text=""), *kept, *(x for x in outer if x not in kept))
        return type(error)(d.code, d.message, labels, d.note, d.help)

    # The stack of values

    def pop(self, count: int) -> list[Lowered]:
        """Take the last values off the stack."""
        if not count:
            return []
        items = self.values[-count:]
        del self.values[-count:]
        return items

    def operands(self, nodes: tuple[Expr, ...], frame: Frame) -> list[int]:
        """Take the last values off the stack as nodes, one for each node of the syntax."""
        items = self.pop(len(nodes))
        return [self.operand(i, n, frame.source) for i, n in zip(items, nodes)]

    # Nodes

    def add(
        self, op: Op, operands: tuple[int, ...], params: tuple[Any, ...], node: Any, frame: Frame
    ) -> int:
        """Add the node of an operation that stands at a node of the syntax."""
        context = () if len(self.frames) < 2 else self.context()
        if len(operands) > 1:
            operands = self._as_integers(op, operands, params)
        position = self.builder.add(op, operands, params, self.at(node, frame), context=context)
        if op.name in _UNSHOWN and frame.place is not None:
            self.builder.nodes[position].is_hidden = True
        return position

    def _as_integers(
        self, op: Op, operands: tuple[int, ...], params: tuple[Any, ...] = ()
    ) -> tuple[int, ...]:
        """Return operands, with written whole numbers beside int64 as int64."""
        nodes = self.builder.nodes
        if "int64" not in [nodes[i].type.dtype for i in operands]:
            return operands
        from graphcalc.graph.integers import as_integers

        return as_integers(self.builder, op, operands, params)

    def at(self, node: Any, frame: Frame) -> Where:
        """Return where a node of the graph stands in the user's text."""
        if frame.place is not None:
            return frame.place.source, frame.place.span
        return frame.source, Span(node.start, node.end)

    def context(self) -> tuple[Label, ...]:
        """Return where the functions that are being inlined were called, innermost first."""
        return tuple(f.call for f in reversed(self.frames[-8:]) if f.call is not None)[:4]

    def label(self, node: Any, source: Source) -> tuple[Label, ...]:
        """Return where something is wrong, and the calls that it is inside of."""
        return (Label(source, node.span), *self.context())

    def fixed(self, item: Lowered) -> Any:
        """Return the number that a static item or a written number is, else None."""
        if type(item) is StaticNumber:
            return item.value
        literal = self.builder.literal(item) if type(item) is int else None
        if literal is None or type(item) is not int or self.builder.nodes[item].type.shape:
            return None
        return whole(literal[0])

    def decided(self, position: int) -> Any:
        """Return the value of a scalar that constants of the program decide; None for data."""
        if self._decisions is None:
            from graphcalc.graph.decisions import Decisions

            self._decisions = Decisions(self.builder)
        found = self._decisions.value(position)
        if found is None and self.is_tracing:
            self.undecided |= self._decisions.scalar_inputs(position)
        return found

    def named_constant(self, name: str, source: Source, span: Span) -> int:
        """Return the node of `pi` and its like."""
        position = self.builder.constant(DOTTED[name], (source, span))
        self.builder.nodes[position].written = name if name in CONSTANTS else "exp(1)"
        return position

    def tensor(self, node: Expr, operands: list[int], source: Source) -> int:
        """Return the node of a tensor literal: a constant where every element is one."""
        builder = self.builder
        operands = list(self._as_integers(OPS["tensor"], tuple(operands)))
        literals = [builder.elements(p) for p in operands]
        # The rule also finds ragged literals, whose elements keep their own text in the message.
        type_ = None
        if all(literal is not None for literal in literals):
            types = tuple(builder.nodes[p].type for p in operands)
            if len(set(types)) <= 1:
                type_ = types[0] if types else Type((), self.builder.dtype, True)
                type_ = type_._replace(shape=(len(types), *type_.shape))
                if type_.weak:
                    type_ = type_._replace(dtype=self.builder.dtype)
        where = source, node.span
        if type_ is None:
            return builder.add(OPS["tensor"], tuple(operands), (), where, context=self.context())
        data = tuple(value for literal in literals if literal is not None for value in literal)
        return builder.add(OPS["const"], (), (type_, data), where, is_shared=False)

    def operand(self, item: Lowered, node: Any, source: Source) -> int:
        """Return the graph node of an item; raise an error that says why it is none."""
        if type(item) is int:
            return item
        match item:
            case StaticNumber():
                return self.builder.constant(number(item.value), (source, node.span))
            case ListValue(arithmetic=None):
                operands = [self.operand(i, n, source) for i, n in zip(item.items, item.nodes)]
                return self.tensor(item.node, operands, source)
            case ListValue():
                return self._list_arithmetic(item, source)
            case PairValue():
                return item.position
            case ParameterValue():
                return self._parameter(item, node, source)
            case TupleValue() if type(item.node) is not ast.Tuple and all(
                type(i) is StaticNumber for i in item.items
            ):
                data = tuple(number(i.value) for i in item.items)
                params = Type((len(data),), self.builder.dtype, True), data
                where = source, node.span
                return self.builder.add(OPS["const"], (), params, where, is_shared=False)
            case BoundMethod():
                return self._member(item, node, source)
            case FunctionValue():
                name = brief(item.definition.name)
                raise CallError(
                    "function-value",
                    f"`{name}` is a function",
                    self.label(node, source),
                    help=f"call it, `{name}(x)`, or bind a value, `{name}=1`",
                )
        raise self._not_a_value(item, self.label(node, source))

    def _parameter(self, item: ParameterValue, node: Any, source: Source) -> int:
        """Return the node of a parameter, which is made when it is first read."""
        if item.position is None:
            if self.program is None:
                text = "a value that is bound is a constant, and no parameter"
                raise CallError("static-argument", text, self.label(node, source))
            item.position = self.program.parameter(item)
        return item.position

    def _list_arithmetic(self, item: ListValue, source: Source) -> int:
        """Return the node of `[1, 2] * 3` where a tensor is wanted."""
        values: list[Any] = []
        pending: list[Any] = [item]
        while pending:
            current = pending.pop()
            if isinstance(current, str):
                operands = (values.pop(), values.pop())
                where = source, item.node.span
                context = self.context()
                values.append(self.builder.add(OPS[current], operands, (), where, context=context))
            elif isinstance(current, ListValue) and current.arithmetic:
                op, left, right = current.arithmetic
                pending += (op, left, right)
            else:
                values.append(self.operand(current, item.node, source))
        (position,) = values
        return int(position)

    def _not_a_value(self, item: Lowered, label: tuple[Label, ...]) -> GraphcalcError:
        match item:
            case ModulePrefix() | DottedName():
                return self.missing(item.name, label[0])
            case TextValue(is_dtype=True):
                return ParseError("text-value", f"`{item.text}` is a dtype, not a value", label)
            case TextValue():
                return ParseError(
                    "text-value",
                    f"`{brief(item.text)}` is text, not a value",
                    label,
                    help="leave out the inner quotes"
                    if label[0].source.text.strip("\"' \n") == item.text.strip()
                    else 'text only stands where a function wants it: einsum("ij,jk->ik", a, b)',
                )
            case TupleValue():
                return ParseError(
                    "tuple-value",
                    "a tuple is a list of sizes or dimensions, not a value",
                    label,
                    help="name its parts, `a, b = …`, or write a tensor as `[1, 2, 3]`",
                )
            case NoneValue():
                return ParseError("none-value", "`None` is not a value", label)
            case ObjectValue() | ClassValue() | SuperValue():
                return self._no_object(item, label)
            case _:
                # Only an index has slices and dots, and only a derivative whole static tuples.
                return InternalError("graph", f"a {type(item).__name__} is no operand", label)

    def _no_object(
        self, item: ObjectValue | ClassValue | SuperValue, label: tuple[Label, ...]
    ) -> CallError:
        text = brief(label[0].source.slice(label[0].span))
        if isinstance(item, ObjectValue):
            message = f"`{text}` is a {brief(item.kind.name)}, and no value"
            is_called = item.kind.is_module or item.kind.method("__call__") is not None
            return CallError(
                "object-value", message, label, help=f"call it: `{text}(x)`" if is_called else ""
            )
        return CallError("object-value", f"`{text}` is a class, and no value", label)

    # Names

    def callable_names(self) -> set[str]:
        """Return every name that can be called."""
        return {*self.language.functions.names(), *self.functions}

    def _member(self, item: BoundMethod, node: Expr, source: Source) -> int:
        """Return the node of a dotted name that is not called: `x.T`."""
        label = self.label(node, source)
        is_function = self.language.functions.is_builtin(item.name)
        if type(item.value) is not int:
            if is_function:
                raise CallError("function-value", f"`{item.name}` is a function; call it", label)
            raise unknown_function(item.name, self.callable_names(), label)
        if item.name in ATTRIBUTES:
            op, params = ATTRIBUTES[item.name]
            place = self.frames[-1].place if self.frames else None
            where = (source, node.span) if place is None else (place.source, place.span)
            return self.builder.add(op, (item.value,), params, where, context=label[1:])
        if item.name in INSTEAD_OF_ATTRIBUTES:
            text = f"a value has no `.{item.name}`"
            raise CallError("function-value", text, label, help=INSTEAD_OF_ATTRIBUTES[item.name])
        if is_function:
            text = f"`.{item.name}` is a function; call it, `.{item.name}()`"
            raise CallError("function-value", text, label)
        known = {*ATTRIBUTES, *STATIC_ATTRIBUTES, *self.callable_names()}
        raise UnknownNameError(
            "unknown-attribute",
            f"a tensor has no `.{brief(item.name)}`",
            label,
            help=did_you_mean(item.name, known),
        )
