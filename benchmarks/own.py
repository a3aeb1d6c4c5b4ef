"""How graphcalc is called."""

from __future__ import annotations

import inspect
from typing import Any

import graphcalc as gc
from benchmarks.harness import Missing


def has_trace() -> bool:
    """Whether this graphcalc can be told to record results alone."""
    return "trace" in inspect.signature(gc.compile).parameters


def compile_results(text: str, **options: Any) -> gc.Compiled:
    """A program that records its results alone, where that can be asked for."""
    return gc.compile(text, **options, **({"trace": "results"} if has_trace() else {}))


def require_trace() -> None:
    """Raises Missing where results alone can not be asked for."""
    if not has_trace():
        raise Missing("this graphcalc records every node always")
