"""Columns of text: what is known of them, and tests of their cells as inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from graphcalc.diagnostics import DataError, Label, brief


class ColumnText(NamedTuple):
    """What is known of an input that may hold text.

    `cells` are its texts where they are known while the graph is made: one, or those of all rows.
    What `is_text` holds no numbers.
    """

    name: str
    cells: str | tuple[str, ...] | None
    is_text: bool


class TextTest(str):
    """An input of truth values that rows give: whether a cell says a text, or what another says.

    As a string it is unlike that of any other test. `columns` are one or two names, `keys` what
    the table calls them, and `text` is that of a test of one column.
    """

    columns: tuple[str, ...]
    keys: tuple[str, ...]
    text: str

    def __new__(cls, columns: tuple[str, ...], text: str = "") -> TextTest:
        """Return a test of columns by their names."""
        made = super().__new__(cls, repr((columns, text)))
        made.columns, made.keys, made.text = columns, columns, text
        return made

    def with_keys(self, keys: Sequence[str]) -> TextTest:
        """Return the test for a table that calls its columns so."""
        made = TextTest(self.columns, self.text)
        made.keys = tuple(keys)
        return made

    def holds(self, texts: Sequence[str]) -> bool:
        """Whether it is true where the columns say these texts."""
        return texts[0] == (self.text if len(texts) == 1 else texts[1])


def not_a_number(text: ColumnText, label: Label) -> DataError:
    """Return the error for a column of text where numbers are computed with."""
    first = text.cells if isinstance(text.cells, str) else next(iter(text.cells or ()), "")
    return DataError(
        "text-column",
        f"`{brief(text.name)}` holds text, not numbers",
        (label,),
        note=f"it begins with `{brief(first)}`" if first else "",
        help=f'text is compared: {brief(text.name)} == "…"',
    )
