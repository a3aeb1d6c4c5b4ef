"""Padding and windows: functions of the prelude and `pad`, which shapes alone decide."""

from __future__ import annotations

from typing import Any

from graphcalc.diagnostics import CallError, ShapeError
from graphcalc.graph.call_site import CallSite, ShapeFunction
from graphcalc.graph.lowered import Lowered, NoneValue, StaticNumber, TextValue, TupleValue
from graphcalc.ops.shapes import show
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import Type
from graphcalc.ops.table import OPS

# pad


def _pad(site: CallSite) -> Lowered:
    mode = site.item("mode")
    if type(mode) is TextValue and mode.text != "constant":
        return _pad_from_x(site, mode.text)
    arguments, context = site.scope.arguments, site.scope.context()
    operands, params = arguments.convert(
        OPS["pad"], site.matched, site.node, site.frame.source, context, site.scope.operand
    )
    return site.add(OPS["pad"], operands, params)


def _pad_from_x(site: CallSite, mode: str) -> Lowered:
    """x with elements of its own around: an index of each dimension that is padded."""
    if mode not in _SOURCES:
        modes = ", ".join(f'"{m}"' for m in ("constant", *_SOURCES))
        raise CallError("pad-mode", f"the modes of `pad` are {modes}", site.label())
    counts, shape = site.wholes("pad"), site.shape()
    dims = len(counts) // 2
    if len(counts) % 2 or not 1 <= dims <= 3 or len(shape) - dims not in (1, 2):
        raise ShapeError(
            "pad-counts",
            f"the mode {mode} pads the last 1 to 3 of 2 to 5 dimensions, with two counts for each: "
            f"x is {show(shape)}, and there are {len(counts)} counts",
            site.label(),
        )
    position = site.tensor()
    for i in range(dims):
        before, after = counts[2 * i : 2 * i + 2]
        dim = len(shape) - 1 - i
        if before or after:
            places = _places(site, mode, shape[dim], before, after)
            position = _taken(site, position, dim, places)
    return position


def _places(site: CallSite, mode: str, size: Any, before: Any, after: Any) -> list[int]:
    """The places along a dimension that a padded one has its elements from."""
    if Size in (type(size), type(before), type(after)):
        raise ShapeError("pad-size", f"the mode {mode} wants a size that is known", site.label())
    most = {"reflect": size - 1, "replicate": max(before, after), "circular": size}[mode]
    if max(before, after) > most or size < 1 or size + before + after < 0:
        raise ShapeError(
            "pad-size",
            f"the mode {mode} cannot pad a dimension of {size} by {before} and {after}",
            site.label(),
            note=f"it pads by {most} at most" if size > 0 and mode != "replicate" else "",
        )
    start, length = max(-before, 0), size + min(before, 0) + min(after, 0)
    source = _SOURCES[mode]
    return [source(i, size, start, length) for i in range(-before, size + after)]


def _reflected(i: int, size: int, start: int, length: int) -> int:
    return size - 1 - abs(size - 1 - abs(i))


def _replicated(i: int, size: int, start: int, length: int) -> int:
    return min(max(i, 0), size - 1)


def _wrapped(i: int, size: int, start: int, length: int) -> int:
    return start + (i - start) % max(length, 1)


_SOURCES = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}


def _taken(site: CallSite, position: int, dim: int, places: list[int]) -> int:
    builder = site.scope.builder
    params = Type((len(places),), "int64"), tuple(places)
    index = builder.add(OPS["const"], (), params, site.where, is_shared=False)
    shape = builder.nodes[position].type.shape
    items = tuple("*" if d == dim else (0, n, 1) for d, n in enumerate(shape))
    return site.add(OPS["index"], (position, index), (items,))


# Windows of the last dimensions


def _each(site: CallSite, name: str, count: int) -> tuple[Any, ...]:
    """One number for each of the last dimensions; `stride` is by default the window's size."""
    found = site.wholes(name) if site.item(name) is not None else ()
    if not found and name == "stride":
        return _each(site, "size", count)
    if len(found) not in (1, count) or not all(type(n) is Size or n >= 0 for n in found):
        raise site.fail(name, f"{count} whole numbers, or one for all,")
    return found * (count if len(found) == 1 else 1)


def _flag(site: CallSite, name: str) -> bool:
    return bool(site.scope.arguments.value(site.item(name)))


class _Window:
    """The windows along one dimension: sizes, and how far the last reach beyond the padding."""

    def __init__(self, n: Any, k: Any, stride: Any, padding: Any, dilation: Any, ceil: bool):
        self.size, self.kernel, self.stride, self.padding = n, k, stride, padding
        self.span = dilation * (k - 1) + 1
        room = n + 2 * padding - self.span
        self.count = room // stride + 1
        if ceil and -(-room // stride) * stride < n + padding:
            self.count = -(-room // stride) + 1
        self.extra = max((self.count - 1) * stride - room, 0)

    def elements(self, with_padding: bool) -> list[int]:
        """How many elements each window has, with those of the padding or without."""
        low = -self.padding if with_padding else 0
        high = self.size + (self.padding if with_padding else 0)
        starts = [i * self.stride - self.padding for i in range(self.count)]
        return [min(s + self.kernel, high) - max(s, low) for s in starts]


def _windows_of(site: CallSite) -> list[_Window]:
    """The windows along each of the last dimensions."""
    count, shape = site.whole("count"), site.shape()
    if len(shape) - count not in (1, 2):
        raise ShapeError(
            "pool-shape",
            f"a pool of {count} dimensions is of {count + 1} or {count + 2}: x is {show(shape)}",
            site.label(),
        )
    names = ("size", "stride", "padding", "dilation")
    if 0 in shape[-count - 1 :]:
        raise ShapeError("pool-shape", f"there are no elements in {show(shape)}", site.label())
    numbers = [*zip(*(_each(site, name, count) for name in names))]
    if Size in map(type, shape[-count:]):
        raise ShapeError("pool-size", "a pool wants sizes that are known", site.label())
    ceil = _flag(site, "ceil")
    for k, stride, padding, dilation in numbers:
        if min(k, stride, dilation) < 1 or 2 * padding > dilation * (k - 1) + 1:
            raise ShapeError(
                "pool-window",
                "a window, its stride and its dilation are above 0, and the padding is at most "
                "half a window",
                site.label(),
            )
    found = [_Window(n, k, s, p, d, ceil) for n, (k, s, p, d) in zip(shape[-count:], numbers)]
    if any(w.count < 1 for w in found):
        raise ShapeError(
            "pool-size", f"the windows are larger than x, which is {show(shape)}", site.label()
        )
    return found


def _padded(site: CallSite) -> Lowered:
    windows = _windows_of(site)
    counts = [c for w in reversed(windows) for c in (w.padding, w.padding + w.extra)]
    if not any(counts):
        return site.tensor()
    value = site.scope.arguments.value(site.item("value"))
    return site.row("pad", (tuple(counts), "constant", value))


def _windows(site: CallSite) -> Lowered:
    count, position = site.whole("count"), site.tensor()
    sizes, strides = _each(site, "size", count), _each(site, "stride", count)
    for k, stride, d in zip(sizes, strides, _each(site, "dilation", count)):
        span = d * (k - 1) + 1
        position = site.add(OPS["unfold"], (position,), (-count, span, stride))
        if d > 1:
            shape = site.scope.builder.nodes[position].type.shape
            items = (*((0, n, 1) for n in shape[:-1]), (0, span, d))
            position = site.add(OPS["index"], (position,), (items,))
    return position


def _window_counts(site: CallSite) -> Lowered:
    """The elements of each window; None where all are whole."""
    with_padding = _flag(site, "include")
    windows = _windows_of(site)
    counts = [w.elements(with_padding) for w in windows]
    if all(set(found) == {w.kernel} for w, found in zip(windows, counts)):
        return NoneValue(site.node)
    builder, total = site.scope.builder, None
    for i, found in enumerate(counts):
        shape = (len(found), *(1,) * (len(counts) - 1 - i))
        params = Type(shape, builder.dtype, True), tuple(map(float, found))
        one = builder.add(OPS["const"], (), params, site.where, is_shared=False)
        total = one if total is None else site.add(OPS["mul"], (total, one), ())
    assert total is not None
    return total


def _parts(site: CallSite) -> list[tuple[Any, Any]]:
    """The size of each of the last dimensions, and into how many windows it is divided."""
    count, shape = site.whole("count"), site.shape()
    given = site.scope.arguments.elements(site.matched["output_size"][0])
    given = given * (count if len(given) == 1 else 1)
    if len(given) != count or len(shape) - count not in (1, 2) or Size in map(type, shape):
        raise site.fail("output_size", f"{count} numbers")
    return [(n, _part(site, item, n)) for item, n in zip(given, shape[-count:])]


def _part(site: CallSite, item: Lowered, size: int) -> Any:
    """How many windows an argument says, which are as many as elements for None."""
    if type(item) is NoneValue:
        return size
    return site.scope.arguments.whole(item, lambda: site.fail("output_size", "whole numbers"))


def _divides(site: CallSite) -> Lowered:
    return StaticNumber(all(parts > 0 and n % parts == 0 for n, parts in _parts(site)))


def _parts_of(site: CallSite) -> Lowered:
    kernel = tuple(StaticNumber(n // parts) for n, parts in _parts(site))
    return TupleValue(kernel, site.node)


_POOL = "x, count: dim, size: shape, stride: shape = None, padding: shape = 0"
WINDOWS = (
    ShapeFunction(
        "_padded",
        f"{_POOL}, dilation: shape = 1, ceil: flag = False, value: number = 0",
        "x with the padding of a pool.",
        _padded,
    ),
    ShapeFunction(
        "_windows",
        "x, count: dim, size: shape, stride: shape = None, dilation: shape = 1",
        "The windows of the last dimensions, in as many new ones.",
        _windows,
    ),
    ShapeFunction(
        "_window_counts",
        f"{_POOL}, dilation: shape = 1, ceil: flag = False, include: flag = True",
        "The number of elements of each window of a pool.",
        _window_counts,
    ),
    ShapeFunction(
        "_divides",
        "x, count: dim, output_size: shape",
        "Whether so many windows divide the last dimensions.",
        _divides,
    ),
    ShapeFunction(
        "_parts_of",
        "x, count: dim, output_size: shape",
        "The windows that divide the last dimensions into so many.",
        _parts_of,
    ),
)
PAD = ShapeFunction(
    "pad",
    'x, pad: dims, mode: text = "constant", value: number = 0',
    "x with a value around it: counts before and after, from the last dimension on. The modes "
    '"reflect", "replicate" and "circular" take the elements from x.',
    _pad,
    (
        ("pad([1, 2], (1, 2))", "[0, 1, 2, 0, 0]"),
        ('pad([[1, 2, 3]], (2, 1), "reflect")', "[[3, 2, 1, 2, 3, 2]]"),
    ),
)
