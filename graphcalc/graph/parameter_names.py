"""Names of modules and of their parameters, as in a state dict."""

from __future__ import annotations

from collections.abc import Sequence

from graphcalc.graph.objects import ObjectValue, ParameterValue, place_in

# What holds other modules and has no parameters of its own.
HOLDERS = ("Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict")


def roots(objects: Sequence[ObjectValue]) -> list[ObjectValue]:
    """Return the modules that have parameters and stand in no other."""
    for item in objects:
        for key, value in item.members.items():
            # What a list of an object was given after it was one.
            place_in(item, key, value)
    return [
        item
        for item in objects
        if item.parent is None
        and item.kind.is_module
        and next(item.all_parameters(), None) is not None
    ]


def prefix(objects: Sequence[ObjectValue], root: ObjectValue) -> str:
    """Return what the names of a root's parameters begin with; it stays once it was asked for.

    A module of a class of the program, or an unnamed one that holds others, has none where it is
    the only root; any other has its name, and without one its class's with a number.
    """
    if root.prefix is None:
        found = roots(objects)
        is_alone = found == [root]
        is_own = not root.kind.is_layer
        is_plain = is_own or (not root.key and root.kind.name in HOLDERS)
        root.prefix = "" if is_alone and is_plain else root.key or _numbered(found, root)
    return root.prefix


def _numbered(found: list[ObjectValue], root: ObjectValue) -> str:
    """The class in small letters, with the place of the root among those without a name."""
    name = root.kind.name
    alike = [item for item in found if item.kind.name == name and not item.key]
    return f"{name.lower()}{alike.index(root) + 1 if root in alike else 1}"


def title(objects: Sequence[ObjectValue], item: ObjectValue) -> str:
    """Return what a module is called in pictures and errors."""
    if not item.kind.is_module or item.root not in roots(objects):
        return ".".join([*filter(None, [item.root.key]), *item.path()]) or item.kind.name
    start = prefix(objects, item.root)
    return ".".join([*filter(None, [start]), *item.path()]) or item.root.key or item.kind.name


def _in_order(parameter: ParameterValue) -> list[tuple[ObjectValue, str]]:
    """The places of a parameter; of a shared one, the first of the whole module first."""
    places = parameter.places
    if len(places) < 2:
        return places
    modules = [item for _, item in places[0][0].root.all_objects()]
    return sorted(places, key=lambda p: modules.index(p[0]) if p[0] in modules else len(modules))


def names_of(objects: Sequence[ObjectValue], parameter: ParameterValue) -> list[str]:
    """Return every name that a parameter can be bound by, its own first."""
    found: list[str] = []
    for item, key in _in_order(parameter):
        path = [*item.path(), key]
        start = prefix(objects, item.root)
        found.append(".".join([*filter(None, [start]), *path]))
        if roots(objects) == [item.root]:
            found += [
                ".".join(path),
                *([".".join([item.root.key, *path])] if item.root.key else []),
            ]
    return list(dict.fromkeys(found))
