"""A graph with the backward pass of one of its nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphcalc.diagnostics import GraphcalcError, InternalError, Label, UsageError
from graphcalc.graph.builder import Builder
from graphcalc.graph.grad import Backward, Reverse, ancestors, is_one_number, why_zero, zeros
from graphcalc.graph.ir import Graph, Node, text_of
from graphcalc.graph.passes import prune
from graphcalc.graph.scope import Scope
from graphcalc.graph.walk import new_scope
from graphcalc.ops.shapes import show
from graphcalc.ops.spec import FLOATS
from graphcalc.ops.table import OPS

# Nodes without a gradient that there are notes about.
_NOTES = 20


def differentiate(
    graph: Graph,
    target: int,
    wrt: Sequence[int] | None = None,
    seed: Callable[[Scope], int] | None = None,
    *,
    with_locals: bool = False,
) -> Graph:
    """The graph with gradient nodes behind its own, in place of the graph, which is used up.

    `target` is a scalar, or `seed` adds a node of its shape: its own gradient. Without `wrt`
    every node that the target depends on has a gradient, else these alone, 0 where there is no
    dependence. With `with_locals` the derivative of each use of a scalar by a scalar is kept too.
    Raises UsageError for a target that has no gradient.
    """
    _check_target(graph.nodes[target], seed)
    first = len(graph)
    builder = Builder.resume(graph)
    scope = new_scope(builder, _no_names)
    reverse = Reverse(scope)
    given = reverse.one(target) if seed is None else _fitting(builder, seed(scope), target)
    found = reverse.sweep(target, given, wrt, with_locals=with_locals)
    gradients = _complete(builder, found, wrt)
    _note_missing(builder, target, found, wrt)
    roots = [*range(first), *gradients.values()]
    for edge in found.edges:
        roots += [p for p in (edge.local, edge.share) if isinstance(p, int)]
    nodes, moved = prune(builder.nodes, roots)
    gradients = {position: moved[g] for position, g in gradients.items()}
    _name_gradients(nodes, target, first, gradients)
    return graph.replace(
        nodes=nodes,
        notes=graph.notes + builder.notes,
        target=target,
        forward=first,
        gradients=gradients,
        edges=[edge.moved(moved) for edge in found.edges],
    )


def _check_target(node: Node, seed: Callable[[Scope], int] | None) -> None:
    """Raise UsageError for a node that gradients cannot be taken of."""
    label = Label(node.source, node.span)
    if node.type.dtype not in FLOATS:
        raise UsageError(
            "gradient-dtype",
            f"`{node.name}` is {node.type.dtype}: only floating point numbers have gradients",
            (label,),
        )
    if seed is None and not is_one_number(node):
        raise UsageError(
            "gradient-of-tensor",
            f"`{node.name}` is {show(node.type.shape)}, and gradients are those of one number",
            (label,),
            help=f"reduce it, as `sum({node.name})`, or weigh its elements with --seed-grad",
        )


def _name_gradients(nodes: list[Node], target: int, first: int, gradients: dict[int, int]) -> None:
    """Name the nodes of gradients; those from `first` on are new.

    The same gradient of several nodes is called after the one next to the target.
    """
    for position, gradient in reversed(gradients.items()):
        found_node = nodes[gradient]
        is_shared = found_node.op is OPS["const"] and (
            gradient < first or not found_node.type.shape
        )
        if found_node.name is None and not is_shared:
            found_node.name = f"d{nodes[target].name}/d{nodes[position].name}"


def _no_names(name: str, label: Label) -> GraphcalcError:
    return InternalError("graph", f"a derivative reads `{name}`", (label,))


def _fitting(builder: Builder, seed: int, target: int) -> int:
    """A given gradient, held against its node's shape."""
    node, wanted = builder.nodes[seed], builder.nodes[target]
    label = Label(node.source, node.span)
    if node.type.shape != wanted.type.shape:
        raise UsageError(
            "gradient-seed",
            f"the gradient of {text_of(wanted)} has its shape, {show(wanted.type.shape)}, "
            f"and {text_of(node)} is {show(node.type.shape)}",
            (label,),
        )
    return seed


def _complete(builder: Builder, found: Backward, wrt: Sequence[int] | None) -> dict[int, int]:
    """The gradients that are asked for, with those that are 0."""
    nodes = builder.nodes
    if wrt is None:
        gradients = {p: g for p, g in found.nodes.items() if nodes[p].name is not None}
        gradients |= {p: zeros(builder, p) for p in found.zero if nodes[p].name is not None}
        return dict(sorted(gradients.items()))
    return {p: found.nodes[p] if p in found.nodes else zeros(builder, p) for p in wrt}


def _note_missing(
    builder: Builder, target: int, found: Backward, wrt: Sequence[int] | None
) -> None:
    """Say why inputs that the target is computed from, and all that were asked for, have none."""
    nodes = builder.nodes
    wanted = wrt
    if wanted is None:
        is_above = ancestors(nodes, target)
        above = [(p, nodes[p]) for p in range(target + 1) if is_above[p]]
        wanted = [p for p, n in above if n.name and n.is_input and n.type.dtype in FLOATS]
    missing = [p for p in wanted if p not in found.nodes and p not in found.zero]
    for position in missing[:_NOTES]:
        node = nodes[position]
        builder.note(Label(node.source, node.span), why_zero(builder, target, position))
