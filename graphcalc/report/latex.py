"""Expressions as LaTeX that KaTeX draws too: from the text of a node, of a name or of a remark.

A text is read once, with a stack of its open brackets: calls, indices, matrices and parentheses
are pieces that are whole before anything is attached to them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from graphcalc.ops.table import OPS

_TOKENS = re.compile(
    r"(?P<derivative>\bd(?P<over>[^\W\d][\w']*)/d(?P<under>[^\W\d][\w']*))"
    r"|(?P<column>col\((?:\"[^\"]*\"|'[^']*'|\d+)\)(?:'\d+)?)|(?P<text>\"[^\"]*\")"
    r"|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)…?(?:e[+-]?\d+)?)"
    r"|(?P<call>[^\W\d][\w']*\()|(?P<method>\.[^\W\d]\w*\()|(?P<name>[^\W\d][\w']*)"
    r"|(?P<attribute>\.[^\W\d]\w*)|(?P<symbol>[<>=!]=|//)|(?P<other>\s+|.)"
)
_SYMBOLS = {
    "·": r"\cdot",
    "…": r"\ldots",
    "→": r"\to",
    "==": "=",
    "//": r"\mathbin{//}",
    **{c: rf"\{c}" for c in "{}#&_%$"},
    "|": r"\mathbin{|}",
    "\\": r"\backslash",
    "~": r"\lnot",
    '"': r'\text{"}',
}
_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
_WORDS = {"inf": r"\infty", "tau": r"\tau", "pi": r"\pi"}
_IN_TEXT = {
    **{c: rf"\{c}" for c in "_%&#{}$"},
    "^": r"\^{}",
    "~": r"\~{}",
    "\\": "/",
    "`": "'",
    **{c: f"${_SYMBOLS[c]}$" for c in "·→…"},
}


class _Matrix(str):
    """A tensor of one dimension in LaTeX, with its elements."""

    __slots__ = ("cells",)
    cells: list[str]


class _Bracket:
    """An open bracket: the function before it, and the pieces of its arguments so far."""

    def __init__(self, opener: str, before: str = "") -> None:
        self.opener, self.before = opener, before
        self.arguments: list[list[str]] = [[]]

    @property
    def pieces(self) -> list[str]:
        """The pieces of the argument that is being read."""
        return self.arguments[-1]

    def texts(self) -> list[str]:
        """The arguments, without blanks around them."""
        return [_joined(pieces).strip() for pieces in self.arguments]

    def whole(self) -> str:
        """The bracket and what it holds as one piece."""
        if self.opener == "[":
            return self._tensor()
        arguments = self.texts()
        if self.opener == "(":
            return f"({', '.join(arguments)})"
        if self.opener == "where" and len(arguments) == 3:
            condition, value, other = arguments
            return (
                rf"\begin{{cases}} {value} & \text{{if }} {condition} \\ "
                rf"{other} & \text{{otherwise}} \end{{cases}}"
            )
        return _call(self.opener, arguments)

    def _tensor(self) -> str:
        """A tensor: a matrix of its rows, or a row of its parts."""
        parts = [next((p for p in a if p.strip()), "") for a in self.arguments]
        rows = [part.cells for part in parts if isinstance(part, _Matrix)]
        cells = self.texts()
        if rows and len(rows) == len(parts):
            body = r" \\ ".join(" & ".join(row) for row in rows)
            return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"
        made = _Matrix(rf"\begin{{pmatrix}} {' & '.join(cells)} \end{{pmatrix}}")
        made.cells = cells
        return made


class _Writer:
    """The pieces of one expression."""

    def __init__(self) -> None:
        self._open = [_Bracket("")]
        # The signs that stand in front of an exponent; None where no exponent begins.
        self._raised: list[str | None] = [None]

    def write(self, match: re.Match[str]) -> None:
        """Add a token."""
        token = match[0]
        if token == "^":
            self._raised[-1] = ""
        elif token == "-" and self._raised[-1] is not None:
            self._raised[-1] = "-"
        elif match["call"] or token == "(":
            self._begin(_Bracket(token[:-1] or "("))
        elif match["method"]:
            self._begin(_Bracket(token[1:-1], self._operand()))
        elif token == "[":
            before = self._operand() if self._is_operand() else ""
            self._begin(_Bracket("[" if not before else "index", before))
        elif token in (")", "]") and len(self._open) > 1:
            self._end()
        elif token == "," and len(self._open) > 1:
            self._open[-1].arguments.append([])
        elif match["attribute"]:
            self._attribute(token)
        else:
            self._add(_token(match), is_operand=bool(match.lastgroup not in ("symbol", "other")))

    def text(self) -> str:
        """The whole expression; brackets that nothing closes stand as they are."""
        while len(self._open) > 1:
            self._end()
        return _joined(self._open[0].pieces)

    def _begin(self, bracket: _Bracket) -> None:
        self._open.append(bracket)
        self._raised.append(None)

    def _end(self) -> None:
        bracket = self._open.pop()
        self._raised.pop()
        inner = ",".join(bracket.texts())
        if bracket.opener == "index":
            self._add(rf"{_wrapped(bracket.before, '_')}_{{{inner}}}", is_operand=True)
        elif bracket.before:
            call = _call(bracket.opener, [bracket.before, *filter(None, bracket.texts())])
            self._add(call, is_operand=True)
        elif bracket.opener == "(" and self._raised[-1] == "":
            self._add(inner, is_operand=True)
        else:
            self._add(bracket.whole(), is_operand=True)

    def _add(self, piece: str, *, is_operand: bool) -> None:
        """Add a piece, as an exponent where one begins."""
        pieces, sign = self._open[-1].pieces, self._raised[-1]
        if sign is None or not is_operand:
            pieces.append(piece)
            return
        self._raised[-1] = None
        base = pieces.pop() if pieces else ""
        pieces.append(rf"{_wrapped(base, '^')}^{{{sign}{piece}}}")

    def _is_operand(self) -> bool:
        """Whether the last piece is one that an index can follow."""
        pieces = self._open[-1].pieces
        last = pieces[-1] if pieces else ""
        return self._raised[-1] is None and bool(re.search(r"[\w)}|]$|\\r\w+$", last))

    def _operand(self) -> str:
        pieces = self._open[-1].pieces
        return pieces.pop() if pieces else ""

    def _attribute(self, token: str) -> None:
        base, latex = self._operand(), _latex_of_ops().get(token)
        if latex is not None and latex.startswith("^"):
            self._open[-1].pieces.append(_wrapped(base, "^") + latex)
        else:
            self._open[-1].pieces.append(rf"{base}.{_name(token[1:])}")


def _joined(pieces: list[str]) -> str:
    """Pieces in a row, with a blank where a command would run into a letter."""
    joined = ""
    for piece in pieces:
        gap = " " if piece[:1].isalpha() and re.search(r"\\[A-Za-z]+$", joined) else ""
        joined += gap + piece
    return joined


def math(text: str) -> str:
    """Return an expression, or `dy/dx through a, operand 1`, in LaTeX's mathematics."""
    head, through, user = text.partition(" through ")
    if through:
        name, comma, place = user.partition(", ")
        where = rf",\,\text{{{place}}}" if comma else ""
        return rf"{math(head)}\Big|_{{{_name(name)}{where}}}"
    writer = _Writer()
    for match in _TOKENS.finditer(text):
        writer.write(match)
    return writer.text()


def prose(text: str) -> str:
    """Return a remark for `\\text{…}`."""
    return "".join(_IN_TEXT.get(c, c) for c in text)


@cache
def _latex_of_ops() -> dict[str, str]:
    """The LaTeX of rows by what stands for them in a text: a symbol, a method or a name."""
    rows = [op for op in OPS.values() if op.latex]
    return {(op.symbol or op.text.removeprefix("{0}") or op.name): op.latex for op in rows}


def _call(name: str, arguments: list[str]) -> str:
    """A function of arguments: `\\sqrt{x}`, `\\sin(x)`, `\\operatorname{softmax}(x, 0)`."""
    latex = _latex_of_ops().get(name) or rf"\operatorname{{{prose(name)}}}"
    start, mark, end = latex.partition("…")
    inner = ", ".join(arguments)
    return f"{start}{inner}{end}" if mark else f"{latex}({inner})"


def _wrapped(base: str, mark: str) -> str:
    """A piece to which a superscript or subscript can be attached."""
    is_scientific = r"\cdot 10^" in base and not base.startswith("{")
    if is_scientific:
        return f"({base})"
    # LaTeX refuses a second superscript, and a second subscript.
    has_one = mark in re.sub(r"\\[_^]", "", base) or base.startswith(r"\begin")
    return f"{{{base}}}" if has_one else base


def _token(match: re.Match[str]) -> str:
    """A number, name, derivative, text or symbol in LaTeX."""
    token = match[0]
    if match["derivative"]:
        over, under = _name(match["over"]), _name(match["under"])
        return rf"\frac{{\partial {over}}}{{\partial {under}}}"
    if match["number"]:
        return _number(token)
    if match["column"]:
        return rf"\text{{{prose(token)}}}"
    if match["text"]:
        return rf"\text{{{prose(token)}}}"
    if match["name"]:
        is_operator = token in ("and", "or", "not")
        return _latex_of_ops()[token] if is_operator else _name(token)
    return _latex_of_ops().get(token) or _SYMBOLS.get(token, token)


def _number(text: str) -> str:
    mantissa, mark, exponent = text.replace("…", r"\ldots").partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if mark else mantissa


def _name(name: str) -> str:
    """A name upright, or slanted if it is one letter; `w_0` and `w0` with a subscript.

    An earlier value of a name that is assigned again, `x'1`, has its number in parentheses.
    """
    if name in _WORDS:
        return _WORDS[name]
    name, mark, version = name.partition("'")
    parts = name.split("_")
    base, *indices = parts if all(parts) else [name]
    digits = re.fullmatch(r"([^\W\d]+)(\d+)", base)
    if digits:
        base, indices = digits[1], [digits[2], *indices]
    below = [_word(i) for i in indices if i] + ([f"({version})"] if mark else [])
    return _word(base) + (f"_{{{','.join(below)}}}" if below else "")


def _word(word: str) -> str:
    if word in _GREEK:
        return f"\\{word}"
    greek = _greek_letter(word) if len(word) == 1 and not word.isascii() else ""
    if greek:
        return f"\\{greek}"
    if len(word) == 1 or word.isdigit():
        return word if word.isascii() and word.isalnum() else rf"\text{{{prose(word)}}}"
    upright = rf"\mathrm{{{word}}}" if word.isascii() and word.isalnum() else ""
    return upright or rf"\text{{{prose(word)}}}"


def _greek_letter(character: str) -> str:
    """The command of a Greek letter; an empty text for another character, or one without."""
    words = unicodedata.name(character, "").split()
    if words[:1] != ["GREEK"] or "LETTER" not in words or len(words) != 4:
        return ""
    name = words[-1].lower().replace("lamda", "lambda")
    name = name.title() if "CAPITAL" in words else name
    return name if name in _GREEK else ""
