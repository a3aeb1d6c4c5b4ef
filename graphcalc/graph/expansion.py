"""What the lines of one form add to a graph: found by one walk, then done without any.

A line's template and the types of what it reads decide which operations it adds. The first such
line is walked in a graph of its own, where every leaf is an input; the nodes that come of it are
steps, in terms of slots. Another line fills the slots with its own leaves, and its steps find the
nodes that are there already or add them. Lines that are in any way special, as one that calls
`rand` or has to know a number before the program runs, are walked as all others are.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

from graphcalc.diagnostics import Label
from graphcalc.graph.ir import Node
from graphcalc.graph.learning import Constant, Expansion, Step, learn
from graphcalc.graph.walk import Walker
from graphcalc.ops.spec import Op, Type
from graphcalc.ops.table import CONSTANTS, OPS
from graphcalc.source import Source, Span
from graphcalc.syntax.expr import AnyStatement
from graphcalc.syntax.parser import number_of
from graphcalc.syntax.templates import Lines, Template

# No line that is added quickly has more nodes than this.
_ROOM = 100


class Place:
    """Where the nodes of a step stand: a piece of a template's text, found again in a line."""

    __slots__ = ("_lines", "_span", "source")

    def __init__(self, lines: Lines, span: Span) -> None:
        self._lines, self._span, self.source = lines, span, lines.source

    def span(self, line: int) -> Span:
        """The characters of a line."""
        return self._lines.span(line, self._span)


class _Step(NamedTuple):
    """A step made ready for the lines of a source.

    `shared` has the nodes of its op by their operands, and `pick` takes these out of the slots.
    `span` is None where it stands in the line.
    """

    op: Op
    params: tuple[Any, ...]
    shared: dict[tuple[int, ...], int]
    type: Type
    kind: int
    pick: Callable[[list[int]], tuple[int, ...]]
    source: Source | Place
    span: Span | None


class Expander:
    """Adds the nodes of lines that have a template to a walker's graph.

    `walked` does a statement the ordinary way; it has to for those that assign a name in
    `special`. `give` names what a line comes to: (position, name, and where it stands). The set
    `read` gets those of the `tracked` names that lines read.
    """

    def __init__(
        self,
        walker: Walker,
        give: Callable[[int, str | None, Any, Any], Any],
        walked: Callable[[AnyStatement], None],
        tracked: frozenset[str],
        read: set[str],
    ) -> None:
        self._walker, self._builder = walker, walker.builder
        self._give, self._walked = give, walked
        self.special: set[str] = set(CONSTANTS)
        self._tracked, self._read = tracked, read
        # For every node a number that stands for its type, and positions of constants by text.
        self._kinds: list[int] = []
        self._kind_of: dict[Any, int] = {}
        self._constants: dict[Any, int] = {}
        self._found: dict[Any, Expansion | None] = {}
        self._quick: dict[Any, tuple[list[_Step], int]] = {}

    def forget(self, position: int | None = None) -> None:
        """A node has another type now; without one, a function has another meaning."""
        if position is None:
            self._found.clear()
            self._quick.clear()
        else:
            del self._kinds[position:]

    def expand(self, lines: Lines) -> None:
        """Add the nodes of all lines of a source."""
        builder, names = self._builder, self._walker.names
        nodes, kinds, quick = builder.nodes, self._kinds, self._quick
        append, add_kind, const = nodes.append, kinds.append, OPS["const"]
        special, most = self.special, builder.limits.nodes - _ROOM
        leaves, numbers = lines.names, lines.numbers
        find, kind_at = names.__getitem__, kinds.__getitem__
        constant_at = self._constants.__getitem__
        last = last_number = 0
        waiting = self._waiting()
        for line, template in enumerate(lines.templates):
            first, last = last, last + template.names
            first_number, last_number = last_number, last_number + template.numbers
            if template.statement is None:
                if line in lines.others:
                    for statement in lines.others[line]:
                        self._walked(statement)
                    waiting = self._waiting()
                continue
            name = None
            if template.is_named:
                name = leaves[first]
                first += 1
            words, digits = leaves[first:last], numbers[first_number:last_number]
            size = len(nodes)
            try:
                slots = list(map(find, words))
                key = (template, *map(kind_at, slots))
                steps, result = quick[key]
                slots += map(constant_at, digits)
                if name in special or size > most or waiting:
                    raise KeyError
            except KeyError:
                self._carefully(lines, line, name, words, digits)
                waiting = self._waiting()
                continue
            for op, params, shared, type_, kind, pick, source, span in steps:
                operands = pick(slots)
                position = shared.setdefault(operands, size)
                if position == size:
                    append(
                        Node(op, operands, params, type_, source, line if span is None else span)
                    )
                    add_kind(kind)
                    size += 1
                slots.append(position)
            position = slots[result]
            node = nodes[position]
            if name is None or name in names or node.name is not None or node.op is const:
                self._name(position, name, lines, line)
            else:
                node.name = name
                names[name] = position

    def _name(self, position: int, name: str | None, lines: Lines, line: int) -> None:
        """Name what a line comes to, where that takes more than to write it down."""
        statement = lines.templates[line].statement
        assert statement is not None
        self._give(position, name, Place(lines, statement.value.span), line)
        self._note_types()

    def _carefully(
        self, lines: Lines, line: int, name: str | None, words: list[str], digits: list[str]
    ) -> None:
        """Add the nodes of one line, with constants that are new or the ordinary way."""
        template, names = lines.templates[line], self._walker.names
        expansion = None
        if all([word in names for word in words]) and name not in self.special:
            slots = [names[word] for word in words]
            kinds = tuple([self._kinds[slot] for slot in slots])
            expansion = self._expansion(lines, template, kinds)
        if expansion is None or not self._has_room(expansion, slots, digits):
            self._walked(lines.statement(line))
            return
        self._read.update(self._tracked.intersection(words))
        self._name(self._add(expansion, slots, digits, lines, line), name, lines, line)

    def _has_room(self, expansion: Expansion, slots: list[int], digits: list[str]) -> bool:
        """Whether a line stays below the limits; what its calls unfold to is counted."""
        limit, calls = self._builder.limits.nodes, self._walker.calls
        if len(self._builder.nodes) + len(expansion.events) + 2 > limit:
            return False
        if not expansion.inlined:
            return True
        # The same call twice unfolds once: that is for the walk to see.
        is_twice = len({*slots, *digits}) < len(slots) + len(digits)
        if is_twice or calls.inlined + expansion.inlined > limit // 10:
            return False
        calls.inlined += expansion.inlined
        return True

    def _add(
        self, expansion: Expansion, slots: list[int], digits: list[str], lines: Lines, line: int
    ) -> int:
        """The node of a line's value; its constants and steps are added in order."""
        values = slots + [0] * len(expansion.events)
        builder = self._builder
        for event in expansion.events:
            where = event.where
            source, span = _place(lines, line, where)
            if isinstance(event, Constant):
                values[event.slot] = self._constant(event, digits, source, span)
            else:
                operands = tuple([values[i] for i in event.operands])
                values[event.slot] = builder.add(event.op, operands, event.params, source, span)
        return values[expansion.result]

    def _constant(self, event: Constant, digits: list[str], source: Any, span: Any) -> int:
        """The node of a number that a line needs."""
        if event.leaf < 0:
            return self._builder.constant(event.value, source, span, type_=event.type)
        text = digits[event.leaf]
        if event.is_negated:
            return self._builder.constant(-number_of(text), source, span)
        found = self._constants.get(text)
        if found is None:
            found = self._constants[text] = self._builder.constant(number_of(text), source, span)
        return found

    # What is known of templates

    def _expansion(
        self, lines: Lines, template: Template, kinds: tuple[int, ...]
    ) -> Expansion | None:
        """What a line of a template comes to, found the first time; None for a special one."""
        key = (template, *kinds)
        if key not in self._found:
            known = list(self._kind_of)
            found = self._found[key] = learn(self._walker, template, [known[k] for k in kinds])
            if found is not None and found.is_simple and len(found.events) < _ROOM:
                steps = [self._ready(step, lines) for step in found.events if type(step) is Step]
                self._quick[key] = steps, found.result
        return self._found[key]

    def _ready(self, step: Step, lines: Lines) -> _Step:
        shared = self._builder.shared.setdefault((step.op.name, step.params), {})
        kind = self._kind_of.setdefault((step.type, False), len(self._kind_of))
        source, span = _place(lines, None, step.where)
        pick = _picker(step.operands)
        return _Step(step.op, step.params, shared, step.type, kind, pick, source, span)

    def _note_types(self) -> None:
        """Note the types of the nodes that came some other way."""
        kinds = self._kinds
        for node in self._builder.nodes[len(kinds) :]:
            # The minus of `-pi` is part of a number.
            is_word = node.op is OPS["const"] and node.written in CONSTANTS
            kinds.append(self._kind_of.setdefault((node.type, is_word), len(self._kind_of)))

    def _waiting(self) -> bool:
        """Take note of what was not added here: nodes, and whether to look out for names."""
        self._note_types()
        return not self._tracked <= self._read


def _place(lines: Lines, line: Any, where: Span | Label) -> tuple[Source | Place, Any]:
    """Where a node stands that a line adds."""
    return (Place(lines, where), line) if isinstance(where, Span) else (where.source, where.span)


def _picker(operands: tuple[int, ...]) -> Callable[[list[int]], tuple[int, ...]]:
    """Takes operands out of the slots."""
    if len(operands) > 1:
        return itemgetter(*operands)
    (only,) = operands
    return lambda slots: (slots[only],)
