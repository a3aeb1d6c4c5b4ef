"""Text to tokens, with the brackets and characters that are wrong explained."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphcalc.diagnostics import Label, LimitError, ParseError, brief
from graphcalc.source import Source, Span
from graphcalc.syntax.grammar import Tables
from graphcalc.syntax.tokens import CLOSING, OPENING, Token

MAX_NAME = 255
# What stands before text in quotes in Python: `f"x"`, `r"\w"`.
_PREFIX = """[fFrRbBuU]{1,2}(?=["'])"""


# What people type for something that the language spells otherwise.
_LOOKALIKES = {
    "−": "-",
    "–": "-",
    "—": "-",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "∗": "*",
    "÷": "/",
    "∕": "/",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "＝": "=",
    "（": "(",
    "）": ")",
    "，": ",",
    "∞": "inf",
    "²": "^2",
    "³": "^3",
    "!": "not",
    "&&": "and",
}
_INSTEAD = {
    "\u00a0": "write a plain space",
    '"': 'text ends where it began: "ij,jk->ik"',
    "'": 'text ends where it began: "ij,jk->ik"',
    "“": 'text stands between straight quotes: "ij,jk->ik"',
    "”": 'text stands between straight quotes: "ij,jk->ik"',
    "?": "write `x if condition else y`",
    "{": "write a tensor as `[1, 2, 3]`",
    "}": "write a tensor as `[1, 2, 3]`",
    "$": "write a name without `$`",
    "\\": "an expression goes on in the next line inside brackets",
    "`": "write a name without quotes",
    "√": "write sqrt(x)",
    "∑": "write sum(x)",
    "Σ": "write sum(x)",
}


class Lexer:
    """The tokens of the language, from the grammar's own terminals."""

    def __init__(self, tables: Tables) -> None:
        self._literals, self._words = tables.literals, tables.words
        words = rf"\b(?:{'|'.join(tables.words)})\b"
        self._block = re.compile(rf"{words}|:[ \t]*[#\r\n]|(?:\A|[\r\n;])[ \t]*if\b")
        symbols = sorted((t for t in tables.literals if not t[0].isalpha()), key=len, reverse=True)
        self._has_prefixes = re.compile(rf"\b{_PREFIX}").search
        self._pattern = self._compiled(tables, symbols, "")
        self._prefixed = self._compiled(tables, symbols, _PREFIX)
        # Besides these seven groups, those of the number stand between it and the groups after it.
        inner = self._pattern.groups - 7
        self._symbol, self._text = 3 + inner, 4 + inner
        self._separator, self._end = 5 + inner, 6 + inner

    def may_have_blocks(self, text: str) -> bool:
        """Return whether a text may have blocks, or a word that Python's statements have."""
        # Most texts have none of these at all, which is found faster than what stands around them.
        if ":" not in text and not any(word in text for word in self._words):
            return False
        return self._block.search(text) is not None

    def _compiled(self, tables: Tables, symbols: list[str], prefix: str) -> re.Pattern[str]:
        """Return the pattern of a token, where text may stand behind a prefix, as in `f"x"`."""
        text = rf"(?:{prefix})?(?:{tables.patterns['TEXT']})" if prefix else tables.patterns["TEXT"]
        no_text = rf"(?!{prefix}(?:{tables.patterns['TEXT']}))" if prefix else ""
        return re.compile(
            r"(?:[ \t]|\\(?:\r\n?|\n))*(?:\#[^\r\n]*)?(?:"
            rf"({no_text}{tables.patterns['NAME']})"
            rf"|((?:{tables.patterns['NUMBER']}))"
            rf"|({'|'.join(map(re.escape, symbols))})"
            rf"|({text})"
            r"|(\r\n?|\n|;)"
            r"|(\Z)"
            r"|(.))",
            re.DOTALL,
        )

    def tokens(self, source: Source, begin: int = 0, end: int | None = None) -> Iterator[Token]:
        """The tokens of a source, or of what stands between two offsets, ending with `$END`.

        A newline or `;` is a `_SEPARATOR`; inside brackets a newline is nothing. Blocks stand
        between `_INDENT` and `_DEDENT`. Raises ParseError at a character, bracket or indentation
        that cannot be.
        """
        last = len(source.text) if end is None else end
        tokens = self._flat_tokens(source, begin, last)
        if not self.may_have_blocks(source.text):
            return tokens
        from graphcalc.syntax.layout import with_blocks

        return with_blocks(source, tokens, self._words)

    def _flat_tokens(self, source: Source, begin: int, end: int) -> Iterator[Token]:
        text, literals = source.text, self._literals
        symbol, separator, end_group = self._symbol, self._separator, self._end
        begin = max(begin, 1 if text[:1] == "\ufeff" else 0)
        brackets: list[Token] = []
        # Every position matches: the last group takes any character.
        pattern = self._prefixed if self._has_prefixes(text, begin, end) else self._pattern
        for found in pattern.finditer(text, begin, end):
            group = found.lastindex
            start, end = found.span(group or 0)
            if group == 1:
                if not found[1].isascii():
                    _check_name(source, start, found[1])
                yield Token(literals.get(found[1], "NAME"), start, end)
            elif group == 2:
                yield Token("NUMBER", start, end)
            elif group == symbol:
                token = Token(literals[text[start:end]], start, end)
                if token.kind in OPENING:
                    brackets.append(token)
                elif token.kind in CLOSING:
                    _close(source, brackets, token)
                yield token
            elif group == separator:
                if not brackets:
                    yield Token("_SEPARATOR", start, end)
                elif text[start] == ";":
                    raise unclosed(source, brackets[-1], start)
            elif group == self._text:
                yield Token("TEXT", start, end)
            elif group == end_group:
                yield Token("$END", start, end)
                return
            else:
                raise _bad_character(source, start)


def _check_name(source: Source, start: int, text: str) -> None:
    """Raise ParseError at the first character that Python has in no identifier."""
    for length in range(1, len(text) + 1):
        if not text[:length].isidentifier():
            raise _bad_character(source, start + length - 1)


def _close(source: Source, brackets: list[Token], token: Token) -> None:
    """Match a closing bracket with the last open one, or say which is wrong."""
    if brackets and brackets[-1].kind == CLOSING[token.kind]:
        brackets.pop()
        return
    here = Label(source, Span(token.start, token.end))
    if not brackets:
        raise ParseError("unmatched-bracket", f"unmatched `{token.kind}`", (here,))
    opened = brackets[-1]
    line, column = source.location(opened.start)
    raise ParseError(
        "mismatched-bracket",
        f"`{token.kind}` does not close `{opened.kind}`",
        (here, Label(source, Span(opened.start, opened.end), "opened here")),
        note=f"the `{opened.kind}` opened at {line}:{column} wants `{OPENING[opened.kind]}`",
    )


def unclosed(source: Source, opened: Token, offset: int) -> ParseError:
    """The error for a bracket that nothing closes before `offset`."""
    line, column = source.location(offset)
    where = "the end of the input" if offset >= len(source.text) else f"{line}:{column}"
    return ParseError(
        "unclosed-bracket",
        f"`{opened.kind}` is never closed",
        (Label(source, Span(opened.start, opened.end)),),
        note=f"a `{OPENING[opened.kind]}` is missing before {where}",
        help="write rows as `[[1, 2], [3, 4]]`"
        if opened.kind == "[" and source.text[offset : offset + 1] == ";"
        else "",
    )


def open_brackets(source: Source, tokens: list[Token]) -> list[Token]:
    """The brackets still open after these tokens."""
    brackets: list[Token] = []
    for token in tokens:
        if token.kind in OPENING:
            brackets.append(token)
        elif token.kind in CLOSING and brackets:
            brackets.pop()
    return brackets


def endless_name(source: Source, span: Span) -> LimitError:
    """The error for a name that is longer than a name may be."""
    return LimitError(
        "name-length",
        f"`{brief(source.slice(span))}` is longer than the {MAX_NAME} characters of a name",
        (Label(source, span),),
    )


def _bad_character(source: Source, offset: int) -> ParseError:
    """Name a character that no token starts with, and say what to type instead."""
    character = source.text[offset]
    label = (Label(source, Span(offset, offset + 1)),)
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return ParseError("bad-byte", f"byte \\x{code - 0xDC00:02x} is not UTF-8 text", label)
    shown = f"`{character}`"
    if not character.isascii() or not character.isprintable():
        import unicodedata

        name = unicodedata.name(character, "a control character")
        shown = f"U+{code:04X} {name}"
    if character == "!" and re.search(r"[\w)\]]\s*$", source.text[max(offset - 99, 0) : offset]):
        return ParseError(
            "bad-character",
            "there is no `!` behind a value",
            label,
            help="write gamma(n + 1) for a factorial",
        )
    slip = _quote_slip(source.text, offset) or _dollar_slip(source.text, offset)
    if slip:
        return ParseError("bad-character", f"unexpected {shown}", label, help=slip)
    if character in _LOOKALIKES:
        return ParseError(
            "bad-character",
            f"{shown} is not an operator or a name here",
            label,
            help=f"did you mean `{_LOOKALIKES[character]}`?",
        )
    if character in _INSTEAD:
        return ParseError("bad-character", f"unexpected {shown}", label, help=_INSTEAD[character])
    if character.isalpha() or character.isdigit():
        return ParseError(
            "bad-character",
            f"{shown} is not allowed in a {'name' if character.isalpha() else 'number'}",
            label,
            note="names are made of letters, digits and _",
            help=_ascii_name(source.text, offset),
        )
    return ParseError("bad-character", f"unexpected {shown}", label)


def _quote_slip(text: str, offset: int) -> str:
    """Advice on a quote within a number, `1'000`, or behind a name, `f'(x)` and `x'`."""
    if text[offset] != "'":
        return ""
    begin = re.search(r"\d+$|[\w)\]]$", text[max(offset - 20, 0) : offset])
    if begin is None:
        return ""
    if re.match(r"'\d{3}(?!\w)", text[offset:]) and begin[0].isdigit():
        return f"write {begin[0]}{text[offset + 1 : offset + 4]}, without quotes"
    return "write grad(f(x), x) for a derivative, x.T for a transposed matrix"


def _dollar_slip(text: str, offset: int) -> str:
    """Advice on columns as awk has them, `$1` and `{print $1}`."""
    column = re.match(r"\$(\d{1,9})(?!\d)", text[offset:])
    if column:
        return f"write col({column[1]}), with --rows and --no-header"
    if text[offset] == "{" and re.match(r"\s*[^\W\d]", text[offset + 1 :]):
        return "statements stand without braces; every node is shown"
    return ""


def _ascii_name(text: str, offset: int) -> str:
    """Advice on a word with a character that no name or number has: the word in ASCII."""
    begin = re.search(r"\w*$", text[:offset])
    end = re.match(r"\w+", text[offset:])
    word = (begin[0] if begin else "") + (end[0] if end else "")
    twin = ascii_twin(word)
    return f"did you mean `{twin}`?" if twin else ""


def ascii_twin(word: str) -> str:
    """Return the ASCII word that a word looks like; an empty text where there is none."""
    letters = [c if c.isascii() else _ascii_twin(c) for c in word]
    return "".join(letters) if all(letters) else ""


def _ascii_twin(character: str) -> str:
    """The ASCII letters or digit that a character looks like, if any."""
    import unicodedata

    if character.isdigit():
        return str(unicodedata.digit(character))
    plain = unicodedata.normalize("NFKD", character)
    stripped = "".join(c for c in plain if c.isascii() and c.isalnum())
    if stripped:
        return stripped
    last = unicodedata.name(character, "").split(" ")[-1]
    is_latin_like = unicodedata.name(character, "").startswith(("CYRILLIC", "GREEK"))
    if not is_latin_like or len(last) != 1:
        return ""
    return last if character.isupper() else last.lower()
