"""Symbolic sizes, with which shapes are checked without data.

A shape is a tuple of whole numbers and of `Size` objects, which are polynomials in symbols. Every
symbol stands for a whole number of at least 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, Union

from graphcalc.ops import polynomials
from graphcalc.ops.polynomials import Polynomial, add, at_least, constant, is_positive, multiply

Number: TypeAlias = Union[int, "Size"]


class Size:
    """A polynomial with whole coefficients over symbols and quotients, in canonical form.

    One that is constant does not exist: arithmetic gives a plain int in its place. `==` compares
    forms, while `<` and its kin say what holds for all values of the symbols where that is
    known, and otherwise what holds when they are large.
    """

    __slots__ = ("polynomial",)
    polynomial: Polynomial

    def __init__(self, polynomial: Polynomial) -> None:
        object.__setattr__(self, "polynomial", polynomial)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a size is immutable")

    def __reduce__(self) -> tuple[type[Size], tuple[object, ...]]:
        return Size, (self.polynomial,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self.polynomial == other.polynomial

    def __hash__(self) -> int:
        return hash(self.polynomial)

    def __bool__(self) -> bool:
        return True

    def __add__(self, other: Number) -> Number:
        return _number(add(self.polynomial, _polynomial(other)))

    __radd__ = __add__

    def __neg__(self) -> Size:
        return Size(polynomials.negate(self.polynomial))

    def __sub__(self, other: Number) -> Number:
        return self + -other

    def __rsub__(self, other: int) -> Number:
        return -self + other

    def __mul__(self, other: Number) -> Number:
        return _number(multiply(self.polynomial, _polynomial(other)))

    __rmul__ = __mul__

    def __floordiv__(self, other: Number) -> Number:
        if isinstance(other, int) and other < 0:
            raise ValueError("a size is divided by positive numbers only")
        return _number(polynomials.floor(self.polynomial, _polynomial(other)))

    def __rfloordiv__(self, other: int) -> Number:
        return _number(polynomials.floor(_polynomial(other), self.polynomial))

    def __mod__(self, other: Number) -> Number:
        return self - other * (self // other)

    def __rmod__(self, other: int) -> Number:
        return other - self * (other // self)

    def __lt__(self, other: Number) -> bool:
        return is_positive(_polynomial(other - self))

    def __le__(self, other: Number) -> bool:
        return is_positive(_polynomial(other - self + 1))

    def __gt__(self, other: Number) -> bool:
        return is_positive(_polynomial(self - other))

    def __ge__(self, other: Number) -> bool:
        return is_positive(_polynomial(self - other + 1))

    def __str__(self) -> str:
        return polynomials.text(self.polynomial)

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec.replace(",", ""))

    def evaluate(self, values: Mapping[str, int]) -> Number:
        """The size with values put in for symbols; those that have none remain."""
        return _number(polynomials.substitute(self.polynomial, values))

    def symbols(self) -> frozenset[str]:
        """The names of all symbols in it, also those inside of quotients."""
        return frozenset(polynomials.symbols(self.polynomial))


def _polynomial(value: Number) -> Polynomial:
    if isinstance(value, Size):
        return value.polynomial
    if not isinstance(value, int):
        raise TypeError(f"a size is a whole number, not {value!r}")
    return constant(value)


def _number(polynomial: Polynomial) -> Number:
    """A plain int where a polynomial is constant, else a size."""
    value = polynomials.number(polynomial)
    return Size(polynomial) if value is None else value


def symbol(name: str) -> Size:
    """The size that a name stands for."""
    return Size(polynomials.of_atom(name))


# The number of rows of a table, which is the size of every column, and the text that messages have
# for it: no symbol of a program is called so.
ALL_ROWS = "all rows"
ROWS = symbol(ALL_ROWS)


def substitute(size: Number, values: Mapping[str, int]) -> Number:
    """A size with values put in for symbols; a number stays as it is."""
    return size.evaluate(values) if isinstance(size, Size) else size


def surely_less(a: Number, b: Number) -> bool:
    """Whether a < b whatever the symbols are; False also where that is not known."""
    return at_least(_polynomial(b - a), 1)


def same_if_exact(a: Number, b: Number) -> bool:
    """Whether two sizes are equal once every quotient in them divides exactly."""
    return polynomials.fraction(_polynomial(a - b))[0] == constant(0)


def divide_if_exact(a: Number, b: Number) -> Number | None:
    """The polynomial q with q*b == a, if there is one, where every quotient divides exactly."""
    dividend, divisor = _polynomial(a), _polynomial(b)
    quotient = polynomials.divide(dividend, divisor)
    if quotient is None and divisor:
        (above, below), (up, down) = map(polynomials.fraction, (dividend, divisor))
        quotient = polynomials.divide(multiply(above, down), multiply(below, up))
    return None if quotient is None else _number(quotient)


def ceil_div(a: Number, b: Number) -> Number:
    """The quotient, rounded up."""
    if isinstance(a, int) and isinstance(b, int):
        return -(-a // b)
    return (a + b - 1) // b


def extent(start: Number, stop: Number, step: Number) -> Number:
    """How many elements a slice takes, its bounds being within the dimension."""
    if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
        return len(range(start, stop, step))
    if surely_less(step, 0):
        start, stop, step = stop, start, -step
    length = stop - start
    return 0 if at_least(_polynomial(-length), 0) else ceil_div(length, step)


def solve(
    declared: Sequence[Number], actual: Sequence[int], known: dict[str, int]
) -> tuple[int, Number, int] | None:
    """Match a declared shape against an actual one of as many dimensions.

    Entries that are linear in one unknown symbol give its value, which is added to `known`.
    Returns the first clash: its dimension, what was declared with known values put in, and the
    actual size.
    """
    dims, before = list(range(len(declared))), -1
    while len(dims) != before:
        before, left = len(dims), []
        for dim in dims:
            entry, fits = _match(declared[dim], actual[dim], known)
            if fits is None:
                left.append(dim)
            elif not fits:
                return dim, entry, actual[dim]
        dims = left
    return None


def _match(declared: Number, actual: int, known: dict[str, int]) -> tuple[Number, bool | None]:
    """An entry with known values put in, and whether it fits; None where that is open."""
    try:
        entry = substitute(declared, known)
    except ZeroDivisionError:
        return declared, False
    if isinstance(entry, int):
        return entry, entry == actual
    terms = dict(entry.polynomial)
    free = terms.pop((), 0)
    (monomial, factor), *others = terms.items()
    (atom, power), *factors = monomial
    if others or factors or power != 1 or not isinstance(atom, str):
        return entry, None
    value, rest = divmod(actual - free, factor)
    if rest or value < 0:
        return entry, False
    known[atom] = value
    return entry, True
