"""Programs read by templates of their lines, compared with the same read by statements."""

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
    """Return a program in which templates stand for lines, or None where they cannot for all."""
    lines = skeletons.read_lines(source, few=0, often=1)
    return None if lines is None else SyntaxTree((lines,))


def plain_statement(statement):
    """Return everything in a statement as plain data."""
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


def plain_error(error):
    """Return everything in a diagnostic as plain data."""
    d = error.diagnostic
    labels = [(label.source.name, label.source.text, *label[1:]) for label in d.labels]
    return type(error).__name__, d.code, d.message, labels, d.note, d.help


def plain_graph(graph):
    """Return everything in a graph as plain data."""
    nodes = [
        (
            *(n.op.name, n.operands, repr(n.params), n.type, n.name, n.source.name, n.source.text),
            *(n.span, n.is_bound, n.is_hidden, n.written),
        )
        for n in graph.nodes
    ]
    notes = [(n.span, n.text) for n in graph.notes]
    return nodes, graph.results, graph.names, graph.static_inputs, notes, graph.sizes


def plain_outcome(program, inputs, options, bindings, often):
    """Return the graph and the values of a program as plain data, or its diagnostic.

    Calls have a fragment from the `often`th use of their form on.
    """
    with mock.patch.object(fragments, "OFTEN", often):
        return _plain_outcome(program, inputs, options, bindings)


def _plain_outcome(program, inputs, options, bindings):
    try:
        evaluation = Evaluation(program, options, bindings)
        inputs, described = evaluation.describe_inputs(inputs)
        graph = evaluation.graph(described)
    except GraphcalcError as error:
        return plain_error(error)
    kept = frozenset(range(len(graph)))
    values = PythonProgram(graph.replace(), kept).run(inputs, NullObserver())
    plain = {p: v.tolist() if hasattr(v, "tolist") else v for p, v in values.items()}
    return plain_graph(graph), repr(plain)


def assert_as_walked(text, inputs=None, bindings=None, **options):
    """Raise AssertionError unless templates and statements give a program the same meaning.

    Returns whether templates stand for lines: not where the program is wrong, for which there
    must be none, nor where it has other statements.
    """
    source = Source(text)
    try:
        walked = parser.parse_program(source)
    except GraphcalcError:
        # Only the reader of statements reports errors.
        assert by_lines(source) is None
        return False
    lines = by_lines(source)
    if lines is None:
        return False
    assert [*map(plain_statement, lines.statements)] == [*map(plain_statement, walked.statements)]
    # Read again: the statements that were built above must not matter.
    run = (inputs, Options(**options), bindings or {})
    spliced, fresh = plain_outcome(by_lines(source), *run, 1), plain_outcome(walked, *run, NEVER)
    assert spliced == fresh
    return True


def count_templates(text):
    """Return how many lines of a text templates stand for."""
    program = by_lines(Source(text))
    if program is None:
        return 0
    return sum(t.statement is not None for t in program.parts[0].templates)
