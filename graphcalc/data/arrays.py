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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from graphcalc.data.files import shown, unreadable
from graphcalc.data.jsonlines import DECODER
from graphcalc.diagnostics import BackendError, DataError, GraphcalcError, Label, brief
from graphcalc.graph.ir import MAX_DIMENSIONS

if TYPE_CHECKING:
    import zipfile

_NPY = b"\x93NUMPY"
# Headers longer than these are no headers.
_LONGEST_HEADER, _LONGEST_INDEX = 1 << 16, 100 << 20
_SAFETENSORS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}
SAFETENSORS_NAMES = {name: code for code, name in _SAFETENSORS.items()}


class Kind(str):
    """The name of a dtype, as `dtype.name` of arrays has it."""

    @property
    def name(self) -> str:
        """The name."""
        return str(self)


@dataclass(eq=False)
class FileArray:
    """An array that is in a file still: shape and dtype, and how to get at its elements.

    `open` gives a stream that stands at the first byte; `order` is C or F; `code` is numpy's
    letters for the dtype, byte order included.
    """

    name: str
    shape: tuple[int, ...]
    dtype: Kind
    code: str
    open: Callable[[], Any]
    label: Label
    order: str = "C"

    @property
    def numel(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of an element."""
        return 2 if self.dtype == "bfloat16" else int(self.code.lstrip("<>|=fiubc"))

    def item(self) -> Any:
        """The only element."""
        return self.read().item()

    def read(self) -> Any:
        """All elements, as a numpy array, or a torch tensor for a dtype that numpy lacks."""
        with self.parts() as take:
            return (
                take(self.numel).reshape(self.shape, order=self.order)
                if (self.dtype != "bfloat16")
                else take(self.numel).reshape(self.shape)
            )

    @contextmanager
    def parts(self) -> Iterator[Callable[[int], Any]]:
        """A function that gives the next so many elements, in the order of the file.

        Raises DataError where the file ends before they do.
        """
        numpy = import_numpy(self.label)
        is_brain = self.dtype == "bfloat16"
        code = numpy.dtype("<u2" if is_brain else self.code)

        with self.open() as stream:

            def take(count: int) -> Any:
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
                    raise unreadable(shown(self.name), error) from None
                return _as_brain(data, self.label) if is_brain else self._native(data)

            yield take

    def _native(self, data: Any) -> Any:
        """Elements in this machine's byte order. Raises DataError for those beyond int64."""
        data = data.astype(data.dtype.newbyteorder("="), copy=False)
        check_range(data, shown(self.name), self.label)
        return data

    def _too_short(self) -> DataError:
        message = f"{shown(self.name)}: the file ends before its data: it shrank, or is damaged"
        return DataError("truncated", message, (self.label,))


def check_range(array: Any, name: str, label: Label) -> None:
    """Raise DataError for whole numbers that int64, which they are computed as, does not have."""
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and (array >> 63).any():
        message = f"{name}: holds whole numbers beyond 2**63, which int64 does not have"
        raise DataError("file-dtype", message, (label,), help="save it as float64")


def import_numpy(label: Label | None) -> Any:
    """numpy, or a BackendError that says how to get it."""
    try:
        import numpy
    except ImportError:
        raise missing_package("numpy", "arrays in files need", label) from None
    return numpy


def missing_package(name: str, what: str, label: Label | None) -> BackendError:
    """The error for an optional package that is not there."""
    extra = "torch" if name == "torch" else "data"
    return BackendError(
        "package-missing",
        f"{what} the package {name}, which is not installed",
        () if label is None else (label,),
        help=f"install it with: pip install {name}, or all of 'graphcalc[{extra}]'",
    )


def _as_brain(data: Any, label: Label) -> Any:
    """Sixteen bits as torch's bfloat16."""
    try:
        import torch
    except ImportError:
        raise missing_package("torch", "bfloat16 needs", label) from None
    return torch.from_numpy(data.view("int16")).view(torch.bfloat16)


# .npy and .npz


def read_npy(path: str, label: Label, field: str | None = None) -> FileArray:
    """The array of a .npy file."""
    try:
        size = os.stat(path).st_size
        with open(path, "rb") as stream:
            found = _npy(stream, shown(path), label, size, field)
            start = stream.tell()
    except OSError as error:
        raise unreadable(shown(path), error) from None
    return _opened(found, path, start)


def _opened(found: FileArray, path: str, start: int) -> FileArray:
    def open_at() -> BinaryIO:
        try:
            stream = open(path, "rb", buffering=0)  # noqa: SIM115
            stream.seek(start)
        except OSError as error:
            raise unreadable(shown(path), error) from None
        return stream

    found.open = open_at
    return found


def _npy(stream: Any, name: str, label: Label, size: int, field: str | None) -> FileArray:
    """What the header at the beginning of a stream of so many bytes says."""
    numpy = import_numpy(label)
    magic = stream.read(6)
    if magic != _NPY:
        raise _other_content(name, magic, ".npy", label)
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
        raise _damaged(name, f"the header is no .npy header{why}", label) from None
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
        raise _damaged(name, f"shape {shape} in the header", label)
    check_size(name, math.prod(shape) * dtype.itemsize, size - stream.tell(), label)
    order = "F" if is_fortran and len(shape) > 1 else "C"
    return FileArray(name, shape, Kind(dtype.name), dtype.str, lambda: None, label, order)


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


def _damaged(name: str, what: str, label: Label) -> DataError:
    return DataError("damaged", f"{name}: {what}", (label,))


def _other_content(name: str, magic: bytes, expected: str, label: Label) -> DataError:
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
            raise unreadable(shown(path), error) from None
        try:
            with open(path, "rb") as stream:
                magic = stream.read(6)
        except OSError as problem:
            raise unreadable(shown(path), problem) from None
        if magic[:2] == b"PK":
            raise _damaged(shown(path), "the zip archive is damaged", label) from None
        raise _other_content(shown(path), magic, ".npz", label) from None
    found: dict[str, Callable[[], FileArray]] = {}
    for info in archive.infolist():
        found[info.filename.removesuffix(".npy")] = _member(archive, info, path, label)
    return found


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, label: Label
) -> Callable[[], FileArray]:
    name = f"{shown(path)}:{info.filename.removesuffix('.npy')}"

    def look() -> FileArray:
        try:
            with archive.open(info) as stream:
                found = _npy(stream, name, label, info.file_size, None)
                start = stream.tell()
        except GraphcalcError:
            raise
        except Exception as error:  # of the file, of zip, and of zlib
            raise unreadable(name, error) from None

        def open_at() -> Any:
            stream = archive.open(info)
            stream.read(start)
            return stream

        found.open = open_at
        return found

    return look


# .safetensors


def read_safetensors(path: str, label: Label) -> dict[str, Callable[[], FileArray]]:
    """The tensors of a .safetensors file, by name.

    The format: the length of a JSON header as eight bytes, the header with dtype, shape and
    offsets of each tensor, then their bytes without gaps
    (github.com/huggingface/safetensors, README).
    """
    name = shown(path)
    try:
        size = os.stat(path).st_size
        with open(path, "rb") as stream:
            head = stream.read(8)
            if not head:
                raise _other_content(name, b"", ".safetensors", label)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
            if length > min(size - 8, _LONGEST_INDEX):
                raise _damaged(name, "the content is not .safetensors, or it is cut short", label)
            text = stream.read(length)
    except OSError as error:
        raise unreadable(name, error) from None
    entries = _index(text, name, label)
    end = 0
    found = {}
    for key, (kind, shape, begin, stop) in sorted(entries.items(), key=lambda e: e[1][2:]):
        if begin != end:
            raise _damaged(name, f"the data of `{brief(key)}` overlaps, or leaves a gap", label)
        end = stop
        itemsize = {"bfloat16": 2, "bool": 1}.get(kind) or int(kind.lstrip("floatuin")) // 8
        if math.prod(shape) * itemsize != stop - begin:
            raise _damaged(name, f"`{brief(key)}` has not the bytes that its shape needs", label)
        code = {"bool": "|b1", "bfloat16": "<u2"}.get(kind, f"<{kind[0]}{itemsize}")
        array = FileArray(f"{name}:{key}", shape, Kind(kind), code, lambda: None, label)
        found[key] = _lazy(array, path, 8 + length + begin)
    check_size(name, end, size - 8 - length, label)
    return {key: found[key] for key in entries}


def _lazy(array: FileArray, path: str, start: int) -> Callable[[], FileArray]:
    return lambda: _opened(array, path, start)


def _index(
    text: bytes, name: str, label: Label
) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    """The entries of the header: dtype, shape, and offsets."""
    try:
        index: Any = DECODER.decode(text.decode())
        found = {}
        for key, entry in index.items():
            if key == "__metadata__":
                continue
            kind, shape = entry["dtype"], entry["shape"]
            begin, stop = entry["data_offsets"]
            sizes = (*shape, begin, stop)
            is_shape = type(shape) is list and len(shape) <= MAX_DIMENSIONS
            if not is_shape or not all(type(n) is int and 0 <= n < 1 << 63 for n in sizes):
                raise ValueError
            if kind not in _SAFETENSORS:
                what = f"`{brief(key)}` has dtype {brief(str(kind))}, which is not supported"
                raise DataError("file-dtype", f"{name}: {what}", (label,))
            found[key] = (_SAFETENSORS[kind], tuple(shape), begin, stop)
        return found
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _damaged(name, "the header is not that of .safetensors", label) from None


# .pt


def read_pt(path: str, label: Label, limit: int) -> dict[str, Callable[[], Any]]:
    """The tensors of a .pt file, by name, `` for one that stands alone.

    Only torch's loader of weights is used, of a version (2.10) that refuses all else.
    """
    name = shown(path)
    try:
        import torch
    except ImportError:
        raise missing_package("torch", ".pt files need", label) from None
    version = tuple(int(x) for x in torch.__version__.split("+")[0].split(".")[:2])
    if version < (2, 10):
        raise BackendError(
            "package-old",
            f".pt files need torch 2.10 or newer, and this is {torch.__version__}",
            (label,),
            note="older versions can be made to run programs by a file",
        )
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            declared = sum(info.file_size for info in archive.infolist())
    except OSError as error:
        raise unreadable(name, error) from None
    except Exception:  # of zip, which has many
        raise DataError(
            "other-content",
            f"{name}: the content is not a zip archive, as torch writes",
            (label,),
            note="pickles are never loaded",
        ) from None
    check_memory(name, declared, limit, label)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        raise DataError(
            "pickle",
            f"{name}: holds more than tensors, or is damaged",
            (label,),
            note="only tensors are loaded: anything else could run a program",
        ) from None
    return {key: _given(_usable(value, key, name, label)) for key, value in _tensors(content)}


def _usable(value: Any, key: str, name: str, label: Label) -> Any:
    """A tensor that can be computed with; DataError for one of another layout, or without data."""
    if not hasattr(value, "detach"):
        return value
    is_dense = str(value.layout) == "torch.strided" and not value.is_nested
    if not is_dense or value.is_quantized or value.device.type == "meta":
        message = f"{name}: `{brief(key)}` is no dense tensor of numbers"
        raise DataError("file-dtype", message, (label,))
    return value.detach()


def _given(value: Any) -> Callable[[], Any]:
    return lambda: value


def _tensors(content: Any) -> Iterator[tuple[str, Any]]:
    """The tensors and numbers of nested dictionaries and lists, with their keys joined by dots."""
    pending: list[tuple[str, Any]] = [("", content)]
    # What is in itself, or in many places, is looked at once.
    seen: set[int] = set()
    while pending:
        key, value = pending.pop()
        if isinstance(value, (bool, int, float)) or hasattr(value, "detach"):
            yield key, value
        elif isinstance(value, (dict, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            items = value.items() if isinstance(value, dict) else enumerate(value)
            prefix = f"{key}." if key else ""
            pending += reversed([(f"{prefix}{k}", v) for k, v in items])


def check_memory(name: str, needs: int, limit: int, label: Label) -> None:
    """Raise LimitError for what would not fit."""
    from graphcalc.diagnostics import LimitError
    from graphcalc.graph.ir import show_bytes

    if needs > limit:
        raise LimitError(
            "memory",
            f"{name} needs {show_bytes(needs)}, and the limit is {show_bytes(limit)}",
            (label,),
            help="raise it with --max-memory",
        )
