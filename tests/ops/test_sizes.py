"""Symbolic sizes against the whole numbers that they stand for."""

import copy
import operator
import pickle

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from graphcalc.ops.sizes import (
    Size,
    ceil_div,
    divide_if_exact,
    extent,
    same_if_exact,
    solve,
    substitute,
    surely_less,
    symbol,
)

NAMES = ("B", "D", "H", "T")
B, D, H, T = (symbol(name) for name in NAMES)
OPERATORS = (operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod)
COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge)

values = st.fixed_dictionaries({name: st.integers(1, 9) for name in NAMES})
atoms = st.integers(-6, 6) | st.sampled_from((B, D, H, T))


def combined(sizes):
    """Sums, differences, products and quotients of sizes."""
    pairs = st.tuples(st.sampled_from((operator.add, operator.sub, operator.mul)), sizes, sizes)
    return pairs.map(lambda pair: pair[0](pair[1], pair[2])) | st.builds(
        operator.floordiv, sizes, st.integers(1, 6) | st.sampled_from((B, H, 2 * T, B + 1, D * H))
    )


sizes = st.recursive(atoms, combined, max_leaves=5)
polynomials = st.recursive(
    atoms,
    lambda part: (
        st.builds(operator.add, part, part)
        | st.builds(operator.sub, part, part)
        | st.builds(operator.mul, part, part)
    ),
    max_leaves=6,
)


@given(sizes, sizes, st.sampled_from(OPERATORS), values)
def test_arithmetic_commutes_with_evaluation(a, b, operation, at):
    """Putting values in before or after an operation makes no difference."""
    x, y = substitute(a, at), substitute(b, at)
    if operation in (operator.floordiv, operator.mod):
        assume(y != 0 and not (isinstance(b, int) and b < 0))
    assert substitute(operation(a, b), at) == operation(x, y)


@given(sizes, values, st.sets(st.sampled_from(NAMES)))
def test_values_may_come_in_steps(size, at, first):
    """Putting in some values and then the others gives what putting in all at once does."""
    part = substitute(size, {name: at[name] for name in first})
    if isinstance(part, Size):
        assert not part.symbols() & first
    assert substitute(part, at) == substitute(size, at)


@given(polynomials, polynomials, polynomials)
def test_equal_polynomials_have_one_form(a, b, c):
    """Sizes that the laws of arithmetic make equal are equal, hash alike and read alike."""
    left, right = (a + b) * c - a, c * b + a * (c - 1)
    assert (left, hash(left), str(left)) == (right, hash(right), str(right))
    assert type(left) is type(right)


@given(sizes, values)
def test_the_text_means_the_size(size, at):
    """Read as Python, the text of a size has the value of the size."""
    text = str(size).replace("^", "**")
    assert eval(text, {}, dict(at)) == substitute(size, at)


@given(sizes, sizes, values)
def test_what_is_surely_less_is_less(a, b, at):
    """Whatever surely_less decides is so for all values, and the operators agree."""
    if surely_less(a, b):
        assert substitute(a, at) < substitute(b, at)
        assert [compare(a, b) for compare in COMPARISONS] == [True, True, False, False]
        assert [compare(b, a) for compare in COMPARISONS] == [False, False, True, True]


@given(sizes, sizes)
def test_comparisons_agree_with_each_other(a, b):
    """Mirrored comparisons agree, known or not, and less implies at most."""
    assert (a < b) == (b > a)
    assert (a <= b) == (b >= a)
    assert a <= b or not a < b


@given(polynomials, polynomials)
def test_a_product_divides_exactly(a, b):
    """A product divided by a factor is the other factor."""
    assume(b != 0)
    assert divide_if_exact(a * b, b) == a
    if isinstance(b, Size) or b > 0:
        assert (a * b) // b == a


@given(sizes, sizes)
def test_an_exact_quotient_multiplies_back(a, b):
    """What divide_if_exact gives is the original when multiplied by the divisor."""
    quotient = divide_if_exact(a, b)
    assert quotient is None or same_if_exact(quotient * b, a)


@given(sizes, st.integers(1, 6) | st.sampled_from((B, 2 * H, T + 1)), values)
def test_ceil_div_rounds_up(a, b, at):
    """The quotient is the least whole number that times the divisor reaches the dividend."""
    quotient, x, y = substitute(ceil_div(a, b), at), substitute(a, at), substitute(b, at)
    assert (quotient - 1) * y < x <= quotient * y


@given(sizes, sizes, st.integers(-3, 3).filter(bool) | st.sampled_from((B, -T, H + 1)), values)
def test_extent_is_the_length_of_the_range(start, stop, step, at):
    """A slice whose bounds are in order has as many elements as the range."""
    x, y, z = (substitute(part, at) for part in (start, stop, step))
    assume(x <= y if z > 0 else y <= x)
    assert substitute(extent(start, stop, step), at) == len(range(x, y, z))


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(-4, 4).filter(bool))
def test_extent_of_numbers_is_the_length_of_the_range(start, stop, step):
    """Bounds that are numbers may also be out of order."""
    assert extent(start, stop, step) == len(range(start, stop, step))


@given(st.permutations((B, B * T, 2 * D + T, D * H, (D // H) * B, T, 3)), values)
def test_solve_finds_the_values_that_made_a_shape(declared, at):
    """A shape made from values gives these values back, in whatever order its entries are."""
    known = {}
    assert solve(declared, [substitute(size, at) for size in declared], known) is None
    assert known == at


@given(st.lists(sizes, max_size=4), values)
def test_solve_finds_no_clash_in_a_shape_of_the_declared_form(declared, at):
    """A shape made from values never clashes, and what is solved are these values."""
    known = {}
    assert solve(declared, [substitute(size, at) for size in declared], known) is None
    assert known.items() <= at.items()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (B, "B"),
        (4 * D, "4*D"),
        (T * B, "B*T"),
        (D * D, "D^2"),
        (T - 1, "T - 1"),
        (1 + T * B * 2, "2*B*T + 1"),
        (H // 2 + 1, "H//2 + 1"),
        ((H - 1) // 2 + 1, "(H - 1)//2 + 1"),
        (3 - B, "-B + 3"),
        (T + B * B + B * T - D, "B^2 + B*T - D + T"),
        ((4 * B * D) // (2 * B), "2*D"),
        ((4 * B + 2) // 2, "2*B + 1"),
        ((2 * B + 1) // 2, "B"),
        ((4 * D + 3) // 4, "D"),
        ((2 * B - 1) // 2, "B - 1"),
        ((2 * B + 1) // 4, "B//2"),
        ((H + 5) // 4, "(H + 1)//4 + 1"),
        (B // 1, "B"),
        ((B * T) // (B * D), "T//D"),
        ((2 * B * D - 1) // (2 * B), "D - 1"),
        (1 // (B + 1), "0"),
        (7 // B, "7//B"),
        ((D % H) // H, "0"),
        (D % 4, "D - 4*(D//4)"),
        (-(H // 2), "-(H//2)"),
        (B * T // 4, "B*T//4"),
        (H // 2 // 2, "(H//2)//2"),
        (B - D // (2 * H + 1), "B - D//(2*H + 1)"),
        ((H // 3) * (H // 3), "(H//3)^2"),
        (ceil_div(H, 2), "(H + 1)//2"),
        (extent(T - 1, -1, -1), "T"),
        (extent(2, T, 1), "T - 2"),
        (extent(0, T, 2), "(T + 1)//2"),
    ],
)
def test_texts(size, text):
    """Sizes read as one would write them, and format, also with commas, gives the same text."""
    assert str(size) == text
    assert f"{size}" == f"{size:,}" == text


def test_constants_are_plain_numbers():
    """A size in which no symbol is left is an int, and is no size."""
    for constant, number in ((B - B, 0), ((B + 3) - B, 3), (0 * B, 0), ((2 * B) // B, 2)):
        assert type(constant) is int
        assert constant == number
    assert B != 1
    assert bool(B - 1)


def test_a_size_is_no_number():
    """A size does not pass for an int where data are counted, and meets whole numbers only."""
    with pytest.raises(TypeError):
        range(B)
    with pytest.raises(TypeError):
        int(B)
    with pytest.raises(TypeError, match="whole number"):
        B * 1.5
    with pytest.raises(AttributeError):
        B.name = "C"


def test_division_by_what_is_not_positive():
    """Division by zero and by negative numbers is refused."""
    with pytest.raises(ZeroDivisionError):
        B // 0
    with pytest.raises(ZeroDivisionError):
        B % (D - D)
    with pytest.raises(ValueError, match="positive"):
        B // -2


def test_copies_are_equal():
    """A size survives copying and pickling."""
    size = (B * T - 1) // H + D
    assert copy.deepcopy(size) == size == pickle.loads(pickle.dumps(size))


@pytest.mark.parametrize(
    ("a", "b", "known"),
    [
        (0, B, True),
        (T - 1, T, True),
        (B, B * T + 1, True),
        (1, B, False),
        (B, T, False),
        (D // 2, D + 1, False),
        (T, T, False),
        (T, T - 1, False),
    ],
)
def test_surely_less(a, b, known):
    """Only what the bounds of the symbols decide is sure."""
    assert surely_less(a, b) is known


@pytest.mark.parametrize(
    ("a", "b"),
    [(3, T), (B, T), (5, D // H), (H // 2, H), (D // H, D), (T, B * D), (0, T - 7), (100, T // 8)],
)
def test_comparisons_are_optimistic(a, b):
    """Where values decide, what holds for large ones holds."""
    assert [compare(a, b) for compare in COMPARISONS] == [True, True, False, False]


def test_quotients_are_compared_as_if_exact():
    """A dimension that is split into heads is neither smaller nor larger than before."""
    assert H * (D // H) <= D
    assert H * (D // H) >= D
    assert not H * (D // H) < D


def test_same_if_exact():
    """Sizes are the same when their quotients, taken as exact, make them so."""
    assert same_if_exact(4 * (D // 4), D)
    assert same_if_exact(B * T * H * (D // H), B * T * D)
    assert same_if_exact(6, 6)
    assert not same_if_exact(D // 4, D // 2)
    assert not same_if_exact(D, 4)


@pytest.mark.parametrize(
    ("a", "b", "quotient"),
    [
        (B * T * D, T, B * D),
        (B * T * D, D // 4, 4 * B * T),
        (4 * (D // 4), D // 4, 4),
        (D, D // H, H),
        (D * (B + 1), B + 1, D),
        (6, 3, 2),
        (6, 4, None),
        (6, B, None),
        (D, 4, None),
        (D, 0, None),
        (0, B, 0),
        (B, D % H, None),
    ],
)
def test_divide_if_exact(a, b, quotient):
    """The quotient of two sizes is given where it is a polynomial."""
    assert divide_if_exact(a, b) == quotient


def test_evaluation_keeps_unknown_symbols():
    """Symbols without a value remain, also inside of quotients."""
    size = B * T + (D - 1) // H
    assert size.symbols() == {"B", "D", "H", "T"}
    assert str(size.evaluate({"B": 2, "H": 4})) == "(D - 1)//4 + 2*T"
    assert size.evaluate({"B": 2, "D": 9, "H": 4, "T": 5}) == 12
    assert substitute(7, {}) == 7


@pytest.mark.parametrize(
    ("declared", "actual", "clash", "known"),
    [
        ((B * T, B, T + 1), (6, 2, 4), None, {"B": 2, "T": 3}),
        ((B, B), (2, 3), (1, 2, 3), {"B": 2}),
        ((3, B), (4, 2), (0, 3, 4), {}),
        ((2 * B,), (5,), (0, 2 * B, 5), {}),
        ((B + 2,), (1,), (0, B + 2, 1), {}),
        ((B, B * T), (2, 5), (1, 2 * T, 5), {"B": 2}),
        ((B,), (0,), None, {"B": 0}),
        ((B * T, D // 4, D * D), (6, 2, 9), None, {}),
        ((H, D // H), (0, 5), (1, D // H, 5), {"H": 0}),
        ((), (), None, {}),
    ],
)
def test_solve(declared, actual, clash, known):
    """Entries with one unknown give its value, in any order, and the first clash is told."""
    found = {}
    assert solve(declared, actual, found) == clash
    assert found == known


def test_solve_respects_what_is_known():
    """Values from an earlier shape count in the next."""
    assert solve((B, T), (2, 3), {"T": 4}) == (1, 4, 3)
