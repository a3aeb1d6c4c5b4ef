"""Notes on calls of pasted lines that Python or NumPy would read in another way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphcalc.graph.frames import Frame
from graphcalc.graph.ir import label_of
from graphcalc.graph.lowered import Lowered
from graphcalc.syntax import expr as ast
from graphcalc.syntax.expr import Expr

if TYPE_CHECKING:
    from graphcalc.graph.scope import Scope

OTHER_READINGS = frozenset({"sum", "std", "var", "repeat"})
_PASTED = re.compile(r"\b(?:torch|F|nn|np|numpy)\.")
_NUMPY = re.compile(r"\b(?:np|numpy)\.")
_KEYWORDS = frozenset({"axis", "keepdims", "ddof"})
_SPREAD = ("unbiased", "correction", "ddof")


def note_other_readings(
    scope: Scope,
    name: str,
    is_method: bool,
    items: list[Lowered],
    nodes: list[Expr],
    node: ast.Call,
    frame: Frame,
) -> None:
    """Note a call without a prefix that has another value in Python or as NumPy's method."""
    text = ""
    if name == "sum" and not is_method:
        if _is_matrix(scope, items, nodes) and _PASTED.search(frame.source.text):
            text = "this sum is of all elements; Python's own sum adds up rows, as x.sum(0) does"
    elif not is_method or not _is_of_numpy(nodes, frame):
        return
    elif name in ("std", "var") and not any(map(_says_correction, nodes)):
        text = f"the method {name} divides by n - 1, as torch's does; np.{name}(x) divides by n"
    elif name == "repeat":
        text = "the method repeat tiles, as torch's does; np.repeat(x, n) repeats every element"
    if text:
        scope.builder.note(label_of(scope.at(node, frame)), text)


def _is_matrix(scope: Scope, items: list[Lowered], nodes: list[Expr]) -> bool:
    """Whether a call has one argument, a tensor of two dimensions or more."""
    if len(items) != 1 or type(items[0]) is not int or type(nodes[0]) is ast.Keyword:
        return False
    return len(scope.builder.nodes[items[0]].type.shape) > 1


def _is_of_numpy(nodes: list[Expr], frame: Frame) -> bool:
    """Whether a line is of NumPy: by its prefixes, or by a keyword that NumPy has."""
    words = {node.name for node in nodes if type(node) is ast.Keyword}
    return not words.isdisjoint(_KEYWORDS) or bool(_NUMPY.search(frame.source.text))


def _says_correction(node: Expr) -> bool:
    return type(node) is ast.Boolean or (type(node) is ast.Keyword and node.name in _SPREAD)
