"""What the torch backend adds: dtypes, devices, tensors as inputs, memory given back."""

import weakref

import numpy
import pytest
import torch
from agreement import BACKENDS, elements, result, run, value_of

from graphcalc.backends.base import NullObserver, Settings
from graphcalc.backends.choose import compile_graph
from graphcalc.diagnostics import BackendError, DataError, UsageError
from graphcalc.evaluate import Evaluation, Gradients, Options, parse
from graphcalc.source import Source


def evaluation(text, **settings):
    return Evaluation(parse([Source(text)]), Options(Settings(**settings)))


MATRIX = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "value",
    [
        MATRIX,
        tuple(map(tuple, MATRIX)),
        [[1, 2, 3], [4, 5, 6]],
        numpy.array(MATRIX),
        numpy.array(MATRIX, order="F"),
        numpy.array(MATRIX).T.copy().T,
        torch.tensor(MATRIX, dtype=torch.float64),
        torch.tensor(MATRIX, dtype=torch.float64).T.contiguous().T,
        torch.tensor(MATRIX, dtype=torch.float64, requires_grad=True),
    ],
    ids="lists tuples integers array fortran view tensor strided grad".split(),
)
def test_inputs_of_every_kind(backend, value):
    """Lists, arrays and tensors with the same numbers are the same input."""
    assert value_of("x * 2", backend, {"x": value}) == [[2.0, 4.0, 6.0], [8.0, 10.0, 12.0]]
    assert value_of("x.T[0] @ [1, 1]", backend, {"x": value}) == 5.0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, 3.0),
        (2.0, 3.0),
        (True, 2.0),
        (numpy.float64(2.0), 3.0),
        (torch.tensor(2.0).double(), 3.0),
    ],
    ids=str,
)
def test_scalar_inputs(backend, value, expected):
    """Numbers, bools, and arrays and tensors without dimensions are scalars."""
    assert value_of("x + 1", backend, {"x": value}) == expected


@pytest.mark.parametrize("backend", BACKENDS)
def test_inputs_are_left_alone(backend):
    """A run changes no input, not even where the result is the input itself."""
    array, tensor = numpy.arange(6.0).reshape(2, 3), torch.arange(6.0).double()
    lists = [[1.0, 2.0], [3.0, 4.0]]
    run("x; y.T; z; a = x + 1; b = a * x", backend, {"x": array, "y": tensor, "z": lists})
    assert array.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert tensor.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert lists == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([[1.0], [2.0, 3.0]], "x[1] has 2 elements, x[0] has 1"),
        ([[[1.0]], [[2.0, 3.0]]], "x[1][0] has 2 elements, x[0][0] has 1"),
        ([[1.0], 2.0], "ragged"),
        ([1.0, [2.0]], "[1] is a list"),
        (["1"], "`x` holds text, not numbers"),
        ("1", "`x` holds text, not numbers"),
        (None, "`x` is `None`, not a number"),
        ([None], "x[0] is `None`"),
        ([1.0, "1"], "x[1] is a str"),
        (10**400, "too large"),
        ([10**400], "too large"),
        (1j, "is a complex"),
        (numpy.array([1j]), "complex128"),
        (numpy.array(["a"]), "dtype"),
        (numpy.array([None]), "dtype object"),
    ],
    ids=lambda v: str(v)[:20],
)
def test_other_inputs_are_refused(backend, value, words):
    """Ragged lists and things that are no numbers are a DataError that says where they are."""
    with pytest.raises(DataError) as caught:
        run("x + 1", backend, {"x": value})
    assert words in caught.value.diagnostic.message
    assert caught.value.exit_status == 4


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_dtype_of_the_run(dtype):
    """Every number of a run has the dtype that the run asks for."""
    text = "a = x * 2 + rand(2, 2); b = a @ a; c = b > 0; sum(b) / 3; zeros(2); arange(3) / 7"
    outcome = run(text, "torch", {"x": [[1.0, 2.0], [3.0, 4.0]]}, dtype=dtype)
    for position, value in outcome.values.items():
        node = outcome.graph.nodes[position]
        assert value.dtype is getattr(torch, "bool" if node.name == "c" else dtype)
        assert node.type.dtype == str(value.dtype).removeprefix("torch.")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_narrow_numbers_are_rounded_as_torchs(dtype):
    """In a narrow dtype, arithmetic gives what torch gives for tensors of that dtype."""
    kind = getattr(torch, dtype)
    x = torch.linspace(-3, 3, 50, dtype=torch.float64).to(kind)
    outcome = run("exp(x) * x + 1 / 3", "torch", {"x": x}, dtype=dtype)
    expected = torch.exp(x) * x + torch.tensor(1, dtype=kind) / torch.tensor(3, dtype=kind)
    assert torch.equal(result(outcome), expected)


def test_a_tensor_brings_its_dtype():
    """Literals take the dtype of the tensor that they meet, and a wider tensor widens."""
    narrow = torch.ones(3, dtype=torch.float32)
    outcome = run("x * 0.1 + 2; x + y", "torch", {"x": narrow, "y": narrow.double()})
    kinds = [outcome.values[p].dtype for p in outcome.graph.results]
    assert kinds == [torch.float32, torch.float64]


@pytest.mark.parametrize("backend", ["python"])
@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_python_refuses_narrow_tensors(backend, kind):
    """Python computes in float64 alone: another dtype is a BackendError, not a silent change."""
    with pytest.raises(BackendError) as caught:
        run("x + 1", backend, {"x": numpy.ones(3, dtype=kind)})
    assert caught.value.exit_status == 7
    assert "--backend torch" in str(caught.value)


def test_narrow_tensors_go_to_torch_by_themselves():
    """Where the backend is not chosen, a narrow array is computed by torch."""
    outcome = run("x + 1", "auto", {"x": numpy.ones(3, dtype="float32")})
    assert outcome.trace.backend == "torch"
    assert result(outcome).dtype is torch.float32


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_python_refuses_narrow_dtypes(dtype):
    """--backend python with another dtype than float64 is a UsageError."""
    with pytest.raises(UsageError) as caught:
        evaluation("1", backend="python", dtype=dtype)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    "device", ["gpu", "cuda:x", "cuda:-1", "cuda:", "cpu:0", "", "CUDA", "tpu"]
)
def test_malformed_devices_are_refused(device):
    """A name that no device can have is a UsageError that lists the kinds of devices."""
    with pytest.raises(UsageError) as caught:
        evaluation("1", device=device)
    assert caught.value.exit_status == 2
    assert "cuda:N" in caught.value.diagnostic.message


@pytest.mark.parametrize("settings", [{"backend": "jax"}, {"dtype": "float8"}, {"dtype": "int64"}])
def test_unknown_settings_are_refused(settings):
    """A backend or dtype that does not exist is a UsageError."""
    with pytest.raises(UsageError):
        evaluation("1", **settings)


def test_python_has_no_devices():
    """--backend python with a device is a UsageError."""
    with pytest.raises(UsageError):
        evaluation("1", backend="python", device="cuda")


@pytest.mark.parametrize("device", ["cuda:4096", "cuda"])
def test_absent_devices_are_named(device, monkeypatch):
    """A device that the machine does not have is a BackendError, never a silent fall-back."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendError) as caught:
        evaluation("1", device=device).run()
    assert caught.value.exit_status == 7
    assert device in caught.value.diagnostic.message
    assert "--device cpu" in caught.value.diagnostic.help


def test_missing_torch_is_named(monkeypatch):
    """Without torch, --backend torch is a BackendError that says what to install."""
    from graphcalc.backends import choose

    monkeypatch.setattr(choose, "has_torch", lambda: False)
    with pytest.raises(BackendError) as caught:
        evaluation("1", backend="torch").run()
    assert "pip install" in caught.value.diagnostic.help


CHAIN = "a = x + 1\nb = a * 2\nc = b - 3\nd = c / 4\ne = d + 5\nsum(e)"


def test_torch_frees_values_after_their_last_use(monkeypatch):
    """Of a chain of six large tensors, torch keeps no more than two operands and a result."""
    from graphcalc.trace import Trace

    made, most = [], []
    observe = Trace.observe

    def watch(self, position, value):
        made.append(weakref.ref(value))
        most.append(sum(box() is not None for box in made))
        return observe(self, position, value)

    monkeypatch.setattr(Trace, "observe", watch)
    outcome = run(CHAIN, "torch", {"x": [0.0] * 2000})
    assert max(most) <= 3
    assert len(made) == len(outcome.graph)
    assert sum(box() is not None for box in made) == len(outcome.values)


def test_python_frees_values_after_their_last_use(monkeypatch):
    """Of a chain of six large tensors, Python keeps no more than two operands and a result."""
    from graphcalc.backends import python, python_loops
    from graphcalc.trace import Trace

    made, most = [], []
    observe = Trace.observe

    class Watched(python.NDArray):
        __slots__ = ("__weakref__",)

        def __init__(self, shape, data):
            super().__init__(shape, data)
            if shape:
                made.append(weakref.ref(self))

    def watch(self, position, value):
        most.append(sum(box() is not None for box in made))
        return observe(self, position, value)

    monkeypatch.setattr(python, "NDArray", Watched)
    monkeypatch.setattr(python_loops, "NDArray", Watched)
    monkeypatch.setattr(Trace, "observe", watch)
    run(CHAIN, "python", {"x": [0.0] * 2000})
    assert len(made) >= 6
    assert max(most) <= 3
    assert sum(box() is not None for box in made) == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_kept_values_are_those_asked_for(backend):
    """Results and the names asked for are kept, and nothing else."""
    outcome = run(CHAIN, backend, {"x": [1.0, 2.0]}, keep=("b",))
    kept = {outcome.graph.nodes[p].name for p in outcome.values}
    assert kept == {"b", outcome.graph.nodes[outcome.graph.results[0]].name}
    assert elements(outcome.values[outcome.graph.names["b"]]) == [4.0, 6.0]


def test_programs_run_again():
    """An evaluation runs again on other numbers, other shapes and other types."""
    program = evaluation("y = x * 2; sum(y)", backend="torch")
    assert [float(result(program.run({"x": v}))) for v in (1.0, 2.0, [1.0, 2.0], [[3.0]])] == [
        2.0,
        4.0,
        6.0,
        6.0,
    ]


def test_a_value_that_shapes_the_graph_is_read_again():
    """An input that decides a shape gives another graph when its value changes."""
    program = evaluation("zeros(n) + 1", backend="python")
    assert [len(elements(result(program.run({"n": n})))) for n in (2, 5, 0, 2)] == [2, 5, 0, 2]


@pytest.mark.parametrize(
    "text",
    [
        "y = full_like(x, 0); z = ones_like(x); v = zeros_like(x) + x",
        "loss = sum(gather(x @ w, 1, [[0], [1]]))",
        "loss = cross_entropy(x @ w, [0, 1])",
        "loss = nll_loss(log_softmax(x @ w, 1), [0, 1])",
        "h = relu(x @ w); loss = sum(max(h, dim=1)[0]) + sum(median(h, dim=1)[0])",
        "h = x @ w; loss = cross_entropy(h[:, 0:2], [0, 1]) + prod(x[0]) + std(h)",
    ],
)
def test_values_have_the_dtype_that_they_are_said_to_have(text):
    """From float32 inputs every node, in gradients too, is of its own dtype."""
    inputs = {"x": numpy.full((2, 3), 0.5, "float32"), "w": numpy.full((3, 3), 0.25, "float32")}
    if "@ w" not in text:
        del inputs["w"]
    gradients = Gradients("loss", None) if "loss" in text else None
    graph = run(text, "torch", inputs, gradients=gradients).graph
    values = compile_graph(graph, Settings("torch"), frozenset(range(len(graph)))).run(
        inputs, NullObserver()
    )
    for p, value in values.items():
        assert str(value.dtype) == f"torch.{graph.nodes[p].type.dtype}", graph.nodes[p].op.name
