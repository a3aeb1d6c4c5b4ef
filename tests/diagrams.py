"""Diagrams for tests: boxes without a program behind them."""

import random

from graphcalc.drawing.diagram import Arrow, Box, Diagram
from graphcalc.drawing.node_texts import BoxLine


def make_box(key, *texts, role="operation", **changes):
    """A box whose first line is its name; the others are values."""
    lines = tuple(BoxLine(text, "name" if i == 0 else "value") for i, text in enumerate(texts))
    empty = {
        "is_folded": False,
        "born": (),
        "carried": (),
        "shade": None,
        "positions": (),
        "ends": (),
    }
    return Box(key, role, lines, ", ".join(texts), **{**empty, **changes})


def make_diagram(boxes, arrows=()):
    return Diagram("The graph of x", list(boxes), list(arrows), ("1 node",))


def chain(edges, label=""):
    """So many arrows from box to box."""
    boxes = [make_box(f"n{i}", f"x{i}") for i in range(edges + 1)]
    return make_diagram(boxes, [Arrow(i, i + 1, label) for i in range(edges)])


def random_diagram(seed, *, most=40, labels=0.5):
    """Boxes of any size with up to four operands each, and labels on a part of the arrows."""
    draw = random.Random(seed)
    boxes, arrows = [], []
    for number in range(draw.randint(1, most)):
        texts = ["x" * draw.randint(1, draw.choice([3, 16])) for _ in range(draw.randint(1, 4))]
        role = draw.choice(["input", "operation", "result"])
        boxes.append(make_box(f"n{number}", f"#{number}", *texts, role=role))
        is_source = number == 0 or draw.random() < 0.25
        for _ in range(0 if is_source else draw.choice([1, 2, 2, 2, 3, 4])):
            first = max(0, number - draw.choice([3, 8, number]))
            label = f"L{len(arrows)}" if draw.random() < labels else ""
            arrows.append(Arrow(draw.randrange(first, number), number, label))
    return make_diagram(boxes, arrows)
