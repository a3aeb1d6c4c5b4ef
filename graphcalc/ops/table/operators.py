"""Rows of the operations that have a symbol of their own, and of `where`."""

from __future__ import annotations

import operator

from graphcalc.ops import causes
from graphcalc.ops.kernels import numeric
from graphcalc.ops.kernels import torch as torch_kernels
from graphcalc.ops.shapes import arithmetic, bitwise, predicate, select
from graphcalc.ops.spec import NONE, ZERO, Elements, IdentityRule, Op, Operands, PythonKernel, Type


def _by_one(types: Operands, out: Type, numbers: Elements) -> int | None:
    """x / 1 and x ^ 1 are x."""
    return 0 if numbers[1] == 1 else None


def _one_factor(types: Operands, out: Type, numbers: Elements) -> int | None:
    """1 * x and x * 1 are x."""
    return 0 if numbers[1] == 1 else 1 if numbers[0] == 1 else None


def _chosen(types: Operands, out: Type, numbers: Elements) -> int | None:
    """With a condition that is written, where is what it chooses."""
    return None if numbers[0] is None else 1 if numbers[0] else 2


def _decided(decides: bool) -> IdentityRule:
    """`false and x` is false, `true or x` is true, and with the other one x alone is left."""

    def neutral(types: Operands, out: Type, numbers: Elements) -> int | None:
        for place, number in enumerate(numbers):
            if number is not None:
                return place if bool(number) == decides else 1 - place
        return None

    return neutral


def _compare(
    name: str, symbol: str, words: str, python: PythonKernel, example: tuple[str, str]
) -> Op:
    doc = f"Whether x is {words} y: x {symbol} y."
    return Op(
        name,
        "x, y",
        doc,
        predicate,
        python,
        symbol=symbol,
        casting="common",
        examples=(example,),
        vjp=(NONE, NONE),
    )


OPERATORS = (
    Op(
        "add",
        "x, y",
        "The sum: x + y.",
        arithmetic,
        operator.add,
        symbol="+",
        examples=(("1 + 2", "3"), ("[1, 2] + 1", "[2, 3]")),
        causes=causes.ADD,
        vjp=("g", "g"),
    ),
    Op(
        "sub",
        "x, y",
        "The difference: x - y.",
        arithmetic,
        operator.sub,
        symbol="-",
        aliases=("subtract",),
        examples=(("1 - 3", "-2"),),
        causes=causes.SUB,
        vjp=("g", "-g"),
    ),
    Op(
        "mul",
        "x, y",
        "The product: x * y.",
        arithmetic,
        operator.mul,
        symbol="*",
        aliases=("multiply",),
        examples=(("2 * 3", "6"),),
        identity_operand=_one_factor,
        causes=causes.MUL,
        vjp=("g * y", "g * x"),
    ),
    Op(
        "div",
        "x, y",
        "The quotient: x / y; a zero divisor gives inf or nan.",
        arithmetic,
        numeric.div,
        symbol="/",
        aliases=("divide", "true_divide"),
        examples=(("1 / 4", "0.25"), ("1 / 0", "inf")),
        identity_operand=_by_one,
        causes=causes.DIV,
        pole="{0} / ({1} + 1e-12)",
        vjp=("g / y", "-(g * out / y)"),
    ),
    Op(
        "floor_divide",
        "x, y",
        "The quotient rounded down: floor(x / y), as Python's //.",
        arithmetic,
        numeric.floor_divide,
        symbol="//",
        examples=(("7 // 2", "3"), ("-7 // 2", "-4")),
        causes=causes.DIV,
        vjp=(ZERO, ZERO),
    ),
    Op(
        "remainder",
        "x, y",
        "What the rounded-down quotient leaves: x - y*floor(x / y), with the sign of y.",
        arithmetic,
        numeric.remainder,
        torch_kernels.remainder,
        symbol="%",
        aliases=("mod",),
        examples=(("7 % 3", "1"), ("-7 % 3", "2")),
        causes=causes.REMAINDER,
        vjp=("g", "-(g * floor(x / y))"),
    ),
    Op(
        "pow",
        "x, y",
        "x to the power y; nan for a negative x and a fractional y.",
        arithmetic,
        numeric.pow,
        symbol="^",
        aliases=("power",),
        examples=(("2 ^ 10", "1024"), ("0 ^ 0", "1")),
        identity_operand=_by_one,
        inline_scalars=frozenset({2.0, 3.0}),
        tolerance=2,
        causes=causes.POW,
        pole="({0} + 1e-12)^{1}",
        vjp=(
            "where(y == 0, 0, g * y * x^(y - 1))",
            "where((x == 0) and (y >= 0), 0, g * out * log(x))",
        ),
    ),
    Op(
        "neg",
        "x",
        "The opposite: -x.",
        arithmetic,
        operator.neg,
        symbol="-",
        aliases=("negative",),
        examples=(("-(1 + 2)", "-3"),),
        vjp=("-g",),
    ),
    _compare("lt", "<", "less than", operator.lt, ("1 < 2", "true")),
    _compare("le", "<=", "at most", operator.le, ("2 <= 2", "true")),
    _compare("gt", ">", "greater than", operator.gt, ("1 > 2", "false")),
    _compare("ge", ">=", "at least", operator.ge, ("1 >= 2", "false")),
    _compare("eq", "==", "equal to", operator.eq, ("1 == 1", "true")),
    _compare("ne", "!=", "different from", operator.ne, ("nan != nan", "true")),
    Op(
        "logical_and",
        "x, y",
        "Whether both are not 0: x and y.",
        predicate,
        numeric.logical_and,
        symbol="and",
        casting="own",
        examples=(("1 < 2 and 2 < 3", "true"),),
        identity_operand=_decided(False),
        vjp=(NONE, NONE),
    ),
    Op(
        "logical_or",
        "x, y",
        "Whether either is not 0: x or y.",
        predicate,
        numeric.logical_or,
        symbol="or",
        casting="own",
        examples=(("0 or 2", "true"),),
        identity_operand=_decided(True),
        vjp=(NONE, NONE),
    ),
    Op(
        "logical_xor",
        "x, y",
        "Whether just one is not 0.",
        predicate,
        numeric.logical_xor,
        casting="own",
        examples=(("logical_xor(1, 2)", "false"),),
        vjp=(NONE, NONE),
    ),
    Op(
        "logical_not",
        "x",
        "Whether x is 0: not x.",
        predicate,
        operator.not_,
        symbol="not",
        casting="own",
        examples=(("not 0", "true"),),
        vjp=(NONE,),
    ),
    Op(
        "bitwise_and",
        "x, y",
        "x & y of bool or integers.",
        bitwise,
        operator.and_,
        symbol="&",
        examples=(("(1 < 2) & (2 < 1)", "false"),),
        vjp=(NONE, NONE),
    ),
    Op(
        "bitwise_or",
        "x, y",
        "x | y of bool or integers.",
        bitwise,
        operator.or_,
        symbol="|",
        examples=(("(1 < 2) | (2 < 1)", "true"),),
        vjp=(NONE, NONE),
    ),
    Op(
        "bitwise_not",
        "x",
        "~x of bool or integers.",
        bitwise,
        numeric.bitwise_not,
        symbol="~",
        examples=(("~(1 < 2)", "false"),),
        vjp=(NONE,),
    ),
    Op(
        "where",
        "condition, x, y",
        "x where the condition is not 0, else y: x if condition else y.",
        select,
        numeric.where,
        torch_kernels.where,
        casting="condition",
        examples=(("where([1, 0] > 0, 5, 7)", "[5, 7]"),),
        identity_operand=_chosen,
        vjp=(NONE, "where(condition, g, 0)", "where(condition, 0, g)"),
    ),
)
