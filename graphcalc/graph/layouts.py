"""Functions that lay tensors out beside each other, and those that make constants.

`meshgrid` is `expand` in other words, and `tril_indices` a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphcalc.diagnostics import ShapeError
from graphcalc.graph import dtypes
from graphcalc.graph.call_site import CallSite
from graphcalc.graph.joining import in_dtype, reshaped, shape_of, tensors, wide
from graphcalc.graph.lowered import ListValue, Lowered, StaticNumber, TextValue, TupleValue
from graphcalc.ops.shapes import broadcast, dimension
from graphcalc.ops.spec import Shape, Type
from graphcalc.ops.table import OPS

# Laying out


def meshgrid(default: str) -> Callable[[CallSite], Lowered]:
    """Vectors laid out along the dimensions of a grid."""

    def run(site: CallSite) -> Lowered:
        word = site.item("indexing")
        indexing = word.text if isinstance(word, TextValue) else default
        if indexing not in ("ij", "xy"):
            raise site.fail("indexing", '"ij" or "xy",')
        positions = tensors(site)
        shapes = [wide(shape_of(site, p), 1) for p in positions]
        if any(len(shape) > 1 for shape in shapes):
            raise ShapeError("shape-mismatch", "`meshgrid` is of vectors", site.label())
        order = [1, 0, *range(2, len(shapes))] if indexing == "xy" else [*range(len(shapes))]
        order = order[: len(shapes)] if len(shapes) > 1 else [0]
        whole = tuple(shapes[i][0] for i in order)
        found = []
        for i, (position, (size,)) in enumerate(zip(positions, shapes)):
            thin = tuple(size if j == i else 1 for j in order)
            found.append(site.add(OPS["expand"], (reshaped(site, position, thin),), (whole,)))
        return TupleValue(tuple(found), site.node)

    return run


def broadcast_tensors(site: CallSite) -> Lowered:
    """Tensors expanded to the shape that they broadcast to."""
    positions = tensors(site)
    shapes = [shape_of(site, p) for p in positions]
    whole = site.checked(lambda: broadcast(*shapes)) if shapes else ()
    found = [site.add(OPS["expand"], (p,), (whole,)) for p in positions]
    return TupleValue(tuple(found), site.node)


def along(site: CallSite) -> Lowered:
    """A vector laid along one dimension of another tensor, and repeated along its others."""
    like = shape_of(site, site.tensor("like"))
    rank = max(len(like), 1)
    dim = site.checked(lambda: dimension(site.whole("dim"), len(like)))
    vector = wide(site.shape(), 1)
    if len(vector) != 1:
        raise ShapeError("index-shape", "the index here has one dimension", site.label())
    thin = tuple(vector[0] if i == dim else 1 for i in range(rank))
    whole = tuple(vector[0] if i == dim else n for i, n in enumerate(like)) or vector
    laid = site.add(OPS["expand"], (reshaped(site, site.tensor(), thin),), (whole,))
    return laid if like else reshaped(site, laid, ())


def broadcast_besides(site: CallSite) -> Lowered:
    """x broadcast with another tensor, but along one dimension."""
    like, shape = shape_of(site, site.tensor("like")), site.shape()
    dim = site.checked(lambda: dimension(site.whole("dim"), len(shape)))
    if len(like) != len(shape):
        raise ShapeError("shape-mismatch", "both tensors want as many dimensions", site.label())
    others = [tuple(n for i, n in enumerate(s) if i != dim) for s in (shape, like)]
    whole = list(site.checked(lambda: broadcast(*others)))
    whole[dim:dim] = shape[dim : dim + 1]
    return site.add(OPS["expand"], (site.tensor(),), (tuple(whole),))


def fitted(site: CallSite) -> Lowered:
    """The part of x that an index takes, or a number in the shape of the index."""
    like = shape_of(site, site.tensor("like"))
    if not site.shape():
        return site.add(OPS["expand"], (site.tensor(),), (like,))
    if len(like) != len(site.shape()) or any(n < m for n, m in zip(site.shape(), like)):
        raise ShapeError("index-shape", "the source is smaller than the index", site.label())
    if like == site.shape():
        return site.tensor()
    return site.indexed({i: (0, n, 1) for i, n in enumerate(like)})


# Constants


def _constant(site: CallSite, shape: Shape, data: Sequence[int]) -> int:
    return site.add(OPS["const"], (), (Type(shape, "int64"), tuple(data)))


def triangle(is_lower: bool) -> Callable[[CallSite], Lowered]:
    """The rows and columns of the elements in a triangle of a matrix."""

    def run(site: CallSite) -> Lowered:
        rows, columns = site.whole("row"), site.whole("col")
        offset = site.whole("offset", 0)
        found = [
            (i, j)
            for i in range(rows)
            for j in range(columns)
            if (j - i <= offset if is_lower else j - i >= offset)
        ]
        data = [i for i, _ in found] + [j for _, j in found]
        return _constant(site, (2, len(found)), data)

    return run


def repeated(site: CallSite) -> Lowered:
    """For each repeat of an element its position; the repeats are written in the program."""
    counts = site.wholes("x")
    if any(type(c) is not int or c < 0 for c in counts):
        raise site.fail("x", "repeats >= 0,")
    found = [i for i, count in enumerate(counts) for _ in range(count)]
    return _constant(site, (len(found),), found)


def is_written(site: CallSite) -> Lowered:
    """Whether the elements of an argument are written in the program."""
    item = site.item("x")
    if isinstance(item, (TupleValue, ListValue)):
        return StaticNumber(True)
    return StaticNumber(type(item) is int and _written(site, item) is not None)


def _written(site: CallSite, position: int) -> list[Any] | None:
    builder = site.scope.builder
    node = builder.nodes[position]
    if node.op is OPS["tensor"] and len(node.type.shape) == 1:
        found = [builder.static(p) for p in node.operands]
        return None if None in found else found
    literal = builder.literal(position)
    return None if literal is None else [*literal]


def classes(site: CallSite) -> Lowered:
    """The number of classes: as it is told, else what written labels need."""
    wanted = site.whole("num_classes", -1)
    labels = _written(site, site.tensor()) if wanted == -1 else None
    return StaticNumber(int(max(labels)) + 1 if labels else wanted)


def new(value: float | None) -> Callable[[CallSite], Lowered]:
    """A tensor of one value in the dtype of x."""

    def run(site: CallSite) -> Lowered:
        dtype = site.scope.builder.nodes[site.tensor()].type.dtype
        if value is None:
            number = site.tensor("value")
        else:
            number = site.scope.builder.constant(value, site.where)
        wanted = site.item("dtype")
        if wanted is not None:
            dtype = dtypes.dtype_of(site.scope, wanted, site.node, site.frame.source)
        filled = site.add(OPS["full"], (number,), (site.wholes("shape"),))
        return in_dtype(site, filled, dtype)

    return run
