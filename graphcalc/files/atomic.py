"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from graphcalc.diagnostics import OutputError
from graphcalc.files.streams import display_path, is_packed, zstd_writer

_STREAMS = ("/dev/stdin", "/dev/stdout", "/dev/stderr")
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,9})", re.ASCII)
# What ends a process and can be caught: then a file that is half written goes first.
_ENDINGS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def descriptor_of(path: str) -> int | None:
    """The open file that a path such as /dev/stdout or /dev/fd/63 stands for; None for others."""
    name = os.path.abspath(path)
    if name in _STREAMS:
        return _STREAMS.index(name)
    found = _DESCRIPTOR.fullmatch(name)
    return int(found[1]) if found else None


def is_replaced(path: str) -> bool:
    """Whether a new file takes the place of what is there, if anything is."""
    return descriptor_of(path) is None and (os.path.isfile(path) or not os.path.exists(path))


def _open_in_place(path: str) -> BinaryIO:
    """What is no plain file, open to be written to as it is."""
    descriptor = descriptor_of(path)
    if descriptor is None:
        return open(path, "wb")
    # Opened anew it would begin at the file's beginning, whoever else writes to it.
    return os.fdopen(os.dup(descriptor), "wb")


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `path` when the block ends, unless it raises.

    A file that was there is kept until the new one is complete; its permissions stay, and a link
    keeps pointing where it did. What is there and no plain file, as a named pipe, is written to;
    so is an open file that is named by its descriptor, as /dev/stdout is.
    Where the name ends in .gz or .zst, what is written is packed.
    Raises OutputError where that is not possible.
    """
    try:
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        if not is_replaced(path):
            with _open_in_place(path) as special, _packing(path, special) as file:
                yield file
            return
        with _replacing(os.path.realpath(path)) as plain, _packing(path, plain) as file:
            yield file
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError("output", f"{display_path(path)}: {reason}") from None
    except ValueError as error:
        if "embedded null" not in str(error):
            raise
        raise OutputError("output", f"{display_path(path)}: not a file name") from None


@contextlib.contextmanager
def _packing(path: str, file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, or what packs all that is written to it."""
    if not is_packed(path):
        yield file
    elif path.lower().endswith(".gz"):
        import gzip

        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
            yield cast(BinaryIO, packed)
    else:
        with zstd_writer(file) as packed:
            yield packed


@contextlib.contextmanager
def _replacing(target: str) -> Iterator[BinaryIO]:
    """A new file for the place of another."""
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    import tempfile

    folder = os.path.dirname(target)
    handle = _nameless(folder)
    if handle is not None:
        with os.fdopen(handle, "wb") as file:
            yield file
            _settle(file, target)
            # A name beside the target first: only a rename replaces what is there.
            temporary = tempfile.mktemp(prefix=".graphcalc-", dir=folder)
            # Without a `src_dir_fd` Python would link the entry in /proc itself; none is used.
            os.link(f"/proc/self/fd/{handle}", temporary, src_dir_fd=handle)
            _rename(temporary, target)
        return
    handle, temporary = tempfile.mkstemp(prefix=".graphcalc-", dir=folder)
    with _removed_on_signals(temporary):
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                _settle(file, target)
            _rename(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _nameless(folder: str) -> int | None:
    """A file that has no name yet and so is gone with the process; None where there are none."""
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(folder or ".", os.O_TMPFILE | os.O_RDWR, 0o666)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL):
            return None
        raise


def _settle(file: BinaryIO, target: str) -> None:
    """All of the data on the disk, with the permissions that the file is to have."""
    file.flush()
    with contextlib.suppress(OSError):
        before = os.stat(target)
        os.chown(file.fileno(), before.st_uid, before.st_gid)
    os.chmod(file.fileno(), _mode(target))
    os.fsync(file.fileno())


def _rename(temporary: str, target: str) -> None:
    try:
        os.replace(temporary, target)
    except OSError:
        os.unlink(temporary)
        raise


@contextlib.contextmanager
def _removed_on_signals(temporary: str) -> Iterator[None]:
    """Remove a file when a signal ends the process, and let it end."""

    def end(number: int, frame: Any) -> None:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    before = {}
    with contextlib.suppress(ValueError):  # not the main thread: its signals are not ours
        before = {
            number: signal.signal(number, end)
            for number in _ENDINGS
            if signal.getsignal(number) is signal.SIG_DFL
        }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _mode(path: str) -> int:
    """The permissions of a file, or those that a new one gets."""
    try:
        return os.stat(path).st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
