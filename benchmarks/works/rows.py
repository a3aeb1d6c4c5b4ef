"""A scalar graph over rows in memory, from columns of inputs to a column of results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import SECONDS, Engine, Ready, Work, timed
from benchmarks.programs import (
    AS_NUMPY,
    Graph,
    compile_function,
    draw_graph,
    write_function,
    write_graphcalc,
)

WIDTH, ROWS = 50, 10_000


def works(quick: bool, folder: Path) -> list[Work]:
    """Compare graphcalc with NumPy's columns, and with evaluators of single rows."""
    graph = draw_graph(200 if quick else 1_000, WIDTH)
    few = 5 if quick else 20

    def by_rows(name: str, make: Callable[[Graph, int], Ready]) -> Engine:
        note = f"scaled from {few} rows"
        return Engine(name, lambda: make(graph, few), {SECONDS: 0.01}, ROWS / few, note)

    peers = [
        Engine("NumPy columns by hand", lambda: with_numpy(graph), {SECONDS: 1.5}),
        by_rows("asteval", with_asteval),
        by_rows("simpleeval", with_simpleeval),
        Engine("asteval, on columns", lambda: with_asteval_columns(graph)),
    ]
    name = f"{2 * len(graph.operations):,} nodes over {ROWS:,} rows"
    own = Engine("graphcalc", lambda: with_graphcalc(graph))
    return [Work("rows", name, own, peers, rounds=9, budget=3.0 if quick else 20.0)]


def draw_columns(graph: Graph) -> dict[str, Any]:
    """Return a column of float64 for every input."""
    import numpy as np

    generator = np.random.default_rng(0)
    return {name: generator.random(ROWS) for name in graph.inputs}


def _rows(graph: Graph, count: int) -> list[dict[str, float]]:
    columns = {name: column.tolist() for name, column in draw_columns(graph).items()}
    return [{name: column[row] for name, column in columns.items()} for row in range(count)]


def with_graphcalc(graph: Graph) -> Ready:
    """A prepared program, called with the columns."""
    import numpy as np

    from benchmarks.own import compile_results

    program, columns = compile_results(write_graphcalc(graph)), draw_columns(graph)
    return timed(lambda: program(columns)["loss"], np.asarray)


def with_numpy(graph: Graph) -> Ready:
    """Straight-line code on columns, each freed after its last use."""
    import numpy as np

    text = write_function(graph, AS_NUMPY, is_freeing=True)
    function, columns = compile_function(text, maximum=np.maximum), draw_columns(graph)
    return timed(lambda: function(**columns), np.asarray)


def with_asteval(graph: Graph, count: int) -> Ready:
    """The program parsed once and run for each row."""
    from asteval import Interpreter

    interpreter = Interpreter(user_symbols={"relu": relu})
    tree = interpreter.parse(write_graphcalc(graph))
    rows = _rows(graph, count)

    def run() -> list[float]:
        results = []
        for row in rows:
            interpreter.symtable.update(row)
            interpreter.run(tree)
            results.append(interpreter.symtable["loss"])
        return results

    return timed(run, list)


def with_asteval_columns(graph: Graph) -> Ready:
    """asteval on NumPy's columns."""
    import numpy as np
    from asteval import Interpreter

    interpreter = Interpreter(user_symbols={"relu": lambda x: np.maximum(x, 0.0)})
    tree = interpreter.parse(write_graphcalc(graph))
    columns = draw_columns(graph)

    def run() -> Any:
        interpreter.symtable.update(columns)
        interpreter.run(tree)
        return interpreter.symtable["loss"]

    return timed(run, np.asarray)


def with_simpleeval(graph: Graph, count: int) -> Ready:
    """Each statement parsed once; its value is bound to a name for the next ones."""
    from simpleeval import SimpleEval

    rows, statements = _rows(graph, count), []
    for line in write_graphcalc(graph).splitlines():
        name, _, formula = line.partition(" = ")
        statements.append((name, formula, SimpleEval.parse(formula)))

    def run() -> list[float]:
        results = []
        for row in rows:
            names = dict(row)
            evaluator = SimpleEval(names=names, functions={"relu": relu})
            for name, formula, tree in statements:
                names[name] = evaluator.eval(formula, previously_parsed=tree)
            results.append(names["loss"])
        return results

    return timed(run, list)


def relu(x: float) -> float:
    """Return the larger of x and 0."""
    return x if x > 0.0 else 0.0
