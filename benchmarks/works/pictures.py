"""Pictures of graphs, beside Graphviz's dot from its wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import graphcalc as gc
from benchmarks.harness import Engine, Ready, Work, timed
from benchmarks.processes import find_graphcalc, whole_process

LESSON = ("g = (a+b)*(c*d)", "a=2", "b=-4", "c=-2", "d=2")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# A block of a transformer as a function of its input and its weights.
BLOCK = (
    "block(x, wq, wk, wv, wo, w1, w2, g, b) = "
    "(x + attend(layer_norm(x, [8], g, b), wq, wk, wv, n=4) @ wo) "
    "+ gelu(layer_norm(x, [8], g, b) @ w1) @ w2\n"
)
WEIGHTS = {"wq": (8, 8), "wk": (8, 8), "wv": (8, 8), "wo": (8, 8), "w1": (8, 32), "w2": (32, 8)}


def works(quick: bool, folder: Path) -> list[Work]:
    """The lesson as a whole process, one block of a transformer, and thirty, folded and not."""
    rounds = 3 if quick else 9
    blocks = [("a transformer block", 1, 1_000)]
    if not quick:
        blocks += [("30 blocks, folded", 30, None), ("30 blocks, unfolded", 30, 1_000)]
    return [
        _whole(folder, rounds),
        *(_drawn(name, _plan(count), depth, rounds) for name, count, depth in blocks),
    ]


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
