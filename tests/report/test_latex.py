"""LaTeX of worked pages: every formula is one that LaTeX and KaTeX read, and says what is meant."""

import latex
import pytest
from hypothesis import given, settings
from strategies import smooth_programs

from graphcalc.evaluate import Evaluation, Gradients, Options, parse
from graphcalc.report.latex import math, prose
from graphcalc.report.steps import as_steps
from graphcalc.source import Source


def page(text, inputs, of):
    """A run's worked page in LaTeX."""
    gradients = None if of is None else Gradients(of, with_locals=True)
    outcome = Evaluation(parse([Source(text)]), Options(gradients=gradients)).run(inputs)
    return as_steps(outcome.trace, "steps-tex")


FORMULAS = {
    "x'1^2": "x_{(1)}^{2}",
    "w_0^2": "w_{0}^{2}",
    "w_0'2^2": "w_{0,(2)}^{2}",
    "x12 + fc1_weight": r"x_{12} + \mathrm{fc}_{1,\mathrm{weight}}",
    "alpha * β_1": r"\alpha \cdot \beta_{1}",
    "größe * 2": r"\text{größe} \cdot 2",
    "_x + y_": r"\text{\_x} + \text{y\_}",
    "[1, 2]": r"\begin{pmatrix} 1 & 2 \end{pmatrix}",
    "[[1, 2], [3, a]]": r"\begin{pmatrix} 1 & 2 \\ 3 & a \end{pmatrix}",
    "where(x > 0, x, 0)": r"\begin{cases} x & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
    "x^-(y - 1)": "x^{-(y - 1)}",
    "x^(y - 1)": "x^{y - 1}",
    "m.T^2": r"{m^{\top}}^{2}",
    "x[0, 1:3]^2": "x_{0,1:3}^{2}",
    "w_0[2]": "{w_{0}}_{2}",
    "1e-05^2": r"(1 \cdot 10^{-5})^{2}",
    "0.333…^2": r"0.333\ldots^{2}",
    "sqrt(abs(x))": r"\sqrt{\left|x\right|}",
    "softmax(x, dim=0)": r"\operatorname{softmax}(x, \mathrm{dim}=0)",
    "not a": r"\lnot a",
    "dy/dx'1": r"\frac{\partial y}{\partial x_{(1)}}",
    "dloss/dw through c, operand 2": (
        r"\frac{\partial \mathrm{loss}}{\partial w}\Big|_{c,\,\text{operand 2}}"
    ),
    "inf": r"\infty",
}


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas(text):
    """Names, numbers, matrices, choices and powers have the notation of mathematics."""
    assert math(text) == FORMULAS[text]
    latex.check_formula(math(text))


PAGES = {
    "names": (
        "x = w_0^2; x = x^2 + beta_1; y = x^2; größe = y*x",
        {"w_0": 2, "beta_1": 1},
        "größe",
    ),
    "choices": ("y = x if x > 1 and not (x > 9) else -x^0.5; z = y^2", {"x": 2.5}, "z"),
    "matrices": ("y = sum((m @ m.T)^2) + sum(m[0] * m[:, 1])", {"m": [[1, 2], [3, 4]]}, "y"),
    "literals": ("y = sum([[1, 2], [3, x]] @ [x, 1] + [[[x]]])", {"x": 2}, "y"),
    "functions": ("y = sqrt(abs(x)) + floor(x) // 2 % 3 + cbrt(x) + log2(x)", {"x": 5}, "y"),
    "words": ("y = sum(cumsum(v, 0) * v) + max(v) + prod(v)", {"v": [1, 3, 2]}, "y"),
    "tiny": ("y = x * 1e-9 / 3", {"x": 2e-9}, "y"),
    "infinite": ("y = x / 0 - inf", {"x": 1}, None),
    "text": ('y = sum(einsum("ij,jk->ik", m, m)^2)', {"m": [[1, 2], [3, 4]]}, "y"),
    "flags": ("y = x > 1; z = (y & ~y) | y; w = y ^ y", {"x": [1, 2]}, None),
    "columns": ('z = col("net_price % & #") * 2', {'col("net_price % & #")': 2}, None),
}


@pytest.mark.parametrize("name", PAGES)
def test_pages(name):
    """Every line of a page is a formula."""
    latex.check_page(page(*PAGES[name]))


@given(smooth_programs())
@settings(max_examples=25, deadline=None)
def test_pages_of_generated_programs(program):
    """So are those of generated programs, whose gradients are of every kind."""
    text, inputs = program
    latex.check_page(page(text, inputs, "loss_"))


def test_remarks_are_text():
    """No character of a remark is one that LaTeX takes for its own."""
    latex.check_formula(rf"\text{{{prose('50% of {a_b} & #1 $x^2 ~ y · z → …')}}}")


@pytest.mark.parametrize(
    "text",
    ["x'_{2}^{2}^{3}", "x_{1}_{2}", r"\frac{a}", "{x", "x}", "a & b", r"\foo", "50%", "größe",
     r"\begin{pmatrix} 1", r"\text{a_b}", "^{2}", r"\left|x", "x^2", r"\\"],
)  # fmt: skip
def test_the_checker_refuses_what_latex_does(text):
    """The grammar has no second superscript, no open group and no unknown command."""
    with pytest.raises(AssertionError):
        latex.check_formula(text)
