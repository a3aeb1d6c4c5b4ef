"""Options' texts to what they mean; each raises UsageError for what it does not take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphcalc.diagnostics import UsageError, brief
from graphcalc.report.pages import FORMATS, STEPS

if TYPE_CHECKING:
    from graphcalc.descent import Descent
    from graphcalc.evaluate import Gradients

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
        if value not in choices:
            raise UsageError(
                "option", f"{option} is one of {', '.join(choices)}, not `{brief(value)}`"
            )


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
    save: str | None,
) -> Descent | None:
    """How to minimize, where that is asked for."""
    if of is None:
        for option, given in (("--update", update), ("--save", save)):
            if given:
                raise UsageError("option", f"{option} goes with --minimize NAME")
        return None
    from graphcalc.descent import Descent
    from graphcalc.report.descent import check_path

    if save is not None:
        check_path(save)
    return Descent(
        of,
        tuple(names_in(update)),
        real("--lr", rate),
        whole("--iterations", iterations, 0, 10**9),
        optimizer,
        real("--tolerance", tolerance),
    )
