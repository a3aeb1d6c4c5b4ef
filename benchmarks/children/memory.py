"""The peak memory of a formula of four float32 vectors: `ENGINE FORMULA LENGTH`.

Counted from after the imports and one call on vectors of 100,000, so the inputs are part of it.
"""

from __future__ import annotations

import sys
import time

from benchmarks.children.peak import peak_mb, report, reset_peak, resident_mb
from benchmarks.formulas import ENGINES, draw_vectors


def main() -> None:
    """Run one engine once; print every thousandth number for comparison."""
    engine, formula, length = sys.argv[1], sys.argv[2], int(sys.argv[3])
    run = ENGINES[engine](formula)
    run(draw_vectors(100_000, engine))
    reset_peak()
    before = resident_mb()
    vectors = draw_vectors(length, engine)
    begin = time.perf_counter()
    found = run(vectors)
    seconds = time.perf_counter() - begin
    report(seconds, peak_mb() - before, found[:: max(1, length // 1000)].tolist())


if __name__ == "__main__":
    main()
