"""Nodes that are outputs of one call of torch, computed together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

import torch

from graphcalc.backends.torch.kernel import TensorFunction
from graphcalc.graph.ir import Graph
from graphcalc.ops.torch.call import TorchCall, outputs

# A call with its first output in place of any, and its operands.
_Group: TypeAlias = tuple[TorchCall, tuple[int, ...]]


class SharedCall:
    """A call whose outputs several nodes choose, computed for the first of them that runs.

    An output is held until its node takes it. Operands are held as long, to notice those of
    another run.
    """

    def __init__(self, call: TorchCall, numbers: Sequence[int]) -> None:
        self._call, self._numbers = call, tuple(numbers)
        self._left: dict[int, torch.Tensor] = {}
        self._operands: list[tuple[torch.Tensor, int]] = []

    def take(self, number: int, *operands: torch.Tensor) -> torch.Tensor:
        """Return the output of this number, and hold it no longer."""
        if number not in self._left or not self._is_same(operands):
            found = outputs(torch, self._call, operands, self._numbers)
            self._left = dict(zip(self._numbers, found))
            self._operands = [(x, x._version) for x in operands]
        value = self._left.pop(number)
        if not self._left:
            self._operands = []
        return value

    def _is_same(self, operands: Sequence[torch.Tensor]) -> bool:
        held = self._operands
        return all(x is y and x._version == version for x, (y, version) in zip(operands, held))


def shared_kernels(graph: Graph) -> dict[int, TensorFunction]:
    """Return the kernels of nodes that are outputs of one call, by position."""
    groups: dict[_Group, dict[int, int]] = defaultdict(dict)
    for position, node in enumerate(graph.nodes):
        call = node.params[0] if node.params else None
        if isinstance(call, TorchCall):
            key = (call._replace(path=(*call.path[:-1], 0)), node.operands)
            groups[key][position] = call.path[-1]
    kernels: dict[int, TensorFunction] = {}
    for (call, _), numbers in groups.items():
        if len(numbers) > 1:
            shared = SharedCall(call, sorted(numbers.values()))
            kernels |= {p: partial(shared.take, number) for p, number in numbers.items()}
    return kernels
