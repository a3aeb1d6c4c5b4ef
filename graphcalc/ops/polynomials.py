"""Polynomials with whole coefficients over symbols and rounded quotients, in canonical form.

A symbol stands for a whole number of at least 1. Two polynomials are equal if their tuples are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import gcd
from typing import NamedTuple, TypeAlias


class Quotient(NamedTuple):
    """A quotient rounded down that is not a polynomial."""

    numerator: Polynomial
    divisor: Polynomial


Atom: TypeAlias = str | Quotient
Monomial: TypeAlias = tuple[tuple[Atom, int], ...]
# Monomials with their coefficients, in the order of `_order`; of the number 0 none.
Polynomial: TypeAlias = tuple[tuple[Monomial, int], ...]


def constant(value: int) -> Polynomial:
    """The polynomial that is a number."""
    return (((), int(value)),) if value else ()


def of_atom(atom: Atom) -> Polynomial:
    """The polynomial that is one symbol or one quotient."""
    return ((((atom, 1),), 1),)


def number(a: Polynomial) -> int | None:
    """The number that a polynomial is; None where it has symbols."""
    if not a:
        return 0
    return None if a[0][0] else a[0][1]


def symbols(a: Polynomial) -> set[str]:
    """The names of all symbols in it, also those inside of quotients."""
    names: set[str] = set()
    for monomial, _ in a:
        for atom, _ in monomial:
            if isinstance(atom, str):
                names.add(atom)
            else:
                names |= symbols(atom.numerator) | symbols(atom.divisor)
    return names


def _canonical(terms: Mapping[Monomial, int]) -> Polynomial:
    kept = [(monomial, factor) for monomial, factor in terms.items() if factor]
    return tuple(sorted(kept, key=lambda term: _order(term[0])))


def _order(monomial: Monomial) -> tuple[int, tuple[tuple[tuple[str, str], int], ...]]:
    """Sorts higher degrees first, then by name; products keep this order, as division needs."""
    degree = sum(power for _, power in monomial)
    return -degree, tuple((_atom_order(atom), -power) for atom, power in monomial)


def _atom_order(atom: Atom) -> tuple[str, str]:
    name = _atom_text(atom)
    return name.lstrip("(-"), name


# Ring


def add(a: Polynomial, b: Polynomial) -> Polynomial:
    """The sum of two polynomials."""
    terms = dict(a)
    for monomial, factor in b:
        terms[monomial] = terms.get(monomial, 0) + factor
    return _canonical(terms)


def negate(a: Polynomial) -> Polynomial:
    """The polynomial with every sign turned."""
    return tuple([(monomial, -factor) for monomial, factor in a])


def subtract(a: Polynomial, b: Polynomial) -> Polynomial:
    """The difference of two polynomials."""
    return add(a, negate(b))


def multiply(a: Polynomial, b: Polynomial) -> Polynomial:
    """The product of two polynomials."""
    terms: dict[Monomial, int] = {}
    for left, m in a:
        for right, n in b:
            monomial = _times(left, right)
            terms[monomial] = terms.get(monomial, 0) + m * n
    return _canonical(terms)


def _power(base: Polynomial, exponent: int) -> Polynomial:
    result = constant(1)
    for _ in range(exponent):
        result = multiply(result, base)
    return result


def _times(a: Monomial, b: Monomial) -> Monomial:
    return _monomial([*a, *b]) if a and b else a or b


def _monomial(factors: Iterable[tuple[Atom, int]]) -> Monomial:
    """The canonical form of a product of powers."""
    powers: dict[Atom, int] = {}
    for atom, power in factors:
        powers[atom] = powers.get(atom, 0) + power
    kept = [(atom, power) for atom, power in powers.items() if power]
    return tuple(sorted(kept, key=lambda factor: _atom_order(factor[0])))


def _over(a: Monomial, b: Monomial) -> Monomial | None:
    """The quotient of two monomials, if it is one."""
    quotient = _monomial([*a, *((atom, -power) for atom, power in b)])
    return None if any(power < 0 for _, power in quotient) else quotient


def replace(a: Polynomial, value: Callable[[Atom], Polynomial]) -> Polynomial:
    """The polynomial with the value of each atom in its place."""
    total: Polynomial = ()
    for monomial, factor in a:
        product = constant(factor)
        for atom, power in monomial:
            product = multiply(product, _power(value(atom), power))
        total = add(total, product)
    return total


def substitute(a: Polynomial, values: Mapping[str, int]) -> Polynomial:
    """The polynomial with numbers put in for symbols; those that have none remain."""

    def value(atom: Atom) -> Polynomial:
        if isinstance(atom, str):
            return constant(values[atom]) if atom in values else of_atom(atom)
        return floor(substitute(atom.numerator, values), substitute(atom.divisor, values))

    return replace(a, value)


# Division


def divide(a: Polynomial, b: Polynomial) -> Polynomial | None:
    """The polynomial q with q*b == a, if there is one; quotients are as good as symbols."""
    rest, divisor = dict(a), dict(b)
    if not divisor:
        return None
    first = min(divisor, key=_order)
    quotient: dict[Monomial, int] = {}
    while rest:
        leading = min(rest, key=_order)
        monomial = _over(leading, first)
        factor, over = divmod(rest[leading], divisor[first])
        if monomial is None or over:
            return None
        quotient[monomial] = factor
        for other, coefficient in divisor.items():
            product = _times(monomial, other)
            rest[product] = rest.get(product, 0) - factor * coefficient
            if not rest[product]:
                del rest[product]
    return _canonical(quotient)


def fraction(a: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Numerator and denominator without quotients, each of which is taken as exact."""
    above, below = constant(0), constant(1)
    for monomial, factor in a:
        up, down = constant(factor), constant(1)
        for atom, power in monomial:
            if isinstance(atom, str):
                up = multiply(up, _power(of_atom(atom), power))
                continue
            (n, m), (p, q) = fraction(atom.numerator), fraction(atom.divisor)
            up = multiply(up, _power(multiply(n, q), power))
            down = multiply(down, _power(multiply(m, p), power))
        if down == below:
            above = add(above, up)
        else:
            above = add(multiply(above, down), multiply(up, below))
            below = multiply(below, down)
    whole = divide(above, below)
    return (above, below) if whole is None else (whole, constant(1))


def floor(a: Polynomial, b: Polynomial) -> Polynomial:
    """The quotient rounded down, with all that divides exactly taken out of the rounding."""
    divisor = number(b)
    if divisor is None:
        exact = divide(a, b)
        return _floor_by_polynomial(a, b) if exact is None else exact
    if divisor == 0:
        raise ZeroDivisionError("a size is divided by zero")
    return _floor_by_number(a, divisor) if divisor > 0 else _floor_by_number(negate(a), -divisor)


def _floor_by_number(a: Polynomial, b: int) -> Polynomial:
    rest = dict(a)
    free = rest.pop((), 0)
    whole = {monomial: factor // b for monomial, factor in rest.items() if factor % b == 0}
    rest = {monomial: factor for monomial, factor in rest.items() if factor % b}
    # What the other coefficients have in common divides first, and rounds the constant alone:
    # (2*B + 1)//4 is B//2.
    common = gcd(b, *rest.values())
    free, b = free // common, b // common
    units = free // b if free >= 0 else -(-free // b)
    exact = _canonical({**whole, (): units})
    if not rest:
        return exact
    left = {monomial: factor // common for monomial, factor in rest.items()}
    quotient = Quotient(_canonical({**left, (): free - units * b}), constant(b))
    return add(exact, of_atom(quotient))


def _floor_by_polynomial(a: Polynomial, b: Polynomial) -> Polynomial:
    whole = constant(0)
    if len(b) == 1:
        for term in a:
            part = divide((term,), b)
            if part is not None:
                whole, a = add(whole, part), subtract(a, multiply(part, b))
    common = _common_factor([*a, *b])
    above, below = divide(a, common), divide(b, common)
    assert above is not None
    assert below is not None
    if number(below) is not None:
        return add(whole, floor(above, below))
    for units in (0, -1):
        rest = subtract(above, multiply(constant(units), below))
        if at_least(rest, 0) and at_least(subtract(below, rest), 1):
            return add(whole, constant(units))
    return add(whole, of_atom(Quotient(above, below)))


def _common_factor(terms: Sequence[tuple[Monomial, int]]) -> Polynomial:
    """The largest number times symbols that divides all terms; quotients may be zero."""
    powers = [dict(monomial) for monomial, _ in terms]
    shared = [
        (atom, min(each.get(atom, 0) for each in powers))
        for atom in powers[0]
        if isinstance(atom, str)
    ]
    return ((_monomial(shared), gcd(*(factor for _, factor in terms))),)


# Order


def at_least(a: Polynomial, bound: int) -> bool:
    """Whether a polynomial is known to reach a bound whatever its symbols are."""
    least = _least(a)
    return least is not None and least >= bound


def _least(a: Polynomial) -> int | None:
    """A lower bound, or None where none is found.

    Each atom is written as its own bound and an excess; the constant of that polynomial is the
    bound when no other coefficient is negative.
    """
    bounds: dict[Atom, int] = {}
    for monomial, _ in a:
        for atom, _ in monomial:
            bound = _least_of_atom(atom)
            if bound is None:
                return None
            bounds[atom] = bound
    terms = dict(replace(a, lambda atom: add(of_atom(atom), constant(bounds[atom]))))
    free = terms.pop((), 0)
    return free if all(factor > 0 for factor in terms.values()) else None


def _least_of_atom(atom: Atom) -> int | None:
    if isinstance(atom, str):
        return 1
    above, below = _least(atom.numerator), _least(atom.divisor)
    if above is None or below is None or below < 1:
        return None
    bound = above // below
    return min(bound, 0) if number(atom.divisor) is None else bound


def is_positive(a: Polynomial) -> bool:
    """Whether a polynomial exceeds 0: always if that is known, else for large symbols."""
    if at_least(a, 1):
        return True
    return not at_least(negate(a), 0) and _when_large(a) > 0


def _when_large(a: Polynomial) -> int:
    """The value for large symbols, where quotients are exact and large, too."""
    above, below = fraction(a)
    a = above if below == constant(1) else a
    # Multiples of 720720 divide by all numbers up to 16.
    values = {name: 720720 * (10**12 + i) for i, name in enumerate(sorted(symbols(a)))}

    def value(atom: Atom) -> Polynomial:
        if isinstance(atom, str):
            return constant(values[atom])
        above, below = at(atom.numerator), at(atom.divisor)
        # D//H is large, although H comes after D: a divisor counts as much the smaller.
        is_plain = number(atom.divisor) is not None
        return constant(above // (below if is_plain else max(below.bit_length(), 1)))

    def at(part: Polynomial) -> int:
        result = number(replace(part, value))
        assert result is not None
        return result

    return at(a)


# Text


def text(a: Polynomial) -> str:
    """A polynomial as it is written: `2*B*H - H//2 + 1`."""
    if not a:
        return "0"
    (monomial, factor), *rest = a
    written = f"-{_term_text(monomial, -factor)}" if factor < 0 else _term_text(monomial, factor)
    # After a leading minus sign, -H//2 would read as (-H)//2.
    if factor == -1 and _is_lone_quotient(monomial):
        written = f"-({written[1:]})"
    for monomial, factor in rest:
        written += f" {'-' if factor < 0 else '+'} {_term_text(monomial, abs(factor))}"
    return written


def _is_lone_quotient(monomial: Monomial) -> bool:
    return len(monomial) == 1 and isinstance(monomial[0][0], Quotient) and monomial[0][1] == 1


def _term_text(monomial: Monomial, factor: int) -> str:
    """The text of one term with a positive coefficient."""
    if not monomial:
        return str(factor)
    if factor == 1 and _is_lone_quotient(monomial):
        return _atom_text(monomial[0][0])
    factors = [str(factor)] if factor != 1 else []
    for atom, power in monomial:
        written = atom if isinstance(atom, str) else f"({_atom_text(atom)})"
        factors.append(written if power == 1 else f"{written}^{power}")
    return "*".join(factors)


def _atom_text(atom: Atom) -> str:
    if isinstance(atom, str):
        return atom
    above, below = text(atom.numerator), text(atom.divisor)
    if not _is_product(atom.numerator):
        above = f"({above})"
    if not (number(atom.divisor) is not None or below in symbols(atom.divisor)):
        below = f"({below})"
    return f"{above}//{below}"


def _is_product(a: Polynomial) -> bool:
    """Whether a numerator reads right without parentheses."""
    if len(a) != 1:
        return not a
    ((monomial, factor),) = a
    return factor > 0 and all(isinstance(atom, str) for atom, _ in monomial)
