"""Two examples as whole processes, beside torch scripts that print the same."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from benchmarks.harness import SECONDS, Engine, Ready, Work
from benchmarks.machine import ROOT
from benchmarks.processes import find_graphcalc, read_output, whole_process

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
SUMMARY = re.compile(r"min (\S+) · mean (\S+) · max (\S+)")
# The inputs of each example, and the node that it is about.
SHAPES = {
    "exercise": ({"x": (1000, 1000), "y": (1000, 1000), "z": (1000, 1000)}, "mean_f"),
    "mlp": ({"x": (64, 784), "w1": (784, 200), "w2": (200, 10)}, "p"),
}


def works(quick: bool, folder: Path) -> list[Work]:
    """Return the work of printing the result, and that of printing every node."""
    return [
        work(name, is_table, folder, 2 if quick else 9)
        for name in SHAPES
        for is_table in (False, True)
    ]


def work(name: str, is_table: bool, folder: Path, rounds: int) -> Work:
    """Return an example with its inputs in files, since scripts draw other random numbers."""
    _, result = SHAPES[name]

    def prepare(is_own: bool) -> Ready:
        files = write_inputs(name, folder)
        if is_own:
            shown = [] if is_table else ["-q", "--show", result]
            bound = [f"{key}=@{file}" for key, file in files.items()]
            program = ROOT / "examples" / f"{name}.gc"
            command = [find_graphcalc(), *shown, "-f", str(program), *bound]
        else:
            table = ["table"] if is_table else []
            script = SCRIPTS / f"torch_{name}.py"
            command = [sys.executable, str(script), *map(str, files.values()), *table]
        return whole_process(command, folder, read_summaries if is_table else read_output)

    return Work(
        "examples",
        f"{name}.gc, {'the table' if is_table else 'the result'}",
        Engine("graphcalc", lambda: prepare(is_own=True)),
        [Engine("torch script", lambda: prepare(is_own=False), {SECONDS: 1.05})],
        tolerance=1e-9,
        rounds=rounds,
        budget=12.0,
    )


def write_inputs(name: str, folder: Path) -> dict[str, Path]:
    """Write an example's inputs to files; return these by name."""
    import numpy as np

    generator, files = np.random.default_rng(0), {}
    for key, shape in SHAPES[name][0].items():
        files[key] = folder / f"{name}-{key}.npy"
        if not files[key].exists():
            np.save(files[key], generator.normal(size=shape) / shape[-1] ** 0.5)
    return files


def read_summaries(out: Path) -> list[float]:
    """Return the min, mean and max of every node of a table that has them."""
    return [float(n) for found in SUMMARY.findall(out.read_text(encoding="utf-8")) for n in found]
