"""Results in files: what is saved reads back as it was, and a file is old or new, never half."""

import os
import signal
import subprocess
import time

import numpy as np
import polars as pl
import pytest
import safetensors.numpy
import torch
from running import COMMAND, clean_environment, graphcalc, shell

import graphcalc as gc

VECTOR = "[1/3, -2, 1e-7, 2^70]"
VALUES = [1 / 3, -2.0, 1e-7, 2.0**70]
KEYED = ("npz", "safetensors", "parquet", "arrow", "csv", "tsv", "jsonl", "json")


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize("ending", [*KEYED, "npy", "txt"])
def test_round_trip(ending, backend, tmp_path):
    """A vector that was saved by name or not is the same when it is bound from the file."""
    path = f"out.{ending}"
    done = graphcalc("g = " + VECTOR, "--save", path, "--backend", backend, cwd=tmp_path)
    assert done.status == 0
    key = ":g" if ending in KEYED else ""
    back = graphcalc("-q", "x", f"x=@{path}{key}", cwd=tmp_path)
    assert eval(back.text) == VALUES
    assert graphcalc("g = " + VECTOR, "--save", f"g={path}", cwd=tmp_path).status == 0
    assert os.listdir(tmp_path) == [path]


def test_an_earlier_value_of_a_name(tmp_path):
    """`x=` saves the last value of a name, and `x'1=` the one before it."""
    targets = ("--save", "x'1=first.npy", "--save", "x=last.npy")
    assert graphcalc("x = 1; x = x + 1", *targets, cwd=tmp_path).status == 0
    assert sorted(os.listdir(tmp_path)) == ["first.npy", "last.npy"]
    assert [np.load(tmp_path / f"{name}.npy").item() for name in ("first", "last")] == [1.0, 2.0]


def test_what_others_read(tmp_path):
    """numpy, safetensors and polars read what was saved for them."""
    program = "g = [[1, 2], [3, 4.5]]; h = g > 2; n = argmax(g)"
    for path in ("o.npz", "o.safetensors"):
        assert graphcalc(program, "--save", path, "--show", "g,h,n", cwd=tmp_path).status == 0
    with np.load(tmp_path / "o.npz") as saved:
        arrays = dict(saved)
    tensors = safetensors.numpy.load_file(tmp_path / "o.safetensors")
    for found in (arrays, tensors):
        np.testing.assert_array_equal(found["g"], [[1, 2], [3, 4.5]])
        np.testing.assert_array_equal(found["h"], [[False, False], [True, True]])
        assert (found["g"].dtype, found["h"].dtype, found["n"].dtype) == ("f8", "?", "i8")
        assert found["n"] == 3
    assert (
        graphcalc(
            "a = [1, 2]; b = a > 1", "--save", "o.parquet", "--show", "a,b", cwd=tmp_path
        ).status
        == 0
    )
    assert pl.read_parquet(tmp_path / "o.parquet").to_dict(as_series=False) == {
        "a": [1.0, 2.0],
        "b": [False, True],
    }


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_narrow_dtypes(dtype, tmp_path):
    """A narrow dtype stays what it is."""
    path = tmp_path / "o.safetensors"
    assert graphcalc("g = [1/3, 2]", "--dtype", dtype, "--save", str(path)).status == 0
    found = graphcalc("g", f"g=@{path}:g", "--format", "json").text
    assert f'"dtype": "{dtype}"' in found
    expected = torch.tensor([1 / 3, 2.0]).to(getattr(torch, dtype))
    assert gc.run("g = [1/3, 2]", dtype=dtype)["g"].equal(expected)


def test_matrices_and_columns(tmp_path):
    """A matrix that is saved alone is a table of numbers; vectors of one length are columns."""
    assert graphcalc("[[1, 2], [3, 4]]", "--save", "m.csv", cwd=tmp_path).status == 0
    assert (tmp_path / "m.csv").read_text() == "1,2\n3,4\n"
    assert graphcalc("a = [1, 2]; b = [0.5, nan]", "--save", "c.csv", cwd=tmp_path).status == 0
    assert (tmp_path / "c.csv").read_text() == "a,b\n1,0.5\n2,nan\n"


def test_what_minimize_found(tmp_path):
    """A descent saves the inputs that it changed, in any format, and these bind them again."""
    fit = ["loss = (w - 3)^2", "w=0", "--minimize", "loss", "--update", "w", "--lr", "0.5"]
    for path in ("fit.npz", "fit.json", "fit.gc"):
        assert graphcalc(*fit, "--save", path, cwd=tmp_path).status == 0
        assert graphcalc("-q", "w + 0", "--inputs", path, cwd=tmp_path).text == "3\n"


def test_input_that_is_the_output(tmp_path):
    """A file may be replaced by what was computed from it."""
    np.save(tmp_path / "x.npy", np.arange(3.0))
    assert graphcalc("x * 2", "x=@x.npy", "--save", "x.npy", cwd=tmp_path).status == 0
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), [0, 2, 4])
    (tmp_path / "t.csv").write_text("a\n1\n2\n")
    assert graphcalc("b = a*2", "--rows", "t.csv", "-o", "t.csv", cwd=tmp_path).status == 0
    assert (tmp_path / "t.csv").read_text() == "a,b\n1,2\n2,4\n"


def test_printed_into_a_file(tmp_path):
    """-o takes what would be printed, keeps links, devices and permissions, and is whole or not."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    assert graphcalc("-q", "1+1", "-o", "link", cwd=tmp_path).out == b""
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "2\n"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640
    assert graphcalc("-q", "1+", "-o", "real", cwd=tmp_path).status == 3
    assert (tmp_path / "real").read_text() == "2\n"
    assert graphcalc("-q", "1", "-o", "/dev/null").status == 0
    assert not os.path.isfile("/dev/null")
    for path in (".", "missing/out"):
        assert graphcalc("-q", "1", "-o", path, cwd=tmp_path).status == 6
    done = graphcalc("g = a", "--rows", "-", "-o", "real", stdin=b"a\n1\nx\n", cwd=tmp_path)
    assert done.status == 4
    assert (tmp_path / "real").read_text() == "2\n"
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]


def test_new_files_follow_the_mask(tmp_path):
    """A new file has the permissions that any new file gets."""
    script = "umask 027; graphcalc -q 1 -o new; graphcalc 1 --save new.npy >/dev/null"
    assert shell(script, cwd=tmp_path).status == 0
    for name in ("new", "new.npy"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o640


def test_a_limit_on_file_sizes(tmp_path):
    """Where a file cannot grow, the old one stays, nothing is left over, and the exit says so."""
    (tmp_path / "g.npy").write_bytes(b"old")
    script = (
        "trap '' XFSZ; ulimit -f 16; graphcalc -q 'sum(g)' 'g=zeros(100000)' --save g.npy --show g"
        " >/dev/null; echo $?"
    )
    done = shell(script, cwd=tmp_path)
    assert done.text == "6\n"
    assert "output error: g.npy: file too large" in done.complaint
    assert (tmp_path / "g.npy").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["g.npy"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_killed_while_writing(number, tmp_path):
    """A process that is killed in the middle of writing leaves the old file and nothing else."""
    (tmp_path / "out.csv").write_text("old")
    process = subprocess.Popen(
        [*COMMAND, "g = a + 1", "--rows", "-", "-o", "out.csv"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
        env=clean_environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    process.stdin.write(b"a\n" + b"1\n" * 100_000)
    process.stdin.flush()
    time.sleep(1.5)
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(timeout=20) == -number
    process.stdin.close()
    assert (tmp_path / "out.csv").read_text() == "old"
    assert os.listdir(tmp_path) == ["out.csv"]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
@pytest.mark.parametrize("backend", ["python", "torch"])
def test_columns_are_saved_from_arrays(ending, backend, tmp_path):
    """Columns of more rows than are written at once come back with their dtypes."""
    program = "a = arange(300000); b = a > 1; c = a * 0.5"
    path = tmp_path / f"t.{ending}"
    shown = ("--show", "a,b,c", "-o", "/dev/null", "--backend", backend)
    assert graphcalc(program, "--save", str(path), *shown).status == 0
    frame = (pl.read_parquet if ending == "parquet" else pl.read_ipc)(path)
    assert frame.height == 300_000
    assert frame["c"].to_list() == [i * 0.5 for i in range(300_000)]
    assert frame["b"].dtype == pl.Boolean
    assert frame["b"].sum() == 299_998


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_narrow_columns(dtype, tmp_path):
    """Columns of narrow floats are those that Parquet has."""
    path = tmp_path / "t.parquet"
    graphcalc("a = [0.5, 2]", "--save", str(path), "--dtype", dtype, cwd=tmp_path)
    frame = pl.read_parquet(path)
    assert frame["a"].to_list() == [0.5, 2.0]
    assert frame["a"].dtype == (pl.Float64 if dtype == "float64" else pl.Float32)
