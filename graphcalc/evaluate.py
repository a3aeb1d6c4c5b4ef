"""The pipeline from text to trace that the API and the command line share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from graphcalc.backends.base import KEEP, Inputs, Program, Settings, Sink, Value
from graphcalc.backends.choose import NARROW, check, compile_graph, is_slow, run_dtype
from graphcalc.backends.process import PROCESS
from graphcalc.data.arrays import FileArray
from graphcalc.data.inputs import describe, first_rounded, is_torch, read_in, unpacked, usable
from graphcalc.diagnostics import (
    DataError,
    Label,
    LimitError,
    ParseError,
    UsageError,
    brief,
)
from graphcalc.graph.call_tree import CallTree
from graphcalc.graph.ir import MAX_NODES, Graph, Limits
from graphcalc.graph.lowering import Binding, Input, constant_of, lower
from graphcalc.graph.names import target_of_backward
from graphcalc.graph.verify import verify
from graphcalc.ops.kernels.random import MAX_SEED
from graphcalc.ops.spec import FLOATS
from graphcalc.ops.table import OPS
from graphcalc.source import Source, Span
from graphcalc.syntax.program import AnyStatement, ProgramPart, SyntaxTree
from graphcalc.syntax.skeletons import parse_program
from graphcalc.trace import Trace

if TYPE_CHECKING:
    from graphcalc.data.loading import LoadedValue

# Graphs that are kept of one program, for inputs of different types.
_KEPT_GRAPHS = 16
# Bytes of an array in a file from which it is read tile by tile.
_LARGE = 64 << 20


class Gradients(NamedTuple):
    """Which gradients a run computes: those of the node `of` by all nodes, or by those in `wrt`.

    `seed` is the gradient of the node itself, needed where it is not a scalar; `with_locals` adds
    the derivative by every single use of a scalar.
    """

    of: str
    wrt: tuple[str, ...] | None = None
    seed: Binding | None = None
    with_locals: bool = False


class Options(NamedTuple):
    """Everything about a run that is not the program or its inputs.

    With `draws_parameters`, parameters of modules that have no value get one as torch draws it.
    """

    settings: Settings = Settings()
    seed: int = 0
    max_memory: int | None = None
    max_nodes: int = MAX_NODES
    is_check: bool = False
    gradients: Gradients | None = None
    draws_parameters: bool = False


class Outcome(NamedTuple):
    """A finished run: its trace, and the kept values by position of the graph.

    `calls` finds out which calls of functions added the nodes. `again_with_locals` runs it again
    with the derivative by every single use of a scalar; None where it has these, or no gradients.
    """

    graph: Graph
    program: Program
    trace: Trace
    values: dict[int, Value]
    inputs: Inputs
    again_with_locals: Callable[[], Outcome] | None = None
    calls: Callable[[], CallTree] | None = None

    def retraced(self) -> Outcome:
        """Return this run with a record of every node; runs the program again."""
        whole = traced(self.graph, self.program, self.inputs)
        return self._replace(trace=whole.trace)

    def with_locals(self) -> Outcome:
        """Return this run with the derivative by every single use of a scalar."""
        return self if self.again_with_locals is None else self.again_with_locals()

    def non_finite(self) -> Iterator[int]:
        """Yield the positions of results and of inputs' gradients that are not finite."""
        graph = self.graph
        gradients = [g for p, g in graph.gradients.items() if graph.nodes[p].is_input]
        return (p for p in (*graph.results, *gradients) if any(self.trace.non_finite(p)))

    def has_non_finite(self) -> bool:
        """Return whether there are any."""
        return any(True for _ in self.non_finite())


def default_memory() -> int:
    """Return half of the machine's memory, in bytes."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return 4 << 30


def memory_limit(options: Options) -> int:
    """Return the bytes that values may take at once."""
    return options.max_memory if options.max_memory is not None else default_memory()


def parse(sources: Sequence[Source], max_nodes: int = MAX_NODES) -> SyntaxTree:
    """Return the program of several sources, in order.

    Raises ParseError, and LimitError where the operators need more nodes than are allowed.
    """
    parts: list[ProgramPart | tuple[AnyStatement, ...]] = []
    with PROCESS.collection.lasting():
        for source in sources:
            _check_length(source, max_nodes)
            parts += parse_program(source).parts
    program = SyntaxTree(tuple(parts))
    if not program.has_values():
        last = sources[-1]
        end = len(last.text)
        only = "only definitions" if program.statements else "end of input"
        raise ParseError(
            "empty-program",
            f"expected an expression, got {only}",
            (Label(last, Span(end, end)),),
        )
    return program


def _check_length(source: Source, max_nodes: int) -> None:
    """Raise LimitError for a text that would take minutes to parse."""
    text = source.text
    if len(text) < 1_000_000:
        return
    operators = sum(map(text.count, "+-*/%@^<>&|"))
    symbols = operators + sum(map(text.count, "()[]=,.;:"))
    if operators >= max_nodes or symbols >= 4 * max_nodes:
        raise LimitError(
            "program-size",
            f"the program has {symbols:,} operators and brackets, more than "
            f"{max_nodes:,} nodes can need",
            (Label(source, Span(0, 0)),),
            help="raise it with --max-nodes",
        )


def with_own_gradients(options: Options, program: SyntaxTree) -> Options:
    """Return options that ask for the gradients that a program takes itself: `loss.backward()`."""
    target = target_of_backward(program) if options.gradients is None else None
    return options if target is None else options._replace(gradients=Gradients(target))


class Evaluation:
    """A parsed program with its options, to run any number of times.

    The graph is made for the types of the inputs, and again only when these change (or the value
    of an input that decides a shape). Without `keeps_results`, large results are not kept whole
    unless `keep` names them. `records` are the nodes that a trace records besides the results and
    those in `keep`; None for all.
    """

    def __init__(
        self,
        program: SyntaxTree,
        options: Options | None = None,
        bindings: Mapping[str, Binding] | None = None,
        keep: Sequence[str] = (),
        files: Mapping[str, LoadedValue] | None = None,
        *,
        keeps_results: bool = True,
        records: Sequence[str] | None = None,
    ) -> None:
        self.program, self.options, self.keep = program, options or Options(), keep
        self.bindings, self.files = bindings or {}, files or {}
        self.keeps_results, self.records = keeps_results, records
        self._ready: dict[object, tuple[dict[str, str], Graph, Program]] = {}
        self.options = self.options._replace(settings=check(self.options.settings))
        if not 0 <= self.options.seed <= MAX_SEED:
            raise UsageError("seed", f"the seed must be between 0 and {MAX_SEED}")

    def run(
        self,
        inputs: Inputs | None = None,
        notify: Callable[..., None] | None = None,
        sinks: Callable[[Graph], Mapping[int, Sink]] | None = None,
    ) -> Outcome:
        """Run the program on these inputs; `notify` receives notes for the user.

        `sinks` returns the sinks of a graph's values, which take them while they are computed.
        """
        inputs, described = self.describe_inputs(inputs)
        graph, program = self._prepare(described, inputs)
        in_parts = frozenset() if program.backend == "python" else _in_parts(inputs)
        inputs = {
            n: v if n in in_parts else read_in(v)
            for n, v in inputs.items()
            if not described[n].is_spare or n in graph.inputs
        }
        if notify is not None:
            rounded = (*self._rounded_in_files(described), *_roundings(graph, described, inputs))
            for label in (*graph.notes, *rounded):
                notify(label.text, label)
            if is_slow(graph, program):
                notify("this takes a while in Python; with torch it is fast: pip install torch")
        before = program.compile_seconds
        taken = None if sinks is None else sinks(graph)
        outcome = traced(graph, program, inputs, taken, self._recorded(graph))
        outcome = outcome._replace(calls=partial(self.call_tree, described))
        gradients = self.options.gradients
        if gradients is not None and not gradients.with_locals:
            outcome = outcome._replace(again_with_locals=lambda: self.with_locals().run(inputs))
        if notify is not None and program.compile_seconds > before:
            notify(f"torch.compile took {program.compile_seconds - before:.1f} s")
        return outcome

    def _rounded_in_files(self, described: Mapping[str, Input]) -> Iterator[Label]:
        """Yield notes on whole numbers that were rounded as they were read."""
        if not self.files:
            return
        from graphcalc.graph.integers import rounding_note

        for name, loaded in self.files.items():
            value, dtype = loaded.value, described[name].type.dtype
            is_list = dtype in FLOATS and isinstance(value, (int, list))
            found = first_rounded(value) if is_list else int(loaded.rounded or 0)
            if found:
                yield rounding_note(loaded.label, dtype, found)

    def _recorded(self, graph: Graph) -> frozenset[int] | None:
        if self.records is None:
            return None
        named = [graph.find(name) for name in (*self.records, *self.keep)]
        return frozenset([*graph.results, *named])

    def with_options(self, options: Options, keep: Sequence[str]) -> Evaluation:
        """Return the same program and bindings with other options."""
        return Evaluation(
            self.program,
            options,
            self.bindings,
            keep,
            self.files,
            keeps_results=self.keeps_results,
            records=self.records,
        )

    def with_locals(self) -> Evaluation:
        """Return the same program with the derivative by every single use of a scalar."""
        assert self.options.gradients is not None
        gradients = self.options.gradients._replace(with_locals=True)
        return self.with_options(self.options._replace(gradients=gradients), self.keep)

    def describe_inputs(
        self, inputs: Inputs | None = None
    ) -> tuple[dict[str, Value], dict[str, Input]]:
        """Return the values of all inputs, from files and for this run, and their types."""
        values = {name: loaded.value for name, loaded in self.files.items()} | dict(inputs or {})
        values = {name: usable(unpacked(name, value)) for name, value in values.items()}
        return values, self._describe(values)

    def _describe(self, inputs: Inputs) -> dict[str, Input]:
        settings = self.options.settings
        dtype = run_dtype(settings)
        found = {}
        for name, value in inputs.items():
            described = describe(name, value, dtype, settings.dtype)
            if name in self.files:
                _, label, written, _, is_spare = self.files[name]
                described = described._replace(place=label, written=written, is_spare=is_spare)
                if settings.backend == "python" and described.type.dtype in NARROW:
                    message = f"`{name}` is {described.type.dtype}, which needs --backend torch"
                    raise DataError("file-dtype", message, (label,))
            found[name] = described
        return found

    def graph(
        self, inputs: Mapping[str, Input], columns: Mapping[str, Input] | None = None
    ) -> Graph:
        """Return the graph for inputs of these types, and for columns that names may stand for."""
        with PROCESS.collection.lasting():
            graph = self._lowered(inputs, columns)
            if self.options.gradients is not None:
                graph = _with_gradients(graph, self.options.gradients)
            verify(graph)
        return graph

    def call_tree(self, inputs: Mapping[str, Input]) -> CallTree:
        """Return which calls of functions added the nodes of the graph for these inputs."""
        tree = self._lowered(inputs, has_calls=True).calls
        assert tree is not None
        return tree

    def _lowered(
        self,
        inputs: Mapping[str, Input],
        columns: Mapping[str, Input] | None = None,
        *,
        has_calls: bool = False,
    ) -> Graph:
        options = self.options
        return lower(
            self.program,
            self.bindings,
            inputs,
            dtype=run_dtype(options.settings),
            limits=Limits(options.max_nodes, memory_limit(options)),
            seed=options.seed,
            is_check=options.is_check,
            draws=options.draws_parameters,
            columns=columns,
            has_calls=has_calls,
        )

    def _prepare(self, described: dict[str, Input], inputs: Inputs) -> tuple[Graph, Program]:
        """Return the graph and the program for inputs of these types, from the cache if there."""
        settings = self.options.settings
        for value in inputs.values():
            if is_torch(value) and settings.backend != "python" and settings.device is None:
                settings = settings._replace(backend="torch", device=str(value.device))
        key = (settings, tuple((name, input_.type) for name, input_ in described.items()))
        if key in self._ready:
            static, graph, program = self._ready[key]
            if all(_static_value(described[name]) == value for name, value in static.items()):
                return graph, program
        graph = self.graph(described)
        static = {name: _static_value(described[name]) for name in graph.static_inputs}
        keep = [graph.find(name) for name in self.keep]
        wanted = self.options.gradients.wrt if self.options.gradients else None
        kept = kept_nodes(graph, keep, has_all_gradients=wanted is not None)
        if not self.keeps_results:
            kept = frozenset(p for p in kept if p in keep or graph.nodes[p].type.numel <= KEEP)
        with PROCESS.collection.lasting():
            program = compile_graph(graph, settings, kept, _in_parts(inputs))
        while len(self._ready) >= _KEPT_GRAPHS:
            del self._ready[next(iter(self._ready))]
        self._ready[key] = static, graph, program
        return graph, program


def _static_value(described: Input) -> str:
    """Return what tells the value of an input that shaped a graph from others."""
    return repr((described.scalar, described.text))


def _in_parts(inputs: Inputs) -> frozenset[str]:
    """Return the inputs that are large arrays in files, stored in row-major order."""
    return frozenset(
        name
        for name, value in inputs.items()
        if isinstance(value, FileArray)
        and value.order == "C"
        and value.numel * value.itemsize >= _LARGE
    )


def _roundings(graph: Graph, described: Mapping[str, Input], inputs: Inputs) -> Iterator[Label]:
    """Yield notes on whole numbers of inputs that become floating point and are rounded."""
    if not any(given.type.dtype == "int64" for given in described.values()):
        return
    from graphcalc.graph.integers import is_noted, rounding_note, roundings

    for leaf, reader in roundings(graph.nodes).items():
        node = graph.nodes[leaf]
        value = first_rounded(inputs[node.params[1]]) if node.op is OPS["input"] else None
        if value is not None:
            reading = graph.nodes[reader]
            label = Label(reading.source, reading.span)
            if not is_noted(label, graph.notes):
                yield rounding_note(label, reading.type.dtype, value)


def kept_nodes(
    graph: Graph, keep: Iterable[int], *, has_all_gradients: bool = False
) -> frozenset[int]:
    """Return the nodes whose values a run keeps: results, those in `keep`, and gradients.

    The gradients are all of them, or those by inputs, by results and by the nodes in `keep`.
    """
    kept = {*graph.results, *keep}
    gradients = {
        gradient
        for position, gradient in graph.gradients.items()
        if has_all_gradients or graph.nodes[position].is_input or position in kept
    }
    return frozenset(kept | gradients)


def traced(
    graph: Graph,
    program: Program,
    inputs: Inputs,
    sinks: Mapping[int, Sink] | None = None,
    only: frozenset[int] | None = None,
) -> Outcome:
    """Run a graph and record every node, or those in `only`."""
    trace = Trace(graph, program, only)
    return Outcome(graph, program, trace, program.run(inputs, trace, sinks), inputs)


def _with_gradients(graph: Graph, wanted: Gradients) -> Graph:
    from graphcalc.graph.backward import differentiate

    if "," in wanted.of:
        raise UsageError(
            "gradient-of-several",
            f"`{brief(wanted.of)}` names several nodes, and gradients are those of one",
            help="name the one that is small, --grad loss, and those it depends on: --wrt w,b",
        )
    target = graph.find(wanted.of)
    wrt = None if wanted.wrt is None else [graph.find(name) for name in wanted.wrt]
    seed = None if wanted.seed is None else constant_of("--seed-grad", wanted.seed)
    return differentiate(graph, target, wrt, seed, with_locals=wanted.with_locals)
