"""`@FILE:KEY`, as a value is written on the command line: which file, and what in it."""

from __future__ import annotations

import os
from typing import NamedTuple

from graphcalc.diagnostics import Label, closest


class Reference(NamedTuple):
    """A file, what is wanted of it (None for all there is), and where that is written."""

    path: str
    key: str | None
    label: Label
    written: str = ""


def parse_reference(text: str, label: Label) -> Reference:
    """The file and the key of `FILE:KEY`.

    A file of the whole name wins, and the shortest one that is there otherwise: names of files and
    keys may both have colons.
    """
    written = f"@{text}"
    if os.path.exists(text):
        return Reference(text, None, label, written)
    places = [i for i, character in enumerate(text) if character == ":"]
    for place in places:
        if os.path.exists(text[:place]) or text[:place] == "-":
            return Reference(text[:place], _unquoted(text[place + 1 :]), label, written)
    if places and not _is_drive(text, places):
        path, _, key = text.partition(":")
        return Reference(path, _unquoted(key), label, written)
    return Reference(text, None, label, written)


def _is_drive(text: str, places: list[int]) -> bool:
    """Whether the only colon is that of a drive, as in `C:\\x.npy`."""
    return places == [1] and text[2:3] in ("\\", "/")


def _unquoted(key: str) -> str:
    is_quoted = len(key) > 1 and key[0] == key[-1] and key[0] in "\"'"
    return key[1:-1] if is_quoted else key


def near_names(path: str) -> str:
    """A hint for a file that is not there: one beside it with nearly its name."""
    folder, name = os.path.split(path)
    try:
        found = closest(name, [n for n in os.listdir(folder or ".") if n != name])
    except (OSError, ValueError):
        return ""
    return f"did you mean `{os.path.join(folder, found[0])}`?" if found else ""
