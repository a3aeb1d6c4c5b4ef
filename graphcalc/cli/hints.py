"""Hints for operands and options of the command line that were meant as something else."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from graphcalc.diagnostics import GraphcalcError, Label, brief, did_you_mean

_NO_SESSION = "there is no session: a program is an argument, standard input, or a file, -f FILE"
_FIRST = "the program is the first argument: graphcalc 'x + 1' x=3"
_NOT_DRAWN = "curves are not drawn; --graph FILE.svg draws the graph"
_BIND = "bind a name behind the program: graphcalc 'x + 1' x=3"
_NO_FILTER = "rows cannot be left out; write where(condition, x, nan) in the program"
_NO_GROUPS = "a total is one of all rows; split the table first"
_VALUES = "bind all values at once, x=linspace(0, 1, 11), or give them as rows: --rows FILE"

# Options of other programs, and what there is here.
OTHER_OPTIONS = {
    **dict.fromkeys(("--filter", "--where", "--select", "--query", "--having"), _NO_FILTER),
    **dict.fromkeys(("--by", "--group-by", "--groupby", "--group", "--pivot"), _NO_GROUPS),
    **dict.fromkeys(("--sort", "--order-by", "--join", "--merge"), "rows stay in their order"),
    **dict.fromkeys(
        ("--draw", "--view", "--show-graph", "--picture", "--diagram", "--viz"),
        "write --graph FILE.svg, or --graph - for the terminal",
    ),
    **{f"--{f}": f"write --graph FILE.{f}" for f in ("svg", "png", "pdf", "html", "dot")},
    "--mermaid": "write --graph FILE.mmd",
    **dict.fromkeys(("--plot", "--chart", "--curve"), _NOT_DRAWN),
    "--graph-depth": "write --depth N",
    **dict.fromkeys(("--sweep", "--grid", "--range", "--scan", "--over", "--values"), _VALUES),
    **dict.fromkeys(("--interactive", "--repl", "--session", "--shell", "--console"), _NO_SESSION),
    **dict.fromkeys(("--eval", "--expr", "--expression", "--execute", "--program"), _FIRST),
    **dict.fromkeys(("--command", "--code", "--run", "--calc", "--formula"), _FIRST),
    **dict.fromkeys(("--set", "--var", "--define", "--let", "--arg", "--param", "--bind"), _BIND),
    **dict.fromkeys(
        ("--compare", "--against", "--diff", "--expect"),
        "--check-grad compares gradients with differences; results of two runs are compared by "
        "diff, from --format json",
    ),
    **dict.fromkeys(("--gpu", "--cuda"), "write --device cuda"),
    "--cpu": "write --device cpu",
    "--mps": "write --device mps",
    **dict.fromkeys(("--double", "--fp64", "--float64", "--f64"), "write --dtype float64"),
    **dict.fromkeys(("--single", "--float", "--fp32", "--float32"), "write --dtype float32"),
    **dict.fromkeys(("--half", "--fp16", "--float16", "--f16"), "write --dtype float16"),
    **dict.fromkeys(("--bf16", "--bfloat16"), "write --dtype bfloat16"),
    **{f"--{f}": f"write --format {f}" for f in ("json", "jsonl", "csv", "tsv", "md", "table")},
    **dict.fromkeys(("--markdown",), "write --format md"),
    **dict.fromkeys(("--latex", "--tex"), "write --format steps-tex"),
    **dict.fromkeys(("--output-format", "--out-format", "--print", "--as"), "write --format NAME"),
    **dict.fromkeys(("--out", "--outfile", "--output-file", "--write"), "write --output FILE"),
    **dict.fromkeys(("--infile", "--input-file", "--data", "--load"), "write --inputs FILE"),
    **dict.fromkeys(
        ("--backward", "--derivative", "--gradients", "--jacobian", "--differentiate"),
        "write --grad NAME",
    ),
    **dict.fromkeys(("--learning-rate", "--rate", "--step-size"), "write --lr RATE"),
    **dict.fromkeys(
        ("--epochs", "--max-iter", "--max-iterations", "--niter"), "write --iterations N"
    ),
    **dict.fromkeys(
        ("--fit", "--optimize", "--train", "--solve"), "write --minimize NAME --update a,b"
    ),
    **dict.fromkeys(("--optim", "--adam", "--sgd"), "write --optimizer adam"),
    **dict.fromkeys(("--sep", "--separator", "--field-separator"), "write --delimiter C"),
    **dict.fromkeys(("--header", "--headers"), "the first row is the header, unless --no-header"),
    **dict.fromkeys(("--na", "--nan", "--fill-na", "--null"), "write --missing nan"),
    **dict.fromkeys(("--skip-errors", "--ignore-errors", "--keep-going"), "write --on-error skip"),
    **dict.fromkeys(("--jobs", "--workers", "--parallel", "--num-threads"), "write --threads N"),
    **dict.fromkeys(("--precision", "--decimals", "--places", "--round"), "write --digits N"),
    **dict.fromkeys(
        ("--verbose", "--trace", "--explain", "--debug"), "every node is printed as it is"
    ),
    **dict.fromkeys(("--silent", "--bare", "--raw", "--plain"), "write --quiet"),
    **dict.fromkeys(("--time", "--timing", "--timeit", "--benchmark"), "write --profile"),
    **dict.fromkeys(("--list", "--list-functions", "--builtins"), "write --functions"),
    **dict.fromkeys(("--man", "--usage", "--doc", "--docs", "--info"), "write --help"),
    **dict.fromkeys(("--column", "--columns", "--cols"), "names of the program are columns"),
    **dict.fromkeys(("--memory", "--mem", "--ram"), "write --max-memory SIZE"),
    **dict.fromkeys(("--timeout", "--time-limit"), "limits are --max-memory and --max-nodes"),
    **dict.fromkeys(("--dry-run", "--shapes", "--plan", "--lint", "--validate"), "write --check"),
    **dict.fromkeys(("--random-seed", "--manual-seed"), "write --seed N"),
}

# One letter behind a dash, and words, that other programs understand as the first argument.
_LETTERS = {
    "V": "--version",
    "v": "--version; every node is shown without an option",
    "?": "--help",
    "i": f"no option here; {_NO_SESSION}",
    "e": f"no option here; {_FIRST}",
    "c": f"no option here; {_FIRST}",
    "p": f"no option here; {_FIRST}",
    "d": "--delimiter C",
    "F": "--delimiter C",
    "t": "--format table, or --dtype",
    "n": "--iterations N",
    "j": "--threads N",
    "s": "--seed N",
    "g": "--grad NAME",
    "r": "--rows FILE",
}
_WORDS = {
    **dict.fromkeys(("help", "usage", "man", "info", "options"), "graphcalc --help"),
    "version": "graphcalc --version",
    **dict.fromkeys(("functions", "list", "builtins"), "graphcalc --functions"),
}
# Codes of errors that such a word, taken as a program, ends in.
_WORDS_FAIL = ("missing-input", "binding", "function-value", "syntax", "bad-character")
_SESSIONS = ("repl", "shell", "interactive", "console", "session", "exit", "quit", "start")


def other_option(name: str) -> str:
    """Return what there is here for an option of other programs, or an empty text."""
    return OTHER_OPTIONS.get(name.lower().replace("_", "-"), "")


def _word_hint(operands: Sequence[str]) -> str:
    """The hint for a first operand that is no program but an option or a command."""
    first = operands[0] if operands else ""
    word = first.lstrip("-").lower()
    letter = re.fullmatch(r"-([A-Za-z?])", first)
    if letter and letter[1] in _LETTERS:
        return f"`{first}` is {_LETTERS[letter[1]]}"
    if word in _WORDS:
        return f"write {_WORDS[word]}"
    if word in _SESSIONS:
        return _NO_SESSION
    return ""


def with_hint(
    error: GraphcalcError, operands: list[str], has_file: bool, names: Sequence[str]
) -> GraphcalcError:
    """Return the error, with a hint where an operand was meant as something else.

    `names` are those that files have values for.
    """
    d = error.diagnostic
    program = operands[0] if operands and not has_file else "-"
    label = d.labels[0] if d.labels else None
    text = label.source.text if label else ""
    path = program if os.path.isfile(program) else text if d.code == "binding" else "-"
    hint = (
        (_word_hint(operands) if d.code in _WORDS_FAIL and not has_file else "")
        or _file_hint(path, label)
        or _binding_hint(d.code, operands)
        or _name_hint(d.code, label, program, names)
    )
    return type(error)(d.code, d.message, d.labels, d.note, hint) if hint else error


def _file_hint(path: str, label: Label | None) -> str:
    """The hint for an operand that is a file, or that binds a name to one."""
    from graphcalc.data.bindings import is_binding
    from graphcalc.data.loading import file_format

    if os.path.isfile(path):
        if file_format(path) is None:
            return f"to run a file, write -f {path}"
        return f"to compute with what is in it, write --inputs {path}, or --rows {path}"
    text = label.source.text if label else ""
    if label and label.source.name == "<argument>" and is_binding(text):
        name, _, value = text.partition("=")
        path = value.partition(":")[0]
        is_file = os.path.isfile(value) or os.path.isfile(path) or file_format(path)
        if is_file and not value.startswith("@"):
            return f"to read a file, write {name}=@{value}"
    return ""


def _name_hint(code: str, label: Label | None, program: str, names: Sequence[str]) -> str:
    """The hint for a name that files have a value for, and for a binding that is the program."""
    from graphcalc.data.bindings import is_binding
    from graphcalc.syntax.columns import name_of
    from graphcalc.tables.reading import names_listed

    name = label.source.slice(label.span) if label else ""
    if code == "missing-input" and names:
        return did_you_mean(name, names) or f"the files have {names_listed(names)}"
    if code == "function-value" and name_of(name) in names:
        return f"for the column write {name_of(name)}"
    if code == "unused-binding" and is_binding(program):
        return f"`{brief(program)}` was taken as the program; to read standard input, write - first"
    return ""


def _binding_hint(code: str, operands: Sequence[str]) -> str:
    """The hint for a binding or a program that the shell took apart, or that is misspelt."""
    if code != "binding":
        return ""
    for before, middle, behind in zip(operands, operands[1:], [*operands[2:], ""]):
        if middle == "=" and before.isidentifier() and behind:
            return f"write {before}={behind} without spaces"
    rest = [text for text in operands[1:] if not re.match(r"[^\W\d]\w*=(?!=)", text)]
    slip = re.fullmatch(r"([^\W\d]\w*)(?:==|:=?)(.+)", rest[0]) if rest else None
    if slip:
        return f"write {slip[1]}={slip[2]}"
    is_split = not re.search(r"\s", operands[0])
    if is_split and all(re.fullmatch(r"[-+*/%^@()\w.,<>]+|==", text) for text in rest):
        program = " ".join([operands[0], *rest])
        return f"a program is one argument, in quotes: graphcalc '{brief(program)}'"
    return ""
