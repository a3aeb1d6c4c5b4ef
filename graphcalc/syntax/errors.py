"""What was expected where a program stops making sense, and what to write instead."""

from __future__ import annotations

from graphcalc.diagnostics import Label, ParseError, brief
from graphcalc.source import Source, Span
from graphcalc.syntax.grammar import Tables
from graphcalc.syntax.lexer import Lexer, open_brackets, unclosed
from graphcalc.syntax.tokens import CLOSING, OPENING, Token

# Constructs of other languages, by the word that gives them away, and what to write here.
CONSTRUCTS = {
    "while": "a loop has a number of turns that is known: `for i in range(n):`",
    **dict.fromkeys(
        ("try", "except", "finally"), "nothing raises: a value that is no number is nan or inf"
    ),
    **dict.fromkeys(("async", "await"), "leave the word out"),
    "yield": "return a list: `return [f(x) for x in xs]`",
    **dict.fromkeys(
        ("global", "nonlocal"), "names around a function can be read; return what is new"
    ),
    "match": "write `if x == 1:`, `elif` and `else`",
    "lambda": "give it a name, `f = lambda x: x + 1`, or hand it to a function",
    "return": "it stands in the body of `def f(x):`",
    "if": "write `x if condition else y`, both values included",
    "else": "write `if condition:` before it, at the same indentation, or `x if condition else y`",
    "elif": "write `if condition:` before it, at the same indentation",
    "function": "write `def f(x):`",
    "print": "write `print(x)`",
    "let": "write `name = value`",
    "var": "write `name = value`",
    "const": "write `name = value`",
    "xor": "write `logical_xor(x, y)`",
    "mod": "write `%`",
}
# Terminals of the words that begin a statement with a body.
_HEADS = frozenset("DEF_WORD CLASS_WORD FOR_WORD WITH_WORD ELIF_WORD if else".split())
# What else statements want, by what they begin with.
_WANTED = {"FOR_WORD": "in", "FROM_WORD": "IMPORT_WORD"}


def construct(source: Source, word: str, span: Span) -> ParseError:
    """The error for a construct of another language, known by one of its words."""
    return ParseError(
        "construct", f"`{word}` does not work here", (Label(source, span),), help=CONSTRUCTS[word]
    )


def _shown(source: Source, token: Token) -> str:
    if token.kind == "$END":
        return "end of input"
    if token.kind == "_SEPARATOR" and source.text[token.start] != ";":
        return "end of line"
    text = brief(source.text[token.start : token.end])
    # Text in quotes may hold control characters.
    return f"`{''.join(c if c.isprintable() else ascii(c)[1:-1] for c in text)}`"


def _before(lexer: Lexer, source: Source, offset: int) -> list[Token]:
    """The tokens in front of an offset (lexed again: errors are rare)."""
    found = []
    for token in lexer.tokens(source):
        if token.start >= offset:
            break
        found.append(token)
    return found


def _first_of_statement(before: list[Token]) -> Token | None:
    """Return the token that the last statement begins with."""
    depth, first = 0, None
    for token in reversed(before):
        depth += (token.kind in CLOSING) - (token.kind in OPENING)
        if depth == 0 and token.kind in ("_SEPARATOR", "_INDENT", "_DEDENT"):
            break
        first = token
    return first


def _accepts(tables: Tables, states: list[int], kind: str) -> bool:
    """Whether the automaton could go on with a terminal of this kind."""
    stack = states.copy()
    while True:
        action = tables.actions[stack[-1]].get(kind)
        if action is None or action >= 0:
            return action is not None
        origin, size, _ = tables.rules[~action]
        if size:
            del stack[-size:]
        stack.append(tables.gotos[stack[-1]][origin])


def unexpected(
    tables: Tables, lexer: Lexer, source: Source, states: list[int], token: Token
) -> ParseError:
    """Say what was expected where an impossible token stands, and what to write instead."""
    expected = tables.actions[states[-1]]
    before = _before(lexer, source, token.start)
    last = before[-1] if before else None
    here = Label(source, Span(token.start, token.end))
    words = [source.text[t.start : t.end] for t in (token, *([last] if last else []))]
    word = next((w for w in words if w in CONSTRUCTS), None)
    if word is not None and (word != "if" or token.kind != "$END"):
        which = token if word == words[0] else last
        assert which is not None
        return construct(source, word, Span(which.start, which.end))
    opened = open_brackets(source, before)
    first = _first_of_statement(before)
    if first is not None and last is not None and last.kind == ":" and not opened:
        word = source.text[first.start : first.end]
        if word in CONSTRUCTS:
            return construct(source, word, Span(first.start, first.end))
    wanted = "else" if first is None else _WANTED.get(first.kind, "else")
    wanted = wanted if _accepts(tables, states, wanted) else ""
    at_expression = "NAME" in expected and "NUMBER" in expected
    if token.kind == "$END" and opened:
        return unclosed(source, opened[-1], token.start)
    if opened and not at_expression and last is not None:
        is_first = source.location(last.start)[0] != source.location(token.start)[0]
        if is_first and token.kind in ("NAME", "NUMBER"):
            return unclosed(source, opened[-1], token.start)
    got = _shown(source, token)
    if at_expression:
        message = f"expected an expression, got {got}"
    elif "NAME" in expected:
        message = f"expected a name, got {got}"
    elif opened:
        closing = ")" if opened[-1].kind == "(" else "]"
        message = f"expected an operator, `,` or `{closing}`, got {got}"
    elif first is not None and first.kind in _HEADS and _accepts(tables, states, ":"):
        message = f"expected `:`, got {got}"
    elif wanted:
        message = f"expected `{wanted.removesuffix('_WORD').lower()}`, got {got}"
    else:
        message = f"expected an operator or a new line, got {got}"
    from graphcalc.syntax.advice import Slip, advise  # only where something is wrong

    is_product = token.kind in ("NAME", "NUMBER") and message.startswith(
        ("expected `:`", "expected `in`")
    )
    help = "" if is_product else advise(Slip(source.text, before, token, opened))
    note = ""
    if opened and last is not None:
        on_line, at_line = source.location(opened[-1].start), source.location(token.start)
        if on_line[0] != at_line[0]:
            note = f"the `{opened[-1].kind}` at {on_line[0]}:{on_line[1]} is still open"
    return ParseError("syntax", message, (here,), note=note, help=help)
