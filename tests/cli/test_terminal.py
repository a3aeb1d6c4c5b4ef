"""The command on a terminal: the lesson's colours, folded tables, prompts, interrupts."""

import os
import re
import signal

import pexpect
import pytest
from running import COMMAND, LESSON, PATIENCE, clean_environment, graphcalc

_STYLE = re.compile(r"\x1b\[([0-9;]*)m")
YELLOW, BLUE = {"33", "93"}, {"34", "94"}
BROWN = re.compile(r"38;5;\d+|38;2;\d+;\d+;\d+")


def _spawn(arguments, columns, environment):
    return pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], *arguments],
        env=clean_environment(**{"TERM": "xterm-256color", **environment}),
        dimensions=(50, columns),
        encoding="utf-8",
        timeout=PATIENCE,
    )


def terminal(*arguments, columns=80, **environment):
    """Run on a terminal; its lines with their escapes, and the exit status."""
    child = _spawn(arguments, columns, environment)
    text = child.read()
    child.close()
    return text.replace("\r\n", "\n").splitlines(), child.exitstatus


def plain(lines):
    """The lines without their colours."""
    return [_STYLE.sub("", line) for line in lines]


def colours(lines, name):
    """The colour of the text in a node's row."""
    (row,) = [line for line in lines if re.match(rf"│ {name} ", _STYLE.sub("", line))]
    codes = set(_STYLE.findall(row)) - {"0", ""}
    (code,) = codes
    return code


def test_lesson_in_its_colours():
    """On a terminal inputs are yellow, operations blue and results brown."""
    lines, status = terminal(*LESSON)
    assert status == 0
    assert {colours(lines, name) for name in "abcd"} <= YELLOW
    assert {colours(lines, name) for name in "ef"} <= BLUE
    assert BROWN.fullmatch(colours(lines, "g"))


def test_the_table_is_the_same_on_a_terminal():
    """But for colours and the header's weight, a terminal shows what a file gets."""
    lines, _ = terminal(*LESSON)
    assert [line.rstrip() for line in plain(lines)] == graphcalc(*LESSON).text.splitlines()


@pytest.mark.parametrize(
    ("options", "environment", "is_coloured"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, True),
        (["--color", "never"], {}, False),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        ([], {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--color=never"], {}, False),
    ],
)
def test_colour_on_a_terminal(options, environment, is_coloured):
    """Colour on a terminal follows --color first, then NO_COLOR, then what the terminal can."""
    lines, status = terminal(*options, *LESSON, **environment)
    assert status == 0
    assert any(re.search(r"\x1b\[[0-9;]*3\d", line) for line in lines) == is_coloured
    assert "│ g    │ e * f      │ 8     │" in plain(lines)


@pytest.mark.parametrize(
    ("options", "environment", "is_coloured"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        (["--format", "csv"], {"FORCE_COLOR": "1"}, False),
        (["--format", "json"], {"FORCE_COLOR": "1"}, False),
        (["-q"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_in_a_file(options, environment, is_coloured):
    """Off a terminal there is colour only where it is asked for, and never in data."""
    done = graphcalc(*options, *LESSON, **environment)
    assert done.status == 0
    assert (b"\x1b" in done.out) == is_coloured


MARKUP = ["x[i]", "x[0:2]", "x[bold]", "x[red, None]", "x[:smile:2]", "[u, u]", "x[link]"]


@pytest.mark.parametrize("expression", MARKUP)
def test_markup_in_expressions_is_text(expression):
    """What looks like a terminal library's markup is shown as it was written."""
    program = f"i = 1; bold = 1; red = 1; smile = 1; link = 1; u = sin(x[0]); y = {expression}"
    for columns in (80, 200):
        lines, status = terminal(program, "x=[1,2,3]", columns=columns)
        assert status == 0
        assert any(f"│ {expression} " in line for line in plain(lines))


def test_markup_in_complaints_is_text():
    """An error drawn on a terminal keeps the brackets of the program."""
    lines, status = terminal("[/bold] + [red]x[/red]")
    assert status == 3
    assert any("[/bold] + [red]x[/red]" in line for line in lines)


PIECES = ["u", *["v"] * 80]
LONG_ARGUMENTS = [f"u = sin(x); v = cos(x); y = [{', '.join(PIECES)}]", "x=1"]


@pytest.mark.parametrize("columns", [30, 40, 80, 200])
def test_tables_fold_to_the_terminal(columns):
    """On a terminal no line is wider than it, and no character of an expression is lost."""
    lines, status = terminal(*LONG_ARGUMENTS, columns=columns)
    assert status == 0
    assert max(map(len, plain(lines))) <= columns
    rows = [line.split("│") for line in plain(lines) if line.startswith("│")]
    expression = "".join(row[2].strip() for row in rows).replace(" ", "")
    assert f"[{','.join(PIECES)}]" in expression


def test_tables_never_fold_in_a_file():
    """Off a terminal a long expression stays on one line, whatever the width is said to be."""
    for environment in ({}, {"COLUMNS": "20"}, {"COLUMNS": "0"}, {"TERM": "dumb"}):
        done = graphcalc(*LONG_ARGUMENTS, **environment)
        assert any(f"[{', '.join(PIECES)}]" in line for line in done.text.splitlines())
        assert len({len(line) for line in done.text.splitlines()[:-1]}) == 1


@pytest.mark.parametrize("columns", ["0", "-5", "x"])
def test_odd_widths(columns):
    """A width that makes no sense neither fails nor prints nothing."""
    lines, status = terminal(*LESSON, COLUMNS=columns)
    assert status == 0
    assert "8" in "".join(plain(lines))


def test_numbers_are_short_on_a_terminal_and_marked():
    """A terminal shows seven digits with a mark where some are left out; a file all of them."""
    lines, _ = terminal("x = 1/3; y = 0.25; z = 2^60")
    text = "\n".join(plain(lines))
    assert "0.3333333…" in text
    assert "0.25 " in text
    assert str(2**60) in text or "1.152921504606847e+18" in text
    assert "0.3333333333333333" in graphcalc("x = 1/3").text


def test_errors_are_drawn_on_a_terminal():
    """On a terminal a failure is drawn with its line and carets."""
    lines, status = terminal("1 + (2")
    assert status == 3
    assert lines == [
        "error: `(` is never closed",
        "  <program>:1:5",
        "    1 | 1 + (2",
        "      |     ^",
        "  a `)` is missing before the end of the input",
    ]


def test_no_arguments_on_a_terminal():
    """Without arguments on a terminal the usage and an example are shown; nothing waits."""
    lines, status = terminal(columns=200)
    assert status == 2
    assert "usage: graphcalc [OPTIONS] [PROGRAM] [NAME=VALUE]..." in "\n".join(lines)
    assert "for example: graphcalc 'g = (a+b)*(c*d)' a=2 b=-4 c=-2 d=2" in "\n".join(lines)


def test_typing_a_program():
    """A program can be typed, with a word on how to end it."""
    child = _spawn(["-", "a=2"], 80, {})
    child.expect_exact("reading from the terminal; Ctrl-D to end")
    child.sendline("g = a * 21")
    child.sendeof()
    text = _STYLE.sub("", child.read())
    child.close()
    assert child.exitstatus == 0
    assert re.search(r"│ g +│ a \* 21 +│ 42 +│", text)


def test_interrupt_at_the_prompt():
    """Ctrl-C at the prompt ends the process by SIGINT, as shells expect."""
    child = _spawn(["-"], 80, {})
    child.expect_exact("Ctrl-D to end")
    child.sendintr()
    rest = child.read()
    child.close()
    assert child.signalstatus == signal.SIGINT
    assert "Traceback" not in rest


def test_interrupt_stops_a_loop_of_the_shell():
    """Ctrl-C inside a shell's loop ends the loop too, since graphcalc dies by the signal."""
    script = f'while true; do {" ".join(COMMAND)} -; done; echo "went on"'
    child = pexpect.spawn(
        "bash",
        ["--norc", "-c", script],
        env=clean_environment(TERM="dumb"),
        encoding="utf-8",
        timeout=PATIENCE,
    )
    child.expect_exact("Ctrl-D to end")
    os.killpg(os.getpgid(child.pid), signal.SIGINT)
    rest = child.read()
    child.close()
    assert "went on" not in rest
    assert "Ctrl-D" not in rest


def test_long_tables_end_on_a_terminal():
    """On a terminal a table of many nodes is cut after a thousand rows, and says so."""
    program = "x = 1; " + "x = x + 1; " * 1500
    lines, status = terminal(program)
    assert status == 0
    said = " ".join(line.strip() for line in plain(lines)[-3:])
    assert said.endswith("501 more nodes (--all, or --format csv)")


DESCENT = ("y = (x - 3)^2", "x=0", "--minimize", "y", "--update", "x", "--lr", "0.1")


def test_a_descent_shows_its_progress():
    """On a terminal a bar with the loss is drawn while it goes on, and is gone afterwards."""
    lines, status = terminal(*DESCENT, "--iterations", "3000", "--tolerance", "0", columns=100)
    text = "\n".join(plain(lines))
    assert status == 0
    assert re.search(r"y [\d.e-]+ .*\d+/3000", text)
    last = plain(lines)[-1]
    assert "y 9 → " in last
    assert "3,000 iterations of sgd, lr 0.1" in last


def test_no_progress_off_a_terminal():
    """Off a terminal a descent writes its table and one line, and nothing on standard error."""
    run = graphcalc(*DESCENT)
    assert run.complaint == ""
    assert run.text.splitlines()[-1].startswith("y 9 → ")


def test_rows_show_their_progress(tmp_path):
    """Rows that take more than a second show a bar on a terminal, which goes when they are done."""
    words = " ".join(f"'{word}'" for word in COMMAND)
    feed = "(echo a; for i in 1 2 3 4 5 6; do echo $i; sleep 0.4; done)"
    script = f"{feed} | {words} 'g = a * 2' --rows - > {tmp_path}/out.csv"
    child = pexpect.spawn(
        "bash",
        ["-c", script],
        env=clean_environment(TERM="xterm-256color"),
        dimensions=(50, 100),
        encoding="utf-8",
        timeout=PATIENCE,
    )
    text = child.read()
    child.close()
    assert child.exitstatus == 0
    assert re.search(r"\d rows", text)
    assert "bytes" in text
    assert text.endswith("\x1b[2K")
    assert (tmp_path / "out.csv").read_text().splitlines()[-1] == "6,12"
    quick = _spawn(["g = 1", "--rows", str(tmp_path / "out.csv"), "--only"], 100, {})
    assert "rows" not in quick.read()
