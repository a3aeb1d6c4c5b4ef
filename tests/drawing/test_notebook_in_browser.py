"""Pictures and tables of a notebook in a browser, in light and in dark themes."""

import pytest

import graphcalc as gc
from graphcalc.drawing.palette import DARK, LIGHT

FILL = "e => getComputedStyle(document.querySelector(e)).fill"


def rgb(colour):
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"


@pytest.mark.parametrize(
    ("theme", "palette"),
    [
        ("data-jp-theme-light='true'", LIGHT),
        ("data-jp-theme-light='false'", DARK),
        ("class='vscode-dark'", DARK),
        ("", LIGHT),
    ],
)
def test_pictures_follow_the_theme_of_the_notebook(show, theme, palette):
    """Paper, boxes, texts and borders, whatever the screen prefers elsewhere."""
    shown = gc.run("a = log(x); b = a + 1", x=-1)._repr_html_()
    page = show(f"<!DOCTYPE html><title>n</title><body {theme}>{shown}", ready="svg")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(FILL, ".paper") == rgb(palette.paper)
        assert page.evaluate(FILL, "text.name") == rgb(palette.text)
        assert page.evaluate(FILL, ".operation rect") == rgb(palette.fill["operation"])
        assert page.evaluate(FILL, "text.born") == rgb(palette.born)


def test_names_are_texts_in_notebooks(show):
    """No element comes from a name, and a right-to-left name stays where it is."""
    name = "<img src=x onerror=alert(1)>"
    shown = gc.run(f"y = col('{name}') + אב", {name: 1, "אב": 2})._repr_html_()
    page = show(f"<!DOCTYPE html><title>n</title><body>{shown}", ready="svg")
    assert page.locator("img").count() == 0
    assert page.locator("td code", has_text=name).count() >= 1
    assert page.locator("svg text.name", has_text=name).count() == 1
    assert page.locator("td code", has_text="\u2068אב\u2069").count() >= 1
