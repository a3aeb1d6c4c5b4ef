"""A scene as PDF: one page, with text that can be selected, searched and copied.

Source: ISO 32000-1:2008 (PDF 1.7), section 9.7 for the fonts, 14.11 and table 30 for `UserUnit`.
The same scene gives the same bytes: there is no date and no identifier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from graphcalc.drawing.layout import Point
from graphcalc.drawing.palette import DASHES, LIGHT, fill_of, text_colour
from graphcalc.drawing.scene import (
    COLUMN,
    FONT_SIZE,
    LABEL_SIZE,
    STACK,
    BoxShape,
    LineShape,
    Scene,
    TextShape,
    path,
)
from graphcalc.drawing.svg import radius
from graphcalc.drawing.truetype import REPLACEMENT, clusters, font_of, read_font

# Units of a page for a pixel: 96 pixels and 72 units make an inch.
_UNIT = 0.75
# The largest page, in units; larger pictures have larger units.
LARGEST = 14_400
# How far the control points of a quarter of a circle are from its ends, in radii.
_ARC = 0.5523
_OPERATORS = {"move": "m", "line": "l", "curve": "c"}


def as_pdf(scene: Scene) -> bytes:
    """Return the picture as a PDF document."""
    texts = _PdfTexts()
    units = max(1, ceil(max(scene.width, scene.height) * _UNIT / LARGEST))
    scale = _UNIT / units
    width, height = scene.width * scale, scene.height * scale
    drawing = [f"{scale:.6g} 0 0 {-scale:.6g} 0 {_number(height)} cm", *_shapes(scene, texts)]
    file = _PdfFile()
    pages = file.reserve()
    names = {texts.names[p]: _font(file, texts, p) for p in texts.names}
    fonts = " ".join(f"/{name} {number} 0 R" for name, number in names.items())
    contents = file.add_stream("\n".join(drawing).encode("ascii"))
    unit = f" /UserUnit {units}" if units > 1 else ""
    page = file.add(
        f"<< /Type /Page /Parent {pages} 0 R /MediaBox [0 0 {_number(width)} {_number(height)}]"
        f"{unit} /Resources << /Font << {fonts} >> >> /Contents {contents} 0 R >>"
    )
    file.put(pages, f"<< /Type /Pages /Kids [{page} 0 R] /Count 1 >>")
    root = file.add(
        f"<< /Type /Catalog /Pages {pages} 0 R /Lang (en) /ViewerPreferences"
        " << /DisplayDocTitle true >> >>"
    )
    title = scene.title.encode("utf-16-be", "replace").hex().upper()
    info = file.add(f"<< /Title <FEFF{title}> /Producer (graphcalc) >>")
    return file.document(root, info)


# Shapes


def _shapes(scene: Scene, texts: _PdfTexts) -> Iterator[str]:
    """Yield the drawing commands of the picture, lines below boxes."""
    yield f"{_colour(LIGHT.paper)} rg 0 0 {_number(scene.width)} {_number(scene.height)} re f"
    yield f"{_colour(LIGHT.line)} RG {_colour(LIGHT.line)} rg 1.4 w"
    for line in scene.lines:
        yield f"{_path(line)} S"
    for line in scene.lines:
        yield _head(line.points[-1])
    for shape in scene.boxes:
        yield from _box(shape)
        yield from (texts.draw(text) for text in shape.texts)
    for label in scene.labels:
        corner = f"{_number(label.x)} {_number(label.y)}"
        size = f"{_number(label.width)} {_number(label.height)}"
        yield f"{_colour(LIGHT.paper)} rg {corner} {size} re f"
        yield texts.draw(label.text)
    yield from (texts.draw(caption) for caption in scene.captions)


def _path(line: LineShape) -> str:
    return " ".join(
        " ".join(f"{_number(x)} {_number(y)}" for x, y in points) + f" {_OPERATORS[command]}"
        for command, points in path(line)
    )


def _head(end: Point) -> str:
    x, y = end
    corners = f"{_number(x - 3.6)} {_number(y - 8)} l {_number(x + 3.6)} {_number(y - 8)} l"
    return f"{_number(x)} {_number(y)} m {corners} h f"


def _box(shape: BoxShape) -> Iterator[str]:
    box = shape.box
    border = box.border(LIGHT)
    dashes = DASHES if border.is_dashed else ""
    yield f"{_colour(border.colour)} RG {_number(border.weight)} w [{dashes}] 0 d"
    for shift in (STACK, 0.0) if box.is_folded else (0.0,):
        fill = fill_of(LIGHT, box.role, None if shift else box.shade)
        yield f"{_colour(fill)} rg {_rectangle(shape, shift)} B"


def _rectangle(shape: BoxShape, shift: float) -> str:
    """Return the outline of a box, with round corners."""
    r = radius(shape)
    left, top = shape.x + shift, shape.y + shift
    right, bottom = left + shape.width, top + shape.height
    far, near = r * _ARC, r * (1 - _ARC)
    commands = (
        ("m", left + r, top),
        ("l", right - r, top),
        ("c", right - near, top, right, top + near, right, top + r),
        ("l", right, bottom - r),
        ("c", right, bottom - near, right - near, bottom, right - r, bottom),
        ("l", left + r, bottom),
        ("c", left + r - far, bottom, left, bottom - near, left, bottom - r),
        ("l", left, top + r),
        ("c", left, top + near, left + near, top, left + r, top),
    )
    drawn = (f"{' '.join(map(_number, numbers))} {operator}" for operator, *numbers in commands)
    return " ".join(drawn) + " h"


def _number(number: float) -> str:
    return f"{number:.2f}".rstrip("0").removesuffix(".")


def _colour(colour: str) -> str:
    """Return a colour as three numbers."""
    return " ".join(f"{int(colour[i : i + 2], 16) / 255:.3g}" for i in (1, 3, 5))


# Texts


class _PdfTexts:
    """The texts of a document: for each font its name and the glyphs that are used.

    A code of a text is the number of a glyph in the part of the font that is embedded; it stands
    for a character with the marks on it.
    """

    def __init__(self) -> None:
        self.names: dict[Path, str] = {}
        self.codes: dict[Path, dict[str, int]] = {}

    def draw(self, shape: TextShape) -> str:
        """Return the commands that draw a text."""
        font = font_of(shape.kind)
        name = self.names.setdefault(font, f"F{len(self.names)}")
        codes = self.codes.setdefault(font, {})
        parts = clusters(shape.text)
        text = "".join(f"{codes.setdefault(part, len(codes) + 1):04X}" for part in parts)
        size = LABEL_SIZE if shape.kind == "label" else FONT_SIZE
        x = shape.x
        if shape.kind != "caption":
            x -= len(parts) * COLUMN * size / FONT_SIZE / 2
        fill = _colour(text_colour(LIGHT, shape.kind))
        place = f"1 0 0 -1 {_number(x)} {_number(shape.y)} Tm"
        return f"BT {fill} rg /{name} {_number(size)} Tf {place} <{text}> Tj ET"


def _font(file: _PdfFile, texts: _PdfTexts, path: Path) -> int:
    """Add the part of a font that texts use, and what its codes stand for."""
    font, codes = read_font(path), texts.codes[path]
    missing = font.glyphs[ord(REPLACEMENT)]
    glyphs = [font.glyphs.get(ord(c), missing) if len(c) == 1 else missing for c in codes]
    part = font.part(glyphs)
    name = f"{_tag(part)}+{path.stem}"
    program = file.add_stream(part, f" /Length1 {len(part)}")
    scale = 1000 / font.units
    box = " ".join(_number(edge * scale) for edge in font.box)
    ascent, descent = _number(font.ascent * scale), _number(font.descent * scale)
    descriptor = file.add(
        f"<< /Type /FontDescriptor /FontName /{name} /Flags 5 /FontBBox [{box}] /ItalicAngle 0"
        f" /Ascent {ascent} /Descent {descent} /CapHeight 729 /StemV 80"
        f" /FontFile2 {program} 0 R >>"
    )
    descendant = file.add(
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{name} /CIDSystemInfo << /Registry"
        f" (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor {descriptor} 0 R"
        f" /DW {_number(font.advance * scale)} /CIDToGIDMap /Identity >>"
    )
    unicode = file.add_stream(_unicode(list(codes)))
    return file.add(
        f"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H"
        f" /DescendantFonts [{descendant} 0 R] /ToUnicode {unicode} 0 R >>"
    )


def _tag(part: bytes) -> str:
    """Return the six letters that tell parts of one font from each other."""
    return "".join(chr(65 + byte % 26) for byte in hashlib.sha256(part).digest()[:6])


def _unicode(texts: list[str]) -> bytes:
    """Return the table from codes, which count from 1, to texts."""
    lines = [
        "/CIDInit /ProcSet findresource begin",
        "12 dict begin begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        "1 begincodespacerange <0000> <FFFF> endcodespacerange",
    ]
    for start in range(0, len(texts), 100):  # a block has at most 100 entries
        block = texts[start : start + 100]
        lines.append(f"{len(block)} beginbfchar")
        for code, text in enumerate(block, start + 1):
            lines.append(f"<{code:04X}> <{text.encode('utf-16-be', 'replace').hex().upper()}>")
        lines.append("endbfchar")
    lines.append("endcmap CMapName currentdict /CMap defineresource pop end end")
    return "\n".join(lines).encode("ascii")


# The file


class _PdfFile:
    """The objects of a document, numbered from 1."""

    def __init__(self) -> None:
        self._objects: list[bytes] = []

    def reserve(self) -> int:
        """Return the number of an object that is added later."""
        self._objects.append(b"")
        return len(self._objects)

    def put(self, number: int, text: str) -> None:
        """Add an object under a reserved number."""
        self._objects[number - 1] = text.encode("ascii")

    def add(self, text: str) -> int:
        """Add an object; return its number."""
        self._objects.append(text.encode("ascii"))
        return len(self._objects)

    def add_stream(self, data: bytes, entries: str = "") -> int:
        """Add a stream; return its number.

        It is not compressed: versions of zlib differ in their bytes.
        """
        head = f"<< /Length {len(data)}{entries} >>".encode("ascii")
        self._objects.append(head + b"\nstream\n" + data + b"\nendstream")
        return len(self._objects)

    def document(self, root: int, info: int) -> bytes:
        """Return the whole file."""
        written = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        offsets = []
        for number, data in enumerate(self._objects, 1):
            offsets.append(len(written))
            written += b"%d 0 obj\n%b\nendobj\n" % (number, data)
        start, size = len(written), len(offsets) + 1
        written += b"xref\n0 %d\n0000000000 65535 f \n" % size
        written += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
        written += b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\n" % (size, root, info)
        return bytes(written + b"startxref\n%d\n%%%%EOF\n" % start)
