"""Gradient descent on plain numbers, as torch.optim does it on tensors.

D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
"""

from __future__ import annotations

import math
from collections.abc import Callable

OPTIMIZERS = ("sgd", "adam")
_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8

Update = Callable[[list[float], list[float]], list[float]]


def updater(optimizer: str, rate: float) -> Update:
    """Return a function from numbers and gradients to the next numbers, for one tensor."""
    return _adam(rate) if optimizer == "adam" else _descent(rate)


def _descent(rate: float) -> Update:
    return lambda numbers, gradients: [x - rate * g for x, g in zip(numbers, gradients)]


def _adam(rate: float) -> Update:
    first: list[float] = []
    second: list[float] = []
    count = 0

    def update(numbers: list[float], gradients: list[float]) -> list[float]:
        nonlocal count
        count += 1
        first[:] = [
            _BETA1 * m + (1 - _BETA1) * g for m, g in zip(first or [0.0] * len(numbers), gradients)
        ]
        second[:] = [
            _BETA2 * v + (1 - _BETA2) * g * g
            for v, g in zip(second or [0.0] * len(numbers), gradients)
        ]
        step = rate / (1 - _BETA1**count)
        spread = math.sqrt(1 - _BETA2**count)
        return [
            x - step * m / (math.sqrt(v) / spread + _EPS) for x, m, v in zip(numbers, first, second)
        ]

    return update
