"""Arrays in files, known by their headers and read when they are needed, whole or in parts.

Nothing is mapped into memory: a file that shrinks while it is read is an error, not a signal.
"""

from __future__ import annotations

import math
import os
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeAlias, cast

from graphcalc.diagnostics import DataError, GraphcalcError, Label, brief
from graphcalc.files.streams import display_path, unreadable

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
    letters for the dtype, byte order included. Where numpy lacks the dtype of the file, `stored` is
    torch's name for it, and the letters are those of its bits.
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
        stored: str = "",
    ) -> None:
        self.name, self.label = name, label
        self.stored = stored
        self.shape, self.dtype = shape, dtype
        self.code, self.order, self.open = code, order, open

    @property
    def numel(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of an element."""
        return int(self.code.lstrip("<>|=fiubc"))

    def item(self) -> Value:
        """The only element."""
        return self.read().item()

    def read(self) -> Value:
        """All elements, as a numpy array, or a torch tensor for a dtype that numpy lacks."""
        with self.parts() as take:
            flat = take(self.numel)
            is_c = self.order == "C"
            return flat.reshape(self.shape) if is_c else flat.reshape(self.shape, order="F")

    @contextmanager
    def parts(self) -> Iterator[Callable[[int], Value]]:
        """A function that gives the next so many elements, in the order of the file.

        Raises DataError where the file ends before they do.
        """
        numpy = import_numpy(self.label)
        code = numpy.dtype(self.code)

        with self.open() as stream:

            def take(count: int) -> Value:
                data = numpy.empty(count, code)
                view = memoryview(data.reshape(-1).view(numpy.uint8)) if count else memoryview(b"")
                place = 0
                try:
                    while place < len(view):
                        got = stream.readinto(view[place:])
                        if not got:
                            raise self.too_short()
                        place += got
                except GraphcalcError:
                    raise
                except Exception as error:  # of the file, of zip, and of zlib
                    raise unreadable(display_path(self.name), error) from None
                return (
                    as_stored(data, self.stored, self.label) if self.stored else self.native(data)
                )

            yield take

    def native(self, data: Value) -> Value:
        """Elements in this machine's byte order. Raises DataError for those beyond int64."""
        data = data.astype(data.dtype.newbyteorder("="), copy=False)
        check_range(data, display_path(self.name), self.label)
        return data

    def too_short(self) -> DataError:
        """Return the error for a file that ends before its data."""
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
    from graphcalc.packages import load_package

    return load_package("numpy", "arrays in files need", label)


def as_stored(data: Value, stored: str, label: Label) -> Value:
    """Return bits as torch's dtype of a name; numbers of eight bits as the same in float32."""
    from graphcalc.packages import load_package

    torch = load_package("torch", f"{stored} needs", label)
    bits = torch.from_numpy(data.view(f"int{8 * data.itemsize}"))
    found = bits.view(getattr(torch, stored))
    return found if stored == "bfloat16" else found.to(torch.float32).numpy()


# .npy and .npz


def read_npy(path: str, label: Label) -> FileArray | dict[str, Callable[[], Value]]:
    """The array of a .npy file; for one of records its fields by name."""
    name = display_path(path)
    try:
        size = os.stat(path).st_size
        with open(path, "rb") as stream:
            header = _header(stream, name, label, size)
            start = stream.tell()
    except OSError as error:
        raise unreadable(name, error) from None
    if header.dtype.names is None:
        return opened(_array(header, name, label), path, start)
    return {key: _field(header, key, path, start, label) for key in header.dtype.names}


def _field(header: NpyHeader, key: str, path: str, start: int, label: Label) -> Callable[[], Value]:
    """What reads a field of records. Raises DataError where it does not hold numbers."""
    name = f"{display_path(path)}:{key}"

    def read() -> Value:
        kind = header.dtype[key]
        _check_numbers(kind.base, name, label)
        array = FileArray(name, header.shape, Kind(""), "", _unopened, label)
        with opened(array, path, start).open() as stream:
            data = bytearray(stream.read())
        numpy = import_numpy(label)
        size = math.prod(header.shape) * header.dtype.itemsize
        if len(data) < size:
            raise array.too_short()
        records = numpy.frombuffer(data, header.dtype, math.prod(header.shape))
        order = "F" if header.is_fortran else "C"
        field = numpy.ascontiguousarray(records.reshape(header.shape, order=order)[key])
        return array.native(field)

    return read


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


class NpyHeader(NamedTuple):
    """What the header of an array says."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: Any


def _header(stream: BinaryIO, name: str, label: Label, size: int) -> NpyHeader:
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
            (3, 0): _read_header_3,
        }.get(version)
        if reader is None:
            raise ValueError(f"version {version[0]}.{version[1]} of the format")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = NpyHeader(*reader(stream, max_header_size=_LONGEST_HEADER))
    except Exception as error:  # the header is Python's syntax, and fails in all of its ways
        why = "" if type(error) is not ValueError else _first_line(str(error))
        raise damaged(name, f"the header is no .npy header{why}", label) from None
    if header.dtype.hasobject:
        raise DataError(
            "pickle",
            f"{name}: holds Python objects, which are never loaded",
            (label,),
            note="loading them can run any program",
        )
    if header.dtype.names is None:
        _check_numbers(header.dtype, name, label)
    if any(type(n) is not int or n < 0 for n in header.shape):
        raise damaged(name, f"shape {header.shape} in the header", label)
    needs = math.prod(header.shape) * header.dtype.itemsize
    check_size(name, needs, size - stream.tell(), label)
    return header


def _read_header_3(stream: BinaryIO, *, max_header_size: int) -> tuple[Any, Any, Any]:
    """Return what a header of version 3 says, which differs from version 2 in being UTF-8."""
    import ast

    import numpy

    (length,) = struct.unpack("<I", stream.read(4))
    if length > max_header_size:
        raise ValueError(f"header of {length:,} bytes")
    head = ast.literal_eval(stream.read(length).decode())
    if type(head) is not dict or sorted(head) != ["descr", "fortran_order", "shape"]:
        raise ValueError("other keys than those of a header")
    dtype = numpy.lib.format.descr_to_dtype(head["descr"])
    return tuple(head["shape"]), bool(head["fortran_order"]), dtype


def _check_numbers(dtype: Any, name: str, label: Label) -> None:
    """Raise DataError for a dtype of numpy that is not one of numbers."""
    if dtype.names or dtype.kind not in "fiub" or dtype.itemsize > 8:
        names = ", ".join(map(brief, dtype.names or ()))
        kind = f"records of {names}" if dtype.names else f"dtype {dtype}"
        raise DataError("file-dtype", f"{name}: holds {kind}, not numbers", (label,))


def _array(header: NpyHeader, name: str, label: Label) -> FileArray:
    """The array that a header is of, without its elements."""
    shape, is_fortran, dtype = header
    _check_numbers(dtype, name, label)
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


def repeated(name: str, key: str, label: Label) -> DataError:
    """Return the error for a file that has several values of one key."""
    message = f"{name}: the key `{brief(key)}` is there twice"
    return DataError("duplicate-key", message, (label,))


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
        key = info.filename.removesuffix(".npy")
        if key in found:
            raise repeated(display_path(path), key, label)
        found[key] = _member(archive, info, path, label)
    return found


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, label: Label
) -> Callable[[], FileArray]:
    name = f"{display_path(path)}:{info.filename.removesuffix('.npy')}"

    def look() -> FileArray:
        try:
            with archive.open(info) as stream:
                header = _header(cast(BinaryIO, stream), name, label, info.file_size)
                found = _array(header, name, label)
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
