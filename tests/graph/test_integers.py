"""Whole numbers beyond 2**53: exact where they are carried and compared, noted where rounded."""

from __future__ import annotations

import operator
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.evaluate import Evaluation, parse
from graphcalc.source import Source

BIG = 2**53 + 1
IDS = [BIG, -(2**63), 2**63 - 1, 3]
BACKENDS = pytest.mark.parametrize("backend", ["python", "torch"])


def value(text: str, backend: str = "python", **inputs: Any) -> tuple[str, Any]:
    """The dtype and the value of `y` after a text."""
    result = gc.run(text, inputs=inputs, backend=backend)
    y = result["y"]
    record = next(record for record in result.trace if record.name == "y")
    return record.dtype, y.tolist() if hasattr(y, "tolist") else y


def notes(text: str, **inputs: Any) -> list[str]:
    found: list[str] = []
    evaluation = Evaluation(parse([Source(text)]))
    evaluation.run(inputs, lambda note, label=None: found.append(note))
    return found


@BACKENDS
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"y = {BIG}", BIG),
        (f"y = -{BIG}", -BIG),
        ("y = 9_007_199_254_740_993", BIG),
        (f"y = {BIG:#x}", BIG),
        (f"x = {BIG}; y = x", BIG),
        (f"y = [{BIG}, 1]", [BIG, 1]),
        (f"y = [[{BIG}], [-2]]", [[BIG], [-2]]),
        (f"y = torch.tensor([{BIG}]).long()", [BIG]),
        (f"y = {BIG} == {BIG - 1}", False),
        (f"y = {BIG} > {BIG - 1}", True),
        (f"a = {BIG}; y = a == {BIG}", True),
        (f"f(v) = where(v > 0, v, 0); y = f({BIG})", BIG),
    ],
)
def test_written_numbers_are_exact(backend: str, text: str, expected: Any) -> None:
    assert value(text, backend) == ("bool" if type(expected) is bool else "int64", expected)


@BACKENDS
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = x", IDS),
        ("y = x[0]", BIG),
        ("y = x[1:3]", IDS[1:3]),
        ("y = x.flip(0)", IDS[::-1]),
        ("y = max(x)", 2**63 - 1),
        ("y = min(x)", -(2**63)),
        ("y = where(x > 0, x, 0)", [BIG, 0, 2**63 - 1, 3]),
        ("y = maximum(x, 5)", [BIG, 5, 2**63 - 1, 5]),
        ("y = minimum(5, x)", [5, -(2**63), 5, 3]),
        ("y = cat([x, [7]])", [*IDS, 7]),
        ("y = stack([x[0], 3])", [BIG, 3]),
        ("y = [x[0], 1]", [BIG, 1]),
        ("y = gather(x, 0, [2, 0])", [IDS[2], IDS[0]]),
        (f"y = x == {BIG}", [True, False, False, False]),
        (f"y = x == {BIG - 1}", [False] * 4),
        (f"y = {BIG - 1} < x", [True, False, True, False]),
    ],
)
@pytest.mark.parametrize("form", [numpy.array, list])
def test_inputs_are_carried_and_compared(backend: str, form: Any, text: str, expected: Any) -> None:
    assert value(text, backend, x=form(IDS))[1] == expected


@BACKENDS
def test_numbers_that_are_bound(backend: str) -> None:
    assert value("y = x", backend, x=BIG) == ("int64", BIG)
    assert value("x: int64; y = x", backend, x=BIG) == ("int64", BIG)
    assert value("x: int64[2]; y = x", backend, x=[BIG, 2]) == ("int64", [BIG, 2])
    assert value("y = x", backend, x=[BIG, 2.5]) == ("float64", [BIG - 1, 2.5])
    assert value("y = x", backend, x=2**53) == ("float64", 2**53)


near = st.integers(-(2**63), 2**63 - 1) | st.integers(2**53 - 3, 2**53 + 3)
floats = near.map(float) | st.floats() | near.map(lambda n: float(n) + 0.5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(near, floats), min_size=1, max_size=20))
def test_comparisons_with_floating_point_are_those_of_python(
    pairs: list[tuple[int, float]],
) -> None:
    whole, real = ([pair[i] for pair in pairs] for i in (0, 1))
    inputs = {"x": numpy.array(whole), "r": numpy.array(real)}
    for symbol in ("==", "!=", "<", "<=", ">", ">="):
        compare = {
            "==": operator.eq,
            "!=": operator.ne,
            "<": operator.lt,
            "<=": operator.le,
            ">": operator.gt,
            ">=": operator.ge,
        }[symbol]
        expected = [compare(a, b) for a, b in pairs]
        turned = [compare(b, a) for a, b in pairs]
        for backend in ("python", "torch"):
            assert value(f"y = x {symbol} r", backend, **inputs)[1] == expected
            assert value(f"y = r {symbol} x", backend, **inputs)[1] == turned


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("y = x * 2", {"x": BIG}),
        ("y = x + 1", {"x": numpy.array([1, BIG])}),
        ("y = sum(x[0:2])", {"x": numpy.array([1, BIG])}),
        ("y = mean(x)", {"x": [1, BIG]}),
        (f"y = {BIG} / 2", {}),
        (f"y = [{BIG}, 0.5]", {}),
    ],
)
def test_what_is_rounded_is_noted(text: str, inputs: Any) -> None:
    (note,) = notes(text, **inputs)
    assert note.startswith(f"float64 has no {BIG} and takes {BIG - 1}")


def test_numbers_beyond_int64_are_noted() -> None:
    (note,) = notes("y = 18446744073709551617")
    assert note == "float64 has no 18446744073709551617 and takes 18446744073709551616"


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("y = x * 2", {"x": 2**53}),
        ("y = x * 2", {"x": numpy.array([2**60, -5])}),
        ("y = x", {"x": BIG}),
        ("y = x[0] == 3", {"x": [BIG, 3]}),
        ("y = 1e300 + 9007199254740992 + 1e22", {}),
        ("y = 18446744073709551616", {}),
    ],
)
def test_what_is_exact_is_not_noted(text: str, inputs: Any) -> None:
    assert notes(text, **inputs) == []


def test_lines_of_one_form() -> None:
    lines = [f"a{i} = x + {i}" for i in range(200)] + [f"y = {BIG}"]
    assert value("\n".join(lines), x=1) == ("int64", BIG)


@BACKENDS
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = 1e400", float("inf")),
        ("y = -1e400", float("-inf")),
        ("y = 2 / 1_0.5e999", 0.0),
        ("y = minimum(x, 1e309)", 2.0),
        ("a = 1\nb = 2\nc = 3e999\ny = a + b + c", float("inf")),
    ],
)
def test_numbers_beyond_the_range_are_infinite(backend: str, text: str, expected: float) -> None:
    """As Python reads them, with a note once."""
    inputs = {"x": 2} if "x" in text else {}
    assert value(text, backend, **inputs) == ("float64", expected)
    found = [note for note in notes(text, **inputs) if "beyond the range of float64" in note]
    assert len(found) == 1


@pytest.mark.parametrize("number", ["9" * 310, "0x" + "F" * 257])
def test_whole_numbers_beyond_the_range_are_refused(number: str) -> None:
    """Python has no float for them either."""
    with pytest.raises(OverflowError):
        float(int(number, 0))
    with pytest.raises(gc.GraphcalcError, match="too large for a float64"):
        gc.run(f"y = {number}")


def test_one_place_has_one_note() -> None:
    """A node that rounds an input and a written number says so once; two nodes say so twice."""
    assert len(notes(f"y = x - {BIG}", x=BIG + 2)) == 1
    assert len(notes(f"y = x - 1; z = {BIG} + 1", x=BIG + 2)) == 2
    assert len(notes(f"y = {BIG} - {BIG + 2}")) == 1
