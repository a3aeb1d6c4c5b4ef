"""How results show themselves in notebooks and at prompts; `notebook.py` says what draws them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# What returns an object as HTML, and as text, by its class.
HTML: dict[type, Callable[[Any], str]] = {}
TEXT: dict[type, Callable[[Any], str]] = {}


class Displayed:
    """Base class of what a notebook shows as HTML, and a prompt as text."""

    def _repr_html_(self) -> str | None:
        found = _printer(HTML, self)
        return None if found is None else found(self)

    def __repr__(self) -> str:
        found = text_of(self)
        return super().__repr__() if found is None else found


def text_of(shown: object) -> str | None:
    """Return an object as text; None where nothing draws its class."""
    found = _printer(TEXT, shown)
    return None if found is None else found(shown)


def _printer(printers: dict[type, Callable[[Any], str]], shown: object) -> Any:
    return next((printers[c] for c in type(shown).__mro__ if c in printers), None)
