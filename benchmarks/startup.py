"""Whole-process time of small runs, beside a calculator: `python benchmarks/startup.py`.

Needs hyperfine and qalc (Debian packages of those names), and graphcalc installed beside the
Python that runs this. Prints medians in milliseconds and ratios to qalc.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile

FORMULA = ["g = (a+b)*(c*d)", "a=2", "b=-4", "c=-2", "d=2"]


def main() -> None:
    """Time the commands in one hyperfine run and print the table."""
    python = sys.executable
    graphcalc = os.path.join(os.path.dirname(python), "graphcalc")
    commands = {
        "qalc": ["qalc", "(2+-4)*(-2*2)"],
        "graphcalc, table": [graphcalc, *FORMULA],
        "graphcalc -q": [graphcalc, "-q", *FORMULA],
        "graphcalc --color always": [graphcalc, "--color", "always", *FORMULA],
        "python": [python, "-c", "pass"],
        "python, import typer": [python, "-c", "import typer"],
        "python, import the pipeline": [
            python,
            "-c",
            "import graphcalc.evaluate, graphcalc.backends.python, graphcalc.report.table",
        ],
        "python, import lark": [python, "-c", "import lark"],
        "python, import rich.table": [python, "-c", "import rich.console, rich.table"],
    }
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        arguments = ["hyperfine", "-N", "--warmup", "5", "--runs", "40", "--export-json", report]
        for command in commands.values():
            arguments.append(shlex.join(command))
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        with open(report, encoding="utf-8") as file:
            results = json.load(file)["results"]
    base = results[0]["median"]
    for name, result in zip(commands, results):
        median, spread = result["median"] * 1e3, result["stddev"] * 1e3
        print(f"{name:30} {median:7.1f} ms ± {spread:5.1f}   {result['median'] / base:5.2f} x qalc")


if __name__ == "__main__":
    main()
