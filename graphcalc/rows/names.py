"""The columns of a table and the names of a program: which one reads, and which come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from graphcalc.backends.choose import run_dtype
from graphcalc.backends.python import native
from graphcalc.data.inputs import read_in
from graphcalc.diagnostics import (
    BindingError,
    CallError,
    DataError,
    GraphcalcError,
    Label,
    UnknownNameError,
    UsageError,
    brief,
    did_you_mean,
)
from graphcalc.evaluate import Evaluation
from graphcalc.graph.ir import Graph, Node
from graphcalc.graph.lowering import Input
from graphcalc.graph.names import names_read
from graphcalc.graph.text_columns import ColumnText, TextTest
from graphcalc.ops.sizes import ROWS
from graphcalc.ops.spec import TEXT, Type
from graphcalc.ops.table import CONSTANTS, FUNCTIONS, OPS
from graphcalc.ops.words import PREFIXES
from graphcalc.rows.plan import RowPlan
from graphcalc.syntax.columns import header_of, name_at, name_of
from graphcalc.tables.columns import ColumnKind, Columns, OutputColumns
from graphcalc.tables.reading import delimiter_hint, names_listed

_NUMBERS = (ColumnKind.NUMBER, ColumnKind.INTEGER, ColumnKind.LONG_INTEGER)
_DTYPES = {ColumnKind.TEXT: TEXT, **dict.fromkeys(_NUMBERS[1:], "int64")}


def plan_of(evaluation: Evaluation, table: Columns, show: Sequence[str]) -> RowPlan:
    """The passes that a program needs over a table; `show` names its outputs, none the results.

    Raises UnknownNameError for a name that is no column.
    """
    headers = _headers(table, evaluation)
    dtype = run_dtype(evaluation.options.settings)
    columns = {name: _column(name, table, places, dtype) for name, places in headers.items()}
    checked = evaluation.with_options(evaluation.options._replace(is_check=True), evaluation.keep)
    values, described = checked.describe_inputs()
    try:
        graph = checked.graph(described, columns)
    except (BindingError, CallError, UnknownNameError) as error:
        raise _not_a_column(error, table.columns) from None
    for position in graph.inputs.values():
        node = graph.nodes[position]
        name = node.params[1]
        if isinstance(name, TextTest):
            keys = [_key(column, headers[column], table) for column in name.columns]
            node.params = (node.type, name.with_keys(keys))
        elif name not in described:
            node.params = (node.type, _key(name, headers[name], table))
    names = [name for name in show if _place(name, graph, table.columns) is None]
    outputs = [graph.find(name) for name in names] or _results(graph)
    known = {p: read_in(values[n]) for n, p in graph.inputs.items() if n in values}
    given = {p: native(value, graph.nodes[p].type) for p, value in known.items()}
    return RowPlan(graph, tuple(outputs), evaluation.options.settings, values=given)


def hidden_columns(evaluation: Evaluation, columns: Sequence[str]) -> Iterator[Label]:
    """Yield a note for each column whose name is bound to a value, which the program reads."""
    bound = {name: Label(b.source, b.span) for name, b in evaluation.bindings.items()}
    bound |= {name: loaded.label for name, loaded in evaluation.files.items()}
    for place, header in enumerate(columns, 1):
        label = bound.get(name_of(header))
        if label is not None:
            shown, other = brief(header), f"column `{brief(header)}`"
            text = f"`{shown}` is the value that is bound, not the {other}, which is col({place})"
            yield label._replace(text=text)


def _results(graph: Graph) -> list[int]:
    """The results; a column whose size alone is of use is none."""
    found = [p for p in graph.results if not _is_column(graph.nodes[p])]
    return found or ([] if graph.carried else list(graph.results))


def _is_column(node: Node) -> bool:
    """Whether a node is an input that is no comparison with text."""
    return node.op is OPS["input"] and not isinstance(node.params[1], TextTest)


def _column(name: str, table: Columns, places: Sequence[int], dtype: str) -> Input:
    """Return what a program knows of a column, which is the one place of several here."""
    kind = table.kinds[places[0]] if places else ColumnKind.EITHER
    is_text = kind in (ColumnKind.TEXT, ColumnKind.LOOKS_LIKE_TEXT)
    text = None if kind in _NUMBERS else ColumnText(name, None, is_text)
    is_read = kind is ColumnKind.EITHER
    return Input(Type((ROWS,), _DTYPES.get(kind, dtype)), is_whole=is_read, text=text)


def _headers(table: Columns, evaluation: Evaluation) -> dict[str, list[int]]:
    """The places of the columns by the names that a program may have for them.

    An open table may have any name that the program reads: each record says.
    """
    found: dict[str, list[int]] = {}
    for place, header in enumerate(table.columns):
        found.setdefault(name_of(header), []).append(place)
        found.setdefault(name_at(place + 1), []).append(place)
    if table.is_open:
        taken = {*evaluation.bindings, *evaluation.files, *CONSTANTS, *FUNCTIONS, *PREFIXES}
        found = {name: [] for name in names_read(evaluation.program) - taken} | found
    return found


def _key(name: str, places: Sequence[int], table: Columns) -> str:
    """What a table calls a column that a program reads."""
    if len(places) > 1:
        listed = " and ".join(str(place + 1) for place in places)
        raise DataError(
            "duplicate-column",
            f"`{brief(name)}` is the name of columns {listed}",
            help=f"choose one by its place: col({places[0] + 1})",
        )
    return table.keys[places[0]] if places else header_of(name)


def _place(name: str, graph: Graph, columns: Sequence[str]) -> int | None:
    """The place of a column that `--show` names and the program does not."""
    header = header_of(graph.carried.get(name, name))
    return columns.index(header) if name not in graph.names and header in columns else None


def _not_a_column(error: GraphcalcError, columns: Sequence[str]) -> GraphcalcError:
    """A name without a value, or a function's without a call, in the words of a table."""
    d = error.diagnostic
    label = d.labels[0]
    name = label.source.slice(label.span)
    if name in columns and d.code == "function-value":
        hint = f'for the column write col("{name}")'
        return type(error)(d.code, d.message, d.labels, d.note, hint)
    if d.code != "missing-input":
        return error
    return UnknownNameError(
        "not-a-column",
        f"`{brief(name)}` is not a column",
        d.labels,
        note=f"the columns are {names_listed(columns)}" if columns else "there are no columns",
        help=_hint(name, columns),
    )


def _hint(name: str, columns: Sequence[str]) -> str:
    """What was meant, where that can be guessed."""
    header = header_of(name)
    blank = next((c for c in columns if c.strip() == header), None)
    if blank is not None:
        return f"did you mean `{name_of(blank)}`?"
    near = did_you_mean(header, columns)
    found = next((c for c in columns if f"`{c}`" in near), None)
    if found is not None:
        return f"did you mean `{brief(name_of(found))}`?"
    if columns and all(c == str(place) for place, c in enumerate(columns, 1)):
        return "without a header they are col(1), col(2), …"
    return delimiter_hint(columns)


def check_passes(plan: RowPlan) -> None:
    """Refuse what needs the rows twice, where they come but once."""
    found = plan.second_pass() if len(plan.stages) > 1 else None
    if found is None:
        return
    total, reader = found
    raise UsageError(
        "rows-twice",
        f"`{brief(total.source.slice(total.span))}` is known after the last row only, and "
        f"`{reader.name}` needs it in every row",
        (Label(total.source, total.span),),
        note="a pipe can be read but once",
        help="write the rows to a file and give its name: --rows FILE",
    )


def check_names(layout: OutputColumns, format: str) -> None:
    """Raise DataError for two columns of one name, where a format cannot have them."""
    names = layout.names
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise DataError(
            "duplicate-column",
            f"there are two columns `{brief(twice)}`, which {format} cannot have",
            help="--only leaves the input's columns out",
        )


def layout_of(
    plan: RowPlan, columns: Sequence[str], show: Sequence[str], *, only: bool
) -> OutputColumns:
    """The columns of the output: those of the input with the outputs behind them, or with `only`
    the outputs, and columns that `show` names.

    An output of a column's name takes its place; of outputs of one name the last one counts. The
    plan has no others afterwards.
    """
    outputs = {_column_name(plan, p): p for p in plan.outputs}
    own = {name: -1 - place for place, name in enumerate(outputs)}
    carried = plan.graph.carried.items()
    own |= {header_of(name): columns.index(header_of(column)) for name, column in carried}
    if only or not plan.has_rows:
        if show and plan.has_rows:
            own = _shown(plan, columns, show, own)
        layout = OutputColumns(tuple(own), tuple(own.values()), False)
    else:
        nodes = plan.graph.nodes
        for name, position in outputs.items():
            # A column that is an output itself stays as it is written.
            if name in columns and nodes[position].op is OPS["input"] and plan.is_row(position):
                del own[name]
        places = [own.pop(name, place) for place, name in enumerate(columns)]
        is_passed = all(place >= 0 for place in places) and not plan.graph.carried
        layout = OutputColumns((*columns, *own), (*places, *own.values()), is_passed)
    positions = list(outputs.values())
    kept = sorted({-1 - place for place in layout.places if place < 0})
    plan.choose(tuple(positions[place] for place in kept))
    return layout._replace(
        places=tuple(p if p >= 0 else -1 - kept.index(-1 - p) for p in layout.places)
    )


def _shown(
    plan: RowPlan, columns: Sequence[str], show: Sequence[str], own: Mapping[str, int]
) -> dict[str, int]:
    """What `show` names, in its order: columns as they are, and outputs."""
    found: dict[str, int] = {}
    for name in show:
        place = _place(name, plan.graph, columns)
        if place is not None:
            found[header_of(name)] = place
        else:
            output = _column_name(plan, plan.graph.names[name])
            found[output] = own[output]
    return found


def _column_name(plan: RowPlan, position: int) -> str:
    """What the column of a node is called: as the program does, without a version."""
    node = plan.graph.nodes[position]
    name = node.name or ""
    if node.op is OPS["input"] and name.startswith("col(") and plan.is_row(position):
        return str(node.params[1]).partition("\0")[0]
    return header_of(name)
