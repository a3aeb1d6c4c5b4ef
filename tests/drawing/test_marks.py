"""Where NaN and infinity are born in pictures, and what carries them, in every format."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from html_pages import page_of
from running import graphcalc

import graphcalc as gc
from graphcalc.drawing.palette import DASHES, LIGHT
from graphcalc.drawing.writers import draw

# NaN and -inf come from the logarithm; `0 * -inf` makes another NaN, in each pass.
PROGRAM = "a = log(x); b = a + 1; c = x * 2; e = b * c; d = sum(e)"
BACK = "← nan born here in the backward pass"
MARKS = {
    "x": ["gradient carries nan"],
    "a": ["← nan and inf born here", BACK],
    "b": ["carries nan and inf"],
    "c": ["gradient carries nan and inf"],
    "e": ["← nan born here", "carries nan"],
    "d": ["carries nan"],
}
KINDS = ("born", "carried", "backward")


@pytest.fixture(scope="module")
def picture():
    return gc.run(PROGRAM, x=[-1.0, 0, 2], grad="d").graph()


def marks_of(picture):
    return {
        box.lines[0].text: [line.text for line in box.lines if line.kind in KINDS]
        for box in picture.diagram.boxes
    }


def test_producers_and_carriers_are_told_apart_element_by_element(picture):
    """`e` makes one NaN of its own beside the one that it receives."""
    assert marks_of(picture) == MARKS
    assert [box.key for box in picture.diagram.boxes if box.born] == ["n1", "n6"]
    for box in picture.diagram.boxes:
        for text in MARKS[box.lines[0].text]:
            assert text in box.title


def test_scalars_in_both_passes():
    """The derivative of a square root at 0 is where infinity is born, on the way back."""
    found = marks_of(gc.run("a = log(x); c = sqrt(y); d = a * c", x=-1, y=0, grad="d").graph())
    assert found == {
        "x": [],
        "y": ["gradient carries nan"],
        "a": ["← nan born here"],
        "c": ["← inf born here in the backward pass", "gradient carries nan"],
        "d": ["carries nan"],
    }


def test_what_came_in_with_an_input_is_said_there():
    """An input that has a NaN is where it starts; so is a constant under a name."""
    found = marks_of(gc.run("n = inf; y = x * 2; z = y + n", x=[float("nan"), 1]).graph())
    assert found["x"] == ["← nan came in here"]
    assert found["n"] == ["← inf came in here"]
    assert found["y"] == ["carries nan"]


def test_a_folded_call_says_what_is_born_inside_and_what_goes_through():
    """What comes in from outside and goes out again is carried."""
    program = "f(x) = exp(x - 1) * 2\ng(x) = log(x - 1) * 2\na = log(y)\nb = f(a)\nc = g(z)"
    found = marks_of(gc.run(program, y=-1, z=0).graph(depth=0))
    assert found["b"] == ["carries nan"]
    assert found["c"] == ["← nan born inside"]


def test_the_marks_are_those_of_the_report(tmp_path):
    """The command's picture has a red border for each origin that `--trace-nan` reports."""
    path = tmp_path / "g.svg"
    done = graphcalc(
        *(PROGRAM, "x=[-1,0,2]", "--grad", "d", "--trace-nan", "--format", "json"),
        *("--graph", str(path)),
    )
    report = json.loads(done.text)["origins"]
    born = {o["name"] or o["backward_through"].partition(" ")[0] for o in report}
    assert born == {"a", "e"}
    boxes = ET.parse(path).iter("{http://www.w3.org/2000/svg}g")
    names = {box[2].text for box in boxes if "born" in box.get("class", "").split()}
    assert names == born


def test_the_legend_and_the_title_say_what_is_marked(picture):
    """A finite picture has neither."""
    title, remarks = picture.diagram.title, picture.diagram.remarks
    assert (
        title
        == "The graph of d; nan and inf born in a, e; nan and inf carried by x, b, c and 1 more"
    )
    assert remarks[-2:] == ("←: nan and inf born there", "dashed border: nan and inf carried on")
    finite = gc.run(PROGRAM, x=[1.0, 3, 2], grad="d").graph().diagram
    assert (finite.title, len(finite.remarks)) == ("The graph of d", 2)


def test_svg_and_page_draw_both(picture):
    """Red and heavy where it is born, dashed where it is carried."""
    page = page_of(PROGRAM, {"x": [-1.0, 0, 2]}, "d")
    for text in (picture.svg, page):
        assert len(re.findall(r'<g class="[^"]* born"', text)) == 2
    assert len(re.findall(r'<g class="[a-z] carried"', page)) == 4
    assert picture.svg.count(f'stroke-dasharray="{DASHES}"') == 4
    assert picture.svg.count(f'stroke="{LIGHT.born}" stroke-width="2.6"') == 2


def test_pdf_dashes_borders(picture):
    data = draw(picture, "pdf").decode("latin-1")
    assert data.count(f"[{DASHES}] 0 d") == 4
    assert data.count("[] 0 d") == 2


def test_png_shows_the_dashes(picture):
    pytest.importorskip("resvg_py")
    plain = picture.svg.replace(f' stroke-dasharray="{DASHES}"', "")
    assert plain != picture.svg
    finite = gc.run(PROGRAM, x=[1.0, 3, 2], grad="d").graph()
    assert draw(picture, "png") != draw(finite, "png")


def test_texts_for_other_programs_have_both(picture):
    dot, mermaid = draw(picture, "dot").decode(), draw(picture, "mmd").decode()
    assert dot.count('"filled,dashed"') == 3
    assert dot.count('"rounded,filled,dashed"') == 1
    assert f"classDef carried stroke-dasharray:{DASHES}" in mermaid
    assert "class n0,n3,n5,n7 carried" in mermaid
    for text in (dot, mermaid):
        assert "carries nan and inf" in text
        assert BACK in text


@pytest.mark.parametrize("is_ascii", [False, True])
def test_terminals_dash_borders(picture, is_ascii):
    text = picture.text(is_ascii=is_ascii)
    across, upright = ".:" if is_ascii else "╌╎"
    assert re.search(f"{re.escape(upright)} +carries nan and inf +{re.escape(upright)}", text)
    assert across * 10 in text
    assert ("< nan" if is_ascii else "← nan") in text


def test_marks_follow_changed_inputs(show):
    page = show(page_of("a = log(x)\nb = a + 1\nc = sqrt(y) + b", {"x": -1, "y": 0}, "c"), "#99")

    def marks():
        return page.evaluate(
            "Object.fromEntries([...document.querySelectorAll('.box')].map(b => "
            "[b.querySelector('.n').textContent, [...b.querySelectorAll("
            "'.born,.carried,.backward')].map(t => t.textContent).filter(t => t)]))"
        )

    start = marks()
    assert start["a"] == ["← nan born here"]
    assert start["b"] == ["carries nan"]
    assert start["y"] == ["gradient carries inf"]
    page.fill("td input >> nth=0", "2")
    page.fill("td input >> nth=1", "4")
    assert not any(marks().values())
    assert page.locator(".box.born,.box.carried").count() == 0
    page.fill("td input >> nth=0", "0")
    assert marks()["a"] == ["← inf born here"]
    assert page.locator(".box.carried .n").all_text_contents() == ["b", "c"]
    page.click("#note button")
    assert marks() == start
    assert page.locator(".box.carried .n").all_text_contents() == ["y", "b", "c"]
