"""Functions that join, split and multiply tensors, and become rows of the op table.

`hstack` is `cat` in other words, `tensordot` an `einsum`, `tensor_split` several indices.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial

from graphcalc.diagnostics import CallError, ShapeError
from graphcalc.graph import dtypes
from graphcalc.graph.call_site import CallSite
from graphcalc.graph.lowered import ListValue, Lowered, TupleValue
from graphcalc.ops.shapes import dimension
from graphcalc.ops.spec import FLOATS, Shape
from graphcalc.ops.table import OPS

# Names of dimensions in an einsum.
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()


def tensors(site: CallSite, name: str = "tensors") -> list[int]:
    """The nodes of a list of tensors."""
    item, node = site.matched[name]
    if not isinstance(item, (TupleValue, ListValue)):
        raise CallError(
            "tensors",
            f"`{site.name}` wants a list of tensors, and this is one tensor",
            site.label(),
            help=f"write `{site.name}([a, b])`",
        )
    return [site.scope.operand(i, node, site.frame.source) for i in item.items]


def shape_of(site: CallSite, position: int) -> Shape:
    """The shape of a node."""
    return site.scope.builder.nodes[position].type.shape


def reshaped(site: CallSite, position: int, shape: Shape) -> int:
    """The node in another shape, or as it is."""
    if shape_of(site, position) == shape:
        return position
    return site.add(OPS["reshape"], (position,), (shape,))


def in_dtype(site: CallSite, position: int, dtype: str) -> int:
    """The node in a dtype that another has, which may be none of a program's own."""
    if dtype in FLOATS and site.scope.builder.nodes[position].type.dtype != dtype:
        return site.add(OPS[f"to_{dtype}"], (position,), ())
    return dtypes.cast(site.scope, position, dtype, site.label()[0])


# Joining


def wide(shape: Shape, rank: int) -> Shape:
    """A shape of at least so many dimensions, as torch's atleast_1d, _2d and _3d have it."""
    if len(shape) >= rank:
        return shape
    if rank == 3 and shape:
        return (1, *shape, 1) if len(shape) == 1 else (*shape, 1)
    return (1,) * (rank - len(shape)) + shape


def at_least(rank: int) -> Callable[[CallSite], Lowered]:
    """x with at least so many dimensions."""

    def run(site: CallSite) -> Lowered:
        return reshaped(site, site.tensor(), wide(site.shape(), rank))

    return run


def stacked(rank: int, dim: int) -> Callable[[CallSite], Lowered]:
    """Tensors of at least so many dimensions joined along one, vectors along their only one."""

    def run(site: CallSite) -> Lowered:
        found = [reshaped(site, p, wide(shape_of(site, p), rank)) for p in tensors(site)]
        along = min(dim, len(shape_of(site, found[0])) - 1) if found else dim
        return site.add(OPS["cat"], tuple(found), (along,))

    return run


def columns(site: CallSite) -> Lowered:
    """Tensors side by side along dimension 1, vectors as columns."""
    found = []
    for position in tensors(site):
        shape = shape_of(site, position)
        column = shape if len(shape) > 1 else (*wide(shape, 1), 1)
        found.append(reshaped(site, position, column))
    return site.add(OPS["cat"], tuple(found), (1,))


# Splitting


def tensor_split(site: CallSite, dim: int | None = None) -> Lowered:
    """Nearly equal pieces, or those between indices."""
    dim = site.dim(default=0) if dim is None else dim
    size = site.shape()[dim]
    given = site.item("indices_or_sections")
    wanted = site.wholes("indices_or_sections")
    if isinstance(given, (TupleValue, ListValue)) or len(wanted) != 1:
        bounds = [0, *(max(0, min(w + size if w < 0 else w, size)) for w in wanted), size]
    else:
        (count,) = wanted
        if type(count) is not int or count < 1:
            raise site.fail("indices_or_sections", "a number of pieces above 0,")
        bounds = [i * (size // count) + min(i, size % count) for i in range(count + 1)]
    found = [
        site.indexed({dim: (start, max(start, stop), 1)})
        for start, stop in itertools.pairwise(bounds)
    ]
    return TupleValue(tuple(found), site.node)


def split_at(place: int) -> Callable[[CallSite], Lowered]:
    """Equal pieces along dimension `place`, of a vector along its only one."""

    def run(site: CallSite) -> Lowered:
        rank = len(site.shape())
        if rank < max(place, 1) or (place == 2 and rank < 3):
            raise ShapeError("unpack-scalar", f"`{site.name}` wants more dimensions", site.label())
        dim = min(place, rank - 1)
        wanted = site.wholes("indices_or_sections")
        is_list = isinstance(site.item("indices_or_sections"), (TupleValue, ListValue))
        if not is_list and len(wanted) == 1 and wanted[0] and site.shape()[dim] % wanted[0]:
            raise site.fail("indices_or_sections", "a divisor of the size,")
        return tensor_split(site, dim)

    return run


# Products


def _einsum(site: CallSite, equation: str, operands: Sequence[int]) -> int:
    return site.add(OPS["einsum"], tuple(operands), (equation,))


def _counted(dims: Sequence[int], rank: int) -> list[int]:
    return [dimension(d, rank) for d in dims]


def tensordot(site: CallSite) -> Lowered:
    """Sums of products over several dimensions, as an einsum."""
    x, y = site.tensor(), site.tensor("y")
    ranks = [len(shape_of(site, p)) for p in (x, y)]
    wanted = (2,) if site.item("dims") is None else site.wholes("dims")
    if len(wanted) == 1:
        (count,) = wanted
        if not 0 <= count <= min(ranks):
            raise site.fail("dims", "a number of dimensions that both have,")
        left, right = [*range(ranks[0] - count, ranks[0])], [*range(count)]
    elif len(wanted) % 2:
        raise site.fail("dims", "as many dimensions of x as of y,")
    else:
        half = len(wanted) // 2
        left, right = (
            site.checked(partial(_counted, wanted[start : start + half], rank))
            for start, rank in zip((0, half), ranks)
        )
    first = _LOWER[: ranks[0]]
    second = list(_UPPER[: ranks[1]])
    for i, j in zip(left, right):
        second[j] = first[i]
    kept = [c for i, c in enumerate(first) if i not in left]
    kept += [c for j, c in enumerate(second) if j not in right]
    return _einsum(site, f"{first},{''.join(second)}->{''.join(kept)}", (x, y))


def kron(site: CallSite) -> Lowered:
    """Every element of x times the whole of y, as an einsum in another shape."""
    positions = [site.tensor(), site.tensor("y")]
    rank = max(len(shape_of(site, p)) for p in positions)
    shapes = [(1,) * (rank - len(s)) + s for s in (shape_of(site, p) for p in positions)]
    wide = [reshaped(site, p, s) for p, s in zip(positions, shapes)]
    first, second = _LOWER[:rank], _UPPER[:rank]
    result = "".join(itertools.chain.from_iterable(zip(first, second)))
    product = _einsum(site, f"{first},{second}->{result}", wide)
    return reshaped(site, product, tuple(m * n for m, n in zip(*shapes)))


def chain(site: CallSite) -> Lowered:
    """The product of matrices from the left on."""
    first, *rest = tensors(site)
    for position in rest:
        first = site.add(OPS["matmul"], (first, position), ())
    return first


def matrix_power(site: CallSite) -> Lowered:
    """The product of n equal matrices, by repeated squares."""
    n, shape = site.whole("n"), site.shape()
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError("shape-mismatch", "a power is of square matrices", site.label())
    if type(n) is not int or n < 0:
        raise site.fail("n", "a whole number >= 0, as there is no inverse here,")
    result, power = None, site.tensor()
    if n == 0:
        one = site.add(OPS["eye"], (), (shape[-1], None))
        one = in_dtype(site, one, site.scope.builder.nodes[site.tensor()].type.dtype)
        return site.add(OPS["expand"], (one,), (shape,))
    while n:
        if n % 2:
            result = power if result is None else site.add(OPS["matmul"], (result, power), ())
        n //= 2
        power = site.add(OPS["matmul"], (power, power), ()) if n else power
    assert result is not None
    return result
