"""The shipped fonts as a PDF embeds them: which characters they draw, and parts of them.

Source: the OpenType specification, tables `cmap` (format 4), `loca`, `glyf`, `hmtx` and `head`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from unicodedata import combining, normalize

from graphcalc.drawing.fonts import BOLD, REGULAR

# Drawn in place of what a font lacks.
REPLACEMENT = "\ufffd"
_CHECKSUM = 0xB1B0AFBA
# Flags of the parts of a composite glyph.
_WORDS, _SCALE, _MORE, _TWO_SCALES, _FOUR_SCALES = 0x1, 0x8, 0x20, 0x40, 0x80


class TrueTypeFont:
    """A font file with glyph outlines; every glyph is `advance` wide, in `units` of an em."""

    def __init__(self, data: bytes) -> None:
        count = struct.unpack_from(">H", data, 4)[0]
        entries = (struct.unpack_from(">4s4xII", data, 12 + 16 * i) for i in range(count))
        self._tables = {tag.decode(): data[start : start + size] for tag, start, size in entries}
        head, hhea = self._tables["head"], self._tables["hhea"]
        self.units: int = struct.unpack_from(">H", head, 18)[0]
        self.box: tuple[int, ...] = struct.unpack_from(">4h", head, 36)
        self.ascent, self.descent = struct.unpack_from(">2h", hhea, 4)
        self.advance: int = struct.unpack_from(">H", self._tables["hmtx"], 0)[0]
        self.glyphs = _characters(self._tables["cmap"]) if "cmap" in self._tables else {}
        self._offsets = _offsets(self._tables)

    def outline(self, glyph: int) -> bytes:
        """Return the outline of a glyph; empty for a space."""
        return self._tables["glyf"][self._offsets[glyph] : self._offsets[glyph + 1]]

    @property
    def advances(self) -> set[int]:
        """The widths of all glyphs: one in a monospace font."""
        count = struct.unpack_from(">H", self._tables["hhea"], 34)[0]
        return {struct.unpack_from(">H", self._tables["hmtx"], 4 * i)[0] for i in range(count)}

    def part(self, glyphs: Sequence[int]) -> bytes:
        """Return a font whose glyphs are the first of this font and then those given, in order.

        What composite glyphs are made of follows behind.
        """
        order = [0, *glyphs]
        place = {0: 0}
        outlines = []
        for glyph in order:  # grows while it is read
            outline = bytearray(self.outline(glyph))
            for at, component in _components(outline):
                if component not in place:
                    place[component] = len(order)
                    order.append(component)
                struct.pack_into(">H", outline, at, place[component])
            outlines.append(bytes(outline) + bytes(-len(outline) % 4))
        return _font_file(self._changed_tables(order, outlines))

    def _changed_tables(self, order: list[int], outlines: list[bytes]) -> dict[str, bytes]:
        kept = {tag: self._tables[tag] for tag in ("cvt ", "fpgm", "prep") if tag in self._tables}
        offsets = [0]
        for outline in outlines:
            offsets.append(offsets[-1] + len(outline))
        count = struct.pack(">H", len(order))
        hhea, maxp = bytearray(self._tables["hhea"]), bytearray(self._tables["maxp"])
        hhea[34:36] = maxp[4:6] = count
        head = bytearray(self._tables["head"])
        struct.pack_into(">I", head, 8, 0)
        struct.pack_into(">h", head, 50, 1)
        sides = (self.outline(glyph)[2:4] or bytes(2) for glyph in order)
        advance = struct.pack(">H", self.advance)
        return {
            **kept,
            "glyf": b"".join(outlines),
            "head": bytes(head),
            "hhea": bytes(hhea),
            "hmtx": b"".join(advance + side for side in sides),
            "loca": struct.pack(f">{len(offsets)}I", *offsets),
            "maxp": bytes(maxp),
        }


@lru_cache(2)
def read_font(path: Path) -> TrueTypeFont:
    """Return a shipped font."""
    return TrueTypeFont(path.read_bytes())


def font_of(kind: str) -> Path:
    """Return the font of a kind of text: names are bold."""
    return BOLD if kind == "name" else REGULAR


def clusters(text: str) -> list[str]:
    """Return a text as what is drawn with one glyph each: characters with the marks on them."""
    found: list[str] = []
    for character in normalize("NFC", text):
        if found and combining(character):
            found[-1] += character
        else:
            found.append(character)
    return found


def drawable(text: str, font: TrueTypeFont) -> str:
    """Return a text with a visible replacement for each character that a font lacks."""
    if text.isascii():
        return text
    known = font.glyphs
    return "".join(c if len(c) == 1 and ord(c) in known else REPLACEMENT for c in clusters(text))


def _characters(cmap: bytes) -> dict[int, int]:
    """Return the glyph of each character, from the first table of format 4."""
    count = struct.unpack_from(">H", cmap, 2)[0]
    starts = [struct.unpack_from(">4xI", cmap, 4 + 8 * i)[0] for i in range(count)]
    at = next(s for s in starts if struct.unpack_from(">H", cmap, s)[0] == 4)
    segments = struct.unpack_from(">H", cmap, at + 6)[0] // 2
    columns = (at + 14, *(at + 16 + 2 * segments * i for i in (1, 2, 3)))
    found = {}
    for number in range(segments):
        end, first, delta, offset = (
            struct.unpack_from(">H", cmap, column + 2 * number)[0] for column in columns
        )
        for character in range(first, min(end, 0xFFFE) + 1):
            glyph = character
            if offset:
                where = columns[3] + 2 * number + offset + 2 * (character - first)
                glyph = struct.unpack_from(">H", cmap, where)[0]
            glyph = (glyph + delta) & 0xFFFF if glyph or not offset else 0
            if glyph:
                found[character] = glyph
    return found


def _offsets(tables: dict[str, bytes]) -> list[int]:
    loca = tables["loca"]
    if struct.unpack_from(">h", tables["head"], 50)[0]:
        return list(struct.unpack(f">{len(loca) // 4}I", loca))
    return [2 * offset for offset in struct.unpack(f">{len(loca) // 2}H", loca)]


def _components(outline: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Yield where a composite glyph names its parts, and the parts."""
    if not outline or struct.unpack_from(">h", outline, 0)[0] >= 0:
        return
    at, flags = 10, _MORE
    while flags & _MORE:
        flags, glyph = struct.unpack_from(">HH", outline, at)
        yield at + 2, glyph
        at += 8 if flags & _WORDS else 6
        at += 2 * bool(flags & _SCALE) + 4 * bool(flags & _TWO_SCALES)
        at += 8 * bool(flags & _FOUR_SCALES)


def _font_file(tables: dict[str, bytes]) -> bytes:
    """Return the file of some tables, with their checksums."""
    power = 1 << (len(tables).bit_length() - 1)
    size = 16 * power
    header = struct.pack(
        ">IHHHH", 0x10000, len(tables), size, power.bit_length() - 1, 16 * len(tables) - size
    )
    at = len(header) + 16 * len(tables)
    body = b""
    for tag, table in sorted(tables.items()):
        entry = (tag.encode(), _checksum(table), at + len(body), len(table))
        header += struct.pack(">4sIII", *entry)
        body += table + bytes(-len(table) % 4)
    whole = bytearray(header + body)
    head = at + sum(len(t) + -len(t) % 4 for tag, t in sorted(tables.items()) if tag < "head")
    struct.pack_into(">I", whole, head + 8, (_CHECKSUM - _checksum(whole)) & 0xFFFFFFFF)
    return bytes(whole)


def _checksum(data: bytes | bytearray) -> int:
    padded = bytes(data) + bytes(-len(data) % 4)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}I", padded)
    return sum(words) & 0xFFFFFFFF
