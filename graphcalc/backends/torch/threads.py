"""Threads that each run torch by themselves.

torch splits every single operation between its threads, and waits for all of them before the
next; where tiles are small, or another program wants a core, that costs more than it gains. Here
each thread has tiles of its own, and operations that are not split.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

_T = TypeVar("_T")
_making = threading.Lock()
_pools: dict[int, ThreadPoolExecutor] = {}
# A process that is forked off has none of the threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.clear)


def in_threads(tasks: Sequence[Callable[[], _T]]) -> list[_T]:
    """What the tasks give, each run in a thread; the first one's error where several fail."""
    futures = [_pool(len(tasks)).submit(task) for task in tasks]
    try:
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.exception()


def _pool(count: int) -> ThreadPoolExecutor:
    """So many threads, whose own operations are not split."""
    with _making:
        return _pools[count] if count in _pools else _make_pool(count)


def _make_pool(count: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(count, thread_name_prefix="graphcalc")
    ready = threading.Barrier(count)
    threads = torch.get_num_threads()

    def settle() -> None:
        # The second call is what makes the first one last for this thread.
        torch.set_num_threads(1)
        torch.get_num_threads()
        ready.wait()

    for future in [pool.submit(settle) for _ in range(count)]:
        future.result()
    # What is set in any thread holds for MKL, and for threads that are yet to come.
    torch.set_num_threads(threads)
    _pools[count] = pool
    return pool


@contextmanager
def limited(threads: int | None) -> Iterator[None]:
    """Let torch use so many threads for a while; None for as many as it does."""
    before = torch.get_num_threads()
    if threads is None or threads == before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
