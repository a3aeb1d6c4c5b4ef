"""polars as tables use it: imported with care for Ctrl-C, and called so that damage is an error."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from threading import Thread
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

_T = TypeVar("_T")


def import_polars() -> ModuleType:
    """Return polars. Raises ImportError where it is not installed.

    On import polars takes Ctrl-C for itself, and forgets one that comes between its queries. Where
    Ctrl-C was left to end the process, it ends it again afterwards; one that comes during the
    import waits.
    """
    is_left = signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    if "polars" in sys.modules or not is_left or not hasattr(signal, "pthread_sigmask"):
        import polars

        return polars
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        import polars
    finally:
        with contextlib.suppress(ValueError):  # not the main thread: its signals are not ours
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return polars


def has_polars() -> bool:
    """Return whether polars is installed, without importing it."""
    from importlib.util import find_spec

    try:
        return find_spec("polars") is not None
    except ValueError:  # what is imported as None is not installed
        return False


class ReadError(Exception):
    """polars could not read a file: an error, a panic, or an abort."""


class AbortGuard:
    """Calls of native code whose abort becomes an exception.

    polars takes the sizes in a Parquet page's header for true; where there is no memory for them,
    Rust calls abort(), which no `except` sees. Here the call runs in a thread of its own, and a
    handler of SIGABRT, which runs in the thread that aborts, answers for it and keeps that thread
    from returning. A call costs 0.1 ms; reading a file in a second process first costs 200 ms
    and twice the work, and looking at all page headers refused valid files.
    """

    def __init__(self) -> None:
        self._waiting: set[Future[Any]] = set()
        self._has_aborted = False
        self._handler: object = None

    def call(self, read: Callable[[], _T]) -> _T:
        """Return what a function returns, or raise what it raises.

        Raises ReadError where it aborts, and from then on: what was at work then is lost.
        """
        if self._has_aborted:
            raise ReadError
        if os.name != "posix":
            return read()
        from concurrent.futures import Future

        self._install()
        answer: Future[_T] = Future()
        self._waiting.add(answer)

        def work() -> None:
            try:
                answer.set_result(read())
            except BaseException as error:
                answer.set_exception(error)

        Thread(target=work, daemon=True).start()
        try:
            return answer.result()
        finally:
            self._waiting.discard(answer)

    def _install(self) -> None:
        """Take SIGABRT in C: a handler that Python runs later comes too late for abort()."""
        if self._handler is not None:
            return
        import ctypes

        signature = ctypes.CFUNCTYPE(None, ctypes.c_int)
        handler = signature(self._abort)
        libc = ctypes.CDLL(None)
        libc.signal.argtypes, libc.signal.restype = (ctypes.c_int, signature), ctypes.c_void_p
        libc.signal(int(signal.SIGABRT), handler)
        self._handler = handler  # has to live as long as the process

    def _abort(self, number: int) -> None:
        """Fail the calls at work, and never return: abort() would end the process then."""
        if not self._waiting:
            return  # the abort is not that of a call of ours
        self._has_aborted = True
        for answer in self._waiting:
            answer.set_exception(ReadError())
        while True:
            time.sleep(3600)


# SIGABRT is the process's, and so is its handler.
_GUARD = AbortGuard()


def read_safely(read: Callable[[], _T]) -> _T:
    """Return what a function that calls polars returns, or raise ReadError.

    An error of the system stays an OSError, as does a wish to end: KeyboardInterrupt, SystemExit.
    """
    try:
        with _silenced():
            return _GUARD.call(read)
    except OSError as error:
        if error.strerror:
            raise
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # a panic of Rust is no Exception
        pass
    raise ReadError


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Standard error led nowhere meanwhile: a panic of Rust prints a trace there."""
    kept = os.dup(2) if sys.stderr is not None else None
    try:
        if kept is not None:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 2)
            os.close(nothing)
        yield
    finally:
        if kept is not None:
            os.dup2(kept, 2)
            os.close(kept)
