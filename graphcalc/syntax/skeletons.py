"""Programs whose lines differ in their names and numbers alone: each form of a line parsed once.

A line without its names and numbers is a skeleton. Programs that machines write have few
skeletons: the automaton reads each one with names and numbers of its own in the holes, which gives
a template, and every other line of that skeleton is the template with other leaves. Its syntax is
made when somebody asks for it. Whatever is no template, such as a statement of several lines, is
parsed as it stands.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from graphcalc.diagnostics import GraphcalcError
from graphcalc.numbers import MAX_EXACT
from graphcalc.source import Source, Span
from graphcalc.syntax import parser
from graphcalc.syntax.actions import has_leading_zeros, has_point, is_long, number_of
from graphcalc.syntax.expr import Call, Expr, Name, Number, postorder
from graphcalc.syntax.lexer import MAX_NAME
from graphcalc.syntax.program import AnyStatement, Statement, SyntaxTree

# Below this many lines, and for skeletons that return less often, templates do not pay.
_FEW_LINES, _FEW_TIMES = 50, 3

# All that may stand between the tokens of a line; `strip` alone takes other characters too.
_BLANK = " \t"

_NAME_HOLE, _NUMBER_HOLE = "\x01", "\x02"
_WORDS = "|".join(word for word in parser.TABLES.literals if word[0].isalpha())
# A name that a dot or a bracket follows is part of the skeleton, as a function's.
_NAME_TEXT = rf"\b(?<!\.)(?!(?:{_WORDS})\b%s)({parser.TABLES.patterns['NAME']})\b(?![ \t]*[.(])"
_NAME = re.compile(_NAME_TEXT % "", re.ASCII)
# So is the keyword of an argument; most texts have none, and are split faster without that look.
_KEYWORD = r"[(,] ?\w+[ \t]*=(?!=)"
_IS_KEYWORD = r"|(?:(?<=[(,])|(?<=[(,] ))\w+[ \t]*=(?!=)"
_NUMBER = re.compile(
    rf"(?=[0-9.])(?<!\w)({parser.TABLES.patterns['NUMBER'].replace('(', '(?:')})", re.ASCII
)
_HOLE = re.compile(f"[{_NAME_HOLE}{_NUMBER_HOLE}]")
_ASIDE = r"\"[^\"\r\n]*\"|'[^'\r\n]*'|#[^\r\n]*"
_TEXT_OR_COMMENT = re.compile(_ASIDE)
_LINE_END = re.compile(rf"{_ASIDE}|(\r\n?|[\n;])")


class Template:
    """One form of a line: a statement with holes for `names` names and `numbers` numbers.

    `text` is the line with leaves of the template's own, and `statement` its syntax: None where
    the line holds no statement that a template stands for. `nodes` are the statement's, operands
    first, and `leaves` those among them that are holes for names; `bounds` are the offsets where
    the leaves of `text` begin and end.
    """

    __slots__ = (
        *("bounds", "holes", "is_named", "leaves", "names"),
        *("nodes", "numbers", "statement", "text"),
    )

    def __init__(self, skeleton: str) -> None:
        self.holes: list[str] = _HOLE.findall(skeleton)
        self.names = self.holes.count(_NAME_HOLE)
        self.numbers = len(self.holes) - self.names
        self.text = ""
        self.statement: Statement | None = None
        self.is_named = False
        self.nodes: list[Expr] = []
        self.leaves: list[Name] = []
        self.bounds: list[int] = []

    def without_statement(self) -> Template:
        """The same leaves in a line that is part of something else."""
        return Template("".join(self.holes))


class SkeletonLines:
    """The lines of one source: a template for each, and its leaves.

    `names` and `numbers` are all leaves in the order of the text. `others` are the statements
    that no template stands for, by the line in which they begin.
    """

    __slots__ = ("_last", "_places", "_starts", "names", "numbers", "others", "source", "templates")

    def __init__(
        self,
        source: Source,
        templates: list[Template],
        names: list[str],
        numbers: list[str],
        starts: list[int] | None,
    ) -> None:
        self.source = source
        self.templates = templates
        self.names = names
        self.numbers = numbers
        self.others: dict[int, tuple[AnyStatement, ...]] = {}
        self._starts = starts
        self._places: tuple[list[int], list[int]] | None = None
        # The line that was asked for last: others ask for all of a line's nodes in turn.
        self._last: tuple[int, Callable[[int], int]] | None = None

    def statements(self) -> Iterator[AnyStatement]:
        """All statements in order."""
        for line, template in enumerate(self.templates):
            if template.statement is not None:
                yield self.statement(line)
            elif line in self.others:
                yield from self.others[line]

    def each(self) -> Iterator[tuple[int, Template, str | None, list[str], list[str]]]:
        """For every line its number and template; of one with a statement the name that it
        assigns, the names that it reads, and its numbers."""
        names, numbers = self.names, self.numbers
        last = last_number = 0
        for line, template in enumerate(self.templates):
            first, last = last, last + template.names
            first_number, last_number = last_number, last_number + template.numbers
            digits = numbers[first_number:last_number]
            if template.is_named:
                yield line, template, names[first], names[first + 1 : last], digits
            else:
                yield line, template, None, names[first:last], digits

    def parsed(self) -> Iterator[AnyStatement]:
        """The statements that no template stands for."""
        return (statement for part in self.others.values() for statement in part)

    def has_templates(self) -> bool:
        """Whether a template stands for any statement."""
        return any([t.statement is not None for t in set(self.templates)])

    def targets(self) -> set[str]:
        """The names that templates assign."""
        places = zip(self._leaf_places()[0], self.templates)
        return {self.names[place] for place, template in places if template.is_named}

    def called(self) -> set[str]:
        """The names of functions that templates call."""
        nodes = [node for template in set(self.templates) for node in template.nodes]
        calls = [node.function for node in nodes if type(node) is Call]
        return {function.name for function in calls if type(function) is Name}

    def mentioned(self) -> set[str]:
        """The names that templates assign or read."""
        found: set[str] = set()
        for template in set(self.templates):
            if template.statement is not None:
                nodes = postorder(template.statement.value)
                leaves = set(map(id, template.leaves))
                found.update([n.name for n in nodes if type(n) is Name and id(n) not in leaves])
        if not self.others:
            return found.union(self.names)
        places = self._leaf_places()[0]
        for place, template in zip(places, self.templates):
            if template.statement is not None:
                found.update(self.names[place : place + template.names])
        return found

    def _leaf_places(self) -> tuple[list[int], list[int]]:
        """Where the names and the numbers of each line begin among all."""
        if self._places is None:
            self._places = (
                list(accumulate([t.names for t in self.templates], initial=0)),
                list(accumulate([t.numbers for t in self.templates], initial=0)),
            )
        return self._places

    def leaves(self, line: int) -> tuple[list[str], list[str]]:
        """The names and the numbers of a line."""
        names, numbers = self._leaf_places()
        return (
            self.names[names[line] : names[line + 1]],
            self.numbers[numbers[line] : numbers[line + 1]],
        )

    def statement(self, line: int) -> Statement:
        """The syntax of a line that has a template."""
        template = self.templates[line]
        names, numbers = self.leaves(line)
        move = self._mover(line)
        assert template.statement is not None
        copies: dict[int, Expr] = {}
        leaves = set(map(id, template.leaves))

        def copied(part: Any) -> Any:
            return tuple(map(copied, part)) if type(part) is tuple else copies.get(id(part), part)

        next_name, next_number = iter(names), iter(numbers)
        name = next(next_name) if template.is_named else None
        for node in template.nodes:
            copy = copies[id(node)] = node.rebuilt(copied, move(node.start), move(node.end))
            if type(copy) is Number:
                text = next(next_number)
                copy.value, copy.has_point = number_of(text), has_point(text)
            elif type(copy) is Name and id(node) in leaves:
                copy.name = next(next_name)
        _, _, value, span = template.statement
        at = Span(move(span.start), move(span.end))
        return Statement(self.source, name, copies[id(value)], at)

    def span(self, line: int, span: Span) -> Span:
        """Where in the source stands what has a place in the text of a line's template."""
        if self._last is None or self._last[0] != line:
            self._last = line, self._mover(line)
        move = self._last[1]
        return Span(move(span.start), move(span.end))

    def _mover(self, line: int) -> Callable[[int], int]:
        """Takes an offset in the text of a line's template to that in the source."""
        if self._starts is None:
            self._starts = line_starts(self.source.text)
        template = self.templates[line]
        names, numbers = map(iter, self.leaves(line))
        old, new, shift = template.bounds, [self._starts[line]], self._starts[line]
        for place, hole in enumerate(template.holes):
            start, end = old[2 * place + 1], old[2 * place + 2]
            length = len(next(names if hole == _NAME_HOLE else numbers))
            new += [start + shift, start + shift + length]
            shift += length - (end - start)

        def move(offset: int) -> int:
            place = bisect_right(old, offset) - 1
            return new[place] + offset - old[place]

        return move


def parse_program(source: Source) -> SyntaxTree:
    """The program that a source holds. Raises ParseError with the span of what is wrong."""
    lines = read_lines(source)
    return parser.parse_program(source) if lines is None else SyntaxTree((lines,))


def read_lines(
    source: Source, few: int = _FEW_LINES, often: int = _FEW_TIMES
) -> SkeletonLines | None:
    """The lines of a source where templates stand for most; else None.

    None too where anything is wrong: the ordinary way says what.
    """
    text = source.text
    if text.count("\n") + text.count("\r") + text.count(";") < few or len(text) > parser.MAX_TEXT:
        return None
    split = None if parser.LEXER.may_have_blocks(text) else _split(text)
    if split is None:
        return None
    skeletons, names, numbers = split
    counts = Counter(skeletons)
    if 2 * sum([n for s, n in counts.items() if n >= often]) < len(skeletons):
        return None
    found = {s: _template(s, n >= often) for s, n in counts.items()}
    lines = SkeletonLines(source, [found[s] for s in skeletons], names, numbers, None)
    is_whole = [t.statement is not None or not s.strip(_BLANK) for s, t in found.items()]
    if not all(is_whole):
        starts = line_starts(text)
        lines = SkeletonLines(source, lines.templates, names, numbers, starts)
        try:
            _parse_others(lines, skeletons, starts)
        except GraphcalcError:
            return None
    return lines


class _Split(NamedTuple):
    """A text as the skeletons of its lines and the leaves that fill their holes."""

    skeletons: list[str]
    names: list[str]
    numbers: list[str]


def _split(text: str) -> _Split | None:
    """A text taken apart; None where a leaf is what no program may hold, or a line goes on."""
    if text[:1] == "\ufeff":
        text = " " + text[1:]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "#" in text or '"' in text or "'" in text:
        text = _TEXT_OR_COMMENT.sub(lambda found: "" if found[0][0] == "#" else '""', text)
    if not text.isascii() or any(c in text for c in ("\\", _NAME_HOLE, _NUMBER_HOLE)):
        return None
    # With a group in the pattern, `split` gives what is between the leaves and the leaves in turns.
    name = _NAME
    if re.search(_KEYWORD, text, re.ASCII):
        name = re.compile(_NAME_TEXT % _IS_KEYWORD, re.ASCII)
    pieces = name.split(text)
    names = pieces[1::2]
    pieces = _NUMBER.split(_NAME_HOLE.join(pieces[::2]))
    numbers = pieces[1::2]
    text = _NUMBER_HOLE.join(pieces[::2])
    if max(map(len, names), default=0) > MAX_NAME:
        return None
    values = {text: number_of(text) for text in set(numbers)}
    # Numbers that are too large, that have zeros before them, or that a float64 may round.
    is_large = values and max(values.values()) >= MAX_EXACT
    if any(map(has_leading_zeros, values)) or (
        is_large
        and any(x == float("inf") or is_long(t) or type(x) is int for t, x in values.items())
    ):
        return None
    return _Split(text.replace(";", "\n").split("\n"), names, numbers)


def line_starts(text: str) -> list[int]:
    """Where the lines begin that newlines and `;` make, those in texts and comments aside."""
    return [0, *[found.end() for found in _LINE_END.finditer(text) if found[1]]]


def _template(skeleton: str, is_frequent: bool) -> Template:
    """The template of a skeleton; without a statement where it is not one of its leaves alone."""
    template = Template(skeleton)
    # What stands in quotes is not in the skeleton, and a mark of byte order only begins a text.
    if not is_frequent or not skeleton.strip(_BLANK) or any(c in skeleton for c in "\"'\ufeff"):
        return template
    # Names that begin with a hole stand for themselves; to the automaton they are `x0`, `x1`, ….
    prefix = "x"
    while prefix in skeleton:
        prefix += "x"
    text, bounds, leaves = "", [0], []
    counts = {_NAME_HOLE: 0, _NUMBER_HOLE: 0}
    for fixed, hole in zip(_HOLE.split(skeleton), [*template.holes, ""]):
        text += fixed
        if hole:
            place = counts[hole]
            counts[hole] += 1
            leaf = f"{prefix}{place}" if hole == _NAME_HOLE else f"{place + 1}.5"
            bounds += [len(text), len(text) + len(leaf)]
            leaves.append(leaf)
            text += leaf
    try:
        statements = parser.parse_program(Source(text)).statements
    except GraphcalcError:
        return template
    if len(statements) == 1 and type(statements[0]) is Statement:
        template.text, template.bounds = text, bounds
        _fill(template, statements[0], prefix)
    return template


def _fill(template: Template, statement: Statement, prefix: str) -> None:
    """Take a statement into a template, if every leaf of the line is a leaf of the statement."""
    nodes: list[Expr] = []
    for node in postorder(statement.value):
        if type(node) is Call and type(node.function) is Name:
            nodes.append(node.function)
        nodes.append(node)
    leaves = [n for n in nodes if type(n) is Name and n.name.startswith(prefix)]
    numbers = [n.value for n in nodes if type(n) is Number]
    is_named = statement.name is not None
    expected = [f"{prefix}{place}" for place in range(int(is_named), template.names)]
    if [n.name for n in leaves] != expected:
        return
    if numbers != [place + 1.5 for place in range(template.numbers)]:
        return
    if is_named and statement.name != f"{prefix}0":
        return
    if any(type(n) is Name and n.name == "col" for n in nodes):
        return  # `col(2)` is a name, and `col(1.5)` is not.
    template.statement, template.nodes, template.is_named = statement, nodes, is_named
    template.leaves = leaves


def _parse_others(lines: SkeletonLines, skeletons: list[str], starts: list[int]) -> None:
    """Parse what no template stands for: lines as they are, with those that they go on in."""
    templates, count = lines.templates, len(skeletons)
    line = 0
    while line < count:
        if templates[line].statement is not None or not skeletons[line].strip(_BLANK):
            line += 1
            continue
        first, depth = line, 0
        while line < count and (depth > 0 or templates[line].statement is None):
            skeleton = skeletons[line]
            depth += sum(map(skeleton.count, "([")) - sum(map(skeleton.count, ")]"))
            templates[line] = templates[line].without_statement()
            line += 1
        end = starts[line] if line < count else len(lines.source.text)
        part = parser.parse_part(lines.source, starts[first], end)
        lines.others[first] = part.statements
