"""Files with other bytes than were written, as rows and as values: read, or refused as data."""

import io
import json
import random

import numpy as np
import polars as pl
import pytest
import safetensors.numpy
from loading import load

from graphcalc import GraphcalcError
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.rows.run import RowOptions, RowRun
from graphcalc.source import Source

FRAME = pl.DataFrame(
    {
        "a": [1.0, 2.5, 3.0] * 20,
        "b": [3, 4, 5] * 20,
        "s": ["x", 'y "z"', "ü, w"] * 20,
        "l": [[1], [], [2, 3]] * 20,
        "d": pl.Series([0, 1, 2] * 20, dtype=pl.Int32).cast(pl.Date),
    }
)


def text_of(to):
    """Rows of the frame's plain columns as text."""
    plain = FRAME.select("a", "b", "s")
    if to == "jsonl":
        return plain.write_ndjson().encode()
    return plain.write_csv(separator="\t" if to == "tsv" else ",").encode()


def bytes_of(write):
    """What a function writes into a file."""
    out = io.BytesIO()
    write(out)
    return out.getvalue()


ROWS = {
    "t.parquet": lambda: bytes_of(FRAME.write_parquet),
    "t.arrow": lambda: bytes_of(FRAME.write_ipc),
    "s.arrow": lambda: bytes_of(lambda out: FRAME.write_ipc_stream(out, compression="zstd")),
    "t.csv": lambda: text_of("csv"),
    "t.tsv": lambda: text_of("tsv"),
    "t.jsonl": lambda: text_of("jsonl"),
    "t.json": lambda: json.dumps(FRAME.select("a", "b", "s").to_dicts()).encode(),
}
RECORDS = np.array([(1.5, 2), (3.5, 4)], dtype=[("a", "<f8"), ("b", "<i4")])
VALUES = {
    "t.npy": lambda: bytes_of(lambda out: np.save(out, RECORDS)),
    "t.npz": lambda: bytes_of(lambda out: np.savez(out, a=np.ones(3), b=np.zeros((2, 2)))),
    "t.safetensors": lambda: safetensors.numpy.save({"a": np.ones(3), "b": np.ones(2)}),
    "t.json": lambda: b'{"a": [[1, 2], [3, 4.5e1]], "b": {"c": [true, null, NaN, "\\u00e9"]}}',
    "t.txt": lambda: b"1 2.5 -3e4 # x\n4 5 6\n",
}


def mutations(data, name, count):
    """Yield copies of bytes in which some are others, more, or gone."""
    pick = random.Random(name)
    for _ in range(count):
        copy = bytearray(data)
        for _ in range(pick.choice([1, 1, 1, 4])):
            place = pick.randrange(len(copy))
            change = pick.randrange(5)
            if change == 0:
                copy[place] = pick.choice([0, 0x7F, 0x80, 0xFF, 0x22, 0x0A, pick.randrange(256)])
            elif change == 1:
                copy[place:place] = pick.randbytes(pick.randint(1, 9))
            elif change == 2:
                del copy[place : place + pick.randint(1, 9)]
            elif change == 3:
                end = place + pick.randint(1, 40)
                copy[place:place] = copy[place:end]
            elif len(copy) > 40:
                del copy[pick.randrange(20, len(copy)) :]
        yield bytes(copy)


def status_of(call):
    """The exit status of a call, 0 where it raises nothing."""
    try:
        call()
    except GraphcalcError as error:
        return error.exit_status
    return 0


@pytest.mark.parametrize("name", ROWS)
def test_rows(name, tmp_path):
    """Rows of mutated files end with status 0, 1, 3, 4 or 5, and with no other error."""
    path, programs = tmp_path / name, ("y = a * 2", "s = sum(b) + mean(a)", "y = 1")
    statuses = set()
    for place, data in enumerate(mutations(ROWS[name](), name, 60)):
        path.write_bytes(data)
        to = ("csv", "jsonl")[place % 2]

        def run(program=programs[place % 3], to=to):
            options = RowOptions(str(path), to=to)
            evaluation = Evaluation(parse([Source(program)]), Options(max_memory=1 << 28))
            RowRun(evaluation, options).run(io.BytesIO())

        statuses.add(status_of(run))
    assert statuses <= {0, 1, 2, 3, 4, 5}
    assert 4 in statuses


@pytest.mark.parametrize("name", [*VALUES, "t.parquet", "s.arrow", "t.csv", "t.jsonl"])
def test_values(name, tmp_path):
    """Values of mutated files are read, or refused as data or too large."""
    path, statuses = tmp_path / name, set()
    for data in mutations({**ROWS, **VALUES}[name](), name, 80):
        path.write_bytes(data)
        for key in ("", ":a", ":b", ":s"):
            reference = f"{path}{key}"
            statuses.add(status_of(lambda reference=reference: load(reference, limit=1 << 28)))
    assert statuses <= {0, 2, 4, 5}
    assert 4 in statuses
