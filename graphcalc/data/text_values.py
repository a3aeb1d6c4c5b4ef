"""Values in text without a table: JSON, and numbers between blanks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from graphcalc.data.arrays import Value
from graphcalc.data.inputs import nested_shape
from graphcalc.diagnostics import DataError, Label, LimitError, brief
from graphcalc.files.memory import check_memory
from graphcalc.files.streams import display_path
from graphcalc.ops.kernels.arrays import NDArray
from graphcalc.source import Source, Span
from graphcalc.tables.cells import exact_numbers
from graphcalc.tables.jsonlines import unique

# Members that a JSON object may have.
_MOST_MEMBERS = 1_000_000
# Words that are no JSON: a value that has one is refused, and those beside it are read.
_CONSTANTS = {word: type(word, (), {})() for word in ("NaN", "Infinity", "-Infinity")}
_DECODER = json.JSONDecoder(object_pairs_hook=unique, parse_constant=_CONSTANTS.__getitem__)
# Bytes that a number of JSON takes beside its text: an object and two references to it.
_NUMBER_BYTES = 40


class _JsonObject(Mapping[str, Callable[[], Value]]):
    """The values of a JSON object, by key, or by keys and indices joined with dots."""

    def __init__(self, content: dict[str, Value], name: str, label: Label) -> None:
        self._content, self._name, self._label = content, name, label

    def __getitem__(self, key: str) -> Callable[[], Value]:
        value = self._content[key] if key in self._content else self._within(key)
        return lambda: _checked(value, f"$.{key}", self._name, self._label)

    def _within(self, path: str) -> Value:
        """The value that a path leads to. Raises KeyError where it leads nowhere."""
        found: Value = self._content
        for step in path.split("."):
            if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            elif isinstance(found, dict) and step in found:
                found = found[step]
            else:
                raise KeyError(path)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)


def read_json(text: str, name: str, label: Label, limit: int = 1 << 40) -> Value:
    """A number, nested lists, or an object of these by key."""
    check_memory(name, 2 * len(text) + _NUMBER_BYTES * text.count(","), limit, label)
    try:
        content = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        where = Label(Source(text, display_path(name)), Span(error.pos, error.pos + 1))
        raise DataError("bad-json", message, (where,)) from None
    except (ValueError, RecursionError) as error:
        why = str(error) if type(error) is ValueError else "nested too deeply"
        raise DataError("bad-json", f"{display_path(name)}: {why}", (label,)) from None
    if not isinstance(content, dict):
        return _checked(content, "$", display_path(name), label)
    if len(content) > _MOST_MEMBERS:
        size = f"an object of {len(content):,} members; {_MOST_MEMBERS:,} at most"
        message = f"{display_path(name)}: {size}"
        raise LimitError("members", message, (label,))
    return _JsonObject(content, display_path(name), label)


def _checked(value: Value, path: str, name: str, label: Label) -> Value:
    """A JSON value that is a number or a tensor; DataError with the path of what is neither."""
    if isinstance(value, (bool, int, float)):
        return value
    if not isinstance(value, list):
        kinds = {str: "a string", dict: "an object", type(None): "null"}
        kind = kinds.get(type(value), type(value).__name__)
        message = f"{name}: {path} is {kind}, not a number or a tensor"
        raise DataError("bad-json", message, (label,))
    nested_shape(path, value, lambda why: DataError("bad-json", f"{name}: {why}", (label,)))
    return value


def read_txt(text: str, name: str, label: Label, limit: int = 1 << 40) -> tuple[NDArray, str]:
    """Numbers between blanks: one line or one column is a vector, else each line is a row.

    With them comes the first whole number that is rounded to a float, empty where none is.
    """
    flat: list[float] = []
    height = width = 0
    for number, line in _numbered_lines(text):
        row = _numbers_of(line, display_path(name), number)
        if not row:
            continue
        if height and len(row) != width:
            where = Label(Source(line, display_path(name), number), Span(0, len(line)))
            message = f"the row has {len(row)} numbers, and the first has {width}"
            raise DataError("ragged-row", message, (where,))
        flat += row
        height, width = height + 1, len(row)
        check_memory(name, len(text) + _NUMBER_BYTES * len(flat), limit, label)
    words = (word for _, line in _numbered_lines(text) for word in _words(line))
    found, rounded = exact_numbers(flat, words)
    shape = (len(found),) if height <= 1 or width == 1 else (height, width)
    return NDArray(shape, found), rounded


def _numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers, one at a time."""
    newline = "\n" if "\n" in text else "\r"
    start, number = 0, 1
    while start < len(text):
        end = text.find(newline, start)
        end = len(text) if end < 0 else end
        yield number, text[start:end].removesuffix("\r")
        start, number = end + 1, number + 1


def _words(line: str) -> list[str]:
    """The texts between blanks, up to a comment."""
    return line.partition("#")[0].split()


def _numbers_of(line: str, name: str, number: int) -> list[float]:
    """The numbers of a line. Raises DataError for a text that is none."""
    row = []
    for word in _words(line):
        try:
            if not word.isascii() or "_" in word:
                raise ValueError
            row.append(float(word))
        except ValueError:
            start = line.index(word)
            where = Label(Source(line, name, number), Span(start, start + len(word)))
            message = f"`{brief(word)}` is not a number"
            raise DataError("bad-cell", message, (where,)) from None
    return row
