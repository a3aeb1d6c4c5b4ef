"""Arithmetic of numbers that are known while the graph is made: sizes and written numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from graphcalc.ops.kernels import numeric
from graphcalc.ops.sizes import Size, divide_if_exact


def whole(value: Any) -> Any:
    """A number as an int, where it is whole."""
    return int(value) if type(value) is float and value.is_integer() else value


_MOST = 1 << 62
_LONGEST = 500
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
}


def arithmetic(op: str, a: Any, b: Any) -> Any:
    """The number that an operator makes of two known ones; None where that is for the run."""
    a, b = whole(a), whole(b)
    if a is None or b is None or type(a) is bool or type(b) is bool:
        return None
    is_zero = type(b) is int and b == 0
    if op == "div" and not is_zero:
        if type(a) is float or type(b) is float:
            return None if Size in (type(a), type(b)) else numeric.div(float(a), float(b))
        exact = divide_if_exact(a, b)
        plain = type(a) is int and type(b) is int
        return exact if exact is not None else a / b if plain else None
    if op not in _ARITHMETIC or (is_zero and op in ("floor_divide", "remainder")):
        return None
    if float in (type(a), type(b)) and (
        op not in ("add", "sub", "mul") or Size in map(type, (a, b))
    ):
        return None
    try:
        found = _ARITHMETIC[op](a, b)
    except (ValueError, ZeroDivisionError):  # of symbols by what is not above 0
        return None
    # Beyond any size, numbers are the run's: nothing here grows without bound.
    is_long = len(str(found)) > _LONGEST if type(found) is Size else abs(found) >= _MOST
    return None if is_long and type(found) is not float else found


def number(value: Any) -> Any:
    """A known number as a constant of the graph holds it."""
    return float(value) if type(value) is int else value
