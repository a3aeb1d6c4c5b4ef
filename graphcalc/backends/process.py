"""Process-wide state of the backends: one object, `PROCESS`, holds all of it.

No number depends on it. Memory and threads are kept for later runs; what runs change in the
process (the garbage collector, torch's number of threads, a log level) is undone when the last
run that needs the change ends, also where runs overlap in threads.
"""

from __future__ import annotations

import gc
import os

# `threading` takes a millisecond to import, of which a scalar run needs nothing.
from _thread import allocate_lock, get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import mmap
    import weakref
    from concurrent.futures import ThreadPoolExecutor

# Young objects from which they are moved to the oldest generation without a look at each.
_MANY_OBJECTS = 20_000


class SharedChange:
    """A change to the process that lasts while at least one caller is inside of `lasting()`.

    `change` makes it and returns the function that undoes it.
    """

    def __init__(self, change: Callable[[], Callable[[], None]]) -> None:
        self._change = change
        self._lock = allocate_lock()
        self._callers = 0
        self._undo: Callable[[], None] | None = None

    @contextmanager
    def lasting(self) -> Iterator[None]:
        """Make the change, or keep it; the last caller to leave undoes it."""
        with self._lock:
            if not self._callers:
                self._undo = self._change()
            self._callers += 1
        try:
            yield
        finally:
            with self._lock:
                self._callers -= 1
                if not self._callers and self._undo is not None:
                    self._undo()


class SharedLimit:
    """A number that torch keeps for the process, limited by threads of which each has its own.

    `read` and `write` are those of the process. Limits of one thread nest; a thread without a
    limit, and the process after the last limit, have the number from before the first one.
    """

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._normal = 0
        self._limits: dict[int, list[int]] = {}

    @contextmanager
    def lasting(
        self, limit: int | None, read: Callable[[], int], write: Callable[[int], None]
    ) -> Iterator[None]:
        """Set the number to `limit` for this thread; None for what it would be without limits."""
        thread = get_ident()
        with self._lock:
            if not self._limits:
                self._normal = read()
            own = self._limits.get(thread)
            before = own[-1] if own else self._normal
            wanted = before if limit is None else limit
            self._limits.setdefault(thread, []).append(wanted)
            if wanted != read():
                write(wanted)
        try:
            yield
        finally:
            with self._lock:
                self._limits[thread].pop()
                if not self._limits[thread]:
                    del self._limits[thread]
                if before != read():
                    write(before)


class HeldMemory(NamedTuple):
    """Memory, and the view that a tensor on it holds; the memory is free when the view is gone."""

    memory: mmap.mmap
    view: weakref.ref[memoryview]


class ProcessState:
    """All that the backends keep, or change, for the whole process."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """Forget everything: a forked process has none of the threads, and may copy a held lock."""
        self.collection = SharedChange(_pause_collection)
        self.compiler_log = SharedChange(_quiet_compiler_log)
        self.torch_threads = SharedLimit()
        # Pools of threads by their size, and the lock for making one.
        self.thread_pools: dict[int, ThreadPoolExecutor] = {}
        self.thread_lock = allocate_lock()
        # Memory of earlier results, for later ones, and the lock for taking it.
        self.held_memory: list[HeldMemory] = []
        self.memory_lock = allocate_lock()


def _pause_collection() -> Callable[[], None]:
    """Stop the garbage collector."""
    was_enabled = gc.isenabled()
    gc.disable()

    def undo() -> None:
        if was_enabled:
            # To look at each object once more takes a tenth of the time that making it took.
            if gc.get_count()[0] > _MANY_OBJECTS and not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()

    return undo


def _quiet_compiler_log() -> Callable[[], None]:
    """Keep torch.compile from logging graph breaks, after which torch goes on by itself."""
    import logging

    logger = logging.getLogger("torch._dynamo")
    level = logger.level
    logger.setLevel(logging.ERROR)
    return lambda: logger.setLevel(level)


PROCESS = ProcessState()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PROCESS.start_anew)
