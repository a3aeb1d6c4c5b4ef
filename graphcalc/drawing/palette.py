"""The colours of pictures, on light and on dark paper: those of the lesson.

Every pair of text and background has a contrast of at least 4.5 (WCAG 2.2, AA). Roles also differ
in the form of their borders.
"""

from __future__ import annotations

from typing import NamedTuple


class Palette(NamedTuple):
    """Colours by what they are for; `fill` and `border` are by the role of a box."""

    paper: str
    line: str
    text: str
    muted: str
    gradient: str
    born: str
    shade: str
    fill: dict[str, str]
    border: dict[str, str]


LIGHT = Palette(
    paper="#ffffff",
    line="#5f6b7a",
    text="#16202c",
    muted="#4a5563",
    gradient="#a3231f",
    born="#b00020",
    shade="#f08c00",
    fill={"input": "#fff4cc", "operation": "#e1effc", "result": "#f0e1d2"},
    border={"input": "#a67c00", "operation": "#1f78c1", "result": "#8b5a2b"},
)
DARK = Palette(
    paper="#0f1720",
    line="#94a3b5",
    text="#eef3f8",
    muted="#b4c0cd",
    gradient="#ff9d94",
    born="#ff8a80",
    shade="#f08c00",
    fill={"input": "#3a3110", "operation": "#12304a", "result": "#3d2a18"},
    border={"input": "#d9a400", "operation": "#4ea3e8", "result": "#c08a52"},
)
# The width of a border by role, and of one where NaN or infinity is born.
WEIGHT = {"input": 1.2, "operation": 1.2, "result": 2.6}
_BORN_WEIGHT = 2.6
# Lengths of the dashes of a border, and between them, where NaN or infinity is carried.
DASHES = "5 3"
# The kinds of texts that tell of NaN and infinity.
MARKS = ("born", "carried", "backward")


def text_colour(palette: Palette, kind: str) -> str:
    """Return the colour of a kind of text."""
    own = {"gradient": palette.gradient, **dict.fromkeys(MARKS, palette.born)}
    muted = ("expression", "more", "caption", "label")
    return own.get(kind, palette.muted if kind in muted else palette.text)


class BorderStyle(NamedTuple):
    """How the border of a box is drawn."""

    colour: str
    weight: float
    is_dashed: bool


def border_of(palette: Palette, role: str, *, is_born: bool, is_carried: bool) -> BorderStyle:
    """Return the border of a box: red where NaN is born, dashed where it is only carried."""
    if is_born:
        return BorderStyle(palette.born, _BORN_WEIGHT, False)
    return BorderStyle(palette.border[role], WEIGHT[role], is_carried)


# How strongly a box that takes all of the time is shaded.
SHADE = 0.45


def fill_of(palette: Palette, role: str, shade: float | None) -> str:
    """Return the colour of a box, shaded by its share of the run's time."""
    share = min(1.0, shade or 0.0) * SHADE
    pairs = [(_channels(palette.fill[role])[i], _channels(palette.shade)[i]) for i in range(3)]
    return "#" + "".join(f"{round(a * (1 - share) + b * share):02x}" for a, b in pairs)


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
