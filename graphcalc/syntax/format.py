"""Syntax back to text: what is printed parses to the same tree."""

from __future__ import annotations

from graphcalc.syntax.expr import (
    Attribute,
    Binary,
    Boolean,
    Call,
    Clause,
    Comparison,
    Comprehension,
    Conditional,
    EllipsisLiteral,
    Expr,
    FunctionParameter,
    Index,
    Keyword,
    Lambda,
    Name,
    NoneLiteral,
    Number,
    Slice,
    Starred,
    SyntaxNode,
    Tensor,
    Text,
    Tuple,
    Unary,
    postorder,
)

INFIX = {
    "logical_or": ("or", 1),
    "logical_and": ("and", 2),
    "bitwise_or": ("|", 5),
    "bitwise_and": ("&", 6),
    "add": ("+", 7),
    "sub": ("-", 7),
    "mul": ("*", 8),
    "div": ("/", 8),
    "floor_divide": ("//", 8),
    "remainder": ("%", 8),
    "matmul": ("@", 8),
    "pow": ("^", 10),
}
PREFIX = {"logical_not": ("not ", 3), "neg": ("-", 9), "pos": ("+", 9), "bitwise_not": ("~", 9)}
COMPARE = {
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
    "in": "in",
    "not_in": "not in",
    "is": "is",
    "is_not": "is not",
}
_CONDITIONAL, _COMPARISON, _SIGN, _POSTFIX = 0, 4, 9, 11


def format_number(value: float) -> str:
    """The shortest text that reads back as the same number, whole numbers without `.0`."""
    if value == value and abs(value) < 1e16 and value == int(value):
        return "-0" if value == 0 and str(value)[0] == "-" else str(int(value))
    return repr(value)


def format_expression(root: Expr) -> str:
    """The text of an expression, with no more parentheses than needed.

    Pieces are joined once at the end, so time and memory grow with the text alone.
    """
    pieces: list[str] = []
    # The stack holds text to emit, or a node with the least binding strength it needs.
    stack: list[str | tuple[Expr, int]] = [(root, 0)]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        node, need = item
        parts, strength = _parts(node)
        if strength < need:
            parts = ["(", *parts, ")"]
        stack.extend(reversed(parts))
    return "".join(pieces)


def _parts(node: Expr) -> tuple[list[str | tuple[Expr, int]], int]:
    """What to emit for a node, and how strongly the result binds."""
    match node:
        case Number():
            text = format_number(node.value)
            text += ".0" * (node.has_point and text.lstrip("-").isdigit())
            return [text], _POSTFIX + 1 if node.value >= 0 else _SIGN
        case Boolean():
            return ["true" if node.value else "false"], _POSTFIX
        case NoneLiteral():
            return ["None"], _POSTFIX
        case Text():
            quote = "'" if '"' in node.value else '"'
            return [f"{quote}{node.value}{quote}"], _POSTFIX
        case EllipsisLiteral():
            return ["..."], _POSTFIX
        case Name():
            return [node.name], _POSTFIX
        case Unary():
            symbol, level = PREFIX[node.op]
            return [symbol, (node.operand, level)], level
        case Binary(op="pow"):
            return [(node.left, _POSTFIX), "^", (node.right, _SIGN)], INFIX["pow"][1]
        case Binary():
            symbol, level = INFIX[node.op]
            return [(node.left, level), f" {symbol} ", (node.right, level + 1)], level
        case Comparison():
            parts: list[str | tuple[Expr, int]] = [(node.operands[0], _COMPARISON + 1)]
            for op, operand in zip(node.ops, node.operands[1:]):
                parts += [f" {COMPARE[op]} ", (operand, _COMPARISON + 1)]
            return parts, _COMPARISON
        case Conditional():
            return [(node.value, 1), " if ", (node.condition, 1), " else ", (node.other, 0)], 0
        case Attribute():
            # `2.T` would read as the number `2.`: a number is not a postfix operand here.
            base: list[str | tuple[Expr, int]] = [(node.value, _POSTFIX)]
            if type(node.value) is Number:
                base = ["(", (node.value, 0), ")"]
            return [*base, ".", node.name], _POSTFIX
        case Keyword():
            return [node.name, "=", (node.value, 0)], _POSTFIX
        case Call():
            return [(node.function, _POSTFIX), "(", *_commas(node.arguments), ")"], _POSTFIX
        case Slice():
            parts = [(node.lower, 0)] if node.lower else []
            parts += [":", *([(node.upper, 0)] if node.upper else [])]
            parts += [":", (node.step, 0)] if node.step else []
            return parts, _POSTFIX
        case Index():
            return [(node.value, _POSTFIX), "[", *_commas(node.items), "]"], _POSTFIX
        case Tensor():
            return ["[", *_commas(node.items), "]"], _POSTFIX
        case Tuple():
            last = [","] if len(node.items) == 1 else []
            return ["(", *_commas(node.items), *last, ")"], _POSTFIX
        case Starred():
            return ["*", (node.value, 5)], _POSTFIX
        case Lambda():
            parameters = [part for p in node.parameters for part in (", ", *_parameter(p))]
            return ["lambda ", *parameters[1:], ": ", (node.body, 0)], 0
        case Clause():
            conditions = [part for c in node.conditions for part in (" if ", (c, 1))]
            return [" for ", (node.target, 0), " in ", (node.iterable, 1), *conditions], 0
        case Comprehension():
            return ["[", (node.element, 0), *((c, 0) for c in node.clauses), "]"], _POSTFIX
    raise TypeError(type(node))


def _parameter(parameter: FunctionParameter) -> list[str | tuple[Expr, int]]:
    default = parameter.default
    return [parameter.name, *(() if default is None else ("=", (default, 0)))]


def _commas(items: tuple[Expr, ...]) -> list[str | tuple[Expr, int]]:
    parts: list[str | tuple[Expr, int]] = []
    for item in items:
        parts += [", ", (item, 0)]
    return parts[1:]


SyntaxNode.formatter = staticmethod(format_expression)

__all__ = ["format_expression", "format_number", "postorder"]
