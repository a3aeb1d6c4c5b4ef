"""Parts of the rows computed by several threads or processes, given back in their order.

Plain Python computes in processes, since its threads take turns: on two busy cores 2,000,000 rows
take 28 s of time in two processes and 60 s in one, for 3 % more processor time. A worker is a fork,
which has the compiled pass already. It ends when the process that feeds it does, however that ends,
since the pipe to it closes then.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeAlias, TypeVar

from graphcalc.diagnostics import LimitError

P = TypeVar("P")
R = TypeVar("R")
# What begins to work on a part, and returns a function that waits for the result.
Start: TypeAlias = Callable[[P], Callable[[], R]]

_SIZE = struct.Struct("<Q")


def count_cores() -> int:
    """Return the number of processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def in_order(parts: Iterable[P | None], start: Start[P, R], count: int) -> Iterator[R]:
    """Yield what becomes of each part, in order, with so many under way at once.

    At a part that is None nothing follows for a while: what is under way is finished first.
    """
    waiting: deque[Callable[[], R]] = deque()
    for part in parts:
        while waiting and (part is None or len(waiting) >= count):
            yield waiting.popleft()()
        if part is not None:
            waiting.append(start(part))
    while waiting:
        yield waiting.popleft()()


@contextlib.contextmanager
def threaded(work: Callable[[P], R], count: int) -> Iterator[Start[P, R]]:
    """Give parts to threads, for work that lets go of Python's lock, as polars does."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(count) as pool:
        yield lambda part: pool.submit(work, part).result


@contextlib.contextmanager
def forked(work: Callable[[P], R], count: int) -> Iterator[Start[P, R]]:
    """Give parts to forks, of which there are at most `count`; to this process for one worker.

    The first part is always done here, so that few rows cost no fork.
    """
    workers: list[_Worker[P, R]] = []
    idle: list[_Worker[P, R]] = []
    is_first = True

    def start(part: P) -> Callable[[], R]:
        nonlocal is_first
        if is_first or count < 2 or not hasattr(os, "fork"):
            is_first = False
            result = work(part)
            return lambda: result
        if not idle:
            workers.append(_Worker(work, workers))
            idle.append(workers[-1])
        worker = idle.pop()
        worker.send(part)

        def receive() -> R:
            result = worker.receive()
            idle.append(worker)
            return result

        return receive

    try:
        yield start
    finally:
        for worker in workers:
            worker.close()


class _Worker(Generic[P, R]):
    """A forked process that answers one part at a time."""

    def __init__(self, work: Callable[[P], R], others: list[_Worker[P, R]]) -> None:
        self.tasks: int
        self.answers: int
        task_in, task_out = os.pipe()
        answer_in, answer_out = os.pipe()
        self.process = os.fork()
        if not self.process:
            # The ends of other workers' pipes would keep them alive.
            for other in others:
                os.close(other.tasks)
                os.close(other.answers)
            os.close(task_out)
            os.close(answer_in)
            _serve(task_in, answer_out, work)
        os.close(task_in)
        os.close(answer_out)
        self.tasks, self.answers = task_out, answer_in

    def send(self, part: P) -> None:
        """Give it a part; it must not be at work."""
        _write(self.tasks, pickle.dumps(part))

    def receive(self) -> R:
        """Return what it made of its part. Raises LimitError where it has died."""
        data = _read(self.answers)
        if data is None:
            raise LimitError(
                "worker",
                "a process that computed some of the rows was ended from outside",
                note="that happens where memory runs out",
            )
        result: R = pickle.loads(data)
        return result

    def close(self) -> None:
        """End it."""
        for end in (self.tasks, self.answers):
            with contextlib.suppress(OSError):
                os.close(end)
        with contextlib.suppress(OSError):
            os.waitpid(self.process, 0)


def _serve(tasks: int, answers: int, work: Callable[[P], R]) -> None:
    """Answer parts until there are no more; never returns."""
    status = 1
    try:
        while True:
            data = _read(tasks)
            if data is None:
                break
            _write(answers, pickle.dumps(work(pickle.loads(data))))
        status = 0
    finally:
        os._exit(status)


def _write(end: int, data: bytes) -> None:
    view = memoryview(_SIZE.pack(len(data)) + data)
    while view:
        view = view[os.write(end, view) :]


def _read(end: int) -> bytes | None:
    """One message, or None at the end."""
    head = _exactly(end, _SIZE.size)
    if head is None:
        return None
    return _exactly(end, _SIZE.unpack(head)[0])


def _exactly(end: int, size: int) -> bytes | None:
    pieces = []
    while size:
        piece = os.read(end, min(size, 1 << 20))
        if not piece:
            return None
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
