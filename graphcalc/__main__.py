"""The `graphcalc` command, also as `python -m graphcalc`."""

from __future__ import annotations

import gc


def run() -> None:
    """Start the command line.

    One run makes objects that live until the process ends: looking for cycles among them, at
    import above all, takes a tenth of a small run's time.
    """
    gc.disable()
    from graphcalc.cli import main

    main()


if __name__ == "__main__":
    run()
