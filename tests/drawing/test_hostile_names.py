"""Names of any characters through every writer: nothing breaks out, and nothing cannot be read."""

import random
import re
import xml.etree.ElementTree as ET

import pytest

import graphcalc as gc
from graphcalc.drawing.writers import draw
from graphcalc.syntax.columns import name_of

SVG = "{http://www.w3.org/2000/svg}"
PIECES = (
    *(
        "</script>",
        "<script>alert(1)</script>",
        "-->",
        "<!--",
        "]]>",
        "<![CDATA[",
        "&amp;",
        "&#60;",
    ),
    *(
        "&",
        "<",
        ">",
        "'",
        "`",
        "\\",
        "\\n",
        "$$x$$",
        "#35;",
        "%%{init: {}}%%",
        ";",
        "|",
        "[[",
        "{{",
    ),
    *("end", "click n0 href", "fa:fa-car", "<br/>", "<b>b", "<img src=x onerror=alert(1)>"),
    *("javascript:alert(1)", "url(http://x.org)", "@import", "endstream", ") Tj", "<FEFF>"),
    *("\u202eabc", "\u2066a\u2069", "\u200f", "אב12+3", "e\u0301", "\u200d", "\u2028", "\u0085"),
    *(
        "\x1b[31m",
        "\x07",
        "\x7f",
        "\x00",
        "\t",
        "\r",
        "\n",
        "\ufeff",
        "\uffff",
        "\ud800",
        "😀",
        "漢字",
    ),
    *("", " ", "a" * 240, "漢" * 90, "__proto__", "nan", "⟦0⟧", "$&", "\\u003c"),
)


def hostile_names(count=120):
    draw_from = random.Random(5)
    found = list(PIECES)
    while len(found) < count:
        found.append("".join(draw_from.choices(PIECES, k=draw_from.randint(2, 5)))[:200])
    return found


def picture_of(name):
    """The picture of a run whose input has the name, with a gradient and its marks; or None."""
    try:
        run = gc.run(f'y = col("{name}") * 2; z = log(y - 2)', {name_of(name): 1}, grad="z")
    except gc.ProgramError:
        return None  # no such text can be written in a program
    return run.graph()


@pytest.fixture(scope="module")
def pictures():
    found = {name: picture_of(name) for name in hostile_names()}
    kept = {name: picture for name, picture in found.items() if picture is not None}
    assert len(kept) >= 90
    return kept


def test_svg_is_well_formed_and_refers_to_nothing(pictures):
    for picture in pictures.values():
        root = ET.fromstring(picture.svg.encode())
        tags = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert tags == {"svg", "title", "style", "rect", "g", "path", "text"}
        names = {name for element in root.iter() for name in element.attrib}
        assert not any(n.startswith("on") or "href" in n for n in names)
        assert not re.search(r"url\(|@import", root.find(f"{SVG}style").text)
        assert len(root.findall(f".//{SVG}g[@role='img']")) == len(picture.diagram.boxes)


def test_text_has_no_characters_that_do_something(pictures):
    """No control characters, no marks that turn text around, and ASCII where that is asked for."""
    for picture in pictures.values():
        for is_ascii in (False, True):
            for width in (40, 160):
                text = picture.text(width, is_ascii=is_ascii)
                assert not re.search(r"[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066\ud800]", text)
                assert text.isascii() or not is_ascii


@pytest.mark.parametrize("format", ["pdf", "dot", "mmd", "html"])
def test_every_format_can_be_written(pictures, format):
    for picture in pictures.values():
        data = draw(picture, format)
        if format != "pdf":
            assert "\0" not in data.decode()


def test_pdf_is_read_back(pictures):
    """A reader finds the page, its title and its texts."""
    pypdf = pytest.importorskip("pypdf")
    from io import BytesIO

    for picture in list(pictures.values())[::4]:
        reader = pypdf.PdfReader(BytesIO(picture.pdf), strict=True)
        assert reader.metadata.title.startswith("The graph of z")
        assert "born here" in reader.pages[0].extract_text()


def test_dot_is_parsed(pictures):
    """Graphviz finds as many nodes and edges as there are boxes and arrows."""
    pygraphviz = pytest.importorskip("pygraphviz")
    for picture in list(pictures.values())[::4]:
        found = pygraphviz.AGraph(string=picture.dot)
        counts = len(found.nodes()), len(found.edges())
        assert counts == (len(picture.diagram.boxes), len(picture.diagram.arrows))
