"""Whole numbers that only int64 has, from files and into files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy
import polars
import pytest
from running import COMMAND

BIG = 2**53 + 1
IDS = [BIG, 3, -(2**62) - 1, 2**63 - 1]
SHARES = [0.5, -1.0, 2.25, 1e20]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True)


def write(folder: Path, format: str) -> str:
    """A file of the columns `id` and `share`."""
    path = folder / f"t.{format}"
    frame = polars.DataFrame({"id": IDS, "share": SHARES})
    if format in ("csv", "tsv"):
        separator = {"csv": ",", "tsv": "\t"}[format]
        frame.write_csv(path, separator=separator)
    elif format == "jsonl":
        frame.write_ndjson(path)
    elif format == "json":
        path.write_text(json.dumps({"id": IDS, "share": SHARES}))
    elif format == "npz":
        numpy.savez(path, id=IDS, share=SHARES)
    else:
        {"parquet": frame.write_parquet, "arrow": frame.write_ipc}[format](path)
    return path.name


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl", "json", "npz", "parquet", "arrow"])
def test_columns_are_exact(tmp_path: Path, format: str) -> None:
    name = write(tmp_path, format)
    done = run(tmp_path, "-q", f"id[0:]; share; id == {BIG}", "--inputs", name)
    assert done.stderr == ""
    assert done.stdout == f"[0.5, -1, 2.25, 1e+20]\n{IDS}\n[true, false, false, false]\n"


def test_matrix_of_whole_numbers(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(f"a,b\n{BIG},2\n 4 ,-{BIG}\n")
    (tmp_path / "m.txt").write_text(f"{BIG} 2\n4 -{BIG}\n")
    for name in ("m.csv", "m.txt"):
        assert run(tmp_path, "-q", "x", f"x=@{name}").stdout == f"[[{BIG}, 2], [4, -{BIG}]]\n"


@pytest.mark.parametrize("cell", ["1.5", "nan", "1e3", str(2**64)])
def test_columns_with_other_numbers_are_floating_point(tmp_path: Path, cell: str) -> None:
    (tmp_path / "m.csv").write_text(f"a\n{BIG}\n{cell}\n")
    done = run(tmp_path, "x", "x=@m.csv:a", "--format", "json")
    assert json.loads(done.stdout)["nodes"][0]["dtype"] == "float64"


def test_large_file(tmp_path: Path) -> None:
    count = 400_000
    lines = "".join(f"{BIG + 2 * i},{i / 2}\n" for i in range(count))
    (tmp_path / "big.csv").write_text(f"id,half\n{lines}")
    done = run(tmp_path, "-q", "id[-1]; half[-1]; min(id)", "--inputs", "big.csv")
    last = BIG + 2 * (count - 1)
    assert done.stdout.split() == [str(last), str((count - 1) / 2), str(BIG)]


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl", "json", "txt", "gc", "npy", "parquet"])
def test_saved_numbers_are_exact(tmp_path: Path, format: str) -> None:
    """Saved and read again."""
    name = write(tmp_path, "npz")
    saved = f"out.{format}"
    assert run(tmp_path, "-q", "id", "--inputs", name, "--save", f"id={saved}").returncode == 0
    again = ["-f", saved] if format == "gc" else ["flatten(x)", f"x=@{saved}"]
    assert run(tmp_path, "-q", *again).stdout == f"{IDS}\n"


NOTE = f"note: float64 has no {BIG} and takes {BIG - 1}: whole numbers beyond 2^53 are rounded"


@pytest.mark.parametrize("cell", ["1.5", "", str(2**64), "-2e0"])
@pytest.mark.parametrize("large", [False, True])
def test_rounded_whole_numbers_are_noted(tmp_path: Path, cell: str, *, large: bool) -> None:
    """A column with another number beside whole ones is float64, and a note tells what it lacks."""
    rest = "7,1\n" * (2_200_000 if large else 2)
    (tmp_path / "t.csv").write_text(f"a,b\n{BIG},1\n{cell},2\n{rest}")
    for program, given in [("a[0:2]", "a=@t.csv:a"), ("a[0:2, 0]", "a=@t.csv")]:
        done = run(tmp_path, "-q", program, given, "--missing", "nan")
        assert NOTE in done.stderr
        expected = float(cell) if cell else "nan"
        assert json.loads(done.stdout.replace("nan", '"nan"')) == [BIG - 1, expected]


@pytest.mark.parametrize("format", ["jsonl", "json", "txt", "parquet", "arrow"])
def test_rounded_whole_numbers_of_other_formats_are_noted(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"t.{format}"
    given = f"a=@t.{format}" + ":a" * (format not in ("json", "txt"))
    if format in ("parquet", "arrow"):
        frame = polars.DataFrame({"a": [BIG, None, 1]})
        {"parquet": frame.write_parquet, "arrow": frame.write_ipc}[format](path)
    else:
        texts = {"jsonl": f'{{"a": {BIG}}}\n{{"a": 1.5}}\n', "json": f"[{BIG}, 1.5]"}
        path.write_text(texts.get(format, f"{BIG} 1.5"))
    for backend in ("python", "torch"):
        done = run(tmp_path, "-q", "a[0]", given, "--missing", "nan", "--backend", backend)
        assert done.stdout == f"{BIG - 1}\n"
        assert NOTE in done.stderr


def test_mixed_columns_as_a_matrix_are_noted(tmp_path: Path) -> None:
    """Columns of int64 and float64 in one matrix are float64."""
    frame = polars.DataFrame({"a": [BIG, 1], "b": [0.5, 1.0]})
    frame.write_parquet(tmp_path / "t.parquet")
    done = run(tmp_path, "-q", "x", "x=@t.parquet")
    assert NOTE in done.stderr
    assert run(tmp_path, "-q", "x", "x=@t.parquet:a").stderr == ""


@pytest.mark.parametrize("number", ["1e300", "9007199254740992", "0.5"])
def test_numbers_that_float64_has_are_not_noted(tmp_path: Path, number: str) -> None:
    (tmp_path / "t.csv").write_text(f"a,b\n{number},1\n1.5,2\n")
    assert run(tmp_path, "-q", "a", "a=@t.csv:a").stderr == ""
