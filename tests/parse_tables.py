"""The check that the shipped parse tables belong to the grammar."""

from graphcalc.syntax.generate import build_tables, render


def canonical(tables):
    """The automaton with its states in the order in which a walk from the start finds them.

    Lark numbers states and rules as its sets happen to be ordered, which differs between runs.
    """
    order = [state for _, state in sorted(tables.starts.items())]
    number = {state: i for i, state in enumerate(order)}
    rows = []
    for state in order:  # grows while it is walked
        row = {}
        for symbol, target in sorted({**tables.actions[state], **tables.gotos[state]}.items()):
            if target < 0:
                row[symbol] = tables.rules[~target]
                continue
            if target not in number:
                number[target] = len(order)
                order.append(target)
            row[symbol] = number[target]
        rows.append(row)
    ends = {start: number[state] for start, state in tables.ends.items()}
    return rows, ends, sorted(tables.rules), tables.patterns, tables.literals, tables.checksum


def assert_tables_current(shipped, grammar):
    """The text of a tables.py holds the automaton that Lark builds from the grammar."""
    names = {}
    exec(compile(shipped, "tables.py", "exec"), names)
    tables = names["TABLES"]
    assert canonical(tables) == canonical(build_tables(grammar)), (
        "tables.py is stale: run `python -m graphcalc.syntax.generate`"
    )
    assert render(tables) == shipped, "tables.py was edited by hand"
