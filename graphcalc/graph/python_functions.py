"""Python's own functions: of lists and tuples, of functions, and `print`.

They are known while the graph is made; each returns what the call comes to, or the frame of what
it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from graphcalc.diagnostics import CallError
from graphcalc.graph.choices import truth
from graphcalc.graph.frames import Frame, Invoke, Push, Take
from graphcalc.graph.lowered import (
    BoundMethod,
    FunctionValue,
    ListValue,
    Lowered,
    NoneValue,
    Range,
    StaticNumber,
    TextValue,
    TupleValue,
    Turns,
    has_objects,
)
from graphcalc.graph.objects import ObjectValue
from graphcalc.graph.scope import Scope
from graphcalc.graph.values import iterate
from graphcalc.ops.spec import FLOATS
from graphcalc.ops.table import OPS
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr


class PythonCall(NamedTuple):
    """A call of a function of Python's: its arguments, and where it stands."""

    scope: Scope
    items: list[Lowered]
    nodes: list[Expr]
    node: ast.Call
    frame: Frame

    def parts(self, place: int) -> tuple[Lowered, ...]:
        """Return the parts of an argument."""
        where = self.frame.source, self.nodes[place].span
        return iterate(self.scope, self.items[place], where)

    def keyword(self, name: str) -> Lowered | None:
        """Return an argument that is given by name."""
        for item, node in zip(self.items, self.nodes):
            if type(node) is ast.Keyword and node.name == name:
                return item
        return None

    def fail(self, message: str, help: str = "") -> CallError:
        """Return the error of a call that has other arguments."""
        label = self.scope.label(self.node, self.frame.source)
        return CallError("python-function", message, label, help=help)


def _listed(call: PythonCall, items: Iterator[Lowered] | list[Lowered]) -> ListValue:
    return ListValue(tuple(items), call.node)


def _pair(call: PythonCall, items: tuple[Lowered, ...]) -> TupleValue:
    return TupleValue(items, call.node)


def _enumerate(call: PythonCall) -> Lowered:
    start = call.items[1] if len(call.items) > 1 else StaticNumber(0)
    first = call.scope.fixed(start)
    if type(first) is not int:
        raise call.fail("`enumerate` counts from a whole number that is known")
    numbers = enumerate(call.parts(0), first)
    return _listed(call, [_pair(call, (StaticNumber(i), item)) for i, item in numbers])


def _zip(call: PythonCall) -> Lowered:
    places = [i for i, n in enumerate(call.nodes) if type(n) is not ast.Keyword]
    columns = [call.parts(place) for place in places]
    strict = call.keyword("strict")
    if strict is not None and truth(call.scope, strict) and len(set(map(len, columns))) > 1:
        lengths = ", ".join(str(len(c)) for c in columns)
        raise call.fail(f"`zip` with strict=True wants equal lengths, and these are {lengths}")
    return _listed(call, [_pair(call, row) for row in zip(*columns)])


def _reversed(call: PythonCall) -> Lowered:
    return _listed(call, list(call.parts(0)[::-1]))


def _map(call: PythonCall) -> Frame:
    rows = list(zip(*[call.parts(place) for place in range(1, len(call.items))]))
    return _invoked(call, rows, lambda row, value: [value])


def _filter(call: PythonCall) -> Frame:
    rows: list[tuple[Lowered, ...]] = [(item,) for item in call.parts(1)]

    def kept(row: tuple[Lowered, ...], value: Lowered) -> list[Lowered]:
        known = truth(call.scope, value)
        if known is None:
            raise call.fail("which items `filter` keeps is known only when the program runs")
        return [row[0]] if known else []

    return _invoked(call, rows, kept)


def _invoked(
    call: PythonCall,
    rows: list[tuple[Lowered, ...]],
    made: Callable[[tuple[Lowered, ...], Lowered], list[Lowered]],
) -> Frame:
    """Return a frame that calls the first argument with each row."""
    function = call.items[0]
    if not isinstance(function, (FunctionValue, BoundMethod)):
        raise call.fail("the first argument is no function")

    def code() -> Iterator[Any]:
        found: list[Lowered] = []
        turns = Turns(None, [TupleValue(row, call.node) for row in rows])
        call.scope.turns.append(turns)
        while turns.waiting:
            row = turns.waiting.pop().items
            taken: list[Lowered] = []
            yield Invoke(function, row, call.node)
            yield Take(taken)
            found += made(row, taken[0])
        call.scope.turns.remove(turns)
        yield Push(_listed(call, found))

    frame = call.frame
    return Frame(code(), frame.source, frame.values, place=frame.place)


def _every(call: PythonCall) -> Lowered | None:
    return _truths(call, all)


def _some(call: PythonCall) -> Lowered | None:
    return _truths(call, any)


def _truths(call: PythonCall, join: Callable[[list[bool]], bool]) -> Lowered | None:
    """What `all` and `any` of a list are; None for a tensor, where they are torch's."""
    if len(call.items) != 1 or not isinstance(call.items[0], (ListValue, TupleValue)):
        return None
    if isinstance(call.nodes[0], ast.Tensor):
        return None
    known = [truth(call.scope, item) for item in call.parts(0)]
    found = [k for k in known if k is not None]
    return StaticNumber(join(found)) if len(found) == len(known) else None


def _print(call: PythonCall) -> Lowered:
    for item, node in zip(call.items, call.nodes):
        if type(node) is not ast.Keyword:
            _show(call, item, node)
    return NoneValue(call.node)


def _show(call: PythonCall, item: Lowered, node: Expr) -> None:
    """Note what is printed; text is read over."""
    pending: list[Lowered] = [item]
    while pending:
        part = pending.pop()
        if isinstance(part, (TupleValue, ListValue)) and not isinstance(node, ast.Tensor):
            pending += part.items[::-1]
        elif isinstance(part, (int, StaticNumber, ListValue)):
            position = call.scope.operand(part, node, call.frame.source)
            if position in call.scope.printed:
                where = call.frame.source, node.span
                alias = OPS["alias"]
                position = call.scope.builder.add(alias, (position,), (), where, is_shared=False)
            call.scope.printed.append(position)


_KINDS: Mapping[str, Callable[[Scope, Lowered], bool]] = {
    "tuple": lambda scope, item: isinstance(item, TupleValue),
    "list": lambda scope, item: isinstance(item, ListValue),
    "str": lambda scope, item: isinstance(item, TextValue) and not item.is_dtype,
    "dtype": lambda scope, item: isinstance(item, TextValue) and item.is_dtype,
    "bool": lambda scope, item: isinstance(item, StaticNumber) and type(item.value) is bool,
    "int": lambda scope, item: type(scope.fixed(item)) in (int, bool),
    "float": lambda scope, item: _is_number(scope, item) and type(scope.fixed(item)) is not int,
    "Tensor": lambda scope, item: type(item) is int and not _is_number(scope, item),
    "ndarray": lambda scope, item: type(item) is int and not _is_number(scope, item),
    "Number": lambda scope, item: isinstance(item, StaticNumber) or _is_number(scope, item),
}


def _is_number(scope: Scope, item: Lowered) -> bool:
    """Whether a value is a number of Python's: written, or computed from written ones alone."""
    if type(item) is not int:
        return False
    type_ = scope.builder.nodes[item].type
    return type_.weak and not type_.shape and type_.dtype in FLOATS


def _super(call: PythonCall) -> Lowered:
    from graphcalc.graph import classes

    return classes.super_of(call.scope, call.items, call.node, call.frame)


def _dict(call: PythonCall) -> Lowered:
    from graphcalc.graph import classes

    return classes.dictionary(call.scope, call.items, call.nodes, call.node, call.frame)


def _length(call: PythonCall) -> Lowered | None:
    """What `len` of a module is; None for what is none."""
    item = call.items[0] if len(call.items) == 1 else None
    is_of_objects = item is not None and (isinstance(item, ObjectValue) or has_objects(item))
    return StaticNumber(len(call.parts(0))) if is_of_objects else None


def _isinstance(call: PythonCall) -> Lowered:
    kinds = call.items[1] if len(call.items) == 2 else None
    if not isinstance(kinds, TextValue):
        raise call.fail("`isinstance` wants a value and its kinds")
    found = False
    for word in re.findall(r"[\w.]+", kinds.text):
        kind = word.rpartition(".")[2]
        if isinstance(call.items[0], ObjectValue):
            item = call.items[0].kind
            found |= kind in [c.name for c in item.line()] or (kind == "Module" and item.is_module)
            continue
        if kind not in _KINDS:
            raise call.fail(
                f"`isinstance` does not know the kind `{word}`",
                "it knows " + ", ".join(f"`{k}`" for k in _KINDS),
            )
        found |= _KINDS[kind](call.scope, call.items[0])
    return StaticNumber(found)


def seeded(call: PythonCall) -> Lowered:
    """Let random numbers from here on be those of a seed, as `--seed` does for a whole program."""
    seed = call.scope.fixed(call.items[0]) if len(call.items) == 1 else None
    if type(seed) is not int or seed < 0:
        raise call.fail("a seed is a whole number >= 0 that is known")
    call.scope.seed, call.scope.builder.random_count = seed, 0
    return NoneValue(call.node)


def _slice(call: PythonCall) -> Lowered:
    items = call.items if len(call.items) > 1 else [NoneValue(call.node), *call.items]
    parts = [None if isinstance(item, NoneValue) else item for item in (*items, None, None)]
    return Range(parts[0], parts[1], parts[2], ast.Slice(None, None, None, *call.node.span))


def _known(call: PythonCall) -> list[Any] | None:
    """Return numbers that shapes decide, one at least; None where data or numbers alone do."""
    items: tuple[Lowered, ...] = tuple(call.items)
    if any(type(node) is ast.Keyword for node in call.nodes):
        return None
    if len(items) == 1 and isinstance(items[0], (TupleValue, ListValue)):
        items = items[0].items
    found = [call.scope.fixed(item) for item in items]
    is_known = any(isinstance(item, StaticNumber) for item in items)
    is_known |= isinstance(call.items[0] if call.items else None, TupleValue)
    return found if is_known and all(type(n) in (int, float) for n in found) else None


def _of_numbers(function: Callable[..., Any]) -> Callable[[PythonCall], Lowered | None]:
    """Return what a function of Python's makes of known numbers; None for others."""

    def run(call: PythonCall) -> Lowered | None:
        numbers = _known(call)
        return None if not numbers else StaticNumber(function(*numbers))

    return run


def _int(call: PythonCall) -> Lowered | None:
    """What `int` makes of a number that is known."""
    if len(call.items) != 1:
        return None
    item = call.items[0]
    value = call.scope.decided(item) if type(item) is int else call.scope.fixed(item)
    return StaticNumber(int(value)) if type(value) in (int, float, bool) else None


FUNCTIONS: Mapping[str, Callable[[PythonCall], Lowered | Frame | None]] = {
    "enumerate": _enumerate,
    "zip": _zip,
    "reversed": _reversed,
    "map": _map,
    "filter": _filter,
    "all": _every,
    "any": _some,
    "print": _print,
    "isinstance": _isinstance,
    "super": _super,
    "dict": _dict,
    "OrderedDict": _dict,
    "len": _length,
    "slice": _slice,
    "max": _of_numbers(lambda *numbers: max(numbers)),
    "min": _of_numbers(lambda *numbers: min(numbers)),
    "sum": _of_numbers(lambda *numbers: sum(numbers)),
    "abs": _of_numbers(abs),
    "round": _of_numbers(round),
    "float": _of_numbers(float),
    "int": _int,
}
