"""PNG pictures: resvg's, with the shipped fonts alone, within limits."""

import struct
import sys

import pytest
from diagrams import make_box, make_diagram

import graphcalc as gc
from graphcalc.diagnostics import BackendError, LimitError
from graphcalc.drawing.png import LONGEST_SIDE, MOST_PIXELS, QUICK_PIXELS, as_png, fitting
from graphcalc.drawing.scene import scene_of

LESSON = "g = (a + b) * (c * d)"
NUMBERS = {"a": 2, "b": -4, "c": -2, "d": 2}


def lesson():
    return gc.run(LESSON, **NUMBERS).graph().scene


def scene_with(name):
    return scene_of(make_diagram([make_box("n0", name, role="result")]))


def size_of(png):
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack_from(">2I", png, 16)


def test_a_picture_has_two_pixels_for_one():
    """The file has twice the scene's pixels a side, or as many as asked for."""
    pytest.importorskip("resvg_py")
    scene = lesson()
    for scale in (2.0, 1.0):
        width, height = size_of(as_png(scene, scale))
        assert abs(width - scale * scene.width) <= 1
        assert abs(height - scale * scene.height) <= 1
    assert as_png(scene) == as_png(scene, 2.0) == as_png(lesson())


def test_text_is_drawn():
    """Another number is another picture: the shipped font was found, without the system's."""
    pytest.importorskip("resvg_py")
    assert as_png(scene_with("8")) != as_png(scene_with("9"))
    assert as_png(scene_with("∂")) != as_png(scene_with(" "))


def test_what_the_font_lacks_is_drawn():
    """A character that the font lacks is not left out, and looks like the replacement."""
    pytest.importorskip("resvg_py")
    assert as_png(scene_with("漢")) != as_png(scene_with("  "))
    assert as_png(scene_with("漢")) == as_png(scene_with("字"))


@pytest.mark.parametrize(
    ("width", "height", "scale"),
    [
        (500, 400, 2.0),
        (875, 7000, (QUICK_PIXELS / (875 * 7000)) ** 0.5),
        (5000, 5000, 1.0),
        (100, 20_000, LONGEST_SIDE / 20_000),
        (10_000, 10_000, (MOST_PIXELS / 1e8) ** 0.5),
    ],
)
def test_large_pictures_have_fewer_pixels(width, height, scale):
    """A side and the whole stay within limits; what is quick to draw is drawn at twice the size."""
    found = fitting(lesson()._replace(width=width, height=height), 2.0)
    assert found == pytest.approx(scale)
    assert max(width, height) * found <= LONGEST_SIDE + 1e-6
    assert width * height * found**2 <= MOST_PIXELS * (1 + 1e-9)


def test_pictures_that_nobody_could_read_are_refused():
    """Beyond twice the longest side there is an error, with the size and what to do."""
    with pytest.raises(LimitError) as caught:
        as_png(lesson()._replace(height=LONGEST_SIDE * 2.1))
    assert "16,384 a side" in caught.value.diagnostic.message
    assert ".pdf" in caught.value.diagnostic.help


def test_without_the_package_an_error_says_how_to_install_it(monkeypatch):
    """The one diagnostic names the extra."""
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(BackendError) as caught:
        as_png(lesson())
    assert caught.value.diagnostic.code == "package-missing"
    assert "pip install resvg-py" in caught.value.diagnostic.help
    assert "'graphcalc[pictures]'" in caught.value.diagnostic.help
