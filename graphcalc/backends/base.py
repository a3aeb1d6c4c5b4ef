"""What a backend is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

# Tensors up to this many elements are kept whole in a trace.
KEEP = 1000

# A Python float costs this much more than its eight bytes: the object and the pointer to it.
PYTHON_ITEM_OVERHEAD = 24


class Summary(NamedTuple):
    """Statistics of a tensor: extremes and mean of its finite elements, and how many are not.

    `minimum`, `mean` and `maximum` are None where no element is finite.
    """

    minimum: float | None
    mean: float | None
    maximum: float | None
    nan: int
    inf: int


class NonFinite(NamedTuple):
    """The elements of a value that are not finite: how many are nan, and how many infinite.

    `born_nan` of the nans stand where no operand has one, `born_inf` of the infinities where no
    operand has either; `first` is the place of the first of these, counted through the value.
    """

    nan: int
    inf: int
    born_nan: int = 0
    born_inf: int = 0
    first: int = 0


class Observer(Protocol):
    """Is told every node's value when it is computed, and must not keep big ones."""

    @property
    def needs_values(self) -> bool:
        """Whether it has to see every value whole, however large."""

    def wants(self, position: int) -> bool:
        """Whether it wants the statistics of a node that is nowhere whole."""

    def observe(self, position: int, value: Any) -> None:
        """A node's value, as the backend holds it."""

    def observe_summary(self, position: int, summary: Summary) -> None:
        """The statistics of a large value that was computed in parts."""

    def observe_scalars(self, values: list[Any]) -> None:
        """All values at once, of a graph that has only scalars."""


class NullObserver:
    """An observer that looks at nothing."""

    needs_values = False

    def wants(self, position: int) -> bool:
        """Never."""
        return False

    def observe(self, position: int, value: Any) -> None:
        """A node's value."""

    def observe_summary(self, position: int, summary: Summary) -> None:
        """A node's statistics."""

    def observe_scalars(self, values: list[Any]) -> None:
        """All values at once."""


class Sink(Protocol):
    """Takes a value in parts, in order."""

    def put(self, place: int, part: Any) -> None:
        """The elements from a place on, counted through the value; they change afterwards."""


class Clock(Protocol):
    """Is told what has been computed, and so what the time since it was told last went to."""

    def __call__(self, position: int) -> None:
        """A node has been computed."""

    def spread(self, shares: Mapping[int, float]) -> None:
        """Several nodes have been computed at once; what part of the time each took."""


class Program(Protocol):
    """A graph made ready by one backend, to be run any number of times."""

    backend: str
    device: str
    # What torch.compile took so far, in the runs that it was at work in.
    compile_seconds: float

    def run(
        self,
        inputs: Mapping[str, Any],
        observer: Observer,
        sinks: Mapping[int, Sink] | None = None,
        clock: Clock | None = None,
    ) -> dict[int, Any]:
        """Compute the graph; the values of the nodes that were to be kept, by position.

        Those that have a sink are given to it instead. `clock` is told of every node when it has
        been computed.
        """

    def snapshot(self, value: Any, limit: int) -> tuple[Any, Summary | None]:
        """A value as nested lists when it has at most `limit` elements (else None), summarized."""

    def faults(self, value: Any, operands: list[Any], is_elementwise: bool) -> NonFinite | None:
        """What of a floating value is not finite, given what it was computed from; or None.

        Without `is_elementwise` any element of a value may come from any of an operand.
        """

    def element(self, value: Any, index: tuple[int, ...]) -> Any:
        """The number at an index of what a value broadcasts to."""

    def plain(self, value: Any) -> Any:
        """A value as an input that any run takes: a number, nested lists, or a tensor."""

    def descent(
        self, optimizer: str, rate: float, values: list[Any]
    ) -> tuple[list[Any], Callable[[list[Any]], list[Any]]]:
        """Values as inputs of a run, and what makes the next ones of their gradients.

        `optimizer` is one of `optimizers.OPTIMIZERS`, `rate` the learning rate.
        """

    def restore(self, value: Any, shape: tuple[int, ...], dtype: str) -> Any:
        """A snapshot's nested lists as the backend's own value again."""


class Settings(NamedTuple):
    """How to run: `backend` and `device` as on the command line, None for whatever fits.

    `is_compiled` hands the graph to torch.compile.
    """

    backend: str = "auto"
    device: str | None = None
    dtype: str | None = None
    threads: int | None = None
    is_compiled: bool = False
