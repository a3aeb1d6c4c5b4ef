"""The op table: every operation of the language, one row each."""

from __future__ import annotations

import math

from graphcalc.ops.spec import Op
from graphcalc.ops.table_arrays import ARRAYS, LEAVES, MAKING, REDUCTIONS
from graphcalc.ops.table_elementwise import ELEMENTWISE, OPERATORS

OPS: dict[str, Op] = {
    op.name: op for op in (*OPERATORS, *ELEMENTWISE, *REDUCTIONS, *ARRAYS, *MAKING, *LEAVES)
}

# Rows that only the language's syntax reaches.
INTERNAL = frozenset({"const", "input", "alias", "index", "tensor", "T"})

# What a dot reaches without a call.
ATTRIBUTES = {"T": OPS["T"]}

FUNCTIONS: dict[str, Op] = {
    name: op for op in OPS.values() if op.name not in INTERNAL for name in (op.name, *op.aliases)
}

CONSTANTS = {"pi": math.pi, "tau": math.tau, "inf": math.inf, "nan": math.nan}

# What others call a function, and what it is here.
INSTEAD = {
    "ln": "log(x)",
    "average": "mean(x)",
    "factorial": "gamma(n + 1)",
    "print": "a bare name: every node is shown",
}

# What pasted code writes in front of a function, and NumPy's words for torch's keywords.
PREFIXES = frozenset({"torch", "F", "nn", "functional", "math", "np", "numpy"})
KEYWORD_ALIASES = {"axis": "dim", "keepdims": "keepdim"}
