"""Worked pages: every side of every line is true, in text, Markdown and LaTeX."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SMOOTH_BINARY, SMOOTH_UNARY

import graphcalc as gc
from graphcalc.evaluate import Evaluation, Gradients, Options, parse
from graphcalc.report.steps import as_steps
from graphcalc.source import Source


def page(text, inputs, of=None, format="steps"):
    """A program's page, and its trace."""
    gradients = None if of is None else Gradients(of, with_locals=True)
    outcome = Evaluation(parse([Source(text)]), Options(gradients=gradients)).run(inputs)
    return as_steps(outcome.trace, format), outcome.trace


@st.composite
def scalar_programs(draw):
    """A few statements on numbers, and values for their inputs."""
    numbers = st.floats(-2, 2).map(lambda x: round(x, 2) + 0.25)
    inputs = {name: draw(numbers) for name in ("a", "b")}
    known, lines = ["a", "b"], []
    for place in range(draw(st.integers(1, 5))):
        form = draw(st.sampled_from((*SMOOTH_UNARY, *SMOOTH_BINARY, "{} * 2.5", "1 - {}")))
        one, other = draw(st.sampled_from(known)), draw(st.sampled_from(known))
        known.append(f"v{place}")
        lines.append(f"v{place} = {form.format(one, other)}")
    return "\n".join([*lines, f"loss = {' + '.join(known)}"]), inputs


def number(text, values):
    """What a side of an equation comes to, for known names and derivatives."""
    for name in sorted(values, key=len, reverse=True):
        if "/" in name:
            text = text.replace(name, f"({values[name]!r})")
    text = text.replace("·", "*").replace("…", "")
    used = {
        n: v for n, v in values.items() if re.search(rf"(?<![\w']){re.escape(n)}(?![\w'])", text)
    }
    plain = {n: v for n, v in used.items() if "/" not in n}
    return gc.run(text, plain).value


@given(scalar_programs())
@settings(max_examples=60, deadline=None)
def test_every_side_is_the_same_number(program):
    """On a page of scalars all sides of a line come to the same number."""
    text, inputs = program
    drawn, trace = page(text, inputs, "loss")
    values = {r.name: r.value for r in trace}
    gradients = {f"dloss/d{r.name}": r.gradient.value for r in trace if r.gradient is not None}
    lines = [line.strip() for line in drawn.splitlines() if line.startswith("  ")]
    forward, _, _ = drawn.partition("Backward:")
    assert forward.count("\n  ") == len(trace)
    seen = set()
    for line in lines:
        name, *sides = line.partition("    (")[0].split(" = ")
        name = name.partition(" through ")[0]
        seen.add(name)
        wanted = number(sides[-1], {})
        for side in sides[:-1]:
            if re.search(r"d(?!loss)[\w']+/d", side):
                continue  # local derivatives stand for themselves
            found = number(side, {**values, **gradients})
            assert math.isclose(found, wanted, rel_tol=2e-5, abs_tol=2e-6), (line, side)
        if " through " not in line:
            exact = {**values, **gradients}[name]
            assert math.isclose(wanted, exact, rel_tol=1e-6, abs_tol=1e-9), line
    assert seen == {*values, *gradients}


def test_the_lesson_is_as_it_is_taught():
    """Forward one node a line with its numbers, backward one edge a line with the product."""
    drawn, _ = page("g = (a+b)*(c*d)", {"a": 2, "b": -4, "c": -2, "d": 2}, "g")
    lines = [line.strip() for line in drawn.splitlines()]
    assert "e = a + b = 2 + (-4) = -2" in lines
    assert "f = c * d = -2 * 2 = -4" in lines
    assert "g = e * f = -2 * (-4) = 8" in lines
    assert "dg/da = dg/de · de/da = -4 · 1 = -4" in lines
    assert "dg/dd = dg/df · df/dd = dg/df · c = -2 · (-2) = 4" in lines


def test_several_uses_are_summed():
    """A node that is used twice has a line for each use and one for the sum."""
    drawn, _ = page("y = x*x + 3*x", {"x": 2}, "y")
    lines = [line.strip() for line in drawn.splitlines()][-4:]
    assert lines[-1] == "dy/dx = 3 + 2 + 2 = 7"
    assert all("through" in line for line in lines[:-1])


def test_tensors_show_shapes_and_the_rule():
    """Of tensors the rule is shown in terms of named nodes, and every shape."""
    drawn, _ = page("y = mean(x @ w)", {"x": [[1, 2], [3, 4]], "w": [[1], [2]]}, "y")
    assert "a = x @ w = [[5], [11]]    (shapes (2, 2) @ (2, 1) → (2, 1))" in drawn
    assert "dy/dw = transpose(x) @ dy/da = [[2], [3]]    (shape (2, 1))" in drawn


def test_rules_on_tensors_can_be_computed():
    """The rules of a page are expressions of the language, and give the gradients."""
    text = "h = tanh(x @ w + b); p = softmax(h, dim=1); loss = mean((p - t)^2)"
    inputs = {
        "x": [[0.5, -1.0], [1.5, 0.25]],
        "w": [[0.1, -0.4], [0.7, 0.2]],
        "b": [0.1, 0.2],
        "t": [[1, 0], [0, 1]],
    }
    drawn, trace = page(text, inputs, "loss")
    known = {r.name: r.value for r in trace}
    wanted = {f"dloss/d{r.name}": r.gradient.value for r in trace if r.gradient is not None}
    names = {name: f"g{i}_" for i, name in enumerate(wanted)}
    checked = 0
    for line in drawn.splitlines():
        head, *sides = line.strip().partition("    (")[0].split(" = ")
        if head not in wanted or not sides or sides[0][:1] in "[-0123456789":
            continue
        rule = sides[0]
        for name in sorted(names, key=len, reverse=True):
            rule = rule.replace(name, names[name])
        given = {**known, **{names[n]: v for n, v in wanted.items()}}
        used = {n: v for n, v in given.items() if re.search(rf"\b{n}\b", rule)}
        found = gc.run(f"{rule} + 0", used).value
        assert _near(found, wanted[head]), line
        checked += 1
    assert checked >= 6


def _near(found, wanted):
    one = [x for row in [found.tolist()] for x in _flat(row)]
    return all(math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-12) for x, y in zip(one, _flat(wanted)))


def _flat(value):
    return [x for part in value for x in _flat(part)] if isinstance(value, list) else [value]


@pytest.mark.parametrize("format", ["steps-md", "steps-tex"])
def test_other_formats_have_the_same_lines(format):
    """Markdown and LaTeX have a line for every line of the text."""
    inputs = {"x_1": 2, "alpha": 1}
    text = "y = sqrt(x_1*sin(alpha))/2^x_1; z0 = y*floor(y); y = y*y; w = z0 + y + 1e-9"
    plain, _ = page(text, inputs, "w")
    drawn, _ = page(text, inputs, "w", format)
    count = len([line for line in plain.splitlines() if line.startswith("  ")])
    marked = r"^\d+\. `" if format == "steps-md" else r"^  .*&"
    assert len([line for line in drawn.splitlines() if re.match(marked, line)]) == count


def test_latex_is_well_formed():
    """Braces balance, environments close, and nothing special is left as it is."""
    text = "a_b = softmax(x, dim=0); y = sum(a_b * 1e-9) % 3; z = y^2 if y > 0 else -y^0.5"
    drawn, _ = page(text, {"x": [1.0, 2.0]}, "z", "steps-tex")
    depth = 0
    for character in re.sub(r"\\[{}]", "", drawn):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert drawn.count(r"\begin{align*}") == drawn.count(r"\end{align*}") == 2
    assert not re.search(r"(?<!\\)[#%]|…|·|→", drawn)
    assert not re.search(r"(?<![\\}\)\]|\w'])_", drawn)


def test_without_gradients_there_is_the_forward_pass_alone():
    """A page of a run without gradients ends after the forward pass."""
    drawn, _ = page("y = 2*x", {"x": 3})
    assert drawn == "Forward:\n  x = 3\n  y = 2 * x = 2 * 3 = 6\n"


def test_gradients_of_moves_are_in_words():
    """Where a gradient is one of an inner op, the page says in words what it is."""
    text = (
        "y = sum(x[1:] * 2) + prod(x[0]); u = sum(unfold(x, 0, 2, 1)); c = sum(cumprod(x, 0)); "
        "k = sum(conv1d(x, w)); z = y + u + c + k + sum(detach(x))"
    )
    drawn, _ = page(text, {"x": [[1.0, 2.0], [3.0, 4.0]], "w": [[[1.0], [2.0]]]}, "z")
    for inner in ("unindex", "refold", "recur", "conv_input", "conv_weight"):
        assert inner not in drawn
    for words in ("0 elsewhere", "windows", "other elements", "taken as a constant"):
        assert words in drawn


def test_latex_of_names_and_calls():
    """Names have subscripts, versions do not clash with powers, functions have LaTeX's own."""
    text = "x = w_0^2; x = x^2 + beta_1; y = sqrt(abs(x))^-(x - 1) + asin(x / 50); z = y <= 2"
    drawn, _ = page(text, {"w_0": 1.5, "beta_1": 2.0}, None, "steps-tex")
    for piece in (r"w_{0}^{2}", r"\beta_{1}", r"\left|x\right|", r"\sqrt{", r"y \le 2"):
        assert piece in drawn
    assert r"\arcsin(" in drawn
    drawn, _ = page("x = 3; x = x + 1; y = x^2; z = 2^x", {}, None, "steps-tex")
    assert r"x &= x_{(1)} + 1" in drawn
    assert r"y &= x^{2}" in drawn
    assert r"z &= 2^{x}" in drawn


def test_the_formula_of_a_derivative_has_numbers():
    """A local derivative is shown as a formula, with its numbers, and as their value."""
    drawn, _ = page("a = f / h; z = a^2", {"f": 3, "h": 2}, "z")
    assert "dz/da · (-(a / h)) = 3 · (-(1.5 / 2)) = 3 · (-0.75) = -2.25" in drawn


@pytest.mark.parametrize(
    ("program", "inputs", "line"),
    [
        ("y = a^b", {"a": 3, "b": 2}, "dy/da = b * (a^(b - 1)) = 2 * (3^(2 - 1)) = 6"),
        ("y = atan2(a, b)", {"a": 1, "b": 2}, "dy/da = b / ((b * b) + (a * a)) = "),
        ("y = xlogy(a, b)", {"a": 3, "b": 1}, "dy/da = xlogy(1, b) = xlogy(1, 1) = 0"),
        # Where a number of the formula is what decides, the cases are shown.
        ("y = clamp(a, 0, 1)", {"a": 3}, "dy/da = where((0 < a) and (a < 1), 1, 0) = "),
    ],
)
def test_formulas_of_the_case_that_holds(program, inputs, line):
    """A derivative is shown without the cases of its formula that do not hold."""
    assert f"  {line}" in page(program, inputs, "y")[0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("F.pad(x, (1, 1))", "without what is around x"),
        ("diag(x)", "at the elements of the diagonal, 0 elsewhere"),
        ("tril(x)", "on and below the diagonal, 0 elsewhere"),
        ("triu(x)", "on and above the diagonal, 0 elsewhere"),
        ("roll(x, 1)", "rolled back"),
    ],
)
def test_words_for_moves(call, words):
    """What a move does to a gradient is said in words, and no inner call is shown."""
    text = page(f"a = {call}; y = a.sum()", {"x": [[1, 2], [3, 4]]}, "y")[0]
    assert f"(dy/da {words}; shape (2, 2))" in text
    assert "pad=(-" not in text


@pytest.mark.parametrize(
    ("program", "inputs", "lines"),
    [
        (
            "p = a * w; q = b * w; c = p + q; y = sum(c * c)",
            {"a": [1, 2], "b": [3, 4], "w": [1, 3]},
            (
                "dy/dp = dy/dc = ",
                "dy/dq = dy/dc = ",
                "dy/da = dy/dp * w = ",
                "dy/db = dy/dq * w = ",
            ),
        ),
        ("e = f * x; y = sum(e * f)", {"f": [1, 2], "x": [3, 4]}, ("dy/df through e = dy/de * x",)),
        (
            "p = x^2; y = p + 3",
            {"x": 2},
            ("dy/dx = dy/dp · dp/dx = dy/dp · (2 * x) = 1 · (2 * 2)",),
        ),
    ],
)
def test_lines_name_the_gradient_of_the_node_that_reads(program, inputs, lines):
    """Equal gradients are one node, and each line has the name of the one that it goes on from."""
    drawn, _ = page(program, inputs, "y")
    for line in lines:
        assert f"  {line}" in drawn
