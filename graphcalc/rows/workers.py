"""Parts of the rows computed by several processes, given back in their order.

A worker is a fork: it has the compiled pass already. It ends when the process that feeds it does,
however that ends, since the pipe to it closes then.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from graphcalc.diagnostics import LimitError

_SIZE = struct.Struct("<Q")


def count_cores() -> int:
    """The processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def in_order(
    parts: Iterable[Any], work: Callable[[Any], tuple[Any, ...]], count: int
) -> Iterator[tuple[Any, ...]]:
    """What `work` makes of each part: in this process for one worker, else in forks.

    Parts and results are what marshal takes. The first part is always done here, so that few
    rows cost no fork. At a part that is None nothing follows for a while: what is under way is
    finished first.
    """
    iterator = iter(parts)
    for part in iterator:
        if part is not None:
            yield work(part)
            break
    if count < 2 or not hasattr(os, "fork"):
        yield from (work(part) for part in iterator if part is not None)
        return
    yield from _forked(iterator, work, count)


def _forked(
    parts: Iterator[Any], work: Callable[[Any], tuple[Any, ...]], count: int
) -> Iterator[tuple[Any, ...]]:
    workers: list[_Worker] = []
    idle: list[_Worker] = []
    busy: deque[_Worker] = deque()
    try:
        for part in parts:
            if part is None or not (idle or len(workers) < count):
                for worker in [busy.popleft() for _ in range(len(busy) if part is None else 1)]:
                    yield worker.receive()
                    idle.append(worker)
            if part is None:
                continue
            if not idle:
                workers.append(_Worker(work, workers))
                idle.append(workers[-1])
            worker = idle.pop()
            worker.send(part)
            busy.append(worker)
        while busy:
            yield busy.popleft().receive()
    finally:
        for worker in workers:
            worker.close()


class _Worker:
    """A forked process that answers one part at a time."""

    def __init__(self, work: Callable[[Any], tuple[Any, ...]], others: list[_Worker]) -> None:
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

    def send(self, part: Any) -> None:
        """Give it a part; it must not be at work."""
        _write(self.tasks, marshal.dumps(part))

    def receive(self) -> tuple[Any, ...]:
        """What it made of its part. Raises LimitError where it has died."""
        data = _read(self.answers)
        if data is None:
            raise LimitError(
                "worker",
                "a process that computed some of the rows was ended from outside",
                note="that happens where memory runs out",
            )
        found: tuple[Any, ...] = marshal.loads(data)
        return found

    def close(self) -> None:
        """End it."""
        for end in (self.tasks, self.answers):
            with contextlib.suppress(OSError):
                os.close(end)
        with contextlib.suppress(OSError):
            os.waitpid(self.process, 0)


def _serve(tasks: int, answers: int, work: Callable[[Any], tuple[Any, ...]]) -> None:
    """Answer parts until there are no more; never returns."""
    status = 1
    try:
        while True:
            data = _read(tasks)
            if data is None:
                break
            _write(answers, marshal.dumps(work(marshal.loads(data))))
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
