"""A node of a graph as a function of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch

# A function of tensors, numbers and static arguments, as each op defines it.
TensorFunction: TypeAlias = Callable[..., torch.Tensor]


class Kernel(NamedTuple):
    """A node as a function of its operands' tensors.

    `casts` has the dtype to convert each operand to first, or None; `numbers` are the operands
    that the function holds already, as plain numbers.
    """

    function: TensorFunction
    casts: tuple[torch.dtype | None, ...]
    numbers: frozenset[int] = frozenset()

    def whole(self) -> TensorFunction:
        """Return the function of all operands, with no conversion left to the caller."""
        function, casts, numbers = self
        if not numbers and not any(casts):
            return function
        kept = [i for i in range(len(casts)) if i not in numbers]
        wanted = [(i, casts[i]) for i in kept]
        return lambda *values: function(
            *[values[i] if c is None else values[i].to(c) for i, c in wanted]
        )
