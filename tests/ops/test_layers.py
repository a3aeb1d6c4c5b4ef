"""Every layer of torch.nn against torch: values, and gradients by inputs and parameters."""

import inspect
from pathlib import Path

import pytest
import torch
from torch import nn

import graphcalc as gc
from graphcalc.diagnostics import BackendError
from graphcalc.graph.layer_classes import layer
from graphcalc.ops.layers import layers

_CALLS = (Path(__file__).parent / "layer_calls.txt").read_text().splitlines()
# Layers whose derivatives have a constant of float32 in torch.
_FLOAT32_INSIDE = ("CELU", "Hardsigmoid")


def _made(text):
    return eval(text, {"nn": nn, "torch": torch, "randn": _randn})


def _randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def _module(text):
    """A module in float64 and eval mode, with parameters that are not those it starts with."""
    module = _made(f"nn.{text}").double().eval()
    for parameter in module.parameters():
        parameter.data = torch.randn_like(parameter) / 2
    for name, buffer in module.named_buffers():
        if "running" in name:
            buffer.data = torch.rand_like(buffer) + 0.5
    return module


def _bound(module):
    state = module.state_dict().items()
    return {k: v for k, v in state if "num_batches" not in k and not _is_weight_of_loss(module, k)}


def _is_weight_of_loss(module, name):
    return type(module).__name__.endswith("Loss") and "weight" in name


def _first(value):
    return value if torch.is_tensor(value) else value[0]


def _tensor(value):
    if torch.is_tensor(value):
        return value
    return torch.tensor(getattr(value, "tolist", lambda: value)(), dtype=torch.float64)


def _run(text, names, inputs, backend):
    program = f"m = nn.{text}\ny = m({', '.join(names)})"
    try:
        result = gc.run(program, inputs, backend=backend)
    except gc.GraphcalcError as error:
        if backend == "python" and isinstance(error, BackendError):
            return None
        raise
    name = "y" if "y" in result else "y[0]"
    seed = torch.ones(_tensor(result[name]).shape, dtype=torch.float64)
    more = f"\nloss = sum({'y' if name == 'y' else 'y[0]'} * weights)"
    weights = torch.arange(seed.numel(), dtype=torch.float64).reshape(seed.shape) / 7 + 1
    whole = gc.run(program + more, {**inputs, "weights": weights}, backend=backend, grad="loss")
    return _tensor(result[name]), whole.grad, weights


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("backend", ["torch", "python"])
@pytest.mark.parametrize("line", _CALLS)
def test_layer(line, backend):
    torch.manual_seed(0)
    text, written = line.split(" | ")
    module, values = _module(text), [_made(part) for part in written.split(";")]
    names = ["x", "t", "u"][: len(values)]
    inputs = {**dict(zip(names, values)), **_bound(module)}
    found = _run(text, names, inputs, backend)
    if found is None:
        pytest.skip("a function of torch, which the Python backend does not have")
    value, gradients, weights = found
    leaves = [v.clone().requires_grad_(v.is_floating_point()) for v in values]
    if "SoftMargin" in text:
        leaves[1].requires_grad_(False)
    expected = _first(module(*[leaf.clone() for leaf in leaves]))
    assert value.shape == expected.shape
    torch.testing.assert_close(value, expected.detach(), rtol=1e-9, atol=1e-10)
    if expected.requires_grad:
        (expected * weights).sum().backward()
    parameters = [*zip(names, leaves), *module.named_parameters()]
    for name, leaf in parameters:
        if leaf.grad is not None and name in gradients:
            got = _tensor(gradients[name])
            tolerance = 1e-6 if text.startswith(_FLOAT32_INSIDE) else 1e-9
            torch.testing.assert_close(got, leaf.grad, rtol=tolerance, atol=tolerance)
    assert all(name in gradients for name, p in module.named_parameters() if p.grad is not None)


def test_every_layer_has_a_call():
    called = {line.split("(")[0] for line in _CALLS}
    holders = {"ModuleList", "ModuleDict", "ParameterList"}
    public = {name for name in layers() if not name.startswith("_")}
    lacking = public - called - holders
    assert lacking <= {"Dropout1d", "Dropout3d", "FeatureAlphaDropout"}


@pytest.mark.parametrize("name", sorted(n for n in layers() if not n.startswith("_")))
def test_a_constructor_takes_what_that_of_torch_takes(name):
    theirs = inspect.signature(getattr(nn, name).__init__).parameters
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    theirs = {k: p for k, p in theirs.items() if k != "self" and p.kind not in kinds}
    aside = {"device", "dtype", "min_value", "max_value"}
    kind = layer(name)
    method = kind.method("__init__")
    own = [] if method is None else [p.name for p in method[1].parameters[1:]]
    wanted = [k for k in theirs if k not in aside and not k.startswith("_")]
    if name not in ("ModuleList", "ModuleDict", "ParameterList", "Sequential"):
        # Versions of torch differ in whether norms have `bias`.
        assert [k for k in own if k != "bias"] == [k for k in wanted if k != "bias"]
