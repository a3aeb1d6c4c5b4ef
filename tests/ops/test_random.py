import itertools
import math
import struct

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcalc.backends.torch import kernels
from graphcalc.ops.kernels import random, torch_random

KEYS = st.integers(0, (1 << 64) - 1)


def out(*shape):
    return kernels.Out(shape, torch.float64, torch.device("cpu"))


def bits(numbers):
    return struct.pack(f"{len(numbers)}d", *numbers)


def test_generator_gives_the_reference_numbers():
    """Seeded with 1234567, the generator gives the published outputs of SplitMix64."""
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    found = [random.mix((1234567 + (i + 1) * random.GAMMA) % 2**64) for i in range(5)]
    assert found == expected
    assert random.uniform(1234567, 5) == [n // 2**11 / 2**53 for n in expected]


@settings(max_examples=60)
@given(KEYS, st.integers(0, 3000))
def test_uniform_has_the_same_bits_on_torch(key, count):
    """Python and torch make the same uniform numbers, bit for bit."""
    found = torch_random.uniform(torch, out(count), key).tolist()
    assert bits(found) == bits(random.uniform(key, count))


@settings(max_examples=60)
@given(KEYS, st.integers(0, 3000))
def test_normal_has_the_same_bits_on_torch(key, count):
    """Python and torch make the same normal numbers, bit for bit."""
    found = torch_random.normal(torch, out(count), key).tolist()
    assert bits(found) == bits(random.normal(key, count))


def test_tiles_do_not_change_the_numbers():
    """Numbers beyond the first tile are those that Python counts up to."""
    count = (1 << 16) + 1000
    for make, twin in (
        (torch_random.uniform, random.uniform),
        (torch_random.normal, random.normal),
    ):
        assert bits(make(torch, out(count), 99).tolist()) == bits(twin(99, count))


def test_an_element_depends_on_its_index_alone():
    """A longer tensor begins with the shorter one's numbers, and its shape does not matter."""
    assert random.uniform(5, 100)[:10] == random.uniform(5, 10)
    flat = torch_random.normal(torch, out(24), 5)
    assert torch.equal(torch_random.normal(torch, out(2, 3, 4), 5).reshape(-1), flat)


@given(KEYS, st.integers(0, 200))
def test_uniform_lies_in_the_unit_interval(key, count):
    """Uniform numbers are multiples of 2**-53 from 0 to below 1."""
    for x in random.uniform(key, count):
        assert 0.0 <= x < 1.0
        assert (x * 2**53).is_integer()


@pytest.mark.parametrize("key", [0, 1, 2**63, 2**64 - 1, 0xDEADBEEF])
def test_uniform_has_the_moments_of_the_distribution(key):
    """Mean, variance, bins and neighbours of 40,000 uniform numbers are as chance allows."""
    n = 40_000
    x = random.uniform(key, n)
    assert abs(sum(x) / n - 0.5) < 5 * math.sqrt(1 / 12 / n)
    assert abs(sum((v - 0.5) ** 2 for v in x) / n - 1 / 12) < 5 * math.sqrt(1 / 180 / n)
    bins = [0] * 64
    for v in x:
        bins[int(v * 64)] += 1
    expected = n / 64
    assert sum((b - expected) ** 2 / expected for b in bins) < 63 + 6 * math.sqrt(126)
    lag = sum((a - 0.5) * (b - 0.5) for a, b in itertools.pairwise(x)) / n
    assert abs(lag) < 5 / 12 / math.sqrt(n)


@pytest.mark.parametrize("key", [0, 7, 2**64 - 1])
def test_normal_has_the_moments_of_the_distribution(key):
    """Mean, variance, skewness and kurtosis of 40,000 normal numbers are as chance allows."""
    n = 40_000
    x = random.normal(key, n)
    for power, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(sum(v**power for v in x) / n - expected) < 5 * math.sqrt(variance / n)


def quantile(p):
    """The normal quantile at 50 digits."""
    with mpmath.workdps(50):
        return mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.mpf(p) - 1)


@settings(max_examples=150)
@given(st.one_of(st.floats(2**-54, 1 - 2**-53), st.floats(2**-54, 1e-6), st.floats(0.4, 0.6)))
def test_quantile_is_the_normal_distributions(p):
    """The quantile agrees with mpmath to a relative 1e-15 of its scale, on both sides of 1/2."""
    exact = quantile(p)
    # Near 1/2 the quantile is as exact as the distance from it.
    assert abs(random.quantile(p) - exact) <= 1e-15 * max(abs(exact), mpmath.mpf("0.01"))


@given(st.floats(2**-54, 0.999999))
def test_logarithm_of_exact_operations_is_a_logarithm(x):
    """The logarithm made of + - * / alone is the logarithm to 4e-16 of its scale."""
    assert abs(random.log(x) - math.log(x)) <= 4e-16 * max(abs(math.log(x)), 1.0)


def test_extreme_quantiles_are_finite():
    """The least and the greatest uniform number give finite normal numbers of either sign."""
    low = random.quantile(5.551115123125783e-17)
    high = random.quantile(1 - 2**-53)
    assert -8.5 < low < -8.2
    assert 8.1 < high < 8.5


@given(st.integers(0, random.MAX_SEED), st.integers(0, 10_000))
def test_streams_differ(seed, place):
    """Neighbouring seeds and neighbouring nodes have different keys of 64 bits."""
    key = random.stream_key(seed, place)
    assert 0 <= key < 1 << 64
    assert key != random.stream_key(seed, place + 1)
    assert key != random.stream_key(seed + 1, place)


def test_streams_are_not_shifted_copies():
    """The numbers of neighbouring nodes and seeds share no element."""
    keys = [random.stream_key(seed, place) for seed in range(4) for place in range(4)]
    numbers = [x for key in keys for x in random.uniform(key, 500)]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_make_the_same_numbers(threads):
    """However many threads share the work, each element is the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = torch_random.normal(torch, out(100_003), 7)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert bits(found[::997].tolist()) == bits(random.normal(7, 100_003)[::997])
