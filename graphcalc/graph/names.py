"""The names of a program: what assigns and reads them, and what is wrong with one that does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphcalc.diagnostics import BindingError, Label, brief, did_you_mean
from graphcalc.graph.declarations import Declarations
from graphcalc.graph.scope import Scope
from graphcalc.ops.table import CONSTANTS
from graphcalc.ops.words import PREFIXES
from graphcalc.syntax import expr as ast
from graphcalc.syntax.lexer import ascii_twin
from graphcalc.syntax.parts import expressions, names_given, nested, of_one_scope, targets
from graphcalc.syntax.program import (
    AnyStatement,
    Block,
    ClassDefinition,
    Declaration,
    Definition,
    Import,
    Statement,
    SyntaxTree,
)
from graphcalc.syntax.skeletons import SkeletonLines


class Names:
    """What the statements of a program say of names.

    `bound` are the names that have a value from outside, with the place of each value. Under
    `is_check` a declared name needs none.
    """

    def __init__(
        self,
        program: SyntaxTree,
        scope: Scope,
        bound: Mapping[str, Label],
        declared: Declarations,
        is_check: bool,
    ) -> None:
        self.program, self.scope = program, scope
        self.bound, self.declared, self.is_check = bound, declared, is_check
        self._bodies: dict[int, tuple[AnyStatement, list[Any]]] = {}
        parsed = self.program.parsed()
        # Every name that a statement assigns.
        inner = list(of_one_scope(parsed))
        self.assigned = {target.name for statement in inner for target in targets(statement)}
        for part in self._lines():
            self.assigned |= part.targets()

    def _lines(self) -> list[SkeletonLines]:
        return [part for part in self.program.parts if isinstance(part, SkeletonLines)]

    def body(self, statement: AnyStatement) -> list[Any]:
        """Every node of a statement and of its bodies, branches that are left out included."""
        kept = self._bodies.get(id(statement))
        if kept is None:
            roots = [root for part in nested((statement,)) for root in expressions(part)]
            # With the statement, which lives on by that and keeps its identity.
            kept = statement, [node for root in roots for node in ast.postorder(root)]
            self._bodies[id(statement)] = kept
        return kept[1]

    def own(self, statement: AnyStatement) -> set[str]:
        """The names that mean something inside of a function alone, or of a comprehension."""
        return own_names(statement, self.body(statement))

    def read_by(self, statement: AnyStatement) -> set[str]:
        """The names in a statement's text."""
        return {node.name for node in self.body(statement) if type(node) is ast.Name}

    def mentioned(self) -> set[str]:
        """Every name that the program reads or assigns, parameters of its functions aside."""
        found = self.assigned | self._read(self.program.parsed())
        for part in self._lines():
            found |= part.mentioned()
            called = part.called()
            found |= called - self.scope.callable_names() if called else called
        return found

    def read(self) -> set[str]:
        """Every name that the program reads, parameters of its functions aside."""
        return self._read(self.program.statements)

    def _read(self, statements: Iterable[AnyStatement]) -> set[str]:
        found = set()
        for statement in statements:
            called = {
                node.function.name
                for node in self.body(statement)
                if type(node) is ast.Call and type(node.function) is ast.Name
            }
            # A bound name that is called is wrong in another way than one that nothing reads.
            read = self.read_by(statement)
            if called:
                read |= called - self.scope.callable_names()
            found |= read - self.own(statement)
        return found

    def read_first(self) -> list[str]:
        """The names that the program reads before it assigns them, if it ever does."""
        found: dict[str, None] = {}
        assigned: set[str] = set()
        for statement in self.program.statements:
            names = self.read_by(statement) - self.own(statement) - assigned
            found.update(dict.fromkeys(sorted(names)))
            assigned.update(t.name for part in of_one_scope((statement,)) for t in targets(part))
        return list(found)

    # What is wrong

    def unused(self, name: str) -> BindingError:
        """The error for a name that is bound in vain; a misspelt one gets a hint."""
        label = self.bound[name]
        if self.scope.language.functions.is_builtin(name):
            text = f"`{name}` is built in and cannot be bound"
            return BindingError("bound-builtin", text, (label,))
        known = {*self.scope.names, *self.read()} - {*CONSTANTS, *PREFIXES}
        return BindingError(
            "unused-binding",
            f"`{brief(name)}` is bound, but the program does not use it",
            (label,),
            note="its names are " + ", ".join(f"`{n}`" for n in sorted(known)[:12])
            if known
            else "the program has no names",
            help=did_you_mean(name, known),
        )

    def missing(self, name: str, label: Label) -> BindingError:
        """The error for a name without a value, with every other one that lacks it."""
        if name in self.assigned:
            return self._too_early(name, label)
        missing = [name]
        for statement in self.program.statements:
            own = self.own(statement)
            for node in self.body(statement):
                if type(node) is ast.Name and node.name not in own and self._lacks(node.name):
                    missing.append(node.name)
        missing = list(dict.fromkeys(missing))
        listed = ", ".join(f"`{brief(n)}`" for n in missing[:12])
        more = f" and {len(missing) - 12} more" if len(missing) > 12 else ""
        example = " ".join(f"{brief(n, 20)}={self._example(n)}" for n in missing[:4])
        reads = self.read()
        vain = [n for n in self.bound if n not in reads and n not in self.assigned]
        return BindingError(
            "missing-input",
            f"{listed}{more} {'has' if len(missing) == 1 else 'have'} no value",
            (label,),
            note=f"`{brief(vain[0])}` is bound, but nothing reads it"
            if vain
            else "it is declared, and --check needs no more"
            if name in self.declared.types
            else "",
            help=self._hint(name, label)
            or f"bind {'it' if len(missing) == 1 else 'them'}: {example}",
        )

    def _lacks(self, name: str) -> bool:
        declared = self.declared.types if self.is_check else ()
        known = (self.assigned, self.bound, declared, CONSTANTS, PREFIXES)
        return not any(name in names for names in known)

    def _too_early(self, name: str, label: Label) -> BindingError:
        source, span = next(
            (statement.source, target.span)
            for statement in of_one_scope(self.program.statements)
            for target in targets(statement)
            if target.name == name
        )
        line, column = source.location(span.start)
        return BindingError(
            "read-before-assigned",
            f"`{brief(name)}` is read before it is assigned",
            (label,),
            note=f"it is assigned at {line}:{column}",
            help="statements run in order; put that one first",
        )

    def _hint(self, name: str, label: Label) -> str:
        """What was meant, where that can be guessed."""
        twin = "" if name.isascii() else ascii_twin(name)
        if twin in self.scope.names or twin in self.bound:
            return f"did you mean `{twin}`? `{name}` has other letters"
        if name.lower() in CONSTANTS:
            return f"did you mean `{name.lower()}`?"
        if name in PREFIXES:
            return f"`{name}.` stands in front of a function, as in `{name}.exp(x)`"
        known = {*self.scope.names, *self.bound, *CONSTANTS}
        from graphcalc.graph.slips import instead_of_name  # only where something is wrong

        hint = instead_of_name(name, label) or did_you_mean(name, known)
        if self.is_check:
            return hint or f"declare it, `{brief(name, 20)}: [32, 784]`, or bind it"
        return hint

    def _example(self, name: str) -> str:
        """A value that a name could be bound to."""
        type_ = self.declared.types.get(name)
        if type_ is None or not type_.shape or not all(type(s) is int for s in type_.shape):
            return "1"
        sizes = ", ".join(map(str, type_.shape))
        if type_.dtype == "bool":
            return f"'randn({sizes}) > 0'"
        return f"'randint(0, 2, ({sizes},))'" if type_.dtype == "int64" else f"'randn({sizes})'"


def names_read(program: SyntaxTree) -> set[str]:
    """Every name in a program's expressions, but for those of functions and comprehensions."""
    found: set[str] = set()
    for statement in program.statements:
        if isinstance(statement, Declaration):
            found.add(statement.name)
            continue
        roots = [root for part in nested((statement,)) for root in expressions(part)]
        nodes = [node for root in roots for node in ast.postorder(root)]
        names = {node.name for node in nodes if type(node) is ast.Name}
        found |= names - own_names(statement, nodes)
    return found


def makes_modules(program: SyntaxTree) -> bool:
    """Whether a program may make modules, whose parameters have names that it does not read."""
    for statement in nested(program.statements):
        if isinstance(statement, ClassDefinition):
            return True
        if isinstance(statement, Import) and "nn" in statement.module.split("."):
            return True
        nodes = (node for root in expressions(statement) for node in ast.postorder(root))
        if any(getattr(n, "name", "") == "nn" for n in nodes if type(n) in _NAMES):
            return True
    return False


_NAMES = (ast.Name, ast.Attribute)


def names_assigned(program: SyntaxTree) -> set[str]:
    """Every name that a program gives a value, functions aside."""
    statements = of_one_scope(program.statements)
    return {target.name for statement in statements for target in targets(statement)}


def target_of_backward(program: SyntaxTree) -> str | None:
    """The name whose gradients the program itself asks for last: `loss.backward()`."""
    found = None
    for statement in of_one_scope(program.parsed()):
        value = statement.value if isinstance(statement, Statement) else None
        function = value.function if isinstance(value, ast.Call) else None
        if isinstance(function, ast.Attribute) and function.name == "backward":
            assert isinstance(value, ast.Call)
            is_plain = isinstance(function.value, ast.Name) and not value.arguments
            found = getattr(function.value, "name", None) if is_plain else None
    return found


def own_names(statement: AnyStatement, nodes: Iterable[Any]) -> set[str]:
    """The names that mean something only inside of a statement's functions and comprehensions.

    `nodes` are all that its expressions consist of.
    """
    found: set[str] = set()
    for part in nested((statement,)):
        if isinstance(part, Definition):
            found.update(p.name for p in part.parameters)
            found |= names_given(part.body.statements) if type(part.body) is Block else set()
    for node in nodes:
        if type(node) is ast.Lambda:
            found.update(p.name for p in node.parameters)
        elif type(node) is ast.Clause:
            found.update(n.name for n in ast.postorder(node.target) if type(n) is ast.Name)
    return found
