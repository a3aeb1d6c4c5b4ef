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
    Push,
    Take,
    Unpack,
)
from graphcalc.graph.lowered import FunctionValue, ListValue, Lowered, NoneValue, Turns
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


# Those in which values are constant to gradients.
_CONSTANT = frozenset({"no_grad", "inference_mode"})


class _ConstantValues:
    """The end of a body whose values are constant to gradients."""


class _Loop:
    """A loop whose turns are not over."""

    def __init__(self, scope: Scope, statement: For, whole: Lowered) -> None:
        where = statement.source, statement.iterable.span
        self.statement = statement
        self.turns = Turns(whole, iterate(scope, whole, where))
        scope.turns.append(self.turns)


_Pending: TypeAlias = "Iterator[AnyStatement] | _Loop | _ConstantValues"


def run_statement(scope: Scope, statement: AnyStatement, frame: Frame) -> None:
    """Add what a statement of the program itself comes to; its names are the program's."""
    frame.code = _steps(scope, Block((statement,)), frame, is_function=False)
    scope.run(frame)


def body_code(scope: Scope, body: Block, frame: Frame) -> Iterator[Any]:
    """Yield the code of a function's body; its value is on the stack at the end."""
    return _steps(scope, body, frame, is_function=True)


def _steps(scope: Scope, body: Block, frame: Frame, *, is_function: bool) -> Iterator[Any]:
    pending: list[_Pending] = [iter(body.statements)]
    while pending:
        top = pending[-1]
        if isinstance(top, _Loop):
            if not top.turns.waiting:
                _end_context(scope, pending)
                continue
            _count(scope, top.statement)
            yield Push(top.turns.waiting.pop())
            yield from _give(scope, top.statement.target, top.statement.iterable, is_turn=True)
            pending.append(iter(top.statement.body.statements))
            continue
        if isinstance(top, _ConstantValues):
            _end_context(scope, pending)
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
                while pending:
                    _end_context(scope, pending)
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
                if _check_contexts(statement):
                    if not scope.constant_depth:
                        scope.constant_from = len(scope.builder.nodes)
                    scope.constant_depth += 1
                    pending.append(_ConstantValues())
                pending.append(iter(statement.body.statements))
            case Jump(word="break" | "continue"):
                _jump(scope, pending, statement)
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


def _jump(scope: Scope, pending: list[_Pending], statement: Jump) -> None:
    """Leave or go on with the innermost loop."""
    while pending and not isinstance(pending[-1], _Loop):
        _end_context(scope, pending)
    if not pending:
        raise _outside(statement.source, statement.span, statement.word, "a loop")
    if statement.word == "break":
        _end_context(scope, pending)


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


def _end_context(scope: Scope, pending: list[_Pending]) -> None:
    """Leave a body."""
    ended = pending.pop()
    scope.constant_depth -= isinstance(ended, _ConstantValues)
    if isinstance(ended, _Loop):
        scope.turns.remove(ended.turns)


def _check_contexts(statement: With) -> bool:
    """Return whether values are constant to gradients; raise CallError for what cannot be read."""
    is_constant = False
    for context in statement.contexts:
        function = context.function if type(context) is ast.Call else context
        name = getattr(function, "name", "")
        if name not in _CONTEXTS:
            text = brief(statement.source.slice(context.span))
            raise CallError(
                "context",
                f"`with {text}` does not work here",
                (Label(statement.source, context.span),),
                help="write the statements inside of it alone",
            )
        is_constant |= name in _CONSTANT
    return is_constant


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
            _give_function(scope, statement, frame)
        case Import():
            _give_module(scope, statement, frame)
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


def _give_function(scope: Scope, statement: Definition, frame: Frame) -> None:
    if frame.is_program:
        scope.functions[statement.name] = statement
    else:
        frame.values[statement.name] = FunctionValue(statement, frame.values)


def _give_module(scope: Scope, statement: Import, frame: Frame) -> None:
    for name, item in imported(scope, statement).items():
        if frame.is_program:
            assert scope.program is not None
            scope.program.give_static(name, item)
        else:
            frame.values[name] = item


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
