"""Execution steps of a graph: single nodes, and regions of elementwise nodes of one shape.

Element i of every node in a region depends on element i of the others alone, so a region can be
computed tile by tile, and a value that only the region reads is never whole in memory. Reductions
of all elements belong to the region of their operand: they accumulate over its tiles.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from graphcalc.diagnostics import Label, LimitError
from graphcalc.graph.ir import Graph, Node
from graphcalc.numbers import show_bytes
from graphcalc.ops.spec import ITEM_BYTES, Shape
from graphcalc.ops.table import OPS

# Elements from which a region is worth its overhead.
SMALLEST = 4096


class Region(NamedTuple):
    """Nodes over one shape, in order, with the values they read and leave behind.

    `operands` come from outside of the region, `outputs` are read outside of it. `folds` are the
    members that are reductions: their values are ready after the last tile.
    """

    shape: tuple[int, ...]
    members: tuple[int, ...]
    operands: tuple[int, ...]
    outputs: tuple[int, ...]
    folds: frozenset[int]


class ExecutionStep(NamedTuple):
    """A node or a region to compute, from the values it `reads` to the values `made`.

    No later step reads the values `released`.
    """

    position: int
    region: Region | None
    reads: tuple[int, ...]
    made: tuple[int, ...]
    released: tuple[int, ...]


def steps_of(
    graph: Graph, kept: frozenset[int], *, with_regions: bool = True, with_folds: bool = True
) -> list[ExecutionStep]:
    """Return the steps that compute a graph, each after those whose values it reads.

    The values in `kept` are never released. Without `with_folds` no reduction is in a region.
    """
    groups = _groups(graph, with_folds) if with_regions else {}
    if not groups:
        return _with_releases(graph, [(p, None) for p in range(len(graph))], kept)
    owner = {p: members[0] for members in groups.values() for p in members}
    order = _ordered(graph, groups, owner)
    used = _read_elsewhere(graph, owner) | kept
    return _with_releases(
        graph,
        [(p, _region(graph, groups[p], used) if p in groups else None) for p in order],
        kept,
    )


def is_fold(graph: Graph, node: Node) -> bool:
    """Return whether a node reduces all elements of a large operand, so that tiles serve it."""
    if not node.op.tile_reduction:
        return False
    operand = graph.nodes[node.operands[0]].type
    dims = node.params[0]
    is_whole = dims is None or len(dims) == len(operand.shape)
    return is_whole and operand.numel >= SMALLEST


def _shape(graph: Graph, node: Node, with_folds: bool = True) -> tuple[int, ...] | None:
    """Return the shape of the region that a node can be in, or None."""
    if node.op.kind == "elementwise" or node.op is OPS["alias"]:
        return node.type.shape if node.type.numel >= SMALLEST else None
    if not with_folds:
        return None
    return graph.nodes[node.operands[0]].type.shape if is_fold(graph, node) else None


_Key: TypeAlias = tuple[int, Shape]


def _groups(graph: Graph, with_folds: bool) -> dict[int, list[int]]:
    """Return the members of every region by its first member.

    Nodes of one shape may run together if no path from one to the other leaves the region. A
    node's level counts how often the paths to it have left one; nodes of one shape and level that
    read each other, or the same value, are one region.
    """
    nodes, keys = graph.nodes, _keys(graph, with_folds)
    leaders = list(range(len(nodes)))
    readers: dict[tuple[_Key, int], int] = {}

    def leader(p: int) -> int:
        while leaders[p] != p:
            leaders[p] = leaders[leaders[p]]
            p = leaders[p]
        return p

    for p, key in enumerate(keys):
        if key is None:
            continue
        for o in nodes[p].operands:
            if nodes[o].type.shape == key[1]:
                is_joined = keys[o] == key and not _is_reduction(nodes[o])
                neighbour = o if is_joined else readers.setdefault((key, o), p)
                leaders[leader(p)] = leader(neighbour)
    groups: dict[int, list[int]] = {}
    for p, key in enumerate(keys):
        if key is not None:
            groups.setdefault(leader(p), []).append(p)
    return {members[0]: members for members in groups.values()}


def _keys(graph: Graph, with_folds: bool) -> list[_Key | None]:
    """Return the level and the shape of every node that a region can have, None for others."""
    nodes = graph.nodes
    levels = [0] * len(nodes)
    keys: list[_Key | None] = [None] * len(nodes)
    for p, node in enumerate(nodes):
        shape = _shape(graph, node, with_folds)
        for o in node.operands:
            key = keys[o]
            is_outside = key is not None and (key[1] != shape or _is_reduction(nodes[o]))
            levels[p] = max(levels[p], levels[o] + is_outside)
        if shape is not None:
            keys[p] = (levels[p], shape)
    return keys


def _is_reduction(node: Node) -> bool:
    return node.op.kind == "reduction"


def _ordered(graph: Graph, groups: dict[int, list[int]], owner: dict[int, int]) -> list[int]:
    """Return every single node and every region's first node, after what it reads."""
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
    """Return the nodes that another step reads."""
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


def _with_releases(
    graph: Graph, order: list[tuple[int, Region | None]], kept: frozenset[int]
) -> list[ExecutionStep]:
    """Return the steps with the values that each makes, and those it is the last to read."""
    nodes = graph.nodes
    ends = [
        (nodes[p].operands, (p,)) if region is None else (region.operands, region.outputs)
        for p, region in order
    ]
    last: dict[int, int] = {}
    for step, (reads, made) in enumerate(ends):
        for o in (*made, *reads):
            last[o] = step
    released: list[list[int]] = [[] for _ in order]
    for p, step in last.items():
        if p not in kept:
            released[step].append(p)
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
    """Return the most bytes alive at once; raise LimitError at the step that passes the limit.

    `item_overhead` counts bytes of an element beyond the element itself, `buffers` those that a
    step takes while it runs, by position; values `elsewhere` take no memory.
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
