"""Rows of the operations that have a symbol of their own, and of `where`."""

from __future__ import annotations

import math
import operator

from graphcalc.ops import causes
from graphcalc.ops.kernels import numeric
from graphcalc.ops.shapes import arithmetic, bitwise, predicate, select
from graphcalc.ops.spec import (
    HALVES,
    NONE,
    ZERO,
    Elements,
    Field,
    Gradient,
    IdentityRule,
    Op,
    Operands,
    Params,
    PythonKernel,
    Type,
    in_halves,
)


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
        for i, number in enumerate(numbers):
            if number is not None:
                return i if bool(number) == decides else 1 - i
        return None

    return neutral


def _compare(
    name: str,
    symbol: str,
    words: str,
    python: PythonKernel,
    example: tuple[str, str],
    **row: Field,
) -> Op:
    doc = f"Whether x is {words} y: x {symbol} y."
    return Op(
        name,
        "x, y",
        doc,
        predicate,
        python,
        symbol=symbol,
        inline=f"({{}} {symbol} {{}})",
        js=f"(x,y)=>x{symbol}y",
        casting="common",
        examples=(example,),
        vjp=(NONE, NONE),
        **row,
    )


_POW = (
    "where(y == 0, 0, g * y * x^(y - 1))",
    "where((x == 0) and (y >= 0), 0, g * out * log(x))",
)


def _div_gradients(operands: Operands, params: Params) -> tuple[Gradient, ...]:
    """The gradients of a quotient; in half precision torch has `2 / y` as 2 times 1 / y."""
    if operands[1].dtype not in HALVES:
        return ("g / y", "-(g * out / y)")
    return ("g / y", "-(g * x) * square(1 / y)" if operands[0].is_number else "-g * (out / y)")


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
        polars="add",
        inline="({} + {})",
        js="(x,y)=>x+y",
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
        polars="sub",
        inline="({} - {})",
        js="(x,y)=>x-y",
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
        polars="mul",
        inline="({} * {})",
        latex=r"\cdot",
        js="(x,y)=>x*y",
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
        pole="{0} / ({1} + {eps})",
        vjp=_div_gradients,
        polars="div",
        raising="({} / {})",
        js="(x,y)=>x/y",
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
        js="FLOOR_DIVIDE",
    ),
    Op(
        "remainder",
        "x, y",
        "The remainder of the quotient rounded down: x - y*floor(x / y), with the sign of y.",
        arithmetic,
        numeric.remainder,
        symbol="%",
        aliases=("mod",),
        examples=(("7 % 3", "1"), ("-7 % 3", "2")),
        causes=causes.REMAINDER,
        vjp=("g", "-(g * (x // y))"),
        latex=r"\bmod",
        js="REMAINDER",
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
        pole="({0} + {eps})^{1}",
        vjp=in_halves(
            (
                "where(y == 0, 0, g * (y * x^(y - 1)))",
                "where((x == 0) and (y >= 0), 0, g * (out * log(x)))",
            ),
            _POW,
        ),
        vjp_of_numbers=lambda numbers: (ZERO, _POW[1]) if numbers[1] == 0 else (),
        polars="pow",
        raising=math.pow,
        js="POW",
    ),
    Op(
        "neg",
        "x",
        "The negative: -x.",
        arithmetic,
        operator.neg,
        symbol="-",
        aliases=("negative",),
        examples=(("-(1 + 2)", "-3"),),
        vjp=("-g",),
        polars="neg",
        inline="(-{})",
        js="x=>-x",
    ),
    _compare(
        "lt",
        "<",
        "less than",
        operator.lt,
        ("1 < 2", "true"),
        aliases=("less",),
        polars="lt",
    ),
    _compare(
        "le",
        "<=",
        "at most",
        operator.le,
        ("2 <= 2", "true"),
        aliases=("less_equal",),
        polars="le",
        latex=r"\le",
    ),
    _compare(
        "gt",
        ">",
        "greater than",
        operator.gt,
        ("1 > 2", "false"),
        aliases=("greater",),
        polars="gt",
    ),
    _compare(
        "ge",
        ">=",
        "at least",
        operator.ge,
        ("1 >= 2", "false"),
        aliases=("greater_equal",),
        polars="ge",
        latex=r"\ge",
    ),
    _compare(
        "eq",
        "==",
        "equal to",
        operator.eq,
        ("1 == 1", "true"),
        polars="eq",
    ),
    _compare(
        "ne",
        "!=",
        "different from",
        operator.ne,
        ("nan != nan", "true"),
        aliases=("not_equal",),
        polars="ne",
        latex=r"\ne",
    ),
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
        polars="logical_and",
        latex=r"\land",
        js="(x,y)=>x!=0&&y!=0",
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
        polars="logical_or",
        latex=r"\lor",
        js="(x,y)=>x!=0||y!=0",
    ),
    Op(
        "logical_xor",
        "x, y",
        "Whether exactly one is not 0.",
        predicate,
        numeric.logical_xor,
        casting="own",
        examples=(("logical_xor(1, 2)", "false"),),
        vjp=(NONE, NONE),
        polars="logical_xor",
        js="(x,y)=>(x!=0)!=(y!=0)",
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
        polars="logical_not",
        inline="(not {})",
        latex=r"\lnot",
        js="x=>x==0",
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
        polars="and_",
        inline="({} & {})",
        latex=r"\mathbin{\&}",
        js="(x,y)=>x&y",
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
        polars="or_",
        inline="({} | {})",
        js="(x,y)=>x|y",
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
        polars="not_",
        latex=r"\sim",
        js="x=>!x",
    ),
    Op(
        "where",
        "condition, x, y",
        "x where the condition is not 0, else y: x if condition else y.",
        select,
        numeric.where,
        casting="condition",
        examples=(("where([1, 0] > 0, 5, 7)", "[5, 7]"),),
        identity_operand=_chosen,
        receiver=1,
        vjp=(NONE, "where(condition, g, 0)", "where(condition, 0, g)"),
        polars="where",
        inline="({1} if {0} else {2})",
        js="(c,x,y)=>c!=0?x:y",
    ),
)
