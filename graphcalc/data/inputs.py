"""Python values as inputs of a graph: what they are, checked before anything runs."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TypeAlias

from graphcalc.data.arrays import FileArray, Value
from graphcalc.diagnostics import DataError, Label
from graphcalc.graph.lowering import Input
from graphcalc.numbers import MAX_EXACT, is_rounded, leaves, whole_number
from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.ops.spec import FLOATS, HALVES, TEXT, Type
from graphcalc.source import Source, Span

# A number, or nested lists of numbers.
Nested: TypeAlias = "float | Sequence[Nested]"

_INTEGERS = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"})

# Packages whose columns are values.
_FRAMES = frozenset({"pandas", "polars", "pyarrow"})
# Elements that are looked at in one go.
_PIECE = 1 << 20


def describe(name: str, value: Value, dtype: str, forced: str | None) -> Input:
    """The type of a number, nested list, NumPy array, torch tensor or result bound to a name.

    `dtype` is the run's; `forced` is one that every floating point input must take. Raises
    DataError for anything else, and for ragged lists.
    """
    if isinstance(value, bool):
        return Input(Type((), "bool"), value)
    if isinstance(value, (int, float)):
        number = _number(name, value)
        if isinstance(number, int):
            return Input(Type((), "int64"), number, True)
        return Input(Type((), dtype, dtype not in HALVES), number, number.is_integer())
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return _array(name, value, forced)
    if isinstance(value, str) or is_text(value):
        return _text(name, value)
    if isinstance(value, (list, tuple)):
        return _nested(name, value, dtype)
    raise _refuse(name, f"`{name}` is {kind_of(value)}, not a number or a tensor")


def kind_of(value: Value) -> str:
    """Return what a Python value is, in words."""
    words = {"NoneType": "`None`", "dict": "a mapping", "function": "a function", "type": "a class"}
    kind = type(value).__name__
    return words.get(kind, f"{'an' if kind[:1] in 'aeiouAEIO' else 'a'} {kind}")


def unpacked(name: str, value: Value) -> Value:
    """Return a column of pandas, polars or Arrow as an array or a list; any other value as it is.

    So is any object that NumPy can read, such as a range. Raises DataError for a column of polars
    or Arrow with missing values, which have no number.
    """
    if isinstance(value, (range, array)):
        return list(value)
    if isinstance(value, (list, tuple)):
        return _plain_elements(value)
    module = type(value).__module__.partition(".")[0]
    if module not in _FRAMES or not hasattr(value, "to_numpy"):
        return value
    if _has_missing(value):
        hint = "fill them first: x.fill_null(float('nan'))"
        raise _refuse(name, f"`{name}` has missing values", help=hint)
    found = value.to_numpy()
    return found.tolist() if found.dtype == object else found


def _plain_elements(value: Sequence[Value]) -> Value:
    """Return a list with numbers and lists for what it has of other packages."""
    if not any(hasattr(kind, "tolist") for kind in set(map(type, value))):
        return value
    return [x.tolist() if hasattr(x, "tolist") else x for x in value]


def _has_missing(value: Value) -> bool:
    """Whether a column, or a frame, of polars or Arrow has nulls; pandas has NaN for them."""
    count = getattr(value, "null_count", 0)
    found = count() if callable(count) else count
    return bool(sum(found.row(0)) if hasattr(found, "row") else found)


def is_text(value: Value) -> bool:
    """Whether a value is a list of texts: a column of text."""
    is_list = isinstance(value, (list, tuple)) and bool(value)
    return is_list and set(map(type, value)) == {str}


def _text(name: str, value: str | Sequence[str]) -> Input:
    cells = value if isinstance(value, str) else tuple(value)
    shape = () if isinstance(cells, str) else (len(cells),)
    from graphcalc.graph.text_columns import ColumnText

    return Input(Type(shape, TEXT), text=ColumnText(name, cells, True))


def usable(value: Value) -> Value:
    """A value that every backend can read: a NumPy array in native order that may be shared.

    torch takes neither foreign byte order nor negative strides, and warns of read-only memory;
    such an array is copied, any other value is given back as it is.
    """
    if not hasattr(value, "flags") or not hasattr(value, "strides"):
        return value
    if not value.dtype.isnative:
        return value.astype(value.dtype.newbyteorder("="))
    if not value.flags.writeable or any(step < 0 for step in value.strides):
        return value.copy()
    return value


def read_in(value: Value) -> Value:
    """A value that is in a file still, read; any other as it is."""
    return usable(value.read()) if isinstance(value, FileArray) else value


def is_torch(value: Value) -> bool:
    """Whether a value is a torch tensor; does not import torch."""
    return type(value).__module__.partition(".")[0] == "torch"


def _array(name: str, value: Value, forced: str | None) -> Input:
    kind = getattr(value.dtype, "name", str(value.dtype)).removeprefix("torch.")
    if hasattr(value, "mask"):
        raise _refuse(name, f"`{name}` is a masked array", help="fill it first: x.filled(nan)")
    if str(getattr(value, "layout", "torch.strided")) != "torch.strided":
        raise _refuse(
            name, f"`{name}` is a sparse tensor", help="make it dense first: x.to_dense()"
        )
    if kind in _INTEGERS:
        if kind == "uint64" and not isinstance(value, FileArray) and (value >> 63).any():
            raise _refuse(name, f"`{name}` has whole numbers beyond 2**63, which int64 has not")
        kind = "int64"
    elif kind in FLOATS:
        kind = forced or kind
    elif kind != "bool":
        raise _refuse(name, f"`{name}` has dtype {kind}, not floating point, integer or bool")
    shape = tuple(int(n) for n in value.shape)
    scalar = value.item() if not shape else None
    return Input(Type(shape, kind), scalar)


def _number(name: str, value: float) -> float:
    """A number as a float, or as an int where only int64 has it."""
    try:
        return whole_number(value) if isinstance(value, int) else float(value)
    except OverflowError:
        raise _refuse(name, f"`{name}` is too large for a float64") from None


def first_rounded(value: Value) -> int | None:
    """Return the first whole number of a value that a float64 rounds, None where there is none.

    The value is one of int64, or a number, a list or an array of them.
    """
    if isinstance(value, FileArray):
        with value.parts() as take:
            counts = (min(_PIECE, value.numel - i) for i in range(0, value.numel, _PIECE))
            return next((x for x in map(first_rounded, map(take, counts)) if x is not None), None)
    if isinstance(value, NDArray):
        value = value.data
    if not hasattr(value, "dtype"):
        numbers = leaves(value)
        return next((x for x in numbers if isinstance(x, int) and is_rounded(x)), None)
    numbers = value.flatten()
    if is_torch(value):
        numbers = numbers.cpu().numpy()
    for start in range(0, len(numbers), _PIECE):
        piece = numbers[start : start + _PIECE]
        large = piece[(piece > MAX_EXACT) | (piece < -MAX_EXACT)]
        found: int | None = next((x for x in large.tolist() if is_rounded(x)), None)
        if found is not None:
            return found
    return None


def _is_int64(value: float) -> bool:
    return -(2**63) <= value < 2**63


def _nested(name: str, value: Nested, dtype: str) -> Input:
    """Nested lists, which must be rectangular and hold numbers alone."""
    shape, elements = nested_shape(name, value, lambda why: _refuse(name, why))
    kinds = set(map(type, elements))
    if kinds == {float}:
        is_whole = all(map(float.is_integer, elements))
    else:
        numbers = [_number(name, element) for element in elements]
        is_whole = all([float(number).is_integer() for number in numbers])
        if is_whole and int in set(map(type, numbers)) and all(map(_is_int64, elements)):
            return Input(Type(shape, "int64"), None, True)
    is_bool = kinds == {bool}
    type_ = Type(shape, "bool" if is_bool else dtype, not is_bool)
    return Input(type_, None, is_whole)


def nested_shape(
    name: str, value: Nested, refuse: Callable[[str], DataError]
) -> tuple[tuple[int, ...], list[float]]:
    """Return the shape of nested lists and their elements, in order.

    Raises what `refuse` makes of the reason where they are ragged or hold other things.
    """
    shape: list[int] = []
    level: list[Value] = [value]
    while level and isinstance(level[0], (list, tuple)):
        # A set of types, or of lengths, is made in a tenth of the time that a loop takes.
        if not all(issubclass(kind, (list, tuple)) for kind in set(map(type, level))):
            break
        sizes = set(map(len, level))
        if len(sizes) > 1:
            break
        shape += sizes
        level = list(chain.from_iterable(level))
    if all(issubclass(kind, (bool, int, float)) for kind in set(map(type, level))):
        return tuple(shape), level
    raise refuse(_why_not_numbers(name, value))


def _why_not_numbers(name: str, value: Nested) -> str:
    """Return what is wrong with nested lists: the first that is ragged, or holds other things."""
    level: list[tuple[str, Value]] = [("", value)]
    while isinstance(level[0][1], (list, tuple)):
        size = len(level[0][1])
        for path, row in level:
            if not isinstance(row, (list, tuple)) or len(row) != size:
                found = len(row) if isinstance(row, (list, tuple)) else "no"
                return (
                    f"`{name}` is ragged: {name}{path} has {found} element{'s' * (found != 1)}, "
                    f"{name}{level[0][0]} has {size}"
                )
        level = [(f"{path}[{i}]", x) for path, row in level for i, x in enumerate(row)]
    path, element = next(e for e in level if not isinstance(e[1], (bool, int, float)))
    return f"`{name}` does not hold numbers alone: {name}{path} is {kind_of(element)}"


def _refuse(name: str, message: str, help: str = "") -> DataError:
    label = Label(Source(name, "<input>"), Span(0, len(name)))
    return DataError("input", message, (label,), help=help)
