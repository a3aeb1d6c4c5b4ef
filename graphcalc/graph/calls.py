"""Calls: what a function's name means, and what its call adds to the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphcalc.diagnostics import (
    CallError,
    Label,
    LimitError,
    UnknownNameError,
    brief,
    did_you_mean,
)
from graphcalc.graph import call_site, prelude, shape_functions
from graphcalc.graph.frames import Cast, Frame, Store
from graphcalc.graph.lowered import (
    BoundMethod,
    ListValue,
    Lowered,
    ModulePrefix,
    NoneValue,
    TextValue,
)
from graphcalc.ops.kernels.random import stream_key
from graphcalc.ops.prelude import COMPOSITES, PRIVATE, Composite
from graphcalc.ops.sizes import Size
from graphcalc.ops.spec import FLOATS, Op, parameters
from graphcalc.ops.table import DTYPES, FUNCTIONS, INSTEAD, INTERNAL, OPS
from graphcalc.source import Source
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Definition, Expr

if TYPE_CHECKING:
    from graphcalc.graph.walk import Walker

# Arguments of pasted code that say where and how to keep numbers, not what they are.
_ASIDE = ("dtype", "device", "requires_grad", "inplace", "layout", "pin_memory", "copy")


class Calls:
    """Calls of a walker's functions; `active` are the definitions that are being inlined."""

    def __init__(self, walker: Walker) -> None:
        self.walker = walker
        self.active: set[int] = set()
        self.inlined = 0
        self._with_gradients: dict[int, bool] = {}

    # Names

    def find(self, name: str, module: str = "") -> Any:
        """The row, static function or composite of a name; None where there is none.

        `np.std` and `linalg.norm` differ from torch's `std` and `norm`: where there is a
        function `np_std`, it is what `np.std` means.
        """
        prefix = {"numpy": "np"}.get(module, module)
        for full in (f"{prefix}_{name}", name) if prefix else (name,):
            found = (
                shape_functions.FUNCTIONS.get(full) or FUNCTIONS.get(full) or COMPOSITES.get(full)
            )
            if found is not None:
                return found
        return None

    def is_builtin(self, name: str) -> bool:
        """Whether a name is one of the language's own functions."""
        return not name.startswith(PRIVATE) and self.find(name) is not None

    def names(self) -> set[str]:
        """Every name that can be called."""
        public = {n for n in COMPOSITES if not n.startswith(PRIVATE)}
        sized = {n for n in shape_functions.FUNCTIONS if not n.startswith("_")}
        return {*FUNCTIONS, *sized, *public, *self.walker.functions}

    def call(self, node: ast.Call, frame: Frame) -> Frame | None:
        """A call: the value is pushed, or the frame of a function's body is given."""
        walker = self.walker
        items, nodes = walker.pop(len(node.arguments)), list(node.arguments)
        module, value = "", None
        if type(node.function) is ast.Name:
            name = node.function.name
        else:
            target = walker.values.pop()
            if type(target) is not BoundMethod:
                raise self._not_a_function(node, frame)
            name = target.name
            if type(target.value) is ModulePrefix:
                module = target.value.name.rpartition(".")[2]
            else:
                value = target.value
                items.insert(0, value)
                assert type(node.function) is ast.Attribute
                nodes.insert(0, node.function.value)
        in_prelude = frame.place is not None
        definition = None if in_prelude or module else walker.functions.get(name)
        if definition is not None:
            return self._inline(definition, items, nodes, node, frame)
        found = None
        if in_prelude and name in INTERNAL:
            found = OPS[name]
        elif in_prelude or not name.startswith(PRIVATE):
            found = self.find(name, module)
        if found is None:
            raise self._unknown(name, module, value, node, frame)
        items, nodes, dtype = self._set_aside(found, items, nodes, frame)
        if isinstance(found, Composite):
            return self._compose(found, items, nodes, node, frame, dtype)
        if isinstance(found, Op):
            item: Lowered = self._apply(found, items, nodes, node, frame)
        else:
            item = call_site.run(walker, found, items, nodes, node, frame)
        if dtype:
            place = Label(*walker.at(node, frame))
            item = self.cast(walker.operand(item, node, frame.source), dtype, place)
        walker.values.append(item)
        return None

    # What does not work

    def _unknown(
        self, name: str, module: str, value: Any, node: ast.Call, frame: Frame
    ) -> CallError | UnknownNameError:
        walker = self.walker
        if not module and value is None and (name in frame.values or name in walker.names):
            return self._not_a_function(node, frame)
        label = walker.label(node.function, frame.source)
        if name.endswith("_") and self.is_builtin(name[:-1]):
            text = brief(frame.source.slice(node.function.span))
            base = text.rpartition(".")[0] or "x"
            return CallError(
                "in-place",
                f"`{brief(name)}` changes a tensor in place, and values never change here",
                label,
                help=f"write `{base} = {base}.{name[:-1]}(…)`",
            )
        return self.unknown_function(name, label)

    def unknown_function(self, name: str, label: tuple[Label, ...]) -> UnknownNameError:
        """The error for a function that there is not, with what comes near."""
        return UnknownNameError(
            "unknown-function",
            f"unknown function `{brief(name)}`",
            label,
            help=INSTEAD[name] if name in INSTEAD else did_you_mean(name, self.names()),
        )

    def _not_a_function(self, node: ast.Call, frame: Frame) -> CallError:
        text = brief(frame.source.slice(node.function.span))
        return CallError(
            "not-a-function",
            f"`{text}` is not a function",
            self.walker.label(node.function, frame.source),
            help="write `*` to multiply",
        )

    # Arguments that are not about values

    def _set_aside(
        self, found: Any, items: list[Lowered], nodes: list[Expr], frame: Frame
    ) -> tuple[list[Lowered], list[Expr], str]:
        """The arguments without `dtype=` and its like, and the dtype that the result takes."""
        if not any(type(n) is ast.Keyword and n.name in _ASIDE for n in nodes):
            return items, nodes, ""
        own = {p.name for p in parameters(found)} if hasattr(found, "signature") else set()
        dtype = ""
        kept: list[tuple[Lowered, Expr]] = []
        for item, node in zip(items, nodes):
            if type(node) is not ast.Keyword or node.name not in _ASIDE or node.name in own:
                kept.append((item, node))
            elif node.name == "dtype" and type(item) is not NoneValue:
                dtype = self.dtype(item, node.value, frame.source)
            elif node.name == "device":
                self.note_device(item, node, frame.source)
        return [i for i, _ in kept], [n for _, n in kept], dtype

    def dtype(self, item: Lowered, node: Expr, source: Source) -> str:
        """The dtype that an argument names."""
        name = item.text if type(item) is TextValue else ""
        if name not in DTYPES:
            raise CallError(
                "dtype-argument",
                f"`{brief(source.slice(node.span))}` is not a dtype",
                self.walker.label(node, source),
                help="write torch.float64, torch.float32, torch.int64 or torch.bool",
            )
        return DTYPES[name]

    def note_device(self, item: Lowered, node: Any, source: Source) -> None:
        """Say that `device=` does not choose where the program runs."""
        wanted = item.text if type(item) is TextValue else ""
        if wanted != "cpu":
            text = brief(source.slice(node.span))
            self.walker.builder.note(
                Label(source, node.span), f"`{text}` does not move the run: --device does"
            )

    def cast(self, position: int, dtype: str, place: Label) -> int:
        """A value in another dtype; floating point is the run's, whatever its width."""
        builder = self.walker.builder
        type_ = builder.nodes[position].type
        if dtype in FLOATS:
            has = type_.dtype if type_.dtype in FLOATS and not type_.weak else builder.dtype
            if dtype != has:
                builder.note(place, f"the numbers stay {has}: --dtype {dtype} changes the run's")
            if type_.dtype in FLOATS:
                return position
            return builder.add(OPS["float"], (position,), (), place.source, place.span)
        if type_.dtype == dtype:
            return position
        literal = builder.literal(position)
        if literal is not None and all(type(v) is not Size and abs(v) < 2.0**63 for v in literal):
            convert: Any = int if dtype == "int64" else bool
            params = (type_._replace(dtype=dtype, weak=False), tuple(map(convert, literal)))
            return builder.add(OPS["const"], (), params, place.source, place.span, is_shared=False)
        op = OPS["long"] if dtype == "int64" else OPS["bool"]
        return builder.add(op, (position,), (), place.source, place.span)

    # Rows

    def _apply(
        self, op: Op, items: list[Lowered], nodes: list[Expr], node: ast.Call, frame: Frame
    ) -> int:
        """A call of a row of the op table."""
        walker, arguments = self.walker, self.walker.arguments
        context = walker.context()
        if op.two_tensor_op and arguments.is_pair(items, nodes):
            op = OPS[op.two_tensor_op]
        matched = arguments.match(op, items, nodes, node, frame.source, context)
        operands, params = arguments.convert(
            op, matched, node, frame.source, context, walker.operand
        )
        if op.kind == "random":
            params = (*params, stream_key(walker.seed, walker.builder.random_count))
            walker.builder.random_count += 1
        return walker.add(op, operands, params, node, frame)

    # Functions that are written in the language

    def _compose(
        self,
        found: Composite,
        items: list[Lowered],
        nodes: list[Expr],
        node: ast.Call,
        frame: Frame,
        dtype: str,
    ) -> Frame | None:
        """A frame for the body of a function of the prelude."""
        definition = prelude.definition(found)
        label = Label(frame.source, node.span, f"in this call of `{found.name}`")
        place = frame.place or label
        inner = self._inline(definition, items, nodes, node, frame, place)
        if inner is not None and dtype:
            inner.code = iter([*inner.code, Cast(dtype)])
            inner.memo = None
        return inner

    def _inline(
        self,
        definition: Definition,
        items: list[Lowered],
        nodes: list[Expr],
        node: ast.Call,
        frame: Frame,
        place: Label | None = None,
    ) -> Frame | None:
        """A frame for the body of a function, with its parameters bound."""
        walker = self.walker
        label = Label(frame.source, node.span, f"in this call of `{brief(definition.name)}`")
        items = [
            walker.operand(item, n, frame.source)
            if type(item) in (ListValue, BoundMethod)
            else item
            for item, n in zip(items, nodes)
        ]
        values = walker.arguments.bind(definition, items, nodes, node, frame.source)
        is_plain = all([type(v) is int for v in values.values()])
        key = (id(definition), tuple(values.items())) if is_plain else None
        if key is not None and key in walker.memo:
            walker.values.append(walker.memo[key])
            return None
        self._check_cycle(definition, label)
        is_prelude = place is not None
        if not is_prelude:
            values = {name: self.argument(definition, item) for name, item in values.items()}
        code: list[Any] = []
        for parameter in definition.parameters:
            if parameter.name not in values and parameter.default is not None:
                code += [*walker.walk(parameter.default), Store(parameter.name)]
        body = walker.walk(definition.body, is_prelude=is_prelude)
        self._count(len(body) + len(code), label)
        return Frame(
            iter([*code, *body] if code else body),
            definition.source,
            values,
            definition,
            label,
            place,
            key,
            walker.builder.random_count,
        )

    def argument(self, definition: Definition, item: Lowered) -> Lowered:
        """An argument of a function of the program; a written number is a node of its own where
        the function takes gradients."""
        if type(item) is int and self._takes_gradients(definition):
            return self.walker.reverse.variable(item)
        return item

    def have_taken_gradients(self) -> bool:
        """Whether a function that was called so far takes gradients."""
        return any(self._with_gradients.values())

    def _takes_gradients(self, definition: Definition) -> bool:
        """Whether the text of a function calls `grad`."""
        found = self._with_gradients.get(id(definition))
        if found is None:
            calls = (n.function for n in ast.postorder(definition.body) if type(n) is ast.Call)
            found = any(getattr(function, "name", "") == "grad" for function in calls)
            self._with_gradients[id(definition)] = found
        return found

    def _count(self, steps: int, label: Label) -> None:
        """Inlining costs time even where its nodes turn out to be equal and are shared."""
        self.inlined += steps
        limit = self.walker.builder.limits.nodes // 10
        if self.inlined > limit:
            raise LimitError(
                "inlining",
                f"the functions of this program unfold to more than {limit:,} operations",
                (label,),
                help="raise it with --max-nodes, of which it is a tenth",
            )

    def _check_cycle(self, definition: Definition, label: Label) -> None:
        if id(definition) not in self.active:
            self.active.add(id(definition))
            return
        active = [f.definition for f in self.walker.frames if f.definition is not None]
        cycle = [*active[active.index(definition) :], definition]
        chain = " → ".join(f"`{brief(d.name, 30)}`" for d in cycle[:6])
        raise CallError(
            "recursion",
            f"a function cannot call itself: {chain}{' …' if len(cycle) > 6 else ''}",
            (label,),
            note="calls are inlined, so a cycle would never end",
        )
