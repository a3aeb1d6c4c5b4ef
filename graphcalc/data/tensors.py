"""Tensors of networks in files: .safetensors, and .pt by torch's loader of weights."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from graphcalc.data.arrays import (
    FileArray,
    Kind,
    Value,
    check_size,
    damaged,
    opened,
    other_content,
    repeated,
)
from graphcalc.diagnostics import BackendError, DataError, Label, brief
from graphcalc.files.memory import check_memory
from graphcalc.files.streams import display_path, unreadable
from graphcalc.graph.builder import MAX_DIMENSIONS
from graphcalc.packages import load_package
from graphcalc.tables.jsonlines import DECODER

_MEMBERS = ("dtype", "shape", "data_offsets")
# An index that is longer is none.
_LONGEST_INDEX = 100 << 20
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
# Numbers of eight bits, which torch has and no kernel computes with.
_EIGHT_BITS = {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}


def read_safetensors(path: str, label: Label) -> dict[str, Callable[[], FileArray]]:
    """The tensors of a .safetensors file, by name.

    The format: the length of a JSON header as eight bytes, the header with dtype, shape and
    offsets of each tensor, then their bytes without gaps
    (github.com/huggingface/safetensors, README).
    """
    name = display_path(path)
    try:
        size = os.stat(path).st_size
        with open(path, "rb") as stream:
            head = stream.read(8)
            if not head:
                raise other_content(name, b"", ".safetensors", label)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
            if length > min(size - 8, _LONGEST_INDEX):
                raise damaged(name, "the content is not .safetensors, or it is cut short", label)
            text = stream.read(length)
    except OSError as error:
        raise unreadable(name, error) from None
    entries = _index(text, name, label)
    end = 0
    found = {}
    for key, (kind, shape, begin, stop) in sorted(entries.items(), key=lambda e: e[1][2:]):
        if begin != end:
            raise damaged(name, f"the data of `{brief(key)}` overlaps, or leaves a gap", label)
        end = stop
        array = _tensor(f"{name}:{key}", kind, shape, label)
        if array is None:
            found[key] = _refused(name, key, kind, label)
            continue
        if array.numel * array.itemsize != stop - begin:
            raise damaged(name, f"`{brief(key)}` has not the bytes that its shape needs", label)
        found[key] = _lazy(array, path, 8 + length + begin)
    check_size(name, end, size - 8 - length, label)
    return {key: found[key] for key in entries}


def _tensor(name: str, kind: str, shape: tuple[int, ...], label: Label) -> FileArray | None:
    """The tensor of a dtype of the format; None for a dtype that is not supported."""
    if kind in _EIGHT_BITS:
        float32 = Kind("float32")
        return FileArray(name, shape, float32, "|u1", lambda: None, label, "C", _EIGHT_BITS[kind])
    dtype = _SAFETENSORS.get(kind)
    if dtype is None:
        return None
    if dtype == "bfloat16":
        return FileArray(name, shape, Kind(dtype), "<u2", lambda: None, label, "C", dtype)
    itemsize = 1 if dtype == "bool" else int(dtype.lstrip("floatuin")) // 8
    code = "|b1" if dtype == "bool" else f"<{dtype[0]}{itemsize}"
    return FileArray(name, shape, Kind(dtype), code, lambda: None, label)


def _refused(name: str, key: str, kind: str, label: Label) -> Callable[[], FileArray]:
    """What raises DataError for a tensor of a dtype that is not supported."""

    def refuse() -> FileArray:
        what = f"`{brief(key)}` has dtype {brief(kind)}, which is not supported"
        raise DataError("file-dtype", f"{name}: {what}", (label,))

    return refuse


def _lazy(array: FileArray, path: str, start: int) -> Callable[[], FileArray]:
    return lambda: opened(array, path, start)


def _index(
    text: bytes, name: str, label: Label
) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    """The entries of the header: dtype, shape, and offsets."""
    try:
        if text[:1] != b"{" or text.rstrip(b" ")[-1:] != b"}":
            raise ValueError
        index: Any = DECODER.decode(text.decode())
        metadata = index.pop("__metadata__", {})
        if type(metadata) is not dict or not all(type(x) is str for x in metadata.values()):
            raise ValueError
        found = {}
        for key, entry in index.items():
            if len(entry) != len(_MEMBERS) or type(entry["dtype"]) is not str:
                raise ValueError
            kind, shape = entry["dtype"], entry["shape"]
            begin, stop = entry["data_offsets"]
            sizes = (*shape, begin, stop)
            is_shape = type(shape) is list and len(shape) <= MAX_DIMENSIONS
            if not is_shape or not all(type(n) is int and 0 <= n < 1 << 63 for n in sizes):
                raise ValueError
            found[key] = (kind, tuple(shape), begin, stop)
        return found
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise damaged(name, "the header is not that of .safetensors", label) from None


# .pt


def read_pt(path: str, label: Label, limit: int) -> dict[str, Callable[[], Value]]:
    """Return the tensors of a .pt file, by name, `` for one that stands alone.

    Only torch's loader of weights is used, of a version (2.10) that refuses all else.
    """
    name = display_path(path)
    _check_torch(label)
    check_memory(name, _unpacked_size(path, label), limit, label)
    import torch

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
    found: dict[str, Callable[[], Value]] = {}
    for key, value in _tensors(content):
        if key in found:
            raise repeated(name, key, label)
        found[key] = _given(_usable(value, key, name, label))
    return found


def _check_torch(label: Label) -> None:
    """Raise BackendError where torch is missing, or its loader is not safe."""
    torch = load_package("torch", ".pt files need", label)
    version = tuple(int(x) for x in torch.__version__.split("+")[0].split(".")[:2])
    if version < (2, 10):
        raise BackendError(
            "package-old",
            f".pt files need torch 2.10 or newer, and this is {torch.__version__}",
            (label,),
            note="older versions can be made to run programs by a file",
        )


def _unpacked_size(path: str, label: Label) -> int:
    """Return the bytes that a zip archive says it unpacks to."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return sum(info.file_size for info in archive.infolist())
    except OSError as error:
        raise unreadable(display_path(path), error) from None
    except Exception:  # of zip, which has many
        raise DataError(
            "other-content",
            f"{display_path(path)}: the content is not a zip archive, as torch writes",
            (label,),
            note="pickles are never loaded",
        ) from None


def _usable(value: Value, key: str, name: str, label: Label) -> Value:
    """A tensor that can be computed with; DataError for one of another layout, or without data."""
    if not hasattr(value, "detach"):
        return value
    is_dense = str(value.layout) == "torch.strided" and not value.is_nested
    if not is_dense or value.is_quantized or value.device.type == "meta":
        message = f"{name}: `{brief(key)}` is no dense tensor of numbers"
        raise DataError("file-dtype", message, (label,))
    if str(value.dtype).startswith("torch.float8"):
        return value.detach().float()  # no kernel computes with numbers of eight bits
    return value.detach()


def _given(value: Value) -> Callable[[], Value]:
    return lambda: value


def _tensors(content: Value) -> Iterator[tuple[str, Value]]:
    """The tensors and numbers of nested dictionaries and lists, with their keys joined by dots."""
    pending: list[tuple[str, Value]] = [("", content)]
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
