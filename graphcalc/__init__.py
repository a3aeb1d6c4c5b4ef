"""graphcalc: an expression evaluator that shows every number on the way.

>>> import graphcalc as gc
>>> r = gc.run("g = (a+b)*(c*d)", a=2, b=-4, c=-2, d=2)
>>> r["g"]
8.0
"""

from __future__ import annotations

# No module is imported here: `python -m graphcalc` has the current folder in its path until
# graphcalc.__main__ takes it out.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

_ERRORS = (
    "BackendError BindingError CallError DataError DeviceError Diagnostic DtypeError "
    "EvaluationError GraphcalcError IndexRangeError InternalError Label LimitError "
    "MissingNodeError OutputError ParseError ProgramError ShapeError UnknownNameError UsageError"
).split()
_CALLS = "Compiled check check_grad compile minimize parse run".split()
_HOMES = {
    **dict.fromkeys(_CALLS, "graphcalc.api"),
    **dict.fromkeys(("Minimized", "Result"), "graphcalc.results"),
    **dict.fromkeys(_ERRORS, "graphcalc.diagnostics"),
    **dict.fromkeys(("Record", "Trace"), "graphcalc.trace"),
    "Picture": "graphcalc.drawing.pictures",
    "Plan": "graphcalc.analysis.plan",
    "Checked": "graphcalc.analysis.gradcheck",
}

__all__ = sorted((*_HOMES, "__version__"))


def __getattr__(name: str) -> Any:
    # Names are found when they are used: the command line needs only some of them.
    if name not in _HOMES:
        raise AttributeError(f"module 'graphcalc' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
