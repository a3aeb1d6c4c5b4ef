"""DOT and Mermaid: every text in its place, whatever is written in it, and Mermaid's limits."""

import html
import re

import pytest
from diagrams import chain, make_box, make_diagram
from hypothesis import given
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.diagnostics import LimitError
from graphcalc.drawing.diagram import Arrow
from graphcalc.drawing.dot import as_dot
from graphcalc.drawing.mermaid import MAX_EDGES, MAX_TEXT, as_mermaid
from graphcalc.drawing.palette import LIGHT
from graphcalc.report.safe import safe

NUMBERS = {"a": 2, "b": -4, "c": -2, "d": 2}
TEXTS = [
    'x"y',
    "a;b",
    "<b>bold</b>",
    "</script>",
    "&amp; &lt;",
    "#35; #quot;",
    '"`md *x*`"',
    "%%{init: {}}%% %% c",
    "$$x^2$$",
    "a\\nb",
    '\\N \\"',
    "* x * _y_ ~~~",
    "a|b|c",
    "end",
    "({[])}",
    "it's --> -->",
    "x" * 255,
    "漢字 \U0001f600",
    ":::born",
    " [4, 5]]",
    "fa:fa-car",
]


def lesson():
    return gc.run("g = (a + b) * (c * d)", **NUMBERS, grad="g").graph().diagram


def diagram_of(texts):
    boxes = [make_box(f"n{i}", text, "x") for i, text in enumerate(texts)]
    arrows = [Arrow(i, i + 1, text) for i, text in enumerate(texts[1:])]
    return make_diagram(boxes, arrows)


# DOT


STRING = r'"(?:[^"\\]|\\.)*"'


def dot_statements(text):
    """The nodes and edges of a DOT text, each with its attributes; every line is one of them."""
    assert text.startswith("digraph {\n")
    assert text.endswith("\n}\n")
    nodes, edges = {}, []
    attribute = rf"\w+=(?:{STRING}|<.*?>(?= style=)|[\w.]+)"
    for line in text.splitlines()[1:-1]:
        found = re.fullmatch(
            rf"  (\w+)(?: -> (\w+))?(?: \[({attribute}(?: {attribute})*)\])?", line
        )
        assert found, line
        pairs = dict(re.findall(rf"(\w+)=({STRING}|<.*?>(?= style=)|[\w.]+)", found[3] or ""))
        if found[2]:
            edges.append((found[1], found[2], pairs))
        else:
            nodes[found[1]] = pairs
    for name in ("graph", "node", "edge"):
        nodes.pop(name)
    return nodes, edges


def unquoted(text):
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def test_dot_has_the_boxes_and_the_arrows():
    """Roles are shapes and colours; local derivatives stand on edges."""
    nodes, edges = dot_statements(as_dot(lesson()))
    assert [(a, b) for a, b, _ in edges][-2:] == [("n4", "n6"), ("n5", "n6")]
    assert unquoted(edges[-1][2]["label"]) == " ∂g/∂f = -2 "
    assert unquoted(nodes["n0"]["style"]) == "rounded,filled"
    assert unquoted(nodes["n6"]["fillcolor"]) == LIGHT.fill["result"]
    assert "<b>g</b>" in nodes["n6"]["label"]
    assert f'<font color="{LIGHT.gradient}">dg/dg = 1</font>' in nodes["n6"]["label"]


def test_dot_keeps_every_text():
    """Quotes, markup, backslashes and long texts come back as they were."""
    nodes, edges = dot_statements(as_dot(diagram_of(TEXTS)))
    for text, (key, node) in zip(TEXTS, nodes.items()):
        assert html.unescape(re.search(r"<b>(.*?)</b>", node["label"])[1]) == text, key
        assert unquoted(node["tooltip"]) == f"{text}, x"
    assert [unquoted(edge["label"])[1:-1] for _, _, edge in edges] == TEXTS[1:]


def test_a_text_that_ends_a_string_is_noticed():
    """The check of DOT fails where a quote is not escaped."""
    text = as_dot(diagram_of(['x"y', "z"]))
    with pytest.raises((AssertionError, KeyError)):
        dot_statements(text.replace('\\"', '"'))


def test_graphviz_reads_dot():
    """Graphviz draws every text of a box as it was."""
    pygraphviz = pytest.importorskip("pygraphviz")
    texts = [text for text in TEXTS if text.isascii()]
    graph = pygraphviz.AGraph(string=as_dot(diagram_of(texts)))
    assert len(graph.nodes()) == len(texts)
    drawn = graph.draw(format="svg", prog="dot").decode()
    found = [
        html.unescape(t).replace("\xa0", " ") for t in re.findall(r"<text[^>]*>(.*?)</text>", drawn)
    ]
    for text in texts:
        assert found.count(text) + found.count(f" {text} ") >= 1, text


# Mermaid


def mermaid_statements(text):
    """The labels of nodes and of edges; every line is a statement of a flowchart."""
    comment, first, *lines = text.splitlines()
    assert comment.startswith("%% ")
    assert not re.search(r"[{}]", comment)
    assert first == "flowchart TD"
    nodes, edges, classes = {}, [], {}
    for line in lines:
        node = re.fullmatch(r'  (\w+)(?:\["(.*)"\]|\(\["(.*)"\]\)|\[\["(.*)"\]\])', line)
        edge = re.fullmatch(r'  (\w+) -->(?:\|"([^"]*)"\|)? (\w+)', line)
        styled = re.fullmatch(r"  (classDef|class|style) ([\w,]+) ([\w:#,.-]+)", line)
        assert node or edge or styled, line
        if node:
            label = next(part for part in node.groups()[1:] if part is not None)
            assert '"' not in label
            nodes[node[1]] = label
        elif edge:
            edges.append((edge[1], edge[3], edge[2]))
        elif styled[1] == "class":
            classes[styled[3]] = styled[2].split(",")
    return nodes, edges, classes


def decoded(text):
    """A text as Mermaid shows it, without the spaces that have no width."""
    return re.sub(r"#(\d+);", lambda code: chr(int(code[1])), text).replace("\u200b", "")


def test_mermaid_has_the_boxes_and_the_arrows():
    """Roles are shapes and classes; local derivatives stand on edges."""
    text = as_mermaid(lesson())
    nodes, edges, classes = mermaid_statements(text)
    assert nodes["n6"] == "<b>g</b><br/>e * f<br/>8<br/>dg/dg = 1"
    assert edges[-1] == ("n5", "n6", "∂g/∂f = -2")
    assert classes == {
        "input": ["n0", "n1", "n2", "n3"],
        "operation": ["n4", "n5"],
        "result": ["n6"],
    }
    assert '  n0(["<b>a</b>' in text


def test_mermaid_keeps_every_text():
    """What Mermaid, HTML or Markdown would read is a code, and comes back as it was."""
    nodes, edges, _ = mermaid_statements(as_mermaid(diagram_of(TEXTS)))
    for text, label in zip(TEXTS, nodes.values()):
        written = re.fullmatch(r"<b>(.*)</b><br/>x", label)[1]
        assert not re.search(r'[<>&`"%\\$]|#(?!\d+;)', written)
        assert decoded(written) == text
    assert [decoded(label) for _, _, label in edges] == TEXTS[1:]


@given(text=st.text(min_size=1, max_size=30).map(safe))
def test_any_text_comes_back(text):
    """Whatever a name is, DOT and Mermaid have it in its place, and nothing else changes."""
    diagram = diagram_of([text, text])
    nodes, edges = dot_statements(as_dot(diagram))
    assert html.unescape(re.search(r"<b>(.*?)</b>", nodes["n1"]["label"])[1]) == text
    assert unquoted(edges[0][2]["label"]) == f" {text} "
    nodes, edges, _ = mermaid_statements(as_mermaid(diagram))
    assert decoded(nodes["n1"]) == f"<b>{text}</b><br/>x"
    assert decoded(edges[0][2]) == text


def test_pairs_that_mermaid_reads_in_spite_of_codes_are_parted():
    r"""Formulas between dollars, `\n` and icons are found behind the codes, and so are parted."""
    for text in ("$$x$$", "a\\nb", "fa:fa-car"):
        assert "\u200b" in as_mermaid(diagram_of([text]))
    assert "\u200b" not in as_mermaid(diagram_of(["a:b", "\\m", "$x$"]))


def test_mermaid_has_limits():
    """Mermaid draws 500 edges and 50,000 characters; more is an error with that number."""
    assert as_mermaid(chain(MAX_EDGES)).count("-->") == 500
    with pytest.raises(LimitError, match=r"501 edges, and Mermaid draws at most 500"):
        as_mermaid(chain(MAX_EDGES + 1))
    with pytest.raises(LimitError, match=r"characters, and Mermaid draws at most 50,000"):
        as_mermaid(chain(400, "y" * 120))
    assert len(as_mermaid(chain(300, "y" * 100))) <= MAX_TEXT


def test_born_and_folded_boxes_are_told():
    """A NaN's node is red, a folded call has a double border, a profiled one a shade."""
    born = make_box("n0", "x", born=("nan",), shade=0.5)
    folded = make_box("c1", "y", role="result", is_folded=True)
    drawn = make_diagram([born, folded], [Arrow(0, 1, "")])
    nodes, _ = dot_statements(as_dot(drawn))
    assert unquoted(nodes["n0"]["color"]) == LIGHT.born
    assert nodes["c1"]["peripheries"] == "2"
    assert unquoted(nodes["n0"]["fillcolor"]) != LIGHT.fill["operation"]
    text = as_mermaid(drawn)
    assert mermaid_statements(text)[2]["born"] == ["n0"]
    assert '  c1[["<b>y</b>"]]' in text
    assert "  style n0 fill:#" in text
