"""Results into files while they are computed, so that large ones never have to be whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from graphcalc.backends.base import KEEP, Sink
from graphcalc.data.arrays import Value
from graphcalc.data.results import ArrayWriter, SaveTarget
from graphcalc.files.atomic import is_replaced
from graphcalc.files.streams import is_packed
from graphcalc.graph.ir import Graph

FORMATS = ("npy", "safetensors")


class FileSinks:
    """The files among some targets that take arrays in parts; a context that writes all or none.

    `left` are the targets that want values whole, once the graph is known.
    """

    def __init__(self, targets: Sequence[SaveTarget], shown: Sequence[str]) -> None:
        self._targets, self._shown = targets, shown
        self._stack = ExitStack()
        self.left = list(targets)

    def __enter__(self) -> FileSinks:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    def open(self, graph: Graph) -> Mapping[int, Sink]:
        """Begin the files for the values of a graph; who takes each of these."""
        found: dict[int, list[Callable[[int, Value], None]]] = {}
        self.left = []
        wanted = [(t, positions_of(graph, t, self._shown)) for t in self._targets]
        whole = {p for t, positions in wanted if not takes_parts(t) for p in positions}
        for target, positions in wanted:
            nodes = [graph.nodes[p] for p in positions]
            is_small = any(node.type.numel <= KEEP for node in nodes)
            if is_small or not takes_parts(target) or whole.intersection(positions):
                self.left.append(target)
                continue
            entries = {node.name or "": (node.type.dtype, node.type.shape) for node in nodes}
            writer = self._stack.enter_context(ArrayWriter(target, entries))
            for p, node in zip(positions, nodes):
                found.setdefault(p, []).append(_put(writer, node.name or ""))
        return {p: _Several(takers) for p, takers in found.items()}


class _Several:
    """A sink that hands a value on to several others."""

    def __init__(self, takers: list[Callable[[int, Value], None]]) -> None:
        self._takers = takers

    def put(self, place: int, part: Value) -> None:
        """The elements from a place on."""
        for take in self._takers:
            take(place, part)


def _put(writer: ArrayWriter, name: str) -> Callable[[int, Value], None]:
    return lambda place, part: writer.put(name, place, part)


def takes_parts(target: SaveTarget) -> bool:
    """Whether arrays can be written to a target in parts: into any place of a plain file."""
    path = target.path
    return target.format in FORMATS and is_replaced(path) and not is_packed(path)


def positions_of(graph: Graph, target: SaveTarget, shown: Sequence[str]) -> list[int]:
    """The nodes that a target is for: the one that it names, those shown, or the results."""
    names = [target.name] if target.name else list(shown)
    return [graph.find(name) for name in names] or list(graph.results)
