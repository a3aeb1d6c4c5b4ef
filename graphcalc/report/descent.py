"""The progress bar of a descent, and its outcome in one line."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from graphcalc.analysis.descent import Descent, Watch
from graphcalc.report.output import is_terminal

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 40


@contextmanager
def progress(descent: Descent, color: str) -> Iterator[Watch]:
    """Show a bar with the loss on standard error, if it is a terminal; yields its update."""
    if not is_terminal(sys.stderr):
        yield lambda iteration, loss: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.text import Text

    console = Console(stderr=True, no_color=color == "never", markup=False, highlight=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(Text(descent.of).plain, total=descent.iterations)

        def tell(iteration: int, loss: float) -> None:
            bar.update(task, completed=iteration, description=f"{descent.of} {loss:.6g}")

        yield tell


def sparkline(history: Sequence[float], width: int = _WIDTH) -> str:
    """Return the losses as bars, on a logarithmic scale where they span a factor over 100."""
    if len(history) > width:
        last = len(history) - 1
        history = [history[round(i * last / (width - 1))] for i in range(width)]
    low, high = min(history), max(history)
    if low > 0 and high > 100 * low:
        history = [math.log(x) for x in history]
        low, high = math.log(low), math.log(high)
    span = high - low
    top = len(_BARS) - 1
    return "".join(_BARS[round((x - low) / span * top) if span > 0 else 0] for x in history)


def as_line(history: Sequence[float], reason: str, descent: Descent) -> str:
    """Return the losses, iterations, options and stop of a descent in one line."""
    steps = len(history) - 1
    why = f", stopped: {reason}" if reason else ""
    return (
        f"{descent.of} {history[0]:.7g} → {history[-1]:.7g} in {steps:,} "
        f"iteration{'s' * (steps != 1)} of {descent.optimizer}, lr {descent.rate:g}{why}"
        f"  {sparkline(history)}\n"
    )
