"""Names of dtypes, casts, the dtype that values meet in, and what an output says of it."""

import pytest

torch = pytest.importorskip("torch")

import graphcalc as gc  # noqa: E402

NAMES = {
    **dict.fromkeys(("fp16", "half", "float16"), "float16"),
    **dict.fromkeys(("bf16", "bfloat16"), "bfloat16"),
    **dict.fromkeys(("fp32", "float", "float32"), "float32"),
    **dict.fromkeys(("fp64", "double", "float64"), "float64"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_dtypes(name):
    """Every name serves as the run's dtype, as `dtype=`, and in `.to()`."""
    wanted = getattr(torch, NAMES[name])
    x = torch.tensor([0.1], dtype=torch.float64)
    assert gc.run("x + 0.5", dtype=name, x=[0.1], backend="torch").value.dtype is wanted
    if NAMES[name] != "float32":
        assert gc.run(f"x.to(torch.{name})", x=x).value.dtype is wanted
        assert gc.run(f"torch.tensor([0.1], dtype=torch.{name}) + x", x=x).value.dtype is x.dtype


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("method", ["half", "bfloat16", "double", "float"])
def test_methods_cast(method, dtype):
    """A cast rounds, as torch's; only float32 in a float64 run stays float64."""
    x = torch.tensor([0.1, 1e6, -3e-6, 1e300], dtype=torch.float64).to(getattr(torch, dtype))
    found = gc.run(f"x.{method}()", dtype=dtype, backend="torch", x=x).value
    stays = (method, dtype) == ("float", "float64")
    assert torch.equal(found, x if stays else getattr(x, method)())


def test_the_gradient_of_a_cast_is_cast_back():
    """A gradient has the dtype of its operand."""
    x = torch.tensor([0.1, 2.0], dtype=torch.float32, requires_grad=True)
    torch.sum((x.half() * 3.3).float() * x).backward()
    found = gc.run("y = sum((x.half() * 3.3).float() * x)", x=x.detach(), dtype="float32", grad="y")
    assert torch.equal(found.grad["x"], x.grad)


def test_scalars_do_not_widen_tensors():
    """Values meet as in torch: a scalar counts where it is of a higher category."""
    narrow, wide = torch.ones(2, dtype=torch.float16), torch.ones(2, dtype=torch.float32)
    values = {"a": narrow, "b": wide, "s": wide[0], "i": torch.tensor([1, 2])}
    for text in ("a + b", "a * s", "s * a", "a + a[0]", "i * s", "a[0] * s"):
        expected = eval(text, dict(values))
        assert gc.run(text, backend="torch", **using(text, values)).value.dtype is expected.dtype


def using(text, values):
    """Return the values whose names a text has."""
    return {name: value for name, value in values.items() if name in text}


@pytest.mark.parametrize("call", ["sum(x, dtype=D)", "mean(x, dtype=D)", "cumsum(x, 0, dtype=D)"])
def test_dtype_of_a_reduction_is_that_of_its_sum(call):
    """`dtype=` says in which dtype elements are added up, not only that of the result."""
    x = torch.full((9,), 30000.0, dtype=torch.float16)
    expected = eval(f"torch.{call}", {"torch": torch, "x": x, "D": torch.float32})
    text = call.replace("D", "torch.float32")
    assert torch.equal(gc.run(text, dtype="float16", x=x).value, expected)


@pytest.mark.parametrize("text", ["x.short()", "x.byte()", "x.to(torch.int8)"])
def test_narrow_integers_are_noted(text):
    """Integers of few bits are int64 after the cast, and a note says so."""
    found = gc.run(text, x=[300.0, -2.0])
    assert "do not wrap" in found.trace.graph.notes[0].text


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32"])
@pytest.mark.parametrize("backend", ["python", "torch"])
def test_narrow_integers_wrap_around(dtype, backend):
    """A cast to integers of few bits wraps around as torch's does."""
    numbers = [300.7, -2.5, -129.0, 128.0, 40000.0, -70000.0, 0.0, 2.0**31 - 1, -1.0]
    whole = [2**31, 2**40 + 7, -(2**53) - 1, 255, -256]
    for values in (torch.tensor(numbers, dtype=torch.float64), torch.tensor(whole)):
        wanted = values.to(getattr(torch, dtype)).tolist()
        found = gc.run(f"x.to(torch.{dtype})", x=values, backend=backend).value
        assert found.tolist() == wanted


def test_tables_say_the_dtypes_of_their_nodes():
    """The line below a table and the JSON say what the nodes are, not what the run was."""
    x = torch.tensor([1.0, 3.0], dtype=torch.float32)
    found = gc.run("x * 2", x=x)
    assert found.trace.dtypes == ["float32"]
    assert "torch on cpu · float32 ·" in str(found)
    assert "· float16, float32 ·" in str(gc.run("norm(x)", x=x.half()))
    assert gc.run("x == 2", x=2).trace.dtypes == ["float64"]
