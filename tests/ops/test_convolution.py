import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from graphcalc.ops import convolution_shapes
from graphcalc.ops.convolution_shapes import CONV_INPUT_VJP, CONV_VJP, CONV_WEIGHT_VJP
from graphcalc.ops.kernels import convolution
from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.ops.spec import Problem, Type

NAMES = ("stride", "padding", "dilation", "groups")
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


def randn(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def on_python(name, *arguments):
    """What the type rule and the Python kernel of that name give, as a tensor."""
    tensors, params = arguments[:2], arguments[2:]
    types = tuple(Type(tuple(x.shape), "float64") for x in tensors)
    type_ = getattr(convolution_shapes, f"{name}_type")("float64", types, params)
    arrays = [NDArray(tuple(x.shape), x.flatten().tolist()) for x in tensors]
    data = getattr(convolution, name)(type_, *arrays, *params)
    assert len(data) == type_.numel
    assert all(type(value) is float for value in data)
    return torch.tensor(data, dtype=torch.float64).reshape(type_.shape)


def on_torch(name, *arguments):
    """What the torch kernel of that name gives."""
    return getattr(convolution, f"{name}_torch")(torch, *arguments)


def reference(x, weight, stride, padding, dilation, groups):
    """torch's own convolution of as many dimensions as the weight has."""
    kernel = getattr(torch.nn.functional, f"conv{weight.dim() - 2}d")
    return kernel(x, weight, None, stride, padding, dilation, groups)


def assert_close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@st.composite
def calls(draw):
    """Shapes of an input and a weight, and static arguments that fit them."""
    count = draw(st.integers(1, 3))

    def numbers(least, most):
        length = draw(st.sampled_from((1, count)))
        return tuple(draw(st.integers(least, most)) for _ in range(length))

    padding = draw(st.sampled_from(("valid", "same", "numbers", "numbers")))
    if padding == "numbers":
        padding = numbers(0, 2)
    stride = (1,) if padding == "same" else numbers(1, 3)
    dilation, groups = numbers(1, 3), draw(st.integers(1, 3))
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(count))
    spans = [d * (k - 1) + 1 for d, k in zip(dilation * (count // len(dilation)), kernel)]
    spatial = [draw(st.integers(1, 4)) for _ in range(count)]
    room = spatial
    if padding == "valid":
        spatial = room = [n + s - 1 for n, s in zip(spatial, spans)]
    elif padding != "same":
        around = padding * (count // len(padding))
        spatial = [max(n, s - 2 * p) for n, s, p in zip(spatial, spans, around)]
        room = [n + 2 * p for n, p in zip(spatial, around)]
    assume(padding == "same" or all(n >= s for n, s in zip(room, spans)))
    batch = draw(st.sampled_from(((), (0,), (1,), (2,))))
    channels, filters = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    shape = (*batch, groups * channels, *spatial)
    return shape, (groups * filters, channels, *kernel), (stride, padding, dilation, groups)


@given(calls(), st.integers(0, 1000))
def test_kernels_agree_with_torch(call, seed):
    """Both kernels and the type rule give what torch's conv1d, conv2d and conv3d give."""
    shape, weight_shape, params = call
    x, weight = randn(shape, seed), randn(weight_shape, seed + 1)
    expected = reference(x, weight, *params)
    assert_close(on_python("conv", x, weight, *params), expected)
    assert_close(on_torch("conv", x, weight, *params), expected)


@given(calls(), st.integers(0, 1000))
def test_adjoints_agree_with_autograd(call, seed):
    """`conv_input` and `conv_weight` give torch's gradients of its own convolution."""
    shape, weight_shape, params = call
    x, weight = randn(shape, seed).requires_grad_(), randn(weight_shape, seed + 1).requires_grad_()
    value = reference(x, weight, *params)
    y = randn(value.shape, seed + 2)
    wanted = torch.autograd.grad(value, (x, weight), y)
    x, weight = x.detach(), weight.detach()
    for run in (on_python, on_torch):
        assert_close(run("conv_input", y, weight, shape, *params), wanted[0])
        assert_close(run("conv_weight", y, x, weight_shape, *params), wanted[1])


def assert_gradients(texts, operands, arguments, value):
    """The value of each text, on both backends, is autograd's gradient of that operand."""
    g = randn(value.shape, 5)
    wanted = torch.autograd.grad(value, tuple(operands.values()), g)
    values = {name: x.detach() for name, x in operands.items()}
    for run in (on_python, on_torch):
        scope = {"g": g, **values, **arguments}
        for name in ("conv", "conv_input", "conv_weight"):
            scope[name] = lambda *a, run=run, name=name: run(
                name, *[tuple(v) if isinstance(v, torch.Size) else v for v in a]
            )
        for text, expected in zip(texts, wanted):
            assert_close(eval(text, scope), expected)


@pytest.mark.slow
@given(calls(), st.integers(0, 1000))
def test_gradient_texts_agree_with_autograd(call, seed):
    """The texts of the three operations' gradients hold, and so gradients of any order do."""
    shape, weight_shape, params = call
    arguments = dict(zip(NAMES, params))
    x, weight = randn(shape, seed).requires_grad_(), randn(weight_shape, seed + 1).requires_grad_()
    value = on_torch("conv", x, weight, *params)
    y = randn(value.shape, seed + 2).requires_grad_()
    # An empty batch is a constant to torch.
    assume(value.numel())
    assert_gradients(CONV_VJP, {"x": x, "weight": weight}, arguments, value)
    value = on_torch("conv_input", y, weight, shape, *params)
    assert_gradients(CONV_INPUT_VJP, {"y": y, "weight": weight}, arguments, value)
    value = on_torch("conv_weight", y, x, weight_shape, *params)
    assert_gradients(CONV_WEIGHT_VJP, {"y": y, "x": x}, arguments, value)


@pytest.mark.parametrize(
    ("shape", "weight_shape", "result"),
    [((2, 0, 5), (4, 0, 2), (2, 4, 4)), ((2, 3, 5), (0, 3, 2), (2, 0, 4))],
)
def test_no_channels_give_zeros(shape, weight_shape, result):
    """Without input channels every sum is 0, and without filters there is no channel."""
    params = ((1,), (0,), (1,), 1)
    x, weight = randn(shape, 0), randn(weight_shape, 1)
    y = randn(result, 2)
    for run in (on_python, on_torch):
        assert_close(run("conv", x, weight, *params), torch.zeros(result, dtype=torch.float64))
        assert_close(run("conv_input", y, weight, shape, *params), torch.zeros_like(x))
        assert_close(run("conv_weight", y, x, weight_shape, *params), torch.zeros_like(weight))


X, W = (2, 4, 5), (6, 4, 3)
ONCE = ((1,), (0,), (1,), 1)
WRONG = [
    (X, (6, 3, 3), ONCE, "shape", "channels differ: {0} has 4, but {1} takes 3"),
    (X, (6, 1, 3), ((1,), (0,), (1,), 2), "shape", "channels differ: {0} has 4, but {1} takes 2"),
    (X, W, ((1,), (0,), (1,), 3), "shape", "3 groups do not divide the 4 channels of {0}"),
    (
        X,
        (5, 2, 3),
        ((1,), (0,), (1,), 2),
        "shape",
        "2 groups do not divide the 5 output channels of {1}",
    ),
    (X, W, ((1,), (0,), (1,), 0), "call", "`groups` is at least 1, not 0"),
    (
        X,
        W,
        ((1,), (1,), (4,), 1),
        "shape",
        "the kernel of {1} spans 9, but {0} with its padding has 7 in spatial dimension 0",
    ),
    (X, (6, 4), ONCE, "shape", "a weight has 3 to 5 dimensions, but {1} is (6, 4)"),
    (
        (5,),
        W,
        ONCE,
        "shape",
        "with 1 spatial dimension the input has 2 or 3 dimensions, but {0} is (5)",
    ),
    (
        X[1:],
        (6, 4, 3, 3),
        ONCE,
        "shape",
        "with 2 spatial dimensions the input has 3 or 4 dimensions, but {0} is (4, 5)",
    ),
    (X, (6, 4, 0), ONCE, "shape", "a kernel has elements, but {1} is (6, 4, 0)"),
    (X, W, ((0,), (0,), (1,), 1), "call", "`stride` is at least 1, not 0"),
    (X, W, ((1,), (0,), (0,), 1), "call", "`dilation` is at least 1, not 0"),
    (X, W, ((1,), (-1,), (1,), 1), "call", "`padding` is at least 0, not -1"),
    (
        X,
        W,
        ((1, 2), (0,), (1,), 1),
        "call",
        "`stride` has 2 numbers, but there is 1 spatial dimension",
    ),
    (
        (2, 4, 5, 5),
        (6, 4, 3, 3),
        ((1,), (0, 0, 0), (1,), 1),
        "call",
        "`padding` has 3 numbers, but there are 2 spatial dimensions",
    ),
    (
        X,
        W,
        ((2,), "same", (1,), 1),
        "call",
        'padding "same" wants a stride of 1, not (2)',
    ),
    (
        X,
        W,
        ((1,), "full{", (1,), 1),
        "call",
        '`padding` is numbers, "valid" or "same", not "full{{"',
    ),
]


def problem_of(rule, shapes, params):
    """The kind and the message of what a type rule raises."""
    with pytest.raises(Problem) as caught:
        rule("float64", tuple(Type(s, "float64") for s in shapes), params)
    return caught.value.kind, caught.value.message


@pytest.mark.parametrize(("x", "weight", "params", "kind", "message"), WRONG)
def test_misfits_are_explained(x, weight, params, kind, message):
    """Operands and arguments that do not fit each other say what differs."""
    assert problem_of(convolution_shapes.conv_type, (x, weight), params) == (kind, message)


def test_misfits_of_adjoints_are_explained():
    """The adjoints check the shape they are given, and the gradient against it."""
    y, short = (2, 6, 3), "{0} is (2, 6, 2), but the convolution's result is (2, 6, 3)"
    rule = convolution_shapes.conv_input_type
    assert problem_of(rule, ((2, 6, 2), W), (X, *ONCE)) == ("shape", short)
    message = "channels differ: the result has 5, but {1} takes 4"
    assert problem_of(rule, (y, W), ((2, 5, 5), *ONCE)) == ("shape", message)
    message = "a dimension must be a whole number >= 0, not -1"
    assert problem_of(rule, (y, W), ((-1, 4, 5), *ONCE)) == ("shape", message)
    rule = convolution_shapes.conv_weight_type
    assert problem_of(rule, ((2, 6, 2), X), (W, *ONCE)) == ("shape", short)
    message = "channels differ: {1} has 4, but the result takes 3"
    assert problem_of(rule, (y, X), ((6, 3, 3), *ONCE)) == ("shape", message)
    message = "a dimension must be a whole number >= 0, not -1"
    assert problem_of(rule, (y, X), ((-1, 4, 5), *ONCE)) == ("shape", message)


def test_cost_is_two_for_each_tap():
    """A convolution and its adjoints cost a product and a sum a tap of every element."""
    x, weight, y = (Type(s, "float64") for s in (X, (6, 2, 3), (2, 6, 3)))
    params = ((1,), (0,), (1,), 2)
    cost = 2 * (2 * 6 * 3) * (2 * 3)
    assert convolution_shapes.conv_cost((x, weight), params) == cost
    assert convolution_shapes.conv_input_cost((y, weight), (x.shape, *params)) == cost
    assert convolution_shapes.conv_weight_cost((y, x), (weight.shape, *params)) == cost


def test_result_dtype_is_that_of_arithmetic():
    """Integers count as the run's dtype, and literals stay weak."""
    x, weight = Type(X, "int64"), Type(W, "int64")
    assert convolution_shapes.conv_type("float32", (x, weight), ONCE) == Type((2, 6, 3), "float32")
    weak = Type(X, "float64", True), Type(W, "float64", True)
    assert convolution_shapes.conv_type("float64", weak, ONCE).weak
