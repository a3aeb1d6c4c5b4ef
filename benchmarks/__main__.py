"""The command: run works, print the table, and write it where it is wanted."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks import draw
from benchmarks.harness import Row, Work, measure
from benchmarks.machine import describe, in_words
from benchmarks.works import SUITES

ONLY = "run the works of this kind, or with this in their names; may be given again"
UPDATE = "write the Markdown between the markers of this page"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 where an engine failed or its answer was wrong, 2 for a wrong call, else 0."""
    options = read_options(arguments)
    if find_spec("numpy") is None and not options.list:
        print("answers are compared by numpy: pip install -r benchmarks/requirements.txt")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        return run(options, Path(folder))


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=ONLY)
    parser.add_argument("--list", action="store_true", help="name the works and run none")
    parser.add_argument("--quick", action="store_true", help="less work and fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to a file")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--update-docs", type=Path, metavar="FILE", help=UPDATE)
    options = parser.parse_args(arguments)
    if options.update_docs:
        try:
            draw.split_page(options.update_docs)
        except (OSError, ValueError) as error:
            parser.error(str(error))
    return options


def run(options: argparse.Namespace, folder: Path) -> int:
    """Measure the chosen works; print each work's rows to standard error as they are ready."""
    works = [work for suite in SUITES.values() for work in suite(options.quick, folder)]
    chosen = [work for work in works if is_chosen(work, options.only)]
    if not chosen:
        print(f"no work is called {' or '.join(options.only)}; there are:", file=sys.stderr)
    if options.list or not chosen:
        print("\n".join(f"{work.suite}: {work.name}" for work in (chosen or works)))
        return 0 if chosen else 2
    machine, rows = describe(), []
    for work in chosen:
        print(f"{work.suite}: {work.name} …", file=sys.stderr, flush=True)
        rows += measure(work)
    write(options, rows, machine)
    return int(any(row.is_broken for row in rows))


def is_chosen(work: Work, only: Sequence[str]) -> bool:
    """Return whether the options name this work, or no work."""
    full = f"{work.suite}: {work.name}"
    return not only or any(o == work.suite if o in SUITES else o in full for o in only)


def write(options: argparse.Namespace, rows: list[Row], machine: dict[str, object]) -> None:
    """Run the works and write every output that the options ask for."""
    markdown = draw.as_markdown(rows, machine)
    if options.markdown:
        print(markdown, end="")
    else:
        draw.draw(rows)
        print(in_words(machine))
    if options.json:
        options.json.write_text(draw.as_json(rows, machine, options.quick), encoding="utf-8")
    if options.update_docs:
        draw.update_page(options.update_docs, markdown)


if __name__ == "__main__":
    sys.exit(main())
