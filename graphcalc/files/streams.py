"""Files as streams of bytes: opened with a reason where that fails, unpacked where packed."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from graphcalc.diagnostics import BackendError, DataError, brief

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# Behind the first byte of a frame of zstd that may come before the others.
_SKIPPABLE = b"\x2a\x4d\x18"
# Endings of packed files, which stand behind the one that names the format.
_PACKED = (".gz", ".zst")
_STDIN = "/dev/fd/0"
# Files that hold what came through a pipe, by their paths: what the pipe is called. They are gone
# with the process.
_copies: dict[str, tuple[str, Any]] = {}


def is_packed(path: str) -> bool:
    """Whether a file's name says that it is packed."""
    return path.lower().endswith(_PACKED)


def unpacked_name(path: str) -> str:
    """A file's name in small letters, without the endings that say that it is packed."""
    name = path.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return name


def display_path(path: str) -> str:
    """A path for a message."""
    if path == "-":
        return "<stdin>"
    path = _copies[path][0] if path in _copies else path
    return path if len(path) <= 255 else brief(path)


def open_bytes(path: str) -> tuple[BinaryIO, int | None]:
    """A file or, for `-`, standard input, as a stream of its bytes, and its size where known.

    What gzip or zstd has packed is unpacked. Raises DataError where it cannot be read.
    """
    try:
        if path == "-":
            file: Any = _standard_input()
        else:
            file = open(path, "rb", buffering=0)  # noqa: SIM115
        try:
            status = os.fstat(file.fileno())
        except OSError:  # standard input is no file, as in a program that calls this one
            return cast(BinaryIO, file), None
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        is_plain = stat.S_ISREG(status.st_mode)
        if is_plain:
            start = file.tell()
            magic = file.read(4)
            file.seek(start)
        else:
            file = Pipe(file)
            magic = file.head
    except (OSError, ValueError) as error:
        raise unreadable(display_path(path), error) from None
    if magic[:2] == _GZIP:
        import gzip

        if is_plain and path != "-":
            file.close()
            return cast(BinaryIO, gzip.open(path)), None
        return cast(BinaryIO, gzip.GzipFile(fileobj=io.BufferedReader(file))), None
    is_skippable = magic[1:] == _SKIPPABLE and 0x50 <= magic[0] <= 0x5F
    if magic == _ZSTD or is_skippable:
        return _open_zstd(file), None
    return file, status.st_size if is_plain else None


def _standard_input() -> Any:
    if sys.stdin is None:
        raise DataError("no-stdin", "standard input is closed")
    buffer: Any = sys.stdin.buffer
    return getattr(buffer, "raw", buffer)


class Pipe(io.RawIOBase):
    """A pipe, whose first bytes have been read to see what it brings; they are its `head`."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.head = b""
        while any(len(self.head) < len(m) and m.startswith(self.head) for m in (_GZIP, _ZSTD)):
            more = file.read(4 - len(self.head))
            if not more:
                break
            self.head += more

    def readable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the pipe's file descriptor."""
        return int(self._file.fileno())

    def read(self, size: int = -1) -> bytes:
        """Return up to so many bytes that are there; none at the end."""
        if size < 0:
            return self.readall()
        if self.head:
            found, self.head = self.head[:size], self.head[size:]
            return found
        return bytes(self._file.read(size) or b"")

    def readinto(self, buffer: Any) -> int:
        """As `read`, into a buffer."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close the pipe, unless it is standard input."""
        if self._file.fileno() > 2:
            self._file.close()
        super().close()


def _open_zstd(file: Any) -> BinaryIO:
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
        raise missing_zstd() from None
    return cast(BinaryIO, _Zstd(file, zstandard.ZstdDecompressor()))


class _Zstd(io.RawIOBase):
    """What zstd has packed, by the package zstandard, whose own reader takes a cut for an end."""

    # Bytes to unpack at once: they may become thousands of times as many.
    _STEP = 1 << 13

    def __init__(self, file: Any, decompressor: Any) -> None:
        self._file, self._new = file, decompressor.decompressobj
        self._frame: Any = None
        self._packed = self._ready = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Bytes up to a size, fewer only at the end. Raises EOFError for an end within a frame."""
        pieces, have = [], 0
        while size < 0 or have < size:
            piece = self._ready or self._more()
            if not piece:
                break
            keep = len(piece) if size < 0 else size - have
            pieces.append(piece[:keep])
            have += len(pieces[-1])
            self._ready = piece[keep:]
        return b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        """As `read`, into a buffer."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _more(self) -> bytes:
        """What comes next, empty at the end."""
        while True:
            self._packed = self._packed or self._file.read(self._STEP)
            if not self._packed:
                if self._frame is not None:
                    raise EOFError
                return b""
            self._frame = self._frame or self._new()
            found: bytes = self._frame.decompress(self._packed)
            self._packed = b""
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
            if found:
                return found

    def close(self) -> None:
        """Close the file, too."""
        if not self.closed:
            self._file.close()
        super().close()


def zstd_writer(file: BinaryIO) -> Any:
    """What packs all that is written to it, and leaves the file open when it is closed."""
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]

        return zstd.ZstdFile(file, "wb")
    except ImportError:
        pass
    try:
        import zstandard  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise missing_zstd() from None
    return zstandard.ZstdCompressor().stream_writer(file, closefd=False)


def missing_zstd() -> BackendError:
    """The error where nothing can unpack or pack zstd."""
    return BackendError(
        "package-missing",
        "zstd files need the package zstandard, which is not installed",
        help="install it with: pip install 'graphcalc[data]'",
    )


def as_file(path: str, check_size: Callable[[int], None]) -> str:
    """The path of a plain file with what a file, a packed file or a pipe holds.

    What is no plain file yet is copied, as `copied` says.
    """
    stream, size = open_bytes(path)
    try:
        if size is not None:
            if path != "-":
                return path
            if os.path.exists(_STDIN) and not cast(Any, stream).tell():
                _copies[_STDIN] = display_path(path), None
                return _STDIN
        return copied(stream, path, check_size)
    finally:
        if path != "-":
            stream.close()


def copied(stream: Any, path: str, check_size: Callable[[int], None]) -> str:
    """The path of a file with all that a stream holds, which goes with the process.

    `check_size` is told how many bytes that takes so far, and may refuse them.
    """
    import atexit
    import tempfile

    try:
        copy: Any = tempfile.TemporaryFile()  # noqa: SIM115
        atexit.register(copy.close)
        total = 0
        while True:
            try:
                piece = stream.read(1 << 20)
            except Exception as error:  # of the file, of gzip, zlib and zstd
                raise unreadable(display_path(path), error) from None
            if not piece:
                break
            total += len(piece)
            check_size(total)
            copy.write(piece)
        copy.flush()
    except OSError as error:
        what = f"{display_path(path)}: no room for a copy: {(error.strerror or str(error)).lower()}"
        raise DataError("unreadable", what) from None
    place = f"/dev/fd/{copy.fileno()}" if os.path.isdir("/dev/fd") else str(copy.name)
    _copies[place] = display_path(path), copy
    return place


def unreadable(name: str, error: Exception) -> DataError:
    """Why reading failed: the system's reason, or that packed data is damaged."""
    if isinstance(error, OSError) and error.strerror:
        return DataError("unreadable", f"{name}: {error.strerror.lower()}")
    if isinstance(error, EOFError):
        return DataError("truncated", f"{name}: the packed data ends too early")
    if "too much memory" in str(error):
        what = "the packed data has a larger window than is supported"
        return DataError("unsupported", f"{name}: {what}", note="zstd --long packs so")
    if isinstance(error, ValueError) and "embedded null" in str(error):
        return DataError("unreadable", f"{name}: not a file name")
    return DataError("unreadable", f"{name}: the packed data is damaged")
