"""Calls of graphcalc."""

from __future__ import annotations

from typing import Any

import graphcalc as gc


def compile_results(text: str, **options: Any) -> gc.Compiled:
    """Return a prepared program that records its results alone."""
    return gc.compile(text, trace="results", **options)
