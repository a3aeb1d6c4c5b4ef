"""Pictures of graphs, beside Graphviz's dot from its wheel."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any, NamedTuple

import graphcalc as gc
from benchmarks.harness import Engine, Ready, Work, timed
from benchmarks.processes import find_graphcalc, whole_process
from graphcalc.drawing.layout import Extent, lay_out

LESSON = ("g = (a+b)*(c*d)", "a=2", "b=-4", "c=-2", "d=2")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# A block of a transformer as a function of its input and its weights.
BLOCK = (
    "block(x, wq, wk, wv, wo, w1, w2, g, b) = "
    "(x + attend(layer_norm(x, [8], g, b), wq, wk, wv, n=4) @ wo) "
    "+ gelu(layer_norm(x, [8], g, b) @ w1) @ w2\n"
)
WEIGHTS = {"wq": (8, 8), "wk": (8, 8), "wv": (8, 8), "wo": (8, 8), "w1": (8, 32), "w2": (32, 8)}


# Twice the boxes may take so many times as long: time grows as the power 1.5 of their number.
GROWTH = 2**1.5


def works(quick: bool, folder: Path) -> list[Work]:
    """The lesson as a whole process, blocks of a transformer, folded and not, and long edges."""
    rounds = 3 if quick else 9
    blocks = [("a transformer block", 1, 1_000)]
    if not quick:
        blocks += [("30 blocks, folded", 30, None), ("30 blocks, unfolded", 30, 1_000)]
    return [
        _whole(folder, rounds),
        *(_drawn(name, _plan(count), depth, rounds) for name, count, depth in blocks),
        _beside_dot(60 if quick else 200, rounds),
        _growing(
            "boxes with long edges", [_of_long_edges(n) for n in _sizes(quick, 4_800)], rounds
        ),
        _growing("blocks, unfolded", [_of_blocks(n, 1_000) for n in _sizes(quick, 80)], rounds),
        _growing("blocks, folded", [_of_blocks(n, None) for n in _sizes(quick, 80)], rounds),
    ]


def _sizes(quick: bool, largest: int) -> list[int]:
    return [largest // 8, largest // 4] if quick else [largest // 4, largest // 2, largest]


def _whole(folder: Path, rounds: int) -> Work:
    path = folder / "lesson.svg"

    def run(*options: str) -> Any:
        command = [find_graphcalc(), *LESSON, *options]
        return whole_process(command, folder, lambda _: 1.0)

    own = Engine("graphcalc", lambda: run("--grad", "g", "--graph", str(path)))
    table = Engine("table alone", lambda: run("--grad", "g"), note="the same run without --graph")
    return Work("pictures", "the lesson's picture, whole command", own, [table], rounds=rounds)


def _plan(count: int) -> Any:
    """Return the plan of so many blocks one after another, which share their weights."""
    declared = "; ".join(f"{name}: [{a}, {b}]" for name, (a, b) in WEIGHTS.items())
    calls = "\n".join(f"x{i + 1} = block(x{i}, {', '.join(WEIGHTS)}, g, b)" for i in range(count))
    library = (EXAMPLES / "layers.gc").read_text(encoding="utf-8")
    return gc.check(f"{library}\n{BLOCK}x0: [2, 3, 8]; g: [8]; b: [8]; {declared}\n{calls}")


def _drawn(name: str, plan: Any, depth: int | None, rounds: int) -> Work:
    """Return the work of drawing a plan as SVG: layout and text, without the run."""
    size = len(plan.graph(depth=depth).diagram.boxes)
    own = Engine(
        "graphcalc",
        lambda: timed(lambda: plan.graph(depth=depth).svg, lambda svg: svg.count('role="img"') - 1),
    )
    peers = [Engine("dot", lambda: _by_dot(plan, depth), note="pygraphviz")] if size < 1_000 else []
    return Work("pictures", f"{name}, {size:,} boxes", own, peers, rounds=rounds)


def _by_dot(plan: Any, depth: int | None) -> Ready:
    import pygraphviz

    def draw() -> bytes:
        diagram = plan.graph(depth=depth).diagram
        drawn = pygraphviz.AGraph(directed=True, strict=False)
        for number, box in enumerate(diagram.boxes):
            drawn.add_node(number, label="\n".join(line.text for line in box.lines), shape="box")
        for arrow in diagram.arrows:
            drawn.add_edge(arrow.upper, arrow.lower)
        return bytes(drawn.draw(format="svg", prog="dot"))

    return timed(draw, lambda svg: svg.count(b'class="node"'))


class Drawn(NamedTuple):
    """A number of boxes, or of nodes where they are folded, and what lays them out."""

    nodes: int
    lay_out: Callable[[], Any]


def _of_long_edges(count: int) -> Drawn:
    """Return a graph whose every box reads one of the last three and one of all before it."""
    edges = _long_edges(count)
    sizes, labels = [Extent(60, 40)] * count, [None] * len(edges)
    return Drawn(count, lambda: lay_out(sizes, edges, labels))


def _long_edges(count: int) -> list[tuple[int, int]]:
    chosen = random.Random(count)
    near = [(max(0, box - chosen.randint(1, 3)), box) for box in range(1, count)]
    return sorted([*near, *((chosen.randrange(box), box) for box in range(1, count))], key=max)


def _of_blocks(count: int, depth: int | None) -> Drawn:
    """Return blocks of a transformer one after another; the time is of folding and layout."""
    plan = _plan(count)
    nodes = len(plan.graph(depth=1_000).diagram.boxes)
    return Drawn(nodes, lambda: plan.graph(depth=depth).scene)


def _growing(name: str, drawn: list[Drawn], rounds: int) -> Work:
    """Return the work of laying out the largest of these graphs, beside one of half its size."""
    half, whole = drawn[-2:]
    own = Engine("graphcalc", lambda: _with_power(drawn))
    peer = Engine(
        f"graphcalc, {half.nodes:,}", lambda: timed(half.lay_out, lambda _: 1.0), {"s": GROWTH}
    )
    return Work("pictures", f"{whole.nodes:,} {name}", own, [peer], rounds=rounds)


def _with_power(drawn: list[Drawn]) -> Ready:
    """Return the engine of the largest graph, with the power of the size that time grows as."""
    points = [(log(graph.nodes), log(_fastest(graph.lay_out))) for graph in drawn]
    x, y = (sum(values) / len(points) for values in zip(*points))
    power = sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)
    note = f"time grows as the power {power:.2f} of {drawn[0].nodes:,} to {drawn[-1].nodes:,}"
    return timed(drawn[-1].lay_out, lambda _: 1.0, note)


def _fastest(run: Callable[[], Any], times: int = 3) -> float:
    """Return the seconds of the fastest of some runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)


def _beside_dot(count: int, rounds: int) -> Work:
    """Return the work of placing boxes with long edges, without any text, beside dot."""
    graph = _of_long_edges(count)
    own = Engine("graphcalc", lambda: timed(graph.lay_out, lambda _: 1.0))
    peer = Engine("dot", lambda: _placed_by_dot(count), note="pygraphviz")
    return Work("pictures", f"{count} boxes with long edges", own, [peer], rounds=rounds)


def _placed_by_dot(count: int) -> Ready:
    import pygraphviz

    def place() -> Any:
        drawn = pygraphviz.AGraph(directed=True, strict=False)
        drawn.add_nodes_from(range(count), shape="box")
        drawn.add_edges_from(_long_edges(count))
        drawn.layout("dot")

    return timed(place, lambda _: 1.0)
