"""Gradient descent: the forward and the backward pass put to work on some of the inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from graphcalc.backends.base import NullObserver, Program
from graphcalc.backends.choose import compile_graph
from graphcalc.backends.optimizers import OPTIMIZERS
from graphcalc.diagnostics import EvaluationError, Label, UsageError, brief, did_you_mean
from graphcalc.evaluate import Evaluation, Gradients, Outcome, kept_nodes, traced
from graphcalc.graph.ir import Graph
from graphcalc.graph.names import targets
from graphcalc.graph.passes import subgraph, with_inputs
from graphcalc.ops.spec import FLOATS

# Iterations over which the loss must stand still for an early stop.
_PATIENCE = 10


class Descent(NamedTuple):
    """How to minimize: which node, by changing which inputs, and in which steps.

    `tolerance` is the relative change of the loss, over ten iterations, that ends it early; 0
    never does.
    """

    of: str
    update: tuple[str, ...]
    rate: float = 0.01
    iterations: int = 100
    optimizer: str = "sgd"
    tolerance: float = 1e-9


class Minimum(NamedTuple):
    """What a descent came to: the run at its end, the loss before every step and at the end, the
    values of the inputs that were changed, and why it stopped."""

    outcome: Outcome
    history: list[float]
    values: dict[str, Any]
    reason: str


def minimize(
    evaluation: Evaluation,
    descent: Descent,
    inputs: Mapping[str, Any] | None = None,
    watch: Callable[[int, float], None] = lambda iteration, loss: None,
    *,
    with_gradients: bool = True,
    with_locals: bool = False,
) -> Minimum:
    """Change inputs until a node is small; `watch` is told every iteration's loss.

    The run at the end has the gradients there, unless `with_gradients` is false, and with
    `with_locals` the derivative of every use of a number.
    Raises UsageError for names that cannot be changed, EvaluationError when the loss stops being
    finite.
    """
    _check(descent)
    gradients = Gradients(descent.of, with_locals=with_locals)
    options = evaluation.options._replace(gradients=gradients)
    first = evaluation.with_options(options, descent.update).run(inputs)
    positions = [first.graph.find(name) for name in descent.update]
    _check_leaves(first.graph, positions)
    _check_names(evaluation, first, descent.update)
    _check_influence(first.graph, positions, descent.of)
    graph = with_inputs(first.graph, positions)
    settings = options.settings._replace(
        backend=first.program.backend,
        device=first.program.device if first.program.backend == "torch" else None,
    )
    assert graph.target is not None
    wanted = [graph.gradients[graph.names[name]] for name in descent.update]
    inner, kept = subgraph(graph, [graph.target, *wanted])
    program = compile_graph(inner, settings, frozenset(kept))
    given = {name: first.inputs[name] for name in inner.inputs if name in first.inputs}
    values = [first.values[p] for p in positions]
    history, values, reason = _descend(program, descent, kept, given, values, watch)
    found = {name: program.plain(value) for name, value in zip(descent.update, values)}
    if not with_gradients:
        graph = with_inputs(first.graph.replace(target=None, gradients={}, edges=[]), positions)
    program = compile_graph(graph, settings, kept_nodes(graph, graph.inputs.values()))
    last = {**first.inputs, **found}
    outcome = traced(graph, program, {name: last[name] for name in graph.inputs})
    return Minimum(outcome, history, found, reason)


def _descend(
    program: Program,
    descent: Descent,
    kept: list[int],
    given: Mapping[str, Any],
    values: list[Any],
    watch: Callable[[int, float], None],
) -> tuple[list[float], list[Any], str]:
    """The losses, the last values, and why it stopped."""
    values, update = program.descent(descent.optimizer, descent.rate, values)
    history: list[float] = []
    for iteration in range(descent.iterations + 1):
        found = program.run({**given, **dict(zip(descent.update, values))}, NullObserver())
        loss = float(found[kept[0]])
        history.append(loss)
        watch(iteration, loss)
        if not math.isfinite(loss):
            raise EvaluationError(
                "diverged",
                f"`{descent.of}` is {loss} after {iteration} iteration{'s' * (iteration != 1)}",
                help=f"lower --lr, which is {descent.rate:g}"
                if iteration
                else "--trace-nan tells where it comes from",
            )
        if iteration == descent.iterations:
            break
        if _stands_still(history, descent.tolerance):
            return history, values, "the loss stands still"
        values = update([found[position] for position in kept[1:]])
    return history, values, ""


def _stands_still(history: list[float], tolerance: float) -> bool:
    if len(history) <= _PATIENCE or not tolerance:
        return False
    recent = history[-_PATIENCE - 1 :]
    low, high = min(recent), max(recent)
    return high - low <= tolerance * max(abs(low), abs(high))


def _check(descent: Descent) -> None:
    if not descent.update:
        raise UsageError(
            "update", "no input is named that may change", help="name some: --update w,b"
        )
    if descent.optimizer not in OPTIMIZERS:
        raise UsageError(
            "optimizer",
            f"`{brief(descent.optimizer)}` is not an optimizer; choose {' or '.join(OPTIMIZERS)}",
            help=did_you_mean(descent.optimizer, OPTIMIZERS),
        )
    if not (math.isfinite(descent.rate) and descent.rate > 0):
        raise UsageError("rate", f"the learning rate is a number above 0, not {descent.rate:g}")
    if not (descent.tolerance >= 0 and math.isfinite(descent.tolerance)):
        raise UsageError("tolerance", f"the tolerance is at least 0, not {descent.tolerance:g}")


def _check_names(evaluation: Evaluation, outcome: Outcome, names: tuple[str, ...]) -> None:
    """Only a name that the program gives a value, or that has one from outside, can get another."""
    known = {t.name for s in evaluation.program.statements for t in targets(s)}
    known |= {*evaluation.bindings, *outcome.inputs}
    for name in names:
        if name not in known:
            raise UsageError(
                "update",
                f"`{brief(name)}` is no name of the program, but of a part of it",
                help="give that part a name, and change this",
            )


def _check_influence(graph: Graph, positions: list[int], of: str) -> None:
    for position in positions:
        if position not in graph.gradients:
            node = graph.nodes[position]
            raise UsageError(
                "update",
                f"`{of}` has no gradient by `{node.name}`: changing it does nothing",
                (Label(node.source, node.span),),
            )


def _bound_above(graph: Graph, position: int) -> str | None:
    """An input that a node is computed from: without one it is a constant of the program."""
    pending, seen = [*graph.nodes[position].operands], set()
    if graph.nodes[position].is_bound:
        return None
    while pending:
        current = pending.pop()
        node = graph.nodes[current]
        if node.is_bound:
            return node.name
        if current not in seen:
            seen.add(current)
            pending += node.operands
    return None


def _check_leaves(graph: Graph, positions: list[int]) -> None:
    for position in positions:
        node = graph.nodes[position]
        label = (Label(node.source, node.span),)
        bound = _bound_above(graph, position)
        if bound is not None:
            raise UsageError(
                "update",
                f"`{node.name}` is computed from `{bound}`, and only inputs can be changed",
                label,
                help=f"name `{bound}` itself, or bind a value to `{node.name}`",
            )
        if node.type.dtype not in FLOATS:
            raise UsageError(
                "update", f"`{node.name}` is {node.type.dtype}: it has no gradient", label
            )
