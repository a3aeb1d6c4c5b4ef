"""Optional packages: imported where they are needed, quietly, and what to say where that fails."""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock
from contextlib import nullcontext
from typing import Any

from graphcalc.diagnostics import BackendError, Label, brief, missing_package

# Why a package that is installed does not import; a second try would fail in other words.
_broken: dict[str, str] = {}

# Packages whose libraries print when they are loaded: libgomp, for an odd OMP_NUM_THREADS.
_NOISY = frozenset({"torch"})


class Silence:
    """Standard error led nowhere while calls are at work, for what native libraries print."""

    def __init__(self) -> None:
        self._lock, self._count = allocate_lock(), 0
        self._kept: int | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1
            if self._count == 1 and sys.stderr is not None:
                self._kept = os.dup(2)
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, 2)
                os.close(nothing)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._count -= 1
            if not self._count and self._kept is not None:
                os.dup2(self._kept, 2)
                os.close(self._kept)
                self._kept = None


# File descriptor 2 is the process's: calls of several threads share one silence.
SILENCE = Silence()


def is_installed(name: str) -> bool:
    """Return whether a package is installed, without importing it."""
    from importlib.util import find_spec

    try:
        return find_spec(name) is not None
    except ValueError:  # what is imported as None is not installed
        return False


def is_usable(name: str) -> bool:
    """Return whether a package is installed and imports."""
    if not is_installed(name):
        return False
    try:
        load_package(name, "", None)
    except BackendError:
        return False
    return True


def load_package(name: str, what: str, label: Label | None) -> Any:
    """Return a package. Raises BackendError where it is not installed, or does not import.

    `what` names what needs it, with its verb: `".pt files need"`.
    """
    from importlib import import_module

    if name not in _broken:
        try:
            with SILENCE if name in _NOISY else nullcontext():
                return import_module(name)
        except Exception as error:  # of its own modules and of the system's loader
            if isinstance(error, ModuleNotFoundError) and error.name in (name, None):
                raise missing_package(name, what, label) from None
            _broken[name] = brief(str(error) or type(error).__name__, 160)
    raise BackendError(
        "package-broken",
        f"{what} the package {name}, which does not import: {_broken[name]}",
        () if label is None else (label,),
        help="install it anew, in a version for this machine",
    )
