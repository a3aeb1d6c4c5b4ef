"""Programs by the templates of their lines, beside the same walked statement by statement."""

from unittest import mock

from graphcalc.backends.base import NullObserver
from graphcalc.backends.python import PythonProgram
from graphcalc.diagnostics import GraphcalcError
from graphcalc.evaluate import Evaluation, Options
from graphcalc.graph import fragments
from graphcalc.source import Source
from graphcalc.syntax import parser, skeletons
from graphcalc.syntax.expr import postorder
from graphcalc.syntax.program import SyntaxTree

NEVER = 1 << 60


def by_lines(source):
    """A program in which templates stand for as many lines as they can; None if they cannot."""
    lines = skeletons.read_lines(source, few=0, often=1)
    return None if lines is None else SyntaxTree((lines,))


def shown_statement(statement):
    """All that a statement says, as plain data."""
    fields = statement._asdict()
    root = fields.pop("value", None) or fields.pop("body", None)
    nodes = postorder(root) if root is not None else []
    plain = [
        (type(n).__name__, n.span, *[getattr(n, s) for s in ("name", "op", "ops") if hasattr(n, s)])
        for n in nodes
    ]
    values = [getattr(n, "value", None) for n in nodes]
    called = [n.function.span for n in nodes if type(n).__name__ == "Call"]
    numbers = [repr(v) for v in values if isinstance(v, (float, bool, str))]
    return type(statement).__name__, repr(fields), plain, numbers, called


def shown_error(error):
    """All that a diagnostic says, as plain data."""
    d = error.diagnostic
    labels = [(label.source.name, label.source.text, *label[1:]) for label in d.labels]
    return type(error).__name__, d.code, d.message, labels, d.note, d.help


def shown_graph(graph):
    """All that a graph says, as plain data."""
    nodes = [
        (
            *(n.op.name, n.operands, repr(n.params), n.type, n.name, n.source.name, n.source.text),
            *(n.span, n.is_bound, n.is_hidden, n.written),
        )
        for n in graph.nodes
    ]
    notes = [(n.span, n.text) for n in graph.notes]
    return nodes, graph.results, graph.names, graph.static_inputs, notes, graph.sizes


def shown_run(program, inputs, options, bindings, often):
    """The graph and the values that a program comes to, or what is wrong with it.

    Calls have a fragment from the `often`th use of their form on.
    """
    with mock.patch.object(fragments, "OFTEN", often):
        return _shown_run(program, inputs, options, bindings)


def _shown_run(program, inputs, options, bindings):
    try:
        evaluation = Evaluation(program, options, bindings)
        inputs, described = evaluation.describe_inputs(inputs)
        graph = evaluation.graph(described)
    except GraphcalcError as error:
        return shown_error(error)
    kept = frozenset(range(len(graph)))
    values = PythonProgram(graph.replace(), kept).run(inputs, NullObserver())
    plain = {p: v.tolist() if hasattr(v, "tolist") else v for p, v in values.items()}
    return shown_graph(graph), repr(plain)


def assert_as_walked(text, inputs=None, bindings=None, **options):
    """Fail unless a program's lines come to what its statements come to, one by one.

    Returns whether templates stand for lines: not where the program is wrong, for which there
    must be none, nor where it has other statements.
    """
    source = Source(text)
    try:
        walked = parser.parse_program(source)
    except GraphcalcError:
        # What is wrong is for the ordinary way to say.
        assert by_lines(source) is None
        return False
    lines = by_lines(source)
    if lines is None:
        return False
    assert [*map(shown_statement, lines.statements)] == [*map(shown_statement, walked.statements)]
    # Anew: statements that were asked for must not matter.
    run = (inputs, Options(**options), bindings or {})
    spliced, fresh = shown_run(by_lines(source), *run, 1), shown_run(walked, *run, NEVER)
    assert spliced == fresh
    return True


def count_templates(text):
    """How many lines of a text templates stand for."""
    program = by_lines(Source(text))
    if program is None:
        return 0
    return sum(t.statement is not None for t in program.parts[0].templates)
