"""Options' texts to what they mean; each raises UsageError for what it does not take."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from graphcalc.diagnostics import UsageError, brief
from graphcalc.report.pages import FORMATS, STEPS

if TYPE_CHECKING:
    from graphcalc.data.tables import TextOptions
    from graphcalc.descent import Descent
    from graphcalc.evaluate import Gradients
    from graphcalc.rows.run import RowOptions

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


def names_in(text: str) -> list[str]:
    """The names of a list such as `a, b`."""
    return [name.strip() for name in text.split(",") if name.strip()]


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
) -> RowOptions:
    """How --rows reads and writes."""
    from graphcalc.data.tables import FORMATS as ROW_FORMATS
    from graphcalc.data.tables import format_of as format_of_path
    from graphcalc.rows.engine import Policy
    from graphcalc.rows.run import RowOptions

    is_bare = format == "value" and given.to is None
    as_table = as_table and given.to is None
    format = "jsonl" if format == "json" else format
    to = given.to or (format if format != "table" else None) or (output and format_of_path(output))
    to = "csv" if is_bare or as_table else to
    _check_choice("--input-format", given.read, ROW_FORMATS)
    _check_choice("--to" if given.to else "--format", to, ROW_FORMATS)
    _check_choice("--on-error", given.on_error, ("fail", "null", "skip"))
    text = given.text_options()
    policy = Policy(given.on_error, text.missing, strict)
    only = given.only or is_bare
    return RowOptions(path, given.read, to, text, only, names, policy, not is_bare)


class RowTexts(NamedTuple):
    """The texts of the options beside --rows."""

    to: str | None
    read: str | None
    delimiter: str | None
    encoding: str
    only: bool
    on_error: str
    missing: str

    def text_options(self) -> TextOptions:
        """How text tables are read."""
        from graphcalc.data.tables import TextOptions

        _check_choice("--missing", self.missing, ("fail", "nan"))
        delimiter = self.delimiter
        if delimiter is not None:
            delimiter = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
            if len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"\r\n.+-_ \0':
                raise UsageError(
                    "option",
                    f"--delimiter is one character such as ; or | or \\t, not `{brief(delimiter)}`",
                )
        try:
            is_text = codecs.lookup(self.encoding)._is_text_encoding
        except (LookupError, ValueError):
            is_text = False
        if not is_text:
            raise UsageError(
                "option", f"`{brief(self.encoding)}` is not an encoding; utf-8 and latin-1 are"
            )
        return TextOptions(delimiter, self.encoding, math.nan if self.missing == "nan" else None)

    def check_unused(self) -> None:
        """Raise UsageError for one that is given without --rows."""
        for option, value, default in (
            ("--to", self.to, None),
            ("--only", self.only, False),
            ("--on-error", self.on_error, "fail"),
        ):
            if value != default:
                raise UsageError("option", f"{option} goes with --rows FILE")


def _check_choice(option: str, value: str | None, choices: Sequence[str]) -> None:
    if value is not None and value not in choices:
        raise UsageError("option", f"{option} is one of {', '.join(choices)}, not `{brief(value)}`")


def gradients(grad: str | None, wrt: str, seed: str | None, format: str) -> Gradients | None:
    """Which gradients the options ask for."""
    from graphcalc.data.bindings import parse_value
    from graphcalc.evaluate import Gradients

    if grad is None:
        for option, given in (("--wrt", wrt), ("--seed-grad", seed)):
            if given:
                raise UsageError("option", f"{option} goes with --grad NAME")
        return None
    names = tuple(names_in(wrt)) if wrt else None
    value = None if seed is None else parse_value(seed, "--seed-grad")
    return Gradients(grad, names, value, format in STEPS)


def descent(
    of: str | None,
    update: str,
    rate: str,
    iterations: str,
    optimizer: str,
    tolerance: str,
) -> Descent | None:
    """How to minimize, where that is asked for."""
    if of is None:
        if update:
            raise UsageError("option", "--update goes with --minimize NAME")
        return None
    from graphcalc.descent import Descent

    return Descent(
        of,
        tuple(names_in(update)),
        real("--lr", rate),
        whole("--iterations", iterations, 0, 10**9),
        optimizer,
        real("--tolerance", tolerance),
    )
