"""A diagram as a flowchart of Mermaid, which draws it in Markdown pages.

Source: Mermaid's documentation of flowcharts (entity codes, `classDef`) and of its configuration
(`maxEdges`, `maxTextSize`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphcalc.diagnostics import LimitError
from graphcalc.drawing.diagram import Box, Diagram, with_fewer_boxes
from graphcalc.drawing.node_texts import BoxLine
from graphcalc.drawing.palette import DASHES, LIGHT, WEIGHT, fill_of

# What Mermaid draws as it is set up: edges, and characters of a text.
MAX_EDGES = 500
MAX_TEXT = 50_000
# Characters that Mermaid, HTML or Markdown would read as something else.
_SPECIAL = re.compile(r"""["#&<>`;%$\\]""")
# Places where it does so in spite of the codes: formulas, new lines and icons.
_PAIRS = re.compile(r"(?<=\$)(?=\$)|(?<=\\)(?=n)|(?<=:)(?=fa-)")
_NO_SPACE = "\u200b"


def as_mermaid(diagram: Diagram) -> str:
    """Return the diagram as a flowchart; LimitError for more than Mermaid draws."""
    _check(diagram, len(diagram.arrows), "edges", MAX_EDGES)
    lines = [
        "%% " + " · ".join((diagram.title, *diagram.remarks)).replace("{", "(").replace("}", ")"),
        "flowchart TD",
        *(f"  {_node(box)}" for box in diagram.boxes),
        *_edges(diagram),
        *_classes(diagram.boxes),
    ]
    text = "\n".join(lines) + "\n"
    _check(diagram, len(text), "characters", MAX_TEXT)
    return text


def _check(diagram: Diagram, count: int, what: str, most: int) -> None:
    if count > most:
        raise LimitError(
            "mermaid-size",
            f"the picture has {count:,} {what}, and Mermaid draws at most {most:,}",
            help=with_fewer_boxes(diagram.more_folding, "write .svg or .dot"),
        )


def _node(box: Box) -> str:
    """Return a node: inputs are round, folded calls have a double border, others are boxes."""
    opening, closing = "[", "]"
    if box.is_folded:
        opening, closing = "[[", "]]"
    elif box.role == "input":
        opening, closing = "([", "])"
    label = "<br/>".join(_line(line) for line in box.lines if line.text)
    return f'{box.key}{opening}"{label or " "}"{closing}'


def _line(line: BoxLine) -> str:
    return f"<b>{_escaped(line.text)}</b>" if line.kind == "name" else _escaped(line.text)


def _escaped(text: str) -> str:
    """Return a text with entity codes for what would be read as something else."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", _PAIRS.sub(_NO_SPACE, text))


def _edges(diagram: Diagram) -> Iterator[str]:
    keys = [box.key for box in diagram.boxes]
    for arrow in diagram.arrows:
        label = f'|"{_escaped(arrow.label)}"|' if arrow.label else ""
        yield f"  {keys[arrow.upper]} -->{label} {keys[arrow.lower]}"


def _classes(boxes: list[Box]) -> Iterator[str]:
    """Yield the colours of roles, of NaN and infinity, and of shares of the run's time."""
    for role, fill in LIGHT.fill.items():
        keys = [box.key for box in boxes if box.role == role]
        if keys:
            yield (
                f"  classDef {role} fill:{fill},stroke:{LIGHT.border[role]},color:{LIGHT.text},"
                f"stroke-width:{WEIGHT[role]:g}px"
            )
            yield f"  class {','.join(keys)} {role}"
    born = [box for box in boxes if box.born]
    carried = [box for box in boxes if box.carried and not box.born]
    if born:
        border = born[0].border(LIGHT)
        yield f"  classDef born stroke:{border.colour},stroke-width:{border.weight:g}px"
        yield f"  class {','.join(box.key for box in born)} born"
    if carried:
        yield f"  classDef carried stroke-dasharray:{DASHES}"
        yield f"  class {','.join(box.key for box in carried)} carried"
    for box in boxes:
        if box.shade:
            yield f"  style {box.key} fill:{fill_of(LIGHT, box.role, box.shade)}"
