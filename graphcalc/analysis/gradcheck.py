"""Gradients compared with differences of the function in float64, element by element."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from graphcalc.analysis.differences import RUNS, Slopes, slopes
from graphcalc.backends.base import Inputs, NullObserver, Program, Settings, Value
from graphcalc.backends.choose import compile_graph
from graphcalc.diagnostics import UsageError
from graphcalc.displays import Displayed
from graphcalc.evaluate import Evaluation, Gradients, Outcome
from graphcalc.graph.passes import subgraph, with_inputs, work
from graphcalc.numbers import Nested, leaves, unravel
from graphcalc.ops.spec import FLOATS

# Relative error up to which the two agree, beside the uncertainty of the differences.
TOLERANCE = 1e-6
# Relative uncertainty up to which differences confirm a gradient.
_SETTLED = 1e-5
# Elements of one tensor to check, and scalar operations to spend on all of them.
_ELEMENTS, _WORK = 100, 2e10
# A number of elements that no snapshot exceeds.
_ALL = 1 << 62


class Element(NamedTuple):
    """One element: its gradient by the formulas and by differences, and the verdict.

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
    """One node with the elements of it that were checked."""

    name: str
    shape: tuple[int, ...]
    elements: list[Element]

    @property
    def worst(self) -> Element:
        """The wrong element with the largest error; without one, the right one with the largest."""
        return max(self.elements, key=lambda e: (e.verdict == "wrong", e.verdict == "ok", e.error))

    @property
    def is_right(self) -> bool:
        """Whether no element is wrong."""
        return all(e.verdict != "wrong" for e in self.elements)


class GradientCheck(Displayed, list[Checked]):
    """What was checked of a gradient by each input; `target` is the name of its node."""

    def __init__(self, checked: Iterable[Checked], target: str) -> None:
        super().__init__(checked)
        self.target = target


def check_gradients(
    evaluation: Evaluation, inputs: Inputs | None = None
) -> tuple[Outcome, GradientCheck]:
    """Return the run with its gradients, and each of them beside differences.

    Checks the inputs that have a gradient, or the nodes that the run's `wrt` names, as if these
    were inputs. Raises UsageError where there is nothing to check.
    """
    wanted = evaluation.options.gradients
    assert wanted is not None
    outcome, names = _run_with_gradients(evaluation, inputs, wanted)
    settings = _in_float64(evaluation.options.settings)
    settings = settings._replace(backend=outcome.program.backend)
    function = _CheckedFunction(outcome, names, settings, is_weighted=wanted.seed is not None)
    runs = RUNS * max(work(function.graph), 1) * len(names)
    count = max(5, min(_ELEMENTS, int(_WORK / runs)))
    checked = [_check_input(function, name, count) for name in names]
    return outcome, GradientCheck((c for c in checked if c.elements), wanted.of)


def _run_with_gradients(
    evaluation: Evaluation, inputs: Inputs | None, wanted: Gradients
) -> tuple[Outcome, tuple[str, ...]]:
    """Return a run in float64 with the gradients by the nodes to check, and their names."""
    options = evaluation.options
    options = options._replace(settings=_in_float64(options.settings))
    names = _names(evaluation.with_options(options, ()).run(inputs), wanted)
    options = options._replace(gradients=wanted._replace(wrt=(*names, wanted.of)))
    return evaluation.with_options(options, names).run(inputs), names


def _in_float64(settings: Settings) -> Settings:
    """Return the settings with float64, which device mps does not have."""
    device = None if settings.device == "mps" else settings.device
    return settings._replace(dtype="float64", device=device)


class _CheckedFunction:
    """The checked number as a function of the inputs, at nested lists that can be changed.

    A tensor counts as the sum of its elements times their weights.
    """

    def __init__(
        self, outcome: Outcome, names: tuple[str, ...], settings: Settings, *, is_weighted: bool
    ) -> None:
        self.outcome = outcome
        graph = outcome.graph
        assert graph.target is not None
        self.positions = {name: graph.find(name) for name in names}
        self.values = {name: _nested(outcome, p) for name, p in self.positions.items()}
        self._weights = (
            leaves(_nested(outcome, graph.gradients[graph.target])) if is_weighted else None
        )
        opened, _ = with_inputs(graph, list(self.positions.values()))
        assert opened.target is not None
        self.graph, moved = subgraph(opened, [opened.target])
        self._target = moved[opened.target]
        self._program = compile_graph(self.graph, settings, frozenset([self._target]))
        self._fixed = {
            name: value
            for name, value in outcome.inputs.items()
            if name in self.graph.inputs and name not in names
        }

    def compute(self) -> float:
        """Return the number at `values`."""
        program, nodes = self._program, self.outcome.graph.nodes
        own = {
            name: program.restore(self.values[name], nodes[p].type.shape, "float64")
            for name, p in self.positions.items()
        }
        found = program.run({**self._fixed, **own}, NullObserver())[self._target]
        if self._weights is None:
            return float(found)
        elements = leaves(_snapshot(program, found))
        return math.fsum(w * x for w, x in zip(self._weights, elements))


def _check_input(function: _CheckedFunction, name: str, count: int) -> Checked:
    """Return one input with `count` of its elements checked."""
    outcome, position = function.outcome, function.positions[name]
    shape = outcome.graph.nodes[position].type.shape
    gradient = leaves(_nested(outcome, outcome.graph.gradients[position]))
    offsets = _sample(len(gradient), count)
    return Checked(name, shape, [_check(function, name, shape, i, gradient[i]) for i in offsets])


def _names(outcome: Outcome, wanted: Gradients) -> tuple[str, ...]:
    """Return the names of the nodes to check."""
    graph = outcome.graph
    if wanted.wrt is not None:
        found = [n for n in wanted.wrt if graph.nodes[graph.names[n]].type.dtype in FLOATS]
    else:
        nodes = ((graph.nodes[p], p) for p in graph.gradients)
        found = [n.name or "" for n, p in nodes if n.is_input and p != graph.target]
    if not found:
        raise UsageError("nothing-to-check", f"`{wanted.of}` depends on no input")
    return tuple(found)


def _nested(outcome: Outcome, position: int) -> Nested:
    """Return a kept value as a number, or as nested lists that nothing else refers to."""
    if position in outcome.values:
        return _snapshot(outcome.program, outcome.values[position])
    value = outcome.trace.kept(position).value
    assert value is not None
    return value


def _snapshot(program: Program, value: Value) -> Nested:
    """Return a value of any size as a number or nested lists."""
    nested, _ = program.snapshot(value, _ALL)
    assert nested is not None
    return nested


def _sample(total: int, count: int) -> Sequence[int]:
    """Return the offsets of all elements, or of `count` of them, spread evenly, not regularly."""
    if total <= count:
        return range(total)
    golden = (math.sqrt(5) - 1) / 2
    return sorted({int(total * ((i * golden) % 1.0)) for i in range(count)})


def _check(
    function: _CheckedFunction, name: str, shape: tuple[int, ...], offset: int, gradient: float
) -> Element:
    """Return one element of an input beside the differences of the function around it."""
    index = unravel(offset, shape)
    # The list that holds the number, and its key there; a scalar is held by the values by name.
    row: Any = function.values
    key: Any = name
    for i in index:
        row, key = row[key], i
    x = row[key]

    def at(changed: float) -> float:
        row[key] = changed
        try:
            return function.compute()
        finally:
            row[key] = x

    return judge(at, x, gradient, index)


def judge(
    function: Callable[[float], float], x: float, gradient: float, index: tuple[int, ...] = ()
) -> Element:
    """Return a gradient beside the differences of a function around x, with the verdict."""
    found = slopes(function, x)
    difference = found.center.value
    scale = max(abs(gradient), abs(difference))
    error = abs(gradient - difference) / scale if scale else 0.0
    if found.is_kink:
        sides = (found.left.value, found.right.value)
        return Element(index, gradient, difference, error, _at_kink(found, gradient), sides)
    return Element(index, gradient, difference, error, _verdict(found, gradient))


def _at_kink(found: Slopes, gradient: float) -> str:
    """The verdict on a gradient where the slopes of the two sides differ."""
    low, high = sorted((found.left.value, found.right.value))
    slack = 1e-3 * max(abs(low), abs(high))
    if math.isinf(low) or math.isinf(high):
        return "kink" if low <= gradient <= high else "unclear"
    return "kink" if low - slack <= gradient <= high + slack else "wrong"


def _verdict(found: Slopes, gradient: float) -> str:
    """The verdict on a gradient where the function has no kink."""
    value, error = found.center
    scale, apart = max(abs(gradient), abs(value)), abs(gradient - value)
    if not math.isfinite(apart) or not found.is_smooth(scale):
        return "unclear"
    if apart <= TOLERANCE * scale + 3 * error:
        return "ok" if error <= max(_SETTLED * scale, found.floor) else "unclear"
    is_open = 10 * error >= apart or error > 1e-2 * scale or _is_supported(found, gradient)
    return "unclear" if is_open else "wrong"


def _is_supported(found: Slopes, gradient: float) -> bool:
    """Whether steps of some size settle on the gradient, and not on the difference found.

    So it is where a function is computed in stairs, of which smaller steps see one alone.
    """
    apart = abs(gradient - found.center.value)
    precise = [e for e in found.levels if e.error <= min(apart / 10, 1e-4 * abs(e.value))]
    agreeing = [
        e for e in precise if abs(e.value - gradient) <= TOLERANCE * abs(gradient) + 3 * e.error
    ]
    return len(agreeing) > 1
