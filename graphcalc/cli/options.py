"""The options of the command line: one table that is read, checked, explained and completed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from graphcalc.backends.choose import BACKENDS, DTYPES, FLOAT_NAMES
from graphcalc.backends.optimizers import OPTIMIZERS
from graphcalc.diagnostics import UsageError, brief, did_you_mean
from graphcalc.graph.ir import MAX_NODES
from graphcalc.ops.kernels.random import MAX_SEED
from graphcalc.report.pages import FORMATS, STEPS

if TYPE_CHECKING:
    from graphcalc.data.results import SaveTarget
    from graphcalc.graph.lowering import Binding

OPERANDS = "[PROGRAM] [NAME=VALUE]..."
USAGE = f"graphcalc [OPTIONS] {OPERANDS}"
EXAMPLE = "graphcalc 'g = (a+b)*(c*d)' a=2 b=-4 c=-2 d=2"
ABOUT = (
    "Evaluate formulas and show every number on the way.\n\n"
    "PROGRAM is text such as 'g = (a+b)*(c*d)', or - for standard input. NAME=VALUE binds a "
    "name to a constant expression, a=2, x=[1,2,3], w=randn(3,4), or to a file, x=@x.npy."
)
CLOSING = (
    f"Example: {EXAMPLE}\n\nFixed limits: 64 MiB of program text, names of 255 "
    "characters, 64 dimensions; functions unfold to a tenth of --max-nodes."
)

# A reader takes the name of an option and the text of its value, and raises UsageError.
Reader = Callable[[str, str], object]

# Endings of pictures.
PICTURES = ("svg", "png", "pdf", "html", "htm", "dot", "gv", "mmd")
_ROW_FORMATS = ("csv", "tsv", "jsonl", "json", "parquet", "arrow")
_FILE_FORMATS = ("npy", "npz", "safetensors", "pt", "txt", *_ROW_FORMATS)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_SCALES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
# Encodings of Python that write text as other text, or refuse all of it.
_UNUSABLE_ENCODINGS = frozenset(
    "undefined punycode idna utf_7 unicode_escape raw_unicode_escape".split()
)


def _refused(name: str, wanted: str, text: str, code: str = "option", help: str = "") -> UsageError:
    return UsageError(code, f"{name} is {wanted}, not `{brief(text)}`", help=help)


def _integer(low: int, high: int) -> Reader:
    """Return a reader of whole numbers in a range."""

    def read(name: str, text: str) -> int:
        if re.fullmatch(r"[+-]?\d{1,30}", text, re.ASCII) and low <= int(text) <= high:
            return int(text)
        raise _refused(name, f"a whole number from {low} to {high}", text)

    return read


def _number(name: str, text: str) -> float:
    try:
        if "_" not in text:
            return float(text)
    except ValueError:
        pass
    raise _refused(name, "a number", text)


def _bytes(name: str, text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    if match is None or not text.isascii():
        raise _refused(name, "a size such as 500M or 2G", text)
    return int(float(match[1]) * _SCALES[match[2].upper()])


def _names(name: str, text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise _refused(name, "a list of names such as a,b", text)
    return names


def _device(name: str, text: str) -> str:
    if re.fullmatch(r"cpu|mps|cuda(:[0-9]{1,20})?", text):
        return text
    raise _refused(name, "cpu, cuda, cuda:N or mps", text, "device")


def _dtype(name: str, text: str) -> str:
    if text in FLOAT_NAMES:
        return FLOAT_NAMES[text]
    wanted, help = f"one of {', '.join(DTYPES)}", did_you_mean(text, FLOAT_NAMES)
    raise _refused(name, wanted, text, "dtype", help)


def _delimiter(name: str, text: str) -> str:
    character = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(character) != 1 or character.isalnum() or character in '"\r\n.+-_ \0':
        raise _refused(name, "one character such as ; or | or \\t", text)
    return character


def _number_mark(name: str, text: str) -> str:
    if len(text) != 1 or text.isalnum() or text in '"\r\n\t+-\0':
        raise _refused(name, "one character such as , or . or '", text)
    return text


def _encoding(name: str, text: str) -> str:
    import codecs

    try:
        "a".encode(text)
        if codecs.lookup(text).name.replace("-", "_") not in _UNUSABLE_ENCODINGS:
            return text
    except (LookupError, ValueError):
        pass
    raise _refused(name, "an encoding such as utf-8 or latin-1", text)


def _output(name: str, text: str) -> str | None:
    return None if text == "-" else text


def _picture(name: str, text: str) -> str:
    from graphcalc.drawing.writers import format_of

    if text == "-":
        return text
    try:
        format_of(text)
    except UsageError as error:
        d = error.diagnostic
        raise UsageError(d.code, f"{name}: {d.message}", help=d.help) from None
    return text


def _depth(name: str, text: str) -> int:
    from graphcalc.drawing.folding import ALL

    if text == "all":
        return ALL
    if re.fullmatch(r"\d{1,6}", text, re.ASCII):
        return int(text)
    raise _refused(name, "a number of levels, or all", text)


def _target(name: str, text: str) -> SaveTarget:
    from graphcalc.data.results import parse_target

    try:
        return parse_target(text)
    except UsageError as error:
        d = error.diagnostic
        help = f"a picture is drawn by --graph {brief(text)}" if _is_drawn(text) else d.help
        raise UsageError(d.code, f"{name}: {d.message}", help=help) from None


def _is_drawn(path: str) -> bool:
    """Return whether a file of this name would be a picture."""
    return path.lower().rpartition(".")[2] in PICTURES


def _constant(name: str, text: str) -> Binding:
    from graphcalc.data.bindings import parse_value

    return parse_value(text, name)


class Option(NamedTuple):
    """One option, which is a flag where it has no metavar.

    spelling  all of its names, the long one last
    metavar   what help shows for its value
    read      reads its value; where there is none, a value is a text
    default   its value where it is not on the command line; False for a flag
    choices   values that a shell completes; without a reader there are no others
    code      the code of the error for a value that is no choice
    bare      the text of its value where none follows it
    repeats   whether its value is a tuple with one element for every use
    requires  an option without which it means nothing
    excludes  options that it cannot be combined with
    formats   formats of output that it can be combined with; all where empty
    """

    spelling: str
    metavar: str
    help: str
    read: Reader | None = None
    default: object = None
    choices: tuple[str, ...] = ()
    code: str = "option"
    bare: str | None = None
    repeats: bool = False
    requires: str = ""
    excludes: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """All names, the long one last."""
        return self.spelling.split()

    @property
    def name(self) -> str:
        """The long name."""
        return self.names[-1]

    @property
    def key(self) -> str:
        """The long name as an identifier."""
        return self.name.lstrip("-").replace("-", "_")

    @property
    def unset(self) -> object:
        """The value where the option is not on the command line."""
        return self.default if self.metavar else False

    def value(self, name: str, text: str) -> object:
        """Return the value that a text stands for; `name` is the one of its names that was used.

        Raises UsageError for a text that stands for none.
        """
        if not text:
            raise UsageError("option", f"{name} has an empty value", help=f"give it {self.metavar}")
        if self.read is not None:
            return self.read(name, text)
        if self.choices and text not in self.choices:
            wanted, help = f"one of {', '.join(self.choices)}", did_you_mean(text, self.choices)
            if self.name == "--format" and text in PICTURES:
                help = f"a picture is drawn by --graph g.{text}"
            raise _refused(name, wanted, text, self.code, help)
        return text


# The options, under the headings of help; a row each.
# fmt: off
GROUPS = {
    "Input": (
        Option("-f --file", "FILE", "Read a program file; repeatable.", default=(), repeats=True),
        Option("--inputs", "FILE", "Bind all names that a file has; repeatable.",
               default=(), repeats=True),
        Option("--input-format", "FORMAT", "The format of standard input, as csv or npy.",
               choices=_FILE_FORMATS),
        Option("--delimiter", "C", "The character between the cells of CSV.", _delimiter),
        Option("--encoding", "NAME", "The encoding of text tables.", _encoding, "utf-8"),
        Option("--no-header", "", "The first row of a table is data: columns are col(1)…"),
        Option("--missing", "WHAT", "What an empty cell is: fail or nan.",
               default="fail", choices=("fail", "nan")),
        Option("--na", "WORDS", "More words for missing numbers: -,9999.",
               _names, ()),
        Option("--thousands", "C", "The character between groups of digits: 1,234.5.",
               _number_mark),
        Option("--decimal", "C", "The decimal point of tables: , in 0,5.", _number_mark, "."),
    ),
    "Computation": (
        Option("--backend", "BACKEND", "auto, python or torch.",
               default="auto", choices=BACKENDS, code="backend"),
        Option("--device", "DEVICE", "cpu, cuda, cuda:N or mps.", _device,
               choices=("cpu", "cuda", "mps")),
        Option("--dtype", "DTYPE", "float64, float32, float16 or bfloat16.", _dtype,
               choices=DTYPES),
        Option("--seed", "N", "The seed of random numbers.", _integer(0, MAX_SEED), 0),
        Option("--init", "", "Draw missing parameters as torch does."),
        Option("--threads", "N", "The number of threads of torch.", _integer(1, 4096)),
        Option("--compile", "", "Use torch.compile, for formulas that run many times."),
        Option("--check", "", "Print every node's shape and cost; compute nothing.",
               formats=("table", "json", "csv")),
        Option("--strict", "", "Exit with 1 when a result is not finite."),
    ),
    "Gradients": (
        Option("--grad", "NAME", "Print the gradient of this node by every node."),
        Option("--wrt", "NAMES", "Print only gradients by these: a,b.", _names, (),
               requires="--grad"),
        Option("--seed-grad", "VALUE", "The gradient of the --grad node itself: ones(3).",
               _constant, requires="--grad"),
        Option("--check-grad", "", "Compare with differences; exit 1 if one is wrong.",
               requires="--grad", formats=("table", "json")),
        Option("--minimize", "NAME", "Minimize this node by gradient descent.",
               excludes=("--grad", "--check-grad", "--check")),
        Option("--update", "NAMES", "The inputs that it changes: w,b.", _names, (),
               requires="--minimize"),
        Option("--lr", "RATE", "The learning rate.", _number, 0.01, requires="--minimize"),
        Option("--iterations", "N", "The most steps to take.", _integer(0, 10**9), 100,
               requires="--minimize"),
        Option("--optimizer", "NAME", "sgd or adam.", default="sgd", choices=OPTIMIZERS,
               code="optimizer", requires="--minimize"),
        Option("--tolerance", "X", "Stop below this change; 0 never.", _number, 1e-9,
               requires="--minimize"),
    ),
    "Output": (
        Option("--format", "FORMAT", f"{', '.join(FORMATS)}.", choices=FORMATS),
        Option("-q --quiet", "", "Print the bare results (--format value).", formats=("value",)),
        Option("--steps", "", "Print every step with its numbers (--format steps).",
               formats=STEPS),
        Option("--show", "NAMES", "Print only these nodes: a,g.", _names, ()),
        Option("--digits", "N", "Round numbers that people read to so many digits.",
               _integer(1, 17)),
        Option("--results", "", "Print only the results."),
        Option("--all", "", "Print every row of a long table."),
        Option("--trace-nan", "", "Explain where NaN and infinity come from."),
        Option("--profile", "", "Add the time, share and bytes of every node.",
               excludes=("--check", "--check-grad", "--minimize", "--rows", "--compile"),
               formats=("table", "json", "jsonl", "csv", "tsv", "md")),
        Option("--save", "[NAME=]FILE", "Save results as the file's ending says; repeatable.",
               _target, (), repeats=True),
        Option("-o --output", "FILE", "Print into a file; - is standard output.", _output),
        Option("--color", "WHEN", "auto, always or never.",
               default="auto", choices=("auto", "always", "never")),
        Option("--errors", "STYLE", "full with source, line, or auto.",
               default="auto", choices=("auto", "full", "line")),
    ),
    "Pictures": (
        Option("--graph", "FILE", "Draw the graph: g.svg, .pdf, .html …; - prints it.",
               _picture, (), repeats=True, excludes=("--rows", "--check-grad", "--functions")),
        Option("--depth", "N", "How far calls are unfolded in it: 0, 1, … or all.",
               _depth, requires="--graph"),
        Option("--layout", "NAME", "Whose layout: layered, or dot.",
               default="layered", choices=("layered", "dot"), requires="--graph"),
        Option("--open", "", "Show the picture's file when it is written.", requires="--graph"),
    ),
    "Rows": (
        Option("--rows", "FILE", "Run for every row of a table; - is standard input.", bare="-",
               default=(), repeats=True,
               excludes=("--grad", "--check", "--check-grad", "--minimize", "--trace-nan",
                         "--save"),
               formats=("table", "value", "csv", "tsv", "jsonl", "json")),
        Option("--to", "FORMAT", f"{', '.join(_ROW_FORMATS)}.", choices=_ROW_FORMATS,
               requires="--rows", formats=("table",)),
        Option("--only", "", "Leave out the columns of the table.", requires="--rows"),
        Option("--on-error", "WHAT", "If a row fails: fail, null or skip.",
               default="fail", choices=("fail", "null", "skip"), requires="--rows"),
    ),
    "Limits": (
        Option("--max-memory", "SIZE", "Bytes of values at once; half of the machine's.", _bytes),
        Option("--max-nodes", "N", "Nodes of the graph.", _integer(1, 1 << 31), MAX_NODES),
    ),
    "Help": (
        Option("--functions", "", "List the functions, or explain the one named."),
        Option("--version", "", "Print the version."),
    ),
}
# fmt: on
OPTIONS = tuple(option for options in GROUPS.values() for option in options)
# Options that Typer has, too, and does the work of.
ADDED = (
    Option("--install-completion", "", "Install completion for your shell."),
    Option("--show-completion", "", "Print what --install-completion installs."),
    Option("-h --help", "", "Show this message and exit."),
)
BY_NAME = {name: option for option in (*OPTIONS, *ADDED) for name in option.names}
# What to say of two options that cannot be combined, beside that they cannot.
HINTS = {
    ("--rows", "--save"): "-o FILE writes the rows",
    ("--graph", "--rows"): "a picture shows one run: bind the columns to names, x=@FILE:x",
    ("--profile", "--compile"): "torch.compile makes one function of all nodes",
    ("--to", "--format"): "one of the two is enough",
}
