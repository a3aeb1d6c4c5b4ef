"""Help and completion: Typer's, described to it from the table of options."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import typer

from graphcalc.cli.options import ABOUT, CLOSING, OPERANDS, OPTIONS, Option
from graphcalc.diagnostics import UsageError


def show(arguments: Sequence[str]) -> int:
    """Let Typer do what the arguments, or the environment for completion, ask; the exit status."""
    app = typer.Typer(add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    settings = {"help_option_names": ["-h", "--help"]}
    app.command(name="graphcalc", help=ABOUT, epilog=CLOSING, context_settings=settings)(_command())
    command: Any = typer.main.get_command(app)
    # Of click's errors Typer exports the last alone.
    click_error: Any = typer.BadParameter.__mro__[2]
    try:
        status = command.main(list(arguments), prog_name="graphcalc", standalone_mode=False)
    except (KeyError, ValueError, click_error) as error:
        message = f"this is no way in which a shell asks for completion: {error}"
        raise UsageError("completion", message) from None
    return int(status or 0)


def _command() -> Any:
    """A function whose signature is the table: Typer makes a command of signatures alone."""

    def graphcalc(**_: Any) -> None: ...

    operands = typer.Argument(None, metavar=OPERANDS, show_default=False)
    parameters = [_parameter("operands", list[str], operands)]
    for option in OPTIONS:
        info = typer.Option(
            _default(option), *option.names, metavar=option.metavar or None, help=option.help
        )
        parameters.append(_parameter(option.key, _type(option), info))
    described: Any = graphcalc
    described.__signature__ = inspect.Signature(parameters)
    return described


def _parameter(key: str, annotation: Any, info: Any) -> inspect.Parameter:
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(key, keyword, default=info, annotation=annotation)


def _type(option: Option) -> Any:
    if option.is_repeatable:
        return list[str]
    return str if option.metavar else bool


def _default(option: Option) -> Any:
    return option.default if option.metavar else False
