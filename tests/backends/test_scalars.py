"""Graphs of scalars in layers, beside the same node by node."""

import operator

from hypothesis import given
from hypothesis import strategies as st

from graphcalc.backends.scalars import Flat, Layers

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
def test_layers_change_nothing(graph, numbers):
    """A graph in layers gives every node the same value, in the order of the nodes."""
    kernels, operands = graph
    flat = Flat(kernels, operands)
    given_ = [n if k is None else None for n, k in zip(numbers, kernels)]
    expected = flat.run(given_)
    layers = Layers(flat, smallest=0)
    assert layers.is_wide
    assert list(map(repr, layers.run(given_))) == list(map(repr, expected))
    heard = []
    assert list(map(repr, flat.run_timed(given_, heard.append))) == list(map(repr, expected))
    assert heard == [p for p, kernel in enumerate(kernels) if kernel is not None]


def test_a_wide_graph_that_runs_again_gives_the_same():
    """The first run, the second, which arranges the layers, and the third agree."""
    kernels = [None] * 100 + [operator.add] * 400 + [operator.mul] * 400
    operands = [()] * 100 + [(i % 100, (i * 7) % 100) for i in range(400)]
    operands += [(100 + i, 100 + (i * 3) % 400) for i in range(400)]
    flat = Flat(kernels, operands)
    first, second, third = (flat.run([float(i) for i in range(900)]) for _ in range(3))
    assert first == second == third


def test_a_chain_has_no_layers():
    """Where every node waits for the one before, layers are not worth their while."""
    flat = Flat([None] + [operator.neg] * 50, [()] + [(i,) for i in range(50)])
    assert not Layers(flat).is_wide
    assert flat.run([1.0] * 51) == flat.run([1.0] * 51)
