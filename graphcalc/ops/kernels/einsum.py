"""`einsum(equation, …)`: products summed over letters, as torch and NumPy write them.

Each term of an equation gives an operand's dimensions letters; a letter that the output lacks
is summed over. `...` stands for the dimensions that a term does not name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from operator import mul
from typing import NamedTuple

from graphcalc.ops.kernels.arrays import NDArray, fsum, offsets, strides
from graphcalc.ops.shapes import float_dtype
from graphcalc.ops.spec import Operands, Params, Problem, Shape, Static, Tensor, Torch, Type, escape

# The module `string` has them too, and compiles a pattern where it is imported.
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Equations


def split(equation: str, ranks: Sequence[int]) -> tuple[tuple[str, ...], str]:
    """The letters of each operand and of the output, one a dimension.

    `...` becomes fresh letters, aligned right. An output that is not written has the letters
    that occur once, in alphabetical order, after those of `...`.
    """
    terms, output = _parse(equation)
    _check_ranks(terms, ranks)
    unnamed = [rank - _count(term) for term, rank in zip(terms, ranks) if "..." in term]
    dots = fresh("".join(terms) + (output or ""), max(unnamed, default=0))
    spelled = tuple(
        term.replace("...", dots[len(dots) - rank + _count(term) :])
        for term, rank in zip(terms, ranks)
    )
    if output is None:
        named = "".join(terms).replace(".", "")
        return spelled, dots + "".join(sorted(c for c in named if named.count(c) == 1))
    return spelled, output.replace("...", dots)


def fresh(used: str, count: int) -> str:
    """So many letters that are not among the used ones."""
    unused = [letter for letter in _LETTERS if letter not in used]
    if len(unused) < count:
        raise Problem("call", f"the equation needs more than {len(_LETTERS)} letters")
    return "".join(unused[:count])


def _parse(equation: str) -> tuple[list[str], str | None]:
    """The terms as written, without spaces, and the output; None where no `->` is."""
    quoted = f"`{escape(equation)}`"
    inputs, *outputs = equation.replace(" ", "").split("->")
    if len(outputs) > 1:
        raise Problem("call", f"the equation {quoted} has more than one `->`")
    terms = inputs.split(",")
    for term in (*terms, *outputs):
        for character in term.replace("...", "", 1):
            if character not in _LETTERS:
                raise Problem(
                    "call",
                    f"`{escape(character)}` in the equation {quoted} is not a letter",
                    note="a term is letters and at most one `...`",
                )
    for letter in outputs[0].replace(".", "") if outputs else "":
        if outputs[0].count(letter) > 1:
            raise Problem("call", f"letter `{letter}` is twice in the output of {quoted}")
        if letter not in inputs:
            raise Problem("call", f"no operand has letter `{letter}` of the output of {quoted}")
    return terms, outputs[0] if outputs else None


def _check_ranks(terms: list[str], ranks: Sequence[int]) -> None:
    if len(terms) != len(ranks):
        raise Problem(
            "call",
            f"the equation `{','.join(terms)}` has {_several(len(terms), 'term')}, "
            f"but there {'is' if len(ranks) == 1 else 'are'} {_several(len(ranks), 'operand')}",
        )
    for position, (term, rank) in enumerate(zip(terms, ranks)):
        count = _count(term)
        if count != rank and ("..." not in term or rank < count):
            raise Problem(
                "call",
                f"term `{term}` has {_several(count, 'letter')}, "
                f"but {{{position}}} has {_several(rank, 'dimension')}",
            )


def _count(term: str) -> int:
    return len(term.replace("...", ""))


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


# Sizes


def _letter_sizes(equation: str, terms: Sequence[str], shapes: Sequence[Shape]) -> dict[str, int]:
    """The size that each letter runs over; 1 broadcasts between operands, not within one."""
    sizes: dict[str, int] = {}
    origin: dict[str, int] = {}
    for position, (term, shape) in enumerate(zip(terms, shapes)):
        for letter, size in _own_sizes(position, term, shape).items():
            if letter not in sizes or sizes[letter] == 1:
                sizes[letter], origin[letter] = size, position
            elif size != 1 and size != sizes[letter]:
                what = f"letter `{letter}`" if letter in equation else "a dimension of `...`"
                raise Problem(
                    "shape",
                    f"{what} is {sizes[letter]} in {{{origin[letter]}}} "
                    f"but {size} in {{{position}}}",
                )
    return sizes


def _own_sizes(position: int, term: str, shape: Shape) -> dict[str, int]:
    """The size of each letter within one operand."""
    sizes: dict[str, int] = {}
    for letter, size in zip(term, shape):
        if sizes.setdefault(letter, size) != size:
            raise Problem(
                "shape", f"letter `{letter}` is both {sizes[letter]} and {size} in {{{position}}}"
            )
    return sizes


def _read(equation: str, shapes: Sequence[Shape]) -> tuple[tuple[str, ...], str, dict[str, int]]:
    """The letters of each operand, those of the output, and the size of each."""
    if not shapes:
        raise Problem("call", "`einsum` wants at least one operand")
    terms, output = split(equation, [len(shape) for shape in shapes])
    return terms, output, _letter_sizes(equation, terms, shapes)


def einsum_type(dtype: str, operands: Operands, params: Params) -> Type:
    """`einsum(equation, …)`: floating point, the shape of the output's letters."""
    _, output, sizes = _read(params[0], [t.shape for t in operands])
    shape = tuple([sizes[letter] for letter in output])
    return Type(shape, float_dtype(dtype, operands), all([t.weak for t in operands]))


def einsum_cost(operands: Operands, params: Params) -> int:
    """Multiplications and additions when operands are contracted one after another."""
    terms, output, sizes = _read(params[0], [t.shape for t in operands])
    if len(terms) == 1:
        return _volume(terms[0], sizes)
    cost, current = 0, terms[0]
    for position, term in enumerate(terms[1:], 2):
        needed = output + "".join(terms[position:])
        cost = cost + 2 * _volume(current + term, sizes)
        current = "".join([letter for letter in current + term if letter in needed])
    return cost


def _volume(letters: str, sizes: dict[str, int]) -> int:
    count = 1
    for letter in dict.fromkeys(letters):
        count = count * sizes[letter]
    return count


# Gradients


def einsum_vjp(operands: Operands, params: Params) -> tuple[str, ...]:
    """The text of each operand's gradient, itself an einsum.

    In it `g` is the gradient of the output and `x0`, `x1`, … are the operands. Where an operand
    has 1 in a dimension that was broadcast, its gradient may have the full size instead.
    """
    shapes = [t.shape for t in operands]
    terms, output, _ = _read(params[0], shapes)
    return tuple([_gradient(position, terms, output, shapes) for position in range(len(terms))])


def _gradient(position: int, terms: tuple[str, ...], output: str, shapes: Sequence[Shape]) -> str:
    """The text of the gradient of one operand.

    A repeated letter is a diagonal: the later one is renamed and tied to the first by `eye`.
    A letter that nothing else spreads over the operand's size gets that size from `ones`.
    """
    others = [i for i in range(len(terms)) if i != position]
    factors = [(output, "g"), *[(terms[i], f"x{i}") for i in others]]
    own = _own_sizes(position, terms[position], shapes[position])
    spread = set(output)
    for i in others:
        sizes = _own_sizes(i, terms[i], shapes[i])
        spread |= {c for c in own if c in sizes and (own[c] == 1 or own[c] == sizes[c])}
    unused, result = iter(fresh("".join(terms), len(terms[position]) - len(own))), ""
    for dim, letter in enumerate(terms[position]):
        size = f"x{position}.size({dim})"
        name = next(unused) if letter in result else letter
        if name != letter:
            factors.append((letter + name, f"eye({size})"))
        elif letter not in spread and terms[position].count(letter) == 1:
            factors.append((letter, f"ones({size})"))
        result += name
    left = ",".join([term for term, _ in factors])
    return f'einsum("{left}->{result}", {", ".join([text for _, text in factors])})'


# Kernels


class _View(NamedTuple):
    """Elements by letter: how far apart neighbours along each letter lie in a flat list."""

    steps: dict[str, int]
    data: list[float]


def einsum(out: Type, *arguments: Static) -> list[float]:
    """Operands and an equation: contracted from left to right, each letter summed once it can be.

    No later operand and not the output may need a letter that is summed, and so `ij,jk,kl->il`
    is two matrix products.
    """
    operands: tuple[NDArray, ...] = arguments[:-1]
    terms, output, sizes = _read(arguments[-1], [x.shape for x in operands])
    views = [_view(term, x, sizes) for term, x in zip(terms, operands)]
    found = views[0]
    for position, view in enumerate(views[1:], 2):
        needed = set(output).union(*[later.steps for later in views[position:]])
        found = _contract(found, view, needed, sizes)
    found = _summed(found, output, sizes)
    return [found.data[o] for o in _walk(found, output, sizes)]


def _view(term: str, x: NDArray, sizes: dict[str, int]) -> _View:
    """An operand by letter: repeated ones are the diagonal, broadcast ones are left out."""
    steps: dict[str, int] = {}
    for letter, size, step in zip(term, x.shape, strides(x.shape)):
        if size == sizes[letter]:
            steps[letter] = steps.get(letter, 0) + step
    return _View(steps, x.data)


def _walk(view: _View, letters: Iterable[str], sizes: dict[str, int]) -> list[int]:
    """The offsets of a view's elements over some letters in order; 0 where it lacks one."""
    letters = tuple(letters)
    return offsets([sizes[c] for c in letters], [view.steps.get(c, 0) for c in letters])


def _packed(letters: Sequence[str], sizes: dict[str, int], data: list[float]) -> _View:
    """Elements that lie in row-major order of some letters."""
    return _View(dict(zip(letters, strides(tuple([sizes[c] for c in letters])))), data)


def _summed(view: _View, kept: Collection[str], sizes: dict[str, int]) -> _View:
    """A view without the letters that are not kept."""
    gone = [c for c in view.steps if c not in kept]
    if not gone:
        return view
    rest = [c for c in view.steps if c in kept]
    inner = _walk(view, gone, sizes)
    data = [fsum([view.data[o + i] for i in inner]) for o in _walk(view, rest, sizes)]
    return _packed(rest, sizes, data)


def _contract(a: _View, b: _View, needed: set[str], sizes: dict[str, int]) -> _View:
    """The product of two views, summed over the letters that are not needed."""
    a = _summed(a, needed.union(b.steps), sizes)
    b = _summed(b, needed.union(a.steps), sizes)
    batch = [c for c in a.steps if c in b.steps and c in needed]
    inner = [c for c in a.steps if c in b.steps and c not in needed]
    left = [c for c in a.steps if c not in b.steps]
    right = [c for c in b.steps if c not in a.steps]
    letters = batch + left + right
    if not inner:
        pairs = zip(_walk(a, letters, sizes), _walk(b, letters, sizes))
        return _packed(letters, sizes, [a.data[i] * b.data[j] for i, j in pairs])
    a_inner, b_inner = _walk(a, inner, sizes), _walk(b, inner, sizes)
    a_rows, b_rows = _walk(a, left, sizes), _walk(b, right, sizes)
    data: list[float] = []
    for p, q in zip(_walk(a, batch, sizes), _walk(b, batch, sizes)):
        columns = [[b.data[q + o + i] for i in b_inner] for o in b_rows]
        for row in a_rows:
            values = [a.data[p + row + i] for i in a_inner]
            data += [float(sum(map(mul, values, column))) for column in columns]
    return _packed(letters, sizes, data)


def einsum_torch(torch: Torch, *arguments: Static) -> Tensor:
    """torch.einsum, with `...` spelled out."""
    operands = arguments[:-1]
    terms, output = split(arguments[-1], [x.dim() for x in operands])
    return torch.einsum(f"{','.join(terms)}->{output}", *operands)
