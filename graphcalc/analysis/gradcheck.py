"""Gradients held against differences: what a formula says beside what the function does.

In float64, by Ridders' extrapolation of central differences: C. J. F. Ridders, "Accurate
computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4 (1982).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from graphcalc.backends.base import NullObserver
from graphcalc.backends.choose import compile_graph
from graphcalc.diagnostics import UsageError
from graphcalc.evaluate import Evaluation, Gradients, Outcome
from graphcalc.graph.passes import subgraph, with_inputs, work
from graphcalc.ops.spec import FLOATS

# Relative error up to which the two agree, beside ten times what the differences are unsure of.
TOLERANCE = 1e-6
# Elements of one tensor that are looked at, and scalar operations to spend on all of them.
_ELEMENTS, _WORK = 100, 2e10
# First steps to try, relative to the element, how much smaller each next one is, and how many.
_FIRST, _SHRINK, _ORDERS = (1e-1, 1e-3, 1e-5), 1.6, 6
# Runs of the function for one element, both slopes for a kink included.
_RUNS = 2 * len(_FIRST) * _ORDERS + 5
# Of the steps, in a second opinion.
_OTHERWISE = 0.77


class Element(NamedTuple):
    """One element: its gradient by the formulas, by differences, and what became of them.

    `verdict` is `ok`, `wrong`, `kink` where the slopes on the two sides differ and the gradient
    lies between them, or `unclear` where differences do not settle. `error` is relative.
    """

    at: tuple[int, ...]
    gradient: float
    difference: float
    error: float
    verdict: str
    slopes: tuple[float, float] | None = None


class Checked(NamedTuple):
    """One node: how many of its elements were looked at, and what was found."""

    name: str
    shape: tuple[int, ...]
    elements: list[Element]

    @property
    def worst(self) -> Element:
        """The wrong element with the largest error; of right ones the one nearest to that."""
        return max(self.elements, key=lambda e: (e.verdict == "wrong", e.verdict == "ok", e.error))

    @property
    def is_right(self) -> bool:
        """Whether no element is wrong."""
        return all(e.verdict != "wrong" for e in self.elements)


def check_gradients(
    evaluation: Evaluation, inputs: Mapping[str, Any] | None = None
) -> tuple[Outcome, list[Checked]]:
    """The run with its gradients, and each of these beside differences.

    Looks at the inputs that have a gradient, or at the nodes that the run's `wrt` names, as if
    these were inputs. Raises UsageError where there is nothing to check.
    """
    options = evaluation.options
    assert options.gradients is not None
    settings = options.settings._replace(dtype="float64")
    if settings.device == "mps":
        settings = settings._replace(device=None)
    wanted = options.gradients
    first = evaluation.with_options(options._replace(settings=settings), ())
    names = _names(first.run(inputs), wanted)
    options = options._replace(
        settings=settings, gradients=wanted._replace(wrt=(*names, wanted.of))
    )
    outcome = evaluation.with_options(options, names).run(inputs)
    graph = outcome.graph
    assert graph.target is not None
    positions = [graph.find(name) for name in names]
    open_graph = with_inputs(graph, positions)
    assert open_graph.target is not None
    inner, (target,) = subgraph(open_graph, [open_graph.target])
    settings = settings._replace(backend=outcome.program.backend)
    program = compile_graph(inner, settings, frozenset([target]))
    values = {name: _nested(outcome, p) for name, p in zip(names, positions)}
    weights = _flat(_nested(outcome, graph.gradients[graph.target])) if wanted.seed else None
    given = {k: v for k, v in outcome.inputs.items() if k in inner.inputs and k not in names}

    def compute() -> float:
        own = {
            name: program.restore(value, graph.nodes[p].type.shape, "float64")
            for (name, value), p in zip(values.items(), positions)
        }
        found = program.run({**given, **own}, NullObserver())[target]
        if weights is None:
            return float(found)
        elements = _flat(program.snapshot(found, 1 << 62)[0])
        return math.fsum(w * x for w, x in zip(weights, elements))

    count = max(5, min(_ELEMENTS, int(_WORK / (_RUNS * max(work(inner), 1) * len(names)))))
    checked = []
    for name, position in zip(names, positions):
        shape = graph.nodes[position].type.shape
        gradient = _flat(_nested(outcome, graph.gradients[position]))
        places = _places(len(gradient), count)
        elements = [_check(values, name, shape, i, gradient[i], compute) for i in places]
        checked.append(Checked(name, shape, elements))
    return outcome, [c for c in checked if c.elements]


def _names(outcome: Outcome, wanted: Gradients) -> tuple[str, ...]:
    """The nodes to look at."""
    graph = outcome.graph
    if wanted.wrt is not None:
        found = [n for n in wanted.wrt if graph.nodes[graph.names[n]].type.dtype in FLOATS]
    else:
        nodes = ((graph.nodes[p], p) for p in graph.gradients)
        found = [n.name or "" for n, p in nodes if n.is_input and p != graph.target]
    if not found:
        raise UsageError("nothing-to-check", f"`{wanted.of}` depends on no input")
    return tuple(found)


def _nested(outcome: Outcome, position: int) -> Any:
    """A kept value as a number or nested lists that nothing else holds."""
    if position in outcome.values:
        return outcome.program.snapshot(outcome.values[position], 1 << 62)[0]
    return outcome.trace.kept(position).value


def _flat(value: Any) -> list[float]:
    level = [value]
    while level and isinstance(level[0], list):
        level = [x for row in level for x in row]
    return level


def _places(total: int, count: int) -> Sequence[int]:
    """All elements, or so many of them, spread evenly and without a period."""
    if total <= count:
        return range(total)
    golden = (math.sqrt(5) - 1) / 2
    return sorted({int(total * ((i * golden) % 1.0)) for i in range(count)})


def _check(
    values: dict[str, Any],
    name: str,
    shape: tuple[int, ...],
    place: int,
    gradient: float,
    compute: Callable[[], float],
) -> Element:
    """One element of an input: `compute` reads `values` as they are."""
    index: list[int] = []
    for size in reversed(shape):
        index.insert(0, place % size)
        place //= size
    row, key = values, name
    for i in index:
        row, key = row[key], i  # type: ignore[assignment]
    x = row[key]

    def at(moved: float) -> float:
        row[key] = moved
        try:
            return compute()
        finally:
            row[key] = x

    return judge(at, x, gradient, tuple(index))


def judge(
    function: Callable[[float], float], x: float, gradient: float, index: tuple[int, ...] = ()
) -> Element:
    """A gradient beside the differences of a function around x."""
    difference, unsure = differentiate(function, x)
    scale = max(abs(gradient), abs(difference))
    error = abs(gradient - difference) / scale if scale else 0.0
    is_settled = unsure <= 1e-2 * scale or unsure < 1e-10
    apart = abs(gradient - difference)
    if is_settled and apart > TOLERANCE * scale + 10 * unsure:
        # Rounding inside of the function can make two of many slopes agree by chance.
        unsure = max(unsure, abs(differentiate(function, x, _OTHERWISE)[0] - difference))
    is_equal = is_settled and apart <= TOLERANCE * scale + 10 * unsure
    slopes = one_sided(function, x)
    if slopes is not None:
        low, high = sorted(slopes)
        slack = 1e-3 * max(abs(low), abs(high))
        verdict = "kink" if low - slack <= gradient <= high + slack else "wrong"
        return Element(index, gradient, difference, error, verdict, slopes)
    if is_equal:
        return Element(index, gradient, difference, error, "ok")
    if is_settled and math.isfinite(gradient):
        return Element(index, gradient, difference, error, "wrong")
    return Element(index, gradient, difference, error, "unclear")


def differentiate(
    function: Callable[[float], float], x: float, scale: float = 1.0
) -> tuple[float, float]:
    """The derivative of a function at x by differences, and how far it may be off.

    `scale` is that of the steps. Both are nan and inf where the function is not finite around x.
    """
    best, unsure = math.nan, math.inf
    size = scale * (max(abs(x), 1e-3) if x else 1.0)
    firsts = [first * size for first in _FIRST]
    if 0 < abs(x) < size:
        firsts += [first * abs(x) for first in _FIRST[:2]]
    for h in firsts:
        table: list[float] = []
        for _ in range(_ORDERS):
            slope, noise = _central(function, x, h)
            row = [slope]
            factor = _SHRINK * _SHRINK
            for before in table:
                row.append((row[-1] * factor - before) / (factor - 1))
                factor *= _SHRINK * _SHRINK
                apart = max(abs(row[-1] - row[-2]), abs(row[-1] - before)) + noise
                if apart < unsure:
                    best, unsure = row[-1], apart
            table = row
            h /= _SHRINK
    return best, unsure


def _central(function: Callable[[float], float], x: float, h: float) -> tuple[float, float]:
    """The slope between two points, and what rounding of the function's values does to it."""
    above, below = x + h, x - h
    if above == below:
        return math.nan, math.inf
    high, low = function(above), function(below)
    noise = 4 * sys.float_info.epsilon * max(abs(high), abs(low)) / h
    return (high - low) / (above - below), noise


def one_sided(function: Callable[[float], float], x: float) -> tuple[float, float] | None:
    """The slopes below and above x where they differ: at a kink. None where it is smooth."""
    h = 1e-6 * (min(abs(x), 1.0) or 1.0)
    here = function(x)
    pairs = [
        ((here - function(x - step)) / step, (function(x + step) - here) / step)
        for step in (h, h / 8)
    ]
    (low, high), (low2, high2) = pairs
    if not all(math.isfinite(s) for pair in pairs for s in pair):
        return None
    scale = max(abs(low2), abs(high2))
    noise = 100 * sys.float_info.epsilon * abs(here) / h
    # As the step shrinks, the slopes of a smooth function come together and what rounding does
    # grows; at a kink they stay as far apart.
    apart, before = abs(high2 - low2), abs(high - low)
    is_apart = apart > 1e-3 * scale + noise and before / 2 < apart < before * 2
    return (low2, high2) if is_apart else None
