"""Classes, objects and parameters: what a program makes of `class` and of the layers of torch.

They exist while the graph is made. What an object's members are may change while it is made;
nothing of it is in the graph but the parameters that are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphcalc.diagnostics import Label
from graphcalc.syntax.program import Definition


class ClassValue:
    """A class: its methods, what its body gives names, and the class that it extends.

    `is_layer` says that it is one of torch's, which `ops/layers` describes.
    """

    def __init__(
        self,
        name: str,
        base: ClassValue | None,
        methods: Mapping[str, Definition],
        members: dict[str, Any],
        *,
        is_module: bool,
        is_layer: bool = False,
    ) -> None:
        self.name, self.base, self.methods, self.members = name, base, methods, members
        self.is_module, self.is_layer = is_module, is_layer
        # The names around the text of the class.
        self.closure: dict[str, Any] = {}

    def line(self) -> Iterator[ClassValue]:
        """Yield the class and those that it extends, the nearest first."""
        current: ClassValue | None = self
        while current is not None:
            yield current
            current = current.base

    def method(self, name: str) -> tuple[ClassValue, Definition] | None:
        """Return a method with the class that has it; None where none has."""
        return next(((c, c.methods[name]) for c in self.line() if name in c.methods), None)

    def member(self, name: str) -> Any:
        """Return what the body of the class gives a name; None where it gives none."""
        return next((c.members[name] for c in self.line() if name in c.members), None)

    @property
    def is_trained(self) -> bool:
        """Whether a layer of it computes something else while it is trained."""
        return any("_differs_in_training" in c.members for c in self.line())

    @property
    def own_base(self) -> ClassValue:
        """The first class in its line that is one of torch's, else itself."""
        return next((c for c in self.line() if c.is_layer), self)


class ObjectValue:
    """An object of a class: its members, and where it stands among other objects.

    `parent` and `key` are the first place that it was given; `mode` is what `eval` and `train`
    say of it, `prefix` what its parameters begin with, and `call` where it was made.
    """

    def __init__(self, kind: ClassValue, call: Label) -> None:
        self.kind, self.call = kind, call
        self.members: dict[str, Any] = {}
        self.parent: ObjectValue | None = None
        self.key = ""
        self.mode = ""
        self.prefix: str | None = None
        # The methods with the object's name; each is one definition, by which cycles are found.
        self.methods: dict[str, Definition] = {}

    @property
    def root(self) -> ObjectValue:
        """The object that all others stand in."""
        current = self
        while current.parent is not None:
            current = current.parent
        return current

    def path(self) -> list[str]:
        """Return the keys from the root, which has none here, to this object."""
        keys: list[str] = []
        current = self
        while current.parent is not None:
            keys.append(current.key)
            current = current.parent
        return keys[::-1]

    def children(self) -> Iterator[tuple[str, ObjectValue]]:
        """Yield the objects among the members with their keys, those of lists too."""
        for key, item in self.members.items():
            for inner, part in parts_of(key, item):
                if isinstance(part, ObjectValue):
                    yield inner, part

    def all_objects(self) -> Iterator[tuple[str, ObjectValue]]:
        """Yield this object and all in it once, with their paths, in order."""
        pending: list[tuple[str, ObjectValue]] = [("", self)]
        seen: set[int] = set()
        while pending:
            path, current = pending.pop()
            if id(current) in seen:
                continue
            seen.add(id(current))
            yield path, current
            inner = [(f"{path}.{k}" if path else k, o) for k, o in current.children()]
            pending += inner[::-1]

    def all_parameters(self) -> Iterator[tuple[str, ParameterValue]]:
        """Yield the parameters and buffers in it once, with their paths, in order."""
        seen: set[int] = set()
        for path, current in self.all_objects():
            for key, member in current.members.items():
                for inner, part in parts_of(key, member):
                    if isinstance(part, ParameterValue) and id(part) not in seen:
                        seen.add(id(part))
                        yield f"{path}.{inner}" if path else inner, part


class ParameterValue:
    """A parameter or buffer of a module, which is a node of the graph once it is read.

    `draw` is the text of the value that torch starts with; `value` is the value that the program
    itself gives it. `places` are the objects that have it, with its keys.
    """

    def __init__(
        self, shape: tuple[Any, ...], call: Label, *, draw: str = "", value: int | None = None
    ) -> None:
        self.shape, self.call, self.draw, self.value = shape, call, draw, value
        self.is_buffer = self.is_persistent = False
        self.places: list[tuple[ObjectValue, str]] = []
        self.position: int | None = None


class SuperValue:
    """`super()`: an object, and the class behind which its methods are looked for."""

    def __init__(self, item: ObjectValue, kind: ClassValue) -> None:
        self.item, self.kind = item, kind


def parts_of(key: str, item: Any) -> Iterator[tuple[str, Any]]:
    """Yield a member, or the parts of a list of objects, with their keys."""
    pending = [(key, item)]
    while pending:
        name, current = pending.pop()
        if isinstance(current, (ObjectValue, ParameterValue)):
            yield name, current
        elif not isinstance(current, (int, str)) and hasattr(current, "items"):
            items = current.items
            if type(items) is tuple:
                inner = [(f"{name}.{i}", part) for i, part in enumerate(items)]
                pending += inner[::-1]


def place_in(parent: ObjectValue, key: str, item: Any) -> None:
    """Note that an object has another one, or a parameter, under a key; the first place counts."""
    for name, part in parts_of(key, item):
        if isinstance(part, ParameterValue):
            if (parent, name) not in part.places:
                part.places.append((parent, name))
        elif part.parent is None and part is not parent and part is not parent.root:
            part.parent, part.key = parent, name
