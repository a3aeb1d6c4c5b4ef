"""The installed command, run as a process of its own in an environment of fixed variables."""

import os
import signal
import subprocess
import sys
from typing import NamedTuple

_SCRIPT = os.path.join(os.path.dirname(sys.executable), "graphcalc")
COMMAND = [_SCRIPT] if os.path.exists(_SCRIPT) else [sys.executable, "-m", "graphcalc"]

# A bound on hanging, not a claim about speed.
PATIENCE = 120

LESSON = ["g = (a+b)*(c*d)", "a=2", "b=-4", "c=-2", "d=2"]


class Finished(NamedTuple):
    """A finished process: its exit status (negative for a signal) and its streams as bytes."""

    status: int
    out: bytes
    err: bytes

    @property
    def text(self):
        """Standard output as text."""
        return self.out.decode()

    @property
    def complaint(self):
        """Standard error as text."""
        return self.err.decode()


def clean_environment(**changes):
    """Return the caller's search paths and home, and the changes; other variables are left out."""
    kept = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    found["LC_ALL"] = "C.UTF-8"
    found.update({name: value for name, value in changes.items() if value is not None})
    return found


def graphcalc(*arguments, stdin=b"", cwd=None, **environment):
    """Return the finished process of the command with these arguments."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=clean_environment(**environment),
        timeout=PATIENCE,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def python(code, *arguments, stdin=b"", cwd=None, **environment):
    """Return the finished process of a Python program, in the interpreter that runs the tests."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=clean_environment(**environment),
        timeout=PATIENCE,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def shell(script, *, stdin=b"", cwd=None, **environment):
    """Return the finished process of a script of bash.

    In it `graphcalc` is the command and `python` the interpreter that runs the tests.
    """
    words = " ".join(f"'{word}'" for word in COMMAND)
    head = f'graphcalc() {{ {words} "$@"; }}\npython() {{ "{sys.executable}" "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", head + script],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=clean_environment(**environment),
        timeout=PATIENCE,
        check=False,
        preexec_fn=_default_signals,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def start(*arguments, **environment):
    """Return the running process of the command with these arguments."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(**environment),
        preexec_fn=_default_signals,
    )


def _default_signals():
    # A background job of a shell without job control ignores SIGINT, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def unprintable_characters(data):
    """Return the characters of an output that are neither printable nor a newline, sorted."""
    text = data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data
    return sorted({c for c in text if c != "\n" and not c.isprintable()})


def status_and_peak(*arguments):
    """Return the exit status of a command and its peak memory in KiB."""
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], capture_output=True)\n"
        "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    status, peak = map(int, python(code, *COMMAND, *arguments).text.split())
    return status, peak
