"""Cut the shipped fonts out of DejaVu Sans Mono 2.37 with fontTools.

`python -m graphcalc.drawing.fonts.generate FOLDER` reads `DejaVuSansMono.ttf` and
`DejaVuSansMono-Bold.ttf` from the folder and writes the fonts of this one. Needs the extra `dev`.
"""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path

from graphcalc.drawing import fonts

# The files that the shipped fonts come from, by SHA-256.
SOURCES = {
    fonts.REGULAR: "0f5db4f1749979d961019838b160bec74abdf7f9eca69553fe1aa856bbff49a4",
    fonts.BOLD: "2964f6dac8e6e9d71613928340f17bf868e9ea51692cca333c79e74962f02233",
}
# ASCII, Latin-1, Latin Extended-A and Greek, without the unassigned code points between them.
_RANGES = (
    *((0x20, 0x7F), (0xA0, 0x180)),
    *((0x386, 0x38B), (0x38C, 0x38D), (0x38E, 0x3A2), (0x3A3, 0x3CF)),
)
_SYMBOLS = (
    "ϑϕϵ‐‑‒–—‘’‚“”„†‡•…‰′″‹›€←↑→↓↔⇐⇒⇔ℕℚℝℤℂ∀∂∃∅∆∇∈∉∋∏∑−∓∗∘√∛∝∞∠∧∨∩∪∫≈≅≃≠≡≤≥"
    "⊂⊃⊆⊇⊕⊗⊙⊤⊥⋅⌈⌉⌊⌋⟨⟩●○■□▲▼◆✓✗\ufffd"
    "⁰ⁱ⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓᵢⱼᵀ"
    "─│┌┐└┘├┤┬┴┼═║╔╗╚╝╠╣╦╩╬╭╮╯╰╴╵╶╷━┃▁▂▃▄▅▆▇█░▒▓"
)
CHARACTERS = frozenset(map(ord, _SYMBOLS)).union(*(range(*ends) for ends in _RANGES))
# Names that stay in a font: copyright, family, style, identifier, version, and the licence's page.
_NAMES = [0, 1, 2, 3, 4, 5, 6, 14]


def cut(source: bytes) -> bytes:
    """Return a font with the glyphs of `CHARACTERS` alone, without hints or features."""
    from fontTools import subset, ttLib

    options = subset.Options()
    options.hinting = options.glyph_names = options.recalc_timestamp = False
    options.layout_features = []
    options.name_IDs = _NAMES
    options.name_languages = [0x409]
    options.notdef_outline = True
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "FFTM", "gasp", "kern"]
    font = ttLib.TTFont(io.BytesIO(source), recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=CHARACTERS)
    subsetter.subset(font)
    result = io.BytesIO()
    font.save(result)
    return result.getvalue()


def main(folder: Path) -> None:
    """Write the shipped fonts from those of a folder."""
    for target, checksum in SOURCES.items():
        source = (folder / target.name).read_bytes()
        if hashlib.sha256(source).hexdigest() != checksum:
            raise SystemExit(f"{folder / target.name} is not the font of DejaVu 2.37")
        target.write_bytes(cut(source))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
