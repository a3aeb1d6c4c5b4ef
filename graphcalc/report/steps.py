"""A run as a worked page: each node with its numbers put in, then the chain rule edge by edge.

As text, Markdown and LaTeX. Where tensors take part, their shapes and the rule stand in place of
the numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from graphcalc.graph.grad import Edge
from graphcalc.graph.ir import Graph
from graphcalc.graph.text import node_text, operand_text
from graphcalc.numbers import leaves, show_nested
from graphcalc.ops.shapes import show
from graphcalc.ops.table import OPS
from graphcalc.report import latex
from graphcalc.report.numbers import round_to, shortener
from graphcalc.report.safe import safe
from graphcalc.report.table import FULL
from graphcalc.trace import Trace

# A negative number that an expression begins with needs no parentheses.
_LEADING = re.compile(r"^\((-[^()]*)\) ")


class StepLine(NamedTuple):
    """One line: sides of an equation, and a remark behind it.

    `position` is the node whose value or gradient it is about. `edge` is the use that a line of
    the backward pass is about; None of the target's own gradient and of a sum over several uses.
    `is_backward` tells the passes apart.
    """

    sides: tuple[str, ...]
    remark: str = ""
    position: int = -1
    edge: Edge | None = None
    is_backward: bool = False

    @property
    def text(self) -> str:
        """The line as it is printed, the remark left out."""
        return " = ".join(self.sides)


class WorkedLines:
    """The lines of a worked page, and the numbers in them."""

    def __init__(self, trace: Trace, digits: int | None = None) -> None:
        self.trace, self.graph = trace, trace.graph
        self._show = shortener(self._numbers()) if digits is None else round_to(digits)
        self._uses: dict[int, list[Edge]] = {}
        for edge in self.graph.edges:
            self._uses.setdefault(edge.node, []).append(edge)

    def _numbers(self) -> Iterator[tuple[float, str]]:
        for position, node in enumerate(self.graph.nodes):
            value = self.trace.kept(position).value
            if value is not None and node.type.numel <= FULL:
                yield from ((number, node.type.dtype) for number in leaves(value))

    # Numbers

    def value(self, position: int) -> str:
        """A scalar or a small tensor; nothing of a larger one."""
        node, value = self.graph.nodes[position], self.trace.kept(position).value
        if value is None or node.type.numel > FULL:
            return ""
        return show_nested(value, lambda x: self._show(x, node.type.dtype))

    def inner(self, position: int) -> str:
        """A value as a part of an expression."""
        text = self.value(position)
        return f"({text})" if text.startswith("-") else text

    def leading(self, text: str) -> str:
        """A side that may begin with a negative number, which needs no parentheses there."""
        return _LEADING.sub(r"\1 ", text)

    def _is_scalar(self, position: int) -> bool:
        node = self.graph.nodes[position]
        return not any(self.graph.nodes[i].type.shape for i in (position, *node.operands))

    # Forward

    def forward(self) -> Iterator[StepLine]:
        """One node a line, in order of evaluation."""
        for position in self.trace.positions:
            node = self.graph.nodes[position]
            name, text = node.name or "", node_text(self.graph, position).strip()
            value = self.value(position)
            if node.is_input or node.op is OPS["const"]:
                shape = f"shape {show(node.type.shape)}" if node.type.shape else ""
                sides = (name, value or text) if value or text else (name,)
                yield StepLine(sides, shape, position)
            elif self._is_scalar(position):
                put_in = node_text(self.graph, position, lambda graph, i: self.inner(i))
                yield StepLine(_sides(name, text, self.leading(put_in), value), "", position)
            else:
                yield StepLine(_sides(name, text, value), self._shapes(position), position)

    def _shapes(self, position: int) -> str:
        def shape(graph: Graph, i: int) -> str:
            found = graph.nodes[i].type.shape
            return show(found) if found else operand_text(graph, i)

        node = self.graph.nodes[position]
        if node.op.symbol:
            met = node_text(self.graph, position, shape)
        else:
            met = ", ".join(show(self.graph.nodes[i].type.shape) for i in node.operands)
        return f"shapes {met} → {show(node.type.shape)}"

    # Backward

    def backward(self) -> Iterator[StepLine]:
        """One use of a node a line, from the target to the inputs; then the sum of several."""
        graph = self.graph
        if graph.target is None:
            return
        for position in reversed(
            [p for p in graph.gradients if p in self._uses or p == graph.target]
        ):
            name, gradient = self._d(position), graph.gradients[position]
            uses = self._uses.get(position, [])
            if position == graph.target:
                yield StepLine((name, self.value(gradient)), "", position, None, True)
            elif len(uses) == 1:
                sides, remark = self._use(uses[0])
                yield StepLine(_sides(name, *sides), remark, position, uses[0], True)
            else:
                yield from self._sum(position, name, uses)

    def _sum(self, position: int, name: str, uses: list[Edge]) -> Iterator[StepLine]:
        times = Counter(edge.user for edge in uses)
        for edge in uses:
            place = f", operand {edge.place + 1}" if times[edge.user] > 1 else ""
            sides, remark = self._use(edge)
            user = self.graph.nodes[edge.user].name or ""
            sides = _sides(f"{name} through {user}{place}", *sides)
            yield StepLine(sides, remark, position, edge, True)
        gradient = self.graph.gradients[position]
        shares = [e.share for e in uses if isinstance(e.share, int)]
        values = [self.inner(s) if i else self.value(s) for i, s in enumerate(shares)]
        if all(values) and not self.graph.nodes[position].type.shape:
            sides, remark = _sides(name, " + ".join(values) or "0", self.value(gradient)), ""
        else:
            sides, remark = _sides(name, self.value(gradient)), f"the sum of the {len(uses)} above"
        yield StepLine(sides, remark, position, None, True)

    def _d(self, position: int) -> str:
        nodes = self.graph.nodes
        assert self.graph.target is not None
        return f"d{nodes[self.graph.target].name}/d{nodes[position].name}"

    def _use(self, edge: Edge) -> tuple[tuple[str, ...], str]:
        """What one use adds: the product of two derivatives, or a rule on tensors."""
        graph = self.graph
        user = graph.nodes[edge.user]
        if not isinstance(edge.share, int):
            return ("0",), self._why_zero(edge)
        value = self.value(edge.share)
        if edge.local is None:
            shape = graph.nodes[edge.share].type.shape
            remarks = [f"shape {show(shape)}"] if shape else []
            words = self._words(edge)
            if words:
                return (value,), "; ".join([words, *remarks])
            return (self._rule(edge, edge.share), value), "".join(remarks)
        taken = self._taken(edge.local)
        is_own = edge.local >= (graph.forward or 0)
        local = self._formula(taken, is_operand=False) if is_own else operand_text(graph, taken)
        found = graph.nodes[edge.local]
        is_number = found.op is OPS["const"] and found.name is None
        if edge.user == graph.target:
            numbers = self._with_numbers(edge.local, is_operand=False) if is_own else ""
            return (local, self.leading(numbers), value) if not is_number else (value,), ""
        outer = self._d(edge.user)
        gradient = graph.gradients[edge.user]
        return (
            f"{outer} · d{user.name}/d{graph.nodes[edge.node].name}",
            "" if is_number else f"{outer} · {self._formula(taken)}",
            f"{self.value(gradient)} · {self._with_numbers(edge.local)}",
            f"{self.value(gradient)} · {self.inner(edge.local)}",
            value,
        ), ""

    def _taken(self, position: int) -> int:
        """The branch of a formula's cases that holds, where it is a formula and not a number."""
        nodes = self.graph.nodes
        while nodes[position].op is OPS["where"] and position >= (self.graph.forward or 0):
            condition, value, other = nodes[position].operands
            decided = self.trace.kept(condition).value
            branch = value if decided else other
            is_open = nodes[condition].type.shape or decided is None
            if is_open or nodes[branch].op is OPS["const"]:
                break
            position = branch
        return position

    def _formula(self, position: int, *, is_operand: bool = True) -> str:
        """A formula in terms of named nodes, without the cases that do not hold."""
        position = self._taken(position)
        node = self.graph.nodes[position]
        if is_operand and self._is_named(position):
            return operand_text(self.graph, position)
        text = node_text(self.graph, position, lambda graph, i: self._formula(i))
        return f"({text})" if is_operand and node.op.symbol else text

    def _with_numbers(self, position: int, *, is_operand: bool = True) -> str:
        """A formula with the values of named nodes in the place of their names."""
        position = self._taken(position)
        node = self.graph.nodes[position]
        if node.name is None and node.op is OPS["const"]:
            return operand_text(self.graph, position)
        if is_operand and self._is_named(position):
            return self.inner(position)
        text = node_text(self.graph, position, lambda graph, i: self._with_numbers(i))
        return f"({text})" if is_operand and node.op.symbol else text

    def _words(self, edge: Edge) -> str:
        """What a use adds to the gradient in the words of its op; empty where a formula tells."""
        user = self.graph.nodes[edge.user]
        step = user.op.step[edge.place : edge.place + 1]
        operands = [operand_text(self.graph, i) for i in user.operands]
        text = node_text(self.graph, edge.user)
        return "".join(step).format(*operands, g=self._d(edge.user), text=text)

    def _why_zero(self, edge: Edge) -> str:
        user, text = self.graph.nodes[edge.user], node_text(self.graph, edge.user)
        return self._words(edge) or f"{user.name} = {text} changes in jumps alone"

    def _is_named(self, position: int) -> bool:
        """Whether a formula has the name of a node: of the forward pass, or a constant.

        Equal gradients are one node, so the name of a gradient may be that of another one.
        """
        node = self.graph.nodes[position]
        return position < (self.graph.forward or 0) or node.op is OPS["const"]

    def _rule(self, edge: Edge, share: int) -> str:
        """What a use adds on tensors, in terms of the gradient of its user and of named nodes."""
        graph, gradient = self.graph, self.graph.gradients[edge.user]
        # Where a node of the forward pass is that gradient too, it is so at its first place.
        waiting = [gradient]

        def part(graph: Graph, position: int) -> str:
            if position in waiting:
                waiting.clear()
                return self._d(edge.user)
            node = graph.nodes[position]
            is_short = all(i == gradient or self._is_named(i) for i in node.operands)
            if self._is_named(position) or (node.name is not None and not is_short):
                return operand_text(graph, position)
            text = node_text(graph, position, part)
            return f"({text})" if node.op.symbol else text

        if share == gradient:
            return self._d(edge.user)
        is_named = self._is_named(share) and gradient not in graph.nodes[share].operands
        return operand_text(graph, share) if is_named else node_text(graph, share, part)


def _sides(*texts: str) -> tuple[str, ...]:
    """The sides that say something new."""
    kept: list[str] = []
    for text in texts:
        if text and (not kept or text != kept[-1]):
            kept.append(text)
    return tuple(kept)


def as_steps(trace: Trace, format: str, digits: int | None = None) -> str:
    """The page as `steps`, `steps-md` or `steps-tex`."""
    page = WorkedLines(trace, digits)
    parts = [("Forward", list(page.forward())), ("Backward", list(page.backward()))]
    draw: Callable[[str, list[StepLine]], list[str]] = {
        "steps": _text,
        "steps-md": _markdown,
        "steps-tex": _latex,
    }[format]
    lines: list[str] = []
    for title, found in parts:
        if found:
            lines += [*([""] if lines else []), *draw(title, found)]
    return "\n".join([*lines, ""])


def _text(title: str, lines: list[StepLine]) -> list[str]:
    drawn = [f"{title}:"]
    for line in lines:
        remark = f"    ({line.remark})" if line.remark else ""
        drawn.append(safe(f"  {line.text}{remark}"))
    return drawn


def _markdown(title: str, lines: list[StepLine]) -> list[str]:
    drawn = [f"## {title}", ""]
    for number, line in enumerate(lines, 1):
        remark = f" ({line.remark})" if line.remark else ""
        drawn.append(safe(f"{number}. `{line.text}`{remark}"))
    return drawn


def _latex(title: str, lines: list[StepLine]) -> list[str]:
    drawn = [rf"\paragraph{{{title}}}", r"\begin{align*}"]
    for number, line in enumerate(lines):
        first, *rest = map(latex.math, line.sides)
        text = f"{first} &= {' = '.join(rest)}" if rest else f"{first} &"
        if line.remark:
            text += rf" && \text{{{latex.prose(line.remark)}}}"
        drawn.append(f"  {text}" + (r" \\" if number < len(lines) - 1 else ""))
    return [*drawn, r"\end{align*}"]
