"""Words that begin blocks, and the indentation of blocks, as Python has them.

The words are names too: `class` may be a column. A token is one of them only where a statement
begins and goes on as Python's would, or behind a value, where no name can stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from graphcalc.diagnostics import Label, ParseError
from graphcalc.source import Source, Span
from graphcalc.syntax.tokens import CLOSING, OPENING, Token

# What ends a value: no name follows it.
_ENDS = frozenset(["NAME", "NUMBER", "TEXT", "TRUE", "FALSE", "None", "...", *CLOSING])
_BEGINS = frozenset(["NAME", "NUMBER", "TEXT", "TRUE", "FALSE", "None", "...", *OPENING, "not"])
_ALONE = frozenset(["_SEPARATOR", "$END"])
# What has to follow a word at the beginning of a statement for it to be that of Python.
_FOLLOWS = {
    "def": frozenset(["NAME"]),
    "class": frozenset(["NAME"]),
    "import": frozenset(["NAME"]),
    "from": frozenset(["NAME", "."]),
    "for": frozenset(["NAME", "(", "*"]),
    "with": frozenset(["NAME", "("]),
    "elif": _BEGINS | {"-", "~"},
    "assert": _BEGINS,
    "del": _BEGINS,
}
# The same of words that are names outside of a body.
_FOLLOWS_WITHIN = {
    "return": _ALONE | _BEGINS | {"-", "~", "*"},
    "raise": _ALONE | {"NAME"},
    "pass": _ALONE,
    "break": _ALONE,
    "continue": _ALONE,
}
# Words that go on what a value begins.
_BEHIND_VALUES = frozenset(["for", "as", "import", "from"])
_HEADS = frozenset(["def", "class", "if", "elif", "else", "for", "with"])


class _Indentation(NamedTuple):
    """The blanks before a line: their width with tabs to every eighth column, and with tabs as one.

    As in CPython, two lines compare only if both widths say the same.
    """

    wide: int
    narrow: int
    line: int

    def compare(self, other: _Indentation) -> int | None:
        """Return whether this is less (-1), equal (0) or more (1); None where tabs decide it."""
        found = _sign(self.wide - other.wide)
        return found if found == _sign(self.narrow - other.narrow) else None


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


class _Block(NamedTuple):
    """An open block: the indentation of its head and of its lines, None behind the `:`."""

    head: _Indentation
    body: _Indentation | None


def with_blocks(
    source: Source, tokens: Iterator[Token], words: Mapping[str, str]
) -> Iterator[Token]:
    """Yield tokens with the words of statements told from names, and with the ends of blocks.

    A block stands between `_INDENT` and `_DEDENT`. Raises ParseError for an indentation that no
    block has.
    """
    return _Layout(source, list(tokens), words).run()


class _Layout:
    def __init__(self, source: Source, tokens: list[Token], words: Mapping[str, str]) -> None:
        self.source, self.text = source, source.text
        self.tokens, self.words = tokens, words
        self.blocks: list[_Block] = []
        self.indentation = _Indentation(0, 0, 1)
        # Heads of blocks have a `:`, and so have the parameters of each `lambda` before it.
        self.colons = 0
        self.depth = 0

    def run(self) -> Iterator[Token]:
        """Yield all tokens."""
        is_start = True
        place = 0
        while place < len(self.tokens):
            token = self.tokens[place]
            if token.kind in _ALONE and self.depth == 0:
                end = self._next_statement(place)
                yield from self._between(place, end)
                is_start, place, self.colons = True, max(end, place + 1), 0
                continue
            if place == 0:
                self.indentation = self._indentation(token)
            token = self.tokens[place] = self._told(place, is_start)
            yield token
            is_start = False
            place += 1
            if token.kind == ":" and self.depth == 0 and self.colons:
                self.colons -= 1
                if not self.colons:
                    place = self._next_statement(place)
                    yield self._open(place)
                    is_start = True

    def _next_statement(self, place: int) -> int:
        while self.tokens[place].kind == "_SEPARATOR":
            place += 1
        return place

    # Words

    def _told(self, place: int, is_start: bool) -> Token:
        """Return a token, as a word of Python's where it is one."""
        token = self.tokens[place]
        self.depth += (token.kind in OPENING) - (token.kind in CLOSING)
        if token.kind in ("if", "else") and is_start:
            self.colons = 1
        if token.kind != "NAME":
            return token
        word = self.text[token.start : token.end]
        if word not in self.words or not self._is_word(word, place, is_start):
            return token
        if word == "lambda" and self.depth == 0 and self.colons:
            self.colons += 1
        elif is_start and word in _HEADS:
            self.colons = 1
        return token._replace(kind=self.words[word])

    def _is_word(self, word: str, place: int, is_start: bool) -> bool:
        following = self.tokens[place + 1].kind
        if is_start:
            if self.blocks and word in _FOLLOWS_WITHIN:
                return following in _FOLLOWS_WITHIN[word]
            return following in _FOLLOWS.get(word, ()) or self._is_lambda(word, following, place)
        if word in _BEHIND_VALUES:
            return self.tokens[place - 1].kind in (*_ENDS, "*" if word == "import" else "NAME")
        return self._is_lambda(word, following, place)

    def _is_lambda(self, word: str, following: str, place: int) -> bool:
        if word != "lambda" or following not in ("NAME", ":"):
            return False
        return bool(place) and self.tokens[place - 1].kind not in (*_ENDS, "_SEPARATOR")

    # Blocks

    def _open(self, place: int) -> Token:
        """Begin the block behind a `:`, whose first token has this place."""
        token, colon = self.tokens[place], self.tokens[place - 1]
        if colon.kind != "_SEPARATOR":
            self.blocks.append(_Block(self.indentation, None))
            return Token("_INDENT", token.start, token.start)
        body = self._indentation(token)
        if token.kind == "$END" or self._compare(body, self.indentation, token) <= 0:
            raise self._missing_body(token)
        self.blocks.append(_Block(self.indentation, body))
        self.indentation = body
        return Token("_INDENT", token.start, token.start)

    def _between(self, place: int, end: int) -> Iterator[Token]:
        """Yield what stands between two statements: the ends of blocks, and a separator."""
        token, separators = self.tokens[end], self.tokens[place:end]
        closed = 0
        if token.kind == "$END" or any(self.text[t.start] != ";" for t in separators):
            closed = self._close(token)
            self.indentation = self._indentation(token)
        yield from [Token("_DEDENT", token.start, token.start)] * closed
        # `else` goes on with the statement whose block has ended.
        if separators and not (closed and self._goes_on(end)):
            yield separators[-1]
        if token.kind == "$END":
            yield token

    def _goes_on(self, place: int) -> bool:
        token = self.tokens[place]
        word = self.text[token.start : token.end]
        return token.kind == "else" or (word == "elif" and self._is_word(word, place, True))

    def _close(self, token: Token) -> int:
        """End the blocks that a line is outside of; return how many."""
        before = len(self.blocks)
        if token.kind == "$END":
            self.blocks.clear()
            return before
        line = self._indentation(token)
        while self.blocks:
            head, body = self.blocks[-1]
            if body is not None:
                place = self._compare(line, body, token)
                if place == 0:
                    break
                if place > 0 or self._compare(line, head, token) > 0:
                    raise self._mismatch(token, line, body)
            elif self._compare(line, head, token) > 0:
                raise self._unexpected(token, head)
            self.blocks.pop()
        return before - len(self.blocks)

    def _indentation(self, token: Token) -> _Indentation:
        """Return the indentation of the line that begins with a token."""
        start = max(self.text.rfind(end, 0, token.start) for end in "\r\n") + 1
        blanks = self.text[start : token.start].lstrip("\ufeff")
        line = self.source.location(token.start)[0]
        return _Indentation(len(blanks.expandtabs(8)), len(blanks), line)

    def _compare(self, line: _Indentation, other: _Indentation, token: Token) -> int:
        found = line.compare(other)
        if found is None:
            raise ParseError(
                "indentation",
                "tabs and blanks are mixed in the indentation of this line",
                self._at(token),
                note=f"line {other.line} has others",
                help="indent with blanks alone",
            )
        return found

    # What is wrong

    def _at(self, token: Token) -> tuple[Label, ...]:
        return (Label(self.source, Span(token.start, token.end)),)

    def _missing_body(self, token: Token) -> ParseError:
        return ParseError(
            "indentation",
            f"the `:` in line {self.indentation.line} wants lines that are indented more",
            self._at(token),
            help="indent the body, or write it behind the `:`; `pass` does nothing",
        )

    def _unexpected(self, token: Token, head: _Indentation) -> ParseError:
        return ParseError(
            "indentation",
            f"this line is indented more than line {head.line}, whose body stands behind its `:`",
            self._at(token),
            help="write the whole body on lines of its own, or indent them alike",
        )

    def _mismatch(self, token: Token, line: _Indentation, body: _Indentation) -> ParseError:
        return ParseError(
            "indentation",
            f"this line is indented by {line.wide}, and its block, from line {body.line} on, by "
            f"{body.wide}",
            self._at(token),
            help="lines of one block are indented alike",
        )
