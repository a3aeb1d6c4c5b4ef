"""Gradients by the formulas of the op table, and what tests compare them with: torch.autograd."""

from typing import Any, NamedTuple

from agreement import elements, shape_of
from functions import assert_near

from graphcalc.backends.base import NullObserver, Settings
from graphcalc.backends.python import PythonProgram
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.graph.builder import Builder
from graphcalc.graph.fragments import derivative, operand_names
from graphcalc.graph.ir import Graph, Limits
from graphcalc.graph.verify import verify
from graphcalc.graph.walk import new_scope
from graphcalc.ops.spec import FLOATS, NONE, ZERO, Type
from graphcalc.ops.table import OPS
from graphcalc.source import Source, Span

TOLERANCE = 1e-10
LIMITS = Limits(100_000, 1 << 32)


class Case(NamedTuple):
    """One operation on tensors: its row, operands as torch's tensors, and static arguments."""

    op: Any
    operands: tuple
    types: tuple[Type, ...]
    params: tuple

    def __str__(self):
        shapes = ", ".join(f"{t.dtype}{t.shape}" for t in self.types)
        return f"{self.op.name}({shapes}; {self.params})"


def case(op, operands, params=()):
    """A case on torch's tensors."""
    types = tuple(Type(tuple(x.shape), str(x.dtype).removeprefix("torch.")) for x in operands)
    return Case(op, tuple(operands), types, params)


def cases_of(text, name):
    """Each node of a row in the graph of a text, with the values of its operands on torch."""
    graph = Evaluation(parse([Source(text)]), Options(Settings(backend="torch"))).graph({})
    found = [n for n in graph.nodes if n.op.name == name]
    values = computed(graph, {}, {i for n in found for i in n.operands}, "torch")
    return [case(OPS[name], [values[i] for i in n.operands], n.params) for n in found]


def cases_within(found, name):
    """Each node of a row in the gradients of a case, with the values of its operands on torch."""
    import torch

    graph, _ = gradient_graph(found)
    inner = [n for n in graph.nodes if n.op.name == name]
    inputs = dict(zip(operand_names(found.op, len(found.types)), found.operands))
    shape = next(n.type.shape for n in graph.nodes if n.params[1:] == ("g",))
    torch.manual_seed(2)
    inputs["g"] = torch.randn(shape, dtype=torch.float64)
    values = computed(graph, inputs, {i for n in inner for i in n.operands}, "torch")
    return [case(OPS[name], [values[i] for i in n.operands], n.params) for n in inner]


def computed(graph, inputs, kept, backend):
    """The values of some nodes of a graph."""
    if backend == "python":
        return PythonProgram(graph, frozenset(kept)).run(inputs, NullObserver())
    from graphcalc.backends.torch import TorchProgram

    return TorchProgram(graph, Settings(backend="torch"), frozenset(kept)).run(
        inputs, NullObserver()
    )


def formulas(op, types, params):
    """The gradient of each operand, as text."""
    return op.vjp(types, params) if callable(op.vjp) else op.vjp


def gradient_graph(found):
    """A graph of the gradients of a case: inputs of the operands and `g`; and their nodes.

    An operand whose gradient is ZERO or NONE has that instead of a node.
    """
    op, _, types, params = found
    texts = formulas(op, types, params)
    assert len(texts) == len(types), f"{found}: {len(texts)} gradients of {len(types)} operands"
    builder = Builder("float64", LIMITS)
    scope = new_scope(builder, _missing)
    where = Source(op.name), Span(0, len(op.name))

    def given(name, type_):
        return builder.add(OPS["input"], (), (type_, name), where, is_shared=False)

    operands = tuple(
        given(name, type_) for name, type_ in zip(operand_names(op, len(types)), types)
    )
    out = builder.add(op, operands, params, where)
    g = given("g", Type(builder.nodes[out].type.shape, "float64"))
    results = []
    for place in range(len(types)):
        node = builder.nodes[out]
        rule = derivative(scope, node, types, place, builder.nodes[g].type)
        if not isinstance(rule, str):
            slots = (*operands, out, g)
            rule = builder.splice(rule, slots, where, derivative_of=(node, place))
        results.append(rule)
    positions = [r for r in results if isinstance(r, int)]
    graph = Graph(builder.nodes, positions, {}, "float64", LIMITS)
    verify(graph)
    return graph, results


def _missing(name, label):
    return AssertionError(f"a gradient reads `{name}`, which is no name in it")


def kernel_of(found):
    """The row's torch kernel, with the casts that the backend puts in front of it."""
    import torch

    from graphcalc.backends.torch import kernels

    builder = Builder("float64", LIMITS)
    where = Source(found.op.name), Span(0, 1)
    inputs = [
        builder.add(OPS["input"], (), (t, str(i)), where, is_shared=False)
        for i, t in enumerate(found.types)
    ]
    out = builder.add(found.op, tuple(inputs), found.params, where)
    graph = Graph(builder.nodes, [out], {}, "float64", LIMITS)
    return kernels.kernel_of(graph, out, torch.device("cpu"), {}).whole()


def autograd(found, g, kernel):
    """torch's gradients of a case by a kernel; None where there is none."""
    import torch

    leaves = [x.detach().clone().requires_grad_(x.dtype.is_floating_point) for x in found.operands]
    out = kernel(*leaves)
    wanted = [x for x in leaves if x.requires_grad]
    if not out.requires_grad:
        return [None] * len(leaves)
    given = iter(torch.autograd.grad(out, wanted, g, allow_unused=True))
    return [next(given) if x.requires_grad else None for x in leaves]


def summed(x, shape):
    """A gradient summed over the dimensions that its operand was broadcast along."""
    import torch

    x = torch.as_tensor(x, dtype=torch.float64)
    x = x.sum(tuple(range(x.dim() - len(shape)))) if x.dim() > len(shape) else x
    over = tuple(i for i, (m, n) in enumerate(zip(x.shape, shape)) if n == 1 and m != 1)
    return x.sum(over, keepdim=True) if over else x


def assert_gradients(found, kernel=None):
    """The formulas of a case give what torch.autograd gives; how many operands that compared."""
    import torch

    graph, results = gradient_graph(found)
    kernel = kernel or kernel_of(found)
    with torch.no_grad():
        shape = kernel(*found.operands).shape
    torch.manual_seed(1)
    g = torch.randn(shape, dtype=torch.float64)
    wanted = autograd(found, g, kernel)
    inputs = dict(zip(operand_names(found.op, len(found.types)), found.operands))
    compared = 0
    for backend in ("torch", "python"):
        values = computed(graph, {**inputs, "g": g}, set(graph.results), backend)
        for i, (result, operand, torchs) in enumerate(zip(results, found.operands, wanted)):
            where = f"{found}, operand {i} on {backend}"
            if result == NONE:
                assert torchs is None, f"{where}: there is a gradient"
                continue
            if not operand.dtype.is_floating_point:
                continue
            expected = torch.zeros_like(operand) if torchs is None else torchs
            if result == ZERO:
                assert not expected.any(), f"{where}: the gradient is not 0"
                continue
            type_ = graph.nodes[result].type
            assert type_.dtype in FLOATS, f"{where}: a gradient of {type_.dtype}"
            value = values[result]
            value = torch.tensor(elements(value), dtype=torch.float64).reshape(shape_of(value))
            value = summed(value, expected.shape)
            assert value.shape == expected.shape, f"{where}: {value.shape}, {expected.shape}"
            assert_near(elements(value), elements(expected), where, scale=0.0, relative=TOLERANCE)
            compared += 1
    return compared
