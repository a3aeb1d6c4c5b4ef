"""From text to all results: generated statements, in fresh processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.harness import MEGABYTES, SECONDS, Engine, Ready, Work
from benchmarks.processes import child
from benchmarks.programs import write_statements


def works(quick: bool, folder: Path) -> list[Work]:
    """Beside engines that compile text, and the cost of a statement at several sizes."""
    size = 10_000 if quick else 100_000
    most = 100_000 if quick else 1_000_000
    peers = [
        engine(folder, "CPython, compile and exec", size, size, {SECONDS: 1.0, MEGABYTES: 1.0}),
        engine(folder, "CasADi", size, size, note="CPython executes the text on its symbols"),
        engine(folder, "sympy.lambdify", 1_000, size),
    ]
    flat = [
        engine(folder, "graphcalc", count, most, {SECONDS: 1.2})
        for count in (1_000, 10_000, 100_000)
        if count < most
    ]
    whole = Work(
        "text",
        f"{size:,} statements",
        engine(folder, "graphcalc", size, size),
        peers,
        units=(SECONDS, MEGABYTES),
        rounds=2 if quick else 5,
        budget=30.0,
        warm=False,
    )
    single = Work(
        "text",
        f"{most:,} statements, beside fewer",
        engine(folder, "graphcalc", most, most),
        flat,
        rounds=1 if quick else 3,
        budget=30.0,
        warm=False,
    )
    return [whole, single]


def engine(
    folder: Path,
    name: str,
    count: int,
    whole: int,
    targets: Mapping[str, float] | None = None,
    note: str = "",
) -> Engine:
    """Return an engine on `count` statements, in a process that measures time and memory."""

    def prepare() -> Ready:
        path = folder / f"{count}.txt"
        if not path.exists():
            path.write_text(write_statements(count))
        return child("text", ENGINES[name], str(path))

    if count != whole:
        note = f"scaled from {count:,} statements"
    return Engine(name, prepare, targets or {}, scale=whole / count, note=note)


# The peers' names in the process that runs them.
ENGINES = {
    "graphcalc": "graphcalc",
    "CPython, compile and exec": "python",
    "CasADi": "casadi",
    "sympy.lambdify": "sympy",
}
