"""What a picture shows before anything has a place: boxes with their texts, and arrows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from graphcalc.analysis.plan import Plan
from graphcalc.drawing.folding import Depth, Folded, Part, fold, named_operands
from graphcalc.drawing.marks import NO_MARK, Mark, Marks, folded_mark, in_words
from graphcalc.drawing.palette import MARKS, BorderStyle, Palette, border_of
from graphcalc.graph.call_tree import CallTree
from graphcalc.graph.ir import Graph
from graphcalc.graph.text import node_text
from graphcalc.numbers import Nested, leaves, show_bytes, show_nested
from graphcalc.ops.shapes import show
from graphcalc.ops.sizes import Size
from graphcalc.report.numbers import Show, round_to, shortener, show_seconds
from graphcalc.report.safe import safe
from graphcalc.trace import Kept, Trace

# Characters of a line in a box, and elements up to which a tensor is written in full.
LONGEST = 44
FULL = 12
_ROWS = 4
_SHORT = 24
_NAMES = 3
# Significant digits of a tensor's elements and statistics.
_DIGITS = 5


class BoxLine(NamedTuple):
    """A line of a box.

    `kind` is name, expression, value, gradient, born, carried, backward or more.
    """

    text: str
    kind: str


class Box(NamedTuple):
    """A node, or what is folded into one box; `role` is input, operation or result.

    `key` tells it from the others and is the same in every run. `title` is everything that it
    says, as a sentence. `born` and `carried` are which of `nan` and `inf` it produced and which it
    received. `shade` is the share of the run's time, where it was profiled.
    `positions` are the nodes that it stands for, and `value_of` the one whose value it shows.
    """

    key: str
    role: str
    lines: tuple[BoxLine, ...]
    title: str
    is_folded: bool
    born: tuple[str, ...]
    carried: tuple[str, ...]
    shade: float | None
    positions: tuple[int, ...]
    value_of: int | None

    def border(self, palette: Palette) -> BorderStyle:
        """Return how the border is drawn."""
        is_born, is_carried = bool(self.born), bool(self.carried)
        return border_of(palette, self.role, is_born=is_born, is_carried=is_carried)


class Arrow(NamedTuple):
    """A use of a box by another one below: their numbers, and the local derivative of scalars."""

    upper: int
    lower: int
    label: str


class Diagram(NamedTuple):
    """The boxes in order of evaluation, the arrows, and remarks on the whole."""

    title: str
    boxes: list[Box]
    arrows: list[Arrow]
    remarks: tuple[str, ...]


class NodeTexts(Protocol):
    """What is known of the nodes of a graph, as lines of text."""

    graph: Graph

    def lines(self, position: int) -> list[BoxLine]:
        """Return the lines below a node's name and expression."""

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
        self._show_element = round_to(digits or _DIGITS)

    def _numbers(self) -> Iterator[tuple[float, str]]:
        gradients = self.graph.gradients.values()
        for position in (*self.trace.positions, *gradients, *self._locals.values()):
            type_, value = self.graph.nodes[position].type, self.trace.value(position)
            if value is not None and type_.numel <= FULL:
                yield from ((number, type_.dtype) for number in leaves(value))

    def lines(self, position: int) -> list[BoxLine]:
        """Return the lines of a node's value, of its gradient, and of NaN and infinity."""
        lines = self._value("", self.trace.kept(position), position, "value")
        gradient = self.graph.gradients.get(position)
        if gradient is not None:
            name, target = self.graph.nodes[position].name, self.trace.target
            lines += self._value(
                f"d{target}/d{name} = ", self.trace.kept(gradient), position, "gradient"
            )
        if self.trace.profile is not None:
            seconds, share = self.trace.profile.seconds[position], self.shade(position)
            lines.append(BoxLine(f"{show_seconds(seconds)} · {share:.1%}", "more"))
        return lines + [BoxLine(*line) for line in self.mark(position).lines]

    def _value(self, before: str, kept: Kept, position: int, kind: str) -> list[BoxLine]:
        """Return the lines of a number or a small tensor in full, else of a tensor's statistics."""
        type_ = self.graph.nodes[position].type
        if kept.value is not None and type_.numel <= FULL:
            show_number = self._show_element if type_.shape else self._show
            rows = _rows(kept.value, lambda x: show_number(x, type_.dtype))
            if max(map(len, rows)) + len(before) <= LONGEST and len(rows) <= _ROWS:
                return [BoxLine(before + rows[0], kind), *(BoxLine(r, kind) for r in rows[1:])]
        lines = [BoxLine(f"{before}{show(type_.shape)} {type_.dtype}", kind)]
        summary = kept.summary
        if summary is None:
            return lines
        for word, found in (
            ("min", summary.minimum),
            ("mean", summary.mean),
            ("max", summary.maximum),
        ):
            if found is not None:
                dtype = "float64" if word == "mean" else type_.dtype
                lines.append(BoxLine(f"{word} {self._show_element(found, dtype)}", kind))
        counts = [f"{n} {kind}" for n, kind in ((summary.nan, "nan"), (summary.inf, "inf")) if n]
        return [*lines, *([BoxLine(" · ".join(counts), kind)] if counts else [])]

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


class PlanTexts:
    """Shapes and costs of a run that has not happened."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.graph = plan, plan.program_graph
        positions = (i for i, node in enumerate(self.graph.nodes) if node.name is not None)
        self._steps = dict(zip(positions, plan))

    def lines(self, position: int) -> list[BoxLine]:
        """Return the lines of a node's shape and cost."""
        step = self._steps[position]
        lines = [BoxLine(f"{show(step.shape) if step.shape else 'scalar'} {step.dtype}", "value")]
        if step.operations != 0:
            lines.append(BoxLine(f"{step.operations:,} operations", "more"))
        size = f"{step.bytes} B" if isinstance(step.bytes, Size) else show_bytes(step.bytes)
        return [*lines, BoxLine(size, "more")]

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


def diagram(texts: NodeTexts, tree: CallTree | None = None, depth: Depth = None) -> Diagram:
    """Return the boxes and arrows of a graph, with calls folded below a depth."""
    graph = texts.graph
    folded = fold(graph, tree, depth)
    outputs = _outputs(graph, folded)
    boxes = [_box(texts, part, outputs) for part in folded.parts]
    operands = named_operands(graph)
    arrows: list[Arrow] = []
    known: Counter[tuple[int, int]] = Counter()
    for number, part in enumerate(folded.parts):
        for position in part.positions:
            direct = graph.nodes[position].operands
            for operand in operands(position):
                upper = folded.part_of[operand]
                is_new = not known[upper, number] or (part.is_node and folded.parts[upper].is_node)
                if upper == number or not is_new:
                    continue
                known[upper, number] += 1
                place = _place(direct, operand, known[upper, number])
                label = texts.label(position, place) if part.is_node and place >= 0 else ""
                arrows.append(Arrow(upper, number, label))
    results = ", ".join(graph.nodes[p].name or "" for p in graph.results[:_NAMES])
    title = f"The graph of {results}" if results else "A graph"
    words, legend = in_words(graph, ((p, texts.mark(p)) for p in folded.part_of))
    return Diagram(
        title=safe(f"{title}; {words}" if words else title),
        boxes=boxes,
        arrows=arrows,
        remarks=(_count_remark(graph, folded.parts), *texts.remarks(), *legend),
    )


def _rows(value: Nested, show_number: Callable[[float], str]) -> list[str]:
    """Return a number or a tensor as text, the rows of a matrix below each other."""
    text = show_nested(value, show_number)
    if not isinstance(value, list) or not value or not isinstance(value[0], list):
        return [text]
    rows = [show_nested(row, show_number) for row in value]
    if len(text) <= _SHORT or len(rows) < 2:
        return [text]
    lines = [f"[{rows[0]},", *(f" {row}," for row in rows[1:-1]), f" {rows[-1]}]"]
    return [line.ljust(max(map(len, lines))) for line in lines]


def _place(operands: tuple[int, ...], operand: int, number: int) -> int:
    """Return which of a node's operands is meant, by the how-manieth use of one; -1 for none."""
    places = [i for i, o in enumerate(operands) if o == operand]
    return places[number - 1] if number <= len(places) else -1


def _count_remark(graph: Graph, parts: list[Part]) -> str:
    count = sum(len(part.positions) for part in parts)
    text = f"{count:,} node{'s' * (count != 1)}"
    hidden = sum(len(part.positions) for part in parts if not part.is_node)
    return f"{text}, of which {hidden:,} are folded" if hidden else text


def _box(texts: NodeTexts, part: Part, outputs: set[int]) -> Box:
    if part.is_node:
        return _node_box(texts, part.positions[0])
    return _call_box(texts, part, outputs) if part.calls else _inputs_box(texts, part)


def _node_box(texts: NodeTexts, position: int) -> Box:
    graph = texts.graph
    node = graph.nodes[position]
    text, lines = node_text(graph, position).strip(), texts.lines(position)
    is_value = bool(lines) and text == lines[0].text
    expression = [] if is_value or not text or node.is_input else [BoxLine(text, "expression")]
    return _finished(
        f"n{position}",
        graph.role(position),
        [BoxLine(node.name or "", "name"), *expression, *lines],
        texts.mark(position),
        texts.shade(position),
        (position,),
        position,
    )


def _finished(
    key: str,
    role: str,
    lines: list[BoxLine],
    mark: Mark,
    shade: float | None,
    positions: tuple[int, ...],
    value_of: int | None,
    is_folded: bool = False,
) -> Box:
    title = f"{', '.join(safe(line.text) for line in lines)}; {role}"
    short = tuple(BoxLine(_cut(safe(line.text)), line.kind) for line in lines)
    born, carried = mark.born, mark.carried
    return Box(key, role, short, title, is_folded, born, carried, shade, positions, value_of)


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _call_box(texts: NodeTexts, part: Part, outputs: set[int]) -> Box:
    """Return the box of a folded call, or of alike calls, with the value that others read of it."""
    graph = texts.graph
    ends = [p for p in part.positions if p in outputs] or [part.positions[-1]]
    last = part.calls[-1].call
    call = " ".join(last.source.slice(last.span).split())
    if part.calls[-1].parent is not None:
        # The text of a call inside of a function names that function's parameters.
        call = f"{part.calls[-1].function}(…)"
    count = len(part.positions) // len(part.calls)
    more = [f"{count:,} nodes"]
    if len(part.calls) > 1:
        call = f"{part.calls[0].function} × {len(part.calls)}"
        more = [f"{count:,} nodes each", *(["same weights"] if part.has_same_inputs else [])]
    mark = folded_mark([texts.mark(p) for p in part.positions], [texts.mark(p) for p in ends])
    lines = [
        BoxLine(_listed(graph, ends), "name"),
        BoxLine(call, "expression"),
        *_values(texts, ends),
        BoxLine(", ".join(more), "more"),
        *(BoxLine(*line) for line in mark.lines),
    ]
    shades = [s for p in part.positions if (s := texts.shade(p)) is not None]
    role = "result" if any(p in graph.results for p in ends) else "operation"
    shade = sum(shades) if shades else None
    value_of = ends[0] if len(ends) == 1 else None
    key = f"c{part.positions[0]}"
    return _finished(key, role, lines, mark, shade, part.positions, value_of, is_folded=True)


def _values(texts: NodeTexts, ends: list[int]) -> list[BoxLine]:
    """Return the lines of what others read of a call; of several a line each, with the name."""
    if len(ends) == 1:
        return [line for line in texts.lines(ends[0]) if line.kind not in MARKS]
    found = []
    for end in ends[:_NAMES]:
        first = texts.lines(end)[0]
        found.append(BoxLine(f"{texts.graph.nodes[end].name}: {first.text}", first.kind))
    return found


def _outputs(graph: Graph, folded: Folded) -> set[int]:
    """Return the nodes that another part than their own reads, and the results."""
    operands, part_of = named_operands(graph), folded.part_of
    read = {o for p, part in part_of.items() for o in operands(p) if part_of[o] != part}
    return read.union(graph.results)


def _listed(graph: Graph, positions: list[int]) -> str:
    names = [graph.nodes[p].name or "" for p in positions[:_NAMES]]
    more = len(positions) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")


def _inputs_box(texts: NodeTexts, part: Part) -> Box:
    graph = texts.graph
    lines = [
        BoxLine(_listed(graph, list(part.positions)), "name"),
        BoxLine(f"{len(part.positions):,} inputs", "more"),
    ]
    key = f"i{part.positions[0]}"
    mark = folded_mark([texts.mark(p) for p in part.positions], [])
    lines += [BoxLine(*line) for line in mark.lines]
    return _finished(key, "input", lines, mark, None, part.positions, None, is_folded=True)
