"""Expressions that avoid the NaN or infinity of a formula."""

from __future__ import annotations

from collections.abc import Mapping

from graphcalc.backends.base import Settings
from graphcalc.diagnostics import GraphcalcError
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.graph.ir import Graph, Node
from graphcalc.graph.text import node_text, operand_text
from graphcalc.ops.table import OPS
from graphcalc.source import Source


def stable_exp(graph: Graph, position: int, users: list[list[int]]) -> str:
    """Return the stable function for a formula around an exp: softmax or logsumexp."""
    (inner,) = graph.nodes[position].operands
    text = operand_text(graph, inner)
    for user in users[position]:
        if graph.nodes[user].op is not OPS["sum"]:
            continue
        dims = graph.nodes[user].params[0]
        dim = "" if dims is None else f", dim={dims[0] if len(dims) == 1 else dims}"
        for second in users[user]:
            if graph.nodes[second].op is OPS["div"] and position in graph.nodes[second].operands:
                return f"softmax({text}{dim})" if dim else f"softmax({text}, dim=0)"
            if graph.nodes[second].op is OPS["log"]:
                return f"logsumexp({text}{dim})" if dim else f"logsumexp({text}, dim=0)"
    return f"exp({text} - max({text}))" if graph.nodes[inner].type.shape else ""


def stable_log(graph: Graph, position: int) -> str:
    """Return the stable function for the log of a softmax or a sigmoid, or of elements of one."""
    at, moves = graph.nodes[position].operands[0], []
    while graph.nodes[at].op.is_move and not graph.nodes[at].is_bound:
        moves.append(at)
        at = graph.nodes[at].operands[0]
    text = _log_share(graph, at) or _log_sigmoid(graph, at)
    if not text:
        return ""
    texts = {at: text}
    for move in reversed(moves):
        texts[move] = node_text(graph, move, lambda g, i: texts.get(i) or operand_text(g, i))
    return texts[moves[0]] if moves else text


def _log_share(graph: Graph, position: int) -> str:
    """Return log_softmax for a node that is exp(x) or exp(x - c) over its sum in one dimension."""
    node = graph.nodes[position]
    if node.op is not OPS["div"]:
        return ""
    top, bottom = (graph.nodes[i] for i in node.operands)
    is_share = top.op is OPS["exp"] and bottom.op is OPS["sum"]
    if not is_share or bottom.operands != node.operands[:1]:
        return ""
    inner = top.operands[0]
    shape = graph.nodes[inner].type.shape
    dims: tuple[int, ...] = bottom.params[0] or ((0,) if len(shape) == 1 else ())
    if len(dims) != 1:
        return ""
    if graph.nodes[inner].op is OPS["sub"]:
        x, shift = graph.nodes[inner].operands
        sizes = graph.nodes[shift].type.shape
        if graph.nodes[x].type.shape == shape and (
            not sizes or (len(sizes) == len(shape) and sizes[dims[0]] == 1)
        ):
            inner = x
    return f"log_softmax({operand_text(graph, inner)}, dim={dims[0]})"


def _log_sigmoid(graph: Graph, position: int) -> str:
    """Return logsigmoid for a node that is sigmoid(x) or 1 - sigmoid(x)."""
    node, sign = graph.nodes[position], ""
    if node.op is OPS["sub"]:
        one = graph.nodes[node.operands[0]]
        if one.op is not OPS["const"] or one.type.shape or one.params[1][0] != 1:
            return ""
        node, sign = graph.nodes[node.operands[1]], "-"
    if node.op is not OPS["sigmoid"]:
        return ""
    return f"logsigmoid({sign}{operand_text(graph, node.operands[0])})"


def where_around(graph: Graph, position: int, users: list[list[int]]) -> int | None:
    """Return the `where` of which a node is a branch, directly or through elementwise nodes."""
    visited, pending = set(), [position]
    while pending:
        for user in users[pending.pop()]:
            op = graph.nodes[user].op
            if op is OPS["where"]:
                return user
            if op.kind == "elementwise" and user not in visited:
                visited.add(user)
                pending.append(user)
    return None


def guarded(graph: Graph, choice: int, position: int) -> str:
    """Return the formula with 1 in place of the operand where the branch is not taken."""
    condition, taken, other = (operand_text(graph, i) for i in graph.nodes[choice].operands)
    node = graph.nodes[position]
    if len(node.operands) != 1 or position not in graph.nodes[choice].operands:
        return ""
    inner = operand_text(graph, node.operands[0])
    is_first = graph.nodes[choice].operands[1] == position
    safe = f"where({condition}, {inner}, 1)" if is_first else f"where({condition}, 1, {inner})"
    call = f"{node.op.name}({safe})"
    branches = (call, other) if is_first else (taken, call)
    return f"where({condition}, {branches[0]}, {branches[1]})"


def varies(graph: Graph, position: int) -> bool:
    """Return whether a node depends on data or random numbers, not on written numbers alone."""
    pending, visited = [position], set()
    while pending:
        current = pending.pop()
        node = graph.nodes[current]
        if node.is_bound or node.op is OPS["input"] or node.op.kind == "random":
            return True
        if current not in visited:
            visited.add(current)
            pending += node.operands
    return False


def values_by_name(graph: Graph, node: Node, at: Mapping[int, float]) -> dict[str, float]:
    """Return the elements of a node's operands by the operands' names."""
    named = ((graph.nodes[i].name, at.get(i)) for i in node.operands)
    return {name: value for name, value in named if name and value is not None}


def is_finite(text: str, values: Mapping[str, float]) -> bool:
    """Return whether an expression gives a finite number where the names in it have these values.

    It counts as finite where a name in it has none.
    """
    try:
        outcome = Evaluation(parse([Source(text)]), Options(Settings("python"))).run(
            {name: value for name, value in values.items() if name.isidentifier()}
        )
    except GraphcalcError:
        return True
    return not outcome.has_non_finite()
