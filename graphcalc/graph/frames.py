"""One expression being walked: where it stands, and what its names mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from graphcalc.diagnostics import Label
from graphcalc.graph.lowered import BoundMethod, FunctionValue, Lowered
from graphcalc.graph.objects import ClassValue, ObjectValue
from graphcalc.source import Source
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr
from graphcalc.syntax.program import AugmentedAssignment, Definition

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


class Give(NamedTuple):
    """In a frame's code: give the value on top of the stack to a name; `is_turn` for a loop's."""

    name: str
    root: Expr
    is_turn: bool = False


class GiveItem(NamedTuple):
    """In a frame's code: the items of an index, its base and a value below; write the value."""

    node: ast.Index


class GiveMember(NamedTuple):
    """In a frame's code: a base and a value below; let the base's member be the value."""

    node: ast.Attribute


class Augment(NamedTuple):
    """In a frame's code: join a target's value and another one by an augmented assignment.

    Where that writes in place, nothing is left on the stack, and `written` gets the node.
    """

    statement: AugmentedAssignment
    written: list[int]


class AugmentItem(NamedTuple):
    """In a frame's code: a value, the items of an index and its base below; `x[i] += value`."""

    statement: AugmentedAssignment


class CallOf(NamedTuple):
    """In a frame's code: call a function by its name with arguments that are known."""

    name: str
    module: str
    items: tuple[Lowered, ...]
    nodes: tuple[Expr, ...]
    node: ast.Call


class ForgetGradient(NamedTuple):
    """In a frame's code: let passes so far not count in the gradient of the value on the stack."""

    node: Expr


class Unwritten(NamedTuple):
    """In a frame's code: a tensor of the same kind that nothing was written to: all nan."""

    node: Expr


class WriteTo(NamedTuple):
    """In a frame's code: write the value on top of the stack to another one, in place."""

    old: int
    node: Expr


class Unpack(NamedTuple):
    """In a frame's code: turn a value into its parts, the first on top; `rest` takes many."""

    size: int
    rest: int | None
    root: Expr


class Take(NamedTuple):
    """In a frame's code: move the value on top of the stack to a list."""

    taken: list[Lowered]


class Push(NamedTuple):
    """In a frame's code: put a value on the stack."""

    item: Lowered


class Invoke(NamedTuple):
    """In a frame's code: call a function that is a value; `node` is where the call stands.

    `nodes` are the arguments as they are written, where they are.
    """

    function: FunctionValue | BoundMethod | ClassValue | ObjectValue
    items: tuple[Lowered, ...]
    node: ast.Call
    nodes: tuple[Expr, ...] = ()


class Discard(NamedTuple):
    """In a frame's code: take the value of a statement without a name off the stack."""

    root: Expr


class Frame:
    """One expression being walked: the program's own, or the body of a function call.

    `place` is the user's call of a function of the prelude, for everything inside of it: what
    the prelude's own text says, and the user's names, mean nothing to each other. `otherwise`
    gives the value of such a call where the body has none, with `depth` values below it.
    """

    __slots__ = (
        *("code", "source", "values", "definition", "call", "place", "memo", "random_before"),
        *("otherwise", "depth", "is_program", "is_layer"),
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
        # Whether names that its code assigns are the program's.
        self.is_program = False
        # Whether its text is that of a layer, whose calls mean what the user's do.
        self.is_layer = False
