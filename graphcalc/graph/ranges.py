"""Python's `range`, `list` and `tuple`, of static numbers."""

from __future__ import annotations

from graphcalc.diagnostics import CallError, LimitError
from graphcalc.graph.call_site import CallSite, ShapeFunction
from graphcalc.graph.lowered import ListValue, Lowered, StaticNumber, TupleValue

# Each number of a range is kept by itself.
_MOST = 1_000_000


def _range(site: CallSite) -> Lowered:
    start, stop = site.whole("start"), site.whole("stop", 0)
    if site.item("stop") is None:
        start, stop = 0, start
    step = site.whole("step", 1)
    if not step:
        raise CallError("not-here", "a range has no step of 0", site.label())
    numbers = range(start, stop, step)
    if len(numbers) > _MOST:
        what = f"a range has at most {_MOST:,} numbers here, and this has {len(numbers):,}"
        raise LimitError("parts", what, site.label(), help="write arange, a tensor")
    return ListValue(tuple(map(StaticNumber, numbers)), site.node)


def _as_list(site: CallSite) -> Lowered:
    item = site.item("x")
    if isinstance(item, (TupleValue, ListValue)):
        return ListValue(item.items, site.node)
    return _given(site)


def _as_tuple(site: CallSite) -> Lowered:
    item = site.item("x")
    return TupleValue(item.items, site.node) if isinstance(item, ListValue) else _given(site)


def _given(site: CallSite) -> Lowered:
    item: Lowered = site.matched["x"][0]
    return item


_KIND = "Sizes and parts"
RANGES = (
    ShapeFunction(
        "range",
        "start: size, stop: size = None, step: size = 1",
        "Whole numbers from 0 or a start, up to a stop that is left out.",
        _range,
        (("[5, 6, 7][range(2)]", "[5, 6]"),),
        kind=_KIND,
    ),
    ShapeFunction(
        "list", "x", "A tuple as a list.", _as_list, (("zeros(list((2,)))", "[0, 0]"),), kind=_KIND
    ),
    ShapeFunction(
        "tuple",
        "x",
        "A list as a tuple.",
        _as_tuple,
        (("sum([1, 2], tuple([0]))", "3"),),
        kind=_KIND,
    ),
)
