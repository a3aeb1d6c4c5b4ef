import itertools
import math

import polars as pl
import pytest
import torch
from agreement import BACKENDS, flatten, value_of

from graphcalc.ops import spec
from graphcalc.ops.kernels import polars as polars_kernels
from graphcalc.ops.kernels import torch as torch_kernels
from graphcalc.ops.kernels.totals import TOTALS
from graphcalc.ops.prelude import COMPOSITES
from graphcalc.ops.spec import parameters
from graphcalc.ops.table import CONSTANTS, FUNCTIONS, INTERNAL, OPS
from graphcalc.ops.words import KEYWORD_ALIASES, PREFIXES
from graphcalc.syntax.parser import parse_expression_text

EXAMPLES = [(op.name, *example) for op in OPS.values() for example in op.examples]
KINDS = {"elementwise", "reduction", "array", "making", "random", "leaf"}


def depth(nested):
    """The sizes of nested lists along their first elements."""
    sizes = []
    while isinstance(nested, list):
        sizes.append(len(nested))
        nested = nested[0] if nested else None
    return sizes


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("name", "text", "expected"), EXAMPLES)
def test_example_holds(name, text, expected, backend):
    """The example of every row comes to the value that the row says, on every backend."""
    found, wanted = value_of(text, backend), value_of(expected, "python")
    assert depth(found) == depth(wanted)
    for x, y in zip(flatten(found), flatten(wanted)):
        assert type(x) is type(y)
        assert math.isclose(x, y, rel_tol=1e-15) or (x != x and y != y)


@pytest.mark.parametrize("name", OPS)
def test_row_is_complete(name):
    """Every row is stored under its name, explains itself, and shows an example of itself."""
    op = OPS[name]
    assert op.name == name
    assert op.kind in KINDS
    assert op.doc.endswith(".")
    assert op.casting in ("result", "common", "own", "condition")
    assert op.access in ("call", "syntax", "internal")
    assert op.latex.count("{") == op.latex.count("}")
    assert op.row_total in ("", *TOTALS)
    for other in (op.position_op, op.two_tensor_op):
        assert not other or other in OPS
    assert len(op.step) <= max(len(parameters(op)), 1)
    assert op.tolerance >= 0
    assert op.domain[0] < op.domain[1]
    # What only syntax, composites and gradients reach has no call of its own to show.
    assert op.examples or name in INTERNAL


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_function_name_is_callable_text(name):
    """Every function's name and alias reads as one name, and is no constant and no prefix."""
    assert parse_expression_text(name).name == name
    assert name not in CONSTANTS
    assert name not in PREFIXES


def test_names_are_unique():
    """No name or alias belongs to two rows, and no operator of one arity to two rows."""
    names = [n for op in OPS.values() for n in (op.name, *op.aliases)]
    assert len(names) == len(set(names))
    symbols = [(op.symbol, spec.arity(op)) for op in OPS.values() if op.symbol]
    assert len(symbols) == len(set(symbols))


@pytest.mark.parametrize("name", OPS)
def test_signature_is_well_formed(name):
    """Parameters have distinct names, a known kind, a default that reads, one variadic at most."""
    declared = parameters(OPS[name])
    static = "dim dims reduced shape size flag number text padding key type data name items".split()
    kinds = {*static, *spec.TENSORS}
    assert len({p.name for p in declared}) == len(declared)
    assert all(p.kind in kinds for p in declared)
    assert sum(p.variadic for p in declared) <= 1
    for parameter in declared:
        if parameter.default:
            parse_expression_text(parameter.default)


def test_keyword_aliases_lead_to_parameters():
    """NumPy's words stand for parameters that rows have."""
    known = {p.name for op in OPS.values() for p in parameters(op)}
    known |= {
        p.partition("=")[0].strip() for c in COMPOSITES.values() for p in c.signature.split(",")
    }
    for meant in KEYWORD_ALIASES.values():
        assert set(meant) <= known


def test_internal_rows_exist():
    """The rows that only syntax reaches are rows, and no call reaches them."""
    assert set(OPS) >= INTERNAL
    assert not INTERNAL & set(FUNCTIONS)


def test_pairs_are_elementwise():
    """What a call with two tensors means instead is an elementwise row of two operands."""
    for op in OPS.values():
        if op.two_tensor_op:
            assert OPS[op.two_tensor_op].kind == "elementwise"
            assert spec.arity(OPS[op.two_tensor_op]) == 2


@pytest.mark.parametrize("name", [op.name for op in OPS.values() if op.name != "input"])
def test_torch_has_every_row(name):
    """Every row but an input names a function that torch, or a module of kernels, has."""
    assert callable(torch_kernels.function_of(torch, OPS[name]))


@pytest.mark.parametrize("name", [op.name for op in OPS.values() if op.polars])
def test_polars_has_what_rows_name(name):
    """A row's polars expression is one, of as many operands as the row has."""
    op = OPS[name]
    operands = [pl.col(f"x{i}") > 0 for i in range(spec.arity(op))]
    if not name.startswith(("bitwise", "logical")):
        operands = [x.cast(pl.Float64) for x in operands]
    assert isinstance(polars_kernels.function_of(op)(pl, *operands), pl.Expr)


def test_every_total_is_some_rows():
    """Every kind of total is that of a row, but `squares`, which is of a formula."""
    assert {op.row_total for op in OPS.values()} - {""} == set(TOTALS) - {"squares"}


@pytest.mark.parametrize("name", [op.name for op in OPS.values() if op.inline or op.raising])
def test_fast_forms_compute_the_same(name):
    """The source and the raising function of a row give what its Python kernel gives, or raise."""
    op = OPS[name]
    values = (False, True) if name.startswith("bitwise") else (-2.5, -0.0, 0.0, 0.5, 1.0, 3.0)
    compared = 0
    for operands in itertools.product(values, repeat=spec.arity(op)):
        for fast in (op.inline, op.raising):
            try:
                found = fast(*operands) if callable(fast) else _computed(fast, operands)
            except (ValueError, ArithmeticError):
                assert fast is op.raising
                continue
            assert found is None or repr(found) == repr(op.python(*operands))
            compared += found is not None
    assert compared


def _computed(source, operands):
    """What Python source comes to, None of no source."""
    return eval(source.format(*map(repr, operands))) if source else None
