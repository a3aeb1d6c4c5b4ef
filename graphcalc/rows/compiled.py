"""One pass over rows as Python functions, made of the graph's own nodes.

`backends.python_loops` says why functions of generated text serve where a loop does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from graphcalc.backends.python_loops import LoopText, define
from graphcalc.rows.plan import RowPlan, Stage
from graphcalc.tables.cells import NumberWatch
from graphcalc.tables.columns import LineText, RecordText


class Functions(NamedTuple):
    """A pass: over records while nothing is wrong, and of the numbers of one row.

    quick  (records, append) -> None: appends the line of every record and gathers what totals
           need, until something raises
    total  (numbers of the columns) -> (values to gather, outputs)
    watch  what reads the numbers, where some may be rounded
    """

    quick: Callable[..., None]
    total: Callable[..., tuple[list[Any], list[Any]]]
    gathered: list[list[Any]]
    watch: NumberWatch | None = None


# Cells of a line that are written one by one; more of them take minutes to compile.
_MOST_CELLS = 500


def _careful(records: Iterable[str], append: Callable[[str], None]) -> None:
    """Raise at every record, so that each is computed by itself."""
    for _ in records:
        raise ValueError


def compile_stage(plan: RowPlan, stage: Stage, reader: RecordText, line: LineText) -> Functions:
    """Return the functions of a pass over records that are read and written so."""
    operands = [o for g in stage.gathered for o in g.operands]
    gathered: list[list[Any]] = [[] for _ in operands]
    is_wide = len(reader.cells) > _MOST_CELLS
    quick = _careful if is_wide else _quick(plan, stage, reader, line, operands, gathered)
    text, body = _written(plan, stage, {}, is_quick=False)
    adds, outputs = (", ".join(map(text.text, part)) for part in (operands, stage.outputs))
    body.append(f"return [{adds}], [{outputs}]")
    total = define("total", [f"v{p}" for p in stage.columns], body, text.names)
    number = reader.names.get("number")
    return Functions(quick, total, gathered, number if isinstance(number, NumberWatch) else None)


def _quick(
    plan: RowPlan,
    stage: Stage,
    reader: RecordText,
    line: LineText,
    operands: list[int],
    gathered: list[list[Any]],
) -> Callable[..., Any]:
    """Return the function over records."""
    head = [f"v{position} = {text}" for position, text in zip(stage.columns, reader.numbers)]
    text, body = _written(plan, stage, {**reader.names, **line.names}, is_quick=True)
    for place, operand in enumerate(operands):
        text.names[f"add{place}"] = gathered[place].append
        body.append(f"add{place}({text.text(operand)})")
    fields = [_field(plan, p, text.text(p)) for p in stage.outputs]
    written = f'f"""{line.text.format(*fields)}"""' if stage.has_lines else "''"
    statements = [*reader.unpack, *head, *body, f"append({written})"]
    lines = ["for line in records:", *(f"    {s}" for s in statements)]
    return define("quick", ["records", "append"], lines, text.names)


def _written(
    plan: RowPlan, stage: Stage, names: dict[str, Any], *, is_quick: bool
) -> tuple[LoopText, list[str]]:
    """Return the text of the row nodes, and its statements."""
    text = LoopText(
        plan.graph, {p: f"v{p}" for p in stage.columns}, plan.number, names, is_quick=is_quick
    )
    # What is put out or gathered is a variable: it may be read twice.
    uses = dict.fromkeys((*stage.outputs, *(o for g in stage.gathered for o in g.operands)), 2)
    return text, text.statements(stage.steps, uses)


def _field(plan: RowPlan, position: int, text: str) -> str:
    """Return an output as a field of an f-string; what reads it takes `.0` off."""
    if plan.graph.nodes[position].type.dtype == "bool":
        return f"{{'true' if {text} else 'false'}}"
    return f"{{{text}!r}}"
