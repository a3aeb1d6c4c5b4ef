"""float16 and bfloat16 against torch run directly: values, gradients, and what numbers become."""

import operator
import re
from random import Random

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from torch_version import has_shared_ties  # noqa: E402

import graphcalc as gc  # noqa: E402
from graphcalc.ops.kernels.torch import namesake_of  # noqa: E402
from graphcalc.ops.spec import TENSORS, parameters  # noqa: E402
from graphcalc.ops.table import OPS  # noqa: E402
from tests.halves import HALVES, name_of, sweep, ulps, ulps_of_largest  # noqa: E402


def operand_names(op):
    """Return the operands that a call has to give."""
    return [p.name for p in parameters(op) if p.kind in TENSORS and not p.default]


def arguments(op, dtype):
    """Return values for the operands of a row."""
    values = {n: sweep(dtype, seed) for seed, n in enumerate(operand_names(op))}
    if op.casting == "condition":
        values["condition"] = values["condition"] > 0
    bounds = {"min": sweep(dtype, 5), "max": sweep(dtype, 6)}
    return values | (bounds if op.name == "clamp" else {})


def has_gradient(name):
    """Return whether the gradients of a row are compared with torch's."""
    dtype = torch.float16
    value = namesake_of(torch, OPS[name])(*arguments(OPS[name], dtype).values())
    return value.dtype == dtype and name not in WITHOUT_GRADIENT


def takes_halves(op):
    """Return whether torch has an op as a function of tensors of half precision."""
    function, required = namesake_of(torch, op), [p for p in parameters(op) if not p.default]
    if function is None or len(required) != len(operand_names(op)):
        return False
    try:
        return isinstance(function(*arguments(op, torch.float16).values()), torch.Tensor)
    except (RuntimeError, TypeError):
        return False


def rows():
    """Return the elementwise rows that torch has as functions of tensors alone."""
    named = [op for op in OPS.values() if op.kind == "elementwise" and op.access == "call"]
    return [op.name for op in named if takes_halves(op)]


# Gradients of torch's kernels that other steps come near to, in units of the last place.
NEAR = {"asin": 2, "acos": 2, "asinh": 2, "acosh": 2, "sigmoid": 2, "logsigmoid": 1}
# torch's clamp has two bounds at least; its polygamma is of nine digits and none at infinity, and
# the gradient of a remainder at infinity is another number there, as that of hardtanh at NaN.
WITHOUT_GRADIENT = {"hardtanh", "clamp", "digamma", "floor_divide", "heaviside", "remainder"}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", rows())
def test_elementwise_rows_are_torchs(name, dtype):
    """Every element of a sweep is torch's own, bit by bit."""
    values = arguments(OPS[name], dtype)
    expected = namesake_of(torch, OPS[name])(*values.values())
    assert ulps(gc.run(f"{name}({', '.join(values)})", **values).value, expected) == 0


def is_of_now(text):
    """Whether the torch here has the gradients of torch 2.14, at ties and kinks, of a function."""
    changed = ("fmin", "fmax", "softshrink")
    return has_shared_ties() or not any(name in text for name in changed)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", [n for n in rows() if has_gradient(n) and is_of_now(n)])
def test_gradients_of_rows_are_torchs(name, dtype):
    """Every element of a gradient is torch's own, or nearly."""
    values = arguments(OPS[name], dtype)
    leaves = {n: v.clone().requires_grad_(v.is_floating_point()) for n, v in values.items()}
    expected = namesake_of(torch, OPS[name])(*leaves.values())
    weights = torch.randn(len(expected), generator=torch.Generator().manual_seed(1)).to(dtype)
    wanted = [n for n, v in leaves.items() if v.requires_grad]
    gradients = torch.autograd.grad(
        expected, [leaves[n] for n in wanted], weights, materialize_grads=True
    )
    text = f"{name}({', '.join(values)})"
    for n, gradient in zip(wanted, gradients):
        program = f"out = {text}; q = grad(out, {n}, weights)"
        found = gc.run(program, weights=weights, **values)["q"]
        assert ulps(found, gradient) <= NEAR.get(name, 0), n


OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
NUMBERS = {"0.1": 0.1, "1e6": 1e6, "1e-8": 1e-8, "(1/3)": 1 / 3, "(1e3*1e3)": 1e6, "0.3": 0.3}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("symbol", OPERATORS)
def test_written_numbers_are_numbers_to_torch(symbol, dtype):
    """A number on either side, computed or named, gives what Python and torch make of it."""
    x = sweep(dtype)
    for text, number in NUMBERS.items():
        if symbol == "**" and number == 1e6 and dtype is torch.float16:
            continue  # torch refuses this exponent
        expected = OPERATORS[symbol](x, number)
        for program in (f"x {symbol} {text}", f"k = {text}; x {symbol} k"):
            assert ulps(gc.run(program, dtype=name_of(dtype), x=x).value, expected) == 0, program
        expected = OPERATORS[symbol](number, x)
        for program in (f"{text} {symbol} x", f"k = {text}; k {symbol} x"):
            assert ulps(gc.run(program, dtype=name_of(dtype), x=x).value, expected) == 0, program


CALLS = [
    "torch.lerp(x, y, 0.3)",
    "torch.xlogy(x, 1e-8)",
    "torch.xlogy(0.3, x)",
    "torch.where(x > 0, x, 1e9)",
    "torch.where(x > 0, 0.1, x)",
    "torch.clamp(x, max=0.7)",
    "torch.clamp(x, 0.1, 0.7)",
    "torch.fmod(x, 0.3)",
    "torch.copysign(x, -0.3)",
    "torch.nan_to_num(x)",
    "torch.nan_to_num(x, 0.1, 3.3, -1e3)",
    "F.softplus(x, 0.3, 5)",
    "F.hardtanh(x, -0.3, 0.7)",
    "torch.full_like(x, 0.1)",
    "F.leaky_relu(x, 0.123)",
    "torch.logit(x, 1e-6)",
    "torch.sub(x, 0.1)",
]


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("call", CALLS)
def test_numbers_as_arguments(call, dtype):
    """Numbers are arguments of torch's functions as they are."""
    values = {"x": sweep(dtype)} | ({"y": sweep(dtype, 3)} if " y" in call else {})
    expected = eval(call, {"torch": torch, "F": F, **values})
    assert ulps(gc.run(call, dtype=name_of(dtype), **values).value, expected) == 0


def test_numbers_are_kept_on_every_path():
    """Large tensors, computed in tiles, and one element alone have the same numbers."""
    x = sweep(torch.float16, count=20_000)
    text = "x * 1e6 * (1e-3 * 1e-3) + 1e-8 < 0.1 / x"
    expected = x * 1e6 * (1e-3 * 1e-3) + 1e-8 < 0.1 / x
    assert torch.equal(gc.run(text, x=x).value, expected)
    some = [gc.run(text, x=x[i]).value for i in range(0, 2000, 97)]
    assert torch.equal(torch.stack(some), expected[:2000:97])


def test_bound_numbers_are_tensors():
    """A number on the command line is a tensor of the run's dtype, one in the program a double."""
    x = torch.tensor([0.001], dtype=torch.float16)
    assert gc.run("x * k", dtype="float16", x=x, k=1e6).value.isinf().all()
    assert gc.run("k = 1e6; x * k", dtype="float16", x=x).value.item() == 1000.5


def inputs(dtype, seed):
    """Return tensors of the networks' and the losses' kinds."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator).to(dtype)

    x, y, z = normal(7, 13), normal(7, 13), normal(7, 13)
    u, q = (torch.rand(7, 13, generator=generator).clamp(0.02, 0.98).to(dtype) for _ in "uq")
    t = torch.randint(0, 13, (7,), generator=generator)
    vectors = {"v": normal(13), "w": normal(13), "s": normal(13, 13), "c": normal(7, 12)}
    others = {"positive": x.abs() + 0.01, "u": u, "q": q, "t": t, "sign": torch.sign(normal(7, 13))}
    return {"x": x, "y": y, "z": z} | vectors | others


# Calls whose values are torch's to one unit in the last place of each element.
EXACT = [
    *(
        "torch.rsqrt(positive)",
        "torch.reciprocal(x)",
        "torch.frac(x)",
        "torch.logit(u)",
        "F.relu6(x)",
    ),
    *("F.hardsigmoid(x)", "F.hardswish(x)", "F.leaky_relu(x, 0.3)", "F.elu(x, 0.3)", "F.selu(x)"),
    *("F.celu(x, 0.7)", "F.prelu(x, v)", "F.gelu(x)", 'F.gelu(x, approximate="tanh")'),
    *("F.silu(x)", "F.mish(x)", "F.softsign(x)", "F.tanhshrink(x)", "F.softshrink(x, 0.3)"),
    *("torch.addcmul(x, y, z, value=0.3)", "torch.addcdiv(x, y, z, value=0.3)", "F.glu(c)"),
    *("torch.var(x)", "torch.std(x, dim=0, correction=0)", "torch.std(x * 300)"),
    *("torch.norm(x)", "torch.norm(x * 300)", "torch.norm(x, p=3, dim=1)", "torch.norm(x, p=1)"),
    *("torch.linalg.vector_norm(x, 3)", "torch.logsumexp(x, dim=1)", "torch.linalg.norm(x, ord=1)"),
    "torch.addmm(y, x, s, beta=0.3, alpha=0.7)",
    *("torch.softmax(x, 1)", "torch.softmax(10 * x, 0)", "torch.log_softmax(x, 1)"),
    *("F.softmin(x, dim=1)", "F.normalize(x)", "F.normalize(x * 300)"),
    *("F.layer_norm(x, (13,))", "F.layer_norm(x, (13,), v, w)", "F.layer_norm(x * 300, (13,))"),
    *("F.rms_norm(x, (13,), v)", "F.rms_norm(x * 300, (13,))", "F.group_norm(c, 3)"),
    *("F.linear(x, y, y[:, 0])", "F.conv1d(x[None], y[None, :, :3], v[:1])"),
    *("F.max_pool2d(x[None, None], 2)", "F.avg_pool2d(x[None, None], 3)"),
    *("F.cosine_similarity(x, y, dim=1)", "F.pairwise_distance(x, y)"),
    *("F.l1_loss(x, y)", "F.mse_loss(x, y)", 'F.mse_loss(x, y, reduction="none")'),
    "F.binary_cross_entropy(u, q)",
    *("F.binary_cross_entropy_with_logits(x, q)",),
    "F.multilabel_soft_margin_loss(x, q)",
    *('F.kl_div(x, q, reduction="batchmean")', "F.margin_ranking_loss(x, y, sign)"),
    *(
        "F.hinge_embedding_loss(x, sign)",
        "F.poisson_nll_loss(x, q)",
        "F.gaussian_nll_loss(x, y, q)",
    ),
]
# Calls whose sums cancel, to one unit of the largest element.
NEARLY = [
    "F.cross_entropy(x, t)",
    'F.binary_cross_entropy(u, q, reduction="none")',
    *(
        "torch.cov(x)",
        "torch.corrcoef(x)",
        "F.instance_norm(x[None])",
    ),
    *("F.huber_loss(x, y, delta=0.7)", 'F.huber_loss(x, y, delta=0.7, reduction="none")'),
    *("F.smooth_l1_loss(x, y)", 'F.smooth_l1_loss(x, y, beta=0.7, reduction="none")'),
    'F.binary_cross_entropy_with_logits(x, q, reduction="none")',
    "F.scaled_dot_product_attention(x[None, None], y[None, None], z[None, None])",
]
# How far gradients are from torch's, in units of the largest: not at all where torch's own
# derivative is taken, and more than others where torch reads values that were rounded.
DISTANCES = {
    "torch.norm(x, p": 3,
    "instance_norm": 8,
    **dict.fromkeys(("softm", "logsumexp", "layer_norm", "group_norm", "rms_norm", "glu"), 0),
    **dict.fromkeys(("var(", "std(", "norm(x)", "linalg", "normalize", "addmm", "addc"), 0),
    **dict.fromkeys(("cosine", "pairwise", "kl_div", "poisson", "huber", "smooth", "logits"), 0),
    **dict.fromkeys(("gelu", "silu", "mish", "hardsigmoid", "hardswish"), 0),
}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("call", [call for call in EXACT + NEARLY if is_of_now(call)])
def test_composites_are_torchs(call, dtype):
    """The functions of the prelude round where torch's do, and so do their gradients."""
    for seed in range(2):
        values = inputs(dtype, seed)
        names = [n for n in values if re.search(rf"\b{n}\b", call)]
        leaves = {n: values[n].clone().requires_grad_(values[n].is_floating_point()) for n in names}
        expected = eval(call, {"torch": torch, "F": F, **leaves})
        weights = torch.linspace(0.5, 1.5, expected.numel()).to(dtype).reshape(expected.shape)
        wanted = [n for n in names if leaves[n].requires_grad]
        gradients = torch.autograd.grad(
            expected, [leaves[n] for n in wanted], weights, allow_unused=True
        )
        found = {n: values[n] for n in names}
        value = gc.run(call, **found).value
        distance = ulps_of_largest if call in NEARLY else ulps
        # torch adds up the losses of classes in their own dtype.
        assert distance(value, expected.detach()) <= 1 + ("cross_entropy(x, t)" in call)
        most = next((k for word, k in DISTANCES.items() if word in call), 3)
        for n, gradient in zip(wanted, gradients):
            if gradient is not None:
                text = f"out = {call}; gradient = grad(out, {n}, weights)"
                own = gc.run(text, weights=weights, **found)["gradient"]
                assert ulps_of_largest(own, gradient) <= most, n


@pytest.mark.slow
@pytest.mark.parametrize("dtype", HALVES)
def test_compiled_programs_round_every_value(dtype):
    """torch.compile gives the numbers of the same graph node by node."""
    x, y = sweep(dtype, count=500), sweep(dtype, 3, count=500)
    text = "(x * 1e6 * (1e-3 * 1e-3) + 1e-8) * y - 0.1 * x / (y + 0.3)"
    program = gc.compile(text, dtype=name_of(dtype), compiled=True)
    assert ulps(program(x=x, y=y).value, eval(text, {"x": x, "y": y})) == 0


@pytest.mark.parametrize("dtype", [*HALVES, torch.float32, torch.float64])
def test_rms_norm_takes_the_eps_of_its_kernel(dtype):
    """Without eps, rms_norm has that of the dtype in which it is computed."""
    x = (torch.randn(7, 13, generator=torch.Generator().manual_seed(2)) * 1e-4).to(dtype)
    found = gc.run("F.rms_norm(x, (13,))", x=x, backend="torch").value
    assert torch.allclose(found, F.rms_norm(x, (13,)), rtol=torch.finfo(dtype).eps * 4, atol=0)


# Activations of numbers of all magnitudes; gelu far below 0 has another rounding error.
SWEPT = [
    *("F.silu(x)", "F.mish(x)", "F.elu(x)", "F.selu(x)", "F.celu(x, 0.7)", "F.hardswish(x)"),
    *("F.hardsigmoid(x)", "F.relu6(x)", "F.softsign(x)", "F.tanhshrink(x)", "F.softshrink(x)"),
    *("F.hardshrink(x)", "F.leaky_relu(x)", "torch.rsqrt(x)", "torch.square(x)", "torch.frac(x)"),
]


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("call", SWEPT)
def test_activations_of_all_magnitudes(call, dtype):
    """Infinite and subnormal numbers and NaN come to what torch makes of them."""
    x = sweep(dtype, 3)
    expected = eval(call, {"torch": torch, "F": F, "x": x})
    assert ulps(gc.run(call, x=x).value, expected) <= 1


FUNCTIONS = ("torch.sin", "torch.exp", "torch.tanh", "torch.abs", "torch.sigmoid", "F.elu", "-")
LEAVES = ("x", "y", "0.1", "1e4", "3", "(1/7)", "x[:1]", "k")


def random_program(random, depth):
    """Return an expression of tensors and numbers that Python reads as this language does."""
    if depth == 0:
        return random.choice(LEAVES)
    left, right = (random_program(random, depth - 1) for _ in "lr")
    if random.random() < 0.3:
        name = random.choice(FUNCTIONS)
        return f"{name}({left} + x)"
    return f"({left} {random.choice('+-*/')} {right})"


@pytest.mark.parametrize("dtype", HALVES)
def test_random_programs_are_torchs(dtype):
    """Programs of a few operations give what Python makes of them with torch, bit by bit."""
    random = Random(5)
    values = {"x": sweep(dtype, 1, count=300), "y": sweep(dtype, 2, count=300)}
    for _ in range(60):
        text = f"x * {random_program(random, 3)} + y"
        expected = eval(text, {"torch": torch, "F": F, "k": 1 / 3, **values})
        found = gc.run(f"k = 1/3; {text} + 0 * k", dtype=name_of(dtype), **values).value
        assert ulps(found, expected + 0 * (1 / 3)) == 0, text


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(
    "call",
    [
        "torch.linalg.norm(300 * x[:5], 2)",
        "torch.linalg.norm(x[:5], -0.5)",
        "torch.linalg.norm(300 * x[:6].reshape(2, 3), 1)",
        "torch.linalg.vecdot(x[:6].reshape(2, 3), x[6:12].reshape(2, 3))",
        "torch.addr(x[:6].reshape(2, 3), x[:2], x[2:5], beta=0.6, alpha=0.2)",
        "torch.trapezoid(x[:9], x[9:18])",
        "torch.cumulative_trapezoid(x[:9], x[9:18])",
        "torch.cumulative_trapezoid(x[:9], dx=0.3)",
        "torch.logcumsumexp(x[:9], 0)",
        "torch.nanmedian(x)",
    ],
)
def test_calls_round_where_torchs_do(dtype, call):
    """Inside of these functions torch is float32, or rounds each of its steps."""
    x = torch.linspace(-1.7, 2.1, 31).sin().to(dtype)
    assert ulps(gc.run(call, x=x).value, eval(call, {"torch": torch, "x": x})) <= 1


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("call", ["1 / x", "2.5 / x", "torch.reciprocal(x)"])
def test_gradients_of_numbers_over_tensors(call, dtype):
    """Of a number over x it is that of one over x, whose square may overflow."""
    x = sweep(dtype, 3)
    leaf = x.clone().requires_grad_()
    value = eval(call, {"torch": torch, "x": leaf})
    (wanted,) = torch.autograd.grad(value.sum(), leaf)
    found = gc.run(f"g = grad(sum({call}), x)", x=x)["g"]
    assert torch.equal(found.nan_to_num(7), wanted.nan_to_num(7))
