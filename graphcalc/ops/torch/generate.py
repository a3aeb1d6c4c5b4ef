"""Make `functions.json` of the list in `functions.txt` and of the torch that is installed.

    python -m graphcalc.ops.torch.generate          write it
    python -m graphcalc.ops.torch.generate --check  print what differs, and what the list lacks

The list says by hand which functions a program can call, with a sentence each. From torch come the
signatures, the names of the parts of results, and, by torch's own samples of arguments, which
operands are whole numbers or truth values and which functions work element by element.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
import warnings
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from graphcalc.ops.torch.functions import Listed, callable_of, read_list

_FOLDER = Path(__file__).parent
_LIST, _DATA = _FOLDER / "functions.txt", _FOLDER / "functions.json"
# Parameters that say where and how a result is kept, and those that no program can fill.
_ASIDE = frozenset({"out", "device", "layout", "pin_memory", "requires_grad", "memory_format"})
_KINDS = (
    (r"(list|List|tuple|Sequence)\[.*Tensor", "tensors"),
    (r"\*?Tensor", "tensor"),
    (r"ScalarType|dtype", "dtype"),
    (r"bool\[|int\[|SymInt\[|BroadcastingList|(list|tuple|Sequence|Union)\[.*int|_size", "ints"),
    (r"(float|Scalar)\[|(list|tuple|Sequence)\[.*(float|Scalar)|Iterable", "floats"),
    (r"bool", "flag"),
    (r"str\b", "text"),
    (r"Scalar|float|number", "number"),
    (r"int|SymInt", "int"),
)
# Kinds of parameters of torch's functions in Python that have no annotation.
_UNANNOTATED = {
    **dict.fromkeys(("input", "self", "a", "b", "A", "x", "x1", "x2"), "tensor"),
    **dict.fromkeys(("tensors", "matrices", "operands"), "tensors"),
    **dict.fromkeys(("dims", "dim", "kernel_size", "stride", "padding"), "ints"),
    **dict.fromkeys(("output_size", "dilation", "size"), "ints"),
    "scale_factor": "floats",
    "M": "int",
    "keepdim": "flag",
    "dtype": "dtype",
}
# Operands that are indices, of functions without samples.
_INDICES = frozenset(("indices", "offsets", "index", "targets", "input_lengths", "target_lengths"))
# Samples of each function of torch's own that are looked at.
_SAMPLES = 8


class _Described(NamedTuple):
    """What is found out about one function."""

    signatures: list[str]
    fields: list[str]
    whole: dict[str, str]
    is_elementwise: bool


# Signatures


def _kind(annotation: str) -> str:
    """Return the kind of a parameter, by the text of its type; empty for one that none fits."""
    return next((kind for pattern, kind in _KINDS if re.search(pattern, annotation)), "")


def _default(text: str) -> str:
    """Return the text of a default without commas, which separate parameters."""
    numbers = re.findall(r"-?\w+", text) if text[:1] in "[(" else []
    if text[:1] in "[(":
        return numbers[0] if len(set(numbers)) == 1 else "()"
    return text.replace("'", '"').replace(",", "")


def _of_schema(schema: Any) -> str | None:
    """Return the signature of an overload of torch's; None where a program cannot call it."""
    if re.search(r"\(\w+!", str(schema)):
        return None
    pieces, has_marker = [], False
    for argument in schema.arguments:
        text = str(argument.type) if argument.real_type is None else str(argument.real_type)
        if argument.name in _ASIDE or "Generator" in text:
            continue
        kind = _kind(_schema_text(schema, argument.name, text))
        if not kind or "Dimname" in text or "Stream" in text:
            return None
        if argument.kwarg_only and not has_marker:
            pieces.append("*")
            has_marker = True
        default = ""
        if argument.has_default_value():
            default = f" = {_default(repr(argument.default_value))}"
        name = "input" if argument.name == "self" else argument.name
        pieces.append(f"{name}: {kind}{default}")
    return ", ".join(pieces)


def _schema_text(schema: Any, name: str, text: str) -> str:
    """Return the type of an argument as the schema writes it; dtypes and layouts are ints there."""
    found = re.search(rf"([\w\[\]?]+) {name}\b", str(schema))
    return found[1] if found and "Tensor" not in text else text


def _of_python(function: Any) -> list[str]:
    """Return the signature of a function of torch's that is written in Python."""
    pieces, has_marker = [], False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in _ASIDE or parameter.name.startswith("_"):
            continue
        annotation = "" if parameter.annotation is parameter.empty else str(parameter.annotation)
        if "Callable" in annotation:
            continue
        named = _UNANNOTATED.get(parameter.name, "any")
        kind = _kind(annotation) or named
        # Sizes that torch documents as one number or several have the type of one.
        kind = named if kind in ("int", "number") and named in ("ints", "floats") else kind
        kind = "dtype" if parameter.name == "dtype" else kind
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        if parameter.kind is parameter.KEYWORD_ONLY and not has_marker:
            pieces.append("*")
            has_marker = True
        kind = "tensors" if star else kind
        default = ""
        if parameter.default is not parameter.empty:
            default = f" = {_default(repr(parameter.default))}"
        pieces.append(f"{star}{parameter.name}: {kind}{default}")
    return [", ".join(pieces)]


def _signatures(name: str, function: Any) -> list[str]:
    """Return the signatures by which a function is called, each once."""
    if inspect.isfunction(function):
        if {"args", "kwargs"} == set(inspect.signature(function).parameters):
            function = callable_of(f"{name}_with_indices")
        return _of_python(function)
    found = [_of_schema(schema) for schema in _schemas(name, function)]
    return list(dict.fromkeys(s for s in found if s is not None))


def _schemas(name: str, function: Any) -> list[Any]:
    import torch

    spellings = (name.replace(".", "_"), getattr(function, "__name__", ""))
    for spelling in (*spellings, name.rpartition(".")[2]):
        found = torch._C._jit_get_schemas_for_operator(f"aten::{spelling}")
        if found:
            return [s for s in found if any("Tensor" in str(a.type) for a in s.returns)]
    return []


# Samples


# What one sample has as operands: the dtypes by position and by keyword.
_Dtypes: TypeAlias = tuple[list[set[str]], dict[str, set[str]]]
_SEEN: dict[str, list[_Dtypes]] = {}


def _dtypes(value: Any) -> set[str]:
    """Return the dtypes of the tensors in an argument."""
    import torch

    parts = value if isinstance(value, (list, tuple)) else [value]
    return {str(x.dtype).removeprefix("torch.") for x in parts if isinstance(x, torch.Tensor)}


def _samples(infos: list[Any]) -> list[_Dtypes]:
    """Return what torch's samples of a function have as operands, found out once."""
    import torch

    if not infos:
        return []
    found = _SEEN.setdefault(infos[0].name, [])
    for info in [] if found else infos:
        dtype = next((d for d in (torch.float64, torch.int64) if d in info.dtypes), None)
        if dtype is not None:
            for sample in islice(info.sample_inputs("cpu", dtype), _SAMPLES):
                given = [_dtypes(value) for value in (sample.input, *sample.args)]
                found.append((given, {k: _dtypes(v) for k, v in sample.kwargs.items()}))
    return found


def _whole(signatures: list[str], infos: list[Any]) -> dict[str, str]:
    """Return the operands that are whole numbers or truth values in every sample."""
    names = [p.partition(":")[0].lstrip("*") for p in signatures[0].split(", ") if p != "*"]
    if not infos:
        return {name: "int64" for name in names if name in _INDICES}
    if "padding_idx" in names:
        return {"input": "int64"}  # torch's samples of embeddings have the weight first
    seen: dict[str, set[str]] = {}
    for given, keywords in _samples(infos):
        for name, dtypes in [*zip(names, given), *keywords.items()]:
            seen.setdefault(name, set()).update(dtypes)
    kinds = {name: next(iter(found)) for name, found in seen.items() if len(found) == 1}
    return {n: k for n, k in sorted(kinds.items()) if k in ("bool", "int64", "int32")}


def _fields(name: str, function: Any) -> list[str]:
    """Return the names of the parts of a result, where they have names."""
    if inspect.isfunction(function):
        return []
    parts = [[r.name for r in schema.returns] for schema in _schemas(name, function)]
    return next((names for names in parts if len(names) > 1 and all(names)), [])


def _describe(name: str, infos: list[Any]) -> _Described:
    function = callable_of(name)
    signatures = _signatures(name, function)
    if not signatures:
        signatures = ["input: tensor, other: tensor"]
    is_elementwise = bool(infos) and all("Ufunc" in type(info).__name__ for info in infos)
    return _Described(
        signatures, _fields(name, function), _whole(signatures, infos), is_elementwise
    )


# The file


def _infos() -> dict[str, list[Any]]:
    """Return torch's own descriptions of functions, with samples, by name."""
    from torch.testing._internal.common_methods_invocations import op_db

    found: dict[str, list[Any]] = {}
    for info in op_db:
        for name in dict.fromkeys((info.name, *(alias.name for alias in info.aliases))):
            found.setdefault(name, []).append(info)
    return found


def _entry(listed: Listed, infos: list[Any]) -> dict[str, Any]:
    """Return what the file keeps of one function; what is empty is left out."""
    found = _describe(listed.name, infos)
    entry = {"title": listed.title, "doc": listed.doc, **found._asdict()}
    return {key: value for key, value in entry.items() if value}


def made() -> str:
    """Return the text of `functions.json`, one line a function."""
    listed, omitted = read_list(_LIST.read_text(encoding="utf-8"))
    infos = _infos()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        entries = {f.name: _entry(f, infos.get(f.name, [])) for f in listed}
    lines = [f" {json.dumps(name)}: {json.dumps(e)}" for name, e in sorted(entries.items())]
    reasons = [f" {json.dumps(n)}: {json.dumps(reason)}" for n, reason in sorted(omitted.items())]
    parts = (",\n".join(lines), ",\n".join(reasons))
    return f'{{"functions": {{\n{parts[0]}\n}},\n"omitted": {{\n{parts[1]}\n}}}}\n'


def unlisted() -> list[str]:
    """Return the functions of torch that have samples and are neither listed nor left out."""
    listed, omitted = read_list(_LIST.read_text(encoding="utf-8"))
    known = {*omitted, *(f.name for f in listed)}
    names = {info.name for infos in _infos().values() for info in infos}
    return sorted(names - known)


def main(arguments: list[str]) -> int:
    """Write the file, or compare it; return the exit status."""
    text = made()
    missing = unlisted()
    for name in missing:
        print(f"neither listed nor left out: {name}")
    if "--check" not in arguments:
        _DATA.write_text(text, encoding="utf-8")
        return 0
    has = _DATA.read_text(encoding="utf-8").splitlines()
    different = [line for line in text.splitlines() if line not in set(has)]
    for line in different:
        print(f"differs: {line[:160]}")
    return 1 if different or missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
