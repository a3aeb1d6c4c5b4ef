"""What `@FILE:KEY` and `--inputs FILE` stand for: values by name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphcalc.data import arrays, tensors
from graphcalc.data.arrays import Value
from graphcalc.data.references import Reference, near_names
from graphcalc.data.text_values import read_json, read_txt
from graphcalc.diagnostics import BindingError, DataError, Label, brief, did_you_mean
from graphcalc.files.memory import check_memory
from graphcalc.files.streams import as_file, display_path, is_packed, open_bytes, unpacked_name
from graphcalc.graph.names import makes_modules, names_read
from graphcalc.source import Source, Span
from graphcalc.syntax.columns import name_of
from graphcalc.syntax.program import SyntaxTree
from graphcalc.tables import reading
from graphcalc.tables.frames import FrameTable
from graphcalc.tables.polars_calls import is_polars_usable
from graphcalc.tables.reading import TextOptions, delimiter_hint, names_listed, read_text
from graphcalc.tables.text_table import BigTextTable, TextTable

# What a file's name may end with, besides those of tables.
_ENDINGS = {
    ".npy": "npy",
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".pt": "pt",
    ".pth": "pt",
    ".bin": "pt",
    ".ckpt": "pt",
    ".json": "json",
    ".txt": "txt",
    ".dat": "txt",
}
FORMATS = (*dict.fromkeys(_ENDINGS.values()), *reading.FORMATS)
_KEYED = ("npz", "safetensors", "pt")
# Bytes of text from which polars pays for its import.
_LARGE = 8 << 20


class LoadedValue(NamedTuple):
    """A value from a file: where it was asked for, and how.

    `rounded` is the first whole number of it that was rounded to a float, empty where none was.
    One that `is_spare` a program may do without.
    """

    value: Value
    label: Label
    written: str
    rounded: str = ""
    is_spare: bool = False


def file_format(path: str) -> str | None:
    """The format that a file's name tells, None where it tells none."""
    name = unpacked_name(path)
    found = next((f for ending, f in _ENDINGS.items() if name.endswith(ending)), None)
    return found or reading.format_of(path)


@dataclass(eq=False)
class Loader:
    """Files that are read once, however many values are asked of them.

    `format` is that of standard input, and of files whose names tell none; `limit` is in bytes.
    """

    text: TextOptions = TextOptions()
    format: str | None = None
    limit: int = 1 << 40
    _opened: dict[str, Value] = field(default_factory=dict)
    _rounded: dict[str, str] = field(default_factory=dict)

    def load(self, reference: Reference) -> LoadedValue:
        """The value that a reference means."""
        path, key, label, written = reference
        content = self._content(reference)
        if not isinstance(content, Mapping):
            if key is not None:
                raise _no_key(display_path(path), key, label)
            return LoadedValue(content, label, written, self._rounded.get(path, ""))
        if key is None:
            value = self._only(content, reference)
            return LoadedValue(value, label, written, _rounded(content))
        read = content.find(key) if isinstance(content, _Columns) else content.get(key)
        if read is None:
            raise _unknown_key(display_path(path), key, list(content), label)
        return LoadedValue(read(), label, written, _rounded(content))

    def load_all(self, reference: Reference, wanted: Iterable[str]) -> dict[str, LoadedValue]:
        """The values of a file that a program has names for, by these names."""
        content = self._content(reference)
        if not isinstance(content, Mapping):
            raise BindingError(
                "inputs-file",
                f"{display_path(reference.path)} holds one value and no names",
                (reference.label,),
                help=f"bind it to one: NAME=@{display_path(reference.path)}",
            )
        wanted = set(wanted)
        found = {name_of(key): key for key in content if key and name_of(key) in wanted}
        path, label = display_path(reference.path), reference.label
        return {
            name: LoadedValue(content[key](), label, f"@{path}:{key}", _rounded(content))
            for name, key in found.items()
        }

    def load_parameters(
        self, reference: Reference, taken: Collection[str]
    ) -> dict[str, LoadedValue]:
        """The tensors of a file that may be parameters of modules, by their keys."""
        content = self._content(reference)
        if not isinstance(content, Mapping) or isinstance(content, _Columns):
            return {}
        path, label = display_path(reference.path), reference.label
        return {
            key: LoadedValue(content[key](), label, f"@{path}:{key}", "", True)
            for key in content
            if key and key not in taken
        }

    def names(self) -> list[str]:
        """The names that files which were opened have for values."""
        reading = (c for c in self._opened.values() if isinstance(c, Mapping))
        return [name_of(key) for content in reading for key in content]

    def _only(self, content: Mapping[str, Callable[[], Value]], reference: Reference) -> Value:
        path, label = display_path(reference.path), reference.label
        if isinstance(content, _Columns) and content.matrix is not None:
            return content.matrix()
        if list(content) == [""] or len(content) == 1:
            return next(iter(content.values()))()
        if not content:
            raise DataError("empty-file", f"{path}: there is nothing in it", (label,))
        raise BindingError(
            "which-key",
            f"{path} holds {names_listed(list(content))}",
            (label,),
            help=f"choose one: @{path}:{brief(next(iter(content)))}",
        )

    def _content(self, reference: Reference) -> Value:
        """What is in a file: one value, or functions that give a value by key."""
        path, label = reference.path, reference.label
        if path not in self._opened:
            try:
                self._opened[path] = self._open(path, label)
            except (DataError, BindingError) as error:
                raise _with_label(error, label, path) from None
        return self._opened[path]

    def _open(self, path: str, label: Label) -> Value:
        format = file_format(path) or self.format
        if path == "-":
            format = self.format
        if format is None:
            listed = ", ".join(FORMATS)
            if path == "-":
                hint = f"say what standard input is: --input-format {'|'.join(reading.FORMATS[:3])}"
                raise BindingError(
                    "input-format", "standard input has no name", (label,), help=hint
                )
            open_bytes(path)[0].close()
            raise BindingError(
                "input-format",
                f"the name of {display_path(path)} does not tell its format",
                (label,),
                note=f"formats are {listed}",
                help="say which: --input-format csv",
            )
        if format in ("npy", *_KEYED):
            return self._open_arrays(path, format, label)
        if format in ("json", "txt"):
            text = read_text(path, self.text, self.limit, label)
            name = display_path(path)
            if format == "json":
                return read_json(text, name, label, self.limit)
            value, self._rounded[path] = read_txt(text, name, label, self.limit)
            return value
        table = open_table(path, format, self.text, self.limit, label)
        return _Columns(table, has_matrix=format != "jsonl")

    def _open_arrays(self, path: str, format: str, label: Label) -> Value:
        def check_size(size: int) -> None:
            check_memory(f"a copy of {display_path(path)}", size, self.limit, label)

        path = as_file(path, check_size)
        if format == "npy":
            return arrays.read_npy(path, label)
        if format == "npz":
            return arrays.read_npz(path, label)
        if format == "pt":
            return tensors.read_pt(path, label, self.limit)
        return tensors.read_safetensors(path, label)


class _Columns(Mapping[str, Callable[[], Value]]):
    """The columns of a table, each read when it is called for."""

    def __init__(self, table: TextTable | BigTextTable | FrameTable, *, has_matrix: bool) -> None:
        self._table, self._counts = table, Counter(table.columns)
        self.matrix: Callable[[], Value] | None = table.matrix if has_matrix else None

    @property
    def rounded(self) -> str:
        """The first whole number that was rounded to a float in what was read last."""
        return self._table.rounded

    def __getitem__(self, key: str) -> Callable[[], Value]:
        if self._counts[key] > 1:
            label = Label(Source(key, self._table.name), Span(0, len(key)))
            message = f"`{brief(key)}` is the name of several columns"
            place = self._table.columns.index(key) + 1
            hint = f"choose one by its place: @{self._table.name}:{place}"
            raise DataError("duplicate-column", message, (label,), help=hint)
        if key not in self._counts:
            raise KeyError(key)
        return lambda: self._table.column(self._table.columns.index(key))

    def find(self, key: str) -> Callable[[], Value] | None:
        """The column of a name, or at a place, from 1; None where there is none.

        Where the first row has numbers alone, it is no header, and a place is meant.
        """
        table, count = self._table, len(self._table.columns)
        is_place = key.isascii() and key.isdigit() and 0 < int(key[:9]) <= count
        is_matrix = is_place and isinstance(table, (TextTable, BigTextTable)) and table.is_matrix
        if key in table.columns and not is_matrix:
            return self[key]
        return (lambda: table.column(int(key) - 1, is_matrix=is_matrix)) if is_place else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)


def _rounded(content: Mapping[str, Callable[[], Value]]) -> str:
    """Return the first whole number that was rounded in what was read last of a file."""
    return content.rounded if isinstance(content, _Columns) else ""


def _no_key(path: str, key: str, label: Label) -> DataError:
    message = f"{path} holds one value: there is no key `{brief(key)}`"
    return DataError("no-key", message, (label,))


def _unknown_key(path: str, key: str, keys: list[str], label: Label) -> DataError:
    return DataError(
        "no-key",
        f"{path} has no `{brief(key)}`",
        (label,),
        note=f"it has {names_listed(keys)}" if keys else "there is nothing in it",
        help=did_you_mean(key, keys) or delimiter_hint(keys),
    )


def _with_label(error: Any, label: Label, path: str) -> Any:
    """An error about a file with the place where it is named, and a hint for a misspelt name."""
    d = error.diagnostic
    is_missing = d.code == "unreadable" and not os.path.exists(path) and not os.path.islink(path)
    hint = d.help or (near_names(path) if is_missing else "")
    return type(error)(d.code, d.message, d.labels or (label,), d.note, hint)


def open_table(
    path: str, format: str, options: TextOptions, limit: int, label: Label
) -> TextTable | BigTextTable | FrameTable:
    """A table, ready to give columns."""
    if format in ("parquet", "arrow"):
        return FrameTable(path, format, options, limit, label)
    if format != "jsonl" and _is_big(path) and options.encoding == "utf-8" and is_polars_usable():
        return BigTextTable(path, format, options, limit, label)
    return TextTable(path, format, read_text(path, options, limit, label), options, limit)


def _is_big(path: str) -> bool:
    """Whether a file is plain text of more than a few megabytes."""
    return os.path.isfile(path) and os.path.getsize(path) >= _LARGE and not is_packed(path)


def load_values(
    references: Mapping[str, Reference],
    reading: Iterable[Reference],
    taken: Iterable[str],
    program: SyntaxTree,
    loader: Loader,
) -> dict[str, LoadedValue]:
    """The values that names are bound to, and those that a program reads of files of many.

    Raises BindingError for a name that is bound twice; `taken` are those that are bound already.
    """
    found = {name: loader.load(reference) for name, reference in references.items()}
    names = names_read(program) if reading else set()
    has_modules = bool(reading) and makes_modules(program)
    known = {*taken, *found}
    for table in reading:
        for name, given in loader.load_all(table, names).items():
            if name in known:
                message = f"`{brief(name)}` is bound twice"
                raise BindingError("bound-twice", message, (given.label,))
            known.add(name)
            found[name] = given
        if has_modules:
            spare = loader.load_parameters(table, known)
            known.update(spare)
            found |= spare
    return found
