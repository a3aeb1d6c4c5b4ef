"""What the lines of one form add to a graph: found by one walk, then done without any.

A line's template and the types of what it reads decide which operations it adds. The first such
line is walked in a graph of its own, where every leaf is an input; the nodes that come of it are
steps, in terms of slots. Another line fills the slots with its own leaves, and its steps find the
nodes that are there already or add them. Lines that are in any way special, as one that calls
`rand` or has to know a number before the program runs, are walked as all others are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

from graphcalc.diagnostics import Label
from graphcalc.graph.ir import Node, constant_key
from graphcalc.graph.learning import Expansion, ExpansionStep, trace_fragment
from graphcalc.graph.walk import Walker
from graphcalc.ops.spec import Op, Type
from graphcalc.ops.table import CONSTANTS, OPS, PREFIXES
from graphcalc.source import Source, Span
from graphcalc.syntax.expr import AnyStatement
from graphcalc.syntax.parser import number_of
from graphcalc.syntax.skeletons import SkeletonLines, Template

# No line that is added quickly has more nodes than this.
_ROOM = 100
# What a template comes to is learnt for so many types and numbers; further lines are walked.
_TRIES = 100


class LinePlace:
    """Where the nodes of a step stand: a piece of a template's text, found again in a line."""

    __slots__ = ("_lines", "_span", "source")

    def __init__(self, lines: SkeletonLines, span: Span) -> None:
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
    source: Source | LinePlace
    span: Span | None


class _Ready(NamedTuple):
    """An expansion made ready for the lines of a source: its steps, and in order with constants."""

    steps: list[_Step]
    result: int
    events: list[tuple[int, _Step | None, Any]]
    inlined: int
    is_simple: bool


class Expander:
    """Adds the nodes of lines that have a template to a walker's graph.

    `walked` does a statement the ordinary way; it has to for those that assign a name in
    `special`, and for those in `tracked` until a line has read them, which `read` is told, or they
    were assigned. `give` names what a line comes to: (position, name, and where it stands).
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
        self.special: set[str] = {*CONSTANTS, *PREFIXES}
        self._tracked, self._read = tracked, read
        # For every node a number that stands for its type, and positions of constants by text.
        self._kinds: list[int] = []
        self._kind_of: dict[tuple[Type, bool], int] = {}
        self._known: list[tuple[Type, bool]] = []
        self._constants: dict[Any, int] = {}
        self._ready: dict[Any, _Ready | None] = {}
        self._tries: Counter[Template] = Counter()
        self._quick: dict[Any, tuple[list[_Step], int]] = {}

    def forget(self, position: int | None = None) -> None:
        """A node has another type now; without one, a function or a prefix means something else."""
        if position is None:
            self._ready.clear()
            self._quick.clear()
        else:
            del self._kinds[position:]

    def expand(self, lines: SkeletonLines) -> None:
        """Add the nodes of all lines of a source."""
        builder, names = self._builder, self._walker.names
        nodes, kinds, quick = builder.nodes, self._kinds, self._quick
        append, add_kind, const = nodes.append, kinds.append, OPS["const"]
        special, most = self.special, builder.limits.nodes - _ROOM
        find, kind_at = names.__getitem__, kinds.__getitem__
        constant_at = self._constants.__getitem__
        waiting = self._look()
        for line, template, name, words, digits in lines.each():
            if template.statement is None:
                if line in lines.others:
                    for statement in lines.others[line]:
                        self._walked(statement)
                    waiting = self._look()
                continue
            size = len(nodes)
            try:
                if waiting or name in special or size > most:
                    raise KeyError(name)
                slots = list(map(find, words))
                key = (template, *map(kind_at, slots))
                steps, result = quick[key]
                slots += map(constant_at, digits)
            except KeyError:
                found = self._otherwise(lines, line, name, words, digits)
                if found is None:
                    waiting = self._look()
                    continue
                position = found
            else:
                for op, params, shared, type_, kind, pick, source, span in steps:
                    operands = pick(slots)
                    position = shared.setdefault(operands, size)
                    if position == size:
                        place = line if span is None else span
                        append(Node(op, operands, params, type_, source, place))
                        add_kind(kind)
                        size += 1
                    slots.append(position)
                position = slots[result]
            node = nodes[position]
            if name is None or name in names or node.name is not None or node.op is const:
                self._give(position, name, LinePlace(lines, template.statement.value.span), line)
                self._note_types()
            else:
                node.name = name
                names[name] = position

    def _otherwise(
        self, lines: SkeletonLines, line: int, name: str | None, words: list[str], digits: list[str]
    ) -> int | None:
        """The node of a line's value, where that takes more; None if the line was walked."""
        template, names = lines.templates[line], self._walker.names
        ready = None
        is_special = name in self.special or name in self._tracked.difference(self._read)
        if not is_special and all([word in names for word in words]):
            slots = [names[word] for word in words]
            ready = self._found(lines, template, [self._kinds[slot] for slot in slots], digits)
        if ready is None or not self._has_room(ready, slots, digits):
            self._walked(lines.statement(line))
            return None
        self._read.update(self._tracked.intersection(words))
        return self._in_order(ready, slots, digits, line)

    def _has_room(self, ready: _Ready, slots: list[int], digits: list[str]) -> bool:
        """Whether a line stays below the limits; what its calls unfold to is counted."""
        limit, calls = self._builder.limits.nodes, self._walker.calls
        if len(self._builder.nodes) + len(ready.events) + 2 > limit:
            return False
        if not ready.inlined:
            return True
        # The same call twice unfolds once: that is for the walk to see.
        is_twice = len({*slots, *map(number_of, digits)}) < len(slots) + len(digits)
        if is_twice or calls.inlined + ready.inlined > limit // 10:
            return False
        calls.inlined += ready.inlined
        return True

    def _in_order(self, ready: _Ready, slots: list[int], digits: list[str], line: int) -> int:
        """The node of a line's value; new constants come where a walk would add them."""
        nodes, kinds = self._builder.nodes, self._kinds
        slots += [0] * len(ready.events)
        for slot, step, constant in ready.events:
            if step is None:
                slots[slot] = self._constant(constant, digits, line)
                continue
            op, params, shared, type_, kind, pick, source, span = step
            operands, size = pick(slots), len(nodes)
            position = slots[slot] = shared.setdefault(operands, size)
            if position == size:
                nodes.append(
                    Node(op, operands, params, type_, source, line if span is None else span)
                )
                kinds.append(kind)
        return slots[ready.result]

    def _constant(self, constant: Any, digits: list[str], line: int) -> int:
        """The node of a number that a line needs."""
        key, leaf, is_negated, value, type_, source, span = constant
        if leaf >= 0:
            key = "-" + digits[leaf] if is_negated else digits[leaf]
        found = self._constants.get(key)
        if found is None:
            if leaf >= 0:
                value = -number_of(digits[leaf]) if is_negated else number_of(digits[leaf])
            place = line if span is None else span
            found = self._builder.constant(value, source, place, type_=type_)
            self._constants[key] = found
            self._note_types()
        return found

    # What is known of templates

    def _found(
        self, lines: SkeletonLines, template: Template, kinds: list[int], digits: list[str]
    ) -> _Ready | None:
        """What a line of a template comes to, learnt the first time; None for a special one.

        It may be special for its numbers alone: then these are part of what is learnt.
        """
        key = (template, *kinds)
        if key not in self._ready:
            ready = self._learn(key, lines, kinds, None)
            if ready is not None and ready.is_simple and len(ready.events) < _ROOM:
                self._quick[key] = ready.steps, ready.result
        if digits and self._ready.get(key) is None:
            key = (*key, *digits)
            if key not in self._ready:
                self._learn(key, lines, kinds, digits)
        return self._ready.get(key)

    def _learn(
        self, key: tuple[Any, ...], lines: SkeletonLines, kinds: list[int], digits: list[str] | None
    ) -> _Ready | None:
        template = key[0]
        if self._tries[template] >= _TRIES:
            return None
        self._tries[template] += 1
        found = trace_fragment(
            self._walker, template, [self._known[kind] for kind in kinds], digits
        )
        ready = self._ready[key] = None if found is None else self._made_ready(found, lines)
        return ready

    def _made_ready(self, found: Expansion, lines: SkeletonLines) -> _Ready:
        events: list[Any] = []
        for event in found.events:
            source, span = _place(lines, event.where)
            if isinstance(event, ExpansionStep):
                shared = self._builder.shared.setdefault((event.op.name, event.params), {})
                kind = self._kind(event.type, False)
                pick, (_, op, _, params, type_, _) = _picker(event.operands), event
                step = _Step(op, params, shared, type_, kind, pick, source, span)
                events.append((event.slot, step, None))
            else:
                key = constant_key(event.value, event.type)
                rest = (event.leaf, event.is_negated, event.value, event.type, source, span)
                events.append((event.slot, None, (key, *rest)))
        steps = [step for _, step, _ in events if step is not None]
        return _Ready(steps, found.result, events, found.inlined, found.is_simple)

    def _note_types(self) -> None:
        """Note the types of the nodes that came some other way."""
        kinds = self._kinds
        for node in self._builder.nodes[len(kinds) :]:
            # The minus of `-pi` is part of a number.
            is_word = node.op is OPS["const"] and node.written in CONSTANTS
            kinds.append(self._kind(node.type, is_word))

    def _kind(self, type_: Type, is_word: bool) -> int:
        kind = self._kind_of.setdefault((type_, is_word), len(self._known))
        if kind == len(self._known):
            self._known.append((type_, is_word))
        return kind

    def _look(self) -> bool:
        """Take note of what was not added here: nodes, and whether to look out for names."""
        self._note_types()
        return not self._tracked <= self._read


def _place(lines: SkeletonLines, where: Span | Label) -> tuple[Source | LinePlace, Span | None]:
    """Where a node stands that a line adds."""
    return (
        (LinePlace(lines, where), None) if isinstance(where, Span) else (where.source, where.span)
    )


def _picker(operands: tuple[int, ...]) -> Callable[[list[int]], tuple[int, ...]]:
    """Takes operands out of the slots."""
    if len(operands) > 1:
        return itemgetter(*operands)
    (only,) = operands
    return lambda slots: (slots[only],)
