"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile

from graphcalc.diagnostics import OutputError, brief


def write_file(path: str, data: bytes) -> None:
    """Put data into a file: written beside it first, then renamed over it.

    A file that was there is kept until the new one is complete; its permissions stay. What is
    there and no plain file, as a named pipe, is written to. Raises OutputError where that is not
    possible.
    """
    temporary = ""
    try:
        # A link keeps pointing where it did: the file behind it is replaced.
        target = os.path.realpath(path)
        if os.path.isdir(target):
            raise IsADirectoryError(None, "is a directory")
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as special:
                special.write(data)
            return
        handle, temporary = tempfile.mkstemp(prefix=".graphcalc-", dir=os.path.dirname(target))
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        reason = (error.strerror or str(error)).lower()
        raise OutputError("output", f"{brief(path)}: {reason}") from None
    except ValueError:
        raise OutputError("output", f"{brief(path)}: not a file name") from None


def _mode(path: str) -> int:
    """The permissions of a file, or those that a new one gets."""
    try:
        return os.stat(path).st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
