"""Statements of bodies, loops and branches: each is steps of a frame's code, made while it runs.

Loops over what is known are unrolled and conditions on what is known choose, as Python does.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, TypeAlias

from graphcalc.diagnostics import CallError, Label, LimitError, brief
from graphcalc.graph.choices import truth
from graphcalc.graph.frames import (
    Augment,
    AugmentItem,
    Discard,
    Frame,
    Give,
    GiveItem,
    GiveMember,
    Invoke,
    Push,
    Take,
    Unpack,
)
from graphcalc.graph.lowered import (
    FunctionValue,
    ListValue,
    Lowered,
    ModulePrefix,
    NoneValue,
    Turns,
    Unassigned,
)
from graphcalc.graph.modules import imported
from graphcalc.graph.scope import Scope
from graphcalc.graph.values import iterate
from graphcalc.source import Source
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.program import (
    AnyStatement,
    Assertion,
    Assignment,
    AugmentedAssignment,
    Block,
    ClassDefinition,
    Definition,
    Deletion,
    For,
    If,
    Import,
    Jump,
    Raise,
    Return,
    Statement,
    Unpacking,
    With,
)

# What may stand behind `with`: how something is computed, not what.
_CONTEXTS = frozenset(
    "no_grad enable_grad inference_mode set_grad_enabled autocast errstate device_of "
    "profile record_function detect_anomaly set_detect_anomaly deterministic_algorithms".split()
)


class _Mode:
    """A `with` whose body is not over, and whether gradients were blocked before it."""

    def __init__(self, scope: Scope) -> None:
        self.builder = scope.builder
        self.before = scope.builder.is_without_gradients

    def leave(self) -> None:
        """Go back to what was before."""
        self.builder.is_without_gradients = self.before


class _Loop:
    """A loop whose turns are not over."""

    def __init__(self, scope: Scope, statement: For, whole: Lowered) -> None:
        where = statement.source, statement.iterable.span
        self.statement = statement
        self.turns = Turns(whole, iterate(scope, whole, where))
        self.scope = scope
        scope.turns.append(self.turns)

    def leave(self) -> None:
        """End the loop."""
        self.scope.turns.remove(self.turns)


_Pending: TypeAlias = "Iterator[AnyStatement] | _Loop | _Mode"


def run_statement(scope: Scope, statement: AnyStatement, frame: Frame) -> None:
    """Add what a statement of the program itself comes to; its names are the program's."""
    frame.code = _steps(scope, Block((statement,)), frame, is_function=False)
    scope.run(frame)


def body_code(scope: Scope, definition: Definition, frame: Frame) -> Iterator[Any]:
    """Return the code of a function's statements; its value is on the stack at the end."""
    body = definition.body
    assert isinstance(body, Block)
    contexts = tuple(d for d in definition.decorators if _context_name(d) in _CONTEXTS)
    if contexts:
        body = Block((With(definition.source, contexts, (), body),))
    return _steps(scope, body, frame, is_function=True)


def _steps(scope: Scope, body: Block, frame: Frame, *, is_function: bool) -> Iterator[Any]:
    pending: list[_Pending] = [iter(body.statements)]
    while pending:
        top = pending[-1]
        if isinstance(top, _Mode):
            pending.pop()
            top.leave()
            continue
        if isinstance(top, _Loop):
            if not top.turns.waiting:
                top.leave()
                pending[-1] = iter(top.statement.otherwise.statements)
                continue
            _count(scope, top.statement)
            yield Push(top.turns.waiting.pop())
            yield from _give(scope, top.statement.target, top.statement.iterable, is_turn=True)
            pending.append(iter(top.statement.body.statements))
            continue
        statement = next(top, None)
        if statement is None:
            pending.pop()
            continue
        match statement:
            case Return():
                if not is_function:
                    raise _outside(statement.source, statement.span, "return", "a function")
                yield from _value(scope, statement)
                _leave_all(pending)
                return
            case If():
                taken: list[Lowered] = []
                yield from scope.order(statement.condition)
                yield Take(taken)
                pending.append(iter(_branch(scope, statement, taken[0]).statements))
            case For():
                taken = []
                yield from scope.order(statement.iterable)
                yield Take(taken)
                pending.append(_Loop(scope, statement, taken[0]))
            case With():
                pending.append(_Mode(scope))
                yield from _enter(scope, statement)
                pending.append(iter(statement.body.statements))
            case Jump(word="break" | "continue"):
                _jump(pending, statement)
            case _:
                yield from _simple(scope, statement, frame)
    yield Push(NoneValue(_nothing()))


def _nothing() -> Expr:
    return ast.NoneLiteral(0, 0)


def _value(scope: Scope, statement: Return) -> Iterator[Any]:
    if statement.value is None:
        yield Push(NoneValue(_nothing()))
    else:
        yield from scope.order(statement.value)


def _count(scope: Scope, statement: For) -> None:
    """Count a turn of a loop, which takes time even where it adds no node."""
    scope.inlined += 1
    if scope.inlined > scope.inlining_limit:
        raise LimitError(
            "inlining",
            f"the loops and functions of this program take more than {scope.inlining_limit:,} "
            "turns",
            (Label(statement.source, statement.span),),
            help="raise it with --max-nodes, of which it is a tenth",
        )


def _leave_all(pending: list[_Pending]) -> None:
    for item in reversed(pending):
        if isinstance(item, (_Mode, _Loop)):
            item.leave()


def _jump(pending: list[_Pending], statement: Jump) -> None:
    """Leave or go on with the innermost loop."""
    while pending and not isinstance(pending[-1], _Loop):
        item = pending.pop()
        if isinstance(item, _Mode):
            item.leave()
    if not pending:
        raise _outside(statement.source, statement.span, statement.word, "a loop")
    if statement.word == "break":
        loop = pending.pop()
        assert isinstance(loop, _Loop)
        loop.leave()


def _outside(source: Source, span: Any, word: str, of: str) -> CallError:
    return CallError("outside", f"`{word}` stands outside of {of}", (Label(source, span),))


def _branch(scope: Scope, statement: If, condition: Lowered) -> Block:
    """Return the body that is chosen. Raises CallError for a condition on data."""
    chosen = truth(scope, condition)
    if chosen is None:
        text = brief(statement.source.slice(statement.condition.span))
        raise CallError(
            "data-condition",
            f"`{text}` is known only when the program runs, and decides which statements there are",
            scope.label(statement.condition, statement.source),
            help=f"compute both and choose: `x = where({text}, a, b)`, or `x = a if {text} else b`",
        )
    return statement.body if chosen else statement.otherwise


def _context_name(context: Expr) -> str:
    function = context.function if type(context) is ast.Call else context
    name: str = getattr(function, "name", "")
    return name


def _enter(scope: Scope, statement: With) -> Iterator[Any]:
    """Yield the code that enters contexts: those of gradients block them, or let them be."""
    for context in statement.contexts:
        name = _context_name(context)
        if name in ("no_grad", "inference_mode"):
            scope.builder.is_without_gradients = True
        elif name == "enable_grad":
            scope.builder.is_without_gradients = False
        elif name == "set_grad_enabled" and isinstance(context, ast.Call):
            for argument in context.arguments:
                taken: list[Lowered] = []
                yield from scope.order(argument)
                yield Take(taken)
                scope.builder.is_without_gradients = truth(scope, taken[0]) is False
        elif name not in _CONTEXTS:
            text = brief(statement.source.slice(context.span))
            raise CallError(
                "context",
                f"`with {text}` does not work here",
                (Label(statement.source, context.span),),
                help="write the statements inside of it alone",
            )


def _simple(scope: Scope, statement: AnyStatement, frame: Frame) -> Iterator[Any]:
    """Yield the code of a statement that has no body, or whose body runs later."""
    match statement:
        case Statement(value=ast.Text()):
            pass
        case Statement(name=None, value=value):
            yield from scope.order(value)
            yield Discard(value)
        case Statement(name=str(name), value=value):
            yield from scope.order(value)
            yield Give(name, value)
        case Unpacking(targets=targets, value=value):
            yield from scope.order(value)
            yield Unpack(len(targets), None, value)
            for target in targets:
                yield Give(target.name, value)
        case Assignment():
            yield from _assignment(scope, statement)
        case AugmentedAssignment(target=ast.Index() as target, value=value):
            for part in (target.value, *target.items, value):
                yield from scope.order(part)
            yield AugmentItem(statement)
        case AugmentedAssignment(target=target, value=value):
            yield from scope.order(target)
            yield from scope.order(value)
            written: list[int] = []
            yield Augment(statement, written)
            if not written:
                yield from _give(scope, target, value)
        case Definition():
            yield from _define(scope, statement, frame)
        case Import():
            _give_module(scope, statement, frame)
        case Deletion():
            for deleted in statement.targets:
                _delete(scope, deleted, statement, frame)
        case Assertion():
            taken: list[Lowered] = []
            yield from scope.order(statement.condition)
            yield Take(taken)
            _check_assertion(scope, statement, taken[0])
        case Raise():
            raise _raised(scope, statement)
        case ClassDefinition():
            from graphcalc.graph import class_definitions

            yield from class_definitions.defined(scope, statement, frame)
            yield Give(statement.name, ast.Name(statement.name, *statement.name_span), True)


def _assignment(scope: Scope, statement: Assignment) -> Iterator[Any]:
    taken: list[Lowered] = []
    yield from scope.order(statement.value)
    yield Take(taken)
    for target in statement.targets:
        yield Push(taken[0])
        yield from _give(scope, target, statement.value)


def _give(scope: Scope, target: Expr, root: Expr, *, is_turn: bool = False) -> Iterator[Any]:
    """Yield the code that gives the value on top of the stack to a target."""
    pending = [target]
    while pending:
        part = pending.pop()
        match part:
            case ast.Name():
                yield Give(part.name, root, is_turn)
            case ast.Starred():
                pending.append(part.value)
            case ast.Tuple() | ast.Tensor():
                stars = [i for i, t in enumerate(part.items) if type(t) is ast.Starred]
                yield Unpack(len(part.items), stars[0] if stars else None, root)
                pending += part.items[::-1]
            case ast.Index():
                yield from scope.order(part.value)
                for item in part.items:
                    yield from scope.order(item)
                yield GiveItem(part)
            case ast.Attribute():
                yield from scope.order(part.value)
                yield GiveMember(part)


def _define(scope: Scope, statement: Definition, frame: Frame) -> Iterator[Any]:
    """Yield the code of a definition: the defaults of parameters get their values."""
    defaults: dict[str, Lowered] = {}
    for parameter in statement.parameters:
        if parameter.default is not None:
            taken: list[Lowered] = []
            yield from scope.order(parameter.default)
            yield Take(taken)
            defaults[parameter.name] = taken[0]
    name = statement.name
    closure = {} if frame.is_program else frame.values
    # In a body every run of a definition makes a function of its own, which may call another one.
    definition = statement if frame.is_program else scope.kept(statement._replace())
    function: Lowered = FunctionValue(definition, closure, defaults)
    decorated = False
    for decorator in reversed(statement.decorators):
        if _is_own_function(scope, decorator, frame):
            taken = []
            yield from scope.order(decorator)
            yield Take(taken)
            found = taken[0]
            assert isinstance(found, FunctionValue)
            yield Invoke(found, (function,), ast.Call(decorator, (), *decorator.span))
            yield Take(taken)
            function, decorated = taken[1], True
    if not frame.is_program:
        frame.values[name] = function
        return
    if decorated:
        assert scope.program is not None
        scope.program.give_static(name, function)
        return
    scope.functions[name] = statement
    scope.defaults[id(statement)] = defaults
    if name in scope.names or name in scope.statics:
        assert scope.program is not None
        scope.program.give_static(name, FunctionValue(statement, {}, defaults))


def _give_module(scope: Scope, statement: Import, frame: Frame) -> None:
    found = dict(imported(scope, statement))
    if not found and isinstance(frame.values.get(statement.name), Unassigned):
        found[statement.name] = ModulePrefix(statement.name)
    for name, item in found.items():
        if frame.is_program:
            assert scope.program is not None
            scope.program.give_static(name, item)
        else:
            frame.values[name] = item


def _is_own_function(scope: Scope, decorator: Expr, frame: Frame) -> bool:
    """Whether a decorator is a function of the program, which makes another one of a function."""
    function = decorator.function if type(decorator) is ast.Call else decorator
    if type(function) is not ast.Name:
        return False
    name = function.name
    static = scope.statics.get(name)
    found = frame.values.get(name) or (static and static.item)
    return isinstance(found, FunctionValue) or name in scope.functions


def _delete(scope: Scope, target: Expr, statement: Deletion, frame: Frame) -> None:
    """Let a name have no value any more."""
    label = Label(statement.source, target.span)
    if type(target) is not ast.Name:
        text = brief(statement.source.slice(target.span))
        raise CallError("deletion", f"`{text}` cannot be deleted: it is no name", (label,))
    name = target.name
    if frame.is_program:
        assert scope.program is not None
        scope.program.delete(name, label)
    elif name in frame.values:
        frame.values[name] = Unassigned(name)


def _check_assertion(scope: Scope, statement: Assertion, item: Lowered) -> None:
    known = truth(scope, item)
    text = brief(statement.source.slice(statement.condition.span))
    if known is None:
        note = f"`{text}` is known only when the program runs; it is not checked"
        scope.builder.note(Label(statement.source, statement.span), note)
    elif not known:
        labels = scope.label(statement.condition, statement.source)
        raise CallError("assertion", f"`{text}` does not hold", labels)


def _raised(scope: Scope, statement: Raise) -> CallError:
    text = brief(statement.source.slice(statement.span))
    return CallError(
        "raised", f"the program comes to `{text}`", scope.label(statement, statement.source)
    )


def collected(scope: Scope, node: ast.Comprehension, frame: Frame) -> Iterator[Any]:
    """Yield the code of a comprehension; its list is on the stack at the end."""
    found: list[Lowered] = []
    loops: list[Turns] = []
    is_within = True
    while is_within:
        while is_within and len(loops) < len(node.clauses):
            taken: list[Lowered] = []
            clause = node.clauses[len(loops)]
            yield from scope.order(clause.iterable)
            yield Take(taken)
            where = frame.source, clause.iterable.span
            loops.append(Turns(taken[0], iterate(scope, taken[0], where)))
            scope.turns.append(loops[-1])
            is_within = yield from _next_turn(scope, node, loops, frame)
        if is_within:
            taken = []
            yield from scope.order(node.element)
            yield Take(taken)
            found.append(taken[0])
            is_within = yield from _next_turn(scope, node, loops, frame)
    yield Push(ListValue(tuple(found), node))


def _next_turn(
    scope: Scope, node: ast.Comprehension, loops: list[Turns], frame: Frame
) -> Generator[Any, Any, bool]:
    """Yield the code up to the next turn of the innermost loop that has one; say if one has."""
    while loops:
        clause = node.clauses[len(loops) - 1]
        if not loops[-1].waiting:
            scope.turns.remove(loops.pop())
            continue
        yield Push(loops[-1].waiting.pop())
        yield from _give(scope, clause.target, clause.iterable, is_turn=True)
        if (yield from _holds(scope, clause, frame)):
            return True
    return False


def _holds(scope: Scope, clause: ast.Clause, frame: Frame) -> Generator[Any, Any, bool]:
    """Yield the code of the conditions of a clause; say whether all hold."""
    for condition in clause.conditions:
        taken: list[Lowered] = []
        yield from scope.order(condition)
        yield Take(taken)
        known = truth(scope, taken[0])
        if known is None:
            text = brief(frame.source.slice(condition.span))
            raise CallError(
                "data-condition",
                f"`{text}` is known only when the program runs, and decides how many items "
                "there are",
                scope.label(condition, frame.source),
            )
        if not known:
            return False
    return True
