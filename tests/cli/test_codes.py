"""Error codes that no command line brings about alone, one test for each.

They need the Python interface, another environment, a closed stream, large input or a defect.
`test_errors` demands a test of its name for every code without a recorded failure.
"""

import json
import os
import signal
from io import BytesIO

import pytest
from agreement import run
from loading import load
from running import graphcalc, python, shell

import graphcalc as gc
from graphcalc.cli import app
from graphcalc.evaluate import Evaluation, parse
from graphcalc.graph.verify import verify
from graphcalc.ops import table
from graphcalc.rows.run import RowOptions, RowRun
from graphcalc.rows.workers import forked, in_order
from graphcalc.source import Source
from graphcalc.tables.cells import MAX_CELL

# A start of the command that finds none of the optional packages.
BARE = """
import sys
for name in ("numpy", "polars", "torch", "safetensors", "zstandard"):
    sys.modules[name] = None
from graphcalc.__main__ import run
run()
"""


def code_of(kind, call, *arguments, **named):
    """The code of the error of a class that a call raises."""
    with pytest.raises(kind) as caught:
        call(*arguments, **named)
    assert type(caught.value) is kind
    return caught.value.diagnostic.code


def code_in(finished):
    """The code in the JSON object that a failed run printed to standard error."""
    error = json.loads(finished.complaint.splitlines()[-1])["error"]
    assert finished.status == error["exit"]
    return error["code"]


def run_rows(program, path, watch=lambda done, total, rows: None, **options):
    """Run a program over the rows of a file; what it puts out is dropped."""
    evaluation = Evaluation(parse([Source(program)]))
    RowRun(evaluation, RowOptions(str(path), **options), watch).run(BytesIO())


def failing(*arguments, **settings):
    """The code of a command line that fails."""
    return code_in(graphcalc("--format", "json", *arguments, **settings))


# Of the Python interface


def test_inputs():
    """Inputs that are neither named nor a mapping."""
    assert code_of(gc.UsageError, gc.compile("x + 1"), [1]) == "inputs"
    assert code_of(gc.UsageError, gc.compile("x + 1"), {1: 2}) == "inputs"


def test_no_node():
    """A name that a run has no node and no gradient of, which is a KeyError too."""
    result = gc.run("y = sin(x) + c", x=1, c=2, grad="y", wrt="x")
    for names in (result, result.grad):
        assert code_of(gc.MissingNodeError, names.__getitem__, "z") == "no-node"
        assert names.get("z") is None
        assert "z" not in names
        assert 3 not in names


def test_option_name():
    """A number under an option's name that the program has for a name too."""
    for name, value in (("seed", 3), ("threads", 2), ("trace", 1), ("keep", [1, 2]), ("grad", 1)):
        error = gc.UsageError
        with pytest.raises(error, match=f"inputs={{'{name}'") as caught:
            gc.run(f"y = {name} * 2", **{name: value})
        assert caught.value.diagnostic.code == "option-name"
        assert gc.run(f"y = {name} * 2", {name: value})["y"] is not None
    assert code_of(gc.UsageError, gc.run, "seed = 1; y = seed * 2", seed=3) == "option-name"
    assert gc.run("y = seed * 2", {"seed": 5}, seed=3)["y"] == 10


def test_names():
    """Names that are no texts."""
    assert code_of(gc.UsageError, gc.run, "y = x", x=1, keep=[1]) == "names"
    assert code_of(gc.UsageError, gc.run, "y = x", x=1, keep=3) == "names"


def test_program():
    """A program that is no text."""
    assert code_of(gc.UsageError, gc.run, 1) == "program"


def test_trace():
    """A trace of something else than all nodes or the results."""
    assert code_of(gc.UsageError, gc.run, "1", trace="some") == "trace"


def test_recorded():
    """A picture of a run that recorded its results alone."""
    result = gc.run("y = x + 1", x=1, trace="results")
    assert code_of(gc.UsageError, result.graph) == "recorded"


def test_gradient():
    """Options of gradients without a node to differentiate."""
    assert code_of(gc.UsageError, gc.run, "x", x=1, wrt="x") == "gradient"
    assert code_of(gc.UsageError, gc.run, "x", x=1, seed_grad=1) == "gradient"
    assert code_of(gc.UsageError, gc.run, "y = x", x=1, grad=["y"]) == "gradient"


def test_seed():
    """A seed outside the range; the command line checks its option by itself."""
    for seed in (-1, 1 << 64):
        assert code_of(gc.UsageError, gc.run, "1", seed=seed) == "seed"


def test_several_results():
    """The value of a program that has two results."""
    with pytest.raises(gc.UsageError, match="2 results") as caught:
        _ = gc.run("x = 1; y = 2").value
    assert caught.value.diagnostic.code == "several-results"


def test_freed():
    """A value that was freed after its last use."""
    x = [1.0] * 2000
    result = gc.run("y = x * 2; z = sum(y)", x=x)
    assert code_of(gc.UsageError, result.__getitem__, "y") == "freed"


def test_input():
    """Inputs that hold something else than numbers."""
    for value in ([1, [2]], [[1], [2, 3]], 1 << 2000, [None]):
        assert code_of(gc.DataError, gc.run, "x", x=value) == "input"


# Of what a run came to


def test_non_finite():
    """A result that is not finite, with --strict, and a total of rows."""
    assert failing("1/0", "--strict") == "non-finite"
    rows = ["z = sum(1 / a)", "--rows", "-", "--strict"]
    assert failing(*rows, stdin=b"a\n0\n") == "non-finite"


def test_diverged():
    """A loss that grows beyond all numbers."""
    options = ["--minimize", "y", "--update", "x", "--lr", "1e200"]
    assert failing("y = x^2", "x=1", *options) == "diverged"


def test_gradient_check():
    """A gradient that differences do not confirm: a comparison has none, and counts here."""
    options = ["--grad", "y", "--check-grad"]
    assert failing("y = x * detach(x)", "x=3", *options) == "gradient-check"


# Of streams, files and sizes


def test_closed():
    """Standard output that is closed, for tables and for rows."""
    for arguments in ("--format json 1", "--format json a --rows"):
        done = shell(f"printf 'a\\n1\\n' | graphcalc {arguments} >&-")
        assert code_in(done) == "closed"


def test_no_stdin():
    """Standard input that is closed, for a program, for rows and for a value."""
    for arguments in ("-", "a --rows -", "x x=@-:a --input-format csv"):
        assert code_in(shell(f"graphcalc --format json {arguments} <&-")) == "no-stdin"


def test_file_changed(tmp_path):
    """A file that has other rows when it is read for the second time."""
    path, other = tmp_path / "t.csv", tmp_path / "other.csv"
    path.write_text("a\n1\n2\n")
    other.write_text("a\n1\n2\n3\n")

    def replace_file(done, total, rows):
        if other.exists():
            other.replace(path)

    assert (
        code_of(gc.DataError, run_rows, "a - mean(a)", path, watch=replace_file) == "file-changed"
    )


def test_new_key(tmp_path):
    """A row of JSON lines with a key that the first has not, for which CSV has no column."""
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n{"a": 2, "b": 3}\n')
    assert code_of(gc.DataError, run_rows, "a", path, to="csv") == "new-key"


def test_column_kind(tmp_path):
    """A column of bytes, which CSV cannot hold."""
    import polars

    path = tmp_path / "t.parquet"
    polars.DataFrame({"a": [1.0], "b": [b"x"]}).write_parquet(path)
    assert code_of(gc.DataError, run_rows, "a", path, to="csv") == "column-kind"


def test_record_length():
    """A row of a pipe of more than 16 MiB, since its quote is never closed."""
    data = b'a\n"' + b"2" * (20 << 20)
    assert failing("a", "--rows", "-", stdin=data) == "record-length"


def test_cell_length():
    """A cell of more characters than a cell can have."""
    data = b"a\n" + b"2" * (MAX_CELL + 1) + b"\n"
    assert failing("a", "--rows", "-", stdin=data) == "cell-length"


def test_members(tmp_path):
    """A JSON object of more than a million members."""
    members = ",".join(f'"{i}":0' for i in range(1_000_001))
    (tmp_path / "x.json").write_text("{" + members + "}")
    assert code_of(gc.LimitError, load, f"{tmp_path}/x.json:0") == "members"


def test_program_size(tmp_path):
    """A text that is longer than a program can be, or than its nodes allow."""
    with (tmp_path / "p.gc").open("wb") as file:
        file.truncate((64 << 20) + 1)
    assert failing("-f", "p.gc", cwd=tmp_path) == "program-size"
    long = "1" + "+1" * 500_000
    assert code_of(gc.LimitError, gc.parse, long, max_nodes=1000) == "program-size"


def test_worker():
    """A process that ends while it computes rows."""

    def work(part):
        if part == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return (part,)

    with forked(work, 2) as start:
        assert code_of(gc.LimitError, list, in_order(iter(range(6)), start, 2)) == "worker"


# Of the environment


def test_completion():
    """A shell that asks for completion and does not say of what."""
    done = graphcalc("--format", "json", _GRAPHCALC_COMPLETE="complete_bash")
    assert code_in(done) == "completion"


def test_package_missing(tmp_path):
    """Files of formats whose package is not installed."""
    (tmp_path / "x.npy").write_bytes(b"")
    done = python(BARE, "--format", "json", "x", "x=@x.npy", cwd=tmp_path)
    assert code_in(done) == "package-missing"


BROKEN = """
import sys
sys.path.insert(0, ".")
from graphcalc.__main__ import run
run()
"""


@pytest.mark.parametrize("error", ["OSError('libc10.so: no such file')", "ImportError('odd')"])
def test_package_broken(error, tmp_path):
    """A package that is installed and does not import; `auto` goes on in Python."""
    for name in ("torch", "polars"):
        (tmp_path / f"{name}.py").write_text(f"raise {error}\n")
    done = python(BROKEN, "--format", "json", "1", "--backend", "torch", cwd=tmp_path)
    assert code_in(done) == "package-broken"
    assert error[error.index("'") + 1 : -2] in done.complaint
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    done = python(BROKEN, "--format", "json", "x", "x=@t.parquet:a", cwd=tmp_path)
    assert code_in(done) == "package-broken"
    assert python(BROKEN, "-q", "sum(arange(2100000))", cwd=tmp_path).text == "2204998950000\n"
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 2_200_000)
    done = python(BROKEN, "-q", "s = sum(b)", "--rows", "t.csv", cwd=tmp_path)
    assert (done.status, done.text) == (0, "4400000\n")
    assert python(BROKEN, "-q", "sum(b)", "b=@t.csv:b", cwd=tmp_path).text == "4400000\n"


def test_torch_missing():
    """The backend torch where torch is not installed."""
    done = python(BARE, "--format", "json", "1", "--backend", "torch")
    assert code_in(done) == "torch-missing"


def test_package_old(tmp_path, monkeypatch):
    """A file of torch where torch is too old to refuse programs in it."""
    import torch

    torch.save({"x": torch.ones(2)}, tmp_path / "x.pt")
    arguments = ["--format", "value", "sum(x)", f"x=@{tmp_path}/x.pt:x"]
    assert app.run(arguments) == 0
    monkeypatch.setattr(torch, "__version__", "2.4.1")
    monkeypatch.setattr(app, "complain", lambda text: caught.append(json.loads(text)))
    caught = []
    assert app.run(["--format", "json", *arguments[2:]]) == 7
    assert caught[0]["error"]["code"] == "package-old"


def test_compile(monkeypatch):
    """A torch.compile that fails."""
    import torch

    def compiled(function, **options):
        def fail(inputs):
            raise RuntimeError("no C++ compiler")

        return fail

    monkeypatch.setattr(torch, "compile", compiled)
    assert code_of(gc.BackendError, gc.run, "x * 2", x=[1.0], compiled=True) == "compile"


def test_device_memory(monkeypatch):
    """A device that has no memory left."""
    import torch

    def exhausted(x):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(torch, "erfc", exhausted)
    call = {"x": [1.0, 2.0], "backend": "torch"}
    assert code_of(gc.LimitError, gc.run, "erfc(x)", **call) == "device-memory"


# Defects


def test_torch(monkeypatch):
    """A function of torch that fails although its operands were checked."""
    import torch

    def broken(x):
        raise RuntimeError("broken")

    monkeypatch.setattr(torch, "erfc", broken)
    call = {"x": [1.0, 2.0], "backend": "torch"}
    assert code_of(gc.InternalError, gc.run, "erfc(x)", **call) == "torch"


def test_graph(monkeypatch):
    """A graph with a node that it has not, and a derivative that reads an unknown name."""
    graph = run("y = x * 2", inputs={"x": 1}).graph
    assert code_of(gc.InternalError, verify, graph.replace(results=[9])) == "graph"
    row = table.OPS["sin"]
    wrong = row._replace(vjp=("g * unknown",))
    monkeypatch.setitem(table.OPS, "sin", wrong)
    monkeypatch.setitem(table.FUNCTIONS, "sin", wrong)
    assert code_of(gc.InternalError, gc.run, "y = sin(x)", x=1, grad="y") == "graph"


def test_internal(monkeypatch, capfd):
    """Any other exception is a defect, told in one line."""

    def broken(*arguments):
        raise ZeroDivisionError("no reason")

    monkeypatch.setattr(app, "sources_and_bindings", broken)
    assert app.run(["--format", "json", "1"]) == 70
    error = json.loads(capfd.readouterr().err)["error"]
    assert error["code"] == "internal"
    assert "ZeroDivisionError: no reason" in error["message"]
