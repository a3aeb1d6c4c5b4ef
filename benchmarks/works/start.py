"""The lesson as a whole process, beside a calculator written in C++."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.harness import Engine, Work
from benchmarks.processes import find_graphcalc, find_tool, read_numbers, whole_process

LESSON = ("g = (a+b)*(c*d)", "a=2", "b=-4", "c=-2", "d=2")


def works(quick: bool, folder: Path) -> list[Work]:
    """The table, the bare value, and the table in colours, which Rich draws."""
    rounds = 5 if quick else 31

    def work(name: str, options: list[str], *peers: Engine) -> Work:
        own = Engine(
            "graphcalc",
            lambda: whole_process([find_graphcalc(), *options, *LESSON], folder, _read_result),
        )
        return Work("start", name, own, peers, rounds=rounds, budget=12.0)

    def qalc(note: str = "", **targets: float) -> Engine:
        command = "(2+-4)*(-2*2)"
        return Engine(
            "qalc",
            lambda: whole_process(
                [find_tool("qalc"), command],
                folder,
                lambda out: read_numbers(out.read_text(encoding="utf-8"))[-1],
            ),
            targets,
            note=note,
        )

    bare = Engine(
        "python -c pass",
        lambda: whole_process([sys.executable, "-c", "pass"], folder, lambda _: None),
        note="the interpreter alone",
    )
    return [
        work("the lesson's table", [], qalc("1.0 is the aim", s=1.5), bare),
        work("the lesson, -q", ["-q"], qalc(s=1.2), bare),
        work("the lesson, --color always", ["--color", "always"], qalc()),
    ]


def _read_result(out: Path) -> float:
    """The value of `g`: the last cell of its row in a table, or all that was printed."""
    lines = out.read_text(encoding="utf-8").splitlines()
    cells = [line.strip("│ ").split("│")[-1] for line in lines if "e * f" in line]
    return read_numbers(cells[0] if cells else lines[0])[0]
