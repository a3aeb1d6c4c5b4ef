"""Arguments of calls: matched with parameters, and made static where they must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphcalc.diagnostics import CallError, Label, brief, did_you_mean
from graphcalc.graph.builder import Builder
from graphcalc.graph.ir import label_of, text_of
from graphcalc.graph.lowered import (
    ListValue,
    Lowered,
    NoneValue,
    StaticArgument,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.text import show_static
from graphcalc.ops.prelude import called
from graphcalc.ops.sizes import ROWS, Size
from graphcalc.ops.spec import TENSORS, Parameter, parameters
from graphcalc.ops.table import CONSTANTS, OPS
from graphcalc.ops.words import KEYWORD_ALIASES
from graphcalc.source import RULES, Source
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr, FunctionParameter
from graphcalc.syntax.format import format_expression
from graphcalc.syntax.program import Definition

_MAX_SIZE = 1 << 62


class Arguments:
    """Reads arguments against the nodes that are already in the graph."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        # Nodes whose values were read while the graph was made.
        self.static_uses: list[int] = []
        # Lists by the node of a name that was given one.
        self.lists: dict[int, ListValue] = {}

    # Matching

    def bind(
        self,
        definition: Definition,
        items: list[Lowered],
        nodes: list[Expr],
        call: Expr,
        source: Source,
    ) -> dict[str, Lowered]:
        """The arguments of a call of a function that is written in the language, by parameter."""
        in_order = sorted(definition.parameters, key=lambda p: p.kind != "")
        parameters_ = [
            Parameter(p.name, "tensor", _default_text(definition, p), False)
            for p in in_order
            if p.kind != "rest"
        ]
        name = called(definition.name)
        rest: dict[str, Lowered] = {}
        if in_order and in_order[-1].kind:
            count = sum(p.kind == "" for p in in_order)
            taken = next((p.name for p in in_order if p.kind == "rest"), "")
            items, nodes, more = _without_rest(items, nodes, count)
            if more and not taken:
                given = count + len(more)
                text = ", ".join(p.name for p in in_order[:count])
                raise self._arity(name, text, parameters_[:count], given, call, source, ())
            rest = {taken: TupleValue(more, call)} if taken else {}
        matched = self._assign(name, parameters_, items, nodes, call, source, ())
        return {**{name: item for name, (item, _) in matched.items()}, **rest}

    def match(
        self,
        op: Any,
        items: list[Lowered],
        nodes: list[Expr],
        call: Expr,
        source: Source,
        context: tuple[Label, ...],
    ) -> dict[str, tuple[Lowered, Expr]]:
        """The arguments of a call of a row, by parameter; a variadic one gets `Sizes`."""
        declared = [p for p in parameters(op) if p.kind != "key"]
        variadic = next((i for i, p in enumerate(declared) if p.variadic), None)
        if variadic is not None:
            count = sum(type(n) is not ast.Keyword for n in nodes)
            extra = items[variadic:count]
            if extra and not (len(extra) == 1 and type(extra[0]) in (TupleValue, ListValue)):
                packed = TupleValue(tuple(extra), nodes[variadic] if len(extra) == 1 else call)
                items = [*items[:variadic], packed, *items[count:]]
                nodes = [*nodes[:variadic], nodes[variadic], *nodes[count:]]
            elif not extra and not any(type(n) is ast.Keyword for n in nodes):
                items, nodes = [*items, TupleValue((), call)], [*nodes, call]
        return self._assign(op.name, declared, items, nodes, call, source, context)

    def _assign(
        self,
        name: str,
        declared: list[Parameter],
        items: list[Lowered],
        nodes: list[Expr],
        call: Expr,
        source: Source,
        context: tuple[Label, ...],
    ) -> dict[str, tuple[Lowered, Expr]]:
        matched: dict[str, tuple[Lowered, Expr]] = {}
        known = {p.name for p in declared}
        positional = sum(type(n) is not ast.Keyword for n in nodes)
        signature = ", ".join(
            ("*" * p.variadic) + p.name + _shown_default(p.default) for p in declared
        )
        if positional > len(declared):
            raise self._arity(name, signature, declared, positional, call, source, context)
        for position, (item, node) in enumerate(zip(items, nodes)):
            if type(node) is not ast.Keyword:
                matched[declared[position].name] = item, node
                continue
            key = node.name
            if key not in known:
                key = next((k for k in KEYWORD_ALIASES.get(key, ()) if k in known), key)
            label = (Label(source, node.span), *context)
            if key not in known:
                raise CallError(
                    "unknown-keyword",
                    f"`{brief(name)}` has no argument `{brief(node.name)}`",
                    label,
                    note=f"its arguments are ({signature})",
                    help=did_you_mean(node.name, known),
                )
            if key in matched:
                raise CallError("argument-twice", f"argument `{key}` is given twice", label)
            matched[key] = item, node.value
        if any(p.name not in matched and not p.default for p in declared):
            raise self._arity(name, signature, declared, len(nodes), call, source, context)
        return matched

    def _arity(
        self,
        name: str,
        signature: str,
        declared: list[Parameter],
        given: int,
        call: Expr,
        source: Source,
        context: tuple[Label, ...],
    ) -> CallError:
        least = sum(not p.default for p in declared)
        most = len(declared)
        wants = f"{least}" if least == most else f"{least} to {most}"
        return CallError(
            "arity",
            f"`{brief(name)}` takes {wants} argument{'s' * (most != 1)}, got {given}",
            (Label(source, call.span), *context),
            note=f"its arguments are ({signature})",
        )

    def is_pair(
        self, items: list[Lowered], nodes: list[Expr], decided: Callable[[int], Any]
    ) -> bool:
        """Whether `max(x, y)` means the larger of two tensors, not a dimension of one.

        As in torch, a whole number that the program says as the second argument is a dimension; of
        a scalar, which has none, it is a value, and so it is of a column of rows, a scalar in each
        of them. A number with a point and a tensor are values too.
        """
        if len(items) != 2 or type(nodes[1]) is ast.Keyword:
            return False
        first, second = items
        is_number = type(first) is StaticNumber
        shape = self.builder.nodes[first].type.shape if type(first) is int else (1,)
        if is_number or (type(second) is StaticNumber and not shape):
            return True
        if type(second) is not int:
            return type(second) is ListValue
        from graphcalc.graph.decisions import says_value

        value: Any = decided(second) if shape and shape != (ROWS,) else None
        is_whole = type(value) in (int, float) and value == value // 1
        return not (is_whole and not says_value(self.builder, second, nodes[1]))

    # Conversion

    def convert(
        self,
        op: Any,
        matched: dict[str, tuple[Lowered, Expr]],
        call: Expr,
        source: Source,
        context: tuple[Label, ...],
        operand: Callable[[Lowered, Expr, Source], int],
    ) -> tuple[tuple[int, ...], tuple[Any, ...]]:
        """Operands and static arguments in the order of the row's signature."""
        operands: list[int] = []
        params: list[Any] = []
        for parameter in parameters(op):
            if parameter.kind == "key":
                continue
            item, node = matched.get(parameter.name, (None, call))
            if item is None or type(item) is NoneValue:
                self._check_default(op, parameter, node, source)
                if parameter.kind in TENSORS:
                    operands.append(self._default(parameter, call, source))
                else:
                    params.append(_static_default(parameter))
            elif parameter.kind == "tensors" or (parameter.variadic and parameter.kind in TENSORS):
                operands += self._list(op, parameter, item, node, source, operand)
            elif parameter.kind in TENSORS:
                operands.append(operand(item, node, source))
            else:
                nodes = self.builder.nodes
                is_of_scalar = op.kind == "reduction" and not nodes[operands[0]].type.shape
                params.append(
                    self._static(op, parameter, item, node, source, context, is_of_scalar)
                )
        return tuple(operands), tuple(params)

    def _list(
        self,
        op: Any,
        parameter: Parameter,
        item: Lowered,
        node: Expr,
        source: Source,
        operand: Callable[[Lowered, Expr, Source], int],
    ) -> list[int]:
        """The operands that a list of tensors holds."""
        item = self.listed(item)
        if type(item) not in (TupleValue, ListValue):
            raise CallError(
                "tensors",
                f"`{op.name}` wants a list of tensors, and this is one tensor",
                (Label(source, node.span),),
                help=f"write `{op.name}([a, b])`",
            )
        assert isinstance(item, (TupleValue, ListValue))
        if parameter.variadic and type(item) is ListValue and _is_written(item):
            # `einsum("ii", [[1, 2], [3, 4]])` is of one tensor.
            return [operand(item, node, source)]
        if isinstance(item, ListValue):
            return [operand(i, n, source) for i, n in zip(item.items, item.nodes)]
        written = getattr(item.node, "items", ())
        nodes = written if len(written) == len(item.items) else [node] * len(item.items)
        return [operand(i, n, source) for i, n in zip(item.items, nodes)]

    def _check_default(self, op: Any, parameter: Parameter, node: Expr, source: Source) -> None:
        if not parameter.default:
            raise CallError(
                "none-operand",
                f"argument `{parameter.name}` of `{op.name}` cannot be None",
                (Label(source, node.span),),
            )

    def _default(self, parameter: Parameter, call: Expr, source: Source) -> int:
        text = parameter.default
        sign, word = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
        value = sign * (CONSTANTS[word] if word in CONSTANTS else float(word))
        return self.builder.constant(value, (source, call.span))

    def _static(
        self,
        op: Any,
        parameter: Parameter,
        item: Lowered,
        call: Expr,
        source: Source,
        context: tuple[Label, ...],
        is_of_scalar: bool,
    ) -> Any:
        """The value of a static argument; `is_of_scalar` when a reduction has nothing to reduce."""

        def fail(what: str, node: Expr) -> CallError:
            return CallError(
                "static-argument",
                f"argument `{parameter.name}` of `{op.name}` must be {what}",
                (Label(source, node.span), *context),
                help=f"of several numbers, write `{op.name}([a, b, c])`" if is_of_scalar else "",
            )

        if type(item) is StaticArgument:
            return item.value
        match parameter.kind:
            case "flag":
                value = self.value(item)
                if value not in (0, 1):
                    raise fail("true or false", call)
                return bool(value)
            case "number":
                value = self.value(item)
                if value is None:
                    raise fail("a number that is known before the program runs", call)
                return value if type(value) is Size else float(value)
            case "text":
                if type(item) is not TextValue:
                    raise fail('text such as "ij,jk->ik"', call)
                return item.text
            case "padding" if type(item) is TextValue:
                return item.text
            case "dim":
                return self.whole(item, lambda: fail("a whole number", call))
            case "size":
                return self._size(item, source, call, context)
            case "dims" | "reduced":
                found = self.elements(item)
                wrong = "a dimension, or a tuple of them"
                if not found and parameter.kind == "reduced":
                    return None
                return tuple(self.whole(i, lambda: fail(wrong, call)) for i in found)
            case _:
                found = self.elements(item)
                return tuple(self._size(i, source, call, context) for i in found)

    def listed(self, item: Lowered) -> Lowered:
        """Return the list that a node was written as, where a list is wanted; else the item."""
        found = self.lists.get(item) if type(item) is int else None
        if found is not None and type(item) is int:
            self._note_list(item, found)
            item = found
        if isinstance(item, ListValue):
            for count in item.counts:
                self.value(count)
            items = [self.listed(i) if isinstance(i, ListValue) else i for i in item.items]
            return item._replace(items=tuple(items), arithmetic=None)
        return item

    def _note_list(self, position: int, found: ListValue) -> None:
        """Note that the node of a name is read, as a list that its value may not be."""
        self.static_uses.append(position)
        if found.is_computed:
            node = self.builder.nodes[position]
            text = f"{text_of(node)} is Python's list where one is wanted, and else arithmetic"
            self.builder.note(label_of(node.where), text)

    def elements(self, item: Any) -> tuple[Any, ...]:
        """What a tuple or a constant tensor lists, as sizes or dimensions; else the item itself."""
        found: list[Any] = []
        pending = [item]
        while pending:
            item = self.listed(pending.pop())
            literal = None
            if type(item) is int and len(self.builder.nodes[item].type.shape) == 1:
                literal = self.builder.literal(item)
                if self.builder.nodes[item].op is OPS["tensor"]:
                    pending += reversed(self.builder.nodes[item].operands)
                    continue
            if type(item) in (TupleValue, ListValue):
                pending += reversed(item.items)
            elif type(item) is StaticArgument:
                found += map(StaticNumber, item.value)
            elif literal is not None:
                found += map(StaticNumber, literal)
            else:
                found.append(item)
        return tuple(found)

    def value(self, item: Any) -> Any:
        """The number an item is known to be before the program runs, or None."""
        if type(item) is StaticNumber:
            return item.value
        if type(item) is not int:
            return None
        value = self.builder.static(item)
        if value is not None:
            self._note_use(item)
        return value

    def _note_use(self, position: int) -> None:
        """Remember what a static value depends on: it is read, if not by a node."""
        pending, seen = [position], set()
        while pending:
            current = pending.pop()
            if current not in seen:
                seen.add(current)
                self.static_uses.append(current)
                pending += self.builder.nodes[current].operands

    def whole(self, item: Any, fail: Callable[[], Exception]) -> Any:
        """The whole number an item is known to be before the program runs, or raise `fail()`."""
        value = self.value(item)
        if type(value) is Size:
            return value
        if value is None or type(value) is bool or value != value or abs(value) >= _MAX_SIZE:
            raise fail()
        if value != int(value):
            raise fail()
        return int(value)

    def _size(self, item: Any, source: Source, call: Expr, context: tuple[Label, ...]) -> Any:
        value = self.value(item)
        if type(value) is Size:
            return value
        is_inferred = value == -1
        if value is None or not (is_inferred or (value >= 0 and value == value // 1)):
            got = "" if value is None else f", not {show_static(value)}"
            reason = "" if value is not None else "; it is known only when the program runs"
            raise CallError(
                "size",
                f"a dimension must be a whole number >= 0{got}{reason}",
                (Label(source, call.span), *context),
            )
        if value >= _MAX_SIZE:
            raise CallError(
                "size",
                f"a dimension must be a whole number >= 0, and {show_static(value)} "
                "is too large for one",
                (Label(source, call.span), *context),
            )
        return int(value)


def _without_rest(
    items: list[Lowered], nodes: list[Expr], count: int
) -> tuple[list[Lowered], list[Expr], tuple[Lowered, ...]]:
    """Return arguments without those by place behind the first ones, and these."""
    places = [i for i, node in enumerate(nodes) if type(node) is not ast.Keyword]
    more = places[count:]
    kept = [i for i in range(len(items)) if i not in more]
    return [items[i] for i in kept], [nodes[i] for i in kept], tuple(items[i] for i in more)


def _default_text(definition: Definition, parameter: FunctionParameter) -> str:
    """The default of a parameter; of the program's own functions only that there is one."""
    if parameter.default is None:
        return ""
    if definition.source.name != RULES:
        return "given"
    return format_expression(parameter.default)


def _is_written(item: ListValue) -> bool:
    """Whether a list holds written numbers and rows of them, and no other tensors."""
    kinds = (ast.Number, ast.Boolean, ast.Unary, ast.Tensor)
    return all(type(node) in kinds for node in item.nodes)


def _shown_default(default: str) -> str:
    """The default of a parameter in a message; one of the program's own is only hinted at."""
    return "=…" if default == "given" else f"={default}" if default else ""


_WORDS = {"None": None, "True": True, "False": False}


def _static_default(parameter: Parameter) -> Any:
    text = parameter.default
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "\"'":
        return text[1:-1]
    if parameter.kind == "number":
        return float(text)
    return int(text) if parameter.kind in ("dim", "size") else (int(text),)
