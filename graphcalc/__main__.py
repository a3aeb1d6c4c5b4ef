"""The `graphcalc` command, also as `python -m graphcalc`."""

from __future__ import annotations

import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    # `python -m` looks for modules in the current folder first, whatever is there: a re.py, say.
    del sys.path[0]

import gc
import signal


def run() -> None:
    """Start the command line.

    One run makes objects that live until the process ends: looking for cycles among them, at
    import above all, takes a tenth of a small run's time. Ctrl-C ends the process by its signal,
    as shells expect, and at once, also inside native code; so does a closed pipe.
    """
    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    from graphcalc.cli.app import main

    main()


if __name__ == "__main__":
    run()
