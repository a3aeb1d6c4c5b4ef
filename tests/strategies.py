"""Hypothesis strategies: numbers at the edges, shapes, and whole well-typed programs as text."""

import math
from typing import NamedTuple

from hypothesis import strategies as st

from graphcalc.ops import shapes as rules
from graphcalc.ops.spec import parameters
from graphcalc.ops.table import INTERNAL, OPS

inf, nan = math.inf, math.nan
SPECIAL = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 2.5, 3.0, 7.0, -7.0, 0.1, 1e-8),
    *(inf, -inf, nan, 5e-324, -5e-324, 1e-310, 1e-300, 1e300, 1.7976931348623157e308, 1e16),
)


def special_numbers():
    """Floats, most of them where functions change their mind."""
    return st.one_of(st.sampled_from(SPECIAL), st.floats(-10, 10), st.floats())


def shapes(max_rank=3, max_size=4, min_size=0):
    """Shapes with sizes of 0 and 1 among them."""
    sizes = st.one_of(st.just(1), st.integers(min_size, max_size))
    return st.lists(sizes, max_size=max_rank).map(tuple)


def tensors(shape, numbers):
    """Nested lists of a shape."""
    found = numbers
    for size in reversed(shape):
        found = st.lists(found, min_size=size, max_size=size)
    return found


class Piece(NamedTuple):
    """An expression's text with what is known of its value."""

    text: str
    shape: tuple
    is_bool: bool = False


# Operations whose results have the same bits on every backend.
EXACT_UNARY = sorted(
    op.name
    for op in OPS.values()
    if op.kind == "elementwise"
    and not op.tolerance
    and op.type is not rules.bitwise
    and len(parameters(op)) == 1
    and not op.symbol
    and op.name not in INTERNAL
)
EXACT_BINARY = sorted(
    op.name
    for op in OPS.values()
    if op.kind == "elementwise"
    and not op.tolerance
    and op.type is not rules.bitwise
    and len(parameters(op)) == 2
    and not op.symbol
    # Which zero is the larger one is open, and so is the sign of a nan.
    and op.name not in ("minimum", "maximum", "copysign", "fmin", "fmax")
)
ARITHMETIC = ("+", "-", "*", "/", "//", "%")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def partners(shape):
    """Shapes that broadcast with a shape."""

    def shrink(flags):
        return tuple(1 if flag else size for flag, size in zip(flags, shape))

    flags = st.lists(st.booleans(), min_size=len(shape), max_size=len(shape))
    cut = st.integers(0, len(shape))
    return st.builds(lambda f, c: shrink(f)[c:], flags, cut)


def broadcast(*shapes_):
    """NumPy's rule, on shapes that fit."""
    rank = max(map(len, shapes_))
    padded = [(1,) * (rank - len(s)) + s for s in shapes_]
    return tuple(next((n for n in column if n != 1), 1) for column in zip(*padded))


@st.composite
def programs(draw, max_statements=4, depth=3):
    """A program of well-typed statements with its inputs: (text, inputs).

    Only operations that are exact, so that backends must agree to the last bit.
    """
    inputs = {}
    lines = []
    known = []

    def leaf(shape):
        fitting = [p for p in known if p.shape == shape]
        choice = draw(st.integers(0, 3))
        if fitting and choice < 2:
            return draw(st.sampled_from(fitting))
        if not shape and choice == 2:
            number = draw(st.sampled_from(("0", "1", "2.5", "1e-3", "0.1", "inf", "pi", "3")))
            return Piece(number, ())
        name = f"in{len(inputs)}"
        if 0 in shape:  # nested lists do not say the sizes of an empty tensor
            sizes = ", ".join(map(str, shape))
            lines.append(f"{name} = zeros({sizes})")
            inputs[name] = None
        else:
            inputs[name] = draw(tensors(shape, special_numbers()))
        piece = Piece(name, shape)
        known.append(piece)
        return piece

    def expression(shape, fuel):
        kind = draw(st.integers(0, 11)) if fuel else 0
        if kind in (0, 1):
            return leaf(shape)
        if kind in (2, 3):
            left, right = pair(shape, fuel)
            op = draw(st.sampled_from(ARITHMETIC))
            return Piece(f"({left.text} {op} {right.text})", shape)
        if kind == 4:
            left, right = pair(shape, fuel)
            op = draw(st.sampled_from(COMPARISONS))
            return Piece(f"({left.text} {op} {right.text})", shape, True)
        if kind == 5:
            inner = expression(shape, fuel - 1)
            return Piece(f"{draw(st.sampled_from(EXACT_UNARY))}({inner.text})", shape)
        if kind == 6:
            left, right = pair(shape, fuel)
            return Piece(f"{draw(st.sampled_from(EXACT_BINARY))}({left.text}, {right.text})", shape)
        if kind == 7:
            left, right = pair(shape, fuel)
            condition = expression(draw(partners(shape)), fuel - 1)
            return Piece(f"where({condition.text}, {left.text}, {right.text})", shape)
        if kind == 8:
            inner = expression(shape[::-1], fuel - 1)
            return Piece(f"({inner.text}).T", shape)
        if kind == 9:
            inner = expression((math.prod(shape),), fuel - 1)
            sizes = ", ".join(map(str, shape))
            return Piece(f"reshape({inner.text}, ({sizes}{',' if len(shape) == 1 else ''}))", shape)
        if kind == 10:
            return indexed(shape, fuel)
        if not shape:
            name = draw(st.sampled_from(("logical_and", "logical_or", "logical_xor")))
            left, right = pair(shape, fuel)
            return Piece(f"{name}({left.text}, {right.text})", shape, True)
        if shape[0] == 0:
            return leaf(shape)
        rows = [expression(shape[1:], fuel - 1) for _ in range(shape[0])]
        return Piece(f"[{', '.join(r.text for r in rows)}]", shape)

    def pair(shape, fuel):
        """Two operands that broadcast to exactly a shape."""
        other = draw(partners(shape))
        whole, part = expression(shape, fuel - 1), expression(other, fuel - 1)
        return (whole, part) if draw(st.booleans()) else (part, whole)

    def indexed(shape, fuel):
        """A larger tensor, cut down to a shape."""
        sizes, items = [], []
        for size in shape:
            before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
            total = before + size + after
            sizes.append(total)
            if size and draw(st.booleans()):
                stop = before - 1
                items.append(f"{before + size - 1}:{'' if stop < 0 else stop}:-1")
            else:
                items.append(f"{before}:{before + size}")
        if draw(st.booleans()):
            extra = draw(st.integers(1, 3))
            sizes.insert(0, extra)
            items.insert(0, str(draw(st.integers(-extra, extra - 1))))
        inner = expression(tuple(sizes), fuel - 1)
        if not items:
            return inner
        return Piece(f"({inner.text})[{', '.join(items)}]", shape)

    for number in range(draw(st.integers(1, max_statements))):
        shape = draw(shapes())
        piece = expression(shape, depth)
        name = f"v{number}"
        lines.append(f"{name} = {piece.text}")
        known.append(Piece(name, shape, piece.is_bool))
    return "\n".join(lines), {name: value for name, value in inputs.items() if value is not None}


# Functions that are smooth on all numbers, so that gradients are the same to the last digits.
SMOOTH_UNARY = (
    *("sin({})", "cos({})", "tanh({})", "sigmoid({})", "atan({})", "asinh({})", "softplus({})"),
    *("exp(-{}^2)", "log1p({}^2)", "sqrt(1 + {}^2)", "{}^3", "-{}", "erf({})", "gelu({})"),
)
SMOOTH_BINARY = ("({} + {})", "({} - {})", "({} * {})", "({} / (2 + {}^2))", "hypot({}, 1 + {}^2)")
KINKED = ("relu({})", "abs({})", "maximum({}, 0.25)", "where({0} > 0.5, {0}, 2 * {0})")


@st.composite
def smooth_programs(draw, max_statements=4):
    """A program that ends in a number `loss_`, of operations that have derivatives.

    Sums, broadcasts, products of matrices, indices and shapes among them; inputs keep away from
    the kinks of the few functions that have some.
    """
    numbers = st.floats(-2, 2).map(lambda x: round(x, 3) + 0.0137)
    inputs, lines, known = {}, [], []
    for place in range(draw(st.integers(1, 3))):
        shape = draw(st.sampled_from(((), (3,), (2, 3), (2, 1))))
        inputs[f"in{place}"] = draw(tensors(shape, numbers))
        known.append(Piece(f"in{place}", shape))

    def fitting(shape):
        rest = [p for p in known if _fits(p.shape, shape)]
        return draw(st.sampled_from(rest))

    for place in range(draw(st.integers(1, max_statements))):
        first = draw(st.sampled_from(known))
        kind = draw(st.integers(0, 7))
        if kind <= 2:
            text = draw(st.sampled_from((*SMOOTH_UNARY, *KINKED))).format(first.text)
            shape = first.shape
        elif kind <= 5 or not first.shape:
            other = fitting(first.shape)
            text = draw(st.sampled_from(SMOOTH_BINARY)).format(first.text, other.text)
            shape = broadcast(first.shape, other.shape)
        else:
            text, shape = draw(st.sampled_from(_shapers(first)))
        name = f"v{place}"
        lines.append(f"{name} = {text}")
        known.append(Piece(name, shape))
    lines.append("loss_ = " + " + ".join(f"sum({p.text} * 0.5)" for p in known))
    return "\n".join(lines), inputs


def _fits(one, other):
    return all(1 in (m, n) or m == n for m, n in zip(reversed(one), reversed(other)))


def _shapers(piece):
    """What else a tensor can become."""
    text, shape = piece.text, piece.shape
    found = [
        (f"sum({text}, dim=-1)", shape[:-1]),
        (f"mean({text}, dim=0, keepdim=true)", (1, *shape[1:])),
        (f"softmax({text}, dim=-1)", shape),
        (f"cumsum({text}, dim=0)", shape),
        (f"{text}[0]", shape[1:]),
        (f"{text}[..., [0, 0]]", (*shape[:-1], 2)),
        (f"flip({text}, 0)", shape),
        (f"cat([{text}, {text} * 2])", (2 * shape[0], *shape[1:])),
        (f"logsumexp({text}, dim=-1)", shape[:-1]),
    ]
    if len(shape) == 2:
        found += [(f"{text} @ {text}.T", (shape[0], shape[0])), (f"{text}.T", shape[::-1])]
    return found
