"""Classes of modules as they are written for torch, against torch."""

import math
from pathlib import Path

import pytest
import torch
from running import graphcalc
from torch import nn

import graphcalc as gc

_BLOCKS = (Path(__file__).parent / "module_classes.txt").read_text().split("\n=====\n")


class ModuleCase:
    """A class as it is pasted: what makes it, and the values that it is called with."""

    def __init__(self, block):
        head, self.text = block.strip("\n").split("\n", 1)
        self.name, self.maker, self.written = head.split(" | ")

    def values(self):
        """The values that it is called with, in float64."""
        torch.manual_seed(1)
        found = [eval(part, {"torch": torch, "randn": torch.randn}) for part in self._parts()]
        return [v.double() if v.is_floating_point() else v for v in found]

    def _parts(self):
        return self.written.split(";")

    def module(self):
        """The module that torch makes of it, with other parameters than it starts with."""
        space = {"torch": torch, "nn": nn, "F": nn.functional, "math": math}
        exec(self.text, space)
        torch.manual_seed(0)
        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            made = eval(self.maker, space).double().eval()
        finally:
            torch.set_default_dtype(default)
        for parameter in made.parameters():
            parameter.data = torch.randn_like(parameter) / 2
        for name, buffer in made.named_buffers():
            if "running" in name:
                buffer.data = torch.rand_like(buffer) + 0.5
        return made


CASES = [ModuleCase(block) for block in _BLOCKS]


def _tensor(value):
    if torch.is_tensor(value):
        return value
    return torch.tensor(getattr(value, "tolist", lambda: value)(), dtype=torch.float64)


def _state(module):
    named = [*module.named_parameters(), *module.named_buffers()]
    return {k: v.detach() for k, v in named if "num_batches" not in k}


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_class_computes_what_it_does_in_torch(case, backend):
    module, values = case.module(), case.values()
    names = ["x", "t"][: len(values)]
    program = f"{case.text}\nnet = {case.maker}\ny = net({', '.join(names)})\nloss = (y * y).sum()"
    double = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        expected = module(*values)
    finally:
        torch.set_default_dtype(double)
    (expected * expected).sum().backward()
    inputs = {**dict(zip(names, values)), **_state(module)}
    result = gc.run(program, inputs, backend=backend, grad="loss")
    torch.testing.assert_close(_tensor(result["y"]), expected.detach(), rtol=1e-9, atol=1e-9)
    for name, parameter in module.named_parameters():
        found = _tensor(result.grad[name])
        torch.testing.assert_close(found, parameter.grad, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_parameters_have_the_names_and_shapes_of_a_state_dict(case):
    module, values = case.module(), case.values()
    names = ["x", "t"][: len(values)]
    program = f"{case.text}\nnet = {case.maker}\ny = net({', '.join(names)})"
    result = gc.run(program, dict(zip(names, values)), init=True)
    shapes = {record.name: tuple(record.shape) for record in result.trace}
    wanted = {name: tuple(p.shape) for name, p in module.named_parameters()}
    assert {name: shapes.get(name) for name in wanted} == wanted


_NET = """
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.fc = nn.Linear(d, 2)
    def forward(self, x):
        return self.fc(x)
"""


def _names(program, **inputs):
    result = gc.run(program, inputs, init=True)
    return [name for name in result.names if "." in name]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("y = Net(1)(x)", ["fc.weight", "fc.bias"]),
        ("net = Net(1)\ny = net(x)", ["fc.weight", "fc.bias"]),
        ("net = Net(1)\ny = net(x) + net(2*x)", ["fc.weight", "fc.bias"]),
        ("net = Net(1)\ny = net.forward(x)", ["fc.weight", "fc.bias"]),
        (
            "a = Net(1)\nb = Net(1)\ny = a(x) + b(x)",
            ["a.fc.weight", "a.fc.bias", "b.fc.weight", "b.fc.bias"],
        ),
        (
            "y = Net(1)(x) + Net(1)(x)",
            ["fc.weight", "fc.bias", "net2.fc.weight", "net2.fc.bias"],
        ),
        ("fc1 = nn.Linear(1, 2, bias=False)\ny = fc1(x)", ["fc1.weight"]),
        ("y = nn.Linear(1, 2)(x)", ["linear1.weight", "linear1.bias"]),
        (
            "y = nn.Linear(2, 1)(nn.Linear(1, 2)(x))",
            ["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"],
        ),
        ("y = nn.Sequential(nn.ReLU(), nn.Linear(1, 1))(x)", ["1.weight", "1.bias"]),
        (
            "net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())\ny = net(x)",
            ["net.0.weight", "net.0.bias"],
        ),
        (
            "ls = [nn.Linear(1, 1, bias=False) for _ in range(2)]\ny = ls[1](ls[0](x))",
            ["ls.0.weight", "ls.1.weight"],
        ),
        ("f = nn.Linear(1, 1, bias=False)\ng = nn.ReLU()\ny = g(f(x))", ["f.weight"]),
    ],
)
def test_names(lines, expected):
    found = _names(_NET + lines, x=torch.ones(3, 1, dtype=torch.float64))
    assert sorted(n for n in found if n.endswith(("weight", "bias"))) == sorted(expected)


def test_a_module_alone_is_bound_by_names_with_and_without_its_own():
    x = torch.ones(1, 1, dtype=torch.float64)
    program = _NET + "net = Net(1)\ny = net(x)"
    weight, bias = torch.ones(2, 1).double(), torch.ones(2).double()
    for prefix in ("", "net."):
        inputs = {"x": x, f"{prefix}fc.weight": weight, f"{prefix}fc.bias": bias}
        assert _tensor(gc.run(program, inputs)["y"]).tolist() == [[2, 2]]


def test_a_shared_weight_is_one_parameter():
    program = (
        "class T(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.a = nn.Linear(2, 2, bias=False)\n"
        "        self.b = nn.Linear(2, 2, bias=False)\n"
        "        self.b.weight = self.a.weight\n"
        "    def forward(self, x):\n"
        "        return self.b(self.a(x))\n"
        "y = T()(x)"
    )
    weight = torch.tensor([[1.0, 2], [3, 4]], dtype=torch.float64)
    x = torch.tensor([1.0, 1], dtype=torch.float64)
    for name in ("a.weight", "b.weight"):
        result = gc.run(program, {"x": x, name: weight})
        assert _tensor(result["y"]).tolist() == (weight @ (weight @ x)).tolist()


def test_drawn_parameters_are_distributed_as_those_of_torch():
    program = "fc = nn.Linear(400, 500)\ne = nn.Embedding(500, 400)\ny = fc(e(x))"
    result = gc.run(program, x=[0], init=True, seed=3, keep=["fc.weight", "e.weight"])
    drawn = _tensor(result["fc.weight"])
    assert 0.0499 < drawn.abs().max() <= 0.05
    assert abs(drawn.std() - nn.Linear(400, 500).weight.std()) < 2e-4
    assert abs(_tensor(result["e.weight"]).std() - 1) < 0.01
    again = gc.run(program, x=[0], init=True, seed=3, keep=["fc.weight"])
    assert (_tensor(again["fc.weight"]) == drawn).all()
    other = gc.run(program, x=[0], init=True, seed=4, keep=["fc.weight"])
    assert (_tensor(other["fc.weight"]) != drawn).any()


@pytest.mark.parametrize(
    ("call", "std"),
    [
        ("normal_(w, 0, 0.02)", 0.02),
        ("normal_(w, mean=0, std=0.5)", 0.5),
        ("uniform_(w, -1, 1)", 1 / math.sqrt(3)),
        ("xavier_uniform_(w)", math.sqrt(2 / 700)),
        ("xavier_normal_(w, gain=2)", 2 * math.sqrt(2 / 700)),
        ("kaiming_uniform_(w, nonlinearity='relu')", math.sqrt(2 / 300)),
        ("kaiming_normal_(w, mode='fan_out', nonlinearity='relu')", math.sqrt(2 / 400)),
        ("trunc_normal_(w, std=0.1)", 0.1),
        ("constant_(w, 3)", 0),
        ("zeros_(w)", 0),
    ],
)
def test_functions_of_init(call, std):
    program = (
        f"fc = nn.Linear(300, 400)\nnn.init.{call.replace('(w', '(fc.weight')}\ny = fc(ones(300))"
    )
    result = gc.run(program, init=True, keep=["fc.weight"])
    assert abs(_tensor(result["fc.weight"]).std() - std) <= 0.01 * std


@pytest.mark.parametrize(
    "call",
    [
        "nn.L1Loss(size_average=False)(x, x)",
        "nn.MaxPool1d(2, return_indices=True)(x)",
        "nn.Embedding(2, 3, max_norm=1)(x)",
        "nn.Conv1d(1, 1, 1, padding_mode='circular')(x)",
        "nn.MultiheadAttention(4, 2, kdim=3)(x, x, x)",
        "nn.BatchNorm1d(3).train()(x)",
    ],
)
def test_what_is_not_computed_is_refused(call):
    with pytest.raises(gc.GraphcalcError) as caught:
        gc.run(f"y = {call}", x=[[1, 2, 3]], init=True)
    assert caught.value.diagnostic.labels[0].source.text.startswith("y = ")


_MASKED = "m = nn.MultiheadAttention(8, 2, batch_first=True)\ny = m(x, x, x, {})"


@pytest.mark.parametrize(
    ("word", "mask"),
    [
        ("attn_mask", torch.triu(torch.ones(5, 5), 1).bool()),
        ("attn_mask", torch.arange(100.0).reshape(4, 5, 5).double() / 50),
        ("key_padding_mask", torch.tensor([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]).bool()),
    ],
)
def test_masks_of_attention(word, mask):
    torch.manual_seed(0)
    module = nn.MultiheadAttention(8, 2, batch_first=True).double().eval()
    x = torch.randn(2, 5, 8).double()
    inputs = {"x": x, "mask": mask, **module.state_dict()}
    result = gc.run(_MASKED.format(f"{word}=mask"), inputs)
    expected = module(x, x, x, **{word: mask})[0].detach()
    torch.testing.assert_close(_tensor(result["y[0]"]), expected, rtol=1e-9, atol=1e-9)


def test_a_checkpoint_binds_all_parameters(tmp_path):
    path = tmp_path / "net.pt"
    net = nn.Linear(1, 2)
    torch.save(
        {"fc.weight": net.weight.data, "fc.bias": net.bias.data, "else": torch.ones(2)}, path
    )
    program = _NET + "net = Net(1)\ny = net(x)"
    done = graphcalc(program, "x=[[2]]", "--inputs", str(path), "--format", "json")
    assert done.status == 0
    assert "fc.weight" in done.text
    assert "else" not in done.text
