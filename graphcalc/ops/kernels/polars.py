"""Kernels on polars' expressions, for rows whose op is no method of these.

A kernel takes polars itself and the operands, expressions of Float64 or Boolean, and gives the
bits that Python's kernel gives. Functions whose last digits are others in polars have none: the
Python kernel computes them.
"""

from __future__ import annotations

import math

from graphcalc.ops.spec import Expr, Op, Polars, PolarsKernel


def _compare(operator: str) -> PolarsKernel:
    """A comparison as IEEE 754 has it: polars takes nan for the largest number."""

    def kernel(pl: Polars, x: Expr, y: Expr) -> Expr:
        is_number = ~(isnan(pl, x) | isnan(pl, y))
        return getattr(x, operator)(y) & is_number

    return kernel


def isnan(pl: Polars, x: Expr) -> Expr:
    """Whether x is NaN."""
    return x.cast(pl.Float64).is_nan()


def _is_true(pl: Polars, x: Expr) -> Expr:
    return x.cast(pl.Float64) != 0


def _is_negative(pl: Polars, x: Expr) -> Expr:
    """Whether the sign is a minus, of 0 too."""
    return (x < 0) | ((x == 0) & (pl.lit(1.0) / x < 0))


def minimum(pl: Polars, x: Expr, y: Expr) -> Expr:
    """The smaller one; NaN if either is."""
    is_first = (x < y) | ((x == y) & _is_negative(pl, x)) | x.is_nan()
    return pl.when(is_first & ~y.is_nan() | x.is_nan()).then(x).otherwise(y)


def maximum(pl: Polars, x: Expr, y: Expr) -> Expr:
    """The larger one; NaN if either is."""
    is_first = ((x > y) & ~x.is_nan()) | ((x == y) & ~_is_negative(pl, x))
    return pl.when((is_first & ~y.is_nan()) | x.is_nan()).then(x).otherwise(y)


def _number(pl: Polars, x: Expr) -> float | None:
    """The number that an expression is for all rows; None where it differs from row to row."""
    return None if x.meta.root_names() else float(pl.select(x).item())


def _column(number: float, like: Expr) -> Expr:
    """One number as a column of it, for where polars takes a short cut with one."""
    zeros = (like * 0.0).fill_nan(0.0).abs()
    return zeros + number if number else -zeros if math.copysign(1, number) < 0 else zeros


def div(pl: Polars, x: Expr, y: Expr) -> Expr:
    """The quotient; polars would multiply by the reciprocal of one number."""
    number = _number(pl, y)
    return x / (y if number is None else _column(number, x))


def pow(pl: Polars, x: Expr, y: Expr) -> Expr:
    """The power. That of a half polars takes for a root, which is another for -inf and -0."""
    return x.pow(_column(0.5, x) if _number(pl, y) == 0.5 else y)


def _addition(operator: str) -> PolarsKernel:
    """A sum or a difference; polars leaves 0 out where it is one number, and -0 + 0 is 0."""

    def kernel(pl: Polars, x: Expr, y: Expr) -> Expr:
        numbers = _number(pl, x), _number(pl, y)
        x = _column(numbers[0], y) if numbers[0] == 0 else x
        y = _column(numbers[1], x) if numbers[1] == 0 else y
        return getattr(x, operator)(y)

    return kernel


def sigmoid(pl: Polars, x: Expr) -> Expr:
    """1 / (1 + exp(-x))."""
    return pl.lit(1.0) / (pl.lit(1.0) + (-x).exp())


def sign(pl: Polars, x: Expr) -> Expr:
    """-1, 0 or 1; 0 for NaN."""
    one = pl.when(x > 0).then(pl.lit(1.0)).when(x < 0).then(pl.lit(-1.0))
    return pl.when(x.is_nan()).then(pl.lit(0.0)).otherwise(one.otherwise(pl.lit(0.0)))


def relu(pl: Polars, x: Expr) -> Expr:
    """x where it is not below 0; -0 and NaN as they are."""
    return pl.when(x < 0).then(pl.lit(0.0)).otherwise(x)


def clamp(pl: Polars, x: Expr, low: Expr, high: Expr) -> Expr:
    """x held between two bounds."""
    return minimum(pl, maximum(pl, x, low), high)


def atan2(pl: Polars, y: Expr, x: Expr) -> Expr:
    """The angle of the point (x, y)."""
    return pl.arctan2(y, x)


def where(pl: Polars, condition: Expr, x: Expr, y: Expr) -> Expr:
    """x where the condition is not 0, else y."""
    return pl.when(_is_true(pl, condition)).then(x).otherwise(y)


def ne(pl: Polars, x: Expr, y: Expr) -> Expr:
    """Whether x and y differ; NaN differs from itself."""
    return ~eq(pl, x, y)


def logical_and(pl: Polars, x: Expr, y: Expr) -> Expr:
    """Whether both are not 0."""
    return _is_true(pl, x) & _is_true(pl, y)


def logical_or(pl: Polars, x: Expr, y: Expr) -> Expr:
    """Whether either is not 0."""
    return _is_true(pl, x) | _is_true(pl, y)


def logical_xor(pl: Polars, x: Expr, y: Expr) -> Expr:
    """Whether just one is not 0."""
    return _is_true(pl, x) ^ _is_true(pl, y)


def logical_not(pl: Polars, x: Expr) -> Expr:
    """Whether x is 0."""
    return ~_is_true(pl, x)


def isinf(pl: Polars, x: Expr) -> Expr:
    """Whether x is an infinity."""
    return x.cast(pl.Float64).is_infinite()


def isfinite(pl: Polars, x: Expr) -> Expr:
    """Whether x is neither an infinity nor NaN."""
    return x.cast(pl.Float64).is_finite()


add, sub = _addition("__add__"), _addition("__sub__")
lt, le, gt, ge, eq = map(_compare, ("__lt__", "__le__", "__gt__", "__ge__", "__eq__"))


def function_of(op: Op) -> PolarsKernel:
    """Return what computes an op: (polars, operands) -> expression."""
    name = op.polars
    if callable(name):
        return name
    own: PolarsKernel | None = globals().get(name)
    return own or (lambda pl, x, *others: getattr(x, name)(*others))
