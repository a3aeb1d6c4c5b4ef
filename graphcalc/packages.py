"""Optional packages: imported where they are needed, and what to say where that fails."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from graphcalc.diagnostics import BackendError, Label, brief, missing_package

# Why a package that is installed does not import; a second try would fail in other words.
_broken: dict[str, str] = {}


def is_installed(name: str) -> bool:
    """Return whether a package is installed, without importing it."""
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
    if name not in _broken:
        try:
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
