"""The shortcuts that a backward pass takes change no bit."""

import math

import pytest
from strategies import SPECIAL

from graphcalc.graph.builder import Builder
from graphcalc.graph.ir import Limits
from graphcalc.ops.spec import Type, parameters
from graphcalc.ops.table import OPS
from graphcalc.source import Source, Span

WHERE = Source("x"), Span(0, 1)
# Rows on numbers that have a shortcut.
ROWS = [op for op in OPS.values() if op.identity_operand is not None and op.kind == "elementwise"]


def same(x, y):
    """The same number to the last bit; one nan is like another."""
    return (x != x and y != y) or (x == y and math.copysign(1, x) == math.copysign(1, y))


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_a_shortcut_is_the_same_number(op):
    """Where a node is left out, the operand taken for it is what the kernel gives, always."""
    count, taken = len(parameters(op)), 0
    is_bool = op.name.startswith("logical")
    for place in range(count):
        for number in (0.0, -0.0, 1.0, -1.0, 2.0, math.inf, math.nan, True, False):
            builder = Builder("float64", Limits(100, 1 << 20))
            type_ = Type((), "bool" if is_bool else "float64", not is_bool)
            operands = [
                builder.add(OPS["input"], (), (type_, f"x{i}"), WHERE, is_shared=False)
                for i in range(count)
            ]
            operands[place] = builder.constant(number, WHERE)
            found = builder.add_simplified(op, operands, (), WHERE)
            if builder.nodes[found].op is op:
                continue
            taken += 1
            assert builder.nodes[found].type == op.type(
                "float64", tuple(builder.nodes[i].type for i in operands), ()
            )
            for value in (True, False) if is_bool else SPECIAL:
                values = [value] * count
                values[place] = number
                instead = values[operands.index(found)]
                assert same(op.python(*values), instead), (op.name, values)
    assert taken


def test_numbers_are_computed_at_once():
    """An operation on written numbers alone becomes a number, in its own dtype."""
    builder = Builder("float64", Limits(100, 1 << 20))
    three, zero = (builder.constant(x, WHERE) for x in (3.0, 0.0))
    found = builder.nodes[builder.add_simplified(OPS["sub"], [three, three], (), WHERE)]
    assert found.params == (Type((), "float64", True), (0.0,))
    found = builder.nodes[builder.add_simplified(OPS["eq"], [three, zero], (), WHERE)]
    assert found.params == (Type((), "bool"), (False,))
    found = builder.nodes[builder.add_simplified(OPS["div"], [three, zero], (), WHERE)]
    assert found.params[1] == (math.inf,)


def test_a_tensor_of_one_number_counts_as_the_number():
    """An operation on tensors that one number fills is done once; `1 * x` is x for these too."""
    builder = Builder("float64", Limits(100, 1 << 20))
    half, two = (builder.constant(x, WHERE) for x in (0.5, 2.0))
    filled = builder.add(OPS["expand"], (half,), ((3,),), WHERE)
    assert (
        builder.nodes[builder.add_simplified(OPS["mul"], [filled, two], (), WHERE)].op.name == "mul"
    )
    builder.nodes[filled].derivative_of = (builder.nodes[half], 0)
    builder.shared["mul", ()].pop((filled, two))
    ones = builder.add_simplified(OPS["mul"], [filled, two], (), WHERE)
    builder.nodes[ones].derivative_of = (builder.nodes[half], 0)
    assert builder.nodes[ones].op is OPS["expand"]
    assert builder.nodes[builder.nodes[ones].operands[0]].params[1] == (1.0,)
    x = builder.add(OPS["input"], (), (Type((3,), "float64"), "x"), WHERE)
    assert builder.add_simplified(OPS["mul"], [ones, x], (), WHERE) == x
    row = builder.add(OPS["input"], (), (Type((1,), "float64"), "row"), WHERE)
    assert builder.nodes[builder.add_simplified(OPS["mul"], [ones, row], (), WHERE)].type.shape == (
        3,
    )


def test_what_values_can_tell_apart_stays():
    """`0*x` and `x + 0` are computed: of nan and of -0 they are not what they seem."""
    builder = Builder("float64", Limits(100, 1 << 20))
    x = builder.add(OPS["input"], (), (Type((), "float64"), "x"), WHERE)
    zero = builder.constant(0.0, WHERE)
    for name in ("mul", "add", "sub"):
        found = builder.add_simplified(OPS[name], [zero, x], (), WHERE)
        assert builder.nodes[found].op is OPS[name]
