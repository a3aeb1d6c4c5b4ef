"""Layers, losses and activations beside torch's own functions: values, gradients and refusals.

At NaN torch's vector units and its scalar code differ; what is asked here is one element, or few.
"""

import math
import re
import warnings

import pytest
import torch
from agreement import BACKENDS

import graphcalc as gc
from graphcalc.diagnostics import GraphcalcError

F = torch.nn.functional
nan, inf = math.nan, math.inf
KINKS = (nan, inf, -inf, 0.0, -0.0, 0.1, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, 20.0, -20.0)
ACTIVATIONS = (
    *("F.relu(x)", "F.relu6(x)", "F.elu(x)", "F.elu(x, 0.3)", "F.celu(x)", "F.celu(x, 0.5)"),
    *("F.selu(x)", "F.gelu(x)", 'F.gelu(x, approximate="tanh")', "F.silu(x)", "F.mish(x)"),
    *("F.hardtanh(x)", "F.hardtanh(x, -3, 0.5)", "F.leaky_relu(x, 0.3)"),
    *("F.softplus(x)", "F.softplus(x, 2, 6)", "F.softsign(x)", "F.tanhshrink(x)"),
    *("F.hardshrink(x)", "F.softshrink(x)", "F.softshrink(x, 1)", "F.threshold(x, 0.1, -9)"),
    *("F.threshold(x, 3, 20)", "F.logsigmoid(x)", "torch.sigmoid(x)", "torch.logit(x)"),
    *("torch.logit(x, 0.25)", "F.rrelu(x)", "x % 3", "torch.fmod(x, 3)", "torch.remainder(x, -3)"),
    *('torch.div(x, 3, rounding_mode="trunc")', "torch.round(x, decimals=1)", "torch.pow(x, 0)"),
)
# Where torch's second derivative is not asked, and why.
ONCE = {
    "F.gelu(x)": "torch multiplies infinities",
    'F.gelu(x, approximate="tanh")': "the same",
    "F.mish(x)": "the same",
    "F.silu(x)": "the same",
    "torch.logit(x, 0.25)": "torch is nan at the bounds, and beyond them",
    "torch.logit(x)": "torch is 0 outside of 0 to 1, where the first is nan",
    "torch.sigmoid(x)": "torch multiplies infinities",
    "F.logsigmoid(x)": "the same",
    "F.tanhshrink(x)": "the same",
}


def asked(text, **values):
    """Return torch's value of a call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(text, {"torch": torch, "F": torch.nn.functional, **values})


def found(text, backend, inputs):
    """Return graphcalc's value as a tensor of float64."""
    used = {name: x for name, x in inputs.items() if re.search(rf"\b{name}\b", text)}
    value = gc.run(text, inputs=used, backend=backend)["y"]
    nested = value.tolist() if hasattr(value, "tolist") else value
    return torch.tensor(nested, dtype=torch.float64)


def assert_equal(value, wanted, where):
    """Two tensors have one shape and nearly the same numbers, NaN at the same places."""
    assert value.shape == wanted.shape, f"{where}: {value.shape} and {wanted.shape}"
    is_near = torch.isclose(value, wanted.double(), rtol=1e-9, atol=1e-12, equal_nan=True)
    assert is_near.all(), f"{where}: {value}, torch {wanted}"


def derivatives(text, number):
    """Return torch's value, slope and second derivative at one number, as far as it has them."""
    x = torch.tensor([number], dtype=torch.float64, requires_grad=True)
    results = [asked(text, x=x)]
    for _ in range(1 if text in ONCE else 2):
        if not results[-1].requires_grad:
            break
        results.append(torch.autograd.grad(results[-1].sum(), x, create_graph=True)[0])
    return [r.detach() for r in results]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", ACTIVATIONS)
def test_activations_at_kinks_are_torchs(text, backend):
    """The value and two derivatives at NaN, infinities, zeros, kinks and bounds."""
    slope = f"grad(sum({text}), x)"
    programs = (f"y = {text}", f"y = {slope}", f"y = grad(sum({slope}), x)")
    for number in KINKS:
        for program, wanted in zip(programs, derivatives(text, number)):
            value = found(program, backend, {"x": torch.tensor([number], dtype=torch.float64)})
            value = value if value.shape == wanted.shape else value * torch.ones_like(wanted)
            assert_equal(value, wanted, f"{program} at {number}")


PAIRS = ((1.0, 0.001), (7.0, 3.0), (-7.0, 3.0), (7.0, -3.0), (0.3, 0.1), (5.5, 2.0), (0.0, 2.0))
QUOTIENTS = ("x % w", "torch.remainder(x, w)", "torch.fmod(x, w)", "x // w")
MODES = tuple(f'torch.div(x, w, rounding_mode="{m}")' for m in ("floor", "trunc"))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", [*QUOTIENTS, *MODES])
def test_remainders_are_torchs(text, backend):
    """Remainders and whole quotients with their gradients by both operands."""
    for pair in PAIRS:
        x, w = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in pair)
        wanted = asked(text, x=x, w=w)
        inputs = {"x": x.detach(), "w": w.detach()}
        assert_equal(found(f"y = {text}", backend, inputs), wanted.detach(), f"{text} {pair}")
        if "//" in text:
            continue
        slopes = torch.autograd.grad(wanted, (x, w), allow_unused=True)
        for name, slope in zip("xw", slopes):
            value = found(f"y = grad({text}, {name})", backend, inputs)
            assert_equal(
                value, torch.zeros(()) if slope is None else slope, f"{text} {pair} {name}"
            )


def numbers(*shape, seed=0):
    """Return numbers of the standard normal distribution."""
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


X = {"x": numbers(3, 4), "t": numbers(3, 4, seed=9), "v": numbers(3, 4, seed=5).abs()}
P = {"x": numbers(3, 4).sigmoid(), "t": (numbers(3, 4, seed=9) > 0).double(), "w": X["v"]}
CLASSES = {"x": numbers(4, 5), "t": torch.tensor([1, -100, 4, 0]), "w": numbers(5).abs()}
IMAGES = {"x": numbers(2, 4, 5, 6), "t": torch.randint(0, 4, (2, 5, 6)), "w": numbers(4).abs()}
SIGNS = {**X, "s": torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)}
IMAGE = {"x": numbers(2, 3, 7, 9)}
LINES = {"x": numbers(2, 3, 9)}
VOLUMES = {"x": numbers(1, 2, 4, 5, 6)}
CONV = {"x": numbers(2, 3, 4, 3), "w": numbers(3, 2, 2, 3)}
LOSSES = (
    *((f"F.mse_loss(x, t{m})", X) for m in ("", ", weight=v", ", weight=v, reduction='none'")),
    *((f"F.l1_loss(x, t{m})", X) for m in ("", ", weight=v", ", False", ", None, False")),
    *((f"F.huber_loss(x, t{m})", X) for m in ("", ", delta=0.3", ", 'sum', 2.0, v", ", weight=v")),
    *((f"F.smooth_l1_loss(x, t{m})", X) for m in ("", ", beta=0", ", beta=0.3, reduction='sum'")),
    *((f"F.binary_cross_entropy(x, t{m})", P) for m in ("", ", w", ", w, reduction='none'")),
    *((f"F.binary_cross_entropy_with_logits(x, t{m})", P) for m in ("", ", w", ", pos_weight=w")),
    *((f"F.cross_entropy(x, t{m})", CLASSES) for m in ("", ", w", ", reduction='none'")),
    *((f"F.cross_entropy(x, t{m})", CLASSES) for m in (", w, label_smoothing=0.2", ", w, False")),
    *((f"F.cross_entropy(x, t{m})", CLASSES) for m in (", label_smoothing=0.3",)),
    *((f"F.cross_entropy(x, t{m})", IMAGES) for m in ("", ", w", ", w, None, 1")),
    *((f"F.nll_loss(x, t{m})", CLASSES) for m in ("", ", w", ", w, reduction='sum'")),
    *(
        (f"F.kl_div(x, t.abs(){m})", X)
        for m in ("", ", None, None, 'batchmean'", ", log_target=True")
    ),
    *((f"F.gaussian_nll_loss(x, t, v{m})", X) for m in ("", "[:, 0]", "[:, :1]", "* 0, True, 0.5")),
    ("F.gaussian_nll_loss(x, t, v * 1e-9)", X),
    *((f"F.triplet_margin_loss(x, t, v{m})", X) for m in ("", ", swap=True", ", 0.5, 1")),
    ("F.triplet_margin_with_distance_loss(x, t, v, swap=True)", X),
    *((f"F.poisson_nll_loss(x, v * 3{m})", X) for m in ("", ", False, True", ", full=True")),
    *((f"F.cosine_embedding_loss(x, t, s{m})", SIGNS) for m in ("", ", 0.3", ", reduction='none'")),
    ("F.cosine_embedding_loss(x * 0, t, s)", SIGNS),
    *((f"F.multi_margin_loss(x, t.clamp(min=0){m})", CLASSES) for m in ("", ", 2", ", 1, 0.5, w")),
    *((f"F.multilabel_soft_margin_loss(x, t{m})", P) for m in ("", ", w", ", reduction='sum'")),
    ("F.soft_margin_loss(x, (t > 0) * 2.0 - 1)", P),
    ("F.margin_ranking_loss(x, t, t.sign(), 0.1)", X),
    ("F.hinge_embedding_loss(x, t * 2 - 1, 0.5)", P),
    ("F.mse_loss(x[:, :1], t[0])", X),
    ("F.smooth_l1_loss(x[:, :1], t[0])", X),
)
POOLS = (
    *((f"F.max_pool2d(x, 3, {m})", IMAGE) for m in ("2", "2, 1", "2, 1, 2", "2, 1, 1, True")),
    *((f"F.avg_pool2d(x, (3, 2), {m})", IMAGE) for m in ("2", "2, 1", "2, 1, True", "(1, 2), 1")),
    *((f"F.avg_pool2d(x, 3, 2, 1, {m})", IMAGE) for m in ("True, False", "False, False", "True")),
    ("F.avg_pool2d(x, 3, divisor_override=4)", IMAGE),
    *((f"F.max_pool1d(x{m})", LINES) for m in (", 2", ", 3, 2, 1", ", 3, dilation=2", "[0], 4")),
    *((f"F.avg_pool1d(x{m})", LINES) for m in (", 2", ", 3, 2, 1, True, False", "[0], 4")),
    *((f"F.max_pool3d(x, 2{m})", VOLUMES) for m in ("", ", 1, 1", ", (1, 2, 1), ceil_mode=True")),
    *((f"F.avg_pool3d(x, 2{m})", VOLUMES) for m in ("", ", 1, 1, False, False")),
    *((f"F.lp_pool2d(x, 2, {m})", IMAGE) for m in ("2", "(2, 3), 1", "3, 2, True")),
    ("F.lp_pool1d(x, 2, 3)", LINES),
    ("F.adaptive_avg_pool1d(x, 3)", LINES),
    ("F.adaptive_avg_pool2d(x, (None, 3))", IMAGE),
    ("F.adaptive_max_pool2d(x, (7, 3))", IMAGE),
    ("F.adaptive_avg_pool3d(x, (2, 1, 3))", VOLUMES),
)
LAYERS = (
    ("F.pad(x, (2, 1, 3, 0), 'replicate')", IMAGE),
    *((f"F.pad(x, (2, 1, 1, 3), '{m}')", IMAGE) for m in ("reflect", "circular", "constant")),
    *((f"F.pad(x, (9, 1, -2, 3), '{m}')", IMAGE) for m in ("replicate", "circular")),
    *((f"F.pad(x, (2, 1), '{m}')", LINES) for m in ("reflect", "circular", "replicate")),
    *((f"F.pad(x, (2, 1, 1, 0, 1, 2), '{m}')", VOLUMES) for m in ("reflect", "circular")),
    *((f"F.unfold(x, {m})", IMAGE) for m in ("2", "(2, 3), 2, 1, 2", "3, stride=2", "(7, 9)")),
    ("F.pixel_unshuffle(x[:, :, :6, :6], 3)", IMAGE),
    ("F.pixel_shuffle(x.reshape(1, 18, 7, 3), 3)", IMAGE),
    ("F.channel_shuffle(x, 3)", IMAGE),
    *((f"F.local_response_norm(x, {n}, 0.1, 0.5, 2)", IMAGE) for n in (1, 2, 3)),
    *((f"F.conv_transpose2d(x, w{m})", CONV) for m in ("", ", None, 3, 1, 1, 1, 2", ", stride=2")),
    ("F.conv_transpose1d(x, x[:, :, :2].reshape(3, 2, 2), stride=2, padding=1)", LINES),
    *((f"F.softmax(x{m})", IMAGE) for m in ("", "[0]", "[0, 0]", "[0, 0, 0]", "[0, 0, 0, 0]")),
    *((f"F.{f}(x{m})", IMAGE) for f in ("log_softmax", "softmin") for m in ("", "[0]", "[0, 0]")),
    ("F.embedding(torch.tensor([[2, 1], [1, 0]]), x[0, 0], padding_idx=1)", IMAGE),
    ("F.bilinear(x[0, :, 0, :4], x[1, :, 0, :2], x[:, :, :4, :2].reshape(6, 4, 2))", IMAGE),
)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("text", "inputs"), [*LOSSES, *POOLS, *LAYERS])
def test_values_and_gradients_are_torchs(text, inputs, backend):
    """Each argument of losses, pools and layers, with the gradients by all floating inputs."""
    is_leaf = {n: n in "xtv" and x.is_floating_point() for n, x in inputs.items()}
    leaves = {n: x.clone().requires_grad_(is_leaf[n]) for n, x in inputs.items()}
    wanted = asked(text, **leaves)
    program = text.replace("'", '"')
    assert_equal(found(f"y = {program}", backend, inputs), wanted.detach(), text)
    weights = torch.linspace(0.5, 1.7, wanted.numel(), dtype=torch.float64).reshape(wanted.shape)
    names = [n for n, x in leaves.items() if n in "xtv" and x.requires_grad]
    total = (wanted * weights).sum()
    slopes = torch.autograd.grad(total, [leaves[n] for n in names], allow_unused=True)
    for name, slope in zip(names, slopes):
        if slope is not None:
            derived = f"y = grad(sum({program} * weights), {name})"
            value = found(derived, backend, {**inputs, "weights": weights})
            assert_equal(value * torch.ones_like(slope), slope, f"{text} by {name}")


ATTENTION = {"q": numbers(2, 4, 3, 8), "k": numbers(2, 2, 5, 8), "v": numbers(2, 2, 5, 6)}
MASK = torch.tensor([[True, False, True, True, False], [False] * 5, [True] * 5])
HIDDEN = torch.zeros(3, 5, dtype=torch.float64).masked_fill(~MASK, -inf)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "more", ["", ", scale=0.3", ", is_causal=True", ", attn_mask=mask", ", attn_mask=hidden"]
)
def test_attention_is_torchs(more, backend):
    """Groups of heads, masks, queries that see no key, and the gradients."""
    text = f"F.scaled_dot_product_attention(q, k, v{more}, enable_gqa=True)"
    inputs = {**ATTENTION, "mask": MASK, "hidden": HIDDEN}
    leaves = {n: x.clone().requires_grad_() for n, x in ATTENTION.items()}
    wanted = asked(text, **{**inputs, **leaves})
    assert_equal(found(f"y = {text}", backend, inputs), wanted.detach(), text)
    slopes = torch.autograd.grad(wanted.square().sum(), [*leaves.values()])
    for name, slope in zip(leaves, slopes):
        assert_equal(found(f"y = grad(sum({text}^2), {name})", backend, inputs), slope, name)


REFUSED = (
    ("F.binary_cross_entropy_with_logits([[1], [2], [3]], [1, 0, 1])", "target-shape"),
    ("F.binary_cross_entropy([[0.1], [0.2]], [1, 0])", "target-shape"),
    ("F.soft_margin_loss([[1], [2]], [1, 1])", "target-shape"),
    ("F.margin_ranking_loss([[1], [2]], [[1], [2]], [1, 1])", "target-shape"),
    ("F.gaussian_nll_loss(ones(2, 3), ones(2, 3), ones(2, 2))", "target-shape"),
    ("F.mse_loss([1, 2], [1, 2], weight=[1])", "target-shape"),
    ("F.gaussian_nll_loss([1, 2], [1, 2], [1, -1])", "value-mismatch"),
    ("F.binary_cross_entropy([0.5, 1.5], [1, 0])", "value-mismatch"),
    ("F.binary_cross_entropy([0.5, nan], [1, 0])", "value-mismatch"),
    ("F.binary_cross_entropy([0.5, 0.5], [1, 2])", "value-mismatch"),
    ("F.cross_entropy([[1, 2]], [2])", "index-mismatch"),
    ("F.cross_entropy([[1, 2]], [[1]])", "shape-mismatch"),
    ('F.mse_loss([1, 2], [1, 4], "sum")', "not-here"),
    ('F.mse_loss([1, 2], [1, 4], reduction="average")', "not-here"),
    ("F.huber_loss([1], [2], delta=0)", "call-mismatch"),
    ("F.smooth_l1_loss([1], [2], beta=-1)", "call-mismatch"),
    ("F.triplet_margin_loss([[1]], [[2]], [[3]], margin=-1)", "call-mismatch"),
    ("F.softshrink([1], -0.5)", "call-mismatch"),
    ("F.dropout([1, 2], p=1.5)", "not-here"),
    ("F.cross_entropy([[1, 2]], [1], label_smoothing=2)", "not-here"),
    ('F.pad([[1, 2, 3]], (3, 0), "reflect")', "pad-size"),
    ('F.pad([[1, 2, 3]], (4, 0), "circular")', "pad-size"),
    ('F.pad([1, 2, 3], (1, 0), "reflect")', "pad-counts"),
    ('F.pad([[1, 2, 3]], (1, 0), "mirror")', "pad-mode"),
    ("F.max_pool2d(ones(1, 1, 4, 4), 2, padding=2)", "pool-window"),
    ("F.max_pool2d(ones(1, 1, 2, 2), 3)", "pool-size"),
    ("F.max_pool2d(ones(4, 4), 2)", "pool-shape"),
    ('torch.div(7, 2, rounding_mode="up")', "not-here"),
)


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_what_torch_refuses_is_refused(text, code):
    """Shapes, values and modes that torch does not take are errors on both backends."""
    for backend in BACKENDS:
        with pytest.raises(GraphcalcError) as error:
            gc.run(text, backend=backend)
        assert error.value.diagnostic.code == code


def test_dropout_of_everything_is_zero():
    """With p=1 all is 0, and so is the gradient."""
    for backend in BACKENDS:
        result = gc.run("y = sum(F.dropout(x, p=1.0))", x=[1, 2], grad="y", backend=backend)
        assert result["y"] == 0
        assert list(map(float, result.grad["x"].tolist())) == [0, 0]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("F.mse_loss([[1], [2]], [1, 2])", "they broadcast"),
        ("F.huber_loss([[1], [2]], [1, 2])", "they broadcast"),
        ("F.softmax(ones(2, 3, 4))", "dimension 0 of three"),
        ("F.log_softmax(ones(2, 3, 4, 5))", "dimension 1"),
    ],
)
def test_surprises_are_noted(text, part):
    """What torch warns of is a note; the value is torch's."""
    notes = []
    from graphcalc.evaluate import Evaluation, Options, parse
    from graphcalc.source import Source

    run = Evaluation(parse([Source(text)]), Options()).run
    run({}, notify=lambda note, *more: notes.append(note))
    assert any(part in str(note) for note in notes), notes


@pytest.mark.parametrize("padding_idx", [None, 1, -1])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_embedding_with_max_norm(p, padding_idx):
    """Rows of a larger norm are scaled to it, gradients are those of the rows, the weight stays."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 4, generator=generator, dtype=torch.float64) * 3
    indices = torch.tensor([[0, 1], [4, 1]])
    leaf = weight.clone().requires_grad_()
    scaled = F.embedding(indices, weight.clone(), padding_idx, 2.0, p)
    assert not torch.equal(F.embedding(indices, weight, padding_idx), scaled)
    text = f"y = F.embedding(i, w, {padding_idx}, max_norm=2, norm_type={p}); z = sum(y); v = w + 0"
    found = gc.run(text, {"i": indices, "w": weight}, grad="z", keep=["y"])
    assert torch.allclose(found["y"], scaled, rtol=1e-14)
    assert torch.equal(found["v"], weight)
    (slope,) = torch.autograd.grad(F.embedding(indices, leaf, padding_idx).sum(), leaf)
    assert torch.equal(found.grad["w"], slope)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("F.group_norm(ones(2, 4, 0), 2)", "no elements"),
        ("F.rms_norm(ones(2, 4), ())", "at least one size"),
        ("F.layer_norm(ones(2, 4), ())", "at least one size"),
    ],
)
def test_norms_of_nothing(text, message):
    """What torch refuses is refused: no sizes to normalize, and channels of no elements.

    Before 2.14 torch has a group norm of no elements, and so it is answered there.
    """
    try:
        wanted = eval(text.replace("ones", "torch.ones"), {"torch": torch, "F": F})
    except (RuntimeError, ValueError):
        with pytest.raises(GraphcalcError, match=message):
            gc.run(text)
    else:
        assert "group_norm" in text
        assert tuple(gc.run(text).value.shape) == tuple(wanted.shape)


def test_softmin_computes_in_its_dtype():
    """An operand of half precision is widened to `dtype=` before, not after."""
    x = torch.linspace(-3, 3, 15).reshape(3, 5).to(torch.bfloat16)
    wanted = F.softmin(x, 1, dtype=torch.float64)
    found = gc.run("y = F.softmin(x, 1, dtype=torch.float64)", x=x)["y"]
    assert found.dtype == wanted.dtype
    assert torch.allclose(found, wanted, rtol=1e-14)
