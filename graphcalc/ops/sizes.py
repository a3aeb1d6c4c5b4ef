"""Symbolic sizes, with which shapes are checked without data.

A shape is a tuple of whole numbers and of `Size` objects, which are polynomials in symbols. Every
symbol stands for a whole number of at least 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import gcd
from typing import NamedTuple, TypeAlias, Union

Number: TypeAlias = Union[int, "Size"]


class Quotient(NamedTuple):
    """A quotient rounded down that is not a polynomial."""

    numerator: Number
    divisor: Number


Atom: TypeAlias = str | Quotient
Monomial: TypeAlias = tuple[tuple[Atom, int], ...]
Terms: TypeAlias = dict[Monomial, int]


class Size:
    """A polynomial with whole coefficients over symbols and quotients, in canonical form.

    One that is constant does not exist: arithmetic gives a plain int in its place. `==` compares
    forms, while `<` and its kin say what holds for all values of the symbols where that is
    known, and otherwise what holds when they are large.
    """

    __slots__ = ("_terms",)
    _terms: tuple[tuple[Monomial, int], ...]

    def __init__(self, terms: tuple[tuple[Monomial, int], ...]) -> None:
        object.__setattr__(self, "_terms", terms)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a size is immutable")

    def __reduce__(self) -> tuple[type[Size], tuple[object, ...]]:
        return Size, (self._terms,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self._terms == other._terms

    def __hash__(self) -> int:
        return hash(self._terms)

    def __bool__(self) -> bool:
        return True

    def __add__(self, other: Number) -> Number:
        terms = dict(self._terms)
        for monomial, factor in _terms(other).items():
            terms[monomial] = terms.get(monomial, 0) + factor
        return _number(terms)

    __radd__ = __add__

    def __neg__(self) -> Size:
        return Size(tuple((monomial, -factor) for monomial, factor in self._terms))

    def __sub__(self, other: Number) -> Number:
        return self + -other

    def __rsub__(self, other: int) -> Number:
        return -self + other

    def __mul__(self, other: Number) -> Number:
        product: Terms = {}
        for left, a in self._terms:
            for right, b in _terms(other).items():
                monomial = _times(left, right)
                product[monomial] = product.get(monomial, 0) + a * b
        return _number(product)

    __rmul__ = __mul__

    def __floordiv__(self, other: Number) -> Number:
        if isinstance(other, int) and other < 0:
            raise ValueError("a size is divided by positive numbers only")
        return _floor(self, other)

    def __rfloordiv__(self, other: int) -> Number:
        return _floor(other, self)

    def __mod__(self, other: Number) -> Number:
        return self - other * (self // other)

    def __rmod__(self, other: int) -> Number:
        return other - self * (other // self)

    def __lt__(self, other: Number) -> bool:
        return _positive(other - self)

    def __le__(self, other: Number) -> bool:
        return _positive(other - self + 1)

    def __gt__(self, other: Number) -> bool:
        return _positive(self - other)

    def __ge__(self, other: Number) -> bool:
        return _positive(self - other + 1)

    def __str__(self) -> str:
        (monomial, factor), *rest = self._terms
        text = f"-{_term_text(monomial, -factor)}" if factor < 0 else _term_text(monomial, factor)
        # After a leading minus sign, -H//2 would read as (-H)//2.
        if factor == -1 and _is_lone_quotient(monomial):
            text = f"-({text[1:]})"
        for monomial, factor in rest:
            text += f" {'-' if factor < 0 else '+'} {_term_text(monomial, abs(factor))}"
        return text

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec.replace(",", ""))

    def evaluate(self, values: Mapping[str, int]) -> Number:
        """The size with values put in for symbols; those that have none remain."""

        def value(atom: Atom) -> Number:
            if isinstance(atom, str):
                return values[atom] if atom in values else symbol(atom)
            return _floor(substitute(atom.numerator, values), substitute(atom.divisor, values))

        return _replace(self, value)

    def symbols(self) -> frozenset[str]:
        """The names of all symbols in it, also those inside of quotients."""
        names: set[str] = set()
        for monomial, _ in self._terms:
            for atom, _ in monomial:
                if isinstance(atom, str):
                    names.add(atom)
                    continue
                for part in atom:
                    names |= part.symbols() if isinstance(part, Size) else set()
        return frozenset(names)


def symbol(name: str) -> Size:
    """The size that a name stands for."""
    return _of_atom(name)


def substitute(size: Number, values: Mapping[str, int]) -> Number:
    """A size with values put in for symbols; a number stays as it is."""
    return size.evaluate(values) if isinstance(size, Size) else size


def surely_less(a: Number, b: Number) -> bool:
    """Whether a < b whatever the symbols are; False also where that is not known."""
    return _at_least(b - a, 1)


def same_if_exact(a: Number, b: Number) -> bool:
    """Whether two sizes are equal once every quotient in them divides exactly."""
    return _fraction(a - b)[0] == 0


def divide_if_exact(a: Number, b: Number) -> Number | None:
    """The polynomial q with q*b == a, if there is one, where every quotient divides exactly."""
    if b == 0:
        return None
    quotient = _divide(a, b)
    if quotient is None:
        (above, below), (divisor, factor) = _fraction(a), _fraction(b)
        quotient = _divide(above * factor, below * divisor)
    return quotient


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
    return 0 if _at_least(-length, 0) else ceil_div(length, step)


def solve(
    declared: Sequence[Number], actual: Sequence[int], known: dict[str, int]
) -> tuple[int, Number, int] | None:
    """Match a declared shape against an actual one of as many dimensions.

    Entries that are linear in one unknown symbol give its value, which is added to `known`.
    Returns the first clash: its place, what was declared with known values put in, and the
    actual size.
    """
    places, before = list(range(len(declared))), -1
    while len(places) != before:
        before, left = len(places), []
        for place in places:
            entry, fits = _match(declared[place], actual[place], known)
            if fits is None:
                left.append(place)
            elif not fits:
                return place, entry, actual[place]
        places = left
    return None


def _match(declared: Number, actual: int, known: dict[str, int]) -> tuple[Number, bool | None]:
    """An entry with known values put in, and whether it fits; None where that is open."""
    try:
        entry = substitute(declared, known)
    except ZeroDivisionError:
        return declared, False
    if isinstance(entry, int):
        return entry, entry == actual
    terms = _terms(entry)
    constant = terms.pop((), 0)
    (monomial, factor), *others = terms.items()
    (atom, power), *factors = monomial
    if others or factors or power != 1 or not isinstance(atom, str):
        return entry, None
    value, rest = divmod(actual - constant, factor)
    if rest or value < 0:
        return entry, False
    known[atom] = value
    return entry, True


# Polynomials


def _of_atom(atom: Atom) -> Size:
    """The size that is one atom."""
    return Size(((((atom, 1),), 1),))


def _terms(value: Number) -> Terms:
    """The coefficients by monomial."""
    if isinstance(value, Size):
        return dict(value._terms)
    if not isinstance(value, int):
        raise TypeError(f"a size is a whole number, not {value!r}")
    return {(): int(value)} if value else {}


def _number(terms: Terms) -> Number:
    """The canonical form of a polynomial: a plain int where it is constant."""
    left = [(monomial, factor) for monomial, factor in terms.items() if factor]
    if not any(monomial for monomial, _ in left):
        return left[0][1] if left else 0
    return Size(tuple(sorted(left, key=lambda term: _order(term[0]))))


def _order(monomial: Monomial) -> tuple[int, tuple[tuple[tuple[str, str], int], ...]]:
    """Sorts higher degrees first, then by name; products keep this order, as division needs."""
    degree = sum(power for _, power in monomial)
    return -degree, tuple((_atom_order(atom), -power) for atom, power in monomial)


def _atom_order(atom: Atom) -> tuple[str, str]:
    text = _atom_text(atom)
    return text.lstrip("(-"), text


def _times(a: Monomial, b: Monomial) -> Monomial:
    """The product of two monomials."""
    if not a or not b:
        return a or b
    return _monomial([*a, *b])


def _monomial(factors: Iterable[tuple[Atom, int]]) -> Monomial:
    """The canonical form of a product of powers."""
    powers: dict[Atom, int] = {}
    for atom, power in factors:
        powers[atom] = powers.get(atom, 0) + power
    left = [(atom, power) for atom, power in powers.items() if power]
    return tuple(sorted(left, key=lambda factor: _atom_order(factor[0])))


def _over(a: Monomial, b: Monomial) -> Monomial | None:
    """The quotient of two monomials, if it is one."""
    quotient = _monomial([*a, *((atom, -power) for atom, power in b)])
    return None if any(power < 0 for _, power in quotient) else quotient


def _power(base: Number, exponent: int) -> Number:
    if isinstance(base, int):
        return int(base**exponent)
    result: Number = 1
    for _ in range(exponent):
        result = result * base
    return result


def _replace(size: Size, value: Callable[[Atom], Number]) -> Number:
    """The size with the value of each atom in its place."""
    total: Number = 0
    for monomial, factor in size._terms:
        product: Number = factor
        for atom, power in monomial:
            product = product * _power(value(atom), power)
        total = total + product
    return total


# Division


def _divide(a: Number, b: Number) -> Number | None:
    """The polynomial q with q*b == a, if there is one; quotients are as good as symbols."""
    rest, divisor = _terms(a), _terms(b)
    if not divisor:
        return None
    first = min(divisor, key=_order)
    quotient: Terms = {}
    while rest:
        leading = min(rest, key=_order)
        monomial = _over(leading, first)
        factor, over = divmod(rest[leading], divisor[first])
        if monomial is None or over:
            return None
        quotient[monomial] = factor
        for other, coefficient in divisor.items():
            place = _times(monomial, other)
            rest[place] = rest.get(place, 0) - factor * coefficient
            if not rest[place]:
                del rest[place]
    return _number(quotient)


def _fraction(size: Number) -> tuple[Number, Number]:
    """Numerator and denominator without quotients, each of which is taken as exact."""
    above: Number = 0
    below: Number = 1
    for monomial, factor in _terms(size).items():
        up: Number = factor
        down: Number = 1
        for atom, power in monomial:
            if isinstance(atom, str):
                up = up * _power(symbol(atom), power)
                continue
            (a, b), (c, d) = _fraction(atom.numerator), _fraction(atom.divisor)
            up, down = up * _power(a * d, power), down * _power(b * c, power)
        if down == below:
            above = above + up
        else:
            above, below = above * down + up * below, below * down
    whole = _divide(above, below)
    return (above, below) if whole is None else (whole, 1)


def _floor(a: Number, b: Number) -> Number:
    """The quotient rounded down, with all that divides exactly taken out of the rounding."""
    if isinstance(b, int):
        if isinstance(a, int):
            return a // b
        if b == 0:
            raise ZeroDivisionError("a size is divided by zero")
        return _floor_by_int(a, b) if b > 0 else _floor_by_int(-a, -b)
    exact = _divide(a, b)
    return _floor_by_size(a, b) if exact is None else exact


def _floor_by_int(a: Size, b: int) -> Number:
    rest = _terms(a)
    constant = rest.pop((), 0)
    whole = {monomial: factor // b for monomial, factor in rest.items() if factor % b == 0}
    rest = {monomial: factor for monomial, factor in rest.items() if factor % b}
    # What the other coefficients have in common divides first, and rounds the constant alone:
    # (2*B + 1)//4 is B//2.
    common = gcd(b, *rest.values())
    constant, b = constant // common, b // common
    units = constant // b if constant >= 0 else -(-constant // b)
    if not rest:
        return _number({**whole, (): units})
    left = {monomial: factor // common for monomial, factor in rest.items()}
    left[()] = constant - units * b
    return _number({**whole, (): units}) + _of_atom(Quotient(_number(left), b))


def _floor_by_size(a: Number, b: Size) -> Number:
    whole: Number = 0
    if len(b._terms) == 1:
        for monomial, factor in _terms(a).items():
            part = _divide(_number({monomial: factor}), b)
            if part is not None:
                whole, a = whole + part, a - part * b
    common = _common_factor([*_terms(a).items(), *b._terms])
    above, below = _divide(a, common), _divide(b, common)
    assert above is not None
    assert below is not None
    if isinstance(below, int):
        return whole + _floor(above, below)
    for quotient in (0, -1):
        rest = above - quotient * below
        if _at_least(rest, 0) and _at_least(below - rest, 1):
            return whole + quotient
    return whole + _of_atom(Quotient(above, below))


def _common_factor(terms: Sequence[tuple[Monomial, int]]) -> Number:
    """The largest number times symbols that divides all terms; quotients may be zero."""
    powers = [dict(monomial) for monomial, _ in terms]
    shared = [
        (atom, min(each.get(atom, 0) for each in powers))
        for atom in powers[0]
        if isinstance(atom, str)
    ]
    return _number({_monomial(shared): gcd(*(factor for _, factor in terms))})


# Comparison


def _at_least(size: Number, bound: int) -> bool:
    """Whether a size is known to reach a bound whatever its symbols are."""
    least = _least(size)
    return least is not None and least >= bound


def _least(size: Number) -> int | None:
    """A lower bound, or None where none is found.

    Each atom is written as its own bound and an excess; the constant of that polynomial is the
    bound when no other coefficient is negative.
    """
    if isinstance(size, int):
        return size
    bounds: dict[Atom, int] = {}
    for monomial, _ in size._terms:
        for atom, _ in monomial:
            bound = _least_of_atom(atom)
            if bound is None:
                return None
            bounds[atom] = bound
    terms = _terms(_replace(size, lambda atom: _of_atom(atom) + bounds[atom]))
    constant = terms.pop((), 0)
    return constant if all(factor > 0 for factor in terms.values()) else None


def _least_of_atom(atom: Atom) -> int | None:
    if isinstance(atom, str):
        return 1
    above, below = _least(atom.numerator), _least(atom.divisor)
    if above is None or below is None or below < 1:
        return None
    bound = above // below
    return bound if isinstance(atom.divisor, int) else min(bound, 0)


def _positive(size: Number) -> bool:
    """Whether a size exceeds 0: always if that is known, else for large symbols."""
    if _at_least(size, 1):
        return True
    return not _at_least(-size, 0) and _when_large(size) > 0


def _when_large(size: Number) -> int:
    """The value for large symbols, where quotients are exact and large, too."""
    above, below = _fraction(size)
    if below == 1:
        size = above
    if isinstance(size, int):
        return size
    # Multiples of 720720 divide by all numbers up to 16.
    names = sorted(size.symbols())
    values = {name: 720720 * (10**12 + place) for place, name in enumerate(names)}

    def value(atom: Atom) -> int:
        if isinstance(atom, str):
            return values[atom]
        above, below = at(atom.numerator), at(atom.divisor)
        # D//H is large, although H comes after D: a divisor counts as much the smaller.
        return above // (below if isinstance(atom.divisor, int) else max(below.bit_length(), 1))

    def at(part: Number) -> int:
        result = _replace(part, value) if isinstance(part, Size) else part
        assert isinstance(result, int)
        return result

    return at(size)


# Text


def _is_lone_quotient(monomial: Monomial) -> bool:
    (atom, power), *others = monomial
    return isinstance(atom, Quotient) and power == 1 and not others


def _term_text(monomial: Monomial, factor: int) -> str:
    """The text of one term with a positive coefficient."""
    if not monomial:
        return str(factor)
    if factor == 1 and _is_lone_quotient(monomial):
        return _atom_text(monomial[0][0])
    factors = [str(factor)] if factor != 1 else []
    for atom, power in monomial:
        text = atom if isinstance(atom, str) else f"({_atom_text(atom)})"
        factors.append(text if power == 1 else f"{text}^{power}")
    return "*".join(factors)


def _atom_text(atom: Atom) -> str:
    if isinstance(atom, str):
        return atom
    above, below = str(atom.numerator), str(atom.divisor)
    if not _is_product(atom.numerator):
        above = f"({above})"
    if not (isinstance(atom.divisor, int) or below in atom.divisor.symbols()):
        below = f"({below})"
    return f"{above}//{below}"


def _is_product(value: Number) -> bool:
    """Whether a numerator reads right without parentheses."""
    if isinstance(value, int):
        return value >= 0
    (monomial, factor), *rest = value._terms
    return factor > 0 and not rest and all(isinstance(atom, str) for atom, _ in monomial)
