"""What breaks tools like this: each case runs as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from running import (
    COMMAND,
    LESSON,
    PATIENCE,
    graphcalc,
    python,
    shell,
    start,
    status_and_peak,
    unprintable_characters,
)

ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

# What a user of a shell could type, what it must exit with, and words of the complaint.
REFUSED = [
    ([""], 3, "expected an expression, got end of input"),
    (["1 + @"], 3, ":1:5: "),
    (["1+2)"], 3, ":1:4: syntax error: unmatched `)`"),
    (["1 2"], 3, ":1:3: "),
    (["__import__('os').system('touch canary')"], 3, ":1:1: "),
    (["lambda: 1"], 3, "`lambda`"),
    (["[i for i in x]", "x=1"], 3, "a scalar has no parts"),
    (["x if y", "x=1", "y=2"], 3, "`else`"),
    (["а+a", "a=1"], 2, ":1:1: binding error: `а` has no value; did you mean `a`?"),
    (["٣+1"], 3, "U+0663"),
    (["x²+1", "x=1"], 3, "U+00B2 SUPERSCRIPT TWO"),
    (["5−3"], 3, "did you mean `-`?"),
    (["5×3"], 3, "did you mean `*`?"),
    (["5÷3"], 3, "did you mean `/`?"),
    (["5·3"], 3, "did you mean `*`?"),
    (["“a”"], 3, "U+201C"),
    (["a\u202e+b", "a=1", "b=2"], 3, "U+202E RIGHT-TO-LEFT OVERRIDE"),
    (["a\u2066+b", "a=1", "b=2"], 3, "U+2066"),
    (["a\u2069+b", "a=1", "b=2"], 3, "U+2069"),
    (["a\u061c+b", "a=1", "b=2"], 3, "U+061C"),
    ([b"1+\xff"], 3, ":1:3: syntax error: byte \\xff"),
    (["\t\t日本@"], 3, ":1:6: "),
    (["\t\t日本€"], 3, ":1:5: "),
    (["x", "x=1", "x=2"], 2, "`x` is bound twice"),
    (["sin(x)", "sin=3", "x=1"], 2, "`sin` is built in and cannot be bound"),
    (["sinn(1)"], 3, "unknown function `sinn`; did you mean `sin`?"),
    (["sin"], 3, "`sin` is a function"),
    (["3(4)"], 3, "`3` is not a function"),
    (["x+y", "x=zeros(2,3)", "y=zeros(3,2)"], 3, ":1:1: shape error: "),
    (["x@y", "x=zeros(2,3)", "y=zeros(2,3)"], 3, "the inner dimensions, 3 and 2, differ"),
    (["x[10]", "x=[1,2,3]"], 3, ":1:3: index error: "),
    (["x[-4]", "x=[1,2,3]"], 3, ":1:3: index error: "),
    (["x[1.5]", "x=[1,2,3]"], 3, ":1:3: index error: "),
    (["x[nan]", "x=[1,2,3]"], 3, ":1:3: index error: "),
    (["x[0:3:0]", "x=[1,2,3]"], 3, ":1:7: index error: "),
    (["rand(3)", "--seed", "-1"], 2, "from 0 to "),
    (["rand(3)", "--seed", "9" * 20], 2, "from 0 to "),
    (["rand(3)", "--seed", "abc"], 2, "from 0 to "),
    (["rand(3)", "--seed", "٣"], 2, "from 0 to "),
    (["rand(1e9,1e9)"], 5, "(1000000000, 1000000000) needs 6.9 EiB, and the limit is "),
    (["zeros(2000000000)", "--max-memory", "8G"], 5, "needs 14.9 GiB"),
    (["zeros(-2)"], 3, "a dimension must be a whole number >= 0"),
    (["zeros(1.5)"], 3, "a dimension must be a whole number >= 0"),
    (["zeros(nan)"], 3, "a dimension must be a whole number >= 0"),
    (["zeros(1e30)"], 3, "a dimension must be a whole number >= 0"),
    (["x+y", "x=zeros(100000,1)", "y=zeros(1,100000)", "--max-memory", "8G"], 5, "74.5 GiB"),
    (["arange(1e18)"], 5, "needs 6.9 EiB"),
    (["a" * 100_000], 5, "(100,000 characters)"),
    (["1", "--device", "gpu"], 2, "cpu, cuda, cuda:N or mps"),
    (["1", "--device", "cuda:x"], 2, "cpu, cuda, cuda:N or mps"),
    (["1", "--device", "cuda:-1"], 2, "cpu, cuda, cuda:N or mps"),
    (["1", "--device", "cuda:64"], 7, "there is no device cuda:64"),
    (["evil\x1b[2J"], 3, "U+001B"),
    (["-f", "evil\x1b[2J\n.gc"], 4, "evil\\x1b[2J\\n.gc"),
    (["-f", "\x9b31m"], 4, "\\x9b31m"),
    (["1", "--show", "[/bold]\x1b"], 2, "[/bold]\\x1b"),
    (["1", "--\x1b[31m"], 2, "\\x1b[31m"),
    (["1", "--format", "\x1b]0;pwn\x07"], 2, "\\x1b]0;pwn\\x07"),
    (["1", "--device", "\x1b[31m"], 2, "\\x1b[31m"),
    (["1", "--backend", "[red]x"], 2, "`[red]x`"),
    (["x", "x=\u202e1"], 2, "U+202E"),
    (["1", "\x9b=1"], 2, "\\x9b=1"),
    (["1", "unprintable name=1"], 2, "is not NAME=VALUE"),
    (["-f", "/nonexistent/x.gc"], 4, "no such file"),
    (["1;2", "--show", "zzz"], 2, "no node `zzz`"),
    (["-q", "1", "--format", "csv"], 2, "--quiet goes with --format value"),
    (["eye(None)"], 3, "argument `n` of `eye` cannot be None"),
    (["arange(None)"], 3, "cannot be None"),
    (["linspace(None, 1, 2)"], 3, "cannot be None"),
    (["arange(0, 1e300, 1e-320)"], 5, "limit error"),
    (["arange(0, 1, 1e-300)"], 5, "1e+300 elements"),
    (["1", "--device", "cuda:" + "9" * 20], 7, "there is no device"),
    (["1", "--device", "cuda:\u0663"], 2, "cpu, cuda, cuda:N or mps"),
    (["1", "--backend", "a" * 100000], 2, "(100,000 characters)"),
    (["1", "--dtype", "a" * 100000], 2, "(100,000 characters)"),
    (["1", "--device", "a" * 100000], 2, "(100,000 characters)"),
    (["-f", "a" * 100000], 4, "(100,000 characters)"),
    (["--functions", "a" * 100000], 2, "(100,000 characters)"),
]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    REFUSED,
    ids=[ascii(arguments)[:40] for arguments, _, _ in REFUSED],
)
def test_refused(arguments, status, words, tmp_path):
    """A wrong command line exits as documented with one printable line, and does nothing else."""
    done = graphcalc(*arguments, cwd=tmp_path)
    assert done.status == status
    assert done.out == b""
    assert done.err.count(b"\n") == 1
    assert done.complaint.startswith("graphcalc: ")
    assert words in done.complaint
    assert not unprintable_characters(done.err)
    assert len(done.err) < 1000
    assert list(tmp_path.iterdir()) == []


PIPED = [
    ('printf "a=1\\r\\nb=a+@\\r\\n"', 3, "<stdin>:2:5: "),
    ('printf "1\\u2028+1"', 3, "U+2028 LINE SEPARATOR"),
    ('printf "1\\u2029+1"', 3, "U+2029 PARAGRAPH SEPARATOR"),
    ('printf "1\\u0085+1"', 3, "U+0085"),
    ('printf "1\\v+1"', 3, "U+000B"),
    ('printf "1\\f+1"', 3, "U+000C"),
    ('printf "1\\0+1"', 3, "U+0000"),
    ('printf "1+1" | iconv -t utf-16', 4, "looks like UTF-16"),
    ('printf "1+\\xff"', 4, "byte 0xff at offset 2"),
    ("""python -c 'print("a" * 1000000 + "+1")'""", 5, "(1,000,000 characters)"),
    ("""python -c 'print("1e" * 100000)'""", 3, ":1:4: "),
    ("""python -c 'print("1." * 100000)'""", 3, ":1:4: "),
    ("""python -c 'print("1.." + "9" * 10000)'""", 3, ":1:3: "),
    ("""python -c 'print("0b" + "1" * 100000)'""", 3, ":1:2: "),
    ("""python -c 'print("0o" + "7" * 100000)'""", 3, ":1:2: "),
    ("""python -c 'print("$" + "9" * 100000)'""", 3, ":1:1: "),
    ("""python -c 'print(chr(92) * 100000)'""", 3, ":1:1: "),
    ("""python -c 'print(chr(34) + chr(92) * 100000)'""", 3, ":1:1: "),
    ("""python -c 'print("9" * 100000)'""", 3, "too large for a float64"),
    ("""python -c 'print("0x" + "F" * 100000)'""", 3, "too large for a float64"),
    ("""python -c 'print("(" * 100000)'""", 3, "is never closed"),
    ("""python -c 'print("[1," * 100000)'""", 3, "is never closed"),
    ("""python -c 'print("x = 1; " * 60 + "yes 1")'""", 3, ":1:"),
]


@pytest.mark.parametrize(("producer", "status", "words"), PIPED)
def test_refused_from_a_pipe(producer, status, words):
    """A wrong program on standard input is refused in one printable line that says where."""
    done = shell(f"{producer} | graphcalc -")
    assert done.status == status
    assert done.out == b""
    assert done.err.count(b"\n") == 1
    assert words in done.complaint
    assert not unprintable_characters(done.err)
    assert len(done.err) < 1000


ACCEPTED = [
    (["--", "-x", "x=3"], "-3"),
    (["-x", "x=3"], "-3"),
    (["-1+2"], "1"),
    (["-.5"], "-0.5"),
    (["-(2)"], "-2"),
    (["0**0"], "1"),
    (["0**0", "--backend", "torch"], "1"),
    (["-2**2"], "-4"),
    (["2**3**2"], "512"),
    (["-2**-2"], "-0.25"),
    (["2^2^2^2^2^2"], "inf"),
    (["9^9^9^9"], "inf"),
    (["sum([1e16, 1, -1e16])"], "1"),
    (["\ufeff1+1"], "2"),
    (["(1 + # a comment\n1)"], "2"),
    (["x[i]", "x=[5,6,7]", "i=1"], "6"),
    (["ﬁ+1", "fi=1"], "2"),
    (["日本 + größe", "日本=1", "größe=2"], "3"),
    (["1", "--seed", "9223372036854775807"], "1"),
    (["1", "--threads", "1"], "1"),
    (["y = x; y + 1", "x=2"], "3"),
    (["y = [x, 1]", "x=2"], "[2, 1]"),
    (["((((1))))", "--max-nodes", "2"], "1"),
]


@pytest.mark.parametrize(("arguments", "value"), ACCEPTED)
def test_accepted(arguments, value):
    """What looks odd and is right gives its value and exits with 0."""
    done = graphcalc("-q", *arguments)
    assert (done.status, done.text) == (0, value + "\n")


DEEP = [
    ("'1+' * 49999 + '1'", "50000"),
    ("'(' * 100000 + '1' + ')' * 100000", "1"),
    ("'-' * 100000 + '1'", "1"),
    ("'1' + '^1' * 50000", "1"),
    ("'f(x)=x+1;' + 'f(' * 20000 + '1' + ')' * 20000", "20001"),
    ("'1 if 1 else ' * 20000 + '2'", "1"),
    ("'not ' * 50000 + '1'", "true"),
    ("'[1]' + '.T' * 10000", "[1]"),
    ("'[1]' + '[0:1]' * 5000", "[1]"),
    ("'1' + ' < 2' * 20000", "false"),
    ("';' * 100000 + '1'", "1"),
    ("' ' * 1000000 + '1'", "1"),
    ("'#' * 1000000 + chr(10) + '1'", "1"),
    ("chr(10).join(f'f{i + 1}(x)=f{i}(x)+1' for i in range(2000)) + '; f0(x)=x; f2000(0)'", "2000"),
]


@pytest.mark.parametrize(("text", "value"), DEEP)
def test_deep_programs_need_no_stack(text, value):
    """Programs of any depth run, also with a stack of 256 KiB."""
    done = shell(f'ulimit -s 256; python -c "print({text})" | graphcalc -q -')
    assert (done.status, done.text, done.err) == (0, value + "\n", b"")


# Standard streams


@pytest.mark.parametrize(
    "arguments",
    [
        "'1+1'",
        "-q '1+1'",
        "'1+1' --format json",
        "'1+1' --color always",
        "--version",
        "--functions",
    ],
)
def test_full_device_is_an_output_error(arguments):
    """What cannot be written is exit code 6 and one line, never success."""
    done = shell(f"graphcalc {arguments} > /dev/full")
    assert done.status == 6
    assert done.err.count(b"\n") == 1
    assert "standard output: no space left on device" in done.complaint.lower()


@pytest.mark.parametrize(
    "arguments", ["'1+1'", "-q '1+1'", "'1+1' --format json", "--version", "--help"]
)
def test_closed_output_is_an_output_error(arguments):
    """A closed standard output is exit code 6 and one line."""
    done = shell(f"graphcalc {arguments} >&-")
    assert done.status == 6
    assert done.err.count(b"\n") == 1
    assert "standard output is closed" in done.complaint


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
def test_closed_complaints_change_no_status(where):
    """Without a standard error the exit code and standard output stay what they are."""
    assert shell(f"graphcalc '1+@' {where}") == (3, b"", b"")
    assert shell(f"graphcalc -q '1+1' {where}") == (0, b"2\n", b"")
    assert shell(f"graphcalc -q '1/0' {where}") == (0, b"inf\n", b"")


def test_closed_input():
    """A closed standard input harms nothing that does not read it."""
    assert shell("graphcalc -q 1+1 <&-") == (0, b"2\n", b"")
    assert shell("graphcalc - <&-").status == 4
    assert shell("graphcalc <&-").status == 2


def test_closed_pipe_ends_in_silence():
    """A reader that has seen enough ends graphcalc by SIGPIPE, without a word."""
    done = shell('graphcalc -q "arange(300000)" | head -c 9; echo " ${PIPESTATUS[@]}"')
    assert (done.text, done.err) == ("[0, 1, 2, 141 0\n", b"")


def test_endless_input_is_a_limit():
    """An endless program is refused, and its producer ends."""
    done = shell('yes "x = 1" | graphcalc -; echo "${PIPESTATUS[@]}"')
    assert done.text == "141 5\n"
    assert done.err.count(b"\n") == 1
    assert "limit error" in done.complaint


def test_json_errors_leave_no_half_document():
    """With `--format json` a failure is one object on standard error, and nothing is printed."""
    done = graphcalc("bad(", "--format", "json")
    assert (done.status, done.out) == (3, b"")
    assert json.loads(done.err)["error"]["code"] == "unclosed-bracket"
    done = graphcalc("1", "--format=json", "--seed", "x")
    assert (done.status, done.out) == (2, b"")
    assert json.loads(done.err)["error"]["kind"] == "usage"


# Signals

BUSY = {
    "torch": ["x @ x @ x @ x", "x=ones(9000,9000)", "--backend", "torch", "--max-memory", "64G"],
    "python": ["x @ x @ x", "x=ones(1500,1500)", "--backend", "python"],
}


def _interrupt(process, sent):
    """Send a signal into the middle of the work; the status and how long the end took."""
    began = time.monotonic()
    process.send_signal(sent)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err, time.monotonic() - began


def _wait_until_busy(process, seconds):
    """Wait until the process has computed for a while."""
    ticks = os.sysconf("SC_CLK_TCK")
    while process.poll() is None:
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        if (int(fields[11]) + int(fields[12])) / ticks > seconds:
            return
        time.sleep(0.05)


@pytest.mark.parametrize("backend", BUSY)
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_work(backend, sent):
    """Ctrl-C and SIGTERM end a run by that signal, at once and in silence, also in native code."""
    process = start(*BUSY[backend])
    _wait_until_busy(process, 4 if backend == "torch" else 1)
    status, out, err, seconds = _interrupt(process, sent)
    assert (status, out, err) == (-sent, b"", b"")
    assert seconds < 10


# Environment


def test_optimized_python():
    """The same results and failures without assertions and docstrings."""
    plain, optimized = graphcalc(*LESSON), graphcalc(*LESSON, PYTHONOPTIMIZE="2")
    assert plain == optimized
    for arguments in (["f(x)=f(x); f(1)"], ["(1 2)"], ["--functions", "pow"], ["--help"]):
        assert graphcalc(*arguments) == graphcalc(*arguments, PYTHONOPTIMIZE="2")


@pytest.mark.parametrize(
    ("environment", "unbound"), [(ASCII_LOCALE, 3), ({"PYTHONIOENCODING": "ascii"}, 2)]
)
def test_ascii_output(environment, unbound):
    """Where only ASCII can be written, boxes are ASCII and everything else is escaped."""
    done = graphcalc("f(x) = x*2; y = f(x)", "x=1", **environment)
    assert (done.status, done.err) == (0, b"")
    assert done.out.decode("ascii").splitlines()[0] == "+------+------------+-------+"
    for arguments in (["а + 1"], ["f(x) = f(x); f(1)"], ["1 + 😀"], ["--functions", "zzzé"]):
        for style in ("full", "line"):
            done = graphcalc(*arguments, "--errors", style, **environment)
            assert done.status in (2, 3)
            assert done.err.isascii()
            assert not unprintable_characters(done.err)
    for program, status in (("а + 1", unbound), ("а €", 3)):
        done = graphcalc(program, "--format", "json", **environment)
        assert done.err.isascii()
        assert (done.status, json.loads(done.err)["error"]["exit"]) == (status, status)
    for format in ("json", "jsonl", "csv", "tsv", "md", "value"):
        done = graphcalc("y = 1/x", "x=3", "--format", format, **environment)
        assert done.status == 0
        assert b"0.3333333333333333" in done.out


def test_locale_changes_no_number():
    """Numbers have a point in every locale."""
    assert graphcalc("-q", "1.5+x", "x=1.5", LC_ALL="de_DE.UTF-8") == (0, b"3\n", b"")
    assert graphcalc("-q", "1/8", LC_ALL="de_DE.UTF-8", LANG="de_DE.UTF-8").text == "0.125\n"


def test_nowhere_to_write():
    """No home, no temporary folder and no cache are needed."""
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "TMPDIR"), "/nonexistent")
    assert graphcalc("-q", "1+1", **nowhere) == (0, b"2\n", b"")
    assert graphcalc("-q", "1+1", "--backend", "torch", **nowhere) == (0, b"2\n", b"")


def test_hash_seed_changes_nothing():
    """The output is the same bytes under any hash seed, names, order and hints included."""
    program = "f(x) = x^2 + k; y = f(a) * f(b) + rand(); z = [a, b, c] / c; w = a*b + b*a"
    arguments = [program, "a=1", "b=2", "c=3", "k=4", "--format", "json"]
    found = {graphcalc(*arguments, PYTHONHASHSEED=seed) for seed in ("0", "1", "2", "random")}
    assert len(found) == 1
    assert next(iter(found)).status == 0
    wrong = ["alpha + alpine + beta + gamma + alphb", "alphx=1", "gamme=2"]
    assert len({graphcalc(*wrong, PYTHONHASHSEED=seed) for seed in ("0", "1", "random")}) == 1


def test_few_file_descriptors():
    """Sixteen open files are enough."""
    assert shell("ulimit -n 16; graphcalc -q '1+1'") == (0, b"2\n", b"")


def test_working_folder_is_not_read(tmp_path):
    """Modules, settings and folders in the working folder change nothing."""
    for name in ("typer", "rich", "lark", "json", "graphcalc", "signal", "csv", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('planted')")
    (tmp_path / "pyproject.toml").write_text("[tool.graphcalc]\nformat = 'json'\n")
    (tmp_path / ".graphcalcrc").write_text("format = json\n")
    (tmp_path / "grammars").mkdir()
    (tmp_path / "grammars" / "graphcalc.lark").write_text("program: nothing")
    # `python -m` itself looks into the working folder first: the installed script does not.
    if len(COMMAND) == 1:
        done = graphcalc(*LESSON, cwd=tmp_path)
        assert done == graphcalc(*LESSON)
        assert done.status == 0


def test_many_at_once():
    """Twenty cold starts side by side all give the answer and say nothing else."""
    script = "for i in $(seq 20); do graphcalc -q '1+1' & done; wait"
    assert shell(script) == (0, b"2\n" * 20, b"")


AUDITED = """
import os, sys
deeds = {"os." + name for name in (
    "system exec fork forkpty posix_spawn spawn remove rename mkdir rmdir chmod truncate link "
    "symlink"
).split()}
modules = set("socket subprocess ctypes shutil urllib tempfile pty mmap pickle".split())
seen = []
def watch(event, arguments):
    if event == "open":
        path, mode = arguments[0], arguments[1]
        seen.append((event, path if isinstance(path, int) else os.fsdecode(path), mode))
    elif event in deeds or event.split(".")[0] in modules:
        seen.append((event, "", ""))
sys.dont_write_bytecode = True
from graphcalc.cli.app import run
sys.addaudithook(watch)
status = run(sys.argv[1:])
print(status, file=sys.stderr)
for event, path, mode in seen:
    print(event, path, mode, sep="\\t", file=sys.stderr)
"""


def _audit(*arguments, cwd):
    """The status of a run, and the open files and other deeds that Python's audit hook saw."""
    done = python(AUDITED, *arguments, cwd=cwd)
    lines = done.complaint.splitlines()
    while lines and not lines[0].isdigit():
        lines.pop(0)
    return int(lines[0]), [tuple(line.split("\t")) for line in lines[1:]]


def _is_own(path):
    """Whether a file belongs to Python or to an installed package."""
    roots = {os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, *sys.path) if p}
    import graphcalc as package

    source = os.path.dirname(os.path.dirname(os.path.realpath(package.__file__)))
    allowed = (
        *roots,
        os.path.join(source, "graphcalc"),
        os.path.join(source, "grammars"),
        os.path.realpath(os.path.dirname(os.__file__)),
    )
    return os.path.realpath(path).startswith(tuple(root + os.sep for root in allowed))


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (LESSON, 0),
        (["-q", *LESSON], 0),
        (["--format", "json", *LESSON], 0),
        (["x", "x=secret.txt"], 2),
        (["sinn(1)"], 3),
        (["__import__('os').system('id')"], 3),
        (["--functions", "sum"], 0),
        (["rand(1e9, 1e9)"], 5),
    ],
)
def test_a_run_does_nothing_but_compute(arguments, status, tmp_path):
    """No run opens a file that is not Python's or a package's, starts anything or calls out."""
    (tmp_path / "secret.txt").write_text("1")
    found, deeds = _audit(*arguments, cwd=tmp_path)
    assert found == status
    assert [deed for deed in deeds if deed[0] != "open"] == []
    assert [deed for deed in deeds if not _is_own(deed[1]) or set(deed[2]) & set("wax+")] == []
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]


def test_the_audit_sees_files(tmp_path):
    """The audit would notice a file that a run opens: a program file is one."""
    (tmp_path / "lesson.gc").write_text("1+1")
    found, deeds = _audit("-f", "lesson.gc", cwd=tmp_path)
    assert found == 0
    assert [deed[1] for deed in deeds if not _is_own(os.path.join(tmp_path, deed[1]))] == [
        "lesson.gc"
    ]


# What is printed


def test_help_and_version():
    """Help names every option and limit that can be raised; both go to standard output."""
    for option in ("--help", "-h"):
        done = graphcalc(option)
        assert (done.status, done.err) == (0, b"")
        for name in ("--format", "--max-memory", "--max-nodes", "--seed", "--device", "--strict"):
            assert name in done.text
        assert "graphcalc 'g = (a+b)*(c*d)' a=2 b=-4 c=-2 d=2" in done.text
    done = graphcalc("--version")
    assert done.status == 0
    assert done.text.startswith("graphcalc ")


@pytest.mark.parametrize(
    "arguments", [LESSON, ["y = log(x)", "x=-1"], ["'", "x=1"], ["x[i]", "i=0"]]
)
def test_no_control_characters_off_a_terminal(arguments):
    """Off a terminal both streams hold printable characters and newlines only."""
    for more in ([], ["--errors", "full"], ["--format", "md"], ["--format", "json"]):
        done = graphcalc(*arguments, *more)
        assert not unprintable_characters(done.out)
        assert not unprintable_characters(done.err)


def test_long_table_is_announced():
    """After a thousand rows the table says how many more there are, and `--all` prints them."""
    script = 'python -c \'print("x=1\\n" + "x=x+1\\n" * 2999)\' | graphcalc -'
    lines = shell(script).text.splitlines()
    assert len(lines) == 1000 + 6
    assert lines[-1] == "2,000 more nodes (--all, or --format csv)"
    assert len(shell(script + " --all").text.splitlines()) == 3000 + 5
    assert len(shell(script + " --format csv").text.splitlines()) == 3001


@pytest.mark.slow
def test_fifty_thousand_nodes_as_csv():
    """A graph of fifty thousand nodes is printed whole."""
    script = (
        "python -c \"print('x=1\\n' + 'x=x+1\\n' * 49999)\" | graphcalc - --format csv | tail -1"
    )
    assert shell(script).text.startswith("49999,x,x'49999 + 1,add,x'49999,result,,float64,50000,")


@pytest.mark.parametrize("status", [0, 3])
def test_memory_of_a_small_run(status):
    """A small run takes less than 300 MB."""
    found, peak = status_and_peak("1 + 1" if status == 0 else "1 +")
    assert found == status
    assert peak < 300_000


def test_origins_of_many_nodes_are_found_in_little_memory(tmp_path):
    """One nan that reaches six thousand results is not noted in each node on its ways."""
    chain = "\n".join(f"y{i + 1} = y{i} + 0.1; r{i} = y{i} * 2" for i in range(6000))
    (tmp_path / "chain.gc").write_text("y0 = log(x)\n" + chain)
    status, peak = status_and_peak("-f", str(tmp_path / "chain.gc"), "x=-1", "-q")
    assert status == 0
    assert peak < 300_000


def test_intermediate_values_are_freed():
    """A chain of tensors holds a few of them at a time, not all."""
    chain = "+".join(["x", *map(str, range(1, 11))])
    one, many = (
        status_and_peak(text, "x=ones(4000000)", "--backend", "torch") for text in ("x + 1", chain)
    )
    assert one[0] == many[0] == 0
    # The allocator keeps a few freed ones at times; without freeing there would be ten more.
    assert many[1] - one[1] < 6 * 4_000_000 * 8 // 1024


def test_devices_that_are_not_there():
    """A device that torch does not see is exit code 7 with what it sees, never a fallback."""
    import torch

    count = torch.cuda.device_count()
    done = graphcalc("1", "--device", f"cuda:{count}")
    assert (done.status, done.out) == (7, b"")
    assert "torch" in done.complaint
    assert done.err.count(b"\n") == 1
    if not torch.backends.mps.is_available():
        assert graphcalc("1", "--device", "mps").status == 7


def test_processes_leave_nothing(tmp_path):
    """Runs, good and bad, leave no file behind."""
    for arguments in (LESSON, ["1 +"], ["1", "--backend", "torch"], ["x", "x=@y"]):
        graphcalc(*arguments, cwd=tmp_path, TMPDIR=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_status_is_kept_every_time():
    """A failure is never mistaken for success, however often it runs."""
    script = "for i in $(seq 10); do graphcalc -q 'x = 1; y = sinn(x)' 2>/dev/null; echo $?; done"
    assert shell(script).text == "3\n" * 10


def test_subprocess_is_the_command():
    """`python -m graphcalc` and the installed command are the same."""
    done = subprocess.run(
        [sys.executable, "-m", "graphcalc", "-q", *LESSON],
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (0, b"8\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_every_character_of_the_product_has_an_ascii_form(encoding):
    """In ASCII and Latin-1 a table with a mark stays straight."""
    lines = graphcalc("log(x)", "x=-1", PYTHONIOENCODING=encoding).text.splitlines()
    assert len({len(line) for line in lines[:-1]}) == 1
    assert not any("\\u" in line for line in lines)
