"""Options' texts to what they mean; each raises UsageError for what it does not take."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from graphcalc.diagnostics import UsageError, brief
from graphcalc.report.pages import FORMATS, STEPS

if TYPE_CHECKING:
    from graphcalc.analysis.descent import Descent
    from graphcalc.cli.parser import CommandLine
    from graphcalc.data.results import SaveTarget
    from graphcalc.evaluate import Gradients, Options
    from graphcalc.rows.run import RowOptions
    from graphcalc.tables.reading import TextOptions

# Encodings that are ways to write text in other text, or none at all.
_ODD_ENCODINGS = frozenset(
    "undefined punycode idna utf_7 unicode_escape raw_unicode_escape".split()
)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def whole(option: str, text: str, low: int, high: int) -> int:
    """A whole number in a range."""
    if re.fullmatch(r"[+-]?\d{1,30}", text, re.ASCII) and low <= int(text) <= high:
        return int(text)
    raise UsageError(
        "option", f"{option} is a whole number from {low} to {high}, not `{brief(text)}`"
    )


def real(option: str, text: str) -> float:
    """A number."""
    try:
        if "_" not in text:
            return float(text)
    except ValueError:
        pass
    raise UsageError("option", f"{option} is a number, not `{brief(text)}`")


def size(text: str) -> int:
    """A number of bytes: 500M, 2G."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or not text.isascii():
        raise UsageError(
            "option", f"--max-memory is a size such as 500M or 2G, not `{brief(text)}`"
        )
    scale = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    return int(float(match[1]) * scale[match[2].upper()])


def names_in(text: str | None) -> list[str]:
    """The names of a list such as `a, b`."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def targets(texts: Sequence[str]) -> list[SaveTarget]:
    """What --save writes, and where."""
    if not texts:
        return []
    from graphcalc.data.results import parse_target

    found = [parse_target(text) for text in texts]
    paths = [target.path for target in found]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise UsageError("option", f"--save writes `{brief(twice)}` twice")
    return found


def format_of(format: str, quiet: bool, steps: bool) -> str:
    """The format that --format, -q and --steps mean together."""
    if quiet and format not in ("table", "value"):
        raise UsageError("option", f"-q is --format value: it does not go with --format {format}")
    if steps and (quiet or format not in ("table", *STEPS)):
        raise UsageError("option", "--steps is --format steps: it goes with no other format")
    return "value" if quiet else "steps" if steps and format == "table" else format


def check_choices(format: str, color: str, errors: str) -> None:
    """Raise UsageError for a value that is none of its option's."""
    for option, value, choices in (
        ("--format", format, FORMATS),
        ("--color", color, ("auto", "always", "never")),
        ("--errors", errors, ("auto", "full", "line")),
    ):
        _check_choice(option, value, choices)


def rows(
    path: str,
    given: RowTexts,
    names: list[str],
    format: str,
    strict: bool,
    as_table: bool,
    output: str | None,
    on_terminal: bool,
) -> tuple[RowOptions, bool]:
    """How --rows reads and writes, and whether the rows are drawn as a table."""
    from graphcalc.files.streams import is_packed
    from graphcalc.rows.formats import COLUMNAR, FORMATS, format_of
    from graphcalc.rows.python_engine import Policy
    from graphcalc.rows.run import RowOptions

    if given.to and format != "table":
        raise UsageError("option", f"--to {given.to} and --format {brief(format)}: one is enough")
    is_bare = format == "value"
    told = given.to or (format if format not in ("table", "value") else None)
    to = told or (output and _format_named(output, format_of))
    is_binary = (to or given.read or format_of(path)) in COLUMNAR
    if is_binary and on_terminal and output is None:
        if told:
            raise UsageError("option", f"{told} is nothing to read: write it into a file, -o FILE")
        as_table = True
    to = "csv" if is_bare or as_table else to
    _check_choice("--input-format", given.read, FORMATS)
    _check_choice("--to" if given.to else "--format", to, FORMATS)
    _check_choice("--on-error", given.on_error, ("fail", "null", "skip"))
    if output and is_packed(output) and to in COLUMNAR:
        message = f"`{brief(output)}`: {to} is packed in itself"
        raise UsageError("option", message, help="leave .gz and .zst out of the name")
    text = given.text_options()
    policy = Policy(given.on_error, text.missing, strict)
    has_header = given.has_header and not is_bare
    only = given.only or is_bare
    found = RowOptions(path, given.read, to, text, only, names, policy, has_header)
    return found, as_table


def _format_named(output: str, format_of: Callable[[str], str | None]) -> str | None:
    """The format of rows that the name of their file tells; UsageError for one of other data."""
    from graphcalc.data.loading import file_format
    from graphcalc.rows.formats import FORMATS

    found = format_of(output)
    other = None if found else file_format(output)
    is_sheet = output.lower().endswith((".xlsx", ".xls", ".ods"))
    if (other and other != "txt") or is_sheet:
        raise UsageError(
            "option",
            f"`{brief(output)}` names no format of rows; they are {', '.join(FORMATS)}",
            help="say which one it is all the same: --to csv",
        )
    return found


class RowTexts(NamedTuple):
    """The texts of the options beside --rows."""

    to: str | None
    read: str | None
    delimiter: str | None
    encoding: str
    only: bool
    on_error: str
    missing: str
    has_header: bool

    def text_options(self) -> TextOptions:
        """How text tables are read."""
        from graphcalc.tables.reading import TextOptions

        number = math.nan if self.missing == "nan" else None
        return TextOptions(self._separator(), self.encoding, number, self.has_header)

    def _separator(self) -> str | None:
        given = self.delimiter
        return given if given is None else {"\\t": "\t", "tab": "\t"}.get(given, given)

    def check(self) -> None:
        """Raise UsageError for a value that text tables cannot be read by."""
        _check_choice("--missing", self.missing, ("fail", "nan"))
        found = self._separator()
        delimiter = ";" if found is None else found
        if len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"\r\n.+-_ \0':
            raise UsageError(
                "option",
                f"--delimiter is one character such as ; or | or \\t, not {delimiter[:20]!r}",
            )
        try:
            name = codecs.lookup(self.encoding).name
            is_text = codecs.lookup(self.encoding)._is_text_encoding
        except (LookupError, ValueError):
            is_text = False
        if not is_text or name.replace("-", "_") in _ODD_ENCODINGS:
            raise UsageError(
                "option", f"`{brief(self.encoding)}` is not an encoding; utf-8 and latin-1 are"
            )

    def check_unused(self) -> None:
        """Raise UsageError for one that is given without --rows."""
        for option, value, default in (
            ("--to", self.to, None),
            ("--only", self.only, False),
            ("--on-error", self.on_error, "fail"),
        ):
            if value != default:
                raise UsageError("option", f"{option} goes with --rows FILE")
        if self.read is not None:
            from graphcalc.data.loading import FORMATS as READ_FORMATS

            _check_choice("--input-format", self.read, READ_FORMATS)


def _check_choice(option: str, value: str | None, choices: Sequence[str]) -> None:
    if value is not None and value not in choices:
        raise UsageError("option", f"{option} is one of {', '.join(choices)}, not `{brief(value)}`")


def row_texts(given: CommandLine) -> RowTexts:
    """The options beside --rows."""
    found = RowTexts(
        given.to,
        given.input_format,
        given.delimiter,
        given.encoding,
        given.only,
        given.on_error,
        given.missing,
        not given.no_header,
    )
    if given.rows is None:
        found.check_unused()
    found.check()
    return found


def run_options(given: CommandLine, format: str) -> Options:
    """How the program is evaluated, by what, and within which limits."""
    from graphcalc.backends.base import Settings
    from graphcalc.evaluate import Options

    threads = whole("--threads", given.threads, 1, 4096) if given.threads else None
    return Options(
        Settings(given.backend, given.device, given.dtype, threads, given.compile),
        whole("--seed", given.seed, 0, (1 << 63) - 1),
        size(given.max_memory) if given.max_memory else None,
        whole("--max-nodes", given.max_nodes, 1, 1 << 31),
        given.check,
        _gradients(given, format),
    )


def _gradients(given: CommandLine, format: str) -> Gradients | None:
    """Which gradients the options ask for."""
    from graphcalc.data.bindings import parse_value
    from graphcalc.evaluate import Gradients

    if given.grad is None:
        for option, text in (("--wrt", given.wrt), ("--seed-grad", given.seed_grad)):
            if text:
                raise UsageError("option", f"{option} goes with --grad NAME")
        return None
    names = tuple(names_in(given.wrt)) if given.wrt else None
    seed = given.seed_grad
    value = None if seed is None else parse_value(seed, "--seed-grad")
    return Gradients(given.grad, names, value, format in STEPS)


def descent(given: CommandLine) -> Descent | None:
    """How to minimize, where that is asked for."""
    if given.minimize is None:
        if given.update:
            raise UsageError("option", "--update goes with --minimize NAME")
        return None
    from graphcalc.analysis.descent import Descent

    return Descent(
        given.minimize,
        tuple(names_in(given.update)),
        real("--lr", given.lr),
        whole("--iterations", given.iterations, 0, 10**9),
        given.optimizer,
        real("--tolerance", given.tolerance),
    )
