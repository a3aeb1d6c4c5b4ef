"""The gradients that rows declare, beside torch.autograd through the row's own torch kernel.

Elementwise rows are tested in `test_vjp_elementwise.py`.
"""

import pytest
import torch
from functions import functions
from gradients import assert_gradients, case, cases_of, cases_within, formulas, operand_names

import graphcalc as gc
from graphcalc.ops.spec import FLOATS, NONE, ZERO, Problem, arity, parameters
from graphcalc.ops.table import OPS

FLOAT = torch.float64
ROWS = [op.name for op in OPS.values() if op.kind != "elementwise" and arity(op)]
REDUCTIONS = [op.name for op in OPS.values() if op.kind == "reduction"]
SIZES = ((), (1,), (4,), (2, 3), (1, 4), (2, 3, 4), (2, 1, 3, 2), (0, 3), (2, 0))


def randn(*sizes, seed=0):
    """The same tensor for the same sizes and seed."""
    return torch.randn(sizes, dtype=FLOAT, generator=torch.Generator().manual_seed(seed))


def accepted(name, operands, params):
    """A case, unless the row's rule refuses it."""
    found = case(OPS[name], operands, params)
    try:
        OPS[name].type("float64", found.types, params)
    except Problem:
        return []
    return [found]


def dims_for(rank):
    """None, one and several dimensions."""
    singles = [(d,) for d in range(-rank, rank)]
    several = [(0, -1), (0, 1), (-1, -2), tuple(range(rank))] if rank > 1 else []
    return [None, *singles, *several]


def reductions(name, x):
    """A reduction of x over every choice of dimensions."""
    several = any(p.kind in ("dims", "reduced") for p in parameters(OPS[name]))
    found = []
    for dims in dims_for(x.dim()):
        for keepdim in (False, True):
            if several:
                found += accepted(name, [x], (dims, keepdim))
            elif dims is None or len(dims) == 1:
                found += accepted(name, [x], (dims and dims[0], keepdim))
    return found


# Each with a place where torch had better be asked in words of its own.
WORDS = {
    "max": lambda x, dims, keepdim: chosen(torch.max, torch.amax, x, dims, keepdim),
    "min": lambda x, dims, keepdim: chosen(torch.min, torch.amin, x, dims, keepdim),
    "median": lambda x, dims, keepdim: chosen(torch.median, None, x, dims, keepdim),
}


def chosen(function, shared, x, dims, keepdim):
    """torch's function with one dimension or none, and the one for several dimensions."""
    if dims is None:
        found = function(x)
        return found.reshape((1,) * x.dim()) if keepdim else found
    if len(dims) == 1:
        return function(x, dims[0], keepdim).values
    return shared(x, dims, keepdim)


def reference(found):
    """torch's own function for a case of `WORDS`, where it is that; else the row's kernel."""
    if found.op.name not in WORDS or not found.types[0].shape:
        return None
    if found.op.name == "median" and found.params[0] is not None and len(found.params[0]) > 1:
        return None
    return lambda x: WORDS[found.op.name](x, *found.params)


TIES = torch.tensor([[2.0, 5, 5, 1], [5, 2, 2, 5], [3, 3, 3, 3]], dtype=FLOAT)
ZEROS = torch.tensor(
    [[2.0, 5, -3, 1], [0, 2, 7, 5], [3, 0, 0.5, -0.0], [0, 0, 0, 0], [1, 2, -4, 0]], dtype=FLOAT
)

# Further calls, as text: what rows with no samples of their own are given.
TEXTS = {
    "index": [
        *("randn(4)[2]", "randn(4, 5)[1:, ::2]", "randn(4, 5)[::-1, 4:0:-2]", "randn(4, 5)[3:1]"),
        *("randn(4, 5)[..., -1]", "randn(4, 5)[None, 1, :, None]", "randn(())[None]"),
        *("randn(4, 5)[[0, 0, 3]]", "randn(4, 5)[[[0, -1], [2, 2]], [1, 3]]"),
        *("randn(2, 3, 4)[:, [2, 0], 1]", "randn(2, 3, 4)[[1, 0, 1], :, [3, 3, 0]]"),
        *("randn(2, 3, 4)[::-1, [[0], [2]], ::-2]", "randn(5, 4)[[2, 2, 2, 2]][:, [0, 0]]"),
        "randn(4)[randint(0, 4, (0,))]",
    ],
    "conv": [
        *("conv1d(randn(2, 3, 8), randn(4, 3, 3))", "conv1d(randn(3, 8), randn(4, 3, 3), None, 2)"),
        "conv1d(randn(2, 4, 9), randn(6, 2, 3), None, 2, 1, 2, 2)",
        'conv1d(randn(2, 3, 8), randn(4, 3, 4), padding="same")',
        "conv2d(randn(2, 3, 6, 7), randn(4, 3, 3, 2), None, (2, 1), (1, 2), (1, 2))",
        "conv2d(randn(1, 4, 5, 5), randn(4, 1, 3, 3), groups=4)",
        'conv2d(randn(1, 2, 5, 6), randn(3, 2, 2, 3), padding="same", dilation=(1, 2))',
    ],
    "tensor": ["[randn(3), 2 * randn(3)]", "[randn(()), 1, randn(())]"],
    "T": ["randn(3).T", "randn(2, 3).T", "randn(2, 3, 4).T"],
    "transpose": [
        "transpose(randn(2, 3, 4))",
        "transpose(randn(2, 3, 4), 0, -1)",
        "t(randn(2, 3))",
    ],
    "permute": ["permute(randn(2, 1, 3, 2), 3, 0, 2, 1)", "permute(randn(()), ())"],
    "reshape": ["reshape(randn(2, 1, 3, 2), -1)", "view(randn(()), 1, 1)"],
    "flatten": ["flatten(randn(2, 1, 3, 2), -3, -2)"],
    "squeeze": ["squeeze(randn(2, 1, 3, 1))", "squeeze(randn(2, 1, 3, 1), (1, -1))"],
    "expand": ["expand(randn(2, 1, 3), (4, 2, 5, 3))", "expand(randn(1), (0,))"],
    "repeat": ["repeat(randn(()), 3)", "repeat(randn(2, 1, 3), (2, 2, 3, 1))", "repeat(2, ())"],
    "roll": ["roll(randn(5), -2)", "roll(randn(2, 3, 4), (1, 2), (1, 1))", "roll(randn(0, 2), 1)"],
    "pad": [
        "pad(randn(2, 3), ())",
        "pad(randn(2, 1, 3, 2), (1, -1, 2, 0))",
        "pad(randn(0), (1, 1))",
    ],
    "tril": ["tril(randn(2, 2, 3, 3), -1)", "tril(randn(3, 2), 5)"],
    "triu": ["triu(randn(2, 2, 3, 3), 1)", "triu(randn(3, 2), -5)"],
    "diag": [
        "diag(randn(4, 3))",
        "diag(randn(3, 3), 5)",
        "diag(randn(2, 5), 2)",
        "diag(randn(5, 2), -4)",
    ],
    "unfold": [
        "unfold(randn(7), 0, 3, 1)",
        "unfold(randn(2, 7, 3), -2, 2, 3)",
        "unfold(randn(3), 0, 0, 1)",
    ],
    "gather": [
        "gather(randn(5), 0, [0, 0, 4, 2])",
        "gather(randn(3, 4), 1, randint(0, 4, (2, 6)))",
    ],
    "argmode": ["mode(round(randn(9))).indices"],
    "masked_scatter": [
        "masked_scatter(randn(3, 4), randn(3, 4) > 0, randn(12))",
        "masked_scatter(randn(3, 1), randn(4) > 0, randn(15))",
    ],
    "logcumsumexp": ["logcumsumexp(randn(3, 4), 0)", "logcumsumexp(10*randn(7), -1)"],
    "argtopk": ["topk(randn(5), 2).indices"],
    "argkthvalue": ["kthvalue(randn(5), 2).indices"],
    "argcummax": ["cummax(randn(5), 0).indices"],
    "argcummin": ["cummin(randn(5), 0).indices"],
    "searchsorted": ["searchsorted([-1, 0, 1], randn(4))"],
    "one_hot": ["one_hot(randint(0, 4, (2, 3)), 4)"],
    "scatter": [
        "scatter(randn(5), 0, [0, 4, 1], randn(3))",
        "scatter(randn(3, 4), 1, [[0, 3], [2, 1]], randn(2, 2))",
    ],
    "scatter_add": ["scatter_add(randn(5), 0, [0, 0, 4], randn(3))"],
    "cat": [
        "cat([randn(2), randn(0), randn(3)])",
        "cat([randn(2, 1, 3, 2), randn(2, 2, 3, 2)], 1)",
    ],
    "stack": ["stack([randn(2, 3), 2 * randn(2, 3)], 1)"],
    "full": ["full((2, 3), randn(()))", "full((), randn(()))", "full((0,), randn(()))"],
    "full_like": ["full_like(randn(2, 3), randn(()))"],
    "einsum": ['einsum("i,i", randn(4), randn(4))', 'einsum("bij->b", randn(2, 3, 4))'],
    "long": ["randn(3).long()"],
    "bool": ["randn(3).bool()"],
    "to_uint8": ["randn(3).byte()"],
    "to_int8": ["randn(3).to(torch.int8)"],
    "to_int16": ["randn(3).short()"],
    "to_int32": ["randn(3).int()"],
}


def direct(name):
    """Cases that no text says: ties, zeros, every choice of dimensions."""
    if name in REDUCTIONS:
        found = [c for sizes in SIZES for c in reductions(name, randn(*sizes))]
        if name in ("prod", "sum", "mean"):
            found += reductions(name, ZEROS) + reductions(name, ZEROS.reshape(5, 2, 2))
        if name in ("max", "min", "amax", "amin"):
            found += reductions(name, TIES) + reductions(name, TIES.reshape(3, 2, 2))
        if name == "median":
            # Of equal elements along a dimension torch leaves open which one it takes.
            found += accepted(name, [TIES], (None, False))
        return found
    if name in ("cumsum", "cumprod"):
        tensors = [*(randn(*s) for s in SIZES), ZEROS, ZEROS.T, ZEROS.reshape(5, 2, 2)]
        return [
            c for x in tensors for d in range(-x.dim(), x.dim()) for c in accepted(name, [x], (d,))
        ]
    if name in ("float", "alias"):
        return accepted(name, [randn(2, 3)], ())
    if name == "index_put":
        x, rows, row = randn(3, 4), torch.tensor([2, 0]), (0, 4, 2)
        return [
            *accepted(name, [x, randn(4)], ((1, (0, 4, 1)),)),
            *accepted(name, [x, randn(3, 2)], (((0, 3, 1), row),)),
            *accepted(name, [x, randn(1, 3)], ((None, (0, 3, 1), -1 % 4),)),
            *accepted(name, [x, randn(2, 2), rows], (("*", row),)),
        ]
    return []


def through(name):
    """Cases of a row that only gradients of others have."""
    outer = {
        "conv_input": "conv",
        "conv_weight": "conv",
        "unindex": "index",
        "refold": "unfold",
        "recur": "cumprod",
        "masked_take": "masked_scatter",
    }
    if name not in outer:
        return []
    row = OPS[outer[name]]
    texts = (*TEXTS.get(row.name, ()), *row.samples, *(text for text, _ in row.examples))
    first = [c for text in texts for c in cases_of(text, row.name)]
    found = [inner for c in first for inner in cases_within(c, name)]
    is_closed = "conv" in name or name == "recur"
    second = [c for one in found for c in cases_within(one, name)] if is_closed else []
    return [*found, *second]


def cases(name):
    """Every case of a row: of its examples and samples, of `TEXTS`, and of the makers above."""
    op = OPS[name]
    own = next(f for f in functions() if f.name == name and f.examples == op.examples)
    texts = (*own.texts, *TEXTS.get(name, ()))
    return [*(c for t in texts for c in cases_of(t, name)), *direct(name), *through(name)]


CASTS = ("to_float16", "to_bfloat16", "to_float32", "to_float64")


@pytest.mark.parametrize("name", CASTS)
def test_gradients_of_casts_are_torchs(name):
    """A cast passes the gradient on in its operand's dtype, rounded as torch rounds it."""
    dtype = getattr(torch, name.removeprefix("to_"))
    numbers, by = [0.1, 2.5, -3.0], [1.0, 0.1, 3.3]
    for source in (torch.float64, torch.float32, torch.float16):
        x = torch.tensor(numbers, dtype=source, requires_grad=True)
        weights = torch.tensor(by, dtype=dtype)
        (x.to(dtype) * weights).sum().backward()
        text = f"y = sum(x.to({dtype}) * w)"
        found = gc.run(text, x=x.detach(), w=weights, grad="y", backend="torch").grad["x"]
        assert found.dtype == x.grad.dtype
        assert torch.equal(found, x.grad)


@pytest.mark.parametrize("name", [name for name in ROWS if name not in ("detach", *CASTS)])
def test_gradients_are_torchs(name):
    """On either backend a row's gradient formulas give what torch.autograd gives."""
    found = cases(name)
    compared = sum(assert_gradients(c, reference(c)) for c in found)
    texts = formulas(OPS[name], found[0].types, found[0].params)
    assert compared >= 2 or not {*texts} - {ZERO, NONE}


def test_detach_has_no_gradient():
    """Detached values are constants: their gradient is 0, whatever the kernel would pass on."""
    assert OPS["detach"].vjp == (ZERO,)


@pytest.mark.parametrize("name", OPS)
def test_every_operand_has_a_gradient(name):
    """Every row says the gradient of each of its operands, and nothing where it has none."""
    op = OPS[name]
    if not arity(op):
        assert op.vjp == ()
        return
    assert op.vjp
    is_counted = not any(p.variadic or p.kind == "tensors" for p in parameters(op))
    if not callable(op.vjp) and is_counted:
        assert len(op.vjp) == arity(op)
    for found in cases(name)[:20] if op.kind != "elementwise" else ():
        texts = formulas(op, found.types, found.params)
        assert len(texts) == len(found.operands)
        out = op.type("float64", found.types, found.params)
        for text, called in zip(texts, operand_names(op, len(texts))):
            is_smooth = not called.startswith(("index", "mask")) and out.dtype in FLOATS
            assert text != NONE or not is_smooth


FOR_WRONG = {
    **{name: [f"{name}(randn(3, 4), dim=0)"] for name in ("sum", "mean", "cumsum")},
    "prod": ["prod([[0, 2], [3, 4]], dim=0)"],
    "matmul": ["matmul(randn(2, 3), randn(3, 4))"],
    "amax": ["amax([[1, 2], [1, 3], [0, 3]], dim=0)"],
    "transpose": ["transpose(randn(3, 3))"],
}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("sum", ("_unreduced(g, x, dim)",)),
        ("mean", ("_spread(g, x, dim)",)),
        ("prod", ("_unreduced(g * out, x, dim) / x",)),
        ("amax", ("_unreduced(g, x, dim) * (x == _unreduced(out, x, dim))",)),
        ("cumsum", ("cumsum(g, dim)",)),
        ("matmul", ("g @ transpose(y)", "transpose(x) @ g * 1.000001")),
        ("transpose", ("g",)),
        ("roll", ("roll(g, shifts, dims)",)),
        ("gather", (ZERO, NONE)),
        ("pad", ("g",)),
    ],
)
def test_a_wrong_gradient_is_found(monkeypatch, name, wrong):
    """A formula with another value, another shape or none at all does not pass."""
    right = OPS[name]
    monkeypatch.setitem(OPS, name, right._replace(vjp=wrong))

    texts = FOR_WRONG.get(name, right.samples)
    found = [c for text in texts for c in cases_of(text, name)]
    with pytest.raises(AssertionError):
        sum(map(assert_gradients, found))
