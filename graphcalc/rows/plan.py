"""What of a program is computed for each row, and what for all rows together.

A column is a tensor with one element a row, so an elementwise node is computed row by row, and a
reduction of one is a *total*: a number that is known after the last row. What needs a total for
each row needs another pass over the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphcalc.backends.base import NullObserver, Settings
from graphcalc.backends.choose import compile_graph
from graphcalc.backends.python import native
from graphcalc.diagnostics import Label, ProgramError, ShapeError, brief
from graphcalc.graph.ir import Graph, Node, text_of
from graphcalc.graph.text import node_text
from graphcalc.numbers import exact, rounded
from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.ops.kernels.totals import TOTALS, Total
from graphcalc.ops.shapes import show
from graphcalc.ops.sizes import ALL_ROWS, ROWS, Size, substitute
from graphcalc.ops.spec import FLOATS
from graphcalc.ops.table import OPS


class Gathered(NamedTuple):
    """A total of some row nodes: its own node, and which of `TOTALS` it is."""

    position: int
    operands: tuple[int, ...]
    total: Total


class Stage(NamedTuple):
    """One pass over the rows: the row nodes to compute in order, of which totals are gathered.

    `columns` are the positions of the inputs that it reads. The last pass over rows `has_lines`:
    its rows are put out, with the outputs among them.
    """

    columns: tuple[int, ...]
    steps: tuple[int, ...]
    gathered: tuple[Gathered, ...]
    outputs: tuple[int, ...]
    has_lines: bool


class PartialGraph(NamedTuple):
    """Some nodes of a plan's graph as one of its own; `places` are theirs in it, by position."""

    graph: Graph
    places: dict[int, int]


@dataclass(eq=False)
class RowPlan:
    """The passes that a graph of columns needs for its outputs.

    `outputs` are positions in the graph. `has_rows` says whether there is one line of them for
    every row, or a single one of totals. `values` are those of nodes that are known, by position.
    """

    graph: Graph
    outputs: tuple[int, ...]
    settings: Settings = Settings()
    levels: list[int] = field(default_factory=list)
    totals: dict[int, Gathered] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    has_rows: bool = True
    values: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        nodes = self.graph.nodes
        for position, node in enumerate(nodes):
            self.levels.append(self._level(position, node))
        for position in self.outputs:
            self._check_output(position)
        depends = [self.levels[p] > 0 and not self.is_row(p) for p in self.outputs]
        self.has_rows = not all(depends) or not depends or bool(self.graph.carried)
        count = max((self.levels[p] for p in self.outputs), default=0)
        needed = self._needed()
        for level in range(count + self.has_rows):
            gathered = [
                t
                for p, t in self.totals.items()
                if p in needed and max(self.levels[o] for o in t.operands) == level
            ]
            is_last = self.has_rows and level == count
            self.stages.append(self._stage(gathered, self.outputs if is_last else (), is_last))
        # A row that fails in one pass fails in all of them.
        columns = tuple(sorted({column for stage in self.stages for column in stage.columns}))
        self.stages = [stage._replace(columns=columns) for stage in self.stages]
        self.settle(0, 0, {})

    def choose(self, outputs: tuple[int, ...]) -> None:
        """Put out some of the outputs only, in this order."""
        self.outputs = outputs
        for place, stage in enumerate(self.stages):
            if stage.has_lines:
                self.stages[place] = stage._replace(outputs=outputs)

    def number(self, position: int) -> Any:
        """The single number of a node that is known."""
        value = self.values[position]
        return value.data[0] if type(value) is NDArray else value

    def text(self, position: int) -> str:
        """The same as it is written."""
        return exact(self.number(position), self.graph.nodes[position].type.dtype)

    def is_row(self, position: int) -> bool:
        """Whether a node has an element for every row."""
        return Size in map(type, self.graph.nodes[position].type.shape)

    def settle(self, level: int, rows: int, totals: Mapping[int, Any]) -> None:
        """Take what a pass gave, and compute every node that it makes known."""
        nodes = self.graph.nodes
        for position, value in totals.items():
            type_ = nodes[position].type
            value = rounded(value, type_.dtype) if type_.dtype in FLOATS else value
            self.values[position] = NDArray(type_.shape, [value]) if type_.shape else value
        known = set(self.values)
        found = []
        for position in sorted(self._needed() - known - self.totals.keys()):
            is_due = self.levels[position] == level and not self.is_row(position)
            if is_due and known.issuperset(nodes[position].operands):
                known.add(position)
                found.append(position)
        if found:
            part = self.part(found, rows)
            kept = frozenset(part.places[position] for position in found)
            values = compile_graph(part.graph, self.settings, kept).run({}, NullObserver())
            for position in found:
                value = values[part.places[position]]
                self.values[position] = native(value, nodes[position].type)

    def part(self, positions: Iterable[int], rows: int) -> PartialGraph:
        """Nodes as a graph of their own, of so many rows; what is known stands in it as numbers.

        `positions` are in order. Columns are inputs by their keys.
        """
        nodes: list[Node] = []
        places: dict[int, int] = {}
        for position in positions:
            for place in (*self.graph.nodes[position].operands, position):
                if place not in places:
                    places[place] = len(nodes)
                    nodes.append(self._copied(place, rows, places))
        graph = self.graph
        return PartialGraph(
            Graph(nodes, list(places.values()), {}, graph.dtype, graph.limits), places
        )

    def _copied(self, position: int, rows: int, places: Mapping[int, int]) -> Node:
        """A node of a part, whose operands have these places in it."""
        node = self.graph.nodes[position]
        shape = tuple([rows if type(size) is Size else size for size in node.type.shape])
        type_ = node.type._replace(shape=shape)
        value = self.values.get(position)
        if value is not None:
            data = tuple(value.data) if type(value) is NDArray else (value,)
            return node.replace(op=OPS["const"], operands=(), params=(type_, data), type=type_)
        params = node.params
        if node.op is OPS["const"]:
            params = (type_, tuple(_number(x, rows) for x in params[1]))
        operands = tuple([places[i] for i in node.operands])
        return node.replace(operands=operands, params=params, type=type_)

    def second_pass(self) -> tuple[Node, Node] | None:
        """A total that another pass is needed for, and the node that needs it, if there is one."""
        nodes = self.graph.nodes
        for position in self._needed():
            if not self.is_row(position) or not self.levels[position]:
                continue
            for operand in nodes[position].operands:
                if not self.is_row(operand) and self.levels[operand]:
                    return nodes[self._total_in(operand)], nodes[position]
        if self.has_rows and self.levels and len(self.stages) > 1:
            late = next(p for p in self.outputs if self.levels[p])
            return nodes[self._total_in(late)], nodes[late]
        return None

    def _total_in(self, position: int) -> int:
        """The first total that a node depends on, or itself."""
        pending, seen = [position], set()
        while pending:
            current = pending.pop()
            if current in self.totals:
                return current
            if current not in seen:
                seen.add(current)
                pending += self.graph.nodes[current].operands
        return position

    # Levels

    def _level(self, position: int, node: Node) -> int:
        """After how many passes a node's operands are known; refuses what no pass gives."""
        if node.op is OPS["const"]:
            return int(any(type(x) is Size for x in node.params[1]))
        level = max((self.levels[i] for i in node.operands), default=0)
        rows = [i for i in node.operands if self.is_row(i)]
        if self.is_row(position):
            is_fine = node.type.shape == (ROWS,) and (
                node.op.kind == "elementwise"
                or node.op.is_rowwise
                or node.op in (OPS["input"], OPS["alias"])
            )
            if not is_fine:
                raise self._refusal(position, node)
            return level
        if not rows:
            return level
        total = TOTALS.get(node.op.row_total)
        if total is None or len(rows) != len(node.operands):
            raise self._refusal(position, node)
        found = self._squares(position, node) or Gathered(position, node.operands, total)
        self.totals[position] = found
        return max(self.levels[i] for i in found.operands) + 1

    def _check_output(self, position: int) -> None:
        node = self.graph.nodes[position]
        if not self.is_row(position) and node.type.numel != 1:
            raise ShapeError(
                "rows-result",
                f"`{node.name}` is {show(node.type.shape)}, and a row has room for one number",
                (Label(node.source, node.span),),
                help="reduce it, as in sum(…), or show other nodes: --show NAMES",
            )

    def _squares(self, position: int, node: Node) -> Gathered | None:
        """`sum((x - mean(x))^2)`, the heart of every variance: one pass knows it too."""
        nodes = self.graph.nodes
        if node.op is not OPS["sum"]:
            return None
        square = nodes[node.operands[0]]
        is_power = square.op is OPS["pow"] and self.graph.nodes[square.operands[1]].params[1:] == (
            (2.0,),
        )
        is_product = square.op is OPS["mul"] and len(set(square.operands)) == 1
        deviation = nodes[square.operands[0]] if is_power or is_product else square
        if deviation is square or deviation.op is not OPS["sub"]:
            return None
        x, centre = deviation.operands
        mean = nodes[centre]
        if mean.op is not OPS["mean"] or mean.operands != (x,) or not self.is_row(x):
            return None
        return Gathered(position, (x,), TOTALS["squares"])

    def _refusal(self, position: int, node: Node) -> ProgramError:
        text = node_text(self.graph, position) if node.op is not OPS["input"] else node.name or ""
        names = ", ".join(f"{n}=@FILE:{n}" for n in list(self.graph.inputs)[:3])
        return ProgramError(
            "rows-whole",
            f"`{brief(text.strip() or text_of(node))}` needs all rows at once",
            (Label(node.source, node.span),),
            note="with --rows a program is computed row by row",
            help=f"leave --rows out and bind whole columns: {names}",
        )

    # Passes

    def _needed(self) -> set[int]:
        """The nodes that the outputs depend on."""
        needed: set[int] = set()
        pending = list(self.outputs)
        while pending:
            position = pending.pop()
            if position not in needed:
                needed.add(position)
                found = self.totals.get(position)
                pending += found.operands if found else self.graph.nodes[position].operands
        return needed

    def _stage(
        self, gathered: Iterable[Gathered], outputs: tuple[int, ...], is_last: bool
    ) -> Stage:
        wanted: set[int] = set()
        gathered = tuple(gathered)
        pending = [o for g in gathered for o in g.operands]
        pending += [p for p in outputs if self.is_row(p)]
        while pending:
            position = pending.pop()
            if position not in wanted and self.is_row(position):
                wanted.add(position)
                pending += self.graph.nodes[position].operands
        order = sorted(wanted)
        is_input = [self.graph.nodes[p].op is OPS["input"] for p in order]
        return Stage(
            tuple(p for p, i in zip(order, is_input) if i),
            tuple(p for p, i in zip(order, is_input) if not i),
            gathered,
            outputs,
            is_last,
        )


def _number(value: Any, rows: int) -> Any:
    """A written number, or what a size comes to."""
    if type(value) is not Size:
        return value
    size: Any = substitute(value, {ALL_ROWS: rows})
    return float(size)
