"""The programs that engines compute, drawn from a fixed seed, in each engine's notation."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

# How graphcalc, Python and NumPy write the operations of a graph; all stay between 0 and 1.
AS_GRAPHCALC = {"mean": "({} + {}) * 0.5", "rest": "1 - {} * {}", "relu": "relu({} - {})"}
# Straight-line code gives each of the two nodes of an operation a name of its own.
AS_PYTHON = {
    "mean": ("{} + {}", "{} * 0.5"),
    "rest": ("{} * {}", "1.0 - {}"),
    "relu": ("{} - {}", "{0} if {0} > 0.0 else 0.0"),
}
AS_NUMPY = {**AS_PYTHON, "relu": ("{} - {}", "maximum({}, 0.0)")}

# Machine-written scalar code: what Python and graphcalc both read, between -1 and 1.
STATEMENTS = (
    *("0.5*{} + 0.5*{}", "{}*{} - 0.0625", "sin({} + 2*{})", "cos({})*{}"),
    *("({} - {})/2.5", "0.75 - {}*{}*0.5", "-{} * 0.5 + {}/4 + 0.125"),
)


class Graph(NamedTuple):
    """Layers of operations, each on two values of the layer before; an operation is two nodes."""

    width: int
    operations: Sequence[tuple[str, int, int]]

    @property
    def inputs(self) -> list[str]:
        """The names of the first layer."""
        return [f"x{i}" for i in range(self.width)]

    @property
    def last(self) -> list[str]:
        """The names of the last layer, whose sum is the loss."""
        return [self.name(len(self.operations) + i) for i in range(self.width)]

    def name(self, value: int) -> str:
        """Return the name of a value: `x0` for an input, `n0` for an operation."""
        return f"x{value}" if value < self.width else f"n{value - self.width}"

    def lines(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield the name of each operation's value, its kind, and the names of its operands."""
        for position, (kind, i, j) in enumerate(self.operations):
            yield self.name(position + self.width), kind, self.name(i), self.name(j)


def draw_graph(count: int, width: int) -> Graph:
    """Return a graph of `count` operations, all of whose inputs are read."""
    draw = random.Random(0)
    operations: list[tuple[str, int, int]] = []
    while len(operations) < count:
        start = len(operations)
        for i in range(width):
            kind = draw.choice(list(AS_GRAPHCALC))
            operations.append((kind, start + i, start + draw.randrange(width)))
    return Graph(width, operations)


def draw_inputs(graph: Graph) -> list[float]:
    """Return the values of the first layer."""
    draw = random.Random(1)
    return [draw.random() for _ in graph.inputs]


def write_graphcalc(graph: Graph) -> str:
    """Return the graph as a program whose only result is `loss`."""
    lines = [f"{n} = {AS_GRAPHCALC[kind].format(x, y)}" for n, kind, x, y in graph.lines()]
    return "\n".join([*lines, f"loss = {' + '.join(graph.last)}"])


def write_function(graph: Graph, forms: dict[str, tuple[str, str]], is_freeing: bool) -> str:
    """Return the graph as a Python function `f`, which frees unused values if asked."""
    last_use = {}
    for position, (_, i, j) in enumerate(graph.operations):
        last_use[i] = last_use[j] = position
    lines = [f"def f({', '.join(graph.inputs)}):"]
    for position, (name, kind, x, y) in enumerate(graph.lines()):
        first, second = forms[kind]
        half = f"t{position}"
        lines += [f" {half} = {first.format(x, y)}", f" {name} = {second.format(half)}"]
        if is_freeing:
            _, i, j = graph.operations[position]
            dead = [graph.name(v) for v in {i, j} if last_use[v] == position and v >= graph.width]
            lines.append(f" del {', '.join([half, *dead])}")
    return "\n".join([*lines, f" return {' + '.join(graph.last)}"])


def compile_function(text: str, **names: Any) -> Callable[..., Any]:
    """Return the function `f` of a text by `write_function`."""
    exec(compile(text, "<written>", "exec"), names)
    return names["f"]  # type: ignore[no-any-return]


def build_objects(graph: Graph, leaves: Sequence[Any], relu: Callable[[Any], Any]) -> Any:
    """Return the loss of the graph in objects that overload operators."""
    values = list(leaves)
    for kind, i, j in graph.operations:
        x, y = values[i], values[j]
        if kind == "mean":
            values.append((x + y) * 0.5)
        elif kind == "rest":
            values.append(1.0 - x * y)
        else:
            values.append(relu(x - y))
    total, *rest = values[-graph.width :]
    for value in rest:
        total = total + value
    return total


def write_statements(count: int) -> str:
    """Return `count` statements `v0 = ...`, each on two of the 64 values before, or `a` to `d`."""
    draw = random.Random(2)
    names, lines = ["a", "b", "c", "d"], []
    for position in range(count):
        operands = draw.choice(names), draw.choice(names)
        lines.append(f"v{position} = {draw.choice(STATEMENTS).format(*operands)}")
        names = [*names[-63:], f"v{position}"]
    return "\n".join(lines) + "\n"
