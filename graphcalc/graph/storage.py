"""Writing in place: which values share memory in torch, and what a write to one makes of all.

Values never change here. A write makes new nodes, and every name, list and pending value that
shares memory with what is written to means the new ones from then on, as it does in torch.
Programs that write have no shared nodes, so that equal positions are the same tensor.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphcalc.diagnostics import CallError, Label
from graphcalc.graph.ir import Node, Where, label_of
from graphcalc.graph.lowered import FunctionValue, ListValue, Lowered, PairValue, TupleValue
from graphcalc.graph.objects import ParameterValue
from graphcalc.graph.scope import Scope
from graphcalc.ops.spec import FLOATS, Type
from graphcalc.ops.table import OPS
from graphcalc.syntax import expr as ast
from graphcalc.syntax.parts import expressions, nested
from graphcalc.syntax.program import Assignment, AugmentedAssignment, SyntaxTree

# Views of a whole tensor in another shape: what is written to them is written in their operand's.
_RESHAPES = frozenset({"reshape", "flatten", "squeeze", "unsqueeze"})


def writes(program: SyntaxTree) -> bool:
    """Return whether a program changes a value in place anywhere."""
    for statement in nested(program.parsed()):
        if isinstance(statement, AugmentedAssignment):
            return True
        if isinstance(statement, Assignment) and any(map(_is_written, statement.targets)):
            return True
        for root in expressions(statement):
            if any(map(_is_write, ast.postorder(root))):
                return True
    return False


def _is_written(target: ast.Expr) -> bool:
    return any(
        type(node) is ast.Index or (type(node) is ast.Attribute and node.name == "data")
        for node in ast.postorder(target)
    )


def _is_write(node: ast.Expr) -> bool:
    if type(node) is ast.Keyword:
        return node.name in ("inplace", "out")
    if type(node) is not ast.Call or type(node.function) is not ast.Attribute:
        return False
    name = node.function.name
    return is_in_place(name) or name in LIST_METHODS


def lists_that_change(program: SyntaxTree) -> frozenset[str]:
    """Return the names whose values a program changes as lists: by `append`, or by `+=`."""
    found: set[str] = set()
    for statement in nested(program.parsed()):
        if isinstance(statement, AugmentedAssignment) and isinstance(statement.value, ast.Tensor):
            found.update(_name_of(statement.target))
        for root in expressions(statement):
            for node in ast.postorder(root):
                if type(node) is ast.Call and type(node.function) is ast.Attribute:
                    is_change = node.function.name in LIST_METHODS
                    found.update(_name_of(node.function.value) if is_change else ())
    return frozenset(found)


def _name_of(node: ast.Expr) -> tuple[str, ...]:
    return (node.name,) if type(node) is ast.Name else ()


def is_in_place(name: str) -> bool:
    """Return whether a method's name is one of those that change a tensor, such as `add_`."""
    return name.endswith("_") and not name.startswith("_")


# Methods that change a list.
LIST_METHODS = frozenset({"append", "extend", "insert", "pop"})


# Functions whose result is memory that is written to afterwards, and those of the same arguments.
UNWRITTEN = {"empty": "zeros", "empty_like": "zeros_like", "new_empty": "new_zeros"}
# Methods that fill a tensor, whatever it holds.
FILLED = frozenset({"zero_", "fill_", "copy_"})


def filled(
    scope: Scope, name: str, items: tuple[Lowered, ...], nodes: tuple[ast.Expr, ...], where: Where
) -> int:
    """Return what a tensor is after `zero_()`, `fill_(value)` or `copy_(other)`."""
    whole = scope.builder.nodes[items[0]].type if type(items[0]) is int else None
    if whole is None or len(items) != (1 if name == "zero" else 2):
        text = f"`{name}_` has {'no argument' if name == 'zero' else 'one argument'}"
        raise CallError("arity", text, (label_of(where), *scope.context()))
    if name == "zero":
        value = scope.builder.constant(0.0, where)
    else:
        value = scope.operand(items[1], nodes[1], label_of(where).source)
    value = _spread(scope, value, whole.shape, whole, where)
    return scope.builder.add(OPS["alias"], (value,), (), where)


def is_number(scope: Scope, item: Lowered) -> bool:
    """Return whether a value is one of Python's, which nothing changes in place."""
    if type(item) is not int:
        return True
    node = scope.builder.nodes[item]
    return node.type.weak and not node.type.shape


def root_of(scope: Scope, position: int) -> int:
    """Return the node whose memory a value is in."""
    nodes = scope.builder.nodes
    while _is_view(scope, position):
        position = nodes[position].operands[0]
    return position


def _is_view(scope: Scope, position: int) -> bool:
    node = scope.builder.nodes[position]
    if not node.op.is_view or position in scope.copies:
        return False
    return "*" not in node.params[0] if node.op is OPS["index"] else True


def write(scope: Scope, old: int, new: int, where: Where, *, is_constant: bool = False) -> int:
    """Let a value be another one from now on, for all that share its memory; return what it is.

    Gradients do not see a write that `is_constant`, as one under `no_grad` or through `.data`.
    """
    is_constant = is_constant or scope.builder.is_without_gradients
    if is_constant:
        _check_leaf(scope, root_of(scope, old), where)
    written = _Write(scope, old, _fitted(scope, old, new, where), where)
    if is_constant:
        scope.builder.nodes[written.made[written.root]].is_constant = True
    written.everywhere()
    return written.position(old)


def is_unseen(target: ast.Expr) -> bool:
    """Return whether gradients do not see what is written to a target: `x.data[0]`."""
    node: Any = target
    while type(node) in (ast.Index, ast.Attribute, ast.Call):
        if type(node) is ast.Attribute and node.name == "data":
            return True
        node = node.function if type(node) is ast.Call else node.value
    return False


def _check_leaf(scope: Scope, root: int, where: Where) -> None:
    """Refuse a write that gradients do not see where the value before was computed from others."""
    node = scope.builder.nodes[root]
    if node.operands and not node.is_constant and node.type.dtype in FLOATS:
        raise CallError(
            "in-place-constant",
            "gradients would not see this write, and pass to what the value was computed from",
            (label_of(where), *scope.context()),
            help="write to a value of its own: `y = x.detach().clone()`",
        )


def _fitted(scope: Scope, old: int, new: int, where: Where) -> int:
    """Return a new value in the dtype of what it is written to. Raises CallError for a shape that
    does not fit."""
    builder = scope.builder
    wanted, found = builder.nodes[old].type, builder.nodes[new].type
    label = label_of(where)
    if found.shape != wanted.shape:
        from graphcalc.ops.shapes import show

        raise CallError(
            "in-place-shape",
            f"a value of shape {show(found.shape)} is written in place to one of "
            f"{show(wanted.shape)}",
            (label, *scope.context()),
            help="write `x = x + y` for a new value of the larger shape",
        )
    if found.dtype in FLOATS and wanted.dtype == "int64" and _is_whole(scope, new):
        from graphcalc.graph import dtypes

        return dtypes.cast(scope, new, "int64", label)
    if found.dtype in FLOATS and wanted.dtype not in FLOATS:
        raise CallError(
            "in-place-dtype",
            f"a value of {found.dtype} is written in place to one of {wanted.dtype}",
            (label, *scope.context()),
            help="write `x = x + y` for a new value",
        )
    if found.dtype != wanted.dtype and not found.weak:
        from graphcalc.graph import dtypes

        return dtypes.cast(scope, new, wanted.dtype, label)
    return new


def _is_whole(scope: Scope, position: int) -> bool:
    """Whether a value is arithmetic of whole numbers, which is floating point here."""
    nodes = scope.builder.nodes
    node = nodes[position]
    return node.op is not OPS["div"] and all(
        nodes[p].type.dtype in ("int64", "bool") or _is_written_whole(nodes[p])
        for p in node.operands
    )


def _is_written_whole(node: Node) -> bool:
    if node.op is not OPS["const"] or not node.type.weak:
        return False
    return all(value == value // 1 for value in node.params[1])


class _Write:
    """One write: new nodes for all that is in the memory of a root."""

    def __init__(self, scope: Scope, old: int, new: int, where: Where) -> None:
        self.scope, self.where = scope, where
        self.root = root_of(scope, old)
        # Views are made anew of the new root, so that they go on sharing its memory.
        self.made = {self.root: self._root_with(old, new)}
        if scope.backward_passes:
            scope.earlier[self.made[self.root]] = self.root, len(scope.backward_passes)
        # What lists and closures became, by their identity; they stay alive meanwhile.
        self.seen: dict[int, tuple[Any, Any]] = {}

    def _add(self, name: str, operands: Iterable[int], params: tuple[Any, ...]) -> int:
        return self.scope.builder.add(
            OPS[name], tuple(operands), params, self.where, context=self.scope.context()
        )

    def _root_with(self, position: int, value: int) -> int:
        """Return what the root is when a view of it is a new value."""
        nodes = self.scope.builder.nodes
        while position != self.root:
            view = nodes[position]
            position = view.operands[0]
            value = self._undone(view, position, value)
        # It has memory of its own, also where the last step to it is a view.
        self.scope.copies.add(value)
        return value

    def _undone(self, view: Node, operand: int, value: int) -> int:
        """Return the operand of a view, when what the view shows of it is a value."""
        nodes = self.scope.builder.nodes
        match view.op.name:
            case "alias":
                return value
            case "T":
                return self._add("T", (value,), ())
            case "transpose":
                return self._add("transpose", (value,), view.params)
            case "permute":
                order = [d % len(view.params[0]) for d in view.params[0]]
                inverse = tuple(sorted(range(len(order)), key=order.__getitem__))
                return self._add("permute", (value,), (inverse,))
            case "index":
                return put(self.scope, operand, view.params[0], value, self.where)
        if view.op.name in _RESHAPES:
            self._check_contiguous(operand, view)
            return self._add("reshape", (value,), (nodes[operand].type.shape,))
        raise self._refused(view)

    def _check_contiguous(self, operand: int, view: Node) -> None:
        """Refuse a reshape that torch may have copied."""
        nodes = self.scope.builder.nodes
        while _is_view(self.scope, operand):
            node = nodes[operand]
            if node.op.name not in (*_RESHAPES, "alias", "detach"):
                raise self._refused(view)
            operand = node.operands[0]

    def _refused(self, view: Node) -> CallError:
        label = label_of(self.where)
        return CallError(
            "in-place-view",
            f"whether this write is seen through `{view.op.name}` depends on memory",
            (label, Label(view.source, view.span, "this view"), *self.scope.context()),
            help="write to the tensor itself, or to a `clone()` of the view",
        )

    # What shares the memory

    def everywhere(self) -> None:
        """Let all names, lists and pending values mean the new nodes."""
        scope = self.scope
        scope.values[:] = [self.item(item) for item in scope.values]
        for turns in scope.turns:
            if turns.may_change:
                turns.whole = self.item(turns.whole)
                turns.waiting[:] = [self.item(item) for item in turns.waiting]
        for frame in scope.frames:
            self._mapping(frame.values)
        for owner in scope.objects:
            self._mapping(owner.members)
        if scope.program is not None:
            for name, position in list(scope.names.items()):
                found = self.position(position)
                if found != position:
                    scope.program.rename(name, found, self.where)
            for name, static in list(scope.statics.items()):
                item = self.item(static.item)
                if item is not static.item:
                    scope.program.give_static(name, item)

    def _mapping(self, values: dict[str, Lowered]) -> None:
        if id(values) in self.seen:
            return
        self.seen[id(values)] = values, values
        for name, item in list(values.items()):
            values[name] = self.item(item)

    def item(self, item: Lowered) -> Lowered:
        """Return what a value is after the write."""
        if type(item) is int:
            return self.position(item)
        if id(item) in self.seen:
            known: Lowered = self.seen[id(item)][1]
            return known
        found: Any = item
        match item:
            case TupleValue() | ListValue():
                parts = tuple(self.item(part) for part in item.items)
                changed = any(a is not b for a, b in zip(parts, item.items))
                found = item._replace(items=parts) if changed else item
            case PairValue():
                found = item._replace(position=self.position(item.position))
            case FunctionValue():
                self._mapping(item.closure)
            case ParameterValue(value=int(value)) if item.position is None:
                item.value = self.position(value)
        self.seen[id(item)] = item, found
        result: Lowered = found
        return result

    def position(self, position: int) -> int:
        """Return the node that a value is after the write."""
        if root_of(self.scope, position) != self.root:
            return position
        nodes, chain = self.scope.builder.nodes, []
        while position not in self.made:
            chain.append(position)
            position = nodes[position].operands[0]
        found = self.made[position]
        for view in reversed(chain):
            found = self.made[view] = self._again(view, found)
        return found

    def _again(self, position: int, operand: int) -> int:
        """Return a view of what its operand is now."""
        node = self.scope.builder.nodes[position]
        if node.op.name in _RESHAPES:
            self._check_contiguous(node.operands[0], node)
        if node.op is OPS["alias"]:
            return operand
        return self.scope.builder.add(
            node.op, (operand, *node.operands[1:]), node.params, node.where, written=node.written
        )


# What is written to an index


def put(
    scope: Scope,
    base: int,
    items: tuple[Any, ...],
    value: int,
    where: Where,
    places: tuple[int, ...] = (),
) -> int:
    """Return a tensor with a value where an index chooses; `places` are tensors among its items."""
    builder, context = scope.builder, scope.context()

    whole = builder.nodes[base].type
    region = builder.type_of(OPS["index"], (base, *places), (items,), where, context).shape
    value = _spread(scope, value, region, whole, where)
    return builder.add(OPS["index_put"], (base, value, *places), (items,), where, context=context)


def put_mask(
    scope: Scope, base: int, mask: int, value: int, where: Where, *, is_whole: bool = False
) -> int:
    """Return a tensor with a number where a mask is true, or, `is_whole`, another's elements."""
    builder, context = scope.builder, scope.context()
    whole, chosen = builder.nodes[base].type, builder.nodes[mask].type
    given = builder.nodes[value].type
    if given.numel != 1 and not is_whole:
        raise CallError(
            "mask-values",
            "how many values a mask takes is known only when the program runs",
            (label_of(where), *context),
            help="write `x = torch.where(mask, y, x)`",
        )
    if len(chosen.shape) < len(whole.shape):
        shape = (*chosen.shape, *[1] * (len(whole.shape) - len(chosen.shape)))
        mask = builder.add(OPS["reshape"], (mask,), (shape,), where)
    value = _spread(scope, value, () if given.numel == 1 else whole.shape, whole, where)
    return builder.add(OPS["where"], (mask, value, base), (), where, context=context)


def _spread(scope: Scope, value: int, region: tuple[Any, ...], whole: Type, where: Where) -> int:
    """Return a value in the shape of what it is written to, and in its dtype."""
    builder = scope.builder
    found = builder.nodes[value].type
    if found.dtype != whole.dtype and not (found.weak and whole.dtype in FLOATS):
        from graphcalc.graph import dtypes

        value = dtypes.cast(scope, value, whole.dtype, label_of(where))
        found = builder.nodes[value].type
    lead = len(found.shape) - len(region)
    if lead > 0 and set(found.shape[:lead]) == {1}:
        value = builder.add(OPS["reshape"], (value,), (found.shape[lead:],), where)
    if builder.nodes[value].type.shape == region:
        return value
    return builder.add(OPS["expand"], (value,), (region,), where, context=scope.context())
