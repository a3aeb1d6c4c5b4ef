"""The choice of the backend that runs a graph."""

from __future__ import annotations

import re

from graphcalc.backends.base import Program, Settings
from graphcalc.diagnostics import BackendError, UsageError, brief
from graphcalc.graph.ir import Graph, Node, text_of
from graphcalc.graph.passes import work
from graphcalc.graph.verify import first_of_kind
from graphcalc.ops.words import DTYPES as DTYPE_NAMES

# Scalar operations from which torch's speed pays for its import.
SMALL_WORK = 2_000_000

BACKENDS = ("auto", "python", "torch")
DTYPES = ("float64", "float32", "float16", "bfloat16")
NARROW = frozenset(DTYPES[1:])
# The dtypes of a run by their names.
FLOAT_NAMES = {name: dtype for name, dtype in DTYPE_NAMES.items() if dtype in DTYPES}


def check(settings: Settings) -> Settings:
    """Return settings that exist and go together; raise UsageError for others."""
    if settings.backend not in BACKENDS:
        raise UsageError(
            "backend", f"`{brief(settings.backend)}` is not a backend; choose {', '.join(BACKENDS)}"
        )
    settings = settings._replace(dtype=FLOAT_NAMES.get(settings.dtype or "", settings.dtype))
    if settings.dtype is not None and settings.dtype not in DTYPES:
        raise UsageError(
            "dtype", f"`{brief(settings.dtype)}` is not a dtype; choose {', '.join(DTYPES)}"
        )
    device = settings.device
    if device is not None and not re.fullmatch(r"cpu|mps|cuda(:[0-9]{1,20})?", device):
        raise UsageError(
            "device", f"`{brief(device)}` is not a device; choose cpu, cuda, cuda:N or mps"
        )
    if settings.backend == "python":
        if settings.device not in (None, "cpu"):
            raise UsageError("device", f"--device {settings.device} needs --backend torch")
        if settings.dtype not in (None, "float64"):
            raise UsageError("dtype", f"--dtype {settings.dtype} needs --backend torch")
        if settings.is_compiled:
            raise UsageError("option", "--compile needs --backend torch")
    if settings.device == "mps" and settings.dtype == "float64":
        raise UsageError("dtype", "device mps has no float64; choose --dtype float32")
    return settings


def run_dtype(settings: Settings) -> str:
    """Return the dtype of numbers that have no dtype of their own."""
    return settings.dtype or ("float32" if settings.device == "mps" else "float64")


def choose(graph: Graph, settings: Settings) -> str:
    """Return the backend that runs a graph: `python` or `torch`.

    `auto` takes Python where the work is small, and torch where the work, a dtype, a device or
    a torch input needs it. Without torch, big work runs on Python too.
    """
    if settings.backend != "auto":
        return settings.backend
    if settings.device is not None or settings.is_compiled or needs_torch(graph):
        return "torch"
    if work(graph) <= SMALL_WORK + 8 * len(graph):
        return "python"
    from graphcalc.packages import is_usable

    return "torch" if is_usable("torch") else "python"


def needs_torch(graph: Graph) -> bool:
    """Return whether a node has a dtype or a function that only torch computes."""
    firsts = [graph.nodes[first] for first in set(first_of_kind(graph))]
    return narrow_node(graph) is not None or not all(n.op.has_python for n in firsts)


def narrow_node(graph: Graph) -> Node | None:
    """Return the first node of a dtype that only torch computes with, or None."""
    found = (graph.nodes[first] for first in sorted(set(first_of_kind(graph))))
    return next((node for node in found if node.type.dtype in NARROW), None)


def torch_functions(graph: Graph) -> list[str]:
    """Return the functions of a graph that only torch computes."""
    return sorted({node.op.name.removeprefix("grad ") for node in graph if not node.op.has_python})


def has_torch() -> bool:
    """Return whether torch is installed, without importing it."""
    from graphcalc.packages import is_installed

    return is_installed("torch")


def is_slow(graph: Graph, program: Program) -> bool:
    """Return whether a graph runs for seconds in Python because torch is not installed."""
    return program.backend == "python" and work(graph) > 10 * SMALL_WORK and not has_torch()


def compile_graph(
    graph: Graph,
    settings: Settings,
    kept: frozenset[int],
    in_parts: frozenset[str] = frozenset(),
) -> Program:
    """Return a graph as a program of the backend that fits.

    Inputs named `in_parts` are arrays in files, which a backend may read tile by tile. Raises
    BackendError where the backend is not available.
    """
    if choose(graph, settings) == "python":
        from graphcalc.backends.python import PythonProgram

        lacking = torch_functions(graph)
        if lacking:
            listed = ", ".join(f"`{name}`" for name in lacking)
            raise BackendError(
                "backend", f"the Python backend lacks {listed}", help="leave out --backend python"
            )
        node = narrow_node(graph)
        if node is not None:
            what = f"{text_of(node)} is {node.type.dtype}, which only torch computes with"
            raise BackendError("backend", f"{what}: use --backend torch")
        return PythonProgram(graph, kept)
    if not has_torch():
        node = narrow_node(graph)
        why = f"{text_of(node)} is {node.type.dtype}, which" if node is not None else "this"
        why = f"--dtype {settings.dtype}" if settings.dtype in NARROW else why
        raise BackendError(
            "torch-missing",
            f"{why} needs torch, which is not installed",
            help="install it with: pip install 'graphcalc[torch]'",
        )
    from graphcalc.packages import load_package

    load_package("torch", "this needs", None)
    if settings.is_compiled:
        from graphcalc.backends.torch.compiled import CompiledProgram

        return CompiledProgram(graph, settings, kept)
    from graphcalc.backends.torch import TorchProgram

    return TorchProgram(graph, settings, kept, in_parts)
