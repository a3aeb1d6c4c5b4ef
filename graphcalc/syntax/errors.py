"""What was expected where a program stops making sense, and what to write instead."""

from __future__ import annotations

from graphcalc.diagnostics import Label, ParseError, brief
from graphcalc.source import Source, Span
from graphcalc.syntax.grammar import Tables
from graphcalc.syntax.lexer import Lexer, open_brackets, unclosed
from graphcalc.syntax.tokens import Token

# Constructs of other languages, by the word that gives them away, and what to write here.
CONSTRUCTS = {
    "lambda": "write a function as `f(x) = x + 1` on its own line",
    "def": "write a function as `f(x) = x + 1` on its own line",
    "return": "write a function as `f(x) = x + 1` on its own line",
    "for": "there are no loops; an operation on a tensor works on every element",
    "while": "there are no loops; an operation on a tensor works on every element",
    "if": "write `x if condition else y`, both values included",
    "else": "write `x if condition else y`",
    "elif": "write `x if a else y if b else z`",
    "class": "there are no objects; write the formulas themselves",
    "with": "write the statements inside of it alone",
    "try": "nothing raises: a value that is no number is nan or inf",
    "async": "write the statements alone",
    "global": "a function reads the names of the program",
    "import": "nothing needs importing; `torch.`, `np.` and `math.` are understood",
    "from": "nothing needs importing; `torch.`, `np.` and `math.` are understood",
    "print": "every node is shown; a bare name is a result",
    "let": "write `name = value`",
    "var": "write `name = value`",
    "const": "write `name = value`",
    "assert": "write the comparison as a statement; its value is shown",
    "del": "values are freed after their last use",
    "xor": "write `logical_xor(x, y)`",
    "mod": "write `%`",
}


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
    elif _accepts(tables, states, "else"):
        message = f"expected `else`, got {got}"
    else:
        message = f"expected an operator or a new line, got {got}"
    from graphcalc.syntax.advice import Slip, advise  # only where something is wrong

    help = advise(Slip(source.text, before, token, opened))
    note = ""
    if opened and last is not None:
        on_line, at_line = source.location(opened[-1].start), source.location(token.start)
        if on_line[0] != at_line[0]:
            note = f"the `{opened[-1].kind}` at {on_line[0]}:{on_line[1]} is still open"
    return ParseError("syntax", message, (here,), note=note, help=help)
