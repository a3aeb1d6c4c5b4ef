"""Reverse-mode differentiation: the gradient of one node with respect to those it comes from.

The nodes of the backward pass are added to the graph that they differentiate, by the formulas of
the op table, and are nodes like all others: they can be shared, shown, and differentiated again.
Baydin et al., "Automatic differentiation in machine learning: a survey", JMLR 18 (2018), section 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from graphcalc.diagnostics import CallError, DtypeError, Label, ShapeError
from graphcalc.graph.builder import Builder
from graphcalc.graph.call_site import CallSite, ShapeFunction
from graphcalc.graph.fragments import derivative
from graphcalc.graph.frames import Frame
from graphcalc.graph.ir import Node, Where, label_of, text_of
from graphcalc.graph.lowered import ListValue, Lowered, NoneValue, TupleValue
from graphcalc.graph.scope import Scope
from graphcalc.ops.shapes import show
from graphcalc.ops.spec import FLOATS, NONE, ZERO, Type
from graphcalc.ops.table import OPS
from graphcalc.source import Source
from graphcalc.syntax import expr as ast


class Edge(NamedTuple):
    """One use of a node by another: what it adds to the node's gradient.

    `user` reads `node` as its operand number `place`. `local` is the derivative of the one by
    the other, of scalars and where that was asked for; `share` is the product with the user's
    gradient, or ZERO.
    """

    node: int
    user: int
    place: int
    local: int | None
    share: int | str

    def moved(self, to: Mapping[int, int] | range) -> Edge:
        """The same in a graph where nodes stand elsewhere."""
        return Edge(
            to[self.node],
            to[self.user],
            self.place,
            None if self.local is None else to[self.local],
            to[self.share] if isinstance(self.share, int) else self.share,
        )


class Backward(NamedTuple):
    """A backward pass: the position of every gradient by that of its node.

    `zero` are the nodes whose every way to the target goes through a function that is constant
    wherever it has a derivative, as floor.
    """

    nodes: dict[int, int]
    zero: frozenset[int]
    edges: list[Edge]


def zeros(builder: Builder, position: int) -> int:
    """A gradient of 0 everywhere."""
    node = builder.nodes[position]
    zero = builder.constant(0.0, node.where, type_=node.type._replace(shape=()))
    if not node.type.shape:
        return zero
    return builder.add(OPS["full_like"], (position, zero), (), node.where)


def ancestors(nodes: list[Node], target: int) -> bytearray:
    """Which nodes a target is computed from, itself included: 1 for those."""
    found = bytearray(target + 1)
    found[target] = 1
    for position in range(target, -1, -1):
        if found[position] and not nodes[position].is_bound:
            for operand in nodes[position].operands:
                found[operand] = 1
    return found


def why_zero(builder: Builder, target: int, position: int) -> str:
    """Why a node has no gradient: nothing depends on it, or a function has no derivative."""
    nodes = builder.nodes
    is_above = ancestors(nodes, target)
    if position > target or not is_above[position]:
        names = text_of(nodes[target]), text_of(nodes[position])
        return "{} does not depend on {}: the gradient is 0".format(*names)
    below = {position}
    for i in range(position + 1, target + 1):
        if is_above[i] and below.intersection(nodes[i].operands):
            if nodes[i].type.dtype not in FLOATS:
                why = f"`{nodes[i].op.name}` has no derivative"
                return f"no gradient reaches {text_of(nodes[position])}: {why}"
            below.add(i)
    return f"no gradient reaches {text_of(nodes[position])}"


def is_one_number(node: Node) -> bool:
    """Whether a node has one element, of which gradients are taken as they are of a scalar."""
    return all(type(size) is int and size == 1 for size in node.type.shape)


class Reverse:
    """Backward passes over the graph of a scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope, self._builder = scope, scope.builder
        self._where: Where | None = None

    def one(self, target: int) -> int:
        """The gradient of a single number with respect to itself."""
        node = self._builder.nodes[target]
        type_ = node.type._replace(shape=())
        found = self._builder.constant(1.0, node.where, type_=type_)
        if node.type.shape and is_one_number(node):
            return self._builder.add(OPS["expand"], (found,), (node.type.shape,), node.where)
        return found

    def sweep(
        self,
        target: int,
        seed: int,
        wanted: Iterable[int] | None = None,
        *,
        with_locals: bool = False,
        where: Where | None = None,
    ) -> Backward:
        """The gradients of a target whose own gradient is `seed`.

        With `wanted`, only those of the nodes on the way from these to the target. The nodes
        that it takes stand where those do that they are derivatives of, or at `where`.
        """
        nodes = self._builder.nodes
        self._where = where
        is_reached = self._reached(target, wanted)
        # Sums so far: added up at once, so that no more than one is alive of a node used often.
        totals: dict[int, int] = {target: seed}
        gradients: dict[int, int] = {}
        zero: set[int] = set()
        edges: list[Edge] = []
        for position in range(target, -1, -1):
            if not is_reached[position]:
                continue
            node = nodes[position]
            gradient: int | str = NONE
            if position in totals:
                gradient = gradients[position] = totals.pop(position)
            elif position in zero:
                gradient = ZERO
            if _ends(node):
                continue
            types = tuple([nodes[i].type for i in node.operands])
            for number, operand in enumerate(node.operands):
                if not is_reached[operand]:
                    continue
                edge = self._edge(position, number, types, gradient, with_locals)
                if edge is None:
                    continue
                if isinstance(edge.share, int):
                    totals[operand] = self._sum(totals.get(operand), edge.share, nodes[operand])
                else:
                    zero.add(operand)
                if gradient != ZERO:
                    edges.append(edge)
        return Backward(gradients, frozenset(zero.difference(gradients)), edges)

    def _reached(self, target: int, wanted: Iterable[int] | None) -> bytearray:
        """Which nodes have a gradient that somebody wants: 1 for those."""
        nodes = self._builder.nodes
        reached = bytearray(target + 1)
        reached[target] = nodes[target].type.dtype in FLOATS
        for position in range(target, -1, -1):
            if reached[position] and not _ends(nodes[position]):
                for operand in nodes[position].operands:
                    found = nodes[operand]
                    is_plain = found.op is OPS["const"] and found.name is None
                    if found.type.dtype in FLOATS and (
                        not is_plain or operand in self._builder.variables
                    ):
                        reached[operand] = 1
        if wanted is not None:
            leads = bytearray(target + 1)
            for position in wanted:
                if position <= target:
                    leads[position] = 1
            for position in range(target + 1):
                if not leads[position] and reached[position] and not _ends(nodes[position]):
                    leads[position] = any([leads[i] for i in nodes[position].operands])
                reached[position] &= leads[position]
        return reached

    def _sum(self, total: int | None, share: int, node: Node) -> int:
        """The gradient of a node with what one more use of it adds."""
        if total is None:
            return share
        return self._builder.add(OPS["add"], (total, share), (), self._at(node))

    def _at(self, node: Node) -> Where:
        """Where the derivative of a node stands in the program's text."""
        return self._where or node.where

    def _edge(
        self,
        user: int,
        place: int,
        types: tuple[Type, ...],
        gradient: int | str,
        with_locals: bool,
    ) -> Edge | None:
        """What one use of an operand adds to its gradient; None where nothing passes."""
        builder, nodes = self._builder, self._builder.nodes
        node = nodes[user]
        operand = node.operands[place]
        where = self._at(node)
        g = nodes[gradient].type if isinstance(gradient, int) else node.type
        rule = derivative(self._scope, node, types, place, g)
        if rule == NONE or gradient == NONE:
            return None
        if isinstance(rule, str) or isinstance(gradient, str):
            return Edge(operand, user, place, None, ZERO)
        slots = (*node.operands, user)
        origin = (node, place)
        share = builder.splice(rule, (*slots, gradient), where, derivative_of=origin)
        first = len(nodes)
        share = self._fit(share, types[place], where)
        for added in nodes[first:]:
            added.derivative_of = origin
        local = None
        if with_locals and not node.type.shape and not types[place].shape:
            one = builder.constant(1.0, where, type_=g)
            local = builder.splice(rule, (*slots, one), where, derivative_of=origin)
        return Edge(operand, user, place, local, share)

    def _fit(self, share: int, type_: Type, where: Where) -> int:
        """A gradient in the dtype and the shape of its operand: summed where that was broadcast."""
        builder = self._builder
        dtype = builder.nodes[share].type.dtype
        if dtype != type_.dtype and not type_.weak and not builder.nodes[share].type.weak:
            share = builder.add(OPS[f"to_{type_.dtype}"], (share,), (), where)
        shape, wanted = builder.nodes[share].type.shape, type_.shape
        if shape == wanted:
            return share
        lead = len(shape) - len(wanted)
        kept = tuple(
            lead + i for i, (m, n) in enumerate(zip(shape[lead:], wanted)) if n == 1 and m != 1
        )
        dims = (*range(lead), *kept)
        if dims:
            share = builder.add(OPS["sum"], (share,), (dims, bool(kept)), where)
        if builder.nodes[share].type.shape != wanted:
            share = builder.add_simplified(OPS["reshape"], (share,), (wanted,), where)
        return share


def _ends(node: Node) -> bool:
    """Whether no gradient passes through a node."""
    return node.is_bound or node.is_constant


# The function of the language


def _grad(site: CallSite) -> Lowered:
    """`grad(f, x)`: one node; of a list of them, as many."""
    several = site.item("inputs")
    if not isinstance(several, (TupleValue, ListValue)):
        return _gradients(site, [site.tensor("inputs")])[0]
    if not several.items:
        raise CallError("gradient-of-nothing", "`grad` has no inputs in its list", site.label())
    found = [site.scope.operand(i, several.node, site.frame.source) for i in several.items]
    return TupleValue(tuple(_gradients(site, found)), site.node)


def _autograd_grad(site: CallSite) -> Lowered:
    """`torch.autograd.grad` gives a tuple, also of one."""
    found = _grad(site)
    return found if isinstance(found, TupleValue) else TupleValue((found,), site.node)


def _gradients(site: CallSite, wanted: list[int], *, is_noted: bool = True) -> list[int]:
    label, builder = site.label(), site.scope.builder
    reverse = Reverse(site.scope)
    nodes = builder.nodes
    targets, seeds = _targets(site, reverse)
    for position in (*targets, *wanted):
        node = nodes[position]
        if node.type.dtype not in FLOATS:
            raise DtypeError(
                "gradient-dtype",
                f"{text_of(node)} is {node.type.dtype}: only floating point has gradients",
                label,
            )
    # A tensor under another name is the same tensor.
    origins = [_origin(builder, position) for position in wanted]
    totals: dict[int, int] = {}
    for target, seed in zip(targets, seeds):
        _check_seed(nodes[target], nodes[seed], label)
        found = reverse.sweep(target, seed, origins, where=site.where)
        for position in dict.fromkeys(origins):
            if position in found.nodes:
                share, total = found.nodes[position], totals.get(position)
                totals[position] = (
                    share if total is None else site.add(OPS["add"], (total, share), ())
                )
            elif is_noted and position not in found.zero:
                builder.note(label_of(site.where), why_zero(builder, target, position))
    return [totals[p] if p in totals else zeros(builder, p) for p in origins]


def _targets(site: CallSite, reverse: Reverse) -> tuple[list[int], list[int]]:
    """Return the nodes whose gradients add up, one or those of a list, and their own gradients."""
    if site.is_true("is_grads_batched"):
        raise site.fail("is_grads_batched", "false")
    targets = site.tensors("outputs")
    given = site.item("grad_outputs")
    if given is None:
        return targets, [reverse.one(target) for target in targets]
    seeds = site.tensors("grad_outputs")
    if len(seeds) != len(targets):
        raise site.fail("grad_outputs", "as many tensors as there are outputs,")
    return targets, seeds


def _check_seed(target: Node, seed: Node, label: tuple[Label, ...]) -> None:
    if seed.type.shape == target.type.shape:
        return
    if seed.op is OPS["const"] and not seed.type.shape:
        raise ShapeError(
            "gradient-of-tensor",
            f"{text_of(target)} is {show(target.type.shape)}, and gradients are those of one "
            "number",
            label,
            help="reduce it, as `grad(sum(y), x)`, or weigh its elements: `grad(y, x, weights)`",
        )
    raise ShapeError(
        "gradient-seed",
        f"`grad_outputs` has the shape of {text_of(target)}, {show(target.type.shape)}, "
        f"and this is {show(seed.type.shape)}",
        label,
    )


def _origin(builder: Builder, position: int) -> int:
    node = builder.nodes[position]
    while node.op is OPS["alias"] and not node.is_bound:
        (position,) = node.operands
        node = builder.nodes[position]
    return position


def accumulated(scope: Scope, position: int, node: ast.Attribute, source: Source) -> Lowered:
    """Return what `x.grad` is after `.backward()` of one or more nodes: the sum of all passes.

    A pass from before a write in place is with respect to what the value was then.
    """
    first, last = scope.passes_before.get(position, 0), len(scope.backward_passes)
    found: list[int] = []
    version: int | None = position
    while version is not None and first < last:
        before, written_after = scope.earlier.get(version, (None, 0))
        begin = max(first, written_after)
        if begin < last:
            found.append(_of_passes(scope, version, slice(begin, last), node, source))
        version, last = before, min(last, written_after)
        first = max(first, scope.passes_before.get(version, 0)) if version is not None else first
    if not found:
        return zeros(scope.builder, position) if scope.passes_before else NoneValue(node)
    total = found[0]
    for share in found[1:]:
        total = scope.builder.add(OPS["add"], (total, share), (), (source, node.span))
    if type(node.value) is not ast.Name:
        return total
    name = f"{node.value.name}.grad"
    if scope.named_gradients.setdefault(total, name) != name:
        # Equal gradients of several names are one node, and each name is shown.
        alias, where = OPS["alias"], (source, node.span)
        total = scope.builder.add(alias, (total,), (), where, is_shared=False)
    scope.local_names.append((total, name))
    return total


def _of_passes(
    scope: Scope, position: int, passes: slice, node: ast.Attribute, source: Source
) -> int:
    targets = scope.backward_passes[passes]
    call = ast.Call(ast.Name("grad", node.start, node.start), (), node.start, node.end)
    matched = {
        "outputs": (TupleValue(tuple(p for p, _ in targets), node), node),
        "grad_outputs": (TupleValue(tuple(seed for _, seed in targets), node), node),
    }
    site = CallSite(scope, matched, call, Frame(iter(()), source, {}), "grad")
    return _gradients(site, [position], is_noted=False)[0]


def begin_pass(scope: Scope, items: list[Lowered], node: ast.Call, source: Source) -> NoneValue:
    """Note that `.backward()` of a node was called, with the gradient that is given or with 1."""
    position, *given = [scope.operand(item, node, source) for item in items]
    seed = given[0] if given else Reverse(scope).one(position)
    scope.backward_passes.append((position, seed))
    return NoneValue(node)


_SIGNATURE = (
    "outputs, inputs, grad_outputs = None, retain_graph: flag = None, create_graph: flag = False, "
    "only_inputs: flag = True, allow_unused: flag = None, is_grads_batched: flag = False, "
    "materialize_grads: flag = False"
)
GRAD = ShapeFunction(
    "grad",
    _SIGNATURE,
    "The derivative of a number with respect to what it was computed from: grad(f, x). It is a "
    "node, so it can be differentiated again: with `f(x) = grad(x^3, x)`, f(3) is 27. Of a list of "
    "inputs, as many nodes.",
    _grad,
    differs="one tensor for one input, where torch.autograd.grad gives a tuple.",
    kind="Derivatives",
)
AUTOGRAD_GRAD = ShapeFunction("autograd_grad", _SIGNATURE, GRAD.doc, _autograd_grad)
