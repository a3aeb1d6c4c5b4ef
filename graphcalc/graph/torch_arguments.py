"""Arguments of calls of torch: matched with an overload, and what each is in the call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from graphcalc.diagnostics import CallError, ParseError, brief, did_you_mean
from graphcalc.graph.frames import Frame
from graphcalc.graph.lowered import (
    ListValue,
    Lowered,
    NoneValue,
    StaticNumber,
    TextValue,
    TupleValue,
)
from graphcalc.graph.scope import Scope
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import Parameter
from graphcalc.ops.torch.call import (
    Argument,
    DtypeArgument,
    FixedArgument,
    OperandHole,
    OperandList,
    fixed,
)
from graphcalc.ops.torch.functions import Signature, TorchFunction, parsed
from graphcalc.ops.words import KEYWORD_ALIASES
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr

# torch's names of dtypes.
_DTYPES = frozenset(
    (
        *("float16", "bfloat16", "float32", "float64", "half", "float", "double"),
        *("int8", "int16", "int32", "int64", "uint8", "short", "int", "long", "bool"),
    )
)


class CallArguments(NamedTuple):
    """What a call of torch holds: its arguments, the operands, and the parameter of each."""

    positional: tuple[Argument, ...]
    keywords: tuple[tuple[str, Argument], ...]
    operands: tuple[int, ...]
    parameters: tuple[str, ...]


class ArgumentReader:
    """Reads the arguments of one call against an overload.

    Under `is_strict` a number that is written in the program is a number and no operand, which
    tells overloads for numbers from those for tensors.
    """

    def __init__(self, scope: Scope, function: TorchFunction, call: ast.Call, frame: Frame) -> None:
        self._scope, self._function, self._call, self._frame = scope, function, call, frame
        self._is_strict = False
        self._operands: list[int] = []
        self._names: list[str] = []

    def read(self, items: Sequence[Lowered], nodes: Sequence[Expr]) -> CallArguments:
        """Return the arguments in the terms of the first overload that they fit.

        Raises CallError where they fit none.
        """
        errors: list[CallError] = []
        for self._is_strict in (True, False):
            for text in self._function.signatures:
                try:
                    return self._fit(parsed(text), items, nodes)
                except CallError as error:
                    errors.append(error)
                except ParseError as error:
                    # A tuple where an operand is wanted.
                    d = error.diagnostic
                    errors.append(CallError("static-argument", d.message, d.labels, d.note, d.help))
        # An overload that has all the names says more than one that lacks some.
        codes = ("static-argument", "arity", "unknown-keyword")
        plain = errors[len(errors) // 2 :]
        raise min(plain, key=lambda e: codes.index(e.diagnostic.code))

    def _fit(
        self, signature: Signature, items: Sequence[Lowered], nodes: Sequence[Expr]
    ) -> CallArguments:
        self._operands, self._names = [], []
        positional, named = self._bind(signature, list(zip(items, nodes)))
        arguments = [self._argument(p, item, node) for p, item, node in positional]
        keywords = [(p.name, self._argument(p, item, node)) for p, item, node in named]
        return CallArguments(
            tuple(arguments), tuple(keywords), tuple(self._operands), tuple(self._names)
        )

    # Matching

    def _bind(
        self, signature: Signature, given: list[tuple[Lowered, Expr]]
    ) -> tuple[list[tuple[Parameter, Any, Expr]], list[tuple[Parameter, Any, Expr]]]:
        """Return the parameters of positional arguments and of keywords, with their arguments."""
        plain = [(item, node) for item, node in given if type(node) is not ast.Keyword]
        positional = self._positional(signature, plain)
        known = {p.name: p for p in signature.parameters}
        named = []
        for item, node in given:
            if type(node) is ast.Keyword:
                parameter = known.get(self._keyword(node, known))
                if parameter is None:
                    raise self._unknown_keyword(node, known)
                named.append((parameter, item, node.value))
        taken = {p.name for p, _, _ in (*positional, *named)}
        missing = any(p.name not in taken and not p.default for p in signature.parameters)
        if missing or len(taken) < len({*taken}) or len(named) + len(positional) < len(taken):
            raise self._arity(signature, len(given))
        return positional, named

    def _positional(
        self, signature: Signature, plain: list[tuple[Any, Expr]]
    ) -> list[tuple[Parameter, Any, Expr]]:
        declared = signature.parameters[: signature.positional]
        last = declared[-1] if declared else None
        if last is not None and last.variadic:
            every = [*declared[:-1], *[last] * (len(plain) - len(declared) + 1)]
            one = len(every) == len(declared) and type(plain[-1][0]) in (TupleValue, ListValue)
            if not one:
                every = [p._replace(kind="tensor") if p is last else p for p in every]
            return [(p, item, node) for p, (item, node) in zip(every, plain)]
        if len(plain) > len(declared):
            if last is None or last.kind != "ints":
                raise self._arity(signature, len(plain))
            # `x.new_zeros(2, 3)` is of a tuple.
            rest = plain[len(declared) - 1 :]
            packed = TupleValue(tuple(item for item, _ in rest), self._call)
            plain = [*plain[: len(declared) - 1], (packed, rest[0][1])]
        return [(p, item, node) for p, (item, node) in zip(declared, plain)]

    def _keyword(self, node: ast.Keyword, known: dict[str, Parameter]) -> str:
        if node.name in known:
            return node.name
        return next((k for k in KEYWORD_ALIASES.get(node.name, ()) if k in known), node.name)

    def _arguments(self) -> str:
        shown = []
        for piece in self._function.signatures[0].split(", "):
            head, mark, default = piece.partition(" = ")
            shown.append(head.partition(":")[0] + (f"={default}" if mark else ""))
        return ", ".join(shown)

    def _unknown_keyword(self, node: ast.Keyword, known: dict[str, Parameter]) -> CallError:
        return CallError(
            "unknown-keyword",
            f"`{self._function.name}` has no argument `{brief(node.name)}`",
            self._scope.label(node, self._frame.source),
            note=f"its arguments are ({self._arguments()})",
            help=did_you_mean(node.name, known),
        )

    def _arity(self, signature: Signature, given: int) -> CallError:
        least = sum(not p.default for p in signature.parameters)
        most = len(signature.parameters)
        wants = f"{least}" if least == most else f"{least} to {most}"
        return CallError(
            "arity",
            f"`{self._function.name}` takes {wants} argument{'s' * (most != 1)}, got {given}",
            self._scope.label(self._call, self._frame.source),
            note=f"its arguments are ({self._arguments()})",
        )

    # What an argument is

    def _argument(self, parameter: Parameter, item: Lowered, node: Expr) -> Argument:
        if type(item) is NoneValue:
            return fixed(None)
        read = _READERS[parameter.kind]
        return read(self, parameter, item, node)

    def tensor(self, parameter: Parameter, item: Lowered, node: Expr) -> Argument:
        """An operand."""
        if self._is_strict and self._literal(item) is not None:
            raise self._wrong(parameter, "a tensor", node)
        if type(item) is TextValue:
            raise self._wrong(parameter, "a tensor", node)
        return self._hole(parameter, item, node)

    def _hole(self, parameter: Parameter, item: Lowered, node: Expr) -> OperandHole:
        position = self._scope.operand(item, node, self._frame.source)
        self._operands.append(position)
        self._names.append(parameter.name)
        return OperandHole(len(self._operands) - 1)

    def tensors(self, parameter: Parameter, item: Lowered, node: Expr) -> Argument:
        """A list of operands."""
        if type(item) not in (TupleValue, ListValue):
            raise self._wrong(parameter, "a list of tensors, `[a, b]`", node)
        assert isinstance(item, (TupleValue, ListValue))
        parts: list[OperandHole | FixedArgument] = [
            fixed(None) if type(i) is NoneValue else self._hole(parameter, i, node)
            for i in item.items
        ]
        return OperandList(tuple(parts))

    def number(self, parameter: Parameter, item: Lowered, node: Expr) -> Argument:
        """A static number."""
        value = self._literal(item) if self._is_strict else self._value(item)
        if value is None or type(value) is Size:
            raise self._wrong(parameter, "a number", node)
        return fixed(self._as_written(value, node))

    def whole(self, parameter: Parameter, item: Lowered, node: Expr) -> Argument:
        """A static whole number."""
        return fixed(self._whole(parameter, item, node))

    def wholes(self, parameter: Parameter, item: Lowered, node: Expr) -> Argument:
        """A static whole number, or a tuple of them or of such tuples."""
        return fixed(self._nested(item, lambda i: self._whole(parameter, i, node)))

    def numbers(self, parameter: Parameter, item: Lowered, node: Expr) -> Argument:
        """A static number, or a tuple of them."""

        def one(part: Any) -> Any:
            value = self._value(part)
            if value is None or type(value) is Size:
                raise self._wrong(parameter, "numbers", node)
            return float(value)

        return fixed(self._nested(item, one))

    def flag(self, parameter: Parameter, item: Lowered, node: Expr) -> Argument:
        """A static truth value."""
        value = self._value(item)
        if value not in (0, 1):
            raise self._wrong(parameter, "true or false", node)
        return fixed(bool(value))

    def text(self, parameter: Parameter, item: Lowered, node: Expr) -> Argument:
        """A text."""
        if type(item) is not TextValue:
            raise self._wrong(parameter, "text in quotes", node)
        return fixed(item.text)

    def dtype(self, parameter: Parameter, item: Lowered, node: Expr) -> Argument:
        """A dtype."""
        if type(item) is not TextValue or item.text not in _DTYPES:
            raise self._wrong(parameter, "a dtype", node)
        return DtypeArgument(item.text)

    def any(self, parameter: Parameter, item: Lowered, node: Expr) -> Argument:
        """A text, a static number, several of them, or an operand."""
        if type(item) is TextValue:
            return fixed(item.text)
        if type(item) is TupleValue:
            return self.numbers(parameter, item, node)
        value = self._literal(item)
        return self._hole(parameter, item, node) if value is None else self._number(value, node)

    def _number(self, value: Any, node: Expr) -> Argument:
        return fixed(self._as_written(value, node))

    # Values

    def _literal(self, item: Lowered) -> Any:
        """The number that is written as an argument, else None."""
        return self._scope.fixed(item)

    def _value(self, item: Any) -> Any:
        return self._scope.arguments.value(item)

    def _as_written(self, value: Any, node: Expr) -> Any:
        """A whole number as one, unless a point or an exponent is written."""
        if (
            isinstance(value, (bool, int))
            or value != value
            or value in (float("inf"), -float("inf"))
        ):
            return value
        text = self._frame.source.slice(node.span) if node.start < node.end else ""
        is_plain = value == int(value) and not any(c in text for c in ".eE")
        return int(value) if is_plain else float(value)

    def _whole(self, parameter: Parameter, item: Lowered, node: Expr) -> int:
        def fail() -> CallError:
            return self._wrong(parameter, "a whole number", node)

        found = self._scope.arguments.whole(item, fail)
        if type(found) is Size:
            raise fail()
        return int(found)

    def _nested(self, item: Any, one: Callable[[Any], Any], depth: int = 0) -> Any:
        """Apply a function to what tuples, lists and constant vectors hold."""
        if type(item) is int and len(self._scope.builder.nodes[item].type.shape) == 1:
            values = self._scope.builder.literal(item)
            item = (
                item if values is None else TupleValue(tuple(map(StaticNumber, values)), self._call)
            )
        if type(item) is NoneValue:
            return None
        if type(item) in (TupleValue, ListValue) and depth < 3:
            return tuple(self._nested(i, one, depth + 1) for i in item.items)
        return one(item)

    def _wrong(self, parameter: Parameter, what: str, node: Expr) -> CallError:
        return CallError(
            "static-argument",
            f"argument `{parameter.name}` of `{self._function.name}` must be {what}",
            self._scope.label(node, self._frame.source),
        )


_READERS: dict[str, Callable[[ArgumentReader, Parameter, Lowered, Expr], Argument]] = {
    "tensor": ArgumentReader.tensor,
    "tensors": ArgumentReader.tensors,
    "number": ArgumentReader.number,
    "int": ArgumentReader.whole,
    "ints": ArgumentReader.wholes,
    "floats": ArgumentReader.numbers,
    "flag": ArgumentReader.flag,
    "text": ArgumentReader.text,
    "dtype": ArgumentReader.dtype,
    "any": ArgumentReader.any,
}
