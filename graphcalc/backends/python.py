"""The Python backend: the standard library alone, and the meaning of the language.

Scalars are `float` and `bool`, tensors are `NDArray`. A graph of scalars alone runs through
columns, without an object or a call per node beyond the kernel's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from graphcalc.backends.base import PYTHON_ITEM_OVERHEAD, Clock, NonFinite, Observer, Sink, Summary
from graphcalc.backends.optimizers import updater
from graphcalc.backends.python_loops import Kernel, RegionLoop, conversion, mapped
from graphcalc.backends.regions import ExecutionStep, check_memory, steps_of
from graphcalc.backends.scalars import ScalarProgram
from graphcalc.diagnostics import LimitError
from graphcalc.graph.ir import Graph, Node, wrong_value
from graphcalc.graph.passes import last_uses
from graphcalc.graph.verify import first_of_kind
from graphcalc.ops.kernels.arrays import NDArray, expand, fsum
from graphcalc.ops.spec import Problem, Type
from graphcalc.ops.table import OPS

_Step = tuple[int, Kernel, tuple[int, ...]]


class PythonProgram:
    """A graph ready to run in Python."""

    backend = "python"
    device = "cpu"
    compile_seconds = 0.0

    def __init__(self, graph: Graph, kept: frozenset[int]) -> None:
        self._graph, self._kept = graph, sorted(kept)
        self._position = 0
        nodes, first = graph.nodes, first_of_kind(graph)
        self._is_scalar = all([not nodes[position].type.shape for position in set(first)])
        self._template: list[Any] = [None] * len(nodes)
        self._inputs: list[tuple[int, str, Type]] = []
        given = {
            position
            for position, node in enumerate(nodes)
            if not node.operands and self._is_given(position, node)
        }
        kernels = {kind: kernel_of(graph, nodes[kind]) for kind in set(first) - given}
        if self._is_scalar:
            found = [kernels.get(kind) for kind in first]
            self._flat = ScalarProgram(found, [node.operands for node in nodes])
            return
        self._releases = last_uses(graph, kept)
        check_memory(graph, steps_of(graph, kept, with_regions=False), PYTHON_ITEM_OVERHEAD)
        self._steps: list[_Step] = [
            (position, kernels[kind], nodes[position].operands)
            for position, kind in enumerate(first)
            if kind in kernels
        ]
        self._kernels = {position: (kernel, reads) for position, kernel, reads in self._steps}
        self._loops: dict[int, RegionLoop] = {}
        self._with_loops = _steps_with_loops(graph, kept)

    def _is_given(self, position: int, node: Node) -> bool:
        """Whether a node's value is there before the run: written, or from outside."""
        if node.op is OPS["const"]:
            shape, data = node.type.shape, node.params[1]
            self._template[position] = NDArray(shape, list(data)) if shape else data[0]
        elif node.op is OPS["input"]:
            self._inputs.append((position, node.params[1], node.type))
        else:
            return False
        return True

    def run(
        self,
        inputs: Mapping[str, Any],
        observer: Observer,
        sinks: Mapping[int, Sink] | None = None,
        clock: Clock | None = None,
    ) -> dict[int, Any]:
        """Compute the graph; inputs are numbers, nested lists, or arrays with `tolist`."""
        values = self._template.copy()
        for position, name, type_ in self._inputs:
            values[position] = native(inputs[name], type_)
            if clock is not None:
                clock(position)
        if self._is_scalar:
            flat = self._flat
            values = flat.run(values) if clock is None else flat.run_timed(values, clock)
            observer.observe_scalars(values)
        else:
            try:
                self._run_tensors(values, observer, sinks or {}, clock)
            except Problem as problem:
                raise wrong_value(problem, self._graph, self._position) from None
        return {position: values[position] for position in self._kept}

    def _run_tensors(
        self,
        values: list[Any],
        observer: Observer,
        sinks: Mapping[int, Sink],
        clock: Clock | None,
    ) -> None:
        for position, value in enumerate(values):
            if position not in self._kernels:
                observer.observe(position, value)
        if clock is None and self._hides_nothing(observer, sinks):
            self._run_loops(values, observer, sinks)
            return
        for position, kernel, operands in self._steps:
            self._position = position
            values[position] = kernel(*[values[i] for i in operands])
            if clock is not None:
                clock(position)
            observer.observe(position, values[position])
            if position in sinks:
                sinks[position].put(0, values[position])
            for released in self._releases[position]:
                values[released] = None

    def _hides_nothing(self, observer: Observer, sinks: Mapping[int, Sink]) -> bool:
        """Whether nobody wants a value that is within a loop.

        Where somebody does, each node is mapped by itself, which is no slower than a loop that
        keeps a list of every node, and frees them sooner.
        """
        if not self._with_loops or observer.needs_values:
            return False
        regions = (step.region for step in self._with_loops if step.region is not None)
        hidden = (p for r in regions for p in set(r.members).difference(r.outputs))
        return not any(p in sinks or observer.wants(p) for p in hidden)

    def _run_loops(self, values: list[Any], observer: Observer, sinks: Mapping[int, Sink]) -> None:
        """Compute every region as one loop over its elements, other nodes by themselves."""
        for step in self._with_loops:
            self._position = step.position
            if step.region is not None and len(step.region.members) > 1:
                loop = self._loops.get(step.position)
                if loop is None:
                    loop = self._loops[step.position] = RegionLoop(self._graph, step.region)
                computed: list[Any] = list(loop.run(values))
            elif step.position in self._kernels:
                kernel, operands = self._kernels[step.position]
                computed = [kernel(*[values[i] for i in operands])]
            else:
                continue
            for position, value in zip(step.made, computed):
                values[position] = value
                observer.observe(position, value)
                if position in sinks:
                    sinks[position].put(0, value)
            for released in step.released:
                values[released] = None

    def snapshot(self, value: Any, limit: int) -> tuple[Any, Summary | None]:
        """The value as nested lists, where it is small, and its statistics."""
        if type(value) is not NDArray:
            return value, None
        elements = value.tolist() if len(value.data) <= limit else None
        return elements, summarize(value.data)

    def non_finite(self, value: Any, operands: list[Any], is_elementwise: bool) -> NonFinite | None:
        """What of a value is not finite, given what it was computed from; or None."""
        array = _array(value)
        odd = [i for i, x in enumerate(array.data) if x - x != 0]
        if not odd:
            return None
        met: list[tuple[bool, bool]] = [(False, False)] * len(odd)
        for operand in map(_array, operands):
            data = expand(operand, array.shape) if is_elementwise else operand.data
            if is_elementwise:
                kinds = [_kinds([data[i]]) for i in odd]
            else:
                kinds = [_kinds(data)] * len(odd)
            met = [(a or c, b or d) for (a, b), (c, d) in zip(met, kinds)]
        nans = [array.data[i] != array.data[i] for i in odd]
        born = [
            not has_nan and (is_nan or not has_inf) for is_nan, (has_nan, has_inf) in zip(nans, met)
        ]
        born_nan = sum(b and n for b, n in zip(born, nans))
        first = next((i for i, b in zip(odd, born) if b), 0)
        return NonFinite(sum(nans), len(odd) - sum(nans), born_nan, sum(born) - born_nan, first)

    def element(self, value: Any, index: tuple[int, ...]) -> Any:
        """The number at an index of what a value broadcasts to."""
        array = _array(value)
        place = 0
        for size, i in zip(array.shape, index[len(index) - len(array.shape) :]):
            place = place * size + (i if size != 1 else 0)
        return array.data[place]

    def plain(self, value: Any) -> Any:
        """A value as an input that any run takes: a number, or nested lists."""
        return value.tolist() if type(value) is NDArray else value

    def descent(
        self, optimizer: str, rate: float, values: list[Any]
    ) -> tuple[list[Any], Callable[[list[Any]], list[Any]]]:
        """Values as inputs of a run, and what makes the next ones of their gradients."""
        updates = [updater(optimizer, rate) for _ in values]
        arrays = [_array(value) for value in values]

        def update(gradients: list[Any]) -> list[Any]:
            for place, (held, gradient) in enumerate(zip(arrays, gradients)):
                data = updates[place](held.data, _array(gradient).data)
                arrays[place] = NDArray(held.shape, data)
            return [held if held.shape else held.data[0] for held in arrays]

        return values, update

    def restore(self, value: Any, shape: tuple[int, ...], dtype: str) -> Any:
        """Nested lists as an `NDArray`; a number as it is."""
        if not shape:
            return value
        data = [value]
        for _ in shape:
            data = [element for row in data for element in row]
        return NDArray(shape, data)


def _steps_with_loops(graph: Graph, kept: frozenset[int]) -> list[ExecutionStep]:
    """Return the steps with regions of several nodes; none where these need too much memory."""
    steps = steps_of(graph, kept, with_folds=False)
    if not any(step.region is not None and len(step.region.members) > 1 for step in steps):
        return []
    try:
        check_memory(graph, steps, PYTHON_ITEM_OVERHEAD)
    except LimitError:
        return []
    return steps


def _kinds(data: list[Any]) -> tuple[bool, bool]:
    """Whether there is a nan among numbers, and whether an infinity."""
    odd = [x for x in data if x - x != 0]
    return any(x != x for x in odd), any(x == x for x in odd)


def summarize(data: list[Any]) -> Summary:
    """The statistics of a list of numbers."""
    total = fsum(data) if data else 0.0
    if data and math.isfinite(total):
        return Summary(min(data), total / len(data), max(data), 0, 0)
    finite = [x for x in data if x - x == 0]
    nan = sum([x != x for x in data]) if len(finite) < len(data) else 0
    inf = len(data) - len(finite) - nan
    if not finite:
        return Summary(None, None, None, nan, inf)
    mean = fsum(finite) / len(finite)
    return Summary(min(finite), mean, max(finite), nan, inf)


def kernel_of(graph: Graph, node: Node) -> Callable[..., Any]:
    """A function from operand values to the node's value."""
    op, out = node.op, node.type
    casts = [conversion(graph, node, i) for i in range(len(node.operands))]
    kernel = op.python
    if op.kind == "elementwise" and node.params:
        params = node.params
        kernel = lambda *values: op.python(*values, *params)  # noqa: E731
    if op.kind != "elementwise":
        run = _array_kernel(node)
    elif not out.shape:
        run = kernel
    else:
        quick = op.raising if callable(op.raising) and not node.params else kernel
        run = mapped(kernel, quick, out.shape)
    if not any(casts):
        return run
    return lambda *values: run(*[v if c is None else cast(v, c) for v, c in zip(values, casts)])


def cast(value: Any, convert: Callable[[Any], Any]) -> Any:
    """A value with every element converted."""
    if type(value) is NDArray:
        return NDArray(value.shape, [convert(x) for x in value.data])
    return convert(value)


def _array_kernel(node: Node) -> Callable[..., Any]:
    kernel, out, params = node.op.python, node.type, node.params

    def run(*values: Any) -> Any:
        data = kernel(out, *[_array(v) for v in values], *params)
        return NDArray(out.shape, data) if out.shape else data[0]

    return run


def _array(value: Any) -> NDArray:
    return value if type(value) is NDArray else NDArray((), [value])


def native(value: Any, type_: Type) -> Any:
    """A number, nested list or array as this backend's own value of a type."""
    convert = {"bool": bool, "int64": int}.get(type_.dtype, float)
    if hasattr(value, "tolist"):
        value = value.tolist()
    data = [value]
    for _ in type_.shape:
        data = list(chain.from_iterable(data))
    data = list(map(convert, data))
    return NDArray(type_.shape, data) if type_.shape else data[0]
