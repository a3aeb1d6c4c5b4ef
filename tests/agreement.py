"""Comparisons of values, of runs and of rows that tests share; each raises AssertionError."""

import math
import struct

from graphcalc.backends.base import Settings
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.ops.spec import FLOATS
from graphcalc.source import Source

BACKENDS = ("python", "torch")


def run(text, backend="python", inputs=None, dtype=None, keep=(), **options):
    """Run a program's text on one backend."""
    settings = Settings(backend=backend, dtype=dtype)
    return Evaluation(parse([Source(text)]), Options(settings, **options), keep=keep).run(inputs)


def result(outcome):
    """The value of the last result, as the backend holds it."""
    return outcome.values[outcome.graph.results[-1]]


def value_of(text, backend="python", inputs=None, **options):
    """Return the value of a program's last result: a number, a bool or nested lists."""
    value = result(run(text, backend, inputs, **options))
    return value.tolist() if hasattr(value, "tolist") else value


def shape_of(value):
    """The shape of a backend's value."""
    return tuple(getattr(value, "shape", ()))


def elements(value):
    """The elements of a backend's value in row-major order."""
    if not hasattr(value, "shape"):
        return [value]
    if hasattr(value, "data") and isinstance(value.data, list):
        return value.data
    return value.reshape(-1).tolist()


def flatten(nested):
    """The numbers of nested lists, or of one number."""
    level = [nested]
    while any(isinstance(x, list) for x in level):
        level = [x for part in level for x in (part if isinstance(part, list) else [part])]
    return level


def ordinal(x):
    """Return the rank of a float64 among all of them: neighbours differ by 1, as do -0 and 0."""
    (bits,) = struct.unpack("<q", struct.pack("<d", x))
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF) - 1


def ulps(a, b):
    """Return how many float64 numbers lie between two: 0 for the same one and for two NaN."""
    if a != a or b != b:
        return 0 if a != a and b != b else math.inf
    if math.isinf(a) or math.isinf(b):
        return 0 if a == b else math.inf
    return abs(ordinal(a) - ordinal(b))


def assert_close(actual, expected, tolerance=0, where=""):
    """Two numbers of one type, at most `tolerance` ulp apart (0: the same bits)."""
    assert type(actual) is type(expected), f"{where}: {actual!r} and {expected!r} differ in type"
    if type(expected) is not float:
        assert actual == expected, f"{where}: {actual!r} is not {expected!r}"
        return
    apart = ulps(actual, expected)
    assert apart <= tolerance, f"{where}: {actual!r} is {apart} ulp from {expected!r}"


def assert_typed(outcome):
    """Every kept value has the shape and the dtype that the graph promised."""
    for position, value in outcome.values.items():
        node = outcome.graph.nodes[position]
        where = f"{node.op.name} {node.name}"
        assert shape_of(value) == node.type.shape, (
            f"{where} has shape {shape_of(value)}, not {node.type.shape}"
        )
        if outcome.trace.backend == "torch":
            found = str(value.dtype).removeprefix("torch.")
            assert found == node.type.dtype, f"{where} has dtype {found}, not {node.type.dtype}"
            continue
        kind = float if node.type.dtype in FLOATS else bool if node.type.dtype == "bool" else int
        data = elements(value)
        assert len(data) == math.prod(node.type.shape), f"{where} has {len(data)} elements"
        assert all(type(x) is kind for x in data), f"{where} does not hold {kind.__name__} alone"


def assert_agree(left, right, tolerance=0, where=""):
    """Two runs keep the same nodes with the same shapes, dtypes and, nearly, numbers."""
    assert_typed(left)
    assert_typed(right)
    assert left.values.keys() == right.values.keys()
    for position in left.values:
        a, b = left.values[position], right.values[position]
        name = f"{where} {left.graph.nodes[position].name}"
        assert shape_of(a) == shape_of(b), f"{name}: {shape_of(a)} and {shape_of(b)}"
        for x, y in zip(elements(a), elements(b)):
            assert_close(x, y, tolerance, name)


def assert_same_everywhere(text, inputs=None, tolerance=0, **options):
    """A program gives the same on every backend; the outcomes."""
    outcomes = [run(text, backend, inputs, **options) for backend in BACKENDS]
    assert_agree(outcomes[1], outcomes[0], tolerance, f"{text} {inputs or ''}")
    return outcomes
