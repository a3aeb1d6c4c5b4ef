"""The table of options: what reads it, explains it and completes it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import graphcalc, shell

from graphcalc.cli.options import ADDED, OPTIONS
from graphcalc.cli.parser import parse

FLAGS = [option for option in OPTIONS if not option.metavar]
SINGLE = [option for option in OPTIONS if option.metavar and not option.is_repeatable]
REPEATABLE = [option for option in OPTIONS if option.is_repeatable]


# One use of an option: its words, its key, and its value.
VALUE = st.text(max_size=8)
OPERAND = st.one_of(
    st.text(max_size=8).filter(lambda t: not t.startswith("-")),
    st.sampled_from(["-", "-x", "-1+2", "-.5", "-(2)", "-qf", "-f=x", "-+1", "- x", "-é", "-v"]),
)
USE = st.one_of(
    st.builds(lambda text: ([text], None, text), OPERAND),
    st.sampled_from(FLAGS).flatmap(
        lambda o: st.sampled_from(o.names).map(lambda name: ([name], o, True))
    ),
    st.sampled_from(SINGLE + REPEATABLE).flatmap(
        lambda o: VALUE.map(lambda value: ([f"{o.names[-1]}={value}"], o, value))
    ),
    st.sampled_from([o for o in SINGLE + REPEATABLE if o.bare is None]).flatmap(
        lambda o: (
            st.tuples(st.sampled_from(o.names), VALUE | st.sampled_from(["-1", "--", "-q"]))
            .map(list)
            .map(lambda words: (words, o, words[1]))
        )
    ),
)


@given(st.lists(USE, max_size=8), st.none() | st.lists(st.text(max_size=4), max_size=3))
def test_options_and_operands_mix(uses, behind):
    """In any order every option gets its value, the last or all, and the operands keep theirs."""
    words = [word for use in uses for word in use[0]]
    words += [] if behind is None else ["--", *behind]
    found = parse(words)
    assert found.mistake is None
    assert found.operands == [u[2] for u in uses if u[1] is None] + (behind or [])
    for option in OPTIONS:
        given_values = [value for _, used, value in uses if used is option]
        if option.is_repeatable:
            assert getattr(found, option.key) == given_values
        else:
            unset = option.default if option.metavar else False
            assert getattr(found, option.key) == (given_values[-1] if given_values else unset)


@pytest.mark.parametrize(
    ("arguments", "rows", "operands"),
    [
        (["--rows"], "-", []),
        (["--rows", "-", "x"], "-", ["x"]),
        (["--rows", "t.csv", "x"], "t.csv", ["x"]),
        (["--rows", "-x"], "-", ["-x"]),
        (["--rows", "--only", "x"], "-", ["x"]),
        (["--rows=", "x"], "", ["x"]),
        (["--rows", "--", "x"], "-", ["x"]),
    ],
)
def test_rows_may_go_without_a_value(arguments, rows, operands):
    """`--rows` at the end or before a dash is standard input."""
    found = parse(arguments)
    assert (found.rows, found.operands, found.mistake) == (rows, operands, None)


@pytest.mark.parametrize(
    ("arguments", "message", "help"),
    [
        (["--formt", "csv"], "there is no option `--formt`", "did you mean `--format`?"),
        (["--formt=csv"], "there is no option `--formt`", "did you mean `--format`?"),
        (["--zzz"], "there is no option `--zzz`", "write -- before a program that starts so"),
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
    """No two rows share a name or a key, and every value has something that stands for it."""
    rows = (*OPTIONS, *ADDED)
    names = [name for row in rows for name in row.names]
    assert len(set(names)) == len(names)
    assert len({row.key for row in rows}) == len(rows)
    assert all(row.names[-1].startswith("--") for row in rows)
    assert all(row.help.endswith((".", "…")) for row in OPTIONS)


def test_help_lists_every_row():
    """Help has every option with its names, what stands for its value, its text and its default."""
    text = " ".join(graphcalc("--help").text.split())
    for option in OPTIONS:
        head = " ".join([", ".join(option.names), *option.metavar.split()])
        default = f" [default: {option.default}]" if option.default else ""
        assert f" {head} {option.help}{default}" in text
    for option in ADDED:
        assert f" {', '.join(option.names)} " in text


def test_help_wins_over_a_run_and_not_over_a_mistake():
    """With `--help` nothing is computed; a mistake beside it is told."""
    assert graphcalc("1 +", "--help", "--seed", "x") == graphcalc("--help")
    assert graphcalc("--help", "--zzz").status == 2
    assert graphcalc("-q", "--show", "--help", "1").status == 2


def completed(words, shell="bash"):
    """What the completion of a command line proposes for its last word."""
    if shell == "zsh":
        return graphcalc(_TYPER_COMPLETE_ARGS=words, _GRAPHCALC_COMPLETE="complete_zsh").text
    place = str(len(words.split()) - 1)
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
