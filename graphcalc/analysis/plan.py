"""Plans: every node's shape, dtype and cost, with nothing computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias, TypeVar, overload

from graphcalc.backends.base import Inputs
from graphcalc.backends.regions import check_memory, steps_of
from graphcalc.displays import Displayed
from graphcalc.evaluate import Evaluation
from graphcalc.graph.call_tree import CallTree
from graphcalc.graph.ir import Graph
from graphcalc.graph.passes import cost
from graphcalc.graph.text import node_text
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import ITEM_BYTES

AnyPlan = TypeVar("AnyPlan", bound="Plan")
# A size or a count; a `Size` where a declared size is a symbol.
Count: TypeAlias = "int | Size"


class PlannedNode(NamedTuple):
    """One node of a plan.

    `operations` counts an addition, a product and a call of a function alike; choosing, moving and
    making elements counts as none.
    """

    name: str
    text: str
    op: str
    role: str
    shape: tuple[Count, ...]
    dtype: str
    operations: Count
    bytes: Count


class Plan(Displayed, Sequence[PlannedNode]):
    """The nodes of a run that has not happened, in order of evaluation.

    `calls` finds out which calls of functions added the nodes.
    """

    def __init__(self, graph: Graph, calls: Callable[[], CallTree] | None = None) -> None:
        self.program_graph, self.calls = graph, calls
        self._steps = [
            _step(graph, i) for i, node in enumerate(graph.nodes) if node.name is not None
        ]

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, index: int) -> PlannedNode: ...

    @overload
    def __getitem__(self, index: slice) -> list[PlannedNode]: ...

    def __getitem__(self, index: int | slice) -> PlannedNode | list[PlannedNode]:
        return self._steps[index]

    def __iter__(self) -> Iterator[PlannedNode]:
        return iter(self._steps)

    @property
    def operations(self) -> Count:
        """The operations of all nodes."""
        total: Count = 0
        for position in range(len(self.program_graph.nodes)):
            total = total + cost(self.program_graph, position)
        return total

    @property
    def peak(self) -> int | None:
        """The most bytes that values take at once; None where a size is a symbol.

        Raises LimitError where that is more than the graph's limit.
        """
        if any(Size in map(type, node.type.shape) for node in self.program_graph.nodes):
            return None
        graph = self.program_graph
        return check_memory(graph, steps_of(graph, frozenset(graph.results), with_regions=False))

    @property
    def sizes(self) -> dict[str, int]:
        """The symbols of declared sizes that have a value, with the value."""
        return self.program_graph.sizes


def plan_of(evaluation: Evaluation, inputs: Inputs | None, kind: type[AnyPlan]) -> AnyPlan:
    """Return the plan of a run on these inputs, as this class of plan."""
    described = evaluation.describe_inputs(inputs)[1]
    return kind(evaluation.graph(described), partial(evaluation.call_tree, described))


def _step(graph: Graph, position: int) -> PlannedNode:
    node = graph.nodes[position]
    return PlannedNode(
        name=node.name or "",
        text=node_text(graph, position),
        op=node.op.name,
        role=graph.role(position),
        shape=node.type.shape,
        dtype=node.type.dtype,
        operations=cost(graph, position),
        bytes=node.type.numel * ITEM_BYTES[node.type.dtype],
    )
