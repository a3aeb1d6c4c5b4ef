"""Arrays in files, known by their headers and read when they are needed, whole or in parts.

Nothing is mapped into memory: a file that shrinks while it is read is an error, not a signal.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

from graphcalc.diagnostics import DataError, GraphcalcError, Label, brief
from graphcalc.files.streams import display_path, unreadable
from graphcalc.packages import load_package

if TYPE_CHECKING:
    import zipfile

_NPY = b"\x93NUMPY"
# A header that is longer is none.
_LONGEST_HEADER = 1 << 16


# What a name stands for: a number, nested lists, an array of any library, or one in a file still.
Value: TypeAlias = Any


class Kind(str):
    """The name of a dtype, as `dtype.name` of arrays has it."""

    @property
    def name(self) -> str:
        """The name."""
        return str(self)


class FileArray:
    """An array that is in a file still: shape and dtype, and how to get at its elements.

    `open` gives a stream that stands at the first byte; `order` is C or F; `code` is numpy's
    letters for the dtype, byte order included.
    """

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: Kind,
        code: str,
        open: Callable[[], Any],
        label: Label,
        order: str = "C",
    ) -> None:
        self.name, self.label = name, label
        self.shape, self.dtype = shape, dtype
        self.code, self.order, self.open = code, order, open

    @property
    def numel(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of an element."""
        return 2 if self.dtype == "bfloat16" else int(self.code.lstrip("<>|=fiubc"))

    def item(self) -> Value:
        """The only element."""
        return self.read().item()

    def read(self) -> Value:
        """All elements, as a numpy array, or a torch tensor for a dtype that numpy lacks."""
        with self.parts() as take:
            return (
                take(self.numel).reshape(self.shape, order=self.order)
                if (self.dtype != "bfloat16")
                else take(self.numel).reshape(self.shape)
            )

    @contextmanager
    def parts(self) -> Iterator[Callable[[int], Value]]:
        """A function that gives the next so many elements, in the order of the file.

        Raises DataError where the file ends before they do.
        """
        numpy = import_numpy(self.label)
        is_brain = self.dtype == "bfloat16"
        code = numpy.dtype("<u2" if is_brain else self.code)

        with self.open() as stream:

            def take(count: int) -> Value:
                data = numpy.empty(count, code)
                view = memoryview(data.reshape(-1).view(numpy.uint8)) if count else memoryview(b"")
                place = 0
                try:
                    while place < len(view):
                        got = stream.readinto(view[place:])
                        if not got:
                            raise self._too_short()
                        place += got
                except GraphcalcError:
                    raise
                except Exception as error:  # of the file, of zip, and of zlib
                    raise unreadable(display_path(self.name), error) from None
                return as_bfloat16(data, self.label) if is_brain else self._native(data)

            yield take

    def _native(self, data: Value) -> Value:
        """Elements in this machine's byte order. Raises DataError for those beyond int64."""
        data = data.astype(data.dtype.newbyteorder("="), copy=False)
        check_range(data, display_path(self.name), self.label)
        return data

    def _too_short(self) -> DataError:
        message = (
            f"{display_path(self.name)}: the file ends before its data: it shrank, or is damaged"
        )
        return DataError("truncated", message, (self.label,))


def check_range(array: Value, name: str, label: Label) -> None:
    """Raise DataError for whole numbers that int64, which they are computed as, does not have."""
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and (array >> 63).any():
        message = f"{name}: holds whole numbers beyond 2**63, which int64 does not have"
        raise DataError("file-dtype", message, (label,), help="save it as float64")


def import_numpy(label: Label | None) -> Any:
    """numpy, or a BackendError that says how to get it."""
    return load_package("numpy", "arrays in files need", label)


def as_bfloat16(data: Value, label: Label) -> Value:
    """Sixteen bits as torch's bfloat16."""
    torch = load_package("torch", "bfloat16 needs", label)
    return torch.from_numpy(data.view("int16")).view(torch.bfloat16)


# .npy and .npz


def read_npy(path: str, label: Label, field: str | None = None) -> FileArray:
    """The array of a .npy file."""
    try:
        size = os.stat(path).st_size
        with open(path, "rb") as stream:
            found = _npy(stream, display_path(path), label, size, field)
            start = stream.tell()
    except OSError as error:
        raise unreadable(display_path(path), error) from None
    return opened(found, path, start)


def opened(found: FileArray, path: str, start: int) -> FileArray:
    """The array, whose elements begin at a place of a file."""

    def open_at() -> BinaryIO:
        try:
            stream = open(path, "rb", buffering=0)  # noqa: SIM115
            stream.seek(start)
        except OSError as error:
            raise unreadable(display_path(path), error) from None
        return stream

    found.open = open_at
    return found


def _npy(stream: BinaryIO, name: str, label: Label, size: int, field: str | None) -> FileArray:
    """What the header at the beginning of a stream of so many bytes says."""
    numpy = import_numpy(label)
    magic = stream.read(6)
    if magic != _NPY:
        raise other_content(name, magic, ".npy", label)
    stream.seek(0)
    try:
        version = numpy.lib.format.read_magic(stream)
        reader = {
            (1, 0): numpy.lib.format.read_array_header_1_0,
            (2, 0): numpy.lib.format.read_array_header_2_0,
        }.get(version)
        if reader is None:
            raise ValueError(f"version {version[0]}.{version[1]} of the format")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape, is_fortran, dtype = reader(stream, max_header_size=_LONGEST_HEADER)
    except Exception as error:  # the header is Python's syntax, and fails in all of its ways
        why = "" if type(error) is not ValueError else _first_line(str(error))
        raise damaged(name, f"the header is no .npy header{why}", label) from None
    if dtype.hasobject:
        raise DataError(
            "pickle",
            f"{name}: holds Python objects, which are never loaded",
            (label,),
            note="loading them can run any program",
        )
    if dtype.names or dtype.kind not in "fiub":
        kind = f"records of {', '.join(dtype.names)}" if dtype.names else f"dtype {dtype}"
        raise DataError("file-dtype", f"{name}: holds {kind}, not numbers", (label,))
    if field is not None:
        raise DataError("no-key", f"{name}: an array has no key `{brief(field)}`", (label,))
    if any(type(n) is not int or n < 0 for n in shape):
        raise damaged(name, f"shape {shape} in the header", label)
    check_size(name, math.prod(shape) * dtype.itemsize, size - stream.tell(), label)
    order = "F" if is_fortran and len(shape) > 1 else "C"
    return FileArray(name, shape, Kind(dtype.name), dtype.str, _unopened, label, order)


def _unopened() -> BinaryIO:
    raise AssertionError


def _first_line(text: str) -> str:
    line = text.splitlines()[0] if text else ""
    return f" ({line[:1].lower()}{brief(line[1:], 80)})" if line else ""


def check_size(name: str, needs: int, has: int, label: Label) -> None:
    """Raise DataError for a header that tells of more or less data than there is."""
    if needs > has:
        message = f"{name}: the header needs {needs:,} bytes of data, and the file has {has:,}"
        raise DataError("truncated", message, (label,))
    if needs < has:
        message = f"{name}: {has - needs:,} bytes follow the data that the header tells of"
        raise DataError("trailing-data", message, (label,))


def damaged(name: str, what: str, label: Label) -> DataError:
    """Return the error for a file that breaks the rules of its format."""
    return DataError("damaged", f"{name}: {what}", (label,))


def other_content(name: str, magic: bytes, expected: str, label: Label) -> DataError:
    """Return the error for a file whose first bytes are those of another format."""
    if not magic:
        return DataError("empty-file", f"{name}: the file is empty", (label,))
    kinds = {b"PK": "a zip archive, as .npz and .pt are", _NPY[:2]: "a .npy array", b"\x80": ""}
    for start, kind in kinds.items():
        if magic.startswith(start):
            what = (
                f"the content is {kind}"
                if kind
                else "the content is a pickle, which is never loaded"
            )
            more = f", not {expected}" if kind else ""
            return DataError("other-content", f"{name}: {what}{more}", (label,))
    return DataError("other-content", f"{name}: the content is not {expected}", (label,))


def read_npz(path: str, label: Label) -> dict[str, Callable[[], FileArray]]:
    """The arrays of a .npz file, by name; each is looked at when it is called for."""
    import zipfile

    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        if isinstance(error, OSError):
            raise unreadable(display_path(path), error) from None
        try:
            with open(path, "rb") as stream:
                magic = stream.read(6)
        except OSError as problem:
            raise unreadable(display_path(path), problem) from None
        if magic[:2] == b"PK":
            raise damaged(display_path(path), "the zip archive is damaged", label) from None
        raise other_content(display_path(path), magic, ".npz", label) from None
    found: dict[str, Callable[[], FileArray]] = {}
    for info in archive.infolist():
        found[info.filename.removesuffix(".npy")] = _member(archive, info, path, label)
    return found


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, label: Label
) -> Callable[[], FileArray]:
    name = f"{display_path(path)}:{info.filename.removesuffix('.npy')}"

    def look() -> FileArray:
        try:
            with archive.open(info) as stream:
                found = _npy(cast(BinaryIO, stream), name, label, info.file_size, None)
                start = stream.tell()
        except GraphcalcError:
            raise
        except Exception as error:  # of the file, of zip, and of zlib
            raise unreadable(name, error) from None

        def open_at() -> BinaryIO:
            stream = cast(BinaryIO, archive.open(info))
            stream.read(start)
            return stream

        found.open = open_at
        return found

    return look
