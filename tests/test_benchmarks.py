"""The benchmarks' harness with engines that say what they took, and its programs with real ones."""

import json
import sys
from pathlib import Path

import pytest

import graphcalc as gc
from benchmarks import __main__ as command
from benchmarks import draw, programs
from benchmarks.children import text as children
from benchmarks.harness import Engine, Missing, Ready, Sample, Work, measure, timed
from benchmarks.processes import read_output, whole_process

ROOT = Path(__file__).resolve().parents[1]


def engine(name, amounts, answer=1.0, log=None, **options):
    """An engine that gives these seconds one after the other, and notes its runs in a log."""
    left = iter(amounts)

    def run():
        if log is not None:
            log.append(name)
        return Sample({"s": next(left)}, lambda: answer)

    return Engine(name, lambda: Ready(run), **options)


def absent(name):
    """An engine that is not installed."""

    def prepare():
        raise Missing(f"{name} is not on the PATH")

    return Engine(name, prepare, {"s": 2.0})


def work(own, *peers, **options):
    """A work of three turns after the first, which compares answers."""
    return Work("fake", "a work", own, peers, **{"rounds": 3, **options})


def test_a_ratio_is_the_median_of_the_turns():
    """The first turn does not count, and a ratio is the median of graphcalc's over the peer's."""
    own = engine("graphcalc", [99, 3, 1, 2])
    slower, faster = (
        engine(name, amounts, targets={"s": 0.6})
        for name, amounts in (("slower", [0, 4, 5, 100]), ("faster", [50, 4, 1, 2]))
    )
    first, second = measure(work(own, slower, faster))
    assert first.own.samples == {"s": [3, 1, 2]}
    assert (first.ratio, first.is_met) == (1 / 5, True)
    assert (second.ratio, second.is_met) == (1.0, False)
    assert first.quartiles == pytest.approx(((0.02 + 0.2) / 2, (0.2 + 0.75) / 2))
    assert (first.own.median("s"), first.peer.median("s")) == (2, 5)


def test_engines_run_in_turns():
    """Every engine runs once in a turn, in the same order."""
    log = []
    engines = [engine(name, [1] * 4, log=log) for name in ("graphcalc", "b", "c")]
    measure(work(*engines))
    assert log == ["graphcalc", "b", "c"] * 4


def test_a_part_of_the_work_is_scaled():
    """An engine that does a tenth takes ten times what it took; its answers are the first ones."""
    own = engine("graphcalc", [1] * 4, answer=list(range(100)))
    part = engine("part", [0.2] * 4, answer=list(range(10)), scale=10.0)
    (row,) = measure(work(own, part))
    assert row.ratio == pytest.approx(0.5)


@pytest.mark.parametrize("answer", [2.0, [1.0, 1.0], float("nan"), []])
def test_a_wrong_answer_is_not_timed(answer):
    """An engine whose numbers differ from graphcalc's has no ratio and says what differs."""
    log = []
    own, wrong = engine("graphcalc", [1] * 4), engine("wrong", [1] * 4, answer, log)
    right = engine("right", [1] * 4, 1.0 + 1e-15)
    row, other = measure(work(own, wrong, right))
    assert row.peer.failure.startswith("wrong: number") or "numbers instead of" in row.peer.failure
    assert not row.has_ratio
    assert row.is_broken
    assert row.is_met is None
    assert log == ["wrong"]
    assert other.ratio == 1.0


def test_a_missing_peer_is_no_error():
    """What is not installed is said to be missing, beside the ratios of the others."""
    missing, other = measure(work(engine("graphcalc", [1] * 4), absent("z"), engine("b", [2] * 4)))
    assert missing.peer.failure == "missing: z is not on the PATH"
    assert not missing.is_broken
    assert other.ratio == 0.5
    assert "missing: z is not on the PATH" in draw.as_markdown([missing, other], MACHINE)


def test_an_engine_that_fails_spoils_no_other():
    """An error in a later turn takes an engine's own ratio away and nothing else."""
    rows = measure(
        work(engine("graphcalc", [1] * 4), engine("short", [1, 1]), engine("b", [2] * 4))
    )
    assert [row.has_ratio for row in rows] == [False, True]
    assert rows[0].peer.failure.startswith("failed: StopIteration")
    assert len(rows[1].peer.samples["s"]) == 3


def test_without_graphcalc_there_is_no_ratio():
    """When graphcalc itself fails, the others are not run."""
    log = []
    (row,) = measure(work(engine("graphcalc", []), engine("b", [2] * 4, log=log)))
    assert not row.has_ratio
    assert row.is_broken
    assert log == []


def test_a_budget_ends_the_turns():
    """Beyond its budget a work ends after a turn; what needs no warming up keeps its first."""
    (warm,) = measure(work(engine("graphcalc", [1] * 4), engine("b", [2] * 4), budget=0.0))
    assert warm.peer.samples == {"s": [2]}
    peer = engine("b", [2, 3])
    (cold,) = measure(work(engine("graphcalc", [1] * 2), peer, budget=0.0, warm=False))
    assert cold.peer.samples == {"s": [2]}


def test_a_function_is_timed():
    """A function of this process takes some time, and what it gave is what is compared."""
    sample = timed(lambda: sum(range(1000)), float).run()
    assert sample.amounts["s"] > 0
    assert sample.answer() == 499500.0


def test_a_process_is_measured_whole(tmp_path):
    """A command's seconds, its peak and the numbers that it printed; one that fails says so."""
    sample = whole_process([sys.executable, "-c", "print('−2', 3.5)"], tmp_path, read_output).run()
    assert sample.answer() == [-2.0, 3.5]
    assert sample.amounts["s"] > 0
    assert 2 < sample.amounts["MB"] < 1000
    failing = whole_process([sys.executable, "-c", "raise SystemExit(3)"], tmp_path, read_output)
    with pytest.raises(RuntimeError, match="ended with 3"):
        failing.run()


MACHINE = {
    "cpu": "C",
    "cores": 2,
    "memory_gb": 8.0,
    "os": "O",
    "python": "CPython 3.11",
    "commit": "abc",
    "load_before": 0.5,
    "versions": {"graphcalc": "1", "absent": None},
}


@pytest.fixture
def fakes(monkeypatch):
    """The command with two kinds of fake works."""

    def works(quick, folder):
        peers = (engine("b", [2] * 4, targets={"s": 1.0}, note="a note"), absent("z"))
        return [work(engine("graphcalc", [1] * 4), *peers)]

    def others(quick, folder):
        return [Work("other", "more", engine("graphcalc", [1] * 9), [engine("w", [1] * 9, 7.0)])]

    monkeypatch.setattr(command, "SUITES", {"fake": works, "other": others})


def test_json_has_everything(fakes, tmp_path, capsys):
    """The file has the machine, every version, every sample, ratio and target, and what failed."""
    path = tmp_path / "r.json"
    assert command.main(["--json", str(path)]) == 1
    found = json.loads(path.read_text(encoding="utf-8"))
    assert {"cpu", "cores", "memory_gb", "os", "python", "versions"} <= found["machine"].keys()
    assert {"graphcalc", "torch", "numpy", "qalc"} <= found["machine"]["versions"].keys()
    assert found["quick"] is False
    first, second = found["works"]
    assert (first["suite"], first["name"]) == ("fake", "a work")
    own, peer, missing = first["engines"]
    assert (own["samples"], own["medians"]) == ({"s": [1, 1, 1]}, {"s": 1})
    assert (peer["name"], peer["note"], peer["failure"]) == ("b", "a note", None)
    assert missing["missing"]
    ratio, none = first["ratios"]
    assert ratio == {
        "peer": "b",
        "unit": "s",
        "ratio": 0.5,
        "quartiles": [0.5, 0.5],
        "target": 1.0,
        "met": True,
    }
    assert (none["ratio"], none["target"], none["met"]) == (None, 2.0, None)
    assert second["engines"][1]["failure"] == "wrong: number 0 is 7, graphcalc's 1"


def test_only_what_is_named_runs(fakes, capsys):
    """`--only` takes a kind or a part of a name, and `--list` says what that means."""
    assert command.main(["--list"]) == 0
    assert capsys.readouterr().out == "fake: a work\nother: more\n"
    assert command.main(["--list", "--only", "mor"]) == 0
    assert capsys.readouterr().out == "other: more\n"
    assert command.main(["--only", "fake"]) == 0
    assert "a work" in capsys.readouterr().out
    assert command.main(["--only", "nothing"]) == 2


def test_the_page_changes_between_its_markers(fakes, tmp_path, capsys):
    """`--update-docs` writes the Markdown that `--markdown` prints, and leaves the rest."""
    page = tmp_path / "p.md"
    page.write_text(f"before\n{draw.BEGIN}\nold\n{draw.END}\nafter\n", encoding="utf-8")
    arguments = ["--only", "fake", "--markdown", "--update-docs", str(page)]
    assert command.main(arguments) == 0
    printed = capsys.readouterr().out
    assert (
        "| fake: a work | b (a note) | 1 s | 2 s | 0.50 | 0.50 to 0.50 | ≤ 1.00 | yes |" in printed
    )
    assert page.read_text(encoding="utf-8") == f"before\n{draw.BEGIN}\n{printed}{draw.END}\nafter\n"
    page.write_text("no markers", encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)
    assert page.read_text(encoding="utf-8") == "no markers"


def test_the_documented_page_has_the_markers(tmp_path):
    """The page of the repository can be updated, and only between its markers."""
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    page = tmp_path / "performance.md"
    page.write_text(text, encoding="utf-8")
    draw.update_page(page, "new\n")
    before, after = text.split(draw.BEGIN)[0], text.split(draw.END)[1]
    found = page.read_text(encoding="utf-8")
    assert found == f"{before}{draw.BEGIN}\nnew\n{draw.END}{after}"


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [(1.5, "1.50"), (0.35, "0.35"), (0.1, "1/10"), (0.011, "1/91"), (250, "250")],
)
def test_small_ratios_are_parts(ratio, shown):
    """A ratio far below 1 is shown as one part of so many."""
    assert draw.show_ratio(ratio) == shown


def test_a_graph_is_the_same_in_every_writing():
    """The program, straight-line Python, freeing code and objects give the same loss."""
    graph = programs.draw_graph(40, 5)
    inputs = programs.draw_inputs(graph)
    named = dict(zip(graph.inputs, inputs))
    result = gc.run(programs.write_graphcalc(graph), named, backend="python")
    assert len(result) >= 2 * len(graph.operations) + graph.width
    others = [
        programs.compile_function(
            programs.write_function(graph, programs.AS_PYTHON, is_freeing=is_freeing)
        )(*inputs)
        for is_freeing in (False, True)
    ]
    others.append(programs.build_objects(graph, inputs, lambda x: max(x, 0.0)))
    assert others == [pytest.approx(result["loss"], rel=1e-14)] * 3


def test_statements_mean_the_same_to_python():
    """Machine-written statements have the same values in graphcalc and in CPython."""
    text = programs.write_statements(200)
    ours, theirs = (children.ENGINES[name]()(text)(200) for name in ("graphcalc", "python"))
    assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-12)
    assert max(map(abs, ours)) <= 2
    assert len(set(ours)) > 150
