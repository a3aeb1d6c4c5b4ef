"""The rules that give a result's shape and dtype from its operands', shared by many rows.

A rule is called with the run's dtype, the operands' types and the static arguments; it
raises `Problem` where they do not fit. Broadcasting is NumPy's, promotion is torch's.
"""

from __future__ import annotations

from graphcalc.ops.sizes import Number, Size, same_if_exact
from graphcalc.ops.spec import (
    FLOATS,
    HALVES,
    Dims,
    Op,
    Operands,
    Params,
    Problem,
    Shape,
    Type,
    number_dtype,
)

_RANK = {"bool": 0, "int64": 1, "float16": 2, "bfloat16": 2, "float32": 3, "float64": 4}


def promote(dtypes: list[str]) -> str:
    """The smallest dtype that holds all of these."""
    best = max(dtypes, key=_RANK.__getitem__)
    if "float16" in dtypes and "bfloat16" in dtypes and _RANK[best] == 2:
        return "float32"
    return best


def _category(dtype: str) -> int:
    """Return 0 for bool, 1 for integers and 2 for floating point."""
    return min(_RANK[dtype], 2)


def _meeting(types: list[Type]) -> str:
    """The dtype in which values meet: scalars count where they are of a higher category."""
    tensors = [t.dtype for t in types if t.shape]
    scalars = [t.dtype for t in types if not t.shape]
    if not tensors or not scalars:
        return promote(tensors or scalars)
    best, other = promote(tensors), promote(scalars)
    return other if _category(other) > _category(best) else best


def common_dtype(operands: Operands) -> str:
    """The dtype in which operands meet; weak ones count only among themselves."""
    strong = [t for t in operands if not t.weak]
    if not strong:
        return promote([t.dtype for t in operands])
    weak = [t.dtype for t in operands if t.weak]
    best = _meeting(strong)
    if weak and best not in FLOATS:
        best = promote([best, *weak])
    return best


def float_dtype(dtype: str, operands: Operands) -> str:
    """The floating dtype of arithmetic on operands: bool and integers count as the run's."""
    found = [t for t in operands if not t.weak and t.dtype in FLOATS]
    if found:
        return _meeting(found)
    is_number = bool(operands) and all([t.is_number for t in operands])
    return number_dtype(dtype) if is_number else dtype


def type_of(op: Op, dtype: str, operands: Operands, params: Params) -> Type:
    """The type by an op's rule.

    In a run of half precision a tensor of written numbers has the run's dtype, and what is reduced
    from one is no written number.
    """
    found = op.type(dtype, operands, params)
    if dtype not in HALVES or not found.weak or found.dtype not in FLOATS:
        return found
    if found.shape:
        return found._replace(dtype=dtype)
    return found._replace(weak=found.dtype not in HALVES)


def as_result(type_: Type, dtype: str) -> Type:
    """The type of a value that a program ends with: there a written number has the run's dtype."""
    is_number = dtype in HALVES and type_.is_number and type_.dtype in FLOATS
    return Type((), dtype) if is_number else type_


def show(shape: Shape) -> str:
    """A shape as people write it: `(3, 5)`, `(4)`, `a scalar`."""
    if not shape:
        return "a scalar"
    return f"({', '.join(map(str, shape))})"


def broadcast(*shapes: Shape, first: int = 0) -> Shape:
    """NumPy's broadcast of shapes; raises Problem naming the first two that clash.

    `first` is the position of the first shape among the operands.
    """
    if len(shapes) == 2 and shapes[0] == shapes[1]:
        return shapes[0]
    result: Shape = ()
    for position, shape in enumerate(shapes):
        joined = _broadcast_two(result, shape)
        if joined is None:
            other = next(i for i in range(position) if _broadcast_two(shapes[i], shape) is None)
            raise _broadcast_problem(shapes, other, position, first)
        result = joined
    return result


def differ(m: Number, n: Number) -> bool:
    """Whether two sizes differ; symbolic quotients, as of a dimension split in heads, are exact."""
    return bool(m != n) and not (Size in (type(m), type(n)) and same_if_exact(m, n))


def _broadcast_two(a: Shape, b: Shape) -> Shape | None:
    if not a or a == b:
        return b
    if not b:
        return a
    rank = max(len(a), len(b))
    left = (1,) * (rank - len(a)) + a
    right = (1,) * (rank - len(b)) + b
    if any(m != 1 and n != 1 and differ(m, n) for m, n in zip(left, right)):
        return None
    return tuple(n if m == 1 else m for m, n in zip(left, right))


_FROM_END = ("last", "second-to-last", "third-to-last")


def _broadcast_problem(shapes: tuple[Shape, ...], one: int, other: int, first: int) -> Problem:
    a, b = shapes[one], shapes[other]
    position, m, n = next(
        (i, m, n)
        for i, (m, n) in enumerate(zip(reversed(a), reversed(b)))
        if m != 1 and n != 1 and differ(m, n)
    )
    where = _FROM_END[position] if position < 3 else f"{position + 1}th from last"
    return Problem(
        "shape",
        f"shapes do not broadcast: {{{one + first}}} is {show(a)} "
        f"but {{{other + first}}} is {show(b)}",
        note=f"the {where} dimensions, {m} and {n}, differ and neither is 1",
    )


# Elementwise


def arithmetic(dtype: str, operands: Operands, params: Params) -> Type:
    """Elementwise, floating point: bool counts as 0 and 1."""
    shape = broadcast(*[t.shape for t in operands])
    return Type(shape, float_dtype(dtype, operands), all([t.weak for t in operands]))


def chosen(dtype: str, operands: Operands, params: Params) -> Type:
    """Elementwise, one of the operands: int64 where all are, else floating point."""
    found = arithmetic(dtype, operands, params)
    return found._replace(dtype="int64") if {t.dtype for t in operands} == {"int64"} else found


def predicate(dtype: str, operands: Operands, params: Params) -> Type:
    """Elementwise, true or false."""
    return Type(broadcast(*[t.shape for t in operands]), "bool")


def bitwise(dtype: str, operands: Operands, params: Params) -> Type:
    """Elementwise on bool and integers only."""
    for position, operand in enumerate(operands):
        if operand.dtype in FLOATS:
            raise Problem(
                "dtype",
                f"bool algebra wants bool or integers, but {{{position}}} is {operand.dtype}",
                help="put comparisons in parentheses, `(x > 0) & (y > 0)`, or use `and`, `or`, "
                "`not`; whole numbers are `x.long()`, or declared `x: int64`",
            )
    dtypes = [t.dtype for t in operands]
    return Type(broadcast(*[t.shape for t in operands]), promote(dtypes))


def select(dtype: str, operands: Operands, params: Params) -> Type:
    """`where(condition, x, y)`: all three broadcast, the values meet in one dtype."""
    shape = broadcast(*[t.shape for t in operands])
    values = operands[1:]
    return Type(shape, common_dtype(values), all([t.weak for t in values]))


# Dimensions


def dimension(dim: Number, rank: int) -> int:
    """A dimension counted from the front, or a Problem; rank 0 takes 0 and -1, as torch."""
    size = max(rank, 1)
    if isinstance(dim, Size) or not -size <= dim < size:
        raise Problem(
            "shape",
            f"dimension {dim} does not exist: {{0}} has {rank} dimension{'s' * (rank != 1)}",
            note=f"dimensions go from {-size} to {size - 1}",
        )
    return dim % size


def dimensions(dims: Dims, rank: int) -> tuple[int, ...]:
    """The dimensions that a reduction runs over, counted from the front and sorted."""
    if dims is None:
        return tuple(range(rank))
    found = [dimension(d, rank) for d in dims]
    for dim in found:
        if found.count(dim) > 1:
            raise Problem("shape", f"dimension {dim} is named twice")
    return tuple(sorted(found)) if rank else ()


def reduced(shape: Shape, dims: tuple[int, ...], keepdim: bool) -> Shape:
    """The shape after a reduction over `dims`."""
    if keepdim:
        return tuple(1 if i in dims else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in dims)


def reduction(dtype: str, operands: Operands, params: Params) -> Type:
    """`f(x, dim, keepdim)` that sums up: floating point, of no elements too."""
    (x,) = operands
    dims, keepdim = params
    dims = dimensions(dims, len(x.shape))
    return Type(reduced(x.shape, dims, keepdim), float_dtype(dtype, operands), x.weak)


def count(dtype: str, operands: Operands, params: Params) -> Type:
    """`count_nonzero(x, dim, keepdim)`: whole numbers."""
    return reduction(dtype, operands, params)._replace(dtype="int64", weak=False)


def quantifier(dtype: str, operands: Operands, params: Params) -> Type:
    """`f(x, dim, keepdim)` that is a truth value: bool, of no elements too."""
    return reduction(dtype, operands, params)._replace(dtype="bool", weak=False)


def extremum(dtype: str, operands: Operands, params: Params) -> Type:
    """`f(x, dim, keepdim)` that picks an element: x's own dtype, an error without elements."""
    (x,) = operands
    dims, keepdim = params
    dims = dimensions(dims, len(x.shape))
    shape = reduced(x.shape, dims, keepdim)
    if Type(shape, x.dtype).numel and not x.numel:
        raise Problem("shape", f"there is no element to choose: {{0}} is {show(x.shape)}")
    return Type(shape, x.dtype, x.weak)


# Matrices


def matmul(dtype: str, operands: Operands, params: Params) -> Type:
    """torch.matmul: 1-d, 2-d and batched operands, never scalars."""
    a, b = operands[0].shape, operands[1].shape
    for position, shape in enumerate((a, b)):
        if not shape:
            raise Problem(
                "shape", f"`@` wants tensors, but {{{position}}} is a scalar", help="write `*`"
            )
    inner = b[-2] if len(b) > 1 else b[0]
    if differ(a[-1], inner):
        swapped = "transpose one of them with `.T`" if a[-1] == b[-1] else ""
        raise Problem(
            "shape",
            f"matrices do not multiply: {{0}} is {show(a)} but {{1}} is {show(b)}",
            note=f"the inner dimensions, {a[-1]} and {inner}, differ",
            help=swapped,
        )
    batch = broadcast(a[:-2], b[:-2])
    shape = (*batch, *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))
    return Type(shape, float_dtype(dtype, operands), all([t.weak for t in operands]))


def scan(dtype: str, operands: Operands, params: Params) -> Type:
    """`cumsum(x, dim)`: the same shape, floating point."""
    (x,) = operands
    dimension(params[0], len(x.shape))
    return Type(x.shape, float_dtype(dtype, operands), x.weak)


def position(dtype: str, operands: Operands, params: Params) -> Type:
    """`argmax(x, dim, keepdim)`: the index of an element, an integer; an error of none."""
    dim, keepdim = params
    dims = None if dim is None else (dim,)
    return extremum(dtype, operands, (dims, keepdim))._replace(dtype="int64", weak=False)


def to_float(dtype: str, operands: Operands, params: Params) -> Type:
    """x in floating point."""
    return Type(operands[0].shape, float_dtype(dtype, operands), operands[0].weak)


def to_dtype(wanted: str, dtype: str, operands: Operands, params: Params) -> Type:
    """x in the dtype wanted, whatever the run's is."""
    return Type(operands[0].shape, wanted)


def to_int(dtype: str, operands: Operands, params: Params) -> Type:
    """x as integers."""
    return Type(operands[0].shape, "int64")


def like(dtype: str, operands: Operands, params: Params) -> Type:
    """`full_like(x, value)`: the shape and dtype of x."""
    x, value = operands
    if value.shape:
        raise Problem(
            "shape", f"the value of `full_like` is a scalar, but {{1}} is {show(value.shape)}"
        )
    return Type(x.shape, x.dtype if x.dtype in FLOATS else float_dtype(dtype, operands))


# Making


def check_sizes(sizes: Shape) -> None:
    """Raise Problem for sizes below 0."""
    for size in sizes:
        if size < 0:
            raise Problem("shape", f"a dimension must be a whole number >= 0, not {size}")


def sized(dtype: str, operands: Operands, params: Params) -> Type:
    """A tensor of the sizes in the run's dtype."""
    check_sizes(params[0])
    return Type(params[0], dtype)


def integers(dtype: str, operands: Operands, params: Params) -> Type:
    """`randint(low, high, shape)`: integers of that shape."""
    low, high, shape = params[:3]
    if Size in (type(low), type(high)):
        return sized(dtype, (), (shape,))._replace(dtype="int64")
    if not low < high:
        raise Problem("call", f"`randint` wants low < high, not {low:g} and {high:g}")
    for bound in (low, high):
        if type(bound) is not Size and (abs(bound) >= 2.0**53 or bound != int(bound)):
            raise Problem("call", f"`randint` wants whole numbers below 2^53, not {bound:g}")
    return sized(dtype, (), (shape,))._replace(dtype="int64")


def filled(dtype: str, operands: Operands, params: Params) -> Type:
    """`full(sizes, value)`: the value's dtype, or the run's for a literal."""
    (value,) = operands
    if value.shape:
        raise Problem("shape", f"the value of `full` is a scalar, but {{0}} is {show(value.shape)}")
    return sized(dtype, (), params)._replace(dtype=dtype if value.is_number else value.dtype)


def square(dtype: str, operands: Operands, params: Params) -> Type:
    """`eye(n, m)`: m is n where it is None."""
    n, m = params
    return sized(dtype, (), ((n, n if m is None else m),))


def leaf(dtype: str, operands: Operands, params: Params) -> Type:
    """Inputs and constants carry their type with them."""
    found: Type = params[0]
    return found


def same(dtype: str, operands: Operands, params: Params) -> Type:
    """Another name for the operand."""
    return operands[0]
