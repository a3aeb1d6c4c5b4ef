"""A command line to what it gives, by the table of options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graphcalc.cli.options import ADDED, OPTIONS, Option
from graphcalc.diagnostics import UsageError, brief, closest

_BY_NAME = {name: option for option in (*OPTIONS, *ADDED) for name in option.names}


class CommandLine:
    """What a command line gives: the value of every option under its key, and the operands.

    A flag is a bool, an option with a value a str or its default, a repeatable one a list.
    `mistake` is the first thing that is wrong; what stands around it is read all the same, since
    it may say how errors are written.
    """

    def __init__(self) -> None:
        self.operands: list[str] = []
        self.mistake: UsageError | None = None
        for option in _BY_NAME.values():
            setattr(self, option.key, _unset(option))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def give(self, option: Option, value: str) -> None:
        """Note a value."""
        if option.is_repeatable:
            getattr(self, option.key).append(value)
        else:
            setattr(self, option.key, value)

    def fail(self, message: str, help: str = "") -> None:
        """Note what is wrong."""
        self.mistake = self.mistake or UsageError("option", message, help=help)


def _unset(option: Option) -> Any:
    if option.is_repeatable:
        return []
    return option.default if option.metavar else False


def parse(arguments: Sequence[str]) -> CommandLine:
    """Read a command line.

    Options and operands mix, and after `--` all are operands. An option is a word with two
    dashes, or one of the short ones, on its own: any other word with one dash is an expression.
    """
    given, words = CommandLine(), list(reversed(arguments))
    while words:
        word = words.pop()
        if word == "--":
            given.operands += reversed(words)
            break
        if word.startswith("--") or word in _BY_NAME:
            _read(word, words, given)
        else:
            given.operands.append(word)
    return given


def _read(word: str, words: list[str], given: CommandLine) -> None:
    """Read an option, and its value from itself or from the words that follow, the next last."""
    name, has_value, value = word.partition("=")
    option = _BY_NAME.get(name)
    if option is None:
        given.fail(f"there is no option `{brief(name)}`", _meant(name))
    elif not option.metavar and has_value:
        given.fail(f"option '{name}' does not take a value")
    elif not option.metavar:
        setattr(given, option.key, True)
    elif has_value:
        given.give(option, value)
    elif option.bare is not None and (not words or _is_dashed(words[-1])):
        given.give(option, option.bare)
    elif words:
        given.give(option, words.pop())
    else:
        given.fail(f"option '{name}' requires an argument")


def _is_dashed(word: str) -> bool:
    return word.startswith("-") and word != "-"


def _meant(name: str) -> str:
    near = closest(name, _BY_NAME)
    return f"did you mean `{near[0]}`?" if near else "write -- before a program that starts so"
