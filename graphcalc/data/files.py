"""Files as streams of bytes: opened with a reason where that fails, unpacked where packed."""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import Any, BinaryIO, cast

from graphcalc.diagnostics import BackendError, DataError, brief

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# Endings of packed files, which stand behind the one that names the format.
PACKED = (".gz", ".zst")


def shown(path: str) -> str:
    """A path for a message."""
    return path if len(path) <= 255 else brief(path)


def open_bytes(path: str) -> tuple[BinaryIO, int | None]:
    """A file or, for `-`, standard input, as a stream of its bytes, and its size where known.

    What gzip or zstd has packed is unpacked. Raises DataError where it cannot be read.
    """
    if path == "-":
        if sys.stdin is None:
            raise DataError("no-stdin", "standard input is closed")
        stream: Any = sys.stdin.buffer
        try:
            status = os.fstat(stream.fileno())
        except OSError:  # standard input is no file, as in a program that calls this one
            return cast(BinaryIO, stream), None
        size = status.st_size if stat.S_ISREG(status.st_mode) else None
        return cast(BinaryIO, stream.raw), size
    try:
        file: Any = open(path, "rb", buffering=0)  # noqa: SIM115
        status = os.fstat(file.fileno())
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        if not stat.S_ISREG(status.st_mode):
            return file, None
        magic = file.read(4)
        file.seek(0)
    except (OSError, ValueError) as error:
        raise unreadable(shown(path), error) from None
    if magic[:2] == _GZIP:
        import gzip

        file.close()
        return cast(BinaryIO, gzip.open(path)), None
    if magic == _ZSTD:
        return _open_zstd(file), None
    return file, status.st_size


def _open_zstd(file: BinaryIO) -> BinaryIO:
    """A stream of what is packed; closing it closes the file."""
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]

        return cast(BinaryIO, zstd.open(file, "rb"))
    except ImportError:
        pass
    try:
        import zstandard  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        file.close()
        raise BackendError(
            "package-missing",
            "zstd files need the package zstandard, which is not installed",
            help="install it with: pip install 'graphcalc[data]'",
        ) from None
    return cast(BinaryIO, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))


def unreadable(name: str, error: Exception) -> DataError:
    """Why reading failed: the system's reason, or that packed data is damaged."""
    if isinstance(error, OSError) and error.strerror:
        return DataError("unreadable", f"{name}: {error.strerror.lower()}")
    if isinstance(error, EOFError):
        return DataError("truncated", f"{name}: the packed data ends too early")
    if isinstance(error, ValueError) and "null byte" in str(error):
        return DataError("unreadable", f"{name}: not a file name")
    return DataError("unreadable", f"{name}: the packed data is damaged")
