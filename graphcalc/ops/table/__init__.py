"""The op table: every operation of the language, one row each."""

from __future__ import annotations

import math

from graphcalc.ops.spec import Op
from graphcalc.ops.table.casts import CASTS
from graphcalc.ops.table.counting import COUNTING
from graphcalc.ops.table.elementary import ELEMENTARY
from graphcalc.ops.table.elementwise import ELEMENTWISE
from graphcalc.ops.table.indexing import INDEXING
from graphcalc.ops.table.making import LEAVES, MAKING
from graphcalc.ops.table.moves import MOVES
from graphcalc.ops.table.networks import NETWORKS
from graphcalc.ops.table.operators import OPERATORS
from graphcalc.ops.table.products import PRODUCTS
from graphcalc.ops.table.reductions import REDUCTIONS
from graphcalc.ops.table.sorting import SORTING

_ROWS = (
    *(*OPERATORS, *ELEMENTARY, *ELEMENTWISE, *COUNTING, *REDUCTIONS, *PRODUCTS),
    *(*SORTING, *MOVES, *INDEXING, *CASTS, *MAKING, *NETWORKS, *LEAVES),
)
OPS: dict[str, Op] = {op.name: op for op in _ROWS}

# Rows that no call reaches.
INTERNAL = frozenset(op.name for op in _ROWS if op.access != "call")

# What a dot reaches without a call.
ATTRIBUTES: dict[str, tuple[Op, tuple[int, ...]]] = {
    "T": (OPS["T"], ()),
    "mT": (OPS["transpose"], (-2, -1)),
    "H": (OPS["T"], ()),
    "mH": (OPS["transpose"], (-2, -1)),
}

FUNCTIONS: dict[str, Op] = {
    name: op for op in OPS.values() if op.name not in INTERNAL for name in (op.name, *op.aliases)
}

CONSTANTS = {"pi": math.pi, "tau": math.tau, "inf": math.inf, "nan": math.nan}
# `e` is a name that people use; only `math.e` can mean nothing else.
DOTTED = {**CONSTANTS, "e": math.e}
