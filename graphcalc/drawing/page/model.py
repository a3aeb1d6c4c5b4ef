"""What a page knows: its steps, its nodes, and its boxes and arrows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple, TypeAlias

from graphcalc.drawing.page.views import View
from graphcalc.graph.grad import Edge
from graphcalc.graph.text import node_text
from graphcalc.numbers import Nested
from graphcalc.ops.shapes import show
from graphcalc.report.numbers import round_to, show_summary
from graphcalc.report.safe import safe
from graphcalc.report.steps import StepLine, WorkedLines
from graphcalc.trace import Kept, Trace

# Significant digits of statistics, and characters of a text from the program.
_DIGITS = 5
_LONGEST = 200
ROLES = ("input", "operation", "result")
# What JSON can say.
Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


# What JSON has no number for.
_WORDS = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


def number(value: Nested) -> Json:
    """Return a number as JavaScript reads it, by `Number` where JSON has none."""
    assert isinstance(value, (bool, int, float))
    is_whole = isinstance(value, float) and abs(value) < 1e15 and repr(value)[-2:] == ".0"
    return _WORDS.get(repr(value), int(value) if is_whole and value else value)


def _end(line: StepLine) -> str:
    """Return the last side of a line, as the page's script finds it."""
    return line.text.rpartition(" = ")[2]


def _unless(end: str, value: str) -> str | None:
    return None if end == value else value


def unless_counting(numbers: Sequence[Json]) -> Json:
    """Return numbers; None where they count from 0."""
    return None if list(numbers) == list(range(len(numbers))) else list(numbers)


class NodeFacts(NamedTuple):
    """A node as the page shows it; None where there is nothing to say.

    `box` is the innermost one that it stands in. A value and a gradient are None where the line of
    their step ends with them.
    """

    name: str
    box: int
    role: int
    type: str
    source: str
    expression: str | None
    statistics: str | None
    gradient_statistics: str | None
    value: str | None
    gradient: str | None


class PageModel:
    """The steps of a run, its nodes, and the boxes and arrows of its pictures.

    The first steps are those of the nodes, in their order.
    """

    def __init__(
        self,
        views: list[View],
        trace: Trace,
        digits: int | None = None,
        *,
        has_all: bool = True,
    ) -> None:
        self.views, self.trace, self.graph = views, trace, trace.graph
        self.digits = digits
        self.worked = WorkedLines(trace, digits)
        self.boxes = [box for view in views for box in view.diagram.boxes]
        positions = trace.positions
        if not has_all:
            shown = {p for box in self.boxes for p in box.ends}
            positions = [p for p in positions if p in shown]
        self.left_out = len(trace.positions) - len(positions)
        self.row_of = {position: row for row, position in enumerate(positions)}
        self.forward = [line for line in self.worked.forward() if line.position in self.row_of]
        self.backward = [line for line in self.worked.backward() if line.position in self.row_of]
        self._home = {p: box for view in views for p, box in view.homes.items()}

    @property
    def is_flat(self) -> bool:
        """Whether a folded call has no picture of what is inside."""
        opened = {view.parent for view in self.views}
        parts = [part for view in self.views for part in view.diagram.parts]
        return any(part.calls and number not in opened for number, part in enumerate(parts))

    # What the page's script reads

    def shown(self) -> list[Json]:
        """Return for each box the row whose value it shows, or a list of several or of none."""
        found: list[Json] = []
        for box in self.boxes:
            rows: list[Json] = [self.row_of[p] for p in box.ends if p in self.row_of]
            found.append(rows[0] if len(rows) == 1 else rows)
        return found

    def arrows(self) -> list[Json]:
        """Return the boxes at the ends of the arrows."""
        return [
            [view.first_box + arrow.upper, view.first_box + arrow.lower]
            for view in self.views
            for arrow in view.diagram.arrows
        ]

    def labels(self) -> list[int]:
        """Return the arrows that have a label."""
        return [v.first_arrow + label.line for v in self.views for label in v.scene.labels]

    def arrows_of(self, edge: Edge | None) -> list[int]:
        """Return an edge's arrows, one in each picture that has it."""
        if edge is None:
            return []
        found = (view.arrow_of(edge, self.graph) for view in self.views)
        return [arrow for arrow in found if arrow is not None]

    def steps_back(self) -> list[Json]:
        """Return for each step of the backward pass its row and its arrows."""
        found: list[Json] = []
        for line in self.backward:
            row, arrows = self.row_of[line.position], self.arrows_of(line.edge)
            found.append([row, *arrows] if arrows else row)
        return found

    def answers(self) -> dict[str, Json]:
        """Return what steps ask for, by their numbers, where it is not the number in their line.

        That is a number with all digits, or None where there is nothing to predict.
        """
        lines = [*self.forward, *self.backward]
        found = {str(i): (self._answer(line), self._told(line)) for i, line in enumerate(lines, 1)}
        return {i: answer for i, (answer, told) in found.items() if repr(answer) != repr(told)}

    def _answer(self, line: StepLine) -> Json:
        position = line.position
        if line.edge is not None:
            if not isinstance(line.edge.share, int):
                return 0.0
            position = line.edge.share
        elif line.is_backward:
            position = self.graph.gradients[position]
        elif self.graph.role(position) == "input":
            return None
        value = self.trace.value(position)
        if len(line.sides) < 2 or not self.worked.value(position):
            return None
        return number(float(value)) if isinstance(value, (int, float)) else "tensor"

    def _told(self, line: StepLine) -> Json:
        """Return what a line ends with, as the page's script reads it."""
        is_input = not line.is_backward and self.graph.role(line.position) == "input"
        if len(line.sides) < 2 or is_input:
            return None
        try:
            return number(float(_end(line)))
        except ValueError:
            return "tensor"

    def nodes(self) -> list[NodeFacts]:
        """Return the facts of the nodes that have a name, in order."""
        return [self._facts(position) for position in self.row_of]

    def _facts(self, position: int) -> NodeFacts:
        node = self.graph.nodes[position]
        gradient = self.graph.gradients.get(position)
        text = node_text(self.graph, position).strip()
        kept = self.trace.kept(position)
        back = None if gradient is None else self.trace.kept(gradient)
        return NodeFacts(
            name=safe(node.name or ""),
            box=self._home.get(position, -1),
            role=ROLES.index(self.graph.role(position)),
            type=f"{show(node.type.shape) if node.type.shape else 'scalar'} {node.type.dtype}",
            source=self._source(position),
            expression=None if node.is_input else safe(text),
            statistics=self._statistics(position, kept),
            gradient_statistics=None if back is None else self._statistics(position, back),
            value=_unless(self._ends[position, False], self.worked.value(position)),
            gradient=_unless(
                self._ends.get((position, True), ""),
                "" if gradient is None else self.worked.value(gradient),
            ),
        )

    @cached_property
    def _ends(self) -> dict[tuple[int, bool], str]:
        """Return what the last lines of nodes end with, in each pass."""
        lines = [*self.forward, *self.backward]
        return {(line.position, line.is_backward): _end(line) for line in lines}

    def _statistics(self, position: int, kept: Kept) -> str | None:
        type_ = self.graph.nodes[position].type
        if kept.summary is None:
            return None
        text = show_summary(kept.summary, type_.shape, type_.dtype, round_to(_DIGITS))
        return text.partition(" · ")[2]

    def _source(self, position: int) -> str:
        """Return the text that a node stands for, with its line, or that it is an argument."""
        node = self.graph.nodes[position]
        source, span = node.source, node.span
        if node.is_input and source.name == "<argument>":
            return "argument"
        text = " ".join(source.slice(span).split())
        line, _ = source.location(span.start)
        cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        return safe(f"{source.name.strip('<>')}:{line}: {cut}")
