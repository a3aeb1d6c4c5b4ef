"""Parameters as they are made, and what torch starts them with: the functions of `nn.init`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from graphcalc.diagnostics import CallError, Label, brief
from graphcalc.graph.frames import Frame
from graphcalc.graph.lowered import (
    ListValue,
    Lowered,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.objects import ParameterValue
from graphcalc.graph.scope import Scope
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr


class MakingCall(NamedTuple):
    """A call that makes or fills a parameter: its arguments, and where it stands."""

    scope: Scope
    items: list[Lowered]
    nodes: list[Expr]
    node: ast.Call
    frame: Frame

    def positional(self) -> list[Lowered]:
        """Return the arguments without a name."""
        return [i for i, n in zip(self.items, self.nodes) if type(n) is not ast.Keyword]

    def argument(self, place: int, name: str) -> Lowered | None:
        """Return an argument by its place or its name."""
        found = self.positional()
        if place < len(found):
            return found[place]
        named = {n.name: i for i, n in zip(self.items, self.nodes) if type(n) is ast.Keyword}
        return named.get(name)

    def number(self, place: int, name: str, default: float) -> float:
        """Return a number that is known."""
        item = self.argument(place, name)
        if item is None:
            return default
        found = number_of(self.scope, item)
        if found is None:
            raise self.fail(f"argument `{name}` must be a number known before the program runs")
        return found

    def text(self, place: int, name: str, default: str) -> str:
        """Return an argument that is text."""
        item = self.argument(place, name)
        return item.text if isinstance(item, TextValue) else default

    def sizes(self, items: list[Lowered]) -> tuple[Any, ...]:
        """Return the sizes of a shape."""
        arguments = self.scope.arguments
        return tuple(
            arguments.whole(i, lambda: self.fail("a size is a whole number")) for i in items
        )

    def label(self) -> Label:
        """Return where the call stands in the user's text."""
        place = self.frame.place
        if place is not None:
            return place
        return Label(self.frame.source, self.node.span)

    def fail(self, message: str, help: str = "") -> CallError:
        """Return the error of this call."""
        labels = self.scope.label(self.node, self.frame.source)
        return CallError("static-argument", message, labels, help=help)


def number_of(scope: Scope, item: Lowered) -> float | None:
    """Return the number that a value is, where it is known; None for data."""
    if isinstance(item, StaticNumber):
        return item.value  # type: ignore[no-any-return]
    return scope.decided(item) if type(item) is int else None


# Made by layers


def _uniform(call: MakingCall) -> ParameterValue:
    fan, *sizes = call.positional()
    found = number_of(call.scope, fan) or 1
    return ParameterValue(
        call.sizes(sizes), call.label(), draw=f"(2 * rand(#) - 1) / sqrt({found:.17g})"
    )


def _normal(call: MakingCall) -> ParameterValue:
    _, *sizes = call.positional()
    return ParameterValue(call.sizes(sizes), call.label(), draw="randn(#)")


def _filled(call: MakingCall) -> ParameterValue:
    value, *sizes = call.positional()
    found = number_of(call.scope, value)
    return ParameterValue(call.sizes(sizes), call.label(), draw=f"full((#), {found})")


def _running(call: MakingCall) -> ParameterValue:
    made = _filled(call)
    made.is_buffer = made.is_persistent = True
    return made


def _sizes(call: MakingCall) -> TupleValue:
    value, count = call.positional()
    if isinstance(value, (TupleValue, ListValue)):
        return TupleValue(value.items, call.node)
    lists = call.scope.arguments.lists
    if type(value) is int and value in lists:
        return TupleValue(lists[value].items, call.node)
    return TupleValue((value,) * int(number_of(call.scope, count) or 1), call.node)


def _product(call: MakingCall) -> StaticNumber:
    (value,) = call.positional()
    assert isinstance(value, TupleValue)
    return StaticNumber(math.prod(call.sizes(list(value.items))))


# What the text of a layer calls besides the functions of the language.
OF_LAYERS: Mapping[str, Callable[[MakingCall], Lowered]] = {
    "_uniform": _uniform,
    "_normal": _normal,
    "_filled": _filled,
    "_running": _running,
    "_sizes": _sizes,
    "_product": _product,
}


def parameter(call: MakingCall) -> Lowered:
    """Return the parameter that `nn.Parameter(value)` is."""
    found = call.argument(0, "data")
    if found is None:
        raise call.fail("`nn.Parameter` takes a value")
    if isinstance(found, ParameterValue):
        return found
    position = call.scope.operand(found, call.nodes[0], call.frame.source)
    shape = call.scope.builder.nodes[position].type.shape
    return ParameterValue(shape, call.label(), value=position)


# nn.init


def _fans(shape: tuple[Any, ...], call: MakingCall) -> tuple[float, float]:
    if len(shape) < 2:
        raise call.fail("fan in and fan out are of parameters with two or more dimensions")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


_GAINS = {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def _gain(call: MakingCall) -> float:
    kind = call.text(3, "nonlinearity", "leaky_relu")
    slope = call.number(1, "a", 0)
    return math.sqrt(2 / (1 + slope**2)) if kind == "leaky_relu" else _GAINS.get(kind, 1.0)


def _kaiming(shape: tuple[Any, ...], call: MakingCall) -> float:
    fan_in, fan_out = _fans(shape, call)
    fan = fan_out if call.text(2, "mode", "fan_in") == "fan_out" else fan_in
    return _gain(call) / math.sqrt(fan)


def _xavier(shape: tuple[Any, ...], call: MakingCall) -> float:
    return call.number(1, "gain", 1) * math.sqrt(2 / sum(_fans(shape, call)))


def _within(bound: float) -> str:
    return f"{bound:.17g} * (2 * rand(#) - 1)"


def _between(shape: tuple[Any, ...], call: MakingCall) -> str:
    low, high = call.number(1, "a", 0), call.number(2, "b", 1)
    return f"{low:.17g} + {high - low:.17g} * rand(#)"


def _around(shape: tuple[Any, ...], call: MakingCall) -> str:
    return f"{call.number(1, 'mean', 0):.17g} + {call.number(2, 'std', 1):.17g} * randn(#)"


def _truncated(shape: tuple[Any, ...], call: MakingCall) -> str:
    mean, std = call.number(1, "mean", 0), call.number(2, "std", 1)
    ends = (call.number(3, "a", -2), call.number(4, "b", 2))
    low, high = (math.erf((end - mean) / std / math.sqrt(2)) for end in ends)
    inner = f"{low:.17g} + {high - low:.17g} * rand(#)"
    return f"{mean:.17g} + {std * math.sqrt(2):.17g} * erfinv({inner})"


# What a parameter starts with after a function of `nn.init`: the text of its value, where `#` are
# its sizes; empty where it has none here.
INITIALIZERS: Mapping[str, Callable[[tuple[Any, ...], MakingCall], str]] = {
    "uniform_": _between,
    "normal_": _around,
    "trunc_normal_": _truncated,
    "constant_": lambda shape, call: f"full((#), {call.number(1, 'val', 0):.17g})",
    "fill_": lambda shape, call: f"full((#), {call.number(1, 'value', 0):.17g})",
    "zeros_": lambda shape, call: "zeros(#)",
    "zero_": lambda shape, call: "zeros(#)",
    "ones_": lambda shape, call: "ones(#)",
    "xavier_uniform_": lambda shape, call: _within(math.sqrt(3) * _xavier(shape, call)),
    "xavier_normal_": lambda shape, call: f"{_xavier(shape, call):.17g} * randn(#)",
    "kaiming_uniform_": lambda shape, call: _within(math.sqrt(3) * _kaiming(shape, call)),
    "kaiming_normal_": lambda shape, call: f"{_kaiming(shape, call):.17g} * randn(#)",
    "orthogonal_": lambda shape, call: "",
    "sparse_": lambda shape, call: "",
    "dirac_": lambda shape, call: "",
    "eye_": lambda shape, call: f"eye({shape[0]}, {shape[1]})",
}


def initialize(name: str, call: MakingCall) -> Lowered:
    """Return the parameter that a function of `nn.init` fills, with what it starts with now."""
    found = call.argument(0, "tensor")
    if not isinstance(found, ParameterValue):
        raise call.fail(
            f"`{brief(name)}` fills a parameter of a module, and this is none",
            help="write the value itself: zeros(3), randn(3, 4)",
        )
    if found.position is not None:
        raise call.fail(f"`{brief(name)}` stands behind a call that read the parameter")
    found.draw, found.value = INITIALIZERS[name](found.shape, call), None
    return found
