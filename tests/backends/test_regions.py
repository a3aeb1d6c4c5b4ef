"""Regions of elementwise nodes, tile by tile, beside the same nodes one after the other."""

import contextlib
import math
import random
from unittest import mock

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import programs
from test_agreement import ROWS, call_of, operands_of

from graphcalc.backends import regions
from graphcalc.backends.base import NullObserver, Settings
from graphcalc.backends.regions import steps_of
from graphcalc.backends.torch import TorchProgram, deferred, program, statistics, tiles
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.source import Source


class Whole(NullObserver):
    """An observer that wants every value whole, so that every node is computed alone."""

    needs_values = True


class Statistics(NullObserver):
    """An observer that keeps all there is to know."""

    def __init__(self):
        self.values, self.summaries = {}, {}

    def wants(self, position):
        """Of every node."""
        return True

    def observe(self, position, value):
        """Keep a copy."""
        self.values[position] = value.clone()

    def observe_summary(self, position, summary):
        """Keep it."""
        self.summaries[position] = summary


@contextlib.contextmanager
def tiny(tile=24, smallest=1):
    """Regions of any size, in tiles of so many bytes."""
    with (
        mock.patch.object(regions, "SMALLEST", smallest),
        mock.patch.object(tiles, "TILE_BYTES", tile),
        mock.patch.object(tiles, "BLOCK", 1),
    ):
        yield


@contextlib.contextmanager
def far_away():
    """The host as if it were another device, whose values are brought over."""
    with contextlib.ExitStack() as stack:
        for module in (program, deferred, statistics, tiles):
            stack.enter_context(mock.patch.object(module, "is_host", return_value=False))
        yield


def graph_of(text, inputs):
    evaluation = Evaluation(parse([Source(text)]), Options(Settings("torch")))
    values, described = evaluation.describe_inputs(
        {n: v for n, v in inputs.items() if v is not None}
    )
    return evaluation.graph(described), values


def everything(graph):
    return frozenset(range(len(graph)))


def same(left, right):
    return left.dtype == right.dtype and torch.equal(
        torch.nan_to_num(left, nan=7.25) if left.is_floating_point() else left,
        torch.nan_to_num(right, nan=7.25) if right.is_floating_point() else right,
    )


def assert_alike(found, expected, folds=()):
    """Values by position are equal bit by bit, those of folds to twelve digits."""
    assert found.keys() == expected.keys()
    for p, value in expected.items():
        if p in folds:
            torch.testing.assert_close(found[p], value, rtol=1e-12, atol=0, equal_nan=True)
        else:
            assert same(found[p], value), (p, found[p], value)


def folds_of(graph):
    return {p for p, node in enumerate(graph.nodes) if regions.is_fold(graph, node)}


@settings(max_examples=200)
@given(programs(), st.sampled_from((8, 24, 1 << 20)))
def test_tiles_change_nothing(made, tile):
    """Every node of a program has the same bits, whether regions are cut into tiles or not."""
    text, inputs = made
    graph, values = graph_of(text, inputs)
    with tiny(tile):
        prepared = TorchProgram(graph, Settings("torch"), everything(graph))
        found = prepared.run(values, NullObserver())
        assert_alike(found, prepared.run(values, Whole()), folds_of(graph))


@settings(max_examples=100)
@given(programs())
def test_what_is_not_kept_is_computed_in_buffers(made):
    """Results alone come out the same when everything else is in buffers used again."""
    text, inputs = made
    graph, values = graph_of(text, inputs)
    with tiny():
        prepared = TorchProgram(graph, Settings("torch"), frozenset(graph.results))
        found = prepared.run(values, NullObserver())
        assert_alike(found, prepared.run(values, Whole()), folds_of(graph))


@settings(max_examples=100)
@given(programs())
def test_steps_are_in_order(made):
    """Each node is computed in one step, after what it reads and before it is released."""
    graph, _ = graph_of(*made)
    kept = frozenset(graph.results)
    with tiny():
        steps = steps_of(graph, kept)
    computed = [p for s in steps for p in ((s.position,) if s.region is None else s.region.members)]
    assert sorted(computed) == list(range(len(graph)))
    there = set()
    for step in steps:
        region = step.region
        reads = graph.nodes[step.position].operands if region is None else region.operands
        assert there >= set(reads)
        there |= set(step.made)
        assert there >= set(step.released)
        there -= set(step.released)
    assert there == kept


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", ROWS)
def test_every_row_in_tiles(name, dtype):
    """Every elementwise row gives in tiles, in and out of buffers, what it gives of the whole."""
    draw = random.Random(name)
    operands = operands_of(name)
    low, high = (0, 2) if name.startswith("bitwise") else (-3, 3)
    inputs = {o: [draw.uniform(low, high) for _ in range(384)] for o in operands}
    arrays = {o: torch.tensor(v, dtype=dtype) for o, v in inputs.items()}
    if name.startswith("bitwise"):
        arrays = {o: v.long() for o, v in arrays.items()}
    graph, values = graph_of(f"a = {call_of(name, operands)}; r = where(a != 0, a, 1)", arrays)
    with tiny(512):
        prepared = TorchProgram(graph, Settings("torch"), frozenset(graph.results))
        assert_alike(prepared.run(values, NullObserver()), prepared.run(values, Whole()))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", ROWS)
def test_rows_under_other_default_dtypes(name, dtype):
    """torch's default dtype, which a program that imports graphcalc may set, changes nothing."""
    draw = random.Random(name)
    operands = operands_of(name)
    inputs = {o: [draw.uniform(0, 2) for _ in range(8)] for o in operands}
    arrays = {o: torch.tensor(v, dtype=dtype) for o, v in inputs.items()}
    if name.startswith("bitwise"):
        arrays = {o: v.long() for o, v in arrays.items()}
    graph, values = graph_of(f"r = {call_of(name, operands)}", arrays)
    prepared = TorchProgram(graph, Settings("torch"), frozenset(graph.results))
    before = torch.get_default_dtype()
    found = []
    for default in (torch.float32, torch.float64):
        torch.set_default_dtype(default)
        try:
            found.append(prepared.run(values, NullObserver()))
        finally:
            torch.set_default_dtype(before)
    assert_alike(*found)


@pytest.mark.parametrize("layout", ["rows", "columns", "single", "transposed", "strided"])
def test_operands_of_other_shapes_and_strides(layout):
    """Operands that broadcast or are not contiguous are cut along the first dimension."""
    x = torch.randn(37, 5, dtype=torch.float64)
    y = {
        "rows": torch.randn(37, 1).double(),
        "columns": torch.randn(5).double(),
        "single": torch.randn(1, 1).double(),
        "transposed": torch.randn(5, 37).double().T,
        "strided": torch.randn(74, 5).double()[::2],
    }[layout]
    graph, values = graph_of("z = (x + y)^2; w = z * y - x; s = sum(w)", {"x": x, "y": y})
    with tiny(64):
        observer = Statistics()
        prepared = TorchProgram(graph, Settings("torch"), frozenset(graph.results))
        found = prepared.run(values, observer)
    torch.testing.assert_close(found[graph.names["s"]], ((x + y) ** 2 * y - x).sum())
    z = observer.summaries[graph.names["z"]]
    own = (x + y) ** 2
    assert (z.minimum, z.maximum) == (own.min(), own.max())
    assert z.mean == pytest.approx(own.mean().item(), rel=1e-13)


ODD = [math.nan, math.inf, -math.inf, 1e308, -1e308, 1e-320, 0.5, -2.0, 3.0, 0.0]


@pytest.mark.parametrize("away", [False, True], ids=["host", "device"])
@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.sampled_from(ODD) | st.floats(-9, 9), min_size=1, max_size=60))
def test_statistics_in_tiles(away, values):
    """The statistics of a node are those of its finite elements, and count all others."""
    graph, given_ = graph_of("y = x * 1.0; z = y + 0", {"x": numpy.array(values)})
    observer = Statistics()
    with tiny(16), far_away() if away else contextlib.nullcontext():
        prepared = TorchProgram(graph, Settings("torch"), frozenset())
        prepared.run(given_, observer)
    finite = [v for v in values if math.isfinite(v)]
    found = [*observer.summaries.items()]
    large = [p for p, v in observer.values.items() if v.dim()]
    assert found or large
    for _, summary in found:
        assert summary.nan == sum(map(math.isnan, values))
        assert summary.inf == sum(map(math.isinf, values))
        if not finite:
            assert summary[:3] == (None, None, None)
            continue
        assert (summary.minimum, summary.maximum) == (min(finite), max(finite))
        mean = math.fsum(v / len(finite) for v in finite)
        scale = max(map(abs, finite))
        assert summary.mean == pytest.approx(mean, rel=1e-12, abs=1e-13 * scale + 1e-322)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1.0, 3e4, 1e36, 1e308])
def test_statistics_of_large_tensors(dtype, scale):
    """Large tensors of every dtype and magnitude have the mean and extremes of their elements."""
    x = torch.rand(600_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.25
    x = (x * min(scale, torch.finfo(dtype).max / 2)).to(dtype)
    found = statistics.summarize(x)
    wide = x.to(torch.float64)
    assert (found.minimum, found.maximum) == (wide.min(), wide.max())
    share = (wide / x.numel()).sum().item()
    assert found.mean == pytest.approx(share, rel=1e-6 if dtype is not torch.float64 else 1e-12)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "amax", "amin"])
@pytest.mark.parametrize("tile", [8, 80, 4096, 1 << 20])
def test_reductions_do_not_depend_on_tiles(name, tile):
    """A reduction of everything is the same to twelve digits for tiles of any size."""
    x = torch.randn(1001, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    graph, values = graph_of(f"y = {name}(x * 3); k = {name}(x + 1, keepdim=True)", {"x": x})
    with tiny(tile):
        found = TorchProgram(graph, Settings("torch"), everything(graph)).run(
            values, NullObserver()
        )
    kind = getattr(torch, name)
    torch.testing.assert_close(found[graph.names["y"]], kind(x * 3), rtol=1e-12, atol=0)
    assert found[graph.names["k"]].shape == (1,)
    torch.testing.assert_close(found[graph.names["k"]][0], kind(x + 1), rtol=1e-12, atol=0)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
def test_reductions_of_what_is_not_finite(name, odd):
    """A nan or an infinity anywhere in a reduction comes out as torch has it."""
    x = torch.ones(100, dtype=torch.float64)
    x[57] = odd
    graph, values = graph_of(f"y = {name}(x * 2)", {"x": x})
    with tiny():
        found = TorchProgram(graph, Settings("torch"), everything(graph)).run(
            values, NullObserver()
        )
    torch.testing.assert_close(found[graph.names["y"]], getattr(torch, name)(x * 2), equal_nan=True)


def test_sums_of_float32_are_gathered_in_float64():
    """A sum of many equal float32 numbers is right to its last digit."""
    x = torch.full((3_000_000,), 0.1, dtype=torch.float32)
    graph, values = graph_of("s = sum(x); m = mean(x)", {"x": x})
    found = TorchProgram(graph, Settings("torch"), everything(graph)).run(values, NullObserver())
    exact = float(numpy.float32(0.1))
    assert found[graph.names["s"]] == torch.tensor(exact * 3_000_000, dtype=torch.float32)
    assert found[graph.names["m"]] == torch.tensor(exact, dtype=torch.float32)


def test_statistics_of_a_device_come_over_together():
    """Small values and statistics of large ones are the same when a device has to be asked."""
    x = torch.randn(5000, dtype=torch.float64)
    text = "y = cumsum(x * 2, 0); s = mean(y); b = y > 0; t = [s, 2*s]; n = cumsum(x, 0)"
    graph, values = graph_of(text, {"x": x})
    here, there = Statistics(), Statistics()
    for observer, place in ((here, contextlib.nullcontext()), (there, far_away())):
        with place:
            TorchProgram(graph, Settings("torch"), frozenset()).run(values, observer)
    for p, summary in there.summaries.items():
        own = here.summaries.get(p) or statistics.summarize(here.values[p])
        assert summary._replace(mean=0) == own._replace(mean=0)
        assert summary.mean == pytest.approx(own.mean, rel=1e-12)
    small = {p for p, node in enumerate(graph.nodes) if node.type.numel <= 1000}
    assert small <= there.values.keys()
    for p in small:
        torch.testing.assert_close(there.values[p], here.values[p], rtol=1e-12, atol=0)


class Gathered:
    """A sink that puts parts together."""

    def __init__(self, count):
        self.data = torch.full((count,), math.nan, dtype=torch.float64)

    def put(self, place, part):
        """The elements from a place on."""
        flat = part.reshape(-1)
        self.data[place : place + flat.numel()] = flat


def test_sinks_take_results_in_parts():
    """A result with a sink goes there in parts, in its order, and is not kept."""
    x = torch.arange(50, dtype=torch.float64).reshape(10, 5)
    graph, values = graph_of("y = x * 2; z = y + 1; w = y; s = flip(x, 0)", {"x": x})
    sinks = {graph.names[n]: Gathered(50) for n in "yzws"}
    with tiny():
        prepared = TorchProgram(graph, Settings("torch"), frozenset(sinks))
        assert prepared.run(values, NullObserver(), sinks) == {}
    flat = x.reshape(-1)
    for name, expected in (
        ("y", flat * 2),
        ("z", flat * 2 + 1),
        ("w", flat * 2),
        ("s", x.flip(0).reshape(-1)),
    ):
        assert torch.equal(sinks[graph.names[name]].data, expected), name


def test_a_value_that_only_a_region_reads_is_nowhere_whole():
    """A long chain over a large array fits into the memory of its input and its result."""
    import graphcalc as gc

    text = "; ".join(f"x{i} = sin(x{i - 1}) + 1" for i in range(1, 30))
    size = 1_000_000
    found = gc.run(text, x0=numpy.ones(size), backend="torch", max_memory=17 * size)
    assert found["x29"].shape == (size,)
    with pytest.raises(gc.LimitError):
        gc.run(text, x0=numpy.ones(size), backend="torch", max_memory=15 * size)


def test_a_clock_is_told_of_every_node():
    """The clock hears of each computed node once, those of a region together."""
    graph, values = graph_of("y = x * 2 + 1; s = cumsum(y, 0); t = s * s", {"x": torch.ones(100)})
    clock = mock.Mock()
    with tiny():
        prepared = TorchProgram(graph, Settings("torch"), frozenset(graph.results))
        prepared.run(values, NullObserver(), None, clock)
    heard = {call.args[0] for call in clock.call_args_list}
    spread = {p for call in clock.spread.call_args_list for p in call.args[0]}
    assert heard | spread == set(range(len(graph)))
    assert not heard & spread


def test_a_wrong_tile_is_found():
    """A kernel that spoils one element of a tile makes the comparison fail."""
    graph, values = graph_of("y = x * 2; z = y + 1", {"x": torch.ones(100, dtype=torch.float64)})

    def spoiled(x, y, out=None):
        torch.mul(x, y, out=out)
        out[-1] += 1
        return out

    with tiny():
        prepared = TorchProgram(graph, Settings("torch"), everything(graph))
        expected = prepared.run(values, Whole())
        with mock.patch.object(torch, "mul", spoiled):
            wrong = TorchProgram(graph, Settings("torch"), everything(graph))
        with pytest.raises(AssertionError):
            assert_alike(wrong.run(values, NullObserver()), expected)


@pytest.mark.parametrize("name", [name for name in ROWS if not name.startswith("bitwise")])
def test_single_numbers_of_another_dtype_last_for_all_tiles(name):
    """An operand of one element that is cast is the same in every tile, whatever is computed."""
    operands = operands_of(name)
    inputs = {o: torch.linspace(0.1, 0.9, 384, dtype=torch.float64) for o in operands}
    call = call_of(name, [f"({o} * n)" for o in operands])
    text = f"a = {call}; b = sqrt(x1 + n); c = cbrt(x1 * n); r = where(a != n, a, 1) + b + c"
    inputs |= {"n": torch.tensor(3), "x1": torch.linspace(0, 1, 384, dtype=torch.float64)}
    graph, values = graph_of(text, inputs)
    with tiny(512):
        prepared = TorchProgram(graph, Settings("torch"), frozenset(graph.results))
        assert_alike(prepared.run(values, NullObserver()), prepared.run(values, Whole()))


def test_sinks_of_what_is_read_again():
    """A value with a sink that other steps read is there for them, and goes to the sink too."""
    x = torch.arange(50, dtype=torch.float64)
    graph, values = graph_of("y = x * 3; m = mean(y); s = y - m; c = cumsum(y, 0)", {"x": x})
    sinks = {graph.names[n]: Gathered(50) for n in "ysc"}
    with tiny():
        prepared = TorchProgram(graph, Settings("torch"), frozenset(sinks))
        prepared.run(values, NullObserver(), sinks)
    y = x * 3
    for name, expected in (("y", y), ("s", y - y.mean()), ("c", y.cumsum(0))):
        torch.testing.assert_close(sinks[graph.names[name]].data, expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_torchs_own_threads_stay_as_they_were(threads):
    """A run with a number of threads leaves torch's own number alone, and gives the same."""
    import graphcalc as gc

    before, x = torch.get_num_threads(), torch.linspace(0, 1, 300_000)
    found = gc.run("y = x * 2 + 1; s = mean(y)", x=x, threads=threads, keep=["y"])
    assert torch.get_num_threads() == before
    assert torch.equal(found["y"], x * 2 + 1)


def test_inference_mode_holds_in_all_threads():
    """Tensors of torch's inference mode are computed with inside of it."""
    import graphcalc as gc

    with torch.inference_mode():
        x = torch.ones(600_000)
        assert gc.run("y = x * 2 + 1; s = sum(y)", x=x, threads=2)["s"] == 1_800_000


def test_many_threads_call_one_program():
    """A compiled program that several threads call at once gives each its own results."""
    from concurrent.futures import ThreadPoolExecutor

    import graphcalc as gc

    program = gc.compile("y = x * 2 + 1; s = sum(y)", keep=["y"])

    def call(i):
        return program(x=torch.full((300_000,), float(i)))

    with ThreadPoolExecutor(4) as pool:
        for i, found in enumerate(pool.map(call, range(12))):
            assert found["s"] == 300_000 * (2.0 * i + 1)
            assert bool((found["y"] == 2.0 * i + 1).all())


def test_memory_is_used_again_when_nobody_has_it():
    """A large result keeps its memory as long as anything refers to it, and no longer."""
    import graphcalc as gc

    program = gc.compile("y = x * 2 + 1", keep=["y"], trace="results")

    def call(value):
        return program(x=torch.full((1_500_000,), float(value)))["y"]

    first = call(1)
    part = first[10:20]
    second = call(2)
    assert first.data_ptr() != second.data_ptr()
    place = second.data_ptr()
    del first, second
    third = call(3)
    assert third.data_ptr() == place
    assert part.tolist() == [3.0] * 10
    assert bool((third == 7.0).all())
