"""The engines of rows against each other and against the evaluation of whole columns."""

import io
import math
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.ops import table as table_module
from graphcalc.ops.kernels import polars as polars_kernels
from graphcalc.ops.kernels.totals import TOTALS
from graphcalc.rows import polars_engine
from graphcalc.rows import text_rows as run_module
from graphcalc.rows.engine import Policy
from graphcalc.rows.run import RowOptions, RowRun
from graphcalc.rows.workers import forked, in_order
from graphcalc.source import Source

EDGES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.5,
    -3.5,
    1e-5,
    -1e-9,
    1e16,
    1e300,
    5e-324,
    math.inf,
    -math.inf,
    math.nan,
]
NUMBERS = st.one_of(st.sampled_from(EDGES), st.floats(-100, 100))


def over_rows(program, path, monkeypatch, *, on_polars, **options):
    """The output of a run over a file, by one engine or the other, and what is said of it."""
    monkeypatch.setattr(run_module, "has_polars", lambda: on_polars)
    monkeypatch.setattr(run_module, "LARGE", 0)
    monkeypatch.setattr(run_module, "PART", 200)
    monkeypatch.setattr(polars_engine, "PART", 300)
    out = io.BytesIO()
    run = RowRun(Evaluation(parse([Source(program)]), Options()), RowOptions(str(path), **options))
    summary = run.run(out)
    first = summary.first_odd
    place = None if first is None else (first.source.first_line, first.source.text)
    return out.getvalue(), (summary.rows, summary.failed, summary.odd, place)


@pytest.fixture
def patch():
    """A monkeypatch that hypothesis may use again and again."""
    with pytest.MonkeyPatch.context() as found:
        yield found


def _call(op):
    """A call of an op on columns; None where programs have no such function."""
    names = ["a", "b", "abs(a) + 1"][: len([p for p in op.signature.split(",") if p.strip()])]
    if op.symbol and len(names) == 2:
        return f"a {op.symbol} b"
    if op.name in ("polygamma",):
        return "polygamma(1, a)"
    known = table_module.FUNCTIONS
    return f"{op.name}({', '.join(names)})" if op.name in known else None


ELEMENTWISE = {
    op.name: _call(op)
    for op in table_module.OPS.values()
    if op.kind == "elementwise" and op.name not in ("bitwise_and", "bitwise_or", "bitwise_not")
}
CALLS = {name: text for name, text in ELEMENTWISE.items() if text is not None}


def test_most_ops_have_calls():
    """The engines are compared on all elementwise ops but those that no program can call."""
    assert ELEMENTWISE.keys() - CALLS.keys() == {
        *("clamped_log", "clamped_log1p", "log_odds", "root")
    }


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30))
@pytest.mark.parametrize("name", CALLS)
def test_every_op_on_every_engine(name, values):
    """An elementwise op over rows is what it is of whole columns, in Python and by polars."""
    text, tolerated = CALLS[name], table_module.OPS[name].tolerance
    import tempfile

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = f"{folder}/t.csv"
        with open(path, "w") as file:
            file.write("a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in values))
        columns = {"a": [a for a, _ in values], "b": [b for _, b in values]}
        used = {n: c for n, c in columns.items() if re.search(rf"\b{n}\b", text)}
        expected = gc.run(f"g = {text}", used, backend="python")["g"].tolist()
        for on_polars in (False, True):
            out, _ = over_rows(f"g = {text}", path, patch, on_polars=on_polars, only=True)
            cells = out.decode().split("\n")[1:-1]
            found = [{"true": True, "false": False}.get(c, c) for c in cells]
            tolerance = max(tolerated, 1) * 4e-16 if on_polars and tolerated else 0
            for cell, value in zip(found, expected, strict=True):
                if isinstance(value, bool):
                    assert cell is value
                elif value != value:
                    assert cell == "nan"
                else:
                    assert float(cell) == pytest.approx(value, rel=tolerance, abs=0)
                    assert math.copysign(1, float(cell)) == math.copysign(1, value)


CONSTANTS = ["3", "10", "0.1", "0", "-0.0", "1", "-1", "2", "0.5", "1e-3", "inf", "nan"]


@settings(max_examples=30, deadline=None)
@given(values=st.lists(NUMBERS, min_size=1, max_size=30), data=st.data())
@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "//", "%", "<", ">=", "=="])
def test_constants_on_every_engine(symbol, values, data, tmp_path_factory):
    """An operator with a number of the program on either side gives the same bytes everywhere."""
    constant = data.draw(st.sampled_from(CONSTANTS))
    path = tmp_path_factory.mktemp("constants") / "t.csv"
    path.write_text("a\n" + "".join(f"{a!r}\n" for a in [-0.0, *values, -0.0] * 3))
    program = f"g = a {symbol} ({constant}); h = ({constant}) {symbol} a"
    with pytest.MonkeyPatch.context() as patch:
        found = [over_rows(program, path, patch, on_polars=p, only=True)[0] for p in (False, True)]
    assert found[0] == found[1]


CELLS = st.one_of(
    NUMBERS.map(repr),
    st.sampled_from(
        [
            "1",
            "1.10",
            "+2",
            " 3",
            "4 ",
            '"5"',
            '"6.0"',
            "",
            "x",
            '"',
            'a"b',
            "1_0",
            "٣",
            "1e400",
            "7,8",
            '"x\ny"',
            "NaN",
            "inf",
            "\r",
            "8\r",
        ]
    ),
)
PROGRAMS = [
    "g = a * 2",
    "g = 1 / a; h = a > b",
    "s = sum(a); m = mean(a - b); v = std(b); x = max(a); n = a.shape[0]",
    "z = a - mean(b)",
]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS), max_size=25),
    st.sampled_from(PROGRAMS),
    st.sampled_from(["fail", "null", "skip"]),
    st.sampled_from([None, math.nan]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_engines_agree_on_any_text(cells, program, on_error, missing, end):
    """Whatever the cells are, polars and Python give the same bytes, counts and complaints."""
    import tempfile

    text = "a,b" + end + "".join(f"{a},{b}{end}" for a, b in cells)
    policy = Policy(on_error, missing)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = f"{folder}/t.csv"
        with open(path, "w", newline="") as file:
            file.write(text)
        found = []
        for on_polars in (False, True):
            try:
                out, said = over_rows(program, path, patch, on_polars=on_polars, policy=policy)
                if "sum" in program or "mean" in program:
                    out = _numbers(out)
            except gc.GraphcalcError as error:
                out, said = None, str(error)
            found.append((out, said))
        assert found[0] == found[1]


def _numbers(out):
    """Cells of totals, whose last digits depend on the order of a sum."""
    return [
        pytest.approx(float(c), rel=1e-9, abs=1e-9, nan_ok=True) if _is_number(c) else c
        for line in out.decode().split("\n")
        for c in line.split(",")
    ]


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_a_wrong_kernel_is_noticed(patch, tmp_path):
    """The comparison of the engines fails for a polars kernel that computes something else."""
    patch.setattr(polars_kernels, "sqrt", lambda pl, x: x.sqrt() * 1.0000001, raising=False)
    (tmp_path / "t.csv").write_text("a\n2\n")
    found = [
        over_rows("g = sqrt(a)", tmp_path / "t.csv", patch, on_polars=on_polars)[0]
        for on_polars in (False, True)
    ]
    assert found[0] != found[1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.data())
@pytest.mark.parametrize("name", sorted(TOTALS))
def test_totals_of_parts(name, values, data):
    """The total of rows is that of their parts, wherever they are cut, and torch's of them all."""
    total = TOTALS[name]
    operands = 2 if name == "dot" else 1
    cut = data.draw(st.integers(0, len(values)))
    states = [total.start(*[part] * operands) for part in (values[:cut], values[cut:]) if part]
    state = states[0] if len(states) == 1 else total.join(*states)
    calls = {
        "squares": "sum((x - mean(x))^2)",
        "dot": "x @ x",
        "all": "all(x)",
        "any": "any(x)",
        "count": "count_nonzero(x)",
    }
    expected = gc.run(calls.get(name, f"{name}(x)"), x=values).value
    assert total.finish(state) == pytest.approx(expected, rel=1e-9, abs=1e-6)
    if total.of_series is not None:
        series = [pl.Series(values)] * operands
        assert total.finish(total.of_series(*series)) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_totals_of_no_rows():
    """Of nothing the sum is 0, the product 1, the mean nan."""
    finish = {name: total.finish(None) for name, total in TOTALS.items()}
    assert (finish["sum"], finish["prod"], finish["all"], finish["any"]) == (0, 1, True, False)
    assert math.isnan(finish["mean"])


def test_workers_keep_the_order():
    """Parts come back in their order from any number of processes."""
    for count in (1, 2, 3):
        parts = [b"%d" % i * (i % 7 * 10_000 + 1) for i in range(40)]
        with forked(lambda part: (len(part), part[:2]), count) as start:
            found = list(in_order(iter(parts), start, count))
        assert found == [(len(p), p[:2]) for p in parts]


def test_a_worker_that_dies_is_noticed():
    """A worker that ends without an answer ends the run, not the wait."""
    import os

    def work(part):
        if part == 3:
            os._exit(1)
        return (part,)

    with (
        pytest.raises(gc.LimitError, match="ended from outside"),
        forked(work, 2) as start,
    ):
        list(in_order(iter(range(6)), start, 2))
