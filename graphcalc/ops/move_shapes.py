"""The type rules of operations that move, choose and join elements.

A rule is called as those of `shapes` are.
"""

from __future__ import annotations

from graphcalc.ops.shapes import broadcast, common_dtype, differ, dimension, dimensions, show
from graphcalc.ops.sizes import Number, divide_if_exact, extent, same_if_exact
from graphcalc.ops.spec import Elements, IndexItems, Operands, Params, Problem, Shape, Type, escape

# The shape of a vector that torch's `cat` joins to tensors of any shape.
NO_ELEMENTS: Shape = (0,)


def reverse_dims(dtype: str, operands: Operands, params: Params) -> Type:
    """`.T`: the dimensions in reverse order."""
    (x,) = operands
    return x._replace(shape=x.shape[::-1])


def reshape(dtype: str, operands: Operands, params: Params) -> Type:
    """`reshape(x, sizes)`; one size may be -1."""
    return operands[0]._replace(shape=resolve_sizes(operands[0], params[0]))


def resolve_sizes(x: Type, sizes: Shape) -> Shape:
    """Sizes with a -1 replaced by what fits the elements of x."""
    count: Number = 1
    for size in sizes:
        if size != -1 and size < 0:
            raise Problem("shape", f"a dimension must be a whole number >= 0, not {size}")
        count = count * (1 if size == -1 else size)
    if sizes.count(-1) > 1:
        raise Problem("shape", "only one dimension of a shape can be -1")
    if -1 in sizes:
        rest = divide_if_exact(x.numel, count) if count != 0 else None
        if rest is not None:
            return tuple(rest if n == -1 else n for n in sizes)
    if -1 in sizes or not (count == x.numel or same_if_exact(count, x.numel)):
        raise Problem(
            "shape",
            f"{{0}} is {show(x.shape)} and does not reshape to {show(sizes)}",
            note=f"it has {x.numel:,} elements, and {show(sizes)} "
            + (f"needs a multiple of {count:,}" if -1 in sizes else f"has {count:,}"),
        )
    return sizes


def index(dtype: str, operands: Operands, params: Params) -> Type:
    """`x[items]`; items as `graph.indexing` leaves them.

    An item is an int or a (start, stop, step) of a dimension, None for a new one, or `"*"` where
    one of the tensors after x chooses; these broadcast with each other, and their dimensions
    stand where the first of them does, or in front where slices come between, as in torch.
    """
    x, *chosen = operands
    shape: Elements = []
    items = params[0]
    for item, size in zip(items, dims_of(items, x.shape)):
        if item is None:
            shape.append(1)
        elif isinstance(item, tuple):
            shape.append(extent(*item))
        elif item == "*":
            shape.append("*")
        elif not 0 <= item < size:
            raise Problem("index", f"index {item} is outside of a dimension of {size}")
    if chosen:
        for position, operand in enumerate(chosen):
            if operand.dtype == "bool":
                what = f"an index is a whole number, and {{{position + 1}}} is bool"
                raise Problem("dtype", what)
        sizes = broadcast(*[t.shape for t in chosen], first=1)
        first = chosen_position(items)
        shape = [n for n in shape if n != "*"]
        shape[first:first] = sizes
    return x._replace(shape=tuple(shape))


def chosen_position(items: IndexItems) -> int:
    """Where the dimensions of index tensors stand in the result: see `index`."""
    kept = [item for item in items if item is None or isinstance(item, tuple) or item == "*"]
    first = kept.index("*")
    count = kept.count("*")
    return first if kept[first : first + count] == ["*"] * count else 0


def dims_of(items: IndexItems, shape: Shape) -> list[int]:
    """The size that each index item applies to; 1 where it makes a new dimension."""
    sizes = iter(shape)
    return [1 if item is None else next(sizes) for item in items]


def stack(dtype: str, operands: Operands, params: Params) -> Type:
    """A tensor literal: elements of one shape along a new first dimension."""
    if not operands:
        return Type((0,), dtype, True)
    first = operands[0]
    for position, operand in enumerate(operands):
        if operand.shape != first.shape:
            raise ragged(0, first, position, operand)
    shape = (len(operands), *first.shape)
    return Type(shape, common_dtype(operands), all([t.weak for t in operands]))


def ragged(first: int, a: Type, second: int, b: Type) -> Problem:
    """The elements of a tensor literal differ in shape."""
    if len(a.shape) == len(b.shape) == 1:
        return Problem(
            "shape",
            f"a ragged tensor: {{{first}}} has {a.shape[0]} "
            f"element{'s' * (a.shape[0] != 1)} but {{{second}}} has {b.shape[0]}",
        )
    return Problem(
        "shape",
        f"a ragged tensor: {{{first}}} is {show(a.shape)} but {{{second}}} is {show(b.shape)}",
    )


def transpose(dtype: str, operands: Operands, params: Params) -> Type:
    """`transpose(x, dim0, dim1)`: two dimensions exchanged."""
    (x,) = operands
    a, b = (dimension(d, len(x.shape)) for d in params)
    shape = list(x.shape)
    if shape:
        shape[a], shape[b] = shape[b], shape[a]
    return x._replace(shape=tuple(shape))


def order(dims: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """The dimensions of a permutation, counted from the front; all of them, each once."""
    found = tuple(dimension(d, rank) for d in dims)
    if sorted(found) != list(range(rank)):
        named = show(dims) if dims else "`permute` without dimensions"
        raise Problem(
            "shape",
            f"{named} does not name each of the {rank} dimension{'s' * (rank != 1)} of {{0}} once",
        )
    return found


def permute(dtype: str, operands: Operands, params: Params) -> Type:
    """`permute(x, dims)`: the dimensions in another order."""
    (x,) = operands
    return x._replace(shape=tuple(x.shape[d] for d in order(params[0], len(x.shape))))


def flatten(dtype: str, operands: Operands, params: Params) -> Type:
    """`flatten(x, start_dim, end_dim)`: neighbouring dimensions made one."""
    (x,) = operands
    start, end = (dimension(d, len(x.shape)) for d in params)
    if not x.shape:
        return x._replace(shape=(1,))
    if start > end:
        raise Problem("shape", f"dimension {start} does not come before dimension {end}")
    size: Number = 1
    for n in x.shape[start : end + 1]:
        size = size * n
    return x._replace(shape=(*x.shape[:start], size, *x.shape[end + 1 :]))


def squeeze(dtype: str, operands: Operands, params: Params) -> Type:
    """`squeeze(x, dim)`: dimensions of 1 left out, all of them or those named."""
    (x,) = operands
    dims = dimensions(params[0], len(x.shape))
    return x._replace(shape=tuple(n for i, n in enumerate(x.shape) if n != 1 or i not in dims))


def unsqueeze(dtype: str, operands: Operands, params: Params) -> Type:
    """`unsqueeze(x, dim)`: a new dimension of 1."""
    (x,) = operands
    dim = dimension(params[0], len(x.shape) + 1)
    return x._replace(shape=(*x.shape[:dim], 1, *x.shape[dim:]))


def expand(dtype: str, operands: Operands, params: Params) -> Type:
    """`expand(x, sizes)`: dimensions of 1 repeated; -1 keeps a size."""
    (x,) = operands
    (sizes,) = params
    new = len(sizes) - len(x.shape)
    fits = new >= 0 and all(m in (-1, n) or n == 1 for m, n in zip(sizes[max(new, 0) :], x.shape))
    if not fits or -1 in sizes[: max(new, 0)]:
        raise Problem("shape", f"{{0}} is {show(x.shape)} and does not expand to {show(sizes)}")
    kept = (*sizes[:new], *(n if m == -1 else m for m, n in zip(sizes[new:], x.shape)))
    return x._replace(shape=kept)


def repeat(dtype: str, operands: Operands, params: Params) -> Type:
    """`repeat(x, counts)`: the whole tensor that often along each dimension."""
    (x,) = operands
    (counts,) = params
    counts = (1,) * (len(x.shape) - len(counts)) + counts
    if -1 in counts:
        raise Problem("shape", "`repeat` wants counts >= 0, not -1")
    own = (1,) * (len(counts) - len(x.shape)) + x.shape
    return x._replace(shape=tuple(c * n for c, n in zip(counts, own)))


def roll(dtype: str, operands: Operands, params: Params) -> Type:
    """`roll(x, shifts, dims)`: the same shape, one shift for each dimension."""
    (x,) = operands
    shifts, dims = params
    if (dims is None and len(shifts) != 1) or (dims is not None and len(shifts) != len(dims)):
        raise Problem("shape", "`roll` wants one shift for each dimension")
    if dims and not x.shape:
        raise Problem("shape", f"dimension {dims[0]} does not exist: {{0}} is a scalar")
    for dim in dims or ():
        dimension(dim, len(x.shape))
    return x


def pad(dtype: str, operands: Operands, params: Params) -> Type:
    """`pad(x, pad, mode, value)`: pairs of counts, before and after, from the last dimension on."""
    (x,) = operands
    counts, mode, _ = params
    if mode != "constant":
        raise Problem("call", f'`pad` knows the mode "constant", not "{escape(mode)}"')
    if len(counts) % 2 or len(counts) > 2 * len(x.shape):
        raise Problem(
            "shape",
            f"`pad` wants two counts for each dimension, from the last one on: {{0}} is "
            f"{show(x.shape)}, and there are {len(counts)} counts",
        )
    shape = list(x.shape)
    for i in range(len(counts) // 2):
        dim = len(shape) - 1 - i
        before, after = counts[2 * i], counts[2 * i + 1]
        shape[dim] = shape[dim] + before + after
        if x.shape[dim] + min(before, 0) + min(after, 0) < 0:
            raise Problem("shape", f"`pad` takes more from dimension {dim} than its {x.shape[dim]}")
    return x._replace(shape=tuple(shape))


def cat(dtype: str, operands: Operands, params: Params) -> Type:
    """`cat(tensors, dim)`: one after another along a dimension; the other sizes are equal.

    A vector without elements joins tensors of any shape, as in torch.
    """
    if not operands:
        raise Problem("shape", "`cat` wants at least one tensor")
    start = next((i for i, x in enumerate(operands) if x.shape != NO_ELEMENTS), 0)
    first = operands[start]
    if not first.shape:
        text = f"`cat` wants tensors, but {{{start}}} is a scalar"
        raise Problem("shape", text, help="write `[a, b]`")
    dim = dimension(params[0], len(first.shape))
    size: Number = 0
    for position, operand in enumerate(operands):
        if operand.shape == NO_ELEMENTS:
            continue
        same = len(operand.shape) == len(first.shape) and all(
            i == dim or not differ(m, n) for i, (m, n) in enumerate(zip(first.shape, operand.shape))
        )
        if not same:
            raise Problem(
                "shape",
                f"tensors do not join: {{{start}}} is {show(first.shape)} "
                f"but {{{position}}} is {show(operand.shape)}",
                note=f"all sizes but that of dimension {dim} must be equal",
            )
        size = size + operand.shape[dim]
    shape = (*first.shape[:dim], size, *first.shape[dim + 1 :])
    return Type(shape, common_dtype(operands), all([t.weak for t in operands]))


def stacked(dtype: str, operands: Operands, params: Params) -> Type:
    """`stack(tensors, dim)`: one after another along a new dimension."""
    if not operands:
        raise Problem("shape", "`stack` wants at least one tensor")
    found = stack(dtype, operands, ())
    dim = dimension(params[0], len(found.shape))
    rest = found.shape[1:]
    return found._replace(shape=(*rest[:dim], len(operands), *rest[dim:]))


def triangle(dtype: str, operands: Operands, params: Params) -> Type:
    """`tril(x, diagonal)`: of matrices, the same shape."""
    (x,) = operands
    if len(x.shape) < 2:
        raise Problem("shape", f"a triangle is of a matrix, but {{0}} is {show(x.shape)}")
    return x


def diag(dtype: str, operands: Operands, params: Params) -> Type:
    """`diag(x, diagonal)`: a vector as a matrix's diagonal, or a matrix's diagonal as a vector."""
    (x,) = operands
    (k,) = params
    if type(k) is not int:
        raise Problem("call", "`diag` wants a diagonal that is a number")
    if len(x.shape) == 1:
        size = x.shape[0] + abs(k)
        return x._replace(shape=(size, size))
    if len(x.shape) != 2:
        raise Problem("shape", f"`diag` wants a vector or a matrix, but {{0}} is {show(x.shape)}")
    rows, columns = x.shape[0] - max(-k, 0), x.shape[1] - max(k, 0)
    length = columns if columns < rows else rows
    return x._replace(shape=(0 if length < 0 else length,))


def unfold(dtype: str, operands: Operands, params: Params) -> Type:
    """`unfold(x, dim, size, step)`: windows along a dimension, their elements in a new last one."""
    (x,) = operands
    dim, size, step = params
    dim = dimension(dim, len(x.shape))
    if step < 1:
        raise Problem("call", f"the step of `unfold` is above 0, not {step}")
    if size < 0:
        raise Problem("call", f"a window of `unfold` is at least 0, not {size}")
    length = x.shape[dim] if x.shape else 1
    if length < size:
        raise Problem(
            "shape", f"a window of {size} is longer than dimension {dim} of {{0}}, {length}"
        )
    if not x.shape:
        return x._replace(shape=(size,))
    count = (length - size) // step + 1
    return x._replace(shape=(*x.shape[:dim], count, *x.shape[dim + 1 :], size))


def to_shape(dtype: str, operands: Operands, params: Params) -> Type:
    """The dtype of x in the shape that is the first static argument."""
    return operands[0]._replace(shape=params[0], weak=False)


def _same_but(x: Type, index: Type, dim: int, name: str, of: int = 0) -> int:
    """The dimension of a gather; index has x's rank, and fits beside it in the others.

    A scalar counts as a vector of one element, and an index without elements fits everything.
    """
    _check_whole(index, 1)
    dim = dimension(dim, len(x.shape))
    if 0 in index.shape:
        return dim
    if max(len(index.shape), 1) != max(len(x.shape), 1):
        raise Problem(
            "shape",
            f"`{name}` wants an index of as many dimensions as {{0}}: it is {show(x.shape)}, "
            f"and {{1}} is {show(index.shape)}",
        )
    for i, (m, n) in enumerate(zip(x.shape, index.shape)):
        if i != dim and m < n:
            raise Problem(
                "shape",
                f"the index of `{name}` is longer than {{0}}: dimension {i} is {n}, not {m}",
            )
    return dim


def _check_whole(index: Type, position: int) -> None:
    """Whole numbers choose, and a mask does not."""
    if index.dtype == "bool":
        raise Problem("dtype", f"an index is a whole number, and {{{position}}} is bool")


def gather(dtype: str, operands: Operands, params: Params) -> Type:
    """`gather(x, dim, index)`: x's dtype in the shape of the index."""
    x, index = operands
    _same_but(x, index, params[0], "gather")
    return x._replace(shape=index.shape)


def scatter(dtype: str, operands: Operands, params: Params) -> Type:
    """`scatter(x, dim, index, src)`: x's shape; index and src have one shape."""
    x, index, source = operands
    _same_but(x, index, params[0], "scatter")
    if source.shape != index.shape:
        raise Problem(
            "shape",
            f"`scatter` wants a source of the index's shape: {{1}} is {show(index.shape)} "
            f"but {{2}} is {show(source.shape)}",
        )
    return Type(x.shape, x.dtype if source.weak else common_dtype((x, source)))


def masked_scatter(dtype: str, operands: Operands, params: Params) -> Type:
    """`masked_scatter(x, mask, source)`: x's dtype in the shape of x and the mask together."""
    x, mask, source = operands
    _check_mask(mask)
    return Type(
        broadcast(x.shape, mask.shape), x.dtype if source.weak else common_dtype((x, source))
    )


def masked_take(dtype: str, operands: Operands, params: Params) -> Type:
    """`masked_take(x, mask, shape)`: x's dtype in that shape."""
    x, mask = operands
    _check_mask(mask)
    return Type(params[0], x.dtype)


def _check_mask(mask: Type) -> None:
    if mask.dtype != "bool":
        raise Problem("dtype", f"a mask is bool, and {{1}} is {mask.dtype}")


def one_hot(dtype: str, operands: Operands, params: Params) -> Type:
    """`one_hot(x, num_classes)`: integers, the classes in a new last dimension."""
    if params[0] == -1:
        raise Problem(
            "call",
            "`one_hot` must be told how many classes there are",
            note="how many x needs is known only when the program runs",
            help="write `one_hot(x, num_classes)`",
        )
    _check_whole(operands[0], 0)
    return Type((*operands[0].shape, params[0]), "int64")
