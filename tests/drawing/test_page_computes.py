"""The evaluator of pages in a browser, against the Python evaluator."""

import math
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from html_pages import page_of

import graphcalc as gc
from graphcalc.drawing import page as page_package
from graphcalc.ops.kernels.javascript_special import source_of
from graphcalc.ops.spec import arity
from graphcalc.ops.table import OPS

EXAMPLES = Path(__file__).parents[2] / "examples"
# Functions of JavaScript's Math that differ from C's by an ulp, and what is made of them. All
# others have the same bits.
ROUNDED = {
    *("pow", "exp", "exp2", "expm1", "log", "clamped_log", "clamped_log1p", "log_odds", "log2"),
    *("log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh"),
    *("tanh", "asinh", "acosh", "atanh", "sigmoid", "logsigmoid", "softplus", "hypot", "erf"),
    *("erfc", "cbrt", "logaddexp", "xlogy", "sinc", "gamma", "lgamma", "digamma", "erfinv"),
}
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 3.0, 6.0, 28.5, 1e16, 1e300, 1e-310, -1e300)
SPECIAL += (math.inf, -math.inf, math.nan)
WITH_JS = sorted(op.name for op in OPS.values() if op.js and op.kind == "elementwise")
# It has a static argument, and a test of its own.
WITH_JS.remove("polygamma")
COMPARED = """(cases) => cases.map(([source, calls]) => {
  const found = new Function(`return ${source}`)();
  return calls.map(operands => {
    const value = found(...operands);
    return Object.is(value, -0) ? "-0" : String(value);
  });
})"""


def read(text):
    """A number as JavaScript writes it."""
    words = {"true": 1.0, "false": 0.0, "Infinity": math.inf, "-Infinity": -math.inf}
    return words[text] if text in words else float(text)


def bits(value):
    """What tells numbers apart: NaN are all the same, 0 and -0 are not."""
    value = float(value)
    return "nan" if math.isnan(value) else (value, math.copysign(1, value))


def differs(name, found, expected):
    """Whether a value is not the expected one, of a function with this name."""
    found, expected = float(found), float(expected)
    if bits(found) == bits(expected):
        return False
    if name not in ROUNDED or not (math.isfinite(found) and math.isfinite(expected)):
        return True
    return abs(found - expected) > 1e-12 * abs(expected) + 1e-322


def compared(browser, calls):
    """The calls whose value in a browser is not Python's: of (name, operands, value)."""
    cases = {}
    for name, operands, _ in calls:
        cases.setdefault(name, []).append(
            [v if isinstance(v, bool) else float(v) for v in operands]
        )
    page = browser.new_page()
    found = page.evaluate(
        COMPARED, [[source_of(OPS[name].js), listed] for name, listed in cases.items()]
    )
    page.close()
    answers = {name: iter(texts) for name, texts in zip(cases, found)}
    wrong = []
    for name, operands, expected in calls:
        value = read(next(answers[name]))
        if differs(name, value, expected):
            wrong.append((name, operands, expected, value))
    return wrong


def calls_of_functions():
    """Calls of every function on random and special numbers, with the values of its kernel."""
    chosen = random.Random(1)
    calls = []
    for name in WITH_JS:
        for _ in range(150):
            operands = [
                chosen.choice(SPECIAL)
                if chosen.random() < 0.35
                else chosen.gauss(0, 1) * 10 ** chosen.choice((-8, -3, 0, 0, 1, 2))
                for _ in range(arity(OPS[name]))
            ]
            if name.startswith("bitwise"):
                operands = [v > 0 for v in operands]
            calls.append((name, operands, OPS[name].python(*operands)))
    return calls


def test_each_function_has_the_values_of_its_kernel(browser):
    assert compared(browser, calls_of_functions()) == []


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on PATH")
def test_each_function_has_the_values_of_its_kernel_in_node():
    def written(value):
        return str(value).lower() if isinstance(value, bool) else repr(float(value))

    calls = calls_of_functions()
    sources = ",".join(f"{name}:{source_of(OPS[name].js)}" for name in WITH_JS)
    listed = ",".join(f"F.{n}({','.join(map(written, xs))})" for n, xs, _ in calls)
    script = (
        f"const inf=Infinity,nan=NaN,F={{{sources}}};"
        f"console.log([{listed}].map(v=>Object.is(v,-0)?'-0':String(v)).join(' '))"
    )
    answer = subprocess.run(["node", "-"], input=script, capture_output=True, text=True, check=True)
    values = map(read, answer.stdout.split())
    wrong = [c for c, value in zip(calls, values, strict=True) if differs(c[0], value, c[2])]
    assert wrong == []


def test_polygamma_has_the_values_of_its_kernel(browser):
    page = browser.new_page()
    xs = [0.1, 0.5, 1.0, 3.25, 12.0, 200.0, 1e6, -0.5, -2.75, -8.1]
    for n in (0, 1, 2, 3, 8, 30):
        found = page.evaluate(f"xs => xs.map(({source_of(OPS['polygamma'].js)})({n}))", xs)
        assert found == pytest.approx([OPS["polygamma"].python(x, n) for x in xs], rel=1e-12)
    page.close()


def test_a_wrong_function_is_noticed(browser, monkeypatch):
    monkeypatch.setitem(OPS, "relu", OPS["relu"]._replace(js="x=>x>0?x:0"))
    wrong = compared(browser, [("relu", [-0.0], -0.0), ("relu", [1.0], 1.0)])
    assert [name for name, *_ in wrong] == ["relu"]
    assert differs("tanh", 1.0, 1.0 + 1e-11)
    assert not differs("tanh", 1.0, 1.0 + 1e-15)
    assert differs("add", 1.0, 1.0 + 1e-15)


UNARY = [n for n in WITH_JS if arity(OPS[n]) == 1 and OPS[n].access == "call" and not OPS[n].symbol]
BINARY = ("add", "sub", "mul", "div", "pow", "remainder", "floor_divide")
PAIRS = ("minimum", "maximum", "atan2", "hypot", "fmod", "copysign", "fmax", "xlogy", "logaddexp")


def scalar_program(chosen, is_exact):
    """A program of scalars with three inputs; only functions with the same bits, if wanted."""
    names, lines = ["a", "b", "c"], []
    left_out = ROUNDED if is_exact else set()
    unary = [n for n in UNARY if not n.startswith(("is", "bitwise")) and n not in left_out]
    for number in range(6):
        x, y, z = (chosen.choice(names) for _ in range(3))
        kind = chosen.randrange(4)
        if kind == 0:
            text = f"{chosen.choice(unary)}({x})"
        elif kind == 1:
            symbols = [OPS[n].symbol for n in BINARY if n not in left_out]
            text = f"{x} {chosen.choice(symbols)} {y}"
        elif kind == 2:
            pair = [n for n in PAIRS if n not in left_out]
            text = f"{chosen.choice(pair)}({x}, {y})"
        else:
            text = f"{x} * 0.5 if {y} {chosen.choice(('<', '>=', '=='))} {z} else {y} - {x}"
        names.append(f"n{number}")
        lines.append(f"n{number} = {text}")
    total = " + ".join(names)
    return "\n".join([*lines, f"y = {total}"])


def program_of(trace):
    """The values of a graph, and its calls with the values of their operands."""
    nodes = trace.graph.nodes
    values = [trace.value(i) for i in range(len(nodes))]
    return [
        (node.op.name, [values[i] for i in node.operands], values[p])
        for p, node in enumerate(nodes)
        if node.operands and node.op.name != "polygamma"
    ]


WHOLE = """([functions, code]) => {
  const values = compute(code, functions.map(f => new Function(`return ${f}`)()));
  return values.map(v => Object.is(v, -0) ? "-0" : String(v));
}"""


@pytest.fixture(scope="module")
def evaluator(browser):
    """A function that computes a program in a browser, with the evaluator of a page."""
    source = Path(page_package.__file__).with_name("compute.js").read_text("utf-8")
    source = source[source.index("function") :]
    page = browser.new_page()
    source = source.replace("(leaves)", "(leaves, FUNCTIONS)")
    page.evaluate("s => {window.compute = new Function(`return ${s}`)()}", source)
    yield lambda functions, code: page.evaluate(WHOLE, [functions, code])
    page.close()


@pytest.mark.parametrize("total", [50, pytest.param(500, marks=pytest.mark.slow)])
def test_generated_programs(browser, evaluator, total):
    """Values and gradients: each node from its operands, and whole programs of exact functions."""
    chosen = random.Random(total)
    calls, count = [], 0
    for number in range(total):
        inputs = {n: chosen.choice((chosen.gauss(0, 2), 1.5, -2.0, 3.0)) for n in "abc"}
        text = scalar_program(chosen, is_exact=number % 2 == 0)
        trace = gc.run(text, inputs, grad="y").trace
        graph = trace.graph
        if not all(OPS[node.op.name].js for node in graph.nodes if node.operands):
            continue
        count += 1
        found = program_of(trace)
        calls += found
        names = {name: i for i, name in enumerate(dict.fromkeys(name for name, *_ in found))}
        if ROUNDED.isdisjoint(names):
            code = [
                [names[node.op.name], int(node.type.dtype == "bool"), *node.operands]
                if node.operands
                else float(trace.value(p))
                for p, node in enumerate(graph.nodes)
            ]
            values = evaluator([source_of(OPS[name].js) for name in names], code)
            expected = [bits(trace.value(p)) for p in range(len(graph.nodes))]
            assert [bits(read(v)) for v in values] == expected, text
    assert count >= 0.9 * total
    assert compared(browser, calls) == []


CASES = {
    "lesson": ((EXAMPLES / "lesson.gc").read_text("utf-8"), {}, "g", {}),
    "prices": ((EXAMPLES / "black_scholes.gc").read_text("utf-8"), {}, "call", {}),
    "truth values": ("y = (a > 0 and c) * a + b * 2", {"a": 2, "b": 3, "c": True}, "y", {}),
    "digits": ("y = tanh(a / 3) ^ 2 * 1e-5", {"a": 2}, "y", {"digits": 3}),
    "not finite": ("y = log(a) / a + exp(1000)", {"a": 0}, "y", {}),
    "several uses": ("y = a * a + a / (-3) - relu(-a)", {"a": -2}, "y", {}),
    "no gradient": ("y = a * -b", {"a": -2, "b": -0.0}, None, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_pages_compute_what_they_show(browser, name):
    """A page that is computed again with the same inputs has the same texts everywhere."""
    program, inputs, target, options = CASES[name]
    page = browser.new_page()
    page.set_content(page_of(program, inputs, target, **options))
    page.wait_for_selector("#controls")
    page.keyboard.press("End")
    before = page.evaluate("document.body.outerHTML")
    page.click("#note button")
    assert page.evaluate("document.body.outerHTML") == before
    page.close()
