"""Where a run prints: standard output, or a file in its place."""

import io
import sys
import threading

import pytest
from running import graphcalc

from graphcalc.cli import app
from graphcalc.diagnostics import OutputError
from graphcalc.report.output import STANDARD_OUTPUT


class FullDevice(io.RawIOBase):
    """A device without room, until there is some."""

    has_room = False

    def writable(self):
        """Whether it takes anything at all."""
        return True

    def write(self, data):
        """Take data where there is room."""
        if not self.has_room:
            raise OSError(28, "No space left on device")
        return len(data)


def printed(monkeypatch, arguments):
    """The exit status of a run in this process, and what it printed on standard output."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    status = app.run(arguments)
    return status, stream.buffer.getvalue().decode()


def test_a_run_into_a_file_leaves_nothing_behind(monkeypatch, tmp_path):
    """After a run into a file, whether it fails or not, the next run prints on standard output."""
    path = tmp_path / "o.txt"
    for program, status in (("1+1", 0), ("1/0", 1), ("1+", 3)):
        assert printed(monkeypatch, ["-q", "--strict", program, "-o", str(path)]) == (status, "")
        assert printed(monkeypatch, ["-q", "2+2"]) == (0, "4\n")
    assert path.read_text() == "inf\n"


def test_redirections_nest(monkeypatch, tmp_path):
    """A redirection ends with its block and gives way to the one around it."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    with STANDARD_OUTPUT.redirected(str(tmp_path / "a")):
        STANDARD_OUTPUT.write("1")
        with STANDARD_OUTPUT.redirected(str(tmp_path / "b")):
            STANDARD_OUTPUT.write("2")
        STANDARD_OUTPUT.write("3")
    STANDARD_OUTPUT.write("4")
    assert [(tmp_path / name).read_text() for name in "ab"] == ["13", "2"]
    assert stream.buffer.getvalue() == b"4"


def test_runs_side_by_side_do_not_disturb_each_other(monkeypatch, tmp_path):
    """While one thread prints into a file, another prints on standard output."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    with STANDARD_OUTPUT.redirected(str(tmp_path / "a")):
        STANDARD_OUTPUT.write("file")
        thread = threading.Thread(target=STANDARD_OUTPUT.write, args=("standard",))
        thread.start()
        thread.join()
        STANDARD_OUTPUT.write("file")
    assert (tmp_path / "a").read_text() == "filefile"
    assert stream.buffer.getvalue() == b"standard"


def test_a_full_device_stays_full(monkeypatch):
    """What could not be written is an error in the next run, too, and never success."""
    device = FullDevice()
    stream = io.TextIOWrapper(io.BufferedWriter(device), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    for _ in range(2):
        with pytest.raises(OutputError, match="no space left on device"):
            STANDARD_OUTPUT.write("1")
    device.has_room = True
    stream.close()


@pytest.mark.parametrize("arguments", [["1+1"], ["1+1", "--version"], ["sum", "--functions"]])
def test_a_dash_is_standard_output(arguments, tmp_path):
    """`-o -` prints on standard output and makes no file; `-o FILE` takes all that is printed."""
    plain = graphcalc(*arguments)
    assert graphcalc(*arguments, "-o", "-", cwd=tmp_path) == plain
    assert list(tmp_path.iterdir()) == []
    assert graphcalc(*arguments, "-o", "o.txt", cwd=tmp_path) == (0, b"", plain.err)
    assert (tmp_path / "o.txt").read_bytes() == plain.out


def test_rows_on_standard_output(tmp_path):
    """`-o -` prints rows on standard output, too."""
    done = graphcalc("g = a", "--rows", "-", "-o", "-", stdin=b"a\n1\n", cwd=tmp_path)
    assert done == (0, b"a,g\n1,1\n", b"")
    assert list(tmp_path.iterdir()) == []


PICTURES = {ending: f"--graph g.{ending}" for ending in ("svg", "png", "pdf", "html", "dot", "SVG")}


@pytest.mark.parametrize("ending", [*PICTURES, "jpg"])
def test_pictures_are_refused(ending, tmp_path):
    """A table is not written under the name of a picture, unless --to asks for rows of text."""
    for more in ([], ["--check"], ["--rows", "-"], ["--format", "csv"]):
        drawn = PICTURES.get(ending, "--graph FILE, as .svg, .png or .pdf")
        advice = "rows are text" if "--rows" in more else f"a picture is drawn by {drawn}"
        done = graphcalc("1", *more, "-o", f"g.{ending}", stdin=b"a\n1\n", cwd=tmp_path)
        assert (done.status, done.out) == (2, b"")
        assert f".{ending.lower()} holds none; {advice}" in done.complaint
        assert list(tmp_path.iterdir()) == []
    asked = ["--rows", "-", "--to", "csv", "-o", f"g.{ending}"]
    assert graphcalc("b = 2*a", *asked, stdin=b"a\n1\n", cwd=tmp_path).status == 0
    assert (tmp_path / f"g.{ending}").read_bytes() == b"a,b\n1,2\n"
