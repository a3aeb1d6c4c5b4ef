"""What the writer of a text that is no program probably meant, and how it is written here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from graphcalc.ops.prelude import COMPOSITES
from graphcalc.ops.table import FUNCTIONS
from graphcalc.syntax.tokens import Token

# Operators of other languages, by their text without spaces.
_OPERATORS = {
    "&&": "write `and`",
    "||": "write `or`",
    "<>": "write `!=`",
    "=!": "write `!=`",
    "!==": "write `!=`",
    "===": "write `==`",
    "=<": "write `<=`",
    "=>": "write `>=`, or `f(x) = x + 1` for a function",
    "->": "write `f(x) = x + 1` for a function; there are no units to convert",
    "|>": "write a call: sum(x)",
    ":=": "write `=`",
    "++": "write `x = x + 1`",
    "--": "write `x = x - 1`",
    "..": "write `arange(1, 11)` for the numbers from 1 to 10",
}
# Words that people write behind a number, beside names of their own.
_UNITS = frozenset(
    "m cm mm km um nm in inch inches ft foot feet yd mi mile miles kg g mg lb lbs oz s sec ms min "
    "h hr hour hours day days week weeks month months year years C F K degC degF deg USD EUR GBP "
    "usd eur gbp Hz kHz MHz GHz J kJ W kW V A N Pa bar L ml KB MB GB KiB MiB GiB to".split()
)
_VALUES = ("NUMBER", "NAME", ")", "]")
_THOUSANDS = re.compile(r"\d{1,3}(?:([ ',])\d{3})+(?!\w)")
_DECIMALS = re.compile(r"(\d+),(\d+)(?![\w,.])")
_RANGE = re.compile(r"(?<!\d)(\d{1,18})\.\.(\d{1,18})(?!\d)")
_DERIVATIVE = re.compile(r"\bd/d([^\W\d]\w*)[ \t]+([^;\n]+)")
_PERCENT = re.compile(r"(?<![\d.])(\d[\d.]{0,30})\s*%")
# The most characters of an advice; a longer one repeats a long part of the program.
_LONGEST = 200
_NEXT_ASSIGNMENT = re.compile(r"\s*[^\W\d]\w*\s*=(?!=)")


class Slip(NamedTuple):
    """A token that cannot stand where it does, with the tokens before it and the open brackets."""

    text: str
    before: list[Token]
    token: Token
    opened: list[Token]

    @property
    def last(self) -> Token | None:
        """The token before it."""
        return self.before[-1] if self.before else None

    @property
    def is_adjacent(self) -> bool:
        """Whether nothing stands between the last token and this one."""
        return bool(self.before) and self.before[-1].end == self.token.start

    def of(self, token: Token | None) -> str:
        """The text of a token."""
        return self.text[token.start : token.end] if token else ""

    @property
    def follows_value(self) -> bool:
        """Whether a value stands before it and another begins with it."""
        last = self.last
        return (
            last is not None
            and last.kind in _VALUES
            and self.token.kind in (*_VALUES[:2], "(", "[")
        )


def advise(slip: Slip) -> str:
    """Return what the writer probably meant, or nothing."""
    guesses = (guess(slip) for guess in _GUESSES)
    return next((advice for advice in guesses if 0 < len(advice) <= _LONGEST), "")


def advise_on_commas(text: str, start: int) -> str:
    """Return advice where a comma stands within the number that begins at `start`, or nothing."""
    advice = _thousands(text, start) or _decimal_comma(text, start)
    return advice if len(advice) <= _LONGEST else ""


def _thousands(text: str, start: int) -> str:
    """Advice where a number's digits stand in groups, `1 000`; `start` is where it begins."""
    match = _THOUSANDS.match(text, start)
    if match is None:
        return ""
    plain = re.sub(r"\D", "", match[0])
    grouped = re.sub(r"\D", "_", match[0])
    decimal = "; a decimal point is `.`" if match[1] == "," and match[0].count(",") == 1 else ""
    return f"write {plain} or {grouped}{decimal}"


def _decimal_comma(text: str, start: int) -> str:
    """Advice where a number has a comma for its point; `start` is where it begins."""
    match = _DECIMALS.match(text, start)
    return f"write a decimal point: {match[1]}.{match[2]}" if match else ""


def _magnitude(slip: Slip) -> str:
    if slip.last is None or slip.last.kind not in ("NUMBER", "TEXT"):
        return ""
    start = slip.last.start
    while start and slip.text[start - 1] in "0123456789'":
        start -= 1
    grouped = _thousands(slip.text, start)
    if slip.opened and slip.opened[-1].kind == "[" and slip.of(slip.token) != "000":
        return ""
    return grouped or (_decimal_comma(slip.text, start) if slip.token.kind == "," else "")


def _bars(slip: Slip) -> str:
    starts = slip.last is None or slip.last.kind in ("_SEPARATOR", "=", "(", ",")
    return "write abs(x)" if slip.token.kind == "|" and starts else ""


def _percent(slip: Slip) -> str:
    """Advice where `%` has nothing behind it, or `of`."""
    if slip.last is None or "%" not in (slip.last.kind, *(t.kind for t in slip.before[-2:-1])):
        return ""
    if slip.last.kind != "%" and slip.of(slip.last) != "of":
        return ""
    numbers = [m[1] for m in _PERCENT.finditer(slip.text, 0, slip.token.start)]
    share = f"{numbers[-1]}/100 for `{numbers[-1]}%`" if numbers else "x/100 for a percentage"
    return f"`%` is the remainder of a division; write {share}"


def _derivative(slip: Slip) -> str:
    match = _DERIVATIVE.search(slip.text)
    return f"write grad({match[2].strip()}, {match[1]})" if match and slip.follows_value else ""


def _operator(slip: Slip) -> str:
    """Advice on an operator of another language."""
    start = slip.token.start
    while start and slip.text[start - 1] in "&|<>=!-+:.":
        start -= 1
    found = re.match(r"[&|<>=!+:.-]+", slip.text[start:])
    pair = found[0] if found else ""
    if pair == "..":
        match = _RANGE.search(slip.text)
        return f"write arange({match[1]}, {int(match[2]) + 1})" if match else ""
    if slip.token.kind == "=" and re.fullmatch(
        r"[-+*/%@^&|]", slip.text[max(start - 1, 0) : start]
    ):
        pair = slip.text[start - 1 : start + 1]
    if re.fullmatch(r"(\*\*|//|[-+*/%@^&|])=", pair):
        return f"there is no `{pair}`; write `x = x {pair[:-1]} y`"
    return _OPERATORS.get(pair, "")


def _several(slip: Slip) -> str:
    """Advice on statements, or values, that a comma separates."""
    if slip.token.kind != "," or slip.opened:
        return ""
    if _NEXT_ASSIGNMENT.match(slip.text, slip.token.end):
        return "separate statements with `;` or a new line"
    return "write a tensor as `[1, 2]`" if slip.last and slip.last.kind == "NUMBER" else ""


def _numerals(slip: Slip) -> str:
    """Advice on numbers that are written in another way than here."""
    if slip.last is None or slip.last.kind != "NUMBER" or not slip.is_adjacent:
        return ""
    number, behind = slip.of(slip.last), slip.of(slip.token)
    if slip.token.kind == "NUMBER":
        match = _RANGE.search(slip.text)
        return (
            f"write arange({match[1]}, {int(match[2]) + 1})"
            if match
            else "a number has one decimal point"
        )
    for base, pattern in ((2, r"[bB][01]{1,64}"), (8, r"[oO][0-7]{1,22}")):
        if number == "0" and re.fullmatch(pattern, behind):
            return f"write {int(behind[1:], base)}, or {int(behind[1:], base):#x}"
    if behind in ("i", "j"):
        return "there are no complex numbers here"
    return f"write {number}e0, with an exponent" if behind in ("e", "E") else ""


def _elements(slip: Slip) -> str:
    """Advice on elements or arguments without a comma between them."""
    if not slip.follows_value or not slip.opened or slip.is_adjacent:
        return ""
    if slip.opened[-1].kind == "[":
        return "write a comma between elements: [1, 2, 3]"
    return ""


def _call(slip: Slip) -> str:
    """Advice on a function whose argument stands without parentheses."""
    name = slip.of(slip.last)
    is_function = name in FUNCTIONS or name in COMPOSITES
    if slip.follows_value and is_function:
        return f"arguments stand in parentheses: write `{name}(…)`"
    return ""


def _unit(slip: Slip) -> str:
    if slip.last and slip.last.kind == "NUMBER" and slip.of(slip.token) in _UNITS:
        return "numbers have no units; write `*` to multiply"
    return ""


def _where(slip: Slip) -> str:
    if slip.follows_value and slip.of(slip.token) in ("where", "with", "given"):
        return "bind a value behind the program: graphcalc 'x + 1' x=3"
    return ""


def _product(slip: Slip) -> str:
    if not slip.follows_value or slip.last is None:
        return ""
    left, right = slip.of(slip.last), slip.of(slip.token)
    if slip.is_adjacent and left[-1] == ".":
        return f"put a number in parentheses before a dot: ({left[:-1]}).{right}"
    if slip.is_adjacent and slip.last.kind in _VALUES[:2] and slip.token.kind in _VALUES[:2]:
        return f"write `*` to multiply: {left}*{right}"
    if slip.last.kind == slip.token.kind == "NUMBER":
        return "write a tensor as `[1, 2]`, and `*` to multiply"
    return "write `*` to multiply; separate statements with `;` or a new line"


def _equals(slip: Slip) -> str:
    if slip.token.kind != "=":
        return ""
    return "write `==` to compare, `name=value` for an argument, one assignment a statement"


def _negation(slip: Slip) -> str:
    help = "write `(not x)` in parentheses, or `x not in y`"
    return help if slip.token.kind == "not" else ""


_GUESSES: tuple[Callable[[Slip], str], ...] = (
    _bars,
    _percent,
    _magnitude,
    _several,
    _numerals,
    _operator,
    _derivative,
    _elements,
    _call,
    _unit,
    _where,
    _negation,
    _product,
    _equals,
)
