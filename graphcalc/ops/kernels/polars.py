"""Elementwise rows as polars expressions, where polars computes the same numbers.

Each takes polars itself and the operands: expressions of Float64 or Boolean. Functions whose
last digits are others in polars are not here; what computes with it goes back to Python for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from graphcalc.ops.spec import Polars

Expr: TypeAlias = Any
Kernel: TypeAlias = Callable[..., Expr]


def _compare(operator: str) -> Kernel:
    """A comparison as IEEE 754 has it: polars takes nan for the largest number."""

    def kernel(pl: Polars, x: Expr, y: Expr) -> Expr:
        is_number = ~(_is_nan(pl, x) | _is_nan(pl, y))
        return getattr(x, operator)(y) & is_number

    return kernel


def _is_nan(pl: Polars, x: Expr) -> Expr:
    return x.cast(pl.Float64).is_nan()


def _is_true(pl: Polars, x: Expr) -> Expr:
    return x.cast(pl.Float64) != 0


def _is_negative(pl: Polars, x: Expr) -> Expr:
    """Whether the sign is a minus, of 0 too."""
    return (x < 0) | ((x == 0) & (pl.lit(1.0) / x < 0))


def _minimum(pl: Polars, x: Expr, y: Expr) -> Expr:
    is_first = (x < y) | ((x == y) & _is_negative(pl, x)) | x.is_nan()
    return pl.when(is_first & ~y.is_nan() | x.is_nan()).then(x).otherwise(y)


def _maximum(pl: Polars, x: Expr, y: Expr) -> Expr:
    is_first = ((x > y) & ~x.is_nan()) | ((x == y) & ~_is_negative(pl, x))
    return pl.when((is_first & ~y.is_nan()) | x.is_nan()).then(x).otherwise(y)


def _number(pl: Polars, x: Expr) -> float | None:
    """The number that an expression is for all rows; None where it differs from row to row."""
    return None if x.meta.root_names() else float(pl.select(x).item())


def _column(number: float, like: Expr) -> Expr:
    """One number as a column of it, for where polars takes a short cut with one."""
    zeros = (like * 0.0).fill_nan(0.0).abs()
    return zeros + number if number else -zeros if math.copysign(1, number) < 0 else zeros


def _div(pl: Polars, x: Expr, y: Expr) -> Expr:
    """The quotient; polars would multiply by the reciprocal of one number."""
    number = _number(pl, y)
    return x / (y if number is None else _column(number, x))


def _pow(pl: Polars, x: Expr, y: Expr) -> Expr:
    """The power. That of a half polars takes for a root, which is another for -inf and -0."""
    return x.pow(_column(0.5, x) if _number(pl, y) == 0.5 else y)


def _sum(operator: str) -> Kernel:
    """A sum or a difference; polars leaves 0 out where it is one number, and -0 + 0 is 0."""

    def kernel(pl: Polars, x: Expr, y: Expr) -> Expr:
        numbers = _number(pl, x), _number(pl, y)
        x = _column(numbers[0], y) if numbers[0] == 0 else x
        y = _column(numbers[1], x) if numbers[1] == 0 else y
        return getattr(x, operator)(y)

    return kernel


def _sigmoid(pl: Polars, x: Expr) -> Expr:
    return pl.lit(1.0) / (pl.lit(1.0) + (-x).exp())


def _sign(pl: Polars, x: Expr) -> Expr:
    return pl.when(x > 0).then(pl.lit(1.0)).when(x < 0).then(pl.lit(-1.0)).otherwise(pl.lit(0.0))


POLARS: dict[str, Kernel] = {
    "add": _sum("__add__"),
    "sub": _sum("__sub__"),
    "mul": lambda pl, x, y: x * y,
    "div": _div,
    "neg": lambda pl, x: -x,
    "pow": _pow,
    "lt": _compare("__lt__"),
    "le": _compare("__le__"),
    "gt": _compare("__gt__"),
    "ge": _compare("__ge__"),
    "eq": _compare("__eq__"),
    "ne": lambda pl, x, y: ~_compare("__eq__")(pl, x, y),
    "logical_and": lambda pl, x, y: _is_true(pl, x) & _is_true(pl, y),
    "logical_or": lambda pl, x, y: _is_true(pl, x) | _is_true(pl, y),
    "logical_xor": lambda pl, x, y: _is_true(pl, x) ^ _is_true(pl, y),
    "logical_not": lambda pl, x: ~_is_true(pl, x),
    "bitwise_and": lambda pl, x, y: x & y,
    "bitwise_or": lambda pl, x, y: x | y,
    "bitwise_not": lambda pl, x: ~x,
    "where": lambda pl, c, x, y: pl.when(_is_true(pl, c)).then(x).otherwise(y),
    "abs": lambda pl, x: x.abs(),
    "sign": lambda pl, x: pl.when(x.is_nan()).then(pl.lit(0.0)).otherwise(_sign(pl, x)),
    "sqrt": lambda pl, x: x.sqrt(),
    "root": lambda pl, x: x.sqrt(),
    "exp": lambda pl, x: x.exp(),
    "log": lambda pl, x: x.log(),
    "log1p": lambda pl, x: x.log1p(),
    "sin": lambda pl, x: x.sin(),
    "cos": lambda pl, x: x.cos(),
    "tan": lambda pl, x: x.tan(),
    "asin": lambda pl, x: x.arcsin(),
    "acos": lambda pl, x: x.arccos(),
    "atan": lambda pl, x: x.arctan(),
    "atan2": lambda pl, y, x: pl.arctan2(y, x),
    "sinh": lambda pl, x: x.sinh(),
    "cosh": lambda pl, x: x.cosh(),
    "tanh": lambda pl, x: x.tanh(),
    "asinh": lambda pl, x: x.arcsinh(),
    "acosh": lambda pl, x: x.arccosh(),
    "sigmoid": _sigmoid,
    "relu": lambda pl, x: pl.when(x < 0).then(pl.lit(0.0)).otherwise(x),
    "minimum": _minimum,
    "maximum": _maximum,
    "clamp": lambda pl, x, low, high: _minimum(pl, _maximum(pl, x, low), high),
    "floor": lambda pl, x: x.floor(),
    "ceil": lambda pl, x: x.ceil(),
    "isnan": _is_nan,
    "isinf": lambda pl, x: x.cast(pl.Float64).is_infinite(),
    "isfinite": lambda pl, x: x.cast(pl.Float64).is_finite(),
}
