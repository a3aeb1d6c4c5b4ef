"""The functions of the language as documentation: rows, composites, and those of sizes."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from graphcalc.diagnostics import UsageError, brief, did_you_mean
from graphcalc.graph import shape_functions
from graphcalc.graph.call_site import ShapeFunction
from graphcalc.graph.functions import FunctionTable
from graphcalc.ops.prelude import COMPOSITES, Composite, called
from graphcalc.ops.spec import HasSignature, Op, parameters
from graphcalc.ops.table import OPS
from graphcalc.ops.torch import functions
from graphcalc.ops.torch.functions import TorchFunction
from graphcalc.ops.words import INSTEAD
from graphcalc.report.safe import width

_KINDS = {
    "elementwise": "Element by element",
    "reduction": "Reductions",
    "array": "Matrices and shapes",
    "making": "Making tensors",
    "random": "Making tensors",
    "Matrices": "Matrices and shapes",
}
_TITLES = (
    "Element by element",
    "Reductions",
    "Matrices and shapes",
    "Sizes and parts",
    "Making tensors",
    "Networks",
    "Losses",
    "Values as they are",
    "NumPy's own",
)


# Before the kind of functions that torch alone computes.
_TORCH = "On torch"


class Entry(NamedTuple):
    """One function as a reader sees it; `definition` is the text of one that is composed."""

    name: str
    title: str
    usage: str
    doc: str
    examples: tuple[tuple[str, str], ...]
    aliases: tuple[str, ...]
    differs: str
    symbol: str
    definition: str
    row: HasSignature


def entries() -> list[Entry]:
    """Every function of the language, once."""
    rows = [op for op in OPS.values() if op.kind != "leaf"]
    shown = [op for op in rows if op.access != "internal"]
    public = [c for c in COMPOSITES.values() if not c.name.startswith("_") and c.examples]
    return [
        *map(_of_row, shown),
        *map(_of_static, shape_functions.PUBLIC),
        *map(_of_composite, public),
        *map(_of_torch, _without_row()),
    ]


def _without_row() -> list[TorchFunction]:
    """Return the functions of torch that a program calls without a row of the language."""
    known = FunctionTable(lambda: shape_functions.FUNCTIONS)
    found = []
    for function in functions.functions().values():
        space, _, name = function.name.rpartition(".")
        own = known.find(name, space.rpartition(".")[2])
        if function.doc and (own is None or space == "masked"):
            found.append(function)
    return found


def _of_torch(function: TorchFunction) -> Entry:
    shown = f"{function.name}({_arguments(function)})"
    title = f"{_TORCH}: {function.title.lower()}"
    return Entry(function.name, title, shown, function.doc, (), (), "", "", "", function)


def _of_row(op: Op) -> Entry:
    return Entry(
        op.name,
        _KINDS[op.kind],
        usage(op),
        op.doc,
        op.examples,
        op.aliases,
        op.differs,
        op.symbol,
        "",
        op,
    )


def _of_static(function: ShapeFunction) -> Entry:
    shown = f"{function.name}({_arguments(function)})"
    return Entry(
        function.name,
        function.kind,
        shown,
        function.doc,
        function.examples,
        function.aliases,
        function.differs,
        "",
        "",
        function,
    )


def _of_composite(found: Composite) -> Entry:
    name = called(found.name)
    title = _KINDS.get(found.kind, found.kind)
    shown = f"{name}({found.signature.replace(',)', ')')})"
    text = found.text.removeprefix("call_")
    return Entry(name, title, shown, found.doc, found.examples, (), found.differs, "", text, found)


def _arguments(row: HasSignature) -> str:
    shown = [
        ("*" * p.variadic) + p.name + (f"={p.default}" if p.default else "")
        for p in parameters(row)
        if p.kind != "key"
    ]
    return ", ".join(shown)


def signature(op: Op) -> str:
    """How a row is called: `sum(x, dim=None, keepdim=False)`."""
    return f"{op.name}({_arguments(op)})"


def usage(op: Op) -> str:
    """The operator of a row, or its call."""
    if op.text:
        return op.text.format("x", all="x, y, …", items="i, j:k")
    if not op.symbol:
        return signature(op)
    names = [p.name for p in parameters(op)]
    gap = " " if op.symbol.isalpha() else ""
    return f" {op.symbol} ".join(names) if len(names) == 2 else f"{op.symbol}{gap}{names[0]}"


def _chosen(name: str | None) -> list[Entry]:
    found = entries()
    if name is None:
        return found
    plain = name
    for prefix in ("torch.", "F.", "np.", "math."):
        plain = plain.removeprefix(prefix)
    for wanted in (name, plain):
        chosen = [e for e in found if wanted in (e.name, *e.aliases, e.symbol)]
        if chosen:
            return chosen
    chosen = [e for e in found if e.name.rpartition(".")[2] == plain]
    if chosen:
        return chosen
    names = [n for e in found for n in (e.name, *e.aliases)]
    raise UsageError(
        "unknown-function",
        f"there is no function `{brief(name)}`",
        help=INSTEAD.get(plain, "").replace("{}", "x") or did_you_mean(name, names),
    )


def as_text(name: str | None) -> str:
    """Every function in a line, by kind; or one in full."""
    chosen = _chosen(name)
    if name is not None:
        return "\n".join(map(_one, chosen))
    lines: list[str] = []
    for title in _titles(chosen):
        found = [e for e in chosen if e.title == title]
        wide = min(max(width(e.usage) for e in found), 60)
        lines += [title, *(f"  {e.usage:<{wide}}  {e.doc}" for e in found), ""]
    return "\n".join(lines)


def _titles(found: list[Entry]) -> list[str]:
    """Return the kinds of functions in order, those that torch alone computes last."""
    others = (e.title for e in found if e.title.startswith(_TORCH))
    return [*_TITLES, *dict.fromkeys(others)]


def _one(entry: Entry) -> str:
    lines = [entry.usage, f"  {entry.doc}"]
    if entry.symbol:
        lines.append(f"  also {entry.name}({_arguments(entry.row)})")
    if entry.aliases:
        lines.append(f"  also called {', '.join(entry.aliases)}")
    if entry.differs:
        lines.append(f"  unlike torch: {entry.differs}")
    lines += [f"  {expression}  →  {value}" for expression, value in entry.examples]
    if entry.definition:
        lines.append(f"  is {entry.definition}")
    return "\n".join([*lines, ""])


def as_json(name: str | None) -> str:
    """The same functions as a JSON list."""
    return json.dumps([_object(e) for e in _chosen(name)], ensure_ascii=False, indent=1) + "\n"


def _object(entry: Entry) -> dict[str, Any]:
    declared = () if isinstance(entry.row, Composite) else parameters(entry.row)
    found: dict[str, Any] = {
        "name": entry.name,
        "kind": entry.title,
        "usage": entry.usage,
        "symbol": entry.symbol or None,
        "aliases": list(entry.aliases),
        "doc": entry.doc,
        "parameters": [
            {"name": p.name, "kind": p.kind, "default": p.default or None, "variadic": p.variadic}
            for p in declared
            if p.kind != "key"
        ],
        "examples": [{"expression": e, "value": v} for e, v in entry.examples],
        "differs": entry.differs or None,
        "definition": entry.definition or None,
    }
    if isinstance(entry.row, Op):
        found["tolerance_ulp"] = entry.row.tolerance
    return found


_HEAD = """# Functions

Written by `graphcalc --functions --format md` from the table of operations and the prelude.

Names, argument names, defaults and meanings are torch's, shapes and broadcasting the array API
standard's, and special values of elementary functions C99 Annex F's; `torch.`, `F.`, `np.`,
`math.` in front of a name are dropped, `x.f(y)` is `f(x, y)`, and `axis=`, `keepdims=`, `input=`,
`other=` stand for `dim=`, `keepdim=` and the first and second argument. Each function says where it
differs; for all of them:

- Numbers are of one floating point dtype, the run's. Integers and bool count as it in arithmetic
  and in sums (torch keeps int64, and refuses the mean of integers), so that nothing wraps around.
- `dtype=`, `device=` and `requires_grad=` are accepted. float16, bfloat16, int64 and bool are
  applied; float32 in a run in float64, and a device that is not the run's, are not, and a note
  says so.
- Whole numbers serve as an index in floating point too; what is not whole, or outside of its
  dimension, is an error when the program runs. Nothing reads past an end.
- Where an index or a mask would give a shape that depends on data, there is an error instead.
- The sign of a zero that `maximum`, `minimum`, `clamp`, `max` or `min` gives is unspecified, as
  in C99.
- Values are never changed in place: `x.add_(1)` is an error that says what to write.
- `sqrt` is correctly rounded on every backend; torch's own is off by an ulp for some numbers.
- Operands of several dtypes meet in one, also where torch refuses that (the bias of a
  convolution); a number stands for a tensor (`hypot`, `logaddexp`), and bool counts as 0 and 1
  (`-x`).
- Of equal elements the first is chosen or comes first (`median`, `argsort`, `topk`), which torch
  leaves open.
- Factors of whole numbers are not cut to whole ones (`addmv`, `baddbmm`), and whole numbers of
  `arange`, `linspace` and `logspace` are rounded once, at the end. Weights of `cov` may be
  fractions; `corrcoef` stays within -1 and 1.
- Digits and kinks of torch that are not taken over: the gradients of `relu6`, `elu`, `selu`,
  `softshrink` and `hardtanh` at NaN, where torch's vectors differ from its scalars; the factors
  of `hardsigmoid` and `celu`, which it has in float32; the derivative of `digamma` at whole
  numbers below 1, which is infinite; `polygamma(1, x)`, of which it has ten digits; bounds of
  `hardtanh` that cross.
- In half precision products of several matrices are taken from the left (`linalg.multi_dot`,
  `addbmm`), `round(x, decimals)` rounds each step, and steps of `linspace` are not rounded.
  Gradients of `scaled_dot_product_attention`, of `batch_norm` in training, of pooling, padding,
  `bilinear` and `binary_cross_entropy` are rounded elsewhere than torch's: they are a few units
  off in the last place.

A function with a definition below is composed of others, and every step of it is a node.
"""


_ON_TORCH = """## On torch

These have no row here: torch computes their value, torch's own derivative of the one call is their
gradient, and shape and dtype come from torch's `meta` device before anything runs. They need torch,
and `--backend python` refuses them. A function above takes the arguments of torch's that it lacks
in the same way. Names, arguments and defaults are torch's; a result of several parts is unpacked,
indexed, or read by torch's names of them: `torch.sort(x).values`.
"""


def as_markdown() -> str:
    """All functions as a page."""
    lines = [_HEAD]
    found = entries()
    for title in _TITLES:
        lines += [f"## {title}", "", "| function | | example |", "|---|---|---|"]
        lines += [_line(e) for e in found if e.title == title]
        lines.append("")
    lines += [*_torch_lines([e for e in found if e.title.startswith(_TORCH)]), ""]
    lines += ["## Differences", ""]
    lines += [f"- `{e.name}`: {e.differs}" for e in found if e.differs]
    made = [c.text for c in COMPOSITES.values() if c.kind != "Gradients"]
    lines += ["", "## Definitions", "", "```", *made]
    return "\n".join([*lines, "```", ""])


def _torch_lines(found: list[Entry]) -> list[str]:
    """The functions that torch alone computes, and those of torch that are left out, by reason."""
    lines = [_ON_TORCH]
    for title in dict.fromkeys(e.title for e in found):
        lines += [f"### {title}", "", "| function | |", "|---|---|"]
        for e in found:
            if e.title == title:
                usage = e.usage.replace("|", chr(92) + "|")
                lines.append(f"| `{usage}` | {e.doc.replace('|', chr(92) + '|')} |")
        lines.append("")
    lines += ["### Left out", ""]
    reasons: dict[str, list[str]] = {}
    for name, reason in functions.omitted().items():
        reasons.setdefault(reason, []).append(f"`{name}`")
    return [*lines, *(f"- {reason}: {', '.join(names)}" for reason, names in reasons.items())]


def _line(entry: Entry) -> str:
    expression, value = entry.examples[0] if entry.examples else ("", "")
    example = f"`{expression}` is `{value}`" if expression else ""
    also = f" Also {', '.join(f'`{a}`' for a in entry.aliases)}." if entry.aliases else ""
    cells = (f"`{entry.usage}`", entry.doc + also, example)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
