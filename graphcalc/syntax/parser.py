"""Tokens to syntax: an LALR(1) automaton over the grammar's tables, without recursion."""

from __future__ import annotations

import copyreg
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from graphcalc.diagnostics import Label, LimitError
from graphcalc.source import Source, Span
from graphcalc.syntax.actions import Build, builders
from graphcalc.syntax.errors import unexpected
from graphcalc.syntax.expr import (
    Expr,
    SyntaxNode,
    Tensor,
)
from graphcalc.syntax.format import format_expression
from graphcalc.syntax.grammar import Tables, read_grammar
from graphcalc.syntax.lexer import MAX_NAME, Lexer, endless_name
from graphcalc.syntax.program import SyntaxTree
from graphcalc.syntax.tokens import Token


def load_tables() -> Tables:
    """The shipped tables, or, where the grammar has been edited since, Lark's new ones."""
    text = read_grammar()
    checksum = zlib.crc32(text.encode())
    try:
        from graphcalc.syntax.tables import TABLES
    except ImportError:
        pass
    else:
        if checksum == TABLES.checksum:
            return TABLES
    from graphcalc.syntax.generate import build_tables

    return build_tables(text)


TABLES = load_tables()
LEXER = Lexer(TABLES)

MAX_TEXT = 64 * 1024 * 1024

# Where a chain of `pass` rules ends, by (state below, state, next terminal): operators of
# twelve precedences make such chains most of the automaton's work.
_JUMPS: dict[tuple[int, int, str], int] = {}


def _jump(below: int, state: int, kind: str) -> int:
    """The state after all `pass` reductions that `kind` calls for."""
    key = (below, state, kind)
    while True:
        action = TABLES.actions[state].get(kind, 0)
        if action >= 0 or TABLES.rules[~action][2] != "pass":
            _JUMPS[key] = state
            return state
        state = TABLES.gotos[below][TABLES.rules[~action][0]]


def _check_length(source: Source) -> None:
    if len(source.text) > MAX_TEXT:
        raise LimitError(
            "program-size",
            f"the program is longer than {MAX_TEXT:,} characters",
            (Label(source, Span(0, 0)),),
        )


def _rules(source: Source) -> list[tuple[str, int, Build | None, str]]:
    """Return each rule of the grammar: what it is a case of, its size, and what it builds."""
    build = builders(source)
    return [
        (origin, size, None if action in ("pass", "splice") else build(action), action)
        for origin, size, action in TABLES.rules
    ]


def _parse(source: Source, start: str, begin: int = 0, end: int | None = None) -> Any:
    """Run the automaton over a source or a part of it; the value of its start rule."""
    _check_length(source)
    actions, gotos, jumps = TABLES.actions, TABLES.gotos, _JUMPS
    rules = _rules(source)
    states = [TABLES.starts[start]]
    values: list[Any] = []
    for token in _tokens(source, start, begin, end):
        kind = token.kind
        while True:
            state = states[-1]
            action = actions[state].get(kind)
            if action is None:
                if kind == "$END" and state == TABLES.ends[start]:
                    return values[-1]
                raise unexpected(TABLES, LEXER, source, states, token)
            if action >= 0:
                if kind == "NAME" and token.end - token.start > MAX_NAME:
                    raise endless_name(source, Span(token.start, token.end))
                states.append(action)
                values.append(token)
                break
            origin, size, build, what = rules[~action]
            if what == "pass":
                key = (states[-2], state, kind)
                states[-1] = jumps[key] if key in jumps else _jump(*key)
                continue
            if build is not None:
                children = values[len(values) - size :]
                if size:
                    del values[-size:]
                    del states[-size:]
                values.append(build(children))
            elif size:
                spliced = _splice(values, size)
                del values[-size:]
                del states[-size:]
                values.append(spliced)
            else:
                values.append([])
            states.append(gotos[states[-1]][origin])
    raise AssertionError("the lexer ends with $END")


def _splice(values: list[Any], size: int) -> list[Any]:
    """The last `size` values as one list; a list in front grows in place."""
    first = values[-size]
    spliced: list[Any] = first if type(first) is list else [first]
    for value in values[len(values) - size + 1 :]:
        if type(value) is list:
            spliced += value
        else:
            spliced.append(value)
    return spliced


def _tokens(source: Source, start: str, begin: int, end: int | None) -> Iterator[Token]:
    """The tokens; around a single expression, newlines mean nothing."""
    tokens = LEXER.tokens(source, begin, end)
    if start == "program":
        return tokens
    return (t for t in tokens if t.kind != "_SEPARATOR" or source.text[t.start] == ";")


def parse_program(source: Source) -> SyntaxTree:
    """The program that a source holds. Raises ParseError with the span of what is wrong."""
    return parse_part(source, 0, None)


def parse_part(source: Source, begin: int, end: int | None) -> SyntaxTree:
    """The program between two offsets of a source, where statements begin and end."""
    program: SyntaxTree = _parse(source, "program", begin, end)
    return program


def parse_expression(source: Source) -> Expr:
    """The single expression that a source holds, nothing else."""
    node: Expr = _parse(source, "expression")
    return node


def parse_expression_text(text: str) -> Expr:
    """The expression that a text holds."""
    return parse_expression(Source(text))


def _as_text(node: Expr) -> tuple[Callable[[str], Expr], tuple[str]]:
    """Pickle an expression as its text: a tree of nodes would make pickle recurse."""
    return parse_expression_text, (format_expression(node),)


for _kind in SyntaxNode.__subclasses__() + Tensor.__subclasses__():
    copyreg.pickle(_kind, _as_text)  # type: ignore[arg-type]
