"""The peak memory of this process. Linux can reset the count; other systems cannot."""

from __future__ import annotations

import json
import resource
import sys
from typing import Any


def resident_mb() -> float:
    """Return the memory in use now, or the peak where the system does not tell."""
    return _read("VmRSS") or _from_usage()


def reset_peak() -> None:
    """Reset the peak."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def peak_mb() -> float:
    """Return the peak in units of 2**20 bytes."""
    return _read("VmHWM") or _from_usage()


def report(seconds: float, megabytes: float, answer: Any) -> None:
    """Print the amounts and numbers for the starting process."""
    json.dump({"s": seconds, "MB": megabytes, "answer": answer}, sys.stdout)


def _read(key: str) -> float | None:
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith(key):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


def _from_usage() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20) if sys.platform == "darwin" else most / 1024
