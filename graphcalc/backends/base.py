"""The interface of a backend: programs, and what they hand values, statistics and times to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

from graphcalc.numbers import Nested

# A value as its backend holds it: a float, an int, a bool or an `NDArray` of the Python backend, a
# `torch.Tensor` of torch's. Only the program that computed it looks inside.
Value: TypeAlias = Any
# Inputs by name: numbers, nested lists, arrays, tensors, or arrays in files.
Inputs: TypeAlias = Mapping[str, Any]
# From the gradients of some inputs to the next values of these.
UpdateStep: TypeAlias = Callable[[list[Value]], list[Value]]

# Tensors up to this many elements are kept whole in a trace.
KEEP = 1000

# Bytes of a Python float beyond the eight of its number: the object and the pointer to it.
PYTHON_ITEM_OVERHEAD = 24


class Summary(NamedTuple):
    """Statistics of a tensor: extremes and mean of its finite elements, counts of the others.

    `minimum`, `mean` and `maximum` are None where no element is finite.
    """

    minimum: float | None
    mean: float | None
    maximum: float | None
    nan: int
    inf: int


class NonFinite(NamedTuple):
    """How many elements of a value are NaN and infinite, and how many of these it produced.

    It produced a NaN where no operand has one in that element, an infinity where no operand has
    either; `first` is the row-major offset of the first element produced.
    """

    nan: int
    inf: int
    produced_nan: int = 0
    produced_inf: int = 0
    first: int = 0


class Observer(Protocol):
    """Receives every node's value when it is computed; it must not keep large ones."""

    @property
    def needs_values(self) -> bool:
        """Whether every value has to be computed whole for it, however large."""

    def wants(self, position: int) -> bool:
        """Return whether it wants the statistics of a value that is computed in tiles."""

    def observe(self, position: int, value: Value) -> None:
        """Receive a node's value."""

    def observe_summary(self, position: int, summary: Summary) -> None:
        """Receive the statistics of a large value that was computed in tiles."""

    def observe_scalars(self, values: list[Value]) -> None:
        """Receive all values at once, of a graph that has only scalars."""


class NullObserver:
    """Observer that keeps nothing."""

    needs_values = False

    def wants(self, position: int) -> bool:
        """Return False."""
        return False

    def observe(self, position: int, value: Value) -> None:
        """Do nothing."""

    def observe_summary(self, position: int, summary: Summary) -> None:
        """Do nothing."""

    def observe_scalars(self, values: list[Value]) -> None:
        """Do nothing."""


class Sink(Protocol):
    """Takes the elements of a value in parts, in row-major order, to write them somewhere."""

    def put(self, offset: int, part: Value) -> None:
        """Take the elements from an offset on; the part's memory is used again afterwards."""


class Clock(Protocol):
    """Receives what has been computed, and gives it the time since the call before."""

    def __call__(self, position: int) -> None:
        """Give the time to a node."""

    def spread(self, shares: Mapping[int, float]) -> None:
        """Divide the time between nodes that were computed together, by their shares."""


class Program(Protocol):
    """A graph made ready by one backend, to run any number of times."""

    backend: str
    device: str
    # Seconds that torch.compile has taken so far.
    compile_seconds: float

    def run(
        self,
        inputs: Inputs,
        observer: Observer,
        sinks: Mapping[int, Sink] | None = None,
        clock: Clock | None = None,
    ) -> dict[int, Value]:
        """Compute the graph; return the values of the kept nodes by position.

        A kept value that has a sink goes there instead. `clock` is called for every node when it
        has been computed.
        """

    def snapshot(self, value: Value, limit: int) -> tuple[Nested | None, Summary | None]:
        """Return a value as nested lists, or None beyond `limit` elements, and its statistics.

        A scalar has no statistics.
        """

    def non_finite(
        self, value: Value, operands: list[Value], is_elementwise: bool
    ) -> NonFinite | None:
        """Count the elements that are not finite, given what they were computed from; or None.

        Without `is_elementwise` any element of a value may come from any of an operand.
        """

    def element(self, value: Value, index: tuple[int, ...]) -> float:
        """Return the number at an index of what a value broadcasts to."""

    def plain(self, value: Value) -> Value:
        """Return a value as an input that any run takes: a number, nested lists, or a tensor."""

    def descent(
        self, optimizer: str, rate: float, values: list[Value]
    ) -> tuple[list[Value], UpdateStep]:
        """Return values as inputs of a run, and the function from gradients to the next ones.

        `optimizer` is one of `optimizers.OPTIMIZERS`, `rate` the learning rate.
        """

    def restore(self, value: Nested, shape: tuple[int, ...], dtype: str) -> Value:
        """Return a snapshot's nested lists as a value of this backend again."""


class Settings(NamedTuple):
    """How to run: the options `--backend`, `--device`, `--dtype`, `--threads` and `--compile`.

    None stands for the default, `is_compiled` for `--compile`.
    """

    backend: str = "auto"
    device: str | None = None
    dtype: str | None = None
    threads: int | None = None
    is_compiled: bool = False
