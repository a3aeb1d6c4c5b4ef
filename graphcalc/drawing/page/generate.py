"""Shorten and compress the page's style and scripts: write `packed.json` from the files beside it.

`python -m graphcalc.drawing.page.generate` needs the extra `dev`, and Node.js for terser. What it
writes is shipped because versions of zlib differ in their bytes, and pages shall not.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

from graphcalc.drawing.page.code import BETWEEN, PACKED, packed_text
from graphcalc.drawing.palette import DARK, LIGHT, Palette

_FOLDER = Path(__file__).parent
_SCRIPTS = ("step.js", "table.js", "view.js", "teach.js")
_COMPUTING = ("compute.js", "edit.js")
_TERSER = ("npx", "--yes", "terser@5.44", "--compress", "passes=3", "--mangle")


def checksum() -> str:
    """Return what tells the files that `packed.json` comes from."""
    sources = sorted([*_FOLDER.glob("*.js"), *_FOLDER.glob("*.css")])
    texts = [*(path.read_bytes() for path in sources), repr((LIGHT, DARK)).encode()]
    return hashlib.sha256(b"".join(texts)).hexdigest()


def pack() -> str:
    """Return the text of `packed.json`."""
    found = {
        "sources": checksum(),
        "style": _short_style(_coloured(_read("page.css"), LIGHT)),
        "start": _short_script(_read("start.js")),
        "record": _compressed(_SCRIPTS),
        "computing": _compressed((*_SCRIPTS, *_COMPUTING)),
    }
    return json.dumps(found, indent=1) + "\n"


def _compressed(names: tuple[str, ...]) -> str:
    script = "".join(_read(name) for name in names)
    whole = _short_script(f'(() => {{\n"use strict";\n{script}\nstart();\n}})()')
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    style = f":root{{color-scheme:light dark;{_variables(LIGHT)}}}{dark}{_read('controls.css')}"
    return packed_text(f"{_short_style(style)}{BETWEEN}{whole}", _deflated)


def _deflated(data: bytes) -> bytes:
    from zopfli import zlib

    return bytes(zlib.compress(data, numiterations=100))


def _colours(palette: Palette) -> dict[str, str]:
    """Return the colours of a palette as the style names them."""
    return {
        "paper": palette.paper,
        "line": palette.line,
        "text": palette.text,
        "muted": palette.muted,
        "grad": palette.gradient,
        "nan": palette.born,
        "shade": palette.shade,
        **{role[0]: colour for role, colour in palette.fill.items()},
        **{f"{role[0]}l": colour for role, colour in palette.border.items()},
    }


def _variables(palette: Palette) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in _colours(palette).items())


def _coloured(style: str, palette: Palette) -> str:
    """Return a style with colours in the place of their names."""
    for name, colour in _colours(palette).items():
        style = style.replace(f"var(--{name})", colour)
    return style


def _short_script(text: str) -> str:
    """Return a script without comments and blanks, with short names of what is its own."""
    done = subprocess.run(_TERSER, input=text, capture_output=True, text=True, check=True)
    return done.stdout.strip().rstrip(";")


def _short_style(text: str) -> str:
    return re.sub(r"/\*.*?\*/|\n", "", text, flags=re.DOTALL)


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    (_FOLDER / PACKED).write_text(pack(), encoding="utf-8")
