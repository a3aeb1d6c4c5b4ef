"""What of a graph runs together: single nodes, and regions of elementwise nodes of one shape.

The elements of a region depend on each other in their own place alone, so it can be computed some
elements at a time, and what only the region reads never has to be anywhere whole. Reductions of
all elements belong to the region of their operand: they gather over its parts.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from graphcalc.diagnostics import Label, LimitError
from graphcalc.graph.ir import Graph, Node
from graphcalc.numbers import show_bytes
from graphcalc.ops.spec import ITEM_BYTES
from graphcalc.ops.table import OPS

# Elements from which a region pays.
SMALLEST = 4096


class Region(NamedTuple):
    """Nodes over one shape, in order; what they read from outside, and what is read of them.

    `folds` are those of the members that are reductions: what they come to is there at the end.
    """

    shape: tuple[int, ...]
    members: tuple[int, ...]
    operands: tuple[int, ...]
    outputs: tuple[int, ...]
    folds: frozenset[int]


class ExecutionStep(NamedTuple):
    """A node, or a region, to compute; `made` are the values that it leaves behind.

    It `reads` values of other steps. Nothing reads the values `released` after it.
    """

    position: int
    region: Region | None
    reads: tuple[int, ...]
    made: tuple[int, ...]
    released: tuple[int, ...]


def steps_of(
    graph: Graph, kept: frozenset[int], *, with_regions: bool = True
) -> list[ExecutionStep]:
    """The steps that compute a graph, in an order in which each finds its operands.

    The values in `kept` are never released.
    """
    groups = _groups(graph) if with_regions else {}
    if not groups:
        return _released(graph, [(p, None) for p in range(len(graph))], kept)
    owner = {p: members[0] for members in groups.values() for p in members}
    order = _ordered(graph, groups, owner)
    used = _read_elsewhere(graph, owner) | kept
    return _released(
        graph,
        [(p, _region(graph, groups[p], used) if p in groups else None) for p in order],
        kept,
    )


def is_fold(graph: Graph, node: Node) -> bool:
    """Whether a node is a reduction of all elements of a large operand, part by part."""
    if not node.op.tile_reduction:
        return False
    operand = graph.nodes[node.operands[0]].type
    dims = node.params[0]
    is_whole = dims is None or len(dims) == len(operand.shape)
    return is_whole and operand.numel >= SMALLEST


def _shape(graph: Graph, node: Node) -> tuple[int, ...] | None:
    """The shape of the region that a node can be in."""
    if node.op.kind == "elementwise" or node.op is OPS["alias"]:
        return node.type.shape if node.type.numel >= SMALLEST else None
    return graph.nodes[node.operands[0]].type.shape if is_fold(graph, node) else None


def _groups(graph: Graph) -> dict[int, list[int]]:
    """The members of every region by the first of them.

    Nodes of one shape may run together if no way from one to the other leaves the region. A
    node's level counts how often the ways to it have left one; those of one level that read each
    other, or the same value, are one region.
    """
    nodes = graph.nodes
    levels = [0] * len(nodes)
    keys: list[tuple[int, tuple[int, ...]] | None] = [None] * len(nodes)
    leaders = list(range(len(nodes)))
    readers: dict[tuple[object, int], int] = {}
    is_folded = bytearray(len(nodes))

    def leader(p: int) -> int:
        while leaders[p] != p:
            leaders[p] = leaders[leaders[p]]
            p = leaders[p]
        return p

    for p, node in enumerate(nodes):
        shape = _shape(graph, node)
        level = 0
        for o in node.operands:
            key = keys[o]
            is_outside = key is not None and (key[1] != shape or is_folded[o])
            level = max(level, levels[o] + is_outside)
        levels[p] = level
        if shape is None:
            continue
        key = keys[p] = (level, shape)
        is_folded[p] = node.op.kind == "reduction"
        for o in node.operands:
            if nodes[o].type.shape != shape:
                continue
            if keys[o] != key or is_folded[o]:
                o = readers.setdefault((key, o), p)
            leaders[leader(p)] = leader(o)
    groups: dict[int, list[int]] = {}
    for p, key in enumerate(keys):
        if key is not None:
            groups.setdefault(leader(p), []).append(p)
    return {members[0]: members for members in groups.values()}


def _ordered(graph: Graph, groups: dict[int, list[int]], owner: dict[int, int]) -> list[int]:
    """Every node outside of regions and every region's first node, after what it reads."""
    waiting: dict[int, int] = {}
    readers: dict[int, list[int]] = {}
    ready: list[int] = []
    for p in range(len(graph)):
        if owner.get(p, p) != p:
            continue
        reads = {
            owner.get(o, o) for member in groups.get(p, (p,)) for o in graph.nodes[member].operands
        } - {p}
        waiting[p] = len(reads)
        for o in reads:
            readers.setdefault(o, []).append(p)
        if not reads:
            ready.append(p)
    order = []
    while ready:
        order.append(heapq.heappop(ready))
        for p in readers.get(order[-1], ()):
            waiting[p] -= 1
            if not waiting[p]:
                heapq.heappush(ready, p)
    return order


def _read_elsewhere(graph: Graph, owner: dict[int, int]) -> frozenset[int]:
    """The nodes that another step reads."""
    found = set()
    for p, node in enumerate(graph.nodes):
        for o in node.operands:
            if owner.get(o, o) != owner.get(p, p):
                found.add(o)
    return frozenset(found)


def _region(graph: Graph, members: Sequence[int], used: frozenset[int]) -> Region:
    own = set(members)
    reads = dict.fromkeys(o for p in members for o in graph.nodes[p].operands if o not in own)
    folds = frozenset(p for p in members if graph.nodes[p].op.kind == "reduction")
    shape = _shape(graph, graph.nodes[members[0]])
    assert shape is not None
    outputs = tuple(p for p in members if p in used or p in folds)
    return Region(shape, tuple(members), tuple(reads), outputs, folds)


def _released(
    graph: Graph, order: list[tuple[int, Region | None]], kept: frozenset[int]
) -> list[ExecutionStep]:
    """The steps with what each leaves behind, and what dies after it."""
    nodes = graph.nodes
    ends = [
        (nodes[p].operands, (p,)) if region is None else (region.operands, region.outputs)
        for p, region in order
    ]
    last: dict[int, int] = {}
    for place, (reads, made) in enumerate(ends):
        for o in (*made, *reads):
            last[o] = place
    released: list[list[int]] = [[] for _ in order]
    for p, place in last.items():
        if p not in kept:
            released[place].append(p)
    return [
        ExecutionStep(p, region, reads, made, tuple(gone))
        for (p, region), (reads, made), gone in zip(order, ends, released)
    ]


def check_memory(
    graph: Graph,
    steps: Sequence[ExecutionStep],
    item_overhead: int = 0,
    buffers: Mapping[int, int] | None = None,
    elsewhere: frozenset[int] = frozenset(),
) -> int:
    """The largest number of bytes alive at once; LimitError at the step that passes the limit.

    `item_overhead` is what a backend spends on an element beyond the element itself, `buffers`
    what a step takes while it runs, by position; values `elsewhere` take no memory.
    """
    nodes, alive, peak = graph.nodes, 0, 0
    sizes: dict[int, int] = {}
    for step in steps:
        for p in step.made:
            type_ = nodes[p].type
            sizes[p] = type_.numel * (ITEM_BYTES[type_.dtype] + item_overhead)
            alive += sizes[p] if p not in elsewhere else 0
        needs = alive + (buffers or {}).get(step.position, 0)
        if needs > peak:
            peak = needs
            largest = nodes[max(step.made, key=sizes.__getitem__, default=step.position)]
            # Scalars are bounded by the limit on nodes.
            if largest.type.shape and needs > graph.limits.memory:
                raise LimitError(
                    "memory",
                    f"the values alive here need {show_bytes(needs)}, "
                    f"and the limit is {show_bytes(graph.limits.memory)}",
                    (Label(largest.source, largest.span),),
                    help="raise it with --max-memory",
                )
        for p in step.released:
            alive -= sizes[p] if p not in elsewhere else 0
    return peak
