"""Threads that each run torch by themselves.

torch splits every single operation between its threads, and waits for all of them before the
next; where tiles are small, or another program wants a core, that costs more than it gains. Here
each thread has tiles of its own, and operations that are not split.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

import torch

from graphcalc.backends.process import PROCESS

_T = TypeVar("_T")


def in_threads(tasks: Sequence[Callable[[], _T]]) -> list[_T]:
    """Return the tasks' results, each computed in a thread; raise the first error of several.

    A task must not call this itself: it would wait for its own thread.
    """
    pool = _pool(len(tasks))
    futures = [pool.submit(task) for task in tasks]
    try:
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.exception()


def _pool(count: int) -> ThreadPoolExecutor:
    """Return a pool of `count` threads that do not split their own operations."""
    with PROCESS.thread_lock:
        pools = PROCESS.thread_pools
        if count not in pools:
            pools[count] = _make_pool(count)
        return pools[count]


def _make_pool(count: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(count, thread_name_prefix="graphcalc")
    ready = threading.Barrier(count)
    threads = torch.get_num_threads()

    def settle() -> None:
        # The second call makes the first one last for this thread.
        torch.set_num_threads(1)
        torch.get_num_threads()
        ready.wait()

    for future in [pool.submit(settle) for _ in range(count)]:
        future.result()
    # What one thread sets holds for MKL in all, and for threads that start later.
    torch.set_num_threads(threads)
    return pool


def limited(threads: int | None) -> AbstractContextManager[None]:
    """Let torch use this many threads for a while; None for as many as it does anyway."""
    return PROCESS.torch_threads.lasting(threads, torch.get_num_threads, torch.set_num_threads)
