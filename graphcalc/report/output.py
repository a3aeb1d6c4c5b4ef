"""Text to standard output and standard error, whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from graphcalc.diagnostics import OutputError
from graphcalc.report.safe import encodable

if TYPE_CHECKING:
    from rich.console import Console


def is_terminal(stream: Any) -> bool:
    """Whether a stream is open and a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


_file: BinaryIO | None = None


@contextmanager
def redirected(path: str | None) -> Iterator[None]:
    """Let `write` put what is printed into a file, which is there when all of it is."""
    global _file
    if path is None:
        yield
        return
    from graphcalc.files.atomic import whole_file

    with whole_file(path) as _file:
        try:
            yield
        finally:
            _file = None


def is_on_terminal() -> bool:
    """Whether a person reads what is printed."""
    return _file is None and is_terminal(sys.stdout)


def write(text: str) -> None:
    """All of a text to standard output, or to the file that takes its place.

    Raises OutputError where that cannot be.
    """
    if _file is not None:
        _file.write(encodable(text, "utf-8").encode("utf-8", "backslashreplace"))
        return
    stream = sys.stdout
    if stream is None or stream.closed:
        raise OutputError("closed", "standard output is closed")
    try:
        stream.flush()
        encoding = stream.encoding or "utf-8"
        stream.buffer.write(encodable(text, encoding).encode(encoding, "backslashreplace"))
        stream.buffer.flush()
    except OSError as error:
        # What the buffer still holds must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise OutputError(
            "output", f"standard output: {(error.strerror or str(error)).lower()}"
        ) from None


def complain(text: str) -> None:
    """A text to standard error, if there is one."""
    stream = sys.stderr
    if stream is None or stream.closed:
        return
    try:
        stream.write(encodable(text, stream.encoding or "utf-8"))
        stream.flush()
    except OSError:
        pass


def wants_rich(color: str, on_terminal: bool) -> bool:
    """Whether to draw with Rich: on a terminal, or where colour is asked for."""
    return color == "always" or (color == "auto" and (on_terminal or _forced()))


def _forced() -> bool:
    return bool(os.environ.get("FORCE_COLOR")) and not os.environ.get("NO_COLOR")


def make_console(color: str) -> Console:
    """Rich's console; off a terminal it is as wide as the table needs."""
    from rich.console import Console

    on_terminal = is_on_terminal()
    wants_color = color == "always" or _forced()
    no_color = color == "never" or (not wants_color and bool(os.environ.get("NO_COLOR")))
    return Console(
        file=sys.stdout,
        force_terminal=True if wants_color else None,
        no_color=no_color,
        color_system="auto" if not wants_color or on_terminal else "256",
        width=None if on_terminal and os.environ.get("COLUMNS") != "0" else 10_000,
        highlight=False,
        emoji=False,
        markup=False,
    )
