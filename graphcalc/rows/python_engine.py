"""The standard library's engine: a part of the rows in, lines of output and totals out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graphcalc.graph.text_columns import TextTest
from graphcalc.numbers import exact
from graphcalc.ops.kernels.totals import State
from graphcalc.rows.compiled import Functions, compile_stage
from graphcalc.rows.engine import NON_FINITE_TEXTS, Done, NamedCells, Policy, RecordPlace
from graphcalc.rows.plan import RowPlan, Stage
from graphcalc.rows.records import longest_suspects
from graphcalc.tables.cells import (
    MAX_CELL,
    CellError,
    CellProblem,
    has_long_numbers,
    has_odd_characters,
)
from graphcalc.tables.columns import OutputColumns, RecordFormat, Wanted
from graphcalc.tables.writer import LineWriter

# What a quick pass raises where the row needs a second look.
_ODDITIES = (
    *(ArithmeticError, LookupError, TypeError, ValueError),
    *(CellError, RecursionError, StopIteration),
)
_NON_FINITE = re.compile(r"(?:nan|inf)\0")


@dataclass(eq=False)
class PythonEngine:
    """One pass of a plan over parts of a table."""

    plan: RowPlan
    stage: Stage
    layout: OutputColumns
    policy: Policy
    table: RecordFormat
    writer: LineWriter
    _functions: dict[Any, Functions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The keys of columns, and tests of their text.
        nodes = [self.plan.graph.nodes[p] for p in self.stage.columns]
        self.names: list[str] = [node.params[1] for node in nodes]
        for node, name in zip(nodes, self.names):
            if not isinstance(name, TextTest):
                self.table.read_as(name, node.type.dtype)

    def run(self, part: bytes) -> Done:
        """Return what a part of whole records comes to."""
        line_end = self.table.line_end.encode()
        try:
            text = _decoded(part, line_end[-1:])
        except _RecordError as at:
            return self._up_to(at, _without_last(part[: at.start], self.table))
        records = self.table.records(text)
        if longest_suspects(part, line_end):
            try:
                self._check_lengths(records)
            except _RecordError as at:
                return self._up_to(at, records[: at.place.record])
        done = self.compute(records, text)
        return done._replace(lines=part.count(line_end[-1:]))

    def compute(self, records: list[str], text: str) -> Done:
        """Compute the records of a part."""
        return PartRun(self, records, self.compiled(text)).run()

    def _up_to(self, at: _RecordError, records: list[str]) -> Done:
        """The records before a place where no row can be computed any more."""
        done = self.compute(records, "\n".join(records))
        is_first = done.fault is None or self.policy.on_error != "fail"
        return done._replace(
            failed=done.failed + 1, fault=(at.fault, at.place) if is_first else done.fault
        )

    def named_cells(self, record: str) -> NamedCells:
        """The numbers and texts of a record by the names that the program has for their columns."""
        nodes = self.plan.graph.nodes
        found: NamedCells = {}
        for position, name in zip(self.stage.columns, self.names):
            if isinstance(name, TextTest):
                found |= zip(name.columns, self.table.texts(record, name.keys))
            else:
                numbers = self.table.numbers(record, [name], self.policy.missing)
                found[nodes[position].name or ""] = numbers[0]
        return found

    @property
    def newline(self) -> str:
        """What ends a line of the input."""
        return self.table.line_end[-1:]

    @property
    def no_states(self) -> tuple[State | None, ...]:
        """The states of no rows."""
        return (None,) * len(self.stage.gathered)

    def compiled(self, text: str) -> Functions:
        """The functions for a part: others where there are quotes or odd characters in it."""
        bare = text.replace("\r\n", "\n") if "\r" in text else text
        has_quotes, is_odd = '"' in text, has_odd_characters(bare)
        is_plain = bool(self.writer.places) and self.writer.is_plain(bare)
        is_bare = not has_quotes and "\\" not in text
        is_long = has_long_numbers(text.encode()) or not self.table.is_plain
        key = (has_quotes, is_odd, is_plain, is_bare, is_long)
        if key not in self._functions:
            places, taken = self.writer.places, self.writer.taken
            if not self.stage.has_lines:
                places, taken = (), frozenset()
            reader = self.table.text(Wanted(self.names, places, taken, has_quotes, is_odd, is_long))
            line = self.writer.line(reader.cells, is_plain=is_plain, is_bare=is_bare)
            self._functions[key] = compile_stage(self.plan, self.stage, reader, line)
        return self._functions[key]

    def _check_lengths(self, records: Sequence[str]) -> None:
        for index, record in enumerate(records):
            if len(record) <= MAX_CELL:
                continue
            try:
                cells = self.table.cells(record)
            except CellError as faulty:
                raise _RecordError(faulty.fault, _place(records, index, self.newline)) from None
            start = 0
            for cell in cells:
                length = len(cell or "")
                if length > MAX_CELL:
                    message = (
                        f"the cell has {length:,} characters, and a cell has at most {MAX_CELL:,}"
                    )
                    raise _RecordError(
                        CellProblem("cell-length", message, start, start + 1),
                        _place(records, index, self.newline),
                    )
                start += length + 1


class _RecordError(Exception):
    """A fault and its place; `start` is where its line begins in the bytes of the part."""

    def __init__(self, fault: CellProblem, place: RecordPlace, start: int = 0) -> None:
        super().__init__(fault.message)
        self.fault, self.place, self.start = fault, place, start


def _without_last(part: bytes, table: RecordFormat) -> list[str]:
    """The records of the lines before a bad byte; the last one may go on behind it."""
    records = table.records(part.decode())
    return records[:-1] if records and records[-1].count('"') % 2 else records


def _place(records: Sequence[str], index: int, newline: str) -> RecordPlace:
    """Where a record stands."""
    before = sum(record.count(newline) + 1 for record in records[:index])
    return RecordPlace(index, before, records[index])


def _decoded(part: bytes, newline: bytes) -> str:
    """Return the text of a part. Raises _RecordError for bytes that are not valid UTF-8."""
    try:
        text, error = part.decode(), None
    except UnicodeDecodeError as found:
        text, error = "", found
    place = part.find(b"\0")
    if place >= 0 and (error is None or place < error.start):
        what = "a NUL byte"
        if part[1::2].count(b"\0") * 3 > len(part) or part[::2].count(b"\0") * 3 > len(part):
            what += "; this looks like UTF-16: --encoding utf-16"
        raise _bad_byte(part, place, newline, what)
    if error is not None:
        what = f"not UTF-8 (byte 0x{part[error.start]:02x})"
        raise _bad_byte(part, error.start, newline, what, "--encoding latin-1, say")
    return text


def _bad_byte(part: bytes, place: int, newline: bytes, what: str, help: str = "") -> _RecordError:
    before = part[:place]
    start = before.rfind(newline) + 1
    end = part.find(newline, place)
    line = part[start : end if end >= 0 else len(part)].decode("utf-8", "backslashreplace")
    column = len(before[start:].decode("utf-8", "backslashreplace"))
    place_of = RecordPlace(0, before.count(newline), line)
    return _RecordError(CellProblem("encoding", what, column, column + 1, help), place_of, start)


class PartRun:
    """The records of one part on their way."""

    def __init__(self, engine: PythonEngine, records: list[str], functions: Functions) -> None:
        self.engine, self.records, self.functions = engine, records, functions
        self.lines: list[str] = []
        # For every line the record that it is of, as soon as some have none.
        self.skipped: list[int] = []
        # Records that were looked at one by one.
        self.looked_at: set[int] = set()
        self.failed = self.lost = self.blank = 0
        self.fault: tuple[CellProblem, RecordPlace] | None = None
        self.odd = 0
        self.first_odd: RecordPlace | None = None

    def run(self) -> Done:
        """Compute them all, or up to one that fails."""
        self.read()
        return self.done()

    def read(self) -> None:
        """Compute them without putting anything together."""
        for gathered in self.functions.gathered:
            gathered.clear()
        rest = iter(self.records)
        while True:
            try:
                self.functions.quick(rest, self.lines.append)
                return
            except _ODDITIES:
                if not self._second_look(len(self.lines) + len(self.skipped)):
                    return

    def _second_look(self, index: int) -> bool:
        """Compute one record with care; whether to go on."""
        engine, policy = self.engine, self.engine.policy
        record = self.records[index]
        self.looked_at.add(index)
        if engine.table.is_blank(record):
            self.skipped.append(index)
            # JSON lines may have blank ones.
            self.blank += engine.table.format != "jsonl"
            return True
        try:
            numbers = engine.table.numbers(record, engine.names, policy.missing)
            gathered, outputs = self.functions.total(*numbers)
            texts = [exact(value) for value in outputs]
            line = engine.writer.compose(record, texts) if engine.stage.has_lines else ""
        except CellError as faulty:
            return self.fail(index, faulty.fault)
        for values, value in zip(self.functions.gathered, gathered):
            values.append(value)
        is_odd = any(t in NON_FINITE_TEXTS for t in texts)
        if is_odd and policy.is_strict:
            return self.refuse(index, texts)
        if is_odd and self._is_finite(numbers):
            self.note(index)
        self.lines.append(line)
        return True

    def fail(self, index: int, fault: CellProblem) -> bool:
        """Do what is to be done with a record that fails; whether to go on."""
        engine, on_error = self.engine, self.engine.policy.on_error
        self.failed += 1
        if self.fault is None or index < self.fault[1].record:
            self.fault = fault, _place(self.records, index, self.engine.newline)
        if on_error == "fail":
            return False
        if on_error == "null" and engine.stage.has_lines:
            self.leave_empty(index)
        else:
            self.skipped.append(index)
            self.lost += 1
        return True

    def leave_empty(self, index: int) -> None:
        """A line without results; none where not even the cells of a record can be told."""
        engine = self.engine
        nothing = [""] * len(engine.stage.outputs)
        try:
            engine.table.check(self.records[index])
            self.lines.append(engine.writer.compose(self.records[index], nothing))
        except CellError:
            self.skipped.append(index)
            self.lost += 1

    def refuse(self, index: int, texts: Sequence[str]) -> bool:
        """Fail a row with a result that is not finite; whether to go on."""
        place = next(i for i, t in enumerate(texts) if t in NON_FINITE_TEXTS)
        layout = self.engine.layout
        name = next((n for n, p in zip(layout.names, layout.places) if p == -1 - place), "")
        return self.fail(index, CellProblem("non-finite", f"`{name}` is {texts[place]}", 0, 0))

    def _is_finite(self, numbers: Sequence[float]) -> bool:
        return all(number - number == 0 for number in numbers)

    def note(self, index: int) -> None:
        """Remember a row with a result that is not finite."""
        self.odd += 1
        if self.first_odd is None or index < self.first_odd.record:
            self.first_odd = _place(self.records, index, self.engine.newline)

    def _find_odd(self) -> None:
        """Look at lines of the quick pass that have a result that is not finite."""
        engine = self.engine
        kept = [True] * len(self.lines)
        skipped = set(self.skipped)
        indices = (i for i in range(len(self.records)) if i not in skipped)
        for place, (index, line) in enumerate(zip(indices, list(self.lines))):
            if index in self.looked_at or _NON_FINITE.search(line) is None:
                continue
            record = self.records[index]
            numbers = engine.table.numbers(record, engine.names, engine.policy.missing)
            if engine.policy.is_strict:
                texts = [exact(v) for v in self.functions.total(*numbers)[1]]
                before = len(self.lines)
                is_going = self.refuse(index, texts)
                if len(self.lines) > before:
                    self.lines[place] = self.lines.pop()
                else:
                    kept[place] = False
                if not is_going:
                    kept[place:] = [False] * (len(kept) - place)
                    break
            elif self._is_finite(numbers):
                self.note(index)
        if not all(kept):
            self.lines = [line for line, is_kept in zip(self.lines, kept) if is_kept]

    def done(self) -> Done:
        """What the records came to."""
        engine = self.engine
        states = []
        place = 0
        for gathered in engine.stage.gathered:
            values = self.functions.gathered[place : place + len(gathered.operands)]
            states.append(gathered.total.start(*values) if values[0] else None)
            place += len(gathered.operands)
        data = b""
        if engine.stage.has_lines and self.lines:
            line_end = engine.writer.line_end
            text = line_end.join([*self.lines, ""])
            if "nan\0" in text or "inf\0" in text:
                self._find_odd()
                text = line_end.join([*self.lines, ""]) if self.lines else ""
            data = engine.writer.finish(text).encode()
        rows = len(self.lines)
        odd, first = self.odd, self.first_odd
        watch = self.functions.watch
        rounded = (watch.first if watch is not None else "") or engine.table.rounded
        counts = 0, self.lost, self.blank, rounded
        return Done(data, rows, self.failed, self.fault, odd, first, tuple(states), *counts)
