"""Files through whole processes: formulas of the columns of a CSV table, and of arrays."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness import MEGABYTES, SECONDS, Engine, Missing, Ready, Work
from benchmarks.processes import find_graphcalc, find_tool, whole_process

UNITS = (SECONDS, MEGABYTES)
KINDS = {
    "with polars": ("graphcalc", "polars", "DuckDB"),
    "without polars": ("graphcalc alone", "Miller", "mawk"),
}
# One row of so many is compared.
STEP = 1009
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


def works(quick: bool, folder: Path) -> list[Work]:
    """Compare both formulas with polars and without, and one of arrays in files."""
    rows = 200_000 if quick else 2_000_000
    found = []
    for formula in (PRODUCT, TEN):
        for kind, names in KINDS.items():
            own, *peers = (table_engine(name, formula, folder, rows) for name in names)
            name = f"{formula.name} of {rows:,} rows, {kind}"
            # mawk writes six digits.
            work = Work("tables", name, own, peers, UNITS, tolerance=1e-5, rounds=2 if quick else 5)
            found.append(work)
    return [*found, arrays(folder, 2_000_000 if quick else 25_000_000)]


def table_engine(name: str, formula: Formula, folder: Path, rows: int) -> Engine:
    """Return an engine that appends the formula to the table."""

    def prepare() -> Ready:
        table = folder / "t.csv"
        if not table.exists():
            write_table(table, rows)
        return whole_process(COMMANDS[name](formula, str(table)), folder, read_column)

    return Engine(name, prepare)


def write_table(path: Path, rows: int) -> None:
    """Write four columns of decimals."""
    draw = random.Random(0).random
    with path.open("w") as file:
        file.write("a,b,c,d\n")
        for _ in range(rows):
            a, b, c, d = draw() * 10, draw() * 10 - 5, draw(), draw() * 100
            file.write(f"{a:.4f},{b:.4f},{c:.6f},{d:.2f}\n")


def read_column(out: Path) -> list[float]:
    """Return the last cell of every `STEP`-th row."""
    with out.open() as file:
        cells = [line.rsplit(",", 1)[1] for line in islice(file, 1, None, STEP)]
    return [float(cell) for cell in cells]


def with_graphcalc(formula: Formula, table: str) -> list[str]:
    """Return the command of an installed graphcalc, with polars."""
    return [find_graphcalc(), formula.graphcalc, "--rows", table]


def without_extras(formula: Formula, table: str) -> list[str]:
    """graphcalc where neither polars nor NumPy is installed."""
    return [sys.executable, "-c", WITHOUT, formula.graphcalc, "--rows", table]


def with_polars(formula: Formula, table: str) -> list[str]:
    """A lazy frame from file to file."""
    _require("polars")
    given = "a, b, c, d = map(pl.col, 'abcd')"
    lazy = f"pl.scan_csv('{table}').with_columns(g={formula.polars}).sink_csv('/dev/stdout')"
    return [sys.executable, "-c", f"import polars as pl; {given}; {lazy}"]


def with_duckdb(formula: Formula, table: str) -> list[str]:
    """DuckDB: COPY of a query."""
    _require("duckdb")
    sql = f"copy (select *, {formula.sql} as g from '{table}') to '/dev/stdout' (header)"
    # Its progress bar would come among the rows.
    run = f'import duckdb; duckdb.sql("set enable_progress_bar = false"); duckdb.sql("{sql}")'
    return [sys.executable, "-c", run]


def with_miller(formula: Formula, table: str) -> list[str]:
    """Miller's put."""
    return [find_tool("mlr"), "--icsv", "--ocsv", "put", formula.miller, table]


def with_mawk(formula: Formula, table: str) -> list[str]:
    """awk's rows and numbered columns."""
    program = f'NR==1{{print $0",g";next}}{{print $0","{formula.awk}}}'
    return [find_tool("mawk"), "-F,", program, table]


COMMANDS: dict[str, Callable[[Formula, str], list[str]]] = {
    "graphcalc": with_graphcalc,
    "graphcalc alone": without_extras,
    "polars": with_polars,
    "DuckDB": with_duckdb,
    "Miller": with_miller,
    "mawk": with_mawk,
}


def _require(module: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise Missing(f"{module} is not installed")


def arrays(folder: Path, length: int) -> Work:
    """A formula of four arrays in files, tile by tile, beside NumPy over mapped files."""
    saved = folder / "g.npy"

    def make() -> dict[str, Path]:
        import numpy as np

        files = {name: folder / f"{name}.npy" for name in "abcd"}
        for seed, file in enumerate(files.values()):
            if not file.exists():
                np.save(file, np.random.default_rng(seed).normal(size=length))
        return files

    def read(_: Path) -> Any:
        import numpy as np

        return np.load(saved, mmap_mode="r")[:: max(1, length // 1000)]

    def own() -> Ready:
        given = [f"{name}=@{file}" for name, file in make().items()]
        command = [find_graphcalc(), PRODUCT.graphcalc, *given, "--save", f"g={saved}"]
        return whole_process(command, folder, read)

    def with_numpy() -> Ready:
        files = make().items()
        mapped = "; ".join(f"{name} = np.load('{file}', mmap_mode='r')" for name, file in files)
        code = f"import numpy as np; {mapped}; np.save('{saved}', {PRODUCT.polars})"
        return whole_process([sys.executable, "-c", code], folder, read)

    return Work(
        "tables",
        f"{PRODUCT.name} of .npy files of {length * 8 // 10**6} MB",
        Engine("graphcalc", own),
        [Engine("NumPy, mapped files", with_numpy)],
        UNITS,
        rounds=2 if length < 10**7 else 5,
    )
