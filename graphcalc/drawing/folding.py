"""What stands in a picture of a graph: nodes, folded calls, repeated calls, groups of inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from graphcalc.graph.call_tree import CallGroup, CallTree
from graphcalc.graph.ir import Graph
from graphcalc.source import RULES

# So many boxes stand at most, where calls can be folded.
READABLE = 80
# Inputs of one folded call that stand together in a box, if there are so many.
MANY_INPUTS = 4
# How far calls are unfolded: a number of levels, ALL of them, or None for a readable picture.
Depth: TypeAlias = "int | None"
ALL = 1_000_000


class Part(NamedTuple):
    """What one box stands for: one node; calls, with the nodes that they added; or inputs.

    `positions` are those of the nodes with a name, in order. `calls` are several where alike ones
    stand one after another; `has_same_inputs` says that these read the same weights.
    `is_outside` is true of a node that is drawn for its readers, without its operands.
    """

    positions: tuple[int, ...]
    calls: tuple[CallGroup, ...] = ()
    has_same_inputs: bool = False
    is_outside: bool = False

    @property
    def is_node(self) -> bool:
        """Whether it is one node and nothing folded."""
        return not self.calls and len(self.positions) == 1


class Folded(NamedTuple):
    """The parts of a picture in order, and for each position that has a part its number.

    `depth` is how far calls are unfolded, and `deepest` how deep they go.
    """

    parts: list[Part]
    part_of: dict[int, int]
    depth: int
    deepest: int


def fold(graph: Graph, tree: CallTree | None, depth: Depth) -> Folded:
    """Return the parts of a graph's picture with calls unfolded to a depth.

    Without a depth they are unfolded as far as a picture stays readable, and repeated calls are
    one part where even that is too much.
    """
    count = len(graph) if graph.forward is None else graph.forward
    named = [p for p in range(count) if graph.nodes[p].name is not None]
    chains = chains_of(tree, count)
    deepest = max((len(chains[p]) for p in named), default=0)
    if depth is not None:
        parts = _parts(graph, named, chains, depth)
        return _folded(_with_inputs_together(graph, parts), min(depth, deepest), deepest)
    parts = []
    for level in range(deepest, -1, -1):
        parts = _with_inputs_together(graph, _parts(graph, named, chains, level))
        if len(parts) <= READABLE:
            return _folded(parts, level, deepest)
    parts = _with_repeats(graph, _parts(graph, named, chains, 0), chains)
    return _folded(_with_inputs_together(graph, parts), 0, deepest)


def _folded(parts: list[Part], depth: int, deepest: int) -> Folded:
    part_of = {p: number for number, part in enumerate(parts) for p in part.positions}
    return Folded(parts, part_of, depth, deepest)


# A call of the program and its number among all calls.
Call: TypeAlias = tuple[int, CallGroup]


def chains_of(tree: CallTree | None, count: int) -> list[tuple[Call, ...]]:
    """Return for each node the calls that it stands in, from the outermost to the innermost.

    The functions that one of the prelude is made of are left out.
    """
    if tree is None:
        return [()] * count
    chains: list[tuple[Call, ...]] = []
    for number, group in enumerate(tree.groups):
        outer = () if group.parent is None else chains[group.parent]
        is_private = group.call.source.name == RULES
        chains.append(outer if is_private else (*outer, (number, group)))
    return [() if owner is None else chains[owner] for owner in tree.owners[:count]]


def _parts(
    graph: Graph, named: Sequence[int], chains: Sequence[tuple[Call, ...]], depth: int
) -> list[Part]:
    """Return the parts where calls below a depth are folded; a call of one node is that node."""
    found: dict[object, list[int]] = {}
    for position in named:
        chain = chains[position]
        is_folded = len(chain) > depth and not graph.nodes[position].is_input
        found.setdefault((chain[depth][0],) if is_folded else position, []).append(position)
    parts = []
    for positions in found.values():
        chain = chains[positions[0]]
        is_call = len(positions) > 1
        parts.append(Part(tuple(positions), (chain[depth][1],) if is_call else ()))
    return parts


def unfold(graph: Graph, part: Part, chains: Sequence[tuple[Call, ...]]) -> Folded:
    """Return what is inside of a folded part: its calls, or the nodes and calls of its only one.

    The nodes outside that these read are parts too.
    """
    parts = _calls_of(part) if len(part.calls) > 1 else _body_of(graph, part, chains)
    operands, inside = named_operands(graph), set(part.positions)
    read = dict.fromkeys(o for p in part.positions for o in operands(p) if o not in inside)
    outside = [Part((operand,), is_outside=True) for operand in read]
    return _folded(sorted([*parts, *outside], key=lambda part: part.positions[0]), 0, 0)


def _calls_of(part: Part) -> list[Part]:
    """Return alike calls as parts of their own."""
    count = len(part.positions) // len(part.calls)
    return [
        Part(part.positions[i * count : (i + 1) * count], (call,))
        for i, call in enumerate(part.calls)
    ]


def _body_of(graph: Graph, part: Part, chains: Sequence[tuple[Call, ...]]) -> list[Part]:
    """Return the parts of a call's body; of one that is nothing but another call, of that one."""
    first = chains[part.positions[0]]
    depth = next(i for i, (_, group) in enumerate(first) if group is part.calls[0])
    parts = [part]
    while len(parts) == 1:
        depth += 1
        parts = _parts(graph, part.positions, chains, depth)
    return parts


# Repeated calls


def _with_repeats(
    graph: Graph, parts: list[Part], chains: Sequence[tuple[Call, ...]]
) -> list[Part]:
    """Return the parts with alike calls that stand one after another as one."""
    found: list[Part] = []
    run: list[Part] = []
    outside: list[set[int]] = []
    readers = named_operands(graph)
    for part in parts:
        if not part.calls:
            found.append(part)
            continue
        operands = {o for p in part.positions for o in readers(p)} - set(part.positions)
        if run and not _follows(graph, run, part, operands):
            found.append(_joined(graph, run, outside))
            run, outside = [], []
        run.append(part)
        outside.append(operands)
    if run:
        found.append(_joined(graph, run, outside))
    return sorted(found, key=lambda part: part.positions[0])


def _follows(graph: Graph, run: list[Part], part: Part, operands: set[int]) -> bool:
    """Whether a call is alike, reads the last one of a run, and nothing between."""
    last, first = set(run[-1].positions), run[0].positions[0]
    return (
        part.calls[0].function == run[0].calls[0].function
        and _form(graph, part) == _form(graph, run[0])
        and bool(operands & last)
        and all(o in last or o < first or graph.nodes[o].is_input for o in operands)
    )


def _form(graph: Graph, part: Part) -> list[object]:
    """Return what two calls have in common whose nodes do the same."""
    place = {p: i for i, p in enumerate(part.positions)}
    nodes = [graph.nodes[p] for p in part.positions]
    return [(n.op.name, n.type, *[place.get(o, -1) for o in n.operands]) for n in nodes]


def _joined(graph: Graph, run: list[Part], outside: list[set[int]]) -> Part:
    if len(run) == 1:
        return run[0]
    weights = [{o for o in operands if graph.nodes[o].is_input} for operands in outside]
    has_same_inputs = bool(weights[1]) and all(w == weights[1] for w in weights[1:])
    positions = tuple(p for part in run for p in part.positions)
    return Part(positions, tuple(part.calls[0] for part in run), has_same_inputs)


# Inputs of one folded call


def _with_inputs_together(graph: Graph, parts: list[Part]) -> list[Part]:
    """Return the parts with the inputs that only one folded call reads as one, where many.

    The one that it reads first is what it computes from, and stands alone; the others are weights.
    """
    part_of = {p: i for i, part in enumerate(parts) for p in part.positions}
    readers: dict[int, set[int]] = {}
    operands_of = named_operands(graph)
    for position, number in part_of.items():
        for operand in operands_of(position):
            readers.setdefault(part_of[operand], set()).add(number)
    together: dict[int, list[int]] = {}
    results = set(graph.results)
    for number, part in enumerate(parts):
        position = part.positions[0]
        read_by = readers.get(number, set())
        if part.is_node and graph.nodes[position].is_input and len(read_by) == 1:
            reader = next(iter(read_by))
            is_first = position == _first_operand(parts[reader], operands_of)
            if parts[reader].calls and position not in results and not is_first:
                together.setdefault(reader, []).append(number)
    left_out = set()
    joined = []
    for numbers in together.values():
        if len(numbers) >= MANY_INPUTS:
            left_out.update(numbers)
            joined.append(Part(tuple(parts[n].positions[0] for n in numbers)))
    kept = [part for number, part in enumerate(parts) if number not in left_out]
    return sorted([*kept, *joined], key=lambda part: part.positions[0])


def _first_operand(part: Part, operands_of: Callable[[int], tuple[int, ...]]) -> int | None:
    """Return the first node outside of a part that it reads."""
    inside = set(part.positions)
    read = (o for p in part.positions for o in operands_of(p) if o not in inside)
    return next(read, None)


def named_operands(graph: Graph) -> Callable[[int], tuple[int, ...]]:
    """Return a function from a node to the named nodes that it is computed from, in order.

    Nodes without a name stand in no box: what they are computed from takes their place.
    """
    found: dict[int, tuple[int, ...]] = {}
    nodes = graph.nodes

    def named(position: int) -> tuple[int, ...]:
        if nodes[position].is_bound:
            return ()
        stack = [position]
        while stack:
            current = stack[-1]
            waiting = [
                o for o in nodes[current].operands if nodes[o].name is None and o not in found
            ]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            found[current] = tuple(
                e for o in nodes[current].operands for e in ((o,) if nodes[o].name else found[o])
            )
        return found[position]

    return named
