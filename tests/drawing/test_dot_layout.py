"""Pictures whose boxes and edges stand where Graphviz's dot puts them."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET

import pytest

import graphcalc as gc
from graphcalc.diagnostics import BackendError, UsageError

PROGRAM = "h = a * b + c; k = h * a + c; y = k * h * c + a"
NUMBERS = {"a": 2, "b": -4, "c": -2}


@pytest.fixture
def run():
    """A run, where pygraphviz is installed."""
    pytest.importorskip("pygraphviz")
    return gc.run(PROGRAM, NUMBERS, grad="y")


def test_the_same_things_stand_elsewhere(run):
    """Boxes, texts, edges and labels are those of the other layout; places differ."""
    own, dot = run.graph().scene, run.graph(layout="dot").scene
    assert [b.box for b in dot.boxes] == [b.box for b in own.boxes]
    assert [(b.width, b.height) for b in dot.boxes] == [(b.width, b.height) for b in own.boxes]
    assert [(e.upper, e.lower) for e in dot.lines] == [(e.upper, e.lower) for e in own.lines]
    assert [label.text.text for label in dot.labels] == [label.text.text for label in own.labels]
    assert [(b.x, b.y) for b in dot.boxes] != [(b.x, b.y) for b in own.boxes]


def test_boxes_are_apart_and_edges_end_at_them(run):
    """No two boxes touch; an edge leaves a box below and enters another above."""
    scene = run.graph(layout="dot").scene
    for number, box in enumerate(scene.boxes):
        assert 0 <= box.x <= box.x + box.width <= scene.width
        assert 0 <= box.y <= box.y + box.height <= scene.height
        for other in scene.boxes[:number]:
            is_beside = box.x + box.width < other.x or other.x + other.width < box.x
            assert is_beside or box.y + box.height < other.y or other.y + other.height < box.y
    for line in scene.lines:
        assert len(line.points) % 3 == 1
        upper, lower = scene.boxes[line.upper], scene.boxes[line.lower]
        ends = (line.points[0], line.points[-1])
        sides = (upper.y + upper.height, lower.y)
        for (x, y), box, side in zip(ends, (upper, lower), sides):
            assert box.x <= x <= box.x + box.width
            assert y == pytest.approx(side, abs=0.2)


def test_labels_are_on_no_box(run):
    """Local derivatives stand beside their edges."""
    scene = run.graph(layout="dot").scene
    assert scene.labels
    for label in scene.labels:
        for box in scene.boxes:
            is_beside = label.x + label.width <= box.x or box.x + box.width <= label.x
            assert is_beside or label.y + label.height <= box.y or box.y + box.height <= label.y


@pytest.mark.parametrize("format", ["svg", "pdf", "html"])
def test_every_format_draws_it(run, format):
    """The curves are dot's, and the bytes are the same each time."""
    drawn = getattr(run.graph(layout="dot"), format)
    assert drawn == getattr(run.graph(layout="dot"), format)
    assert drawn != getattr(run.graph(), format)
    if format == "svg":
        edges = [e for e in ET.fromstring(drawn).iter() if e.get("class") == "line"]
        assert all(re.fullmatch(r"M[\d., ]+(C[\d., -]+)+", edge.get("d")) for edge in edges)


def test_plans_and_empty_graphs_too():
    """A plan has the layout as an argument; nothing has no size."""
    pytest.importorskip("pygraphviz")
    from graphcalc.drawing.dot_layout import lay_out_by_dot

    plan = gc.check("x: [3]; y = x * 2")
    assert plan.graph(layout="dot").svg != plan.graph().svg
    assert lay_out_by_dot([], [], []).centres == []


def test_without_pygraphviz_the_error_says_what_to_install(monkeypatch):
    """It is an optional package, which no other picture needs."""
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    result = gc.run(PROGRAM, NUMBERS)
    assert result.graph().svg
    with pytest.raises(BackendError, match="`dot` needs the package pygraphviz") as caught:
        _ = result.graph(layout="dot").svg
    assert "pip install pygraphviz" in caught.value.diagnostic.help
    assert "graphcalc[dot]" in caught.value.diagnostic.help


def test_another_layout_is_refused():
    """The error lists the layouts."""
    with pytest.raises(UsageError, match="layout is 'layered' or 'dot', not 'spring'"):
        gc.run(PROGRAM, NUMBERS).graph(layout="spring")
