"""Tokens of a text, and the brackets among them."""

from __future__ import annotations

from typing import NamedTuple


class Token(NamedTuple):
    """A terminal of the grammar: its kind and where it stands."""

    kind: str
    start: int
    end: int


CLOSING = {")": "(", "]": "["}
OPENING = {"(": ")", "[": "]"}
