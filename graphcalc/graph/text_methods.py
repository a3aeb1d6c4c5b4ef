"""Methods of text, such as `name.endswith("weight")`: text and truths that are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphcalc.diagnostics import CallError
from graphcalc.graph.frames import Frame
from graphcalc.graph.lowered import Lowered, StaticNumber, TextValue
from graphcalc.graph.scope import Scope
from graphcalc.syntax import expr as ast

TEXT_METHODS: Mapping[str, Callable[[str, list[str]], str | bool]] = {
    "endswith": lambda text, words: text.endswith(tuple(words)),
    "startswith": lambda text, words: text.startswith(tuple(words)),
    "lower": lambda text, words: text.lower(),
    "upper": lambda text, words: text.upper(),
    "replace": lambda text, words: text.replace(words[0], words[1]),
}
_ARGUMENTS = {"lower": 0, "upper": 0, "replace": 2}


def called(
    scope: Scope, name: str, value: TextValue, items: list[Lowered], node: ast.Call, frame: Frame
) -> Lowered:
    """Return what a method of text gives."""
    words = [item.text for item in items if isinstance(item, TextValue)]
    if len(words) != len(items) or len(words) != _ARGUMENTS.get(name, 1):
        text = f"`{name}` of a text takes {_ARGUMENTS.get(name, 1)} texts"
        raise CallError("arity", text, scope.label(node, frame.source))
    found = TEXT_METHODS[name](value.text, words)
    return StaticNumber(found) if isinstance(found, bool) else TextValue(found)
