"""Numbers as text: exact where programs read them, short without misleading where people do."""

import math
import re
import struct

from hypothesis import given
from hypothesis import strategies as st

from graphcalc.numbers import exact, leaves, rounded, show_nested
from graphcalc.report.numbers import shortener

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
