"""Totals of all rows, gathered part by part.

A part of the rows gives a *state*, a tuple of numbers; states of two parts make that of both, in
the order of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from graphcalc.ops.kernels import numeric
from graphcalc.ops.kernels.arrays import fsum

State = tuple[Any, ...]


class Total(NamedTuple):
    """One kind of total.

    start   (the values of each operand, as lists) -> the state of a part that is not empty
    join    (state, state of the rows after it) -> state of both
    finish  state -> the total; None stands for no rows at all
    of_series  as start, of polars' series
    """

    start: Callable[..., State]
    join: Callable[[State, State], State]
    finish: Callable[[State | None], Any]
    of_series: Callable[..., State] | None = None


def _two_sum(a: State, b: State) -> State:
    """The sum of two (sum, error) pairs, by Knuth's error-free addition."""
    (x, e), (y, f) = a, b
    total = x + y
    if total - total != 0:
        return total, 0.0
    part = total - x
    return total, (x - (total - part)) + (y - part) + e + f


def _sum(values: Sequence[float]) -> State:
    """The rounded sum and what rounding took, so that parts add up as the whole would."""
    total = fsum(list(values))
    return (total, fsum([*values, -total])) if total - total == 0 else (total, 0.0)


def _sum_of_series(series: Any) -> State:
    """As `_sum`, of a column of polars, which adds up with rounding errors.

    Each number is split at a bit high above all of them: the high parts add up without any error,
    and what is left of the numbers is split in the same way until nothing is (Rump, Ogita and
    Oishi 2008: "Accurate floating-point summation, part I", ExtractVector).
    """
    series = series.cast(float)
    if not math.isfinite(series.sum()):
        return _sum(series.to_list())
    room = (len(series) + 2).bit_length()
    sums = []
    while largest := series.abs().max():
        exponent = math.frexp(largest)[1] + room
        if not -960 < exponent < 1023:
            sums += series.to_list()
            break
        unit = math.ldexp(1.0, exponent)
        high = (series + unit) - unit
        sums.append(high.sum())
        series = series - high
    return _sum(sums)


def _squares_of_series(series: Any) -> State:
    mean = _summed(_sum_of_series(series)) / len(series)
    return len(series), mean, _summed(_sum_of_series((series - mean) ** 2))


def _summed(state: State | None) -> float:
    return 0.0 if state is None else state[0] + state[1]


def _mean(values: Sequence[float]) -> State:
    return (len(values), *_sum(values))


def _squares(values: Sequence[float]) -> State:
    mean = fsum(list(values)) / len(values)
    return len(values), mean, fsum([(x - mean) * (x - mean) for x in values])


def _join_squares(a: State, b: State) -> State:
    """Count, mean and squared deviations of both parts; Chan, Golub and LeVeque 1979."""
    (n, mean, squares), (m, other, more) = a, b
    delta = other - mean
    count = n + m
    return count, mean + delta * m / count, squares + more + delta * delta * n * m / count


def _pick(choose: Callable[[Any, Any], Any], empty: float) -> Total:
    def start(values: Sequence[Any]) -> State:
        found = values[0]
        for value in values:
            found = choose(found, value)
        return (found,)

    return Total(
        start,
        lambda a, b: (choose(a[0], b[0]),),
        lambda state: numeric.nan if state is None else state[0],
    )


def _position(is_better: Callable[[float, float], bool]) -> Total:
    """The first row with the best value; a nan is the best there is, as in torch."""

    def better(new: float, old: float) -> bool:
        return old == old and (new != new or is_better(new, old))

    def start(values: Sequence[float]) -> State:
        best = 0
        for position, value in enumerate(values):
            if better(value, values[best]):
                best = position
        return len(values), best, values[best]

    def join(a: State, b: State) -> State:
        (n, position, value), (m, other, found) = a, b
        if better(found, value):
            position, value = n + other, found
        return n + m, position, value

    return Total(start, join, lambda state: 0 if state is None else state[1])


_SUM = Total(_sum, _two_sum, _summed, _sum_of_series)
_MAX = _pick(numeric.maximum, -math.inf)
_MIN = _pick(numeric.minimum, math.inf)

# What a row's `row_total` names; `squares` is the sum of squared deviations from the mean.
TOTALS: dict[str, Total] = {
    "sum": _SUM,
    "mean": Total(
        _mean,
        lambda a, b: (a[0] + b[0], *_two_sum(a[1:], b[1:])),
        lambda state: numeric.nan if state is None else (state[1] + state[2]) / state[0],
        lambda series: (len(series), *_sum_of_series(series)),
    ),
    "prod": Total(
        lambda values: (math.prod(values, start=1.0),),
        lambda a, b: (a[0] * b[0],),
        lambda state: 1.0 if state is None else state[0],
    ),
    "squares": Total(
        _squares,
        _join_squares,
        lambda state: numeric.nan if state is None else state[2],
        _squares_of_series,
    ),
    "dot": Total(
        lambda xs, ys: _sum([x * y for x, y in zip(xs, ys)]),
        _two_sum,
        _summed,
        lambda xs, ys: _sum_of_series(xs * ys),
    ),
    "max": _MAX,
    "min": _MIN,
    "argmax": _position(lambda new, old: new > old),
    "argmin": _position(lambda new, old: new < old),
    "count": Total(
        lambda values: (sum(value != 0 for value in values),),
        lambda a, b: (a[0] + b[0],),
        lambda state: 0 if state is None else state[0],
    ),
    "all": Total(
        lambda values: (all(values),),
        lambda a, b: (a[0] and b[0],),
        lambda state: state is None or state[0],
    ),
    "any": Total(
        lambda values: (any(values),),
        lambda a, b: (a[0] or b[0],),
        lambda state: state is not None and state[0],
    ),
}
