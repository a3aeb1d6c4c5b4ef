"""Rows of the products of matrices, convolutions and running values along a dimension."""

from __future__ import annotations

from graphcalc.ops import causes, convolution_shapes, shapes
from graphcalc.ops.kernels import convolution, einsum, reductions
from graphcalc.ops.spec import Op, Operands, Params


def _cumprod_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    if not operands[0].shape or operands[0].numel == 0:
        return ("g",)
    return ("movedim(_cumprod_gradient(movedim(g, dim, -1), movedim(x, dim, -1)), -1, dim)",)


def _logcumsumexp_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    if not operands[0].shape or operands[0].numel == 0:
        return ("g",)
    moved = ", ".join(f"movedim({name}, dim, -1)" for name in ("g", "x", "out"))
    return (f"movedim(_logcumsumexp_gradient({moved}), -1, dim)",)


def _recur_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    if operands[0].numel == 0:
        return ("g", "g")
    return ("_recur_back(g, x) * pad(out, (1, -1))", "_recur_back(g, x)")


def _matmul_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    """Of vectors the missing dimension is put in first, and taken out again."""
    x, y = (min(len(t.shape), 2) for t in operands)
    return {
        (1, 1): ("g * y", "g * x"),
        (2, 1): ("g[..., None] * y", "(transpose(x) @ g[..., None])[..., 0]"),
        (1, 2): ("(y @ g[..., None])[..., 0]", "x[:, None] * g[..., None, :]"),
        (2, 2): ("g @ transpose(y)", "transpose(x) @ g"),
    }[x, y]


PRODUCTS = (
    Op(
        "matmul",
        "x, y",
        "The matrix product x @ y; 1-d operands are vectors, more dimensions are batches.",
        shapes.matmul,
        reductions.matmul,
        kind="array",
        symbol="@",
        aliases=("mm", "bmm"),
        examples=(("[[1, 2], [3, 4]] @ [1, 1]", "[3, 7]"),),
        causes=causes.PRODUCTS,
        vjp=_matmul_vjp,
        cost=lambda operands, out, params: 2 * out.numel * operands[0].shape[-1],
        differs="mm and bmm are the same function, and take operands of any dimensions.",
        samples=(
            "matmul(randn(3), randn(3))",
            "matmul(randn(2, 3), randn(3))",
            "matmul(randn(3), randn(3, 4))",
            "matmul(randn(2, 3), randn(3, 4))",
            "matmul(randn(5, 2, 3), randn(3))",
            "matmul(randn(3), randn(5, 3, 2))",
            "matmul(randn(5, 1, 2, 3), randn(4, 3, 2))",
            "matmul(randn(2, 0), randn(0, 3))",
            "matmul(randn(0, 3), randn(3, 2))",
            "mm(randn(2, 3), randn(3, 4))",
            "bmm(randn(5, 2, 3), randn(5, 3, 4))",
        ),
        row_total="dot",
        latex=r"\mathbin{@}",
    ),
    Op(
        "einsum",
        "equation: text, *x",
        'Sums of products by letters: `einsum("ij,jk->ik", a, b)` is a @ b.',
        einsum.einsum_type,
        einsum.einsum,
        einsum.einsum_torch,
        kind="array",
        examples=(
            ('einsum("ij,jk->ik", [[1, 2], [3, 4]], [[1], [1]])', "[[3], [7]]"),
            ('einsum("ii", [[1, 2], [3, 4]])', "5"),
        ),
        causes=causes.PRODUCTS,
        vjp=einsum.einsum_vjp,
        cost=lambda operands, out, params: einsum.einsum_cost(operands, params),
        samples=(
            'einsum("bij,bjk->bik", randn(2, 3, 4), randn(2, 4, 5))',
            'einsum("...i,i->...", randn(2, 3, 4), randn(4))',
            'einsum("ii->i", randn(3, 3))',
            'einsum("i,j,k->ijk", randn(2), randn(3), randn(4))',
            'einsum("ij->ji", randn(2, 3))',
            'einsum("bqhd,bkhd->bhqk", randn(2, 3, 2, 4), randn(2, 5, 2, 4))',
        ),
    ),
    Op(
        "conv",
        "x, weight, stride: shape = 1, padding: padding = 0, dilation: shape = 1, groups: size = 1",
        "The cross-correlation of x with the kernels of weight.",
        convolution_shapes.conv_type,
        convolution.conv,
        convolution.conv_torch,
        kind="array",
        examples=(("conv1d([[1, 2, 3]], [[[1, 1]]])", "[[3, 5]]"),),
        causes=causes.PRODUCTS,
        vjp=convolution_shapes.CONV_VJP,
        cost=lambda operands, out, params: convolution_shapes.conv_cost(operands, params),
        step=(
            "{g} times {1}, summed over the windows that hold an element",
            "{g} times {0}, summed over the windows",
        ),
        access="internal",
    ),
    Op(
        "conv_input",
        "y, weight, shape: shape, stride: shape = 1, padding: padding = 0, dilation: shape = 1, "
        "groups: size = 1",
        "The gradient of a convolution's input.",
        convolution_shapes.conv_input_type,
        convolution.conv_input,
        convolution.conv_input_torch,
        kind="array",
        causes=causes.PRODUCTS,
        vjp=convolution_shapes.CONV_INPUT_VJP,
        cost=lambda operands, out, params: convolution_shapes.conv_input_cost(operands, params),
        access="internal",
    ),
    Op(
        "conv_weight",
        "y, x, shape: shape, stride: shape = 1, padding: padding = 0, dilation: shape = 1, "
        "groups: size = 1",
        "The gradient of a convolution's weight.",
        convolution_shapes.conv_weight_type,
        convolution.conv_weight,
        convolution.conv_weight_torch,
        kind="array",
        causes=causes.PRODUCTS,
        vjp=convolution_shapes.CONV_WEIGHT_VJP,
        cost=lambda operands, out, params: convolution_shapes.conv_weight_cost(operands, params),
        access="internal",
    ),
    Op(
        "recur",
        "x, y",
        "Along the last dimension each element is x times the one before, plus y.",
        shapes.arithmetic,
        reductions.recur,
        kind="array",
        vjp=_recur_vjp,
        cost=lambda operands, out, params: 2 * out.numel,
        tolerance=2,
        access="internal",
    ),
    *(
        Op(
            name,
            "x, dim: dim",
            doc,
            shapes.scan,
            getattr(reductions, name),
            kind="array",
            examples=((f"{name}([1, 2, 3], 0)", value),),
            causes=causes.PRODUCTS if name == "cumprod" else causes.SUM,
            vjp=vjp,
            step=step,
            cost=lambda operands, out, params: out.numel,
        )
        for name, doc, value, vjp, step in (
            (
                "cumsum",
                "The sums of the elements so far, along a dimension.",
                "[1, 3, 6]",
                ("flip(cumsum(flip(g, dim), dim), dim)",),
                ("{g} of the element and of all later ones, summed",),
            ),
            (
                "cumprod",
                "The products of the elements so far, along a dimension.",
                "[1, 2, 6]",
                _cumprod_vjp,
                ("{g} times the later products without the element, summed",),
            ),
            (
                "logcumsumexp",
                "log of the sums of exp of the elements so far, without overflow.",
                "[1, 2.313261687518223, 3.4076059644443806]",
                _logcumsumexp_vjp,
                ("{g} times the share of the element in each later sum, summed",),
            ),
        )
    ),
)
