"""A graph of scalar nodes, prepared once: forward, and forward with all gradients of its loss."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.harness import Engine, Ready, Work, timed
from benchmarks.programs import (
    AS_PYTHON,
    Graph,
    build_objects,
    compile_function,
    draw_graph,
    draw_inputs,
    write_function,
    write_graphcalc,
)

WIDTH = 500
ANEW = "builds its graph in each run"


def works(quick: bool, folder: Path) -> list[Work]:
    """Forward, and forward and backward, of two nodes an operation."""
    graph = draw_graph(10_000 if quick else 100_000, WIDTH)
    # micrograd's backward pass recurses over the graph.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))

    def engine(name: str, make: _Make, note: str = "", **targets: float) -> Engine:
        return Engine(name, lambda: make(graph), targets, note=note)

    forward = [
        engine("straight-line Python", forward_python, s=3.0),
        engine("torch, scalar tensors", forward_torch, ANEW, s=1 / 30),
        engine("micrograd", forward_micrograd, ANEW, s=1 / 100),
        engine("CasADi Function", forward_casadi, "the loss alone"),
    ]
    both = [
        engine("torch.autograd, scalar tensors", both_torch, ANEW, s=1 / 20),
        engine("micrograd", both_micrograd, ANEW),
        engine("CasADi Function", both_casadi),
    ]
    kinds = (
        ("forward", engine("graphcalc", forward_own), forward),
        ("forward and backward", engine("graphcalc", both_own), both),
    )
    return [
        Work(
            "scalars",
            f"{2 * len(graph.operations):,} nodes, {kind}",
            own,
            peers,
            budget=2.0 if quick else 20.0,
        )
        for kind, own, peers in kinds
    ]


_Make = Callable[[Graph], Ready]


def _named(graph: Graph) -> dict[str, float]:
    return dict(zip(graph.inputs, draw_inputs(graph)))


def forward_own(graph: Graph) -> Ready:
    """A prepared program on the Python backend."""
    import graphcalc as gc

    program, inputs = gc.compile(write_graphcalc(graph), backend="python"), _named(graph)
    return timed(lambda: program(inputs)["loss"], float)


def both_own(graph: Graph) -> Ready:
    """The same with the gradients of the loss."""
    import graphcalc as gc

    program = gc.compile(write_graphcalc(graph), backend="python", grad="loss")
    inputs = _named(graph)
    return timed(lambda: program(inputs).grad, lambda found: [found[n] for n in graph.inputs])


def forward_python(graph: Graph) -> Ready:
    """A function with a local variable for every node."""
    function = compile_function(write_function(graph, AS_PYTHON, is_freeing=False))
    inputs = draw_inputs(graph)
    return timed(lambda: function(*inputs), float)


def forward_torch(graph: Graph) -> Ready:
    """Tensors of no dimensions, with nothing recorded for a backward pass."""
    import torch

    def run() -> torch.Tensor:
        with torch.no_grad():
            leaves = [torch.tensor(x, dtype=torch.float64) for x in inputs]
            return build_objects(graph, leaves, torch.relu)  # type: ignore[no-any-return]

    inputs = draw_inputs(graph)
    return timed(run, float)


def both_torch(graph: Graph) -> Ready:
    """The same with autograd."""
    import torch

    def run() -> list[torch.Tensor]:
        leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in inputs]
        build_objects(graph, leaves, torch.relu).backward()
        return leaves

    inputs = draw_inputs(graph)
    return timed(run, lambda leaves: [x.grad.item() for x in leaves])


def forward_micrograd(graph: Graph) -> Ready:
    """micrograd's Values."""
    from micrograd.engine import Value

    inputs = draw_inputs(graph)
    return timed(
        lambda: build_objects(graph, [Value(x) for x in inputs], Value.relu),
        lambda loss: loss.data,
    )


def both_micrograd(graph: Graph) -> Ready:
    """The same with their backward pass."""
    from micrograd.engine import Value

    def run() -> list[Value]:
        leaves = [Value(x) for x in inputs]
        build_objects(graph, leaves, Value.relu).backward()
        return leaves

    inputs = draw_inputs(graph)
    return timed(run, lambda leaves: [x.grad for x in leaves])


def forward_casadi(graph: Graph) -> Ready:
    """A Function of scalar symbols in CasADi's virtual machine."""
    return _casadi(graph, is_both=False)


def both_casadi(graph: Graph) -> Ready:
    """A Function of the loss and its gradient, made by CasADi in reverse mode."""
    return _casadi(graph, is_both=True)


def _casadi(graph: Graph, is_both: bool) -> Ready:
    import casadi

    symbols = casadi.SX.sym("x", graph.width)
    leaves = [symbols[i] for i in range(graph.width)]
    loss = build_objects(graph, leaves, lambda x: casadi.fmax(x, 0.0))
    outputs = [loss, casadi.gradient(loss, symbols)] if is_both else [loss]
    function, inputs = casadi.Function("f", [symbols], outputs), draw_inputs(graph)

    def read(found: Sequence[casadi.DM]) -> list[float]:
        return list(found[-1].full().ravel())

    return timed(lambda: function.call([inputs]), read)
