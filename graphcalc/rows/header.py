"""The beginning of rows: where the header says what the columns are, and how records end."""

from __future__ import annotations

import codecs

from graphcalc.diagnostics import DataError
from graphcalc.rows.engine import RecordPlace, error_at
from graphcalc.rows.records import Records
from graphcalc.tables.cells import CellError, CellProblem
from graphcalc.tables.columns import RecordFormat
from graphcalc.tables.csv import CsvTable, Dialect, header_of, separator_of
from graphcalc.tables.jsonlines import JsonTable, Member, members, text
from graphcalc.tables.reading import TextOptions

# What text does not begin with, and what does.
_CONTENTS = {
    b"PAR1": ("Parquet", "parquet"),
    b"ARROW1": ("Arrow", "arrow"),
    b"\xff\xff\xff\xff": ("Arrow", "arrow"),
    b"\x93NUMPY": ("a .npy array", ""),
    b"PK\x03\x04": ("a zip archive, as .npz and .xlsx are", ""),
}
# Bytes of records that tell which columns hold text.
_LOOKED_AT = 1 << 16


def read_head(records: Records, format: str, options: TextOptions) -> tuple[RecordFormat, bytes]:
    """How the records behind the header are read, and the header's own text."""
    delimiter = options.delimiter or ("\t" if format == "tsv" else ",")
    records.has_quotes, records.delimiter = format == "csv", delimiter
    head = records.head()
    if format == "jsonl":
        head, skipped = head.removeprefix(codecs.BOM_UTF8), 0
        while head and not head.strip():
            head, skipped = records.head(), skipped + 1
        records.line_end = b"\n"
        json_table = JsonTable(_first_members(head, records))
        records.push_back(head)
        records.line += skipped
        json_table.look(_first_records(json_table, records))
        return json_table, b""
    while head and not head.strip(b" \r\n"):
        head = records.head()
    line = _header_text(head, records)
    said = separator_of(line) if format == "csv" else None
    if said is not None:
        delimiter = records.delimiter = options.delimiter or said
        records.has_preamble, head = True, records.head()
        line = _header_text(head, records)
    dialect = Dialect(delimiter, format == "csv", records.line_end.decode())
    columns = _header(line, dialect, records)
    if not options.has_header:
        columns = tuple(str(place + 1) for place in range(len(columns)))
        records.push_back(head.removeprefix(codecs.BOM_UTF8))
        head = b""
    table = CsvTable(
        dialect,
        columns,
        format,
        has_header=options.has_header,
        number_format=options.number_format,
    )
    table.look(_first_records(table, records))
    return table, head


def _first_records(table: RecordFormat, records: Records) -> list[str]:
    """Return some of the first records, which stay to be read."""
    return table.records(records.waiting(_LOOKED_AT).decode("utf-8", "replace"))


def _header_text(head: bytes, records: Records) -> str:
    if not head:
        raise DataError("empty-file", f"{records.name}: there is no header: the input is empty")
    for magic, (what, format) in _CONTENTS.items():
        if head.startswith(magic):
            hint = f"say what it is: --input-format {format}" if format else ""
            message = f"{records.name}: the content is {what}, not text"
            raise DataError("other-content", message, help=hint)
    try:
        if b"\0" in head:
            raise ValueError
        return head.decode("utf-8-sig").rstrip("\r\n")
    except ValueError:
        is_wide = head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head
        looks, name = ("; it looks like UTF-16", "utf-16") if is_wide else ("", "latin-1")
        raise DataError(
            "encoding",
            f"{records.name}: the header is not UTF-8{looks}",
            help=f"say what it is: --encoding {name}",
        ) from None


def _header(line: str, dialect: Dialect, records: Records) -> tuple[str, ...]:
    begin = line.lstrip()[:1]
    if begin in ("{", "[") and '"' in line:
        hint = f"if this is JSON, say so: --input-format {'jsonl' if begin == '{' else 'json'}"
        fault = CellProblem("quote", f"a header that begins with `{begin}`", 0, len(line), hint)
        raise error_at(fault, RecordPlace(0, 0, line), records.name, 1)
    try:
        return header_of(line, dialect)
    except CellError as faulty:
        raise error_at(faulty.fault, RecordPlace(0, 0, line), records.name, 1) from None


def _first_members(head: bytes, records: Records) -> dict[str, Member]:
    try:
        decoded = head.decode()
        found = members(decoded) if decoded.strip() else {}
        return {text(key): member for key, member in found.items()}
    except UnicodeDecodeError:
        raise DataError("encoding", f"{records.name}: the text is not UTF-8") from None
    except CellError as faulty:
        raise error_at(faulty.fault, RecordPlace(0, 0, decoded), records.name, 1) from None
