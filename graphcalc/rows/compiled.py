"""One pass over rows as a Python function, made of the graph's own nodes.

The text of the function holds numbered variables, numbers, and calls of the op table's kernels:
nothing of a user's program or data stands in it as it was written.

Where plain Python raises and IEEE 754 does not (1/0, log(-1)), the function raises, which is rare
and makes it fast; `total` is its twin for such rows, of the kernels that never raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from graphcalc.graph.ir import Node
from graphcalc.ops.kernels import numeric
from graphcalc.ops.table import OPS
from graphcalc.rows.plan import RowPlan, Stage

# Python's own compiler takes no deeper brackets than 200.
_DEEPEST = 20


class Reader(NamedTuple):
    """How the text of a pass gets numbers and cells out of a record.

    unpack   statements that take the record `line` apart, or raise where that takes more care
    numbers  for each column that the pass reads the text of its number
    cells    for each place of a column that is put out as a cell the text of that
    names    what all of these need
    """

    unpack: tuple[str, ...]
    numbers: tuple[str, ...]
    cells: dict[int, str]
    names: dict[str, Any]


class LineText(NamedTuple):
    """How the text of a pass writes a line.

    text   the inside of an f-string, where `{0}`, `{1}`, … stand for the outputs
    names  what it needs
    """

    text: str
    names: dict[str, Any]


class Functions(NamedTuple):
    """A pass: over records while nothing is wrong, and of the numbers of one row.

    quick  (records, append) -> None: appends the line of every record and gathers what totals
           need, until something raises
    total  (numbers of the columns) -> (values to gather, outputs)
    """

    quick: Callable[..., None]
    total: Callable[..., tuple[list[Any], list[Any]]]
    gathered: list[list[Any]]


def compile_stage(plan: RowPlan, stage: Stage, reader: Reader, line: LineText) -> Functions:
    """The functions of a pass over records that are read and written so."""
    operands = [o for g in stage.gathered for o in g.operands]
    gathered: list[list[Any]] = [[] for _ in operands]
    quick = _quick(plan, stage, reader, line, operands, gathered)
    names: dict[str, Any] = {}
    body, texts = _text(plan, stage, names, is_quick=False)
    adds, outputs = ([texts[p] for p in part] for part in (operands, stage.outputs))
    body.append(f"return [{', '.join(adds)}], [{', '.join(outputs)}]")
    total = _define("total", [f"v{p}" for p in stage.columns], body, names)
    return Functions(quick, total, gathered)


def _quick(
    plan: RowPlan,
    stage: Stage,
    reader: Reader,
    line: LineText,
    operands: list[int],
    gathered: list[list[Any]],
) -> Callable[..., Any]:
    """The function over records."""
    names: dict[str, Any] = {**reader.names, **line.names}
    head = [f"v{position} = {text}" for position, text in zip(stage.columns, reader.numbers)]
    body, texts = _text(plan, stage, names, is_quick=True)
    for place, operand in enumerate(operands):
        names[f"add{place}"] = gathered[place].append
        body.append(f"add{place}({texts[operand]})")
    shown = [_shown(plan, p, texts[p]) for p in stage.outputs]
    text = f'f"""{line.text.format(*shown)}"""' if stage.has_lines else "''"
    statements = [*reader.unpack, *head, *body, f"append({text})"]
    lines = ["for line in records:", *(f"    {s}" for s in statements)]
    return _define("quick", ["records", "append"], lines, names)


def _define(
    name: str, parameters: list[str], body: list[str], names: dict[str, Any]
) -> Callable[..., Any]:
    """A function of this text; names are parameters with defaults, as locals are fastest."""
    given = ", ".join([*parameters, *(f"{n}={n}" for n in names)])
    text = "\n".join([f"def {name}({given}):", *(f"    {line}" for line in body)])
    space: dict[str, Any] = dict(names)
    exec(compile(text, "<rows>", "exec"), space)
    found: Callable[..., Any] = space[name]
    return found


def _text(
    plan: RowPlan, stage: Stage, names: dict[str, Any], *, is_quick: bool
) -> tuple[list[str], dict[int, str]]:
    """Statements for the row nodes, and the text of each node; a node that is read once is
    written in its reader."""
    nodes = plan.graph.nodes
    uses: dict[int, int] = {}
    for position in stage.steps:
        for operand in nodes[position].operands:
            uses[operand] = uses.get(operand, 0) + 1
    for position in (*stage.outputs, *(o for g in stage.gathered for o in g.operands)):
        uses[position] = uses.get(position, 0) + 2
    texts = {p: f"v{p}" for p in stage.columns}
    depths = dict.fromkeys(stage.columns, 0)
    body = []
    for position in stage.steps:
        node = nodes[position]
        operands = []
        for operand in node.operands:
            if operand not in texts:
                texts[operand] = _constant(plan, operand, names)
            operands.append(texts[operand])
        operands = list(_cast(plan, node, operands))
        text = _call(node, operands, names, is_quick)
        depth = 1 + max((depths.get(i, 0) for i in node.operands), default=0)
        if uses.get(position, 0) > 1 or depth > _DEEPEST or node.op.python is numeric.where:
            body.append(f"v{position} = {text}")
            text, depth = f"v{position}", 0
        texts[position], depths[position] = text, depth
    for position in stage.outputs:
        if position not in texts:
            texts[position] = _constant(plan, position, names)
    return body, texts


def _constant(plan: RowPlan, position: int, names: dict[str, Any]) -> str:
    """A number that is known before the pass."""
    value = plan.number(position)
    if type(value) is float and value - value == 0 and value >= 0 and str(value)[0] != "-":
        return repr(value)
    names[f"v{position}"] = value
    return f"v{position}"


def _cast(plan: RowPlan, node: Node, operands: list[str]) -> Iterator[str]:
    """The operands as the kernel wants them: numbers where they are truth values, say."""
    from graphcalc.backends.python import conversion

    for place, text in enumerate(operands):
        convert = conversion(plan.graph, node, place)
        yield text if convert is None else f"{convert.__name__}({text})"


def _call(node: Node, operands: list[str], names: dict[str, Any], is_quick: bool) -> str:
    """The text that computes a node."""
    if node.op is OPS["alias"]:
        return operands[0]
    kernel = node.op.python
    raising = node.op.raising if is_quick else ""
    source = node.op.inline or (raising if isinstance(raising, str) else "")
    if source:
        return source.format(*operands)
    if callable(raising):
        kernel = raising
    name = f"k{len(names)}"
    for known, value in names.items():
        if value is kernel:
            name = known
    names[name] = kernel
    return f"{name}({', '.join([*operands, *map(repr, node.params)])})"


def _shown(plan: RowPlan, position: int, text: str) -> str:
    """An output as a field of an f-string; what reads it takes `.0` off."""
    dtype = plan.graph.nodes[position].type.dtype
    if dtype == "bool":
        return f"{{'true' if {text} else 'false'}}"
    return f"{{{text}!r}}"
