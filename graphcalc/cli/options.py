"""The options of the command line, a row each: what reads them and what explains them is one."""

from __future__ import annotations

from typing import NamedTuple

from graphcalc.backends.optimizers import OPTIMIZERS
from graphcalc.graph.ir import MAX_NODES
from graphcalc.report.pages import FORMATS

OPERANDS = "[PROGRAM] [NAME=VALUE]..."
USAGE = f"graphcalc [OPTIONS] {OPERANDS}"
EXAMPLE = "graphcalc 'g = (a+b)*(c*d)' a=2 b=-4 c=-2 d=2"
ABOUT = (
    "Evaluate formulas and show every number on the way.\n\n"
    "PROGRAM is text such as 'g = (a+b)*(c*d)', or - for standard input. NAME=VALUE binds a "
    "name to a constant expression: a=2, x=[1,2,3], w=randn(3,4)."
)
CLOSING = (
    f"Example: {EXAMPLE}\n\nFixed limits: 64 MiB of program text, names of 255 "
    "characters, 64 dimensions; functions unfold to a tenth of --max-nodes."
)


class Option(NamedTuple):
    """One option: its names, the longest last, and what stands for its value, nothing for a flag.

    `default` is the value where the option is not given, and `bare` where it ends a command line
    or another option follows. Of an option that `is_repeatable` every value counts, else the last.
    """

    names: tuple[str, ...]
    metavar: str
    help: str
    default: str | None = None
    bare: str | None = None
    is_repeatable: bool = False

    @property
    def key(self) -> str:
        """The name as an identifier."""
        return self.names[-1].lstrip("-").replace("-", "_")


def _flag(names: str, help: str) -> Option:
    return Option(tuple(names.split()), "", help)


def _text(
    names: str, metavar: str, help: str, default: str | None = None, bare: str | None = None
) -> Option:
    return Option(tuple(names.split()), metavar, help, default, bare)


def _texts(names: str, metavar: str, help: str) -> Option:
    return Option(tuple(names.split()), metavar, f"{help}; repeatable.", is_repeatable=True)


OPTIONS = (
    _texts("-f --file", "FILE", "Read a program file"),
    _flag("-q --quiet", "Print the bare results (--format value)."),
    _text("--format", "FORMAT", f"One of {', '.join(FORMATS)}; table by default."),
    _text("--show", "NAMES", "Print only these nodes: a,g."),
    _flag("--results", "Print only the results."),
    _flag("--all", "Print every row of a long table."),
    _text("--grad", "NAME", "Gradients of this node: a column with one for every node."),
    _text("--wrt", "NAMES", "Only the gradients of these nodes: a,b."),
    _text(
        "--seed-grad", "VALUE", "The gradient of a --grad node that is no number, such as ones(3)."
    ),
    _flag("--steps", "Print every step with its numbers (--format steps)."),
    _flag("--check-grad", "Hold the gradients against differences; exit 1 if one is wrong."),
    _flag("--trace-nan", "Tell where every nan and inf comes from."),
    _text("--minimize", "NAME", "Make this node small by descent."),
    _text("--update", "NAMES", "The inputs that --minimize changes."),
    _text("--lr", "RATE", "The learning rate of --minimize.", "0.01"),
    _text("--iterations", "N", "Steps of --minimize at most.", "100"),
    _text("--optimizer", "NAME", f"One of {', '.join(OPTIMIZERS)}.", "sgd"),
    _text(
        "--tolerance",
        "X",
        "Stop --minimize when ten steps change the loss by less, relatively; 0 never.",
        "1e-9",
    ),
    _texts(
        "--save",
        "[NAME=]FILE",
        "Write results, or what --minimize found, as the file's name says",
    ),
    _texts("--inputs", "FILE", "Bind every name that a file has a value for"),
    _text(
        "--rows",
        "FILE",
        "Run for every row of a table, each column a name; - is standard input.",
        bare="-",
    ),
    _text("--to", "FORMAT", "Rows as csv, tsv, jsonl, json, parquet, arrow."),
    _flag("--only", "The results of --rows without the columns."),
    _text(
        "--on-error",
        "WHAT",
        "What a row that fails does: fail, null (no results) or skip.",
        "fail",
    ),
    _text("--missing", "WHAT", "What an empty cell is: fail or nan.", "fail"),
    _text("--input-format", "FORMAT", "The format of standard input."),
    _flag("--no-header", "The first row of a table is data: columns are col(1)…"),
    _text("--delimiter", "C", "What separates the cells of CSV."),
    _text("--encoding", "NAME", "The encoding of text tables.", "utf-8"),
    _text("-o --output", "FILE", "Print into a file, all or nothing."),
    _text("--backend", "BACKEND", "auto, python or torch.", "auto"),
    _text("--device", "DEVICE", "cpu, cuda, cuda:N or mps."),
    _text("--dtype", "DTYPE", "float64, float32, float16 or bfloat16."),
    _text("--seed", "N", "Seed of rand and randn, from 0.", "0"),
    _text("--threads", "N", "Threads that torch uses."),
    _flag("--compile", "Compile with torch.compile, for runs that repeat."),
    _flag("--profile", "The time, share and bytes of every node, as columns."),
    _flag("--check", "Print every node's shape and cost, and compute nothing."),
    _flag("--strict", "Exit with 1 when a result is not finite."),
    _text(
        "--max-memory",
        "SIZE",
        "Bytes that values may take at once, as 2G; half of the machine's by default.",
    ),
    _text("--max-nodes", "N", "Nodes that a graph may have.", str(MAX_NODES)),
    _flag("--functions", "List the functions, or explain the one that is named."),
    _text("--color", "WHEN", "auto, always or never.", "auto"),
    _text(
        "--errors",
        "STYLE",
        "full with source lines, line for one line, auto for full on a terminal.",
        "auto",
    ),
    _flag("--version", "Print the version."),
)
# What Typer adds to these, explains and does.
ADDED = tuple(
    _flag(names, "") for names in ("--install-completion", "--show-completion", "-h --help")
)
