"""Checks of shapes in the prelude's functions: errors and notes at the user's call."""

from __future__ import annotations

from graphcalc.diagnostics import CallError, ShapeError
from graphcalc.graph.call_site import CallSite, ShapeFunction
from graphcalc.graph.ir import Node, label_of, text_of
from graphcalc.graph.lowered import Lowered, TextValue
from graphcalc.ops.shapes import broadcast, differ, show
from graphcalc.ops.spec import Problem, Shape


def _same(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and not any(differ(m, n) for m, n in zip(a, b))


def _pair(site: CallSite) -> tuple[int, Node, Node]:
    nodes = site.scope.builder.nodes
    return site.tensor(), nodes[site.tensor()], nodes[site.tensor("y")]


def _clash(site: CallSite, x: Node, y: Node) -> ShapeError:
    return ShapeError(
        "target-shape",
        f"{text_of(y)} is {show(y.type.shape)}, and it wants the shape of {text_of(x)}, "
        f"{show(x.type.shape)}",
        site.label(),
        note="this function does not broadcast one to the other, nor does torch's",
    )


def _as_shaped(site: CallSite) -> Lowered:
    position, x, y = _pair(site)
    if not _same(x.type.shape, y.type.shape):
        raise _clash(site, x, y)
    return position


def _as_wide(site: CallSite) -> Lowered:
    position, x, y = _pair(site)
    try:
        both = broadcast(x.type.shape, y.type.shape)
    except Problem:
        raise _clash(site, x, y) from None
    if not _same(both, x.type.shape):
        raise _clash(site, x, y)
    return position


def _as_deep(site: CallSite) -> Lowered:
    position, x, y = _pair(site)
    if len(x.type.shape) != len(y.type.shape):
        raise _clash(site, x, y)
    return position


def _broadcast_noted(site: CallSite) -> Lowered:
    position, x, y = _pair(site)
    a, b = x.type.shape, y.type.shape
    if not _same(a, b):
        text = (
            f"{text_of(x)} is {show(a)} and {text_of(y)} is {show(b)}: they broadcast, "
            "which in a loss is seldom meant"
        )
        site.scope.builder.note(label_of(site.where), text)
    return position


def _as_variance(site: CallSite) -> Lowered:
    position, x, y = _pair(site)
    a, b = x.type.shape, y.type.shape
    if not a or _same(a, b):
        return position
    if _same(a, b[:-1]):
        return site.row("unsqueeze", (-1,))
    if len(a) == len(b) and [m for m, n in zip(a, b) if differ(m, n)] == [1]:
        return position
    raise _clash(site, x, y)


def _static(site: CallSite) -> float | None:
    """The number that the argument is before the program runs; None for one that is not known."""
    found = site.scope.arguments.value(site.item("x"))
    return found if isinstance(found, (int, float)) else None


def _as_it_is(site: CallSite) -> Lowered:
    found: Lowered = site.matched["x"][0]
    return found


def _above(site: CallSite) -> Lowered:
    number = _static(site)
    if number is not None and not number > site.whole("low"):
        raise _refusal(site)
    return _as_it_is(site)


def _from(site: CallSite) -> Lowered:
    number = _static(site)
    if number is not None and not number >= site.whole("low"):
        raise _refusal(site)
    return _as_it_is(site)


def _refusal(site: CallSite) -> CallError:
    why = site.item("why")
    assert type(why) is TextValue
    return CallError("call-mismatch", why.text, site.label())


def _noted(site: CallSite) -> Lowered:
    why = site.item("why")
    assert type(why) is TextValue
    site.scope.builder.note(label_of(site.where), why.text)
    return site.tensor()


SHAPE_CHECKS = (
    ShapeFunction("_as_shaped", "x, y", "x, where y has its shape; else an error.", _as_shaped),
    ShapeFunction(
        "_as_wide", "x, y", "x, where y broadcasts to its shape; else an error.", _as_wide
    ),
    ShapeFunction(
        "_as_deep", "x, y", "x, where y has as many dimensions; else an error.", _as_deep
    ),
    ShapeFunction(
        "_broadcast_noted", "x, y", "x, with a note where y has another shape.", _broadcast_noted
    ),
    ShapeFunction(
        "_as_variance", "x, y", "x as the variances of y, one short of its shape.", _as_variance
    ),
    ShapeFunction("_above", "x, low: dim, why: text", "A number above another.", _above),
    ShapeFunction("_from", "x, low: dim, why: text", "A number that is another at least.", _from),
    ShapeFunction("_noted", "x, why: text", "x, with a note.", _noted),
)
