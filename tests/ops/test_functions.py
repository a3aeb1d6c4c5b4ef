"""Every function of the language, read from the tables: on each backend, and beside torch's own."""

import itertools
import math
import random

import numpy
import pytest
import torch
from agreement import BACKENDS, assert_typed, elements, flatten, result, shape_of, value_of
from functions import (
    DIFFERENT,
    NOT_IN_TORCH,
    ask_torch,
    assert_like_torch,
    assert_near,
    assert_same_on_backends,
    functions,
    messages,
    root_name,
    taken_apart,
)

import graphcalc as gc
from graphcalc.diagnostics import BackendError
from graphcalc.graph import shape_functions
from graphcalc.ops import shapes
from graphcalc.ops.spec import TENSORS, parameters
from graphcalc.ops.table import INTERNAL, OPS

REDUCTIONS_ = ("mean", "sum", "none")


def each(template, **choices):
    """A template with every combination of choices."""
    keys = list(choices)
    return [
        template.format(**dict(zip(keys, found))) for found in itertools.product(*choices.values())
    ]


def loss(name, arguments, more=()):
    """Calls of a loss with each reduction."""
    texts = []
    for given in (*arguments, *more):
        texts.append(f"{name}({given})")
        texts += [f'{name}({given}, reduction="{r}")' for r in REDUCTIONS_]
    return texts


_X = (
    *("randn(())", "randn(5)", "randn(2, 3)", "3 * randn(2, 3, 4)", "9 * randn(2, 1, 3, 2)"),
    *("randn(0, 3)", "[-inf, inf, nan, 0, -0.0, 1e300, 5e-324]"),
)
_PAIRS = ("randn(()), randn(())", "randn(5), randn(5)", "randn(4, 3), randn(4, 3)")
_LOSS = (*_PAIRS, "9 * randn(2, 3, 4), randn(2, 3, 4)", "randn(2, 2, 3, 2), randn(2, 2, 3, 2)")
_CLASSES = (
    "randn(4, 5), randint(0, 5, (4,))",
    "randn(4, 5, 3), randint(0, 5, (4, 3))",
    "randn(2, 5, 3, 2), randint(0, 5, (2, 3, 2))",
    "randn(4, 5), randint(0, 5, (4,)), weight=rand(5)",
    "randn(2, 5, 3, 2), randint(0, 5, (2, 3, 2)), weight=rand(5)",
    "randn(4, 5), [0, 1, 4, 1], ignore_index=1",
    "[[-inf, 0], [0, -1]], [-100, 1], ignore_index=-100",
    "randn(2, 5), [3, 3], ignore_index=3",
    "randn(4, 5), [0, -100, 4, 1], ignore_index=-100",
    "randn(4, 5), [0, -100, 4, 1], weight=rand(5), ignore_index=-100",
    "randn(4, 5, 3), randint(0, 5, (4, 3)), ignore_index=2",
    "randn(5), 3",
    "randn(5), 3, weight=rand(5)",
)
_SMOOTH = [f"{text}, label_smoothing=0.1" for text in _CLASSES]
_SOFT = (
    "randn(4, 5), softmax(randn(4, 5), dim=1)",
    "randn(4, 5), softmax(randn(4, 5), dim=1), weight=rand(5)",
    "randn(4, 5), softmax(randn(4, 5), dim=1), label_smoothing=0.2",
    "randn(4, 5), softmax(randn(4, 5), dim=1), weight=rand(5), label_smoothing=0.2",
    "randn(2, 5, 3), softmax(randn(2, 5, 3), dim=1), weight=rand(5)",
    "randn(2, 5, 3, 2), softmax(randn(2, 5, 3, 2), dim=1)",
    "randn(5), softmax(randn(5), dim=0)",
    "randn(5), softmax(randn(5), dim=0), weight=rand(5), label_smoothing=0.3",
)
_POOL = (
    "randn(2, 3, 6, 7), 2",
    "randn(3, 6, 7), 2",
    "randn(2, 3, 6, 7), (2, 3)",
    "randn(2, 3, 6, 7), 3, 1",
    "randn(2, 3, 6, 7), 3, stride=2, padding=1",
    "randn(2, 3, 6, 7), (3, 2), stride=(2, 1), padding=(1, 0)",
    "randn(2, 3, 6, 7), (4, 5), padding=(2, 1)",
    "randn(1, 1, 4, 4), 4",
    "randn(1, 1, 5, 5), 2, stride=3",
)

# Calls of the functions whose tables hold examples alone.
SAMPLES = {
    **{
        name: [f"{name}({x})" for x in _X]
        for name in (
            "square reciprocal rsqrt frac logit relu6 hardtanh hardsigmoid hardswish leaky_relu "
            "elu selu gelu silu swish mish softsign logsigmoid zeros_like ones_like celu "
            "tanhshrink hardshrink softshrink".split()
        )
    },
    **{name: [f"{name}(randn(2, 3)) * 0"] for name in ("rand_like", "randn_like")},
    "clone": ["clone(randn(2, 3))"],
    "tensor": ["torch.tensor([1, 2.5])"],
    "np_sign": ["np.sign([nan, -3, 0, inf])"],
}
MORE = {
    "logit": ["logit(rand(2, 3))", "logit(rand(2, 3), eps=0.3)", "logit([0, 1, 0.5], 1e-6)"],
    "hardtanh": ["hardtanh(3 * randn(5), -2, 0.5)", "hardtanh(randn(5), min_val=0)"],
    "leaky_relu": ["leaky_relu(randn(5), 0.3)", "leaky_relu(randn(5), negative_slope=2)"],
    "elu": ["elu(randn(5), 0.3)", "elu(randn(5), alpha=2)", "elu([-800, 800])"],
    "gelu": [f'gelu({x}, approximate="tanh")' for x in _X[:-1]],
    "logsigmoid": ["logsigmoid([-800, 800])"],
    "celu": ["celu(randn(5), 0.3)", "celu(randn(5), alpha=-2)"],
    "prelu": ["prelu(randn(2, 3), [0.3])", "prelu(randn(2, 3, 4), randn(3))"],
    "hardshrink": ["hardshrink(randn(5), 0.3)", "hardshrink([0.5, -0.5, 0.6])"],
    "softshrink": ["softshrink(randn(5), 0.3)", "softshrink([0.5, -0.5, 0.6])"],
    "masked_fill": ["masked_fill(randn(2, 3), randn(2, 3) > 0, -inf)"],
    "addcmul": ["addcmul(randn(2, 3), randn(3), randn(2, 1), value=0.3)"],
    "addcdiv": ["addcdiv(randn(2, 3), randn(3), randn(2, 1), value=0.3)"],
    "count_nonzero": ["count_nonzero([[0, 1], [2, nan]], dim=1)"],
    "cov": ["cov(randn(3, 5))", "cov(randn(3, 5), correction=0)", "cov(randn(5))"],
    "corrcoef": ["corrcoef(randn(3, 5))", "corrcoef(randn(5))"],
    "mv": ["mv(randn(2, 3), randn(3))"],
    "cross": ["cross(randn(2, 3), randn(2, 3))", "cross(randn(3, 2), randn(3, 2), dim=0)"],
    "kron": ["kron(randn(2, 3), randn(4, 5))", "kron(randn(2), randn(3))"],
    "baddbmm": ["baddbmm(randn(4), randn(2, 3, 5), randn(2, 5, 4), beta=0.5, alpha=2)"],
    "cdist": [f"cdist(randn(2, 4, 3), randn(2, 5, 3){p})" for p in ("", ", p=1", ", 3", ", p=inf")],
    "fliplr": ["fliplr(randn(2, 3, 4))"],
    "flipud": ["flipud(randn(2, 3))", "flipud(randn(3))"],
    "repeat_interleave": [
        f"repeat_interleave(randn(2, 3){more})" for more in (", 2", ", 3, 0", ", 3, dim=-1", ", 0")
    ],
    "np_repeat": ["np.repeat(randn(2, 3), 2, axis=1)"],
    "diff": ["diff(randn(3, 4))", "diff(randn(3, 4), dim=0)", "diff(randn(5), n=2)", "diff([7])"],
    "group_norm": [
        "group_norm(randn(2, 6), 3)",
        "group_norm(randn(2, 6, 4), 2, randn(6), randn(6), 0.1)",
        "group_norm(randn(2, 4, 3, 2), 4, bias=randn(4))",
    ],
    "instance_norm": [
        "instance_norm(randn(2, 3, 4))",
        "instance_norm(randn(2, 3, 4, 2), weight=randn(3), bias=randn(3), eps=0.1)",
        "instance_norm(randn(2, 3, 4), randn(3), rand(3), use_input_stats=False)",
    ],
    "glu": ["glu(randn(3, 4))", "glu(randn(2, 4, 3), 1)"],
    "adaptive_avg_pool2d": [
        f"adaptive_avg_pool2d(randn(2, 3, 4, 6), {n})" for n in ("1", "2", "(4, 3)", "(1, 6)")
    ],
    "movedim": ["movedim(randn(2, 3, 4), 0, -1)", "movedim(randn(2, 3, 4), (0, 1), (2, 0))"],
    "unflatten": ["unflatten(randn(2, 6), 1, (2, -1))", "unflatten(randn(6, 2), -2, (3, 2))"],
    "margin_ranking_loss": loss(
        "margin_ranking_loss",
        ["randn(5), randn(5), sign(randn(5))", "randn(5), randn(5), sign(randn(5)), 0.3"],
    ),
    "hinge_embedding_loss": loss(
        "hinge_embedding_loss",
        ["randn(5), sign(randn(5))", "randn(2, 3), sign(randn(2, 3)), margin=0.3"],
    ),
    "cosine_embedding_loss": loss(
        "cosine_embedding_loss",
        [
            "randn(4, 3), randn(4, 3), sign(randn(4))",
            "randn(4, 3), randn(4, 3), sign(randn(4)), 0.3",
        ],
    ),
    "soft_margin_loss": loss("soft_margin_loss", ["randn(2, 3), sign(randn(2, 3))"]),
    "poisson_nll_loss": loss(
        "poisson_nll_loss",
        [
            "randn(5), 3 * rand(5)",
            "rand(5), 3 * rand(5), log_input=False",
            "randn(5), 5 * rand(5), full=True",
            "rand(5), [0, 1, 1.5, 2, 3], False, True, eps=0.1",
        ],
    ),
    "gaussian_nll_loss": loss(
        "gaussian_nll_loss",
        [
            "randn(2, 3), randn(2, 3), rand(2, 3)",
            "randn(2, 3), randn(2, 3), rand(2, 3), full=True, eps=0.3",
        ],
    ),
    "threshold": ["threshold(randn(2, 3), 0.1, 20)", "threshold(randn(2, 3), -1, -7.5)"],
    **{
        name: [
            *each(
                f"{name}(randn(2, 3, 4){{dim}}{{correction}}{{keepdim}})",
                dim=[", dim=1", ", dim=(0, -1)", ", dim=None", ""],
                correction=["", ", correction=0", ", correction=2"],
                keepdim=["", ", keepdim=True"],
            ),
            *(f"{name}({x})" for x in ("randn(5)", "randn(2, 1, 3, 2), (1, 3)", "randn(3, 1), 1")),
        ]
        for name in ("var", "std")
    },
    "norm": each(
        "norm({x}{p}{dim})",
        x=["randn(2, 3, 4)"],
        p=["", ", 1", ", 2", ", 3", ", p=inf", ", p=-inf", ", p=0", ", p=0.5", ', p="fro"'],
        dim=["", ", dim=1", ", dim=(0, 2)", ", dim=-1, keepdim=True"],
    ),
    "vector_norm": ["vector_norm(randn(2, 3), 3)", "linalg.vector_norm(randn(2, 3), dim=1)"],
    "linalg_norm": [
        *each(
            "linalg.norm(randn(3, 4){p})",
            p=["", ', ord="fro"', ", ord=1", ", ord=inf", ", ord=-1", ", ord=-inf"],
        ),
        *each("linalg.norm(randn(5){p})", p=["", ", 1", ", 2", ", -2", ", inf", ", -inf", ", 0"]),
        *each("linalg.norm(randn(2, 3, 4), {p}, dim={d})", p=["1", "inf"], d=["(0, 2)", "(2, 1)"]),
        "linalg.norm(randn(2, 3, 4), 1, dim=(0, 2), keepdim=True)",
        "linalg.norm(randn(2, 3, 4), 3, dim=1)",
        "linalg.norm(randn(2, 3, 4), dim=(0, 1), keepdim=True)",
        "linalg.norm(randn(2, 3, 4))",
    ],
    "logsumexp": [
        "logsumexp(randn(2, 3, 4), 1)",
        "logsumexp(randn(2, 3, 4), dim=(0, 2))",
        "logsumexp(randn(2, 3, 4), -1, keepdim=True)",
        "logsumexp([[1000, 1000], [-inf, -inf], [inf, 0], [nan, 1], [-1000, -1001]], 1)",
    ],
    "dot": ["dot(randn(4), randn(4))"],
    "outer": ["outer(randn(4), randn(3))", "outer(zeros(0), randn(3))"],
    "trace": ["trace(randn(3, 3))", "trace(randn(2, 4))"],
    "addmm": [
        "addmm(randn(2, 4), randn(2, 3), randn(3, 4))",
        "addmm(randn(4), randn(2, 3), randn(3, 4), beta=0.5, alpha=2)",
    ],
    "randint": ["randint(3, (2, 3))", "randint(-2, 5, (4,))"],
    "normal": ["normal()", "normal(1, 2, (3,))"],
    **{
        name: [
            f"{name}({given})"
            for given in (
                *("randn(()), dim=0", "randn(5), dim=0", "randn(2, 3), dim=1", "randn(2, 3), 0"),
                *("randn(2, 3, 4), dim=-2", "randn(2, 1, 3, 2), dim=3", "randn(0, 3), dim=1"),
                *("[1000, 0, -1000], dim=0", "[[0, -inf], [-5, -7]], dim=1"),
            )
        ]
        for name in ("softmax", "log_softmax", "softmin")
    },
    "normalize": [
        *each("normalize(randn(2, 3, 4){p}{d})", p=["", ", p=1", ", p=3"], d=["", ", dim=-1"]),
        "normalize(zeros(2, 3))",
        "normalize(randn(4), dim=0, eps=10)",
    ],
    "layer_norm": [
        "layer_norm(randn(4, 5), [5])",
        "layer_norm(randn(4, 5), (5,), randn(5), randn(5))",
        "layer_norm(randn(2, 3, 4), (3, 4), randn(3, 4), randn(3, 4), 0.1)",
        "layer_norm(randn(2, 3, 4), (4,), bias=randn(4))",
        "layer_norm(9 + randn(2, 6), (6,), weight=randn(6), eps=1e-3)",
        "layer_norm(randn(2, 3, 4, 2), (3, 4, 2))",
    ],
    "rms_norm": [
        "rms_norm(randn(4, 5), (5,))",
        "rms_norm(randn(4, 5), (5,), randn(5))",
        "rms_norm(randn(2, 3, 4), (3, 4), weight=randn(3, 4), eps=0.1)",
    ],
    "batch_norm": [
        f"batch_norm({x}, {given}{more})"
        for x in ("randn(4, 3)", "randn(4, 3, 2)", "randn(2, 3, 4, 2)", "randn(2, 3, 2, 2, 2)")
        for given in ("randn(3), rand(3)", "randn(3), rand(3), randn(3), randn(3)")
        for more in ("", ", eps=0.1", ", training=True")
    ]
    + ["batch_norm(randn(4, 3), None, None, training=True)"],
    "linear": [
        "linear(randn(4), randn(3, 4))",
        "linear(randn(2, 4), randn(3, 4), randn(3))",
        "linear(randn(5, 2, 4), randn(3, 4), bias=randn(3))",
        "linear(randn(2, 2, 3, 4), randn(1, 4))",
    ],
    "conv1d": [
        f"conv1d({given})"
        for given in (
            "randn(2, 3, 8), randn(4, 3, 3)",
            "randn(3, 8), randn(4, 3, 3), randn(4)",
            "randn(2, 4, 9), randn(6, 2, 3), randn(6), stride=2, padding=1, groups=2",
            "randn(2, 3, 9), randn(4, 3, 3), dilation=3, padding=(2,)",
            'randn(2, 3, 8), randn(4, 3, 4), padding="same"',
            'randn(2, 3, 8), randn(4, 3, 4), padding="valid", stride=3',
        )
    ],
    "conv2d": [
        f"conv2d({given})"
        for given in (
            "randn(2, 3, 6, 7), randn(4, 3, 3, 2)",
            "randn(3, 6, 7), randn(4, 3, 3, 3), randn(4)",
            "randn(2, 4, 6, 7), randn(6, 2, 3, 3), randn(6), 2, 1, 1, 2",
            "randn(2, 3, 7, 8), randn(4, 3, 3, 3), stride=(2, 1), padding=(1, 2), dilation=(1, 2)",
            'randn(1, 2, 5, 6), randn(3, 2, 2, 3), padding="same", dilation=(1, 2)',
            "randn(1, 4, 5, 5), randn(4, 1, 3, 3), groups=4",
        )
    ],
    "max_pool2d": [f"max_pool2d({given})" for given in _POOL if "(4, 5)" not in given]
    + ["max_pool2d(-1 - rand(1, 1, 3, 3), 2, padding=1)"],
    "avg_pool2d": [f"avg_pool2d({given})" for given in _POOL if "(4, 5)" not in given],
    "dropout": [
        "dropout(randn(2, 3), 0)",
        "dropout(randn(2, 3), p=0.5, training=False)",
        "sum(dropout(ones(40), 0.5)) * 0",
    ],
    "embedding": [
        "embedding(randint(0, 4, (5,)), randn(4, 3))",
        "embedding(randint(0, 4, (2, 3)), randn(4, 3))",
        "embedding(randint(0, 4, (0,)), randn(4, 3))",
    ],
    "scaled_dot_product_attention": [
        f"scaled_dot_product_attention({given})"
        for given in (
            "randn(4, 5), randn(6, 5), randn(6, 3)",
            "randn(2, 4, 5), randn(2, 6, 5), randn(2, 6, 3)",
            "randn(2, 3, 4, 5), randn(2, 3, 6, 5), randn(2, 3, 6, 2)",
            "randn(2, 3, 4, 5), randn(2, 3, 6, 5), randn(2, 3, 6, 2), scale=0.3",
            "randn(2, 3, 4, 5), randn(2, 3, 6, 5), randn(2, 3, 6, 2), randn(4, 6)",
            "randn(2, 3, 4, 5), randn(2, 3, 6, 5), randn(2, 3, 6, 2), attn_mask=randn(2, 1, 4, 6)",
            "randn(2, 4, 5), randn(2, 6, 5), randn(2, 6, 2), attn_mask=tril(ones(4, 6)) > 0",
            "randn(2, 4, 5), randn(2, 6, 5), randn(2, 6, 2), rand(2, 4, 6) < 0.8, 0, False",
            "randn(2, 3, 4, 5), randn(2, 3, 4, 5), randn(2, 3, 4, 5), is_causal=True",
            "randn(2, 4, 5), randn(2, 6, 5), randn(2, 6, 5), is_causal=True, scale=1",
            "randn(2, 6, 5), randn(2, 4, 5), randn(2, 4, 5), is_causal=True",
        )
    ],
    "cosine_similarity": [
        "cosine_similarity(randn(2, 3), randn(2, 3))",
        "cosine_similarity(randn(2, 3, 4), randn(2, 3, 4), dim=-1)",
        "cosine_similarity(randn(2, 3, 4), randn(1, 3, 1), 0, 0.1)",
        "cosine_similarity(randn(3), randn(2, 3), dim=-1)",
        "cosine_similarity(zeros(2, 3), randn(2, 3))",
        "cosine_similarity(randn(5), randn(5), dim=0, eps=10)",
    ],
    "pairwise_distance": [
        "pairwise_distance(randn(2, 3), randn(2, 3))",
        "pairwise_distance(randn(3), randn(3))",
        "pairwise_distance(randn(2, 3), randn(2, 3), p=1, eps=0.1, keepdim=True)",
        "pairwise_distance(randn(2, 4, 3), randn(2, 4, 3), 3)",
        "pairwise_distance(randn(2, 3), randn(1, 3), p=inf)",
    ],
    "mse_loss": loss("mse_loss", _LOSS),
    "l1_loss": loss("l1_loss", _LOSS),
    "huber_loss": loss("huber_loss", _LOSS, [f"{p}, delta=0.3" for p in _PAIRS]),
    "smooth_l1_loss": loss(
        "smooth_l1_loss", _LOSS, [f"{p}, beta={b}" for p in _PAIRS for b in ("0.3", "0", "2")]
    ),
    "binary_cross_entropy": loss(
        "binary_cross_entropy",
        (
            "rand(5), rand(5)",
            "rand(4, 3), rand(4, 3)",
            "rand(2, 3, 4), rand(2, 3, 4), rand(2, 3, 4)",
            "rand(4, 3), rand(4, 3), weight=rand(3)",
            "[0, 1, 0, 1], [0, 1, 1, 0]",
            "[0.5, 1e-60], [0, 1]",
        ),
    ),
    "binary_cross_entropy_with_logits": loss(
        "binary_cross_entropy_with_logits",
        (
            "9 * randn(5), rand(5)",
            "randn(4, 3), rand(4, 3), weight=rand(4, 3)",
            "randn(4, 3), rand(4, 3), pos_weight=rand(3)",
            "randn(2, 3, 4), rand(2, 3, 4), weight=rand(4), pos_weight=rand(3, 4)",
            "[-1000, 1000, -1000, 1000], [0, 1, 1, 0]",
            "[-1000, 1000, 0], [0, 1, 0.5], pos_weight=[3, 4, 5]",
        ),
    ),
    "nll_loss": loss("nll_loss", _CLASSES),
    "cross_entropy": loss("cross_entropy", _CLASSES, (*_SMOOTH, *_SOFT)),
    "kl_div": [
        *loss(
            "kl_div",
            (
                "randn(4, 3), rand(4, 3)",
                "randn(2, 3, 4), rand(2, 3, 4)",
                "randn(3), [0, 1, 0.5]",
                "randn(4, 3), randn(4, 3), log_target=True",
            ),
        ),
        'kl_div(randn(4, 3), rand(4, 3), reduction="batchmean")',
        'kl_div(randn(4, 3), randn(4, 3), reduction="batchmean", log_target=True)',
    ],
    "triplet_margin_loss": loss(
        "triplet_margin_loss",
        (
            "randn(4, 3), randn(4, 3), randn(4, 3)",
            "randn(3), randn(3), randn(3)",
            "randn(4, 3), randn(4, 3), randn(4, 3), margin=0.2, p=1",
            "randn(4, 3), randn(4, 3), 3 * randn(4, 3), 2, 2, 0.1",
        ),
    ),
    "np_var": ["np.var(randn(2, 3))", "np.var(randn(2, 3, 4), axis=(0, 2), ddof=1)"],
    "np_std": ["np.std(randn(2, 3))", "np.std(randn(2, 3, 4), axis=1, keepdims=True)"],
    "np_median": [
        "np.median(randn(2, 3))",
        "np.median(randn(2, 3, 4), axis=1)",
        "np.median(randn(2, 3, 4), axis=(0, 2), keepdims=True)",
        "np.median(randn(4))",
    ],
    "np_eye": ["np.eye(3, 4, 1)", "np.eye(3, k=-1)"],
    "np_flip": ["np.flip(randn(2, 3))", "np.flip(randn(2, 3), axis=1)", "np.flip(randn(2), (0,))"],
    "np_outer": ["np.outer(randn(2, 3), randn(4))"],
    "np_linspace": ["np.linspace(-1, 2)", "np.linspace(0, 1, num=7, endpoint=False)"],
    "np_size": ["np.size(randn(2, 3))", "np.size(randn(2, 3), 1)"],
    "np_dot": ["np.dot(randn(2, 3), randn(3, 4))", "np.dot(randn(2), 3)"],
    "np_transpose": ["np.transpose(randn(2, 3, 4))", "np.transpose(randn(2, 3, 4), (1, 0, 2))"],
    "np_cumsum": ["np.cumsum(randn(2, 3))", "np.cumsum(randn(2, 3), axis=1)"],
    "np_cumprod": ["np.cumprod(randn(2, 3))", "np.cumprod(randn(2, 3), axis=0)"],
    "np_split": ["np.split(randn(4, 6), 3, 1)[2]", "np.split(randn(4, 6), 2)[0]"],
    "size": ["size(randn(2, 3), -2)", "size(randn(2, 3, 4))"],
    "numel": ["numel(randn(2, 3))", "numel(randn(2, 0))", "numel(randn(2, 3, 4), dim=(0, 2))"],
    "ndim": ["ndim(randn(2, 3))", "ndim(3)"],
    "len": ["len(randn(2, 3))"],
    "unbind": ["unbind(randn(2, 3), 1)[2]", "unbind(randn(2, 3, 4), dim=-2)[0]"],
    "split": [
        *each("split(randn(7, 2), 3)[{i}]", i=range(3)),
        "split(randn(2, 7), [1, 0, 6], dim=-1)[2]",
        "split(randn(2, 7), (1, 6), 1)[0]",
        "split(randn(2, 0), [0, 0], 1)[1]",
    ],
    "chunk": [
        *each("chunk(randn(7, 2), 3)[{i}]", i=range(3)),
        *each("chunk(randn(2, 5), 4, dim=1)[{i}]", i=range(3)),
        "chunk(randn(2, 6), 3, dim=-1)[1]",
        "chunk(randn(0, 2), 3)[0]",
    ],
    "narrow": ["narrow(randn(2, 5), 1, 1, 3)", "narrow(randn(2, 5), -1, -3, 2)"],
    "select": ["select(randn(2, 5), 0, 1)", "select(randn(2, 5, 3), -2, -1)"],
    "index_select": [
        "index_select(randn(2, 5), 1, randint(0, 5, (7,)))",
        "index_select(randn(2, 5), 0, randint(0, 2, (0,)))",
    ],
    "flip": ["flip(randn(2, 3), 0, 1)", "flip(randn(2, 3, 4), (0, -1))", "flip(randn(0, 2), 0)"],
    "to": ["(randn(2, 3) > 0).to(torch.int64)"],
    **{name: [f"(4 * randn(2, 3)).{name}()"] for name in "float double half long bool".split()},
}
SAMPLES = {name: [*SAMPLES.get(name, ()), *MORE.get(name, ())] for name in {**SAMPLES, **MORE}}
# Functions that only refuse, that only a note tells from x itself, or that need the torch backend.
WITHOUT = {"np_pad", "np_repeat", "cuda", "grad", "bfloat16", "torch_adaptive_max_pool1d"}

# Elementwise rows that torch wants to be given more.
CALLS = {
    "where": ["where(randn(2, 3) > 0, randn(2, 3), 7)", "where(randn(3, 1) > 0, randn(4), 0)"],
    "clamp": ["clamp(randn(2, 3), -0.5, 0.5)", "clamp(randn(9), max=0)", "clamp(randn(9), 0)"],
}


def made(op):
    """Calls of a row that its signature and its domain say: elementwise rows and reductions."""
    if op.kind == "reduction":
        takes_several = any(p.kind in ("dims", "reduced") for p in parameters(op))
        dims = ["", ", dim=1", ", dim=-1, keepdim=True"][: 2 if op.name == "count_nonzero" else 3]
        is_of_torch = op.name in ("sum", "mean", "amax", "amin", "all", "any")
        dims += [", dim=(0, 2)", ", dim=(-1, 1), keepdim=True"] * (takes_several and is_of_torch)
        return [f"{op.name}(randn(2, 3, 4){d})" for d in dims] + [f"{op.name}(randn(5))"]
    if op.kind != "elementwise":
        return []
    if op.name in CALLS:
        return CALLS[op.name]
    low, high = op.domain
    texts = []
    for sizes in ("()", "2, 1, 3, 2"):
        x = f"{low} + {high - low} * rand({sizes})"
        x = f"rand({sizes}) < 0.5" if op.type is shapes.bitwise else x
        given = ["2" if p.kind == "size" else x for p in parameters(op) if not p.default]
        texts.append(f"{op.name}({', '.join(given)})")
    return texts


def texts_of(function):
    """Every call of a function that is tested."""
    row = OPS.get(function.name)
    is_row = row is not None and function.name not in INTERNAL and row.examples == function.examples
    return [*function.texts, *SAMPLES.get(function.name, ()), *(made(row) if is_row else ())]


ALL = functions()
NAMES = [pytest.param(f, id=f.name) for f in ALL]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("function", NAMES)
def test_examples_hold(function, backend):
    """The examples of every function come to the values that it says, on every backend."""
    for text, expected in function.examples:
        found, wanted = value_of(text, backend), value_of(expected, "python")
        assert _depth(found) == _depth(wanted), text
        for x, y in zip(flatten(found), flatten(wanted)):
            assert type(x) is type(y), text
            assert math.isclose(x, y, rel_tol=1e-15) or (x != x and y != y), text


def _depth(nested):
    sizes = []
    while isinstance(nested, list):
        sizes.append(len(nested))
        nested = nested[0] if nested else None
    return sizes


# Functions whose results Python refuses to compute with, and the dtypes of those.
ON_TORCH = {"half": "float16", "bfloat16": "bfloat16"}


@pytest.mark.parametrize("name", ON_TORCH)
def test_halves_are_computed_on_torch_alone(name):
    """Python refuses a dtype that only torch computes with, and torch has its own values."""
    with pytest.raises(BackendError, match=f"is {ON_TORCH[name]}, which only torch"):
        gc.run(f"y = x.{name}()", x=[0.1, 1e5, -3], backend="python")
    found = gc.run(f"y = x.{name}()", x=[0.1, 1e5, -3], backend="torch")["y"]
    wanted = getattr(torch.tensor([0.1, 1e5, -3], dtype=torch.float64), name)()
    assert found.dtype == wanted.dtype
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("function", [p for p in NAMES if p.id not in ON_TORCH])
def test_calls_agree(function):
    """Every call that a function shows gives the same on both backends, as exactly as it says."""
    row = OPS.get(function.name)
    for text in texts_of(function):
        is_exact = row is not None and row.kind == "elementwise" and root_name(text) == row.name
        assert_same_on_backends(text, tolerance=row.tolerance if is_exact else None)


@pytest.mark.parametrize("function", NAMES)
def test_calls_are_torchs(function):
    """Every call of a function that torch has by that name gives what torch's own gives.

    Left out are calls within larger expressions and those that are meant to differ.
    """
    left_out = [text for text in texts_of(function) if not assert_like_torch(text)]
    if function.name not in NOT_IN_TORCH:
        assert all(text in DIFFERENT or not root_name(text) for text in left_out), left_out


@pytest.mark.slow
def test_every_function_has_calls():
    """Every public function shows a call, and nearly all have one that torch is asked for."""
    texts = {f.name: texts_of(f) for f in ALL if f.name not in (*INTERNAL, *WITHOUT)}
    assert not [name for name, calls in texts.items() if not calls]
    silent = [n for n, calls in texts.items() if not any(map(root_name, calls))]
    asked = {name for name in texts if name not in (*NOT_IN_TORCH, *silent)}
    assert len(asked) >= 200


REFUSED = (
    'mse_loss(randn(3), randn(3), reduction="average")',
    "nll_loss(randn(2, 3), [0])",
    "nll_loss(randn(2, 3, 4), randint(0, 3, (2, 3)))",
    "cross_entropy(randn(2, 3), [0, 1, 2])",
    "cross_entropy(randn(2, 3), [0, 5])",
    "batch_norm(randn(3), randn(3), rand(3))",
    "scaled_dot_product_attention(randn(2, 3), randn(2, 3), randn(2, 3), zeros(2, 2), 0, True)",
    "gather(randn(2), 0, [true, false])",
    "one_hot([true, false], 2)",
    "pad(zeros(0), (-1, 1))",
    "repeat(randn(3), -1)",
    "unfold(randn(3), 0, -1, 1)",
    "roll(randn(()), 1, 0)",
    "flatten(randn(()), 1, 2)",
    'pad(randn(3), (1, 1), "{mode}")',
)


@pytest.mark.parametrize("text", REFUSED)
def test_what_torch_refuses_is_refused(text):
    """A call that torch does not take is an error here too, the same one on both backends."""
    left, right = messages(text)
    assert isinstance(left, str)
    assert left == right
    with pytest.raises((RuntimeError, IndexError, ValueError, NotImplementedError)):
        ask_torch(taken_apart(text))


MIXED = (
    *("stack([true, 2 > 1, (3.5).long()])", "cat([[true, false], [3, 4].long()])"),
    *("where([true, false], [3, 4].long(), true)", "[true, (3.5).long()]"),
    *("scatter_add([1, 2].long(), 0, [1], [true])", "(1 < 2) + (3.5).long()"),
)


@pytest.mark.parametrize("text", MIXED)
def test_dtypes_meet_alike(text):
    """Bool, integers and floating point come together in one dtype, on both backends the same."""
    assert_same_on_backends(text)


SIZES = ((), (1,), (5,), (0,), (2, 3), (1, 4), (3, 0), (2, 3, 4), (2, 1, 3, 2))
NUMBERS = (
    *(0.0, -0.0, 1.0, -1.5, 2.5, -7.0, 0.1, 5e-324, -1e-310, 1e300, -1e300),
    *(math.inf, -math.inf, math.nan),
)
FORMS = ("x", "x > 0", "clamp(nan_to_num(x), -9, 9).long()")
# What a parameter may be given that its kind does not say.
GIVEN = {
    ("roll", "shifts"): ("1", "-7", "(1, -2)", "(3,)"),
    ("pad", "pad"): ("(1, 2)", "(-1, 1)", "(0, 1, 2, 0)", "(1,)", "()", "(-1, -1, 0, 0)"),
    ("narrow", "start"): ("0", "1", "-2"),
    ("tensor_split", "indices_or_sections"): ("1", "2", "(1,)", "(0, -1)"),
    ("split", "split_size"): ("1", "2", "(1, 1)", "(2, 0, 1)"),
}


def given_for(function, parameter, shape):
    """Arguments for a parameter of that kind, some of which do not fit."""
    rank = len(shape)
    named = GIVEN.get((function.name, parameter.name))
    if named:
        return named
    sizes = ", ".join(map(str, shape))
    pairs = itertools.combinations(range(-rank, rank), 2)
    return {
        "dim": tuple(map(str, range(-rank - 1, rank + 1))) or ("0", "-1"),
        "dims": ("None", "()", "0", "-1", *map(str, pairs), str(tuple(range(rank))[::-1])),
        "shape": ("-1", "1", f"({sizes},)", f"(2, {sizes})", "(-1, 2)", "0", str(shape[::-1])),
        "size": ("-1", "0", "1", "2", "3"),
        "flag": ("true", "false"),
        "number": ("0", "7.5"),
        "text": ('"constant"',),
        "tensor": ("2", "-1"),
    }.get("dims" if parameter.kind == "reduced" else parameter.kind, ())


def generated(function, shape, rng, count):
    """So many calls of a function on x of a shape, by the kinds of its parameters."""
    choices = []
    for parameter in parameters(function)[1:]:
        found = [f"{parameter.name}={v}" for v in given_for(function, parameter, shape)]
        if parameter.variadic:
            found = [f.partition("=")[2] for f in found]
        choices.append([*found, ""] if parameter.default else found)
    every = list(itertools.product(FORMS, *choices))
    rng.shuffle(every)
    for form, *given in every[:count]:
        yield f"{function.name}({', '.join([form, *filter(None, given)])})"


REDUCTIONS = [op for op in OPS.values() if op.kind == "reduction"]


# What takes a dtype, or sizes that few shapes have.
NOT_GENERATED = {"to", "hsplit", "vsplit", "dsplit", "matrix_power"}
# What few shapes have a value of.
FEWEST = {"item": 5}


def _of_one_tensor():
    """Functions of one tensor and static arguments, elementwise rows aside."""
    rows = [o for o in OPS.values() if o.kind in ("reduction", "array", "making")]
    for function in (*rows, *shape_functions.PUBLIC):
        kinds = [p.kind for p in parameters(function)]
        is_plain = kinds and kinds[0] in ("tensor", "index") and not set(kinds[1:]) & TENSORS
        is_variadic = is_plain and parameters(function)[0].variadic
        hidden = function.name in INTERNAL and function.name not in shape_functions.FUNCTIONS
        if is_plain and not is_variadic and not hidden and function.name not in NOT_GENERATED:
            yield pytest.param(function, id=function.name)


@pytest.mark.parametrize(
    "function", [*_of_one_tensor(), pytest.param(OPS["full_like"], id="full_like")]
)
def test_generated_calls_agree(function):
    """On tensors of any shape, dtype and value, backends agree, or refuse for the same reason."""
    rng = random.Random(function.name)
    suffix = "[0]" if function.name in ("unbind", "split", "chunk", "tensor_split") else ""
    adds_up = function.name in ("sum", "mean", "prod", "cumsum", "cumprod")
    mild = [x for x in NUMBERS if not 1e9 < abs(x) < math.inf]
    accepted = 0
    for shape in SIZES:
        numbers = [rng.choice(mild if adds_up else NUMBERS) for _ in range(math.prod(shape))]
        x = numpy.array(numbers, dtype=float).reshape(shape)
        for call in generated(function, shape, rng, 12):
            text = call + suffix
            left, right = messages(text, {"x": x})
            if function.name in ON_TORCH:
                accepted += not isinstance(right, str)
                reason = f"is {ON_TORCH[function.name]}, which only torch computes with"
                assert left == right or reason in left, f"{text} on {shape}"
                continue
            if isinstance(left, str) or isinstance(right, str):
                assert left == right, f"{text} on {shape}"
                continue
            accepted += 1
            assert_typed(left)
            assert_typed(right)
            a, b = result(left), result(right)
            assert shape_of(a) == shape_of(b), f"{text} on {shape}"
            where = f"{text} on {numbers} of {shape}"
            # Which of 0 and -0 is the smaller one is open.
            tolerance = None if adds_up else int(OPS.get(function.name) in REDUCTIONS)
            assert_near(elements(a), elements(b), where, tolerance)
    assert accepted >= FEWEST.get(function.name, 10), (
        f"{function.name}: {accepted} calls were accepted"
    )
