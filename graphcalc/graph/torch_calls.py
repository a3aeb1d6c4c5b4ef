"""Calls of torch's functions that have no row of their own."""

from __future__ import annotations

from graphcalc.diagnostics import CallError, GraphcalcError, Label
from graphcalc.graph import dtypes
from graphcalc.graph.frames import Frame, RoundedCall
from graphcalc.graph.ir import explain
from graphcalc.graph.lowered import Lowered, TupleValue
from graphcalc.graph.scope import Scope
from graphcalc.graph.torch_arguments import ArgumentReader, CallArguments
from graphcalc.ops.shapes import promote
from graphcalc.ops.spec import FLOATS, Problem, Type
from graphcalc.ops.torch.call import DtypeArgument, OutputTree, TorchCall
from graphcalc.ops.torch.functions import TorchFunction, parsed
from graphcalc.ops.torch.rows import node_of, rounded_node_of
from graphcalc.ops.torch.types import CallOutputs, outputs_of, try_call
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr

# Arguments that say where a result is kept and not what it is.
_ASIDE = frozenset(("device", "requires_grad", "inplace", "layout", "pin_memory", "memory_format"))


def call(
    scope: Scope,
    function: TorchFunction,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
    *,
    is_tried: bool = False,
) -> Lowered:
    """Return the node of a call; of a function with several outputs, the tuple of theirs.

    Raises CallError for arguments that the function does not take. Where it is to be tried, it is
    also called with random numbers.
    """
    _refuse_out(scope, nodes, frame)
    found, made, outputs = _read(scope, function, items, nodes, node, frame, is_tried=is_tried)
    if outputs.tree == 0:
        return _add(scope, made, found, node, frame)
    count = len(outputs.types)
    made = made._replace(parts=count)
    parts = [_add(scope, made._replace(path=(i,)), found, node, frame) for i in range(count)]
    fields = function.fields if len(function.fields) == count else ()
    return _arranged(outputs.tree, parts, node)._replace(fields=fields)


def _read(
    scope: Scope,
    function: TorchFunction,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
    *,
    is_tried: bool = False,
) -> tuple[CallArguments, TorchCall, CallOutputs]:
    """Return the arguments of a call, the call, and the types of its outputs."""
    kept = [
        (item, n)
        for item, n in zip(items, nodes)
        if type(n) is not ast.Keyword or n.name not in _ASIDE
    ]
    reader = ArgumentReader(scope, function, node, frame)
    found = reader.read([item for item, _ in kept], [n for _, n in kept])
    try:
        made, outputs = _typed(scope, function, found)
        if is_tried:
            try_call(made, tuple(scope.builder.nodes[i].type for i in found.operands))
        return found, made, outputs
    except Problem as problem:
        where, built = scope.at(node, frame), scope.builder.nodes
        raise explain(problem, built, found.operands, where, scope.context()) from None


def half_call(
    scope: Scope,
    function: TorchFunction,
    dtype: str,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> RoundedCall:
    """Return torch's call of operands of half precision, for its derivatives.

    Raises CallError for arguments that torch's function does not take.
    """
    found, made, _ = _read(scope, function, items, nodes, node, frame)
    return RoundedCall(made, found.operands, dtype)


def rounded(scope: Scope, position: int, call: RoundedCall, place: Label) -> int:
    """Return a value in the dtype of a call of torch whose value it is, with its derivatives."""
    where = place.source, place.span
    value, operands = scope.builder.nodes[position].type, (*call.operands, position)
    types = tuple(scope.builder.nodes[i].type for i in call.operands)
    outputs = outputs_of(call.call, types)
    (first, *others) = outputs.types
    if others or (first.shape, first.dtype) != (value.shape, call.dtype) or not first.is_smooth:
        return dtypes.cast(scope, position, call.dtype, place)
    op, params = rounded_node_of(call.call, call.dtype, len(operands))
    return scope.builder.add(op, operands, params, where)


def _arranged(tree: OutputTree, parts: list[int], node: ast.Call) -> TupleValue:
    """Return the nodes of outputs in tuples as torch has them."""
    assert isinstance(tree, tuple)
    items = [parts[i] if isinstance(i, int) else _arranged(i, parts, node) for i in tree]
    return TupleValue(tuple(items), node)


def _refuse_out(scope: Scope, nodes: list[Expr], frame: Frame) -> None:
    for node in nodes:
        if type(node) is ast.Keyword and node.name == "out":
            raise CallError(
                "out-argument",
                "`out=` writes into a tensor, and values never change here",
                scope.label(node, frame.source),
                help="leave it out, and give the result a name",
            )


def _add(scope: Scope, made: TorchCall, found: CallArguments, node: ast.Call, frame: Frame) -> int:
    op, params = node_of(made, len(found.operands))
    return scope.add(op, found.operands, params, node, frame)


# Dtypes


def _typed(
    scope: Scope, function: TorchFunction, found: CallArguments
) -> tuple[TorchCall, CallOutputs]:
    """Return the call with the dtypes of its operands, and the types of its outputs.

    Where torch would compute in its default dtype, because no operand has a floating point one,
    it computes in the run's.
    """
    types = tuple(scope.builder.nodes[i].type for i in found.operands)
    casts = _casts(function, found, types)
    made = TorchCall(function.name, found.positional, found.keywords, casts)
    outputs = outputs_of(made, types)
    run = scope.builder.dtype
    has_floats = any(t.dtype in FLOATS and c in ("", *FLOATS) for t, c in zip(types, casts))
    if run == "float32" or has_floats or all(o.dtype != "float32" for o in outputs.types):
        return made, outputs
    other = _in_dtype(function, made, types, run)
    try:
        return other, outputs_of(other, types)
    except GraphcalcError:
        return made, outputs
    except Problem:
        return made, outputs


def _in_dtype(
    function: TorchFunction, made: TorchCall, types: tuple[Type, ...], run: str
) -> TorchCall:
    """Return a call that computes in the run's dtype."""
    given = {name for name, _ in made.keywords}
    has_dtype = any(
        p.name == "dtype" for text in function.signatures for p in parsed(text).parameters
    )
    if has_dtype and "dtype" not in given and not types:
        return made._replace(keywords=(*made.keywords, ("dtype", DtypeArgument(run))))
    return made._replace(casts=tuple(c or run for c in made.casts))


def _casts(
    function: TorchFunction, found: CallArguments, types: tuple[Type, ...]
) -> tuple[str, ...]:
    """Return the dtype that each operand is given in: whole numbers, or that of the others."""
    strong = [
        t.dtype
        for name, t in zip(found.parameters, types)
        if not t.weak and t.dtype in FLOATS and name not in function.whole
    ]
    common = promote(strong) if strong else ""
    return tuple(
        _cast(function.whole.get(n, ""), t, common) for n, t in zip(found.parameters, types)
    )


def _cast(whole: str, type_: Type, common: str) -> str:
    if whole:
        is_there = type_.dtype == whole or (type_.dtype == "bool" and whole == "int64")
        return "" if is_there else whole
    is_weak = type_.weak and type_.dtype in FLOATS and type_.dtype != common
    return common if is_weak else ""
