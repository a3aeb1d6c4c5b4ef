"""Functions of torch without a row: the list of them, their values and their derivatives."""

import re
import warnings
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from torch_samples import entries_of_torch
from torch_verdicts import verdicts
from torch_version import torch_version

import graphcalc as gc
from graphcalc.diagnostics import BackendError, GraphcalcError, UnknownNameError
from graphcalc.ops.torch import functions
from graphcalc.ops.torch.call import TorchCall, fixed
from graphcalc.ops.torch.functions import callable_of, parsed, read_list
from graphcalc.ops.torch.reasons import reason_of

FOLDER = Path(functions.__file__).parent
LISTED, OMITTED = read_list((FOLDER / "functions.txt").read_text(encoding="utf-8"))
ALONE = [f.name for f in LISTED if f.doc]
SAMPLED = [name for name in ALONE if name in entries_of_torch()]

# What the calls below are of.
INPUTS = {
    "v": [0.5, -1.25, 2.0, 0.75],
    "m": [[2.0, 0.5, 0.25], [0.5, 1.5, -0.5], [0.25, -0.5, 3.0]],
    "n": [[1.0, -2.0, 0.5], [0.25, 1.0, 2.0], [-1.0, 0.5, 0.75]],
    "s": [[[0.1, 1.2, -0.3, 2.0, 0.7, -1.1], [1.0, 0.4, 0.2, -0.6, 0.9, 1.5]]],
    "w": [[[0.2, -0.4], [0.3, 0.1]], [[1.0, 0.5], [-0.5, 0.25]]],
    "p": [0.3, 0.9, 0.5],
    "q": [1.0, -1.0, 1.0],
    "g": [[0.1, -0.2, 0.3], [0.5, 0.4, -0.6], [0.7, 0.2, 0.9]],
}
IMAGE, VOLUME = "s.reshape(1, 1, 3, 4)", "s.reshape(1, 1, 2, 3, 2)"
# Calls of functions for which torch has no samples: the same text is Python.
CALLS = f"""
torch.adaptive_avg_pool1d(s, 3)
torch.adaptive_max_pool1d(s, 3)
torch.affine_grid_generator(m[None, :2], [1, 1, 2, 2], False)
torch.avg_pool1d(s, 2)
torch.bartlett_window(5, dtype=torch.float64)
torch.bilinear(m, n, w.reshape(2, 2, 2)[:, :1, :1].expand(2, 3, 3), v[:2])
torch.blackman_window(5, dtype=torch.float64)
torch.chain_matmul(m, n, m)
torch.channel_shuffle(s.reshape(1, 4, 3, 1), 2)
torch.conv_tbc(s, w.permute(1, 2, 0).reshape(2, 2, 2)[:, :1].expand(2, 6, 2), v[:2], 1)
torch.convolution(s, w, v[:2], [1], [0], [1], False, [0], 1)
torch.ctc_loss(s.log_softmax(2)[:, :1].expand(4, 1, 6), [[1, 2]], [4], [2])
torch.detach_copy(v)
torch.fft.fftfreq(5, 0.5, dtype=torch.float64)
torch.fft.rfftfreq(5, 0.5, dtype=torch.float64)
torch.frobenius_norm(m, [0, 1])
torch.grid_sampler({IMAGE}, g[:2, :2].reshape(1, 2, 1, 2), 0, 0, False)
torch.gru_cell(m, n, m.repeat(3, 1), n.repeat(3, 1))
torch.hamming_window(5, dtype=torch.float64)
torch.hann_window(5, dtype=torch.float64)
torch.kaiser_window(5, dtype=torch.float64)
torch.lstm_cell(m, [n, n], m.repeat(4, 1), n.repeat(4, 1))
torch.max_pool1d(s, 2)
torch.max_pool1d_with_indices(s, 2)
torch.max_pool3d({VOLUME}, 2)
torch.native_channel_shuffle(s.reshape(1, 4, 3, 1), 2)
F.adaptive_max_pool1d_with_indices(s, 3)
F.adaptive_max_pool2d_with_indices({IMAGE}, 2)
F.adaptive_max_pool3d_with_indices({VOLUME}, 2)
F.affine_grid(m[None, :2], (1, 1, 2, 2), False)
F.conv_tbc(s, w.permute(1, 2, 0).reshape(2, 2, 2)[:, :1].expand(2, 6, 2), v[:2], 1)
F.fold(s.reshape(1, 4, 3), (2, 4), 2)
F.lp_pool1d(s, 2.0, 2)
F.lp_pool2d({IMAGE}, 2.0, 2)
F.lp_pool3d({VOLUME}, 2.0, 2)
F.max_pool1d_with_indices(s, 2)
F.max_pool2d_with_indices({IMAGE}, 2)
F.max_pool3d_with_indices({VOLUME}, 2)
torch.norm_except_dim(m, 2, 0)
torch.nuclear_norm(m)
torch.pdist(m)
torch.pixel_shuffle(s.reshape(4, 3, 1), 2)
torch.pixel_unshuffle(s.reshape(1, 2, 6), 2)
torch.rnn_relu_cell(m, n, m, n)
torch.rnn_tanh_cell(m, n, m, n)
torch.select_copy(m, 0, 1)
torch.slice_copy(m, 0, 0, 2)
torch.slice_inverse(m[:2], n, 0, 0, 2)
torch.slogdet(m)
torch.special.gammainc(p, p)
torch.special.gammaincc(p, p)
torch.split_copy(v, 2)
v.type_as(m)
torch.unsafe_split_with_sizes(v, [1, 3])
torch.vander(v)
"""
UNSAMPLED = CALLS.strip().splitlines()


def python_of(text):
    """Return the value of a call as torch has it."""
    names = {name: torch.tensor(value, dtype=torch.float64) for name, value in INPUTS.items()}
    text = text.replace("[[1, 2]], [4], [2]", "*map(torch.tensor, ([[1, 2]], [4], [2]))")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = eval(text, {"torch": torch, "F": functional, **names})
    return [*found] if isinstance(found, (tuple, list)) else [found]


def run(text, **options):
    """Return the values of a call as graphcalc has it, each part under a name."""
    names = {n: v for n, v in INPUTS.items() if re.search(rf"\b{n}\b", text)}
    return gc.run(text, names, **options)


@pytest.mark.parametrize("text", UNSAMPLED, ids=lambda text: text.partition("(")[0])
def test_values_without_samples(text):
    """A function for which torch has no samples gives what torch gives."""
    wanted = python_of(text)
    targets = ", ".join(f"out{i}" for i in range(len(wanted)))
    result = run(f"{targets} = {text}", backend="torch")
    for i, value in enumerate(wanted):
        found = torch.as_tensor(result[f"out{i}"])
        assert found.shape == value.shape
        assert torch.equal(found.isnan(), value.isnan())
        assert torch.allclose(found.double(), value.double(), rtol=1e-12, equal_nan=True)


@pytest.mark.parametrize("name", SAMPLED)
@pytest.mark.exhaustive
def test_values_of_samples(name):
    """On torch's own samples, values, shapes, dtypes and gradients are torch's."""
    found = [*verdicts(name, (torch.float64,), most=3)]
    wrong = [v for v in found if v.kind in ("value", "gradient", "crash")]
    assert not wrong
    assert any(v.kind == "right" for v in found) or name in NOT_WRITTEN


# Functions whose samples all have a form that the language has no words for.
NOT_WRITTEN: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "name", ["linalg.solve", "linalg.lu", "special.i0e", "nn.functional.grid_sample"]
)
def test_some_values_of_samples(name):
    """The first samples of a few functions, for runs without the exhaustive tests."""
    found = [*verdicts(name, (torch.float64,), most=1)]
    assert {v.kind for v in found if "Python backend lacks" not in v.detail} == {"right"}


# The list


def test_every_function_is_called():
    """Each function of the list has samples of torch's, or a call above."""
    called = {text.partition("(")[0].removeprefix("torch.") for text in UNSAMPLED}
    called = {re.sub(r"^F\.", "nn.functional.", re.sub(r"^v\.", "", name)) for name in called}
    # Older versions of torch have samples of fewer functions.
    assert torch_version() < (2, 14) or set(ALONE) - set(SAMPLED) <= called


def test_the_data_is_that_of_the_list():
    """functions.json has the functions of functions.txt, with their sentences, and no others."""
    assert [*functions.functions()] == sorted(f.name for f in LISTED)
    assert {n: f.doc for n, f in functions.functions().items()} == {f.name: f.doc for f in LISTED}
    assert functions.omitted() == OMITTED
    assert not set(OMITTED) & {f.name for f in LISTED}


@pytest.mark.skipif(torch_version() < (2, 14), reason="the list is of torch 2.14")
def test_all_of_torch_is_listed_or_left_out():
    """Every function that torch has samples of is on the list or left out with a reason."""
    names = {entry.name for entries in entries_of_torch().values() for entry in entries}
    assert names <= {*OMITTED, *(f.name for f in LISTED)}
    assert all(callable(callable_of(f.name)) for f in LISTED)


def test_most_functions_of_torch_are_known():
    """At least 540 of the names in torch's table can be called."""
    names = {entry.name for entries in entries_of_torch().values() for entry in entries}
    assert len(names & {f.name for f in LISTED}) >= 500


def test_nothing_else_is_reached():
    """No name leads beyond the list: no files, no code, no settings of torch."""
    for name in ("load", "save", "compile", "set_default_dtype", "os", "_C", "__class__", "jit"):
        assert functions.find(name) is None
        assert functions.find(name, "torch") is None
    for text in ("torch.load('x')", "torch.hub.load('x')", "torch.ops.aten.add(1, 2)"):
        with pytest.raises(GraphcalcError):
            gc.run(text)
    in_place = [f.name for f in LISTED if f.name.endswith("_") and not f.name.startswith("__")]
    assert in_place == []


def test_signatures():
    """A signature's parameters, and where those begin that are given by name."""
    found = parsed('x: tensor, k: int = -1, *, mode: text = "a"')
    assert [p.name for p in found.parameters] == ["x", "k", "mode"]
    assert found.positional == 2
    assert found.parameters[1].default == "-1"
    kinds = {
        p.kind
        for f in functions.functions().values()
        for s in f.signatures
        for p in parsed(s).parameters
    }
    known = {"tensor", "tensors", "number", "int", "ints", "floats", "flag", "text", "dtype", "any"}
    assert kinds <= known


# Names and results


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("y = linalg.inv([[2, 0], [0, 4]])", [[0.5, 0], [0, 0.25]]),
        ("y = solve([[2, 0], [0, 4]], [1, 1])", [0.5, 0.25]),
        ("y = [3, 1, 2].sort().values", [1, 2, 3]),
        ("y = torch.sort([3, 1, 2])[1]", [1, 2, 0]),
        ("v, y = torch.topk([3, 1, 2], 2)", [0, 2]),
        ("x = [1, 3, 2]; y = x.cummax(0).indices", [0, 1, 1]),
        ("y = torch.linalg.eigh([[2, 0], [0, 1]]).eigenvalues", [1, 2]),
        ("y = gcd(12, 18)", 6),
        ("y = torch.isin([1, 2], [2, 5])", [False, True]),
        ("y = F.interpolate([[[1, 2]]], scale_factor=2)", [[[1, 1, 2, 2]]]),
        ("y = torch.signal.windows.cosine(1)", [1]),
        ("y = torch.masked.sum([1, 2, 4], mask=[true, false, true])", 5),
        ("f(a) = linalg.det(a); y = f([[2, 0], [0, 4]])", 8),
    ],
)
def test_names_and_results(text, wanted):
    """Functions are called by the names that people write, and results of several parts read."""
    assert torch.as_tensor(gc.run(text)["y"]).tolist() == wanted


def test_derivatives():
    """First, second and third derivatives are torch's, of several operands and outputs."""
    text = "y = sum(torch.linalg.solve(m, p) * p) + linalg.svd(m).S[0] * torch.logdet(m)"
    result = run(text, grad="y")
    m, p = (torch.tensor(INPUTS[n], dtype=torch.float64, requires_grad=True) for n in "mp")
    y = (torch.linalg.solve(m, p) * p).sum() + torch.linalg.svd(m).S[0] * torch.logdet(m)
    y.backward()
    assert torch.allclose(torch.as_tensor(result.grad["m"]), m.grad, rtol=1e-12)
    assert torch.allclose(torch.as_tensor(result.grad["p"]), p.grad, rtol=1e-12)
    x = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    wanted = torch.special.i0e(x)
    for _ in range(3):
        (wanted,) = torch.autograd.grad(wanted, x, create_graph=True)
    third = "g = grad(torch.special.i0e(x), x); h = grad(g, x); y = grad(h, x)"
    assert float(gc.run(third, x=1.5)["y"]) == pytest.approx(wanted.item(), rel=1e-12)


@pytest.mark.parametrize("function", ["nextafter", "special.bessel_j0", "histc"])
def test_no_derivative(function):
    """Where torch has no derivative there is an error, and no 0."""
    operands = "x, x + 1" if function == "nextafter" else "x"
    found = f"y = sum(torch.{function}({operands}))"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
        value = eval(f"torch.{function}({operands})", {"torch": torch, "x": x})
    try:
        torch.autograd.grad(value.sum(), x)
        has_derivative = True
    except (RuntimeError, NotImplementedError):
        has_derivative = False
    if has_derivative:
        assert gc.run(found, x=[1.0, 2.0], grad="y").grad["x"] is not None
    else:
        with pytest.raises(GraphcalcError, match="no derivative of"):
            gc.run(found, x=[1.0, 2.0], grad="y")


def test_python_backend_names_what_it_lacks():
    """One diagnostic names every function that Python lacks."""
    with pytest.raises(BackendError, match=r"`linalg\.det`, `special\.i0`"):
        gc.run("linalg.det([[1]]) + special.i0(2)", backend="python")


def test_rows():
    """Functions that work element by element run over the rows of a table's columns."""
    result = gc.check("x: [B, 3]; y = torch.special.i0(x)")
    assert [*map(str, result[-1].shape)] == ["B", "3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a, b, c, d = torch.tensor_split(x, i)", "must be whole numbers known before the program"),
        ("a, b, c = torch.split(x, i)", "must be .*known before the program"),
        ("torch.unique(x)", "the shape of its result depends on data"),
        ("torch.unique_consecutive(x)", "the shape of its result depends on data"),
        ("torch.repeat_interleave(x[:3], i)", "repeats that are not written in the program"),
    ],
)
def test_shapes_that_depend_on_data_are_refused(text, message):
    """A function whose result's shape only the values of an input tell is refused."""
    with pytest.raises(GraphcalcError, match=message):
        gc.run(text, x=[1.0, 2, 3, 4, 5], i=torch.tensor([1, 2, 3]))


def test_unknown_names_have_hints():
    """A misspelt name gets the nearest of the list, and one behind a wrong prefix the right one."""
    with pytest.raises(UnknownNameError, match=r"did you mean `torch\.linalg\.solve`"):
        gc.run("torch.solve([[1]], [1])")
    with pytest.raises(UnknownNameError, match="did you mean `cummax`"):
        gc.run("torch.cummaxx([1], 0)")


# What torch says


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\"bessel_j0\" not implemented for 'Half'", "torch has no kernel for float16"),
        ("linalg.inv: A must be square.", "A must be square"),
        ("derivative for aten::igamma is not implemented", "torch has no derivative of it"),
        (
            "sort() received an invalid combination of arguments - got (int)",
            "it does not take these",
        ),
        ("got torch.Size([2, 3]) and torch.float64\nStack trace:", "got (2, 3) and float64"),
        ("", "RuntimeError"),
    ],
)
def test_reasons(text, wanted):
    """What torch says is wrong, without the names of its parts and traces."""
    assert reason_of(RuntimeError(text), "f").startswith(wanted)


def test_static_arguments_are_told_apart():
    """1, 1.0 and True are equal in Python and are three arguments."""
    calls = {TorchCall("f", (fixed(value),), (), ()) for value in (1, 1.0, True)}
    assert len(calls) == 3


M = torch.tensor([[1.0, -2.0, 0.5], [3.0, 4.0, -1.0], [0.25, 1.5, 2.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    "text",
    [
        "torch.linalg.norm(m, 2)",
        "torch.linalg.norm(m, -2)",
        "torch.linalg.norm(m, 'nuc')",
        "torch.linalg.norm(m.unsqueeze(0), 2, (1, 2), True)",
        "torch.linalg.matrix_norm(m, 'nuc')",
        "torch.linalg.matrix_norm(m, ord=-2)",
        "torch.norm(m, p='nuc')",
        "m.norm('nuc')",
        "torch.matrix_power(m, -2)",
        "m.exp() + torch.linalg.norm(m.sin(), 2)",
    ],
)
def test_what_a_definition_refuses_comes_from_torch(text):
    """Where a function of the language has no value for its arguments, torch's is taken."""
    m = M.clone().requires_grad_()
    wanted = eval(text, {"torch": torch, "m": m})
    (slope,) = torch.autograd.grad(wanted.sum(), m)
    written = text.replace("'", '"')
    found = gc.run(f"y = {written}; loss = y.sum()", m=M, backend="torch", grad="loss", wrt=["m"])
    assert torch.allclose(found["y"], wanted.detach(), rtol=1e-12)
    assert torch.allclose(found.grad["m"], slope, rtol=1e-10)


@pytest.mark.filterwarnings("ignore:The reduce argument")
@pytest.mark.parametrize(
    "call", ["scatter(m, 0, i, v, reduce='multiply')", "scatter(m, 1, i, 3.0) + v.sum()"]
)
def test_scatter_as_torch_has_it(call):
    """Products come from torch; a number stands for all of src."""
    i = torch.tensor([[0, 0, 2], [0, 1, 2]])
    values = {"m": M, "i": i, "v": M[:2]}
    wanted = eval(f"torch.{call}", {"torch": torch, **values})
    text = call.replace("'", '"')
    assert torch.allclose(gc.run(text, values, backend="torch").value, wanted, rtol=1e-14)


def test_what_torch_refuses_too_keeps_its_error():
    """Where torch has no value either, the error is that of the language's own function."""
    with pytest.raises(GraphcalcError, match="rrelu draws its slopes"):
        gc.run("f(x) = F.rrelu(x, training=True); f(1) + 2")
    with pytest.raises(GraphcalcError, match="one weight for each column"):
        gc.run("cov(x, fweights=[1, 2])", x=[[1.0, 2.0, 3.0]])
