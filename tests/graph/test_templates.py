"""Lines that templates stand for: the very graph, values and errors of the ordinary way."""

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lines import assert_as_walked, count_templates
from strategies import programs

import graphcalc as gc
from graphcalc.evaluate import parse
from graphcalc.graph import expansion
from graphcalc.graph.lowering import Binding
from graphcalc.source import Source, Span
from graphcalc.syntax import parser
from graphcalc.syntax.parser import parse_expression

NAMES = ("a", "b", "n1", "n2", "x", "t")
NUMBERS = ("2", "2.0", "0.5", ".5", "1e-3", "0x1F", "1_000", "3.", "1E2", "0", "7")
PLAIN = (
    *("{n} + {n}", "({n} + {n}) * {d}", "{n} * {n}", "sin({n}) - {n} / {d}", "relu({n} - {n})"),
    *("{d}", "-{d}", "-{n}", "{n}", "-{d} * {n}", "--{d}", "+{d}", "{n} ** {d}", "{n}^-{d}"),
    *("not {n}", "{n} < {n}", "{n} < {n} <= {d}", "{n} if {n} > {d} else {n}", "true and {n}"),
    *("relu6({n})", "relu6({n}) + relu6({n})", "relu6({n} * {d}) + 6", "leaky_relu({n})"),
    *("max({n}, {d})", "max({n}, {n})", "where({n}, {n}, {d})", "softplus({n})", "log2({n})"),
    *("f({n})", "f({d})", "g({n}) * g({n})", "h({n})", "h({d})", "k({n}, {d})", "atan2({n}, {n})"),
    *("rand() + {n}", "[{n}, {d}]", "[1, 2] * {n}", "sum({n})", "torch.sin({n})", "math.pi * {n}"),
    *("math.sin({n}) + {n}", "nn.functional.relu({n})", "np.std({n})", "F.leaky_relu({n}, {d})"),
    *("{n} // {n} % {d}", "pow({n}, {d})", "isnan({n})", "float({n} > {d})", "pi * {n}", "-pi"),
    *("clamp({n}, {d}, {d})", "{n} == {d}", "leaky_relu({n}, {d})", "grad({n} * {n}, {n})"),
    *("sum({n} * [{d}, 2], dim=0)", "[[1, {d}], [3, 4]] @ [{n}, -{d}]", "[5, {d}, 7][{d}]"),
    *("reshape([1, {d}, {n}, 4], (2, 2))[1, 0:2]", "zeros({d}, 2) + {n}", "softmax([{n}, {d}], 0)"),
    *("clamp({n}, min={d})", "max([{n}, 1], {d})", "max({n}, {d})", "m({n}, {n}) + m({n}, {n})"),
    *(
        "[1, 2, 3][{d}:] * {n}",
        "one_hot(long({d}) * 0, 4)",
        "sq({n}, {d}) - sq({n}, {d})",
        "-{d} ^ {d}",
    ),
    *("cat([[{n}], [{d}]])", "[{d}, {d}].sum() + {n}", "gelu({n}) - gelu({d})", "(1 < {d}) * {n}"),
)
ODD = (
    *("{n}.T", "{n} @ {n}", "{n}.sin()", "sum({n}, dim={d})", "zeros({d})", "{n}[0]", "{n}.shape"),
    *(
        "col({d})",
        'col("a")',
        "long({d})",
        "nope({n})",
        "{n}({n})",
        "sqrt({n}) | {n}",
        "f",
        "f({n}, 2)",
    ),
    *("{n} == None", "{n} + 1e999", "{n} + missing", "later + {n}", "{n} - -pi", "f({n}, 2)"),
)
OTHERS = (
    *("f(x) = x * x + 2", "f(x, y=2) = x - y", "g(x) = relu6(x) + a", "f(x) = f(x)", "later = 1"),
    *("w: [2]", "t: bool", "x: float64", "n1: [B]", "n2: [2] = [1, 2]", "a, b = split([1, 2], 1)"),
    *(
        "x = (a\n + b)",
        "x = [a,\n\n b]",
        "# only a comment",
        "",
        "  ",
        "x = a \\\n + b",
        "pi = 3",
        "math = 2",
    ),
    *("b = a ? 1", "x = a +", "y = (x", "= 3", "1 2", 'einsum("ij,jk->ik", [[1]], [[2]])'),
    *("x = 'a;b'", "x = a; t = b", "z\u00e9 = 1", "\ufeffx = a"),
)
FUNCTIONS = """m(x, y) = f(x) + f(y)
sq(x, n) = sum([x, n] * [1, n])
f(x) = x * x + 2
g(x) = relu6(x) + 1
h(x) = grad(x^3, x)
k(x, n) = long(n) + x
"""
GAPS = (" ", " ", " ", "", "  ", "\t")
ENDS = ("\n", "\r\n", "\r", ";", " ; ", " # a, b + 2\n", "# it's 'so'\n", ' # "x\n', "\n\n")
VALUES = {"a": 1.5, "b": -2.0, "n1": 0.25, "n2": True, "x": 3.0, "t": [1.0, -2.0], "pi": 3.0}


@st.composite
def lines(draw, forms):
    """One line: one of some forms with names and numbers put in."""
    gap, number = draw(st.sampled_from(GAPS)), st.sampled_from(NUMBERS)
    text = draw(st.sampled_from(forms))
    while "{n}" in text:
        text = text.replace("{n}", draw(st.sampled_from(NAMES)), 1)
    while "{d}" in text:
        text = text.replace("{d}", draw(number), 1)
    text = text.replace(" + ", f"{gap}+{gap}")
    name = draw(st.sampled_from((None, *NAMES, "y", "z", "u", "v", "s", "p")))
    return text if name is None else f"{name}{gap}={gap}{text}"


@st.composite
def texts(draw):
    """Programs of lines that mostly mean something, with ends of lines of all kinds."""
    ends = st.sampled_from(ENDS) if draw(st.booleans()) else st.just("\n")
    line = lines(PLAIN)
    if draw(st.booleans()):
        rare = st.one_of(lines(ODD), st.sampled_from(OTHERS))
        line = st.one_of(*[line] * 9, rare)
    pieces = draw(st.lists(st.tuples(line, ends), min_size=1, max_size=12))
    head = FUNCTIONS if draw(st.integers(0, 7)) else ""
    return head + "".join(text + end for text, end in pieces)


@st.composite
def given_texts(draw):
    """Programs with values for the names that they mention, or for all but some of these."""
    text = draw(texts())
    found = {name: value for name, value in VALUES.items() if re.search(rf"\b{name}\b", text)}
    if draw(st.integers(0, 2)) or "pi" in found:
        found.pop("pi", None)
    left_out = draw(st.sampled_from((None, None, None, *NAMES)))
    found.pop(left_out, None)
    return text, found


@pytest.mark.slow
@settings(max_examples=800)
@given(given_texts(), st.sampled_from((5, 40, 5_000_000, 5_000_000)))
def test_lines_are_what_their_statements_are(program, max_nodes):
    """Templates give the same syntax, node for node the same graph, and the same errors."""
    text, inputs = program
    assume(assert_as_walked(text, inputs, max_nodes=max_nodes))


@pytest.mark.slow
@settings(max_examples=150)
@given(programs())
def test_typed_programs_are_what_their_statements_are(program):
    """So do programs of tensors, which have a value."""
    text, inputs = program
    assert assert_as_walked(text, inputs)


TEXT = "\n".join(f"n{i} = (n{i - 1} - {i}) / n{i - 2}" for i in range(2, 12))


@pytest.mark.parametrize("wrong", ["operands", "place", "constant", "result"])
def test_a_wrong_template_is_found(monkeypatch, wrong):
    """What lines come to is held against the ordinary way: another operand or place shows."""
    given = {"n0": 2.0, "n1": 3.0}
    assert assert_as_walked(TEXT, given)
    lower = expansion.trace_statement

    def spoilt(*arguments):
        found, looked_at = lower(*arguments)
        events = list(found.events)
        if wrong == "operands":
            events[-1] = events[-1]._replace(operands=events[-1].operands[::-1])
        elif wrong == "place":
            events[-1] = events[-1]._replace(where=Span(0, 1))
        elif wrong == "constant":
            events[0] = events[0]._replace(value=-events[0].value)
            return found._replace(events=tuple(events), is_simple=False), looked_at
        else:
            return found._replace(result=found.result - 1), looked_at
        return found._replace(events=tuple(events)), looked_at

    monkeypatch.setattr(expansion, "trace_statement", spoilt)
    with pytest.raises((AssertionError, TypeError)):
        assert_as_walked(TEXT, given)


def test_templates_stand_for_lines_of_all_endings():
    """Comments, gaps, `;` and ends of lines keep no line from its template; brackets may go on."""
    text = "a = x + 1 # y\r\nb = x + 2;c=x*a # it's\rd = (x\n + a)\ne = x + a; t = 'x'\n\nx + 1\n"
    assert count_templates(text) == 5
    assert count_templates("a = x + \\\n 1\nb = x + 2") == 0
    assert count_templates("a = \x01 + 1\n") == 0


def test_a_long_program_is_what_its_statements_are():
    """A program of many lines, from text to values, is what the ordinary way makes of it."""
    lines = [f"v{i} = relu(v{i - 1} * {i % 7}.5) - x" for i in range(1, 300)]
    text = "\n".join(["v0 = 0.5", *lines])
    assert not isinstance(parse([Source(text)]).parts[0], tuple)
    walked, found = (gc.run(p, {"x": 0.25}) for p in (parser.parse_program(Source(text)), text))
    records = [[r._replace(source=r.source.text) for r in run.trace] for run in (found, walked)]
    assert records[0] == records[1]


def test_a_mistake_in_a_long_program_is_where_it_stands():
    """An error in one of many lines points at its own characters."""
    lines = [f"v{i} = x * {i}" for i in range(200)]
    lines[150] = "v150 = x * nope"
    with pytest.raises(gc.GraphcalcError) as caught:
        gc.run("\n".join(lines), x=1)
    (label,) = caught.value.diagnostic.labels
    assert label.source.location(label.span.start) == (151, 12)
    assert label.source.slice(label.span) == "nope"


def test_bindings_replace_assignments_of_lines():
    """A bound name's first assignment is left out, unless it was read before."""
    text = "a = x + 1\nb = a + 2\na = a + x\nb = b + a"
    value = Binding(Source("7"), parse_expression(Source("7")), Span(0, 1))
    for names in ((), ("a",), ("b",), ("a", "b"), ("x",)):
        inputs = {"x": 1.0} if "x" not in names else {}
        assert assert_as_walked(text, inputs, dict.fromkeys(names, value))


@pytest.mark.parametrize("made", ["F = 3", "F = 3\nf(x) = F.elu(x)", "x1: [F]", "math = 2"])
def test_modules_that_are_values(made):
    """Where a module's name is a value, a line and a function that use it mean the value."""
    call = "f" if "f(x)" in made else "math.sin" if "math" in made else "F.elu"
    text = "\n".join([made, *[f"n{i} = {call}(x) - {i}" for i in range(5)], "z = 1 + x"])
    assert assert_as_walked(text, {"x": -0.5} | ({"x1": [1.0, 2.0, 3.0]} if "x1" in made else {}))


@pytest.mark.parametrize("blank", ["\f", "\v", "\u00a0", "\u2028", "\x85", "\x1c"])
def test_lines_of_odd_blanks_are_mistakes(blank):
    """A line of nothing but what Python takes for a blank is refused where it stands."""
    lines = ["a = x + 1", *[f"n{i} = a + {i}" for i in range(60)], blank, "z = a + 5"]
    with pytest.raises(gc.ParseError) as caught:
        gc.run("\n".join(lines), x=1)
    (label,) = caught.value.diagnostic.labels
    assert label.span.start == sum(len(line) + 1 for line in lines[:61])


def test_negated_numbers_are_shown_as_written():
    """A number that happens to equal a named constant is shown as the number."""
    trace = gc.run("a = 2; p = a * -pi; q = a * -3.141592653589793; r = a * -tau").trace
    assert [r.text for r in trace.select(["p", "r"])] == ["a * -pi", "a * -tau"]
    (q,) = gc.run("p = a * pi; q = a * -3.141592653589793", a=2).trace.select(["q"])
    assert q.text == "a * -3.141592653589793"


@pytest.mark.parametrize("repeats", [1, 2, 3])
def test_few_fragments_are_found_out_of_lines_that_seldom_return(repeats, monkeypatch):
    """Lines whose indices differ are lowered in place: finding out a fragment takes longer."""
    found = []
    trace = expansion.trace_statement

    def counted(*arguments):
        found.append(arguments)
        return trace(*arguments)

    monkeypatch.setattr(expansion, "trace_statement", counted)
    count = 120
    lines = [f"y{i} = x[{i // repeats}] * {i}.5 + s" for i in range(count)]
    gc.run("\n".join(lines), x=[float(i) for i in range(count)], s=2.0)
    assert len(found) <= count // 10
