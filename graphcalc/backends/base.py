"""What a backend is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

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


class Observer(Protocol):
    """Is told every node's value when it is computed, and must not keep big ones."""

    def observe(self, position: int, value: Any) -> None:
        """A node's value, as the backend holds it."""

    def observe_scalars(self, values: list[Any]) -> None:
        """All values at once, of a graph that has only scalars."""


class Program(Protocol):
    """A graph made ready by one backend, to be run any number of times."""

    backend: str
    device: str

    def run(self, inputs: Mapping[str, Any], observer: Observer) -> dict[int, Any]:
        """Compute the graph; the values of the nodes that were to be kept, by position."""

    def snapshot(self, value: Any, limit: int) -> tuple[Any, Summary | None]:
        """A value as nested lists when it has at most `limit` elements (else None), summarized."""

    def restore(self, value: Any, shape: tuple[int, ...], dtype: str) -> Any:
        """A snapshot's nested lists as the backend's own value again."""


class Settings(NamedTuple):
    """How to run: `backend` and `device` as on the command line, None for whatever fits."""

    backend: str = "auto"
    device: str | None = None
    dtype: str | None = None
    threads: int | None = None
