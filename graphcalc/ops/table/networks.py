"""Rows of what the layers and losses of networks are made of, for composites alone."""

from __future__ import annotations

from graphcalc.ops import shapes
from graphcalc.ops.kernels import losses
from graphcalc.ops.spec import Op

NETWORKS = (
    Op(
        "pick",
        "x, index: index, ignore: number = -100",
        "The element of x at each class, 0 where that is `ignore`; classes are dimension 1.",
        losses.pick_type,
        losses.pick,
        losses.torch_pick,
        kind="array",
        casting="own",
        examples=(("pick([[5, 6], [7, 8]], [1, 0])", "[6, 7]"), ("pick([5, 6], -100)", "0")),
        vjp=losses.pick_vjp,
        step=("{g} at the classes, 0 elsewhere",),
        differs="torch has it inside of nll_loss alone.",
    ),
    Op(
        "within",
        "x, low: number, high: number = None, why: text = ''",
        "x; an error where an element is below low or above high.",
        shapes.same,
        losses.within,
        losses.torch_within,
        kind="array",
        casting="own",
        text="{0}",
        examples=(("binary_cross_entropy(1, 1)", "0"),),
        vjp=("g",),
        access="internal",
    ),
)
