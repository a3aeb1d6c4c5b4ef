"""Functions that shapes alone decide, and those that only choose elements.

`x.size(0)` and `len(x)` are known before the program runs; `split`, `narrow` and `flip` are
indices in other words, and become them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphcalc.diagnostics import CallError, IndexRangeError, Label, LimitError, ShapeError, brief
from graphcalc.graph import dtypes
from graphcalc.graph.call_site import CallSite, ShapeFunction
from graphcalc.graph.grad import AUTOGRAD_GRAD, GRAD
from graphcalc.graph.ir import Where, label_of
from graphcalc.graph.joined_functions import HIDDEN, JOINED
from graphcalc.graph.lowered import (
    ListValue,
    Lowered,
    PairValue,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.number_limits import NUMBER_LIMITS
from graphcalc.graph.ranges import RANGES
from graphcalc.graph.scope import Scope
from graphcalc.graph.shape_checks import SHAPE_CHECKS
from graphcalc.graph.windows import PAD, WINDOWS
from graphcalc.ops.shapes import dimension, dimensions, show
from graphcalc.ops.sizes import Size, ceil_div, divide_if_exact
from graphcalc.ops.table import OPS
from graphcalc.ops.words import NARROW_INTEGERS
from graphcalc.syntax import expr as ast

MAX_PARTS = 10_000

# Parts


def unbind(scope: Scope, position: int, dim: int, where: Where) -> tuple[int, ...]:
    """Return the slices of a tensor along one dimension."""
    shape = scope.builder.nodes[position].type.shape
    label = label_of(where)
    if not shape:
        raise ShapeError("unpack-scalar", "a scalar has no parts", (label,))
    if type(shape[dim]) is Size:
        what = f"a dimension of {shape[dim]} has an unknown number of parts"
        raise ShapeError("unpack-scalar", what, (label,))
    _check_parts(shape[dim], label)
    found = []
    for i in range(shape[dim]):
        items = tuple(i if d == dim else (0, n, 1) for d, n in enumerate(shape))
        context = scope.context()
        found.append(scope.builder.add(OPS["index"], (position,), (items,), where, context=context))
    return tuple(found)


def _check_parts(count: int, label: Label) -> None:
    """Each part is a node of its own, made whether it is used or not."""
    if count > MAX_PARTS:
        raise LimitError(
            "parts",
            f"a tuple of {count:,} parts, and the limit is {MAX_PARTS:,}",
            (label,),
            help="index the tensor itself, `x[i]`, or reshape it",
        )


def _unbind(site: CallSite) -> Lowered:
    dim = site.dim(default=0)
    return TupleValue(unbind(site.scope, site.tensor(), dim, site.where), site.node)


def _pieces(site: CallSite, dim: int, lengths: list[Any]) -> Lowered:
    """Consecutive pieces of `x` along a dimension."""
    found, start = [], 0
    for length in lengths:
        found.append(site.indexed({dim: (start, start + length, 1)}))
        start = start + length
    return TupleValue(tuple(found), site.node)


def _split(site: CallSite) -> Lowered:
    dim = site.dim(default=0)
    size = site.shape()[dim]
    wanted = site.wholes("split_size")
    if type(site.item("split_size")) in (TupleValue, ListValue) or len(wanted) != 1:
        if any(type(w) is int and w < 0 for w in wanted):
            raise site.fail("split_size", "whole numbers >= 0,")
        if sum(wanted) != size:
            raise ShapeError(
                "split",
                f"the pieces have {sum(wanted)} elements, and the dimension has {size}",
                site.label(),
            )
        return _pieces(site, dim, list(wanted))
    (length,) = wanted
    if type(length) is int and length < 1:
        raise site.fail("split_size", "a whole number above 0,")
    count: Any = ceil_div(size, length)
    if type(count) is Size:
        raise site.fail("split_size", "a size that gives a number of pieces")
    _check_parts(count, site.label()[0])
    last = size - (count - 1) * length if count else 0
    return _pieces(site, dim, [length] * (count - 1) + [last] if count else [size])


def _chunk(site: CallSite) -> Lowered:
    dim = site.dim(default=0)
    size, chunks = site.shape()[dim], site.whole("chunks")
    if type(chunks) is not int or chunks < 1:
        raise site.fail("chunks", "a whole number above 0,")
    _check_parts(chunks if type(size) is Size else min(chunks, size), site.label()[0])
    exact = divide_if_exact(size, chunks) if type(size) is Size else None
    if exact is not None:
        return _pieces(site, dim, [exact] * chunks)
    length: Any = ceil_div(size, chunks)
    if type(length) is Size:
        return _pieces(site, dim, [length] * (chunks - 1) + [size - (chunks - 1) * length])
    length = max(length, 1)
    count = max(-(-size // length), 1)
    return _pieces(site, dim, [length] * (count - 1) + [size - (count - 1) * length])


def _narrow(site: CallSite) -> Lowered:
    dim = site.dim()
    size, start, length = site.shape()[dim], site.whole("start"), site.whole("length")
    start = start + size if start < 0 else start
    if start < 0 or length < 0 or start + length > size:
        raise IndexRangeError(
            "index-range",
            f"elements {start} to {start + length} are outside of a dimension of {size}",
            site.label(),
        )
    return site.indexed({dim: (start, start + length, 1)})


def _select(site: CallSite) -> Lowered:
    dim = site.dim()
    size, place = site.shape()[dim], site.whole("index")
    if not -size <= place < size:
        raise IndexRangeError(
            "index-range", f"index {place} is outside of a dimension of {size}", site.label()
        )
    return site.indexed({dim: place + size if place < 0 else place})


def _index_select(site: CallSite) -> Lowered:
    if not site.shape():
        return site.add(OPS["gather"], (site.tensor(), _one_number(site)), (site.whole("dim"),))
    dim = site.dim()
    index = site.tensor("index")
    shape = site.scope.builder.nodes[index].type.shape
    if len(shape) > 1:
        raise ShapeError(
            "index-shape",
            f"the index of `index_select` has one dimension, and this is {show(shape)}",
            site.label(),
            help="write `x[index]`, or `gather`",
        )
    return site.indexed({dim: "*"}, (index,))


def _one_number(site: CallSite) -> int:
    """The index into a scalar, as a scalar."""
    return site.add(OPS["reshape"], (site.tensor("index"),), ((),))


def _movedim(site: CallSite) -> Lowered:
    rank = len(site.shape())

    def places(name: str) -> list[int]:
        found: list[int] = site.checked(lambda: [dimension(d, rank) for d in site.wholes(name)])
        return found

    source, destination = places("source"), places("destination")
    if not len(source) == len({*source}) == len(destination) == len({*destination}):
        raise ShapeError(
            "shape-mismatch", "each dimension that moves wants one place", site.label()
        )
    order: list[Any] = [d for d in range(rank) if d not in source]
    for place, dim in sorted(zip(destination, source)):
        order.insert(place, dim)
    return site.row("permute", (tuple(order),))


def _unflatten(site: CallSite) -> Lowered:
    dim, shape = site.dim(), site.shape()
    return site.row("reshape", ((*shape[:dim], *site.wholes("sizes"), *shape[dim + 1 :]),))


def _flip(site: CallSite) -> Lowered:
    item = site.item("dims")
    if item is None or (type(item) is TupleValue and not item.items and item.node is site.node):
        raise site.fail("dims", "the dimensions to reverse,")
    return _flipped(site, site.wholes("dims"))


def _reversed(site: CallSite) -> Lowered:
    return _flipped(site, _dims_of(site))


def _flipped(site: CallSite, dims: tuple[Any, ...] | None) -> Lowered:
    shape = site.shape()
    flipped = site.checked(lambda: dimensions(dims, len(shape)))
    return site.indexed({d: (shape[d] - 1, -1, -1) for d in flipped})


def _differences(site: CallSite) -> Lowered:
    """The differences of neighbours, so many times; of bool whether they differ."""
    position, n, dim = site.tensor(), site.whole("n"), site.dim()
    if type(n) is not int or n < 0:
        raise site.fail("n", "a whole number >= 0,")
    is_bool = site.scope.builder.nodes[position].type.dtype == "bool"
    operation = OPS["logical_xor" if is_bool else "sub"]
    size, whole = site.shape()[dim], [(0, m, 1) for m in site.shape()]
    for length in range(size, max(size - n, 0), -1):
        pair = []
        for start in (1, 0):
            items = (*whole[:dim], (start, start + length - 1, 1), *whole[dim + 1 :])
            pair.append(site.add(OPS["index"], (position,), (items,)))
        position = site.add(operation, tuple(pair), ())
    return position


# Sizes


def _size(site: CallSite) -> Lowered:
    shape = site.shape()
    if site.item("dim") is None:
        return TupleValue(tuple(map(StaticNumber, shape)), site.node)
    if not shape:
        raise ShapeError("unpack-scalar", "a scalar has no dimension", site.label())
    return StaticNumber(shape[site.dim()])


def _dims_of(site: CallSite) -> tuple[Any, ...] | None:
    """The dimensions of a reduction: None, and `()` as torch has it, are all of them."""
    return (site.wholes("dim") or None) if site.item("dim") is not None else None


def _numel(site: CallSite) -> Lowered:
    item = site.item("x")
    shape = site.wholes("x") if isinstance(item, TupleValue) else site.shape()
    count: Any = 1
    for d in site.checked(lambda: dimensions(_dims_of(site), len(shape))):
        count = count * shape[d]
    return StaticNumber(count)


def _len(site: CallSite) -> Lowered:
    item = site.scope.arguments.listed(site.matched["x"][0])
    if isinstance(item, (TupleValue, ListValue)):
        return StaticNumber(len(item.items))
    if isinstance(item, PairValue):
        return StaticNumber(2)
    if isinstance(item, TextValue):
        return StaticNumber(len(item.text))
    if not site.shape():
        raise ShapeError("unpack-scalar", "a scalar has no length", site.label())
    return StaticNumber(site.shape()[0])


def _kept(site: CallSite) -> Lowered:
    shape = site.shape()
    over = site.checked(lambda: dimensions(_dims_of(site), len(shape)))
    return TupleValue(
        tuple(StaticNumber(1 if i in over else n) for i, n in enumerate(shape)), site.node
    )


def _at(site: CallSite) -> Lowered:
    found = site.wholes("sizes")
    if not found:
        raise CallError("static-number", "an argument here must not be empty", site.label())
    return StaticNumber(found[site.whole("place") if len(found) > 1 else 0])


def _equals(number: int) -> Callable[[CallSite], Lowered]:
    def run(site: CallSite) -> Lowered:
        return StaticNumber(site.scope.arguments.value(site.item("x")) == number)

    return run


def _is_flag(site: CallSite) -> Lowered:
    return StaticNumber(type(site.scope.arguments.value(site.item("x"))) is bool)


def _count(site: CallSite) -> Lowered:
    return StaticNumber(0 if site.item("dim") is None else len(site.wholes("dim")))


def _refuse(site: CallSite) -> Lowered:
    item = site.item("why")
    assert type(item) is TextValue
    raise CallError("not-here", item.text, site.label())


def _last_dims(site: CallSite) -> Lowered:
    sizes, shape = site.wholes("shape"), site.shape()
    count = len(sizes)
    if count > len(shape) or tuple(sizes) != shape[len(shape) - count :]:
        raise ShapeError(
            "last-sizes",
            f"the last sizes are {show(sizes)}, and the input is {show(shape)}",
            site.label(),
        )
    return TupleValue(tuple(StaticNumber(d) for d in range(-count, 0)), site.node)


# Values as they are


def _clone(site: CallSite) -> Lowered:
    """The argument itself; a copy of its own where the program writes in place."""
    word = getattr(site.node.function, "name", "")
    if site.scope.builder.is_sharing or word not in ("clone", "copy", "numpy_copy"):
        return _given(site)
    position = site.add(OPS["alias"], (site.tensor(),), ())
    site.scope.copies.add(position)
    return position


def _given(site: CallSite) -> Lowered:
    return site.tensor()


def _item(site: CallSite) -> Lowered:
    position = site.tensor()
    shape = site.shape()
    if math.prod(n for n in shape if type(n) is int) != 1:
        raise ShapeError(
            "item",
            f"`item` is of one element, and this is {show(shape)}",
            site.label(),
            help="choose one, as `x[0]`",
        )
    return site.row("reshape", ((),)) if shape else position


def _tensor(site: CallSite) -> Lowered:
    """The tensor of a list, which is longer than it is written where Python repeats it."""
    given, node = site.matched["x"]
    if site.scope.is_tracing and type(given) is int and site.shape():
        raise CallError("static-argument", "an operand may be a list", site.label())
    arguments = site.scope.arguments
    found = arguments.lists.get(given) if type(given) is int else given
    if isinstance(given, TupleValue):
        return site.scope.operand(ListValue(given.items, given.node), node, site.frame.source)
    item = arguments.listed(given) if isinstance(found, ListValue) and _repeats(found) else given
    return site.scope.operand(item, node, site.frame.source)


def _repeats(item: ListValue) -> bool:
    """Whether a list, or one inside of it, is repeated or joined."""
    return item.is_computed or any(isinstance(i, ListValue) and _repeats(i) for i in item.items)


def _number(site: CallSite) -> Lowered:
    value = site.scope.arguments.value(site.item("x"))
    if value is None:
        raise CallError(
            "static-number", "an argument here must be a number that is known", site.label()
        )
    # `unbiased=False` is a correction of 0.
    whole = type(value) is bool or (type(value) is float and value.is_integer())
    return StaticNumber(int(value) if whole else value)


def _as(dtype: str) -> Callable[[CallSite], Lowered]:
    def run(site: CallSite) -> Lowered:
        word = site.item("x")
        if type(word) is TextValue:
            return _number_of(site, word.text)
        is_method = type(site.node.function) is ast.Attribute
        name = getattr(site.node.function, "name", "")
        if is_method and name in NARROW_INTEGERS:
            wanted = dtypes.narrow(site.scope, name, site.label()[0])
            return _cast(site, site.tensor(), wanted)
        type_ = site.scope.builder.nodes[site.tensor()].type
        # `float(x)` is Python's own function, and leaves a tensor's dtype alone.
        wanted = dtype if is_method or dtype != "float32" else type_.dtype
        if wanted == "float32" and type_.dtype in ("int64", "bool"):
            wanted = site.scope.builder.dtype
        return _cast(site, site.tensor(), wanted)

    return run


def _number_of(site: CallSite, text: str) -> int:
    """`float("-inf")`: the number that a text says."""
    try:
        value = float(text)
    except ValueError:
        raise CallError("static-number", f"`{brief(text)}` is not a number", site.label()) from None
    position = site.scope.builder.constant(value, site.where)
    site.scope.builder.nodes[position].written = text.strip().lower()
    return position


def _cast(site: CallSite, position: int, dtype: str) -> int:
    return dtypes.cast(site.scope, position, dtype, label_of(site.where))


def _to(site: CallSite) -> Lowered:
    """`x.to(dtype)`, `x.to(device, dtype)`, `x.to(other)`; flags after them say how to copy."""
    position = site.tensor()
    given = site.item("tensor") or site.item("to")
    for place, item in enumerate(given.items if type(given) is TupleValue else (given,)):
        if place and type(item) is int:
            if site.scope.arguments.value(item) not in (0, 1):
                raise site.fail("non_blocking", "true or false,")
        elif type(item) is TextValue and (
            item.text == "cpu" or item.text.startswith(("cuda", "mps"))
        ):
            dtypes.note_device(site.scope, item, site.node, site.frame.source)
        elif type(item) is int:
            position = _cast(site, position, site.scope.builder.nodes[item].type.dtype)
        elif item is not None:
            dtype = dtypes.dtype_of(site.scope, item, site.node, site.frame.source)
            position = _cast(site, position, dtype)
    return position


def _device(site: CallSite) -> Lowered:
    dtypes.note_device(site.scope, TextValue("cuda"), site.node, site.frame.source)
    return site.tensor()


_DIFFERS = {
    "float": "in a float64 run the numbers stay float64; a note says so.",
    "long": "so are `x.int()`, `x.short()` and `x.byte()`, which wrap around once, as in torch.",
}
_X23 = "[[1, 2, 3], [4, 5, 6]]"

_ALL = (
    ShapeFunction(
        "size",
        "x, dim: dim = None",
        "The sizes of x, or of one dimension; also `x.shape`. Known before the program runs.",
        _size,
        ((f"size({_X23}, 1)", "3"), (f"size({_X23})", "[2, 3]")),
        ("shape",),
    ),
    ShapeFunction(
        "numel",
        "x, dim: dims = None",
        "The number of elements, or of those along some dimensions.",
        _numel,
        ((f"numel({_X23})", "6"), (f"numel({_X23}, dim=0)", "2")),
        differs="`dim` is an addition: torch counts all elements.",
    ),
    ShapeFunction(
        "ndim",
        "x",
        "The number of dimensions.",
        lambda site: StaticNumber(len(site.shape())),
        ((f"ndim({_X23})", "2"),),
        ("dim",),
    ),
    ShapeFunction("len", "x", "The size of the first dimension.", _len, ((f"len({_X23})", "2"),)),
    ShapeFunction(
        "unbind",
        "x, dim: dim = 0",
        "The slices along a dimension, as a tuple: `a, b = unbind(x)`.",
        _unbind,
        (("unbind([5, 6, 7])[1]", "6"),),
    ),
    ShapeFunction(
        "split",
        "x, split_size: dims, dim: dim = 0",
        "Pieces of `split_size` elements (a list gives each its own) along a dimension, a tuple.",
        _split,
        (("split([1, 2, 3], 2)[1]", "[3]"), ("split([1, 2, 3], [1, 2])[1]", "[2, 3]")),
    ),
    ShapeFunction(
        "chunk",
        "x, chunks: size, dim: dim = 0",
        "That many equal pieces along a dimension, the last perhaps smaller, as a tuple.",
        _chunk,
        (("chunk([1, 2, 3, 4], 2)[1]", "[3, 4]"),),
    ),
    ShapeFunction(
        "narrow",
        "x, dim: dim, start: dim, length: size",
        "`length` elements along a dimension, from `start` on.",
        _narrow,
        (("narrow([1, 2, 3, 4], 0, 1, 2)", "[2, 3]"),),
    ),
    ShapeFunction(
        "select",
        "x, dim: dim, index: dim",
        "The slice at one place of a dimension.",
        _select,
        ((f"select({_X23}, 1, -1)", "[3, 6]"),),
    ),
    ShapeFunction(
        "index_select",
        "x, dim: dim, index: index",
        "The slices of a dimension that whole numbers choose: x[:, index] for dim=1.",
        _index_select,
        (("index_select([5, 6, 7], 0, [2, 0])", "[7, 5]"),),
    ),
    ShapeFunction(
        "flip",
        "x, *dims: dims",
        "The elements in reverse order along dimensions: x[::-1].",
        _flip,
        (("flip([1, 2, 3], 0)", "[3, 2, 1]"),),
    ),
    ShapeFunction(
        "movedim",
        "x, source: dims, destination: dims",
        "Dimensions in other places, the rest in order.",
        _movedim,
        (("size(movedim(zeros(2, 3, 4), 0, -1))", "[3, 4, 2]"),),
        ("moveaxis",),
    ),
    ShapeFunction(
        "unflatten",
        "x, dim: dim, sizes: shape",
        "One dimension as several; a size may be -1.",
        _unflatten,
        (("unflatten([1, 2, 3, 4], 0, (2, 2))", "[[1, 2], [3, 4]]"),),
    ),
    ShapeFunction(
        "tensor",
        "x",
        "The tensor of a list: `torch.tensor([1, 2])` is `[1, 2]`.",
        _tensor,
        (("torch.tensor([[1., 2.], [3., 4.]])", "[[1, 2], [3, 4]]"),),
        ("array", "as_tensor", "asarray", "Tensor", "FloatTensor", "DoubleTensor", "from_numpy"),
        differs="whole numbers become floating point, unless `dtype=torch.int64` is given.",
        kind="Values as they are",
    ),
    ShapeFunction(
        "to",
        "x, *to: dims = None, tensor = None, non_blocking: flag = False, memory_format = None",
        "x in another dtype: integers and bool, or the run's floating point.",
        _to,
        (("(1 < 2).to(torch.float64)", "1"), ("[1.5, -1.5].to(torch.int64)", "[1, -1].long()")),
        ("type", "astype"),
        differs="in a float64 run float32 is float64, and int8 to int32 are int64; a note says so.",
        kind="Values as they are",
    ),
    *(
        ShapeFunction(
            name,
            "x",
            doc,
            _as(dtype),
            examples,
            aliases,
            differs=_DIFFERS.get(name, ""),
            kind="Values as they are",
        )
        for name, dtype, doc, examples, aliases in (
            ("float", "float32", "Floating point: true is 1.", (("(1 < 2).float()", "1"),), ()),
            ("double", "float64", "x in float64: true is 1.", (("(1 < 2).double()", "1"),), ()),
            ("half", "float16", "x in float16, which torch computes: true is 1.", (), ()),
            ("bfloat16", "bfloat16", "x in bfloat16, which torch computes: true is 1.", (), ()),
            (
                "long",
                "int64",
                "The whole part as an integer, to be an index.",
                (("[1.5, -1.5].long()", "torch.tensor([1, -1], dtype=torch.int64)"),),
                ("int", "short", "byte", "LongTensor"),
            ),
            ("bool", "bool", "Whether x is not 0.", (("[0, 2].bool()", "[false, true]"),), ()),
        )
    ),
    ShapeFunction(
        "type_as",
        "x, other",
        "x in the dtype of another tensor.",
        lambda site: _cast(site, site.tensor(), site.type_of("other").dtype),
        (("type_as([1, 0], [true])", "[true, false]"),),
        kind="Values as they are",
    ),
    ShapeFunction(
        "clone",
        "x",
        "x as it is: values are never changed, copied or moved here.",
        _clone,
        (("clone(3)", "3"),),
        ("contiguous", "cpu", "numpy", "tolist", "copy", "requires_grad_"),
        kind="Values as they are",
    ),
    ShapeFunction(
        "item",
        "x",
        "The only element of x, as a number.",
        _item,
        (("[[3]].item()", "3"),),
        kind="Values as they are",
    ),
    ShapeFunction(
        "cuda",
        "x",
        "x as it is: --device says where a program runs.",
        _device,
        (),
        kind="Values as they are",
    ),
    PAD,
    GRAD,
)


def _device_named(site: CallSite) -> Lowered:
    item = site.item("x")
    return item if isinstance(item, TextValue) else TextValue("cpu")


_HIDDEN = (
    ShapeFunction("device", "x, index = None", "A device by its name.", _device_named),
    ShapeFunction("is_available", "", "No: --device says it.", lambda site: StaticNumber(False)),
    AUTOGRAD_GRAD,
    ShapeFunction("_number", "x", "A number that is known before the program runs.", _number),
    ShapeFunction(
        "_last_dims", "x, shape: shape", "The last dimensions, as many as sizes.", _last_dims
    ),
    ShapeFunction("_kept", "x, dim: dims", "The shape of x with reduced dimensions as 1.", _kept),
    ShapeFunction("_at", "sizes: shape, place: dim", "One of several sizes, or the only one.", _at),
    ShapeFunction("_is_zero", "x", "Whether an argument is a written 0.", _equals(0)),
    ShapeFunction("_is_one", "x", "Whether an argument is a written 1.", _equals(1)),
    ShapeFunction("_is_flag", "x", "Whether an argument is a written true or false.", _is_flag),
    ShapeFunction("_reversed", "x, dim: dims = None", "x in reverse order.", _reversed),
    ShapeFunction("_differences", "x, n: size, dim: dim", "The differences.", _differences),
    ShapeFunction("_count", "dim: dims", "How many dimensions are named.", _count),
    ShapeFunction("_refuse", "why: text", "An error.", _refuse),
    *SHAPE_CHECKS,
    *WINDOWS,
)
PUBLIC = (*_ALL, *JOINED, *NUMBER_LIMITS, *RANGES)
FUNCTIONS = {name: f for f in (*PUBLIC, *_HIDDEN, *HIDDEN) for name in (f.name, *f.aliases)}
