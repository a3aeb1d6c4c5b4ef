"""The graphs inside of folded boxes."""

from __future__ import annotations

from functools import cached_property

from graphcalc.drawing.diagram import Diagram, diagram_of
from graphcalc.drawing.folding import Call, Folded, Part, chains_of, unfold
from graphcalc.drawing.node_texts import NodeTexts
from graphcalc.graph.call_tree import CallTree


class Nesting:
    """What the folded boxes of a picture have inside."""

    def __init__(self, texts: NodeTexts, tree: CallTree | None) -> None:
        self._texts, self._tree = texts, tree

    @cached_property
    def _chains(self) -> list[tuple[Call, ...]]:
        return chains_of(self._tree, len(self._texts.graph))

    def inside(self, diagram: Diagram, number: int) -> Diagram | None:
        """Return the graph inside of a box, its inner calls folded; None where it has no calls."""
        box, part = diagram.boxes[number], diagram.parts[number]
        if not part.calls:
            return None
        title = " = ".join(line.text for line in box.lines[:2])
        remark = f"{len(part.positions):,} nodes"
        return diagram_of(self._texts, self._folded(part), title, (remark,), box.ends)

    def _folded(self, part: Part) -> Folded:
        return unfold(self._texts.graph, part, self._chains)
