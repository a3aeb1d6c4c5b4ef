"""Forward and backward of a scalar graph, beside torch.autograd and micrograd:
`python benchmarks/backward.py [nodes]`.

Needs torch and micrograd beside graphcalc. Every engine computes the same 100,000 nodes in the same
run, in turns; prints medians in milliseconds, and what the backward pass adds as a ratio.
"""

from __future__ import annotations

import gc as collector
import random
import statistics
import sys
import time
from collections.abc import Callable

import graphcalc as gc

WIDTH, ROUNDS = 500, 5
Node = tuple[str, int, int]


def make(count: int) -> list[Node]:
    """Layers of sums, products and relus of two nodes of the layer before."""
    draw = random.Random(0)
    nodes: list[Node] = []
    while len(nodes) < count - WIDTH:
        start = len(nodes)
        for _ in range(WIDTH):
            kind = draw.choice(("add", "mul", "relu"))
            nodes.append((kind, start + draw.randrange(WIDTH), start + draw.randrange(WIDTH)))
    return nodes


def inputs() -> list[float]:
    """The first layer."""
    draw = random.Random(1)
    return [draw.uniform(-1.0, 1.0) for _ in range(WIDTH)]


def program(nodes: list[Node]) -> str:
    """The graph as text; an input is `x0`, a node `n0`, and the last layer's sum `loss`."""

    def name(i: int) -> str:
        return f"x{i}" if i < WIDTH else f"n{i - WIDTH}"

    forms = {"add": "({} + {}) * 0.5", "mul": "{} * {}", "relu": "relu({} - {})"}
    lines = [f"n{p} = {forms[k].format(name(i), name(j))}" for p, (k, i, j) in enumerate(nodes)]
    last = " + ".join(f"n{p}" for p in range(len(nodes) - WIDTH, len(nodes)))
    return "\n".join([*lines, f"loss = {last}"])


def build(nodes: list[Node], leaves: list[object], relu: Callable[[object], object]) -> object:
    """The same in objects that overload operators; the loss."""
    values = list(leaves)
    for kind, i, j in nodes:
        x, y = values[i], values[j]
        if kind == "add":
            values.append((x + y) * 0.5)  # type: ignore[operator]
        elif kind == "mul":
            values.append(x * y)  # type: ignore[operator]
        else:
            values.append(relu(x - y))  # type: ignore[operator]
    total = values[-WIDTH]
    for value in values[-WIDTH + 1 :]:
        total = total + value  # type: ignore[operator]
    return total


def main() -> None:
    """Time the engines in turns and print the table."""
    import torch
    from micrograd.engine import Value

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    torch.set_num_threads(1)
    # Half of the operations are two nodes each: a sum and a product, a difference and a relu.
    nodes = make(count * 3 // 5)
    given = inputs()
    used = {i for _, *operands in nodes[:WIDTH] for i in operands}
    named = {f"x{i}": x for i, x in enumerate(given) if i in used}
    text = program(nodes)
    forward = gc.compile(text, backend="python")
    both = gc.compile(text, backend="python", grad="loss")
    size = len(forward(named))
    found = both(named)

    def with_torch(backward: bool) -> list[float]:
        leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=backward) for x in given]
        loss = build(nodes, leaves, torch.relu)
        if backward:
            loss.backward()  # type: ignore[attr-defined]
        return [x.grad.item() if x.grad is not None else 0.0 for x in leaves]

    def with_micrograd(backward: bool) -> list[float]:
        leaves = [Value(x) for x in given]
        loss = build(nodes, leaves, lambda x: x.relu())  # type: ignore[attr-defined]
        if backward:
            loss.backward()  # type: ignore[attr-defined]
        return [x.grad for x in leaves]

    runs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "graphcalc, prepared": (lambda: forward(named), lambda: both(named)),
        "graphcalc, from text": (
            lambda: gc.run(text, named, backend="python"),
            lambda: gc.run(text, named, backend="python", grad="loss"),
        ),
        "torch.autograd": (lambda: with_torch(False), lambda: with_torch(True)),
        "micrograd": (lambda: with_micrograd(False), lambda: with_micrograd(True)),
    }
    sys.setrecursionlimit(10_000)
    own = [found.grad.get(f"x{i}", 0.0) for i in range(WIDTH)]
    for name, other in (("torch", with_torch(True)), ("micrograd", with_micrograd(True))):
        apart = max(abs(a - b) for a, b in zip(own, other))
        assert apart <= 1e-12 * max(map(abs, own)), f"{name} has other gradients: {apart}"
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in runs}
    for _ in range(ROUNDS):
        for name, pair in runs.items():
            for run, kept in zip(pair, times[name]):
                collector.collect()
                start = time.perf_counter()
                run()
                kept.append((time.perf_counter() - start) * 1e3)
    base = statistics.median(times["graphcalc, prepared"][1])
    print(f"{size:,} nodes; milliseconds, medians of {ROUNDS}")
    print(f"{'':22}{'forward':>10}{'both':>10}{'both/forward':>14}{'both/graphcalc':>16}")
    for name, (first, second) in times.items():
        ahead, together = statistics.median(first), statistics.median(second)
        ratio, to_own = f"{together / ahead:.2f}", f"{together / base:.2f}"
        print(f"{name:22}{ahead:10.1f}{together:10.1f}{ratio:>14}{to_own:>16}")


if __name__ == "__main__":
    main()
