"""Values to files, in the format that the file's name tells."""

from __future__ import annotations

import io
import json
import math
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from graphcalc.data.arrays import Value
from graphcalc.data.elements import elements
from graphcalc.data.loading import file_format
from graphcalc.data.tensors import SAFETENSORS_NAMES
from graphcalc.data.text_results import (
    bindings_text,
    check_columns,
    delimited_text,
    json_lines_text,
    json_text,
)
from graphcalc.diagnostics import OutputError, UsageError, brief
from graphcalc.files.atomic import whole_file
from graphcalc.files.streams import display_path
from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.ops.spec import ITEM_BYTES
from graphcalc.packages import load_package
from graphcalc.syntax.columns import header_of
from graphcalc.tables.polars_calls import load_polars
from graphcalc.tables.sinks import FrameSink

FORMATS = (
    *("npy", "npz", "safetensors", "parquet", "arrow", "csv", "tsv", "jsonl", "json", "txt", "gc"),
)


# Rows of Parquet and Arrow that are written at once.
_ROWS = 1 << 17


class SaveTarget(NamedTuple):
    """Where to save: a file, its format, and the node to save, None for all that are asked for."""

    path: str
    format: str
    name: str | None


def parse_target(text: str) -> SaveTarget:
    """`FILE` or `NAME=FILE`. Raises UsageError for a name that tells no format."""
    name, equals, path = text.partition("=")
    if equals and not header_of(name).isidentifier():
        if "/" not in name and not os.path.isabs(name):
            raise UsageError(
                "save-name",
                f"`{brief(name)}` is no name of a node" if name else "there is no name before `=`",
                help=f"to save in a file of the name `{brief(text)}`, write ./{brief(text)}",
            )
        equals = ""
    if not equals:
        name, path = "", text
    format = "gc" if path.endswith(".gc") else file_format(path)
    if format not in FORMATS:
        raise UsageError(
            "save-format",
            f"`{brief(path)}` does not tell a format to save in",
            help=f"end it in one of .{', .'.join(FORMATS)}",
        )
    return SaveTarget(path, format, name or None)


def save(target: SaveTarget, values: Mapping[str, Value]) -> None:
    """Write values, by name, into a file, all of it or none.

    Raises OutputError where it cannot be written, UsageError where the format does not hold them.
    """
    if target.format in ("npy", "txt"):
        _check_single(target, len(values))
    # What the format cannot hold is known before a file is begun.
    write = _WRITERS[target.format](values, target)
    with whole_file(target.path) as file:
        write(file)


def _check_single(target: SaveTarget, count: int) -> None:
    if count != 1:
        path = display_path(target.path)
        raise UsageError(
            "save-several",
            f"{path} holds one value, and there are {count}",
            help=f"choose one, --save NAME={path}, or write .npz or .safetensors",
        )


class ArrayWriter:
    """Arrays of known shapes that come in parts: a .npy or .safetensors file, all or nothing.

    `entries` are dtypes and shapes by name.
    """

    def __init__(
        self, target: SaveTarget, entries: Mapping[str, tuple[str, tuple[int, ...]]]
    ) -> None:
        if target.format == "npy":
            _check_single(target, len(entries))
        self._target, self._entries = target, entries
        self._starts: dict[str, int] = {}
        self._whole = whole_file(target.path)

    def __enter__(self) -> ArrayWriter:
        head = _npy_head if self._target.format == "npy" else _safetensors_head
        data, starts = head(self._entries)
        self._file = self._whole.__enter__()
        try:
            self._write(0, data)
        except OutputError as error:
            self._whole.__exit__(type(error), error, None)
            raise
        self._starts = {name: len(data) + start for name, start in starts.items()}
        return self

    def put(self, name: str, place: int, values: Value) -> None:
        """The elements of an array from a place on."""
        array = _array(_as_bits(values), self._target)
        self._write(self._starts[name] + place * array.itemsize, _bytes(array))

    def _write(self, place: int, data: Value) -> None:
        # Of several files that are written side by side the error names the right one.
        try:
            self._file.seek(place)
            self._file.write(data)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError("output", f"{display_path(self._target.path)}: {reason}") from None

    def __exit__(self, *error: object) -> None:
        self._whole.__exit__(*error)  # type: ignore[arg-type]


def _npy_head(
    entries: Mapping[str, tuple[str, tuple[int, ...]]],
) -> tuple[bytes, dict[str, int]]:
    import numpy

    ((name, (dtype, shape)),) = entries.items()
    if dtype == "bfloat16":
        raise UsageError("save-dtype", ".npy has no bfloat16; .safetensors has")
    out = io.BytesIO()
    head = {"descr": numpy.dtype(dtype).str, "fortran_order": False, "shape": shape}
    numpy.lib.format.write_array_header_1_0(out, head)
    return out.getvalue(), {name: 0}


def _safetensors_head(
    entries: Mapping[str, tuple[str, tuple[int, ...]]],
) -> tuple[bytes, dict[str, int]]:
    """The format that `tensors.read_safetensors` describes."""
    index, starts, end = {}, {}, 0
    for name, (dtype, shape) in entries.items():
        starts[name] = end
        end += math.prod(shape) * ITEM_BYTES[dtype]
        offsets = [starts[name], end]
        code = SAFETENSORS_NAMES[dtype]
        index[name] = {"dtype": code, "shape": list(shape), "data_offsets": offsets}
    head = json.dumps(index, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head, starts


def _as_bits(value: Value) -> Value:
    """torch's bfloat16, which numpy lacks, as the integers of its bits; others as they are."""
    if str(getattr(value, "dtype", "")) != "torch.bfloat16":
        return value
    import torch

    return value.detach().cpu().contiguous().view(torch.int16)


_Write = Callable[[BinaryIO], None]


def _array(value: Value, target: SaveTarget) -> Value:
    """A value as a numpy array."""
    numpy = load_package("numpy", f".{target.format} files need", None)
    if hasattr(value, "detach"):
        if str(value.dtype) == "torch.bfloat16":
            message = f".{target.format} has no bfloat16; .safetensors has"
            raise UsageError("save-dtype", message)
        return value.detach().cpu().numpy()
    if isinstance(value, NDArray):
        return numpy.array(value.data, value.dtype).reshape(value.shape)
    return numpy.array(value)


def _npy(values: Mapping[str, Value], target: SaveTarget) -> _Write:
    ((name, value),) = values.items()
    array = _array(value, target)
    head, _ = _npy_head({name: (array.dtype.name, array.shape)})

    def write(file: BinaryIO) -> None:
        # numpy's own writer has words of its own for a full disk.
        file.write(head)
        file.write(_bytes(array))

    return write


def _bytes(array: Value) -> Any:
    """The elements of a numpy array, as bytes in C order."""
    import numpy

    return numpy.ascontiguousarray(array).reshape(-1).view("uint8").data if array.size else b""


def _npz(values: Mapping[str, Value], target: SaveTarget) -> _Write:
    arrays = {name: _array(value, target) for name, value in values.items()}
    import zipfile

    import numpy

    def write(file: BinaryIO) -> None:
        # numpy.savez takes names as keywords, and `file` is one of its own.
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    numpy.lib.format.write_array(member, array, allow_pickle=False)

    return write


def _safetensors(values: Mapping[str, Value], target: SaveTarget) -> _Write:
    entries: dict[str, tuple[str, tuple[int, ...]]] = {}
    pieces: list[Value] = []
    for name, value in values.items():
        array = _array(_as_bits(value), target)
        array = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
        is_brain = str(getattr(value, "dtype", "")) == "torch.bfloat16"
        entries[name] = ("bfloat16" if is_brain else array.dtype.name, array.shape)
        pieces.append(array)
    head, _ = _safetensors_head(entries)

    def write(file: BinaryIO) -> None:
        file.write(head)
        for array in pieces:
            file.write(_bytes(array))

    return write


def _written(texts: Iterator[str]) -> _Write:
    """What writes texts one after the other."""

    def write(file: BinaryIO) -> None:
        for text in texts:
            file.write(text.encode())

    return write


def _text(values: Mapping[str, Value], target: SaveTarget) -> _Write:
    return _written(delimited_text(values, target.format))


def _jsonl(values: Mapping[str, Value], target: SaveTarget) -> _Write:
    return _written(json_lines_text(values, display_path(target.path)))


def _json(values: Mapping[str, Value], target: SaveTarget) -> _Write:
    is_bare, path = target.name is not None, display_path(target.path)
    return _written(json_text(values, is_bare=is_bare, path=path))


def _bindings(values: Mapping[str, Value], target: SaveTarget) -> _Write:
    return _written(bindings_text(values))


def _frame(values: Mapping[str, Value], target: SaveTarget) -> _Write:
    polars = load_polars(f".{target.format} files need", None)
    check_columns(values)
    frame = polars.DataFrame([_series(polars, name, value) for name, value in values.items()])

    def write(file: BinaryIO) -> None:
        sink = FrameSink(file, target.format)
        for part in frame.iter_slices(_ROWS) if frame.height else [frame]:
            sink.write(part)
        sink.close()

    return write


def _series(polars: Any, name: str, value: Value) -> Any:
    """Return a value as a column of its dtype, which shares the memory of an array."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if value.dtype.itemsize == 2 else value).numpy()
    if hasattr(value, "reshape"):
        return polars.Series(name, value.reshape(-1))
    parts = [polars.Series(name, part) for part in elements(value)]
    return polars.concat(parts) if parts else polars.Series(name, [], dtype=polars.Float64)


_WRITERS: dict[str, Callable[[Mapping[str, Value], SaveTarget], _Write]] = {
    "npy": _npy,
    "npz": _npz,
    "safetensors": _safetensors,
    "parquet": _frame,
    "arrow": _frame,
    "csv": _text,
    "tsv": _text,
    "txt": _text,
    "jsonl": _jsonl,
    "json": _json,
    "gc": _bindings,
}
