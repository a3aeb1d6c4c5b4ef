"""Where NaN comes from: the node that produces it, its operands, its reach, and the remedy."""

import math

import pytest
from agreement import run
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcalc as gc
from graphcalc.analysis.nan_origins import find_origins
from graphcalc.evaluate import Gradients
from graphcalc.graph.text import node_text
from graphcalc.ops.causes import EPS
from graphcalc.ops.table import OPS
from graphcalc.report.nan_origins import as_notes, as_text

BACKENDS = ("python", "torch")


def origins(text, inputs=None, backend="auto", grad=None):
    """The origins of a program's run."""
    gradients = Gradients(grad, None) if grad else None
    outcome = run(text, backend, inputs, gradients=gradients)
    return find_origins(outcome.graph, outcome.program, outcome.inputs)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_first_root_is_blamed(backend):
    """Of two roots the one that met a negative number made the nan; the other passed it on."""
    found = origins("y = sqrt(sqrt(x-2))", {"x": 1.0}, backend=backend)
    (origin,) = found.made
    assert (origin.name, origin.text, origin.kinds) == ("b", "sqrt(a)", "nan")
    assert origin.operands == (("a", -1.0),)
    assert origin.reaches == ("y",)
    assert origin.instead == "sqrt(clamp(a, 0))"
    assert found.passed_on == ("y",)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_trap_of_where_is_told(backend):
    """A branch that is not taken still poisons the gradient; the guarded formula does not."""
    found = origins("y = where(x>0, log(x), 0)", {"x": 0.0}, grad="y", backend=backend)
    forward, backward = found.made
    assert (forward.name, forward.reaches) == ("b", ())
    assert backward.gradient_of == "b = log(x)"
    assert backward.reaches == ("dy/dx",)
    assert "0 * inf" in backward.why
    assert backward.instead == "where(a, log(where(a, x, 1)), 0)"
    fixed = gc.run(f"a = x > 0; y = {backward.instead}", x=0.0, grad="y", backend=backend)
    assert float(fixed.grad["x"]) == 0


# A program, its inputs, the node blamed, and words of the cause; `instead` is finite then.
KNOWN = [
    ("y = log(x)", 0.0, "y", "the logarithm of 0"),
    ("y = log(x)", -1.0, "y", "the logarithm of a negative number"),
    ("y = log1p(x)", -1.0, "y", "the logarithm of 0"),
    ("y = sqrt(x)", -1.0, "y", "the square root of a negative number"),
    ("y = 1/x", 0.0, "y", "a division by 0"),
    ("y = x/x", 0.0, "y", "0 / 0 is nan"),
    ("a = exp(x); y = a - a", 1000.0, "y", "inf - inf is nan"),
    ("a = exp(x); y = a * 0", 1000.0, "y", "0 * inf is nan"),
    ("y = exp(x)", 1000.0, "y", "exp overflows"),
    ("y = x*x", 1e200, "y", "beyond the largest number"),
    ("y = x^0.5", -1.0, "y", "not whole"),
    ("y = x^(-1)", 0.0, "y", "0 to a negative power"),
    ("y = asin(x)", 2.0, "y", "outside of -1 to 1"),
    ("y = atanh(x)", 1.0, "y", "a pole"),
    ("y = acosh(x)", 0.5, "y", "below 1"),
    ("y = gamma(x)", 0.0, "y", "a pole"),
    ("y = x % 0", 3.0, "y", "a remainder of a division by 0"),
    ("a = exp(x); y = sin(a)", 1000.0, "y", "an angle that is infinite"),
    ("y = mean(zeros(0) * x)", 1.0, "y", "a mean of nothing"),
    ("a = exp([x, -x]); y = sum(1/a - a)", 1000.0, "y", "inf - inf in the sum"),
    ("y = sum([1e308, 1e308] * x)", 1.0, "y", "beyond the largest number"),
    ("s = exp([x, 1]) / sum(exp([x, 1])); y = sum(s)", 1000.0, "s", "inf / inf is nan"),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("text", "x", "name", "words"), KNOWN)
def test_known_causes_are_put_into_words(text, x, name, words, backend):
    """What is known to make a nan or an infinity is said in words, on either evaluator."""
    found = origins(text, {"x": x}, backend=backend)
    by_name = {origin.name: origin for origin in found.made}
    assert words in by_name[name].why, by_name[name]


def test_what_to_write_instead_is_finite():
    """A formula that is offered gives a finite number where the old one did not."""
    assert sum(count_finite_offers(text, x) for text, x, *_ in KNOWN) >= 9


def count_finite_offers(text, x):
    """How many formulas are offered instead of a program's, each of which must be finite."""
    outcome = run(text, inputs={"x": x})
    graph = outcome.graph
    offers = [o for o in find_origins(graph, outcome.program, outcome.inputs).made if o.instead]
    for origin in offers:
        known = {
            n.name: outcome.trace.kept(i).value
            for i, n in enumerate(graph.nodes)
            if n.name and f"{n.name}" in origin.instead
        }
        lists = {k: v for k, v in known.items() if k in _names(origin.instead)}
        value = gc.run(origin.instead, lists).value
        numbers = value.tolist() if hasattr(value, "tolist") else [value]
        assert all(math.isfinite(v) for v in numbers), origin.instead
    return len(offers)


def _names(text):
    from graphcalc.syntax import expr as ast
    from graphcalc.syntax.parser import parse_expression_text

    return {n.name for n in ast.postorder(parse_expression_text(text)) if type(n) is ast.Name}


STABLE = {
    "s = exp(x) / sum(exp(x), dim=0)": "softmax(x, dim=0)",
    "s = exp(x) / sum(exp(x))": "softmax(x, dim=0)",
    "s = log(sum(exp(x), dim=0))": "logsumexp(x, dim=0)",
    "s = exp(x) * 2": "exp(x - max(x))",
}


@pytest.mark.parametrize("text", STABLE)
def test_overflows_are_answered_with_the_stable_function(text):
    """An exp inside of a softmax or a logsumexp is answered with that function."""
    first = origins(text, {"x": [1000.0, 1.0]}).made[0]
    assert first.instead == STABLE[text]


LOGARITHMS = {
    "L = log(softmax(z))": "log_softmax(z, dim=0)",
    "L = -log(softmax(z)[2])": "log_softmax(z, dim=0)[2]",
    "p = exp(z - max(z)) / sum(exp(z - max(z))); q = p; L = log(q[1:])": (
        "log_softmax(z, dim=0)[1:]"
    ),
    "L = log(softmax(z).reshape(3, 1).T)": "reshape(log_softmax(z, dim=0), 3, 1).T",
    "L = log(sigmoid(z[2]))": "logsigmoid(z[2])",
    "L = log(1 - sigmoid(z))": "logsigmoid(-z)",
    # Shares of which the logarithm is no log_softmax of z.
    "p = exp(z - z[0]*[1, 0, 1]) / sum(exp(z - z[0]*[1, 0, 1])); L = log(p)": None,
    "p = exp(-z^2) / sum(exp(z - 1000)); L = log(p)": None,
    "L = log(2 - sigmoid(z) - 1)": None,
}


@pytest.mark.parametrize("text", LOGARITHMS)
def test_logs_of_softmax_and_sigmoid_are_answered_with_the_stable_function(text):
    """A log of 0 that comes from such a function is answered with the function of the log."""
    z = [1000.0, 0.0, -1000.0]
    found = [o for o in origins(text, {"z": z}).made if "log(" in o.text]
    wanted = LOGARITHMS[text]
    if wanted is None:
        assert all("softmax(z" not in o.instead for o in found)
        return
    assert found[0].instead.replace("logsigmoid(a)", "logsigmoid(z[2])") == wanted
    value = gc.run(wanted, z=z).value
    assert gc.run("all(isfinite(x))", x=value).value


BACKWARD = [
    ("y = sqrt(x)", 0.0, "y = sqrt(x)", "sqrt(x + 1e-12)"),
    ("y = sum(sqrt([4, 0] * x))", 1.0, "b = sqrt(a)", "sqrt(a + 1e-12)"),
    ("y = cbrt(x)", 0.0, "y = cbrt(x)", "cbrt(x + 1e-12)"),
    ("y = x^0.5", 0.0, "y = x^0.5", "(x + 1e-12)^0.5"),
    ("y = asin(x)", 1.0, "y = asin(x)", ""),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("text", "x", "through", "instead"), BACKWARD)
def test_poles_of_derivatives_are_told(text, x, through, instead, backend):
    """A gradient that is infinite is told by the node whose derivative has a pole."""
    found = origins(text, {"x": x}, grad="y", backend=backend).made[0]
    assert found.gradient_of == through
    assert "the derivative of" in found.why
    assert found.instead == instead
    assert found.reaches == ("dy/dx",)


def test_elements_are_counted_and_the_first_is_named():
    """Of a tensor the elements are counted, and the first is told with its operands."""
    for backend in BACKENDS:
        x = [[4.0, 9.0], [-1.0, 2.0], [-3.0, math.nan]]
        given, made = origins("y = sqrt(x); z = sum(y)", {"x": x}, backend=backend).made
        assert (given.name, given.is_given, given.nan, given.first) == ("x", True, 1, (2, 1))
        assert (made.name, made.nan, made.first) == ("y", 2, (1, 0))
        assert made.operands == (("x", -1.0),)


def test_operands_are_looked_up_where_they_broadcast():
    """The operands' values are those that met in that element."""
    for backend in BACKENDS:
        inputs = {"x": [[1.0], [2.0]], "d": [3.0, 0.0, 1.0]}
        (origin,) = origins("y = x / d", inputs, backend=backend).made
        assert origin.first == (0, 1)
        assert origin.operands == (("x", 1.0), ("d", 0.0))
        assert origin.inf == 2


def test_masks_that_reach_no_result_are_no_alarm():
    """An infinity on purpose, which no result sees, is not reported without being asked for."""
    text = "y = softmax(masked_fill(x, x > 2, -inf), dim=0)"
    assert as_notes(origins(text, {"x": [1.0, 2.0, 3.0]})) == []


def test_bound_values_are_given():
    """What a bound value holds came from outside, whatever made it."""
    (origin, _) = origins("y = x + 1; z = y * 0", {"x": math.inf}).made
    assert (origin.name, origin.is_given, origin.kinds) == ("x", True, "inf")


def test_second_derivatives_have_origins_too():
    """The nodes that `grad` makes are looked at like all others."""
    found = origins("d = grad(sqrt(x), x)", {"x": 0.0}).made
    assert [o.gradient_of for o in found] == ["a = sqrt(x)"] or found[0].kinds == "inf"
    assert found[0].reaches == ("d",)


def test_many_origins_are_counted():
    """A hundred are looked at; the others are counted."""
    text = "\n".join(f"y{i} = {i + 1} / x" for i in range(250))
    found = origins(text, {"x": 0.0})
    assert (len(found.made), found.more) == (100, 150)
    assert "and in 247 more nodes" in as_notes(found)[-1]
    assert "and 230 more" in as_text(found)


def test_finite_runs_have_none():
    """Where every number is finite there is nothing to tell."""
    found = origins("y = x + 1", {"x": 1.0})
    assert found == ([], (), 0, {})
    assert as_text(found) == "every number is finite\n"


NUMBERS = st.sampled_from((0.0, -1.0, 2.5, 1e308, -1e308, 1e-320, math.inf, -math.inf, math.nan))
SHAPES = (
    "x / y",
    "x * y",
    "x - y",
    "log(x) + y",
    "sqrt(x) * y",
    "exp(x) - exp(y)",
    "x ^ y",
    "x % y",
)


@given(
    st.lists(NUMBERS, min_size=3, max_size=3),
    st.lists(NUMBERS, min_size=3, max_size=3),
    st.sampled_from(SHAPES),
)
@settings(max_examples=150, deadline=None)
def test_both_evaluators_tell_the_same(x, y, text):
    """Origins are the same on both backends, and count exactly the elements produced."""
    inputs = {"x": x, "y": y}
    one, other = (origins(f"z = {text}", inputs, backend=b) for b in BACKENDS)
    assert [(o.name, o.nan, o.inf, o.first, o.reaches) for o in one.made] == [
        (o.name, o.nan, o.inf, o.first, o.reaches) for o in other.made
    ]
    assert one.passed_on == other.passed_on
    assert count_nodes_as_told(run(f"z = {text}", inputs=inputs), one)


def count_nodes_as_told(outcome, found):
    """How many elementwise nodes make the NaN and infinities that origins tell, by their trace."""
    graph, trace = outcome.graph, outcome.trace
    compared = 0
    told = {o.name: (o.nan, o.inf) for o in found.made if not o.is_given}
    for position, node in enumerate(graph.nodes):
        if node.is_input or node.op.kind != "elementwise" or node.type.dtype == "bool":
            continue
        columns = [_column(trace.kept(i).value) for i in node.operands]
        nan = inf = 0
        for i, value in enumerate(_column(trace.kept(position).value)):
            met = [c[i] if len(c) > 1 else c[0] for c in columns]
            has_nan = any(m != m for m in met)
            nan += value != value and not has_nan
            inf += math.isinf(value) and not has_nan and not any(map(math.isinf, met))
        assert told.get(node.name, (0, 0)) == (nan, inf), node_text(graph, position)
        compared += 1
    return compared


def _column(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_every_cause_can_be_written(dtype):
    """The texts of the table name operands that the row has."""
    names = [f"x{i}" for i in range(3)]
    for op in OPS.values():
        words = {"op": op.name, "symbol": op.symbol, "eps": EPS[dtype]}
        for cause in op.causes:
            text = cause.instead.format(*names, **words)
            assert not text or gc.parse(text)
            assert "{" not in cause.words.format(*names)
        if op.pole:
            assert gc.parse(op.pole.format(*names, **words))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("sqrt(x)", {"x": -2}),
        ("log(x)", {"x": 0}),
        ("log(x)", {"x": -1}),
        ("log1p(x)", {"x": -1}),
        ("asin(x)", {"x": 2}),
        ("acosh(x)", {"x": 0}),
        ("atanh(x)", {"x": 1}),
        ("1 / x", {"x": 0}),
        ("x / y", {"x": 0, "y": 0}),
        ("5 // x", {"x": 0}),
        ("x^0.5", {"x": -8}),
        ("x^(1/3)", {"x": -8}),
        ("x^-1", {"x": 0}),
    ],
)
def test_advice_gives_a_finite_number(text, inputs, dtype):
    """What is advised is finite for the data that was not, in the dtype of the run."""
    outcome = run(text, "torch", inputs, dtype)
    (made, *_) = find_origins(outcome.graph, outcome.program, outcome.inputs).made
    assert made.instead
    bound = {name: value for name, value in inputs.items() if name in made.instead}
    value = gc.run(made.instead, bound, backend="torch", dtype=dtype).value
    assert math.isfinite(float(value))


@pytest.mark.parametrize(
    "text", ["sqrt(-1)", "a = -1; sqrt(a)", "x / 0", "5 // 0", "log(0)", "(-8)^(1/3)", "asin(2)"]
)
def test_written_numbers_get_no_advice(text):
    """Where no data is the cause there is nothing to guard; of a cube root the function is told."""
    (made, *_) = origins(text, {"x": 1} if "x" in text else {}).made
    assert made.instead == ""
    assert ("cbrt(-8)" in made.why) == ("1/3" in text)
