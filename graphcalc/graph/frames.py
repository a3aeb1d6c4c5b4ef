"""One expression being walked: where it stands, and what its names mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from graphcalc.diagnostics import Label
from graphcalc.graph.lowered import Lowered
from graphcalc.source import Source
from graphcalc.syntax import expr as ast
from graphcalc.syntax.program import Definition

if TYPE_CHECKING:
    from graphcalc.ops.torch.call import TorchCall


class Store(NamedTuple):
    """In a frame's code: give the value on top of the stack to a parameter."""

    name: str


class RoundedCall(NamedTuple):
    """A call of torch of half precision whose value is computed in float32."""

    call: TorchCall
    operands: tuple[int, ...]
    dtype: str


class Cast(NamedTuple):
    """In a frame's code: turn the value on top of the stack into another dtype."""

    dtype: str


class Rounding(NamedTuple):
    """In a frame's code: round the value on top of the stack, as the result of a call of torch."""

    call: RoundedCall


class Select(NamedTuple):
    """In a frame's code: choose between two values element by element, by a third."""

    node: ast.Conditional


class Join(NamedTuple):
    """In a frame's code: join two values by `and` or `or`."""

    node: ast.Binary


class Frame:
    """One expression being walked: the program's own, or the body of a function call.

    `place` is the user's call of a function of the prelude, for everything inside of it: what
    the prelude's own text says, and the user's names, mean nothing to each other. `otherwise`
    gives the value of such a call where the body has none, with `depth` values below it.
    """

    __slots__ = (
        *("code", "source", "values", "definition", "call", "place", "memo", "random_before"),
        *("otherwise", "depth"),
    )

    def __init__(
        self,
        code: Iterator[Any],
        source: Source,
        values: dict[str, Lowered],
        definition: Definition | None = None,
        call: Label | None = None,
        place: Label | None = None,
        memo: Any = None,
        random_before: int = 0,
    ) -> None:
        self.code = code
        self.source = source
        self.values = values
        self.definition = definition
        self.call = call
        self.place = place
        self.memo = memo
        self.random_before = random_before
        self.otherwise: Callable[[], None] | None = None
        self.depth = 0
