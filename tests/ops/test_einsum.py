import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.ops.kernels.einsum import (
    einsum,
    einsum_cost,
    einsum_torch,
    einsum_type,
    einsum_vjp,
    split,
)
from graphcalc.ops.spec import Problem, Type


def types_of(operands):
    return tuple(Type(tuple(x.shape), "float64") for x in operands)


def random_operands(shapes, seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def on_python(equation, operands):
    """What the type rule and the Python kernel give, as a tensor."""
    type_ = einsum_type("float64", types_of(operands), (equation,))
    arrays = [NDArray(tuple(x.shape), x.flatten().tolist()) for x in operands]
    data = einsum(type_, *arrays, equation)
    assert len(data) == type_.numel
    assert all(type(value) is float for value in data)
    return torch.tensor(data, dtype=torch.float64).reshape(type_.shape)


def assert_close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@st.composite
def calls(draw):
    """An equation and shapes that fit it: diagonals, broadcasts, `...`, empty sizes."""
    sizes = {letter: draw(st.integers(0, 3)) for letter in "ijKb"}
    spare = [draw(st.integers(0, 3)) for _ in range(2)]
    terms, shapes = [], []
    for _ in range(draw(st.integers(1, 3))):
        term = draw(st.text("ijKb", max_size=3))
        squeezed = draw(st.sets(st.sampled_from("ijKb"), max_size=1))
        shape = [1 if letter in squeezed else sizes[letter] for letter in term]
        if draw(st.booleans()):
            dots = [draw(st.sampled_from((1, n))) for n in spare[draw(st.integers(0, 2)) :]]
            place = draw(st.integers(0, len(term)))
            term = f"{term[:place]}...{term[place:]}"
            shape[place:place] = dots
        terms.append(term)
        shapes.append(tuple(shape))
    equation = draw(st.sampled_from((",", " , "))).join(terms)
    if draw(st.booleans()):
        used = sorted(set("".join(terms)) - {"."})
        output = "".join(draw(st.permutations(used))[: draw(st.integers(0, len(used)))])
        if any("..." in term for term in terms) and draw(st.booleans()):
            place = draw(st.integers(0, len(output)))
            output = f"{output[:place]}...{output[place:]}"
        equation += f"-> {output}"
    return equation, shapes


@given(calls(), st.integers(0, 1000))
def test_kernels_agree_with_torch(call, seed):
    """Both kernels and the type rule give what torch.einsum gives for the written equation."""
    equation, shapes = call
    operands = random_operands(shapes, seed)
    expected = torch.einsum(equation, *operands)
    assert_close(on_python(equation, operands), expected)
    assert_close(einsum_torch(torch, *operands, equation), expected)


def gradient(text, g, operands):
    """The value of a gradient's text, which reads as Python."""
    names = {f"x{i}": x for i, x in enumerate(operands)}
    making = {
        "ones": lambda n: torch.ones(n, dtype=torch.float64),
        "eye": lambda n: torch.eye(n, dtype=torch.float64),
    }
    return eval(text, {"einsum": torch.einsum, "g": g, **names, **making})


@given(calls(), st.integers(0, 1000))
def test_gradient_texts_agree_with_autograd(call, seed):
    """The text of each gradient, summed where an operand has 1, is what autograd gives."""
    equation, shapes = call
    operands = [x.requires_grad_() for x in random_operands(shapes, seed)]
    value = torch.einsum(equation, *operands)
    g = random_operands([value.shape], seed + 1)[0]
    expected = torch.autograd.grad(value, operands, g)
    texts = einsum_vjp(types_of(operands), (equation,))
    for text, x, wanted in zip(texts, operands, expected):
        found = gradient(text, g, [y.detach() for y in operands])
        assert found.dim() == x.dim()
        for dim, size in enumerate(x.shape):
            found = found.sum(dim, keepdim=True) if size == 1 else found
        assert_close(found, wanted)


@pytest.mark.parametrize(
    ("equation", "shapes", "texts"),
    [
        (
            "ij,jk->ik",
            [(2, 3), (3, 4)],
            ('einsum("ik,jk->ij", g, x1)', 'einsum("ik,ij->jk", g, x0)'),
        ),
        ("ij->j", [(2, 3)], ('einsum("j,i->ij", g, ones(x0.size(0)))',)),
        ("ii->", [(3, 3)], ('einsum(",ia->ia", g, eye(x0.size(1)))',)),
        (
            "i,i->",
            [(3,), (1,)],
            ('einsum(",i,i->i", g, x1, ones(x0.size(0)))', 'einsum(",i->i", g, x0)'),
        ),
    ],
)
def test_gradient_texts_read_as_written_by_hand(equation, shapes, texts):
    """A gradient is one einsum, with `ones` and `eye` only where a letter needs them."""
    assert einsum_vjp(tuple(Type(s, "float64") for s in shapes), (equation,)) == texts


@pytest.mark.parametrize(
    ("equation", "ranks", "expected"),
    [
        ("ij,jk->ik", (2, 2), (("ij", "jk"), "ik")),
        (" i j , j k ", (2, 2), (("ij", "jk"), "ik")),
        ("ba", (2,), (("ba",), "ab")),
        ("bA", (2,), (("bA",), "Ab")),
        ("ii", (2,), (("ii",), "")),
        ("", (0,), (("",), "")),
        ("...i,...", (3, 1), (("abi", "b"), "abi")),
        ("a...,...b->...b", (2, 3), (("ad", "cdb"), "cdb")),
        ("i...->i", (2,), (("ia",), "i")),
        ("i->i...", (1,), (("i",), "i")),
    ],
)
def test_split_spells_equations_out(equation, ranks, expected):
    """Spaces go, `...` becomes fresh letters aligned right, and an output is filled in."""
    assert split(equation, ranks) == expected


WRONG = [
    ("i", [], "call", "`einsum` wants at least one operand"),
    ("ij,jk->ik", [(2, 3)], "call", "the equation `ij,jk` has 2 terms, but there is 1 operand"),
    ("i->", [(2,), (2,)], "call", "the equation `i` has 1 term, but there are 2 operands"),
    ("ijk->", [(3, 4)], "call", "term `ijk` has 3 letters, but {0} has 2 dimensions"),
    ("i,i...->", [(3,), ()], "call", "term `i...` has 1 letter, but {1} has 0 dimensions"),
    ("i->j", [(3,)], "call", "no operand has letter `j` of the output of `i->j`"),
    ("i->ii", [(3,)], "call", "letter `i` is twice in the output of `i->ii`"),
    ("i1", [(3, 4)], "call", "`1` in the equation `i1` is not a letter"),
    ("i{", [(3, 4)], "call", "`{{` in the equation `i{{` is not a letter"),
    ("i.j", [(3, 4)], "call", "`.` in the equation `i.j` is not a letter"),
    ("...i...", [(3, 4)], "call", "`.` in the equation `...i...` is not a letter"),
    ("i->->i", [(3,)], "call", "the equation `i->->i` has more than one `->`"),
    ("ij,jk", [(2, 3), (4, 5)], "shape", "letter `j` is 3 in {0} but 4 in {1}"),
    ("j,j,j", [(1,), (3,), (4,)], "shape", "letter `j` is 3 in {1} but 4 in {2}"),
    ("...,...", [(2,), (3,)], "shape", "a dimension of `...` is 2 in {0} but 3 in {1}"),
    ("ii", [(1, 3)], "shape", "letter `i` is both 1 and 3 in {0}"),
    ("...", [(1,) * 53], "call", "the equation needs more than 52 letters"),
]


@pytest.mark.parametrize(("equation", "shapes", "kind", "message"), WRONG)
def test_misfits_are_explained(equation, shapes, kind, message):
    """An equation that does not fit its operands says which part is wrong."""
    with pytest.raises(Problem) as caught:
        einsum_type("float64", tuple(Type(s, "float64") for s in shapes), (equation,))
    assert (caught.value.kind, caught.value.message) == (kind, message)


def test_result_dtype_is_that_of_arithmetic():
    """Integers count as the run's dtype, floats keep theirs, and literals stay weak."""
    integers, halves = Type((2,), "int64"), Type((2,), "float16")
    weak = Type((2,), "float64", True)
    assert einsum_type("float32", (integers, integers), ("i,i",)) == Type((), "float32")
    assert einsum_type("float32", (halves, weak), ("i,i",)) == Type((), "float16")
    assert einsum_type("float64", (weak, weak), ("i,i",)) == Type((), "float64", True)


@pytest.mark.parametrize(
    ("equation", "shapes", "cost"),
    [
        ("ij->", [(2, 3)], 6),
        ("ii->i", [(3, 3)], 3),
        ("ij,jk->ik", [(2, 3), (3, 5)], 60),
        ("ij,jk,kl->il", [(2, 3), (3, 5), (5, 7)], 2 * 2 * 3 * 5 + 2 * 2 * 5 * 7),
        ("i,i->i", [(1,), (4,)], 8),
    ],
)
def test_cost_counts_the_pairwise_steps(equation, shapes, cost):
    """The cost is twice the letters of each step, and a single operand's letters once."""
    assert einsum_cost(tuple(Type(s, "float64") for s in shapes), (equation,)) == cost


def test_chain_is_contracted_in_steps():
    """A chain of products never holds all letters at once: that would be 40**5 elements."""
    operands = random_operands([(40, 40)] * 4, 7)
    expected = torch.linalg.multi_dot(operands)
    found = on_python("ij,jk,kl,lm->im", operands)
    assert math.isclose(float(found.sum()), float(expected.sum()), rel_tol=1e-10)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
