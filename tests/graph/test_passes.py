"""Passes that renumber a graph say where its nodes went, and keep what belongs together."""

import graphcalc as gc
from graphcalc.evaluate import Evaluation, Gradients, Options
from graphcalc.graph.passes import subgraph, with_inputs

PROGRAM = "f(x) = tanh(x) * w\nw = 2 * 0.25\nu = x * 3\ny = f(f(w + 1)) + f(x)"


def prepared():
    tree = gc.parse(PROGRAM)
    evaluation = Evaluation(tree, Options(gradients=Gradients("y")))
    _, described = evaluation.describe_inputs({"x": 1.5})
    return evaluation.graph(described), evaluation.call_tree(described)


def test_nodes_are_found_at_their_new_positions():
    """The names of all that is left are those before."""
    graph, _ = prepared()
    w, y = graph.names["w"], graph.names["y"]
    for changed, moved in (with_inputs(graph, [w]), subgraph(graph, [y])):
        assert len(moved) == len(changed.nodes) < len(graph.nodes)
        for old, new in moved.items():
            assert changed.nodes[new].name == graph.nodes[old].name
            assert changed.nodes[new].type == graph.nodes[old].type


def test_calls_are_those_of_the_same_nodes():
    """A node has the call after the pass that it has before it."""
    graph, calls = prepared()
    changed, moved = with_inputs(graph, [graph.names["w"]])
    owners = calls.moved(moved).owners
    assert len(owners) == changed.forward
    assert {o for o in owners if o is not None} == {0, 1, 2}
    for old, new in moved.items():
        if old < len(calls.owners):
            assert owners[new] == calls.owners[old]


def test_derivatives_are_those_of_nodes_of_the_same_graph():
    """The nodes of a backward pass name a node of their own graph as what they derive."""
    graph, _ = prepared()
    changed, _ = with_inputs(graph, [graph.names["w"]])
    own = {id(node) for node in changed.nodes}
    derived = [node.derivative_of[0] for node in changed.nodes if node.derivative_of]
    assert derived
    assert all(id(node) in own for node in derived)
