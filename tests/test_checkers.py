"""Every checker of these tests fails when it is given something wrong."""

import math
from pathlib import Path

import pytest
from agreement import assert_agree, assert_close, assert_same_everywhere, assert_typed, run, ulps
from backward import assert_gradients as assert_program_gradients
from functions import assert_like_torch
from gradients import assert_gradients, cases_of
from parse_tables import assert_tables_current

import graphcalc.syntax
from graphcalc.diagnostics import InternalError
from graphcalc.graph.verify import verify
from graphcalc.ops import table
from graphcalc.ops.prelude import COMPOSITES
from graphcalc.ops.spec import Type
from graphcalc.syntax.grammar import read_grammar

INPUTS = {"x": [0.5, 1.5], "y": [2.0, 3.0]}


def replace(monkeypatch, name, **fields):
    """A row with something wrong in it, wherever the table has it."""
    op = table.OPS[name]
    wrong = op._replace(**fields)
    monkeypatch.setitem(table.OPS, name, wrong)
    for called, row in list(table.FUNCTIONS.items()):
        if row is op:
            monkeypatch.setitem(table.FUNCTIONS, called, wrong)


def caught(check, *arguments):
    """Whether a check fails."""
    try:
        check(*arguments)
    except (AssertionError, InternalError):
        return True
    return False


@pytest.mark.parametrize(
    ("name", "text", "kernel"),
    [
        ("add", "x + y", lambda x, y: x + y + 1e-15),
        ("sqrt", "sqrt(x)", lambda x: math.nextafter(math.sqrt(x), 2.0)),
        ("sin", "sin(x)", math.cos),
        ("lt", "x < y", lambda x, y: not x < y),
        ("relu", "relu(x)", lambda x: int(x > 0)),
        ("where", "where(x > 1, x, y)", lambda c, x, y: y if c else x),
    ],
)
def test_a_wrong_kernel_is_found(monkeypatch, name, text, kernel):
    """A Python kernel that is wrong, if only in the last bit or the type, disagrees with torch."""
    used = {n: v for n, v in INPUTS.items() if n in text.split("(")[-1] or n in text.split()}
    tolerance = table.OPS[name].tolerance
    assert not caught(assert_same_everywhere, text, used, tolerance)
    replace(monkeypatch, name, python=kernel, raising="", inline="")
    assert caught(assert_same_everywhere, text, used, tolerance)


def test_a_wrong_array_kernel_is_found(monkeypatch):
    """An array kernel that moves elements to another place disagrees with torch."""
    inputs = {"x": [[1.0, 2.0], [3.0, 4.0]]}
    assert not caught(assert_same_everywhere, "sum(x, dim=0)", inputs)
    replace(monkeypatch, "sum", python=lambda out, x, dims, keepdim: [x.data[0] + x.data[1]] * 2)
    assert caught(assert_same_everywhere, "sum(x, dim=0)", inputs)


@pytest.mark.parametrize(
    "rule",
    [
        lambda dtype, operands, params: Type((2, 2), dtype),
        lambda dtype, operands, params: Type((1,), dtype),
        lambda dtype, operands, params: Type((2,), "bool"),
    ],
)
@pytest.mark.parametrize("backend", ["python", "torch"])
def test_a_wrong_type_rule_is_found(monkeypatch, rule, backend):
    """A rule that gives another shape or dtype than the values have is found on torch and between.

    Python's kernels make what the rule says; torch's do not know it.
    """
    replace(monkeypatch, "exp", type=rule)

    def check():
        outcome = run("exp(x)", backend, {"x": INPUTS["x"]})
        assert_typed(outcome)
        assert_agree(outcome, run("exp(x)", "torch", {"x": INPUTS["x"]}))

    with pytest.raises((AssertionError, IndexError, InternalError)):
        check()


@pytest.mark.parametrize(
    ("name", "order", "vjp"),
    [
        ("tanh", 1, ("g * (1 - out * out) * 1.000001",)),
        # Right once, and wrong when it is differentiated again.
        ("tanh", 2, ("g * detach(1 - out * out)",)),
        ("add", 1, ("g", "2 * g")),
        ("sum", 1, ("zero",)),
    ],
)
def test_a_wrong_derivative_of_a_program_is_found(monkeypatch, name, order, vjp):
    """A wrong derivative disagrees with torch.autograd, if only in the second order."""
    text = "x = [0.5, -1.5]\nloss_ = sum(tanh(x) * x + x)"
    for o in (1, 2):
        assert not caught(assert_program_gradients, text, None, o)
    replace(monkeypatch, name, vjp=vjp)
    for o in (1, 2):
        assert caught(assert_program_gradients, text, None, o) == (o >= order)


def test_a_wrong_shortcut_is_found(monkeypatch):
    """A row that leaves out a node which is not the operand disagrees with torch.autograd."""
    text = "x = [0.5, -1.5]\nloss_ = sum(x / 2)"
    assert not caught(assert_program_gradients, text)
    replace(monkeypatch, "div", identity_operand=lambda types, out, numbers: 0)
    assert caught(assert_program_gradients, text)


def test_a_missing_tolerance_is_found():
    """Numbers a unit in the last place further apart than allowed do not pass."""
    far = math.nextafter(math.nextafter(1.0, 2.0), 2.0)
    assert not caught(assert_close, far, 1.0, 2)
    assert caught(assert_close, far, 1.0, 1)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (0.0, -0.0),
        (math.nan, 1.0),
        (math.inf, -math.inf),
        (math.inf, 1.7976931348623157e308),
        (1.0, True),
        (1.0, 1),
        (True, False),
    ],
)
def test_different_values_do_not_pass_as_close(left, right):
    """Zeros of either sign, nan and numbers, infinities, and other types are told apart."""
    assert caught(assert_close, left, right)
    assert caught(assert_close, right, left)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, math.inf, -math.inf, math.nan, 5e-324, True])
def test_equal_values_pass_as_close(value):
    """Every value is close to itself, nan included."""
    assert not caught(assert_close, value, value)


def test_distances_count_floats():
    """The distance of neighbours is one, across zero and powers of two as well."""
    assert ulps(5e-324, 0.0) == 1
    assert ulps(-5e-324, -0.0) == 1
    assert ulps(1.0, math.nextafter(1.0, 0.0)) == ulps(1.0, math.nextafter(1.0, 2.0)) == 1
    assert ulps(-1.0, 1.0) > 1 << 62
    assert ulps(1.7976931348623157e308, math.inf) == math.inf


def test_a_wrong_gradient_is_found(monkeypatch):
    """A formula of the op table that gives another number than torch.autograd fails."""

    def check():
        (case,) = cases_of("cumsum(randn(4), 0)", "cumsum")
        assert_gradients(case)

    assert not caught(check)
    replace(monkeypatch, "cumsum", vjp=("flip(cumsum(g, dim), dim)",))
    assert caught(check)


@pytest.mark.parametrize(
    ("name", "right", "wrong", "text"),
    [
        ("mse_loss", "square(", "abs(", "mse_loss(randn(3), randn(3))"),
        ("_softmax", "x - _top", "0 * x - _top", "softmax(randn(3), dim=0)"),
        ("layer_norm", "eps=1e-5", "eps=1e-6", "layer_norm(randn(2, 4), [4])"),
    ],
)
def test_a_wrong_composite_is_found(monkeypatch, name, right, wrong, text):
    """A definition of the prelude that means something else than torch's function fails."""
    composite = COMPOSITES[name]
    assert not caught(assert_like_torch, text)
    changed = composite._replace(text=composite.text.replace(right, wrong, 1))
    assert changed != composite
    monkeypatch.setitem(COMPOSITES, name, changed)
    assert caught(assert_like_torch, text)


def test_a_corrupted_graph_is_found():
    """A graph whose node has another type, operand or name than its rule gives fails verify."""
    graph = run("y = x * 2; z = y + 1", "python", {"x": [1.0, 2.0]}).graph
    assert not caught(verify, graph)
    node = graph.nodes[graph.names["y"]]
    for field, wrong in (
        ("type", Type((3,), "float64")),
        ("operands", (graph.names["z"], 0)),
        ("name", "z"),
        ("op", table.OPS["lt"]),
    ):
        right = getattr(node, field)
        setattr(node, field, wrong)
        assert caught(verify, graph), field
        setattr(node, field, right)
    assert not caught(verify, graph)


def test_stale_tables_are_found():
    """Tables of another grammar, and tables with one entry changed, are not current."""
    grammar = read_grammar()
    shipped = (Path(graphcalc.syntax.__file__).parent / "tables.py").read_text(encoding="utf-8")
    assert not caught(assert_tables_current, shipped, grammar)
    assert caught(assert_tables_current, shipped, grammar + "\n// changed\n")
    swapped = grammar.replace('sum "+" product', 'sum "-+" product')
    assert swapped != grammar
    assert caught(assert_tables_current, shipped, swapped)
    assert caught(assert_tables_current, shipped.replace("'add'", "'sub'", 1), grammar)
    assert caught(assert_tables_current, shipped + "\n", grammar)
