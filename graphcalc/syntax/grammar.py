"""The grammar's text and its tables."""

from __future__ import annotations

import os
from typing import NamedTuple


class Tables(NamedTuple):
    """An LALR(1) automaton as plain data.

    A value of `actions[state][kind]` is the next state, or `~rule` to reduce; a terminal's
    kind is its literal text, or its name in the grammar. `words` are those that may be names too,
    with their kinds. `rules` are (origin, size, action).
    """

    checksum: int
    patterns: dict[str, str]
    literals: dict[str, str]
    words: dict[str, str]
    actions: list[dict[str, int]]
    gotos: list[dict[str, int]]
    rules: list[tuple[str, int, str]]
    starts: dict[str, int]
    ends: dict[str, int]


def read_grammar() -> str:
    """The text of `graphcalc.lark`: package data in a wheel, the repository's own otherwise."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in (package, os.path.dirname(package)):
        path = os.path.join(folder, "grammars", "graphcalc.lark")
        if os.path.exists(path):
            with open(path, encoding="utf-8", newline="\n") as file:
                return file.read()
    raise FileNotFoundError("grammars/graphcalc.lark is missing from this installation")
