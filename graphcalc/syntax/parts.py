"""What the statements of a program consist of: expressions, targets, and other statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graphcalc.source import Span
from graphcalc.syntax.expr import Expr, Name, Starred, Tensor, Tuple
from graphcalc.syntax.program import (
    AnyStatement,
    Assertion,
    Assignment,
    AssignmentTarget,
    AugmentedAssignment,
    Block,
    ClassDefinition,
    Declaration,
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


def blocks(statement: AnyStatement) -> tuple[Block, ...]:
    """Return the bodies that a statement has."""
    match statement:
        case Definition(body=Block() as body):
            return (body,)
        case If() | For():
            return (statement.body, statement.otherwise)
        case With() | ClassDefinition():
            return (statement.body,)
    return ()


def nested(statements: Iterable[AnyStatement]) -> Iterator[AnyStatement]:
    """Yield statements with those of their bodies, in the order of the text."""
    pending = list(statements)[::-1]
    while pending:
        statement = pending.pop()
        yield statement
        for block in reversed(blocks(statement)):
            pending += block.statements[::-1]


def of_one_scope(statements: Iterable[AnyStatement]) -> Iterator[AnyStatement]:
    """Yield what `nested` does, without the bodies of functions and classes."""
    pending = list(statements)[::-1]
    while pending:
        statement = pending.pop()
        yield statement
        if type(statement) not in (Definition, ClassDefinition):
            for block in reversed(blocks(statement)):
                pending += block.statements[::-1]


def expressions(statement: AnyStatement) -> tuple[Expr, ...]:
    """Return the expressions of a statement that are none of its bodies' and no plain targets."""
    found: tuple[Expr | None, ...] = ()
    match statement:
        case Statement() | Unpacking():
            found = (statement.value,)
        case Assignment():
            found = (statement.value, *_computed(statement.targets))
        case AugmentedAssignment():
            found = (statement.target, statement.value)
        case Definition(body=body):
            defaults = tuple(p.default for p in statement.parameters)
            found = defaults if isinstance(body, Block) else (*defaults, body)
        case If() | Assertion():
            found = (statement.condition,)
        case For():
            found = (statement.iterable, *_computed((statement.target,)))
        case Return() | Raise():
            found = (statement.value,)
        case Deletion():
            found = statement.targets
    return tuple(e for e in found if e is not None)


def _computed(targets: Iterable[Expr]) -> tuple[Expr, ...]:
    """The targets that are no names: `x[i]` reads x and i."""
    return tuple(t for t in _flat(targets) if type(t) is not Name)


def _flat(targets: Iterable[Expr]) -> Iterator[Expr]:
    pending = list(targets)[::-1]
    while pending:
        target = pending.pop()
        if isinstance(target, (Tuple, Tensor)):
            pending += target.items[::-1]
        elif type(target) is Starred:
            pending.append(target.value)
        else:
            yield target


def targets(statement: AnyStatement) -> tuple[AssignmentTarget, ...]:
    """Return the names that a statement itself gives a value, its bodies aside."""
    match statement:
        case Unpacking():
            return statement.targets
        case Statement(name=str(name)):
            return (AssignmentTarget(name, statement.name_span),)
        case Assignment() | With():
            return _names(statement.targets)
        case AugmentedAssignment() | For():
            return _names((statement.target,))
        case Import() | ClassDefinition() | Jump() | Declaration():
            return ()
    return ()


def _names(nodes: Iterable[Expr]) -> tuple[AssignmentTarget, ...]:
    return tuple(AssignmentTarget(t.name, t.span) for t in _flat(nodes) if type(t) is Name)


def names_given(statements: Iterable[AnyStatement]) -> set[str]:
    """Return the names that statements of one scope give a meaning, bodies of functions aside."""
    found: set[str] = set()
    for statement in of_one_scope(statements):
        found.update(target.name for target in targets(statement))
        if isinstance(statement, (Definition, ClassDefinition, Import)):
            found.add(statement.name)
    return found


def is_pythons(statement: AnyStatement) -> bool:
    """Return whether a statement is one of Python's that formulas alone do not have."""
    if isinstance(statement, Definition):
        return isinstance(statement.body, Block)
    return not isinstance(statement, (Statement, Unpacking, Declaration))


def span_of(statement: AnyStatement) -> Span:
    """Return where a statement stands, or what it begins with."""
    match statement:
        case Statement() | Unpacking() | Assignment():
            return statement.value.span
        case Definition() | ClassDefinition():
            return statement.name_span
        case With():
            return statement.contexts[0].span
        case Deletion():
            return statement.targets[0].span
    return statement.span
