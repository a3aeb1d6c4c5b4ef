"""What people who know torch, NumPy or Python write, and what it means here."""

from __future__ import annotations

_BINOMIAL = "write exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1))"
_SYMBOLS = "formulas are computed with numbers here, not transformed"

# What others call a function, and what to do here instead; `{}` stands for the arguments.
INSTEAD = {
    **dict.fromkeys(("ln", "loge", "Log"), "write log({}), the natural logarithm"),
    **dict.fromkeys(("lg", "logten", "ldec"), "write log10({}), of base 10"),
    **dict.fromkeys(("lb", "ld"), "write log2({}), of base 2"),
    **dict.fromkeys(("average", "avg", "Average"), "write mean(x), of numbers mean([a, b, c])"),
    **dict.fromkeys(("fact", "factorial", "Factorial"), "write gamma(n + 1)"),
    **dict.fromkeys(("nCr", "choose", "binomial", "binom", "comb"), _BINOMIAL),
    **dict.fromkeys(("derivative", "deriv", "Derivative", "differentiate"), "write grad({})"),
    **dict.fromkeys(("d", "D", "jacrev", "dx"), "write grad({})"),
    **dict.fromkeys(
        ("integrate", "integral", "Integral", "quad"),
        "there are no integrals; a sum is near: sum(f) * dx with x = linspace(a, b, n)",
    ),
    **dict.fromkeys(("limit", "lim", "simplify", "expand_expr", "factor"), _SYMBOLS),
    "sec": "write 1 / cos({})",
    "csc": "write 1 / sin({})",
    "cosec": "write 1 / sin({})",
    **dict.fromkeys(("cot", "ctg", "cotan"), "write 1 / tan({})"),
    "tg": "write tan({})",
    "sqr": "write square({})",
    "root": "write x^(1/n), or sqrt(x) and cbrt(x)",
    **dict.fromkeys(("stdev", "stddev", "stdevp", "std_dev", "sd"), "write std({})"),
    **dict.fromkeys(("variance", "Variance"), "write var({})"),
    **dict.fromkeys(("gcf", "hcf"), "write gcd({})"),
    **dict.fromkeys(("if", "iif", "ifelse", "IF"), "write where(condition, x, y)"),
    "integer": "write trunc({})",
    **dict.fromkeys(("complex", "imag"), "there are no complex numbers here"),
    **dict.fromkeys(("rearrange", "reduce"), "write reshape, permute, sum and their like"),
    **dict.fromkeys(("new_tensor", "as_array", "array_of"), "write the tensor, as [1, 2]"),
    **dict.fromkeys(("dict", "set", "object"), "name each value itself: a = 1; b = 2"),
    **dict.fromkeys(("interp",), "there is no interpolation between points of a table here"),
    **dict.fromkeys(("apply", "map", "vmap", "vectorize"), "write f(x): it works on all elements"),
    **dict.fromkeys(("read_csv", "load", "loadtxt", "open"), "bind a file: x=@table.csv:column"),
    **dict.fromkeys(("save", "savetxt", "to_csv", "savez"), "run with --save FILE"),
    **dict.fromkeys(
        ("plot", "show", "plt", "hist"), "nothing is drawn here; --format csv has data"
    ),
    **dict.fromkeys(("seed", "set_seed"), "leave it out, and run with --seed N"),
    **dict.fromkeys(
        ("eval", "exec", "compile", "__import__", "globals", "locals", "getattr", "setattr"),
        "nothing is executed as Python; write the formulas themselves",
    ),
    **dict.fromkeys(("input", "raw_input"), "read a name that has no value, and bind it: x=1"),
    **dict.fromkeys(("help", "doc"), "run graphcalc --functions NAME, or graphcalc --help"),
    **dict.fromkeys(("exit", "quit"), "leave it out"),
    "printf": "write a bare name: every node is shown",
    "echo": "write a bare name: every node is shown",
    "cosine": "write cos({})",
    "sine": "write sin({})",
    "tangent": "write tan({})",
    "print": "write a bare name: every node is shown",
    "backward": "write grad(y, x), or run with --grad NAME",
    "jacobian": "write grad(y, x, weights): gradients are those of one number",
    "hessian": "write grad(grad(y, x), x) for a number x",
    "zero_grad": "leave it out",
    "manual_seed": "leave it out, and run with --seed N",
    "no_grad": "leave it out",
    "is_available": "leave it out: --device says where a program runs",
    **{
        name: f"write nn.{name}({{}}), or `from torch.nn import {name}` before it"
        for name in (
            *("ReLU", "Sigmoid", "Tanh", "GELU", "SiLU", "Softmax", "LogSoftmax", "Linear"),
            *("Conv2d", "LayerNorm", "BatchNorm2d", "Dropout", "Embedding", "Sequential"),
            *("MSELoss", "L1Loss", "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss"),
        )
    },
    "nonzero": "the number of elements would be known to the run alone; write where(mask, x, 0)",
    "masked_select": "the number of elements would be known to the run alone; write "
    "where(mask, x, 0)",
    "bincount": "write sum(one_hot(x, n), dim=0)",
}

# What a function of the same name does elsewhere, where a call of it fails here.
MISTAKEN = {"_differences": "for a derivative write grad({})"}

# Names that people read without giving them a value.
INSTEAD_OF_NAMES = {
    "e": "write `exp(1)` for Euler's number, or bind it: e=2",
    "E": "write `exp(1)` for Euler's number, or bind it: E=2",
    "π": "write `pi`",
    "τ": "write `tau`",
    "i": "write arange(n) for indices, or bind it: i=1; there are no complex numbers",
    "j": "write arange(n) for indices, or bind it: j=1; there are no complex numbers",
    **dict.fromkeys(("null", "nil", "NULL", "NA", "NaN"), "write `nan` for a missing number"),
    **dict.fromkeys(
        ("scipy", "sp", "sympy", "pd", "tf", "jnp", "jax", "cmath", "os", "sys"),
        "no other modules than torch, numpy and math are known; leave the prefix out",
    ),
    **dict.fromkeys(("break", "continue"), "it stands in the body of a loop, `for i in range(n):`"),
    "pass": "it stands in the body of a function, a loop or a branch",
    **dict.fromkeys(("raise", "assert", "del", "import", "lambda"), "something follows that word"),
    "device": "leave it out: --device says where a program runs",
    **dict.fromkeys(("ans", "Ans", "_"), "a run knows of no other; name the value itself"),
    "self": "only methods of a class have it; bind it with its dots: self.weight=@weight.npy",
    "model": "make it, `model = Net()`, with its class before it",
}

INSTEAD_OF_ATTRIBUTES = {
    "grad": "write grad(y, x), or run with --grad NAME",
    "length": "write len(x), or x.shape",
    "values": "leave it out",
}

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
# Integers of few bits by all their names, and what torch calls them: they wrap around where a value
# is cast to them, and are int64 from then on.
NARROW_INTEGERS = {
    **{name: name for name in ("int8", "int16", "int32", "uint8")},
    "byte": "uint8",
    "short": "int16",
    "int": "int32",
}
