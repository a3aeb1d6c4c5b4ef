"""The peak memory of the formulas of vectors, each in a fresh process, after its imports."""

from __future__ import annotations

from pathlib import Path

from benchmarks.formulas import BELL, PRODUCT, SHORT
from benchmarks.harness import MEGABYTES, Engine, Ready, Sample, Work
from benchmarks.processes import child

ROOM = 64


def works(quick: bool, folder: Path) -> list[Work]:
    """Compare the peak with the size of inputs and result, plus 64 MB."""
    length = 1_000_000 if quick else 10_000_000
    bound = 5 * 4 * length / (1 << 20) + ROOM

    limit = Engine(
        f"inputs + result + {ROOM} MB",
        lambda: Ready(lambda: Sample({MEGABYTES: bound}, lambda: None)),
        {MEGABYTES: 1.0},
    )

    def work(text: str, kind: str, name: str) -> Work:
        def engine(name: str) -> Engine:
            return Engine(name, lambda: child("memory", name, text, str(length)))

        return Work(
            "memory",
            f"{SHORT[text]} of {length:,}, {kind}",
            engine(name),
            [limit, engine("numexpr"), engine("torch"), engine("NumPy")],
            units=(MEGABYTES,),
            tolerance=1e-5,
            rounds=1 if quick else 3,
            warm=False,
        )

    return [
        work(PRODUCT, "results alone", "graphcalc"),
        work(BELL, "results alone", "graphcalc"),
        work(BELL, "every node's statistics", "graphcalc, every node"),
    ]
