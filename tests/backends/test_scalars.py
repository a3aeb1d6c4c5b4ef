"""Graphs of scalars as columns, beside the same one node after the other."""

import operator

from hypothesis import given
from hypothesis import strategies as st

from graphcalc.backends.scalars import ScalarProgram

KERNELS = {1: (operator.neg, abs), 2: (operator.add, operator.mul), 3: (lambda x, y, z: x + y * z,)}


@st.composite
def graphs(draw):
    """Kernels and operands of a graph, None where a value is given."""
    kernels, operands = [None], [()]
    for _ in range(draw(st.integers(0, 60))):
        count = draw(st.integers(0, 3))
        kernels.append(draw(st.sampled_from(KERNELS[count])) if count else None)
        places = st.integers(0, len(operands) - 1)
        operands.append(tuple(draw(places) for _ in range(count)))
    return kernels, operands


@given(graphs(), st.lists(st.floats(-2, 2), min_size=61, max_size=61))
def test_columns_compute_every_node(graph, numbers):
    """Each node is its kernel of its operands' values, with a clock and without."""
    kernels, operands = graph
    expected = []
    for number, kernel, places in zip(numbers, kernels, operands):
        expected.append(number if kernel is None else kernel(*[expected[i] for i in places]))
    flat, heard = ScalarProgram(kernels, operands), []
    assert list(map(repr, flat.run(numbers))) == list(map(repr, expected))
    assert list(map(repr, flat.run_timed(numbers, heard.append))) == list(map(repr, expected))
    assert heard == list(range(len(kernels)))
