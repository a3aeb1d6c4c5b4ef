"""Text to standard output and standard error, whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, BinaryIO, TextIO

from graphcalc.diagnostics import OutputError
from graphcalc.report.safe import encodable

if TYPE_CHECKING:
    from rich.console import Console

# Characters that are written at once.
_BATCH = 1 << 16


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is open and a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


class StandardOutput:
    """Where results are printed: the process's standard output, or a file in its place.

    A redirection holds in the block that makes it: runs before, after or in another thread print
    where they did.
    """

    def __init__(self) -> None:
        self._file: ContextVar[BinaryIO | None] = ContextVar("file", default=None)

    @contextmanager
    def redirected(self, path: str | None) -> Iterator[None]:
        """Let `write` print into a file, which is there when all of it is; None changes nothing."""
        if path is None:
            yield
            return
        from graphcalc.files.atomic import whole_file

        with whole_file(path) as file:
            token = self._file.set(file)
            try:
                yield
            finally:
                self._file.reset(token)

    def is_on_terminal(self) -> bool:
        """Whether a person reads what is printed."""
        return self._file.get() is None and is_terminal(sys.stdout)

    def can_show(self, text: str) -> bool:
        """Whether all characters of a text are of the encoding in which it would be printed."""
        encoding = None if self._file.get() or sys.stdout is None else sys.stdout.encoding
        return encodable(text, encoding or "utf-8") == text

    def write_all(self, texts: Iterable[str]) -> None:
        """Print texts one after the other, many short ones at once."""
        pending: list[str] = []
        size = 0
        for text in texts:
            pending.append(text)
            size += len(text)
            if size >= _BATCH:
                self.write("".join(pending))
                pending, size = [], 0
        self.write("".join(pending))

    def write(self, text: str) -> None:
        """Print all of a text; OutputError where that cannot be."""
        file = self._file.get()
        if file is not None:
            file.write(encodable(text, "utf-8").encode("utf-8", "backslashreplace"))
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
            reason = (error.strerror or str(error)).lower()
            raise OutputError("output", f"standard output: {reason}") from None


STANDARD_OUTPUT = StandardOutput()


def complain(text: str) -> None:
    """Write a text to standard error, if there is one."""
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
    return color == "always" or (color == "auto" and (on_terminal or _is_colour_forced()))


def wants_colour(color: str, on_terminal: bool) -> bool:
    """Whether to print escape sequences of colours; NO_COLOR and dumb terminals want none."""
    if color != "auto" or _is_colour_forced():
        return color != "never"
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return on_terminal and not is_plain


def _is_colour_forced() -> bool:
    return bool(os.environ.get("FORCE_COLOR")) and not os.environ.get("NO_COLOR")


def make_console(color: str) -> Console:
    """Return Rich's console; off a terminal it is as wide as the table needs."""
    from rich.console import Console

    on_terminal = STANDARD_OUTPUT.is_on_terminal()
    wants_color = color == "always" or _is_colour_forced()
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
