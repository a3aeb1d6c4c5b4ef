"""Rows of CSV through whole processes, beside polars, DuckDB, Miller and mawk:
`python benchmarks/rows.py [rows] [--arrays]`.

Needs polars and duckdb beside graphcalc, and `mlr` and `mawk` on the PATH. Two formulas over four
columns are appended to a table, every command in turns in the same run; prints the median time of
each, its ratio to polars and to Miller, and its peak memory. graphcalc runs with polars and without
it. With `--arrays` it also computes a formula of four .npy files of 800 MB, and saves the result.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROUNDS = 5
WITHOUT = (
    "import sys; sys.modules['polars'] = sys.modules['numpy'] = None; "
    "from graphcalc.__main__ import run; run()"
)


class Formula(NamedTuple):
    """One formula as each tool writes it."""

    name: str
    graphcalc: str
    polars: str
    sql: str
    miller: str
    awk: str


PRODUCT = Formula(
    "(a+b)*(c*d)",
    "g = (a+b)*(c*d)",
    "(a+b)*(c*d)",
    "(a+b)*(c*d)",
    "$g=($a+$b)*($c*$d)",
    "($1+$2)*($3*$4)",
)
TEN = Formula(
    "ten functions",
    "g = sin(a)*cos(b) + exp(c) - log(d+1) + sqrt(a) + tan(c) + atan(b)*sin(d) + exp(-c)*cos(a)",
    "a.sin()*b.cos() + c.exp() - (d+1).log() + a.sqrt() + c.tan() + b.arctan()*d.sin()"
    " + (-c).exp()*a.cos()",
    "sin(a)*cos(b) + exp(c) - ln(d+1) + sqrt(a) + tan(c) + atan(b)*sin(d) + exp(-c)*cos(a)",
    "$g=sin($a)*cos($b) + exp($c) - log($d+1) + sqrt($a) + tan($c) + atan($b)*sin($d)"
    " + exp(-$c)*cos($a)",
    "sin($1)*cos($2) + exp($3) - log($4+1) + sqrt($1) + sin($3)/cos($3) + atan2($2,1)*sin($4)"
    " + exp(-$3)*cos($1)",
)


class Done(NamedTuple):
    """What a process took: seconds, and MB at most."""

    seconds: float
    peak: float


def write_table(path: Path, rows: int) -> None:
    """Four columns of decimals."""
    draw = random.Random(0).random
    with path.open("w") as file:
        file.write("a,b,c,d\n")
        for _ in range(rows):
            a, b, c, d = draw() * 10, draw() * 10 - 5, draw(), draw() * 100
            file.write(f"{a:.4f},{b:.4f},{c:.6f},{d:.2f}\n")


def commands(formula: Formula, table: str) -> dict[str, list[str]]:
    """The command of every tool."""
    python = sys.executable
    given = "a, b, c, d = map(pl.col, 'abcd')"
    lazy = f"pl.scan_csv('{table}').with_columns(g={formula.polars}).sink_csv('/dev/stdout')"
    sql = f"copy (select *, {formula.sql} as g from '{table}') to '/dev/stdout' (header)"
    return {
        "polars": [python, "-c", f"import polars as pl; {given}; {lazy}"],
        "graphcalc, polars installed": [
            *(python, "-m", "graphcalc", formula.graphcalc, "--rows", table),
        ],
        "graphcalc alone": [python, "-c", WITHOUT, formula.graphcalc, "--rows", table],
        "Miller": ["mlr", "--icsv", "--ocsv", "put", formula.miller, table],
        "DuckDB": [python, "-c", f'import duckdb; duckdb.sql("{sql}")'],
        "mawk": [
            *("mawk", "-F,", f'NR==1{{print $0",g";next}}{{print $0","{formula.awk}}}', table),
        ],
    }


def run(command: list[str], out: Path) -> Done:
    """Run a process to its end, its output to a file."""
    with out.open("wb") as file:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=file)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return Done(seconds, usage.ru_maxrss / 1024)


def compare(formula: Formula, table: Path) -> None:
    """Time all tools in turns and print what came of it."""
    found = commands(formula, str(table))
    times: dict[str, list[Done]] = {name: [] for name in found}
    for _ in range(ROUNDS):
        for name, command in found.items():
            times[name].append(run(command, table.with_suffix(".out")))
    medians = {name: statistics.median(d.seconds for d in done) for name, done in times.items()}
    print(f"\n{formula.name}: {formula.graphcalc}")
    print(f"{'':30}{'seconds':>9}{'/ polars':>10}{'/ Miller':>10}{'peak MB':>9}")
    for name, median in medians.items():
        ratios = (median / medians["polars"], median / medians["Miller"])
        peak = max(d.peak for d in times[name])
        print(f"{name:30}{median:9.2f}{ratios[0]:10.2f}{ratios[1]:10.2f}{peak:9.0f}")


def compare_arrays(folder: Path) -> None:
    """A formula of four big arrays, tile by tile, beside numpy over mapped files."""
    # In a process of its own: what this one has in memory would count for those that it starts.
    make = (
        "import numpy as np\n"
        "for name in 'abcd':\n"
        f"    np.save(f'{folder}/{{name}}.npy', np.random.default_rng(0).normal(size=100_000_000))"
    )
    subprocess.run([sys.executable, "-c", make], check=True)
    files = [f"{name}=@{folder}/{name}.npy" for name in "abcd"]
    save = f"g={folder}/g.npy"
    mapped = "; ".join(f"{n} = np.load('{folder}/{n}.npy', mmap_mode='r')" for n in "abcd")
    code = f"import numpy as np; {mapped}; np.save('{folder}/h.npy', (a+b)*(c*d))"
    graphcalc = [sys.executable, "-m", "graphcalc", "g = (a+b)*(c*d)", *files, "--save", save]
    print(f"\n{'four arrays of 800 MB':30}{'seconds':>9}{'peak MB':>9}")
    for name, command in (("graphcalc", graphcalc), ("numpy", [sys.executable, "-c", code])):
        done = run(command, folder / "out")
        print(f"{name:30}{done.seconds:9.2f}{done.peak:9.0f}")


def main() -> None:
    """Make the table and compare."""
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    for tool in ("mlr", "mawk"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "t.csv"
        write_table(table, numbers[0] if numbers else 2_000_000)
        for formula in (PRODUCT, TEN):
            compare(formula, table)
        table.unlink()
        table.with_suffix(".out").unlink()
        if "--arrays" in sys.argv:
            compare_arrays(Path(folder))


if __name__ == "__main__":
    main()
