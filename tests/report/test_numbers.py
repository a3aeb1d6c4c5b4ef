"""Numbers as text: exact where programs read them, short without misleading where people do."""

import math
import re
import struct

from hypothesis import given
from hypothesis import strategies as st

from graphcalc.numbers import exact, leaves, rounded, show_nested
from graphcalc.report.numbers import round_to, shortener

FLOATS = st.floats()
DTYPES = st.sampled_from(["float64", "float32", "float16", "bfloat16"])
WIDTHS = {"float32": "<f", "float16": "<e"}


def _bits(value):
    """A number's identity: nan is nan, and 0 is not -0."""
    return struct.pack("<d", math.nan if value != value else value)


def _same(a, b):
    return _bits(a) == _bits(b)


@given(FLOATS, DTYPES)
def test_exact_text_reads_back(value, dtype):
    """The exact text of a number of any dtype reads back as that number, signs of 0 included."""
    value = rounded(value, dtype)
    assert _same(rounded(float(exact(value, dtype)), dtype), value)


@given(FLOATS)
def test_exact_text_is_the_shortest(value):
    """The exact text of a float64 is never longer than Python's own."""
    assert len(exact(value)) <= len(repr(value))
    assert not exact(value).endswith(".0")


@given(st.floats(width=32))
def test_exact_float32_is_short(value):
    """A float32 is written with at most nine digits."""
    digits = [c for c in exact(value, "float32").partition("e")[0] if c.isdigit()]
    whole = abs(value) < 1e16 and value == int(value) if math.isfinite(value) else True
    assert whole or len("".join(digits).strip("0")) <= 9


@given(FLOATS, st.sampled_from(["float32", "float16"]))
def test_rounding_is_ieee(value, dtype):
    """Rounding to a narrower dtype gives a number of that dtype, and is idempotent."""
    found = rounded(value, dtype)
    assert _same(rounded(found, dtype), found)
    if math.isfinite(found):
        assert struct.unpack(WIDTHS[dtype], struct.pack(WIDTHS[dtype], found))[0] == found


@given(st.lists(FLOATS, max_size=30), DTYPES)
def test_short_texts_keep_numbers_apart(values, dtype):
    """No two unequal numbers of a table look equal, however close they are."""
    values = [rounded(value, dtype) for value in values]
    values += [rounded(math.nextafter(v, math.inf), dtype) for v in values if math.isfinite(v)]
    show = shortener([(value, dtype) for value in values])
    by_text = {}
    for value in values:
        by_text.setdefault(show(value, dtype), set()).add(_bits(value))
    assert all(len(meanings) == 1 for meanings in by_text.values())


@given(st.integers(-(2**53), 2**53).map(float), st.lists(FLOATS, max_size=5))
def test_whole_numbers_lose_no_digit(value, others):
    """A whole number is shown with every digit, whatever stands beside it."""
    show = shortener([(x, "float64") for x in (value, *others)])
    assert show(value, "float64") == (str(int(value)) if abs(value) < 1e16 else repr(value))


@given(FLOATS)
def test_a_shortened_number_is_marked(value):
    """A text that is not the whole number says so with an ellipsis, and is near it."""
    text = shortener([(value, "float64")])(value, "float64")
    if "…" in text:
        assert math.isclose(float(text.replace("…", "")), value, rel_tol=1e-6)
    else:
        assert _same(float(text), value)


@given(FLOATS, DTYPES)
def test_no_digit_of_a_shortened_number_misleads(value, dtype):
    """What stands before an ellipsis begins the number's own digits; without one it is whole."""
    value = rounded(value, dtype)
    text = shortener([(value, dtype)])(value, dtype)
    mantissa, mark, exponent = text.partition("…")
    whole, _, power = exact(value, dtype).partition("e")
    if mark:
        assert whole.startswith(mantissa)
        assert exponent.removeprefix("e") == power
    else:
        assert text == exact(value, dtype)


def test_shortened_numbers_are_cut_and_not_rounded():
    """A number just below a rounder one does not look like it."""
    for value, text in (
        (0.1 + 0.2, "0.3000000…"),
        (2.9999999994, "2.999999…"),
        (-2 / 3, "-0.6666666…"),
        (1e-9 / 3, "3.333333…e-10"),
        (123456789.123, "123456789.1…"),
        (12345.678901234, "12345.67…"),
    ):
        assert shortener([(value, "float64")])(value, "float64") == text


@given(FLOATS, st.integers(1, 17), DTYPES)
def test_digits_are_rounded_as_asked(value, digits, dtype):
    """A rounded number has so many digits, is near, and is whole where it has no more."""
    value = rounded(value, dtype)
    text = round_to(digits)(value, dtype)
    near = 0.5001 * 10.0 ** (1 - digits) + 2.0**-50 + (dtype != "float64") * 2.0**-7
    is_near = abs(value) > 1e308 or math.isclose(float(text), value, rel_tol=near)
    written = re.sub(r"e.*|[-.]", "", text).lstrip("0")
    assert text == exact(value, dtype) or (is_near and len(written) == digits)


def test_digits_of_some_numbers():
    """Rounded numbers keep their zeros, and have an exponent where they need one."""
    shown = [round_to(3)(x, "float64") for x in (1 / 3, 0.1 + 0.2, 2.9999999994, 123456.0, 250.0)]
    assert shown == ["0.333", "0.300", "3.00", "1.23e+05", "250"]
    assert round_to(1)(3.7e299, "float64") == "4e+299"
    assert round_to(2)(True, "bool") == "true"
    assert round_to(2)(123456, "int64") == "123456"


NESTED = st.recursive(FLOATS, lambda inner: st.lists(inner, max_size=4), max_leaves=20)


@given(NESTED)
def test_nested_values_read_back(value):
    """Nested lists are written as the language's literals, in order and without recursion."""
    text = show_nested(value, exact)
    names = {"nan": math.nan, "inf": math.inf, "__builtins__": {}}
    # In the language -0 is a float; to Python it is an int, which has no such sign.
    text = re.sub(r"-0(?![\d.e])", "-0.0", text)
    assert list(map(_bits, map(float, leaves(eval(text, names))))) == list(
        map(_bits, map(float, leaves(value)))
    )


def test_deep_nesting():
    """A tensor of five thousand dimensions is written."""
    value = 1.0
    for _ in range(5000):
        value = [value]
    assert show_nested(value, exact) == "[" * 5000 + "1" + "]" * 5000
