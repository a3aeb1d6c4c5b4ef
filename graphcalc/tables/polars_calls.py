"""polars as tables use it: imported with care for Ctrl-C, and called so that damage is an error."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from graphcalc.diagnostics import BackendError, GraphcalcError
from graphcalc.packages import SILENCE, is_installed, load_package

if TYPE_CHECKING:
    from concurrent.futures import Future

    from graphcalc.diagnostics import Label

_T = TypeVar("_T")


def load_polars(what: str, label: Label | None) -> Any:
    """Return polars. Raises BackendError where it is not installed, or does not import.

    `what` names what needs it. On import polars takes Ctrl-C for itself, and forgets one that
    comes between its queries. Where Ctrl-C was left to end the process, it ends it again
    afterwards; one that comes during the import waits.
    """
    is_left = signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    if "polars" in sys.modules or not is_left or not hasattr(signal, "pthread_sigmask"):
        return load_package("polars", what, label)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        return load_package("polars", what, label)
    finally:
        with contextlib.suppress(ValueError):  # not the main thread: its signals are not ours
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def has_polars() -> bool:
    """Return whether polars is installed, without importing it."""
    return is_installed("polars")


def is_polars_usable() -> bool:
    """Return whether polars is installed and imports."""
    try:
        load_polars("this needs", None)
    except BackendError:
        return False
    return True


class ReadError(Exception):
    """polars failed: an error, a panic, or an abort. The text is its reason, where it gave one."""


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


def call_safely(call: Callable[[], _T]) -> _T:
    """Return what a function that calls polars returns. Raises ReadError where polars fails.

    Errors that are not polars' own stay as they are, as do an OSError and a MemoryError.
    """
    try:
        with SILENCE:
            return _GUARD.call(call)
    except BaseException as error:  # a panic of Rust is no Exception
        if type(error).__module__.partition(".")[0] not in _MODULES:
            raise
        raise ReadError(_reason(error)) from None


def read_safely(read: Callable[[], _T]) -> _T:
    """Return what a function that reads a file returns, or raise ReadError for any failure.

    An error of the system stays an OSError, as does a want of memory.
    """
    try:
        return call_safely(read)
    except OSError as error:
        if error.strerror:
            raise
    except (GraphcalcError, MemoryError, ReadError):
        raise
    except Exception:
        pass
    raise ReadError


# The modules of polars' errors, and of a panic of Rust.
_MODULES = ("polars", "pyo3_runtime")
_PANIC = re.compile(r'JoinError::Panic\([^"]*"((?:[^"\\]|\\.)*)"')


def _reason(error: BaseException) -> str:
    """Return polars' own reason: the first line of its message, or that of the panic in it."""
    text = str(error)
    panic = _PANIC.search(text)
    first = next(iter((panic[1] if panic else text).splitlines()), "")
    return first.partition("\\n")[0].strip()
