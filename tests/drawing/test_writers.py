"""The formats of pictures, by the endings of files."""

import pytest

import graphcalc as gc
from graphcalc.diagnostics import UsageError
from graphcalc.drawing.writers import FORMATS, draw, format_of

STARTS = {
    "svg": b"<svg ",
    "pdf": b"%PDF-1.7",
    "png": b"\x89PNG",
    "html": b"<!DOCTYPE html>",
    "dot": b"digraph {",
    "gv": b"digraph {",
    "mmd": b"%% The graph of y",
}


@pytest.mark.parametrize("name", STARTS)
def test_a_format_is_drawn(name, tmp_path):
    """Each ending has its writer, and the same picture the same bytes."""
    if name == "png":
        pytest.importorskip("resvg_py")
    path = str(tmp_path / f"g.{name}")
    picture = gc.run("y = x^2", x=3).graph(path)
    data = (tmp_path / f"g.{name}").read_bytes()
    assert data.startswith(STARTS[name])
    assert data == draw(picture, format_of(path)) == draw(picture, name)


def test_an_unknown_ending_lists_the_known_ones():
    """The error names every format, and the one that was meant."""
    with pytest.raises(UsageError) as caught:
        format_of("g.pgn")
    for name in FORMATS:
        assert f".{name}" in caught.value.diagnostic.message
    assert "`png`" in caught.value.diagnostic.help
    for path in ("g", "", ".", "dir.svg/g", "g.svg/"):
        with pytest.raises(UsageError):
            format_of(path)
    assert format_of("a.b/G.SVG") == "svg"


def test_several_files_are_written_all_or_none(tmp_path):
    """Where one cannot be drawn or written, the others are left as they were."""
    picture = gc.run("y = x^2", x=3).graph()
    first, second = tmp_path / "g.svg", tmp_path / "g.pdf"
    for wrong in (tmp_path / "gone" / "g.dot", tmp_path / "g.jpg"):
        with pytest.raises(gc.GraphcalcError):
            picture.write(str(first), str(wrong), str(second))
        assert list(tmp_path.iterdir()) == []
    picture.write(str(first), str(second))
    assert first.read_bytes().startswith(b"<svg ")
    assert second.read_bytes().startswith(b"%PDF")
