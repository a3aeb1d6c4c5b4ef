"""What is known while the graph is made, as Python has it: conditions, tuples, lists, text, pairs.

Each program is run by graphcalc and, as it is, by CPython with torch.
"""

import math
import re

import pytest
import torch
import torch.nn.functional as functional

import graphcalc as gc
from graphcalc.diagnostics import GraphcalcError

MODULES = {"torch": torch, "F": functional, "math": math}
INPUTS = {
    "x": [[1.0, 5.0, 2.0], [4.0, 3.0, 6.0]],
    "v": [0.5, -2.0, 3.0],
    "w": [1.0, 2.0, -1.0],
    "s": 2.0,
}


@pytest.fixture(autouse=True)
def float64():
    """torch's default dtype during a test: that of graphcalc, for the lines that Python runs."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def by_python(program):
    """What CPython and torch make of a program's lines; the value of the last name, `y`."""
    values = {n: torch.tensor(v) for n, v in INPUTS.items()}
    exec(program.replace("; ", "\n"), MODULES | values, values)
    return values["y"]


def inputs_of(text):
    """The inputs that a text reads."""
    return {n: v for n, v in INPUTS.items() if re.search(rf"\b{n}\b", text)}


def by_graphcalc(program, backend):
    """The same by graphcalc."""
    names = inputs_of(program)
    return gc.run(program, names, backend=backend)["y"]


CHOICES = (
    "y = x.unsqueeze(0) if x.dim() == 1 else x",
    "y = v.unsqueeze(0) if v.dim() == 1 else v",
    "y = x.sum(0) if x.shape[0] == 2 else x",
    "y = x.sum(0) if x.shape[0] != 2 else x",
    "y = x if x.size(-1) > 3 else x.mean()",
    "y = x if 1 < x.dim() < 3 else v",
    "y = x if 1 < x.dim() < 2 else v",
    "y = v if len(x) == 2 and len(v) == 3 else s",
    "y = v if len(x) == 1 or len(v) == 3 else s",
    "y = v if not (len(x) == 2 and x.dim() == 2) else s",
    "y = x.sum() if x.shape == (2, 3) else v",
    "y = x.sum() if x.shape != (2, 3) else v",
    "y = x.sum() if x.shape[1:] == (3,) else v",
    "y = x.sum() if x.ndim in (1, 2) else v",
    "y = x.sum() if x.ndim not in (1, 2) else v",
    "y = x.sum() if x.ndim in [3] else v",
    "y = x.sum() if x.dtype == torch.double else v",
    "y = x.sum() if x.dtype == torch.float32 else v",
    "y = x.sum() if x.dtype in (torch.float32, torch.float64) else v",
    "b = None; y = x if b is None else x + b",
    "b = v; y = x if b is None else x + b",
    "b = v; y = x + b if b is not None and b.dim() == 1 else x",
    "b = None; y = x + b if b is not None and b.dim() == 1 else x",
    "b = None; y = x if b is None or b.dim() == 1 else x + b",
    "n = 3; y = x.sum(1) if n > 2 else x",
    "n = 3; y = x.sum(1) if n > 2 and n % 2 == 0 else x",
    "flag = False; y = x.sum(1) if flag else x",
    "flag = True; y = x.sum(1) if flag else 1 / 0",
    "flag = x.dim() == 2; y = v if flag else x",
    "mode = 'mean'; y = x.mean() if mode == 'mean' else x",
    "mode = 'none'; y = x.mean() if mode == 'mean' else x.sum() if mode == 'sum' else x",
    "mode = 'sum'; y = x.mean() if mode in ('mean', 'sum') else x",
    "y = x.mean() if 'a' == 'a' else x",
    "y = x.mean() if 'ab' in 'cabd' else x",
    "y = v if (x.shape[0] > 1 if x.dim() == 2 else False) else s",
    "keep = True; y = x.sum(1, keepdim=keep) if keep else v",
    "eps = None; y = v + (eps or 0.5)",
)


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize("program", CHOICES)
def test_a_condition_that_is_known_chooses_as_python_does(program, backend):
    """The branch that Python takes is the value, in its own shape; the other is not looked at."""
    assert_equal(by_graphcalc(program, backend), by_python(program))


VALUES = (
    "y = x.view(x.shape)",
    "q = x.shape; y = x.reshape(q[1], q[0])",
    "q = x.shape; y = torch.zeros(q) + 1",
    "q = (3, 2); y = x.reshape(q)",
    "dims = (0, 1); y = x.sum(dims)",
    "dims = [0, 1]; y = x.sum(dims)",
    "dims = (1, 0); y = x.permute(dims)",
    "dims = [1, 0]; y = x.permute(dims)",
    "a, b = x.shape; y = x.reshape(b, a)",
    "a, b = (1, 0); y = x.permute(b, a)",
    "d = -1; y = x.sum(d)",
    "d = -1; keep = True; y = x.sum(d, keep)",
    "mode = 'sum'; y = F.mse_loss(v, w, reduction=mode)",
    "d = x.dtype; y = (x > 2).to(d)",
    "d = torch.float64; y = (x > 2).to(d)",
    "y = torch.tensor([0.1] * 3)",
    "y = torch.tensor(3 * [0.1])",
    "n = 3; y = torch.tensor([0.1] * n)",
    "y = torch.tensor([1., 2.] + [3.])",
    "y = torch.tensor([1., 2.] * 2 + [3.])",
    "y = torch.tensor([0.] + [1.] * 2 + [2.] * 2)",
    "q = [1., 2.] * 2; y = torch.tensor(q)",
    "y = torch.tensor([[0.] * 2] * 3)",
    "y = torch.tensor([[0.] * 3, [1.] * 3, [1., 2., 3.]])",
    "y = torch.tensor([[[0.] * 3], [[1., 2., 3.]]])",
    "q = [[0.] * 2] * 2; y = torch.tensor(q)",
    "y = torch.tensor(([1., 2.] * 3)[:5])",
    "y = torch.tensor(([1., 2.] * 3)[3])",
    "y = ([v, w] * 2)[-1]",
    "y = torch.stack((([v, w] * 2)[1:] + [v])[::2])",
    "y = torch.tensor((1., 2.) * 2)",
    "y = torch.ones([2] * 3)",
    "y = torch.ones([2] + [3])",
    "q = [2] * 2; y = torch.ones(q)",
    "y = torch.ones((1,) * 2 + x.shape)",
    "y = x.view((1,) * 2 + x.shape)",
    "y = x.view(x.shape + (1,))",
    "y = v.expand((2,) + v.shape)",
    "n = x.dim() - 1; y = v.view((1,) * n + v.shape)",
    "y = torch.stack([v] * 3)",
    "y = torch.stack([v] + [w])",
    "y = torch.cat([v] * 2 + [w], 0)",
    "q = [v, w]; y = torch.cat(q)",
    "q = (v, w); y = torch.stack(q)",
    "q = (v, w); y = q[1] - q[0]",
    "a, b = (v, w); y = a - b",
    "y = sum([v, w])",
    "y = sum((v, w))",
    "y = sum([v, w], 1)",
    "y = sum([v, w, v * w])",
    "q = (v, w); y = sum(q)",
    "y = torch.tensor(float(max(1, 2, 3)))",
    "y = torch.tensor(float(min(3, 1, 2)))",
    "y = torch.tensor(float(x.shape.numel()))",
    "y = x.where(x > 2, 0)",
    "y = x.where(x > 2, v)",
    "y = x.where(condition=x > 2, other=v)",
    "y = s.polygamma(2)",
    "y = (x > 2) ^ (x > 4)",
    "y = (x > 2) ^ True",
    "y = v[0].item() + s",
    "y = x.to(torch.float64, True)",
    "y = x.to('cpu', torch.float64, True, False)",
    "y = x.to(device='cpu', dtype=torch.float64, non_blocking=True, copy=True)",
    "y = x.to(torch.int64, True, copy=True)",
    "y = (x > 2).to(x)",
    "y = (x > 2).to(tensor=x, non_blocking=True)",
    "y = x.to(x > 2, True)",
    "y = x.to(x.dtype)",
    "y = x.to(x.device, x.dtype)",
    "y = (x > 2).type_as(v)",
    "y = v.sum(dim=())",
)


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize("program", VALUES)
def test_tuples_lists_and_names_for_them_are_pythons(program, backend):
    """Sizes, tuples, lists, dtypes and text under a name, joined, repeated, and handed on."""
    assert_equal(by_graphcalc(program, backend), by_python(program))


PAIRS = ("torch.max(x, 1)", "torch.min(x, dim=0)", "x.max(-1)", "x.min(1, True)", "x.median(1)")
READ = (
    "y = {}[0]",
    "y = {}[1]",
    "y = {}.values",
    "y = {}.indices",
    "r = {}; y = r[0]",
    "r = {}; y = r[1]",
    "r = {}; y = r[-1]",
    "r = {}; y = r.values",
    "r = {}; y = r.indices",
    "r = {}; y, i = r",
    "y, i = {}",
    "i, y = {}",
    "d = 1; y = torch.max(x, d)[0]",
    "d = 1; y = torch.median(x, d).indices",
)


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("call", PAIRS)
def test_pairs_are_torchs(call, read, backend):
    """The values and the indices of a call with a dimension, directly and by a name."""
    program = read.format(call)
    assert_equal(by_graphcalc(program, backend), by_python(program))


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("y = max(v, 0.0)", [0.5, 0, 3]),
        ("y = min(v, 1.0)", [0.5, -2, 1]),
        ("y = max(v, -0.0)", [0.5, 0, 3]),
        ("y = max(v, 1e0)", [1, 1, 3]),
        ("y = max(v, 0)", 3),
        ("y = max(v, -1)", 3),
        ("d = 0; y = max(v, d)", 3),
        ("y = max(v, w)", [1, 2, 3]),
        ("y = max(v, w, s)", [2, 2, 3]),
        ("y = max(s, 0, 7)", 7),
        ("y = max(x, 1, True)", [[5], [6]]),
        ("y = [1, 2] * 2", [2, 4]),
        ("y = ([1, 2] * 2) + 1", [3, 5]),
        ("y = ([1, 2] * 2)[2]", 1),
        ("q = [1, 2]; y = (q * 2)[1]", 4),
        ("q = [1, 2]; y = (q + q)[1]", 4),
        ("q = [1., 2.]; y = q * 1e200 / 1e200", [1.0, 2]),
        ("q = [1, 2] * 2000000; y = q + q - [0, 1]", [4000000, 7999999]),
        ("y = relu([1, -2] * 3)", [3, 0]),
        ("y = np.sum([1, 2] * 3)", 9),
        ("y = 2 in v", False),
        ("y = 3 in v", True),
        ("y = v if 1 else w", [0.5, -2, 3]),
        ("y = v if v > 0 else w", [0.5, 2, 3]),
        ("y = v > 0 and w > 0", [True, False, False]),
    ],
)
def test_what_the_language_has_of_its_own(program, expected):
    """Numbers with a point are no dimensions, and conditions on data are elementwise."""
    found = by_graphcalc(program, "python")
    assert_equal(found, torch.tensor(expected))


@pytest.mark.parametrize("count", ["2000000", "1e200"])
def test_lists_that_are_too_long_are_refused_where_a_list_is_wanted(count):
    """As tensors they are arithmetic; as lists they have too many items."""
    for program in (f"y = torch.tensor([1] * {count})", f"q = [1] * {count}; y = torch.ones(q)"):
        with pytest.raises(gc.LimitError, match=r"a list of .* items, and the limit is 1,000,000"):
            gc.run(program)


GRADIENTS = (
    "a = (x**2).sum(0, keepdim=True).sum(1, keepdim=True); y = torch.autograd.grad(a, x)[0]",
    "a = (v**2).sum(dim=0, keepdim=True); y = torch.autograd.grad(a, v, only_inputs=True)[0]",
    "a = v.sum(); b = (v * v).sum(); y = torch.autograd.grad([a, b], [v])[0]",
    "a = v * v; y = torch.autograd.grad([a], [v], [torch.ones_like(a)])[0]",
    "a = (v * v).sum(); y = torch.autograd.grad(outputs=a, inputs=v, grad_outputs=None, "
    "retain_graph=None, create_graph=False, allow_unused=None, is_grads_batched=False)[0]",
)


@pytest.mark.parametrize("program", GRADIENTS)
def test_gradients_take_torchs_arguments(program):
    """Of one number in any shape, and of several outputs, as torch.autograd.grad."""
    values = {n: torch.tensor(v, requires_grad=True) for n, v in INPUTS.items()}
    exec(program.replace("; ", "\n"), MODULES, values)
    assert_equal(by_graphcalc(program, "python"), values["y"])


def test_a_target_of_one_element_has_gradients():
    """A target of shape (1) or (1, 1) is taken as torch's backward takes it."""
    for program in ("y = sum(v^2, dim=0, keepdim=true)", "y = sum(v^2).reshape((1, 1))"):
        assert_equal(gc.run(program, v=INPUTS["v"], grad="y").grad["v"], torch.tensor([1.0, -4, 6]))


LINES = (
    "{0} = {1} if {1} > {2} else {2}",
    "{0} = {2} * {1} if {2} > 2 else {1} + {2}",
    "{0} = max({1}, {2})",
    "{0} = {1} if {2} and {1} > 0 else -{1}",
    "{0} = choose({1}, {2})",
    "{0} = choose({1}, 1)",
)


@pytest.mark.parametrize("line", LINES)
def test_fragments_choose_as_statements_do(line):
    """A line that is often there chooses by what is known of its own names, data or constant."""
    names = ("v", "s", "one", "ten", "w")
    lines = ["one = 1", "ten = 10.0", "choose(a, n) = a.sum() if n > 3 else a * n"]
    for i in range(60):
        lines.append(line.format(f"r{i}", names[i % 3], names[1 + i % 3]))
    program = "\n".join(lines)
    whole = gc.run(program, inputs_of(program))
    for i in range(0, 60, 7):
        alone = "\n".join([*lines[:3], lines[3 + i].replace(f"r{i} ", "y ")])
        used = inputs_of(lines[3 + i])
        assert_equal(whole[f"r{i}"], torch.as_tensor(to_list(gc.run(alone, used)["y"])))


REFUSED = (
    "y = v if s == 'a' else w",
    "y = v == 'a'",
    "y = 'a' < v",
    "y = v is w",
    "y = v.item()",
    "r = torch.max(x, 1); y = r[2]",
    "a, b = (v, w, s); y = a",
    "y = (v, w) + 1",
    "y = (1,) * s * 0.5",
    "q = 'text'",
    "y = torch.ones([2] * 2000000)",
)


@pytest.mark.parametrize("program", REFUSED)
def test_what_means_nothing_is_refused(program):
    """With a diagnostic under the characters that are wrong."""
    with pytest.raises(GraphcalcError) as caught:
        gc.run(program, inputs_of(program))
    assert caught.value.diagnostic.labels


def to_list(value):
    return value.tolist() if hasattr(value, "tolist") else value


def assert_equal(found, expected):
    """Equal in shape and to a few units in the last place."""
    expected = torch.as_tensor(expected)
    found = torch.as_tensor(to_list(found))
    assert found.shape == expected.shape
    torch.testing.assert_close(found.double(), expected.double(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("t = torch.linalg.slogdet([[2, 0], [0, 1]])", {"t.sign": 1, "t.logabsdet": math.log(2)}),
        ("t = [1, 2].chunk(2)", {"t[0]": [1], "t[1]": [2]}),
        ("t = torch.std_mean([1, 3])", {"t[0]": math.sqrt(2), "t[1]": 2}),
    ],
)
def test_parts_of_a_named_tuple_are_shown(text, names):
    """What a name means that is several values is not lost: each is a node, and a result."""
    result = gc.run(text)
    assert {n.name for n in result.trace if n.role == "result"} == set(names)
    for name, value in names.items():
        assert torch.as_tensor(result[name]).tolist() == pytest.approx(value)
