"""Elementwise programs over big arrays in files: computed some elements at a time.

Nothing is ever in memory whole: a tile of every input is read, all nodes are computed of it, what
is to be saved is written, and each node's statistics grow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from graphcalc.backends.base import Program, Summary
from graphcalc.backends.choose import compile_graph, has_torch
from graphcalc.data.arrays import FileArray
from graphcalc.data.files import is_packed
from graphcalc.data.results import ArrayWriter, Target
from graphcalc.evaluate import Evaluation, Outcome, find_name, kept_nodes
from graphcalc.graph.ir import Graph
from graphcalc.ops.table import OPS
from graphcalc.trace import Kept, Trace

# Elements of a tile, and bytes of input from which tiles pay.
_TILE, _LARGE = 1 << 20, 64 << 20
FORMATS = ("npy", "safetensors")


def run_streamed(evaluation: Evaluation, targets: list[Target]) -> Outcome | None:
    """Run a program tile by tile and save what is to be saved.

    None where that cannot be: then nothing has been done.
    """
    values, described = evaluation.given()
    arrays = {name: v for name, v in values.items() if isinstance(v, FileArray) and v.shape}
    settings = evaluation.options.settings
    size = sum(array.numel * array.itemsize for array in arrays.values())
    if size < _LARGE or settings.backend == "python" or not has_torch():
        return None
    if evaluation.options.gradients or not all(map(_takes_parts, targets)):
        return None
    graph = evaluation.graph(described)
    if not _is_elementwise(graph, arrays):
        return None
    settings = settings._replace(backend="torch")
    saved = {t.path: (t, _positions(graph, t, evaluation.keep)) for t in targets}
    wanted = {p for _, positions in saved.values() for p in positions}
    small = {p for p in kept_nodes(graph, ()) if not graph.nodes[p].type.shape}
    program = compile_graph(graph, settings, frozenset(wanted | small))
    trace = Trace(graph, program)
    with ExitStack() as stack:
        writers = [
            (stack.enter_context(ArrayWriter(t, _entries(graph, positions))), positions)
            for t, positions in saved.values()
        ]
        kept: dict[int, Any] = {}
        merged = _Merged(program, trace)
        for place, tiles in _tiles(arrays):
            found = program.run({**values, **tiles}, merged)
            for writer, positions in writers:
                for position in positions:
                    writer.put(graph.nodes[position].name or "", place, found[position])
            kept = {p: value for p, value in found.items() if p in small}
        merged.finish()
    return Outcome(graph, program, trace, kept, values)


def _takes_parts(target: Target) -> bool:
    """Whether arrays can be written to a target in parts: into any place of a plain file."""
    path = target.path
    is_plain = os.path.isfile(path) or not os.path.exists(path)
    return target.format in FORMATS and is_plain and not is_packed(path)


def _positions(graph: Graph, target: Target, shown: Any) -> list[int]:
    names = [target.name] if target.name else list(shown)
    return [find_name(graph, name) for name in names] or list(graph.results)


def _entries(graph: Graph, positions: list[int]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The dtype and the shape of nodes by name."""
    nodes = [graph.nodes[p] for p in positions]
    return {node.name or "": (node.type.dtype, node.type.shape) for node in nodes}


def _is_elementwise(graph: Graph, arrays: Mapping[str, FileArray]) -> bool:
    """Whether every node that is no number has the elements of one shape, each by itself."""
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) != 1 or any(array.order != "C" for array in arrays.values()):
        return False
    (shape,) = shapes
    return all(
        not node.type.shape
        or (
            node.type.shape == shape
            and (
                node.op.kind == "elementwise"
                or node.op is OPS["alias"]
                or (node.op is OPS["input"] and node.params[1] in arrays)
            )
        )
        for node in graph.nodes
    ) and all(
        node.op.kind in ("elementwise", "leaf")
        or all(not graph.nodes[i].type.shape for i in node.operands)
        for node in graph.nodes
    )


def _tiles(arrays: Mapping[str, FileArray]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Tiles of all arrays, with the place of their first element."""
    count = next(iter(arrays.values())).numel
    with ExitStack() as stack:
        takes = {name: stack.enter_context(array.parts()) for name, array in arrays.items()}
        for place in range(0, count, _TILE):
            size = min(_TILE, count - place)
            yield place, {name: take(size) for name, take in takes.items()}


class _Merged:
    """An observer of tiles that keeps the statistics of each node over all of them."""

    def __init__(self, program: Program, trace: Trace) -> None:
        self._program, self._trace = program, trace
        self._graph = trace.graph
        self._found: dict[int, tuple[Summary, int]] = {}

    def observe(self, position: int, value: Any) -> None:
        """A tile of a node's value."""
        node = self._graph.nodes[position]
        if not node.type.shape:
            self._trace.observe(position, value)
            return
        if node.name is None:
            return
        _, summary = self._program.snapshot(value, 0)
        if summary is None:
            return
        count = value.numel() - summary.nan - summary.inf
        old = self._found.get(position)
        self._found[position] = (summary, count) if old is None else _merge(*old, summary, count)

    def observe_scalars(self, values: list[Any]) -> None:
        """There are none alone."""

    def finish(self) -> None:
        """Give the trace what was found."""
        for position, (summary, _) in self._found.items():
            self._trace.keep(position, Kept(None, summary))


def _merge(a: Summary, n: int, b: Summary, m: int) -> tuple[Summary, int]:
    """The statistics of two parts together; n and m of their elements are finite."""
    nan, inf = a.nan + b.nan, a.inf + b.inf
    if a.mean is None or a.minimum is None or a.maximum is None:
        return b._replace(nan=nan, inf=inf), n + m
    if b.mean is None or b.minimum is None or b.maximum is None:
        return a._replace(nan=nan, inf=inf), n + m
    mean = a.mean + (b.mean - a.mean) * (m / (n + m))
    low, high = min(a.minimum, b.minimum), max(a.maximum, b.maximum)
    return Summary(low, mean, high, nan, inf), n + m
