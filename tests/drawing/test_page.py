"""The page that steps through a run, as a parser of HTML sees it."""

import base64
import hashlib
import json
import re
import zlib
from functools import cache
from pathlib import Path

import pytest
from html_pages import ENTROPY, LESSON, Found, page_of
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.diagnostics import LimitError, UsageError
from graphcalc.drawing.page import generate
from graphcalc.drawing.page.code import PACKED, packed_code, packed_text, unpacked
from graphcalc.evaluate import parse
from graphcalc.ops.table import OPS
from graphcalc.report.steps import as_steps
from graphcalc.source import Source


def steps_printed(program, inputs, grad):
    """The lines that `--steps` prints of a run, without its titles."""
    trace = gc.run(program, inputs, grad=grad).graph().trace
    return [line.strip() for line in as_steps(trace, "steps").splitlines() if line[:1] == " "]


def data_of(found):
    return json.loads(found.all("script", type="application/json")[0][2])


@pytest.mark.parametrize("case", [LESSON, ENTROPY, (LESSON[0], LESSON[1], None)])
def test_the_steps_are_those_that_are_printed(case):
    found = Found(page_of(*case))
    assert found.wrong == []
    assert found.open == []
    shown = [" ".join(item[2].split()) for item in found.all("li")]
    assert shown == [" ".join(line.split()) for line in steps_printed(*case)]
    data = data_of(found)
    assert len(data["nodes"]) + len(data.get("back", [])) == len(shown)


def test_edges_between_the_same_boxes_are_told_apart():
    found = Found(page_of("y = a * a", {"a": 3}, "y"))
    data, lines = data_of(found), [item[2] for item in found.all("li")]
    along = [step[1:] if isinstance(step, list) else [] for step in data["back"]]
    forward = len(data["nodes"])
    told = {arrow[0]: lines[forward + i] for i, arrow in enumerate(along) if arrow}
    assert [line.partition(" =")[0] for _, line in sorted(told.items())] == [
        "dy/da through y, operand 1",
        "dy/da through y, operand 2",
    ]


def test_the_page_asks_for_nothing():
    text = page_of(*ENTROPY)
    found = Found(text)
    policy = found.all("meta", **{"http-equiv": "Content-Security-Policy"})[0][1]["content"]
    code = packed_code(can_compute=False)
    inner = (("script", code.script),)
    style, script = found.all("style")[0][2], found.all("script")[-1][2]
    for kind, inline in (("style", style), ("script", script), *inner):
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy.partition(f"{kind}-src")[2].partition(";")[0]
    assert policy.startswith("default-src 'none';")
    assert not re.search(
        r"""(?:src|href|@import|url\((?!#)|https?:|\son\w+=|\sstyle=)""",
        text.replace("-src", "").replace(code.start, "") + code.script,
    )


def test_the_page_is_the_same_every_time():
    assert page_of(*ENTROPY) == page_of(*ENTROPY)


def test_pages_are_small():
    """The lesson is one file of some kB, most of them the script."""
    assert len(page_of(*LESSON).encode()) < 16_500
    assert len(page_of(*ENTROPY).encode()) < 21_500


def test_the_packed_code_is_made_of_the_files_beside_it():
    packed = json.loads(Path(generate.__file__).with_name(PACKED).read_text("utf-8"))
    assert packed["sources"] == generate.checksum()


def test_texts_are_packed_and_unpacked():
    text = "\0".join(map(str, range(2000)))
    packed = packed_text(text, zlib.compress)
    assert unpacked(packed).rstrip(" ") == text
    assert not set('z"<\\') & set(packed)


def test_long_programs_of_scalars_are_records():
    lines = "\n".join(f"x{i + 1} = x{i} * {1 + i / 1000} + a" for i in range(165))
    text = page_of(lines, {"x0": 1, "a": 2}, "x165")
    assert len(text.encode()) <= 300_000
    assert data_of(Found(text))["why"] == "the page would be too long"
    assert len(Found(text).all("li")) > 400


def test_numbers_that_shape_the_graph_are_fixed():
    program = "f(x, n) = x^n if n > 0 else x\nk = 2\nm = 3\ny = f(a, k) * m"
    data = data_of(Found(page_of(program, {"a": 2}, "y")))
    rows = data["program"]["editable"]
    assert [data["nodes"][row][0] for row in rows] == ["a", "m"]


def test_pages_have_the_functions_that_they_use():
    script = Found(page_of("y = tanh(a) * 2", {"a": 2}, "y")).all("script")[-1][2]
    assert "Math.tanh" in script
    assert "Math.sin" not in script
    assert [op.name for op in OPS.values() if op.kind == "elementwise" and not op.js] == []
    found = Found(page_of("y = sum(a)", {"a": [2, 3]}, "y"))
    assert data_of(found)["why"] == "it has tensors"


@cache
def plain_page():
    return Found(page_of("y = a + 1 # x", {"a": 2}, "y"))


@settings(max_examples=25, deadline=None)
@given(
    st.text(max_size=40)
    | st.sampled_from(
        [
            "</script><b>",
            "--><!--",
            "\"'&amp;",
            "\u202eabc",
            "\u2028",
            "\x00\x1b[1m",
            "<!--<script>",
        ]
    )
)
def test_texts_of_the_program_cannot_break_out(text):
    comment = re.sub(r"[\r\n]", " ", text)
    source = Source(f"y = a + 1 # {comment}", name=f"{text}.gc")
    found = Found(page_of(parse([source]), {"a": 2}, "y"))
    plain = plain_page()
    assert found.wrong == []
    assert [e[0] for e in found.elements] == [e[0] for e in plain.elements]
    assert found.all("pre")[0][2].replace("\n", "").isprintable()
    names = [name for name, *_ in data_of(found)["nodes"]]
    assert names == [name for name, *_ in data_of(plain)["nodes"]]
    assert all(shown.isprintable() for shown in data_of(found)["texts"])


def test_a_parser_sees_what_breaks_out():
    assert Found("<p>a</b></p>").wrong == ["b", "p"]
    assert [e[0] for e in Found("<pre>x</pre><script>1</script><b></b>").elements][-1] == "b"


def layers(count):
    """A program of many calls of a function with tensors, and the nodes that it has."""
    lines = [f"x{i + 1} = layer(x{i}, w{i})" for i in range(count)]
    program = "layer(x, w) = tanh(x @ w) * sigmoid(x @ w) + x / 2 - relu(x)\n" + "\n".join(lines)
    matrix = [[0.1, 0.2, 0.3, 0.4]] * 4
    return program, {"x0": matrix, **{f"w{i}": matrix for i in range(count)}}


def test_a_long_page_leaves_out_what_is_folded():
    program, inputs = layers(230)
    text = page_of(program, inputs)
    found = Found(text)
    assert len(text.encode()) <= 300_000
    assert "nodes inside of folded boxes are left out" in found.all("header")[0][2]
    assert 0 < len(found.all("li")) < 400


def test_a_page_that_is_too_long_is_refused():
    program, inputs = layers(150)
    with pytest.raises(LimitError, match="boxes would have more than 300 kB"):
        page_of(program, inputs, depth=1000)


def test_folded_boxes_have_pictures_of_what_is_inside():
    program, inputs = layers(30)
    found = Found(page_of(program, inputs, depth=0))
    data = data_of(found)
    assert len(data["views"]) == 31
    assert len(set(data["views"])) == 31
    boxes = [box for _, box, *_ in data["nodes"]]
    assert len(boxes) > 200
    assert len(set(boxes)) == len(boxes)
    assert not found.all("p")[0][2].startswith("Of some")


def test_steps_go_along_the_edges_of_every_picture():
    program = "f(x) = tanh(x * 2) + exp(x)\ny = f(a) * 3"
    data = data_of(Found(page_of(program, {"a": 0.5}, "y", depth=0)))
    arrows, inner = data["arrows"], data["views"][1]
    steps = [step[1:] for step in data["back"] if isinstance(step, list)]
    assert sorted({arrow for along in steps for arrow in along}) == list(range(len(arrows)))
    # An edge into the box is one in the picture of what is inside as well.
    both = [along for along in steps if len(along) == 2]
    assert both
    assert all(arrows[outer][1] == inner < arrows[nested][1] for outer, nested in both)


def test_pages_say_where_pictures_inside_are_left_out():
    program, inputs = layers(90)
    found = Found(page_of(program, inputs, depth=0))
    assert found.all("p")[0][2].startswith("Of some folded boxes the nodes inside are a list")


def test_a_plan_has_no_steps():
    from graphcalc.drawing.writers import draw

    with pytest.raises(UsageError, match="a plan has none"):
        draw(gc.check("a: [3]; b = a * 2").graph(), "html")
