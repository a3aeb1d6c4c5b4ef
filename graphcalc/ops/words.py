"""What people who know torch, NumPy or Python write, and what it means here."""

from __future__ import annotations

# What others call a function, and what to do here instead.
INSTEAD = {
    "ln": "write log(x)",
    "average": "write mean(x)",
    "print": "write a bare name: every node is shown",
    "range": "write arange(n); there are no loops",
    "backward": "write grad(y, x), or run with --grad NAME",
    "jacobian": "write grad(y, x, weights): gradients are those of one number",
    "hessian": "write grad(grad(y, x), x) for a number x",
    "zero_grad": "leave it out",
    "manual_seed": "leave it out, and run with --seed N",
    "no_grad": "leave it out",
    "is_available": "leave it out: --device says where a program runs",
    "ReLU": "write relu(x)",
    "Sigmoid": "write sigmoid(x)",
    "Tanh": "write tanh(x)",
    "GELU": "write gelu(x)",
    "SiLU": "write silu(x)",
    "Softmax": "write softmax(x, dim=-1)",
    "LogSoftmax": "write log_softmax(x, dim=-1)",
    "Linear": "write linear(x, weight, bias), or x @ weight.T + bias",
    "Conv2d": "write conv2d(x, weight, bias)",
    "LayerNorm": "write layer_norm(x, normalized_shape, weight, bias)",
    "BatchNorm2d": "write batch_norm(x, running_mean, running_var, weight, bias)",
    "Dropout": "write dropout(x, p)",
    "Embedding": "write embedding(indices, weight)",
    "MSELoss": "write mse_loss(input, target)",
    "L1Loss": "write l1_loss(input, target)",
    "BCELoss": "write binary_cross_entropy(input, target)",
    "BCEWithLogitsLoss": "write binary_cross_entropy_with_logits(input, target)",
    "CrossEntropyLoss": "write cross_entropy(input, target)",
    "nonzero": "the number of elements would be known to the run alone; write where(mask, x, 0)",
    "masked_select": "the number of elements would be known to the run alone; write "
    "where(mask, x, 0)",
    "bincount": "write sum(one_hot(x, n), dim=0)",
}

# Names that people read without giving them a value.
INSTEAD_OF_NAMES = {
    "e": "write `exp(1)` for Euler's number, or bind it: e=2",
    "device": "leave it out: --device says where a program runs",
    "self": "there are no objects: name the weight itself, `weight` for `self.weight`",
    "model": "there are no modules: write what the model computes",
}

INSTEAD_OF_ATTRIBUTES = {"grad": "write grad(y, x), or run with --grad NAME"}

# What pasted code writes in front of a function, and other words for torch's keywords.
PREFIXES = frozenset(
    {"torch", "F", "nn", "functional", "math", "np", "numpy", "linalg", "special", "fft"}
)
SUBMODULES = frozenset(
    (
        *("special", "random", "nn", "functional", "linalg", "autograd", "fft", "masked"),
        *("signal", "windows"),
    )
)
KEYWORD_ALIASES = {
    "axis": ("dim", "dims"),
    "axes": ("dims", "dim"),
    "keepdims": ("keepdim",),
    "input": ("x", "x1", "query"),
    "other": ("y", "x2"),
    "size": ("shape", "sizes"),
    "sizes": ("shape",),
    "ord": ("p",),
    "ddof": ("correction",),
    "unbiased": ("correction",),
    "fill_value": ("value",),
    "k": ("diagonal",),
    "data": ("x",),
    "object": ("x",),
    "obj": ("x",),
    "a": ("x",),
    "arrays": ("tensors",),
}

# Python's types that stand for dtypes.
PYTHON_DTYPES = {"int": "int64", "float": "float64", "bool": "bool"}

# How dtypes are called, and what they are here.
DTYPES = {
    **{name: name for name in ("float64", "float32", "float16", "bfloat16", "int64", "bool")},
    **dict.fromkeys(("double", "fp64"), "float64"),
    **dict.fromkeys(("float", "fp32"), "float32"),
    **dict.fromkeys(("half", "fp16"), "float16"),
    "bf16": "bfloat16",
    "long": "int64",
    "int": "int64",
    "bool_": "bool",
    "float_": "float64",
    "int_": "int64",
    **dict.fromkeys(("int8", "int16", "int32", "uint8", "short", "byte"), "int64"),
}
# Integers that are int64 here, where torch's wrap around at a few hundred or thousand.
NARROW_INTEGERS = frozenset({"int8", "uint8", "int16", "short", "byte"})
