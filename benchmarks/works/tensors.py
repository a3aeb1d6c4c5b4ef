"""Formulas of four float32 vectors in memory; each engine allocates its result."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.formulas import BELL, ENGINES, PRODUCT, SHORT, as_taken, draw_vectors
from benchmarks.harness import Engine, Ready, Work, timed

TARGETS = {
    PRODUCT: {"numexpr": {"s": 0.9}, "torch": {"s": 0.35}},
    BELL: {"numexpr": {"s": 0.5}, "torch": {"s": 0.35}},
}


def works(quick: bool, folder: Path) -> list[Work]:
    """Results alone beside the peers, and every node's statistics beside results alone."""
    length = 1_000_000 if quick else 10_000_000
    vectors: dict[str, Any] = {}

    def engine(name: str, text: str, **targets: float) -> Engine:
        def prepare() -> Ready:
            if not vectors:
                vectors.update(draw_vectors(length, "NumPy"))
            return with_vectors(name, text, as_taken(vectors, name))

        return Engine(name, prepare, targets)

    def alone(text: str) -> Engine:
        ready = engine("graphcalc", text).prepare
        return Engine("graphcalc, results alone", ready, {"s": 2.0})

    found = []
    for text in (PRODUCT, BELL):
        names = ("numexpr", "torch", "torch.compile", "NumPy")
        peers = [engine(name, text, **TARGETS[text].get(name, {})) for name in names]
        looked = [alone(text), engine("torch, statistics by hand", text)]
        full = engine("graphcalc, every node", text)
        for own, others, kind in (
            (engine("graphcalc", text), peers, "results alone"),
            (full, looked, "every node's statistics"),
        ):
            name = f"{SHORT[text]} of {length:,}, {kind}"
            budget = 2.0 if quick else 12.0
            found.append(Work("tensors", name, own, others, tolerance=1e-5, budget=budget))
    return found


def with_vectors(name: str, text: str, vectors: dict[str, Any]) -> Ready:
    """Return an engine on the vectors; torch.compile compiles now, and the note has its time."""
    import numpy as np

    run = ENGINES[name](text)
    note = ""
    if name == "torch.compile":
        start = time.perf_counter()
        run(vectors)
        note = f"compiled before in {time.perf_counter() - start:.1f} s"
    return timed(lambda: run(vectors), lambda found: np.asarray(found), note)
