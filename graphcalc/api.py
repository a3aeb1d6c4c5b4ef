"""The Python interface: run a program, or compile it once and call it many times.

docs/python.md describes every function and argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from graphcalc.analysis.descent import Descent, Minimum
from graphcalc.analysis.descent import minimize as descend
from graphcalc.analysis.gradcheck import GradientCheck, check_gradients
from graphcalc.analysis.plan import Plan, plan_of
from graphcalc.backends.base import Inputs, Settings, Value
from graphcalc.data.bindings import parse_value
from graphcalc.data.inputs import kind_of
from graphcalc.diagnostics import BindingError, Diagnostic, GraphcalcError, Label, UsageError
from graphcalc.displays import HTML, TEXT, Displayed
from graphcalc.evaluate import Evaluation, Gradients, Options, Outcome
from graphcalc.evaluate import parse as parse_sources
from graphcalc.graph.ir import MAX_NODES
from graphcalc.graph.names import names_read, targets
from graphcalc.numbers import exact, show_nested
from graphcalc.source import Source
from graphcalc.syntax.program import SyntaxTree
from graphcalc.trace import Trace

if TYPE_CHECKING:
    from graphcalc.drawing.pictures import Picture

# Nodes up to which a notebook draws a graph beside its table.
_LARGE = 5_000
# One name or several.
Names: TypeAlias = "Sequence[str] | str"


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
            return tuple(_note(label.text, label) for label in self._outcome.graph.notes)
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
        return _value(self._outcome, self._outcome.graph.names[name], name)

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

    def __repr__(self) -> str:
        from graphcalc.report.table import MAX_ROWS, build, draw_plain

        records = self.trace[:MAX_ROWS]
        table = build(records, self.trace, is_short=True, limit=None)
        return draw_plain(table).rstrip("\n")

    def graph(
        self,
        path: str | None = None,
        *,
        depth: int | str | None = None,
        digits: int | None = None,
    ) -> Picture:
        """Return the picture of the graph, and write it into a file where a path is given.

        depth    how far calls of functions are unfolded: a number of levels or "all"; as far as
                 it is readable where None
        digits   significant digits of the numbers

        A notebook shows the picture; its `svg` is the document. Raises UsageError for a path
        whose ending is no format of pictures, and for a run without a full trace.

        >>> import graphcalc as gc
        >>> gc.run("y = x^2", x=3).graph().svg[:4]
        '<svg'
        """
        from graphcalc.drawing.pictures import picture_of_run

        return _written(picture_of_run(self._outcome, _depth(depth), _digits(digits)), path)


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

    def graph(self, path: str | None = None, *, depth: int | str | None = None) -> Picture:
        """Return the picture of the graph with shapes and costs; the arguments are a result's."""
        from graphcalc.drawing.pictures import picture_of_plan

        return _written(picture_of_plan(self, _depth(depth)), path)

    def __repr__(self) -> str:
        from graphcalc.report import plan as printer
        from graphcalc.report.table import MAX_ROWS, draw_plain

        return draw_plain(printer.build(self, MAX_ROWS)).rstrip("\n")


class _Gradients(Mapping[str, Value]):
    """The gradients of a run by name."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        graph = outcome.graph
        self._positions = {graph.nodes[p].name or "": g for p, g in graph.gradients.items()}

    def __getitem__(self, name: str) -> Value:
        return _value(self._outcome, self._positions[name], name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._positions)

    def __repr__(self) -> str:
        return f"<gradients of {self._outcome.trace.target}: {', '.join(self)}>"


def _note(text: str, label: Label | None = None) -> Diagnostic:
    return Diagnostic("note", "note", text, () if label is None else (label,))


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


def parse(program: str, name: str = "<program>", *, max_nodes: int = MAX_NODES) -> SyntaxTree:
    """Return the syntax tree of a program's text, whose nodes carry their spans.

    Raises ParseError with the span of what is wrong.

    >>> import graphcalc as gc
    >>> gc.parse("g = (a+b)*(c*d)").statements[0].value
    Binary((a + b) * (c * d))
    """
    return parse_sources([Source(program, name)], max_nodes)


def _tree(program: str | SyntaxTree, max_nodes: int = MAX_NODES) -> SyntaxTree:
    if isinstance(program, str):
        return parse(program, max_nodes=max_nodes)
    if not isinstance(program, SyntaxTree):
        raise UsageError("program", f"a program is text, not a {type(program).__name__}")
    return program


def _merged(inputs: Inputs | None, named: Inputs) -> dict[str, Value]:
    """Return inputs from a mapping and from keywords; BindingError for a name in both."""
    if inputs is not None and not isinstance(inputs, Mapping):
        is_table = hasattr(inputs, "columns")
        raise UsageError(
            "inputs",
            "inputs are given by name: f(x=1), or f({'x': 1})",
            help="of a table name the columns that the program reads: {'x': table['x']}"
            if is_table
            else "",
        )
    merged = dict(inputs) if inputs is not None else {}
    for name, value in named.items():
        if name in merged:
            raise BindingError("bound-twice", f"`{name}` is bound twice")
        merged[name] = value
    return merged


def _check_options(program: str | SyntaxTree, inputs: Inputs, **options: Value) -> None:
    """Raise UsageError for a number under an option's name that is a name of the program too.

    It would be the option, which is hardly what was meant.
    """
    numbers = {
        name: value
        for name, value in options.items()
        if value is not None and not isinstance(value, (str, bool)) and name not in inputs
    }
    if not numbers:
        return
    tree = _tree(program)
    used = names_read(tree) | {t.name for s in tree.statements for t in targets(s)}
    for name in sorted(used.intersection(numbers)):
        raise UsageError(
            "option-name",
            f"`{name}` is an option of this call, and a name of the program",
            help=f"bind the name in a mapping: inputs={{'{name}': …}}",
        )


def _gradients(grad: str | None, wrt: Names | None, seed: Value) -> Gradients | None:
    """Return the gradients that a call asks for."""
    if grad is not None and not isinstance(grad, str):
        raise UsageError("gradient", f"grad is the name of one node, not {kind_of(grad)}")
    if grad is None:
        if wrt is not None or seed is not None:
            raise UsageError("gradient", "wrt and seed_grad go with grad=NAME")
        return None
    names = None if wrt is None else _names(wrt)
    if seed is None:
        return Gradients(grad, names)
    nested = seed.tolist() if hasattr(seed, "tolist") else seed
    text = nested if isinstance(nested, str) else show_nested(nested, exact)
    return Gradients(grad, names, parse_value(text, "seed_grad"))


def _names(names: Names) -> tuple[str, ...]:
    """Return names from one or several, as `a,b` or in a list."""
    if isinstance(names, str):
        return tuple(part.strip() for part in names.split(",") if part.strip())
    found = tuple(names) if isinstance(names, Iterable) else (names,)
    for name in found:
        if not isinstance(name, str):
            raise UsageError("names", f"names are texts, and {kind_of(name)} is none")
    return found


def check(
    program: str | SyntaxTree,
    inputs: Inputs | None = None,
    *,
    dtype: str | None = None,
    max_memory: int | None = None,
    max_nodes: int = MAX_NODES,
    **named_inputs: Value,
) -> PlanResult:
    """Return every node's shape, dtype and cost, with nothing computed.

    Inputs that the program declares, as `x: [B, 784]`, need no value; sizes without a value stay
    symbols. The arguments and errors are those of `run`.

    >>> import graphcalc as gc
    >>> [(step.name, step.shape) for step in gc.check("x: [B, 3]; w: [3, 4*D]; y = x @ w")]
    [('x', (B, 3)), ('w', (3, 4*D)), ('y', (B, 4*D))]
    """
    options = Options(Settings(dtype=dtype), 0, max_memory, max_nodes, is_check=True)
    evaluation = Evaluation(_tree(program, max_nodes), options)
    return plan_of(evaluation, _merged(inputs, named_inputs), PlanResult)


class Compiled:
    """A program made ready once; call it with the values of its inputs.

    >>> import graphcalc as gc
    >>> square = gc.compile("y = x^2")
    >>> [square(x=n)["y"] for n in (1, 2, 3)]
    [1.0, 4.0, 9.0]
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation

    def __call__(self, inputs: Inputs | None = None, /, **named: Value) -> Result:
        """Run on these inputs; raise BindingError for a name that is missing, twice or unused."""
        notes: list[Diagnostic] = []
        merged = _merged(inputs, named)
        outcome = self._evaluation.run(merged, lambda *note: notes.append(_note(*note)))
        return Result(outcome, notes)


def compile(
    program: str | SyntaxTree,
    *,
    backend: str = "auto",
    device: str | None = None,
    dtype: str | None = None,
    seed: int = 0,
    keep: Names = (),
    threads: int | None = None,
    max_memory: int | None = None,
    max_nodes: int = MAX_NODES,
    grad: str | None = None,
    wrt: Names | None = None,
    seed_grad: Value = None,
    trace: str = "all",
    compiled: bool = False,
) -> Compiled:
    """Prepare a program to be called many times; the arguments are those of `run`.

    The graph is built at the first call, and again for inputs of other shapes or dtypes.
    """
    settings = Settings(backend, device, dtype, threads, compiled)
    gradients = _gradients(grad, wrt, seed_grad)
    options = Options(settings, seed, max_memory, max_nodes, gradients=gradients)
    return _compiled(program, options, keep, trace)


def _compiled(program: str | SyntaxTree, options: Options, keep: Names, trace: str) -> Compiled:
    tree = _tree(program, options.max_nodes)
    if trace not in ("all", "results"):
        raise UsageError("trace", f"trace is 'all' or 'results', not {trace!r}")
    records = () if trace == "results" else None
    return Compiled(Evaluation(tree, options, keep=_names(keep), records=records))


def run(
    program: str | SyntaxTree,
    inputs: Inputs | None = None,
    *,
    backend: str = "auto",
    device: str | None = None,
    dtype: str | None = None,
    seed: int = 0,
    keep: Names = (),
    threads: int | None = None,
    max_memory: int | None = None,
    max_nodes: int = MAX_NODES,
    grad: str | None = None,
    wrt: Names | None = None,
    seed_grad: Value = None,
    trace: str = "all",
    compiled: bool = False,
    **named_inputs: Value,
) -> Result:
    """Evaluate a program and return the values and the record of every node.

    inputs      values by name (numbers, nested lists, arrays, tensors), also as keywords
    backend     "python", "torch" or "auto"; also device ("cpu", "cuda:1", "mps") and dtype
    keep        names of nodes whose values stay readable when they are large
    grad        the node whose gradients are computed, `r.grad[name]`, by all nodes or by wrt
    trace       "all" records every node, "results" the results and those in keep
    compiled    whether torch.compile makes one function of the graph

    docs/python.md describes every argument. Raises GraphcalcError with a `diagnostic`.

    >>> import graphcalc as gc
    >>> dict(gc.run("g = (a+b)*c", a=2, b=-4, c=-2, grad="g", wrt=["a", "b"]).grad)
    {'a': -2.0, 'b': -2.0}
    """
    merged = _merged(inputs, named_inputs)
    _check_options(
        program,
        merged,
        seed=seed or None,
        keep=keep or None,
        trace=trace,
        grad=grad,
        wrt=wrt,
        seed_grad=seed_grad,
        backend=backend,
        device=device,
        dtype=dtype,
        threads=threads,
        max_memory=max_memory,
    )
    settings = Settings(backend, device, dtype, threads, compiled)
    gradients = _gradients(grad, wrt, seed_grad)
    options = Options(settings, seed, max_memory, max_nodes, gradients=gradients)
    return _compiled(program, options, keep, trace)(merged)


def check_grad(
    program: str | SyntaxTree,
    inputs: Inputs | None = None,
    *,
    grad: str,
    wrt: Names | None = None,
    seed_grad: Value = None,
    backend: str = "auto",
    seed: int = 0,
    **named_inputs: Value,
) -> GradientCheck:
    """Compare the gradients of a node with differences, in float64; an entry for every input.

    An entry's `is_right` and `worst` give the verdict; `elements` has every element that was
    checked, at most a hundred of each input. The arguments and errors are those of `run`.

    >>> import graphcalc as gc
    >>> [(c.name, c.is_right) for c in gc.check_grad("y = sum(x^3)", x=[1, 2], grad="y")]
    [('x', True)]
    """
    merged = _merged(inputs, named_inputs)
    _check_options(program, merged, seed=seed or None, seed_grad=seed_grad)
    options = Options(Settings(backend), seed, gradients=_gradients(grad, wrt, seed_grad))
    return check_gradients(Evaluation(_tree(program), options), merged)[1]


class Minimized(Result):
    """The run at the end of `minimize`, and how it got there.

    `history` has the loss before every step and at the end, `found` the values of the changed
    inputs, `reason` why it stopped early, or an empty text.
    """

    def __init__(self, minimum: Minimum) -> None:
        super().__init__(minimum.outcome)
        self.history: list[float] = minimum.history
        self.found: dict[str, Value] = minimum.values
        self.reason: str = minimum.reason


def minimize(
    program: str | SyntaxTree,
    inputs: Inputs | None = None,
    *,
    loss: str,
    update: Names,
    lr: float = 0.01,
    iterations: int = 100,
    optimizer: str = "sgd",
    tolerance: float = 1e-9,
    backend: str = "auto",
    device: str | None = None,
    dtype: str | None = None,
    seed: int = 0,
    **named_inputs: Value,
) -> Minimized:
    """Change some inputs, against their gradients, until a node is small.

    loss          the node, a single number
    update        the inputs to change: bound values, or constants of the program
    lr            the learning rate
    iterations    how many steps at most
    optimizer     "sgd", or "adam" with torch's constants
    tolerance     relative change of the loss over ten iterations that ends it; 0 never does

    The other arguments are those of `run`. Raises EvaluationError when the loss is not finite
    or ends above its start.

    >>> import graphcalc as gc
    >>> r = gc.minimize("loss = (w - 3)^2", w=0, loss="loss", update="w", lr=0.1)
    >>> round(r["w"], 6), len(r.history)
    (3.0, 101)
    """
    merged = _merged(inputs, named_inputs)
    rates = {"lr": lr, "iterations": iterations, "tolerance": tolerance}
    _check_options(program, merged, seed=seed or None, **rates)
    descent = Descent(loss, _names(update), lr, iterations, optimizer, tolerance)
    options = Options(Settings(backend, device, dtype), seed)
    return Minimized(descend(Evaluation(_tree(program), options), descent, merged))


# What a notebook shows.


def _result_as_html(result: Result) -> str:
    from graphcalc.report.html import as_html

    return as_html(result.trace) + _picture_beside(result)


def _picture_beside(result: Result) -> str:
    """Return the picture of a graph that is small enough to be looked at."""
    from graphcalc.drawing.pictures import is_readable

    if result.trace.only is not None or len(result.trace) > _LARGE:
        return ""
    picture = result.graph()
    return picture.svg if is_readable(picture) else ""


def _trace_as_html(trace: Trace) -> str:
    from graphcalc.report.html import as_html

    return as_html(trace)


def _plan_as_html(plan: Plan) -> str:
    from graphcalc.report.html import plan_as_html

    return plan_as_html(plan)


def _check_as_html(checked: GradientCheck) -> str:
    from graphcalc.report.html import check_as_html

    return check_as_html(checked)


def _error_as_text(error: GraphcalcError) -> str:
    from graphcalc.report.errors import draw

    return draw(error.diagnostic)


HTML.update(
    {
        Result: _result_as_html,
        Trace: _trace_as_html,
        Plan: _plan_as_html,
        GradientCheck: _check_as_html,
    }
)
TEXT[GraphcalcError] = _error_as_text
