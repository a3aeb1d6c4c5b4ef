"""What of a graph stands in a picture: calls folded to a depth, repeats, groups of inputs."""

from __future__ import annotations

import pytest

import graphcalc as gc
from graphcalc.drawing.diagram import with_fewer_boxes

LAYERS = "double(x) = 2 * x\nshift(x, b) = x + b\nlayer(x, w, b) = tanh(shift(double(x) * w, b))\n"
ONE = LAYERS + "y = layer(x, w, b)"


def names_of(picture: gc.Picture) -> list[str]:
    """The first line of every box."""
    return [box.lines[0].text for box in picture.diagram.boxes]


def texts_of(picture: gc.Picture, name: str) -> list[str]:
    """All lines of the box of this name."""
    return next(
        [line.text for line in box.lines]
        for box in picture.diagram.boxes
        if box.lines[0].text == name
    )


def edges_of(picture: gc.Picture) -> set[tuple[str, str]]:
    """The arrows by the names of their boxes."""
    names = names_of(picture)
    return {(names[a.upper], names[a.lower]) for a in picture.diagram.arrows}


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (0, ["x", "w", "b", "y"]),
        (1, ["x", "w", "b", "a", "c", "d", "y"]),
        (2, ["x", "w", "b", "a", "c", "d", "y"]),
        (None, ["x", "w", "b", "a", "c", "d", "y"]),
    ],
)
def test_calls_are_unfolded_to_a_depth(depth, expected):
    """At depth 0 a call is one box; a call that is one node stays that node."""
    picture = gc.run(ONE, x=1, w=2, b=3).graph(depth=depth)
    assert names_of(picture) == expected


def test_a_folded_call_says_what_it_is():
    """Its box has the name and the value of its result, the text of the call, and its size."""
    result = gc.run(ONE, x=0, w=2, b=0.5)
    picture = result.graph(depth=0, digits=4)
    assert texts_of(picture, "y") == ["y", "layer(x, w, b)", "0.4621", "4 nodes"]
    assert edges_of(picture) == {("x", "y"), ("w", "y"), ("b", "y")}
    assert picture.diagram.remarks[0] == "7 nodes, of which 4 are folded"


def test_composites_of_the_prelude_are_calls():
    """softmax is one box when folded, and its own steps are no calls of their own."""
    result = gc.run("y = softmax(x, dim=0)", x=[1, 2])
    assert names_of(result.graph(depth=0)) == ["x", "y"]
    assert names_of(result.graph(depth=1)) == result.names


def test_a_call_may_have_several_results():
    """What is read of a folded call are its names."""
    program = "f(x) = [sum(x), sum(x * x)]\ns = f(x)\nt = softmax(x, dim=0)\nu = s[0] * t"
    picture = gc.run(program, x=[1, 2, 3]).graph(depth=0)
    assert {"s", "t", "u"} <= set(names_of(picture))


def blocks(count: int, *, is_shared: bool) -> tuple[str, dict[str, float]]:
    """A program of layers one after another, with their own weights or all with the same."""
    lines, inputs = [LAYERS], {"x0": 0.5}
    for i in range(count):
        w, b = ("w", "b") if is_shared else (f"w{i}", f"b{i}")
        inputs |= {w: 0.9, b: 0.1}
        lines.append(f"x{i + 1} = layer(x{i}, {w}, {b})")
    return "\n".join(lines), inputs


def test_a_picture_folds_until_it_is_readable():
    """Ten layers are drawn in full, thirty as calls, a hundred as one box."""
    counts = {}
    for count in (10, 30, 100):
        program, inputs = blocks(count, is_shared=True)
        counts[count] = len(names_of(gc.run(program, inputs).graph()))
    assert counts == {10: 43, 30: 33, 100: 4}


@pytest.mark.parametrize("is_shared", [True, False])
def test_repeated_calls_are_one_box(is_shared):
    """It says how often, and whether they read the same weights."""
    program, inputs = blocks(100, is_shared=is_shared)
    picture = gc.run(program, inputs).graph()
    same = ", same weights" if is_shared else ""
    lines = texts_of(picture, "x100")
    assert lines[1] == "layer × 100"
    assert lines[-1] == f"4 nodes each{same}"
    if not is_shared:
        assert any("200 inputs" in line.text for box in picture.diagram.boxes for line in box.lines)


def test_other_calls_between_end_a_run():
    """Calls of another shape, or of another function, are not joined with those before them."""
    program, inputs = blocks(90, is_shared=True)
    program += "\nz = softmax([x90, 1], dim=0)\nlast = layer(z[0], w, b)"
    names = names_of(gc.run(program, inputs).graph())
    assert {"x90", "z", "last"} <= set(names)


def test_a_call_that_reads_another_value_ends_a_run():
    """A layer that reads what is computed from the run is not part of it: no arrow goes back."""
    program, inputs = blocks(60, is_shared=True)
    lines = program.splitlines()
    lines.insert(len(lines) - 20, "extra = x30 * 2")
    program = "\n".join(lines).replace("x41 = layer(x40, w, b)", "x41 = layer(x40, extra, b)")
    picture = gc.run(program, inputs).graph()
    for arrow in picture.diagram.arrows:
        assert arrow.upper < arrow.lower
    assert "extra" in names_of(picture)


def test_both_operands_have_an_arrow():
    """x * x is two uses of x, and a folded call one."""
    assert len(gc.run("y = x * x", x=3).graph().diagram.arrows) == 2
    program = "f(x) = x * x + x\ny = f(x)"
    assert len(gc.run(program, x=3).graph(depth=0).diagram.arrows) == 1


def test_arrows_carry_local_derivatives():
    """Of scalars each arrow says what one step in the operand changes, both uses of x too."""
    picture = gc.run("y = x * x + sin(x)", x=3, grad="y").graph(digits=4)
    labels = [arrow.label for arrow in picture.diagram.arrows]
    assert labels.count("∂a/∂x = 3") == 2
    assert "∂b/∂x = -0.9900" in labels


def test_nodes_without_a_name_are_passed_over():
    """An arrow leads from what a hidden node was computed from."""
    result = gc.run("y = softmax(x, dim=0)", x=[1.0, 2])
    names = set(names_of(result.graph()))
    for upper, lower in edges_of(result.graph()):
        assert upper in names
        assert lower in names
    assert ("x", "a") in edges_of(result.graph())


def test_plans_have_pictures_with_costs():
    """Shapes, operations and bytes stand in the boxes, symbols too."""
    plan = gc.check("x: [B, 3]; w: [3, 2]; y = x @ w")
    picture = plan.graph()
    assert texts_of(picture, "y") == ["y", "x @ w", "(B, 2) float64", "16*B B", "12*B operations"]


def test_folded_calls_cost_what_is_inside():
    """The operations of all nodes of a call, and after a profile the time of all."""
    plan = gc.check("x: [2, 3]; f(x) = tanh(x * 2) + 1; y = f(x)")
    assert texts_of(plan.graph(depth=0), "y")[2:] == [
        *("(2, 3) float64", "48 B", f"{sum(step.operations for step in plan)} operations"),
        "3 nodes",
    ]
    result = gc.run("f(x) = tanh(x * 2) + 1; y = f(x)", x=[1.0, 2])
    seconds = {record.name: record.share for record in result.profile()}
    (box,) = (box for box in result.graph(depth=0).diagram.boxes if box.is_folded)
    (cost,) = (line.text for line in box.lines if "%" in line.text)
    inside = sum(share for name, share in seconds.items() if name != "x")
    assert float(cost.rpartition(" ")[2].removesuffix("%")) == pytest.approx(100 * inside, abs=0.06)


def test_profiles_shade_boxes():
    """After a profile each box says the node's time, and the shares add up to one."""
    program = "y = x * x; z = y + 1"
    outcome = gc.run(program, x=[1.0, 2])
    outcome.profile()
    boxes = outcome.graph().diagram.boxes
    assert sum(box.shade or 0 for box in boxes) == pytest.approx(1, abs=1e-6)


def test_the_birth_of_nan_is_marked_and_found_inside_of_folded_calls():
    """The box where it is born says so; a folded call says that it happens inside."""
    program = "f(x) = log(x - 1) * 2\ny = f(x) + 1"
    unfolded = gc.run(program, x=0).graph(depth=1)
    born = [box.lines[0].text for box in unfolded.diagram.boxes if box.born]
    assert born == ["b"]
    folded = gc.run(program, x=0).graph(depth=0)
    (box,) = (box for box in folded.diagram.boxes if box.born)
    assert box.lines[-1].text == "← nan born inside"


def test_a_run_without_a_full_trace_has_no_picture():
    """Only a record of every node can be drawn."""
    with pytest.raises(gc.UsageError, match="only some nodes were recorded"):
        gc.run("y = x + 1", x=1, trace="results").graph()


def test_the_call_tree_has_the_nodes_of_the_graph():
    """Lowering with its calls recorded makes the same graph as with fragments."""
    lines = "\n".join(f"y{i} = layer(y{i - 1}, {i}.5, b)" for i in range(1, 60))
    result = gc.run(f"{LAYERS}y0 = x\n{lines}", x=1, b=2)
    picture = result.graph(depth=1_000)
    assert names_of(picture) == result.names


# `w` and `b` are computed from numbers, which are left out where they become inputs.
DESCENT = "f(x) = tanh(x*w + b)\nw = 2*0.25\nb = 1 - 0.5\nloss = (f(f(t)) - 0.3)^2"


@pytest.fixture(scope="module")
def descended():
    return gc.minimize(DESCENT, t=1, loss="loss", update="w,b", lr=0.1, iterations=20)


def test_the_last_run_of_a_descent_is_folded(descended):
    """Its graph has other positions than the program's, and the same calls."""
    picture = descended.graph(depth=0)
    assert names_of(picture) == ["t", "w", "b", "d", "h", "i", "loss"]
    assert [texts_of(picture, name)[1] for name in ("d", "h")] == ["f(t)", "f(f(t))"]
    assert {("w", "d"), ("d", "h"), ("w", "h"), ("b", "h")} <= edges_of(picture)


def test_the_last_run_of_a_descent_has_local_derivatives(descended):
    """They are those of a run on the values that were found."""
    arrows = descended.graph(digits=9).diagram.arrows
    run = gc.run(DESCENT, t=1, w=descended["w"], b=descended["b"], grad="loss")
    assert [a.label for a in arrows if a.label] == [
        a.label for a in run.graph(digits=9).diagram.arrows if a.label
    ]
    assert sum(bool(arrow.label) for arrow in arrows) == 12


@pytest.mark.parametrize(
    ("program", "depth", "advice"),
    [
        ("f(x) = sin(x) + 1\ny = f(f(x))", None, "fold calls of functions with --depth 0"),
        ("f(x) = sin(x) + 1\ny = f(f(x))", 0, ""),
        ("y = sin(x) + 1", None, ""),
        ("y = sin(x) + 1", 0, ""),
        ("f(x) = sin(x) + 1\n" + "y = " + "f(" * 90 + "x" + ")" * 90, None, ""),
        ("f(x) = sin(x) + 1\n" + "y = " + "f(" * 90 + "x" + ")" * 90, 0, "leave out --depth"),
    ],
)
def test_advice_to_fold_is_given_where_something_folds(program, depth, advice):
    """A picture without calls, or with all of them folded, is told what else helps."""
    found = gc.run(program, x=0.5).graph(depth=depth).diagram.more_folding
    assert found.startswith(advice)
    assert bool(found) == bool(advice)
    helped = with_fewer_boxes(found, "write .svg")
    assert ("into functions" in helped) == (not advice)


def test_scalars_and_elements_have_the_digits_of_the_table():
    """A number is the same text in its own box, as an element, and in a statistic."""
    result = gc.run("a = x / 3; b = [a, a]; c = ones(4, 4) * a", x=2)
    picture = result.graph()
    assert texts_of(picture, "a")[-1] == "0.6666666…"
    assert texts_of(picture, "b")[-1] == "[0.6666666…, 0.6666666…]"
    assert texts_of(picture, "c")[-3:] == ["min 0.6666666…", "mean 0.6666666…", "max 0.6666666…"]
    rounded = result.graph(digits=3)
    assert texts_of(rounded, "a")[-1] == "0.667"
    assert texts_of(rounded, "b")[-1] == "[0.667, 0.667]"
    assert texts_of(rounded, "c")[-1] == "max 0.667"


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (3, "[0.1428571…, 0.1428571…, 0.1428571…]"),
        (4, "[0.142857, 0.142857, 0.142857, 0.142857]"),
        (5, "[0.1429, 0.1429, 0.1429, 0.1429, 0.1429]"),
        (6, "[0.143, 0.143, 0.143, 0.143, 0.143, 0.143]"),
        (7, "max 0.1428571…"),
    ],
)
def test_wide_tensors_are_rounded_to_fewer_digits(width, text):
    """As many digits as the box has room for, down to three; then statistics."""
    picture = gc.run(f"y = ones({width}) / 7").graph()
    assert texts_of(picture, "y")[-1] == text


def test_long_names_do_not_cut_gradients():
    """A gradient whose names are long is called one, and has its number whole."""
    names = "a_name_of_some_length_here", "the_other_name_of_such_length"
    picture = gc.run(f"{names[0]} = x / 3; {names[1]} = {names[0]} * x", x=2, grad=names[1]).graph()
    assert texts_of(picture, names[0])[-1] == "gradient = 2"
    assert texts_of(picture, "x")[-1] == "gradient = 1.333333…"


def test_several_results_of_a_call_have_whole_values():
    """A line each: long names are cut and values are not, and a matrix has all of its rows."""
    program = "f(x) = (x + 1, x / 7 * 2)\nthe_first_of_both_results, second = f(x)\n"
    program += "y = the_first_of_both_results + second"
    matrix = gc.run(program, x=[[1, 2], [3, 4]]).graph(depth=0)
    name = "the_first_of_both_results, second"
    assert texts_of(matrix, name)[2:4] == [
        "the_first_of_both…: [[2, 3], [4, 5]]",
        "second: (2, 2) float64",
    ]
    scalar = gc.run(program, x=1 / 3).graph(depth=0)
    assert texts_of(scalar, name)[2:4] == ["the_first_of_both…: 1.333333…", "second: 0.09523809…"]
