"""The Python interface: run a program, or compile it once and call it many times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphcalc.analysis.descent import Descent, Minimum
from graphcalc.analysis.descent import minimize as descend
from graphcalc.analysis.gradcheck import Checked, check_gradients
from graphcalc.analysis.plan import Plan, plan_of
from graphcalc.backends.base import Settings
from graphcalc.data.bindings import parse_value
from graphcalc.diagnostics import BindingError, UsageError
from graphcalc.evaluate import Evaluation, Gradients, Options, Outcome
from graphcalc.evaluate import parse as parse_sources
from graphcalc.graph.ir import MAX_NODES
from graphcalc.numbers import exact, show_nested
from graphcalc.source import Source
from graphcalc.syntax.program import SyntaxTree
from graphcalc.trace import Trace


class Result(Mapping[str, Any]):
    """What a run gave: values by name, and the trace of every node.

    `r["g"]` is the backend's own value: a number or an `NDArray` (with `.shape` and
    `.tolist()`) of the Python backend, a `torch.Tensor` of torch's. Small values of any node
    can be read; a large one only of a result or a node named in `keep`, as others are freed
    after their last use.

    >>> import graphcalc as gc
    >>> r = gc.run("g = (a+b)*(c*d)", a=2, b=-4, c=-2, d=2)
    >>> r["e"], r["f"], r["g"]
    (-2.0, -4.0, 8.0)
    >>> r.results
    ['g']
    """

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

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
    def grad(self) -> Mapping[str, Any]:
        """The gradients by the names of their nodes, as the backend holds them.

        Those of inputs and of what `wrt` and `keep` name are whole; a large one of another node
        is freed after its last use.
        """
        return _Gradients(self._outcome)

    @property
    def value(self) -> Any:
        """The value of the only result; UsageError where there are several."""
        names = self.results
        if len(names) != 1:
            raise UsageError(
                "several-results",
                f"the program has {len(names)} results: {names}",
                help="read one by its name: r[NAME]",
            )
        return self[names[0]]

    def __getitem__(self, name: str) -> Any:
        return _value(self._outcome, self._outcome.graph.names[name], name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.trace)

    def profile(self) -> Trace:
        """The records with every node's `seconds` and `share`; runs the program again.

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

    def _repr_html_(self) -> str:
        from graphcalc.report.html import as_html

        return as_html(self.trace)


class _Gradients(Mapping[str, Any]):
    """The gradients of a run by name."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        graph = outcome.graph
        self._positions = {graph.nodes[p].name or "": g for p, g in graph.gradients.items()}

    def __getitem__(self, name: str) -> Any:
        return _value(self._outcome, self._positions[name], name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._positions)

    def __repr__(self) -> str:
        return f"<gradients of {self._outcome.trace.target}: {', '.join(self)}>"


def _value(outcome: Outcome, position: int, name: str) -> Any:
    """The value of a node of a finished run, as its backend holds it."""
    if position in outcome.values:
        return outcome.values[position]
    found, node = outcome.trace.value(position), outcome.graph.nodes[position]
    if found is None:
        raise UsageError(
            "freed", f"`{name}` was freed after its last use", help=f"run with keep=[{name!r}]"
        )
    return outcome.program.restore(found, node.type.shape, node.type.dtype)


def check(
    program: str | SyntaxTree,
    inputs: Mapping[str, Any] | None = None,
    *,
    dtype: str | None = None,
    max_memory: int | None = None,
    max_nodes: int = MAX_NODES,
    **named_inputs: Any,
) -> Plan:
    """Every node's shape, dtype and cost, with nothing computed.

    Inputs that the program declares, as `x: [B, 784]`, need no value; sizes that nothing fixes
    stay symbols. The arguments and errors are those of `run`.

    >>> import graphcalc as gc
    >>> [(step.name, step.shape) for step in gc.check("x: [B, 3]; w: [3, 4*D]; y = x @ w")]
    [('x', (B, 3)), ('w', (3, 4*D)), ('y', (B, 4*D))]
    """
    tree = parse(program, max_nodes=max_nodes) if isinstance(program, str) else program
    settings = Settings(dtype=dtype)
    options = Options(settings, 0, max_memory, max_nodes, is_check=True)
    return plan_of(Evaluation(tree, options), _merged(inputs, named_inputs))


class Compiled:
    """A program made ready once; call it with the values of its inputs.

    >>> import graphcalc as gc
    >>> square = gc.compile("y = x^2")
    >>> [square(x=n)["y"] for n in (1, 2, 3)]
    [1.0, 4.0, 9.0]
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation

    def __call__(self, inputs: Mapping[str, Any] | None = None, /, **named: Any) -> Result:
        """Run on these inputs. Raises BindingError for a name given twice, in vain or not."""
        return Result(self._evaluation.run(_merged(inputs, named)))


def _merged(inputs: Mapping[str, Any] | None, named: Mapping[str, Any]) -> dict[str, Any]:
    if inputs is not None and not isinstance(inputs, Mapping):
        raise UsageError("inputs", "inputs are given by name: f(x=1), or f({'x': 1})")
    merged = dict(inputs or {})
    for name, value in named.items():
        if name in merged:
            raise BindingError("bound-twice", f"`{name}` is bound twice")
        merged[name] = value
    return merged


def parse(program: str, name: str = "<program>", *, max_nodes: int = MAX_NODES) -> SyntaxTree:
    """The syntax of a program's text: statements whose nodes carry their spans.

    Raises ParseError with the span of what is wrong.

    >>> import graphcalc as gc
    >>> gc.parse("g = (a+b)*(c*d)").statements[0].value
    Binary((a + b) * (c * d))
    """
    return parse_sources([Source(program, name)], max_nodes)


def compile(
    program: str | SyntaxTree,
    *,
    backend: str = "auto",
    device: str | None = None,
    dtype: str | None = None,
    seed: int = 0,
    keep: Sequence[str] = (),
    threads: int | None = None,
    max_memory: int | None = None,
    max_nodes: int = MAX_NODES,
    grad: str | None = None,
    wrt: Sequence[str] | str | None = None,
    seed_grad: Any = None,
    trace: str = "all",
    compiled: bool = False,
) -> Compiled:
    """Prepare a program to be called many times; the arguments are those of `run`.

    The graph is built at the first call, and again for inputs of other shapes or dtypes.
    """
    if not isinstance(program, (str, SyntaxTree)):
        raise UsageError("program", f"a program is text, not a {type(program).__name__}")
    tree = parse(program, max_nodes=max_nodes) if isinstance(program, str) else program
    if trace not in ("all", "results"):
        raise UsageError("trace", f"trace is 'all' or 'results', not {trace!r}")
    settings = Settings(backend, device, dtype, threads, compiled)
    gradients = _gradients(grad, wrt, seed_grad)
    options = Options(settings, seed, max_memory, max_nodes, gradients=gradients)
    records = () if trace == "results" else None
    return Compiled(Evaluation(tree, options, keep=tuple(keep), records=records))


def _gradients(grad: str | None, wrt: Sequence[str] | str | None, seed: Any) -> Gradients | None:
    """Which gradients are asked for."""
    if grad is None:
        if wrt is not None or seed is not None:
            raise UsageError("gradient", "wrt and seed_grad go with grad=NAME")
        return None
    names = (wrt,) if isinstance(wrt, str) else None if wrt is None else tuple(wrt)
    if seed is None:
        return Gradients(grad, names)
    nested = seed.tolist() if hasattr(seed, "tolist") else seed
    text = nested if isinstance(nested, str) else show_nested(nested, exact)
    return Gradients(grad, names, parse_value(text, "seed_grad"))


def run(
    program: str | SyntaxTree,
    inputs: Mapping[str, Any] | None = None,
    *,
    backend: str = "auto",
    device: str | None = None,
    dtype: str | None = None,
    seed: int = 0,
    keep: Sequence[str] = (),
    threads: int | None = None,
    max_memory: int | None = None,
    max_nodes: int = MAX_NODES,
    grad: str | None = None,
    wrt: Sequence[str] | str | None = None,
    seed_grad: Any = None,
    trace: str = "all",
    compiled: bool = False,
    **named_inputs: Any,
) -> Result:
    """Evaluate a program and keep the record of every node.

    program       its text, or what `parse` gave
    inputs        values by name: numbers, nested lists, NumPy arrays, torch tensors, results of
                  other runs; a value replaces the program's own assignment of that name
    backend       "python", "torch", or "auto" for whichever fits the work
    device        "cpu", "cuda", "cuda:N" or "mps"; torch only
    dtype         "float64", "float32", "float16" or "bfloat16", of all floating point numbers
    seed          of `rand` and `randn`, from 0
    keep          names of nodes whose values stay readable when they are large
    threads       how many threads torch uses
    max_memory    bytes that values may take at once; half of the machine's by default
    max_nodes     nodes that the graph may have
    grad          the node whose gradients are computed too, a single number: `r.grad[name]`
    wrt           the nodes to compute them of; all that `grad` depends on by default
    seed_grad     the gradient of `grad` itself, where that is no single number: its shape
    trace         "all" for the record of every node; "results" for theirs and of those in `keep`,
                  which spares large tensors the statistics of everything else
    compiled      whether torch.compile makes one function of the graph, for runs that repeat

    Raises a GraphcalcError, whose `diagnostic` has the message and the spans: ProgramError for
    syntax, names, shapes and dtypes, BindingError for inputs, DataError for their values,
    LimitError before anything too large is allocated, BackendError for what is not installed.

    >>> import graphcalc as gc
    >>> gc.run("mean(x^2)", x=[[1, 2], [3, 4]]).value
    7.5
    >>> dict(gc.run("g = (a+b)*(c*d)", a=2, b=-4, c=-2, d=2, grad="g", wrt=["a", "b"]).grad)
    {'a': -4.0, 'b': -4.0}
    """
    prepared = compile(
        program,
        backend=backend,
        device=device,
        dtype=dtype,
        seed=seed,
        keep=keep,
        threads=threads,
        max_memory=max_memory,
        max_nodes=max_nodes,
        grad=grad,
        wrt=wrt,
        seed_grad=seed_grad,
        trace=trace,
        compiled=compiled,
    )
    return prepared(_merged(inputs, named_inputs))


def check_grad(
    program: str | SyntaxTree,
    inputs: Mapping[str, Any] | None = None,
    *,
    grad: str,
    wrt: Sequence[str] | str | None = None,
    seed_grad: Any = None,
    backend: str = "auto",
    seed: int = 0,
    **named_inputs: Any,
) -> list[Checked]:
    """The gradients of a node beside differences, in float64: one entry for every input.

    An entry's `is_right` and `worst` say what came of it; `elements` has every element looked
    at, at most a hundred of each input. The arguments and errors are those of `run`.

    >>> import graphcalc as gc
    >>> [(c.name, c.is_right) for c in gc.check_grad("y = sum(x^3)", x=[1, 2], grad="y")]
    [('x', True)]
    """
    tree = parse(program) if isinstance(program, str) else program
    gradients = _gradients(grad, wrt, seed_grad)
    options = Options(Settings(backend), seed, gradients=gradients)
    return check_gradients(Evaluation(tree, options), _merged(inputs, named_inputs))[1]


class Minimized(Result):
    """What `minimize` came to: the run at the end, as any other, and the way there.

    `history` has the value of what was minimized before every step and at the end, `found` the
    inputs that were changed, `reason` why it stopped early, if it did.
    """

    def __init__(self, minimum: Minimum) -> None:
        super().__init__(minimum.outcome)
        self.history: list[float] = minimum.history
        self.found: dict[str, Any] = minimum.values
        self.reason: str = minimum.reason


def minimize(
    program: str | SyntaxTree,
    inputs: Mapping[str, Any] | None = None,
    *,
    loss: str,
    update: Sequence[str] | str,
    lr: float = 0.01,
    iterations: int = 100,
    optimizer: str = "sgd",
    tolerance: float = 1e-9,
    backend: str = "auto",
    device: str | None = None,
    dtype: str | None = None,
    seed: int = 0,
    **named_inputs: Any,
) -> Minimized:
    """Change some inputs, against their gradients, until a node is small.

    loss          the node, a single number
    update        the inputs to change: bound ones, or what the program itself sets
    lr            the learning rate
    iterations    how many steps at most
    optimizer     "sgd", or "adam" with torch's constants
    tolerance     relative change of the loss over ten iterations that ends it; 0 never does

    The other arguments are those of `run`. Raises EvaluationError when the loss is not finite.

    >>> import graphcalc as gc
    >>> r = gc.minimize("loss = (w - 3)^2", w=0, loss="loss", update="w", lr=0.1)
    >>> round(r["w"], 6), len(r.history)
    (3.0, 101)
    """
    tree = parse(program) if isinstance(program, str) else program
    names = (update,) if isinstance(update, str) else tuple(update)
    descent = Descent(loss, names, lr, iterations, optimizer, tolerance)
    options = Options(Settings(backend, device, dtype), seed)
    return Minimized(descend(Evaluation(tree, options), descent, _merged(inputs, named_inputs)))
