"""Run one command with its output in a file; write its seconds and peak MB to another."""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Run `COMMAND...` with its output in `OUT`, and write the amounts to `REPORT`."""
    out, report, *command = sys.argv[1:]
    with open(out, "wb") as file:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=file)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    with open(report, "w") as file:
        json.dump([seconds, kilobytes / 1024], file)


if __name__ == "__main__":
    main()
