"""Gradients of whole programs, first and second, and what they are compared with: torch.autograd.

Each comparison raises AssertionError, and gives how many gradients it compared.
"""

import math
import warnings

from agreement import elements
from functions import (
    CLASSES,
    DIFFERENT,
    NOT_IN_TORCH,
    ask_torch,
    assert_near,
    is_static,
    signature,
    taken_apart,
)
from torch_version import clamp
from torch_version import twins as later_twins

import graphcalc as gc
from graphcalc.backends.base import NullObserver, Settings
from graphcalc.backends.python import PythonProgram
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.graph.builder import Builder
from graphcalc.graph.grad import Reverse
from graphcalc.graph.ir import Graph
from graphcalc.graph.verify import verify
from graphcalc.graph.walk import new_scope
from graphcalc.ops.spec import FLOATS, Parameter
from graphcalc.ops.table import OPS
from graphcalc.source import Source, Span
from graphcalc.syntax import expr as ast
from graphcalc.syntax.format import format_expression
from graphcalc.syntax.parser import parse_expression_text

RELATIVE = 1e-10


def twins():
    """By a row's name a torch function that torch can differentiate, where its kernel is none."""
    import torch

    def softplus(x, beta, threshold):
        inner = torch.where(x * beta > threshold, 0.0, x * beta)
        return torch.where(x * beta > threshold, x, torch.log1p(torch.exp(inner)) / beta)

    class Clamped(torch.autograd.Function):
        """A logarithm, -100 at least, as torch's binary_cross_entropy differentiates it."""

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.log(x).clamp(min=-100)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * (1 - x) / (x * (1 - x)).clamp(min=1e-12)

    def root(x):
        return torch.where(x == 0, 0.0, torch.sqrt(torch.where(x == 0, 1.0, x)))

    return {
        "sqrt": torch.sqrt,
        "root": root,
        "hardtanh": lambda x, low, high: torch.where(
            (low < x) & (x < high), x, torch.where(x <= low, low, high)
        ),
        "clamped_log": Clamped.apply,
        "clamped_log1p": lambda x: Clamped.apply(1 + x),
        "cbrt": lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3),
        "gamma": lambda x: torch.exp(torch.lgamma(x)),
        "remainder": torch.remainder,
        "floor_divide": lambda x, y: torch.div(x, y, rounding_mode="floor"),
        "fmod": torch.fmod,
        "lerp": torch.lerp,
        "detach": torch.detach,
        "softplus": softplus,
        "digamma": torch.digamma,
        **later_twins(),
    }


def weights(count, start):
    """Numbers that are all different, to weigh the elements of a tensor with."""
    return [math.cos(start + 1.7 * i) + 1.3 for i in range(count)]


def text_with_loss(text):
    """A program whose `loss_` is a number that every element of a call's value adds to.

    Tensors that are written in the call get names, and so gradients.
    """
    lines, call = lifted(text)
    loss = "loss_ = sum(y_ * cos(1.7 * reshape(arange(y_.numel()), y_.shape)))"
    return "\n".join([*lines, f"y_ = {call}", loss])


def lifted(text):
    """Statements that name the tensors among a call's arguments, and the call of these names."""
    root = parse_expression_text(text)
    if type(root) is not ast.Call or type(root.function) is not ast.Name:
        return [], text
    name = root.function.name
    declared = signature(name)
    lines, arguments = [], []
    for position, argument in enumerate(root.arguments):
        is_keyword = type(argument) is ast.Keyword
        value = argument.value if is_keyword else argument
        parameter = declared[min(position, len(declared) - 1)]
        if is_keyword:
            found = [p for p in declared if p.name == argument.name]
            parameter = found[0] if found else Parameter(argument.name, "either", "None", False)
        shown = format_expression(value)
        is_class = parameter.kind in ("index", "tensors") or (name, parameter.name) in CLASSES
        if not is_class and not is_static(name, parameter, value):
            lines.append(f"a{len(lines)}_ = {shown}")
            shown = f"a{len(lines) - 1}_"
        arguments.append(f"{argument.name}={shown}" if is_keyword else shown)
    return lines, f"{name}({', '.join(arguments)})"


def forward_graph(text, inputs=None):
    """The graph of a program without gradients, for inputs given as nested lists."""
    evaluation = Evaluation(parse([Source(text)]), Options(Settings(backend="torch")))
    return evaluation.graph(evaluation.describe_inputs(inputs)[1])


def is_leaf(node):
    """Whether a gradient ends at a node."""
    return node.is_bound or not node.operands


def leaves_of(graph, target):
    """The leaves that a node's gradient can be asked for: all but constants shown in place."""
    return [
        i
        for i, n in enumerate(graph.nodes[:target])
        if is_leaf(n) and n.type.dtype in FLOATS and n.name is not None and not n.is_hidden
    ]


def with_backward(graph, target, order):
    """A graph with the gradients of its leaves, or those of their weighted sum: order 2.

    Gives the graph and the gradients' positions by leaf.
    """
    builder = Builder.resume(graph)
    reverse = Reverse(new_scope(builder, lambda name, label: AssertionError(name)))
    where = Source("test"), Span(0, 4)
    leaves = leaves_of(graph, target)
    found = reverse.sweep(target, reverse.one(target), leaves).nodes
    if order == 2:
        total = builder.constant(0.0, where)
        for leaf in leaves:
            if leaf in found:
                type_ = builder.nodes[leaf].type
                params = (type_, tuple(weights(type_.numel, leaf)))
                by = builder.add(OPS["const"], (), params, where, is_shared=False)
                product = builder.add(OPS["mul"], (found[leaf], by), (), where)
                share = builder.add(OPS["sum"], (product,), (None, False), where)
                total = builder.add(OPS["add"], (total, share), (), where)
        found = reverse.sweep(total, reverse.one(total), leaves).nodes
    found = {leaf: found[leaf] for leaf in leaves if leaf in found}
    result = Graph(builder.nodes, list(found.values()) or [0], {}, graph.dtype, graph.limits)
    verify(result)
    return result, found


def autograd(graph, target, inputs, order, changed=None):
    """torch.autograd's gradients by leaf, of the same graph on torch's own functions."""
    import torch

    from graphcalc.backends.torch.devices import tensor_of
    from graphcalc.backends.torch.kernels import dtype_of, kernel_of

    host = torch.device("cpu")
    own = {**twins(), **(changed or {})}
    values = []
    for position, node in enumerate(graph.nodes[: target + 1]):
        operands = [values[i] for i in node.operands]
        if node.op is OPS["input"]:
            value = tensor_of(inputs[node.params[1]], dtype_of(node.type.dtype), host)
        elif node.op is OPS["clamp"] and "clamp" not in (changed or {}):
            builder = Builder.resume(graph)
            bounds = [(builder.literal(i), values[i]) for i in node.operands[1:]]
            value = clamp(operands[0], *(b if v is None else float(v[0]) for v, b in bounds))
        elif node.op.name in own and all(o.dtype.is_floating_point for o in operands):
            value = own[node.op.name](*operands, *node.params)
        else:
            value = kernel_of(graph, position, host, {}).whole()(*operands)
        if is_leaf(node):
            value = value.detach().clone().requires_grad_(node.type.dtype in FLOATS)
        values.append(value)
    leaves = leaves_of(graph, target)

    def derive(y, create):
        if not y.requires_grad:
            return [None] * len(leaves)
        given = [values[i] for i in leaves]
        return torch.autograd.grad(y, given, create_graph=create, allow_unused=True)

    found = derive(values[target], order == 2)
    if order == 2:
        total = torch.zeros((), dtype=torch.float64)
        for leaf, g in zip(leaves, found):
            if g is not None:
                by = torch.tensor(weights(g.numel(), leaf), dtype=g.dtype).reshape(g.shape)
                total = total + (g * by).sum()
        found = derive(total, False)
    return {i: g for i, g in zip(leaves, found) if g is not None}


def assert_gradients(text, inputs=None, order=1, backends=("torch", "python"), changed=None):
    """The gradients of a program's `loss_` with respect to its leaves are torch.autograd's.

    Where torch gives none or 0 there may be none.
    """
    inputs = inputs or {}
    graph = forward_graph(text, inputs)
    target = graph.names["loss_"]
    wanted = autograd(graph, target, inputs, order, changed)
    full, found = with_backward(graph, target, order)
    for backend in backends:
        values = run(full, found.values(), inputs, backend)
        for leaf, name in ((i, full.nodes[i].name) for i in leaves_of(graph, target)):
            where = f"{text}, d/d{name}, order {order}, on {backend}"
            if leaf not in found:
                assert leaf not in wanted or not wanted[leaf].any(), f"{where}: there is none"
                continue
            value = elements(values[found[leaf]])
            if leaf not in wanted:
                assert not any(value), f"{where}: {value}, and torch has none"
                continue
            # What cancels exactly in one order of summation leaves 1e-17 in another.
            assert_near(value, elements(wanted[leaf]), where, scale=1e-4, relative=RELATIVE)
    return len(found)


def run(graph, kept, inputs, backend):
    """The values of some nodes of a graph."""
    kept = frozenset(kept)
    if backend == "python":
        return PythonProgram(graph, kept).run(inputs, NullObserver())
    from graphcalc.backends.torch import TorchProgram

    return TorchProgram(graph, Settings(backend="torch"), kept).run(inputs, NullObserver())


# Calls whose value has no gradient in torch, or not by all the tensors that they write.
WITHOUT_OWN = {
    *("logical_xor", "isnan", "isinf", "isfinite", "all", "any", "argmax", "argmin"),
    *("detach", "full", "full_like", "zeros_like", "ones_like", "masked_fill", "count_nonzero"),
    "masked_scatter",
    *("size", "numel", "where", "batch_norm", "signbit", "isposinf", "isneginf"),
    *("argsort", "isclose", "allclose", "equal", "searchsorted", "bucketize", "type_as"),
    *("new_zeros", "new_ones", "new_full"),
    # torch changes in place what its gradient needs, and fails.
    "vander",
}


def torchs_own(text):
    """A call taken apart for torch's own function; None where it cannot be compared with one.

    That is so without tensors to differentiate by, and where random numbers would be others.
    """
    taken = None if text in DIFFERENT or "rand" in text else taken_apart(text)
    is_ours = taken is None or taken.module == "np" or taken.name in NOT_IN_TORCH
    return None if is_ours or not lifted(text)[0] else taken


def assert_like_torchs_own(text, order=1, relative=RELATIVE):
    """The gradients of a call are those of torch's own function; how many were compared.

    By the tensors that the call writes. 0 where `torchs_own` gives none, where `WITHOUT_OWN` says
    so, and where torch has no second derivative.
    """
    import torch

    lines, _ = lifted(text)
    taken = torchs_own(text)
    if taken is None:
        return 0
    leaves = []

    def leaf(value):
        if isinstance(value, list):
            return value
        if isinstance(value, torch.Tensor) and value.dtype.is_floating_point:
            value = value.detach().clone().requires_grad_()
            leaves.append(value)
        return value

    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = ask_torch(
                taken._replace(
                    positional=[leaf(v) for v in taken.positional],
                    keywords={k: leaf(v) for k, v in taken.keywords.items()},
                )
            )
    except (TypeError, AttributeError, RuntimeError):
        assert taken.name in WITHOUT_OWN, f"{text}: torch does not take it"
        return 0
    finally:
        torch.set_default_dtype(default)
    if taken.place is not None:
        y = y[taken.place]
    elif isinstance(y, tuple) and hasattr(y, "values"):
        y = y.values
    if not (isinstance(y, torch.Tensor) and y.requires_grad) or len(lines) != len(leaves):
        assert taken.name in WITHOUT_OWN, f"{text}: torch has no gradient"
        return 0
    by = torch.cos(1.7 * torch.arange(y.numel(), dtype=torch.float64)).reshape(y.shape)
    try:
        wanted = _derived((y * by).sum(), leaves, order)
    except RuntimeError:
        assert order == 2 or taken.name in WITHOUT_OWN, f"{text}: torch has no gradient"
        return 0
    for found, where in _found(text, order):
        for (name, ours), g in zip(found.items(), wanted):
            ours = ours or [0.0] * g.numel()
            at = f"{text}, d/d{name}, {where}"
            assert_near(ours, elements(g), at, scale=1e-4, relative=relative)
    return len(lines)


def assert_slopes(text, *slopes, order=1):
    """The gradients of a call are these numbers, each times the weight of its element.

    By the tensors that the call writes, as `assert_like_torchs_own` compares them.
    """
    for found, where in _found(text, order):
        for (name, ours), given in zip(found.items(), slopes, strict=True):
            wanted = [s * math.cos(1.7 * i) for i, s in enumerate(given)]
            assert_near(ours, wanted, f"{text}, d/d{name}, {where}", scale=1e-4)


def _found(text, order):
    """Each backend's gradients by the tensors that a call writes, empty for none; and where."""
    names = [line.partition(" = ")[0] for line in lifted(text)[0]]
    program = text_with_loss(text) + "".join(
        f"\n{name}d = grad(loss_, {name})" for name in names if order == 2
    )
    if order == 2:
        total = " + ".join(
            f"sum({n}d * cos({i} + 1.7 * reshape(arange({n}.numel()), {n}.shape)))"
            for i, n in enumerate(names)
        )
        program += f"\ntotal_ = {total}"
    for backend in ("python", "torch"):
        found = gc.run(program, grad="total_" if order == 2 else "loss_", backend=backend).grad
        values = {n: list(map(float, elements(found[n]))) if n in found else [] for n in names}
        yield values, f"order {order}, on {backend}"


def _derived(y, leaves, order):
    """torch's gradients of y, or those of their weighted sum."""
    import torch

    for place in range(order):
        found = torch.autograd.grad(
            y, leaves, create_graph=place < order - 1, allow_unused=True, materialize_grads=True
        )
        # What is 0 for certain has no memory of its own in torch.
        found = [g + torch.zeros_like(x) for g, x in zip(found, leaves)]
        if place < order - 1:
            y = sum(
                (
                    g * torch.cos(i + 1.7 * torch.arange(g.numel(), dtype=g.dtype)).reshape(g.shape)
                ).sum()
                for i, g in enumerate(found)
            )
    return found
