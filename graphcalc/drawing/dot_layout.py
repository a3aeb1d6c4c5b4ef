"""The layout that Graphviz's dot makes, through pygraphviz, which brings Graphviz with it.

Source: Graphviz's documentation of the attributes `pos`, `lp`, `headport` and `fixedsize`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphcalc.diagnostics import LimitError
from graphcalc.drawing.layers import ranks
from graphcalc.drawing.layout import GAP, LAYER_GAP, Extent, Layout, Point, Route
from graphcalc.packages import SILENCE, load_package

# Graphviz's units: points in sizes of nodes and distances are given as inches.
_INCH = 72.0
# The layers that edges may cross in all: dot takes some 10 seconds for so many.
MOST_CROSSED = 6_000


def lay_out_by_dot(
    sizes: Sequence[Extent],
    edges: Sequence[tuple[int, int]],
    labels: Sequence[Extent | None],
) -> Layout:
    """Return dot's layout of boxes; each edge goes from an operand to a box of a greater number.

    Raises BackendError without pygraphviz, and LimitError for what dot takes minutes for.
    """
    _check(len(sizes), edges, has_labels=any(labels))
    pygraphviz = load_package("pygraphviz", "the layout `dot` needs", None)
    graph = pygraphviz.AGraph(
        directed=True, strict=False, nodesep=GAP / _INCH, ranksep=LAYER_GAP / _INCH
    )
    for number, size in enumerate(sizes):
        box = {"width": size.width / _INCH, "height": size.height / _INCH}
        graph.add_node(number, shape="box", fixedsize="true", label="", **box)
    for number, (edge, label) in enumerate(zip(edges, labels)):
        ports = {"dir": "none", "tailport": "s", "headport": "n"}
        graph.add_edge(*edge, key=str(number), label=_room(label), **ports)
    with SILENCE:
        graph.layout("dot")
    return _layout(graph, sizes, edges)


def _check(count: int, edges: Sequence[tuple[int, int]], *, has_labels: bool) -> None:
    rank = ranks(count, edges)
    crossed = sum(rank[lower] - rank[upper] for upper, lower in edges) * (1 + has_labels)
    if crossed > MOST_CROSSED:
        raise LimitError(
            "dot-layout",
            f"dot would take minutes: the edges cross {crossed:,} layers in all, and the limit is"
            f" {MOST_CROSSED:,}",
            help="leave out --layout: the layout of graphcalc takes seconds",
        )


def _room(label: Extent | None) -> str:
    """Return an empty label of a size."""
    if label is None:
        return ""
    size = f'width="{label.width:.0f}" height="{label.height:.0f}"'
    return f'<<table border="0" fixedsize="true" {size}><tr><td></td></tr></table>>'


def _layout(graph: Any, sizes: Sequence[Extent], edges: Sequence[tuple[int, int]]) -> Layout:
    """Return the places that dot has written into a graph; its y grows upwards."""
    count = len(sizes)
    _, _, width, height = map(float, graph.graph_attr["bb"].split(",")) if count else (0.0,) * 4

    def point(text: str) -> Point:
        x, y = map(float, text.split(","))
        return x, height - y

    centres = [point(graph.get_node(number).attr["pos"]) for number in range(count)]
    routes = []
    for number, edge in enumerate(edges):
        found = graph.get_edge(*edge, str(number)).attr
        points = list(map(point, found["pos"].split()))
        # dot ends edges up to a point beside the border.
        for end, side in ((0, 1), (-1, -1)):
            box = edge[end]
            points[end] = (points[end][0], centres[box][1] + side * sizes[box].height / 2)
        routes.append(Route(points, point(found["lp"]) if found["lp"] else None, is_spline=True))
    return Layout(centres, routes, Extent(width, height))
