"""The machine and the versions of everything measured."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (
    *("graphcalc", "torch", "numpy", "numexpr", "polars", "duckdb", "casadi", "micrograd"),
    *("asteval", "simpleeval", "sympy", "typer", "rich"),
)
TOOLS = {"qalc": "--version", "mlr": "--version", "mawk": "-Wversion"}


def describe() -> dict[str, object]:
    """Return the machine as strings and numbers by key, and versions by name."""
    return {
        "cpu": _find_cpu(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "os": _find_os(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "commit": _find_commit(),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {**_find_packages(), **_find_tools()},
    }


def in_words(machine: dict[str, object]) -> str:
    """Return the description as one paragraph."""
    versions = machine["versions"]
    assert isinstance(versions, dict)
    named = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['os']}, "
        f"{machine['python']}; {named}. "
        f"Commit {machine['commit']}, load before the run {machine['load_before']}."
    )


def _find_cpu() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", info.read_text()) if info.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _find_os() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name}, {platform.system()} {platform.release()}, {platform.machine()}"


def _find_commit() -> str | None:
    """Return the commit of the sources, with a + where they were changed since."""
    if shutil.which("git") is None:
        return None
    commands = (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--", "graphcalc"])
    commit, changed = (
        subprocess.run(["git", *c], cwd=ROOT, capture_output=True, text=True).stdout.strip()
        for c in commands
    )
    return f"{commit}+" if changed else commit or None


def _find_packages() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def _find_tools() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, option in TOOLS.items():
        found[name] = None
        if shutil.which(name):
            done = subprocess.run([name, option], capture_output=True, text=True)
            number = re.search(r"\d+\.\d+(\.\d+)*", done.stdout + done.stderr)
            found[name] = number[0] if number else "unknown"
    return found
