"""The layers of torch.nn as classes."""

from __future__ import annotations

from functools import cache
from typing import Any

from graphcalc.graph.initial_values import INITIALIZERS
from graphcalc.graph.lowered import StaticNumber
from graphcalc.graph.objects import ClassValue
from graphcalc.ops.layers import layers
from graphcalc.source import RULES, Source
from graphcalc.syntax import expr as ast
from graphcalc.syntax.parser import parse_program
from graphcalc.syntax.program import ClassDefinition, Definition, Statement

# What every module extends.
MODULE = ClassValue("Module", None, {}, {}, is_module=True)


def is_layer(name: str) -> bool:
    """Return whether torch.nn has a layer of that name that is known."""
    return name in layers() and not name.startswith("_")


@cache
def layer(name: str) -> ClassValue | None:
    """Return a layer of torch.nn as a class."""
    if name not in layers():
        return None
    (statement,) = parse_program(Source(layers()[name], RULES)).statements
    assert isinstance(statement, ClassDefinition)
    (base,) = statement.bases
    members: dict[str, Any] = {}
    methods: dict[str, Definition] = {}
    for part in statement.body.statements:
        if isinstance(part, Definition):
            methods[part.name] = part
        elif isinstance(part, Statement) and part.name is not None:
            members[part.name] = StaticNumber(getattr(part.value, "value", None))
    inner = layer(base.name) if isinstance(base, ast.Name) else None
    return ClassValue(name, inner, methods, members, is_module=True, is_layer=True)


def is_made(module: str, name: str) -> bool:
    """Whether a function of torch makes a module or a parameter, or fills one."""
    last = module.rpartition(".")[2]
    if last == "init":
        return name in INITIALIZERS
    return last == "nn" and (is_layer(name) or name in ("Parameter", "Buffer"))
