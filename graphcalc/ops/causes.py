"""Why an operation gives a nan or an infinity: what it met, in words, and what avoids it.

The tests are of single elements; `{0}` and `{1}` in a text are the operands as they are written,
`{op}` is the operation's name, `{symbol}` its operator, `{eps}` a small number of its dtype.
IEEE 754-2019, section 7, lists the invalid operations and the divisions by zero.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isinf
from typing import NamedTuple


class Cause(NamedTuple):
    """One way to a value that is not finite.

    test      whether operands of these values take it
    words     what happened
    instead   an expression that avoids it, empty where there is none
    guarded   the operand that `instead` changes
    """

    test: Callable[..., bool]
    words: str
    instead: str = ""
    guarded: int = 0


def _opposite(x: float, y: float) -> bool:
    return isinf(x) and isinf(y) and x != y


def _same(x: float, y: float) -> bool:
    return isinf(x) and x == y


def _always(*values: float) -> bool:
    return True


# A number that is small beside 1, and not lost when it is added to 1.
EPS = {"float64": "1e-12", "float32": "1e-6", "float16": "0.001", "bfloat16": "0.01"}

OVERFLOW = Cause(_always, "the result is beyond the largest number of its dtype")
ADD = (Cause(_opposite, "inf - inf is nan"), OVERFLOW)
SUB = (Cause(_same, "inf - inf is nan"), OVERFLOW)
MUL = (Cause(lambda x, y: x == 0 or y == 0, "0 * inf is nan"), OVERFLOW)
DIV = (
    Cause(
        lambda x, y: x == 0 and y == 0,
        "0 / 0 is nan",
        "where({1} == 0, 0, {0} {symbol} where({1} == 0, 1, {1}))",
        1,
    ),
    Cause(lambda x, y: isinf(x) and isinf(y), "inf / inf is nan"),
    Cause(lambda x, y: y == 0, "a division by 0", "{0} {symbol} ({1} + {eps})", 1),
    OVERFLOW,
)
REMAINDER = (Cause(lambda x, y: y == 0, "a remainder of a division by 0"),)
POW = (
    Cause(
        lambda x, y: x < 0 and abs(y - 1 / 3) < 1e-3,  # bfloat16 has 0.334
        "a negative number to a power that is not whole is nan; the real cube root is cbrt({0})",
        "cbrt({0})",
    ),
    Cause(
        lambda x, y: x < 0 and y != y // 1,
        "a negative number to a power that is not whole is nan",
        "abs({0})^{1}",
    ),
    Cause(lambda x, y: x == 0 and y < 0, "0 to a negative power is inf", "({0} + {eps})^{1}"),
    OVERFLOW,
)
SQRT = (Cause(lambda x: x < 0, "the square root of a negative number", "{op}(clamp({0}, 0))"),)
EXP = (Cause(lambda x: x < inf, "exp overflows: its argument is too large"),)
LOG = (
    Cause(lambda x: x == 0, "the logarithm of 0", "{op}(clamp({0}, {eps}))"),
    Cause(lambda x: x < 0, "the logarithm of a negative number", "{op}(clamp({0}, {eps}))"),
)
LOG1P = (
    Cause(lambda x: x == -1, "the logarithm of 0", "{op}(clamp({0}, -1 + {eps}))"),
    Cause(lambda x: x < -1, "the logarithm of a negative number", "{op}(clamp({0}, -1 + {eps}))"),
)
ARC = (
    Cause(lambda x: abs(x) > 1, "the argument is outside of -1 to 1", "{op}(clamp({0}, -1, 1))"),
)
ATANH = (
    Cause(
        lambda x: abs(x) == 1, "a pole, at 1 and at -1", "{op}(clamp({0}, -1 + {eps}, 1 - {eps}))"
    ),
    *ARC,
)
ACOSH = (Cause(lambda x: x < 1, "the argument is below 1", "{op}(clamp({0}, 1))"),)
GAMMA = (
    Cause(lambda x: x <= 0 and x == x // 1, "a pole, at 0 and the negative whole numbers"),
    OVERFLOW,
)
CAST = (OVERFLOW,)
PERIODIC = (Cause(isinf, "an angle that is infinite"),)
SUM = (Cause(_always, "inf - inf in the sum, or a sum beyond the largest number"),)
MEAN = (Cause(_always, "a mean of nothing, inf - inf, or a sum beyond the largest number"),)
PRODUCTS = (Cause(_always, "0 * inf or inf - inf, or a sum beyond the largest number"),)
