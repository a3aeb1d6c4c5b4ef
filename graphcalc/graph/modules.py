"""What `import` gives names: prefixes of functions, and functions with their prefix."""

from __future__ import annotations

from collections.abc import Mapping

from graphcalc.graph import attributes
from graphcalc.graph.lowered import Lowered, ModulePrefix
from graphcalc.graph.scope import Scope
from graphcalc.ops.words import PREFIXES, SUBMODULES
from graphcalc.syntax import expr as ast
from graphcalc.syntax.program import Import

# Modules whose functions a program may call.
KNOWN = frozenset({"torch", "numpy", "math", *PREFIXES})

# Modules whose names say something to Python alone.
_READ_OVER = frozenset(("typing", "abc", "dataclasses", "collections", "__future__"))


def imported(scope: Scope, statement: Import) -> Mapping[str, Lowered]:
    """Return what names mean after an import.

    A module that is not known is refused where it is used.
    """
    path, name = statement.module, statement.name
    if path.partition(".")[0] in _READ_OVER:
        return {}
    if name == "*" and path == "math":
        written = ast.Attribute(ast.Name(path, *statement.span), "e", *statement.span)
        return {"e": attributes.dotted(scope, ModulePrefix(path), written, statement.source)}
    if name == "*" or path == name:
        return {} if path in KNOWN or name == "*" else {name: ModulePrefix(path)}
    parent, _, last = path.rpartition(".")
    if not parent or last in SUBMODULES or last in PREFIXES or parent.split(".")[0] not in KNOWN:
        return {name: ModulePrefix(path)}
    written = ast.Attribute(ast.Name(parent, *statement.span), last, *statement.span)
    return {name: attributes.dotted(scope, ModulePrefix(parent), written, statement.source)}


def is_known(module: str) -> bool:
    """Return whether functions of a module can be called."""
    return module.partition(".")[0] in KNOWN
