"""The Python interface: run a program, or compile it once and call it many times.

docs/python.md describes every function and argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from graphcalc.analysis.descent import Descent
from graphcalc.analysis.descent import minimize as descend
from graphcalc.analysis.gradcheck import GradientCheck, check_gradients
from graphcalc.analysis.plan import plan_of
from graphcalc.backends.base import Inputs, Settings, Value
from graphcalc.data.bindings import is_name, parse_value
from graphcalc.data.inputs import kind_of
from graphcalc.diagnostics import BindingError, Diagnostic, UsageError, without_inner_frames
from graphcalc.evaluate import Evaluation, Gradients, Options, with_own_gradients
from graphcalc.evaluate import parse as parse_sources
from graphcalc.graph.ir import MAX_NODES
from graphcalc.graph.names import names_assigned, names_read
from graphcalc.notebook import register
from graphcalc.numbers import exact, show_nested
from graphcalc.results import Minimized, PlanResult, Result, note
from graphcalc.source import Source
from graphcalc.syntax.columns import name_of, normalized
from graphcalc.syntax.program import SyntaxTree

register()

# One name or several.
Names: TypeAlias = "Sequence[str] | str"


@without_inner_frames
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
    merged = {_input_name(name): value for name, value in (inputs or {}).items()}
    for name, value in named.items():
        if name in merged:
            raise BindingError("bound-twice", f"`{name}` is bound twice")
        merged[name] = value
    return merged


def _input_name(name: str) -> str:
    """Return the name that a program has for an input.

    That of a parameter has dots, `fc1.weight`; a table's column may be `col("net price")`.
    """
    if not isinstance(name, str):
        raise UsageError("inputs", f"names of inputs are texts, and {kind_of(name)} is none")
    if name.startswith("col("):
        return name
    return normalized(name) if is_name(name) else name_of(name)


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
    used = names_read(tree) | names_assigned(tree)
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


@without_inner_frames
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

    @without_inner_frames
    def __call__(self, inputs: Inputs | None = None, /, **named: Value) -> Result:
        """Run on these inputs; raise BindingError for a name that is missing, twice or unused."""
        notes: list[Diagnostic] = []
        merged = _merged(inputs, named)
        outcome = self._evaluation.run(merged, lambda *found: notes.append(note(*found)))
        return Result(outcome, notes)


@without_inner_frames
def compile(
    program: str | SyntaxTree,
    *,
    backend: str = "auto",
    device: str | None = None,
    dtype: str | None = None,
    seed: int = 0,
    init: bool = False,
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
    options = Options(
        settings, seed, max_memory, max_nodes, gradients=gradients, draws_parameters=init
    )
    return _compiled(program, options, keep, trace)


def _compiled(program: str | SyntaxTree, options: Options, keep: Names, trace: str) -> Compiled:
    tree = _tree(program, options.max_nodes)
    if trace not in ("all", "results"):
        raise UsageError("trace", f"trace is 'all' or 'results', not {trace!r}")
    records = () if trace == "results" else None
    options = with_own_gradients(options, tree)
    return Compiled(Evaluation(tree, options, keep=_names(keep), records=records))


@without_inner_frames
def run(
    program: str | SyntaxTree,
    inputs: Inputs | None = None,
    *,
    backend: str = "auto",
    device: str | None = None,
    dtype: str | None = None,
    seed: int = 0,
    init: bool = False,
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
    init        whether parameters of modules without a value are drawn as torch draws them
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
    options = Options(
        settings, seed, max_memory, max_nodes, gradients=gradients, draws_parameters=init
    )
    return _compiled(program, options, keep, trace)(merged)


@without_inner_frames
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


@without_inner_frames
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
    return Minimized(descend(Evaluation(_tree(program), options), descent, merged), descent)
