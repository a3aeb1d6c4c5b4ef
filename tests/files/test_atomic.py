"""Files are written whole or not at all."""

import os
import stat
import subprocess
import sys

import pytest

from graphcalc.diagnostics import OutputError
from graphcalc.files.atomic import whole_file


def write_file(path, data):
    """Put data into a file, all of it or none."""
    with whole_file(path) as file:
        file.write(data)


def test_a_file_is_replaced_whole(tmp_path):
    """A new file has the data, an old one is replaced, and nothing else is left."""
    path = tmp_path / "out"
    for data in (b"one", b"longer than that", b""):
        write_file(str(path), data)
        assert path.read_bytes() == data
        assert os.listdir(tmp_path) == ["out"]


def test_permissions_stay(tmp_path):
    """An old file keeps its permissions; a new one has what the umask leaves."""
    path = tmp_path / "out"
    write_file(str(path), b"")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    path.chmod(0o640)
    write_file(str(path), b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    """The file behind a symbolic link is replaced, not the link."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_file(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_named_pipe_stays_one(tmp_path):
    """What is no plain file is written to, not replaced."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    write_file(str(pipe), b"data")
    assert reader.communicate(timeout=20)[0] == b"data"
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("name", ["missing/out", ".", "a\0b", "x" * 300])
def test_what_cannot_be_written_is_said(tmp_path, name, monkeypatch):
    """A folder that is not there, a directory, and names that are none are errors of output."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError):
        write_file(name, b"data")
    assert os.listdir(tmp_path) == []


FULL = """
import resource, sys
from graphcalc.files.atomic import whole_file
from graphcalc.diagnostics import OutputError
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with whole_file(sys.argv[1]) as file:
        file.write(b"x" * 5000)
except OutputError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_old_file(tmp_path):
    """Where the data does not fit, the old file is whole and no other is left."""
    path = tmp_path / "out"
    path.write_bytes(b"old")
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    assert "file too large" in run.stdout
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out"]
