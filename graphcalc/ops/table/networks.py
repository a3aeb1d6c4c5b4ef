"""Rows of what the layers and losses of networks are made of, for composites alone."""

from __future__ import annotations

from graphcalc.ops import shapes
from graphcalc.ops.kernels import losses
from graphcalc.ops.spec import Op

NETWORKS = (
    Op(
        "pick",
        "x, index: index, ignore: number",
        "The element of x at each target class, 0 where the class is ignored.",
        losses.pick_type,
        losses.pick,
        losses.torch_pick,
        kind="array",
        casting="own",
        examples=(("nll_loss([[-1, -2]], [1])", "2"),),
        vjp=losses.pick_vjp,
        step=("{g} at the target classes, 0 elsewhere",),
        access="internal",
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
