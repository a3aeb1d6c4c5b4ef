"""The shipped fonts: what they draw, how wide, and that they come from where they say."""

import hashlib
import io
import os
import struct
from pathlib import Path

import pytest

from graphcalc.drawing import fonts
from graphcalc.drawing.fonts import generate
from graphcalc.drawing.scene import COLUMN, FONT_SIZE
from graphcalc.drawing.truetype import TrueTypeFont, drawable, read_font

FILES = [fonts.REGULAR, fonts.BOLD]
# Where Debian has the fonts that these were cut from; elsewhere GRAPHCALC_DEJAVU names the folder.
SOURCES = Path(os.environ.get("GRAPHCALC_DEJAVU", "/usr/share/fonts/truetype/dejavu"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_font_has_the_letters_of_formulas(path):
    """Both draw Latin, Greek, mathematics, arrows, superscripts and boxes, in at most 40 kB."""
    glyphs = read_font(path).glyphs
    assert set(glyphs) >= generate.CHARACTERS
    for character in "aZ09 éßŁΩαϵ∂∇Σ∑√∞·×÷±≤≥≠≈→←↑↓…−⁻²₃ᵀ─│╭█“”«€\ufffd":
        assert glyphs[ord(character)] > 0
    assert path.stat().st_size <= 40_000


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_column_of_a_scene_is_the_advance_of_the_font(path):
    """What scenes take for the width of a character is the font's, to a thousandth of an em."""
    font = read_font(path)
    assert abs(COLUMN / FONT_SIZE - font.advance / font.units) < 0.001
    assert font.advances == {font.advance}


def test_the_licence_stands_beside_the_fonts():
    """The licence is there, and asks for what is the case: no Bitstream or Vera in the names."""
    text = fonts.REGULAR.with_name("LICENSE").read_text(encoding="utf-8")
    assert "Bitstream Vera Fonts Copyright" in text
    assert "DejaVu changes are in public domain" in text
    assert not {"Bitstream", "Vera"} & set(fonts.FAMILY.split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_font_is_made_again_with_the_same_bytes(path):
    """fontTools cuts the shipped bytes out of the recorded source."""
    pytest.importorskip("fontTools")
    source = SOURCES / path.name
    if not source.exists():
        pytest.skip(f"needs {source}")
    data = source.read_bytes()
    assert hashlib.sha256(data).hexdigest() == generate.SOURCES[path]
    assert generate.cut(data) == path.read_bytes()


def test_another_source_is_refused(tmp_path):
    """The script takes the recorded files alone."""
    (tmp_path / fonts.REGULAR.name).write_bytes(fonts.BOLD.read_bytes())
    with pytest.raises(SystemExit, match=r"is not the font of DejaVu 2\.37"):
        generate.main(tmp_path)


def test_what_a_font_lacks_is_replaced_visibly():
    """A character that is not there, alone or with marks, is one replacement character."""
    font = read_font(fonts.REGULAR)
    assert drawable("∂g/∂é", font) == "∂g/∂é"
    assert drawable("e\u0301", font) == "é"
    assert drawable("漢 x\u0301\u0302 \U0001f600", font) == "\ufffd \ufffd \ufffd"


def _words_sum(data):
    return sum(struct.unpack(f">{len(data) // 4}I", data)) & 0xFFFFFFFF


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_part_of_a_font_is_a_font(path):
    """Its glyphs have the outlines of the whole font, parts of accents included; checksums hold."""
    font = read_font(path)
    wanted = [font.glyphs[ord(c)] for c in "aé∂ Å"]
    data = font.part(wanted)
    part = TrueTypeFont(data)
    assert _words_sum(data) == 0xB1B0AFBA
    for number, glyph in enumerate(wanted, 1):
        assert part.outline(number)[:10] == font.outline(glyph)[:10]
    assert len(data) < 3000


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_fonttools_reads_a_part(path):
    """fontTools finds the same contours in a part as in the whole font."""
    ttlib = pytest.importorskip("fontTools.ttLib")
    font = read_font(path)
    wanted = sorted(font.glyphs.values())[::7]
    part = ttlib.TTFont(io.BytesIO(font.part(wanted)), checkChecksums=2)
    whole = ttlib.TTFont(path)
    for number, glyph in enumerate(wanted, 1):
        found = part["glyf"][part.getGlyphName(number)].getCoordinates(part["glyf"])
        expected = whole["glyf"][whole.getGlyphName(glyph)].getCoordinates(whole["glyf"])
        assert list(found[0]) == list(expected[0])
