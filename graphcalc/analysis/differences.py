"""Slopes of a function of one number by differences, with bounds for their errors.

Differences at steps of many sizes are extrapolated as by C. J. F. Ridders, "Accurate computation of
F'(x) and F'(x)F''(x)", Advances in Engineering Software 4 (1982). Of the estimates the best one
counts that agrees with those of all smaller steps, as by O. V. Lepskii, "On a problem of adaptive
estimation in Gaussian white noise", Theory of Probability and Its Applications 35 (1990): what
larger steps see beyond a pole, a kink or a period is left out.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

# The factor between steps, the number of steps of one ladder, and the span of a ladder.
_SHRINK, _LEVELS, _SPAN = 4.0, 22, 1e-13
# A ratio of steps, as between two ladders, that counts as infinite.
_WIDEST = 1e9
# Runs of the function for one element.
RUNS = 4 * _LEVELS + 1
# Columns of the extrapolation.
_COLUMNS = 6
# Smallest steps by which rounding inside of the function is estimated.
_SMALLEST = 6

NumberFunction: TypeAlias = Callable[[float], float]


class Estimate(NamedTuple):
    """A slope, and a bound for its error; NaN and infinity where differences do not settle."""

    value: float
    error: float


class Slopes(NamedTuple):
    """The slopes of a function at a point.

    `center` is that of central differences, `left` and `right` are those of the two sides;
    infinite ones are exact. `floor` is a slope that is 0 beside the size of the function, `levels`
    are all estimates of the center.
    """

    center: Estimate
    left: Estimate
    right: Estimate
    floor: float
    levels: tuple[Estimate, ...] = ()

    @property
    def is_kink(self) -> bool:
        """Whether the two sides have different slopes."""
        left, right = self.left, self.right
        if math.isinf(left.value) or math.isinf(right.value):
            return True
        scale = max(abs(left.value), abs(right.value))
        is_settled = all(e.error <= 1e-3 * scale + self.floor for e in (left, right))
        apart = abs(left.value - right.value)
        return is_settled and apart > 1e-3 * scale + 3 * (left.error + right.error)

    def is_smooth(self, scale: float) -> bool:
        """Whether both sides settle, to a hundredth of `scale`."""
        bound = 1e-2 * scale + 1e4 * self.floor
        return self.left.error <= bound and self.right.error <= bound


class _SamplePair(NamedTuple):
    """The function at the same distance on both sides; `noise` bounds the error of its values."""

    step: float
    below: float
    above: float
    noise: float = 0.0

    @property
    def slope(self) -> float:
        """The central difference."""
        return (self.above - self.below) / (2 * self.step)

    @property
    def size(self) -> float:
        """The larger of the two values."""
        return max(abs(self.below), abs(self.above))


def slopes(function: NumberFunction, x: float) -> Slopes:
    """Return the slopes of a function at x."""
    here = function(x)
    samples = _with_noise([_sample_pair(function, x, h) for h in _steps(x)], here)
    levels = _extrapolated([(s.step, s.slope, s.noise) for s in samples], 2)
    center = _settle(levels)
    near = [s.size for s, e in zip(samples, levels) if e.error * s.step <= 1e-6 * s.size]
    return Slopes(
        center,
        _side([(s.step, here - s.below, s.noise) for s in samples]),
        _side([(s.step, s.above - here, s.noise) for s in samples]),
        1e-10 * max(near, default=0.0) / max(abs(x), 1.0),
        tuple(levels),
    )


def _steps(x: float) -> list[float]:
    """Return steps from large to small: relative to 1, and to |x| where that is much less."""
    size = max(abs(x), 1.0)
    ladder = [_SHRINK**-k for k in range(_LEVELS)]
    steps = [0.1 * size * h for h in ladder]
    if 0 < abs(x) < 1e-3:
        inner = [0.1 * abs(x) * h for h in ladder]
        steps = [h for h in steps if h > 2 * inner[0]] + inner
    return [h for h in steps if x + h > x - h]


def _sample_pair(function: NumberFunction, x: float, h: float) -> _SamplePair:
    below, above = x - h, x + h
    return _SamplePair((above - below) / 2, function(below), function(above))


def _with_noise(samples: list[_SamplePair], here: float) -> list[_SamplePair]:
    """Return the samples with bounds for the rounding inside of the function.

    A function that is computed through larger numbers moves in stairs, or its smallest differences
    scatter.
    """
    sides = ([abs(s.below - here) for s in samples], [abs(s.above - here) for s in samples])
    last = samples[-_SMALLEST:]
    scatter = [
        *_scatter([(s.step, s.below) for s in last]),
        *_scatter([(s.step, s.above) for s in last]),
    ]
    least = max([*map(_stair, sides), *filter(math.isfinite, scatter)])
    ulp = 4 * sys.float_info.epsilon
    return [s._replace(noise=max(least, ulp * max(s.size, abs(here)))) for s in samples]


def _scatter(points: list[tuple[float, float]]) -> list[float]:
    """Return what the slopes between neighbouring points differ by, as changes of the values."""
    slopes = [(v - w) / (h - k) for (h, v), (k, w) in pairwise(points)]
    return [abs(a - b) * h for a, b, (h, _) in zip(slopes, slopes[1:], points[1:])]


def _stair(changes: list[float]) -> float:
    """Return the least change where the smallest step changes nothing at all; 0 elsewhere."""
    return min((c for c in changes if c > 0), default=0.0) if changes[-1] == 0 else 0.0


def _extrapolated(slopes: Sequence[tuple[float, float, float]], power: int) -> list[Estimate]:
    """Return the best estimate of every row of Neville's scheme, from large steps to small ones.

    `slopes` are steps, differences and noise; the error of a difference is a series in the step to
    the given power.
    """
    found: list[Estimate] = []
    before: list[float] = []
    for k, (step, slope, noise) in enumerate(slopes):
        row, best = [slope], Estimate(slope, math.inf)
        for j, old in enumerate(before[: _COLUMNS - 1]):
            ratio = min(slopes[k - 1 - j][0] / step, _WIDEST) ** power
            row.append(row[-1] + (row[-1] - old) / (ratio - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - old)) + 2 * noise / step
            if error < best.error:
                best = Estimate(row[-1], error)
        found.append(best)
        before = row if math.isfinite(slope) else []
    return found


def _settle(estimates: Iterable[Estimate]) -> Estimate:
    """Return the best estimate among those that agree with the ones of all smaller steps."""
    best = Estimate(math.nan, math.inf)
    low, high = -math.inf, math.inf
    for estimate in reversed(list(estimates)):
        value, error = estimate
        if not math.isfinite(error):
            continue
        if value - error > high or value + error < low:
            break
        low, high = max(low, value - error), min(high, value + error)
        if error < best.error:
            best = estimate
    return best


def _side(changes: list[tuple[float, float, float]]) -> Estimate:
    """Return the slope of one side from steps, changes and noise."""
    clear = [(h, change) for h, change, noise in changes if abs(change) > 100 * noise]
    if _grows([abs(change / h) for h, change in clear[-5:]]):
        return Estimate(math.copysign(math.inf, clear[-1][1]), 0.0)
    return _settle(_extrapolated([(h, change / h, noise) for h, change, noise in changes], 1))


def _grows(sizes: list[float]) -> bool:
    """Whether slopes grow by a third with every smaller step: at a jump, or a vertical tangent."""
    return len(sizes) == 5 and all(1.3 * a < b for a, b in pairwise(sizes))
