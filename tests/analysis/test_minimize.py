"""Descents: beside torch.optim, their early stop, what they refuse, and what they save."""

import json
import math

import pytest
from running import graphcalc

import graphcalc as gc

LINE = "loss = mean((w*x + b - y)^2)"
DATA = {"x": [1.0, 2.0, 3.0, 4.0], "y": [3.0, 5.0, 7.0, 9.0], "w": 0.0, "b": 0.0}


def by_torch(optimizer, lr, iterations):
    """The same line fitted with torch alone: the losses, w and b."""
    import torch

    x, y = (torch.tensor(DATA[n], dtype=torch.float64) for n in "xy")
    w, b = (torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(2))
    steps = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]([w, b], lr=lr)
    losses = []
    for _ in range(iterations):
        steps.zero_grad()
        loss = ((w * x + b - y) ** 2).mean()
        losses.append(loss.item())
        loss.backward()
        steps.step()
    losses.append(((w * x + b - y) ** 2).mean().item())
    return losses, w.item(), b.item()


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 0.05), ("adam", 0.1)])
def test_steps_are_torchs(backend, optimizer, lr):
    """Both evaluators take the steps that torch.optim takes, from the first to the last."""
    found = gc.minimize(
        LINE,
        DATA,
        loss="loss",
        update=["w", "b"],
        lr=lr,
        iterations=60,
        optimizer=optimizer,
        backend=backend,
        tolerance=0,
    )
    losses, w, b = by_torch(optimizer, lr, 60)
    assert found.history == pytest.approx(losses, rel=1e-11)
    assert float(found["w"]) == pytest.approx(w, rel=1e-11)
    assert float(found.found["b"]) == pytest.approx(b, rel=1e-11)
    assert found.reason == ""


def test_parameters_that_are_gradients_of_each_other():
    """The gradient of a*b by a is b itself: both change at once, not one after the other."""
    for backend in ("python", "torch"):
        found = gc.minimize(
            "loss = sum(a*b)",
            a=[1.0, 2.0],
            b=[3.0, 4.0],
            loss="loss",
            update=["a", "b"],
            lr=0.5,
            iterations=1,
            backend=backend,
        )
        assert found["a"].tolist() == [1 - 1.5, 2 - 2.0]
        assert found["b"].tolist() == [3 - 0.5, 4 - 1.0]


def test_what_the_program_sets_itself_can_change():
    """Inputs that the program gives a value, random ones too, are changed from there."""
    found = gc.minimize(
        "w = randn(3); t = [1, 2, 3]; loss = sum((w - t)^2)",
        loss="loss",
        update="w",
        lr=0.4,
        iterations=60,
    )
    assert found["w"].tolist() == pytest.approx([1, 2, 3])


def test_random_numbers_stay_as_they_are():
    """Changing a random input leaves the program's other random numbers alone."""
    text = "w = randn(3); x = randn(50, 3); t = randn(50); loss = mean((x @ w - t)^2)"
    for backend in ("python", "torch"):
        before = gc.run(text, backend=backend, keep=["x"])
        after = gc.minimize(text, loss="loss", update="w", lr=0.1, iterations=40, backend=backend)
        assert after.history[0] == before["loss"]
        assert float(after["loss"]) == after.history[-1] < after.history[0]
        assert after.grad["x"].shape == (50, 3)


def test_what_only_made_the_old_value_is_gone():
    """Of an input that was computed from others, these are not part of the run at the end."""
    text = "w = randn(3) * 2; loss = sum((w - 1)^2)"
    found = gc.minimize(text, loss="loss", update="w", lr=0.1, iterations=5)
    assert found.names == ["w", "b", "c", "loss"]


def test_it_stops_when_the_loss_stands_still():
    """Ten iterations without a change end it; with a tolerance of 0 nothing does."""
    options = {"loss": "loss", "update": ["w", "b"], "lr": 0.1, "iterations": 5000}
    early = gc.minimize(LINE, DATA, **options)
    assert early.reason == "the loss stands still"
    assert len(early.history) < 5000
    kept = early.history[-11:]
    assert max(kept) - min(kept) <= 1e-9 * max(kept)
    assert len(gc.minimize(LINE, DATA, **options, tolerance=0).history) == 5001


def test_no_iteration_changes_nothing():
    """With 0 iterations the run is the one at the start."""
    found = gc.minimize(LINE, DATA, loss="loss", update="w", iterations=0)
    assert found["w"] == 0
    assert found.history == [41.0]


def test_the_run_at_the_end_is_a_result():
    """Values, gradients and the table are those at the end."""
    found = gc.minimize(LINE, DATA, loss="loss", update=["w", "b"], lr=0.1, iterations=30)
    assert found["loss"] == found.history[-1]
    assert found.grad["w"] == pytest.approx(
        2 * sum((found["w"] * x + found["b"] - y) * x for x, y in zip(DATA["x"], DATA["y"])) / 4
    )
    assert "gradient of loss" in repr(found)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"lr": 50}, gc.EvaluationError, "after .* iterations; lower --lr"),
        ({"update": []}, gc.UsageError, "no input is named"),
        ({"update": "loss"}, gc.UsageError, "is computed from `.`, and only inputs"),
        ({"update": "z"}, gc.UsageError, "no node `z`"),
        ({"loss": "w", "update": "b"}, gc.UsageError, "changing it does nothing"),
        ({"loss": "x"}, gc.UsageError, "of one number"),
        ({"optimizer": "newton"}, gc.UsageError, "not an optimizer"),
        ({"lr": 0}, gc.UsageError, "above 0"),
        ({"lr": math.nan}, gc.UsageError, "above 0"),
        ({"tolerance": -1}, gc.UsageError, "at least 0"),
    ],
)
def test_what_cannot_be_minimized_is_said(change, error, match):
    """Divergence, and names and rates that mean nothing, are told."""
    options = {"loss": "loss", "update": ["w", "b"], "lr": 0.1, "iterations": 3000, **change}
    with pytest.raises(error, match=match):
        gc.minimize(LINE, DATA, **options)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("iterations", [1, 3, 10])
@pytest.mark.parametrize("program", ["loss = (w-3)^2", "loss = 1e6*cosh(w-3)"])
def test_a_loss_that_rose_is_an_error(program, iterations, optimizer):
    """A descent whose loss ends above its start fails, however far it is from infinity."""
    options = {"loss": "loss", "update": "w", "iterations": iterations, "optimizer": optimizer}
    with pytest.raises(gc.EvaluationError, match=r"`loss` (rose from|is inf|is nan)") as found:
        gc.minimize(program, w=2.5, lr=50.0, **options)
    assert "lower --lr, which is 50" in found.value.diagnostic.help


@pytest.mark.parametrize(
    ("lr", "status"), [("5", 1), ("1.01", 1), ("1", 0), ("0.99", 0), ("1e-9", 0)]
)
def test_the_exit_status_tells_a_divergence(lr, status):
    """Above the rate at which a parabola's descent diverges the command exits with 1."""
    run = graphcalc("loss=(w-3)^2", "w=0", "--minimize", "loss", "--update", "w", "--lr", lr)
    assert run.status == status


def test_the_lowest_point_is_no_divergence():
    """A descent that begins at the minimum, up to rounding, ends there."""
    found = gc.minimize("loss = (w - 0.1)^2 + 7", w=0.1 + 1e-16, loss="loss", update="w", lr=0.3)
    assert found["loss"] == 7


def test_integers_do_not_change():
    """What has no gradient cannot be changed."""
    with pytest.raises(gc.UsageError, match="int64"):
        gc.minimize(
            "i: int64[2]; loss = sum(x[i])", x=[1.0, 2.0], i=[0, 1], loss="loss", update="i"
        )


COMMAND = (
    LINE,
    "x=[1,2,3,4]",
    "y=[3,5,7,9]",
    "w=0",
    "b=0",
    "--minimize",
    "loss",
    "--update",
    "w,b",
)


@pytest.mark.parametrize("name", ["fit.gc", "fit.json"])
def test_what_was_found_is_saved(tmp_path, name):
    """A saved file holds the exact numbers; as text it binds them again."""
    run = graphcalc(*COMMAND, "--lr", "0.1", "--save", name, "--format", "json", cwd=tmp_path)
    nodes = {node["name"]: node["value"] for node in json.loads(run.text)["nodes"]}
    if name.endswith("json"):
        saved = json.loads((tmp_path / name).read_text())
        assert saved == {"w": nodes["w"], "b": nodes["b"]}
    else:
        again = graphcalc("w; b", "--inputs", name, "-q", cwd=tmp_path)
        assert [float(line) for line in again.text.split()] == [nodes["w"], nodes["b"]]
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_nothing_is_saved_of_a_divergence(tmp_path):
    """Where the descent fails, the old file stays."""
    (tmp_path / "fit.gc").write_text("w = 1\n")
    run = graphcalc(
        *COMMAND, "--lr", "50", "--iterations", "3000", "--save", "fit.gc", cwd=tmp_path
    )
    assert run.status == 1
    assert (tmp_path / "fit.gc").read_text() == "w = 1\n"


def test_a_name_that_is_assigned_again_is_the_input():
    """`--update w` changes the value that is bound to w, where the program goes on from it."""
    found = gc.minimize("w = w*2; loss = (w - 3)^2", loss="loss", update="w", w=0.0, lr=0.1)
    assert found.found["w"] == pytest.approx(1.5, abs=1e-6)
