"""Columns of text among the names and results of a program: rows carry them as they are."""

from __future__ import annotations

from collections.abc import Mapping

from graphcalc.graph.builder import Builder
from graphcalc.graph.ir import Where, label_of
from graphcalc.graph.text_columns import ColumnText, not_a_number


class CarriedText:
    """The columns of text that a program gives names or has as results.

    `columns` are their names by those that they come out with. Without rows (`is_rows`) nothing
    carries them.
    """

    def __init__(self, builder: Builder, *, is_rows: bool) -> None:
        self._builder, self._is_rows = builder, is_rows
        self.columns: dict[str, str] = {}

    def takes(self, position: int, where: Where) -> bool:
        """Whether a result is a column of text. Raises DataError where no rows carry it."""
        text = self._text(position)
        if text is None:
            return False
        if not self._is_rows:
            raise not_a_number(text, label_of(where))
        self.columns[text.name] = text.name
        return True

    def names_of_others(self, names: Mapping[str, int], *, has_results: bool) -> dict[str, int]:
        """Return the names of other nodes; those of columns of text are carried.

        Raises DataError where text is all there is to show, and no rows carry it.
        """
        others = {}
        for name, position in names.items():
            text = self._text(position)
            if text is None:
                others[name] = position
            elif name != text.name:
                self.columns[name] = text.name
        if not others and not has_results and not self._is_rows:
            self._refuse(names)
        return others

    def _text(self, position: int) -> ColumnText | None:
        text = self._builder.texts.get(self._builder.source_of(position))
        return text if text is not None and text.is_text else None

    def _refuse(self, names: Mapping[str, int]) -> None:
        for name, column in self.columns.items():
            where = self._builder.nodes[names[name]].where
            text = self._builder.texts[names[column]]
            raise not_a_number(text, label_of(where))
