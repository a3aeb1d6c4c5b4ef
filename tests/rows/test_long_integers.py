"""Whole numbers that only int64 has, in rows: exact where they are carried and compared."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import polars
import pytest
from running import COMMAND

BIG = 2**53 + 1
ROWS = 20_000
IDS = [BIG + 2 * i for i in range(ROWS)]
ENGINES = pytest.mark.parametrize("engine", [(), ("--backend", "torch")], ids=["rows", "torch"])
FORMATS = pytest.mark.parametrize("format", ["csv", "tsv", "jsonl", "parquet", "arrow"])


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def write(folder: Path, format: str, ids: list[int]) -> str:
    frame = polars.DataFrame({"id": ids, "n": range(len(ids))})
    path = folder / f"t.{format}"
    if format == "tsv":
        frame.write_csv(path, separator="\t")
    else:
        write = {
            "csv": frame.write_csv,
            "jsonl": frame.write_ndjson,
            "parquet": frame.write_parquet,
            "arrow": frame.write_ipc,
        }[format]
        write(path)
    return path.name


def rows_of(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@ENGINES
@FORMATS
def test_carried_and_compared(tmp_path: Path, format: str, engine: tuple[str, ...]) -> None:
    name = write(tmp_path, format, IDS)
    program = (
        f"z = id; w = where(n > 2, id, 0); m = max(id, 7); e = id == {IDS[5]}; d = id < {IDS[2]}"
    )
    done = run(tmp_path, "--rows", name, program, "--only", "--to", "jsonl", *engine)
    assert done.stderr == ""
    expected = [
        {"z": x, "w": x if n > 2 else 0, "m": x, "e": x == IDS[5], "d": x < IDS[2]}
        for n, x in enumerate(IDS)
    ]
    assert rows_of(done.stdout) == expected


@ENGINES
@FORMATS
def test_totals(tmp_path: Path, format: str, engine: tuple[str, ...]) -> None:
    name = write(tmp_path, format, IDS)
    done = run(tmp_path, "--rows", name, "a = min(id); b = max(id)", "--to", "jsonl", *engine)
    assert rows_of(done.stdout) == [{"a": IDS[0], "b": IDS[-1]}]


@FORMATS
def test_arithmetic_is_noted(tmp_path: Path, format: str) -> None:
    name = write(tmp_path, format, IDS)
    done = run(tmp_path, "--rows", name, "z = id - 1", "--only", "--to", "csv")
    assert "float64 rounds whole numbers" in done.stderr


def test_small_integers_are_not_noted(tmp_path: Path) -> None:
    for format in ("csv", "parquet"):
        name = write(tmp_path, format, [3, -4, 2**53])
        done = run(tmp_path, "--rows", name, "z = id / 2; y = max(id)", "--to", "jsonl", "--only")
        assert done.stderr == ""
        assert [row["z"] for row in rows_of(done.stdout)] == [1.5, -2, 2**52]


@pytest.mark.parametrize("rows", [20_000, 400_000])
def test_what_comes_late_is_noted(tmp_path: Path, rows: int) -> None:
    """Where the first records have small numbers, a column is floating point unless declared."""
    lines = "".join(f"{i},{i}\n" for i in range(rows))
    (tmp_path / "t.csv").write_text(f"id,n\n{lines}{BIG},1\n")
    done = run(tmp_path, "--rows", "t.csv", "z = id", "--only")
    assert f"float64 rounds whole numbers beyond 2^53, as {BIG}" in done.stderr
    assert done.stdout.splitlines()[-1] == str(BIG - 1)
    done = run(tmp_path, "--rows", "t.csv", "id: int64; z = id", "--only")
    assert (done.stdout.splitlines()[-1], done.stderr) == (str(BIG), "")


def test_other_numbers_among_integers(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f'id\n{BIG}\n"{BIG + 2}"\n' + f"{BIG}\n" * 9000 + "1.5\n")
    lines = run(tmp_path, "--rows", "t.csv", "z = id", "--only").stdout.splitlines()
    assert (lines[1:3], lines[-1]) == ([str(BIG), str(BIG + 2)], "1.5")


@pytest.mark.parametrize("to", ["csv", "jsonl", "parquet", "arrow"])
def test_written_exactly(tmp_path: Path, to: str) -> None:
    name = write(tmp_path, "csv", IDS[:50])
    run(tmp_path, "--rows", name, "z = id", "--only", "--to", to, "-o", f"out.{to}")
    done = run(tmp_path, "-q", "flatten(z)", f"z=@out.{to}:z")
    assert json.loads(done.stdout) == IDS[:50]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (f"id;v\n{BIG};1,5\n{BIG + 2};2\n", ("--delimiter", ";", "--decimal", ",")),
        (f"id,v\n{BIG:_},1\n{BIG + 2:_},2\n".replace("_", " "), ()),
        (f'id,v\n"{BIG:,}",1\n"{BIG + 2:,}",2\n', ("--thousands", ",")),
    ],
)
@ENGINES
def test_numbers_as_people_write_them(
    tmp_path: Path, text: str, options: tuple[str, ...], engine: tuple[str, ...]
) -> None:
    (tmp_path / "t.csv").write_text(text)
    arguments = ("k = id", "--only", "--to", "jsonl", *options, *engine)
    rows = rows_of(run(tmp_path, "--rows", "t.csv", *arguments).stdout)
    assert rows == [{"k": BIG}, {"k": BIG + 2}]


def test_numbers_that_no_integer_has_are_noted(tmp_path: Path) -> None:
    polars.DataFrame({"id": [BIG, None]}).write_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text(f"id\n{2**64 - 1}\n")
    done = run(tmp_path, "--rows", "t.csv", "k = id")
    assert done.stderr.endswith(f"float64 rounds whole numbers beyond 2^53, as {2**64 - 1}\n")
    done = run(tmp_path, "--rows", "t.parquet", "k = id", "--missing", "nan", "--to", "csv")
    assert done.stderr.endswith(f"float64 rounds whole numbers beyond 2^53, as {BIG}\n")
