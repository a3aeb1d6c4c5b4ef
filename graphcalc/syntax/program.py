"""The statements of a program, and programs of several texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, TypeAlias

from graphcalc.source import Source, Span
from graphcalc.syntax.expr import Expr, FunctionParameter


class Statement(NamedTuple):
    """`name = value`, or a bare `value` when `name` is None."""

    source: Source
    name: str | None
    value: Expr
    name_span: Span


class AssignmentTarget(NamedTuple):
    """A name that a statement gives a value."""

    name: str
    span: Span


class Unpacking(NamedTuple):
    """`a, b = value`: the names get the parts of a value."""

    source: Source
    targets: tuple[AssignmentTarget, ...]
    value: Expr


class Declaration(NamedTuple):
    """`name: dtype[sizes]`: what an input has to be; `dtype` is None where it is left out.

    Sizes are whole numbers, symbols, and sums, products and quotients of these.
    """

    source: Source
    name: str
    dtype: str | None
    sizes: tuple[Expr, ...]
    name_span: Span
    span: Span


class Definition(NamedTuple):
    """`name(parameters) = body`, or `def name(parameters):` with statements as its body."""

    source: Source
    name: str
    parameters: tuple[FunctionParameter, ...]
    body: Expr | Block
    name_span: Span
    decorators: tuple[Expr, ...] = ()


class Block(NamedTuple):
    """The statements of a body."""

    statements: tuple[AnyStatement, ...]


class Assignment(NamedTuple):
    """`a = b[0] = (c, *d) = value`: each target gets the value."""

    source: Source
    targets: tuple[Expr, ...]
    value: Expr


class AugmentedAssignment(NamedTuple):
    """`target += value`; `op` is the row of the operator."""

    source: Source
    target: Expr
    op: str
    value: Expr
    span: Span


class Return(NamedTuple):
    """`return value`; None where it has no value."""

    source: Source
    value: Expr | None
    span: Span


class If(NamedTuple):
    """`if condition:` with what is done otherwise, `elif` and `else` in it."""

    source: Source
    condition: Expr
    body: Block
    otherwise: Block
    span: Span


class For(NamedTuple):
    """`for target in iterable:`, with what is done where no `break` ends it."""

    source: Source
    target: Expr
    iterable: Expr
    body: Block
    otherwise: Block
    span: Span


class With(NamedTuple):
    """`with contexts:`; targets are names behind `as`."""

    source: Source
    contexts: tuple[Expr, ...]
    targets: tuple[Expr, ...]
    body: Block


class Import(NamedTuple):
    """`import module as name`, or `from module import part as name`.

    `module` is the whole dotted name that `name` stands for.
    """

    source: Source
    module: str
    name: str
    span: Span


class Assertion(NamedTuple):
    """`assert condition, message`."""

    source: Source
    condition: Expr
    span: Span


class Raise(NamedTuple):
    """`raise value`: what is wrong where the program comes here."""

    source: Source
    value: Expr | None
    span: Span


class Deletion(NamedTuple):
    """`del targets`."""

    source: Source
    targets: tuple[Expr, ...]


class Jump(NamedTuple):
    """`break`, `continue` or `pass`."""

    source: Source
    word: str
    span: Span


class ClassDefinition(NamedTuple):
    """`class name(bases):`."""

    source: Source
    name: str
    bases: tuple[Expr, ...]
    body: Block
    name_span: Span


AnyStatement: TypeAlias = (
    "Statement | Unpacking | Definition | Declaration | Assignment | AugmentedAssignment | Return "
    "| If | For | With | Import | Assertion | Raise | Deletion | Jump | ClassDefinition"
)


class ProgramPart(Protocol):
    """Statements of a source whose syntax is made when it is asked for."""

    source: Source

    def statements(self) -> Iterator[AnyStatement]:
        """All statements in order."""

    def parsed(self) -> Iterator[AnyStatement]:
        """Those whose syntax is there already: all that are no `Statement`, and maybe others."""

    def has_templates(self) -> bool:
        """Whether there are any others."""


class SyntaxTree:
    """Statements, definitions and declarations in order, possibly of several sources."""

    __slots__ = ("_statements", "parts")

    def __init__(self, parts: tuple[ProgramPart | tuple[AnyStatement, ...], ...]) -> None:
        self.parts = parts
        self._statements: tuple[AnyStatement, ...] | None = None

    @property
    def statements(self) -> tuple[AnyStatement, ...]:
        """All statements; kept once they were asked for."""
        if self._statements is None:
            found: list[AnyStatement] = []
            for part in self.parts:
                found += part if isinstance(part, tuple) else part.statements()
            self._statements = tuple(found)
        return self._statements

    def parsed(self) -> list[AnyStatement]:
        """The statements whose syntax is there already, in order: at least all definitions,
        declarations and unpackings."""
        found: list[AnyStatement] = []
        for part in self.parts:
            found += part if isinstance(part, tuple) else part.parsed()
        return found

    def has_values(self) -> bool:
        """Whether there is a statement that is no definition or declaration."""
        if any(not isinstance(part, tuple) and part.has_templates() for part in self.parts):
            return True
        without = (Definition, Declaration, Import, ClassDefinition)
        return any(type(s) not in without for s in self.parsed())
