"""Syntax to graph: statements in order, names, inputs, and letters for the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import count, filterfalse, product
from typing import TYPE_CHECKING, Any, NamedTuple

from graphcalc.diagnostics import (
    BindingError,
    CallError,
    GraphcalcError,
    Label,
    ProgramError,
    brief,
)
from graphcalc.graph.builder import Builder
from graphcalc.graph.call_tree import CallRecorder
from graphcalc.graph.declarations import Declarations, place_of
from graphcalc.graph.expansion import Expander
from graphcalc.graph.frames import Frame
from graphcalc.graph.ir import Graph, Limits, Node, Where, label_of
from graphcalc.graph.lowered import (
    ListValue,
    Lowered,
    NoneValue,
    StaticNumber,
    TupleValue,
    is_nameable,
    is_shown,
)
from graphcalc.graph.names import Names
from graphcalc.graph.objects import ObjectValue, ParameterValue, parts_of
from graphcalc.graph.passes import prune, read_positions, share_equal
from graphcalc.graph.scope import NamedStatic, Scope
from graphcalc.graph.walk import new_scope, unpack
from graphcalc.ops.shapes import as_result
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import Type
from graphcalc.ops.table import CONSTANTS, OPS
from graphcalc.ops.words import PREFIXES
from graphcalc.source import Source, Span
from graphcalc.syntax.expr import Binary, Call, Expr, List, Tensor, Text
from graphcalc.syntax.format import format_expression
from graphcalc.syntax.parts import is_pythons
from graphcalc.syntax.program import (
    AnyStatement,
    Block,
    Declaration,
    Definition,
    Statement,
    SyntaxTree,
    Unpacking,
)
from graphcalc.syntax.skeletons import SkeletonLines

if TYPE_CHECKING:
    from graphcalc.graph.carried_text import CarriedText
    from graphcalc.graph.parameters import Parameters
    from graphcalc.graph.text_columns import ColumnText

# What every write in place is known by in a text.
_WRITE = re.compile(
    r"[-+*/%@&|^]=|\]\s*=|_\s*\(|\.(?:append|extend|insert|pop)\b|\b(?:inplace|out)\b"
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Input(NamedTuple):
    """A value bound from outside: its type, and the number itself where it is one scalar.

    `is_whole` says that all its elements are whole numbers, where that is known. `place` is where
    it was bound, and `written` how, where there is a text of it. `text` is what is known of one
    that may hold text. One that `is_spare` need not be used.
    """

    type: Type
    scalar: float | bool | None = None
    is_whole: bool = False
    place: Label | None = None
    written: str = ""
    text: ColumnText | None = None
    is_spare: bool = False


class Binding(NamedTuple):
    """A constant expression bound to a name, as on the command line."""

    source: Source
    value: Expr
    span: Span


def lower(
    program: SyntaxTree,
    bindings: Mapping[str, Binding],
    inputs: Mapping[str, Input],
    *,
    dtype: str,
    limits: Limits,
    seed: int,
    is_check: bool = False,
    columns: Mapping[str, Input] | None = None,
    has_calls: bool = False,
    draws: bool = False,
) -> Graph:
    """The graph of a program with values bound to some of its names.

    `bindings` are constant expressions and `inputs` values that a backend gets at run time;
    either replaces the program's own assignment of that name. `columns` are there for names that
    the program reads and does not assign first, and replace nothing; a declaration of one says
    that it is a number. With `is_check` and no columns declared inputs need no value: their sizes
    may stay symbols. With `has_calls` the graph has its call tree; with `draws` parameters of
    modules that have no value are drawn as torch draws them. Raises BindingError for names
    that are bound in vain or not at all, DataError for values that are not as declared,
    ProgramError and LimitError for what the program says.
    """
    lowering = _Lowering(program, bindings, inputs, dtype, limits, seed, is_check, columns, draws)
    if has_calls:
        lowering.scope.calls = CallRecorder()
    graph = lowering.run()
    # What refers to itself stays until cycles are collected; let it be small.
    lowering.builder.shared.clear()
    lowering.expander.forget(0)
    return graph


class _Lowering:
    def __init__(
        self,
        program: SyntaxTree,
        bindings: Mapping[str, Binding],
        inputs: Mapping[str, Input],
        dtype: str,
        limits: Limits,
        seed: int,
        is_check: bool,
        columns: Mapping[str, Input] | None,
        draws: bool,
    ) -> None:
        self.program, self.bindings, self.inputs = program, dict(bindings), inputs
        self.draws = draws
        self.is_check, self.columns = is_check, columns
        # Of names that were assigned more than once, how many nodes they had before the last one,
        # and these nodes.
        self.versions: dict[str, int] = {}
        self.renamed: dict[str, int] = {}
        self.used: set[str] = set()
        self.mentioned: set[str] = set()
        # Of the names that are bound and assigned too, those that statements so far have read or
        # whose assignment was replaced.
        self.read: set[str] = set()
        self.roots: list[int] = []
        # What was given a name last that nothing shows, and where.
        self.last_static: tuple[Lowered, Expr, Where] | None = None
        self.builder = Builder(dtype, limits)
        self.is_rows = columns is not None
        self.declared = Declarations(dtype)
        self.scope = new_scope(self.builder, self._missing, seed, self._symbol)
        self.scope.program = self
        bound = {name: Label(b.source, b.span) for name, b in self.bindings.items()}
        bound |= {name: given.place or place_of(name) for name, given in self.inputs.items()}
        self.names = Names(self.program, self.scope, bound, self.declared, self.is_check)
        self.replaceable = frozenset(bound).intersection(self.names.assigned)
        self.expander = Expander(
            self.scope, self._name, self._statement, self.replaceable, self.read
        )

    # Statements

    def run(self) -> Graph:
        parsed = self.program.parsed()
        self.builder.is_sharing = not self._writes
        self.scope.is_python = any(map(is_pythons, parsed))
        for statement in reversed(parsed):
            if isinstance(statement, Definition):
                self.scope.functions[statement.name] = statement
        # Inputs first, in the order in which they were given.
        assigned = self.names.assigned
        mentioned = self.mentioned = self.names.mentioned()
        for statement in parsed:
            if isinstance(statement, Declaration):
                self.declared.declare(statement, assigned)
        self._fix_sizes()
        for name in (*self.bindings, *self.inputs):
            if name in mentioned or name in self.declared.types:
                self._bind(name)
        for name in self.declared.types if self.is_check and self.columns is None else ():
            if name not in assigned and not self._is_bound(name):
                self._declare_input(name)
        columns = self.columns or {}
        for name in self.names.read_first() if columns else ():
            if name in columns and not self._is_bound(name):
                self._bind_column(name, columns[name])
        self.expander.special.update(self.declared.types)
        # Where a name such as `math` is a value, what `math.sin` means is found line by line.
        values = {*assigned, *self.names.bound, *self.declared.types, *columns}
        hides_modules = any(p in values or self.declared.is_symbol(p) for p in PREFIXES)
        for part in self.program.parts:
            if isinstance(part, SkeletonLines) and self._has_fragments(hides_modules):
                self.expander.expand(part)
                continue
            for statement in part if isinstance(part, tuple) else part.statements():
                self._statement(statement)
        for name in self.names.bound:
            if (
                name not in self.used
                and not self.declared.is_symbol(name)
                and not (name in self.inputs and self.inputs[name].is_spare)
            ):
                raise self.names.unused(name)
        return self._finish()

    def _has_fragments(self, hides_modules: bool) -> bool:
        """Whether lines of one form may be spliced rather than lowered one by one."""
        hides = hides_modules or self.builder.has_text or self.scope.calls is not None
        return not (hides or self._writes)

    def _statement(self, statement: AnyStatement) -> None:
        if isinstance(statement, Definition):
            if isinstance(statement.body, Block):
                self._run(statement)
                self.expander.forget()
            elif self.scope.functions[statement.name] is not statement:
                self.scope.functions[statement.name] = statement
                self.expander.forget()
        elif isinstance(statement, Unpacking):
            self._unpack(statement)
        elif isinstance(statement, Statement):
            if not self._is_replaced(statement) and not _is_documentation(statement):
                item = self.scope.evaluate(statement.value, statement.source)
                self.scope.memo.clear()
                self._assign(item, statement.name, statement.value, statement.source)
        elif not isinstance(statement, Declaration):
            self._run(statement)

    def _run(self, statement: AnyStatement) -> None:
        """Run a statement of Python's that is none of the others: a loop, a branch, an import."""
        from graphcalc.graph.blocks import run_statement

        self._note_reads(statement)
        frame = Frame(iter(()), statement.source, {})
        frame.is_program = True
        run_statement(self.scope, statement, frame)
        self.scope.memo.clear()

    def give(
        self, item: Lowered, name: str | None, root: Expr, source: Source, *, is_turn: bool = False
    ) -> None:
        """Let a name mean a value, or show one without a name; a turn's of a loop is not shown."""
        if name is not None and self._is_bound(name) and name not in self.read:
            self.read.add(name)
            return
        if name is not None:
            _name_objects(name, item)
        if name is not None and (is_turn or type(item) is StaticNumber):
            self.give_static(name, item)
        else:
            self._assign(item, name, root, source)

    @cached_property
    def _writes(self) -> bool:
        """Whether the program changes values in place."""
        if not any(_WRITE.search(source.text) for source in self._sources()):
            return False
        from graphcalc.graph.storage import writes

        return writes(self.program)

    def _sources(self) -> Iterator[Source]:
        for part in self.program.parts:
            yield from {s.source for s in part} if isinstance(part, tuple) else {part.source}

    def delete(self, name: str, label: Label) -> None:
        """Let a name mean nothing any more; what it meant goes on being shown."""
        static = self.scope.statics.pop(name, None)
        position = self.scope.names.pop(name, None if static is None else static.position)
        if static is None and position is None and name not in self.scope.functions:
            raise self._missing(name, label)
        if position is not None:
            self.renamed[name] = position
        self.scope.functions.pop(name, None)
        self.scope.deleted[name] = label
        self.expander.forget()

    def rename(self, name: str, position: int, where: Where) -> None:
        """Let a name mean another node, after a write in place."""
        if self._is_bound(name):
            self.read.add(name)
        self._name(position, name, where)

    def give_static(self, name: str, item: Lowered) -> None:
        """Let a name mean what is no node and is not shown."""
        self._retire(name)
        self.scope.statics[name] = NamedStatic(item)
        self.expander.forget()

    def _assign(self, item: Lowered, name: str | None, root: Expr, source: Source) -> None:
        """Name a value, and hold it against the name's declaration."""
        where = source, Span(root.start, root.end)
        if isinstance(item, ParameterValue) and not item.places and item.value is not None:
            item = item.value
        if name is not None:
            _name_objects(name, item)
        if name is None and isinstance(item, NoneValue) and type(root) is Call:
            return
        if name is not None and name not in self.declared.types and is_nameable(item):
            self._give_static(name, item, root, where)
            return
        if name is None and isinstance(item, TupleValue) and int in map(type, item.items):
            for part in item.items:
                self._assign(part, None, root, source)
            return
        if name is not None and isinstance(item, ListValue) and self._is_list_alone(name, item):
            self.give_static(name, item)
            return
        position = self._name(self.scope.operand(item, root, source), name, where)
        if isinstance(item, ListValue) and name is not None:
            self.scope.arguments.lists[position] = item
        if name in self.declared.types and name not in self.versions:
            with self.declared.assigning():
                self._fit(name, position)

    def _is_list_alone(self, name: str, item: ListValue) -> bool:
        """Whether a list is no tensor too: one that changes, or of parts that make no tensor."""
        is_joined = type(item.node) is Binary and item.arithmetic is None
        if name in self._lists_that_change or (self.scope.is_python and is_joined):
            return True
        if item.is_computed:
            return False
        nodes = self.builder.nodes
        if any(type(i) not in (int, StaticNumber, ListValue) for i in item.items):
            return True
        if any(isinstance(i, ListValue) and not i.items for i in item.items):
            return True
        tensors = [nodes[i].type for i in item.items if type(i) is int]
        if not self.builder.is_sharing and not (item.items and all(t.is_number for t in tensors)):
            return True
        shapes = {t.shape for t in tensors}
        return len(shapes) > 1 and any(type(n) not in (Tensor, List) for n in item.nodes)

    @cached_property
    def _lists_that_change(self) -> frozenset[str]:
        if self.builder.is_sharing:
            return frozenset()
        from graphcalc.graph.storage import lists_that_change

        return lists_that_change(self.program)

    def _give_static(self, name: str, item: Lowered, root: Expr, where: Where) -> None:
        """Let a name mean what is no node; of sizes and of a pair there is a node that is shown."""
        position = None
        if is_shown(item):
            shown = self.scope.operand(item, root, label_of(where).source)
            position = self._name(shown, name, where)
            del self.scope.names[name]
        else:
            self._retire(name)
            self.last_static = item, root, where
            self._name_parts(name, item)
        self.scope.statics[name] = NamedStatic(item, position)
        if name in PREFIXES or name in CONSTANTS:
            self.expander.forget()

    def _name_parts(self, name: str, item: Lowered) -> None:
        """Name the values of a tuple, `t.S` or `t[0]`: results where nothing reads them."""
        if type(item) is not TupleValue:
            return
        for place, part in enumerate(item.items):
            if type(part) is int and self.builder.nodes[part].name is None:
                field = f".{item.fields[place]}" if item.fields else f"[{place}]"
                self.builder.nodes[part].name = shown = f"{name}{field}"
                self.renamed[shown] = part

    def _unpack(self, statement: Unpacking) -> None:
        """`a, b = value`: all of the value first, then the names."""
        self._note_reads(statement)
        source, value = statement.source, statement.value
        item = self.scope.evaluate(value, source)
        parts = unpack(self.scope, item, len(statement.targets), value, source)
        for target, part in zip(statement.targets, parts):
            if self._is_bound(target.name) and target.name not in self.read:
                self.read.add(target.name)
                continue
            self._assign(part, target.name, value, source)

    def _note_reads(self, statement: AnyStatement) -> None:
        if self.replaceable:
            self.read |= self.names.read_by(statement) & self.replaceable

    def _missing(self, name: str, label: Label) -> GraphcalcError:
        if name in self.scope.deleted:
            text = f"`{brief(name)}` was deleted and has no value any more"
            where = self.scope.deleted[name]._replace(text="here")
            return CallError("deleted", text, (label, where))
        return self.names.missing(name, label)

    def _symbol(self, name: str) -> Any:
        """The size that a declared symbol stands for; a run needs to know it."""
        size = self.declared.symbol(name)
        return None if type(size) is Size and not self.is_check else size

    def _fix_sizes(self) -> None:
        """Symbols of declared sizes that are bound themselves: B=32."""
        for name, given in self.inputs.items():
            if self.declared.is_symbol(name):
                self.declared.fix(name, given.scalar, given.place or place_of(name))
        for name, binding in self.bindings.items():
            if self.declared.is_symbol(name):
                position = self._bound_value(name)
                value = self.builder.static(position)
                self.declared.fix(name, value, Label(binding.source, binding.span))

    def _declare_input(self, name: str) -> None:
        """A declared input that has no value: its type is all that there is."""
        declaration = self.declared.where[name]
        params = (self.declared.type(name), name)
        where = declaration.source, declaration.span
        position = self.builder.add(OPS["input"], (), params, where, is_shared=False)
        self.builder.nodes[position].is_bound = True
        self._give(name, position)

    def _is_replaced(self, statement: Statement) -> bool:
        """Whether a binding stands for this assignment: the name's first, and not read before.

        Later assignments, and a first one such as `x = x + 1`, go on from the bound value.
        """
        name = statement.name
        self._note_reads(statement)
        if name is None or not self._is_bound(name) or name in self.read:
            return False
        self.read.add(name)
        return True

    def _is_bound(self, name: str) -> bool:
        return name in self.bindings or name in self.inputs

    def _name(self, position: int, name: str | None, where: Where) -> int:
        """Give a statement's value its name; a node that has one gets an alias."""
        node = self.builder.nodes[position]
        if node.op is OPS["const"] and node.name is None:
            # Equal constants under different names are different leaves.
            written = node.written
            position = self.builder.add(
                node.op, (), node.params, where, is_shared=False, written=written
            )
        elif node.name is not None and name is not None:
            is_leaf = node.op.kind == "making" and not node.operands and self.builder.is_sharing
            op, operands = (node.op, ()) if is_leaf else (OPS["alias"], (position,))
            params = node.params if is_leaf else ()
            position = self.builder.add(op, operands, params, where, is_shared=False)
        if name is not None:
            self._give(name, position)
            return position
        if not self.builder.texts or not self.carried.takes(position, where):
            self.roots.append(position)
        return position

    def _give(self, name: str, position: int) -> None:
        """Let a name mean a node."""
        self._retire(name)
        self.builder.nodes[position].name = name
        self.scope.names[name] = position
        if name in PREFIXES or name in CONSTANTS:
            self.expander.forget()

    def _retire(self, name: str) -> None:
        """End what a name means; the node that it meant, or that showed it, becomes `x'1`."""
        position = self.scope.names.pop(name, None)
        if self.scope.deleted.pop(name, None) is not None:
            position = self.renamed.pop(name, None)
        if name in self.scope.statics:
            position = self.scope.statics.pop(name).position
        if position is not None:
            version = self.versions[name] = self.versions.get(name, 0) + 1
            earlier = self.builder.nodes[position].name = f"{name}'{version}"
            self.renamed[earlier] = position

    def _bind(self, name: str) -> int:
        """The node of a name that is bound from outside."""
        self.used.add(name)
        if name in self.inputs:
            given = self.inputs[name]
            position = self._input(name, given)
        else:
            position = self._bound_value(name)
        if name in self.declared.types:
            self._fit(name, position)
        self.builder.nodes[position].is_bound = True
        self._give(name, position)
        return position

    def _bind_column(self, name: str, column: Input) -> None:
        """The node of a name that is read from outside and has no binding of its own."""
        declared = self.declared.types.get(name)
        if declared is not None and declared.dtype == "int64" and column.is_whole:
            column = column._replace(type=column.type._replace(dtype="int64"))
        position = self._input(name, column)
        self.declared.check_column(name, self.builder.nodes[position])
        self.builder.nodes[position].is_bound = True
        self._give(name, position)

    def _fit(self, name: str, position: int) -> None:
        """Hold a bound value against its declaration, and give it the dtype declared."""
        self.expander.forget(position)
        node = self.builder.nodes[position]
        if name in self.inputs:
            node.type = self.declared.fit(name, node, self.inputs[name].is_whole)
            node.params = (node.type, name)
            return
        data = node.params[1] if node.op is OPS["const"] else ()
        is_whole = bool(data) and all(abs(v) < 2.0**63 and v == int(v) for v in data)
        node.type = self.declared.fit(name, node, is_whole)
        if node.op is OPS["const"]:
            as_int = node.type.dtype == "int64"
            node.params = (node.type, tuple(map(int, data)) if as_int else data)

    def _input(self, name: str, given: Input) -> int:
        source, span, _ = given.place or place_of(name)
        params = (given.type, name)
        position = self.builder.add(OPS["input"], (), params, (source, span), is_shared=False)
        self.builder.nodes[position].written = given.written
        if given.scalar is not None:
            self.builder.know(position, given.scalar)
        if given.text is not None:
            self.builder.texts[position] = given.text._replace(name=name)
        return position

    def _bound_value(self, name: str) -> int:
        """The value of a constant expression: one leaf for a number, hidden nodes otherwise."""
        binding = self.bindings[name]
        builder = self.builder
        first = len(builder.nodes)
        shared, constants = builder.shared, builder.constants
        builder.shared, builder.constants = {}, {}
        try:
            position = constant_of(f"`{brief(name)}`", binding)(self.scope)
        finally:
            builder.shared, builder.constants = shared, constants
        for node in builder.nodes[first:]:
            node.is_hidden = True
        value = builder.static(position)
        if value is not None:
            # With half precision a bound number is a tensor, where a written one is a double.
            halved = as_result(builder.nodes[position].type, builder.dtype)
            type_ = halved if halved != builder.nodes[position].type else None
            where = binding.source, binding.span
            position = builder.constant(value, where, is_shared=False, type_=type_)
        builder.nodes[position].is_hidden = False
        builder.nodes[position].written = brief(format_expression(binding.value))
        return position

    # Parameters of modules

    @cached_property
    def parameters(self) -> Parameters:
        """The parameters of the program's modules."""
        from graphcalc.graph.parameters import Parameters

        return Parameters(
            self,
            self.builder.nodes,
            self.scope.objects,
            dtype=self.builder.dtype,
            draws=self.draws,
            is_check=self.is_check,
            bound=lambda: list(self.names.bound),
        )

    def parameter(self, item: ParameterValue) -> int:
        """Return the node of a parameter of a module."""
        return self.parameters.position(item)

    def is_bound(self, name: str) -> bool:
        """Whether a name has a value from outside."""
        return self._is_bound(name)

    def has_parts(self, name: str) -> bool:
        """Whether a name with a dot behind it begins a name that is bound."""
        return any(bound.startswith(f"{name}.") for bound in self.names.bound)

    def bind(self, name: str) -> int:
        """Return the node of a name that has one."""
        return self.scope.names[name] if name in self.used else self._bind(name)

    def bind_drawn(self, name: str, source: Source, value: Expr) -> int:
        """Return the node of a name whose value is drawn."""
        self.bindings[name] = Binding(source, value, value.span)
        return self._bind(name)

    def declare(self, name: str, type_: Type, label: Label) -> int:
        """Return the node of a name that has a type alone."""
        where = label.source, label.span
        position = self.builder.add(OPS["input"], (), (type_, name), where, is_shared=False)
        self.builder.nodes[position].is_bound = True
        self._give(name, position)
        return position

    def name(self, position: int, name: str | None, where: tuple[Source, Span]) -> int:
        """Give a node a name."""
        return self._name(position, name, where)

    @cached_property
    def carried(self) -> CarriedText:
        """The columns of text among the names and results."""
        from graphcalc.graph.carried_text import CarriedText

        return CarriedText(self.builder, is_rows=self.is_rows)

    def _finish(self) -> Graph:
        """The graph of what the statements and the names need, with letters for the rest."""
        builder = self.builder
        if builder.has_long_numbers:
            from graphcalc.graph.integers import note_literals

            note_literals(builder)
        display = self.scope.names
        display.update(self.renamed)
        shown = {n: static.position for n, static in self.scope.statics.items()}
        display.update({n: position for n, position in shown.items() if position is not None})
        carried: dict[str, str] = {}
        if builder.texts:
            display = self.carried.names_of_others(display, has_results=bool(self.roots))
            carried = self.carried.columns
        if self.last_static is not None and not display and not self.roots and not carried:
            item, root, where = self.last_static
            self.scope.operand(item, root, label_of(where).source)
        self._name_locals()
        if not builder.is_sharing:
            share_equal(builder.nodes, {*builder.variables, *self.roots, *self.scope.printed})
        printed = self.scope.printed
        roots = [*self.roots, *display.values(), *printed]
        read_early = frozenset(n for n, p in display.items() if builder.is_read_early(p))
        is_read = read_positions(builder.nodes)
        nodes, moved = prune(builder.nodes, roots, is_read)
        if nodes is not builder.nodes:
            is_read = read_positions(nodes)
        uses = set(self.scope.arguments.static_uses).difference(self.roots)
        is_read.update([moved[p] for p in uses if p in moved])
        ends = {moved[root] for root in roots if not self._is_left_out(root)}
        results = sorted(ends - is_read) or sorted(ends)[-1:]
        if printed:
            results = list(dict.fromkeys(moved[p] for p in printed))
        if nodes is not builder.nodes:
            display = {name: moved[position] for name, position in display.items()}
        graph = Graph(nodes, results, display, builder.dtype, builder.limits)
        graph.static_inputs = frozenset(
            builder.nodes[i].params[1]
            for i in self.scope.arguments.static_uses
            if builder.nodes[i].op is OPS["input"]
        )
        graph.static_names = read_early
        graph.notes = builder.notes
        graph.sizes, graph.carried = self.declared.known, carried
        if self.scope.calls is not None:
            graph.calls = self.scope.calls.tree(len(builder.nodes)).moved(moved)
        for position in results:
            _end_with(nodes[position], builder.dtype)
        self._letter(graph)
        self._display_locals(graph)
        return graph

    def _name_locals(self) -> None:
        """Name the nodes of functions' names, `f.x`; of several the last, as of the program's."""
        counts = Counter(name for _, name in self.scope.local_names)
        seen: Counter[str] = Counter()
        for position, name in self.scope.local_names:
            seen[name] += 1
            node = self.builder.nodes[position]
            if node.name is None and (node.op is not OPS["const"] or node.operands):
                node.name = name if seen[name] == counts[name] else f"{name}'{seen[name]}"

    def _display_locals(self, graph: Graph) -> None:
        names = {f for f in (node.name for node in graph.nodes) if f is not None and "." in f}
        for position, node in enumerate(graph.nodes):
            if node.name in names and node.name not in graph.names:
                graph.names[node.name] = position

    def _is_left_out(self, position: int) -> bool:
        """Whether a node is bound to a name that only a branch reads that was not chosen."""
        node = self.builder.nodes[position]
        if not node.is_bound or position in self.roots:
            return False
        return node.name not in self.names.assigned and node.name not in self.declared.types

    def _letter(self, graph: Graph) -> None:
        """Name the unnamed nodes as a jaxpr does: a … z, ba, bb, … without the names in use."""
        taken = {
            *self.scope.names,
            *(self.columns or ()),
            *self.scope.functions,
            *CONSTANTS,
            *self.mentioned,
        }
        letters = filterfalse(taken.__contains__, _words())
        results, const = frozenset(graph.results), OPS["const"]
        unnamed = [item for item in enumerate(graph.nodes) if item[1].name is None]
        for position, node in unnamed:
            if node.is_hidden or (node.op is const and position not in results):
                continue
            node.name = name = next(letters)
            graph.names[name] = position


def _name_objects(name: str, item: Lowered) -> None:
    """Let objects that stand in no other have the name that the program gives them."""
    for key, part in parts_of(name, item):
        if isinstance(part, ObjectValue) and part.parent is None and not part.key:
            part.key = key


def _is_documentation(statement: Statement) -> bool:
    """Whether a statement is text between three quotes, which says something to readers alone."""
    node = statement.value
    text = statement.source.text[node.start : node.end].lstrip("rRuU")
    return type(node) is Text and text[:3] in ('"""', "'''")


def _end_with(node: Node, dtype: str) -> None:
    """Give a node the type that it has as a result."""
    type_ = as_result(node.type, dtype)
    if type_ != node.type:
        node.type = type_
        node.params = (type_, *node.params[1:]) if node.op is OPS["const"] else node.params


def constant_of(what: str, binding: Binding) -> Callable[[Scope], int]:
    """Return what adds the value of a constant expression to the graph of a scope.

    Raises BindingError for an expression that reads names or means nothing.
    """

    def missing(read: str, label: Label) -> GraphcalcError:
        return BindingError(
            "binding-not-constant",
            f"the value of {what} is not a constant",
            (label,),
            note="a bound value is data: numbers, and functions of numbers",
        )

    def add(scope: Scope) -> int:
        try:
            apart = new_scope(scope.builder, missing, scope.seed)
            return apart.node(binding.value, binding.source)
        except ProgramError as error:
            d = error.diagnostic
            raise BindingError(d.code, d.message, d.labels, d.note, d.help) from None

    return add


def _words() -> Iterator[str]:
    """a … z, ba, bb, …: the numbers in base 26."""
    yield from _LETTERS
    for size in count(1):
        yield from map("".join, product(_LETTERS[1:], *[_LETTERS] * size))
