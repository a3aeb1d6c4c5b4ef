"""The run as a program that the page computes again when an input is changed."""

from __future__ import annotations

from graphcalc.drawing.page.model import Json, PageModel, number, unless_counting
from graphcalc.graph.ir import Graph, Node
from graphcalc.ops.kernels.javascript_special import source_of
from graphcalc.ops.spec import TENSORS, parameters
from graphcalc.ops.table import OPS
from graphcalc.report.safe import safe
from graphcalc.report.steps import StepLine, WorkedLines
from graphcalc.trace import Trace

_DTYPES = ("float64", "bool")


def why_fixed(model: PageModel) -> str:
    """Return why the page cannot compute the run again; empty where it can."""
    graph = model.graph
    for node in graph.nodes:
        if node.type.shape:
            return "it has tensors"
        if node.type.dtype not in _DTYPES:
            return f"it has numbers in {node.type.dtype}"
        if not (node.op.js or _is_leaf(node)):
            return f"the page cannot compute `{node.op.name}`"
    if model.left_out:
        return "it has too many nodes"
    return "" if editable(model) else "it has no inputs"


def _is_leaf(node: Node) -> bool:
    return node.op in (OPS["const"], OPS["input"])


def editable(model: PageModel) -> list[int]:
    """Return the rows of nodes whose value may be changed: the graph does not depend on it."""
    graph = model.graph
    fixed = graph.static_inputs | graph.static_names
    return [
        row
        for position, row in model.row_of.items()
        if _is_leaf(node := graph.nodes[position])
        and node.name not in fixed
        and node.type.dtype == "float64"
    ]


def operations(graph: Graph) -> dict[str, int]:
    """Return the functions in JavaScript that a graph uses, with their numbers."""
    found = dict.fromkeys(_function(node) for node in graph.nodes if not _is_leaf(node))
    return {source: number for number, source in enumerate(found)}


def _function(node: Node) -> str:
    """Return the source of a node's function, with its static arguments."""
    source = source_of(node.op.js)
    if all(parameter.kind in TENSORS for parameter in parameters(node.op)):
        return source
    return f"({source})({','.join(map(repr, node.params))})"


def program(model: PageModel) -> dict[str, Json]:
    """Return what the page computes with.

    `code` has for each node of the graph its number, or the number of its function, 1 for a truth
    value, and its operands. `at` and `back` are where the values and the gradients of the rows
    are, and `locals` those of the labels on edges. Numbers in the picture are short among all but
    those of `hidden`. `lines` are the steps with holes for values, their sides in turn.
    """
    graph, trace = model.graph, model.trace
    functions = operations(graph)
    holes = _Holes(trace)
    lines = (*holes.forward(), *holes.backward())
    edges = {edge: edge.local for edge in graph.edges if edge.local is not None}
    local_of = {arrow: local for edge, local in edges.items() for arrow in model.arrows_of(edge)}
    drawn = {*trace.positions, *graph.gradients.values(), *edges.values()}
    found: dict[str, Json] = {
        "code": [_code(trace, position, functions) for position in range(len(graph))],
        "lines": [_template(line) for line in lines],
        "at": unless_counting(list(model.row_of)),
        "back": [graph.gradients.get(position, -1) for position in model.row_of],
        "locals": [local_of.get(arrow, -1) for arrow in model.labels()],
        "hidden": [position for position in range(len(graph)) if position not in drawn],
        "editable": list(editable(model)),
        "digits": model.digits,
    }
    return {key: value for key, value in found.items() if value}


def _code(trace: Trace, position: int, functions: dict[str, int]) -> Json:
    node = trace.graph.nodes[position]
    if _is_leaf(node):
        value = trace.value(position)
        return number(node.params[1][0] if value is None else value)
    return [functions[_function(node)], int(node.type.dtype == "bool"), *node.operands]


def _template(line: StepLine) -> str:
    """Return how many sides a line begins with that have no holes, and the others."""
    count = next((i for i, side in enumerate(line.sides) if "¤" in side), len(line.sides))
    return "\t".join((str(count), *map(safe, line.sides[count:])))


class _Holes(WorkedLines):
    """The lines of a page with holes in the place of values: `¤7;`, and `(¤7;;` inside of others.

    The second is in parentheses where the value is negative, except as an argument of a function,
    which loses its first and last character. A side that begins with `¤¤` begins with a number
    that needs no parentheses.
    """

    def value(self, position: int) -> str:
        """Return the hole of a value."""
        return f"¤{position};"

    def inner(self, position: int) -> str:
        """Return the hole of a value that is in parentheses where it is negative."""
        return f"(¤{position};;"

    def leading(self, text: str) -> str:
        """Return a side that may begin with a number."""
        return f"¤¤{text}" if text else ""
