"""Engines that are whole processes, measured from start to end."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import MEGABYTES, SECONDS, Missing, Ready, Sample
from benchmarks.machine import ROOT

LAUNCH = Path(__file__).parent / "children" / "launch.py"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|nan|inf")


def find_tool(name: str) -> str:
    """Return the path of a command; raise Missing where there is none."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not on the PATH")
    return found


def find_graphcalc() -> str:
    """Return the command that is installed beside this Python."""
    found = Path(sys.executable).parent / "graphcalc"
    if not found.exists():
        raise Missing(f"{found.name} is not installed beside this Python")
    return str(found)


def whole_process(
    command: Sequence[str], folder: Path, read: Callable[[Path], Any], out: str = "out"
) -> Ready:
    """A command; its output goes to a file of the folder, of which `read` makes numbers.

    A small process starts it, since a process's peak begins with that of the one that starts it.
    Modules are there as bytecode, as after an installation.
    """
    report, path = folder / "report", folder / out
    arguments = [sys.executable, "-I", "-S", str(LAUNCH), str(path), str(report), *command]

    def sample() -> Sample:
        done = subprocess.run(
            arguments, cwd=folder, env=environment(), capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or [f"{command[0]} failed"])[-1])
        seconds, peak = json.loads(report.read_text())
        return Sample({SECONDS: seconds, MEGABYTES: peak}, lambda: read(path))

    return Ready(sample)


def child(module: str, *arguments: str) -> Ready:
    """Return an engine that runs a module of `children`, which prints its amounts as JSON."""
    command = [sys.executable, "-m", f"benchmarks.children.{module}", *arguments]

    def sample() -> Sample:
        done = subprocess.run(
            command, env=environment(PYTHONPATH=str(ROOT)), capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or ["it failed"])[-1])
        found = json.loads(done.stdout)
        return Sample({SECONDS: found["s"], MEGABYTES: found["MB"]}, lambda: found["answer"])

    return Ready(sample)


def environment(**added: str) -> dict[str, str]:
    """Return this process's environment, with bytecode caching on."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | added


def read_output(path: Path) -> list[float]:
    """Return the numbers in an output."""
    return read_numbers(path.read_text(encoding="utf-8"))


def read_numbers(text: str) -> list[float]:
    """Return the numbers in a text, without those of colours; U+2212 is a minus too."""
    plain = re.sub("\x1b\\[[0-9;]*m", "", text).replace("−", "-")
    return [float(number) for number in NUMBER.findall(plain)]
