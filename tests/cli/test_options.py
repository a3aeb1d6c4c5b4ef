"""The table of options: what reads it, checks it, explains it and completes it."""

import re
import typing
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import graphcalc, shell

from graphcalc import backends, diagnostics
from graphcalc.cli.options import ADDED, BY_NAME, GROUPS, OPTIONS
from graphcalc.cli.parser import CommandLine, check, parse
from graphcalc.data import loading, results
from graphcalc.graph import lowering
from graphcalc.report import gradcheck, plan
from graphcalc.rows import formats as row_formats

# A text for the value of every option, and the value that it is read as.
SAMPLES = {
    "file": ("p.gc", "p.gc"),
    "inputs": ("t.csv", "t.csv"),
    "input_format": ("csv", "csv"),
    "delimiter": ("\\t", "\t"),
    "encoding": ("latin-1", "latin-1"),
    "missing": ("nan", "nan"),
    "na": ("-, 9999", ("-", "9999")),
    "thousands": (",", ","),
    "decimal": (",", ","),
    "backend": ("torch", "torch"),
    "device": ("cuda:3", "cuda:3"),
    "dtype": ("float32", "float32"),
    "seed": ("7", 7),
    "threads": ("2", 2),
    "digits": ("3", 3),
    "grad": ("g", "g"),
    "wrt": ("a, b", ("a", "b")),
    "seed_grad": ("2", None),
    "minimize": ("g", "g"),
    "update": ("w,b", ("w", "b")),
    "lr": ("0.5", 0.5),
    "iterations": ("3", 3),
    "optimizer": ("adam", "adam"),
    "tolerance": ("0", 0.0),
    "format": ("csv", "csv"),
    "show": ("a,g", ("a", "g")),
    "save": ("g=o.npy", results.SaveTarget("o.npy", "npy", "g")),
    "output": ("o.txt", "o.txt"),
    "color": ("never", "never"),
    "errors": ("full", "full"),
    "graph": ("g.svg", "g.svg"),
    "depth": ("2", 2),
    "layout": ("dot", "dot"),
    "rows": ("t.csv", "t.csv"),
    "to": ("jsonl", "jsonl"),
    "on_error": ("skip", "skip"),
    "max_memory": ("2K", 2048),
    "max_nodes": ("9", 9),
}
# Texts that the value of no option is. What is a file, a name or an expression is free, and only
# a run tells whether there is such a one.
RUBBISH = {option.key: "\0rubbish" for option in OPTIONS if option.metavar}
RUBBISH |= {"seed_grad": "1 +", "wrt": " , ", "update": ",", "show": ",", "na": ","}
FREE = {"file", "inputs", "grad", "minimize", "output", "rows"}
VALUED = [option for option in OPTIONS if option.metavar]


def read(option, text):
    """The value that a command line gives an option."""
    command = parse([f"{option.name}={text}"])
    assert command.mistake is None
    return getattr(command, option.key)


def refused(*arguments):
    """The diagnostic of a command line that is refused before anything runs."""
    command = parse(arguments)
    if command.mistake is not None:
        return command.mistake.diagnostic
    with pytest.raises(diagnostics.UsageError) as caught:
        check(command)
    return caught.value.diagnostic


def words(option):
    """A use of an option, and of what it requires."""
    needed = words(BY_NAME[option.requires]) if option.requires else []
    value = [SAMPLES[option.key][0]] if option.metavar else []
    return [*needed, option.name, *value]


@pytest.mark.parametrize("option", VALUED, ids=lambda option: option.key)
def test_readers(option):
    """Every reader reads its sample, and refuses rubbish with an error that names the option."""
    text, value = SAMPLES[option.key]
    found = read(option, text)
    if value is not None:
        assert found == ((value,) if option.repeats else value)
    if option.key in FREE:
        assert read(option, "\0rubbish")
    else:
        mistake = parse([f"{option.name}={RUBBISH[option.key]}"]).mistake
        assert isinstance(mistake, diagnostics.UsageError)
        assert option.name in str(mistake)


@pytest.mark.parametrize("option", VALUED, ids=lambda option: option.key)
def test_empty_values_are_refused(option):
    """An empty value is a mistake that names the option, under each of its names."""
    for name in option.names:
        for arguments in ([name, ""], [f"{name}="]):
            if "=" not in arguments[0] or name.startswith("--"):
                assert refused(*arguments).message == f"{name} has an empty value"


@pytest.mark.parametrize(
    ("option", "other"),
    [(option, other) for option in OPTIONS for other in option.excludes],
    ids=lambda part: getattr(part, "key", part),
)
def test_excluded_pairs_are_refused(option, other):
    """Options that exclude each other are refused in either order, by name."""
    for first, second in permutations((words(option), words(BY_NAME[other]))):
        message = refused(*first, *second).message
        assert option.name in message
        assert "goes with" in message
    assert graphcalc("g = a", "a=1", *words(option), *words(BY_NAME[other])).status == 2


@pytest.mark.parametrize(
    "option", [option for option in OPTIONS if option.requires], ids=lambda option: option.key
)
def test_requirements(option):
    """An option that means nothing without another is refused alone, and passes with it."""
    value = [SAMPLES[option.key][0]] if option.metavar else []
    other = BY_NAME[option.requires]
    diagnostic = refused(option.name, *value)
    assert diagnostic.message == f"{option.name} goes with {other.name} {other.metavar}"
    check(parse(words(option)))


@pytest.mark.parametrize(
    "option", [option for option in OPTIONS if option.formats], ids=lambda option: option.key
)
def test_formats(option):
    """An option is refused with the formats that it does not go with, and with no other."""
    for format in BY_NAME["--format"].choices:
        arguments = (*words(option), "--format", format)
        own = {"quiet": "value", "steps": "steps"}.get(option.key)
        if format in option.formats or (own and format == "table"):
            check(parse(arguments))
        else:
            assert "goes with --format " in refused(*arguments).message


def test_the_check_notices_what_a_row_says():
    """What is refused is what the table says: a pair that no row excludes passes."""
    check(parse(["--grad", "g", "--profile", "--strict", "--threads", "2", "--trace-nan"]))
    assert "--rows" not in BY_NAME["--grad"].excludes


@pytest.mark.parametrize(
    ("arguments", "help"),
    [
        (["-q", "--check"], "-q is --format value"),
        (["--steps", "--check"], "--steps is --format steps"),
        (["--rows", "--to", "csv", "--format", "tsv"], "one of the two is enough"),
        (["--rows", "--save", "o.npz"], "-o FILE writes the rows"),
        (["--profile", "--compile"], "torch.compile makes one function of all nodes"),
    ],
)
def test_hints(arguments, help):
    """A refusal says why, or what to write, where that is not plain."""
    assert refused(*arguments).help == help


def test_fields_are_the_tables():
    """The fields of a command line are the rows of the table, with values of their types."""
    names = {"Binding": lowering.Binding, "SaveTarget": results.SaveTarget}
    fields = typing.get_type_hints(CommandLine, localns=names)
    rows = {option.key: option for option in (*OPTIONS, *ADDED)}
    assert fields.keys() == {*rows, "operands", "mistake"}
    unset = parse([])
    for key, option in rows.items():
        values = [getattr(unset, key)]
        values.append(read(option, SAMPLES[key][0]) if option.metavar else True)
        for value in values:
            types = typing.get_args(fields[key]) or (fields[key],)
            if typing.get_origin(fields[key]) is tuple:
                assert all(isinstance(element, types[0]) for element in value), key
            else:
                assert type(value) in types, key


def test_choices_are_those_of_what_is_run():
    """The choices and formats of the table are those of the modules that know them."""
    assert BY_NAME["--backend"].choices == backends.choose.BACKENDS
    assert set(BY_NAME["--to"].choices) == set(row_formats.FORMATS)
    assert set(BY_NAME["--input-format"].choices) == set(loading.FORMATS)
    assert BY_NAME["--check"].formats == plan.FORMATS
    assert BY_NAME["--check-grad"].formats == gradcheck.FORMATS


def uses(option):
    """A strategy for one use of an option: its words, the option, and its value."""
    if not option.metavar:
        return st.sampled_from(option.names).map(lambda name: ([name], option, True))
    text, value = SAMPLES[option.key]
    value = read(option, text) if value is None else value
    spellings = [[f"{option.name}={text}"], *([name, text] for name in option.names)]
    return st.sampled_from(spellings).map(lambda spelling: (spelling, option, value))


OPERAND = st.one_of(
    st.text(max_size=8).filter(lambda t: not t.startswith("-")),
    st.sampled_from(["-", "-x", "-1+2", "-.5", "-(2)", "-qf", "-f=x", "-+1", "- x", "-é", "-v"]),
)
USE = st.one_of(
    st.builds(lambda text: ([text], None, text), OPERAND),
    st.sampled_from(OPTIONS).flatmap(uses),
)


@given(st.lists(USE, max_size=8), st.none() | st.lists(st.text(max_size=4), max_size=3))
def test_options_and_operands_mix(uses, behind):
    """In any order every option gets its value, the last or all, and the operands keep theirs."""
    arguments = [word for use in uses for word in use[0]]
    arguments += [] if behind is None else ["--", *behind]
    found = parse(arguments)
    assert found.mistake is None
    assert found.operands == [u[2] for u in uses if u[1] is None] + (behind or [])
    for option in OPTIONS:
        values = [value for _, used, value in uses if used is option]
        if option.repeats:
            assert getattr(found, option.key) == tuple(values)
        elif option.key != "seed_grad":
            assert getattr(found, option.key) == (values[-1] if values else option.unset)
        assert found.has(option) == bool(values)


@pytest.mark.parametrize(
    ("arguments", "rows", "operands"),
    [
        (["--rows"], "-", []),
        (["--rows", "-", "x"], "-", ["x"]),
        (["--rows", "t.csv", "x"], "t.csv", ["x"]),
        (["--rows", "-x"], "-", ["-x"]),
        (["--rows", "--only", "x"], "-", ["x"]),
        (["--rows", "--", "x"], "-", ["x"]),
    ],
)
def test_rows_may_go_without_a_value(arguments, rows, operands):
    """`--rows` at the end or before a dash is standard input."""
    found = parse(arguments)
    assert (found.rows, found.operands, found.mistake) == ((rows,), operands, None)


@pytest.mark.parametrize(
    ("arguments", "message", "help"),
    [
        (["--formt", "csv"], "there is no option `--formt`", "did you mean `--format`?"),
        (["--formt=csv"], "there is no option `--formt`", "did you mean `--format`?"),
        (["--zzz"], "there is no option `--zzz`", "see --help"),
        (["--quiet=1"], "option '--quiet' does not take a value", ""),
        (["--help=1"], "option '--help' does not take a value", ""),
        (["1", "--seed"], "option '--seed' requires an argument", ""),
        (["-f"], "option '-f' requires an argument", ""),
        (["--zzz", "--seed"], "there is no option `--zzz`", None),
        (
            ["--install-completio"],
            "there is no option `--install-completio`",
            "did you mean `--install-completion`?",
        ),
    ],
)
def test_mistakes(arguments, message, help):
    """The first mistake is told, with a hint where a name is nearly one of the table's."""
    diagnostic = parse(arguments).mistake.diagnostic
    assert diagnostic.message == message
    assert help is None or diagnostic.help == help


@pytest.mark.parametrize("arguments", [["--zzz", "--format", "json"], ["--format=json", "--seed"]])
def test_a_mistake_is_told_in_the_format_that_is_asked_for(arguments):
    """What stands before and behind a mistake says how it is written."""
    done = graphcalc(*arguments)
    assert (done.status, done.out) == (2, b"")
    assert done.complaint.startswith('{"error"')


def test_names_and_keys_are_unique():
    """No two rows share a name or a key, and every help text is a sentence."""
    rows = (*OPTIONS, *ADDED)
    names = [name for row in rows for name in row.names]
    assert len(set(names)) == len(names)
    assert len({row.key for row in rows}) == len(rows)
    assert all(row.name.startswith("--") for row in rows)
    assert all(row.help.endswith((".", "…")) for row in rows)


def test_help_lists_every_row():
    """Help has every option under its heading, on one line, with its value and its default."""
    lines = graphcalc("--help").text.splitlines()
    for heading, options in GROUPS.items():
        options = (*options, *(ADDED if heading == "Help" else ()))
        start = lines.index(f"{heading}:") + 1
        section = lines[start : lines.index("", start)]
        text = " ".join(" ".join(section).split()) + " -"
        for option in options:
            head = " ".join([", ".join(option.names), *option.metavar.split()])
            is_shown = option.metavar and option.unset not in (None, ())
            default = f" [default: {option.unset}]" if is_shown else ""
            assert f" {head} {option.help}{default} -" in f" {text}"
        # The formats alone take two lines.
        assert len(section) == len(options) + (heading == "Output")
    assert all(len(line) <= 80 for line in lines)


def test_help_wins_over_a_run_and_not_over_a_mistake():
    """With `--help` nothing is computed; a mistake beside it is told."""
    assert graphcalc("1 +", "--help", "--seed", "x") == graphcalc("--help")
    assert graphcalc("--help", "--zzz").status == 2
    assert graphcalc("-q", "--show", "--help", "1").status == 2


def completed(words, shell="bash"):
    """What the completion of a command line proposes for its last word."""
    if shell == "zsh":
        return graphcalc(_TYPER_COMPLETE_ARGS=words, _GRAPHCALC_COMPLETE="complete_zsh").text
    place = str(len(words.split()) - (not words.endswith(" ")))
    environment = {"COMP_WORDS": words, "COMP_CWORD": place, "_GRAPHCALC_COMPLETE": "complete_bash"}
    done = graphcalc(**environment)
    assert (done.status, done.err) == (0, b"")
    return done.text.split()


def test_every_option_is_completed():
    """A shell is told the long name of every row, also after an operand and an open bracket."""
    long = {option.names[-1] for option in (*OPTIONS, *ADDED)}
    assert set(completed("graphcalc --")) == long
    assert completed("graphcalc 1+( --max-m") == ["--max-memory"]
    assert set(completed("graphcalc --check --zzz --see")) == {"--seed", "--seed-grad"}


def test_choices_are_completed():
    """A shell is told the values of every option that has a list of them."""
    for option in OPTIONS:
        if option.choices:
            assert tuple(completed(f"graphcalc {option.name} ")) == option.choices
    assert completed("graphcalc 1+1 --dtype b") == ["bfloat16"]


def test_completion_explains():
    """Where a shell shows descriptions, they are the rows' own."""
    (option,) = [option for option in OPTIONS if option.key == "strict"]
    assert f'"--strict":"{option.help}"' in completed("graphcalc --str", "zsh")


def test_completion_is_installed(tmp_path):
    """`--install-completion` writes for the shell what `--show-completion` shows."""
    shown = shell("graphcalc --show-completion; true", HOME=str(tmp_path))
    assert "_GRAPHCALC_COMPLETE=complete_bash" in shown.text
    assert list(tmp_path.iterdir()) == []
    done = shell("graphcalc --install-completion; true", HOME=str(tmp_path))
    assert "bash completion installed" in done.text
    (script,) = tmp_path.glob(".bash_completions/*")
    assert script.read_text().split() == shown.text.split()
    assert re.search(rf"source '?{re.escape(str(script))}", (tmp_path / ".bashrc").read_text())


def test_an_empty_variable_asks_for_nothing():
    """The variable for completion does nothing where it is empty."""
    assert graphcalc("-q", "1+1", _GRAPHCALC_COMPLETE="") == (0, b"2\n", b"")


def test_odd_questions_for_completion_are_refused():
    """A shell that leaves out what it has to say is told so, without a traceback."""
    done = graphcalc(_GRAPHCALC_COMPLETE="complete_bash")
    assert done.status == 2
    assert "completion" in done.complaint
