"""PDF pictures: a valid file, text that can be copied, and nothing that changes."""

import re
from unicodedata import normalize

import pytest
from diagrams import chain, make_box, make_diagram
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.drawing.palette import LIGHT
from graphcalc.drawing.pdf import LARGEST, as_pdf
from graphcalc.drawing.scene import scene_of
from graphcalc.drawing.truetype import TrueTypeFont
from graphcalc.report.safe import safe

LESSON = "g = (a + b) * (c * d)"
NUMBERS = {"a": 2, "b": -4, "c": -2, "d": 2}


def lesson():
    return as_pdf(gc.run(LESSON, **NUMBERS, grad="g").graph().scene)


def scene_with(*texts, **changes):
    """A scene of one box with lines of text."""
    return scene_of(make_diagram([make_box("n0", *texts, role="result", **changes)]))


def objects(data):
    """The objects of a PDF by number, at the offsets of its table."""
    assert data.startswith(b"%PDF-1.7\n")
    assert data.endswith(b"%%EOF\n")
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", data)[1])
    head, *entries = re.match(rb"xref\n0 (\d+)\n((?:\d{10} \d{5} [nf] \n)+)trailer", data[start:])[
        0
    ].splitlines()[1:-1]
    assert int(head.split()[1]) == len(entries)
    assert entries[0] == b"0000000000 65535 f "
    found = {}
    for number, entry in enumerate(entries[1:], 1):
        at = int(entry[:10])
        found[number] = re.compile(rb"%d 0 obj\n(.*?)\nendobj\n" % number, re.DOTALL).match(
            data, at
        )[1]
    trailer = data[start:].split(b"trailer\n")[1]
    assert int(re.search(rb"/Size (\d+)", trailer)[1]) == len(entries)
    return found


def streams(data):
    """The streams of a PDF: their dictionaries and contents, of the lengths that they state."""
    for body in objects(data).values():
        if b"\nstream\n" in body:
            head, _, content = body.partition(b"\nstream\n")
            length = int(re.search(rb"/Length (\d+)", head)[1])
            assert content[length:] == b"\nendstream"
            yield head, content[:length]


def texts_of(data):
    """The texts that a PDF draws, in order, as its tables say that they are copied."""
    found = objects(data)
    tables = {}
    for name, number in re.findall(rb"/(F\d) (\d+) 0 R", b" ".join(found.values())):
        unicode = re.search(rb"/ToUnicode (\d+)", found[int(number)])[1]
        entries = re.findall(rb"<(\w{4})> <(\w+)>\n", found[int(unicode)])
        assert len(entries) == len(dict(entries))
        tables[name] = {code: bytes.fromhex(text.decode()) for code, text in entries}
    (drawing,) = [content for _, content in streams(data) if content.endswith(b"ET")]
    return [
        b"".join(tables[name][text[i : i + 4]] for i in range(0, len(text), 4)).decode("utf-16-be")
        for name, text in re.findall(rb"/(F\d) [\d.]+ Tf .*? <(\w+)> Tj", drawing)
    ]


def test_the_offsets_of_the_objects_are_right():
    """Every object stands where the table says, and every reference is to one of them."""
    found = objects(lesson())
    numbers = {int(n) for body in found.values() for n in re.findall(rb"(\d+) 0 R", body[:600])}
    assert numbers <= set(found)
    assert len(list(streams(lesson()))) == 5


def test_a_wrong_offset_is_noticed():
    """The check fails where a byte too many stands before an object."""
    with pytest.raises((TypeError, AssertionError)):
        objects(lesson().replace(b"/Producer", b" /Producer").replace(b"/Kids", b" /Kids"))


def test_texts_can_be_copied():
    """Names, expressions, values, gradients and local derivatives are there as text."""
    texts = texts_of(lesson())
    for text in ("g", "e * f", "8", "dg/da = -4", "∂g/∂e = -4", "7 nodes · float64"):
        assert text in texts


def test_the_same_picture_has_the_same_bytes():
    """No date, no identifier, no order of sets; another number makes another file."""
    assert lesson() == lesson()
    assert b"Date" not in lesson()
    assert lesson() != as_pdf(gc.run(LESSON, **{**NUMBERS, "a": 3}, grad="g").graph().scene)


def test_the_fonts_are_parts_of_the_shipped_ones():
    """A regular and a bold font are embedded, with the glyphs that are used alone."""
    programs = [content for head, content in streams(lesson()) if b"/Length1" in head]
    assert len(programs) == 2
    for program in programs:
        assert TrueTypeFont(program).advance == 1233
        assert len(program) < 8000
    assert {*re.findall(rb"\+(DejaVuSansMono[-\w]*)", lesson())} == {
        b"DejaVuSansMono",
        b"DejaVuSansMono-Bold",
    }


def test_what_the_font_lacks_is_drawn_and_copied():
    """Characters that the font lacks have a visible glyph, and copy as what they are."""
    data = as_pdf(scene_with("漢字", "x\u0301 \U0001f600 (a\\b)"))
    texts = texts_of(data)
    assert texts[:2] == ["漢字", "x\u0301 \U0001f600 (a\\b)"]
    programs = [content for head, content in streams(data) if b"/Length1" in head]
    bold = TrueTypeFont(programs[0])
    assert bold.outline(1) == bold.outline(2)
    assert len(bold.outline(1)) > 20


@settings(max_examples=30)
@given(text=st.text(min_size=1, max_size=20).map(safe))
def test_any_text_is_copied(text):
    """Whatever a text is, it is copied from the file as it was, with its marks composed."""
    assert texts_of(as_pdf(scene_with("x", text)))[1] == normalize("NFC", text)


def test_a_large_picture_has_larger_units():
    """A page is at most 14,400 units high; the unit grows with the picture."""
    scene = scene_of(chain(400))
    data = as_pdf(scene)
    width, height = map(float, re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data).groups())
    unit = int(re.search(rb"/UserUnit (\d+)", data)[1])
    assert scene.height * 0.75 > LARGEST
    assert max(width, height) <= LARGEST
    assert height * unit == pytest.approx(scene.height * 0.75, rel=1e-3)
    assert b"UserUnit" not in lesson()


def _drawing(scene):
    return next(c for _, c in streams(as_pdf(scene)) if c.endswith(b"ET")).decode()


def test_boxes_show_what_they_are():
    """Folded boxes have two borders; what was born is red; time shades a box."""
    plain = _drawing(scene_with("x"))
    assert _drawing(scene_with("x", is_folded=True)).count(" B") == plain.count(" B") + 1
    red = " ".join(f"{int(LIGHT.born[i : i + 2], 16) / 255:.3g}" for i in (1, 3, 5))
    assert f"{red} RG" in _drawing(scene_with("x", born=("nan",)))
    assert f"{red} RG" not in plain
    assert _drawing(scene_with("x", shade=0.5)) != plain


def test_an_empty_picture_is_a_page():
    """A graph without boxes has a page too."""
    assert len(objects(as_pdf(scene_of(make_diagram([]))))) >= 8


@pytest.mark.parametrize("name", ["pypdf", "pdfminer.high_level"])
def test_other_programs_read_the_text(name, tmp_path):
    """Where a library that reads PDF is installed, it finds the same texts."""
    library = pytest.importorskip(name)
    path = tmp_path / "g.pdf"
    path.write_bytes(lesson())
    if name == "pypdf":
        text = library.PdfReader(path, strict=True).pages[0].extract_text()
    else:
        text = library.extract_text(path)
    assert {"dg/da = -4", "e * f", "∂g/∂e = -4"} <= set(re.split(r"\n| (?=∂)", text))


def test_page_numbers_are_points():
    """96 pixels are 72 points."""
    scene = scene_with("x")
    width = re.search(rb"/MediaBox \[0 0 ([\d.]+) ", as_pdf(scene))[1]
    assert float(width) == pytest.approx(scene.width * 0.75, abs=0.01)
