"""What is known of the nodes of a graph, as lines of text: of a run, or of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from graphcalc.analysis.plan import Count, Plan
from graphcalc.drawing.marks import NO_MARK, Mark, Marks
from graphcalc.graph.ir import Graph
from graphcalc.numbers import Nested, leaves, show_bytes, show_nested
from graphcalc.ops.shapes import show
from graphcalc.ops.sizes import Size
from graphcalc.report.numbers import Show, round_to, shortener, show_seconds
from graphcalc.trace import Kept, Trace

# Characters of a line in a box, and elements up to which a tensor is written in full.
LONGEST = 44
FULL = 12
_ROWS = 4
_SHORT = 24
# Characters of what stands before a gradient, and significant digits down to which elements are
# rounded where their box is too narrow for the digits of the table.
_WORDS = 24
_MOST_DIGITS, _LEAST_DIGITS = 7, 3


class BoxLine(NamedTuple):
    """A line of a box.

    `kind` is name, expression, value, gradient, born, carried, backward or more.
    """

    text: str
    kind: str


class NodeTexts(Protocol):
    """What is known of the nodes of a graph, as lines of text."""

    graph: Graph

    def lines(self, position: int) -> list[BoxLine]:
        """Return the lines of a node's value."""

    def costs(self, positions: Sequence[int]) -> list[BoxLine]:
        """Return the lines of what nodes take together, where that is known."""

    def label(self, user: int, place: int) -> str:
        """Return the text at an operand's arrow; empty where there is none."""

    def mark(self, position: int) -> Mark:
        """Return what a node has to say of NaN and infinity."""

    def shade(self, position: int) -> float | None:
        """Return a node's share of the run's time, where it is known."""

    def remarks(self) -> list[str]:
        """Return what there is to say of the whole run."""


class TraceTexts:
    """Values, statistics, gradients and times of a run; `marks` are those of its nodes."""

    def __init__(self, trace: Trace, marks: Marks, digits: int | None = None) -> None:
        self.trace, self.graph = trace, trace.graph
        self.mark = marks.at
        self._locals = {
            (edge.user, edge.place): edge.local
            for edge in self.graph.edges
            if edge.local is not None
        }
        self._show: Show = shortener(self._numbers()) if digits is None else round_to(digits)
        fewer = range(min(digits or _MOST_DIGITS, _MOST_DIGITS) - 1, _LEAST_DIGITS - 1, -1)
        self._narrower: list[Show] = [self._show, *map(round_to, fewer)]

    def _numbers(self) -> Iterator[tuple[float, str]]:
        gradients = self.graph.gradients.values()
        for position in (*self.trace.positions, *gradients, *self._locals.values()):
            type_, kept = self.graph.nodes[position].type, self.trace.kept(position)
            if kept.value is not None and type_.numel <= FULL:
                yield from ((number, type_.dtype) for number in leaves(kept.value))
            yield from ((number, dtype) for _, number, dtype in _statistics(kept, type_.dtype))

    def lines(self, position: int) -> list[BoxLine]:
        """Return the lines of a node's value and of its gradient."""
        lines = self._value("", self.trace.kept(position), position, "value")
        gradient = self.graph.gradients.get(position)
        if gradient is not None:
            name, target = self.graph.nodes[position].name, self.trace.target
            words = f"d{target}/d{name} = "
            words = words if len(words) <= _WORDS else "gradient = "
            lines += self._value(words, self.trace.kept(gradient), position, "gradient")
        return lines

    def costs(self, positions: Sequence[int]) -> list[BoxLine]:
        """Return the line of the time of nodes, where the run was profiled."""
        profile = self.trace.profile
        if profile is None:
            return []
        seconds = sum(profile.seconds[position] for position in positions)
        share = sum(profile.share(position) for position in positions)
        return [BoxLine(f"{show_seconds(seconds)} · {share:.1%}", "more")]

    def _value(self, before: str, kept: Kept, position: int, kind: str) -> list[BoxLine]:
        """Return the lines of a number or a small tensor in full, else of a tensor's statistics."""
        type_ = self.graph.nodes[position].type
        if kept.value is not None and type_.numel <= FULL:
            rows = self._fitting(kept.value, type_.dtype, LONGEST - len(before))
            if rows:
                return [BoxLine(before + rows[0], kind), *(BoxLine(r, kind) for r in rows[1:])]
        lines = [BoxLine(f"{before}{show(type_.shape)} {type_.dtype}", kind)]
        for word, number, dtype in _statistics(kept, type_.dtype):
            lines.append(BoxLine(f"{word} {self._show(number, dtype)}", kind))
        summary = kept.summary
        if summary is None:
            return lines
        counts = [f"{n} {kind}" for n, kind in ((summary.nan, "nan"), (summary.inf, "inf")) if n]
        return [*lines, *([BoxLine(" · ".join(counts), kind)] if counts else [])]

    def _fitting(self, value: Nested, dtype: str, room: int) -> list[str]:
        """Return the rows of a value, rounded where they are too wide; none if there is no room."""
        for show_number in self._narrower:
            rows = _rows(value, show_number, dtype)
            if max(map(len, rows)) <= room and len(rows) <= _ROWS:
                return rows
        return []

    def label(self, user: int, place: int) -> str:
        """Return the local derivative of a scalar by an operand: `∂g/∂e = -4`."""
        local = self._locals.get((user, place))
        value = None if local is None else self.trace.value(local)
        if value is None:
            return ""
        nodes = self.graph.nodes
        text = show_nested(value, lambda x: self._show(x, nodes[user].type.dtype))
        words = f"∂{nodes[user].name}/∂{nodes[nodes[user].operands[place]].name}"
        return f"{words} = {text}" if len(words) <= 16 else f"∂ = {text}"

    def shade(self, position: int) -> float | None:
        """Return a node's share of the run's time, where it was profiled."""
        return None if self.trace.profile is None else self.trace.profile.share(position)

    def remarks(self) -> list[str]:
        """Return the dtypes of the run, and its time."""
        found = [", ".join(self.trace.dtypes)]
        if self.trace.profile is not None:
            found.append(f"computed in {show_seconds(self.trace.profile.total)}")
        return found


def _statistics(kept: Kept, dtype: str) -> Iterator[tuple[str, float, str]]:
    """Yield the words, the numbers and the dtypes of a tensor's statistics."""
    summary = kept.summary
    if summary is None:
        return
    found = (summary.minimum, summary.mean, summary.maximum)
    for word, number in zip(("min", "mean", "max"), found):
        if number is not None:
            yield word, number, "float64" if word == "mean" else dtype


class PlanTexts:
    """Shapes and costs of a run that has not happened."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.graph = plan, plan.program_graph
        positions = (i for i, node in enumerate(self.graph.nodes) if node.name is not None)
        self._steps = dict(zip(positions, plan))

    def lines(self, position: int) -> list[BoxLine]:
        """Return the lines of a node's shape and size."""
        step = self._steps[position]
        shape = f"{show(step.shape) if step.shape else 'scalar'} {step.dtype}"
        size = f"{step.bytes} B" if isinstance(step.bytes, Size) else show_bytes(step.bytes)
        return [BoxLine(shape, "value"), BoxLine(size, "more")]

    def costs(self, positions: Sequence[int]) -> list[BoxLine]:
        """Return the line of the operations of nodes; none where these only move elements."""
        total: Count = 0
        for position in positions:
            total = total + self._steps[position].operations
        text, room = f"{total:,}", LONGEST - len(" operations")
        if len(text) > room:
            text = f"{text[: room - 1]}…"
        return [BoxLine(f"{text} operations", "more")] if total != 0 else []

    def label(self, user: int, place: int) -> str:
        """Return nothing: nothing was computed."""
        return ""

    def mark(self, position: int) -> Mark:
        """Return nothing: nothing was computed."""
        return NO_MARK

    def shade(self, position: int) -> float | None:
        """Return nothing: nothing was timed."""
        return None

    def remarks(self) -> list[str]:
        """Return the operations of the whole, and sizes that have a value."""
        sizes = [f"{name} = {size:,}" for name, size in self.plan.sizes.items()]
        return [f"{self.plan.operations:,} operations", *sizes]


def _rows(value: Nested, show: Show, dtype: str) -> list[str]:
    """Return a number or a tensor as text, the rows of a matrix below each other."""

    def show_number(number: float) -> str:
        return show(number, dtype)

    text = show_nested(value, show_number)
    if not isinstance(value, list) or not value or not isinstance(value[0], list):
        return [text]
    rows = [show_nested(row, show_number) for row in value]
    if len(text) <= _SHORT or len(rows) < 2:
        return [text]
    lines = [f"[{rows[0]},", *(f" {row}," for row in rows[1:-1]), f" {rows[-1]}]"]
    return [line.ljust(max(map(len, lines))) for line in lines]
