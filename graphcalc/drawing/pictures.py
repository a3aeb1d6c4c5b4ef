"""Pictures of runs and of plans: in a notebook, in a file, in a terminal."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

from graphcalc.analysis.nan_origins import Origins, is_repeatable, non_finite_counts
from graphcalc.analysis.plan import Plan
from graphcalc.diagnostics import LimitError, UsageError, without_inner_frames
from graphcalc.drawing.diagram import Diagram, diagram, with_fewer_boxes
from graphcalc.drawing.folding import READABLE, Depth
from graphcalc.drawing.marks import Marks, marks_of_trace
from graphcalc.drawing.nesting import Nesting
from graphcalc.drawing.node_texts import PlanTexts, TraceTexts
from graphcalc.drawing.scene import Scene, scene_of
from graphcalc.drawing.svg import as_svg
from graphcalc.evaluate import Outcome
from graphcalc.report.errors import draw as draw_diagnostic

if TYPE_CHECKING:
    from graphcalc.trace import Trace

# Where boxes stand: in the package's own layout, or in that of Graphviz's dot.
LAYERED, DOT = LAYOUTS = ("layered", "dot")
# Boxes up to which a picture is drawn.
MAX_BOXES = 5_000
# What notebooks with a dark theme are marked by: those of Jupyter, Visual Studio Code and Colab.
_DARK_NOTEBOOKS = '[data-jp-theme-light="false"],.vscode-dark,html[theme="dark"]'


class Picture:
    """A graph as boxes and arrows; a notebook shows it, and `write` draws it into a file."""

    def __init__(
        self,
        drawn: Diagram,
        nesting: Nesting,
        trace: Trace | None = None,
        digits: int | None = None,
        layout: str = LAYERED,
    ) -> None:
        self.diagram, self.nesting, self.trace, self.digits = drawn, nesting, trace, digits
        self.layout = layout

    @cached_property
    def scene(self) -> Scene:
        """The picture with a place for everything; LimitError where there are too many boxes."""
        count = len(self.diagram.boxes)
        if count > MAX_BOXES:
            raise LimitError(
                "boxes",
                f"the picture has {count:,} boxes, and the limit is {MAX_BOXES:,}",
                help=with_fewer_boxes(self.diagram.more_folding, "write .dot, which has no limit"),
            )
        if self.layout == DOT:
            from graphcalc.drawing.dot_layout import lay_out_by_dot

            return scene_of(self.diagram, lay_out_by_dot)
        return scene_of(self.diagram)

    @property
    def svg(self) -> str:
        """The picture as an SVG document."""
        return as_svg(self.scene)

    @property
    def html(self) -> str:
        """The page that steps through the run; UsageError for a plan."""
        return self._drawn("html").decode()

    @property
    def pdf(self) -> bytes:
        """The picture as a PDF document."""
        return self._drawn("pdf")

    @property
    def png(self) -> bytes:
        """The picture as a PNG file; BackendError without the extra `pictures`."""
        return self._drawn("png")

    @property
    def dot(self) -> str:
        """The picture as text for Graphviz."""
        return self._drawn("dot").decode()

    @property
    def mmd(self) -> str:
        """The picture as text for Mermaid; LimitError for more than that draws."""
        return self._drawn("mmd").decode()

    @without_inner_frames
    def _drawn(self, format: str) -> bytes:
        from graphcalc.drawing.writers import draw

        return draw(self, format)

    @without_inner_frames
    def write(self, *paths: str) -> None:
        """Draw the picture into files, in the formats of their endings: all of them or none.

        Raises UsageError for an unknown ending, and OutputError where one cannot be written.
        """
        from graphcalc.drawing.writers import format_of
        from graphcalc.files.atomic import whole_file

        drawn = [(path, self._drawn(format_of(path))) for path in paths]
        with ExitStack() as files:
            for path, data in drawn:
                files.enter_context(whole_file(path)).write(data)

    def text(self, width: int = 80, *, has_colour: bool = False, is_ascii: bool = False) -> str:
        """Return the picture in characters: boxes and lines, or a tree where they are too wide."""
        from graphcalc.drawing.terminal import as_characters

        return as_characters(self.diagram, width, has_colour=has_colour, is_ascii=is_ascii)

    def _repr_html_(self) -> str:
        return in_notebook(self)

    def _repr_svg_(self) -> str | None:
        return self.svg if len(self.diagram.boxes) <= MAX_BOXES else None

    def __repr__(self) -> str:
        return self.text().rstrip("\n")


def in_notebook(picture: Picture) -> str:
    """Return a picture as HTML for a notebook, or why it cannot be drawn."""
    try:
        return f'<div style="overflow:auto">{as_svg(picture.scene, _DARK_NOTEBOOKS)}</div>'
    except LimitError as error:
        return f"<pre>{escape(draw_diagnostic(error.diagnostic))}</pre>"


def is_readable(picture: Picture) -> bool:
    """Return whether a picture has no more boxes than people look at."""
    return len(picture.diagram.boxes) <= READABLE


def picture_of_run(
    outcome: Outcome,
    depth: Depth = None,
    digits: int | None = None,
    origins: Origins | None = None,
    layout: str = LAYERED,
) -> Picture:
    """Return the picture of a run; calls of functions are unfolded to a depth.

    `origins` are those of NaN and infinity in this run, which has its local derivatives then.
    Raises UsageError for a run that did not record every node.
    """
    if outcome.trace.only is not None:
        raise UsageError(
            "recorded", "only some nodes were recorded", help="run with trace='all' for a picture"
        )
    tree = outcome.calls() if outcome.calls is not None else None
    outcome = outcome.with_locals()
    marks = _marks(outcome) if origins is None else Marks(outcome.graph, origins.counts)
    texts = TraceTexts(outcome.trace, marks, digits)
    drawn = diagram(texts, tree, depth)
    return Picture(drawn, Nesting(texts, tree), outcome.trace, digits, layout)


def _marks(outcome: Outcome) -> Marks:
    """Return the marks of a run's nodes, of every element where another run takes little time."""
    trace, graph = outcome.trace, outcome.graph
    places = (*trace.positions, *graph.gradients.values())
    if not any(any(trace.non_finite(position)) for position in places):
        return Marks(graph, {})
    if not is_repeatable(outcome):
        return marks_of_trace(trace)
    return Marks(graph, non_finite_counts(graph, outcome.program, outcome.inputs))


def picture_of_plan(plan: Plan, depth: Depth = None, layout: str = LAYERED) -> Picture:
    """Return the picture of a plan, with shapes and costs in place of values."""
    tree = plan.calls() if plan.calls is not None else None
    texts = PlanTexts(plan)
    return Picture(diagram(texts, tree, depth), Nesting(texts, tree), layout=layout)
