"""How the package is laid out: no import cycles, and one class to a name."""

import ast
from collections import defaultdict
from pathlib import Path

import graphcalc

FOLDER = Path(graphcalc.__file__).parent


def sources():
    """The text of every module of the package by its dotted name."""
    texts = {}
    for path in FOLDER.rglob("*.py"):
        parts = path.relative_to(FOLDER.parent).with_suffix("").parts
        texts[".".join(parts).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return texts


def imports(texts):
    """The modules that each module imports anywhere, for types alone as well."""
    edges = defaultdict(set)
    for module, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                named = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{module} has a relative import"
                inner = [f"{node.module}.{alias.name}" for alias in node.names]
                named = [name if name in texts else node.module for name in inner]
            else:
                continue
            edges[module] |= {name for name in named if name in texts}
    return edges


def cycles(edges):
    """The groups of modules that import each other, directly or through others."""
    reached = {}
    for start in list(edges):
        found, pending = set(), [start]
        while pending:
            new = edges.get(pending.pop(), set()) - found
            found |= new
            pending += new
        reached[start] = found
    groups = {
        tuple(sorted(b for b in found if a in reached.get(b, ())))
        for a, found in reached.items()
        if a in found
    }
    return sorted(groups)


def class_names(texts):
    """The modules that define a class, at any depth, by its name."""
    modules = defaultdict(list)
    for module, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                modules[node.name].append(module)
    return modules


def test_no_import_cycles():
    """No module imports one that imports it, through however many others."""
    edges = imports(sources())
    assert sum(map(len, edges.values())) >= 500
    assert cycles(edges) == []


def test_class_names_are_unique():
    """No two classes of the package have one name."""
    modules = class_names(sources())
    assert len(modules) >= 200
    assert {name: m for name, m in modules.items() if len(m) > 1} == {}


def test_cycles_are_noticed():
    """Cycles are seen through others, within functions and in imports for types alone."""
    texts = {
        "p": "",
        "p.a": "from p.b import f\nimport p.d",
        "p.b": "def f():\n    from p import c",
        "p.c": "if TYPE_CHECKING:\n    import p.a",
        "p.d": "import os",
    }
    assert cycles(imports(texts)) == [("p.a", "p.b", "p.c")]
    assert cycles(imports({**texts, "p.c": "import p.d"})) == []
    assert cycles(imports({"p.a": "import p.a"})) == [("p.a",)]


def test_classes_of_one_name_are_noticed():
    """A class in a function or a class counts as well."""
    texts = {"p.a": "class A: ...", "p.b": "def f():\n    class A: ..."}
    assert class_names(texts)["A"] == ["p.a", "p.b"]
