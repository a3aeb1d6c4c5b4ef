"""Command lines to typed values, by the table of options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphcalc.cli.options import ADDED, BY_NAME, HINTS, OPTIONS, PICTURES, Option
from graphcalc.diagnostics import GraphcalcError, UsageError, brief, did_you_mean

if TYPE_CHECKING:
    from graphcalc.data.results import SaveTarget
    from graphcalc.graph.lowering import Binding

# Endings of files that hold no text: pictures and documents, and arrays and tables in binary form.
_PICTURES = (*PICTURES, "jpg", "jpeg", "gif", "webp", "eps")
_SHEETS = ("xlsx", "xls", "ods")
_ARRAYS = ("npy", "npz", "safetensors", "pt", "pth", "parquet", "arrow", "feather")
# Formats of output that the name of its file tells.
_TOLD = ("csv", "tsv", "json", "jsonl", "md")


class CommandLine:
    """The values of all options, under their keys, and the operands.

    `mistake` is the first thing that is wrong. What follows it is read all the same, since it may
    say how errors are written.
    """

    operands: list[str]
    mistake: GraphcalcError | None

    file: tuple[str, ...]
    inputs: tuple[str, ...]
    input_format: str | None
    delimiter: str | None
    encoding: str
    no_header: bool
    missing: str
    na: tuple[str, ...]
    thousands: str | None
    decimal: str

    backend: str
    device: str | None
    dtype: str | None
    seed: int
    init: bool
    threads: int | None
    compile: bool
    check: bool
    strict: bool

    grad: str | None
    wrt: tuple[str, ...]
    seed_grad: Binding | None
    check_grad: bool
    minimize: str | None
    update: tuple[str, ...]
    lr: float
    iterations: int
    optimizer: str
    tolerance: float

    format: str | None
    quiet: bool
    steps: bool
    show: tuple[str, ...]
    digits: int | None
    results: bool
    all: bool
    trace_nan: bool
    profile: bool
    save: tuple[SaveTarget, ...]
    output: str | None
    color: str
    errors: str

    graph: tuple[str, ...]
    depth: int | None
    layout: str
    open: bool

    rows: tuple[str, ...]
    to: str | None
    only: bool
    on_error: str

    max_memory: int | None
    max_nodes: int

    functions: bool
    version: bool
    install_completion: bool
    show_completion: bool
    help: bool

    def __init__(self) -> None:
        self.operands, self.mistake = [], None
        for option in (*OPTIONS, *ADDED):
            setattr(self, option.key, option.unset)

    @property
    def output_format(self) -> str:
        """The format that --format, -q and --steps mean together."""
        format = self.format or "table"
        if format != "table":
            return format
        if self.quiet or self.steps:
            return "value" if self.quiet else "steps"
        ending = (self.output or "").lower().removesuffix(".gz").rpartition(".")[2]
        is_told = self.format is None and not self.rows and not self.functions
        return ending if is_told and ending in _TOLD else "table"

    def has(self, option: Option) -> bool:
        """Whether an option has another value than where it is not on the command line."""
        return bool(getattr(self, option.key) != option.unset)

    def add(self, option: Option, value: object) -> None:
        """Set the value of an option, or add one more to those of a repeatable option."""
        if option.repeats:
            value = (*getattr(self, option.key), value)
        setattr(self, option.key, value)

    def fail(self, message: str, help: str = "") -> None:
        """Note a mistake, unless there was one before."""
        self.mistake = self.mistake or UsageError("option", message, help=help)


def parse(arguments: Sequence[str]) -> CommandLine:
    """Read a command line.

    Options and operands mix, and after `--` all are operands. An option is an argument with two
    dashes, or one of the short names: any other argument with one dash is an expression.
    """
    command, words = CommandLine(), list(reversed(arguments))
    texts: list[tuple[Option, str, str]] = []
    while words:
        word = words.pop()
        if word == "--":
            command.operands += reversed(words)
            break
        if word.startswith("--") or word in BY_NAME:
            _read_option(word, words, command, texts)
        else:
            command.operands.append(word)
    for option, name, text in texts:
        try:
            command.add(option, option.value(name, text))
        except GraphcalcError as error:
            # Who asks for help gets it, whatever the values are.
            if not any(map(command.has, ADDED)):
                command.mistake = command.mistake or error
    return command


def _read_option(
    word: str, words: list[str], command: CommandLine, texts: list[tuple[Option, str, str]]
) -> None:
    """Read an option; its value is in the word itself, or the last of `words`, which lie behind."""
    name, equals, text = word.partition("=")
    option = BY_NAME.get(name)
    if option is None:
        command.fail(f"there is no option `{brief(name)}`", _option_hint(name, equals))
    elif not option.metavar and equals:
        command.fail(f"option '{name}' does not take a value")
    elif not option.metavar:
        command.add(option, True)
    elif equals:
        texts.append((option, name, text))
    elif option.bare is not None and (not words or _is_dashed(words[-1])):
        texts.append((option, name, option.bare))
    elif words:
        texts.append((option, name, words.pop()))
    else:
        command.fail(f"option '{name}' requires an argument")


def _option_hint(name: str, equals: str) -> str:
    """What to write in place of an option that there is not."""
    from graphcalc.cli.hints import other_option  # only where something is wrong

    hint = other_option(name) or did_you_mean(name, BY_NAME)
    if not hint and equals and name[2:].isidentifier():
        return f"bind a name without dashes: {name[2:]}=3"
    is_word = len(name) > 4 and name[2:].replace("-", "").isalpha()
    return hint or ("see --help" if is_word else "write -- before a program that starts so")


def _is_dashed(word: str) -> bool:
    return word.startswith("-") and word != "-"


def check(command: CommandLine) -> None:
    """Raise UsageError for options that cannot be combined, or that miss another."""
    format = command.output_format
    for option in filter(command.has, OPTIONS):
        if option.requires and not command.has(other := BY_NAME[option.requires]):
            raise UsageError("option", f"{option.name} goes with {other.name} {other.metavar}")
        for name in option.excludes:
            if command.has(BY_NAME[name]):
                hint = HINTS.get((option.name, name), "")
                message = f"{option.name} goes without {_listed(option.excludes)}"
                raise UsageError("option", message, help=hint)
        if option.formats and format not in option.formats:
            _refuse_format(option, command)
    _check_files(command)
    _check_pictures(command)


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _refuse_format(option: Option, command: CommandLine) -> None:
    """Raise UsageError for an option that the format of the output does not go with."""
    flag = "-q" if command.quiet else "--steps" if command.steps else f"-o {command.output}"
    if command.format is None and flag not in option.names:
        hint = f"{flag} is --format {command.output_format}"
    else:
        hint = HINTS.get((option.name, "--format"), "")
    message = f"{option.name} goes with --format {', '.join(option.formats)}"
    raise UsageError("option", message, help=hint)


def _check_pictures(command: CommandLine) -> None:
    """Raise UsageError for a picture in characters behind data, or one that cannot be opened."""
    if command.open and set(command.graph) == {"-"}:
        message = "--open shows a file, and --graph - writes none"
        raise UsageError("option", message, help="draw into one: --graph g.svg")
    if "-" in command.graph and command.output_format in ("json", "jsonl", "csv", "tsv"):
        message = f"--graph - draws behind the output, and --format {command.output_format} is data"
        raise UsageError("option", message, help="draw into a file: --graph g.svg")


def _picture_advice(command: CommandLine, ending: str) -> str:
    """Return what to write in place of `-o` with the name of a picture."""
    if command.rows:
        return "rows are text: write .csv or .jsonl"
    if ending in PICTURES:
        return f"a picture is drawn by --graph {brief(command.output or '')}"
    return "a picture is drawn by --graph FILE, as .svg, .png or .pdf"


def _check_files(command: CommandLine) -> None:
    """Raise UsageError for a file that is saved twice, or for a table in a picture's file."""
    paths = [target.path for target in command.save]
    for path in paths:
        if paths.count(path) > 1:
            raise UsageError("option", f"--save writes `{brief(path)}` twice")
    ending = (command.output or "").lower().rpartition(".")[2]
    advice = {
        **dict.fromkeys(_PICTURES, _picture_advice(command, ending)),
        **dict.fromkeys(_SHEETS, "write .csv, which spreadsheets read"),
        **dict.fromkeys(_ARRAYS, f"--save writes values: --save {brief(command.output or '')}"),
    }
    writes_rows = command.rows and (command.to is not None or ending in _ARRAYS)
    if ending in advice and not writes_rows:
        message = f"--output `{brief(command.output or '')}` is text, and .{ending} holds none"
        raise UsageError("option", message, help=advice[ending])
