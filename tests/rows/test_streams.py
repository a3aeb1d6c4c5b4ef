"""Rows through pipes: order, memory, signals, and lines that never end."""

import os
import signal
import subprocess
import sys
import time

import pytest
from running import COMMAND, clean_environment, graphcalc, shell, start


def test_a_closed_pipe_ends_in_silence():
    """A reader that has seen enough ends the run and the producer, with nothing said."""
    script = "(echo a; yes 1) | graphcalc 'a+1' --rows | head -2; echo ${PIPESTATUS[@]}"
    done = shell(script)
    assert done.text == "a,b\n1,2\n141 141 0\n"
    assert done.complaint == ""


def test_rows_come_out_as_they_come_in():
    """A pipe that pauses is no reason to wait: what has come is computed and written."""
    process = subprocess.Popen(
        [*COMMAND, "g = a + 1", "--rows", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(),
    )
    process.stdin.write(b"a\n1\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"a,g\n"
    assert process.stdout.readline() == b"1,2\n"
    process.stdin.write(b"5\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"5,6\n"
    process.stdin.close()
    assert process.wait(timeout=20) == 0
    process.stdout.close()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_the_run_and_its_workers(sent, tmp_path):
    """Every process of a run ends with it, at once."""
    read, write = os.pipe()
    feeder = subprocess.Popen(["sh", "-c", "echo a; yes 1.5"], stdout=write)
    process = subprocess.Popen(
        [*COMMAND, "g = exp(sin(a)) + log(a)", "--rows", "-", "--on-error", "skip"],
        stdin=read,
        stdout=subprocess.DEVNULL,
        env=clean_environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(read)
    os.close(write)
    time.sleep(2)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True)
    process.send_signal(sent)
    began = time.monotonic()
    assert process.wait(timeout=20) == -sent
    assert time.monotonic() - began < 10
    feeder.wait(timeout=20)
    time.sleep(0.5)
    left = [pid for pid in children.stdout.split() if os.path.exists(f"/proc/{pid}")]
    assert left == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's peak memory")
@pytest.mark.parametrize("without", ["", "polars"])
def test_memory_is_flat(without, tmp_path):
    """Three times the rows take no more memory, with polars and without."""
    path = tmp_path / "t.csv"
    block = "".join(f"{i}.25,{i + 1},text {i}\n" for i in range(10_000))
    code = f"import sys; sys.modules[{without!r}] = None\n" if without else ""
    launcher = [sys.executable, "-c", f"{code}from graphcalc.__main__ import run; run()"]
    peaks = []
    for blocks in (120, 360):
        with open(path, "w") as file:
            file.write("a,b,t\n")
            file.writelines([block] * blocks)
        arguments = ["g = a * b", "--rows", str(path), "-o", str(tmp_path / "out.csv")]
        script = (
            "import resource, subprocess, sys\n"
            "done = subprocess.run(sys.argv[1:])\n"
            "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, *launcher, *arguments],
            capture_output=True,
            text=True,
            env=clean_environment(),
            check=True,
        )
        status, peak = map(int, done.stdout.split())
        assert (status, done.stderr) == (0, "")
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 40_000
    assert max(peaks) < 300_000
    with open(tmp_path / "out.csv", "rb") as file:
        assert sum(1 for _ in file) == 3_600_001


def test_a_line_without_end():
    """A hundred megabytes without a line end are refused long before they are read."""
    script = "(echo a; head -c 100000000 /dev/zero | tr '\\0' 1) | graphcalc 'g = a' --rows"
    done = shell(script)
    assert done.status == 5
    assert "has more than 16 MiB" in done.complaint
    assert graphcalc("g = a", "--rows", "/dev/null").status == 4


def test_a_long_cell():
    """A cell of more than 128 KiB is a limit, with its place."""
    text = b"a,b\n1,2\n3," + b"x" * 200_000 + b"\n"
    done = graphcalc("g = a", "--rows", "-", stdin=text)
    assert done.status == 5
    assert "<stdin>:3:3: limit error: the cell has 200,000 characters" in done.complaint


@pytest.mark.parametrize("without", ["", "polars"])
def test_a_fault_at_the_end_of_many(without, tmp_path):
    """A ragged row behind half a million is found, with its line; the rows before it are there."""
    count = 500_000
    text = b"a,b\n" + b"1.5,2\n" * count + b"3\n"
    (tmp_path / "t.csv").write_bytes(text)
    code = f"import sys; sys.modules[{without!r}] = None\n" if without else ""
    command = [sys.executable, "-c", f"{code}from graphcalc.__main__ import run; run()"]
    done = subprocess.run(
        [*command, "g = a + b", "--rows", "t.csv"],
        capture_output=True,
        cwd=tmp_path,
        env=clean_environment(),
        check=False,
    )
    assert done.returncode == 4
    assert f"t.csv:{count + 2}:1: data error: the row has 1 cell".encode() in done.stderr
    assert done.stdout == b"a,b,g\n" + b"1.5,2,3.5\n" * count


def test_full_and_closed_outputs():
    """Where nothing can be written, the run ends with an error of output."""
    script = "(echo a; seq 100000) | graphcalc 'a+1' --rows > /dev/full; echo $?"
    done = shell(script)
    assert done.text == "6\n"
    assert "No space left".lower() in done.complaint.lower()
    assert shell("echo a | (graphcalc 'a' --rows >&-; echo $? >&2)").complaint.endswith("6\n")


def test_standard_input_that_is_a_file(tmp_path):
    """A redirected file is known to end, and is read from where it stands."""
    (tmp_path / "t.csv").write_text("skipped\na\n1\n3\n")
    done = shell("(read skipped; graphcalc 'z = a*4/sum(a)' --rows -) < t.csv", cwd=tmp_path)
    assert done.out == b"a,z\n1,1\n3,3\n"


def test_start_is_light(tmp_path):
    """Few rows import neither polars nor numpy nor torch."""
    (tmp_path / "t.csv").write_text("a\n1\n")
    process = start("g = a", "--rows", str(tmp_path / "t.csv"), PYTHONPROFILEIMPORTTIME="1")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    for name in (b"polars", b"numpy", b"torch", b"rich"):
        assert not any(line.split(b"|")[-1].strip() == name for line in err.splitlines()), name


@pytest.mark.parametrize("to", ["csv", "parquet"])
def test_ctrl_c_at_any_time(to, tmp_path):
    """Ctrl-C ends a run whenever it comes, also while polars is imported."""
    out = tmp_path / f"out.{to}"
    out.write_bytes(b"old")
    for delay in (0.1, 0.15, 0.2, 0.25, 0.3, 0.4):
        feeder = subprocess.Popen(["sh", "-c", "echo a,b; yes 1.5,2"], stdout=subprocess.PIPE)
        process = subprocess.Popen(
            [*COMMAND, "g = a * b", "--rows", "-", "-o", str(out)],
            stdin=feeder.stdout,
            stderr=subprocess.PIPE,
            env=clean_environment(),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        feeder.stdout.close()
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        try:
            complaint = process.communicate(timeout=30)[1]
        finally:
            # These rows have no end, and would fill the disk.
            process.kill()
        feeder.wait(timeout=30)
        assert process.returncode == -signal.SIGINT, delay
        assert out.read_bytes() == b"old"
        # Before graphcalc has begun, it is the interpreter that answers.
        assert complaint == b"" or complaint.rstrip().endswith(b"KeyboardInterrupt")
