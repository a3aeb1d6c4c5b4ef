"""A diagram in the language of Graphviz, which lays it out itself.

Source: the grammar of DOT, its quoted strings, and HTML-like labels, in Graphviz's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from graphcalc.drawing.diagram import Arrow, Box, Diagram
from graphcalc.drawing.fonts import FAMILY
from graphcalc.drawing.node_texts import BoxLine
from graphcalc.drawing.palette import LIGHT, fill_of, text_colour


def as_dot(diagram: Diagram) -> str:
    """Return the diagram as a directed graph in DOT."""
    lines = [
        "digraph {",
        f"  graph [label={_quoted(' · '.join(diagram.remarks))} labeljust=l"
        f" fontname={_quoted(FAMILY)} fontsize=12 fontcolor={_quoted(LIGHT.muted)}"
        f" tooltip={_quoted(diagram.title)}]",
        f'  node [shape=box fontname={_quoted(FAMILY)} fontsize=12 margin="0.15,0.08"]',
        f"  edge [fontname={_quoted(FAMILY)} fontsize=11 color={_quoted(LIGHT.line)}"
        f" fontcolor={_quoted(LIGHT.muted)}]",
        *map(_node, diagram.boxes),
        *_edges(diagram),
        "}",
        "",
    ]
    return "\n".join(lines)


def _node(box: Box) -> str:
    border = box.border(LIGHT)
    style = "rounded,filled" if box.role == "input" else "filled"
    style += ",dashed" if border.is_dashed else ""
    attributes = [
        f"label=<{'<br/>'.join(_line(line) for line in box.lines if line.text) or ' '}>",
        f"style={_quoted(style)}",
        f"fillcolor={_quoted(fill_of(LIGHT, box.role, box.shade))}",
        f"color={_quoted(border.colour)}",
        f"penwidth={border.weight:g}",
        *(["peripheries=2"] if box.is_folded else []),
        f"tooltip={_quoted(box.title)}",
    ]
    return f"  {box.key} [{' '.join(attributes)}]"


def _line(line: BoxLine) -> str:
    """Return a line of a box as HTML-like text in its colour; names are bold."""
    text = escape(line.text)
    if line.kind == "name":
        text = f"<b>{text}</b>"
    return f'<font color="{text_colour(LIGHT, line.kind)}">{text}</font>'


def _edges(diagram: Diagram) -> Iterator[str]:
    keys = [box.key for box in diagram.boxes]
    for arrow in diagram.arrows:
        yield f"  {keys[arrow.upper]} -> {keys[arrow.lower]}{_label(arrow)}"


def _label(arrow: Arrow) -> str:
    """Return the label of an edge, with room to the line and to the next one."""
    return f" [label={_quoted(f' {arrow.label} ')}]" if arrow.label else ""


def _quoted(text: str) -> str:
    """Return a quoted string; a backslash stands for itself in labels and tooltips."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
