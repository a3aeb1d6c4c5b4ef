"""Formulas of vectors in each engine: a text gives a function of four NumPy vectors by name.

torch and graphcalc take them as torch tensors, which share their memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

Run = Callable[[Mapping[str, Any]], Any]

PRODUCT = "(a+b)*(c*d)"
BELL = "exp(-((a+b)*(c*d))**2/2)*0.398 + sin(a)"
# Their names in tables.
SHORT = {PRODUCT: PRODUCT, BELL: "exp(…)*0.398 + sin(a)"}
# The same with the statistics of every operation.
LOOKED = {
    PRODUCT: "look(look(a+b)*look(c*d))",
    BELL: "look(look(look(exp(look(look(-look(look(look(a+b)*look(c*d))**2))/2)))*0.398)"
    " + look(sin(a)))",
}


def with_graphcalc(text: str) -> Run:
    """Return a prepared program that records its results alone."""
    from benchmarks.own import compile_results

    program = compile_results(f"g = {text}")
    return lambda vectors: program(vectors)["g"]


def with_graphcalc_trace(text: str) -> Run:
    """Return a prepared program that records every node."""
    import graphcalc as gc

    program = gc.compile(f"g = {text}")

    def run(vectors: Mapping[str, Any]) -> Any:
        result = program(vectors)
        for record in result.trace:
            assert record.summary is not None
        return result["g"]

    return run


def with_numexpr(text: str) -> Run:
    """Return numexpr's function; fractions are passed as float32, to get a float32 result."""
    import numexpr
    import numpy as np

    text, fraction = text.replace("0.398", "k"), np.float32(0.398)

    def run(vectors: Mapping[str, Any]) -> Any:
        found = numexpr.evaluate(text, {**vectors, "k": fraction})
        assert found.dtype == np.float32
        return found

    return run


def with_numpy(text: str) -> Run:
    """Return NumPy's function, which makes a vector for every operation."""
    import numpy as np

    return _as_function(text, {"exp": np.exp, "sin": np.sin})


def with_torch(text: str) -> Run:
    """Return torch's function, which makes a tensor for every operation."""
    import torch

    return _as_function(text, {"exp": torch.exp, "sin": torch.sin})


def with_torch_compile(text: str) -> Run:
    """Return the same function through torch.compile, without caches of earlier runs."""
    import torch
    from torch._inductor import config

    config.force_disable_caches = True
    # Processes that wait for code to compile would take time from the engines.
    config.compile_threads = 1
    torch._dynamo.reset()
    warnings.filterwarnings("ignore", "dynamo_pgo force disabled")
    function = torch.compile(_function(text, {"exp": torch.exp, "sin": torch.sin}))
    return lambda vectors: function(*vectors.values())


def with_torch_statistics(text: str) -> Run:
    """Return torch's function with min, mean, max and NaN count of inputs and operations."""
    import torch

    def look(value: Any) -> Any:
        for statistic in (torch.min, torch.mean, torch.max, lambda v: torch.isnan(v).sum()):
            statistic(value).item()
        return value

    function = _function(LOOKED[text], {"exp": torch.exp, "sin": torch.sin, "look": look})
    return lambda vectors: function(*map(look, vectors.values()))


def _as_function(text: str, names: dict[str, Any]) -> Run:
    function = _function(text, names)
    return lambda vectors: function(*vectors.values())


def _function(text: str, names: dict[str, Any]) -> Callable[..., Any]:
    return eval(f"lambda a, b, c, d: {text}", names)  # type: ignore[no-any-return]


ENGINES: dict[str, Callable[[str], Run]] = {
    "graphcalc": with_graphcalc,
    "graphcalc, every node": with_graphcalc_trace,
    "numexpr": with_numexpr,
    "NumPy": with_numpy,
    "torch": with_torch,
    "torch.compile": with_torch_compile,
    "torch, statistics by hand": with_torch_statistics,
}


def draw_vectors(length: int, engine: str) -> dict[str, Any]:
    """Return four vectors between -2 and 2 as the engine takes them, and free everything else."""
    import numpy as np

    generator = np.random.default_rng(0)
    vectors: dict[str, Any] = {}
    for name in "abcd":
        vectors[name] = vector = np.empty(length, np.float32)
        for start in range(0, length, 65_536):
            piece = vector[start : start + 65_536]
            generator.random(out=piece, dtype=np.float32)
            piece *= 4
            piece -= 2
    return as_taken(vectors, engine)


def as_taken(vectors: dict[str, Any], engine: str) -> dict[str, Any]:
    """Return the same memory as torch tensors, for graphcalc and torch."""
    if not engine.startswith(("graphcalc", "torch")):
        return vectors
    import torch

    return {name: torch.from_numpy(vector) for name, vector in vectors.items()}
