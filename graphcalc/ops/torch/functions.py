"""The list of torch's functions that have no row: names, signatures, and where torch has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from graphcalc.ops.spec import Parameter

# Where a function is looked for whose name has no prefix, in this order.
_SPACES = ("", "nn.functional.", "linalg.", "special.", "fft.", "signal.windows.")
# The prefixes of pasted code that are parts of torch, as the names of the list begin.
_PREFIXES = {
    "": "",
    "torch": "",
    "F": "nn.functional.",
    "nn": "nn.functional.",
    "functional": "nn.functional.",
    "nn.functional": "nn.functional.",
    **{name: f"{name}." for name in ("linalg", "special", "fft", "masked", "signal.windows")},
    "windows": "signal.windows.",
}
# Functions of np.linalg that are torch's of the same name, and what np's parts are in torch.
_NUMPY_LINALG = frozenset(
    "cholesky cond det eigh eigvalsh inv matrix_power matrix_rank matrix_transpose multi_dot qr "
    "slogdet solve svd svdvals tensorinv tensorsolve vecdot".split()
)
_NUMPY_PARTS = {f"{np}.{part}": part for np in ("np", "numpy") for part in ("linalg", "fft")}
_OMITTED = "Left out: "
_WITH_ROW = "With a row"


class Listed(NamedTuple):
    """A function of the list as it is written by hand."""

    name: str
    title: str
    doc: str


class TorchFunction(NamedTuple):
    """A function of torch that a program can call.

    `signatures` are those of its overloads, as texts. `fields` are the names of the parts of its
    result, and `whole` the dtypes of operands that are whole numbers or truth values.
    """

    name: str
    title: str
    doc: str
    signatures: tuple[str, ...]
    fields: tuple[str, ...]
    whole: Mapping[str, str]
    is_elementwise: bool

    @property
    def signature(self) -> str:
        """The parameters of the first overload, as the rows of the op table write them."""
        pieces = [p for p in self.signatures[0].split(", ") if p != "*"]
        return ", ".join(pieces)


class Signature(NamedTuple):
    """The parameters of an overload; from `positional` on they are given by name."""

    parameters: tuple[Parameter, ...]
    positional: int


def read_list(text: str) -> tuple[list[Listed], dict[str, str]]:
    """Return the functions of the list that is written by hand, and those left out with why."""
    listed: list[Listed] = []
    omitted: dict[str, str] = {}
    title = ""
    for line in text.splitlines():
        if line.startswith("== "):
            title = line[3:]
        elif not title or not line:
            continue
        elif title.startswith(_OMITTED):
            omitted |= dict.fromkeys(line.split(), title.removeprefix(_OMITTED))
        elif title == _WITH_ROW:
            listed += (Listed(name, title, "") for name in line.split())
        else:
            name, _, doc = line.partition(": ")
            listed.append(Listed(name, title, doc))
    return listed, omitted


@cache
def _data() -> dict[str, dict[str, Any]]:
    import json

    text = Path(__file__).with_name("functions.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


@cache
def functions() -> dict[str, TorchFunction]:
    """Return every function of the list by its name."""
    return {
        name: TorchFunction(
            name,
            entry["title"],
            entry.get("doc", ""),
            tuple(entry["signatures"]),
            tuple(entry.get("fields", ())),
            entry.get("whole", {}),
            entry.get("is_elementwise", False),
        )
        for name, entry in _data()["functions"].items()
    }


def omitted() -> dict[str, str]:
    """Return the functions of torch that a program cannot call, with the reason."""
    return {name: str(reason) for name, reason in _data()["omitted"].items()}


def find(name: str, prefix: str = "") -> TorchFunction | None:
    """Return the function that a name means behind a prefix such as `torch.linalg`, or None."""
    if name in _NUMPY_LINALG:
        prefix = _NUMPY_PARTS.get(prefix, prefix)
    full = full_name(name, prefix, functions())
    return None if full is None else functions()[full]


def reason_left_out(name: str, prefix: str = "") -> str:
    """Return why a function of torch cannot be called; empty where torch has none."""
    full = full_name(name, _NUMPY_PARTS.get(prefix, prefix), omitted())
    return "" if full is None else omitted()[full]


def full_name(name: str, prefix: str, names: Iterable[str]) -> str | None:
    """Return which of some names is meant by one behind a prefix."""
    space = _PREFIXES.get(prefix.removeprefix("torch."))
    if space is None:
        return None
    spaces = (space, "") if space == "nn.functional." else (space,) if prefix else _SPACES
    return next((s + name for s in spaces if s + name in names), None)


def spellings() -> set[str]:
    """Return the names by which the functions can be called, with parts of torch or without."""
    names = {name for name in functions() if not name.startswith("_")}
    return {*names, *(name.rpartition(".")[2] for name in names)}


@cache
def parsed(text: str) -> Signature:
    """Return the parameters of a signature."""
    pieces = text.split(", ") if text else []
    positional = pieces.index("*") if "*" in pieces else len(pieces)
    found = [_parameter(piece) for piece in pieces if piece != "*"]
    return Signature(tuple(found), positional)


def _parameter(piece: str) -> Parameter:
    head, _, default = piece.partition(" = ")
    name, _, kind = head.partition(": ")
    return Parameter(name.lstrip("*"), kind, default, name.startswith("*"))


def callable_of(name: str) -> Any:
    """Return the function of the installed torch by its name in the list; None where it lacks it.

    Only names of the list come here, never a user's text.
    """
    import torch

    found: Any = torch
    for part in name.split("."):
        found = None if found is None else getattr(found, part, None)
    if found is None and "." not in name:
        found = getattr(torch.Tensor, name, None)
    return found
