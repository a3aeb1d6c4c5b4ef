"""The row of the op table: everything that graphcalc knows about one operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from graphcalc.ops.causes import Cause

# Sizes are ints, and `Size`s where a program is only checked.
Shape: TypeAlias = tuple[Any, ...]
# A static argument: a number, a truth value, text, None, or a tuple of these; sizes as in `Shape`.
Static: TypeAlias = Any
Params: TypeAlias = tuple[Static, ...]
# The items of an index as `moves.index` describes them.
IndexItems: TypeAlias = tuple[Static, ...]
# A dimension or several, None for all of them.
Dims: TypeAlias = tuple[int, ...] | None
# Elements of a tensor in row-major order: all `float`, all `int` or all `bool`.
Element: TypeAlias = Any
Elements: TypeAlias = list[Element]

# torch, polars, a tensor and an expression of them: kernels get the libraries as arguments, so
# that reading the table imports neither. `TorchOut` is `backends.torch.kernels.Out`.
Torch: TypeAlias = Any
Tensor: TypeAlias = Any
TorchOut: TypeAlias = Any
TorchKernel: TypeAlias = Callable[..., Tensor]
Polars: TypeAlias = Any
Expr: TypeAlias = Any
PolarsKernel: TypeAlias = Callable[..., Expr]
PythonKernel: TypeAlias = Callable[..., Any]
# The value of a field of a row, where a helper hands fields on to `Op`.
Field: TypeAlias = Any

HALVES = ("float16", "bfloat16")
FLOATS = (*HALVES, "float32", "float64")
# The dtype of a column that holds text and no numbers; no operation takes it.
TEXT = "text"
ITEM_BYTES = {
    "bool": 1,
    "int64": 8,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
}


class Type(NamedTuple):
    """The shape and dtype of a value, before it is computed.

    `dtype` is a key of `ITEM_BYTES`. A `weak` value came from literals alone and takes the
    dtype of what it meets.
    """

    shape: Shape
    dtype: str
    weak: bool = False

    @property
    def numel(self) -> int:
        """The number of elements; symbolic where a size is."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def is_number(self) -> bool:
        """Whether the value is a number that the program writes, or computes from such numbers."""
        return self.weak and not self.shape


def number_dtype(dtype: str) -> str:
    """The dtype of written numbers in a run: doubles, as in Python, where the run's is a half."""
    return "float64" if dtype in HALVES else dtype


# Kinds of parameters that are operands: a tensor, one of whole numbers, a list of tensors.
TENSORS = frozenset({"tensor", "index", "tensors"})


class Parameter(NamedTuple):
    """One parameter of an op.

    `kind` is one of `TENSORS` for an operand, else the kind of a static argument: `dim` (one
    dimension), `dims` (one, several or all), `reduced` (the same, and `()` is all), `shape`
    (sizes), `size`, `number`, `flag` (true or false), `text`. `default` is the text of the
    default, empty where the argument is required.
    """

    name: str
    kind: str
    default: str
    variadic: bool


class Problem(Exception):
    """Why operands do not fit an op, in terms of their positions; lowering adds the spans.

    `message` may refer to operand i as `{i}` (its text) and `{i.shape}`.
    """

    def __init__(self, kind: str, message: str, note: str = "", help: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.note, self.help = kind, message, note, help


Operands: TypeAlias = tuple[Type, ...]
TypeRule: TypeAlias = Callable[[str, Operands, Params], Type]
# Scalar operations, from the operands' types, the result's and the static arguments.
CostRule: TypeAlias = Callable[[Operands, Type, Params], int]

# Gradients by operand: formulas in the language itself, of the operands and static arguments by
# their names in the signature (the operands of a variadic one are x0, x1, …), of the result's
# gradient `g` and of the result `out`. ZERO where the derivative is 0 wherever it exists, and
# NONE where there is none, as for an index.
ZERO, NONE = "zero", "none"


class RowGradient(NamedTuple):
    """A gradient that one node gives: of a row, with the operands and then `g` as its own."""

    op: Op
    params: Params


Gradient: TypeAlias = "str | RowGradient"
Gradients: TypeAlias = "tuple[Gradient, ...] | Callable[[Operands, Params], tuple[Gradient, ...]]"
# How a node of a row reads: from its static arguments and the texts of its operands.
Reading: TypeAlias = Callable[[Params, list[str]], str]


# Gradients from the numbers among the operands that are written in the program (None for others).
NumberGradients: TypeAlias = Callable[[Elements], tuple[str, ...]]


# The operand that a node equals, bit by bit and whatever the others are: from the operand types,
# the type of the result, and the numbers among the operands that are written in the program (None
# for the others). None where it equals none of them.
IdentityRule: TypeAlias = Callable[[Operands, Type, Elements], int | None]


class Op(NamedTuple):
    r"""One operation, named as in torch.

    signature         its parameters: `x, dim: dims = None`; a plain tensor has no kind
    doc               one sentence with the formula
    type              rule: (dtype of the run, operand types, static arguments) -> Type
    python            for elementwise ops a scalar function, total over IEEE values; otherwise
                      (Type of the result, operands, static arguments) -> flat list of elements
    torch             (torch, operands, static arguments) -> Tensor, or a name, by default the
                      op's own: of a function in `kernels/torch*.py`, or else of torch's
    polars            (polars, operands) -> expression with the same bits, or a name: of a function
                      in `kernels/polars.py`, or else of a method of expressions; empty where
                      polars has none
    inline            Python source for `python` as a format of its operands: `({} + {})`
    raising           what is faster than `python` and gives the same where it does not raise: a
                      function, or Python source as in `inline`
    js                the same in JavaScript, for scalars: a function's source, with truth values
                      as numbers among the operands, or a function of static arguments that
                      gives that one, or the name of a constant in `kernels/javascript*.py` with
                      that; empty where a page cannot compute it
    row_total         how a total over the rows of a file is gathered: a key of
                      `kernels.totals.TOTALS`; empty where an op needs all rows at once
    kind              elementwise, reduction, array, making, random or leaf
    access            how a program gets at it: `call`, `syntax` (as `x[i]`), or `internal`, where
                      only composites, derivatives and methods do
    casting           which dtypes the kernels want their operands in: `result` (cast to the
                      result's), `common` (cast to one dtype among them), `own` (left alone), or
                      `condition` (the first left alone, the others as the result)
    symbol            the operator that means this op, if one does
    text              how a node of it reads, where that is neither an operator nor a call: a
                      format of the first operand `{0}`, `{all}` of them, and the index `{items}`
    reading           how a node of it reads, where a function of its static arguments and of the
                      operands' texts tells
    has_python        whether `python` computes it; graphs with other nodes run on torch
    is_rowwise        whether element i of the result depends on element i of the operands alone,
                      where `kind` does not say so
    latex             its name, symbol or text in LaTeX; with `…` in the place of the arguments
                      where they need no parentheses: `\sqrt{…}`
    step              in words the gradient of each operand, for `--steps`, where the formula in
                      `vjp` does not read well: a format of the gradient that arrived `{g}`, the
                      operands `{0}`, `{1}`, … and the node's expression `{text}`
    two_tensor_op     the op that a call with two tensors means instead: `max(x, y)`
    position_op       the op for where the elements stand that this one chooses: `argmax`
    python_op         the op by which Python's own function of this name takes the elements of a
                      list together: `sum([a, b])`, `max(a, b, c)`
    receiver          the place of the operand that a method is called on: `x.where(c, y)`
    vjp               the gradient of each operand, given that of the result; whoever applies it
                      sums over the dimensions that were broadcast
    vjp_of_numbers    the gradients in place of `vjp` where they depend on which operands are
                      numbers written in the program: torch has an overload for Python numbers.
                      Of none of them those of `vjp`
    cost              (operand types, result type, static arguments) -> scalar operations; by
                      default one for each element of the result, or of a reduction's operand
    causes            what makes a non-finite value of finite operands, most special first
    pole              what to write instead where the derivative is infinite, in terms of the
                      operands
    is_move           whether every element of the result is one of the first operand
    is_view           whether torch's result may share its memory with the first operand, so that
                      what is written to one is seen in the other
    identity_operand  which operand a node of it equals, if it is one of them: `x * 1` is x
    tile_reduction    how a reduction of all elements is gathered from tiles: sum, mean, min or max
    inline_scalars    numbers that torch computes as fast and exactly as a last operand that is
                      written in the program, when they come to it as plain numbers: x^2 is x*x
    half              how torch computes it in float16 and bfloat16: `wide` is in float32, rounded
                      once, and `kernel` with the row's own kernel. By default an elementwise op
                      is torch's own of that name, or else `wide`, and any other is `kernel`
    wide_gradients    the dtypes of half precision in which torch has a kernel for the gradient: the
                      formula is in float32, its value rounded, where else every step is rounded
    differs           where the op is not what torch's of that name is, and why
    examples          expression and value, run on every backend
    tolerance         ulp by which backends may differ, 0 for exact
    domain            where the op gives finite results, for sampling
    samples           more calls, on which backends are compared with each other and with torch
    """

    name: str
    signature: str
    doc: str
    type: TypeRule
    python: PythonKernel
    torch: str | TorchKernel = ""
    polars: str | PolarsKernel = ""
    inline: str = ""
    raising: str | Callable[..., float] = ""
    js: str = ""
    row_total: str = ""
    kind: str = "elementwise"
    access: str = "call"
    casting: str = "result"
    symbol: str = ""
    text: str = ""
    latex: str = ""
    step: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    two_tensor_op: str = ""
    position_op: str = ""
    python_op: str = ""
    receiver: int = 0
    examples: tuple[tuple[str, str], ...] = ()
    tolerance: int = 0
    domain: tuple[float, float] = (-1e3, 1e3)
    vjp: Gradients = ()
    cost: CostRule | None = None
    differs: str = ""
    samples: tuple[str, ...] = ()
    is_move: bool = False
    is_view: bool = False
    identity_operand: IdentityRule | None = None
    causes: tuple[Cause, ...] = ()
    pole: str = ""
    tile_reduction: str = ""
    inline_scalars: frozenset[float] = frozenset()
    half: str = ""
    wide_gradients: tuple[str, ...] = ()
    vjp_of_numbers: NumberGradients | None = None
    reading: Reading | None = None
    has_python: bool = True
    is_rowwise: bool = False


def in_halves(half: tuple[str, ...], plain: tuple[str, ...]) -> Gradients:
    """The gradients by torch's own steps in half precision, where each is rounded, else others."""
    return lambda operands, params: half if operands[0].dtype in HALVES else plain


_PARAMETERS: dict[str, tuple[Parameter, ...]] = {}


class HasSignature(Protocol):
    """A row, a composite or a shape function."""

    @property
    def signature(self) -> str:
        """The parameters, as text."""


def escape(text: str) -> str:
    """A user's text for the message of a `Problem`, which is a format."""
    return text.replace("{", "{{").replace("}", "}}")


def parameters(op: HasSignature) -> tuple[Parameter, ...]:
    """The parameters that a signature declares."""
    if op.signature not in _PARAMETERS:
        pieces = [p.strip() for p in op.signature.split(",") if p.strip()]
        _PARAMETERS[op.signature] = tuple(_parameter(p) for p in pieces)
    return _PARAMETERS[op.signature]


def _parameter(text: str) -> Parameter:
    head, _, default = (part.strip() for part in text.partition("="))
    name, _, kind = (part.strip() for part in head.partition(":"))
    return Parameter(name.lstrip("*"), kind or "tensor", default, name.startswith("*"))


def arity(op: Op) -> int:
    """The number of tensor operands that a call names."""
    return sum(p.kind in TENSORS for p in parameters(op))
