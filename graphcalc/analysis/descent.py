"""Gradient descent on some of the inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from graphcalc.backends.base import Inputs, NullObserver, Settings, Value
from graphcalc.backends.choose import compile_graph
from graphcalc.backends.optimizers import OPTIMIZERS
from graphcalc.diagnostics import EvaluationError, Label, UsageError, brief, did_you_mean
from graphcalc.evaluate import Evaluation, Gradients, Outcome, kept_nodes, traced
from graphcalc.graph.ir import Graph
from graphcalc.graph.names import names_assigned
from graphcalc.graph.passes import subgraph, with_inputs
from graphcalc.ops.spec import FLOATS

# Iterations over which the loss must not change, for an early stop.
_PATIENCE = 10
# Relative rise of the loss that rounding explains.
_ROUNDING = 1e-9


class Descent(NamedTuple):
    """The options of a descent: minimize the node `of` by changing the inputs `update`.

    `tolerance` is the relative change of the loss over ten iterations that ends it early; 0 never
    does.
    """

    of: str
    update: tuple[str, ...]
    rate: float = 0.01
    iterations: int = 100
    optimizer: str = "sgd"
    tolerance: float = 1e-9


class Minimum(NamedTuple):
    """The result of a descent: the run at its end, and the values of the changed inputs.

    `history` has the loss before every step and at the end, `reason` why it stopped early.
    """

    outcome: Outcome
    history: list[float]
    values: dict[str, Value]
    reason: str


# Called with the number of every iteration and its loss.
Watch: TypeAlias = Callable[[int, float], None]


def minimize(
    evaluation: Evaluation,
    descent: Descent,
    inputs: Inputs | None = None,
    watch: Watch = lambda iteration, loss: None,
    *,
    with_gradients: bool = True,
    with_locals: bool = False,
) -> Minimum:
    """Change inputs until a node is small; `watch` receives every iteration's loss.

    The run at the end has gradients, unless `with_gradients` is false, and with `with_locals` the
    derivative by every single use of a scalar. Raises UsageError for names that cannot be changed,
    EvaluationError when the loss stops being finite or ends above its start.
    """
    _check_options(descent)
    gradients = Gradients(descent.of, with_locals=with_locals)
    options = evaluation.options._replace(gradients=gradients)
    first = evaluation.with_options(options, descent.update).run(inputs)
    positions = [_input_named(first.graph, name) for name in descent.update]
    _check_leaves(first.graph, positions)
    _check_names(evaluation, first, descent.update)
    _check_influence(first.graph, positions, descent.of)
    # The last run is on the same backend and device as the first.
    settings = options.settings._replace(
        backend=first.program.backend,
        device=first.program.device if first.program.backend == "torch" else None,
    )
    nodes = tuple([first.graph.nodes[p].name or "" for p in positions])
    if nodes != descent.update:
        first = evaluation.with_options(options, nodes).run(inputs)
    history, found, reason = _descend(
        first, descent._replace(update=nodes), positions, settings, watch
    )
    last = {**first.inputs, **dict(zip(nodes, found))}
    outcome = _last_run(first, positions, settings, last, with_gradients=with_gradients)
    return Minimum(outcome, history, dict(zip(descent.update, found)), reason)


def _last_run(
    first: Outcome,
    positions: list[int],
    settings: Settings,
    inputs: Inputs,
    *,
    with_gradients: bool = True,
) -> Outcome:
    """Return the run on changed inputs, in place of the nodes at these positions of the first run.

    Its graph has other positions than the first run's, and so has its tree of calls.
    """
    graph, calls, again = first.graph, first.calls, first.again_with_locals
    assert calls is not None
    if not with_gradients:
        graph, again = graph.replace(target=None, gradients={}, edges=[]), None
    graph, moved = with_inputs(graph, positions)
    program = compile_graph(graph, settings, kept_nodes(graph, graph.inputs.values()))
    outcome = traced(graph, program, {name: inputs[name] for name in graph.inputs})
    outcome = outcome._replace(calls=lambda: calls().moved(moved))
    if again is None:
        return outcome
    return outcome._replace(
        again_with_locals=lambda: _last_run(again(), positions, settings, inputs)
    )


def _input_named(graph: Graph, name: str) -> int:
    """Return the node of a name; of a name that is bound and assigned again, the bound one."""
    first = graph.names.get(f"{name}'1")
    return first if first is not None and graph.nodes[first].is_bound else graph.find(name)


def _descend(
    first: Outcome, descent: Descent, positions: list[int], settings: Settings, watch: Watch
) -> tuple[list[float], list[Value], str]:
    """Return the losses, the last values of the inputs, and why it stopped early."""
    graph, _ = with_inputs(first.graph, positions)
    assert graph.target is not None
    wanted = [graph.gradients[graph.names[name]] for name in descent.update]
    inner, moved = subgraph(graph, [graph.target, *wanted])
    kept = [moved[position] for position in (graph.target, *wanted)]
    program = compile_graph(inner, settings, frozenset(kept))
    fixed = {name: first.inputs[name] for name in inner.inputs if name in first.inputs}
    start = [first.values[p] for p in positions]
    values, update = program.descent(descent.optimizer, descent.rate, start)
    history: list[float] = []
    reason = ""
    for iteration in range(descent.iterations + 1):
        found = program.run({**fixed, **dict(zip(descent.update, values))}, NullObserver())
        loss = float(found[kept[0]])
        history.append(loss)
        watch(iteration, loss)
        _check_loss(descent, iteration, loss)
        if iteration < descent.iterations and _stands_still(history, descent.tolerance):
            reason = "the loss stands still"
        if reason or iteration == descent.iterations:
            break
        values = update([found[position] for position in kept[1:]])
    _check_descended(descent, history)
    return history, [program.plain(value) for value in values], reason


def _check_descended(descent: Descent, history: list[float]) -> None:
    """Raise EvaluationError where the loss at the end is above the one at the start."""
    first, last = history[0], history[-1]
    if last > first + _ROUNDING * (1 + abs(first)):
        raise EvaluationError(
            "diverged",
            f"`{descent.of}` rose from {first:g} to {last:g} in {_iterations(len(history) - 1)}",
            help=f"lower --lr, which is {descent.rate:g}",
        )


def _check_loss(descent: Descent, iteration: int, loss: float) -> None:
    if not math.isfinite(loss):
        raise EvaluationError(
            "diverged",
            f"`{descent.of}` is {loss} after {_iterations(iteration)}",
            help=f"lower --lr, which is {descent.rate:g}"
            if iteration
            else "--trace-nan tells where it comes from",
        )


def _iterations(count: int) -> str:
    return f"{count:,} iteration{'s' * (count != 1)}"


def _stands_still(history: list[float], tolerance: float) -> bool:
    if len(history) <= _PATIENCE or not tolerance:
        return False
    recent = history[-_PATIENCE - 1 :]
    low, high = min(recent), max(recent)
    return high - low <= tolerance * max(abs(low), abs(high))


def _check_options(descent: Descent) -> None:
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
    """Raise UsageError for a name that neither the program nor a binding gives a value."""
    assigned = names_assigned(evaluation.program)
    assigned |= {*evaluation.bindings, *outcome.inputs}
    for name in names:
        if name not in assigned:
            raise UsageError(
                "update",
                f"`{brief(name)}` is a letter for a part of the program, not a name in it",
                help="assign that part to a name, and update that name",
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
    """Return an input that a node is computed from; None for a constant of the program."""
    pending, visited = [*graph.nodes[position].operands], set()
    if graph.nodes[position].is_bound:
        return None
    while pending:
        current = pending.pop()
        node = graph.nodes[current]
        if node.is_bound:
            return node.name
        if current not in visited:
            visited.add(current)
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
