"""What the rules of statements build."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from graphcalc.diagnostics import CallError, Label, ParseError, brief
from graphcalc.ops.words import DTYPES
from graphcalc.source import Source, Span
from graphcalc.syntax.columns import normalized
from graphcalc.syntax.errors import CONSTRUCTS, construct
from graphcalc.syntax.expr import (
    Attribute,
    Binary,
    Call,
    Expr,
    FunctionParameter,
    Index,
    Keyword,
    Lambda,
    Name,
    NoneLiteral,
    Number,
    Row,
    Starred,
    Tensor,
    Text,
    Tuple,
    Unary,
)
from graphcalc.syntax.lists import as_list, nodes_among
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
    SyntaxTree,
    Unpacking,
    With,
)
from graphcalc.syntax.tokens import Token

_AUGMENTED = {
    "+=": "add",
    "-=": "sub",
    "*=": "mul",
    "/=": "div",
    "//=": "floor_divide",
    "%=": "remainder",
    "**=": "pow",
    "^=": "pow",
    "@=": "matmul",
    "&=": "bitwise_and",
    "|=": "bitwise_or",
}


_PYTHON_TYPES = frozenset(
    "Tensor FloatTensor LongTensor BoolTensor ndarray list tuple dict set str bytes object "
    "List Tuple Dict Set Any Optional Union Callable Sequence Iterable Literal Final".split()
)


class _Context(NamedTuple):
    """One context of `with`, and the target behind `as`."""

    value: Expr
    target: Expr | None


class StatementActions:
    """What each rule of statements builds from the values of its symbols."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text

    def _word(self, token: Token) -> str:
        return normalized(self.text[token.start : token.end])

    # Values and assignments

    def row(self, c: list[Any]) -> Row:
        items = nodes_among(c)
        end = c[-1].end if type(c[-1]) is Token else items[-1].end
        return Row(items, items[0].start, end, c[1].start)

    def bare(self, c: list[Any]) -> Statement:
        value = c[0]
        if type(value) is Row:
            raise self._several(value)
        self._check_starred(value)
        return Statement(self.source, None, as_list(value), value.span)

    def _check_starred(self, value: Expr) -> None:
        if type(value) is Starred:
            raise ParseError(
                "syntax",
                "`*` stands before parts of a list, not alone",
                (Label(self.source, value.span),),
            )

    def assign(self, c: list[Any]) -> AnyStatement:
        *targets, value = nodes_among(c)
        self._check_starred(value)
        value = as_list(self._tuple(value))
        if len(targets) == 1:
            return self._assign_one(targets[0], value)
        several = "one assignment is a statement: `a = 2; b = 3`"
        single = "write `name = value` or `f(x) = value`; `==` compares"
        for target in targets:
            self._check_target(target, several if type(target) is Row else single)
        return Assignment(self.source, tuple(map(self._tuple, targets)), value)

    def _tuple(self, node: Expr) -> Expr:
        return Tuple(node.items, node.start, node.end) if type(node) is Row else node

    def _assign_one(self, target: Expr, value: Expr) -> AnyStatement:
        if type(target) is Name:
            return Statement(self.source, target.name, value, target.span)
        if type(target) is Call and type(target.function) is Name:
            return self._definition(target, value)
        if isinstance(target, (Tuple, Tensor)):
            if all(type(item) is Name for item in target.items):
                return Unpacking(self.source, tuple(map(self._target, target.items)), value)
            self._check_target(target, "write names before the `=`, as in `a, b = chunk(x, 2)`")
        else:
            help = "write `name = value` or `f(x) = value`; `==` compares"
            self._check_target(target, help)
        return Assignment(self.source, (self._tuple(target),), value)

    def _definition(self, target: Call, value: Expr) -> Definition:
        parameters = tuple(self._parameter(a) for a in target.arguments)
        self._check_parameters(parameters)
        assert type(target.function) is Name
        name = target.function
        return Definition(self.source, name.name, parameters, value, name.span)

    def _check_parameters(self, parameters: Sequence[FunctionParameter]) -> None:
        seen: set[str] = set()
        has_default = False
        for p in parameters:
            if not p.kind and p.default is None and has_default:
                raise ParseError(
                    "parameter",
                    f"`{p.name}` has no default and stands behind one that has",
                    (Label(self.source, p.span),),
                    help="put it first, or give it a default",
                )
            has_default |= p.default is not None
            if p.name in seen:
                label = Label(self.source, p.span)
                raise CallError(
                    "duplicate-parameter", f"parameter `{p.name}` appears twice", (label,)
                )
            seen.add(p.name)

    def _target(self, node: Expr) -> AssignmentTarget:
        assert type(node) is Name
        return AssignmentTarget(node.name, node.span)

    def _check_target(self, target: Expr, help: str) -> None:
        """Raise ParseError where a value cannot be given to what is written."""
        pending = [target]
        if type(target) is Starred:
            raise self._stars(target)
        while pending:
            node = pending.pop()
            if isinstance(node, (Tuple, Tensor)):
                stars = [item for item in node.items if type(item) is Starred]
                if len(stars) > 1:
                    raise self._stars(stars[1])
                pending += node.items
            elif type(node) is Starred:
                pending.append(node.value)
            elif type(node) not in (Name, Index, Attribute):
                raise ParseError(
                    "assignment-target",
                    f"cannot assign to `{brief(self.source.slice(node.span))}`",
                    (Label(self.source, node.span),),
                    help=help,
                )

    def _stars(self, node: Expr) -> ParseError:
        return ParseError(
            "assignment-target",
            "one name among several can have a `*`",
            (Label(self.source, node.span),),
            help="write `a, *rest = values`",
        )

    def augment(self, c: list[Any]) -> AugmentedAssignment:
        target, operator, value = c[0], c[1], self._tuple(c[2])
        help = f"write `name {self._word(operator)} value`"
        if type(target) not in (Name, Index, Attribute):
            self._check_target(Unary("neg", target, target.start, target.end), help)
        op = _AUGMENTED[self.text[operator.start : operator.end]]
        span = Span(target.start, value.end)
        return AugmentedAssignment(self.source, target, op, as_list(value), span)

    def _several(self, row: Row) -> ParseError:
        number = type(row.items[0]) is Number
        shown = "`[1, 2]`" if number else "`[a, b]`"
        from graphcalc.syntax.advice import advise_on_commas  # only where something is wrong

        slip = advise_on_commas(self.text, row.start) if number else ""
        return ParseError(
            "several-values",
            "a statement is one expression, and a `,` follows it here",
            (Label(self.source, Span(row.comma, row.comma + 1)),),
            help=slip or f"write a tensor as {shown}, or one statement for each value",
        )

    # Declarations

    def declare(self, c: list[Any]) -> Any:
        target, kind = c[0], c[2]
        if type(target) is Name and target.name in CONSTRUCTS:
            raise construct(self.source, target.name, target.span)
        if len(c) == 5 and (type(target) is not Name or self._is_annotation(kind)):
            return self.assign([target, c[3], c[4]])
        if len(c) == 3 and self._is_pythons(kind):
            return Jump(self.source, "pass", Span(target.start, kind.end))
        if type(target) is not Name:
            raise ParseError(
                "declaration",
                f"cannot declare `{brief(self.source.slice(target.span))}`",
                (Label(self.source, target.span),),
                help="write `x: [32, 784]` or `y: int64[32]`",
            )
        dtype, sizes = self._declared(kind)
        span = Span(target.start, kind.end)
        declared = Declaration(self.source, target.name, dtype, sizes, target.span, span)
        if len(c) == 3:
            return declared
        value = self._tuple(c[4])
        return [declared, Statement(self.source, target.name, value, target.span)]

    def _is_annotation(self, kind: Expr) -> bool:
        """Whether a type is one of Python's, and no dtype or shape."""
        name = kind.value if type(kind) is Index else kind
        return type(name) is not Tensor and (type(name) is not Name or name.name not in DTYPES)

    def _is_pythons(self, kind: Expr) -> bool:
        """Whether a type is one of Python's whatever stands inside of it."""
        name = kind.value if type(kind) is Index else kind
        if type(name) is Name:
            return name.name in _PYTHON_TYPES
        return type(name) in (Attribute, Binary, Text, NoneLiteral)

    def _declared(self, kind: Expr) -> tuple[str | None, tuple[Expr, ...]]:
        """The dtype and the sizes of `[B, 4]`, `int64[B]` and `bool`."""
        if type(kind) is Tensor:
            return None, kind.items
        if type(kind) is Index and type(kind.value) is Name:
            return kind.value.name, kind.items
        if type(kind) is Name:
            return kind.name, ()
        raise ParseError(
            "declaration",
            f"`{brief(self.source.slice(kind.span))}` is not a shape or a dtype",
            (Label(self.source, kind.span),),
            help="write `x: [32, 784]` or `y: int64[32]`",
        )

    # Functions

    def _parameter(self, node: Expr) -> FunctionParameter:
        if type(node) is Name:
            return FunctionParameter(node.name, None, node.span)
        if type(node) is Keyword:
            return FunctionParameter(
                node.name, node.value, Span(node.start, node.start + len(node.name))
            )
        raise ParseError(
            "parameter",
            f"a parameter must be a name, not `{brief(self.source.slice(node.span))}`",
            (Label(self.source, node.span),),
        )

    def parameter(self, c: list[Any]) -> FunctionParameter:
        first = c[0]
        span = Span(first.start, first.end)
        if first.kind != "NAME":
            mark = self.text[first.start : first.end]
            name = next((t for t in c[1:] if type(t) is Token and t.kind == "NAME"), None)
            if name is None:
                return FunctionParameter("", None, span, mark)
            span = Span(name.start, name.end)
            return FunctionParameter(self._word(name), None, span, mark)
        default = c[-1] if len(c) > 2 and self.text[c[-2].start] == "=" else None
        return FunctionParameter(self._word(first), default, span)

    def _parameters(self, symbols: list[Any]) -> tuple[FunctionParameter, ...]:
        """Return parameters as a call has to match them; marks such as `*` are in their kinds."""
        found: list[FunctionParameter] = []
        kind = ""
        for p in symbols:
            if type(p) is Token or p.kind == "/":
                continue
            if p.kind in ("**", "^"):
                raise ParseError(
                    "parameter",
                    f"`**{p.name}` cannot be read here",
                    (Label(self.source, p.span),),
                    help="write the keywords as parameters of their own",
                )
            if p.name:
                found.append(p._replace(kind="rest" if p.kind == "*" else kind))
            kind = "keyword" if p.kind == "*" else kind
        self._check_parameters(found)
        return tuple(found)

    def define(self, c: list[Any]) -> Definition:
        parameters = self._parameters(next((s for s in c if type(s) is list), []))
        span = Span(c[1].start, c[1].end)
        return Definition(self.source, self._word(c[1]), parameters, c[-1], span)

    def lambda_function(self, c: list[Any]) -> Lambda:
        parameters = self._parameters(c[1] if type(c[1]) is list else [])
        return Lambda(parameters, c[-1], c[0].start, c[-1].end)

    def define_class(self, c: list[Any]) -> ClassDefinition:
        bases = nodes_among(next((s for s in c if type(s) is list), []))
        span = Span(c[1].start, c[1].end)
        return ClassDefinition(self.source, self._word(c[1]), bases, c[-1], span)

    def decorated(self, c: list[Any]) -> AnyStatement:
        statement: AnyStatement = c[-1]
        if isinstance(statement, Definition):
            return statement._replace(decorators=(c[1], *statement.decorators))
        if isinstance(statement, ClassDefinition):
            return statement
        raise ParseError(
            "syntax",
            "a decorator stands before `def` or `class`",
            (Label(self.source, Span(c[0].start, c[1].end)),),
        )

    # Blocks

    def block(self, c: list[Any]) -> Block:
        return Block(self._statements(c[1:-1]))

    def _statements(self, symbols: list[Any]) -> tuple[AnyStatement, ...]:
        found: list[Any] = []
        pending = symbols[::-1]
        while pending:
            item = pending.pop()
            if type(item) is list:
                pending += item[::-1]
            elif type(item) is not Token:
                found.append(item)
        return tuple(found)

    def choose(self, c: list[Any]) -> If:
        otherwise = c[4] if len(c) > 4 else Block(())
        return If(self.source, c[1], c[3], otherwise, Span(c[0].start, c[1].end))

    def next_choice(self, c: list[Any]) -> Block:
        return Block((self.choose(c),))

    def last_choice(self, c: list[Any]) -> Block:
        block: Block = c[2]
        return block

    def loop(self, c: list[Any]) -> For:
        target = self._loop_target(c[1])
        iterable = as_list(self._tuple(c[3]))
        otherwise = c[8] if len(c) > 6 else Block(())
        span = Span(c[0].start, iterable.end)
        return For(self.source, target, iterable, c[5], otherwise, span)

    def _loop_target(self, symbols: list[Any]) -> Expr:
        items = nodes_among(symbols)
        target: Expr = items[0]
        if len(items) != len(symbols) or type(target) is Starred:
            target = Tuple(items, items[0].start, items[-1].end)
        self._check_target(target, "write a name, as in `for x in xs:`")
        return target

    def within(self, c: list[Any]) -> With:
        contexts: list[_Context] = [x for x in c[1] if type(x) is _Context]
        targets = tuple(x.target for x in contexts if x.target is not None)
        return With(self.source, tuple(x.value for x in contexts), targets, c[-1])

    def context(self, c: list[Any]) -> _Context:
        return _Context(c[0], c[2] if len(c) > 1 else None)

    def leave(self, c: list[Any]) -> Return:
        value = self._tuple(c[1]) if len(c) > 1 else None
        end = c[0].end if value is None else value.end
        return Return(self.source, None if value is None else as_list(value), Span(c[0].start, end))

    def refuse(self, c: list[Any]) -> Raise:
        value = c[1] if len(c) > 1 else None
        return Raise(self.source, value, Span(c[0].start, c[0].end if value is None else value.end))

    def jump(self, c: list[Any]) -> Jump:
        word = self.text[c[0].start : c[0].end]
        return Jump(self.source, word, Span(c[0].start, c[0].end))

    def claim(self, c: list[Any]) -> Assertion:
        return Assertion(self.source, c[1], Span(c[0].start, c[1].end))

    def delete(self, c: list[Any]) -> Deletion:
        targets = c[1].items if type(c[1]) is Row else (c[1],)
        for target in targets:
            self._check_target(target, "write the name alone, as in `del x`")
        return Deletion(self.source, targets)

    # Imports

    def dotted(self, c: list[Any]) -> Token:
        return Token("NAME", c[0].start, c[-1].end)

    def _dotted_text(self, token: Token) -> str:
        return "".join(self.text[token.start : token.end].split())

    def module(self, c: list[Any]) -> Import:
        module = self._dotted_text(c[0])
        span = Span(c[0].start, c[0].end)
        if len(c) > 1:
            return Import(self.source, module, self._word(c[2]), span)
        first = module.partition(".")[0]
        return Import(self.source, first, first, span)

    def import_modules(self, c: list[Any]) -> list[Import]:
        return [item for item in c[1] if type(item) is not Token]

    def imported(self, c: list[Any]) -> Import:
        name = self._word(c[0])
        shown = self._word(c[2]) if len(c) > 1 else name
        return Import(self.source, name, shown, Span(c[0].start, c[0].end))

    def import_names(self, c: list[Any]) -> list[Import]:
        module = self._dotted_text(c[1])
        names = next((s for s in c if type(s) is list), None)
        if names is None:
            return [Import(self.source, module, "*", Span(c[1].start, c[1].end))]
        parts = [p for p in names if type(p) is not Token]
        return [p._replace(module=f"{module}.{p.module}") for p in parts]

    def program(self, c: list[Any]) -> SyntaxTree:
        return SyntaxTree((self._statements(c),))
