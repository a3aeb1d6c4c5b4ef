"""Layouts: boxes apart, lines around them, few crossings, the same in every run."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.drawing.layers import ranks
from graphcalc.drawing.layout import Extent, Layout, Point, Route, lay_out
from graphcalc.drawing.ordering import inversions

Edges = list[tuple[int, int]]


def random_graph(seed: int) -> tuple[list[Extent], Edges, list[Extent | None]]:
    """A graph of up to sixty boxes: chains, trees, wide layers, long edges, some with labels.

    In a third of them up to three inputs are read by many of the boxes, as weights are.
    """
    rng = random.Random(seed)
    count = rng.randint(1, 60)
    reach = rng.choice((2, 5, 60))
    sizes = [Extent(rng.uniform(20, 300), rng.uniform(20, 120)) for _ in range(count)]
    edges = []
    for lower in range(1, count):
        for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
            edges.append((rng.randint(max(0, lower - reach), lower - 1), lower))
        if lower > seed % 9 < 3 and rng.random() < 0.5:
            edges.append((rng.randint(0, seed % 9), lower))
    has_labels = rng.random() < 0.3
    label_share = rng.choice((0.3, 0.7, 1.0))
    labels = [Extent(80, 18) if has_labels and rng.random() < label_share else None for _ in edges]
    return sizes, edges, labels


def overlaps(layout: Layout, sizes: list[Extent]) -> list[tuple[int, int]]:
    """Pairs of boxes that touch, by a sweep from the top to the bottom."""
    boxes = sorted(
        (y - s.height / 2, y + s.height / 2, x - s.width / 2, x + s.width / 2, i)
        for i, ((x, y), s) in enumerate(zip(layout.centres, sizes))
    )
    found = []
    for number, (_, bottom, left, right, i) in enumerate(boxes):
        for top, _, other_left, other_right, j in boxes[number + 1 :]:
            if top > bottom:
                break
            if other_left <= right and left <= other_right:
                found.append((i, j))
    return found


def points_between(start: Point, end: Point, is_curve: bool) -> list[Point]:
    """Points along a piece of a line: straight, or a curve with vertical ends."""
    (x0, y0), (x1, y1) = start, end
    found = []
    for step in range(1, 12):
        t = step / 12
        bend = t * t * (3 - 2 * t) if is_curve else t
        rise = 1.5 * t * (1 - t) * (1 - t) + 1.5 * t * t * (1 - t) + t**3 if is_curve else t
        found.append((x0 + bend * (x1 - x0), y0 + rise * (y1 - y0)))
    return found


def lines_through_boxes(layout: Layout, sizes: list[Extent]) -> list[tuple[int, int]]:
    """Edges that run through a box, with that box; of their own boxes they touch the border."""
    found = set()
    boxes = [
        (x, y, s.width / 2 - 0.01, s.height / 2 - 0.01) for (x, y), s in zip(layout.centres, sizes)
    ]
    for number, route in enumerate(layout.routes):
        for place in range(1, len(route.points)):
            start, end = route.points[place - 1], route.points[place]
            left, right = sorted((start[0], end[0]))
            near = [
                i
                for i, (x, y, w, h) in enumerate(boxes)
                if start[1] < y + h and end[1] > y - h and left < x + w and right > x - w
            ]
            for i in near:
                x, y, w, h = boxes[i]
                points = points_between(start, end, place % 2 == 0)
                if any(abs(px - x) < w and abs(py - y) < h for px, py in points):
                    found.add((number, i))
    return sorted(found)


def labels_on_boxes(layout: Layout, sizes: list[Extent], labels: list[Extent | None]) -> list[int]:
    """Edges whose label touches a box."""
    found = []
    for number, (route, label) in enumerate(zip(layout.routes, labels)):
        if label is None:
            continue
        assert route.label is not None
        x, y = route.label
        for (cx, cy), s in zip(layout.centres, sizes):
            if (
                abs(x - cx) < (label.width + s.width) / 2
                and abs(y - cy) < (label.height + s.height) / 2
            ):
                found.append(number)
    return found


@pytest.mark.parametrize("first", range(0, 1000, 250))
def test_boxes_lines_and_labels_keep_apart(first):
    """Of a thousand graphs no two boxes touch, no line runs through one, and no label is on one."""
    for seed in range(first, first + 250):
        sizes, edges, labels = random_graph(seed)
        layout = lay_out(sizes, edges, labels)
        assert overlaps(layout, sizes) == [], seed
        assert lines_through_boxes(layout, sizes) == [], seed
        assert labels_on_boxes(layout, sizes, labels) == [], seed


@pytest.mark.parametrize("seed", range(20))
def test_the_picture_holds_everything(seed):
    """Boxes and lines are inside the size that the layout says, and lines go downwards."""
    sizes, edges, labels = random_graph(seed)
    layout = lay_out(sizes, edges, labels)
    for (x, y), s in zip(layout.centres, sizes):
        assert -0.01 <= x - s.width / 2 <= x + s.width / 2 <= layout.size.width + 0.01
        assert -0.01 <= y - s.height / 2 <= y + s.height / 2 <= layout.size.height + 0.01
    for (upper, lower), route in zip(edges, layout.routes):
        heights = [y for _, y in route.points]
        assert all(above <= below + 1e-6 for above, below in pairwise(heights))
        assert all(-0.01 <= x <= layout.size.width + 0.01 for x, _ in route.points)
        for box, (x, y), side in ((upper, route.points[0], 1), (lower, route.points[-1], -1)):
            cx, cy = layout.centres[box]
            assert abs(x - cx) <= sizes[box].width / 2
            assert y == pytest.approx(cy + side * sizes[box].height / 2)


def test_the_checks_find_what_is_wrong():
    """Boxes that touch, a line through a box, and a label on one are found."""
    sizes = [Extent(40, 20)] * 3
    route = Route([(0.0, 10.0), (0.0, 20.0), (0.0, 80.0), (0.0, 90.0)], (0.0, 50.0))
    apart = Layout([(0.0, 0.0), (100.0, 50.0), (0.0, 100.0)], [route], Extent(120, 110))
    assert overlaps(apart, sizes) == [] == lines_through_boxes(apart, sizes)
    assert labels_on_boxes(apart, sizes, [Extent(30, 18)]) == []
    through = apart._replace(centres=[(0.0, 0.0), (10.0, 50.0), (0.0, 100.0)])
    assert {box for _, box in lines_through_boxes(through, sizes)} == {1}
    assert labels_on_boxes(through, sizes, [Extent(30, 18)]) == [0]
    touching = apart._replace(centres=[(0.0, 0.0), (30.0, 10.0), (0.0, 100.0)])
    assert overlaps(touching, sizes) == [(0, 1)]


def test_a_layout_is_the_same_in_every_run():
    """The layout depends on nothing but the graph."""
    for seed in range(30):
        assert lay_out(*random_graph(seed)) == lay_out(*random_graph(seed))


@given(st.lists(st.integers(0, 12), max_size=40))
def test_crossings_are_counted(ends):
    """The tree counts the pairs that stand in falling order."""
    pairs = sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    assert inversions(ends) == pairs


def test_the_lesson_stands_as_it_is_written():
    """a, b, c and d are side by side in this order, e over them, f beside it, g below."""
    names = "abcdefg"
    edges = [(0, 4), (1, 4), (2, 5), (3, 5), (4, 6), (5, 6)]
    layout = lay_out([Extent(50, 40)] * 7, edges, [None] * 6)
    place = dict(zip(names, layout.centres))
    assert place["a"][0] < place["b"][0] < place["c"][0] < place["d"][0]
    assert len({place[n][1] for n in "abcd"}) == 1
    assert place["a"][0] < place["e"][0] < place["b"][0]
    assert place["c"][0] < place["f"][0] < place["d"][0]
    assert place["e"][0] < place["g"][0] < place["f"][0]


def test_sources_stand_next_to_their_readers():
    """A weight, and a chain of constants, are not at the top but beside what reads them."""
    #  0 -> 1 -> 2 -> 3 -> 6 and 4 -> 5 -> 6
    assert ranks(7, [(0, 1), (1, 2), (2, 3), (3, 6), (4, 5), (5, 6)]) == [0, 1, 2, 3, 2, 3, 4]


def test_edges_of_one_input_share_a_trunk():
    """Thirty operations read one input: it is one line beside them, parted above each label."""
    count = 31
    edges = [e for i in range(1, count) for e in ((i, i + 1), (0, i + 1))]
    labels: list[Extent | None] = [Extent(80, 18)] * len(edges)
    sizes = [Extent(60, 40)] * (count + 1)
    layout = lay_out(sizes, edges, labels)
    assert layout.size.width < 400
    trunk = {
        route.points[2][0]
        for (upper, lower), route in zip(edges, layout.routes)
        if upper == 0 and lower > 3
    }
    assert len(trunk) == 1
    for (_, lower), route in zip(edges, layout.routes):
        assert route.label is not None
        top = layout.centres[lower][1] - 20
        assert 0 < top - route.label[1] < 80


@pytest.mark.parametrize("seed", [92, 181, 191, 194, 252])
def test_straight_lines_do_not_make_pictures_wide(seed):
    """Where they would, some have a bend: the whole is not much wider than the widest row."""
    sizes, edges, labels = random_graph(seed)
    layout = lay_out(sizes, edges, labels)
    rows: dict[float, float] = {}
    for (_, y), size in zip(layout.centres, sizes):
        rows[round(y)] = rows.get(round(y), 0.0) + size.width + 26
    trunks = len({upper for upper, _ in edges})
    assert layout.size.width < 1.7 * (max(rows.values()) + trunks * 32)


def test_chains_of_operations_are_straight():
    """Operations one below the other with a weight each stand in one line."""
    edges: Edges = []
    count = 1
    last = 0
    chain = [0]
    for _ in range(12):
        edges += [(last, count + 1), (count, count + 1)]
        last = count + 1
        chain.append(last)
        count += 2
    layout = lay_out([Extent(60, 40)] * count, edges, [None] * len(edges))
    assert len({round(layout.centres[box][0], 6) for box in chain[1:]}) == 1


@pytest.mark.parametrize("shape", ["chain", "star", "long"])
def test_deep_and_wide_graphs_need_no_recursion(shape):
    """Four thousand boxes in a chain, around one box, or with an edge along all of them."""
    count = 4000
    edges = {
        "chain": [(i, i + 1) for i in range(count - 1)],
        "star": [(0, i) for i in range(1, count)],
        "long": [*[(i, i + 1) for i in range(count - 1)], (0, count - 1)],
    }[shape]
    layout = lay_out([Extent(30, 20)] * count, edges, [None] * len(edges))
    assert len(layout.centres) == count
    assert overlaps(layout, [Extent(30, 20)] * count) == []


def test_no_boxes_make_an_empty_layout():
    """A graph of nothing has no size."""
    assert lay_out([], [], []) == Layout([], [], Extent(0.0, 0.0))


PROGRAMS = {
    "lesson": "g = (a+b)*(c*d)",
    "softmax": "y = softmax(x, dim=1); loss = -mean(sum(t * log(y), dim=1))",
    "norm": "y = layer_norm(x, [3], g, b)",
    "entropy": "loss = cross_entropy(x, k)",
    "attention": "y = scaled_dot_product_attention(x, x, x)",
    "mlp": "h = tanh(x @ w + b); y = h @ v + c; loss = mean((y - t)^2)",
    "gelu": "y = gelu(x @ w, approximate='tanh') + x",
    "huber": "loss = huber_loss(x, t)",
    "residual": "a = x + relu(x); b = a + tanh(a); c = b + sigmoid(b); y = c + x",
    "crossing": "p = a*b + c*d; q = a*c - b*d; r = p/q + a; s = q^2 + p*d; y = r*s",
}
INPUTS = {
    **{name: i + 1.5 for i, name in enumerate("acd")},
    "x": [[1.0, 2, 3], [4, 5, 7]],
    "t": [[0.0, 1, 0], [1, 0, 0]],
    "k": [0, 2],
    "w": [[0.5] * 3] * 3,
    "v": [[0.25] * 3] * 3,
    "g": [1.0, 2, 3],
    "b": [0.5, 0.25, 1],
}


def edges_of(program: str) -> tuple[int, Edges]:
    """The number of nodes of a program's graph, and its edges."""
    words = set(re.findall(r"[a-z]+", program))
    assigned = set(re.findall(r"([a-z]+) =", program))
    read = {n: v for n, v in INPUTS.items() if n in words - assigned}
    records = list(gc.run(program, read).trace)
    number = {record.name: i for i, record in enumerate(records)}
    return len(records), [(number[n], i) for i, r in enumerate(records) for n in r.inputs]


@pytest.mark.parametrize("name", PROGRAMS)
def test_few_lines_cross(name):
    """At most one more crossing than Graphviz's dot has, counted in the same way."""
    pygraphviz = pytest.importorskip("pygraphviz")
    count, edges = edges_of(PROGRAMS[name])
    layout = lay_out([Extent(60, 40)] * count, edges, [None] * len(edges))
    lines = [list(pairwise(route.points)) for route in layout.routes]
    assert crossings(lines) <= crossings(lines_of_dot(pygraphviz, count, edges)) + 1


def lines_of_dot(pygraphviz, count: int, edges: Edges) -> list[list[tuple[Point, Point]]]:
    """The edges in dot's drawing as straight lines."""
    drawn = pygraphviz.AGraph(directed=True, strict=False, splines="line")
    drawn.add_nodes_from(range(count))
    for edge in edges:
        drawn.add_edge(*edge)
    drawn.layout("dot")
    place = {i: tuple(map(float, drawn.get_node(i).attr["pos"].split(","))) for i in range(count)}
    return [[(place[a], place[b])] for a, b in edges]


def crossings(lines: list[list[tuple[Point, Point]]]) -> int:
    """How often the straight pieces of different lines cross."""
    return sum(
        crosses(*p, *q)
        for i, one in enumerate(lines)
        for other in lines[:i]
        for p in one
        for q in other
    )


def crosses(a, b, c, d) -> bool:
    """Whether two straight lines cross inside of both."""

    def side(p, q, r):
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
