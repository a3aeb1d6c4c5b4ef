"""The page's style and scripts as they stand in a page: shortened, and most of it compressed.

`python -m graphcalc.drawing.page.generate` makes them of the files beside this one.
"""

from __future__ import annotations

import base64
import json
import zlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

# What `packed.json` has: the style that needs no script, the script that starts the others, and
# these with their style, for pages that compute and for records of a run.
PACKED = "packed.json"
# What stands between a style and a script that are compressed together.
BETWEEN = "\0"


class PackedCode(NamedTuple):
    """What a page has of code.

    `start` is a function in JavaScript that unpacks `data`, into elements with the texts `inner`
    and `script`.
    """

    style: str
    start: str
    data: str
    inner: str
    script: str


@cache
def packed_code(*, can_compute: bool) -> PackedCode:
    """Return the code of a page that computes, or of a record of a run."""
    packed = json.loads(files(__package__).joinpath(PACKED).read_text(encoding="utf-8"))
    data = packed["computing" if can_compute else "record"]
    inner, script = zlib.decompress(base64.b64decode(data)).decode().split(BETWEEN)
    return PackedCode(packed["style"], packed["start"], data, inner, script)
