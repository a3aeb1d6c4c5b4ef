"""The engine on polars: a part of CSV in, lines of output out, the same bytes as Python's.

Only the columns that the program reads are parsed; a record goes through as the line that it is.
A part with anything odd in it, as a cell that is no number, goes to Python's engine, which knows
what to say.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from graphcalc.graph.ir import Node
from graphcalc.graph.text_columns import TextTest
from graphcalc.numbers import MAX_EXACT
from graphcalc.ops.kernels.polars import function_of
from graphcalc.ops.kernels.totals import State
from graphcalc.ops.table import OPS
from graphcalc.rows.engine import Done, NamedCells, RecordPlace
from graphcalc.rows.plan import RowPlan, Stage
from graphcalc.rows.python_engine import PythonEngine
from graphcalc.rows.records import longest_suspects
from graphcalc.tables.cells import has_long_numbers
from graphcalc.tables.csv import CsvTable, Dialect
from graphcalc.tables.frame_text import is_odd, number_text
from graphcalc.tables.polars_calls import load_polars
from graphcalc.tables.quotes import quoted_cells

if TYPE_CHECKING:
    import polars

# Bytes of a part, so that a call costs nothing beside it.
PART = 4 << 20
_DEEPEST = 20
# Nodes of a pass: a plan of polars takes much memory for each.
MOST_STEPS = 300


def can_run(engine: PythonEngine) -> bool:
    """Whether a pass is polars' to run: delimited records, passed through, of ops that it has."""
    nodes = engine.plan.graph.nodes
    has_ops = all(nodes[p].op.polars or nodes[p].op is OPS["alias"] for p in engine.stage.steps)
    table, layout = engine.table, engine.layout
    is_line = layout.passed or all(place < 0 for place in layout.places)
    return (
        has_ops
        and len(engine.stage.steps) <= MOST_STEPS
        and isinstance(table, CsvTable)
        and table.dialect.delimiter.isascii()
        and table.number_format.is_plain
        and engine.writer.is_quick
        and (is_line or not engine.stage.has_lines)
        and bool(engine.stage.columns)
        and not engine.policy.is_strict
        and all(_is_read(nodes[p]) for p in engine.stage.columns)
        and _texts_of(engine).isdisjoint(engine.names)
    )


def _is_read(node: Node) -> bool:
    """Whether polars reads an input as the other engines do."""
    return node.type.dtype == "float64" or isinstance(node.params[1], TextTest)


def _texts_of(engine: PythonEngine) -> set[str]:
    """The columns whose text a pass compares."""
    tests = [name for name in engine.names if isinstance(name, TextTest)]
    return {key for test in tests for key in test.keys}


def truth_of(test: TextTest, cells: Callable[[str], polars.Expr]) -> polars.Expr:
    """Return a test of text as an expression, given those of its columns; missing text is empty."""
    import polars as pl

    texts = [cells(key).fill_null("") for key in test.keys]
    return texts[0] == (texts[1] if len(texts) > 1 else pl.lit(test.text))


class Expressions(NamedTuple):
    """A pass as polars computes it: columns to add one after the other, then what is wanted."""

    steps: list[tuple[str, polars.Expr]]
    gathered: list[str]
    outputs: list[str]


def states_of(
    frame: polars.DataFrame, stage: Stage, expressions: Expressions
) -> tuple[State | None, ...]:
    """The states of the pass's totals."""
    states: list[State | None] = []
    place = 0
    for gathered in stage.gathered:
        names = expressions.gathered[place : place + len(gathered.operands)]
        place += len(names)
        columns = [frame[name] for name in names]
        if not frame.height:
            states.append(None)
        elif gathered.total.of_series is not None:
            states.append(gathered.total.of_series(*columns))
        else:
            states.append(gathered.total.start(*(c.to_list() for c in columns)))
    return tuple(states)


class PolarsEngine:
    """One pass of a plan over parts of delimited records, by polars."""

    def __init__(self, engine: PythonEngine) -> None:
        pl = load_polars("this engine needs", None)

        self._engine = engine
        self._one_by_one = Lock()
        table = engine.table
        assert isinstance(table, CsvTable)
        self._dialect: Dialect = table.dialect
        self._quoted = quoted_cells(self._dialect.delimiter)
        columns = dict(zip(engine.stage.columns, engine.names))
        tests = {p: name for p, name in columns.items() if isinstance(name, TextTest)}
        numbers = {p: table.keys.index(n) for p, n in columns.items() if p not in tests}
        # A column may have several names; it is read under the first.
        wanted: dict[int, int] = {}
        for position, place in numbers.items():
            wanted.setdefault(place, position)
        self._copies = [
            pl.col(f"v{wanted[place]}").alias(f"v{position}")
            for position, place in numbers.items()
            if wanted[place] != position
        ]
        last = len(table.columns) - 1
        self._schema = {
            f"v{wanted[i]}" if i in wanted else f"_{i}": (pl.Float64 if i in wanted else pl.String)
            for i in range(last + 1)
        }
        # Without the last column polars would not look whether rows have all of them.
        texts = map(table.keys.index, _texts_of(engine))
        self._columns = sorted({*wanted, *texts, last})
        self._numbers = [f"v{p}" for p in wanted.values()]
        cell = lambda key: pl.col(f"_{table.keys.index(key)}")  # noqa: E731
        self._tests = [truth_of(test, cell).alias(f"v{p}") for p, test in tests.items()]
        self._expressions = lower(engine.plan, engine.stage)
        outputs = list(dict.fromkeys(self._expressions.outputs))
        wanted_names = dict.fromkeys([*outputs, *self._expressions.gathered])
        self._wanted = [pl.col(name) for name in wanted_names]
        nodes = engine.plan.graph.nodes
        self._flags = [
            is_odd(pl.col(name)).alias(f"{name}odd")
            for name in outputs
            if nodes[int(name[1:])].type.dtype != "bool"
        ]

    def run(self, part: bytes) -> Done:
        """Return what a part of whole records comes to."""
        done = self._try(part)
        if done is not None:
            return done
        # The other engine has one list for what a total gathers, whichever thread calls it.
        with self._one_by_one:
            return self._engine.run(part)

    def named_cells(self, record: str) -> NamedCells:
        """Return the cells of a record by the names that the program has for its columns."""
        return self._engine.named_cells(record)

    def _try(self, part: bytes) -> Done | None:
        frame = self._parse(part) if self._is_plain(part) else None
        if frame is None:
            return None
        layout = self._engine.layout
        columns = []
        if self._engine.stage.has_lines and layout.passed:
            lines = self._lines(part)
            if lines is None or len(lines) != frame.height:
                return None
            columns.append(lines)
        # One query for all of a part: each costs as much as a thousand rows.
        query = frame.lazy().with_columns(self._copies)
        for name, expression in self._expressions.steps:
            query = query.with_columns(expression.alias(name))
        found = query.select(*self._wanted, *self._flags).collect()
        states = states_of(found, self._engine.stage, self._expressions)
        if not self._engine.stage.has_lines:
            return Done(b"", frame.height, 0, None, 0, None, states, frame.height)
        odd, first = self._find_odd(frame, found, part)
        data = self._written(found, columns)
        return Done(data, frame.height, 0, None, odd, first, states, frame.height)

    # Text to numbers

    def _is_plain(self, part: bytes) -> bool:
        """Whether every line of a part is a record, and every quote where one may be."""
        line_end = self._dialect.line_end.encode()
        is_odd = b"\0" in part or part.startswith(codecs.BOM_UTF8)
        if is_odd or line_end == b"\r" or longest_suspects(part, line_end):
            return False
        if line_end == b"\r\n" or b"\r" in part:
            ends = part.count(b"\r\n")
            if line_end == b"\n" or not ends == part.count(b"\r") == part.count(b"\n"):
                return False
        if len(self._schema) > 1 and (part.startswith(line_end) or 2 * line_end in part):
            return False
        if self._tests and not self._dialect.has_quotes and b"\\" in part:
            return False
        if self._dialect.has_quotes and b'"' in part:
            bare = self._quoted.sub(b"", part)
            return b'"' not in bare and bare.count(b"\n") == part.count(b"\n")
        return True

    def _parse(self, part: bytes) -> polars.DataFrame | None:
        """The numbers of the columns; None where a cell has none, or a row too few or too many."""
        import polars as pl

        try:
            frame = pl.read_csv(
                part,
                has_header=False,
                schema=self._schema,
                columns=self._columns,
                separator=self._dialect.delimiter,
                quote_char='"' if self._dialect.has_quotes else None,
            )
        except pl.exceptions.PolarsError:
            return None
        if self._may_round(frame, part):
            return None
        nulls = frame.null_count().row(0)
        # Rows that are too long polars refuses itself where it reads all columns.
        is_sure = len(self._columns) == len(self._schema) and not nulls[-1]
        if not is_sure and not self._has_all_cells(part, frame.height, may_lack=bool(nulls[-1])):
            return None
        frame = frame.with_columns(self._tests)
        if not any(nulls):
            return frame
        missing = self._engine.policy.missing
        if missing is None:
            return frame if not any(frame.select(self._numbers).null_count().row(0)) else None
        return frame.with_columns(pl.col(self._numbers).fill_null(missing))

    def _may_round(self, frame: polars.DataFrame, part: bytes) -> bool:
        """Whether floats may not be the whole numbers that are written in the cells."""
        import polars as pl

        if not self._numbers:
            return False
        largest = frame.select(pl.max_horizontal(pl.col(self._numbers).abs().max())).item()
        return largest is not None and largest >= MAX_EXACT and has_long_numbers(part)

    def _has_all_cells(self, part: bytes, rows: int, *, may_lack: bool) -> bool:
        """Whether every row has as many cells as the header.

        polars takes no notice of more of them, and fewer look as if the last were empty, which
        `may_lack` says that some are.
        """
        if self._dialect.has_quotes and b'"' in part:
            part = self._quoted.sub(b"", part)
        delimiter, count = self._dialect.delimiter, len(self._schema) - 1
        if part.count(delimiter.encode()) != rows * count:
            return False
        if not may_lack or not count:
            return True
        lines = self._lines(part)
        if lines is None:
            return False
        return bool((lines.fill_null("").str.count_matches(delimiter, literal=True) == count).all())

    def _lines(self, part: bytes) -> polars.Series | None:
        """The records as text."""
        import polars as pl

        try:
            return pl.read_csv(
                part,
                has_header=False,
                schema={"line": pl.String},
                separator="\x01",
                quote_char=None,
            )["line"]
        except pl.exceptions.PolarsError:
            return None

    # Numbers to text

    def _find_odd(
        self, frame: polars.DataFrame, found: polars.DataFrame, part: bytes
    ) -> tuple[int, RecordPlace | None]:
        """The rows with an output that is not finite although their numbers are: how many, and
        the first."""
        import polars as pl

        floats = [n for n in self._expressions.outputs if f"{n}odd" in found.columns]
        odd = (found[n].gather(found[f"{n}odd"].arg_true()) for n in floats)
        if all(values.is_finite().all() for values in odd):
            return 0, None
        is_finite = found.select(pl.all_horizontal(pl.col(n).is_finite() for n in floats))
        flags = ~is_finite.to_series()
        if self._numbers:
            given = (pl.col(n).is_finite() for n in self._numbers)
            flags = flags & frame.select(pl.all_horizontal(given)).to_series()
        places = flags.arg_true()
        if not len(places):
            return 0, None
        first, lines = places[0], self._lines(part)
        return len(places), RecordPlace(first, first, "" if lines is None else lines[first])

    def _written(self, found: polars.DataFrame, columns: list[polars.Series]) -> bytes:
        """Lines with the outputs behind them, as Python's engine writes them."""
        import polars as pl

        for _, place in self._engine.layout.added:
            name = self._expressions.outputs[place]
            odd = found[f"{name}odd"] if f"{name}odd" in found.columns else None
            columns.append(number_text(found[name], odd).alias(f"out{len(columns)}"))
        out = io.BytesIO()
        pl.DataFrame(columns).write_csv(
            out,
            include_header=False,
            quote_style="never",
            separator=self._dialect.delimiter,
            line_terminator=self._dialect.line_end,
        )
        return out.getvalue()


def lower(plan: RowPlan, stage: Stage) -> Expressions:
    """The expressions of a pass over columns that are named `v` and their node's position."""
    import polars as pl

    nodes = plan.graph.nodes
    wanted = [o for g in stage.gathered for o in g.operands]
    uses: dict[int, int] = dict.fromkeys([*wanted, *stage.outputs], 2)
    for position in stage.steps:
        for operand in nodes[position].operands:
            uses[operand] = uses.get(operand, 0) + 1
    found = {p: pl.col(f"v{p}") for p in stage.columns}
    depths = dict.fromkeys(stage.columns, 0)
    steps: list[tuple[str, polars.Expr]] = []
    for position in stage.steps:
        node = nodes[position]
        operands = []
        for place, operand in enumerate(node.operands):
            expression = found.get(operand)
            if expression is None:
                expression = _literal(plan.number(operand))
            operands.append(_cast(plan, position, place, expression))
        is_alias = node.op is OPS["alias"]
        if is_alias:
            expression = operands[0]
        elif node.op.polars and not _is_mixed(plan, node):
            expression = function_of(node.op)(pl, *operands)
        else:
            expression = _mapped(node, operands)
        depth = 1 + max((depths.get(i, 0) for i in node.operands), default=0)
        if uses.get(position, 0) > 1 or depth > _DEEPEST:
            steps.append((f"v{position}", expression))
            expression, depth = pl.col(f"v{position}"), 0
        found[position], depths[position] = expression, depth
    for position in stage.outputs:
        if position not in found:
            steps.append((f"v{position}", _literal(plan.number(position))))
    return named(stage)._replace(steps=steps)


def _is_mixed(plan: RowPlan, node: Node) -> bool:
    """Whether int64 meets floating point as it is: polars rounds it, and Python does not."""
    dtypes = {plan.graph.nodes[i].type.dtype for i in node.operands}
    return node.op.casting == "common" and "int64" in dtypes and not dtypes <= {"int64", "bool"}


def named(stage: Stage) -> Expressions:
    """What is wanted of a pass, with no steps to it."""
    gathered = [f"v{o}" for g in stage.gathered for o in g.operands]
    return Expressions([], gathered, [f"v{p}" for p in stage.outputs])


def _mapped(node: Node, operands: list[polars.Expr]) -> polars.Expr:
    """An op that polars does not have, by Python's kernel."""
    import polars as pl

    kind = number_kind(node.type.dtype)

    def run(columns: Sequence[polars.Series]) -> polars.Series:
        size = max(map(len, columns))
        lists = [c.to_list() * (size if len(c) == 1 else 1) for c in columns]
        values = [
            None if None in row else node.op.python(*row, *node.params) for row in zip(*lists)
        ]
        return pl.Series(values, dtype=kind)

    return pl.map_batches(operands, run, return_dtype=kind)


def number_kind(dtype: str) -> type[polars.DataType]:
    """Return polars' kind of the numbers of a dtype while rows are computed."""
    import polars as pl

    kinds: dict[str, type[polars.DataType]] = {"bool": pl.Boolean, "int64": pl.Int64}
    return kinds.get(dtype, pl.Float64)


def _literal(value: float) -> polars.Expr:
    import polars as pl

    kinds = {bool: pl.Boolean, int: pl.Int64}
    return pl.lit(value, dtype=kinds.get(type(value), pl.Float64))


def _cast(plan: RowPlan, position: int, place: int, expression: polars.Expr) -> polars.Expr:
    import polars as pl

    from graphcalc.backends.python_loops import conversion

    convert = conversion(plan.graph, plan.graph.nodes[position], place)
    return expression if convert is None else expression.cast(pl.Float64)
