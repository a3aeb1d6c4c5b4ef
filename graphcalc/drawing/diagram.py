"""What a picture shows before anything has a place: boxes with their texts, and arrows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from graphcalc.drawing.folding import READABLE, Depth, Folded, Part, fold, named_operands
from graphcalc.drawing.marks import Mark, folded_mark, in_words
from graphcalc.drawing.node_texts import LONGEST, BoxLine, NodeTexts
from graphcalc.drawing.palette import BorderStyle, Palette, border_of
from graphcalc.graph.call_tree import CallTree
from graphcalc.graph.ir import Graph
from graphcalc.graph.text import node_text
from graphcalc.ops.shapes import show
from graphcalc.report.safe import safe

# Names that a box lists.
_NAMES = 3
# Characters of a name that stands before a value.
_LONGEST_NAME = 18


class Box(NamedTuple):
    """A node, or what is folded into one box; `role` is input, operation or result.

    `key` tells it from the others and is the same in every run. `title` is everything that it
    says, as a sentence. `born` and `carried` are which of `nan` and `inf` it produced and which it
    received. `shade` is the share of the run's time, where it was profiled.
    `positions` are the nodes that it stands for, and `ends` those of them whose values it shows.
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
    ends: tuple[int, ...]

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
    """The boxes in order of evaluation, the arrows, and remarks on the whole.

    `parts` are what the boxes stand for, and `more_folding` says what would fold more of them,
    empty where nothing does.
    """

    title: str
    boxes: list[Box]
    arrows: list[Arrow]
    remarks: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    more_folding: str = ""


def with_fewer_boxes(more_folding: str, otherwise: str) -> str:
    """Return the help for too large a picture: to fold more, where it can be, or `otherwise`."""
    if more_folding:
        return f"{more_folding}, or {otherwise}"
    return f"{otherwise}, or put lines into functions, whose calls fold"


def diagram(texts: NodeTexts, tree: CallTree | None = None, depth: Depth = None) -> Diagram:
    """Return the boxes and arrows of a graph, with calls folded below a depth."""
    graph = texts.graph
    folded = fold(graph, tree, depth)
    results = ", ".join(graph.nodes[p].name or "" for p in graph.results[:_NAMES])
    title = f"The graph of {results}" if results else "A graph"
    words, legend = in_words(graph, ((p, texts.mark(p)) for p in folded.part_of))
    title = f"{title}; {words}" if words else title
    remarks = (_count_remark(graph, folded.parts), *texts.remarks(), *legend)
    drawn = diagram_of(texts, folded, title, remarks, graph.results)
    return drawn._replace(more_folding=_more_folding(folded, depth))


def _more_folding(folded: Folded, depth: Depth) -> str:
    """Return which option folds more than this; empty where none does."""
    if folded.depth > 0:
        return "fold calls of functions with --depth 0"
    if depth is not None and folded.deepest > 0 and len(folded.parts) > READABLE:
        return "leave out --depth, which folds repeated calls too"
    return ""


def diagram_of(
    texts: NodeTexts, folded: Folded, title: str, remarks: tuple[str, ...], ends: Sequence[int]
) -> Diagram:
    """Return the boxes and arrows of parts; `ends` are nodes that are read outside of them all."""
    outputs = _outputs(texts.graph, folded).union(ends)
    boxes = [_box(texts, part, outputs) for part in folded.parts]
    return Diagram(safe(title), boxes, list(_arrows(texts, folded)), remarks, tuple(folded.parts))


def _arrows(texts: NodeTexts, folded: Folded) -> Iterator[Arrow]:
    """Yield one arrow for each use of a node by a node, and one between any other two parts."""
    graph = texts.graph
    operands = named_operands(graph)
    known: Counter[tuple[int, int]] = Counter()
    for number, part in enumerate(folded.parts):
        for position in () if part.is_outside else part.positions:
            direct = graph.nodes[position].operands
            for operand in operands(position):
                upper = folded.part_of[operand]
                is_new = not known[upper, number] or (part.is_node and folded.parts[upper].is_node)
                if upper == number or not is_new:
                    continue
                known[upper, number] += 1
                place = _place(direct, operand, known[upper, number])
                label = texts.label(position, place) if part.is_node and place >= 0 else ""
                yield Arrow(upper, number, safe(label))


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
        [BoxLine(node.name or "", "name"), *expression, *lines, *texts.costs([position])],
        texts.mark(position),
        texts.shade(position),
        (position,),
        (position,),
    )


def _finished(
    key: str,
    role: str,
    lines: list[BoxLine],
    mark: Mark,
    shade: float | None,
    positions: tuple[int, ...],
    ends: tuple[int, ...],
    is_folded: bool = False,
) -> Box:
    lines = [*lines, *(BoxLine(*line) for line in mark.lines)]
    title = f"{', '.join(safe(line.text) for line in lines)}; {role}"
    short = tuple(BoxLine(_cut(safe(line.text)), line.kind) for line in lines)
    born, carried = mark.born, mark.carried
    return Box(key, role, short, title, is_folded, born, carried, shade, positions, ends)


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
        *texts.costs(part.positions),
        BoxLine(", ".join(more), "more"),
    ]
    shades = [s for p in part.positions if (s := texts.shade(p)) is not None]
    role = "result" if any(p in graph.results for p in ends) else "operation"
    shade = sum(shades) if shades else None
    key = f"c{part.positions[0]}"
    shown = tuple(ends[:_NAMES])
    return _finished(key, role, lines, mark, shade, part.positions, shown, is_folded=True)


def _values(texts: NodeTexts, ends: list[int]) -> list[BoxLine]:
    """Return the lines of what others read of a call; of several a line each, with the name."""
    if len(ends) == 1:
        return texts.lines(ends[0])
    return [BoxLine(_named_value(texts, end), "value") for end in ends[:_NAMES]]


def _named_value(texts: NodeTexts, position: int) -> str:
    """Return a node's name and its value, or its shape where the value is too wide."""
    node = texts.graph.nodes[position]
    name = _cut(safe(node.name or ""), _LONGEST_NAME)
    values = [line.text for line in texts.lines(position) if line.kind == "value"]
    text = " ".join(map(str.strip, values)) if values[0].startswith("[[") else values[0]
    if len(name) + len(text) + 2 > LONGEST:
        text = f"{show(node.type.shape)} {node.type.dtype}"
    return f"{name}: {text}"


def _outputs(graph: Graph, folded: Folded) -> set[int]:
    """Return the nodes that another part than their own reads."""
    operands, part_of = named_operands(graph), folded.part_of
    return {
        o
        for p, part in part_of.items()
        if not folded.parts[part].is_outside
        for o in operands(p)
        if part_of[o] != part
    }


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
    return _finished(key, "input", lines, mark, None, part.positions, (), is_folded=True)
