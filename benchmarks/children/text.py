"""Text to results in one engine: `ENGINE FILE`; text and engine are loaded before."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.children.peak import peak_mb, report

# What the first statements read.
INPUTS = {"a": 0.5, "b": -0.25, "c": 0.75, "d": -1.0}
Engine = Callable[[str], Callable[[int], list[float]]]


def with_graphcalc() -> Engine:
    """gc.run on the Python backend."""
    import graphcalc as gc

    # What it imports when it is first needed is no part of the work.
    gc.run("v = sin(a) + b*c - d/2", INPUTS, backend="python")["v"]

    def run(text: str) -> Callable[[int], list[float]]:
        found = gc.run(text, INPUTS, backend="python", max_nodes=100_000_000)
        return lambda count: [found[f"v{i}"] for i in range(count)]

    return run


def with_python() -> Engine:
    """CPython's own compiler and interpreter."""
    from math import cos, sin

    def run(text: str) -> Callable[[int], list[float]]:
        names: dict[str, Any] = {"sin": sin, "cos": cos, **INPUTS}
        exec(compile(text, "<text>", "exec"), names)
        return lambda count: [names[f"v{i}"] for i in range(count)]

    return run


def with_casadi() -> Engine:
    """CasADi: CPython executes the text on symbols, a Function computes all values."""
    import casadi

    def run(text: str) -> Callable[[int], list[float]]:
        inputs = [casadi.SX.sym(name) for name in INPUTS]
        names: dict[str, Any] = {"sin": casadi.sin, "cos": casadi.cos, **dict(zip(INPUTS, inputs))}
        exec(compile(text, "<text>", "exec"), names)
        values = casadi.vertcat(*(v for k, v in names.items() if k[0] == "v"))
        found = casadi.Function("f", inputs, [values])(*INPUTS.values())
        return lambda count: [float(v) for v in found.full().ravel()[:count]]

    return run


def with_sympy() -> Engine:
    """sympy: each statement parsed, all of them made one function by lambdify."""
    import sympy
    from sympy.parsing.sympy_parser import parse_expr

    def run(text: str) -> Callable[[int], list[float]]:
        symbols = {name: sympy.Symbol(name) for name in INPUTS}
        inputs, pairs = list(symbols.values()), []
        for line in text.splitlines():
            name, _, formula = line.partition(" = ")
            value = parse_expr(formula, local_dict=dict(symbols))
            symbols[name] = sympy.Symbol(name)
            pairs.append((symbols[name], value))
        every = [symbol for symbol, _ in pairs]
        function = sympy.lambdify(inputs, every, modules="math", cse=lambda _: (pairs, every))
        found = function(*INPUTS.values())
        return lambda count: [float(v) for v in found[:count]]

    return run


ENGINES = {
    "graphcalc": with_graphcalc,
    "python": with_python,
    "casadi": with_casadi,
    "sympy": with_sympy,
}


def main() -> None:
    """Time one engine; print its first 10,000 values for comparison."""
    engine, path = sys.argv[1:]
    with open(path) as file:
        text = file.read()
    run = ENGINES[engine]()
    begin = time.perf_counter()
    read = run(text)
    seconds = time.perf_counter() - begin
    report(seconds, peak_mb(), read(min(text.count("\n"), 10_000)))


if __name__ == "__main__":
    main()
