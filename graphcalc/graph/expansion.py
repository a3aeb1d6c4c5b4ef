"""Statements of repeated form: each form is lowered once, and its fragment spliced for every line.

A line's template and the types of what it reads decide its form. Lines whose form has no fragment,
as one that calls `rand`, are lowered in place as all other statements are.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from graphcalc.graph.fragments import Family, has_room, trace_statement
from graphcalc.graph.ir import Fragment, FragmentNode, Node, NumberHole, Where
from graphcalc.graph.scope import Scope
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import Op, Type
from graphcalc.ops.table import CONSTANTS, OPS
from graphcalc.ops.words import PREFIXES
from graphcalc.source import Source, Span
from graphcalc.syntax.actions import has_point, number_of
from graphcalc.syntax.expr import Number
from graphcalc.syntax.program import AnyStatement
from graphcalc.syntax.skeletons import SkeletonLines, Template

# No line that is added quickly has more nodes than this.
_ROOM = 100
# So many forms of one template are tried; further lines are lowered in place.
_TRIES = 100


class PieceOfLine:
    """Where the nodes of a fragment stand: a piece of a template's text, found again in a line."""

    __slots__ = ("_lines", "_span", "source")

    def __init__(self, lines: SkeletonLines, span: Span) -> None:
        self._lines, self._span, self.source = lines, span, lines.source

    def span(self, line: int) -> Span:
        """Return the characters of a line."""
        return self._lines.span(line, self._span)


class _Step(NamedTuple):
    """A node of a fragment made ready for the lines of a source.

    `shared` has the nodes of its op by their operands, and `pick` takes these out of the slots.
    `span` is None where `place` is a piece of the line.
    """

    op: Op
    params: tuple[object, ...]
    shared: dict[tuple[int, ...], int]
    type: Type
    kind: int
    pick: Callable[[list[int]], tuple[int, ...]]
    place: Source | PieceOfLine
    span: Span | None


class _Ready(NamedTuple):
    """A simple fragment made ready for the lines of a source.

    The slots are the operands, the numbers of the text and the steps. `events` are the steps in
    order with the numbers, each as its index in the text and its place.
    """

    steps: list[_Step]
    events: list[_Step | tuple[int, PieceOfLine]]
    result: int


# A form of a line: its template, and for each name that it reads the number of its type, or the
# name of a constant; last, where it matters, which of the names are the same.
Form: TypeAlias = "tuple[Template | int | str | tuple[int, ...], ...]"


class Expander:
    """Adds the nodes of lines that have a template to the graph of a scope.

    `lowered` does a statement in place; it has to for those that assign a name in `special`, and
    for those in `tracked` until a line has read them, which `read` is told, or they were
    assigned. `give` names what a line comes to: (position, name, and where it stands).
    """

    def __init__(
        self,
        scope: Scope,
        give: Callable[[int, str | None, Where], int],
        lowered: Callable[[AnyStatement], None],
        tracked: frozenset[str],
        read: set[str],
    ) -> None:
        self._scope, self._builder = scope, scope.builder
        self._give, self._lowered = give, lowered
        self.special: set[str] = {*CONSTANTS, *PREFIXES}
        self._tracked, self._read = tracked, read
        # For every node the number of its type, and the positions of constants by their text.
        self._kinds: list[int] = []
        self._kind_of: dict[Type, int] = {}
        self._types: list[Type] = []
        self._constants: dict[str, int] = {}
        self._families: dict[Form, Family] = {}
        self._tries: dict[Template, int] = {}
        self._quick: dict[Form, _Ready] = {}

    def forget(self, position: int | None = None) -> None:
        """A node has another type now; without one, a function or a prefix means something else."""
        if position is None:
            self._families.clear()
            self._quick.clear()
            self._scope.fragments.clear()
        else:
            del self._kinds[position:]

    def expand(self, lines: SkeletonLines) -> None:
        """Add the nodes of all lines of a source."""
        builder, names = self._builder, self._scope.names
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
                        self._lowered(statement)
                    waiting = self._look()
                continue
            size = len(nodes)
            try:
                if waiting or name in special or size > most:
                    raise KeyError(name)
                slots = list(map(find, words))
                form: Form = (template, *map(kind_at, slots))
                steps, _, result = quick[form]
                slots += map(constant_at, digits)
            except KeyError:
                found = self._otherwise(lines, line, name, words, digits)
                if found is None:
                    waiting = self._look()
                    continue
                position = found
            else:
                for op, params, shared, type_, kind, pick, place, span in steps:
                    operands = pick(slots)
                    position = shared.setdefault(operands, size)
                    if position == size:
                        where = (place, line if span is None else span)
                        append(Node(op, operands, params, type_, where))  # type: ignore[arg-type]
                        add_kind(kind)
                        size += 1
                    slots.append(position)
                position = slots[result]
            node = nodes[position]
            if name is None or name in names or node.name is not None or node.op is const:
                self._give(
                    position, name, (PieceOfLine(lines, template.statement.value.span), line)
                )
                self._note_types()
            else:
                node.name = name
                names[name] = position

    def _otherwise(
        self, lines: SkeletonLines, line: int, name: str | None, words: list[str], digits: list[str]
    ) -> int | None:
        """Return the node of a line's value, where that takes more; None if it was lowered."""
        template, names = lines.templates[line], self._scope.names
        assert template.statement is not None
        if name in self.special or name in self._tracked.difference(self._read):
            self._lowered(lines.statement(line))
            return None
        fragment = None
        form: Form = (template,)
        statics = self._scope.statics
        if all([w in names or (w in CONSTANTS and w not in statics) for w in words]):
            form = (template, *[self._kinds[names[w]] if w in names else w for w in words])
            fragment = self._fragment(form, lines, digits)
        operands = [names[word] for word in words if word in names]
        ready = self._quick.get(form)
        if fragment is not None and ready is not None and self._has_room(fragment):
            self._read.update(self._tracked.intersection(words))
            return self._add_numbers(ready, operands, digits, line)
        if fragment is not None and fragment.inlined and len(set(operands)) < len(operands):
            # What the same call unfolds to counts once.
            form = (*form, tuple(map(operands.index, operands)))
            fragment = self._fragment(form, lines, digits)
            operands = list(dict.fromkeys(operands))
        numbers = list(map(number_of, digits))
        if fragment is None or not has_room(self._scope, fragment, operands, numbers):
            self._lowered(lines.statement(line))
            return None
        self._read.update(self._tracked.intersection(words))
        position = self._builder.splice(
            fragment,
            operands,
            (PieceOfLine(lines, template.statement.value.span), line),
            numbers,
            piece=lambda span: (PieceOfLine(lines, span), line),
        )
        self._note_types()
        return position

    def _has_room(self, fragment: Fragment) -> bool:
        return len(self._builder.nodes) + len(fragment.events) < self._builder.limits.nodes

    def _add_numbers(self, ready: _Ready, operands: list[int], digits: list[str], line: int) -> int:
        """Return the node of a line's value whose numbers may be new."""
        builder, kinds, constants = self._builder, self._kinds, self._constants
        nodes, slots, count = builder.nodes, [*operands, *([0] * len(digits))], len(operands)
        for event in ready.events:
            if not isinstance(event, _Step):
                index, piece = event
                text = digits[index]
                if text not in constants:
                    size = len(nodes)
                    constants[text] = builder.constant(number_of(text), (piece, line))
                    if len(nodes) > size:
                        kinds.append(self._kind(nodes[-1].type))
                slots[count + index] = constants[text]
                continue
            op, params, shared, type_, kind, pick, place, span = event
            operands_, size = pick(slots), len(nodes)
            position = shared.setdefault(operands_, size)
            if position == size:
                where = (place, line if span is None else span)
                nodes.append(Node(op, operands_, params, type_, where))  # type: ignore[arg-type]
                kinds.append(kind)
            slots.append(position)
        return slots[ready.result]

    def _fragment(self, form: Form, lines: SkeletonLines, digits: list[str]) -> Fragment | None:
        """Return the fragment of a line of a form, found out of one when there were others like it.

        None for a form that has none, and for a line that may be the only one.
        """
        family = self._families.get(form)
        if family is None:
            family = self._families[form] = Family()
        key = family.key(digits)
        if key not in family.fragments:
            template = form[0]
            assert isinstance(template, Template)
            tries = self._tries.get(template, 0)
            if tries >= _TRIES or family.is_rare(digits, tries):
                return None
            self._tries[template] = tries + 1
            fragment, looked_at = self._trace(template, form, digits)
            family.keep(fragment, looked_at, digits)
            key = family.key(digits)
            if fragment is not None and fragment.is_simple and len(fragment.events) < _ROOM:
                self._quick[form] = self._made_ready(fragment, lines)
        return family.fragments[key]

    def _trace(
        self, template: Template, form: Form, digits: list[str]
    ) -> tuple[Fragment | None, set[int]]:
        statement = template.statement
        assert statement is not None
        numbers = [node for node in template.nodes if type(node) is Number]
        for index, (node, text) in enumerate(zip(numbers, digits)):
            node.value, node.has_point = NumberHole(number_of(text), index), has_point(text)
        operands: dict[str, Type] = {}
        holes = [leaf.name for leaf in template.leaves]
        kinds, same = form[1 : len(holes) + 1], form[len(holes) + 1 :]
        operand_holes = [hole for hole, kind in zip(holes, kinds) if isinstance(kind, int)]
        for leaf, kind in zip(template.leaves, kinds):
            if isinstance(kind, str):
                leaf.name = kind
                continue
            assert isinstance(kind, int)
            for firsts in same:
                assert isinstance(firsts, tuple)
                leaf.name = operand_holes[firsts[operand_holes.index(leaf.name)]]
            operands[leaf.name] = self._types[kind]
        if any(Size in map(type, type_.shape) for type_ in operands.values()):
            return None, set()
        try:
            return trace_statement(self._scope, statement, template.nodes, operands)
        finally:
            for leaf, name in zip(template.leaves, holes):
                leaf.name = name

    def _made_ready(self, fragment: Fragment, lines: SkeletonLines) -> _Ready:
        events: list[_Step | tuple[int, PieceOfLine]] = []
        for event in fragment.events:
            if isinstance(event, FragmentNode):
                events.append(self._step(event, lines))
            else:
                assert isinstance(event.where, Span)
                events.append((event.value.index, PieceOfLine(lines, event.where)))
        steps = [event for event in events if isinstance(event, _Step)]
        return _Ready(steps, events, fragment.result)

    def _step(self, node: FragmentNode, lines: SkeletonLines) -> _Step:
        shared = self._builder.shared.setdefault((node.op.name, node.params), {})
        where = node.where
        assert where is not None
        at = (
            (PieceOfLine(lines, where), None)
            if isinstance(where, Span)
            else (where.source, where.span)
        )
        kind, pick = self._kind(node.type), _picker(node.operands)
        return _Step(node.op, node.params, shared, node.type, kind, pick, *at)

    def _note_types(self) -> None:
        """Note the types of the nodes that came some other way."""
        kinds = self._kinds
        for node in self._builder.nodes[len(kinds) :]:
            kinds.append(self._kind(node.type))

    def _kind(self, type_: Type) -> int:
        kind = self._kind_of.setdefault(type_, len(self._types))
        if kind == len(self._types):
            self._types.append(type_)
        return kind

    def _look(self) -> bool:
        """Take note of what was not added here: nodes, and whether to look out for names."""
        self._note_types()
        return not self._tracked <= self._read


def _picker(operands: tuple[int, ...]) -> Callable[[list[int]], tuple[int, ...]]:
    """Return what takes operands out of the slots."""
    if len(operands) > 1:
        return itemgetter(*operands)
    (only,) = operands
    return lambda slots: (slots[only],)
