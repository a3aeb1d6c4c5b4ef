"""What a page knows: its steps, its nodes, and at which step each part of it is reached."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple, TypeAlias

from graphcalc.drawing.diagram import Box, Diagram
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
# What JSON can say.
Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


# What JSON has no number for.
_WORDS = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


def number(value: Nested) -> Json:
    """Return a number as JavaScript reads it, by `Number` where JSON has none."""
    assert isinstance(value, (bool, int, float))
    return _WORDS.get(repr(value), value)


class NodeFacts(NamedTuple):
    """A node as the page shows it; empty texts where there is nothing to say."""

    name: str
    expression: str
    role: str
    value: str
    gradient: str
    type: str
    statistics: str
    gradient_statistics: str
    source: str
    box: int
    step: int
    back: int


class PageModel:
    """The steps of a run, its nodes, and the boxes and arrows of its picture.

    Steps are counted from 1, and 0 is the page before the first.
    """

    def __init__(
        self,
        diagram: Diagram,
        trace: Trace,
        digits: int | None = None,
        *,
        has_all: bool = True,
    ) -> None:
        self.diagram, self.trace, self.graph = diagram, trace, trace.graph
        self.digits = digits
        self.worked = WorkedLines(trace, digits)
        self._box_of = {p: i for i, box in enumerate(diagram.boxes) for p in box.positions}
        positions = trace.positions
        if not has_all:
            shown = {p for box in diagram.boxes if (p := _shown(box)) is not None}
            positions = [p for p in positions if p in shown]
        self.left_out = len(trace.positions) - len(positions)
        self.row_of = {position: row for row, position in enumerate(positions)}
        forward = [line for line in self.worked.forward() if line.position in self.row_of]
        backward = [line for line in self.worked.backward() if line.position in self.row_of]
        self.lines: list[StepLine] = [*forward, *backward]
        self.forward = len(forward)
        self._value_step: dict[int, int] = {}
        self._gradient_step: dict[int, int] = {}
        for step, line in enumerate(self.lines, 1):
            found = self._gradient_step if line.is_backward else self._value_step
            found[line.position] = step

    # Where steps are

    def text_step(self, box: Box, kind: str) -> int | None:
        """Return the step from which a text of a box is shown; None for always."""
        if kind in ("gradient", "backward") and box.value_of is not None:
            return self._gradient_step.get(box.value_of)
        if kind in ("value", "born", "carried"):
            shown = _shown(box)
            return None if shown is None else self._value_step.get(shown)
        return None

    def arrow_steps(self, arrow: int) -> dict[str, int | None]:
        """Return the steps that go along an arrow: `f` forward, and `b` backward."""
        return {"f": self._forward_arrows.get(arrow), "b": self._backward_arrows.get(arrow)}

    @cached_property
    def _arrows(self) -> dict[tuple[int, int], list[int]]:
        found: dict[tuple[int, int], list[int]] = {}
        for number, arrow in enumerate(self.diagram.arrows):
            found.setdefault((arrow.upper, arrow.lower), []).append(number)
        return found

    @cached_property
    def _forward_arrows(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for number, arrow in enumerate(self.diagram.arrows):
            positions = self.diagram.boxes[arrow.lower].positions
            steps = [self._value_step[p] for p in positions if p in self._value_step]
            found[number] = min(steps, default=0)
        return found

    @cached_property
    def _backward_arrows(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for step, line in enumerate(self.lines, 1):
            arrow = self.arrow_of(line.edge)
            if arrow >= 0:
                found.setdefault(arrow, step)
        return found

    def arrow_of(self, edge: Edge | None) -> int:
        """Return the number of an edge's arrow; -1 where the picture has none."""
        if edge is None:
            return -1
        ends = (self._box_of.get(edge.node, -1), self._box_of.get(edge.user, -1))
        arrows = self._arrows.get(ends, [])
        places = [i for i, o in enumerate(self.graph.nodes[edge.user].operands) if o == edge.node]
        place = places.index(edge.place) if edge.place in places else 0
        return arrows[min(place, len(arrows) - 1)] if arrows else -1

    # What the page's script reads

    def steps(self) -> list[Json]:
        """Return for each step its node, its arrow, and what its line ends with.

        That is a number, `tensor`, or None where there is nothing to predict.
        """
        return [
            [self.row_of[line.position], self.arrow_of(line.edge), self._answer(line)]
            for line in self.lines
        ]

    def _answer(self, line: StepLine) -> Json:
        position = line.position
        if line.edge is not None:
            if not isinstance(line.edge.share, int):
                return 0
            position = line.edge.share
        elif line.is_backward:
            position = self.graph.gradients[position]
        elif self.graph.nodes[position].is_input:
            return None
        value = self.trace.value(position)
        if len(line.sides) < 2 or not self.worked.value(position):
            return None
        return number(value) if isinstance(value, (int, float)) else "tensor"

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
            expression="" if node.is_input else safe(text),
            role=self.graph.role(position),
            value=self.worked.value(position),
            gradient="" if gradient is None else self.worked.value(gradient),
            type=f"{show(node.type.shape) if node.type.shape else 'scalar'} {node.type.dtype}",
            statistics=self._statistics(position, kept),
            gradient_statistics="" if back is None else self._statistics(position, back),
            source=self._source(position),
            box=self._box_of.get(position, -1),
            step=self._value_step.get(position, 0),
            back=self._gradient_step.get(position, 0),
        )

    def _statistics(self, position: int, kept: Kept) -> str:
        type_ = self.graph.nodes[position].type
        if kept.summary is None:
            return ""
        text = show_summary(kept.summary, type_.shape, type_.dtype, round_to(_DIGITS))
        return text.partition(" · ")[2]

    def _source(self, position: int) -> str:
        """Return the text that a node stands for, with its line."""
        node = self.graph.nodes[position]
        source, span = node.source, node.span
        text = " ".join(source.slice(span).split())
        line, _ = source.location(span.start)
        cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        return safe(f"{source.name}:{line}: {cut}")


def _shown(box: Box) -> int | None:
    """Return the node whose step completes a box; None for inputs that are folded together."""
    if box.value_of is None and box.role == "input":
        return None
    return box.positions[-1] if box.value_of is None else box.value_of
