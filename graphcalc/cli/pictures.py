"""The pictures that a command line asks for."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from graphcalc.cli.parser import CommandLine
from graphcalc.report.output import STANDARD_OUTPUT, wants_colour
from graphcalc.report.pages import notify

if TYPE_CHECKING:
    from graphcalc.analysis.nan_origins import Origins
    from graphcalc.analysis.plan import Plan
    from graphcalc.drawing.pictures import Picture
    from graphcalc.evaluate import Outcome

# Columns of a picture that goes to a file or a pipe.
_WIDE = 160
# Characters without which it is drawn in ASCII.
_LINES = "╭╔▼"


def of_run(outcome: Outcome, command: CommandLine, origins: Origins | None) -> Picture:
    """Return the picture of a run; `origins` are where its NaN and infinity come from, if known."""
    from graphcalc.drawing.pictures import picture_of_run

    return picture_of_run(outcome, command.depth, command.digits, origins, command.layout)


def of_plan(plan: Plan, command: CommandLine) -> Picture:
    """Return the picture of a plan."""
    from graphcalc.drawing.pictures import picture_of_plan

    return picture_of_plan(plan, command.depth, command.layout)


@contextmanager
def drawn(picture: Callable[[], Picture], command: CommandLine) -> Iterator[None]:
    """Write the picture into its files before the block, and print it after it.

    Where a file cannot be written, nothing is printed.
    """
    if not command.graph:
        yield
        return
    made = picture()
    paths = [path for path in command.graph if path != "-"]
    made.write(*paths)
    yield
    if "-" in command.graph:
        _print(made, command)
    if command.open and paths:
        _show(paths[0])


def _print(picture: Picture, command: CommandLine) -> None:
    """Print the picture as wide as the terminal, or elsewhere as wide as it needs."""
    is_terminal = STANDARD_OUTPUT.is_on_terminal()
    width = shutil.get_terminal_size().columns if is_terminal else _WIDE
    has_colour = wants_colour(command.color, is_terminal)
    is_ascii = not STANDARD_OUTPUT.can_show(_LINES)
    STANDARD_OUTPUT.write(picture.text(width, has_colour=has_colour, is_ascii=is_ascii))


def _show(path: str) -> None:
    """Open a file in the program that the system shows it with; note where there is none."""
    import webbrowser

    if not webbrowser.open(Path(path).resolve().as_uri()):
        notify(f"no program was found that shows {path}")
