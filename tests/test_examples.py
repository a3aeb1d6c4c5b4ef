"""The example programs run on every evaluator that can take them."""

import math
from pathlib import Path

import pytest
import torch

import graphcalc as gc

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
# Definitions alone, and a program whose inputs are declared.
LIBRARY, DECLARED = "layers", "transformer"
# A million random numbers and a product of 1000 x 1000 matrices are torch's work.
SLOW_IN_PYTHON = {"exercise"}


def run_example(name, backend, **inputs):
    """The result of an example program."""
    return gc.run((EXAMPLES / f"{name}.gc").read_text(encoding="utf-8"), inputs, backend=backend)


def programs():
    """Every example with each backend that runs it."""
    for path in sorted(EXAMPLES.glob("*.gc")):
        if path.stem in (LIBRARY, DECLARED):
            continue
        yield path.stem, "torch"
        if path.stem not in SLOW_IN_PYTHON:
            yield path.stem, "python"


@pytest.mark.parametrize(("name", "backend"), list(programs()))
def test_an_example_gives_finite_results(name, backend):
    """Every example runs, and none of its results holds a nan or an infinity."""
    result = run_example(name, backend)
    assert result.results
    for record in result.trace.results:
        if record.summary is None:
            assert math.isfinite(record.value)
        else:
            assert (record.summary.nan, record.summary.inf) == (0, 0)


def names_in_python(path):
    """The tensors and numbers that a program of PyTorch names, run by Python itself."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        names = {}
        exec(compile(path.read_text(encoding="utf-8"), path.name, "exec"), names)
    finally:
        torch.set_default_dtype(before)
    return {n: v.detach() for n, v in names.items() if isinstance(v, torch.Tensor)}


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize(
    "path",
    [p for p in sorted(EXAMPLES.glob("*.py")) if "nn.Module" not in p.read_text()],
    ids=lambda path: path.stem,
)
def test_an_example_of_python_gives_what_python_gives(path, backend, capsys):
    """Every tensor that graphcalc shows by name is that of PyTorch."""
    expected = names_in_python(path)
    found = gc.run(path.read_text(encoding="utf-8"), backend=backend)
    shared = expected.keys() & set(found)
    assert shared >= {"y", "out", "g", "loss"} & expected.keys()
    for name in shared:
        value = torch.as_tensor(found[name], dtype=torch.float64)
        torch.testing.assert_close(value, expected[name], rtol=1e-12, atol=1e-12)


TRAINED = {
    "line": ({"update": ["w", "b"], "lr": 0.1, "iterations": 300}, 0.03),
    "logistic": ({"update": ["w", "b"], "lr": 0.5, "iterations": 2000}, 0.402),
    "xor": (
        {
            "update": ["w1", "b1", "w2", "b2"],
            "optimizer": "adam",
            "lr": 0.05,
            "iterations": 300,
        },
        0.02,
    ),
}


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize("name", TRAINED)
def test_an_example_learns(name, backend):
    """A line, a logistic regression and a little network fit their data."""
    options, bound = TRAINED[name]
    text = (EXAMPLES / f"{name}.gc").read_text(encoding="utf-8")
    found = gc.minimize(text, loss="loss", backend=backend, **options)
    assert found.history[-1] < bound < found.history[0]
    if name == "line":
        assert float(found["w"]) == pytest.approx(1.99, abs=1e-3)
        assert float(found["b"]) == pytest.approx(1.04, abs=1e-3)
    if name == "logistic":
        assert float(found["w"]) == pytest.approx(1.5046, abs=1e-3)
        assert float(found["b"]) == pytest.approx(-4.0777, abs=1e-3)
    if name == "xor":
        assert [round(p) for p in found["p"].tolist()] == [0, 1, 1, 0]


def transformer():
    """The declared block behind the library that it calls."""
    texts = [(EXAMPLES / f"{name}.gc").read_text(encoding="utf-8") for name in (LIBRARY, DECLARED)]
    return "".join(texts)


def test_the_transformer_is_checked_without_data():
    """Of the declared block every shape is known in terms of the declared symbols."""
    shapes = {step.name: str(step.shape) for step in gc.check(transformer())}
    assert shapes["h"] == shapes["a"] == shapes["out"] == "(B, T, D)"
    fixed = {step.name: step.shape for step in gc.check(transformer(), B=2, T=5, D=8)}
    assert fixed["out"] == (2, 5, 8)


@pytest.mark.parametrize("backend", ["python", "torch"])
def test_the_transformer_runs_with_data(backend):
    """Bound to data the same block runs, and a later token changes no earlier result."""
    torch = pytest.importorskip("torch")
    make = torch.Generator().manual_seed(0)
    sizes = {"wq": (8, 8), "wk": (8, 8), "wv": (8, 8), "wo": (8, 8), "w1": (8, 32), "w2": (32, 8)}
    sizes |= {"g1": (8,), "b1": (8,), "g2": (8,), "b2": (8,), "x": (2, 5, 8)}
    given = {
        n: torch.randn(s, generator=make, dtype=torch.float64).tolist() for n, s in sizes.items()
    }
    first = torch.tensor(gc.run(transformer(), given, backend=backend)["out"].tolist())
    given["x"][0][4][3] += 1.0
    second = torch.tensor(gc.run(transformer(), given, backend=backend)["out"].tolist())
    assert torch.equal(first[:, :4], second[:, :4])
    assert not torch.equal(first[0, 4], second[0, 4])


@pytest.mark.parametrize("backend", ["python", "torch"])
def test_the_lesson(backend):
    """The lesson's numbers: e = -2, f = -4, g = 8, in the lesson's names."""
    result = run_example("lesson", backend)
    expected = {"a": 2, "b": -4, "c": -2, "d": 2, "e": -2, "f": -4, "g": 8}
    assert {record.name: record.value for record in result.trace} == expected
    assert [r.text for r in result.trace][4:] == ["a + b", "c * d", "e * f"]
    assert result.results == ["g"]


def test_the_exercise_is_small_in_python_too():
    """With n = 20 the exercise gives the same mean on both evaluators."""
    python = run_example("exercise", "python", n=20)["mean_f"]
    torch = float(run_example("exercise", "torch", n=20)["mean_f"])
    assert math.isclose(python, torch, rel_tol=1e-12)


def test_the_network_gives_probabilities():
    """Every row of the network's output is a distribution over the ten classes."""
    p = run_example("mlp", "torch")["p"]
    assert tuple(p.shape) == (64, 10)
    assert p.sum(dim=-1).sub(1).abs().max() < 1e-12


def test_put_and_call_keep_parity():
    """The prices satisfy call - put = spot - discounted strike."""
    r = run_example("black_scholes", "python")
    assert math.isclose(r["call"] - r["put"], r["spot"] - r["discounted"], rel_tol=1e-12)


def test_attention_is_causal():
    """No token attends to a later one, and its weights add up to 1."""
    weights = run_example("attention", "torch", tokens=16)["attention"]
    assert weights.triu(diagonal=1).abs().max() == 0
    assert weights.sum(dim=-1).sub(1).abs().max() < 1e-12


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize(
    ("name", "root", "result", "shape"),
    [("perceptron", "net", "logits", (5, 4)), ("gpt_block", "block", "y", (2, 5, 8))],
)
def test_an_example_with_modules_is_as_in_torch(name, root, result, shape, backend):
    """A module of an example gives what it gives in torch, with the same parameters."""
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    torch.manual_seed(0)
    x = torch.randn(shape)
    names = {"x": x}
    exec(compile(text, name, "exec"), names)
    module = names[root].double()
    inputs = {"x": x.double(), **module.state_dict()}
    found = gc.run(text, inputs, backend=backend)[result]
    if not isinstance(found, torch.Tensor):
        found = torch.tensor(found.tolist(), dtype=torch.float64)
    torch.testing.assert_close(found, module(x.double()).detach(), rtol=1e-10, atol=1e-10)
