"""The page's style and scripts as they stand in a page: shortened, and most of it compressed.

`python -m graphcalc.drawing.page.generate` makes them of the files beside this one.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

# What `packed.json` has: the style that needs no script, the script that starts the others, and
# these with their style, for pages that compute and for records of a run.
PACKED = "packed.json"
# Digits of base 85 that mean something in JavaScript or HTML, and what stands in their place.
_UNSAFE, _SAFE = '"<\\', "vwx"
# What stands between a style and a script that are compressed together.
BETWEEN = "\0"


class PackedCode(NamedTuple):
    """What a page has of code.

    `start` is a script that unpacks its data into a style and the text `script`.
    """

    style: str
    start: str
    script: str


@cache
def packed_code(*, can_compute: bool) -> PackedCode:
    """Return the code of a page that computes, or of a record of a run."""
    packed = json.loads(files(__package__).joinpath(PACKED).read_text(encoding="utf-8"))
    data = packed["computing" if can_compute else "record"]
    script = unpacked(data).partition(BETWEEN)[2]
    return PackedCode(packed["style"], packed["start"].replace("DATA", f'"{data}"'), script)


def packed_text(text: str, compress: Callable[[bytes], bytes]) -> str:
    """Return a text compressed, in digits of base 85; blanks behind it make whole words of it."""
    for blanks in range(64):
        data = compress(text.encode() + b" " * blanks)
        digits = base64.a85encode(data).decode()
        # A word of zeros would be one digit of its own.
        if len(data) % 4 == 0 and "z" not in digits:
            return digits.translate(str.maketrans(_UNSAFE, _SAFE))
    raise AssertionError


def unpacked(data: str) -> str:
    """Return the text that was packed."""
    digits = data.translate(str.maketrans(_SAFE, _UNSAFE))
    return zlib.decompress(base64.a85decode(digits)).decode()
