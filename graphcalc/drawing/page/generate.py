"""Shorten and compress the page's style and scripts: write `packed.json` from the files beside it.

`python -m graphcalc.drawing.page.generate` needs the extra `dev`. What it writes is shipped because
versions of zlib differ in their bytes, and pages shall not.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from graphcalc.drawing.page.code import BETWEEN, PACKED
from graphcalc.drawing.palette import DARK, LIGHT, Palette

_FOLDER = Path(__file__).parent
_SCRIPTS = ("step.js", "table.js", "view.js", "teach.js")
_COMPUTING = ("compute.js", "edit.js")
_TYPES = {".js": "application/javascript", ".css": "text/css"}


def checksum() -> str:
    """Return what tells the files that `packed.json` comes from."""
    sources = sorted([*_FOLDER.glob("*.js"), *_FOLDER.glob("*.css")])
    texts = [*(path.read_bytes() for path in sources), repr((LIGHT, DARK)).encode()]
    return hashlib.sha256(b"".join(texts)).hexdigest()


def pack() -> str:
    """Return the text of `packed.json`."""
    found = {
        "sources": checksum(),
        "style": _short(_coloured(_read("page.css"), LIGHT), ".css"),
        "start": _short(_read("start.js"), ".js").rstrip(";"),
        "record": _compressed(_SCRIPTS),
        "computing": _compressed((*_SCRIPTS, *_COMPUTING)),
    }
    return json.dumps(found, indent=1) + "\n"


def _compressed(names: tuple[str, ...]) -> str:
    script = "".join(_read(name) for name in names)
    whole = _short(f'(() => {{\n"use strict";\n{script}\nstart();\n}})()', ".js")
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    style = f":root{{color-scheme:light dark;{_variables(LIGHT)}}}{dark}{_read('controls.css')}"
    return _deflated(f"{_short(style, '.css')}{BETWEEN}{whole}")


def _deflated(text: str) -> str:
    from zopfli import zlib

    return base64.b64encode(zlib.compress(text.encode(), numiterations=100)).decode()


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


def _short(text: str, suffix: str) -> str:
    import minify

    return str(minify.string(_TYPES[suffix], text))


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    (_FOLDER / PACKED).write_text(pack(), encoding="utf-8")
