"""From text to graph: sharing, letters, versions of names, functions, bindings, limits."""

import pytest
from agreement import result, run, value_of

from graphcalc.backends.base import Settings
from graphcalc.diagnostics import (
    BindingError,
    CallError,
    InternalError,
    LimitError,
    ProgramError,
    UnknownNameError,
    UsageError,
)
from graphcalc.evaluate import Evaluation, Options, parse
from graphcalc.graph.lowering import Binding, Input
from graphcalc.graph.verify import verify
from graphcalc.ops.spec import Type
from graphcalc.source import Source, Span
from graphcalc.syntax.parser import parse_expression


def graph_of(text, shapes=None, bindings=None, **options):
    """The graph of a text for inputs of some shapes; nothing is computed."""
    inputs = {n: Input(Type(s, "float64", not s)) for n, s in (shapes or {}).items()}
    program = Evaluation(parse([Source(text)]), Options(Settings(), **options), bindings or {})
    graph = program.graph(inputs)
    verify(graph)
    return graph


def bind(**values):
    """Bindings as the command line makes them."""
    found = {}
    for name, text in values.items():
        source = Source(text, "<binding>")
        found[name] = Binding(source, parse_expression(source), Span(0, len(text)))
    return found


def shown(text, inputs=None, **options):
    """The trace as lines `name = text`."""
    return [f"{r.name} = {r.text.strip()}" for r in run(text, "python", inputs, **options).trace]


def fails(error, text, inputs=None, backend="python", **options):
    """The diagnostic that a program ends with."""
    with pytest.raises(error) as caught:
        run(text, backend, inputs, **options)
    return caught.value.diagnostic


def spanned(diagnostic):
    """The text under the first caret."""
    return diagnostic.labels[0].source.slice(diagnostic.labels[0].span)


# Names and letters


def test_the_lesson():
    """The lesson's picture: e = a + b, f = c * d, g = e * f, with its numbers."""
    program = Evaluation(
        parse([Source("g = (a+b)*(c*d)")]),
        Options(Settings("python")),
        bind(a="2", b="-4", c="-2", d="2"),
    )
    trace = program.run().trace
    found = [(r.name, r.text, r.value, r.role) for r in trace]
    assert found == [
        ("a", "2", 2.0, "input"),
        ("b", "-4", -4.0, "input"),
        ("c", "-2", -2.0, "input"),
        ("d", "2", 2.0, "input"),
        ("e", "a + b", -2.0, "operation"),
        ("f", "c * d", -4.0, "operation"),
        ("g", "e * f", 8.0, "result"),
    ]
    assert [r.inputs for r in trace][4:] == [("a", "b"), ("c", "d"), ("e", "f")]


def test_letters_skip_names_in_use():
    """A node without a name gets the next letter that no name, function or constant has."""
    assert shown("(b + c) * e; a = 1; f(x) = x; y = f(2)*3", {"b": 1.0, "c": 2.0, "e": 3.0}) == [
        "b = ",
        "c = ",
        "e = ",
        "d = b + c",
        "g = d * e",
        "a = 1",
        "y = 2 * 3",
    ]


def test_letters_go_on_with_ba():
    """After z comes ba, as in a jaxpr."""
    text = "x" + "".join(f" + {n}" for n in range(2, 55))
    names = [line.split(" = ")[0] for line in shown(text, {"x": 1.0})]
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1) if chr(c) != "x"]
    expected = [*letters, *(f"b{c}" for c in "abcdefghijklmnopqrstuvwxyz"), "ca", "cb"]
    assert names == ["x", *expected[: len(names) - 1]]


def test_every_name_is_given_once():
    """Names that the user takes later are not given to nodes before."""
    names = [line.split(" = ")[0] for line in shown("x*2*3; a = x; b = a*4*5; c = 1", {"x": 1.0})]
    assert len(set(names)) == len(names)
    assert {"a", "b", "c"} <= set(names)


def test_a_name_assigned_again_is_another_node():
    """The last node of a name is x, the earlier ones x'1 and x'2, and each reads the one before."""
    assert shown("x = 1; x = x + 1; y = x; x = x * 10; y") == [
        "x'1 = 1",
        "x'2 = x'1 + 1",
        "y = x'2",
        "x = x'2 * 10",
    ]


def test_an_equal_name_is_an_alias():
    """Two names of one value are two nodes, the second of which repeats the first."""
    assert shown("a = u + v; b = u + v", {"u": 1.0, "v": 2.0})[2:] == ["a = u + v", "b = a"]


def test_statements_read_what_came_before():
    """A statement sees the assignments above it alone: below, the name is an input."""
    assert value_of("x = 1; y = x; x = 2; 10*y + x") == 12.0
    with pytest.raises(BindingError):
        run("y = x; x = 2")


# Sharing


@pytest.mark.parametrize(
    "text",
    [
        "(x + y) * (x + y)",
        "a = x + y; a * (x + y)",
        "f(u) = u + y; f(x) * f(x)",
        "f(u) = u + y; f(x) * (x + y)",
        "p = x + y; q = p * (x+y)",
    ],
)
def test_equal_expressions_are_one_node(text):
    """An expression that is written twice is computed once."""
    graph = graph_of(text, {"x": (), "y": ()})
    assert [n.op.name for n in graph].count("add") == 1


def test_different_expressions_are_different_nodes():
    """Order, zeros of either sign, and static arguments tell expressions apart."""
    assert [n.op.name for n in graph_of("x - y; y - x", {"x": (), "y": ()})].count("sub") == 2
    assert value_of("[1 / 0, 1 / -0, 1 / (0 * -1)]") == [float("inf"), float("-inf"), float("-inf")]
    graph = graph_of("sum(x, dim=0) + sum(x, dim=1)", {"x": (2, 2)})
    assert [n.op.name for n in graph].count("sum") == 2


@pytest.mark.parametrize("text", ["rand(2) - rand(2)", "f(n) = rand(n); f(2) - f(2)"])
def test_random_nodes_are_never_shared(text):
    """Every call of rand is a node of its own."""
    assert [n.op.name for n in graph_of(text)].count("rand") == 2


def test_a_random_value_is_shared_by_name():
    """A name stands for one draw, however often it is read."""
    assert value_of("r = rand(3); sum(r - r)") == 0.0


def test_doubling_stays_small():
    """Functions that call their predecessor twice unfold into a graph that grows by one each."""
    lines = ["f0(x) = x + 1"] + [f"f{i}(x) = f{i - 1}(x) * f{i - 1}(x)" for i in range(1, 60)]
    graph = graph_of("\n".join([*lines, "f59(a)"]), {"a": ()})
    assert len(graph) < 70


def test_unfolding_without_end_is_refused():
    """Doubling that cannot be shared ends in a LimitError, soon."""
    lines = ["f0(x) = x + rand()"] + [f"f{i}(x) = f{i - 1}(x) * f{i - 1}(x)" for i in range(1, 60)]
    with pytest.raises(LimitError) as caught:
        graph_of("\n".join([*lines, "f59(a)"]), {"a": ()}, max_nodes=20_000)
    assert caught.value.exit_status == 5


# Functions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(x) = x + 1; f(2)", 3),
        ("f(x, y=10) = x + y; f(1)", 11),
        ("f(x, y=10) = x + y; f(1, 2)", 3),
        ("f(x, y=10) = x + y; f(1, y=5)", 6),
        ("f(x, y) = x - y; f(y=1, x=5)", 4),
        ("f(x, y=x*2) = x + y; f(3)", 9),
        ("f(x, y=2, z=y+1) = x + y + z; f(1)", 6),
        ("f(x) = x*x; f(f(f(2)))", 256),
        ("f(x) = g(x) + 1; g(x) = x * 2; f(5)", 11),
        ("y = f(3); f(x) = x * 2; y", 6),
        ("f(x) = x + 1; g(x) = f(x) * f(x + 1); g(1)", 6),
        ("k = 3; f(x) = x * k; f(2)", 6),
        ("k = 3; f(x) = x * k; k = 4; f(2)", 8),
        ("f(x) = x + 1; a = f(1); f(x) = x + 10; a + f(1)", 13),
        ("f() = 42; f() + 1", 43),
        ("sin(x) = x * 100; sin(2)", 200),
        ("f(x, d) = sum(x, dim=d); f([[1, 2], [3, 4]], 0)", [4, 6]),
        ("f(x) = x.T; f([[1, 2]])", [[1], [2]]),
        ("f(n) = zeros(n); f(2)", [0, 0]),
        ("f(x) = x[1:]; f([1, 2, 3])", [2, 3]),
        ("f(a, b) = a * b; x = 3; x.f(2)", 6),
        ("f(x) = (x if x > 0 else -x); f(-3)", 3),
    ],
)
def test_functions_are_inlined(text, expected):
    """Calls substitute arguments, keywords and defaults, at any nesting, in any order."""
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "cycle"),
    [
        ("f(x) = f(x); f(1)", "`f` → `f`"),
        ("f(x) = g(x); g(x) = f(x) + 1; f(1)", "`f` → `g` → `f`"),
        ("a(x) = b(x); b(x) = c(x); c(x) = b(x); a(1)", "`b` → `c` → `b`"),
        ("f(x, y=f(1)) = x; f(2)", "`f` → `f`"),
    ],
)
def test_recursion_shows_its_cycle(text, cycle):
    """A function that comes back to itself is an error that shows the way it came."""
    diagnostic = fails(CallError, text)
    assert diagnostic.code == "recursion"
    assert cycle in diagnostic.message


@pytest.mark.parametrize(
    ("text", "code", "under"),
    [
        ("f(x) = x; f(1, 2)", "arity", "f(1, 2)"),
        ("f(x) = x; f()", "arity", "f()"),
        ("f(x) = x; f(y=1)", "unknown-keyword", "y=1"),
        ("f(x) = x; f(1, x=2)", "argument-twice", "x=2"),
        ("sin()", "arity", "sin()"),
        ("sin(1, 2)", "arity", "sin(1, 2)"),
        ("sum([1], dims=0)", "unknown-keyword", "dims=0"),
        ("3(4)", "not-a-function", "3"),
        ("x = 1; x(2)", "not-a-function", "x"),
        ("sin", "function-value", "sin"),
        ("sin + 1", "function-value", "sin"),
        ("f(x, x) = 1; f(1, 2)", "duplicate-parameter", "x"),
        ("f(x) = x; f", "function-value", "f"),
    ],
)
def test_wrong_calls(text, code, under):
    """A wrong call is a CallError with the span of what is wrong."""
    diagnostic = fails(CallError, text)
    assert (diagnostic.code, spanned(diagnostic)) == (code, under)


@pytest.mark.parametrize(
    ("text", "under", "hint"),
    [
        ("sinn(1)", "sinn", "sin"),
        ("[1, 2].summ()", "[1, 2].summ", "sum"),
        ("torch.sqqrt(4)", "torch.sqqrt", "sqrt"),
        ("foo(x) = x; fooo(1)", "fooo", "foo"),
    ],
)
def test_unknown_functions_get_a_hint(text, under, hint):
    """An unknown function is named, with the one that is probably meant."""
    diagnostic = fails(UnknownNameError, text)
    assert spanned(diagnostic) == under
    assert diagnostic.help == f"did you mean `{hint}`?"


def test_dunder_attributes_lead_nowhere():
    """Attributes are looked up in the language, never in Python."""
    for text in ("(1).__class__", "x = [1]; x.__class__.__mro__", "[1].__len__", "[1].nbytes"):
        assert fails(ProgramError, text).code == "unknown-attribute"


# Pasted code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("torch.sqrt(16)", 4),
        ("torch.nn.functional.relu(-2)", 0),
        ("F.relu(3)", 3),
        ("np.sum([[1, 2], [3, 4]], axis=0)", [4, 6]),
        ("np.mean([[1, 3]], axis=1, keepdims=True)", [[2]]),
        ("math.floor(2.5)", 2),
        ("max([1, 5, 2])", 5),
        ("max(2, 3)", 3),
        ("max([1, 5], [4, 2])", [4, 5]),
        ("[[1, 5], [4, 2]].max(dim=0)", [4, 5]),
        ("[[1, 5], [4, 2]].max(1)", [5, 4]),
        ("clamp(5, max=3)", 3),
        ("[1, 2, 3, 4].reshape(2, 2).T", [[1, 3], [2, 4]]),
        ("[1, 2, 3, 4].view((2, -1))", [[1, 2], [3, 4]]),
        ("zeros((2, 0)).sum()", 0),
        ("pi > 3 and tau > 6", True),
        ("pi = 3; pi * 2", 6),
    ],
)
def test_pasted_lines_run(text, expected):
    """Prefixes, methods and keywords of torch and NumPy mean what they do there."""
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("torch.max(x, torch.tensor(0.))", [[0, 5], [4, 0]]),
        ("torch.max(x, torch.tensor(1))", [[1, 5], [4, 1]]),
        ("torch.min(x, torch.tensor(2.) - 1)", [[-1, 1], [1, -2]]),
        ("z = torch.tensor(0.); torch.max(x, z)", [[0, 5], [4, 0]]),
        ("k = 1; z = torch.tensor(k); x.max(z * 1)", [[1, 5], [4, 1]]),
        ("z = 1.0; max(x, z)", [[1, 5], [4, 1]]),
        ("max(x, 2 * 0.5)", [[1, 5], [4, 1]]),
        ("max(x, -1.0)", [[-1, 5], [4, -1]]),
        ("d = int(1.0); max(x, d)", [5, 4]),
        ("d = x.dim() - 1; max(x, d)", [5, 4]),
        ("max(x, -1)", [5, 4]),
        ("max(x.size(0), 1)", 2),
        ("max(3, x.size(0))", 3),
        ("k = min(x.size(-1), 5); x.topk(k).values", [[5, -1], [4, -2]]),
    ],
)
def test_max_of_a_tensor_and_a_number(text, expected):
    """A whole number is a dimension of a tensor; a tensor, a point and two sizes are values."""
    assert value_of(text, "python", {"x": [[-1.0, 5.0], [4.0, -2.0]]}) == expected


# Bindings


def test_a_binding_replaces_the_assignment():
    """A name bound from outside wins over its first assignment; a later one stands."""
    text = "lr = 0.1; y = lr * 2; lr = 5; y + lr"
    assert value_of(text, "python", {"lr": 1.0}) == 7.0
    program = Evaluation(parse([Source(text)]), bindings=bind(lr="1"))
    assert result(program.run()) == 7.0


def test_a_binding_wins_over_a_constant():
    """A binding of a constant's name wins over the constant."""
    assert value_of("pi * 2", "python", {"pi": 3.0}) == 6.0


def test_bindings_are_constant_expressions():
    """A bound expression may compute with numbers and functions, but reads no names."""
    program = Evaluation(parse([Source("x * 2")]), bindings=bind(x="sqrt(16) + [1, 2]"))
    assert result(program.run()).tolist() == [10.0, 12.0]
    for text in ("y + 1", "x", "[a, 1]"):
        with pytest.raises(BindingError) as caught:
            Evaluation(parse([Source("x + y")]), bindings=bind(x=text, y="1")).run()
        assert caught.value.diagnostic.code == "binding-not-constant"


@pytest.mark.parametrize(
    ("text", "name", "code", "hint"),
    [
        ("weight * 2", "wieght", "unused-binding", "did you mean `weight`?"),
        ("weight = 1", "wieght", "unused-binding", "did you mean `weight`?"),
        ("sin(1)", "sin", "bound-builtin", ""),
        ("f(q) = q; f(1)", "q", "unused-binding", ""),
    ],
)
def test_bindings_in_vain_are_errors(text, name, code, hint):
    """A binding that the program does not use is an error with a hint, not silence."""
    given = {name: 1.0, **({"weight": 1.0} if "*" in text else {})}
    diagnostic = fails(BindingError, text, given)
    assert (diagnostic.code, diagnostic.help) == (code, hint)


def test_missing_inputs_are_listed_at_once():
    """A program without values for its inputs names all of them, in order."""
    diagnostic = fails(BindingError, "y = foo * bar\nf(t) = t + qux\nf(y) + pi + foo", {"bar": 1.0})
    assert diagnostic.code == "missing-input"
    assert diagnostic.message.startswith("`foo`, `qux` have no value")
    assert spanned(diagnostic) == "foo"


def test_unknown_nodes_cannot_be_kept():
    """Asking for a node that is not there is a UsageError with a hint."""
    with pytest.raises(UsageError) as caught:
        run("total = 1 + 2", keep=("totla",))
    assert caught.value.diagnostic.help == "did you mean `total`?"


# Static arguments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n = 2; zeros(n, n + 1)", [[0, 0, 0], [0, 0, 0]]),
        ("k = 1; [[1, 2], [3, 4]].sum(dim=k)", [3, 7]),
        ("i = 1; [5, 6, 7][i]", 6),
        ("i = 2; [5, 6, 7][i - 1:]", [6, 7]),
        ("n = 6; [1, 2, 3, 4, 5, 6].reshape(n // 2, -1)", [[1, 2], [3, 4], [5, 6]]),
        ("arange(2 ^ 2)", [0, 1, 2, 3]),
        ("sum([[1, 2]], keepdim=1 < 2)", [[3]]),
    ],
)
def test_static_arguments_are_constant_expressions(text, expected):
    """Sizes, dimensions, positions and flags may be computed from constants."""
    assert value_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "zeros(-2)",
        "zeros(1.5)",
        "zeros(nan)",
        "zeros(inf)",
        "zeros(1e30)",
        "zeros(rand())",
        "zeros(sum([1, 2]))",
        "sum([1], dim=0.5)",
        "sum([1], dim=rand())",
        "sum([1], keepdim=2)",
        "zeros(2, keepdim=true)",
        "arange(0, 1, 0)",
        "arange(inf)",
        "linspace(0, 1, -1)",
        "eye(1.5)",
    ],
)
def test_wrong_static_arguments(text):
    """A size that is no whole number, or is not known before the run, is refused."""
    with pytest.raises(ProgramError) as caught:
        run(text)
    assert caught.value.exit_status == 3


# Limits


@pytest.mark.parametrize(
    "text",
    [
        "rand(1000000000, 1000000000)",
        "zeros(100000000000)",
        "ones(100000, 1) + ones(1, 100000)",
        "full((1000000, 100000), 1)",
        "eye(1000000)",
        "arange(1e12)",
        "linspace(0, 1, 1000000000000)",
        "ones(1000000, 1) @ ones(1, 1000000)",
    ],
)
def test_memory_is_counted_before_it_is_used(text):
    """A value larger than the limit is refused before anything is computed."""
    import tracemalloc

    tracemalloc.start()
    with pytest.raises(LimitError) as caught:
        run(text, "python", max_memory=1 << 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
    assert caught.value.diagnostic.code == "memory"
    assert caught.value.exit_status == 5


def test_values_alive_together_are_counted():
    """Tensors that fit one by one, but not together, are refused; freed ones do not count."""
    together = "a = zeros(40000); b = cumsum(a, 0); c = cumsum(b, 0); a + b + c"
    with pytest.raises(LimitError):
        run(together, "torch", max_memory=700_000)
    chain = "zeros(40000)" + " + 1" * 20
    assert result(run(chain, "torch", max_memory=700_000)).shape == (40000,)


def test_doubling_tensors_is_refused_where_it_passes_the_limit():
    """Tensors that double with every line are refused at the line that passes the limit."""
    lines = ["a0 = zeros(8)"] + [f"a{i + 1} = [a{i}, a{i}].reshape(-1)" for i in range(40)]
    diagnostic = fails(LimitError, "\n".join(lines), max_memory=1 << 20)
    line, _ = diagnostic.labels[0].source.location(diagnostic.labels[0].span.start)
    assert 10 < line < 20


def test_nodes_are_counted():
    """A graph with more nodes than the limit is refused at the node that passes it."""
    text = "x" + " + 1.5 * x" * 50
    assert len(graph_of(text, {"x": ()}, max_nodes=60)) < 60
    with pytest.raises(LimitError) as caught:
        graph_of("x" + "".join(f" + {i}.5" for i in range(100)), {"x": ()}, max_nodes=60)
    assert caught.value.diagnostic.code == "nodes"


# Verification


def corrupted():
    """A graph and the ways to spoil it."""
    graph = graph_of("y = x @ w; z = sum(y) * 2", {"x": (2, 3), "w": (3, 4)})
    return graph, graph.names["y"]


def test_verify_finds_a_wrong_type():
    """A node whose type is not what its rule gives fails verification."""
    graph, y = corrupted()
    graph.nodes[y].type = graph.nodes[y].type._replace(shape=(2, 3))
    with pytest.raises(InternalError):
        verify(graph)


def test_verify_finds_a_wrong_dtype():
    """A node with another dtype than its rule gives fails verification."""
    graph, y = corrupted()
    graph.nodes[y].type = graph.nodes[y].type._replace(dtype="bool")
    with pytest.raises(InternalError):
        verify(graph)


def test_verify_finds_a_later_operand():
    """A node that reads itself or a later one fails verification."""
    for later in (0, 1):
        graph, y = corrupted()
        graph.nodes[y].operands = (0, y + later)
        with pytest.raises(InternalError):
            verify(graph)


def test_verify_finds_a_name_given_twice():
    """Two nodes of one name fail verification."""
    graph, y = corrupted()
    graph.nodes[y].name = "z"
    with pytest.raises(InternalError):
        verify(graph)


def test_verify_finds_a_result_that_is_not_there():
    """A result or a name beyond the nodes fails verification."""
    graph, _ = corrupted()
    graph.results = [len(graph)]
    with pytest.raises(InternalError):
        verify(graph)
    graph, _ = corrupted()
    graph.names["ghost"] = -1
    with pytest.raises(InternalError):
        verify(graph)


def test_only_what_is_needed_is_in_the_graph():
    """Every node leads to a result or a name, and results are what nothing else reads."""
    graph = graph_of("a = x + 1; b = a * 2; a - 3; f(q) = q * 100", {"x": ()})
    assert sorted(graph.nodes[i].op.name for i in graph.results) == ["mul", "sub"]
    assert len(graph) == 7


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("x = 3; y = x + 1", 6.0),
        ("x = x ** 2", 25.0),
        ("x = 3; x = x ** 2; y = x + 1", 26.0),
        ("y = x; x = 7; z = x + y", 12.0),
    ],
)
def test_a_binding_stands_for_the_first_assignment_alone(program, expected):
    """A bound value replaces a default, and what the program makes of it later stays."""
    source = Source("x=5", "<argument>")
    binding = Binding(source, parse_expression(Source("  5", "<argument>")), Span(0, 3))
    for bindings, inputs in (({"x": binding}, {}), ({}, {"x": 5.0})):
        outcome = Evaluation(parse([Source(program)]), Options(), bindings).run(inputs)
        assert outcome.trace.results[-1].value == expected
