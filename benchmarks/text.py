"""Programs as machines write them, from text to every value, beside CPython's own:
`python benchmarks/text.py [statements ...]`.

Each run is a process of its own, in turns; graphcalc runs the text and CPython `exec`s it. Prints
the shortest time of a statement in microseconds, and the most memory that a process took.
"""

from __future__ import annotations

import math
import random
import resource
import subprocess
import sys
import time

SIZES, ROUNDS, LEAVES = (1_000, 10_000, 100_000, 1_000_000), 5, 10
FORMS = ("({} + {}) * 0.5", "{} * {}", "sin({}) - {} / 7", "relu({} - {})")


def program(count: int) -> str:
    """Statements of two names among the 2,000 before them; the first is of all inputs."""
    draw = random.Random(0)
    lines = [f"n{LEAVES} = " + " + ".join(inputs())]
    for place in range(LEAVES + 1, LEAVES + count):
        a, b = (f"n{draw.randrange(max(0, place - 2000), place)}" for _ in range(2))
        lines.append(f"n{place} = {draw.choice(FORMS).format(a, b)}")
    return "\n".join(lines)


def inputs() -> dict[str, float]:
    """The first names."""
    return {f"n{place}": (place + 1) / LEAVES for place in range(LEAVES)}


def with_graphcalc(text: str, names: list[str]) -> float:
    """Run a text and read every name; the last value."""
    import graphcalc as gc

    values = gc.run(text, inputs())
    return [float(values[name]) for name in names][-1]


def with_python(text: str, names: list[str]) -> float:
    """The same by CPython's own compiler and interpreter."""
    namespace = {**inputs(), "sin": math.sin, "relu": lambda x: x if x > 0 else 0.0}
    exec(compile(text, "<program>", "exec"), namespace)
    return [float(namespace[name]) for name in names][-1]


ENGINES = {"CPython": with_python, "graphcalc": with_graphcalc}


def measure(engine: str, count: int) -> None:
    """In a process of its own: print the seconds, the megabytes and the last value."""
    text, names = program(count), [f"n{i}" for i in range(LEAVES, LEAVES + count)]
    ENGINES[engine](program(1), names[:1])
    start = time.perf_counter()
    value = ENGINES[engine](text, names)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(seconds, peak / (2**20 if sys.platform == "darwin" else 2**10), value)


def main() -> None:
    """Time the engines in turns and print the table."""
    sizes = [int(n) for n in sys.argv[1:]] or list(SIZES)
    print(f"{'statements':>12}{'CPython':>14}{'graphcalc':>20}{'time':>10}{'memory':>8}")
    for count in sizes:
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ENGINES}
        values = set()
        for _ in range(ROUNDS if count < 1_000_000 else 1):
            for name, runs in found.items():
                command = [sys.executable, __file__, name, str(count)]
                out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                seconds, megabytes, value = out.split()
                runs.append((float(seconds), float(megabytes)))
                values.add(value)
        assert len(values) == 1, f"the values differ: {values}"
        best = {name: (min(t for t, _ in runs), runs[0][1]) for name, runs in found.items()}
        (t, m), (own, memory) = best["CPython"], best["graphcalc"]
        texts = [f"{s / count * 1e6:.1f} us {b:,.0f} MB" for s, b in ((t, m), (own, memory))]
        print(f"{count:12,}{texts[0]:>18}{texts[1]:>18}{own / t:>8.2f}{memory / m:>8.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ENGINES:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        main()
