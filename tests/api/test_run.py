"""The Python interface: inputs of every kind, results by name, errors with their diagnostic."""

import doctest
import gc as garbage
import importlib
import math

import numpy
import pytest
import torch
from running import python

import graphcalc as gc
from graphcalc.graph.ir import Graph

LESSON = "g = (a+b)*(c*d)"
VALUES = {"a": 2, "b": -4, "c": -2, "d": 2}


@pytest.mark.parametrize("module", ["graphcalc", "graphcalc.api"])
def test_examples_in_docstrings(module):
    """The examples in the docstrings give what they say."""
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted > 0
    assert found.failed == 0


def test_names_of_the_package():
    """Everything that the package promises is there, and nothing else is made up."""
    assert {"run", "compile", "parse", "Result", "Trace", "GraphcalcError"} <= set(gc.__all__)
    for name in gc.__all__:
        assert getattr(gc, name) is not None
        assert name in dir(gc)
    with pytest.raises(AttributeError, match="no attribute 'nonesuch'"):
        _ = gc.nonesuch


def test_the_lesson():
    """Values, names and results of the lesson are read by name, inputs given either way."""
    for result in (
        gc.run(LESSON, **VALUES),
        gc.run(LESSON, VALUES),
        gc.run(LESSON, {"a": 2, "b": -4}, c=-2, d=2),
        gc.run(gc.parse(LESSON), **VALUES),
        gc.compile(LESSON)(VALUES),
        gc.compile(LESSON)(**VALUES),
    ):
        assert dict(result) == {**VALUES, "e": -2, "f": -4, "g": 8}
        assert result.names == ["a", "b", "c", "d", "e", "f", "g"]
        assert result.results == ["g"]
        assert result.value == 8
        assert len(result) == 7
        assert "e" in result
        assert "z" not in result
        with pytest.raises(KeyError):
            _ = result["z"]


def test_a_result_prints_its_table():
    """A result's repr is the table of its nodes."""
    text = repr(gc.run(LESSON, **VALUES))
    assert "│ e    │ a + b      │ -2    │" in text
    assert text.splitlines()[-1] == "python · float64 · 7 nodes"


def test_html_is_escaped():
    """A notebook shows the table, with the user's text as text."""
    html = gc.run("y = x < 1", x=0.5)._repr_html_()
    assert html.startswith("<div")
    assert html.count("<table") == html.count("<svg") == 1
    assert "x &lt; 1" in html
    assert "x < 1" not in html


ARRAYS = [
    [[1, 2], [3, 4]],
    ((1, 2), (3, 4)),
    [[True, 2.0], [3, 4.0]],
    numpy.array([[1, 2], [3, 4]]),
    numpy.array([[1, 2], [3, 4]], dtype="int8"),
    numpy.array([[1, 2], [3, 4]], dtype="float32"),
    numpy.array([[1, 2], [3, 4]], dtype="float16"),
    numpy.asfortranarray([[1.0, 2.0], [3.0, 4.0]]),
    numpy.array([[4.0, 3.0], [2.0, 1.0]])[::-1, ::-1],
    numpy.array([[1.0, 2.0], [3.0, 4.0]], dtype=">f8"),
    torch.tensor([[1, 2], [3, 4]]),
    torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
    torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.bfloat16),
    torch.tensor([[1.0, 3.0], [2.0, 4.0]]).T,
    torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True),
]


@pytest.mark.parametrize("value", ARRAYS, ids=range(len(ARRAYS)))
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_tensor_inputs(value, backend):
    """Lists, NumPy arrays and torch tensors of any layout and dtype are the same tensor."""
    result = gc.run("y = x * 2; s = sum(x[1])", x=value, backend=backend)
    assert result["y"].tolist() == [[2.0, 4.0], [6.0, 8.0]]
    assert float(result["s"]) == 7.0
    dtype = getattr(value, "dtype", "float64")
    kind = getattr(dtype, "name", str(dtype)).removeprefix("torch.")
    assert result.trace[0].dtype == ("int64" if kind.startswith("int") else kind)


def test_torch_inputs_run_on_torch():
    """A torch input is computed with torch, and its memory is not changed."""
    x = torch.ones(3)
    result = gc.run("y = x + 1", x=x)
    assert isinstance(result["y"], torch.Tensor)
    assert result.trace.backend == "torch"
    assert x.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("text", "`x` holds text, not numbers"),
        (None, "`x` is `None`, not a number or a tensor"),
        ({"a": 1}, "`x` is a mapping, not a number"),
        (1 + 2j, "`x` is a complex"),
        (10**400, "too large for a float64"),
        ([[1], [2, 3]], "ragged"),
        ([1, [2]], "is a list"),
        ([1, "a"], "is a str"),
        (["a", "b"], "`x` holds text, not numbers"),
        ([1, None], r"x\[1\] is `None`"),
        (numpy.array([1 + 2j]), "complex128"),
        (numpy.array(["a"]), "not floating point, integer or bool"),
        (numpy.array([None]), "object"),
    ],
)
def test_values_that_are_no_numbers(value, words):
    """What is not numbers is refused as data, by the input's name."""
    with pytest.raises(gc.DataError, match=words) as caught:
        gc.run("y = x", x=value)
    assert "`x`" in str(caught.value)


ERRORS = [
    (gc.ParseError, "syntax", "1 +", {}),
    (gc.ParseError, "unclosed-bracket", "(1", {}),
    (gc.UnknownNameError, "unknown-function", "sinn(1)", {}),
    (gc.CallError, "arity", "sin(1, 2)", {}),
    (gc.ShapeError, "shape-mismatch", "[1, 2] - [1, 2, 3]", {}),
    (gc.IndexRangeError, "index-range", "x[3]", {"x": [1, 2, 3]}),
    (gc.DtypeError, "dtype-mismatch", "x & 1", {"x": 1.0}),
    (gc.BindingError, "missing-input", "a + b", {"a": 1}),
    (gc.BindingError, "unused-binding", "a + 1", {"a": 1, "b": 1}),
    (gc.LimitError, "memory", "zeros(1e6)", {"max_memory": 1000}),
    (gc.LimitError, "nodes", "sin(x) + cos(x)", {"x": 1, "max_nodes": 3}),
    (gc.LimitError, "nodes", "1 + x + 2 + 3 + 4", {"x": 1, "max_nodes": 3}),
    (gc.UsageError, "backend", "1", {"backend": "numpy"}),
    (gc.UsageError, "dtype", "1", {"dtype": "int8"}),
    (gc.UsageError, "device", "1", {"device": "gpu"}),
    (gc.UsageError, "seed", "1", {"seed": -1}),
    (gc.UsageError, "unknown-node", "1", {"keep": ["zzz"]}),
]


@pytest.mark.parametrize(("kind", "code", "program", "options"), ERRORS)
def test_errors_carry_a_diagnostic(kind, code, program, options):
    """Every failure is a GraphcalcError of its own class, with a code, a message and spans."""
    with pytest.raises(kind) as caught:
        gc.run(program, **options)
    error = caught.value
    assert isinstance(error, gc.GraphcalcError)
    assert error.diagnostic.code == code
    assert error.diagnostic.message in str(error)
    for label in error.diagnostic.labels:
        assert 0 <= label.span.start <= label.span.end <= len(label.source.text)
        assert label.source.text in (program, *options)


def test_a_name_given_twice():
    """The same input as an item and as a keyword is an error."""
    with pytest.raises(gc.BindingError, match="bound twice"):
        gc.run("x + 1", {"x": 1}, x=2)


def test_inputs_that_are_no_keywords():
    """An input may have the name of an option of `run` when it is given in the mapping."""
    result = gc.run("seed + dtype + keep", {"seed": 1, "dtype": 2, "keep": 3})
    assert result.value == 6


def test_an_input_replaces_an_assignment():
    """A value for a name that the program assigns replaces that assignment."""
    assert gc.run("a = 1; b = a + 1", a=10).value == 11


def test_several_results():
    """The value of a program with several results is asked for by name."""
    result = gc.run("a = x + 1; b = x + 2", x=1)
    assert (result.results, result["a"], result["b"]) == (["a", "b"], 2, 3)
    with pytest.raises(gc.UsageError, match="2 results"):
        _ = result.value


@pytest.mark.parametrize("backend", ["python", "torch"])
def test_large_values_are_freed_unless_kept(backend):
    """Large values between are freed and say so; those in `keep` and results stay."""
    program = "y = x + 1; z = y * 2; s = sum(z)"
    result = gc.run(program, x=[0.0] * 5000, backend=backend)
    assert float(result["s"]) == 10_000
    for name in ("y", "z"):
        with pytest.raises(gc.UsageError, match="freed after its last use") as caught:
            _ = result[name]
        assert f"keep=['{name}']" in caught.value.diagnostic.help
    result = gc.run(program, x=[0.0] * 5000, backend=backend, keep=["y"])
    assert result["y"].tolist() == [1.0] * 5000
    small = gc.run(program, x=[0.0] * 1000, backend=backend)
    assert small["z"].tolist() == [2.0] * 1000


def test_compiled_programs_follow_their_inputs():
    """One compiled program serves inputs of any shape, dtype and, where it shapes, value."""
    double = gc.compile("y = x * 2")
    for value in (1, 2.5, [1, 2], [[1], [2]], numpy.float32([1, 2]), torch.ones(2), [3, 4]):
        expected = (numpy.asarray(value) * 2).tolist()
        found = double(x=value)["y"]
        assert (found.tolist() if hasattr(found, "tolist") else found) == expected
    sized = gc.compile("y = zeros(n); s = sum(y) + n")
    assert [sized(n=n)["s"] for n in (3, 1, 3, 5)] == [3, 1, 3, 5]
    assert [len(sized(n=n)["y"]) for n in (3, 1, 5)] == [3, 1, 5]


def test_seeds():
    """The same seed gives the same random numbers on either backend, another one others."""
    draws = {
        (seed, backend): gc.run("rand(5)", seed=seed, backend=backend).value.tolist()
        for seed in (0, 1)
        for backend in ("python", "torch")
    }
    assert draws[0, "python"] == draws[0, "torch"]
    assert draws[1, "python"] == draws[1, "torch"]
    assert draws[0, "python"] != draws[1, "python"]


def test_arithmetic_never_raises():
    """Division by zero and the like are values, marked where they are born."""
    result = gc.run("y = 1 / x; z = y - y", x=0)
    assert result["y"] == math.inf
    assert math.isnan(result["z"])
    assert [record.born for record in result.trace] == [(), ("inf",), ("nan",)]


@pytest.mark.parametrize("text", ["+".join(["x"] * 50_000), "(" * 50_000 + "x" + ")" * 50_000])
def test_deep_programs_are_values(text):
    """A parsed program of any depth prints, hashes and compares without recursion."""
    one, other = (gc.parse(text).statements[0].value for _ in range(2))
    assert isinstance(one == other, bool)
    assert {one: 1}[one] == 1
    assert "x" in repr(one)


MEMORY = """
import os
import graphcalc as gc

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def work(times):
    double = gc.compile("y = x * 2")
    for i in range(times):
        gc.run("g = (a+b)*(c*d)", a=i, b=-4, c=-2, d=2)
        double(x=i)
        if i % 10 == 0:
            try:
                gc.run("sinn(x)", x=i)
            except gc.GraphcalcError:
                pass

work(1000)
before = resident()
work(20000)
print(resident() - before)
"""


@pytest.mark.slow
def test_many_runs_keep_no_memory():
    """Twenty thousand small runs, failures among them, grow the process by less than 5 MB."""
    done = python(MEMORY)
    assert done.status == 0, done.complaint
    assert int(done.text) < 5_000_000


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (numpy.ma.array([1.0, 2.0], mask=[0, 1]), "masked"),
        (torch.eye(2).to_sparse(), "sparse"),
        ([1, "a"], r"x\[1\] is a str"),
    ],
)
def test_tensors_with_something_missing_are_refused(value, words):
    """A masked array, a sparse tensor and a list with text are data errors that say so."""
    for backend in ("python", "torch"):
        with pytest.raises(gc.DataError, match=words):
            gc.run("y = x", x=value, backend=backend)


def test_a_read_only_array_is_taken_in_silence():
    """A read-only NumPy array is an input like any other, without a warning."""
    x = numpy.ones(3)
    x.flags.writeable = False
    assert gc.run("x + 1", x=x, backend="torch").value.tolist() == [2, 2, 2]


def test_integer_and_empty_arrays_keep_their_type_and_shape():
    """Integers stay integers where nothing computes with them, and an empty shape stays."""
    for backend in ("python", "torch"):
        r = gc.run("y = x & x", x=numpy.array([1, 2]), backend=backend)
        assert r["y"].tolist() == [1, 2]
        assert r.trace.results[0].dtype == "int64"
        empty = gc.run("y = x.T", x=numpy.zeros((0, 3)), backend=backend)
        assert tuple(empty["y"].shape) == (3, 0)


@pytest.mark.parametrize("program", ["y = x; z = y + 1", "y = [x, 1]; z = y + 1"])
def test_a_constant_input_stays_an_operand(program):
    """What is made of an input names it, also where the input is a constant."""
    for text, given in ((program, {"x": 2.0}), ("x = 2; " + program, {})):
        trace = gc.run(text, given).trace
        assert trace.select(["y"])[0].inputs == ("x",)
        assert [record.name for record in trace.results] == ["z"]


def test_a_compiled_program_forgets_old_shapes():
    """Calls with ever other shapes do not keep a graph for each."""

    def count_graphs():
        return sum(type(x) is Graph for x in garbage.get_objects())

    before = count_graphs()
    double = gc.compile("y = x * 2")
    for size in range(1, 60):
        assert double(x=[1.0] * size)["y"].shape == (size,)
    assert 1 <= count_graphs() - before <= 17


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize(
    "text", ["softmax(x)", "x > 1", "argmax(x, dim=1)", "x[2:]", "x.sum(dim=1, keepdim=True)"]
)
def test_results_are_inputs(text, backend):
    """A result goes into another run as it is: its shape, its dtype, its elements."""
    first = gc.run(f"y = {text}", x=[[1, 2, 3], [4, 5, 7]], backend="python")
    second = gc.run("z = y", y=first["y"], backend=backend)
    before, after = first.trace.results[-1], second.trace.results[-1]
    assert (before.shape, before.dtype) == (after.shape, after.dtype)
    assert first["y"].tolist() == second["z"].tolist()


def test_arrays_of_the_python_backend_are_sequences():
    """An array indexes, iterates, and turns into a NumPy array of its shape."""
    v = gc.run("x * 2", x=[[1, 2], [3, 4]], backend="python").value
    assert v[0].tolist() == [2.0, 4.0]
    assert [row.tolist() for row in v] == [[2.0, 4.0], [6.0, 8.0]]
    assert v[-1][-1] == 8.0
    assert numpy.asarray(v).tolist() == [[2.0, 4.0], [6.0, 8.0]]
    with pytest.raises(IndexError):
        v[2]


def test_wrong_calls_are_usage_errors():
    """A positional value and a program that is no text are explained."""
    with pytest.raises(gc.UsageError, match="by name"):
        gc.compile("x")(2)
    with pytest.raises(gc.UsageError, match="a program is text"):
        gc.run(3)


def test_a_name_assigned_again_means_its_last_value():
    """In results, gradients and what is kept; the earlier values are `y'1` and `y'2`."""
    r = gc.run("y = x; y = y + 1; y = y * 3; z = y^2", x=2.0, grad="z")
    assert (r["y"], r["y'1"], r["y'2"], r["z"]) == (9.0, 2.0, 3.0, 81.0)
    assert (r.grad["y"], r.grad["y'2"], r.grad["y'1"], r.grad["x"]) == (18.0, 54.0, 54.0, 54.0)
    assert gc.run("x = x + 1; y = 2*x", x=2.0, keep=["x"])["x"] == 3.0
    assert gc.run("x = x + 1; y = x^2", x=2.0, grad="y", wrt="x").grad["x"] == 6.0


def test_notes():
    """A result has the notes that the command prints, with their places; most have none."""
    (note,) = gc.run("y = x.float() * 2", x=0.1).notes
    assert note.kind == "note"
    assert "float64" in note.message
    assert note.labels[0].source.slice(note.labels[0].span) == "x.float()"
    (note,) = gc.run("y = x / 2", x=numpy.array([2**60 + 1])).notes
    assert str(2**60 + 1) in note.message
    assert gc.run("y = x / 2", x=numpy.array([2**60 + 1.0])).notes == ()
    fit = gc.minimize("loss = (w.float() - 3)^2", w=0, loss="loss", update="w", lr=0.1)
    assert [n.message for n in fit.notes] == [gc.run("x.float()", x=0).notes[0].message]
