"""Elementwise nodes as the text of Python functions: for regions of arrays, and for rows.

Why text and not a loop over the nodes: a loop calls a kernel for each node and element, and keeps
a list for each node, where one expression of Python's own operators needs neither. `(a+b)*(c*d)`
of four lists takes 3 times as long node by node.

The text has numbered variables, numbers, operators, and calls of the op table's kernels. Nothing of
a user's program or data stands in it as it was written.

Where plain Python raises and IEEE 754 does not (1/0, log(-1)), the quick text raises, which is rare
and makes it fast; the total one is its twin for such elements, of the kernels that never raise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeAlias

from graphcalc.backends.regions import Region
from graphcalc.graph.ir import Graph, Node
from graphcalc.ops.kernels import numeric
from graphcalc.ops.kernels.arrays import NDArray, expand
from graphcalc.ops.spec import FLOATS
from graphcalc.ops.table import OPS

Kernel: TypeAlias = Callable[..., Any]
# The operands of a region, lists first, to a list for each output.
Loop: TypeAlias = Callable[..., Sequence[list[Any]]]

# What generated text and quick kernels raise where IEEE 754 has a NaN or an infinity.
RAISED = (ArithmeticError, ValueError)
# Python's own compiler takes no deeper brackets than 200.
_DEEPEST = 20
# Elements that total kernels compute where one of them makes a quick one raise.
BLOCK = 4096


class LoopText:
    """Statements that compute nodes for one row or element, while they are written.

    texts  the text of each value, by position: those of the variables to begin with
    names  what the text calls: kernels, and numbers that have no text of their own
    """

    def __init__(
        self,
        graph: Graph,
        variables: Mapping[int, str],
        number: Callable[[int], Any],
        names: Mapping[str, Any],
        *,
        is_quick: bool,
    ) -> None:
        self._graph, self._number, self._is_quick = graph, number, is_quick
        self.texts = dict(variables)
        self.names = dict(names)
        self._kernels: dict[Kernel, str] = {}

    def statements(self, steps: Sequence[int], uses: dict[int, int]) -> list[str]:
        """Return statements for nodes in order; a node that is used once gets none.

        Its text stands in that of its reader. `uses` counts how often a value is read otherwise.
        """
        nodes = self._graph.nodes
        for position in steps:
            for operand in nodes[position].operands:
                uses[operand] = uses.get(operand, 0) + 1
        depths: dict[int, int] = {}
        body = []
        for position in steps:
            node = nodes[position]
            text = self._call(node, list(self._operands(node)))
            depth = 1 + max((depths.get(i, 0) for i in node.operands), default=0)
            if uses.get(position, 0) > 1 or depth > _DEEPEST or node.op.python is numeric.where:
                body.append(f"v{position} = {text}")
                text, depth = f"v{position}", 0
            self.texts[position], depths[position] = text, depth
        return body

    def text(self, position: int) -> str:
        """Return the text of a value: a variable, an expression, or a number known before."""
        if position not in self.texts:
            self.texts[position] = self._constant(position)
        return self.texts[position]

    def _constant(self, position: int) -> str:
        value = self._number(position)
        if type(value) is float and math.isfinite(value) and math.copysign(1, value) > 0:
            return repr(value)
        self.names[f"v{position}"] = value
        return f"v{position}"

    def _operands(self, node: Node) -> Iterator[str]:
        """Yield the operands as the kernel wants them: numbers for truth values, say."""
        for place, operand in enumerate(node.operands):
            convert, text = conversion(self._graph, node, place), self.text(operand)
            yield text if convert is None else f"{convert.__name__}({text})"

    def _call(self, node: Node, operands: list[str]) -> str:
        """Return the text that computes a node."""
        if node.op is OPS["alias"]:
            return operands[0]
        kernel, raising = node.op.python, node.op.raising if self._is_quick else ""
        source = node.op.inline or (raising if isinstance(raising, str) else "")
        if source:
            return source.format(*operands)
        if callable(raising):
            kernel = raising
        name = self._kernels.setdefault(kernel, f"k{len(self._kernels)}")
        self.names[name] = kernel
        return f"{name}({', '.join([*operands, *map(repr, node.params)])})"


def define(
    name: str, parameters: Sequence[str], body: Sequence[str], names: Mapping[str, Any]
) -> Callable[..., Any]:
    """Return a function of this text; names are parameters with defaults, as locals are fastest."""
    all_parameters = ", ".join([*parameters, *(f"{n}={n}" for n in names)])
    text = "\n".join([f"def {name}({all_parameters}):", *(f"    {line}" for line in body)])
    space = dict(names)
    exec(compile(text, "<generated>", "exec"), space)
    function: Callable[..., Any] = space[name]
    return function


def conversion(graph: Graph, node: Node, place: int) -> type[int] | type[float] | None:
    """Return what the elements of an operand are turned into, None where they stay."""
    wants = node.op.casting
    is_own = wants in ("own", "common") or (wants == "condition" and place == 0)
    dtype, out = graph.nodes[node.operands[place]].type.dtype, node.type.dtype
    if is_own or dtype == out or dtype in FLOATS or out == "bool":
        return None
    return int if out == "int64" else float


class RegionLoop:
    """A region of elementwise nodes as one function over lists.

    Values inside of it that nothing else reads are nowhere lists.
    """

    def __init__(self, graph: Graph, region: Region) -> None:
        self._graph, self._region = graph, region
        nodes = graph.nodes
        self._lists = [o for o in region.operands if nodes[o].type.shape]
        self._numbers = [o for o in region.operands if not nodes[o].type.shape]
        self._quick = self._compiled(is_quick=True)
        self._total: Loop | None = None

    def _compiled(self, *, is_quick: bool) -> Loop:
        """Return the function, of kernels that may raise, or total ones."""
        outputs = self._region.outputs
        variables = {o: f"v{o}" for o in self._region.operands}
        text = LoopText(self._graph, variables, _no_number, {}, is_quick=is_quick)
        # An output is a variable where it is one of several.
        body = text.statements(self._region.members, dict.fromkeys(outputs, len(outputs) - 1))
        loop = f"for {self._targets} in zip({self._targets})"
        if not body and len(outputs) == 1:
            lines = [f"return ([{text.text(outputs[0])} {loop}],)"]
        else:
            names = [f"out{place}" for place in range(len(outputs))]
            appends = [f"{n}.append({text.text(p)})" for n, p in zip(names, outputs)]
            lines = [f"{name} = []" for name in names]
            lines += [f"{loop}:", *(f"    {line}" for line in [*body, *appends])]
            lines.append(f"return ({', '.join(names)},)")
        parameters = [f"v{o}" for o in (*self._lists, *self._numbers)]
        return define("region", parameters, lines, text.names)

    @property
    def _targets(self) -> str:
        return "".join(f"v{o}, " for o in self._lists)

    def run(self, values: Sequence[Any]) -> list[NDArray]:
        """Return the outputs in their order, given the values of the graph so far."""
        shape, size = self._region.shape, math.prod(self._region.shape)
        columns = [expand(values[o], shape) for o in self._lists]
        numbers = [values[o] for o in self._numbers]
        try:
            outputs = self._quick(*columns, *numbers)
        except RAISED:
            outputs = [[] for _ in self._region.outputs]
            for start in range(0, size, BLOCK):
                parts = [column[start : start + BLOCK] for column in columns]
                for output, part in zip(outputs, self._carefully(parts, numbers)):
                    output += part
        return [NDArray(shape, data) for data in outputs]

    def _carefully(self, columns: list[list[Any]], numbers: list[Any]) -> Sequence[list[Any]]:
        """Return the outputs of some elements, by total kernels where one of them raises."""
        try:
            return self._quick(*columns, *numbers)
        except RAISED:
            self._total = self._total or self._compiled(is_quick=False)
            return self._total(*columns, *numbers)


def _no_number(position: int) -> Any:
    raise LookupError(position)


def mapped(kernel: Kernel, quick: Kernel, shape: tuple[int, ...]) -> Kernel:
    """Return a function from operands to the array that a kernel makes of their elements.

    `quick` computes the same, and may raise where the kernel does not.
    """

    def run(*values: Any) -> NDArray:
        columns = [
            expand(v, shape) if isinstance(v, NDArray) else repeat(v, math.prod(shape))
            for v in values
        ]
        try:
            return NDArray(shape, list(map(quick, *columns)))
        except RAISED:
            # A repeat is at its end now, and a list is not.
            columns = [
                expand(v if isinstance(v, NDArray) else NDArray((), [v]), shape) for v in values
            ]
            return NDArray(shape, list(map(kernel, *columns)))

    return run
