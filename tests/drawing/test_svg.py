"""Pictures as SVG: valid XML, whose texts, ids and style stay within the picture."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

import graphcalc as gc
from graphcalc.drawing.scene import COLUMN

SPACE = "{http://www.w3.org/2000/svg}"


def texts_of(svg: str) -> list[str]:
    """The texts of a picture, as a reader sees them."""
    return [e.text or "" for e in ET.fromstring(svg).iter(f"{SPACE}text")]


def test_every_box_is_there_once():
    """Each node has a group with its own id, a title, and its lines."""
    root = ET.fromstring(gc.run("g = (a+b)*(c*d)", a=2, b=-4, c=-2, d=2).graph().svg)
    groups = [e for e in root.iter(f"{SPACE}g") if e.get("role") == "img"]
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    titles = [e.find(f"{SPACE}title").text for e in groups]
    assert titles[0] == "a, 2; input"
    assert titles[-1] == "g, e * f, 8; result"


def test_texts_are_no_markup():
    """Comparisons and text in quotes are text."""
    svg = gc.run('y = where(x < 1 and x > 0, einsum("i,i->i", x, x), x)', x=[0.5, 2]).graph().svg
    assert any("x < 1" in text for text in texts_of(svg))
    assert "x < 1" not in svg


@pytest.mark.parametrize(("name", "is_isolated"), [("שלום", True), ("س", True), ("ß", False)])
def test_names_from_right_to_left_are_isolated(name, is_isolated):
    """`dy/dשלום = 1` keeps its order: the name is isolated from the number behind it."""
    result = gc.run(f"y = {name} + 1", {name: 2}, grad="y")
    shown = f"\u2068{name}\u2069" if is_isolated else name
    texts = texts_of(result.graph().svg)
    assert f"dy/d{shown} = 1" in texts
    assert f"∂y/∂{shown} = 1" in texts
    assert f"{shown} + 1" in texts


def test_the_style_holds_in_the_picture_alone():
    """In a page of a notebook no rule matches anything outside of the picture."""
    style = ET.fromstring(gc.run("y = x", x=1).graph().svg).find(f"{SPACE}style").text
    inner = style[style.index("{") + 1 : -1]
    selectors = re.findall(r"([^{}]+)\{", inner)
    assert selectors
    assert all(s.startswith(".graphcalc ") for s in selectors)


@pytest.mark.parametrize("depth", [-1, "some", 1.5, True])
def test_depths_are_numbers_of_levels_or_all(depth):
    """Any other depth is an error, also of a plan."""
    for drawable in (gc.run("y = x", x=1), gc.check("x: [2]; y = x + 1")):
        with pytest.raises(gc.UsageError, match="depth is a number of levels or 'all'"):
            drawable.graph(depth=depth)
        assert drawable.graph(depth="all").diagram == drawable.graph(depth=9).diagram


@pytest.mark.parametrize("digits", [0, 18, 2.5, "a"])
def test_digits_are_whole_numbers(digits):
    """From 1 to 17."""
    with pytest.raises(gc.UsageError, match="digits is a whole number from 1 to 17"):
        gc.run("y = x", x=1).graph(digits=digits)


def test_remarks_are_as_wide_as_the_boxes():
    """A long remark is several lines inside of the picture, and all of its words stand there."""
    sizes = "q: [B, H, T, D]; k: [B, H, S, D]; v: [B, H, S, E]; w: [E, F]"
    plan = gc.check(f"{sizes}; y = gelu(scaled_dot_product_attention(q, k, v) @ w)")
    picture = plan.graph(depth=0)
    scene = picture.scene
    boxes = max(box.x + box.width for box in scene.boxes)
    assert len(scene.captions) > 1
    assert scene.width < max(boxes, 400) + 60
    assert " ".join(c.text for c in scene.captions) == " · ".join(picture.diagram.remarks)
    assert all(c.x + len(c.text) * COLUMN <= scene.width for c in scene.captions)
    assert scene.captions[-1].y < scene.height
