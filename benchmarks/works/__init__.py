"""All works, a module for each kind: its `works(quick, folder)` lists what is compared.

`folder` is for files, and is gone after the run; `quick` asks for less of the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import Work
from benchmarks.works import examples, memory, pictures, rows, scalars, start, tables, tensors, text

SUITES: dict[str, Callable[[bool, Path], list[Work]]] = {
    "start": start.works,
    "text": text.works,
    "scalars": scalars.works,
    "rows": rows.works,
    "tables": tables.works,
    "tensors": tensors.works,
    "memory": memory.works,
    "pictures": pictures.works,
    "examples": examples.works,
}
