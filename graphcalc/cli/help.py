"""Help and completion: Typer's, described to it by the table of options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand

from graphcalc.cli.options import ABOUT, ADDED, CLOSING, GROUPS, OPERANDS, OPTIONS, Option
from graphcalc.diagnostics import UsageError


class GroupedCommand(TyperCommand):
    """Typer's command, whose help has a heading for every group of options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options under their headings, with one column of names for all."""
        shown = {param.name: param.get_help_record(ctx) for param in self.get_params(ctx)}
        shown |= {option.key: (", ".join(option.names), option.help) for option in ADDED}
        records = [shown[option.key] or ("", "") for option in (*OPTIONS, *ADDED)]
        width = max(len(names) for names, _ in records)
        for heading, options in GROUPS.items():
            count = len(records) if heading == "Help" else len(options)
            lines, records = records[:count], records[count:]
            with formatter.section(heading):
                formatter.write_dl([(names.ljust(width), text) for names, text in lines])


def show(arguments: Sequence[str]) -> int:
    """Let Typer do what the arguments, or the environment for completion, ask; the exit status."""
    app = typer.Typer(add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(
        name="graphcalc",
        cls=GroupedCommand,
        help=ABOUT,
        epilog=CLOSING,
        context_settings={"help_option_names": ["-h", "--help"]},
    )(_described())
    command = typer.main.get_command(app)
    try:
        status = command.main(list(arguments), prog_name="graphcalc", standalone_mode=False)
    except (KeyError, ValueError) as error:
        message = f"the shell's request for completion is incomplete: {error}"
        raise UsageError("completion", message) from None
    return int(status or 0)


def _described() -> Callable[..., None]:
    """Return a function whose signature is the table: Typer makes commands of signatures alone."""

    def graphcalc(**_: object) -> None: ...

    operands = typer.Argument(None, metavar=OPERANDS, show_default=False)
    parameters = [_parameter("operands", list[str], operands)]
    for option in OPTIONS:
        info = typer.Option(
            _default(option),
            *option.names,
            metavar=option.metavar or None,
            help=option.help,
            autocompletion=_completion(option) if option.choices else None,
        )
        kind = list[str] if option.repeats else str if option.metavar else bool
        parameters.append(_parameter(option.key, kind, info))
    described: Any = graphcalc
    described.__signature__ = inspect.Signature(parameters)
    return graphcalc


def _parameter(key: str, annotation: object, info: object) -> inspect.Parameter:
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(key, keyword, default=info, annotation=annotation)


def _default(option: Option) -> object:
    """The default as help shows it; None where it shows none."""
    if not option.metavar:
        return False
    return None if option.unset in (None, ()) else str(option.unset)


def _completion(option: Option) -> Callable[[str], list[str]]:
    """Return a function that gives the choices which begin as a word does."""

    def choices(incomplete: str) -> list[str]:
        return [choice for choice in option.choices if choice.startswith(incomplete)]

    return choices
