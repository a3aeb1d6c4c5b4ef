"""The check that the shipped parse tables belong to the grammar."""

from graphcalc.syntax.generate import build_tables, render


def assert_tables_current(shipped, grammar):
    """The text of tables.py is what Lark builds from the text of the grammar."""
    assert shipped == render(build_tables(grammar)), (
        "tables.py is stale: run `python -m graphcalc.syntax.generate`"
    )
