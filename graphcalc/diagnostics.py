"""Errors, and the diagnostics that they carry.

    GraphcalcError                 exit
    ├── EvaluationError             1   a non-finite result under --strict
    ├── UsageError                  2   options and arguments
    │   ├── MissingNodeError        2   a name that a run has no value of
    │   └── BindingError            2   a name bound twice, unknown, unused or missing
    ├── ProgramError                3   the program cannot mean anything
    │   ├── ParseError                  syntax
    │   ├── UnknownNameError            a function or an attribute that does not exist
    │   ├── CallError                   arity, keywords, static arguments, recursion
    │   ├── ShapeError                  shapes and dimensions
    │   ├── IndexRangeError             indices outside their dimension
    │   └── DtypeError                  an operator on a dtype that it does not take
    ├── DataError                   4   files and values from outside
    ├── LimitError                  5   size, memory, nodes
    ├── OutputError                 6   a result could not be written
    ├── BackendError                7   a backend or an optional package is missing
    │   └── DeviceError             7   torch does not see the device
    └── InternalError              70   a defect of graphcalc itself

Library code raises these with a `Diagnostic`; only `report` prints them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import wraps
from typing import NamedTuple, ParamSpec, TypeVar

from graphcalc.displays import text_of
from graphcalc.source import Source, Span

# Packages whose frames are between a notebook's cell and an error.
_NOT_THE_USERS = ("graphcalc", "IPython", "ipykernel")


class Label(NamedTuple):
    """A span of a source, with a text about it."""

    source: Source
    span: Span
    text: str = ""


class Diagnostic(NamedTuple):
    """One message about what is wrong: at the first label, with other labels that it refers to.

    `code` is stable, for programs that read errors; `message` is a plain clause with the user's
    names in backquotes; `note` explains it, `help` says what to write instead.
    """

    code: str
    kind: str
    message: str
    labels: tuple[Label, ...] = ()
    note: str = ""
    help: str = ""


class GraphcalcError(Exception):
    """A failure with its explanation in `diagnostic`; the base class of all of them."""

    kind = "error"
    exit_status = 70

    def __init__(
        self,
        code: str,
        message: str,
        labels: tuple[Label, ...] = (),
        note: str = "",
        help: str = "",
    ) -> None:
        self.diagnostic = Diagnostic(code, self.kind, message, labels, note, help)
        super().__init__(message)

    def __str__(self) -> str:
        d = self.diagnostic
        where = ""
        if d.labels:
            line, column = d.labels[0].source.location(d.labels[0].span.start)
            where = f"{d.labels[0].source.name}:{line}:{column}: "
        return where + "; ".join(part for part in (d.message, d.note, d.help) if part)

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows in place of a traceback: the diagnostic, and the callers."""
        return [*(text_of(self) or str(self)).splitlines(), *_callers(self)]


class EvaluationError(GraphcalcError):
    """The program ran, and its result is not acceptable."""

    kind = "evaluation"
    exit_status = 1


class UsageError(GraphcalcError):
    """Options or arguments, of the command line or of a call, that cannot be met."""

    kind = "usage"
    exit_status = 2


class MissingNodeError(UsageError, KeyError):
    """A name that a run has no value or no gradient of."""

    kind = "usage"


class BindingError(UsageError):
    """Names or values bound to a program that do not fit it."""

    kind = "binding"


class ProgramError(GraphcalcError):
    """An error in the program itself."""

    kind = "program"
    exit_status = 3


class ParseError(ProgramError):
    """A text that is not a program."""

    kind = "syntax"


class UnknownNameError(ProgramError):
    """A function or attribute that does not exist."""

    kind = "name"


class CallError(ProgramError):
    """A call with the wrong arguments."""

    kind = "call"


class ShapeError(ProgramError):
    """Operands whose shapes do not fit together."""

    kind = "shape"


class IndexRangeError(ProgramError):
    """An index outside its dimension, or of the wrong kind."""

    kind = "index"


class ValueRangeError(ProgramError):
    """A value outside of those that a function takes."""

    kind = "value"


class DtypeError(ProgramError):
    """An operator or function on a dtype that it does not take."""

    kind = "dtype"


class DataError(GraphcalcError):
    """Data from outside that cannot be read or does not fit."""

    kind = "data"
    exit_status = 4


class LimitError(GraphcalcError):
    """A size, a number of nodes or an amount of memory above its limit."""

    kind = "limit"
    exit_status = 5


class OutputError(GraphcalcError):
    """A result that could not be written."""

    kind = "output"
    exit_status = 6


class BackendError(GraphcalcError):
    """A backend, a device or an optional package that is not available."""

    kind = "backend"
    exit_status = 7


class DeviceError(BackendError):
    """A device that torch does not see."""

    kind = "device"


class InternalError(GraphcalcError):
    """A defect of graphcalc."""

    kind = "internal"
    exit_status = 70


def _callers(error: GraphcalcError) -> list[str]:
    """Return a line that says where the user's code failed; none for a cell of one line."""
    from traceback import walk_tb

    frames = [
        (frame.f_code.co_name, line)
        for frame, line in walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _NOT_THE_USERS
    ]
    if [line for _, line in frames] in ([], [1]):
        return []
    places = [f"line {line}" + f" of {name}" * (name != "<module>") for name, line in frames]
    return [f"  called from {', '.join(places)}"]


_Arguments = ParamSpec("_Arguments")
_Returned = TypeVar("_Returned")


def without_inner_frames(
    function: Callable[_Arguments, _Returned],
) -> Callable[_Arguments, _Returned]:
    """Return a function whose errors have no frames of graphcalc in their tracebacks.

    They stay with GRAPHCALC_DEBUG in the environment.
    """

    @wraps(function)
    def called(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Returned:
        try:
            return function(*arguments, **named)
        except GraphcalcError as error:
            if os.environ.get("GRAPHCALC_DEBUG"):
                raise
            caught = error
        raise caught.with_traceback(None)

    return called


def closest(name: str, candidates: Iterable[str], limit: int = 1) -> list[str]:
    """Return the candidates that a name is a misspelling of, best first.

    They differ from it in case, in `_` and `-`, in one character of five or two of ten, or are cut
    short.
    """
    wanted = _folded(name[:80])
    if not wanted:
        return []
    most = max((len(wanted) + 2) // 5, len(wanted) > 2)
    found = sorted(
        (distance, not folded.startswith(wanted[:3]), candidate)
        for candidate in set(candidates)
        if (distance := _distance(wanted, folded := _folded(candidate), most)) <= most
    )
    return [candidate for *_, candidate in found[:limit]]


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _distance(a: str, b: str, most: int) -> float:
    """Return how many characters to insert, delete, replace or swap make b of a; above `most`, any.

    A word that is the beginning of the other, and half of it, is just near enough.
    """
    short, long = sorted((a, b), key=len)
    if len(long) - len(short) > most:
        is_cut = len(short) > 3 and long.startswith(short) and 2 * len(short) >= len(long)
        return most if is_cut else most + 1
    before, row = [0] * (len(b) + 1), list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, before, row = before, row, [i + 1]
        for j, y in enumerate(b):
            best = min(before[j] + (x != y), before[j + 1] + 1, row[j] + 1)
            if i and j and x == b[j - 1] and y == a[i - 1]:
                best = min(best, last[j - 1] + 1)
            row.append(best)
    return row[-1]


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return a hint for a misspelt name, or an empty string."""
    found = closest(name, candidates)
    return f"did you mean `{found[0]}`?" if found else ""


def brief(text: str, limit: int = 60) -> str:
    """Return text for a message on one line, cut after `limit` characters with the length added."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit]}… ({len(line):,} characters)"


# The extras that install packages; others are installed with the extra of data.
_EXTRAS = {"torch": "torch", "resvg_py": "pictures", "pygraphviz": "dot"}


def missing_package(name: str, what: str, label: Label | None) -> BackendError:
    """Return the error for an optional package that is not installed.

    `what` names what needs it, with its verb: `".pt files need"`.
    """
    extra = _EXTRAS.get(name, "data")
    package = name.replace("_", "-")
    return BackendError(
        "package-missing",
        f"{what} the package {package}, which is not installed",
        () if label is None else (label,),
        help=f"install it with: pip install {package}, or all of 'graphcalc[{extra}]'",
    )
