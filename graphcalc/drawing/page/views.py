"""The pictures of a page: of the whole graph, and of what its folded boxes have inside."""

from __future__ import annotations

from functools import cached_property

from graphcalc.drawing.diagram import Diagram
from graphcalc.drawing.nesting import Nesting
from graphcalc.drawing.scene import Scene, scene_of
from graphcalc.graph.grad import Edge
from graphcalc.graph.ir import Graph

# Boxes in the pictures of a page, up to which those inside of folded boxes are drawn.
_MOST_BOXES = 600


class View:
    """One picture; its boxes and arrows are numbered among those of all pictures of the page.

    `parent` is the number of the box that it is inside of, -1 of the picture of the whole.
    """

    def __init__(
        self,
        diagram: Diagram,
        scene: Scene,
        parent: int = -1,
        first_box: int = 0,
        first_arrow: int = 0,
    ) -> None:
        self.diagram, self.scene, self.parent = diagram, scene, parent
        self.first_box, self.first_arrow = first_box, first_arrow
        self._box_of = {p: i for i, box in enumerate(diagram.boxes) for p in box.positions}

    @cached_property
    def homes(self) -> dict[int, int]:
        """The number of the box by the nodes that the picture is of."""
        return {
            p: self.first_box + i
            for p, i in self._box_of.items()
            if self.parent < 0 or not self.diagram.parts[i].is_outside
        }

    @cached_property
    def _arrows(self) -> dict[tuple[int, int], list[int]]:
        found: dict[tuple[int, int], list[int]] = {}
        for number, arrow in enumerate(self.diagram.arrows, self.first_arrow):
            found.setdefault((arrow.upper, arrow.lower), []).append(number)
        return found

    def arrow_of(self, edge: Edge, graph: Graph) -> int | None:
        """Return the number of an edge's arrow; None where the picture has none."""
        arrows = self._arrows.get(
            (self._box_of.get(edge.node, -1), self._box_of.get(edge.user, -1))
        )
        if arrows is None:
            return None
        places = [i for i, o in enumerate(graph.nodes[edge.user].operands) if o == edge.node]
        place = places.index(edge.place) if edge.place in places else 0
        return arrows[min(place, len(arrows) - 1)]


def nested_views(root: View, nesting: Nesting) -> list[View]:
    """Return the picture of the whole and those inside of its boxes, the outer ones first.

    Those come first that are less deep, until the page has very many boxes.
    """
    views = [root]
    boxes, arrows = len(root.diagram.boxes), len(root.diagram.arrows)
    for view in views:
        for number in range(len(view.diagram.boxes)):
            inner = nesting.inside(view.diagram, number)
            if inner is None or boxes + len(inner.boxes) > _MOST_BOXES:
                continue
            views.append(View(inner, scene_of(inner), view.first_box + number, boxes, arrows))
            boxes, arrows = boxes + len(inner.boxes), arrows + len(inner.arrows)
    return views
