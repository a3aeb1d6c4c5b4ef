"""The results of the Python interface: of a run, of a plan, and of a descent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from graphcalc.analysis.descent import Descent, Minimum
from graphcalc.analysis.plan import Plan
from graphcalc.backends.base import Value
from graphcalc.diagnostics import (
    Diagnostic,
    Label,
    MissingNodeError,
    UsageError,
    brief,
    did_you_mean,
    without_inner_frames,
)
from graphcalc.displays import Displayed
from graphcalc.evaluate import Outcome
from graphcalc.syntax.columns import name_of
from graphcalc.trace import Trace

if TYPE_CHECKING:
    from graphcalc.drawing.pictures import Picture


class Result(Displayed, Mapping[str, Value]):
    """The values of a run by name, and the trace of every node.

    `r["g"]` is the backend's own value: a number or an `NDArray` (with `.shape` and
    `.tolist()`) of the Python backend, a `torch.Tensor` of torch's. Small values of any node
    can be read; large values only of results and of nodes named in `keep`, as others are freed
    after their last use.

    >>> import graphcalc as gc
    >>> r = gc.run("g = (a+b)*(c*d)", a=2, b=-4, c=-2, d=2)
    >>> r["e"], r["f"], r["g"]
    (-2.0, -4.0, 8.0)
    >>> r.results
    ['g']
    """

    def __init__(self, outcome: Outcome, notes: Sequence[Diagnostic] | None = None) -> None:
        self._outcome = outcome
        self._notes = notes

    @property
    def notes(self) -> tuple[Diagnostic, ...]:
        """What a reader may want to know of the program: readings that may surprise.

        They are those that the command prints, but for NaN and infinity, which records tell of
        as `born`.
        """
        if self._notes is None:
            return tuple(note(label.text, label) for label in self._outcome.graph.notes)
        return tuple(self._notes)

    @property
    def trace(self) -> Trace:
        """The records of all nodes, in order of evaluation."""
        return self._outcome.trace

    @property
    def names(self) -> list[str]:
        """The names of all nodes, in order of evaluation."""
        return self.trace.names

    @property
    def results(self) -> list[str]:
        """The names of the nodes that nothing else reads."""
        return [record.name for record in self.trace.results]

    @property
    def grad(self) -> Mapping[str, Value]:
        """The gradients by the names of their nodes, as the backend holds them.

        Large gradients can be read by inputs and by nodes named in `wrt` or `keep`; others are
        freed after their last use.
        """
        return _Gradients(self._outcome)

    @property
    def value(self) -> Value:
        """The value of the only result; UsageError where there are several."""
        names = self.results
        if len(names) != 1:
            raise UsageError(
                "several-results",
                f"the program has {len(names)} results: {names}",
                help="read one by its name: r[NAME]",
            )
        return self[names[0]]

    def __getitem__(self, name: str) -> Value:
        return _value(self._outcome, _position(self._outcome.graph.names, name, "node"), name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.trace)

    def profile(self) -> Trace:
        """Return the records with every node's `seconds` and `share`; runs the program again.

        >>> import graphcalc as gc
        >>> [r.name for r in gc.run("y = x^2", x=3).profile() if r.seconds is not None]
        ['x', 'y']
        """
        from graphcalc.analysis.profile import with_profile

        return with_profile(self._outcome).trace

    @without_inner_frames
    def graph(
        self,
        path: str | None = None,
        *,
        depth: int | str | None = None,
        digits: int | None = None,
        layout: str = "layered",
    ) -> Picture:
        """Return the picture of the graph, and write it into a file where a path is given.

        depth    how far calls of functions are unfolded: a number of levels or "all"; as far as
                 it is readable where None
        digits   significant digits of the numbers
        layout   "layered", or "dot" for that of Graphviz, which needs the extra `dot`

        A notebook shows the picture; its `svg` is the document. Raises UsageError for a path
        whose ending is no format of pictures, and for a run without a full trace.

        >>> import graphcalc as gc
        >>> gc.run("y = x^2", x=3).graph().svg[:4]
        '<svg'
        """
        from graphcalc.drawing.pictures import picture_of_run

        picture = picture_of_run(
            self._outcome, _depth(depth), _digits(digits), layout=_layout(layout)
        )
        return _written(picture, path)


def _layout(layout: str) -> str:
    from graphcalc.drawing.pictures import LAYOUTS

    if layout in LAYOUTS:
        return layout
    raise UsageError("option", f"layout is {' or '.join(map(repr, LAYOUTS))}, not {layout!r}")


def _depth(depth: int | str | None) -> int | None:
    from graphcalc.drawing.folding import ALL

    if depth == "all":
        return ALL
    if depth is None or (type(depth) is int and depth >= 0):
        return depth
    raise UsageError("option", f"depth is a number of levels or 'all', not {depth!r}")


def _digits(digits: int | None) -> int | None:
    if digits is None or (type(digits) is int and 1 <= digits <= 17):
        return digits
    raise UsageError("option", f"digits is a whole number from 1 to 17, not {digits!r}")


def _written(picture: Picture, path: str | None) -> Picture:
    if path is not None:
        picture.write(str(path))
    return picture


class PlanResult(Plan):
    """The shapes and costs of a run that has not happened, in order of evaluation."""

    @without_inner_frames
    def graph(
        self,
        path: str | None = None,
        *,
        depth: int | str | None = None,
        layout: str = "layered",
    ) -> Picture:
        """Return the picture of the graph with shapes and costs; the arguments are a result's."""
        from graphcalc.drawing.pictures import picture_of_plan

        return _written(picture_of_plan(self, _depth(depth), _layout(layout)), path)


class _Gradients(Mapping[str, Value]):
    """The gradients of a run by name."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        graph = outcome.graph
        self._positions = {graph.nodes[p].name or "": g for p, g in graph.gradients.items()}

    def __getitem__(self, name: str) -> Value:
        return _value(self._outcome, _position(self._positions, name, "gradient by"), name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._positions)

    def __repr__(self) -> str:
        return f"<gradients of {self._outcome.trace.target}: {', '.join(self)}>"


def note(text: str, label: Label | None = None) -> Diagnostic:
    """Return a note of the command as a diagnostic."""
    return Diagnostic("note", "note", text, () if label is None else (label,))


def _position(positions: Mapping[str, int], name: str, what: str) -> int:
    """Return the position of a name; MissingNodeError, which is a KeyError, where there is none."""
    for known in (name, name_of(str(name))):
        if known in positions:
            return positions[known]
    raise MissingNodeError(
        "no-node",
        f"the run has no {what} `{brief(str(name))}`",
        help=did_you_mean(str(name), positions),
    )


def _value(outcome: Outcome, position: int, name: str) -> Value:
    """Return the value of a node of a finished run, as its backend holds it."""
    if position in outcome.values:
        return outcome.values[position]
    found, node = outcome.trace.value(position), outcome.graph.nodes[position]
    if found is None:
        raise UsageError(
            "freed", f"`{name}` was freed after its last use", help=f"run with keep=[{name!r}]"
        )
    return outcome.program.restore(found, node.type.shape, node.type.dtype)


class Minimized(Result):
    """The run at the end of `minimize`, and how it got there by the options of `descent`.

    `history` has the loss before every step and at the end, `found` the values of the changed
    inputs, `reason` why it stopped early, or an empty text.
    """

    def __init__(self, minimum: Minimum, descent: Descent) -> None:
        super().__init__(minimum.outcome)
        self.descent = descent
        self.history: list[float] = minimum.history
        self.found: dict[str, Value] = minimum.values
        self.reason: str = minimum.reason
