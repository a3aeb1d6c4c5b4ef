"""The limit on what is read from files, checked before it is read."""

from __future__ import annotations

from graphcalc.diagnostics import Label, LimitError
from graphcalc.numbers import show_bytes


def check_memory(name: str, needs: int, limit: int, label: Label | None) -> None:
    """Raise LimitError where `needs` bytes are more than the limit; `name` is what needs them."""
    if needs > limit:
        raise LimitError(
            "memory",
            f"{name} needs {show_bytes(needs)}, and the limit is {show_bytes(limit)}",
            () if label is None else (label,),
            help="raise it with --max-memory",
        )
